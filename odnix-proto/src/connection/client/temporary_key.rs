//! How temporary keys come and go at the client (perfect forward secrecy).
//!
//! ```text
//! Pause ───────────────> AwaitTemporaryKey ──> AwaitBinding ──boolTrue──> Ready
//!   ^                          ^    │ failed: Pause │ refused: Pause        │ renew_before
//!   │ lost again and again     │    v               v                       v
//!   └──────────────────────────┴─ lost: −404, expired ───────────── AwaitSuccessor
//!                                                                           │ key made
//!                        AwaitBinding <──calls under way are answered── AwaitAnswers
//! ```
//!
//! - A temporary key lives in memory only. It outlives its transports and is used again on the
//!   next one, until it expires.
//! - **Renewal loses no call and runs none twice.** The exchange runs beside the live session. When
//!   the next key is there, new calls are held back until those under way are answered, at most
//!   [`Pfs::hand_over_wait`]; if some are not, the old key goes on and the change is tried again. Only
//!   a call that is still unanswered when the old key ends leaves a second time, as after any session
//!   that was lost.
//! - **A server that forgot the key** answers −404. The key is dropped, and the next transport makes
//!   a new one: at once the first time, then after [`Pfs::retry_pause`], doubled each time up to 64
//!   times, until a key has worked for a minute.
//! - **A refused binding** (`ENCRYPTED_MESSAGE_INVALID`) means that the server does not know the
//!   permanent key: [`Event::KeyUnknown`] and [`PeerError::BindingRefused`]. But a key younger than a
//!   minute to which nothing was bound yet may not have reached every part of the server: for that
//!   one, and after any other refusal, another temporary key is made after a pause. A key from an
//!   earlier run counts as older.
//!
//! All times are taken from the monotonic clock, so steps of the wall clock neither shorten nor
//! lengthen a key's life. Source: MTProto, "Perfect Forward Secrecy".

