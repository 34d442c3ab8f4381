//! The client's session against a server written by hand: the edges of its bounds, and rules that
//! show only in one message.

mod client_hand;
#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::{Bytes, BytesMut};
use client_hand::{CONTAINER, ECHO, Hand, Sent, id_of};
use common::{echo, key, look, server_id, start};
use core::time::Duration;
use odnix_proto::{
    MsgId, Seed,
    envelope::Side,
    error::{DropReason, Received, UsageError},
    limits::Limits,
    session::{ClientSession, ClientSessionEvent, Init, Timings},
};
use odnix_tl::{
    Constructor, Decode, Encode, Raw,
    mtproto::{functions, types},
    odnix::functions::{InitConnection, InvokeWithLayer},
};

/// A client that never asks for salts, so that it says nothing by itself.
fn quiet(limits: Limits) -> Hand {
    Hand::with(Limits { future_salts_min: 0, ..limits })
}

fn new_client(init: Option<Init>, limits: Limits) -> ClientSession {
    ClientSession::new(init, Seed::for_testing(1), limits, Timings::default())
}

fn init() -> Init {
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
        query: Raw(Bytes::new()),
    };
    Init { layer: 1, connection }
}

fn refusal(of: MsgId, error_code: i32) -> Bytes {
    let notice =
        types::BadMsgNotification { bad_msg_id: of.as_i64(), bad_msg_seqno: 0, error_code };
    notice.to_bytes().unwrap()
}

fn resend(msg_ids: &[MsgId]) -> Bytes {
    let msg_ids = msg_ids.iter().map(|id| id.as_i64()).collect();
    types::MsgResendReq { msg_ids }.to_bytes().unwrap()
}

fn ping(hand: &mut Hand, ping_id: i64) -> Sent {
    hand.pair.client.ping(ping_id);
    hand.only(functions::Ping::ID)
}

fn has(sent: &[Sent], id: u32) -> bool {
    sent.iter().any(|sent| id_of(&sent.body) == id)
}

/// An acknowledgement, which needs none itself.
fn service() -> Bytes {
    types::MsgsAck { msg_ids: vec![4] }.to_bytes().unwrap()
}

// --- requests ----------------------------------------------------------------------------

#[test]
fn body_of_a_call_is_whole_words_and_fits_into_a_packet_with_all_that_is_wrapped_around_it() {
    let limits = Limits::default();
    let wrapped = InitConnection { query: Raw(Bytes::new()), ..init().connection };
    let wrapped = InvokeWithLayer { layer: 1, query: Raw(wrapped.to_bytes().unwrap()) };
    let wrapper_len = wrapped.to_bytes().unwrap().len();
    for (init, max) in
        [(None, limits.body_bytes_max()), (Some(init()), limits.body_bytes_max() - wrapper_len)]
    {
        let mut client = new_client(init, limits.clone());
        for (len, good) in [
            (0, false),
            (3, false),
            (4, true),
            (5, false),
            (8, true),
            (max - 4, true),
            (max, true),
            (max + 4, false),
            (max + 1, false),
        ] {
            let outcome = client.call(vec![0; len].into());
            assert_eq!(outcome.is_ok(), good, "{len}");
            assert!(good || outcome == Err(UsageError::BodyLength { len, max }));
        }
    }
}

#[test]
fn requests_may_take_every_byte_of_their_limit() {
    let mut client = new_client(None, Limits { calls_bytes_max: 1024, ..Limits::default() });
    for _ in 0..4 {
        client.call(vec![0; 256].into()).unwrap();
    }
    let full = Err(UsageError::QueueFull { limit: 1024 });
    assert_eq!(client.call(vec![0; 4].into()), full);
}

#[test]
fn container_takes_every_byte_of_its_limit_and_no_more() {
    let len = (1024 - 8) / 2 - 16;
    for (more, packets) in [(0, 1), (4, 2)] {
        let mut hand = quiet(Limits { container_bytes_max: 1024, ..Limits::default() });
        hand.pair.client.call(vec![0; len].into()).unwrap();
        hand.pair.client.call(vec![0; len + more].into()).unwrap();
        let sent: Vec<_> = std::iter::from_fn(|| hand.pair.client_sends()).collect();
        assert_eq!(sent.len(), packets, "{more}");
    }
}

