//! What one byte of `msgs_state_info` says about a message (MTProto, "Service messages about
//! messages"): a state in the low three bits, and flags above them.

/// Nothing is known: the id is too low, or it was forgotten.
pub(crate) const UNKNOWN: u8 = 1;
/// Not received, though ids around it were.
pub(crate) const NOT_RECEIVED: u8 = 2;
/// Not received: the id is too high to be known yet.
pub(crate) const TOO_HIGH: u8 = 3;
/// Received.
pub(crate) const RECEIVED: u8 = 4;

/// The three bits that hold one of the above.
pub(crate) const STATE_BITS: u8 = 7;
/// Flag: an acknowledgement of it has been sent.
pub(crate) const ACKNOWLEDGED: u8 = 8;
/// Flag: it needs no acknowledgement.
pub(crate) const NEEDS_NO_ACK: u8 = 16;
/// Flag: its answer has been made.
pub(crate) const ANSWER_MADE: u8 = 64;
