//! Hostile peers against a session: each rule has a message that breaks it and the exact
//! reaction. Hostile key exchanges, envelopes and byte streams have files of their own.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::{Bytes, BytesMut};
use common::{Pair, client_id, echo, look, seal, server_id};
use core::time::Duration;
use odnix_proto::{
    MsgId,
    envelope::{Header, Opened, Side},
    error::{DropReason, Notice, Received},
    limits::Limits,
    session::{CallError, ClientSessionEvent},
};
use odnix_tl::{
    Constructor, Decode, Encode, Raw,
    mtproto::{functions, types},
    odnix::functions as odnix,
};

/// A hand on the wire between a settled client and server.
struct Wire {
    pair: Pair,
    salt: i64,
    session_id: i64,
    seq_no: i32,
}

impl Wire {
    fn new() -> Self {
        let mut pair = Pair::settled();
        pair.server.push(echo(b"salt, please")).unwrap();
        let packet = pair.server_sends().unwrap();
        let salt = look(&pair.key, Side::Server, &packet).header.salt;
        let session_id = pair.client.session_id().unwrap();
        Self { pair, salt, session_id, seq_no: 101 }
    }

    fn id(&self, fine: u32) -> MsgId {
        client_id(self.pair.now.wall, fine.saturating_add(1 << 16))
    }

    fn server_takes(&mut self, msg_id: MsgId, seq_no: i32, body: &[u8]) -> Received {
        let header = Header { salt: self.salt, session_id: self.session_id, msg_id, seq_no };
        let packet = seal(&self.pair.key, Side::Client, header, body);
        self.pair.server_takes(packet)
    }

    /// The next content message.
    fn call(&mut self, msg_id: MsgId, body: &[u8]) -> Received {
        self.seq_no += 2;
        self.server_takes(msg_id, self.seq_no, body)
    }

    fn client_takes(&mut self, msg_id: MsgId, seq_no: i32, body: &[u8]) -> Received {
        let header = Header { salt: self.salt, session_id: self.session_id, msg_id, seq_no };
        let packet = seal(&self.pair.key, Side::Server, header, body);
        self.pair.client_takes(packet)
    }

    fn server_packet(&mut self) -> Opened {
        let packet = self.pair.server_sends().unwrap();
        look(&self.pair.key, Side::Server, &packet)
    }
}

fn container(messages: &[(MsgId, i32, &[u8])]) -> Vec<u8> {
    let mut body = 0x73f1_f8dc_u32.to_le_bytes().to_vec();
    body.extend((messages.len() as u32).to_le_bytes());
    for (msg_id, seq_no, inner) in messages {
        body.extend(msg_id.as_i64().to_le_bytes());
        body.extend(seq_no.to_le_bytes());
        body.extend((inner.len() as u32).to_le_bytes());
        body.extend(*inner);
    }
    body
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    packed.extend(miniz_oxide::deflate::compress_to_vec(plain, 6));
    packed.extend(crc32fast::hash(plain).to_le_bytes());
    packed.extend((plain.len() as u32).to_le_bytes());
    types::GzipPacked { packed_data: packed.into() }.to_bytes().unwrap()
}

fn bad_msg(msg_id: MsgId, code: i32) -> Received {
    Received::Answered(Notice::BadMsg { msg_id, code })
}

/// A server's notice about a message it was sent.
fn refusal(refused: &Header, error_code: i32) -> types::BadMsgNotification {
    types::BadMsgNotification {
        bad_msg_id: refused.msg_id.as_i64(),
        bad_msg_seqno: refused.seq_no,
        error_code,
    }
}

// --- what the server refuses -------------------------------------------------------------

