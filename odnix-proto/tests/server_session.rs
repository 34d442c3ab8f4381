//! The server's half of a session, against a client written by hand: tombstones, states,
//! messages sent again and announced, acknowledgements, and what bounds them.

mod hand;

use bytes::Bytes;
use core::time::Duration;
use hand::{Hand, SESSION_ID, Sent, bad_msg, container, echo, key, noise, session};
use odnix_proto::{
    MsgId,
    error::{DropReason, Notice, Received},
    limits::Limits,
    session::{ServerSessionEvent, Tombstone},
};
use odnix_tl::{
    Encode,
    mtproto::{functions, types},
};

fn ping() -> Bytes {
    functions::Ping { ping_id: 1 }.to_bytes().unwrap()
}

// --- tombstones ---

#[test]
fn a_packet_of_a_session_that_was_forgotten_does_not_run_in_the_next_one() {
    let mut hand = Hand::new();
    let mut packets = Vec::new();
    for _ in 0..3 {
        let (msg_id, seq_no) = (hand.next_id(), hand.next_seq_no());
        let packet = hand.seal(msg_id, seq_no, &echo(1));
        packets.push((msg_id, packet.clone()));
        hand.takes(packet);
    }
    assert_eq!(hand.calls().len(), 3);
    let Some(Tombstone { session: named, floor, keep_until, .. }) = hand.server.tombstone() else {
        panic!("it has taken messages in")
    };
    assert_eq!((named.key_id, named.session_id), (hand.key.id(), SESSION_ID));
    assert_eq!(floor, packets[2].0);
    assert_eq!(keep_until, floor.time().after(Duration::from_secs(330)));

    // Destroyed, evicted or dropped: the client finds a new session under the same name.
    hand.server = session(&hand.key, Limits::default(), None);
    hand.server.refuse_up_to(floor);
    for (msg_id, packet) in &packets {
        assert_eq!(hand.takes(packet.clone()), bad_msg(*msg_id, 20));
    }
    assert!(hand.calls().is_empty());
    hand.content(&echo(1));
    assert_eq!(hand.calls().len(), 1, "an honest client sends it again under a new id");
}

#[test]
fn without_its_tombstone_the_packet_would_run() {
    let mut hand = Hand::new();
    let (msg_id, seq_no) = (hand.next_id(), hand.next_seq_no());
    let packet = hand.seal(msg_id, seq_no, &echo(1));
    hand.server = session(&hand.key, Limits::default(), None);
    assert_eq!(hand.takes(packet), Received::Accepted, "the test above proves something");
}

#[test]
fn a_tombstone_covers_ids_that_were_forgotten_and_those_of_other_tombstones() {
    let key = key(7);
    let mut empty = session(&key, Limits::default(), None);
    assert_eq!(empty.tombstone(), None, "nothing to remember");
    let floor = MsgId::from_i64(i64::MAX & !3);
    empty.refuse_up_to(floor);
    assert_eq!(empty.tombstone().map(|it| it.floor), Some(floor));
    empty.refuse_up_to(MsgId::from_i64(4));
    assert_eq!(empty.tombstone().map(|it| it.floor), Some(floor), "it never sinks");
}

// --- states ---

fn states(hand: &mut Hand, ids: &[MsgId]) -> Vec<u8> {
    let msg_ids = ids.iter().map(|id| id.as_i64()).collect();
    let request = hand.service(&types::MsgsStateReq { msg_ids }.to_bytes().unwrap());
    let info: types::MsgsStateInfo = hand.only();
    assert_eq!(info.req_msg_id, request.as_i64());
    info.info.to_vec()
}

