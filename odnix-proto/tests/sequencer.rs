//! The sequencer through its public API: a table of cases, then a model of a server's log behind
//! a link that loses, repeats and reorders pushes.

use odnix_proto::limits::Limits;
use odnix_proto::updates::{Checkpoint, Difference, Event, ResetReason, Sequencer};
use odnix_proto::{DropReason, Instant, Now, Received, UnixTime, UsageError};
use proptest::prelude::*;
use std::time::Duration;

const DUPLICATE: Received = Received::Dropped(DropReason::Duplicate);
const MALFORMED: Received = Received::Dropped(DropReason::Malformed);

fn at(millis: u64) -> Now {
    let start = Now::new(Instant::from_micros(5_000_000), UnixTime::from_secs(1_700_000_000));
    start.after(Duration::from_millis(millis))
}

fn delivered(names: &[&'static str], pts: i32) -> Event<&'static str> {
    Event::Deliver { updates: names.to_vec(), checkpoint: Checkpoint::at(pts) }
}

/// For a mailbox with a pts only.
fn asks<U>(from_pts: i32) -> Event<U> {
    Event::GetDifference { from: Checkpoint::at(from_pts) }
}

fn empty<U>() -> Difference<U> {
    Difference::Empty { date: 0, seq: 0 }
}

fn drain<U>(sequencer: &mut Sequencer<U>) -> Vec<Event<U>> {
    std::iter::from_fn(|| sequencer.poll_event()).collect()
}

/// A sequencer at `pts` that has already asked at start-up and missed nothing.
fn following(pts: i32) -> Sequencer<&'static str> {
    let mut sequencer = Sequencer::new(at(0), Checkpoint::at(pts), &Limits::default());
    assert_eq!(drain(&mut sequencer), [asks(pts.max(0))]);
    sequencer.provide_difference(at(0), empty()).unwrap();
    assert_eq!(sequencer.poll_event(), None);
    assert!(sequencer.is_caught_up());
    sequencer
}

/// A sequencer at 10 with the question out.
fn asked() -> Sequencer<&'static str> {
    let mut sequencer = following(10);
    sequencer.updates_lost();
    assert_eq!(drain(&mut sequencer), [asks(10)]);
    sequencer
}

// ---- pushes ---------------------------------------------------------------------------------

#[test]
fn one_push_at_10_is_applied_skipped_held_or_refused() {
    let cases: [(i32, i32, Received, bool); 14] = [
        (11, 1, Received::Accepted, true),
        (13, 3, Received::Accepted, true),
        (10, 0, Received::Accepted, true),
        (i32::MAX, i32::MAX - 10, Received::Accepted, true),
        (12, 1, Received::Accepted, false),
        (11, 0, Received::Accepted, false),
        (i32::MAX, 1, Received::Accepted, false),
        (10, 1, DUPLICATE, false),
        (9, 0, DUPLICATE, false),
        (0, 0, DUPLICATE, false),
        (11, 12, MALFORMED, false),
        (-1, 0, MALFORMED, false),
        (i32::MIN, i32::MAX, MALFORMED, false),
        (12, -1, MALFORMED, false),
    ];
    for (pts, pts_count, verdict, applied) in cases {
        let mut sequencer = following(10);
        assert_eq!(sequencer.push(at(0), pts, pts_count, "u"), verdict, "({pts}, {pts_count})");
        let expected = if applied { vec![delivered(&["u"], pts)] } else { vec![] };
        assert_eq!(drain(&mut sequencer), expected, "({pts}, {pts_count})");
        assert_eq!(sequencer.checkpoint().pts, if applied { pts } else { 10 });
    }
}

#[test]
fn extreme_numbers_never_panic() {
    let extremes = [i32::MIN, i32::MIN + 1, -1, 0, 1, 9, 10, 11, i32::MAX - 1, i32::MAX];
    for pts in extremes {
        for pts_count in extremes {
            let mut sequencer = following(10);
            sequencer.push(at(0), pts, pts_count, "u");
            sequencer.push_affected(at(0), pts, pts_count);
            sequencer.updates_lost();
            let answer = Difference::Full { updates: vec!["d"], state: Checkpoint::at(pts_count) };
            let _ = sequencer.provide_difference(at(1), answer);
            sequencer.handle_timeout(at(100_000));
            drain(&mut sequencer);
        }
    }
}

