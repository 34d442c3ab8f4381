//! Pairs of users, each with one sender and one receiver: messages a second, latencies, and what
//! a message costs the server.

use super::light::Light;
use super::numbers::{cpu_seconds, percentile_ms};
use super::serve::Process;
use super::{full_client, message, sign_up};
use anyhow::Context as _;
use odnix_client_ref::{Client, ClientEvent, input_peer};
use odnix_tl::Decode as _;
use odnix_tl::odnix::{enums, enums::Update, functions};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, broadcast::error::RecvError};
use tokio::task::JoinSet;

/// Accounts made at the same time.
const SET_UP_AT_ONCE: usize = 8;
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// Length of a text.
const TEXT_BYTES: usize = 64;

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Pairs of a sender and a receiver.
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Messages of one sender that may be unanswered.
    #[arg(long, default_value_t = 32)]
    pub window: usize,
    /// Messages a second of each sender, whatever the window; 0 for as many as possible.
    #[arg(long, default_value_t = 0)]
    pub rate: u32,
    /// Receivers that are whole clients with a replica; the others only count.
    #[arg(long, default_value_t = 1)]
    pub full: usize,
}

/// What the tasks share.
struct Shared {
    origin: Instant,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    received: AtomicU64,
}

/// When each came, and how long it took.
type Times = Vec<(Instant, Duration)>;

/// Measures. The JSON has one field for each figure.
///
/// # Errors
/// The server or a client fails.
pub async fn run(server: &mut Process, folder: &Path, load: &Load) -> anyhow::Result<Value> {
    let shared = Arc::new(Shared {
        origin: Instant::now(),
        stop: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
        received: AtomicU64::new(0),
    });
    let (mut senders, mut light, mut full) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    for pair in set_up(server, folder, load).await? {
        senders.spawn(send(pair.sender, pair.to, load.clone(), Arc::clone(&shared)));
        match pair.receiver {
            Receiver::Light(it) => light.spawn(receive(*it, Arc::clone(&shared))),
            Receiver::Full(it) => full.spawn(follow(it, Arc::clone(&shared))),
        };
    }
    tokio::time::sleep(WARM_UP).await;
    let before = snapshot(server, &shared)?;
    tokio::time::sleep(Duration::from_secs(load.seconds)).await;
    let after = snapshot(server, &shared)?;
    shared.stop.store(true, Ordering::Release);
    let span = before.at..after.at;
    let mut answers = collect(senders, &span).await?;
    let mut pushes = collect(light, &span).await?;
    let mut replicas = collect(full, &span).await?;
    let messages = (after.acknowledged - before.acknowledged) as f64;
    let seconds = (after.at - before.at).as_secs_f64();
    let times = |times: &mut Vec<Duration>| {
        json!({
            "count": times.len(),
            "p50_ms": percentile_ms(times, 0.50),
            "p99_ms": percentile_ms(times, 0.99),
        })
    };
    Ok(json!({
        "connections": load.connections,
        "window": load.window,
        "rate": load.rate,
        "full_receivers": load.full,
        "seconds": seconds,
        "messages": messages,
        "messages_per_second": messages / seconds,
        "received_per_second": (after.received - before.received) as f64 / seconds,
        "sender_to_answer": times(&mut answers),
        "sender_to_push": times(&mut pushes),
        "sender_to_replica": times(&mut replicas),
        "cpu_seconds_per_1000": (after.cpu - before.cpu) / messages * 1000.0,
        "server_cores": (after.cpu - before.cpu) / seconds,
        "commits_per_message": (after.commits - before.commits) as f64 / messages,
    }))
}

struct Snapshot {
    at: Instant,
    acknowledged: u64,
    received: u64,
    cpu: f64,
    commits: u64,
}

fn snapshot(server: &mut Process, shared: &Shared) -> anyhow::Result<Snapshot> {
    Ok(Snapshot {
        at: Instant::now(),
        acknowledged: shared.acknowledged.load(Ordering::Acquire),
        received: shared.received.load(Ordering::Acquire),
        cpu: cpu_seconds(server.id())?,
        commits: server.commits()?,
    })
}

async fn collect(
    mut tasks: JoinSet<anyhow::Result<Times>>,
    span: &std::ops::Range<Instant>,
) -> anyhow::Result<Vec<Duration>> {
    let mut all = Vec::new();
    while let Some(times) = tasks.join_next().await {
        let inside = times??.into_iter().filter(|(at, _)| span.contains(at));
        all.extend(inside.map(|(_, time)| time));
    }
    Ok(all)
}

enum Receiver {
    Light(Box<Light>),
    Full(Client),
}

struct Pair {
    sender: Light,
    to: enums::InputPeer,
    receiver: Receiver,
}

