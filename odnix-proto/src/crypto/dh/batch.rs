//! Powers of several exchanges at once, where the processor has lanes for them.

use super::{DhError, ELEMENT_LEN, Exponent, Group, GroupElement};
use crate::crypto::lanes::{Wide, in_lanes, to_words, write_words};
use crate::secret::Secret;
use alloc::boxed::Box;
use alloc::vec::Vec;
use crypto_bigint::U2048;
use odnix_kernels::{FixedBase, LANES, Lanes2048, Modulus2048, Powers};
use once_cell::race::OnceBox;
use zeroize::Zeroizing;

/// From as many powers of the generator on the lanes are the faster way; one alone is faster by the
/// table of [`super::comb`].
const PUBLIC_MIN: usize = 2;

/// Numbers of eight lanes. Wiped on drop.
type Numbers = Zeroizing<[Wide; LANES]>;

/// Each `g^x mod p`, as [`Exponent::public`] gives it.
pub fn public_batch(group: &Group, exponents: &[&Exponent]) -> Vec<Result<GroupElement, DhError>> {
    let lanes = GroupLanes::of(group).filter(|_| exponents.len() >= PUBLIC_MIN);
    let Some(lanes) = lanes else {
        return exponents.iter().map(|exponent| exponent.public(group)).collect();
    };
    let mut results = Vec::with_capacity(exponents.len());
    for some in exponents.chunks(LANES) {
        let numbers = lanes.raise(group, some).unwrap_or_default();
        results.extend(numbers.iter().take(some.len()).map(|words| {
            let mut bytes = Zeroizing::new([0; ELEMENT_LEN]);
            write_words(words, bytes.as_mut_slice());
            GroupElement::check(group, U2048::from_be_slice(bytes.as_slice()))
        }));
    }
    results
}

/// Each `theirs^x mod p`, as [`Exponent::shared`] gives it.
pub fn shared_batch(
    group: &Group,
    pairs: &[(&Exponent, &GroupElement)],
) -> Vec<Secret<ELEMENT_LEN>> {
    let Some(lanes) = GroupLanes::of(group) else {
        return pairs
            .iter()
            .map(|(exponent, theirs)| exponent.shared_alone(group, theirs))
            .collect();
    };
    let mut results = Vec::with_capacity(pairs.len());
    for some in pairs.chunks(LANES) {
        let Some(numbers) = lanes.power(some) else {
            results.extend(some.iter().map(|(exponent, base)| exponent.shared_alone(group, base)));
            continue;
        };
        let secret = |words: &Wide| Secret::init(|key| write_words(words, key));
        results.extend(numbers.iter().take(some.len()).map(secret));
    }
    results
}

/// Eight lanes with the prime of one group.
enum GroupLanes {
    Usual(&'static FixedBase),
    Foreign(Box<Lanes2048>),
}

impl GroupLanes {
    fn of(group: &Group) -> Option<Self> {
        let powers = Powers::get()?;
        let modulus = || Modulus2048::new(&to_words(&group.prime()));
        if !group.usual {
            return Some(Self::Foreign(Box::new(Lanes2048::new(powers, [&modulus()?; LANES]))));
        }
        static USUAL: OnceBox<FixedBase> = OnceBox::new();
        let generator = to_words(&[group.generator]);
        let fixed =
            || modulus().map(|modulus| Box::new(FixedBase::new(powers, &modulus, &generator)));
        USUAL.get_or_try_init(|| fixed().ok_or(())).ok().map(Self::Usual)
    }

    fn lanes(&self) -> &Lanes2048 {
        match self {
            Self::Usual(fixed) => fixed.lanes(),
            Self::Foreign(lanes) => lanes,
        }
    }

    fn raise(&self, group: &Group, exponents: &[&Exponent]) -> Option<Numbers> {
        let exponents: Vec<_> = exponents.iter().map(|exponent| exponent.words()).collect();
        let exponents = in_lanes(&exponents)?.map(|words| &**words);
        let power = match self {
            Self::Usual(fixed) => fixed.power(exponents),
            Self::Foreign(lanes) => {
                let generator = to_words(&[group.generator]);
                lanes.power(&lanes.load([&generator; LANES]), exponents)
            }
        };
        let mut numbers = Numbers::default();
        self.lanes().store(&power, &mut numbers);
        Some(numbers)
    }

    fn power(&self, pairs: &[(&Exponent, &GroupElement)]) -> Option<Numbers> {
        let lanes = self.lanes();
        let exponents: Vec<_> = pairs.iter().map(|(exponent, _)| exponent.words()).collect();
        let bases: Vec<_> = pairs.iter().map(|(_, base)| to_words(&base.to_bytes())).collect();
        let base = lanes.load(in_lanes(&bases)?.map(|words| &**words));
        let power = lanes.power(&base, in_lanes(&exponents)?.map(|words| &**words));
        let mut numbers = Numbers::default();
        lanes.store(&power, &mut numbers);
        Some(numbers)
    }
}

impl Exponent {
    fn words(&self) -> Zeroizing<Wide> {
        to_words(self.0.expose_secret())
    }
}
