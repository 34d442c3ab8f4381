//! The table of a client connection's states says what the connection does, no more and no less:
//! each step of every scenario stands in it, and each of its rows is seen.

mod temporary;
#[path = "common/transitions.rs"]
mod transitions;

use core::time::Duration;
use odnix_proto::{
    client::{self, Pfs, State},
    transition::Transition,
};
use std::collections::BTreeSet;
use temporary::{Run, Whim, config};

const REFUSAL: Whim = Whim::Error(400, "TEMP_AUTH_KEY_EMPTY");

/// Keys of 40 s, the next one made 10 s before.
fn brief() -> Pfs {
    Pfs {
        expires_in_s: 40,
        renew_before: Duration::from_secs(10),
        hand_over_wait: Duration::from_secs(60),
        ..Pfs::default()
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn is_in(run: &Run, state: State) {
    assert_eq!(run.client.state(), state);
}

/// With calls that ran and are not answered.
fn with_calls_under_way(pfs: Pfs, calls: &[&[u8]]) -> Run {
    let mut run = Run::ready(pfs);
    run.server.holds_answers = true;
    calls.iter().for_each(|data| {
        run.call(data);
    });
    run.settle();
    run
}

fn forget_bindings(run: &mut Run) {
    run.server.keys.values_mut().for_each(|key| key.bound = false);
}

fn permanent_key_used_itself() -> Run {
    let mut run = Run::new(config(None, None));
    run.connect();
    run.cut(); // in the middle of the exchange
    run.connect();
    run.settle();
    run.connect();
    run.settle();
    is_in(&run, State::Ready);
    run
}

fn first_key_and_a_transport_lost_in_each_state() -> Run {
    let mut run = Run::resumed(Some(brief()));
    run.connect();
    is_in(&run, State::AwaitTemporaryKey);
    run.connect();
    run.server.whims.push_back(Whim::Silence);
    run.settle();
    is_in(&run, State::AwaitBinding);
    run.connect();
    run.settle();
    is_in(&run, State::Ready);
    run.connect();
    is_in(&run, State::Ready);
    run.server.ignores_exchanges = true;
    run.pass(secs(31));
    is_in(&run, State::AwaitSuccessor);
    run.cut();
    run
}

fn refused_binding_and_the_pause_after_it() -> Run {
    let mut run = Run::new(config(Some(brief()), None));
    run.server.whims.push_back(REFUSAL);
    run.connect();
    run.settle();
    is_in(&run, State::Pause);
    run.connect();
    is_in(&run, State::Pause);
    run.pass(secs(2));
    is_in(&run, State::Ready);
    run
}

fn key_that_expires_before_it_is_bound() -> Run {
    let mut run = Run::new(config(Some(brief()), None));
    run.server.whims.extend(vec![Whim::Silence; 3]);
    run.connect();
    run.settle();
    run.server.ignores_exchanges = true;
    run.pass(secs(41));
    is_in(&run, State::AwaitTemporaryKey);
    run
}

fn renewal_without_and_with_calls_under_way() -> Run {
    let mut run = Run::ready(brief());
    run.pass(secs(31));
    is_in(&run, State::Ready);
    run.server.holds_answers = true;
    run.call(b"under way");
    run.settle();
    run.pass(secs(31));
    is_in(&run, State::AwaitAnswers);
    run.server.answer_held(run.now);
    run.settle();
    is_in(&run, State::Ready);
    run
}

fn transport_lost_while_answers_are_awaited() -> Run {
    let mut run = with_calls_under_way(brief(), &[b"x"]);
    run.pass(secs(31));
    is_in(&run, State::AwaitAnswers);
    run.cut();
    run
}

fn key_that_expires_while_answers_are_awaited() -> Run {
    let mut run = with_calls_under_way(brief(), &[b"x"]);
    run.pass(secs(41));
    is_in(&run, State::Ready);
    run
}

fn renewal_put_off_until_it_works() -> Run {
    let pfs = Pfs { hand_over_wait: secs(1), ..brief() };
    let mut run = with_calls_under_way(pfs, &[b"x"]);
    run.pass(secs(32));
    is_in(&run, State::Ready);
    run.pass(secs(6));
    run.server.answer_held(run.now);
    run.settle();
    run
}

fn renewal_put_off_and_due_when_the_answer_is_there() -> Run {
    let pfs = Pfs { hand_over_wait: secs(1), ..brief() };
    let mut run = with_calls_under_way(pfs, &[b"x"]);
    run.pass(secs(32));
    run.server.answer_held(run.now);
    run.settle();
    run.pass(secs(6));
    run
}

fn key_that_expires_after_its_renewal_was_put_off() -> Run {
    let pfs = Pfs { hand_over_wait: secs(2), ..brief() };
    let mut run = with_calls_under_way(pfs, &[b"x"]);
    run.pass(secs(41));
    is_in(&run, State::Ready);
    run
}

/// The exchange beside the session takes the minute before the end, and fails.
fn key_that_expires_after_its_renewal_failed(retry_pause: Duration) -> Run {
    let pfs = Pfs { expires_in_s: 245, renew_before: secs(61), retry_pause, ..Pfs::default() };
    let mut run = Run::ready(pfs);
    run.server.ignores_exchanges = true;
    run.pass(secs(246));
    run
}

/// An embedder that slept.
fn key_whose_end_is_noticed_late() -> Run {
    let mut run = Run::ready(brief());
    run.pass(secs(20));
    run.now = run.now.after(secs(25));
    run.pass(secs(1));
    is_in(&run, State::Ready);
    run
}

fn binding_forgotten_and_refused() -> [Run; 3] {
    let mut ready = Run::ready(brief());
    forget_bindings(&mut ready);
    ready.server.whims.push_back(REFUSAL);
    ready.call(b"x");
    ready.settle();

    let mut beside = Run::ready(brief());
    beside.server.ignores_exchanges = true;
    beside.pass(secs(31));
    forget_bindings(&mut beside);
    beside.server.whims.push_back(REFUSAL);
    beside.call(b"x");
    beside.settle();

    let mut awaiting = with_calls_under_way(brief(), &[b"x", b"y"]);
    awaiting.pass(secs(31));
    is_in(&awaiting, State::AwaitAnswers);
    let first = awaiting.server.held.remove(0);
    awaiting.server.refuse(awaiting.now, &first, 401, "AUTH_KEY_PERM_EMPTY");
    awaiting.server.whims.push_back(REFUSAL);
    awaiting.settle();
    [ready, beside, awaiting].map(|run| {
        is_in(&run, State::Pause);
        run
    })
}

#[test]
fn every_transition_of_a_connection_stands_in_the_table_and_every_row_is_seen() {
    let mut runs = vec![
        permanent_key_used_itself(),
        first_key_and_a_transport_lost_in_each_state(),
        refused_binding_and_the_pause_after_it(),
        key_that_expires_before_it_is_bound(),
        renewal_without_and_with_calls_under_way(),
        transport_lost_while_answers_are_awaited(),
        key_that_expires_while_answers_are_awaited(),
        renewal_put_off_until_it_works(),
        renewal_put_off_and_due_when_the_answer_is_there(),
        key_that_expires_after_its_renewal_was_put_off(),
        key_that_expires_after_its_renewal_failed(Duration::from_millis(500)),
        key_that_expires_after_its_renewal_failed(secs(10)),
        key_whose_end_is_noticed_late(),
    ];
    runs.extend(binding_forgotten_and_refused());
    let seen: BTreeSet<Transition> = runs.iter().flat_map(|run| run.seen.clone()).collect();
    transitions::compare(&seen, client::TRANSITIONS);
}

#[test]
fn table_names_the_states_as_they_are_named() {
    let names: BTreeSet<&str> = State::ALL.iter().map(|state| state.name()).collect();
    let rows = client::TRANSITIONS.iter();
    let used: BTreeSet<&str> = rows.flat_map(|row| [row.from, row.to]).collect();
    assert_eq!(used, names);
}
