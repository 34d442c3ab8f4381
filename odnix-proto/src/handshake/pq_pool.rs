//! The products of two primes a server offers, drawn ahead of the clients that ask.

use super::inner_data::Factors;
use crate::crypto::factor::is_prime;
use crate::seed::{Generator, Seed};
use alloc::vec::Vec;
use core::fmt;

/// Pairs of primes for resPQ. Each exchange picks one of them at random, so that the answer to
/// a `req_pq` costs no search for primes.
///
/// A pool never changes; draw another one from time to time and put it into the configuration
/// of the connections to come, so that nobody can factorize all of them once and for all.
/// pq has exactly 8 bytes, p and q have 4, and p < q.
///
/// The empty pool (the default) has each exchange search a pair of its own.
#[derive(Clone, Default)]
pub struct PqPool {
    pairs: Vec<Factors>,
}

impl PqPool {
    /// Draws `len` pairs.
    pub fn draw(seed: Seed, len: usize) -> Self {
        let mut generator = Generator::new(seed);
        Self { pairs: (0..len).map(|_| draw_pair(&mut generator)).collect() }
    }

    /// How many pairs there are to pick from.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether each exchange searches a pair of its own.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(super) fn pick(&self, generator: &mut Generator) -> Factors {
        let bound = u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
        let index = usize::try_from(generator.below(bound)).unwrap_or(0);
        self.pairs.get(index).copied().unwrap_or_else(|| draw_pair(generator))
    }
}

/// The pairs tell what clients are to work for.
impl fmt::Debug for PqPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PqPool({} pairs)", self.len())
    }
}

/// Two distinct random 31-bit primes: pq takes exactly 8 bytes, p and q take 4 each.
fn draw_pair(generator: &mut Generator) -> Factors {
    let first = draw_prime(generator);
    let second = loop {
        let prime = draw_prime(generator);
        if prime != first {
            break prime;
        }
    };
    let (p, q) = (first.min(second), first.max(second));
    Factors { pq: p.saturating_mul(q), p, q }
}

/// A random prime in 2^30 .. 2^31.
fn draw_prime(generator: &mut Generator) -> u64 {
    loop {
        let candidate = (generator.u64() >> 34) | 1 << 30 | 1;
        if is_prime(candidate) {
            return candidate;
        }
    }
}
