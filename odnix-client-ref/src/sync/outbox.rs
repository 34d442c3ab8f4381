//! Which of the messages that wait is sent next.
//!
//! ```text
//!  push ──> queue of its dialog ──poll_send──> in flight ──┬─ accepted: gone
//!             ^  (one in flight per dialog)                ├─ refused for good: gone, marked
//!             └──── at the front again, after a pause ─────┴─ busy, unreadable: same random_id
//! ```
//!
//! Messages of one dialog leave one after the other, so they arrive in the order in which they
//! were given; dialogs do not wait for each other. `FLOOD_WAIT_n` stops all of them for n seconds,
//! a lost login until [`resume`](Outbox::resume). What waits is kept durably by the caller; the
//! server executes a random_id once, so sending again is always safe.

use super::Failure;
use crate::replica::PendingSend;
use odnix_proto::{Instant, Now};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Dialogs that send at the same time.
const IN_FLIGHT_MAX: usize = 16;
const RETRY_DOUBLINGS_MAX: u32 = 5;

/// As many messages wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} messages wait to be sent already; try again when some of them are sent")]
pub struct OutboxFull {
    /// How many may wait.
    pub limit: usize,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is stored on the server.
    Sent,
    /// The server will never take it.
    Refused,
    /// It is sent again later.
    Later,
}

/// See [`sync`](crate::sync).
#[derive(Debug)]
pub struct Outbox {
    dialogs: BTreeMap<i64, Dialog>,
    waiting: usize,
    limit: usize,
    in_flight: usize,
    /// Nothing leaves before.
    all_until: Option<Instant>,
    is_signed_out: bool,
    /// The dialog that sent last: the next ones go first, then around.
    last: i64,
}

#[derive(Debug, Default)]
struct Dialog {
    queue: VecDeque<PendingSend>,
    /// The first of the queue.
    is_in_flight: bool,
    failures: u32,
    until: Option<Instant>,
}

impl Outbox {
    /// An empty one in which at most `limit` messages wait.
    pub fn new(limit: usize) -> Self {
        Self {
            dialogs: BTreeMap::new(),
            waiting: 0,
            limit,
            in_flight: 0,
            all_until: None,
            is_signed_out: false,
            last: i64::MIN,
        }
    }

    /// Messages that wait or are in flight.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Lets a message wait for its turn.
    ///
    /// # Errors
    /// [`OutboxFull`].
    pub fn push(&mut self, send: PendingSend) -> Result<(), OutboxFull> {
        if self.waiting >= self.limit {
            return Err(OutboxFull { limit: self.limit });
        }
        self.waiting += 1;
        self.dialogs.entry(send.peer_id).or_default().queue.push_back(send);
        Ok(())
    }

    /// Whether a message waits or is in flight.
    pub fn holds(&self, send: &PendingSend) -> bool {
        let dialog = self.dialogs.get(&send.peer_id);
        dialog.is_some_and(|it| it.queue.iter().any(|it| it.random_id == send.random_id))
    }

    /// What to send now. Its outcome goes to [`handle_outcome`](Self::handle_outcome).
    pub fn poll_send(&mut self) -> Option<PendingSend> {
        if self.is_signed_out || self.all_until.is_some() || self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let can_send = |it: &Dialog| !it.is_in_flight && it.until.is_none();
        let later = self.dialogs.range((self.last.saturating_add(1))..);
        let peer_id = *later.chain(self.dialogs.iter()).find(|(_, it)| can_send(it))?.0;
        let dialog = self.dialogs.get_mut(&peer_id)?;
        let send = dialog.queue.front()?.clone();
        dialog.is_in_flight = true;
        self.in_flight += 1;
        self.last = peer_id;
        Some(send)
    }

    /// Takes what became of a message that was sent.
    pub fn handle_outcome(
        &mut self,
        now: Now,
        send: &PendingSend,
        outcome: Result<(), &Failure>,
    ) -> Verdict {
        let Some(dialog) = self.dialogs.get_mut(&send.peer_id) else { return Verdict::Later };
        let is_first = dialog.queue.front().is_some_and(|it| it.random_id == send.random_id);
        if !dialog.is_in_flight || !is_first {
            return Verdict::Later;
        }
        dialog.is_in_flight = false;
        self.in_flight -= 1;
        let verdict = match outcome {
            Ok(()) => Verdict::Sent,
            Err(failure) if failure.is_signed_out() => {
                self.is_signed_out = true;
                return Verdict::Later;
            }
            Err(failure) if failure.is_refusal() => Verdict::Refused,
            Err(failure) => {
                if let Some(wait) = failure.flood_wait() {
                    self.all_until = self.all_until.max(Some(now.mono.after(wait)));
                } else {
                    let pause = 1_u64 << dialog.failures.min(RETRY_DOUBLINGS_MAX);
                    dialog.failures = dialog.failures.saturating_add(1);
                    dialog.until = Some(now.mono.after(Duration::from_secs(pause)));
                }
                return Verdict::Later;
            }
        };
        dialog.failures = 0;
        dialog.queue.pop_front();
        self.waiting -= 1;
        if dialog.queue.is_empty() {
            self.dialogs.remove(&send.peer_id);
        }
        verdict
    }

    /// Somebody is signed in: what waited for that may leave.
    pub fn resume(&mut self) {
        self.is_signed_out = false;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.dialogs.values().filter_map(|dialog| dialog.until).chain(self.all_until).min()
    }

