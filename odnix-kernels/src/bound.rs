//! What the processor itself needs for a chain of AES rounds: the bound of one stream of IGE, for
//! measurements.

/// The end of `rounds` rounds of AES, each of which waits for the one before it; `None` on a
/// processor without instructions for them. `rounds` is taken up to a multiple of 14, those of one
/// block. `ODNIX_CPU` makes no difference here.
pub fn aes_chain(rounds: usize) -> Option<u128> {
    #[cfg(target_arch = "x86_64")]
    {
        cpufeatures::new!(aes, "aes", "sse2");
        if aes::get() {
            // SAFETY: the processor was found to have both features.
            #[expect(unsafe_code, reason = "the processor has the features")]
            return Some(unsafe { x86::chain(rounds.div_ceil(14)) });
        }
    }
    let _ = rounds;
    None
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::{_mm_aesenc_si128, _mm_set1_epi64x, _mm_storeu_si128};

    #[target_feature(enable = "aes,sse2")]
    pub(super) fn chain(blocks: usize) -> u128 {
        let key = _mm_set1_epi64x(0x0123_4567_89ab_cdef);
        let mut state = key;
        for _ in 0..blocks {
            for _ in 0..14 {
                state = _mm_aesenc_si128(state, key);
            }
        }
        let mut end = 0_u128;
        // SAFETY: `end` is 16 bytes that may be written, and the store needs no alignment.
        #[expect(unsafe_code, reason = "a store of 16 bytes into 16 bytes")]
        unsafe {
            _mm_storeu_si128((&raw mut end).cast(), state);
        }
        end
    }
}
