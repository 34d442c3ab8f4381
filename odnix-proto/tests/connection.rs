//! Whole connections of both roles over an in-memory link.

#[allow(dead_code, reason = "shared helpers")]
mod common;
mod link;

use bytes::{Bytes, BytesMut};
use common::echo;
use core::time::Duration;
use link::{Link, client_config};
use odnix_proto::{
    PeerError, Seed, client, envelope,
    error::CODE_NOT_FOUND,
    server::{self, KeyDestroyed, ServerKey, SessionEvent},
    transport::Framing,
};
use odnix_tl::{Encode, mtproto::types::HttpWait};
use proptest::prelude::*;

fn fresh(framing: Framing, obfuscated: bool) -> Link {
    let client = client::Connection::new(client_config(framing, obfuscated), Seed::for_testing(1));
    let mut link = Link::new(client, obfuscated);
    link.connect();
    link
}

/// A link with a key from an earlier run, and a session that is settled.
fn resumed_over(framing: Framing) -> Link {
    let auth_key = common::key(9);
    let saved = client::SavedKey { auth_key: auth_key.clone(), server_salt: 0, time_offset_us: 0 };
    let config = client_config(framing, false);
    let mut link =
        Link::new(client::Connection::resume(config, Seed::for_testing(3), saved), false);
    let key = ServerKey { auth_key, first_salt: None, expires_at: None, bound_to: None, dc: 2 };
    link.backend.keys.insert(key.auth_key.id(), key);
    link.connect();
    link.client.call(echo(b"first")).unwrap();
    link.settle();
    link
}

fn resumed() -> Link {
    resumed_over(Framing::Intermediate)
}

/// A link whose key exchange is done.
fn ready() -> Link {
    let mut link = fresh(Framing::Intermediate, false);
    link.client.call(echo(b"first")).unwrap();
    link.settle();
    link
}

#[test]
fn call_made_before_the_key_exists_is_answered_over_each_framing() {
    for framing in Framing::ALL {
        for obfuscated in [false, true] {
            if obfuscated && !framing.can_be_obfuscated() {
                continue;
            }
            let mut link = fresh(framing, obfuscated);
            let call = link.client.call(echo(b"hello, server")).unwrap();
            link.settle();
            assert_eq!(link.replies[&call], [Ok(echo(b"hello, server"))], "{framing:?}");
        }
    }
}

#[test]
fn bytes_may_arrive_one_at_a_time() {
    arrive_one_at_a_time(fresh(Framing::Abridged, true));
    arrive_one_at_a_time(fresh(Framing::Http, false));
}

fn arrive_one_at_a_time(mut link: Link) {
    let call = link.client.call(echo(b"slowly")).unwrap();
    for _ in 0..40 {
        link.embed();
        link.client_sends();
        link.server_sends();
        for byte in link.up.split() {
            let mut one = BytesMut::from([byte].as_slice());
            link.server.as_mut().unwrap().receive(link.now, &mut one).unwrap();
        }
        for byte in link.down.split() {
            let mut one = BytesMut::from([byte].as_slice());
            link.client.receive(link.now, &mut one).unwrap();
        }
    }
    assert_eq!(link.replies[&call], [Ok(echo(b"slowly"))]);
}

#[test]
fn saved_key_resumes_without_a_key_exchange() {
    let mut link = ready();
    let saved = link.client.saved_key(link.now).unwrap();
    link.cut();
    link.replies.clear();
    link.client = client::Connection::resume(
        client_config(Framing::Padded, false),
        Seed::for_testing(2),
        saved,
    );
    link.connect();
    let call = link.client.call(echo(b"again")).unwrap();
    assert!(link.client_sends());
    assert!(link.deliver());
    link.settle();
    assert_eq!(link.replies[&call], [Ok(echo(b"again"))]);
    assert_eq!(link.backend.keys.len(), 1);
}

#[test]
fn calls_survive_a_cut_and_run_once() {
    let mut link = ready();
    let call = link.client.call(echo(b"precious")).unwrap();
    link.client_sends();
    link.deliver();
    link.embed();
    link.server_sends();
    link.connect();
    link.settle();
    assert_eq!(link.replies[&call], [Ok(echo(b"precious"))]);
    assert_eq!(link.backend.runs[&echo(b"precious")], 1);
}

