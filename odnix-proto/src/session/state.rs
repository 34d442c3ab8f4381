//! What one byte of `msgs_state_info` says about a message (MTProto, "Service messages about
//! messages", low three bits).

/// Nothing is known: the id is too low, or it was forgotten.
pub(crate) const UNKNOWN: u8 = 1;
/// Not received, though ids around it were.
pub(crate) const NOT_RECEIVED: u8 = 2;
/// Not received: the id is too high to be known yet.
pub(crate) const TOO_HIGH: u8 = 3;
/// Received.
pub(crate) const RECEIVED: u8 = 4;
