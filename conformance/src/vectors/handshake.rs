//! Whole key exchanges: every packet, and everything secret behind it.

use super::crypto::{test_key, test_key_json};
use super::make::{hex, long, sample, seed};
use crate::script::Recorder;
use bytes::{Bytes, BytesMut};
use chacha20::ChaCha20Rng;
use odnix_proto::crypto::dh::{Exponent, Group, USUAL_GENERATOR, USUAL_PRIME};
use odnix_proto::crypto::ige::aes256_ige_decrypt;
use odnix_proto::crypto::kdf::{AesKeyIv, handshake_keys, params_fail_hash};
use odnix_proto::crypto::rsa_pad;
use odnix_proto::envelope::{parse_plain, write_plain};
use odnix_proto::handshake::server::KeyStored;
use odnix_proto::handshake::{Established, client, server};
use odnix_proto::{Instant, MsgId, Now, PeerError, Secret, UnixTime};
use odnix_tl::mtproto::enums::PQInnerData;
use odnix_tl::mtproto::functions::{ReqDhParams, ReqPqMulti, SetClientDhParams};
use odnix_tl::mtproto::types::{
    ClientDhInnerData, ResPq, ServerDhInnerData, ServerDhParamsFail, ServerDhParamsOk,
};
use odnix_tl::{Decode, Encode};
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::sync::Arc;

const SERVER_US: u64 = 1_750_000_000_250_000;
const CLIENT_US: u64 = SERVER_US - 3_500_000;
const SHA1_LEN: usize = 20;

/// One exchange to be recorded.
struct Plan {
    name: &'static str,
    number: u64,
    dc: i32,
    expires_in: Option<i32>,
    /// Rounds of dh_gen_retry that the server allows.
    retries_max: u32,
    /// The answer to each key proposed.
    stored: &'static [KeyStored],
    /// The server refuses the parameters, which ours never does.
    refuse_params: bool,
}

/// All exchanges.
pub fn handshake() -> Value {
    use KeyStored::{Collision, Stored};
    let plan = Plan {
        name: "permanent_key",
        number: 1,
        dc: 2,
        expires_in: None,
        retries_max: 5,
        stored: &[Stored],
        refuse_params: false,
    };
    let plans = [
        Plan { name: "temporary_key", number: 2, expires_in: Some(86_400), ..plan },
        Plan { name: "test_dc", number: 3, dc: 10_002, ..plan },
        Plan { name: "retry", number: 4, stored: &[Collision, Stored], ..plan },
        Plan { name: "fail", number: 5, stored: &[Collision], retries_max: 0, ..plan },
        Plan { name: "params_fail", number: 6, refuse_params: true, ..plan },
        plan,
    ];
    let exchanges: Vec<Value> = plans.iter().map(exchange).collect();
    json!({
        "what": "Key exchanges, byte for byte, with all that both sides draw at random",
        "server_key": test_key_json(),
        "group": { "g": USUAL_GENERATOR, "dh_prime": hex(USUAL_PRIME) },
        "exchanges": exchanges,
    })
}

fn at(micros: u64) -> Now {
    Now::new(Instant::from_micros(1), UnixTime::from_micros(micros))
}

/// Both machines, and what went between them.
struct Recording {
    client: client::Handshake,
    server: server::Handshake,
    /// Sender and packet.
    packets: Vec<(&'static str, Bytes)>,
    /// Each key the server proposed, and the answer.
    proposed: Vec<(Established, KeyStored)>,
    /// How it ended for the client.
    ended: Option<Result<Established, PeerError>>,
}

impl Recording {
    fn new(plan: &Plan, client_seed: &[u8], server_seed: &[u8]) -> Self {
        let key = Arc::new(test_key());
        let mut ours = client::Config::new(vec![key.public().clone()], plan.dc).expect("a key");
        ours.expires_in = plan.expires_in;
        let mut theirs = server::Config::new(vec![key], 2).expect("a key");
        theirs.retries_max = plan.retries_max;
        theirs.accept_test_dc = true;
        Self {
            client: client::Handshake::new(Arc::new(ours), seed(client_seed)),
            server: server::Handshake::new(Arc::new(theirs), seed(server_seed)),
            packets: Vec::new(),
            proposed: Vec::new(),
            ended: None,
        }
    }

    fn run(&mut self, plan: &Plan) {
        while self.ended.is_none() {
            let mut out = BytesMut::new();
            self.client.poll_transmit(at(CLIENT_US), &mut out).expect("the client's turn");
            let packet = out.freeze();
            self.packets.push(("client", packet.clone()));
            self.server.handle_packet(at(SERVER_US), packet).expect("a good packet");
            self.work_server(plan.stored);
            let mut out = BytesMut::new();
            self.server.poll_transmit(at(SERVER_US), &mut out).expect("the server's turn");
            let packet = match self.packets.len() {
                3 if plan.refuse_params => self.refusal(),
                _ => out.freeze(),
            };
            self.packets.push(("server", packet.clone()));
            match self.client.handle_packet(at(CLIENT_US), packet) {
                Ok(_) => self.work_client(),
                Err(error) => self.ended = Some(Err(error)),
            }
        }
    }