use super::{Connection, Event, Phase};
use crate::{
    auth_key::{AuthKey, AuthKeyId},
    error::PeerError,
    handshake::{Established, client::Handshake},
    session::{BindingAnswer, CallError, backoff},
    time::{Instant, Now, UnixTime},
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{mem, time::Duration};

/// How a client uses temporary keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain configuration, as those around it")]
pub struct Pfs {
    /// Seconds that a temporary key lives.
    pub expires_in_s: i32,
    /// How long before its end the next one is made; at most a quarter of its life.
    pub renew_before: Duration,
    /// How long new calls are held back at a renewal.
    pub hand_over_wait: Duration,
    /// The pause after a key that was lost soon after it was made.
    pub retry_pause: Duration,
}

/// 24 hours, renewed one hour before; 10 s to hand over; pauses from 1 s on.
impl Default for Pfs {
    fn default() -> Self {
        Self {
            expires_in_s: 86_400,
            renew_before: Duration::from_secs(3600),
            hand_over_wait: Duration::from_secs(10),
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// A temporary key came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemporaryKeyEvent {
    /// It was made, and is to be bound.
    Created {
        /// Its public name.
        key_id: AuthKeyId,
        /// In Unix seconds on the server's clock.
        expires_at: i32,
    },
    /// The server has bound it to the permanent key.
    Bound {
        /// Its public name.
        key_id: AuthKeyId,
        /// In Unix seconds on the server's clock.
        expires_at: i32,
    },
    /// It is no longer used, and another one will be made.
    Lost {
        /// Its public name.
        key_id: AuthKeyId,
        /// Why.
        reason: TemporaryKeyLoss,
    },
}

/// Why a temporary key is no longer used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemporaryKeyLoss {
    /// The server does not know it (−404).
    Unknown,
    /// Its time was over.
    Expired,
    /// The server refused to bind it.
    Refused(CallError),
    /// Its successor has taken its place.
    Renewed,
}

/// A permanent key this young may be unknown to a part of the server.
const YOUNG: Duration = Duration::from_secs(60);
/// A temporary key that worked this long ends a row of failures.
const STABLE: Duration = Duration::from_secs(60);
/// Keys of which packets may still arrive after they were dropped.
const FORMER_MAX: usize = 4;
/// A change of keys that was put off is tried again after this many times its wait.
const PUT_OFF: u32 = 6;

/// A temporary key that is made and not used yet.
#[derive(Debug)]
pub(super) struct Successor {
    auth_key: AuthKey,
    server_salt: i64,
    server_time: UnixTime,
    made_at: Instant,
    expires_at: i32,
    remaining: Duration,
}

impl Successor {
    pub(super) fn new(now: Now, established: Established) -> Self {
        let Established { auth_key, server_salt, time_offset_us, expires_at, .. } = established;
        let server_time = now.wall.shifted(time_offset_us);
        let expires_at = expires_at.unwrap_or(0);
        let end = UnixTime::from_secs(u64::try_from(expires_at).unwrap_or(0));
        let remaining = u64::try_from(end.offset_from(server_time)).unwrap_or(0);
        let remaining = Duration::from_micros(remaining);
        Self { auth_key, server_salt, server_time, made_at: now.mono, expires_at, remaining }
    }

    fn ends_at(&self) -> Instant {
        self.made_at.after(self.remaining)
    }
}

/// The temporary key in use, and the failures before it.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// When the next one is to be made; `None` when no temporary key is in use.
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
    /// The same as the server counts, in Unix seconds.
    expires_at: i32,
    bound_at: Option<Instant>,
    /// Made by an exchange beside the session, when the change was put off.
    successor: Option<Box<Successor>>,
    /// Losses and refusals in a row.
    failures: u32,
    not_before: Option<Instant>,
    former: Vec<AuthKeyId>,
}

impl Life {
    pub(super) fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }

    /// Packets of a key that was dropped a moment ago are no fault.
    pub(super) fn is_former(&self, key_id: AuthKeyId) -> bool {
        self.former.contains(&key_id)
    }

    fn is_alive(&self, now: Now) -> bool {
        self.ends_at.is_some_and(|end| end > now.mono)
    }

    /// The key that was made before, unless its own time is over.
    fn take_successor(&mut self, now: Now) -> Option<Box<Successor>> {
        self.successor.take().filter(|next| next.ends_at() > now.mono)
    }

    /// The pause doubles with each failure in a row, from none for the first.
    fn note_failure(&mut self, now: Now, first_pause: Duration) {
        self.end_stable_row(now);
        self.count_failure(now, first_pause);
    }

    /// The same, with a pause in any case: who refuses once will do so again.
    fn note_refusal(&mut self, now: Now, first_pause: Duration) {
        self.end_stable_row(now);
        self.failures = self.failures.max(1);
        self.count_failure(now, first_pause);
    }

    fn end_stable_row(&mut self, now: Now) {
        if self.bound_at.take().is_some_and(|at| now.mono.since(at) >= STABLE) {
            self.failures = 0;
        }
    }

    fn count_failure(&mut self, now: Now, first_pause: Duration) {
        if let Some(earlier) = self.failures.checked_sub(1) {
            self.not_before = Some(now.mono.after(backoff(first_pause, earlier)));
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn bury(&mut self, key_id: AuthKeyId) {
        if self.former.len() >= FORMER_MAX {
            self.former.remove(0);
        }
        self.former.push(key_id);
        self.renew_at = None;
        self.ends_at = None;
    }
}

impl Connection {
    fn pfs(&self) -> Pfs {
        self.config.pfs.clone().unwrap_or_default()
    }

    /// A transport is up and there is a permanent key: the temporary one goes on, or a new one is
    /// made.
    pub(super) fn begin_temporary(&mut self, now: Now) {
        if !self.life.is_alive(now) {
            self.replace_expired_key(now);
            return;
        }
        self.session.transport_connected(now);
        if self.session.is_bound() {
            self.phase = Phase::Ready;
            self.events.push_back(Event::Ready);
        } else {
            self.phase = Phase::AwaitBinding;
        }
    }

    pub(super) fn make_temporary_key(&mut self, now: Now) {
        if let Some(until) = self.life.not_before.filter(|until| *until > now.mono) {
            self.phase = Phase::Pause { until };
        } else if let Some(exchange) = self.new_exchange() {
            self.phase = Phase::AwaitTemporaryKey(exchange);
        }
    }

    fn new_exchange(&mut self) -> Option<Box<Handshake>> {
        let config = Arc::clone(self.temporary.as_ref()?);
        Some(Box::new(Handshake::new(config, self.rng.split())))
    }

    /// The session moves to a new temporary key, which is to be bound before any call leaves.
    pub(super) fn adopt(&mut self, now: Now, key: Successor) {
        let Some(permanent) = &self.permanent else { return };
        let perm_key = permanent.auth_key.clone();
        self.drop_temporary_key(TemporaryKeyLoss::Renewed);
        let ends_at = key.ends_at();
        let Successor { auth_key, server_salt, server_time, made_at, expires_at, remaining } = key;
        let early = self.pfs().renew_before.min(remaining.checked_div(4).unwrap_or_default());
        self.life.successor = None;
        self.life.ends_at = Some(ends_at);
        self.life.expires_at = expires_at;
        self.life.renew_at = Some(made_at.after(remaining.saturating_sub(early)));
        let key_id = auth_key.id();
        self.session.use_temporary_key(auth_key, server_salt, perm_key, expires_at);
        let age = now.mono.since(made_at);
        self.session.set_server_time(now, server_time.after(age));
        self.session.transport_connected(now);
        self.phase = Phase::AwaitBinding;
        let created = TemporaryKeyEvent::Created { key_id, expires_at };
        self.events.push_back(Event::TemporaryKey(created));
    }

    // --- renewal -----------------------------------------------------------------------

    /// The next key is there: no new call leaves under the old one.
    pub(super) fn hand_over(&mut self, now: Now, next: Successor) {
        self.session.hold_calls();
        let until = now.mono.after(self.pfs().hand_over_wait);
        self.phase = Phase::AwaitAnswers { next: Box::new(next), until };
        self.finish_hand_over(now);
    }

    /// Moves to the next key when no call is under way, and puts it off when that takes too long.
    fn finish_hand_over(&mut self, now: Now) {
        let phase = mem::replace(&mut self.phase, Phase::Ready);
        let Phase::AwaitAnswers { next, until } = phase else {
            self.phase = phase;
            return;
        };
        if !self.session.has_calls_under_way() {
            self.adopt(now, *next);
        } else if until <= now.mono {
            self.life.successor = Some(next);
            let wait = self.pfs().hand_over_wait.saturating_mul(PUT_OFF);
            self.life.renew_at = Some(now.mono.after(wait));
            self.session.resume_calls();
        } else {
            self.phase = Phase::AwaitAnswers { next, until };
        }
    }

    /// A successor that waits for answers outlives the transport.
    pub(super) fn keep_successor(&mut self) {
        if let Phase::AwaitAnswers { next, .. } = mem::replace(&mut self.phase, Phase::Offline) {
            self.life.successor = Some(next);
            self.session.resume_calls();
        }
    }

    fn renew(&mut self, now: Now) {
        if let Some(until) = self.life.not_before.filter(|until| *until > now.mono) {
            self.life.renew_at = Some(until);
        } else if let Some(next) = self.life.take_successor(now) {
            self.hand_over(now, *next);
        } else if let Some(exchange) = self.new_exchange() {
            self.phase = Phase::AwaitSuccessor(exchange);
        }
    }

    // --- what time and the session bring -----------------------------------------------

    pub(super) fn follow_time(&mut self, now: Now) {
        match self.phase {
            Phase::Pause { until } if until <= now.mono => self.make_temporary_key(now),
            Phase::Ready if self.life.renew_at.is_some_and(|at| at <= now.mono) => self.renew(now),
            Phase::AwaitAnswers { .. } => self.finish_hand_over(now),
            _ => {}
        }
    }

    /// The key's time may be over before its successor took its place.
    pub(super) fn end_expired_key(&mut self, now: Now) {
        if self.phase.has_session() && self.life.ends_at.is_some_and(|end| end <= now.mono) {
            self.keep_successor();
            self.replace_expired_key(now);
        }
    }

    /// By the key that was made before, else by a new one.
    fn replace_expired_key(&mut self, now: Now) {
        self.drop_temporary_key(TemporaryKeyLoss::Expired);
        match self.life.take_successor(now) {
            Some(next) => self.adopt(now, *next),
            None => self.make_temporary_key(now),
        }
    }

    /// What the session learned from a packet.
    pub(super) fn follow_session(&mut self, now: Now) -> Result<(), PeerError> {
        match self.session.take_binding_answer() {
            Some(BindingAnswer::Bound) => self.bound(now),
            Some(BindingAnswer::Refused(error)) => self.binding_refused(now, error)?,
            None => {}
        }
        self.finish_hand_over(now);
        Ok(())
    }

    fn bound(&mut self, now: Now) {
        self.life.bound_at = Some(now.mono);
        if let Some(permanent) = &mut self.permanent {
            permanent.made_at = None;
        }
        let key_id = self.session.key().map(AuthKey::id);
        let expires_at = self.life.expires_at;
        let bound = key_id.map(|key_id| TemporaryKeyEvent::Bound { key_id, expires_at });
        self.events.extend(bound.map(Event::TemporaryKey));
        if matches!(self.phase, Phase::AwaitBinding) {
            self.phase = Phase::Ready;
            self.events.push_back(Event::Ready);
        }
    }

    fn binding_refused(&mut self, now: Now, error: CallError) -> Result<(), PeerError> {
        let invalid = matches!(&error, CallError::Rpc(error)
            if error.code == 400 && error.message == "ENCRYPTED_MESSAGE_INVALID");
        self.life.note_refusal(now, self.pfs().retry_pause);
        self.drop_temporary_key(TemporaryKeyLoss::Refused(error));
        let is_young = |at: Instant| now.mono.since(at) < YOUNG;
        let Some(permanent) = &self.permanent else { return Ok(()) };
        if invalid && !permanent.made_at.is_some_and(is_young) {
            self.events.push_back(Event::KeyUnknown(permanent.auth_key.id()));
            return Err(PeerError::BindingRefused);
        }
        self.make_temporary_key(now);
        Ok(())
    }

    // --- loss --------------------------------------------------------------------------

    /// −404. While an exchange runs beside the session it may be the exchange that was refused, so
    /// the key stays: if it is unknown, the next transport will say so.
    pub(super) fn on_temporary_key_unknown(&mut self, now: Now) {
        let pause = self.pfs().retry_pause;
        match self.phase {
            Phase::AwaitBinding | Phase::Ready | Phase::AwaitAnswers { .. } => {
                self.life.note_failure(now, pause);
                self.drop_temporary_key(TemporaryKeyLoss::Unknown);
                // It forgot its successor as well.
                self.keep_successor();
                self.life.successor = None;
            }
            Phase::AwaitTemporaryKey(_) | Phase::AwaitSuccessor(_) => {
                self.life.note_failure(now, pause);
            }
            Phase::Offline | Phase::AwaitPermanentKey(_) | Phase::Pause { .. } => {}
        }
    }

    /// An exchange beside a live session may fail without harm to it: tried again after a pause.
    pub(super) fn exchange_failed(&mut self, now: Now, fault: PeerError) -> Result<(), PeerError> {
        match self.phase {
            Phase::AwaitSuccessor(_) => {
                let bound_at = self.life.bound_at;
                self.life.note_refusal(now, self.pfs().retry_pause);
                self.life.bound_at = bound_at;
                self.life.renew_at = self.life.not_before;
                self.phase = Phase::Ready;
                Ok(())
            }
            Phase::AwaitTemporaryKey(_) => {
                self.life.note_failure(now, self.pfs().retry_pause);
                Err(fault)
            }
            _ => Err(fault),
        }
    }

    /// Calls stay open and wait for the next key.
    fn drop_temporary_key(&mut self, reason: TemporaryKeyLoss) {
        let Some(key_id) = self.session.key().map(AuthKey::id) else { return };
        self.session.discard_key();
        self.life.bury(key_id);
        let lost = TemporaryKeyEvent::Lost { key_id, reason };
        self.events.push_back(Event::TemporaryKey(lost));
    }
}
