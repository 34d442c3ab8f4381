//! msg_id and seq_no: generation and the acceptance window.
//!
//! ```text
//! msg_id   Unix time * 2^32, low two bits: 00 client, 01 server's answer, 11 other server message
//! seq_no   2 * content-related messages sent before, + 1 if this one is content-related
//! ```
//!
//! A sender's msg_ids strictly increase within a session ([`MsgIdGenerator`]). A receiver takes
//! ids from 300 s in the past to 30 s in the future of the server's time, of the sender's
//! parity, with low 32 bits other than 0, and each only once ([`ReceivedIds`]). Sources: MTProto
//! 2.0, "Message identifier", "Message sequence number" and "Security Guidelines", checking
//! msg_id.

use crate::crypto::kdf::Side;
use crate::seed::{Generator, Seed};
use crate::sorted_queue::SortedQueue;
use crate::time::{UnixTime, micros};
use core::fmt;
use core::time::Duration;

/// A 64-bit message identifier: Unix time · 2^32, low two bits by sender.
///
/// `% 4 == 0` from the client, `1` a server's answer, `3` any other server message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MsgId(u64);

impl MsgId {
    /// From the `long` on the wire.
    pub const fn from_i64(value: i64) -> Self {
        Self(u64::from_le_bytes(value.to_le_bytes()))
    }

    /// The `long` on the wire.
    pub const fn as_i64(self) -> i64 {
        i64::from_le_bytes(self.0.to_le_bytes())
    }

