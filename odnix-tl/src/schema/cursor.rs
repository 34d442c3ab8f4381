//! A walk over the tokens of a text: what the readers of definitions share.

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use super::{
    Position,
    error::{Faults, Quoted},
    lexer::{Token, TokenKind},
};

/// How a token is written in the canonical form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// A blank before it.
    pub space: bool,
    /// Not at all.
    pub is_dropped: bool,
    /// An id or the number of a bit.
    pub number: Option<Number>,
    /// A `<` behind it.
    pub opens: bool,
    /// So many `>` behind it.
    pub closes: u32,
}

/// What is more than a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Eight digits.
    Id,
    /// Without zeros before it.
    Bit,
}

/// A definition ends early; its fault is reported already.
pub(super) struct Stop;

pub(super) type Parsed<T> = Result<T, Stop>;

/// The tokens, and how far they are read.
pub(super) struct Cursor<'a, 'p> {
    pub tokens: &'p [Token<'a>],
    /// The index of the next token.
    pub at: usize,
    /// One for each token: how it is written in the canonical form.
    pub marks: Vec<Mark>,
    pub faults: &'p mut Faults,
}

impl<'a, 'p> Cursor<'a, 'p> {
    pub fn new(tokens: &'p [Token<'a>], faults: &'p mut Faults) -> Self {
        Self { tokens, at: 0, marks: vec![Mark::default(); tokens.len()], faults }
    }

    pub fn peek(&self) -> Token<'a> {
        self.nth(0)
    }

    /// The token `index` behind the next one; the one at the end stays.
    pub fn nth(&self, index: usize) -> Token<'a> {
        let position = Position::default();
        let end = Token { kind: TokenKind::End, position, len: 1, text: "" };
        let token = self.tokens.get(self.at.saturating_add(index));
        token.or(self.tokens.last()).copied().unwrap_or(end)
    }

    /// All tokens that are left.
    pub fn ahead(&self) -> &[Token<'a>] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    /// Takes a token; the one at the end stays.
    pub fn next(&mut self) {
        if self.peek().kind != TokenKind::End {
            self.at = self.at.saturating_add(1);
        }
    }

    /// The next token has a blank before it.
    pub fn mark_space(&mut self) {
        self.mark(self.at, |mark| mark.space = true);
    }

    pub fn mark(&mut self, at: usize, set: impl FnOnce(&mut Mark)) {
        if let Some(mark) = self.marks.get_mut(at) {
            set(mark);
        }
    }

    pub fn word(&mut self, wanted: &str) -> Parsed<&'a str> {
        let token = self.peek();
        if !token.is_name() {
            return self.unexpected(wanted);
        }
        if token.text.starts_with('_') {
            let message = format!("the name {} starts with `_`, as none may", Quoted(token.text));
            self.faults.push(token.position, token.len, message);
        }
        self.next();
        Ok(token.text)
    }

    pub fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.accept(sign) { Ok(()) } else { self.unexpected(&format!("`{sign}`")) }
    }

    pub fn accept(&mut self, sign: &str) -> bool {
        let accepted = self.peek().is(sign);
        if accepted {
            self.next();
        }
        accepted
    }

    pub fn unexpected<T>(&mut self, wanted: &str) -> Parsed<T> {
        let token = self.peek();
        self.fail(token, format!("expected {wanted}, found {}", found(token)))
    }

    /// Reports a fault at a token; what the lexer could not read is reported already.
    pub fn fail<T>(&mut self, token: Token<'_>, message: String) -> Parsed<T> {
        if token.kind != TokenKind::Bad {
            self.faults.push(token.position, token.len, message);
        }
        Err(Stop)
    }

    /// One to eight hexadecimal digits.
    pub fn id(&mut self) -> Parsed<u32> {
        let token = self.peek();
        let digits = Some(token.text).filter(|digits| digits.len() <= 8);
        let digits = digits.filter(|_| token.kind == TokenKind::Word);
        let Some(id) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.unexpected("an id of one to eight hexadecimal digits");
        };
        self.mark(self.at, |mark| mark.number = Some(Number::Id));
        self.next();
        Ok(id)
    }
}
/// A token in a message.
pub(super) fn found(token: Token<'_>) -> String {
    match token.kind {
        TokenKind::Word | TokenKind::Sign => format!("{}", Quoted(token.text)),
        TokenKind::Section => format!("the section {}", Quoted(token.text)),
        TokenKind::Bad => "what is no text of a schema".to_owned(),
        TokenKind::End => "the end of the file".to_owned(),
    }
}
