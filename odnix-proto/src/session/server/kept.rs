//! What the client has not acknowledged yet, and when each message leaves again.

use super::Tag;
use crate::{
    message_id::MsgId,
    session::link::{Outgoing, backoff},
    time::Instant,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
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

/// All of them by msg_id, and their deadlines in order: a timer that is read after every packet
/// must not look at each of them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    messages: BTreeMap<MsgId, Unacknowledged>,
    deadlines: BTreeSet<(Instant, MsgId)>,
}

impl Kept {
    /// It left now; once more, if it is kept already.
    pub(super) fn sent(&mut self, now: Instant, msg_id: MsgId, seq_no: i32, it: Outgoing<Tag>) {
        let resends = self.remove(msg_id).map_or(0, |before| before.resends);
        let resend_at = now.after(backoff(RESEND_AFTER, resends));
        self.deadlines.insert((resend_at, msg_id));
        let kept = Unacknowledged { seq_no, message: it, queued: false, resends, resend_at };
        self.messages.insert(msg_id, kept);
    }

    /// It leaves again, or is announced: the next wait is longer.
    pub(super) fn note_resend(&mut self, now: Instant, msg_id: MsgId) -> Option<&Unacknowledged> {
        let kept = self.messages.get_mut(&msg_id)?;
        self.deadlines.remove(&(kept.resend_at, msg_id));
        kept.resends = kept.resends.saturating_add(1);
        kept.resend_at = now.after(backoff(RESEND_AFTER, kept.resends));
        self.deadlines.insert((kept.resend_at, msg_id));
        Some(kept)
    }

    pub(super) fn remove(&mut self, msg_id: MsgId) -> Option<Unacknowledged> {
        let kept = self.messages.remove(&msg_id)?;
        self.deadlines.remove(&(kept.resend_at, msg_id));
        Some(kept)
    }

    pub(super) fn get(&self, msg_id: MsgId) -> Option<&Unacknowledged> {
        self.messages.get(&msg_id)
    }

    pub(super) fn get_mut(&mut self, msg_id: MsgId) -> Option<&mut Unacknowledged> {
        self.messages.get_mut(&msg_id)
    }

    pub(super) fn oldest(&self) -> Option<(MsgId, &Unacknowledged)> {
        self.messages.first_key_value().map(|(&msg_id, kept)| (msg_id, kept))
    }

    pub(super) fn msg_ids(&self) -> Vec<MsgId> {
        self.messages.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// When the next one leaves again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Those that leave again now, in the order of their ids.
    pub(super) fn overdue(&self, now: Instant) -> Vec<MsgId> {
        let due = self.deadlines.iter().take_while(|(at, _)| *at <= now);
        let mut msg_ids: Vec<MsgId> = due.map(|(_, msg_id)| *msg_id).collect();
        msg_ids.sort_unstable();
        msg_ids
    }
}
