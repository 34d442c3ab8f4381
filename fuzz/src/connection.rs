//! Whole connections of both roles, their embedders, and a link that fails in every way: frames
//! lost, doubled, out of order, damaged; transports cut; sessions and keys forgotten; time.
//!
//! Input: steps; see [`Link::step`]. What must hold: no call ends twice, each reply is that of
//! its call, and once the faults stop every call ends. Memory stays bounded throughout.

use crate::input::Input;
use crate::memory;
use crate::service;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::client::{CallError, SavedKey};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::limits::Limits;
use odnix_proto::server::{KeyStored, ServerKey, Session, SessionEvent, SessionRef};
use odnix_proto::session::{CallId, ClientSessionEvent, Timings};
use odnix_proto::transport::{ClientOptions, Framing, ServerOptions};
use odnix_proto::{AuthKey, AuthKeyId, Instant, Now, Secret, Seed, UnixTime};
use odnix_proto::{client, handshake, server};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

const STEPS_MAX: usize = 150;
const CALLS_MAX: usize = 24;
/// How many seconds after the last fault every call must have ended.
const HEALED_AFTER_S: u64 = 3600;
/// A key exchange takes the time of a thousand steps.
const EXCHANGES_MAX: usize = 1;

static RSA_KEY: LazyLock<Arc<RsaPrivateKey>> = LazyLock::new(|| {
    let pem = include_str!("../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
    Arc::new(RsaPrivateKey::from_pem(pem).expect("a good key"))
});
static CLIENT: LazyLock<Arc<client::Config>> = LazyLock::new(|| {
    let keys = vec![RSA_KEY.public().clone()];
    Arc::new(client::Config {
        handshake: Arc::new(handshake::client::Config::new(keys, 2).expect("a key")),
        transport: ClientOptions::new(Framing::Intermediate),
        init: None,
        pfs: None,
        quick_acks: false,
        limits: Limits::default(),
        timings: Timings::default(),
    })
});
static SERVER: LazyLock<Arc<server::Config>> = LazyLock::new(|| {
    let keys = vec![Arc::clone(&RSA_KEY)];
    Arc::new(server::Config {
        handshake: Arc::new(handshake::server::Config::new(keys, 2).expect("a key")),
        transport: ServerOptions::default(),
        salt_secret: Secret::init(|secret| secret.fill(3)),
        limits: Limits::default(),
        timings: Timings::default(),
    })
});

/// One input.
pub fn run(input: &[u8]) {
    LazyLock::force(&CLIENT);
    LazyLock::force(&SERVER);
    let bytes = input;
    let mut input = Input::new(input);
    memory::bounded(bytes, 4 << 20, 1024, || {
        let mut link = Link::new();
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            link.step(&mut input);
            link.embed();
        }
        link.heal();
    });
}

/// What the server's embedder keeps.
#[derive(Default)]
struct Backend {
    keys: BTreeMap<AuthKeyId, ServerKey>,
    sessions: BTreeMap<SessionRef, Box<Session>>,
}

struct Link {
    now: Now,
    client: client::Connection,
    server: Option<server::Connection>,
    backend: Backend,
    /// Frames on their way; the first one of a transport carries its opening.
    up: VecDeque<BytesMut>,
    down: VecDeque<BytesMut>,
    opened: bool,
    calls: BTreeMap<CallId, Bytes>,
    ended: BTreeMap<CallId, Result<Bytes, CallError>>,
    seeds: u64,
    exchanges: usize,
}

impl Link {
    fn new() -> Self {
        let auth_key = AuthKey::new(Secret::init(|bytes| bytes.fill(7)));
        let key = ServerKey {
            auth_key: auth_key.clone(),
            first_salt: None,
            expires_at: None,
            bound_to: None,
            dc: 2,
        };
        let saved = SavedKey { auth_key, server_salt: 1, time_offset_us: 0 };
        let mut link = Self {
            now: Now::new(Instant::from_micros(5), UnixTime::from_secs(1_750_000_000)),
            client: client::Connection::resume(Arc::clone(&CLIENT), Seed::for_testing(1), saved),
            server: None,
            backend: Backend::default(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            opened: false,
            calls: BTreeMap::new(),
            ended: BTreeMap::new(),
            seeds: 100,
            exchanges: 0,
        };
        link.backend.keys.insert(key.auth_key.id(), key);
        link.connect();
        link
    }

    fn connect(&mut self) {
        self.cut();
        self.seeds += 1;
        let seed = Seed::for_testing(self.seeds);
        self.server = Some(server::Connection::new(Arc::clone(&SERVER), seed));
        self.client.transport_connected(self.now);
        self.opened = false;
    }

    fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        self.client.transport_lost();
        if let Some(session) = self.server.take().and_then(server::Connection::into_session) {
            self.backend.sessions.insert(session.reference(), session);
        }
    }

    // --- what happens ------------------------------------------------------------------

    /// One thing happens: half of them good, half of them faults.
    fn step(&mut self, input: &mut Input<'_>) {
        let (what, amount) = (input.u8() % 20, input.u8());
        match what {
            0..=2 => self.call(input),
            3 => self.push(input),
            4..=6 => self.exchange_frames(),
            7 => self.deliver_one(true),
            8 => self.deliver_one(false),
            9 => self.pass(Duration::from_millis(u64::from(amount) * 20)),
            10 => self.pass(Duration::from_secs(u64::from(amount) * 2)),
            11 => self.connect(),
            12 => self.cut(),
            13..=16 => self.disturb(what, usize::from(amount), input),
            17 => self.backend.sessions.clear(),
            18 => self.lose_key(amount),
            _ => self.client.session().ping(i64::from(amount)),
        }
    }

