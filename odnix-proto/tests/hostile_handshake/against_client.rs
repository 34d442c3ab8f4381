//! A hostile server, or one with bad luck.

use crate::pair::hand::{HandServer, P, PQ, Q, exponent, number, object, plain, plain_bytes};
use crate::pair::{client_config, fault, new_client, now, sent_by_client, work_client};
use bytes::{Bytes, BytesMut};
use num_bigint_dig::BigUint;
use odnix_proto::crypto::dh::{Group, USUAL_PRIME};
use odnix_proto::handshake::client::{Config, Handshake};
use odnix_proto::{DropReason, HandshakeFault, PeerError, Received, Secret};
use odnix_tl::mtproto::enums::PQInnerData;
use odnix_tl::mtproto::functions::{ReqPqMulti, SetClientDhParams};
use odnix_tl::mtproto::types::{DhGenFail, DhGenOk, DhGenRetry, ResPq, ServerDhInnerData};
use odnix_tl::{Encode, mtproto::functions::ReqPq};
use std::time::Duration;

/// A client and the hostile server at a given point of the exchange.
struct Scene {
    client: Handshake,
    server: HandServer,
}

impl Scene {
    fn start() -> Self {
        Self::start_with(client_config())
    }

    fn start_with(config: Config) -> Self {
        let mut client = new_client(config);
        let query = sent_by_client(&mut client, now()).unwrap();
        Self { server: HandServer::meet(&query), client }
    }

    /// Up to the client's `req_DH_params`.
    fn before_params() -> Self {
        Self::before_params_with(client_config())
    }

    fn before_params_with(config: Config) -> Self {
        let mut scene = Self::start_with(config);
        scene.give(&scene.server.res_pq()).unwrap();
        let query = sent_by_client(&mut scene.client, now()).unwrap();
        scene.server.learn(&query);
        scene
    }

    /// Up to the client's `set_client_DH_params`.
    fn before_answer() -> Self {
        Self::before_answer_with(client_config())
    }

    fn before_answer_with(config: Config) -> Self {
        let mut scene = Self::before_params_with(config);
        scene.give(&scene.server.good_params()).unwrap();
        let query = sent_by_client(&mut scene.client, now()).unwrap();
        assert_eq!(scene.server.agree(&query).retry_id, 0);
        scene
    }

    /// Hands the client an answer and runs the jobs that follow from it.
    fn give<T: Encode>(&mut self, answer: &T) -> Result<Received, PeerError> {
        self.give_bytes(plain(answer))
    }

    fn give_bytes(&mut self, packet: Bytes) -> Result<Received, PeerError> {
        let received = self.client.handle_packet(now(), packet)?;
        work_client(&mut self.client, now())?;
        Ok(received)
    }

    fn give_inner(&mut self, inner: &ServerDhInnerData) -> Result<Received, PeerError> {
        let sealed = self.server.known.seal(&inner.to_bytes().unwrap());
        self.give(&self.server.params_ok(sealed))
    }

    /// The fault, after checking that it is final and that nothing more is said or wanted.
    fn fails<T: Encode>(self, answer: &T) -> HandshakeFault {
        self.fails_bytes(plain(answer))
    }

    fn fails_bytes(mut self, packet: Bytes) -> HandshakeFault {
        let fault = fault(self.give_bytes(packet));
        self.is_over();
        fault
    }

    fn is_over(&mut self) {
        let again = self.give(&self.server.res_pq());
        assert_eq!(again, Err(PeerError::Handshake(HandshakeFault::AlreadyFailed)));
        assert_eq!(sent_by_client(&mut self.client, now()), None);
        assert!(self.client.poll_event().is_none());
        assert_eq!(self.client.poll_timeout(), None);
    }
}

#[test]
fn a_correct_hand_made_server_is_accepted() {
    let mut scene = Scene::before_answer();
    scene.client.handle_packet(now(), plain(&scene.server.ok())).unwrap();
    let established = work_client(&mut scene.client, now()).unwrap().unwrap();
    assert_eq!(Some(established.auth_key), scene.server.key);
}

