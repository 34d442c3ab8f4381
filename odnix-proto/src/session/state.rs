//! What one byte of `msgs_state_info` says about a message (MTProto, "Service messages about
//! messages"): one of four states in the low three bits, and flags.

use crate::limits::Limits;

/// Nothing is known: the id is too low, or it was forgotten.
pub(crate) const UNKNOWN: u8 = 1;
/// Not received, though ids around it were.
pub(crate) const NOT_RECEIVED: u8 = 2;
/// Not received: the id is too high to be known yet.
pub(crate) const TOO_HIGH: u8 = 3;
/// Received.
pub(crate) const RECEIVED: u8 = 4;
/// The three bits that hold one of those.
pub(crate) const STATE_BITS: u8 = 7;

/// It was acknowledged.
pub(crate) const ACKNOWLEDGED: u8 = 8;
/// It needs no acknowledgement.
pub(crate) const NEEDS_NO_ACK: u8 = 16;
/// Its query is being processed.
pub(crate) const RUNNING: u8 = 32;
/// An answer that must be acknowledged was made.
pub(crate) const ANSWERED: u8 = 64;
/// The other side is known to know that it was received.
pub(crate) const KNOWN_TO_SENDER: u8 = 128;

/// What a session remembers of a message it received, beside its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) what: What,
    /// The seq_no of a call, the digest of a container.
    pub(crate) number: u32,
    /// Those above that nothing else tells.
    pub(crate) flags: u8,
}

/// What kind of message it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum What {
    /// No other.
    #[default]
    Plain,
    /// A request that ran.
    Call,
    /// A container.
    Container,
}

/// How many ids the lists of one packet may still name. Each of them is looked up, and
/// `gzip_packed` makes many of few bytes.
#[derive(Debug)]
pub(crate) struct IdBudget {
    left: usize,
}

impl IdBudget {
    /// For a packet that begins.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { left: limits.packet_ids_max }
    }

    /// Whether one more list may be read.
    pub(crate) fn take(&mut self, ids: &[i64], limits: &Limits) -> bool {
        let left = self.left.checked_sub(ids.len()).filter(|_| ids.len() <= limits.ids_max);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
