//! Starting and stopping a server.

use crate::config::{HandshakeMode, ServeOptions};
use crate::files::Files;
use crate::gateway::{self, Gateway, Protocol};
use crate::keys::{KeyFile, KeyFileError};
use crate::rpc::Rpc;
use crate::store::{Store, StoreError};
use odnix_proto::server::Config;
use odnix_proto::transport::{Origins, ServerOptions};
use odnix_proto::{ConfigError, Secret, Seed, handshake, session::Timings};
use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const KEY_FILE: &str = "server_key.pem";
const DATABASE: &str = "odnix.db";
const FILES: &str = "files";
const LOCK: &str = "lock";
/// Sockets of the TCP port on their way to the WebSocket service.
const UPGRADES_WAITING: usize = 16;
const ACCESS_SECRET: &str = "access_secret";

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {path}: {source}")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server uses the data folder.
    #[error("another odnix-server uses the data folder {0}: stop it, or choose another --data-dir")]
    Locked(PathBuf),
    /// The RSA key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The database cannot be used.
    #[error("cannot use the database {path}: {source}")]
    Store {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: StoreError,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The options contradict the protocol.
    #[error("the configuration cannot work: {0}")]
    Config(#[from] ConfigError),
    /// The operating system has no randomness to give.
    #[error("the operating system has no entropy: {0}")]
    Entropy(getrandom::Error),
}

/// The server, ready to be started.
#[derive(Clone, Copy, Debug)]
pub struct Server;

/// A server that listens. Stop it with [`Running::shutdown`]; dropping it only closes the
/// listeners and waits for nothing.
pub struct Running {
    gateway: Arc<Gateway>,
    store: Store,
    tasks: JoinSet<()>,
    ws: SocketAddr,
    tcp: SocketAddr,
    public_key: PathBuf,
    fingerprint: String,
    /// Held as long as the data folder is in use.
    _lock: File,
}

impl Server {
    /// Opens the data folder (making what is missing), binds both listeners and begins to
    /// serve, on the current tokio runtime.
    ///
    /// # Errors
    /// A [`StartError`] that names what is wrong and where.
    pub async fn start(options: ServeOptions) -> Result<Running, StartError> {
        let lock = open_data_dir(&options.data_dir)?;
        let key = load_key(options.data_dir.join(KEY_FILE)).await?;
        let (fingerprint, public_key) = (key.fingerprint(), key.public_path.clone());
        let ws = bind(&options.ws).await?;
        let tcp = bind(&options.tcp).await?;
        let addresses = (local(&ws, &options.ws)?, local(&tcp, &options.tcp)?);

        let store = open_store(&options).await?;
        let files = open_files(options.data_dir.join(FILES)).await?;
        let rpc = Rpc::new(access_secret(&store, &options).await?);
        let ws_config = protocol(&options, Arc::new(key.key))?;
        let tcp_config = Config {
            transport: ServerOptions { require_obfuscated: false, ..ws_config.transport.clone() },
            ..Config::clone(&ws_config)
        };
        let (ws_protocol, tcp_protocol) =
            (Arc::new(Protocol::new(ws_config)), Arc::new(Protocol::new(tcp_config)));

        let gateway = Gateway::new(store.clone(), files, rpc, options.gateway, options.quota);
        let gateway = Arc::new(gateway);
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&gateway).sweep());
        let listeners = vec![Arc::clone(&ws_protocol), Arc::clone(&tcp_protocol)];
        tasks.spawn(Arc::clone(&gateway).rotate_pq(listeners));
        let (visitors, upgrades) = mpsc::channel(UPGRADES_WAITING);
        tasks.spawn(gateway::listen_tcp(Arc::clone(&gateway), tcp, tcp_protocol, visitors));
        let shared = Arc::clone(&gateway);
        tasks.spawn(gateway::listen_websocket(shared, ws, ws_protocol, addresses.1, upgrades));
        tracing::info!(ws = %addresses.0, tcp = %addresses.1, %fingerprint, "listening");
        Ok(Running {
            gateway,
            store,
            tasks,
            ws: addresses.0,
            tcp: addresses.1,
            public_key,
            fingerprint,
            _lock: lock,
        })
    }
}

impl Running {
    /// Where the WebSocket listener listens.
    pub fn ws_address(&self) -> SocketAddr {
        self.ws
    }

