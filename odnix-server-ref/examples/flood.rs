//! Measures what a flood of key exchanges does to the calls of a live session:
//! `cargo run --release -p odnix-server-ref --example flood`.
//!
//! A server in this process, without quotas, so that only its bounded queue of jobs is in the
//! way; one session that calls `help.echo`, one call after the other; and a flood of
//! clients, each of which connects, solves pq and sends a `req_DH_params` whose block does not open.
//! Its own work shares the processors with the server.
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
/// Ten times the exchanges that one processor completes in a second (docs/performance.md).
const EXCHANGES_PER_SECOND: u32 = 700;
const WARM_UP: Duration = Duration::from_secs(1);

/// What became of the exchanges of the flood.
#[derive(Default)]
struct Count {
    tried: AtomicU64,
    refused: AtomicU64,
}

/// The session, the server and the flooders each have threads of their own, as they would have
/// machines of their own; only the processors are shared.
fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = tokio::runtime::Runtime::new().expect("threads for the server");
    let options = ServeOptions::loopback(folder.path());
    let server = servers.block_on(Server::start(options)).expect("a server");
    let address = server.tcp_address();
    let lives = one_thread();
    let mut live = lives.block_on(Device::over_tcp(&server));
    lives.block_on(measure(&mut live, CALLS / 10));
    let quiet = lives.block_on(measure(&mut live, CALLS));

    let count = Arc::new(Count::default());
    let flooding = Arc::clone(&count);
    std::thread::spawn(move || {
        one_thread().block_on(flood(address, &flooding));
    });
    std::thread::sleep(WARM_UP);
    let read = |count: &Count| {
        (count.tried.load(Ordering::Relaxed), count.refused.load(Ordering::Relaxed))
    };
    let (before, since) = (read(&count), Instant::now());
    let flooded = lives.block_on(measure(&mut live, CALLS));
    let (after, seconds) = (read(&count), since.elapsed().as_secs_f64());

    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("|  | p50 | p99 |\n|---|---|---|");
    println!("| quiet | {:.2} ms | {:.2} ms |", millis(quiet.0), millis(quiet.1));
    println!("| flooded | {:.2} ms | {:.2} ms |", millis(flooded.0), millis(flooded.1));
    println!("p99 flooded / quiet: {:.2}", millis(flooded.1) / millis(quiet.1));
    println!(
        "exchanges of the flood: {:.0} a second tried, {:.0} a second refused",
        (after.0 - before.0) as f64 / seconds,
        (after.1 - before.1) as f64 / seconds
    );
}

fn one_thread() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
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

/// Exchanges without end, at their rate whatever becomes of them.
async fn flood(address: SocketAddr, count: &Arc<Count>) {
    let mut turn = tokio::time::interval(Duration::from_secs(1) / EXCHANGES_PER_SECOND);
    loop {
        turn.tick().await;
        let count = Arc::clone(count);
        tokio::spawn(async move {
            match exchange(address).await {
                Ok(CODE_FLOOD) => count.refused.fetch_add(1, Ordering::Relaxed),
                Ok(_) => count.tried.fetch_add(1, Ordering::Relaxed),
                // A socket that broke is one exchange less.
                Err(_) => 0,
            };
        });
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
