//! [`Powers`] of a processor that cannot have them: none of these types has a value.

use core::convert::Infallible;

/// Numbers that are computed side by side.
pub const LANES: usize = 8;

/// Never there.
#[derive(Clone, Copy, Debug)]
pub struct Powers(Infallible);

impl Powers {
    /// `None`
    pub fn get() -> Option<Self> {
        None
    }
}

/// Never there.
#[derive(Clone, Debug)]
pub struct Modulus<const WORDS: usize, const LIMBS: usize>(Infallible);

/// Of 2048 bits.
pub type Modulus2048 = Modulus<32, 40>;

/// Of 1024 bits.
pub type Modulus1024 = Modulus<16, 20>;

impl<const WORDS: usize, const LIMBS: usize> Modulus<WORDS, LIMBS> {
    /// `None`
    pub fn new(_words: &[u64; WORDS]) -> Option<Self> {
        None
    }
}

/// Never there.
#[derive(Debug)]
pub struct Eight<const LIMBS: usize>(Infallible);

/// Never there.
#[derive(Debug)]
pub struct Lanes<const WORDS: usize, const LIMBS: usize>(Infallible);

/// With moduli of 2048 bits.
pub type Lanes2048 = Lanes<32, 40>;

/// With moduli of 1024 bits.
pub type Lanes1024 = Lanes<16, 20>;

impl<const WORDS: usize, const LIMBS: usize> Lanes<WORDS, LIMBS> {
    /// Never called.
    pub fn new(powers: Powers, _moduli: [&Modulus<WORDS, LIMBS>; LANES]) -> Self {
        match powers.0 {}
    }

    /// Never called.
    pub fn load(&self, _numbers: [&[u64; 32]; LANES]) -> Eight<LIMBS> {
        match self.0 {}
    }

    /// Never called.
    pub fn store(&self, _eight: &Eight<LIMBS>, _numbers: &mut [[u64; WORDS]; LANES]) {
        match self.0 {}
    }

    /// Never called.
    pub fn multiply(&self, _a: &Eight<LIMBS>, _b: &Eight<LIMBS>) -> Eight<LIMBS> {
        match self.0 {}
    }

    /// Never called.
    pub fn subtract_multiply(
        &self,
        _a: &Eight<LIMBS>,
        _b: &Eight<LIMBS>,
        _c: &Eight<LIMBS>,
    ) -> Eight<LIMBS> {
        match self.0 {}
    }

    /// Never called.
    pub fn power(&self, _base: &Eight<LIMBS>, _exponents: [&[u64; WORDS]; LANES]) -> Eight<LIMBS> {
        match self.0 {}
    }

    /// Never called.
    pub fn public_power(&self, _base: &Eight<LIMBS>, _exponent: u64) -> Eight<LIMBS> {
        match self.0 {}
    }
}

/// Never there.
#[derive(Debug)]
pub struct FixedBase(Infallible);

impl FixedBase {
    /// Never called.
    pub fn new(powers: Powers, _modulus: &Modulus2048, _base: &[u64; 32]) -> Self {
        match powers.0 {}
    }

    /// Never called.
    pub fn lanes(&self) -> &Lanes2048 {
        match self.0 {}
    }

    /// Never called.
    pub fn power(&self, _exponents: [&[u64; 32]; LANES]) -> Eight<40> {
        match self.0 {}
    }
}
