//! The command line: arguments, and from them to a command.

mod commands;
mod listen;
mod load;
mod output;
mod password;
mod peer;
mod probe;
mod tui;
mod upkeep;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use odnix_client_ref::load::Plan;
use odnix_client_ref::{Client, Options, Patience, ServerAddress, Wire};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::transport::Framing;
use output::Output;
use std::path::PathBuf;
use std::process::ExitCode;

/// Failures to connect in a row after which a command gives up.
const ATTEMPTS_MAX: u32 = 5;

/// Reference client of the Odnix protocol.
///
/// Keeps a replica of your mailbox in a local folder and keeps it in step with the server.
#[derive(Debug, Parser)]
#[command(
    name = "odnix-client",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    /// What to log to stderr, for example `debug` or `odnix_client_ref=trace`
    #[arg(long, global = true, value_name = "FILTER", env = "ODNIX_LOG", default_value = "error")]
    log: String,
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an account and sign this device in
    SignUp(SignUp),
    /// Sign this device in to an account
    SignIn(SignIn),
    /// List the contacts, or add one
    Contacts(Contacts),
    /// Send a message, exactly once
    ///
    /// The message is noted locally before it leaves. If the server cannot be reached it stays
    /// noted, and the next command that connects sends it.
    Send(Send),
    /// Show the messages with one user or group, and those that wait to be sent
    History(History),
    /// Follow the mailbox: print messages as they arrive, until interrupted
    Listen(Listen),
    /// Show chats and write messages in the terminal; works while the server is away
    Tui(Tui),
    /// Show the account, the position in the log, the dialogs and the digest of the replica
    State(State),
    /// Read the whole replica, or a backup, and tell whether it is undamaged
    ///
    /// Checks the file itself, the rules that hold between its rows, and each message. Needs no
    /// server. Exits with 1 when something is wrong.
    Check(Check),
    /// Copy the replica to one file, also while other commands use it
    ///
    /// The copy is checked before it gets its name. It is as private as the mailbox; the key of
    /// the device is not in it, unless it is asked for.
    Backup(Backup),
    /// Make a backup the replica in the folder of --data
    ///
    /// The next command that connects fetches what came after the backup was made.
    Restore(Restore),
    /// Call one function of the server by its JSON form, and print the answer's
    ///
    /// The functions and their JSON forms are those of docs/odnix-layer.md. The local replica
    /// learns of the call with the next command that connects.
    Call(Call),
    /// Examine any MTProto 2.0 server: no account and no local data needed
    ///
    /// Connects, exchanges a key, asks for future salts, compares the clocks and pings; each
    /// step is shown with its time and outcome. Exits with 0 only if all of them succeeded.
    Probe(Probe),
    /// Load a server with messages, and measure how long each takes
    ///
    /// Makes pairs of accounts with random names, sends from one to the other at a fixed rate or as
    /// fast as it goes, and shows how long it took until the server acknowledged each message and
    /// until the receiver had it. At a fixed rate each latency counts from when the message was due,
    /// whether or not it could leave. The accounts and their messages stay at the server: use one
    /// for tests. Ctrl-C ends it early with what was measured. Exits with 1 when a message was
    /// refused or a connection lost.
    Load(Load),
}

/// Which server, how to talk to it, and where the replica is. Given before or after the command.
#[derive(Args, Clone, Debug)]
struct Common {
    /// The server: ws://HOST:PORT/apiws for WebSocket, HOST:PORT for TCP, http://HOST:PORT/api for
    /// HTTP
    #[arg(
        long,
        global = true,
        value_name = "URL|HOST:PORT",
        env = "ODNIX_SERVER",
        default_value = "ws://127.0.0.1:8443/apiws"
    )]
    server: ServerAddress,
    /// The server's RSA public key
    #[arg(
        long,
        global = true,
        value_name = "PEM",
        env = "ODNIX_SERVER_KEY",
        default_value = "odnix-data/server_key.pub.pem"
    )]
    key: PathBuf,
    /// The folder of the local replica; made when it does not exist, not used by `probe` and
    /// `load`
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ODNIX_DATA",
        default_value = "odnix-client-data"
    )]
    data: PathBuf,
    /// Bound on the size of the local replica, in MiB
    #[arg(long, global = true, value_name = "MIB")]
    data_max: Option<u64>,
    /// How packets are framed
    #[arg(long, global = true, value_enum, default_value_t = Transport::Padded)]
    transport: Transport,
    /// Make the stream look random (always so over WebSocket; not with `full`)
    #[arg(long, global = true)]
    obfuscated: bool,
    /// The dc to ask for
    #[arg(long, global = true, default_value_t = 2)]
    dc: i32,
    /// Use the device's key itself instead of temporary keys; its id then crosses the wire
    #[arg(long, global = true)]
    no_pfs: bool,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Args, Clone, Debug)]
struct PasswordArgs {
    /// Read the password from the first line of FILE
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The password itself; other users of this machine can see it while the command runs, so
    /// prefer --password-file, the variable, or the question asked when none is given
    #[arg(long, env = "ODNIX_PASSWORD", hide_env_values = true, conflicts_with = "password_file")]
    password: Option<String>,
}

#[derive(Args, Debug)]
struct SignUp {
    /// The name of the new account: 3 to 32 letters, digits or _, the first a letter
    username: String,
    /// How to show the account to others; the name if not given
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Args, Debug)]
struct SignIn {
    /// The name of the account
    username: String,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Args, Debug)]
