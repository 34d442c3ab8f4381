//! What a server is told when it starts.

use crate::store::StoreOptions;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Which key exchanges are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandshakeMode {
    /// RSA_PAD only.
    #[default]
    Strict,
    /// RSA_PAD, and the old RSA scheme with SHA-1 that some client stacks still send.
    Compatible,
}

/// How one address may use the server; `None` is no limit. IPv6 addresses count by /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Open connections.
    pub connections: Option<NonZeroU32>,
    /// Key exchanges in a minute.
    pub handshakes_per_minute: Option<NonZeroU32>,
}

impl Quota {
    /// Open connections of one address by default.
    pub const CONNECTIONS: u32 = 1000;
    /// Key exchanges of one address in a minute by default.
    pub const HANDSHAKES_PER_MINUTE: u32 = 600;

    /// No limits.
    pub const UNLIMITED: Self = Self { connections: None, handshakes_per_minute: None };
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            connections: NonZeroU32::new(Self::CONNECTIONS),
            handshakes_per_minute: NonZeroU32::new(Self::HANDSHAKES_PER_MINUTE),
        }
    }
}

/// Bounds on what all connections together may hold.
///
/// | limit | default | reason |
/// |---|---|---|
/// | `connections_max` | 20 000 | open sockets; beyond it new ones are closed unanswered |
/// | `sessions_per_key_max` | 64 | sessions of one key, live and away |
/// | `temporary_keys_per_key_max` | 4 | temporary keys bound to one permanent key, the newest |
/// | `sessions_away_max` | 10 000 | sessions kept for a client's return |
/// | `tombstones_max` | 100 000 | sessions forgotten within 330 s, whose packets must not run again; beyond it the oldest floor counts for all new sessions |
/// | `session_away_ttl` | 6 min | how long; above the 330 s in which a packet may be replayed |
/// | `waiting_requests_max` | 64 | requests of one session that wait for others by invokeAfterMsg |
/// | `request_wait_timeout` | 10 s | how long those wait |
/// | `anonymous_keys_max` | 10 000 | stored keys nobody is logged in with |
/// | `memory_keys_max` | 10 000 | temporary keys, and first salts of new keys |
/// | `jobs_waiting_max` | 256 | key-exchange jobs waiting for a processor; beyond them −429 |
/// | `passwords_waiting_max` | 64 | passwords waiting to be hashed |
/// | `json_waiting_max` | 256 | requests in their JSON form waiting to be read |
/// | `files_waiting_max` | 256 | requests waiting for the disk, each with up to 512 KiB |
/// | `setup_timeout` | 30 s | from accepting a socket to its first session |
/// | `idle_timeout` | 5 min | without a byte from the client |
/// | `write_timeout` | 30 s | for the client to take what is written |
#[derive(Clone, Debug)]
pub struct GatewayLimits {
    /// Open sockets.
    pub connections_max: usize,
    /// Sessions of one key.
    pub sessions_per_key_max: usize,
    /// Temporary keys bound to one permanent key; an older one is revoked.
    pub temporary_keys_per_key_max: usize,
    /// Sessions without a connection, kept for their client's return.
    pub sessions_away_max: usize,
    /// How long those are kept.
    pub session_away_ttl: Duration,
    /// Forgotten sessions remembered for as long as their packets could be accepted.
    pub tombstones_max: usize,
    /// Requests of one session that wait for others; beyond it they are refused at once.
    pub waiting_requests_max: usize,
    /// How long those wait.
    pub request_wait_timeout: Duration,
    /// Stored keys nobody is logged in with.
    pub anonymous_keys_max: usize,
    /// Keys and salts that are kept in memory only.
    pub memory_keys_max: usize,
    /// Key-exchange jobs waiting for a processor.
    pub jobs_waiting_max: usize,
    /// Passwords waiting to be hashed.
    pub passwords_waiting_max: usize,
    /// Requests in their JSON form waiting to be read.
    pub json_waiting_max: usize,
    /// Requests waiting for the disk.
    pub files_waiting_max: usize,
    /// From accepting a socket to its first session.
    pub setup_timeout: Duration,
    /// Without a byte from the client.
    pub idle_timeout: Duration,
    /// For the client to take what is written.
    pub write_timeout: Duration,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            sessions_per_key_max: 64,
            temporary_keys_per_key_max: 4,
            sessions_away_max: 10_000,
            session_away_ttl: Duration::from_secs(360),
            tombstones_max: 100_000,
            waiting_requests_max: 64,
            request_wait_timeout: Duration::from_secs(10),
            anonymous_keys_max: 10_000,
            memory_keys_max: 10_000,
            jobs_waiting_max: 256,
            passwords_waiting_max: 64,
            json_waiting_max: 256,
            files_waiting_max: 256,
            setup_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// Everything [`Server::start`](crate::Server::start) needs.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// `HOST:PORT` of the WebSocket listener; port 0 picks a free one.
    pub ws: String,
    /// `HOST:PORT` of the TCP listener.
    pub tcp: String,
    /// Where the database and the keys lie; created when absent.
    pub data_dir: PathBuf,
    /// Which key exchanges are accepted.
    pub handshake: HandshakeMode,
    /// Origins of web pages that may connect. Clients that send no Origin always may.
    pub allow_origins: Vec<String>,
    /// Per address.
    pub quota: Quota,
    /// The number of this dc.
    pub dc: i32,
    /// For all connections together.
    pub gateway: GatewayLimits,
    /// For each connection.
    pub limits: odnix_proto::limits::Limits,
    /// The writer thread.
    pub store: StoreOptions,
}

impl ServeOptions {
    /// The defaults of the command line, with this data folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            ws: "127.0.0.1:8443".into(),
            tcp: "127.0.0.1:8444".into(),
            data_dir: data_dir.into(),
            handshake: HandshakeMode::Strict,
            allow_origins: Vec::new(),
            quota: Quota::default(),
            dc: 2,
            gateway: GatewayLimits::default(),
            limits: odnix_proto::limits::Limits::default(),
            store: StoreOptions::default(),
        }
    }

    /// On loopback with free ports and no quotas: for tests and tools that embed a server.
    pub fn loopback(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            ws: "127.0.0.1:0".into(),
            tcp: "127.0.0.1:0".into(),
            quota: Quota::UNLIMITED,
            ..Self::new(data_dir)
        }
    }
}
