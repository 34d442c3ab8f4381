//! What a server makes of the messages of one session: containers, gzip_packed, refusals.

use super::make::{auth_key, echo, hex, id, inner, long, sample, sample_long, seal_inner};
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::limits::Limits;
use odnix_proto::session::{FirstSalt, ServerKey, ServerSession, ServerSessionEvent, Timings};
use odnix_proto::{AuthKey, Instant, MsgId, Now, Secret, Seed, UnixTime};
use odnix_tl::mtproto::types::{BadMsgNotification, BadServerSalt, GzipPacked};
use odnix_tl::{Constructor, Decode, Encode};
use serde_json::{Value, json};

const NOW_S: u64 = 1_750_000_000;

/// The server's end of a session that has just begun.
struct Scene {
    key: AuthKey,
    session_id: i64,
    salt: i64,
    server: ServerSession,
}

/// A message as it stands in a packet.
#[derive(Clone)]
struct Message {
    msg_id: MsgId,
    seq_no: i32,
    body: Vec<u8>,
}

/// What came of a packet.
struct Seen {
    calls: Vec<(MsgId, Bytes)>,
    /// msg_id, seq_no, code, and the notice itself.
    notices: Vec<(i64, i32, i32, Bytes)>,
}

fn now() -> Now {
    Now::new(Instant::from_micros(1), UnixTime::from_secs(NOW_S))
}

/// A client's msg_id so many seconds from now; `fine` keeps those of one second apart.
fn msg_id(seconds: i64, fine: i64) -> MsgId {
    MsgId::from_i64(((NOW_S as i64 + seconds) << 32) + fine * 4)
}

fn message(fine: i64, seq_no: i32, body: impl AsRef<[u8]>) -> Message {
    Message { msg_id: msg_id(0, fine), seq_no, body: body.as_ref().to_vec() }
}

impl Scene {
    fn new(limits: Limits) -> Self {
        let (key, session_id, salt) = (auth_key(700), sample_long(701), sample_long(702));
        let valid_until = now().wall.after(Duration::from_secs(3600));
        let server_key = ServerKey {
            auth_key: key.clone(),
            first_salt: Some(FirstSalt { salt, valid_until }),
            expires_at: None,
            bound_to: None,
            dc: 2,
        };
        let server = ServerSession::new(
            &server_key,
            session_id,
            Secret::init(|secret| secret.fill(9)),
            Seed::for_testing(1),
            limits,
            Timings::default(),
        );
        Self { key, session_id, salt, server }
    }

    /// What a reader needs to begin the same session.
    fn json() -> Value {
        let scene = Self::new(Limits::default());
        json!({
            "auth_key": hex(scene.key.expose_secret()), "session_id": long(scene.session_id),
            "server_salt": long(scene.salt), "unix_time": NOW_S,
        })
    }

    fn receive(&mut self, salt: i64, message: &Message) {
        let Message { msg_id, seq_no, ref body } = *message;
        let header = Header { salt, session_id: self.session_id, msg_id, seq_no };
        let len = i32::try_from(body.len()).expect("short");
        let padding = vec![0; 12 + (16 - (32 + body.len() + 12) % 16) % 16];
        let packet = seal_inner(&self.key, Side::Client, &inner(&header, len, &[body, &padding]));
        let opened = envelope::open(&self.key, Side::Client, packet[..].into()).expect("sealed");
        self.server.handle_opened(now(), opened);
    }

    /// Everything that came of it, and gone for the next look.
    fn look(&mut self) -> Seen {
        let mut seen = Seen { calls: Vec::new(), notices: Vec::new() };
        while let Some(event) = self.server.poll_event() {
            if let ServerSessionEvent::Call { call, body, .. } = event {
                seen.calls.push((call.into(), body));
            }
        }
        let mut packet = BytesMut::new();
        while self.server.poll_transmit(now(), &mut packet) {
            let opened = envelope::open(&self.key, Side::Server, packet.split()).expect("sealed");
            // Notices never share a packet.
            let body = opened.data;
            let id = u32::from_le_bytes(body[..4].try_into().expect("an object"));
            if id == BadMsgNotification::ID {
                let notice = BadMsgNotification::from_bytes(body.clone()).expect("a notice");
                let (id, seq_no, code) =
                    (notice.bad_msg_id, notice.bad_msg_seqno, notice.error_code);
                seen.notices.push((id, seq_no, code, body));
            } else if id == BadServerSalt::ID {
                let notice = BadServerSalt::from_bytes(body.clone()).expect("a notice");
                let (id, seq_no, code) =
                    (notice.bad_msg_id, notice.bad_msg_seqno, notice.error_code);
                seen.notices.push((id, seq_no, code, body));
            }
        }
        seen
    }
}

