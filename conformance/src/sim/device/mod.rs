//! A device: a real client connection and a real replica, and the reference client's rules
//! between them. What the user sends is noted durably with its random_id before it leaves.

mod answers;
mod store;
mod user;

pub use store::Stored;

use super::bugs::{Bug, Planted};
use super::invariants::Invariant;
use super::network::Conn;
use super::random::Random;
use answers::{read_answer, with_slice};
use bytes::{Bytes, BytesMut};
use odnix_client_ref::replica::{PendingSend, Replica, ReplicaError};
use odnix_client_ref::sync::{
    Failure, Local, Mailbox, Options, Outbox, Question, QuestionId, Standing, SyncMachine, Verdict,
};
use odnix_proto::client::{CallError, Config, Connection, Event, SavedKey, SessionEvent};
use odnix_proto::session::CallId;
use odnix_proto::{Instant, Now, PeerError};
use odnix_tl::odnix::{enums, functions, types};
use odnix_tl::{Decode as _, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names the server in every replica.
const SERVER: i64 = 1;
/// Messages that may wait.
const SENDS_MAX: usize = 10_000;

/// What a device has to say to the world.
#[derive(Debug)]
pub enum Said {
    /// Its transport is over.
    Lost,
    /// For the trace.
    Note(String),
}

/// Why a call was made.
#[derive(Debug)]
enum Purpose {
    Send(PendingSend),
    /// The mailbox it moves is that of this dialog, or with 0 the user's.
    Affect {
        what: &'static str,
        peer_id: i64,
    },
    Type,
    Group {
        what: &'static str,
    },
    Question(QuestionId, Question),
}

/// A message the server has acknowledged.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// Where it went.
    pub peer_id: i64,
    /// The text, which no other message has.
    pub text: String,
    /// The id it was given.
    pub id: i64,
}

/// See the module.
pub struct SimDevice {
    /// Its number.
    pub number: usize,
    /// The user's number.
    pub user: usize,
    /// The user.
    pub own: types::User,
    /// All users, as this one may name them, by number.
    pub people: Vec<types::User>,
    config: Arc<Config>,
    /// What it has kept of its key.
    pub key: Option<SavedKey>,
    /// The program runs.
    pub machine: Option<Connection>,
    /// The transport.
    pub conn: Option<Conn>,
    replica: Replica,
    sync: Option<SyncMachine>,
    outbox: Outbox,
    calls: BTreeMap<CallId, Purpose>,
    /// Updates asked for in one slice.
    pub slice: i32,
    random: Random,
    planted: Planted,
    /// What the wall clock shows beside the truth, in microseconds.
    pub skew_us: i64,
    /// By how many millionths it runs too fast.
    pub drift_ppm: i64,
    /// No network until then.
    pub offline_until_us: u64,
    /// When the next wake-up is planned.
    pub wake_at_us: Option<u64>,
    /// Every text it was told to send, and to whom.
    pub texts: Vec<(i64, String)>,
    /// Positions behind which the history is fetched instead of the log.
    pub replay_max: Option<i32>,
    /// What the server has acknowledged.
    pub acknowledged: Vec<Acknowledged>,
    /// Texts for groups that the server has refused, because the user is no member.
    pub refused: Vec<String>,
    /// The positions that are stored.
    pub stored: Stored,
    /// What it was told of large groups: which, and where in their logs.
    pub told: Vec<(i64, i32)>,
    /// Broken promises seen here.
    pub broken: Vec<(Invariant, String)>,
    /// What its session has told it.
    pub heard: u64,
    /// Calls that ended.
    pub calls_ended: u64,
    /// Updates stored.
    pub updates_stored: u64,
    /// Differences asked for.
    pub differences: u64,
    /// The same of large groups.
    pub group_differences: u64,
    /// Histories fetched because a log was too short.
    pub reloads: u64,
    /// Frames it has sent in clear streams, for someone to send again.
    pub captured: std::collections::VecDeque<(u64, Bytes)>,
}

