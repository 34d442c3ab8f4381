//! The order of a client's messages: codes 32 to 35 of `bad_msg_notification`.

use crate::{
    message_id::{MsgId, ReceivedIds},
    session::state::{Note, What},
};

/// seq_no lower than that of an earlier message.
pub(crate) const CODE_SEQ_NO_TOO_LOW: i32 = 32;
/// seq_no higher than that of a later message.
pub(crate) const CODE_SEQ_NO_TOO_HIGH: i32 = 33;
/// A container must not be content-related.
pub(crate) const CODE_EVEN_SEQ_NO_EXPECTED: i32 = 34;
/// A request must be content-related.
pub(crate) const CODE_ODD_SEQ_NO_EXPECTED: i32 = 35;

/// How far the requests have run.
///
/// seq_no grows with msg_id, by two for each content message. Requests run in seq_no order:
/// one that arrives after a later one has run is refused, never run out of order. So the last
/// one that ran has both the highest msg_id and the highest seq_no of all, and the ones before
/// it only decide which of the two codes a refusal has.
#[derive(Debug, Default)]
pub(crate) struct Order {
    last: Option<(MsgId, i32)>,
}

impl Order {
    /// Checks and notes a request; the error is the code to answer with.
    pub(crate) fn check(
        &mut self,
        received: &ReceivedIds<Note>,
        msg_id: MsgId,
        seq_no: i32,
    ) -> Result<(), i32> {
        match self.last {
            Some((last, _)) if msg_id < last => Err(code_of_late(received, msg_id, seq_no)),
            Some((_, highest)) if seq_no <= highest => Err(CODE_SEQ_NO_TOO_LOW),
            _ => {
                self.last = Some((msg_id, seq_no));
                Ok(())
            }
        }
    }
}

/// Which rule a request breaks that comes after one with a higher msg_id.
fn code_of_late(received: &ReceivedIds<Note>, msg_id: MsgId, seq_no: i32) -> i32 {
    let calls = || received.notes().filter(|(_, note)| note.what == What::Call);
    let seq_no_of = |(_, note): (MsgId, &Note)| note.number.cast_signed();
    let before = calls().rev().find(|(id, _)| *id < msg_id).map(seq_no_of);
    let after = calls().find(|(id, _)| *id > msg_id).map(seq_no_of);
    if before.is_none_or(|before| before < seq_no) && after.is_some_and(|after| after <= seq_no) {
        CODE_SEQ_NO_TOO_HIGH
    } else {
        CODE_SEQ_NO_TOO_LOW
    }
}
