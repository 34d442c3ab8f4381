//! The server's side of the key exchange.
//!
//! ```text
//! Idle -> AwaitParams -> Decrypting -> Raising -> AwaitClientDh -> Deriving -> AwaitStored
//!   req_pq      req_DH_params    job        job      ^  set_client_DH   job       | key_stored
//!                                                    +------ dh_gen_retry --------+
//! AwaitStored -> Established: dh_gen_ok leaves only after the key is stored
//! any state -> Failed
//! ```
//!
//! A new `req_pq` or `req_pq_multi` starts over before the exchange is complete, and starts
//! another exchange after it (a client makes its temporary key on the connection that made its
//! permanent one). While a job or the question for storage is open it is dropped, so a peer has
//! at most one of them at a time.
//!
//! An exact repeat of an answered request gets the same bytes again for
//! [`Config::repeat_window`]. msg_ids of plain packets are not validated. An exchange that
//! takes longer than [`Config::exchange_timeout`], counted from its first `req_pq`, ends with
//! [`HandshakeFault::TimedOut`].
//!
//! Errors: any broken rule is a [`PeerError::Handshake`], final, answered by −404 whatever it
//! was; only a wrong dc is −444.

use super::Established;
use super::checks::{Nonces, Secrets, number, number_bytes};
use super::inner_data::{Factors, InnerData};
use super::job::{Done, Job, Outcome, Task, Ticket};
pub use super::pq_pool::PqPool;
use crate::auth_key::{AuthKey, AuthKeyId};
use crate::crypto::dh::{DhError, Exponent, Group, GroupElement};
use crate::crypto::kdf::first_server_salt;
use crate::crypto::rsa::RsaPrivateKey;
use crate::envelope::{parse_plain, write_plain};
use crate::error::{ConfigError, DropReason, HandshakeFault, PeerError, Received, UsageError};
use crate::limits::Limits;
use crate::message_id::{MsgIdGenerator, MsgKind};
use crate::secret::Secret;
use crate::seed::{Generator, Seed};
use crate::time::{Instant, Now};
use crate::transition::Transition;
use crate::transmit::Transmit;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::mem;
use core::time::Duration;
use odnix_tl::mtproto::Request;
use odnix_tl::mtproto::functions::{ReqDhParams, SetClientDhParams};
use odnix_tl::mtproto::types::{
    ClientDhInnerData, DhGenFail, DhGenOk, DhGenRetry, ResPq, ServerDhInnerData, ServerDhParamsOk,
};
use odnix_tl::{Decode, Encode};
use sha2::{Digest, Sha256};

/// A dc of this number and above is a test dc.
const TEST_DC: i32 = 10_000;

/// `auth_key_id | msg_id | data_len`
const PLAIN_HEADER_LEN: usize = 20;

/// What the exchanges of one server have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server's RSA keys, best first.
    pub keys: Vec<Arc<RsaPrivateKey>>,
    /// The number of this dc.
    pub dc: i32,
    /// Whether a client may ask for `10000 + dc`, the test dc of the same number.
    pub accept_test_dc: bool,
    /// Whether a client may state its dc with a minus sign, as it does for a connection that
    /// carries media only.
    pub accept_media_dc: bool,
    /// Whether the old RSA scheme with SHA-1 is accepted beside RSA_PAD.
    pub accept_legacy_rsa: bool,
    /// The Diffie-Hellman group offered.
    pub group: Arc<Group>,
    /// The products offered in resPQ.
    pub pq_pool: Arc<PqPool>,
    /// Seconds a temporary key may live; who asks for more is refused.
    pub temporary_key_s_max: i32,
    /// Answers remembered for exact repeats: by default those of several exchanges.
    pub answers_max: usize,
    /// Bytes of those. The newest answer is kept in any case.
    pub answers_bytes_max: usize,
    /// Collisions of the new key's id answered by dh_gen_retry before dh_gen_fail.
    pub retries_max: u32,
    /// How long an exact repeat gets the same answer.
    pub repeat_window: Duration,
    /// Time for the whole exchange, jobs included.
    pub exchange_timeout: Duration,
}

