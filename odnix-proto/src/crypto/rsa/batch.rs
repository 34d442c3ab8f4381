//! Private operations of one key on several blocks at once, where the processor has lanes for them.
//!
//! The steps are those of `RsaPrivateKey::apply_alone`: blind, two halves, check, unblind. The inverses of
//! all factors come from one inversion, that of their product.

use super::{BLOCK_LEN, Crt, RsaPrivateKey, RsaPublicKey, to_block, to_half_block};
use crate::crypto::lanes::{Wide, in_lanes, to_words, write_words};
use crate::secret::{Secret, verdict};
use alloc::vec::Vec;
use core::array;
use crypto_bigint::{U1024, U2048};
use odnix_kernels::{Eight, LANES, Lanes1024, Lanes2048, Modulus1024, Modulus2048, Powers};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

type Half = [u64; 16];

/// Numbers of eight lanes. Wiped on drop.
type Numbers = Zeroizing<[Wide; LANES]>;

/// A block below the modulus, and the factor that is to blind it.
pub(super) struct Request<'a> {
    pub block: &'a [u8; BLOCK_LEN],
    pub factor: Zeroizing<U2048>,
}

/// What the lanes know of a key beforehand. Wiped on drop.
pub(super) struct KeyLanes {
    n: Modulus2048,
    p: Prime,
    q: Prime,
    q_inverse: Zeroizing<Wide>,
}

struct Prime {
    modulus: Modulus1024,
    exponent: Zeroizing<Half>,
}

impl Prime {
    fn new(prime: &U1024, exponent: &U1024) -> Option<Self> {
        let prime = Zeroizing::new(to_half_block(prime));
        let exponent = Zeroizing::new(to_half_block(exponent));
        let modulus = Modulus1024::new(&to_words(&*prime))?;
        Some(Self { modulus, exponent: to_words(&*exponent) })
    }
}

impl KeyLanes {
    /// `None` where there are no lanes.
    pub(super) fn new(public: &RsaPublicKey, crt: &Crt) -> Option<Self> {
        Powers::get()?;
        let q_inverse = Zeroizing::new(to_half_block(&crt.q_inverse));
        Some(Self {
            n: Modulus2048::new(&to_words(&public.modulus()))?,
            p: Prime::new(crt.p.modulus().as_ref(), &crt.dp)?,
            q: Prime::new(crt.q.modulus().as_ref(), &crt.dq)?,
            q_inverse: to_words(&*q_inverse),
        })
    }
}