#[test]
fn an_update_that_overlaps_what_was_seen_asks_for_the_difference() {
    let mut sequencer = following(10);
    let verdict = sequencer.push(at(0), 12, 3, "overlapping");
    assert_eq!(verdict, Received::Dropped(DropReason::Unexpected));
    assert_eq!(drain(&mut sequencer), [asks(10)]);
}

#[test]
fn a_held_update_that_turns_out_to_overlap_asks_for_the_difference() {
    let mut sequencer = following(10);
    assert_eq!(sequencer.push(at(0), 14, 2, "from 12"), Received::Accepted);
    assert_eq!(sequencer.push(at(0), 13, 3, "to 13"), Received::Accepted);
    let expected = [delivered(&["to 13"], 13), asks(13)];
    assert_eq!(drain(&mut sequencer), expected);
}

#[test]
fn the_late_update_closes_the_gap_and_all_follow_in_order() {
    let mut sequencer = following(10);
    assert_eq!(sequencer.push(at(0), 13, 1, "c"), Received::Accepted);
    assert_eq!(sequencer.push(at(1), 12, 1, "b"), Received::Accepted);
    assert_eq!(sequencer.push(at(2), 12, 1, "b again"), DUPLICATE);
    for update in ["after b", "and this"] {
        assert_eq!(sequencer.push(at(2), 12, 0, update), Received::Accepted);
    }
    assert!(!sequencer.is_caught_up());
    assert_eq!(sequencer.poll_event(), None);
    assert_eq!(sequencer.push(at(499), 11, 1, "a"), Received::Accepted);
    let expected = [
        delivered(&["a"], 11),
        delivered(&["b"], 12),
        delivered(&["after b"], 12),
        delivered(&["and this"], 12),
        delivered(&["c"], 13),
    ];
    assert_eq!(drain(&mut sequencer), expected);
    assert!(sequencer.is_caught_up());
    sequencer.handle_timeout(at(500));
    assert_eq!(sequencer.poll_event(), None, "the gap is closed, so nothing is asked");
}

#[test]
fn a_gap_is_waited_for_half_a_second_then_asked_about_once() {
    let mut sequencer = following(10);
    sequencer.push(at(100), 12, 1, "b");
    sequencer.push(at(300), 13, 1, "c");
    assert_eq!(sequencer.poll_timeout(), Some(at(600).mono));
    sequencer.handle_timeout(at(599));
    assert_eq!(sequencer.poll_event(), None);
    sequencer.handle_timeout(at(600));
    sequencer.handle_timeout(at(601));
    assert_eq!(drain(&mut sequencer), [asks(10)]);
    assert_eq!(sequencer.poll_timeout(), None, "the answer is the RPC's to time");

    let answer = Difference::Full { updates: vec!["a", "b"], state: Checkpoint::at(12) };
    sequencer.provide_difference(at(700), answer).unwrap();
    assert_eq!(drain(&mut sequencer), [delivered(&["a", "b"], 12), delivered(&["c"], 13)]);
}

#[test]
fn each_new_gap_gets_its_own_half_second() {
    let mut sequencer = following(10);
    sequencer.push(at(0), 12, 1, "b");
    sequencer.push(at(0), 14, 1, "d");
    sequencer.push(at(400), 11, 1, "a");
    assert_eq!(drain(&mut sequencer), [delivered(&["a"], 11), delivered(&["b"], 12)]);
    assert_eq!(sequencer.poll_timeout(), Some(at(900).mono));
}

#[test]
fn the_result_of_an_rpc_moves_the_position_like_an_update() {
    let mut sequencer = following(10);
    assert_eq!(sequencer.push_affected(at(0), 12, 1), Received::Accepted);
    assert_eq!(sequencer.poll_event(), None, "a gap before it");
    sequencer.push(at(0), 11, 1, "a");
    assert_eq!(drain(&mut sequencer), [delivered(&["a"], 11), delivered(&[], 12)]);
    assert_eq!(sequencer.push_affected(at(0), 12, 1), DUPLICATE);
    assert_eq!(sequencer.push_affected(at(0), 12, 0), Received::Accepted);
    assert_eq!(sequencer.poll_event(), None, "nothing to apply and nothing to store");
}

