//! Lenstra's elliptic-curve method: a prime p divides the z of k·Q whenever the order of the curve
//! modulo p divides k, and every curve has another order, near p. With k the product of all prime
//! powers up to 131 and all primes up to `GIANTS` · 210 + 105 beside it, about one curve
//! in ten has a fitting order for a prime of 31 bits.
//!
//! Curves are Montgomery's, `b·y² = x³ + a·x² + x`, with Suyama's parameters, which make their
//! order divisible by 12; points are (x : z). Two curves are worked on at a time, because one
//! leaves the multiplier idle half of the time. Sources: P. L. Montgomery, "Speeding the Pollard
//! and elliptic curve methods of factorization", Math. Comp. 48 (1987); P. Zimmermann, B. Dodson,
//! "20 Years of ECM" (2006).

use super::modulus::{Modulus, gcd};

/// k: the least common multiple of 1 to 131, from its highest word on.
pub(super) const K: [u64; 3] =
    [0x4757_FBB1_0A41_AFB1, 0x224D_A4F1_6E85_6207, 0xB991_08C7_9C35_3680];
/// Multiples of 210·k·Q that are compared with the small ones.
const GIANTS: usize = 16;
/// Numbers below 105 without a factor 2, 3, 5 or 7.
const BABIES: usize = 24;
/// Suyama's sigma of the first curve; smaller ones give no curve.
const SIGMA_FIRST: u64 = 6;

/// One number for each of two curves.
type Two = [u64; 2];

/// A point on each of two curves.
#[derive(Clone, Copy, Default)]
struct Points {
    x: Two,
    z: Two,
}

struct Curves {
    n: Modulus,
    /// (a + 2) / 4.
    a24: Two,
}

/// A divisor of `n` that the curves number `2 * pair` and the next one find, neither 1 nor `n`.
pub(super) fn divisor(n: &Modulus, pair: u64) -> Option<u64> {
    let first = SIGMA_FIRST.wrapping_add(pair.wrapping_mul(2));
    let found = match Curves::new(n, [first, first.wrapping_add(1)]) {
        Ok((curves, x)) => curves.gather(&curves.multiple(x)),
        Err(common) => [common, 1],
    };
    let common = found.map(|product| gcd(product, n.get()));
    common.into_iter().find(|&divisor| divisor != 1 && divisor != n.get())
}

impl Curves {
    /// The curves of Suyama's parameters `sigma`, and the x of a point on each whose z is 1. If
    /// there is none, what `n` has in common with a denominator.
    fn new(n: &Modulus, sigma: Two) -> Result<(Self, Two), u64> {
        let [one, other] = sigma.map(|sigma| Suyama::new(n, n.residue(sigma)));
        // Both denominators are inverted in one go.
        let inverse = n.invert(n.multiply(one.denominator, other.denominator))?;
        let (a, x) = one.quotients(n, n.multiply(inverse, other.denominator));
        let (b, y) = other.quotients(n, n.multiply(inverse, one.denominator));
        Ok((Self { n: *n, a24: [a, b] }, [x, y]))
    }

    /// `k` times the points of the given x, by Montgomery's ladder.
    fn multiple(&self, x: Two) -> Points {
        let mut low = Points { x, z: [self.n.one; 2] };
        let mut high = self.double(&low);
        for bit in bits_below_the_highest() {
            let sum = self.add_to_neighbour(&low, &high, x);
            if bit {
                (low, high) = (sum, self.double(&high));
            } else {
                (low, high) = (self.double(&low), sum);
            }
        }
        low
    }

    /// A product that a prime divides if `k` times a prime up to `GIANTS` · 210 + 105 is a
    /// multiple of the order of its curve: `p = 210 i ± j` divides it when 210·i·Q and ±j·Q are
    /// the same point.
    fn gather(&self, q: &Points) -> Two {
        let (babies, step) = self.babies(q);
        let (mut last, mut giant) = (step, self.double(&step));
        let mut product = q.z;
        for _ in 0..GIANTS {
            let own = self.multiply(last.x, last.z);
            for (baby, its) in &babies {
                // x z' - x' z
                let crossed =
                    self.multiply(self.subtract(last.x, baby.x), self.add(last.z, baby.z));
                let difference = self.subtract(crossed, self.subtract(own, *its));
                product = self.multiply(product, difference);
            }
            (last, giant) = (giant, self.add_points(&giant, &step, &last));
        }
        product
    }

