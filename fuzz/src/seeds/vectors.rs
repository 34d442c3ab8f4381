//! Seeds out of the vectors, each in the form its target reads.

use serde_json::Value;

const BINDING: &str = include_str!("../../../conformance/vectors/binding.json");
const CONTAINERS: &str = include_str!("../../../conformance/vectors/containers.json");
const ENVELOPES: &str = include_str!("../../../conformance/vectors/envelopes.json");
const FRAMINGS: &str = include_str!("../../../conformance/vectors/framings.json");
const GZIP: &str = include_str!("../../../conformance/vectors/gzip.json");
const HANDSHAKE: &str = include_str!("../../../conformance/vectors/handshake.json");
const OBFUSCATION: &str = include_str!("../../../conformance/vectors/obfuscation.json");
const PLAIN_MESSAGES: &str = include_str!("../../../conformance/vectors/plain_messages.json");

/// Of each target, its seeds.
pub fn all() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    vec![
        ("connection", connection()),
        ("envelope_open", envelope_open()),
        ("framer", framer()),
        ("handshake_client", handshake("server")),
        ("handshake_server", handshake("client")),
        ("obfuscation", obfuscation()),
        ("plain_message", plain_message()),
        ("session_packets", session_packets()),
    ]
}

fn file(text: &str) -> Value {
    serde_json::from_str(text).expect("a vector file")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("a list")
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hexadecimal").as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit");
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("a byte");
    text.chunks_exact(2).map(byte).collect()
}

fn long(value: &Value) -> [u8; 8] {
    value.as_str().and_then(|text| text.parse::<i64>().ok()).expect("a number").to_le_bytes()
}

fn framer() -> Vec<Vec<u8>> {
    let file = file(FRAMINGS);
    let how = |case: &Value| match (case["from"].as_str(), case["framing"].as_str()) {
        (Some("server"), Some("full")) => 3,
        (Some("server"), Some("abridged")) => 5,
        (Some("server"), Some("intermediate")) => 6,
        (Some("server"), _) => 7,
        _ => 0,
    };
    let cases = list(&file, "cases").iter().chain(list(&file, "bad"));
    let http =
        [&[0, 7][..], b"POST /api HTTP/1.1\r\nContent-Length: 40\r\n\r\n", &[1; 40]].concat();
    let streams = cases.map(|case| [vec![how(case), 7], bytes(&case["stream"])].concat());
    streams.chain([http]).collect()
}

fn plain_message() -> Vec<Vec<u8>> {
    list(&file(PLAIN_MESSAGES), "cases").iter().map(|case| bytes(&case["packet"])).collect()
}

/// Plaintexts, and packets, which are noise under the target's own key.
fn envelope_open() -> Vec<Vec<u8>> {
    let file = file(ENVELOPES);
    let plaintext = |case: &Value| {
        let data = bytes(&case["data"]);
        let seq_no = i32::try_from(case["seq_no"].as_i64().expect("a number")).expect("short");
        let len = i32::try_from(data.len()).expect("short");
        let mut seed = vec![1, u8::from(case["from"] == "server")];
        for name in ["salt", "session_id", "msg_id"] {
            seed.extend_from_slice(&long(&case[name]));
        }
        seed.extend_from_slice(&seq_no.to_le_bytes());
        seed.extend_from_slice(&len.to_le_bytes());
        [seed, data, bytes(&case["padding"])].concat()
    };
    let packet = |case: &Value| [vec![0, 0], bytes(&case["packet"])].concat();
    let good = list(&file, "good").iter().map(plaintext);
    good.chain(list(&file, "bad").iter().map(packet)).collect()
}

/// Openings and streams, and conversations in each framing.
fn obfuscation() -> Vec<Vec<u8>> {
    let file = file(OBFUSCATION);
    let cases = list(&file, "cases").iter().map(|case| {
        [vec![0, 0, 100], bytes(&case["opening"]), bytes(&case["client"]["stream"])].concat()
    });
    let bad =
        list(&file, "bad").iter().map(|case| [vec![0, 1, 9], bytes(&case["stream"])].concat());
    let conversations = (0..3).flat_map(|framing| {
        let steps = [0, 5, 0, 6, 2, 70, 2, 255, 1, 4, 1, 9, 3, 33, 2, 0, 3, 200, 0, 1, 2, 1];
        [1, 2].map(|how| [&[how, framing, 1, 1, 2, 0, 5][..], &steps].concat())
    });
    cases.chain(bad).chain(conversations).collect()
}