#[test]
fn silence_for_15_minutes_asks_whether_something_was_missed() {
    let mut sequencer = following(10);
    sequencer.push(at(1000), 11, 1, "a");
    drain(&mut sequencer);
    assert_eq!(sequencer.poll_timeout(), Some(at(901_000).mono));
    sequencer.handle_timeout(at(900_999));
    assert_eq!(sequencer.poll_event(), None);
    sequencer.handle_timeout(at(901_000));
    assert_eq!(drain(&mut sequencer), [asks(11)]);
}

#[test]
fn what_does_not_fit_is_dropped_and_fetched() {
    let limits = Limits { updates_max: 4, ..Limits::default() };
    let mut sequencer = Sequencer::new(at(0), Checkpoint::at(10), &limits);
    drain(&mut sequencer);
    sequencer.provide_difference(at(0), empty()).unwrap();
    for pts in [21, 22, 23, 24] {
        assert_eq!(sequencer.push(at(0), pts, 1, "held"), Received::Accepted);
    }
    assert_eq!(sequencer.push(at(0), 25, 1, "e"), Received::Dropped(DropReason::Limit));
    assert_eq!(drain(&mut sequencer), [asks(10)]);

    // The same while nobody polls, and while the question is out.
    for pts in [11, 12, 13, 14, 15, 16] {
        sequencer.push(at(0), pts, 1, "held");
    }
    let answer = Difference::Full { updates: vec!["all"], state: Checkpoint::at(14) };
    sequencer.provide_difference(at(1), answer).unwrap();
    let expected = [delivered(&["all"], 14), asks(14)];
    assert_eq!(drain(&mut sequencer), expected, "something was dropped: ask once more");
}

#[test]
fn a_limit_of_zero_holds_nothing() {
    let limits = Limits { updates_max: 0, ..Limits::default() };
    let mut sequencer = Sequencer::new(at(0), Checkpoint::at(10), &limits);
    drain(&mut sequencer);
    sequencer.provide_difference(at(0), empty()).unwrap();
    assert_eq!(sequencer.push(at(0), 11, 1, "a"), Received::Dropped(DropReason::Limit));
    assert_eq!(drain(&mut sequencer), [asks(10)]);
}

// ---- the difference -------------------------------------------------------------------------

#[test]
fn a_stored_checkpoint_below_zero_counts_as_zero() {
    assert_eq!(following(-5).checkpoint(), Checkpoint::at(0));
}

#[test]
fn pushes_during_the_difference_wait_for_it() {
    let mut sequencer = asked();
    assert_eq!(sequencer.push(at(0), 13, 1, "c"), Received::Accepted);
    assert_eq!(sequencer.push(at(0), 11, 1, "a"), Received::Accepted);
    assert_eq!(sequencer.poll_event(), None);
    let answer = Difference::Full { updates: vec!["a", "b"], state: Checkpoint::at(12) };
    assert_eq!(sequencer.provide_difference(at(1), answer), Ok(Received::Accepted));
    assert_eq!(drain(&mut sequencer), [delivered(&["a", "b"], 12), delivered(&["c"], 13)]);
}

#[test]
fn slices_loop_at_once_and_each_has_its_checkpoint() {
    let mut sequencer = asked();
    let slice = Difference::Slice { updates: vec!["a", "b"], state: Checkpoint::at(12) };
    sequencer.provide_difference(at(1), slice).unwrap();
    let expected = [delivered(&["a", "b"], 12), asks(12)];
    assert_eq!(drain(&mut sequencer), expected);
    assert!(!sequencer.is_caught_up());
    let last = Difference::Full { updates: vec!["c"], state: Checkpoint::at(13) };
    sequencer.provide_difference(at(2), last).unwrap();
    assert_eq!(drain(&mut sequencer), [delivered(&["c"], 13)]);
    assert!(sequencer.is_caught_up());
}

