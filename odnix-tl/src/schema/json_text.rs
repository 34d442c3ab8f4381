//! Writes JSON for people: members in the order given, short values on one line.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

/// No line is longer, unless it holds a single value.
const WIDTH_MAX: usize = 96;
const INDENT: usize = 2;

/// A JSON value.
pub(super) enum Json {
    /// A number, `true`, `false` or `null`, as it is to be written.
    Literal(String),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    pub(super) fn literal(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }

    pub(super) fn string(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    /// An object with one member.
    pub(super) fn member(name: &str, value: Self) -> Self {
        Self::Object(Vec::from([(name.to_owned(), value)]))
    }

    /// The text, without a line break at its end.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0, 0);
        out
    }

    /// `indent` is that of the line, `used` what stands on it already.
    fn write(&self, out: &mut String, indent: usize, used: usize) {
        let flat = self.flat();
        let is_single = !matches!(self, Self::Array(_) | Self::Object(_));
        // One more for the comma.
        let end = used.saturating_add(flat.chars().count()).saturating_add(1);
        if is_single || end <= WIDTH_MAX {
            return out.push_str(&flat);
        }
        let inner = indent.saturating_add(INDENT);
        match self {
            Self::Literal(_) | Self::String(_) => {}
            Self::Array(items) => lines(out, indent, ('[', ']'), items, |out, item| {
                item.write(out, inner, inner);
            }),
            Self::Object(members) => lines(out, indent, ('{', '}'), members, |out, member| {
                let (name, value) = member;
                let name = format!("{}: ", quoted(name));
                out.push_str(&name);
                value.write(out, inner, inner.saturating_add(name.chars().count()));
            }),
        }
    }

    fn flat(&self) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::String(text) => quoted(text),
            Self::Array(items) => {
                let items: Vec<_> = items.iter().map(Self::flat).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Object(members) => {
                let member =
                    |(name, value): &(String, Self)| format!("{}: {}", quoted(name), value.flat());
                let members: Vec<_> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// One line, or more, for each of `parts`.
fn lines<T>(
    out: &mut String,
    indent: usize,
    (open, close): (char, char),
    parts: &[T],
    mut write: impl FnMut(&mut String, &T),
) {
    let line_start = |indent: usize| format!("\n{:indent$}", "");
    out.push(open);
    let mut separator = "";
    for part in parts {
        out.push_str(separator);
        separator = ",";
        out.push_str(&line_start(indent.saturating_add(INDENT)));
        write(out, part);
    }
    out.push_str(&line_start(indent));
    out.push(close);
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for next in text.chars() {
        match next {
            '"' | '\\' => {
                out.push('\\');
                out.push(next);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_share_a_line_and_long_ones_do_not() {
        let pair = Json::Array([Json::literal("1"), Json::string("\"\\\n\u{1}€")].into());
        assert_eq!(pair.pretty(), r#"[1, "\"\\\n\u0001€"]"#);
        let long = "x".repeat(WIDTH_MAX);
        let value = Json::Object(Vec::from([
            ("a".to_owned(), pair),
            ("b".to_owned(), Json::Array([Json::string(&long)].into())),
        ]));
        let text = format!(
            "{{\n  \"a\": [1, \"\\\"\\\\\\n\\u0001€\"],\n  \"b\": [\n    \"{long}\"\n  ]\n}}"
        );
        assert_eq!(value.pretty(), text);
        assert_eq!(Json::Array(Vec::new()).pretty(), "[]");
    }
}
