//! RSA with 2048-bit keys: the raw operations, the key pair, the fingerprint.
//!
//! ```text
//! public:   c = m^e mod n
//! private:  m = c^d mod n, by CRT over p and q, blinded, and verified with e before release
//! fingerprint = SHA1( TL bytes(n) || TL bytes(e) )[12..20], little-endian
//! ```
//!
//! Blocks are 256 bytes, big-endian, left-padded. Padding schemes are in
//! [`rsa_pad`](super::rsa_pad), PEM in `rsa_pem`, the same on several blocks at once in `batch`.
//!
//! Security: the private operation runs in constant time with respect to key and message
//! (`crypto-bigint`), its base is blinded with a fresh random factor, and a result that does
//! not verify under `e` never leaves (a fault in one CRT half would reveal a factor of `n`).

mod batch;

use super::rsa_pem::{self, PrivateNumbers, PublicNumbers, SecretNumbers};
use crate::error::ConfigError;
use crate::secret::{Secret, verdict};
use crate::seed::{Generator, Seed};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use batch::{KeyLanes, Request};
use core::fmt;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{NonZero, Odd, U1024, U2048};
use odnix_kernels::LANES;
use rand_core::CryptoRng;
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a modulus and of every block.
pub const BLOCK_LEN: usize = 256;

type Full = FixedMontyForm<{ U2048::LIMBS }>;
type FullParams = FixedMontyParams<{ U2048::LIMBS }>;
type Half = FixedMontyForm<{ U1024::LIMBS }>;
type HalfParams = FixedMontyParams<{ U1024::LIMBS }>;

const PUBLIC_EXPONENT: u64 = 65_537;

/// A 2048-bit RSA public key.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaPublicKey {
    modulus: Box<FullParams>,
    exponent: u64,
    fingerprint: i64,
}

impl RsaPublicKey {
    /// From big-endian modulus and exponent; leading zeros are ignored.
    ///
    /// # Errors
    /// [`ConfigError::RsaKey`] unless the modulus is odd and has exactly 2048 bits and the
    /// exponent is odd, at least 3 and below 2^64.
    pub fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, ConfigError> {
        let modulus = trim(modulus);
        if modulus.len() != BLOCK_LEN || modulus.first().is_none_or(|top| *top < 0x80) {
            return Err(ConfigError::RsaKey("the modulus must have exactly 2048 bits"));
        }
        let modulus = Odd::new(U2048::from_be_slice(modulus))
            .into_option()
            .ok_or(ConfigError::RsaKey("the modulus must be odd"))?;
        let exponent = trim(exponent)
            .iter()
            .try_fold(0u64, |value, byte| {
                Some(value.checked_mul(256)?.wrapping_add(u64::from(*byte)))
            })
            .filter(|exponent| *exponent >= 3 && exponent % 2 == 1)
            .ok_or(ConfigError::RsaKey("the public exponent must be odd and in 3..2^64"))?;
        let modulus = Box::new(FullParams::new_vartime(modulus));
        let mut key = Self { modulus, exponent, fingerprint: 0 };
        key.fingerprint = key.compute_fingerprint();
        Ok(key)
    }

    /// Reads `-----BEGIN RSA PUBLIC KEY-----` (PKCS#1) or `-----BEGIN PUBLIC KEY-----` (SPKI).
    ///
    /// # Errors
    /// [`ConfigError::RsaKey`] if the text is neither, or the key is not a 2048-bit RSA key.
    pub fn from_pem(pem: &str) -> Result<Self, ConfigError> {
        let numbers = rsa_pem::read_public(pem)?;
        Self::from_components(&numbers.modulus, &numbers.exponent)
    }

    /// Writes the key as PKCS#1 PEM.
    pub fn to_pem(&self) -> String {
        rsa_pem::write_public(&self.numbers())
    }

    /// The modulus, 256 bytes big-endian.
    pub fn modulus(&self) -> [u8; BLOCK_LEN] {
        to_block(self.modulus.modulus().as_ref())
    }

    /// The public exponent.
    pub fn exponent(&self) -> u64 {
        self.exponent
    }

    /// The public exponent, big-endian without leading zeros.
    fn exponent_bytes(&self) -> Vec<u8> {
        trim(&self.exponent.to_be_bytes()).to_vec()
    }

    fn numbers(&self) -> PublicNumbers {
        PublicNumbers { modulus: self.modulus().to_vec(), exponent: self.exponent_bytes() }
    }

