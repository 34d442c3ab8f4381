//! Many mailboxes of one client, and the server's end of a mailbox.

use odnix_proto::limits::Limits;
use odnix_proto::updates::{
    Checkpoint, Difference, Event, Mailbox, MailboxError, Mailboxes, Part, Plan, Position,
    Sequencer,
};
use odnix_proto::{Instant, Now, Received, UnixTime, UsageError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

fn at(millis: u64) -> Now {
    let start = Now::new(Instant::from_micros(5_000_000), UnixTime::from_secs(1_700_000_000));
    start.after(Duration::from_millis(millis))
}

fn empty<U>() -> Difference<U> {
    Difference::Empty { date: 0, seq: 0 }
}

fn asked(mailboxes: &mut Mailboxes<u8, i32>) -> Vec<u8> {
    let events = std::iter::from_fn(|| mailboxes.poll_event());
    events
        .filter_map(|(mailbox, event)| {
            matches!(event, Event::GetDifference { .. }).then_some(mailbox)
        })
        .collect()
}

fn answer(mailboxes: &mut Mailboxes<u8, i32>, mailbox: u8) {
    let told = mailboxes.with(&mailbox, |it| it.provide_difference(at(0), empty()));
    assert_eq!(told, Some(Ok(Received::Accepted)));
}

fn opened(count: u8, limits: &Limits) -> Mailboxes<u8, i32> {
    let mut mailboxes = Mailboxes::new(limits);
    for mailbox in 0..count {
        mailboxes.open(at(0), mailbox, Checkpoint::at(0)).unwrap();
    }
    mailboxes
}

// --- the client's end ---

#[test]
fn few_questions_are_out_at_a_time_and_mailboxes_take_turns() {
    let limits = Limits { differences_max: 2, ..Limits::default() };
    let mut mailboxes = opened(5, &limits);
    assert_eq!(asked(&mut mailboxes), [0, 1]);
    answer(&mut mailboxes, 1);
    assert_eq!(asked(&mut mailboxes), [2]);
    // One that asks again goes behind those that have waited.
    let slice = Difference::Slice { updates: vec![1], state: Checkpoint::at(1) };
    mailboxes.with(&0, |it| it.provide_difference(at(0), slice).unwrap()).unwrap();
    assert_eq!(asked(&mut mailboxes), [3]);
    mailboxes.with(&2, |it| it.question_failed(at(0)).unwrap()).unwrap();
    assert_eq!(asked(&mut mailboxes), [4]);
    answer(&mut mailboxes, 3);
    assert_eq!(asked(&mut mailboxes), [0]);
    assert!(mailboxes.close(&4), "and its question is forgotten");
    assert_eq!(mailboxes.poll_timeout(), Some(at(1000).mono));
    mailboxes.handle_timeout(at(1000));
    assert_eq!(asked(&mut mailboxes), [2]);
    for mailbox in [0, 2] {
        answer(&mut mailboxes, mailbox);
    }
    assert!(mailboxes.are_caught_up());
}

#[test]
fn a_gap_in_one_mailbox_holds_up_no_other() {
    let mut mailboxes = opened(2, &Limits::default());
    assert_eq!(asked(&mut mailboxes), [0, 1]);
    answer(&mut mailboxes, 0);
    answer(&mut mailboxes, 1);
    mailboxes.with(&0, |it| it.push(at(0), 2, 1, 2)).unwrap();
    mailboxes.with(&1, |it| it.push(at(0), 1, 1, 1)).unwrap();
    let event = Event::Deliver { updates: vec![1], checkpoint: Checkpoint::at(1) };
    assert_eq!(mailboxes.poll_event(), Some((1, event)));
    assert_eq!(mailboxes.poll_event(), None);
    assert!(!mailboxes.are_caught_up());
    assert_eq!(mailboxes.get(&1).map(Sequencer::is_caught_up), Some(true));
    assert_eq!(mailboxes.poll_timeout(), Some(at(500).mono));
    mailboxes.handle_timeout(at(500));
    assert_eq!(asked(&mut mailboxes), [0]);
}

#[test]
fn all_whose_time_has_come_are_asked_about_at_once() {
    let mut mailboxes = opened(4, &Limits::default());
    for mailbox in asked(&mut mailboxes) {
        answer(&mut mailboxes, mailbox);
    }
    for (mailbox, millis) in [(0, 0), (1, 0), (2, 7), (3, 8)] {
        mailboxes.with(&mailbox, |it| it.push(at(millis), 2, 1, 2)).unwrap();
    }
    mailboxes.handle_timeout(at(507));
    assert_eq!(asked(&mut mailboxes), [0, 1, 2]);
    assert_eq!(mailboxes.poll_timeout(), Some(at(508).mono));
}

#[test]
fn what_is_lost_is_lost_for_all() {
    let mut mailboxes = opened(3, &Limits::default());
    for mailbox in asked(&mut mailboxes) {
        answer(&mut mailboxes, mailbox);
    }
    mailboxes.updates_lost();
    assert_eq!(asked(&mut mailboxes), [0, 1, 2]);
}

#[test]
fn mailboxes_are_bounded_and_a_closed_one_is_not_followed() {
    let limits = Limits { mailboxes_max: 2, ..Limits::default() };
    let mut mailboxes = opened(2, &limits);
    let full = mailboxes.open(at(0), 9, Checkpoint::at(0));
    assert_eq!(full, Err(UsageError::QueueFull { limit: 2 }));
    assert_eq!(mailboxes.open(at(0), 1, Checkpoint::at(7)), Ok(()), "anew");
    assert_eq!(mailboxes.get(&1).map(Sequencer::checkpoint), Some(Checkpoint::at(7)));
    assert!(mailboxes.close(&0));
    assert!(!mailboxes.close(&0));
    assert_eq!(mailboxes.with(&0, |it| it.push(at(0), 1, 1, 1)), None);
    assert_eq!(mailboxes.followed().collect::<Vec<_>>(), [&1]);
    let from = Checkpoint::at(7);
    assert_eq!(mailboxes.poll_event(), Some((1, Event::GetDifference { from })));
    assert_eq!(mailboxes.poll_event(), None);
    mailboxes.close(&1);
    assert_eq!(mailboxes.poll_timeout(), None);
}

// --- the server's end ---

#[test]
fn positions_rise_without_holes_to_the_last_one() {
    let mut mailbox = Mailbox::new();
    assert_eq!(mailbox.assign(1), Ok(Position { pts: 1, pts_count: 1 }));
    assert_eq!(mailbox.assign(3), Ok(Position { pts: 4, pts_count: 3 }));
    for count in [0, -1, i32::MIN] {
        assert_eq!(mailbox.assign(count), Err(MailboxError::NoCount));
    }
    let mut last = Mailbox::restore(i32::MAX - 1, 0).unwrap();
    assert_eq!(last.assign(2), Err(MailboxError::Full));
    assert_eq!(last.assign(1).map(|position| position.pts), Ok(i32::MAX));
    assert_eq!(last.assign(1), Err(MailboxError::Full));
    assert_eq!((mailbox.pts(), last.pts()), (4, i32::MAX));
}

#[test]
fn a_damaged_row_is_refused() {
    for (pts, dropped_to, good) in
        [(5, 0, true), (5, 5, true), (5, 6, false), (5, -1, false), (-1, -1, false)]
    {
        let restored = Mailbox::restore(pts, dropped_to);
        assert_eq!(restored.is_ok(), good, "{pts} {dropped_to}");
        if let Ok(mailbox) = restored {
            assert_eq!((mailbox.pts(), mailbox.dropped_to()), (pts, dropped_to));
        }
    }
}

#[test]
fn a_question_is_planned_by_what_was_missed_and_what_is_kept() {
    let mut mailbox = Mailbox::restore(100, 0).unwrap();
    mailbox.drop_to(40);
    mailbox.drop_to(30);
    mailbox.drop_to(101);
    assert_eq!(mailbox.dropped_to(), 40);
    let too_long = Ok(Plan::TooLong { pts: 100 });
    let read = |lines_max| Ok(Plan::Read { lines_max });
    let unknown = |pts| Err(MailboxError::UnknownPosition { pts });
    for (from, lines_max, total_max, plan) in [
        (100, 10, None, Ok(Plan::Empty)),
        (99, 10, None, read(10)),
        (40, 10, None, read(10)),
        (39, 10, None, too_long),
        (90, 10, Some(10), read(10)),
        (89, 10, Some(10), too_long),
        (100, 10, Some(0), Ok(Plan::Empty)),
        (50, 0, None, read(1)),
        (101, 10, None, unknown(101)),
        (-1, 10, None, unknown(-1)),
        (i32::MIN, 10, None, unknown(i32::MIN)),
    ] {
        assert_eq!(mailbox.plan(from, lines_max, total_max), plan, "{from}");
    }
}

#[test]
fn lines_read_back_prove_that_none_is_missing() {
    let mailbox = Mailbox::restore(6, 0).unwrap();
    let line = |pts, pts_count| Position { pts, pts_count };
    let damaged = |after| Err(MailboxError::Damaged { after });
    for (from, lines, part) in [
        (0, vec![line(1, 1), line(4, 3), line(6, 2)], Ok(Part::Full)),
        (0, vec![line(1, 1), line(4, 3)], Ok(Part::Slice { pts: 4 })),
        (4, vec![line(6, 2)], Ok(Part::Full)),
        (0, vec![line(1, 1), line(5, 3)], damaged(1)),
        (0, vec![line(1, 1), line(4, 4)], damaged(1)),
        (0, vec![line(1, 1), line(1, 0)], damaged(1)),
        (0, vec![line(7, 7)], damaged(0)),
        (0, vec![line(i32::MIN, 1)], damaged(0)),
        (0, vec![], damaged(0)),
        (6, vec![], Ok(Part::Full)),
    ] {
        assert_eq!(mailbox.part(from, &lines), part, "{from} {lines:?}");
    }
}

// --- both ends ---

/// A server with some mailboxes whose logs are cut off at any time, and a client that hears of
/// pushes late, twice or never.
struct World {
    mailboxes: BTreeMap<u8, (Mailbox, Vec<Position>)>,
    slice: usize,
    client: Mailboxes<u8, i32>,
    questions: BTreeMap<u8, i32>,
    replica: BTreeMap<u8, (i32, Vec<i32>)>,
    millis: u64,
}

const MAILBOXES: u8 = 3;

#[derive(Clone, Debug)]
enum Step {
    Log(u8, i32),
    Push(u8, prop::sample::Index),
    Answer(u8),
    Fail(u8),
    Drop(u8, prop::sample::Index),
    Wait(u64),
    Poll,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let mailbox = 0..MAILBOXES;
    prop_oneof![
        8 => (mailbox.clone(), 1_i32..4).prop_map(|(mailbox, count)| Step::Log(mailbox, count)),
        8 => (mailbox.clone(), any::<prop::sample::Index>())
            .prop_map(|(mailbox, which)| Step::Push(mailbox, which)),
        6 => mailbox.clone().prop_map(Step::Answer),
        1 => mailbox.clone().prop_map(Step::Fail),
        1 => (mailbox, any::<prop::sample::Index>())
            .prop_map(|(mailbox, which)| Step::Drop(mailbox, which)),
        3 => (0_u64..900).prop_map(Step::Wait),
        6 => Just(Step::Poll),
        1 => Just(Step::Restart),
    ]
}

impl World {
    fn new(slice: usize) -> Self {
        let mut world = Self {
            mailboxes: (0..MAILBOXES).map(|it| (it, (Mailbox::new(), vec![]))).collect(),
            slice,
            client: Mailboxes::new(&Limits::default()),
            questions: BTreeMap::new(),
            replica: (0..MAILBOXES).map(|it| (it, (0, vec![]))).collect(),
            millis: 0,
        };
        world.restart();
        world
    }

    /// The client process ends and goes on from what it has stored.
    fn restart(&mut self) {
        self.questions.clear();
        let limits = Limits { differences_max: 2, updates_max: 4, ..Limits::default() };
        self.client = Mailboxes::new(&limits);
        for (mailbox, (pts, _)) in &self.replica {
            self.client.open(at(self.millis), *mailbox, Checkpoint::at(*pts)).unwrap();
        }
    }

    fn step(&mut self, step: &Step) {
        let now = at(self.millis);
        match step {
            Step::Log(mailbox, count) => {
                let (row, log) = self.mailboxes.get_mut(mailbox).unwrap();
                log.push(row.assign(*count).unwrap());
            }
            Step::Push(mailbox, which) => {
                let log = &self.mailboxes[mailbox].1;
                if !log.is_empty() {
                    let Position { pts, pts_count } = log[which.index(log.len())];
                    self.client.with(mailbox, |it| it.push(now, pts, pts_count, pts)).unwrap();
                }
            }
            Step::Answer(mailbox) => self.answer(*mailbox),
            Step::Fail(mailbox) => {
                if self.questions.remove(mailbox).is_some() {
                    self.client.with(mailbox, |it| it.question_failed(now).unwrap()).unwrap();
                }
            }
            Step::Drop(mailbox, which) => {
                let (row, log) = self.mailboxes.get_mut(mailbox).unwrap();
                if !log.is_empty() {
                    row.drop_to(log[which.index(log.len())].pts);
                }
            }
            Step::Wait(millis) => {
                self.millis += millis;
                self.client.handle_timeout(at(self.millis));
            }
            Step::Poll => self.poll(),
            Step::Restart => self.restart(),
        }
    }

    fn answer(&mut self, mailbox: u8) {
        let Some(from) = self.questions.remove(&mailbox) else { return };
        let (row, log) = &self.mailboxes[&mailbox];
        let answer = match row.plan(from, self.slice, None).unwrap() {
            Plan::Empty => empty(),
            Plan::TooLong { pts } => Difference::TooLong { pts },
            Plan::Read { lines_max } => {
                let kept = log.iter().filter(|line| line.pts > row.dropped_to());
                let missed = kept.filter(|line| line.pts > from).take(lines_max);
                let lines: Vec<Position> = missed.copied().collect();
                let updates = lines.iter().map(|line| line.pts).collect();
                match row.part(from, &lines).unwrap() {
                    Part::Full => Difference::Full { updates, state: Checkpoint::at(row.pts()) },
                    Part::Slice { pts } => {
                        Difference::Slice { updates, state: Checkpoint::at(pts) }
                    }
                    part => panic!("{part:?}"),
                }
            }
            plan => panic!("{plan:?}"),
        };
        let now = at(self.millis);
        self.client.with(&mailbox, |it| it.provide_difference(now, answer).unwrap()).unwrap();
    }

    /// The application: what is delivered is stored with its position.
    fn poll(&mut self) {
        while let Some((mailbox, event)) = self.client.poll_event() {
            let (pts, stored) = self.replica.get_mut(&mailbox).unwrap();
            let log = &self.mailboxes[&mailbox].1;
            match event {
                Event::Deliver { updates, checkpoint } => {
                    let missed = log.iter().map(|line| line.pts);
                    let expected: Vec<i32> =
                        missed.filter(|at| *at > *pts && *at <= checkpoint.pts).collect();
                    assert_eq!(updates, expected, "each update once, in order");
                    stored.extend(updates);
                    *pts = checkpoint.pts;
                }
                Event::GetDifference { from } => {
                    assert_eq!(from.pts, *pts);
                    assert_eq!(self.questions.insert(mailbox, from.pts), None);
                    assert!(self.questions.len() <= 2, "questions are bounded");
                }
                // Reloading fetches everything up to there.
                Event::Reset { to, .. } => {
                    *pts = to.pts;
                    let all = log.iter().map(|line| line.pts);
                    *stored = all.filter(|at| *at <= to.pts).collect();
                    self.client.with(&mailbox, |it| it.confirm_reset().unwrap()).unwrap();
                }
                Event::GetState => panic!("positions never change here"),
            }
        }
    }

    fn heal(&mut self) {
        for millis in std::iter::repeat_n(60_000, 200).chain([0; 200]) {
            self.step(&Step::Wait(millis));
            self.poll();
            (0..MAILBOXES).for_each(|mailbox| self.answer(mailbox));
        }
        self.poll();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn every_replica_becomes_its_log(
        steps in prop::collection::vec(step(), 1..150),
        slice in 1_usize..6,
    ) {
        let mut world = World::new(slice);
        for step in &steps {
            world.step(step);
        }
        // A last push was lost too: silence ends in a question.
        world.heal();
        for (mailbox, (row, log)) in &world.mailboxes {
            let (pts, stored) = &world.replica[mailbox];
            prop_assert_eq!(*pts, row.pts());
            let all: Vec<i32> = log.iter().map(|line| line.pts).collect();
            prop_assert_eq!(stored, &all);
        }
        prop_assert!(world.client.are_caught_up());
    }
}
