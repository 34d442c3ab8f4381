//! The primes that a client has tested.

use super::ELEMENT_LEN;
use alloc::boxed::Box;
use core::fmt;
use once_cell::race::OnceBox;

/// Primes a server can make a client remember: 1 KiB of them.
const PRIMES_MAX: usize = 4;

/// Safe primes whose test is not needed again. The usual one is always known. When four others were
/// tested, those that come later are tested each time: a server gains nothing by sending many.
///
/// There is no lock: a place is written once, and two threads that test the same prime at the same
/// time may take a place each.
#[derive(Default)]
pub struct KnownPrimes([OnceBox<[u8; ELEMENT_LEN]>; PRIMES_MAX]);

impl KnownPrimes {
    pub(super) fn contain(&self, prime: &[u8; ELEMENT_LEN]) -> bool {
        self.0.iter().any(|place| place.get() == Some(prime))
    }

    pub(super) fn insert(&self, prime: &[u8; ELEMENT_LEN]) {
        let mut free = self.0.iter().filter(|place| place.get().is_none());
        // Where another thread was quicker, the next place may still be free.
        let _ = free.find(|place| place.set(Box::new(*prime)).is_ok());
    }
}

impl fmt::Debug for KnownPrimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.iter().filter(|place| place.get().is_some()).count();
        write!(f, "KnownPrimes({known})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_known_until_the_places_are_taken() {
        let primes: [[u8; ELEMENT_LEN]; 6] = core::array::from_fn(|n| [n as u8; ELEMENT_LEN]);
        let known = KnownPrimes::default();
        for (count, prime) in primes.iter().enumerate() {
            assert!(!known.contain(prime));
            known.insert(prime);
            assert_eq!(known.contain(prime), count < PRIMES_MAX);
        }
        assert_eq!(format!("{known:?}"), "KnownPrimes(4)");
    }
}
