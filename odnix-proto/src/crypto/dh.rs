//! Diffie-Hellman in a 2048-bit safe-prime group: which groups and values are acceptable, and
//! constant-time powers.
//!
//! Powers of the usual generator go by a table that is computed once (`dh::comb`), and those of several
//! exchanges go together where the processor can do that ([`public_batch`], [`shared_batch`]). There a
//! lone power of another base takes one of the eight lanes, as that is no slower.
//!
//! ```text
//! dh_prime   2^2047 < p < 2^2048, p and (p-1)/2 prime
//! g          2..7, generating the subgroup of quadratic residues (of prime order (p-1)/2)
//! g_a, g_b   2^(2048-64) <= g_x <= p - 2^(2048-64), which implies 1 < g_x < p-1
//! auth_key   g^(ab) mod p, big-endian, left-padded with zeros to 256 bytes
//! ```
//!
//! Source: MTProto 2.0, "Creating an authorization key", steps 5, 6 and 9, and "Security
//! guidelines for client developers". Both sides check both values.
//!
//! Security: exponents have all 2048 bits random, powers run in constant time, and exponents
//! and shared keys live in boxes that are wiped on drop.

mod batch;
mod comb;
mod known;

pub use batch::{public_batch, shared_batch};
pub use known::KnownPrimes;

use crate::secret::{Secret, verdict};
use crate::seed::{Generator, Seed};
use alloc::boxed::Box;
use core::fmt;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{CtGt, CtLt, Odd, U2048};
use crypto_primes::Flavor;
use crypto_primes::fips::{self, FipsOptions};
use once_cell::race::OnceBox;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a prime, a group element and a key.
pub const ELEMENT_LEN: usize = 256;

/// `2^(2048-64)` needs 1985 bits, so an acceptable element has at least this many bytes.
const ELEMENT_LEN_MIN: usize = 249;

/// Bits below the margin kept at both ends of the range of group elements.
const MARGIN_BITS: u32 = 2048 - 64;

/// Rounds of the Miller-Rabin test with random bases, for each of p and (p-1)/2.
const MILLER_RABIN_ROUNDS: usize = 32;

/// The 2048-bit safe prime in general use with MTProto; some clients know no other.
pub const USUAL_PRIME: [u8; ELEMENT_LEN] = [
    0xc7, 0x1c, 0xae, 0xb9, 0xc6, 0xb1, 0xc9, 0x04, 0x8e, 0x6c, 0x52, 0x2f, 0x70, 0xf1, 0x3f, 0x73,
    0x98, 0x0d, 0x40, 0x23, 0x8e, 0x3e, 0x21, 0xc1, 0x49, 0x34, 0xd0, 0x37, 0x56, 0x3d, 0x93, 0x0f,
    0x48, 0x19, 0x8a, 0x0a, 0xa7, 0xc1, 0x40, 0x58, 0x22, 0x94, 0x93, 0xd2, 0x25, 0x30, 0xf4, 0xdb,
    0xfa, 0x33, 0x6f, 0x6e, 0x0a, 0xc9, 0x25, 0x13, 0x95, 0x43, 0xae, 0xd4, 0x4c, 0xce, 0x7c, 0x37,
    0x20, 0xfd, 0x51, 0xf6, 0x94, 0x58, 0x70, 0x5a, 0xc6, 0x8c, 0xd4, 0xfe, 0x6b, 0x6b, 0x13, 0xab,
    0xdc, 0x97, 0x46, 0x51, 0x29, 0x69, 0x32, 0x84, 0x54, 0xf1, 0x8f, 0xaf, 0x8c, 0x59, 0x5f, 0x64,
    0x24, 0x77, 0xfe, 0x96, 0xbb, 0x2a, 0x94, 0x1d, 0x5b, 0xcd, 0x1d, 0x4a, 0xc8, 0xcc, 0x49, 0x88,
    0x07, 0x08, 0xfa, 0x9b, 0x37, 0x8e, 0x3c, 0x4f, 0x3a, 0x90, 0x60, 0xbe, 0xe6, 0x7c, 0xf9, 0xa4,
    0xa4, 0xa6, 0x95, 0x81, 0x10, 0x51, 0x90, 0x7e, 0x16, 0x27, 0x53, 0xb5, 0x6b, 0x0f, 0x6b, 0x41,
    0x0d, 0xba, 0x74, 0xd8, 0xa8, 0x4b, 0x2a, 0x14, 0xb3, 0x14, 0x4e, 0x0e, 0xf1, 0x28, 0x47, 0x54,
    0xfd, 0x17, 0xed, 0x95, 0x0d, 0x59, 0x65, 0xb4, 0xb9, 0xdd, 0x46, 0x58, 0x2d, 0xb1, 0x17, 0x8d,
    0x16, 0x9c, 0x6b, 0xc4, 0x65, 0xb0, 0xd6, 0xff, 0x9c, 0xa3, 0x92, 0x8f, 0xef, 0x5b, 0x9a, 0xe4,
    0xe4, 0x18, 0xfc, 0x15, 0xe8, 0x3e, 0xbe, 0xa0, 0xf8, 0x7f, 0xa9, 0xff, 0x5e, 0xed, 0x70, 0x05,
    0x0d, 0xed, 0x28, 0x49, 0xf4, 0x7b, 0xf9, 0x59, 0xd9, 0x56, 0x85, 0x0c, 0xe9, 0x29, 0x85, 0x1f,
    0x0d, 0x81, 0x15, 0xf6, 0x35, 0xb1, 0x05, 0xee, 0x2e, 0x4e, 0x15, 0xd0, 0x4b, 0x24, 0x54, 0xbf,
    0x6f, 0x4f, 0xad, 0xf0, 0x34, 0xb1, 0x04, 0x03, 0x11, 0x9c, 0xd8, 0xe3, 0xb9, 0x2f, 0xcc, 0x5b,
];

