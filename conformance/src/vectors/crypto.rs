//! The formulas: IGE, msg_key, RSA_PAD, fingerprints of RSA keys.

use super::make::{auth_key, hex, long, sample, sample_array, side};
use crate::house;
use crate::script::Script;
use base64::{Engine, engine::general_purpose::STANDARD};
use odnix_proto::crypto::ige::{aes256_ige_decrypt, aes256_ige_encrypt};
use odnix_proto::crypto::kdf::{message_key, message_key_v1};
use odnix_proto::crypto::rsa::{BLOCK_LEN, RsaPrivateKey, RsaPublicKey};
use odnix_proto::crypto::rsa_pad::{PADDED_LEN, decrypt, encrypt};
use odnix_proto::envelope::Side;
use serde_json::{Value, json};

/// AES-256-IGE in both directions.
pub fn ige() -> Value {
    let case = |(number, blocks): (u64, usize)| {
        let (key, iv) = (sample_array(number * 10), sample_array(number * 10 + 1));
        let input = sample(number * 10 + 2, blocks * 16);
        let (mut encrypted, mut decrypted) = (input.clone(), input.clone());
        aes256_ige_encrypt(&key, &iv, &mut encrypted).expect("whole blocks");
        aes256_ige_decrypt(&key, &iv, &mut decrypted).expect("whole blocks");
        json!({
            "name": format!("{blocks}_blocks"), "key": hex(key), "iv": hex(iv),
            "input": hex(input), "encrypted": hex(encrypted), "decrypted": hex(decrypted),
        })
    };
    let cases: Vec<Value> = (1..).zip([1, 2, 5, 16]).map(case).collect();
    json!({ "what": "AES-256-IGE: input encrypted, and the same input decrypted", "cases": cases })
}

/// msg_key of both versions and quick-acknowledgement tokens.
pub fn msg_key() -> Value {
    let key = auth_key(100);
    let mut cases = Vec::new();
    for (number, len) in (101..).zip([48, 64, 272]) {
        for from in [Side::Client, Side::Server] {
            let plaintext = sample(number, len);
            let hashed = message_key(&key, from, &plaintext);
            cases.push(json!({
                "from": side(from), "plaintext": hex(&plaintext),
                "msg_key": hex(hashed.msg_key), "quick_ack_token": hashed.quick_ack_token,
                "msg_key_v1": hex(message_key_v1(&plaintext)),
            }));
        }
    }
    json!({
        "what": "msg_key and quick-acknowledgement token of a padded plaintext; msg_key_v1 takes the plaintext as unpadded",
        "auth_key": hex(key.expose_secret()), "cases": cases,
    })
}

/// The key all vectors are made with: that of the tests of `odnix-proto`.
pub fn test_key() -> RsaPrivateKey {
    RsaPrivateKey::from_pem(&fixture("rsa_pkcs1.pem")).expect("a good key")
}

/// The same key as the files show it.
pub fn test_key_json() -> Value {
    let pem = fixture("rsa_pkcs1.pem");
    let numbers = der_integers(&pem);
    let key = test_key();
    json!({
        "pem": pem, "n": hex(key.public().modulus()), "e": key.public().exponent(),
        "d": hex(&numbers[3]), "fingerprint": long(key.public().fingerprint()),
    })
}

fn fixture(name: &str) -> String {
    let path = house::root().join("odnix-proto/tests/fixtures").join(name);
    std::fs::read_to_string(path).expect("a test key")
}

/// The integers of a PKCS#1 private key: version, n, e, d, and so on, without leading zeros.
fn der_integers(pem: &str) -> Vec<Vec<u8>> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(text).expect("base64");
    let (mut rest, mut numbers) = (der_content(&der).0, Vec::new());
    while !rest.is_empty() {
        let (content, after) = der_content(rest);
        let zeros = content.iter().take_while(|byte| **byte == 0).count();
        numbers.push(content[zeros..].to_vec());
        rest = after;
    }
    numbers
}

/// The content of the first DER element, and what follows the element.
fn der_content(der: &[u8]) -> (&[u8], &[u8]) {
    let (len, start) = match der[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        long => {
            let bytes = &der[2..2 + usize::from(long & 0x7f)];
            let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            (len, 2 + bytes.len())
        }
    };
    (&der[start..start + len], &der[start + len..])
}

