//! Whole key exchanges in memory, and the server's share of their time.
#![allow(dead_code, reason = "each bench uses a part")]

use bytes::BytesMut;
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::handshake::{Job, client, server};
use odnix_proto::{Instant, Now, Seed, UnixTime};
use std::sync::Arc;
use std::time::Duration;

pub const KEY_PEM: &str = include_str!("../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");

/// Clients and a server that make one key after the other.
pub struct Parties {
    client: Arc<client::Config>,
    server: Arc<server::Config>,
    exchanges: u64,
}

/// Both ends of one exchange.
struct Exchange {
    client: client::Handshake,
    server: server::Handshake,
    is_over: bool,
}

impl Parties {
    pub fn new() -> Self {
        let rsa = Arc::new(RsaPrivateKey::from_pem(KEY_PEM).expect("a fixture"));
        let client = client::Config::new(vec![rsa.public().clone()], 2).expect("one key");
        let mut server = server::Config::new(vec![rsa], 2).expect("one key");
        // As a server has one: the search for primes is not part of an exchange.
        server.pq_pool = Arc::new(server::PqPool::draw(Seed::for_testing(7), 64));
        Self { client: Arc::new(client), server: Arc::new(server), exchanges: 0 }
    }

    fn begin(&mut self) -> Exchange {
        self.exchanges += 1;
        let seed = Seed::for_testing(self.exchanges);
        let client = client::Handshake::new(Arc::clone(&self.client), seed);
        let seed = Seed::for_testing(self.exchanges ^ (1 << 40));
        let server = server::Handshake::new(Arc::clone(&self.server), seed);
        Exchange { client, server, is_over: false }
    }

    /// So many exchanges in step. What waits at the same time is run as one batch.
    pub fn exchange(&mut self, count: usize) -> Served {
        let now = Now::new(Instant::from_micros(1), UnixTime::from_secs(1_800_000_000));
        let mut exchanges: Vec<Exchange> = (0..count).map(|_| self.begin()).collect();
        let mut served = Served::default();
        while exchanges.iter().any(|exchange| !exchange.is_over) {
            let asked: Vec<BytesMut> = exchanges.iter_mut().map(|it| it.ask(now)).collect();
            let started = std::time::Instant::now();
            let answers = serve(&mut exchanges, now, asked, &mut served.jobs);
            served.all += started.elapsed();
            exchanges.iter_mut().zip(answers).for_each(|(it, answer)| it.take(now, answer));
        }
        served
    }
}

/// What the server took for exchanges.
#[derive(Default)]
pub struct Served {
    /// Its calls and jobs.
    pub all: Duration,
    /// Each batch of jobs: RSA, g^a, g_b^a.
    pub jobs: Vec<Duration>,
}

impl Exchange {
    fn ask(&mut self, now: Now) -> BytesMut {
        let mut up = BytesMut::new();
        self.client.poll_transmit(now, &mut up);
        up
    }

    fn take(&mut self, now: Now, down: BytesMut) {
        if !down.is_empty() {
            self.client.handle_packet(now, down.freeze()).expect("an honest server");
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Work(job) => self.client.complete(now, job.run()).expect("honest"),
                _ => self.is_over = true,
            }
        }
    }

    /// What the server's side has to have computed, if anything.
    fn job(&mut self, now: Now) -> Option<Job> {
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Work(job) => return Some(job),
                server::Event::KeyProposed(key) => {
                    let stored = server::KeyStored::Stored;
                    self.server.key_stored(now, key.auth_key.id(), stored).expect("just proposed");
                }
                _ => {}
            }
        }
        None
    }
}

fn serve(
    exchanges: &mut [Exchange],
    now: Now,
    asked: Vec<BytesMut>,
    took: &mut Vec<Duration>,
) -> Vec<BytesMut> {
    for (exchange, up) in exchanges.iter_mut().zip(asked).filter(|(_, up)| !up.is_empty()) {
        exchange.server.handle_packet(now, up.freeze()).expect("an honest client");
    }
    loop {
        let (waiting, jobs): (Vec<_>, Vec<_>) = exchanges
            .iter_mut()
            .filter_map(|exchange| exchange.job(now).map(|job| (exchange, job)))
            .unzip();
        if jobs.is_empty() {
            break;
        }
        let started = std::time::Instant::now();
        let done = Job::run_batch(jobs);
        took.push(started.elapsed());
        for (exchange, done) in waiting.into_iter().zip(done) {
            exchange.server.complete(now, done).expect("honest");
        }
    }
    let answer = |exchange: &mut Exchange| {
        let mut down = BytesMut::new();
        exchange.server.poll_transmit(now, &mut down);
        down
    };
    exchanges.iter_mut().map(answer).collect()
}
