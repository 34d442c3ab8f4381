//! Framing through the public API: every framing, in clear and obfuscated, in both directions.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use bytes::{BufMut, BytesMut};
use odnix_proto::transport::{
    ClientFramer, ClientOptions, Frame, Framing, Obfuscation, PACKET_BYTES_CEILING, ServerFramer,
    ServerOptions,
};
use odnix_proto::{ConfigError, FramingFault, PeerError, Secret, Seed, UsageError};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const TAGGED: [Framing; 3] = [Framing::Abridged, Framing::Intermediate, Framing::Padded];

fn seed(number: u64) -> Seed {
    Seed::for_testing(number)
}

fn client_options(framing: Framing, obfuscated: bool) -> ClientOptions {
    let options = ClientOptions::new(framing);
    if obfuscated { options.obfuscated(Obfuscation::default()).unwrap() } else { options }
}

fn pair(framing: Framing, obfuscated: bool) -> (ClientFramer, ServerFramer) {
    let client = ClientFramer::new(&client_options(framing, obfuscated), seed(1));
    (client, ServerFramer::new(ServerOptions::default(), seed(2)))
}

/// A pair past the client's opening, so that the server may speak: over HTTP so often.
fn acquainted(framing: Framing, obfuscated: bool, times: usize) -> (ClientFramer, ServerFramer) {
    let (mut client, mut server) = pair(framing, obfuscated);
    let mut wire = BytesMut::new();
    for _ in 0..times {
        client.frame(&encrypted(0, 1), &mut wire).unwrap();
        server.receive(&mut wire).unwrap();
        assert!(server.next_frame().unwrap().is_some());
    }
    (client, server)
}

fn has_quick_acks(framing: Framing) -> bool {
    TAGGED.contains(&framing)
}

/// A packet shaped like an encrypted one: 24 bytes and `blocks` AES blocks.
fn encrypted(fill: u8, blocks: usize) -> Vec<u8> {
    let mut packet = vec![fill; 24 + 16 * blocks];
    packet[0] = 1;
    packet
}

/// A packet shaped like a plain one.
fn plain(fill: u8, words: usize) -> Vec<u8> {
    let mut packet = vec![0; 8];
    packet.extend([fill; 8]);
    packet.extend(u32::try_from(words * 4).unwrap().to_le_bytes());
    packet.extend(vec![fill; words * 4]);
    packet
}

trait Receive {
    fn receive(&mut self, bytes: &mut BytesMut) -> Result<(), PeerError>;
    fn next_frame(&mut self) -> Result<Option<Frame>, PeerError>;
}

impl Receive for ClientFramer {
    fn receive(&mut self, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.receive(bytes)
    }
    fn next_frame(&mut self) -> Result<Option<Frame>, PeerError> {
        self.next_frame()
    }
}

impl Receive for ServerFramer {
    fn receive(&mut self, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.receive(bytes)
    }
    fn next_frame(&mut self) -> Result<Option<Frame>, PeerError> {
        self.next_frame()
    }
}

/// Feeds the pieces; returns the frames and the fault that ended it, if any.
fn feed<'a>(
    framer: &mut impl Receive,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Option<PeerError>) {
    let mut frames = Vec::new();
    for piece in pieces {
        let mut bytes = BytesMut::from(piece);
        if let Err(error) = framer.receive(&mut bytes) {
            return (frames, Some(error));
        }
        assert!(bytes.is_empty(), "receive takes all");
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fn split<'a>(mut wire: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if wire.is_empty() || sizes.is_empty() {
            break;
        }
        let (piece, rest) = wire.split_at((*size).clamp(1, wire.len()));
        pieces.push(piece);
        wire = rest;
    }
    pieces.push(wire);
    pieces
}

fn packet(bytes: &[u8]) -> Frame {
    Frame::Packet { packet: BytesMut::from(bytes), quick_ack: false }
}

fn fault(fault: FramingFault) -> Option<PeerError> {
    Some(PeerError::Framing(fault))
}

// ---- whole, in pieces, with trailing bytes --------------------------------------------------

fn any_transport() -> impl Strategy<Value = (Framing, bool)> {
    let clear = Framing::ALL.map(|framing| (framing, false));
    let obfuscated = TAGGED.map(|framing| (framing, true));
    proptest::sample::select([&clear[..], &obfuscated[..]].concat())
}

fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (any::<u8>(), 1_usize..80).prop_map(|(fill, blocks)| encrypted(fill, blocks)),
        (any::<u8>(), 1_usize..40).prop_map(|(fill, words)| plain(fill, words)),
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames_to_the_server(
        (framing, obfuscated) in any_transport(),
        packets in prop::collection::vec((any_packet(), any::<bool>()), 1..8),
        sizes in prop::collection::vec(1_usize..200, 1..6),
        number in any::<u64>(),
    ) {
        let mut client = ClientFramer::new(&client_options(framing, obfuscated), seed(number));
        let mut wire = BytesMut::new();
        let mut expected = Vec::new();
        for (bytes, quick_ack) in &packets {
            if *quick_ack {
                client.frame_with_quick_ack(bytes, &mut wire).unwrap();
            } else {
                client.frame(bytes, &mut wire).unwrap();
            }
            let quick_ack = *quick_ack && has_quick_acks(framing);
            expected.push(Frame::Packet { packet: bytes[..].into(), quick_ack });
        }
        let whole = wire.len();
        client.frame(&encrypted(7, 3), &mut wire).unwrap();
        let trailing = whole + (wire.len() - whole) / 2;
        for pieces in [
            vec![&wire[..whole]],
            vec![&wire[..trailing]],
            wire[..trailing].chunks(1).collect(),
            split(&wire[..trailing], &sizes),
        ] {
            let mut server = ServerFramer::new(ServerOptions::default(), seed(number ^ 1));
            prop_assert_eq!(feed(&mut server, pieces), (expected.clone(), None));
            prop_assert_eq!(server.framing(), Some(framing));
            prop_assert_eq!(server.is_obfuscated(), obfuscated);
        }
    }

    #[test]
    fn any_split_gives_the_same_frames_to_the_client(
        (framing, obfuscated) in any_transport(),
        packets in prop::collection::vec(any_packet(), 1..8),
        token in any::<u32>(),
        sizes in prop::collection::vec(1_usize..200, 1..6),
    ) {
        let times = packets.len() + 2;
        let (_, mut server) = acquainted(framing, obfuscated, times);
        let mut wire = BytesMut::new();
        let mut expected = Vec::new();
        for bytes in &packets {
            server.frame(bytes, &mut wire).unwrap();
            expected.push(packet(bytes));
            server.frame_quick_ack(token, &mut wire);
            if has_quick_acks(framing) {
                expected.push(Frame::QuickAck(token | 1 << 31));
            }
        }
        server.frame_error(-429, &mut wire);
        expected.push(Frame::Error(-429));
        let whole = wire.len();
        server.frame(&encrypted(7, 3), &mut wire).unwrap();
        let trailing = wire.len() - 1;
        for pieces in [
            vec![&wire[..whole]],
            vec![&wire[..trailing]],
            wire[..trailing].chunks(1).collect(),
            split(&wire[..trailing], &sizes),
        ] {
            let (mut client, _) = acquainted(framing, obfuscated, times);
            prop_assert_eq!(feed(&mut client, pieces), (expected.clone(), None));
        }
    }

    #[test]
    fn hostile_bytes_end_alike_however_they_are_split(
        prefix in prop::sample::select(vec![
            vec![], vec![0xef], vec![0xee; 4], vec![0xdd; 4], vec![16, 0, 0, 0, 0, 0, 0, 0],
            b"POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: ".to_vec(),
        ]),
        tail in prop::collection::vec(any::<u8>(), 0..300),
        sizes in prop::collection::vec(1_usize..50, 1..5),
    ) {
        let wire = [prefix, tail].concat();
        let options = ServerOptions { packet_bytes_max: 200, ..ServerOptions::default() };
        let mut at_once = ServerFramer::new(options.clone(), seed(1));
        let mut in_pieces = ServerFramer::new(options, seed(1));
        let expected = feed(&mut at_once, [&wire[..]]);
        prop_assert_eq!(feed(&mut in_pieces, split(&wire, &sizes)), expected);
        for framing in Framing::ALL {
            let options = ClientOptions::new(framing).packet_bytes_max(200);
            let mut at_once = ClientFramer::new(&options, seed(1));
            let mut in_pieces = ClientFramer::new(&options, seed(1));
            let expected = feed(&mut at_once, [&wire[..]]);
            prop_assert_eq!(feed(&mut in_pieces, split(&wire, &sizes)), expected);
        }
    }
}

// ---- bytes on the wire ----------------------------------------------------------------------

