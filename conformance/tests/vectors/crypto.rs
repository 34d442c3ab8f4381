//! ige.json, msg_key.json, rsa_pad.json, key_fingerprints.json.

use super::read::{array, auth_key, bytes, file, list, long, side, text, uint};
use odnix_conformance::script::Script;
use odnix_proto::crypto::rsa::{RsaPrivateKey, RsaPublicKey};
use odnix_proto::crypto::{ige, kdf, rsa_pad};

#[test]
fn ige_in_both_directions() {
    for case in list(&file("ige")["cases"]) {
        let (key, iv) = (array(&case["key"]), array(&case["iv"]));
        let (input, encrypted) = (bytes(&case["input"]), bytes(&case["encrypted"]));
        let mut data = input.clone();
        ige::aes256_ige_encrypt(&key, &iv, &mut data).unwrap();
        assert_eq!(data, encrypted);
        ige::aes256_ige_decrypt(&key, &iv, &mut data).unwrap();
        assert_eq!(data, input);
        ige::aes256_ige_decrypt(&key, &iv, &mut data).unwrap();
        assert_eq!(data, bytes(&case["decrypted"]));
    }
}

#[test]
fn msg_keys_and_quick_acknowledgement_tokens() {
    let vectors = file("msg_key");
    let key = auth_key(&vectors["auth_key"]);
    for case in list(&vectors["cases"]) {
        let plaintext = bytes(&case["plaintext"]);
        let hashed = kdf::message_key(&key, side(&case["from"]), &plaintext);
        assert_eq!(hashed.msg_key, array(&case["msg_key"]));
        assert_eq!(hashed.quick_ack_token, uint(&case["quick_ack_token"]));
        assert_eq!(kdf::message_key_v1(&plaintext), array(&case["msg_key_v1"]));
    }
}

#[test]
fn rsa_pad_seals_with_the_given_randomness_and_opens_again() {
    let vectors = file("rsa_pad");
    let key = RsaPrivateKey::from_pem(text(&vectors["key"]["pem"])).unwrap();
    let mut redrawn = 0;
    for case in list(&vectors["seal"]) {
        let (data, padding) = (bytes(&case["data"]), bytes(&case["padding"]));
        let temp_keys: Vec<Vec<u8>> = list(&case["temp_keys"]).iter().map(bytes).collect();
        redrawn += temp_keys.len() - 1;
        let drawn = padding.iter().chain(temp_keys.iter().flatten()).copied();
        let mut script = Script::new(drawn);
        let block = rsa_pad::encrypt(key.public(), &data, &mut script).unwrap();
        assert_eq!((block, script.left()), (array(&case["encrypted_data"]), 0), "{case}");
        let padded = rsa_pad::decrypt(&key, &block, &mut Script::new(vec![5; 256])).unwrap();
        assert_eq!(padded.expose_secret()[..], [data, padding].concat());
    }
    assert!(redrawn > 0, "one case draws a second temp_key");
}

#[test]
fn rsa_blocks_open_or_are_refused() {
    let vectors = file("rsa_pad");
    let key = RsaPrivateKey::from_pem(text(&vectors["key"]["pem"])).unwrap();
    for case in list(&vectors["open"]) {
        let block = bytes(&case["encrypted_data"]);
        let opened = rsa_pad::decrypt(&key, &block, &mut Script::new(vec![5; 256]));
        let opened = opened.ok().map(|padded| padded.expose_secret().to_vec());
        let expected = (!case["padded"].is_null()).then(|| bytes(&case["padded"]));
        assert_eq!(opened, expected, "{}", case["name"]);
    }
}

#[test]
fn fingerprints_of_numbers_and_of_files() {
    for case in list(&file("key_fingerprints")["cases"]) {
        let exponent = case["e"].as_u64().unwrap().to_be_bytes();
        let key = RsaPublicKey::from_components(&bytes(&case["n"]), &exponent).unwrap();
        assert_eq!(key.fingerprint(), long(&case["fingerprint"]));
        assert_eq!(key.fingerprint().to_le_bytes(), array(&case["fingerprint_bytes"]));
        for pem in case["pem"].as_array().unwrap() {
            assert_eq!(RsaPublicKey::from_pem(text(pem)).unwrap(), key);
        }
    }
}

#[test]
fn the_numbers_of_the_test_key_are_those_of_its_file() {
    for name in ["rsa_pad", "handshake"] {
        let vectors = file(name);
        let json = vectors.get("key").unwrap_or(&vectors["server_key"]);
        let key = RsaPrivateKey::from_pem(text(&json["pem"])).unwrap();
        assert_eq!(key.public().modulus(), array(&json["n"]));
        assert_eq!(key.public().exponent(), json["e"].as_u64().unwrap());
        assert_eq!(key.public().fingerprint(), long(&json["fingerprint"]));
    }
}
