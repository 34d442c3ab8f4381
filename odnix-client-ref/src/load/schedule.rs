//! When messages are due: a machine without a clock, one for each sender.

use super::{Plan, Rate};
use std::time::Duration;

/// At a fixed rate: messages of one sender that may be unanswered. What is due beyond that waits,
/// and its latency counts from when it was due.
pub const UNANSWERED_MAX: usize = 256;

/// When a rate makes each message due, all senders together, counted from the start.
pub(super) fn due_at(rate: u32, number: u64) -> Duration {
    let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many messages a rate has made due before `now`.
pub(super) fn due_before(rate: u32, now: Duration) -> u64 {
    let due = (now.as_nanos() * u128::from(rate)).div_ceil(1_000_000_000);
    u64::try_from(due).unwrap_or(u64::MAX)
}

/// A message that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number among those of all senders.
    pub number: u64,
    /// When it should have left; its latency counts from here.
    pub intended: Duration,
    /// How much later it leaves though it could have left: what the generator is to blame for.
    pub late: Duration,
}

/// The messages of one sender. All times count from the start of the run.
#[derive(Clone, Debug)]
pub struct Schedule {
    rate: Rate,
    window: usize,
    number: u64,
    pairs: u64,
    end: Duration,
    /// Too many messages were unanswered at the last look.
    full: bool,
    /// Since when that is no longer so.
    room_since: Duration,
}

impl Schedule {
    /// Of the sender `pair` of a plan, counted from 0: the senders take turns.
    pub fn new(plan: &Plan, pair: u32) -> Self {
        let window = match plan.rate {
            Rate::Max => plan.window as usize,
            Rate::PerSecond(_) => UNANSWERED_MAX,
        };
        Self {
            rate: plan.rate,
            window,
            number: u64::from(pair),
            pairs: u64::from(plan.pairs),
            end: plan.end(),
            full: false,
            room_since: Duration::ZERO,
        }
    }

    /// Ends the schedule early: nothing that is due at `end` or later leaves.
    pub fn end_at(&mut self, end: Duration) {
        self.end = self.end.min(end);
    }

    /// The next message that should have left by now, if another may be unanswered besides the
    /// `open` ones.
    pub fn take(&mut self, now: Duration, open: usize) -> Option<Due> {
        if open >= self.window {
            self.full = true;
            return None;
        }
        if std::mem::take(&mut self.full) {
            self.room_since = now;
        }
        let intended = match self.rate {
            Rate::Max => now,
            Rate::PerSecond(rate) => due_at(rate.get(), self.number),
        };
        if intended > now || intended >= self.end {
            return None;
        }
        let late = now.saturating_sub(intended.max(self.room_since));
        Some(Due { number: self.step(), intended, late })
    }

    /// Whether nothing is left to leave.
    pub fn is_over(&self, now: Duration) -> bool {
        match self.rate {
            Rate::Max => now >= self.end,
            Rate::PerSecond(rate) => due_at(rate.get(), self.number) >= self.end,
        }
    }

    /// What was due before the end and has not left: each with its number and its time.
    pub fn unsent(mut self) -> impl Iterator<Item = (u64, Duration)> {
        std::iter::from_fn(move || match self.rate {
            Rate::Max => None,
            Rate::PerSecond(rate) => {
                let intended = due_at(rate.get(), self.number);
                (intended < self.end).then(|| (self.step(), intended))
            }
        })
    }

    fn step(&mut self) -> u64 {
        let number = self.number;
        self.number += self.pairs;
        number
    }
}
