//! The client's session against a server written by hand: every service message, and time.

mod client_hand;
#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::{Bytes, BytesMut};
use client_hand::{ECHO, Hand, Sent, id_of};
use common::{Pair, echo, key, look, new_server, server_id};
use core::time::Duration;
use odnix_proto::{
    MsgId, Seed, UnixTime,
    envelope::Side,
    error::{DropReason, Received, UsageError},
    limits::Limits,
    session::{CallError, ClientSession, ClientSessionEvent, KeyDestroyed, Timings},
};
use odnix_tl::{
    Constructor, Decode, Encode,
    mtproto::{functions, types},
};

const WAIT: Duration = Duration::from_secs(15);

// --- what became of a call ---------------------------------------------------------------

#[test]
fn call_that_waits_too_long_is_asked_about_before_it_leaves_again() {
    let mut hand = Hand::new();
    let (_, call) = hand.call(b"x");
    hand.pass(WAIT - Duration::from_millis(1));
    assert!(hand.sent().is_empty());
    hand.pass(Duration::from_millis(1));
    let sent = hand.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    let request = types::MsgsStateReq::from_bytes(sent[0].body.clone()).unwrap();
    assert_eq!(request.msg_ids, [call.msg_id.as_i64()]);
    assert_eq!(sent[0].seq_no & 1, 0);
    // No answer to that either.
    hand.pass(WAIT);
    let again = hand.only(ECHO);
    assert_eq!(again.msg_id, call.msg_id, "its own id, so that a server can tell");
    assert_ne!(again.outer, again.msg_id, "in a container");
}

#[test]
fn each_state_of_a_call_has_its_consequence() {
    for state in 0..=255_u8 {
        let mut hand = Hand::new();
        let (_, call) = hand.call(b"x");
        hand.pass(WAIT);
        let request = hand.only(types::MsgsStateReq::ID);
        assert_eq!(hand.tells_states(request.msg_id, &[state]), Received::Accepted);
        let sent = hand.sent();
        let resent = sent.iter().any(|sent| sent.msg_id == call.msg_id && sent.body == echo(b"x"));
        let asked = sent.iter().find(|sent| id_of(&sent.body) == types::MsgResendAnsReq::ID);
        let asked =
            asked.map(|sent| types::MsgResendAnsReq::from_bytes(sent.body.clone()).unwrap());
        let lost = [1, 2, 3].contains(&(state & 7));
        assert_eq!(resent, lost, "{state:#x}");
        let made = state & 7 == 4 && state & 64 != 0;
        assert_eq!(asked.is_some(), made, "{state:#x}");
        assert!(asked.is_none_or(|asked| asked.msg_ids == [call.msg_id.as_i64()]));
        assert_eq!(hand.pair.client.open_calls(), 1);
    }
}

#[test]
fn received_call_is_asked_about_less_and_less_often() {
    let mut hand = Hand::new();
    hand.call(b"slow");
    let mut asked_at = Vec::new();
    for second in 1..=300 {
        hand.pass(Duration::from_secs(1));
        for sent in hand.sent() {
            assert_ne!(id_of(&sent.body), ECHO, "never blindly");
            if id_of(&sent.body) == types::MsgsStateReq::ID {
                asked_at.push(second);
                hand.tells_states(sent.msg_id, &[4]);
            }
        }
    }
    assert_eq!(asked_at, [15, 45, 105, 225]);
}

#[test]
fn states_count_only_as_an_answer_and_only_when_complete() {
    let mut hand = Hand::new();
    let (_, call) = hand.call(b"x");
    let unknown = Received::Dropped(DropReason::UnknownMessage);
    assert_eq!(hand.tells_states(MsgId::from_i64(4), &[1]), unknown);
    assert_eq!(hand.tells_states(call.msg_id, &[1]), unknown, "a call is no such request");
    hand.pass(WAIT);
    let request = hand.only(types::MsgsStateReq::ID);
    let malformed = Received::Dropped(DropReason::Malformed);
    assert_eq!(hand.tells_states(request.msg_id, &[1, 1]), malformed);
    assert_eq!(hand.tells_states(request.msg_id, &[1]), unknown, "asked once, answered once");
    assert!(hand.sent().is_empty());
}

