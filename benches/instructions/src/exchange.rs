//! One key exchange, of which the server's calls and jobs are counted.

use crate::counted;
use crate::link::KEY_PEM;
use bytes::BytesMut;
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::handshake::{client, server};
use odnix_proto::{Instant, Now, Seed, UnixTime};
use std::sync::Arc;

pub fn server_share(times: u32) {
    let rsa = Arc::new(RsaPrivateKey::from_pem(KEY_PEM).expect("a fixture"));
    let keys = vec![rsa.public().clone()];
    let client = Arc::new(client::Config::new(keys, 2).expect("one key"));
    let server = Arc::new(server::Config::new(vec![rsa], 2).expect("one key"));
    // The first one, uncounted, makes what all others share.
    for counts in 0..=times {
        let client = client::Handshake::new(Arc::clone(&client), Seed::for_testing(1));
        let server = server::Handshake::new(Arc::clone(&server), Seed::for_testing(2));
        exchange(client, server, counts > 0);
    }
}

fn exchange(mut client: client::Handshake, mut server: server::Handshake, counts: bool) {
    let now = Now::new(Instant::from_micros(1), UnixTime::from_secs(1_800_000_000));
    loop {
        let mut up = BytesMut::new();
        client.poll_transmit(now, &mut up);
        let mut serve = || serve(&mut server, now, std::mem::take(&mut up));
        let down = if counts { counted(serve) } else { serve() };
        if !down.is_empty() {
            client.handle_packet(now, down.freeze()).expect("an honest server");
        }
        while let Some(event) = client.poll_event() {
            match event {
                client::Event::Work(job) => client.complete(now, job.run()).expect("honest"),
                _ => return,
            }
        }
    }
}

fn serve(server: &mut server::Handshake, now: Now, up: BytesMut) -> BytesMut {
    if !up.is_empty() {
        server.handle_packet(now, up.freeze()).expect("an honest client");
    }
    while let Some(event) = server.poll_event() {
        match event {
            server::Event::Work(job) => server.complete(now, job.run()).expect("honest"),
            server::Event::KeyProposed(key) => {
                let stored = server::KeyStored::Stored;
                server.key_stored(now, key.auth_key.id(), stored).expect("just proposed");
            }
            _ => {}
        }
    }
    let mut down = BytesMut::new();
    server.poll_transmit(now, &mut down);
    down
}