#[test]
fn a_state_byte_tells_all_that_is_known_of_a_message() {
    let mut hand = Hand::new();
    let second = 1_i64 << 32;
    let now = hand.now.wall.as_secs() as i64;
    let at = |secs: i64| MsgId::from_i64(secs * second + 8);
    let never = hand.next_id();
    let service = hand.service(&ping());
    let odd_ping = hand.content(&ping());
    assert_eq!(
        states(&mut hand, &[at(now - 301), at(now + 31), never, service, odd_ping]),
        [1, 3, 2, 4 + 16, 4]
    );
    // The acknowledgement has left with that answer.
    assert_eq!(states(&mut hand, &[odd_ping]), [4 + 8]);

    // A slow call, step by step: each answer about it carries what waits.
    let call = hand.content(&echo(1));
    assert_eq!(states(&mut hand, &[call]), [4 + 32]);
    assert_eq!(states(&mut hand, &[call]), [4 + 8 + 32]);
    let [running] = hand.calls()[..] else { panic!() };
    hand.server.reply(running, echo(1)).unwrap();
    assert_eq!(states(&mut hand, &[call]), [4 + 64], "the answer was made and has not left");
    assert_eq!(states(&mut hand, &[call]), [4 + 8 + 64]);
    hand.pass(Duration::from_secs(91));
    let resent = hand.sent().into_iter().find(Sent::is::<types::RpcResult>).unwrap();
    hand.acknowledge(vec![resent.msg_id.as_i64()]);
    assert_eq!(states(&mut hand, &[call]), [4 + 8 + 64 + 128]);

    // Our own ids are nothing a client can have sent.
    assert_eq!(states(&mut hand, &[resent.msg_id]), [1]);
}

#[test]
fn infos_from_the_client_are_taken_and_do_nothing() {
    let mut hand = Hand::new();
    let info = Bytes::from_static(&[4]);
    let one = types::MsgsStateInfo { req_msg_id: 1, info: info.clone() }.to_bytes().unwrap();
    let all = types::MsgsAllInfo { msg_ids: vec![1], info }.to_bytes().unwrap();
    hand.service(&one);
    hand.service(&all);
    assert!(hand.events().is_empty());
    assert!(hand.sent().is_empty());
}

// --- sent again ---

/// A call that was answered with `len` incompressible bytes; the answer has left.
fn answered(hand: &mut Hand, len: usize) -> (MsgId, MsgId) {
    let request = hand.content(&echo(1));
    let [call] = hand.calls()[..] else { panic!() };
    hand.server.reply(call, noise(len)).unwrap();
    let sent = hand.sent();
    let answer = sent.iter().find(|sent| sent.is::<types::RpcResult>()).unwrap();
    (request, answer.msg_id)
}

/// A long answer is one of more than 4096 bytes, its 12 bytes of rpc_result included.
const SHORT: usize = 4096 - 12;
const LONG: usize = SHORT + 4;

fn repeat(hand: &mut Hand, request: MsgId) {
    let seq_no = hand.content_sent * 2 - 1;
    let outer = hand.next_id();
    let again = container(&[(request, seq_no, &echo(1))]);
    hand.at(outer, seq_no + 1, &again);
    assert!(hand.events().is_empty(), "it does not run again");
}

#[test]
fn a_long_answer_is_announced_to_the_transport_that_had_it_and_a_short_one_sent_again() {
    let mut hand = Hand::new();
    let (request, answer) = answered(&mut hand, SHORT);
    repeat(&mut hand, request);
    assert_eq!(hand.only::<types::RpcResult>().req_msg_id, request.as_i64());
    hand.acknowledge(vec![answer.as_i64()]);

    let (request, answer) = answered(&mut hand, LONG);
    repeat(&mut hand, request);
    let sent = hand.sent();
    assert!(!sent.iter().any(Sent::is::<types::RpcResult>));
    let told = sent.iter().find(|sent| sent.is::<types::MsgDetailedInfo>()).unwrap();
    assert_eq!(told.seq_no & 1, 0, "an announcement is not acknowledged itself");
    assert_eq!(
        told.read::<types::MsgDetailedInfo>(),
        types::MsgDetailedInfo {
            msg_id: request.as_i64(),
            answer_msg_id: answer.as_i64(),
            bytes: 4100,
            status: 0
        }
    );
    // Asked for, it is sent whole.
    let want = types::MsgResendReq { msg_ids: vec![answer.as_i64()] }.to_bytes().unwrap();
    hand.service(&want);
    let sent = hand.sent();
    assert!(sent.iter().any(|sent| sent.msg_id == answer && sent.is::<types::RpcResult>()));
    assert!(!sent.iter().any(Sent::is::<types::MsgsStateInfo>), "everything was known");
    hand.acknowledge(vec![answer.as_i64()]);
    hand.pass(Duration::from_secs(1000));
    assert!(hand.sent().is_empty());
}