    /// `SHA1( TL bytes(n) || TL bytes(e) )[12..20]` as a little-endian `long`.
    pub fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    fn compute_fingerprint(&self) -> i64 {
        let mut sha = Sha1::new();
        // 256 bytes take the long form of a TL string, which needs no padding here.
        sha.update([0xfe, 0x00, 0x01, 0x00]);
        sha.update(self.modulus());
        let exponent = self.exponent_bytes();
        let len = u8::try_from(exponent.len()).unwrap_or(u8::MAX);
        let padding = 3usize.wrapping_sub(exponent.len()) % 4;
        sha.update([len]);
        sha.update(exponent.as_slice());
        sha.update([0u8; 3].get(..padding).unwrap_or_default());
        let [_, _, _, _, _, _, _, _, _, _, _, _, id @ ..]: [u8; 20] = sha.finalize().into();
        i64::from_le_bytes(id)
    }

    /// Whether `block` can be one that was encrypted: the number in it is below the modulus.
    /// Blocks are big-endian and of one length, so their order is that of the numbers.
    pub(crate) fn admits(&self, block: &[u8; BLOCK_LEN]) -> bool {
        *block < self.modulus()
    }

    /// `block^e mod n`, or `None` if `block >= n`.
    pub(crate) fn apply(&self, block: &[u8; BLOCK_LEN]) -> Option<[u8; BLOCK_LEN]> {
        let mut base = U2048::from_be_slice(block);
        let result = (base < *self.modulus.modulus().as_ref()).then(|| self.power(&base));
        base.zeroize();
        result.map(|value| to_block(&value))
    }

    /// `base^e mod n` for `base < n`; variable-time in `e` only.
    fn power(&self, base: &U2048) -> U2048 {
        let exponent = crypto_bigint::U64::from_u64(self.exponent);
        Full::new(base, &self.modulus).pow_vartime(&exponent).retrieve()
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({:016x})", self.fingerprint())
    }
}

/// The secret half: two 1024-bit primes and what CRT derives from them. Wiped on drop.
struct Crt {
    d: U2048,
    p: HalfParams,
    q: HalfParams,
    dp: U1024,
    dq: U1024,
    q_inverse: U1024,
}

impl Drop for Crt {
    fn drop(&mut self) {
        self.d.zeroize();
        self.p.zeroize();
        self.q.zeroize();
        self.dp.zeroize();
        self.dq.zeroize();
        self.q_inverse.zeroize();
    }
}

impl Crt {
    /// `None` unless p and q are distinct and odd and e is invertible modulo p − 1 and q − 1.
    fn derive(p: &U1024, q: &U1024, exponent: u64) -> Option<Self> {
        let mut p_odd = Odd::new(*p).into_option()?;
        let mut q_odd = Odd::new(*q).into_option()?;
        let e = U2048::from_u64(exponent);
        let mut p_less_one = Zeroizing::new(p.wrapping_sub(&U1024::ONE));
        let mut q_less_one = Zeroizing::new(q.wrapping_sub(&U1024::ONE));
        let phi: Zeroizing<U2048> = Zeroizing::new(p_less_one.concatenating_mul(&*q_less_one));
        let phi = NonZero::new(*phi).into_option()?;
        let mut d = Zeroizing::new(e.invert_mod(&phi).into_option()?);
        let dp = d.rem(&NonZero::new(*p_less_one).into_option()?);
        let dq = d.rem(&NonZero::new(*q_less_one).into_option()?);
        let q_mod_p = Zeroizing::new(q.rem(p_odd.as_nz_ref()));
        let q_inverse = q_mod_p.invert_odd_mod(&p_odd).into_option()?;
        let crt =
            Self { d: *d, p: HalfParams::new(p_odd), q: HalfParams::new(q_odd), dp, dq, q_inverse };
        p_odd.zeroize();
        q_odd.zeroize();
        p_less_one.zeroize();
        q_less_one.zeroize();
        d.zeroize();
        Some(crt)
    }

    /// `base^d mod n` by Garner's formula, for `base < n`.
    fn power(&self, base: &U2048) -> Zeroizing<U2048> {
        let m1 = half_power(base, &self.dp, &self.p);
        let m2 = half_power(base, &self.dq, &self.q);
        // Reduces m2, which is below q and may not be below p.
        let mut difference = Half::new(&m1, &self.p).sub(&Half::new(&m2, &self.p));
        let mut h = difference.mul(&Half::new(&self.q_inverse, &self.p));
        let h_plain = Zeroizing::new(h.retrieve());
        let product: Zeroizing<U2048> =
            Zeroizing::new(h_plain.concatenating_mul(self.q.modulus().as_ref()));
        difference.zeroize();
        h.zeroize();
        let m2_wide: Zeroizing<U2048> = Zeroizing::new(m2.resize());
        Zeroizing::new(product.wrapping_add(&m2_wide))
    }
}

/// `base^exponent` modulo one prime, in constant time.
fn half_power(base: &U2048, exponent: &U1024, prime: &HalfParams) -> Zeroizing<U1024> {
    let mut form = reduce(base, prime);
    let mut power = form.pow(exponent);
    let result = Zeroizing::new(power.retrieve());
    form.zeroize();
    power.zeroize();
    result
}

