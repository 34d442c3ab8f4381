//! What is remembered of sessions that were forgotten, so that their packets, sent again, do
//! not run a second time in a new session of the same name.
//!
//! In memory only: salts are drawn anew at each start, so a packet captured before one is
//! refused after it. Beyond the bound the oldest go, which are the next to expire; what one of
//! them refused is then refused to every new session, so that nobody gets rid of a tombstone by
//! making others.
//!
//! A wall clock that steps ahead, and back again, makes nothing old that is not: on the monotonic
//! clock, too, as much time must pass.

use odnix_proto::server::{SessionRef, Tombstone};
use odnix_proto::{MsgId, UnixTime};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Tombstones {
    max: usize,
    floors: HashMap<SessionRef, Grave>,
    /// Oldest first; a session that was forgotten again has an entry for each time.
    order: VecDeque<(SessionRef, u64)>,
    next: u64,
    /// The highest floor of those that went too early, and how long it counts.
    crowded_out: Option<(MsgId, Keep)>,
}

#[derive(Debug)]
struct Grave {
    floor: MsgId,
    keep: Keep,
    number: u64,
}

/// How long a floor counts: until both clocks are past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Keep {
    wall: UnixTime,
    mono: Instant,
}

impl Keep {
    /// From `now` on, for as long as anything up to its floor could be accepted.
    fn of(tombstone: &Tombstone, now: Instant) -> Self {
        let window_us = tombstone.keep_until.offset_from(tombstone.floor.time());
        let window = Duration::from_micros(u64::try_from(window_us).unwrap_or(0));
        Self { wall: tombstone.keep_until, mono: now + window }
    }

    fn is_over(self, wall: UnixTime, mono: Instant) -> bool {
        self.wall <= wall && self.mono <= mono
    }
}

impl Tombstones {
    pub(super) fn new(max: usize) -> Self {
        Self { max, floors: HashMap::new(), order: VecDeque::new(), next: 0, crowded_out: None }
    }

    pub(super) fn add(&mut self, tombstone: &Tombstone, now: Instant) {
        let number = self.next;
        self.next = number.saturating_add(1);
        let floor = tombstone.floor.max(self.floor(tombstone.session).unwrap_or_default());
        let grave = Grave { floor, keep: Keep::of(tombstone, now), number };
        self.floors.insert(tombstone.session, grave);
        self.order.push_back((tombstone.session, number));
        while self.order.len() > self.max {
            self.crowded_out = self.crowded_out.max(self.remove_oldest());
        }
    }

    /// The ids up to which a session of this name may have run something.
    pub(super) fn floor(&self, session: SessionRef) -> Option<MsgId> {
        let own = self.floors.get(&session).map(|grave| grave.floor);
        own.max(self.crowded_out.map(|(floor, _)| floor))
    }

    /// Forgets what is too old to be accepted anyway.
    pub(super) fn sweep(&mut self, wall: UnixTime, mono: Instant) {
        self.crowded_out = self.crowded_out.filter(|(_, keep)| !keep.is_over(wall, mono));
        while let Some((session, number)) = self.order.front() {
            let grave = self.floors.get(session).filter(|grave| grave.number == *number);
            if grave.is_some_and(|grave| !grave.keep.is_over(wall, mono)) {
                return;
            }
            self.remove_oldest();
        }
    }

