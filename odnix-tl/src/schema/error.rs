//! Faults and warnings: where they are, what they say, and the picture of their place.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt::{self, Write as _};

use super::Position;

/// How many faults of one text are reported: more than anybody mends at once, and few enough
/// that hostile text costs no memory.
const REPORTS_MAX: usize = 100;

/// How many characters of a line a report keeps: a terminal shows them in one row.
const SOURCE_MAX: usize = 100;

/// How many of them are before the fault, at most.
const SOURCE_BEFORE_MAX: usize = 60;

/// How many characters of a name or a type a message repeats: no name in use is longer.
const QUOTE_MAX: usize = 64;

/// One fault of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaError {
    /// Where it is.
    pub position: Position,
    /// How many characters it has there, at least one.
    pub len: u32,
    /// What was expected, what was found, and where it helps, what to do.
    pub message: String,
    /// The line of the fault; of a long one the part around it, with `…` for the rest.
    pub source: String,
    /// How many characters of `source` are before the fault.
    pub offset: u32,
}

/// Something that a schema may have, but probably should not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaWarning {
    /// What it is about.
    pub kind: WarningKind,
    /// Where it is.
    pub position: Position,
    /// How many characters it has there, at least one.
    pub len: u32,
    /// What it is.
    pub message: String,
    /// The line; of a long one the part around the place, with `…` for the rest.
    pub source: String,
    /// How many characters of `source` are before the place.
    pub offset: u32,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum WarningKind {
    /// A declared id that is not the computed one.
    IdMismatch,
    /// Documentation of nothing.
    Documentation,
}

impl SchemaError {
    /// The message with the path of the schema before it, and below it the line of the fault
    /// with a mark under it.
    pub fn render(&self, path: &str) -> impl fmt::Display {
        let Self { position, len, message, source, offset } = self;
        Picture { path, level: "", position, len: *len, message, source, offset: *offset }
    }
}

impl SchemaWarning {
    /// The message with the path of the schema before it, and below it the line with a mark
    /// under the place.
    pub fn render(&self, path: &str) -> impl fmt::Display {
        let Self { kind: _, position, len, message, source, offset } = self;
        Picture { path, level: "warning: ", position, len: *len, message, source, offset: *offset }
    }
}

impl core::error::Error for SchemaError {}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}

impl fmt::Display for SchemaWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: warning: {}", self.position, self.message)
    }
}

struct Picture<'a, 'p> {
    path: &'p str,
    level: &'static str,
    position: &'a Position,
    len: u32,
    message: &'a str,
    source: &'a str,
    offset: u32,
}

impl fmt::Display for Picture<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, level, position, message, source, .. } = self;
        writeln!(f, "{path}:{position}: {level}{message}")?;
        let line = format!("{}", position.line);
        let gutter = line.len();
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{line} |{}{source}", if source.is_empty() { "" } else { " " })?;
        write!(f, "{:gutter$} | ", "")?;
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        for before in source.chars().take(offset) {
            // A tab below a tab is as wide as it is.
            let blank = if before == '\t' { "\t" } else { " " };
            (0..cells(before)).try_for_each(|_| f.write_str(blank))?;
        }
        let width: usize = source.chars().skip(offset).take(len).map(cells).sum();
        (0..width.max(1)).try_for_each(|_| f.write_char('^'))
    }
}

