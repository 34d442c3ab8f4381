//! The client's half of a session.
//!
//! A call waits until there is a key, a binding if the key is a temporary one, and a transport;
//! it leaves in a packet, and ends with its `rpc_result`. In between it may have to leave again:
//! under its own msg_id in a container after a lost transport, under a new one when the server
//! refused the old.
//!
//! ```text
//! call() ─> Held ──────> Queued ───────> Sent ────────────────> Asked ──────> ended
//!           no binding   poll_transmit   │ no answer in time:   │ msgs_state_info:
//!           or a change                  │ msgs_state_req       │ not received: Queued
//!           of keys                      └─ rpc_result: ended   │ received:     Sent
//!                                                               │ no answer:    Queued
//! ```
//!
//! `inbound.rs` reads what the server sends, `recovery.rs` holds the answers to
//! `bad_server_salt`, `bad_msg_notification` and `new_session_created`, `states.rs` those to
//! and from `msgs_state_req` and its kin, `binding.rs` the binding of a temporary key.
//!
//! # Limits
//! [`Limits::client_session_bytes_max`] is the sum of all that a server can make it hold.

mod binding;
mod event;
mod inbound;
mod outbound;
mod recovery;
mod states;

pub(crate) use binding::BindingAnswer;
pub use event::{CallError, ClientSessionEvent};
pub use outbound::Sealing;

use super::{
    CallId, Timings,
    link::{Link, Outgoing},
    salts::{ClientSalts, ServerClock},
    state::IdBudget,
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
    sync::Arc,
    vec::Vec,
};
use binding::Binding;
use bytes::Bytes;
use core::fmt;
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

/// What an outgoing message is to this role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Tag {
    #[default]
    Ack,
    Call(CallId),
    Ping(i64),
    /// `auth.bindTempAuthKey`.
    Binding,
    /// `get_future_salts`; whether the embedder asked.
    Salts {
        told: bool,
    },
    /// `msgs_state_req` about calls.
    StateReq,
    /// `rpc_drop_answer`.
    Drop,
    DestroySession(i64),
    DestroyKey,
    HttpWait,
    /// Any other service message.
    Service,
}

struct Call {
    /// The query, in `gzip_packed` if that is smaller.
    packed: Bytes,
    /// Bytes it inflates to.
    inflates_to: usize,
    /// It was queued with [`Init`] around it.
    with_init: bool,
    /// Every id it was sent under and may still be answered to.
    msg_ids: Vec<MsgId>,
    refusals: u32,
    /// Times that it left again or that the server was asked about it.
    attempts: u32,
    /// When to do something about it; `None` while it waits to be sent.
    due: Option<Instant>,
    /// The server was asked what became of it, and has not answered yet.
    asked: bool,
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
    /// Bytes of their requests.
    calls_bytes: usize,
    next_call: u64,
    queue: VecDeque<Outgoing<Tag>>,
    /// Service messages in `queue`, and their bytes.
    waiting_services: usize,
    waiting_bytes: usize,
    sent: BTreeMap<MsgId, Sent>,
    /// Bytes of those that are no calls.
    sent_bytes: usize,
    /// The temporary key's bond to the permanent one.
    binding: Option<Binding>,
    /// No call leaves: the key is about to change.
    held: bool,
    /// When the server was last asked for salts.
    salts_asked_at: Option<Instant>,
    /// Packets that asked for a quick acknowledgement, and their calls; `None`: none asks.
    quick_acks: Option<VecDeque<(u32, Vec<CallId>)>>,
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
    /// Bytes that those keep alive.
    events_bytes: usize,
    /// Length of the packet that is being read.
    packet_len: usize,
    /// What it may still ask about.
    packet_ids: IdBudget,
    rng: Generator,
    limits: Arc<Limits>,
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
            calls_bytes: 0,
            next_call: 1,
            queue: VecDeque::new(),
            waiting_services: 0,
            waiting_bytes: 0,
            sent: BTreeMap::new(),
            sent_bytes: 0,
            binding: None,
            held: false,
            salts_asked_at: None,
            quick_acks: None,
            plain_packets: false,
            init,
            initialised: false,
            server_session: None,
            updates_lost: false,
            pings: Pings::default(),
            events: VecDeque::new(),
            events_bytes: 0,
            packet_len: 0,
            packet_ids: IdBudget::new(&limits),
            rng: Generator::new(seed),
            limits: Arc::new(limits),
            timings,
        }
    }

    /// Starts a new session under `key`; unanswered calls are queued for it.
    pub fn use_key(&mut self, key: AuthKey, server_salt: i64) {
        self.binding = None;
        self.salts = ClientSalts::new(server_salt);
        self.start_session(key);
    }

    /// As [`Self::use_key`], with what was saved by an earlier run; nothing has been heard from
    /// the server in this one.
    pub fn resume_key(&mut self, key: AuthKey, server_salt: i64, time_offset_us: i64) {
        self.guess_time_offset(time_offset_us);
        self.use_key(key, server_salt);
    }

    /// The server's clock minus ours as an earlier run knew it; nothing has been heard in this one.
    pub(crate) fn guess_time_offset(&mut self, time_offset_us: i64) {
        self.clock = ServerClock::guess(time_offset_us);
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
        let len = event.as_ref().map_or(0, ClientSessionEvent::len);
        self.events_bytes = self.events_bytes.saturating_sub(len);
        if event.is_none() && core::mem::take(&mut self.updates_lost) {
            return Some(ClientSessionEvent::UpdatesLost);
        }
        event
    }

    fn emit(&mut self, event: ClientSessionEvent) {
        self.events_bytes = self.events_bytes.saturating_add(event.len());
        self.events.push_back(event);
    }

    /// Asks for a quick acknowledgement of every packet with a call in it. The transport must
    /// mark those packets, see [`Self::transmit`]; [`Self::handle_quick_ack`] takes what
    /// comes back.
    pub fn ask_for_quick_acks(&mut self) {
        self.quick_acks = Some(VecDeque::new());
    }

    /// Gives the key up, so that the next transport begins with a key exchange. Open calls stay
    /// open; the salts and ids that belonged to the key go with it.
    pub fn discard_key(&mut self) {
        self.link = None;
        self.binding = None;
        self.held = false;
        self.forget_messages();
    }

    /// Nothing that was sent counts any more; calls without an outcome wait.
    fn forget_messages(&mut self) {
        self.sent.clear();
        self.sent_bytes = 0;
        self.queue.clear();
        self.waiting_services = 0;
        self.waiting_bytes = 0;
        if let Some(waiting) = &mut self.quick_acks {
            waiting.clear();
        }
        for call in self.calls.values_mut() {
            call.msg_ids.clear();
            call.due = None;
            call.asked = false;
        }
    }

    /// A new session_id under the same or another key: ids, sequence numbers and windows start
    /// again, calls without an outcome wait to be sent anew.
    fn start_session(&mut self, key: AuthKey) {
        let session_id = i64::from_le_bytes(self.rng.array());
        let seed = self.rng.split();
        self.link = Some(Link::new(key, session_id, Side::Client, seed, Arc::clone(&self.limits)));
        self.forget_messages();
        self.bind_again();
        self.plain_packets = false;
        self.initialised = false;
        self.server_session = None;
        self.release_calls();
    }
}
