//! framings.json and obfuscation.json.

use super::read::{array, bytes, file, int, list, seed, text, uint};
use bytes::BytesMut;
use odnix_proto::transport::{
    ClientFramer, ClientOptions, Frame, Framing, Obfuscation, ServerFramer, ServerOptions,
};
use odnix_proto::{PeerError, Secret, Seed};
use serde_json::Value;

fn framing(value: &Value) -> Framing {
    match text(value) {
        "abridged" => Framing::Abridged,
        "intermediate" => Framing::Intermediate,
        "padded" => Framing::Padded,
        "full" => Framing::Full,
        other => panic!("{other}"),
    }
}

fn client_to_read(framing: Framing) -> ClientFramer {
    ClientFramer::new(&ClientOptions::new(framing), Seed::for_testing(1))
}

/// What a framer finds in a stream that comes in pieces.
fn frames(
    pieces: &[&[u8]],
    mut receive: impl FnMut(Option<&[u8]>) -> Result<Option<Frame>, PeerError>,
) -> (Vec<Frame>, Option<PeerError>) {
    let mut found = Vec::new();
    for piece in pieces {
        if let Err(error) = receive(Some(piece)) {
            return (found, Some(error));
        }
        loop {
            match receive(None) {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}

fn read_as_server(options: ServerOptions, pieces: &[&[u8]]) -> (Vec<Frame>, Option<PeerError>) {
    let mut framer = ServerFramer::new(options, Seed::for_testing(2));
    frames(pieces, move |piece| match piece {
        Some(piece) => framer.receive(&mut BytesMut::from(piece)).map(|()| None),
        None => framer.next_frame(),
    })
}

fn read_as_client(mut framer: ClientFramer, pieces: &[&[u8]]) -> (Vec<Frame>, Option<PeerError>) {
    frames(pieces, move |piece| match piece {
        Some(piece) => framer.receive(&mut BytesMut::from(piece)).map(|()| None),
        None => framer.next_frame(),
    })
}

fn frame(value: &Value) -> Frame {
    if let Some(token) = value.get("quick_ack_token") {
        Frame::QuickAck(uint(token))
    } else if let Some(code) = value.get("error") {
        Frame::Error(int(code))
    } else {
        let packet = bytes(&value["packet"])[..].into();
        Frame::Packet { packet, quick_ack: value["quick_ack"].as_bool().unwrap() }
    }
}

#[test]
fn each_stream_holds_its_frames_however_it_is_cut() {
    for case in list(&file("framings")["cases"]) {
        let stream = bytes(&case["stream"]);
        let expected: Vec<Frame> = list(&case["frames"]).iter().map(frame).collect();
        let (whole, single): (Vec<&[u8]>, Vec<&[u8]>) = (vec![&stream], stream.chunks(1).collect());
        for pieces in [whole, single] {
            let found = match text(&case["from"]) {
                "client" => read_as_server(ServerOptions::default(), &pieces),
                _ => read_as_client(client_to_read(framing(&case["framing"])), &pieces),
            };
            assert_eq!(found, (expected.clone(), None), "{}", case["name"]);
        }
    }
}

#[test]
fn each_stream_is_written_to_the_same_bytes() {
    for case in list(&file("framings")["cases"]) {
        let written = match text(&case["from"]) {
            "client" => written_by_client(case),
            _ => written_by_server(case),
        };
        assert_eq!(written, bytes(&case["stream"]), "{}", case["name"]);
    }
}

fn written_by_client(case: &Value) -> BytesMut {
    let options = ClientOptions::new(framing(&case["framing"]));
    let mut framer = ClientFramer::new(&options, seed(&case["seed"]));
    let mut stream = BytesMut::new();
    for written in list(&case["frames"]) {
        match frame(written) {
            Frame::Packet { packet, quick_ack: true } => {
                framer.frame_with_quick_ack(&packet, &mut stream).unwrap();
            }
            Frame::Packet { packet, quick_ack: false } => {
                framer.frame(&packet, &mut stream).unwrap();
            }
            other => panic!("a client never sends {other:?}"),
        }
    }
    stream
}

fn written_by_server(case: &Value) -> BytesMut {
    let mut framer = ServerFramer::new(ServerOptions::default(), seed(&case["seed"]));
    let mut opening = BytesMut::new();
    client_to_read(framing(&case["framing"])).frame(&[1; 40], &mut opening).unwrap();
    framer.receive(&mut opening).unwrap();
    let mut stream = BytesMut::new();
    for written in list(&case["frames"]) {
        match frame(written) {
            Frame::Packet { packet, .. } => framer.frame(&packet, &mut stream).unwrap(),
            Frame::QuickAck(token) => framer.frame_quick_ack(token, &mut stream),
            Frame::Error(code) => framer.frame_error(code, &mut stream),
        }
    }
    stream
}

fn fault(error: Option<PeerError>) -> String {
    match error {
        Some(PeerError::Framing(fault)) => format!("{fault:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_bad_stream_ends_with_its_fault() {
    let vectors = file("framings");
    let packet_bytes_max = usize::try_from(vectors["packet_bytes_max"].as_u64().unwrap()).unwrap();
    for case in list(&vectors["bad"]) {
        let stream = bytes(&case["stream"]);
        let options = ServerOptions { packet_bytes_max, ..ServerOptions::default() };
        let pieces: Vec<&[u8]> = stream.chunks(1).collect();
        for pieces in [vec![&stream[..]], pieces] {
            let (_, error) = read_as_server(options.clone(), &pieces);
            assert_eq!(fault(error), text(&case["fault"]), "{}", case["name"]);
        }
    }
}

fn secret(value: &Value) -> Secret<16> {
    Secret::take(&mut array(value))
}

fn packets(value: &Value) -> Vec<Frame> {
    let packet = |value| Frame::Packet { packet: bytes(value)[..].into(), quick_ack: false };
    list(value).iter().map(packet).collect()
}

#[test]
fn obfuscated_streams_are_written_and_read() {
    for case in list(&file("obfuscation")["cases"]) {
        let secrets: Vec<Secret<16>> =
            (!case["secret"].is_null()).then(|| secret(&case["secret"])).into_iter().collect();
        let dc = i16::try_from(int(&case["dc"])).unwrap();
        let obfuscation = Obfuscation { secret: secrets.first().cloned(), dc };
        let options = ClientOptions::new(framing(&case["framing"])).obfuscated(obfuscation);
        let mut client = ClientFramer::new(&options.unwrap(), seed(&case["client"]["seed"]));
        let up = [bytes(&case["opening"]), bytes(&case["client"]["stream"])].concat();
        let mut written = BytesMut::new();
        for packet in list(&case["client"]["packets"]) {
            client.frame(&bytes(packet), &mut written).unwrap();
        }
        assert_eq!(written, up, "{}", case["name"]);

        let options = ServerOptions { secrets, require_obfuscated: true, ..Default::default() };
        let expected = (packets(&case["client"]["packets"]), None);
        for pieces in [vec![&up[..]], up.chunks(1).collect()] {
            assert_eq!(read_as_server(options.clone(), &pieces), expected, "{}", case["name"]);
        }
        let mut server = ServerFramer::new(options, seed(&case["server"]["seed"]));
        server.receive(&mut BytesMut::from(&up[..])).unwrap();
        assert_eq!(server.framing(), Some(framing(&case["framing"])));
        let (down, mut written) = (bytes(&case["server"]["stream"]), BytesMut::new());
        for packet in list(&case["server"]["packets"]) {
            server.frame(&bytes(packet), &mut written).unwrap();
        }
        assert_eq!(written, down, "{}", case["name"]);
        let expected = (packets(&case["server"]["packets"]), None);
        assert_eq!(read_as_client(client, &[&down]), expected, "{}", case["name"]);
    }
}

#[test]
fn bad_openings_are_refused() {
    for case in list(&file("obfuscation")["bad"]) {
        let secrets = case["secrets"].as_array().unwrap().iter().map(secret).collect();
        let options = ServerOptions { secrets, require_obfuscated: true, ..Default::default() };
        let (found, error) = read_as_server(options, &[&bytes(&case["stream"])]);
        assert_eq!((found.len(), fault(error)), (0, text(&case["fault"]).to_owned()));
    }
}