/// A `msg_container` that says it has `count` messages.
fn container(count: i32, messages: &[Message]) -> Vec<u8> {
    let mut body = [0x73f1_f8dc_u32.to_le_bytes(), count.to_le_bytes()].concat();
    for message in messages {
        body.extend_from_slice(&message.msg_id.as_i64().to_le_bytes());
        body.extend_from_slice(&message.seq_no.to_le_bytes());
        body.extend_from_slice(&i32::try_from(message.body.len()).expect("short").to_le_bytes());
        body.extend_from_slice(&message.body);
    }
    body
}

fn ping() -> Vec<u8> {
    [&0x7abe_77ec_u32.to_le_bytes()[..], &77_i64.to_le_bytes()].concat()
}

fn acks() -> Vec<u8> {
    let ids = [&1_i32.to_le_bytes()[..], &5_i64.to_le_bytes()].concat();
    [&0x62d6_b459_u32.to_le_bytes()[..], &0x1cb5_c415_u32.to_le_bytes(), &ids].concat()
}

/// Containers, what runs of them, and what is refused.
pub fn containers() -> Value {
    let mut cases = good_containers();
    cases.extend(bad_containers());
    let case = |(name, outer): (&str, Message)| {
        let mut scene = Scene::new(Limits::default());
        scene.receive(scene.salt, &outer);
        let seen = scene.look();
        let calls: Vec<Value> = seen
            .calls
            .iter()
            .map(|(msg_id, body)| json!({ "msg_id": id(*msg_id), "body": hex(body) }))
            .collect();
        let notices: Vec<Value> = seen
            .notices
            .iter()
            .map(
                |(bad_msg_id, _, code, _)| json!({ "bad_msg_id": long(*bad_msg_id), "code": code }),
            )
            .collect();
        json!({
            "name": name, "msg_id": id(outer.msg_id), "seq_no": outer.seq_no,
            "body": hex(&outer.body), "calls": calls, "notices": notices,
        })
    };
    let cases: Vec<Value> = cases.into_iter().map(case).collect();
    json!({
        "what": "msg_container from a client: the calls that run, in their order, and the messages that are refused",
        "session": Scene::json(), "cases": cases,
    })
}

fn good_containers() -> Vec<(&'static str, Message)> {
    let (one, two) = (message(1, 1, echo(b"one")), message(2, 3, echo(b"two")));
    let outer = |messages: &[Message]| {
        message(9, 4, container(i32::try_from(messages.len()).expect("few"), messages))
    };
    vec![
        ("two_calls", outer(&[one.clone(), two.clone()])),
        ("out_of_order", outer(&[two.clone(), one.clone()])),
        ("one_message_twice", outer(&[one.clone(), one.clone()])),
        ("calls_and_service_messages", {
            outer(&[message(1, 0, acks()), message(2, 1, echo(b"one")), message(3, 2, ping())])
        }),
        ("one_message_with_bad_low_bits", {
            let bad = Message { msg_id: MsgId::from_i64(msg_id(0, 2).as_i64() + 2), ..two };
            outer(&[one.clone(), bad])
        }),
        ("empty", outer(&[])),
    ]
}

fn bad_containers() -> Vec<(&'static str, Message)> {
    let one = message(1, 1, echo(b"one"));
    let inside = container(1, std::slice::from_ref(&one));
    let outer = |body: Vec<u8>| message(9, 2, body);
    let with_len = |len: i32| {
        let mut body = inside.clone();
        body[20..24].copy_from_slice(&len.to_le_bytes());
        outer(body)
    };
    let len = i32::try_from(one.body.len()).expect("short");
    vec![
        ("nested", outer(container(1, &[message(5, 0, &inside)]))),
        ("id_equal_to_the_containers", outer(container(1, &[message(9, 1, echo(b"one"))]))),
        ("id_above_the_containers", outer(container(1, &[message(10, 1, echo(b"one"))]))),
        ("length_not_a_multiple_of_4", with_len(len - 1)),
        ("length_beyond_the_container", with_len(len + 4)),
        ("length_negative", with_len(-4)),
        ("length_0", with_len(0)),
        ("count_too_high", outer(container(2, std::slice::from_ref(&one)))),
        ("count_too_low", outer(container(1, &[one.clone(), message(2, 3, echo(b"two"))]))),
        ("count_negative", outer(container(-1, std::slice::from_ref(&one)))),
        ("count_greatest", outer(container(i32::MAX, std::slice::from_ref(&one)))),
        ("bytes_behind_the_last_message", outer([&inside[..], &[0; 4]].concat())),
        ("content_related", message(9, 3, inside.clone())),
    ]
}

