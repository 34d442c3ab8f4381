//! `envelope::seal` and `envelope::open` beside grammers-crypto and a naive composition.
//!
//! Every contender seals the same header and data with 16-byte aligned padding of the shortest
//! length it would send; `odnix` alone is measured a second time with its usual padding, whose
//! random blocks lengthen a packet by 120 bytes on average. `open` includes the checks each
//! contender makes, which for grammers-crypto is msg_key alone.

use aes::Aes256;
use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use grammers_crypto::DequeBuffer;
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::{AuthKey, MsgId, Secret};
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::hint::black_box;

const DATA_LENS: [usize; 3] = [64, 1024, 16 * 1024];
const HEADER: Header =
    Header { salt: 1, session_id: 2, msg_id: MsgId::from_i64(0x6500_0000_1234_5678), seq_no: 5 };

fn key_bytes() -> [u8; 256] {
    let mut key = [0; 256];
    ChaCha20Rng::seed_from_u64(1).fill_bytes(&mut key);
    key
}

/// Random bytes, but the number that chooses the extra blocks is 0.
struct ShortestPadding(ChaCha20Rng);

impl TryRng for ShortestPadding {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for ShortestPadding {}

/// The formulas of the specification, one after the other, each into a fresh vector.
mod naive {
    use super::*;

    fn keys(ak: &[u8], x: usize, msg_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let a = Sha256::digest([msg_key, &ak[x..36 + x]].concat());
        let b = Sha256::digest([&ak[40 + x..76 + x], msg_key].concat());
        let key = [&a[0..8], &b[8..24], &a[24..32]].concat();
        let iv = [&b[0..8], &a[8..24], &b[24..32]].concat();
        (key, iv)
    }

    fn msg_key(ak: &[u8], x: usize, inner: &[u8]) -> Vec<u8> {
        Sha256::digest([&ak[88 + x..120 + x], inner].concat())[8..24].to_vec()
    }

    pub fn seal(key: &AuthKey, x: usize, data: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
        let ak = key.expose_secret();
        let mut padding = vec![0; 12 + (16 - (32 + data.len() + 12) % 16) % 16];
        rng.fill_bytes(&mut padding);
        let mut inner = [
            &HEADER.salt.to_le_bytes()[..],
            &HEADER.session_id.to_le_bytes(),
            &HEADER.msg_id.as_i64().to_le_bytes(),
            &HEADER.seq_no.to_le_bytes(),
            &u32::try_from(data.len()).unwrap().to_le_bytes(),
            data,
            &padding,
        ]
        .concat();
        let msg_key = msg_key(ak, x, &inner);
        let (aes_key, aes_iv) = keys(ak, x, &msg_key);
        ige::Encryptor::<Aes256>::new_from_slices(&aes_key, &aes_iv)
            .unwrap()
            .encrypt_blocks(Array::slice_as_chunks_mut(&mut inner).0);
        [&key.id().to_bytes()[..], &msg_key, &inner].concat()
    }

    pub fn open(key: &AuthKey, x: usize, packet: &[u8]) -> Option<Vec<u8>> {
        let ak = key.expose_secret();
        let (aes_key, aes_iv) = keys(ak, x, &packet[8..24]);
        let mut inner = packet[24..].to_vec();
        ige::Decryptor::<Aes256>::new_from_slices(&aes_key, &aes_iv)
            .unwrap()
            .decrypt_blocks(Array::slice_as_chunks_mut(&mut inner).0);
        let len = u32::from_le_bytes(inner[28..32].try_into().unwrap());
        let data = inner.get(32..32 + usize::try_from(len).unwrap())?;
        (msg_key(ak, x, &inner) == packet[8..24]).then(|| data.to_vec())
    }
}

fn seal(criterion: &mut Criterion) {
    let key = AuthKey::new(Secret::take(&mut key_bytes()));
    let grammers_key = grammers_crypto::AuthKey::from_bytes(key_bytes());
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut shortest = ShortestPadding(ChaCha20Rng::seed_from_u64(2));
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
        let mut buffer = DequeBuffer::with_capacity(data_len + 128, 24);
        group.bench_function(BenchmarkId::new("grammers", data_len), |bencher| {
            bencher.iter(|| {
                buffer.clear();
                buffer.extend(HEADER.salt.to_le_bytes());
                buffer.extend(HEADER.session_id.to_le_bytes());
                buffer.extend(HEADER.msg_id.as_i64().to_le_bytes());
                buffer.extend(HEADER.seq_no.to_le_bytes());
                buffer.extend(u32::try_from(data_len).unwrap().to_le_bytes());
                buffer.extend(&data);
                grammers_crypto::encrypt_data_v2(&mut buffer, &grammers_key);
                black_box(buffer.len())
            });
        });
        group.bench_function(BenchmarkId::new("naive", data_len), |bencher| {
            bencher.iter(|| naive::seal(&key, 0, &data, &mut rng));
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let key = AuthKey::new(Secret::take(&mut key_bytes()));
    let grammers_key = grammers_crypto::AuthKey::from_bytes(key_bytes());
    let mut shortest = ShortestPadding(ChaCha20Rng::seed_from_u64(3));
    let mut group = criterion.benchmark_group("open");
    for data_len in DATA_LENS {
        let mut packet = BytesMut::new();
        let data = vec![7; data_len];
        envelope::seal(&key, Side::Server, &HEADER, &data, &mut shortest, &mut packet).unwrap();
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
                |mut packet| {
                    let inner =
                        grammers_crypto::decrypt_data_v2(&mut packet, &grammers_key).unwrap();
                    black_box(inner.len());
                    packet
                },
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
