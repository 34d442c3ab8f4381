//! Randomness as an argument: each machine is seeded once and draws from its own generator.

use chacha20::ChaCha20Rng;
use core::fmt;
use rand_core::{CryptoRng, Rng, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 bytes of entropy that seed one machine. Move-only: two machines never share a seed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Draws a seed from any cryptographically secure generator.
    pub fn from_rng<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Draws a seed from the operating system.
    ///
    /// # Errors
    /// The operating system has no entropy to give.
    #[cfg(feature = "std")]
    #[expect(clippy::disallowed_methods, reason = "the one door for OS randomness")]
    pub fn from_os() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A seed everyone can guess: for tests, simulations and examples only.
    pub fn for_testing(number: u64) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// The generator of a machine that mostly waits: between two draws it holds its seed and its
/// place, and not the blocks drawn ahead. It gives out what a [`Generator`] of the seed does.
pub(crate) struct Dormant {
    seed: Seed,
    /// Words of the stream drawn so far.
    place: u64,
}

impl Dormant {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, place: 0 }
    }

    /// Wakes it up for what is to be drawn in one go.
    pub(crate) fn draw<T>(&mut self, take: impl FnOnce(&mut ChaCha20Rng) -> T) -> T {
        let mut random = ChaCha20Rng::from_seed(self.seed.0);
        random.set_word_pos(self.place.into());
        let taken = take(&mut random);
        // 2^64 words last for longer than any machine.
        self.place = u64::try_from(random.get_word_pos()).unwrap_or_default();
        taken
    }

    /// The seed of a machine inside this one.
    pub(crate) fn split(&mut self) -> Seed {
        self.draw(Seed::from_rng)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.draw(|random| {
            let mut bytes = [0; N];
            random.fill_bytes(&mut bytes);
            bytes
        })
    }
}

impl fmt::Debug for Dormant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dormant(…)")
    }
}

/// The private generator of one machine (ChaCha20).
pub(crate) struct Generator {
    random: ChaCha20Rng,
    /// Bytes that `fill` and `array` give out first, to replay published exchanges.
    #[cfg(test)]
    script: alloc::collections::VecDeque<u8>,
}

impl Generator {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            random: ChaCha20Rng::from_seed(seed.0),
            #[cfg(test)]
            script: alloc::collections::VecDeque::new(),
        }
    }

    /// A generator that gives out `script` before anything random.
    #[cfg(test)]
    pub(crate) fn scripted(seed: Seed, script: impl IntoIterator<Item = u8>) -> Self {
        Self { script: script.into_iter().collect(), ..Self::new(seed) }
    }

    /// The seed of a machine inside this one.
    pub(crate) fn split(&mut self) -> Seed {
        Seed::from_rng(&mut self.random)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.random.fill_bytes(bytes);
        #[cfg(test)]
        for byte in bytes {
            *byte = self.script.pop_front().unwrap_or(*byte);
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// A number in `0..bound`, or 0 when `bound` is 0. The bias is below 2^-32 for the small
    /// bounds of padding and jitter.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let wide = u64::from(self.random.next_u32()).wrapping_mul(u64::from(bound));
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    pub(crate) fn rng(&mut self) -> &mut (impl CryptoRng + use<>) {
        &mut self.random
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator(…)")
    }
}
