//! A client connection with temporary keys, and a server written by hand that answers, forgets and
//! refuses as told. Everything that crosses the wire is captured.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::{
    AuthKey, AuthKeyId, Instant, MsgId, Now, PeerError, Seed, UnixTime,
    client::{self, Event, Pfs, TemporaryKeyEvent},
    crypto::rsa::RsaPrivateKey,
    envelope::{self, Header, Side},
    handshake::{
        self,
        server::{Handshake, KeyStored},
    },
    limits::Limits,
    session::{
        CallError, CallId, ClientSessionEvent, Timings,
        binding::{Carrier, check_binding},
    },
    transport::{ClientOptions, Frame, Framing, ServerFramer, ServerOptions},
};
use odnix_tl::{
    Constructor, Decode, Encode, Raw,
    mtproto::{functions, types},
    odnix::functions::{InvokeWithLayer, auth::BindTempAuthKey, help::Echo},
};
use rand_core::SeedableRng;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

const CONTAINER: u32 = 0x73f1_f8dc;

pub fn echo(data: &[u8]) -> Bytes {
    Echo { data: Bytes::copy_from_slice(data) }.to_bytes().unwrap()
}

pub fn rsa_key() -> Arc<RsaPrivateKey> {
    Arc::new(RsaPrivateKey::from_pem(include_str!("../fixtures/rsa_pkcs1.pem")).unwrap())
}

pub fn config(pfs: Option<Pfs>, init: Option<client::Init>) -> Arc<client::Config> {
    let key = rsa_key().public().clone();
    Arc::new(client::Config {
        handshake: Arc::new(handshake::client::Config::new(vec![key], 2).unwrap()),
        transport: ClientOptions::new(Framing::Intermediate),
        pfs,
        quick_acks: false,
        init,
        limits: Limits::default(),
        timings: Timings::default(),
    })
}

/// What the server says to the next binding instead of checking it.
#[derive(Clone, Debug)]
pub enum Whim {
    Silence,
    Error(i32, &'static str),
    BadSalt,
    BadMsg(i32),
}

/// A message as it was received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub key_id: AuthKeyId,
    pub session_id: i64,
    pub msg_id: MsgId,
    pub seq_no: i32,
    pub body: Bytes,
}

#[derive(Clone)]
pub struct Key {
    pub key: AuthKey,
    pub expires_at: Option<i32>,
    pub bound: bool,
}

/// The server's side.
pub struct HandServer {
    framer: ServerFramer,
    exchange: Handshake,
    pub keys: BTreeMap<AuthKeyId, Key>,
    pub salt: i64,
    pub whims: VecDeque<Whim>,
    /// Plain packets of a client are answered by −404.
    pub refuses_exchanges: bool,
    /// Calls are run, and not answered before [`HandServer::answer_held`].
    pub holds_answers: bool,
    pub held: Vec<Seen>,
    /// How often each call ran, by its body without wrappers.
    pub runs: BTreeMap<Bytes, usize>,
    pub bindings: Vec<Seen>,
    pub exchanges: usize,
    /// Everything received under a key, in order.
    pub seen: Vec<Seen>,
    /// Requests under a temporary key that was not bound.
    pub unbound_calls: usize,
    counter: u32,
    pub down: BytesMut,
}

fn framer() -> ServerFramer {
    ServerFramer::new(ServerOptions::default(), Seed::for_testing(50))
}

fn exchange(number: u64) -> Handshake {
    let config = handshake::server::Config::new(vec![rsa_key()], 2).unwrap();
    Handshake::new(Arc::new(config), Seed::for_testing(1000 + number))
}

impl HandServer {
    fn new() -> Self {
        Self {
            framer: framer(),
            exchange: exchange(0),
            keys: BTreeMap::new(),
            salt: 77,
            whims: VecDeque::new(),
            refuses_exchanges: false,
            holds_answers: false,
            held: Vec::new(),
            runs: BTreeMap::new(),
            bindings: Vec::new(),
            exchanges: 0,
            seen: Vec::new(),
            unbound_calls: 0,
            counter: 0,
            down: BytesMut::new(),
        }
    }

    fn new_transport(&mut self) {
        self.framer = framer();
        self.exchange = exchange(u64::from(self.counter) + self.exchanges as u64 + 1);
        self.down.clear();
    }

    pub fn temporary_keys(&self) -> Vec<AuthKeyId> {
        let temporary = self.keys.iter().filter(|(_, key)| key.expires_at.is_some());
        temporary.map(|(id, _)| *id).collect()
    }

