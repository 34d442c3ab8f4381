//! The client's sequencer for one `pts` stream.

use super::difference::{Difference, ResetReason, State, retry_pause};
use crate::error::{DropReason, Received, UsageError};
use crate::limits::Limits;
use crate::time::{Instant, Now};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

/// How long missing updates may still arrive by themselves.
const GAP_WAIT: Duration = Duration::from_millis(500);
/// After this long without a word, ask whether something was missed.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

/// The position to store in the same transaction as the updates it comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Checkpoint {
    /// `pts` after the updates, 0 or more.
    pub pts: i32,
}

/// What the application has to do next.
///
/// Exhaustive on purpose: none of them may be ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<U> {
    /// Apply the updates in order and store the checkpoint, in one transaction. There are no
    /// updates when an RPC's result alone moved the position.
    Deliver {
        /// What is new.
        updates: Vec<U>,
        /// The position after it.
        checkpoint: Checkpoint,
    },
    /// Call `updates.getDifference` from here, then
    /// [`provide_difference`](Sequencer::provide_difference) or
    /// [`difference_failed`](Sequencer::difference_failed).
    GetDifference {
        /// `pts` of the call.
        from_pts: i32,
    },
    /// The replica can't be brought up to date step by step. Drop or reload it, store `to` in the
    /// same transaction, then [`confirm_reset`](Sequencer::confirm_reset).
    Reset {
        /// Where the log goes on.
        to: Checkpoint,
        /// Why.
        reason: ResetReason,
    },
}

/// Updates that wait for earlier ones, ordered by where they begin, where they end, and when
/// they came; the last keeps several with a `pts_count` of 0 apart.
type Held<U> = BTreeMap<(i64, i64, u64), Option<U>>;

/// Puts pushed updates in order, finds gaps, and runs `getDifference`.
#[derive(Debug)]
pub struct Sequencer<U> {
    /// Position after everything in `events`.
    pts: i64,
    handed_out: Checkpoint,
    events: VecDeque<Event<U>>,
    held: Held<U>,
    state: State,
    gap_until: Option<Instant>,
    silent_until: Instant,
    arrivals: u64,
    updates_max: usize,
}

impl<U> Sequencer<U> {
    /// Goes on from the stored checkpoint; a negative one counts as 0. The first event asks for
    /// the difference. A client without a checkpoint takes `updates.getState` first.
    pub fn new(now: Now, checkpoint: Checkpoint, limits: &Limits) -> Self {
        let checkpoint = Checkpoint { pts: checkpoint.pts.max(0) };
        let mut sequencer = Self {
            pts: i64::from(checkpoint.pts),
            handed_out: checkpoint,
            events: VecDeque::new(),
            held: Held::new(),
            state: State::Following,
            gap_until: None,
            silent_until: now.mono.after(SILENCE_MAX),
            arrivals: 0,
            updates_max: limits.updates_max,
        };
        sequencer.ask(0);
        sequencer
    }

    /// The checkpoint of the last event handed out.
    pub fn checkpoint(&self) -> Checkpoint {
        self.handed_out
    }

    /// Whether the position is known to be the server's: no gap, no question open.
    pub fn is_caught_up(&self) -> bool {
        self.state == State::Following && self.held.is_empty()
    }

    /// Takes a pushed update.
    pub fn push(&mut self, now: Now, pts: i32, pts_count: i32, update: U) -> Received {
        self.take(now, pts, pts_count, Some(update))
    }

    /// Takes the `pts` and `pts_count` of an RPC's result (`messages.affectedMessages`…): the
    /// position moves exactly as by an update, but there is nothing to apply.
    pub fn push_affected(&mut self, now: Now, pts: i32, pts_count: i32) -> Received {
        self.take(now, pts, pts_count, None)
    }

    /// Something may be missing: `updatesTooLong`, `new_session_created`, or an update that does
    /// not decode. Asks for the difference; while one is out already, once more after it.
    pub fn updates_lost(&mut self) {
        match &mut self.state {
            State::Following => self.ask(0),
            State::Asked { again, .. } => *again = true,
            State::Retry { .. } | State::AwaitReset { .. } => {}
        }
    }

    /// Takes the answer to [`Event::GetDifference`]. A nonsensical one is dropped and counts as
    /// a failure.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: no difference is asked for.
    pub fn provide_difference(
        &mut self,
        now: Now,
        answer: Difference<U>,
    ) -> Result<Received, UsageError> {
        let State::Asked { arrival, again, .. } = self.state else {
            return Err(UsageError::NotAsked);
        };
        self.silent_until = now.mono.after(SILENCE_MAX);
        match answer {
            Difference::Empty => self.caught_up(now, arrival, again),
            Difference::Full { pts, .. } | Difference::TooLong { pts } if pts < 0 => {
                return self.nonsense(now);
            }
            Difference::Full { pts, .. } if i64::from(pts) < self.pts => {
                self.reset(pts, ResetReason::Backwards);
            }
            Difference::Full { updates, pts } => {
                self.deliver(updates, pts);
                self.caught_up(now, arrival, again);
            }
            // A slice that does not advance would be asked for forever.
            Difference::Slice { pts, .. } | Difference::TooLong { pts }
                if i64::from(pts) <= self.pts =>
            {
                return self.nonsense(now);
            }
            Difference::Slice { updates, pts } => {
                self.deliver(updates, pts);
                self.ask(0);
            }
            Difference::TooLong { pts } => self.reset(pts, ResetReason::TooLong),
        }
        Ok(Received::Accepted)
    }

