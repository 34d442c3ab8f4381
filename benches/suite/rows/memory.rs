//! Bytes of what is idle, as the bench `scale` counted them: an allocator that counts would slow the
//! other rows down.

use super::super::{Absent, Lab, Levels, Measured, Measurement, Row, Target, Unit};

/// Of so many, or more.
const SESSIONS_MIN: u64 = 100_000;

pub const ROWS: &[Row] = &[
    row("idle session, of 100,000", 1024.0, |lab| counted(lab, "session_bytes")),
    row("idle connection with its session", 4096.0, |lab| counted(lab, "connection_bytes")),
];

const fn row(name: &'static str, most: f64, measure: fn(&Lab) -> Measured) -> Row {
    let target = Target::AtMost(most);
    Row { name, beside: "", unit: Unit::Bytes, target, levels: Levels::All, measure }
}

fn counted(lab: &Lab, what: &str) -> Measured {
    let counted = lab.scale.as_ref().ok_or(Absent("no --scale FILE"))?;
    let rows = counted["scale"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["sessions"].as_u64() >= Some(SESSIONS_MIN));
    let bytes = row.and_then(|row| row[what].as_f64());
    let value = bytes.ok_or(Absent("not counted for 100,000 sessions"))?;
    Ok(Measurement { value, times: vec![] })
}
