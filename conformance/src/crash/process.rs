//! The processes: started, spoken to, killed.

use super::{Device, PUBLIC_KEY, SERVER, run::Options};
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// A server process. It is killed when dropped.
pub(super) struct Server {
    child: Child,
    /// `HOST:PORT` of its TCP listener.
    pub(super) tcp: String,
    ws: String,
}

impl Server {
    /// Starts a server on the data in `folder`, at `tcp` and `ws`, and waits until it listens.
    fn start(program: &Path, folder: &Path, ws: &str, tcp: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(["serve", "--ws", ws, "--tcp", tcp, "--log", "warn"])
            .args(["--quota-connections", "0", "--quota-handshakes", "0", "--data-dir"])
            .arg(folder.join(SERVER))
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let stdout = child.stdout.take().context("a server without stdout")?;
        let mut server = Self { child, ws: String::new(), tcp: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the server does not start")?;
        let address = |name: &str| ready[name].as_str().map(str::to_owned).context("no address");
        server.tcp = address("tcp")?;
        let ws = address("ws")?;
        let ws = ws.trim_start_matches("ws://");
        ws.split('/').next().unwrap_or(ws).clone_into(&mut server.ws);
        Ok(server)
    }

    pub(super) fn fresh(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::start(program, folder, "127.0.0.1:0", "127.0.0.1:0")
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The same again on the same data, at the same addresses.
    pub(super) fn restart(&mut self, program: &Path, folder: &Path) -> anyhow::Result<()> {
        *self = Self::start(program, folder, &self.ws, &self.tcp)?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// What a device says.
pub(super) enum Word {
    /// A message was acknowledged.
    Acknowledged { id: i64, text: String },
    /// It has nothing open any more.
    Quiet,
    /// Its replica has reached the position.
    Done,
    /// What must not happen.
    Error(String),
}

/// A device process. It is killed when dropped.
pub(super) struct Worker {
    child: Child,
    stdin: ChildStdin,
    ears: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(
        device: Device,
        life: u32,
        server: &str,
        options: &Options,
        words: mpsc::Sender<Word>,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(&options.program)
            .arg("worker")
            .args(["--server", server, "--device", device.name, "--partner", device.partner])
            .args(["--life", &life.to_string(), "--pause-ms", &options.pause_ms.to_string()])
            .arg("--key")
            .arg(options.folder.join(PUBLIC_KEY))
            .arg("--data")
            .arg(options.folder.join(device.name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().context("a device without stdin")?;
        let stdout = child.stdout.take().context("a device without stdout")?;
        // Reads to the end of the pipe: what was said before a kill counts.
        let ears = std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = words.send(parse(&line));
            }
        });
        Ok(Self { child, stdin, ears: Some(ears) })
    }

    pub(super) fn tell(&mut self, order: &str) -> anyhow::Result<()> {
        writeln!(self.stdin, "{order}").context("a device is gone")
    }

    /// SIGKILL. Everything it has said is in the channel afterwards.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("a device ended by itself: {status}");
        }
        self.child.kill()?;
        self.end()
    }

    /// Waits for its end, which must be a good one.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        self.end()?;
        if !status.success() {
            bail!("a device failed: {status}");
        }
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.child.wait()?;
        if let Some(ears) = self.ears.take()
            && ears.join().is_err()
        {
            bail!("the reader of a device panicked");
        }
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(line: &str) -> Word {
    let mut parts = line.splitn(3, ' ');
    match (parts.next(), parts.next().map(str::parse), parts.next()) {
        (Some("A"), Some(Ok(id)), Some(text)) => Word::Acknowledged { id, text: text.to_owned() },
        (Some("Q"), None, None) => Word::Quiet,
        (Some("D"), None, None) => Word::Done,
        _ => Word::Error(line.to_owned()),
    }
}
