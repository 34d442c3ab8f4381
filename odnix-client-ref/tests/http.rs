//! The client over HTTP against the reference server.

mod common;

use common::{House, event};
use odnix_client_ref::{ClientEvent, Options, ProbeOptions, Wire, probe};
use std::time::Duration;

fn url(house: &House) -> String {
    format!("http://{}/api", house.server.tcp_address())
}

fn over_http(house: &House, device: &str) -> Options {
    Options { server: url(house).parse().expect("address"), ..house.options(device) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_over_http_goes_through_every_step() {
    let house = House::new().await;
    let options = ProbeOptions {
        server: url(&house).parse().expect("address"),
        server_key: house.key(),
        dc: 2,
        wire: Wire::default(),
        pfs: true,
        pings: 3,
        rpc: None,
        timeout: Duration::from_secs(60),
    };
    let report = probe(&options).await;
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.round_trips.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_not_served_is_refused_without_losing_the_key() {
    let house = House::new().await;
    let server = format!("http://{}/elsewhere", house.server.tcp_address());
    let options = ProbeOptions {
        server: server.parse().expect("address"),
        server_key: house.key(),
        dc: 2,
        wire: Wire::default(),
        pfs: false,
        pings: 0,
        rpc: None,
        timeout: Duration::from_secs(60),
    };
    let report = probe(&options).await;
    let last = report.steps.last().expect("a step");
    assert!(!last.ok && last.outcome.contains("-405"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_arrive_over_http_without_being_asked_for() {
    let house = House::new().await;
    let alice = house.sign_up_with("alice", over_http(&house, "alice")).await;
    let bob = house.sign_up_with("bob", over_http(&house, "bob")).await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    house.converge(&bob).await;
    let mut events = bob.subscribe();
    for number in 0..10 {
        let text = format!("push {number}");
        alice.send_message(&to_bob, &text).await.expect("sent");
        let arrived = event(&mut events, |event| match event {
            ClientEvent::Stored { messages, .. } => Some(*messages),
            _ => None,
        });
        assert_eq!(arrived.await, 1, "{text}");
    }
    bob.cut().await;
    alice.send_message(&to_bob, "while away").await.expect("sent");
    house.converge(&alice).await;
    house.converge(&bob).await;
    alice.shutdown().await;
    bob.shutdown().await;
}
