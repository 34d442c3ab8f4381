//! Sessions of both roles against each other, without transports.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::Bytes;
use common::{Pair, echo, look, new_server};
use core::time::Duration;
use odnix_proto::{
    envelope::Side,
    error::{DropReason, Received, UsageError},
    limits::Limits,
    session::{CallError, ClientSessionEvent, ServerSessionEvent},
};
use odnix_tl::{Constructor, Decode, Encode, Raw, mtproto::types, odnix::functions as odnix};
use std::collections::BTreeSet;

#[test]
fn call_reaches_the_server_once_and_its_reply_ends_it() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"one")).unwrap();
    let packet = pair.client_sends().unwrap();
    assert_eq!(pair.server_takes(packet), Received::Accepted);
    let calls = pair.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].1, echo(b"one"));
    pair.server.reply(calls[0].0, Bytes::from_static(b"done")).unwrap();
    pair.run();
    assert!(matches!(pair.client_events().as_slice(),
        [ClientSessionEvent::Reply { call: ended, result: Ok(body) }]
            if *ended == call && body.as_ref() == b"done"));
    assert_eq!(pair.client.open_calls(), 0);
    assert_eq!(pair.server.reply(calls[0].0, echo(b"")), Err(UsageError::UnknownCall));
}

#[test]
fn wrong_salt_is_told_once_and_the_call_is_run_once() {
    let mut pair = Pair::strangers();
    let call = pair.client.call(echo(b"first")).unwrap();
    let refused = pair.client_sends().unwrap();
    let first_id = look(&pair.key, Side::Client, &refused).header.msg_id;
    assert!(matches!(pair.server_takes(refused), Received::Answered(_)));
    assert!(pair.calls().is_empty());
    let notice = pair.server_sends().unwrap();
    let opened = look(&pair.key, Side::Server, &notice);
    assert_eq!(opened.header.seq_no, 0, "the first notice of a session carries seq_no 0");
    pair.client_takes(notice);
    let again = pair.client_sends().unwrap();
    let opened = look(&pair.key, Side::Client, &again);
    assert!(opened.header.msg_id > first_id, "a refused message gets a new id");
    pair.server_takes(again);
    let calls = pair.calls();
    assert_eq!(calls.len(), 1);
    pair.server.reply(calls[0].0, Bytes::from_static(b"okay")).unwrap();
    pair.run();
    assert_eq!(pair.replies(), [(call, true)]);
}

#[test]
fn new_session_is_announced_with_the_first_message_and_the_current_salt() {
    // Another secret, and (the last byte of the seed) that of before: there is nothing to save.
    for (seed, changed) in [(9, true), (256 + 2, false)] {
        let mut pair = Pair::settled();
        pair.client.transport_lost();
        pair.server = new_server(&pair.key, pair.client.session_id().unwrap(), seed);
        pair.client.transport_connected(pair.now);
        pair.client.call(echo(b"x")).unwrap();
        pair.run();
        let events = pair.client_events();
        assert!(events.iter().any(|event| matches!(event, ClientSessionEvent::SessionCreated)));
        let is_salt = |event: &_| matches!(event, ClientSessionEvent::SaltChanged(_));
        assert_eq!(events.iter().any(is_salt), changed);
    }
}

#[test]
fn rpc_error_ends_the_call_with_its_code_and_name() {
    let mut pair = Pair::settled();
    pair.client.call(echo(b"x")).unwrap();
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    let (call, _) = pair.calls()[0];
    pair.server.reply_error(call, 403, "FORBIDDEN").unwrap();
    pair.run();
    let events = pair.client_events();
    let [ClientSessionEvent::Reply { result: Err(CallError::Rpc(error)), .. }] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((error.code, error.message.as_str()), (403, "FORBIDDEN"));
}

