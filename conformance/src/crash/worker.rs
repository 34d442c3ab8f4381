//! A device as a process of its own: sends, and says what was acknowledged.
//!
//! On stdout: `A id text` for each acknowledged message, `Q` when nothing of its own is open any
//! more, `D` when the replica has reached a position, `E reason` for what must not happen. On
//! stdin: `quiet` ends the sending, `until PTS` waits for a position and ends the process.

use super::text;
use anyhow::Context as _;
use odnix_client_ref::{Client, Options, Patience};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_tl::odnix::types::User;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// What a device is told when it starts.
#[derive(Clone, Debug, clap::Args)]
pub struct WorkerOptions {
    /// Where the server listens.
    #[arg(long)]
    pub server: String,
    /// The server's public key.
    #[arg(long)]
    pub key: PathBuf,
    /// The folder of the replica.
    #[arg(long)]
    pub data: PathBuf,
    /// The first word of its messages.
    #[arg(long)]
    pub device: String,
    /// The how manieth process of this device it is.
    #[arg(long)]
    pub life: u32,
    /// To whom it writes.
    #[arg(long)]
    pub partner: String,
    /// Messages that may be unacknowledged.
    #[arg(long, default_value_t = 8)]
    pub window: u32,
    /// Pause after each message, in milliseconds.
    #[arg(long, default_value_t = 5)]
    pub pause_ms: u64,
}

/// Options of a client with this server, key and replica.
///
/// # Errors
/// The key cannot be read, or the address names no server.
pub fn client_options(server: &str, key: &Path, data: &Path) -> anyhow::Result<Options> {
    let pem = std::fs::read_to_string(key).with_context(|| key.display().to_string())?;
    let key = RsaPublicKey::from_pem(&pem)?;
    Ok(Options { patience: Patience::Endless, ..Options::new(server.parse()?, key, data) })
}

/// Runs until told to end, on one thread, so that messages leave in the order of their numbers.
///
/// # Errors
/// The client cannot go on.
pub fn run(options: &WorkerOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(options))
}

async fn work(options: &WorkerOptions) -> anyhow::Result<()> {
    let client =
        Client::open(client_options(&options.server, &options.key, &options.data)?).await?;
    let client = Arc::new(client);
    let partner = Arc::new(client.resolve(&options.partner).await?);
    let mut orders = orders();
    let open = Arc::new(Semaphore::new(options.window as usize));
    let mut number = 0;
    let until = loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order.as_deref() {
                Some("quiet") => {
                    open.acquire_many(options.window).await?.forget();
                    client.send_pending().await?;
                    println!("Q");
                }
                Some(order) => {
                    let pts = order.strip_prefix("until ").context("an unknown order")?;
                    break pts.parse::<i32>()?;
                }
                // Whoever started this process is gone.
                None => return Ok(()),
            },
            permit = Arc::clone(&open).acquire_owned() => {
                number += 1;
                let text = text(&options.device, options.life, number);
                let (client, partner) = (Arc::clone(&client), Arc::clone(&partner));
                let permit = permit?;
                tokio::spawn(async move {
                    send(&client, &partner, &text).await;
                    drop(permit);
                });
                tokio::time::sleep(Duration::from_millis(options.pause_ms)).await;
            }
        }
    };
    while client.replica(|replica| replica.checkpoint()).await?.pts < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("D");
    Ok(())
}

async fn send(client: &Client, partner: &User, text: &str) {
    match client.send_message(partner, text).await {
        Ok(sent) => println!("A {} {text}", sent.id),
        Err(error) => println!("E {text}: {error}"),
    }
}

/// The lines of stdin.
fn orders() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
