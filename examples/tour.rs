//! The whole system at work, over real sockets with a real database:
//! `cargo run --release --example tour`.
//!
//! Starts a server on loopback. Alice has a phone and a laptop, Bob a phone. Every line of a text
//! goes from Alice to Bob and back, while Alice's laptop sleeps through half of it, Alice's
//! phone loses its connection, and one update on its way to Bob is thrown away. At the end each
//! replica must equal the server's log, digest by digest, and each line must have arrived
//! exactly once and in order; the program exits with 1 if not.
//!
//! Then the two make a group: Bob writes to it without a connection, Alice edits a message and sees
//! that Bob has read it, and her laptop returns after more updates than one answer holds.
//!
//! The devices use temporary keys. Everything that Alice's phone sends and receives is recorded on
//! the way: the id of its permanent key must appear nowhere in it. And the server is made to forget
//! the phone's temporary key in the middle of the traffic, which must cost nothing but a moment.

#[path = "tour/group.rs"]
mod group;

use anyhow::{Context as _, ensure};
use clap::Parser;
use futures_util::stream::{self, StreamExt as _};
use odnix_client_ref::replica::{Digest, MailboxModel, MessageRow};
use odnix_client_ref::{
    CallError, Client, ClientEvent, Options, ProbeOptions, ServerAddress, Wire, probe,
};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::{Running, Server};
use odnix_tl::odnix::functions::auth::DropTempAuthKeys;
use odnix_tl::odnix::{enums::Update, types};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Messages on their way at once, in each direction.
const WINDOW: usize = 32;
/// Key exchanges measured, and how many of them at once.
const HANDSHAKES: usize = 40;
const HANDSHAKES_AT_ONCE: usize = 4;
/// The longest message the server takes, in characters.
const MESSAGE_CHARS_MAX: usize = 4096;
/// How long the replicas may take to catch up at the end.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);

#[derive(Parser)]
#[command(about = "Two people, three devices, one server: every line there and back")]
struct Arguments {
    /// A UTF-8 text; each line that is not blank becomes a message
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/client.md"))]
    messages: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let lines = Arc::new(read_lines(&arguments.messages)?);
    let folder = tempfile::tempdir()?;
    let story = Story { started: Instant::now() };
    let server = start_server(story, folder.path()).await?;

    let handshakes_per_second = measure_handshakes(story, &server).await?;
    let cast = Cast::sign_up(story, &server, folder.path()).await?;
    story.tell("tour", &format!("{} lines go from Alice to Bob and back", lines.len()));
    let traffic = cast.talk(story, &lines).await?;
    let verdict = cast.compare(story, folder.path(), &lines).await?;
    let verdict = verdict && group::scene(&cast, story, folder.path()).await?;
    let hidden = cast.look_at_the_wire(story).await?;
    story.tell("numbers", &format!("{handshakes_per_second:.0} handshakes/s"));
    story.tell("numbers", &traffic.to_string());

    cast.leave().await;
    server.shutdown().await;
    ensure!(verdict, "a replica differs from the server's log");
    ensure!(hidden, "the id of a permanent key crossed the wire");
    story.tell("tour", "every replica equals the server's log");
    Ok(())
}

/// The lines to send: blank ones are no messages, very long ones become several.
fn read_lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {} as UTF-8 text", path.display()))?;
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let chars: Vec<char> = line.chars().collect();
        lines.extend(chars.chunks(MESSAGE_CHARS_MAX).map(|part| part.iter().collect::<String>()));
    }
    lines.retain(|line| !line.trim().is_empty());
    ensure!(!lines.is_empty(), "{} has no line to send", path.display());
    Ok(lines)
}

/// Tells what happens, with the time since the start.
#[derive(Clone, Copy)]
struct Story {
    started: Instant,
}

impl Story {
    fn tell(self, who: &str, what: &str) {
        println!("{:>9.3} s  {who:<14} {what}", self.started.elapsed().as_secs_f64());
    }

    /// Tells what happens to a device, from now on.
    fn follow(self, who: &'static str, client: &Client) {
        let mut events = client.subscribe();
        let mut lost = false;
        tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => {
                        lost |= matches!(event, ClientEvent::PushLost { .. });
                        if let ClientEvent::DifferenceRequested { from_pts } = event
                            && std::mem::take(&mut lost)
                        {
                            let gap = format!("gap: nothing that follows pts {from_pts} in 0.5 s");
                            self.tell(who, &gap);
                        }
                        if let Some(what) = describe(&event) {
                            self.tell(who, &what);
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                }
            }
        });
    }
}

