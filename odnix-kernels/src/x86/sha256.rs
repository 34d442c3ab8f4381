//! SHA-256 by SHA-NI, in quarters of 16 rounds, so that other work can stand between them.
//!
//! The state is kept as the instructions want it: `abef` and `cdgh`, the first letter in the
//! highest word. SHA-NI has no VEX form, and a switch between the forms costs more than a
//! block, so nothing here may be compiled for AVX.
//! Source: FIPS 180-4, section 6.2; Intel, "SHA Extensions", 2013.

use super::block::{in_turns, load, store};
use crate::Block;
use crate::lanes::messages::{self, Chunk, LANES, States};
use crate::sha256::K;
use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_or_si128, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_unpackhi_epi64, _mm_unpacklo_epi64,
};

/// The hash of nothing yet. Source: FIPS 180-4, section 5.3.3.
pub(super) const INITIAL: messages::State = [
    0x6a09_e667_bb67_ae85_510e_527f_9b05_688c_u128.to_le_bytes(),
    0x3c6e_f372_a54f_f53a_1f83_d9ab_5be0_cd19_u128.to_le_bytes(),
];

/// What stands in lanes, as it stands in a hash.
pub(super) fn bytes(state: messages::State) -> [u8; 32] {
    let [ab_ef, cd_gh] = state.map(|mut half| {
        half.reverse();
        half
    });
    let mut hash = [0; 32];
    for (place, half) in hash.as_chunks_mut::<16>().0.iter_mut().zip(0..) {
        let part = half * 8..half * 8 + 8;
        place[..8].copy_from_slice(&ab_ef[part.clone()]);
        place[8..].copy_from_slice(&cd_gh[part]);
    }
    hash
}

/// Four words of a message, as the instructions want them.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
pub(super) fn words(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203))
}

/// The hash of what came before.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) abef: __m128i,
    cdgh: __m128i,
}

impl State {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    pub(super) fn initial() -> Self {
        Self::of(&INITIAL)
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn of([abef, cdgh]: &messages::State) -> Self {
        Self { abef: load(abef), cdgh: load(cdgh) }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn keep(self, [abef, cdgh]: &mut messages::State) {
        store(abef, self.abef);
        store(cdgh, self.cdgh);
    }

    /// Its bytes as they stand in a hash: of a, b, e, f, and of c, d, g, h.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn bytes(self) -> Self {
        let turned = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
        Self {
            abef: _mm_shuffle_epi8(self.abef, turned),
            cdgh: _mm_shuffle_epi8(self.cdgh, turned),
        }
    }

    /// The end of a block: the state before it is added.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    pub(super) fn add(self, before: Self) -> Self {
        Self {
            abef: _mm_add_epi32(self.abef, before.abef),
            cdgh: _mm_add_epi32(self.cdgh, before.cdgh),
        }
    }