#[test]
fn session_of_another_id_sets_the_first_free() {
    let mut link = ready();
    let saved = link.client.saved_key(link.now).unwrap();
    let config = client_config(Framing::Intermediate, false);
    let mut other = client::Connection::resume(config, Seed::for_testing(77), saved);
    other.transport_connected(link.now);
    other.call(echo(b"other session, same socket")).unwrap();
    let mut packet = BytesMut::new();
    other.poll_transmit(link.now, &mut packet).unwrap();
    let mut packet = packet.split_off(4); // the tag was sent by the first client
    link.server.as_mut().unwrap().receive(link.now, &mut packet).unwrap();
    link.embed();
    assert_eq!(link.backend.sessions.len(), 1);
    let call = link.client.call(echo(b"back")).unwrap();
    link.client_sends();
    let (up, server) = (&mut link.up, link.server.as_mut().unwrap());
    server.receive(link.now, up).unwrap();
    link.embed();
    assert_eq!(link.backend.runs[&echo(b"back")], 1);
    let _ = call;
}

#[test]
fn unknown_key_is_answered_by_404_and_a_new_key_carries_the_call() {
    let mut link = ready();
    link.backend.keys.clear();
    link.connect();
    let call = link.client.call(echo(b"x")).unwrap();
    link.client_sends();
    link.deliver();
    assert!(!link.embed());
    assert!(link.server_sends());
    let refused = link.client.receive(link.now, &mut link.down);
    assert_eq!(refused, Err(PeerError::Transport(CODE_NOT_FOUND)));
    assert!(matches!(link.client.poll_event(), Some(client::Event::KeyUnknown(_))));
    link.client.discard_key();
    link.connect();
    link.settle();
    assert_eq!(link.replies[&call], [Ok(echo(b"x"))]);
}