    pub fn permanent_keys(&self) -> Vec<AuthKeyId> {
        let permanent = self.keys.iter().filter(|(_, key)| key.expires_at.is_none());
        permanent.map(|(id, _)| *id).collect()
    }

    pub fn forget_temporary_keys(&mut self) {
        self.keys.retain(|_, key| key.expires_at.is_none());
    }

    fn receive(&mut self, now: Now, up: &mut BytesMut) {
        self.framer.receive(up).unwrap();
        while let Some(frame) = self.framer.next_frame().unwrap() {
            let Frame::Packet { packet, quick_ack } = frame else { panic!("{frame:?}") };
            let key_id = envelope::key_id(&packet).unwrap();
            if key_id == AuthKeyId::PLAIN {
                self.take_plain(now, packet.freeze());
            } else if let Some(key) = self.keys.get(&key_id).cloned() {
                let opened = envelope::open(&key.key, Side::Client, packet).unwrap();
                if quick_ack {
                    self.framer.frame_quick_ack(opened.quick_ack_token, &mut self.down);
                }
                self.take_sealed(now, key_id, opened);
            } else {
                self.framer.frame_error(-404, &mut self.down);
            }
        }
    }

    fn take_plain(&mut self, now: Now, packet: Bytes) {
        if self.refuses_exchanges {
            self.framer.frame_error(-404, &mut self.down);
            return;
        }
        self.exchange.handle_packet(now, packet).unwrap();
        self.work(now);
    }

