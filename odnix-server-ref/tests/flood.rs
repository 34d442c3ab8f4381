//! Floods of key exchanges: bounded, refused with −429, and no matter to those who are live.

mod common;
#[path = "common/flooder.rs"]
mod flooder;

use bytes::Bytes;
use common::device::Device;
use flooder::{Flooder, req_dh_params};
use odnix_proto::error::{CODE_FLOOD, CODE_NOT_FOUND};
use odnix_server_ref::config::{Quota, ServeOptions};
use odnix_server_ref::{Running, Server};
use odnix_tl::Decode;
use odnix_tl::odnix::functions;
use std::num::NonZeroU32;
use tempfile::TempDir;

async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(folder.path());
    change(&mut options);
    let server = Server::start(options).await.unwrap();
    (folder, server)
}

fn echo(number: u32) -> functions::help::Echo {
    functions::help::Echo { data: Bytes::copy_from_slice(&number.to_le_bytes()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_key_exchanges_is_refused_and_live_calls_are_answered_in_order() {
    const FLOODERS: usize = 64;
    let (_folder, server) = start_with(|options| options.gateway.jobs_waiting_max = 1).await;
    let mut live = Device::over_tcp(&server).await;

    let mut flooders = Vec::new();
    for _ in 0..FLOODERS {
        let mut flooder = Flooder::connect(server.tcp_address()).await.unwrap();
        let offer = flooder.req_pq([0x11; 16]).await.unwrap().unwrap();
        flooders.push((flooder, req_dh_params(&offer)));
    }
    // All of them at once, and the calls behind them.
    for (flooder, request) in &mut flooders {
        flooder.send(request).await.unwrap();
    }
    let calls: Vec<_> = (0..50).map(|number| live.begin(&echo(number))).collect();
    for (number, call) in (0_u32..).zip(calls) {
        let reply = live.finish(call).await.unwrap();
        let reply = odnix_tl::odnix::types::help::Echoed::from_bytes(reply).unwrap();
        assert_eq!(reply.data[..], number.to_le_bytes());
    }

    let (mut tried, mut refused) = (0, 0);
    for (flooder, _) in &mut flooders {
        match flooder.read().await.unwrap() {
            Err(CODE_NOT_FOUND) => tried += 1,
            Err(CODE_FLOOD) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tried + refused, FLOODERS);
    assert!(tried > 0, "the queue has some room");
    assert!(refused > 0, "the queue ends");

    // Afterwards there is room again.
    let mut next = Device::over_tcp(&server).await;
    next.echo(b"after the flood").await;
    live.echo(b"still here").await;
}

#[tokio::test]
async fn req_pq_beyond_the_quota_of_an_address_is_told_so() {
    let (_folder, server) = start_with(|options| {
        options.quota = Quota { handshakes_per_minute: NonZeroU32::new(4), ..Quota::UNLIMITED };
    })
    .await;
    let mut live = Device::over_tcp(&server).await;
    let mut one = Flooder::connect(server.tcp_address()).await.unwrap();
    let first = one.req_pq([1; 16]).await.unwrap().unwrap();
    for _ in 0..5 {
        let again = one.req_pq([1; 16]).await.unwrap().unwrap();
        assert_eq!(again, first, "an exact repeat begins nothing");
    }
    let mut two = Flooder::connect(server.tcp_address()).await.unwrap();
    for number in [2, 3] {
        two.req_pq([number; 16]).await.unwrap().unwrap();
    }
    assert!(refused(one.req_pq([4; 16]).await.unwrap(), &mut one).await);
    assert!(refused(two.req_pq([5; 16]).await.unwrap(), &mut two).await);
    live.echo(b"not my quota").await;
}

/// Whether −429 comes, perhaps behind one more answer.
async fn refused(
    answer: Result<odnix_tl::mtproto::types::ResPq, i32>,
    flooder: &mut Flooder,
) -> bool {
    match answer {
        Err(code) => code == CODE_FLOOD,
        Ok(_) => flooder.read().await.unwrap() == Err(CODE_FLOOD),
    }
}
