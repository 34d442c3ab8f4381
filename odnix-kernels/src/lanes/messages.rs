//! SHA-256 of many messages side by side, in lanes as many streams of IGE are.

use super::wipe;
use crate::{Block, Message, Word};
use core::cmp::Reverse;
use core::slice;

/// Messages side by side.
pub(crate) const LANES: usize = 16;

/// What SHA-256 takes at once: four blocks.
pub(crate) type Chunk = [Block; 4];

/// The hash of what came before, in the order that the kernel wants.
pub(crate) type State = [Block; 2];

/// Of all lanes.
pub(crate) type States = [State; LANES];

/// A message on its way, cut into what is whole chunks with its prefix, and the last chunk.
struct Lane<'m, 'a> {
    message: &'m mut Message<'a>,
    /// The prefix and two blocks, unless there are fewer.
    head: Chunk,
    middle: &'a [Chunk],
    tail: Chunk,
    /// How many chunks have been hashed.
    hashed: usize,
}

impl Drop for Lane<'_, '_> {
    fn drop(&mut self) {
        wipe(&mut self.head);
        wipe(&mut self.tail);
    }
}

impl<'m, 'a> Lane<'m, 'a> {
    fn new(message: &'m mut Message<'a>) -> Self {
        let (prefix, _) = message.prefix.as_chunks();
        let blocks = message.blocks;
        let (head, middle, rest) = match blocks {
            [third, fourth, rest @ ..] => {
                let (middle, rest) = rest.as_chunks();
                ([prefix[0], prefix[1], *third, *fourth], middle, rest)
            }
            _ => ([[0; 16]; 4], &[][..], blocks),
        };
        let mut lane = Self { message, head, middle, tail: [[0; 16]; 4], hashed: 0 };
        // Up to three blocks, one bit, zeros, and how many bits the message has.
        let begun = if lane.heads() == 0 { &prefix[..2] } else { &[] };
        let mut places = lane.tail.iter_mut();
        for (block, place) in begun.iter().chain(rest).zip(&mut places) {
            *place = *block;
        }
        if let Some(place) = places.next() {
            place[0] = 0x80;
        }
        let bits = (blocks.len() as u64 + 2).wrapping_mul(128);
        lane.tail[3][8..].copy_from_slice(&bits.to_be_bytes());
        lane
    }

    fn heads(&self) -> usize {
        usize::from(self.message.blocks.len() >= 2)
    }

    fn chunks(&self) -> usize {
        self.heads() + self.middle.len() + 1
    }

    /// Chunks that lie side by side and come next.
    fn next(&self) -> &[Chunk] {
        match self.hashed.checked_sub(self.heads()) {
            None => slice::from_ref(&self.head),
            Some(hashed) if hashed < self.middle.len() => &self.middle[hashed..],
            Some(_) => slice::from_ref(&self.tail),
        }
    }
}

/// How it is done at one level.
#[derive(Clone, Copy)]
pub(crate) struct Hashing {
    /// The hash of nothing yet.
    pub(crate) initial: State,
    /// Hashes chunks of all lanes: the same number of each, and none of a lane that is empty, whose
    /// state is not used.
    pub(crate) compress: fn(&mut States, &[&[Chunk]; LANES]),
    /// The bytes as they stand in a hash.
    pub(crate) bytes: fn(State) -> Word,
}

/// All messages; their order is not kept.
pub(crate) fn hash_many(messages: &mut [Message<'_>], hashing: Hashing) {
    let Hashing { initial, compress, bytes } = hashing;
    messages.sort_unstable_by_key(|message| Reverse(message.blocks.len()));
    let mut waiting = messages.iter_mut();
    let mut lanes: [Option<Lane<'_, '_>>; LANES] = [const { None }; LANES];
    let mut states = [initial; LANES];
    loop {
        for (lane, state) in lanes.iter_mut().zip(&mut states) {
            if lane.is_none() {
                *lane = waiting.next().map(Lane::new);
                *state = initial;
            }
        }
        let mut chunks = lanes.each_ref().map(|lane| lane.as_ref().map_or(&[][..], Lane::next));
        let steps = chunks.iter().map(|chunks| chunks.len()).filter(|len| *len > 0).min();
        let Some(steps) = steps else { break };
        for chunks in chunks.iter_mut().filter(|chunks| !chunks.is_empty()) {
            *chunks = &chunks[..steps];
        }
        compress(&mut states, &chunks);
        for (place, state) in lanes.iter_mut().zip(&states) {
            let Some(lane) = place else { continue };
            lane.hashed += steps;
            if lane.hashed == lane.chunks() {
                *lane.message.hash = bytes(*state);
                *place = None;
            }
        }
    }
    wipe(states.as_flattened_mut());
}
