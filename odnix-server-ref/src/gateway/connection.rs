//! One socket: bytes in, bytes out, and the answers to what its [`Connection`] asks.
//!
//! The loop never waits for anything but all of its inputs at once: bytes, commands, room in
//! the outbound queue, deadlines, the end of the server. Writing happens in a task of its own.

use super::registry::{Claim, Command, Handle, IncomingCall, Message, Temporary};
use super::{Gateway, Phase, calls};
use crate::store::{KeyRecord, StoreError, Tx, UserId};
use bytes::{Bytes, BytesMut};
use odnix_proto::server::{
    CallId, Connection, Event, KeyDestroyed, KeyStored, ServerKey, Session, SessionEvent,
    SessionRef,
};
use odnix_proto::{AuthKey, AuthKeyId, Now, PeerError, Secret, Seed};
use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};
use tokio::time::{sleep_until, timeout};

/// Packets between the loop and the writing task.
const OUTBOUND_PACKETS_MAX: usize = 16;
/// A connection beyond its quota is told so when it has said something, or closed after this.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a refused client may go on talking before its socket is closed.
const LINGER: Duration = Duration::from_secs(1);

/// Where bytes come from. Reading may be abandoned at any await without losing bytes.
pub(super) trait Source: Send + 'static {
    /// Appends what has come; `false` at the end of the stream.
    fn read(&mut self, into: &mut BytesMut) -> impl Future<Output = io::Result<bool>> + Send;
}

/// Where packets go.
pub(super) trait Sink: Send + 'static {
    /// Writes these framed packets, each as a unit where the transport has units.
    fn write(&mut self, packets: &mut Vec<Bytes>) -> impl Future<Output = io::Result<()>> + Send;
    /// Ends the stream.
    fn finish(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

/// What a listener knows of a new socket.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) permit: Arc<super::quota::ConnectionPermit>,
    /// Where the client would reach our TCP listener.
    pub(super) tcp_address: SocketAddr,
    pub(super) config: Arc<odnix_proto::server::Config>,
}

/// Serves one socket until it ends.
pub(super) async fn serve<S: Source, K: Sink>(
    gateway: Arc<Gateway>,
    arrival: Arrival,
    mut source: S,
    sink: K,
) {
    let Ok(seed) = Seed::from_os() else {
        tracing::error!("the operating system has no entropy");
        return;
    };
    let (outbound, packets) = mpsc::channel(OUTBOUND_PACKETS_MAX);
    let writer = tokio::spawn(write(packets, sink, gateway.limits.write_timeout));
    let mut driver = Driver::new(gateway, arrival, seed, outbound);
    let end = driver.run(&mut source).await;
    tracing::debug!(connection = driver.handle.id.0, reason = %end, "connection ends");
    driver.finish();
    // The writer ends when the last packet is written or its time is up.
    drop(writer.await);
    if matches!(end, End::Peer(_)) {
        // Closing a socket with unread bytes would reset it and lose our last words.
        drop(timeout(LINGER, drain(&mut source)).await);
    }
}

async fn drain<S: Source>(source: &mut S) {
    let mut ignored = BytesMut::new();
    while matches!(source.read(&mut ignored).await, Ok(true)) {
        ignored.clear();
    }
}

async fn write<K: Sink>(mut packets: mpsc::Receiver<Bytes>, mut sink: K, patience: Duration) {
    let mut batch = Vec::new();
    while packets.recv_many(&mut batch, OUTBOUND_PACKETS_MAX).await > 0 {
        if !matches!(timeout(patience, sink.write(&mut batch)).await, Ok(Ok(()))) {
            return;
        }
        batch.clear();
    }
    drop(timeout(patience, sink.finish()).await);
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("closed by the client")]
    Closed,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Peer(#[from] PeerError),
    #[error("no session in time")]
    SetupTimeout,
    #[error("the client was silent")]
    Idle,
    #[error("the client asked to be disconnected")]
    DisconnectDue,
    #[error("the client does not read")]
    WriteFailed,
    #[error("a newer connection waits for the session")]
    Superseded,
    #[error("the store failed")]
    Store,
    #[error("the server stops")]
    Stopping,
}

