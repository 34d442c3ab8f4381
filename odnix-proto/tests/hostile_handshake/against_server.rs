//! A hostile client, or one out of the ordinary.

use crate::against_client::elements;
use crate::pair::hand::{HandClient, body, exponent, number, object, plain, plain_bytes, rng};
use crate::pair::{
    KEY, START_SECS, fault, new_server, now, only_job, sent_by_server, server_config, work_server,
};
use bytes::{Bytes, BytesMut};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::handshake::Established;
use odnix_proto::handshake::server::{Config, Handshake, KeyStored};
use odnix_proto::{AuthKeyId, DropReason, HandshakeFault, PeerError, Received, Seed, UsageError};
use odnix_tl::Encode;
use odnix_tl::mtproto::functions::{ReqDhParams, ReqPq, ReqPqMulti};
use odnix_tl::mtproto::types::{
    ClientDhInnerData, DhGenFail, DhGenOk, DhGenRetry, PQInnerData, PQInnerDataDc, PQInnerDataTemp,
    PQInnerDataTempDc, ResPq,
};
use sha1::{Digest, Sha1};
use std::sync::Arc;
use std::time::Duration;

pub const NONCE: [u8; 16] = [0x11; 16];

/// A server and the hostile client at a given point of the exchange.
pub struct Scene {
    pub server: Handshake,
    pub client: HandClient,
}

impl Scene {
    pub fn start() -> Self {
        Self::start_with(server_config())
    }

    pub fn start_with(config: Config) -> Self {
        let mut server = new_server(config);
        server.handle_packet(now(), plain(&ReqPqMulti { nonce: NONCE })).unwrap();
        let answer = sent_by_server(&mut server, now()).unwrap();
        Self { client: HandClient::meet(NONCE, &answer), server }
    }

    /// Up to the server's `server_DH_params_ok`.
    pub fn before_client_dh() -> Self {
        Self::before_client_dh_with(server_config())
    }

    fn before_client_dh_with(config: Config) -> Self {
        let mut scene = Self::start_with(config);
        scene.give(&scene.client.req_dh_params(&scene.client.inner())).unwrap();
        let answer = sent_by_server(&mut scene.server, now()).unwrap();
        scene.client.learn(&answer);
        scene
    }

    /// Up to the server's question whether the key is stored.
    fn before_stored() -> (Self, Established) {
        let mut scene = Self::before_client_dh();
        let request = scene.client.set_client_dh(&scene.client.dh_inner());
        let proposed = scene.give(&request).unwrap().expect("a key is proposed");
        (scene, proposed)
    }

    /// Hands the server a request and runs the jobs that follow from it.
    pub fn give<T: Encode>(&mut self, request: &T) -> Result<Option<Established>, PeerError> {
        self.give_bytes(plain(request))
    }

    pub fn give_bytes(&mut self, packet: Bytes) -> Result<Option<Established>, PeerError> {
        self.server.handle_packet(now(), packet)?;
        work_server(&mut self.server, now())
    }

    /// The fault, after checking that it looks like any other from outside: nothing is sent,
    /// the code is that of all faults, and all that follows is refused.
    pub fn fails<T: Encode>(self, request: &T) -> HandshakeFault {
        self.fails_bytes(plain(request))
    }

    fn fails_bytes(mut self, packet: Bytes) -> HandshakeFault {
        let error = self.give_bytes(packet.clone()).unwrap_err();
        let expected =
            if error == PeerError::Handshake(HandshakeFault::WrongDc) { -444 } else { -404 };
        assert_eq!(error.wire_code(), Some(expected));
        assert_eq!(sent_by_server(&mut self.server, now()), None);
        for packet in [packet, plain(&ReqPqMulti { nonce: [4; 16] }), Bytes::new()] {
            let again = self.server.handle_packet(now(), packet).unwrap_err();
            assert_eq!(again, PeerError::Handshake(HandshakeFault::AlreadyFailed));
            assert_eq!(again.wire_code(), Some(-404));
        }
        assert_eq!(self.server.poll_timeout(), None);
        fault::<()>(Err(error))
    }
}

