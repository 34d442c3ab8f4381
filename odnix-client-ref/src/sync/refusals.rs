//! Large groups that the server refuses to speak of (`CHAT_ID_INVALID`).
//!
//! ```text
//! refused ──> Unasked ──own log asked──> Asked ──own log told, nothing of it──> Told ──refused──> left
//!                └──────── described, answered for, or spoken of: forgotten ────────┘
//! ```
//!
//! One refusal decides nothing: the group was not the user's when it was asked, but the user may
//! be back meanwhile. That the own log tells, unless the place in it is past the update already.

use std::collections::BTreeMap;

/// What the own log has said since the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnLog {
    Unasked,
    Asked,
    /// Nothing of the group.
    Told,
}

#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<i64, OwnLog>);

impl Refusals {
    /// The group is refused; whether that decides that the user has left it.
    pub(super) fn refused(&mut self, chat_id: i64) -> bool {
        *self.0.entry(chat_id).or_insert(OwnLog::Unasked) == OwnLog::Told
    }

    /// The server has said something of the group.
    pub(super) fn forget(&mut self, chat_id: i64) {
        self.0.remove(&chat_id);
    }

    /// The own log is asked from now on.
    pub(super) fn own_log_asked(&mut self) {
        self.turn(OwnLog::Unasked, OwnLog::Asked);
    }

    /// The own log has told everything.
    pub(super) fn own_log_told(&mut self) {
        self.turn(OwnLog::Asked, OwnLog::Told);
    }

    fn turn(&mut self, from: OwnLog, to: OwnLog) {
        self.0.values_mut().filter(|it| **it == from).for_each(|it| *it = to);
    }
}