struct Contacts {
    /// Add this user first
    #[arg(long, value_name = "USERNAME")]
    add: Option<String>,
}

#[derive(Args, Debug)]
struct Send {
    /// A user's name or id, `self`, or `group:` and the title or id of a group
    peer: String,
    /// The message; `-` reads it from stdin
    text: String,
    /// Send each line of the text as a message of its own; empty ones are left out
    #[arg(long)]
    lines: bool,
    /// Only note the message: do not wait for the server, and do not fail without it
    #[arg(long)]
    queue: bool,
}

#[derive(Args, Debug)]
struct History {
    /// A user's name or id, `self`, or `group:` and the title or id of a group
    peer: String,
    /// How many messages, the newest ones
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Tell the other side that they are read
    #[arg(long)]
    mark_read: bool,
}

#[derive(Args, Debug)]
struct Listen {
    /// Stop after this many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

#[derive(Args, Debug)]
struct Tui {}

#[derive(Args, Debug)]
struct State {
    /// Show the replica as it is, without connecting
    #[arg(long)]
    offline: bool,
}

#[derive(Args, Debug)]
struct Check {
    /// A backup; without it, the replica in the folder of --data
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Backup {
    /// The file to write; it must not exist
    file: PathBuf,
    /// Also copy the key of the device: who has the copy then acts as the account
    #[arg(long)]
    with_key: bool,
}

#[derive(Args, Debug)]
struct Restore {
    /// The backup
    file: PathBuf,
}

#[derive(Args)]
#[command(after_help = r#"Example:
  odnix-client call '{"_":"contacts.resolveUsername","username":"bob"}'"#)]
struct Call {
    /// The function and its fields, for example {"_":"help.getNearestDc"}; `-` reads it from
    /// stdin
    #[arg(value_name = "JSON")]
    query: String,
}

/// The query may hold a secret.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

#[derive(Args, Debug)]
struct Probe {
    /// How many pings
    #[arg(long, value_name = "N", default_value_t = 3)]
    count: u32,
    /// A request to call as it is: hexadecimal, from its constructor id on
    #[arg(long, value_name = "HEX")]
    rpc: Option<String>,
    /// Also make a temporary key, bind it, call under it and destroy it
    #[arg(long, conflicts_with = "no_pfs")]
    pfs: bool,
    /// Seconds any step may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    timeout: f64,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  odnix-client load --server 127.0.0.1:8444 --pairs 100 --seconds 30
  odnix-client load --server 127.0.0.1:8444 --pairs 10 --rate 100 --save result.json")]
struct Load {
    #[command(flatten)]
    plan: Plan,
    /// Also write the result to FILE, as the object that --json prints
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Transport {
    /// One length byte for most packets
    Abridged,
    /// Four length bytes
    Intermediate,
    /// Four length bytes and random padding
    Padded,
    /// Length, sequence number and checksum
    Full,
}

impl Common {
    fn public_key(&self) -> anyhow::Result<RsaPublicKey> {
        let file = self.key.display();
        let pem = std::fs::read_to_string(&self.key)
            .with_context(|| format!("cannot read the server's public key {file} (--key)"))?;
        RsaPublicKey::from_pem(&pem)
            .with_context(|| format!("{file} is not an RSA public key in PEM form"))
    }

    fn wire(&self) -> Wire {
        let framing = match self.transport {
            Transport::Abridged => Framing::Abridged,
            Transport::Intermediate => Framing::Intermediate,
            Transport::Padded => Framing::Padded,
            Transport::Full => Framing::Full,
        };
        Wire { framing, obfuscated: self.obfuscated }
    }

    async fn open(&self, patience: Patience) -> anyhow::Result<Client> {
        let key = self.public_key()?;
        let mut options = Options::new(self.server.clone(), key, &self.data);
        options.wire = self.wire();
        options.dc = self.dc;
        options.pfs = options.pfs.filter(|_| !self.no_pfs);
        options.patience = patience;
        options.data_bytes_max = self.data_max.map(|mib| mib.saturating_mul(1 << 20));
        Ok(Client::open(options).await?)
    }

    /// For a command that does one thing and ends.
    async fn open_briefly(&self) -> anyhow::Result<Client> {
        self.open(Patience::Attempts(ATTEMPTS_MAX)).await
    }
}

impl Command {
    async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        match self {
            Self::SignUp(command) => command.run(common, output).await,
            Self::SignIn(command) => command.run(common, output).await,
            Self::Contacts(command) => command.run(common, output).await,
            Self::Send(command) => command.run(common, output).await,
            Self::History(command) => command.run(common, output).await,
            Self::Listen(command) => command.run(common, output).await,
            Self::Tui(command) => command.run(common).await,
            Self::State(command) => command.run(common, output).await,
            Self::Check(command) => command.run(common, output),
            Self::Backup(command) => command.run(common, output),
            Self::Restore(command) => command.run(common, output),
            Self::Call(command) => command.run(common, output).await,
            Self::Probe(command) => command.run(common, output).await,
            Self::Load(command) => command.run(common, output).await,
        }
    }
}

/// Runs the command of the process's arguments.
pub(crate) fn main() -> ExitCode {
    let Cli { log, common, command } = Cli::parse();
    let mut output = Output::new(common.json);
    let outcome = start_log(&log).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(command.run(&common, &mut output))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output.failed(&error),
    }
}

fn start_log(filter: &str) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .with_context(|| format!("`{filter}` is not a log filter"))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
