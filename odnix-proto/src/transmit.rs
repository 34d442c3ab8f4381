//! What a machine says when it has put bytes into the caller's buffer.

/// One packet or frame was appended to the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Its length in bytes.
    pub len: usize,
}
