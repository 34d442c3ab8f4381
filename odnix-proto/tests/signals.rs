//! What is no packet: quick acknowledgements and transport errors, over every way to connect.

#[allow(dead_code, reason = "shared helpers")]
mod common;
#[allow(dead_code, reason = "shared helpers")]
mod link;

use bytes::BytesMut;
use common::{client_id, echo, key};
use core::time::Duration;
use link::{Link, rsa_key, server_config};
use odnix_proto::{
    PeerError, Secret, Seed, client,
    envelope::{self, Header, Side},
    error::{CODE_FLOOD, CODE_NOT_FOUND, CODE_WRONG_DC},
    handshake,
    limits::Limits,
    server::{self, ServerKey},
    session::{FirstSalt, Timings},
    transport::{
        ClientFramer, ClientOptions, Frame, Framing, Obfuscation, ServerFramer, ServerOptions,
    },
};
use rand_core::SeedableRng;
use std::sync::Arc;

const PACKET: [u8; 40] = [1; 40];

fn seed(number: u64) -> Seed {
    Seed::for_testing(number)
}

/// A framing, whether it is obfuscated, and with which secret.
#[derive(Clone, Copy, Debug)]
struct Way {
    framing: Framing,
    obfuscated: bool,
    secret: Option<u8>,
}

impl Way {
    fn every() -> Vec<Self> {
        let clear = |framing| Self { framing, obfuscated: false, secret: None };
        let mut ways: Vec<Self> = Framing::ALL.into_iter().map(clear).collect();
        for framing in Framing::ALL.into_iter().filter(|framing| framing.can_be_obfuscated()) {
            for secret in [None, Some(7)] {
                ways.push(Self { framing, obfuscated: true, secret });
            }
        }
        ways
    }

    fn has_quick_acks(self) -> bool {
        self.framing.can_be_obfuscated()
    }

    fn secret(self) -> Option<Secret<16>> {
        self.secret.map(|fill| Secret::take(&mut [fill; 16]))
    }

    fn client(self) -> ClientOptions {
        let options = ClientOptions::new(self.framing);
        if !self.obfuscated {
            return options;
        }
        options.obfuscated(Obfuscation { secret: self.secret(), dc: 2 }).unwrap()
    }

    /// As strict as it can be: a WebSocket listener, if the client is obfuscated.
    fn server(self) -> ServerOptions {
        ServerOptions {
            require_obfuscated: self.obfuscated,
            secrets: self.secret().into_iter().collect(),
            ..ServerOptions::default()
        }
    }

    fn link(self, dc: i32) -> Link {
        let keys = vec![rsa_key().public().clone()];
        let config = client::Config {
            handshake: Arc::new(handshake::client::Config::new(keys, dc).unwrap()),
            transport: self.client(),
            pfs: None,
            quick_acks: false,
            init: None,
            limits: Limits::default(),
            timings: Timings::default(),
        };
        let mut link = Link::new(client::Connection::new(Arc::new(config), seed(1)), false);
        link.connect();
        link.server = Some(self.server_connection());
        link
    }

    fn server_connection(self) -> server::Connection {
        let config = server::Config {
            transport: self.server(),
            ..server::Config::clone(&server_config(false))
        };
        server::Connection::new(Arc::new(config), seed(2))
    }
}

/// All frames in `wire`, which arrives in pieces of these lengths, the last one repeated.
fn in_pieces(
    wire: &[u8],
    lengths: &[usize],
    mut take: impl FnMut(&mut BytesMut) -> Vec<Frame>,
) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut lengths = lengths.iter().copied();
    let mut length = usize::MAX;
    let mut rest = wire;
    while !rest.is_empty() {
        length = lengths.next().unwrap_or(length);
        let (piece, after) = rest.split_at(length.min(rest.len()));
        frames.extend(take(&mut BytesMut::from(piece)));
        rest = after;
    }
    frames
}