#[test]
fn unasked_states_are_believed_for_calls_alone() {
    let mut hand = Hand::new();
    let (_, call) = hand.call(b"x");
    let all_info = |msg_ids: Vec<i64>, info: &[u8]| {
        let info = Bytes::copy_from_slice(info);
        types::MsgsAllInfo { msg_ids, info }.to_bytes().unwrap()
    };
    hand.says(0, &all_info(vec![call.msg_id.as_i64(), 4, 8], &[4, 1, 2]));
    assert!(hand.sent().is_empty());
    hand.says(0, &all_info(vec![call.msg_id.as_i64()], &[2]));
    assert_eq!(hand.only(ECHO).msg_id, call.msg_id);
    let (_, received) = hand.says(0, &all_info(vec![4, 8], &[4]));
    assert_eq!(received, Received::Dropped(DropReason::Malformed));
}

#[test]
fn lost_answer_is_fetched_from_the_server() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"x")).unwrap();
    let packet = pair.client_sends().unwrap();
    let msg_id = look(&pair.key, Side::Client, &packet).header.msg_id;
    let mut hand = Hand { pair, fine: 1 << 16 };
    hand.pass(WAIT);
    let request = hand.only(types::MsgsStateReq::ID);
    hand.tells_states(request.msg_id, &[4 | 64]);
    hand.only(types::MsgResendAnsReq::ID);
    hand.answers(msg_id, echo(b"x"));
    assert_eq!(hand.pair.replies(), [(call, true)]);
}

/// The same between both of our sessions: asked about, fetched, and run once.
#[test]
fn lost_answer_costs_one_question_and_no_second_run() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"x")).unwrap();
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    let (id, body) = pair.calls().remove(0);
    pair.server.reply(id, body).unwrap();
    drop(pair.server_sends().unwrap());
    pair.pass(WAIT);
    pair.run();
    assert_eq!(pair.replies(), [(call, true)]);
    assert!(pair.calls().is_empty());
}

// --- what a server asks ------------------------------------------------------------------

#[test]
fn server_hears_the_state_of_each_message() {
    let mut hand = Hand::new();
    let (service, _) = hand.says(0, &types::MsgsAck { msg_ids: vec![4] }.to_bytes().unwrap());
    let (acked, _) = hand.says(1, &echo(b"update"));
    hand.pass(Duration::from_secs(2));
    hand.only(types::MsgsAck::ID);
    // Sent and pending at once: the acknowledgement leaves with the answer, after it was made.
    let (pending, _) = hand.says(1, &echo(b"another"));
    let now = hand.pair.now.wall;
    let missing = server_id(now, 7);
    let high = server_id(now.after(Duration::from_secs(90)), 0);
    let low = server_id(now.before(Duration::from_secs(900)), 0);
    let ids = [service, acked, pending, missing, high, low];
    let msg_ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    let (request, _) = hand.says(0, &types::MsgsStateReq { msg_ids }.to_bytes().unwrap());
    let answer = hand.only(types::MsgsStateInfo::ID);
    let answer = types::MsgsStateInfo::from_bytes(answer.body).unwrap();
    assert_eq!(answer.req_msg_id, request.as_i64());
    assert_eq!(answer.info.as_ref(), [4 | 16, 4 | 8, 4, 2, 3, 1]);
}

#[test]
fn requested_messages_leave_again_or_their_states_are_told() {
    let mut hand = Hand::new();
    let (_, call) = hand.call(b"x");
    hand.pair.client.ping(5);
    let ping = hand.only(functions::Ping::ID);
    let resend = |msg_ids: Vec<i64>| types::MsgResendReq { msg_ids }.to_bytes().unwrap();
    let (_, received) = hand.says(0, &resend(vec![call.msg_id.as_i64(), ping.msg_id.as_i64()]));
    assert_eq!(received, Received::Accepted);
    let sent = hand.sent();
    let again: Vec<_> = sent.iter().map(|sent| (sent.msg_id, sent.seq_no)).collect();
    assert_eq!(again, [(call.msg_id, call.seq_no), (ping.msg_id, ping.seq_no)]);
    assert!(sent.iter().all(|sent| sent.outer != sent.msg_id), "in a container");

    let (request, _) = hand.says(0, &resend(vec![call.msg_id.as_i64(), 4]));
    let sent = hand.sent();
    assert!(sent.iter().any(|sent| sent.msg_id == call.msg_id));
    let info = sent.iter().find(|sent| id_of(&sent.body) == types::MsgsStateInfo::ID).unwrap();
    let info = types::MsgsStateInfo::from_bytes(info.body.clone()).unwrap();
    assert_eq!((info.req_msg_id, info.info.len()), (request.as_i64(), 2));

    let answers = types::MsgResendAnsReq { msg_ids: vec![4, 8, 12] }.to_bytes().unwrap();
    hand.says(0, &answers);
    let info = hand.only(types::MsgsStateInfo::ID);
    assert_eq!(types::MsgsStateInfo::from_bytes(info.body).unwrap().info.len(), 3);
    let updates = hand.pair.client_events();
    assert!(updates.is_empty(), "none of it is an update: {updates:?}");
}