#[test]
fn every_damaged_packet_is_answered_alike() {
    let damage: [fn(&mut BytesMut); 6] = [
        |packet| packet[4 + 8] ^= 1,               // msg_key
        |packet| packet[4 + 24] ^= 1,              // first block: the salt
        |packet| packet[4 + 24 + 28] ^= 1,         // data_len
        |packet| *packet.last_mut().unwrap() ^= 1, // padding
        |packet| {
            let cut = packet.len() - 16;
            packet.truncate(cut);
            let len = (cut - 4) as u32;
            packet[..4].copy_from_slice(&len.to_le_bytes());
        },
        |packet| {
            packet.extend([0; 16]);
            let len = (packet.len() - 4) as u32;
            packet[..4].copy_from_slice(&len.to_le_bytes());
        },
    ];
    let mut answers: Vec<(PeerError, Bytes)> = Vec::new();
    for change in damage {
        let mut link = ready();
        link.client.call(echo(b"x")).unwrap();
        link.client_sends();
        change(&mut link.up);
        let server = link.server.as_mut().unwrap();
        let error = server.receive(link.now, &mut link.up).unwrap_err();
        let mut out = BytesMut::new();
        while server.poll_transmit(link.now, &mut out).is_some() {}
        answers.push((error, out.freeze()));
        assert_eq!(link.backend.runs.len(), 1, "nothing of a damaged packet runs");
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(answers[0].1[4..], CODE_NOT_FOUND.to_le_bytes());
}

#[test]
fn own_packets_sent_back_are_refused() {
    let mut link = ready();
    link.client.call(echo(b"x")).unwrap();
    link.client_sends();
    let mut reflected = link.up.clone();
    assert_eq!(link.client.receive(link.now, &mut reflected), Err(PeerError::Envelope));
}

#[test]
fn failed_connection_stays_failed() {
    let mut link = ready();
    let server = link.server.as_mut().unwrap();
    let mut garbage = BytesMut::from([8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].as_slice());
    let first = server.receive(link.now, &mut garbage);
    // A packet of an unknown key waits for the answer to KeyWanted.
    assert_eq!(first, Ok(()));
    assert!(!link.embed());
    let server = link.server.as_mut().unwrap();
    for _ in 0..3 {
        let again = server.receive(link.now, &mut BytesMut::from([0; 16].as_slice()));
        assert_eq!(again, Err(PeerError::UnknownKey));
    }
}

#[test]
fn packets_waiting_for_a_key_are_bounded() {
    let mut link = fresh(Framing::Intermediate, false);
    link.client.call(echo(b"x")).unwrap();
    link.settle();
    let mut server_only = fresh(Framing::Intermediate, false);
    let server = server_only.server.as_mut().unwrap();
    let mut bytes = BytesMut::from([0xee; 4].as_slice());
    server.receive(server_only.now, &mut bytes).unwrap();
    let mut packets = 0;
    let flood = loop {
        let mut frame = BytesMut::from(72_u32.to_le_bytes().as_slice());
        frame.extend([9; 72]);
        packets += 1;
        assert!(packets < 1000);
        if let Err(error) = server.receive(server_only.now, &mut frame) {
            break error;
        }
    };
    assert_eq!(flood, PeerError::Flood);
}

/// A server connection with one packet of `key` waiting for its session.
fn waiting_for_session(link: &mut Link) -> odnix_proto::server::SessionRef {
    link.client.call(echo(b"x")).unwrap();
    link.client_sends();
    let server = link.server.as_mut().unwrap();
    server.receive(link.now, &mut link.up).unwrap();
    let Some(server::Event::KeyWanted(id)) = server.poll_event() else { panic!("no question") };
    server.provide_key(link.now, id, link.backend.keys.get(&id).cloned()).unwrap();
    let Some(server::Event::SessionWanted(wanted)) = server.poll_event() else { panic!("none") };
    wanted
}

#[test]
fn session_provided_to_a_dead_or_indifferent_connection_comes_back() {
    let mut link = resumed();
    link.connect();
    let session = link.backend.sessions.pop_first().unwrap().1;
    let wanted = waiting_for_session(&mut link);
    let other = server::SessionRef { session_id: wanted.session_id ^ 1, ..wanted };
    let server = link.server.as_mut().unwrap();
    server.provide_session(link.now, other, Some(session)).unwrap();
    let Some(server::Event::SessionReleased(session)) = server.poll_event() else {
        panic!("the session is gone")
    };
    server.refuse(PeerError::Flood);
    server.provide_session(link.now, wanted, Some(session)).unwrap_err();
    assert!(matches!(server.poll_event(), Some(server::Event::SessionReleased(_))));
}

#[test]
fn key_made_meanwhile_does_not_take_the_place_of_the_one_waited_for() {
    let mut link = resumed();
    link.connect();
    let wanted = waiting_for_session(&mut link);
    // The same socket now runs a key exchange to its end.
    let client =
        client::Connection::new(client_config(Framing::Intermediate, false), Seed::for_testing(55));
    let resumed = core::mem::replace(&mut link.client, client);
    link.client.transport_connected(link.now);
    let mut tag_sent = false;
    for _ in 0..10 {
        while let Some(event) = link.client.poll_event() {
            if let client::Event::Work(job) = event {
                link.client.complete(link.now, job.run()).unwrap();
            }
        }
        link.client_sends();
        if !tag_sent && !link.up.is_empty() {
            let _ = link.up.split_to(4);
            tag_sent = true;
        }
        assert!(link.deliver());
        link.embed_server_exchange();
        link.server_sends();
        assert!(link.deliver());
    }
    assert_eq!(link.backend.keys.len(), 2, "the exchange ended");
    link.client = resumed;
    let kept = link.backend.sessions.remove(&wanted);
    let server = link.server.as_mut().unwrap();
    server.provide_session(link.now, wanted, kept).unwrap();
    assert!(link.embed());
    assert_eq!(link.backend.runs[&echo(b"x")], 1);
}

#[test]
fn temporary_key_is_unknown_once_it_expired() {
    let mut link = resumed();
    for key in link.backend.keys.values_mut() {
        key.expires_at = Some(i32::try_from(link.now.wall.as_secs()).unwrap() + 60);
    }
    link.connect();
    link.client.call(echo(b"in time")).unwrap();
    link.settle();
    link.now = link.now.after(Duration::from_secs(61));
    link.client.call(echo(b"too late")).unwrap();
    link.client_sends();
    let refused = link.server.as_mut().unwrap().receive(link.now, &mut link.up);
    assert_eq!(refused, Err(PeerError::UnknownKey));
}

#[test]
fn temporary_key_that_expires_while_a_packet_waits_for_it_is_unknown() {
    for (late_s, outcome) in [(59, Ok(())), (60, Err(PeerError::UnknownKey))] {
        let mut link = resumed();
        let mut key = link.backend.keys.values().next().unwrap().clone();
        key.expires_at = Some(i32::try_from(link.now.wall.as_secs()).unwrap() + 60);
        link.connect();
        link.client.call(echo(b"waiting")).unwrap();
        link.client_sends();
        assert!(link.deliver());
        let server = link.server.as_mut().unwrap();
        let id = key.auth_key.id();
        assert!(matches!(server.poll_event(), Some(server::Event::KeyWanted(it)) if it == id));
        let then = link.now.after(Duration::from_secs(late_s));
        assert_eq!(server.provide_key(then, id, Some(key)), outcome);
    }
}

/// What happens to the link between two turns.
#[derive(Clone, Debug)]
enum Fault {
    None,
    DropUp,
    DropDown,
    DuplicateUp,
    DuplicateDown,
    SwapUp,
    SwapDown,
    CorruptUp(u16),
    CorruptDown(u16),
    Cut,
    Wait(u8),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::DropUp),
        1 => Just(Fault::DropDown),
        1 => Just(Fault::DuplicateUp),
        1 => Just(Fault::DuplicateDown),
        1 => Just(Fault::SwapUp),
        1 => Just(Fault::SwapDown),
        1 => any::<u16>().prop_map(Fault::CorruptUp),
        1 => any::<u16>().prop_map(Fault::CorruptDown),
        1 => Just(Fault::Cut),
        1 => (1_u8..40).prop_map(Fault::Wait),
    ]
}

