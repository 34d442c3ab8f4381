//! Eight powers at once are the powers of the `crypto-bigint` crate.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{NonZero, Odd, U64, Uint};
use odnix_kernels::{Eight, FixedBase, LANES, Lanes, Modulus, Modulus2048, Powers};
use proptest::array::uniform32;
use proptest::collection::vec;
use proptest::prelude::*;

type Number = [u64; 32];

/// The lowest words of a number.
fn cut<const WORDS: usize>(number: &Number) -> [u64; WORDS] {
    core::array::from_fn(|index| number[index])
}

fn modulus<const WORDS: usize>(number: &Number) -> [u64; WORDS] {
    let mut words = cut(number);
    words[0] |= 1;
    words[WORDS - 1] |= 1 << 63;
    words
}

struct Oracle<const WORDS: usize>(FixedMontyParams<WORDS>);

impl<const WORDS: usize> Oracle<WORDS> {
    fn new(modulus: [u64; WORDS]) -> Self {
        Self(FixedMontyParams::new_vartime(Odd::new(Uint::from_words(modulus)).unwrap()))
    }

    fn load(&self, number: &Number) -> FixedMontyForm<WORDS> {
        let modulus = self.0.modulus().as_ref().to_words();
        let wide: Number = core::array::from_fn(|i| modulus.get(i).copied().unwrap_or(0));
        let wide = NonZero::new(Uint::<32>::from_words(wide)).unwrap();
        let rest = Uint::<32>::from_words(*number).rem_vartime(&wide);
        FixedMontyForm::new(&Uint::from_words(cut(&rest.to_words())), &self.0)
    }
}

/// Numbers at the edges beside random ones.
fn number() -> impl Strategy<Value = Number> {
    let one = |index: usize, value: u64| {
        let mut words = [0; 32];
        words[index] = value;
        words
    };
    prop_oneof![
        6 => uniform32(any::<u64>()),
        1 => Just([0; 32]),
        1 => Just([u64::MAX; 32]),
        1 => Just(one(0, 1)),
        1 => Just(one(31, 1 << 63)),
        1 => Just(one(15, 1 << 63)),
    ]
}

#[derive(Debug)]
struct Case {
    modulus: Number,
    base: Number,
    exponent: Number,
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let case = (number(), number(), number()).prop_map(|(modulus, base, exponent)| Case {
        modulus,
        base,
        exponent,
    });
    vec(case, LANES)
}

fn of<T, U>(cases: &[Case], of: impl Fn(&Case) -> U, and: impl Fn(U) -> T) -> [T; LANES] {
    core::array::from_fn(|lane| and(of(&cases[lane])))
}

fn check<const WORDS: usize, const LIMBS: usize>(
    powers: Powers,
    cases: &[Case],
) -> Result<(), TestCaseError> {
    let moduli = of(cases, |case| case.modulus, |number| modulus::<WORDS>(&number));
    let prepared = moduli.map(|words| Modulus::<WORDS, LIMBS>::new(&words).unwrap());
    let lanes = Lanes::new(powers, prepared.each_ref());
    let bases = of(cases, |case| case.base, |number| number);
    let exponents = of(cases, |case| case.exponent, |number| cut::<WORDS>(&number));
    let loaded = lanes.load(bases.each_ref());
    let powers = lanes.power(&loaded, exponents.each_ref());
    let store = |eight: &Eight<LIMBS>| {
        let mut numbers = [[0; WORDS]; LANES];
        lanes.store(eight, &mut numbers);
        numbers
    };
    let plain = store(&loaded);
    let public = store(&lanes.public_power(&loaded, 65_537));
    let product = store(&lanes.multiply(&loaded, &powers));
    let difference = store(&lanes.subtract_multiply(&loaded, &powers, &loaded));
    let powers = store(&powers);
    for lane in 0..LANES {
        let oracle = Oracle::new(moduli[lane]);
        let base = oracle.load(&bases[lane]);
        let power = base.pow(&Uint::<WORDS>::from_words(exponents[lane]));
        let wanted = [
            (base.retrieve(), plain),
            (power.retrieve(), powers),
            (base.pow(&U64::from_u64(65_537)).retrieve(), public),
            (base.mul(&power).retrieve(), product),
            (base.sub(&power).mul(&base).retrieve(), difference),
        ];
        for (place, (wanted, found)) in wanted.iter().enumerate() {
            prop_assert_eq!(&wanted.to_words(), &found[lane], "lane {}, {}", lane, place);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_lane_has_its_own_power_of_its_own_modulus(cases in cases()) {
        if let Some(powers) = Powers::get() {
            check::<32, 40>(powers, &cases)?;
            check::<16, 20>(powers, &cases)?;
        }
    }

    #[test]
    fn a_fixed_base_has_the_same_powers(
        modulus_words in number(),
        base in number(),
        exponents in vec(number(), LANES),
    ) {
        if let Some(powers) = Powers::get() {
            let words = modulus(&modulus_words);
            let fixed = FixedBase::new(powers, &Modulus2048::new(&words).unwrap(), &base);
            let eight = fixed.power(core::array::from_fn(|lane| &exponents[lane]));
            let mut found = [[0; 32]; LANES];
            fixed.lanes().store(&eight, &mut found);
            let oracle = Oracle::new(words);
            for (exponent, found) in exponents.iter().zip(&found) {
                let wanted = oracle.load(&base).pow(&Uint::<32>::from_words(*exponent)).retrieve();
                prop_assert_eq!(&wanted.to_words(), found);
            }
        }
    }
}

#[test]
fn a_modulus_is_odd_and_has_its_highest_bit() {
    let (mut words, lowest) = ([0; 32], 1);
    assert!(Modulus2048::new(&words).is_none());
    words[31] = 1 << 63;
    assert!(Modulus2048::new(&words).is_none());
    words[0] = lowest;
    assert_eq!(Modulus2048::new(&words).is_some(), cfg!(target_arch = "x86_64"));
    words[31] = (1 << 63) - 1;
    assert!(Modulus2048::new(&words).is_none());
}