    /// Gives its floor, and how long it counts, unless its session was forgotten again later.
    fn remove_oldest(&mut self) -> Option<(MsgId, Keep)> {
        let (session, number) = self.order.pop_front()?;
        self.floors.get(&session).filter(|grave| grave.number == number)?;
        self.floors.remove(&session).map(|grave| (grave.floor, grave.keep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use odnix_proto::envelope::{self, Header, Side};
    use odnix_proto::server::{ServerKey, Session};
    use odnix_proto::session::FirstSalt;
    use odnix_proto::{AuthKey, Now, Secret, Seed, limits::Limits, session::Timings};

    const START_S: u64 = 1_800_000_000;

    /// The tombstone of a session that took a message in `age_s` seconds ago.
    fn tombstone(session_id: i64, age_s: u64) -> Tombstone {
        let auth_key = AuthKey::new(Secret::take(&mut [1; 256]));
        let wall = UnixTime::from_secs(START_S - age_s);
        let valid_until = UnixTime::from_secs(START_S + 1);
        let first_salt = Some(FirstSalt { salt: 5, valid_until });
        let key = ServerKey { auth_key, first_salt, expires_at: None, bound_to: None, dc: 2 };
        let (secret, seed) = (Secret::take(&mut [2; 32]), Seed::for_testing(1));
        let (limits, timings) = (Limits::default(), Timings::default());
        let mut session = Session::new(&key, session_id, secret, seed, limits, timings);
        let msg_id = MsgId::from_i64(i64::try_from(wall.as_secs()).unwrap() << 32 | 4);
        let header = Header { salt: 5, session_id, msg_id, seq_no: 0 };
        let ack = [0x59, 0xb4, 0xd6, 0x62, 0x15, 0xc4, 0xb5, 0x1c, 0, 0, 0, 0];
        let mut packet = BytesMut::new();
        let mut rng =
            <chacha20::ChaCha20Rng as chacha20::rand_core::SeedableRng>::from_seed([3; 32]);
        envelope::seal(&key.auth_key, Side::Client, &header, &ack, &mut rng, &mut packet).unwrap();
        let opened = envelope::open(&key.auth_key, Side::Client, packet).unwrap();
        session.handle_opened(Now::new(odnix_proto::Instant::from_micros(1), wall), opened);
        session.tombstone().unwrap()
    }

    #[test]
    fn tombstones_are_bounded_and_what_the_oldest_refused_is_refused_to_all() {
        let mut all = Tombstones::new(2);
        let now = Instant::now();
        let (one, two, three) = (tombstone(1, 30), tombstone(2, 20), tombstone(3, 10));
        let other = tombstone(4, 0).session;
        all.add(&one, now);
        all.add(&two, now);
        assert_eq!(all.floor(one.session), Some(one.floor));
        assert_eq!(all.floor(other), None);
        all.add(&three, now);
        assert_eq!(all.floors.len(), 2);
        assert_eq!(all.floor(one.session), Some(one.floor), "crowded out, and yet refused");
        assert_eq!(all.floor(other), Some(one.floor));
        assert_eq!(all.floor(two.session), Some(two.floor));
        // Forgotten once more, it counts as new, and its floor never sinks.
        all.add(&tombstone(3, 60), now);
        assert_eq!(all.floor(three.session), Some(three.floor));
        assert_eq!(all.floors.len(), 1, "one place each time");
        assert_eq!(all.floor(other), Some(two.floor));
        all.sweep(two.keep_until, now + Duration::from_secs(330));
        assert_eq!(all.floor(other), None, "too old to be accepted anyway");
    }

    #[test]
    fn tombstones_are_kept_while_their_packets_could_be_accepted() {
        let mut all = Tombstones::new(1);
        let (one, two) = (tombstone(1, 0), tombstone(2, 0));
        let now = Instant::now();
        all.add(&one, now);
        all.add(&two, now);
        let other = tombstone(3, 0).session;
        // A clock that steps ahead, or stands still, ends none of them before its time.
        for (wall_s, mono_s) in [(329, 331), (331, 329), (4000, 329), (329, 4000)] {
            let later = now + Duration::from_secs(mono_s);
            all.sweep(UnixTime::from_secs(START_S + wall_s), later);
            assert!(all.floor(two.session).is_some(), "{wall_s} {mono_s}");
            assert!(all.floor(other).is_some(), "{wall_s} {mono_s}");
        }
        all.sweep(UnixTime::from_secs(START_S + 331), now + Duration::from_secs(331));
        assert_eq!(all.floor(two.session), None);
        assert_eq!(all.floor(one.session), None);
        assert!(all.order.is_empty());
    }
}
