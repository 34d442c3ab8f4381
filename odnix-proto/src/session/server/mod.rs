//! The server's half of a session.
//!
//! Inbound (`inbound.rs`), in this order: receive window, salt, container, then each message:
//! duplicate, order, dispatch. A refusal is a typed notice to the client; nothing of a refused
//! message runs. Outbound (`outbound.rs`): answers and updates are kept until acknowledged and
//! leave again after a lost transport. `service.rs` answers the service messages,
//! `temporary.rs` what concerns the key itself.

mod inbound;
mod kept;
mod order;
mod outbound;
mod service;
mod temporary;

pub use temporary::{BINDING_TRANSITIONS, DESTRUCTION_TRANSITIONS, KeyDestroyed};

use super::{
    CallId, SessionRef, Timings,
    link::{Link, Outgoing},
    salts::{FirstSalt, ServerSalts},
    state::IdBudget,
    wrapper::CallContext,
};
use crate::{
    auth_key::{AuthKey, AuthKeyId},
    envelope::Side,
    limits::Limits,
    message_id::{ById, MsgId},
    secret::Secret,
    seed::{Dormant, Seed},
    time::{Instant, Now, Steady, UnixTime},
};
use alloc::{boxed::Box, collections::VecDeque, sync::Arc};
use bytes::Bytes;
use core::{fmt, time::Duration};
use kept::Kept;
use order::Order;
use temporary::Standing;

/// An auth key as a server stores it.
#[derive(Clone, Debug)]
pub struct ServerKey {
    /// The key.
    pub auth_key: AuthKey,
    /// The salt of its key exchange. To be left out for keys made before this run of the
    /// server, so that packets captured then are refused now.
    pub first_salt: Option<FirstSalt>,
    /// For a temporary key: when it expires, in Unix seconds on the server's clock.
    pub expires_at: Option<i32>,
    /// For a temporary key: the permanent key it is bound to.
    pub bound_to: Option<AuthKeyId>,
    /// The dc the client asked for.
    pub dc: i32,
}

/// What a session tells its embedder. `Debug` shows no content.
#[non_exhaustive]
pub enum ServerSessionEvent {
    /// A request to be answered with [`ServerSession::reply`] or
    /// [`ServerSession::reply_error`].
    Call {
        /// Names the request in the answer.
        call: CallId,
        /// What its wrappers said.
        context: CallContext,
        /// The query, from its own constructor id on.
        body: Bytes,
    },
    /// The client asks to forget another of its sessions; to be answered with
    /// [`ServerSession::session_destroyed`].
    DestroyWanted {
        /// The session to forget.
        session_id: i64,
    },
    /// A temporary key is to be bound to this permanent key; to be answered with
    /// [`ServerSession::provide_permanent_key`].
    PermanentKeyWanted {
        /// Names the request in the answer.
        call: CallId,
        /// The permanent key.
        perm_auth_key_id: AuthKeyId,
    },
    /// The binding is right. Store it, then answer with [`ServerSession::binding_stored`]; the
    /// client hears of it only after that.
    TemporaryKeyBound {
        /// Names the request in the answer.
        call: CallId,
        /// The permanent key behind the session's own.
        perm_auth_key_id: AuthKeyId,
        /// When the temporary key ends: its own expiry, or an earlier one that the client named.
        expires_at: i32,
    },
    /// The client asks to destroy the session's key. Destroy it durably, then answer with
    /// [`ServerSession::key_destroyed`].
    KeyDestroyWanted,
}

impl fmt::Debug for ServerSessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { call, body, .. } => write!(f, "Call({call:?}, {} bytes)", body.len()),
            Self::DestroyWanted { session_id } => write!(f, "DestroyWanted({session_id:#x})"),
            Self::PermanentKeyWanted { call, perm_auth_key_id } => {
                write!(f, "PermanentKeyWanted({call:?}, {perm_auth_key_id})")
            }
            Self::TemporaryKeyBound { call, perm_auth_key_id, expires_at } => {
                write!(f, "TemporaryKeyBound({call:?}, {perm_auth_key_id}, until {expires_at})")
            }
            Self::KeyDestroyWanted => f.write_str("KeyDestroyWanted"),
        }
    }
}

