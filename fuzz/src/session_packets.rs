//! Both halves of a session under a known key, and a peer that holds it: any messages under any
//! ids, repeats, time, lost transports.
//!
//! Input: `role: u8` (0 the client, 1 the server, 3 the server under a temporary key), then steps;
//! see [`Session::step`]. What must hold: a call has one outcome, a message runs once, a key that is
//! not bound runs nothing but what it may, no packet goes out twice under one msg_id, and memory
//! stays bounded.

use crate::input::Input;
use crate::memory;
use crate::service;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::envelope::{self, Header, Opened, Side};
use odnix_proto::limits::Limits;
use odnix_proto::session::binding::{Carrier, seal_binding};
use odnix_proto::session::{
    CallId, ClientSession, ClientSessionEvent, FirstSalt, ServerKey, ServerSession,
    ServerSessionEvent, Timings,
};
use odnix_proto::{AuthKey, Instant, MsgId, Now, Secret, Seed, UnixTime};
use odnix_tl::Encode;
use std::collections::BTreeSet;

const START_S: u64 = 1_750_000_000;
const SALT: i64 = 77;
const SESSION: i64 = 99;
const STEPS_MAX: usize = 200;
/// What a temporary key may ask before it is bound, besides its binding: `help.getConfig`,
/// `help.getNearestDc`.
const OPEN_METHODS: [u32; 2] = [0xc4f9_186b, 0x1fb3_3026];

/// The half under test.
enum Half {
    Client(Box<ClientSession>),
    Server(Box<ServerSession>),
}

struct Session {
    half: Half,
    key: AuthKey,
    now: Now,
    /// The peer's last packets, to be repeated.
    packets: Vec<Opened>,
    /// Ids of messages that went either way.
    ids: Vec<i64>,
    /// The peer's clock, in msg_ids.
    next_id: i64,
    sealed: BTreeSet<(i64, MsgId)>,
    ended: BTreeSet<CallId>,
    ran: BTreeSet<CallId>,
    open: Vec<CallId>,
}

/// One input.
pub fn run(input: &[u8]) {
    let bytes = input;
    let mut input = Input::new(input);
    memory::bounded(bytes, 2 << 20, 512, || {
        let mut session = Session::new(input.u8());
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            session.step(&mut input);
            session.drain();
        }
    });
}

/// Small enough that an input can reach them.
fn limits() -> Limits {
    Limits {
        inflate_bytes_max: 4096,
        container_messages_max: 8,
        received_ids_max: 16,
        ids_max: 8,
        sent_max: 16,
        sent_bytes_max: 4096,
        calls_max: 8,
        events_max: 16,
        pending_acks_max: 4,
        ..Limits::default()
    }
}

impl Session {
    fn new(role: u8) -> Self {
        let key = AuthKey::new(Secret::init(|bytes| bytes.fill(7)));
        let now = Now::new(Instant::from_micros(1), UnixTime::from_secs(START_S));
        let half = if role.is_multiple_of(2) {
            let (seed, timings) = (Seed::for_testing(1), Timings::default());
            let mut session = Box::new(ClientSession::new(None, seed, limits(), timings));
            session.use_key(key.clone(), SALT);
            session.transport_connected(now);
            Half::Client(session)
        } else {
            let valid_until = now.wall.after(Duration::from_secs(3600));
            let first_salt = Some(FirstSalt { salt: SALT, valid_until });
            let server_key = ServerKey {
                auth_key: key.clone(),
                first_salt,
                expires_at: (role & 2 != 0).then_some(i32::MAX),
                bound_to: None,
                dc: 2,
            };
            let secret = Secret::init(|secret| secret.fill(3));
            Half::Server(Box::new(ServerSession::new(
                &server_key,
                SESSION,
                secret,
                Seed::for_testing(2),
                limits(),
                Timings::default(),
            )))
        };
        let next_id = i64::try_from(START_S).unwrap_or(0) << 32 | 4;
        Self {
            half,
            key,
            now,
            packets: Vec::new(),
            ids: Vec::new(),
            next_id,
            sealed: BTreeSet::new(),
            ended: BTreeSet::new(),
            ran: BTreeSet::new(),
            open: Vec::new(),
        }
    }