/// The generator that goes with [`USUAL_PRIME`].
pub const USUAL_GENERATOR: i32 = 3;

/// Why a group or a value was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DhError {
    /// g is not in 2..=7 or does not generate the subgroup of quadratic residues.
    #[error("g does not generate the subgroup of quadratic residues")]
    Generator,
    /// The prime does not have exactly 2048 bits.
    #[error("the prime does not have 2048 bits")]
    PrimeLength,
    /// p or (p-1)/2 is composite.
    #[error("not a safe prime")]
    NotSafePrime,
    /// The value is outside 2^1984 ..= p - 2^1984.
    #[error("group element out of range")]
    OutOfRange,
}

/// A group that passed [`check_group`]: a 2048-bit safe prime and a generator of its subgroup
/// of quadratic residues.
#[derive(Clone, PartialEq, Eq)]
pub struct Group {
    params: Box<FixedMontyParams<{ U2048::LIMBS }>>,
    generator: u8,
    /// Whether it is [`Self::usual`], for which there are tables.
    usual: bool,
}

/// The table of the usual group.
static USUAL_COMB: OnceBox<comb::Comb> = OnceBox::new();

impl Group {
    /// The usual prime with g = 3.
    pub fn usual() -> Self {
        let prime = U2048::from_be_slice(&USUAL_PRIME);
        // The usual prime is odd, so the default (one) is never taken.
        let prime = Odd::new(prime).into_option().unwrap_or_default();
        Self { params: Box::new(FixedMontyParams::new_vartime(prime)), generator: 3, usual: true }
    }

    /// The prime, big-endian.
    pub fn prime(&self) -> [u8; ELEMENT_LEN] {
        to_bytes(self.params.modulus().as_ref())
    }

    /// g.
    pub fn generator(&self) -> i32 {
        i32::from(self.generator)
    }

    /// g^exponent
    fn raise(&self, exponent: &U2048) -> Zeroizing<U2048> {
        let generator = U2048::from_u8(self.generator);
        if !self.usual {
            return self.power(&generator, exponent);
        }
        USUAL_COMB
            .get_or_init(|| Box::new(comb::Comb::new(&generator, &self.params)))
            .power(exponent, &self.params)
    }

    fn power(&self, base: &U2048, exponent: &U2048) -> Zeroizing<U2048> {
        let mut form = FixedMontyForm::new(base, &self.params);
        let mut power = form.pow(exponent);
        let result = Zeroizing::new(power.retrieve());
        form.zeroize();
        power.zeroize();
        result
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = if self.prime() == USUAL_PRIME { "usual" } else { "foreign" };
        write!(f, "Group({usual} prime, g = {})", self.generator)
    }
}

/// Which residues of p make each g generate the subgroup of quadratic residues: (g, modulus,
/// residues). g = 4 is a square and always does.
const GENERATORS: [(i32, u64, &[u64]); 6] = [
    (2, 8, &[7]),
    (3, 3, &[2]),
    (4, 1, &[0]),
    (5, 5, &[1, 4]),
    (6, 24, &[19, 23]),
    (7, 7, &[3, 5, 6]),
];

/// Accepts a group offered by the peer, or says why not.
///
/// The usual prime and those in `known` are recognized by comparison; any other costs two primality
/// tests of about 32 powers each, with random bases drawn from `seed`, and is known from then on. `g`
/// is checked either way.
///
/// # Errors
/// See [`DhError`]; never [`DhError::OutOfRange`].
pub fn check_group(
    prime: &[u8],
    generator: i32,
    known: &KnownPrimes,
    seed: Seed,
) -> Result<Group, DhError> {
    let prime: &[u8; ELEMENT_LEN] = prime.try_into().map_err(|_| DhError::PrimeLength)?;
    if prime[0] < 0x80 {
        return Err(DhError::PrimeLength);
    }
    let number = U2048::from_be_slice(prime);
    let (_, modulus, residues) =
        GENERATORS.iter().find(|(g, _, _)| *g == generator).ok_or(DhError::Generator)?;
    let residue = prime.iter().try_fold(0u64, |rest, byte| {
        rest.wrapping_mul(256).wrapping_add(u64::from(*byte)).checked_rem(*modulus)
    });
    if !residue.is_some_and(|residue| residues.contains(&residue)) {
        return Err(DhError::Generator);
    }
    if *prime != USUAL_PRIME && !known.contain(prime) {
        if !is_safe_prime(&number, seed) {
            return Err(DhError::NotSafePrime);
        }
        known.insert(prime);
    }
    let odd = Odd::new(number).into_option().ok_or(DhError::NotSafePrime)?;
    let params = Box::new(FixedMontyParams::new_vartime(odd));
    let generator = u8::try_from(generator).map_err(|_| DhError::Generator)?;
    let usual = *prime == USUAL_PRIME && i32::from(generator) == USUAL_GENERATOR;
    Ok(Group { params, generator, usual })
}