#[test]
fn what_is_due_again_is_announced_until_the_transport_is_lost() {
    let mut hand = Hand::new();
    let (request, answer) = answered(&mut hand, LONG);
    hand.server.push(noise(4100)).unwrap();
    let update = hand.sent().remove(0).msg_id;
    hand.pass(Duration::from_secs(91));
    let sent = hand.sent();
    let about: Vec<_> = sent.iter().filter(|it| it.is::<types::MsgDetailedInfo>()).collect();
    assert_eq!(about.len(), 1);
    assert_eq!(about[0].read::<types::MsgDetailedInfo>().answer_msg_id, answer.as_i64());
    let about: Vec<_> = sent.iter().filter(|it| it.is::<types::MsgNewDetailedInfo>()).collect();
    assert_eq!(about[0].read::<types::MsgNewDetailedInfo>().answer_msg_id, update.as_i64());
    assert!(sent.iter().all(|sent| sent.body.len() < 100), "nothing long is sent again");

    // Another transport never had them.
    hand.server.transport_lost();
    let sent = hand.sent();
    assert!(sent.iter().any(|sent| sent.msg_id == answer && sent.body.len() == 4100));
    assert!(sent.iter().any(|sent| sent.msg_id == update && sent.body.len() == 4100));
    // And now this one has.
    repeat(&mut hand, request);
    assert_eq!(hand.sent_of::<types::MsgDetailedInfo>().len(), 1);
}

#[test]
fn asked_for_what_is_not_known_the_server_tells_the_states_of_all() {
    let mut hand = Hand::new();
    let (_, answer) = answered(&mut hand, 8);
    let never = MsgId::from_i64(answer.as_i64() + 400);
    let msg_ids = vec![answer.as_i64(), never.as_i64()];
    let request = hand.service(&types::MsgResendReq { msg_ids }.to_bytes().unwrap());
    let sent = hand.sent();
    assert!(sent.iter().any(|sent| sent.msg_id == answer), "what is known is sent again");
    let info = sent.iter().find(|sent| sent.is::<types::MsgsStateInfo>()).unwrap();
    let info: types::MsgsStateInfo = info.read();
    assert_eq!((info.req_msg_id, info.info.as_ref()), (request.as_i64(), &[4, 1][..]));
}

#[test]
fn answers_are_sent_again_by_their_requests() {
    let mut hand = Hand::new();
    let (request, answer) = answered(&mut hand, LONG);
    let running = hand.content(&echo(1));
    hand.sent();
    let msg_ids = vec![request.as_i64(), running.as_i64(), running.as_i64() + 4000];
    let asked = hand.service(&types::MsgResendAnsReq { msg_ids }.to_bytes().unwrap());
    let sent = hand.sent();
    assert!(sent.iter().any(|it| it.msg_id == answer && it.body.len() == 4100), "whole");
    let info = sent.iter().find(|sent| sent.is::<types::MsgsStateInfo>()).unwrap();
    let info: types::MsgsStateInfo = info.read();
    let states = [4 + 8 + 64, 4 + 32, 2];
    assert_eq!((info.req_msg_id, info.info.as_ref()), (asked.as_i64(), &states[..]));
}

