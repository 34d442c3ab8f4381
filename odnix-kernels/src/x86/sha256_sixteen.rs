//! SHA-256 of sixteen messages by AVX-512, one to a lane of 32 bits.
//!
//! Source: FIPS 180-4, section 6.2.

use super::messages::{Chunk, LANES, States};
use super::sha256::K;
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
        let mut words = [0; 16];
        words[..8].copy_from_slice(state);
        *row = load(&words);
    }
    let square = transpose(square);
    let mut state = [square[0]; 8];
    state.copy_from_slice(&square[..8]);
    for i in 0..steps {
        let mut w = transpose(words(chunks, i));
        let before = state;
        for quarter in 0..4 {
            if quarter > 0 {
                schedule(&mut w);
            }
            rounds(&mut state, &w, quarter);
        }
        for (word, before) in state.iter_mut().zip(before) {
            *word = _mm512_add_epi32(*word, before);
        }
    }
    let mut square = [_mm512_setzero_si512(); LANES];
    square[..8].copy_from_slice(&state);
    for (row, state) in transpose(square).into_iter().zip(states) {
        let mut words = [0; 16];
        store(&mut words, row);
        state.copy_from_slice(&words[..8]);
    }
}

/// The chunk of each lane, as numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn words(chunks: &[&[Chunk]; LANES], i: usize) -> Square {
    let turned = load(&core::array::from_fn(|i| 0x0001_0203 + (i as u32 % 4) * 0x0404_0404));
    let mut square = [_mm512_setzero_si512(); LANES];
    for (row, chunks) in square.iter_mut().zip(chunks) {
        if let Some(chunk) = chunks.get(i) {
            // SAFETY: the reference is to 64 bytes, and the load needs no alignment.
            #[expect(unsafe_code, reason = "a load of a whole chunk")]
            let loaded = unsafe { _mm512_loadu_si512(core::ptr::from_ref(chunk).cast()) };
            *row = _mm512_shuffle_epi8(loaded, turned);
        }
    }
    square
}

/// 16 of 64 rounds.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn rounds(state: &mut [__m512i; 8], w: &Square, quarter: usize) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (i, w) in w.iter().enumerate() {
        let k = _mm512_set1_epi32(K[quarter * 16 + i].cast_signed());
        let sum = _mm512_add_epi32(_mm512_add_epi32(h, k), *w);
        let sum = _mm512_add_epi32(sum, rotations::<6, 11, 25>(e));
        let sum = _mm512_add_epi32(sum, _mm512_ternarylogic_epi32::<CHOOSE>(e, f, g));
        let other = rotations::<2, 13, 22>(a);
        let other = _mm512_add_epi32(other, _mm512_ternarylogic_epi32::<MAJORITY>(a, b, c));
        (h, g, f, e) = (g, f, e, _mm512_add_epi32(d, sum));
        (d, c, b, a) = (c, b, a, _mm512_add_epi32(sum, other));
    }
    *state = [a, b, c, d, e, f, g, h];
}

/// The next 16 words of the message schedule.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn schedule(w: &mut Square) {
    for i in 0..16 {
        let (w1, w9, w14) = (w[(i + 1) % 16], w[(i + 9) % 16], w[(i + 14) % 16]);
        let small = _mm512_ternarylogic_epi32::<XOR>(
            _mm512_ror_epi32::<7>(w1),
            _mm512_ror_epi32::<18>(w1),
            _mm512_srli_epi32::<3>(w1),
        );
        let large = _mm512_ternarylogic_epi32::<XOR>(
            _mm512_ror_epi32::<17>(w14),
            _mm512_ror_epi32::<19>(w14),
            _mm512_srli_epi32::<10>(w14),
        );
        let sum = _mm512_add_epi32(_mm512_add_epi32(w[i], w9), small);
        w[i] = _mm512_add_epi32(sum, large);
    }
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
fn load(words: &[u32; 16]) -> __m512i {
    // SAFETY: the reference is to 64 bytes, and the load needs no alignment.
    #[expect(unsafe_code, reason = "a load of a whole row")]
    unsafe {
        _mm512_loadu_si512(core::ptr::from_ref(words).cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &mut [u32; 16], row: __m512i) {
    // SAFETY: the reference is to 64 bytes nobody else refers to, and the store needs no alignment.
    #[expect(unsafe_code, reason = "a store of a whole row")]
    unsafe {
        _mm512_storeu_si512(core::ptr::from_mut(words).cast(), row);
    }
}
