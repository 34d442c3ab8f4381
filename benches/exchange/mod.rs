//! One whole key exchange in memory, and the server's share of its time.

use bytes::BytesMut;
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::handshake::{client, server};
use odnix_proto::{Instant, Now, Seed, UnixTime};
use std::sync::Arc;
use std::time::Duration;

pub const KEY_PEM: &str = include_str!("../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");

/// A client and a server that make one key after the other.
pub struct Parties {
    client: Arc<client::Config>,
    server: Arc<server::Config>,
    exchanges: u64,
}

impl Parties {
    pub fn new() -> Self {
        let rsa = Arc::new(RsaPrivateKey::from_pem(KEY_PEM).expect("a fixture"));
        let keys = vec![rsa.public().clone()];
        Self {
            client: Arc::new(client::Config::new(keys, 2).expect("one key")),
            server: Arc::new(server::Config::new(vec![rsa], 2).expect("one key")),
            exchanges: 0,
        }
    }

    /// Both ends of one exchange; the time spent in the server's calls and jobs.
    pub fn exchange(&mut self) -> Duration {
        self.exchanges += 1;
        let now = Now::new(Instant::from_micros(1), UnixTime::from_secs(1_800_000_000));
        let seed = Seed::for_testing(self.exchanges);
        let mut client = client::Handshake::new(Arc::clone(&self.client), seed);
        let seed = Seed::for_testing(self.exchanges ^ (1 << 40));
        let mut server = server::Handshake::new(Arc::clone(&self.server), seed);
        let mut served = Duration::ZERO;
        loop {
            let mut up = BytesMut::new();
            client.poll_transmit(now, &mut up);
            let started = std::time::Instant::now();
            let down = serve(&mut server, now, up);
            served += started.elapsed();
            if !down.is_empty() {
                client.handle_packet(now, down.freeze()).expect("an honest server");
            }
            while let Some(event) = client.poll_event() {
                match event {
                    client::Event::Work(job) => client.complete(now, job.run()).expect("honest"),
                    _ => return served,
                }
            }
        }
    }
}

fn serve(server: &mut server::Handshake, now: Now, up: BytesMut) -> BytesMut {
    if !up.is_empty() {
        server.handle_packet(now, up.freeze()).expect("an honest client");
    }
    while let Some(event) = server.poll_event() {
        match event {
            server::Event::Work(job) => server.complete(now, job.run()).expect("honest"),
            server::Event::KeyProposed(key) => {
                let stored = server::KeyStored::Stored;
                server.key_stored(now, key.auth_key.id(), stored).expect("just proposed");
            }
            _ => {}
        }
    }
    let mut down = BytesMut::new();
    server.poll_transmit(now, &mut down);
    down
}
