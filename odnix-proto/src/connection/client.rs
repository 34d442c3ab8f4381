//! The client's connection: it survives its transports, and makes a key when it has none.
//!
//! ```text
//! transport_connected ──> key exchange ──> KeyCreated, Ready ──> calls, replies, updates
//!         ^                   (skipped when resumed with a key)           │
//!         └───────────────────────── transport_lost <─────────────────────┘
//! ```

use crate::{
    auth_key::{AuthKey, AuthKeyId},
    envelope::{self, Side},
    error::{CODE_NOT_FOUND, DropReason, PeerError, Received, UsageError},
    handshake::{self, Done, Established, Job, client::Handshake},
    limits::Limits,
    seed::{Generator, Seed},
    session::{CallId, ClientSession, ClientSessionEvent, Timings},
    time::{Instant, Now},
    transmit::Transmit,
    transport::{ClientFramer, ClientOptions, Frame, Framing},
};
use alloc::{boxed::Box, collections::VecDeque, sync::Arc};
use bytes::{Bytes, BytesMut};
use core::fmt;

pub use crate::session::{CallError, ClientSessionEvent as SessionEvent, Init};

/// What all connections of a client share.
#[derive(Clone, Debug)]
pub struct Config {
    /// Server keys, dc and key lifetime for the key exchange.
    pub handshake: Arc<handshake::client::Config>,
    /// Framing and obfuscation.
    pub transport: ClientOptions,
    /// What to say with the first calls of a session; `None` sends calls bare.
    pub init: Option<Init>,
    /// Bounds on everything.
    pub limits: Limits,
    /// Acknowledgement and ping times.
    pub timings: Timings,
}

/// What a client keeps between runs.
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
    /// The server does not know the key (transport error −404). It may be gone for good:
    /// [`Connection::discard_key`] makes a new one at the next transport.
    KeyUnknown(AuthKeyId),
    /// What the session says.
    Session(ClientSessionEvent),
}

/// A client's connection over any number of transports.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    framer: Option<ClientFramer>,
    exchange: Option<Box<Handshake>>,
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
        let session = ClientSession::new(
            config.init.clone(),
            rng.split(),
            config.limits.clone(),
            config.timings.clone(),
        );
        Self {
            config,
            framer: None,
            exchange: None,
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
        connection.session.resume_key(auth_key, server_salt, time_offset_us);
        connection
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
        if self.session.key().is_some() {
            self.ready(now);
        } else {
            let config = Arc::clone(&self.config.handshake);
            self.exchange = Some(Box::new(Handshake::new(config, self.rng.split())));
        }
    }

    /// The transport is gone. Calls stay open and leave again by the next one.
    pub fn transport_lost(&mut self) {
        self.framer = None;
        self.exchange = None;
        self.failed = None;
        self.session.transport_lost();
    }

    /// Gives the key up: the next transport begins with a key exchange. Open calls stay open.
    pub fn discard_key(&mut self) {
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
                Some(Frame::Error(code)) => return Err(self.on_transport_error(code)),
                Some(Frame::QuickAck(_)) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn on_transport_error(&mut self, code: i32) -> PeerError {
        if code == CODE_NOT_FOUND
            && let Some(key) = self.session.key()
        {
            self.events.push_back(Event::KeyUnknown(key.id()));
        }
        PeerError::Transport(code)
    }

    /// Takes in one unframed packet, for embedders with their own framing.
    ///
    /// # Errors
    /// [`PeerError`], as [`Self::receive`].
    pub fn handle_packet(&mut self, now: Now, packet: BytesMut) -> Result<Received, PeerError> {
        let Some(key_id) = envelope::key_id(&packet) else { return Err(PeerError::Envelope) };
        if key_id == AuthKeyId::PLAIN {
            let Some(exchange) = &mut self.exchange else {
                return Ok(Received::Dropped(DropReason::Unexpected));
            };
            let received = exchange.handle_packet(now, packet.freeze())?;
            self.drain_exchange(now);
            return Ok(received);
        }
        match self.session.key() {
            Some(key) if key.id() == key_id => {
                let opened = envelope::open(key, Side::Server, packet)?;
                Ok(self.session.handle_opened(now, opened))
            }
            _ => Err(PeerError::Envelope),
        }
    }

    fn drain_exchange(&mut self, now: Now) {
        while let Some(exchange) = &mut self.exchange
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
        let Established { auth_key, server_salt, time_offset_us, .. } = established;
        self.exchange = None;
        self.session.use_key(auth_key.clone(), server_salt);
        self.session.set_server_time(now, now.wall.shifted(time_offset_us));
        let saved = SavedKey { auth_key, server_salt, time_offset_us };
        self.events.push_back(Event::KeyCreated(saved));
        self.ready(now);
    }

    fn ready(&mut self, now: Now) {
        self.session.transport_connected(now);
        self.events.push_back(Event::Ready);
    }

    /// Appends at most one frame to `out`.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        let framer = self.framer.as_mut().filter(|_| self.failed.is_none())?;
        let requests = framer.open_requests();
        if requests >= self.config.limits.http_requests_max {
            return None;
        }
        if framer.framing() == Framing::Http {
            self.session.ask_for_news(now, requests);
        }
        self.scratch.clear();
        let any = match &mut self.exchange {
            Some(exchange) => exchange.poll_transmit(now, &mut self.scratch).is_some(),
            None => self.session.poll_transmit(now, &mut self.scratch),
        };
        let start = out.len();
        if !any || framer.frame(&self.scratch, out).is_err() {
            return None;
        }
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
        match &self.exchange {
            Some(exchange) => exchange.poll_timeout(),
            None => self.session.poll_timeout(),
        }
    }

    /// Lets time pass: pings, resends, acknowledgements.
    ///
    /// # Errors
    /// [`PeerError::TimedOut`] when the server has been silent for too long; final for this
    /// transport.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        self.check_alive()?;
        if self.framer.is_none() {
            return Ok(());
        }
        let outcome = match &mut self.exchange {
            Some(exchange) => {
                let outcome = exchange.handle_timeout(now);
                self.drain_exchange(now);
                outcome
            }
            None if self.session.is_dead(now) => Err(PeerError::TimedOut),
            None => {
                self.session.handle_timeout(now);
                Ok(())
            }
        };
        self.failed = outcome.err();
        outcome
    }

    /// Takes the result of an [`Event::Work`] job.
    ///
    /// # Errors
    /// [`PeerError`], final for this transport. A result that is no longer wanted is ignored.
    pub fn complete(&mut self, now: Now, done: Done) -> Result<(), PeerError> {
        self.check_alive()?;
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        let outcome = exchange.complete(now, done);
        self.drain_exchange(now);
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

    /// What to save for [`Self::resume`], once there is a key.
    pub fn saved_key(&mut self, now: Now) -> Option<SavedKey> {
        Some(SavedKey {
            auth_key: self.session.key()?.clone(),
            server_salt: self.session.server_salt(now),
            time_offset_us: self.session.time_offset_us(now),
        })
    }
}
