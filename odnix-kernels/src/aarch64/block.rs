//! Blocks in memory and in registers.

use crate::Block;
use core::arch::aarch64::{uint8x16_t, uint32x4_t, vdupq_n_u8, vld1q_u8, vst1q_u8};

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load(block: &Block) -> uint8x16_t {
    // SAFETY: the reference is to 16 bytes, and the load needs no alignment.
    #[expect(unsafe_code, reason = "a load of a whole block")]
    unsafe {
        vld1q_u8(block.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store(block: &mut Block, value: uint8x16_t) {
    // SAFETY: the reference is to 16 bytes nobody else refers to, and the store needs no alignment.
    #[expect(unsafe_code, reason = "a store of a whole block")]
    unsafe {
        vst1q_u8(block.as_mut_ptr(), value);
    }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn zero() -> uint8x16_t {
    vdupq_n_u8(0)
}

/// The two blocks of a key or a vector.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_pair(bytes: &[u8; 32]) -> (uint8x16_t, uint8x16_t) {
    let (halves, _) = bytes.as_chunks();
    match halves {
        [first, second, ..] => (load(first), load(second)),
        _ => (zero(), zero()),
    }
}

/// No instruction, but the compiler may not move work on either value past this line, so it does
/// not write all of one chain before all of the other.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn in_turns(one: &mut uint8x16_t, other: &mut uint32x4_t) {
    // SAFETY: the assembly is empty.
    #[expect(unsafe_code, reason = "an empty assembly that pins the order")]
    unsafe {
        core::arch::asm!(
            "/* {0:v} {1:v} */",
            inout(vreg) * one,
            inout(vreg) * other,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}
