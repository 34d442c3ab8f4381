//! The client's half of a session.
//!
//! A call waits in the queue until there is a key and a transport, leaves in a packet, and
//! ends with its `rpc_result`. In between it may have to leave again: under its own msg_id in
//! a container after a lost transport, under a new one when the server refused the old.
//! `inbound.rs` reads what the server sends, `recovery.rs` holds the answers to
//! `bad_server_salt`, `bad_msg_notification` and `new_session_created`.

mod inbound;
mod outbound;
mod recovery;

use super::{
    CallId, RpcError, Timings,
    link::{Link, Outgoing},
    salts::{ClientSalts, ServerClock},
};
use crate::{
    auth_key::AuthKey,
    envelope::Side,
    limits::Limits,
    message_id::MsgId,
    seed::{Generator, Seed},
    time::{Instant, Now, UnixTime},
};
use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use bytes::Bytes;
use core::{fmt, time::Duration};
use odnix_tl::{
    Encode, EncodeError, Raw,
    odnix::functions::{InitConnection, InvokeWithLayer},
};

/// What the client says of itself with its first calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    /// The layer of its application schema.
    pub layer: i32,
    /// Its `query` is ignored.
    pub connection: InitConnection,
}

impl Init {
    /// invokeWithLayer and initConnection around a query.
    fn wrap(&self, query: Bytes) -> Result<Bytes, EncodeError> {
        let mut connection = self.connection.clone();
        connection.query = Raw(query);
        InvokeWithLayer { layer: self.layer, query: Raw(connection.to_bytes()?) }.to_bytes()
    }

    fn wrapper_len(&self) -> usize {
        self.wrap(Bytes::new()).map_or(0, |wrapper| wrapper.len())
    }
}

/// How a call ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server ran or read the request and refused it.
    #[error("the server refused: {0}")]
    Rpc(RpcError),
    /// The server refused the message itself each time it was sent.
    #[error("the server refused the message with code {code} each time")]
    Rejected {
        /// Of the last `bad_msg_notification`.
        code: i32,
    },
    /// The answer does not parse, or inflates beyond the limit.
    #[error("the answer is malformed")]
    MalformedAnswer,
    /// The embedder no longer waits for it. It may or may not have run.
    #[error("the call was abandoned")]
    Abandoned,
}

/// What a session tells its embedder. `Debug` shows no content.
#[non_exhaustive]
pub enum ClientSessionEvent {
    /// A call ended.
    Reply {
        /// The call.
        call: CallId,
        /// An object from its constructor id on, or why there is none.
        result: Result<Bytes, CallError>,
    },
    /// An object nobody asked for: an update of the application.
    Update(Bytes),
    /// The server has a new session for this client; updates may have been lost.
    SessionCreated,
    /// More updates arrived than [`Limits::events_max`] while nobody took events: the rest was
    /// dropped, so the difference must be asked for.
    UpdatesLost,
    /// The salt to be saved changed.
    SaltChanged(i64),
    /// The answer to [`ClientSession::ping`] or to the session's own ping.
    Pong {
        /// As given to the ping.
        ping_id: i64,
        /// From sending to receiving.
        round_trip: Duration,
    },
    /// The answer to [`ClientSession::get_future_salts`]: salts stored.
    FutureSalts {
        /// How many.
        count: usize,
    },
    /// The answer to [`ClientSession::destroy_session`].
    SessionDestroyed {
        /// The session named there.
        session_id: i64,
        /// Whether the server knew it.
        existed: bool,
    },
}

impl fmt::Debug for ClientSessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { call, result } => {
                let result = result.as_ref().map(|body| body.len());
                write!(f, "Reply({call:?}, {result:?} bytes)")
            }
            Self::Update(body) => write!(f, "Update({} bytes)", body.len()),
            Self::SessionCreated => f.write_str("SessionCreated"),
            Self::UpdatesLost => f.write_str("UpdatesLost"),
            Self::SaltChanged(_) => f.write_str("SaltChanged(…)"),
            Self::Pong { ping_id, round_trip } => write!(f, "Pong({ping_id}, {round_trip:?})"),
            Self::FutureSalts { count } => write!(f, "FutureSalts({count})"),
            Self::SessionDestroyed { session_id, existed } => {
                write!(f, "SessionDestroyed({session_id:#x}, {existed})")
            }
        }
    }
}

/// What an outgoing message is to this role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Tag {
    #[default]
    Ack,
    Call(CallId),
    Ping(i64),
    HttpWait,
    /// Any other service message.
    Service,
}

struct Call {
    /// The query, in `gzip_packed` if that is smaller.
    packed: Bytes,
    /// It was queued with [`Init`] around it.
    with_init: bool,
    /// Every id it was sent under and may still be answered to.
    msg_ids: Vec<MsgId>,
    refusals: u32,
    resends: u32,
    /// `None` while it waits in the queue.
    resend_at: Option<Instant>,
}