#[test]
fn too_long_and_backwards_wait_until_the_application_confirms() {
    let cases = [
        (Difference::TooLong { pts: 500 }, 500, ResetReason::TooLong),
        (Difference::Full { updates: vec![], state: Checkpoint::at(3) }, 3, ResetReason::Backwards),
        (Difference::Full { updates: vec![], state: Checkpoint::at(0) }, 0, ResetReason::Backwards),
    ];
    for (answer, pts, reason) in cases {
        let mut sequencer = asked();
        assert_eq!(sequencer.confirm_reset(), Err(UsageError::NotAsked));
        sequencer.provide_difference(at(0), answer).unwrap();
        let to = Checkpoint::at(pts);
        assert_eq!(drain(&mut sequencer), [Event::Reset { to, reason }]);
        sequencer.push(at(0), pts + 1, 1, "held");
        sequencer.updates_lost();
        sequencer.handle_timeout(at(10_000_000));
        assert_eq!(sequencer.poll_event(), None, "nothing moves before the confirmation");
        assert_eq!(sequencer.checkpoint().pts, 10);
        sequencer.confirm_reset().unwrap();
        assert_eq!(sequencer.checkpoint(), to);
        assert_eq!(drain(&mut sequencer), [asks(pts)]);
        sequencer.provide_difference(at(0), empty()).unwrap();
        sequencer.push(at(0), pts + 1, 1, "next");
        assert_eq!(drain(&mut sequencer).len(), usize::from(pts < 10 || pts == 500));
    }
}

#[test]
fn what_waited_before_a_reset_is_not_delivered_after_it() {
    let mut sequencer = asked();
    assert_eq!(sequencer.push(at(0), 12, 1, "of the old log"), Received::Accepted);
    let shorter = Difference::Full { updates: vec![], state: Checkpoint::at(3) };
    sequencer.provide_difference(at(0), shorter).unwrap();
    drain(&mut sequencer);
    sequencer.confirm_reset().unwrap();
    assert_eq!(drain(&mut sequencer), [asks(3)]);
    // The new log reaches just to where it would follow.
    let answer = Difference::Full { updates: vec!["new"], state: Checkpoint::at(11) };
    sequencer.provide_difference(at(0), answer).unwrap();
    assert_eq!(drain(&mut sequencer), [delivered(&["new"], 11)]);
}

#[test]
fn an_answer_that_moves_the_date_alone_is_nothing_to_store() {
    let mut sequencer = asked();
    sequencer.provide_difference(at(0), Difference::Empty { date: 5, seq: 0 }).unwrap();
    assert_eq!(sequencer.poll_event(), None);
    sequencer.push(at(0), 11, 1, "next");
    let checkpoint = Checkpoint { date: 5, ..Checkpoint::at(11) };
    assert_eq!(drain(&mut sequencer), [Event::Deliver { updates: vec!["next"], checkpoint }]);
}

#[test]
fn nonsensical_answers_are_dropped_and_asked_again() {
    let cases = [
        Difference::Full { updates: vec!["x"], state: Checkpoint::at(-1) },
        Difference::Slice { updates: vec!["x"], state: Checkpoint::at(10) },
        Difference::Slice { updates: vec!["x"], state: Checkpoint::at(9) },
        Difference::Slice { updates: vec!["x"], state: Checkpoint::at(i32::MIN) },
        Difference::TooLong { pts: 10 },
        Difference::TooLong { pts: -1 },
    ];
    for answer in cases {
        let mut sequencer = asked();
        assert_eq!(sequencer.provide_difference(at(0), answer.clone()), Ok(MALFORMED));
        assert_eq!(sequencer.poll_event(), None, "{answer:?}");
        sequencer.handle_timeout(at(1000));
        assert_eq!(drain(&mut sequencer), [asks(10)]);
    }
}

#[test]
fn a_failed_difference_is_asked_again_after_growing_pauses() {
    let mut sequencer = asked();
    let mut millis = 0;
    for pause in [1, 2, 4, 8, 16, 32, 32] {
        sequencer.question_failed(at(millis)).unwrap();
        assert_eq!(sequencer.question_failed(at(millis)), Err(UsageError::NotAsked));
        sequencer.push(at(millis), 11, 1, "held");
        sequencer.updates_lost();
        assert_eq!(sequencer.poll_timeout(), Some(at(millis + pause * 1000).mono));
        sequencer.handle_timeout(at(millis + pause * 1000 - 1));
        assert_eq!(sequencer.poll_event(), None);
        millis += pause * 1000;
        sequencer.handle_timeout(at(millis));
        assert_eq!(drain(&mut sequencer), [asks(10)]);
    }
    sequencer.provide_difference(at(millis), empty()).unwrap();
    assert_eq!(drain(&mut sequencer), [delivered(&["held"], 11)]);
}