impl Config {
    /// The usual group, an empty pool of pq, RSA_PAD only, no test and no media dc, 10 minutes
    /// for repeats, 60 s for an exchange, and the bounds of [`Limits::default`].
    ///
    /// # Errors
    /// [`ConfigError::NoKey`] if `keys` is empty.
    pub fn new(keys: Vec<Arc<RsaPrivateKey>>, dc: i32) -> Result<Self, ConfigError> {
        if keys.is_empty() {
            return Err(ConfigError::NoKey);
        }
        let limits = Limits::default();
        Ok(Self {
            keys,
            dc,
            accept_test_dc: false,
            accept_media_dc: false,
            accept_legacy_rsa: false,
            group: Arc::new(Group::usual()),
            pq_pool: Arc::default(),
            temporary_key_s_max: limits.temporary_key_s_max,
            answers_max: limits.handshake_answers_max,
            answers_bytes_max: limits.handshake_answers_bytes_max,
            retries_max: limits.handshake_retries_max,
            repeat_window: Duration::from_secs(600),
            exchange_timeout: Duration::from_secs(60),
        })
    }

    /// The dc an exchange is for, from what the client stated, if it stated one.
    fn accept_dc(&self, stated: Option<i32>) -> Result<i32, HandshakeFault> {
        let stated = stated.unwrap_or(self.dc);
        let media = self.accept_media_dc && stated < 0;
        let number = if media { stated.checked_neg() } else { Some(stated) };
        let test = self.accept_test_dc && number == self.dc.checked_add(TEST_DC);
        if number == Some(self.dc) || test { Ok(stated) } else { Err(HandshakeFault::WrongDc) }
    }
}

/// What the exchange tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Arithmetic to run anywhere and hand back to [`Handshake::complete`].
    Work(Job),
    /// A key was agreed on. Store it durably, then answer with [`Handshake::key_stored`]; the
    /// client hears of it only after that.
    KeyProposed(Established),
}

/// The answer to [`Event::KeyProposed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a key is stored or its id is taken")]
pub enum KeyStored {
    /// The key is on durable storage.
    Stored,
    /// Another key has the same id; nothing was stored. The client is asked for another b.
    Collision,
}

/// The key exchanges of one connection, one after the other.
pub struct Handshake {
    config: Arc<Config>,
    generator: Generator,
    state: State,
    msg_ids: MsgIdGenerator,
    answers: VecDeque<Answer>,
    /// The hash of the request being worked on.
    request: [u8; 32],
    exchange: u64,
    deadline: Option<Instant>,
    ticket: Ticket,
    events: VecDeque<Event>,
}

/// An answer and the request it belongs to.
struct Answer {
    request: [u8; 32],
    exchange: u64,
    packet: Bytes,
    due: bool,
    expires: Instant,
}

enum State {
    Idle,
    AwaitParams(AwaitParams),
    Decrypting(AwaitParams),
    Raising(Raising),
    AwaitClientDh(AwaitClientDh),
    Deriving(Deriving),
    AwaitStored(AwaitStored),
    Established,
    Failed,
}

