//! What a server's connection holds that has nothing to do, and a session without a connection.
//! One test, in a process of its own, under an allocator that counts.

#[allow(dead_code, reason = "shared helpers")]
mod common;
#[allow(dead_code, reason = "shared helpers")]
mod link;

use common::echo;
use core::time::Duration;
use link::{Link, client_config};
use odnix_proto::{
    Seed, client,
    server::{Config, Connection, ServerKey, Session},
    transport::Framing,
};
use peak_alloc::PeakAlloc;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that nothing but `owned` holds.
fn bytes_of<T>(owned: T) -> usize {
    let before = ALLOCATOR.current_usage();
    drop(owned);
    before - ALLOCATOR.current_usage()
}

/// A connection that has made a key, or was given one, and answered some calls; then its client
/// pings, as idle clients do.
fn idle(framing: Framing, obfuscated: bool, fresh: bool) -> (Arc<Config>, Box<Connection>) {
    let config = client_config(framing, obfuscated);
    let seed = Seed::for_testing(3);
    let auth_key = common::key(9);
    let client = if fresh {
        client::Connection::new(config, seed)
    } else {
        let saved =
            client::SavedKey { auth_key: auth_key.clone(), server_salt: 0, time_offset_us: 0 };
        client::Connection::resume(config, seed, saved)
    };
    let mut link = Link::new(client, obfuscated);
    let key = ServerKey { auth_key, first_salt: None, expires_at: None, bound_to: None, dc: 2 };
    link.backend.keys.insert(key.auth_key.id(), key);
    link.connect();
    for _ in 0..4 {
        link.client.call(echo(b"a call of some bytes")).unwrap();
        link.settle();
    }
    for _ in 0..8 {
        link.client.call(echo(&[7; 2000])).unwrap();
    }
    link.settle();
    for _ in 0..30 {
        link.pass(Duration::from_secs(20));
        link.settle();
    }
    let config = Arc::clone(&link.config);
    (config, Box::new(link.server.take().unwrap()))
}

#[test]
fn idle_connections_and_sessions_are_small() {
    // All of these hold their session and its key as well.
    let kinds = [
        (Framing::Intermediate, false, 2560),
        (Framing::Padded, true, 4096),
        (Framing::Http, false, 4096),
    ];
    for (framing, obfuscated, max) in kinds {
        let all: Vec<_> = (0..64).map(|_| idle(framing, obfuscated, false)).collect();
        let (configs, connections): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let each = bytes_of(connections) / configs.len();
        println!("{framing:?}: {each} bytes, of them {} of their own", size_of::<Connection>());
        assert!(each <= max, "{framing:?}: {each} bytes for each of {}", configs.len());

        let (_config, fresh) = idle(framing, obfuscated, true);
        let fresh = bytes_of(fresh);
        assert!(fresh < each + 256, "{framing:?}: {fresh} bytes after a key exchange, not {each}");
    }
    sessions_without_a_connection();
}

fn sessions_without_a_connection() {
    let all: Vec<_> = (0..64).map(|_| idle(Framing::Intermediate, false, false)).collect();
    let (configs, sessions): (Vec<_>, Vec<_>) =
        all.into_iter().map(|(config, it)| (config, it.into_session().unwrap())).unzip();
    let each = bytes_of(sessions) / configs.len();
    println!("session: {each} bytes, of them {} of its own", size_of::<Session>());
    assert!(each <= 1024, "{each} bytes for each of {} sessions", configs.len());
}