    /// Runs the server's jobs and sends its plain answers.
    fn work(&mut self, now: Now) {
        while let Some(event) = self.exchange.poll_event() {
            match event {
                handshake::server::Event::Work(job) => {
                    self.exchange.complete(now, job.run()).unwrap();
                }
                handshake::server::Event::KeyProposed(made) => {
                    self.exchanges += 1;
                    let id = made.auth_key.id();
                    let key = Key { key: made.auth_key, expires_at: made.expires_at, bound: false };
                    self.keys.insert(id, key);
                    self.exchange.key_stored(now, id, KeyStored::Stored).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        let mut packet = BytesMut::new();
        while self.exchange.poll_transmit(now, &mut packet).is_some() {
            self.framer.frame(&packet.split(), &mut self.down).unwrap();
        }
    }

    fn take_sealed(&mut self, now: Now, key_id: AuthKeyId, opened: envelope::Opened) {
        let header = opened.header;
        let seen = |msg_id, seq_no, body| Seen {
            key_id,
            session_id: header.session_id,
            msg_id,
            seq_no,
            body,
        };
        let mut messages = vec![seen(header.msg_id, header.seq_no, opened.data.clone())];
        if id_of(&opened.data) == CONTAINER {
            messages = unpack(&opened.data)
                .into_iter()
                .map(|(msg_id, seq_no, body)| seen(msg_id, seq_no, body))
                .collect();
        }
        for message in messages {
            self.seen.push(message.clone());
            self.take_message(now, message);
        }
    }

    fn take_message(&mut self, now: Now, message: Seen) {
        let request = message.msg_id.as_i64();
        match id_of(&message.body) {
            BindTempAuthKey::ID => self.take_binding(now, message),
            types::MsgsAck::ID => {}
            functions::PingDelayDisconnect::ID => {
                let ping =
                    functions::PingDelayDisconnect::from_bytes(message.body.clone()).unwrap();
                let pong = types::Pong { msg_id: request, ping_id: ping.ping_id };
                self.say(now, &message, 0, &pong.to_bytes().unwrap());
            }
            functions::GetFutureSalts::ID | types::MsgsStateReq::ID => {}
            _ => self.take_call(now, message),
        }
    }

    fn take_binding(&mut self, now: Now, message: Seen) {
        self.bindings.push(message.clone());
        match self.whims.pop_front() {
            Some(Whim::Silence) => return,
            Some(Whim::Error(code, text)) => return self.refuse(now, &message, code, text),
            Some(Whim::BadSalt) => {
                let notice = types::BadServerSalt {
                    bad_msg_id: message.msg_id.as_i64(),
                    bad_msg_seqno: message.seq_no,
                    error_code: 48,
                    new_server_salt: 4711,
                };
                return self.say(now, &message, 0, &notice.to_bytes().unwrap());
            }
            Some(Whim::BadMsg(error_code)) => {
                let notice = types::BadMsgNotification {
                    bad_msg_id: message.msg_id.as_i64(),
                    bad_msg_seqno: message.seq_no,
                    error_code,
                };
                return self.say(now, &message, 0, &notice.to_bytes().unwrap());
            }
            None => {}
        }
        let request = BindTempAuthKey::from_bytes(message.body.clone()).unwrap();
        let perm_id = AuthKeyId::from_bytes(request.perm_auth_key_id.to_le_bytes());
        let carrier = Carrier {
            msg_id: message.msg_id,
            temp_auth_key_id: message.key_id,
            temp_session_id: message.session_id,
        };
        let temporary = self.keys[&message.key_id].clone();
        let checked = self.keys.get(&perm_id).is_some_and(|perm| {
            check_binding(&perm.key, &request, &carrier, now.wall).is_ok()
                && temporary.expires_at == Some(request.expires_at)
        });
        if !checked {
            return self.refuse(now, &message, 400, "ENCRYPTED_MESSAGE_INVALID");
        }
        self.keys.get_mut(&message.key_id).unwrap().bound = true;
        self.answer(now, &message, true.to_bytes().unwrap());
    }

    fn take_call(&mut self, now: Now, message: Seen) {
        let key = &self.keys[&message.key_id];
        if key.expires_at.is_some() && !key.bound {
            self.unbound_calls += 1;
            return self.refuse(now, &message, 401, "AUTH_KEY_PERM_EMPTY");
        }
        *self.runs.entry(unwrapped(&message.body)).or_default() += 1;
        if self.holds_answers {
            self.held.push(message);
        } else {
            let body = unwrapped(&message.body);
            self.answer(now, &message, body);
        }
    }

    pub fn answer_held(&mut self, now: Now) {
        for message in core::mem::take(&mut self.held) {
            let body = unwrapped(&message.body);
            self.answer(now, &message, body);
        }
    }

    fn refuse(&mut self, now: Now, message: &Seen, code: i32, text: &str) {
        let error = types::RpcError { error_code: code, error_message: text.into() };
        self.answer(now, message, error.to_bytes().unwrap());
    }

    fn answer(&mut self, now: Now, message: &Seen, result: Bytes) {
        let req_msg_id = message.msg_id.as_i64();
        let body = types::RpcResult { req_msg_id, result: Raw(result) }.to_bytes().unwrap();
        self.say(now, message, 1, &body);
    }

    /// Seals one message under the key and session of another.
    pub fn say(&mut self, now: Now, to: &Seen, seq_no: i32, body: &[u8]) {
        let Some(key) = self.keys.get(&to.key_id) else { return };
        self.counter += 1;
        let msg_id = (now.wall.as_secs() as i64) << 32 | i64::from(self.counter * 4 + 1);
        let msg_id = MsgId::from_i64(msg_id);
        let header = Header { salt: self.salt, session_id: to.session_id, msg_id, seq_no };
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(u64::from(self.counter));
        let mut packet = BytesMut::new();
        envelope::seal(&key.key, Side::Server, &header, body, &mut rng, &mut packet).unwrap();
        self.framer.frame(&packet, &mut self.down).unwrap();
    }

    pub fn say_error(&mut self, code: i32) {
        self.framer.frame_error(code, &mut self.down);
    }
}

pub fn id_of(body: &[u8]) -> u32 {
    u32::from_le_bytes(body[..4].try_into().unwrap())
}

fn unpack(container: &Bytes) -> Vec<(MsgId, i32, Bytes)> {
    let mut at = 8;
    let mut messages = Vec::new();
    while at < container.len() {
        let msg_id = i64::from_le_bytes(container[at..at + 8].try_into().unwrap());
        let seq_no = i32::from_le_bytes(container[at + 8..at + 12].try_into().unwrap());
        let len = u32::from_le_bytes(container[at + 12..at + 16].try_into().unwrap()) as usize;
        let body = container.slice(at + 16..at + 16 + len);
        messages.push((MsgId::from_i64(msg_id), seq_no, body));
        at += 16 + len;
    }
    messages
}

/// The query inside invokeWithLayer and initConnection.
fn unwrapped(body: &Bytes) -> Bytes {
    if id_of(body) != InvokeWithLayer::ID {
        return body.clone();
    }
    let inner = InvokeWithLayer::from_bytes(body.clone()).unwrap().query.0;
    odnix_tl::odnix::functions::InitConnection::from_bytes(inner).unwrap().query.0
}

/// A client, the server, and the wire between them.
pub struct Run {
    pub now: Now,
    pub client: client::Connection,
    pub server: HandServer,
    pub up: BytesMut,
    /// Every byte that crossed the wire.
    pub wire: Vec<u8>,
    pub replies: BTreeMap<CallId, Vec<Result<Bytes, CallError>>>,
    pub temporary: Vec<TemporaryKeyEvent>,
    pub unknown: Vec<AuthKeyId>,
    pub refused: Vec<client::Refusal>,
    pub acknowledged: Vec<CallId>,
    pub ready: usize,
    pub saved: Option<client::SavedKey>,
    pub ended: Option<PeerError>,
}

impl Run {
    pub fn new(config: Arc<client::Config>) -> Self {
        Self::with(client::Connection::new(config, Seed::for_testing(1)))
    }

    pub fn with(client: client::Connection) -> Self {
        Self {
            now: Now::new(Instant::from_micros(5), UnixTime::from_secs(1_800_000_000)),
            client,
            server: HandServer::new(),
            up: BytesMut::new(),
            wire: Vec::new(),
            replies: BTreeMap::new(),
            temporary: Vec::new(),
            unknown: Vec::new(),
            refused: Vec::new(),
            acknowledged: Vec::new(),
            ready: 0,
            saved: None,
            ended: None,
        }
    }

    /// With a permanent key of an earlier run.
    pub fn resumed(pfs: Option<Pfs>) -> Self {
        let auth_key =
            AuthKey::new(odnix_proto::Secret::init(|bytes: &mut [u8; 256]| bytes.fill(9)));
        let saved =
            client::SavedKey { auth_key: auth_key.clone(), server_salt: 0, time_offset_us: 0 };
        let client = client::Connection::resume(config(pfs, None), Seed::for_testing(3), saved);
        let mut run = Self::with(client);
        let key = Key { key: auth_key.clone(), expires_at: None, bound: false };
        run.server.keys.insert(auth_key.id(), key);
        run
    }

    pub fn connect(&mut self) {
        self.cut();
        self.client.transport_connected(self.now);
    }

    pub fn cut(&mut self) {
        self.up.clear();
        self.ended = None;
        self.server.new_transport();
        self.client.transport_lost();
    }

    fn embed(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Work(job) => {
                    if let Err(fault) = self.client.complete(self.now, job.run()) {
                        self.ended = Some(fault);
                    }
                }
                Event::KeyCreated(saved) => self.saved = Some(saved),
                Event::Ready => self.ready += 1,
                Event::KeyUnknown(id) => self.unknown.push(id),
                Event::TemporaryKey(event) => self.temporary.push(event),
                Event::Refused(refusal) => self.refused.push(refusal),
                Event::Session(ClientSessionEvent::Acknowledged { call }) => {
                    self.acknowledged.push(call);
                }
                Event::Session(ClientSessionEvent::Reply { call, result }) => {
                    self.replies.entry(call).or_default().push(result);
                }
                _ => {}
            }
        }
    }

    /// Runs until nothing moves or the transport ends.
    pub fn settle(&mut self) {
        loop {
            self.embed();
            while self.client.poll_transmit(self.now, &mut self.up).is_some() {}
            self.wire.extend_from_slice(&self.up);
            let moved = !self.up.is_empty() || !self.server.down.is_empty();
            self.server.receive(self.now, &mut self.up);
            let mut down = self.server.down.split();
            self.wire.extend_from_slice(&down);
            if self.ended.is_none()
                && let Err(fault) = self.client.receive(self.now, &mut down)
            {
                self.ended = Some(fault);
            }
            self.embed();
            if !moved || self.ended.is_some() {
                return;
            }
        }
    }

    /// Lets time pass as a driver does, deadline by deadline.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        let mut steps = 0;
        while self.ended.is_none() {
            let due = self.client.poll_timeout().filter(|due| *due <= end.mono);
            let Some(due) = due else { break };
            self.now = self.now.after(due.since(self.now.mono));
            if let Err(fault) = self.client.handle_timeout(self.now) {
                self.ended = Some(fault);
            }
            let still_due = self.client.poll_timeout().is_some_and(|next| next <= self.now.mono);
            assert!(!still_due || self.ended.is_some(), "a deadline stays in the past");
            self.settle();
            steps += 1;
            assert!(steps < 100_000, "time does not pass");
        }
        self.now = self.now.after(end.mono.since(self.now.mono));
    }

    pub fn call(&mut self, data: &[u8]) -> CallId {
        self.client.call(echo(data)).unwrap()
    }

    /// A connection that is ready.
    pub fn ready(pfs: Pfs) -> Self {
        let mut run = Self::new(config(Some(pfs), None));
        run.connect();
        run.settle();
        assert_eq!(run.client.state(), client::State::Ready);
        run
    }

    pub fn runs_of(&self, data: &[u8]) -> usize {
        self.server.runs.get(&echo(data)).copied().unwrap_or(0)
    }

    pub fn is_on_the_wire(&self, id: AuthKeyId) -> bool {
        self.wire.windows(8).any(|window| window == id.to_bytes())
    }
}