const INFLATE_BYTES_MAX: usize = 1024;

fn gzip_header(flags: u8) -> [u8; 10] {
    [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 0xff]
}

fn gzip_stream(flags: u8, extras: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut stream = gzip_header(flags).to_vec();
    stream.extend_from_slice(extras);
    stream.extend_from_slice(&compress_to_vec(plain, 6));
    stream.extend_from_slice(&crc32fast::hash(plain).to_le_bytes());
    stream.extend_from_slice(&u32::try_from(plain.len()).expect("short").to_le_bytes());
    stream
}

fn gzip_packed(stream: Vec<u8>) -> Vec<u8> {
    GzipPacked { packed_data: stream.into() }.to_bytes().expect("short").to_vec()
}

/// gzip_packed queries: what they inflate to, or null.
pub fn gzip() -> Value {
    let plain = echo(&[sample(710, 60), vec![0; 200]].concat());
    let stream = gzip_stream(0, &[], &plain);
    let changed = |from_end: usize| {
        let mut stream = stream.clone();
        let at = stream.len() - from_end;
        stream[at] ^= 1;
        stream
    };
    // Each optional part of the header: extra field, name, comment, checksum of the header.
    let mut extras = [&[2, 0, 7, 7][..], b"name\0", b"comment\0"].concat();
    let header = [&gzip_header(0b1_1110)[..], &extras].concat();
    extras.extend_from_slice(&crc32fast::hash(&header).to_le_bytes()[..2]);
    let zeros = |len: usize| gzip_stream(0, &[], &echo(&vec![0; len]));
    let streams: Vec<(&str, Vec<u8>)> = vec![
        ("gzip", stream.clone()),
        ("gzip_with_all_header_fields", gzip_stream(0b1_1110, &extras, &plain)),
        ("zlib", compress_to_vec_zlib(&plain, 6)),
        ("at_the_limit", zeros(INFLATE_BYTES_MAX - 8)),
        ("above_the_limit", zeros(INFLATE_BYTES_MAX - 4)),
        ("bomb", zeros(1 << 20)),
        ("checksum", changed(8)),
        ("length_in_the_trailer", changed(4)),
        ("cut", stream[..stream.len() - 9].to_vec()),
        ("deflate_without_a_header", compress_to_vec(&plain, 6)),
        ("nothing", vec![]),
        ("gzip_in_gzip", gzip_stream(0, &[], &gzip_packed(stream.clone()))),
        ("container_in_gzip", {
            gzip_stream(0, &[], &container(1, &[message(1, 1, echo(b"one"))]))
        }),
    ];
    let case = |(name, stream): (&str, Vec<u8>)| {
        let limits = Limits { inflate_bytes_max: INFLATE_BYTES_MAX, ..Limits::default() };
        let mut scene = Scene::new(limits);
        let body = gzip_packed(stream);
        scene.receive(scene.salt, &message(1, 1, &body));
        let plain = scene.look().calls.first().map(|(_, plain)| hex(plain));
        json!({ "name": name, "body": hex(body), "plain": plain })
    };
    let cases: Vec<Value> = streams.into_iter().map(case).collect();
    json!({
        "what": "gzip_packed around a query: the query, or null if it must be refused",
        "inflate_bytes_max": INFLATE_BYTES_MAX, "session": Scene::json(), "cases": cases,
    })
}

/// A refusal to be made: earlier messages, then the one that counts.
struct Refusal {
    name: &'static str,
    before: Vec<Message>,
    message: Message,
    salt_differs: bool,
    received_ids_max: usize,
}

/// Messages and the notices that answer them.
pub fn bad_msg() -> Value {
    let cases: Vec<Value> = refusals().iter().map(refusal_json).collect();
    json!({
        "what": "Messages to a server and the bad_msg_notification or bad_server_salt that answers them, null if there is none; runs says whether the query runs",
        "session": Scene::json(), "cases": cases,
    })
}

