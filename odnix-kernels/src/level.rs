//! Which level the processor has, and which one is to be used.

use core::fmt;
use core::str::FromStr;

/// What a processor offers, from nothing upwards. Levels of different architectures have an order
/// because all have one; it means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Any processor.
    Portable,
    /// AArch64 with the crypto extensions of Armv8 (AES, SHA-256).
    Armv8,
    /// x86-64 with AES-NI, SHA-NI and SSE4.1.
    AesNi,
    /// The same with VAES and AVX-512 (F, BW, DQ, VL, IFMA).
    Vaes512,
}

impl Level {
    /// All of them, from nothing upwards.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Armv8, Self::AesNi, Self::Vaes512];

    /// What `ODNIX_CPU` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Armv8 => "armv8",
            Self::AesNi => "aesni",
            Self::Vaes512 => "vaes512",
        }
    }

    const fn is_of_this_architecture(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Armv8 => cfg!(target_arch = "aarch64"),
            Self::AesNi | Self::Vaes512 => cfg!(target_arch = "x86_64"),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No level has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        Self::ALL.into_iter().find(|level| level.name() == name).ok_or(UnknownLevel)
    }
}

/// The best that the processor has.
pub(crate) fn best() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        cpufeatures::new!(aes_ni, "aes", "sha", "sse2", "sse4.1", "ssse3");
        cpufeatures::new!(
            vaes,
            "vaes",
            "avx512f",
            "avx512bw",
            "avx512dq",
            "avx512vl",
            "avx512ifma"
        );
        match (aes_ni::get(), vaes::get()) {
            (true, true) => return Level::Vaes512,
            (true, false) => return Level::AesNi,
            _ => {}
        }
    }
    // What is written for a processor that keeps the lowest byte of a number first.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    {
        cpufeatures::new!(armv8, "aes", "sha2");
        if armv8::get() {
            return Level::Armv8;
        }
    }
    Level::Portable
}

/// Whether the processor has it.
pub(crate) fn has(level: Level) -> bool {
    level.is_of_this_architecture() && level <= best()
}

/// The best that the processor has, or the one of those that is asked for.
#[cfg(feature = "std")]
pub(crate) fn current() -> Level {
    static CURRENT: std::sync::OnceLock<Level> = std::sync::OnceLock::new();
    let asked = || std::env::var("ODNIX_CPU").ok()?.parse().ok();
    *CURRENT.get_or_init(|| asked().filter(|level| has(*level)).unwrap_or(best()))
}

#[cfg(not(feature = "std"))]
pub(crate) fn current() -> Level {
    best()
}
