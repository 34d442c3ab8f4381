//! The driver: one task that keeps a [`Connection`] connected and carries calls to it.
//!
//! ```text
//!            calls, controls               notices
//! Client ───────────────> Driver ─────────────────────> UpdateManager
//!                           │ Pump: Connection + socket
//!                         server
//! ```
//!
//! This is the only place that knows time, sockets and entropy. A lost transport is replaced
//! after a wait that doubles from 200 ms to 30 s and is jittered; calls stay open meanwhile.
//! A key the server does not know twice in a row is replaced by a new one.

pub(crate) mod address;
mod backoff;
pub(crate) mod clock;
pub(crate) mod pump;
pub(crate) mod socket;

pub use address::{AddressError, ServerAddress, Wire, WireError};

use crate::error::{CallError, ClientError};
use crate::event::{ClientEvent, Events};
use crate::replica::{DeviceKey, ReplicaError};
use crate::store::Store;
use backoff::Backoff;
use bytes::Bytes;
use odnix_proto::connection::client::{
    Event, Refusal, SavedKey, SessionEvent, State, TemporaryKeyEvent,
};
use odnix_proto::session::CallId;
use odnix_proto::{HandshakeFault, PeerError};
use pump::{Lost, Pump};
use socket::Socket;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How often a key must be unknown to the server, on connections of their own, before it is
/// given up: one transport error is too easily forged.
const KEY_UNKNOWN_MAX: u32 = 2;

/// The shortest wait after the server said that it has too much to do.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// When a client that cannot connect gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Never: it goes on trying.
    Endless,
    /// After this many failures in a row.
    Attempts(u32),
    /// After this many failures in a row before the first success; later never.
    FirstAttempts(u32),
}

impl Patience {
    fn is_over(self, failures: u32, was_ready: bool) -> bool {
        match self {
            Self::Endless => false,
            Self::Attempts(max) => failures >= max,
            Self::FirstAttempts(max) => failures >= max && !was_ready,
        }
    }
}

/// A request and who waits for its outcome.
pub(crate) struct Call {
    pub(crate) body: Bytes,
    pub(crate) reply: oneshot::Sender<Result<Bytes, CallError>>,
}

/// What the client asks of its driver besides calls; never waits behind them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// Drop the transport; it is replaced at once.
    Cut,
    /// Drop the transport and stay away.
    Pause,
    /// Come back.
    Resume,
}

/// What the driver tells the update manager.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Calls leave from now on; updates may have been missed.
    Ready,
    /// The server forgot what it knew of this session, or more came than could be taken in.
    UpdatesLost,
    /// An object nobody asked for.
    Pushed(Bytes),
}

/// Where notices go: a bounded queue. A notice that finds it full is dropped, and the
/// `overflown` flag makes the manager fetch what it missed from the server's log.
#[derive(Clone, Debug)]
pub(crate) struct Notices {
    pub(crate) queue: mpsc::Sender<Notice>,
    pub(crate) overflown: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Notices {
    fn send(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            self.overflown.store(true, std::sync::atomic::Ordering::Release);
        }
    }
}

/// Everything a driver needs.
pub(crate) struct Driver {
    pub(crate) address: ServerAddress,
    pub(crate) fingerprint: i64,
    pub(crate) dc: i32,
    pub(crate) patience: Patience,
    pub(crate) calls_max: usize,
    pub(crate) pump: Pump,
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) notices: Notices,
}

/// Where the driver stands with its transport.
enum Link {
    /// No transport wanted.
    Paused,
    Waiting {
        until: tokio::time::Instant,
    },
    Connecting {
        since: Instant,
        attempt: JoinHandle<io::Result<Socket>>,
    },
    Connected {
        since: Instant,
    },
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Self::Connecting { attempt, .. } = self {
            attempt.abort();
        }
    }
}

