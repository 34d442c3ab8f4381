//! Temporary keys over real sockets: what an observer of the wire sees, and what a user loses when
//! the server forgets a key, which is nothing.

mod common;

use common::{House, event};
use odnix_client_ref::{Client, ClientEvent, ProbeOptions, ServerAddress, Wire, probe};
use odnix_proto::AuthKeyId;
use odnix_proto::client::TemporaryKeyLoss;
use odnix_tl::odnix::functions::auth::DropTempAuthKeys;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Stands between a client and its server, and keeps every byte of both directions.
struct Wiretap {
    address: String,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address").to_string();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let tape = Arc::clone(&bytes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(copy(from_client, to_server, Arc::clone(&tape)));
                tokio::spawn(copy(from_server, to_client, Arc::clone(&tape)));
            }
        });
        Self { address, bytes }
    }

    fn saw(&self, id: AuthKeyId) -> bool {
        let bytes = self.bytes.lock().expect("tape");
        bytes.windows(8).any(|window| window == id.to_bytes())
    }
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    tape: Arc<Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(len @ 1..) = from.read(&mut buffer).await {
        tape.lock().expect("tape").extend_from_slice(&buffer[..len]);
        if to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
}

async fn device_key_id(client: &Client) -> AuthKeyId {
    let key = client.replica(|replica| replica.device_key()).await.expect("replica");
    key.expect("a key").auth_key.id()
}

fn bound(event: &ClientEvent) -> Option<AuthKeyId> {
    match event {
        ClientEvent::TemporaryKeyBound { key_id, .. } => Some(*key_id),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn observer_of_the_wire_never_sees_the_id_of_the_devices_key() {
    let house = House::new().await;
    for pfs in [true, false] {
        let tap = Wiretap::before(house.server.tcp_address().to_string()).await;
        let name = if pfs { "alice" } else { "bob" };
        let mut options = house.options(name);
        options.server = tap.address.parse().expect("address");
        options.pfs = options.pfs.filter(|_| pfs);
        let client = house.sign_up_with(name, options.clone()).await;
        client.cut().await;
        client.in_step().await.expect("in step");
        let key_id = device_key_id(&client).await;
        client.shutdown().await;
        // The next run knows the key from its file.
        let client = common::open(options).await;
        client.in_step().await.expect("in step");
        assert_eq!(device_key_id(&client).await, key_id);
        assert_eq!(tap.saw(key_id), !pfs, "with temporary keys: {pfs}");
        client.shutdown().await;
    }
    house.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_the_server_forgot_costs_no_message() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    let key_id = device_key_id(&alice).await;
    for round in 0..3 {
        let mut events = alice.subscribe();
        let (drop_all, text) =
            (DropTempAuthKeys { except_auth_keys: Vec::new() }, format!("message {round}"));
        let (dropped, sent) =
            tokio::join!(alice.call(&drop_all), alice.send_message(&to_bob, &text));
        assert!(dropped.expect("dropped"));
        sent.expect("sent");
        let lost = event(&mut events, |event| match event {
            ClientEvent::TemporaryKeyLost { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert_eq!(lost.await, TemporaryKeyLoss::Unknown);
        event(&mut events, bound).await;
    }
    house.converge(&alice).await;
    house.converge(&bob).await;
    let rows = bob.replica(|replica| replica.arrived_after(0, 100)).await.expect("rows");
    let texts: Vec<String> = rows.into_iter().map(|(_, row)| row.text).collect();
    assert_eq!(texts, ["message 0", "message 1", "message 2"], "once each, in order");
    assert_eq!(device_key_id(&alice).await, key_id, "the device's key is the same");
    alice.shutdown().await;
    bob.shutdown().await;
    house.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_keys_end_with_the_server_and_the_login_does_not() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let mut events = alice.subscribe();
    let house = house.restart(|_| {}).await;
    event(&mut events, bound).await;
    assert_eq!(alice.own_user().await.expect("signed in").username, "alice");
    house.converge(&alice).await;
    alice.shutdown().await;
    house.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_goes_through_the_life_of_a_temporary_key() {
    let house = House::new().await;
    let options = ProbeOptions {
        server: ServerAddress::Tcp(house.server.tcp_address().to_string()),
        server_key: house.key(),
        dc: 2,
        wire: Wire::default(),
        pfs: true,
        pings: 1,
        rpc: None,
        timeout: Duration::from_secs(60),
    };
    let report = probe(&options).await;
    let steps: Vec<(&str, bool)> = report.steps.iter().map(|step| (step.name, step.ok)).collect();
    let expected = [
        "connect",
        "key_exchange",
        "temporary_key",
        "binding",
        "future_salts",
        "clock",
        "ping",
        "call",
        "drop",
    ];
    assert_eq!(steps, expected.map(|name| (name, true)), "{report:?}");
    assert_ne!(report.temporary_key_id, report.auth_key_id);
    house.server.shutdown().await;
}