/// Every way from one state to another. [`Handshake::state`] names the state.
pub const TRANSITIONS: &[Transition] = &[
    Transition::new("Idle", "req_pq", "AwaitParams"),
    Transition::new("Idle", "broken rule", "Failed"),
    Transition::new("AwaitParams", "req_pq", "AwaitParams"),
    Transition::new("AwaitParams", "req_DH_params", "Decrypting"),
    Transition::new("AwaitParams", "broken rule", "Failed"),
    Transition::new("AwaitParams", "timeout", "Failed"),
    Transition::new("Decrypting", "job: inner data", "Raising"),
    Transition::new("Decrypting", "broken rule", "Failed"),
    Transition::new("Decrypting", "timeout", "Failed"),
    Transition::new("Raising", "job: g_a", "AwaitClientDh"),
    Transition::new("Raising", "job: g_a out of range", "Raising"),
    Transition::new("Raising", "broken rule", "Failed"),
    Transition::new("Raising", "timeout", "Failed"),
    Transition::new("AwaitClientDh", "req_pq", "AwaitParams"),
    Transition::new("AwaitClientDh", "set_client_DH_params", "Deriving"),
    Transition::new("AwaitClientDh", "broken rule", "Failed"),
    Transition::new("AwaitClientDh", "timeout", "Failed"),
    Transition::new("Deriving", "job: key", "AwaitStored"),
    Transition::new("Deriving", "job: key with id 0", "AwaitClientDh"),
    Transition::new("Deriving", "job: key with id 0 too many", "Failed"),
    Transition::new("Deriving", "broken rule", "Failed"),
    Transition::new("Deriving", "timeout", "Failed"),
    Transition::new("AwaitStored", "stored", "Established"),
    Transition::new("AwaitStored", "collision", "AwaitClientDh"),
    Transition::new("AwaitStored", "collision too many", "Failed"),
    Transition::new("AwaitStored", "broken rule", "Failed"),
    Transition::new("AwaitStored", "timeout", "Failed"),
    Transition::new("Established", "req_pq", "AwaitParams"),
    Transition::new("Established", "broken rule", "Failed"),
];

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::AwaitParams(_) => "AwaitParams",
            Self::Decrypting(_) => "Decrypting",
            Self::Raising(_) => "Raising",
            Self::AwaitClientDh(_) => "AwaitClientDh",
            Self::Deriving(_) => "Deriving",
            Self::AwaitStored(_) => "AwaitStored",
            Self::Established => "Established",
            Self::Failed => "Failed",
        }
    }
}

#[derive(Clone, Copy)]
struct AwaitParams {
    nonces: Nonces,
    factors: Factors,
}

/// What the inner data settled for the rest of the exchange.
struct Agreed {
    secrets: Secrets,
    dc: i32,
    expires_in: Option<i32>,
}

struct Raising {
    agreed: Agreed,
}

/// Waiting for g_b; `retry_id` is 0, or the aux_hash of the key that collided.
struct AwaitClientDh {
    agreed: Agreed,
    a: Exponent,
    server_time: i32,
    retry_id: i64,
    round: u32,
}

struct Deriving {
    agreed: Agreed,
    server_time: i32,
    round: u32,
}

struct AwaitStored {
    agreed: Agreed,
    a: Exponent,
    auth_key: AuthKey,
    server_time: i32,
    round: u32,
}

impl Handshake {
    /// Waits for the first `req_pq` or `req_pq_multi`.
    pub fn new(config: Arc<Config>, seed: Seed) -> Self {
        Self {
            config,
            generator: Generator::new(seed),
            state: State::Idle,
            msg_ids: MsgIdGenerator::new(0),
            answers: VecDeque::new(),
            request: [0; 32],
            exchange: 0,
            deadline: None,
            ticket: Ticket::of([0; 16]),
            events: VecDeque::new(),
        }
    }

