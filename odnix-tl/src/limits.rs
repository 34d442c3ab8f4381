//! The limits of the codec, in one table. The count of a vector has no constant: it is bounded by
//! the bytes that remain, divided by those of the shortest item.

/// How deep constructors may nest.
pub const DEPTH_MAX: u32 = 16;
/// The longest `string` or `bytes`, in bytes: the length has three bytes on the wire.
pub const STRING_LEN_MAX: usize = 0x00ff_ffff;
/// How many bytes of memory the items of all vectors of one input, and the values that are kept on
/// the heap, may take. They may be larger in memory than on the wire, so the length of the input
/// alone does not bound this.
pub const HEAP_BYTES_MAX: usize = 16 << 20;
/// How many `#` a constructor may have; schemas in use have two at most.
pub const FLAG_WORDS_MAX: usize = 4;
/// How deep a JSON document may nest.
pub const JSON_DEPTH_MAX: u32 = 64;
/// How many bytes of memory the JSON form of one input may take. Each constructor writes all of its
/// `flags.N?true`, so it may be hundreds of times larger than the input.
pub const JSON_BYTES_MAX: usize = 256 << 20;