#[test]
fn packet_inflates_to_every_byte_of_the_limit_and_no_more() {
    for (more, packets) in [(0, 1), (4, 2)] {
        let mut hand = quiet(Limits { inflate_bytes_max: 2048, ..Limits::default() });
        hand.pair.client.call(vec![0; 1024].into()).unwrap();
        hand.pair.client.call(vec![0; 1024 + more].into()).unwrap();
        let sent: Vec<_> = std::iter::from_fn(|| hand.pair.client_sends()).collect();
        assert_eq!(sent.len(), packets, "{more}");
    }
    // So it is when they leave again.
    let mut hand = quiet(Limits { inflate_bytes_max: 2048, ..Limits::default() });
    for len in [1024, 1028] {
        hand.pair.client.call(vec![0; len].into()).unwrap();
    }
    hand.sent();
    hand.pair.client.transport_lost();
    hand.pair.client.transport_connected(hand.pair.now);
    assert_eq!(std::iter::from_fn(|| hand.pair.client_sends()).count(), 2);
    // A body that alone inflates to more leaves as it is.
    for (len, packed) in [(2048, true), (2052, false)] {
        let mut hand = quiet(Limits { inflate_bytes_max: 2048, ..Limits::default() });
        hand.pair.client.call(vec![0; len].into()).unwrap();
        assert_eq!(has(&hand.sent(), types::GzipPacked::ID), packed, "{len}");
    }
}

#[test]
fn body_is_packed_from_512_bytes_on_and_only_if_that_makes_it_smaller() {
    for (len, packed) in [(508, false), (512, true), (516, true)] {
        let mut hand = quiet(Limits::default());
        hand.pair.client.call(vec![0; len].into()).unwrap();
        assert_eq!(has(&hand.sent(), types::GzipPacked::ID), packed, "{len}");
    }
    let mut state = 1_u32;
    let mut noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    })
    .take(600)
    .collect();
    let mut sizes = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let deflated = miniz_oxide::deflate::compress_to_vec(&noise, 6).len();
        let object = types::GzipPacked { packed_data: vec![0; 10 + deflated + 8].into() };
        let smaller = object.to_bytes().unwrap().len().cmp(&noise.len());
        sizes.insert(smaller);
        let mut hand = quiet(Limits::default());
        hand.pair.client.call(noise.clone().into()).unwrap();
        assert_eq!(has(&hand.sent(), types::GzipPacked::ID), smaller.is_lt(), "{}", noise.len());
        noise.extend([0; 4]);
    }
    assert_eq!(sizes.len(), 3, "larger, equal and smaller");
}

#[test]
fn request_to_drop_an_answer_is_content_when_it_leaves_first_and_when_it_leaves_again() {
    let mut hand = Hand::new();
    let (call, _) = hand.call(b"x");
    hand.pair.client.abandon(call).unwrap();
    let first = hand.only(functions::RpcDropAnswer::ID);
    hand.says(0, &refusal(first.msg_id, 20));
    let again = hand.only(functions::RpcDropAnswer::ID);
    assert_ne!(again.msg_id, first.msg_id);
    assert_eq!((first.seq_no & 1, again.seq_no & 1), (1, 1));
}

#[test]
fn refused_call_that_has_not_left_again_is_abandoned_without_a_word() {
    let mut hand = Hand::new();
    let (call, sent) = hand.call(b"x");
    hand.says(0, &refusal(sent.msg_id, 20));
    hand.pair.client.abandon(call).unwrap();
    assert!(hand.sent().is_empty());
}