/// What an outgoing message is to this role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tag {
    /// Acknowledgements, pongs, notices: lost without harm.
    #[default]
    Service,
    /// The `rpc_result` of this request.
    Answer(MsgId),
    /// An update or `new_session_created`.
    Push,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// This many bytes of query are out. It came, or came again, in packet number `packet` of those
    /// that brought calls.
    Running { bytes: usize, packet: u32 },
    /// Bytes of a query whose answer the client no longer wants.
    Forgotten(usize),
    /// The answer waits in the queue, or was sent under this id and waits for its
    /// acknowledgement.
    Answered(Option<MsgId>),
}

/// What has to be remembered of a session that is forgotten, so that its packets, sent again,
/// do not run a second time in a new session of the same name.
///
/// Hand it to [`Connection::provide_new_session`](crate::server::Connection::provide_new_session)
/// when the client comes back: what may have run is answered by `bad_msg_notification` 20, and
/// an honest client sends it again under a new id. A packet is also refused when its salt has
/// ended: with a [`salt_secret`](crate::server::Config::salt_secret) drawn at each start, no
/// tombstone needs to survive a restart. A driver that keeps its secret over restarts must
/// store the tombstones of all its sessions as well, before it stops, or with each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tombstone {
    /// Which session it was.
    pub session: SessionRef,
    /// The newest msg_id it had taken in.
    pub floor: MsgId,
    /// Of no use from then on: nothing that old is accepted.
    pub keep_until: UnixTime,
}

/// `http_wait`: how long a client that polls by HTTP lets the server wait before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpWait {
    /// The longest wait after the first message to be sent.
    pub max_delay: Duration,
    /// The wait after the last message of a group.
    pub wait_after: Duration,
    /// The longest wait for anything to send.
    pub max_wait: Duration,
}

/// The server's half of a session. It outlives the connection it came by.
#[derive(Debug)]
pub struct ServerSession {
    link: Link,
    /// Windows, ids and salts follow this clock: a client can't follow one that steps back, as
    /// msg_ids never do.
    clock: Steady,
    salts: ServerSalts,
    standing: Standing,
    order: Order,
    /// Open requests: running, or answered and not yet acknowledged.
    calls: ById<Call>,
    /// Bytes of the queries among them that run.
    running_bytes: usize,
    /// Answered requests whose answers had to be given up before the client had them.
    lost: Option<Box<ById<()>>>,
    queue: VecDeque<Outgoing<Tag>>,
    unacknowledged: Kept,
    /// Bytes of content in `queue` and `unacknowledged`.
    kept_bytes: usize,
    /// Bytes of service messages in `queue`.
    notices_bytes: usize,
    updates_lost: bool,
    announced: bool,
    /// That of `new_session_created`.
    unique_id: i64,
    /// The client's last packet brought a ping or `http_wait`, as those of an idle client do.
    pinged: bool,
    disconnect_at: Option<Instant>,
    disconnect_is_due: bool,
    /// max_delay, wait_after and max_wait of the newest `http_wait`, in milliseconds.
    http_wait: Option<[i32; 3]>,
    /// The number of the newest packet that brought calls: over HTTP a request may wait for those
    /// of them that run.
    call_packet: u32,
    /// What the packet that is being read may still ask about.
    packet_ids: IdBudget,
    events: VecDeque<ServerSessionEvent>,
    limits: Arc<Limits>,
    ack_delay: Duration,
}

