//! The envelope: what is sealed opens, and nothing else does.
//!
//! Hostile packets are composed here by hand, from the formulas of the specification over
//! `sha2` and `ige`, so that they carry a valid msg_key.

use bytes::{Bytes, BytesMut};
use chacha20::ChaCha20Rng;
use ige::cipher::{Array, BlockModeEncrypt, KeyIvInit};
use odnix_proto::envelope::{
    DATA_LEN_MAX, Header, Side, key_id, open, parse_plain, seal, write_plain,
};
use odnix_proto::{AuthKey, AuthKeyId, HandshakeFault, MsgId, PeerError, Secret, UsageError};
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn key(seed: u64) -> AuthKey {
    AuthKey::new(Secret::init(|bytes| rng(seed).fill_bytes(bytes)))
}

const HEADER: Header = Header {
    salt: -0x0102_0304_0506_0708,
    session_id: 0x1112_1314_1516_1718,
    msg_id: MsgId::from_i64(0x6500_0000_1234_5678),
    seq_no: 5,
};

fn sealed(key: &AuthKey, from: Side, data: &[u8]) -> BytesMut {
    let mut packet = BytesMut::new();
    seal(key, from, &HEADER, data, &mut rng(9), &mut packet).unwrap();
    packet
}

/// The inner plaintext: [`HEADER`], the given `data_len`, then `rest`.
fn inner(data_len: i32, rest: &[u8]) -> Vec<u8> {
    let mut inner = Vec::new();
    inner.extend(HEADER.salt.to_le_bytes());
    inner.extend(HEADER.session_id.to_le_bytes());
    inner.extend(HEADER.msg_id.as_i64().to_le_bytes());
    inner.extend(HEADER.seq_no.to_le_bytes());
    inner.extend(data_len.to_le_bytes());
    inner.extend(rest);
    inner
}

/// Seals any plaintext of whole blocks under a valid msg_key.
fn forge(key: &AuthKey, from: Side, inner: &[u8]) -> BytesMut {
    let ak = key.expose_secret();
    let x = if from == Side::Client { 0 } else { 8 };
    let large = Sha256::new_with_prefix(&ak[88 + x..120 + x]).chain_update(inner).finalize();
    let msg_key = &large[8..24];
    let a = Sha256::new_with_prefix(msg_key).chain_update(&ak[x..36 + x]).finalize();
    let b = Sha256::new_with_prefix(&ak[40 + x..76 + x]).chain_update(msg_key).finalize();
    let aes_key = [&a[0..8], &b[8..24], &a[24..32]].concat();
    let aes_iv = [&b[0..8], &a[8..24], &b[24..32]].concat();
    let mut cipher = ige::Encryptor::<aes::Aes256>::new_from_slices(&aes_key, &aes_iv).unwrap();
    let mut encrypted = inner.to_vec();
    let (blocks, rest) = Array::slice_as_chunks_mut(&mut encrypted);
    assert!(rest.is_empty(), "a forged plaintext is whole blocks");
    cipher.encrypt_blocks(blocks);
    let mut packet = BytesMut::new();
    packet.extend_from_slice(&key.id().to_bytes());
    packet.extend_from_slice(msg_key);
    packet.extend_from_slice(&encrypted);
    packet
}

#[test]
fn a_packet_composed_by_hand_opens() {
    for from in [Side::Client, Side::Server] {
        let packet = forge(&key(1), from, &inner(4, b"data, 12 bytes.."));
        let opened = open(&key(1), from, packet).unwrap();
        assert_eq!(opened.header, HEADER);
        assert_eq!(&*opened.data, b"data");
    }
}

#[test]
fn seal_appends_after_what_is_already_there() {
    let mut out = BytesMut::from(&b"earlier"[..]);
    let token = seal(&key(1), Side::Server, &HEADER, b"1234", &mut rng(1), &mut out).unwrap();
    assert_eq!(&out.split_to(7)[..], b"earlier");
    let opened = open(&key(1), Side::Server, out).unwrap();
    assert_eq!(opened.quick_ack_token, token.quick_ack_token);
    assert_eq!(opened.quick_ack_token >> 31, 1);
}

#[test]
fn opened_data_lies_in_the_memory_of_the_packet() {
    let packet = sealed(&key(1), Side::Client, &[7; 64]);
    let (start, end) = (packet.as_ptr() as usize, packet.as_ptr() as usize + packet.len());
    let opened = open(&key(1), Side::Client, packet).unwrap();
    assert!((start..end).contains(&(opened.data.as_ptr() as usize)));
}

#[test]
fn padding_is_drawn_from_12_to_267_bytes() {
    let mut rng = rng(3);
    let mut lens = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let mut packet = BytesMut::new();
        seal(&key(1), Side::Client, &HEADER, &[0; 20], &mut rng, &mut packet).unwrap();
        lens.insert(packet.len() - 24 - 32 - 20);
    }
    // 20 bytes of data leave 12 in the last block; 16 choices of further blocks.
    assert_eq!(lens, (0..16).map(|blocks| 12 + 16 * blocks).collect());
}

