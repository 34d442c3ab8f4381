//! The vectors of `conformance/vectors/`, made with fixed inputs: the same bytes each time.
//!
//! `docs/vectors.md` explains each file and each field. `tests/vectors/` reads them as a foreign
//! program would; `conformance/vectors/check.py` is such a program.

mod binding;
pub(crate) mod crypto;
mod envelopes;
mod handshake;
mod make;
mod session;
mod transport;

use crate::house;
use serde_json::Value;
use std::path::PathBuf;

/// Where the vectors live.
pub fn folder() -> PathBuf {
    house::root().join("conformance/vectors")
}

/// Every file that is made here: its name without `.json`, and what is in it.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("bad_msg", session::bad_msg()),
        ("binding", binding::binding()),
        ("containers", session::containers()),
        ("envelopes", envelopes::envelopes()),
        ("framings", transport::framings()),
        ("gzip", session::gzip()),
        ("handshake", handshake::handshake()),
        ("ige", crypto::ige()),
        ("key_fingerprints", crypto::key_fingerprints()),
        ("msg_key", crypto::msg_key()),
        ("obfuscation", transport::obfuscation()),
        ("plain_messages", envelopes::plain_messages()),
        ("rsa_pad", crypto::rsa_pad()),
    ]
}

/// Members that stand first in their object; the others follow by name.
const FIRST: [&str; 3] = ["what", "name", "from"];

/// The text of a file: one member a line, the same on every machine.
pub fn render(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut members: Vec<_> = members.iter().collect();
            let place = |name: &str| FIRST.iter().position(|first| *first == name);
            members.sort_by_key(|(name, _)| (place(name).unwrap_or(FIRST.len()), name.as_str()));
            let lines = members.into_iter().map(|(name, value)| {
                let mut line = format!("{}: ", Value::from(name.as_str()));
                write(value, depth + 1, &mut line);
                line
            });
            block(['{', '}'], lines, depth, text);
        }
        Value::Array(items) if !items.is_empty() => {
            let lines = items.iter().map(|item| {
                let mut line = String::new();
                write(item, depth + 1, &mut line);
                line
            });
            block(['[', ']'], lines, depth, text);
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn block(
    [open, close]: [char; 2],
    lines: impl Iterator<Item = String>,
    depth: usize,
    text: &mut String,
) {
    text.push(open);
    for (number, line) in lines.enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        text.extend(std::iter::repeat_n(' ', depth + 1));
        text.push_str(&line);
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth));
    text.push(close);
}
