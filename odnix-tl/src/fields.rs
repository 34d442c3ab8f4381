//! The fields of a constructor as one tuple. The same text is a pattern and an expression:
//!
//! ```text
//! user flags:# contact:flags.1?true id:long points:vector<point> = User;
//!
//! (Word, Bit::<1, _>(contact), id, As(points, BareVectorOf(Bare)))
//! ```
//!
//! With the fields of a struct in scope as references it is what [`Writer::fields`] writes; as
//! the pattern of a `let` it says what [`Reader::fields`] reads. So each generated type needs
//! that one line, and the code behind it is shared. A tuple has at most eight parts, each of
//! which may be a tuple again.

use crate::{Decode, DecodeError, Encode, Reader, Writer, limits::FLAG_WORDS_MAX, wire::Wire};

/// A `#`: it holds the bits of the [`Bit`] and [`BitOf`] parts of its constructor.
#[derive(Debug)]
pub struct Word;

/// A conditional field: `flags.B?T` as an `Option`, `flags.B?true` as a `bool`, where `flags` is
/// the first `#`.
#[derive(Debug)]
pub struct Bit<const B: u32, T>(pub T);

/// A conditional field of the `#` number `W`, counted from 0.
#[derive(Debug)]
pub struct BitOf<const W: usize, const B: u32, T>(pub T);

/// A field in another form than [`Boxed`](crate::wire::Boxed).
#[derive(Debug)]
pub struct As<T, W>(pub T, pub W);

/// The `#` of one constructor that are being written or read.
#[derive(Debug, Default)]
pub struct Words {
    words: [FlagWord; FLAG_WORDS_MAX],
    count: usize,
}

/// One `#`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlagWord {
    /// Where it is.
    pub position: usize,
    /// The bits that are set.
    pub set: u32,
    /// The bits that some field needs not to be.
    pub clear: u32,
}

impl Words {
    #[inline]
    fn push(&mut self, set: u32, position: usize) {
        if let Some(last) = self.words.get_mut(self.count) {
            *last = FlagWord { position, set, clear: 0 };
        }
        self.count = self.count.saturating_add(1);
    }

    #[inline]
    fn is_set(&self, word: usize, bit: u32) -> bool {
        self.words.get(word).is_some_and(|word| word.set.checked_shr(bit).unwrap_or(0) & 1 == 1)
    }

    #[inline]
    fn note(&mut self, word: usize, bit: u32, is_set: bool) {
        if let Some(word) = self.words.get_mut(word) {
            word.set |= u32::from(is_set).checked_shl(bit).unwrap_or(0);
            word.clear |= u32::from(!is_set).checked_shl(bit).unwrap_or(0);
        }
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &FlagWord> {
        self.words.iter().take(self.count)
    }
}

/// Something to write: a reference to a field, a marker around it, or a tuple of both.
pub trait Put {
    /// Appends it.
    fn put(self, writer: &mut Writer, words: &mut Words);
}

/// Something to read: a field, a marker around it, or a tuple of both.
pub trait Get: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn get(reader: &mut Reader, words: &mut Words) -> Result<Self, DecodeError>;
}

impl Put for Word {
    #[inline]
    fn put(self, writer: &mut Writer, words: &mut Words) {
        words.push(0, writer.len());
        writer.put_u32(0);
    }
}

impl Get for Word {
    #[inline]
    fn get(reader: &mut Reader, words: &mut Words) -> Result<Self, DecodeError> {
        let position = reader.position();
        words.push(reader.u32()?, position);
        Ok(Self)
    }
}

impl<T: Encode> Put for &T {
    #[inline]
    fn put(self, writer: &mut Writer, _: &mut Words) {
        self.encode(writer);
    }
}

impl<T: Decode> Get for T {
    #[inline]
    fn get(reader: &mut Reader, _: &mut Words) -> Result<Self, DecodeError> {
        T::decode(reader)
    }
}

impl<T, W: Wire<T>> Put for As<&T, W> {
    #[inline]
    fn put(self, writer: &mut Writer, _: &mut Words) {
        W::put(self.0, writer);
    }
}