#[test]
fn resend_requests_of_either_kind_are_bounded() {
    let max = Limits::default().ids_max;
    let mut hand = Hand::new();
    for len in [max, max + 1] {
        let msg_ids = vec![5; len];
        let bodies = [
            types::MsgResendReq { msg_ids: msg_ids.clone() }.to_bytes().unwrap(),
            types::MsgResendAnsReq { msg_ids }.to_bytes().unwrap(),
        ];
        for body in bodies {
            let (msg_id, seq_no) = (hand.next_id(), hand.content_sent * 2);
            let received = hand.at(msg_id, seq_no, &body);
            if len <= max {
                assert_eq!(received, Received::Accepted);
                assert_eq!(hand.only::<types::MsgsStateInfo>().info.len(), max);
            } else {
                assert_eq!(received, Received::Dropped(DropReason::Limit));
                assert!(hand.sent().is_empty());
            }
        }
    }
}

// --- http_wait ---

#[test]
fn http_wait_is_kept_until_it_is_taken_or_the_transport_is_lost() {
    let wait = types::HttpWait { max_delay: 1, wait_after: -2, max_wait: 25_000 };
    let wait = wait.to_bytes().unwrap();
    let mut hand = Hand::new();
    assert_eq!(hand.server.take_http_wait(), None);
    hand.service(&wait);
    let taken = hand.server.take_http_wait().unwrap();
    let times = (taken.max_delay, taken.wait_after, taken.max_wait);
    assert_eq!(times, (Duration::from_millis(1), Duration::ZERO, Duration::from_secs(25)));
    assert_eq!(hand.server.take_http_wait(), None);
    hand.service(&wait);
    hand.server.transport_lost();
    assert_eq!(hand.server.take_http_wait(), None);
    assert!(hand.sent().is_empty(), "it is not answered");
}

// --- notices ---

#[test]
fn a_container_may_not_have_the_id_of_anything_received_before() {
    let mut hand = Hand::new();
    let service = hand.service(&ping());
    let call = hand.content(&echo(1));
    let inner = hand.next_id();
    let first = hand.next_id();
    let one = container(&[(inner, hand.content_sent * 2, &ping())]);
    let seq_no = hand.content_sent * 2;
    assert_eq!(hand.at(first, seq_no, &one), Received::Accepted);
    assert_eq!(hand.at(first, seq_no, &one), Received::Accepted, "the same packet again");
    hand.sent();
    let other = MsgId::from_i64(service.as_i64() - 4);
    let other = container(&[(other, 0, &ping())]);
    for taken in [service, call, inner, first] {
        assert_eq!(hand.at(taken, seq_no, &other), bad_msg(taken, 19));
    }
}

#[test]
fn pings_and_acknowledgements_of_odd_seq_no_are_never_refused() {
    let mut hand = Hand::new();
    let ack = types::MsgsAck { msg_ids: vec![1] }.to_bytes().unwrap();
    for body in [ping(), ack] {
        let (msg_id, seq_no) = (hand.next_id(), hand.next_seq_no());
        assert_eq!(hand.at(msg_id, seq_no, &body), Received::Accepted);
    }
    assert!(hand.sent_of::<types::BadMsgNotification>().is_empty());
    let (msg_id, seq_no) = (hand.next_id(), hand.next_seq_no());
    assert_eq!(hand.at(msg_id, seq_no, &container(&[])), bad_msg(msg_id, 34));
    let msg_id = hand.next_id();
    let seq_no = hand.content_sent * 2;
    assert_eq!(hand.at(msg_id, seq_no, &echo(1)), bad_msg(msg_id, 35));
}

// --- acknowledgements ---