#[test]
fn server_answers_each_bad_message_with_its_code() {
    let body = echo(b"x");
    let mut wire = Wire::new();
    let now = wire.pair.now.wall;
    let late = client_id(now.before(Duration::from_secs(302)), 0);
    let early = client_id(now.after(Duration::from_secs(32)), 0);
    let odd = MsgId::from_i64(wire.id(0).as_i64() + 1);
    let empty = MsgId::from_i64(wire.id(0).as_i64() & !0xffff_ffff);
    assert_eq!(wire.server_takes(late, 101, &body), bad_msg(late, 16));
    assert_eq!(wire.server_takes(early, 101, &body), bad_msg(early, 17));
    assert_eq!(wire.server_takes(odd, 101, &body), bad_msg(odd, 18));
    assert_eq!(wire.server_takes(empty, 101, &body), bad_msg(empty, 18));

    let taken = wire.id(10);
    assert_eq!(wire.server_takes(taken, 101, &body), Received::Accepted);
    assert_eq!(wire.server_takes(taken, 102, &container(&[])), bad_msg(taken, 19));

    let below = wire.id(5);
    assert_eq!(wire.server_takes(below, 103, &body), bad_msg(below, 33));
    let above = wire.id(20);
    assert_eq!(wire.server_takes(above, 101, &body), bad_msg(above, 32));
    assert_eq!(wire.server_takes(above, 99, &body), bad_msg(above, 32));
    assert_eq!(wire.server_takes(above, 104, &body), bad_msg(above, 35));
    assert_eq!(wire.server_takes(above, 105, &container(&[])), bad_msg(above, 34));
    let inner_above = container(&[(wire.id(30), 105, &body)]);
    assert_eq!(wire.server_takes(above, 104, &inner_above), bad_msg(above, 64));

    let salt = core::mem::replace(&mut wire.salt, 12345);
    let salted = Received::Answered(Notice::BadServerSalt { msg_id: above });
    assert_eq!(wire.server_takes(above, 103, &body), salted);
    wire.salt = salt;
    assert_eq!(wire.server_takes(above, 103, &body), Received::Accepted);
    assert_eq!(wire.pair.calls().len(), 2, "only the two accepted ones ran");
}

#[test]
fn notices_carry_the_refused_id_its_seq_no_and_the_servers_time() {
    let mut wire = Wire::new();
    let early = client_id(wire.pair.now.wall.after(Duration::from_secs(4000)), 0);
    wire.server_takes(early, 77, &echo(b"x"));
    let opened = wire.server_packet();
    let at = find(&opened.data, types::BadMsgNotification::ID);
    let notice = types::BadMsgNotification::from_prefix(opened.data.slice(at..)).unwrap().0;
    assert_eq!((notice.bad_msg_id, notice.bad_msg_seqno), (early.as_i64(), 77));
    let skew = opened.header.msg_id.time().offset_from(wire.pair.now.wall).abs();
    assert!(skew < 1_000_000);
}

/// A client whose clock is wrong takes a bare notice, but not a container that it finds outside
/// its window.
#[test]
fn each_notice_travels_in_a_packet_of_its_own() {
    let mut wire = Wire::new();
    let fine = wire.id(0);
    wire.call(fine, &echo(b"acknowledged with the next packet"));
    let early = wire.pair.now.wall.after(Duration::from_secs(4000));
    for step in 0..2 {
        wire.server_takes(client_id(early, step), 77, &echo(b"x"));
    }
    for _ in 0..2 {
        let opened = wire.server_packet();
        assert_eq!(find(&opened.data, types::BadMsgNotification::ID), 0);
        assert_eq!(opened.data.len(), 20);
    }
}

fn find(data: &[u8], id: u32) -> usize {
    data.windows(4).position(|window| window == id.to_le_bytes()).unwrap()
}

#[test]
fn window_edges_are_exact_to_the_second() {
    for (offset_s, code) in [(-299_i64, None), (-301, Some(16)), (29, None), (31, Some(17))] {
        let mut wire = Wire::new();
        // Later than the session's first message, below which everything counts as lost.
        wire.pair.now = wire.pair.now.after(Duration::from_secs(400));
        let time = wire.pair.now.wall.shifted(offset_s * 1_000_000);
        let msg_id = client_id(time, 0);
        let ping = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
        let expected = code.map_or(Received::Accepted, |code| bad_msg(msg_id, code));
        assert_eq!(wire.server_takes(msg_id, 0, &ping), expected, "{offset_s} s");
    }
}

