//! The declarations of the types that every schema has. They say nothing new, but must be
//! right; then they are skipped.

use alloc::{format, vec::Vec};

use super::{
    cursor::{Cursor, Parsed, Stop, found},
    error::{Faults, Quoted},
    lexer::{Token, TokenKind, pieces},
};

/// Each name with what is behind it, in the forms in use.
const DECLARATIONS: [(&str, &[&str]); 10] = [
    ("int", &["? = Int;"]),
    ("long", &["? = Long;"]),
    ("double", &["? = Double;"]),
    ("string", &["? = String;"]),
    ("bytes", &["? = Bytes;", "= Bytes;", "data:string = Bytes;"]),
    ("object", &["? = Object;"]),
    ("function", &["? = Function;"]),
    ("int128", &["4*[ int ] = Int128;", "= Int128;"]),
    ("int256", &["8*[ int ] = Int256;", "= Int256;"]),
    ("vector", &["{t:Type} # [ t ] = Vector t;"]),
];

/// Whether a definition of this name declares a built-in type.
pub(super) fn is_built_in(name: &str) -> bool {
    DECLARATIONS.iter().any(|(built_in, _)| *built_in == name)
}

/// Reads the declaration of a built-in type.
pub(super) fn declaration(cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
    let name = cursor.peek().text;
    cursor.next();
    let mut id = None;
    if cursor.accept("#") {
        let token = cursor.peek();
        id = Some((token, cursor.id()?));
    }
    let forms = DECLARATIONS.iter().find(|(built_in, _)| *built_in == name);
    let forms = forms.map(|(_, forms)| *forms).unwrap_or_default();
    let matches = |form: &&&'static str| {
        let ahead = cursor.ahead();
        let form = tokens(form);
        form.iter().zip(ahead).take_while(|(wanted, token)| is_same(wanted, token)).count()
    };
    // Of several with the same length the first.
    let best = forms.iter().rev().max_by_key(|form| matches(form));
    let Some(form) = best else { return Err(Stop) };
    let mut end = 0;
    for wanted in &tokens(form) {
        let token = cursor.peek();
        if !is_same(wanted, &token) {
            let whole = format!("{name} {form}");
            let (wanted, found) = (Quoted(wanted.text), found(token));
            return cursor.fail(
                token,
                format!("expected {wanted}, found {found}: the declaration of this built-in type is `{whole}`"),
            );
        }
        if wanted.position.column > end {
            cursor.mark_space();
        }
        end = wanted.position.column.saturating_add(wanted.len);
        cursor.next();
    }
    let text = format!("{name} {form}").replace(['{', '}', ';'], "");
    let computed = crc32fast::hash(text.as_bytes());
    match id {
        Some((token, id)) if id != computed => {
            cursor.fail(token, format!("the id of {} is {computed:08x}", Quoted(name)))
        }
        _ => Ok(()),
    }
}

fn is_same(wanted: &Token<'_>, token: &Token<'_>) -> bool {
    (wanted.kind, wanted.text) == (token.kind, token.text)
}

fn tokens(form: &'static str) -> Vec<Token<'static>> {
    let mut tokens = pieces(form, &mut Faults::default()).tokens;
    tokens.retain(|token| token.kind != TokenKind::End);
    tokens
}
