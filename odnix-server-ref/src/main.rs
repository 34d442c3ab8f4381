//! The odnix-server binary.

use clap::{Args, Parser, Subcommand, ValueEnum};
use odnix_server_ref::config::{HandshakeMode, Quota, ServeOptions};
use odnix_server_ref::keys::KeyFile;
use odnix_server_ref::{Running, Server};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The reference server of the Odnix protocol.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients over WebSocket and TCP until SIGTERM or ctrl-c.
    ///
    /// Prints one line of JSON on stdout when it listens; logs go to stderr.
    Serve(Serve),
    /// Make an RSA key: FILE (mode 0600), and its public half beside it as .pub.pem.
    Keygen {
        /// Where to write the private key; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to listen for WebSocket clients; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    ws: String,
    /// Where to listen for TCP clients; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8444")]
    tcp: String,
    /// Folder of the database and the keys; made when absent.
    #[arg(long, value_name = "DIR", default_value = "./odnix-data")]
    data_dir: PathBuf,
    /// Key exchanges to accept; `compatible` adds the old RSA scheme with SHA-1.
    #[arg(long, value_enum, default_value = "strict")]
    handshake: Handshake,
    /// Origin of a web page that may connect, as `https://example.org`; may be repeated.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Open connections of one address; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = Quota::CONNECTIONS)]
    quota_connections: u32,
    /// Key exchanges of one address in a minute; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = Quota::HANDSHAKES_PER_MINUTE)]
    quota_handshakes: u32,
    /// What to log, as in `info` or `warn,odnix_server_ref=debug`.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Handshake {
    Strict,
    Compatible,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Keygen { out } => keygen(&out),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("odnix-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn keygen(out: &std::path::Path) -> anyhow::Result<()> {
    let made = KeyFile::generate(out)?;
    print_line(&[
        ("private_key", json!(out)),
        ("public_key", json!(made.public_path)),
        ("fingerprint", json!(made.fingerprint())),
    ])
}

impl Serve {
    fn run(self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(&self.log)
            .map_err(|error| anyhow::anyhow!("--log {}: {error}", self.log))?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .init();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            // From here on, so that no signal is missed between ready and waiting.
            let mut signals = Signals::new()?;
            let server = Server::start(self.options()).await?;
            announce(&server)?;
            signals.wait().await;
            tracing::info!("stopping");
            server.shutdown().await;
            Ok(())
        })
    }

    fn options(self) -> ServeOptions {
        ServeOptions {
            ws: self.ws,
            tcp: self.tcp,
            handshake: match self.handshake {
                Handshake::Strict => HandshakeMode::Strict,
                Handshake::Compatible => HandshakeMode::Compatible,
            },
            allow_origins: self.allow_origin,
            quota: Quota {
                connections: NonZeroU32::new(self.quota_connections),
                handshakes_per_minute: NonZeroU32::new(self.quota_handshakes),
            },
            ..ServeOptions::new(self.data_dir)
        }
    }
}

fn announce(server: &Running) -> anyhow::Result<()> {
    print_line(&[
        ("ready", json!(true)),
        ("ws", json!(server.ws_url())),
        ("tcp", json!(server.tcp_address().to_string())),
        ("public_key", json!(server.public_key())),
        ("fingerprint", json!(server.fingerprint())),
    ])
}

/// One JSON object on a line of its own, its fields in this order.
fn print_line(fields: &[(&str, Value)]) -> anyhow::Result<()> {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{{{}}}", fields.join(","))?;
    Ok(stdout.flush()?)
}

/// SIGTERM and SIGINT, which is ctrl-c; caught from when this is made.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
