//! What a server session holds is bounded by its limits, whatever its client does. One test, in
//! a process of its own, under an allocator that counts.

mod hand;

use bytes::Bytes;
use hand::{Hand, container, echo, noise};
use odnix_proto::{MsgId, limits::Limits, session::ServerSessionEvent};
use odnix_tl::{
    Encode, Raw,
    mtproto::{functions, types},
    odnix::{enums::JsonValue, functions::InitConnection, types::JsonArray},
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Small enough that a peer reaches each of them quickly.
fn limits() -> Limits {
    Limits {
        packet_bytes_max: 96 << 10,
        container_bytes_max: 60 << 10,
        inflate_bytes_max: 128 << 10,
        ids_max: 8192,
        received_ids_max: 512,
        sent_max: 128,
        sent_bytes_max: 256 << 10,
        notices_bytes_max: 64 << 10,
        calls_max: 64,
        calls_bytes_max: 256 << 10,
        ..Limits::default()
    }
}

/// For the places of messages and ids.
const SLACK: usize = 128 << 10;

/// Bytes in use above `before`.
fn held(before: usize) -> usize {
    ALLOCATOR.current_usage().saturating_sub(before)
}

#[test]
fn a_session_holds_no_more_than_its_limits_say() {
    let limits = limits();
    limits.validate().unwrap();
    let max = limits.session_bytes_max();
    // A bound that allowed for anything would prove nothing.
    assert!(max < 3 << 20, "{max}");
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let mut hand = Hand::with(limits.clone(), None);
    assert!(held(before) < 64 << 10, "an idle session is small");

    let events = queries_that_are_small_slices_of_large_packets(&mut hand, &limits);
    let in_use = held(before);
    assert!(in_use < 128 << 10, "{in_use} bytes for queries of a few bytes each");
    drop(events);

    let idle = held(before);
    let open = large_queries(&mut hand);
    let queries = held(before + idle);
    assert!(queries > limits.calls_bytes_max / 2, "the peer reaches the bound");
    assert!(queries <= 2 * limits.calls_bytes_max + SLACK, "{queries} bytes of queries");
    reply(&mut hand, open, 8);
    hand.acknowledge_all();

    let open = queries_larger_in_memory_than_on_the_wire(&mut hand);
    let queries = held(before + idle);
    assert!(queries <= 2 * limits.calls_bytes_max + SLACK, "{queries} bytes of queries");
    reply(&mut hand, open, 8);
    hand.acknowledge_all();

    notices_nobody_reads(&mut hand);
    let notices = held(before + idle);
    assert!(notices > limits.notices_bytes_max / 2, "the peer reaches the bound");
    assert!(notices <= limits.notices_bytes_max + SLACK, "{notices} bytes of notices");
    hand.sent();

    small_queries_with_large_answers_nobody_reads(&mut hand, &limits);
    updates_nobody_reads(&mut hand);
    let answers = held(before + idle);
    assert!(answers > limits.sent_bytes_max / 2, "the peer reaches the bound");
    assert!(answers <= limits.sent_bytes_max + SLACK, "{answers} bytes of answers");

    ids_without_end(&mut hand);
    let mut sent = 0;
    for _ in 0..4 {
        sent += hand.sent().len();
        hand.server.transport_lost();
        hand.pass(core::time::Duration::from_secs(60));
        let open = large_queries(&mut hand);
        reply(&mut hand, open, 60 << 10);
        updates_nobody_reads(&mut hand);
    }
    assert!(sent > 50, "{sent}");
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    assert!(peak <= max, "{peak} bytes, {max} allowed");
}

/// Each of these packets would be kept as a whole by the query in it.
fn queries_that_are_small_slices_of_large_packets(
    hand: &mut Hand,
    limits: &Limits,
) -> Vec<ServerSessionEvent> {
    let ballast = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
    let ballast = [&ballast[..], &noise(40 << 10)[..]].concat();
    for _ in 0..limits.calls_max / 2 {
        let (one, two) = (hand.next_id(), hand.next_id());
        let (outer, query) = (hand.next_id(), echo(1));
        let query_seq = hand.next_seq_no();
        let seq_no = hand.content_sent * 2;
        let body = container(&[(one, query_seq, &query), (two, seq_no, &ballast)]);
        hand.at(outer, seq_no, &body);
    }
    let events = hand.events();
    assert_eq!(events.len(), limits.calls_max / 2);
    hand.acknowledge_all();
    // The embedder holds them, until it has answered.
    events
}

/// The embedder holds them, until it has answered.
fn large_queries(hand: &mut Hand) -> Vec<ServerSessionEvent> {
    for _ in 0..16 {
        hand.content(&noise(40 << 10));
    }
    hand.events()
}

/// `initConnection` with `params` of nothing but `jsonNull`, which is four bytes on the wire.
fn queries_larger_in_memory_than_on_the_wire(hand: &mut Hand) -> Vec<ServerSessionEvent> {
    let value = vec![JsonValue::JsonNull; 9000];
    let body = InitConnection {
        api_id: 1,
        device_model: "d".into(),
        system_version: "s".into(),
        app_version: "a".into(),
        system_lang_code: "en".into(),
        lang_pack: "".into(),
        lang_code: "en".into(),
        proxy: None,
        params: Some(JsonValue::JsonArray(JsonArray { value })),
        query: Raw(echo(1)),
    };
    let body = body.to_bytes().unwrap();
    for _ in 0..6 {
        hand.content(&body);
    }
    let events = hand.events();
    assert_eq!(events.len(), 6);
    events
}

fn reply(hand: &mut Hand, open: Vec<ServerSessionEvent>, len: usize) {
    for event in open {
        if let ServerSessionEvent::Call { call, .. } = event {
            hand.server.reply(call, noise(len)).unwrap();
        }
    }
}

fn small_queries_with_large_answers_nobody_reads(hand: &mut Hand, limits: &Limits) {
    for _ in 0..limits.calls_max {
        hand.content(&echo(1));
    }
    let open = hand.events();
    assert!(open.len() >= limits.calls_max / 2);
    reply(hand, open, 30 << 10);
}

fn updates_nobody_reads(hand: &mut Hand) {
    for _ in 0..64 {
        let _ = hand.server.push(noise(20 << 10));
    }
}

fn notices_nobody_reads(hand: &mut Hand) {
    let msg_ids = vec![5; 8192];
    let state = types::MsgsStateReq { msg_ids }.to_bytes().unwrap();
    for _ in 0..200 {
        hand.service(&state);
        hand.service(&functions::GetFutureSalts { num: 64 }.to_bytes().unwrap());
        hand.service(&functions::Ping { ping_id: 1 }.to_bytes().unwrap());
    }
}

/// Each message and each container leaves an id behind.
fn ids_without_end(hand: &mut Hand) {
    let ping: Bytes = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
    for _ in 0..40 {
        let inner: Vec<MsgId> = (0..100).map(|_| hand.next_id()).collect();
        let outer = hand.next_id();
        let seq_no = hand.content_sent * 2;
        let odd = |at: usize| seq_no + 1 - 2 * i32::from(at.is_multiple_of(2));
        let messages: Vec<_> =
            inner.iter().enumerate().map(|(at, id)| (*id, odd(at), &ping[..])).collect();
        hand.at(outer, seq_no, &container(&messages));
    }
}