#[test]
fn frames_look_as_the_specification_draws_them() {
    let small = encrypted(9, 1);
    let large = encrypted(9, 40);
    let full = |sequence: u32, packet: &[u8]| {
        let mut frame = Vec::new();
        frame.extend((u32::try_from(packet.len()).unwrap() + 12).to_le_bytes());
        frame.extend(sequence.to_le_bytes());
        frame.extend(packet);
        frame.extend(crc32_by_hand(&frame).to_le_bytes());
        frame
    };
    let cases: [(Framing, Vec<u8>); 3] = [
        (
            Framing::Abridged,
            [&[0xef, 10], &small[..], &[0x7f, 166, 0, 0], &large, &[0x80 | 10], &small].concat(),
        ),
        (
            Framing::Intermediate,
            [
                &[0xee; 4][..],
                &40_u32.to_le_bytes(),
                &small,
                &664_u32.to_le_bytes(),
                &large,
                &[40, 0, 0, 0x80],
                &small,
            ]
            .concat(),
        ),
        (Framing::Full, [full(0, &small), full(1, &large), full(2, &small)].concat()),
    ];
    for (framing, expected) in cases {
        let (mut client, _) = pair(framing, false);
        let mut wire = BytesMut::new();
        client.frame(&small, &mut wire).unwrap();
        client.frame(&large, &mut wire).unwrap();
        client.frame_with_quick_ack(&small, &mut wire).unwrap();
        assert_eq!(wire, expected, "{framing:?}");
    }
}

#[test]
fn abridged_lengths_take_one_byte_below_127_words_and_four_from_there() {
    for (words, header) in [(126, vec![126]), (127, vec![0x7f, 127, 0, 0])] {
        let (mut client, mut server) = pair(Framing::Abridged, false);
        let packet = vec![1; 4 * words];
        let mut wire = BytesMut::new();
        client.frame(&packet, &mut wire).unwrap();
        assert_eq!(wire[1..], [&header[..], &packet].concat(), "{words} words");
        let (frames, error) = feed(&mut server, [&wire[..]]);
        assert_eq!((frames.len(), error), (1, None), "{words} words");
    }
}

