//! SHA-256 by the crypto extensions, in quarters of 16 rounds, so that other work can stand between
//! them.
//!
//! The state is kept as the instructions want it: `abcd` and `efgh`, the first letter in the lowest
//! word.
//! Source: FIPS 180-4, section 6.2; Arm, "Architecture Reference Manual for A-profile", SHA256H.

use super::block::{load, store};
use crate::Block;
use crate::lanes::messages::{self, Chunk, LANES, States};
use crate::lanes::wipe;
use crate::sha256::K;
use core::arch::aarch64::{
    uint8x16_t, uint32x4_t, vaddq_u32, vcopyq_laneq_u64, vreinterpretq_u8_u32,
    vreinterpretq_u8_u64, vreinterpretq_u32_u8, vreinterpretq_u64_u8, vrev32q_u8, vsha256h2q_u32,
    vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32,
};

/// The hash of nothing yet, each word from its lowest byte on. Source: FIPS 180-4, section 5.3.3.
pub(super) const INITIAL: messages::State = [
    0xa54f_f53a_3c6e_f372_bb67_ae85_6a09_e667_u128.to_le_bytes(),
    0x5be0_cd19_1f83_d9ab_9b05_688c_510e_527f_u128.to_le_bytes(),
];

/// What stands in lanes, as it stands in a hash.
pub(super) fn bytes(mut state: messages::State) -> [u8; 32] {
    let bytes = state.as_flattened_mut();
    for word in bytes.as_chunks_mut::<4>().0 {
        word.reverse();
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(bytes);
    hash
}

/// Four words of a message, as the instructions want them.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn words(block: uint8x16_t) -> uint32x4_t {
    vreinterpretq_u32_u8(vrev32q_u8(block))
}

/// The hash of what came before.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) abcd: uint32x4_t,
    efgh: uint32x4_t,
}

impl State {
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn initial() -> Self {
        Self::of(&INITIAL)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn of([abcd, efgh]: &messages::State) -> Self {
        let [abcd, efgh] = [load(abcd), load(efgh)];
        Self { abcd: vreinterpretq_u32_u8(abcd), efgh: vreinterpretq_u32_u8(efgh) }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn keep(self, [abcd, efgh]: &mut messages::State) {
        store(abcd, vreinterpretq_u8_u32(self.abcd));
        store(efgh, vreinterpretq_u8_u32(self.efgh));
    }

    /// Its bytes as they stand in a hash: the first half, and the second.
    #[inline]
    #[target_feature(enable = "neon")]
    fn bytes(self) -> [uint8x16_t; 2] {
        [self.abcd, self.efgh].map(|half| vrev32q_u8(vreinterpretq_u8_u32(half)))
    }

    /// The end of a block: the state before it is added.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn add(self, before: Self) -> Self {
        Self { abcd: vaddq_u32(self.abcd, before.abcd), efgh: vaddq_u32(self.efgh, before.efgh) }
    }

    /// 16 of the 64 rounds of a block whose words are `w`; the next quarter takes `w` as it is left.
    #[inline]
    #[target_feature(enable = "sha2")]
    pub(super) fn quarter<const Q: usize>(mut self, w: &mut [uint32x4_t; 4]) -> Self {
        for i in 0..4 {
            self.rounds::<Q>(w, i);
        }
        self
    }

    /// Four of them.
    #[inline]
    #[target_feature(enable = "sha2")]
    fn rounds<const Q: usize>(&mut self, w: &mut [uint32x4_t; 4], i: usize) {
        if Q > 0 {
            let [next, third, last] = [w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]];
            w[i] = vsha256su1q_u32(vsha256su0q_u32(w[i], next), third, last);
        }
        let wk = vaddq_u32(w[i], constants(Q * 4 + i));
        let abcd = self.abcd;
        self.abcd = vsha256hq_u32(abcd, self.efgh, wk);
        self.efgh = vsha256h2q_u32(self.efgh, abcd, wk);
    }

    /// One block.
    #[inline]
    #[target_feature(enable = "sha2")]
    pub(super) fn compress(self, mut w: [uint32x4_t; 4]) -> Self {
        self.quarter::<0>(&mut w)
            .quarter::<1>(&mut w)
            .quarter::<2>(&mut w)
            .quarter::<3>(&mut w)
            .add(self)
    }

    /// The last block: up to three blocks of message, and how long the whole message is in blocks.
    #[inline]
    #[target_feature(enable = "sha2")]
    pub(super) fn finish(self, tail: &[Block], blocks: usize) -> [u8; 32] {
        let mut last = [[0; 16]; 4];
        last[..tail.len()].copy_from_slice(tail);
        last[tail.len()][0] = 0x80;
        let bits = (blocks as u64).wrapping_mul(128);
        last[3][8..].copy_from_slice(&bits.to_be_bytes());
        let mut hash = [[0; 16]; 2];
        self.compress(load_words(&last)).keep(&mut hash);
        bytes(hash)
    }
}

/// Four of `K`.
#[inline]
#[target_feature(enable = "neon")]
fn constants(four: usize) -> uint32x4_t {
    const BLOCKS: [Block; 16] = {
        let mut blocks = [[0; 16]; 16];
        let mut i = 0;
        while i < 256 {
            blocks[i / 16][i % 16] = K[i / 4].to_le_bytes()[i % 4];
            i += 1;
        }
        blocks
    };
    vreinterpretq_u32_u8(load(&BLOCKS[four]))
}