#[test]
fn waiting_messages_share_a_container_with_the_highest_id() {
    let mut pair = Pair::settled();
    for number in 0..5_u8 {
        pair.client.call(echo(&[number; 3])).unwrap();
    }
    let packet = pair.client_sends().unwrap();
    assert!(pair.client_sends().is_none());
    let opened = look(&pair.key, Side::Client, &packet);
    assert_eq!(opened.data[..4], 0x73f1_f8dc_u32.to_le_bytes());
    assert_eq!(opened.header.seq_no & 1, 0, "a container is not content-related");
    pair.server_takes(packet);
    let bodies: Vec<Bytes> = pair.calls().into_iter().map(|(_, body)| body).collect();
    let sent: Vec<Bytes> = (0..5_u8).map(|number| echo(&[number; 3])).collect();
    assert_eq!(bodies, sent, "in the order they were made");
}

#[test]
fn large_bodies_are_packed_both_ways_and_arrive_whole() {
    let mut pair = Pair::settled();
    let text = b"the same words again and again, ".repeat(256);
    pair.client.call(echo(&text)).unwrap();
    let packet = pair.client_sends().unwrap();
    assert!(packet.len() < text.len() / 4);
    pair.server_takes(packet);
    let (call, body) = pair.calls().remove(0);
    assert_eq!(body, echo(&text));
    pair.server.reply(call, body.clone()).unwrap();
    let packet = pair.server_sends().unwrap();
    assert!(packet.len() < text.len() / 4);
    pair.client_takes(packet);
    assert!(matches!(pair.client_events().as_slice(),
        [ClientSessionEvent::Reply { result: Ok(result), .. }] if *result == body));
}

/// Five bodies of 3 MiB that shrink to almost nothing would share a packet, but the receiver
/// inflates no more than 10 MiB of one.
#[test]
fn a_packet_inflates_to_no_more_than_the_other_side_takes() {
    let mut pair = Pair::settled();
    let text = vec![7; 3 << 20];
    let mut calls: Vec<_> = (0..5).map(|_| pair.client.call(echo(&text)).unwrap()).collect();
    for in_packet in [3, 2] {
        let packet = pair.client_sends().unwrap();
        pair.server_takes(packet);
        let running = pair.calls();
        assert_eq!(running.len(), in_packet);
        running.into_iter().for_each(|(call, body)| pair.server.reply(call, body).unwrap());
    }
    for in_packet in [3, 2] {
        let packet = pair.server_sends().unwrap();
        pair.client_takes(packet);
        let replies = pair.replies();
        let expected: Vec<_> = calls.drain(..in_packet).map(|call| (call, true)).collect();
        assert_eq!(replies, expected);
    }
}

#[test]
fn unanswered_call_leaves_again_under_its_own_id_in_a_container() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"x")).unwrap();
    let lost = pair.client_sends().unwrap();
    let first = look(&pair.key, Side::Client, &lost);
    pair.client.transport_lost();
    pair.client.transport_connected(pair.now);
    let again = pair.client_sends().unwrap();
    let second = look(&pair.key, Side::Client, &again);
    assert_ne!(first.header.msg_id, second.header.msg_id);
    let inner = i64::from_le_bytes(second.data[8..16].try_into().unwrap());
    assert_eq!(inner, first.header.msg_id.as_i64());
    pair.server_takes(again);
    pair.server_takes(lost);
    assert_eq!(pair.calls().len(), 1, "received twice, run once");
    assert_eq!(pair.client.open_calls(), 1);
    pair.client.abandon(call).unwrap();
    assert_eq!(pair.replies(), [(call, false)]);
}

#[test]
fn lost_answer_is_sent_again_when_the_request_comes_again() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"x")).unwrap();
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    let (id, body) = pair.calls().remove(0);
    pair.server.reply(id, body).unwrap();
    drop(pair.server_sends().unwrap());
    pair.client.transport_lost();
    pair.client.transport_connected(pair.now);
    pair.run();
    assert_eq!(pair.replies(), [(call, true)]);
    assert!(pair.calls().is_empty());
}

