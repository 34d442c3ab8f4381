//! The targets of docs/performance.md, measured.
//!
//! A row is a declaration in one of the files of [`rows`]: what it is, its target, and a function
//! that measures it beside what it is compared with.

pub mod clock;
pub mod picture;
mod rows;
pub mod sample;
pub mod table;

use odnix_kernels::{Kernels, Level};
use sample::{Effort, Time};
use serde_json::Value;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How often ours fits into the time of what it is compared with.
    Ratio,
    Micros,
    Bytes,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ratio => "×",
            Self::Micros => "µs",
            Self::Bytes => "B",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    /// 1 when just met, more when better.
    pub fn reached_by(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(least) => value / least,
            Self::AtMost(most) => most / value,
        }
    }
}

/// Where a target holds.
#[derive(Clone, Copy, Debug)]
pub enum Levels {
    All,
    /// Below, the figure is only told.
    From(Level),
    /// Elsewhere there is no such row.
    Only(Level),
}

impl Levels {
    fn have_row_at(self, level: Level) -> bool {
        !matches!(self, Self::Only(one) if one != level)
    }

    fn hold_at(self, level: Level) -> bool {
        match self {
            Self::All => true,
            Self::From(least) => level >= least,
            Self::Only(one) => level == one,
        }
    }
}

/// One line of the table.
pub struct Row {
    pub name: &'static str,
    /// What it is measured beside, or nothing.
    pub beside: &'static str,
    pub unit: Unit,
    pub target: Target,
    pub levels: Levels,
    pub measure: fn(&Lab) -> Measured,
}

/// What rows measure with.
pub struct Lab {
    pub kernels: Kernels,
    pub effort: Effort,
    /// What the bench `scale` wrote, if it ran.
    pub scale: Option<Value>,
}

pub struct Measurement {
    pub value: f64,
    /// The times that it came from.
    pub times: Vec<Time>,
}

/// Why a row could not be measured here.
#[derive(Debug)]
pub struct Absent(pub &'static str);

pub type Measured = Result<Measurement, Absent>;

/// Theirs over ours.
pub fn ratio([ours, theirs]: [Time; 2]) -> Measured {
    Ok(Measurement { value: theirs.ns / ours.ns, times: vec![ours, theirs] })
}

/// A row with its figure.
pub struct Line {
    pub row: &'static Row,
    pub measured: Measured,
    /// `None` where the level has none.
    pub target: Option<Target>,
}

impl Line {
    /// `None` without a target or a figure.
    pub fn is_met(&self) -> Option<bool> {
        let measured = self.measured.as_ref().ok()?;
        Some(self.target?.is_met_by(measured.value))
    }
}

/// All rows, in the order of the table.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    rows::ALL.iter().copied().flatten()
}

/// Measures the rows of the level whose name contains `filter`, and tells each before it starts.
pub fn run(lab: &Lab, filter: &str, mut tell: impl FnMut(&Row)) -> Vec<Line> {
    let level = lab.kernels.level();
    rows()
        .filter(|row| row.levels.have_row_at(level) && row.name.contains(filter))
        .map(|row| {
            tell(row);
            let target = row.levels.hold_at(level).then_some(row.target);
            Line { row, measured: (row.measure)(lab), target }
        })
        .collect()
}