impl SimDevice {
    /// With an empty replica.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn new(
        number: usize,
        user: usize,
        config: Arc<Config>,
        key: Option<SavedKey>,
        random: Random,
        planted: Planted,
    ) -> Result<Self, ReplicaError> {
        Ok(Self {
            number,
            user,
            own: types::User {
                self_: true,
                contact: false,
                id: 0,
                access_hash: 0,
                username: String::new(),
                first_name: String::new(),
                status: None,
            },
            people: Vec::new(),
            config,
            key,
            machine: None,
            conn: None,
            replica: Replica::in_memory(SERVER)?,
            sync: None,
            outbox: Outbox::new(SENDS_MAX),
            calls: BTreeMap::new(),
            slice: 100,
            random,
            planted,
            skew_us: 0,
            drift_ppm: 0,
            offline_until_us: 0,
            wake_at_us: None,
            texts: Vec::new(),
            replay_max: None,
            acknowledged: Vec::new(),
            refused: Vec::new(),
            stored: Stored::default(),
            told: Vec::new(),
            broken: Vec::new(),
            heard: 0,
            calls_ended: 0,
            updates_stored: 0,
            differences: 0,
            group_differences: 0,
            reloads: 0,
            captured: std::collections::VecDeque::new(),
        })
    }

    /// The clocks as this device reads them.
    pub fn now(&self, now: Now) -> Now {
        let elapsed = i64::try_from(now.mono.as_micros()).unwrap_or(i64::MAX);
        let drift = elapsed / 1_000_000 * self.drift_ppm;
        Now { wall: now.wall.shifted(self.skew_us + drift), ..now }
    }

    // --- the program ---

    /// The program starts, from what is stored.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn start(&mut self, now: Now) -> Result<(), ReplicaError> {
        let (config, seed) = (Arc::clone(&self.config), self.random.seed());
        self.machine = Some(match self.key.clone() {
            Some(key) => Connection::resume(config, seed, key),
            None => Connection::new(config, seed),
        });
        if self.planted.is(Bug::NewRandomId) {
            for mut send in self.replica.pending_sends()? {
                self.replica.abandon_send(send.random_id)?;
                send.random_id = self.random.u64() as i64;
                self.replica.begin_send(&send)?;
            }
        }
        self.replica.save_own_user(&self.own)?;
        self.replica.save_users(&self.people)?;
        self.outbox = Outbox::new(SENDS_MAX);
        for send in self.replica.pending_sends()? {
            let _ = self.outbox.push(send);
        }
        self.open_mailbox(now)
    }

    fn open_mailbox(&mut self, now: Now) -> Result<(), ReplicaError> {
        let resumed = self.replica.resume()?.unwrap_or_default();
        self.take_stock()?;
        let options = Options { log_replay_max: self.replay_max, ..Options::default() };
        self.sync = Some(SyncMachine::new(now, resumed, options));
        Ok(())
    }

    /// The program ends without a word.
    pub fn crash(&mut self) {
        (self.machine, self.sync, self.conn) = (None, None, None);
        self.calls.clear();
    }

    /// The replica is lost; the key stays, and so does what waits to be sent.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn reinstall(&mut self) -> Result<(), ReplicaError> {
        let waiting = self.replica.pending_sends()?;
        self.crash();
        self.replica = Replica::in_memory(SERVER)?;
        self.stored.forget();
        waiting.iter().try_for_each(|send| self.replica.begin_send(send))
    }

    /// When it has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let machine = self.machine.as_ref().and_then(Connection::poll_timeout);
        let sync = self.sync.as_ref().and_then(SyncMachine::poll_timeout);
        let outbox = self.machine.as_ref().and_then(|_| self.outbox.poll_timeout());
        [machine, sync, outbox].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        self.outbox.handle_timeout(now);
        if let Some(sync) = &mut self.sync {
            sync.handle_timeout(now);
        }
        self.machine.as_mut().map_or(Ok(()), |machine| machine.handle_timeout(now))
    }

    /// A transport is up.
    pub fn connected(&mut self, now: Now, conn: Conn) {
        self.conn = Some(conn);
        if let Some(machine) = &mut self.machine {
            machine.transport_connected(now);
        }
    }

    /// The transport is over.
    pub fn disconnected(&mut self) {
        self.conn = None;
        if let Some(machine) = &mut self.machine {
            machine.transport_lost();
        }
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Now, bytes: &[u8]) -> Result<(), PeerError> {
        let bytes = &mut BytesMut::from(bytes);
        self.machine.as_mut().map_or(Ok(()), |machine| machine.receive(now, bytes))
    }

    /// The next packet.
    pub fn poll_transmit(&mut self, now: Now) -> Option<Bytes> {
        let mut packet = BytesMut::new();
        self.machine.as_mut()?.poll_transmit(now, &mut packet)?;
        Some(packet.freeze())
    }

    fn call(&mut self, request: &impl Encode, purpose: Purpose) {
        let Some(machine) = &mut self.machine else { return };
        let Ok(body) = request.to_bytes() else { return };
        match machine.call(body) {
            Ok(call) => drop(self.calls.insert(call, purpose)),
            Err(error) => self.broken.push((Invariant::I6, format!("a call is refused: {error}"))),
        }
    }

    // --- the turn ---

    /// Takes what the connection says, stores what follows, and sends what waits.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn turn(&mut self, now: Now) -> Result<Vec<Said>, ReplicaError> {
        let mut said = Vec::new();
        while let Some(event) = self.machine.as_mut().and_then(Connection::poll_event) {
            self.on_event(now, event, &mut said)?;
        }
        self.store_batches()?;
        while self.sync.as_mut().and_then(SyncMachine::poll_event).is_some() {}
        while let Some((id, question)) = self.sync.as_mut().and_then(SyncMachine::poll_question) {
            self.ask(id, question);
        }
        self.send_waiting()?;
        Ok(said)
    }

    fn on_event(
        &mut self,
        now: Now,
        event: Event,
        said: &mut Vec<Said>,
    ) -> Result<(), ReplicaError> {
        let Some(sync) = &mut self.sync else { return Ok(()) };
        self.heard += u64::from(matches!(event, Event::Session(_)));
        match event {
            Event::Work(job) => {
                let done = job.run();
                let taken = self.machine.as_mut().map(|machine| machine.complete(now, done));
                said.extend(matches!(taken, Some(Err(_))).then_some(Said::Lost));
            }
            Event::KeyCreated(key) => self.key = Some(key),
            // Transport errors carry no proof: one answers each packet that was changed on its
            // way. The key stays, and a server that had lost it would be noticed at the end.
            Event::KeyUnknown(id) => {
                said.push(Said::Note(format!(
                    "device {} hears that {id:?} is no key",
                    self.number
                )));
            }
            Event::Ready => sync.ready(now),
            Event::Session(SessionEvent::Update(body)) => match enums::Updates::from_bytes(body) {
                Ok(updates) => self.on_updates(now, updates)?,
                Err(_) => sync.updates_lost(now),
            },
            Event::Session(SessionEvent::SessionCreated | SessionEvent::UpdatesLost) => {
                sync.updates_lost(now);
            }
            Event::Session(SessionEvent::Reply { call, result }) => {
                let Some(purpose) = self.calls.remove(&call) else {
                    self.broken.push((Invariant::I9, format!("{call:?} ended twice")));
                    return Ok(());
                };
                self.calls_ended += 1;
                let note = format!("device {} {} {}", self.number, purpose.name(), ended(&result));
                said.push(Said::Note(note));
                self.on_reply(now, purpose, result)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn on_reply(
        &mut self,
        now: Now,
        purpose: Purpose,
        result: Result<Bytes, CallError>,
    ) -> Result<(), ReplicaError> {
        let result = result.map_err(|error| match error {
            CallError::Rpc(error) => Failure { code: error.code, message: error.message },
            other => Failure { code: 0, message: other.to_string() },
        });
        let Some(sync) = &mut self.sync else { return Ok(()) };
        match (purpose, result) {
            (Purpose::Send(send), result) => self.on_sent(now, send, result)?,
            (Purpose::Affect { peer_id, .. }, Ok(body)) => {
                if let Ok(it) = types::messages::AffectedMessages::from_bytes(body) {
                    sync.handle_local(now, Local::Affected { peer_id, pts: it.pts });
                }
            }
            (Purpose::Group { .. }, Ok(body)) => {
                if let Ok(it) = types::messages::AffectedChat::from_bytes(body) {
                    sync.handle_local(now, Local::Chat { chat: it.chat, pts: it.pts });
                }
            }
            (Purpose::Question(id, question), result) => {
                let answer = result.and_then(|body| {
                    let unread = Failure { code: 0, message: "unreadable".to_owned() };
                    read_answer(&question, body, self.planted).ok_or(unread)
                });
                sync.handle_answer(now, id, answer);
            }
            (_, Err(_)) | (Purpose::Type, _) => {}
        }
        Ok(())
    }

    fn on_sent(
        &mut self,
        now: Now,
        send: PendingSend,
        result: Result<Bytes, Failure>,
    ) -> Result<(), ReplicaError> {
        let told = result.as_ref().map(drop);
        match (self.outbox.handle_outcome(now, &send, told), result) {
            (Verdict::Sent, Ok(body)) => {
                let Ok(sent) = types::messages::SentMessage::from_bytes(body) else {
                    return Ok(());
                };
                let (peer_id, text) = (send.peer_id, send.text.clone());
                self.acknowledged.push(Acknowledged { peer_id, text, id: sent.id });
                if let Some(sync) = &mut self.sync {
                    sync.handle_local(now, Local::Sent { send, sent });
                }
            }
            (Verdict::Refused, Err(failure)) => {
                if send.peer_id < 0 && failure.message == "CHAT_ID_INVALID" {
                    self.refused.push(send.text);
                } else {
                    let what = format!("{} was refused: {}", send.text, failure.message);
                    self.broken.push((Invariant::I9, what));
                }
                self.replica.fail_send(send.random_id, &failure.message)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn ask(&mut self, id: QuestionId, question: Question) {
        let question = with_slice(question, self.slice);
        let purpose = Purpose::Question(id, question.clone());
        match question {
            Question::GetDifference(it) => {
                self.differences += 1;
                self.call(&it, purpose);
            }
            Question::GetChatDifference(it) => {
                self.group_differences += 1;
                self.call(&it, purpose);
            }
            Question::GetState(it) => self.call(&it, purpose),
            Question::GetDialogs(it) => self.call(&it, purpose),
            Question::GetHistory(it) => {
                self.stored.ask_history(&it.peer);
                self.call(&it, purpose);
            }
            Question::GetDrafts(it) => {
                self.reloads += 1;
                self.call(&it, purpose);
            }
        }
    }

    fn send_waiting(&mut self) -> Result<(), ReplicaError> {
        if self.machine.is_none() || self.conn.is_none() {
            return Ok(());
        }
        while let Some(send) = self.outbox.poll_send() {
            let peer = self.input_peer(send.peer_id);
            let call = functions::messages::SendMessage {
                peer,
                message: send.text.clone(),
                random_id: send.random_id,
                media: None,
            };
            if self.planted.is(Bug::SendForgotten) {
                self.replica.abandon_send(send.random_id)?;
            }
            self.call(&call, Purpose::Send(send));
        }
        Ok(())
    }

    // --- what is asked at the end ---

    /// Nothing is open and nothing waits.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn is_at_rest(&self) -> Result<bool, ReplicaError> {
        let caught_up = self.standing() == Some(Standing::CaughtUp);
        Ok(caught_up
            && self.conn.is_some()
            && self.calls.is_empty()
            && self.replica.pending_sends()?.is_empty())
    }

    fn standing(&self) -> Option<Standing> {
        self.sync.as_ref().map(SyncMachine::standing)
    }

    /// The position handed out last.
    pub fn pts(&self) -> Option<i32> {
        self.sync.as_ref()?.checkpoint(Mailbox::Own)
    }

    /// The same in the log of a large group, if it is followed.
    pub fn chat_pts(&self, chat_id: i64) -> Option<i32> {
        self.sync.as_ref()?.checkpoint(Mailbox::Chat(chat_id))
    }

    /// In a few words, what it waits for.
    pub fn describe(&self) -> String {
        let waiting = self.replica.pending_sends().map_or(0, |it| it.len());
        let calls: Vec<_> = self.calls.values().map(Purpose::name).collect();
        format!(
            "device {}: transport {}, {:?} at {:?}, calls {calls:?}, {waiting} messages wait",
            self.number,
            self.conn.is_some(),
            self.standing(),
            self.pts(),
        )
    }

    /// What it holds.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }
}

impl Purpose {
    const fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Affect { what, .. } => what,
            Self::Type => "type",
            Self::Group { what } => what,
            Self::Question(_, Question::GetDifference(_)) => "getDifference",
            Self::Question(_, Question::GetChatDifference(_)) => "getChatDifference",
            Self::Question(_, Question::GetState(_)) => "getState",
            Self::Question(_, Question::GetDialogs(_)) => "getDialogs",
            Self::Question(_, Question::GetHistory(_)) => "getHistory",
            Self::Question(_, Question::GetDrafts(_)) => "getDrafts",
        }
    }
}

fn ended(result: &Result<Bytes, CallError>) -> String {
    match result {
        Ok(body) => format!("ended, {} bytes", body.len()),
        Err(error) => format!("failed: {error}"),
    }
}
