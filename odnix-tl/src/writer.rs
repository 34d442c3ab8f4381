//! Writes TL elements into bytes.

use alloc::vec::Vec;
use bytes::Bytes;

use crate::{
    EncodeError,
    fields::{Put, Words},
    ids::{BOOL_FALSE, BOOL_TRUE},
    limits::{DEPTH_MAX, STRING_LEN_MAX},
    wire::Wire,
};

/// The first byte of a string of 254 bytes or more.
const LONG_FORM: u8 = 0xfe;

/// Writes TL elements, each in its one form.
///
/// The first error sticks, and [`finish`](Self::finish) gives it instead of the bytes.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    depth: u32,
    error: Option<EncodeError>,
}

impl Writer {
    /// Starts empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts empty, with room for `capacity` bytes. A string needs eight bytes more than its data
    /// while it is written.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// How many bytes have been written.
    #[inline]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The bytes written, where they were written: with enough capacity there is no second copy of a
    /// secret that nobody would wipe.
    ///
    /// # Errors
    /// The first error of all the calls before.
    pub fn finish(self) -> Result<Bytes, EncodeError> {
        match self.error {
            None => Ok(self.out.into()),
            Some(error) => Err(error),
        }
    }

    /// Gives back the room that was not needed, so that what waits in a queue takes about the memory
    /// that its length says.
    pub(crate) fn shrink(&mut self) {
        let spare = self.out.capacity().saturating_sub(self.out.len());
        if spare > self.out.len() / 4 {
            self.out.shrink_to_fit();
        }
    }

    /// Writes `#` or a constructor id: four bytes.
    #[inline(always)]
    pub fn put_u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes `int`: four bytes.
    #[inline(always)]
    pub fn put_i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes `long`: eight bytes.
    #[inline(always)]
    pub fn put_i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes `double`: eight bytes.
    #[inline(always)]
    pub fn put_f64(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes `int128`: sixteen bytes as they are.
    #[inline(always)]
    pub fn put_int128(&mut self, value: &[u8; 16]) {
        self.out.extend_from_slice(value);
    }

    /// Writes `int256`: thirty-two bytes as they are.
    #[inline(always)]
    pub fn put_int256(&mut self, value: &[u8; 32]) {
        self.out.extend_from_slice(value);
    }

    /// Writes `Bool`: the id of `boolTrue` or of `boolFalse`.
    #[inline(always)]
    pub fn put_bool(&mut self, value: bool) {
        self.put_u32(if value { BOOL_TRUE } else { BOOL_FALSE });
    }

    /// Writes `bytes`: `len data padding`, or `fe len len len data padding`.
    ///
    /// More than [`STRING_LEN_MAX`] bytes is [`EncodeError::StringTooLong`].
    pub fn put_bytes(&mut self, data: &[u8]) {
        let len = data.len();
        if len > STRING_LEN_MAX {
            return self.fail(EncodeError::StringTooLong { len });
        }
        let [low, mid, high, ..] = len.to_le_bytes();
        let is_short = len < usize::from(LONG_FORM);
        let prefix_len: usize = if is_short { 1 } else { 4 };
        let end = prefix_len.saturating_add(len).next_multiple_of(4).saturating_add(self.out.len());
        // Room for the longest padding too, which is cut off: a constant number of zeros is
        // cheaper than the right one.
        self.reserve(len.saturating_add(8));
        if is_short {
            self.out.push(low);
        } else {
            self.out.extend_from_slice(&[LONG_FORM, low, mid, high]);
        }
        self.out.extend_from_slice(data);
        self.out.extend_from_slice(&[0; 3]);
        self.out.truncate(end);
    }

    /// Writes `string`: like [`put_bytes`](Self::put_bytes).
    #[inline(always)]
    pub fn put_string(&mut self, data: &str) {
        self.put_bytes(data.as_bytes());
    }

    /// Writes `data` as it is, without length or padding.
    #[inline]
    pub fn put_raw(&mut self, data: &[u8]) {
        self.reserve(data.len());
        self.out.extend_from_slice(data);
    }

    /// Makes room for `additional` bytes, and a while beyond.
    #[inline]
    fn reserve(&mut self, additional: usize) {
        if additional > self.out.capacity().saturating_sub(self.out.len()) {
            self.grow(additional);
        }
    }

    /// Objects are many small ones or few large ones, so it pays to grow in long strides.
    #[cold]
    fn grow(&mut self, additional: usize) {
        let stride = self.out.capacity().saturating_mul(3).clamp(128, 64 << 10);
        self.out.reserve(additional.max(stride));
    }

    /// Writes `count item…`, each item in the form `W`.
    ///
    /// More than 2³¹ − 1 items is [`EncodeError::VectorTooLong`].
    #[inline]
    pub fn put_items<T, W: Wire<T>>(&mut self, items: &[T]) {
        match i32::try_from(items.len()) {
            Ok(count) => self.put_i32(count),
            Err(_) => self.fail(EncodeError::VectorTooLong { count: items.len() }),
        }
        W::put_items(items, self);
    }

    /// Writes numbers of `N` bytes each.
    pub(crate) fn put_block<T, const N: usize>(
        &mut self,
        numbers: &[T],
        bytes: impl Fn(&T) -> [u8; N],
    ) {
        let start = self.out.len();
        self.reserve(numbers.len().saturating_mul(N));
        self.out.resize(start.saturating_add(numbers.len().saturating_mul(N)), 0);
        let (chunks, _) = self.out.get_mut(start..).unwrap_or_default().as_chunks_mut();
        for (chunk, number) in chunks.iter_mut().zip(numbers) {
            *chunk = bytes(number);
        }
    }

    /// Writes the parts of a tuple, one level deeper.
    ///
    /// More than [`DEPTH_MAX`] levels is [`EncodeError::TooDeep`].
    #[inline(always)]
    pub fn fields(&mut self, parts: impl Put) {
        if self.depth >= DEPTH_MAX {
            return self.fail(EncodeError::TooDeep);
        }
        self.depth = self.depth.saturating_add(1);
        let (mut words, half) = Words::of(&parts);
        if half != 0 {
            self.fail(EncodeError::HalfSet { bits: half });
        }
        parts.put(self, &mut words);
        self.depth = self.depth.saturating_sub(1);
    }

    #[cold]
    fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }
}