#[test]
fn a_correct_hand_made_client_is_served_by_every_form_of_inner_data() {
    for form in 0..4 {
        let mut scene = Scene::start();
        let PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, dc } = scene.client.inner();
        let expires_in = 3600;
        let request = match form {
            0 => scene.client.req_dh_params(&PQInnerData {
                pq,
                p,
                q,
                nonce,
                server_nonce,
                new_nonce,
            }),
            1 => scene.client.req_dh_params(&scene.client.inner()),
            2 => scene.client.req_dh_params(&PQInnerDataTemp {
                pq,
                p,
                q,
                nonce,
                server_nonce,
                new_nonce,
                expires_in,
            }),
            _ => scene.client.req_dh_params(&PQInnerDataTempDc {
                pq,
                p,
                q,
                nonce,
                server_nonce,
                new_nonce,
                dc,
                expires_in,
            }),
        };
        scene.give(&request).unwrap();
        let answer = sent_by_server(&mut scene.server, now()).unwrap();
        scene.client.learn(&answer);
        let request = scene.client.set_client_dh(&scene.client.dh_inner());
        let proposed = scene.give(&request).unwrap().unwrap();
        assert_eq!(proposed.auth_key, scene.client.key());
        assert_eq!(proposed.dc, 2);
        let expected = (form >= 2).then_some(START_SECS as i32 + expires_in);
        assert_eq!(proposed.expires_at, expected);
    }
}

#[test]
fn plain_msg_ids_are_not_validated_and_the_old_req_pq_is_answered() {
    for msg_id in [0i64, 1, -1, i64::MAX] {
        let mut server = new_server(server_config());
        let mut packet = BytesMut::from(&plain(&ReqPq { nonce: NONCE })[..]);
        packet[8..16].copy_from_slice(&msg_id.to_le_bytes());
        assert_eq!(server.handle_packet(now(), packet.freeze()), Ok(Received::Accepted));
        let answer = sent_by_server(&mut server, now()).unwrap();
        assert_eq!(object::<ResPq>(&answer).nonce, NONCE);
    }
}

#[test]
fn random_bytes_behind_a_request_are_tolerated_inside_data_len() {
    let mut scene = Scene::start();
    let request = scene.client.req_dh_params(&scene.client.inner());
    let mut noisy = request.to_bytes().unwrap().to_vec();
    noisy.extend([0x5a; 64]);
    scene.give_bytes(plain_bytes(&noisy)).unwrap();
    assert!(sent_by_server(&mut scene.server, now()).is_some());
}

#[test]
fn requests_that_are_malformed_or_out_of_place_are_refused() {
    let good = plain(&ReqPqMulti { nonce: NONCE });
    let scene = Scene::start();
    let early = scene.client.set_client_dh_with(Bytes::from_static(&[0; 592]));
    let packets = [
        Bytes::new(),
        good.slice(..19),
        good.slice(..20),
        good.slice(..32),
        plain_bytes(&[0; 4]),
        plain_bytes(&[0xff; 1000]),
        plain(&early),
        plain(&odnix_tl::mtproto::functions::Ping { ping_id: 1 }),
        plain(&object::<ResPq>(&{
            let mut server = new_server(server_config());
            server.handle_packet(now(), good.clone()).unwrap();
            sent_by_server(&mut server, now()).unwrap()
        })),
    ];
    for packet in packets {
        assert_eq!(Scene::start().fails_bytes(packet), HandshakeFault::Malformed);
    }
    // The length field of the plain header, wrong in every way.
    for data_len in [-1, 0, 3, 16, 21, 24, i32::MAX, i32::MIN] {
        let mut packet = BytesMut::from(&good[..]);
        packet[16..20].copy_from_slice(&data_len.to_le_bytes());
        assert_eq!(Scene::start().fails_bytes(packet.freeze()), HandshakeFault::Malformed);
    }
}

