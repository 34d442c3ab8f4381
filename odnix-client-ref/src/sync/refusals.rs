//! Large groups that the server refuses to speak of (`CHAT_ID_INVALID`).
//!
//! ```text
//! refused ──> own log is asked ──it tells nothing of the group──> refused again: left
//!                  └──── described, or answered for: forgotten ────┘
//! ```
//!
//! One refusal decides nothing: the group was not the user's when it was asked, but the user may
//! be back meanwhile. That the own log tells, unless the place in it is past the update already.

use std::collections::BTreeMap;

/// Whether the own log has told everything since the refusal, by group.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<i64, bool>);

impl Refusals {
    /// The group is refused, and the own log is asked; whether that was done before, so that the
    /// user has left.
    pub(super) fn refused(&mut self, chat_id: i64) -> bool {
        *self.0.entry(chat_id).or_insert(false)
    }

    /// The server has said something of the group.
    pub(super) fn forget(&mut self, chat_id: i64) {
        self.0.remove(&chat_id);
    }

    /// The own log has told everything there is.
    pub(super) fn own_log_told(&mut self) {
        self.0.values_mut().for_each(|told| *told = true);
    }
}
