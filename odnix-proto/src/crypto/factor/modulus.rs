//! Arithmetic modulo an odd 64-bit number, in Montgomery form.

use core::num::NonZeroU64;

/// An odd modulus with what Montgomery multiplication needs. Residues are below the modulus
/// and carry a factor 2^64.
#[derive(Clone, Copy)]
pub(super) struct Modulus {
    n: u64,
    /// 1 / n modulo 2^64.
    inverse: u64,
    /// 1 as a residue: 2^64 mod n.
    pub(super) one: u64,
    /// 2^128 mod n, which turns a number into a residue.
    square: u64,
}

impl Modulus {
    /// `None` for an even number.
    pub(super) fn new(n: u64) -> Option<Self> {
        let odd = NonZeroU64::new(n).filter(|n| n.get() & 1 == 1)?;
        // Newton's iteration: n is its own inverse modulo 8, and each round doubles the bits.
        let inverse = (0..5).fold(n, |x, _| x.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(x))));
        let one = 0_u64.wrapping_sub(n) % odd;
        let mut modulus = Self { n, inverse, one, square: 0 };
        // 4 as a residue, squared five times, is 4^32 = 2^64 as a residue.
        let two = modulus.add(one, one);
        let four = modulus.add(two, two);
        modulus.square = (0..5).fold(four, |power, _| modulus.multiply(power, power));
        Some(modulus)
    }

    pub(super) fn get(&self) -> u64 {
        self.n
    }

    /// `number`, which is below 2^64 and need not be below `n`, as a residue.
    pub(super) fn residue(&self, number: u64) -> u64 {
        self.multiply(number, self.square)
    }

    /// `a + b`.
    #[inline(always)]
    pub(super) fn add(&self, a: u64, b: u64) -> u64 {
        self.subtract(a, self.n.wrapping_sub(b))
    }

    /// `a - b`; `b` may be `n` itself.
    #[inline(always)]
    pub(super) fn subtract(&self, a: u64, b: u64) -> u64 {
        let (difference, is_below_zero) = a.overflowing_sub(b);
        if is_below_zero { difference.wrapping_add(self.n) } else { difference }
    }

    /// `a * b / 2^64`, the product of two residues; one of them may be any 64-bit number.
    #[inline(always)]
    pub(super) fn multiply(&self, a: u64, b: u64) -> u64 {
        let (high, low) = wide_product(a, b);
        let (excess, _) = wide_product(low.wrapping_mul(self.inverse), self.n);
        self.subtract(high, excess)
    }

    pub(super) fn power(&self, base: u64, exponent: u64) -> u64 {
        let bits = u64::BITS.wrapping_sub(exponent.leading_zeros());
        (0..bits).rev().fold(self.one, |power, bit| {
            let square = self.multiply(power, power);
            let is_set = exponent.unbounded_shr(bit) & 1 == 1;
            if is_set { self.multiply(square, base) } else { square }
        })
    }

    /// The residue of `1 / a`, or what `a` and `n` have in common if that is not 1.
    pub(super) fn invert(&self, a: u64) -> Result<u64, u64> {
        // Euclid's algorithm; `factor * a` is congruent to `rest`, modulo n.
        let (mut last, mut rest) = (self.n, a);
        let (mut last_factor, mut factor) = (0_u64, 1_u64);
        while let Some(divisor) = NonZeroU64::new(rest) {
            let quotient = last / divisor;
            (last, rest) = (rest, last % divisor);
            let next = last_factor.wrapping_sub(quotient.wrapping_mul(factor));
            (last_factor, factor) = (factor, next);
        }
        if last != 1 {
            return Err(last);
        }
        // Below n in absolute value, as a signed number.
        let is_negative = last_factor >> 63 == 1;
        let inverse = if is_negative { last_factor.wrapping_add(self.n) } else { last_factor };
        // It lacks the factor 2^64 twice: that of `a`, and its own.
        Ok(self.residue(self.residue(inverse)))
    }
}

/// The greatest common divisor of any number and an odd one.
pub(super) fn gcd(a: u64, odd: u64) -> u64 {
    if a == 0 {
        return odd;
    }
    let (mut a, mut b) = (a.unbounded_shr(a.trailing_zeros()), odd);
    while a != b {
        let difference = a.abs_diff(b);
        b = a.min(b);
        a = difference.unbounded_shr(difference.trailing_zeros());
    }
    a
}

/// High and low half of the product.
#[inline(always)]
fn wide_product(a: u64, b: u64) -> (u64, u64) {
    let wide = u128::from(a).wrapping_mul(u128::from(b));
    let low = u64::try_from(wide & u128::from(u64::MAX)).unwrap_or_default();
    (u64::try_from(wide >> 64).unwrap_or_default(), low)
}
