//! Cuts the text of a schema into words, signs, and the comments that mean something.

use alloc::{format, string::String, vec::Vec};

use super::{Position, SchemaError};

/// One element of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Letters, digits, underscores.
    Word(&'a str),
    /// One character of punctuation.
    Sign(char),
    /// `---name---`
    Section(&'a str),
    /// `//@text`
    Doc(&'a str),
    /// `// LAYER text`
    Layer(&'a str),
    /// Nothing follows.
    End,
}

/// Cuts up `text`; the last token is [`Token::End`].
pub(super) fn tokens<'a>(
    text: &'a str,
    errors: &mut Vec<SchemaError>,
) -> Vec<(Position, Token<'a>)> {
    let mut lexer = Lexer { rest: text, position: Position { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        let position = lexer.position;
        match lexer.next() {
            Ok(None) => {}
            Ok(Some(token)) => {
                tokens.push((position, token));
                if token == Token::End {
                    return tokens;
                }
            }
            Err(message) => errors.push(SchemaError { position, message }),
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    position: Position,
}

impl<'a> Lexer<'a> {
    /// Takes one token, or something without a meaning.
    fn next(&mut self) -> Result<Option<Token<'a>>, String> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(Some(Token::End));
        };
        if self.rest.starts_with("//") {
            let line = self.take_while(|next| next != '\n');
            return Ok(comment(line));
        }
        if self.rest.starts_with("/*") {
            let end = self.rest.find("*/").and_then(|end| end.checked_add(2));
            self.take(end.unwrap_or(self.rest.len()));
            return end.map(|_| None).ok_or_else(|| String::from("comment without an end"));
        }
        if self.rest.starts_with("---") {
            let line = self.take_while(|next| next != '\n');
            return Ok(Some(Token::Section(line.trim().trim_matches('-'))));
        }
        if is_word(first) {
            return Ok(Some(Token::Word(self.take_while(is_word))));
        }
        self.take(first.len_utf8());
        match first {
            _ if first.is_whitespace() => Ok(None),
            '#' | ':' | ';' | '=' | '<' | '>' | '{' | '}' | '!' | '?' | '%' | '.' | '[' | ']'
            | '*' | '(' | ')' | ',' => Ok(Some(Token::Sign(first))),
            _ => Err(format!("unexpected character {first:?}")),
        }
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

fn comment(line: &str) -> Option<Token<'_>> {
    let text = line.trim_start_matches('/');
    if let Some(doc) = text.strip_prefix('@') {
        return Some(Token::Doc(doc.trim()));
    }
    text.trim_start().strip_prefix("LAYER ").map(|layer| Token::Layer(layer.trim()))
}
