//! A server session whose client is written by hand, one message at a time.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use bytes::{Bytes, BytesMut};
use odnix_proto::{
    AuthKey, Instant, MsgId, Now, Secret, Seed, UnixTime,
    envelope::{self, Header, Side},
    error::{Notice, Received},
    limits::Limits,
    session::{CallId, ServerKey, ServerSession, ServerSessionEvent, Timings},
};
use odnix_tl::{
    Constructor, Decode, Encode,
    mtproto::{functions, types},
    odnix::functions::help::Echo,
};
use rand_core::SeedableRng;

pub const START_S: u64 = 1_800_000_000;
pub const SESSION_ID: i64 = 0x5e55;
pub const CONTAINER: u32 = 0x73f1_f8dc;

pub fn key(number: u8) -> AuthKey {
    AuthKey::new(Secret::init(|bytes| bytes.fill(number)))
}

pub fn echo(len: usize) -> Bytes {
    let data: Vec<u8> = (0..len).map(|at| (at * 7919 % 251) as u8).collect();
    Echo { data: data.into() }.to_bytes().unwrap()
}

/// Bytes that no packing makes smaller.
pub fn noise(len: usize) -> Bytes {
    use rand_core::Rng;
    let mut bytes = vec![0; len];
    chacha20::ChaCha20Rng::seed_from_u64(len as u64).fill_bytes(&mut bytes);
    bytes.into()
}

/// A result, or code and name of a refusal.
pub type Outcome = Result<Bytes, (i32, String)>;

pub struct Sent {
    pub msg_id: MsgId,
    pub seq_no: i32,
    pub body: Bytes,
}

impl Sent {
    pub fn is<T: Constructor>(&self) -> bool {
        self.body[..4] == T::ID.to_le_bytes()
    }

    pub fn read<T: Decode>(&self) -> T {
        T::from_bytes(self.body.clone()).unwrap()
    }
}

pub struct Hand {
    pub now: Now,
    pub key: AuthKey,
    pub server: ServerSession,
    pub salt: i64,
    pub fine: i64,
    pub content_sent: i32,
}

impl Hand {
    pub fn new() -> Self {
        Self::with(Limits::default(), None)
    }

    pub fn temporary() -> Self {
        Self::with(Limits::default(), Some(START_S as i32 + 86_400))
    }

    pub fn with(limits: Limits, expires_at: Option<i32>) -> Self {
        let key = key(7);
        let server = session(&key, limits, expires_at);
        let now = Now::new(Instant::from_micros(1_000_000), UnixTime::from_secs(START_S));
        let mut hand = Self { now, key, server, salt: 0, fine: 0, content_sent: 0 };
        hand.learn_salt();
        // The session begins: its announcement is acknowledged, and so is the ping.
        hand.content(&functions::Ping { ping_id: 1 }.to_bytes().unwrap());
        hand.now = hand.now.after(core::time::Duration::from_secs(2));
        hand.server.handle_timeout(hand.now);
        hand.acknowledge_all();
        hand
    }

    pub fn learn_salt(&mut self) {
        let ping = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
        self.service(&ping);
        let refused: types::BadServerSalt = self.only();
        self.salt = refused.new_server_salt;
    }

    pub fn next_id(&mut self) -> MsgId {
        self.fine += 4;
        MsgId::from_i64(((self.now.wall.as_secs() as i64) << 32) | self.fine)
    }

    pub fn seal(&self, msg_id: MsgId, seq_no: i32, body: &[u8]) -> BytesMut {
        let header = Header { salt: self.salt, session_id: SESSION_ID, msg_id, seq_no };
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(self.fine as u64);
        let mut out = BytesMut::new();
        envelope::seal(&self.key, Side::Client, &header, body, &mut rng, &mut out).unwrap();
        out
    }

    pub fn takes(&mut self, packet: BytesMut) -> Received {
        let opened = envelope::open(&self.key, Side::Client, packet).unwrap();
        self.server.handle_opened(self.now, opened)
    }

    pub fn at(&mut self, msg_id: MsgId, seq_no: i32, body: &[u8]) -> Received {
        let packet = self.seal(msg_id, seq_no, body);
        self.takes(packet)
    }

    pub fn next_seq_no(&mut self) -> i32 {
        self.content_sent += 1;
        self.content_sent * 2 - 1
    }

