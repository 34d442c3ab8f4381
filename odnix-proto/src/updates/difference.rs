//! The life of one question to the server: asked, answered, failed and retried.

use super::Checkpoint;
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

/// First pause after a failed question; it doubles with each further failure.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_DOUBLINGS_MAX: u32 = 5;

/// The answer to `getDifference`.
///
/// Exhaustive on purpose: the constructors of `updates.Difference`, and of
/// `updates.ChannelDifference`, whose `final` says whether it is a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference<U> {
    /// `updates.differenceEmpty`: nothing was missed.
    Empty {
        /// The server's time, Unix seconds.
        date: i32,
        /// The sequence goes on from here.
        seq: i32,
    },
    /// `updates.difference`: all that was missed.
    Full {
        /// What was missed, in order.
        updates: Vec<U>,
        /// `state`.
        state: Checkpoint,
    },
    /// `updates.differenceSlice`: the oldest part; the rest is asked for at once.
    Slice {
        /// What was missed first, in order.
        updates: Vec<U>,
        /// `intermediate_state`.
        state: Checkpoint,
    },
    /// `updates.differenceTooLong`: the server no longer has all that was missed.
    TooLong {
        /// Where the server's log goes on.
        pts: i32,
    },
}

/// Why the local replica can't be brought up to date step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetReason {
    /// The server no longer has all that was missed.
    TooLong,
    /// The server's log ends before the local position: it lost or replaced its log.
    Backwards,
    /// The server said that positions were given out anew (`updatePtsChanged`).
    PtsChanged,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// What was missed.
    Difference,
    /// Where the mailbox stands.
    State,
}

/// Where the question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is asked; pushes are followed.
    Following,
    /// The question is out. Pushes numbered from `arrival` on came after it. `again`: something
    /// was lost meanwhile, so ask once more.
    Asked { question: Question, arrival: u64, again: bool, failures: u32 },
    /// The question failed and is put again at `at`.
    Retry { question: Question, at: Instant, failures: u32 },
    /// The application has to drop its replica and confirm.
    AwaitReset { to: Checkpoint },
}

/// The pause after that many failures in a row: 1, 2, 4, … 32 s.
pub(super) fn retry_pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(RETRY_DOUBLINGS_MAX);
    RETRY_MIN.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(1))
}