#[test]
fn req_dh_params_with_a_wrong_field_is_refused_before_any_rsa() {
    type Change = fn(&mut ReqDhParams);
    let table: [(&str, Change, HandshakeFault); 13] = [
        ("nonce", |request| request.nonce[0] ^= 1, HandshakeFault::NonceMismatch),
        ("server_nonce", |request| request.server_nonce[0] ^= 1, HandshakeFault::NonceMismatch),
        ("p", |request| request.p = number(3), HandshakeFault::BadPq),
        ("q", |request| request.q = number(5), HandshakeFault::BadPq),
        (
            "p and q swapped",
            |request| std::mem::swap(&mut request.p, &mut request.q),
            HandshakeFault::BadPq,
        ),
        ("no p", |request| request.p = Bytes::new(), HandshakeFault::BadPq),
        ("long p", |request| request.p = vec![1; 1000].into(), HandshakeFault::BadPq),
        (
            "fingerprint",
            |request| request.public_key_fingerprint ^= 1,
            HandshakeFault::UnknownFingerprint,
        ),
        ("no block", |request| request.encrypted_data = Bytes::new(), HandshakeFault::BadRsaBlock),
        (
            "short block",
            |request| request.encrypted_data = request.encrypted_data.slice(1..),
            HandshakeFault::BadRsaBlock,
        ),
        (
            "long block",
            |request| request.encrypted_data = vec![0; 260].into(),
            HandshakeFault::BadRsaBlock,
        ),
        (
            "block equal to the modulus",
            |request| request.encrypted_data = KEY.public().modulus().to_vec().into(),
            HandshakeFault::BadRsaBlock,
        ),
        (
            "block of ones",
            |request| request.encrypted_data = vec![0xff; 256].into(),
            HandshakeFault::BadRsaBlock,
        ),
    ];
    for (what, change, expected) in table {
        let mut scene = Scene::start();
        let mut request = scene.client.req_dh_params(&scene.client.inner());
        change(&mut request);
        let outcome = scene.server.handle_packet(now(), plain(&request));
        assert_eq!(fault(outcome), expected, "{what}");
        assert!(scene.server.poll_event().is_none(), "{what}: no work for a bad request");
    }
}

#[test]
fn a_block_just_below_the_modulus_is_worth_a_job() {
    let mut scene = Scene::start();
    let mut block = KEY.public().modulus().to_vec();
    block[255] -= 1; // a modulus is odd
    let request = scene.client.req_dh_params_with(block.into());
    assert_eq!(scene.server.handle_packet(now(), plain(&request)), Ok(Received::Accepted));
    only_job(scene.server.poll_event());
}

#[test]
fn the_checks_before_rsa_come_in_the_order_of_their_cost() {
    let wrong = |fixed: usize| {
        let scene = Scene::start();
        let mut request = scene.client.req_dh_params_with(vec![0xff; 256].into());
        if fixed < 1 {
            request.nonce[0] ^= 1;
        }
        if fixed < 2 {
            request.p = number(3);
        }
        if fixed < 3 {
            request.public_key_fingerprint ^= 1;
        }
        scene.fails(&request)
    };
    let faults = [
        HandshakeFault::NonceMismatch,
        HandshakeFault::BadPq,
        HandshakeFault::UnknownFingerprint,
        HandshakeFault::BadRsaBlock,
    ];
    assert_eq!([wrong(0), wrong(1), wrong(2), wrong(3)], faults);
}

