//! Packets: sealed ones, and the plain ones of the key exchange.

use super::make::{auth_key, hex, id, inner, long, sample, seal_inner, seal_under, side};
use bytes::{Bytes, BytesMut};
use odnix_proto::crypto::kdf::message_key;
use odnix_proto::envelope::{self, Header, INNER_LEN, Side, parse_plain, write_plain};
use odnix_proto::{AuthKey, MsgId};
use serde_json::{Value, json};

const MSG_ID: i64 = 1_750_000_000 << 32 | 0x1234_5678;

fn header(from: Side) -> Header {
    let low_bits = if from == Side::Server { 1 } else { 0 };
    Header {
        salt: -0x0123_4567_89ab_cdef,
        session_id: 0x7edc_ba98_7654_3210,
        msg_id: MsgId::from_i64(MSG_ID | low_bits),
        seq_no: 7,
    }
}

/// Sealed packets and their verdicts.
pub fn envelopes() -> Value {
    let key = auth_key(400);
    let good = good(&key);
    let bad = bad(&key);
    json!({
        "what": "Sealed packets: those with a header open and must be sealed to the same bytes from the same padding, the others must be refused, all alike",
        "auth_key": hex(key.expose_secret()), "auth_key_id": hex(key.id().to_bytes()),
        "good": good, "bad": bad,
    })
}

/// Name, sender, length of the data, length of the padding.
const GOOD: [(&str, Side, usize, usize); 8] = [
    ("to_server", Side::Client, 8, 24),
    ("to_client", Side::Server, 8, 24),
    ("no_data", Side::Client, 0, 16),
    ("least_padding", Side::Client, 20, 12),
    ("least_padding_to_client", Side::Server, 20, 12),
    ("most_padding_this_library_sends", Side::Client, 24, 264),
    ("most_padding_allowed", Side::Client, 16, 1024),
    ("long_data", Side::Server, 996, 28),
];

fn good(key: &AuthKey) -> Vec<Value> {
    let case =
        |(number, (name, from, data_len, padding_len)): (u64, (&str, Side, usize, usize))| {
            let (data, padding) =
                (sample(410 + number, data_len), sample(430 + number, padding_len));
            let header = header(from);
            let len = i32::try_from(data_len).expect("short");
            let plaintext = inner(&header, len, &[&data, &padding]);
            let packet = seal_inner(key, from, &plaintext);
            let opened = envelope::open(key, from, packet[..].into());
            let opened = opened.unwrap_or_else(|_| panic!("{name} does not open"));
            json!({
                "name": name, "from": side(from), "salt": long(header.salt),
                "session_id": long(header.session_id), "msg_id": id(header.msg_id),
                "seq_no": header.seq_no, "data": hex(data), "padding": hex(padding),
                "packet": hex(packet), "quick_ack_token": opened.quick_ack_token,
            })
        };
    (0..).zip(GOOD).map(case).collect()
}

fn bad(key: &AuthKey) -> Vec<Value> {
    let mut cases = damaged(key);
    cases.extend(dishonest(key));
    let case = |(name, from, packet): (&str, Side, Vec<u8>)| {
        assert!(envelope::open(key, from, packet[..].into()).is_err(), "{name} opens");
        json!({ "name": name, "from": side(from), "packet": hex(packet) })
    };
    cases.into_iter().map(case).collect()
}