/// It left twice under one id, so the server may have it by the first packet.
#[test]
fn call_that_left_twice_keeps_its_id_when_only_its_last_packet_was_refused() {
    for (names_container, code, kept) in [
        (true, 64, true),
        (true, 18, true),
        (true, 16, true),
        (false, 16, true),
        (false, 20, false),
        (false, 64, false),
    ] {
        let mut hand = Hand::new();
        let (_, first) = hand.call(b"x");
        hand.pair.client.transport_lost();
        hand.pair.client.transport_connected(hand.pair.now);
        let again = hand.only(ECHO);
        assert_eq!(again.msg_id, first.msg_id);
        let named = if names_container { again.outer } else { again.msg_id };
        hand.says(0, &refusal(named, code));
        let then = hand.only(ECHO).msg_id;
        assert_eq!(then == first.msg_id, kept, "{code}, container {names_container}");
    }
}

// --- a new session of the server ---------------------------------------------------------

fn new_session(first_msg_id: i64) -> Bytes {
    types::NewSessionCreated { first_msg_id, unique_id: 77, server_salt: 5 }.to_bytes().unwrap()
}

#[test]
fn what_a_new_session_has_not_received_leaves_again_at_once_under_a_new_id() {
    let mut hand = Hand::new();
    let (_, lost) = hand.call(b"lost");
    let (_, kept) = hand.call(b"kept");
    hand.says(1, &new_session(kept.msg_id.as_i64()));
    let again = hand.only(ECHO);
    assert_eq!(again.body, lost.body);
    assert!(again.msg_id > kept.msg_id);
}

#[test]
fn call_that_waits_says_to_a_new_session_which_client_it_is_from() {
    let mut hand = Hand::new();
    hand.pair.client =
        new_client(Some(init()), Limits { future_salts_min: 0, ..Limits::default() });
    hand.pair.client.use_key(hand.pair.key.clone(), 1);
    hand.pair.client.transport_connected(hand.pair.now);
    hand.pair.client.call(echo(b"first")).unwrap();
    let first = hand.only(InvokeWithLayer::ID);
    hand.answers(first.msg_id, echo(b"first"));
    hand.pair.client.call(echo(b"bare")).unwrap();
    hand.only(ECHO);
    hand.pair.client.call(echo(b"waits")).unwrap();
    hand.says(1, &new_session(4));
    let wrapped = hand.only(InvokeWithLayer::ID);
    assert!(wrapped.body.ends_with(&echo(b"waits")));
}

// --- what is remembered ------------------------------------------------------------------

#[test]
fn as_many_messages_are_remembered_as_the_limit_says() {
    let mut hand = quiet(Limits { sent_max: 2, ..Limits::default() });
    let pings: Vec<MsgId> = (0..3).map(|ping_id| ping(&mut hand, ping_id).msg_id).collect();
    for (msg_id, known) in [(pings[1], true), (pings[0], false)] {
        hand.says(0, &resend(&[msg_id]));
        let sent = hand.sent();
        assert_eq!(has(&sent, functions::Ping::ID), known);
        assert_eq!(has(&sent, types::MsgsStateInfo::ID), !known);
    }
}

#[test]
fn bytes_of_calls_do_not_count_as_those_of_service_messages() {
    let mut hand = quiet(Limits { sent_bytes_max: 120, ..Limits::default() });
    hand.call(&[1; 200]);
    let kept = ping(&mut hand, 1);
    hand.says(0, &resend(&[kept.msg_id]));
    assert_eq!(hand.only(functions::Ping::ID).msg_id, kept.msg_id);
}

#[test]
fn quick_acknowledgements_are_awaited_for_as_many_packets_as_the_limit_says() {
    for (packets, known) in [(2, &[true, true][..]), (3, &[false, true, true])] {
        let mut client = new_client(None, Limits { quick_acks_max: 2, ..Limits::default() });
        client.ask_for_quick_acks();
        client.use_key(key(7), 1);
        client.transport_connected(start());
        let tokens: Vec<u32> = (0..packets)
            .map(|_| {
                client.call(echo(b"x")).unwrap();
                let mut packet = BytesMut::new();
                client.transmit(start(), &mut packet).unwrap();
                look(&key(7), Side::Client, &packet).quick_ack_token
            })
            .collect();
        let seen: Vec<bool> = tokens
            .into_iter()
            .map(|token| client.handle_quick_ack(token) == Received::Accepted)
            .collect();
        assert_eq!(seen, known);
    }
}