/// The events worth telling.
fn describe(event: &ClientEvent) -> Option<String> {
    match event {
        ClientEvent::KeyCreated { key_id, elapsed } => Some(format!(
            "handshake: permanent key {key_id} agreed on in {:.1} ms, connecting included",
            elapsed.as_secs_f64() * 1e3
        )),
        ClientEvent::TemporaryKeyBound { key_id, .. } => {
            Some(format!("temporary key {key_id} bound: packets travel under it from now on"))
        }
        ClientEvent::TemporaryKeyLost { key_id, reason } => {
            Some(format!("temporary key {key_id} is gone ({reason:?})"))
        }
        ClientEvent::Connected { address } => Some(format!("connected to {address}")),
        ClientEvent::Disconnected { reason, .. } => Some(format!("connection lost: {reason}")),
        ClientEvent::Paused => Some("falls asleep".to_owned()),
        ClientEvent::PushLost { pts } => {
            Some(format!("the update with pts {pts} is lost on purpose"))
        }
        ClientEvent::DifferenceRequested { from_pts } => {
            Some(format!("getDifference from pts {from_pts}"))
        }
        ClientEvent::DifferenceApplied { from_pts, to_pts, updates } => {
            Some(format!("caught up by {updates} updates: pts {from_pts} -> {to_pts}"))
        }
        ClientEvent::SignedOut => Some("is signed out".to_owned()),
        _ => None,
    }
}

async fn start_server(story: Story, folder: &Path) -> anyhow::Result<Running> {
    story.tell("server", "makes its RSA key and its database");
    let server = Server::start(ServeOptions::loopback(folder.join("server"))).await?;
    let (tcp, fingerprint) = (server.tcp_address(), server.fingerprint());
    story.tell("server", &format!("listens on {tcp} and {}, key {fingerprint}", server.ws_url()));
    Ok(server)
}

fn public_key(server: &Running) -> anyhow::Result<RsaPublicKey> {
    Ok(RsaPublicKey::from_pem(&std::fs::read_to_string(server.public_key())?)?)
}

/// Complete key exchanges, client's and server's arithmetic on the same processors.
async fn measure_handshakes(story: Story, server: &Running) -> anyhow::Result<f64> {
    let options = ProbeOptions {
        server: ServerAddress::Tcp(server.tcp_address().to_string()),
        server_key: public_key(server)?,
        dc: 2,
        wire: Wire::default(),
        pfs: false,
        pings: 0,
        rpc: None,
        timeout: Duration::from_secs(30),
    };
    let begun = Instant::now();
    let reports = stream::iter(0..HANDSHAKES).map(|_| probe(&options));
    let reports: Vec<_> = reports.buffer_unordered(HANDSHAKES_AT_ONCE).collect().await;
    let elapsed = begun.elapsed();
    ensure!(reports.iter().all(odnix_client_ref::ProbeReport::is_ok), "a handshake failed");
    story.tell("tour", &format!("{HANDSHAKES} handshakes, {HANDSHAKES_AT_ONCE} at a time"));
    Ok(HANDSHAKES as f64 / elapsed.as_secs_f64())
}

/// Stands between a client and the server, and keeps every byte of both directions.
struct Wiretap {
    address: ServerAddress,
    tape: Tape,
}

type Tape = Arc<Mutex<Vec<u8>>>;

impl Wiretap {
    async fn before(server: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string().parse()?;
        let tape = Tape::default();
        let recorder = Arc::clone(&tape);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { return };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(record(from_client, to_server, Arc::clone(&recorder)));
                tokio::spawn(record(from_server, to_client, Arc::clone(&recorder)));
            }
        });
        Ok(Self { address, tape })
    }
}

async fn record(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, tape: Tape) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(len @ 1..) = from.read(&mut buffer).await {
        tape.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..len]);
        if to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
}

/// The devices of the two people.
struct Cast {
    alice_phone: Arc<Client>,
    alice_laptop: Arc<Client>,
    bob_phone: Arc<Client>,
    alice: types::User,
    bob: types::User,
    /// Before Alice's phone.
    wiretap: Wiretap,
}

