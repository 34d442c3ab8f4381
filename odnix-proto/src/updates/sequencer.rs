//! The client's sequencer for one mailbox.

use super::difference::{Difference, Question, ResetReason, State, retry_pause};
use super::line::{Line, Next};
use crate::error::{DropReason, Received, UsageError};
use crate::limits::Limits;
use crate::time::{Instant, Now};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{mem, time::Duration};

/// How long missing updates may still arrive by themselves.
const GAP_WAIT: Duration = Duration::from_millis(500);
/// After this long without a word, ask whether something was missed.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

/// The position to store in the same transaction as the updates it comes with: `updates.State`
/// without its `unread_count`. The mailbox of a group has its `pts` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Checkpoint {
    /// After the updates, 0 or more.
    pub pts: i32,
    /// The same for what comes with a `qts`: secret chats and the like.
    pub qts: i32,
    /// The server's time of the last answer or sequence, Unix seconds.
    pub date: i32,
    /// The number of the last sequence of updates without a position of their own.
    pub seq: i32,
}

impl Checkpoint {
    /// Of a mailbox that has a `pts` only.
    pub const fn at(pts: i32) -> Self {
        Self { pts, qts: 0, date: 0, seq: 0 }
    }

    fn not_negative(self) -> Self {
        let Self { pts, qts, date, seq } = self;
        Self { pts: pts.max(0), qts: qts.max(0), date, seq: seq.max(0) }
    }

    fn is_negative(&self) -> bool {
        self.pts < 0 || self.qts < 0 || self.seq < 0
    }

    /// Whether a counter of the server's log is lower than in `other`.
    fn is_behind(&self, other: &Self) -> bool {
        self.pts < other.pts || self.qts < other.qts
    }
}

/// What the application has to do next.
///
/// Exhaustive on purpose: none of them may be ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<U> {
    /// Apply the updates in order and store the checkpoint, in one transaction. There are no
    /// updates when an RPC's result alone moved the position.
    Deliver {
        /// What is new.
        updates: Vec<U>,
        /// The position after it.
        checkpoint: Checkpoint,
    },
    /// Call `updates.getDifference` from here, then
    /// [`provide_difference`](Sequencer::provide_difference) or
    /// [`question_failed`](Sequencer::question_failed).
    GetDifference {
        /// `pts`, `qts` and `date` of the call.
        from: Checkpoint,
    },
    /// Call `updates.getState`, then [`provide_state`](Sequencer::provide_state) or
    /// [`question_failed`](Sequencer::question_failed).
    GetState,
    /// The replica can't be brought up to date step by step. Drop or reload it, store `to` in the
    /// same transaction, then [`confirm_reset`](Sequencer::confirm_reset).
    Reset {
        /// Where the log goes on.
        to: Checkpoint,
        /// Why.
        reason: ResetReason,
    },
}

/// An update that waits for its turn; none for what an RPC's result moved.
#[derive(Debug)]
struct Waiting<U> {
    update: Option<U>,
    /// That of its sequence.
    date: Option<i32>,
}

/// The counters of a mailbox.
#[derive(Clone, Copy, Debug)]
enum Counter {
    Pts,
    Qts,
    Seq,
}

/// Puts pushed updates in order, finds gaps, and runs `getDifference`.
#[derive(Debug)]
pub struct Sequencer<U> {
    pts: Line<Waiting<U>>,
    qts: Line<Waiting<U>>,
    seq: Line<Waiting<U>>,
    date: i32,
    handed_out: Checkpoint,
    events: VecDeque<Event<U>>,
    state: State,
    gap_until: Option<Instant>,
    silent_until: Instant,
    arrivals: u64,
    updates_max: usize,
}

impl<U> Sequencer<U> {
    /// Goes on from the stored checkpoint; what is negative counts as 0. The first event asks for
    /// the difference. A client without a checkpoint takes `updates.getState` first.
    pub fn new(now: Now, checkpoint: Checkpoint, limits: &Limits) -> Self {
        let checkpoint = checkpoint.not_negative();
        let mut sequencer = Self {
            pts: Line::new(checkpoint.pts),
            qts: Line::new(checkpoint.qts),
            seq: Line::new(checkpoint.seq),
            date: checkpoint.date,
            handed_out: checkpoint,
            events: VecDeque::new(),
            state: State::Following,
            gap_until: None,
            silent_until: now.mono.after(SILENCE_MAX),
            arrivals: 0,
            updates_max: limits.updates_max,
        };
        sequencer.ask(Question::Difference, 0);
        sequencer
    }

