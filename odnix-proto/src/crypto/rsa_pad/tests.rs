use super::*;
use crate::seed::{Generator, Seed};
use std::sync::LazyLock;

static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    RsaPrivateKey::from_pem(include_str!("../../../tests/fixtures/rsa_pkcs1.pem")).unwrap()
});

fn rng(number: u64) -> Generator {
    Generator::new(Seed::for_testing(number))
}

#[test]
fn data_of_every_length_comes_back_in_front_of_its_padding() {
    for len in [0, 1, 96, 100, 143, DATA_LEN_MAX] {
        let data = vec![0xa7; len];
        let block = encrypt(KEY.public(), &data, rng(len as u64).rng()).unwrap();
        let opened = decrypt(&KEY, &block, rng(1).rng()).unwrap();
        assert_eq!(opened.expose_secret()[..len], data[..]);
    }
    assert_eq!(encrypt(KEY.public(), &[0; DATA_LEN_MAX + 1], rng(1).rng()), Err(SealError));
}

#[test]
fn each_malleation_of_a_block_is_refused() {
    let block = encrypt(KEY.public(), b"inner data", rng(3).rng()).unwrap();
    for at in (0..BLOCK_LEN).step_by(23) {
        let mut changed = block;
        changed[at] ^= 1;
        assert_eq!(decrypt(&KEY, &changed, rng(1).rng()).unwrap_err(), OpenError, "byte {at}");
    }
    for wrong in [&[][..], &block[1..], &[&block[..], &[0]].concat(), &[0; 256], &[0xff; 256]] {
        assert_eq!(decrypt(&KEY, wrong, rng(1).rng()).unwrap_err(), OpenError);
    }
}

#[test]
fn each_bit_of_the_plain_block_is_covered_by_the_hash() {
    let padded = [0x5c; PADDED_LEN];
    let whole = wrap(&padded, &[0x11; 32]);
    assert!(Decrypted(Secret::init(|b| *b = *whole)).open().is_ok());
    for bit in 0..BLOCK_LEN * 8 {
        let changed = Secret::init(|b: &mut [u8; BLOCK_LEN]| {
            *b = *whole;
            b[bit / 8] ^= 1 << (bit % 8);
        });
        assert_eq!(Decrypted(changed).open().unwrap_err(), OpenError, "bit {bit}");
    }
}

#[test]
fn the_hash_covers_the_data_as_given_and_the_data_travels_reversed() {
    let padded: [u8; PADDED_LEN] = core::array::from_fn(|i| i as u8);
    let temp_key = [0x42; 32];
    let mut block = wrap(&padded, &temp_key);
    let (masked_key, body) = split(&mut block);
    let mask: [u8; 32] = Sha256::digest(&*body).into();
    assert!(masked_key.iter().zip(mask).all(|(k, m)| k ^ m == 0x42));
    aes256_ige_decrypt(&temp_key, &[0; 32], body).unwrap();
    let reversed: Vec<u8> = padded.iter().rev().copied().collect();
    assert_eq!(body[..PADDED_LEN], reversed[..]);
    assert_eq!(body[PADDED_LEN..], Sha256::digest([&temp_key[..], &padded].concat())[..]);
}

#[test]
fn the_old_scheme_opens_only_with_its_hash_and_a_zero_top_byte() {
    let data = b"old inner data";
    let mut plain = [0x99; BLOCK_LEN];
    plain[0] = 0;
    plain[1..21].copy_from_slice(&Sha1::digest(data));
    plain[21..21 + data.len()].copy_from_slice(data);
    let open = |plain: &[u8; BLOCK_LEN], len| {
        Decrypted(Secret::init(|b| *b = *plain)).open_legacy(|_| len)
    };
    assert_eq!(open(&plain, Some(data.len())).unwrap().as_slice(), data);
    for len in [None, Some(0), Some(data.len() - 1), Some(1000)] {
        assert_eq!(open(&plain, len).unwrap_err(), OpenError);
    }
    for at in [0, 1, 20, 21, 20 + data.len()] {
        let mut changed = plain;
        changed[at] ^= 1;
        assert_eq!(open(&changed, Some(data.len())).unwrap_err(), OpenError, "byte {at}");
    }
}