fn to_server(server: &mut ServerFramer, wire: &[u8], lengths: &[usize]) -> Vec<Frame> {
    in_pieces(wire, lengths, |piece| {
        server.receive(piece).unwrap();
        std::iter::from_fn(|| server.next_frame().unwrap()).collect()
    })
}

fn to_client(client: &mut ClientFramer, wire: &[u8], lengths: &[usize]) -> Vec<Frame> {
    in_pieces(wire, lengths, |piece| {
        client.receive(piece).unwrap();
        std::iter::from_fn(|| client.next_frame().unwrap()).collect()
    })
}

#[test]
fn packets_quick_acks_and_errors_pass_over_every_way_in_any_pieces() {
    let splits: [&[usize]; 5] = [&[usize::MAX], &[1], &[64, 1, 7], &[63, 2, 3], &[1, 63, 1000]];
    for way in Way::every() {
        for code in [CODE_NOT_FOUND, CODE_FLOOD, CODE_WRONG_DC] {
            for lengths in splits {
                let mut client = ClientFramer::new(&way.client(), seed(1));
                let mut server = ServerFramer::new(way.server(), seed(2));
                let mut wire = BytesMut::new();
                client.frame_with_quick_ack(&PACKET, &mut wire).unwrap();
                client.frame(&PACKET, &mut wire).unwrap();
                let packet = |quick_ack| Frame::Packet { packet: PACKET[..].into(), quick_ack };
                let expected = [packet(way.has_quick_acks()), packet(false)];
                assert_eq!(to_server(&mut server, &wire, lengths), expected, "{way:?} {lengths:?}");

                wire.clear();
                server.frame_quick_ack(0x1234_5678, &mut wire);
                server.frame(&PACKET, &mut wire).unwrap();
                server.frame_error(code, &mut wire);
                let mut expected = vec![packet(false), Frame::Error(code)];
                if way.has_quick_acks() {
                    expected.insert(0, Frame::QuickAck(0x9234_5678));
                }
                assert_eq!(to_client(&mut client, &wire, lengths), expected, "{way:?} {lengths:?}");
            }
        }
    }
}

#[test]
fn a_client_of_another_dc_is_told_444_over_every_way() {
    for way in Way::every() {
        let mut link = way.link(3);
        let refused = loop {
            link.embed();
            link.client_sends();
            let server = link.server.as_mut().unwrap();
            let _ = server.receive(link.now, &mut link.up);
            link.embed();
            link.server_sends();
            if let Err(error) = link.client.receive(link.now, &mut link.down) {
                break error;
            }
        };
        assert_eq!(refused, PeerError::Transport(CODE_WRONG_DC), "{way:?}");
    }
}

#[test]
fn a_client_beyond_its_quota_is_told_429_over_every_way() {
    for way in Way::every() {
        let mut link = way.link(2);
        assert!(link.client_sends());
        let server = link.server.as_mut().unwrap();
        server.receive(link.now, &mut link.up).unwrap();
        server.refuse(PeerError::Flood);
        assert!(link.server_sends());
        let refused = link.client.receive(link.now, &mut link.down);
        assert_eq!(refused, Err(PeerError::Transport(CODE_FLOOD)), "{way:?}");
        assert!(!link.server_sends(), "nothing after the last words");
    }
}

const SALT: i64 = 5;

/// A server connection that knows the key and the session of a client made by hand, and that
/// client's framer.
fn acquainted(way: Way) -> (ClientFramer, server::Connection) {
    let mut client = ClientFramer::new(&way.client(), seed(1));
    let mut server = way.server_connection();
    let now = common::start();
    let (packet, _) = sealed(1);
    let mut wire = BytesMut::new();
    client.frame(&packet, &mut wire).unwrap();
    server.receive(now, &mut wire).unwrap();
    while let Some(event) = server.poll_event() {
        match event {
            server::Event::KeyWanted(id) => {
                let valid_until = now.wall.after(Duration::from_secs(3600));
                let first_salt = Some(FirstSalt { salt: SALT, valid_until });
                let key = ServerKey {
                    auth_key: key(9),
                    first_salt,
                    expires_at: None,
                    dc: 2,
                    bound_to: None,
                };
                server.provide_key(now, id, Some(key)).unwrap();
            }
            server::Event::SessionWanted(wanted) => {
                server.provide_session(now, wanted, None).unwrap();
            }
            _ => {}
        }
    }
    let mut wire = BytesMut::new();
    while server.poll_transmit(now, &mut wire).is_some() {}
    to_client(&mut client, &wire, &[]);
    (client, server)
}

