//! Blocks in memory and in registers.

use crate::Block;
use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load(block: &Block) -> __m128i {
    // SAFETY: the reference is to 16 bytes, and the load needs no alignment.
    #[expect(unsafe_code, reason = "a load of a whole block")]
    unsafe {
        _mm_loadu_si128(core::ptr::from_ref(block).cast())
    }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store(block: &mut Block, value: __m128i) {
    // SAFETY: the reference is to 16 bytes nobody else refers to, and the store needs no alignment.
    #[expect(unsafe_code, reason = "a store of a whole block")]
    unsafe {
        _mm_storeu_si128(core::ptr::from_mut(block).cast(), value);
    }
}

/// The two blocks of a key or a vector.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load_pair(bytes: &[u8; 32]) -> (__m128i, __m128i) {
    let (halves, _) = bytes.as_chunks();
    match halves {
        [first, second, ..] => (load(first), load(second)),
        _ => (load(&[0; 16]), load(&[0; 16])),
    }
}

/// No instruction, but the compiler may not move work on either value past this line.
///
/// Of two chains it would write all of one before all of the other, and the processor looks only
/// some hundred instructions ahead for what can be done while one of them waits.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn in_turns(one: &mut __m128i, other: &mut __m128i) {
    // SAFETY: the assembly is empty.
    #[expect(unsafe_code, reason = "an empty assembly that pins the order")]
    unsafe {
        core::arch::asm!(
            "/* {0} {1} */",
            inout(xmm_reg) * one,
            inout(xmm_reg) * other,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}
