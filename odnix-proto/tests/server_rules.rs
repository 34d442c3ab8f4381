//! The server's half of a session, against a client written by hand: the edges of its bounds, and
//! rules that show only in one message.

mod hand;

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use hand::{Hand, SESSION_ID, Sent, bad_msg, container, echo, noise};
use odnix_proto::{
    MsgId, Secret, Seed,
    envelope::{self, Side},
    error::{DropReason, Received, UsageError},
    limits::Limits,
    session::{CallId, ServerKey, ServerSession, ServerSessionEvent, Timings},
};
use odnix_tl::{
    Constructor, Encode, Raw,
    mtproto::{functions, types},
    odnix::functions::{InvokeAfterMsg, InvokeAfterMsgs},
};

fn ping() -> Bytes {
    functions::Ping { ping_id: 1 }.to_bytes().unwrap()
}

fn invalid() -> Result<Bytes, (i32, String)> {
    Err((400, "INPUT_REQUEST_INVALID".into()))
}

fn lost() -> Result<Bytes, (i32, String)> {
    Err((500, "ANSWER_LOST".into()))
}

/// Sends a request that was sent before, in a container.
fn repeat(hand: &mut Hand, request: MsgId, seq_no: i32, body: &[u8]) {
    let outer = hand.next_id();
    let even = hand.content_sent * 2;
    hand.at(outer, even, &container(&[(request, seq_no, body)]));
    assert!(hand.events().is_empty(), "it does not run again");
}

/// A call that was answered; the answer waits to leave.
fn answer(hand: &mut Hand) -> MsgId {
    let request = hand.content(&echo(1));
    let [call] = hand.calls()[..] else { panic!() };
    hand.server.reply(call, echo(1)).unwrap();
    request
}

fn answers_of(sent: &[Sent]) -> Vec<&Sent> {
    sent.iter().filter(|sent| sent.is::<types::RpcResult>()).collect()
}

// --- what is read ------------------------------------------------------------------------

#[test]
fn lengths_in_a_container_are_whole_words_of_a_constructor_at_least() {
    let cases: [(&[usize], bool); 6] = [
        (&[0], false),
        (&[3, 5], false),
        (&[4], true),
        (&[6, 6], false),
        (&[5, 7], false),
        (&[8], true),
    ];
    for (lens, good) in cases {
        let mut hand = Hand::new();
        let seq_no = hand.content_sent * 2;
        let messages: Vec<(MsgId, i32, &[u8])> = lens
            .iter()
            .zip(1..)
            .map(|(len, nth)| (hand.next_id(), seq_no + 2 * nth - 1, &[0; 8][..*len]))
            .collect();
        let outer = hand.next_id();
        let expected = if good { Received::Accepted } else { bad_msg(outer, 64) };
        assert_eq!(hand.at(outer, seq_no + 8, &container(&messages)), expected, "{lens:?}");
    }
}

#[test]
fn gzip_streams_are_read_with_any_of_the_optional_fields_of_their_header() {
    let plain = echo(900);
    let deflated = miniz_oxide::deflate::compress_to_vec(&plain, 6);
    for flags in (0..32).step_by(2) {
        let mut packed = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 0xff];
        let fields: [(u8, &[u8]); 4] =
            [(4, &[3, 0, 7, 0, 7]), (8, b"name\0"), (16, b"comment\0"), (2, &[0, 1])];
        for (flag, field) in fields {
            packed.extend(if flags & flag != 0 { field } else { &[] });
        }
        packed.extend(&deflated);
        packed.extend(crc32fast::hash(&plain).to_le_bytes());
        packed.extend((plain.len() as u32).to_le_bytes());
        let body = types::GzipPacked { packed_data: packed.into() }.to_bytes().unwrap();
        let mut hand = Hand::new();
        hand.content(&body);
        let [ServerSessionEvent::Call { body, .. }] = &hand.events()[..] else { panic!("{flags}") };
        assert_eq!(*body, plain, "{flags}");
    }
}

