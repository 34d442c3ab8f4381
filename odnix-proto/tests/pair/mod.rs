//! A client and a server machine of the key exchange with nothing but memory between them.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

pub mod hand;

use bytes::{Bytes, BytesMut};
use odnix_proto::crypto::rsa::{RsaPrivateKey, RsaPublicKey};
use odnix_proto::handshake::server::KeyStored;
use odnix_proto::handshake::{Established, Job, client, server};
use odnix_proto::{HandshakeFault, Instant, Now, PeerError, Seed, UnixTime};
use std::sync::{Arc, LazyLock};

pub static KEY: LazyLock<Arc<RsaPrivateKey>> = LazyLock::new(|| {
    Arc::new(RsaPrivateKey::from_pem(include_str!("../fixtures/rsa_pkcs1.pem")).unwrap())
});

pub const START_SECS: u64 = 1_700_000_000;

pub fn now() -> Now {
    Now::new(Instant::from_micros(1), UnixTime::from_secs(START_SECS))
}

pub fn public() -> RsaPublicKey {
    KEY.public().clone()
}

pub fn client_config() -> client::Config {
    client::Config::new(vec![public()], 2).unwrap()
}

pub fn server_config() -> server::Config {
    server::Config::new(vec![Arc::clone(&KEY)], 2).unwrap()
}

pub fn new_client(config: client::Config) -> client::Handshake {
    client::Handshake::new(Arc::new(config), Seed::for_testing(1))
}

pub fn new_server(config: server::Config) -> server::Handshake {
    server::Handshake::new(Arc::new(config), Seed::for_testing(2))
}

pub fn fault<T: std::fmt::Debug>(result: Result<T, PeerError>) -> HandshakeFault {
    match result {
        Err(PeerError::Handshake(fault)) => fault,
        other => panic!("expected a handshake fault, got {other:?}"),
    }
}

/// The one packet the machine has to send.
pub fn sent_by_client(client: &mut client::Handshake, now: Now) -> Option<Bytes> {
    let mut out = BytesMut::new();
    let transmit = client.poll_transmit(now, &mut out)?;
    assert_eq!(transmit.len, out.len());
    Some(out.freeze())
}

pub fn sent_by_server(server: &mut server::Handshake, now: Now) -> Option<Bytes> {
    let mut out = BytesMut::new();
    let transmit = server.poll_transmit(now, &mut out)?;
    assert_eq!(transmit.len, out.len());
    Some(out.freeze())
}

/// Runs the client's jobs until it has nothing more to calculate.
pub fn work_client(
    client: &mut client::Handshake,
    now: Now,
) -> Result<Option<Established>, PeerError> {
    while let Some(event) = client.poll_event() {
        match event {
            client::Event::Work(job) => client.complete(now, job.run())?,
            client::Event::Established(established) => return Ok(Some(established)),
            other => panic!("{other:?}"),
        }
    }
    Ok(None)
}

pub fn work_server(
    server: &mut server::Handshake,
    now: Now,
) -> Result<Option<Established>, PeerError> {
    while let Some(event) = server.poll_event() {
        match event {
            server::Event::Work(job) => server.complete(now, job.run())?,
            server::Event::KeyProposed(established) => return Ok(Some(established)),
            other => panic!("{other:?}"),
        }
    }
    Ok(None)
}

pub fn only_job(event: Option<server::Event>) -> Job {
    match event {
        Some(server::Event::Work(job)) => job,
        other => panic!("expected a job, got {other:?}"),
    }
}

/// Carries packets to and fro until both sides are done. `stored` answers each proposed key.
pub fn run(
    client: &mut client::Handshake,
    server: &mut server::Handshake,
    client_now: Now,
    server_now: Now,
    mut stored: impl FnMut(&Established) -> KeyStored,
) -> Result<(Established, Established), PeerError> {
    let mut theirs = None;
    loop {
        while let Some(packet) = sent_by_client(client, client_now) {
            server.handle_packet(server_now, packet)?;
        }
        if let Some(proposed) = work_server(server, server_now)? {
            let answer = stored(&proposed);
            server.key_stored(server_now, proposed.auth_key.id(), answer).unwrap();
            theirs = Some(proposed);
        }
        while let Some(packet) = sent_by_server(server, server_now) {
            client.handle_packet(client_now, packet)?;
        }
        if let Some(ours) = work_client(client, client_now)? {
            return Ok((ours, theirs.expect("the server proposed the key")));
        }
    }
}