#[test]
fn replayed_call_is_not_run_again_whether_newest_or_not() {
    let mut wire = Wire::new();
    let (first, second) = (wire.id(0), wire.id(1));
    wire.call(first, &echo(b"1"));
    wire.call(second, &echo(b"2"));
    assert_eq!(wire.pair.calls().len(), 2);
    for (msg_id, seq_no) in [(first, 103), (second, 105)] {
        let again = wire.server_takes(msg_id, seq_no, &echo(b"1"));
        assert_eq!(again, Received::Dropped(DropReason::Duplicate));
    }
    assert!(wire.pair.calls().is_empty());
}

#[test]
fn replay_after_the_window_moved_on_is_refused_as_too_old() {
    let mut wire = Wire::new();
    let first = wire.id(0);
    wire.call(first, &echo(b"1"));
    let ping = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
    let ids = u32::try_from(Limits::default().received_ids_max).unwrap();
    for fine in 1..=ids + 1 {
        wire.server_takes(wire.id(fine), 0, &ping);
        if fine % 64 == 0 {
            while wire.pair.server_sends().is_some() {}
        }
    }
    assert_eq!(wire.server_takes(first, 103, &echo(b"1")), bad_msg(first, 20));
    assert_eq!(wire.pair.calls().len(), 1);
}

#[test]
fn permuted_calls_are_run_in_order_or_refused() {
    let mut wire = Wire::new();
    let (first, second) = (wire.id(0), wire.id(1));
    assert_eq!(wire.server_takes(second, 105, &echo(b"2")), Received::Accepted);
    assert_eq!(wire.server_takes(first, 103, &echo(b"1")), bad_msg(first, 32));
    let run: Vec<Bytes> = wire.pair.calls().into_iter().map(|(_, body)| body).collect();
    assert_eq!(run, [echo(b"2")]);

    let mut wire = Wire::new();
    let (first, second, outer) = (wire.id(0), wire.id(1), wire.id(2));
    let body = container(&[(second, 105, &echo(b"2")), (first, 103, &echo(b"1"))]);
    assert_eq!(wire.server_takes(outer, 106, &body), Received::Accepted);
    let run: Vec<Bytes> = wire.pair.calls().into_iter().map(|(_, body)| body).collect();
    assert_eq!(run, [echo(b"1"), echo(b"2")]);
}

#[test]
fn holes_in_the_sequence_numbers_are_no_fault() {
    let mut wire = Wire::new();
    for (fine, seq_no) in [(0, 103), (1, 109), (2, 111), (3, 501)] {
        let received = wire.server_takes(wire.id(fine), seq_no, &echo(b"x"));
        assert_eq!(received, Received::Accepted);
    }
}

