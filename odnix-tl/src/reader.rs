//! Reads TL elements from bytes.

use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;
use core::ops::Range;

use crate::{
    DecodeError,
    fields::{Get, Words},
    limits::{DEPTH_MAX, HEAP_BYTES_MAX},
    wire::Wire,
};

/// Reads TL elements off the front of a [`Bytes`], strictly: each element has exactly one form.
///
/// Byte strings are slices of the input, not copies; they keep the whole input alive.
/// After an error the reader stands at an unspecified place of the input.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    /// What byte strings are slices of.
    input: &'a Bytes,
    /// The same, where numbers are read from.
    data: &'a [u8],
    position: usize,
    depth: u32,
    heap_bytes: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `input`.
    pub fn new(input: &'a Bytes) -> Self {
        Self { input, data: input, position: 0, depth: 0, heap_bytes: 0 }
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest_of_input().len()
    }

    /// How many bytes have been read.
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The next four bytes as a constructor id, left unread.
    #[inline]
    pub fn peek_id(&self) -> Option<u32> {
        self.rest_of_input().first_chunk().map(|id| u32::from_le_bytes(*id))
    }

    /// Reads `#` or a constructor id: four bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads `int`: four bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    #[inline]
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_le_bytes)
    }

    /// Reads `long`: eight bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    #[inline]
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_le_bytes)
    }

    /// Reads `double`: eight bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    #[inline]
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads `int128`: sixteen bytes as they are.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    #[inline]
    pub fn int128(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    /// Reads `int256`: thirty-two bytes as they are.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    #[inline]
    pub fn int256(&mut self) -> Result<[u8; 32], DecodeError> {
        self.array()
    }

    /// Reads `Bool`: the id of `boolTrue` or of `boolFalse`.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`], [`DecodeError::UnknownConstructor`].
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        let position = self.position();
        match self.u32()? {
            crate::ids::BOOL_TRUE => Ok(true),
            crate::ids::BOOL_FALSE => Ok(false),
            id => Err(DecodeError::UnknownConstructor { position, id, expected: "Bool" }),
        }
    }

    /// Reads `bytes`: `len data padding`, or `fe len len len data padding`.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`], [`DecodeError::NonMinimalLength`],
    /// [`DecodeError::UnknownLengthForm`], [`DecodeError::NonZeroPadding`].
    #[inline]
    pub fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let data = self.data()?;
        Ok(self.input.slice(data))
    }

    /// Reads `string`: `bytes` that are UTF-8.
    ///
    /// # Errors
    /// Those of [`bytes`](Self::bytes), and [`DecodeError::InvalidUtf8`].
    pub fn string(&mut self) -> Result<String, DecodeError> {
        let position = self.position();
        let data = self.data()?;
        let data = self.data.get(data).unwrap_or_default();
        let text = core::str::from_utf8(data);
        text.map(String::from).map_err(|_| DecodeError::InvalidUtf8 { position })
    }

    /// Takes all bytes that are left.
    pub fn rest(&mut self) -> Bytes {
        let rest = self.input.slice(self.position..);
        self.position = self.data.len();
        rest
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] if anything is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { position: self.position(), count }),
        }
    }

    /// Reads a constructor id that must be `id`.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`], [`DecodeError::UnknownConstructor`].
    #[inline]
    pub fn expect_id(&mut self, id: u32, expected: &'static str) -> Result<(), DecodeError> {
        let position = self.position();
        match self.u32()? {
            found if found == id => Ok(()),
            found => Err(DecodeError::UnknownConstructor { position, id: found, expected }),
        }
    }

    /// Reads `count item…`, each item in the form `W`.
    ///
    /// # Errors
    /// [`DecodeError::VectorTooLong`] and [`DecodeError::OutOfBudget`] before anything is
    /// allocated, and those of the items.
    #[inline]
    pub fn items<T, W: Wire<T>>(&mut self) -> Result<Vec<T>, DecodeError> {
        let position = self.position();
        let count = self.count(W::MIN_LEN)?;
        self.charge(count.saturating_mul(size_of::<T>()), position)?;
        W::get_items(self, count)
    }

    /// Reads the fields of a constructor that has none, one level deeper.
    ///
    /// # Errors
    /// [`DecodeError::TooDeep`].
    #[inline]
    pub fn unit<T>(&mut self, value: T) -> Result<T, DecodeError> {
        self.fields::<()>().map(|()| value)
    }

    /// That the constructor id read at `position` is none of `expected`.
    ///
    /// # Errors
    /// [`DecodeError::UnknownConstructor`], always.
    #[cold]
    pub fn unknown_constructor<T>(
        &self,
        position: usize,
        id: u32,
        expected: &'static str,
    ) -> Result<T, DecodeError> {
        Err(DecodeError::UnknownConstructor { position, id, expected })
    }

    /// Reads a value that is kept on the heap.
    ///
    /// # Errors
    /// [`DecodeError::OutOfBudget`], and those of `read`.
    #[inline]
    pub fn on_heap<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Box<T>, DecodeError> {
        self.charge(size_of::<T>(), self.position())?;
        read(self).map(Box::new)
    }

    /// Takes so many bytes of memory from the budget.
    #[inline]
    fn charge(&mut self, len: usize, position: usize) -> Result<(), DecodeError> {
        self.heap_bytes = self.heap_bytes.saturating_add(len);
        if self.heap_bytes > HEAP_BYTES_MAX {
            return Err(DecodeError::OutOfBudget { position });
        }
        Ok(())
    }

    /// Reads the count of items that have at least `min_len` bytes each.
    pub(crate) fn count(&mut self, min_len: usize) -> Result<usize, DecodeError> {
        let position = self.position();
        let count_on_wire = self.u32()?;
        let remaining = self.remaining();
        let too_long = DecodeError::VectorTooLong { position, count: count_on_wire, remaining };
        let count = i32::try_from(count_on_wire).ok().and_then(|count| usize::try_from(count).ok());
        // An item without any bytes still costs time, so it counts as one byte.
        count.filter(|count| count.saturating_mul(min_len.max(1)) <= remaining).ok_or(too_long)
    }

    /// Reads `count` numbers of `N` bytes each.
    pub(crate) fn block<T, const N: usize>(
        &mut self,
        count: usize,
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, DecodeError> {
        let needed = count.saturating_mul(N);
        let taken = self.rest_of_input().get(..needed);
        let (numbers, _) = taken.ok_or_else(|| self.unexpected_end(needed))?.as_chunks();
        let numbers = numbers.iter().map(|chunk| number(*chunk)).collect();
        self.advance(needed);
        Ok(numbers)
    }

    /// Reads the parts of a tuple, one level deeper.
    ///
    /// # Errors
    /// [`DecodeError::TooDeep`], and those of the parts.
    #[inline(always)]
    pub fn fields<T: Get>(&mut self) -> Result<T, DecodeError> {
        self.descend()?;
        let fields = T::get(self, &mut Words::default());
        self.ascend();
        fields
    }

    /// Goes to the fields of a constructor, one level deeper.
    #[inline]
    pub(crate) fn descend(&mut self) -> Result<(), DecodeError> {
        if self.depth >= DEPTH_MAX {
            return Err(DecodeError::TooDeep { position: self.position() });
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    /// Comes back from the fields of a constructor.
    #[inline]
    pub(crate) fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The place of the data of a byte string, which it takes with its length and padding.
    fn data(&mut self) -> Result<Range<usize>, DecodeError> {
        const LONG_FORM: u8 = 0xfe;
        let position = self.position();
        let (prefix_len, len) = match self.peek::<1>()? {
            [len @ ..LONG_FORM] => (1_usize, usize::from(len)),
            [LONG_FORM] => {
                let [_, low, mid, high] = self.peek()?;
                (4, usize::from(low) | usize::from(mid) << 8 | usize::from(high) << 16)
            }
            _ => return Err(DecodeError::UnknownLengthForm { position }),
        };
        if prefix_len > 1 && len < usize::from(LONG_FORM) {
            return Err(DecodeError::NonMinimalLength { position });
        }
        let data_len = prefix_len.saturating_add(len);
        let needed = data_len.next_multiple_of(4);
        let Some(padding) = self.rest_of_input().get(data_len..needed) else {
            return Err(self.unexpected_end(needed));
        };
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::NonZeroPadding { position });
        }
        self.advance(needed);
        Ok(position.saturating_add(prefix_len)..position.saturating_add(data_len))
    }

    #[inline]
    fn rest_of_input(&self) -> &'a [u8] {
        self.data.get(self.position..).unwrap_or_default()
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.position = self.position.saturating_add(count);
    }

    #[inline]
    fn peek<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        self.rest_of_input().first_chunk().copied().ok_or_else(|| self.unexpected_end(N))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let array = self.peek()?;
        self.advance(N);
        Ok(array)
    }

    #[cold]
    fn unexpected_end(&self, needed: usize) -> DecodeError {
        let (position, remaining) = (self.position(), self.remaining());
        DecodeError::UnexpectedEnd { position, needed, remaining }
    }
}
