//! What the protocol computes most, on what the processor offers.
//!
//! | level | needs | what is different |
//! |---|---|---|
//! | [`Level::Portable`] | nothing | the `ige`, `aes` and `sha2` crates |
//! | [`Level::Armv8`] | AArch64 with AES and SHA-256 | as the next line; tested under an emulator only, and not measured |
//! | [`Level::AesNi`] | AES-NI, SHA-NI, SSE4.1 | IGE at the speed of its chain; hashing while decrypting; two hashes or eight streams at once |
//! | [`Level::Vaes512`] | the same, VAES and AVX-512 with IFMA | up to sixteen streams and hashes at once; eight modular powers at once ([`Powers`]) |
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
//! With the feature `std`, the environment variable `ODNIX_CPU` (`portable`, `armv8`, `aesni`, `vaes512`)
//! bounds the level, for tests and measurements. A level that the processor has not got, such as one
//! of another architecture, bounds nothing.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(target_arch = "x86_64")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(feature = "bounds")]
pub mod bounds;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod lanes;
mod level;
mod many;
mod portable;
#[cfg_attr(not(target_arch = "x86_64"), path = "powers/absent.rs")]
mod powers;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod sha256;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::Level;
pub use many::{Message, Stream};
pub use powers::{
    Eight, FixedBase, LANES, Lanes, Lanes1024, Lanes2048, Modulus, Modulus1024, Modulus2048, Powers,
};

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
    message_keys: fn(&Block, &[u8; 36], &[u8; 36], &mut Word, &mut Word),
    encrypt_many: fn(&mut [Stream<'_>]),
    decrypt_many: fn(&mut [Stream<'_>]),
    hash_many: fn(&mut [Message<'_>]),
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
        level::has(level).then(|| Self::of(level))
    }

    /// The level must be one that the processor has.
    fn of(level: Level) -> Self {
        let functions = match level {
            #[cfg(target_arch = "aarch64")]
            Level::Armv8 => aarch64::ARMV8,
            #[cfg(target_arch = "x86_64")]
            Level::AesNi => x86::AES_NI,
            #[cfg(target_arch = "x86_64")]
            Level::Vaes512 => x86::VAES_512,
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

    /// The AES key and vector of a message from its msg_key and two parts of the auth_key, in
    /// place; the two hashes are computed side by side.
    ///
    /// ```text
    /// a = SHA256(msg_key | first)    key = a[0..8] | b[8..24] | a[24..32]
    /// b = SHA256(second | msg_key)   iv  = b[0..8] | a[8..24] | b[24..32]
    /// ```
    pub fn message_keys(
        &self,
        msg_key: &[u8; 16],
        first: &[u8; 36],
        second: &[u8; 36],
        key: &mut [u8; 32],
        iv: &mut [u8; 32],
    ) {
        (self.functions.message_keys)(msg_key, first, second, key, iv);
    }

    /// [`Self::ige_encrypt`] of each stream. Their order in the slice is not kept.
    pub fn ige_encrypt_many(&self, streams: &mut [Stream<'_>]) {
        (self.functions.encrypt_many)(streams);
    }

    /// [`Self::ige_decrypt`] of each stream. Their order in the slice is not kept.
    pub fn ige_decrypt_many(&self, streams: &mut [Stream<'_>]) {
        (self.functions.decrypt_many)(streams);
    }

    /// [`Self::hash`] of each message. Their order in the slice is not kept.
    pub fn hash_many(&self, messages: &mut [Message<'_>]) {
        (self.functions.hash_many)(messages);
    }
}
