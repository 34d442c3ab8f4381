//! The one place of this crate that reads clocks and draws randomness.

use odnix_proto::{Instant, Now, Seed};
use std::time::{Duration, SystemTime};

/// Reads both clocks for the machines, and turns their deadlines back into waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    pub(crate) fn now(self) -> Now {
        Now::from_std(self.origin, std::time::Instant::now(), SystemTime::now())
    }

    /// Waits until `deadline`; for ever if there is none.
    pub(crate) async fn sleep_until(self, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => {
                let due = self.origin + Duration::from_micros(deadline.as_micros());
                tokio::time::sleep_until(due.into()).await;
            }
            None => std::future::pending().await,
        }
    }
}

/// A number nobody can guess, never 0; `None` when the operating system has no entropy to give.
pub(crate) fn random_id() -> Option<i64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    Some(i64::from_le_bytes(bytes)).filter(|id| *id != 0)
}

/// A number for jitter; its quality does not matter.
pub(crate) fn dice() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_or(0, |()| u32::from_le_bytes(bytes))
}

/// A seed for one machine.
pub(crate) fn seed() -> std::io::Result<Seed> {
    Seed::from_os().map_err(|error| std::io::Error::other(error.to_string()))
}
