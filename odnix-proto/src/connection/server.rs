//! The server's connection: one transport, its key exchange, and the session it carries.
//!
//! ```text
//! plain packets      ──> key exchange ──> KeyCreated ──key_stored──> dh_gen_ok
//! encrypted packets  ──> KeyWanted ──provide_key──> opened
//!                    ──> SessionWanted ──provide_session──> session ──> Call, …
//! ```
//!
//! A connection carries one session at a time. A packet of another one sets the first free
//! (`SessionReleased`); the embedder keeps released sessions for the client's return and hands
//! them back when asked.
//!
//! Security: an unknown key is answered with −404; a packet that fails its checks likewise,
//! whichever check it was.

mod ahead;

use self::ahead::{AHEAD_MAX, Arrival, Arrived, Incoming, open_ahead};
use super::long_poll::LongPoll;
use crate::{
    auth_key::AuthKeyId,
    envelope::Opened,
    error::{PeerError, Received, UsageError},
    handshake::{self, Done, Established, Job, server::Handshake},
    limits::Limits,
    message_id::MsgId,
    secret::Secret,
    seed::{Dormant, Seed},
    session::{FIRST_SALT_VALID, FirstSalt, ServerSessionEvent, Timings},
    time::{Instant, Now},
    transition::Transition,
    transmit::Transmit,
    transport::{Frame, Framing, ServerFramer, ServerOptions},
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use bytes::{Bytes, BytesMut};

pub use crate::handshake::server::KeyStored;
pub use crate::session::{
    CallContext, CallId, HttpWait, KeyDestroyed, RpcError, ServerKey, ServerSession as Session,
    ServerSessionEvent as SessionEvent, SessionRef, Tombstone,
};

/// What all connections of a listener share.
#[derive(Clone, Debug)]
pub struct Config {
    /// RSA keys, dc and group for the key exchange.
    pub handshake: Arc<handshake::server::Config>,
    /// What the listener accepts: WebSocket listeners require obfuscation.
    pub transport: ServerOptions,
    /// Salts are derived from it; to be drawn anew at each start of the server.
    pub salt_secret: Arc<Secret<32>>,
    /// Bounds on everything.
    pub limits: Arc<Limits>,
    /// Acknowledgement times.
    pub timings: Timings,
}

/// What a connection tells its embedder.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Heavy arithmetic to run anywhere and hand back to [`Connection::complete`].
    Work(Job),
    /// A key was agreed on. Store it, then answer with [`Connection::key_stored`]; the client
    /// hears of it only after that.
    KeyCreated(ServerKey),
    /// Answer with [`Connection::provide_key`].
    KeyWanted(AuthKeyId),
    /// Answer with [`Connection::provide_session`].
    SessionWanted(SessionRef),
    /// The client went on to another session; keep this one for its return.
    SessionReleased(Box<Session>),
    /// What the session says.
    Session(ServerSessionEvent),
    /// The client's `ping_delay_disconnect` has run out: close.
    DisconnectDue,
}

#[derive(Debug)]
enum Parked {
    /// Waits for its key.
    Sealed { key_id: AuthKeyId, packet: Incoming, quick_ack: bool },
    /// Waits for its session.
    Opened(Opened),
}

/// Every way from one state to another. [`Connection::state`] names the state. The key exchange
/// has a [table of its own](crate::handshake::server::TRANSITIONS).
pub const TRANSITIONS: &[Transition] = &[
    Transition::new("Idle", "key stored", "Keyed"),
    Transition::new("Idle", "packet under another key", "KeyAsked"),
    Transition::new("Idle", "broken rule", "Failed"),
    Transition::new("Idle", "timeout", "Failed"),
    Transition::new("Idle", "refused", "Failed"),
    Transition::new("Keyed", "packet of another session", "SessionAsked"),
    Transition::new("Keyed", "packet under another key", "KeyAsked"),
    Transition::new("Keyed", "unknown key", "Failed"),
    Transition::new("Keyed", "broken rule", "Failed"),
    Transition::new("Keyed", "timeout", "Failed"),
    Transition::new("Keyed", "refused", "Failed"),
    Transition::new("KeyAsked", "key", "SessionAsked"),
    Transition::new("KeyAsked", "unknown key", "Failed"),
    Transition::new("KeyAsked", "broken rule", "Failed"),
    Transition::new("KeyAsked", "timeout", "Failed"),
    Transition::new("KeyAsked", "refused", "Failed"),
    Transition::new("SessionAsked", "session", "Carrying"),
    Transition::new("SessionAsked", "session", "SessionAsked"),
    Transition::new("SessionAsked", "session", "KeyAsked"),
    Transition::new("SessionAsked", "unknown key", "Failed"),
    Transition::new("SessionAsked", "broken rule", "Failed"),
    Transition::new("SessionAsked", "timeout", "Failed"),
    Transition::new("SessionAsked", "refused", "Failed"),
    Transition::new("Carrying", "packet of another session", "SessionAsked"),
    Transition::new("Carrying", "packet under another key", "KeyAsked"),
    Transition::new("Carrying", "session released", "Keyed"),
    Transition::new("Carrying", "unknown key", "Failed"),
    Transition::new("Carrying", "broken rule", "Failed"),
    Transition::new("Carrying", "refused", "Failed"),
];

