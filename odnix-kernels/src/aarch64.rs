//! AArch64. Each function here is for a processor that has the features of [`Level::Armv8`].
//!
//! [`Level::Armv8`]: crate::Level::Armv8

mod aes256;
mod block;
mod ige;
mod ige_eight;
mod sha256;

use crate::lanes::messages::{self, Chunk, Hashing, LANES, States};
use crate::lanes::streams::{ROUND_KEYS, Width};
use crate::{Block, Functions};

/// Functions of the level that [`level::best`](crate::level::best) found.
pub(crate) const ARMV8: Functions = Functions {
    encrypt,
    decrypt,
    open,
    hash,
    message_keys,
    encrypt_many: |streams| eight::<false>().run(streams),
    decrypt_many: |streams| eight::<true>().run(streams),
    hash_many: |messages| messages::hash_many(messages, HASHING),
};

const HASHING: Hashing =
    Hashing { initial: sha256::INITIAL, compress: compress_pairs, bytes: sha256::bytes };

/// For a processor that has the features.
fn eight<const DECRYPTS: bool>() -> Width<{ ige_eight::WIDTH }> {
    let (schedule, run) = (schedule::<DECRYPTS>, ige_eight::run::<DECRYPTS>);
    Width { decrypts: DECRYPTS, schedule, run }
}

fn schedule<const DECRYPTS: bool>(key: &[u8; 32]) -> [Block; ROUND_KEYS] {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        aes256::schedule::<DECRYPTS>(key)
    }
}

fn compress_pairs(states: &mut States, chunks: &[&[Chunk]; LANES]) {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        sha256::compress_pairs(states, chunks);
    }
}

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

fn encrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    // SAFETY: `Kernels::of` gives these functions out only for a level that the processor was found
    // to have, and this level is aes and sha2, which both come with neon.
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
