//! What the processor allows, to measure the kernels against (feature `bounds`).

/// Runs `rounds` rounds of AES, each of which waits for the one before it; `None` below
/// [`Level::AesNi`](crate::Level::AesNi). One stream of IGE cannot be faster than 14 of them for
/// each block.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "x86-64 only"))]
pub fn aes_chain(rounds: usize) -> Option<u128> {
    #[cfg(target_arch = "x86_64")]
    if crate::level::best() >= crate::Level::AesNi {
        return Some(crate::x86::aes_chain(rounds));
    }
    None
}
