use super::*;
use num_bigint_dig::BigUint;

const PKCS1: &str = include_str!("../../../tests/fixtures/rsa_pkcs1.pem");
const PKCS8: &str = include_str!("../../../tests/fixtures/rsa_pkcs8.pem");
const PUBLIC_PKCS1: &str = include_str!("../../../tests/fixtures/rsa_public_pkcs1.pem");
const PUBLIC_SPKI: &str = include_str!("../../../tests/fixtures/rsa_public_spki.pem");
const RAW_BLOCK: &str = include_str!("../../../tests/fixtures/rsa_raw_block.hex");

/// Computed from the same key with another language's big integers and hash.
const FINGERPRINT: u64 = 0x0917_1cf3_3e18_2c9b;

fn rng(number: u64) -> Generator {
    Generator::new(Seed::for_testing(number))
}

fn padded(number: &BigUint) -> [u8; 256] {
    let bytes = number.to_bytes_be();
    let mut block = [0; 256];
    block[256 - bytes.len()..].copy_from_slice(&bytes);
    block
}

#[test]
fn keys_made_by_openssl_are_read_in_all_four_forms() {
    let private = RsaPrivateKey::from_pem(PKCS1).unwrap();
    assert_eq!(RsaPrivateKey::from_pem(PKCS8).unwrap().public(), private.public());
    assert_eq!(&RsaPublicKey::from_pem(PUBLIC_PKCS1).unwrap(), private.public());
    assert_eq!(&RsaPublicKey::from_pem(PUBLIC_SPKI).unwrap(), private.public());
    assert_eq!(private.public().to_pem(), PUBLIC_PKCS1);
}

#[test]
fn a_key_written_and_read_again_still_opens_what_its_public_half_sealed() {
    let written = RsaPrivateKey::from_pem(PKCS1).unwrap().to_pem();
    let key = RsaPrivateKey::from_pem(&written).unwrap();
    let block = [0x5a; 256];
    let sealed = RsaPublicKey::from_pem(PUBLIC_SPKI).unwrap().apply(&block).unwrap();
    assert_eq!(key.apply(&sealed, &mut rng(1).rng()).unwrap().expose_secret(), &block);
}

#[test]
fn raw_blocks_agree_with_openssl() {
    let plain: [u8; 256] =
        core::array::from_fn(|i| if i == 0 { 0 } else { ((i - 1) * 37 + 11) as u8 });
    let sealed: Vec<u8> =
        (0..256).map(|i| u8::from_str_radix(&RAW_BLOCK[2 * i..2 * i + 2], 16).unwrap()).collect();
    let key = RsaPrivateKey::from_pem(PKCS1).unwrap();
    assert_eq!(key.public().apply(&plain).unwrap()[..], sealed[..]);
    let opened = key.apply(&sealed.try_into().unwrap(), rng(1).rng()).unwrap();
    assert_eq!(opened.expose_secret(), &plain);
}

#[test]
fn fingerprint_is_the_low_half_of_the_hash_of_the_bare_tl_key() {
    let key = RsaPublicKey::from_pem(PUBLIC_PKCS1).unwrap();
    assert_eq!(key.fingerprint() as u64, FINGERPRINT);
}

#[test]
fn both_operations_agree_with_an_independent_big_integer_library() {
    for number in 0..3 {
        let key = RsaPrivateKey::generate(Seed::for_testing(number));
        let n = BigUint::from_bytes_be(&key.public().modulus());
        assert_eq!(n.bits(), 2048);
        let d = BigUint::from_bytes_be(&*key.secret_numbers().d);
        let block: [u8; 256] = rng(number).array();
        let base = BigUint::from_bytes_be(&block) % &n;
        let block = padded(&base);
        let public = key.public().apply(&block).unwrap();
        assert_eq!(public, padded(&base.modpow(&BigUint::from(65_537u32), &n)));
        let private = key.apply(&block, rng(number).rng()).unwrap();
        assert_eq!(private.expose_secret(), &padded(&base.modpow(&d, &n)));
    }
}

#[test]
fn blinding_does_not_change_the_result() {
    let key = RsaPrivateKey::from_pem(PKCS1).unwrap();
    let block = [0x33; 256];
    let one = key.apply(&block, rng(1).rng()).unwrap();
    let two = key.apply(&block, rng(2).rng()).unwrap();
    assert_eq!(one, two);
}

#[test]
fn blocks_not_below_the_modulus_are_refused() {
    let key = RsaPrivateKey::from_pem(PKCS1).unwrap();
    let n = key.public().modulus();
    let below = padded(&(BigUint::from_bytes_be(&n) - 1u32));
    assert!(key.apply(&below, rng(1).rng()).is_some());
    for block in [n, [0xff; 256]] {
        assert!(key.apply(&block, rng(1).rng()).is_none());
        assert!(key.public().apply(&block).is_none());
    }
}

