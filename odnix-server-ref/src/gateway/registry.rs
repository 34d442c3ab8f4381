//! Who is here: keys, their sessions, and the connection that carries each.
//!
//! ```text
//!            claim                      detach
//! (unknown) ───────▶ Here(connection) ────────▶ Away(session value)
//!                        ▲   │ claim by a newer connection: Surrender, then detach
//!                        └───┴────────────── claim ◀────────┘
//! ```
//!
//! Replies and updates find a session wherever it is: they are sent to the connection that
//! carries it, or put into the session while it is away. Everything that changes a session's
//! place or sends to it happens under one lock, so nothing falls between two places and each
//! user's updates arrive in the order of their commits.

mod keys;

pub(crate) use keys::Temporary;

use super::bindings::Bindings;
use super::memory_keys::MemoryKeys;
use super::tombstones::Tombstones;
use crate::rpc::{LoginChange, Outcome, Push, RpcError};
use crate::store::UserId;
use bytes::Bytes;
use odnix_proto::handshake::Done;
use odnix_proto::server::{
    CallContext, CallId, KeyDestroyed, KeyStored, ServerKey, Session, SessionRef,
};
use odnix_proto::{AuthKey, AuthKeyId, MsgId, Now, UnixTime};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a connection is told to do. A connection never waits for anything else before it takes
/// its commands, so they do not pile up; what a slow client leaves unread is bounded inside
/// its session.
#[derive(Debug)]
pub(crate) enum Command {
    /// A job is done.
    Done(Done),
    /// Whether a new key (of this dc) is stored; `None` when the store failed.
    KeyStored(AuthKeyId, i32, Option<KeyStored>),
    /// The key asked for; the error is the store's.
    Key(AuthKeyId, Result<Option<Box<ServerKey>>, ()>),
    /// The session asked for may be claimed again.
    SessionFree(SessionRef),
    /// Something for a session.
    Session(SessionRef, Message),
    /// The key of this session was destroyed as it had asked, or was gone already.
    KeyDestroyed(SessionRef, KeyDestroyed),
    /// Give this session to a newer connection.
    Surrender(SessionRef),
    /// A newer connection is waiting in our place.
    Superseded,
    /// A temporary key was bound to this permanent one.
    KeyBound(AuthKeyId, AuthKeyId),
    /// A key is gone: it is unknown from now on.
    Revoked(AuthKeyId),
}

/// Something for a session, wherever it is.
#[derive(Debug)]
pub(crate) enum Message {
    Reply(CallId, Result<Bytes, (i32, String)>),
    Push(Bytes),
    /// The permanent key that a binding names, if there is one.
    PermanentKey(Now, CallId, Option<Box<AuthKey>>),
    /// Whether a binding is stored.
    BindingStored(CallId, bool),
    KeyDestroyed(KeyDestroyed),
}

impl Message {
    /// Puts it into the session.
    pub(crate) fn apply(self, session: &mut Session) {
        let outcome = match self {
            Self::Push(update) => {
                // A full queue is the session's own business: it tells the client later.
                let _ = session.push(update);
                Ok(())
            }
            Self::Reply(call, Ok(result)) => session.reply(call, result).or_else(|error| {
                tracing::error!(%error, "a reply cannot be sent");
                session.reply_error(call, 500, "INTERNAL")
            }),
            Self::Reply(call, Err((code, text))) => session.reply_error(call, code, &text),
            Self::PermanentKey(now, call, key) => {
                session.provide_permanent_key(now, call, key.as_deref())
            }
            Self::BindingStored(call, stored) => session.binding_stored(call, stored),
            Self::KeyDestroyed(outcome) => session.key_destroyed(outcome),
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "nobody waits for this answer");
        }
    }
}

/// A request on its way from a session to its executor.
#[derive(Debug)]
pub(crate) struct IncomingCall {
    pub(crate) call: CallId,
    /// The key that the login belongs to.
    pub(crate) key_id: AuthKeyId,
    pub(crate) context: CallContext,
    pub(crate) body: Bytes,
    /// Where the client would reach our TCP listener.
    pub(crate) tcp_address: SocketAddr,
}

/// Names a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// How to reach a connection.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) id: ConnectionId,
    commands: UnboundedSender<Box<Command>>,
}

