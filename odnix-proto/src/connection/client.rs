//! The client's connection: it survives its transports, and makes the keys it needs.
//!
//! ```text
//! transport_connected ─> permanent key ─> KeyCreated ─> temporary key ─> binding ─> Ready
//!         ^              (skipped when resumed)         (with Config::pfs)          │ calls,
//!         └──────────────────────────── transport_lost <────────────────────────────┘ replies,
//!                                                                                     updates
//! ```
//!
//! With [`Config::pfs`] the permanent key makes no packet: it only proves who binds the temporary
//! keys, so its id is never seen on the wire. [`State`] names where a connection stands,
//! [`temporary_key`] says how temporary keys come and go.

mod state;
pub mod temporary_key;

pub use state::{State, TRANSITIONS};
pub use temporary_key::{Pfs, TemporaryKeyEvent, TemporaryKeyLoss};

use crate::{
    auth_key::{AuthKey, AuthKeyId},
    envelope::{self, Side},
    error::{
        CODE_FLOOD, CODE_NOT_FOUND, CODE_WRONG_DC, DropReason, PeerError, Received, UsageError,
    },
    handshake::{self, Done, Established, Job, client::Handshake},
    limits::Limits,
    seed::{Generator, Seed},
    session::{CallId, ClientSession, ClientSessionEvent, Sealing, Timings},
    time::{Instant, Now},
    transmit::Transmit,
    transport::{ClientFramer, ClientOptions, Frame, Framing},
};
use alloc::{boxed::Box, collections::VecDeque, sync::Arc};
use bytes::{Bytes, BytesMut};
use core::{fmt, mem};
use state::Phase;
use temporary_key::{Life, Successor};

pub use crate::session::{CallError, ClientSessionEvent as SessionEvent, Init};

/// What all connections of a client share.
#[derive(Clone, Debug)]
pub struct Config {
    /// Server keys, dc and key lifetime for the key exchange.
    pub handshake: Arc<handshake::client::Config>,
    /// Framing and obfuscation.
    pub transport: ClientOptions,
    /// Temporary keys, bound to the permanent one; `None` uses the permanent key itself.
    pub pfs: Option<Pfs>,
    /// Ask for a quick acknowledgement of every packet with a call in it
    /// ([`SessionEvent::Acknowledged`]).
    pub quick_acks: bool,
    /// What to say with the first calls of a session; `None` sends calls bare.
    pub init: Option<Init>,
    /// Bounds on everything.
    pub limits: Limits,
    /// Acknowledgement and ping times.
    pub timings: Timings,
}

/// What a client keeps between runs: its permanent key. Temporary ones live in memory only.
#[derive(Clone)]
pub struct SavedKey {
    /// The key.
    pub auth_key: AuthKey,
    /// The salt last in use.
    pub server_salt: i64,
    /// Server minus local wall clock, in microseconds.
    pub time_offset_us: i64,
}

impl fmt::Debug for SavedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SavedKey({:?}, …)", self.auth_key)
    }
}

/// What a connection tells its embedder.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Heavy arithmetic to run anywhere and hand back to [`Connection::complete`].
    Work(Job),
    /// A key was made, to be saved before anything important is done with it.
    KeyCreated(SavedKey),
    /// There is a key and a transport: calls leave from now on.
    Ready,
    /// The server does not know the permanent key (transport error −404, or it refused to bind a
    /// temporary key to it). It may be gone for good: [`Connection::discard_key`] makes a new one
    /// at the next transport.
    KeyUnknown(AuthKeyId),
    /// A temporary key came or went.
    TemporaryKey(TemporaryKeyEvent),
    /// The server's transport refused to serve; the transport ends.
    Refused(Refusal),
    /// What the session says.
    Session(ClientSessionEvent),
}

/// A transport error that says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// −429: too many connections or requests. Wait before the next one.
    TooMany,
    /// −444: the server does not serve the dc asked for. Another address is needed.
    WrongDc,
}

/// The key that names this client to the server.
#[derive(Debug)]
struct PermanentKey {
    auth_key: AuthKey,
    server_salt: i64,
    /// When it was made, if in this run; forgotten once the server has shown that it knows it.
    made_at: Option<Instant>,
}

