//! The sequencer against any server and any application: positions only rise unless a reset is
//! confirmed, one question is open at a time, and what is held stays bounded.

use crate::memory;
use arbitrary::{Arbitrary, Unstructured};
use odnix_proto::limits::Limits;
use odnix_proto::updates::{Checkpoint, Difference, Event, Sequencer};
use odnix_proto::{Instant, Now, UnixTime};
use std::time::Duration;

const UPDATES_MAX: usize = 16;

#[derive(Arbitrary, Debug)]
enum Step {
    Push(i32, i32),
    PushNear(i8, u8),
    AffectedNear(i8, u8),
    Qts(i32),
    QtsNear(i8),
    Seq(i32, i32),
    SeqNear(i8, u8),
    Lost,
    Changed,
    Empty(i32),
    Full(i32, i32),
    FullNear(i8, i8),
    SliceNear(i8, i8),
    TooLongNear(i8),
    State(i32, i32),
    Fail,
    Confirm,
    Wait(u32),
    Poll,
}

/// One input.
pub fn run(input: &[u8]) {
    let mut source = Unstructured::new(input);
    let Ok(start) = i32::arbitrary(&mut source) else { return };
    memory::bounded(input, 64 << 10, 64, || {
        let mut world = World::new(start);
        while !source.is_empty() {
            let Ok(step) = Step::arbitrary(&mut source) else { break };
            world.step(&step);
        }
    });
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Question {
    Difference,
    State,
}

struct World {
    sequencer: Sequencer<i32>,
    now: Now,
    at: Checkpoint,
    question: Option<Question>,
    reset: Option<Checkpoint>,
}

impl World {
    fn new(pts: i32) -> Self {
        let now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_700_000_000));
        let limits = Limits { updates_max: UPDATES_MAX, ..Limits::default() };
        let sequencer = Sequencer::new(now, Checkpoint::at(pts), &limits);
        Self { sequencer, now, at: Checkpoint::at(pts.max(0)), question: None, reset: None }
    }

    fn near(&self, by: i8) -> i32 {
        self.at.pts.saturating_add(i32::from(by))
    }

    fn state_near(&self, pts: i8, qts: i8) -> Checkpoint {
        let qts = self.at.qts.saturating_add(i32::from(qts));
        Checkpoint { pts: self.near(pts), qts, date: 1, seq: self.at.seq }
    }

    /// An answer to a question that was withdrawn meanwhile is refused.
    fn answer(&mut self, answer: Difference<i32>) {
        match self.question.take() {
            Some(Question::Difference) => {
                let _ = self.sequencer.provide_difference(self.now, answer);
            }
            Some(Question::State) => assert!(
                self.sequencer.provide_difference(self.now, answer).is_err(),
                "it asked for the state"
            ),
            None => {}
        }
    }

    fn step(&mut self, step: &Step) {
        let updates = vec![1, 2];
        match *step {
            Step::Push(pts, count) => drop(self.sequencer.push(self.now, pts, count, pts)),
            Step::PushNear(by, count) => {
                let pts = self.near(by);
                self.sequencer.push(self.now, pts, i32::from(count), pts);
            }
            Step::AffectedNear(by, count) => {
                self.sequencer.push_affected(self.now, self.near(by), i32::from(count));
            }
            Step::Qts(qts) => drop(self.sequencer.push_qts(self.now, qts, qts)),
            Step::QtsNear(by) => {
                let qts = self.at.qts.saturating_add(i32::from(by));
                self.sequencer.push_qts(self.now, qts, qts);
            }
            Step::Seq(start, seq) => drop(self.sequencer.push_seq(self.now, start, seq, 2, seq)),
            Step::SeqNear(by, count) => {
                let start = self.at.seq.saturating_add(i32::from(by));
                let seq = start.saturating_add(i32::from(count));
                self.sequencer.push_seq(self.now, start, seq, 2, seq);
            }
            Step::Changed => {
                self.sequencer.pts_changed();
                // A question that was handed out is not answered any more.
                if self.reset.is_none() {
                    self.question = None;
                }
            }
            Step::Lost => self.sequencer.updates_lost(),
            Step::Empty(seq) => self.answer(Difference::Empty { date: 3, seq }),
            Step::Full(pts, qts) => {
                let state = Checkpoint { pts, qts, date: 3, seq: 0 };
                self.answer(Difference::Full { updates, state });
            }
            Step::FullNear(pts, qts) => {
                let state = self.state_near(pts, qts);
                self.answer(Difference::Full { updates, state });
            }
            Step::SliceNear(pts, qts) => {
                let state = self.state_near(pts, qts);
                self.answer(Difference::Slice { updates, state });
            }
            Step::TooLongNear(by) => self.answer(Difference::TooLong { pts: self.near(by) }),
            Step::State(pts, qts) => {
                if self.question == Some(Question::State) {
                    self.question = None;
                    let state = Checkpoint { pts, qts, date: 3, seq: 0 };
                    self.sequencer.provide_state(self.now, state).expect("it was asked");
                }
            }
            Step::Fail => {
                if self.question.take().is_some() {
                    self.sequencer.question_failed(self.now).expect("it was asked");
                }
            }
            Step::Confirm => {
                if let Some(to) = self.reset.take() {
                    self.sequencer.confirm_reset().expect("it was wanted");
                    self.at = to;
                }
            }
            Step::Wait(micros) => {
                self.now = self.now.after(Duration::from_micros(u64::from(micros)));
                self.sequencer.handle_timeout(self.now);
            }
            Step::Poll => self.poll(),
        }
        assert_eq!(self.sequencer.checkpoint(), self.at);
    }

    fn poll(&mut self) {
        let mut events = 0;
        while let Some(event) = self.sequencer.poll_event() {
            events += 1;
            match event {
                Event::Deliver { checkpoint, .. } => {
                    assert!(checkpoint.pts >= self.at.pts && checkpoint.qts >= self.at.qts);
                    assert!(checkpoint.seq >= 0);
                    self.at = checkpoint;
                }
                Event::GetDifference { from } => {
                    assert_eq!((self.question, self.reset), (None, None));
                    assert_eq!((from.pts, from.qts), (self.at.pts, self.at.qts));
                    self.question = Some(Question::Difference);
                }
                Event::GetState => {
                    assert_eq!((self.question, self.reset), (None, None));
                    self.question = Some(Question::State);
                }
                Event::Reset { to, .. } => {
                    assert_eq!((self.question, self.reset), (None, None));
                    assert!(to.pts >= 0 && to.qts >= 0);
                    self.reset = Some(to);
                }
            }
        }
        assert!(events <= 2 * UPDATES_MAX + 4);
    }
}
