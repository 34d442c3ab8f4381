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
    server::{Connection, ServerKey, Session},
    transport::Framing,
};
use peak_alloc::PeakAlloc;

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
fn idle(framing: Framing, obfuscated: bool, fresh: bool) -> (Link, Box<Connection>) {
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
    for _ in 0..40 {
        link.pass(Duration::from_secs(15));
        link.settle();
    }
    let server = Box::new(link.server.take().unwrap());
    (link, server)
}

#[test]
fn measure() {
    println!("connection {} session {}", size_of::<Connection>(), size_of::<Session>());
    for (framing, obfuscated) in
        [(Framing::Intermediate, false), (Framing::Padded, true), (Framing::Http, false)]
    {
        for fresh in [false, true] {
            let (_link, connection) = idle(framing, obfuscated, fresh);
            let whole = ALLOCATOR.current_usage();
            let session = connection.into_session().unwrap();
            let rest = whole - ALLOCATOR.current_usage();
            println!("{framing:?} {fresh} connection {rest}, session {}", bytes_of(session));
        }
    }
}
