//! HTTP: requests and answers on the wire.

use bytes::BytesMut;
use odnix_proto::transport::{
    ClientFramer, ClientOptions, Frame, Framing, Origins, ServerFramer, ServerOptions,
};
use odnix_proto::{ConfigError, FramingFault, HttpFault, PeerError, Seed, UsageError};

const PACKET: [u8; 40] = [1; 40];

fn seed(number: u64) -> Seed {
    Seed::for_testing(number)
}

fn server_with(change: impl FnOnce(&mut ServerOptions)) -> ServerFramer {
    let mut options = ServerOptions::default();
    change(&mut options);
    ServerFramer::new(options, seed(1))
}

fn server() -> ServerFramer {
    server_with(|_| {})
}

fn http_client() -> ClientFramer {
    ClientFramer::new(&ClientOptions::new(Framing::Http), seed(1))
}

fn fault<T>(fault: HttpFault) -> Result<T, PeerError> {
    Err(PeerError::Framing(FramingFault::Http(fault)))
}

/// What a server makes of `wire`, and what it says when that is a fault.
fn read_by(mut server: ServerFramer, wire: &[u8]) -> (Result<Vec<Frame>, PeerError>, String) {
    let mut frames = Vec::new();
    let read = server.receive(&mut BytesMut::from(wire)).and_then(|()| {
        while let Some(frame) = server.next_frame()? {
            frames.push(frame);
        }
        Ok(())
    });
    let mut answer = BytesMut::new();
    if let Err(code) = read.map_err(PeerError::wire_code) {
        server.frame_error(code.expect("a status"), &mut answer);
    }
    (read.map(|()| frames), String::from_utf8(answer.to_vec()).unwrap())
}

fn packet(bytes: &[u8]) -> Frame {
    Frame::Packet { packet: BytesMut::from(bytes), quick_ack: false }
}

fn request(fields: &str) -> Vec<u8> {
    [format!("POST /api HTTP/1.1\r\n{fields}\r\n").as_bytes(), &PACKET].concat()
}

// ---- bytes on the wire ----------------------------------------------------------------------

#[test]
fn requests_and_answers_look_as_documented() {
    let options = ClientOptions::http("chat.example:8444", "/apiw1").unwrap();
    let mut client = ClientFramer::new(&options, seed(1));
    let mut server = server();
    let mut wire = BytesMut::new();
    client.frame_with_quick_ack(&PACKET, &mut wire).unwrap();
    let head = "POST /apiw1 HTTP/1.1\r\nHost: chat.example:8444\r\nConnection: keep-alive\r\n\
                Content-Length: 40\r\n\r\n";
    assert_eq!(wire, [head.as_bytes(), &PACKET].concat());
    server.receive(&mut wire).unwrap();
    assert_eq!(server.next_frame(), Ok(Some(packet(&PACKET))));

    server.frame_quick_ack(7, &mut wire);
    assert!(wire.is_empty(), "there are no quick acknowledgements");
    server.frame(&[2; 24], &mut wire).unwrap();
    let head = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\
                Content-Type: application/octet-stream\r\nContent-Length: 24\r\n\r\n";
    assert_eq!(wire, [head.as_bytes(), &[2; 24]].concat());
    client.receive(&mut wire).unwrap();
    assert_eq!(client.next_frame(), Ok(Some(packet(&[2; 24]))));
}

