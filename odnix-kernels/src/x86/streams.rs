//! Many streams of IGE side by side.
//!
//! A stream is a chain: each block waits for the one before it, and the processor for each round.
//! The rounds of other streams have their time meanwhile, so `N` streams cost about as much as
//! one. A lane holds one stream at a time and gets the next one when its stream ends; the longest
//! come first, so that no long one is left alone at the end.

use crate::{Block, Stream, Word};
use core::cmp::Reverse;
use zeroize::Zeroize as _;

/// Rounds of AES-256, and a key before the first.
pub(super) const ROUND_KEYS: usize = 15;

/// What `N` streams need between two blocks.
#[repr(align(64))]
pub(super) struct Lanes<const N: usize> {
    /// `keys[round][lane]`
    pub(super) keys: [[Block; N]; ROUND_KEYS],
    /// The block before, as it came out.
    pub(super) outputs: [Block; N],
    /// The block before, as it went in.
    pub(super) inputs: [Block; N],
}

impl<const N: usize> Drop for Lanes<N> {
    fn drop(&mut self) {
        self.keys.as_flattened_mut().as_flattened_mut().zeroize();
        self.inputs.as_flattened_mut().zeroize();
        self.outputs.as_flattened_mut().zeroize();
    }
}

/// How one direction at one level is done with `N` lanes.
#[derive(Clone, Copy)]
pub(super) struct Width<const N: usize> {
    pub(super) decrypts: bool,
    /// The round keys of a key, for the kernel.
    pub(super) schedule: fn(&Word) -> [Block; ROUND_KEYS],
    /// Takes that many blocks of each lane; a lane that has fewer does nothing more.
    pub(super) run: fn(&mut Lanes<N>, &mut [&mut [Block]; N], usize),
}

impl<const N: usize> Width<N> {
    /// All streams to their ends. Their order is not kept.
    pub(super) fn run(&self, streams: &mut [Stream<'_>]) {
        streams.sort_unstable_by_key(|stream| Reverse(stream.blocks.len()));
        let mut waiting = streams.iter_mut().filter(|stream| !stream.blocks.is_empty()).peekable();
        let mut rests: [&mut [Block]; N] = core::array::from_fn(|_| &mut [][..]);
        let mut lanes =
            Lanes { keys: [[[0; 16]; N]; ROUND_KEYS], outputs: [[0; 16]; N], inputs: [[0; 16]; N] };
        loop {
            for (lane, rest) in rests.iter_mut().enumerate().filter(|(_, rest)| rest.is_empty()) {
                let Some(stream) = waiting.next() else { break };
                self.begin(&mut lanes, lane, stream);
                *rest = &mut *stream.blocks;
            }
            let lens = rests.iter().map(|rest| rest.len()).filter(|len| *len > 0);
            // While somebody waits, only until the first lane is free.
            let steps = if waiting.peek().is_some() { lens.min() } else { lens.max() };
            let Some(steps) = steps else { break };
            (self.run)(&mut lanes, &mut rests, steps);
            for rest in &mut rests {
                let taken = steps.min(rest.len());
                *rest = &mut core::mem::take(rest)[taken..];
            }
        }
    }

    fn begin(&self, lanes: &mut Lanes<N>, lane: usize, stream: &Stream<'_>) {
        let mut keys = (self.schedule)(stream.key);
        for (place, key) in lanes.keys.iter_mut().zip(&keys) {
            place[lane] = *key;
        }
        keys.zeroize();
        let (halves, _) = stream.iv.as_chunks();
        let (cipher, plain) = (halves[0], halves[1]);
        let (output, input) = if self.decrypts { (plain, cipher) } else { (cipher, plain) };
        (lanes.outputs[lane], lanes.inputs[lane]) = (output, input);
    }
}
