//! The round keys of AES-256, and its rounds.
//!
//! A round begins with its key here, and the columns are mixed by an instruction of their own.
//! The last two keys are those of the last round, which mixes nothing:
//!
//! ```text
//! aese(s, k) = shift_rows(sub_bytes(s ^ k))          aesmc(s) = mix_columns(s)
//! AES(p) = aese(aesmc(aese(… aesmc(aese(p, rk0)) …, rk12)), rk13) ^ rk14
//! ```
//!
//! On a register whose four words are equal the row shifts change nothing, so `aese(w, 0)` is
//! SubWord of each word, and no table is looked up.
//! Source: FIPS 197, section 5; Arm, "Architecture Reference Manual for A-profile", AESE, AESMC.

use super::block::{load_pair, store, zero};
use crate::Block;
use crate::lanes::streams::ROUND_KEYS;
use core::arch::aarch64::{
    uint8x16_t, uint32x4_t, vaesdq_u8, vaeseq_u8, vaesimcq_u8, vaesmcq_u8, vdupq_laneq_u32,
    vdupq_n_u32, veorq_u8, vextq_u8, vreinterpretq_u8_u32, vreinterpretq_u32_u8, vshlq_n_u32,
    vsriq_n_u32,
};
use zeroize::Zeroize as _;

/// Round keys in the order of their use. They are wiped when dropped.
pub(super) struct RoundKeys(pub(super) [uint8x16_t; ROUND_KEYS]);

impl Drop for RoundKeys {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl RoundKeys {
    #[inline]
    #[target_feature(enable = "aes")]
    pub(super) fn encrypting(key: &[u8; 32]) -> Self {
        let (mut even, mut odd) = load_pair(key);
        let mut keys = [zero(); ROUND_KEYS];
        keys[0] = even;
        keys[1] = odd;
        let mut rcon = 1;
        for round in 1..=7 {
            let word = last_word(odd);
            // A rotation by a byte.
            let rotated = vsriq_n_u32::<8>(vshlq_n_u32::<24>(word), word);
            let rcon_words = vreinterpretq_u8_u32(vdupq_n_u32(rcon));
            even = next(even, veorq_u8(sub_word(rotated), rcon_words));
            keys[2 * round] = even;
            rcon <<= 1;
            if round < 7 {
                odd = next(odd, sub_word(last_word(even)));
                keys[2 * round + 1] = odd;
            }
        }
        Self(keys)
    }

    /// Those of the equivalent inverse cipher.
    #[inline]
    #[target_feature(enable = "aes")]
    pub(super) fn decrypting(key: &[u8; 32]) -> Self {
        let mut keys = Self::encrypting(key);
        keys.0.reverse();
        for key in &mut keys.0[1..14] {
            *key = vaesimcq_u8(*key);
        }
        keys
    }
}

/// Round keys as blocks in memory.
#[target_feature(enable = "aes")]
pub(super) fn schedule<const DECRYPTS: bool>(key: &[u8; 32]) -> [Block; ROUND_KEYS] {
    let keys = if DECRYPTS { RoundKeys::decrypting(key) } else { RoundKeys::encrypting(key) };
    let mut blocks = [[0; 16]; ROUND_KEYS];
    for (block, key) in blocks.iter_mut().zip(&keys.0) {
        store(block, *key);
    }
    blocks
}

/// A round with its mixing of columns, which comes right behind it: processors run the two as one.
#[inline]
#[target_feature(enable = "aes")]
pub(super) fn round<const DECRYPTS: bool>(state: uint8x16_t, key: uint8x16_t) -> uint8x16_t {
    if DECRYPTS { vaesimcq_u8(vaesdq_u8(state, key)) } else { vaesmcq_u8(vaeseq_u8(state, key)) }
}

/// The last round without its last key.
#[inline]
#[target_feature(enable = "aes")]
pub(super) fn last_round<const DECRYPTS: bool>(state: uint8x16_t, key: uint8x16_t) -> uint8x16_t {
    if DECRYPTS { vaesdq_u8(state, key) } else { vaeseq_u8(state, key) }
}

/// In all four places.
#[inline]
#[target_feature(enable = "neon")]
fn last_word(words: uint8x16_t) -> uint32x4_t {
    vdupq_laneq_u32::<3>(vreinterpretq_u32_u8(words))
}

/// Of a word in all four places.
#[inline]
#[target_feature(enable = "aes")]
fn sub_word(word: uint32x4_t) -> uint8x16_t {
    vaeseq_u8(vreinterpretq_u8_u32(word), zero())
}

/// Each word is itself, xor all words before it, xor `word`.
#[inline]
#[target_feature(enable = "neon")]
fn next(words: uint8x16_t, word: uint8x16_t) -> uint8x16_t {
    let words = veorq_u8(words, vextq_u8::<12>(zero(), words));
    let words = veorq_u8(words, vextq_u8::<8>(zero(), words));
    veorq_u8(words, word)
}