/// `base` modulo one prime. A division branches on the shape of its divisor, which is secret here,
/// so with `base = high * 2^1024 + low` this takes two products instead: the Montgomery form of
/// `high` is `high * 2^1024` modulo the prime.
fn reduce(base: &U2048, prime: &HalfParams) -> Half {
    let (mut low, mut high): (U1024, U1024) = base.split();
    let mut high_form = Half::new(&high, prime);
    let mut shifted = high_form.to_montgomery();
    let form = Half::new(&shifted, prime).add(&Half::new(&low, prime));
    low.zeroize();
    high.zeroize();
    high_form.zeroize();
    shifted.zeroize();
    form
}

/// A 2048-bit RSA key pair. Wiped on drop, redacted in `Debug`.
pub struct RsaPrivateKey {
    public: RsaPublicKey,
    crt: Box<Crt>,
    lanes: Option<Box<KeyLanes>>,
}

fn has_full_fingerprint(key: &RsaPublicKey) -> bool {
    key.fingerprint().cast_unsigned().leading_zeros() < 4
}

impl RsaPrivateKey {
    /// Makes a new key with e = 65537 from two random 1024-bit primes. Its fingerprint has 16
    /// hexadecimal digits without leading zeros: a client stack in use compares fingerprints
    /// as text and never finds a shorter one.
    pub fn generate(seed: Seed) -> Self {
        let mut generator = Generator::new(seed);
        loop {
            let p = Zeroizing::new(random_prime(&mut generator));
            let q = Zeroizing::new(random_prime(&mut generator));
            let n: U2048 = p.concatenating_mul(&*q);
            let n = to_block(&n);
            let key = RsaPublicKey::from_components(&n, &PUBLIC_EXPONENT.to_be_bytes());
            if let (Ok(public), Some(crt)) = (key, Crt::derive(&p, &q, PUBLIC_EXPONENT))
                && has_full_fingerprint(&public)
            {
                return Self::with_lanes(public, crt);
            }
        }
    }

    fn with_lanes(public: RsaPublicKey, crt: Crt) -> Self {
        let lanes = KeyLanes::new(&public, &crt).map(Box::new);
        Self { public, crt: Box::new(crt), lanes }
    }

    /// Reads `-----BEGIN RSA PRIVATE KEY-----` (PKCS#1) or `-----BEGIN PRIVATE KEY-----`
    /// (PKCS#8), unencrypted.
    ///
    /// # Errors
    /// [`ConfigError::RsaKey`] if the text is neither, or the numbers are not a consistent
    /// two-prime 2048-bit key.
    pub fn from_pem(pem: &str) -> Result<Self, ConfigError> {
        Self::from_numbers(&rsa_pem::read_private(pem)?)
    }

    /// Writes the key as PKCS#1 PEM; the text is wiped on drop.
    pub fn to_pem(&self) -> Zeroizing<String> {
        rsa_pem::write_private(&self.public.numbers(), &self.secret_numbers())
    }

    /// The public half.
    pub fn public(&self) -> &RsaPublicKey {
        &self.public
    }

    fn from_numbers(numbers: &PrivateNumbers) -> Result<Self, ConfigError> {
        let PublicNumbers { modulus, exponent } = &numbers.public;
        let public = RsaPublicKey::from_components(modulus, exponent)?;
        let prime = |bytes: &[u8]| to_half(bytes).ok_or(ConfigError::RsaKey("a prime is too long"));
        let p = prime(&numbers.p)?;
        let q = prime(&numbers.q)?;
        let n: U2048 = p.concatenating_mul(&*q);
        if n != *public.modulus.modulus().as_ref() {
            return Err(ConfigError::RsaKey("the primes do not multiply to the modulus"));
        }
        let crt = Crt::derive(&p, &q, public.exponent)
            .ok_or(ConfigError::RsaKey("the exponent does not fit the primes"))?;
        Ok(Self::with_lanes(public, crt))
    }

    fn secret_numbers(&self) -> SecretNumbers {
        let crt = &self.crt;
        SecretNumbers {
            d: Zeroizing::new(to_block(&crt.d)),
            p: Zeroizing::new(to_half_block(crt.p.modulus().as_ref())),
            q: Zeroizing::new(to_half_block(crt.q.modulus().as_ref())),
            dp: Zeroizing::new(to_half_block(&crt.dp)),
            dq: Zeroizing::new(to_half_block(&crt.dq)),
            q_inverse: Zeroizing::new(to_half_block(&crt.q_inverse)),
        }
    }

