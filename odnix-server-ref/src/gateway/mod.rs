//! The gateway: sockets, and one protocol machine for each. The only asynchronous room; it
//! knows neither tables nor methods.
//!
//! ```text
//! TCP, HTTP ──┐   bytes    ┌────────────┐ calls  ┌──────────┐ transaction ┌───────┐
//!             ├──────────▶ │ connection │ ─────▶ │ executor │ ──────────▶ │ store │
//! WebSocket ──┘ ◀───────── └────────────┘        └──────────┘             └───────┘
//!                 packets        ▲  replies, updates ┌──────────┐  outcomes   │
//!                                └────────────────── │ registry │ ◀───────────┘
//!                                                    └──────────┘ after the commit
//! ```
//!
//! One task reads and one writes for each socket; each session has an executor that keeps its
//! requests in order; heavy arithmetic and the reading of JSON run on bounded pools.

mod bindings;
mod calls;
mod connection;
mod jobs;
mod memory_keys;
mod pool;
mod protocol;
mod quota;
mod registry;
mod tcp;
mod tombstones;
mod websocket;

pub(crate) use protocol::{Protocol, draw_pq_pool};
pub(crate) use tcp::listen as listen_tcp;
pub(crate) use websocket::{PATH, listen as listen_websocket};

use crate::config::{GatewayLimits, Quota};
use crate::files::{Files, Upload};
use crate::rpc::Rpc;
use crate::store::Store;
use jobs::Jobs;
use memory_keys::MemoryKeys;
use odnix_proto::Now;
use odnix_proto::handshake::Job;
use pool::Pool;
use quota::{ConnectionPermit, Quotas};
use registry::{ConnectionId, Registry, RegistryLimits};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Between two looks for what has expired.
const SWEEP_INTERVAL: Duration = Duration::from_secs(15);
/// For open calls to finish, and again for connections to end, when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// The life of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// Nothing new is taken in; open calls are answered.
    Draining,
    /// Connections say what they have and end.
    Closing,
}

/// What all connections share.
pub(crate) struct Gateway {
    store: Store,
    rpc: Arc<Rpc>,
    registry: Arc<Registry>,
    quotas: Arc<Quotas>,
    jobs: Jobs<Job>,
    passwords: Pool,
    json: Pool,
    disk: Pool,
    files: Arc<Files>,
    runtime: tokio::runtime::Handle,
    limits: GatewayLimits,
    phase: watch::Sender<Phase>,
    origin: Instant,
    connections: AtomicU64,
    places: Arc<Semaphore>,
    places_max: u32,
}

impl Gateway {
    pub(crate) fn new(
        store: Store,
        files: Files,
        rpc: Rpc,
        limits: GatewayLimits,
        quota: Quota,
    ) -> Self {
        let places_max = u32::try_from(limits.connections_max).unwrap_or(u32::MAX >> 4);
        Self {
            store,
            rpc: Arc::new(rpc),
            registry: Arc::new(Registry::new(
                RegistryLimits {
                    sessions_per_key_max: limits.sessions_per_key_max,
                    temporary_keys_per_key_max: limits.temporary_keys_per_key_max,
                    sessions_away_max: limits.sessions_away_max,
                    tombstones_max: limits.tombstones_max,
                    session_away_ttl: limits.session_away_ttl,
                },
                MemoryKeys::new(limits.memory_keys_max),
            )),
            quotas: Arc::new(Quotas::new(quota)),
            jobs: Jobs::new(pool::threads(), limits.jobs_waiting_max),
            passwords: Pool::new(limits.passwords_waiting_max),
            json: Pool::new(limits.json_waiting_max),
            disk: Pool::new(limits.files_waiting_max),
            files: Arc::new(files),
            runtime: tokio::runtime::Handle::current(),
            limits,
            phase: watch::Sender::new(Phase::Running),
            origin: Instant::now(),
            connections: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(places_max as usize)),
            places_max,
        }
    }

    fn now(&self) -> Now {
        Now::from_std(self.origin, Instant::now(), SystemTime::now())
    }

    /// A point on the machines' clock on ours.
    fn instant(&self, at: odnix_proto::Instant) -> Instant {
        let since = Duration::from_micros(at.as_micros());
        let year = Duration::from_secs(365 * 24 * 3600);
        self.origin.checked_add(since).unwrap_or_else(|| self.origin + year)
    }

    fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// A place for a new socket; `None` when the server is full.
    fn admit(&self, address: IpAddr) -> Option<(OwnedSemaphorePermit, Arc<ConnectionPermit>)> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some((place, Arc::new(self.quotas.connect(address))))
    }

    /// Resolves when the gateway takes nothing in any more.
    async fn stops(&self) {
        // The sender lives as long as the gateway.
        drop(self.phase.subscribe().wait_for(|phase| *phase != Phase::Running).await);
    }

    /// The parts of an upload have become a file, and that is committed.
    fn discard(&self, upload: Upload) {
        let files = Arc::clone(&self.files);
        // Called on the thread of the store, which must not wait for this.
        self.runtime.spawn_blocking(move || {
            if let Err(error) = files.discard(upload) {
                tracing::warn!(%error, "the parts of an upload stay until they expire");
            }
        });
    }

    /// Forgets from time to time what has expired.
    pub(crate) async fn sweep(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(SWEEP_INTERVAL) => {
                    self.registry.sweep(self.now().wall);
                    self.quotas.sweep();
                    let files = Arc::clone(&self.files);
                    let swept = self.disk.run(move || files.sweep(SystemTime::now())).await;
                    if let Ok(Err(error)) = swept {
                        tracing::warn!(%error, "old uploads cannot be removed");
                    }
                }
                () = self.stops() => return,
            }
        }
    }

    /// Takes nothing in any more, answers what was asked, ends every connection, and closes
    /// the store.
    pub(crate) async fn stop(&self) {
        self.phase.send_replace(Phase::Draining);
        let answered = async {
            while self.registry.open_calls() > 0 {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, answered).await.is_err() {
            tracing::warn!("some requests were not answered in time");
        }
        self.phase.send_replace(Phase::Closing);
        let ended = self.places.acquire_many(self.places_max);
        if tokio::time::timeout(DRAIN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        self.registry.clear();
        self.store.close().await;
    }
}

/// Where a client that reached `local` would reach the TCP listener bound to `tcp`.
fn reachable(tcp: SocketAddr, local: SocketAddr) -> SocketAddr {
    let ip = if tcp.ip().is_unspecified() { local.ip().to_canonical() } else { tcp.ip() };
    SocketAddr::new(ip, tcp.port())
}