impl Handle {
    /// A connection's name, and what tells it commands. They are boxed, and so are calls, because
    /// a channel keeps room for 32 at least, and most connections are silent most of the time.
    pub(crate) fn new(id: ConnectionId) -> (Self, UnboundedReceiver<Box<Command>>) {
        let (commands, received) = unbounded_channel();
        (Self { id, commands }, received)
    }

    /// Tells it; whether it is still there.
    pub(crate) fn tell(&self, command: Command) -> bool {
        self.commands.send(Box::new(command)).is_ok()
    }
}

/// The answer to "may I carry this session?".
#[derive(Debug)]
pub(crate) enum Claim {
    /// It is new: run an executor on these calls. One of its name may have run messages up to
    /// `floor`.
    New {
        calls: UnboundedSender<Box<IncomingCall>>,
        executor: UnboundedReceiver<Box<IncomingCall>>,
        dc: i32,
        floor: Option<MsgId>,
    },
    /// It was away.
    Resumed { calls: UnboundedSender<Box<IncomingCall>>, session: Box<Session> },
    /// Another connection has it and was asked for it; [`Command::SessionFree`] follows.
    Wait,
    /// The key has too many sessions.
    Refused,
}

/// Bounds; see [`GatewayLimits`](crate::config::GatewayLimits).
#[derive(Clone, Debug)]
pub(crate) struct RegistryLimits {
    pub(crate) sessions_per_key_max: usize,
    pub(crate) temporary_keys_per_key_max: usize,
    pub(crate) sessions_away_max: usize,
    pub(crate) tombstones_max: usize,
    pub(crate) session_away_ttl: Duration,
}

#[derive(Debug)]
pub(crate) struct Registry {
    limits: RegistryLimits,
    memory_keys: MemoryKeys,
    inner: Mutex<Inner>,
    /// Calls between a session and their outcome.
    calls: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    keys: HashMap<AuthKeyId, KeyEntry>,
    users: HashMap<UserId, HashSet<AuthKeyId>>,
    bindings: Bindings,
    tombstones: Tombstones,
    /// Sessions that are away, in the order in which they left.
    away: BTreeMap<u64, (Instant, SessionRef)>,
    next_ticket: u64,
}

#[derive(Debug)]
struct KeyEntry {
    user: Option<UserId>,
    dc: i32,
    /// Who uses it.
    connections: HashMap<ConnectionId, Handle>,
    /// It is gone; what still uses it ends.
    revoked: bool,
    sessions: HashMap<i64, SessionEntry>,
}

#[derive(Debug)]
struct SessionEntry {
    place: Place,
    /// The client has asked for something as a user, and not without updates.
    subscribed: bool,
    /// To be forgotten when its connection gives it up.
    destroyed: bool,
    calls: UnboundedSender<Box<IncomingCall>>,
    waiter: Option<Handle>,
}

#[derive(Debug)]
enum Place {
    Here(Handle),
    Away { session: Box<Session>, ticket: u64 },
}

impl Registry {
    pub(crate) fn new(limits: RegistryLimits, memory_keys: MemoryKeys) -> Self {
        let inner = Mutex::new(Inner::new(&limits));
        Self { limits, memory_keys, inner, calls: AtomicUsize::new(0) }
    }

    /// A connection uses a key that `user` is logged in with, until [`Self::leave`]; once more is
    /// as once.
    pub(crate) fn enter(&self, key: AuthKeyId, user: Option<UserId>, dc: i32, by: &Handle) {
        self.lock().enter(key, user, dc, by);
    }

    /// What is known of keys in memory only.
    pub(crate) fn memory_keys(&self) -> &MemoryKeys {
        &self.memory_keys
    }

    /// A connection no longer uses a key.
    pub(crate) fn leave(&self, key: AuthKeyId, by: ConnectionId) {
        let mut inner = self.lock();
        if let Some(entry) = inner.keys.get_mut(&key) {
            entry.connections.remove(&by);
        }
        inner.forget_idle_key(key);
    }