#[test]
fn quick_acknowledgement_is_known_with_and_without_its_highest_bit() {
    for bits in [u32::MAX, !(1 << 31)] {
        let mut client = new_client(None, Limits::default());
        client.ask_for_quick_acks();
        client.use_key(key(7), 1);
        client.call(echo(b"x")).unwrap();
        let mut packet = BytesMut::new();
        client.transmit(start(), &mut packet).unwrap();
        let token = look(&key(7), Side::Client, &packet).quick_ack_token;
        assert_eq!(token >> 31, 1);
        assert_eq!(client.handle_quick_ack(token & bits), Received::Accepted);
    }
}

#[test]
fn acknowledgements_nobody_fetches_end_at_their_limit_the_newest_are_kept() {
    for (updates, from) in [(4, 0), (5, 1)] {
        let limits = Limits { ids_max: 4, pending_acks_max: 4, ..Limits::default() };
        let mut hand = quiet(limits);
        let ids: Vec<i64> = (0..updates).map(|_| hand.says(1, &echo(b"u")).0.as_i64()).collect();
        let ack = types::MsgsAck::from_bytes(hand.only(types::MsgsAck::ID).body).unwrap();
        assert_eq!(ack.msg_ids, ids[from..]);
    }
}

#[test]
fn acknowledgements_that_leave_make_no_room_for_service_messages() {
    let limits = Limits { service_queue_max: 4, container_messages_max: 2, ..Limits::default() };
    let mut hand = quiet(limits);
    hand.says(1, &echo(b"update"));
    (0..4).for_each(|ping_id| hand.pair.client.ping(ping_id));
    assert!(hand.pair.client_sends().is_some(), "the acknowledgement and one ping");
    (4..8).for_each(|ping_id| hand.pair.client.ping(ping_id));
    let pings = hand.sent().iter().filter(|it| id_of(&it.body) == functions::Ping::ID).count();
    assert_eq!(pings, 4);
}

#[test]
fn flags_are_kept_of_as_many_messages_as_are_remembered() {
    let mut hand = quiet(Limits { received_ids_max: 16, ..Limits::default() });
    let (first, _) = hand.says(0, &service());
    for _ in 0..14 {
        hand.says(0, &service());
    }
    let request = types::MsgsStateReq { msg_ids: vec![first.as_i64()] };
    hand.says(0, &request.to_bytes().unwrap());
    let info = types::MsgsStateInfo::from_bytes(hand.only(types::MsgsStateInfo::ID).body).unwrap();
    assert_eq!(info.info.as_ref(), [4 | 16]);
}

// --- what a server says ------------------------------------------------------------------

#[test]
fn content_that_comes_again_is_acknowledged_again_and_nothing_else_is() {
    for (seq_no, acknowledged) in [(1, true), (0, false)] {
        let mut hand = quiet(Limits::default());
        let (msg_id, _) = hand.says(seq_no, &echo(b"update"));
        hand.pass(Duration::from_secs(2));
        hand.sent();
        let again = hand.says_under(msg_id, seq_no, &echo(b"update"));
        assert_eq!(again, Received::Dropped(DropReason::Duplicate));
        hand.pass(Duration::from_secs(2));
        assert_eq!(has(&hand.sent(), types::MsgsAck::ID), acknowledged);
    }
}

#[test]
fn message_from_below_all_that_is_remembered_is_dropped_as_too_old() {
    let mut hand = quiet(Limits { received_ids_max: 16, ..Limits::default() });
    for _ in 0..20 {
        hand.says(0, &service());
    }
    let below = server_id(hand.pair.now.wall, 9);
    let received = hand.says_under(below, 0, &service());
    assert_eq!(received, Received::Dropped(DropReason::TooOld));
}

