//! What a connection costs that is logged in and silent, and how long a server takes to start.

use super::numbers::resident_kib;
use super::serve::Process;
use anyhow::Context as _;
use odnix_client_ref::load::{Latencies, Light, sign_up};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Key exchanges at the same time.
const SET_UP_AT_ONCE: usize = 8;
/// The first of these pay for what all share.
const WARM_UP: usize = 100;

/// Logs in `connections` clients with an account each, and compares the server's memory with what
/// it was after the first hundred.
///
/// # Errors
/// The server or a client fails.
pub async fn memory(server: &Process, connections: usize) -> anyhow::Result<Value> {
    let mut clients = JoinSet::new();
    log_in(server, 0..WARM_UP, &mut clients).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = resident_kib(server.id())?;
    log_in(server, WARM_UP..WARM_UP + connections, &mut clients).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = resident_kib(server.id())?;
    clients.abort_all();
    Ok(json!({
        "connections": connections,
        "resident_kib_before": before,
        "resident_kib_after": after,
        "kib_per_connection": after.saturating_sub(before) as f64 / connections as f64,
    }))
}

async fn log_in(
    server: &Process,
    numbers: std::ops::Range<usize>,
    clients: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let turns = Arc::new(Semaphore::new(SET_UP_AT_ONCE));
    let mut log_ins = JoinSet::new();
    for number in numbers {
        let (target, turns) = (server.target.clone(), Arc::clone(&turns));
        log_ins.spawn(async move {
            let _turn = turns.acquire().await?;
            let mut light = Light::connect(&target).await?;
            light.call(&sign_up(&format!("idle{number}"))).await?;
            anyhow::Ok(light)
        });
    }
    while let Some(light) = log_ins.join_next().await {
        let mut light = light??;
        clients.spawn(async move {
            loop {
                light.turn().await?;
            }
        });
    }
    Ok(())
}

/// Starts the `odnix-server` program a few times on data that exists, each until it listens.
///
/// # Errors
/// It does not start.
pub fn cold_start(program: &Path, folder: &Path, starts: usize) -> anyhow::Result<Value> {
    let mut times = Latencies::default();
    for number in 0..=starts {
        let start = Instant::now();
        let mut child = Command::new(program)
            .args(["serve", "--ws", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        // The first one makes the key.
        if number > 0 {
            times.record(start.elapsed());
        }
        child.kill()?;
        child.wait()?;
        anyhow::ensure!(line.contains("\"ready\":true"), "the server does not start: {line}");
    }
    Ok(json!({
        "starts": starts,
        "p50_ms": times.quantile_ms(0.5),
        "slowest_ms": times.max_ms(),
    }))
}