#[test]
fn unacknowledged_answers_and_updates_survive_the_transport() {
    let mut pair = Pair::settled();
    pair.server.push(echo(b"update")).unwrap();
    let lost = pair.server_sends().unwrap();
    let first = look(&pair.key, Side::Server, &lost).header.msg_id;
    pair.server.transport_lost();
    let again = pair.server_sends().unwrap();
    let opened = look(&pair.key, Side::Server, &again);
    assert_ne!(opened.header.msg_id, first, "no outer tuple twice");
    pair.client_takes(again);
    assert_eq!(pair.client_takes(lost), Received::Dropped(DropReason::Duplicate));
    let updates = pair
        .client_events()
        .into_iter()
        .filter(|event| matches!(event, ClientSessionEvent::Update(_)))
        .count();
    assert_eq!(updates, 1);
}

#[test]
fn acknowledged_messages_are_not_sent_again() {
    let mut pair = Pair::settled();
    pair.server.push(echo(b"update")).unwrap();
    pair.run();
    pair.pass(Duration::from_secs(2));
    pair.run();
    pair.server.transport_lost();
    assert!(pair.server_sends().is_none());
}

#[test]
fn server_restart_loses_no_call() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"x")).unwrap();
    drop(pair.client_sends());
    pair.server = new_server(&pair.key, pair.client.session_id().unwrap(), 77);
    pair.client.transport_lost();
    pair.client.transport_connected(pair.now);
    pair.run();
    assert_eq!(pair.replies(), [(call, true)]);
}

#[test]
fn slow_client_loses_updates_but_is_told_so() {
    let mut pair = Pair::settled();
    let limit = Limits::default().sent_max;
    let mut refused = None;
    for number in 0..=limit {
        if let Err(error) = pair.server.push(echo(&number.to_le_bytes())) {
            refused = Some((number, error));
            break;
        }
    }
    assert_eq!(refused, Some((limit, UsageError::QueueFull { limit })));
    pair.run();
    pair.pass(Duration::from_secs(2));
    pair.run();
    let last = pair
        .client_events()
        .into_iter()
        .filter_map(|event| match event {
            ClientSessionEvent::Update(body) => Some(body),
            _ => None,
        })
        .next_back()
        .unwrap();
    assert_eq!(last[..4], odnix_tl::odnix::types::UpdatesTooLong::ID.to_le_bytes());
}

#[test]
fn too_many_open_calls_are_refused_on_both_sides() {
    let mut pair = Pair::settled();
    let limit = Limits::default().calls_max;
    for _ in 0..limit {
        pair.client.call(echo(b"x")).unwrap();
    }
    assert_eq!(pair.client.call(echo(b"x")), Err(UsageError::QueueFull { limit }));
    while let Some(packet) = pair.client_sends() {
        pair.server_takes(packet);
    }
    assert_eq!(pair.calls().len(), limit);
}