/// One frame of the intermediate framing, or one HTTP message, at a time.
fn frames(bytes: &mut BytesMut) -> Vec<BytesMut> {
    let mut frames = Vec::new();
    while bytes.len() >= 4 {
        let len = match http_len(bytes) {
            Some(len) => len,
            None => 4 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize,
        };
        frames.push(bytes.split_to(len));
    }
    frames
}

fn http_len(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"POST") && !bytes.starts_with(b"HTTP") {
        return None;
    }
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    let len = text.split("Content-Length: ").nth(1).unwrap().lines().next().unwrap();
    Some(head + len.parse::<usize>().unwrap())
}

fn apply(fault: &Fault, link: &mut Link) {
    let (bytes, up) = match fault {
        Fault::DropUp | Fault::DuplicateUp | Fault::SwapUp | Fault::CorruptUp(_) => {
            (&mut link.up, true)
        }
        _ => (&mut link.down, false),
    };
    if up && bytes.starts_with(&[0xee; 4]) {
        return; // the framing tag is not a frame
    }
    let mut list = frames(bytes);
    match fault {
        Fault::DropUp | Fault::DropDown => list.clear(),
        Fault::DuplicateUp | Fault::DuplicateDown => {
            list = list.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
        }
        Fault::SwapUp | Fault::SwapDown => list.reverse(),
        Fault::CorruptUp(at) | Fault::CorruptDown(at) => {
            if let Some(frame) = list.first_mut() {
                // Not the length of a frame: over HTTP the head may suffer, too.
                let skip = if http_len(frame).is_some() { 0 } else { 4 };
                let at = skip + usize::from(*at) % (frame.len() - skip);
                frame[at] ^= 0x10;
            }
        }
        _ => {}
    }
    for frame in list {
        bytes.extend_from_slice(&frame);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_call_ends_once_over_a_link_that_drops_duplicates_reorders_corrupts_and_cuts(
        faults in prop::collection::vec((fault(), any::<bool>(), any::<bool>()), 1..60),
        framing in prop::sample::select(vec![Framing::Intermediate, Framing::Http]),
    ) {
        let mut link = resumed_over(framing);
        let mut calls = Vec::new();
        for (number, (fault, call, push)) in faults.iter().enumerate() {
            if *call {
                let body = echo(&number.to_le_bytes());
                calls.push((link.client.call(body.clone()).unwrap(), body));
            }
            if *push && let Some(session) = link.server.as_mut().and_then(|s| s.session()) {
                session.push(echo(b"update")).unwrap();
            }
            let mut alive = link.embed();
            link.client_sends();
            link.server_sends();
            apply(fault, &mut link);
            alive &= match fault {
                Fault::Cut => false,
                Fault::Wait(s) => link.pass(Duration::from_secs(u64::from(*s))),
                _ => true,
            };
            alive &= link.deliver();
            alive &= link.embed();
            if !alive {
                link.connect();
            }
        }
        // The faults stop: everything ends within a bound of time, and nothing turns on the spot.
        let end = link.now.after(Duration::from_secs(1200)).mono;
        let mut turns = 0;
        while link.now.mono < end {
            turns += 1;
            prop_assert!(turns < 500);
            let alive = link.embed();
            let moved = link.client_sends() | link.server_sends();
            let delivered = link.deliver();
            let timely = moved || link.pass(Duration::from_secs(20));
            if !(alive & delivered & timely & link.embed()) {
                link.connect();
            }
        }
        prop_assert_eq!(link.client.session().open_calls(), 0);
        for (call, body) in &calls {
            prop_assert_eq!(&link.replies[call], &[Ok(body.clone())]);
            prop_assert_eq!(link.backend.runs[body], 1, "run exactly once");
        }
    }
}

/// A frame of the intermediate framing, under a key that nobody provides.
fn waiting_packet(len: usize) -> BytesMut {
    let mut bytes = BytesMut::from(u32::try_from(len).unwrap().to_le_bytes().as_slice());
    bytes.extend(std::iter::repeat_n(7, len));
    bytes
}

#[test]
fn packets_that_wait_for_a_key_are_bounded_by_their_number_and_their_bytes() {
    let limits = odnix_proto::limits::Limits::default();
    let now = fresh(Framing::Intermediate, false).now;
    let quarter = limits.parked_bytes_max / 4;
    for (count, len, outcome) in [
        (limits.parked_packets_max, 64, Ok(())),
        (limits.parked_packets_max + 1, 64, Err(PeerError::Flood)),
        (4, quarter, Ok(())),
        (5, quarter, Err(PeerError::Flood)),
    ] {
        let config = link::server_config(false);
        let mut server = server::Connection::new(config, Seed::for_testing(1));
        server.receive(now, &mut BytesMut::from([0xee; 4].as_slice())).unwrap();
        for _ in 1..count {
            server.receive(now, &mut waiting_packet(len)).unwrap();
        }
        let last = server.receive(now, &mut waiting_packet(len));
        assert_eq!(last, outcome, "{count} of {len} bytes");
    }
}

/// The packet of the one HTTP message under way.
fn http_packet(bytes: &mut BytesMut, from: envelope::Side) -> envelope::Opened {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    envelope::open(&common::key(9), from, bytes.split_off(head + 4)).unwrap()
}

/// Over HTTP a server speaks only when asked, so a request that carries a call says how long it
/// may be held, though another one is held already.
#[test]
fn each_request_over_http_says_how_long_it_may_be_held() {
    let mut link = resumed_over(Framing::Http);
    link.client.call(echo(b"x")).unwrap();
    assert!(link.client_sends());
    let opened = http_packet(&mut link.up, envelope::Side::Client);
    let wait = HttpWait { max_delay: 0, wait_after: 0, max_wait: 25_000 }.to_bytes().unwrap();
    for wanted in [echo(b"x"), wait] {
        assert!(opened.data.windows(wanted.len()).any(|window| window == wanted), "{wanted:?}");
    }
}

#[test]
fn answer_with_nothing_to_say_is_an_empty_container() {
    let mut link = resumed_over(Framing::Http);
    link.pass(Duration::from_secs(2));
    link.settle();
    link.pass(Duration::from_secs(25));
    assert!(link.server_sends());
    let opened = http_packet(&mut link.down, envelope::Side::Server);
    assert_eq!(opened.data.as_ref(), [0xdc, 0xf8, 0xf1, 0x73, 0, 0, 0, 0]);
}

#[test]
fn nothing_more_is_taken_in_under_a_key_that_was_destroyed() {
    let mut link = resumed();
    link.client.session().destroy_auth_key();
    while link.client_sends() {}
    assert!(link.deliver());
    let server = link.server.as_mut().unwrap();
    let wanted = std::iter::from_fn(|| server.poll_event())
        .any(|it| matches!(it, server::Event::Session(SessionEvent::KeyDestroyWanted)));
    assert!(wanted);
    server.session().unwrap().key_destroyed(KeyDestroyed::Ok).unwrap();
    link.client.call(echo(b"after")).unwrap();
    while link.client_sends() {}
    let received = link.server.as_mut().unwrap().receive(link.now, &mut link.up);
    assert_eq!(received, Err(PeerError::UnknownKey));
    assert_eq!(link.backend.runs.get(&echo(b"after")), None);
}
