//! A client and a server connection, the embedder's side of both, and a link that can fail.

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::{
    AuthKeyId, Instant, Now, Secret, Seed, UnixTime, client,
    crypto::rsa::RsaPrivateKey,
    handshake,
    limits::Limits,
    server::{self, KeyStored, ServerKey, Session, SessionEvent, SessionRef},
    session::{CallError, CallId, ClientSessionEvent, Timings},
    transport::{ClientOptions, Framing, Obfuscation, ServerOptions},
};
use std::{collections::BTreeMap, sync::Arc};

pub fn rsa_key() -> Arc<RsaPrivateKey> {
    Arc::new(RsaPrivateKey::from_pem(include_str!("../fixtures/rsa_pkcs1.pem")).unwrap())
}

pub fn server_config(require_obfuscated: bool) -> Arc<server::Config> {
    Arc::new(server::Config {
        handshake: Arc::new(handshake::server::Config::new(vec![rsa_key()], 2).unwrap()),
        transport: ServerOptions { require_obfuscated, ..ServerOptions::default() },
        salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(3))),
        limits: Arc::new(Limits::default()),
        timings: Timings::default(),
    })
}

pub fn client_config(framing: Framing, obfuscated: bool) -> Arc<client::Config> {
    let key = rsa_key().public().clone();
    let mut transport = ClientOptions::new(framing);
    if obfuscated {
        transport = transport.obfuscated(Obfuscation { secret: None, dc: 2 }).unwrap();
    }
    Arc::new(client::Config {
        handshake: Arc::new(handshake::client::Config::new(vec![key], 2).unwrap()),
        transport,
        pfs: None,
        quick_acks: false,
        init: None,
        limits: Limits::default(),
        timings: Timings::default(),
    })
}

/// What the server's embedder keeps: keys, detached sessions, and how often each body ran.
#[derive(Default)]
pub struct Backend {
    pub keys: BTreeMap<AuthKeyId, ServerKey>,
    pub sessions: BTreeMap<SessionRef, Box<Session>>,
    pub runs: BTreeMap<Bytes, usize>,
}

/// The two ends, and what their embedders have seen.
pub struct Link {
    pub now: Now,
    pub client: client::Connection,
    pub server: Option<server::Connection>,
    pub backend: Backend,
    pub replies: BTreeMap<CallId, Vec<Result<Bytes, CallError>>>,
    pub updates: usize,
    pub up: BytesMut,
    pub down: BytesMut,
    pub config: Arc<server::Config>,
    seeds: u64,
}

impl Link {
    pub fn new(client: client::Connection, require_obfuscated: bool) -> Self {
        Self {
            now: Now::new(Instant::from_micros(5), UnixTime::from_secs(1_800_000_000)),
            client,
            server: None,
            backend: Backend::default(),
            replies: BTreeMap::new(),
            updates: 0,
            up: BytesMut::new(),
            down: BytesMut::new(),
            config: server_config(require_obfuscated),
            seeds: 100,
        }
    }

    pub fn connect(&mut self) {
        self.cut();
        self.seeds += 1;
        let seed = Seed::for_testing(self.seeds);
        self.server = Some(server::Connection::new(Arc::clone(&self.config), seed));
        self.client.transport_connected(self.now);
    }

