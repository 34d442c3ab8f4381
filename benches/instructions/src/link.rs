//! A client and a server that have a key, and talk in memory.

use crate::{counted, key};
use bytes::{Bytes, BytesMut};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::limits::Limits;
use odnix_proto::session::Timings;
use odnix_proto::{Instant, Now, Secret, Seed, UnixTime, client, handshake, server, transport};
use std::sync::Arc;
use std::time::Duration;

pub const KEY_PEM: &str = include_str!("../../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");

struct Link {
    now: Now,
    client: client::Connection,
    server: server::Connection,
    up: BytesMut,
    down: BytesMut,
    replies: u32,
}

impl Link {
    fn new() -> Self {
        let rsa = Arc::new(RsaPrivateKey::from_pem(KEY_PEM).expect("a fixture"));
        let (limits, timings) = (Limits::default(), Timings::default());
        let keys = vec![rsa.public().clone()];
        let client = client::Config {
            handshake: Arc::new(handshake::client::Config::new(keys, 2).expect("one key")),
            transport: transport::ClientOptions::new(transport::Framing::Intermediate),
            pfs: None,
            quick_acks: false,
            init: None,
            limits: limits.clone(),
            timings: timings.clone(),
        };
        let server = server::Config {
            handshake: Arc::new(handshake::server::Config::new(vec![rsa], 2).expect("one key")),
            transport: transport::ServerOptions::default(),
            salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(1))),
            limits: Arc::new(limits),
            timings,
        };
        let saved = client::SavedKey { auth_key: key(), server_salt: 0, time_offset_us: 0 };
        Self {
            now: Now::new(Instant::from_micros(0), UnixTime::from_secs(1_800_000_000)),
            client: client::Connection::resume(Arc::new(client), Seed::for_testing(1), saved),
            server: server::Connection::new(Arc::new(server), Seed::for_testing(2)),
            up: BytesMut::new(),
            down: BytesMut::new(),
            replies: 0,
        }
    }

    /// One call, and all that moves until its reply is there.
    fn call(&mut self, body: &Bytes) {
        let wanted = self.replies + 1;
        self.client.call(body.clone()).expect("an idle client");
        while self.replies < wanted {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.now = self.now.after(Duration::from_millis(1));
        self.client.handle_timeout(self.now).expect("honest");
        self.server.handle_timeout(self.now).expect("honest");
        while self.client.poll_transmit(self.now, &mut self.up).is_some() {}
        self.server.receive(self.now, &mut self.up).expect("honest");
        self.answer();
        while self.server.poll_transmit(self.now, &mut self.down).is_some() {}
        self.client.receive(self.now, &mut self.down).expect("honest");
        while let Some(event) = self.client.poll_event() {
            if let client::Event::Session(client::SessionEvent::Reply { result, .. }) = event {
                result.expect("the server echoes");
                self.replies += 1;
            }
        }
    }

    /// The server's embedder.
    fn answer(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::KeyWanted(id) => {
                    let key = server::ServerKey {
                        auth_key: key(),
                        first_salt: None,
                        expires_at: None,
                        bound_to: None,
                        dc: 2,
                    };
                    self.server.provide_key(self.now, id, Some(key)).expect("asked for");
                }
                server::Event::SessionWanted(name) => {
                    self.server.provide_session(self.now, name, None).expect("asked for");
                }
                server::Event::Session(server::SessionEvent::Call { call, body, .. }) => {
                    let session = self.server.session().expect("it called");
                    session.reply(call, body).expect("an open call");
                }
                _ => {}
            }
        }
    }
}

/// Calls of 64 bytes that are echoed, once salts and times have settled.
pub fn calls_and_replies(times: u32) {
    let mut link = Link::new();
    link.client.transport_connected(link.now);
    let body = Bytes::from_static(&[7; 64]);
    for _ in 0..20 {
        link.call(&body);
    }
    counted(|| (0..times).for_each(|_| link.call(&body)));
}
