//! The order of a client's messages: codes 32 to 35 of `bad_msg_notification`.

use crate::message_id::MsgId;
use alloc::collections::BTreeMap;

/// seq_no lower than that of an earlier message.
pub(crate) const CODE_SEQ_NO_TOO_LOW: i32 = 32;
/// seq_no higher than that of a later message.
pub(crate) const CODE_SEQ_NO_TOO_HIGH: i32 = 33;
/// A container must not be content-related.
pub(crate) const CODE_EVEN_SEQ_NO_EXPECTED: i32 = 34;
/// A request must be content-related.
pub(crate) const CODE_ODD_SEQ_NO_EXPECTED: i32 = 35;

/// The seq_nos of the last content messages, by msg_id.
///
/// seq_no grows with msg_id, by two for each content message. Requests run in seq_no order:
/// one that arrives after a later one has run is refused with 32, never run out of order.
#[derive(Debug)]
pub(crate) struct Order {
    seq_nos: BTreeMap<MsgId, i32>,
    entries_max: usize,
    highest_run: Option<i32>,
}

impl Order {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { seq_nos: BTreeMap::new(), entries_max, highest_run: None }
    }

    /// Checks and notes a content message; the error is the code to answer with.
    pub(crate) fn check(&mut self, msg_id: MsgId, seq_no: i32) -> Result<(), i32> {
        let before = self.seq_nos.range(..msg_id).next_back();
        if before.is_some_and(|(_, &seq)| seq >= seq_no) {
            return Err(CODE_SEQ_NO_TOO_LOW);
        }
        let after = self.seq_nos.range(msg_id..).next();
        if after.is_some_and(|(_, &seq)| seq <= seq_no) {
            return Err(CODE_SEQ_NO_TOO_HIGH);
        }
        if self.highest_run.is_some_and(|seq| seq > seq_no) {
            return Err(CODE_SEQ_NO_TOO_LOW);
        }
        self.highest_run = Some(seq_no);
        self.seq_nos.insert(msg_id, seq_no);
        if self.seq_nos.len() > self.entries_max {
            self.seq_nos.pop_first();
        }
        Ok(())
    }
}