#[test]
fn transport_errors_are_statuses_both_ways() {
    for (code, line) in [
        (-404, "HTTP/1.1 404 Not Found"),
        (-429, "HTTP/1.1 429 Too Many Requests"),
        (-444, "HTTP/1.1 444 Error"),
    ] {
        let (mut client, mut server) = (http_client(), server());
        let mut wire = BytesMut::new();
        client.frame(&PACKET, &mut wire).unwrap();
        server.receive(&mut wire).unwrap();
        server.next_frame().unwrap();
        server.frame_error(code, &mut wire);
        let expected = format!("{line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(wire, expected.as_bytes());
        wire.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n");
        client.receive(&mut wire).unwrap();
        assert_eq!(client.next_frame(), Ok(Some(Frame::Error(code))));
        assert_eq!(client.next_frame(), Ok(None), "nothing after an error counts");
        client.receive(&mut BytesMut::from(&[9; 100][..])).unwrap();
        assert_eq!(client.next_frame(), Ok(None));
    }
}

#[test]
fn errors_of_other_servers_are_told_whatever_their_body_is() {
    for (answer, code) in [
        ("HTTP/1.0 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n<html>", -502),
        ("HTTP/1.1 404\r\n\r\n", -404),
        ("HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nContent-Length: 3\r\n\r\nabc", -301),
        ("HTTP/1.1 204 No Content\r\n\r\n", -204),
    ] {
        let mut client = http_client();
        client.frame(&PACKET, &mut BytesMut::new()).unwrap();
        client.receive(&mut BytesMut::from(answer)).unwrap();
        assert_eq!(client.next_frame(), Ok(Some(Frame::Error(code))), "{answer}");
    }
}

#[test]
fn a_signal_may_be_the_body_of_an_answer() {
    let mut client = http_client();
    client.frame(&PACKET, &mut BytesMut::new()).unwrap();
    let answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"[..], &(-404_i32).to_le_bytes()];
    client.receive(&mut BytesMut::from(&answer.concat()[..])).unwrap();
    assert_eq!(client.next_frame(), Ok(Some(Frame::Error(-404))));
}

#[test]
fn requests_in_a_row_are_answered_in_their_order_and_once() {
    let (mut client, mut server) = (http_client(), server());
    let mut wire = BytesMut::new();
    for _ in 0..3 {
        client.frame(&PACKET, &mut wire).unwrap();
    }
    assert_eq!((client.open_requests(), server.open_requests()), (3, 0));
    server.receive(&mut wire).unwrap();
    while server.next_frame().unwrap().is_some() {}
    assert_eq!(server.open_requests(), 3);
    for fill in 1..=3 {
        server.frame(&[fill; 24], &mut wire).unwrap();
    }
    assert_eq!(server.frame(&[4; 24], &mut BytesMut::new()), Err(UsageError::NoRequest));
    let mut nothing = BytesMut::new();
    server.frame_error(-404, &mut nothing);
    assert!(nothing.is_empty(), "nobody waits for an answer");
    client.receive(&mut wire).unwrap();
    for fill in 1..=3 {
        assert_eq!(client.next_frame(), Ok(Some(packet(&[fill; 24]))));
    }
    assert_eq!((client.open_requests(), server.open_requests()), (0, 0));
    client.receive(&mut BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n")).unwrap();
    assert_eq!(client.next_frame(), fault(HttpFault::Unsolicited));
}

#[test]
fn a_packet_that_cannot_be_framed_takes_no_turn() {
    let mut server = server();
    server.receive(&mut BytesMut::from(&request("Host: h\r\nContent-Length: 40\r\n")[..])).unwrap();
    server.next_frame().unwrap();
    assert!(matches!(
        server.frame(&[1; 3], &mut BytesMut::new()),
        Err(UsageError::BodyLength { len: 3, .. })
    ));
    assert_eq!(server.open_requests(), 1);
}

#[test]
fn targets_that_would_break_the_head_are_refused() {
    for (host, path) in [
        ("h", "api"),
        ("h", ""),
        ("h", "/a b"),
        ("h", "/a\r\nX: y"),
        ("h\r\nX: y", "/api"),
        ("h h", "/api"),
        ("h\u{e9}", "/api"),
    ] {
        let refused = ClientOptions::http(host, path).map(|_| ());
        assert_eq!(refused, Err(ConfigError::HttpTarget), "{host:?} {path:?}");
    }
    assert!(ClientOptions::http("", "/").is_ok());
}

// ---- what is refused ------------------------------------------------------------------------

#[test]
fn heads_that_could_be_read_in_two_ways_are_refused_with_their_status() {
    use HttpFault::{
        BodyLength, BodyTooLong, Expectation, LengthRequired, Malformed, NotAllowed,
        TransferEncoding, Version,
    };
    let cases: [(&str, HttpFault); 43] = [
        // Start lines.
        ("GET /api HTTP/1.1\r\nHost: h\r\n\r\n", NotAllowed),
        ("HEAD /api HTTP/1.1\r\nHost: h\r\n\r\n", NotAllowed),
        ("OPTIONS /api HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\n\r\n", NotAllowed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", NotAllowed),
        ("POST /ap HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", NotAllowed),
        ("POST http://h/api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", NotAllowed),
        ("POSTS /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", NotAllowed),
        ("POST /api HTTP/1.0\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Version),
        ("POST /api HTTP/2.0\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Version),
        ("POST /api http/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Version),
        ("POST /api\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST  /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1 \r\nHost: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api\tHTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        // Lines.
        ("POST /api HTTP/1.1\nHost: h\nContent-Length: 40\n\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\n\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\rX: y\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\0\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\x7f\r\nContent-Length: 40\r\n\r\n", Malformed),
        // Fields.
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n 1\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nX: y\r\n\tz\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length : 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\n Host: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nno colon\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\n: empty\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\n\u{e9}: y\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nContent-Length: 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nHost: h\r\nContent-Length: 40\r\n\r\n", Malformed),
        // Lengths.
        ("POST /api HTTP/1.1\r\nHost: h\r\n\r\n", LengthRequired),
        (
            "POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\nContent-Length: 40\r\n\r\n",
            Malformed,
        ),
        (
            "POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\ncontent-length: 44\r\n\r\n",
            Malformed,
        ),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40, 40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: +40\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 0x28\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", Malformed),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", BodyLength),
        ("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 41\r\n\r\n", BodyLength),
        (
            "POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            BodyTooLong,
        ),
        (
            "POST /api HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n",
            TransferEncoding,
        ),
        (
            "POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\ntransfer-encoding: x\r\n\r\n",
            TransferEncoding,
        ),
        (
            "POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n",
            Expectation,
        ),
    ];
    for (head, expected) in cases {
        let wire = [head.as_bytes(), &PACKET].concat();
        let (read, answer) = read_by(server(), &wire);
        assert_eq!(read, fault(expected), "{head}");
        let status = -expected.wire_code().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(!answer.contains(" Error\r\n"), "each status has its reason: {answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert_eq!(answer.contains("Allow: POST\r\n"), expected == NotAllowed, "{answer}");
    }
}

#[test]
fn heads_that_differ_in_nothing_but_form_are_read() {
    let cases = [
        "Host:\r\nContent-Length: 40\r\n",
        "content-length:40\r\nHOST: \t h \t\r\n",
        "Host: h\r\nContent-Length: 0040\r\nX-Nothing:\r\nAccept: */*, \u{e9}\r\n",
        "Host: h\r\nContent-Length: 40\r\nConnection: close\r\nUpgrade: h2c\r\nCookie: a=b\r\n",
    ];
    for fields in cases {
        let (read, _) = read_by(server(), &request(fields));
        assert_eq!(read, Ok(vec![packet(&PACKET)]), "{fields}");
    }
    for path in ["/api", "/apiw1", "/api/x?y"] {
        let wire = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n");
        let (read, _) = read_by(server(), &[wire.as_bytes(), &PACKET].concat());
        assert_eq!(read, Ok(vec![packet(&PACKET)]), "{path}");
    }
    let wire = b"POST /other/x HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n";
    let other = server_with(|options| options.http_path = "/other".into());
    assert_eq!(read_by(other, &[&wire[..], &PACKET].concat()).0, Ok(vec![packet(&PACKET)]));
}

#[test]
fn web_pages_need_an_origin_on_the_list() {
    let own = "Host: h\r\nContent-Length: 40\r\n";
    let origins = Origins::new(["https://Chat.example/", "http://other.example:80"]);
    for (origin, allowed) in [
        ("https://chat.example", true),
        ("HTTPS://CHAT.example", true),
        ("http://other.example:80", true),
        ("https://evil.example", false),
        ("https://chat.example.evil", false),
        ("http://chat.example", false),
        ("null", false),
        ("", false),
        ("https://chat.example\r\nOrigin: https://chat.example", false),
    ] {
        let mut served = server_with(|options| options.origins = origins.clone());
        let wire = request(&format!("{own}Origin: {origin}\r\n"));
        served.receive(&mut BytesMut::from(&wire[..])).unwrap();
        let read = served.next_frame();
        if !allowed {
            assert_eq!(read, fault(HttpFault::ForeignOrigin), "{origin}");
            continue;
        }
        assert_eq!(read, Ok(Some(packet(&PACKET))), "{origin}");
        let mut answer = BytesMut::new();
        served.frame(&PACKET, &mut answer).unwrap();
        let told = format!("Access-Control-Allow-Origin: {}\r\n", origin.to_ascii_lowercase());
        assert!(String::from_utf8_lossy(&answer).contains(&told));

        let nobody = read_by(server(), &wire);
        assert_eq!(nobody.0, fault(HttpFault::ForeignOrigin), "no page may when none is named");
        assert!(!nobody.1.contains("Access-Control"), "{}", nobody.1);
        assert!(nobody.1.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{}", nobody.1);
    }
    let mut served = server_with(|options| options.origins = origins.clone());
    let mut answer = BytesMut::new();
    served.receive(&mut BytesMut::from(&request(own)[..])).unwrap();
    served.next_frame().unwrap();
    served.frame(&PACKET, &mut answer).unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("Access-Control"));
}

#[test]
fn a_client_refuses_answers_that_could_be_read_in_two_ways() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", HttpFault::LengthRequired),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HttpFault::BodyLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n", HttpFault::BodyLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4194308\r\n\r\n", HttpFault::BodyTooLong),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 40\r\nContent-Length: 44\r\n\r\n",
            HttpFault::Malformed,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HttpFault::TransferEncoding),
        ("HTTP/1.1 200 OK\nContent-Length: 40\n\n", HttpFault::Malformed),
        ("HTTP/1.1 20 OK\r\nContent-Length: 40\r\n\r\n", HttpFault::Malformed),
        ("HTTP/1.1 2000 OK\r\nContent-Length: 40\r\n\r\n", HttpFault::Malformed),
        ("HTTP/1.1 099 OK\r\nContent-Length: 40\r\n\r\n", HttpFault::Malformed),
        ("HTTP/2 200 OK\r\nContent-Length: 40\r\n\r\n", HttpFault::Malformed),
        ("ICY 200 OK\r\nContent-Length: 40\r\n\r\n", HttpFault::Malformed),
    ] {
        let mut client = http_client();
        client.frame(&PACKET, &mut BytesMut::new()).unwrap();
        client.receive(&mut BytesMut::from(answer)).unwrap();
        assert_eq!(client.next_frame(), fault(expected), "{answer}");
        assert_eq!(client.next_frame(), fault(expected), "faults are sticky");
    }
}

// ---- bounds ---------------------------------------------------------------------------------

#[test]
fn a_head_at_its_limit_is_read_and_one_byte_more_is_not() {
    let head = "POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n".len();
    for (max, expected) in
        [(head, Ok(vec![packet(&PACKET)])), (head - 1, fault(HttpFault::HeadTooLong))]
    {
        let limited = server_with(|options| options.http_head_bytes_max = max);
        let (read, answer) = read_by(limited, &request("Host: h\r\nContent-Length: 40\r\n"));
        let told = answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n");
        assert_eq!((read, told), (expected.clone(), expected.is_err()));
    }
    // A head without an end is refused as soon as it cannot end in time.
    let endless = [b"POST /api HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 100]].concat();
    let mut limited = server_with(|options| options.http_head_bytes_max = 64);
    limited.receive(&mut BytesMut::from(&endless[..63])).unwrap();
    assert_eq!(limited.next_frame(), Ok(None));
    limited.receive(&mut BytesMut::from(&endless[63..64])).unwrap();
    assert_eq!(limited.next_frame(), fault(HttpFault::HeadTooLong));

    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n";
    for (max, expected) in [(answer.len(), Ok(None)), (38, fault(HttpFault::HeadTooLong))] {
        let options = ClientOptions::new(Framing::Http).http_head_bytes_max(max);
        let mut client = ClientFramer::new(&options, seed(1));
        client.frame(&PACKET, &mut BytesMut::new()).unwrap();
        client.receive(&mut BytesMut::from(answer)).unwrap();
        assert_eq!(client.next_frame(), expected, "{max}");
    }
}

#[test]
fn requests_in_flight_are_bounded() {
    let mut limited = server_with(|options| options.http_requests_max = 3);
    let one = request("Host: h\r\nContent-Length: 40\r\n");
    for _ in 0..3 {
        limited.receive(&mut BytesMut::from(&one[..])).unwrap();
        assert_eq!(limited.next_frame(), Ok(Some(packet(&PACKET))));
    }
    limited.frame(&PACKET, &mut BytesMut::new()).unwrap();
    limited.receive(&mut BytesMut::from(&one[..])).unwrap();
    assert_eq!(limited.next_frame(), Ok(Some(packet(&PACKET))), "an answer makes room");
    limited.receive(&mut BytesMut::from(&one[..])).unwrap();
    assert_eq!(limited.next_frame(), fault(HttpFault::TooManyRequests));
}

#[test]
fn the_longest_body_allowed_passes_and_4_bytes_more_do_not() {
    for (len, expected) in [(64, None), (68, Some(HttpFault::BodyTooLong))] {
        let mut limited = server_with(|options| options.packet_bytes_max = 64);
        let head = format!("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n");
        limited.receive(&mut BytesMut::from(head.as_bytes())).unwrap();
        // Refused by its announcement, before any of it came.
        assert_eq!(limited.next_frame(), expected.map_or(Ok(None), fault));
    }
}

#[test]
fn half_a_request_may_be_refused() {
    let mut server = server();
    server.receive(&mut BytesMut::from("POST /api HTTP/1.1\r\nHos")).unwrap();
    assert_eq!(server.next_frame(), Ok(None));
    let mut answer = BytesMut::new();
    server.frame_error(-429, &mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 429 "));
}

#[test]
fn listed_origins_are_allowed_whatever_their_case_and_closing_slash() {
    let origins = Origins::new(["https://Chat.example/"]);
    for (origin, allowed) in [
        (&b"https://chat.example"[..], true),
        (b"HTTPS://CHAT.EXAMPLE/", true),
        (b"https://chat.example.org", false),
        (b"https://chat.exampl\xff", false),
        (b"", false),
    ] {
        assert_eq!(origins.allow(origin), allowed, "{origin:?}");
    }
    assert!(!Origins::default().allow(b"https://chat.example"), "an empty list allows none");
}
