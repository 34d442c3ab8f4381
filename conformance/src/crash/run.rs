//! Start, kill, restart, settle, check.

use super::check;
use super::process::{Server, Word, Worker};
use super::worker::client_options;
use super::{ACKNOWLEDGED, DEVICES, Device, PUBLIC_KEY, SERVER};
use anyhow::{Context as _, bail};
use chacha20::ChaCha20Rng;
use odnix_client_ref::Client;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Making a key takes seconds without optimization; this one is public anyway.
const SERVER_KEY: &str = include_str!("../../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The odnix-server program.
    pub server: PathBuf,
    /// The odnix-crash program, which is also the devices.
    pub program: PathBuf,
    /// Where everything is stored; must be new or empty.
    pub folder: PathBuf,
    /// How often to kill something.
    pub cycles: u32,
    /// Of the moments and the victims.
    pub seed: u64,
    /// From one kill to the next, on average.
    pub cycle: Duration,
    /// Pause of a device after each message.
    pub pause_ms: u64,
}

/// What happened.
#[derive(Clone, Debug)]
pub struct Report {
    /// Kills of the server.
    pub server_kills: u32,
    /// Kills of devices.
    pub device_kills: u32,
    /// Messages the devices were told are sent.
    pub acknowledged: u64,
    /// Messages on the server: the acknowledged, and those whose sender died before it knew.
    pub stored: usize,
    /// From the first start to the end of the check.
    pub elapsed: Duration,
    /// Broken rules.
    pub violations: Vec<String>,
}

impl Report {
    /// As one object.
    pub fn to_json(&self, options: &Options) -> Value {
        json!({
            "cycles": options.cycles,
            "seed": options.seed,
            "server_kills": self.server_kills,
            "device_kills": self.device_kills,
            "acknowledged": self.acknowledged,
            "stored": self.stored,
            "seconds": self.elapsed.as_secs_f64(),
            "violations": self.violations,
        })
    }
}

/// Runs all cycles, lets everything settle, and checks.
///
/// # Errors
/// A program cannot be started, or ends or hangs although nobody killed it.
pub fn run(options: &Options, mut progress: impl FnMut(&str)) -> anyhow::Result<Report> {
    let start = Instant::now();
    make_folder(&options.folder)?;
    let server = Server::fresh(&options.server, &options.folder)?;
    sign_everybody_up(&server.tcp, &options.folder)?;
    let mut stage = Stage::new(server, options)?;
    for cycle in 1..=options.cycles {
        stage.pause(options.cycle / 2, options.cycle)?;
        stage.kill_something()?;
        if cycle % 10 == 0 || cycle == options.cycles {
            let kills = (stage.server_kills, stage.device_kills);
            progress(&format!(
                "cycle {cycle}/{}: {} acknowledged, kills: {} server, {} device",
                options.cycles, stage.acknowledged, kills.0, kills.1
            ));
        }
    }
    stage.settle()?;
    let Stage { server_kills, device_kills, acknowledged, .. } = stage;
    let (violations, stored) = check::violations(&options.folder)?;
    let elapsed = start.elapsed();
    Ok(Report { server_kills, device_kills, acknowledged, stored, elapsed, violations })
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder.join(SERVER))?;
    let key = folder.join(SERVER).join("server_key.pem");
    std::fs::write(&key, SERVER_KEY)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn sign_everybody_up(server: &str, folder: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for (index, Device { name, user, .. }) in DEVICES.into_iter().enumerate() {
            let options = client_options(server, &folder.join(PUBLIC_KEY), &folder.join(name))?;
            let client = Client::open(options).await?;
            let first = DEVICES.iter().position(|other| other.user == user) == Some(index);
            if first {
                client.sign_up(user, "a password", user).await?;
            } else {
                client.sign_in(user, "a password").await?;
            }
            client.shutdown().await;
        }
        Ok(())
    })
}