    /// Whether nothing is left to say, repeat or wait for: a new machine does as well.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Idle | State::Established)
            && self.answers.is_empty()
            && self.events.is_empty()
    }

    /// Takes one plain packet, header included.
    ///
    /// # Errors
    /// [`PeerError::Handshake`] for any broken rule; final.
    pub fn handle_packet(&mut self, now: Now, packet: Bytes) -> Result<Received, PeerError> {
        if matches!(self.state, State::Failed) {
            return Err(PeerError::Handshake(HandshakeFault::AlreadyFailed));
        }
        let body = parse_plain(packet).inspect_err(|_| self.wipe())?.body;
        let outcome = self.handle_request(now, body);
        self.settle(outcome)
    }

    /// Appends the oldest answer that is due, if any, as one plain packet.
    pub fn poll_transmit(&mut self, _now: Now, out: &mut BytesMut) -> Option<Transmit> {
        let answer = self.answers.iter_mut().find(|answer| answer.due)?;
        answer.due = false;
        out.extend_from_slice(&answer.packet);
        Some(Transmit { len: answer.packet.len() })
    }

    /// The oldest event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        // What a failed exchange still says, it says once.
        let answers = Some(&self.answers).filter(|_| !matches!(self.state, State::Failed));
        let expiry = answers.and_then(|answers| answers.front()).map(|answer| answer.expires);
        [expiry, self.deadline].into_iter().flatten().min()
    }

    /// Forgets old answers, and ends an exchange that took too long.
    ///
    /// # Errors
    /// [`HandshakeFault::TimedOut`]; final.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        self.answers.retain(|answer| now.mono < answer.expires);
        if self.deadline.is_some_and(|deadline| now.mono >= deadline) {
            return self.settle(Err(HandshakeFault::TimedOut));
        }
        Ok(())
    }

    /// Takes the result of a job. One that is not waited for is ignored.
    ///
    /// # Errors
    /// [`PeerError::Handshake`] if the result shows that the client broke a rule; final.
    pub fn complete(&mut self, now: Now, done: Done) -> Result<(), PeerError> {
        if done.ticket != self.ticket {
            return Ok(());
        }
        let outcome = self.handle_done(now, done.outcome);
        self.settle(outcome)
    }

    /// Answers [`Event::KeyProposed`]: `dh_gen_ok` leaves, or `dh_gen_retry`, or after too many
    /// collisions `dh_gen_fail`.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`] unless `id` is that of the proposed key, [`UsageError::Ended`]
    /// if the exchange failed in the meantime.
    pub fn key_stored(
        &mut self,
        now: Now,
        id: AuthKeyId,
        stored: KeyStored,
    ) -> Result<(), UsageError> {
        match mem::replace(&mut self.state, State::Failed) {
            State::AwaitStored(state) if state.auth_key.id() == id => {
                // The answers are a few fixed-size fields: their encoding cannot fail.
                self.state = self.confirm(now, state, stored).unwrap_or(State::Failed);
                Ok(())
            }
            State::Failed => Err(UsageError::Ended),
            state => {
                self.state = state;
                Err(UsageError::NotAsked)
            }
        }
    }

    /// The name of the state, as in [`TRANSITIONS`].
    pub fn state(&self) -> &'static str {
        self.state.name()
    }

    /// How many exchanges were begun: each `req_pq` that was answered, but for exact repeats.
    /// A server counts them against the quota of an address.
    pub fn exchanges(&self) -> u64 {
        self.exchange
    }

    fn settle<T>(&mut self, outcome: Result<T, HandshakeFault>) -> Result<T, PeerError> {
        outcome.map_err(|fault| {
            self.wipe();
            PeerError::Handshake(fault)
        })
    }

    /// Ends in `Failed`; dropping the old state wipes its secrets.
    fn wipe(&mut self) {
        self.state = State::Failed;
        self.answers.clear();
        self.deadline = None;
        self.events.clear();
    }

    fn work(&mut self, task: Task) {
        let ticket = self.ticket.next();
        self.events.push_back(Event::Work(Job { ticket, task }));
    }

    /// Queues the answer to the request being worked on, and remembers it.
    fn answer<T: Encode>(&mut self, now: Now, object: &T) -> Result<(), HandshakeFault> {
        let body = object.to_bytes().map_err(|_| HandshakeFault::Malformed)?;
        let mut packet = BytesMut::with_capacity(body.len().saturating_add(PLAIN_HEADER_LEN));
        let msg_id = self.msg_ids.next(now.wall, MsgKind::ServerAnswer);
        write_plain(msg_id, &body, &mut packet).map_err(|_| HandshakeFault::Malformed)?;
        self.make_room(packet.len());
        self.answers.push_back(Answer {
            request: self.request,
            exchange: self.exchange,
            packet: packet.freeze(),
            due: true,
            expires: now.mono.after(self.config.repeat_window),
        });
        Ok(())
    }

    /// Forgets the oldest answers until one of `len` bytes fits.
    fn make_room(&mut self, len: usize) {
        let Config { answers_max, answers_bytes_max, .. } = *self.config;
        let sum = |sum: usize, answer: &Answer| sum.saturating_add(answer.packet.len());
        while self.answers.len() >= answers_max
            || self.answers.iter().fold(len, sum) > answers_bytes_max
        {
            if self.answers.pop_front().is_none() {
                return;
            }
        }
    }

    fn handle_request(&mut self, now: Now, body: Bytes) -> Result<Received, HandshakeFault> {
        let (request, len) =
            Request::from_prefix(body.clone()).map_err(|_| HandshakeFault::Malformed)?;
        let digest = Sha256::digest(body.slice(..len)).into();
        self.answers.retain(|answer| now.mono < answer.expires);
        if let Some(answer) = self.answers.iter_mut().find(|answer| answer.request == digest) {
            answer.due = true;
            return Ok(Received::Accepted);
        }
        if self.is_busy() {
            return self.handle_while_busy(&request, digest);
        }
        self.request = digest;
        self.state = match (mem::replace(&mut self.state, State::Failed), request) {
            (state, Request::ReqPq(request)) => self.handle_req_pq(now, &state, request.nonce)?,
            (state, Request::ReqPqMulti(request)) => {
                self.handle_req_pq(now, &state, request.nonce)?
            }
            (State::AwaitParams(state), Request::ReqDhParams(request)) => {
                self.handle_req_dh_params(state, request)?
            }
            (State::AwaitClientDh(state), Request::SetClientDhParams(request)) => {
                self.handle_set_client_dh(state, &request)?
            }
            _ => return Err(HandshakeFault::Malformed),
        };
        Ok(Received::Accepted)
    }

    /// Whether a job or the question for storage is open.
    fn is_busy(&self) -> bool {
        matches!(
            self.state,
            State::Decrypting(_) | State::Raising(_) | State::Deriving(_) | State::AwaitStored(_)
        )
    }

    fn handle_while_busy(
        &self,
        request: &Request,
        digest: [u8; 32],
    ) -> Result<Received, HandshakeFault> {
        match request {
            _ if digest == self.request => Ok(Received::Dropped(DropReason::Duplicate)),
            Request::ReqPq(_) | Request::ReqPqMulti(_) => Ok(Received::Dropped(DropReason::Limit)),
            _ => Err(HandshakeFault::Malformed),
        }
    }

    fn handle_done(&mut self, now: Now, outcome: Outcome) -> Result<(), HandshakeFault> {
        self.state = match (mem::replace(&mut self.state, State::Failed), outcome) {
            (State::Decrypting(state), Outcome::Decrypted(inner)) => {
                self.handle_inner_data(state, inner)?
            }
            (State::Raising(state), Outcome::Raised { a, g_a }) => {
                self.handle_raised(now, state, a, g_a)?
            }
            (State::Deriving(state), Outcome::Derived { a, auth_key }) => {
                self.propose(now, state, a, auth_key)?
            }
            (state, _) => state,
        };
        Ok(())
    }

    /// `req_pq nonce`, `req_pq_multi nonce`: a new pq and server_nonce, whatever was before.
    fn handle_req_pq(
        &mut self,
        now: Now,
        before: &State,
        nonce: [u8; 16],
    ) -> Result<State, HandshakeFault> {
        match before {
            State::Idle | State::Established => {
                self.deadline = Some(now.mono.after(self.config.exchange_timeout));
            }
            // Starting over does not buy time, and the abandoned answers go.
            _ => self.answers.retain(|answer| answer.exchange != self.exchange),
        }
        self.exchange = self.exchange.wrapping_add(1);
        let server_nonce = self.generator.array();
        self.ticket = Ticket::of(server_nonce);
        let factors = self.config.pq_pool.pick(&mut self.generator);
        let fingerprints = self.config.keys.iter().map(|key| key.public().fingerprint()).collect();
        self.answer(
            now,
            &ResPq {
                nonce,
                server_nonce,
                pq: number_bytes(factors.pq),
                server_public_key_fingerprints: fingerprints,
            },
        )?;
        Ok(State::AwaitParams(AwaitParams { nonces: Nonces { nonce, server_nonce }, factors }))
    }

    /// `req_DH_params …`: the cheap checks come before the RSA job, that of the block's value
    /// among them.
    fn handle_req_dh_params(
        &mut self,
        state: AwaitParams,
        request: ReqDhParams,
    ) -> Result<State, HandshakeFault> {
        state.nonces.check(&request.nonce, &request.server_nonce)?;
        if number(&request.p)? != state.factors.p || number(&request.q)? != state.factors.q {
            return Err(HandshakeFault::BadPq);
        }
        let fingerprint = request.public_key_fingerprint;
        let key = self.config.keys.iter().find(|key| key.public().fingerprint() == fingerprint);
        let key = Arc::clone(key.ok_or(HandshakeFault::UnknownFingerprint)?);
        let block = request.encrypted_data.as_ref();
        let block = block.try_into().map_err(|_| HandshakeFault::BadRsaBlock)?;
        if !key.public().admits(block) {
            return Err(HandshakeFault::BadRsaBlock);
        }
        let accept_legacy = self.config.accept_legacy_rsa;
        let seed = self.generator.split();
        self.work(Task::Decrypt { key, block: request.encrypted_data, accept_legacy, seed });
        Ok(State::Decrypting(state))
    }

    /// `p_q_inner_data…` repeats what was sent in clear; then a fresh a.
    fn handle_inner_data(
        &mut self,
        state: AwaitParams,
        inner: Option<Box<InnerData>>,
    ) -> Result<State, HandshakeFault> {
        let InnerData { factors, nonces, new_nonce, dc, expires_in } =
            *inner.ok_or(HandshakeFault::BadRsaBlock)?;
        state.nonces.check(&nonces.nonce, &nonces.server_nonce)?;
        if factors != state.factors {
            return Err(HandshakeFault::BadPq);
        }
        let dc = self.config.accept_dc(dc)?;
        let granted = 1..=self.config.temporary_key_s_max;
        if expires_in.is_some_and(|seconds| !granted.contains(&seconds)) {
            return Err(HandshakeFault::Malformed);
        }
        let agreed = Agreed { secrets: Secrets::new(nonces, new_nonce), dc, expires_in };
        let generator = &mut self.generator;
        let a = Exponent::new(Secret::init(|bytes| generator.fill(bytes)));
        self.work(Task::Raise { group: Arc::clone(&self.config.group), a });
        Ok(State::Raising(Raising { agreed }))
    }

    /// `server_DH_params_ok … encrypted_answer`
    fn handle_raised(
        &mut self,
        now: Now,
        state: Raising,
        a: Exponent,
        g_a: Result<GroupElement, DhError>,
    ) -> Result<State, HandshakeFault> {
        let Raising { agreed } = state;
        let Ok(g_a) = g_a else {
            // Once in 2^63: another a.
            let generator = &mut self.generator;
            let a = Exponent::new(Secret::init(|bytes| generator.fill(bytes)));
            self.work(Task::Raise { group: Arc::clone(&self.config.group), a });
            return Ok(State::Raising(Raising { agreed }));
        };
        let Nonces { nonce, server_nonce } = agreed.secrets.nonces;
        let server_time = i32::try_from(now.wall.as_secs()).unwrap_or(i32::MAX);
        let inner = ServerDhInnerData {
            nonce,
            server_nonce,
            g: self.config.group.generator(),
            dh_prime: Bytes::copy_from_slice(&self.config.group.prime()),
            g_a: Bytes::copy_from_slice(&g_a.to_bytes()),
            server_time,
        };
        let encrypted_answer = agreed.secrets.seal(&inner, &mut self.generator)?;
        self.answer(now, &ServerDhParamsOk { nonce, server_nonce, encrypted_answer })?;
        Ok(State::AwaitClientDh(AwaitClientDh { agreed, a, server_time, retry_id: 0, round: 0 }))
    }

    /// `set_client_DH_params … encrypted_data`
    fn handle_set_client_dh(
        &mut self,
        state: AwaitClientDh,
        request: &SetClientDhParams,
    ) -> Result<State, HandshakeFault> {
        let AwaitClientDh { agreed, a, server_time, retry_id, round } = state;
        let Agreed { secrets, .. } = &agreed;
        let ours = secrets.nonces.check(&request.nonce, &request.server_nonce)?;
        let inner: ClientDhInnerData = secrets.open(ours, &request.encrypted_data)?.decode()?;
        secrets.nonces.check(&inner.nonce, &inner.server_nonce)?;
        if inner.retry_id != retry_id {
            return Err(HandshakeFault::BadRetryId);
        }
        let group = Arc::clone(&self.config.group);
        let g_b =
            GroupElement::parse(&group, &inner.g_b).map_err(|_| HandshakeFault::BadGroupElement)?;
        self.work(Task::Derive { group, a, g_b });
        Ok(State::Deriving(Deriving { agreed, server_time, round }))
    }

    /// The key is made; it counts once it is stored. The id of plain messages is always taken.
    fn propose(
        &mut self,
        now: Now,
        state: Deriving,
        a: Exponent,
        auth_key: AuthKey,
    ) -> Result<State, HandshakeFault> {
        let Deriving { agreed, server_time, round } = state;
        let state = AwaitStored { agreed, a, auth_key, server_time, round };
        if state.auth_key.id() == AuthKeyId::PLAIN {
            return self.confirm(now, state, KeyStored::Collision);
        }
        self.events.push_back(Event::KeyProposed(state.established()));
        Ok(State::AwaitStored(state))
    }

    /// `dh_gen_ok`, `dh_gen_retry` or `dh_gen_fail`, each with its own hash of new_nonce
    fn confirm(
        &mut self,
        now: Now,
        state: AwaitStored,
        stored: KeyStored,
    ) -> Result<State, HandshakeFault> {
        let AwaitStored { agreed, a, auth_key, server_time, round } = state;
        let Nonces { nonce, server_nonce } = agreed.secrets.nonces;
        let hash = |number| agreed.secrets.nonce_hash(number, &auth_key);
        if stored == KeyStored::Stored {
            let new_nonce_hash1 = hash(1);
            self.answer(now, &DhGenOk { nonce, server_nonce, new_nonce_hash1 })?;
            self.deadline = None;
            return Ok(State::Established);
        }
        if round >= self.config.retries_max {
            let new_nonce_hash3 = hash(3);
            self.wipe();
            self.answer(now, &DhGenFail { nonce, server_nonce, new_nonce_hash3 })?;
            return Ok(State::Failed);
        }
        let new_nonce_hash2 = hash(2);
        self.answer(now, &DhGenRetry { nonce, server_nonce, new_nonce_hash2 })?;
        let retry_id = i64::from_le_bytes(auth_key.aux_hash());
        let round = round.saturating_add(1);
        Ok(State::AwaitClientDh(AwaitClientDh { agreed, a, server_time, retry_id, round }))
    }
}

impl AwaitStored {
    fn established(&self) -> Established {
        let Secrets { nonces, new_nonce, .. } = &self.agreed.secrets;
        let server_salt = first_server_salt(new_nonce.expose_secret(), &nonces.server_nonce);
        let expires_at = self.agreed.expires_in.map(|ttl| self.server_time.saturating_add(ttl));
        let auth_key = self.auth_key.clone();
        Established { auth_key, server_salt, time_offset_us: 0, expires_at, dc: self.agreed.dc }
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server::Handshake({})", self.state())
    }
}
