//! Splitting the `pq` of the key exchange, in bounded time whatever the peer sent.
//!
//! The server sends `pq`, the product of two distinct odd primes below 2^63; the client proves
//! a little work by answering `p < q`. A hostile `pq` (0, 1, even, prime, a square, three
//! factors, 2^63 and above) gets `None` and costs no more than a good one.
//!
//! Method: deterministic Miller–Rabin, then Pollard's rho as improved by Brent, in Montgomery
//! form. A composite below 2^63 has a factor below 2^31.5, which rho finds in about 2^16 steps;
//! the walk gives up after 16 tries of 2^19 steps. Sources: MTProto 2.0, "Creating an
//! authorization key", step 3; R. P. Brent, "An improved Monte Carlo factorization algorithm",
//! BIT 20 (1980).

use core::num::NonZeroU64;

/// The smallest product of two distinct odd primes: 3 * 5.
const PRODUCT_MIN: u64 = 15;
/// Walks tried, each with a polynomial of its own.
const WALKS_MAX: u64 = 16;
/// Length in steps at which one walk gives up.
const WALK_STEPS_MAX: u32 = 1 << 19;
/// Steps whose differences are multiplied up before one gcd is taken.
const BATCH_STEPS: u32 = 128;
/// Strong-pseudoprime bases that leave no composite below 2^64 (Sorenson and Webster, 2015).
const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

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
    BASES.contains(&n)
        || (n > 1
            && Modulus::new(n)
                .is_some_and(|n| BASES.iter().all(|&base| passes_miller_rabin(&n, base))))
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

/// A divisor of the composite `n`, neither 1 nor `n`.
fn divisor(n: &Modulus) -> Option<u64> {
    (1..=WALKS_MAX).find_map(|constant| walk(n, constant))
}

/// One walk `y -> y^2 + constant`, with Brent's doubling of the distance to the saved point.
fn walk(n: &Modulus, constant: u64) -> Option<u64> {
    let step = |y: u64| n.add(n.multiply(y, y), constant);
    let mut y = 2;
    let mut distance = 1;
    while distance <= WALK_STEPS_MAX {
        let saved = y;
        for _ in 0..distance {
            y = step(y);
        }
        let mut walked = 0;
        while walked < distance {
            let batch_start = y;
            let batch = BATCH_STEPS.min(distance.wrapping_sub(walked));
            let mut product = n.one;
            for _ in 0..batch {
                y = step(y);
                product = n.multiply(product, saved.abs_diff(y));
            }
            match gcd(product, n.get()) {
                1 => walked = walked.saturating_add(BATCH_STEPS),
                common if common != n.get() => return Some(common),
                _ => return retrace(n, saved, batch_start, batch, step),
            }
        }
        distance = distance.saturating_mul(2);
    }
    None
}

/// All factors of `n` met within one batch: walk it again, one gcd a step.
fn retrace(
    n: &Modulus,
    saved: u64,
    batch_start: u64,
    batch: u32,
    step: impl Fn(u64) -> u64,
) -> Option<u64> {
    let mut y = batch_start;
    for _ in 0..batch {
        y = step(y);
        let common = gcd(saved.abs_diff(y), n.get());
        if common != 1 {
            return (common != n.get()).then_some(common);
        }
    }
    None
}

/// Euclid's algorithm; `gcd(0, n) = n`.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while let Some(divisor) = NonZeroU64::new(a) {
        a = b % divisor;
        b = divisor.get();
    }
    b
}

/// An odd modulus with what Montgomery multiplication needs. Residues are below the modulus
/// and carry a factor 2^64.
struct Modulus {
    n: NonZeroU64,
    /// 1 / n modulo 2^64.
    inverse: u64,
    /// 1 as a residue: 2^64 mod n.
    one: u64,
    /// 2^128 mod n, which turns a number into a residue.
    square: u64,
}

impl Modulus {
    /// `None` for an even number.
    fn new(n: u64) -> Option<Self> {
        let n = NonZeroU64::new(n).filter(|n| n.get() & 1 == 1)?;
        // Newton's iteration: n is its own inverse modulo 8, and each round doubles the bits.
        let inverse = (0..5)
            .fold(n.get(), |x, _| x.wrapping_mul(2_u64.wrapping_sub(n.get().wrapping_mul(x))));
        let one = 0_u64.wrapping_sub(n.get()) % n;
        let (_, square) =
            split(u128::from(one).wrapping_mul(u128::from(one)).rem_euclid(n.get().into()));
        Some(Self { n, inverse, one, square })
    }

    fn get(&self) -> u64 {
        self.n.get()
    }

    fn residue(&self, number: u64) -> u64 {
        self.multiply(number % self.n, self.square)
    }

    /// `a + b` for residues of a modulus below 2^63.
    fn add(&self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b) % self.n
    }

    /// `a * b / 2^64`, the product of two residues.
    fn multiply(&self, a: u64, b: u64) -> u64 {
        let (high, low) = split(u128::from(a).wrapping_mul(u128::from(b)));
        let quotient = low.wrapping_mul(self.inverse);
        let (excess, _) = split(u128::from(quotient).wrapping_mul(u128::from(self.get())));
        match high.checked_sub(excess) {
            Some(difference) => difference,
            None => high.wrapping_sub(excess).wrapping_add(self.get()),
        }
    }

    fn power(&self, base: u64, exponent: u64) -> u64 {
        let mut power = self.one;
        for bit in (0..u64::BITS).rev() {
            power = self.multiply(power, power);
            if exponent.unbounded_shr(bit) & 1 == 1 {
                power = self.multiply(power, base);
            }
        }
        power
    }
}

/// High and low half.
fn split(wide: u128) -> (u64, u64) {
    let low = u64::try_from(wide & u128::from(u64::MAX)).unwrap_or_default();
    (u64::try_from(wide >> 64).unwrap_or_default(), low)
}
