//! The key exchange: the powers, one whole exchange in memory, and the server's share of one and of
//! eight at once. No peer has both roles to measure beside. Factorization of pq is the bench `factor`.
//!
//! Times of eight are those of each: an eighth of what all take. `ODNIX_CPU=portable` measures without the
//! lanes.

mod exchange;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use exchange::{Parties, Served};
use odnix_proto::Secret;
use odnix_proto::crypto::dh::{Exponent, Group, public_batch, shared_batch};

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
    let mut parties = Parties::new();
    let mut group = criterion.benchmark_group("exchange");
    group.sample_size(20);
    group.bench_function("both roles", |bencher| bencher.iter(|| parties.exchange(1)));
    for count in [1_u32, 8] {
        for (kind, name) in ["RSA", "g^a", "g_b^a", "server share"].into_iter().enumerate() {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_custom(|times| {
                    let served = (0..times).map(|_| parties.exchange(count as usize));
                    let share = |it: Served| it.jobs.get(kind).copied().unwrap_or(it.all) / count;
                    served.map(share).sum()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, powers, exchanges);
criterion_main!(benches);