#[test]
fn a_fault_in_one_half_of_the_computation_never_leaves() {
    let mut key = RsaPrivateKey::from_pem(PKCS1).unwrap();
    key.crt.dp = key.crt.dp.wrapping_add(&U1024::from_u8(2));
    key.lanes = None;
    assert!(key.apply(&[0x33; 256], rng(1).rng()).is_none());
    key.lanes = KeyLanes::new(&key.public, &key.crt).map(Box::new);
    assert!(key.apply(&[0x33; 256], rng(1).rng()).is_none());
}

#[test]
fn several_blocks_at_once_give_what_each_gives_alone() {
    let mut key = RsaPrivateKey::from_pem(PKCS1).unwrap();
    let n = key.public().modulus();
    let below = padded(&(BigUint::from_bytes_be(&n) - 1u32));
    let edges = [[0; 256], padded(&1u32.into()), n, below, [0xff; 256]];
    let blocks: Vec<[u8; 256]> =
        edges.into_iter().chain((0..15).map(|number| rng(number).array())).collect();
    for count in (0..=9).chain([16, 17, 20]) {
        let mut rngs: Vec<Generator> = (0..20).map(rng).collect();
        let asked = blocks.iter().zip(rngs.iter_mut().map(Generator::rng)).take(count);
        let together = key.apply_batch(asked);
        assert_eq!(together.len(), count);
        let lanes = key.lanes.take();
        for (block, found) in blocks.iter().zip(together) {
            assert_eq!(found, key.apply(block, rng(100).rng()));
            assert_eq!(found.is_some(), *block < n);
        }
        key.lanes = lanes;
    }
}

#[test]
fn same_seed_same_key() {
    let one = RsaPrivateKey::generate(Seed::for_testing(7));
    let two = RsaPrivateKey::generate(Seed::for_testing(7));
    assert_eq!(*one.to_pem(), *two.to_pem());
    assert_ne!(one.public(), RsaPrivateKey::generate(Seed::for_testing(8)).public());
}

#[test]
fn texts_that_are_no_2048_bit_rsa_key_are_refused() {
    let other_curve = include_str!("../../../tests/fixtures/ec_pkcs8.pem");
    let short = include_str!("../../../tests/fixtures/rsa_1024.pem");
    let cut = &PKCS1[..PKCS1.len() / 2];
    let long = "A".repeat(100_000);
    for text in ["", "hello", other_curve, short, cut, &long, PUBLIC_SPKI] {
        assert!(matches!(RsaPrivateKey::from_pem(text), Err(ConfigError::RsaKey(_))), "{text}");
    }
    let other_curve = include_str!("../../../tests/fixtures/ec_public_spki.pem");
    for text in ["", "hello", other_curve, &PUBLIC_SPKI[..100], &long, PKCS1] {
        assert!(matches!(RsaPublicKey::from_pem(text), Err(ConfigError::RsaKey(_))), "{text}");
    }
}

#[test]
fn components_that_make_no_usable_public_key_are_refused() {
    let n = RsaPublicKey::from_pem(PUBLIC_SPKI).unwrap().modulus();
    let mut even = n;
    even[255] &= 0xfe;
    let mut small = n;
    small[0] = 0x7f;
    for (modulus, exponent) in [
        (&even[..], &[1, 0, 1][..]),
        (&small, &[1, 0, 1]),
        (&n[..255], &[1, 0, 1]),
        (&n, &[]),
        (&n, &[1]),
        (&n, &[4]),
        (&n, &[1, 0, 0, 0, 0, 0, 0, 0, 1]),
    ] {
        assert!(RsaPublicKey::from_components(modulus, exponent).is_err());
    }
    let mut longer = vec![0; 3];
    longer.extend(n);
    assert!(RsaPublicKey::from_components(&longer, &[0, 1, 0, 1]).is_ok());
}

#[test]
fn debug_shows_the_fingerprint_and_no_number_of_the_key() {
    let key = RsaPrivateKey::from_pem(PKCS1).unwrap();
    assert_eq!(format!("{key:?}"), format!("RsaPrivateKey({FINGERPRINT:016x}, …)"));
    assert_eq!(format!("{:?}", key.public()), format!("RsaPublicKey({FINGERPRINT:016x})"));
}

/// With this seed the first pair of primes gives the fingerprint 0f224f4794ae4c23.
#[test]
fn no_generated_key_has_a_fingerprint_that_starts_with_a_zero_nibble() {
    let fingerprint = RsaPrivateKey::generate(Seed::for_testing(11)).public().fingerprint();
    assert_eq!(format!("{:x}", fingerprint.cast_unsigned()).len(), 16);
}
