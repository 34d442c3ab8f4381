//! msg_id and seq_no: generation and the acceptance window.

use crate::time::UnixTime;
use core::fmt;

/// A 64-bit message identifier: Unix time · 2^32, low two bits by sender.
///
/// `% 4 == 0` from the client, `1` a server's answer, `3` any other server message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MsgId(u64);

impl MsgId {
    /// From the `long` on the wire.
    pub const fn from_i64(value: i64) -> Self {
        Self(u64::from_le_bytes(value.to_le_bytes()))
    }

    /// The `long` on the wire.
    pub const fn as_i64(self) -> i64 {
        i64::from_le_bytes(self.0.to_le_bytes())
    }

    /// The moment the id names, to the microsecond.
    pub fn time(self) -> UnixTime {
        let micros = u128::from(self.0).wrapping_mul(1_000_000) >> 32;
        UnixTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

impl fmt::Debug for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MsgId({:#018x})", self.0)
    }
}