/// Baillie-PSW first, which is quick to refuse, then random bases, which no one can aim at.
fn is_safe_prime(number: &U2048, seed: Seed) -> bool {
    let mut generator = Generator::new(seed);
    let options = FipsOptions::with_mr_iterations(MILLER_RABIN_ROUNDS);
    crypto_primes::is_prime(Flavor::Safe, number)
        && fips::is_prime(generator.rng(), Flavor::Safe, number, options)
}

/// A g_a or g_b inside `2^1984 ..= p - 2^1984`.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupElement(Box<U2048>);

impl GroupElement {
    /// Checks a value of at most 256 big-endian bytes; leading zeros may be missing.
    ///
    /// # Errors
    /// [`DhError::OutOfRange`].
    pub fn parse(group: &Group, bytes: &[u8]) -> Result<Self, DhError> {
        let start = ELEMENT_LEN.checked_sub(bytes.len()).ok_or(DhError::OutOfRange)?;
        if bytes.len() < ELEMENT_LEN_MIN {
            return Err(DhError::OutOfRange);
        }
        let mut padded = [0; ELEMENT_LEN];
        padded.get_mut(start..).ok_or(DhError::OutOfRange)?.copy_from_slice(bytes);
        Self::check(group, U2048::from_be_slice(&padded))
    }

    fn check(group: &Group, value: U2048) -> Result<Self, DhError> {
        let margin = U2048::ONE.shl_vartime(MARGIN_BITS);
        let highest = group.params.modulus().as_ref().wrapping_sub(&margin);
        // Of our own power this is the first that anybody learns.
        let outside = value.ct_lt(&margin) | value.ct_gt(&highest);
        if verdict(outside.into()) {
            return Err(DhError::OutOfRange);
        }
        Ok(Self(Box::new(value)))
    }

    /// 256 bytes, big-endian, left-padded.
    pub fn to_bytes(&self) -> [u8; ELEMENT_LEN] {
        to_bytes(&self.0)
    }
}

impl fmt::Debug for GroupElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupElement(…)")
    }
}

/// A secret exponent, a or b: 2048 random bits, wiped on drop.
#[cfg_attr(test, derive(Clone))]
pub struct Exponent(Secret<ELEMENT_LEN>);

impl Exponent {
    /// From 256 random bytes, big-endian.
    pub fn new(bytes: Secret<ELEMENT_LEN>) -> Self {
        Self(bytes)
    }

    /// g^x mod p.
    ///
    /// # Errors
    /// [`DhError::OutOfRange`], with a probability of 2^-63 for a random exponent.
    pub fn public(&self, group: &Group) -> Result<GroupElement, DhError> {
        GroupElement::check(group, *group.raise(&self.number()))
    }

    /// The shared key: `theirs^x mod p`, left-padded to 256 bytes.
    pub fn shared(&self, group: &Group, theirs: &GroupElement) -> Secret<ELEMENT_LEN> {
        let mut batch = shared_batch(group, &[(self, theirs)]);
        batch.pop().unwrap_or_else(|| self.shared_alone(group, theirs))
    }

    fn shared_alone(&self, group: &Group, theirs: &GroupElement) -> Secret<ELEMENT_LEN> {
        let power = group.power(&theirs.0, &self.number());
        Secret::init(|key| write_bytes(&power, key))
    }

    /// The bytes, to know the exponent again.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8; ELEMENT_LEN] {
        self.0.expose_secret()
    }

    fn number(&self) -> Zeroizing<U2048> {
        Zeroizing::new(U2048::from_be_slice(self.0.expose_secret()))
    }
}

impl fmt::Debug for Exponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exponent(…)")
    }
}

fn to_bytes(number: &U2048) -> [u8; ELEMENT_LEN] {
    let mut bytes = [0; ELEMENT_LEN];
    write_bytes(number, &mut bytes);
    bytes
}

/// In place, so that a secret number leaves no copy on the stack.
fn write_bytes(number: &U2048, bytes: &mut [u8; ELEMENT_LEN]) {
    bytes.copy_from_slice(Zeroizing::new(number.to_be_bytes()).as_slice());
}

#[cfg(test)]
mod tests;
