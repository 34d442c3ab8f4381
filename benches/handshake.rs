//! The key exchange: factorization of pq, the powers, one whole exchange in memory, and the server's
//! share of one and of eight at once. No peer has both roles to measure beside.
//!
//! Times of eight are those of each: an eighth of what all take. `ODNIX_CPU=portable` measures without the
//! lanes.

use bytes::BytesMut;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use odnix_proto::crypto::dh::{Exponent, Group, public_batch, shared_batch};
use odnix_proto::crypto::{factor::factorize, rsa::RsaPrivateKey};
use odnix_proto::handshake::{Job, client, server};
use odnix_proto::{Instant, Now, Secret, Seed, UnixTime};
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

/// The server's time for `count` exchanges whose jobs run together: RSA, g^a, g_b^a, everything.
fn together(config: &Configs, count: usize, seed: u64) -> [Duration; 4] {
    let now = Now::new(Instant::from_micros(1), UnixTime::from_secs(1_800_000_000));
    let mut pairs: Vec<_> = (seed..)
        .take(count)
        .map(|seed| {
            let client = client::Handshake::new(Arc::clone(&config.0), Seed::for_testing(seed));
            let seed = Seed::for_testing(seed ^ (1 << 40));
            (client, server::Handshake::new(Arc::clone(&config.1), seed))
        })
        .collect();
    let mut times = [Duration::ZERO; 4];
    let mut kind = 0;
    loop {
        let mut ups: Vec<_> = pairs
            .iter_mut()
            .map(|(client, _)| {
                let mut up = BytesMut::new();
                client.poll_transmit(now, &mut up);
                up.freeze()
            })
            .collect();
        let started = std::time::Instant::now();
        let mut jobs = Vec::new();
        for ((_, server), up) in pairs.iter_mut().zip(ups.drain(..)) {
            server.handle_packet(now, up).expect("an honest client");
            jobs.extend(next_job(server, now));
        }
        while !jobs.is_empty() {
            let begun = std::time::Instant::now();
            let done = Job::run_batch(core::mem::take(&mut jobs));
            times[kind] += begun.elapsed();
            kind += 1;
            for ((_, server), done) in pairs.iter_mut().zip(done) {
                server.complete(now, done).expect("honest");
                jobs.extend(next_job(server, now));
            }
        }
        let mut downs: Vec<_> = pairs
            .iter_mut()
            .map(|(_, server)| {
                let mut down = BytesMut::new();
                server.poll_transmit(now, &mut down);
                down.freeze()
            })
            .collect();
        times[3] += started.elapsed();
        for ((client, _), down) in pairs.iter_mut().zip(downs.drain(..)) {
            client.handle_packet(now, down).expect("an honest server");
            while let Some(event) = client.poll_event() {
                match event {
                    client::Event::Work(job) => client.complete(now, job.run()).expect("honest"),
                    _ => kind = usize::MAX,
                }
            }
        }
        if kind == usize::MAX {
            return times;
        }
    }
}

fn next_job(server: &mut server::Handshake, now: Now) -> Option<Job> {
    match server.poll_event()? {
        server::Event::Work(job) => Some(job),
        server::Event::KeyProposed(key) => {
            let stored = server::KeyStored::Stored;
            server.key_stored(now, key.auth_key.id(), stored).expect("just proposed");
            None
        }
        _ => None,
    }
}

type Configs = (Arc<client::Config>, Arc<server::Config>);

fn configs() -> Configs {
    let pem = include_str!("../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
    let rsa = Arc::new(RsaPrivateKey::from_pem(pem).expect("a fixture"));
    let client = client::Config::new(vec![rsa.public().clone()], 2).expect("one key");
    let mut server = server::Config::new(vec![rsa], 2).expect("one key");
    // As a server has one: the search for primes is not part of an exchange.
    server.pq_pool = Arc::new(server::PqPool::draw(Seed::for_testing(7), 64));
    (Arc::new(client), Arc::new(server))
}

fn powers(criterion: &mut Criterion) {
    let usual = Group::usual();
    let exponents: Vec<Exponent> = (1..9_u8)
        .map(|byte| Exponent::new(Secret::init(|bytes: &mut [u8; 256]| bytes.fill(byte * 29))))
        .collect();
    let exponents: Vec<&Exponent> = exponents.iter().collect();
    let elements: Vec<_> = public_batch(&usual, &exponents).into_iter().flatten().collect();
    let pairs: Vec<_> = exponents.iter().copied().zip(&elements).collect();
    let mut group = criterion.benchmark_group("power");
    group.sample_size(20);
    for count in [1, 8] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("g^a", count), |bencher| {
            bencher.iter(|| public_batch(&usual, &exponents[..count]));
        });
        group.bench_function(BenchmarkId::new("g_b^a", count), |bencher| {
            bencher.iter(|| shared_batch(&usual, &pairs[..count]));
        });
    }
    group.finish();
}

fn exchanges(criterion: &mut Criterion) {
    let configs = configs();
    let mut group = criterion.benchmark_group("exchange");
    group.sample_size(20);
    let mut seed = 0;
    group.bench_function("both roles", |bencher| {
        bencher.iter(|| {
            seed += 1;
            together(&configs, 1, seed)
        });
    });
    for count in [1_u32, 8] {
        for (kind, name) in ["RSA", "g^a", "g_b^a", "server share"].into_iter().enumerate() {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_custom(|times| {
                    let mut sum = Duration::ZERO;
                    for _ in 0..times {
                        seed += u64::from(count);
                        sum += together(&configs, count as usize, seed)[kind] / count;
                    }
                    sum
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, pq, powers, exchanges);
criterion_main!(benches);
