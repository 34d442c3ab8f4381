//! The schema that a generated module was made from, kept in the program for the JSON form of
//! its types.

/// The text of a schema that has been checked when code was generated from it.
#[derive(Debug)]
pub struct EmbeddedSchema {
    text: &'static str,
    #[cfg(feature = "serde")]
    layer: once_cell::race::OnceBox<crate::dynamic::Layer>,
}

impl EmbeddedSchema {
    /// Keeps the text, and does nothing with it.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            #[cfg(feature = "serde")]
            layer: once_cell::race::OnceBox::new(),
        }
    }

    /// The text.
    pub const fn text(&self) -> &'static str {
        self.text
    }
}

#[cfg(feature = "serde")]
mod json {
    use alloc::boxed::Box;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    use super::EmbeddedSchema;
    use crate::{
        Decode, Encode,
        dynamic::{Expected, Layer},
        json::Value,
        schema::Schema,
    };

    impl EmbeddedSchema {
        /// The codec of the schema; the first call prepares it.
        pub fn layer(&self) -> &Layer {
            self.layer.get_or_init(|| {
                // What generated code embeds has been parsed; anything else has no lines.
                let schema = Schema::parse(self.text).unwrap_or_default();
                Box::new(Layer::new(&schema))
            })
        }

        /// Writes the JSON form of a value of a generated type.
        ///
        /// # Errors
        /// Those of the serializer, and the [`EncodeError`](crate::EncodeError) of a value
        /// without a TL form.
        pub fn serialize<S: Serializer>(
            &self,
            expected: Expected<'_>,
            value: &impl Encode,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            let bytes = value.to_bytes().map_err(ser::Error::custom)?;
            let value = self.layer().decode_as(expected, bytes).map_err(ser::Error::custom)?;
            value.serialize(serializer)
        }

        /// Reads the JSON form of a value of a generated type.
        ///
        /// # Errors
        /// Those of the deserializer, and [`JsonError`](crate::json::JsonError) as one of them.
        pub fn deserialize<'de, T: Decode, D: Deserializer<'de>>(
            &self,
            expected: Expected<'_>,
            deserializer: D,
        ) -> Result<T, D::Error> {
            let value = Value::deserialize(deserializer)?;
            let bytes = self.layer().encode_as(expected, &value).map_err(de::Error::custom)?;
            T::from_bytes(bytes).map_err(de::Error::custom)
        }
    }
}
