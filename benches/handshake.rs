//! The key exchange: factorization of pq, one whole exchange in memory, and the server's share
//! of it. No peer has both roles to measure beside.

use bytes::BytesMut;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use odnix_proto::crypto::{factor::factorize, rsa::RsaPrivateKey};
use odnix_proto::handshake::{client, server};
use odnix_proto::{Instant, Now, Seed, UnixTime};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Semiprimes of 62 and 63 bits, as servers in use send them.
const PQ: [u64; 4] = [
    2_694_724_800_268_887_959,
    1_724_114_033_281_923_457,
    1_470_626_929_934_143_021,
    4_611_685_975_477_714_963,
];

fn pq(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pq");
    for pq in PQ {
        let Some((p, q)) = factorize(pq) else { continue };
        assert_eq!(p * q, pq);
        group.bench_with_input(BenchmarkId::new("odnix", pq), &pq, |bencher, &pq| {
            bencher.iter(|| factorize(black_box(pq)));
        });
    }
    group.finish();
}

/// Both ends of one exchange; the time spent in the server's calls and jobs.
fn exchange(client: Arc<client::Config>, server: Arc<server::Config>, seed: u64) -> Duration {
    let now = Now::new(Instant::from_micros(1), UnixTime::from_secs(1_800_000_000));
    let mut client = client::Handshake::new(client, Seed::for_testing(seed));
    let mut server = server::Handshake::new(server, Seed::for_testing(seed ^ (1 << 40)));
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

fn exchanges(criterion: &mut Criterion) {
    let pem = include_str!("../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
    let rsa = Arc::new(RsaPrivateKey::from_pem(pem).expect("a fixture"));
    let keys = vec![rsa.public().clone()];
    let client = Arc::new(client::Config::new(keys, 2).expect("one key"));
    let server = Arc::new(server::Config::new(vec![rsa], 2).expect("one key"));
    let mut group = criterion.benchmark_group("exchange");
    group.sample_size(20);
    let mut seed = 0;
    group.bench_function("both roles", |bencher| {
        bencher.iter(|| {
            seed += 1;
            exchange(Arc::clone(&client), Arc::clone(&server), seed)
        });
    });
    group.bench_function("server share", |bencher| {
        bencher.iter_custom(|times| {
            (0..times)
                .map(|_| {
                    seed += 1;
                    exchange(Arc::clone(&client), Arc::clone(&server), seed)
                })
                .sum()
        });
    });
    group.finish();
}

criterion_group!(benches, pq, exchanges);
criterion_main!(benches);
