//! What the processor itself needs, measured beside what is compared with it.

use super::Absent;
use super::sample::{Contender, Effort, fastest};
use odnix_kernels::bounds::aes_chain;
use std::hint::black_box;

/// The rounds of one block of AES-256.
const ROUNDS: usize = 14;

/// Cycles in which the instructions for SHA-256 take up 16 bytes: 128 for a block of 64, as their
/// rounds wait for each other.
const SHA_CYCLES: usize = 32;

/// The time in which one stream of IGE could pass so many blocks: their rounds, each of which waits
/// for the one before it.
pub fn aes<'a>(blocks: usize) -> Result<Contender<'a>, Absent> {
    processor_has_aes()?;
    Ok(Contender::new("chain of AES rounds", move || aes_chain(black_box(ROUNDS * blocks))))
}

/// The same with SHA-256 of the blocks before it.
pub fn sha_then_aes<'a>(blocks: usize) -> Result<Contender<'a>, Absent> {
    processor_has_aes()?;
    let both =
        move || (cycles(black_box(SHA_CYCLES * blocks)), aes_chain(black_box(ROUNDS * blocks)));
    Ok(Contender::new("SHA-256, then a chain of AES rounds", both))
}

fn processor_has_aes() -> Result<(), Absent> {
    aes_chain(0).map(|_| ()).ok_or(Absent("the processor has no AES"))
}

/// A chain of instructions that take one cycle each, and wait for each other.
fn cycles(count: usize) -> u64 {
    let mut state = black_box(3_u64);
    for _ in 0..count / 4 {
        state = state.rotate_left(5) ^ 0x1234_5678_1234_5678;
        state = state.rotate_left(5).wrapping_add(0x1234_5678_1234_5678);
    }
    state
}

/// What the processor's clock was.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub ghz: f64,
    /// Cycles of one round of AES, if the processor has it.
    pub aes_round: Option<f64>,
}

impl Clock {
    pub fn measure(effort: &Effort) -> Self {
        const COUNT: usize = 4000;
        let [one] = fastest(effort, [Contender::new("cycles", || cycles(black_box(COUNT)))]);
        let ghz = COUNT as f64 / one.ns;
        let round = |chain| {
            let [chain] = fastest(effort, [chain]);
            chain.ns * ghz / (100 * ROUNDS) as f64
        };
        Self { ghz, aes_round: aes(100).ok().map(round) }
    }
}
