use super::*;
use num_bigint_dig::BigUint;

/// Fermat's test for a few bases: enough for numbers no adversary chose.
fn probably_prime(number: &BigUint) -> bool {
    let one = BigUint::from(1u32);
    [2u32, 3, 5].iter().all(|base| BigUint::from(*base).modpow(&(number - &one), number) == one)
}

fn big(bytes: &[u8]) -> BigUint {
    BigUint::from_bytes_be(bytes)
}

fn bytes(number: &BigUint) -> Vec<u8> {
    number.to_bytes_be()
}

fn check(prime: &[u8], g: i32) -> Result<Group, DhError> {
    check_group(prime, g, &KnownPrimes::default(), Seed::for_testing(1))
}

/// RFC 3526 group 14: another 2048-bit safe prime.
fn rfc3526() -> Vec<u8> {
    let hex = include_str!("../../../tests/fixtures/rfc3526_2048.hex");
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(core::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn the_usual_prime_is_a_safe_prime_by_an_independent_library() {
    let p = big(&USUAL_PRIME);
    assert_eq!(p.bits(), 2048);
    assert!(probably_prime(&p) && probably_prime(&(&p >> 1)));
}

#[test]
fn of_the_usual_prime_only_3_4_and_7_generate() {
    for g in -1..=9 {
        let accepted = check(&USUAL_PRIME, g).is_ok();
        assert_eq!(accepted, [3, 4, 7].contains(&g), "g = {g}");
    }
    assert_eq!(check(&USUAL_PRIME, 3).unwrap(), Group::usual());
}

#[test]
fn an_accepted_generator_is_a_quadratic_residue() {
    let foreign = rfc3526();
    for prime in [&USUAL_PRIME[..], &foreign] {
        let p = big(prime);
        for g in 2..=7u32 {
            let residue = BigUint::from(g).modpow(&(&p >> 1), &p) == BigUint::from(1u32);
            let (_, modulus, residues) = GENERATORS[g as usize - 2];
            let rest = bytes(&(&p % modulus));
            let listed = residues.contains(&rest.iter().fold(0, |n, b| n * 256 + u64::from(*b)));
            assert_eq!(listed, residue, "g = {g}");
        }
    }
}

#[test]
fn a_foreign_safe_prime_is_accepted_after_the_test() {
    assert_eq!(check(&rfc3526(), 2).unwrap().prime()[..], rfc3526()[..]);
    assert_eq!(check(&rfc3526(), 8).unwrap_err(), DhError::Generator);
}

#[test]
fn a_prime_is_tested_once_and_its_generator_each_time() {
    let known = KnownPrimes::default();
    let check = |prime: &[u8], g| check_group(prime, g, &known, Seed::for_testing(1));
    let composite = bytes(&(big(&USUAL_PRIME) - 168u32));
    assert_eq!(check(&composite, 4), Err(DhError::NotSafePrime));
    check(&USUAL_PRIME, 3).unwrap();
    assert_eq!(format!("{known:?}"), "KnownPrimes(0)");
    let first = check(&rfc3526(), 2).unwrap();
    assert_eq!(format!("{known:?}"), "KnownPrimes(1)");
    assert_eq!(check(&rfc3526(), 2).unwrap(), first);
    assert_eq!(check(&rfc3526(), 8), Err(DhError::Generator));
    assert_eq!(format!("{known:?}"), "KnownPrimes(1)");
    // What is known is not tested: one that was planted passes.
    known.insert(composite[..].try_into().unwrap());
    assert!(check(&composite, 4).is_ok());
}

#[test]
fn primes_of_the_wrong_length_are_refused() {
    let mut high_bit_clear = USUAL_PRIME;
    high_bit_clear[0] &= 0x7f;
    for prime in [&[][..], &USUAL_PRIME[1..], &[&[0][..], &USUAL_PRIME].concat(), &high_bit_clear] {
        assert_eq!(check(prime, 3).unwrap_err(), DhError::PrimeLength);
    }
}

#[test]
fn composites_and_primes_that_are_not_safe_are_refused() {
    let p = big(&USUAL_PRIME);
    // Steps of 168 keep the residues modulo 8, 3 and 7, so that g = 3, 4 and 7 still fit.
    let composite = (1u32..).map(|k| &p - k * 168u32).find(|n| !probably_prime(n)).unwrap();
    assert_eq!(check(&bytes(&composite), 4).unwrap_err(), DhError::NotSafePrime);
    let unsafe_prime = big(include_bytes!("../../../tests/fixtures/unsafe_prime_2048.bin"));
    assert!(probably_prime(&unsafe_prime) && !probably_prime(&(&unsafe_prime >> 1)));
    assert_eq!(check(&bytes(&unsafe_prime), 4).unwrap_err(), DhError::NotSafePrime);
    let even = &p - 1u32;
    assert_eq!(check(&bytes(&even), 4).unwrap_err(), DhError::NotSafePrime);
}

#[test]
fn elements_are_accepted_exactly_inside_the_margins() {
    let group = Group::usual();
    let p = big(&USUAL_PRIME);
    let one = BigUint::from(1u32);
    let margin = &one << 1984;
    let table = [
        (BigUint::from(0u32), false),
        (one.clone(), false),
        (BigUint::from(2u32), false),
        (&margin - &one, false),
        (margin.clone(), true),
        (&margin + &one, true),
        (&p >> 1, true),
        (&p - &margin - &one, true),
        (&p - &margin, true),
        (&p - &margin + &one, false),
        (&p - &one, false),
        (p.clone(), false),
        (&p + &one, false),
        ((&one << 2048) - &one, false),
    ];
    for (value, accepted) in table {
        let parsed = GroupElement::parse(&group, &bytes(&value));
        assert_eq!(parsed.is_ok(), accepted, "{value:x}");
    }
    for len in [0, 257, 300, 100_000] {
        assert_eq!(GroupElement::parse(&group, &vec![1; len]), Err(DhError::OutOfRange));
    }
}

#[test]
fn missing_leading_zeros_of_an_element_are_put_back() {
    let mut short = [0x5a; 256];
    short[..3].fill(0);
    let whole = GroupElement::parse(&Group::usual(), &short).unwrap();
    assert_eq!(GroupElement::parse(&Group::usual(), &short[3..]).unwrap(), whole);
    assert_eq!(whole.to_bytes(), short);
}

#[test]
fn powers_agree_with_an_independent_big_integer_library_and_both_sides_get_one_key() {
    let p = big(&USUAL_PRIME);
    let group = Group::usual();
    let mut generator = Generator::new(Seed::for_testing(5));
    for _ in 0..3 {
        let (a, b): ([u8; 256], [u8; 256]) = (generator.array(), generator.array());
        let exponent = |bytes: [u8; 256]| Exponent::new(Secret::init(|to| *to = bytes));
        let g_a = exponent(a).public(&group).unwrap();
        let g_b = exponent(b).public(&group).unwrap();
        let three = BigUint::from(3u32);
        assert_eq!(big(&g_a.to_bytes()), three.modpow(&big(&a), &p));
        let key = exponent(a).shared(&group, &g_b);
        assert_eq!(key, exponent(b).shared(&group, &g_a));
        let expected = big(&g_a.to_bytes()).modpow(&big(&b), &p);
        assert_eq!(big(key.expose_secret()), expected);
    }
}

#[test]
fn a_key_with_a_zero_top_byte_still_has_256_bytes() {
    // With b = 2^k the key is g_a squared k times: cheap enough to search.
    let group = Group::usual();
    let p = big(&USUAL_PRIME);
    let mut g_a = BigUint::from(3u32).modpow(&big(&[0x77; 256]), &p);
    while g_a.bits() > 2040 {
        g_a = &g_a * &g_a % &p;
    }
    let element = GroupElement::parse(&group, &bytes(&g_a)).unwrap();
    let one = Exponent::new(Secret::init(|bytes: &mut [u8; 256]| bytes[255] = 1));
    let key = one.shared(&group, &element);
    assert_eq!(key.expose_secret()[0], 0);
    assert_eq!(big(key.expose_secret()), g_a);
}

#[test]
fn an_exponent_that_leads_out_of_range_is_refused() {
    let one = Exponent::new(Secret::init(|bytes: &mut [u8; 256]| bytes[255] = 1));
    assert_eq!(one.public(&Group::usual()), Err(DhError::OutOfRange));
}

fn exponents(count: u64) -> Vec<Exponent> {
    let edges = [[0xff; 256], [0; 256]];
    let random = (2..count).map(|number| Generator::new(Seed::for_testing(number)).array());
    let bytes = edges.into_iter().chain(random).take(count as usize);
    bytes.map(|bytes| Exponent::new(Secret::init(|to| *to = bytes))).collect()
}

#[test]
fn several_powers_at_once_are_those_of_each_alone() {
    let foreign = check(&rfc3526(), 2).unwrap();
    let other_generator = check(&USUAL_PRIME, 4).unwrap();
    for group in [Group::usual(), other_generator, foreign] {
        let p = big(&group.prime());
        let exponents = exponents(20);
        for count in [0, 1, 2, 7, 8, 9, 20] {
            let some: Vec<&Exponent> = exponents.iter().take(count).collect();
            let public = public_batch(&group, &some);
            assert_eq!(public.len(), count);
            for (exponent, found) in some.iter().zip(&public) {
                assert_eq!(*found, exponent.public(&group));
                let power = BigUint::from(group.generator).modpow(&big(exponent.bytes()), &p);
                assert_eq!(found.is_ok(), big(exponent.bytes()).bits() > 0);
                assert!(
                    found.as_ref().is_ok_and(|found| big(&found.to_bytes()) == power)
                        || found.is_err()
                );
            }
            let theirs: Vec<_> = public.iter().flatten().collect();
            let pairs: Vec<_> = some.iter().copied().zip(theirs).collect();
            let shared = shared_batch(&group, &pairs);
            assert_eq!(shared.len(), pairs.len());
            for ((exponent, theirs), found) in pairs.iter().zip(shared) {
                assert_eq!(found, exponent.shared_alone(&group, theirs));
            }
        }
    }
}