#[test]
fn losses_reported_while_the_question_is_out_are_asked_about_once_more() {
    let mut sequencer = asked();
    sequencer.updates_lost();
    sequencer.updates_lost();
    assert_eq!(sequencer.poll_event(), None);
    sequencer.provide_difference(at(0), empty()).unwrap();
    assert_eq!(drain(&mut sequencer), [asks(10)]);
    sequencer.provide_difference(at(0), empty()).unwrap();
    assert_eq!(sequencer.poll_event(), None);
}

#[test]
fn answers_that_nobody_asked_for_are_refused() {
    let mut sequencer = following(10);
    let answer = Difference::Full { updates: vec!["x"], state: Checkpoint::at(11) };
    assert_eq!(sequencer.provide_difference(at(0), answer), Err(UsageError::NotAsked));
    assert_eq!(sequencer.question_failed(at(0)), Err(UsageError::NotAsked));
    assert_eq!(sequencer.confirm_reset(), Err(UsageError::NotAsked));
    assert_eq!(sequencer.poll_event(), None);
}

#[test]
fn a_false_claim_about_the_future_is_asked_about_once() {
    let mut sequencer = following(10);
    sequencer.push(at(0), i32::MAX, 1, "false");
    sequencer.handle_timeout(at(500));
    assert_eq!(drain(&mut sequencer), [asks(10)]);
    sequencer.push(at(501), 12, 1, "after the question");
    sequencer.provide_difference(at(600), empty()).unwrap();
    sequencer.handle_timeout(at(1100));
    assert_eq!(drain(&mut sequencer), [asks(10)]);
    sequencer.provide_difference(at(1200), empty()).unwrap();
    assert!(sequencer.is_caught_up());
    sequencer.handle_timeout(at(100_000));
    assert_eq!(sequencer.poll_event(), None);
}

// ---- the model ------------------------------------------------------------------------------

/// A server's log: entry `i` ends at `log[i]`.
struct Server {
    log: Vec<i32>,
    slice: usize,
}

impl Server {
    fn difference(&self, from_pts: i32) -> Difference<i32> {
        let missed = self.log.iter().copied().filter(|pts| *pts > from_pts).collect::<Vec<_>>();
        match missed.get(self.slice - 1) {
            _ if missed.is_empty() => empty(),
            Some(pts) if missed.len() > self.slice => Difference::Slice {
                updates: missed[..self.slice].to_vec(),
                state: Checkpoint::at(*pts),
            },
            _ => {
                Difference::Full { state: Checkpoint::at(*missed.last().unwrap()), updates: missed }
            }
        }
    }
}

/// The application: updates and checkpoint are stored together.
#[derive(Default)]
struct Replica {
    updates: Vec<i32>,
    pts: i32,
}

#[derive(Clone, Debug)]
enum Step {
    Push(prop::sample::Index),
    Affected(prop::sample::Index),
    Answer,
    Fail,
    Wait(u64),
    Lost,
    Crash,
    Poll,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => any::<prop::sample::Index>().prop_map(Step::Push),
        1 => any::<prop::sample::Index>().prop_map(Step::Affected),
        4 => Just(Step::Answer),
        1 => Just(Step::Fail),
        3 => (0_u64..900).prop_map(Step::Wait),
        1 => Just(Step::Lost),
        1 => Just(Step::Crash),
        6 => Just(Step::Poll),
    ]
}

struct World {
    server: Server,
    sequencer: Sequencer<i32>,
    replica: Replica,
    limits: Limits,
    millis: u64,
    question: Option<i32>,
}

impl World {
    fn new(counts: &[i32], slice: usize, updates_max: usize) -> Self {
        let log = counts.iter().scan(0, |pts, count| {
            *pts += count;
            Some(*pts)
        });
        let limits = Limits { updates_max, ..Limits::default() };
        Self {
            server: Server { log: log.collect(), slice },
            sequencer: Sequencer::new(at(0), Checkpoint::default(), &limits),
            replica: Replica::default(),
            limits,
            millis: 0,
            question: None,
        }
    }

