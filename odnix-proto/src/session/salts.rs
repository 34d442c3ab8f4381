//! Server salts: the server derives and rotates them, the client stores and follows them.
//!
//! A salt belongs to one auth key and one half-hour period, is valid for its period and the
//! one after it, and is derived, not stored:
//! `salt = SHA256(salt_secret | auth_key_id | period)[0..8]`. A `salt_secret` drawn at each
//! start makes every salt of the last run invalid, so packets captured before a restart can
//! not be replayed after it. The first salt of a key comes from the key exchange and stays
//! valid for an hour.

use crate::{
    auth_key::AuthKeyId,
    secret::Secret,
    time::{Now, UnixTime},
};
use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};
use odnix_tl::mtproto::types::FutureSalt;
use sha2::{Digest, Sha256};

/// A new salt every half hour.
pub(crate) const PERIOD_S: u64 = 1800;
/// A salt is valid in its own period and the next one.
const VALID_S: u64 = PERIOD_S * 2;
/// How long the salt of the key exchange is accepted.
pub(crate) const FIRST_SALT_VALID: Duration = Duration::from_secs(VALID_S);
/// A client moves to the next salt this long after it became valid, so that a small clock
/// error does no harm.
const SWITCH_DELAY_S: u64 = 60;
/// Salts one get_future_salts may ask for.
pub(crate) const FUTURE_SALTS_MAX: i32 = 64;

/// The salt of the key exchange and the moment up to which it is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FirstSalt {
    /// `new_nonce[0..8] XOR server_nonce[0..8]`.
    pub salt: i64,
    /// Refused from then on.
    pub valid_until: UnixTime,
}

impl fmt::Debug for FirstSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstSalt(…, until {} s)", self.valid_until.as_secs())
    }
}

/// The salts of one key, as the server sees them.
#[derive(Clone, Debug)]
pub(crate) struct ServerSalts {
    secret: Arc<Secret<32>>,
    key_id: AuthKeyId,
    first: Option<FirstSalt>,
}

impl ServerSalts {
    pub(crate) fn new(
        secret: Arc<Secret<32>>,
        key_id: AuthKeyId,
        first: Option<FirstSalt>,
    ) -> Self {
        Self { secret, key_id, first }
    }

    pub(crate) fn current(&self, now: UnixTime) -> i64 {
        self.of_period(period(now))
    }

    pub(crate) fn accepts(&self, now: UnixTime, salt: i64) -> bool {
        let period = period(now);
        self.of_period(period) == salt
            || period.checked_sub(1).is_some_and(|last| self.of_period(last) == salt)
            || self.first.is_some_and(|first| first.salt == salt && now < first.valid_until)
    }

    /// The current salt and those after it; at most [`FUTURE_SALTS_MAX`], at least the current
    /// one and two more, because some clients ask again until they have those.
    pub(crate) fn future(&self, now: UnixTime, count: i32) -> Vec<FutureSalt> {
        let count = count.clamp(3, FUTURE_SALTS_MAX);
        let first = period(now);
        (0..count.unsigned_abs())
            .map(|ahead| {
                let period = first.saturating_add(u64::from(ahead));
                let since = period.saturating_mul(PERIOD_S);
                FutureSalt {
                    valid_since: wire_secs(since),
                    valid_until: wire_secs(since.saturating_add(VALID_S)),
                    salt: self.of_period(period),
                }
            })
            .collect()
    }

    fn of_period(&self, period: u64) -> i64 {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(self.secret.expose_secret())
            .chain_update(self.key_id.to_bytes())
            .chain_update(period.to_le_bytes())
            .finalize()
            .into();
        hash.first_chunk().copied().map_or(0, i64::from_le_bytes)
    }
}

fn period(now: UnixTime) -> u64 {
    now.as_secs().div_euclid(PERIOD_S)
}

/// Unix seconds as TL carries them.
pub(crate) fn wire_secs(secs: u64) -> i32 {
    i32::try_from(secs).unwrap_or(i32::MAX)
}

/// The salts a client knows: the one in use and those promised for later.
#[derive(Clone)]
pub(crate) struct ClientSalts {
    current: i64,
    /// The last one that the server said was right.
    told: i64,
    later: VecDeque<FutureSalt>,
}

impl fmt::Debug for ClientSalts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSalts(…, {} later)", self.later.len())
    }
}

impl ClientSalts {
    pub(crate) fn new(current: i64) -> Self {
        Self { current, told: current, later: VecDeque::new() }
    }

    /// Told by the server: what was promised before no longer counts. Whether it is another one
    /// than it told last.
    pub(crate) fn replace(&mut self, salt: i64) -> bool {
        self.current = salt;
        self.later.clear();
        core::mem::replace(&mut self.told, salt) != salt
    }

    /// The answer to get_future_salts; kept sorted and bounded.
    pub(crate) fn store(&mut self, salts: &[FutureSalt]) {
        let max = usize::try_from(FUTURE_SALTS_MAX).unwrap_or(0);
        let mut later: Vec<FutureSalt> =
            salts.iter().filter(|salt| salt.valid_since < salt.valid_until).cloned().collect();
        later.sort_by_key(|salt| salt.valid_since);
        later.truncate(max);
        self.later = later.into();
    }

    /// The salt to send with at `server_time`.
    pub(crate) fn current(&mut self, server_time: UnixTime) -> i64 {
        let settled = wire_secs(server_time.as_secs().saturating_sub(SWITCH_DELAY_S));
        while let Some(next) = self.later.front() {
            if next.valid_since > settled {
                break;
            }
            if next.valid_until > wire_secs(server_time.as_secs()) {
                self.current = next.salt;
            }
            self.later.pop_front();
        }
        self.current
    }

    /// How many promised salts are left.
    pub(crate) fn left(&self) -> usize {
        self.later.len()
    }
}

/// The server's clock as a client knows it: a wall-clock reading tied to the monotonic clock,
/// so that steps of the local wall clock do no harm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    at: Option<(Now, UnixTime)>,
    /// Server minus local wall clock when last seen, until something better is known.
    guess_us: i64,
}

impl ServerClock {
    /// Nothing heard from the server yet; `guess_us` is its clock minus ours when last seen.
    pub(crate) fn guess(guess_us: i64) -> Self {
        Self { at: None, guess_us }
    }

    /// The server's clock showed `server_time` at `now`.
    pub(crate) fn set(&mut self, now: Now, server_time: UnixTime) {
        self.at = Some((now, server_time));
    }

    pub(crate) fn is_known(&self) -> bool {
        self.at.is_some()
    }

    pub(crate) fn time(&self, now: Now) -> UnixTime {
        match self.at {
            Some((then, server_time)) => server_time.after(now.mono.since(then.mono)),
            None => now.wall.shifted(self.guess_us),
        }
    }

    /// Server minus local wall clock, in microseconds.
    pub(crate) fn offset_us(&self, now: Now) -> i64 {
        self.time(now).offset_from(now.wall)
    }
}