#[test]
fn sixteen_acknowledgements_leave_at_once_and_fewer_wait_for_company() {
    let max = Limits::default().pending_acks_max;
    let mut hand = Hand::new();
    let mut ids: Vec<i64> = (1..max).map(|_| hand.content(&echo(1)).as_i64()).collect();
    assert!(hand.sent().is_empty(), "one fewer waits");
    ids.push(hand.content(&echo(1)).as_i64());
    assert_eq!(hand.only::<types::MsgsAck>().msg_ids, ids);
    // One alone leaves with whatever else does …
    let one = hand.content(&echo(1)).as_i64();
    hand.server.push(echo(1)).unwrap();
    assert_eq!(hand.only::<types::MsgsAck>().msg_ids, [one]);
    // … or when its time has come.
    let one = hand.content(&echo(1)).as_i64();
    hand.pass(Duration::from_millis(999));
    assert!(hand.sent().is_empty());
    hand.pass(Duration::from_millis(1));
    assert_eq!(hand.only::<types::MsgsAck>().msg_ids, [one]);
    assert!(hand.sent().is_empty());
}

#[test]
fn an_answer_is_its_own_acknowledgement() {
    let mut hand = Hand::new();
    hand.content(&echo(1));
    let [call] = hand.calls()[..] else { panic!() };
    hand.server.reply(call, echo(1)).unwrap();
    hand.pass(Duration::from_secs(2));
    assert!(hand.sent_of::<types::MsgsAck>().is_empty());
}

// --- bounds ---

#[test]
fn queries_that_run_are_bounded_by_their_bytes() {
    let query = noise(1024);
    let limits = Limits { calls_bytes_max: 3 * 1024, ..Limits::default() };
    let mut hand = Hand::with(limits, None);
    for _ in 0..3 {
        hand.content(&query);
    }
    let calls = hand.calls();
    assert_eq!(calls.len(), 3, "at the limit");
    let beyond = hand.content(&echo(1));
    assert!(hand.calls().is_empty());
    assert_eq!(hand.answers(), [(beyond, Err((420, "FLOOD_WAIT_1".into())))]);
    hand.server.reply(calls[0], echo(1)).unwrap();
    hand.content(&query);
    assert_eq!(hand.calls().len(), 1, "an answer makes room");
}

#[test]
fn answers_nobody_reads_are_bounded_and_their_calls_end_all_the_same() {
    let limits = Limits { sent_bytes_max: 10_000, ..Limits::default() };
    let mut hand = Hand::with(limits, None);
    let requests: Vec<MsgId> = (0..20).map(|_| hand.content(&echo(1))).collect();
    for call in hand.calls() {
        hand.server.reply(call, noise(4000)).unwrap();
    }
    let answers = hand.answers();
    let ids: Vec<MsgId> = answers.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, requests, "each call is answered once");
    assert_eq!(answers.iter().filter(|(_, answer)| answer.is_ok()).count(), 2);
    let lost = Err((500, "ANSWER_LOST".into()));
    assert_eq!(answers.iter().filter(|(_, answer)| *answer == lost).count(), 18);
}

#[test]
fn notices_nobody_reads_are_bounded_by_their_bytes() {
    let ids = 8000;
    let limits = Limits { notices_bytes_max: 3 * 8024, ..Limits::default() };
    let mut hand = Hand::with(limits, None);
    let request = types::MsgsStateReq { msg_ids: vec![4; ids] }.to_bytes().unwrap();
    for _ in 0..2 {
        for _ in 0..5 {
            hand.service(&request);
        }
        let told = hand.sent_of::<types::MsgsStateInfo>().len();
        assert_eq!(told, 3, "and what has left makes room");
    }
    for _ in 0..5 {
        hand.service(&request);
    }
    hand.server.transport_lost();
    hand.service(&request);
    assert_eq!(hand.sent_of::<types::MsgsStateInfo>().len(), 1);
}

