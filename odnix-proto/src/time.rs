//! Time as an argument: monotonic microseconds for timers, wall-clock microseconds for ids.
//!
//! The core never reads a clock. The caller reads both clocks once per turn and hands them
//! in as [`Now`]; with `std`, [`Now::from_std`] converts from the standard types.

use core::time::Duration;

const MICROS_PER_SECOND: u64 = 1_000_000;

/// A point on the caller's monotonic clock, in microseconds since an arbitrary origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The instant `micros` microseconds after the clock's origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the clock's origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// `self + duration`, stopping at the end of the clock's range.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A point on the wall clock, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The time `secs` seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// `self + duration`, stopping at the end of the clock's range.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// `self - duration`, stopping at the epoch.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// `self` moved by a signed number of microseconds, held within the clock's range.
    pub fn shifted(self, offset_us: i64) -> Self {
        Self(self.0.saturating_add_signed(offset_us))
    }

    /// Signed microseconds from `other` to `self`.
    pub fn offset_from(self, other: Self) -> i64 {
        if self.0 >= other.0 {
            i64::try_from(self.0.abs_diff(other.0)).unwrap_or(i64::MAX)
        } else {
            i64::try_from(self.0.abs_diff(other.0)).map_or(i64::MIN, i64::wrapping_neg)
        }
    }
}

/// Both clocks, read by the caller at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For timers and deadlines.
    pub mono: Instant,
    /// For msg_ids and salts.
    pub wall: UnixTime,
}

impl Now {
    /// Pairs a monotonic and a wall-clock reading.
    pub const fn new(mono: Instant, wall: UnixTime) -> Self {
        Self { mono, wall }
    }

    /// Both clocks moved on by `duration`.
    pub fn after(self, duration: Duration) -> Self {
        Self { mono: self.mono.after(duration), wall: self.wall.after(duration) }
    }

    /// Converts from the standard clocks; `origin` is any instant taken at start-up.
    #[cfg(feature = "std")]
    pub fn from_std(
        origin: std::time::Instant,
        mono: std::time::Instant,
        wall: std::time::SystemTime,
    ) -> Self {
        let wall = wall.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self {
            mono: Instant(micros(mono.saturating_duration_since(origin))),
            wall: UnixTime(micros(wall)),
        }
    }
}

/// A wall clock that is never seen to step back, for what has told the time to a peer: from one
/// reading to the next it moves on by at least what the monotonic clock did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steady {
    last: Option<Now>,
}

impl Steady {
    /// The reading as it is to be used.
    pub(crate) fn read(&mut self, now: Now) -> Now {
        let least = self.last.map(|last| last.wall.after(now.mono.since(last.mono)));
        let steady = Now { wall: least.map_or(now.wall, |least| now.wall.max(least)), ..now };
        self.last = Some(steady);
        steady
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