/// What a small packet takes is not given back after each.
const SCRATCH_BYTES_KEPT: usize = 512;

/// One transport of one client.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    framer: ServerFramer,
    exchange: Option<Box<Handshake>>,
    /// How many key exchanges were begun by those that are forgotten.
    exchanges_over: u64,
    /// Keys made on this connection that the embedder has not stored yet.
    proposed: BTreeMap<AuthKeyId, ServerKey>,
    key: Option<ServerKey>,
    asked_key: Option<AuthKeyId>,
    session: Option<Box<Session>>,
    asked_session: Option<SessionRef>,
    parked: VecDeque<Parked>,
    parked_bytes: usize,
    failed: Option<PeerError>,
    /// The transport error still to be sent.
    last_words: Option<i32>,
    quick_acks: VecDeque<u32>,
    /// Over HTTP: when the open request is answered.
    long_poll: LongPoll,
    /// Over HTTP: what a session that left had to say to its open requests.
    farewells: VecDeque<BytesMut>,
    disconnecting: bool,
    events: VecDeque<Event>,
    scratch: BytesMut,
    rng: Dormant,
}

impl Connection {
    /// The server's end of a fresh transport.
    pub fn new(config: Arc<Config>, seed: Seed) -> Self {
        let mut rng = Dormant::new(seed);
        Self {
            framer: ServerFramer::new(
                ServerOptions {
                    packet_bytes_max: config.limits.packet_bytes_max,
                    http_head_bytes_max: config.limits.http_head_bytes_max,
                    http_requests_max: config.limits.http_requests_max,
                    ..config.transport.clone()
                },
                rng.split(),
            ),
            long_poll: LongPoll::new(config.limits.http_wait_max_ms),
            farewells: VecDeque::new(),
            config,
            exchange: None,
            exchanges_over: 0,
            proposed: BTreeMap::new(),
            key: None,
            asked_key: None,
            session: None,
            asked_session: None,
            parked: VecDeque::new(),
            parked_bytes: 0,
            failed: None,
            last_words: None,
            quick_acks: VecDeque::new(),
            disconnecting: false,
            events: VecDeque::new(),
            scratch: BytesMut::new(),
            rng,
        }
    }