#[test]
fn wrappers_are_peeled_and_reported() {
    let mut pair = Pair::settled();
    let inner = odnix::InvokeWithoutUpdates { query: Raw(echo(b"q")) }.to_bytes().unwrap();
    let connection = odnix::InitConnection {
        api_id: 5,
        device_model: "test".into(),
        system_version: "1".into(),
        app_version: "2".into(),
        system_lang_code: "en".into(),
        lang_pack: String::new(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: Raw(inner),
    };
    let body = odnix::InvokeWithLayer { layer: 201, query: Raw(connection.to_bytes().unwrap()) };
    let body = odnix::InvokeAfterMsg { msg_id: 44, query: Raw(body.to_bytes().unwrap()) };
    pair.client.call(body.to_bytes().unwrap()).unwrap();
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    let Some(ServerSessionEvent::Call { context, body, .. }) = pair.server.poll_event() else {
        panic!("no call")
    };
    assert_eq!(body, echo(b"q"));
    assert_eq!(context.layer, Some(201));
    assert_eq!(context.init.unwrap().device_model, "test");
    assert_eq!(context.after.iter().map(|id| id.as_i64()).collect::<Vec<_>>(), [44]);
    assert!(context.without_updates);
}

#[test]
fn wrappers_deeper_than_the_limit_are_refused_with_a_typed_error() {
    let mut pair = Pair::settled();
    let mut body = echo(b"q");
    for _ in 0..=Limits::default().nesting_max {
        body = odnix::InvokeWithoutUpdates { query: Raw(body) }.to_bytes().unwrap();
    }
    let call = pair.client.call(body).unwrap();
    pair.run();
    assert_eq!(pair.replies(), [(call, false)]);
}

#[test]
fn pings_are_answered_and_timed() {
    let mut pair = Pair::settled();
    pair.client.ping(99);
    let packet = pair.client_sends().unwrap();
    pair.now = pair.now.after(Duration::from_millis(40));
    pair.server_takes(packet);
    pair.run();
    assert!(pair.client_events().iter().any(|event| matches!(event,
        ClientSessionEvent::Pong { ping_id: 99, round_trip } if round_trip.as_millis() == 40)));
}

#[test]
fn silence_is_noticed_by_both_sides() {
    let mut pair = Pair::settled();
    pair.pass(Duration::from_secs(61));
    pair.run();
    assert!(!pair.client.is_dead(pair.now));
    pair.now = pair.now.after(Duration::from_secs(76));
    assert!(pair.client.is_dead(pair.now));
    pair.server.handle_timeout(pair.now);
    assert!(pair.server.disconnect_is_due());
}

#[test]
fn future_salts_carry_a_session_over_many_rotations() {
    let mut pair = Pair::settled();
    pair.client.get_future_salts(64);
    pair.run();
    assert!(pair.client_events().iter().any(|event| matches!(event,
        ClientSessionEvent::FutureSalts { count } if *count >= 2)));
    for _ in 0..6 {
        pair.pass(Duration::from_secs(1900));
        pair.run();
        pair.client_events();
        let call = pair.client.call(echo(b"x")).unwrap();
        pair.run();
        let events = pair.client_events();
        assert!(
            !events.iter().any(|e| matches!(e, ClientSessionEvent::SaltChanged(_))),
            "the promised salt was right"
        );
        assert!(events.iter().any(|e| matches!(e,
            ClientSessionEvent::Reply { call: ended, result: Ok(_) } if *ended == call)));
    }
}

#[test]
fn rotated_salt_without_future_salts_costs_one_refusal() {
    let mut pair = Pair::settled();
    pair.pass(Duration::from_secs(3 * 1800));
    let call = pair.client.call(echo(b"x")).unwrap();
    let refused = pair.client_sends().unwrap();
    assert!(matches!(pair.server_takes(refused), Received::Answered(_)));
    let notice = pair.server_sends().unwrap();
    pair.client_takes(notice);
    let again = pair.client_sends().unwrap();
    assert_eq!(pair.server_takes(again), Received::Accepted, "one refusal, no more");
    pair.run();
    assert_eq!(pair.replies(), [(call, true)]);
}

#[test]
fn skewed_clocks_are_mended_by_one_notice() {
    for skew_s in [-4000_i64, -600, 600, 4000] {
        let mut pair = Pair::strangers();
        let server_now = pair.now;
        let call = pair.client.call(echo(b"x")).unwrap();
        pair.now.wall = pair.now.wall.shifted(skew_s * 1_000_000);
        let mut rounds = 0;
        loop {
            let Some(packet) = pair.client_sends() else { break };
            let client_now = core::mem::replace(&mut pair.now, server_now);
            let session_id = pair.client.session_id().unwrap();
            if pair.server.reference().session_id != session_id {
                pair.server = new_server(&pair.key, session_id, 3);
            }
            pair.server_takes(packet);
            for (id, body) in pair.calls() {
                pair.server.reply(id, body).unwrap();
            }
            while let Some(packet) = pair.server_sends() {
                pair.now = client_now;
                pair.client_takes(packet);
                pair.now = server_now;
            }
            pair.now = client_now;
            rounds += 1;
            assert!(rounds < 8, "skew {skew_s}");
        }
        assert_eq!(pair.replies(), [(call, true)], "skew {skew_s}");
        let offset = pair.client.time_offset_us(pair.now);
        assert!((offset + skew_s * 1_000_000).abs() < 2_000_000, "skew {skew_s}: {offset}");
    }
}

#[test]
fn local_clock_steps_do_no_harm_once_the_server_time_is_known() {
    let mut pair = Pair::settled();
    for step_s in [-7200_i64, 7200] {
        let server_now = pair.now;
        pair.now.wall = pair.now.wall.shifted(step_s * 1_000_000);
        pair.client.call(echo(b"x")).unwrap();
        let packet = pair.client_sends().unwrap();
        pair.now = server_now;
        assert_eq!(pair.server_takes(packet), Received::Accepted);
        pair.run();
        pair.client_events();
    }
}

#[test]
fn another_session_is_destroyed_only_by_the_embedder() {
    let mut pair = Pair::settled();
    pair.client.destroy_session(123);
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    assert!(matches!(
        pair.server.poll_event(),
        Some(ServerSessionEvent::DestroyWanted { session_id: 123 })
    ));
    pair.server.session_destroyed(123, true);
    pair.run();
    assert!(pair.client_events().iter().any(|event| matches!(
        event,
        ClientSessionEvent::SessionDestroyed { session_id: 123, existed: true }
    )));
}

#[test]
fn dropped_answers_are_named_by_what_became_of_them() {
    let mut pair = Pair::settled();
    pair.client.call(echo(b"slow")).unwrap();
    let packet = pair.client_sends().unwrap();
    let req_msg_id = look(&pair.key, Side::Client, &packet).header.msg_id.as_i64();
    pair.server_takes(packet);
    let (slow, _) = pair.calls().remove(0);
    let drop_it = || odnix_tl::mtproto::functions::RpcDropAnswer { req_msg_id }.to_bytes().unwrap();
    for expected in [types::RpcAnswerDroppedRunning::ID, types::RpcAnswerUnknown::ID] {
        pair.client.call(drop_it()).unwrap();
        pair.run();
        let answer = pair.client_events().into_iter().find_map(|event| match event {
            ClientSessionEvent::Reply { result: Ok(body), .. } => Some(body),
            _ => None,
        });
        assert_eq!(answer.unwrap()[..4], expected.to_le_bytes());
    }
    pair.server.reply(slow, echo(b"late")).unwrap();
    pair.run();
    assert_eq!(pair.client.open_calls(), 1, "the dropped answer never came");
}

#[test]
fn state_requests_are_answered_byte_by_byte() {
    let mut pair = Pair::settled();
    pair.client.call(echo(b"x")).unwrap();
    let packet = pair.client_sends().unwrap();
    let known = look(&pair.key, Side::Client, &packet).header.msg_id.as_i64();
    pair.server_takes(packet);
    let request = types::MsgsStateReq { msg_ids: vec![known, known + 4, known + (1 << 40)] };
    pair.server.push(echo(b"u")).unwrap();
    let push = pair.server_sends().unwrap();
    let header = odnix_proto::envelope::Header {
        salt: look(&pair.key, Side::Server, &push).header.salt,
        session_id: pair.client.session_id().unwrap(),
        msg_id: common::client_id(pair.now.wall, 9999),
        seq_no: 2,
    };
    let packet = common::seal(&pair.key, Side::Client, header, &request.to_bytes().unwrap());
    pair.server_takes(packet);
    let answer = pair.server_sends().unwrap();
    let opened = look(&pair.key, Side::Server, &answer);
    let at = opened.data.windows(4).position(|w| w == types::MsgsStateInfo::ID.to_le_bytes());
    let info = types::MsgsStateInfo::from_prefix(opened.data.slice(at.unwrap()..)).unwrap().0;
    // Received and running; its acknowledgement left with the update.
    assert_eq!(info.info.as_ref(), [4 + 8 + 32, 2, 3]);
}

#[test]
fn no_outer_tuple_and_no_msg_key_is_used_twice() {
    let mut pair = Pair::settled();
    let mut tuples = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for round in 0..20_u8 {
        pair.client.call(echo(&[round])).unwrap();
        if round % 3 == 0 {
            pair.client.transport_lost();
            pair.server.transport_lost();
            pair.client.transport_connected(pair.now);
        }
        pair.pass(Duration::from_secs(20));
        for _ in 0..3 {
            while let Some(packet) = pair.client_sends() {
                note(&mut tuples, &mut keys, &pair, Side::Client, &packet);
                if round % 2 == 0 {
                    pair.server_takes(packet);
                }
            }
            for (id, body) in pair.calls() {
                pair.server.reply(id, body).unwrap();
            }
            while let Some(packet) = pair.server_sends() {
                note(&mut tuples, &mut keys, &pair, Side::Server, &packet);
                if round % 4 == 0 {
                    pair.client_takes(packet);
                }
            }
        }
    }
    assert!(tuples.len() > 20, "{}", tuples.len());
}

type Tuple = (bool, i64, i64, i64, i32);

fn note(
    tuples: &mut BTreeSet<Tuple>,
    keys: &mut BTreeSet<[u8; 16]>,
    pair: &Pair,
    from: Side,
    packet: &bytes::BytesMut,
) {
    let header = look(&pair.key, from, packet).header;
    let client = from == Side::Client;
    let tuple = (client, header.salt, header.session_id, header.msg_id.as_i64(), header.seq_no);
    assert!(tuples.insert(tuple), "{header:?} sealed twice");
    assert!(keys.insert(packet[8..24].try_into().unwrap()), "msg_key used twice");
}

#[test]
fn untaken_events_are_bounded_and_the_loss_is_told() {
    let mut pair = Pair::settled();
    let limit = Limits::default().events_max;
    for number in 0..=limit {
        pair.server.push(echo(&number.to_le_bytes())).unwrap();
        pair.run();
        if number % 500 == 0 {
            pair.pass(Duration::from_secs(2));
            pair.run();
        }
    }
    let events = pair.client_events();
    assert_eq!(events.len(), limit + 1);
    assert!(matches!(events.last(), Some(ClientSessionEvent::UpdatesLost)));
}

#[test]
fn answers_to_a_client_that_never_reads_are_bounded() {
    let mut pair = Pair::settled();
    let limits = Limits::default();
    let mut refused = 0;
    for _ in 0..4 {
        for _ in 0..limits.calls_max {
            let _ = pair.client.call(echo(b"x"));
        }
        while let Some(packet) = pair.client_sends() {
            pair.server_takes(packet);
        }
        for (call, _) in pair.calls() {
            pair.server.reply(call, echo(b"answer")).unwrap();
        }
        let open: Vec<_> = std::iter::from_fn(|| pair.client.poll_event()).collect();
        refused += open.len();
        pair.client.transport_lost();
        pair.client.transport_connected(pair.now);
    }
    let mut messages = 0;
    while let Some(packet) = pair.server_sends() {
        let opened = look(&pair.key, Side::Server, &packet);
        messages += u32::from_le_bytes(opened.data[4..8].try_into().unwrap()) as usize;
    }
    assert!(messages <= limits.sent_max + limits.calls_max + 64, "{messages}");
    assert_eq!(refused, 0);
}

#[test]
fn deadlines_never_stay_in_the_past_when_nothing_can_be_sent() {
    let mut pair = Pair::settled();
    for number in 0..20_u8 {
        pair.client.call(echo(&[number])).unwrap();
        let packet = pair.client_sends().unwrap();
        pair.server_takes(packet);
        pair.server.push(echo(&[number])).unwrap();
        let packet = pair.server_sends().unwrap();
        pair.client_takes(packet);
    }
    for _ in 0..50 {
        for due in [pair.server.poll_timeout(), pair.client.poll_timeout()].into_iter().flatten() {
            pair.now = pair.now.after(due.since(pair.now.mono));
            if pair.client.is_dead(pair.now) {
                return;
            }
            pair.server.handle_timeout(pair.now);
            pair.client.handle_timeout(pair.now);
            assert!(pair.server.poll_timeout().is_none_or(|next| next > pair.now.mono));
            assert!(pair.client.poll_timeout().is_none_or(|next| next > pair.now.mono));
        }
    }
}

#[test]
fn call_that_ran_keeps_its_id_when_its_container_is_refused() {
    let mut pair = Pair::settled();
    let call = pair.client.call(echo(b"once")).unwrap();
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    let (id, body) = pair.calls().remove(0);
    pair.server.reply(id, body).unwrap();
    drop(pair.server_sends());
    pair.client.transport_lost();
    pair.server.transport_lost();
    pair.now = pair.now.after(Duration::from_secs(2 * 3600)); // the salt is long gone
    pair.client.transport_connected(pair.now);
    let packet = pair.client_sends().unwrap();
    assert!(matches!(pair.server_takes(packet), Received::Answered(_)));
    pair.run();
    assert_eq!(pair.replies(), [(call, true)]);
    assert!(pair.calls().is_empty(), "it ran once");
}

#[test]
fn open_calls_are_answered_however_many_more_are_refused() {
    let mut pair = Pair::settled();
    let limits = Limits::default();
    let mut waiting = BTreeSet::new();
    for _ in 0..limits.calls_max {
        waiting.insert(pair.client.call(echo(b"x")).unwrap());
    }
    while let Some(packet) = pair.client_sends() {
        pair.server_takes(packet);
    }
    let running = pair.calls();
    assert_eq!(running.len(), limits.calls_max);
    // A second client of the same session floods the queue with requests that are refused.
    pair.server.push(echo(b"salt")).unwrap();
    let packet = pair.server_sends().unwrap();
    let salt = look(&pair.key, Side::Server, &packet).header.salt;
    let session_id = pair.client.session_id().unwrap();
    for number in 0..1100_u32 {
        let header = odnix_proto::envelope::Header {
            salt,
            session_id,
            msg_id: common::client_id(pair.now.wall, (1 << 20) + number),
            seq_no: 10_001 + 2 * i32::try_from(number).unwrap(),
        };
        let packet = common::seal(&pair.key, Side::Client, header, &echo(b"more"));
        pair.server_takes(packet);
    }
    for (call, body) in running {
        pair.server.reply(call, body).unwrap();
    }
    while let Some(packet) = pair.server_sends() {
        pair.client_takes(packet);
    }
    let ended: BTreeSet<_> = pair.replies().into_iter().map(|(call, _)| call).collect();
    assert_eq!(ended, waiting);
}

#[test]
fn answers_given_up_for_space_end_their_calls_with_an_error() {
    let mut pair = Pair::settled();
    let mut state = 1_u32;
    let mut noise = vec![0; 3 << 20];
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_le_bytes()[3];
    }
    let calls: BTreeSet<_> = (0..7).map(|_| pair.client.call(echo(b"big")).unwrap()).collect();
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    for (call, _) in pair.calls() {
        pair.server.reply(call, echo(&noise)).unwrap();
    }
    while pair.server_sends().is_some() {} // all lost on the way
    pair.server.transport_lost();
    pair.client.transport_lost();
    pair.client.transport_connected(pair.now);
    pair.run();
    let replies = pair.replies();
    assert_eq!(replies.iter().map(|(call, _)| *call).collect::<BTreeSet<_>>(), calls);
    assert!(replies.iter().any(|(_, ok)| *ok) && replies.iter().any(|(_, ok)| !*ok));
}