impl ServerSession {
    /// A new session under `key`, named by its client.
    pub fn new(
        key: &ServerKey,
        session_id: i64,
        salt_secret: impl Into<Arc<Secret<32>>>,
        seed: Seed,
        limits: impl Into<Arc<Limits>>,
        timings: Timings,
    ) -> Self {
        let limits = limits.into();
        let mut rng = Dormant::new(seed);
        let auth_key: AuthKey = key.auth_key.clone();
        let salts = ServerSalts::new(salt_secret.into(), auth_key.id(), key.first_salt);
        Self {
            link: Link::new(auth_key, session_id, Side::Server, rng.split(), Arc::clone(&limits)),
            clock: Steady::default(),
            salts,
            standing: Standing::new(key.expires_at, key.bound_to),
            order: Order::default(),
            calls: ById::default(),
            running_bytes: 0,
            lost: None,
            queue: VecDeque::new(),
            unacknowledged: Kept::default(),
            kept_bytes: 0,
            notices_bytes: 0,
            updates_lost: false,
            announced: false,
            // Never 0: some clients take that for "none".
            unique_id: i64::from_le_bytes(rng.array()) | 1,
            pinged: false,
            disconnect_at: None,
            disconnect_is_due: false,
            http_wait: None,
            call_packet: 0,
            packet_ids: IdBudget::new(&limits),
            events: VecDeque::new(),
            limits,
            ack_delay: timings.ack_delay,
        }
    }

    /// What names this session.
    pub fn reference(&self) -> SessionRef {
        SessionRef { key_id: self.key_id(), session_id: self.link.session_id }
    }

    /// The key it lives under.
    pub fn key_id(&self) -> AuthKeyId {
        self.link.key.id()
    }

    /// What to remember when this session is destroyed, evicted or dropped; `None` when it has
    /// taken nothing in.
    pub fn tombstone(&self) -> Option<Tombstone> {
        let floor = self.link.received.highest()?;
        let window = self.limits.msg_id_past_s.saturating_add(self.limits.msg_id_future_s);
        let keep_until = floor.time().after(Duration::from_secs(window));
        Some(Tombstone { session: self.reference(), floor, keep_until })
    }

    /// Answers every msg_id up to `floor` as one that may have run before, with code 20.
    pub fn refuse_up_to(&mut self, floor: MsgId) {
        self.link.received.raise_floor(floor);
    }

    /// The newest `http_wait` not yet taken. Other transports have no use for it.
    pub fn take_http_wait(&mut self) -> Option<HttpWait> {
        let [max_delay, wait_after, max_wait] =
            self.http_wait.take()?.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        Some(HttpWait { max_delay, wait_after, max_wait })
    }

    /// Whether a call of the newest packet that brought any, new ones or again, still runs.
    pub(crate) fn runs_calls_of_packet(&self) -> bool {
        let newest = self.call_packet;
        let mut calls = self.calls.iter().rev();
        calls.any(|(_, call)| matches!(call, Call::Running { packet, .. } if *packet == newest))
    }

    /// Gives back the memory of what a busy session needs.
    fn give_back(&mut self) {
        self.calls.give_back();
        self.events.shrink_to_fit();
        self.queue.shrink_to_fit();
        self.unacknowledged.give_back();
        self.link.give_back();
    }

    /// Whether nothing runs, nothing waits, and the client has all answers and updates. Nothing
    /// that it may ask about is older than its window then.
    fn is_idle(&self) -> bool {
        self.calls.is_empty()
            && self.lost.is_none()
            && self.queue.is_empty()
            && self.events.is_empty()
            && self.unacknowledged.len() == 0
    }

    /// The oldest event not yet taken.
    pub fn poll_event(&mut self) -> Option<ServerSessionEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let resend = self.unacknowledged.due();
        [self.link.acks.due(), resend, self.disconnect_at].into_iter().flatten().min()
    }

    /// Acknowledges what has waited, sends again what has waited too long for its
    /// acknowledgement. Afterwards [`Self::poll_timeout`] lies in the future.
    pub fn handle_timeout(&mut self, now: Now) {
        self.link.acks.handle_timeout(now.mono);
        for msg_id in self.unacknowledged.overdue(now.mono) {
            self.send_again_one(now, msg_id);
        }
        if self.disconnect_at.is_some_and(|at| at <= now.mono) {
            self.disconnect_at = None;
            self.disconnect_is_due = true;
        }
    }

    /// Whether the client's `ping_delay_disconnect` has run out.
    pub fn disconnect_is_due(&self) -> bool {
        self.disconnect_is_due
    }
}
