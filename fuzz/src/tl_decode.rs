//! TL objects and requests of both schemas: what decodes, encodes to the very bytes it was read
//! from; the codec for schemas at run time says the same of them as the generated one; and no
//! count on the wire buys more memory than its bytes are worth.
//!
//! One difference is allowed: generated types have no place for bits of a `#` that stand for no
//! field, which newer layers may set, and so those are gone when encoded again.

use crate::memory;
use bytes::Bytes;
use odnix_tl::{
    Decode, DecodeError, EmbeddedSchema, Encode, dynamic::LayerError, json::Value, mtproto, odnix,
    schema::Kind,
};

/// A 4-byte item may become a struct of this many bytes.
const BYTES_PER_BYTE: usize = 512;
/// Four bytes may be a constructor with this many names of flags.
const JSON_BYTES_PER_BYTE: usize = 4096;

/// The constructors of types that Rust has anyway.
const BUILT_IN: [&str; 4] = ["boolTrue", "boolFalse", "true", "null"];

/// One input.
pub fn run(input: &[u8]) {
    for schema in [&mtproto::SCHEMA, &odnix::SCHEMA] {
        // Once, before memory is counted.
        schema.layer();
    }
    same::<mtproto::Request>(&mtproto::SCHEMA, Kind::Function, input);
    same::<mtproto::Object>(&mtproto::SCHEMA, Kind::Constructor, input);
    same::<odnix::Request>(&odnix::SCHEMA, Kind::Function, input);
    same::<odnix::Object>(&odnix::SCHEMA, Kind::Constructor, input);
}

fn same<T: Decode + Encode>(schema: &EmbeddedSchema, kind: Kind, input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    // The dynamic codec shows objects of either kind, and the types that Rust has anyway.
    let is_of_kind = schema
        .layer()
        .identify(input)
        .is_some_and(|(of, name)| of == kind && !BUILT_IN.contains(&name));
    let decoded = memory::bounded(input, 64 << 10, BYTES_PER_BYTE, || T::from_bytes(bytes.clone()));
    match (decoded, dynamic(schema, bytes)) {
        (Ok(object), Ok(shown)) => {
            let encoded = round_trip(&object, input);
            let plain = dynamic(schema, encoded).expect("our own bytes decode");
            assert_eq!(without_unused_bits(shown), plain, "{input:02x?}");
        }
        (Err(_), Ok(shown)) => {
            assert!(!is_of_kind, "{input:02x?} is {shown:?}, not decoded");
        }
        (Err(error), Err(dynamic)) if is_of_kind => {
            assert_eq!(without_type(error), without_type(dynamic.error), "{input:02x?}");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("{input:02x?} has no JSON form: {error}"),
    }
}

/// Decodes, and encodes to the same bytes.
fn dynamic(schema: &EmbeddedSchema, bytes: Bytes) -> Result<Value, LayerError> {
    let layer = schema.layer();
    let shown =
        memory::bounded(&bytes, 64 << 10, JSON_BYTES_PER_BYTE, || layer.decode(bytes.clone()))?;
    assert_eq!(layer.encode(&shown).as_ref(), Ok(&bytes), "{shown:?}");
    Ok(shown)
}

fn round_trip<T: Decode + Encode>(object: &T, input: &[u8]) -> Bytes {
    let encoded = object.to_bytes().expect("what was decoded can be encoded");
    assert_eq!(encoded.len(), input.len());
    let only_cleared = |(after, before): (&u8, &u8)| after & !before == 0;
    assert!(encoded.iter().zip(input).all(only_cleared), "{input:02x?} became {encoded:02x?}");
    let again = T::from_bytes(encoded.clone()).expect("our own bytes decode");
    assert_eq!(again.to_bytes().expect("and encode"), encoded);
    encoded
}

/// Without the members that hold bits of a `#`. Inside of an `!X` or `Object` they stay, as its
/// bytes do.
fn without_unused_bits(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_unused = |name: &str, value: &Value| {
                name.starts_with("flags") && matches!(value, Value::Int(_))
            };
            let members = members.into_iter().filter(|(name, value)| !is_unused(name, value));
            let inner = |(name, value): (String, Value)| match name.as_str() {
                "query" | "result" | "body" => (name, value),
                _ => (name, without_unused_bits(value)),
            };
            Value::Object(members.map(inner).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_unused_bits).collect()),
        scalar => scalar,
    }
}

/// The error without the name of the type, which only generated code has in it.
fn without_type(error: DecodeError) -> DecodeError {
    match error {
        DecodeError::UnknownConstructor { position, id, .. } => {
            DecodeError::UnknownConstructor { position, id, expected: "" }
        }
        other => other,
    }
}
