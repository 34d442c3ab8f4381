//! Eight streams of IGE by the crypto extensions. Eight as with AES-NI; whether another number is
//! better was not measured.

use super::aes256::{last_round, round};
use super::block::{load, store, zero};
use crate::Block;
use crate::lanes::streams::Lanes;
use core::arch::aarch64::{uint8x16_t, veorq_u8};

pub(super) const WIDTH: usize = 8;

type Wide = [uint8x16_t; WIDTH];

/// The formulas of one stream (see `ige`), for each lane.
///
/// # Safety
/// See [`Run`](crate::lanes::streams::Run).
#[expect(unsafe_code, reason = "blocks behind pointers")]
#[target_feature(enable = "aes")]
pub(super) unsafe fn run<const DECRYPTS: bool>(
    lanes: &mut Lanes<WIDTH>,
    blocks: &[*mut Block; WIDTH],
    steps: usize,
) {
    let [first, middle @ .., last, end] = &lanes.keys;
    // SAFETY: there is one block at least.
    let mut input = unsafe { gather(blocks, 0) };
    let mut input_before = each(|lane| load(&lanes.inputs[lane]));
    let mut output = each(|lane| load(&lanes.outputs[lane]));
    let mut state = output;
    let mut begin = each(|lane| veorq_u8(input[lane], load(&first[lane])));
    for i in 0..steps {
        // What comes behind the last one is of no use.
        // SAFETY: below `steps`.
        let next = unsafe { gather(blocks, (i + 1).min(steps - 1)) };
        state = each(|lane| round::<DECRYPTS>(state[lane], begin[lane]));
        for keys in middle {
            state = each(|lane| round::<DECRYPTS>(state[lane], load(&keys[lane])));
        }
        for lane in 0..WIDTH {
            state[lane] = last_round::<DECRYPTS>(state[lane], load(&last[lane]));
            let end = veorq_u8(load(&end[lane]), input_before[lane]);
            begin[lane] = veorq_u8(end, veorq_u8(next[lane], load(&first[lane])));
            output[lane] = veorq_u8(state[lane], end);
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
#[target_feature(enable = "neon")]
unsafe fn gather(blocks: &[*mut Block; WIDTH], i: usize) -> Wide {
    // SAFETY: what the caller promises.
    each(|lane| unsafe { load(&*blocks[lane].add(i)) })
}

#[inline]
#[target_feature(enable = "neon")]
fn each(value: impl Fn(usize) -> uint8x16_t) -> Wide {
    let mut wide = [zero(); WIDTH];
    for (lane, place) in wide.iter_mut().enumerate() {
        *place = value(lane);
    }
    wide
}