#[test]
fn announced_answer_is_asked_for_or_acknowledged_and_is_no_update() {
    let mut hand = quiet(Limits::default());
    let (known, _) = hand.says(1, &echo(b"update"));
    hand.pass(Duration::from_secs(2));
    hand.sent();
    hand.pair.client_events();
    let unknown = server_id(hand.pair.now.wall, 9);
    let announce = |answer: MsgId, new: bool| {
        let answer_msg_id = answer.as_i64();
        if new {
            types::MsgNewDetailedInfo { answer_msg_id, bytes: 8, status: 0 }.to_bytes().unwrap()
        } else {
            types::MsgDetailedInfo { msg_id: 4, answer_msg_id, bytes: 8, status: 0 }
                .to_bytes()
                .unwrap()
        }
    };
    hand.says(0, &service());
    assert!(hand.sent().is_empty());
    for new in [false, true] {
        // What is not here is asked for …
        assert_eq!(hand.says(0, &announce(unknown, new)).1, Received::Accepted);
        let wanted = hand.sent();
        assert_eq!(wanted.len(), 1, "{wanted:?}");
        assert_eq!(wanted[0].body, resend(&[unknown]));
        // … and what is here acknowledged.
        assert_eq!(hand.says(0, &announce(known, new)).1, Received::Accepted);
        hand.pass(Duration::from_secs(2));
        let told = hand.sent();
        assert_eq!(told.len(), 1, "{told:?}");
        let ack = types::MsgsAck { msg_ids: vec![known.as_i64()] }.to_bytes().unwrap();
        assert_eq!(told[0].body, ack);
    }
    assert!(hand.pair.client_events().is_empty());
}

#[test]
fn notice_in_a_container_from_outside_the_window_counts_and_nothing_else_in_it() {
    let mut hand = Hand::new();
    let (_, call) = hand.call(b"x");
    let notice = types::BadServerSalt {
        bad_msg_id: call.msg_id.as_i64(),
        bad_msg_seqno: call.seq_no,
        error_code: 48,
        new_server_salt: 4711,
    };
    let then = hand.pair.now.wall.after(Duration::from_secs(4000));
    let mut body = CONTAINER.to_le_bytes().to_vec();
    body.extend(2_u32.to_le_bytes());
    for (fine, inner) in [(1, notice.to_bytes().unwrap()), (2, echo(b"update"))] {
        body.extend(server_id(then, fine).as_i64().to_le_bytes());
        body.extend(0_u32.to_le_bytes());
        body.extend((inner.len() as u32).to_le_bytes());
        body.extend(inner);
    }
    let received = hand.says_under(server_id(then, 3), 0, &body);
    assert_eq!(received, Received::Dropped(DropReason::OutsideWindow));
    assert!(matches!(hand.pair.client_events()[..], [ClientSessionEvent::SaltChanged(4711)]));
    assert_ne!(hand.only(ECHO).msg_id, call.msg_id);
}

// --- time --------------------------------------------------------------------------------

#[test]
fn slow_clock_is_mended_by_an_answer_to_something_of_ours_alone() {
    let answer =
        |id: i64| types::RpcResult { req_msg_id: id, result: Raw(echo(b"x")) }.to_bytes().unwrap();
    let pong = |ping_id| types::Pong { msg_id: 4, ping_id }.to_bytes().unwrap();
    for (which, mends) in [(0, true), (1, false), (2, true), (3, false), (4, false)] {
        let mut hand = Hand::new();
        let (_, call) = hand.call(b"x");
        ping(&mut hand, 5);
        let body = match which {
            0 => pong(5),
            1 => pong(6),
            2 => answer(call.msg_id.as_i64()),
            3 => answer(4),
            _ => echo(b"update"),
        };
        let ahead = server_id(hand.pair.now.wall.after(Duration::from_secs(4000)), 0);
        let received = hand.says_under(ahead, 1, &body);
        assert_eq!(received == Received::Accepted, mends, "{which}");
        let offset_s = hand.pair.client.time_offset_us(hand.pair.now) / 1_000_000;
        assert_eq!(offset_s, if mends { 4000 } else { 0 }, "{which}");
    }
}

