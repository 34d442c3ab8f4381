//! What can be wrong with bytes to decode, and with a value to encode.

/// Why bytes are not the TL object they should be. `position` is the offset of the faulty
/// element from the start of the input, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends inside an element.
    #[error("{needed} bytes needed at {position}, {remaining} left")]
    UnexpectedEnd {
        /// Where the element starts.
        position: usize,
        /// How many bytes it has.
        needed: usize,
        /// How many there are.
        remaining: usize,
    },
    /// The constructor id is none of those the type has. To keep what a newer layer sends, read an
    /// [`OrUnknown`](crate::OrUnknown).
    #[error("constructor id {id:08x} at {position} is not of type {expected}")]
    UnknownConstructor {
        /// Where the id is.
        position: usize,
        /// The id found.
        id: u32,
        /// The TL type or constructor wanted.
        expected: &'static str,
    },
    /// A string of 253 bytes or less has its length in the four-byte form.
    #[error("length of the string at {position} is not in its shortest form")]
    NonMinimalLength {
        /// Where the string starts.
        position: usize,
    },
    /// The length of a string starts with `ff`.
    #[error("length of the string at {position} has an unknown form")]
    UnknownLengthForm {
        /// Where the string starts.
        position: usize,
    },
    /// The padding after a string is not zero.
    #[error("padding of the string at {position} is not zero")]
    NonZeroPadding {
        /// Where the string starts.
        position: usize,
    },
    /// A `string` is not UTF-8.
    #[error("the string at {position} is not UTF-8")]
    InvalidUtf8 {
        /// Where the string starts.
        position: usize,
    },
    /// A vector has more items than the bytes that remain can hold.
    #[error("a vector of {count} items at {position} with {remaining} bytes left")]
    VectorTooLong {
        /// Where the count is.
        position: usize,
        /// The count found.
        count: u32,
        /// How many bytes follow it.
        remaining: usize,
    },
    /// The items of all vectors, and what is kept on the heap, together exceed [`HEAP_BYTES_MAX`](crate::limits::HEAP_BYTES_MAX).
    #[error("the vectors up to the one at {position} exceed the memory limit")]
    OutOfBudget {
        /// Where the count of the last vector is.
        position: usize,
    },
    /// Constructors nest deeper than [`DEPTH_MAX`](crate::limits::DEPTH_MAX).
    #[error("objects nest too deeply at {position}")]
    TooDeep {
        /// Where the fields of the constructor that is too deep start.
        position: usize,
    },
    /// The object ends before the input does.
    #[error("{count} bytes after the end of the object at {position}")]
    TrailingBytes {
        /// Where the object ends.
        position: usize,
        /// How many bytes follow it.
        count: usize,
    },
}

impl DecodeError {
    /// The offset of the faulty element from the start of the input, in bytes.
    pub fn position(&self) -> usize {
        match *self {
            Self::UnexpectedEnd { position, .. }
            | Self::UnknownConstructor { position, .. }
            | Self::NonMinimalLength { position }
            | Self::UnknownLengthForm { position }
            | Self::NonZeroPadding { position }
            | Self::InvalidUtf8 { position }
            | Self::VectorTooLong { position, .. }
            | Self::OutOfBudget { position }
            | Self::TooDeep { position }
            | Self::TrailingBytes { position, .. } => position,
        }
    }
}

/// Why a value has no TL form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A `string` or `bytes` longer than [`STRING_LEN_MAX`](crate::limits::STRING_LEN_MAX).
    #[error("a string of {len} bytes: 2^24 - 1 is the longest")]
    StringTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A vector whose count does not fit an `int`.
    #[error("a vector of {count} items: 2^31 - 1 is the longest")]
    VectorTooLong {
        /// How many items it has.
        count: usize,
    },
    /// Constructors nest deeper than [`DEPTH_MAX`](crate::limits::DEPTH_MAX).
    #[error("objects nest too deeply")]
    TooDeep,
    /// Of conditional fields that share a bit, such as `a:flags.1?int b:flags.1?string`, some are
    /// there and some are not.
    #[error("of the fields that share a bit of {bits:#x} some are there and some are not")]
    HalfSet {
        /// Such bits of a `#`.
        bits: u32,
    },
}