#[test]
fn malformed_containers_are_refused_whole() {
    let ping = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
    let call = echo(b"x");
    let wire = Wire::new();
    let (inner, outer) = (wire.id(0), wire.id(1));
    let good = container(&[(inner, 103, &call)]);
    let mut count_too_high = good.clone();
    count_too_high[4..8].copy_from_slice(&2_u32.to_le_bytes());
    let mut count_huge = good.clone();
    count_huge[4..8].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let mut count_negative = good.clone();
    count_negative[4..8].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    let mut length_odd = good.clone();
    length_odd[20..24].copy_from_slice(&5_u32.to_le_bytes());
    let mut length_negative = good.clone();
    length_negative[20..24].copy_from_slice(&(-4_i32).to_le_bytes());
    let mut length_too_long = good.clone();
    length_too_long[20..24].copy_from_slice(&4096_u32.to_le_bytes());
    let mut trailing = good.clone();
    trailing.extend([0; 4]);
    let too_many: Vec<_> = (0..1021).map(|fine| (wire.id(fine), 0, ping.as_ref())).collect();
    let cases: [(&str, Vec<u8>); 10] = [
        ("count beyond the messages", count_too_high),
        ("count 2^31 - 1", count_huge),
        ("negative count", count_negative),
        ("length not a multiple of 4", length_odd),
        ("negative length", length_negative),
        ("length beyond the end", length_too_long),
        ("bytes after the last message", trailing),
        ("id equal to the container's", container(&[(outer, 103, &call)])),
        ("container in a container", container(&[(inner, 102, &good)])),
        ("more messages than the limit", container(&too_many)),
    ];
    for (name, body) in cases {
        let mut wire = Wire::new();
        let outer = if name.starts_with("more") { wire.id(5000) } else { outer };
        assert_eq!(wire.server_takes(outer, 104, &body), bad_msg(outer, 64), "{name}");
        assert!(wire.pair.calls().is_empty(), "{name}");
    }
}

#[test]
fn same_message_twice_in_a_container_runs_once() {
    let mut wire = Wire::new();
    let (inner, outer) = (wire.id(0), wire.id(1));
    let call = echo(b"x");
    let body = container(&[(inner, 103, &call), (inner, 103, &call)]);
    wire.server_takes(outer, 104, &body);
    assert_eq!(wire.pair.calls().len(), 1);
}

#[test]
fn gzip_bombs_end_at_the_budget_of_one_packet() {
    let mut wire = Wire::new();
    let bomb = gzip(&vec![0; 11 << 20]);
    assert!(bomb.len() < 64 << 10);
    assert_eq!(wire.call(wire.id(0), &bomb), Received::Dropped(DropReason::Malformed));

    let half = gzip(&echo(&vec![0; 6 << 20]));
    let body = container(&[(wire.id(1), 201, &half), (wire.id(2), 203, &half)]);
    wire.server_takes(wire.id(3), 204, &body);
    assert_eq!(wire.pair.calls().len(), 1, "the second one is over the budget");
}

#[test]
fn damaged_streams_take_from_the_budget_too() {
    let mut wire = Wire::new();
    let mut bad = types::GzipPacked::from_bytes(gzip(&vec![0; 9 << 20])).unwrap();
    let mut stream = BytesMut::from(bad.packed_data.as_ref());
    let crc = stream.len() - 8;
    stream[crc] ^= 1;
    bad.packed_data = stream.freeze();
    let bad = bad.to_bytes().unwrap();
    let good = gzip(&echo(&vec![0; 6 << 20]));
    let body = container(&[(wire.id(1), 201, &bad), (wire.id(2), 203, &good)]);
    wire.server_takes(wire.id(3), 204, &body);
    assert!(wire.pair.calls().is_empty(), "the work of the first was done");
}

#[test]
fn gzip_in_gzip_and_containers_in_gzip_are_refused() {
    for inner in [gzip(&echo(b"x")), Bytes::from(container(&[]))] {
        let mut wire = Wire::new();
        let received = wire.call(wire.id(0), &gzip(&inner));
        assert_eq!(received, Received::Dropped(DropReason::Malformed));
        assert!(wire.pair.calls().is_empty());
    }
    let mut wire = Wire::new();
    let twice = odnix::InvokeWithoutUpdates { query: Raw(gzip(&gzip(&echo(b"x")))) };
    wire.call(wire.id(0), &twice.to_bytes().unwrap());
    assert!(wire.pair.calls().is_empty());
}

