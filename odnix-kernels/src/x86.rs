//! x86-64. Each function here is for a processor that has the features of [`Level::AesNi`].
//!
//! [`Level::AesNi`]: crate::Level::AesNi

mod aes256;
mod block;
pub(crate) mod ifma;
mod ige;
mod sha256;

use crate::{Block, Functions};

/// Functions of the level that [`level::best`](crate::level::best) found.
pub(crate) const AES_NI: Functions = Functions { encrypt, decrypt, open, hash, hash_two };

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

fn hash_two(messages: [&[u8; 52]; 2]) -> [[u8; 32]; 2] {
    // SAFETY: as in `encrypt`.
    #[expect(unsafe_code, reason = "the processor has the features")]
    unsafe {
        sha256::hash_two(messages)
    }
}