/// A client's connection over any number of transports.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    /// As `config.handshake`, for temporary keys.
    temporary: Option<Arc<handshake::client::Config>>,
    framer: Option<ClientFramer>,
    phase: Phase,
    permanent: Option<PermanentKey>,
    life: Life,
    session: ClientSession,
    failed: Option<PeerError>,
    events: VecDeque<Event>,
    scratch: BytesMut,
    rng: Generator,
}

impl Connection {
    /// A connection without a key: the first transport begins with a key exchange.
    pub fn new(config: Arc<Config>, seed: Seed) -> Self {
        let mut rng = Generator::new(seed);
        let (init, limits) = (config.init.clone(), config.limits.clone());
        let mut session = ClientSession::new(init, rng.split(), limits, config.timings.clone());
        if config.quick_acks {
            session.ask_for_quick_acks();
        }
        let temporary = config.pfs.as_ref().map(|pfs| {
            let expires_in = Some(pfs.expires_in_s);
            Arc::new(handshake::client::Config { expires_in, ..(*config.handshake).clone() })
        });
        Self {
            config,
            temporary,
            framer: None,
            phase: Phase::Offline,
            permanent: None,
            life: Life::default(),
            session,
            failed: None,
            events: VecDeque::new(),
            scratch: BytesMut::new(),
            rng,
        }
    }