/// What a packet of few bytes inflates to must not cost the queue's length for each of its ids.
#[test]
fn message_requested_many_times_waits_once() {
    let mut hand = Hand::new();
    let (_, call) = hand.call(b"x");
    hand.pair.client.ping(5);
    let ping = hand.only(functions::Ping::ID);
    let ids = [call.msg_id.as_i64(), ping.msg_id.as_i64()];
    for _ in 0..3 {
        let msg_ids = ids.repeat(Limits::default().ids_max / 2);
        let info = Bytes::from(vec![2; msg_ids.len()]);
        hand.says(0, &types::MsgResendReq { msg_ids: msg_ids.clone() }.to_bytes().unwrap());
        hand.says(0, &types::MsgsAllInfo { msg_ids, info }.to_bytes().unwrap());
    }
    let again: Vec<_> = hand.sent().iter().map(|sent| sent.msg_id).collect();
    assert_eq!(again, [call.msg_id, ping.msg_id]);
}

#[test]
fn answer_is_known_however_many_messages_left_after_its_call() {
    let mut hand = Hand::with(Limits { sent_max: 2, ..Limits::default() });
    let calls: Vec<_> = (0..5_u8).map(|number| hand.call(&[number; 4])).collect();
    for (_, sent) in &calls {
        assert_eq!(hand.answers(sent.msg_id, echo(b"done")), Received::Accepted);
    }
    let answered = hand.pair.client_events();
    let answered = answered.iter().filter(|it| matches!(it, ClientSessionEvent::Reply { .. }));
    assert_eq!(answered.count(), 5);
}

#[test]
fn id_lists_of_a_server_end_at_their_limit() {
    let limit = Limits::default().ids_max;
    for (extra, taken) in [(0, true), (1, false)] {
        let msg_ids = vec![5_i64; limit + extra];
        let info = Bytes::from(vec![4; limit + extra]);
        let lists = [
            types::MsgsStateReq { msg_ids: msg_ids.clone() }.to_bytes().unwrap(),
            types::MsgResendReq { msg_ids: msg_ids.clone() }.to_bytes().unwrap(),
            types::MsgResendAnsReq { msg_ids: msg_ids.clone() }.to_bytes().unwrap(),
            types::MsgsAllInfo { msg_ids, info }.to_bytes().unwrap(),
        ];
        for list in lists {
            let mut hand = Hand::new();
            let (_, received) = hand.says(0, &list);
            let limited = Received::Dropped(DropReason::Limit);
            let expected = if taken { Received::Accepted } else { limited };
            assert_eq!(received, expected, "{:08x}", id_of(&list));
        }
    }
}

// --- service messages of the embedder ----------------------------------------------------

#[test]
fn abandoned_call_is_dropped_at_the_server_and_its_three_answers_are_harmless() {
    let answers = [
        types::RpcAnswerUnknown {}.to_bytes().unwrap(),
        types::RpcAnswerDroppedRunning {}.to_bytes().unwrap(),
        types::RpcAnswerDropped { msg_id: 5, seq_no: 1, bytes: 8 }.to_bytes().unwrap(),
    ];
    for answer in answers {
        let mut hand = Hand::new();
        let (call, sent) = hand.call(b"x");
        hand.pair.client.abandon(call).unwrap();
        let drop_it = hand.only(functions::RpcDropAnswer::ID);
        let named = functions::RpcDropAnswer::from_bytes(drop_it.body.clone()).unwrap();
        assert_eq!(named.req_msg_id, sent.msg_id.as_i64());
        assert_eq!(hand.answers(drop_it.msg_id, answer), Received::Accepted);
        let late = hand.answers(sent.msg_id, echo(b"x"));
        assert_eq!(late, Received::Dropped(DropReason::UnknownMessage));
        let events = hand.pair.client_events();
        assert!(
            matches!(events.as_slice(),
            [ClientSessionEvent::Reply { call: ended, result: Err(CallError::Abandoned) }]
                if *ended == call),
            "{events:?}"
        );
    }
}

