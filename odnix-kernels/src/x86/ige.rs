//! One stream of IGE, as fast as its chain allows.
//!
//! Each block waits for the one before it, so what counts is the time from one block's last round
//! to the next one's first. Written down plainly that is three xors more than the rounds:
//!
//! ```text
//! c[i] = last(s, rk14) ^ p[i-1]          s' = p[i+1] ^ c[i] ^ rk0
//! ```
//!
//! The last round ends with an xor of its key, so all of them can be folded into it. None of these
//! keys waits for the chain:
//!
//! ```text
//! c[i] = last(s, rk14 ^ p[i-1])          s' = last(s, rk14 ^ p[i-1] ^ p[i+1] ^ rk0)
//! ```
//!
//! The chain is then 14 rounds a block and nothing else. Decrypting is the same with the roles of
//! p and c, and of the two halves of the vector, exchanged.

use super::aes256::RoundKeys;
use super::block::{in_turns, load, load_pair, store};
use super::sha256::{self, State, words};
use crate::Block;
use core::arch::x86_64::{
    __m128i, _mm_aesdec_si128, _mm_aesdeclast_si128, _mm_aesenc_si128, _mm_aesenclast_si128,
    _mm_setzero_si128, _mm_xor_si128,
};

/// Between two blocks.
struct Chain<'k, const DECRYPTS: bool> {
    keys: &'k RoundKeys,
    /// The next input after its first xors.
    state: __m128i,
    input: __m128i,
    input_before: __m128i,
}

impl<'k, const DECRYPTS: bool> Chain<'k, DECRYPTS> {
    #[inline]
    #[target_feature(enable = "aes,sse2,ssse3")]
    fn new(keys: &'k RoundKeys, iv: &[u8; 32], first: __m128i) -> Self {
        let (cipher, plain) = load_pair(iv);
        let (before, input_before) = if DECRYPTS { (plain, cipher) } else { (cipher, plain) };
        let state = _mm_xor_si128(_mm_xor_si128(first, before), keys.0[0]);
        Self { keys, state, input: first, input_before }
    }

    /// The output of this block. `next` is the next input.
    #[inline]
    #[target_feature(enable = "aes,sse2,ssse3")]
    fn step(&mut self, next: __m128i) -> __m128i {
        let [first, middle @ .., last] = &self.keys.0;
        let mut state = self.state;
        for key in middle {
            state = if DECRYPTS {
                _mm_aesdec_si128(state, *key)
            } else {
                _mm_aesenc_si128(state, *key)
            };
        }
        let end = _mm_xor_si128(*last, self.input_before);
        let end_and_next = _mm_xor_si128(end, _mm_xor_si128(next, *first));
        (self.input_before, self.input) = (self.input, next);
        if DECRYPTS {
            self.state = _mm_aesdeclast_si128(state, end_and_next);
            _mm_aesdeclast_si128(state, end)
        } else {
            self.state = _mm_aesenclast_si128(state, end_and_next);
            _mm_aesenclast_si128(state, end)
        }
    }

    /// All blocks from the first one on.
    #[inline]
    #[target_feature(enable = "aes,sse2,ssse3")]
    fn run(&mut self, blocks: &mut [Block]) {
        for i in 0..blocks.len() {
            let next = blocks.get(i + 1).map_or(_mm_setzero_si128(), |block| load(block));
            store(&mut blocks[i], self.step(next));
        }
    }
}

#[target_feature(enable = "aes,sse2,ssse3")]
pub(super) fn encrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    let Some(first) = blocks.first() else { return };
    let first = load(first);
    Chain::<false>::new(&RoundKeys::encrypting(key), iv, first).run(blocks);
}

#[target_feature(enable = "aes,sse2,ssse3")]
pub(super) fn decrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    let Some(first) = blocks.first() else { return };
    let first = load(first);
    Chain::<true>::new(&RoundKeys::decrypting(key), iv, first).run(blocks);
}

/// Decrypts, and hashes what comes out: 16 rounds of SHA-256 stand behind each block and have their
/// time while the next one is decrypted.
///
/// The hash begins with 32 bytes of `prefix`, so its blocks are two blocks behind ours.
#[target_feature(enable = "aes,sha,sse4.1,ssse3,sse2")]
pub(super) fn open(
    key: &[u8; 32],
    iv: &[u8; 32],
    prefix: &[u8; 32],
    blocks: &mut [Block],
) -> [u8; 32] {
    let count = blocks.len();
    let [first, _, third, ..] = &*blocks else {
        decrypt(key, iv, blocks);
        return sha256::hash(prefix, blocks);
    };
    let (first, third) = (load(first), load(third));
    let keys = RoundKeys::decrypting(key);
    let mut chain = Chain::<true>::new(&keys, iv, first);
    let at = |blocks: &[Block], i: usize| match blocks.get(i) {
        Some(block) => load(block),
        None => _mm_setzero_si128(),
    };
    let (one, two) = load_pair(prefix);
    let zeroth = chain.step(at(blocks, 1));
    let second = chain.step(third);
    store(&mut blocks[0], zeroth);
    store(&mut blocks[1], second);
    let mut w = [words(one), words(two), words(zeroth), words(second)];
    let mut hash = State::initial();
    let mut i = 2;
    while i + 4 <= count {
        let before = hash;
        let a = chain.step(at(blocks, i + 1));
        hash = hash.quarter::<0>(&mut w);
        in_turns(&mut chain.state, &mut hash.abef);
        let b = chain.step(at(blocks, i + 2));
        hash = hash.quarter::<1>(&mut w);
        in_turns(&mut chain.state, &mut hash.abef);
        let c = chain.step(at(blocks, i + 3));
        hash = hash.quarter::<2>(&mut w);
        in_turns(&mut chain.state, &mut hash.abef);
        let d = chain.step(at(blocks, i + 4));
        hash = hash.quarter::<3>(&mut w).add(before);
        in_turns(&mut chain.state, &mut hash.abef);
        for (k, block) in [a, b, c, d].into_iter().enumerate() {
            store(&mut blocks[i + k], block);
            w[k] = words(block);
        }
        i += 4;
    }
    chain.run(&mut blocks[i..]);
    hash.compress(w).finish(&blocks[i..], count + 2)
}