    /// The name of the state, as in [`TRANSITIONS`]. While a question is open, the session carried
    /// so far stays.
    pub fn state(&self) -> &'static str {
        if self.failed.is_some() {
            "Failed"
        } else if self.asked_key.is_some() {
            "KeyAsked"
        } else if self.asked_session.is_some() {
            "SessionAsked"
        } else if self.session.is_some() {
            "Carrying"
        } else if self.key.is_some() {
            "Keyed"
        } else {
            "Idle"
        }
    }

    // --- inbound -----------------------------------------------------------------------

    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// [`PeerError`], final and sticky: send what [`Self::poll_transmit`] still has, close.
    pub fn receive(&mut self, now: Now, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.check_alive()?;
        let outcome = self.receive_frames(now, bytes);
        self.settle(outcome)
    }

    fn receive_frames(&mut self, now: Now, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.framer.receive(bytes)?;
        loop {
            let mut arrived: Arrived = [const { None }; AHEAD_MAX];
            let may_have_more = self.take_arrived(&mut arrived);
            if let [Some(_), Some(_), ..] = &arrived
                && let Some(key) = &self.key
            {
                open_ahead(&key.auth_key, &mut arrived);
            }
            for arrival in arrived.into_iter().flatten() {
                self.long_poll.request(now.mono);
                self.handle_packet(now, arrival.packet, arrival.quick_ack)?;
                self.take_http_wait();
            }
            if !may_have_more? {
                return Ok(());
            }
        }
    }

    /// Whole packets, as many as there are places; over HTTP one, as each is a request.
    fn take_arrived(&mut self, arrived: &mut Arrived) -> Result<bool, PeerError> {
        for place in arrived {
            match self.framer.next_frame()? {
                Some(Frame::Packet { packet, quick_ack }) => {
                    *place = Some(Arrival { packet: Incoming::Closed(packet), quick_ack });
                }
                Some(Frame::QuickAck(_) | Frame::Error(_)) => {}
                None => return Ok(false),
            }
            if self.framer.open_requests() > 0 {
                break;
            }
        }
        Ok(true)
    }

    /// What the packet just read said of its request.
    fn take_http_wait(&mut self) {
        if let Some(wait) = self.session.as_mut().and_then(|session| session.take_http_wait()) {
            self.long_poll.hold(wait);
        }
    }

    /// Refuses the client with a transport error before anything is read, as for a quota.
    pub fn refuse(&mut self, fault: PeerError) {
        let _ = self.settle(Err(fault));
    }

    fn check_alive(&self) -> Result<(), PeerError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn settle(&mut self, outcome: Result<(), PeerError>) -> Result<(), PeerError> {
        if let Err(fault) = outcome
            && self.failed.is_none()
        {
            self.failed = Some(fault);
            self.last_words = fault.wire_code();
            self.parked.clear();
        }
        outcome
    }

    fn handle_packet(
        &mut self,
        now: Now,
        packet: Incoming,
        quick_ack: bool,
    ) -> Result<Received, PeerError> {
        let key_id = packet.key_id().ok_or(PeerError::Envelope)?;
        if key_id == AuthKeyId::PLAIN
            && let Incoming::Closed(packet) = packet
        {
            return self.handle_plain(now, packet.freeze());
        }
        if self.has_key(key_id) && self.parked.is_empty() {
            return self.handle_sealed(now, key_id, packet, quick_ack);
        }
        self.park(packet.len(), Parked::Sealed { key_id, packet, quick_ack })?;
        self.ask_for_key(key_id);
        Ok(Received::Accepted)
    }

    fn has_key(&self, key_id: AuthKeyId) -> bool {
        self.key.as_ref().is_some_and(|key| key.auth_key.id() == key_id)
    }

    /// A packet under the connection's own key.
    fn handle_sealed(
        &mut self,
        now: Now,
        key_id: AuthKeyId,
        packet: Incoming,
        quick_ack: bool,
    ) -> Result<Received, PeerError> {
        let key = self.key.as_ref().ok_or(PeerError::UnknownKey)?;
        let opened = self.open(now, key, packet)?;
        self.handle_opened(now, key_id, opened, quick_ack)
    }

    /// Opens a packet under a key that is still one.
    fn open(&self, now: Now, key: &ServerKey, packet: Incoming) -> Result<Opened, PeerError> {
        let now_s = i64::try_from(now.wall.as_secs()).unwrap_or(i64::MAX);
        let session = self.session.as_deref().filter(|it| it.key_id() == key.auth_key.id());
        // A binding may have ended the key earlier than it was made for.
        let bound_until = session.and_then(Session::key_expires_at);
        let mut ends = [key.expires_at, bound_until].into_iter().flatten();
        if ends.any(|ends| i64::from(ends) <= now_s)
            || session.is_some_and(Session::key_is_destroyed)
        {
            return Err(PeerError::UnknownKey);
        }
        packet.open(&key.auth_key)
    }

    fn handle_plain(&mut self, now: Now, packet: Bytes) -> Result<Received, PeerError> {
        let exchange = self.exchange.get_or_insert_with(|| {
            let config = Arc::clone(&self.config.handshake);
            Box::new(Handshake::new(config, self.rng.split()))
        });
        let received = exchange.handle_packet(now, packet)?;
        self.drain_exchange(now);
        Ok(received)
    }

    fn drain_exchange(&mut self, now: Now) {
        while let Some(exchange) = &mut self.exchange
            && let Some(event) = exchange.poll_event()
        {
            match event {
                handshake::server::Event::Work(job) => self.events.push_back(Event::Work(job)),
                handshake::server::Event::KeyProposed(established) => {
                    self.propose(now, established);
                }
            }
        }
    }

    fn propose(&mut self, now: Now, established: Established) {
        let Established { auth_key, server_salt, expires_at, dc, .. } = established;
        let first_salt =
            FirstSalt { salt: server_salt, valid_until: now.wall.after(FIRST_SALT_VALID) };
        let key =
            ServerKey { auth_key, first_salt: Some(first_salt), expires_at, bound_to: None, dc };
        self.proposed.insert(key.auth_key.id(), key.clone());
        self.events.push_back(Event::KeyCreated(key));
    }

    /// Answers [`Event::KeyCreated`].
    ///
    /// # Errors
    /// [`UsageError::NotAsked`].
    pub fn key_stored(
        &mut self,
        now: Now,
        id: AuthKeyId,
        stored: KeyStored,
    ) -> Result<(), UsageError> {
        let key = self.proposed.remove(&id).ok_or(UsageError::NotAsked)?;
        if self.proposed.is_empty() {
            // An empty map keeps a node.
            self.proposed = BTreeMap::new();
        }
        let exchange = self.exchange.as_mut().ok_or(UsageError::NotAsked)?;
        exchange.key_stored(now, id, stored)?;
        // Never under the feet of packets that wait for another key.
        let idle = self.session.is_none() && self.parked.is_empty() && self.asked_key.is_none();
        if stored == KeyStored::Stored && idle {
            self.key = Some(key);
        }
        Ok(())
    }

    /// How many key exchanges were begun here; to count them against the quota of an address.
    pub fn exchanges(&self) -> u64 {
        let here = self.exchange.as_ref().map_or(0, |exchange| exchange.exchanges());
        self.exchanges_over.saturating_add(here)
    }

    // --- keys and sessions -------------------------------------------------------------

    fn park(&mut self, len: usize, parked: Parked) -> Result<(), PeerError> {
        self.parked_bytes = self.parked_bytes.saturating_add(len);
        let limits = &self.config.limits;
        if self.parked_bytes > limits.parked_bytes_max
            || self.parked.len() >= limits.parked_packets_max
        {
            return Err(PeerError::Flood);
        }
        self.parked.push_back(parked);
        Ok(())
    }

    fn ask_for_key(&mut self, key_id: AuthKeyId) {
        if self.asked_key.is_none() && self.asked_session.is_none() {
            self.asked_key = Some(key_id);
            self.events.push_back(Event::KeyWanted(key_id));
        }
    }

    /// Answers [`Event::KeyWanted`].
    ///
    /// # Errors
    /// [`PeerError::UnknownKey`] for `None` or another key, or what the waiting packets bring; final.
    pub fn provide_key(
        &mut self,
        now: Now,
        id: AuthKeyId,
        key: Option<ServerKey>,
    ) -> Result<(), PeerError> {
        self.check_alive()?;
        if self.asked_key != Some(id) {
            return Ok(());
        }
        self.asked_key = None;
        let outcome = match key.filter(|key| key.auth_key.id() == id) {
            Some(key) => {
                self.key = Some(key);
                self.unpark(now)
            }
            None => Err(PeerError::UnknownKey),
        };
        self.take_http_wait();
        self.settle(outcome)
    }

    /// A temporary key was bound by another connection: it holds for this one, too.
    pub fn key_bound(&mut self, id: AuthKeyId, perm_auth_key_id: AuthKeyId) {
        if let Some(key) = self.key.as_mut().filter(|key| key.auth_key.id() == id) {
            key.bound_to.get_or_insert(perm_auth_key_id);
        }
        if let Some(session) = self.session.as_mut().filter(|session| session.key_id() == id) {
            session.adopt_binding(perm_auth_key_id);
        }
    }

    /// Answers [`Event::SessionWanted`]; `None` begins a new session.
    ///
    /// # Errors
    /// What the waiting packets bring; final.
    pub fn provide_session(
        &mut self,
        now: Now,
        wanted: SessionRef,
        session: Option<Box<Session>>,
    ) -> Result<(), PeerError> {
        self.take_session(now, wanted, session, None)
    }

    /// As [`Self::provide_session`] with `None`, for a session that was there before and was
    /// forgotten: `floor` is that of its [`Tombstone`].
    ///
    /// # Errors
    /// What the waiting packets bring; final.
    pub fn provide_new_session(
        &mut self,
        now: Now,
        wanted: SessionRef,
        floor: Option<MsgId>,
    ) -> Result<(), PeerError> {
        self.take_session(now, wanted, None, floor)
    }

    fn take_session(
        &mut self,
        now: Now,
        wanted: SessionRef,
        session: Option<Box<Session>>,
        floor: Option<MsgId>,
    ) -> Result<(), PeerError> {
        let is_wanted = self.asked_session == Some(wanted) && self.failed.is_none();
        let key = self.key.as_mut().filter(|key| is_wanted && key.auth_key.id() == wanted.key_id);
        let Some(key) = key else {
            // Not wanted any more, but not ours to lose.
            self.events.extend(session.map(Event::SessionReleased));
            return self.check_alive();
        };
        self.asked_session = None;
        if let Some(before) = self.session.as_ref().filter(|it| it.key_id() == wanted.key_id) {
            key.bound_to = key.bound_to.or(before.bound_to());
            key.expires_at = before.key_expires_at();
        }
        let fitting = session.filter(|session| session.reference() == wanted);
        let mut session = fitting.unwrap_or_else(|| {
            Box::new(Session::new(
                key,
                wanted.session_id,
                Arc::clone(&self.config.salt_secret),
                self.rng.split(),
                Arc::clone(&self.config.limits),
                self.config.timings.clone(),
            ))
        });
        if let Some(floor) = floor {
            session.refuse_up_to(floor);
        }
        if let Some(perm_auth_key_id) = key.bound_to {
            session.adopt_binding(perm_auth_key_id);
        }
        key.bound_to = session.bound_to();
        if let Some(mut old) = self.session.replace(session) {
            // Each packet that waits came in a request of its own, meant for the new session.
            let others = self.framer.open_requests().saturating_sub(self.parked.len());
            self.say_farewell(now, &mut old, others);
            old.transport_lost();
            self.events.push_back(Event::SessionReleased(old));
        }
        let outcome = self.unpark(now);
        self.take_http_wait();
        self.settle(outcome)
    }

    /// Works through the parked packets until one has to wait again.
    fn unpark(&mut self, now: Now) -> Result<(), PeerError> {
        while let Some(next) = self.parked.pop_front() {
            match next {
                Parked::Sealed { key_id, packet, quick_ack } => {
                    if !self.has_key(key_id) {
                        self.parked.push_front(Parked::Sealed { key_id, packet, quick_ack });
                        self.ask_for_key(key_id);
                        return Ok(());
                    }
                    self.parked_bytes = self.parked_bytes.saturating_sub(packet.len());
                    self.handle_sealed(now, key_id, packet, quick_ack)?;
                }
                Parked::Opened(opened) => {
                    let Some(session) = &mut self.session else { return Ok(()) };
                    self.parked_bytes = self.parked_bytes.saturating_sub(opened.data.len());
                    self.long_poll.read(&opened.data, self.framer.open_requests());
                    session.handle_opened(now, opened);
                }
            }
            if self.asked_session.is_some() {
                return Ok(());
            }
        }
        self.parked = VecDeque::new();
        Ok(())
    }

    fn handle_opened(
        &mut self,
        now: Now,
        key_id: AuthKeyId,
        opened: Opened,
        quick_ack: bool,
    ) -> Result<Received, PeerError> {
        if quick_ack && self.quick_acks.len() < self.config.limits.quick_acks_max {
            self.quick_acks.push_back(opened.quick_ack_token);
        }
        let wanted = SessionRef { key_id, session_id: opened.header.session_id };
        if let Some(session) = &mut self.session
            && session.reference() == wanted
        {
            self.long_poll.read(&opened.data, self.framer.open_requests());
            return Ok(session.handle_opened(now, opened));
        }
        self.parked_bytes = self.parked_bytes.saturating_add(opened.data.len());
        self.parked.push_front(Parked::Opened(opened));
        self.asked_session = Some(wanted);
        self.events.push_back(Event::SessionWanted(wanted));
        Ok(Received::Accepted)
    }

    /// The session this connection carries, to answer calls and push updates.
    pub fn session(&mut self) -> Option<&mut Session> {
        self.session.as_deref_mut()
    }

    /// The connection is over: its session, to be kept for the client's return.
    pub fn into_session(mut self) -> Option<Box<Session>> {
        if let Some(session) = &mut self.session {
            session.transport_lost();
        }
        self.session
    }

    /// Gives the session to a newer connection of the same client. Over HTTP the open requests of
    /// this one are still answered: poll [`Self::poll_transmit`].
    pub fn release_session(&mut self, now: Now) -> Option<Box<Session>> {
        let mut session = self.session.take()?;
        self.say_farewell(now, &mut session, self.framer.open_requests());
        session.transport_lost();
        Some(session)
    }

    /// Nobody else could seal an answer to the requests that a session leaves behind.
    fn say_farewell(&mut self, now: Now, session: &mut Session, requests: usize) {
        for _ in self.farewells.len()..requests {
            let mut packet = BytesMut::new();
            if session.transmit_nothing(now, &mut packet) {
                self.farewells.push_back(packet);
            }
        }
    }

    // --- outbound, events, time --------------------------------------------------------

    /// Appends at most one frame to `out`.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        let start = out.len();
        if let Some(code) = self.last_words.take() {
            self.framer.frame_error(code, out);
        } else if self.failed.is_some() {
            return None;
        } else if let Some(token) = self.quick_acks.pop_front() {
            self.framer.frame_quick_ack(token, out);
        } else {
            self.scratch.clear();
            if !self.poll_packet(now) || self.framer.frame(&self.scratch, out).is_err() {
                // A silent connection holds little memory for what it will say.
                if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
                    self.scratch = BytesMut::new();
                }
                return None;
            }
            self.long_poll.answered();
        }
        let len = out.len().saturating_sub(start);
        (len > 0).then_some(Transmit { len })
    }

    fn poll_packet(&mut self, now: Now) -> bool {
        let over_http = self.framer.framing() == Some(Framing::Http);
        if over_http && self.framer.open_requests() == 0 {
            return false;
        }
        if let Some(packet) = self.farewells.pop_front() {
            self.scratch = packet;
            return true;
        }
        if let Some(exchange) = &mut self.exchange
            && exchange.poll_transmit(now, &mut self.scratch).is_some()
        {
            return true;
        }
        if over_http {
            return self.poll_answer(now);
        }
        self.session.as_mut().is_some_and(|session| session.poll_transmit(now, &mut self.scratch))
    }

    /// Over HTTP: the answer to the oldest request, when it is due.
    fn poll_answer(&mut self, now: Now) -> bool {
        let calls_run = self.calls_run();
        let Some(session) = &mut self.session else { return false };
        self.long_poll.observe(now.mono, session.waiting(now));
        self.long_poll.is_due(now.mono, calls_run)
            && (session.poll_transmit(now, &mut self.scratch)
                || session.transmit_nothing(now, &mut self.scratch))
    }

    /// Whether calls of the newest packet run.
    fn calls_run(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.runs_calls_of_packet())
    }

    /// The oldest event not yet taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        // These come when a connection begins, and hardly ever again.
        self.events = VecDeque::new();
        self.session.as_mut()?.poll_event().map(Event::Session)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.failed.is_some() || self.disconnecting {
            return None;
        }
        let exchange = self.exchange.as_ref().and_then(|exchange| exchange.poll_timeout());
        let session = self.session.as_ref().and_then(|session| session.poll_timeout());
        let answer =
            self.long_poll.due(self.calls_run()).filter(|_| self.framer.open_requests() > 0);
        [exchange, session, answer].into_iter().flatten().min()
    }

    /// Lets time pass: acknowledgements, resends, deadlines.
    ///
    /// # Errors
    /// A key exchange that took too long; final, unless there is a session: a client may have
    /// probed the connection with `req_pq_multi` before it took it into use.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        self.check_alive()?;
        self.long_poll.handle_timeout(now.mono, self.calls_run());
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
            if session.disconnect_is_due() && !self.disconnecting {
                self.disconnecting = true;
                self.events.push_back(Event::DisconnectDue);
            }
        }
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        let outcome = exchange.handle_timeout(now);
        let is_forgiven = outcome.is_err() && self.session.is_some();
        if let Some(over) = self.exchange.take_if(|exchange| is_forgiven || exchange.is_over()) {
            self.exchanges_over = self.exchanges_over.saturating_add(over.exchanges());
            return Ok(());
        }
        self.drain_exchange(now);
        self.settle(outcome)
    }

    /// Takes the result of an [`Event::Work`] job.
    ///
    /// # Errors
    /// The key exchange failed; final. A result that is no longer wanted is ignored.
    pub fn complete(&mut self, now: Now, done: Done) -> Result<(), PeerError> {
        self.check_alive()?;
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        let outcome = exchange.complete(now, done);
        self.drain_exchange(now);
        self.settle(outcome)
    }
}
