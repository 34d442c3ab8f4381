//! A client connection with temporary keys, and a server written by hand that answers, forgets and
//! refuses as told. Everything that crosses the wire is captured.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::{
    AuthKey, AuthKeyId, Instant, MsgId, Now, PeerError, Seed, UnixTime,
    client::{self, Event, Pfs, State, TemporaryKeyEvent, TemporaryKeyLoss},
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
    transition::Transition,
    transport::{ClientOptions, Frame, Framing, ServerFramer, ServerOptions},
};
use odnix_tl::{
    Constructor, Decode, Encode, Raw,
    mtproto::{functions, types},
    odnix::functions::{InvokeWithLayer, auth::BindTempAuthKey, help::Echo},
};
use rand_core::SeedableRng;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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
    Result(Bytes),
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
    /// They are not answered at all.
    pub ignores_exchanges: bool,
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
    /// What leaves, frame by frame.
    down: VecDeque<BytesMut>,
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
            ignores_exchanges: false,
            holds_answers: false,
            held: Vec::new(),
            runs: BTreeMap::new(),
            bindings: Vec::new(),
            exchanges: 0,
            seen: Vec::new(),
            unbound_calls: 0,
            counter: 0,
            down: VecDeque::new(),
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
                    let mut frame = BytesMut::new();
                    self.framer.frame_quick_ack(opened.quick_ack_token, &mut frame);
                    self.down.push_back(frame);
                }
                self.take_sealed(now, key_id, opened);
            } else {
                self.say_error(-404);
            }
        }
    }

    fn take_plain(&mut self, now: Now, packet: Bytes) {
        if self.refuses_exchanges {
            self.say_error(-404);
            return;
        }
        if self.ignores_exchanges {
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
            self.say_packet(&packet.split());
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
            Some(Whim::Result(result)) => return self.answer(now, &message, result),
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

    pub fn refuse(&mut self, now: Now, message: &Seen, code: i32, text: &str) {
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
        self.say_packet(&packet);
    }

    fn say_packet(&mut self, packet: &[u8]) {
        let mut frame = BytesMut::new();
        self.framer.frame(packet, &mut frame).unwrap();
        self.down.push_back(frame);
    }

    pub fn say_error(&mut self, code: i32) {
        let mut frame = BytesMut::new();
        self.framer.frame_error(code, &mut frame);
        self.down.push_back(frame);
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
    events: VecDeque<Event>,
    /// Every transition there was.
    pub seen: BTreeSet<Transition>,
}

/// What the client was given.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Input {
    Up,
    Down,
    Packet,
    Result,
    Time,
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
            events: VecDeque::new(),
            seen: BTreeSet::new(),
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
        let now = self.now;
        self.give(Input::Up, |client| client.transport_connected(now));
    }

    pub fn cut(&mut self) {
        self.up.clear();
        self.ended = None;
        self.server.new_transport();
        self.give(Input::Down, client::Connection::transport_lost);
    }

    /// Gives the permanent key up.
    pub fn discard_key(&mut self) {
        self.give(Input::Down, client::Connection::discard_key);
    }

    /// One input, and what it leads to.
    fn give<T>(&mut self, input: Input, act: impl FnOnce(&mut client::Connection) -> T) -> T {
        let from = self.client.state();
        let outcome = act(&mut self.client);
        let told = self.events.len();
        while let Some(event) = self.client.poll_event() {
            self.events.push_back(event);
        }
        let to = self.client.state();
        if from != to {
            let on = self.reason(input, from, to, told);
            let seen = Transition::new(from.name(), on, to.name());
            assert!(client::TRANSITIONS.contains(&seen), "not in the table: {seen:?}");
            self.seen.insert(seen);
        }
        outcome
    }

    /// Why the state changed, from what was given and what was told from the `told`-th event on.
    fn reason(&self, input: Input, from: State, to: State, told: usize) -> &'static str {
        use TemporaryKeyEvent::{Bound, Created, Lost};
        let told = || self.events.iter().skip(told);
        let temporary = |wanted: fn(&TemporaryKeyEvent) -> bool| {
            told().any(|event| matches!(event, Event::TemporaryKey(event) if wanted(event)))
        };
        let lost = |wanted: fn(&TemporaryKeyLoss) -> bool| {
            let mut reasons = told().filter_map(|event| match event {
                Event::TemporaryKey(Lost { reason, .. }) => Some(reason),
                _ => None,
            });
            reasons.any(wanted)
        };
        let created = temporary(|event| matches!(event, Created { .. }));
        let expired = lost(|reason| *reason == TemporaryKeyLoss::Expired);
        let renewed = lost(|reason| *reason == TemporaryKeyLoss::Renewed);
        let key_made = told().any(|event| matches!(event, Event::KeyCreated(_)));
        let has_temporary = self.client.temporary_key_id().is_some();
        match (input, from) {
            (Input::Up, State::Offline) => match to {
                State::AwaitPermanentKey if self.client.permanent_key_id().is_none() => {
                    "transport: no permanent key"
                }
                State::AwaitTemporaryKey if !has_temporary => "transport: no temporary key",
                State::Pause if !has_temporary => "transport: pause",
                State::AwaitBinding if has_temporary => "transport: unbound key",
                State::Ready if has_temporary => "transport: bound key",
                State::Ready => "transport: permanent key in use",
                other => panic!("{other:?}"),
            },
            (Input::Down, _) => "transport lost",
            (Input::Packet, _) if to == State::Offline => "transport lost",
            (Input::Packet, State::AwaitPermanentKey) if key_made && to == State::Ready => {
                "dh_gen_ok: key used itself"
            }
            (Input::Packet, State::AwaitPermanentKey) if key_made => "dh_gen_ok",
            (Input::Packet, State::AwaitTemporaryKey) if created => "dh_gen_ok",
            (Input::Packet, _) if temporary(|event| matches!(event, Bound { .. })) => "boolTrue",
            (Input::Packet, _) if lost(|it| matches!(it, TemporaryKeyLoss::Refused(_))) => {
                "binding refused"
            }
            (Input::Packet, State::AwaitSuccessor) if renewed => "dh_gen_ok",
            (Input::Packet, State::AwaitSuccessor) if to == State::AwaitAnswers => {
                "dh_gen_ok: calls under way"
            }
            (_, State::AwaitSuccessor) if to == State::Ready => "exchange failed",
            (Input::Packet, State::AwaitAnswers) if renewed => "answered",
            (Input::Time, State::Pause) => "pause over",
            (Input::Time, State::Ready) if expired && created => "key expired: key made before",
            (Input::Time, State::Ready) if expired && to == State::Pause => "key expired: pause",
            (Input::Time, _) if expired => "key expired",
            (Input::Time, State::Ready) if to == State::AwaitSuccessor => "renewal due",
            (Input::Time, State::Ready) => "renewal due: key made before",
            (Input::Time, State::AwaitAnswers) if to == State::Ready => "put off",
            other => panic!("no reason: {other:?} to {to:?}"),
        }
    }

    fn embed(&mut self) {
        let now = self.now;
        while let Some(event) = self.events.pop_front().or_else(|| self.client.poll_event()) {
            match event {
                Event::Work(job) => {
                    let done = job.run();
                    if let Err(fault) =
                        self.give(Input::Result, |client| client.complete(now, done))
                    {
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
        self.settle_with(|_| {});
    }

    /// The same; `before` is called before each packet that the client takes.
    pub fn settle_with(&mut self, mut before: impl FnMut(&mut client::Connection)) {
        loop {
            self.embed();
            while self.client.poll_transmit(self.now, &mut self.up).is_some() {}
            self.wire.extend_from_slice(&self.up);
            let moved = !self.up.is_empty() || !self.server.down.is_empty();
            self.server.receive(self.now, &mut self.up);
            let now = self.now;
            for mut down in core::mem::take(&mut self.server.down) {
                self.wire.extend_from_slice(&down);
                before(&mut self.client);
                let received = |client: &mut client::Connection| client.receive(now, &mut down);
                if self.ended.is_none()
                    && let Err(fault) = self.give(Input::Packet, received)
                {
                    self.ended = Some(fault);
                }
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
            let now = self.now;
            if let Err(fault) = self.give(Input::Time, |client| client.handle_timeout(now)) {
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
