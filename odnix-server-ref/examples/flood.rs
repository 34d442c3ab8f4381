//! Measures what a flood of key exchanges does to the calls of a live session:
//! `cargo run --release -p odnix-server-ref --example flood`.
//!
//! A server in this process, without quotas, so that only its bounded queue of jobs is in the
//! way; one session that calls `help.echo`, one call after the other; and flooders, each of which
//! connects, solves pq, sends a `req_DH_params` whose block does not open, and begins again.
//! Their own work shares the processors with the server.
#![allow(clippy::print_stdout, reason = "a program that prints its result")]

#[path = "../tests/common/device.rs"]
#[allow(dead_code, missing_docs, reason = "written for the tests")]
mod device;
#[path = "../tests/common/flooder.rs"]
mod flooder;

use device::Device;
use flooder::{Flooder, req_dh_params};
use odnix_proto::error::CODE_FLOOD;
use odnix_server_ref::Server;
use odnix_server_ref::config::ServeOptions;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CALLS: usize = 2000;
const FLOODERS: usize = 32;
const WARM_UP: Duration = Duration::from_secs(1);

/// What became of the exchanges of the flood.
#[derive(Default)]
struct Count {
    tried: AtomicU64,
    refused: AtomicU64,
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(ServeOptions::loopback(folder.path())).await.expect("a server");
    let mut live = Device::over_tcp(&server).await;
    measure(&mut live, CALLS / 10).await;
    let quiet = measure(&mut live, CALLS).await;

    let count = Arc::new(Count::default());
    let flood: Vec<_> = (0..FLOODERS)
        .map(|_| tokio::spawn(flood(server.tcp_address(), Arc::clone(&count))))
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let before = (count.tried.load(Ordering::Relaxed), count.refused.load(Ordering::Relaxed));
    let since = Instant::now();
    let flooded = measure(&mut live, CALLS).await;
    let seconds = since.elapsed().as_secs_f64();
    let tried = count.tried.load(Ordering::Relaxed) - before.0;
    let refused = count.refused.load(Ordering::Relaxed) - before.1;
    flood.iter().for_each(tokio::task::JoinHandle::abort);

    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("|  | p50 | p99 |\n|---|---|---|");
    println!("| quiet | {:.2} ms | {:.2} ms |", millis(quiet.0), millis(quiet.1));
    println!("| flooded | {:.2} ms | {:.2} ms |", millis(flooded.0), millis(flooded.1));
    println!("p99 flooded / quiet: {:.2}", millis(flooded.1) / millis(quiet.1));
    println!(
        "exchanges of the flood: {:.0} a second tried, {:.0} a second refused",
        tried as f64 / seconds,
        refused as f64 / seconds
    );
}

/// p50 and p99 of calls, one after the other.
async fn measure(live: &mut Device, calls: usize) -> (Duration, Duration) {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let start = Instant::now();
        live.echo(b"how are you").await;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    (times[calls / 2], times[calls * 99 / 100])
}

/// Exchanges without end. A socket that breaks is one exchange less.
async fn flood(address: SocketAddr, count: Arc<Count>) {
    loop {
        match exchange(address).await {
            Ok(CODE_FLOOD) => count.refused.fetch_add(1, Ordering::Relaxed),
            Ok(_) => count.tried.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    }
}

async fn exchange(address: SocketAddr) -> std::io::Result<i32> {
    let mut flooder = Flooder::connect(address).await?;
    let offer = match flooder.req_pq([0x11; 16]).await? {
        Ok(offer) => offer,
        Err(code) => return Ok(code),
    };
    flooder.send(&req_dh_params(&offer)).await?;
    Ok(flooder.read().await?.err().unwrap_or_default())
}