#[test]
fn rsa_blocks_that_do_not_open_are_all_refused_alike() {
    let modulus = KEY.public().modulus();
    let other = RsaPrivateKey::generate(Seed::for_testing(3));
    let genuine = |scene: &Scene| scene.client.req_dh_params(&scene.client.inner()).encrypted_data;
    let scene = Scene::start();
    let data = scene.client.inner().to_bytes().unwrap();
    let mut last_bit = genuine(&scene).to_vec();
    last_bit[255] ^= 1;
    let mut first_bit = genuine(&scene).to_vec();
    first_bit[0] ^= 1;
    let for_other_key =
        odnix_proto::crypto::rsa_pad::encrypt(other.public(), &data, &mut rng()).unwrap();
    let not_inner_data =
        odnix_proto::crypto::rsa_pad::encrypt(KEY.public(), &[0; 100], &mut rng()).unwrap();
    let blocks = [
        vec![0; 256],
        vec![0xff; 256],
        modulus.to_vec(),
        last_bit,
        first_bit,
        for_other_key.to_vec(),
        not_inner_data.to_vec(),
    ];
    for block in blocks {
        let scene = Scene::start();
        let request = scene.client.req_dh_params_with(block.into());
        assert_eq!(scene.fails(&request), HandshakeFault::BadRsaBlock);
    }
}

#[test]
fn inner_data_with_a_wrong_field_is_refused() {
    type Change = fn(&mut PQInnerDataDc);
    let table: [(&str, Change, HandshakeFault); 9] = [
        ("pq", |inner| inner.pq = number(15), HandshakeFault::BadPq),
        ("p", |inner| inner.p = number(3), HandshakeFault::BadPq),
        ("q", |inner| inner.q = number(5), HandshakeFault::BadPq),
        ("nonce", |inner| inner.nonce[3] ^= 1, HandshakeFault::NonceMismatch),
        ("server_nonce", |inner| inner.server_nonce[3] ^= 1, HandshakeFault::NonceMismatch),
        ("dc 3", |inner| inner.dc = 3, HandshakeFault::WrongDc),
        ("dc 0", |inner| inner.dc = 0, HandshakeFault::WrongDc),
        ("test dc", |inner| inner.dc = 10_002, HandshakeFault::WrongDc),
        ("least dc", |inner| inner.dc = i32::MIN, HandshakeFault::WrongDc),
    ];
    for (what, change, expected) in table {
        let scene = Scene::start();
        let mut inner = scene.client.inner();
        change(&mut inner);
        let request = scene.client.req_dh_params(&inner);
        assert_eq!(scene.fails(&request), expected, "{what}");
    }
}

#[test]
fn the_test_dc_is_accepted_only_when_configured_and_is_reported_as_stated() {
    let mut config = server_config();
    config.accept_test_dc = true;
    let mut scene = Scene::start_with(config.clone());
    let mut inner = scene.client.inner();
    inner.dc = 10_002;
    scene.give(&scene.client.req_dh_params(&inner)).unwrap();
    let answer = sent_by_server(&mut scene.server, now()).unwrap();
    scene.client.learn(&answer);
    let request = scene.client.set_client_dh(&scene.client.dh_inner());
    assert_eq!(scene.give(&request).unwrap().unwrap().dc, 10_002);

    let scene = Scene::start_with(config);
    inner = scene.client.inner();
    inner.dc = 10_003;
    let request = scene.client.req_dh_params(&inner);
    assert_eq!(scene.fails(&request), HandshakeFault::WrongDc);
}

#[test]
fn a_lifetime_that_is_not_positive_is_refused() {
    for expires_in in [0, -1, i32::MIN] {
        let scene = Scene::start();
        let PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, dc } = scene.client.inner();
        let request = scene.client.req_dh_params(&PQInnerDataTempDc {
            pq,
            p,
            q,
            nonce,
            server_nonce,
            new_nonce,
            dc,
            expires_in,
        });
        assert_eq!(scene.fails(&request), HandshakeFault::Malformed);
    }
}

/// `SHA1(data) | data | random` to 255 bytes, under the raw RSA key.
fn legacy_block(data: &[u8]) -> Bytes {
    use num_bigint_dig::BigUint;
    let mut block = Sha1::digest(data).to_vec();
    block.extend_from_slice(data);
    block.resize(255, 0x77);
    let key = KEY.public();
    let n = BigUint::from_bytes_be(&key.modulus());
    let sealed = BigUint::from_bytes_be(&block).modpow(&BigUint::from(key.exponent()), &n);
    let sealed = sealed.to_bytes_be();
    let mut padded = vec![0; 256 - sealed.len()];
    padded.extend(sealed);
    padded.into()
}