#[test]
fn lost_updates_are_told_even_when_only_notices_filled_the_queue() {
    let mut pair = Pair::settled();
    for ping_id in 0..i64::try_from(Limits::default().sent_max).unwrap() {
        pair.client.ping(ping_id);
    }
    while let Some(packet) = pair.client_sends() {
        pair.server_takes(packet);
    }
    pair.server.push(echo(b"lost")).unwrap_err();
    pair.run();
    let told = odnix_tl::odnix::types::UpdatesTooLong::ID.to_le_bytes();
    assert!(pair.client_events().iter().any(|event| matches!(event,
        ClientSessionEvent::Update(body) if body[..4] == told)));
}

#[test]
fn refused_first_message_begins_no_session() {
    let mut pair = Pair::settled();
    pair.server.push(echo(b"salt")).unwrap();
    let packet = pair.server_sends().unwrap();
    let salt = look(&pair.key, Side::Server, &packet).header.salt;
    let mut server = new_server(&pair.key, 5, 2);
    let header = odnix_proto::envelope::Header {
        salt,
        session_id: 5,
        msg_id: common::client_id(pair.now.wall, 0),
        seq_no: 2,
    };
    let packet = common::seal(&pair.key, Side::Client, header, &echo(b"x"));
    let received = server.handle_opened(pair.now, look(&pair.key, Side::Client, &packet));
    assert!(matches!(received, Received::Answered(_)), "{received:?}");
    let mut out = bytes::BytesMut::new();
    assert!(server.poll_transmit(pair.now, &mut out));
    let data = look(&pair.key, Side::Server, &out).data;
    assert_eq!(data[..4], types::BadMsgNotification::ID.to_le_bytes(), "the notice alone");
    assert!(!server.poll_transmit(pair.now, &mut bytes::BytesMut::new()));
}

