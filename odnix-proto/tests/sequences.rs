//! The counters of a mailbox beside `pts`: `qts`, `seq`, and positions that were given out anew.

use odnix_proto::limits::Limits;
use odnix_proto::updates::{Checkpoint, Difference, Event, ResetReason, Sequencer};
use odnix_proto::{DropReason, Instant, Now, Received, UnixTime, UsageError};
use std::time::Duration;

type Updates = Sequencer<&'static str>;

const START: Checkpoint = Checkpoint { pts: 10, qts: 20, date: 1000, seq: 30 };
const DUPLICATE: Received = Received::Dropped(DropReason::Duplicate);
const MALFORMED: Received = Received::Dropped(DropReason::Malformed);

fn at(millis: u64) -> Now {
    let start = Now::new(Instant::from_micros(5_000_000), UnixTime::from_secs(1_700_000_000));
    start.after(Duration::from_millis(millis))
}

fn with_limits(limits: &Limits) -> Updates {
    let mut updates = Sequencer::new(at(0), START, limits);
    assert_eq!(drain(&mut updates), [Event::GetDifference { from: START }]);
    let answer = Difference::Empty { date: START.date, seq: START.seq };
    updates.provide_difference(at(0), answer).unwrap();
    assert_eq!(drain(&mut updates), []);
    updates
}

fn following() -> Updates {
    with_limits(&Limits::default())
}

fn drain(updates: &mut Updates) -> Vec<Event<&'static str>> {
    std::iter::from_fn(|| updates.poll_event()).collect()
}

