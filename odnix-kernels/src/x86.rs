//! x86-64. Each function here is for a processor that has the features of [`Level::AesNi`]; those of
//! [`VAES_512`] alone want [`Level::Vaes512`].
//!
//! [`Level::AesNi`]: crate::Level::AesNi
//! [`Level::Vaes512`]: crate::Level::Vaes512

mod aes256;
mod block;
#[cfg(feature = "bounds")]
mod bound;
pub(crate) mod ifma;
mod ige;
mod ige_eight;
mod ige_vaes;
mod sha256;
mod sha256_sixteen;

use crate::lanes::messages::{self, Chunk, Hashing, LANES, States};
use crate::lanes::streams::{ROUND_KEYS, Width};
use crate::{Block, Functions, Stream};

/// Functions of the level that [`level::best`](crate::level::best) found.
pub(crate) const AES_NI: Functions = Functions {
    encrypt,
    decrypt,
    open,
    hash,
    message_keys,
    encrypt_many: |streams| eight::<false>().run(streams),
    decrypt_many: |streams| eight::<true>().run(streams),
    hash_many: |messages| messages::hash_many(messages, hashing(compress_pairs)),
};

/// One message is as fast as its chain allows at the level below.
pub(crate) const VAES_512: Functions = Functions {
    encrypt_many: wide::<false>,
    decrypt_many: wide::<true>,
    hash_many: |messages| messages::hash_many(messages, hashing(compress_wide)),
    ..AES_NI
};

/// For a processor that has the features.
fn eight<const DECRYPTS: bool>() -> Width<{ ige_eight::WIDTH }> {
    let (schedule, run) = (schedule::<DECRYPTS>, ige_eight::run::<DECRYPTS>);
    Width { decrypts: DECRYPTS, schedule, run }
}

/// For a processor that has vaes and avx512f, too. Lanes without a stream cost as much as others.
fn wide<const DECRYPTS: bool>(streams: &mut [Stream<'_>]) {
    let (decrypts, schedule) = (DECRYPTS, schedule::<DECRYPTS>);
    match streams.len() {
        0..=8 => Width { decrypts, schedule, run: ige_vaes::run::<DECRYPTS, 2, 8> }.run(streams),
        9..=12 | 17..=24 => {
            Width { decrypts, schedule, run: ige_vaes::run::<DECRYPTS, 3, 12> }.run(streams)
        }
        _ => Width { decrypts, schedule, run: ige_vaes::run::<DECRYPTS, 4, 16> }.run(streams),
    }
}

fn schedule<const DECRYPTS: bool>(key: &[u8; 32]) -> [Block; ROUND_KEYS] {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        aes256::schedule::<DECRYPTS>(key)
    }
}

fn hashing(compress: fn(&mut States, &[&[Chunk]; LANES])) -> Hashing {
    Hashing { initial: sha256::INITIAL, compress, bytes: sha256::bytes }
}

fn compress_pairs(states: &mut States, chunks: &[&[Chunk]; LANES]) {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        sha256::compress_pairs(states, chunks);
    }
}

/// Sixteen at once cost as much as [`WIDE_MIN`] in pairs.
fn compress_wide(states: &mut States, chunks: &[&[Chunk]; LANES]) {
    let mut busy = chunks.iter().filter(|chunks| !chunks.is_empty());
    let steps = busy.next().map_or(0, |chunks| chunks.len());
    if busy.count() + 1 < WIDE_MIN {
        return compress_pairs(states, chunks);
    }
    // SAFETY: as in `encrypt`; `VAES_512` is for a level that has avx512f and avx512bw, too.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        sha256_sixteen::compress(states, chunks, steps);
    }
}

/// Measured: see docs/performance.md.
const WIDE_MIN: usize = 14;

fn message_keys(
    msg_key: &Block,
    first: &[u8; 36],
    second: &[u8; 36],
    key: &mut [u8; 32],
    iv: &mut [u8; 32],
) {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        sha256::message_keys(msg_key, first, second, key, iv);
    }
}

/// See [`crate::bounds::aes_chain`]; only for a processor that has the level.
#[cfg(feature = "bounds")]
pub(crate) fn aes_chain(rounds: usize) -> u128 {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        bound::aes_chain(rounds)
    }
}

fn encrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    // SAFETY: `Kernels::of` gives these functions out only for a level that the processor was found
    // to have, and this level is aes, sha, sse4.1 and ssse3.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        ige::encrypt(key, iv, blocks);
    }
}

fn decrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        ige::decrypt(key, iv, blocks);
    }
}

fn open(key: &[u8; 32], iv: &[u8; 32], prefix: &[u8; 32], blocks: &mut [Block]) -> [u8; 32] {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        ige::open(key, iv, prefix, blocks)
    }
}

fn hash(prefix: &[u8; 32], blocks: &[Block]) -> [u8; 32] {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        sha256::hash(prefix, blocks)
    }
}