async fn set_up(server: &Process, folder: &Path, load: &Load) -> anyhow::Result<Vec<Pair>> {
    let (tcp, key) = (server.tcp, server.key.clone());
    let turns = Arc::new(Semaphore::new(SET_UP_AT_ONCE));
    let mut pairs = JoinSet::new();
    for number in 0..load.connections {
        let (key, turns) = (key.clone(), Arc::clone(&turns));
        let whole = if number < load.full {
            Some(full_client(server, &folder.join(format!("receiver{number}")))?)
        } else {
            None
        };
        pairs.spawn(async move {
            let _turn = turns.acquire().await?;
            let name = format!("receiver{number}");
            let receiver = match whole {
                Some(options) => {
                    let client = Client::open(options).await?;
                    client.sign_up(&name, "a password", &name).await?;
                    Receiver::Full(client)
                }
                None => {
                    let mut light = Light::connect(tcp, key.clone()).await?;
                    light.call(&sign_up(&name)).await?;
                    Receiver::Light(Box::new(light))
                }
            };
            let mut sender = Light::connect(tcp, key).await?;
            sender.call(&sign_up(&format!("sender{number}"))).await?;
            let find = functions::contacts::ResolveUsername { username: name };
            let found = sender.call(&find).await?;
            let to = input_peer(found.users.first().context("nobody of that name")?);
            anyhow::Ok(Pair { sender, to, receiver })
        });
    }
    let mut ready = Vec::new();
    while let Some(pair) = pairs.join_next().await {
        ready.push(pair??);
    }
    Ok(ready)
}

/// Sends until told to stop, then waits for the open answers.
async fn send(
    mut sender: Light,
    to: enums::InputPeer,
    load: Load,
    shared: Arc<Shared>,
) -> anyhow::Result<Times> {
    let mut times = Times::new();
    let mut open = HashMap::new();
    let mut random_id = 0_i64;
    let step = (load.rate > 0).then(|| Duration::from_secs(1) / load.rate);
    let mut next = Instant::now();
    loop {
        let stop = shared.stop.load(Ordering::Acquire);
        while !stop && due(step, next, open.len(), load.window) {
            // At a fixed rate the clock starts when the message should have left.
            let start = step.map_or_else(Instant::now, |_| next);
            random_id += 1;
            let text = stamp(start.saturating_duration_since(shared.origin));
            open.insert(sender.begin(&message(&to, text, random_id))?, start);
            next += step.unwrap_or_default();
        }
        if stop && open.is_empty() {
            return Ok(times);
        }
        sender.turn(step.map(|_| next)).await?;
        while let Some((call, result)) = sender.replies.pop_front() {
            result.map_err(|error| anyhow::anyhow!("a message is refused: {error:?}"))?;
            let start = open.remove(&call).context("an answer to nothing")?;
            shared.acknowledged.fetch_add(1, Ordering::AcqRel);
            times.push((Instant::now(), start.elapsed()));
        }
    }
}

fn due(step: Option<Duration>, next: Instant, open: usize, window: usize) -> bool {
    match step {
        Some(_) => Instant::now() >= next,
        None => open < window,
    }
}

/// A text that tells when its message should have left.
fn stamp(since_origin: Duration) -> String {
    let mut text = since_origin.as_nanos().to_string();
    text.push(' ');
    while text.len() < TEXT_BYTES {
        text.push('x');
    }
    text
}

/// When the message of this text should have left.
fn start_of(text: &str, origin: Instant) -> Option<Instant> {
    let nanos = text.split(' ').next()?.parse().ok()?;
    Some(origin + Duration::from_nanos(nanos))
}

async fn receive(mut light: Light, shared: Arc<Shared>) -> anyhow::Result<Times> {
    let mut times = Times::new();
    while !shared.stop.load(Ordering::Acquire) {
        light.turn(Some(Instant::now() + Duration::from_millis(200))).await?;
        let now = Instant::now();
        while let Some(body) = light.updates.pop_front() {
            for update in updates_of(enums::Updates::from_bytes(body)?) {
                let Update::UpdateNewMessage(new) = update else { continue };
                shared.received.fetch_add(1, Ordering::AcqRel);
                let start = start_of(&new.message.message, shared.origin);
                times.extend(start.map(|start| (now, now - start)));
            }
        }
    }
    Ok(times)
}

fn updates_of(updates: enums::Updates) -> Vec<Update> {
    match updates {
        enums::Updates::UpdatesTooLong => Vec::new(),
        enums::Updates::UpdateShort(short) => vec![short.update],
        enums::Updates::Updates(full) => full.updates,
    }
}

/// The client tells of messages once they are committed to its replica.
async fn follow(client: Client, shared: Arc<Shared>) -> anyhow::Result<Times> {
    let mut times = Times::new();
    let mut events = client.subscribe();
    let mut arrival = 0;
    while !shared.stop.load(Ordering::Acquire) {
        let event = tokio::time::timeout(Duration::from_millis(200), events.recv()).await;
        match event {
            Ok(Ok(ClientEvent::Stored { .. }) | Err(RecvError::Lagged(_))) => {}
            Ok(Ok(_)) | Err(_) => continue,
            Ok(Err(RecvError::Closed)) => break,
        }
        let now = Instant::now();
        let rows = client.replica(move |replica| replica.arrived_after(arrival, 10_000)).await?;
        for (number, row) in rows {
            arrival = number;
            shared.received.fetch_add(1, Ordering::AcqRel);
            let start = start_of(&row.text, shared.origin);
            times.extend(start.map(|start| (now, now.saturating_duration_since(start))));
        }
    }
    Ok(times)
}
