//! Reads TL elements from bytes.

use alloc::{string::String, vec::Vec};
use bytes::{Buf, Bytes};

use crate::{
    DecodeError,
    limits::{DEPTH_MAX, VECTOR_BYTES_MAX},
    wire::Wire,
};

/// Reads TL elements off the front of a [`Bytes`], strictly: each element has exactly one form.
///
/// Byte strings are slices of the input, not copies; they keep the whole input alive.
/// After an error the reader stands at an unspecified place of the input.
#[derive(Clone, Debug)]
pub struct Reader {
    rest: Bytes,
    total: usize,
    depth: u32,
    vector_bytes: usize,
}

impl Reader {
    /// Starts at the first byte of `input`.
    pub fn new(input: Bytes) -> Self {
        Self { total: input.len(), rest: input, depth: 0, vector_bytes: 0 }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    /// The next four bytes as a constructor id, left unread.
    pub fn peek_id(&self) -> Option<u32> {
        self.rest.first_chunk().map(|id| u32::from_le_bytes(*id))
    }

    /// Reads `#` or a constructor id: four bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads `int`: four bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_le_bytes)
    }

    /// Reads `long`: eight bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_le_bytes)
    }

    /// Reads `double`: eight bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads `int128`: sixteen bytes as they are.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn int128(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    /// Reads `int256`: thirty-two bytes as they are.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn int256(&mut self) -> Result<[u8; 32], DecodeError> {
        self.array()
    }

    /// Reads `Bool`: the id of `boolTrue` or of `boolFalse`.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`], [`DecodeError::UnknownConstructor`].
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
    pub fn bytes(&mut self) -> Result<Bytes, DecodeError> {
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
        let mut data = self.take(prefix_len.saturating_add(len).next_multiple_of(4))?;
        data.advance(prefix_len);
        let padding = data.split_off(len);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::NonZeroPadding { position });
        }
        Ok(data)
    }

    /// Reads `string`: `bytes` that are UTF-8.
    ///
    /// # Errors
    /// Those of [`bytes`](Self::bytes), and [`DecodeError::InvalidUtf8`].
    pub fn string(&mut self) -> Result<String, DecodeError> {
        let position = self.position();
        let data = self.bytes()?;
        let text = core::str::from_utf8(&data);
        text.map(String::from).map_err(|_| DecodeError::InvalidUtf8 { position })
    }

    /// Takes all bytes that are left.
    pub fn rest(&mut self) -> Bytes {
        core::mem::take(&mut self.rest)
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] if anything is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { position: self.position(), count }),
        }
    }

    /// Reads a constructor id that must be `id`.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`], [`DecodeError::UnknownConstructor`].
    pub fn expect_id(&mut self, id: u32, expected: &'static str) -> Result<(), DecodeError> {
        let position = self.position();
        match self.u32()? {
            found if found == id => Ok(()),
            found => Err(DecodeError::UnknownConstructor { position, id: found, expected }),
        }
    }

    /// Reads the fields of one constructor, one level deeper.
    ///
    /// # Errors
    /// [`DecodeError::TooDeep`], and those of `fields`.
    pub fn nested<T>(
        &mut self,
        fields: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth >= DEPTH_MAX {
            return Err(DecodeError::TooDeep { position: self.position() });
        }
        self.depth = self.depth.saturating_add(1);
        let value = fields(self);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    /// Reads `count item…`, each item in the form `W`.
    ///
    /// # Errors
    /// [`DecodeError::VectorTooLong`] and [`DecodeError::OutOfBudget`] before anything is
    /// allocated, and those of the items.
    pub fn items<T, W: Wire<T>>(&mut self) -> Result<Vec<T>, DecodeError> {
        let position = self.position();
        let count_on_wire = self.u32()?;
        let remaining = self.remaining();
        let too_long = DecodeError::VectorTooLong { position, count: count_on_wire, remaining };
        let count = usize::try_from(count_on_wire).map_err(|_| too_long)?;
        // An item without any bytes still costs time, so it counts as one byte.
        if i32::try_from(count_on_wire).is_err()
            || count.saturating_mul(W::MIN_LEN.max(1)) > remaining
        {
            return Err(too_long);
        }
        let vector_bytes = count.saturating_mul(size_of::<T>()).saturating_add(self.vector_bytes);
        if vector_bytes > VECTOR_BYTES_MAX {
            return Err(DecodeError::OutOfBudget { position });
        }
        self.vector_bytes = vector_bytes;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(W::get(self)?);
        }
        Ok(items)
    }

    fn take(&mut self, needed: usize) -> Result<Bytes, DecodeError> {
        if needed > self.rest.len() {
            return Err(self.unexpected_end(needed));
        }
        Ok(self.rest.split_to(needed))
    }

    fn peek<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        self.rest.first_chunk().copied().ok_or_else(|| self.unexpected_end(N))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let array = self.peek()?;
        self.rest.advance(N);
        Ok(array)
    }

    fn unexpected_end(&self, needed: usize) -> DecodeError {
        let (position, remaining) = (self.position(), self.remaining());
        DecodeError::UnexpectedEnd { position, needed, remaining }
    }
}
