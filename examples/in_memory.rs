//! A conversation in one thread, without a socket: `cargo run --example in_memory`.
//!
//! The client makes a key with the server, calls it, and is answered with the same words.

use bytes::{Bytes, BytesMut};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::{Instant, Now, Secret, Seed, UnixTime, client, handshake, server};
use odnix_proto::{limits::Limits, session::Timings, transport};
use std::{collections::HashMap, error::Error, sync::Arc, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let (client_config, server_config) =
        configs(Arc::new(RsaPrivateKey::generate(Seed::from_os()?)))?;
    let mut client = client::Connection::new(client_config, Seed::for_testing(1));
    let mut server = server::Connection::new(server_config, Seed::for_testing(2));
    let mut database = HashMap::new();
    let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
    let mut now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_800_000_000));

    client.transport_connected(now);
    let greeting = client.call(Bytes::from_static(b"hello, server..."))?; // leaves with the key
    loop {
        while let Some(event) = server.poll_event() {
            match event {
                server::Event::Work(job) => server.complete(now, job.run())?, // or on a pool
                server::Event::KeyCreated(key) => {
                    let id = key.auth_key.id();
                    database.insert(id, key);
                    server.key_stored(now, id, server::KeyStored::Stored)?;
                }
                server::Event::KeyWanted(id) => {
                    server.provide_key(now, id, database.get(&id).cloned())?;
                }
                server::Event::SessionWanted(name) => server.provide_session(now, name, None)?,
                server::Event::Session(server::SessionEvent::Call { call, body, .. }) => {
                    println!("server: asked {}", String::from_utf8_lossy(&body));
                    server.session().ok_or("no session")?.reply(call, body)?;
                }
                _ => {}
            }
        }
        while let Some(event) = client.poll_event() {
            match event {
                client::Event::Work(job) => client.complete(now, job.run())?,
                client::Event::KeyCreated(key) => println!("client: key {}", key.auth_key.id()),
                client::Event::Session(client::SessionEvent::Reply { call, result }) => {
                    assert_eq!(call, greeting);
                    println!("client: told {}", String::from_utf8_lossy(&result?));
                    return Ok(());
                }
                _ => {}
            }
        }
        let moved = client.poll_transmit(now, &mut to_server).is_some()
            | server.poll_transmit(now, &mut to_client).is_some();
        server.receive(now, &mut to_server)?;
        client.receive(now, &mut to_client)?;
        if !moved {
            now = now.after(Duration::from_millis(100)); // nothing to do: time passes
            client.handle_timeout(now)?;
            server.handle_timeout(now)?;
        }
    }
}

type Configs = (Arc<client::Config>, Arc<server::Config>);

fn configs(rsa: Arc<RsaPrivateKey>) -> Result<Configs, Box<dyn Error>> {
    let (limits, timings) = (Limits::default(), Timings::default());
    let client = client::Config {
        handshake: Arc::new(handshake::client::Config::new(vec![rsa.public().clone()], 2)?),
        transport: transport::ClientOptions::new(transport::Framing::Intermediate),
        pfs: None,
        quick_acks: false,
        init: None,
        limits: limits.clone(),
        timings: timings.clone(),
    };
    let server = server::Config {
        handshake: Arc::new(handshake::server::Config::new(vec![rsa], 2)?),
        transport: transport::ServerOptions::default(),
        salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(1))), // drawn anew at each start
        limits: Arc::new(limits),
        timings,
    };
    Ok((Arc::new(client), Arc::new(server)))
}
