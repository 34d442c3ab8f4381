//! Bounds of the key exchange, each at the limit and one beyond, and what a configuration
//! allows a client.

use crate::against_server::{NONCE, Scene};
use crate::pair::hand::{HandClient, object, plain};
use crate::pair::{START_SECS, fault, new_server, now, sent_by_server, server_config, work_server};
use bytes::Bytes;
use odnix_proto::handshake::server::{Config, Handshake, KeyStored, PqPool};
use odnix_proto::limits::Limits;
use odnix_proto::{HandshakeFault, Received, Seed};
use odnix_tl::mtproto::functions::ReqPqMulti;
use odnix_tl::mtproto::types::{PQInnerDataDc, PQInnerDataTempDc, ResPq};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The key proposed for a temporary key of this lifetime.
fn expires_at(config: Config, expires_in: i32) -> Result<Option<i32>, HandshakeFault> {
    let mut scene = Scene::start_with(config);
    let PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, dc } = scene.client.inner();
    let inner = PQInnerDataTempDc { pq, p, q, nonce, server_nonce, new_nonce, dc, expires_in };
    if let Err(error) = scene.give(&scene.client.req_dh_params(&inner)) {
        return Err(fault::<()>(Err(error)));
    }
    let answer = sent_by_server(&mut scene.server, now()).unwrap();
    scene.client.learn(&answer);
    let request = scene.client.set_client_dh(&scene.client.dh_inner());
    Ok(scene.give(&request).unwrap().unwrap().expires_at)
}

#[test]
fn a_temporary_key_lives_as_long_as_the_limit_and_no_longer() {
    let limit = Limits::default().temporary_key_s_max;
    assert_eq!(limit, 7 * 24 * 3600);
    let start = START_SECS as i32;
    assert_eq!(expires_at(server_config(), 1), Ok(Some(start + 1)));
    assert_eq!(expires_at(server_config(), limit), Ok(Some(start + limit)));
    for too_long in [limit + 1, i32::MAX] {
        assert_eq!(expires_at(server_config(), too_long), Err(HandshakeFault::Malformed));
    }
    let mut config = server_config();
    config.temporary_key_s_max = 60;
    assert_eq!(expires_at(config.clone(), 60), Ok(Some(start + 60)));
    assert_eq!(expires_at(config, 61), Err(HandshakeFault::Malformed));
}

/// The dc an exchange is for, as the server tells its owner.
fn agreed_dc(config: &Config, dc: i32) -> Result<i32, HandshakeFault> {
    let mut scene = Scene::start_with(config.clone());
    let mut inner = scene.client.inner();
    inner.dc = dc;
    if let Err(error) = scene.give(&scene.client.req_dh_params(&inner)) {
        return Err(fault::<()>(Err(error)));
    }
    let answer = sent_by_server(&mut scene.server, now()).unwrap();
    scene.client.learn(&answer);
    let request = scene.client.set_client_dh(&scene.client.dh_inner());
    Ok(scene.give(&request).unwrap().unwrap().dc)
}

#[test]
fn the_dc_with_a_minus_sign_is_accepted_only_when_configured_and_is_reported_as_stated() {
    let wrong = Err(HandshakeFault::WrongDc);
    let mut config = server_config();
    assert_eq!(agreed_dc(&config, -2), wrong);
    config.accept_media_dc = true;
    assert_eq!(agreed_dc(&config, -2), Ok(-2));
    assert_eq!(agreed_dc(&config, 2), Ok(2));
    for dc in [-3, -1, -10_002, 10_002, i32::MIN] {
        assert_eq!(agreed_dc(&config, dc), wrong, "{dc}");
    }
    config.accept_test_dc = true;
    assert_eq!(agreed_dc(&config, -10_002), Ok(-10_002));
    assert_eq!(agreed_dc(&config, -10_003), wrong);
}

