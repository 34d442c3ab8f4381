//! Whole connections of both roles, their embedders, and a link that fails in every way: frames
//! lost, doubled, out of order, damaged; transports cut; sessions and keys forgotten; time.
//!
//! Input: a byte that chooses temporary keys (1), quick acknowledgements (2) and HTTP (4), then
//! steps; see [`FaultyLink::step`]. What must hold: no call ends twice, each reply is that of
//! its call, and once the faults stop every call ends. Memory stays bounded throughout.

#[path = "../../odnix-proto/tests/link/mod.rs"]
#[allow(dead_code, reason = "the tests of odnix-proto use the rest")]
mod link;

use crate::input::Input;
use crate::memory;
use crate::service;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use link::Backend;
use odnix_proto::client::{CallError, Pfs, SavedKey};
use odnix_proto::server::ServerKey;
use odnix_proto::session::{CallId, ClientSessionEvent};
use odnix_proto::transport::Framing;
use odnix_proto::{AuthKey, Instant, Now, Secret, Seed, UnixTime};
use odnix_proto::{client, server};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

const STEPS_MAX: usize = 150;
const CALLS_MAX: usize = 24;
/// How many seconds after the last fault every call must have ended.
const HEALED_AFTER_S: u64 = 3600;
/// A job of a key exchange takes the time of a hundred steps; after this many the faults stop.
const JOBS_MAX: usize = 16;
/// Temporary keys that are renewed, and now and then expire, within one input.
const PFS: Pfs = Pfs {
    expires_in_s: 6000,
    renew_before: Duration::from_secs(600),
    hand_over_wait: Duration::from_secs(10),
    retry_pause: Duration::from_secs(1),
};

static CLIENTS: LazyLock<[Arc<client::Config>; 2]> = LazyLock::new(|| {
    let framings = [Framing::Intermediate, Framing::Http];
    framings.map(|framing| link::client_config(framing, false))
});
static SERVER: LazyLock<Arc<server::Config>> = LazyLock::new(|| link::server_config(false));

/// What the input chose of the client, by the bits of its first byte.
fn client_config(choice: u8) -> client::Config {
    let [intermediate, http] = &*CLIENTS;
    let config = if choice & 4 == 0 { intermediate } else { http };
    let pfs = (choice & 1 != 0).then_some(PFS);
    client::Config { pfs, quick_acks: choice & 2 != 0, ..(**config).clone() }
}

/// One input.
pub fn run(input: &[u8]) {
    LazyLock::force(&CLIENTS);
    LazyLock::force(&SERVER);
    let bytes = input;
    let mut input = Input::new(input);
    memory::bounded(bytes, 4 << 20, 1024, || {
        let mut link = FaultyLink::new(client_config(input.u8()));
        for _ in 0..STEPS_MAX {
            if input.is_empty() || link.jobs > JOBS_MAX {
                break;
            }
            link.step(&mut input);
            link.embed();
        }
        link.heal();
    });
}

/// Both ends, and each frame between them.
struct FaultyLink {
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
    /// Jobs of key exchanges that were run.
    jobs: usize,
}

impl FaultyLink {
    fn new(config: client::Config) -> Self {
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
            client: client::Connection::resume(Arc::new(config), Seed::for_testing(1), saved),
            server: None,
            backend: Backend::default(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            opened: false,
            calls: BTreeMap::new(),
            ended: BTreeMap::new(),
            seeds: 100,
            jobs: 0,
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
            18 => self.lose_keys(amount),
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

    /// The server forgets keys: all, only the temporary ones, or which of them are bound.
    fn lose_keys(&mut self, amount: u8) {
        let keys = &mut self.backend.keys;
        match amount % 4 {
            0 => keys.clear(),
            1 => keys.retain(|_, key| key.expires_at.is_none()),
            2 => keys.values_mut().for_each(|key| key.bound_to = None),
            _ => {}
        }
        self.connect();
    }

    // --- what the embedders do ---------------------------------------------------------

    fn embed(&mut self) {
        if !(self.embed_client() & self.embed_server()) {
            self.end();
        }
    }

    /// `false` when the transport is to end.
    fn embed_client(&mut self) -> bool {
        let mut alive = true;
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Work(job) => {
                    self.jobs += 1;
                    alive &= self.client.complete(self.now, job.run()).is_ok();
                }
                client::Event::KeyUnknown(id) if !self.backend.keys.contains_key(&id) => {
                    self.client.discard_key();
                    alive = false;
                }
                client::Event::Session(ClientSessionEvent::Reply { call, result }) => {
                    self.ended(call, result);
                }
                client::Event::Session(ClientSessionEvent::Acknowledged { call }) => {
                    assert!(self.calls.contains_key(&call), "the acknowledgement of no call");
                    assert!(!self.ended.contains_key(&call), "{call:?} arrived after its end");
                }
                _ => {}
            }
        }
        alive
    }

    fn embed_server(&mut self) -> bool {
        let Some(server) = &mut self.server else { return true };
        let mut alive = true;
        while let Some(event) = server.poll_event() {
            self.jobs += usize::from(matches!(event, server::Event::Work(_)));
            alive &= self.backend.answer(server, self.now, event);
        }
        alive
    }

    /// The transport ends; the server's last words may still arrive.
    fn end(&mut self) {
        self.transmit();
        while let Some(mut frame) = self.down.pop_front() {
            let _ = self.client.receive(self.now, &mut frame);
        }
        self.embed_client();
        self.cut();
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
            self.end();
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
