//! The JSON forms of the values that every schema has.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, display::Base64Display, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

use super::{AsJson, Json, JsonError, JsonFlagged, Members, Value, deserialize};
use crate::Raw;

impl Json for bool {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self)
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        match value {
            Value::Bool(value) => Ok(value),
            other => Err(JsonError::expected("true or false", &other)),
        }
    }
}

impl Json for i32 {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(*self)
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        match value {
            Value::Int(value) => Self::try_from(value)
                .map_err(|_| JsonError::new(format!("{value} does not fit 32 bits"))),
            other => Err(JsonError::expected("a whole number", &other)),
        }
    }
}

impl Json for i64 {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        let Value::String(text) = value else {
            return Err(JsonError::expected("a decimal string", &value));
        };
        let number = text.parse().ok().filter(|number: &Self| number.to_string() == text);
        number.ok_or_else(|| JsonError::new(format!("{text:?} is not a 64-bit decimal")))
    }
}

impl Json for f64 {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            finite if finite.is_finite() => serializer.serialize_f64(finite),
            Self::INFINITY => serializer.serialize_str("Infinity"),
            Self::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            _ => serializer.serialize_str("NaN"),
        }
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        match value {
            Value::Float(value) => Ok(value),
            #[expect(clippy::as_conversions, reason = "JSON readers round to the next double")]
            Value::Int(value) => Ok(value as Self),
            Value::String(text) if text == "Infinity" => Ok(Self::INFINITY),
            Value::String(text) if text == "-Infinity" => Ok(Self::NEG_INFINITY),
            Value::String(text) if text == "NaN" => Ok(Self::NAN),
            other => Err(JsonError::expected("a number", &other)),
        }
    }
}

impl Json for String {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        match value {
            Value::String(value) => Ok(value),
            other => Err(JsonError::expected("a string", &other)),
        }
    }
}

impl Json for Bytes {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self, &STANDARD))
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        let Value::String(text) = value else {
            return Err(JsonError::expected("a base64 string", &value));
        };
        let bytes = STANDARD.decode(text).map(Self::from);
        bytes.map_err(|error| JsonError::new(format!("not base64: {error}")))
    }
}

impl<const N: usize> Json for [u8; N] {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self, &STANDARD))
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        let bytes = Bytes::from_json(value)?;
        let wrong_len = |_| JsonError::new(format!("{} bytes, but {N} needed", bytes.len()));
        Self::try_from(bytes.as_ref()).map_err(wrong_len)
    }
}

impl Json for Raw {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json(serializer)
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        Bytes::from_json(value).map(Self)
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer)
    }
}

impl<T: Json> Json for Vec<T> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(AsJson))
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        let Value::Array(items) = value else {
            return Err(JsonError::expected("an array", &value));
        };
        let item =
            |(index, item)| T::from_json(item).map_err(|error| error.inside(&format!("[{index}]")));
        items.into_iter().enumerate().map(item).collect()
    }
}

impl<T: Json> Json for Box<T> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::to_json(self, serializer)
    }

    fn from_json(value: Value) -> Result<Self, JsonError> {
        T::from_json(value).map(Self::new)
    }
}

impl JsonFlagged for bool {
    fn put_member<M: SerializeMap>(&self, map: &mut M, name: &'static str) -> Result<(), M::Error> {
        map.serialize_entry(name, self)
    }

    fn take_member(members: &mut Members, name: &'static str) -> Result<Self, JsonError> {
        members.take_optional(name).map(Option::unwrap_or_default)
    }
}

impl<T: Json> JsonFlagged for Option<T> {
    fn put_member<M: SerializeMap>(&self, map: &mut M, name: &'static str) -> Result<(), M::Error> {
        self.iter().try_for_each(|value| map.serialize_entry(name, &AsJson(value)))
    }

    fn take_member(members: &mut Members, name: &'static str) -> Result<Self, JsonError> {
        members.take_optional(name)
    }
}