#[test]
fn the_old_rsa_scheme_is_refused_by_default_and_accepted_in_compatible_mode() {
    let block = |scene: &Scene| {
        let PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, .. } = scene.client.inner();
        legacy_block(&PQInnerData { pq, p, q, nonce, server_nonce, new_nonce }.to_bytes().unwrap())
    };
    let scene = Scene::start();
    let request = scene.client.req_dh_params_with(block(&scene));
    assert_eq!(scene.fails(&request), HandshakeFault::BadRsaBlock);

    let mut config = server_config();
    config.accept_legacy_rsa = true;
    let mut scene = Scene::start_with(config.clone());
    scene.give(&scene.client.req_dh_params_with(block(&scene))).unwrap();
    let answer = sent_by_server(&mut scene.server, now()).unwrap();
    scene.client.learn(&answer);

    // RSA_PAD still works beside it, and a wrong hash still does not.
    let mut scene = Scene::start_with(config.clone());
    scene.give(&scene.client.req_dh_params(&scene.client.inner())).unwrap();
    let scene = Scene::start_with(config);
    let mut wrong = scene.client.inner().to_bytes().unwrap().to_vec();
    wrong.splice(0..4, [0; 4]);
    let request = scene.client.req_dh_params_with(legacy_block(&wrong));
    assert_eq!(scene.fails(&request), HandshakeFault::BadRsaBlock);
}

#[test]
fn set_client_dh_params_with_a_wrong_hash_or_length_is_refused() {
    let scene = Scene::before_client_dh();
    let good = scene.client.set_client_dh(&scene.client.dh_inner()).encrypted_data;
    let len = good.len();
    let mut table: Vec<Bytes> =
        [0, 1, 16, 20, 32, len - 16, len + 16, 2064].map(|len| vec![0x5a; len].into()).into();
    table.extend([0, 16, 100, len - 1].map(|at| {
        let mut changed = good.to_vec();
        changed[at] ^= 1;
        Bytes::from(changed)
    }));
    for encrypted in table {
        let scene = Scene::before_client_dh();
        let request = scene.client.set_client_dh_with(encrypted);
        assert_eq!(scene.fails(&request), HandshakeFault::BadAnswerHash);
    }
}

#[test]
fn client_dh_inner_data_with_a_wrong_field_is_refused() {
    type Change = fn(&mut ClientDhInnerData);
    let table: [(&str, Change, HandshakeFault); 6] = [
        ("nonce", |inner| inner.nonce[0] ^= 1, HandshakeFault::NonceMismatch),
        ("server_nonce", |inner| inner.server_nonce[0] ^= 1, HandshakeFault::NonceMismatch),
        ("retry_id 1", |inner| inner.retry_id = 1, HandshakeFault::BadRetryId),
        ("retry_id -1", |inner| inner.retry_id = -1, HandshakeFault::BadRetryId),
        ("no g_b", |inner| inner.g_b = Bytes::new(), HandshakeFault::BadGroupElement),
        ("long g_b", |inner| inner.g_b = vec![1; 300].into(), HandshakeFault::BadGroupElement),
    ];
    for (what, change, expected) in table {
        let scene = Scene::before_client_dh();
        let mut inner = scene.client.dh_inner();
        change(&mut inner);
        let request = scene.client.set_client_dh(&inner);
        assert_eq!(scene.fails(&request), expected, "{what}");
    }
    for outside in [0, 1] {
        let scene = Scene::before_client_dh();
        let mut request = scene.client.set_client_dh(&scene.client.dh_inner());
        if outside == 0 {
            request.nonce[0] ^= 1
        } else {
            request.server_nonce[0] ^= 1
        }
        assert_eq!(scene.fails(&request), HandshakeFault::NonceMismatch);
    }
}

