//! An input as the decisions it makes, from its front to its end. Past the end everything is 0.

/// What of an input has not been read.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether anything is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// Four bytes, little-endian.
    pub fn i32(&mut self) -> i32 {
        i32::from(self.u16()) | i32::from(self.u16()) << 16
    }

    /// Eight bytes, little-endian.
    pub fn i64(&mut self) -> i64 {
        i64::from(self.i32()) & 0xffff_ffff | i64::from(self.i32()) << 32
    }

    /// A number below `bound`, from one byte.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.u8()) % bound
    }

    /// Up to `len` bytes.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A string of bytes behind its length.
    pub fn string(&mut self) -> &'a [u8] {
        let len = usize::from(self.u8());
        self.bytes(len)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.bytes(self.0.len())
    }

    /// Changes some bytes, at (position, difference) pairs of three bytes, as many as are left.
    pub fn edit(&mut self, bytes: &mut [u8]) {
        while !self.is_empty() && !bytes.is_empty() {
            let at = usize::from(self.u16()) % bytes.len();
            bytes[at] ^= self.u8();
        }
    }
}