/// What the loop waited for.
enum Woken {
    Command(Option<Box<Command>>),
    Read(io::Result<bool>),
    Room(bool),
    Late,
    PhaseChanged,
}

struct Driver {
    gateway: Arc<Gateway>,
    arrival: Arrival,
    machine: Connection,
    handle: Handle,
    commands: UnboundedReceiver<Box<Command>>,
    /// Commands taken out of the channel before their turn.
    backlog: VecDeque<Command>,
    outbound: Sender<Bytes>,
    /// Takes the calls of the session that the machine carries.
    calls: Option<UnboundedSender<Box<IncomingCall>>>,
    /// Keys this connection has entered the registry with.
    keys: HashSet<AuthKeyId>,
    /// Key exchanges begun here that were counted against the quota.
    exchanges: u64,
    started: Instant,
    heard: Instant,
}

impl Driver {
    fn new(gateway: Arc<Gateway>, arrival: Arrival, seed: Seed, outbound: Sender<Bytes>) -> Self {
        let (handle, commands) = Handle::new(gateway.next_connection());
        let machine = Connection::new(Arc::clone(&arrival.config), seed);
        let started = Instant::now();
        Self {
            gateway,
            arrival,
            machine,
            handle,
            commands,
            backlog: VecDeque::new(),
            outbound,
            calls: None,
            keys: HashSet::new(),
            exchanges: 0,
            started,
            heard: started,
        }
    }