fn delivered(update: &'static str, checkpoint: Checkpoint) -> Event<&'static str> {
    Event::Deliver { updates: vec![update], checkpoint }
}

#[test]
fn each_counter_moves_alone_and_every_checkpoint_names_all() {
    let mut updates = following();
    updates.push_qts(at(0), 21, "secret");
    updates.push(at(0), 12, 2, "message");
    updates.push_seq(at(0), 31, 33, 1005, "status");
    let expected = [
        delivered("secret", Checkpoint { qts: 21, ..START }),
        delivered("message", Checkpoint { qts: 21, pts: 12, ..START }),
        delivered("status", Checkpoint { qts: 21, pts: 12, seq: 33, date: 1005 }),
    ];
    assert_eq!(drain(&mut updates), expected);
    assert!(updates.is_caught_up());
    assert_eq!(updates.checkpoint(), Checkpoint { qts: 21, pts: 12, seq: 33, date: 1005 });
}

#[test]
fn a_sequence_is_applied_skipped_held_or_refused() {
    for (seq_start, seq, received, applied) in [
        (31, 31, Received::Accepted, true),
        (31, 40, Received::Accepted, true),
        (32, 32, Received::Accepted, false),
        (30, 30, DUPLICATE, false),
        (1, 30, DUPLICATE, false),
        (30, 31, Received::Dropped(DropReason::Unexpected), false),
        (31, 30, MALFORMED, false),
        (-1, 5, MALFORMED, false),
        (i32::MIN, i32::MAX, MALFORMED, false),
        (1, 0, MALFORMED, false),
    ] {
        let mut updates = following();
        let what = updates.push_seq(at(0), seq_start, seq, 1001, "it");
        assert_eq!(what, received, "{seq_start}..={seq}");
        let events = drain(&mut updates);
        let to = Checkpoint { seq, date: 1001, ..START };
        assert_eq!(events.contains(&delivered("it", to)), applied, "{seq_start}..={seq}");
    }
}

#[test]
fn updates_in_no_sequence_are_delivered_as_they_come_and_move_nothing() {
    let mut updates = following();
    updates.push(at(0), 13, 1, "after a gap");
    assert_eq!(updates.push_seq(at(0), 0, 0, 5000, "typing"), Received::Accepted);
    assert_eq!(drain(&mut updates), [delivered("typing", START)]);
    let mut full = with_limits(&Limits { updates_max: 1, ..Limits::default() });
    assert_eq!(full.push_seq(at(0), 0, 0, 0, "one"), Received::Accepted);
    assert_eq!(full.push_seq(at(0), 0, 0, 0, "two"), Received::Dropped(DropReason::Limit));
    assert_eq!(drain(&mut full), [delivered("one", START)], "nothing to ask about");
}

#[test]
fn a_gap_in_any_counter_is_waited_for_and_asked_about_once() {
    let gaps: [fn(&mut Updates) -> Received; 3] = [
        |it| it.push(at(0), 12, 1, "late"),
        |it| it.push_qts(at(0), 22, "late"),
        |it| it.push_seq(at(0), 32, 32, 1001, "late"),
    ];
    for gap in gaps {
        let mut updates = following();
        assert_eq!(gap(&mut updates), Received::Accepted);
        assert!(!updates.is_caught_up());
        assert_eq!(updates.poll_timeout(), Some(at(500).mono));
        updates.handle_timeout(at(499));
        assert_eq!(drain(&mut updates), []);
        updates.handle_timeout(at(500));
        assert_eq!(drain(&mut updates), [Event::GetDifference { from: START }]);
        let state = Checkpoint { pts: 12, qts: 22, date: 1009, seq: 32 };
        let answer = Difference::Full { updates: vec!["all"], state };
        updates.provide_difference(at(600), answer).unwrap();
        assert_eq!(drain(&mut updates), [delivered("all", state)], "what was held was in it");
        assert!(updates.is_caught_up());
    }
}

#[test]
fn what_waits_in_all_counters_shares_one_limit() {
    let mut updates = with_limits(&Limits { updates_max: 3, ..Limits::default() });
    assert_eq!(updates.push(at(0), 12, 1, "one"), Received::Accepted);
    assert_eq!(updates.push_qts(at(0), 22, "two"), Received::Accepted);
    assert_eq!(updates.push_seq(at(0), 32, 32, 0, "three"), Received::Accepted);
    assert_eq!(updates.push_qts(at(0), 23, "four"), Received::Dropped(DropReason::Limit));
    assert_eq!(drain(&mut updates), [Event::GetDifference { from: START }]);
}

#[test]
fn a_difference_moves_all_counters_and_none_back_but_the_sequence() {
    let answer = |state| Difference::Full { updates: vec!["x"], state };
    for (state, reset) in [
        (Checkpoint { pts: 11, qts: 21, date: 1, seq: 31 }, false),
        (Checkpoint { pts: 11, qts: 20, date: 1, seq: 2 }, false),
        (Checkpoint { pts: 9, qts: 21, date: 1, seq: 31 }, true),
        (Checkpoint { pts: 11, qts: 19, date: 1, seq: 31 }, true),
    ] {
        let mut updates = following();
        updates.updates_lost();
        drain(&mut updates);
        updates.provide_difference(at(0), answer(state)).unwrap();
        let expected = if reset {
            Event::Reset { to: state, reason: ResetReason::Backwards }
        } else {
            delivered("x", state)
        };
        assert_eq!(drain(&mut updates), [expected]);
    }
    let mut updates = following();
    updates.updates_lost();
    drain(&mut updates);
    updates.provide_difference(at(0), Difference::Empty { date: 9, seq: 5 }).unwrap();
    let checkpoint = Checkpoint { date: 9, seq: 5, ..START };
    assert_eq!(drain(&mut updates), [Event::Deliver { updates: vec![], checkpoint }]);
}

#[test]
fn nonsense_in_any_counter_counts_as_a_failure() {
    let slice = |state| Difference::Slice { updates: vec!["x"], state };
    let full = |state| Difference::Full { updates: vec!["x"], state };
    for answer in [
        full(Checkpoint { qts: -1, ..START }),
        full(Checkpoint { seq: -1, ..START }),
        slice(START),
        slice(Checkpoint { pts: 11, qts: 19, ..START }),
        slice(Checkpoint { pts: 9, qts: 21, ..START }),
        slice(Checkpoint { pts: 11, seq: -1, ..START }),
        Difference::Empty { date: 0, seq: -1 },
    ] {
        let mut updates = following();
        updates.updates_lost();
        drain(&mut updates);
        assert_eq!(updates.provide_difference(at(0), answer.clone()), Ok(MALFORMED), "{answer:?}");
        assert_eq!(drain(&mut updates), []);
        updates.handle_timeout(at(1000));
        assert_eq!(drain(&mut updates), [Event::GetDifference { from: START }]);
    }
    let mut updates = following();
    updates.updates_lost();
    drain(&mut updates);
    let to = Checkpoint { qts: 21, ..START };
    assert_eq!(updates.provide_difference(at(0), slice(to)), Ok(Received::Accepted));
    let asked = Event::GetDifference { from: to };
    assert_eq!(drain(&mut updates), [delivered("x", to), asked], "a slice may move qts alone");
}

#[test]
fn positions_given_out_anew_are_asked_for_and_confirmed() {
    let mut updates = following();
    updates.push(at(0), 12, 1, "held");
    updates.pts_changed();
    assert_eq!(drain(&mut updates), [Event::GetState]);
    assert!(updates.is_asking());
    let answer = Difference::Empty { date: 0, seq: 0 };
    assert_eq!(updates.provide_difference(at(0), answer), Err(UsageError::NotAsked));
    let bad = Checkpoint { pts: -1, ..START };
    assert_eq!(updates.provide_state(at(0), bad), Ok(MALFORMED));
    updates.handle_timeout(at(1000));
    assert_eq!(drain(&mut updates), [Event::GetState], "the same question once more");
    let to = Checkpoint { pts: 3, qts: 1, date: 7, seq: 2 };
    updates.provide_state(at(1000), to).unwrap();
    assert_eq!(updates.provide_state(at(1000), to), Err(UsageError::NotAsked));
    assert_eq!(drain(&mut updates), [Event::Reset { to, reason: ResetReason::PtsChanged }]);
    let unordered = updates.push_seq(at(1000), 0, 0, 0, "of the old replica");
    assert_eq!(unordered, Received::Dropped(DropReason::Unexpected));
    updates.pts_changed();
    assert_eq!(drain(&mut updates), [], "a reset is pending already");
    updates.confirm_reset().unwrap();
    assert_eq!(drain(&mut updates), [Event::GetDifference { from: to }]);
    assert_eq!(updates.checkpoint(), to);
}

#[test]
fn a_change_of_positions_withdraws_the_question_before_it() {
    let mut updates = following();
    updates.updates_lost();
    updates.pts_changed();
    assert_eq!(drain(&mut updates), [Event::GetState], "that of the difference never left");
    let mut updates = following();
    updates.updates_lost();
    assert!(!updates.is_asking(), "it was not handed out");
    drain(&mut updates);
    updates.pts_changed();
    let late = Difference::Full { updates: vec!["late"], state: START };
    assert_eq!(updates.provide_difference(at(0), late), Err(UsageError::NotAsked));
    assert_eq!(drain(&mut updates), [Event::GetState]);
    updates.question_failed(at(0)).unwrap();
    assert!(!updates.is_asking());
}

#[test]
fn an_rpc_result_that_moved_nothing_says_nothing() {
    let mut updates = following();
    assert_eq!(updates.push_affected(at(0), 10, 0), Received::Accepted);
    assert_eq!(drain(&mut updates), []);
    assert_eq!(updates.push_affected(at(0), 11, 1), Received::Accepted);
    let checkpoint = Checkpoint { pts: 11, ..START };
    assert_eq!(drain(&mut updates), [Event::Deliver { updates: vec![], checkpoint }]);
}

#[test]
fn a_stored_checkpoint_below_zero_counts_as_zero() {
    let stored = Checkpoint { pts: -1, qts: -2, date: 5, seq: -3 };
    let mut updates: Updates = Sequencer::new(at(0), stored, &Limits::default());
    let from = Checkpoint { date: 5, ..Checkpoint::default() };
    assert_eq!(drain(&mut updates), [Event::GetDifference { from }]);
}