/// How many cells of a terminal a character takes.
fn cells(shown: char) -> usize {
    match shown {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The first faults of a text, in whatever order they are found.
#[derive(Default)]
pub(super) struct Faults {
    /// By place, and in one place as they came.
    kept: BTreeMap<(Position, usize), (u32, String)>,
    count: usize,
    /// The first of those that are left out.
    left_out: Option<Position>,
}

impl Faults {
    /// Takes one of `len` characters, unless there are enough before it.
    pub fn push(&mut self, position: Position, len: u32, message: String) {
        // Where the parser goes back to the start of a line, it may find a fault again.
        let last = self.kept.range((position, 0)..=(position, usize::MAX)).next_back();
        if last.is_some_and(|(_, (_, last))| *last == message) {
            return;
        }
        self.kept.insert((position, self.count), (len.max(1), message));
        self.count = self.count.saturating_add(1);
        if self.kept.len() > REPORTS_MAX
            && let Some(((position, _), _)) = self.kept.pop_last()
        {
            self.left_out = Some(self.left_out.map_or(position, |first| first.min(position)));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What to report, with the lines of `text`.
    pub fn into_errors(mut self, text: &str) -> Vec<SchemaError> {
        if let Some(position) = self.left_out {
            let more = self.count.saturating_sub(self.kept.len());
            let are = if more == 1 { "is" } else { "are" };
            let message = format!("{more} more from here on {are} left out");
            self.kept.insert((position, self.count), (1, message));
        }
        let mut lines = without_bom(text).split('\n').zip(1_usize..);
        let mut current = ("", 0);
        let mut errors = Vec::with_capacity(self.kept.len());
        for ((position, _), (len, message)) in self.kept {
            let number = usize::try_from(position.line).unwrap_or(usize::MAX);
            while current.1 < number
                && let Some(line) = lines.next()
            {
                current = line;
            }
            let (source, offset) = excerpt(current.0, position.column);
            errors.push(SchemaError { position, len, message, source, offset });
        }
        errors
    }

    /// The same, as warnings.
    pub fn into_warnings(self, kind: WarningKind, text: &str) -> Vec<SchemaWarning> {
        let warning = |error| {
            let SchemaError { position, len, message, source, offset } = error;
            SchemaWarning { kind, position, len, message, source, offset }
        };
        self.into_errors(text).into_iter().map(warning).collect()
    }
}

/// The part of a line around a column, and how much of it is before that column.
fn excerpt(line: &str, column: u32) -> (String, u32) {
    let line = line.trim_end();
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let is_long = line.chars().nth(SOURCE_MAX).is_some();
    let from = if is_long { column.saturating_sub(SOURCE_BEFORE_MAX) } else { 0 };
    let mut source = String::from(if from > 0 { "…" } else { "" });
    let mut chars = line.chars().skip(from);
    source.extend(chars.by_ref().take(SOURCE_MAX).map(visible));
    if chars.next().is_some() {
        source.push('…');
    }
    let offset = column.saturating_sub(from).saturating_add(usize::from(from > 0));
    (source, u32::try_from(offset).unwrap_or(u32::MAX))
}

/// Nothing that moves the cursor of a terminal, or that Rust forbids in a comment.
pub(super) fn visible(shown: char) -> char {
    match shown {
        '\t' => '\t',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if shown.is_control() => '\u{fffd}',
        _ => shown,
    }
}

/// A part of a schema in a message: between backticks, and not longer than a name should be.
pub(super) struct Quoted<T>(pub T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let mut cut = Cut { out: f, left: QUOTE_MAX, failed: Ok(()) };
        let is_cut = write!(cut, "{}", self.0).is_err();
        cut.failed?;
        f.write_str(if is_cut { "…`" } else { "`" })
    }
}

/// Stops what writes into it after `left` characters.
struct Cut<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    left: usize,
    failed: fmt::Result,
}

impl fmt::Write for Cut<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for next in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            if self.out.write_char(next).is_err() {
                self.failed = Err(fmt::Error);
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// Text of a comment or of no token, with the number of each character that cannot be seen.
pub(super) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|next| match next {
            '\'' | '"' | '\\' => f.write_char(next),
            _ => write!(f, "{}", next.escape_debug()),
        })
    }
}

/// How many characters something has when it is written.
pub(super) fn len_of(shown: &impl fmt::Display) -> u32 {
    struct Count(u32);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let len = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            self.0 = self.0.saturating_add(len);
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = write!(count, "{shown}");
    count.0
}

/// What some editors write at the start of a file means nothing.
pub(super) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
