//! Times of factorization over the same random semiprimes, ours and the peer's in turns.

use odnix_proto::crypto::factor::{factorize, is_prime};
use rand_core::{Rng, SeedableRng};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one method took for each number.
pub struct Times {
    sorted: Vec<Duration>,
}

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { sorted: times }
    }

    pub fn mean_us(&self) -> f64 {
        self.sorted.iter().map(Duration::as_secs_f64).sum::<f64>() * 1e6 / self.sorted.len() as f64
    }

    /// What `percent` of the numbers stay below.
    pub fn percentile_us(&self, percent: usize) -> f64 {
        let at = (self.sorted.len() * percent / 100).min(self.sorted.len() - 1);
        self.sorted[at].as_secs_f64() * 1e6
    }
}

/// Ours and the peer's.
pub struct Both {
    pub odnix: Times,
    pub grammers: Times,
}

/// Factorizes `count` random products of two 31-bit primes, as servers send them, by both. Each
/// number counts with the shortest of three times.
pub fn factorizations(count: usize) -> Both {
    let mut rng = chacha20::ChaCha20Rng::seed_from_u64(0x5eed);
    let numbers: Vec<u64> = (0..count).map(|_| prime(&mut rng) * prime(&mut rng)).collect();
    let mut odnix = Vec::new();
    let mut grammers = Vec::new();
    for &pq in &numbers {
        odnix.push(shortest(|| {
            let _ = black_box(factorize(black_box(pq)));
        }));
        grammers.push(shortest(|| {
            black_box(grammers_crypto::factorize(black_box(pq)));
        }));
    }
    Both { odnix: Times::new(odnix), grammers: Times::new(grammers) }
}

/// Hostile numbers and how long each took.
pub fn hostile() -> Vec<(&'static str, Duration)> {
    let prime = 3_037_000_493_u64;
    let numbers = [
        ("0", 0),
        ("1", 1),
        ("even", 2 * 2_147_483_647),
        ("power of two", 1 << 62),
        ("prime of 63 bits", 9_223_372_036_854_775_783),
        ("square of a prime", prime * prime),
        ("three factors", 2_097_143 * 2_097_133 * 2_097_131),
        ("cube of a prime", 2_097_143 * 2_097_143 * 2_097_143),
        ("power of 3", 3_u64.pow(39)),
        ("square below 2^32", 65_521 * 65_521),
        ("2^63", 1 << 63),
        ("2^64 - 1", u64::MAX),
    ];
    numbers
        .into_iter()
        .map(|(name, pq)| {
            let time = shortest(|| assert_eq!(factorize(black_box(pq)), None, "{name}"));
            (name, time)
        })
        .collect()
}

fn shortest(mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    once().min(once()).min(once())
}

/// A random prime in 2^30 .. 2^31.
fn prime(rng: &mut impl Rng) -> u64 {
    loop {
        let candidate = (rng.next_u64() >> 34) | 1 << 30 | 1;
        if is_prime(candidate) {
            return candidate;
        }
    }
}
