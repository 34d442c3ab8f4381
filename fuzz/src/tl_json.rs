//! JSON to TL and back: text that is a value of a schema has one TL form, which both codecs read,
//! and which shows as JSON that has the same TL form again.

use crate::memory;
use bytes::Bytes;
use odnix_tl::{Decode, EmbeddedSchema, Encode, dynamic::Expected, json::Value, mtproto, odnix};

/// Arrays of the shortest items, and their TL form.
const BYTES_PER_BYTE: usize = 256;

/// One input.
pub fn run(input: &[u8]) {
    for schema in [&mtproto::SCHEMA, &odnix::SCHEMA] {
        // Once, before memory is counted.
        schema.layer();
    }
    let parsed =
        memory::bounded(input, 64 << 10, BYTES_PER_BYTE, || serde_json::from_slice::<Value>(input));
    let Ok(value) = parsed else { return };
    let value = &value;
    same::<mtproto::Request>(&mtproto::SCHEMA, Expected::Function, value);
    same::<mtproto::Object>(&mtproto::SCHEMA, Expected::Constructor, value);
    same::<odnix::Request>(&odnix::SCHEMA, Expected::Function, value);
    same::<odnix::Object>(&odnix::SCHEMA, Expected::Constructor, value);
}

fn same<T: Decode + Encode>(schema: &EmbeddedSchema, expected: Expected<'_>, value: &Value) {
    let layer = schema.layer();
    let Ok(bytes) = layer.encode_as(expected, value) else { return };
    let shown = layer.decode(bytes.clone()).expect("our own bytes decode");
    assert_eq!(layer.encode_as(expected, &shown).as_ref(), Ok(&bytes), "{value:?}");
    let text = serde_json::to_string(&shown).expect("a value is JSON");
    let read: Value = serde_json::from_str(&text).expect("our own JSON is read");
    assert_eq!(layer.encode_as(expected, &read).as_ref(), Ok(&bytes), "{text}");
    // Bool and true are types of Rust, not of the generated code.
    if !["boolTrue", "boolFalse", "true", "null"].iter().any(|name| is_named(&shown, name)) {
        generated::<T>(bytes);
    }
}

fn generated<T: Decode + Encode>(bytes: Bytes) {
    let object = T::from_bytes(bytes.clone()).expect("both codecs read the same");
    let encoded = object.to_bytes().expect("what was decoded can be encoded");
    let only_cleared = |(after, before): (&u8, &u8)| after & !before == 0;
    assert_eq!(encoded.len(), bytes.len());
    assert!(encoded.iter().zip(&bytes).all(only_cleared), "{bytes:02x?} became {encoded:02x?}");
}

fn is_named(value: &Value, wanted: &str) -> bool {
    let Value::Object(members) = value else { return false };
    let is_name =
        |(name, value): &(String, Value)| name == "_" && *value == Value::String(wanted.to_owned());
    members.iter().any(is_name)
}
