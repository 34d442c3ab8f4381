//! The constructor ids that the codec itself knows.

/// Id of `boolTrue`.
pub(crate) const BOOL_TRUE: u32 = 0x9972_75b5;
/// Id of `boolFalse`.
pub(crate) const BOOL_FALSE: u32 = 0xbc79_9737;
/// Id of `vector`, in front of each boxed vector.
pub(crate) const VECTOR: u32 = 0x1cb5_c415;