#[test]
fn res_pq_with_a_wrong_field_is_refused() {
    type Change = fn(&mut ResPq);
    let table: [(Change, HandshakeFault); 5] = [
        (|answer| answer.nonce[15] ^= 1, HandshakeFault::NonceMismatch),
        (
            |answer| answer.server_public_key_fingerprints.clear(),
            HandshakeFault::UnknownFingerprint,
        ),
        (
            |answer| answer.server_public_key_fingerprints = vec![5; 1000],
            HandshakeFault::UnknownFingerprint,
        ),
        (|answer| answer.pq = Bytes::new(), HandshakeFault::BadPq),
        (|answer| answer.pq = Bytes::from_static(&[1; 9]), HandshakeFault::BadPq),
    ];
    for (change, expected) in table {
        let scene = Scene::start();
        let mut answer = scene.server.res_pq();
        change(&mut answer);
        assert_eq!(scene.fails(&answer), expected);
    }
}

#[test]
fn hostile_pq_is_refused_in_bounded_time() {
    let prime = 18_446_744_073_709_551_557; // the largest below 2^64
    for pq in [
        0,
        1,
        2,
        3,
        4,
        9,
        11,
        2_147_483_647,
        P,
        P * P,
        Q * Q,
        1_073_741_827 * 2,
        3 * 5 * 7,
        1_000_003 * 1_000_033 * 1_000_037,
        (1 << 62) - 57, // the largest prime below 2^62
        1 << 62,
        1 << 63,
        prime,
        u64::MAX,
    ] {
        let scene = Scene::start();
        let mut answer = scene.server.res_pq();
        answer.pq = number(pq);
        assert_eq!(scene.fails(&answer), HandshakeFault::BadPq, "pq = {pq}");
    }
}

#[test]
fn a_small_but_honest_pq_is_factored() {
    for pq in [15, 21, 101 * 103, PQ] {
        let mut scene = Scene::start();
        let mut answer = scene.server.res_pq();
        answer.pq = number(pq);
        assert_eq!(scene.give(&answer), Ok(Received::Accepted), "pq = {pq}");
        assert!(sent_by_client(&mut scene.client, now()).is_some());
    }
}

