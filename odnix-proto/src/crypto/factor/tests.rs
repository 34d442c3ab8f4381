//! That the curves are as good as they should be, which the factors alone do not show.

use super::{curves, is_prime, modulus::Modulus};
use crate::seed::{Generator, Seed};
use alloc::vec::Vec;
use num_bigint_dig::BigUint;

#[test]
fn k_is_the_product_of_the_highest_powers_of_primes_up_to_131() {
    let powers = (2..=131_u64).filter(|&p| is_prime(p)).map(|p| {
        let power = core::iter::successors(Some(p), |power| Some(power * p));
        power.take_while(|&power| power <= 131).last().unwrap()
    });
    let expected = powers.fold(BigUint::from(1_u8), |product, power| product * power);
    let k = curves::K.iter().fold(BigUint::from(0_u8), |k, &word| (k << 64) + word);
    assert_eq!(k, expected);
}

#[test]
fn a_product_of_two_31_bit_primes_takes_about_four_pairs_of_curves() {
    let mut generator = Generator::new(Seed::for_testing(1));
    let mut prime = || loop {
        let candidate = (generator.u64() >> 34) | 1 << 30 | 1;
        if is_prime(candidate) {
            return candidate;
        }
    };
    let mut pairs: Vec<u64> = (0..500)
        .map(|_| {
            let n = Modulus::new(prime() * prime()).unwrap();
            (1..).find(|pair| curves::divisor(&n, pair - 1).is_some()).unwrap()
        })
        .collect();
    pairs.sort_unstable();
    let mean = pairs.iter().sum::<u64>() as f64 / 500.0;
    assert!(mean < 4.6, "{mean} pairs");
    assert!(pairs[490] <= 24, "{} pairs", pairs[490]);
}
