//! A device: a real client connection and a real replica, and the reference client's rules
//! between them. What the user sends is noted durably with its random_id before it leaves.

use super::bugs::{Bug, Planted};
use super::follow::{Answer, Follow, Question, Step, input_peer, position};
use super::invariants::Invariant;
use super::network::Conn;
use super::random::Random;
use bytes::{Bytes, BytesMut};
use odnix_client_ref::replica::{Batch, PendingSend, Replica, ReplicaError};
use odnix_proto::client::{CallError, Config, Connection, Event, SavedKey, SessionEvent};
use odnix_proto::session::CallId;
use odnix_proto::{Instant, Now, PeerError};
use odnix_tl::odnix::{enums, enums::Update, functions, types};
use odnix_tl::{Decode as _, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Names the server in every replica.
const SERVER: i64 = 1;
/// How long a message waits after the server was not able to take it.
const RETRY_US: u64 = 1_000_000;

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
    Read { peer_id: i64, max_id: i64 },
    Type,
    Question(Question),
}

/// A message the server has acknowledged.
#[derive(Clone, Debug)]
pub struct Acknowledged {
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
    /// The state of synchronization.
    pub follow: Option<Follow>,
    calls: BTreeMap<CallId, Purpose>,
    retry_at: Option<Instant>,
    /// Messages whose answer came, and whose rows are still to be stored.
    answered: BTreeSet<i64>,
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
    /// Every text it was told to send.
    pub texts: Vec<String>,
    /// What the server has acknowledged.
    pub acknowledged: Vec<Acknowledged>,
    stored_pts: i32,
    /// A reload has put history beside the log.
    pub reloaded: bool,
    /// Broken promises seen here.
    pub broken: Vec<(Invariant, String)>,
    /// Calls that ended.
    pub calls_ended: u64,
    /// Updates stored.
    pub updates_stored: u64,
    /// Frames it has sent in clear streams, for someone to send again.
    pub captured: std::collections::VecDeque<Bytes>,
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
            follow: None,
            calls: BTreeMap::new(),
            retry_at: None,
            answered: BTreeSet::new(),
            slice: 100,
            random,
            planted,
            skew_us: 0,
            drift_ppm: 0,
            offline_until_us: 0,
            wake_at_us: None,
            texts: Vec::new(),
            acknowledged: Vec::new(),
            stored_pts: 0,
            reloaded: false,
            broken: Vec::new(),
            calls_ended: 0,
            updates_stored: 0,
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
        let checkpoint = self.replica.checkpoint()?;
        self.stored_pts = checkpoint.pts;
        self.follow = Some(Follow::new(now, checkpoint, self.slice, self.planted));
        Ok(())
    }

    /// The program ends without a word.
    pub fn crash(&mut self) {
        (self.machine, self.follow, self.conn) = (None, None, None);
        self.calls.clear();
        self.answered.clear();
        self.retry_at = None;
    }

    /// The replica is lost; the key stays, and so does what waits to be sent.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn reinstall(&mut self) -> Result<(), ReplicaError> {
        let waiting = self.replica.pending_sends()?;
        self.crash();
        self.replica = Replica::in_memory(SERVER)?;
        (self.stored_pts, self.reloaded) = (0, false);
        waiting.iter().try_for_each(|send| self.replica.begin_send(send))
    }

    /// When it has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let machine = self.machine.as_ref().and_then(Connection::poll_timeout);
        let follow = self.follow.as_ref().and_then(Follow::poll_timeout);
        [machine, follow, self.retry_at].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        if self.retry_at.is_some_and(|at| at <= now.mono) {
            self.retry_at = None;
        }
        if let Some(follow) = &mut self.follow {
            follow.handle_timeout(now);
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

    // --- what the user does ---

    /// Notes a message to be sent.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn send(&mut self, to: usize) -> Result<(), ReplicaError> {
        let text = format!("{}-{}", self.number, self.texts.len());
        let peer_id = self.people.get(to).map_or(0, |user| user.id);
        let random_id = self.random.u64() as i64;
        self.replica.begin_send(&PendingSend { random_id, peer_id, text: text.clone() })?;
        self.texts.push(text);
        Ok(())
    }

    /// Reads all that is there.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn read(&mut self, from: usize) -> Result<(), ReplicaError> {
        let Some(peer) = self.people.get(from).cloned() else { return Ok(()) };
        if let Some(max_id) = self.replica.newest_unread(peer.id, i64::MAX)? {
            let call = functions::messages::ReadHistory { peer: input_peer(&peer), max_id };
            self.call(&call, Purpose::Read { peer_id: peer.id, max_id });
        }
        Ok(())
    }

    /// Types.
    pub fn type_to(&mut self, to: usize) {
        let Some(peer) = self.people.get(to).map(input_peer) else { return };
        let action = enums::SendMessageAction::SendMessageTypingAction;
        self.call(&functions::messages::SetTyping { peer, action }, Purpose::Type);
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

    /// Takes what the connection says, does what follows, and sends what waits.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn turn(&mut self, now: Now) -> Result<Vec<Said>, ReplicaError> {
        let mut said = Vec::new();
        loop {
            while let Some(event) = self.machine.as_mut().and_then(Connection::poll_event) {
                self.on_event(now, event, &mut said)?;
            }
            self.take_steps(now)?;
            if !self.send_next(now)? {
                return Ok(said);
            }
        }
    }

    fn on_event(
        &mut self,
        now: Now,
        event: Event,
        said: &mut Vec<Said>,
    ) -> Result<(), ReplicaError> {
        let Some(follow) = &mut self.follow else { return Ok(()) };
        match event {
            Event::Work(job) => {
                let done = job.run();
                let taken = self.machine.as_mut().map(|machine| machine.complete(now, done));
                said.extend(matches!(taken, Some(Err(_))).then_some(Said::Lost));
            }
            Event::KeyCreated(key) => self.key = Some(key),
            Event::KeyUnknown(id) => {
                self.broken.push((Invariant::I9, format!("the server has lost the key {id:?}")));
            }
            Event::Session(SessionEvent::Update(body)) => match enums::Updates::from_bytes(body) {
                Ok(updates) => follow.handle_updates(now, updates),
                Err(_) => follow.updates_lost(),
            },
            Event::Session(SessionEvent::SessionCreated)
                if self.planted.is(Bug::NewSessionIgnored) => {}
            Event::Session(SessionEvent::SessionCreated | SessionEvent::UpdatesLost) => {
                follow.updates_lost();
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
        let Some(follow) = &mut self.follow else { return Ok(()) };
        let result = match result {
            Ok(body) => Ok(body),
            Err(CallError::Rpc(error)) if error.code == 500 => Err(500),
            Err(CallError::Rejected { .. }) => Err(0),
            Err(error) => {
                self.broken.push((Invariant::I9, format!("{} ended: {error}", purpose.name())));
                Err(0)
            }
        };
        match (purpose, result) {
            (Purpose::Send(send), Ok(body)) => {
                if let Ok(sent) = types::messages::SentMessage::from_bytes(body) {
                    self.on_sent(now, send, &sent);
                }
            }
            (Purpose::Read { peer_id, max_id }, Ok(body)) => {
                if let Ok(it) = types::messages::AffectedMessages::from_bytes(body)
                    && it.pts_count > 0
                {
                    let update = types::UpdateReadHistory {
                        outbox: false,
                        peer: user_peer(peer_id),
                        max_id,
                        still_unread_count: 0,
                        pts: it.pts,
                        pts_count: it.pts_count,
                    };
                    follow.push(now, Update::UpdateReadHistory(update));
                }
            }
            (Purpose::Question(question), result) => {
                let answer = result.and_then(|body| question.read(body).ok_or(0));
                follow.handle_answer(now, answer);
            }
            (Purpose::Send(_), Err(_)) => {
                self.retry_at = Some(now.mono.after(Duration::from_micros(RETRY_US)));
            }
            (Purpose::Type | Purpose::Read { .. }, _) => {}
        }
        Ok(())
    }

    fn on_sent(&mut self, now: Now, send: PendingSend, sent: &types::messages::SentMessage) {
        let Some(follow) = &mut self.follow else { return };
        self.acknowledged.push(Acknowledged { text: send.text.clone(), id: sent.id });
        self.answered.insert(send.random_id);
        if sent.pts <= follow.pts() {
            follow.settle(send.random_id);
            return;
        }
        let message = types::Message {
            out: true,
            id: sent.id,
            from_id: self.own.id,
            peer_id: user_peer(send.peer_id),
            date: sent.date,
            message: send.text,
            media: None,
            action: None,
            edit_date: None,
        };
        let (pts, pts_count) = (sent.pts, sent.pts_count);
        let update =
            types::UpdateMessageSent { message, random_id: send.random_id, pts, pts_count };
        follow.push(now, Update::UpdateMessageSent(update));
    }

    fn take_steps(&mut self, now: Now) -> Result<(), ReplicaError> {
        while let Some(step) = self.follow.as_mut().and_then(Follow::poll_step) {
            match step {
                Step::Store(batch) => self.store(now, batch)?,
                Step::StoreHistory { messages, dialogs, users } => {
                    self.reloaded = true;
                    self.replica.store_history(&messages, &dialogs, &users)?;
                }
                Step::Ask(question) => match question.clone() {
                    Question::Difference(it) => self.call(&it, Purpose::Question(question)),
                    Question::State => {
                        self.call(&functions::updates::GetState {}, Purpose::Question(question));
                    }
                    Question::Dialogs(it) => self.call(&it, Purpose::Question(question)),
                    Question::History(it) => self.call(&it, Purpose::Question(question)),
                },
                Step::ServerLostData => {
                    let what = "the server's log ends before the replica".to_owned();
                    self.broken.push((Invariant::I2, what));
                }
            }
        }
        Ok(())
    }

    /// One transaction, which must lead from the stored position to the next without a hole.
    fn store(&mut self, _now: Now, batch: Batch) -> Result<(), ReplicaError> {
        let moved: i32 = batch.updates.iter().filter_map(position).map(|it| it.1).sum();
        self.updates_stored += batch.updates.len() as u64;
        if let Some(checkpoint) = batch.checkpoint {
            if checkpoint.pts < self.stored_pts {
                let what = format!("pts falls from {} to {}", self.stored_pts, checkpoint.pts);
                self.broken.push((Invariant::I8, what));
            }
            let reset = batch.updates.is_empty() && self.reloaded;
            if reset {
                // What the sequencer held is gone: the answers are asked for once more.
                self.answered.clear();
            }
            if !reset && self.stored_pts + moved != checkpoint.pts {
                let what = format!(
                    "updates over {moved} positions lead from pts {} to {}",
                    self.stored_pts, checkpoint.pts
                );
                self.broken.push((Invariant::I8, what));
            }
            self.stored_pts = checkpoint.pts;
        } else if moved > 0 {
            let what = format!("updates over {moved} positions are stored without their pts");
            self.broken.push((Invariant::I8, what));
        }
        if self.planted.is(Bug::CheckpointFirst) && !batch.updates.is_empty() {
            let Batch { checkpoint, users, .. } = batch.clone();
            self.replica.apply(&Batch { checkpoint, users, ..Batch::default() })?;
            if self.random.percent(10) {
                // The program ends between the two transactions.
                return Ok(());
            }
        }
        self.replica.apply(&batch).map(drop)
    }

    /// One message is on its way at a time, so they arrive in the order they were written.
    fn send_next(&mut self, _now: Now) -> Result<bool, ReplicaError> {
        let busy = self.calls.values().any(|purpose| matches!(purpose, Purpose::Send(_)));
        if busy || self.machine.is_none() || self.conn.is_none() || self.retry_at.is_some() {
            return Ok(false);
        }
        let waiting = self.replica.pending_sends()?;
        let open = |send: &PendingSend| !self.answered.contains(&send.random_id);
        let Some(send) = waiting.into_iter().find(open) else { return Ok(false) };
        let Some(peer) = self.people.iter().find(|user| user.id == send.peer_id) else {
            return Ok(false);
        };
        let call = functions::messages::SendMessage {
            peer: input_peer(peer),
            message: send.text.clone(),
            random_id: send.random_id,
            media: None,
        };
        if self.planted.is(Bug::SendForgotten) {
            self.replica.abandon_send(send.random_id)?;
        }
        self.call(&call, Purpose::Send(send));
        Ok(false)
    }

    // --- what is asked at the end ---

    /// Nothing is open and nothing waits.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn is_at_rest(&self) -> Result<bool, ReplicaError> {
        let caught_up = self.follow.as_ref().is_some_and(Follow::is_caught_up);
        Ok(caught_up
            && self.conn.is_some()
            && self.calls.is_empty()
            && self.replica.pending_sends()?.is_empty())
    }

    /// In a few words, what it waits for.
    pub fn standing(&self) -> String {
        let waiting = self.replica.pending_sends().map_or(0, |it| it.len());
        let calls: Vec<_> = self.calls.values().map(Purpose::name).collect();
        format!(
            "device {}: transport {}, caught up {}, calls {calls:?}, {waiting} messages wait",
            self.number,
            self.conn.is_some(),
            self.follow.as_ref().is_some_and(Follow::is_caught_up),
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
            Self::Read { .. } => "read",
            Self::Type => "type",
            Self::Question(Question::Difference(_)) => "getDifference",
            Self::Question(Question::State) => "getState",
            Self::Question(Question::Dialogs(_)) => "getDialogs",
            Self::Question(Question::History(_)) => "getHistory",
        }
    }
}

impl Question {
    fn read(&self, body: Bytes) -> Option<Answer> {
        match self {
            Self::Difference(_) => {
                enums::updates::Difference::from_bytes(body).ok().map(Answer::Difference)
            }
            Self::State => types::updates::State::from_bytes(body).ok().map(Answer::State),
            Self::Dialogs(_) => {
                types::messages::Dialogs::from_bytes(body).ok().map(Answer::Dialogs)
            }
            Self::History(_) => {
                types::messages::Messages::from_bytes(body).ok().map(Answer::History)
            }
        }
    }
}

fn ended(result: &Result<Bytes, CallError>) -> String {
    match result {
        Ok(body) => format!("ended, {} bytes", body.len()),
        Err(error) => format!("failed: {error}"),
    }
}

fn user_peer(user_id: i64) -> enums::Peer {
    enums::Peer::PeerUser(types::PeerUser { user_id })
}
