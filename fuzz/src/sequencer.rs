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
    Lost,
    Empty,
    Full(i32),
    FullNear(i8),
    SliceNear(i8),
    TooLongNear(i8),
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

struct World {
    sequencer: Sequencer<i32>,
    now: Now,
    pts: i32,
    question: Option<i32>,
    reset: Option<Checkpoint>,
}

impl World {
    fn new(pts: i32) -> Self {
        let now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_700_000_000));
        let limits = Limits { updates_max: UPDATES_MAX, ..Limits::default() };
        let sequencer = Sequencer::new(now, Checkpoint { pts }, &limits);
        Self { sequencer, now, pts: pts.max(0), question: None, reset: None }
    }

    fn near(&self, by: i8) -> i32 {
        self.pts.saturating_add(i32::from(by))
    }

    fn answer(&mut self, answer: Difference<i32>) {
        if self.question.take().is_some() {
            self.sequencer.provide_difference(self.now, answer).expect("it was asked");
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
            Step::Lost => self.sequencer.updates_lost(),
            Step::Empty => self.answer(Difference::Empty),
            Step::Full(pts) => self.answer(Difference::Full { updates, pts }),
            Step::FullNear(by) => self.answer(Difference::Full { updates, pts: self.near(by) }),
            Step::SliceNear(by) => self.answer(Difference::Slice { updates, pts: self.near(by) }),
            Step::TooLongNear(by) => self.answer(Difference::TooLong { pts: self.near(by) }),
            Step::Fail => {
                if self.question.take().is_some() {
                    self.sequencer.difference_failed(self.now).expect("it was asked");
                }
            }
            Step::Confirm => {
                if let Some(to) = self.reset.take() {
                    self.sequencer.confirm_reset().expect("it was wanted");
                    self.pts = to.pts;
                }
            }
            Step::Wait(micros) => {
                self.now = self.now.after(Duration::from_micros(u64::from(micros)));
                self.sequencer.handle_timeout(self.now);
            }
            Step::Poll => self.poll(),
        }
        assert_eq!(self.sequencer.checkpoint().pts, self.pts);
    }

    fn poll(&mut self) {
        let mut events = 0;
        while let Some(event) = self.sequencer.poll_event() {
            events += 1;
            match event {
                Event::Deliver { checkpoint, .. } => {
                    assert!(checkpoint.pts >= self.pts);
                    self.pts = checkpoint.pts;
                }
                Event::GetDifference { from_pts } => {
                    assert_eq!((self.question, self.reset), (None, None));
                    assert_eq!(from_pts, self.pts);
                    self.question = Some(from_pts);
                }
                Event::Reset { to, .. } => {
                    assert_eq!((self.question, self.reset), (None, None));
                    assert!(to.pts >= 0);
                    self.reset = Some(to);
                }
            }
        }
        assert!(events <= 2 * UPDATES_MAX + 4);
    }
}
