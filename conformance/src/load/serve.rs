//! The server under load, as a process: `odnix-server` as a library, with a counter of commits.
//!
//! It prints one line of JSON when it listens, then the number of commits for each line on stdin,
//! and ends with stdin.

use anyhow::Context as _;
use odnix_client_ref::load::Target;
use odnix_client_ref::{Options, Wire};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::transport::Framing;
use odnix_server_ref::Server;
use odnix_server_ref::config::ServeOptions;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Serves until stdin ends.
///
/// # Errors
/// The server does not start.
pub fn serve(folder: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let commits = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&commits);
    let mut options = ServeOptions::loopback(folder);
    options.store.before_commit = Some(Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }));
    let server = runtime.block_on(Server::start(options))?;
    let tcp = server.tcp_address().to_string();
    println!("{}", json!({ "tcp": tcp, "public_key": server.public_key() }));
    for line in std::io::stdin().lock().lines() {
        line?;
        println!("{}", commits.load(Ordering::Relaxed));
    }
    runtime.block_on(server.shutdown());
    Ok(())
}

/// A running server process. It is killed when dropped.
pub struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// How light clients reach it.
    pub target: Target,
}

impl Process {
    /// Starts a server on `folder`, as the subcommand `serve` of the program that runs.
    ///
    /// # Errors
    /// The process does not start.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().context("stdin")?;
        let mut stdout = BufReader::new(child.stdout.take().context("stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the server does not start")?;
        let text = |name: &str| ready[name].as_str().context("a field is missing");
        let pem = std::fs::read_to_string(text("public_key")?)?;
        let target = Target {
            server: text("tcp")?.parse()?,
            server_key: RsaPublicKey::from_pem(&pem)?,
            dc: 2,
            wire: Wire { framing: Framing::Intermediate, obfuscated: false },
        };
        Ok(Self { child, stdin, stdout, target })
    }

    /// Commits so far.
    ///
    /// # Errors
    /// The process is gone.
    pub fn commits(&mut self) -> anyhow::Result<u64> {
        writeln!(self.stdin)?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    /// Options of a whole client.
    pub fn client(&self, data: &Path) -> Options {
        Options::new(self.target.server.clone(), self.target.server_key.clone(), data)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
