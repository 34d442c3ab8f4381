//! One counter of a mailbox, and what waits for its turn in it.

use alloc::collections::BTreeMap;

/// Ordered by where they begin, where they end, and when they came; the last keeps several that
/// move nothing apart.
type Held<T> = BTreeMap<(i64, i64, u64), T>;

/// A position, and what lies ahead of it.
#[derive(Debug)]
pub(super) struct Line<T> {
    /// After everything that was handed on.
    at: i64,
    held: Held<T>,
}

/// What is next on a line.
pub(super) enum Next<T> {
    /// It begins where the line stands, which stands at its end now.
    InOrder(T),
    /// It begins before and ends behind: part of it was missed.
    Overlaps,
}

impl<T> Line<T> {
    pub(super) fn new(at: i32) -> Self {
        Self { at: i64::from(at), held: Held::new() }
    }

    /// The position, as it is on the wire.
    pub(super) fn at(&self) -> i32 {
        i32::try_from(self.at).unwrap_or(i32::MAX)
    }

    pub(super) fn move_to(&mut self, at: i32) {
        self.at = i64::from(at);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Seen before. One that moves nothing at the very position is not.
    pub(super) fn has_passed(&self, start: i64, end: i64) -> bool {
        end < self.at || (end == self.at && start < end)
    }

    /// Begins before the position.
    pub(super) fn is_behind(&self, start: i64) -> bool {
        start < self.at
    }

    /// Whether one from `start` to `end` waits already.
    pub(super) fn holds(&self, start: i64, end: i64) -> bool {
        self.held.range((start, end, 0)..=(start, end, u64::MAX)).next().is_some()
    }

    /// Lets the arrival with this number wait.
    pub(super) fn hold(&mut self, start: i64, end: i64, arrival: u64, item: T) {
        self.held.insert((start, end, arrival), item);
    }

    /// Takes what is next, if it has come; what was seen meanwhile is dropped.
    pub(super) fn next(&mut self) -> Option<Next<T>> {
        while let Some(first) = self.held.first_entry() {
            let (start, end, _) = *first.key();
            if start > self.at {
                return None;
            }
            let in_order = start == self.at;
            let item = first.remove();
            if in_order {
                self.at = end;
                return Some(Next::InOrder(item));
            }
            if !self.has_passed(start, end) {
                return Some(Next::Overlaps);
            }
        }
        None
    }

    /// The server has told everything up to the position: what came before arrival `arrival` and
    /// still lies ahead was never in its log.
    pub(super) fn settle(&mut self, arrival: u64) {
        let at = self.at;
        self.held.retain(|(start, _, number), _| *number >= arrival || *start <= at);
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }
}
