//! Eight modular powers at once, where the processor has AVX-512 with IFMA.
//!
//! A lone power is as fast elsewhere; eight of them together take little more time than one. All is
//! in constant time: no branch and no address depends on a number, an exponent or a modulus.
//! What was computed is wiped on drop.
//!
//! ```
//! use odnix_kernels::{Lanes2048, Modulus2048, Powers};
//!
//! let Some(powers) = Powers::get() else { return };
//! let mut modulus = [0; 32];
//! (modulus[0], modulus[31]) = (101, 1 << 63);
//! let modulus = Modulus2048::new(&modulus).expect("odd, with its highest bit");
//! let lanes = Lanes2048::new(powers, [&modulus; 8]);
//! let mut three = [0; 32];
//! three[0] = 3;
//! let bases = lanes.load([&three; 8]);
//! let mut exponent = [0; 32];
//! exponent[0] = 4;
//! let mut numbers = [[0; 32]; 8];
//! lanes.store(&lanes.power(&bases, [&exponent; 8]), &mut numbers);
//! assert_eq!(numbers[7][0], 81);
//! ```

use crate::Level;
use crate::x86::ifma;
use crate::x86::ifma::Row;
use core::fmt;
use zeroize::Zeroize as _;

/// Numbers that are computed side by side.
pub const LANES: usize = ifma::LANES;

/// Words of a number that is loaded.
const NUMBER_WORDS: usize = 32;

/// That the processor has what this takes, and that `ODNIX_CPU` allows it.
#[derive(Clone, Copy, Debug)]
pub struct Powers(());

impl Powers {
    /// `None` below [`Level::Vaes512`].
    pub fn get() -> Option<Self> {
        (crate::level::current() >= Level::Vaes512).then_some(Self(()))
    }
}

/// An odd modulus of `WORDS` words, the highest bit of which is set, with what is known of it
/// beforehand. Words and limbs go from the least to the greatest.
#[derive(Clone)]
pub struct Modulus<const WORDS: usize, const LIMBS: usize>(ifma::Prepared<LIMBS>);

/// Of 2048 bits.
pub type Modulus2048 = Modulus<32, 40>;

/// Of 1024 bits, for the halves of an RSA key.
pub type Modulus1024 = Modulus<16, 20>;

impl<const WORDS: usize, const LIMBS: usize> Modulus<WORDS, LIMBS> {
    const FITS: () = assert!(
        WORDS <= NUMBER_WORDS && LIMBS * 52 >= WORDS * 64 + 16 && LIMBS.is_multiple_of(ifma::BLOCK)
    );

    /// `None` if it is even, or its highest bit is not set. This takes as long as a twentieth of a
    /// power.
    pub fn new(words: &[u64; WORDS]) -> Option<Self> {
        let () = Self::FITS;
        ifma::Prepared::new(words).map(Self)
    }
}

impl<const WORDS: usize, const LIMBS: usize> fmt::Debug for Modulus<WORDS, LIMBS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Modulus(…)")
    }
}

/// Eight numbers, each modulo the modulus of its lane. Wiped on drop.
pub struct Eight<const LIMBS: usize>(ifma::Number<LIMBS>);

impl<const LIMBS: usize> Eight<LIMBS> {
    fn zero() -> Self {
        Self([Row::ZERO; LIMBS])
    }
}

impl<const LIMBS: usize> Drop for Eight<LIMBS> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const LIMBS: usize> fmt::Debug for Eight<LIMBS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Eight(…)")
    }
}

/// The moduli of eight lanes, and the arithmetic modulo them.
pub struct Lanes<const WORDS: usize, const LIMBS: usize>(ifma::Modulus<LIMBS>);

/// With moduli of 2048 bits.
pub type Lanes2048 = Lanes<32, 40>;

/// With moduli of 1024 bits.
pub type Lanes1024 = Lanes<16, 20>;

