//! The server: real connections, sessions and methods over a real database, and the embedder's
//! rules around them, which are those of the reference gateway.
//!
//! A call runs in one transaction; what follows from it (the answer, the updates) leaves after
//! the commit, in the order of the commits. A crash keeps the database and nothing else.

mod planted;

use crate::sim::bugs::{Bug, Planted};
use crate::sim::invariants::Invariant;
use crate::sim::network::Conn;
use crate::sim::oracle::Oracle;
use crate::sim::random::Random;
use bytes::{Bytes, BytesMut};
use odnix_proto::limits::Limits;
use odnix_proto::server::{
    CallId, Config, Connection, Event, KeyStored, ServerKey, Session, SessionEvent, SessionRef,
};
use odnix_proto::{AuthKey, AuthKeyId, MsgId, Now, PeerError, Secret};
use odnix_server_ref::rpc::{Caller, Evidence, Form, Outcome, Prepared, Push, Rpc, RpcError};
use odnix_server_ref::store::{ChatId, Database, KeyRecord, NewUser, StoreError, UserId};
use odnix_tl::Decode as _;
use odnix_tl::odnix::enums::InputPeer;
use odnix_tl::odnix::{Request, types};
use planted::{before_commit, guest, twist_difference};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Keys that nobody is logged in with.
const ANONYMOUS_MAX: i64 = 1000;

/// What a connection has to say to the world.
#[derive(Debug)]
pub enum Said {
    /// Run this call.
    Call(Call),
    /// A key was made.
    KeyCreated(AuthKeyId),
    /// It is over.
    Close,
    /// Another connection has something to send.
    Touched(Conn),
}

/// A call on its way to its transaction.
#[derive(Clone, Debug)]
pub struct Call {
    /// From where.
    pub session: SessionRef,
    /// Which.
    pub call: CallId,
    /// The request.
    pub body: Bytes,
    /// Someone else has brought it, in packets of an earlier life of the server.
    pub stale: bool,
}

/// A call that has run, before its consequences.
#[derive(Debug)]
pub struct Ran {
    call: Call,
    result: Result<Outcome, RpcError>,
}

/// What a transaction comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is committed.
    Commits,
    /// It is not.
    Fails,
}

struct Connected {
    machine: Connection,
    carries: Option<SessionRef>,
}

struct Entry {
    user: Option<UserId>,
    subscribed: bool,
    place: Place,
    /// Calls it has handed out and not been given an answer for, and their bytes.
    running: BTreeMap<CallId, usize>,
}

enum Place {
    Here(Conn),
    Away(Box<Session>),
}

/// See the module.
pub struct SimServer {
    database: Database,
    rpc: Rpc,
    config: Arc<Config>,
    /// Those that its connections should keep.
    limits: Arc<Limits>,
    random: Random,
    planted: Planted,
    conns: BTreeMap<Conn, Connected>,
    sessions: BTreeMap<SessionRef, Entry>,
    tombstones: BTreeMap<SessionRef, MsgId>,
    /// What was committed of calls, and in which life of the server.
    committed: BTreeMap<(SessionRef, CallId), u64>,
    lives: u64,
    used_random_ids: BTreeSet<i64>,
    /// What was committed.
    pub oracle: Oracle,
    /// Broken promises seen here.
    pub broken: Vec<(Invariant, String)>,
    /// Pushes that a full queue took no more.
    pub pushes_refused: u64,
    /// Pushes put into sessions.
    pub pushes: u64,
    /// Calls that were committed before a crash and again after it.
    pub ran_again: u64,
}

type Sql<T> = Result<T, StoreError>;

