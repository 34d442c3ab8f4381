//! Each level of `odnix-kernels` beside the `ige` crate and grammers-crypto, key setup included.

mod peers;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use odnix_kernels::{Block, Kernels, Level, Message, Stream};
use peers::{grammers, naive};
use std::hint::black_box;

const LENS: [usize; 3] = [64, 1024, 16 * 1024];
const KEY: [u8; 32] = [1; 32];
const IV: [u8; 32] = [2; 32];

fn levels() -> impl Iterator<Item = Kernels> {
    Level::ALL.into_iter().filter_map(Kernels::at)
}

fn one_stream(criterion: &mut Criterion) {
    for (name, decrypts) in [("ige_encrypt", false), ("ige_decrypt", true)] {
        let mut group = criterion.benchmark_group(name);
        for len in LENS {
            group.throughput(Throughput::Bytes(len as u64));
            let mut blocks: Vec<Block> = vec![[7; 16]; len / 16];
            for kernels in levels() {
                group.bench_function(BenchmarkId::new(kernels.level().name(), len), |bencher| {
                    bencher.iter(|| match decrypts {
                        false => kernels.ige_encrypt(black_box(&KEY), &IV, &mut blocks),
                        true => kernels.ige_decrypt(black_box(&KEY), &IV, &mut blocks),
                    });
                });
            }
            group.bench_function(BenchmarkId::new("ige", len), |bencher| {
                bencher.iter(|| naive::ige(black_box(&KEY), &IV, &mut blocks, decrypts));
            });
            let mut bytes = blocks.concat();
            group.bench_function(BenchmarkId::new("grammers", len), |bencher| {
                bencher.iter(|| grammers::ige(black_box(&KEY), &IV, &mut bytes, decrypts));
            });
        }
        group.finish();
    }
}

fn hashes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ige_decrypt_and_hash");
    for len in LENS {
        group.throughput(Throughput::Bytes(len as u64));
        let mut blocks: Vec<Block> = vec![[7; 16]; len / 16];
        for kernels in levels() {
            group.bench_function(BenchmarkId::new(kernels.level().name(), len), |bencher| {
                bencher.iter(|| kernels.ige_decrypt_and_hash(&KEY, &IV, &KEY, &mut blocks));
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("message_keys");
    for kernels in levels() {
        let (mut key, mut iv) = ([0; 32], [0; 32]);
        group.bench_function(kernels.level().name(), |bencher| {
            bencher.iter(|| {
                kernels.message_keys(black_box(&[1; 16]), &[2; 36], &[3; 36], &mut key, &mut iv);
            });
        });
    }
    group.finish();
}

/// Sixteen streams, sixteen hashes; as many bytes of each as `LENS` say.
fn many(criterion: &mut Criterion) {
    let keys: [[u8; 32]; 16] = std::array::from_fn(|i| [i as u8; 32]);
    for name in ["ige_encrypt_many", "ige_decrypt_many", "hash_many"] {
        let mut group = criterion.benchmark_group(name);
        for len in LENS {
            group.throughput(Throughput::Bytes(16 * len as u64));
            let mut memory = vec![vec![[7; 16]; len / 16]; 16];
            for kernels in levels() {
                group.bench_function(BenchmarkId::new(kernels.level().name(), len), |bencher| {
                    bencher.iter(|| at_once(&kernels, name, &keys, &mut memory));
                });
            }
        }
        group.finish();
    }
}

fn at_once(kernels: &Kernels, name: &str, keys: &[[u8; 32]; 16], memory: &mut [Vec<Block>]) {
    if name == "hash_many" {
        let mut hashes = [[0; 32]; 16];
        let messages = memory.iter().zip(keys).zip(&mut hashes);
        let mut messages: Vec<_> =
            messages.map(|((blocks, prefix), hash)| Message { prefix, blocks, hash }).collect();
        return kernels.hash_many(&mut messages);
    }
    let streams = memory.iter_mut().zip(keys);
    let mut streams: Vec<_> =
        streams.map(|(blocks, key)| Stream { key, iv: &IV, blocks }).collect();
    match name {
        "ige_encrypt_many" => kernels.ige_encrypt_many(&mut streams),
        _ => kernels.ige_decrypt_many(&mut streams),
    }
}

criterion_group!(benches, one_stream, hashes, many);
criterion_main!(benches);