impl<const WORDS: usize, const LIMBS: usize> Lanes<WORDS, LIMBS> {
    /// One modulus for each lane.
    pub fn new(_powers: Powers, moduli: [&Modulus<WORDS, LIMBS>; LANES]) -> Self {
        let moduli = moduli.map(|modulus| &modulus.0);
        // SAFETY: who has a `Powers` asked the processor.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            Self(ifma::Modulus::of(moduli))
        }
    }

    /// Numbers of any size up to 2048 bits, modulo the moduli.
    pub fn load(&self, numbers: [&[u64; NUMBER_WORDS]; LANES]) -> Eight<LIMBS> {
        let mut eight = Eight::zero();
        // SAFETY: as there are `Lanes`, there was a `Powers`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            ifma::load(&self.0, numbers, &mut eight.0);
        }
        eight
    }

    /// What was computed, below the moduli.
    pub fn store(&self, eight: &Eight<LIMBS>, numbers: &mut [[u64; WORDS]; LANES]) {
        // SAFETY: as in `load`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            ifma::store(&self.0, &eight.0, numbers);
        }
    }

    /// `a * b` in each lane.
    pub fn multiply(&self, a: &Eight<LIMBS>, b: &Eight<LIMBS>) -> Eight<LIMBS> {
        let mut product = Eight::zero();
        // SAFETY: as in `load`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            ifma::multiply(&self.0, &mut ifma::Columns::new(), &a.0, &b.0, &mut product.0);
        }
        product
    }

    /// `(a - b) * c` in each lane.
    pub fn subtract_multiply(
        &self,
        a: &Eight<LIMBS>,
        b: &Eight<LIMBS>,
        c: &Eight<LIMBS>,
    ) -> Eight<LIMBS> {
        let mut difference = Eight::zero();
        // SAFETY: as in `load`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            ifma::subtract(&self.0, &a.0, &b.0, &mut difference.0);
        }
        self.multiply(&difference, c)
    }

    /// `base^exponent` in each lane.
    pub fn power(&self, base: &Eight<LIMBS>, exponents: [&[u64; WORDS]; LANES]) -> Eight<LIMBS> {
        let mut power = Eight::zero();
        let exponents = exponents.map(|exponent| exponent.as_slice());
        // SAFETY: as in `load`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            ifma::power(&self.0, &base.0, exponents, &mut power.0);
        }
        power
    }

    /// The same for one exponent, which is not secret: the time depends on it.
    pub fn public_power(&self, base: &Eight<LIMBS>, exponent: u64) -> Eight<LIMBS> {
        let mut power = Eight::zero();
        // SAFETY: as in `load`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            ifma::public_power(&self.0, &base.0, exponent, &mut power.0);
        }
        power
    }
}

impl<const WORDS: usize, const LIMBS: usize> fmt::Debug for Lanes<WORDS, LIMBS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lanes(…)")
    }
}

/// A base whose powers are often wanted: tables of 320 KiB make them four times as fast.
pub struct FixedBase {
    lanes: Lanes2048,
    comb: ifma::comb::Comb<40>,
}

impl FixedBase {
    /// Takes as long as a power.
    pub fn new(powers: Powers, modulus: &Modulus2048, base: &[u64; NUMBER_WORDS]) -> Self {
        let lanes = Lanes::new(powers, [modulus; LANES]);
        let base = lanes.load([base; LANES]);
        // SAFETY: there is a `Powers`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        let comb = unsafe { ifma::comb::Comb::new(&lanes.0, &base.0) };
        Self { lanes, comb }
    }

    /// The lanes that [`Self::power`] is for.
    pub fn lanes(&self) -> &Lanes2048 {
        &self.lanes
    }

    /// `base^exponent` in each lane.
    pub fn power(&self, exponents: [&[u64; NUMBER_WORDS]; LANES]) -> Eight<40> {
        let mut power = Eight::zero();
        let exponents = exponents.map(|exponent| exponent.as_slice());
        // SAFETY: as in `new`.
        #[expect(unsafe_code, reason = "the processor has the features")]
        unsafe {
            self.comb.power(&self.lanes.0, exponents, &mut power.0);
        }
        power
    }
}

impl fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedBase(…)")
    }
}
