//! Factorizing pq.

use super::super::sample::{Time, nanos};
use super::super::{Absent, Lab, Levels, Measured, Measurement, Row, Target, Unit};
use chacha20::ChaCha20Rng;
use odnix_proto::crypto::factor::{factorize, is_prime};
use rand_core::{Rng, SeedableRng};

pub const ROWS: &[Row] = &[
    Row {
        name: "pq of two 31-bit primes, mean",
        beside: "grammers",
        unit: Unit::Ratio,
        target: Target::AtLeast(25.0),
        levels: Levels::All,
        measure: mean_beside_grammers,
    },
    Row {
        name: "pq of two 31-bit primes, p99",
        beside: "",
        unit: Unit::Micros,
        target: Target::AtMost(200.0),
        levels: Levels::All,
        measure: p99,
    },
    Row {
        name: "pq of a hostile server, slowest",
        beside: "",
        unit: Unit::Micros,
        target: Target::AtMost(5000.0),
        levels: Levels::All,
        measure: slowest_hostile,
    },
];

/// The largest primes and squares below powers of two, three factors, and what is none of these.
const HOSTILE: [u64; 14] = [
    0,
    1,
    2,
    4,
    (1 << 62) - 57,
    (1 << 63) - 25,
    u64::MAX - 58,
    2_147_483_647 * 2_147_483_647,
    4_294_967_291 * 4_294_967_291,
    1_048_573 * 1_048_573 * 2_097_143,
    2_097_143 * 2_097_143,
    1 << 63,
    u64::MAX,
    u64::MAX - 1,
];

fn semiprimes(count: usize) -> Vec<u64> {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut prime = || loop {
        let candidate = u64::from(rng.next_u32() >> 1 | 1 << 30 | 1);
        if is_prime(candidate) {
            return candidate;
        }
    };
    let pair = |_| loop {
        let (p, q) = (prime(), prime());
        if p != q {
            return p * q;
        }
    };
    (0..count).map(pair).collect()
}

/// The fastest of three calls for each pq.
fn times(numbers: &[u64], factors: impl Fn(u64) -> bool) -> Vec<f64> {
    numbers
        .iter()
        .map(|&pq| (0..3).map(|_| nanos(|| factors(pq))).fold(f64::INFINITY, f64::min))
        .collect()
}

fn ours(numbers: &[u64]) -> Vec<f64> {
    times(numbers, |pq| factorize(pq).is_some_and(|(p, q)| p * q == pq))
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

fn mean_beside_grammers(lab: &Lab) -> Measured {
    let numbers = semiprimes(lab.effort.inputs);
    let theirs = times(&numbers, |pq| grammers_crypto::factorize(pq).0 != 1);
    let (ours, theirs) = (mean(&ours(&numbers)), mean(&theirs));
    let times = vec![Time { of: "odnix", ns: ours }, Time { of: "grammers", ns: theirs }];
    Ok(Measurement { value: theirs / ours, times })
}

fn p99(lab: &Lab) -> Measured {
    let mut times = ours(&semiprimes(lab.effort.inputs));
    times.sort_by(f64::total_cmp);
    of_micros(times.get(times.len() * 99 / 100))
}

fn slowest_hostile(_: &Lab) -> Measured {
    of_micros(ours(&HOSTILE).iter().max_by(|a, b| a.total_cmp(b)))
}

fn of_micros(ns: Option<&f64>) -> Measured {
    let &ns = ns.ok_or(Absent("no inputs"))?;
    Ok(Measurement { value: ns / 1000.0, times: vec![Time { of: "odnix", ns }] })
}