    /// A content message.
    pub fn content(&mut self, body: &[u8]) -> MsgId {
        let (msg_id, seq_no) = (self.next_id(), self.next_seq_no());
        self.at(msg_id, seq_no, body);
        msg_id
    }

    /// A service message.
    pub fn service(&mut self, body: &[u8]) -> MsgId {
        let (msg_id, seq_no) = (self.next_id(), self.content_sent * 2);
        self.at(msg_id, seq_no, body);
        msg_id
    }

    /// Everything the server has to send, containers taken apart.
    pub fn sent(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        loop {
            let mut packet = BytesMut::new();
            if !self.server.poll_transmit(self.now, &mut packet) {
                return all;
            }
            let opened = envelope::open(&self.key, Side::Server, packet).unwrap();
            let mut body = opened.data;
            if body[..4] != CONTAINER.to_le_bytes() {
                all.push(Sent { msg_id: opened.header.msg_id, seq_no: opened.header.seq_no, body });
                continue;
            }
            let mut rest = body.split_off(8);
            while !rest.is_empty() {
                let head = rest.split_to(16);
                let int = |at: usize| i32::from_le_bytes(head[at..at + 4].try_into().unwrap());
                let msg_id = i64::from_le_bytes(head[..8].try_into().unwrap());
                let body = rest.split_to(int(12) as usize);
                all.push(Sent { msg_id: MsgId::from_i64(msg_id), seq_no: int(8), body });
            }
        }
    }

    /// What the server has to send of this kind.
    pub fn sent_of<T: Decode + Constructor>(&mut self) -> Vec<T> {
        self.sent().iter().filter(|sent| sent.is::<T>()).map(Sent::read).collect()
    }

    pub fn only<T: Decode + Constructor>(&mut self) -> T {
        let mut all = self.sent_of::<T>();
        assert_eq!(all.len(), 1, "one message of the kind");
        all.remove(0)
    }

    pub fn acknowledge_all(&mut self) {
        let msg_ids = self.sent().iter().map(|sent| sent.msg_id.as_i64()).collect();
        self.acknowledge(msg_ids);
    }

    pub fn acknowledge(&mut self, msg_ids: Vec<i64>) {
        self.service(&types::MsgsAck { msg_ids }.to_bytes().unwrap());
    }

    pub fn events(&mut self) -> Vec<ServerSessionEvent> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }

    /// The calls that reached the embedder.
    pub fn calls(&mut self) -> Vec<CallId> {
        let call = |event| match event {
            ServerSessionEvent::Call { call, .. } => Some(call),
            other => panic!("{other:?}"),
        };
        self.events().into_iter().filter_map(call).collect()
    }

    /// The answers that leave, by request: the result, or the refusal.
    pub fn answers(&mut self) -> Vec<(MsgId, Outcome)> {
        let results = self.sent_of::<types::RpcResult>();
        let answer = |result: types::RpcResult| {
            let body = result.result.0;
            let outcome = match types::RpcError::from_bytes(body.clone()) {
                Ok(error) => Err((error.error_code, error.error_message)),
                Err(_) => Ok(body),
            };
            (MsgId::from_i64(result.req_msg_id), outcome)
        };
        results.into_iter().map(answer).collect()
    }

    pub fn pass(&mut self, duration: core::time::Duration) {
        self.now = self.now.after(duration);
        self.server.handle_timeout(self.now);
    }
}

pub fn session(key: &AuthKey, limits: Limits, expires_at: Option<i32>) -> ServerSession {
    let key =
        ServerKey { auth_key: key.clone(), first_salt: None, expires_at, bound_to: None, dc: 2 };
    let secret = Secret::init(|bytes| bytes.fill(3));
    ServerSession::new(&key, SESSION_ID, secret, Seed::for_testing(5), limits, Timings::default())
}

pub fn container(messages: &[(MsgId, i32, &[u8])]) -> Vec<u8> {
    let mut body = CONTAINER.to_le_bytes().to_vec();
    body.extend((messages.len() as u32).to_le_bytes());
    for (msg_id, seq_no, inner) in messages {
        body.extend(msg_id.as_i64().to_le_bytes());
        body.extend(seq_no.to_le_bytes());
        body.extend((inner.len() as u32).to_le_bytes());
        body.extend(*inner);
    }
    body
}

pub fn bad_msg(msg_id: MsgId, code: i32) -> Received {
    Received::Answered(Notice::BadMsg { msg_id, code })
}
