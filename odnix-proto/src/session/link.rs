//! What both roles of a session share: ids, sequence numbers, the receive window, pending
//! acknowledgements, and the planning of packets.

use super::{
    binding::{Carrier, seal_binding},
    container,
    state::Note,
};
use crate::{
    auth_key::AuthKey,
    envelope::{self, Header, Side},
    limits::Limits,
    message_id::{ById, MsgId, MsgIdGenerator, MsgKind, ReceivedIds, SeqNo},
    seed::{Dormant, Seed},
    time::{Instant, UnixTime},
};
use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use bytes::{Bytes, BytesMut};
use core::{fmt, time::Duration};
use odnix_tl::{
    Constructor, Encode,
    mtproto::types::{BadMsgNotification, BadServerSalt, MsgsAck},
};

/// A message that waits to be sent; its `Debug` shows no content. `tag` is the role's own note
/// about it (its default stands for acknowledgements).
#[derive(Clone)]
pub(crate) struct Outgoing<T> {
    pub(crate) body: Bytes,
    /// Bytes that `gzip_packed` in it inflates to.
    pub(crate) inflates_to: usize,
    /// Content-related: the receiver must acknowledge it; its seq_no is odd.
    pub(crate) content: bool,
    /// A server's answer to a client message; decides the low bits of its msg_id.
    pub(crate) answer: bool,
    /// The ids under which it was sent before. It travels in a container then: the same outer
    /// (salt, session_id, msg_id, seq_no) is never sealed twice.
    pub(crate) again: Option<(MsgId, i32)>,
    pub(crate) tag: T,
}

impl<T> Outgoing<T> {
    /// A service message: not content-related, lost without harm.
    pub(crate) fn service(body: Bytes, tag: T) -> Self {
        Self { body, inflates_to: 0, content: false, answer: false, again: None, tag }
    }

    /// Notices about a wrong clock or salt never share a packet: a client whose clock is wrong
    /// takes them outside its window, but not the container around them.
    fn travels_alone(&self) -> bool {
        matches!(
            container::constructor(&self.body),
            Some(BadMsgNotification::ID | BadServerSalt::ID)
        )
    }
}

impl<T: fmt::Debug> fmt::Debug for Outgoing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({:?}, {} bytes)", self.tag, self.body.len())
    }
}

/// The wait before a message leaves again: `first`, doubled with each time it did, up to 64
/// times.
pub(crate) fn backoff(first: Duration, resends: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(resends.min(6)).unwrap_or(1))
}

/// A message that has been written into a packet.
#[derive(Debug)]
pub(crate) struct Departed<T> {
    pub(crate) msg_id: MsgId,
    pub(crate) seq_no: i32,
    /// The container it travelled in.
    pub(crate) container: Option<MsgId>,
    /// What a quick acknowledgement of the packet will say.
    pub(crate) quick_ack_token: u32,
    pub(crate) message: Outgoing<T>,
}

/// The messages of one packet. Most packets have one, which takes no list.
#[derive(Debug)]
pub(crate) struct Departures<T> {
    pub(crate) first: Option<Departed<T>>,
    rest: Vec<Departed<T>>,
}

impl<T> Default for Departures<T> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new() }
    }
}

impl<T> Departures<T> {
    fn push(&mut self, departed: Departed<T>) {
        match self.first {
            None => self.first = Some(departed),
            Some(_) => self.rest.push(departed),
        }
    }

