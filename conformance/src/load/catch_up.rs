//! A device that slept: how fast the log reaches its replica.

use super::serve::Process;
use anyhow::Context as _;
use odnix_client_ref::load::{Light, message, sign_up};
use odnix_client_ref::{Client, input_peer};
use odnix_tl::odnix::functions;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Unanswered messages while the log is filled.
const WINDOW: usize = 64;

/// Lets a device sleep through `updates` messages, then measures until its replica has them all.
///
/// # Errors
/// The server or a client fails.
pub async fn run(server: &Process, folder: &Path, updates: u32) -> anyhow::Result<Value> {
    let options = server.client(&folder.join("sleeper"));
    let client = Client::open(options.clone()).await?;
    client.sign_up("sleeper", "a password", "Sleeper").await?;
    client.in_step().await?;
    client.shutdown().await;

    let mut sender = Light::connect(&server.target).await?;
    sender.call(&sign_up("writer")).await?;
    let find = functions::contacts::ResolveUsername { username: "sleeper".to_owned() };
    let found = sender.call(&find).await?;
    let to = input_peer(found.users.first().context("nobody of that name")?);
    let filling = Instant::now();
    let (mut sent, mut open) = (0, 0);
    while sent < updates || open > 0 {
        while sent < updates && open < WINDOW {
            sent += 1;
            let text = format!("message {sent} of those that were slept through");
            sender.begin(&message(&to, text, i64::from(sent)))?;
            open += 1;
        }
        sender.turn().await?;
        while let Some((_, result)) = sender.replies.pop_front() {
            result.map_err(|error| anyhow::anyhow!("a message is refused: {error:?}"))?;
            open -= 1;
        }
    }
    let filled = filling.elapsed().as_secs_f64();

    let start = Instant::now();
    let client = Client::open(options).await?;
    let expected = i64::from(updates);
    while client.replica(|replica| replica.message_count()).await? < expected {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    client.shutdown().await;
    Ok(json!({
        "updates": updates,
        "seconds_to_fill": filled,
        "seconds": seconds,
        "updates_per_second": f64::from(updates) / seconds,
    }))
}
