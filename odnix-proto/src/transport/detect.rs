//! Which framing a client speaks, told from its first bytes.
//!
//! | first bytes | meaning |
//! |---|---|
//! | `ef` | abridged |
//! | `ee ee ee ee` | intermediate |
//! | `dd dd dd dd` | padded |
//! | `POST` | HTTP |
//! | `HEAD`, `GET `, `OPTI` | HTTP, to be refused by a status |
//! | `16 03 01 02` | TLS: not spoken here |
//! | a possible frame length, then a u32 of 0 | full: its sequence number starts at 0 |
//! | anything else, 64 bytes | obfuscated2 header |
//!
//! The rows exclude each other: an obfuscated2 header never begins like one of the others and
//! its second u32 is never 0.

use super::{Framing, full};

/// Bytes of an obfuscated2 header, and the most it takes to tell what a client speaks.
pub(super) const HEADER_LEN: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Tag(Framing),
    /// No tag, but the first word of a request.
    Http,
    Foreign,
}

const OPENINGS: [(&[u8], Opening); 8] = [
    (&[0xef], Opening::Tag(Framing::Abridged)),
    (&[0xee; 4], Opening::Tag(Framing::Intermediate)),
    (&[0xdd; 4], Opening::Tag(Framing::Padded)),
    (b"HEAD", Opening::Http),
    (b"POST", Opening::Http),
    (b"GET ", Opening::Http),
    (b"OPTI", Opening::Http),
    (&[0x16, 0x03, 0x01, 0x02], Opening::Foreign),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detected {
    /// The bytes so far fit more than one row.
    Undecided,
    /// A framing in clear; its tag takes `tag_len` bytes.
    Plain { framing: Framing, tag_len: usize },
    /// 64 bytes of what must be an obfuscated2 header.
    Obfuscated,
    /// Nothing we speak.
    Unknown,
}

/// Reads at most the first 64 bytes of a connection.
pub(super) fn detect(bytes: &[u8]) -> Detected {
    for (prefix, opening) in OPENINGS {
        if bytes.starts_with(prefix) {
            return match opening {
                Opening::Tag(framing) => Detected::Plain { framing, tag_len: prefix.len() },
                Opening::Http => Detected::Plain { framing: Framing::Http, tag_len: 0 },
                Opening::Foreign => Detected::Unknown,
            };
        }
    }
    let (Some(first), Some(second)) = (word(bytes, 0), word(bytes, 4)) else {
        return Detected::Undecided;
    };
    match (second, full::body_len(first)) {
        (0, Some(_)) => Detected::Plain { framing: Framing::Full, tag_len: 0 },
        (0, None) => Detected::Unknown,
        _ if bytes.len() < HEADER_LEN => Detected::Undecided,
        _ => Detected::Obfuscated,
    }
}

/// Whether a connection that opens with these bytes would be taken for something else than
/// obfuscated2.
pub(super) fn collides(header: &[u8; HEADER_LEN]) -> bool {
    detect(header) != Detected::Obfuscated
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let (_, rest) = bytes.split_at_checked(at)?;
    rest.first_chunk().map(|word| u32::from_le_bytes(*word))
}