#[test]
fn requests_to_wait_for_are_told_and_bounded_over_all_wrappers() {
    let after = |msg_ids: &[i64], query: Bytes| {
        InvokeAfterMsgs { msg_ids: msg_ids.to_vec(), query: Raw(query) }.to_bytes().unwrap()
    };
    let after_one =
        |msg_id, query: Bytes| InvokeAfterMsg { msg_id, query: Raw(query) }.to_bytes().unwrap();
    let query = || echo(1);
    let cases: [(Bytes, Option<&[i64]>); 5] = [
        (after(&[4, 8], query()), Some(&[4, 8])),
        (after(&[4, 8, 12], query()), Some(&[4, 8, 12])),
        (after(&[4, 8, 12, 16], query()), None),
        (after_one(4, after(&[8, 12], query())), Some(&[4, 8, 12])),
        (after_one(4, after(&[8, 12, 16], query())), None),
    ];
    for (body, expected) in cases {
        let limits = Limits { ids_max: 3, pending_acks_max: 3, ..Limits::default() };
        let mut hand = Hand::with(limits, None);
        let request = hand.content(&body);
        match (hand.events().as_slice(), expected) {
            ([ServerSessionEvent::Call { context, body, .. }], Some(ids)) => {
                let told: Vec<i64> = context.after.iter().map(|id| id.as_i64()).collect();
                assert_eq!((told.as_slice(), body), (ids, &query()));
            }
            ([], None) => assert_eq!(hand.answers(), [(request, invalid())]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn content_that_comes_again_is_acknowledged_again_and_nothing_else_is() {
    for odd in [true, false] {
        let mut hand = Hand::new();
        let msg_id = if odd { hand.content(&ping()) } else { hand.service(&ping()) };
        let seq_no = if odd { hand.content_sent * 2 - 1 } else { hand.content_sent * 2 };
        hand.pass(Duration::from_secs(2));
        hand.sent();
        let again = hand.at(msg_id, seq_no, &ping());
        assert_eq!(again, Received::Dropped(DropReason::Duplicate));
        hand.pass(Duration::from_secs(2));
        let acks: Vec<Vec<i64>> =
            hand.sent_of::<types::MsgsAck>().into_iter().map(|ack| ack.msg_ids).collect();
        assert_eq!(acks, if odd { vec![vec![msg_id.as_i64()]] } else { vec![] });
    }
}

/// What is outside of the window is remembered as long as the session is busy, and no longer once
/// the client has nothing else to do than to ping.
#[test]
fn an_idle_session_forgets_what_the_window_refuses_anyway() {
    for pings in [false, true] {
        let mut hand = Hand::new();
        let msg_id = hand.content(&ping());
        let seq_no = hand.content_sent * 2 - 1;
        hand.pass(Duration::from_secs(2));
        hand.acknowledge_all();
        hand.pass(Duration::from_secs(301));
        if pings {
            hand.service(&ping());
            hand.sent();
            hand.acknowledge_all();
        }
        let again = hand.at(msg_id, seq_no, &ping());
        let expected =
            if pings { bad_msg(msg_id, 16) } else { Received::Dropped(DropReason::Duplicate) };
        assert_eq!(again, expected, "pings: {pings}");
    }
}

#[test]
fn containers_are_known_again_as_long_as_their_ids_are() {
    let mut hand = Hand::with(Limits { received_ids_max: 16, ..Limits::default() }, None);
    let empty = container(&[]);
    let seq_no = hand.content_sent * 2;
    let ids: Vec<MsgId> = (0..16).map(|_| hand.next_id()).collect();
    for id in ids.iter().chain(&ids) {
        assert_eq!(hand.at(*id, seq_no, &empty), Received::Accepted);
    }
}

#[test]
fn sessions_have_names_of_their_own_that_are_never_zero() {
    let key = hand::key(7);
    let server_key = ServerKey {
        auth_key: key.clone(),
        first_salt: None,
        expires_at: None,
        bound_to: None,
        dc: 2,
    };
    let name = |seed| {
        let mut hand = Hand::new();
        let secret = Secret::init(|bytes| bytes.fill(3));
        let (seed, limits) = (Seed::for_testing(seed), Limits::default());
        hand.server =
            ServerSession::new(&server_key, SESSION_ID, secret, seed, limits, Timings::default());
        hand.service(&ping());
        hand.only::<types::NewSessionCreated>().unique_id
    };
    let names: std::collections::BTreeSet<i64> = (0..16).map(name).collect();
    assert_eq!(names.len(), 16);
    assert!(names.iter().all(|name| name & 1 == 1));
}

// --- what is answered --------------------------------------------------------------------

#[test]
fn bodies_of_the_embedder_are_whole_words_and_fit_into_a_packet() {
    let limits = Limits {
        packet_bytes_max: 4096,
        container_bytes_max: 4096,
        sent_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let max = limits.body_bytes_max();
    let cases = [
        (0, false),
        (3, false),
        (4, true),
        (5, false),
        (8, true),
        (max, true),
        (max + 1, false),
        (max + 4, false),
    ];
    for (len, good) in cases {
        let mut hand = Hand::with(limits.clone(), None);
        let expected = if good { Ok(()) } else { Err(UsageError::BodyLength { len, max }) };
        assert_eq!(hand.server.push(noise(len)), expected, "{len}");
        hand.content(&echo(1));
        let [call] = hand.calls()[..] else { panic!() };
        assert_eq!(hand.server.reply(call, noise(len)), expected, "{len}");
        if !good {
            assert_eq!(hand.server.reply(call, echo(1)), Ok(()), "the call is open");
        }
    }
}

#[test]
fn refusals_and_notices_nobody_fetches_are_bounded_by_their_number() {
    let limits = Limits { sent_max: 4, ..Limits::default() };
    let mut hand = Hand::with(limits.clone(), None);
    for _ in 0..8 {
        hand.content(&InvokeAfterMsg::ID.to_le_bytes());
    }
    assert_eq!(hand.answers().len(), 4);
    let mut hand = Hand::with(limits, None);
    for _ in 0..8 {
        hand.service(&ping());
    }
    assert_eq!(hand.sent_of::<types::Pong>().len(), 4);
}

#[test]
fn dropped_answer_is_forgotten_whether_it_has_left_or_waits() {
    let drop_of = |request: MsgId| {
        functions::RpcDropAnswer { req_msg_id: request.as_i64() }.to_bytes().unwrap()
    };
    // It has left: named by what it was, and known no more.
    let mut hand = Hand::new();
    let request = answer(&mut hand);
    let sent = hand.sent();
    let left = answers_of(&sent)[0];
    let dropped = types::RpcAnswerDropped {
        msg_id: left.msg_id.as_i64(),
        seq_no: left.seq_no,
        bytes: left.body.len() as i32,
    };
    let asked = hand.content(&drop_of(request));
    assert_eq!(hand.answers(), [(asked, Ok(dropped.to_bytes().unwrap()))]);
    let asked = hand.content(&drop_of(request));
    assert_eq!(hand.answers(), [(asked, Ok(types::RpcAnswerUnknown {}.to_bytes().unwrap()))]);
    // It waits: it never leaves, and others do.
    let mut hand = Hand::new();
    let (other, request) = (answer(&mut hand), answer(&mut hand));
    let asked = hand.content(&drop_of(request));
    let running = types::RpcAnswerDroppedRunning {}.to_bytes().unwrap();
    assert_eq!(hand.answers(), [(other, Ok(echo(1))), (asked, Ok(running))]);
}

#[test]
fn salts_change_each_half_hour_and_are_valid_for_an_hour() {
    let mut hand = Hand::new();
    hand.service(&functions::GetFutureSalts { num: 5 }.to_bytes().unwrap());
    let told: types::FutureSalts = hand.only();
    let now = hand.now.wall.as_secs() as i32;
    let first = now - now % 1800;
    let times: Vec<_> = told.salts.iter().map(|it| (it.valid_since, it.valid_until)).collect();
    let expected: Vec<_> = (0..5).map(|nth| first + 1800 * nth).map(|at| (at, at + 3600)).collect();
    assert_eq!((told.now, times), (now, expected));
}

// --- what is given up --------------------------------------------------------------------

/// Six answers leave in one packet and none is acknowledged.
fn six_answers(limits: Limits) -> (Hand, Vec<MsgId>, Vec<MsgId>) {
    let mut hand = Hand::with(limits, None);
    let requests: Vec<MsgId> = (0..6).map(|_| hand.content(&echo(1))).collect();
    for call in hand.calls() {
        hand.server.reply(call, echo(1)).unwrap();
    }
    let sent = hand.sent();
    let answers = answers_of(&sent).iter().map(|sent| sent.msg_id).collect();
    (hand, requests, answers)
}

#[test]
fn as_many_unacknowledged_messages_are_kept_as_the_limit_says_the_oldest_given_up() {
    let (mut hand, requests, answers) =
        six_answers(Limits { sent_max: 4, announced_bytes_min: 4096, ..Limits::default() });
    assert_eq!(answers.len(), 6);
    for (nth, answer) in answers.iter().enumerate() {
        let msg_ids = vec![answer.as_i64()];
        hand.service(&types::MsgResendReq { msg_ids }.to_bytes().unwrap());
        let sent = hand.sent();
        assert_eq!(answers_of(&sent).len(), usize::from(nth >= 2), "{nth}");
    }
    // Asked again, the calls whose answers were given up end with an error.
    let seq_no = hand.content_sent * 2 - 11;
    repeat(&mut hand, requests[0], seq_no, &echo(1));
    assert_eq!(hand.answers(), [(requests[0], lost())]);
}

#[test]
fn every_byte_of_the_limit_is_kept_and_one_word_more_is_not() {
    for (more, room) in [(0, true), (4, false)] {
        let limits = Limits { sent_bytes_max: 1024, ..Limits::default() };
        let mut hand = Hand::with(limits, None);
        hand.server.push(noise(512)).unwrap();
        assert_eq!(hand.server.push(noise(512 + more)).is_ok(), room);
        hand.sent();
        hand.server.transport_lost();
        let kept = hand.sent().iter().filter(|sent| sent.body.len() == 512).count();
        assert_eq!(kept, if room { 2 } else { 1 });
    }
}

#[test]
fn answer_that_is_dropped_while_it_waits_makes_room_for_its_own_bytes() {
    let mut hand = Hand::with(Limits { sent_bytes_max: 8192, ..Limits::default() }, None);
    let long = hand.content(&echo(1));
    let [call] = hand.calls()[..] else { panic!() };
    hand.server.reply(call, noise(6000)).unwrap();
    answer(&mut hand);
    assert!(hand.server.push(noise(4000)).is_err());
    let drop_it = functions::RpcDropAnswer { req_msg_id: long.as_i64() }.to_bytes().unwrap();
    hand.content(&drop_it);
    hand.acknowledge_all();
    assert!(hand.server.push(noise(8000)).is_ok());
    assert_eq!(hand.answers(), []);
}

/// That many calls run at once and are answered; one answer is kept, and acknowledged in the end.
fn round(hand: &mut Hand, calls: usize) -> Vec<(MsgId, i32)> {
    let requests: Vec<(MsgId, i32)> =
        (0..calls).map(|_| (hand.content(&echo(1)), hand.content_sent * 2 - 1)).collect();
    for call in hand.calls() {
        hand.server.reply(call, echo(1)).unwrap();
    }
    hand.acknowledge_all();
    requests[..calls - 1].to_vec()
}

#[test]
fn as_many_lost_answers_are_remembered_as_there_may_be_calls() {
    for (second, forgotten) in [(2, 0), (3, 1), (4, 2)] {
        let limits = Limits { sent_max: 1, calls_max: 4, ..Limits::default() };
        let mut hand = Hand::with(limits, None);
        let mut lost_calls = round(&mut hand, 4);
        lost_calls.extend(round(&mut hand, second));
        for (nth, (request, seq_no)) in lost_calls.into_iter().enumerate() {
            repeat(&mut hand, request, seq_no, &echo(1));
            let sent = hand.sent();
            let told = answers_of(&sent);
            assert_eq!(told.len(), usize::from(nth >= forgotten), "{second}, {nth}");
            hand.acknowledge(sent.iter().map(|sent| sent.msg_id.as_i64()).collect());
        }
    }
}

#[test]
fn message_that_leaves_again_has_its_own_id_for_240_seconds() {
    for (more_us, renewed) in [(0, false), (1, true)] {
        let mut hand = Hand::new();
        hand.server.push(echo(1)).unwrap();
        let first = hand.sent()[0].msg_id;
        let until = first.time().after(Duration::from_secs(240));
        let left_us = until.offset_from(hand.now.wall).unsigned_abs();
        hand.now = hand.now.after(Duration::from_micros(left_us + more_us));
        hand.server.transport_lost();
        let again = hand.sent();
        assert_eq!(again[0].body, echo(1));
        assert_eq!(again[0].msg_id != first, renewed, "{more_us}");
    }
}

// --- deadlines ---------------------------------------------------------------------------

#[test]
fn next_deadline_is_that_of_an_acknowledgement_a_resend_or_a_silent_client() {
    let mut hand = Hand::new();
    assert_eq!(hand.server.poll_timeout(), None);
    let due = |hand: &Hand| hand.server.poll_timeout().map(|at| at.since(hand.now.mono));
    hand.server.push(echo(1)).unwrap();
    let mut packet = BytesMut::new();
    assert!(hand.server.poll_transmit(hand.now, &mut packet));
    assert_eq!(due(&hand), Some(Duration::from_secs(90)), "sent again");
    let delayed = functions::PingDelayDisconnect { ping_id: 1, disconnect_delay: 80 };
    hand.service(&delayed.to_bytes().unwrap());
    assert_eq!(due(&hand), Some(Duration::from_secs(80)), "closed");
    hand.content(&echo(1));
    assert_eq!(due(&hand), Some(Duration::from_secs(1)), "acknowledged");
    let opened = envelope::open(&hand.key, Side::Server, packet).unwrap();
    hand.acknowledge(vec![opened.header.msg_id.as_i64()]);
    let calls: Vec<CallId> = hand.calls();
    assert_eq!(calls.len(), 1);
}