#[test]
fn first_packet_is_dated_by_the_servers_clock_as_far_as_it_is_known() {
    let first_id = |set: fn(&mut ClientSession)| {
        let mut client = new_client(None, Limits::default());
        client.resume_key(key(7), 1, 600_000_000);
        set(&mut client);
        client.transport_connected(start());
        client.call(echo(b"x")).unwrap();
        let mut packet = BytesMut::new();
        assert!(client.poll_transmit(start(), &mut packet));
        look(&key(7), Side::Client, &packet).header.msg_id.time().as_secs()
    };
    assert_eq!(first_id(|_| {}), common::START_S + 600, "as an earlier run knew it");
    let told = |client: &mut ClientSession| {
        client.set_server_time(start(), start().wall.after(Duration::from_secs(1000)));
    };
    assert_eq!(first_id(told), common::START_S + 1000);
}

#[test]
fn acknowledgement_is_due_a_second_after_the_first_message_that_waits_for_it() {
    let mut hand = quiet(Limits::default());
    hand.says(1, &echo(b"one"));
    let due = hand.pair.client.poll_timeout().unwrap();
    assert_eq!(due.since(hand.pair.now.mono), Duration::from_secs(1));
    hand.pass(Duration::from_millis(500));
    hand.says(1, &echo(b"two"));
    assert_eq!(hand.pair.client.poll_timeout(), Some(due));
    hand.pass(Duration::from_millis(499));
    assert!(hand.sent().is_empty());
    hand.pass(Duration::from_millis(1));
    hand.only(types::MsgsAck::ID);
}

// --- salts -------------------------------------------------------------------------------

/// The client has asked for salts and is answered with those.
fn salts(hand: &mut Hand, salts: Vec<types::FutureSalt>) {
    hand.pair.client.get_future_salts(2);
    let request = hand.only(functions::GetFutureSalts::ID);
    let now = hand.pair.now.wall.as_secs() as i32;
    let answer = types::FutureSalts { req_msg_id: request.msg_id.as_i64(), now, salts };
    hand.says(0, &answer.to_bytes().unwrap());
}

fn salt(hand: &Hand, since: i32, until: i32) -> types::FutureSalt {
    let now = hand.pair.now.wall.as_secs() as i32;
    types::FutureSalt { valid_since: now + since, valid_until: now + until, salt: 99 }
}

#[test]
fn promised_salt_is_used_from_its_minute_on_until_it_ends() {
    for (after_s, used) in [(159, false), (160, true), (199, true), (200, false)] {
        let mut hand = Hand::new();
        let promised = salt(&hand, 100, 200);
        salts(&mut hand, vec![promised]);
        let then = hand.pair.now.after(Duration::from_secs(after_s));
        assert_eq!(hand.pair.client.server_salt(then) == 99, used, "{after_s}");
    }
}

#[test]
fn salt_that_is_never_valid_is_not_stored() {
    let mut hand = Hand::new();
    hand.pair.client_events();
    let promised = [salt(&hand, 100, 101), salt(&hand, 100, 100), salt(&hand, 101, 100)];
    salts(&mut hand, promised.to_vec());
    let events = hand.pair.client_events();
    assert!(matches!(events[..], [ClientSessionEvent::FutureSalts { count: 1 }]), "{events:?}");
}

#[test]
fn salts_are_asked_for_when_fewer_than_the_limit_are_left_and_once_a_minute_at_most() {
    let minute = Duration::from_secs(60);
    let almost = minute - Duration::from_micros(1);
    for (left, pause, asked) in [(1, minute, true), (1, almost, false), (2, minute, false)] {
        let mut hand = Hand::with(Limits { future_salts_min: 2, ..Limits::default() });
        hand.says(1, &echo(b"update"));
        hand.sent();
        let promised = vec![salt(&hand, 5000, 6000); left];
        salts(&mut hand, promised);
        hand.pass(pause);
        hand.sent();
        hand.says(1, &echo(b"update"));
        let sent = hand.sent();
        assert_eq!(has(&sent, functions::GetFutureSalts::ID), asked, "{left}, {pause:?}");
    }
}
