//! Packets that arrive at once are opened at once, and handled as if they had come one by one.

#[allow(dead_code, reason = "shared helpers")]
mod common;
#[allow(dead_code, reason = "shared helpers")]
mod link;

use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::server::{self, Event, ServerKey};
use odnix_proto::{Instant, MsgId, Now, PeerError, Seed, UnixTime};
use proptest::prelude::*;
use rand_core::SeedableRng;

const START_S: u64 = 1_800_000_000;

fn now() -> Now {
    Now::new(Instant::from_micros(5), UnixTime::from_secs(START_S))
}

fn server_key(number: u8) -> ServerKey {
    ServerKey {
        auth_key: common::key(number),
        first_salt: None,
        expires_at: None,
        bound_to: None,
        dc: 2,
    }
}

/// What arrives: under which key and session, how long, and whether a bit is wrong.
#[derive(Clone, Debug)]
struct Packet {
    other_key: bool,
    session: i64,
    words: usize,
    is_damaged: bool,
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let packet = (
        prop::bool::weighted(0.05),
        prop_oneof![9 => Just(1_i64), 1 => Just(2_i64)],
        1_usize..500,
        prop::bool::weighted(0.03),
    );
    let packet = packet.prop_map(|(other_key, session, words, is_damaged)| Packet {
        other_key,
        session,
        words,
        is_damaged,
    });
    prop::collection::vec(packet, 1..40)
}

/// The packet in a frame of the intermediate framing.
fn frame(i: i64, packet: &Packet) -> BytesMut {
    let key = server_key(if packet.other_key { 8 } else { 9 }).auth_key;
    let data: Vec<u8> = (0..packet.words as u32).flat_map(|word| word.to_le_bytes()).collect();
    let header = Header {
        salt: 5,
        session_id: packet.session,
        msg_id: MsgId::from_i64(((START_S as i64) << 32) + 4 * i),
        seq_no: 2 * i as i32 + 1,
    };
    let mut sealed = BytesMut::new();
    let mut rng = ChaCha20Rng::seed_from_u64(i as u64);
    envelope::seal(&key, Side::Client, &header, &data, &mut rng, &mut sealed).unwrap();
    if packet.is_damaged {
        sealed[40] ^= 1;
    }
    let mut frame = BytesMut::from(u32::try_from(sealed.len()).unwrap().to_le_bytes().as_slice());
    frame.extend(sealed);
    frame
}

/// What is to be seen of a connection.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Result<(), PeerError>,
    events: Vec<String>,
    sent: Vec<BytesMut>,
}

/// The first packet makes key and session known; questions of the others are answered once all
/// have arrived, so that packets wait behind them.
fn seen(first: BytesMut, others: impl IntoIterator<Item = BytesMut>) -> Seen {
    let mut connection = server::Connection::new(link::server_config(false), Seed::for_testing(1));
    connection.receive(now(), &mut BytesMut::from([0xee; 4].as_slice())).unwrap();
    let mut seen = Seen { outcome: Ok(()), events: Vec::new(), sent: Vec::new() };
    seen.deliver(&mut connection, [first]);
    seen.deliver(&mut connection, others);
    seen
}

impl Seen {
    fn deliver(
        &mut self,
        connection: &mut server::Connection,
        arrivals: impl IntoIterator<Item = BytesMut>,
    ) {
        for mut bytes in arrivals {
            self.outcome = self.outcome.and(connection.receive(now(), &mut bytes));
        }
        while let Some(event) = connection.poll_event() {
            self.events.push(format!("{event:?}"));
            let answered = match event {
                Event::KeyWanted(id) => {
                    let keys = [server_key(8), server_key(9)];
                    let key = keys.into_iter().find(|key| key.auth_key.id() == id);
                    connection.provide_key(now(), id, key)
                }
                Event::SessionWanted(wanted) => connection.provide_session(now(), wanted, None),
                _ => Ok(()),
            };
            self.outcome = self.outcome.and(answered);
        }
        let mut out = BytesMut::new();
        while connection.poll_transmit(now(), &mut out).is_some() {
            self.sent.push(out.split());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packets_that_arrive_together_are_handled_one_by_one(packets in packets()) {
        let frames = (1..).zip(&packets).map(|(i, it)| frame(i, it));
        let mut frames: Vec<BytesMut> = frames.collect();
        let first = frames.remove(0);
        let together = BytesMut::from(&*frames.concat());
        let alone = seen(first.clone(), frames);
        prop_assert_eq!(alone, seen(first, [together]));
    }
}