struct Running {
    driver: Driver,
    link: Link,
    backoff: Backoff,
    was_ready: bool,
    key_unknown: u32,
    /// Why the server's transport refused, if it did.
    refusal: Option<Refusal>,
    replies: BTreeMap<CallId, oneshot::Sender<Result<Bytes, CallError>>>,
}

impl Driver {
    /// Runs until every sender of `calls` is gone.
    pub(crate) async fn run(
        self,
        calls: mpsc::Receiver<Call>,
        controls: mpsc::Receiver<Control>,
    ) -> Result<(), ClientError> {
        let mut running = Running {
            driver: self,
            link: Link::Waiting { until: tokio::time::Instant::now() },
            backoff: Backoff::default(),
            was_ready: false,
            key_unknown: 0,
            refusal: None,
            replies: BTreeMap::new(),
        };
        running.run(calls, controls).await
    }
}

impl Running {
    async fn run(
        &mut self,
        mut calls: mpsc::Receiver<Call>,
        mut controls: mpsc::Receiver<Control>,
    ) -> Result<(), ClientError> {
        loop {
            let has_room = self.replies.len() < self.driver.calls_max;
            tokio::select! {
                call = calls.recv(), if has_room => match call {
                    Some(call) => self.on_call(call),
                    None => return Ok(()),
                },
                Some(control) = controls.recv() => self.on_control(control),
                event = self.driver.pump.next_event() => match event {
                    Ok(event) => self.on_event(event).await?,
                    Err(lost) => self.on_lost(lost)?,
                },
                connected = step(&mut self.link) => self.on_step(connected)?,
            }
        }
    }

    fn on_call(&mut self, Call { body, reply }: Call) {
        match self.driver.pump.connection.call(body) {
            Ok(call) => drop(self.replies.insert(call, reply)),
            Err(error) => drop(reply.send(Err(CallError::Request(error.to_string())))),
        }
    }

    fn on_control(&mut self, control: Control) {
        match control {
            Control::Cut => {
                if self.driver.pump.is_attached() {
                    self.driver.pump.detach();
                    self.announce_loss("cut on purpose".to_owned(), Duration::ZERO);
                }
            }
            Control::Pause => {
                self.driver.pump.detach();
                self.link = Link::Paused;
                self.driver.events.send(ClientEvent::Paused);
            }
            Control::Resume => {
                if matches!(self.link, Link::Paused) {
                    self.link = Link::Waiting { until: tokio::time::Instant::now() };
                }
            }
        }
    }

    async fn on_event(&mut self, event: Event) -> Result<(), ClientError> {
        match event {
            Event::KeyCreated(saved) => self.on_key_created(saved).await?,
            Event::Ready => self.on_ready().await?,
            Event::KeyUnknown(id) => {
                self.key_unknown += 1;
                if self.key_unknown >= KEY_UNKNOWN_MAX {
                    self.driver.pump.connection.discard_key();
                    self.driver.events.send(ClientEvent::KeyUnknown { key_id: id });
                }
            }
            Event::TemporaryKey(event) => self.on_temporary_key(event),
            Event::Refused(refusal) => self.refusal = Some(refusal),
            Event::Session(event) => self.on_session_event(event).await?,
            _ => {}
        }
        Ok(())
    }

    fn on_temporary_key(&mut self, event: TemporaryKeyEvent) {
        let event = match event {
            TemporaryKeyEvent::Bound { key_id, expires_at } => {
                ClientEvent::TemporaryKeyBound { key_id, expires_at }
            }
            TemporaryKeyEvent::Lost { key_id, reason } => {
                ClientEvent::TemporaryKeyLost { key_id, reason }
            }
            _ => return,
        };
        self.driver.events.send(event);
    }