/// RSA_PAD with all that is drawn at random, and blocks that must not open.
pub fn rsa_pad() -> Value {
    let key = test_key();
    let seals = [("96_bytes", 96, false), ("144_bytes", 144, false), ("drawn_twice", 96, true)];
    let seals: Vec<Value> = (0..)
        .zip(seals)
        .map(|(number, (name, len, twice))| {
            let data = sample(200 + number, len);
            let padding = sample(210 + number, PADDED_LEN - len);
            let (temp_keys, encrypted) = seal(key.public(), &data, &padding, twice, 1000 * number);
            json!({
                "name": name, "data": hex(data), "padding": hex(padding),
                "temp_keys": temp_keys, "encrypted_data": hex(encrypted),
            })
        })
        .collect();
    let good = seal(key.public(), &sample(220, 96), &sample(221, 96), false, 9000).1;
    json!({
        "what": "RSA_PAD of data, padding and temp_keys (all but the last temp_key give a number that is not below n), and blocks with the verdict of the key's owner",
        "key": test_key_json(), "seal": seals, "open": opens(&key, good),
    })
}

/// Seals so that the first temp_key is taken, or the second one. The search is over seeds.
fn seal(
    key: &RsaPublicKey,
    data: &[u8],
    padding: &[u8],
    twice: bool,
    first_seed: u64,
) -> (Vec<String>, [u8; BLOCK_LEN]) {
    let wanted = if twice { 2 } else { 1 };
    for seed in (first_seed..).step_by(8) {
        let temp_keys: Vec<Vec<u8>> = (seed..seed + 8).map(|seed| sample(seed, 32)).collect();
        let bytes = padding.iter().chain(temp_keys.iter().flatten()).copied();
        let mut script = Script::new(bytes);
        let block = encrypt(key, data, &mut script).expect("data that fits");
        if temp_keys.len() - script.left() / 32 == wanted {
            return (temp_keys.iter().take(wanted).map(hex).collect(), block);
        }
    }
    unreachable!("each temp_key is refused with the same probability")
}

fn opens(key: &RsaPrivateKey, good: [u8; BLOCK_LEN]) -> Vec<Value> {
    let mut flipped = good;
    flipped[100] ^= 1;
    let modulus = key.public().modulus();
    let mut below = modulus;
    below[BLOCK_LEN - 1] ^= 1;
    let blocks: [(&str, &[u8]); 7] = [
        ("good", &good),
        ("one_bit_flipped", &flipped),
        ("cut_to_255_bytes", &good[1..]),
        ("zero_byte_in_front", &[&[0], &good[..]].concat()),
        ("equal_to_the_modulus", &modulus),
        ("modulus_less_one", &below),
        ("all_bits_set", &[0xff; BLOCK_LEN]),
    ];
    let open = |(name, block): (&str, &[u8])| {
        let opened = decrypt(key, block, &mut Script::new(sample(230, 4096))).ok();
        let padded = opened.map(|padded| hex(padded.expose_secret()));
        json!({ "name": name, "encrypted_data": hex(block), "padded": padded })
    };
    blocks.into_iter().map(open).collect()
}

/// Fingerprints, also of exponents whose TL form is padded differently.
pub fn key_fingerprints() -> Value {
    let sample_pem = std::fs::read_to_string(super::folder().join("public-auth-key-sample.pem"))
        .expect("the published key");
    let published = RsaPublicKey::from_pem(&sample_pem).expect("a good key");
    let ours = RsaPublicKey::from_pem(&fixture("rsa_public_pkcs1.pem")).expect("a good key");
    let with_exponent = |exponent: &[u8]| {
        RsaPublicKey::from_components(&ours.modulus(), exponent).expect("a good exponent")
    };
    let keys = [
        ("published_with_the_documentation", published.clone(), vec![sample_pem]),
        (
            "test_key",
            ours.clone(),
            vec![fixture("rsa_public_pkcs1.pem"), fixture("rsa_public_spki.pem")],
        ),
        ("exponent_of_one_byte", with_exponent(&[3]), vec![]),
        ("exponent_of_two_bytes", with_exponent(&[1, 1]), vec![]),
        ("exponent_of_four_bytes", with_exponent(&[1, 0, 0, 1]), vec![]),
    ];
    let case = |(name, key, pem): (&str, RsaPublicKey, Vec<String>)| {
        json!({
            "name": name, "n": hex(key.modulus()), "e": key.exponent(), "pem": pem,
            "fingerprint": long(key.fingerprint()),
            "fingerprint_bytes": hex(key.fingerprint().to_le_bytes()),
        })
    };
    let cases: Vec<Value> = keys.into_iter().map(case).collect();
    json!({ "what": "SHA1(TL bytes of n, TL bytes of e)[12..20], as a long and as it travels", "cases": cases })
}
