//! Many streams of IGE by VAES, four to a register.

use super::streams::Lanes;
use crate::Block;
use core::arch::x86_64::{
    __m512i, _mm512_aesdec_epi128, _mm512_aesdeclast_epi128, _mm512_aesenc_epi128,
    _mm512_aesenclast_epi128, _mm512_loadu_si512, _mm512_setzero_si512, _mm512_storeu_si512,
    _mm512_xor_si512,
};

/// Three registers are as many as hide the wait for a round.
pub(super) const WIDTH: usize = 12;
const REGISTERS: usize = WIDTH / 4;

type Wide = [__m512i; REGISTERS];

/// The formulas of one stream (see `ige`), for each lane.
#[target_feature(enable = "vaes,avx512f")]
pub(super) fn run<const DECRYPTS: bool>(
    lanes: &mut Lanes<WIDTH>,
    blocks: &mut [&mut [Block]; WIDTH],
    steps: usize,
) {
    let [first, middle @ .., last] = &lanes.keys;
    let (first, last) = (load(first), load(last));
    let mut input = gather(blocks, 0);
    let mut input_before = load(&lanes.inputs);
    let mut output = load(&lanes.outputs);
    let mut state = xor(xor(input, output), first);
    for i in 0..steps {
        let next = gather(blocks, i + 1);
        for keys in middle {
            let keys = load(keys);
            for r in 0..REGISTERS {
                state[r] = if DECRYPTS {
                    _mm512_aesdec_epi128(state[r], keys[r])
                } else {
                    _mm512_aesenc_epi128(state[r], keys[r])
                };
            }
        }
        let end = xor(last, input_before);
        let end_and_next = xor(end, xor(next, first));
        for r in 0..REGISTERS {
            (output[r], state[r]) = if DECRYPTS {
                let output = _mm512_aesdeclast_epi128(state[r], end[r]);
                (output, _mm512_aesdeclast_epi128(state[r], end_and_next[r]))
            } else {
                let output = _mm512_aesenclast_epi128(state[r], end[r]);
                (output, _mm512_aesenclast_epi128(state[r], end_and_next[r]))
            };
        }
        scatter(blocks, i, output);
        (input_before, input) = (input, next);
    }
    store(&mut lanes.inputs, input_before);
    store(&mut lanes.outputs, output);
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(mut a: Wide, b: Wide) -> Wide {
    for r in 0..REGISTERS {
        a[r] = _mm512_xor_si512(a[r], b[r]);
    }
    a
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(blocks: &[Block; WIDTH]) -> Wide {
    let mut wide = [_mm512_setzero_si512(); REGISTERS];
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
fn store(blocks: &mut [Block; WIDTH], wide: Wide) {
    for (register, blocks) in wide.iter().zip(blocks.as_chunks_mut::<4>().0) {
        // SAFETY: the reference is to 64 bytes nobody else refers to, and the store needs no
        // alignment.
        #[expect(unsafe_code, reason = "a store of four whole blocks")]
        unsafe {
            _mm512_storeu_si512(core::ptr::from_mut(blocks).cast(), *register);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn gather(blocks: &[&mut [Block]; WIDTH], i: usize) -> Wide {
    let mut here = [[0; 16]; WIDTH];
    for (place, blocks) in here.iter_mut().zip(blocks) {
        if let Some(block) = blocks.get(i) {
            *place = *block;
        }
    }
    load(&here)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn scatter(blocks: &mut [&mut [Block]; WIDTH], i: usize, wide: Wide) {
    let mut here = [[0; 16]; WIDTH];
    store(&mut here, wide);
    for (place, blocks) in here.iter().zip(blocks) {
        if let Some(block) = blocks.get_mut(i) {
            *block = *place;
        }
    }
}