impl<T, W: Wire<T> + Default> Get for As<T, W> {
    #[inline]
    fn get(reader: &mut Reader, _: &mut Words) -> Result<Self, DecodeError> {
        W::get(reader).map(|value| Self(value, W::default()))
    }
}

/// A conditional field to write.
pub trait PutBit {
    /// Whether the bit is set.
    fn is_set(&self) -> bool;

    /// Appends what there is.
    fn put_value(self, writer: &mut Writer);
}

/// A conditional field to read.
pub trait GetBit: Sized {
    /// Reads what the bit says there is.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`TrailingBytes`](DecodeError::TrailingBytes).
    fn get_value(reader: &mut Reader, is_set: bool) -> Result<Self, DecodeError>;
}

/// `flags.N?true`: the bit is the value.
impl PutBit for &bool {
    #[inline]
    fn is_set(&self) -> bool {
        **self
    }

    #[inline]
    fn put_value(self, _: &mut Writer) {}
}

impl GetBit for bool {
    #[inline]
    fn get_value(_: &mut Reader, is_set: bool) -> Result<Self, DecodeError> {
        Ok(is_set)
    }
}

/// `flags.N?T`.
impl<T: Encode> PutBit for &Option<T> {
    #[inline]
    fn is_set(&self) -> bool {
        self.is_some()
    }

    #[inline]
    fn put_value(self, writer: &mut Writer) {
        if let Some(value) = self {
            value.encode(writer);
        }
    }
}

impl<T: Decode> GetBit for Option<T> {
    #[inline]
    fn get_value(reader: &mut Reader, is_set: bool) -> Result<Self, DecodeError> {
        if is_set { T::decode(reader).map(Some) } else { Ok(None) }
    }
}

impl<T, W: Wire<T>> PutBit for As<&Option<T>, W> {
    #[inline]
    fn is_set(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    fn put_value(self, writer: &mut Writer) {
        if let Some(value) = self.0 {
            W::put(value, writer);
        }
    }
}

impl<T, W: Wire<T> + Default> GetBit for As<Option<T>, W> {
    #[inline]
    fn get_value(reader: &mut Reader, is_set: bool) -> Result<Self, DecodeError> {
        let value = if is_set { Some(W::get(reader)?) } else { None };
        Ok(Self(value, W::default()))
    }
}

impl<const B: u32, T: PutBit> Put for Bit<B, T> {
    #[inline]
    fn put(self, writer: &mut Writer, words: &mut Words) {
        BitOf::<0, B, T>(self.0).put(writer, words);
    }
}

impl<const B: u32, T: GetBit> Get for Bit<B, T> {
    #[inline]
    fn get(reader: &mut Reader, words: &mut Words) -> Result<Self, DecodeError> {
        T::get_value(reader, words.is_set(0, B)).map(Self)
    }
}

impl<const W: usize, const B: u32, T: PutBit> Put for BitOf<W, B, T> {
    #[inline]
    fn put(self, writer: &mut Writer, words: &mut Words) {
        words.note(W, B, self.0.is_set());
        self.0.put_value(writer);
    }
}

impl<const W: usize, const B: u32, T: GetBit> Get for BitOf<W, B, T> {
    #[inline]
    fn get(reader: &mut Reader, words: &mut Words) -> Result<Self, DecodeError> {
        T::get_value(reader, words.is_set(W, B)).map(Self)
    }
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        #[allow(non_snake_case, reason = "one name for a part and its type")]
        impl<$($part: Put),*> Put for ($($part,)*) {
            #[inline]
            fn put(self, _writer: &mut Writer, _words: &mut Words) {
                let ($($part,)*) = self;
                $($part.put(_writer, _words);)*
            }
        }

        impl<$($part: Get),*> Get for ($($part,)*) {
            #[inline]
            fn get(_reader: &mut Reader, _words: &mut Words) -> Result<Self, DecodeError> {
                Ok(($($part::get(_reader, _words)?,)*))
            }
        }
    )*};
}

tuples! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}