    /// A connection with a key from an earlier run.
    pub fn resume(config: Arc<Config>, seed: Seed, saved: SavedKey) -> Self {
        let mut connection = Self::new(config, seed);
        let SavedKey { auth_key, server_salt, time_offset_us } = saved;
        connection.session.guess_time_offset(time_offset_us);
        if connection.temporary.is_none() {
            connection.session.use_key(auth_key.clone(), server_salt);
        }
        connection.permanent = Some(PermanentKey { auth_key, server_salt, made_at: None });
        connection
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// The public name of the permanent key.
    pub fn permanent_key_id(&self) -> Option<AuthKeyId> {
        self.permanent.as_ref().map(|key| key.auth_key.id())
    }

    /// The public name of the temporary key in use.
    pub fn temporary_key_id(&self) -> Option<AuthKeyId> {
        self.session.key().filter(|_| self.temporary.is_some()).map(AuthKey::id)
    }

    // --- transport ---------------------------------------------------------------------

    /// A fresh transport is up; replaces the one before.
    pub fn transport_connected(&mut self, now: Now) {
        self.transport_lost();
        let max = self.config.limits.packet_bytes_max;
        let head_max = self.config.limits.http_head_bytes_max;
        let options = self.config.transport.clone();
        let options = options.packet_bytes_max(max).http_head_bytes_max(head_max);
        self.framer = Some(ClientFramer::new(&options, self.rng.split()));
        match (&self.permanent, &self.temporary) {
            (None, _) => {
                let config = Arc::clone(&self.config.handshake);
                let exchange = Handshake::new(config, self.rng.split());
                self.phase = Phase::AwaitPermanentKey(Box::new(exchange));
            }
            (Some(_), None) => self.ready(now),
            (Some(_), Some(_)) => self.begin_temporary(now),
        }
    }

    /// The transport is gone. Calls stay open and leave again by the next one.
    pub fn transport_lost(&mut self) {
        self.framer = None;
        self.keep_successor();
        self.phase = Phase::Offline;
        // What an exchange of this transport had to calculate, nobody waits for.
        self.events.retain(|event| !matches!(event, Event::Work(_)));
        self.failed = None;
        self.session.transport_lost();
    }

    /// Gives the permanent key up, and with it the temporary one and the transport: close that, as
    /// after [`Self::transport_lost`]. The next one begins with a key exchange. Open calls stay
    /// open.
    pub fn discard_key(&mut self) {
        self.transport_lost();
        self.permanent = None;
        self.life = Life::default();
        self.session.discard_key();
    }

    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// [`PeerError`], final for this transport: close it and call [`Self::transport_lost`].
    pub fn receive(&mut self, now: Now, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.check_alive()?;
        let outcome = self.receive_frames(now, bytes);
        self.failed = outcome.err();
        outcome
    }

    fn check_alive(&self) -> Result<(), PeerError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn receive_frames(&mut self, now: Now, bytes: &mut BytesMut) -> Result<(), PeerError> {
        let Some(framer) = &mut self.framer else {
            bytes.clear();
            return Ok(());
        };
        framer.receive(bytes)?;
        while let Some(framer) = &mut self.framer {
            match framer.next_frame()? {
                Some(Frame::Packet { packet, .. }) => {
                    self.handle_packet(now, packet)?;
                }
                Some(Frame::Error(code)) => return Err(self.on_transport_error(now, code)),
                Some(Frame::QuickAck(token)) => {
                    self.session.handle_quick_ack(token);
                }
                None => break,
            }
        }
        Ok(())
    }

    fn on_transport_error(&mut self, now: Now, code: i32) -> PeerError {
        match code {
            CODE_NOT_FOUND if self.temporary.is_some() => self.on_temporary_key_unknown(now),
            CODE_NOT_FOUND => {
                let key = self.permanent.as_ref().map(|key| Event::KeyUnknown(key.auth_key.id()));
                self.events.extend(key);
            }
            CODE_FLOOD => self.events.push_back(Event::Refused(Refusal::TooMany)),
            CODE_WRONG_DC => self.events.push_back(Event::Refused(Refusal::WrongDc)),
            _ => {}
        }
        PeerError::Transport(code)
    }

    fn handle_packet(&mut self, now: Now, packet: BytesMut) -> Result<Received, PeerError> {
        let Some(key_id) = envelope::key_id(&packet) else { return Err(PeerError::Envelope) };
        if key_id == AuthKeyId::PLAIN {
            return self.handle_plain(now, packet.freeze());
        }
        match self.session.key() {
            Some(key) if key.id() == key_id => {
                let opened = envelope::open(key, Side::Server, packet)?;
                let received = self.session.handle_opened(now, opened);
                self.follow_session(now)?;
                Ok(received)
            }
            _ if self.life.is_former(key_id) => Ok(Received::Dropped(DropReason::Unexpected)),
            _ => Err(PeerError::Envelope),
        }
    }

    fn handle_plain(&mut self, now: Now, packet: Bytes) -> Result<Received, PeerError> {
        let Some(exchange) = self.phase.exchange() else {
            return Ok(Received::Dropped(DropReason::Unexpected));
        };
        let outcome = exchange.handle_packet(now, packet);
        self.drain_exchange(now);
        match outcome {
            Ok(received) => Ok(received),
            Err(fault) => {
                self.exchange_failed(now, fault)?;
                Ok(Received::Dropped(DropReason::Malformed))
            }
        }
    }

    fn drain_exchange(&mut self, now: Now) {
        while let Some(exchange) = self.phase.exchange()
            && let Some(event) = exchange.poll_event()
        {
            match event {
                handshake::client::Event::Work(job) => self.events.push_back(Event::Work(job)),
                handshake::client::Event::Established(established) => {
                    self.established(now, established);
                }
            }
        }
    }

    fn established(&mut self, now: Now, established: Established) {
        match mem::replace(&mut self.phase, Phase::Offline) {
            Phase::AwaitPermanentKey(_) => self.permanent_key_made(now, established),
            Phase::AwaitTemporaryKey(_) => self.adopt(now, Successor::new(now, established)),
            Phase::AwaitSuccessor(_) => self.hand_over(now, Successor::new(now, established)),
            phase => self.phase = phase,
        }
    }

    fn permanent_key_made(&mut self, now: Now, established: Established) {
        let Established { auth_key, server_salt, time_offset_us, .. } = established;
        let made_at = Some(now.mono);
        self.permanent = Some(PermanentKey { auth_key: auth_key.clone(), server_salt, made_at });
        let saved = SavedKey { auth_key: auth_key.clone(), server_salt, time_offset_us };
        self.events.push_back(Event::KeyCreated(saved));
        self.session.set_server_time(now, now.wall.shifted(time_offset_us));
        if self.temporary.is_some() {
            self.make_temporary_key(now);
        } else {
            self.session.use_key(auth_key, server_salt);
            self.ready(now);
        }
    }

    fn ready(&mut self, now: Now) {
        self.session.transport_connected(now);
        self.phase = Phase::Ready;
        self.events.push_back(Event::Ready);
    }

    /// Appends at most one frame to `out`.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        let framer = self.framer.as_mut().filter(|_| self.failed.is_none())?;
        let requests = framer.open_requests();
        if requests >= self.config.limits.http_requests_max {
            return None;
        }
        if framer.framing() == Framing::Http && self.phase.has_session() {
            self.session.ask_for_news(now, requests);
        }
        self.scratch.clear();
        let plain = self
            .phase
            .exchange()
            .is_some_and(|exchange| exchange.poll_transmit(now, &mut self.scratch).is_some());
        let quick_ack = if plain {
            false
        } else if self.phase.has_session() {
            let Sealing { quick_ack, .. } = self.session.transmit(now, &mut self.scratch)?;
            quick_ack
        } else {
            return None;
        };
        let start = out.len();
        let framed = if quick_ack {
            framer.frame_with_quick_ack(&self.scratch, out)
        } else {
            framer.frame(&self.scratch, out)
        };
        framed.ok()?;
        Some(Transmit { len: out.len().saturating_sub(start) })
    }