    pub fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        self.client.transport_lost();
        if let Some(session) = self.server.take().and_then(server::Connection::into_session) {
            self.backend.sessions.insert(session.reference(), session);
        }
    }

    /// Both embedders answer everything asked of them. `false` when the transport died.
    pub fn embed(&mut self) -> bool {
        let mut alive = true;
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Work(job) => {
                    alive &= self.client.complete(self.now, job.run()).is_ok();
                }
                client::Event::Session(ClientSessionEvent::Reply { call, result }) => {
                    self.replies.entry(call).or_default().push(result);
                }
                client::Event::Session(ClientSessionEvent::Update(_)) => self.updates += 1,
                _ => {}
            }
        }
        let Some(server) = &mut self.server else { return alive };
        while let Some(event) = server.poll_event() {
            alive &= self.backend.answer(server, self.now, event);
        }
        alive
    }

    /// Answers the server's questions, but not those about sessions.
    pub fn embed_server_exchange(&mut self) {
        let Some(server) = &mut self.server else { return };
        while let Some(event) = server.poll_event() {
            if !matches!(event, server::Event::SessionWanted(_)) {
                assert!(self.backend.answer(server, self.now, event));
            }
        }
    }

    pub fn client_sends(&mut self) -> bool {
        self.client.poll_transmit(self.now, &mut self.up).is_some()
    }

    pub fn server_sends(&mut self) -> bool {
        self.server
            .as_mut()
            .is_some_and(|server| server.poll_transmit(self.now, &mut self.down).is_some())
    }

    /// Delivers all bytes under way; an error is the end of the transport.
    pub fn deliver(&mut self) -> bool {
        let up = self
            .server
            .as_mut()
            .is_none_or(|server| server.receive(self.now, &mut self.up).is_ok());
        up & self.client.receive(self.now, &mut self.down).is_ok()
    }

    /// Runs until nothing moves.
    pub fn settle(&mut self) {
        loop {
            assert!(self.embed(), "the transport died");
            let moved = self.client_sends() | self.server_sends();
            assert!(self.deliver(), "the transport died");
            assert!(self.embed(), "the transport died");
            if !moved {
                return;
            }
        }
    }

    pub fn pass(&mut self, duration: Duration) -> bool {
        self.now = self.now.after(duration);
        let client = self.client.handle_timeout(self.now).is_ok();
        let server =
            self.server.as_mut().is_none_or(|server| server.handle_timeout(self.now).is_ok());
        client & server
    }
}

impl Backend {
    /// `false` when the transport is to end.
    pub fn answer(
        &mut self,
        server: &mut server::Connection,
        now: Now,
        event: server::Event,
    ) -> bool {
        match event {
            server::Event::Work(job) => server.complete(now, job.run()).is_ok(),
            server::Event::KeyCreated(key) => {
                let id = key.auth_key.id();
                self.keys.insert(id, key);
                server.key_stored(now, id, KeyStored::Stored).is_ok()
            }
            server::Event::KeyWanted(id) => {
                server.provide_key(now, id, self.keys.get(&id).cloned()).is_ok()
            }
            server::Event::SessionWanted(wanted) => {
                let kept = self.sessions.remove(&wanted);
                server.provide_session(now, wanted, kept).is_ok()
            }
            server::Event::SessionReleased(session) => {
                self.sessions.insert(session.reference(), session);
                true
            }
            server::Event::DisconnectDue => false,
            server::Event::Session(event) => {
                let session = server.session().expect("it is the session's event");
                self.answer_session(session, now, event);
                true
            }
            _ => true,
        }
    }

    fn answer_session(&mut self, session: &mut Session, now: Now, event: SessionEvent) {
        match event {
            SessionEvent::Call { call, body, .. } => {
                *self.runs.entry(body.clone()).or_default() += 1;
                session.reply(call, body).unwrap();
            }
            SessionEvent::PermanentKeyWanted { call, perm_auth_key_id } => {
                let permanent = self.keys.get(&perm_auth_key_id).map(|key| &key.auth_key);
                session.provide_permanent_key(now, call, permanent).unwrap();
            }
            SessionEvent::TemporaryKeyBound { call, perm_auth_key_id, expires_at } => {
                let temporary = self.keys.get_mut(&session.key_id());
                let stored = temporary.map(|key| {
                    key.bound_to = Some(perm_auth_key_id);
                    key.expires_at = Some(expires_at);
                });
                session.binding_stored(call, stored.is_some()).unwrap();
            }
            _ => {}
        }
    }
}