    fn side(&self) -> Side {
        match self.half {
            Half::Client(_) => Side::Client,
            Half::Server(_) => Side::Server,
        }
    }

    /// One thing happens: mostly a packet of the peer's.
    fn step(&mut self, input: &mut Input<'_>) {
        match input.u8() % 8 {
            0 => self.pass(Duration::from_millis(u64::from(input.u16()) * 10)),
            1 => self.command(input),
            2 => self.reconnect(),
            3 => {
                if let Some(packet) = self.packets.get(input.below(16)).cloned() {
                    self.deliver(packet);
                }
            }
            _ => self.peer_sends(input),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.next_id += i64::try_from(time.as_millis()).unwrap_or(0) * (1 << 32) / 1000 / 4 * 4;
        match &mut self.half {
            Half::Client(session) => session.handle_timeout(self.now),
            Half::Server(session) => session.handle_timeout(self.now),
        }
    }

    /// What the embedder may do.
    fn command(&mut self, input: &mut Input<'_>) {
        let what = input.u8() % 4;
        let mut body = BytesMut::new();
        service::echo(input, &mut body);
        let body = body.freeze();
        match (&mut self.half, what) {
            (Half::Client(session), 0) => session.ping(1),
            (Half::Client(session), 1) => session.get_future_salts(3),
            (Half::Client(session), _) => {
                // Full queues are an answer too.
                let _ = session.call(body);
            }
            (Half::Server(session), 0) => {
                let _ = session.push(body);
            }
            (Half::Server(session), what) => {
                let Some(call) = self.open.pop() else { return };
                let answered = match what {
                    1 => session.reply_error(call, 400, "REFUSED"),
                    _ => session.reply(call, body),
                };
                answered.expect("the call is open");
            }
        }
    }

    fn reconnect(&mut self) {
        match &mut self.half {
            Half::Client(session) => {
                session.transport_lost();
                session.transport_connected(self.now);
            }
            Half::Server(session) => session.transport_lost(),
        }
    }

    fn peer_sends(&mut self, input: &mut Input<'_>) {
        let low_bits = match self.side() {
            Side::Client => 1,
            Side::Server => 0,
        };
        let seq_no = i32::from(input.u8());
        let how = input.u8();
        let msg_id = match how {
            255 => input.i64(),
            back => self.next_id - i64::from(back / 16) * 4 + low_bits,
        };
        // Messages inside a container come before it.
        self.ids.push(self.next_id + low_bits);
        self.next_id += 8;
        let body = match how {
            253 => self.binding(msg_id),
            _ => service::body(input, &self.ids, 0),
        };
        let salt = if how == 254 { SALT + 1 } else { SALT };
        let session_id = match &self.half {
            Half::Client(session) => session.session_id().expect("there is a key"),
            Half::Server(_) => SESSION,
        };
        let header = Header { salt, session_id, msg_id: MsgId::from_i64(msg_id), seq_no };
        self.ids.push(msg_id);
        let from = if self.side() == Side::Client { Side::Server } else { Side::Client };
        let mut packet = BytesMut::new();
        let mut padding = <chacha20::ChaCha20Rng as rand_core::SeedableRng>::from_seed([7; 32]);
        // A body of noise may not be whole words.
        let body = &body[..body.len() / 4 * 4];
        envelope::seal(&self.key, from, &header, body, &mut padding, &mut packet).expect("short");
        let opened = envelope::open(&self.key, from, packet).expect("sealed here");
        self.packets.truncate(15);
        self.packets.insert(0, opened.clone());
        self.deliver(opened);
    }

    /// A binding as it should be.
    fn binding(&self, msg_id: i64) -> BytesMut {
        let carrier = Carrier {
            msg_id: MsgId::from_i64(msg_id),
            temp_auth_key_id: self.key.id(),
            temp_session_id: SESSION,
        };
        let mut random = <chacha20::ChaCha20Rng as rand_core::SeedableRng>::from_seed([9; 32]);
        let request = seal_binding(&permanent_key(), &carrier, i32::MAX, &mut random);
        BytesMut::from(request.to_bytes().expect("a short request"))
    }

    fn deliver(&mut self, opened: Opened) {
        match &mut self.half {
            Half::Client(session) => session.handle_opened(self.now, opened),
            Half::Server(session) => session.handle_opened(self.now, opened),
        };
    }

    /// Takes everything out, and holds it against what came before.
    fn drain(&mut self) {
        match &mut self.half {
            Half::Client(session) => {
                while let Some(event) = session.poll_event() {
                    if let ClientSessionEvent::Reply { call, .. } = event {
                        assert!(self.ended.insert(call), "{call:?} ended twice");
                    }
                }
            }
            Half::Server(session) => {
                while let Some(event) = session.poll_event() {
                    match event {
                        ServerSessionEvent::Call { call, body, .. } => {
                            assert!(self.ran.insert(call), "{call:?} ran twice");
                            let method = body.first_chunk().copied().map(u32::from_le_bytes);
                            let is_open = method.is_some_and(|id| OPEN_METHODS.contains(&id));
                            let is_unbound =
                                session.binding_state().is_some_and(|it| it != "Bound");
                            assert!(is_open || !is_unbound, "{method:x?} ran before the binding");
                            self.open.push(call);
                        }
                        ServerSessionEvent::PermanentKeyWanted { call, perm_auth_key_id } => {
                            let key = Some(permanent_key());
                            let key = key.filter(|key| key.id() == perm_auth_key_id);
                            session
                                .provide_permanent_key(self.now, call, key.as_ref())
                                .expect("it was asked");
                        }
                        ServerSessionEvent::TemporaryKeyBound { call, .. } => {
                            session.binding_stored(call, true).expect("it was asked");
                        }
                        _ => {}
                    }
                }
            }
        }
        for data in self.sent() {
            self.ids.extend(ids_in(&data));
        }
        self.ids.drain(..self.ids.len().saturating_sub(64));
    }

    fn sent(&mut self) -> Vec<Bytes> {
        let (side, mut sent) = (self.side(), Vec::new());
        loop {
            let mut packet = BytesMut::new();
            let any = match &mut self.half {
                Half::Client(session) => session.poll_transmit(self.now, &mut packet),
                Half::Server(session) => session.poll_transmit(self.now, &mut packet),
            };
            if !any {
                return sent;
            }
            let opened = envelope::open(&self.key, side, packet).expect("our own packet");
            let msg_id = opened.header.msg_id;
            assert!(msg_id.is_from(side));
            // A client may begin a new session, with ids of its own.
            let outer = (opened.header.session_id, msg_id);
            assert!(self.sealed.insert(outer), "{msg_id:?} was sealed twice");
            self.ids.push(msg_id.as_i64());
            sent.push(opened.data);
            assert!(sent.len() < 64, "it never stops sending");
        }
    }
}

/// What a temporary key may be bound to.
fn permanent_key() -> AuthKey {
    AuthKey::new(Secret::init(|bytes| bytes.fill(8)))
}

/// The ids of the messages in a container.
fn ids_in(mut data: &[u8]) -> Vec<i64> {
    let mut ids = Vec::new();
    if data.starts_with(&0x73f1_f8dc_u32.to_le_bytes()) {
        data = &data[8..];
        while let (Some(id), Some(len)) = (data.first_chunk(), data.get(12..16)) {
            ids.push(i64::from_le_bytes(*id));
            let len = u32::from_le_bytes(len.try_into().unwrap_or_default());
            data = &data[16 + usize::try_from(len).unwrap_or(0)..];
        }
    }
    ids
}
