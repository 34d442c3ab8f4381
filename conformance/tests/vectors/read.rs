//! How a program reads the vectors.

use odnix_conformance::{script::Script, vectors};
use odnix_proto::envelope::Side;
use odnix_proto::{AuthKey, MsgId, Secret, Seed};
use serde_json::Value;

pub fn file(name: &str) -> Value {
    let path = vectors::folder().join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The entries of a list that is not empty.
pub fn list(value: &Value) -> &[Value] {
    let items = value.as_array().unwrap();
    assert!(!items.is_empty());
    items
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn bytes(value: &Value) -> Vec<u8> {
    let text = text(value);
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

pub fn long(value: &Value) -> i64 {
    text(value).parse().unwrap()
}

pub fn int(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap()).unwrap()
}

pub fn uint(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

pub fn msg_id(value: &Value) -> MsgId {
    MsgId::from_i64(long(value))
}

pub fn side(value: &Value) -> Side {
    match text(value) {
        "client" => Side::Client,
        "server" => Side::Server,
        other => panic!("{other}"),
    }
}

pub fn auth_key(value: &Value) -> AuthKey {
    AuthKey::new(Secret::take(&mut array(value)))
}

/// A machine's seed of 32 bytes.
pub fn seed(value: &Value) -> Seed {
    Seed::from_rng(&mut Script::new(bytes(value)))
}
