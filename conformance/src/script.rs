//! Generators that give out given bytes, or say which bytes they gave: with them, what an
//! implementation draws at random becomes part of a vector.

use rand_core::{Rng, TryCryptoRng, TryRng};
use std::{collections::VecDeque, convert::Infallible};

/// Gives out the bytes it was made of, in order; numbers are little-endian.
#[derive(Debug)]
pub struct Script(VecDeque<u8>);

impl Script {
    /// A generator of exactly these bytes. It panics when asked for more.
    pub fn new(bytes: impl IntoIterator<Item = u8>) -> Self {
        Self(bytes.into_iter().collect())
    }

    /// How many bytes nobody asked for.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.take(&mut bytes);
        bytes
    }

    fn take(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.pop_front().expect("the script has more bytes");
        }
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.take(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Script {}

/// Passes on what another generator gives, and keeps a copy of each run of bytes.
#[derive(Debug)]
pub struct Recorder<R> {
    random: R,
    /// What was given out, one entry for each run of bytes asked for.
    pub given: Vec<Vec<u8>>,
}

impl<R> Recorder<R> {
    /// Records what `random` gives from now on.
    pub fn new(random: R) -> Self {
        Self { random, given: Vec::new() }
    }
}

impl<R: Rng> TryRng for Recorder<R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.random.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.random.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.random.fill_bytes(bytes);
        self.given.push(bytes.to_vec());
        Ok(())
    }
}

impl<R: Rng> TryCryptoRng for Recorder<R> {}