#[test]
fn damaged_gzip_is_answered_so_that_the_call_ends() {
    let mut packed = types::GzipPacked::from_bytes(gzip(&echo(&[7; 900]))).unwrap().packed_data;
    let mut damaged = BytesMut::from(packed.as_ref());
    let last = damaged.len() - 1;
    damaged[last - 5] ^= 1;
    packed = damaged.freeze();
    let mut wire = Wire::new();
    let msg_id = wire.id(0);
    wire.call(msg_id, &types::GzipPacked { packed_data: packed }.to_bytes().unwrap());
    let opened = wire.server_packet();
    let at = find(&opened.data, types::RpcResult::ID);
    assert_eq!(opened.data[at + 4..at + 12], msg_id.as_i64().to_le_bytes());
}

#[test]
fn zlib_streams_are_read_like_gzip() {
    let mut wire = Wire::new();
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&echo(&[7; 900]), 6);
    let body = types::GzipPacked { packed_data: zlib.into() }.to_bytes().unwrap();
    assert_eq!(wire.call(wire.id(0), &body), Received::Accepted);
    assert_eq!(wire.pair.calls()[0].1, echo(&[7; 900]));
}

#[test]
fn id_lists_above_the_limit_are_dropped() {
    for extra in [0, 1] {
        let mut wire = Wire::new();
        let msg_ids = vec![4_i64; Limits::default().ids_max + extra];
        let ack = types::MsgsAck { msg_ids }.to_bytes().unwrap();
        let received = wire.server_takes(wire.id(0), 0, &ack);
        let dropped = received == Received::Dropped(DropReason::Limit);
        assert_eq!(dropped, extra == 1, "{received:?}");
    }
}

#[test]
fn vector_counts_beyond_the_message_are_dropped() {
    for count in [2_u32, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let mut ack = types::MsgsAck { msg_ids: vec![4] }.to_bytes().unwrap().to_vec();
        ack[8..12].copy_from_slice(&count.to_le_bytes());
        let mut wire = Wire::new();
        let received = wire.server_takes(wire.id(0), 0, &ack);
        assert_eq!(received, Received::Dropped(DropReason::Malformed), "{count}");
    }
}

#[test]
fn acknowledgements_and_pings_of_either_parity_are_taken() {
    for seq_no in [0, 1, 103] {
        let mut wire = Wire::new();
        let ack = types::MsgsAck { msg_ids: vec![5, 6] }.to_bytes().unwrap();
        let ping = functions::Ping { ping_id: 8 }.to_bytes().unwrap();
        assert_eq!(wire.server_takes(wire.id(0), seq_no, &ack), Received::Accepted);
        assert_eq!(wire.server_takes(wire.id(1), seq_no, &ping), Received::Accepted);
    }
}

#[test]
fn message_copies_are_not_unpacked() {
    let mut wire = Wire::new();
    let mut copy = 0xe060_46b2_u32.to_le_bytes().to_vec();
    copy.extend(echo(b"hidden"));
    let received = wire.server_takes(wire.id(0), 103, &copy);
    assert_eq!(received, Received::Dropped(DropReason::Unexpected));
    assert!(wire.pair.calls().is_empty());
}

#[test]
fn first_salt_is_accepted_only_for_its_hour() {
    use odnix_proto::{
        Secret, Seed,
        session::{FirstSalt, ServerKey, ServerSession, Timings},
    };
    let pair = Pair::settled();
    let valid_until = pair.now.wall.after(Duration::from_secs(3600));
    let key = ServerKey {
        auth_key: pair.key.clone(),
        first_salt: Some(FirstSalt { salt: 555, valid_until }),
        expires_at: None,
        bound_to: None,
        dc: 2,
    };
    for (after_s, accepted) in [(0, true), (3599, true), (3600, false)] {
        let mut server = ServerSession::new(
            &key,
            9,
            Secret::init(|bytes| bytes.fill(1)),
            Seed::for_testing(1),
            Limits::default(),
            Timings::default(),
        );
        let now = pair.now.after(Duration::from_secs(after_s));
        let header = Header { salt: 555, session_id: 9, msg_id: client_id(now.wall, 0), seq_no: 1 };
        let packet = seal(&pair.key, Side::Client, header, &echo(b"x"));
        let opened = look(&pair.key, Side::Client, &packet);
        assert_eq!(server.handle_opened(now, opened) == Received::Accepted, accepted, "{after_s}");
    }
}