    /// The checkpoint of the last event handed out.
    pub fn checkpoint(&self) -> Checkpoint {
        self.handed_out
    }

    /// Whether the position is known to be the server's: no gap, no question open.
    pub fn is_caught_up(&self) -> bool {
        self.state == State::Following && self.held() == 0
    }

    /// Whether a question was handed out that has not been answered.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asked { .. })
            && !matches!(self.events.back(), Some(Event::GetDifference { .. } | Event::GetState))
    }

    // --- what the server pushes ---

    /// Takes an update of the log.
    pub fn push(&mut self, now: Now, pts: i32, pts_count: i32, update: U) -> Received {
        let waiting = Waiting { update: Some(update), date: None };
        self.take(now, Counter::Pts, (pts, pts_count), waiting)
    }

    /// Takes the `pts` and `pts_count` of an RPC's result (`messages.affectedMessages`…): the
    /// position moves exactly as by an update, but there is nothing to apply.
    pub fn push_affected(&mut self, now: Now, pts: i32, pts_count: i32) -> Received {
        let waiting = Waiting { update: None, date: None };
        self.take(now, Counter::Pts, (pts, pts_count), waiting)
    }

    /// Takes an update with a `qts`; each moves it by one.
    pub fn push_qts(&mut self, now: Now, qts: i32, update: U) -> Received {
        let waiting = Waiting { update: Some(update), date: None };
        self.take(now, Counter::Qts, (qts, 1), waiting)
    }

    /// Takes the updates of one `updates` (where `seq_start` is `seq`) or `updatesCombined` that
    /// have no position of their own. With a `seq_start` of 0 they are in no sequence, and
    /// delivered as they come.
    pub fn push_seq(
        &mut self,
        now: Now,
        seq_start: i32,
        seq: i32,
        date: i32,
        updates: U,
    ) -> Received {
        if seq_start == 0 {
            return self.push_unordered(now, updates);
        }
        let count = seq.checked_sub(seq_start).and_then(|count| count.checked_add(1));
        let Some(count) = count.filter(|count| *count > 0) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let waiting = Waiting { update: Some(updates), date: Some(date) };
        self.take(now, Counter::Seq, (seq, count), waiting)
    }

    fn push_unordered(&mut self, now: Now, updates: U) -> Received {
        self.silent_until = now.mono.after(SILENCE_MAX);
        // The replica that they speak of is about to be dropped.
        if let State::AwaitReset { .. } = self.state {
            return Received::Dropped(DropReason::Unexpected);
        }
        if self.has_no_room() {
            return Received::Dropped(DropReason::Limit);
        }
        self.deliver(Vec::from([updates]));
        Received::Accepted
    }

    /// Something may be missing: `updatesTooLong`, `new_session_created`, or an update that does
    /// not decode. Asks for the difference; while one is out already, once more after it.
    pub fn updates_lost(&mut self) {
        match &mut self.state {
            State::Following => self.ask(Question::Difference, 0),
            State::Asked { again, .. } => *again = true,
            State::Retry { .. } | State::AwaitReset { .. } => {}
        }
    }

    /// `updatePtsChanged`: the position means nothing any more. Asks for the new one, which the
    /// application has to confirm.
    pub fn pts_changed(&mut self) {
        if let State::AwaitReset { .. } = self.state {
            return;
        }
        self.events.retain(|event| !matches!(event, Event::GetDifference { .. } | Event::GetState));
        self.ask(Question::State, 0);
    }

    // --- what it answers ---

    /// Takes the answer to [`Event::GetDifference`]. A nonsensical one is dropped and counts as
    /// a failure.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: no difference is asked for, or no longer.
    pub fn provide_difference(
        &mut self,
        now: Now,
        answer: Difference<U>,
    ) -> Result<Received, UsageError> {
        let State::Asked { question: Question::Difference, arrival, again, .. } = self.state else {
            return Err(UsageError::NotAsked);
        };
        self.silent_until = now.mono.after(SILENCE_MAX);
        let here = self.position();
        match answer {
            Difference::Empty { seq, .. } if seq < 0 => return self.nonsense(now),
            Difference::Full { state, .. } if state.is_negative() => return self.nonsense(now),
            // A slice that does not advance would be asked for forever.
            Difference::Slice { state, .. }
                if state.is_negative() || state.is_behind(&here) || !here.is_behind(&state) =>
            {
                return self.nonsense(now);
            }
            Difference::TooLong { pts } if pts <= here.pts => return self.nonsense(now),
            Difference::Empty { date, seq } => {
                self.move_to(Vec::new(), Checkpoint { date, seq, ..here });
                self.caught_up(now, arrival, again);
            }
            Difference::Full { state, .. } if state.is_behind(&here) => {
                self.reset(state, ResetReason::Backwards);
            }
            Difference::Full { updates, state } => {
                self.move_to(updates, state);
                self.caught_up(now, arrival, again);
            }
            Difference::Slice { updates, state } => {
                self.move_to(updates, state);
                self.ask(Question::Difference, 0);
            }
            Difference::TooLong { pts } => {
                self.reset(Checkpoint { pts, ..here }, ResetReason::TooLong);
            }
        }
        Ok(Received::Accepted)
    }

    /// Takes the answer to [`Event::GetState`]. A nonsensical one is dropped and counts as a
    /// failure.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: no state is asked for.
    pub fn provide_state(&mut self, now: Now, state: Checkpoint) -> Result<Received, UsageError> {
        let State::Asked { question: Question::State, .. } = self.state else {
            return Err(UsageError::NotAsked);
        };
        self.silent_until = now.mono.after(SILENCE_MAX);
        if state.is_negative() {
            return self.nonsense(now);
        }
        self.reset(state, ResetReason::PtsChanged);
        Ok(Received::Accepted)
    }

    /// The call of [`Event::GetDifference`] or [`Event::GetState`] failed; it is asked for again
    /// after 1, 2, 4, … 32 s.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: nothing is asked.
    pub fn question_failed(&mut self, now: Now) -> Result<(), UsageError> {
        let State::Asked { question, failures, .. } = self.state else {
            return Err(UsageError::NotAsked);
        };
        let failures = failures.saturating_add(1);
        let at = now.mono.after(retry_pause(failures));
        self.state = State::Retry { question, at, failures };
        Ok(())
    }

    /// The application has dropped its replica and stored the checkpoint of [`Event::Reset`].
    /// Asks for the difference from there.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`]: no reset is pending.
    pub fn confirm_reset(&mut self) -> Result<(), UsageError> {
        let State::AwaitReset { to } = self.state else {
            return Err(UsageError::NotAsked);
        };
        self.stand_at(to);
        self.handed_out = to;
        self.ask(Question::Difference, 0);
        Ok(())
    }

    // --- what follows ---

    /// What to do next, oldest first.
    pub fn poll_event(&mut self) -> Option<Event<U>> {
        let event = self.events.pop_front()?;
        if let Event::Deliver { checkpoint, .. } = &event {
            self.handed_out = *checkpoint;
        }
        Some(event)
    }

    /// Whether the next event is a question, and not one to be stored.
    pub(super) fn next_is_question(&self) -> Option<bool> {
        let event = self.events.front()?;
        Some(matches!(event, Event::GetDifference { .. } | Event::GetState))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Following => {
                Some(self.gap_until.map_or(self.silent_until, |gap| gap.min(self.silent_until)))
            }
            State::Retry { at, .. } => Some(at),
            State::Asked { .. } | State::AwaitReset { .. } => None,
        }
    }

    /// Asks for the difference if a gap stayed open, a pause is over, or silence lasted too
    /// long. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.poll_timeout().is_none_or(|due| due > now.mono) {
            return;
        }
        self.silent_until = now.mono.after(SILENCE_MAX);
        match self.state {
            State::Retry { question, failures, .. } => self.ask(question, failures),
            _ => self.ask(Question::Difference, 0),
        }
    }

    fn line(&mut self, counter: Counter) -> &mut Line<Waiting<U>> {
        match counter {
            Counter::Pts => &mut self.pts,
            Counter::Qts => &mut self.qts,
            Counter::Seq => &mut self.seq,
        }
    }

    fn held(&self) -> usize {
        self.pts.len().saturating_add(self.qts.len()).saturating_add(self.seq.len())
    }

    fn has_no_room(&self) -> bool {
        self.held().saturating_add(self.events.len()) >= self.updates_max
    }

    fn take(
        &mut self,
        now: Now,
        counter: Counter,
        (end, count): (i32, i32),
        waiting: Waiting<U>,
    ) -> Received {
        let end = i64::from(end);
        let start = end.saturating_sub(i64::from(count));
        if count < 0 || start < 0 {
            return Received::Dropped(DropReason::Malformed);
        }
        self.silent_until = now.mono.after(SILENCE_MAX);
        let is_following = self.state == State::Following;
        let line = self.line(counter);
        if line.has_passed(start, end) || (count > 0 && line.holds(start, end)) {
            return Received::Dropped(DropReason::Duplicate);
        }
        let overlaps = is_following && line.is_behind(start);
        if self.has_no_room() {
            self.updates_lost();
            return Received::Dropped(DropReason::Limit);
        }
        if overlaps {
            self.updates_lost();
            return Received::Dropped(DropReason::Unexpected);
        }
        let arrival = self.arrivals;
        self.arrivals = arrival.saturating_add(1);
        self.line(counter).hold(start, end, arrival, waiting);
        self.follow(now);
        Received::Accepted
    }

    /// Delivers what is in order, then looks whether a gap is left.
    fn follow(&mut self, now: Now) {
        if self.state != State::Following {
            return;
        }
        let mut moved = false;
        for counter in [Counter::Pts, Counter::Qts, Counter::Seq] {
            let mut at = self.line(counter).at();
            while let Some(next) = self.line(counter).next() {
                let Next::InOrder(Waiting { update, date }) = next else {
                    return self.updates_lost();
                };
                self.date = date.unwrap_or(self.date);
                let before = mem::replace(&mut at, self.line(counter).at());
                moved |= at != before;
                if update.is_some() || at != before {
                    self.deliver(update.into_iter().collect());
                }
            }
        }
        if self.held() == 0 {
            self.gap_until = None;
        } else if self.gap_until.is_none() || moved {
            self.gap_until = Some(now.mono.after(GAP_WAIT));
        }
    }

    /// After everything in `events`.
    fn position(&self) -> Checkpoint {
        let (pts, qts, seq) = (self.pts.at(), self.qts.at(), self.seq.at());
        Checkpoint { pts, qts, date: self.date, seq }
    }

    fn stand_at(&mut self, Checkpoint { pts, qts, date, seq }: Checkpoint) {
        self.pts.move_to(pts);
        self.qts.move_to(qts);
        self.seq.move_to(seq);
        self.date = date;
    }

    fn move_to(&mut self, updates: Vec<U>, to: Checkpoint) {
        let here = self.position();
        self.stand_at(to);
        if !updates.is_empty() || (Checkpoint { date: here.date, ..to }) != here {
            self.deliver(updates);
        }
    }

    fn deliver(&mut self, updates: Vec<U>) {
        let checkpoint = self.position();
        self.events.push_back(Event::Deliver { updates, checkpoint });
    }

    fn ask(&mut self, question: Question, failures: u32) {
        self.gap_until = None;
        self.state = State::Asked { question, arrival: self.arrivals, again: false, failures };
        self.events.push_back(match question {
            Question::Difference => Event::GetDifference { from: self.position() },
            Question::State => Event::GetState,
        });
    }

    /// The server has told everything up to here. What it claimed before the question and still
    /// does not tell was never in its log: without this rule, one false claim would make the
    /// client ask forever.
    fn caught_up(&mut self, now: Now, arrival: u64, again: bool) {
        for counter in [Counter::Pts, Counter::Qts, Counter::Seq] {
            self.line(counter).settle(arrival);
        }
        self.state = State::Following;
        if again {
            self.ask(Question::Difference, 0);
        } else {
            self.follow(now);
        }
    }

    fn reset(&mut self, to: Checkpoint, reason: ResetReason) {
        for counter in [Counter::Pts, Counter::Qts, Counter::Seq] {
            self.line(counter).clear();
        }
        self.state = State::AwaitReset { to };
        self.events.push_back(Event::Reset { to, reason });
    }

    fn nonsense(&mut self, now: Now) -> Result<Received, UsageError> {
        self.question_failed(now)?;
        Ok(Received::Dropped(DropReason::Malformed))
    }
}