#[inline]
#[target_feature(enable = "neon")]
fn load_words(blocks: &Chunk) -> [uint32x4_t; 4] {
    let [a, b, c, d] = blocks;
    [words(load(a)), words(load(b)), words(load(c)), words(load(d))]
}

/// SHA-256 of `prefix` and the blocks.
#[target_feature(enable = "sha2")]
pub(super) fn hash(prefix: &[u8; 32], blocks: &[Block]) -> [u8; 32] {
    let (prefix, _) = prefix.as_chunks::<16>();
    let total = prefix.len() + blocks.len();
    let mut state = State::initial();
    let ([first, second], [third, fourth, rest @ ..]) = (prefix, blocks) else {
        let mut all = [[0; 16]; 3];
        all[..2].copy_from_slice(prefix);
        all[2..total].copy_from_slice(blocks);
        return state.finish(&all[..total], total);
    };
    state = state.compress(load_words(&[*first, *second, *third, *fourth]));
    let (groups, tail) = rest.as_chunks::<4>();
    for group in groups {
        state = state.compress(load_words(group));
    }
    state.finish(tail, total)
}

/// One block of two messages each. Their rounds do not wait for each other.
#[inline]
#[target_feature(enable = "sha2")]
fn compress_two(before: [State; 2], mut w: [[uint32x4_t; 4]; 2]) -> [State; 2] {
    let both = quarter_of_two::<0>(before, &mut w);
    let both = quarter_of_two::<1>(both, &mut w);
    let both = quarter_of_two::<2>(both, &mut w);
    let [a, b] = quarter_of_two::<3>(both, &mut w);
    [a.add(before[0]), b.add(before[1])]
}

#[inline]
#[target_feature(enable = "sha2")]
fn quarter_of_two<const Q: usize>(
    [mut a, mut b]: [State; 2],
    [v, w]: &mut [[uint32x4_t; 4]; 2],
) -> [State; 2] {
    for i in 0..4 {
        a.rounds::<Q>(v, i);
        b.rounds::<Q>(w, i);
    }
    [a, b]
}

/// Chunks of all lanes that have some, two lanes at a time.
#[target_feature(enable = "sha2")]
pub(super) fn compress_pairs(states: &mut States, chunks: &[&[Chunk]; LANES]) {
    let mut busy = states.iter_mut().zip(chunks).filter(|(_, chunks)| !chunks.is_empty());
    while let Some((one, chunks_of_one)) = busy.next() {
        let mut state = State::of(one);
        match busy.next() {
            Some((two, chunks_of_two)) => {
                let mut both = [state, State::of(two)];
                for (v, w) in chunks_of_one.iter().zip(*chunks_of_two) {
                    both = compress_two(both, [load_words(v), load_words(w)]);
                }
                both[0].keep(one);
                both[1].keep(two);
            }
            None => {
                for chunk in *chunks_of_one {
                    state = state.compress(load_words(chunk));
                }
                state.keep(one);
            }
        }
    }
}

/// Both hashes are of 52 bytes, which with their end are one block:
///
/// ```text
/// a = SHA256(msg_key | first)    key = a[0..8] | b[8..24] | a[24..32]
/// b = SHA256(second | msg_key)   iv  = b[0..8] | a[8..24] | b[24..32]
/// ```
#[target_feature(enable = "sha2")]
pub(super) fn message_keys(
    msg_key: &Block,
    first: &[u8; 36],
    second: &[u8; 36],
    key: &mut [u8; 32],
    iv: &mut [u8; 32],
) {
    let (mut v, mut w) = (only_chunk(msg_key, first), only_chunk(second, msg_key));
    let [a, b] = compress_two([State::initial(); 2], [load_words(&v), load_words(&w)]);
    wipe(&mut v);
    wipe(&mut w);
    let ([a0, a1], [b0, b1]) = (a.bytes(), b.bytes());
    for (mixed, first, second) in [(key, (a0, b0), (b1, a1)), (iv, (b0, a0), (a1, b1))] {
        let (halves, _) = mixed.as_chunks_mut();
        store(&mut halves[0], mix(first));
        store(&mut halves[1], mix(second));
    }
}

/// A message of 52 bytes, the bit behind it, zeros, and its length in bits.
fn only_chunk(first: &[u8], second: &[u8]) -> Chunk {
    let mut chunk = [[0; 16]; 4];
    let (message, end) = chunk.as_flattened_mut().split_at_mut(52);
    message[..first.len()].copy_from_slice(first);
    message[first.len()..].copy_from_slice(second);
    end[0] = 0x80;
    end[4..].copy_from_slice(&(52_u64 * 8).to_be_bytes());
    chunk
}

/// The first eight bytes of one, the last eight of the other.
#[inline]
#[target_feature(enable = "neon")]
fn mix((low, high): (uint8x16_t, uint8x16_t)) -> uint8x16_t {
    let [low, high] = [vreinterpretq_u64_u8(low), vreinterpretq_u64_u8(high)];
    vreinterpretq_u8_u64(vcopyq_laneq_u64::<1, 1>(low, high))
}