    /// Ends the pauses that are over.
    pub fn handle_timeout(&mut self, now: Now) {
        let left = |until: Option<Instant>| until.filter(|until| *until > now.mono);
        self.all_until = left(self.all_until);
        self.dialogs.values_mut().for_each(|dialog| dialog.until = left(dialog.until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odnix_proto::UnixTime;

    const START: Now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_700_000_000));

    fn message(peer_id: i64, random_id: i64) -> PendingSend {
        PendingSend { random_id, peer_id, text: random_id.to_string() }
    }

    fn outbox(sends: &[(i64, i64)]) -> Outbox {
        let mut outbox = Outbox::new(100);
        for (peer_id, random_id) in sends {
            outbox.push(message(*peer_id, *random_id)).expect("room");
        }
        outbox
    }

    fn rpc(code: i32, message: &str) -> Failure {
        Failure { code, message: message.to_owned() }
    }

    fn polled(outbox: &mut Outbox) -> Vec<i64> {
        std::iter::from_fn(|| outbox.poll_send()).map(|send| send.random_id).collect()
    }

    #[test]
    fn a_dialog_keeps_its_order_and_others_do_not_wait_for_it() {
        let mut outbox = outbox(&[(1, 10), (1, 11), (2, 20), (-3, 30)]);
        assert_eq!(polled(&mut outbox), [30, 10, 20]);
        assert!(outbox.holds(&message(1, 10)) && outbox.holds(&message(1, 11)));
        assert_eq!(outbox.handle_outcome(START, &message(1, 10), Ok(())), Verdict::Sent);
        assert!(!outbox.holds(&message(1, 10)) && !outbox.holds(&message(2, 10)));
        assert_eq!(polled(&mut outbox), [11]);
        assert_eq!(outbox.len(), 3);
    }

    #[test]
    fn a_failure_keeps_the_message_first_under_its_random_id() {
        let mut outbox = outbox(&[(1, 10), (1, 11)]);
        for pause in [1, 2, 4] {
            let send = outbox.poll_send().expect("a message");
            assert_eq!(send.random_id, 10);
            let outcome = outbox.handle_outcome(START, &send, Err(&rpc(500, "INTERNAL")));
            assert_eq!(outcome, Verdict::Later);
            assert_eq!(outbox.poll_send(), None);
            let due = START.after(Duration::from_secs(pause));
            assert_eq!(outbox.poll_timeout(), Some(due.mono));
            outbox.handle_timeout(due);
        }
        assert_eq!(polled(&mut outbox), [10]);
    }

    #[test]
    fn a_refusal_does_not_stand_in_the_way() {
        let mut outbox = outbox(&[(1, 10), (1, 11)]);
        let send = outbox.poll_send().expect("a message");
        let outcome = outbox.handle_outcome(START, &send, Err(&rpc(400, "MESSAGE_EMPTY")));
        assert_eq!(outcome, Verdict::Refused);
        assert_eq!(polled(&mut outbox), [11]);
    }

    #[test]
    fn a_flood_wait_stops_every_dialog_for_as_long_as_the_server_says() {
        let mut outbox = outbox(&[(1, 10), (2, 20)]);
        let send = outbox.poll_send().expect("a message");
        outbox.handle_outcome(START, &send, Err(&rpc(420, "FLOOD_WAIT_90")));
        assert_eq!(polled(&mut outbox), [0_i64; 0]);
        outbox.handle_timeout(START.after(Duration::from_secs(89)));
        assert_eq!(polled(&mut outbox), [0_i64; 0]);
        outbox.handle_timeout(START.after(Duration::from_secs(90)));
        assert_eq!(polled(&mut outbox), [20, 10]);
    }

    #[test]
    fn who_is_signed_out_sends_nothing_until_somebody_is_signed_in() {
        let mut outbox = outbox(&[(1, 10), (1, 11)]);
        let send = outbox.poll_send().expect("a message");
        outbox.handle_outcome(START, &send, Err(&rpc(401, "AUTH_KEY_UNREGISTERED")));
        assert_eq!((outbox.poll_send(), outbox.poll_timeout()), (None, None));
        outbox.resume();
        assert_eq!(polled(&mut outbox), [10]);
    }

    #[test]
    fn an_outcome_of_what_was_not_sent_changes_nothing() {
        let mut outbox = outbox(&[(1, 10), (1, 11)]);
        assert_eq!(outbox.handle_outcome(START, &message(1, 10), Ok(())), Verdict::Later);
        assert_eq!(polled(&mut outbox), [10]);
        for stranger in [message(1, 11), message(2, 10)] {
            assert_eq!(outbox.handle_outcome(START, &stranger, Ok(())), Verdict::Later);
        }
        assert_eq!((outbox.len(), polled(&mut outbox)), (2, vec![]));
        assert_eq!(outbox.handle_outcome(START, &message(1, 10), Ok(())), Verdict::Sent);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut outbox = Outbox::new(2);
        assert!(outbox.is_empty());
        outbox.push(message(1, 10)).expect("room");
        outbox.push(message(2, 20)).expect("room");
        assert!(!outbox.is_empty());
        assert_eq!(outbox.push(message(3, 30)), Err(OutboxFull { limit: 2 }));
        let send = outbox.poll_send().expect("a message");
        outbox.handle_outcome(START, &send, Ok(()));
        outbox.push(message(3, 30)).expect("room again");
    }
}