/// A packet with a call, and the token that acknowledges it.
fn sealed(number: u32) -> (BytesMut, u32) {
    let mut rng = chacha20::ChaCha20Rng::seed_from_u64(u64::from(number));
    let msg_id = client_id(common::start().wall, number);
    let seq_no = i32::try_from(number).unwrap() * 2 - 1;
    let header = Header { salt: SALT, session_id: 1, msg_id, seq_no };
    let mut packet = BytesMut::new();
    let body = echo(&number.to_le_bytes());
    let sealed =
        envelope::seal(&key(9), Side::Client, &header, &body, &mut rng, &mut packet).unwrap();
    (packet, sealed.quick_ack_token)
}

#[test]
fn a_server_acknowledges_quickly_what_asked_for_it_before_anything_else() {
    for way in Way::every() {
        let (mut client, mut server) = acquainted(way);
        let now = common::start();
        let (packet, token) = sealed(2);
        let mut wire = BytesMut::new();
        client.frame_with_quick_ack(&packet, &mut wire).unwrap();
        client.frame(&sealed(3).0, &mut wire).unwrap();
        server.receive(now, &mut wire).unwrap();
        server.session().unwrap().push(echo(b"news")).unwrap();
        while server.poll_transmit(now, &mut wire).is_some() {}
        let frames = to_client(&mut client, &wire, &[]);
        let is_ack = |frame: &Frame| matches!(frame, Frame::QuickAck(_));
        if way.has_quick_acks() {
            assert_eq!(frames.first(), Some(&Frame::QuickAck(token)), "{way:?}");
            assert_eq!(frames.iter().filter(|frame| is_ack(frame)).count(), 1, "{way:?}");
        } else {
            assert!(!frames.iter().any(is_ack), "{way:?}");
        }
    }
}

#[test]
fn a_packet_that_fails_its_checks_is_not_acknowledged() {
    for way in Way::every() {
        let (mut client, mut server) = acquainted(way);
        let now = common::start();
        let (mut packet, _) = sealed(2);
        *packet.last_mut().unwrap() ^= 1;
        let mut wire = BytesMut::new();
        client.frame_with_quick_ack(&packet, &mut wire).unwrap();
        assert_eq!(server.receive(now, &mut wire), Err(PeerError::Envelope));
        while server.poll_transmit(now, &mut wire).is_some() {}
        assert_eq!(to_client(&mut client, &wire, &[]), [Frame::Error(CODE_NOT_FOUND)], "{way:?}");
    }
}

#[test]
fn quick_acks_that_wait_to_be_sent_are_bounded() {
    let max = u32::try_from(Limits::default().quick_acks_max).unwrap();
    for (asked, told) in [(max, max), (max + 1, max)] {
        let way = Way { framing: Framing::Abridged, obfuscated: false, secret: None };
        let (mut client, mut server) = acquainted(way);
        let now = common::start();
        let mut wire = BytesMut::new();
        for number in 0..asked {
            client.frame_with_quick_ack(&sealed(2 + number).0, &mut wire).unwrap();
        }
        server.receive(now, &mut wire).unwrap();
        while server.poll_transmit(now, &mut wire).is_some() {}
        let frames = to_client(&mut client, &wire, &[]);
        let acks = frames.iter().filter(|frame| matches!(frame, Frame::QuickAck(_)));
        assert_eq!(acks.count(), told as usize);
    }
}
