//! The forms a value can take on the wire, as types: `vector<future_salt>` is a
//! `Vec<FutureSalt>` in the form [`BareVectorOf<Bare>`].

use alloc::{boxed::Box, vec::Vec};

use crate::{Constructor, Decode, DecodeError, Encode, Reader, Writer, ids::VECTOR};

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

    /// Appends the values one after the other.
    fn put_items(items: &[T], writer: &mut Writer) {
        for item in items {
            Self::put(item, writer);
        }
    }

    /// Reads `count` values one after the other; see [`Decode::decode_items`].
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    fn get_items(reader: &mut Reader, count: usize) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(Self::get(reader)?);
        }
        Ok(items)
    }
}

/// The usual form: boxed, or primitive.
#[derive(Debug, Default)]
pub struct Boxed;

/// Fields without the constructor id: `%T`, `t`.
#[derive(Debug, Default)]
pub struct Bare;

/// The form `W`, of a value on the heap: it may hold another one of its own type.
#[derive(Debug, Default)]
pub struct Heap<W>(pub W);

/// `1cb5c415`, count, items in the form `W`: `Vector<…>`.
#[derive(Debug, Default)]
pub struct VectorOf<W>(pub W);

/// Count, items in the form `W`: `vector<…>`.
#[derive(Debug, Default)]
pub struct BareVectorOf<W>(pub W);

impl<T: Encode + Decode> Wire<T> for Boxed {
    const MIN_LEN: usize = T::MIN_LEN;

    #[inline]
    fn put(value: &T, writer: &mut Writer) {
        value.encode(writer);
    }

    #[inline]
    fn get(reader: &mut Reader) -> Result<T, DecodeError> {
        T::decode(reader)
    }

    #[inline]
    fn put_items(items: &[T], writer: &mut Writer) {
        T::encode_items(items, writer);
    }

    #[inline]
    fn get_items(reader: &mut Reader, count: usize) -> Result<Vec<T>, DecodeError> {
        T::decode_items(reader, count)
    }
}

impl<T: Constructor> Wire<T> for Bare {
    const MIN_LEN: usize = T::MIN_LEN_BARE;

    #[inline]
    fn put(value: &T, writer: &mut Writer) {
        value.encode_bare(writer);
    }

    #[inline]
    fn get(reader: &mut Reader) -> Result<T, DecodeError> {
        T::decode_bare(reader)
    }
}

impl<T, W: Wire<T>> Wire<Box<T>> for Heap<W> {
    const MIN_LEN: usize = W::MIN_LEN;

    #[inline]
    fn put(value: &Box<T>, writer: &mut Writer) {
        W::put(value, writer);
    }

    #[inline]
    fn get(reader: &mut Reader) -> Result<Box<T>, DecodeError> {
        reader.on_heap(W::get)
    }
}

impl<T, W: Wire<T>> Wire<Vec<T>> for VectorOf<W> {
    const MIN_LEN: usize = 8;

    #[inline]
    fn put(items: &Vec<T>, writer: &mut Writer) {
        writer.put_u32(VECTOR);
        writer.put_items::<T, W>(items);
    }

    #[inline]
    fn get(reader: &mut Reader) -> Result<Vec<T>, DecodeError> {
        reader.expect_id(VECTOR, "Vector")?;
        reader.items::<T, W>()
    }
}

impl<T, W: Wire<T>> Wire<Vec<T>> for BareVectorOf<W> {
    const MIN_LEN: usize = 4;

    #[inline]
    fn put(items: &Vec<T>, writer: &mut Writer) {
        writer.put_items::<T, W>(items);
    }

    #[inline]
    fn get(reader: &mut Reader) -> Result<Vec<T>, DecodeError> {
        reader.items::<T, W>()
    }
}

/// A vector's usual form has its id, and boxed items.
impl<T: Encode + Decode> Encode for Vec<T> {
    #[inline]
    fn encode(&self, writer: &mut Writer) {
        VectorOf::<Boxed>::put(self, writer);
    }
}

impl<T: Encode + Decode> Decode for Vec<T> {
    const MIN_LEN: usize = <VectorOf<Boxed> as Wire<Self>>::MIN_LEN;

    #[inline]
    fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        VectorOf::<Boxed>::get(reader)
    }
}