    /// j·Q with its x·z for each j below 105 that has no factor in common with 210; and 210·Q.
    fn babies(&self, q: &Points) -> ([(Points, Two); BABIES], Points) {
        let two = self.double(q);
        let four = self.double(&two);
        let three = self.add_points(&two, q, q);
        let five = self.add_points(&three, &two, q);
        let six = self.double(&three);
        let mut babies = [(Points::default(), [0; 2]); BABIES];
        let mut places = babies.iter_mut();
        // All j = 6 i + 1 and 6 i + 5, each from the two before it.
        let (mut one_last, mut one) = (five, *q);
        let (mut five_last, mut five) = (*q, five);
        for i in 0..17_u32 {
            let j = i.wrapping_mul(6).wrapping_add(1);
            for (j, point) in [(j, &one), (j.wrapping_add(4), &five)] {
                if !j.is_multiple_of(5)
                    && !j.is_multiple_of(7)
                    && let Some(place) = places.next()
                {
                    *place = (*point, self.multiply(point.x, point.z));
                }
            }
            (one_last, one) = (one, self.add_points(&one, &six, &one_last));
            (five_last, five) = (five, self.add_points(&five, &six, &five_last));
        }
        if let Some(place) = places.next() {
            *place = (one, self.multiply(one.x, one.z));
        }
        // 103 and 107.
        (babies, self.add_points(&five, &one, &four))
    }

    fn double(&self, p: &Points) -> Points {
        let sum = self.square(self.add(p.x, p.z));
        let difference = self.square(self.subtract(p.x, p.z));
        let product = self.subtract(sum, difference);
        let scaled = self.add(difference, self.multiply(self.a24, product));
        Points { x: self.multiply(sum, difference), z: self.multiply(product, scaled) }
    }

    /// `p + q`, given `p - q`.
    fn add_points(&self, p: &Points, q: &Points, difference: &Points) -> Points {
        let (x, z) = self.crossed(p, q);
        Points { x: self.multiply(difference.z, x), z: self.multiply(difference.x, z) }
    }

    /// The same where the z of `p - q` is 1.
    fn add_to_neighbour(&self, p: &Points, q: &Points, difference_x: Two) -> Points {
        let (x, z) = self.crossed(p, q);
        Points { x, z: self.multiply(difference_x, z) }
    }

    fn crossed(&self, p: &Points, q: &Points) -> (Two, Two) {
        let u = self.multiply(self.subtract(p.x, p.z), self.add(q.x, q.z));
        let v = self.multiply(self.add(p.x, p.z), self.subtract(q.x, q.z));
        (self.square(self.add(u, v)), self.square(self.subtract(u, v)))
    }

    fn add(&self, [a, b]: Two, [c, d]: Two) -> Two {
        [self.n.add(a, c), self.n.add(b, d)]
    }

    fn subtract(&self, [a, b]: Two, [c, d]: Two) -> Two {
        [self.n.subtract(a, c), self.n.subtract(b, d)]
    }

    fn multiply(&self, [a, b]: Two, [c, d]: Two) -> Two {
        [self.n.multiply(a, c), self.n.multiply(b, d)]
    }

    fn square(&self, a: Two) -> Two {
        self.multiply(a, a)
    }
}

/// With u = sigma² - 5 and v = 4 sigma: (a + 2) / 4 = (v - u)³ (3 u + v) / 16 u³ v, and a point at
/// x = u³ / v³. All over one denominator.
struct Suyama {
    a24: u64,
    x: u64,
    denominator: u64,
}

impl Suyama {
    fn new(n: &Modulus, sigma: u64) -> Self {
        let double = |a: u64| n.add(a, a);
        let cube = |a: u64| n.multiply(n.multiply(a, a), a);
        let u = n.subtract(n.multiply(sigma, sigma), n.residue(5));
        let v = double(double(sigma));
        let u_cubed = cube(u);
        let sixteen = double(double(double(double(u_cubed))));
        let a24 = n.multiply(cube(n.subtract(v, u)), n.add(double(u), n.add(u, v)));
        Self {
            a24: n.multiply(a24, n.multiply(v, v)),
            x: n.multiply(sixteen, u_cubed),
            denominator: n.multiply(sixteen, cube(v)),
        }
    }

    /// (a + 2) / 4 and x.
    fn quotients(&self, n: &Modulus, inverse: u64) -> (u64, u64) {
        (n.multiply(self.a24, inverse), n.multiply(self.x, inverse))
    }
}

/// The bits of k, without its highest one, from high to low.
fn bits_below_the_highest() -> impl Iterator<Item = bool> {
    let bits = K.iter().flat_map(|word| (0..u64::BITS).rev().map(move |at| word >> at & 1 == 1));
    bits.skip_while(|bit| !bit).skip(1)
}