fn refusal_json(refusal: &Refusal) -> Value {
    let limits = Limits { received_ids_max: refusal.received_ids_max, ..Limits::default() };
    let mut scene = Scene::new(limits);
    for message in &refusal.before {
        scene.receive(scene.salt, message);
    }
    let before = scene.look();
    assert!(before.notices.is_empty(), "{}: the messages before are good", refusal.name);
    let salt = scene.salt ^ i64::from(refusal.salt_differs);
    scene.receive(salt, &refusal.message);
    let seen = scene.look();
    assert!(seen.notices.len() <= 1, "{}", refusal.name);
    let notice = seen.notices.first().map(|(bad_msg_id, seq_no, code, notice)| {
        // The new salt is the server's own choice.
        let fixed = if *code == 48 { &notice[..20] } else { &notice[..] };
        json!({
            "bad_msg_id": long(*bad_msg_id), "bad_msg_seqno": seq_no, "error_code": code,
            "starts_with": hex(fixed),
        })
    });
    let before: Vec<Value> = refusal.before.iter().map(message_json).collect();
    json!({
        "name": refusal.name, "received_ids_max": refusal.received_ids_max, "before": before,
        "salt": long(salt), "message": message_json(&refusal.message), "notice": notice,
        "runs": !seen.calls.is_empty(),
    })
}

fn message_json(message: &Message) -> Value {
    json!({
        "msg_id": id(message.msg_id), "seq_no": message.seq_no, "body": hex(&message.body),
    })
}

fn refusals() -> Vec<Refusal> {
    let call = |msg_id: MsgId, seq_no| Message { msg_id, seq_no, body: echo(b"call").to_vec() };
    let alone = |name, message| Refusal {
        name,
        before: vec![],
        message,
        salt_differs: false,
        received_ids_max: Limits::default().received_ids_max,
    };
    let after = |name, before, message| Refusal { before, ..alone(name, message) };
    let low_bits = |bits: i64| MsgId::from_i64(msg_id(0, 5).as_i64() + bits);
    let six: Vec<Message> = (2..8).map(|fine| call(msg_id(0, fine), fine as i32 * 2 + 1)).collect();
    let inside = container(1, &[call(msg_id(0, 1), 1)]);
    vec![
        alone("good", call(msg_id(0, 5), 1)),
        alone("oldest_accepted", call(msg_id(-300, 1), 1)),
        alone("too_low", call(msg_id(-301, 1), 1)),
        alone("newest_accepted", call(msg_id(30, 1), 1)),
        alone("too_high", call(msg_id(31, 1), 1)),
        alone("low_bits_of_an_answer", call(low_bits(1), 1)),
        alone("low_bits_2", call(low_bits(2), 1)),
        alone("low_bits_of_a_push", call(low_bits(3), 1)),
        alone("empty_low_half", call(msg_id(0, 0), 1)),
        after(
            "container_under_the_id_of_a_call",
            vec![call(msg_id(0, 5), 1)],
            message(5, 2, &inside),
        ),
        Refusal { received_ids_max: 4, ..after("too_old", six, call(msg_id(0, 1), 1)) },
        after("before_the_first", vec![call(msg_id(0, 5), 3)], call(msg_id(0, 4), 1)),
        after("seq_no_too_low", vec![call(msg_id(0, 5), 3)], call(msg_id(0, 6), 1)),
        after("seq_no_repeated", vec![call(msg_id(0, 5), 3)], call(msg_id(0, 6), 3)),
        after(
            "seq_no_too_high",
            vec![call(msg_id(0, 2), 1), call(msg_id(0, 5), 3)],
            call(msg_id(0, 4), 5),
        ),
        after("seq_nos_with_a_hole", vec![call(msg_id(0, 5), 1)], call(msg_id(0, 6), 9)),
        alone("container_with_an_odd_seq_no", message(5, 1, &inside)),
        alone("call_with_an_even_seq_no", call(msg_id(0, 5), 0)),
        Refusal { salt_differs: true, ..alone("other_salt", call(msg_id(0, 5), 1)) },
        alone("damaged_container", message(5, 0, &inside[..inside.len() - 4])),
        after("repeated", vec![call(msg_id(0, 5), 1)], call(msg_id(0, 5), 1)),
    ]
}
