//! The JSON forms of the values that have no fields.

use alloc::{borrow::ToOwned, format, string::ToString, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{JsonError, Value};

/// The bits of the one NaN that needs no further description.
const NAN: u64 = 0x7ff8_0000_0000_0000;

type Scalar<T> = Result<T, JsonError>;

impl Value {
    pub(crate) fn long(value: i64) -> Self {
        Self::String(value.to_string())
    }

    pub(crate) fn double(value: f64) -> Self {
        let text = match value {
            finite if finite.is_finite() => return Self::Float(value),
            f64::INFINITY => "Infinity".to_owned(),
            f64::NEG_INFINITY => "-Infinity".to_owned(),
            nan if nan.to_bits() == NAN => "NaN".to_owned(),
            nan => format!("NaN:{:016x}", nan.to_bits()),
        };
        Self::String(text)
    }

    pub(crate) fn base64(bytes: &[u8]) -> Self {
        Self::String(STANDARD.encode(bytes))
    }

    pub(crate) fn as_bool(&self) -> Scalar<bool> {
        match self {
            Self::Bool(value) => Ok(*value),
            other => Err(JsonError::expected("true or false", other)),
        }
    }

    pub(crate) fn as_int(&self) -> Scalar<i32> {
        match self {
            Self::Int(value) => {
                i32::try_from(*value).map_err(|_| JsonError::new("does not fit 32 bits".to_owned()))
            }
            other => Err(JsonError::expected("a whole number", other)),
        }
    }

    /// Bits of a `#`, which must be of those in `allowed`.
    pub(crate) fn as_word(&self, allowed: u32) -> Scalar<u32> {
        let Self::Int(value) = self else {
            return Err(JsonError::expected("a whole number", self));
        };
        let bits = u32::try_from(*value).ok().filter(|bits| bits & !allowed == 0);
        let message = "has bits that belong to fields, or more than 32";
        bits.ok_or_else(|| JsonError::new(message.to_owned()))
    }

    pub(crate) fn as_long(&self) -> Scalar<i64> {
        let Self::String(text) = self else {
            return Err(JsonError::expected("a decimal string", self));
        };
        let number = text.parse().ok().filter(|number: &i64| number.to_string() == *text);
        number.ok_or_else(|| JsonError::new("not a 64-bit decimal".to_owned()))
    }

    pub(crate) fn as_double(&self) -> Scalar<f64> {
        // Each NaN has one form.
        let nan = |digits: &str| {
            let bits = u64::from_str_radix(digits, 16).ok()?;
            let is_exact = bits != NAN && digits == format!("{bits:016x}");
            is_exact.then(|| f64::from_bits(bits))
        };
        match self {
            Self::Float(value) => Ok(*value),
            #[expect(clippy::as_conversions, reason = "JSON readers round to the next double")]
            Self::Int(value) => Ok(*value as f64),
            Self::String(text) if text == "Infinity" => Ok(f64::INFINITY),
            Self::String(text) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
            Self::String(text) if text == "NaN" => Ok(f64::from_bits(NAN)),
            Self::String(text) => text
                .strip_prefix("NaN:")
                .and_then(nan)
                .filter(|value| value.is_nan())
                .ok_or_else(|| JsonError::expected("a number", self)),
            other => Err(JsonError::expected("a number", other)),
        }
    }

    pub(crate) fn as_str(&self) -> Scalar<&str> {
        match self {
            Self::String(value) => Ok(value),
            other => Err(JsonError::expected("a string", other)),
        }
    }

    pub(crate) fn as_bytes(&self) -> Scalar<Vec<u8>> {
        let Self::String(text) = self else {
            return Err(JsonError::expected("a base64 string", self));
        };
        STANDARD.decode(text).map_err(|_| JsonError::new("not base64 with padding".to_owned()))
    }

    pub(crate) fn as_fixed<const N: usize>(&self) -> Scalar<[u8; N]> {
        let bytes = self.as_bytes()?;
        let wrong_len = |_| JsonError::new(format!("{} bytes, but {N} needed", bytes.len()));
        <[u8; N]>::try_from(bytes.as_slice()).map_err(wrong_len)
    }

    pub(crate) fn as_array(&self) -> Scalar<&[Self]> {
        match self {
            Self::Array(items) => Ok(items),
            other => Err(JsonError::expected("an array", other)),
        }
    }
}
