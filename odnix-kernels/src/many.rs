//! What is computed for many messages at once.

use crate::Block;

/// One of many streams of IGE, with a key of its own.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the arguments of a function")]
pub struct Stream<'a> {
    /// The AES-256 key.
    pub key: &'a [u8; 32],
    /// The vector, as for [`Kernels::ige_encrypt`](crate::Kernels::ige_encrypt).
    pub iv: &'a [u8; 32],
    /// What is encrypted or decrypted in place.
    pub blocks: &'a mut [Block],
}

/// One of many messages to hash.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the arguments of a function")]
pub struct Message<'a> {
    /// What stands in front.
    pub prefix: &'a [u8; 32],
    /// What follows.
    pub blocks: &'a [Block],
    /// Where the hash goes.
    pub hash: &'a mut [u8; 32],
}
