//! What a chain of dependent rounds costs, to measure the kernels against.

use core::arch::x86_64::{_mm_aesenc_si128, _mm_set1_epi32};

/// `rounds` rounds of AES, each waiting for the one before it.
#[target_feature(enable = "aes,sse2")]
pub(super) fn aes_chain(rounds: usize) -> u128 {
    let key = _mm_set1_epi32(0x0123_4567);
    let mut state = key;
    for _ in 0..rounds / 14 {
        for _ in 0..14 {
            state = _mm_aesenc_si128(state, key);
        }
    }
    for _ in 0..rounds % 14 {
        state = _mm_aesenc_si128(state, key);
    }
    let mut block = [0; 16];
    super::block::store(&mut block, state);
    u128::from_le_bytes(block)
}
