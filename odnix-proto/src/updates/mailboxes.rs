//! All mailboxes a client follows: its own and those of its groups.

use super::sequencer::{Checkpoint, Event, Sequencer};
use crate::error::UsageError;
use crate::limits::Limits;
use crate::time::{Instant, Now};
use alloc::collections::{BTreeMap, BTreeSet};

/// A [`Sequencer`] for each mailbox, by a key of the application's choice. Their gaps are
/// independent; their questions share a bound, so that a client of many groups does not start
/// with as many calls.
#[derive(Debug)]
pub struct Mailboxes<K, U> {
    sequencers: BTreeMap<K, Entry<U>>,
    /// Those with something to say, except questions that have to wait.
    ready: BTreeSet<K>,
    /// Those whose question waits until another one is answered.
    waiting: BTreeSet<K>,
    timers: BTreeSet<(Instant, K)>,
    /// Where the last question was handed out: the next ones go first, then around.
    last_asked: Option<K>,
    asking: usize,
    limits: Limits,
}

#[derive(Debug)]
struct Entry<U> {
    sequencer: Sequencer<U>,
    timer: Option<Instant>,
    asking: bool,
}

impl<K: Ord + Clone, U> Mailboxes<K, U> {
    /// None yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            sequencers: BTreeMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            timers: BTreeSet::new(),
            last_asked: None,
            asking: 0,
            limits: limits.clone(),
        }
    }

    /// Follows a mailbox from its stored checkpoint; one that is followed already starts anew.
    ///
    /// # Errors
    /// [`UsageError::QueueFull`] beyond [`Limits::mailboxes_max`].
    pub fn open(&mut self, now: Now, mailbox: K, checkpoint: Checkpoint) -> Result<(), UsageError> {
        self.close(&mailbox);
        let limit = self.limits.mailboxes_max;
        if self.sequencers.len() >= limit {
            return Err(UsageError::QueueFull { limit });
        }
        let sequencer = Sequencer::new(now, checkpoint, &self.limits);
        let entry = Entry { sequencer, timer: None, asking: false };
        self.sequencers.insert(mailbox.clone(), entry);
        self.note(&mailbox);
        Ok(())
    }

    /// Follows a mailbox no longer; whether it was followed.
    pub fn close(&mut self, mailbox: &K) -> bool {
        let Some(entry) = self.sequencers.remove(mailbox) else { return false };
        if let Some(at) = entry.timer {
            self.timers.remove(&(at, mailbox.clone()));
        }
        if entry.asking {
            self.asking = self.asking.saturating_sub(1);
        }
        self.ready.remove(mailbox);
        self.waiting.remove(mailbox);
        true
    }

    /// The keys of those that are followed, in order.
    pub fn followed(&self) -> impl Iterator<Item = &K> {
        self.sequencers.keys()
    }

    /// The sequencer of a mailbox, to look at.
    pub fn get(&self, mailbox: &K) -> Option<&Sequencer<U>> {
        self.sequencers.get(mailbox).map(|entry| &entry.sequencer)
    }

    /// Tells a mailbox something: a push, an answer, a failure. `None` if it is not followed.
    pub fn with<T>(&mut self, mailbox: &K, tell: impl FnOnce(&mut Sequencer<U>) -> T) -> Option<T> {
        let entry = self.sequencers.get_mut(mailbox)?;
        let told = tell(&mut entry.sequencer);
        self.note(mailbox);
        Some(told)
    }

    /// All of them may have missed something: `updatesTooLong` or `new_session_created`.
    pub fn updates_lost(&mut self) {
        let all: BTreeSet<K> = self.sequencers.keys().cloned().collect();
        for mailbox in all {
            self.with(&mailbox, Sequencer::updates_lost);
        }
    }

    /// Whether the positions of all are known to be the server's.
    pub fn are_caught_up(&self) -> bool {
        self.sequencers.values().all(|entry| entry.sequencer.is_caught_up())
    }

    /// What to do next, and for which mailbox. At most [`Limits::differences_max`] questions are
    /// out at a time; the mailboxes take turns.
    pub fn poll_event(&mut self) -> Option<(K, Event<U>)> {
        let mailbox = match self.ready.first() {
            Some(ready) => ready.clone(),
            None => self.next_to_ask()?,
        };
        let entry = self.sequencers.get_mut(&mailbox)?;
        let event = entry.sequencer.poll_event();
        self.note(&mailbox);
        Some((mailbox, event?))
    }

    fn next_to_ask(&mut self) -> Option<K> {
        if self.asking >= self.limits.differences_max {
            return None;
        }
        let after = self.last_asked.as_ref();
        let later = after.and_then(|last| self.waiting.iter().find(|mailbox| *mailbox > last));
        let next = later.or_else(|| self.waiting.first())?.clone();
        self.last_asked = Some(next.clone());
        Some(next)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// As [`Sequencer::handle_timeout`], for all whose time has come.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((at, mailbox)) = self.timers.first().cloned()
            && at <= now.mono
        {
            self.with(&mailbox, |sequencer| sequencer.handle_timeout(now));
            // A timer that does not move would be looked at forever.
            if self.timers.first().is_some_and(|first| *first == (at, mailbox)) {
                return;
            }
        }
    }

    /// Keeps the indexes true after a sequencer has changed.
    fn note(&mut self, mailbox: &K) {
        let Some(entry) = self.sequencers.get_mut(mailbox) else { return };
        let timer = entry.sequencer.poll_timeout();
        if timer != entry.timer {
            if let Some(at) = entry.timer {
                self.timers.remove(&(at, mailbox.clone()));
            }
            if let Some(at) = timer {
                self.timers.insert((at, mailbox.clone()));
            }
            entry.timer = timer;
        }
        let asking = entry.sequencer.is_asking();
        if asking != entry.asking {
            entry.asking = asking;
            self.asking =
                if asking { self.asking.saturating_add(1) } else { self.asking.saturating_sub(1) };
        }
        let next = entry.sequencer.next_is_question();
        set(&mut self.ready, mailbox, next == Some(false));
        set(&mut self.waiting, mailbox, next == Some(true));
    }
}

fn set<K: Ord + Clone>(keys: &mut BTreeSet<K>, key: &K, is_in: bool) {
    if is_in {
        keys.insert(key.clone());
    } else {
        keys.remove(key);
    }
}
