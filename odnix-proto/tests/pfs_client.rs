//! Temporary keys at the client: made, bound, kept, renewed, forgotten, refused.

mod temporary;

use bytes::Bytes;
use core::time::Duration;
use odnix_proto::{
    PeerError,
    client::{self, Pfs, State, TemporaryKeyEvent, TemporaryKeyLoss},
    limits::Limits,
    session::{
        CallError,
        binding::{Carrier, check_binding},
    },
};
use odnix_tl::{
    Constructor, Decode, Encode,
    mtproto::types::{MsgsAllInfo, NewSessionCreated},
    odnix::functions::{InitConnection, InvokeWithLayer, auth::BindTempAuthKey},
};
use temporary::{Run, Whim, config, echo, id_of};

const HOUR: Duration = Duration::from_secs(3600);

/// Keys that live for four minutes, renewed one minute before.
fn short() -> Pfs {
    Pfs { expires_in_s: 240, renew_before: Duration::from_secs(60), ..Pfs::default() }
}

fn losses(run: &Run) -> Vec<TemporaryKeyLoss> {
    let losses = run.temporary.iter().filter_map(|event| match event {
        TemporaryKeyEvent::Lost { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    losses.collect()
}

// --- binding -----------------------------------------------------------------------------

#[test]
fn permanent_key_id_never_crosses_the_wire() {
    let mut run = Run::ready(short());
    run.call(b"first");
    run.settle();
    run.connect();
    run.call(b"second");
    run.settle();
    run.pass(Duration::from_secs(400)); // at least one renewal
    run.call(b"third");
    run.settle();
    run.server.forget_temporary_keys();
    run.call(b"fourth");
    run.settle();
    run.connect();
    run.settle();
    for data in [&b"first"[..], b"second", b"third", b"fourth"] {
        assert_eq!(run.runs_of(data), 1);
    }
    let permanent = run.server.permanent_keys();
    assert_eq!(permanent.len(), 1);
    assert_eq!(run.client.permanent_key_id(), Some(permanent[0]));
    assert!(!run.is_on_the_wire(permanent[0]));
    let temporary = run.client.temporary_key_id().unwrap();
    assert!(run.is_on_the_wire(temporary), "the capture would show it");

    let mut without = Run::new(config(None, None));
    without.connect();
    without.call(b"first");
    without.settle();
    assert!(without.is_on_the_wire(without.server.permanent_keys()[0]), "and does");
}

#[test]
fn no_call_leaves_before_the_binding_is_answered() {
    let mut run = Run::new(config(Some(Pfs::default()), None));
    run.server.whims.push_back(Whim::Silence);
    let call = run.call(b"patient");
    run.connect();
    run.settle();
    assert_eq!((run.client.state(), run.ready), (State::AwaitBinding, 0));
    let later = run.call(b"made meanwhile");
    run.settle();
    let content = run.server.seen.iter().filter(|seen| seen.seq_no & 1 == 1).count();
    assert_eq!(content, 1, "the binding alone");
    let first = run.server.bindings[0].clone();
    assert_eq!(first.seq_no, 1, "it counts as content");
    let request = BindTempAuthKey::from_bytes(first.body.clone()).unwrap();
    let carrier = Carrier {
        msg_id: first.msg_id,
        temp_auth_key_id: first.key_id,
        temp_session_id: first.session_id,
    };
    let permanent = run.server.keys[&run.server.permanent_keys()[0]].clone();
    assert_eq!(check_binding(&permanent.key, &request, &carrier, run.now.wall), Ok(()));

    run.pass(Duration::from_secs(16));
    let second = run.server.bindings[1].clone();
    assert_ne!(second.msg_id, first.msg_id, "no answer: made anew, not repeated");
    assert_ne!(second.body, first.body);
    assert_eq!((run.client.state(), run.ready), (State::Ready, 1));
    assert_eq!(run.replies[&call], [Ok(echo(b"patient"))]);
    assert_eq!(run.replies[&later], [Ok(echo(b"made meanwhile"))]);
    assert_eq!((run.runs_of(b"patient"), run.server.unbound_calls), (1, 0));
}

#[test]
fn refused_binding_message_is_made_anew_under_a_new_id() {
    for whim in
        [Whim::BadSalt, Whim::BadMsg(16), Whim::BadMsg(17), Whim::BadMsg(20), Whim::BadMsg(33)]
    {
        let mut run = Run::new(config(Some(Pfs::default()), None));
        run.server.whims.push_back(whim.clone());
        run.call(b"x");
        run.connect();
        run.settle();
        let ids = run.server.bindings.iter().map(|seen| (seen.session_id, seen.msg_id));
        let ids: Vec<_> = ids.collect();
        assert!(ids.len() == 2 && ids[0] != ids[1], "{whim:?}: {ids:?}");
        assert_eq!(run.server.exchanges, 2, "{whim:?}: the same key");
        assert_eq!(run.runs_of(b"x"), 1, "{whim:?}");
    }
}

#[test]
fn endless_refusals_of_the_binding_message_end_with_another_key_after_a_pause() {
    let mut run = Run::new(config(Some(Pfs::default()), None));
    run.server.whims.extend(vec![Whim::BadMsg(20); 9]);
    run.call(b"x");
    run.connect();
    run.settle();
    assert_eq!((run.server.bindings.len(), run.client.state()), (9, State::Pause));
    run.pass(Duration::from_secs(2));
    assert_eq!((run.server.bindings.len(), run.client.state()), (10, State::Ready));
    assert_eq!((run.server.exchanges, run.runs_of(b"x")), (3, 1));
}

#[test]
fn binding_is_done_only_when_its_answer_is_true() {
    for result in [false.to_bytes().unwrap(), echo(b"x")] {
        let mut run = Run::new(config(Some(Pfs::default()), None));
        run.server.whims.push_back(Whim::Result(result));
        run.call(b"x");
        run.connect();
        run.settle();
        assert_eq!((run.client.state(), run.runs_of(b"x")), (State::Pause, 0));
        let refused = TemporaryKeyLoss::Refused(CallError::MalformedAnswer);
        assert_eq!(losses(&run), [refused]);
    }
}

#[test]
fn binding_that_a_new_session_has_not_received_is_made_anew_at_once() {
    let mut run = Run::new(config(Some(Pfs::default()), None));
    run.server.whims.push_back(Whim::Silence);
    run.connect();
    run.settle();
    let lost = run.server.bindings[0].clone();
    let first_msg_id = lost.msg_id.as_i64() + 4;
    let created = NewSessionCreated { first_msg_id, unique_id: 1, server_salt: 1 };
    run.server.say(run.now, &lost, 1, &created.to_bytes().unwrap());
    run.settle();
    assert_eq!((run.server.bindings.len(), run.client.state()), (2, State::Ready));
}

#[test]
fn call_is_refused_for_want_of_a_binding_by_one_error_alone() {
    for (code, text) in [(401, "AUTH_KEY_UNREGISTERED"), (400, "AUTH_KEY_PERM_EMPTY")] {
        let mut run = Run::ready(Pfs::default());
        run.server.holds_answers = true;
        let call = run.call(b"x");
        run.settle();
        let held = run.server.held.remove(0);
        run.server.refuse(run.now, &held, code, text);
        run.settle();
        assert!(
            matches!(&run.replies[&call][..], [Err(CallError::Rpc(error))] if error.code == code)
        );
        assert_eq!(run.server.bindings.len(), 1, "{text}");
    }
}

#[test]
fn call_that_is_refused_for_want_of_a_binding_without_end_ends_at_the_limit() {
    let mut run = Run::ready(Pfs::default());
    run.server.holds_answers = true;
    let call = run.call(b"x");
    run.settle();
    let mut refusals = 0;
    while !run.replies.contains_key(&call) {
        let held = run.server.held.remove(0);
        run.server.refuse(run.now, &held, 401, "AUTH_KEY_PERM_EMPTY");
        run.settle();
        refusals += 1;
    }
    assert_eq!(refusals, Limits::default().refusals_max + 1);
}

#[test]
fn init_connection_is_sent_again_after_each_binding() {
    let connection = InitConnection {
        api_id: 1,
        device_model: "test".into(),
        system_version: "1".into(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_pack: String::new(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: odnix_tl::Raw(bytes::Bytes::new()),
    };
    let init = client::Init { layer: 1, connection };
    let mut run = Run::new(config(Some(short()), Some(init)));
    run.connect();
    let mut wrapped = Vec::new();
    for round in 0..2 {
        for data in [b"a", b"b"] {
            run.call(data);
            run.settle();
            let last = run
                .server
                .seen
                .iter()
                .rfind(|seen| seen.seq_no & 1 == 1 && id_of(&seen.body) != BindTempAuthKey::ID);
            wrapped.push(id_of(&last.unwrap().body) == InvokeWithLayer::ID);
        }
        if round == 0 {
            run.pass(Duration::from_secs(200));
        }
    }
    assert_eq!(run.server.bindings.len(), 2);
    assert_eq!(wrapped, [true, false, true, false]);
}

#[test]
fn permanent_key_the_server_does_not_know_is_told_and_kept() {
    let mut run = Run::resumed(Some(Pfs::default()));
    let permanent = run.client.permanent_key_id().unwrap();
    run.server.keys.clear();
    let call = run.call(b"x");
    run.connect();
    run.settle();
    assert_eq!(run.ended, Some(PeerError::BindingRefused));
    assert_eq!(run.unknown, [permanent]);
    assert_eq!(run.client.permanent_key_id(), Some(permanent), "the embedder decides");
    run.discard_key();
    run.connect();
    run.settle();
    assert_eq!(run.replies[&call], [Ok(echo(b"x"))], "a new permanent key, a new temporary one");
    assert_ne!(run.client.permanent_key_id(), Some(permanent));
}

#[test]
fn young_permanent_key_is_not_doubted() {
    let refusal = Whim::Error(400, "ENCRYPTED_MESSAGE_INVALID");
    let mut run = Run::new(config(Some(Pfs::default()), None));
    run.server.whims.push_back(refusal.clone());
    run.call(b"x");
    run.connect();
    run.settle();
    assert_eq!((run.client.state(), run.ended), (State::Pause, None));
    run.pass(Duration::from_secs(2));
    assert_eq!((run.runs_of(b"x"), run.server.exchanges), (1, 3));
    assert!(run.unknown.is_empty());

    // A minute later the same refusal counts.
    let mut run = Run::new(config(Some(Pfs::default()), None));
    run.server.whims.extend(vec![refusal.clone(); 8]);
    run.connect();
    run.settle();
    run.pass(Duration::from_secs(59));
    assert_eq!((run.ended, run.unknown.len()), (None, 0));
    run.pass(Duration::from_secs(10));
    assert_eq!((run.ended, run.unknown.len()), (Some(PeerError::BindingRefused), 1));

    // And at once when a temporary key was bound to it before.
    let mut run = Run::ready(Pfs::default());
    run.server.forget_temporary_keys();
    run.call(b"x");
    run.settle();
    run.server.whims.push_back(refusal);
    run.connect();
    run.settle();
    assert_eq!(run.ended, Some(PeerError::BindingRefused));
    assert_eq!(run.unknown.len(), 1);
}

#[test]
fn server_that_forgot_only_the_binding_is_told_again() {
    let mut run = Run::ready(Pfs::default());
    for key in run.server.keys.values_mut() {
        key.bound = false;
    }
    let calls = [run.call(b"one"), run.call(b"two")];
    run.settle();
    for call in calls {
        assert!(matches!(run.replies[&call].as_slice(), [Ok(_)]), "{:?}", run.replies);
    }
    assert_eq!((run.server.bindings.len(), run.server.exchanges), (2, 2));
    assert_eq!((run.runs_of(b"one"), run.runs_of(b"two")), (1, 1));
}

#[test]
fn call_that_waits_to_leave_again_does_not_leave_before_a_binding_that_was_forgotten() {
    let mut run = Run::ready(Pfs::default());
    run.server.holds_answers = true;
    let first = run.call(b"first");
    run.settle();
    run.server.holds_answers = false;
    for key in run.server.keys.values_mut() {
        key.bound = false;
    }
    let held = run.server.held.remove(0);
    let told = MsgsAllInfo { msg_ids: vec![held.msg_id.as_i64()], info: Bytes::from_static(&[2]) };
    run.server.say(run.now, &held, 0, &told.to_bytes().unwrap());
    run.server.whims.push_back(Whim::Silence);
    let second = run.call(b"second");
    run.settle();
    assert_eq!(run.server.unbound_calls, 1, "the second, which found it out");
    run.pass(Duration::from_secs(16));
    assert!(matches!(run.replies[&first].as_slice(), [Ok(_)]));
    assert!(matches!(run.replies[&second].as_slice(), [Ok(_)]));
}

// --- life --------------------------------------------------------------------------------

#[test]
fn temporary_key_outlives_its_transport_until_it_expires() {
    let mut run = Run::ready(Pfs::default());
    let key = run.client.temporary_key_id();
    for _ in 0..3 {
        run.connect();
        run.call(b"x");
        run.settle();
    }
    assert_eq!((run.client.temporary_key_id(), run.server.exchanges), (key, 2));
    assert_eq!(run.server.bindings.len(), 1);

    run.cut();
    run.now = run.now.after(25 * HOUR);
    run.connect();
    run.settle();
    assert_ne!(run.client.temporary_key_id(), key);
    assert_eq!(losses(&run), [TemporaryKeyLoss::Expired]);
    assert_eq!(run.client.state(), State::Ready);
}

#[test]
fn saved_key_is_the_permanent_one() {
    let mut run = Run::ready(Pfs::default());
    let permanent = run.server.permanent_keys()[0];
    assert_eq!(run.saved.as_ref().unwrap().auth_key.id(), permanent);
    assert_eq!(run.client.saved_key(run.now).unwrap().auth_key.id(), permanent);
}

#[test]
fn renewal_waits_for_answers_and_holds_new_calls_back() {
    let mut run = Run::ready(short());
    let first = run.client.temporary_key_id().unwrap();
    run.server.holds_answers = true;
    run.pass(Duration::from_secs(178));
    let under_way = run.call(b"under way");
    run.settle();
    run.pass(Duration::from_secs(4));
    assert_eq!(run.client.state(), State::AwaitAnswers);
    assert_eq!(run.client.temporary_key_id(), Some(first), "until the answer is there");
    let new = run.call(b"new");
    run.settle();
    assert_eq!(run.runs_of(b"new"), 0, "held back");
    run.server.holds_answers = false;
    run.server.answer_held(run.now);
    run.settle();
    assert_ne!(run.client.temporary_key_id(), Some(first));
    assert_eq!(run.replies[&under_way], [Ok(echo(b"under way"))]);
    assert_eq!(run.replies[&new], [Ok(echo(b"new"))]);
    assert_eq!((run.runs_of(b"under way"), run.runs_of(b"new")), (1, 1));
    assert_eq!(losses(&run), [TemporaryKeyLoss::Renewed]);
    let last = run.server.seen.iter().rfind(|seen| seen.body == echo(b"new")).unwrap();
    assert_ne!(last.key_id, first);
}

#[test]
fn call_that_has_not_left_when_the_next_key_is_there_waits_for_it() {
    let mut run = Run::ready(short());
    let first = run.client.temporary_key_id().unwrap();
    run.server.holds_answers = true;
    run.call(b"under way");
    run.settle();
    run.pass(Duration::from_secs(179));
    run.now = run.now.after(Duration::from_secs(2));
    let now = run.now;
    run.client.handle_timeout(now).unwrap();
    // One call before each packet, so that the last of them waits when the exchange ends.
    let mut queued = 0_u8;
    run.settle_with(|client| {
        if client.state() == State::AwaitSuccessor {
            queued += 1;
            client.call(echo(&[queued; 8])).unwrap();
        }
    });
    assert_eq!(run.client.state(), State::AwaitAnswers);
    assert_eq!(run.client.temporary_key_id(), Some(first));
    assert_eq!(run.runs_of(&[queued; 8]), 0, "held back");
    assert_eq!(run.runs_of(&[queued - 1; 8]), 1, "the one before had left");
    run.server.holds_answers = false;
    run.server.answer_held(run.now);
    run.settle();
    assert_ne!(run.client.temporary_key_id(), Some(first));
    assert_eq!(run.runs_of(&[queued; 8]), 1);
}

#[test]
fn renewal_is_put_off_while_an_answer_does_not_come() {
    let mut run = Run::ready(Pfs { expires_in_s: 3600, ..Pfs::default() });
    let first = run.client.temporary_key_id();
    run.pass(Duration::from_secs(2690));
    run.server.holds_answers = true;
    run.call(b"slow");
    run.settle();
    run.server.holds_answers = false;
    run.pass(Duration::from_secs(25));
    assert_eq!(run.client.state(), State::Ready, "10 s were enough");
    let other = run.call(b"other");
    run.settle();
    assert_eq!(run.replies[&other], [Ok(echo(b"other"))]);
    assert_eq!((run.client.temporary_key_id(), run.server.exchanges), (first, 3));
    run.server.answer_held(run.now);
    run.settle();
    run.pass(Duration::from_secs(70));
    assert_ne!(run.client.temporary_key_id(), first);
    assert_eq!(run.server.exchanges, 3, "the key made before is used");
    assert_eq!((run.runs_of(b"slow"), run.runs_of(b"other")), (1, 1));
}

#[test]
fn steady_calls_over_many_renewals_run_once_each() {
    let mut run = Run::ready(short());
    let mut calls = Vec::new();
    for number in 0..60_u32 {
        run.server.holds_answers = number % 3 != 0;
        calls.push((number, run.call(&number.to_le_bytes())));
        run.settle();
        run.pass(Duration::from_secs(7));
        run.server.answer_held(run.now);
        run.settle();
    }
    for (number, call) in calls {
        assert_eq!(run.replies[&call].len(), 1, "{number}");
        assert_eq!(run.runs_of(&number.to_le_bytes()), 1, "{number}");
    }
    let renewed = losses(&run);
    assert!(renewed.len() >= 2, "{renewed:?}");
    assert!(renewed.iter().all(|loss| *loss == TemporaryKeyLoss::Renewed), "{renewed:?}");
    assert_eq!(run.server.unbound_calls, 0);
}

#[test]
fn exchange_that_fails_beside_the_session_does_it_no_harm() {
    let mut run = Run::ready(short());
    let first = run.client.temporary_key_id();
    run.server.refuses_exchanges = true;
    run.pass(Duration::from_secs(181));
    assert_eq!(run.ended, Some(PeerError::Transport(-404)));
    run.server.refuses_exchanges = false;
    run.connect();
    run.call(b"x");
    run.settle();
    assert_eq!(run.runs_of(b"x"), 1);
    run.pass(Duration::from_secs(10));
    assert_ne!(run.client.temporary_key_id(), first, "renewed after a pause");
    assert_eq!(losses(&run), [TemporaryKeyLoss::Renewed]);
}

#[test]
fn key_made_before_is_not_used_when_its_own_time_is_over() {
    let mut run = Run::ready(Pfs { expires_in_s: 3600, ..Pfs::default() });
    run.pass(Duration::from_secs(2690));
    run.server.holds_answers = true;
    run.call(b"slow");
    run.settle();
    run.pass(Duration::from_secs(25));
    assert_eq!((run.client.state(), run.server.exchanges), (State::Ready, 3), "put off");
    run.server.holds_answers = false;
    run.cut();
    run.now = run.now.after(2 * HOUR);
    run.connect();
    run.settle();
    assert_eq!((run.client.state(), run.server.exchanges), (State::Ready, 4));
    run.pass(Duration::from_secs(2750));
    assert_eq!((run.ended, run.unknown.len()), (None, 0));
    assert_eq!((run.client.state(), run.server.exchanges), (State::Ready, 5));
    assert_eq!(losses(&run), [TemporaryKeyLoss::Expired, TemporaryKeyLoss::Renewed]);
}

#[test]
fn key_made_before_takes_the_place_of_one_that_expired_meanwhile() {
    let mut run = Run::ready(Pfs { expires_in_s: 3600, ..Pfs::default() });
    run.pass(Duration::from_secs(2690));
    run.server.holds_answers = true;
    run.call(b"slow");
    run.settle();
    run.pass(Duration::from_secs(25));
    run.cut();
    run.now = run.now.after(Duration::from_secs(1000));
    run.connect();
    run.settle();
    assert_eq!((run.client.state(), run.server.exchanges), (State::Ready, 3));
}

#[test]
fn exchange_that_fails_beside_a_session_of_long_standing_is_tried_again_after_a_pause() {
    let renew_before = Duration::from_secs(100);
    let mut run = Run::ready(Pfs { expires_in_s: 400, renew_before, ..Pfs::default() });
    run.server.ignores_exchanges = true;
    run.pass(Duration::from_secs(360));
    assert_eq!(run.client.state(), State::Ready, "the exchange timed out");
    run.server.ignores_exchanges = false;
    run.pass(Duration::from_secs(2));
    assert_eq!(losses(&run), [TemporaryKeyLoss::Renewed]);
}

#[test]
fn refused_binding_is_followed_by_a_pause_however_long_the_key_had_worked() {
    let mut run = Run::ready(Pfs::default());
    run.pass(Duration::from_secs(100));
    for key in run.server.keys.values_mut() {
        key.bound = false;
    }
    run.server.whims.push_back(Whim::Error(400, "TEMP_AUTH_KEY_EMPTY"));
    run.call(b"x");
    run.settle();
    assert_eq!((run.client.state(), run.server.exchanges), (State::Pause, 2));
    run.pass(Duration::from_secs(2));
    assert_eq!((run.client.state(), run.runs_of(b"x")), (State::Ready, 1));
}

// --- a server that forgets ---------------------------------------------------------------

#[test]
fn forgotten_temporary_key_is_replaced_and_the_call_answered() {
    let mut run = Run::ready(Pfs::default());
    run.server.forget_temporary_keys();
    let call = run.call(b"x");
    run.settle();
    assert_eq!(run.ended, Some(PeerError::Transport(-404)));
    assert_eq!(losses(&run), [TemporaryKeyLoss::Unknown]);
    assert!(run.unknown.is_empty(), "the permanent key is not in doubt");
    run.connect();
    run.settle();
    assert_eq!(run.replies[&call], [Ok(echo(b"x"))]);
    assert_eq!(run.server.permanent_keys().len(), 1);
}

#[test]
fn exchanges_slow_down_when_keys_are_forgotten_again_and_again() {
    let mut run = Run::ready(Pfs::default());
    run.call(b"x");
    let started = run.now.mono;
    let mut made_at = Vec::new();
    for _ in 0..6 {
        run.server.forget_temporary_keys();
        let exchanges = run.server.exchanges;
        run.call(b"y");
        run.settle();
        run.connect();
        run.settle();
        while run.server.exchanges == exchanges {
            let due = run.client.poll_timeout().expect("poll_timeout tells when");
            run.pass(due.since(run.now.mono));
        }
        made_at.push(run.now.mono.since(started).as_secs());
    }
    assert_eq!(made_at, [0, 1, 3, 7, 15, 31], "pauses of 0, 1, 2, 4, 8 and 16 s");
    run.pass(Duration::from_secs(61));
    run.server.forget_temporary_keys();
    run.call(b"z");
    run.settle();
    run.connect();
    run.settle();
    assert_eq!(run.client.state(), State::Ready, "a key that worked for a minute ends the row");
}

#[test]
fn late_packets_under_a_key_that_was_replaced_are_dropped() {
    let mut run = Run::ready(short());
    run.call(b"x");
    run.settle();
    let before = run.server.seen.last().cloned().unwrap();
    run.pass(Duration::from_secs(200));
    assert_eq!(losses(&run), [TemporaryKeyLoss::Renewed]);
    run.server.say(run.now, &before, 3, &echo(b"a push that came too late"));
    run.call(b"y");
    run.settle();
    assert_eq!((run.ended, run.runs_of(b"y")), (None, 1));
}

#[test]
fn same_seed_gives_the_same_trace() {
    let trace = || {
        let mut run = Run::ready(short());
        run.call(b"x");
        run.pass(Duration::from_secs(300));
        run.wire
    };
    assert_eq!(trace(), trace());
}

#[test]
fn wall_clock_steps_do_not_change_a_keys_life() {
    for step_s in [-3600_i64, 3600] {
        let mut run = Run::ready(short());
        let first = run.client.temporary_key_id();
        run.now.wall = run.now.wall.shifted(step_s * 1_000_000);
        run.pass(Duration::from_secs(170));
        assert_eq!(run.client.temporary_key_id(), first);
    }
}

#[test]
fn each_state_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> =
        State::ALL.iter().map(|state| state.name()).collect();
    assert_eq!(names.len(), State::ALL.len());
    for state in State::ALL {
        assert_eq!(state.name(), format!("{state:?}"));
    }
}
