//! What the protocol computes most, on what the processor offers.
//!
//! | level | needs | what is different |
//! |---|---|---|
//! | [`Level::Portable`] | nothing | the `ige`, `aes` and `sha2` crates |
//! | [`Level::AesNi`] | AES-NI, SHA-NI, SSE4.1 | IGE at the speed of its chain; hashing while decrypting; two hashes at once |
//!
//! The level is found once, and every level computes the same. This is the only crate of the
//! workspace with unsafe code: calls of functions that the processor was asked about, and loads
//! and stores of whole blocks.
//!
//! ```
//! use odnix_kernels::Kernels;
//!
//! let mut blocks = [[7; 16]; 3];
//! let kernels = Kernels::get();
//! kernels.ige_encrypt(&[1; 32], &[2; 32], &mut blocks);
//! kernels.ige_decrypt(&[1; 32], &[2; 32], &mut blocks);
//! assert_eq!(blocks, [[7; 16]; 3]);
//! ```
//!
//! With the feature `std`, the environment variable `ODNIX_CPU` (`portable`, `aesni`) bounds the
//! level, for tests and measurements.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "bench")]
pub mod bound;
mod level;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::Level;

/// One AES block.
pub type Block = [u8; 16];

/// A key, a vector, a prefix, a hash.
type Word = [u8; 32];

/// The functions of one level.
#[derive(Clone, Copy, Debug)]
struct Functions {
    encrypt: fn(&Word, &Word, &mut [Block]),
    decrypt: fn(&Word, &Word, &mut [Block]),
    open: fn(&Word, &Word, &Word, &mut [Block]) -> Word,
    hash: fn(&Word, &[Block]) -> Word,
    hash_two: fn([&[u8; 52]; 2]) -> [Word; 2],
}

/// What is computed at one level.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    level: Level,
    functions: Functions,
}

impl Kernels {
    /// Those of the best level that the processor has and `ODNIX_CPU` allows.
    pub fn get() -> Self {
        Self::of(level::current())
    }

    /// Those of one level, if the processor has it.
    pub fn at(level: Level) -> Option<Self> {
        (level <= level::best()).then(|| Self::of(level))
    }

    /// The level must be one that the processor has.
    fn of(level: Level) -> Self {
        let functions = match level {
            #[cfg(target_arch = "x86_64")]
            Level::AesNi => x86::AES_NI,
            _ => portable::PORTABLE,
        };
        Self { level, functions }
    }

    /// Which level this is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// AES-256-IGE in place: `c[i] = AES(key, p[i] ^ c[i-1]) ^ p[i-1]`, where `iv` is `c[-1]` and
    /// then `p[-1]`.
    pub fn ige_encrypt(&self, key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
        (self.functions.encrypt)(key, iv, blocks);
    }

    /// The reverse of [`Self::ige_encrypt`].
    pub fn ige_decrypt(&self, key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
        (self.functions.decrypt)(key, iv, blocks);
    }

    /// [`Self::ige_decrypt`], and [`Self::hash`] of what comes out: at the cost of the first alone,
    /// where the processor can do both at once.
    pub fn ige_decrypt_and_hash(
        &self,
        key: &[u8; 32],
        iv: &[u8; 32],
        prefix: &[u8; 32],
        blocks: &mut [Block],
    ) -> [u8; 32] {
        (self.functions.open)(key, iv, prefix, blocks)
    }

    /// SHA-256 of `prefix | blocks`.
    pub fn hash(&self, prefix: &[u8; 32], blocks: &[Block]) -> [u8; 32] {
        (self.functions.hash)(prefix, blocks)
    }

    /// SHA-256 of each of two messages, which is little more than that of one.
    pub fn hash_two(&self, messages: [&[u8; 52]; 2]) -> [[u8; 32]; 2] {
        (self.functions.hash_two)(messages)
    }
}
