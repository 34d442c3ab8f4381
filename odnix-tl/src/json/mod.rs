//! The JSON form of TL values, through `serde` (feature `serde`).
//!
//! | TL | JSON |
//! |---|---|
//! | constructor, function | object: `"_"` holds the name in the schema, then the fields |
//! | `int`, `double` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `long` | string, decimal: JSON numbers are not exact beyond 2⁵³ |
//! | `string` | string |
//! | `bytes`, `int128`, `int256` | string, base64 with padding |
//! | `Bool`, `flags.N?true` | `true`, `false` |
//! | `flags.N?T` | the value; no member at all if absent |
//! | `Vector<T>` | array |
//! | `Object`, `!X` | string, base64 of the TL form |
//!
//! Reading is strict: `"_"` is required, a member the constructor does not have is an error,
//! and so is a missing one. For a conditional field `null` means absent, and a missing
//! `flags.N?true` means `false`. [`JsonError`] says where in the value the fault is.
//!
//! Only self-describing formats, such as JSON, can be read.
//!
//! ```
//! use odnix_tl::odnix::{enums::InputPeer, functions::messages::SetTyping};
//!
//! let text = r#"{
//!     "_": "messages.setTyping",
//!     "peer": {"_": "inputPeerUser", "user_id": "7", "access_hash": "-1"},
//!     "action": {"_": "sendMessageTypingAction"}
//! }"#;
//! let request: SetTyping = serde_json::from_str(text)?;
//! assert!(matches!(request.peer, InputPeer::InputPeerUser(_)));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod value;
mod values;

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String};
use core::fmt;

use crate::Constructor;

pub use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
pub use value::Value;

/// The member that holds the name of the constructor.
const NAME: &str = "_";

/// A value with a JSON form.
pub trait Json: Sized {
    /// Writes the value.
    ///
    /// # Errors
    /// Those of the serializer.
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Takes the value out of `value`.
    ///
    /// # Errors
    /// [`JsonError`].
    fn from_json(value: Value) -> Result<Self, JsonError>;
}

/// A constructor, whose JSON form is an object.
pub trait JsonObject: Constructor {
    /// Writes all fields.
    ///
    /// # Errors
    /// Those of the serializer.
    fn put_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;

    /// Takes all fields.
    ///
    /// # Errors
    /// [`JsonError`].
    fn take_fields(members: &mut Members) -> Result<Self, JsonError>;

    /// Writes `"_"` and all fields.
    ///
    /// # Errors
    /// Those of the serializer.
    fn put_object<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(NAME, Self::NAME)?;
        self.put_fields(&mut map)?;
        map.end()
    }
}

/// A field that may be absent.
pub trait JsonFlagged: Sized {
    /// Writes the member, if there is one.
    ///
    /// # Errors
    /// Those of the serializer.
    fn put_member<M: SerializeMap>(&self, map: &mut M, name: &'static str) -> Result<(), M::Error>;

    /// Takes the member, if there is one.
    ///
    /// # Errors
    /// [`JsonError`].
    fn take_member(members: &mut Members, name: &'static str) -> Result<Self, JsonError>;
}

/// Makes a [`Json`] value one for `serde`.
#[derive(Debug)]
pub struct AsJson<'a, T>(pub &'a T);

impl<T: Json> Serialize for AsJson<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json(serializer)
    }
}

/// Reads a [`Json`] value from a `serde` deserializer.
///
/// # Errors
/// Those of the deserializer, and [`JsonError`] as one of them.
pub fn deserialize<'de, T: Json, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    T::from_json(value).map_err(de::Error::custom)
}

/// The members of a JSON object that have not been taken yet.
#[derive(Debug)]
pub struct Members {
    name: String,
    members: BTreeMap<String, Value>,
}

impl Members {
    /// The members of `value`, which must be an object with a name.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn open(value: Value) -> Result<Self, JsonError> {
        let Value::Object(mut members) = value else {
            return Err(JsonError::expected("an object", &value));
        };
        let name = members.remove(NAME).ok_or_else(|| missing(NAME))?;
        let name = String::from_json(name).map_err(|error| error.inside(NAME))?;
        Ok(Self { name, members })
    }

    /// The name of the constructor.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All members as the fields of `T`, whatever the name.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn into_object<T: JsonObject>(mut self) -> Result<T, JsonError> {
        let object = T::take_fields(&mut self)?;
        match self.members.into_keys().next() {
            None => Ok(object),
            Some(unknown) => {
                Err(JsonError::new(format!("{} has no such field", T::NAME)).inside(&unknown))
            }
        }
    }

    /// That the name is not one of the constructors of `expected`.
    pub fn unknown_name(&self, expected: &str) -> JsonError {
        let message = format!("{:?} is not a constructor of {expected}", self.name);
        JsonError::new(message).inside(NAME)
    }

    /// Takes the member `name`, which must be there.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn take<T: Json>(&mut self, name: &'static str) -> Result<T, JsonError> {
        let value = self.members.remove(name).ok_or_else(|| missing(name))?;
        T::from_json(value).map_err(|error| error.inside(name))
    }

    /// Takes the member `name`, if it is there.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn take_optional<T: Json>(&mut self, name: &'static str) -> Result<Option<T>, JsonError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::from_json(value).map(Some).map_err(|error| error.inside(name)),
        }
    }
}

/// Takes one constructor, and no other, out of `value`.
///
/// # Errors
/// [`JsonError`].
pub fn only<T: JsonObject>(value: Value) -> Result<T, JsonError> {
    let members = Members::open(value)?;
    if members.name() == T::NAME {
        members.into_object()
    } else {
        Err(members.unknown_name(T::NAME))
    }
}

/// Why a JSON value is not the TL value it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The members and indices that lead to the fault: `peer.user_id`, `id[3]`.
    pub path: String,
    /// What the fault is.
    pub message: String,
}

impl JsonError {
    fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    fn expected(expected: &str, found: &Value) -> Self {
        Self::new(format!("expected {expected}, found {}", found.kind()))
    }

    fn inside(mut self, name: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{separator}{}", self.path);
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path, self.message)
    }
}

impl core::error::Error for JsonError {}

fn missing(name: &str) -> JsonError {
    JsonError::new("missing".to_owned()).inside(name)
}
