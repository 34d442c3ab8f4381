//! Sixteen packets at a server's connection: in one read of the socket, which opens them together,
//! or in one read each.

use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::limits::Limits;
use odnix_proto::server::{Config, Connection, Event, ServerKey};
use odnix_proto::session::Timings;
use odnix_proto::transport::ServerOptions;
use odnix_proto::{AuthKey, Instant, MsgId, Now, Secret, Seed, UnixTime, handshake};
use rand_core::SeedableRng;
use std::sync::Arc;

const PACKETS: i64 = 16;
const DATA_LENS: [usize; 4] = [64, 256, 1024, 8192];
const START_S: i64 = 1_800_000_000;

fn now() -> Now {
    Now::new(Instant::from_micros(1), UnixTime::from_secs(START_S as u64))
}

fn auth_key() -> AuthKey {
    AuthKey::new(Secret::init(|bytes| bytes.fill(7)))
}

/// A call in a frame of the intermediate framing.
fn frame(i: i64, data: &[u8], padding: &mut ChaCha20Rng) -> BytesMut {
    let msg_id = MsgId::from_i64((START_S << 32) + 4 * i);
    let header = Header { salt: 1, session_id: 2, msg_id, seq_no: 2 * i as i32 + 1 };
    let mut packet = BytesMut::new();
    envelope::seal(&auth_key(), Side::Client, &header, data, padding, &mut packet).unwrap();
    let mut frame = BytesMut::from(u32::try_from(packet.len()).unwrap().to_le_bytes().as_slice());
    frame.extend_from_slice(&packet);
    frame
}

/// A connection that has its key and its session.
fn connection(config: &Arc<Config>, first: &BytesMut) -> Connection {
    let mut connection = Connection::new(Arc::clone(config), Seed::for_testing(1));
    let mut bytes = BytesMut::from([0xee; 4].as_slice());
    bytes.extend_from_slice(first);
    connection.receive(now(), &mut bytes).unwrap();
    while let Some(event) = connection.poll_event() {
        match event {
            Event::KeyWanted(id) => {
                let auth_key = auth_key();
                let key = ServerKey {
                    auth_key,
                    first_salt: None,
                    expires_at: None,
                    bound_to: None,
                    dc: 2,
                };
                connection.provide_key(now(), id, Some(key)).unwrap();
            }
            Event::SessionWanted(wanted) => {
                connection.provide_session(now(), wanted, None).unwrap();
            }
            _ => {}
        }
    }
    connection
}

fn arrivals(criterion: &mut Criterion) {
    let rsa = handshake_config();
    let config = Arc::new(Config {
        handshake: Arc::new(rsa),
        transport: ServerOptions::default(),
        salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(3))),
        limits: Arc::new(Limits::default()),
        timings: Timings::default(),
    });
    let mut padding = ChaCha20Rng::seed_from_u64(1);
    let mut group = criterion.benchmark_group("arrivals");
    for len in DATA_LENS {
        let data = vec![0xee; len];
        let first = frame(1, &data, &mut padding);
        let frames: Vec<BytesMut> =
            (2..2 + PACKETS).map(|i| frame(i, &data, &mut padding)).collect();
        let together = vec![BytesMut::from(&*frames.concat())];
        group.throughput(Throughput::Elements(PACKETS as u64));
        for (name, reads) in [("together", &together), ("one by one", &frames)] {
            group.bench_function(BenchmarkId::new(name, len), |bencher| {
                bencher.iter_batched(
                    || (connection(&config, &first), reads.clone()),
                    |(mut connection, reads)| {
                        for mut read in reads {
                            connection.receive(now(), &mut read).unwrap();
                        }
                        connection
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

fn handshake_config() -> handshake::server::Config {
    let pem = include_str!("../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
    let rsa = odnix_proto::crypto::rsa::RsaPrivateKey::from_pem(pem).unwrap();
    handshake::server::Config::new(vec![Arc::new(rsa)], 2).unwrap()
}

criterion_group!(benches, arrivals);
criterion_main!(benches);