    async fn on_key_created(&mut self, saved: SavedKey) -> Result<(), ClientError> {
        if let Link::Connected { since } = &self.link {
            let (key_id, elapsed) = (saved.auth_key.id(), since.elapsed());
            self.driver.events.send(ClientEvent::KeyCreated { key_id, elapsed });
        }
        let SavedKey { auth_key, server_salt, time_offset_us } = saved;
        let key = DeviceKey { auth_key, server_salt, time_offset_us };
        self.driver.store.with(move |replica| replica.save_device_key(&key)).await?;
        Ok(())
    }

    async fn on_ready(&mut self) -> Result<(), ClientError> {
        if let Some(session_id) = self.driver.pump.connection.session().session_id() {
            self.driver.store.with(move |replica| replica.save_session(session_id)).await?;
        }
        self.driver.events.send(ClientEvent::Connected { address: self.driver.address.clone() });
        self.driver.notices.send(Notice::Ready);
        Ok(())
    }

    async fn on_session_event(&mut self, event: SessionEvent) -> Result<(), ClientError> {
        // The server speaks with this key: the connection works. Under a temporary key that is not
        // bound yet it says nothing of the device's own.
        let state = self.driver.pump.connection.state();
        if matches!(state, State::Ready | State::AwaitSuccessor | State::AwaitAnswers) {
            self.backoff.reset();
            self.key_unknown = 0;
            self.was_ready = true;
        }
        match event {
            SessionEvent::Reply { call, result } => {
                if let Some(reply) = self.replies.remove(&call) {
                    let _ = reply.send(result.map_err(CallError::from));
                }
            }
            SessionEvent::Update(body) => self.driver.notices.send(Notice::Pushed(body)),
            SessionEvent::SessionCreated | SessionEvent::UpdatesLost => {
                self.driver.notices.send(Notice::UpdatesLost);
            }
            SessionEvent::SaltChanged(_) => self.save_salt().await?,
            _ => {}
        }
        Ok(())
    }

    async fn save_salt(&mut self) -> Result<(), ReplicaError> {
        let now = self.driver.pump.clock.now();
        let Some(saved) = self.driver.pump.connection.saved_key(now) else { return Ok(()) };
        let (salt, offset) = (saved.server_salt, saved.time_offset_us);
        self.driver.store.with(move |replica| replica.save_salt(salt, offset)).await
    }

    /// A connection attempt ended, or it is time for one.
    fn on_step(&mut self, connected: Option<io::Result<Socket>>) -> Result<(), ClientError> {
        match connected {
            None => {
                let address = self.driver.address.clone();
                let attempt = tokio::spawn(async move { Socket::connect(&address).await });
                self.link = Link::Connecting { since: Instant::now(), attempt };
                Ok(())
            }
            Some(Ok(socket)) => {
                let since = match &self.link {
                    Link::Connecting { since, .. } => *since,
                    _ => Instant::now(),
                };
                self.link = Link::Connected { since };
                self.driver.pump.attach(socket);
                Ok(())
            }
            Some(Err(error)) => self.on_lost(Lost::Io(error)),
        }
    }

    fn on_lost(&mut self, lost: Lost) -> Result<(), ClientError> {
        let address = self.driver.address.clone();
        // Neither is authentic: once the server was the right one, whoever says otherwise may be
        // somebody on the way, and is tried again.
        let unknown_key =
            matches!(lost, Lost::Peer(PeerError::Handshake(HandshakeFault::UnknownFingerprint)));
        if unknown_key && !self.was_ready {
            let fingerprint = self.driver.fingerprint;
            return Err(ClientError::WrongKey { address, fingerprint });
        }
        let mut wait = self.backoff.next(clock::dice());
        match self.refusal.take() {
            Some(Refusal::WrongDc) if !self.was_ready => {
                let dc = self.driver.dc;
                return Err(ClientError::WrongDc { address, dc });
            }
            Some(Refusal::TooMany) => {
                wait = wait.max(BUSY_WAIT);
                self.driver.events.send(ClientEvent::ServerBusy);
            }
            _ => {}
        }
        if self.driver.patience.is_over(self.backoff.failures(), self.was_ready) {
            let reason = lost.to_string();
            return Err(ClientError::Unreachable { address, reason });
        }
        self.announce_loss(lost.to_string(), wait);
        Ok(())
    }

