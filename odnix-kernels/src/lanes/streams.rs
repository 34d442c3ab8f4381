//! Many streams of IGE side by side.
//!
//! A stream is a chain: each block waits for the one before it, and the processor for each round.
//! The rounds of other streams have their time meanwhile, so `N` streams cost about as much as
//! one. A lane holds one stream at a time and gets the next one when its stream ends; the longest
//! come first, so that no long one is left alone at the end.

use super::wipe;
use crate::{Block, Stream, Word};
use core::cmp::Reverse;

/// Rounds of AES-256, and a key before the first.
pub(crate) const ROUND_KEYS: usize = 15;

/// What `N` streams need between two blocks.
#[repr(align(64))]
pub(crate) struct Lanes<const N: usize> {
    /// `keys[round][lane]`
    pub(crate) keys: [[Block; N]; ROUND_KEYS],
    /// The block before, as it came out.
    pub(crate) outputs: [Block; N],
    /// The block before, as it went in.
    pub(crate) inputs: [Block; N],
}

impl<const N: usize> Drop for Lanes<N> {
    fn drop(&mut self) {
        wipe(self.keys.as_flattened_mut());
        wipe(&mut self.inputs);
        wipe(&mut self.outputs);
    }
}

/// Encrypts or decrypts so many blocks of each lane, which is one at least.
///
/// # Safety
/// The processor has the features, and so many blocks may be read and written behind each pointer.
pub(crate) type Run<const N: usize> = unsafe fn(&mut Lanes<N>, &[*mut Block; N], usize);

/// Lanes without a stream work on these, all on the same, and on so many at once.
const IDLE_BLOCKS: usize = 64;

/// How one direction at one level is done with `N` lanes.
#[derive(Clone, Copy)]
pub(crate) struct Width<const N: usize> {
    pub(crate) decrypts: bool,
    /// The round keys of a key, for the kernel.
    pub(crate) schedule: fn(&Word) -> [Block; ROUND_KEYS],
    pub(crate) run: Run<N>,
}

impl<const N: usize> Width<N> {
    /// All streams to their ends. Their order is not kept.
    pub(crate) fn run(&self, streams: &mut [Stream<'_>]) {
        streams.sort_unstable_by_key(|stream| Reverse(stream.blocks.len()));
        let mut waiting = streams.iter_mut().filter(|stream| !stream.blocks.is_empty());
        let mut rests: [&mut [Block]; N] = core::array::from_fn(|_| &mut [][..]);
        let mut lanes =
            Lanes { keys: [[[0; 16]; N]; ROUND_KEYS], outputs: [[0; 16]; N], inputs: [[0; 16]; N] };
        let mut idle = [[0; 16]; IDLE_BLOCKS];
        // One pointer for all: a second borrow would end the first.
        let idle = idle.as_mut_ptr();
        loop {
            for (lane, rest) in rests.iter_mut().enumerate().filter(|(_, rest)| rest.is_empty()) {
                let Some(stream) = waiting.next() else { break };
                self.begin(&mut lanes, lane, stream);
                *rest = &mut *stream.blocks;
            }
            // Until the first lane is free.
            let busy = rests.iter().map(|rest| rest.len()).filter(|len| *len > 0);
            let Some(mut steps) = busy.min() else { break };
            if rests.iter().any(|rest| rest.is_empty()) {
                steps = steps.min(IDLE_BLOCKS);
            }
            let blocks = rests.each_mut().map(|rest| match rest.is_empty() {
                true => idle,
                false => rest.as_mut_ptr(),
            });
            // SAFETY: a `Width` is made for a processor that has the features. A pointer is to a
            // rest of `steps` blocks or more, or to `IDLE_BLOCKS`, which are not fewer.
            #[expect(unsafe_code, reason = "lanes without a stream share blocks")]
            unsafe {
                (self.run)(&mut lanes, &blocks, steps);
            }
            for rest in rests.iter_mut().filter(|rest| !rest.is_empty()) {
                *rest = &mut core::mem::take(rest)[steps..];
            }
        }
    }

    fn begin(&self, lanes: &mut Lanes<N>, lane: usize, stream: &Stream<'_>) {
        let mut keys = (self.schedule)(stream.key);
        for (place, key) in lanes.keys.iter_mut().zip(&keys) {
            place[lane] = *key;
        }
        wipe(&mut keys);
        let (halves, _) = stream.iv.as_chunks();
        let (cipher, plain) = (halves[0], halves[1]);
        let (output, input) = if self.decrypts { (plain, cipher) } else { (cipher, plain) };
        (lanes.outputs[lane], lanes.inputs[lane]) = (output, input);
    }
}