    /// The URL of the WebSocket endpoint.
    pub fn ws_url(&self) -> String {
        format!("ws://{}{}", self.ws, gateway::PATH)
    }

    /// Where the TCP listener listens.
    pub fn tcp_address(&self) -> SocketAddr {
        self.tcp
    }

    /// The PKCS#1 PEM file that clients need.
    pub fn public_key(&self) -> &Path {
        &self.public_key
    }

    /// The fingerprint of the RSA key as 16 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The store, to look into while the server runs.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Answers what was asked, ends every connection, and closes the database. Everything
    /// that was answered is on disk when this returns.
    pub async fn shutdown(mut self) {
        self.gateway.stop().await;
        // Whoever is still in the middle of an HTTP request is not waited for.
        self.tasks.shutdown().await;
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("ws", &self.ws)
            .field("tcp", &self.tcp)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// Makes the folder (mode 0700) if need be, and takes it for this process.
fn open_data_dir(path: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::DataDir { path: path.to_owned(), source };
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path).map_err(failed)?;
    let lock = File::create(path.join(LOCK)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::Locked(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Making a key takes seconds of arithmetic.
async fn load_key(path: PathBuf) -> Result<KeyFile, StartError> {
    let load = tokio::task::spawn_blocking(move || KeyFile::load_or_generate(&path)).await;
    let failed = |error: tokio::task::JoinError| KeyFileError::Entropy(error.to_string());
    Ok(load.map_err(failed)??)
}

async fn bind(address: &str) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| StartError::Listen { address: address.to_owned(), source })
}

fn local(listener: &TcpListener, address: &str) -> Result<SocketAddr, StartError> {
    let local = listener.local_addr();
    local.map_err(|source| StartError::Listen { address: address.to_owned(), source })
}

async fn open_store(options: &ServeOptions) -> Result<Store, StartError> {
    let path = options.data_dir.join(DATABASE);
    let store_options = options.store.clone();
    let shown = path.clone();
    let failed = |source| StartError::Store { path: shown, source };
    match tokio::task::spawn_blocking(move || Store::open(&path, store_options)).await {
        Ok(opened) => opened.map_err(failed),
        Err(error) => Err(failed(StoreError::Os(error.to_string()))),
    }
}

async fn open_files(path: PathBuf) -> Result<Files, StartError> {
    let shown = path.clone();
    let opened = tokio::task::spawn_blocking(move || Files::open(&path)).await;
    let failed = |source| StartError::DataDir { path: shown, source };
    opened.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(failed)
}

/// access_hashes stay the same across restarts, so their secret is stored.
async fn access_secret(store: &Store, options: &ServeOptions) -> Result<[u8; 32], StartError> {
    let fresh = random()?;
    let stored = store.run(move |tx| tx.setting(ACCESS_SECRET, &fresh)).await;
    stored
        .and_then(|secret: Vec<u8>| {
            secret.try_into().map_err(|_| StoreError::Corrupt("the access secret is not 32 bytes"))
        })
        .map_err(|source| StartError::Store { path: options.data_dir.join(DATABASE), source })
}

fn protocol(
    options: &ServeOptions,
    key: Arc<odnix_proto::crypto::rsa::RsaPrivateKey>,
) -> Result<Config, StartError> {
    options.limits.validate()?;
    let mut exchange = handshake::server::Config::new(vec![key], options.dc)?;
    exchange.accept_test_dc = true;
    exchange.pq_pool = gateway::draw_pq_pool(Seed::from_os().map_err(StartError::Entropy)?);
    exchange.accept_legacy_rsa = options.handshake == HandshakeMode::Compatible;
    Ok(Config {
        handshake: Arc::new(exchange),
        transport: ServerOptions {
            require_obfuscated: true,
            packet_bytes_max: options.limits.packet_bytes_max,
            origins: Origins::new(&options.allow_origins),
            ..ServerOptions::default()
        },
        // Drawn anew at each start: packets captured before it are refused after it.
        salt_secret: Arc::new(Secret::take(&mut random()?)),
        limits: Arc::new(options.limits.clone()),
        timings: Timings::default(),
    })
}

fn random() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(StartError::Entropy)?;
    Ok(bytes)
}