/// Makes a key on this connection; every request and its answer.
fn exchange(server: &mut Handshake, nonce: [u8; 16]) -> Vec<(Bytes, Bytes)> {
    let mut said = vec![];
    let mut give = |server: &mut Handshake, request: Bytes| {
        server.handle_packet(now(), request.clone()).unwrap();
        if let Some(proposed) = work_server(server, now()).unwrap() {
            server.key_stored(now(), proposed.auth_key.id(), KeyStored::Stored).unwrap();
        }
        let answer = sent_by_server(server, now()).unwrap();
        said.push((request, answer.clone()));
        answer
    };
    let answer = give(server, plain(&ReqPqMulti { nonce }));
    let mut client = HandClient::meet(nonce, &answer);
    let answer = give(server, plain(&client.req_dh_params(&client.inner())));
    client.learn(&answer);
    give(server, plain(&client.set_client_dh(&client.dh_inner())));
    said
}

/// Whether the oldest of three answers is still there when a fourth has come.
fn remembers_four(answers_max: usize, answers_bytes_max: usize) -> bool {
    let mut config = server_config();
    (config.answers_max, config.answers_bytes_max) = (answers_max, answers_bytes_max);
    let mut server = new_server(config);
    let said = exchange(&mut server, NONCE);
    server.handle_packet(now(), plain(&ReqPqMulti { nonce: [9; 16] })).unwrap();
    assert!(sent_by_server(&mut server, now()).is_some());
    let (request, answer) = &said[0];
    server.handle_packet(now(), request.clone()).unwrap();
    sent_by_server(&mut server, now()).unwrap() == *answer
}

#[test]
fn the_oldest_answers_are_forgotten_beyond_their_number_and_their_bytes() {
    let mut server = new_server(server_config());
    let said = exchange(&mut server, NONCE);
    let bytes: usize = said.iter().map(|(_, answer)| answer.len()).sum::<usize>() + said[0].1.len();
    assert!(bytes < Limits::default().handshake_answers_bytes_max / 4, "{bytes}");
    assert!(remembers_four(4, bytes));
    assert!(!remembers_four(3, bytes));
    assert!(!remembers_four(4, bytes - 1));
    // Without any room an answer is still given, once.
    let mut config = server_config();
    (config.answers_max, config.answers_bytes_max) = (0, 0);
    assert_eq!(exchange(&mut new_server(config), NONCE).len(), 3);
}

#[test]
fn answers_of_several_exchanges_on_one_connection_are_remembered() {
    let mut server = new_server(server_config());
    let mut said = exchange(&mut server, NONCE);
    said.extend(exchange(&mut server, [0x12; 16]));
    for (request, answer) in &said {
        assert_eq!(server.handle_packet(now(), request.clone()), Ok(Received::Accepted));
        assert!(server.poll_event().is_none());
        assert_eq!(sent_by_server(&mut server, now()).as_ref(), Some(answer));
    }
}

#[test]
fn the_pairs_of_a_pool_are_offered_and_no_others() {
    let pool = Arc::new(PqPool::draw(Seed::for_testing(6), 3));
    let mut config = server_config();
    config.pq_pool = Arc::clone(&pool);
    let config = Arc::new(config);
    let offers = |seed| {
        let mut server = Handshake::new(Arc::clone(&config), Seed::for_testing(seed));
        let offer = |number: u8| {
            server.handle_packet(now(), plain(&ReqPqMulti { nonce: [number; 16] })).unwrap();
            object::<ResPq>(&sent_by_server(&mut server, now()).unwrap())
        };
        (0..40).map(offer).collect::<Vec<_>>()
    };
    let one = offers(1);
    let pairs: BTreeSet<Bytes> = one.iter().map(|offer| offer.pq.clone()).collect();
    assert_eq!((pairs.len(), pool.len()), (3, 3));
    let nonces: BTreeSet<[u8; 16]> = one.iter().map(|offer| offer.server_nonce).collect();
    assert_eq!(nonces.len(), 40);
    assert_eq!(offers(1), one, "same seed, same offers");
    let order = |offers: &[ResPq]| offers.iter().map(|it| it.pq.clone()).collect::<Vec<_>>();
    assert_ne!(order(&offers(2)), order(&one), "each connection picks for itself");
    let drawn_again = PqPool::draw(Seed::for_testing(6), 3);
    assert_eq!(format!("{drawn_again:?}"), "PqPool(3 pairs)", "and no pair shows");
}
