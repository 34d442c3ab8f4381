//! The JSON form of a [`Raw`] on its own, where no layer is known: base64 of the TL form.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Value;
use crate::Raw;

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::base64(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Value::deserialize(deserializer)?.as_bytes().map_err(de::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}
