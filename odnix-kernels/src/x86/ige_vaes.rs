//! Many streams of IGE by VAES, four to a register.

use crate::Block;
use crate::lanes::streams::Lanes;
use core::arch::x86_64::{
    __m512i, _mm256_set_m128i, _mm512_aesdec_epi128, _mm512_aesdeclast_epi128,
    _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_castsi256_si512, _mm512_castsi512_si128,
    _mm512_extracti32x4_epi32, _mm512_inserti64x4, _mm512_loadu_si512, _mm512_setzero_si512,
    _mm512_storeu_si512, _mm512_xor_si512,
};

/// Four lanes to each of `R` registers.
type Wide<const R: usize> = [__m512i; R];

/// The formulas of one stream (see `ige`), for each of `N = 4 * R` lanes.
///
/// # Safety
/// See [`Run`](crate::lanes::streams::Run).
#[expect(unsafe_code, reason = "blocks behind pointers")]
#[target_feature(enable = "vaes,avx512f")]
pub(super) unsafe fn run<const DECRYPTS: bool, const R: usize, const N: usize>(
    lanes: &mut Lanes<N>,
    blocks: &[*mut Block; N],
    steps: usize,
) {
    const { assert!(N == 4 * R) };
    let [first, middle @ .., last] = &lanes.keys;
    let (first, last): (Wide<R>, Wide<R>) = (load(first), load(last));
    // SAFETY: there is one block at least.
    let mut input = unsafe { gather(blocks, 0) };
    let mut input_before = load(&lanes.inputs);
    let mut output = load(&lanes.outputs);
    let mut state = xor(xor(input, output), first);
    for i in 0..steps {
        // What comes behind the last one is of no use.
        // SAFETY: below `steps`.
        let next = unsafe { gather(blocks, (i + 1).min(steps - 1)) };
        for keys in middle {
            let keys: Wide<R> = load(keys);
            for r in 0..R {
                state[r] = if DECRYPTS {
                    _mm512_aesdec_epi128(state[r], keys[r])
                } else {
                    _mm512_aesenc_epi128(state[r], keys[r])
                };
            }
        }
        let end = xor(last, input_before);
        let end_and_next = xor(end, xor(next, first));
        for r in 0..R {
            (output[r], state[r]) = if DECRYPTS {
                let output = _mm512_aesdeclast_epi128(state[r], end[r]);
                (output, _mm512_aesdeclast_epi128(state[r], end_and_next[r]))
            } else {
                let output = _mm512_aesenclast_epi128(state[r], end[r]);
                (output, _mm512_aesenclast_epi128(state[r], end_and_next[r]))
            };
        }
        // SAFETY: below `steps`.
        unsafe { scatter(blocks, i, output) };
        (input_before, input) = (input, next);
    }
    store(&mut lanes.inputs, input_before);
    store(&mut lanes.outputs, output);
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor<const R: usize>(mut a: Wide<R>, b: Wide<R>) -> Wide<R> {
    for r in 0..R {
        a[r] = _mm512_xor_si512(a[r], b[r]);
    }
    a
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load<const R: usize, const N: usize>(blocks: &[Block; N]) -> Wide<R> {
    let mut wide = [_mm512_setzero_si512(); R];
    for (register, blocks) in wide.iter_mut().zip(blocks.as_chunks::<4>().0) {
        // SAFETY: the reference is to 64 bytes, and the load needs no alignment.
        #[expect(unsafe_code, reason = "a load of four whole blocks")]
        unsafe {
            *register = _mm512_loadu_si512(core::ptr::from_ref(blocks).cast());
        }
    }
    wide
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store<const R: usize, const N: usize>(blocks: &mut [Block; N], wide: Wide<R>) {
    for (register, blocks) in wide.iter().zip(blocks.as_chunks_mut::<4>().0) {
        // SAFETY: the reference is to 64 bytes nobody else refers to, and the store needs no
        // alignment.
        #[expect(unsafe_code, reason = "a store of four whole blocks")]
        unsafe {
            _mm512_storeu_si512(core::ptr::from_mut(blocks).cast(), *register);
        }
    }
}

/// # Safety
/// Block `i` may be read behind each pointer.
#[expect(unsafe_code, reason = "blocks behind pointers")]
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn gather<const R: usize, const N: usize>(blocks: &[*mut Block; N], i: usize) -> Wide<R> {
    let mut wide = [_mm512_setzero_si512(); R];
    for (register, blocks) in wide.iter_mut().zip(blocks.as_chunks::<4>().0) {
        // SAFETY: what the caller promises.
        let block = |lane: usize| unsafe { super::block::load(&*blocks[lane].add(i)) };
        let low = _mm256_set_m128i(block(1), block(0));
        let high = _mm256_set_m128i(block(3), block(2));
        *register = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
    }
    wide
}

/// # Safety
/// Block `i` may be written behind each pointer.
#[expect(unsafe_code, reason = "blocks behind pointers")]
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn scatter<const R: usize, const N: usize>(
    blocks: &[*mut Block; N],
    i: usize,
    wide: Wide<R>,
) {
    for (register, [a, b, c, d]) in wide.into_iter().zip(blocks.as_chunks().0) {
        // SAFETY: what the caller promises.
        unsafe {
            super::block::store(&mut *a.add(i), _mm512_castsi512_si128(register));
            super::block::store(&mut *b.add(i), _mm512_extracti32x4_epi32::<1>(register));
            super::block::store(&mut *c.add(i), _mm512_extracti32x4_epi32::<2>(register));
            super::block::store(&mut *d.add(i), _mm512_extracti32x4_epi32::<3>(register));
        }
    }
}