    fn call(&mut self, input: &mut Input<'_>) {
        if self.calls.len() >= CALLS_MAX {
            return;
        }
        let mut body = BytesMut::new();
        service::echo(input, &mut body);
        let body = body.freeze();
        let call = self.client.call(body.clone()).expect("few short calls");
        assert!(self.calls.insert(call, body).is_none());
    }

    fn push(&mut self, input: &mut Input<'_>) {
        let mut body = BytesMut::new();
        service::echo(input, &mut body);
        if let Some(session) = self.server.as_mut().and_then(server::Connection::session) {
            // A full queue is an answer too.
            let _ = session.push(body.freeze());
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        let client = self.client.handle_timeout(self.now);
        let server = self.server.as_mut().map_or(Ok(()), |server| server.handle_timeout(self.now));
        if client.is_err() || server.is_err() {
            self.cut();
        }
    }

    /// Drops, doubles, swaps or damages a frame that is on its way. The opening arrives whole.
    fn disturb(&mut self, what: u8, at: usize, input: &mut Input<'_>) {
        let first_up = usize::from(!self.opened);
        let (frames, first) = match at % 2 {
            0 => (&mut self.up, first_up),
            _ => (&mut self.down, 0),
        };
        let Some(count) = frames.len().checked_sub(first).filter(|count| *count > 0) else {
            return;
        };
        let at = first + at / 2 % count;
        match what {
            13 => drop(frames.remove(at)),
            14 => {
                let frame = frames[at].clone();
                frames.push_back(frame);
            }
            15 => frames.swap(at, first),
            _ => {
                let place = input.below(frames[at].len());
                frames[at][place] ^= input.u8() | 1;
            }
        }
    }

    /// The server forgets the key, for good or until the client comes back.
    fn lose_key(&mut self, amount: u8) {
        if amount.is_multiple_of(4) && self.exchanges < EXCHANGES_MAX {
            self.exchanges += 1;
            self.backend.keys.clear();
            self.client.discard_key();
        }
        self.connect();
    }

    // --- what the embedders do ---------------------------------------------------------

    fn embed(&mut self) {
        let mut alive = true;
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Work(job) => {
                    alive &= self.client.complete(self.now, job.run()).is_ok();
                }
                client::Event::Session(ClientSessionEvent::Reply { call, result }) => {
                    self.ended(call, result);
                }
                _ => {}
            }
        }
        if let Some(server) = &mut self.server {
            while let Some(event) = server.poll_event() {
                alive &= self.backend.answer(server, self.now, event);
            }
        }
        if !alive {
            self.cut();
        }
    }

    fn ended(&mut self, call: CallId, result: Result<Bytes, CallError>) {
        if let Ok(body) = &result {
            assert_eq!(Some(body), self.calls.get(&call), "the reply of another call");
        }
        let before = self.ended.insert(call, result);
        assert!(before.is_none(), "{call:?} ended twice");
    }

    // --- the link ----------------------------------------------------------------------

    /// Puts every frame that is ready on its way; `false` if there was none.
    fn transmit(&mut self) -> bool {
        let mut any = false;
        let mut frame = BytesMut::new();
        while self.client.poll_transmit(self.now, &mut frame).is_some() {
            self.up.push_back(frame.split());
            any = true;
        }
        while let Some(server) = &mut self.server
            && server.poll_transmit(self.now, &mut frame).is_some()
        {
            self.down.push_back(frame.split());
            any = true;
        }
        any
    }

    fn deliver_one(&mut self, up: bool) {
        self.transmit();
        let outcome = if up {
            let (Some(mut frame), Some(server)) = (self.up.pop_front(), &mut self.server) else {
                return;
            };
            self.opened = true;
            server.receive(self.now, &mut frame)
        } else {
            let Some(mut frame) = self.down.pop_front() else { return };
            self.client.receive(self.now, &mut frame)
        };
        if outcome.is_err() {
            // The last words may still arrive.
            self.transmit();
            while let Some(mut frame) = self.down.pop_front() {
                let _ = self.client.receive(self.now, &mut frame);
            }
            self.embed();
            self.cut();
        }
    }

    /// Everything that is ready arrives, once.
    fn exchange_frames(&mut self) {
        self.transmit();
        for up in [true, false] {
            let frames = if up { self.up.len() } else { self.down.len() };
            for _ in 0..frames {
                self.deliver_one(up);
                self.embed();
            }
        }
    }

    /// No faults any more: every call ends.
    fn heal(&mut self) {
        let start = self.now.wall.as_secs();
        while self.ended.len() < self.calls.len() {
            if self.server.is_none() {
                self.connect();
            }
            self.settle();
            let passed = self.now.wall.as_secs() - start;
            let open = self.calls.keys().filter(|call| !self.ended.contains_key(call));
            let open: Vec<&CallId> = open.collect();
            assert!(passed <= HEALED_AFTER_S, "{open:?} never end");
            self.pass(Duration::from_secs(1 + passed / 16));
            self.embed();
        }
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            self.embed();
            if !self.transmit() && self.up.is_empty() && self.down.is_empty() {
                return;
            }
            self.exchange_frames();
        }
        panic!("they never stop talking");
    }
}

impl Backend {
    fn answer(&mut self, server: &mut server::Connection, now: Now, event: server::Event) -> bool {
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
            server::Event::Session(SessionEvent::Call { call, body, .. }) => {
                let session = server.session().expect("the call is of its session");
                session.reply(call, body).expect("the call is open");
                true
            }
            _ => true,
        }
    }
}
