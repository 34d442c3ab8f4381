//! Which level the processor has, and which one is to be used.

use core::fmt;
use core::str::FromStr;

/// What a processor offers, from nothing upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Any processor.
    Portable,
    /// x86-64 with AES-NI, SHA-NI and SSE4.1.
    AesNi,
    /// The same with VAES and AVX-512 (F, BW, DQ, VL, IFMA).
    Vaes512,
}

impl Level {
    /// All of them, from nothing upwards.
    pub const ALL: [Self; 3] = [Self::Portable, Self::AesNi, Self::Vaes512];

    /// What `ODNIX_CPU` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::AesNi => "aesni",
            Self::Vaes512 => "vaes512",
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
    Level::Portable
}

/// The best that is allowed, too. A name that no level has allows everything.
pub(crate) fn current() -> Level {
    best().min(allowed())
}

#[cfg(feature = "std")]
fn allowed() -> Level {
    static ALLOWED: std::sync::OnceLock<Level> = std::sync::OnceLock::new();
    let named = || std::env::var("ODNIX_CPU").ok()?.parse().ok();
    *ALLOWED.get_or_init(|| named().unwrap_or(best()))
}

#[cfg(not(feature = "std"))]
fn allowed() -> Level {
    best()
}
