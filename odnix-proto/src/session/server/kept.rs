//! What the client has not acknowledged yet, and when each message leaves again.

use super::Tag;
use crate::{
    message_id::{ById, MsgId},
    session::link::{Outgoing, backoff},
    time::Instant,
};
use alloc::vec::Vec;
use core::time::Duration;

/// First wait for an acknowledgement; doubles with each resend. Clients in use acknowledge
/// within 60 seconds.
const RESEND_AFTER: Duration = Duration::from_secs(90);

/// A content message the client has not acknowledged yet.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) seq_no: i32,
    pub(super) message: Outgoing<Tag>,
    /// It waits in the queue to be sent again.
    pub(super) queued: bool,
    resends: u32,
    resend_at: Instant,
}

/// All of them by msg_id, and when to look at them: a timer that is read after every packet must
/// not look at each of them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    messages: ById<Unacknowledged>,
    /// The first deadline, or earlier: that of a message which has been acknowledged since.
    due: Option<Instant>,
}

impl Kept {
    /// It left now; once more, if it is kept already.
    pub(super) fn sent(&mut self, now: Instant, msg_id: MsgId, seq_no: i32, it: Outgoing<Tag>) {
        let resends = self.get(msg_id).map_or(0, |before| before.resends);
        let resend_at = self.note_deadline(now, resends);
        let kept = Unacknowledged { seq_no, message: it, queued: false, resends, resend_at };
        self.messages.insert(msg_id, kept);
    }

    fn note_deadline(&mut self, now: Instant, resends: u32) -> Instant {
        let at = now.after(backoff(RESEND_AFTER, resends));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
        at
    }

    /// It leaves again, or is announced: the next wait is longer.
    pub(super) fn note_resend(&mut self, now: Instant, msg_id: MsgId) -> Option<&Unacknowledged> {
        let resends = self.get(msg_id)?.resends.saturating_add(1);
        let resend_at = self.note_deadline(now, resends);
        let kept = self.messages.get_mut(msg_id)?;
        kept.resends = resends;
        kept.resend_at = resend_at;
        Some(kept)
    }

    pub(super) fn remove(&mut self, msg_id: MsgId) -> Option<Unacknowledged> {
        let removed = self.messages.remove(msg_id);
        if self.messages.is_empty() {
            self.due = None;
        }
        removed
    }

    pub(super) fn get(&self, msg_id: MsgId) -> Option<&Unacknowledged> {
        self.messages.get(msg_id)
    }

    pub(super) fn get_mut(&mut self, msg_id: MsgId) -> Option<&mut Unacknowledged> {
        self.messages.get_mut(msg_id)
    }

    pub(super) fn oldest(&self) -> Option<(MsgId, &Unacknowledged)> {
        self.messages.first()
    }

    pub(super) fn msg_ids(&self) -> Vec<MsgId> {
        self.messages.iter().map(|(msg_id, _)| msg_id).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn give_back(&mut self) {
        self.messages.give_back();
    }

    /// When to ask which are overdue.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Those that leave again now, in the order of their ids. Each is to be noted again.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<MsgId> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let (mut overdue, mut due) = (Vec::new(), None::<Instant>);
        for (msg_id, kept) in self.messages.iter() {
            if kept.resend_at <= now {
                overdue.push(msg_id);
            } else {
                due = Some(due.map_or(kept.resend_at, |due| due.min(kept.resend_at)));
            }
        }
        self.due = due;
        overdue
    }
}