#[test]
fn debug_of_events_and_sessions_shows_no_content() {
    let mut pair = Pair::settled();
    pair.client.call(echo(b"CANARY-CANARY")).unwrap();
    let mut seen = format!("{:?}", pair.client);
    let packet = pair.client_sends().unwrap();
    pair.server_takes(packet);
    let event = pair.server.poll_event().unwrap();
    seen += &format!("{event:?}");
    let ServerSessionEvent::Call { call, body, .. } = event else { panic!("{event:?}") };
    pair.server.reply(call, body).unwrap();
    pair.server.push(echo(b"CANARY-CANARY")).unwrap();
    seen += &format!("{:?}", pair.server);
    let packet = pair.server_sends().unwrap();
    seen += &format!("{:?}", pair.server);
    pair.client_takes(packet);
    let events = pair.client_events();
    seen += &format!("{:?} {events:?}", pair.client);
    assert!(!seen.contains("CANARY"), "{seen}");
    assert!(!seen.contains(&format!("{:?}", b"CANARY".as_slice())[1..20]), "{seen}");
}

#[test]
fn call_beyond_the_limit_is_told_to_wait() {
    let mut pair = Pair::settled();
    for _ in 0..Limits::default().calls_max {
        pair.client.call(echo(b"x")).unwrap();
    }
    while let Some(packet) = pair.client_sends() {
        pair.server_takes(packet);
    }
    while pair.server_sends().is_some() {}
    pair.server.push(echo(b"salt")).unwrap();
    let packet = pair.server_sends().unwrap();
    let header = odnix_proto::envelope::Header {
        salt: look(&pair.key, Side::Server, &packet).header.salt,
        session_id: pair.client.session_id().unwrap(),
        msg_id: common::client_id(pair.now.wall, 1 << 20),
        seq_no: 10_001,
    };
    let one_more = common::seal(&pair.key, Side::Client, header, &echo(b"x"));
    assert_eq!(pair.server_takes(one_more), Received::Dropped(DropReason::Limit));
    let packet = pair.server_sends().unwrap();
    let data = look(&pair.key, Side::Server, &packet).data;
    let at = data.windows(4).position(|window| window == types::RpcResult::ID.to_le_bytes());
    let answer = types::RpcResult::from_prefix(data.slice(at.unwrap()..)).unwrap().0;
    assert_eq!(answer.req_msg_id, header.msg_id.as_i64());
    let error = types::RpcError::from_prefix(answer.result.0).unwrap().0;
    assert_eq!((error.error_code, error.error_message.as_str()), (420, "FLOOD_WAIT_1"));
}