#[test]
fn g_b_is_accepted_exactly_inside_its_range() {
    for (value, inside) in elements() {
        let mut scene = Scene::before_client_dh();
        let mut inner = scene.client.dh_inner();
        inner.g_b = value.to_bytes_be().into();
        let request = scene.client.set_client_dh(&inner);
        if inside {
            assert!(scene.give(&request).unwrap().is_some(), "{value:x}");
        } else {
            assert_eq!(scene.fails(&request), HandshakeFault::BadGroupElement, "{value:x}");
        }
    }
}

#[test]
fn dh_gen_ok_leaves_only_after_the_key_is_stored() {
    let (mut scene, proposed) = Scene::before_stored();
    let id = proposed.auth_key.id();
    assert_eq!(proposed.auth_key, scene.client.key());
    assert_eq!(sent_by_server(&mut scene.server, now()), None);
    let foreign = AuthKeyId::from_bytes([1; 8]);
    let wrong = scene.server.key_stored(now(), foreign, KeyStored::Stored);
    assert_eq!(wrong, Err(UsageError::NotAsked));
    assert_eq!(sent_by_server(&mut scene.server, now()), None);

    scene.server.key_stored(now(), id, KeyStored::Stored).unwrap();
    let ok: DhGenOk = object(&sent_by_server(&mut scene.server, now()).unwrap());
    let hash = odnix_proto::crypto::kdf::new_nonce_hash(
        &scene.client.known.new_nonce,
        1,
        proposed.auth_key.aux_hash(),
    );
    assert_eq!(ok.new_nonce_hash1, hash);
    let again = scene.server.key_stored(now(), id, KeyStored::Stored);
    assert_eq!(again, Err(UsageError::NotAsked));
}

#[test]
fn a_collision_is_answered_by_dh_gen_retry_and_the_next_attempt_must_name_the_failed_key() {
    for (retry_id_of_failed_key, accepted) in [(true, true), (false, false)] {
        let (mut scene, failed) = Scene::before_stored();
        let id = failed.auth_key.id();
        scene.server.key_stored(now(), id, KeyStored::Collision).unwrap();
        let answer: DhGenRetry = object(&sent_by_server(&mut scene.server, now()).unwrap());
        let aux_hash = failed.auth_key.aux_hash();
        let new_nonce = scene.client.known.new_nonce;
        let hash = odnix_proto::crypto::kdf::new_nonce_hash(&new_nonce, 2, aux_hash);
        assert_eq!(answer.new_nonce_hash2, hash);

        scene.client.b = exponent(0x98);
        let mut inner = scene.client.dh_inner();
        if retry_id_of_failed_key {
            inner.retry_id = i64::from_le_bytes(aux_hash);
        }
        let request = scene.client.set_client_dh(&inner);
        if accepted {
            let proposed = scene.give(&request).unwrap().unwrap();
            assert_eq!(proposed.auth_key, scene.client.key());
            assert_ne!(proposed.auth_key, failed.auth_key);
        } else {
            assert_eq!(scene.fails(&request), HandshakeFault::BadRetryId);
        }
    }
}

#[test]
fn after_too_many_collisions_the_answer_is_dh_gen_fail() {
    let mut config = server_config();
    config.retries_max = 1;
    let mut scene = Scene::before_client_dh_with(config);
    let mut inner = scene.client.dh_inner();
    let mut answers = vec![];
    for round in 0..2 {
        scene.client.b = exponent(0x90 + round);
        inner.g_b = scene.client.dh_inner().g_b;
        let request = scene.client.set_client_dh(&inner);
        let proposed = scene.give(&request).unwrap().unwrap();
        inner.retry_id = i64::from_le_bytes(proposed.auth_key.aux_hash());
        let id = proposed.auth_key.id();
        scene.server.key_stored(now(), id, KeyStored::Collision).unwrap();
        answers.push(sent_by_server(&mut scene.server, now()).unwrap());
    }
    object::<DhGenRetry>(&answers[0]);
    object::<DhGenFail>(&answers[1]);
    let after = scene.server.handle_packet(now(), plain(&ReqPqMulti { nonce: NONCE }));
    assert_eq!(fault(after), HandshakeFault::AlreadyFailed);
}