#[test]
fn the_edges_of_the_window_of_msg_ids_are_limits() {
    let limits = Limits { msg_id_past_s: 5, msg_id_future_s: 2, ..Limits::default() };
    let mut hand = Hand::with(limits, None);
    hand.now = hand.now.after(Duration::from_secs(100));
    for (offset_s, code) in [(-6, Some(16)), (-5, None), (2, None), (3, Some(17))] {
        let time = hand.now.wall.shifted(offset_s * 1_000_000).as_secs() as i64;
        let msg_id = MsgId::from_i64((time << 32) | 0x1000);
        let expected = code.map_or(Received::Accepted, |code| bad_msg(msg_id, code));
        assert_eq!(hand.at(msg_id, hand.content_sent * 2, &ping()), expected, "{offset_s} s");
    }
}

#[test]
fn untouched_events_of_other_sessions_are_bounded_too() {
    let mut hand = Hand::new();
    let destroy = functions::DestroySession { session_id: 1 }.to_bytes().unwrap();
    let max = Limits::default().calls_max;
    for _ in 0..max + 10 {
        hand.service(&destroy);
    }
    let events = hand.events();
    assert_eq!(events.len(), max);
    assert!(events.iter().all(|it| matches!(it, ServerSessionEvent::DestroyWanted { .. })));
}

// --- salts and the announcement ---

#[test]
fn a_wrong_salt_of_a_container_is_told_by_the_id_of_the_container() {
    let mut hand = Hand::new();
    let salt = std::mem::replace(&mut hand.salt, 1);
    let (inner, outer) = (hand.next_id(), hand.next_id());
    let body = container(&[(inner, 3, &ping())]);
    assert_eq!(
        hand.at(outer, 4, &body),
        Received::Answered(Notice::BadServerSalt { msg_id: outer })
    );
    let refused: types::BadServerSalt = hand.only();
    assert_eq!((refused.bad_msg_id, refused.bad_msg_seqno), (outer.as_i64(), 4));
    assert_eq!((refused.error_code, refused.new_server_salt), (48, salt));
}

#[test]
fn a_salt_is_accepted_in_its_half_hour_and_the_next_and_not_before() {
    let mut hand = Hand::new();
    let wanted = hand.service(&functions::GetFutureSalts { num: 3 }.to_bytes().unwrap());
    let salts: types::FutureSalts = hand.only();
    assert_eq!(salts.req_msg_id, wanted.as_i64());
    let [_, next, ..] = &salts.salts[..] else { panic!("at least two") };
    let since = u64::try_from(next.valid_since).unwrap();
    assert_eq!(since % 1800, 0, "a half hour of the clock");
    assert_eq!(next.valid_until - next.valid_since, 3600);
    hand.salt = next.salt;
    for (seconds, accepted) in [(-1000, false), (-1, false), (0, true), (3599, true), (3600, false)]
    {
        let at = since.checked_add_signed(seconds).unwrap();
        hand.pass(Duration::from_secs(at - hand.now.wall.as_secs()));
        let msg_id = hand.next_id();
        let received = hand.at(msg_id, 0, &ping());
        let refused = Received::Answered(Notice::BadServerSalt { msg_id });
        assert_eq!(received != refused, accepted, "{seconds}");
    }
}

#[test]
fn the_announcement_of_a_session_names_the_lowest_id_of_its_first_packet_and_the_salt_in_use() {
    for alone in [true, false] {
        let mut hand = Hand::new();
        hand.server = session(&hand.key, Limits::default(), None);
        let (first, second, outer) = (hand.next_id(), hand.next_id(), hand.next_id());
        if alone {
            hand.at(first, 1, &echo(1));
        } else {
            hand.at(outer, 4, &container(&[(second, 3, &ping()), (first, 1, &echo(1))]));
        }
        let created: types::NewSessionCreated = hand.only();
        assert_eq!(created.first_msg_id, first.as_i64(), "alone: {alone}");
        assert_eq!(created.server_salt, hand.salt);
        assert_ne!(created.unique_id, 0);
    }
}
