//! Byte streams: the four framings, and obfuscated2 around three of them.

use super::make::{hex, sample, sample_array, seed};
use bytes::BytesMut;
use odnix_proto::transport::{
    ClientFramer, ClientOptions, Framing, Obfuscation, ServerFramer, ServerOptions,
};
use odnix_proto::{FramingFault, PeerError, Secret};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PACKET_BYTES_MAX: usize = 4096;
const OPENING_LEN: usize = 64;

/// The framings whose streams are only bytes; HTTP has heads of text.
const FRAMINGS: [Framing; 4] =
    [Framing::Abridged, Framing::Intermediate, Framing::Padded, Framing::Full];

/// What is written in one frame.
enum Item {
    Packet { packet: Vec<u8>, quick_ack: bool },
    QuickAck(u32),
    Error(i32),
}

fn name(framing: Framing) -> &'static str {
    match framing {
        Framing::Abridged => "abridged",
        Framing::Intermediate => "intermediate",
        Framing::Padded => "padded",
        Framing::Full => "full",
        Framing::Http => "http",
    }
}

/// A packet of the length of a sealed one: 24 bytes and whole blocks.
fn packet(number: u64, blocks: usize) -> Vec<u8> {
    sample(600 + number, 24 + 16 * blocks)
}

/// A packet like those of the key exchange.
fn plain_packet() -> Vec<u8> {
    [&[0; 8][..], &sample(620, 8), &20_i32.to_le_bytes(), &sample(621, 20)].concat()
}

fn items_of_client() -> Vec<Item> {
    vec![
        Item::Packet { packet: plain_packet(), quick_ack: false },
        Item::Packet { packet: packet(1, 3), quick_ack: false },
        Item::Packet { packet: packet(2, 3), quick_ack: true },
        // 126 and 127 words: where abridged changes its header.
        Item::Packet { packet: packet(3, 30), quick_ack: false },
        Item::Packet { packet: [packet(4, 30), vec![1; 4]].concat(), quick_ack: false },
        Item::Packet { packet: packet(5, 31), quick_ack: true },
    ]
}

fn items_of_server() -> Vec<Item> {
    vec![
        Item::Packet { packet: packet(6, 3), quick_ack: false },
        Item::QuickAck(0x9876_5432),
        Item::Packet { packet: packet(7, 31), quick_ack: false },
        Item::Error(-429),
        Item::Error(-404),
    ]
}

/// Streams of all framings, from both sides, and streams that must be refused.
pub fn framings() -> Value {
    let cases: Vec<Value> = (0..)
        .zip(FRAMINGS)
        .flat_map(|(number, framing)| [client_case(number, framing), server_case(number, framing)])
        .collect();
    json!({
        "what": "Byte streams of one connection and the frames in them, and streams with the fault that ends them",
        "packet_bytes_max": PACKET_BYTES_MAX, "cases": cases, "bad": bad_streams(),
    })
}

fn client_case(number: u64, framing: Framing) -> Value {
    let seed_bytes = sample(630 + number, 32);
    let mut framer = ClientFramer::new(&ClientOptions::new(framing), seed(&seed_bytes));
    let (mut stream, mut frames) = (BytesMut::new(), Vec::new());
    // Padding of plain packets is told by their length, so any packet can be padded; one whose
    // length is not that of a sealed packet can not.
    let fits = |item: &Item| match item {
        Item::Packet { packet, quick_ack } => {
            let is_whole = packet.starts_with(&[0; 8]) || packet.len() % 16 == 8;
            (framing != Framing::Padded || is_whole) && (framing != Framing::Full || !quick_ack)
        }
        _ => true,
    };
    for item in items_of_client().into_iter().filter(fits) {
        let mut out = BytesMut::new();
        let Item::Packet { packet, quick_ack } = item else { continue };
        match quick_ack {
            true => framer.frame_with_quick_ack(&packet, &mut out),
            false => framer.frame(&packet, &mut out),
        }
        .expect("a packet that can be framed");
        frames.push(frame_json(framing, &packet, quick_ack, &out));
        stream.extend_from_slice(&out);
    }
    json!({
        "name": format!("{}_from_client", name(framing)), "from": "client",
        "framing": name(framing), "seed": hex(seed_bytes), "frames": frames, "stream": hex(stream),
    })
}

/// A frame that was just written, with its padding.
fn frame_json(framing: Framing, packet: &[u8], quick_ack: bool, written: &[u8]) -> Value {
    let padding = match framing {
        // Behind the packet stands the padding; in front of it nothing else looks like it.
        Framing::Padded => {
            let at = written.windows(packet.len()).position(|window| window == packet);
            &written[at.expect("the packet was written") + packet.len()..]
        }
        _ => &[],
    };
    json!({ "packet": hex(packet), "quick_ack": quick_ack, "padding": hex(padding) })
}