/// Each state with each kind of packet, and whole recorded packets.
fn handshake(from: &str) -> Vec<Vec<u8>> {
    // One state for each number of packets taken in, idle and busy.
    let states = [0, 7, 13, 15].into_iter().flat_map(|state| [state, state | 0x10]);
    // As it is, and with one bit changed: in a nonce, and in what comes behind both nonces.
    let edits: [&[u8]; 3] = [&[], &[30, 0, 1], &[60, 0, 1]];
    let mut seeds: Vec<Vec<u8>> = states
        .flat_map(|state| [[state, 2], [state, 3]])
        .flat_map(|way| edits.map(|edit| [&way[..], edit].concat()))
        .collect();
    seeds.extend((0..8).map(|other| vec![7, 4, other]));
    let file = file(HANDSHAKE);
    let exchanges = list(&file, "exchanges").iter().take(1);
    let packets = exchanges.flat_map(|exchange| list(exchange, "packets"));
    for packet in packets.filter(|packet| packet["from"] == from) {
        seeds.push([vec![0, 0], bytes(&packet["packet"])].concat());
    }
    seeds
}

/// Bodies that the peer sends as they are, to both roles, and a conversation for each.
fn session_packets() -> Vec<Vec<u8>> {
    const PEER_SENDS: u8 = 4;
    let files = [file(CONTAINERS), file(GZIP)];
    let bodies = files.iter().flat_map(|file| list(file, "cases")).map(|case| bytes(&case["body"]));
    let binding = bytes(&file(BINDING)["seal"]["request"]);
    let mut seeds = Vec::new();
    for body in bodies.chain([binding]) {
        let Ok(len) = u8::try_from(body.len()) else { continue };
        for role in [0, 1, 3] {
            seeds.push([vec![role, PEER_SENDS, 1, 0, 0, len], body.clone()].concat());
        }
    }
    for role in [0, 1, 3] {
        // For each kind of body: a call, time, the body, a repeat, a lost transport.
        let steps = (0..8).flat_map(|kind| {
            [1, 2, 4, 9, 9, 9, 9, 0, 60, 0, PEER_SENDS, 1, 0, kind, 2, 3, 4, 5, 3, 0, 2]
        });
        seeds.push([role].into_iter().chain(steps).collect());
    }
    // A call before a binding, the binding, and a call behind it.
    let call = |seq_no: u8| [PEER_SENDS, seq_no, 0, 5, 2, 9, 9];
    let binding = [PEER_SENDS, 3, 253];
    seeds.push([&[3][..], &call(1), &binding, &call(5)].concat());
    // A call and its result, plain and packed: under one of these numbers stands the call's id.
    for (number, body) in
        (0..6).flat_map(|number| [(number, &[5, 2, 9, 9][..]), (number, &[2, 0, 5, 1, 9])])
    {
        let call = [0, 1, 2, 4, 9, 9, 9, 9];
        seeds.push([&call[..], &[PEER_SENDS, 1, 0, 4, number, 3], body].concat());
    }
    seeds
}

/// Calls among each kind of fault.
fn connection() -> Vec<Vec<u8>> {
    let call = |data: u8| [0, 0, 4, data, data, data, data];
    let exchange = [4, 0];
    let faults: [&[u8]; 12] = [
        &[12, 0],               // cut
        &[11, 0],               // connected anew
        &[13, 0],               // a frame lost
        &[14, 1],               // doubled
        &[15, 2],               // out of order
        &[16, 0, 40, 1],        // damaged
        &[17, 0, 11, 0],        // sessions forgotten
        &[18, 0],               // all keys forgotten
        &[18, 1],               // the temporary ones
        &[18, 2],               // their bindings
        &[10, 200],             // minutes pass
        &[3, 0, 2, 8, 8, 9, 0], // a push
    ];
    let sequence = |fault: &[u8]| {
        [&call(1)[..], &exchange, &call(2), &[7, 0], fault, &call(3), &[8, 0], fault, &exchange]
            .concat()
    };
    let mut steps: Vec<Vec<u8>> = faults.into_iter().map(sequence).collect();
    steps.push(steps.concat());
    // With each choice of temporary keys, quick acknowledgements and HTTP.
    (0..8)
        .flat_map(|choice| steps.iter().map(move |steps| [&[choice], &steps[..]].concat()))
        .collect()
}
