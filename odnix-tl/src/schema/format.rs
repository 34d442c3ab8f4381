//! The canonical text of a schema.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{
    SchemaError,
    cursor::{Mark, Number},
    error::Faults,
    lexer::{Comment, Token, TokenKind},
    parser::{Parse, parse},
};

/// Where a comment inside a definition breaks it.
const BREAK: &str = "\n    ";

/// The canonical text of a schema: one definition in a line, single blanks, `\n` at the ends of
/// lines, at most one empty line in a row and always one around `---functions---`, ids with
/// eight small digits, and `vector<t>` for `(vector t)`.
///
/// Nothing is lost: comments stay where they are, and no id is added. Whoever formats the
/// result again gets it back, and it has the same meaning as `text`.
///
/// # Errors
/// All faults of the syntax; what the text means is not looked at.
///
/// # Example
///
/// ```
/// use odnix_tl::schema::format;
///
/// let text = "dht.nodes#7974A0BE   nodes : (vector dht.node)\n  = dht.Nodes ; // of one bucket";
/// let canonical = "dht.nodes#7974a0be nodes:vector<dht.node> = dht.Nodes; // of one bucket\n";
/// assert_eq!(format(text).unwrap(), canonical);
/// ```
pub fn format(text: &str) -> Result<String, Vec<SchemaError>> {
    let mut faults = Faults::default();
    let parse = parse(text, &mut faults, &mut Faults::default());
    if !faults.is_empty() {
        return Err(faults.into_errors(text));
    }
    let Parse { pieces, marks, .. } = &parse;
    let (out, last) = (String::new(), Item::Nothing);
    let comments = pieces.comments.as_slice();
    let mut writer =
        Writer { out, last, line: 0, has_definition: false, behind_section: false, comments };
    let mut rest = pieces.tokens.iter().zip(marks).enumerate().peekable();
    while let Some((index, (token, mark))) = rest.next() {
        while let Some(comment) = writer.comment_before(index) {
            writer.top_comment(comment);
        }
        match token.kind {
            TokenKind::End => break,
            TokenKind::Section => {
                writer.start(Item::Section, token.position.line);
                writer.out.push_str(&format!("---{}---", token.text));
            }
            // One without a definition.
            _ if mark.is_dropped && token.is(";") => {}
            _ => {
                writer.start(Item::Definition, token.position.line);
                let mut line =
                    Line { space: false, is_fresh: true, source_line: token.position.line };
                let mut current = Some((index, (token, mark)));
                while let Some((at, (token, mark))) = current {
                    if at != index {
                        writer.inner_comments(at, &mut line);
                    }
                    writer.token(token, *mark, &mut line);
                    current = if token.is(";") { None } else { rest.next() };
                }
                writer.line = line.source_line;
            }
        }
    }
    if !writer.out.is_empty() {
        writer.out.push('\n');
    }
    Ok(writer.out)
}

/// What stands outside of definitions, or is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Nothing,
    Comment,
    Section,
    Definition,
}

struct Writer<'a> {
    out: String,
    /// What was written last.
    last: Item,
    /// The line of the source where it ended.
    line: u32,
    /// Whether the line that is being written has a definition already.
    has_definition: bool,
    /// Whether the line that is being written is that of a section.
    behind_section: bool,
    /// Those that are not written yet.
    comments: &'a [Comment<'a>],
}

/// How far a definition is written.
struct Line {
    /// Whether a blank is due.
    space: bool,
    /// Whether nothing is before it in its line.
    is_fresh: bool,
    /// The line of the source where the last piece ended.
    source_line: u32,
}

impl<'a> Writer<'a> {
    fn comment_before(&mut self, token: usize) -> Option<Comment<'a>> {
        let (comment, rest) = self.comments.split_first()?;
        if comment.before > token {
            return None;
        }
        self.comments = rest;
        Some(*comment)
    }

    /// Ends what is before an item that starts in a line of the source.
    fn start(&mut self, item: Item, line: u32) {
        let gap = line.saturating_sub(self.line);
        let goes_on = gap == 0
            && match item {
                Item::Comment => true,
                Item::Definition => {
                    self.last == Item::Comment && !self.has_definition && !self.behind_section
                }
                Item::Section | Item::Nothing => false,
            };
        let separator = match () {
            () if self.last == Item::Nothing => "",
            () if goes_on => " ",
            () if gap >= 2 || item == Item::Section || self.behind_section => "\n\n",
            () => "\n",
        };
        self.out.push_str(separator);
        if !goes_on {
            self.has_definition = false;
            self.behind_section = false;
        }
        self.has_definition |= item == Item::Definition;
        self.behind_section |= item == Item::Section;
        self.last = item;
        self.line = line;
    }

    fn top_comment(&mut self, comment: Comment<'_>) {
        self.start(Item::Comment, comment.position.line);
        self.out.push_str(&trimmed(comment.text));
        self.line = last_line(&comment);
    }

    fn inner_comments(&mut self, before: usize, line: &mut Line) {
        while let Some(comment) = self.comment_before(before) {
            let is_own_line = comment.is_line && comment.position.line > line.source_line;
            let separator = match () {
                () if line.is_fresh => "",
                () if is_own_line => BREAK,
                () => " ",
            };
            self.out.push_str(separator);
            self.out.push_str(&trimmed(comment.text));
            if comment.is_line {
                self.out.push_str(BREAK);
            }
            line.is_fresh = comment.is_line;
            line.space = !comment.is_line;
            line.source_line = last_line(&comment);
        }
    }

    fn token(&mut self, token: &Token<'_>, mark: Mark, line: &mut Line) {
        line.source_line = token.position.line;
        line.space |= mark.space;
        if !mark.is_dropped {
            let text = match mark.number {
                Some(Number::Id) => format!("{:0>8}", token.text.to_ascii_lowercase()),
                Some(Number::Bit) => match token.text.trim_start_matches('0') {
                    "" => "0".to_owned(),
                    digits => digits.to_owned(),
                },
                None => token.text.to_owned(),
            };
            self.piece(&text, line);
        }
        if mark.opens {
            self.piece("<", line);
        }
        for _ in 0..mark.closes {
            self.piece(">", line);
        }
    }

    fn piece(&mut self, text: &str, line: &mut Line) {
        if line.space && !line.is_fresh {
            self.out.push(' ');
        }
        self.out.push_str(text);
        line.space = false;
        line.is_fresh = false;
    }
}

fn last_line(comment: &Comment<'_>) -> u32 {
    let breaks = comment.text.matches('\n').count();
    comment.position.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX))
}

/// Without blanks at the ends of its lines.
fn trimmed(comment: &str) -> String {
    let lines: Vec<_> = comment.split('\n').map(str::trim_end).collect();
    lines.join("\n")
}