    fn len(&self) -> usize {
        self.rest.len().saturating_add(usize::from(self.first.is_some()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &Departed<T>> + Clone {
        self.first.iter().chain(&self.rest)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Departed<T>> {
        self.first.iter_mut().chain(&mut self.rest)
    }

    pub(crate) fn into_messages(self) -> impl Iterator<Item = Departed<T>> {
        self.first.into_iter().chain(self.rest)
    }
}

/// One half of a session under one key.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) key: AuthKey,
    pub(crate) session_id: i64,
    side: Side,
    ids: MsgIdGenerator,
    seq_nos: SeqNo,
    pub(crate) received: ReceivedIds<Note>,
    pub(crate) acks: Acks,
    rng: Dormant,
    limits: Arc<Limits>,
}

impl Link {
    pub(crate) fn new(
        key: AuthKey,
        session_id: i64,
        side: Side,
        seed: Seed,
        limits: Arc<Limits>,
    ) -> Self {
        let peer = match side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        let mut rng = Dormant::new(seed);
        let ids = match side {
            Side::Client => MsgIdGenerator::default(),
            Side::Server => MsgIdGenerator::jittered(rng.split()),
        };
        let past = Duration::from_secs(limits.msg_id_past_s);
        let future = Duration::from_secs(limits.msg_id_future_s);
        Self {
            key,
            session_id,
            side,
            ids,
            seq_nos: SeqNo::new(),
            received: ReceivedIds::new(peer, past, future, limits.received_ids_max),
            acks: Acks::default(),
            rng,
            limits,
        }
    }

    /// Whether ids already given out lie beyond what the server accepts at `server_time`.
    pub(crate) fn ids_are_ahead_of(&self, server_time: UnixTime) -> bool {
        self.ids.is_ahead(server_time, self.limits.msg_id_future_s)
    }

    /// Writes as many waiting messages as one packet takes, pending acknowledgements first,
    /// and seals it into `out`. Nothing waiting, nothing written.
    pub(crate) fn transmit<T: Default>(
        &mut self,
        now: UnixTime,
        salt: i64,
        queue: &mut VecDeque<Outgoing<T>>,
        messages_max: usize,
        out: &mut BytesMut,
    ) -> Departures<T> {
        let alone = queue.front().is_some_and(Outgoing::travels_alone);
        if !alone && let Some(ack) = self.acks.take(self.limits.ids_max) {
            queue.push_front(Outgoing::service(ack, T::default()));
        }
        let mut departed = self.pick(now, queue, messages_max);
        let Some(first) = &departed.first else { return departed };
        let packed;
        let (body, msg_id, seq_no, container) = match first {
            only if departed.rest.is_empty() && only.message.again.is_none() => {
                (&only.message.body, only.msg_id, only.seq_no, None)
            }
            _ => {
                packed = container::pack(
                    departed.iter().map(|it| (it.msg_id, it.seq_no, &it.message.body)),
                );
                let msg_id = self.ids.next(now, kind(self.side, false));
                (&packed, msg_id, self.seq_nos.next(false), Some(msg_id))
            }
        };
        let header = Header { salt, session_id: self.session_id, msg_id, seq_no };
        let (key, side) = (&self.key, self.side);
        // Every body was checked when it was queued, so the envelope cannot refuse it.
        let sealed = self.rng.draw(|rng| envelope::seal(key, side, &header, body, rng, out));
        let Ok(sealed) = sealed else { return Departures::default() };
        for message in departed.iter_mut() {
            message.container = container;
            message.quick_ack_token = sealed.quick_ack_token;
        }
        departed
    }

    /// Takes messages off the queue until the packet is full, or would inflate to more than the
    /// other side takes, and gives each its ids.
    fn pick<T>(
        &mut self,
        now: UnixTime,
        queue: &mut VecDeque<Outgoing<T>>,
        messages_max: usize,
    ) -> Departures<T> {
        let Limits { container_bytes_max, inflate_bytes_max, .. } = *self.limits;
        let mut departed = Departures::default();
        let mut bytes = container::HEADER_LEN;
        let mut inflated: usize = 0;
        while let Some(next) = queue.front() {
            bytes =
                bytes.saturating_add(container::MESSAGE_HEADER_LEN).saturating_add(next.body.len());
            inflated = inflated.saturating_add(next.inflates_to);
            let full = bytes > container_bytes_max
                || inflated > inflate_bytes_max
                || departed.len() >= messages_max;
            let alone = next.travels_alone();
            if (full || alone) && !departed.is_empty() {
                break;
            }
            let Some(message) = queue.pop_front() else { break };
            let (msg_id, seq_no) = message.again.unwrap_or_else(|| {
                (self.next_id(now, message.answer), self.seq_nos.next(message.content))
            });
            departed.push(Departed {
                msg_id,
                seq_no,
                container: None,
                quick_ack_token: 0,
                message,
            });
            if alone {
                break;
            }
        }
        departed
    }

    /// Seals `auth.bindTempAuthKey`, alone in its packet: its body names its own msg_id, so it is
    /// made together with it.
    pub(crate) fn transmit_binding(
        &mut self,
        now: UnixTime,
        salt: i64,
        perm_key: &AuthKey,
        expires_at: i32,
        out: &mut BytesMut,
    ) -> Option<(MsgId, i32)> {
        let (msg_id, seq_no) = (self.next_id(now, false), self.seq_nos.next(true));
        let session_id = self.session_id;
        let temp_auth_key_id = self.key.id();
        let carrier = Carrier { msg_id, temp_auth_key_id, temp_session_id: session_id };
        let request = self.rng.draw(|rng| seal_binding(perm_key, &carrier, expires_at, rng));
        let body = request.to_bytes().ok()?;
        let header = Header { salt, session_id, msg_id, seq_no };
        let (key, side) = (&self.key, self.side);
        self.rng.draw(|rng| envelope::seal(key, side, &header, &body, rng, out)).ok()?;
        Some((msg_id, seq_no))
    }

    /// Leaves out sequence numbers, as after bad_msg_notification 32.
    pub(crate) fn skip_seq_nos(&mut self, messages: u32) {
        self.seq_nos.skip(messages);
    }

    /// Something became of a message that was received.
    pub(crate) fn flag(&mut self, msg_id: MsgId, flags: u8) {
        if let Some(note) = self.received.note_mut(msg_id) {
            note.flags |= flags;
        }
    }

    fn next_id(&mut self, now: UnixTime, answer: bool) -> MsgId {
        self.ids.next(now, kind(self.side, answer))
    }

    /// Gives back the memory that is not in use.
    pub(crate) fn give_back(&mut self) {
        self.received.give_back();
        self.acks.pending.give_back();
    }
}

fn kind(side: Side, answer: bool) -> MsgKind {
    match (side, answer) {
        (Side::Client, _) => MsgKind::Client,
        (Side::Server, true) => MsgKind::ServerAnswer,
        (Side::Server, false) => MsgKind::ServerOther,
    }
}

/// Received content messages that wait to be acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    pending: ById<()>,
    /// When they must leave by themselves.
    due: Option<Instant>,
    /// They must leave with the next packet, whatever else does.
    ready: bool,
}

impl Acks {
    /// Whether a message waits to be acknowledged.
    pub(crate) fn is_pending(&self, msg_id: MsgId) -> bool {
        self.pending.contains(msg_id)
    }

    /// Notes one content message; the acknowledgement goes out with the next packet, at the
    /// latest after `delay`, or at once when enough are waiting. When nothing can be sent, the
    /// oldest are forgotten; the peer sends those again.
    pub(crate) fn add(&mut self, msg_id: MsgId, now: Instant, delay: Duration, limits: &Limits) {
        self.pending.insert(msg_id, ());
        if self.pending.len() > limits.ids_max {
            self.pending.pop_first();
        }
        self.ready |= self.pending.len() >= limits.pending_acks_max;
        if self.due.is_none() && !self.ready {
            self.due = Some(now.after(delay));
        }
    }

    /// The answer itself tells the peer that its message arrived.
    pub(crate) fn implied(&mut self, msg_id: MsgId) {
        self.pending.remove(msg_id);
        self.settle();
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.ready)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.ready |= self.due.is_some_and(|due| due <= now);
    }

    /// Whether they must leave now, with or without company.
    pub(crate) fn must_leave(&self, now: Instant) -> bool {
        self.ready || self.due.is_some_and(|due| due <= now)
    }

    fn settle(&mut self) {
        if self.pending.is_empty() {
            self.due = None;
            self.ready = false;
        }
    }

    fn take(&mut self, ids_max: usize) -> Option<Bytes> {
        if self.pending.is_empty() {
            return None;
        }
        let msg_ids = core::iter::from_fn(|| self.pending.pop_first()).take(ids_max);
        let msg_ids = msg_ids.map(|(msg_id, ())| msg_id.as_i64()).collect();
        self.settle();
        MsgsAck { msg_ids }.to_bytes().ok()
    }
}