    /// A connection wants to carry a session.
    pub(crate) fn claim(&self, wanted: SessionRef, by: &Handle) -> Claim {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let Some(key) = inner.keys.get_mut(&wanted.key_id).filter(|key| !key.revoked) else {
            return Claim::Refused;
        };
        let Some(entry) = key.sessions.get_mut(&wanted.session_id) else {
            return inner.create(wanted, by, &self.limits);
        };
        let calls = entry.calls.clone();
        match &entry.place {
            Place::Here(owner) if owner.id != by.id && owner.tell(Command::Surrender(wanted)) => {
                if let Some(waiting) = entry.waiter.replace(by.clone())
                    && waiting.id != by.id
                {
                    waiting.tell(Command::Superseded);
                }
                Claim::Wait
            }
            // The owner died without giving it up; or it is the one who asks, and a connection
            // asks only for what it does not carry.
            Place::Here(_) => {
                tracing::warn!("a session was lost with its connection");
                key.sessions.remove(&wanted.session_id);
                inner.create(wanted, by, &self.limits)
            }
            Place::Away { .. } => {
                let here = Place::Here(by.clone());
                let Place::Away { session, ticket } = std::mem::replace(&mut entry.place, here)
                else {
                    return Claim::Refused;
                };
                inner.away.remove(&ticket);
                Claim::Resumed { calls, session }
            }
        }
    }

    /// A connection gives up its session. Commands that already wait for the session are put
    /// into it first; the others are left in `backlog`.
    pub(crate) fn detach(
        &self,
        by: ConnectionId,
        mut session: Box<Session>,
        commands: &mut UnboundedReceiver<Box<Command>>,
        backlog: &mut VecDeque<Command>,
    ) {
        let reference = session.reference();
        let mut inner = self.lock();
        while let Ok(command) = commands.try_recv() {
            backlog.push_back(*command);
        }
        let mut others = VecDeque::new();
        for command in backlog.drain(..) {
            match command {
                Command::Session(to, message) if to == reference => message.apply(&mut session),
                other => others.push_back(other),
            }
        }
        *backlog = others;
        inner.put_away(by, session, &self.limits);
    }

    /// A request is answered: changes of the login with `holder` take effect, the reply and the
    /// updates leave. Called in the order of the commits.
    pub(crate) fn finish(
        &self,
        from: SessionRef,
        holder: AuthKeyId,
        call: CallId,
        without_updates: bool,
        result: Result<Outcome, RpcError>,
    ) {
        let mut inner = self.lock();
        let (mut kept_temporary, mut revoked) = (None, None);
        let reply = match result {
            Err(error) => {
                if let RpcError::Store(error) = &error {
                    tracing::error!(%error, "a request failed");
                }
                Err((error.code(), error.message()))
            }
            Ok(outcome) => {
                match outcome.login {
                    Some(LoginChange::In(user)) => inner.set_login(holder, Some(user)),
                    Some(LoginChange::Out) => inner.set_login(holder, None),
                    None => {}
                }
                if outcome.user.is_some() && !without_updates {
                    inner.subscribe(from);
                }
                for push in &outcome.pushes {
                    inner.push(push, from);
                }
                (kept_temporary, revoked) = (outcome.kept_temporary, outcome.revoked);
                Ok(outcome.reply)
            }
        };
        inner.send(from, Message::Reply(call, reply));
        if let Some(kept) = kept_temporary {
            self.drop_temporary(&mut inner, holder, &kept);
        }
        if let Some(revoked) = revoked {
            self.revoke_login(&mut inner, revoked);
        }
        drop(inner);
        self.call_ends();
    }

