//! Cuts the text of a schema into words, signs and comments.

use alloc::{format, string::String, vec::Vec};

use super::{
    Position,
    error::{Escaped, Faults, Quoted, len_of, without_bom},
};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Letters, digits, underscores.
    Word,
    /// One character of punctuation.
    Sign,
    /// `---name---`; its text is the name.
    Section,
    /// Something that is reported already.
    Bad,
    /// Nothing follows.
    End,
}

/// One element of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub kind: TokenKind,
    pub position: Position,
    /// How many characters it has.
    pub len: u32,
    pub text: &'a str,
}

/// `// text`, or `/* text */`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment<'a> {
    /// The index of the token behind it.
    pub before: usize,
    pub position: Position,
    /// With its signs.
    pub text: &'a str,
    pub is_line: bool,
}

/// A text in pieces.
pub(super) struct Pieces<'a> {
    /// The last one is [`TokenKind::End`].
    pub tokens: Vec<Token<'a>>,
    pub comments: Vec<Comment<'a>>,
}

impl Token<'_> {
    /// Whether it is this sign.
    pub fn is(&self, sign: &str) -> bool {
        self.kind == TokenKind::Sign && self.text == sign
    }

    /// Whether it is a word that may be a name.
    pub fn is_name(&self) -> bool {
        self.kind == TokenKind::Word && !self.text.starts_with(|first: char| first.is_ascii_digit())
    }
}

/// Cuts up `text`.
pub(super) fn pieces<'a>(text: &'a str, faults: &mut Faults) -> Pieces<'a> {
    let rest = without_bom(text);
    let mut lexer = Lexer { rest, position: Position { line: 1, column: 1 }, faults };
    let mut pieces = Pieces { tokens: Vec::new(), comments: Vec::new() };
    loop {
        lexer.take_while(char::is_whitespace);
        let position = lexer.position;
        if let Some((is_line, text)) = lexer.comment() {
            let before = pieces.tokens.len();
            pieces.comments.push(Comment { before, position, text, is_line });
            continue;
        }
        let before = lexer.rest;
        let (kind, text) = lexer.token();
        let len = before.len().saturating_sub(lexer.rest.len());
        let len = before.get(..len).map_or(0, |taken| taken.chars().count());
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        pieces.tokens.push(Token { kind, position, len, text });
        if kind == TokenKind::End {
            return pieces;
        }
    }
}

struct Lexer<'a, 'f> {
    rest: &'a str,
    position: Position,
    faults: &'f mut Faults,
}

impl<'a> Lexer<'a, '_> {
    /// Takes a comment, if there is one that has an end.
    fn comment(&mut self) -> Option<(bool, &'a str)> {
        if self.rest.starts_with("//") {
            return Some((true, self.take_while(|next| next != '\n')));
        }
        let inside = self.rest.strip_prefix("/*")?;
        let len = inside.find("*/")?.checked_add("/**/".len())?;
        Some((false, self.take(len)))
    }

    fn token(&mut self) -> (TokenKind, &'a str) {
        let position = self.position;
        let Some(first) = self.rest.chars().next() else {
            return (TokenKind::End, "");
        };
        if is_word(first) {
            return (TokenKind::Word, self.take_while(is_word));
        }
        if is_sign(first) {
            return (TokenKind::Sign, self.take(first.len_utf8()));
        }
        if self.rest.starts_with("/*") {
            self.faults.push(position, 2, String::from("expected `*/` behind `/*`, found none"));
            return (TokenKind::Bad, self.take(self.rest.len()));
        }
        if self.rest.starts_with("---") {
            return self.section();
        }
        let bad = self.take_while(is_bad);
        let bad = if bad.is_empty() { self.take(first.len_utf8()) } else { bad };
        let len = u32::try_from(bad.chars().count()).unwrap_or(u32::MAX);
        let (s, shown) = (if len > 1 { "s" } else { "" }, Quoted(Escaped(bad)));
        self.faults.push(position, len, format!("unexpected character{s} {shown}"));
        (TokenKind::Bad, bad)
    }

    /// `---name---`, with blanks around the name.
    fn section(&mut self) -> (TokenKind, &'a str) {
        let position = self.position;
        let before = self.rest;
        self.take_while(|next| next == '-');
        self.take_while(is_blank);
        let name = self.take_while(is_word);
        self.take_while(is_blank);
        let end = self.take_while(|next| next == '-');
        if !name.is_empty() && end.len() >= "---".len() {
            return (TokenKind::Section, name);
        }
        self.take_while(|next| next != '\n');
        let line = before.lines().next().unwrap_or_default().trim_end();
        let message = "expected `---functions---` or `---types---`";
        self.faults.push(position, len_of(&line), String::from(message));
        (TokenKind::Bad, name)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let len = self.rest.find(|next| !wanted(next)).unwrap_or(self.rest.len());
        self.take(len)
    }

    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        for next in taken.chars() {
            if next == '\n' {
                self.position.line = self.position.line.saturating_add(1);
                self.position.column = 1;
            } else {
                self.position.column = self.position.column.saturating_add(1);
            }
        }
        taken
    }
}

fn is_word(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}

fn is_sign(next: char) -> bool {
    "#:;=<>{}!?%.[]*(),".contains(next)
}

fn is_blank(next: char) -> bool {
    next == ' ' || next == '\t'
}

/// Whether no token starts with it.
fn is_bad(next: char) -> bool {
    !(is_word(next) || is_sign(next) || next.is_whitespace() || "-/".contains(next))
}