    async fn run<S: Source>(&mut self, source: &mut S) -> End {
        let mut inbound = BytesMut::new();
        let mut phase = self.gateway.phase.subscribe();
        loop {
            if let Err(end) = self.obey_all().and_then(|()| self.settle()) {
                return end;
            }
            let stopping = *phase.borrow_and_update();
            if stopping == Phase::Closing {
                return End::Stopping;
            }
            let blocked = self.outbound.capacity() == 0;
            let deadline = self.deadline(blocked);
            let woken = tokio::select! {
                command = self.commands.recv() => Woken::Command(command),
                read = source.read(&mut inbound), if !blocked && stopping == Phase::Running => {
                    Woken::Read(read)
                }
                room = self.outbound.reserve(), if blocked => Woken::Room(room.is_ok()),
                () = sleep_until(deadline.into()) => Woken::Late,
                _ = phase.changed() => Woken::PhaseChanged,
            };
            let outcome = match woken {
                Woken::Command(command) => {
                    self.backlog.extend(command.map(|it| *it));
                    Ok(())
                }
                Woken::Read(read) => self.take_bytes(read, &mut inbound),
                Woken::Room(true) | Woken::PhaseChanged => Ok(()),
                Woken::Room(false) => Err(End::WriteFailed),
                Woken::Late => self.time_passed(),
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    fn take_bytes(&mut self, read: io::Result<bool>, inbound: &mut BytesMut) -> Result<(), End> {
        if !read? {
            return Err(End::Closed);
        }
        self.heard = Instant::now();
        let received = self.machine.receive(self.gateway.now(), inbound);
        let begun = self.machine.exchanges().saturating_sub(self.exchanges);
        self.exchanges = self.exchanges.saturating_add(begun);
        // Counted also when what followed was wrong.
        let counted = self.arrival.permit.take_exchanges(begun);
        received?;
        if !self.arrival.permit.is_within_quota() || !counted {
            return Err(self.refuse(PeerError::Flood));
        }
        Ok(())
    }

    /// The machine says the fault as its last words when the connection ends.
    fn refuse(&mut self, fault: PeerError) -> End {
        self.machine.refuse(fault);
        End::Peer(fault)
    }

    /// Answers what the machine asks and sends what it has, as far as there is room.
    fn settle(&mut self) -> Result<(), End> {
        while let Some(event) = self.machine.poll_event() {
            self.answer(event)?;
        }
        let now = self.gateway.now();
        let mut packet = BytesMut::new();
        while let Ok(place) = self.outbound.try_reserve() {
            if self.machine.poll_transmit(now, &mut packet).is_none() {
                break;
            }
            place.send(packet.split().freeze());
        }
        if self.outbound.is_closed() { Err(End::WriteFailed) } else { Ok(()) }
    }

    /// While the client does not read, the machine's timers could only ask for more to be
    /// written; the writing task keeps the time then.
    fn deadline(&self, blocked: bool) -> Instant {
        let limits = &self.gateway.limits;
        let own = if !self.arrival.permit.is_within_quota() {
            self.started + REFUSAL_TIMEOUT
        } else if self.calls.is_none() {
            self.started + limits.setup_timeout
        } else {
            self.heard + limits.idle_timeout
        };
        match self.machine.poll_timeout() {
            Some(at) if !blocked => self.gateway.instant(at).min(own),
            _ => own,
        }
    }

    fn time_passed(&mut self) -> Result<(), End> {
        let limits = &self.gateway.limits;
        if !self.arrival.permit.is_within_quota() && self.started.elapsed() >= REFUSAL_TIMEOUT {
            return Err(End::Idle);
        }
        if self.calls.is_none() && self.started.elapsed() >= limits.setup_timeout {
            return Err(End::SetupTimeout);
        }
        if self.heard.elapsed() >= limits.idle_timeout {
            return Err(End::Idle);
        }
        Ok(self.machine.handle_timeout(self.gateway.now())?)
    }

    // --- what the machine asks -----------------------------------------------------------

    fn answer(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Work(job) => self.work(job),
            Event::KeyCreated(key) => self.store_key(key),
            Event::KeyWanted(id) => self.look_up_key(id),
            Event::SessionWanted(wanted) => self.claim(wanted),
            Event::SessionReleased(session) => {
                self.detach(session);
                Ok(())
            }
            Event::Session(event) => {
                self.answer_session(event);
                Ok(())
            }
            Event::DisconnectDue => Err(End::DisconnectDue),
            other => {
                tracing::error!(?other, "an event this gateway does not know");
                Ok(())
            }
        }
    }

    fn answer_session(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Call { call, context, body } => {
                let tcp_address = self.arrival.tcp_address;
                if let (Some(calls), Some(session)) = (&self.calls, self.machine.session()) {
                    self.gateway.registry.call_begins();
                    let key_id = session.login_key_id();
                    let call = IncomingCall { call, key_id, context, body, tcp_address };
                    if calls.send(Box::new(call)).is_err() {
                        self.gateway.registry.call_ends();
                    }
                }
            }
            SessionEvent::DestroyWanted { session_id } => {
                if let Some(session) = self.machine.session() {
                    let wanted = SessionRef { key_id: session.key_id(), session_id };
                    let existed = self.gateway.registry.destroy(wanted);
                    session.session_destroyed(session_id, existed);
                }
            }
            SessionEvent::PermanentKeyWanted { call, perm_auth_key_id } => {
                self.look_up_permanent(call, perm_auth_key_id);
            }
            SessionEvent::TemporaryKeyBound { call, perm_auth_key_id, expires_at } => {
                self.bind(call, perm_auth_key_id, expires_at);
            }
            SessionEvent::KeyDestroyWanted => self.destroy_key(),
            other => tracing::error!(?other, "an event this gateway does not know"),
        }
    }

    fn work(&mut self, job: odnix_proto::handshake::Job) -> Result<(), End> {
        if !self.arrival.permit.take_job() {
            return Err(self.refuse(PeerError::Flood));
        }
        let handle = self.handle.clone();
        let tell = move |done| {
            handle.tell(Command::Done(done));
        };
        let queued = self.gateway.jobs.spawn(job, tell);
        queued.map_err(|_| self.refuse(PeerError::Flood))
    }

    /// Temporary keys live in memory; others are told to the client once they are committed.
    fn store_key(&mut self, key: ServerKey) -> Result<(), End> {
        let (id, dc) = (key.auth_key.id(), key.dc);
        if key.expires_at.is_some() {
            let stored = self.gateway.registry.insert_temporary(&key);
            let verdict = if stored { KeyStored::Stored } else { KeyStored::Collision };
            return self.key_stored(id, dc, Some(verdict));
        }
        self.gateway.registry.memory_keys().remember_first_salt(&key);
        let record = KeyRecord {
            id,
            server_salt: key.first_salt.map_or(0, |first| first.salt),
            dc,
            created_at: i64::try_from(self.gateway.now().wall.as_secs()).unwrap_or(i64::MAX),
            auth_key: Secret::init(|copy| copy.copy_from_slice(key.auth_key.expose_secret())),
        };
        let anonymous_max =
            i64::try_from(self.gateway.limits.anonymous_keys_max).unwrap_or(i64::MAX);
        let handle = self.handle.clone();
        let release = move |inserted: Result<bool, StoreError>| {
            let verdict = match inserted {
                Ok(true) => Some(KeyStored::Stored),
                Ok(false) => Some(KeyStored::Collision),
                Err(error) => {
                    tracing::error!(%error, "a new key cannot be stored");
                    None
                }
            };
            handle.tell(Command::KeyStored(id, dc, verdict));
        };
        self.submit(move |tx| tx.insert_key(&record, anonymous_max), release);
        Ok(())
    }

    fn key_stored(
        &mut self,
        id: AuthKeyId,
        dc: i32,
        verdict: Option<KeyStored>,
    ) -> Result<(), End> {
        let Some(verdict) = verdict else { return Err(End::Store) };
        if verdict == KeyStored::Stored {
            self.enter(id, None, dc);
        }
        if let Err(error) = self.machine.key_stored(self.gateway.now(), id, verdict) {
            tracing::debug!(%error, "the key exchange went on without its key");
        }
        Ok(())
    }

    fn look_up_key(&mut self, id: AuthKeyId) -> Result<(), End> {
        let now = self.gateway.now();
        match self.gateway.registry.enter_temporary(id, now.wall, &self.handle) {
            Some(Temporary::Unbound(key)) => {
                self.keys.insert(id);
                return Ok(self.machine.provide_key(now, id, Some(*key))?);
            }
            Some(Temporary::Bound(permanent)) => {
                self.look_up_bound(id, permanent);
                return Ok(());
            }
            None => {}
        }
        let now_us = micros(now);
        let first_salt = self.gateway.registry.memory_keys().first_salt(id);
        let handle = self.handle.clone();
        let registry = Arc::clone(&self.gateway.registry);
        let look_up = move |tx: &mut dyn Tx| -> Result<_, StoreError> {
            Ok((tx.use_key(id, now_us)?, tx.session_user(id)?))
        };
        let release = move |found: Result<(Option<KeyRecord>, _), StoreError>| {
            let answer = found.map(|(record, user)| {
                record.map(|record| {
                    // Here, in the order of the commits, so that no login is missed.
                    registry.enter(id, user, record.dc, &handle);
                    Box::new(ServerKey {
                        auth_key: AuthKey::new(record.auth_key),
                        first_salt,
                        expires_at: None,
                        bound_to: None,
                        dc: record.dc,
                    })
                })
            });
            let answer = answer.map_err(|error| tracing::error!(%error, "a key cannot be read"));
            let entered = matches!(answer, Ok(Some(_)));
            if !handle.tell(Command::Key(id, answer)) && entered {
                registry.leave(id, handle.id);
            }
        };
        self.submit(look_up, release);
        Ok(())
    }

    // --- temporary keys, and the end of a key --------------------------------------------

    /// As [`Self::look_up_key`], for a temporary key that is bound: the login is that of the
    /// permanent key.
    fn look_up_bound(&self, id: AuthKeyId, permanent: AuthKeyId) {
        let now = self.gateway.now();
        let (handle, registry) = (self.handle.clone(), Arc::clone(&self.gateway.registry));
        let release = move |found: Result<Option<Option<UserId>>, StoreError>| {
            let answer = found
                .map(|user| registry.enter_bound(id, permanent, user, now.wall, &handle))
                .map_err(|error| tracing::error!(%error, "a key cannot be read"));
            let entered = matches!(answer, Ok(Some(_)));
            if !handle.tell(Command::Key(id, answer)) && entered {
                registry.leave(id, handle.id);
            }
        };
        self.submit(user_of(permanent, now), release);
    }

    fn look_up_permanent(&mut self, call: CallId, permanent: AuthKeyId) {
        let Some(from) = self.machine.session().map(|session| session.reference()) else { return };
        let now = self.gateway.now();
        let registry = Arc::clone(&self.gateway.registry);
        let release = move |found: Result<Option<KeyRecord>, StoreError>| {
            let message = match found {
                Ok(record) => {
                    let key = record.map(|record| Box::new(AuthKey::new(record.auth_key)));
                    Message::PermanentKey(now, call, key)
                }
                Err(error) => failed(call, &error),
            };
            registry.tell(from, message);
        };
        self.submit(move |tx| tx.use_key(permanent, micros(now)), release);
    }

    /// The binding itself is in memory, like the key; the permanent key and who is logged in
    /// with it are looked at in the order of the commits, so that no login is missed.
    fn bind(&mut self, call: CallId, permanent: AuthKeyId, expires_at: i32) {
        let Some(from) = self.machine.session().map(|session| session.reference()) else { return };
        let registry = Arc::clone(&self.gateway.registry);
        let release = move |found: Result<Option<Option<UserId>>, StoreError>| match found {
            Ok(user) => registry.bind(from, call, permanent, user, expires_at),
            Err(error) => registry.tell(from, failed(call, &error)),
        };
        self.submit(user_of(permanent, self.gateway.now()), release);
    }

    /// A permanent key goes from the store first; a temporary one is in memory only.
    fn destroy_key(&mut self) {
        let Some(from) = self.machine.session().map(|session| session.reference()) else { return };
        let (registry, handle) = (Arc::clone(&self.gateway.registry), self.handle.clone());
        if registry.is_temporary(from.key_id) {
            return registry.key_destroyed(from, &handle, KeyDestroyed::Ok);
        }
        let release = move |deleted: Result<bool, StoreError>| {
            let outcome = match deleted {
                Ok(true) => KeyDestroyed::Ok,
                Ok(false) => KeyDestroyed::None,
                Err(error) => {
                    tracing::error!(%error, "a key cannot be destroyed");
                    KeyDestroyed::Fail
                }
            };
            registry.key_destroyed(from, &handle, outcome);
        };
        self.submit(move |tx| tx.delete_key(from.key_id), release);
    }

    /// What was answered before the key went leaves first.
    fn key_revoked(&mut self, id: AuthKeyId) -> Result<(), End> {
        self.settle()?;
        let carries = self.machine.session().is_some_and(|session| session.key_id() == id);
        if carries { Err(self.refuse(PeerError::UnknownKey)) } else { Ok(()) }
    }

    /// The session that asked tells its client and takes nothing in any more. It may have left,
    /// and another one under the same key come.
    fn key_destroyed(&mut self, from: SessionRef, outcome: KeyDestroyed) -> Result<(), End> {
        match self.machine.session() {
            Some(session) if session.reference() == from => {
                Message::KeyDestroyed(outcome).apply(session);
                Ok(())
            }
            _ => self.key_revoked(from.key_id),
        }
    }

    /// Submits without waiting, so that the loop goes on.
    fn submit<T, W, R>(&self, work: W, release: R)
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
        R: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        let store = self.gateway.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.submit(work, release).await {
                tracing::debug!(%error, "asked too late");
            }
        });
    }

    fn enter(&mut self, id: AuthKeyId, user: Option<UserId>, dc: i32) {
        self.gateway.registry.enter(id, user, dc, &self.handle);
        self.keys.insert(id);
    }

    fn claim(&mut self, wanted: SessionRef) -> Result<(), End> {
        let now = self.gateway.now();
        match self.gateway.registry.claim(wanted, &self.handle) {
            Claim::New { calls, executor, dc, floor } => {
                let gateway = Arc::clone(&self.gateway);
                tokio::spawn(calls::execute(gateway, wanted, dc, executor));
                self.leave_session(calls);
                Ok(self.machine.provide_new_session(now, wanted, floor)?)
            }
            Claim::Resumed { calls, session } => {
                self.leave_session(calls);
                Ok(self.machine.provide_session(now, wanted, Some(session))?)
            }
            Claim::Wait => Ok(()),
            Claim::Refused => Err(self.refuse(PeerError::Flood)),
        }
    }

    /// The calls of the session that leaves go to its own executor.
    fn leave_session(&mut self, next: UnboundedSender<Box<IncomingCall>>) {
        while let Some(event) = self.machine.session().and_then(|session| session.poll_event()) {
            self.answer_session(event);
        }
        self.calls = Some(next);
    }

    // --- what others tell ----------------------------------------------------------------

    fn obey_all(&mut self) -> Result<(), End> {
        loop {
            let next =
                self.backlog.pop_front().or_else(|| self.commands.try_recv().ok().map(|it| *it));
            let Some(command) = next else { return Ok(()) };
            self.obey(command)?;
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), End> {
        let now = self.gateway.now();
        match command {
            Command::Done(done) => self.machine.complete(now, done)?,
            Command::KeyStored(id, dc, verdict) => self.key_stored(id, dc, verdict)?,
            Command::Key(id, Ok(key)) => {
                if key.is_some() {
                    self.keys.insert(id);
                }
                self.machine.provide_key(now, id, key.map(|key| *key))?;
            }
            Command::Key(_, Err(())) => return Err(End::Store),
            Command::SessionFree(wanted) => self.claim(wanted)?,
            Command::Session(to, message) => self.tell_session(to, message),
            Command::Surrender(wanted) => self.surrender(wanted),
            Command::Superseded => return Err(End::Superseded),
            Command::KeyBound(id, permanent) => self.machine.key_bound(id, permanent),
            Command::Revoked(id) => return self.key_revoked(id),
            Command::KeyDestroyed(from, outcome) => return self.key_destroyed(from, outcome),
        }
        Ok(())
    }

    fn tell_session(&mut self, to: SessionRef, message: Message) {
        match self.machine.session() {
            Some(session) if session.reference() == to => message.apply(session),
            _ => tracing::debug!("the session has left before its message came"),
        }
    }

    fn surrender(&mut self, wanted: SessionRef) {
        if self.machine.session().is_some_and(|session| session.reference() == wanted)
            && let Some(session) = self.machine.release_session(self.gateway.now())
        {
            self.calls = None;
            // Over HTTP the client may come back by this connection: it has its time to do so.
            self.started = Instant::now();
            self.detach(session);
        }
    }

    /// Leaves a session behind for its client's return.
    fn detach(&mut self, session: Box<Session>) {
        let (registry, by) = (&self.gateway.registry, self.handle.id);
        registry.detach(by, session, &mut self.commands, &mut self.backlog);
    }

    /// Says the last words and leaves the sessions behind.
    fn finish(mut self) {
        // What the machine told last, when the connection had ended already.
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::SessionReleased(session) => self.detach(session),
                Event::Session(event) => self.answer_session(event),
                _ => {}
            }
        }
        let now = self.gateway.now();
        let mut packet = BytesMut::new();
        while let Ok(place) = self.outbound.try_reserve() {
            if self.machine.poll_transmit(now, &mut packet).is_none() {
                break;
            }
            place.send(packet.split().freeze());
        }
        if let Some(session) = self.machine.into_session() {
            let registry = &self.gateway.registry;
            registry.detach(self.handle.id, session, &mut self.commands, &mut self.backlog);
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.backlog.push_back(*command);
        }
        for command in self.backlog {
            if let Command::Key(id, Ok(Some(_))) = command {
                self.keys.insert(id);
            }
        }
        for key in self.keys {
            self.gateway.registry.leave(key, self.handle.id);
        }
    }
}

fn micros(now: Now) -> i64 {
    i64::try_from(now.wall.as_micros()).unwrap_or(i64::MAX)
}

/// Who is logged in with a key; the outer `None` when there is no such key.
fn user_of(
    id: AuthKeyId,
    now: Now,
) -> impl FnOnce(&mut dyn Tx) -> Result<Option<Option<UserId>>, StoreError> + Send + 'static {
    move |tx| {
        let exists = tx.use_key(id, micros(now))?.is_some();
        let user = tx.session_user(id)?;
        Ok(exists.then_some(user))
    }
}

fn failed(call: CallId, error: &StoreError) -> Message {
    tracing::error!(%error, "a key cannot be read");
    Message::Reply(call, Err((500, "INTERNAL".into())))
}
