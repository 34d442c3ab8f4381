//! The client's connection beside its temporary keys: quick acknowledgements, transport errors.

mod temporary;

use odnix_proto::{
    PeerError, Seed,
    client::{self, Pfs, Refusal},
    transport::{ClientOptions, Framing},
};
use std::sync::Arc;
use temporary::{Run, config, echo};

#[test]
fn quick_acknowledgement_tells_which_calls_arrived_before_they_are_answered() {
    for framing in [Framing::Abridged, Framing::Intermediate, Framing::Padded] {
        for pfs in [None, Some(Pfs::default())] {
            let mut config = client::Config::clone(&config(pfs, None));
            config.quick_acks = true;
            config.transport = ClientOptions::new(framing);
            let client = client::Connection::new(Arc::new(config), Seed::for_testing(1));
            let mut run = Run::with(client);
            run.connect();
            run.settle();
            assert!(run.acknowledged.is_empty(), "{framing:?}: nothing was called");
            run.server.holds_answers = true;
            let calls = [run.call(b"a"), run.call(b"b")];
            run.settle();
            assert_eq!(run.acknowledged, calls, "{framing:?}");
            assert!(run.replies.is_empty());
            run.server.answer_held(run.now);
            run.settle();
            assert_eq!(run.replies[&calls[0]], [Ok(echo(b"a"))], "{framing:?}");
        }
    }
}

#[test]
fn nothing_is_acknowledged_that_was_not_asked_for() {
    let mut run = Run::ready(Pfs::default());
    run.call(b"a");
    run.settle();
    assert!(run.acknowledged.is_empty());
}

#[test]
fn transport_errors_say_what_to_do() {
    for (code, refusal) in
        [(-429, Some(Refusal::TooMany)), (-444, Some(Refusal::WrongDc)), (-1000, None)]
    {
        let mut run = Run::ready(Pfs::default());
        let key = run.client.temporary_key_id();
        let call = run.call(b"a");
        run.server.say_error(code);
        run.settle();
        assert_eq!(run.ended, Some(PeerError::Transport(code)));
        assert_eq!(run.refused, Vec::from_iter(refusal));
        run.connect();
        run.settle();
        assert_eq!(run.client.temporary_key_id(), key, "{code}: the key is not in doubt");
        assert_eq!(run.replies[&call], [Ok(echo(b"a"))]);
    }
}

#[test]
fn permanent_key_that_makes_packets_is_doubted_at_404() {
    let mut run = Run::resumed(None);
    let key = run.client.permanent_key_id().unwrap();
    run.server.keys.clear();
    run.call(b"a");
    run.connect();
    run.settle();
    assert_eq!(run.ended, Some(PeerError::Transport(-404)));
    assert_eq!(run.unknown, [key]);
}