/// A message that left; kept to recognise what the server says about it.
struct Sent {
    seq_no: i32,
    body: Bytes,
    tag: Tag,
    container: Option<MsgId>,
    /// It had left before, under the same id, so the server may have it.
    again: bool,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({:?}, {} bytes)", self.msg_ids, self.packed.len())
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sent({:?}, {} bytes)", self.tag, self.body.len())
    }
}

/// The client's half of a session; it outlives connections and, if need be, keys.
#[derive(Debug)]
pub struct ClientSession {
    link: Option<Link>,
    salts: ClientSalts,
    clock: ServerClock,
    calls: BTreeMap<CallId, Call>,
    next_call: u64,
    queue: VecDeque<Outgoing<Tag>>,
    sent: BTreeMap<MsgId, Sent>,
    /// One message a packet from now on: the server refused a container.
    plain_packets: bool,
    init: Option<Init>,
    /// What `init` adds to a body, in bytes.
    init_len: usize,
    /// The server has answered a call that carried `init`.
    initialised: bool,
    server_session: Option<i64>,
    /// Updates were dropped because nobody took the events.
    updates_lost: bool,
    pings: Pings,
    events: VecDeque<ClientSessionEvent>,
    rng: Generator,
    limits: Limits,
    timings: Timings,
}

/// Keeps the connection alive and notices when it is not.
#[derive(Debug, Default)]
struct Pings {
    /// `None` while there is no transport.
    next_at: Option<Instant>,
    last_heard: Option<Instant>,
    /// ping_id and the time it was sent, oldest first.
    pending: VecDeque<(i64, Instant)>,
}

impl ClientSession {
    /// A session without a key yet; calls may be queued already.
    pub fn new(init: Option<Init>, seed: Seed, limits: Limits, timings: Timings) -> Self {
        let init_len = init.as_ref().map_or(0, Init::wrapper_len);
        Self {
            init_len,
            link: None,
            salts: ClientSalts::new(0),
            clock: ServerClock::guess(0),
            calls: BTreeMap::new(),
            next_call: 1,
            queue: VecDeque::new(),
            sent: BTreeMap::new(),
            plain_packets: false,
            init,
            initialised: false,
            server_session: None,
            updates_lost: false,
            pings: Pings::default(),
            events: VecDeque::new(),
            rng: Generator::new(seed),
            limits,
            timings,
        }
    }

    /// Starts a new session under `key`; unanswered calls are queued for it.
    pub fn use_key(&mut self, key: AuthKey, server_salt: i64) {
        self.salts = ClientSalts::new(server_salt);
        self.start_session(key);
    }

    /// As [`Self::use_key`], with what was saved by an earlier run; nothing has been heard from
    /// the server in this one.
    pub fn resume_key(&mut self, key: AuthKey, server_salt: i64, time_offset_us: i64) {
        self.clock = ServerClock::guess(time_offset_us);
        self.use_key(key, server_salt);
    }

    /// The server's clock showed `server_time` at `now`.
    pub fn set_server_time(&mut self, now: Now, server_time: UnixTime) {
        self.clock.set(now, server_time);
    }

    /// Server minus local wall clock in microseconds, as far as known.
    pub fn time_offset_us(&self, now: Now) -> i64 {
        self.clock.offset_us(now)
    }

    /// The session's random name, once there is a key.
    pub fn session_id(&self) -> Option<i64> {
        self.link.as_ref().map(|link| link.session_id)
    }

    /// The key in use.
    pub fn key(&self) -> Option<&AuthKey> {
        self.link.as_ref().map(|link| &link.key)
    }

    /// The salt in use, to be saved with the key.
    pub fn server_salt(&mut self, now: Now) -> i64 {
        self.salts.current(self.clock.time(now))
    }

    /// Calls that have not ended.
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// The oldest event not yet taken.
    pub fn poll_event(&mut self) -> Option<ClientSessionEvent> {
        let event = self.events.pop_front();
        if event.is_none() && core::mem::take(&mut self.updates_lost) {
            return Some(ClientSessionEvent::UpdatesLost);
        }
        event
    }

    /// Gives the key up, so that the next transport begins with a key exchange. Open calls stay
    /// open; the salts and ids that belonged to the key go with it.
    pub fn discard_key(&mut self) {
        self.link = None;
    }

    /// A new session_id under the same or another key: ids, sequence numbers and windows start
    /// again, calls without an outcome wait to be sent anew.
    fn start_session(&mut self, key: AuthKey) {
        let session_id = i64::from_le_bytes(self.rng.array());
        let seed = self.rng.split();
        self.link = Some(Link::new(key, session_id, Side::Client, seed, &self.limits));
        self.sent.clear();
        self.queue.clear();
        self.plain_packets = false;
        self.initialised = false;
        self.server_session = None;
        for call in self.calls.values_mut() {
            call.msg_ids.clear();
            call.resend_at = None;
        }
        let waiting: Vec<CallId> = self.calls.keys().copied().collect();
        for call in waiting {
            self.enqueue_call(call);
        }
    }
}
