//! Writes TL elements into bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    EncodeError,
    ids::{BOOL_FALSE, BOOL_TRUE},
    limits::{DEPTH_MAX, STRING_LEN_MAX},
    wire::Wire,
};

/// Writes TL elements, each in its one form.
///
/// The first error sticks: what is written after it is ignored, and
/// [`finish`](Self::finish) gives it back.
#[derive(Debug, Default)]
pub struct Writer {
    out: BytesMut,
    depth: u32,
    error: Option<EncodeError>,
}

/// The place of a `#` written by [`Writer::flags`].
#[derive(Clone, Copy, Debug)]
pub struct FlagsWord(usize);

impl Writer {
    /// Starts empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts empty, with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: BytesMut::with_capacity(capacity), ..Self::default() }
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The bytes written.
    ///
    /// # Errors
    /// The first error of all the calls before.
    pub fn finish(self) -> Result<Bytes, EncodeError> {
        match self.error {
            None => Ok(self.out.freeze()),
            Some(error) => Err(error),
        }
    }

    /// Writes `#` or a constructor id: four bytes.
    pub fn put_u32(&mut self, value: u32) {
        self.put_raw(&value.to_le_bytes());
    }

    /// Writes `int`: four bytes.
    pub fn put_i32(&mut self, value: i32) {
        self.put_raw(&value.to_le_bytes());
    }

    /// Writes `long`: eight bytes.
    pub fn put_i64(&mut self, value: i64) {
        self.put_raw(&value.to_le_bytes());
    }

    /// Writes `double`: eight bytes.
    pub fn put_f64(&mut self, value: f64) {
        self.put_raw(&value.to_le_bytes());
    }

    /// Writes `int128`: sixteen bytes as they are.
    pub fn put_int128(&mut self, value: &[u8; 16]) {
        self.put_raw(value);
    }

    /// Writes `int256`: thirty-two bytes as they are.
    pub fn put_int256(&mut self, value: &[u8; 32]) {
        self.put_raw(value);
    }

    /// Writes `Bool`: the id of `boolTrue` or of `boolFalse`.
    pub fn put_bool(&mut self, value: bool) {
        self.put_u32(if value { BOOL_TRUE } else { BOOL_FALSE });
    }

    /// Writes `bytes`: `len data padding`, or `fe len len len data padding`.
    ///
    /// More than [`STRING_LEN_MAX`] bytes is [`EncodeError::StringTooLong`].
    pub fn put_bytes(&mut self, data: &[u8]) {
        let [low, mid, high, ..] = data.len().to_le_bytes();
        let prefix_len: usize = match data.len() {
            0..=0xfd => {
                self.put_raw(&[low]);
                1
            }
            0xfe..=STRING_LEN_MAX => {
                self.put_raw(&[0xfe, low, mid, high]);
                4
            }
            len => return self.fail(EncodeError::StringTooLong { len }),
        };
        self.put_raw(data);
        let len = prefix_len.saturating_add(data.len());
        if self.error.is_none() {
            self.out.put_bytes(0, len.next_multiple_of(4).saturating_sub(len));
        }
    }

    /// Writes `string`: like [`put_bytes`](Self::put_bytes).
    pub fn put_string(&mut self, data: &str) {
        self.put_bytes(data.as_bytes());
    }

    /// Writes `data` as it is, without length or padding.
    pub fn put_raw(&mut self, data: &[u8]) {
        if self.error.is_none() {
            self.out.extend_from_slice(data);
        }
    }

    /// Writes `#` with no bit set, and gives its place for [`set_flag`](Self::set_flag).
    pub fn flags(&mut self) -> FlagsWord {
        let word = FlagsWord(self.out.len());
        self.put_u32(0);
        word
    }

    /// Sets one bit, 0 to 31, of a `#` written before.
    pub fn set_flag(&mut self, word: FlagsWord, bit: u32) {
        let bytes = self.out.get_mut(word.0..).and_then(<[u8]>::first_chunk_mut::<4>);
        if let (Some(bytes), Some(mask)) = (bytes, 1_u32.checked_shl(bit)) {
            *bytes = (u32::from_le_bytes(*bytes) | mask).to_le_bytes();
        }
    }

    /// Writes `count item…`, each item in the form `W`.
    ///
    /// More than 2³¹ − 1 items is [`EncodeError::VectorTooLong`].
    pub fn put_items<T, W: Wire<T>>(&mut self, items: &[T]) {
        match i32::try_from(items.len()) {
            Ok(count) => self.put_i32(count),
            Err(_) => self.fail(EncodeError::VectorTooLong { count: items.len() }),
        }
        for item in items {
            W::put(item, self);
        }
    }

    /// Writes the fields of one constructor, one level deeper.
    ///
    /// More than [`DEPTH_MAX`] levels is [`EncodeError::TooDeep`].
    pub fn nested(&mut self, fields: impl FnOnce(&mut Self)) {
        if self.depth >= DEPTH_MAX {
            return self.fail(EncodeError::TooDeep);
        }
        self.depth = self.depth.saturating_add(1);
        fields(self);
        self.depth = self.depth.saturating_sub(1);
    }

    fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }
}
