//! `envelope::seal` and `envelope::open` beside grammers-crypto and a naive composition.
//!
//! Every contender seals the same header and data with 16-byte aligned padding of the shortest
//! length it would send; `odnix` alone is measured a second time with its usual padding, whose
//! random blocks lengthen a packet by 120 bytes on average. `open` includes the checks each
//! contender makes, which for grammers-crypto is msg_key alone.

mod peers;

use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use odnix_proto::envelope::{self, Side};
use peers::packet::{HEADER, ShortestPadding, key, sealed};
use peers::{grammers, naive};
use rand_core::SeedableRng;

const DATA_LENS: [usize; 3] = [64, 1024, 16 * 1024];

fn seal(criterion: &mut Criterion) {
    let (key, grammers_key) = (key(), grammers::key());
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut shortest = ShortestPadding::new();
    let mut group = criterion.benchmark_group("seal");
    for data_len in DATA_LENS {
        let data = vec![7; data_len];
        group.throughput(Throughput::Bytes(u64::try_from(data_len).unwrap()));
        let mut out = BytesMut::new();
        group.bench_function(BenchmarkId::new("odnix", data_len), |bencher| {
            bencher.iter(|| {
                out.clear();
                envelope::seal(&key, Side::Client, &HEADER, &data, &mut shortest, &mut out)
            });
        });
        group.bench_function(BenchmarkId::new("odnix_usual_padding", data_len), |bencher| {
            bencher.iter(|| {
                out.clear();
                envelope::seal(&key, Side::Client, &HEADER, &data, &mut rng, &mut out)
            });
        });
        let mut buffer = grammers::buffer(data_len);
        group.bench_function(BenchmarkId::new("grammers", data_len), |bencher| {
            bencher.iter(|| grammers::seal(&grammers_key, &data, &mut buffer));
        });
        group.bench_function(BenchmarkId::new("naive", data_len), |bencher| {
            bencher.iter(|| naive::seal(&key, 0, &data, &mut rng));
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let (key, grammers_key) = (key(), grammers::key());
    let mut group = criterion.benchmark_group("open");
    for data_len in DATA_LENS {
        let packet = sealed(data_len);
        group.throughput(Throughput::Bytes(u64::try_from(data_len).unwrap()));
        group.bench_function(BenchmarkId::new("odnix", data_len), |bencher| {
            bencher.iter_batched(
                || packet.clone(),
                |packet| envelope::open(&key, Side::Server, packet).unwrap(),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("grammers", data_len), |bencher| {
            bencher.iter_batched(
                || packet.to_vec(),
                |packet| grammers::open(&grammers_key, packet),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("naive", data_len), |bencher| {
            bencher.iter_batched(
                || packet.to_vec(),
                |packet| naive::open(&key, 8, &packet).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
