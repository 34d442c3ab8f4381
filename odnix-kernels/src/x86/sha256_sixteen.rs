//! SHA-256 of sixteen messages by AVX-512, one to a lane of 32 bits.
//!
//! Source: FIPS 180-4, section 6.2.

use crate::lanes::messages::{Chunk, LANES, States};
use crate::sha256::K;
use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32,
    _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

/// The rows of a square of words.
type Square = [__m512i; LANES];

/// Truth tables of three bits.
const XOR: i32 = 0x96;
const CHOOSE: i32 = 0xca;
const MAJORITY: i32 = 0xe8;

#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn compress(states: &mut States, chunks: &[&[Chunk]; LANES], steps: usize) {
    let mut square = [_mm512_setzero_si512(); LANES];
    for (row, state) in square.iter_mut().zip(&*states) {
        *row = load(&[state[0], state[1], [0; 16], [0; 16]]);
    }
    let [f, e, b, a, h, g, d, c, ..] = transpose(square);
    let mut state = [a, b, c, d, e, f, g, h];
    for i in 0..steps {
        let mut w = transpose(words(chunks, i));
        let before = state;
        let [first, rest @ ..] = K.as_chunks().0 else { return };
        rounds::<false>(&mut state, &mut w, first);
        for k in rest {
            rounds::<true>(&mut state, &mut w, k);
        }
        for (word, before) in state.iter_mut().zip(before) {
            *word = _mm512_add_epi32(*word, before);
        }
    }
    let [a, b, c, d, e, f, g, h] = state;
    let mut square = [_mm512_setzero_si512(); LANES];
    square[..8].copy_from_slice(&[f, e, b, a, h, g, d, c]);
    for (row, state) in transpose(square).into_iter().zip(states) {
        let mut blocks = [[0; 16]; 4];
        store(&mut blocks, row);
        state.copy_from_slice(&blocks[..2]);
    }
}

/// The chunk of each lane, as numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn words(chunks: &[&[Chunk]; LANES], i: usize) -> Square {
    let turned = load(&[[3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]; 4]);
    let mut square = [_mm512_setzero_si512(); LANES];
    for (row, chunks) in square.iter_mut().zip(chunks) {
        if let Some(chunk) = chunks.get(i) {
            *row = _mm512_shuffle_epi8(load(chunk), turned);
        }
    }
    square
}

/// 16 of 64 rounds, for all but the first of which the words are computed from those before.
///
/// Written out, as a loop of rounds would keep the words in memory.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn rounds<const SCHEDULES: bool>(state: &mut [__m512i; 8], w: &mut Square, k: &[u32; 16]) {
    round::<0, SCHEDULES>(state, w, k);
    round::<1, SCHEDULES>(state, w, k);
    round::<2, SCHEDULES>(state, w, k);
    round::<3, SCHEDULES>(state, w, k);
    round::<4, SCHEDULES>(state, w, k);
    round::<5, SCHEDULES>(state, w, k);
    round::<6, SCHEDULES>(state, w, k);
    round::<7, SCHEDULES>(state, w, k);
    round::<8, SCHEDULES>(state, w, k);
    round::<9, SCHEDULES>(state, w, k);
    round::<10, SCHEDULES>(state, w, k);
    round::<11, SCHEDULES>(state, w, k);
    round::<12, SCHEDULES>(state, w, k);
    round::<13, SCHEDULES>(state, w, k);
    round::<14, SCHEDULES>(state, w, k);
    round::<15, SCHEDULES>(state, w, k);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn round<const I: usize, const SCHEDULES: bool>(
    state: &mut [__m512i; 8],
    w: &mut Square,
    k: &[u32; 16],
) {
    if SCHEDULES {
        w[I] = scheduled(w[I], w[(I + 1) % 16], w[(I + 9) % 16], w[(I + 14) % 16]);
    }
    // Instead of moving each word to the place of the next one, the places move.
    let [a, b, c, d, e, f, g, h] = core::array::from_fn(|word| (word + 16 - I) % 8);
    let k = _mm512_set1_epi32(k[I].cast_signed());
    let sum = _mm512_add_epi32(_mm512_add_epi32(state[h], k), w[I]);
    let sum = _mm512_add_epi32(sum, rotations::<6, 11, 25>(state[e]));
    let chosen = _mm512_ternarylogic_epi32::<CHOOSE>(state[e], state[f], state[g]);
    let sum = _mm512_add_epi32(sum, chosen);
    let most = _mm512_ternarylogic_epi32::<MAJORITY>(state[a], state[b], state[c]);
    let other = _mm512_add_epi32(rotations::<2, 13, 22>(state[a]), most);
    state[d] = _mm512_add_epi32(state[d], sum);
    state[h] = _mm512_add_epi32(sum, other);
}