    fn announce_loss(&mut self, reason: String, wait: Duration) {
        self.link = Link::Waiting { until: tokio::time::Instant::now() + wait };
        self.driver.events.send(ClientEvent::Disconnected { reason, retry_in: wait });
    }
}

/// Waits for what the link waits for: `None` when it is time to connect. Safe to cancel.
async fn step(link: &mut Link) -> Option<io::Result<Socket>> {
    match link {
        Link::Waiting { until } => {
            tokio::time::sleep_until(*until).await;
            None
        }
        Link::Connecting { attempt, .. } => {
            Some(attempt.await.unwrap_or_else(|failed| Err(io::Error::other(failed.to_string()))))
        }
        Link::Paused | Link::Connected { .. } => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::handshake_config;
    use crate::replica::Replica;
    use odnix_proto::client::{Config, Connection};
    use odnix_proto::crypto::rsa::RsaPrivateKey;
    use odnix_proto::limits::Limits;
    use odnix_proto::session::Timings;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    const KEY: &str = include_str!("../../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");

    pub(crate) fn pump() -> Pump {
        let key = RsaPrivateKey::from_pem(KEY).expect("a key").public().clone();
        let address: ServerAddress = "127.0.0.1:1".parse().expect("an address");
        let config = Config {
            handshake: Arc::new(handshake_config(&key, 2).expect("a configuration")),
            transport: Wire::default().towards(&address).expect("a transport"),
            pfs: None,
            quick_acks: false,
            init: None,
            limits: Limits::default(),
            timings: Timings::default(),
        };
        let seed = clock::seed().expect("entropy");
        Pump::new(Connection::new(Arc::new(config), seed), clock::Clock::start())
    }

    fn running(folder: &std::path::Path) -> (Running, mpsc::Receiver<Notice>) {
        let (queue, notices) = mpsc::channel(4);
        let driver = Driver {
            address: "127.0.0.1:1".parse().expect("an address"),
            fingerprint: 1,
            dc: 2,
            patience: Patience::Endless,
            calls_max: 1,
            pump: pump(),
            store: Store::new(Replica::open(folder, 1, None).expect("a replica")),
            events: Events::new(),
            notices: Notices { queue, overflown: Arc::new(AtomicBool::new(false)) },
        };
        let running = Running {
            driver,
            link: Link::Paused,
            backoff: Backoff::default(),
            was_ready: false,
            key_unknown: 0,
            refusal: None,
            replies: BTreeMap::new(),
        };
        (running, notices)
    }

    #[tokio::test]
    async fn updates_that_the_session_had_to_drop_are_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut running, mut notices) = running(folder.path());
        running.on_session_event(SessionEvent::UpdatesLost).await.expect("no failure");
        assert!(matches!(notices.try_recv(), Ok(Notice::UpdatesLost)));
    }

    #[tokio::test]
    async fn forged_refusals_stop_a_client_only_before_its_first_success() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut running, _notices) = running(folder.path());
        let unknown = || Lost::Peer(PeerError::Handshake(HandshakeFault::UnknownFingerprint));
        let wrong_dc = || Lost::Peer(PeerError::Transport(-444));
        for was_ready in [false, true] {
            running.was_ready = was_ready;
            let outcome = running.on_lost(unknown());
            assert_eq!(matches!(outcome, Err(ClientError::WrongKey { .. })), !was_ready);
            running.refusal = Some(Refusal::WrongDc);
            let outcome = running.on_lost(wrong_dc());
            assert_eq!(matches!(outcome, Err(ClientError::WrongDc { .. })), !was_ready);
        }
        assert!(matches!(running.link, Link::Waiting { .. }));
    }
}
