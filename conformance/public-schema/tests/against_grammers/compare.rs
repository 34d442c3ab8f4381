//! Compares the JSON forms of the same value in both libraries.
//!
//! | | ours | theirs |
//! |---|---|---|
//! | constructor | `{"_": "ns.name", …}` | `{"Variant": {…}}`, `"Variant"` without fields |
//! | function | `{"_": "ns.name", …}` | `{…}` |
//! | field | as in the schema | in small letters; `self` is `is_self` |
//! | absent field | no member | `null` |
//! | `long` | decimal string | number |
//! | `bytes`, `int256`, `!X` | base64 | array of numbers |

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// The path to the first difference, and what it is.
pub fn values(ours: &Value, theirs: &Value) -> Result<(), String> {
    let is_equal = match (ours, theirs) {
        (Value::Object(_), _) => return constructor(ours, theirs),
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut items = ours.iter().zip(theirs).enumerate();
            return items.try_for_each(|(index, (ours, theirs))| {
                values(ours, theirs).map_err(|error| format!("[{index}]{error}"))
            });
        }
        (Value::String(ours), Value::Number(theirs)) => *ours == theirs.to_string(),
        (Value::String(ours), Value::Array(theirs)) => {
            let bytes = theirs.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
            let bytes: Option<Vec<u8>> = bytes.collect();
            bytes.is_some_and(|bytes| STANDARD.encode(bytes) == *ours)
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => ours == theirs,
        _ => false,
    };
    if is_equal { Ok(()) } else { Err(format!(": {ours} is not {theirs}")) }
}

fn constructor(ours: &Value, theirs: &Value) -> Result<(), String> {
    let unit = Value::Object(serde_json::Map::new());
    let (variant, their_fields) = match theirs {
        Value::String(variant) => (variant, &unit),
        Value::Object(tagged) if tagged.len() == 1 => tagged.iter().next().unwrap(),
        _ => return Err(format!(": {ours} is not {theirs}")),
    };
    // Theirs leave out how the name of the type starts.
    let name = ours["_"].as_str().unwrap_or_default();
    if variant.is_empty() || !plain(name).ends_with(&plain(variant)) {
        return Err(format!(": {name} is not {variant}"));
    }
    fields(ours, their_fields)
}

/// The fields alone, without the name of the constructor.
pub fn fields(ours: &Value, theirs: &Value) -> Result<(), String> {
    let (Some(ours), Some(theirs)) = (ours.as_object(), theirs.as_object()) else {
        return Err(format!(": {ours} is not {theirs}"));
    };
    let members = theirs.iter().filter(|(_, value)| !value.is_null());
    let mut open: BTreeMap<_, _> = members.map(|(name, value)| (their_name(name), value)).collect();
    for (name, value) in ours.iter().filter(|(name, _)| *name != "_") {
        let Some(their_value) = open.remove(&plain(name)) else {
            return Err(format!(".{name}: theirs have no such field"));
        };
        values(value, their_value).map_err(|error| format!(".{name}{error}"))?;
    }
    match open.into_keys().next() {
        None => Ok(()),
        Some(name) => Err(format!(".{name}: ours have no such field")),
    }
}

fn their_name(name: &str) -> String {
    plain(if name == "is_self" { "self" } else { name })
}

/// A name without what the two libraries spell differently.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    use serde_json::json;

    let ours = json!({
        "_": "ns.peerUser", "self": true, "user_id": "-7", "x": [{"_": "peerEmpty"}], "data": "AQI="
    });
    let theirs = |variant: &str, fields: Value| json!({ variant: fields });
    let equal = json!({
        "is_self": true, "user_id": -7, "x": ["Empty"], "data": [1, 2], "absent": null
    });
    assert_eq!(values(&ours, &theirs("User", equal.clone())), Ok(()));
    assert_eq!(fields(&ours, &equal), Ok(()));
    assert_eq!(
        values(&ours, &theirs("Chat", equal.clone())),
        Err(": ns.peerUser is not Chat".into())
    );
    for (member, value, difference) in [
        ("is_self", json!(false), ".self: true is not false"),
        ("user_id", json!(7), ".user_id: \"-7\" is not 7"),
        ("x", json!([]), ".x: [{\"_\":\"peerEmpty\"}] is not []"),
        ("x", json!(["Full"]), ".x[0]: peerEmpty is not Full"),
        ("x", json!([{"Empty": {"n": 1}}]), ".x[0].n: ours have no such field"),
        ("data", json!([1, 3]), ".data: \"AQI=\" is not [1,3]"),
        ("data", json!(null), ".data: theirs have no such field"),
        ("absent", json!(0), ".absent: ours have no such field"),
    ] {
        let mut other = equal.clone();
        other[member] = value;
        assert_eq!(fields(&ours, &other), Err(difference.into()));
    }
}
