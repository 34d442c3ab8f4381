//! Eight streams of IGE by AES-NI: as many as hide the wait for a round on the processors of today.

use super::block::{load, store};
use crate::Block;
use crate::lanes::streams::Lanes;
use core::arch::x86_64::{
    __m128i, _mm_aesdec_si128, _mm_aesdeclast_si128, _mm_aesenc_si128, _mm_aesenclast_si128,
    _mm_setzero_si128, _mm_xor_si128,
};

pub(super) const WIDTH: usize = 8;

type Wide = [__m128i; WIDTH];

/// The formulas of one stream (see `ige`), for each lane.
///
/// # Safety
/// See [`Run`](crate::lanes::streams::Run).
#[expect(unsafe_code, reason = "blocks behind pointers")]
#[target_feature(enable = "aes,sse2")]
pub(super) unsafe fn run<const DECRYPTS: bool>(
    lanes: &mut Lanes<WIDTH>,
    blocks: &[*mut Block; WIDTH],
    steps: usize,
) {
    let [first, middle @ .., last] = &lanes.keys;
    // SAFETY: there is one block at least.
    let mut input = unsafe { gather(blocks, 0) };
    let mut input_before = each(|lane| load(&lanes.inputs[lane]));
    let mut output = each(|lane| load(&lanes.outputs[lane]));
    let mut state =
        each(|lane| _mm_xor_si128(_mm_xor_si128(input[lane], output[lane]), load(&first[lane])));
    for i in 0..steps {
        // What comes behind the last one is of no use.
        // SAFETY: below `steps`.
        let next = unsafe { gather(blocks, (i + 1).min(steps - 1)) };
        for keys in middle {
            for lane in 0..WIDTH {
                let key = load(&keys[lane]);
                state[lane] = if DECRYPTS {
                    _mm_aesdec_si128(state[lane], key)
                } else {
                    _mm_aesenc_si128(state[lane], key)
                };
            }
        }
        for lane in 0..WIDTH {
            let end = _mm_xor_si128(load(&last[lane]), input_before[lane]);
            let end_and_next = _mm_xor_si128(end, _mm_xor_si128(next[lane], load(&first[lane])));
            (output[lane], state[lane]) = if DECRYPTS {
                let output = _mm_aesdeclast_si128(state[lane], end);
                (output, _mm_aesdeclast_si128(state[lane], end_and_next))
            } else {
                let output = _mm_aesenclast_si128(state[lane], end);
                (output, _mm_aesenclast_si128(state[lane], end_and_next))
            };
            // SAFETY: below `steps`.
            unsafe { store(&mut *blocks[lane].add(i), output[lane]) };
        }
        (input_before, input) = (input, next);
    }
    for lane in 0..WIDTH {
        store(&mut lanes.inputs[lane], input_before[lane]);
        store(&mut lanes.outputs[lane], output[lane]);
    }
}

/// # Safety
/// Block `i` may be read behind each pointer.
#[expect(unsafe_code, reason = "blocks behind pointers")]
#[inline]
#[target_feature(enable = "sse2")]
unsafe fn gather(blocks: &[*mut Block; WIDTH], i: usize) -> Wide {
    // SAFETY: what the caller promises.
    each(|lane| unsafe { load(&*blocks[lane].add(i)) })
}

#[inline]
#[target_feature(enable = "sse2")]
fn each(value: impl Fn(usize) -> __m128i) -> Wide {
    let mut wide = [_mm_setzero_si128(); WIDTH];
    for (lane, place) in wide.iter_mut().enumerate() {
        *place = value(lane);
    }
    wide
}
