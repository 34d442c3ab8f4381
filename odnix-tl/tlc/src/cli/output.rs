//! How a command ends, and what it prints.

use std::{
    fmt::Display,
    io::{self, BufWriter, StdoutLock, Write as _},
    process::ExitCode,
};

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to object to.
    Fine,
    /// Something that has been shown already.
    Faulty,
}

impl Verdict {
    pub(super) fn faulty_if(is_faulty: bool) -> Self {
        if is_faulty { Self::Faulty } else { Self::Fine }
    }
}

/// Why a command stopped.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was to be examined has a fault.
    Faulty(String),
    /// There is no answer, because a file cannot be used, or what was asked makes no sense.
    Unusable(String),
    /// Standard output does not take what it is given.
    Output(io::Error),
}

/// What running a command comes to.
pub(super) type Outcome<T = Verdict> = Result<T, Failure>;

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Failure {
    /// Says why, and gives the exit code.
    pub(super) fn show(&self) -> ExitCode {
        let (message, code) = match self {
            Self::Faulty(message) => (message.clone(), 1),
            Self::Unusable(message) => (message.clone(), 2),
            // Whoever read our output has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Output(error) => (format!("cannot write the output: {error}"), 2),
        };
        note(&format_args!("tlc: {message}"));
        ExitCode::from(code)
    }
}

/// Writes a line to standard error; if nobody reads it, nothing is lost.
pub(super) fn note(line: &dyn Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Standard output, for many lines; to be flushed.
pub(super) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Prints a JSON array, one element in a line.
pub(super) fn show_array(elements: &[serde_json::Value]) -> Outcome<()> {
    let mut out = stdout();
    let lines: Vec<_> = elements.iter().map(ToString::to_string).collect();
    let edge = if lines.is_empty() { "" } else { "\n" };
    writeln!(out, "[{edge}{}{edge}]", lines.join(",\n"))?;
    Ok(out.flush()?)
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The columns of a table, each as wide as its widest cell; the last one ends where it ends.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: String =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
        cells.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