fn crc32_by_hand(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[test]
fn transport_errors_are_four_unpadded_bytes_even_as_the_first_thing_said() {
    let code = (-404_i32).to_le_bytes();
    let mut full = [&[16, 0, 0, 0, 0, 0, 0, 0][..], &code].concat();
    full.extend(crc32_by_hand(&full).to_le_bytes());
    let cases = [
        (Framing::Abridged, [&[1][..], &code].concat()),
        (Framing::Intermediate, [&[4, 0, 0, 0][..], &code].concat()),
        (Framing::Padded, [&[4, 0, 0, 0][..], &code].concat()),
        (Framing::Full, full),
    ];
    for (framing, expected) in cases {
        let (mut client, mut server) = acquainted(framing, false, 1);
        let mut wire = BytesMut::new();
        server.frame_error(-404, &mut wire);
        assert_eq!(wire, expected, "{framing:?}");
        assert_eq!(feed(&mut client, [&wire[..]]), (vec![Frame::Error(-404)], None));
    }
    for framing in TAGGED {
        let (mut client, mut server) = acquainted(framing, true, 1);
        let mut wire = BytesMut::new();
        server.frame_error(-444, &mut wire);
        assert_eq!(feed(&mut client, [&wire[..]]), (vec![Frame::Error(-444)], None));
    }
}

#[test]
fn a_server_that_knows_no_framing_yet_says_nothing() {
    let mut server = ServerFramer::new(ServerOptions::default(), seed(1));
    let mut out = BytesMut::new();
    server.frame_error(-429, &mut out);
    server.frame_quick_ack(1, &mut out);
    assert_eq!(server.frame(&encrypted(1, 1), &mut out), Err(UsageError::FramingUnknown));
    assert!(out.is_empty());
}

#[test]
fn quick_acknowledgements_are_bare_tokens_with_the_top_bit_first() {
    let cases = [
        (Framing::Abridged, &[0x92, 0x34, 0x56, 0x78][..]),
        (Framing::Intermediate, &[0x78, 0x56, 0x34, 0x92]),
        (Framing::Padded, &[0x78, 0x56, 0x34, 0x92]),
        (Framing::Full, &[]),
    ];
    for (framing, expected) in cases {
        let (mut client, mut server) = acquainted(framing, false, 1);
        let mut wire = BytesMut::new();
        server.frame_quick_ack(0x1234_5678, &mut wire);
        assert_eq!(wire, expected, "{framing:?}");
        let frames = if expected.is_empty() { vec![] } else { vec![Frame::QuickAck(0x9234_5678)] };
        assert_eq!(feed(&mut client, [&wire[..]]), (frames, None));
    }
}

#[test]
fn signals_in_a_frame_of_their_own_are_understood_by_clients() {
    let minus_one = [255; 4];
    let token = 0x9234_5678_u32.to_le_bytes();
    let cases: [(&[&[u8]], Option<Frame>); 5] = [
        (&[&(-404_i32).to_le_bytes()], Some(Frame::Error(-404))),
        (&[&(-404_i32).to_le_bytes(), &[7; 15]], Some(Frame::Error(-404))),
        (&[&minus_one, &token], Some(Frame::QuickAck(0x9234_5678))),
        (&[&minus_one, &token, &[3; 8]], Some(Frame::QuickAck(0x9234_5678))),
        (&[&[0; 4]], None),
    ];
    for (body, expected) in cases {
        let body = body.concat();
        let mut wire = BytesMut::new();
        wire.put_u32_le(u32::try_from(body.len()).unwrap());
        wire.put_slice(&body);
        let (mut client, _) = pair(Framing::Padded, false);
        assert_eq!(feed(&mut client, [&wire[..]]), (Vec::from_iter(expected), None), "{body:?}");
    }
}

// ---- padding --------------------------------------------------------------------------------

#[test]
fn padding_of_0_to_15_bytes_is_cut_off_and_more_is_left_to_the_envelope() {
    for bytes in [encrypted(5, 2), plain(5, 10)] {
        for padding in 0..=15 {
            let mut wire = BytesMut::from(&[0xdd; 4][..]);
            wire.put_u32_le(u32::try_from(bytes.len() + padding).unwrap());
            wire.put_slice(&bytes);
            wire.put_bytes(0xaa, padding);
            let mut server = ServerFramer::new(ServerOptions::default(), seed(1));
            assert_eq!(feed(&mut server, [&wire[..]]), (vec![packet(&bytes)], None), "{padding}");
        }
    }
    let mut too_much = plain(5, 10);
    too_much.extend([0xaa; 16]);
    let mut wire = BytesMut::from(&[0xdd; 4][..]);
    wire.put_u32_le(u32::try_from(too_much.len()).unwrap());
    wire.put_slice(&too_much);
    let mut server = ServerFramer::new(ServerOptions::default(), seed(1));
    assert_eq!(feed(&mut server, [&wire[..]]), (vec![packet(&too_much)], None));
}

#[test]
fn padding_sent_is_0_to_3_bytes_and_varies() {
    let (mut client, _) = pair(Framing::Padded, false);
    let bytes = encrypted(5, 2);
    let mut seen = [0; 4];
    let mut wire = BytesMut::new();
    client.frame(&bytes, &mut wire).unwrap();
    for _ in 0..200 {
        wire.clear();
        client.frame(&bytes, &mut wire).unwrap();
        seen[wire.len() - 4 - bytes.len()] += 1;
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
}

// ---- detection ------------------------------------------------------------------------------

#[test]
fn first_bytes_tell_the_framing_as_soon_as_they_can() {
    let unknown = Err(PeerError::Framing(FramingFault::Unknown));
    type Told = Result<Option<Framing>, PeerError>;
    let cases: [(&[u8], Told); 24] = [
        (b"", Ok(None)),
        (&[0xef], Ok(Some(Framing::Abridged))),
        (&[0xee; 3], Ok(None)),
        (&[0xee; 4], Ok(Some(Framing::Intermediate))),
        (&[0xdd; 3], Ok(None)),
        (&[0xdd; 4], Ok(Some(Framing::Padded))),
        (b"POS", Ok(None)),
        (b"POST", Ok(Some(Framing::Http))),
        (b"GET /", Ok(Some(Framing::Http))),
        (b"HEAD / HTTP/1.1", Ok(Some(Framing::Http))),
        (b"OPTIONS * HTTP/1.1", Ok(Some(Framing::Http))),
        (&[0x16, 3, 1, 2], unknown),
        (&[52, 0, 0, 0, 0, 0, 0], Ok(None)),
        (&[52, 0, 0, 0, 0, 0, 0, 0], Ok(Some(Framing::Full))),
        (&[16, 0, 0, 0, 0, 0, 0, 0], Ok(Some(Framing::Full))),
        (&[12, 0, 0, 0, 0, 0, 0, 0], unknown),
        (&[0, 0, 0, 0, 0, 0, 0, 0], unknown),
        (&[50, 0, 0, 0, 0, 0, 0, 0], unknown),
        (&[0x50, 0x50, 0x50, 0x50, 0, 0, 0, 0], Ok(Some(Framing::Full))),
        (&[52, 0, 0, 0, 1, 0, 0, 0], Ok(None)),
        (&[0x11; 63], Ok(None)),
        (&[0x11; 64], unknown),
        (&[0xee, 0xee, 0xee, 0x11, 1], Ok(None)),
        (&[0xdd, 0xdd, 0xdd, 0x11, 1], Ok(None)),
    ];
    for (first, expected) in cases {
        let mut server = ServerFramer::new(ServerOptions::default(), seed(1));
        let received = server.receive(&mut BytesMut::from(first));
        assert_eq!(received.map(|()| server.framing()), expected, "{first:02x?}");
    }
}

#[test]
fn obfuscation_can_be_required() {
    let options = ServerOptions { require_obfuscated: true, ..ServerOptions::default() };
    for framing in Framing::ALL {
        let (mut client, _) = pair(framing, false);
        let mut wire = BytesMut::new();
        client.frame(&encrypted(1, 1), &mut wire).unwrap();
        let mut server = ServerFramer::new(options.clone(), seed(1));
        assert_eq!(feed(&mut server, [&wire[..]]), (vec![], fault(FramingFault::Unknown)));
    }
    for framing in TAGGED {
        let (mut client, _) = pair(framing, true);
        let mut wire = BytesMut::new();
        client.frame(&encrypted(1, 1), &mut wire).unwrap();
        let mut server = ServerFramer::new(options.clone(), seed(1));
        let expected = vec![packet(&encrypted(1, 1))];
        assert_eq!(feed(&mut server, [&wire[..64], &wire[64..]]), (expected, None));
    }
}

// ---- obfuscated2 ----------------------------------------------------------------------------

/// AES-256-CTR written out: the oracle for obfuscated2.
struct Ctr {
    aes: aes::Aes256,
    counter: u128,
    block: Vec<u8>,
}

impl Ctr {
    fn new(header: &[u8], secret: Option<[u8; 16]>) -> Self {
        let mut key: [u8; 32] = header[8..40].try_into().unwrap();
        if let Some(secret) = secret {
            key = Sha256::digest([&key[..], &secret].concat()).into();
        }
        let counter = u128::from_be_bytes(header[40..56].try_into().unwrap());
        Self { aes: aes::Aes256::new(&key.into()), counter, block: Vec::new() }
    }

    fn apply(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut next = || {
            if self.block.is_empty() {
                let mut block = self.counter.to_be_bytes().into();
                self.aes.encrypt_block(&mut block);
                self.block = block.to_vec();
                self.counter = self.counter.wrapping_add(1);
            }
            self.block.remove(0)
        };
        bytes.iter().map(|byte| byte ^ next()).collect()
    }
}

fn reversed(header: &[u8]) -> Vec<u8> {
    header.iter().rev().copied().collect()
}

#[test]
fn an_obfuscated_client_is_what_an_independent_server_expects() {
    for secret in [None, Some([0x5a; 16])] {
        for (framing, tag) in TAGGED.into_iter().zip([0xef, 0xee, 0xdd]) {
            let obfuscation =
                Obfuscation { secret: secret.map(|mut bytes| Secret::take(&mut bytes)), dc: -2 };
            let options = ClientOptions::new(framing).obfuscated(obfuscation).unwrap();
            let mut client = ClientFramer::new(&options, seed(11));
            let mut wire = BytesMut::new();
            client.frame(&encrypted(1, 1), &mut wire).unwrap();
            client.frame(&encrypted(2, 100), &mut wire).unwrap();
            let header = wire[..64].to_vec();
            let clear = Ctr::new(&header, secret).apply(&wire);
            assert_eq!(clear[56..60], [tag; 4]);
            assert_eq!(clear[60..62], (-2_i16).to_le_bytes());
            let opening = if framing == Framing::Abridged { vec![tag] } else { vec![tag; 4] };
            let mut server = ServerFramer::new(ServerOptions::default(), seed(1));
            assert_eq!(
                feed(&mut server, [&opening[..], &clear[64..]]),
                (vec![packet(&encrypted(1, 1)), packet(&encrypted(2, 100))], None)
            );
            let mut answer = BytesMut::new();
            server.frame(&encrypted(3, 7), &mut answer).unwrap();
            let answer = Ctr::new(&reversed(&header), secret).apply(&answer);
            assert_eq!(feed(&mut client, [&answer[..]]), (vec![packet(&encrypted(3, 7))], None));
        }
    }
}

#[test]
fn an_obfuscated_server_understands_an_independent_client() {
    for secret in [None, Some([0x77; 16])] {
        for (framing, tag) in TAGGED.into_iter().zip([0xef, 0xee, 0xdd]) {
            let mut header: Vec<u8> = (1..=64).collect();
            header[56..60].fill(tag);
            let mut to_server = Ctr::new(&header, secret);
            let encrypted_header = to_server.apply(&header);
            let mut wire = [&header[..56], &encrypted_header[56..]].concat();
            let frame = match framing {
                Framing::Abridged => [&[10][..], &encrypted(4, 1)].concat(),
                _ => [&[40, 0, 0, 0][..], &encrypted(4, 1)].concat(),
            };
            wire.extend(to_server.apply(&frame));
            let secrets =
                secret.into_iter().map(|mut bytes| Secret::take(&mut bytes)).collect::<Vec<_>>();
            let options = ServerOptions { secrets, ..ServerOptions::default() };
            let mut server = ServerFramer::new(options, seed(1));
            let expected = vec![packet(&encrypted(4, 1))];
            assert_eq!(feed(&mut server, [&wire[..]]), (expected, None));
            assert_eq!(server.framing(), Some(framing));
            assert!(server.is_obfuscated());

            let mut answer = BytesMut::new();
            server.frame_error(-404, &mut answer);
            let answer = Ctr::new(&reversed(&header), secret).apply(&answer);
            assert_eq!(answer[answer.len() - 4..], (-404_i32).to_le_bytes());
        }
    }
}

#[test]
fn a_client_without_the_right_proxy_secret_is_refused() {
    let secret = |fill: u8| Secret::take(&mut [fill; 16]);
    for (known, refused) in
        [(None, true), (Some(1), true), (Some(2), false), (Some(3), false), (Some(4), true)]
    {
        let obfuscation = Obfuscation { secret: known.map(secret), dc: 2 };
        let options = ClientOptions::new(Framing::Padded).obfuscated(obfuscation).unwrap();
        let mut client = ClientFramer::new(&options, seed(5));
        let mut wire = BytesMut::new();
        client.frame(&encrypted(1, 1), &mut wire).unwrap();
        let options =
            ServerOptions { secrets: vec![secret(2), secret(3)], ..ServerOptions::default() };
        let mut server = ServerFramer::new(options, seed(1));
        let (frames, error) = feed(&mut server, [&wire[..]]);
        assert_eq!(frames.is_empty(), refused);
        assert_eq!(error, if refused { fault(FramingFault::Unknown) } else { None });
    }
}

#[test]
fn obfuscation_headers_never_look_like_another_protocol() {
    let forbidden = [*b"HEAD", *b"POST", *b"GET ", *b"OPTI", [0xdd; 4], [0xee; 4], [0x16, 3, 1, 2]];
    let options = client_options(Framing::Intermediate, true);
    let mut first_bytes = [0; 256];
    for number in 0..6000 {
        let mut wire = BytesMut::new();
        ClientFramer::new(&options, seed(number)).frame(&encrypted(1, 1), &mut wire).unwrap();
        assert_ne!(wire[0], 0xef);
        assert!(forbidden.iter().all(|prefix| !wire.starts_with(prefix)));
        assert_ne!(wire[4..8], [0; 4]);
        first_bytes[usize::from(wire[0])] += 1;
    }
    assert_eq!(first_bytes.iter().filter(|count| **count == 0).count(), 1, "all but ef occur");
}

#[test]
fn framings_without_a_tag_cannot_be_obfuscated() {
    for framing in Framing::ALL {
        let obfuscated = ClientOptions::new(framing).obfuscated(Obfuscation::default());
        let expected = (!TAGGED.contains(&framing)).then_some(ConfigError::NotObfuscatable);
        assert_eq!(obfuscated.err(), expected, "{framing:?}");
        assert_eq!(framing.can_be_obfuscated(), expected.is_none());
    }
}

// ---- bounds and faults ----------------------------------------------------------------------

fn full_frame(sequence: u32, packet: &[u8]) -> Vec<u8> {
    let len = u32::try_from(packet.len()).unwrap() + 12;
    let mut frame = [&len.to_le_bytes()[..], &sequence.to_le_bytes(), packet].concat();
    frame.extend(crc32_by_hand(&frame).to_le_bytes());
    frame
}

#[test]
fn impossible_lengths_and_broken_frames_end_the_connection() {
    let mut bad_crc = full_frame(0, &encrypted(1, 1));
    *bad_crc.last_mut().unwrap() ^= 1;
    let words = |len: u32| len.to_le_bytes().to_vec();
    let cases: Vec<(Framing, Vec<u8>, FramingFault)> = vec![
        (Framing::Abridged, vec![0], FramingFault::BadLength),
        (Framing::Abridged, vec![0x80], FramingFault::BadLength),
        (Framing::Abridged, vec![0x7f, 0, 0, 0], FramingFault::BadLength),
        (Framing::Abridged, vec![0x7f, 1, 4, 0], FramingFault::TooLong),
        (Framing::Abridged, vec![0xff, 255, 255, 255], FramingFault::TooLong),
        (Framing::Intermediate, words(0), FramingFault::BadLength),
        (Framing::Intermediate, words(3), FramingFault::BadLength),
        (Framing::Intermediate, words(41), FramingFault::BadLength),
        (Framing::Intermediate, words(4100), FramingFault::TooLong),
        (Framing::Intermediate, words(0x7fff_fffc), FramingFault::TooLong),
        (Framing::Intermediate, words(0xffff_fffc), FramingFault::TooLong),
        (Framing::Padded, words(0), FramingFault::BadLength),
        (Framing::Padded, words(3), FramingFault::BadLength),
        (Framing::Padded, words(4096 + 16), FramingFault::TooLong),
        (Framing::Padded, words(u32::MAX), FramingFault::TooLong),
        (Framing::Full, [words(4096 + 16), words(0)].concat(), FramingFault::TooLong),
        (Framing::Full, [words(0xffff_fffc), words(0)].concat(), FramingFault::TooLong),
        (Framing::Full, bad_crc, FramingFault::BadChecksum),
        (
            Framing::Full,
            [full_frame(0, &encrypted(1, 1)), full_frame(0, &encrypted(1, 1))].concat(),
            FramingFault::BadSequence,
        ),
        (
            Framing::Full,
            [full_frame(0, &encrypted(1, 1)), full_frame(2, &encrypted(1, 1))].concat(),
            FramingFault::BadSequence,
        ),
        (
            Framing::Full,
            [full_frame(0, &encrypted(1, 1)), words(12), words(1), words(0)].concat(),
            FramingFault::BadLength,
        ),
    ];
    for (framing, bytes, expected) in cases {
        let options = ServerOptions { packet_bytes_max: 4096, ..ServerOptions::default() };
        let mut server = ServerFramer::new(options, seed(1));
        let opening: &[u8] = match framing {
            Framing::Abridged => &[0xef],
            Framing::Intermediate => &[0xee; 4],
            Framing::Padded => &[0xdd; 4],
            Framing::Full | Framing::Http => &[],
        };
        let (frames, error) = feed(&mut server, [opening, &bytes]);
        assert_eq!(error, fault(expected), "{framing:?} {bytes:02x?}");
        assert!(frames.len() <= 1);

        let again = server.receive(&mut BytesMut::from(&encrypted(1, 1)[..]));
        assert_eq!(again.err(), fault(expected), "faults are sticky");
        assert_eq!(server.next_frame().err(), fault(expected));
    }
}

#[test]
fn the_longest_packet_allowed_passes_and_4_bytes_more_do_not() {
    let longest = encrypted(1, 254);
    assert_eq!(longest.len(), 4088);
    for framing in Framing::ALL {
        for (max, fits) in [(4088, true), (4084, false)] {
            let (mut client, _) = pair(framing, false);
            let mut wire = BytesMut::new();
            client.frame(&longest, &mut wire).unwrap();
            let options = ServerOptions { packet_bytes_max: max, ..ServerOptions::default() };
            let mut server = ServerFramer::new(options, seed(1));
            let (frames, error) = feed(&mut server, [&wire[..]]);
            assert_eq!((frames.len() == 1, error.is_none()), (fits, fits), "{framing:?} {max}");
        }
    }
}

#[test]
fn a_client_bounds_what_it_receives() {
    let packet = encrypted(1, 10);
    for (max, fits) in [(packet.len(), true), (packet.len() - 4, false)] {
        let options = client_options(Framing::Intermediate, true).packet_bytes_max(max);
        assert!(options.is_obfuscated() && !client_options(Framing::Full, false).is_obfuscated());
        let mut client = ClientFramer::new(&options, seed(1));
        let mut server = ServerFramer::new(ServerOptions::default(), seed(2));
        let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
        client.frame(&packet, &mut up).unwrap();
        server.receive(&mut up).unwrap();
        server.frame(&packet, &mut down).unwrap();
        let received = client.receive(&mut down).and_then(|()| client.next_frame());
        assert_eq!(matches!(received, Ok(Some(_))), fits, "{max}");
    }
}

#[test]
fn no_configuration_lifts_the_ceiling_of_16_mib() {
    let options = ServerOptions { packet_bytes_max: usize::MAX, ..ServerOptions::default() };
    for (len, expected) in [(1_u32 << 24, None), ((1 << 24) + 4, fault(FramingFault::TooLong))] {
        let mut server = ServerFramer::new(options.clone(), seed(1));
        let (_, error) = feed(&mut server, [&[0xee; 4][..], &len.to_le_bytes()]);
        assert_eq!(error, expected);
    }
}

#[test]
fn what_nobody_takes_out_cannot_pile_up_without_bound() {
    let options = ServerOptions { packet_bytes_max: 1024, ..ServerOptions::default() };
    let mut server = ServerFramer::new(options, seed(1));
    server.receive(&mut BytesMut::from(&[0xef][..])).unwrap();
    let frame = [&[10][..], &encrypted(1, 1)].concat();
    let mut received = 0;
    let error = loop {
        match server.receive(&mut BytesMut::from(&frame[..])) {
            Ok(()) => received += frame.len(),
            Err(error) => break error,
        }
        assert!(received <= 2 * 1024 + (64 << 10));
    };
    assert_eq!(Some(error), fault(FramingFault::BufferFull));
    assert!(received > 64 << 10);
    for (more, full) in [(0, false), (1, true)] {
        let options = ServerOptions { packet_bytes_max: 1024, ..ServerOptions::default() };
        let mut server = ServerFramer::new(options, seed(1));
        server.receive(&mut BytesMut::from(&[0xef][..])).unwrap();
        let pile = vec![1; 2 * 1024 + (64 << 10) + more];
        assert_eq!(server.receive(&mut BytesMut::from(&pile[..])).is_err(), full, "{more}");
    }
}

#[test]
fn packets_that_cannot_be_framed_are_refused_and_leave_no_trace() {
    for framing in Framing::ALL {
        let (mut client, _) = pair(framing, framing.can_be_obfuscated());
        let mut wire = BytesMut::new();
        for len in [0, 1, 41, PACKET_BYTES_CEILING + 4] {
            let expected = UsageError::BodyLength { len, max: PACKET_BYTES_CEILING };
            assert_eq!(client.frame(&vec![1; len], &mut wire), Err(expected));
        }
        assert!(wire.is_empty());
        let longest = vec![1; PACKET_BYTES_CEILING];
        assert_eq!(client.frame(&longest, &mut BytesMut::new()), Ok(()));
        let (mut client, mut server) = pair(framing, framing.can_be_obfuscated());
        client.frame(&encrypted(1, 1), &mut wire).unwrap();
        assert_eq!(feed(&mut server, [&wire[..]]), (vec![packet(&encrypted(1, 1))], None));
    }
}

#[test]
fn packets_keep_the_memory_they_were_received_into() {
    let (mut client, mut server) = pair(Framing::Abridged, true);
    let mut wire = BytesMut::new();
    client.frame(&encrypted(1, 1), &mut wire).unwrap();
    client.frame(&encrypted(2, 1), &mut wire).unwrap();
    let received = wire.as_ptr_range();
    server.receive(&mut wire).unwrap();
    while let Some(Frame::Packet { packet, .. }) = server.next_frame().unwrap() {
        assert!(received.contains(&packet.as_ptr()));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |number| {
        let mut client = ClientFramer::new(&client_options(Framing::Padded, true), seed(number));
        let mut wire = BytesMut::new();
        for _ in 0..10 {
            client.frame(&encrypted(1, 1), &mut wire).unwrap();
        }
        wire
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}