impl RsaPrivateKey {
    /// As many results as there are requests, at most one for each lane; `None` where this has to be
    /// done another way.
    pub(super) fn apply_in_lanes(
        &self,
        requests: &[Request<'_>],
    ) -> Option<Vec<Option<Secret<BLOCK_LEN>>>> {
        let powers = Powers::get()?;
        let key = self.lanes.as_ref()?;
        let lanes = Lanes2048::new(powers, [&key.n; LANES]);
        let blocks: Vec<Zeroizing<Wide>> = requests.iter().map(|it| to_words(it.block)).collect();
        let factors: Vec<Zeroizing<Wide>> =
            requests.iter().map(|it| to_words(&*Zeroizing::new(to_block(&it.factor)))).collect();
        let factors = load(&lanes, &factors)?;
        let inverses = self.invert(&lanes, &factors)?;
        let masks = lanes.public_power(&factors, self.public.exponent());
        let blinded = store(&lanes, &lanes.multiply(&load(&lanes, &blocks)?, &masks));
        let blinded_some = blinded.get(..requests.len())?;
        let roots = self.roots(powers, key, blinded_some)?;
        let root = load(&lanes, &roots)?;
        let again = store(&lanes, &lanes.public_power(&root, self.public.exponent()));
        let plain = store(&lanes, &lanes.multiply(&root, &inverses));
        let results = blinded_some.iter().zip(again.iter().zip(plain.iter()));
        let results = results.map(|(blinded, (again, plain))| {
            verdict(blinded.ct_eq(again).into())
                .then(|| Secret::init(|bytes| write_words(plain, bytes)))
        });
        Some(results.collect())
    }

    /// `1/factor` in each lane: what the other lanes have, times the inverse of the product of all.
    fn invert(&self, lanes: &Lanes2048, factors: &Eight<40>) -> Option<Eight<40>> {
        let plain = store(lanes, factors);
        let one = rotated(lanes, &plain, 1);
        let two = lanes.multiply(&one, &rotated(lanes, &plain, 2));
        let plain_two = store(lanes, &two);
        let four = lanes.multiply(&two, &rotated(lanes, &plain_two, 2));
        let six = lanes.multiply(&four, &rotated(lanes, &plain_two, 4));
        let others = lanes.multiply(&six, &rotated(lanes, &plain, 7));
        let product = store(lanes, &lanes.multiply(&others, factors));
        let mut bytes = Zeroizing::new([0; BLOCK_LEN]);
        write_words(product.first()?, bytes.as_mut_slice());
        let product = Zeroizing::new(U2048::from_be_slice(bytes.as_slice()));
        let inverse = product.invert_odd_mod(self.public.modulus.modulus());
        // Without an inverse a factor would divide n, which none drawn by chance does.
        if !verdict(inverse.is_some().into()) {
            return None;
        }
        let inverse = Zeroizing::new(inverse.unwrap_or(U2048::ONE));
        let inverse: Zeroizing<Wide> = to_words(&*Zeroizing::new(to_block(&inverse)));
        Some(lanes.multiply(&others, &lanes.load([&inverse; LANES])))
    }

    /// `number^d mod n` of each, by Garner's formula.
    fn roots(
        &self,
        powers: Powers,
        key: &KeyLanes,
        numbers: &[Wide],
    ) -> Option<Vec<Zeroizing<Wide>>> {
        // Both halves of each number are powers, and all of them fill the lanes together.
        let halves = numbers.iter().map(|number| (&key.p, number));
        let halves: Vec<_> = halves.chain(numbers.iter().map(|number| (&key.q, number))).collect();
        let mut results: Vec<Zeroizing<Wide>> = Vec::with_capacity(halves.len());
        for some in halves.chunks(LANES) {
            let all = in_lanes(some)?;
            let lanes = Lanes1024::new(powers, all.map(|(prime, _)| &prime.modulus));
            let base = lanes.load(all.map(|(_, number)| *number));
            let power = lanes.power(&base, all.map(|(prime, _)| &*prime.exponent));
            let mut half = Zeroizing::new([[0; 16]; LANES]);
            lanes.store(&power, &mut half);
            results.extend(half.iter().take(some.len()).map(widen));
        }
        let (m1, m2) = results.split_at_checked(numbers.len())?;
        let lanes = Lanes1024::new(powers, [&key.p.modulus; LANES]);
        let load = |some: &[Zeroizing<Wide>]| Some(lanes.load(in_lanes(some)?.map(|it| &**it)));
        let q_inverse = lanes.load([&key.q_inverse; LANES]);
        let mut h = Zeroizing::new([[0; 16]; LANES]);
        lanes.store(&lanes.subtract_multiply(&load(m1)?, &load(m2)?, &q_inverse), &mut h);
        Some(h.iter().zip(m2).map(|(h, m2)| self.join(h, m2)).collect())
    }

    /// `m2 + h * q`
    fn join(&self, h: &Half, m2: &Wide) -> Zeroizing<Wide> {
        let mut bytes = Zeroizing::new([0; 128]);
        write_words(h, bytes.as_mut_slice());
        let h = Zeroizing::new(U1024::from_be_slice(bytes.as_slice()));
        let product: Zeroizing<U2048> =
            Zeroizing::new(h.concatenating_mul(self.crt.q.modulus().as_ref()));
        let mut bytes = Zeroizing::new([0; BLOCK_LEN]);
        write_words(m2, bytes.as_mut_slice());
        let m2 = Zeroizing::new(U2048::from_be_slice(bytes.as_slice()));
        to_words(&*Zeroizing::new(to_block(&product.wrapping_add(&m2))))
    }
}

fn widen(half: &Half) -> Zeroizing<Wide> {
    let mut wide = Zeroizing::new([0; 32]);
    wide.iter_mut().zip(half).for_each(|(to, from)| *to = *from);
    wide
}

fn load(lanes: &Lanes2048, numbers: &[Zeroizing<Wide>]) -> Option<Eight<40>> {
    Some(lanes.load(in_lanes(numbers)?.map(|number| &**number)))
}

fn store(lanes: &Lanes2048, eight: &Eight<40>) -> Numbers {
    let mut numbers = Numbers::default();
    lanes.store(eight, &mut numbers);
    numbers
}

/// Each lane has what the one `by` places further had.
fn rotated(lanes: &Lanes2048, numbers: &Numbers, by: usize) -> Eight<40> {
    let mut places = numbers.iter().cycle().skip(by);
    let zero = [0; 32];
    lanes.load(array::from_fn(|_| places.next().unwrap_or(&zero)))
}