#[test]
fn call_that_never_left_is_abandoned_without_a_word() {
    let mut hand = Hand::new();
    let call = hand.pair.client.call(echo(b"x")).unwrap();
    hand.pair.client.abandon(call).unwrap();
    assert!(hand.sent().is_empty());
    assert_eq!(hand.pair.client.abandon(call), Err(UsageError::UnknownCall));
}

#[test]
fn destroyed_key_is_told_by_its_three_answers_and_only_when_asked() {
    let answers = [
        (types::DestroyAuthKeyOk {}.to_bytes().unwrap(), KeyDestroyed::Ok),
        (types::DestroyAuthKeyNone {}.to_bytes().unwrap(), KeyDestroyed::None),
        (types::DestroyAuthKeyFail {}.to_bytes().unwrap(), KeyDestroyed::Fail),
    ];
    for (answer, outcome) in answers {
        let mut hand = Hand::new();
        let unknown = Received::Dropped(DropReason::UnknownMessage);
        assert_eq!(hand.says(1, &answer).1, unknown, "nobody asked");
        hand.pair.client.destroy_auth_key();
        hand.only(functions::DestroyAuthKey::ID);
        assert_eq!(hand.says(1, &answer).1, Received::Accepted);
        let events = hand.pair.client_events();
        assert!(
            matches!(events.as_slice(),
            [ClientSessionEvent::KeyDestroyed(told)] if *told == outcome),
            "{events:?}"
        );
        assert_eq!(hand.says(1, &answer).1, unknown, "asked once");
    }
}

#[test]
fn session_answers_count_only_for_the_session_that_was_named() {
    let mut hand = Hand::new();
    hand.pair.client.destroy_session(5);
    hand.only(functions::DestroySession::ID);
    let other = types::DestroySessionOk { session_id: 6 }.to_bytes().unwrap();
    assert_eq!(hand.says(1, &other).1, Received::Dropped(DropReason::UnknownMessage));
    let named = types::DestroySessionNone { session_id: 5 }.to_bytes().unwrap();
    assert_eq!(hand.says(1, &named).1, Received::Accepted);
    assert!(matches!(
        hand.pair.client_events().as_slice(),
        [ClientSessionEvent::SessionDestroyed { session_id: 5, existed: false }]
    ));
}

#[test]
fn salts_are_asked_for_by_the_session_itself_and_used_a_minute_after_their_time() {
    let mut pair = Pair::strangers();
    pair.client.call(echo(b"x")).unwrap();
    let mut asked = 0;
    for _ in 0..10 {
        while let Some(packet) = pair.client_sends() {
            let data = look(&pair.key, Side::Client, &packet).data;
            let wanted = functions::GetFutureSalts { num: 64 }.to_bytes().unwrap();
            asked += usize::from(data.windows(wanted.len()).any(|window| window == wanted));
            pair.server_takes(packet);
        }
        for (call, body) in pair.calls() {
            pair.server.reply(call, body).unwrap();
        }
        while let Some(packet) = pair.server_sends() {
            pair.client_takes(packet);
        }
    }
    assert_eq!(asked, 1);
    let told = |event: &ClientSessionEvent| matches!(event, ClientSessionEvent::FutureSalts { .. });
    assert!(!pair.client_events().iter().any(told), "nobody asked to be told");
    // Salts change each half hour; the client follows without a refusal for more than a day.
    let mut salts = std::collections::BTreeSet::new();
    for _ in 0..60 {
        pair.pass(Duration::from_secs(1500));
        pair.run();
        pair.client.call(echo(b"x")).unwrap();
        pair.run();
        salts.insert(pair.client.server_salt(pair.now));
        let changed =
            |event: &ClientSessionEvent| matches!(event, ClientSessionEvent::SaltChanged(_));
        assert!(!pair.client_events().iter().any(changed));
    }
    assert!(salts.len() >= 45, "{}", salts.len());
}

