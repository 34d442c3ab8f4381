//! Every derivation of `crypto::kdf` (and IGE under it) against `conformance/vectors/kdf.json`,
//! values computed without this library (see `docs/vectors.md`).

use odnix_proto::crypto::{ige, kdf};
use odnix_proto::envelope::Side;
use odnix_proto::{AuthKey, Secret};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/vectors/kdf.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().unwrap()
}

fn auth_key(vectors: &Value) -> AuthKey {
    AuthKey::new(Secret::take(&mut array(&vectors["auth_key"])))
}

fn side(case: &Value) -> Side {
    match case["from"].as_str().unwrap() {
        "client" => Side::Client,
        "server" => Side::Server,
        other => panic!("unknown side {other}"),
    }
}

#[test]
fn auth_key_id_and_aux_hash() {
    let vectors = vectors();
    let key = auth_key(&vectors);
    assert_eq!(key.id().to_bytes(), array(&vectors["auth_key_id"]));
    assert_eq!(key.aux_hash(), array(&vectors["aux_hash"]));
}

#[test]
fn aes_key_and_iv_of_a_message() {
    let vectors = vectors();
    let key = auth_key(&vectors);
    let msg_key = array(&vectors["message_keys"]["msg_key"]);
    for case in vectors["message_keys"]["cases"].as_array().unwrap() {
        let keys = match case["version"].as_u64().unwrap() {
            1 => kdf::message_keys_v1(&key, side(case), &msg_key),
            2 => kdf::message_keys(&key, side(case), &msg_key),
            other => panic!("unknown version {other}"),
        };
        assert_eq!(*keys.expose_key(), array(&case["aes_key"]), "{case}");
        assert_eq!(*keys.expose_iv(), array(&case["aes_iv"]), "{case}");
    }
}

#[test]
fn msg_key_and_quick_ack_token() {
    let vectors = vectors();
    let key = auth_key(&vectors);
    let plaintext = hex(&vectors["message_key"]["plaintext"]);
    for case in vectors["message_key"]["cases"].as_array().unwrap() {
        let hashed = kdf::message_key(&key, side(case), &plaintext);
        assert_eq!(hashed.msg_key, array(&case["msg_key"]), "{case}");
        let token = u32::from_be_bytes(array(&case["quick_ack_token_u32"]));
        assert_eq!(hashed.quick_ack_token, token, "{case}");
    }
}

#[test]
fn version_1_msg_key_is_the_end_of_sha1() {
    // SHA1("abc") = a9993e36 4706816aba3e25717850c26c9cd0d89d (FIPS 180-4).
    let tail = array(&Value::from("4706816aba3e25717850c26c9cd0d89d"));
    assert_eq!(kdf::message_key_v1(b"abc"), tail);
}

#[test]
fn key_exchange_derivations() {
    let vectors = vectors();
    let exchange = &vectors["key_exchange"];
    let (new_nonce, server_nonce) =
        (array(&exchange["new_nonce"]), array(&exchange["server_nonce"]));
    let keys = kdf::handshake_keys(&new_nonce, &server_nonce);
    assert_eq!(*keys.expose_key(), array(&exchange["tmp_aes_key"]));
    assert_eq!(*keys.expose_iv(), array(&exchange["tmp_aes_iv"]));
    let aux_hash = auth_key(&vectors).aux_hash();
    for (number, hash) in (1..).zip(exchange["new_nonce_hash"].as_array().unwrap()) {
        assert_eq!(kdf::new_nonce_hash(&new_nonce, number, aux_hash), array(hash), "{number}");
    }
    assert_eq!(kdf::params_fail_hash(&new_nonce), array(&exchange["params_fail_hash"]));
}

#[test]
fn first_salt_is_the_xor_of_the_nonces() {
    let salt = &vectors()["first_server_salt"];
    let derived = kdf::first_server_salt(&array(&salt["new_nonce"]), &array(&salt["server_nonce"]));
    assert_eq!(derived.to_le_bytes(), array(&salt["server_salt"]));
}

#[test]
fn ige_of_two_blocks() {
    let ige = &vectors()["ige"];
    let (key, iv) = (array(&ige["key"]), array(&ige["iv"]));
    let mut data = hex(&ige["input"]);
    ige::aes256_ige_encrypt(&key, &iv, &mut data).unwrap();
    assert_eq!(data, hex(&ige["encrypted"]));
    let mut data = hex(&ige["input"]);
    ige::aes256_ige_decrypt(&key, &iv, &mut data).unwrap();
    assert_eq!(data, hex(&ige["decrypted"]));
}

#[test]
fn ige_refuses_a_partial_block_and_leaves_it_alone() {
    for len in [1, 15, 17, 31] {
        let mut data = vec![5; len];
        assert_eq!(ige::aes256_ige_encrypt(&[1; 32], &[2; 32], &mut data), Err(ige::PartialBlock));
        assert_eq!(ige::aes256_ige_decrypt(&[1; 32], &[2; 32], &mut data), Err(ige::PartialBlock));
        assert_eq!(data, vec![5; len]);
    }
}

#[test]
fn derived_keys_do_not_show_in_debug_output() {
    let keys = kdf::handshake_keys(&[0; 32], &[0; 16]);
    assert_eq!(format!("{keys:?}"), "AesKeyIv(…)");
}