/// A word of the message schedule, of those 16, 15, 7 and 2 places before it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn scheduled(w16: __m512i, w15: __m512i, w7: __m512i, w2: __m512i) -> __m512i {
    let small = _mm512_ternarylogic_epi32::<XOR>(
        _mm512_ror_epi32::<7>(w15),
        _mm512_ror_epi32::<18>(w15),
        _mm512_srli_epi32::<3>(w15),
    );
    let large = _mm512_ternarylogic_epi32::<XOR>(
        _mm512_ror_epi32::<17>(w2),
        _mm512_ror_epi32::<19>(w2),
        _mm512_srli_epi32::<10>(w2),
    );
    _mm512_add_epi32(_mm512_add_epi32(w16, w7), _mm512_add_epi32(small, large))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rotations<const A: i32, const B: i32, const C: i32>(word: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<XOR>(
        _mm512_ror_epi32::<A>(word),
        _mm512_ror_epi32::<B>(word),
        _mm512_ror_epi32::<C>(word),
    )
}

/// Rows become columns: first within 4 by 4 words, then of those.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(mut s: Square) -> Square {
    for rows in s.as_chunks_mut::<4>().0 {
        let [a, b, c, d] = *rows;
        let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
        let (ab_high, cd_high) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
        *rows = [
            _mm512_unpacklo_epi64(ab, cd),
            _mm512_unpackhi_epi64(ab, cd),
            _mm512_unpacklo_epi64(ab_high, cd_high),
            _mm512_unpackhi_epi64(ab_high, cd_high),
        ];
    }
    let mut columns = s;
    for i in 0..4 {
        let [a, b, c, d] = [s[i], s[i + 4], s[i + 8], s[i + 12]];
        let even = _mm512_shuffle_i32x4::<0x88>(a, b);
        let even_end = _mm512_shuffle_i32x4::<0x88>(c, d);
        let odd = _mm512_shuffle_i32x4::<0xdd>(a, b);
        let odd_end = _mm512_shuffle_i32x4::<0xdd>(c, d);
        columns[i] = _mm512_shuffle_i32x4::<0x88>(even, even_end);
        columns[i + 4] = _mm512_shuffle_i32x4::<0x88>(odd, odd_end);
        columns[i + 8] = _mm512_shuffle_i32x4::<0xdd>(even, even_end);
        columns[i + 12] = _mm512_shuffle_i32x4::<0xdd>(odd, odd_end);
    }
    columns
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(chunk: &Chunk) -> __m512i {
    // SAFETY: the reference is to 64 bytes, and the load needs no alignment.
    #[expect(unsafe_code, reason = "a load of a whole chunk")]
    unsafe {
        _mm512_loadu_si512(core::ptr::from_ref(chunk).cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(chunk: &mut Chunk, row: __m512i) {
    // SAFETY: the reference is to 64 bytes nobody else refers to, and the store needs no alignment.
    #[expect(unsafe_code, reason = "a store of a whole chunk")]
    unsafe {
        _mm512_storeu_si512(core::ptr::from_mut(chunk).cast(), row);
    }
}