#[test]
fn bytes_that_are_not_the_awaited_answer_are_refused() {
    let scene = Scene::start();
    let good = plain(&scene.server.res_pq());
    let packets = [
        Bytes::new(),
        good.slice(..10),
        good.slice(..20),
        good.slice(..40),
        plain_bytes(&[0; 4]),
        plain_bytes(&[0xff; 64]),
        plain(&ReqPq { nonce: [0; 16] }),
        plain(&scene.server.params_fail()),
    ];
    for packet in packets {
        assert_eq!(Scene::start().fails_bytes(packet), HandshakeFault::Malformed);
    }
    // A vector that claims 2^31 - 1 fingerprints in a packet of 84 bytes.
    let mut bomb = BytesMut::from(&good[..]);
    let count_at = 20 + 4 + 16 + 16 + 12 + 4;
    bomb[count_at..count_at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
    assert_eq!(Scene::start().fails_bytes(bomb.freeze()), HandshakeFault::Malformed);
}

#[test]
fn random_bytes_behind_an_answer_are_tolerated_in_plain_packets() {
    let mut scene = Scene::start();
    let mut body = scene.server.res_pq().to_bytes().unwrap().to_vec();
    body.extend([0xa5; 28]);
    assert_eq!(scene.give_bytes(plain_bytes(&body)), Ok(Received::Accepted));
}

#[test]
fn server_dh_params_ok_with_a_foreign_nonce_outside_is_refused() {
    for change in [0, 1] {
        let scene = Scene::before_params();
        let mut answer = scene.server.good_params();
        if change == 0 {
            answer.nonce[0] ^= 1
        } else {
            answer.server_nonce[0] ^= 1
        }
        assert_eq!(scene.fails(&answer), HandshakeFault::NonceMismatch);
    }
}

#[test]
fn encrypted_answers_of_impossible_length_are_refused() {
    for len in [0, 1, 15, 16, 20, 31, 32, 48, 593, 599, 2064, 100_000] {
        let scene = Scene::before_params();
        let answer = scene.server.params_ok(vec![0x5a; len].into());
        assert_eq!(scene.fails(&answer), HandshakeFault::BadAnswerHash, "{len} bytes");
    }
}

#[test]
fn an_answer_whose_hash_is_wrong_is_refused() {
    use sha1::{Digest, Sha1};
    let scene = Scene::before_params();
    let inner = scene.server.inner().to_bytes().unwrap();
    let plain_answer = |padding: usize, flip: Option<usize>| {
        let mut blocks = [&Sha1::digest(&inner)[..], &inner, &vec![9; padding]].concat();
        if let Some(at) = flip {
            blocks[at] ^= 1;
        }
        blocks
    };
    let genuine = 16 - (20 + inner.len()) % 16;
    let mut table = vec![plain_answer(genuine + 16, None), plain_answer(genuine + 160, None)];
    table.extend([0, 19, 20, 100, 20 + inner.len() - 1].map(|at| plain_answer(genuine, Some(at))));
    for blocks in table {
        let scene = Scene::before_params();
        let answer = scene.server.params_ok(scene.server.known.encrypt(blocks));
        assert_eq!(scene.fails(&answer), HandshakeFault::BadAnswerHash);
    }
}

#[test]
fn each_block_of_an_encrypted_answer_is_protected() {
    let len = Scene::before_params().server.good_params().encrypted_answer.len();
    for at in (0..len).step_by(97) {
        let scene = Scene::before_params();
        let mut answer = scene.server.good_params();
        let mut changed = BytesMut::from(&answer.encrypted_answer[..]);
        changed[at] ^= 0x80;
        answer.encrypted_answer = changed.freeze();
        assert_eq!(scene.fails(&answer), HandshakeFault::BadAnswerHash, "byte {at}");
    }
}

#[test]
fn server_dh_inner_data_with_a_wrong_field_is_refused() {
    type Change = fn(&mut ServerDhInnerData);
    let table: [(&str, Change, HandshakeFault); 9] = [
        ("nonce", |inner| inner.nonce[0] ^= 1, HandshakeFault::NonceMismatch),
        ("server_nonce", |inner| inner.server_nonce[0] ^= 1, HandshakeFault::NonceMismatch),
        ("g = 2", |inner| inner.g = 2, HandshakeFault::BadGroup),
        ("g = 5", |inner| inner.g = 5, HandshakeFault::BadGroup),
        ("g = 6", |inner| inner.g = 6, HandshakeFault::BadGroup),
        ("g = -3", |inner| inner.g = -3, HandshakeFault::BadGroup),
        (
            "short prime",
            |inner| inner.dh_prime = inner.dh_prime.slice(1..),
            HandshakeFault::BadGroup,
        ),
        ("no prime", |inner| inner.dh_prime = Bytes::new(), HandshakeFault::BadGroup),
        ("no g_a", |inner| inner.g_a = Bytes::new(), HandshakeFault::BadGroupElement),
    ];
    for (what, change, expected) in table {
        let mut scene = Scene::before_params();
        let mut inner = scene.server.inner();
        change(&mut inner);
        assert_eq!(fault(scene.give_inner(&inner)), expected, "{what}");
        scene.is_over();
    }
}

#[test]
fn a_composite_or_unsafe_foreign_prime_is_refused() {
    let unsafe_prime = include_bytes!("../fixtures/unsafe_prime_2048.bin");
    let mut composite = USUAL_PRIME;
    composite[254] ^= 0x10;
    for prime in [&unsafe_prime[..], &composite] {
        let mut scene = Scene::before_params();
        let mut inner = scene.server.inner();
        (inner.g, inner.dh_prime) = (4, Bytes::copy_from_slice(prime));
        assert_eq!(fault(scene.give_inner(&inner)), HandshakeFault::BadGroup);
    }
}

#[test]
fn an_encrypted_answer_is_looked_at_up_to_2048_bytes() {
    // (bytes of dh_prime, bytes encrypted, what is wrong with it)
    for (prime_len, len, expected) in
        [(1720, 2048, HandshakeFault::BadGroup), (1724, 2064, HandshakeFault::BadAnswerHash)]
    {
        let mut scene = Scene::before_params();
        let mut inner = scene.server.inner();
        inner.dh_prime = vec![0xff; prime_len].into();
        let sealed = scene.server.known.seal(&inner.to_bytes().unwrap());
        assert_eq!(sealed.len(), len);
        assert_eq!(fault(scene.give(&scene.server.params_ok(sealed))), expected);
    }
}

#[test]
fn bytes_behind_the_inner_object_are_refused_although_hashed() {
    let mut scene = Scene::before_params();
    let mut inner = scene.server.inner().to_bytes().unwrap().to_vec();
    inner.extend([0; 4]);
    let answer = scene.server.params_ok(scene.server.known.seal(&inner));
    assert_eq!(fault(scene.give(&answer)), HandshakeFault::Malformed);
}

/// Values around every bound of a group element, and whether they are inside.
pub(crate) fn elements() -> Vec<(BigUint, bool)> {
    let p = BigUint::from_bytes_be(&USUAL_PRIME);
    let one = BigUint::from(1u32);
    let margin = &one << 1984;
    vec![
        (BigUint::from(0u32), false),
        (one.clone(), false),
        (BigUint::from(2u32), false),
        (&margin - &one, false),
        (margin.clone(), true),
        (&margin + &one, true),
        (&p - &margin - &one, true),
        (&p - &margin, true),
        (&p - &margin + &one, false),
        (&p - &one, false),
        (p.clone(), false),
        (&p + &one, false),
        ((&one << 2048) - &one, false),
        (&one << 2048, false),
    ]
}

#[test]
fn g_a_is_accepted_exactly_inside_its_range() {
    for (value, inside) in elements() {
        let mut scene = Scene::before_params();
        let mut inner = scene.server.inner();
        inner.g_a = value.to_bytes_be().into();
        match scene.give_inner(&inner) {
            Ok(_) => assert!(inside, "{value:x}"),
            Err(error) => {
                assert!(!inside, "{value:x}");
                assert_eq!(error, PeerError::Handshake(HandshakeFault::BadGroupElement));
            }
        }
    }
}

#[test]
fn a_refusal_of_the_parameters_is_believed_only_with_its_hash() {
    let scene = Scene::before_params();
    let answer = scene.server.params_fail();
    assert_eq!(scene.fails(&answer), HandshakeFault::Refused);

    let scene = Scene::before_params();
    let mut answer = scene.server.params_fail();
    answer.new_nonce_hash[0] ^= 1;
    assert_eq!(scene.fails(&answer), HandshakeFault::BadNonceHash);

    let scene = Scene::before_params();
    let mut answer = scene.server.params_fail();
    answer.server_nonce[0] ^= 1;
    assert_eq!(scene.fails(&answer), HandshakeFault::NonceMismatch);
}

#[test]
fn each_final_answer_is_believed_only_with_its_own_hash() {
    let scene = Scene::before_answer();
    let DhGenOk { nonce, server_nonce, .. } = scene.server.ok();
    let [hash1, hash2, hash3] = [1, 2, 3].map(|number| scene.server.hash(number));
    for new_nonce_hash1 in [hash2, hash3, [0; 16]] {
        let answer = DhGenOk { nonce, server_nonce, new_nonce_hash1 };
        assert_eq!(Scene::before_answer().fails(&answer), HandshakeFault::BadNonceHash);
    }
    for new_nonce_hash2 in [hash1, hash3, [0; 16]] {
        let answer = DhGenRetry { nonce, server_nonce, new_nonce_hash2 };
        assert_eq!(Scene::before_answer().fails(&answer), HandshakeFault::BadNonceHash);
    }
    for new_nonce_hash3 in [hash1, hash2, [0; 16]] {
        let answer = DhGenFail { nonce, server_nonce, new_nonce_hash3 };
        assert_eq!(Scene::before_answer().fails(&answer), HandshakeFault::BadNonceHash);
    }
    let answer = DhGenFail { nonce, server_nonce, new_nonce_hash3: hash3 };
    assert_eq!(Scene::before_answer().fails(&answer), HandshakeFault::Refused);
}

#[test]
fn final_answers_with_foreign_nonces_are_refused() {
    let scene = Scene::before_answer();
    let (ok, retry, fail) = (scene.server.ok(), scene.server.retry(), scene.server.fail());
    let flip = |mut nonce: [u8; 16]| {
        nonce[7] ^= 1;
        nonce
    };
    let faults = [
        Scene::before_answer().fails(&DhGenOk { nonce: flip(ok.nonce), ..ok.clone() }),
        Scene::before_answer().fails(&DhGenOk { server_nonce: flip(ok.server_nonce), ..ok }),
        Scene::before_answer().fails(&DhGenRetry { nonce: flip(retry.nonce), ..retry.clone() }),
        Scene::before_answer()
            .fails(&DhGenRetry { server_nonce: flip(retry.server_nonce), ..retry }),
        Scene::before_answer().fails(&DhGenFail { nonce: flip(fail.nonce), ..fail.clone() }),
        Scene::before_answer().fails(&DhGenFail { server_nonce: flip(fail.server_nonce), ..fail }),
    ];
    assert_eq!(faults, [HandshakeFault::NonceMismatch; 6]);
}

#[test]
fn dh_gen_retry_leads_to_a_new_b_and_names_the_failed_key() {
    let mut scene = Scene::before_answer();
    let failed = scene.server.key.clone().unwrap();
    scene.give(&scene.server.retry()).unwrap();
    let query = sent_by_client(&mut scene.client, now()).unwrap();
    let inner = scene.server.agree(&query);
    assert_eq!(inner.retry_id.to_le_bytes(), failed.aux_hash());
    assert_ne!(scene.server.key.as_ref(), Some(&failed));
    scene.client.handle_packet(now(), plain(&scene.server.ok())).unwrap();
    let established = work_client(&mut scene.client, now()).unwrap().unwrap();
    assert_eq!(Some(established.auth_key), scene.server.key);
}

#[test]
fn dh_gen_retry_is_followed_only_so_often() {
    let mut config = client_config();
    config.retries_max = 3;
    let mut scene = Scene::before_answer_with(config);
    for _ in 0..3 {
        scene.give(&scene.server.retry()).unwrap();
        let query = sent_by_client(&mut scene.client, now()).unwrap();
        scene.server.agree(&query);
    }
    let answer = scene.server.retry();
    assert_eq!(scene.fails(&answer), HandshakeFault::TooManyRetries);
}

#[test]
fn a_key_with_a_zero_top_byte_is_agreed_on_with_all_its_256_bytes() {
    // The client draws the same b for the same seed: find an a that makes the key short.
    let mut scene = Scene::before_params();
    scene.give(&scene.server.good_params()).unwrap();
    let query = sent_by_client(&mut scene.client, now()).unwrap();
    let g_b = BigUint::from_bytes_be(&scene.server.agree(&query).g_b);
    let p = BigUint::from_bytes_be(&USUAL_PRIME);
    let base = BigUint::from_bytes_be(&[0x77; 256]);
    let mut key = g_b.modpow(&base, &p);
    let steps = (0u32..)
        .find(|_| {
            let short = key.bits() <= 2040;
            if !short {
                key = &key * &g_b % &p;
            }
            short
        })
        .unwrap();
    let a = (base + steps).to_bytes_be();

    let mut scene = Scene::before_params();
    scene.server.a = odnix_proto::crypto::dh::Exponent::new(Secret::init(|to| {
        to.copy_from_slice(&a);
    }));
    scene.give(&scene.server.good_params()).unwrap();
    let query = sent_by_client(&mut scene.client, now()).unwrap();
    scene.server.agree(&query);
    scene.client.handle_packet(now(), plain(&scene.server.ok())).unwrap();
    let established = work_client(&mut scene.client, now()).unwrap().unwrap();
    assert_eq!(established.auth_key.expose_secret()[0], 0);
    assert_eq!(BigUint::from_bytes_be(established.auth_key.expose_secret()), key);
}

#[test]
fn an_answer_that_comes_twice_is_dropped() {
    let mut scene = Scene::start();
    let res_pq = plain(&scene.server.res_pq());
    scene.give_bytes(res_pq.clone()).unwrap();
    let dropped = Ok(Received::Dropped(DropReason::Duplicate));
    assert_eq!(scene.give_bytes(res_pq.clone()), dropped);
    let query = sent_by_client(&mut scene.client, now()).unwrap();
    scene.server.learn(&query);
    let params = plain(&scene.server.good_params());
    scene.give_bytes(params.clone()).unwrap();
    assert_eq!(scene.give_bytes(params), dropped);
    let query = sent_by_client(&mut scene.client, now()).unwrap();
    scene.server.agree(&query);
    let ok = plain(&scene.server.ok());
    scene.give_bytes(ok.clone()).unwrap();
    assert_eq!(scene.give_bytes(ok), dropped);
    assert_eq!(scene.give_bytes(res_pq), dropped);
}

#[test]
fn an_unanswered_query_is_repeated_a_few_times_and_then_given_up() {
    let mut config = client_config();
    config.answer_timeout = Duration::from_secs(5);
    config.resends_max = 2;
    config.exchange_timeout = Duration::from_secs(30);
    let mut client = new_client(config);
    assert_eq!(client.poll_timeout(), None);
    let first = sent_by_client(&mut client, now()).unwrap();
    let mut sent = vec![];
    for second in 1..30 {
        let now = now().after(Duration::from_secs(second));
        assert_eq!(client.handle_timeout(now), Ok(()));
        sent.extend(sent_by_client(&mut client, now).map(|packet| (second, packet)));
    }
    let seconds: Vec<u64> = sent.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [5, 10]);
    for (_, packet) in &sent {
        assert_eq!(object::<ReqPqMulti>(packet), object::<ReqPqMulti>(&first));
        assert_ne!(packet[8..16], first[8..16], "a msg_id of its own");
    }
    let over = client.handle_timeout(now().after(Duration::from_secs(30)));
    assert_eq!(fault(over), HandshakeFault::TimedOut);
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn early_timeouts_do_nothing() {
    let mut client = new_client(client_config());
    sent_by_client(&mut client, now()).unwrap();
    let due = client.poll_timeout();
    assert_eq!(client.handle_timeout(now()), Ok(()));
    assert_eq!(client.poll_timeout(), due);
    assert_eq!(sent_by_client(&mut client, now()), None);
}

#[test]
fn the_inner_data_names_the_dc_and_the_lifetime_asked_for() {
    let inner_of = |expires_in, dc| {
        let mut config = client_config();
        (config.expires_in, config.dc) = (expires_in, dc);
        let mut scene = Scene::start_with(config);
        scene.give(&scene.server.res_pq()).unwrap();
        let query = sent_by_client(&mut scene.client, now()).unwrap();
        scene.server.learn(&query)
    };
    let PQInnerData::PQInnerDataDc(inner) = inner_of(None, 10_002) else { panic!("_dc") };
    assert_eq!(inner.dc, 10_002);
    assert_eq!((&inner.pq[..], &inner.p[..]), (&number(PQ)[..], &number(P)[..]));
    let PQInnerData::PQInnerDataTempDc(inner) = inner_of(Some(3600), 2) else { panic!("_temp_dc") };
    assert_eq!((inner.dc, inner.expires_in), (2, 3600));
}

#[test]
fn g_4_and_7_of_the_usual_prime_are_accepted() {
    for g in [4, 7] {
        let mut scene = Scene::before_params();
        let mut inner = scene.server.inner();
        inner.g = g;
        assert_eq!(scene.give_inner(&inner), Ok(Received::Accepted), "g = {g}");
        let query = sent_by_client(&mut scene.client, now()).unwrap();
        let _: SetClientDhParams = object(&query);
    }
    assert!(exponent(0x77).public(&Group::usual()).is_ok());
}

#[test]
fn the_clock_offset_is_that_of_the_server_to_the_second() {
    // (server_time - local seconds, expected offset in µs); the local clock is on a full second
    for (ahead, expected) in
        [(0, 0), (600, 600_000_000), (-1, -0), (-600, -599_000_000), (1, 1_000_000)]
    {
        let mut scene = Scene::before_params();
        let mut inner = scene.server.inner();
        inner.server_time += ahead;
        scene.give_inner(&inner).unwrap();
        let query = sent_by_client(&mut scene.client, now()).unwrap();
        scene.server.agree(&query);
        scene.client.handle_packet(now(), plain(&scene.server.ok())).unwrap();
        let established = work_client(&mut scene.client, now()).unwrap().unwrap();
        assert_eq!(established.time_offset_us, expected, "{ahead} s");
    }
}