#[test]
fn an_exact_repeat_of_each_request_gets_the_same_bytes_for_ten_minutes() {
    let mut server = new_server(server_config());
    let first = plain(&ReqPqMulti { nonce: NONCE });
    server.handle_packet(now(), first.clone()).unwrap();
    let mut said = vec![(first, sent_by_server(&mut server, now()).unwrap())];
    let mut scene = Scene { client: HandClient::meet(NONCE, &said[0].1), server };
    let second = plain(&scene.client.req_dh_params(&scene.client.inner()));
    scene.give_bytes(second.clone()).unwrap();
    said.push((second, sent_by_server(&mut scene.server, now()).unwrap()));
    scene.client.learn(&said[1].1);
    let third = plain(&scene.client.set_client_dh(&scene.client.dh_inner()));
    let proposed = scene.give_bytes(third.clone()).unwrap().unwrap();
    scene.server.key_stored(now(), proposed.auth_key.id(), KeyStored::Stored).unwrap();
    said.push((third, sent_by_server(&mut scene.server, now()).unwrap()));

    let late = now().after(Duration::from_secs(599));
    for (request, answer) in said.iter().chain(said.iter().rev()) {
        assert_eq!(scene.server.handle_packet(late, request.clone()), Ok(Received::Accepted));
        assert!(scene.server.poll_event().is_none(), "nothing is calculated again");
        assert_eq!(sent_by_server(&mut scene.server, late).as_ref(), Some(answer));
        assert_eq!(sent_by_server(&mut scene.server, late), None);
    }
    let too_late = now().after(Duration::from_secs(600));
    let outcome = scene.server.handle_packet(too_late, said[2].0.clone());
    assert_eq!(fault(outcome), HandshakeFault::Malformed);
}

#[test]
fn a_repeat_while_the_answer_is_being_calculated_is_dropped() {
    let mut scene = Scene::start();
    let request = plain(&scene.client.req_dh_params(&scene.client.inner()));
    scene.server.handle_packet(now(), request.clone()).unwrap();
    let job = only_job(scene.server.poll_event());
    let dropped = Ok(Received::Dropped(DropReason::Duplicate));
    assert_eq!(scene.server.handle_packet(now(), request), dropped);
    assert!(scene.server.poll_event().is_none());
    scene.server.complete(now(), job.run()).unwrap();
    assert!(work_server(&mut scene.server, now()).unwrap().is_none());
    assert!(sent_by_server(&mut scene.server, now()).is_some());
}

#[test]
fn a_client_cannot_have_two_jobs_out_by_starting_over() {
    let mut scene = Scene::start();
    let request = plain(&scene.client.req_dh_params(&scene.client.inner()));
    scene.server.handle_packet(now(), request).unwrap();
    let _job = only_job(scene.server.poll_event());
    for number in 100..200 {
        let fresh = plain(&ReqPqMulti { nonce: [number; 16] });
        let dropped = Ok(Received::Dropped(DropReason::Limit));
        assert_eq!(scene.server.handle_packet(now(), fresh), dropped);
    }
    assert!(scene.server.poll_event().is_none());
    assert_eq!(sent_by_server(&mut scene.server, now()), None);
}

#[test]
fn a_new_req_pq_starts_over_with_fresh_values_and_one_answer_is_kept() {
    let mut server = new_server(server_config());
    for number in 0..1000u32 {
        let mut nonce = NONCE;
        nonce[..4].copy_from_slice(&number.to_le_bytes());
        server.handle_packet(now(), plain(&ReqPqMulti { nonce })).unwrap();
    }
    let mut last = NONCE;
    last[..4].copy_from_slice(&999u32.to_le_bytes());
    let answer: ResPq = object(&sent_by_server(&mut server, now()).unwrap());
    assert_eq!(answer.nonce, last);
    assert_eq!(sent_by_server(&mut server, now()), None, "abandoned answers are gone");

    server.handle_packet(now(), plain(&ReqPqMulti { nonce: NONCE })).unwrap();
    let next: ResPq = object(&sent_by_server(&mut server, now()).unwrap());
    assert_ne!((next.server_nonce, next.pq), (answer.server_nonce, answer.pq));
}

