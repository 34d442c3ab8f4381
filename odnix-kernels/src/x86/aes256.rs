//! The round keys of AES-256.
//!
//! `aeskeygenassist` is slow; the last round of an encryption computes the same. On a register whose
//! four words are equal its row shifts change nothing, so `aesenclast(w, rcon)` is SubWord of each
//! word, xor rcon. A rotation of the word before is a byte shuffle.
//! Source: FIPS 197, section 5.2; Intel, "AES New Instructions", 2010.

use super::block::store;
use crate::Block;
use crate::lanes::streams::ROUND_KEYS;
use core::arch::x86_64::{
    __m128i, _mm_aesenclast_si128, _mm_aesimc_si128, _mm_set1_epi32, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128, _mm_xor_si128,
};
use zeroize::Zeroize as _;

/// Round keys in the order of their use. They are wiped when dropped.
pub(super) struct RoundKeys(pub(super) [__m128i; 15]);

impl Drop for RoundKeys {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl RoundKeys {
    #[inline]
    #[target_feature(enable = "aes,sse2,ssse3")]
    pub(super) fn encrypting(key: &[u8; 32]) -> Self {
        let (mut even, mut odd) = super::block::load_pair(key);
        let mut keys = [_mm_setzero_si128(); 15];
        keys[0] = even;
        keys[1] = odd;
        let mut rcon = 1;
        for round in 1..=7 {
            // The last word, rotated by a byte, in all four places.
            let rotated = _mm_shuffle_epi8(odd, _mm_set1_epi32(0x0c0f_0e0d));
            even = next(even, _mm_aesenclast_si128(rotated, _mm_set1_epi32(rcon)));
            keys[2 * round] = even;
            rcon <<= 1;
            if round < 7 {
                let word = _mm_shuffle_epi32::<0xff>(even);
                odd = next(odd, _mm_aesenclast_si128(word, _mm_setzero_si128()));
                keys[2 * round + 1] = odd;
            }
        }
        Self(keys)
    }

    /// Those of the equivalent inverse cipher.
    #[inline]
    #[target_feature(enable = "aes,sse2,ssse3")]
    pub(super) fn decrypting(key: &[u8; 32]) -> Self {
        let mut keys = Self::encrypting(key);
        keys.0.reverse();
        for key in &mut keys.0[1..14] {
            *key = _mm_aesimc_si128(*key);
        }
        keys
    }
}

/// Round keys as blocks in memory.
#[target_feature(enable = "aes,sse2,ssse3")]
pub(super) fn schedule<const DECRYPTS: bool>(key: &[u8; 32]) -> [Block; ROUND_KEYS] {
    let keys = if DECRYPTS { RoundKeys::decrypting(key) } else { RoundKeys::encrypting(key) };
    let mut blocks = [[0; 16]; ROUND_KEYS];
    for (block, key) in blocks.iter_mut().zip(&keys.0) {
        store(block, *key);
    }
    blocks
}

/// Each word is itself, xor all words before it, xor `word`.
#[inline]
#[target_feature(enable = "sse2")]
fn next(words: __m128i, word: __m128i) -> __m128i {
    let words = _mm_xor_si128(words, _mm_slli_si128::<4>(words));
    let words = _mm_xor_si128(words, _mm_slli_si128::<8>(words));
    _mm_xor_si128(words, word)
}