    /// The moment the id names, to the microsecond.
    pub fn time(self) -> UnixTime {
        let micros = u128::from(self.0).wrapping_mul(1_000_000) >> 32;
        UnixTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

impl fmt::Debug for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MsgId({:#018x})", self.0)
    }
}

impl MsgId {
    /// The ids a sender may use: 4 apart, the low half never 0; `jitter` steps after `time`.
    fn at(time: UnixTime, jitter: u64) -> u64 {
        let fine = (u128::from(time.as_micros()) << 32).div_euclid(1_000_000);
        let fine = u64::try_from(fine).unwrap_or(u64::MAX);
        let id = fine.saturating_add(jitter).min(LAST_SECOND) & !3;
        if id & LOW_HALF == 0 { id | 4 } else { id }
    }

    /// Whether the low two bits are those of a sender on this side.
    pub const fn is_from(self, side: Side) -> bool {
        match side {
            Side::Client => self.0 & 3 == 0,
            Side::Server => self.0 & 1 == 1,
        }
    }
}

/// The low 32 bits of an id: the fraction of a second.
const LOW_HALF: u64 = 0xffff_ffff;
/// The last second that an id can name. No clock moves an id past its start, so that 2^30
/// further ids always follow.
const LAST_SECOND: u64 = LOW_HALF << 32;

/// Jitter lies below this: 2^22 of the 2^32 steps of a second, which is just below a millisecond.
const JITTER_STEPS: u64 = 1 << 22;

/// What kind of message an id is for: its low two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the specification names three")]
pub enum MsgKind {
    /// Any message from a client: `% 4 == 0`.
    Client,
    /// A server's answer to a message of the client: `% 4 == 1`.
    ServerAnswer,
    /// Any other message from a server: `% 4 == 3`.
    ServerOther,
}

/// What is kept by msg_id, lowest first.
pub(crate) type ById<V> = SortedQueue<MsgId, V>;

/// Makes the ids of one sender: strictly increasing, whatever the clock does.
///
/// The id follows the server's time, `wall + offset`. When that stands still or steps back, the
/// next id is the smallest of its kind above the last one.
#[derive(Clone, Debug, Default)]
pub struct MsgIdGenerator {
    offset_us: i64,
    /// Steps that every id lies after its time.
    jitter: u64,
    /// The last id, low two bits cleared.
    last: u64,
}

impl MsgIdGenerator {
    /// A generator whose server time is `wall + offset_us` (microseconds; 0 on a server).
    pub const fn new(offset_us: i64) -> Self {
        Self { offset_us, jitter: 0, last: 0 }
    }

    /// A generator of a server's session, whose ids lie after their time by a part of a
    /// millisecond that differs by `seed`.
    ///
    /// A session that was forgotten is begun anew under its name, and clocks are coarse: without
    /// this, a new one in the same microsecond would give out the ids of the last one again, and
    /// its client would drop the answers under them as repeats.
    pub fn jittered(seed: Seed) -> Self {
        let jitter = Generator::new(seed).u64() & JITTER_STEPS.wrapping_sub(1);
        Self { offset_us: 0, jitter, last: 0 }
    }

    /// The next id.
    pub fn next(&mut self, wall: UnixTime, kind: MsgKind) -> MsgId {
        let above = self.last.saturating_add(4);
        let above = if above & LOW_HALF == 0 { above | 4 } else { above };
        self.last = MsgId::at(self.server_time(wall), self.jitter).max(above);
        MsgId(match kind {
            MsgKind::Client => self.last,
            MsgKind::ServerAnswer => self.last | 1,
            MsgKind::ServerOther => self.last | 3,
        })
    }

    /// The server's time, as far as it is known.
    pub fn server_time(&self, wall: UnixTime) -> UnixTime {
        wall.shifted(self.offset_us)
    }

    /// Microseconds from the local wall clock to the server's.
    pub const fn offset_us(&self) -> i64 {
        self.offset_us
    }

    /// Learns the server's time, as after bad_msg_notification 16 or 17 from the notice's own
    /// id. Ids still only grow: after 17, those already given out may remain in the server's
    /// future, and only a new session with [`restart`](Self::restart) gets below them.
    pub fn synchronize(&mut self, wall: UnixTime, server: UnixTime) {
        self.offset_us = server.offset_from(wall);
    }

    /// Forgets the ids given out. For a new session only: within one, ids must grow.
    pub fn restart(&mut self) {
        self.last = 0;
    }

    /// Whether ids given out lie ahead of the server's time by more than `future_s` seconds,
    /// so that the session cannot go on with them.
    pub fn is_ahead(&self, wall: UnixTime, future_s: u64) -> bool {
        let edge = self.server_time(wall).after(Duration::from_secs(future_s));
        self.last > MsgId::at(edge, self.jitter)
    }
}

/// Counts the sequence numbers of one sender in one session.
///
/// `seq_no = 2 * (content-related messages sent before)`, plus 1 if this one is
/// content-related, that is, must be acknowledged.
#[derive(Clone, Debug, Default)]
pub struct SeqNo {
    content_sent: u32,
}

impl SeqNo {
    /// A session's first number is 0, or 1 for a content-related message.
    pub const fn new() -> Self {
        Self { content_sent: 0 }
    }

    /// The number of the next message.
    pub fn next(&mut self, content_related: bool) -> i32 {
        let even = self.content_sent.wrapping_mul(2);
        if content_related {
            self.content_sent = self.content_sent.wrapping_add(1);
        }
        i32::from_le_bytes((even | u32::from(content_related)).to_le_bytes())
    }

    /// Leaves out the numbers of `messages` content-related messages, as after
    /// bad_msg_notification 32.
    pub fn skip(&mut self, messages: u32) {
        self.content_sent = self.content_sent.wrapping_add(messages);
    }
}

/// What a received msg_id is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Not seen before.
    Fresh,
    /// Received before.
    Duplicate,
    /// Below everything remembered: it may have been received before.
    TooOld,
    /// Further in the past than allowed.
    TooLow,
    /// Further in the future than allowed.
    TooHigh,
    /// Not an id of this sender.
    WrongParity,
    /// The low 32 bits are zero.
    EmptyLowBits,
}

/// The ids received from the other side of one session, as far back as its limit allows.
///
/// [`check`](Self::check) changes nothing, so that a message refused for another reason (its
/// salt, say) leaves no trace; [`record`](Self::record) remembers an id once its message is
/// taken in. `N` is what else is remembered with each.
#[derive(Clone, Debug)]
pub struct ReceivedIds<N = ()> {
    from: Side,
    past_us: u64,
    future_us: u64,
    ids_max: usize,
    ids: ById<N>,
    /// The highest id that was forgotten.
    forgotten: Option<MsgId>,
}

impl<N: Default> ReceivedIds<N> {
    /// An empty window for what `from` sends: ids up to `past` behind and `future` ahead of the
    /// server's time, of which `ids_max` are remembered.
    pub fn new(from: Side, past: Duration, future: Duration, ids_max: usize) -> Self {
        let (past_us, future_us) = (micros(past), micros(future));
        Self { from, past_us, future_us, ids_max, ids: ById::default(), forgotten: None }
    }