#[test]
fn the_same_message_is_never_the_same_packet() {
    let mut rng = rng(4);
    let mut packets = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let mut packet = BytesMut::new();
        seal(&key(1), Side::Client, &HEADER, b"same", &mut rng, &mut packet).unwrap();
        assert!(packets.insert(packet[8..24].to_vec()), "msg_key repeats");
    }
}

#[test]
fn data_that_no_packet_can_hold_is_refused_untouched() {
    let mut out = BytesMut::from(&b"earlier"[..]);
    for data in [vec![0; 1], vec![0; 7], vec![0; DATA_LEN_MAX + 4]] {
        let refused = Err(UsageError::BodyLength { len: data.len(), max: DATA_LEN_MAX });
        let sealed = seal(&key(1), Side::Client, &HEADER, &data, &mut rng(1), &mut out);
        assert_eq!(sealed.map(drop), refused);
        assert_eq!(write_plain(HEADER.msg_id, &data, &mut out), refused);
        assert_eq!(&out[..], b"earlier");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for from in [Side::Client, Side::Server] {
        let packet = sealed(&key(1), from, b"hello, odnix...!");
        for bit in 0..packet.len() * 8 {
            let mut tampered = packet.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key(1), from, tampered), Err(PeerError::Envelope), "bit {bit}");
        }
    }
}

#[test]
fn appended_and_truncated_packets_are_refused() {
    let packet = sealed(&key(1), Side::Client, &[3; 100]);
    for count in 1..=64 {
        for byte in [0, 0xff] {
            let mut longer = packet.clone();
            longer.resize(packet.len() + count, byte);
            assert_eq!(open(&key(1), Side::Client, longer), Err(PeerError::Envelope), "+{count}");
        }
        let shorter = BytesMut::from(&packet[..packet.len() - count]);
        assert_eq!(open(&key(1), Side::Client, shorter), Err(PeerError::Envelope), "-{count}");
    }
}

#[test]
fn packets_of_every_short_length_are_refused() {
    let packet = sealed(&key(1), Side::Client, b"");
    for len in 0..packet.len() {
        let short = BytesMut::from(&packet[..len]);
        assert_eq!(open(&key(1), Side::Client, short), Err(PeerError::Envelope), "{len} bytes");
    }
    // A valid msg_key over nothing, or over less than a header and its padding.
    for blocks in 0..3 {
        let forged = forge(&key(1), Side::Client, &inner(0, &[0; 16])[..16 * blocks]);
        assert_eq!(open(&key(1), Side::Client, forged), Err(PeerError::Envelope), "{blocks}");
    }
}

#[test]
fn a_reflected_packet_is_refused() {
    for (from, other) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
        let packet = sealed(&key(1), from, b"mine");
        assert!(open(&key(1), from, packet.clone()).is_ok());
        assert_eq!(open(&key(1), other, packet), Err(PeerError::Envelope));
    }
}

#[test]
fn a_packet_under_another_key_is_refused() {
    let packet = sealed(&key(1), Side::Client, b"mine");
    assert_eq!(open(&key(2), Side::Client, packet.clone()), Err(PeerError::Envelope));
    // Relabelled with the right id, it fails on msg_key.
    let mut relabelled = packet;
    relabelled[..8].copy_from_slice(&key(2).id().to_bytes());
    assert_eq!(open(&key(2), Side::Client, relabelled), Err(PeerError::Envelope));
}

#[test]
fn lengths_are_judged_even_under_a_valid_msg_key() {
    // 96 bytes follow the header.
    for (data_len, fits) in [
        (0, true),
        (4, true),
        (84, true),
        (1, false),
        (2, false),
        (3, false),
        (82, false),
        (83, false),
        (88, false),
        (96, false),
        (97, false),
        (100, false),
        (128, false),
        (-1, false),
        (-4, false),
        (i32::MIN, false),
        (i32::MAX, false),
        (i32::MAX - 3, false),
    ] {
        let packet = forge(&key(1), Side::Server, &inner(data_len, &[6; 96]));
        match open(&key(1), Side::Server, packet) {
            Ok(opened) => {
                assert!(fits, "data_len {data_len}");
                assert_eq!(opened.data.len(), usize::try_from(data_len).unwrap());
            }
            Err(error) => {
                assert!(!fits, "data_len {data_len}");
                assert_eq!(error, PeerError::Envelope);
            }
        }
    }
}

#[test]
fn padding_is_12_to_1024_bytes() {
    for (padding, fits) in [
        (0, false),
        (4, false),
        (8, false),
        (11, false),
        (12, true),
        (16, true),
        (1020, true),
        (1024, true),
        (1025, false),
        (1028, false),
        (1040, false),
    ] {
        // A data_len off the grid of 4 is refused for itself, so that 11 and 1025 need data
        // one byte longer than the grid: both rules hold, and both must refuse.
        let rest: usize = if padding <= 48 { 48 } else { 1056 };
        let data_len = i32::try_from(rest - padding).unwrap();
        let packet = forge(&key(1), Side::Client, &inner(data_len, &vec![1; rest]));
        let opened = open(&key(1), Side::Client, packet);
        assert_eq!(opened.is_ok(), fits, "padding {padding}");
        assert!(opened.is_ok_and(|o| o.data.len() == rest - padding) == fits);
    }
}

