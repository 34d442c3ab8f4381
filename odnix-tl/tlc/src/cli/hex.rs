//! Hexadecimal digits, and the place of a fault among bytes.

use std::fmt::Write as _;

/// How many bytes a row of a dump has.
const ROW: usize = 16;

/// A constructor id: one to eight digits.
pub(super) fn id(text: &str) -> Result<u32, String> {
    let digits = unprefixed(text);
    let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
    id.ok_or_else(|| "an id is one to eight hexadecimal digits".to_owned())
}

fn unprefixed(text: &str) -> &str {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
}

/// The bytes of digits in either case, with white space between them and `0x` before them.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::new();
    for word in text.split_whitespace() {
        let rest = unprefixed(word);
        if rest.len() != word.len() && !rest.len().is_multiple_of(2) {
            return Err(format!("an odd number of hexadecimal digits in {word:?}"));
        }
        for digit in rest.chars() {
            let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
            digits.push(value.ok_or_else(|| format!("{digit:?} is not a hexadecimal digit"))?);
        }
    }
    if !digits.len().is_multiple_of(2) {
        return Err(format!("an odd number of hexadecimal digits: {}", digits.len()));
    }
    Ok(digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect())
}

/// Two digits for each byte.
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The row of the byte at `position` with a mark below it, and the rows around it.
pub(super) fn window(bytes: &[u8], position: usize) -> String {
    let marked = position / ROW;
    let mut text = String::new();
    for row in marked.saturating_sub(1)..=marked.saturating_add(1) {
        let start = row.saturating_mul(ROW);
        let shown = bytes.get(start..).unwrap_or_default();
        if shown.is_empty() && row != marked {
            continue;
        }
        let cells: String = shown.iter().take(ROW).map(|byte| format!(" {byte:02x}")).collect();
        let _ = writeln!(text, "  {start:08x} {cells}");
        if row == marked {
            let before = " ".repeat("  00000000  ".len() + (position % ROW) * 3);
            let _ = writeln!(text, "{before}^^");
        }
    }
    text.trim_end_matches('\n').to_owned()
}
