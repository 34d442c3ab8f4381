//! What is kept by an id, in the order of the ids: a sorted queue. Ids mostly grow, so entries
//! come in at the back and leave at the front; an id takes its own size and no node of a tree,
//! and the queue is filled again without new memory.

use alloc::collections::VecDeque;

/// Entries by id, lowest first.
#[derive(Clone, Debug)]
pub(crate) struct SortedQueue<I, V> {
    entries: VecDeque<(I, V)>,
}

impl<I, V> Default for SortedQueue<I, V> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<I: Ord + Copy, V> SortedQueue<I, V> {
    /// Where the id is, or where it would be.
    fn position(&self, id: I) -> Result<usize, usize> {
        match self.entries.back() {
            Some((last, _)) if *last >= id => {
                self.entries.binary_search_by_key(&id, |(entry_id, _)| *entry_id)
            }
            _ => Err(self.entries.len()),
        }
    }

    pub(crate) fn contains(&self, id: I) -> bool {
        self.position(id).is_ok()
    }

    pub(crate) fn get(&self, id: I) -> Option<&V> {
        self.entries.get(self.position(id).ok()?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, id: I) -> Option<&mut V> {
        let at = self.position(id).ok()?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// Puts a value in the place of the one before, if there is one.
    pub(crate) fn insert(&mut self, id: I, value: V) {
        match self.position(id) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    *entry = (id, value);
                }
            }
            Err(at) => self.entries.insert(at, (id, value)),
        }
    }

    pub(crate) fn remove(&mut self, id: I) -> Option<V> {
        let at = self.position(id).ok()?;
        self.entries.remove(at).map(|(_, value)| value)
    }

    pub(crate) fn first(&self) -> Option<(I, &V)> {
        self.entries.front().map(|(id, value)| (*id, value))
    }

    pub(crate) fn last_id(&self) -> Option<I> {
        self.entries.back().map(|(id, _)| *id)
    }

    pub(crate) fn pop_first(&mut self) -> Option<(I, V)> {
        self.entries.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &V)> {
        self.entries.iter().map(|(id, value)| (*id, value))
    }

    /// Gives back the memory that is not in use.
    pub(crate) fn give_back(&mut self) {
        self.entries.shrink_to_fit();
    }
}
