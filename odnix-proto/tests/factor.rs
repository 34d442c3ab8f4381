//! `pq` as an honest server sends it, and as a hostile one does.

use crypto_bigint::U64;
use crypto_primes::Flavor;
use odnix_proto::crypto::factor::{factorize, is_prime};
use proptest::prelude::*;

#[test]
fn published_and_small_products_are_split() {
    for (pq, p, q) in [
        (0x17ED_4894_1A08_F981, 0x494C_553B, 0x5391_1073),
        (1_724_114_033_281_923_457, 1_229_739_323, 1_402_015_859),
        (15, 3, 5),
        (21, 3, 7),
        (33, 3, 11),
        (1_763, 41, 43),
        (9_223_371_873_002_223_329, 3_037_000_453, 3_037_000_493),
    ] {
        assert_eq!(factorize(pq), Some((p, q)), "{pq}");
    }
}

#[test]
fn small_numbers_agree_with_trial_division() {
    for pq in 0..4_000_u64 {
        let split = (3..).take_while(|p| p * p < pq).find(|p| pq % p == 0).map(|p| (p, pq / p));
        let expected = split.filter(|&(p, q)| pq % 2 == 1 && is_prime(p) && is_prime(q));
        assert_eq!(factorize(pq), expected, "{pq}");
    }
}

#[test]
fn a_small_and_a_large_prime_are_split() {
    // 2^61 - 1 is prime, and 3 * (2^61 - 1) is below 2^63.
    let large = (1 << 61) - 1;
    assert_eq!(factorize(3 * large), Some((3, large)));
}

#[test]
fn factors_of_every_size_are_split() {
    // Curves find two small factors at once; the sizes in between belong to them as well.
    for small in (1..32).map(|bits| prime_from(1 << bits)) {
        for large in (1..62).map(|bits| prime_above(1 << bits)) {
            if small != large && u128::from(small) * u128::from(large) < 1 << 63 {
                let split = Some((small.min(large), small.max(large)));
                assert_eq!(factorize(small * large), split, "{small} * {large}");
            }
        }
    }
}

#[test]
fn powers_of_primes_have_no_factors() {
    for prime in (1..31).map(|bits| prime_from(1 << bits)) {
        let powers = core::iter::successors(Some(prime), |power| power.checked_mul(prime));
        for power in powers.take_while(|power| power >> 63 == 0) {
            assert_eq!(factorize(power), None, "{power}, a power of {prime}");
        }
    }
}

#[test]
fn hostile_numbers_have_no_factors() {
    let prime_31 = 2_147_483_647;
    for pq in [
        0,
        1,
        2,
        3,
        4,
        6,
        8,
        9,
        11,
        25,
        3 * 5 * 7,
        3 * 3 * 5,
        2 * prime_31,
        prime_31,
        prime_31 * prime_31,
        3_037_000_493 * 3_037_000_493,
        2_097_143 * 2_097_143 * 2_097_143,
        2_097_143 * 2_097_133 * 2_097_131,
        3_u64.pow(39),
        5_u64.pow(27),
        (1 << 61) - 1,
        9_223_372_036_854_775_783,
        1 << 62,
        (1 << 63) - 1,
        1 << 63,
        (1 << 63) + 1,
        4_294_967_291 * 4_294_967_279,
        18_446_744_073_709_551_557,
        u64::MAX - 1,
        u64::MAX,
    ] {
        assert_eq!(factorize(pq), None, "{pq}");
    }
}

#[test]
fn primality_of_small_numbers_agrees_with_trial_division() {
    for n in 0..20_000_u64 {
        let divisible = (2..n).take_while(|d| d * d <= n).any(|d| n % d == 0);
        assert_eq!(is_prime(n), n > 1 && !divisible, "{n}");
    }
}

#[test]
fn strong_pseudoprimes_are_composite() {
    // The smallest composites that pass for the first 1, 2, 3, 4, 5, 6, 7 and 9 prime bases.
    for n in [
        2_047,
        1_373_653,
        25_326_001,
        3_215_031_751,
        2_152_302_898_747,
        3_474_749_660_383,
        341_550_071_728_321,
        3_825_123_056_546_413_051,
    ] {
        assert!(!is_prime(n), "{n}");
    }
}

proptest! {
    #[test]
    fn products_of_two_primes_are_split(a in any::<u32>(), b in any::<u32>()) {
        let (a, b) = (prime_from(a >> 1), prime_from(b >> 1));
        prop_assume!(a != b);
        prop_assert_eq!(factorize(a * b), Some((a.min(b), a.max(b))));
    }

    #[test]
    fn whatever_is_split_is_a_product_of_two_odd_primes(pq in any::<u64>()) {
        if let Some((p, q)) = factorize(pq) {
            prop_assert_eq!(p.checked_mul(q), Some(pq));
            prop_assert!(2 < p && p < q && is_prime(p) && is_prime(q));
        }
    }

    #[test]
    fn primality_agrees_with_another_implementation(n in any::<u64>()) {
        prop_assert_eq!(is_prime(n), crypto_primes::is_prime(Flavor::Any, &U64::from(n)));
    }
}

/// The next odd prime.
fn prime_from(n: u32) -> u64 {
    prime_above(n.into())
}

fn prime_above(n: u64) -> u64 {
    (n.max(3)..).find(|&n| is_prime(n)).unwrap()
}
