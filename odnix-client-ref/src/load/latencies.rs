//! Many durations in little memory.

use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest duration told apart; longer ones count as this.
const LONGEST_US: u64 = 3_600_000_000;
/// Significant decimal digits.
const DIGITS: u8 = 3;

/// A histogram of durations: microseconds up to an hour, each to a thousandth of itself, in the
/// same memory (some 200 KiB) however many there are.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let made = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        Self(made.expect("bounds that are in order, and at most five digits"))
    }
}

impl Latencies {
    /// One more.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Their mean, in milliseconds to a thousandth; 0 of none.
    pub fn mean_ms(&self) -> f64 {
        self.0.mean().round() / 1e3
    }

    /// The time within which this share of them lies, 0 to 1, in milliseconds; 0 of none.
    #[expect(clippy::cast_precision_loss, reason = "three digits are known")]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.value_at_quantile(share) as f64 / 1e3 }
    }

    /// The longest, in milliseconds; 0 of none.
    pub fn max_ms(&self) -> f64 {
        self.quantile_ms(1.0)
    }
}