    /// Judges an id against the server's time, or against the remembered ids alone if a client
    /// is not certain of that time.
    ///
    /// An id that is both remembered and outside the window is a [`Verdict::Duplicate`]: that
    /// it was received is certain, whatever the clocks say.
    pub fn check(&self, server_time: Option<UnixTime>, id: MsgId) -> Verdict {
        if !id.is_from(self.from) {
            return Verdict::WrongParity;
        }
        if id.0 & LOW_HALF == 0 {
            return Verdict::EmptyLowBits;
        }
        if self.ids.contains(id) {
            return Verdict::Duplicate;
        }
        match server_time {
            Some(now) if id.time() < now.before(Duration::from_micros(self.past_us)) => {
                Verdict::TooLow
            }
            Some(now) if id.time() > now.after(Duration::from_micros(self.future_us)) => {
                Verdict::TooHigh
            }
            _ if self.may_be_forgotten(id) => Verdict::TooOld,
            _ => Verdict::Fresh,
        }
    }

    /// Whether this very id is remembered.
    pub fn contains(&self, id: MsgId) -> bool {
        self.ids.contains(id)
    }

    /// Takes nothing up to `floor` any more, as if it had been remembered and forgotten: it may
    /// have been received before.
    pub fn raise_floor(&mut self, floor: MsgId) {
        self.forgotten = self.forgotten.max(Some(floor));
    }

    /// Remembers an id, forgetting the lowest one if there are too many.
    pub fn record(&mut self, id: MsgId) {
        if self.ids.contains(id) {
            return;
        }
        // Room first, so that a window of a power of two takes no more memory than its ids.
        if self.ids.len() >= self.ids_max {
            if self.ids.first().is_none_or(|(lowest, _)| id < lowest) {
                return self.raise_floor(id);
            }
            self.forgotten = self.ids.pop_first().map(|(id, _)| id).max(self.forgotten);
        }
        self.ids.insert(id, N::default());
    }

    /// What is remembered with an id.
    pub(crate) fn note(&self, id: MsgId) -> Option<&N> {
        self.ids.get(id)
    }

    pub(crate) fn note_mut(&mut self, id: MsgId) -> Option<&mut N> {
        self.ids.get_mut(id)
    }

    /// All ids, lowest first.
    pub(crate) fn notes(&self) -> impl DoubleEndedIterator<Item = (MsgId, &N)> {
        self.ids.iter()
    }

    /// Forgets all ids that are outside the window anyway.
    pub(crate) fn forget_past(&mut self, server_time: UnixTime) {
        let oldest = server_time.before(Duration::from_micros(self.past_us));
        while let Some((id, _)) = self.ids.first().filter(|(id, _)| id.time() < oldest) {
            self.ids.pop_first();
            self.raise_floor(id);
        }
    }

    /// Gives back the memory that is not in use.
    pub(crate) fn give_back(&mut self) {
        self.ids.give_back();
    }

    /// The highest id ever remembered, or refused by [`raise_floor`](Self::raise_floor).
    pub fn highest(&self) -> Option<MsgId> {
        self.ids.last_id().max(self.forgotten)
    }

    fn may_be_forgotten(&self, id: MsgId) -> bool {
        let full = self.ids.len() >= self.ids_max;
        self.forgotten.is_some_and(|highest| id <= highest)
            || (full && self.ids.first().is_some_and(|(lowest, _)| id < lowest))
    }
}
