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

/// A `#`: it holds the bits of the conditional parts of its constructor.
#[derive(Debug)]
pub struct Word;

/// A conditional field: `flags.B?T` as an `Option`, `flags.B?true` as a `bool`, where `flags` is
/// the first `#`.
#[derive(Debug)]
pub struct Bit<const B: u32, T>(pub T);

/// A conditional field of the `#` number `W`, counted from 0.
#[derive(Debug)]
pub struct BitOf<const W: usize, const B: u32, T>(pub T);

/// A [`Bit`] that is also that of another field: both are there, or none.
#[derive(Debug)]
pub struct Shared<const B: u32, T>(pub T);

/// A [`BitOf`] that is also that of another field: both are there, or none.
#[derive(Debug)]
pub struct SharedOf<const W: usize, const B: u32, T>(pub T);

/// A field in another form than [`Boxed`](crate::wire::Boxed).
#[derive(Debug)]
pub struct As<T, W>(pub T, pub W);

/// The `#` of one constructor that is being written or read, in their order.
#[derive(Debug, Default)]
pub struct Words {
    words: [u32; FLAG_WORDS_MAX],
    /// How many of them have been written or read.
    count: usize,
}

impl Words {
    /// The words that `parts` need, and the bits of them on which its parts do not agree.
    #[inline(always)]
    pub(crate) fn of<T: Put>(parts: &T) -> (Self, u32) {
        let words = [parts.bits::<0>(), parts.bits::<1>(), parts.bits::<2>(), parts.bits::<3>()];
        let unset =
            [parts.unset::<0>(), parts.unset::<1>(), parts.unset::<2>(), parts.unset::<3>()];
        let half = words.iter().zip(unset).fold(0, |half, (set, unset)| half | set & unset);
        (Self { words, count: 0 }, half)
    }

    #[inline(always)]
    fn next(&mut self) -> u32 {
        let word = self.words.get(self.count).copied().unwrap_or(0);
        self.count = self.count.saturating_add(1);
        word
    }

    #[inline(always)]
    fn push(&mut self, word: u32) {
        if let Some(last) = self.words.get_mut(self.count) {
            *last = word;
        }
        self.count = self.count.saturating_add(1);
    }

    #[inline(always)]
    fn is_set(&self, word: usize, bit: u32) -> bool {
        self.words.get(word).is_some_and(|word| word.checked_shr(bit).unwrap_or(0) & 1 == 1)
    }
}

/// The bit of the `#` number `of`, if `word` is that one.
#[inline(always)]
fn bit(of: usize, bit: u32, word: usize, is_set: bool) -> u32 {
    if of == word { u32::from(is_set).checked_shl(bit).unwrap_or(0) } else { 0 }
}

/// Something to write: a reference to a field, a marker around it, or a tuple of both.
pub trait Put {
    /// The bits it sets of the `#` number `W`.
    #[inline(always)]
    fn bits<const W: usize>(&self) -> u32 {
        0
    }

    /// The bits of the `#` number `W` that it shares with other parts, and needs not to be set.
    #[inline(always)]
    fn unset<const W: usize>(&self) -> u32 {
        0
    }

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
    #[inline(always)]
    fn put(self, writer: &mut Writer, words: &mut Words) {
        writer.put_u32(words.next());
    }
}

impl Get for Word {
    #[inline(always)]
    fn get(reader: &mut Reader, words: &mut Words) -> Result<Self, DecodeError> {
        words.push(reader.u32()?);
        Ok(Self)
    }
}

impl<T: Encode> Put for &T {
    #[inline(always)]
    fn put(self, writer: &mut Writer, _: &mut Words) {
        self.encode(writer);
    }
}

impl<T: Decode> Get for T {
    #[inline(always)]
    fn get(reader: &mut Reader, _: &mut Words) -> Result<Self, DecodeError> {
        T::decode(reader)
    }
}

impl<T, W: Wire<T>> Put for As<&T, W> {
    #[inline(always)]
    fn put(self, writer: &mut Writer, _: &mut Words) {
        W::put(self.0, writer);
    }
}

impl<T, W: Wire<T> + Default> Get for As<T, W> {
    #[inline(always)]
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
    #[inline(always)]
    fn is_set(&self) -> bool {
        **self
    }

    #[inline(always)]
    fn put_value(self, _: &mut Writer) {}
}

impl GetBit for bool {
    #[inline(always)]
    fn get_value(_: &mut Reader, is_set: bool) -> Result<Self, DecodeError> {
        Ok(is_set)
    }
}

/// `flags.N?T`.
impl<T: Encode> PutBit for &Option<T> {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.is_some()
    }

    #[inline(always)]
    fn put_value(self, writer: &mut Writer) {
        if let Some(value) = self {
            value.encode(writer);
        }
    }
}

impl<T: Decode> GetBit for Option<T> {
    #[inline(always)]
    fn get_value(reader: &mut Reader, is_set: bool) -> Result<Self, DecodeError> {
        if is_set { T::decode(reader).map(Some) } else { Ok(None) }
    }
}

impl<T, W: Wire<T>> PutBit for As<&Option<T>, W> {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.0.is_some()
    }

    #[inline(always)]
    fn put_value(self, writer: &mut Writer) {
        if let Some(value) = self.0 {
            W::put(value, writer);
        }
    }
}

impl<T, W: Wire<T> + Default> GetBit for As<Option<T>, W> {
    #[inline(always)]
    fn get_value(reader: &mut Reader, is_set: bool) -> Result<Self, DecodeError> {
        let value = if is_set { Some(W::get(reader)?) } else { None };
        Ok(Self(value, W::default()))
    }
}

/// The markers of conditional fields: their word, and whether they share their bit.
macro_rules! bits {
    ($($marker:ident $of:tt $(const $word:ident)? $(shared $shared:tt)?;)*) => {$(
        impl<$(const $word: usize,)? const B: u32, T: PutBit> Put for $marker<$($word,)? B, T> {
            #[inline(always)]
            fn bits<const WORD: usize>(&self) -> u32 {
                bit($of, B, WORD, self.0.is_set())
            }

            $(
                #[inline(always)]
                fn unset<const WORD: usize>(&self) -> u32 {
                    $shared
                    bit($of, B, WORD, !self.0.is_set())
                }
            )?

            #[inline(always)]
            fn put(self, writer: &mut Writer, _: &mut Words) {
                self.0.put_value(writer);
            }
        }

        impl<$(const $word: usize,)? const B: u32, T: GetBit> Get for $marker<$($word,)? B, T> {
            #[inline(always)]
            fn get(reader: &mut Reader, words: &mut Words) -> Result<Self, DecodeError> {
                T::get_value(reader, words.is_set($of, B)).map(Self)
            }
        }
    )*};
}

bits! {
    Bit 0;
    BitOf W const W;
    Shared 0 shared {};
    SharedOf W const W shared {};
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        #[allow(non_snake_case, reason = "one name for a part and its type")]
        impl<$($part: Put),*> Put for ($($part,)*) {
            #[inline(always)]
            fn bits<const WORD: usize>(&self) -> u32 {
                let ($($part,)*) = self;
                0 $(| $part.bits::<WORD>())*
            }

            #[inline(always)]
            fn unset<const WORD: usize>(&self) -> u32 {
                let ($($part,)*) = self;
                0 $(| $part.unset::<WORD>())*
            }

            #[inline(always)]
            fn put(self, _writer: &mut Writer, _words: &mut Words) {
                let ($($part,)*) = self;
                $($part.put(_writer, _words);)*
            }
        }

        impl<$($part: Get),*> Get for ($($part,)*) {
            #[inline(always)]
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