    // --- events, time, jobs ------------------------------------------------------------

    /// The oldest event not yet taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.session.poll_event().map(Event::Session))
    }

    /// When [`Self::handle_timeout`] has something to do; `None` without a transport.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.framer.as_ref().filter(|_| self.failed.is_none())?;
        let own = match &self.phase {
            Phase::AwaitPermanentKey(exchange) | Phase::AwaitTemporaryKey(exchange) => {
                return exchange.poll_timeout();
            }
            Phase::AwaitSuccessor(exchange) => exchange.poll_timeout(),
            Phase::Pause { until } => return Some(*until),
            Phase::AwaitAnswers { until, .. } => Some(*until),
            Phase::Ready => self.life.renew_at(),
            Phase::Offline | Phase::AwaitBinding => None,
        };
        let times = [own, self.life.ends_at(), self.session.poll_timeout()];
        times.into_iter().flatten().min()
    }

    /// Lets time pass: pings, resends, acknowledgements, temporary keys.
    ///
    /// # Errors
    /// [`PeerError::TimedOut`] when the server has been silent for too long; final for this
    /// transport.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        self.check_alive()?;
        if self.framer.is_none() {
            return Ok(());
        }
        let outcome = self.let_time_pass(now);
        self.failed = outcome.err();
        outcome
    }

    fn let_time_pass(&mut self, now: Now) -> Result<(), PeerError> {
        if self.phase.has_session() && self.session.is_dead(now) {
            return Err(PeerError::TimedOut);
        }
        self.end_expired_key(now);
        if let Some(exchange) = self.phase.exchange() {
            let outcome = exchange.handle_timeout(now);
            self.drain_exchange(now);
            outcome.or_else(|fault| self.exchange_failed(now, fault))?;
        }
        if self.phase.has_session() {
            self.session.handle_timeout(now);
        }
        self.follow_time(now);
        Ok(())
    }

    /// Takes the result of an [`Event::Work`] job.
    ///
    /// # Errors
    /// [`PeerError`], final for this transport. A result that is no longer wanted is ignored.
    pub fn complete(&mut self, now: Now, done: Done) -> Result<(), PeerError> {
        self.check_alive()?;
        let Some(exchange) = self.phase.exchange() else { return Ok(()) };
        let outcome = exchange.complete(now, done);
        self.drain_exchange(now);
        let outcome = outcome.or_else(|fault| self.exchange_failed(now, fault));
        self.failed = outcome.err();
        outcome
    }

    // --- commands ----------------------------------------------------------------------

    /// Queues a request, given as an object from its constructor id on. It leaves when there
    /// is a key and a transport, and ends in exactly one `Reply`.
    ///
    /// # Errors
    /// [`UsageError::BodyLength`], [`UsageError::QueueFull`].
    pub fn call(&mut self, body: Bytes) -> Result<CallId, UsageError> {
        self.session.call(body)
    }

    /// The session, for pings, salts, and what is known of the server.
    pub fn session(&mut self) -> &mut ClientSession {
        &mut self.session
    }

    /// What to save for [`Self::resume`], once there is a permanent key.
    pub fn saved_key(&mut self, now: Now) -> Option<SavedKey> {
        let permanent = self.permanent.as_ref()?;
        let server_salt = match self.temporary {
            None => self.session.server_salt(now),
            Some(_) => permanent.server_salt,
        };
        Some(SavedKey {
            auth_key: permanent.auth_key.clone(),
            server_salt,
            time_offset_us: self.session.time_offset_us(now),
        })
    }
}