    /// The call of [`Event::GetDifference`] failed; it is asked for again after 1, 2, 4, … 32 s.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: no difference is asked for.
    pub fn difference_failed(&mut self, now: Now) -> Result<(), UsageError> {
        let State::Asked { failures, .. } = self.state else {
            return Err(UsageError::NotAsked);
        };
        let failures = failures.saturating_add(1);
        self.state = State::Retry { at: now.mono.after(retry_pause(failures)), failures };
        Ok(())
    }

    /// The application has dropped its replica and stored the checkpoint of [`Event::Reset`].
    /// Asks for the difference from there.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: no reset is pending.
    pub fn confirm_reset(&mut self) -> Result<(), UsageError> {
        let State::AwaitReset { to } = self.state else {
            return Err(UsageError::NotAsked);
        };
        self.pts = i64::from(to.pts);
        self.handed_out = to;
        self.ask(0);
        Ok(())
    }

    /// What to do next, oldest first.
    pub fn poll_event(&mut self) -> Option<Event<U>> {
        let event = self.events.pop_front()?;
        if let Event::Deliver { checkpoint, .. } = &event {
            self.handed_out = *checkpoint;
        }
        Some(event)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Following => {
                Some(self.gap_until.map_or(self.silent_until, |gap| gap.min(self.silent_until)))
            }
            State::Retry { at, .. } => Some(at),
            State::Asked { .. } | State::AwaitReset { .. } => None,
        }
    }

    /// Asks for the difference if a gap stayed open, a pause is over, or silence lasted too
    /// long. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.poll_timeout().is_none_or(|due| due > now.mono) {
            return;
        }
        self.silent_until = now.mono.after(SILENCE_MAX);
        match self.state {
            State::Retry { failures, .. } => self.ask(failures),
            _ => self.ask(0),
        }
    }

    fn take(&mut self, now: Now, pts: i32, pts_count: i32, update: Option<U>) -> Received {
        let end = i64::from(pts);
        let start = end.saturating_sub(i64::from(pts_count));
        if pts_count < 0 || start < 0 {
            return Received::Dropped(DropReason::Malformed);
        }
        self.silent_until = now.mono.after(SILENCE_MAX);
        if is_stale(self.pts, start, end) {
            return Received::Dropped(DropReason::Duplicate);
        }
        if self.held.len().saturating_add(self.events.len()) >= self.updates_max {
            self.updates_lost();
            return Received::Dropped(DropReason::Limit);
        }
        if self.state == State::Following && start < self.pts {
            self.updates_lost();
            return Received::Dropped(DropReason::Unexpected);
        }
        let mut twins = self.held.range((start, end, 0)..=(start, end, u64::MAX));
        if pts_count > 0 && twins.next().is_some() {
            return Received::Dropped(DropReason::Duplicate);
        }
        self.held.insert((start, end, self.arrivals), update);
        self.arrivals = self.arrivals.saturating_add(1);
        self.follow(now);
        Received::Accepted
    }

    /// Delivers what is in order, then looks whether a gap is left.
    fn follow(&mut self, now: Now) {
        if self.state != State::Following {
            return;
        }
        let before = self.pts;
        while let Some(entry) = self.held.first_entry() {
            let (start, end, _) = *entry.key();
            if start > self.pts {
                break;
            }
            let in_order = start == self.pts;
            let update = entry.remove();
            if in_order {
                let pts = i32::try_from(end).unwrap_or(i32::MAX);
                self.deliver(update.into_iter().collect(), pts);
            } else if !is_stale(self.pts, start, end) {
                return self.updates_lost();
            }
        }
        if self.held.is_empty() {
            self.gap_until = None;
        } else if self.gap_until.is_none() || self.pts != before {
            self.gap_until = Some(now.mono.after(GAP_WAIT));
        }
    }

    fn deliver(&mut self, updates: Vec<U>, pts: i32) {
        if updates.is_empty() && i64::from(pts) == self.pts {
            return;
        }
        self.pts = i64::from(pts);
        self.events.push_back(Event::Deliver { updates, checkpoint: Checkpoint { pts } });
    }

    fn ask(&mut self, failures: u32) {
        let from_pts = i32::try_from(self.pts).unwrap_or(i32::MAX);
        self.gap_until = None;
        self.state = State::Asked { arrival: self.arrivals, again: false, failures };
        self.events.push_back(Event::GetDifference { from_pts });
    }

    /// The server has told everything up to here. What it claimed before the question and still
    /// does not tell was never in its log: without this rule, one false claim would make the
    /// client ask forever.
    fn caught_up(&mut self, now: Now, arrival: u64, again: bool) {
        let pts = self.pts;
        self.held.retain(|(start, end, number), _| {
            (*number >= arrival || *start <= pts) && !is_stale(pts, *start, *end)
        });
        self.state = State::Following;
        if again {
            self.ask(0);
        } else {
            self.follow(now);
        }
    }

    fn reset(&mut self, pts: i32, reason: ResetReason) {
        let to = Checkpoint { pts };
        self.held.clear();
        self.state = State::AwaitReset { to };
        self.events.push_back(Event::Reset { to, reason });
    }

    fn nonsense(&mut self, now: Now) -> Result<Received, UsageError> {
        self.difference_failed(now)?;
        Ok(Received::Dropped(DropReason::Malformed))
    }
}

/// Seen before. One with a `pts_count` of 0 at the very position is not: it moves nothing.
fn is_stale(pts: i64, start: i64, end: i64) -> bool {
    end < pts || (end == pts && start < end)
}