// --- what the client refuses -------------------------------------------------------------

#[test]
fn client_drops_what_a_server_cannot_have_sent() {
    let mut wire = Wire::new();
    let now = wire.pair.now.wall;
    let update = echo(b"update");
    let id = server_id(now, 1 << 16);
    let dropped = |reason| Received::Dropped(reason);
    let even = MsgId::from_i64(id.as_i64() & !3);
    assert_eq!(wire.client_takes(even, 1, &update), dropped(DropReason::WrongParity));
    let late = server_id(now.before(Duration::from_secs(302)), 0);
    assert_eq!(wire.client_takes(late, 1, &update), dropped(DropReason::OutsideWindow));
    let early = server_id(now.after(Duration::from_secs(32)), 0);
    assert_eq!(wire.client_takes(early, 1, &update), dropped(DropReason::OutsideWindow));
    wire.session_id ^= 1;
    assert_eq!(wire.client_takes(id, 1, &update), dropped(DropReason::ForeignSession));
    wire.session_id ^= 1;
    assert_eq!(wire.client_takes(id, 1, &update), Received::Accepted);
    assert_eq!(wire.client_takes(id, 1, &update), dropped(DropReason::Duplicate));
    let nested = container(&[(id, 2, &container(&[]))]);
    let outer = server_id(now, 1 << 17);
    assert_eq!(wire.client_takes(outer, 2, &nested), dropped(DropReason::Malformed));
    assert_eq!(updates(&mut wire.pair), 1);
}

fn updates(pair: &mut Pair) -> usize {
    let is_update = |event: &ClientSessionEvent| matches!(event, ClientSessionEvent::Update(_));
    pair.client_events().iter().filter(|event| is_update(event)).count()
}

#[test]
fn forged_or_stale_notices_change_nothing() {
    let mut wire = Wire::new();
    let before = wire.pair.client.server_salt(wire.pair.now);
    let offset = wire.pair.client.time_offset_us(wire.pair.now);
    let never_sent = wire.id(0).as_i64();
    let salt = types::BadServerSalt {
        bad_msg_id: never_sent,
        bad_msg_seqno: 1,
        error_code: 48,
        new_server_salt: 666,
    };
    let far = server_id(wire.pair.now.wall.after(Duration::from_secs(9000)), 0);
    let near = server_id(wire.pair.now.wall, 1 << 16);
    let dropped = Received::Dropped(DropReason::UnknownMessage);
    assert_eq!(wire.client_takes(far, 0, &salt.to_bytes().unwrap()), dropped);
    assert_eq!(wire.client_takes(near, 0, &salt.to_bytes().unwrap()), dropped);
    for error_code in [16, 17, 20, 32, 33, 64] {
        let notice =
            types::BadMsgNotification { bad_msg_id: never_sent, bad_msg_seqno: 1, error_code };
        let fine = (1 << 17) + error_code as u32;
        let id = server_id(wire.pair.now.wall, fine);
        assert_eq!(wire.client_takes(id, 0, &notice.to_bytes().unwrap()), dropped);
    }
    assert_eq!(wire.pair.client.server_salt(wire.pair.now), before);
    assert_eq!(wire.pair.client.time_offset_us(wire.pair.now), offset);
    assert_eq!(wire.pair.client.session_id(), Some(wire.session_id));
}

