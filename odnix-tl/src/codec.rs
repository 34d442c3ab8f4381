//! The traits of TL values, and the values that every schema has; vectors are in
//! [`wire`](crate::wire).

use alloc::{string::String, vec::Vec};
use bytes::Bytes;

use crate::{DecodeError, EncodeError, Reader, Writer};

/// Room for most calls and most answers.
const TYPICAL_LEN: usize = 128;

/// A value with a boxed TL form: constructor id, then fields.
pub trait Encode {
    /// Appends the value.
    fn encode(&self, writer: &mut Writer);

    /// Appends the values one after the other, as the items of a vector.
    fn encode_items(items: &[Self], writer: &mut Writer)
    where
        Self: Sized,
    {
        for item in items {
            item.encode(writer);
        }
    }

    /// The value alone.
    ///
    /// # Errors
    /// The first [`EncodeError`] of any part.
    fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::with_capacity(TYPICAL_LEN);
        self.encode(&mut writer);
        writer.shrink();
        writer.finish()
    }
}

/// A value that can be read from its boxed TL form.
pub trait Decode: Sized {
    /// The length of the shortest form, in bytes.
    const MIN_LEN: usize;

    /// Reads the value.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn decode(reader: &mut Reader) -> Result<Self, DecodeError>;

    /// Reads `count` values one after the other, as the items of a vector. The caller has checked
    /// that so many fit into the input and into memory.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode).
    fn decode_items(reader: &mut Reader, count: usize) -> Result<Vec<Self>, DecodeError> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(Self::decode(reader)?);
        }
        Ok(items)
    }

    /// Reads the value from all of `input`.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    fn from_bytes(input: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&input);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// Reads the value from the start of `input`, and tells how many bytes it takes.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn from_prefix(input: Bytes) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::new(&input);
        let value = Self::decode(&mut reader)?;
        Ok((value, reader.position()))
    }
}

/// A struct generated from one line of a schema. Its boxed form, [`Encode`] and [`Decode`], is
/// [`ID`](Self::ID) and then the fields.
pub trait Constructor: Sized {
    /// The constructor id.
    const ID: u32;
    /// The name in the schema, with its namespace: `messages.sendMessage`.
    const NAME: &'static str;
    /// The length of the shortest bare form, in bytes.
    const MIN_LEN_BARE: usize;

    /// Appends the fields, without the id.
    fn encode_bare(&self, writer: &mut Writer);

    /// Reads the fields, without the id.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn decode_bare(reader: &mut Reader) -> Result<Self, DecodeError>;
}

impl<C: Constructor> Encode for C {
    #[inline]
    fn encode(&self, writer: &mut Writer) {
        writer.put_u32(C::ID);
        self.encode_bare(writer);
    }
}

impl<C: Constructor> Decode for C {
    const MIN_LEN: usize = C::MIN_LEN_BARE.saturating_add(4);

    #[inline]
    fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        reader.expect_id(C::ID, C::NAME)?;
        C::decode_bare(reader)
    }
}

/// A constructor that is called, and answered by a [`Return`](Self::Return).
pub trait Function: Constructor + Encode {
    /// What the function returns; [`Raw`] if that depends on the query inside.
    type Return: Decode;
}

/// A boxed value of a type the schema does not say (`Object`, `!X`): always the last field,
/// so it is all the bytes that remain. What holds one ends the input, too: a vector of such values,
/// or a field behind one, would never be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw(pub Bytes);

impl Encode for Raw {
    fn encode(&self, writer: &mut Writer) {
        writer.put_raw(&self.0);
    }
}

impl Decode for Raw {
    const MIN_LEN: usize = 0;

    fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self(reader.rest()))
    }
}

/// The values that are their own wire form.
macro_rules! primitives {
    ($($type:ty, $min_len:literal, $put:ident($($deref:tt)?), $get:ident;)*) => {$(
        impl Encode for $type {
            #[inline]
            fn encode(&self, writer: &mut Writer) {
                writer.$put($($deref)? self);
            }
        }

        impl Decode for $type {
            const MIN_LEN: usize = $min_len;

            #[inline]
            fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
                reader.$get()
            }
        }
    )*};
}

primitives! {
    bool, 4, put_bool(*), bool;
    f64, 8, put_f64(*), f64;
    [u8; 16], 16, put_int128(), int128;
    [u8; 32], 32, put_int256(), int256;
    Bytes, 4, put_bytes(), bytes;
    String, 4, put_string(), string;
}

/// Numbers, of which vectors are written and read as one block.
macro_rules! numbers {
    ($($type:ty, $len:literal, $put:ident, $get:ident;)*) => {$(
        impl Encode for $type {
            #[inline]
            fn encode(&self, writer: &mut Writer) {
                writer.$put(*self);
            }

            fn encode_items(items: &[Self], writer: &mut Writer) {
                writer.put_block(items, |item| item.to_le_bytes());
            }
        }

        impl Decode for $type {
            const MIN_LEN: usize = $len;

            #[inline]
            fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
                reader.$get()
            }

            fn decode_items(reader: &mut Reader, count: usize) -> Result<Vec<Self>, DecodeError> {
                reader.block(count, Self::from_le_bytes)
            }
        }
    )*};
}

numbers! {
    i32, 4, put_i32, i32;
    i64, 8, put_i64, i64;
}