    /// 16 of the 64 rounds of a block whose words are `w`; the next quarter takes `w` as it is left.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    pub(super) fn quarter<const Q: usize>(mut self, w: &mut [__m128i; 4]) -> Self {
        self.rounds::<Q, 0>(w);
        self.rounds::<Q, 1>(w);
        self.rounds::<Q, 2>(w);
        self.rounds::<Q, 3>(w);
        self
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn rounds<const Q: usize, const I: usize>(&mut self, w: &mut [__m128i; 4]) {
        if Q > 0 {
            let [next, third, last] = [w[(I + 1) % 4], w[(I + 2) % 4], w[(I + 3) % 4]];
            let sum =
                _mm_add_epi32(_mm_sha256msg1_epu32(w[I], next), _mm_alignr_epi8::<4>(last, third));
            w[I] = _mm_sha256msg2_epu32(sum, last);
        }
        let at = Q * 16 + I * 4;
        let k = [K[at], K[at + 1], K[at + 2], K[at + 3]].map(u32::cast_signed);
        let wk = _mm_add_epi32(w[I], _mm_set_epi32(k[3], k[2], k[1], k[0]));
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, wk);
        let wk = _mm_shuffle_epi32::<0x0e>(wk);
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, wk);
    }

    /// One block.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    pub(super) fn compress(self, mut w: [__m128i; 4]) -> Self {
        self.quarter::<0>(&mut w)
            .quarter::<1>(&mut w)
            .quarter::<2>(&mut w)
            .quarter::<3>(&mut w)
            .add(self)
    }

    /// The last block: up to three blocks of message, and how long the whole message is in blocks.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    pub(super) fn finish(self, tail: &[Block], blocks: usize) -> [u8; 32] {
        let mut last = [[0; 16]; 4];
        last[..tail.len()].copy_from_slice(tail);
        last[tail.len()][0] = 0x80;
        let bits = (blocks as u64).wrapping_mul(128);
        last[3][8..].copy_from_slice(&bits.to_be_bytes());
        self.compress(load_words(&last)).digest()
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn digest(self) -> [u8; 32] {
        let Self { abef, cdgh } = self.bytes();
        let mut digest = [[0; 16]; 2];
        store(&mut digest[0], _mm_unpacklo_epi64(abef, cdgh));
        store(&mut digest[1], _mm_unpackhi_epi64(abef, cdgh));
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_flattened());
        bytes
    }
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
pub(super) fn load_words(blocks: &[Block; 4]) -> [__m128i; 4] {
    let [a, b, c, d] = blocks;
    [words(load(a)), words(load(b)), words(load(c)), words(load(d))]
}

/// SHA-256 of `prefix` and the blocks.
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
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
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
fn compress_two(before: [State; 2], mut w: [[__m128i; 4]; 2]) -> [State; 2] {
    let [mut a, mut b] = before;
    let [v, w] = &mut w;
    (a, b) = (a.quarter::<0>(v), b.quarter::<0>(w));
    in_turns(&mut a.abef, &mut b.abef);
    (a, b) = (a.quarter::<1>(v), b.quarter::<1>(w));
    in_turns(&mut a.abef, &mut b.abef);
    (a, b) = (a.quarter::<2>(v), b.quarter::<2>(w));
    in_turns(&mut a.abef, &mut b.abef);
    (a, b) = (a.quarter::<3>(v), b.quarter::<3>(w));
    [a.add(before[0]), b.add(before[1])]
}

/// Chunks of all lanes that have some, two lanes at a time.
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
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
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
pub(super) fn message_keys(
    msg_key: &Block,
    first: &[u8; 36],
    second: &[u8; 36],
    key: &mut [u8; 32],
    iv: &mut [u8; 32],
) {
    // The bit behind the message, and its length in bits.
    let end = _mm_set_epi32(52 * 8, 0, i32::MIN, 0);
    let msg_key = words(load(msg_key));
    let [a0, a1, a2] = thirds(first);
    let [b0, b1, b2] = thirds(second);
    let a = [msg_key, a0, a1, _mm_or_si128(a2, end)];
    let b2 = _mm_or_si128(b2, _mm_slli_si128::<4>(msg_key));
    let b = [b0, b1, b2, _mm_or_si128(_mm_srli_si128::<12>(msg_key), end)];
    let [a, b] = compress_two([State::initial(); 2], [a, b]);
    let (a, b) = (a.bytes(), b.bytes());
    let (halves, _) = key.as_chunks_mut();
    store(&mut halves[0], _mm_unpacklo_epi64(a.abef, b.cdgh));
    store(&mut halves[1], _mm_unpackhi_epi64(b.abef, a.cdgh));
    let (halves, _) = iv.as_chunks_mut();
    store(&mut halves[0], _mm_unpacklo_epi64(b.abef, a.cdgh));
    store(&mut halves[1], _mm_unpackhi_epi64(a.abef, b.cdgh));
}

/// Nine words of a message, the last one alone.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
fn thirds(part: &[u8; 36]) -> [__m128i; 3] {
    let (blocks, rest) = part.as_chunks();
    let mut last = [0; 4];
    last.copy_from_slice(rest);
    let last = i32::from_be_bytes(last);
    [words(load(&blocks[0])), words(load(&blocks[1])), _mm_set_epi32(0, 0, 0, last)]
}
