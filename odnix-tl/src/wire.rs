//! The forms a value can take on the wire, as types: `vector<future_salt>` is a
//! `Vec<FutureSalt>` in the form [`BareVectorOf<Bare>`].

use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::{Constructor, Decode, DecodeError, Encode, FlagsWord, Reader, Writer, ids::VECTOR};

/// A form of `T` on the wire.
pub trait Wire<T> {
    /// The length of the shortest one, in bytes.
    const MIN_LEN: usize;

    /// Appends the value.
    fn put(value: &T, writer: &mut Writer);

    /// Reads the value.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn get(reader: &mut Reader) -> Result<T, DecodeError>;
}

/// The usual form: boxed, or primitive.
#[derive(Debug)]
pub enum Boxed {}

/// Fields without the constructor id: `%T`, `t`.
#[derive(Debug)]
pub enum Bare {}

/// `1cb5c415`, count, items in the form `W`: `Vector<…>`.
#[derive(Debug)]
pub struct VectorOf<W>(PhantomData<W>);

/// Count, items in the form `W`: `vector<…>`.
#[derive(Debug)]
pub struct BareVectorOf<W>(PhantomData<W>);

impl<T: Encode + Decode> Wire<T> for Boxed {
    const MIN_LEN: usize = T::MIN_LEN;

    fn put(value: &T, writer: &mut Writer) {
        value.encode(writer);
    }

    fn get(reader: &mut Reader) -> Result<T, DecodeError> {
        T::decode(reader)
    }
}

impl<T: Constructor> Wire<T> for Bare {
    const MIN_LEN: usize = T::MIN_LEN_BARE;

    fn put(value: &T, writer: &mut Writer) {
        value.encode_bare(writer);
    }

    fn get(reader: &mut Reader) -> Result<T, DecodeError> {
        T::decode_bare(reader)
    }
}

impl<T, W: Wire<T>> Wire<Vec<T>> for VectorOf<W> {
    const MIN_LEN: usize = 8;

    fn put(items: &Vec<T>, writer: &mut Writer) {
        writer.put_u32(VECTOR);
        writer.put_items::<T, W>(items);
    }

    fn get(reader: &mut Reader) -> Result<Vec<T>, DecodeError> {
        reader.expect_id(VECTOR, "Vector")?;
        reader.items::<T, W>()
    }
}

impl<T, W: Wire<T>> Wire<Vec<T>> for BareVectorOf<W> {
    const MIN_LEN: usize = 4;

    fn put(items: &Vec<T>, writer: &mut Writer) {
        writer.put_items::<T, W>(items);
    }

    fn get(reader: &mut Reader) -> Result<Vec<T>, DecodeError> {
        reader.items::<T, W>()
    }
}

/// A vector's usual form has its id, and boxed items.
impl<T: Encode + Decode> Encode for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        VectorOf::<Boxed>::put(self, writer);
    }
}

impl<T: Encode + Decode> Decode for Vec<T> {
    const MIN_LEN: usize = <VectorOf<Boxed> as Wire<Self>>::MIN_LEN;

    fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        VectorOf::<Boxed>::get(reader)
    }
}

/// A form of a conditional field: there only if its bit of a `#` is set.
pub trait Flagged<T> {
    /// Appends what there is, and sets the bit accordingly.
    fn put_flagged(value: &T, writer: &mut Writer, word: FlagsWord, bit: u32);

    /// Reads what the bit says there is.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn get_flagged(reader: &mut Reader, word: u32, bit: u32) -> Result<T, DecodeError>;
}

/// `flags.N?true`: the bit is the value.
impl Flagged<bool> for Boxed {
    fn put_flagged(value: &bool, writer: &mut Writer, word: FlagsWord, bit: u32) {
        if *value {
            writer.set_flag(word, bit);
        }
    }

    fn get_flagged(_: &mut Reader, word: u32, bit: u32) -> Result<bool, DecodeError> {
        Ok(is_set(word, bit))
    }
}

/// `flags.N?T`.
impl<T, W: Wire<T>> Flagged<Option<T>> for W {
    fn put_flagged(value: &Option<T>, writer: &mut Writer, word: FlagsWord, bit: u32) {
        if let Some(value) = value {
            writer.set_flag(word, bit);
            W::put(value, writer);
        }
    }

    fn get_flagged(reader: &mut Reader, word: u32, bit: u32) -> Result<Option<T>, DecodeError> {
        if is_set(word, bit) { W::get(reader).map(Some) } else { Ok(None) }
    }
}

fn is_set(word: u32, bit: u32) -> bool {
    word.checked_shr(bit).is_some_and(|word| word & 1 == 1)
}