#[test]
fn answered_message_is_no_longer_open_to_notices() {
    let mut wire = Wire::new();
    wire.pair.client.call(echo(b"x")).unwrap();
    let packet = wire.pair.client_sends().unwrap();
    let opened = look(&wire.pair.key, Side::Client, &packet);
    let refused = opened.header.msg_id.as_i64();
    wire.pair.server_takes(packet);
    wire.pair.run();
    let salt = types::BadServerSalt {
        bad_msg_id: refused,
        bad_msg_seqno: 1,
        error_code: 48,
        new_server_salt: 666,
    };
    let id = server_id(wire.pair.now.wall, 1 << 18);
    let received = wire.client_takes(id, 0, &salt.to_bytes().unwrap());
    assert_eq!(received, Received::Dropped(DropReason::UnknownMessage));
}

#[test]
fn client_recovers_from_each_refusal_by_its_rule() {
    let codes = [16, 17, 18, 19, 20, 32, 33, 34, 35, 64, 0, -1, 9999];
    for (error_code, new_session) in codes.map(|code| (code, code == 33)) {
        let mut wire = Wire::new();
        let call = wire.pair.client.call(echo(b"x")).unwrap();
        let packet = wire.pair.client_sends().unwrap();
        let first = look(&wire.pair.key, Side::Client, &packet).header;
        let notice = refusal(&first, error_code);
        let id = server_id(wire.pair.now.wall, 1 << 18);
        wire.client_takes(id, 0, &notice.to_bytes().unwrap());
        let again = wire.pair.client_sends().unwrap_or_else(|| panic!("code {error_code}"));
        let second = look(&wire.pair.key, Side::Client, &again).header;
        assert_ne!(second.msg_id, first.msg_id, "code {error_code}");
        assert_eq!(second.session_id != first.session_id, new_session, "code {error_code}");
        assert_eq!(wire.pair.client.open_calls(), 1, "code {error_code}");
        if error_code == 32 {
            assert!(second.seq_no > first.seq_no + 2, "numbers are left out");
        }
        // The server takes it: it runs, once, and the call ends.
        if new_session {
            let session_id = wire.pair.client.session_id().unwrap();
            wire.pair.server = common::new_server(&wire.pair.key, session_id, 2);
        }
        wire.pair.server_takes(again);
        wire.pair.run();
        assert_eq!(wire.pair.replies(), [(call, true)], "code {error_code}");
    }
}

#[test]
fn refused_salt_is_replaced_and_the_call_leaves_under_a_new_id() {
    let mut wire = Wire::new();
    wire.pair.client.call(echo(b"x")).unwrap();
    let packet = wire.pair.client_sends().unwrap();
    let first = look(&wire.pair.key, Side::Client, &packet).header;
    let notice = types::BadServerSalt {
        bad_msg_id: first.msg_id.as_i64(),
        bad_msg_seqno: first.seq_no,
        error_code: 48,
        new_server_salt: 4711,
    };
    let id = server_id(wire.pair.now.wall, 1 << 18);
    wire.client_takes(id, 0, &notice.to_bytes().unwrap());
    let again = wire.pair.client_sends().unwrap();
    let opened = look(&wire.pair.key, Side::Client, &again);
    assert_eq!(opened.header.salt, 4711);
    assert!(opened.header.msg_id > first.msg_id);
}

#[test]
fn id_too_high_starts_a_new_session_when_ids_ran_ahead() {
    let mut wire = Wire::new();
    wire.pair.client.call(echo(b"x")).unwrap();
    let packet = wire.pair.client_sends().unwrap();
    let first = look(&wire.pair.key, Side::Client, &packet).header;
    let notice = refusal(&first, 17);
    let past = server_id(wire.pair.now.wall.before(Duration::from_secs(4000)), 0);
    wire.client_takes(past, 0, &notice.to_bytes().unwrap());
    assert_ne!(wire.pair.client.session_id(), Some(wire.session_id));
    let again = wire.pair.client_sends().unwrap();
    let second = look(&wire.pair.key, Side::Client, &again).header;
    assert!(second.msg_id < first.msg_id);
}

