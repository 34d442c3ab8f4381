//! Splitting the `pq` of the key exchange, in bounded time whatever the peer sent.
//!
//! The server sends `pq`, the product of two distinct odd primes below 2^63; the client proves
//! a little work by answering `p < q`. A hostile `pq` (0, 1, even, prime, a square, three
//! factors, 2^63 and above) gets `None`, most of them at once, and none after more work than the
//! bound of an honest one.
//!
//! Method: deterministic Miller–Rabin; then trial division below 2^32, above it the
//! elliptic-curve method (`curves.rs`), in Montgomery form. A composite below 2^63 has a factor
//! below 2^31.5, which one curve in ten finds. After 512 curves, a few milliseconds, the search
//! gives up; of honest pq, fewer than one in 10^20 survive those. Source: MTProto 2.0, "Creating
//! an authorization key", step 3.

mod curves;
mod modulus;
#[cfg(test)]
mod tests;

use modulus::Modulus;

/// The smallest product of two distinct odd primes: 3 * 5.
const PRODUCT_MIN: u64 = 15;
/// Below it there is trial division: curves would find two small factors at once.
const CURVES_FROM: u64 = 1 << 32;
/// Pairs of curves tried.
const PAIRS_MAX: u64 = 256;
/// Strong-pseudoprime bases that leave no composite below 2^64 (Sorenson and Webster, 2015).
const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
/// The first four of them leave none below this number (Jaeschke, 1993).
const FOUR_BASES_BELOW: u64 = 3_215_031_751;

/// The two primes of `pq` as `(p, q)` with `p < q`, or `None` if `pq` is not the product of two
/// distinct odd primes or is 2^63 or more.
pub fn factorize(pq: u64) -> Option<(u64, u64)> {
    if pq < PRODUCT_MIN || pq >> 63 != 0 || is_prime(pq) {
        return None;
    }
    let divisor = divisor(&Modulus::new(pq)?)?;
    let other = pq.checked_div(divisor)?;
    let (p, q) = (divisor.min(other), divisor.max(other));
    (p != q && is_prime(p) && is_prime(q)).then_some((p, q))
}

/// Whether `n` is prime; certain for every 64-bit number.
pub fn is_prime(n: u64) -> bool {
    let bases = if n < FOUR_BASES_BELOW { 4 } else { BASES.len() };
    let passes = |n: Modulus| BASES.iter().take(bases).all(|&base| passes_miller_rabin(&n, base));
    BASES.contains(&n) || (n > 1 && Modulus::new(n).is_some_and(passes))
}

/// `base^d`, squared up to `s` times, meets 1 or -1 as it must if `n = d * 2^s + 1` is prime.
fn passes_miller_rabin(n: &Modulus, base: u64) -> bool {
    let base = n.residue(base);
    if base == 0 {
        return false;
    }
    let even = n.get().wrapping_sub(1);
    let twos = even.trailing_zeros();
    let minus_one = n.get().wrapping_sub(n.one);
    let mut power = n.power(base, even.unbounded_shr(twos));
    if power == n.one {
        return true;
    }
    for _ in 0..twos {
        if power == minus_one {
            return true;
        }
        power = n.multiply(power, power);
    }
    false
}

/// A divisor of the odd composite `n`, neither 1 nor `n`.
fn divisor(n: &Modulus) -> Option<u64> {
    if n.get() < CURVES_FROM {
        return (3..1 << 16).step_by(2).find(|&divisor| n.get().is_multiple_of(divisor));
    }
    (0..PAIRS_MAX).find_map(|pair| curves::divisor(n, pair))
}
