//! What must hold, by name; `docs/simulator.md` says where each is checked.

use std::fmt;

/// One promise of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// In each mailbox pts rises by exactly pts_count, without holes.
    I1,
    /// After the faults every device holds what the server's logs say, byte by byte, and what is
    /// said in a large group reaches its members only.
    I2,
    /// What was acknowledged is there exactly once, in order.
    I3,
    /// Nothing that was changed on the way reaches the application of either side.
    I4,
    /// At most one effect for each (key, session, msg_id) and each (user, random_id).
    I5,
    /// Queues, packets and running calls stay within their bounds.
    I6,
    /// No msg_key is used twice in one direction.
    I7,
    /// A device's pts never falls, and moves together with the rows it vouches for, in its own
    /// log and in that of each large group.
    I8,
    /// Every call and every message that waits comes to an end.
    I9,
    /// No key material in the trace.
    I10,
    /// The same seed makes the same trace.
    I11,
    /// After the faults everything comes to rest within a bound.
    I12,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, in microseconds of virtual time.
    pub at_us: u64,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6}: {}", self.invariant, self.at_us as f64 / 1e6, self.what)
    }
}