type Case = (&'static str, Side, Vec<u8>);

/// A good packet that was changed on its way.
fn damaged(key: &AuthKey) -> Vec<Case> {
    let from = Side::Client;
    let plaintext = inner(&header(from), 8, &[&[5; 8], &[6; 40]]);
    let good = seal_inner(key, from, &plaintext);
    let flipped = |at: usize| {
        let mut packet = good.clone();
        packet[at] ^= 1;
        packet
    };
    let last = good.len() - 1;
    vec![
        ("other_auth_key_id", from, flipped(0)),
        ("msg_key_flipped", from, flipped(8)),
        ("first_block_flipped", from, flipped(24)),
        ("padding_flipped", from, flipped(last)),
        ("one_byte_cut_off", from, good[..last].to_vec()),
        ("one_block_cut_off", from, good[..good.len() - 16].to_vec()),
        ("cut_to_the_outer_header", from, good[..24].to_vec()),
        ("one_byte_appended", from, [&good[..], &[0]].concat()),
        ("one_block_appended", from, [&good[..], &[0; 16]].concat()),
        ("reflected", Side::Server, good.clone()),
    ]
}

/// Plaintexts of a peer that holds the key: its msg_key is right, its lengths are not.
fn dishonest(key: &AuthKey) -> Vec<Case> {
    let from = Side::Client;
    let sealed = |data_len: i32, rest_len: usize| {
        let plaintext = inner(&header(from), data_len, &[&vec![7; rest_len]]);
        seal_inner(key, from, &plaintext)
    };
    let unpadded = inner(&header(from), 8, &[&[5; 8]]);
    let padded = [&unpadded[..], &[6; 24]].concat();
    let hash_without_padding = message_key(key, from, &unpadded).msg_key;
    vec![
        ("padding_0", from, sealed(48, 48)),
        ("padding_8", from, sealed(40, 48)),
        ("padding_11", from, sealed(37, 48)),
        ("padding_1025", from, sealed(15, 1040)),
        ("padding_1028", from, sealed(12, 1040)),
        ("data_len_not_a_multiple_of_4", from, sealed(30, 48)),
        ("data_len_negative", from, sealed(-4, 48)),
        ("data_len_least", from, sealed(i32::MIN, 48)),
        ("data_len_beyond_the_packet", from, sealed(52, 48)),
        ("data_len_greatest", from, sealed(i32::MAX & !3, 48)),
        ("no_padding_and_no_data", from, sealed(0, 0)),
        ("hash_without_padding", from, seal_under(key, from, hash_without_padding, &padded)),
    ]
}

/// Plain packets and their verdicts.
pub fn plain_messages() -> Value {
    let body = sample(450, 20);
    let mut good = BytesMut::new();
    write_plain(MsgId::from_i64(MSG_ID), &body, &mut good).expect("short");
    let with_len = |len: i32| {
        let mut packet = good.to_vec();
        packet[16..20].copy_from_slice(&len.to_le_bytes());
        packet
    };
    let mut probe = good.to_vec();
    probe[8..16].copy_from_slice(&1_i64.to_le_bytes());
    let packets: [(&str, Vec<u8>); 12] = [
        ("good", good.to_vec()),
        ("any_msg_id", probe),
        ("15_bytes_of_framing_padding", [&good[..], &[9; 15]].concat()),
        ("16_bytes_behind_the_data", [&good[..], &[9; 16]].concat()),
        ("data_len_0", with_len(0)),
        ("data_len_negative", with_len(-20)),
        ("data_len_not_a_multiple_of_4", with_len(18)),
        ("data_len_beyond_the_packet", with_len(24)),
        ("data_len_greatest", with_len(i32::MAX & !3)),
        ("auth_key_id_not_0", [&[1], &good[1..]].concat()),
        ("header_cut", good[..19].to_vec()),
        ("no_data", good[..INNER_LEN - 12].to_vec()),
    ];
    let case = |(name, packet): (&str, Vec<u8>)| {
        let parsed = parse_plain(Bytes::from(packet.clone())).ok();
        let message = parsed
            .map(|message| json!({ "msg_id": id(message.msg_id), "body": hex(message.body) }));
        json!({ "name": name, "packet": hex(packet), "message": message })
    };
    let cases: Vec<Value> = packets.into_iter().map(case).collect();
    json!({
        "what": "Plain packets: the message, or null for those that must be refused",
        "cases": cases,
    })
}