#[test]
fn all_corruptions_end_in_one_error() {
    let good = sealed(&key(1), Side::Client, b"data");
    let mut bad_mac = good.clone();
    bad_mac[9] ^= 1;
    let mut bad_cipher = good.clone();
    bad_cipher[40] ^= 1;
    let corruptions = [
        ("msg_key", bad_mac),
        ("ciphertext", bad_cipher),
        ("partial block", BytesMut::from(&good[..good.len() - 1])),
        ("negative length", forge(&key(1), Side::Client, &inner(-4, &[0; 32]))),
        ("length off the grid", forge(&key(1), Side::Client, &inner(2, &[0; 32]))),
        ("length past the end", forge(&key(1), Side::Client, &inner(36, &[0; 32]))),
        ("short padding", forge(&key(1), Side::Client, &inner(24, &[0; 32]))),
        ("long padding", forge(&key(1), Side::Client, &inner(0, &[0; 1040]))),
    ];
    for (what, packet) in corruptions {
        let error = open(&key(1), Side::Client, packet).unwrap_err();
        assert_eq!(error, PeerError::Envelope, "{what}");
        assert_eq!(error.to_string(), PeerError::Envelope.to_string());
        assert_eq!(error.wire_code(), PeerError::Envelope.wire_code());
    }
}

#[test]
fn key_id_tells_plain_from_sealed() {
    assert_eq!(key_id(&sealed(&key(1), Side::Client, b"")), Some(key(1).id()));
    let mut plain = BytesMut::new();
    write_plain(HEADER.msg_id, b"body", &mut plain).unwrap();
    assert_eq!(key_id(&plain), Some(AuthKeyId::PLAIN));
    assert_eq!(key_id(&[0; 7]), None);
}

#[test]
fn a_plain_packet_has_the_published_layout() {
    let mut packet = BytesMut::new();
    write_plain(MsgId::from_i64(0x51e5_7ac4_2770_964a), b"body", &mut packet).unwrap();
    let expected = b"\0\0\0\0\0\0\0\0\x4a\x96\x70\x27\xc4\x7a\xe5\x51\x04\0\0\0body";
    assert_eq!(&packet[..], expected);
    let parsed = parse_plain(packet.freeze()).unwrap();
    assert_eq!(parsed.msg_id.as_i64(), 0x51e5_7ac4_2770_964a);
    assert_eq!(&*parsed.body, b"body");
}

#[test]
fn malformed_plain_packets_are_refused() {
    let plain = |id: u64, data_len: i32, rest: &[u8]| {
        let mut packet = id.to_le_bytes().to_vec();
        packet.extend(1_i64.to_le_bytes());
        packet.extend(data_len.to_le_bytes());
        packet.extend(rest);
        Bytes::from(packet)
    };
    // Framing padding of up to 15 bytes stays outside data_len.
    for remainder in 0..=15 {
        let parsed = parse_plain(plain(0, 4, &vec![8; 4 + remainder])).unwrap();
        assert_eq!(&*parsed.body, [8; 4]);
    }
    let good = plain(0, 4, b"body");
    let cases = [
        plain(1, 4, b"body"),
        plain(0, 0, b""),
        plain(0, -4, b"body"),
        plain(0, i32::MIN, b"body"),
        plain(0, i32::MAX, b"body"),
        plain(0, 8, b"body"),
        plain(0, 3, b"body"),
        plain(0, 4, &[0; 20]),
    ];
    let short = (0..good.len()).map(|len| good.slice(..len));
    for packet in cases.into_iter().chain(short) {
        let refused = Err(PeerError::Handshake(HandshakeFault::Malformed));
        assert_eq!(parse_plain(packet.clone()), refused, "{packet:?}");
    }
}

fn header() -> impl Strategy<Value = Header> {
    any::<(i64, i64, i64, i32)>().prop_map(|(salt, session_id, msg_id, seq_no)| Header {
        salt,
        session_id,
        msg_id: MsgId::from_i64(msg_id),
        seq_no,
    })
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        seed in any::<u64>(),
        from in side(),
        header in header(),
        words in prop::collection::vec(any::<[u8; 4]>(), 0..600),
    ) {
        let (key, data) = (key(seed), words.concat());
        let mut packet = BytesMut::new();
        let token = seal(&key, from, &header, &data, &mut rng(seed), &mut packet).unwrap();
        prop_assert!((packet.len() - 24).is_multiple_of(16));
        let opened = open(&key, from, packet).unwrap();
        prop_assert_eq!(opened.header, header);
        prop_assert_eq!(&*opened.data, &data[..]);
        prop_assert_eq!(opened.quick_ack_token, token.quick_ack_token);
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), named in any::<bool>()) {
        let mut packet = BytesMut::from(&bytes[..]);
        if named && packet.len() >= 8 {
            packet[..8].copy_from_slice(&key(1).id().to_bytes());
        }
        prop_assert_eq!(open(&key(1), Side::Client, packet.clone()), Err(PeerError::Envelope));
        let _ = parse_plain(packet.freeze());
    }
}
