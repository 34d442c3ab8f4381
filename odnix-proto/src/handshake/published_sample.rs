//! The key exchange published with the protocol's documentation, replayed through the real
//! client with the randomness it was made with.
//!
//! Each packet must come out as published, but for two parts: the msg_ids, which follow our
//! clock, and the RSA block, whose temp_key was never published.

use super::client::{Config, Event, Handshake};
use super::{Established, Job};
use crate::crypto::rsa::RsaPublicKey;
use crate::envelope::{PlainMessage, parse_plain};
use crate::error::Received;
use crate::seed::{Generator, Seed};
use crate::time::{Instant, Now, UnixTime};
use bytes::{Bytes, BytesMut};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

static SAMPLE: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../conformance/vectors/public-auth-key-sample.json");
    serde_json::from_str(text).unwrap()
});

const SERVER_KEY: &str = include_str!("../../../conformance/vectors/public-auth-key-sample.pem");

/// Where encrypted_data starts in the body of req_DH_params.
const RSA_BLOCK_START: usize = 4 + 16 + 16 + 8 + 8 + 8 + 4;

fn hex(name: &str) -> Bytes {
    let digits = SAMPLE.pointer(name).unwrap().as_str().unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// The body of a published packet, for comparison without its msg_id.
fn body(name: &str) -> Bytes {
    let PlainMessage { body, .. } = parse_plain(hex(name)).unwrap();
    body
}

struct Replay {
    client: Handshake,
    now: Now,
}

impl Replay {
    fn start() -> Self {
        let script = ["/nonce", "/new_nonce", "/b", "/client_dh_padding"];
        let script = script.into_iter().flat_map(hex);
        let generator = Generator::scripted(Seed::for_testing(0), script);
        let keys = vec![RsaPublicKey::from_pem(SERVER_KEY).unwrap()];
        let dc = SAMPLE["dc"].as_i64().unwrap().try_into().unwrap();
        let config = Config::new(keys, dc).unwrap();
        let wall = UnixTime::from_secs(SAMPLE["server_time"].as_u64().unwrap());
        let now = Now::new(Instant::from_micros(0), wall);
        Self { client: Handshake::with_generator(Arc::new(config), generator), now }
    }

    fn sent(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        self.client.poll_transmit(self.now, &mut out).expect("a query is due");
        let PlainMessage { body, .. } = parse_plain(out.freeze()).unwrap();
        body
    }

    fn receive(&mut self, name: &str) {
        let received = self.client.handle_packet(self.now, hex(name));
        assert_eq!(received, Ok(Received::Accepted), "{name}");
    }

    fn job(&mut self) -> Job {
        match self.client.poll_event() {
            Some(Event::Work(job)) => job,
            other => panic!("expected a job, got {other:?}"),
        }
    }

    fn work(&mut self) {
        let done = self.job().run();
        assert_eq!(self.client.complete(self.now, done), Ok(()));
    }
}

#[test]
fn every_packet_and_every_derived_value_is_as_published() {
    let mut replay = Replay::start();
    assert_eq!(replay.sent(), body("/packets/req_pq_multi"));

    replay.receive("/packets/resPQ");
    replay.work(); // pq
    replay.work(); // RSA
    let (ours, theirs) = (replay.sent(), body("/packets/req_DH_params"));
    assert_eq!(ours.len(), theirs.len());
    assert_eq!(ours[..RSA_BLOCK_START], theirs[..RSA_BLOCK_START]);

    replay.receive("/packets/server_DH_params_ok");
    replay.work(); // group, g_b, auth_key
    assert_eq!(replay.sent(), body("/packets/set_client_DH_params"));

    replay.receive("/packets/dh_gen_ok");
    let established = match replay.client.poll_event() {
        Some(Event::Established(established)) => established,
        other => panic!("expected the key, got {other:?}"),
    };
    let Established { auth_key, server_salt, time_offset_us, expires_at, dc } = established;
    assert_eq!(auth_key.expose_secret()[..], hex("/auth_key")[..]);
    assert_eq!(auth_key.id().to_bytes()[..], hex("/auth_key_id")[..]);
    assert_eq!(auth_key.aux_hash()[..], hex("/auth_key_aux_hash")[..]);
    assert_eq!(server_salt.to_le_bytes()[..], hex("/first_server_salt")[..]);
    assert_eq!((time_offset_us, expires_at, dc), (0, None, 2));
}

#[test]
fn the_inner_data_is_as_published() {
    use super::checks::{Nonces, number};
    use super::inner_data::{Factors, InnerData};
    use crate::secret::Secret;
    let array = |name: &str| hex(name)[..].try_into().unwrap();
    let decimal = |name: &str| SAMPLE[name].as_str().unwrap().parse().unwrap();
    let inner = InnerData {
        factors: Factors { pq: decimal("pq"), p: decimal("p"), q: decimal("q") },
        nonces: Nonces { nonce: array("/nonce"), server_nonce: array("/server_nonce") },
        new_nonce: Secret::init(|bytes| bytes.copy_from_slice(&hex("/new_nonce"))),
        dc: None,
        expires_in: None,
    };
    assert_eq!(inner.encode(2).unwrap()[..], hex("/p_q_inner_data_dc")[..]);
    assert_eq!(number(&inner.factors.pq.to_be_bytes()), Ok(inner.factors.pq));
}

#[test]
fn one_changed_byte_anywhere_in_an_answer_stops_the_exchange() {
    for at in [24, 40, 56, 66, 100, 300, 651] {
        let mut replay = Replay::start();
        replay.sent();
        replay.receive("/packets/resPQ");
        replay.work();
        replay.work();
        let mut packet = BytesMut::from(&hex("/packets/server_DH_params_ok")[..]);
        packet[at] ^= 1;
        let outcome = replay.client.handle_packet(replay.now, packet.freeze());
        assert!(outcome.is_err(), "byte {at}");
    }
}