#[test]
fn refused_container_leaves_again_message_by_message() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire.pair.client.call(echo(b"x")).unwrap();
    }
    let packet = wire.pair.client_sends().unwrap();
    let first = look(&wire.pair.key, Side::Client, &packet).header;
    let notice = refusal(&first, 64);
    let id = server_id(wire.pair.now.wall, 1 << 18);
    wire.client_takes(id, 0, &notice.to_bytes().unwrap());
    for _ in 0..3 {
        let packet = wire.pair.client_sends().unwrap();
        let opened = look(&wire.pair.key, Side::Client, &packet);
        assert_eq!(opened.data, echo(b"x"));
    }
}

#[test]
fn plain_packets_lose_no_call_behind_an_acknowledgement() {
    let mut wire = Wire::new();
    wire.pair.client.call(echo(b"x")).unwrap();
    let packet = wire.pair.client_sends().unwrap();
    let first = look(&wire.pair.key, Side::Client, &packet).header;
    let notice = refusal(&first, 64);
    let id = server_id(wire.pair.now.wall, 1 << 18);
    wire.client_takes(id, 0, &notice.to_bytes().unwrap());
    wire.pair.client_sends().unwrap();
    let id = server_id(wire.pair.now.wall, 1 << 19);
    wire.client_takes(id, 1, &echo(b"update, to be acknowledged"));
    let large =
        echo(&(0..2_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect::<Vec<_>>());
    wire.pair.client.call(large).unwrap();
    let mut sizes = Vec::new();
    while let Some(packet) = wire.pair.client_sends() {
        let data = look(&wire.pair.key, Side::Client, &packet).data;
        assert_ne!(data[..4], 0x73f1_f8dc_u32.to_le_bytes(), "no container");
        sizes.push(data.len());
    }
    assert_eq!(sizes.len(), 2, "{sizes:?}");
}

#[test]
fn endless_refusals_end_the_call_with_a_typed_error() {
    let mut wire = Wire::new();
    let call = wire.pair.client.call(echo(b"x")).unwrap();
    let mut rounds = 0_u32;
    let ended = loop {
        let Some(packet) = wire.pair.client_sends() else { break wire.pair.client_events() };
        let header = look(&wire.pair.key, Side::Client, &packet).header;
        let notice = refusal(&header, 20);
        rounds += 1;
        let id = server_id(wire.pair.now.wall, (1 << 18) + rounds);
        wire.client_takes(id, 0, &notice.to_bytes().unwrap());
        assert!(rounds < 100);
    };
    assert!(ended.iter().any(|event| matches!(event,
        ClientSessionEvent::Reply { call: id, result: Err(CallError::Rejected { code: 20 }) }
            if *id == call)));
}

#[test]
fn answers_to_calls_never_made_are_dropped() {
    let mut wire = Wire::new();
    let answer = types::RpcResult { req_msg_id: 4, result: Raw(echo(b"x")) }.to_bytes().unwrap();
    let id = server_id(wire.pair.now.wall, 1 << 18);
    let received = wire.client_takes(id, 1, &answer);
    assert_eq!(received, Received::Dropped(DropReason::UnknownMessage));
    assert!(wire.pair.replies().is_empty());
}

#[test]
fn gzip_bomb_in_an_answer_ends_the_call_with_a_typed_error() {
    let mut wire = Wire::new();
    let call = wire.pair.client.call(echo(b"x")).unwrap();
    let packet = wire.pair.client_sends().unwrap();
    let req_msg_id = look(&wire.pair.key, Side::Client, &packet).header.msg_id.as_i64();
    let result = Raw(gzip(&vec![0; 11 << 20]));
    let answer = types::RpcResult { req_msg_id, result }.to_bytes().unwrap();
    let id = server_id(wire.pair.now.wall, 1 << 18);
    wire.client_takes(id, 1, &answer);
    assert!(wire.pair.client_events().iter().any(|event| matches!(event,
        ClientSessionEvent::Reply { call: id, result: Err(CallError::MalformedAnswer) }
            if *id == call)));
}