#[test]
fn promised_salt_is_not_used_before_its_minute_is_over() {
    let mut hand = Hand::new();
    hand.pair.client.get_future_salts(2);
    let request = hand.only(functions::GetFutureSalts::ID);
    let now = hand.pair.now.wall.as_secs() as i32;
    let before = hand.pair.client.server_salt(hand.pair.now);
    let promised = types::FutureSalt { valid_since: now + 100, valid_until: now + 4000, salt: 99 };
    let answer =
        types::FutureSalts { req_msg_id: request.msg_id.as_i64(), now, salts: vec![promised] };
    hand.says(0, &answer.to_bytes().unwrap());
    for (after_s, salt) in [(0, before), (159, before), (161, 99)] {
        let then = hand.pair.now.after(Duration::from_secs(after_s));
        assert_eq!(hand.pair.client.server_salt(then), salt, "{after_s}");
    }
}

#[test]
fn quick_acknowledgement_names_the_calls_of_its_packet() {
    let key = key(7);
    let mut client =
        ClientSession::new(None, Seed::for_testing(1), Limits::default(), Timings::default());
    client.ask_for_quick_acks();
    client.use_key(key.clone(), 1);
    let now = common::start();
    client.transport_connected(now);
    client.ping(1);
    let mut out = BytesMut::new();
    assert!(!client.transmit(now, &mut out).unwrap().quick_ack, "no call in it");
    let calls = [client.call(echo(b"a")).unwrap(), client.call(echo(b"b")).unwrap()];
    let mut packet = BytesMut::new();
    assert!(client.transmit(now, &mut packet).unwrap().quick_ack);
    let token = odnix_proto::envelope::open(&key, Side::Client, packet).unwrap().quick_ack_token;
    let unknown = Received::Dropped(DropReason::UnknownMessage);
    assert_eq!(client.handle_quick_ack(token ^ 1), unknown);
    assert_eq!(client.handle_quick_ack(token), Received::Accepted);
    assert_eq!(client.handle_quick_ack(token), unknown, "once");
    let events: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    assert!(
        matches!(events.as_slice(), [
        ClientSessionEvent::Acknowledged { call: first },
        ClientSessionEvent::Acknowledged { call: second },
    ] if [*first, *second] == calls),
        "{events:?}"
    );
}

// --- bounds ------------------------------------------------------------------------------

#[test]
fn requests_are_bounded_by_number_and_by_bytes() {
    let limits = Limits { calls_bytes_max: 4000, ..Limits::default() };
    let mut client = ClientSession::new(None, Seed::for_testing(1), limits, Timings::default());
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    })
    .take(984)
    .collect();
    let body = echo(&noise);
    assert!(body.len() > 980 && body.len() <= 1000);
    let calls: Vec<_> = (0..4).map(|_| client.call(body.clone()).unwrap()).collect();
    let full = Err(UsageError::QueueFull { limit: 4000 });
    assert_eq!(client.call(body.clone()), full);
    client.abandon(calls[0]).unwrap();
    assert!(client.call(body.clone()).is_ok(), "room again");
    assert_eq!(client.call(body), full);
}

#[test]
fn untaken_events_leave_packets_unread_so_that_nothing_is_lost() {
    let limits = Limits { events_bytes_max: 2000, ..Limits::default() };
    let mut pair = Pair::settled();
    let mut client = ClientSession::new(None, Seed::for_testing(1), limits, Timings::default());
    client.use_key(pair.key.clone(), 1);
    client.transport_connected(pair.now);
    pair.server = new_server(&pair.key, client.session_id().unwrap(), 2);
    pair.client = client;
    pair.client.call(echo(b"hello")).unwrap();
    pair.run();
    pair.client_events();
    let mut refused = 0;
    for number in 0..8_u32 {
        pair.server.push(echo(&[number as u8; 600])).unwrap();
        while let Some(packet) = pair.server_sends() {
            refused +=
                usize::from(pair.client_takes(packet) == Received::Dropped(DropReason::Limit));
        }
    }
    assert!(refused > 0);
    let mut updates = 0;
    for _ in 0..8 {
        let is_update = |event: &ClientSessionEvent| matches!(event, ClientSessionEvent::Update(_));
        updates += pair.client_events().iter().filter(|event| is_update(event)).count();
        pair.pass(Duration::from_secs(2));
        pair.run();
        pair.server.transport_lost();
    }
    assert_eq!(updates, 8, "each update came, once");
}

