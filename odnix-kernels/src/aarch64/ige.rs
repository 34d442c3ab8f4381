//! One stream of IGE, as fast as its chain allows.
//!
//! Each block waits for the one before it, so what counts is the time from one block's last round
//! to the next one's first. With `u = aese(s, rk13)`, what the last round gives before its last key,
//! it is written down plainly:
//!
//! ```text
//! c[i] = u[i] ^ rk14 ^ p[i-1]            t = aesmc(aese(p[i+1] ^ c[i], rk0))
//! ```
//!
//! A round begins with an xor of its key, so all of them can be folded into the first key of the
//! next block. None of them waits for the chain but `u`:
//!
//! ```text
//! c[i] = u[i] ^ rk14 ^ p[i-1]            t = aesmc(aese(u[i], rk14 ^ p[i-1] ^ p[i+1] ^ rk0))
//! ```
//!
//! The chain is then 14 rounds a block and nothing else; the output is one xor beside it.
//! It begins as if the block before had `u = c[-1]`, and nothing to add to it. Decrypting is the
//! same with the roles of p and c, and of the two halves of the vector, exchanged.

use super::aes256::{RoundKeys, last_round, round};
use super::block::{in_turns, load, load_pair, store, zero};
use super::sha256::{self, State, words};
use crate::Block;
use core::arch::aarch64::{uint8x16_t, veorq_u8};

/// Between two blocks.
struct Chain<'k, const DECRYPTS: bool> {
    keys: &'k RoundKeys,
    /// What the last round gave.
    state: uint8x16_t,
    /// The first key of the next block.
    begin: uint8x16_t,
    input: uint8x16_t,
    input_before: uint8x16_t,
}

impl<'k, const DECRYPTS: bool> Chain<'k, DECRYPTS> {
    #[inline]
    #[target_feature(enable = "aes")]
    fn new(keys: &'k RoundKeys, iv: &[u8; 32], first: uint8x16_t) -> Self {
        let (cipher, plain) = load_pair(iv);
        let (state, input_before) = if DECRYPTS { (plain, cipher) } else { (cipher, plain) };
        Self { keys, state, begin: veorq_u8(first, keys.0[0]), input: first, input_before }
    }

    /// The output of this block. `next` is the next input.
    #[inline]
    #[target_feature(enable = "aes")]
    fn step(&mut self, next: uint8x16_t) -> uint8x16_t {
        let [first, middle @ .., last, end] = &self.keys.0;
        let mut state = round::<DECRYPTS>(self.state, self.begin);
        for key in middle {
            state = round::<DECRYPTS>(state, *key);
        }
        self.state = last_round::<DECRYPTS>(state, *last);
        let end = veorq_u8(*end, self.input_before);
        self.begin = veorq_u8(end, veorq_u8(next, *first));
        (self.input_before, self.input) = (self.input, next);
        veorq_u8(self.state, end)
    }

    /// All blocks from the first one on.
    #[inline]
    #[target_feature(enable = "aes")]
    fn run(&mut self, blocks: &mut [Block]) {
        for i in 0..blocks.len() {
            let next = at(blocks, i + 1);
            store(&mut blocks[i], self.step(next));
        }
    }
}

/// Zeros behind the last one.
#[inline]
#[target_feature(enable = "neon")]
fn at(blocks: &[Block], i: usize) -> uint8x16_t {
    match blocks.get(i) {
        Some(block) => load(block),
        None => zero(),
    }
}

#[target_feature(enable = "aes")]
pub(super) fn encrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    let Some(first) = blocks.first() else { return };
    let first = load(first);
    Chain::<false>::new(&RoundKeys::encrypting(key), iv, first).run(blocks);
}

#[target_feature(enable = "aes")]
pub(super) fn decrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    let Some(first) = blocks.first() else { return };
    let first = load(first);
    Chain::<true>::new(&RoundKeys::decrypting(key), iv, first).run(blocks);
}

/// Decrypts, and hashes what comes out: 16 rounds of SHA-256 stand behind each block and have their
/// time while the next one is decrypted.
///
/// The hash begins with 32 bytes of `prefix`, so its blocks are two blocks behind ours.
#[target_feature(enable = "aes,sha2")]
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
        in_turns(&mut chain.state, &mut hash.abcd);
        let b = chain.step(at(blocks, i + 2));
        hash = hash.quarter::<1>(&mut w);
        in_turns(&mut chain.state, &mut hash.abcd);
        let c = chain.step(at(blocks, i + 3));
        hash = hash.quarter::<2>(&mut w);
        in_turns(&mut chain.state, &mut hash.abcd);
        let d = chain.step(at(blocks, i + 4));
        hash = hash.quarter::<3>(&mut w).add(before);
        in_turns(&mut chain.state, &mut hash.abcd);
        for (k, block) in [a, b, c, d].into_iter().enumerate() {
            store(&mut blocks[i + k], block);
            w[k] = words(block);
        }
        i += 4;
    }
    chain.run(&mut blocks[i..]);
    hash.compress(w).finish(&blocks[i..], count + 2)
}