#[test]
fn values_of_an_abandoned_exchange_do_not_fit_the_next() {
    let mut scene = Scene::start();
    let stale = scene.client.req_dh_params(&scene.client.inner());
    scene.give(&ReqPqMulti { nonce: [9; 16] }).unwrap();
    assert!(sent_by_server(&mut scene.server, now()).is_some());
    assert_eq!(scene.fails(&stale), HandshakeFault::NonceMismatch);
}

#[test]
fn starting_over_does_not_extend_the_deadline() {
    let mut scene = Scene::start();
    let half = now().after(Duration::from_secs(30));
    scene.server.handle_packet(half, plain(&ReqPqMulti { nonce: [9; 16] })).unwrap();
    assert_eq!(scene.server.poll_timeout(), Some(now().after(Duration::from_secs(60)).mono));
    assert_eq!(scene.server.handle_timeout(half), Ok(()));
    let over = scene.server.handle_timeout(now().after(Duration::from_secs(60)));
    assert_eq!(fault(over), HandshakeFault::TimedOut);
    let late = scene.server.handle_packet(half, plain(&ReqPqMulti { nonce: [8; 16] }));
    assert_eq!(fault(late), HandshakeFault::AlreadyFailed);
}

#[test]
fn a_result_that_comes_after_the_end_is_ignored() {
    let mut scene = Scene::start();
    scene
        .server
        .handle_packet(now(), plain(&scene.client.req_dh_params(&scene.client.inner())))
        .unwrap();
    let job = only_job(scene.server.poll_event());
    let over = scene.server.handle_timeout(now().after(Duration::from_secs(60)));
    assert_eq!(fault(over), HandshakeFault::TimedOut);
    assert_eq!(scene.server.complete(now(), job.run()), Ok(()));
    assert!(scene.server.poll_event().is_none());

    let (mut scene, proposed) = Scene::before_stored();
    let over = scene.server.handle_timeout(now().after(Duration::from_secs(60)));
    assert_eq!(fault(over), HandshakeFault::TimedOut);
    let id = proposed.auth_key.id();
    let ended = scene.server.key_stored(now(), id, KeyStored::Stored);
    assert_eq!(ended, Err(UsageError::Ended));
    assert_eq!(sent_by_server(&mut scene.server, now()), None);
}

#[test]
fn each_exchange_has_a_pq_an_a_and_a_server_nonce_of_its_own() {
    let exchange = |seed| {
        let config = Arc::new(server_config());
        let mut server = Handshake::new(config, Seed::for_testing(seed));
        server.handle_packet(now(), plain(&ReqPqMulti { nonce: NONCE })).unwrap();
        let answer = sent_by_server(&mut server, now()).unwrap();
        let mut scene = Scene { client: HandClient::meet(NONCE, &answer), server };
        scene.give(&scene.client.req_dh_params(&scene.client.inner())).unwrap();
        let answer = sent_by_server(&mut scene.server, now()).unwrap();
        scene.client.learn(&answer);
        (scene.client.pq, scene.client.offer.unwrap().g_a, scene.client.known.server_nonce)
    };
    let (one, two) = (exchange(1), exchange(2));
    assert!(one.0 != two.0 && one.1 != two.1 && one.2 != two.2);
    assert_eq!(exchange(1), one, "same seed, same trace");
}

#[test]
fn no_secret_shows_in_debug_output() {
    let (scene, proposed) = Scene::before_stored();
    let text = format!("{:?} {:?} {:?}", scene.server, proposed, server_config());
    assert!(text.contains("AwaitStored"));
    let key = proposed.auth_key.expose_secret();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", &key[..8]);
    assert!(!text.contains(&hex[..16]) && !text.contains(list.trim_matches(['[', ']'])));
    assert!(!body(&plain(&scene.client.inner())).is_empty());
}