/// Everything that runs.
struct Stage<'a> {
    options: &'a Options,
    dice: ChaCha20Rng,
    server: Server,
    workers: Vec<Worker>,
    lives: Vec<u32>,
    mouth: mpsc::Sender<Word>,
    ears: mpsc::Receiver<Word>,
    notes: BufWriter<File>,
    server_kills: u32,
    device_kills: u32,
    acknowledged: u64,
    quiet: usize,
    done: usize,
}

impl<'a> Stage<'a> {
    fn new(server: Server, options: &'a Options) -> anyhow::Result<Self> {
        let (mouth, ears) = mpsc::channel();
        let mut stage = Self {
            options,
            dice: ChaCha20Rng::seed_from_u64(options.seed),
            server,
            workers: Vec::new(),
            lives: vec![0; DEVICES.len()],
            mouth,
            ears,
            notes: BufWriter::new(File::create(options.folder.join(ACKNOWLEDGED))?),
            server_kills: 0,
            device_kills: 0,
            acknowledged: 0,
            quiet: 0,
            done: 0,
        };
        for index in 0..DEVICES.len() {
            let worker = stage.start_device(index)?;
            stage.workers.push(worker);
        }
        Ok(stage)
    }

    fn start_device(&mut self, index: usize) -> anyhow::Result<Worker> {
        self.lives[index] += 1;
        let (life, server) = (self.lives[index], self.server.tcp.clone());
        Worker::start(DEVICES[index], life, &server, self.options, self.mouth.clone())
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.dice.next_u64() % below.max(1)
    }

    /// Listens to the devices for between `shortest` and three times that.
    fn pause(&mut self, shortest: Duration, spread: Duration) -> anyhow::Result<()> {
        let spread = u64::try_from(spread.as_micros())?;
        let until = Instant::now() + shortest + Duration::from_micros(self.draw(spread));
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.ears.recv_timeout(left) {
                Ok(word) => self.hear(word)?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self, word: Word) -> anyhow::Result<()> {
        match word {
            Word::Acknowledged { id, text } => {
                self.acknowledged += 1;
                writeln!(self.notes, "{id} {text}")?;
            }
            Word::Quiet => self.quiet += 1,
            Word::Done => self.done += 1,
            Word::Error(reason) => bail!("a device says: {reason}"),
        }
        Ok(())
    }

    /// The server, a device, or both; each stays away for a moment.
    fn kill_something(&mut self) -> anyhow::Result<()> {
        let (server, device) = match self.draw(3) {
            0 => (true, false),
            1 => (false, true),
            _ => (true, true),
        };
        let victim = usize::try_from(self.draw(DEVICES.len() as u64))?;
        if server {
            self.server.kill()?;
            self.server_kills += 1;
        }
        if device {
            self.workers[victim].kill()?;
            self.device_kills += 1;
        }
        self.pause(Duration::ZERO, Duration::from_millis(50))?;
        if server {
            self.server.restart(&self.options.server, &self.options.folder)?;
        }
        if device {
            self.workers[victim] = self.start_device(victim)?;
        }
        Ok(())
    }

    /// No more messages; what is open is finished; all replicas reach the end of their logs.
    fn settle(&mut self) -> anyhow::Result<()> {
        self.tell_all(|_| Ok("quiet".to_owned()))?;
        self.wait_until("all is sent", |stage| stage.quiet == DEVICES.len())?;
        let folder = &self.options.folder;
        self.tell_all(|device| Ok(format!("until {}", check::position(folder, device.user)?)))?;
        self.wait_until("all replicas are complete", |stage| stage.done == DEVICES.len())?;
        for worker in &mut self.workers {
            worker.finish()?;
        }
        self.server.kill()?;
        self.notes.flush()?;
        Ok(())
    }

    fn tell_all(&mut self, order: impl Fn(Device) -> anyhow::Result<String>) -> anyhow::Result<()> {
        for (worker, device) in self.workers.iter_mut().zip(DEVICES) {
            worker.tell(&order(device)?)?;
        }
        Ok(())
    }

    fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = until.saturating_duration_since(Instant::now());
            let word = self
                .ears
                .recv_timeout(left)
                .with_context(|| format!("waited {} s in vain until {what}", PATIENCE.as_secs()))?;
            self.hear(word)?;
        }
        Ok(())
    }
}