fn server_case(number: u64, framing: Framing) -> Value {
    let seed_bytes = sample(640 + number, 32);
    let mut framer = ServerFramer::new(ServerOptions::default(), seed(&seed_bytes));
    // The server learns the framing from the client's first frame.
    let mut opening = BytesMut::new();
    ClientFramer::new(&ClientOptions::new(framing), seed(&[0; 32]))
        .frame(&packet(0, 3), &mut opening)
        .expect("a packet");
    framer.receive(&mut opening).expect("a good opening");
    let (mut stream, mut frames) = (BytesMut::new(), Vec::new());
    for item in items_of_server() {
        let mut out = BytesMut::new();
        match item {
            Item::Packet { packet, .. } => {
                framer.frame(&packet, &mut out).expect("a packet");
                frames.push(frame_json(framing, &packet, false, &out));
            }
            // The full framing has none.
            Item::QuickAck(_) if framing == Framing::Full => {}
            Item::QuickAck(token) => {
                framer.frame_quick_ack(token, &mut out);
                frames.push(json!({ "quick_ack_token": token }));
            }
            Item::Error(code) => {
                framer.frame_error(code, &mut out);
                frames.push(json!({ "error": code }));
            }
        }
        stream.extend_from_slice(&out);
    }
    json!({
        "name": format!("{}_from_server", name(framing)), "from": "server",
        "framing": name(framing), "seed": hex(seed_bytes), "frames": frames, "stream": hex(stream),
    })
}

fn bad_streams() -> Vec<Value> {
    let full = |len: u32, sequence: u32, packet: &[u8], crc: u32| {
        let mut frame = [&len.to_le_bytes()[..], &sequence.to_le_bytes(), packet].concat();
        frame.extend_from_slice(&(crc32fast::hash(&frame) ^ crc).to_le_bytes());
        frame
    };
    let first = full(84, 0, &packet(8, 3), 0);
    let second = |frame: Vec<u8>| [&first[..], &frame].concat();
    let streams: [(&str, Vec<u8>); 14] = [
        ("abridged_length_0", vec![0xef, 0]),
        ("abridged_too_long", vec![0xef, 0x7f, 0x01, 0x04, 0]),
        ("intermediate_length_0", [[0xee; 4], [0; 4]].concat()),
        ("intermediate_length_5", [[0xee; 4], 5_u32.to_le_bytes()].concat()),
        ("intermediate_too_long", [[0xee; 4], 4100_u32.to_le_bytes()].concat()),
        ("padded_length_3", [[0xdd; 4], 3_u32.to_le_bytes()].concat()),
        ("padded_too_long", [[0xdd; 4], 4112_u32.to_le_bytes()].concat()),
        ("full_checksum", full(84, 0, &packet(8, 3), 1)),
        ("full_sequence", second(full(84, 2, &packet(8, 3), 0))),
        ("full_sequence_repeated", second(first.clone())),
        ("full_length_12", second(full(12, 1, &[], 0))),
        ("full_too_long", second(4112_u32.to_le_bytes().to_vec())),
        ("nothing_known", [[5, 0, 0, 0], [0; 4]].concat()),
        ("tls", vec![0x16, 0x03, 0x01, 0x02]),
    ];
    let case = |(name, stream): (&str, Vec<u8>)| json!({ "name": name, "stream": hex(&stream), "fault": fault(options(false), &stream) });
    streams.into_iter().map(case).collect()
}

fn options(require_obfuscated: bool) -> ServerOptions {
    ServerOptions {
        require_obfuscated,
        packet_bytes_max: PACKET_BYTES_MAX,
        ..ServerOptions::default()
    }
}