    fn work_server(&mut self, answers: &[KeyStored]) {
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Work(job) => {
                    self.server.complete(at(SERVER_US), job.run()).expect("a good result");
                }
                server::Event::KeyProposed(key) => {
                    let answer = answers[self.proposed.len()];
                    let id = key.auth_key.id();
                    self.server.key_stored(at(SERVER_US), id, answer).expect("it was asked");
                    self.proposed.push((key, answer));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn work_client(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Work(job) => {
                    self.client.complete(at(CLIENT_US), job.run()).expect("a good result");
                }
                client::Event::Established(key) => self.ended = Some(Ok(key)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// `server_DH_params_fail` in the place of the server's last packet.
    fn refusal(&self) -> Bytes {
        let nonces: ReqDhParams = self.object(2);
        let hash = params_fail_hash(&new_nonce(&nonces.encrypted_data).1);
        let refusal = ServerDhParamsFail {
            nonce: nonces.nonce,
            server_nonce: nonces.server_nonce,
            new_nonce_hash: hash,
        };
        let mut out = BytesMut::new();
        let before = parse_plain(self.packets[1].1.clone()).expect("a plain packet").msg_id;
        let msg_id = MsgId::from_i64(before.as_i64() + 4);
        write_plain(msg_id, &refusal.to_bytes().expect("short"), &mut out).expect("short");
        out.freeze()
    }

    /// The object in a packet.
    fn object<T: Decode>(&self, number: usize) -> T {
        let body = parse_plain(self.packets[number].1.clone()).expect("a plain packet").body;
        T::from_bytes(body).expect("the object of this step")
    }
}

/// What RSA_PAD covers, and new_nonce in it.
fn new_nonce(encrypted_data: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let mut blinding = ChaCha20Rng::seed_from_u64(1);
    let padded = rsa_pad::decrypt(&test_key(), encrypted_data, &mut blinding).expect("our block");
    let padded = padded.expose_secret().to_vec();
    let inner = PQInnerData::from_prefix(Bytes::from(padded.clone())).expect("inner data").0;
    let new_nonce = match inner {
        PQInnerData::PQInnerDataDc(inner) => inner.new_nonce,
        PQInnerData::PQInnerDataTempDc(inner) => inner.new_nonce,
        other => panic!("{other:?}"),
    };
    (padded, new_nonce)
}

fn exchange(plan: &Plan) -> Value {
    let client_seed = sample(300 + plan.number, 32);
    let server_seed = sample(350 + plan.number, 32);
    let mut recording = Recording::new(plan, &client_seed, &server_seed);
    recording.run(plan);
    let keys: Vec<Value> = recording.proposed.iter().map(proposal).collect();
    json!({
        "name": plan.name,
        "client": {
            "seed": hex(&client_seed), "unix_time_us": CLIENT_US.to_string(), "dc": plan.dc,
            "expires_in": plan.expires_in,
        },
        "server": {
            "seed": hex(&server_seed), "unix_time_us": SERVER_US.to_string(), "dc": 2,
            "retries_max": plan.retries_max, "may_be_played": !plan.refuse_params,
        },
        "secrets": secrets(&recording, plan, &client_seed, &server_seed),
        "packets": packets(&recording),
        "keys": keys,
        "outcome": outcome(&recording),
    })
}

fn proposal((key, answer): &(Established, KeyStored)) -> Value {
    json!({
        "auth_key": hex(key.auth_key.expose_secret()),
        "auth_key_id": hex(key.auth_key.id().to_bytes()),
        "aux_hash": hex(key.auth_key.aux_hash()),
        "stored": *answer == KeyStored::Stored,
    })
}

fn outcome(recording: &Recording) -> Value {
    match recording.ended.as_ref().expect("it ended") {
        Ok(key) => json!({
            "established": true,
            "auth_key_id": hex(key.auth_key.id().to_bytes()),
            "server_salt": long(key.server_salt),
            "time_offset_us": long(key.time_offset_us),
            "expires_at": key.expires_at,
        }),
        Err(PeerError::Handshake(fault)) => {
            json!({ "established": false, "fault": format!("{fault:?}") })
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// The keys that hide the answers of this exchange.
fn temporary_keys(recording: &Recording) -> AesKeyIv {
    let request: ReqDhParams = recording.object(2);
    handshake_keys(&new_nonce(&request.encrypted_data).1, &request.server_nonce)
}

fn opened(keys: &AesKeyIv, encrypted: &[u8]) -> Vec<u8> {
    let mut plain = encrypted.to_vec();
    aes256_ige_decrypt(keys.expose_key(), keys.expose_iv(), &mut plain).expect("whole blocks");
    plain
}

fn inside<T: Decode>(plain: &[u8]) -> T {
    T::from_prefix(Bytes::copy_from_slice(&plain[SHA1_LEN..])).expect("the inner object").0
}

fn secrets(recording: &Recording, plan: &Plan, client_seed: &[u8], server_seed: &[u8]) -> Value {
    let query: ReqPqMulti = recording.object(0);
    let answer: ResPq = recording.object(1);
    let request: ReqDhParams = recording.object(2);
    let (padded, new_nonce) = new_nonce(&request.encrypted_data);
    let keys = temporary_keys(recording);
    let (a, b) = if plan.refuse_params {
        (Value::Null, vec![])
    } else {
        let params: ServerDhParamsOk = recording.object(3);
        let inner: ServerDhInnerData = inside(&opened(&keys, &params.encrypted_answer));
        (json!(hex(exponent(server_seed, &inner.g_a))), exponents_of_client(recording, client_seed))
    };
    let rsa = rsa_randomness(client_seed, &padded, &request.encrypted_data);
    json!({
        "nonce": hex(query.nonce), "server_nonce": hex(answer.server_nonce),
        "new_nonce": hex(new_nonce), "pq": hex(&answer.pq), "p": hex(&request.p),
        "q": hex(&request.q), "rsa_padding": hex(&rsa[0]),
        "rsa_temp_keys": rsa.iter().skip(1).map(hex).collect::<Vec<_>>(),
        "tmp_aes_key": hex(keys.expose_key()), "tmp_aes_iv": hex(keys.expose_iv()),
        "a": a, "b": b,
    })
}

fn exponents_of_client(recording: &Recording, client_seed: &[u8]) -> Vec<String> {
    let keys = temporary_keys(recording);
    let requests = (4..recording.packets.len()).step_by(2);
    let exponents = requests.map(|number| {
        let request: SetClientDhParams = recording.object(number);
        let inner: ClientDhInnerData = inside(&opened(&keys, &request.encrypted_data));
        hex(exponent(client_seed, &inner.g_b))
    });
    exponents.collect()
}

/// The exponent of a power, found among what a machine drew.
fn exponent(seed: &[u8], power: &[u8]) -> [u8; 256] {
    let group = Group::usual();
    let drawn = drawn(seed);
    let candidates = drawn.windows(256).step_by(4).map(|window| window.try_into().expect("256"));
    let is_it = |bytes: &[u8; 256]| {
        let exponent = Exponent::new(Secret::take(&mut { *bytes }));
        exponent.public(&group).is_ok_and(|element| element.to_bytes()[..] == *power)
    };
    candidates.into_iter().find(is_it).expect("the exponent was drawn from the seed")
}

/// What the generator of a machine with this seed gives out.
fn drawn(seed: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 2048];
    ChaCha20Rng::from_seed(seed.try_into().expect("32 bytes")).fill_bytes(&mut bytes);
    bytes
}

/// The padding, and each temp_key, that the client's RSA job drew: its seed is the third thing
/// the client drew, after nonce and new_nonce.
fn rsa_randomness(client_seed: &[u8], padded: &[u8], block: &[u8]) -> Vec<Vec<u8>> {
    let seed = drawn(client_seed)[48..80].try_into().expect("32 bytes");
    let mut recorder = Recorder::new(ChaCha20Rng::from_seed(seed));
    let (_, data_len) =
        PQInnerData::from_prefix(Bytes::copy_from_slice(padded)).expect("inner data");
    let again = rsa_pad::encrypt(test_key().public(), &padded[..data_len], &mut recorder);
    assert_eq!(again.expect("short data"), block, "the job drew something else");
    recorder.given
}

fn packets(recording: &Recording) -> Vec<Value> {
    let keys = temporary_keys(recording);
    let packet = |(number, (from, packet)): (usize, &(&str, Bytes))| {
        let body = parse_plain(packet.clone()).expect("a plain packet").body;
        let id = u32::from_le_bytes(body[..4].try_into().expect("an object"));
        let (name, plain) = match id {
            0xbe7e_8ef1 => ("req_pq_multi", None),
            0x0516_2463 => ("resPQ", None),
            0xd712_e4be => {
                let request: ReqDhParams = recording.object(number);
                ("req_DH_params", Some(new_nonce(&request.encrypted_data).0))
            }
            0xd0e8_075c => {
                let answer: ServerDhParamsOk = recording.object(number);
                ("server_DH_params_ok", Some(opened(&keys, &answer.encrypted_answer)))
            }
            0x79cb_045d => ("server_DH_params_fail", None),
            0xf504_5f1f => {
                let request: SetClientDhParams = recording.object(number);
                ("set_client_DH_params", Some(opened(&keys, &request.encrypted_data)))
            }
            0x3bcb_f734 => ("dh_gen_ok", None),
            0x46dc_1fb9 => ("dh_gen_retry", None),
            0xa69d_ae02 => ("dh_gen_fail", None),
            other => panic!("{other:08x}"),
        };
        let plain = plain.map(hex);
        json!({ "name": name, "from": from, "packet": hex(packet), "decrypted": plain })
    };
    recording.packets.iter().enumerate().map(packet).collect()
}
