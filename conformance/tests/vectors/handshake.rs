//! handshake.json: each role alone against the recorded packets of the other.

use super::read::{array, bytes, file, int, list, long, seed, text, uint};
use bytes::{Bytes, BytesMut};
use odnix_proto::crypto::dh::{Exponent, GroupElement, KnownPrimes, check_group};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::handshake::server::KeyStored;
use odnix_proto::handshake::{Established, client, server};
use odnix_proto::{Instant, Now, PeerError, Secret, Seed, UnixTime};
use serde_json::Value;
use std::sync::Arc;

fn key(vectors: &Value) -> Arc<RsaPrivateKey> {
    Arc::new(RsaPrivateKey::from_pem(text(&vectors["server_key"]["pem"])).unwrap())
}

fn now(role: &Value) -> Now {
    let micros = text(&role["unix_time_us"]).parse().unwrap();
    Now::new(Instant::from_micros(1), UnixTime::from_micros(micros))
}

/// Works until there is nothing to calculate; the key, if there is one now.
fn work(machine: &mut client::Handshake, now: Now) -> Option<Established> {
    while let Some(event) = machine.poll_event() {
        match event {
            client::Event::Work(job) => machine.complete(now, job.run()).unwrap(),
            client::Event::Established(key) => return Some(key),
            other => panic!("{other:?}"),
        }
    }
    None
}

#[test]
fn the_client_writes_each_packet_as_recorded() {
    let vectors = file("handshake");
    for exchange in list(&vectors["exchanges"]) {
        let role = &exchange["client"];
        let mut config =
            client::Config::new(vec![key(&vectors).public().clone()], int(&role["dc"])).unwrap();
        config.expires_in = role["expires_in"].is_i64().then(|| int(&role["expires_in"]));
        let mut machine = client::Handshake::new(Arc::new(config), seed(&role["seed"]));
        let mut ended = None;
        for packet in list(&exchange["packets"]) {
            let recorded = bytes(&packet["packet"]);
            if text(&packet["from"]) == "client" {
                let mut out = BytesMut::new();
                machine.poll_transmit(now(role), &mut out).unwrap();
                assert_eq!(out, recorded, "{} {}", exchange["name"], packet["name"]);
            } else {
                ended = match machine.handle_packet(now(role), recorded.into()) {
                    Ok(_) => work(&mut machine, now(role)).map(Ok),
                    Err(error) => Some(Err(error)),
                };
            }
        }
        check_outcome(&exchange["outcome"], ended.unwrap());
    }
}

fn check_outcome(outcome: &Value, ended: Result<Established, PeerError>) {
    match ended {
        Ok(key) => {
            assert!(outcome["established"].as_bool().unwrap());
            assert_eq!(key.auth_key.id().to_bytes(), array(&outcome["auth_key_id"]));
            assert_eq!(key.server_salt, long(&outcome["server_salt"]));
            assert_eq!(key.time_offset_us, long(&outcome["time_offset_us"]));
            assert_eq!(key.expires_at.map(i64::from), outcome["expires_at"].as_i64());
        }
        Err(PeerError::Handshake(fault)) => {
            assert!(!outcome["established"].as_bool().unwrap());
            assert_eq!(format!("{fault:?}"), text(&outcome["fault"]));
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn the_server_writes_each_packet_as_recorded() {
    let vectors = file("handshake");
    let mut played = 0;
    for exchange in list(&vectors["exchanges"]) {
        let role = &exchange["server"];
        if role["may_be_played"] == false {
            continue;
        }
        played += 1;
        let mut config = server::Config::new(vec![key(&vectors)], int(&role["dc"])).unwrap();
        config.retries_max = uint(&role["retries_max"]);
        config.accept_test_dc = true;
        let mut machine = server::Handshake::new(Arc::new(config), seed(&role["seed"]));
        let mut keys = list(&exchange["keys"]).iter();
        for packet in list(&exchange["packets"]) {
            let recorded = bytes(&packet["packet"]);
            if text(&packet["from"]) == "client" {
                machine.handle_packet(now(role), Bytes::from(recorded)).unwrap();
                answer(&mut machine, now(role), &mut keys);
            } else {
                let mut out = BytesMut::new();
                machine.poll_transmit(now(role), &mut out).unwrap();
                assert_eq!(out, recorded, "{} {}", exchange["name"], packet["name"]);
            }
        }
        assert!(keys.next().is_none(), "every key was proposed");
    }
    assert!(played >= 5);
}

fn answer<'a>(
    machine: &mut server::Handshake,
    now: Now,
    keys: &mut impl Iterator<Item = &'a Value>,
) {
    while let Some(event) = machine.poll_event() {
        match event {
            server::Event::Work(job) => machine.complete(now, job.run()).unwrap(),
            server::Event::KeyProposed(proposed) => {
                let key = keys.next().unwrap();
                assert_eq!(*proposed.auth_key.expose_secret(), array(&key["auth_key"]));
                assert_eq!(proposed.auth_key.id().to_bytes(), array(&key["auth_key_id"]));
                assert_eq!(proposed.auth_key.aux_hash(), array(&key["aux_hash"]));
                let stored = match key["stored"].as_bool().unwrap() {
                    true => KeyStored::Stored,
                    false => KeyStored::Collision,
                };
                machine.key_stored(now, proposed.auth_key.id(), stored).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

/// auth_key = g^(ab), from the exponents in the file.
#[test]
fn the_exponents_give_the_keys() {
    let vectors = file("handshake");
    let group = &vectors["group"];
    let group = check_group(
        &bytes(&group["dh_prime"]),
        int(&group["g"]),
        &KnownPrimes::default(),
        Seed::for_testing(1),
    )
    .unwrap();
    let exponent = |value: &Value| Exponent::new(Secret::take(&mut array(value)));
    for exchange in list(&vectors["exchanges"]) {
        let secrets = &exchange["secrets"];
        if secrets["a"].is_null() {
            continue;
        }
        let a = exponent(&secrets["a"]);
        for (b, key) in list(&secrets["b"]).iter().zip(list(&exchange["keys"])) {
            let g_b: GroupElement = exponent(b).public(&group).unwrap();
            assert_eq!(*a.shared(&group, &g_b).expose_secret(), array(&key["auth_key"]));
        }
    }
}