/// The fault a server finds in a stream.
fn fault(options: ServerOptions, stream: &[u8]) -> String {
    let mut framer = ServerFramer::new(options, seed(&[0; 32]));
    let received = framer.receive(&mut BytesMut::from(stream));
    let ended = received.and_then(|()| {
        loop {
            match framer.next_frame() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    });
    match ended {
        Err(PeerError::Framing(fault)) => format!("{fault:?}"),
        other => panic!("{other:?}: {stream:02x?}"),
    }
}

/// Headers and streams of obfuscated2, and headers that must be refused.
pub fn obfuscation() -> Value {
    let secret = Some(sample_array(650));
    let cases = [
        obfuscated(1, Framing::Abridged, None, 2),
        obfuscated(2, Framing::Intermediate, None, -2),
        obfuscated(3, Framing::Padded, None, 10_002),
        obfuscated(4, Framing::Intermediate, secret, 2),
        obfuscated(5, Framing::Padded, secret, 2),
    ];
    json!({
        "what": "obfuscated2: the client's 64 bytes, the keys that follow from them, and both streams behind them; openings that a server must refuse",
        "cases": cases, "bad": bad_openings(),
    })
}

fn client_options(framing: Framing, secret: Option<[u8; 16]>, dc: i16) -> ClientOptions {
    let secret = secret.map(|mut secret| Secret::take(&mut secret));
    ClientOptions::new(framing)
        .obfuscated(Obfuscation { secret, dc })
        .expect("a framing that can be obfuscated")
}

fn obfuscated(number: u64, framing: Framing, secret: Option<[u8; 16]>, dc: i16) -> Value {
    let (client_seed, server_seed) = (sample(660 + number, 32), sample(670 + number, 32));
    let mut client = ClientFramer::new(&client_options(framing, secret, dc), seed(&client_seed));
    let mut up = BytesMut::new();
    let sent = [packet(10, 3), packet(11, 5)];
    sent.iter().for_each(|packet| client.frame(packet, &mut up).expect("a packet"));
    let wire = up.to_vec();
    let secrets = secret.map(|mut secret| Secret::take(&mut secret)).into_iter().collect();
    let options = ServerOptions { secrets, require_obfuscated: true, ..ServerOptions::default() };
    let mut server = ServerFramer::new(options, seed(&server_seed));
    server.receive(&mut up).expect("a good opening");
    let mut down = BytesMut::new();
    let answered = [packet(12, 4), packet(13, 3)];
    answered.iter().for_each(|packet| server.frame(packet, &mut down).expect("a packet"));
    let (opening, stream) = wire.split_at(OPENING_LEN);
    json!({
        "name": format!("{}_{}", name(framing), if secret.is_some() { "with_secret" } else { "open" }),
        "framing": name(framing), "secret": secret.map(hex), "dc": dc, "opening": hex(opening),
        "keys": { "to_server": stream_key(opening.to_vec(), secret),
                  "to_client": stream_key(opening.iter().rev().copied().collect(), secret) },
        "client": { "seed": hex(client_seed), "packets": sent.map(hex), "stream": hex(stream) },
        "server": { "seed": hex(server_seed), "packets": answered.map(hex), "stream": hex(down) },
    })
}

/// Key and vector of AES-256-CTR. Both lie in the first 56 bytes, which travel in clear, also
/// when the opening is read backwards.
fn stream_key(opening: Vec<u8>, secret: Option<[u8; 16]>) -> Value {
    let mut key = opening[8..40].to_vec();
    if let Some(secret) = secret {
        key = Sha256::digest([&key[..], &secret].concat()).to_vec();
    }
    json!({ "key": hex(key), "iv": hex(&opening[40..56]) })
}

/// Name, the server's secrets, what the client sends.
type Opening<'a> = (&'a str, &'a [[u8; 16]], Vec<u8>);

fn bad_openings() -> Vec<Value> {
    let (ours, theirs) = (sample_array(651), sample_array(652));
    let opening = |secret| {
        let options = client_options(Framing::Intermediate, secret, 2);
        let mut wire = BytesMut::new();
        ClientFramer::new(&options, seed(&[3; 32])).frame(&packet(9, 3), &mut wire).expect("fits");
        wire.to_vec()
    };
    let mut other_tag = opening(None);
    other_tag[56] ^= 1;
    let openings: [Opening<'_>; 5] = [
        ("other_secret", &[ours], opening(Some(theirs))),
        ("no_secret", &[ours], opening(None)),
        ("secret_where_none_is", &[], opening(Some(theirs))),
        ("other_tag", &[], other_tag),
        ("not_obfuscated", &[], [&[0xee; 4][..], &[72, 0, 0, 0], &packet(9, 3)].concat()),
    ];
    let case = |(name, secrets, stream): Opening<'_>| {
        let taken = secrets.iter().map(|secret| Secret::take(&mut { *secret })).collect();
        let fault = fault(ServerOptions { secrets: taken, ..options(true) }, &stream);
        assert_eq!(fault, format!("{:?}", FramingFault::Unknown), "{name}");
        let secrets: Vec<String> = secrets.iter().map(hex).collect();
        json!({ "name": name, "secrets": secrets, "stream": hex(stream), "fault": fault })
    };
    openings.into_iter().map(case).collect()
}