    /// [`Self::apply_batch`] of one block.
    #[cfg(test)]
    pub(crate) fn apply<R: CryptoRng + ?Sized>(
        &self,
        block: &[u8; BLOCK_LEN],
        rng: &mut R,
    ) -> Option<Secret<BLOCK_LEN>> {
        self.apply_batch([(block, rng)]).pop().flatten()
    }

    /// `block^d mod n` of each block, with a generator for the factor that blinds it; `None` if
    /// `block >= n` or the result did not verify.
    pub(crate) fn apply_batch<'a, R: CryptoRng + ?Sized + 'a>(
        &self,
        blocks: impl IntoIterator<Item = (&'a [u8; BLOCK_LEN], &'a mut R)>,
    ) -> Vec<Option<Secret<BLOCK_LEN>>> {
        let modulus = self.public.modulus.modulus();
        let request = |(block, rng)| {
            let factor = Zeroizing::new(random_below(rng, modulus));
            self.public.admits(block).then_some(Request { block, factor })
        };
        let requests: Vec<Option<Request<'_>>> = blocks.into_iter().map(request).collect();
        let places = requests.iter().map(Option::is_some).collect::<Vec<_>>();
        let admitted: Vec<Request<'_>> = requests.into_iter().flatten().collect();
        let mut results = admitted.chunks(LANES).flat_map(|some| {
            let alone = || some.iter().map(|request| self.apply_alone(request)).collect();
            self.apply_in_lanes(some).unwrap_or_else(alone)
        });
        places.into_iter().map(|there| there.then(|| results.next()).flatten().flatten()).collect()
    }

    fn apply_alone(&self, request: &Request<'_>) -> Option<Secret<BLOCK_LEN>> {
        let params = &self.public.modulus;
        let Request { block, factor } = request;
        let base = U2048::from_be_slice(block.as_slice());
        let inverse = factor.invert_odd_mod(params.modulus());
        // Without an inverse the factor would divide n, which none drawn by chance does.
        if !verdict(inverse.is_some().into()) {
            return None;
        }
        let inverse = Zeroizing::new(inverse.unwrap_or(U2048::ONE));
        let factor_power = Zeroizing::new(self.public.power(factor));
        let blinded = Full::new(&base, params).mul(&Full::new(&factor_power, params)).retrieve();
        let power = self.crt.power(&blinded);
        if !verdict(self.public.power(&power) == blinded) {
            return None;
        }
        let mut plain = Full::new(&power, params).mul(&Full::new(&inverse, params));
        let result = Zeroizing::new(plain.retrieve());
        plain.zeroize();
        Some(Secret::init(|bytes| write_block(&result, bytes)))
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPrivateKey({:016x}, …)", self.public.fingerprint())
    }
}

/// A random 1024-bit prime with its two top bits set, so that a product of two has 2048 bits.
fn random_prime(generator: &mut Generator) -> U1024 {
    use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
    use crypto_primes::{Flavor, is_prime, sieve_and_find};
    loop {
        let factory =
            SmallFactorsSieveFactory::<U1024>::new(Flavor::Any, U1024::BITS, SetBits::TwoMsb);
        let found = factory.and_then(|factory| {
            sieve_and_find(generator.rng(), factory, |_, candidate| {
                is_prime(Flavor::Any, candidate)
            })
        });
        if let Ok(Some(prime)) = found {
            return prime;
        }
    }
}

/// A random number in `1..2^2047`, which is below any 2048-bit modulus.
fn random_below<R: CryptoRng + ?Sized>(rng: &mut R, modulus: &Odd<U2048>) -> U2048 {
    let mut bytes = Zeroizing::new([0u8; BLOCK_LEN]);
    rng.fill_bytes(bytes.as_mut_slice());
    let number = U2048::from_be_slice(bytes.as_slice()).shr_vartime(1);
    debug_assert!(number < *modulus.as_ref());
    number
}

fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn to_block(number: &U2048) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    write_block(number, &mut block);
    block
}

/// In place, so that a secret number leaves no copy on the stack.
fn write_block(number: &U2048, block: &mut [u8; BLOCK_LEN]) {
    block.copy_from_slice(Zeroizing::new(number.to_be_bytes()).as_slice());
}

fn to_half_block(number: &U1024) -> [u8; 128] {
    let mut block = [0; 128];
    let mut bytes = Zeroizing::new(number.to_be_bytes());
    block.copy_from_slice(bytes.as_slice());
    bytes.zeroize();
    block
}

fn to_half(bytes: &[u8]) -> Option<Zeroizing<U1024>> {
    let bytes = trim(bytes);
    let mut block = Zeroizing::new([0u8; 128]);
    let start = block.len().checked_sub(bytes.len())?;
    block.get_mut(start..)?.copy_from_slice(bytes);
    Some(Zeroizing::new(U1024::from_be_slice(block.as_slice())))
}

#[cfg(test)]
mod tests;