    fn push(&mut self, index: usize, affected: bool) {
        let pts = self.server.log[index];
        let count = if index == 0 { pts } else { pts - self.server.log[index - 1] };
        if affected {
            // What an RPC did elsewhere: the replica has it already, in this model by its pts.
            self.sequencer.push_affected(at(self.millis), pts, count);
        } else {
            self.sequencer.push(at(self.millis), pts, count, pts);
        }
    }

    fn poll(&mut self) {
        while let Some(event) = self.sequencer.poll_event() {
            match event {
                Event::Deliver { updates, checkpoint } => {
                    assert!(checkpoint.pts >= self.replica.pts);
                    self.replica.updates.extend(&updates);
                    if updates.is_empty() {
                        self.replica.updates.push(checkpoint.pts);
                    }
                    self.replica.pts = checkpoint.pts;
                    let len = self.replica.updates.len();
                    assert_eq!(self.replica.updates, self.server.log[..len], "a prefix, in order");
                    assert_eq!(self.replica.updates.last(), Some(&checkpoint.pts));
                    assert_eq!(self.sequencer.checkpoint(), checkpoint);
                }
                Event::GetDifference { from: Checkpoint { pts: from_pts, .. } } => {
                    assert_eq!(self.question, None, "one question at a time");
                    assert_eq!(from_pts, self.replica.pts);
                    self.question = Some(from_pts);
                }
                Event::GetState | Event::Reset { .. } => panic!("the server's log is whole"),
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let now = at(self.millis);
        match step {
            Step::Push(index) => self.push(index.index(self.server.log.len()), false),
            Step::Affected(index) => self.push(index.index(self.server.log.len()), true),
            Step::Answer => {
                if let Some(from_pts) = self.question.take() {
                    let answer = self.server.difference(from_pts);
                    self.sequencer.provide_difference(now, answer).unwrap();
                }
            }
            Step::Fail => {
                if self.question.take().is_some() {
                    self.sequencer.question_failed(now).unwrap();
                }
            }
            Step::Wait(millis) => {
                self.millis += millis;
                self.sequencer.handle_timeout(at(self.millis));
            }
            Step::Lost => self.sequencer.updates_lost(),
            Step::Crash => {
                self.question = None;
                let stored = Checkpoint::at(self.replica.pts);
                self.sequencer = Sequencer::new(now, stored, &self.limits);
            }
            Step::Poll => self.poll(),
        }
        assert!(self.sequencer.checkpoint().pts >= self.replica.pts);
    }

    /// No more loss: every timer runs and every question is answered.
    fn heal(&mut self) {
        let last = self.server.log.len() - 1;
        self.push(last, false);
        for _ in 0..self.server.log.len() * 2 + 20 {
            self.poll();
            self.step(&Step::Answer);
            self.poll();
            self.millis += 40_000;
            self.sequencer.handle_timeout(at(self.millis));
        }
        // The last timer may have been that of silence.
        self.poll();
        self.step(&Step::Answer);
        self.poll();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_permutation_loss_and_duplication_converges_on_the_servers_log(
        counts in prop::collection::vec(1_i32..4, 1..30),
        slice in prop::sample::select(vec![1_usize, 2, 5, 100]),
        updates_max in prop::sample::select(vec![0_usize, 1, 3, 1000]),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut world = World::new(&counts, slice, updates_max);
        for step in &steps {
            world.step(step);
        }
        world.heal();
        prop_assert_eq!(&world.replica.updates, &world.server.log);
        prop_assert!(world.sequencer.is_caught_up());
    }

    #[test]
    fn without_loss_a_permuted_stream_needs_no_difference(
        counts in prop::collection::vec(1_i32..4, 1..30),
        order in Just((0..30).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut world = World::new(&counts, 100, 1000);
        world.sequencer = Sequencer::new(at(0), Checkpoint::default(), &world.limits);
        prop_assert_eq!(world.sequencer.poll_event(), Some(asks(0)));
        world.sequencer.provide_difference(at(0), empty()).unwrap();
        for index in order.into_iter().filter(|index| *index < counts.len()) {
            world.push(index, false);
            world.push(index, false);
        }
        world.poll();
        prop_assert_eq!(world.question, None);
        prop_assert_eq!(&world.replica.updates, &world.server.log);
    }
}