#[test]
fn service_messages_that_wait_are_bounded() {
    let limits = Limits { service_queue_max: 10, calls_max: 2, ..Limits::default() };
    let mut client = ClientSession::new(None, Seed::for_testing(1), limits, Timings::default());
    client.use_key(key(7), 1);
    client.transport_connected(common::start());
    for ping_id in 0..100 {
        client.ping(ping_id);
    }
    let mut out = BytesMut::new();
    assert!(client.poll_transmit(common::start(), &mut out));
    let opened = odnix_proto::envelope::open(&key(7), Side::Client, out).unwrap();
    assert_eq!(u32::from_le_bytes(opened.data[4..8].try_into().unwrap()), 10);
    assert!(!client.poll_transmit(common::start(), &mut BytesMut::new()));
}

#[test]
fn refusals_and_awaited_pongs_end_at_their_limits() {
    for refusals_max in [0, 1, 3] {
        let limits = Limits { refusals_max, ..Limits::default() };
        let mut hand = Hand::with(limits);
        let call = hand.pair.client.call(echo(b"x")).unwrap();
        let mut refusals = 0;
        while hand.pair.client.open_calls() == 1 {
            let sent = hand.only(ECHO);
            let notice = types::BadMsgNotification {
                bad_msg_id: sent.msg_id.as_i64(),
                bad_msg_seqno: sent.seq_no,
                error_code: 20,
            };
            hand.says(0, &notice.to_bytes().unwrap());
            refusals += 1;
        }
        assert_eq!(refusals, refusals_max + 1);
        assert_eq!(hand.pair.replies(), [(call, false)]);
    }
    let mut hand = Hand::with(Limits { pings_max: 2, ..Limits::default() });
    for ping_id in 0..3 {
        hand.pair.client.ping(ping_id);
        hand.sent();
    }
    for (ping_id, known) in [(0, false), (1, true), (2, true)] {
        let pong = types::Pong { msg_id: 4, ping_id }.to_bytes().unwrap();
        assert_eq!(hand.says(0, &pong).1 == Received::Accepted, known, "{ping_id}");
    }
}

#[test]
fn bytes_of_sent_service_messages_are_bounded() {
    // 12 bytes each: ten of twelve are kept.
    for (nth, kept) in [(0, false), (1, false), (2, true), (11, true)] {
        let limits = Limits { sent_bytes_max: 120, future_salts_min: 0, ..Limits::default() };
        let mut hand = Hand::with(limits);
        let mut pings = Vec::new();
        for ping_id in 0..12 {
            hand.pair.client.ping(ping_id);
            pings.push(hand.only(functions::Ping::ID).msg_id);
        }
        let wanted: MsgId = pings[nth];
        let resend = types::MsgResendReq { msg_ids: vec![wanted.as_i64()] };
        hand.says(0, &resend.to_bytes().unwrap());
        let sent = hand.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let expected = if kept { functions::Ping::ID } else { types::MsgsStateInfo::ID };
        assert_eq!(id_of(&sent[0].body), expected, "ping {nth}");
    }
}

#[test]
fn session_that_is_told_not_to_ask_for_salts_does_not() {
    let mut hand = Hand::with(Limits { future_salts_min: 0, ..Limits::default() });
    hand.says(1, &echo(b"update"));
    hand.pass(Duration::from_secs(2));
    let asked = |sent: &Sent| id_of(&sent.body) == functions::GetFutureSalts::ID;
    assert!(!hand.sent().iter().any(asked));
    let mut hand = Hand::with(Limits::default());
    hand.says(1, &echo(b"update"));
    assert!(hand.sent().iter().any(asked));
}

// --- time --------------------------------------------------------------------------------

/// A client and servers whose clocks differ.
struct Clocks {
    pair: Pair,
    server_s: i64,
    refusals: usize,
    seeds: u64,
}

