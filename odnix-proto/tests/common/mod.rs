//! Two sessions under one key, and the packets between them in the open.

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::{
    AuthKey, Instant, MsgId, Now, Secret, Seed, UnixTime,
    envelope::{self, Header, Opened, Side},
    error::Received,
    limits::Limits,
    session::{
        CallId, ClientSession, ClientSessionEvent, ServerKey, ServerSession, ServerSessionEvent,
        Timings,
    },
};
use odnix_tl::{Encode, odnix::functions::help::Echo};

pub const START_S: u64 = 1_800_000_000;

pub fn start() -> Now {
    Now::new(Instant::from_micros(1_000_000), UnixTime::from_secs(START_S))
}

pub fn key(number: u8) -> AuthKey {
    AuthKey::new(Secret::init(|bytes| bytes.fill(number)))
}

pub fn echo(data: &[u8]) -> Bytes {
    Echo { data: Bytes::copy_from_slice(data) }.to_bytes().unwrap()
}

/// A client and a server session that share a key, and the time.
pub struct Pair {
    pub now: Now,
    pub key: AuthKey,
    pub client: ClientSession,
    pub server: ServerSession,
}

impl Pair {
    /// The server salt is not known to the client yet.
    pub fn strangers() -> Self {
        let key = key(7);
        let limits = Limits::default();
        let timings = Timings::default();
        let mut client = ClientSession::new(None, Seed::for_testing(1), limits, timings);
        client.use_key(key.clone(), 1);
        client.transport_connected(start());
        let server = new_server(&key, client.session_id().unwrap(), 2);
        Self { now: start(), key, client, server }
    }

    /// Salt, session and clock are settled; nothing is under way.
    pub fn settled() -> Self {
        let mut pair = Self::strangers();
        let call = pair.client.call(echo(b"hello")).unwrap();
        pair.run();
        assert!(matches!(pair.client_events().as_slice(),
            [.., ClientSessionEvent::Reply { call: ended, result: Ok(_) }] if *ended == call));
        pair.pass(Duration::from_secs(2));
        pair.run();
        pair
    }

    pub fn pass(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    pub fn client_sends(&mut self) -> Option<BytesMut> {
        let mut out = BytesMut::new();
        self.client.poll_transmit(self.now, &mut out).then_some(out)
    }

    pub fn server_sends(&mut self) -> Option<BytesMut> {
        let mut out = BytesMut::new();
        self.server.poll_transmit(self.now, &mut out).then_some(out)
    }

    pub fn server_takes(&mut self, packet: BytesMut) -> Received {
        let opened = envelope::open(&self.key, Side::Client, packet).unwrap();
        self.server.handle_opened(self.now, opened)
    }

    pub fn client_takes(&mut self, packet: BytesMut) -> Received {
        let opened = envelope::open(&self.key, Side::Server, packet).unwrap();
        self.client.handle_opened(self.now, opened)
    }

    /// Answers each call with its own body until nothing moves.
    pub fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(packet) = self.client_sends() {
                self.server_takes(packet);
                moved = true;
            }
            for (call, body) in self.calls() {
                self.server.reply(call, body).unwrap();
            }
            while let Some(packet) = self.server_sends() {
                self.client_takes(packet);
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    /// The calls the server has seen since last asked.
    pub fn calls(&mut self) -> Vec<(CallId, Bytes)> {
        std::iter::from_fn(|| self.server.poll_event())
            .filter_map(|event| match event {
                ServerSessionEvent::Call { call, body, .. } => Some((call, body)),
                _ => None,
            })
            .collect()
    }

    pub fn client_events(&mut self) -> Vec<ClientSessionEvent> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    pub fn replies(&mut self) -> Vec<(CallId, bool)> {
        self.client_events()
            .into_iter()
            .filter_map(|event| match event {
                ClientSessionEvent::Reply { call, result } => Some((call, result.is_ok())),
                _ => None,
            })
            .collect()
    }
}

pub fn new_server(key: &AuthKey, session_id: i64, seed: u64) -> ServerSession {
    let key = ServerKey {
        auth_key: key.clone(),
        first_salt: None,
        expires_at: None,
        bound_to: None,
        dc: 2,
    };
    ServerSession::new(
        &key,
        session_id,
        Secret::init(|bytes| bytes.fill(seed as u8)),
        Seed::for_testing(seed),
        Limits::default(),
        Timings::default(),
    )
}

/// Opens a packet without taking it in.
pub fn look(key: &AuthKey, from: Side, packet: &BytesMut) -> Opened {
    envelope::open(key, from, packet.clone()).unwrap()
}

/// Seals one message by hand.
pub fn seal(key: &AuthKey, from: Side, header: Header, body: &[u8]) -> BytesMut {
    use rand_core::SeedableRng;
    let mut rng = chacha20::ChaCha20Rng::seed_from_u64(header.msg_id.as_i64() as u64);
    let mut out = BytesMut::new();
    envelope::seal(key, from, &header, body, &mut rng, &mut out).unwrap();
    out
}

/// A client msg_id for `time`, a multiple of 4 with a low half that is not empty.
pub fn client_id(time: UnixTime, fine: u32) -> MsgId {
    MsgId::from_i64(((time.as_secs() as i64) << 32) | ((i64::from(fine) + 1) * 4))
}

/// A server msg_id for `time`, `% 4 == 3`.
pub fn server_id(time: UnixTime, fine: u32) -> MsgId {
    MsgId::from_i64(((time.as_secs() as i64) << 32) | ((i64::from(fine) + 1) * 4 + 3))
}
