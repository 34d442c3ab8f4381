//! How long to wait before the next attempt to connect.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// Exponential backoff with jitter: the `n`-th wait is drawn evenly from the upper half of
/// `200 ms · 2^n`, at most 30 s, so that many clients of one restarted server do not return
/// in step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure and gives the wait before the next attempt. `dice` is any evenly
    /// distributed number.
    pub(crate) fn next(&mut self, dice: u32) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(20)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = ceiling / 2;
        half + half.mul_f64(f64::from(dice) / f64::from(u32::MAX))
    }

    /// Failures since the last success.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }

    /// The connection works.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_stay_in_their_upper_half() {
        for dice in [0, u32::MAX / 2, u32::MAX] {
            let mut backoff = Backoff::default();
            let mut ceiling = FIRST;
            for _ in 0..40 {
                let wait = backoff.next(dice);
                assert!(wait >= ceiling / 2 && wait <= ceiling, "{wait:?} of {ceiling:?}");
                ceiling = (ceiling * 2).min(LONGEST);
            }
            assert_eq!(backoff.failures(), 40);
            backoff.reset();
            assert!(backoff.next(dice) <= FIRST);
        }
    }

    #[test]
    fn different_dice_give_different_waits() {
        let wait = |dice| Backoff { failures: 3 }.next(dice);
        assert_ne!(wait(1 << 30), wait(1 << 31));
    }
}