impl Cast {
    async fn sign_up(story: Story, server: &Running, folder: &Path) -> anyhow::Result<Self> {
        let tcp: ServerAddress = server.tcp_address().to_string().parse()?;
        let ws: ServerAddress = server.ws_url().parse()?;
        let device = async |who: &'static str, address: &ServerAddress| {
            let data = folder.join(who.replace('\'', "").replace(' ', "-"));
            let options = Options::new(address.clone(), public_key(server)?, data);
            let client = Client::open(options).await?;
            story.follow(who, &client);
            anyhow::Ok(Arc::new(client))
        };
        let wiretap = Wiretap::before(tcp.to_string()).await?;
        let alice_phone = device("Alice's phone", &wiretap.address).await?;
        let alice = alice_phone.sign_up("alice", "correct horse", "Alice").await?;
        let bob_phone = device("Bob's phone", &ws).await?;
        let bob = bob_phone.sign_up("bob", "battery staple", "Bob").await?;
        let alice_laptop = device("Alice's laptop", &ws).await?;
        alice_laptop.sign_in("alice", "correct horse").await?;
        for client in [&alice_phone, &bob_phone, &alice_laptop] {
            client.in_step().await?;
        }
        Ok(Self { alice_phone, alice_laptop, bob_phone, alice, bob, wiretap })
    }

    /// Every line there and back.
    async fn talk(&self, story: Story, lines: &Arc<Vec<String>>) -> anyhow::Result<Traffic> {
        let begun = Instant::now();
        let back = Arc::new(AtomicUsize::new(0));
        let to_bob = self.alice_phone.resolve("bob").await?;
        let total = lines.len();
        let given = stream::iter(lines.to_vec()).enumerate().map(|(number, line)| {
            // More updates follow the lost one, so that Bob's phone notices.
            if number == total * 15 / 100 && number + 3 <= total {
                self.bob_phone.lose_next_update();
            }
            line
        });
        let sending = send_all(&self.alice_phone, &to_bob, given);

        // Bob sends each line back as it arrives; `echo` goes with its reader, so that the
        // echoes end.
        let (echo, echoes) = mpsc::channel(WINDOW);
        let to_alice = self.bob_phone.resolve("alice").await?;
        let echoes = stream::unfold(echoes, async |mut echoes| {
            let line: String = echoes.recv().await?;
            Some((line, echoes))
        });
        let echoing = send_all(&self.bob_phone, &to_alice, echoes);
        let bob_reads = receive_all(&self.bob_phone, self.alice.id, total, async move |row| {
            if row.id == 1 {
                story.tell("Bob's phone", &format!("first message: {:?}", row.text));
            }
            let _ = echo.send(row.text).await;
        });
        let alice_reads = receive_all(&self.alice_phone, self.bob.id, total, async |_| {
            let done = back.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(total.div_ceil(10)) {
                story.tell("tour", &format!("{done} of {total} lines are back"));
            }
        });
        let mishaps = self.mishaps(&back, total);

        let (sent, echoed, at_bob, at_alice, ()) =
            tokio::try_join!(sending, echoing, bob_reads, alice_reads, mishaps)?;
        let elapsed = begun.elapsed();
        let mut latencies = latencies(&sent, &at_bob);
        latencies.extend(self::latencies(&echoed, &at_alice));
        latencies.sort_unstable();
        Ok(Traffic { messages: sent.len() + echoed.len(), elapsed, latencies })
    }

    /// What goes wrong on the way, by the number of lines that are back.
    async fn mishaps(&self, back: &AtomicUsize, total: usize) -> anyhow::Result<()> {
        let reached = async |part: f64| {
            while (back.load(Ordering::Relaxed) as f64) < total as f64 * part {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        reached(0.25).await;
        self.alice_laptop.pause().await;
        reached(0.5).await;
        self.alice_phone.cut().await;
        reached(0.6).await;
        // The server forgets the temporary keys of this device, the one in use among them.
        let forget = DropTempAuthKeys { except_auth_keys: Vec::new() };
        ensure!(self.alice_phone.call(&forget).await?, "no temporary key was dropped");
        reached(0.75).await;
        self.alice_laptop.resume().await;
        Ok(())
    }

    fn devices(&self) -> [(&'static str, &Client, &types::User); 3] {
        [
            ("Alice's phone", &self.alice_phone, &self.alice),
            ("Alice's laptop", &self.alice_laptop, &self.alice),
            ("Bob's phone", &self.bob_phone, &self.bob),
        ]
    }

    /// Whether each replica holds exactly what the server's log holds, and the lines in order.
    async fn compare(&self, story: Story, folder: &Path, lines: &[String]) -> anyhow::Result<bool> {
        let mut equal = true;
        for (who, client, user) in self.devices() {
            let log = mailbox_of(&folder.join("server/odnix.db"), user)?;
            let replica = catch_up(client, log.digest()).await?;
            story.tell(who, &format!("replica {replica}"));
            story.tell("server's log", &format!("        {}", log.digest()));
            let texts = |out| log.messages().filter(move |row| row.out == out).map(|row| &row.text);
            let in_order = texts(true).eq(lines) && texts(false).eq(lines);
            if !in_order {
                story.tell(who, "the lines are not there once each and in order");
            }
            equal &= replica == log.digest() && in_order;
        }
        Ok(equal)
    }

    /// Whether nothing on the wire names the phone's permanent key.
    async fn look_at_the_wire(&self, story: Story) -> anyhow::Result<bool> {
        let key = self.alice_phone.replica(|replica| replica.device_key()).await?;
        let id = key.context("Alice's phone has no key")?.auth_key.id();
        let tape = self.wiretap.tape.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = tape.windows(8).filter(|window| *window == id.to_bytes()).count();
        let who = "Alice's phone";
        let len = tape.len();
        story.tell(who, &format!("permanent key {id} seen {seen} times in {len} recorded bytes"));
        Ok(seen == 0)
    }

    async fn leave(self) {
        for client in [self.alice_phone, self.alice_laptop, self.bob_phone] {
            if let Ok(client) = Arc::try_unwrap(client) {
                client.shutdown().await;
            }
        }
    }
}

/// Waits until the replica has the digest of the log, and gives the digest it has in the end.
async fn catch_up(client: &Client, log: Digest) -> anyhow::Result<Digest> {
    let deadline = Instant::now() + CATCH_UP_MAX;
    loop {
        client.in_step().await?;
        let digest = client.digest().await?;
        if digest == log || Instant::now() > deadline {
            return Ok(digest);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A user's mailbox, made from nothing but the rows of the server's update log.
fn mailbox_of(database: &Path, user: &types::User) -> anyhow::Result<MailboxModel> {
    let db = rusqlite::Connection::open(database)?;
    let mut rows = db.prepare("SELECT content FROM update_log WHERE owner = ?1 ORDER BY pts")?;
    let mut mailbox = MailboxModel::default();
    for content in rows.query_map([user.id], |row| row.get::<_, String>(0))? {
        mailbox.apply(&serde_json::from_str::<Update>(&content?)?);
    }
    Ok(mailbox)
}

/// When each message was given to the client, by its id.
type Given = HashMap<i64, Instant>;
/// When each message was found in the replica of the other side, by its id.
type Arrived = HashMap<i64, Instant>;

/// Sends lines in order, [`WINDOW`] of them at once.
async fn send_all(
    client: &Client,
    peer: &types::User,
    lines: impl stream::Stream<Item = String>,
) -> anyhow::Result<Given> {
    let sends = lines.map(|line| async move {
        let given = Instant::now();
        let sent = client.send_message(peer, &line).await?;
        Ok::<_, CallError>((sent.id, given))
    });
    let sent: Vec<_> = sends.buffered(WINDOW).collect().await;
    Ok(sent.into_iter().collect::<Result<Given, CallError>>()?)
}

/// Reads `total` messages from `peer_id` out of the replica, in the order of their arrival.
async fn receive_all(
    client: &Client,
    peer_id: i64,
    total: usize,
    on_message: impl AsyncFn(MessageRow),
) -> anyhow::Result<Arrived> {
    let mut events = client.subscribe();
    let mut arrived = Arrived::new();
    let mut last_arrival = 0;
    while arrived.len() < total {
        let rows = client.replica(move |replica| replica.arrived_after(last_arrival, 256)).await?;
        if rows.is_empty() {
            tokio::select! {
                _ = events.recv() => {}
                reason = client.stopped() => return Err(reason.into()),
            }
        }
        let now = Instant::now();
        for (arrival, row) in rows {
            last_arrival = arrival;
            if !row.out && row.peer_id == peer_id {
                arrived.insert(row.id, now);
                on_message(row).await;
            }
        }
    }
    Ok(arrived)
}

/// From giving a message to one device until the other side's device has stored it.
fn latencies(given: &Given, arrived: &Arrived) -> Vec<Duration> {
    let both = given.iter().filter_map(|(id, given)| Some((given, arrived.get(id)?)));
    both.map(|(given, arrived)| arrived.duration_since(*given)).collect()
}

/// What the conversation took.
struct Traffic {
    messages: usize,
    elapsed: Duration,
    /// Sorted.
    latencies: Vec<Duration>,
}

impl std::fmt::Display for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = self.messages as f64 / self.elapsed.as_secs_f64();
        let quantile = |part: usize| {
            let index = (self.latencies.len() * part / 100).min(self.latencies.len() - 1);
            self.latencies[index].as_secs_f64() * 1e3
        };
        write!(
            f,
            "{} messages in {:.2} s: {rate:.0} messages/s, from sender to the peer's replica \
             p50 {:.1} ms, p99 {:.1} ms (with the 0.5 s that Bob waited for the lost update)",
            self.messages,
            self.elapsed.as_secs_f64(),
            quantile(50),
            quantile(99)
        )
    }
}