impl SimServer {
    /// With an empty database.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn new(config: Config, log_max: i32, mut random: Random, planted: Planted) -> Sql<Self> {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        let mut server = Self {
            database: Database::in_memory()?,
            rpc: Rpc::new(secret).with_log_max(log_max),
            limits: config.limits.clone(),
            config: Arc::new(config),
            random,
            planted,
            conns: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            committed: BTreeMap::new(),
            lives: 0,
            used_random_ids: BTreeSet::new(),
            oracle: Oracle::default(),
            broken: Vec::new(),
            pushes_refused: 0,
            pushes: 0,
            ran_again: 0,
        };
        server.new_salts();
        Ok(server)
    }

    fn new_salts(&mut self) {
        let mut salt_secret = [0; 32];
        self.random.fill(&mut salt_secret);
        let salt_secret = Arc::new(Secret::take(&mut salt_secret));
        if self.planted.is(Bug::CallsUnbounded) {
            let Config { limits, .. } = (*self.config).clone();
            let Limits { calls_max, calls_bytes_max, .. } = Limits::default();
            let limits = Limits { calls_max, calls_bytes_max, ..(*limits).clone() };
            self.config = Arc::new(Config { limits: Arc::new(limits), ..(*self.config).clone() });
        }
        self.config = Arc::new(Config { salt_secret, ..(*self.config).clone() });
    }

    // --- accounts ---

    /// An account.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn add_user(&mut self, name: &str) -> Sql<UserId> {
        let user = NewUser { username: name, first_name: name, password_hash: "-", created_at: 1 };
        let id = self.database.run(|tx| tx.create_user(&user), |_| Ok(()))?;
        self.oracle.logs.insert(id, super::oracle::Log::default());
        Ok(id)
    }

    /// A key that a user is logged in with.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn add_key(&mut self, key: &AuthKey, user: UserId) -> Sql<()> {
        let record = record(key);
        self.database.run(
            |tx| {
                tx.insert_key(&record, ANONYMOUS_MAX)?;
                tx.set_session_user(record.id, Some(user), None)
            },
            |_| Ok(()),
        )?;
        Ok(())
    }

    /// Someone is now behind a key.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn log_in(&mut self, id: AuthKeyId, user: UserId) -> Sql<()> {
        self.database.run(|tx| tx.set_session_user(id, Some(user), None), |_| Ok(())).map(drop)
    }

    /// The answer to a request of a key, outside any connection.
    ///
    /// # Errors
    /// The request was refused.
    pub fn ask(&mut self, now: Now, key_id: AuthKeyId, body: Bytes) -> Result<Bytes, RpcError> {
        let prepared = prepare(body)?;
        let (rpc, caller) = (&self.rpc, caller(key_id, now));
        self.database.run(|tx| rpc.handle(tx, &caller, prepared), |_| Ok(())).map(|it| it.reply)
    }

    /// Unread messages of a user, as the server counts.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn unread(&mut self, user: UserId) -> Sql<i64> {
        self.database.run(|tx| tx.unread_count(user), |_| Ok(()))
    }

    /// Large groups that have other members than their logs say.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn wrong_members(&mut self) -> Sql<Vec<String>> {
        let mut wrong = Vec::new();
        for (id, group) in &self.oracle.groups {
            let here: Sql<Vec<UserId>> =
                self.database.run(|tx| tx.member_ids(ChatId(*id)), |_| Ok(()));
            let here: BTreeSet<i64> = here?.into_iter().map(|user| user.0).collect();
            if here != group.members {
                let members = &group.members;
                wrong.push(format!("group {id} has {here:?}, its log says {members:?}"));
            }
        }
        Ok(wrong)
    }

    // --- connections ---

    /// A transport is up.
    pub fn connect(&mut self, conn: Conn) {
        let machine = Connection::new(Arc::clone(&self.config), self.random.seed());
        self.conns.insert(conn, Connected { machine, carries: None });
    }

    /// Whether it serves this transport.
    pub fn has(&self, conn: Conn) -> bool {
        self.conns.contains_key(&conn)
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Now, conn: Conn, bytes: &[u8]) -> Vec<Said> {
        let Some(connected) = self.conns.get_mut(&conn) else { return Vec::new() };
        let received = connected.machine.receive(now, &mut BytesMut::from(bytes));
        self.follow(now, conn, received)
    }

    /// Its timer is due.
    pub fn handle_timeout(&mut self, now: Now, conn: Conn) -> Vec<Said> {
        let Some(connected) = self.conns.get_mut(&conn) else { return Vec::new() };
        let passed = connected.machine.handle_timeout(now);
        self.follow(now, conn, passed)
    }

    /// When that is.
    pub fn poll_timeout(&self, conn: Conn) -> Option<odnix_proto::Instant> {
        self.conns.get(&conn)?.machine.poll_timeout()
    }

    /// The next packet.
    pub fn poll_transmit(&mut self, now: Now, conn: Conn) -> Option<Bytes> {
        let mut packet = BytesMut::new();
        self.conns.get_mut(&conn)?.machine.poll_transmit(now, &mut packet)?;
        Some(packet.freeze())
    }

    /// The transport has ended; its session waits for another one.
    pub fn disconnect(&mut self, conn: Conn) {
        if let Some(connected) = self.conns.remove(&conn)
            && let Some(session) = connected.machine.into_session()
        {
            self.put_away(conn, session);
        }
    }

    fn follow(&mut self, now: Now, conn: Conn, first: Result<(), PeerError>) -> Vec<Said> {
        let mut said = Vec::new();
        let mut outcome = first;
        while let Some(event) = self.conns.get_mut(&conn).and_then(|it| it.machine.poll_event()) {
            if let Err(fault) = self.answer(now, conn, event, &mut said) {
                outcome = Err(fault);
            }
        }
        if outcome.is_err() {
            said.push(Said::Close);
        }
        said
    }

    fn answer(
        &mut self,
        now: Now,
        conn: Conn,
        event: Event,
        said: &mut Vec<Said>,
    ) -> Result<(), PeerError> {
        match event {
            Event::Work(job) => {
                let done = job.run();
                self.machine(conn).map_or(Ok(()), |machine| machine.complete(now, done))
            }
            Event::KeyCreated(key) => {
                let (id, record) = (key.auth_key.id(), record(&key.auth_key));
                let stored =
                    self.database.run(|tx| tx.insert_key(&record, ANONYMOUS_MAX), |_| Ok(()));
                let verdict = match stored as Sql<bool> {
                    Ok(true) => KeyStored::Stored,
                    _ => KeyStored::Collision,
                };
                said.push(Said::KeyCreated(id));
                if let Some(machine) = self.machine(conn) {
                    let _ = machine.key_stored(now, id, verdict);
                }
                Ok(())
            }
            Event::KeyWanted(id) => {
                let key = self.key(id);
                self.machine(conn).map_or(Ok(()), |machine| machine.provide_key(now, id, key))
            }
            Event::SessionWanted(wanted) => self.claim(now, conn, wanted, said),
            Event::SessionReleased(session) => {
                self.put_away(conn, session);
                Ok(())
            }
            Event::Session(SessionEvent::Call { call, body, .. }) => {
                if let Some(session) = self.conns.get(&conn).and_then(|it| it.carries) {
                    self.note_running(session, call, body.len());
                    said.push(Said::Call(Call { session, call, body, stale: false }));
                }
                Ok(())
            }
            Event::DisconnectDue => {
                said.push(Said::Close);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A session hands out no more calls, and no more bytes of them, than its limits say.
    fn note_running(&mut self, session: SessionRef, call: CallId, bytes: usize) {
        let limits = &self.limits;
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        entry.running.insert(call, bytes);
        let (count, bytes) = (entry.running.len(), entry.running.values().sum::<usize>());
        if count > limits.calls_max || bytes > limits.calls_bytes_max {
            let what = format!("{count} calls of {bytes} bytes run for one session");
            self.broken.push((Invariant::I6, what));
        }
    }

    fn machine(&mut self, conn: Conn) -> Option<&mut Connection> {
        self.conns.get_mut(&conn).map(|connected| &mut connected.machine)
    }

    fn key(&mut self, id: AuthKeyId) -> Option<ServerKey> {
        let found: Sql<Option<KeyRecord>> = self.database.run(|tx| tx.use_key(id, 1), |_| Ok(()));
        let KeyRecord { auth_key, dc, .. } = found.ok()??;
        let auth_key = AuthKey::new(auth_key);
        Some(ServerKey { auth_key, first_salt: None, expires_at: None, bound_to: None, dc })
    }

    // --- sessions ---

    fn claim(
        &mut self,
        now: Now,
        conn: Conn,
        wanted: SessionRef,
        said: &mut Vec<Said>,
    ) -> Result<(), PeerError> {
        let before = self.sessions.remove(&wanted);
        let subscribed = before.as_ref().is_some_and(|entry| entry.subscribed);
        let (place, running) = before.map(|entry| (entry.place, entry.running)).unzip();
        let session = match place {
            None => None,
            Some(Place::Away(session)) => Some(session),
            Some(Place::Here(owner)) => {
                said.push(Said::Touched(owner));
                self.conns.get_mut(&owner).and_then(|owner| {
                    owner.carries = None;
                    owner.machine.release_session(now)
                })
            }
        };
        let user: Sql<Option<UserId>> =
            self.database.run(|tx| tx.session_user(wanted.key_id), |_| Ok(()));
        let user = user.ok().flatten();
        let place = Place::Here(conn);
        let running = running.filter(|_| session.is_some()).unwrap_or_default();
        self.sessions.insert(wanted, Entry { user, subscribed, place, running });
        let floor = self.tombstones.get(&wanted).copied();
        let Some(connected) = self.conns.get_mut(&conn) else { return Ok(()) };
        connected.carries = Some(wanted);
        match session {
            Some(session) => connected.machine.provide_session(now, wanted, Some(session)),
            None => connected.machine.provide_new_session(now, wanted, floor),
        }
    }

    fn put_away(&mut self, conn: Conn, session: Box<Session>) {
        if let Some(entry) = self.sessions.get_mut(&session.reference())
            && matches!(entry.place, Place::Here(owner) if owner == conn)
        {
            entry.place = Place::Away(session);
        }
    }

    /// Forgets the sessions of a key that are away.
    pub fn evict(&mut self, key_id: AuthKeyId) -> bool {
        let is_gone = |(reference, entry): (&SessionRef, &Entry)| {
            let away = matches!(entry.place, Place::Away(_));
            (away && reference.key_id == key_id).then_some(*reference)
        };
        let gone: Vec<SessionRef> = self.sessions.iter().filter_map(is_gone).collect();
        for reference in &gone {
            if let Some(Entry { place: Place::Away(session), .. }) = self.sessions.remove(reference)
                && let Some(tombstone) = session.tombstone()
                && !self.planted.is(Bug::NoTombstone)
            {
                let floor = self.tombstones.entry(*reference).or_default();
                *floor = tombstone.floor.max(*floor);
            }
        }
        !gone.is_empty()
    }

    // --- calls ---

    /// Runs a call in its transaction.
    pub fn execute(&mut self, now: Now, call: Call, fate: Fate) -> Ran {
        let mut early = None;
        let named = group_named_by(&call.body);
        let result = match prepare(self.twisted(call.body.clone())) {
            Err(error) => Err(error),
            Ok(mut prepared) => {
                let (rpc, caller, planted) =
                    (&self.rpc, caller(call.session.key_id, now), self.planted);
                let early = &mut early;
                self.database.run(
                    |tx| {
                        twist_difference(planted, tx, &caller, &mut prepared)?;
                        let guest = guest(planted, tx, &caller, named)?;
                        let outcome = rpc.handle(tx, &caller, prepared)?;
                        if let Some((group, user)) = guest {
                            tx.remove_member(group, user, 0)?;
                        }
                        *early = Some(outcome.clone());
                        Ok(outcome)
                    },
                    |sql| before_commit(planted, fate, sql),
                )
            }
        };
        if let Some(named) = named {
            self.check_access(&call, named, &result);
        }
        if let Ok(outcome) = &result {
            let made = large_group_made(&call.body, &outcome.reply);
            if let Some(group) = made {
                self.oracle.groups.entry(group).or_default();
            }
            self.check_once(&call);
        } else if let Some(early) = early {
            self.leak(&call, early);
        }
        let broken = self.database.run(|tx| self.oracle.observe(tx), |_| Ok(()));
        let broken = (broken as Sql<Vec<String>>).unwrap_or_else(|error| vec![error.to_string()]);
        self.broken.extend(broken.into_iter().map(|what| (Invariant::I1, what)));
        Ran { call, result }
    }

    /// How often it has crashed.
    pub fn lives(&self) -> u64 {
        self.lives
    }

    /// In one life of the server a message takes effect once, whoever sends it again. After a
    /// crash, which forgets what had been received, its own device may have it run again, by a
    /// packet of this life, even if someone else is quicker to bring that; what it does is counted
    /// by random_id. A packet of an earlier life has an old salt.
    fn check_once(&mut self, call: &Call) {
        let before = self.committed.insert((call.session, call.call), self.lives);
        self.ran_again += u64::from(before.is_some());
        if before.is_some_and(|life| call.stale || life == self.lives) {
            let by =
                if call.stale { "a packet of an earlier life" } else { "a packet of this life" };
            let what = format!("{:?} of {:?} ran again by {by}", call.call, call.session);
            self.broken.push((Invariant::I5, what));
        }
    }

    /// Members read the log and the history of a large group and write to it, nobody else does.
    fn check_access(&mut self, call: &Call, named: Named, result: &Result<Outcome, RpcError>) {
        let user = self.sessions.get(&call.session).and_then(|entry| entry.user);
        let (Some(user), Some(group)) = (user, self.oracle.groups.get(&named.group)) else {
            return;
        };
        let is_member = group.members.contains(&user.0);
        match result {
            Ok(_) if !is_member && named.reads => {
                let what = format!("user {} reads a group it is not in", user.0);
                self.broken.push((Invariant::I2, what));
            }
            Err(RpcError::ChatIdInvalid) if is_member => {
                let what = format!("user {} is refused its own group", user.0);
                self.broken.push((Invariant::I9, what));
            }
            _ => {}
        }
    }

    /// Lets out what follows from a call; gives the connections that have something to send.
    pub fn release(&mut self, ran: Ran) -> BTreeSet<Conn> {
        let Ran { call, result } = ran;
        let mut touched = BTreeSet::new();
        if let Some(entry) = self.sessions.get_mut(&call.session) {
            entry.running.remove(&call.call);
        }
        let reply = match result {
            Err(error) => Err((error.code(), error.message())),
            Ok(outcome) => {
                if let Some(entry) = self.sessions.get_mut(&call.session) {
                    entry.user = outcome.user;
                    entry.subscribed |= outcome.user.is_some();
                }
                for push in outcome.pushes.iter().chain(&self.strangers_told(&outcome)) {
                    if self.planted.is(Bug::OwnDeviceNotTold) && outcome.user == Some(push.user) {
                        continue;
                    }
                    touched.extend(self.push(call.session, push));
                }
                Ok(outcome.reply)
            }
        };
        touched.extend(self.with_session(call.session, |session| {
            // Nobody waits for the answer when the session was forgotten.
            let _ = match reply {
                Ok(result) => session.reply(call.call, result),
                Err((code, text)) => session.reply_error(call.call, code, &text),
            };
        }));
        touched
    }

    /// To each session of the user but the one the update comes from.
    fn push(&mut self, from: SessionRef, push: &Push) -> BTreeSet<Conn> {
        let to_all = self.planted.is(Bug::PushToOther);
        let wanted: Vec<SessionRef> = self
            .sessions
            .iter()
            .filter(|(reference, entry)| {
                let away = matches!(entry.place, Place::Away(_));
                let meant = entry.user == Some(push.user) || to_all;
                **reference != from && entry.subscribed && meant && !(away && push.ephemeral)
            })
            .map(|(reference, _)| *reference)
            .collect();
        let mut touched = BTreeSet::new();
        for reference in wanted {
            if self.planted.is(Bug::PushLost) && self.random.percent(5) {
                continue;
            }
            self.pushes += 1;
            let mut refused = false;
            touched.extend(self.with_session(reference, |session| {
                refused = session.push(push.update.clone()).is_err();
            }));
            self.pushes_refused += u64::from(refused);
        }
        touched
    }

    fn with_session(&mut self, to: SessionRef, act: impl FnOnce(&mut Session)) -> Option<Conn> {
        match &mut self.sessions.get_mut(&to)?.place {
            Place::Away(session) => {
                act(session);
                None
            }
            Place::Here(conn) => {
                let conn = *conn;
                let connected = self.conns.get_mut(&conn)?;
                act(connected.machine.session()?);
                Some(conn)
            }
        }
    }

    /// Everything in memory is gone.
    pub fn crash(&mut self) {
        self.lives += 1;
        self.conns.clear();
        self.sessions.clear();
        self.tombstones.clear();
        if !self.planted.is(Bug::OldSalts) {
            self.new_salts();
        }
        self.spoil();
    }
}

fn record(key: &AuthKey) -> KeyRecord {
    let auth_key = Secret::init(|copy| copy.copy_from_slice(key.expose_secret()));
    KeyRecord { id: key.id(), auth_key, server_salt: 0, dc: 2, created_at: 1 }
}

fn caller(key_id: AuthKeyId, now: Now) -> Caller {
    let tcp_address = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
    Caller { key_id, dc: 2, layer: None, tcp_address, device: None, now: now.wall }
}

fn prepare(body: Bytes) -> Result<Prepared, RpcError> {
    let request = Rpc::decode(body)?;
    Ok(Prepared { request, evidence: Evidence::NotNeeded, form: Form::Tl })
}

/// The group that a request is about.
#[derive(Clone, Copy)]
struct Named {
    group: i64,
    /// It gives away what is in it. The other one is answered as before when it comes again.
    reads: bool,
}

fn group_named_by(body: &Bytes) -> Option<Named> {
    let (peer, reads) = match Rpc::decode(body.clone()).ok()? {
        Request::UpdatesGetChatDifference(it) => {
            return Some(Named { group: it.chat_id, reads: true });
        }
        Request::MessagesGetHistory(it) => (it.peer, true),
        Request::MessagesSendMessage(it) => (it.peer, false),
        _ => return None,
    };
    match peer {
        InputPeer::InputPeerChat(it) => Some(Named { group: it.chat_id, reads }),
        _ => None,
    }
}

/// The large group, if any, that a request has made.
fn large_group_made(body: &Bytes, reply: &Bytes) -> Option<i64> {
    match Rpc::decode(body.clone()).ok()? {
        Request::MessagesCreateChat(it) if it.large => {
            types::messages::AffectedChat::from_bytes(reply.clone()).ok().map(|it| it.chat.id)
        }
        _ => None,
    }
}
