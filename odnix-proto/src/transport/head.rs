//! What the framings have in common: how the first bytes of a frame are told.

/// Who wrote the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// What the first bytes of a frame announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Body {
        header_len: usize,
        body_len: usize,
        trailer_len: usize,
        quick_ack: bool,
    },
    QuickAck {
        token: u32,
    },
    /// A transport error that is told by the head, not by a body: over HTTP.
    Error {
        code: i32,
    },
}

/// A wire length as a `usize`; on a machine with less it is above every limit anyway.
pub(super) fn length(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