    /// A session has given out a call; [`Self::finish`] or [`Self::call_ends`] follows.
    pub(crate) fn call_begins(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// A call was dropped.
    pub(crate) fn call_ends(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls without an outcome so far.
    pub(crate) fn open_calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Forgets a session of `key` other than the asking one; `false` when there is none.
    pub(crate) fn destroy(&self, wanted: SessionRef) -> bool {
        let mut inner = self.lock();
        let Some(entry) = inner.session(wanted).filter(|entry| !entry.destroyed) else {
            return false;
        };
        match &entry.place {
            Place::Here(owner) => {
                entry.destroyed = true;
                owner.tell(Command::Surrender(wanted));
            }
            Place::Away { .. } => inner.forget(wanted),
        }
        true
    }

    /// Forgets sessions that have been away for too long, and temporary keys that have expired.
    pub(crate) fn sweep(&self, now: UnixTime) {
        let mut inner = self.lock();
        self.drop_expired(&mut inner, now);
        inner.tombstones.sweep(now, Instant::now());
        while let Some((_, (since, reference))) = inner.away.first_key_value()
            && since.elapsed() >= self.limits.session_away_ttl
        {
            let reference = *reference;
            inner.forget(reference);
        }
    }

    /// Forgets everything; the executors of all sessions end.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::new(&self.limits);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new(limits: &RegistryLimits) -> Self {
        Self {
            keys: HashMap::new(),
            users: HashMap::new(),
            bindings: Bindings::default(),
            tombstones: Tombstones::new(limits.tombstones_max),
            away: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    fn enter(&mut self, key: AuthKeyId, user: Option<UserId>, dc: i32, by: &Handle) {
        let entry = self.keys.entry(key).or_insert_with(|| KeyEntry {
            user: None,
            dc,
            connections: HashMap::new(),
            revoked: false,
            sessions: HashMap::new(),
        });
        entry.connections.entry(by.id).or_insert_with(|| by.clone());
        self.set_user(key, user);
    }

    /// A login with a permanent key concerns all temporary keys bound to it.
    fn set_login(&mut self, permanent: AuthKeyId, user: Option<UserId>) {
        self.set_user(permanent, user);
        for temporary in self.bindings.temporary(permanent) {
            self.set_user(temporary, user);
        }
    }

    fn session(&mut self, reference: SessionRef) -> Option<&mut SessionEntry> {
        self.keys.get_mut(&reference.key_id)?.sessions.get_mut(&reference.session_id)
    }

    fn create(&mut self, wanted: SessionRef, by: &Handle, limits: &RegistryLimits) -> Claim {
        let full = |inner: &Self| {
            let key = inner.keys.get(&wanted.key_id);
            key.is_none_or(|key| key.sessions.len() >= limits.sessions_per_key_max)
        };
        if full(self) {
            let mut away = self.away.values().map(|(_, reference)| *reference);
            if let Some(oldest) = away.find(|reference| reference.key_id == wanted.key_id) {
                self.forget(oldest);
            }
        }
        if full(self) {
            return Claim::Refused;
        }
        let Some(key) = self.keys.get_mut(&wanted.key_id) else { return Claim::Refused };
        let (calls, executor) = unbounded_channel();
        let entry = SessionEntry {
            place: Place::Here(by.clone()),
            subscribed: false,
            destroyed: false,
            calls: calls.clone(),
            waiter: None,
        };
        key.sessions.insert(wanted.session_id, entry);
        let floor = self.tombstones.floor(wanted);
        Claim::New { calls, executor, dc: key.dc, floor }
    }

    fn put_away(&mut self, by: ConnectionId, session: Box<Session>, limits: &RegistryLimits) {
        let reference = session.reference();
        let ticket = self.next_ticket;
        let Some(entry) = self.session(reference) else { return };
        if !matches!(&entry.place, Place::Here(owner) if owner.id == by) {
            return;
        }
        let waiter = entry.waiter.take();
        if entry.destroyed {
            self.bury(&session);
            self.forget(reference);
        } else {
            entry.place = Place::Away { session, ticket };
            self.next_ticket = ticket.saturating_add(1);
            self.away.insert(ticket, (Instant::now(), reference));
        }
        if let Some(waiter) = waiter {
            waiter.tell(Command::SessionFree(reference));
        }
        while self.away.len() > limits.sessions_away_max
            && let Some((_, (_, oldest))) = self.away.first_key_value()
        {
            let oldest = *oldest;
            self.forget(oldest);
        }
    }

    /// What it has run must not run again.
    fn bury(&mut self, session: &Session) {
        if let Some(tombstone) = session.tombstone() {
            self.tombstones.add(&tombstone, Instant::now());
        }
    }

    fn forget(&mut self, reference: SessionRef) {
        let Some(key) = self.keys.get_mut(&reference.key_id) else { return };
        if let Some(SessionEntry { place: Place::Away { ticket, session }, .. }) =
            key.sessions.remove(&reference.session_id)
        {
            self.away.remove(&ticket);
            self.bury(&session);
        }
        self.forget_idle_key(reference.key_id);
    }

    fn forget_idle_key(&mut self, key: AuthKeyId) {
        let idle = self
            .keys
            .get(&key)
            .is_some_and(|it| it.connections.is_empty() && it.sessions.is_empty());
        if idle {
            self.set_user(key, None);
            self.keys.remove(&key);
        }
    }

    fn set_user(&mut self, key: AuthKeyId, user: Option<UserId>) {
        let Some(entry) = self.keys.get_mut(&key) else { return };
        let before = std::mem::replace(&mut entry.user, user);
        if before == user {
            return;
        }
        for session in entry.sessions.values_mut() {
            session.subscribed = false;
        }
        if let Some(before) = before
            && let Some(keys) = self.users.get_mut(&before)
        {
            keys.remove(&key);
            if keys.is_empty() {
                self.users.remove(&before);
            }
        }
        if let Some(user) = user {
            self.users.entry(user).or_default().insert(key);
        }
    }

    fn subscribe(&mut self, reference: SessionRef) {
        if let Some(entry) = self.session(reference) {
            entry.subscribed = true;
        }
    }

    /// To each session of the user but the one the update comes from.
    fn push(&mut self, push: &Push, from: SessionRef) {
        let Some(keys) = self.users.get(&push.user) else { return };
        for key_id in keys {
            let Some(key) = self.keys.get_mut(key_id) else { continue };
            for (&session_id, entry) in &mut key.sessions {
                let reference = SessionRef { key_id: *key_id, session_id };
                let away = matches!(entry.place, Place::Away { .. });
                if reference != from && entry.subscribed && !(away && push.ephemeral) {
                    entry.send(reference, Message::Push(push.update.clone()));
                }
            }
        }
    }

    fn send(&mut self, to: SessionRef, message: Message) {
        match self.session(to) {
            Some(entry) => entry.send(to, message),
            None => tracing::debug!("the session was forgotten before its answer came"),
        }
    }
}

impl SessionEntry {
    fn send(&mut self, to: SessionRef, message: Message) {
        match &mut self.place {
            Place::Here(owner) => {
                // A connection that has ended puts its sessions away before its channel goes.
                owner.tell(Command::Session(to, message));
            }
            Place::Away { session, .. } => message.apply(session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let limits = RegistryLimits {
            sessions_per_key_max: 1,
            temporary_keys_per_key_max: 1,
            sessions_away_max: 1,
            tombstones_max: 1,
            session_away_ttl: Duration::ZERO,
        };
        Registry::new(limits, MemoryKeys::new(1))
    }

    #[test]
    fn a_binding_that_is_refused_leaves_the_key_as_it_was() {
        let registry = registry();
        let auth_key = AuthKey::new(odnix_proto::Secret::take(&mut [1; 256]));
        let key_id = auth_key.id();
        let key =
            ServerKey { auth_key, first_salt: None, expires_at: Some(100), bound_to: None, dc: 2 };
        assert!(registry.insert_temporary(&key));
        let expires_at = || {
            let key = registry.memory_keys().temporary(key_id, UnixTime::from_secs(1));
            key.and_then(|key| key.expires_at)
        };
        let from = SessionRef { key_id, session_id: 1 };
        let call = CallId::from(MsgId::from_i64(4));
        let [first, second] = [2, 3].map(|number| AuthKeyId::from_bytes([number; 8]));
        registry.bind(from, call, first, None, 50);
        assert_eq!(expires_at(), Some(100), "there is no such permanent key");
        registry.bind(from, call, first, Some(None), 90);
        assert_eq!(expires_at(), Some(90));
        registry.bind(from, call, second, Some(None), 50);
        assert_eq!(expires_at(), Some(90), "it is bound to another one");
    }

    #[test]
    fn a_connection_that_entered_twice_with_a_key_leaves_it_once() {
        let registry = registry();
        let (by, _received) = Handle::new(ConnectionId(1));
        let key = AuthKeyId::from_bytes([1; 8]);
        let other = Handle { id: ConnectionId(2), ..by.clone() };
        for handle in [&by, &by, &other] {
            registry.enter(key, Some(UserId(7)), 2, handle);
        }
        registry.leave(key, by.id);
        assert!(registry.lock().users.contains_key(&UserId(7)), "the other one stays");
        registry.leave(key, other.id);
        let inner = registry.lock();
        assert!(inner.keys.is_empty() && inner.users.is_empty(), "nothing is left of it");
    }
}
