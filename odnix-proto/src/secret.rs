//! Bytes that must not leak: wiped on drop, compared in constant time, absent from `Debug`.
//!
//! What was computed from secrets decides nothing before it went through `verdict`, whose
//! callers are therefore all the places where the time taken may depend on one bit of it.

use alloc::boxed::Box;
use core::fmt;
use core::hint::black_box;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// Makes the outcome of a comparison of secrets public: the one place where a branch may depend
/// on it. It is never inlined, so that a tool that follows secrets through the machine code can
/// be told about this function and about nothing else; see `conformance/constant-time`.
#[inline(never)]
pub(crate) fn verdict(holds: bool) -> bool {
    // A branch, and not the value itself: what comes out is one of two constants.
    if holds { black_box(true) } else { black_box(false) }
}

/// `N` secret bytes in a box of their own, so that moves leave no copies behind.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes the bytes and wipes the caller's copy.
    pub fn take(bytes: &mut [u8; N]) -> Self {
        let secret = Self(Box::new(*bytes));
        bytes.zeroize();
        secret
    }

    /// A secret written in place by `fill`, so that no copy exists elsewhere.
    pub fn init(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0);
        secret
    }

    /// The bytes. The name is long so that each use is seen in review.
    pub fn expose_secret(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Clone for Secret<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        verdict(self.ct_eq(other).into())
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(…)")
    }
}