impl Clocks {
    fn new(offset_us: i64, server_s: i64) -> Self {
        let mut pair = Pair::settled();
        pair.client =
            ClientSession::new(None, Seed::for_testing(4), Limits::default(), Timings::default());
        pair.client.resume_key(pair.key.clone(), 1, offset_us);
        pair.client.transport_connected(pair.now);
        Self { pair, server_s, refusals: 0, seeds: 10 }
    }

    fn server_turn<T>(&mut self, work: impl FnOnce(&mut Pair) -> T) -> T {
        let client_now = self.pair.now;
        self.pair.now.wall = UnixTime::from_micros(
            client_now.wall.as_micros().saturating_add_signed(self.server_s * 1_000_000),
        );
        let result = work(&mut self.pair);
        self.pair.now = client_now;
        result
    }

    /// Runs until nothing moves; a new session meets a new server.
    fn run(&mut self) {
        for _ in 0..100 {
            let mut moved = false;
            while let Some(packet) = self.pair.client_sends() {
                moved = true;
                let session_id = self.pair.client.session_id().unwrap();
                if self.pair.server.reference().session_id != session_id {
                    self.seeds += 1;
                    self.pair.server = new_server(&self.pair.key, session_id, self.seeds);
                }
                let received = self.server_turn(|pair| pair.server_takes(packet));
                self.refusals += usize::from(matches!(received, Received::Answered(_)));
            }
            for (call, body) in self.pair.calls() {
                self.pair.server.reply(call, body).unwrap();
            }
            while let Some(packet) = self.server_turn(Pair::server_sends) {
                moved = true;
                self.pair.client_takes(packet);
            }
            if !moved {
                return;
            }
        }
        panic!("no rest: {} refusals", self.refusals);
    }

    fn call(&mut self) -> bool {
        let call = self.pair.client.call(echo(b"x")).unwrap();
        self.run();
        self.pair.replies() == [(call, true)]
    }
}

#[test]
fn stale_time_offset_of_a_saved_session_is_mended_in_a_few_refusals() {
    for server_s in [-600_i64, 0, 600] {
        for stale_s in [-600_i64, 0, 600] {
            let mut clocks = Clocks::new((server_s + stale_s) * 1_000_000, server_s);
            assert!(clocks.call(), "server {server_s}, stale {stale_s}");
            assert!(
                clocks.refusals <= 3,
                "{}: server {server_s}, stale {stale_s}",
                clocks.refusals
            );
            let before = clocks.refusals;
            assert!(clocks.call());
            assert_eq!(clocks.refusals, before, "mended for good");
        }
    }
}

/// A server whose clock has stepped back goes on with ids from before the step, so its notices do
/// not tell its time; only a new session does.
#[test]
fn refusal_as_too_high_that_comes_twice_begins_a_new_session() {
    let mut hand = Hand::new();
    let session_id = hand.pair.client.session_id();
    hand.pair.client.call(echo(b"x")).unwrap();
    for restarted in [false, true] {
        let sent = hand.only(ECHO);
        let notice = types::BadMsgNotification {
            bad_msg_id: sent.msg_id.as_i64(),
            bad_msg_seqno: sent.seq_no,
            error_code: 17,
        };
        hand.says(0, &notice.to_bytes().unwrap());
        assert_eq!(hand.pair.client.session_id() != session_id, restarted);
    }
    hand.only(ECHO);
}

#[test]
fn clock_steps_on_either_side_are_survived() {
    for (client_step_s, server_step_s) in
        [(-3600_i64, 0_i64), (3600, 0), (0, 3600), (0, -3600), (-3600, -3600), (600, -600)]
    {
        let mut clocks = Clocks::new(0, 0);
        assert!(clocks.call());
        let before = clocks.refusals;
        clocks.pair.now = clocks.pair.now.after(Duration::from_secs(10));
        clocks.pair.now.wall = clocks.pair.now.wall.shifted(client_step_s * 1_000_000);
        clocks.server_s += server_step_s - client_step_s;
        assert!(clocks.call(), "client {client_step_s}, server {server_step_s}");
        let cost = clocks.refusals - before;
        assert!(cost <= 4, "{cost} refusals: client {client_step_s}, server {server_step_s}");
        let before = clocks.refusals;
        assert!(clocks.call());
        assert_eq!(clocks.refusals, before, "mended for good");
    }
}
