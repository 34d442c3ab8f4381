//! The client's side of the key exchange.
//!
//! ```text
//! AwaitResPq -> Factorizing -> Encrypting -> AwaitParams -> Agreeing -> AwaitAnswer -> Established
//!    resPQ         job            job       server_DH_params   job   ^     | dh_gen_ok
//!                                                                    +-----+ dh_gen_retry
//! any state -> Failed
//! ```
//!
//! Each query is sent again after [`Config::answer_timeout`] without an answer, at most
//! [`Config::resends_max`] times; an answer that then comes twice is dropped. The exchange ends
//! with [`HandshakeFault::TimedOut`] after [`Config::exchange_timeout`].
//!
//! Errors: any broken rule is a [`PeerError::Handshake`], final; see [`HandshakeFault`].

use super::Established;
use super::checks::{NonceHashMatches, Nonces, Secrets, number, number_bytes};
use super::inner_data::{Factors, InnerData};
use super::job::{Agreement, Done, Job, Offer, Outcome, Task, Ticket};
use crate::auth_key::AuthKey;
use crate::crypto::dh::{DhError, Exponent, KnownPrimes};
use crate::crypto::kdf::first_server_salt;
use crate::crypto::rsa::{BLOCK_LEN, RsaPublicKey};
use crate::envelope::{parse_plain, write_plain};
use crate::error::{ConfigError, DropReason, HandshakeFault, PeerError, Received};
use crate::limits::Limits;
use crate::message_id::{MsgIdGenerator, MsgKind};
use crate::secret::Secret;
use crate::seed::{Generator, Seed};
use crate::time::{Instant, Now, UnixTime};
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
use odnix_tl::mtproto::enums::{ServerDhParams, SetClientDhParamsAnswer};
use odnix_tl::mtproto::functions::{ReqDhParams, ReqPqMulti, SetClientDhParams};
use odnix_tl::mtproto::types::{ClientDhInnerData, ResPq, ServerDhInnerData, ServerDhParamsOk};
use odnix_tl::{Decode, Encode};
use sha2::{Digest, Sha256};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// What the exchanges of one client have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// RSA keys of servers this client trusts.
    pub server_keys: Vec<RsaPublicKey>,
    /// The dc to ask for; `10000 + N` for a test dc.
    pub dc: i32,
    /// Seconds a temporary key is to live; `None` asks for a permanent key.
    pub expires_in: Option<i32>,
    /// Rounds of dh_gen_retry followed before giving up.
    pub retries_max: u32,
    /// Time without an answer after which the query is sent again.
    pub answer_timeout: Duration,
    /// How often one query is sent again.
    pub resends_max: u32,
    /// Time for the whole exchange, jobs included.
    pub exchange_timeout: Duration,
    /// Primes of foreign groups that were tested; all copies of a configuration share them.
    pub known_primes: Arc<KnownPrimes>,
}

impl Config {
    /// A configuration for permanent keys: 5 retries, 8 s for an answer, 2 resends, 60 s in all.
    ///
    /// # Errors
    /// [`ConfigError::NoKey`] if `server_keys` is empty.
    pub fn new(server_keys: Vec<RsaPublicKey>, dc: i32) -> Result<Self, ConfigError> {
        if server_keys.is_empty() {
            return Err(ConfigError::NoKey);
        }
        Ok(Self {
            server_keys,
            dc,
            expires_in: None,
            retries_max: Limits::default().handshake_retries_max,
            answer_timeout: Duration::from_secs(8),
            resends_max: 2,
            exchange_timeout: Duration::from_secs(60),
            known_primes: Arc::default(),
        })
    }
}

/// What the exchange tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Arithmetic to run anywhere and hand back to [`Handshake::complete`].
    Work(Job),
    /// The key is made and confirmed by the server.
    Established(Established),
}

/// One key exchange, from `req_pq_multi` on.
pub struct Handshake {
    config: Arc<Config>,
    generator: Generator,
    state: State,
    query: Option<Query>,
    msg_ids: MsgIdGenerator,
    /// Hashes of the answers accepted so far: one for each query at most.
    answers: Vec<[u8; 32]>,
    deadline: Option<Instant>,
    ticket: Ticket,
    events: VecDeque<Event>,
}

/// The query that waits for its answer.
struct Query {
    body: Bytes,
    due: bool,
    sent: u32,
    resend_at: Option<Instant>,
}

enum State {
    AwaitResPq { nonce: [u8; 16] },
    Factorizing(Factorizing),
    Encrypting(Encrypting),
    AwaitParams(AwaitParams),
    Agreeing(Agreeing),
    AwaitAnswer(AwaitAnswer),
    Established,
    Failed,
}

/// Every way from one state to another. [`Handshake::state`] names the state.
pub const TRANSITIONS: &[Transition] = &[
    Transition::new("AwaitResPq", "resPQ", "Factorizing"),
    Transition::new("AwaitResPq", "broken rule", "Failed"),
    Transition::new("AwaitResPq", "timeout", "Failed"),
    Transition::new("Factorizing", "job: p and q", "Encrypting"),
    Transition::new("Factorizing", "broken rule", "Failed"),
    Transition::new("Factorizing", "timeout", "Failed"),
    Transition::new("Encrypting", "job: RSA block", "AwaitParams"),
    Transition::new("Encrypting", "broken rule", "Failed"),
    Transition::new("Encrypting", "timeout", "Failed"),
    Transition::new("AwaitParams", "server_DH_params_ok", "Agreeing"),
    Transition::new("AwaitParams", "server_DH_params_fail", "Failed"),
    Transition::new("AwaitParams", "broken rule", "Failed"),
    Transition::new("AwaitParams", "timeout", "Failed"),
    Transition::new("Agreeing", "job: key", "AwaitAnswer"),
    Transition::new("Agreeing", "broken rule", "Failed"),
    Transition::new("Agreeing", "timeout", "Failed"),
    Transition::new("AwaitAnswer", "dh_gen_ok", "Established"),
    Transition::new("AwaitAnswer", "dh_gen_retry", "Agreeing"),
    Transition::new("AwaitAnswer", "dh_gen_retry too many", "Failed"),
    Transition::new("AwaitAnswer", "dh_gen_fail", "Failed"),
    Transition::new("AwaitAnswer", "broken rule", "Failed"),
    Transition::new("AwaitAnswer", "timeout", "Failed"),
    Transition::new("Established", "broken rule", "Failed"),
];

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::AwaitResPq { .. } => "AwaitResPq",
            Self::Factorizing(_) => "Factorizing",
            Self::Encrypting(_) => "Encrypting",
            Self::AwaitParams(_) => "AwaitParams",
            Self::Agreeing(_) => "Agreeing",
            Self::AwaitAnswer(_) => "AwaitAnswer",
            Self::Established => "Established",
            Self::Failed => "Failed",
        }
    }
}

struct Factorizing {
    nonces: Nonces,
    pq: u64,
    key: RsaPublicKey,
}

struct Encrypting {
    secrets: Secrets,
    factors: Factors,
    fingerprint: i64,
}

struct AwaitParams {
    secrets: Secrets,
}

struct Agreeing {
    secrets: Secrets,
    clock: Clock,
    retry_id: i64,
    round: u32,
}

struct AwaitAnswer {
    secrets: Secrets,
    clock: Clock,
    round: u32,
    agreement: Box<Agreement>,
}

/// What server_DH_inner_data said about the server's clock.
#[derive(Clone, Copy)]
struct Clock {
    server_time: i32,
    offset_us: i64,
}

impl Handshake {
    /// An exchange about to send its first query. Nothing is due before the first
    /// [`poll_transmit`](Self::poll_transmit), which also starts the clock.
    pub fn new(config: Arc<Config>, seed: Seed) -> Self {
        Self::with_generator(config, Generator::new(seed))
    }

    pub(super) fn with_generator(config: Arc<Config>, mut generator: Generator) -> Self {
        let nonce = generator.array();
        let mut handshake = Self {
            config,
            generator,
            state: State::AwaitResPq { nonce },
            query: None,
            msg_ids: MsgIdGenerator::new(0),
            answers: Vec::new(),
            deadline: None,
            ticket: Ticket::of(nonce),
            events: VecDeque::new(),
        };
        // The encoding of 16 bytes cannot fail.
        let _ = handshake.ask(&ReqPqMulti { nonce });
        handshake
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
        let outcome = self.handle_answer(now, body);
        self.settle(outcome)
    }

    /// Appends the query that is due, if any, as one plain packet.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        let query = self.query.as_mut().filter(|query| query.due)?;
        let before = out.len();
        let msg_id = self.msg_ids.next(now.wall, MsgKind::Client);
        write_plain(msg_id, &query.body, out).ok()?;
        query.due = false;
        query.sent = query.sent.saturating_add(1);
        query.resend_at = (query.sent <= self.config.resends_max)
            .then(|| now.mono.after(self.config.answer_timeout));
        self.deadline.get_or_insert(now.mono.after(self.config.exchange_timeout));
        Some(Transmit { len: out.len().saturating_sub(before) })
    }

    /// The oldest event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let resend_at = self.query.as_ref().and_then(|query| query.resend_at);
        [resend_at, self.deadline].into_iter().flatten().min()
    }

    /// Sends the query again, or ends the exchange, if its time has come.
    ///
    /// # Errors
    /// [`HandshakeFault::TimedOut`] when the exchange took too long; final.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        if self.deadline.is_some_and(|deadline| now.mono >= deadline) {
            return self.settle(Err(HandshakeFault::TimedOut));
        }
        if let Some(query) = &mut self.query
            && query.resend_at.is_some_and(|resend_at| now.mono >= resend_at)
        {
            query.resend_at = None;
            query.due = true;
        }
        Ok(())
    }

    /// Takes the result of a job. One that is not waited for is ignored.
    ///
    /// # Errors
    /// [`PeerError::Handshake`] if the result shows that the server broke a rule; final.
    pub fn complete(&mut self, _now: Now, done: Done) -> Result<(), PeerError> {
        if done.ticket != self.ticket {
            return Ok(());
        }
        let outcome = self.handle_done(done.outcome);
        self.settle(outcome)
    }

    /// The name of the state, as in [`TRANSITIONS`].
    pub fn state(&self) -> &'static str {
        self.state.name()
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
        self.query = None;
        self.deadline = None;
        self.events.clear();
    }

    fn ask<T: Encode>(&mut self, query: &T) -> Result<(), HandshakeFault> {
        let body = query.to_bytes().map_err(|_| HandshakeFault::Malformed)?;
        self.query = Some(Query { body, due: true, sent: 0, resend_at: None });
        Ok(())
    }

    fn work(&mut self, task: Task) {
        let ticket = self.ticket.next();
        self.events.push_back(Event::Work(Job { ticket, task }));
    }

    fn handle_answer(&mut self, now: Now, body: Bytes) -> Result<Received, HandshakeFault> {
        let digest = Sha256::digest(&body).into();
        if self.answers.contains(&digest) {
            return Ok(Received::Dropped(DropReason::Duplicate));
        }
        self.state = match mem::replace(&mut self.state, State::Failed) {
            State::AwaitResPq { nonce } => self.handle_res_pq(nonce, parse(body)?)?,
            State::AwaitParams(state) => self.handle_params(now, state, parse(body)?)?,
            State::AwaitAnswer(state) => self.handle_dh_gen(state, parse(body)?)?,
            State::Factorizing(_)
            | State::Encrypting(_)
            | State::Agreeing(_)
            | State::Established
            | State::Failed => return Err(HandshakeFault::Malformed),
        };
        self.query = None;
        self.answers.push(digest);
        Ok(Received::Accepted)
    }

    fn handle_done(&mut self, outcome: Outcome) -> Result<(), HandshakeFault> {
        self.state = match (mem::replace(&mut self.state, State::Failed), outcome) {
            (State::Factorizing(state), Outcome::Factors(factors)) => {
                self.handle_factors(state, factors)?
            }
            (State::Encrypting(state), Outcome::Encrypted(block)) => {
                self.handle_block(state, block)?
            }
            (State::Agreeing(state), Outcome::Agreed(agreed)) => {
                self.handle_agreement(state, agreed)?
            }
            (state, _) => state,
        };
        Ok(())
    }

    /// `resPQ nonce server_nonce pq server_public_key_fingerprints`
    fn handle_res_pq(&mut self, nonce: [u8; 16], answer: ResPq) -> Result<State, HandshakeFault> {
        let nonces = Nonces { nonce, server_nonce: answer.server_nonce };
        nonces.check(&answer.nonce, &answer.server_nonce)?;
        let key = answer.server_public_key_fingerprints.iter().find_map(|fingerprint| {
            self.config.server_keys.iter().find(|key| key.fingerprint() == *fingerprint)
        });
        let key = key.ok_or(HandshakeFault::UnknownFingerprint)?.clone();
        let pq = number(&answer.pq)?;
        self.work(Task::Factorize(pq));
        Ok(State::Factorizing(Factorizing { nonces, pq, key }))
    }

    /// p < q, both prime: now new_nonce goes out under the server's RSA key.
    fn handle_factors(
        &mut self,
        state: Factorizing,
        factors: Option<(u64, u64)>,
    ) -> Result<State, HandshakeFault> {
        let Factorizing { nonces, pq, key } = state;
        let (p, q) = factors.ok_or(HandshakeFault::BadPq)?;
        let factors = Factors { pq, p, q };
        let generator = &mut self.generator;
        let new_nonce = Secret::init(|bytes: &mut [u8; 32]| generator.fill(bytes));
        let expires_in = self.config.expires_in;
        let inner =
            InnerData { factors, nonces, new_nonce: new_nonce.clone(), dc: None, expires_in };
        let data = inner.encode(self.config.dc)?;
        let fingerprint = key.fingerprint();
        let seed = self.generator.split();
        self.work(Task::Encrypt { key, data, seed });
        let secrets = Secrets::new(nonces, new_nonce);
        Ok(State::Encrypting(Encrypting { secrets, factors, fingerprint }))
    }

    /// `req_DH_params nonce server_nonce p q public_key_fingerprint encrypted_data`
    fn handle_block(
        &mut self,
        state: Encrypting,
        block: Option<Box<[u8; BLOCK_LEN]>>,
    ) -> Result<State, HandshakeFault> {
        let Encrypting { secrets, factors, fingerprint } = state;
        let block = block.ok_or(HandshakeFault::BadRsaBlock)?;
        let Nonces { nonce, server_nonce } = secrets.nonces;
        self.ask(&ReqDhParams {
            nonce,
            server_nonce,
            p: number_bytes(factors.p),
            q: number_bytes(factors.q),
            public_key_fingerprint: fingerprint,
            encrypted_data: Bytes::copy_from_slice(block.as_slice()),
        })?;
        Ok(State::AwaitParams(AwaitParams { secrets }))
    }

    /// `server_DH_params_ok … encrypted_answer` or `server_DH_params_fail … new_nonce_hash`
    fn handle_params(
        &mut self,
        now: Now,
        state: AwaitParams,
        answer: ServerDhParams,
    ) -> Result<State, HandshakeFault> {
        let AwaitParams { secrets } = state;
        let answer = match answer {
            ServerDhParams::ServerDhParamsOk(answer) => answer,
            ServerDhParams::ServerDhParamsFail(answer) => {
                let ours = secrets.nonces.check(&answer.nonce, &answer.server_nonce)?;
                secrets.check_fail_hash(ours, &answer.new_nonce_hash)?;
                return Err(HandshakeFault::Refused);
            }
        };
        let inner = open_params(&secrets, &answer)?;
        let clock = Clock::read(now.wall, inner.server_time);
        let seed = self.generator.split();
        let known = Arc::clone(&self.config.known_primes);
        let (prime, generator, g_a) = (inner.dh_prime, inner.g, inner.g_a);
        let offer = Offer::Unchecked { prime, generator, g_a, known, seed };
        Ok(self.agree(secrets, clock, offer, 0, 0))
    }

    /// Draws a new b and has g_b and the key calculated.
    fn agree(
        &mut self,
        secrets: Secrets,
        clock: Clock,
        offer: Offer,
        retry_id: i64,
        round: u32,
    ) -> State {
        let generator = &mut self.generator;
        let b = Exponent::new(Secret::init(|bytes| generator.fill(bytes)));
        self.work(Task::Agree { offer, b });
        State::Agreeing(Agreeing { secrets, clock, retry_id, round })
    }

    /// `set_client_DH_params nonce server_nonce encrypted_data`
    fn handle_agreement(
        &mut self,
        state: Agreeing,
        agreed: Result<Box<Agreement>, DhError>,
    ) -> Result<State, HandshakeFault> {
        let Agreeing { secrets, clock, retry_id, round } = state;
        let agreement = agreed.map_err(|error| match error {
            DhError::OutOfRange => HandshakeFault::BadGroupElement,
            DhError::Generator | DhError::PrimeLength | DhError::NotSafePrime => {
                HandshakeFault::BadGroup
            }
        })?;
        let Nonces { nonce, server_nonce } = secrets.nonces;
        let g_b = Bytes::copy_from_slice(&agreement.g_b.to_bytes());
        let inner = ClientDhInnerData { nonce, server_nonce, retry_id, g_b };
        let encrypted_data = secrets.seal(&inner, &mut self.generator)?;
        self.ask(&SetClientDhParams { nonce, server_nonce, encrypted_data })?;
        Ok(State::AwaitAnswer(AwaitAnswer { secrets, clock, round, agreement }))
    }

    /// `dh_gen_ok`, `dh_gen_retry` or `dh_gen_fail`, each with its own hash of new_nonce
    fn handle_dh_gen(
        &mut self,
        state: AwaitAnswer,
        answer: SetClientDhParamsAnswer,
    ) -> Result<State, HandshakeFault> {
        let AwaitAnswer { secrets, clock, round, agreement } = state;
        let key = &agreement.auth_key;
        match answer {
            SetClientDhParamsAnswer::DhGenOk(answer) => {
                let ours = secrets.nonces.check(&answer.nonce, &answer.server_nonce)?;
                let proof = secrets.check_nonce_hash(ours, 1, key, &answer.new_nonce_hash1)?;
                let Agreement { auth_key, .. } = *agreement;
                let established = self.established(proof, &secrets, clock, auth_key);
                self.events.push_back(Event::Established(established));
                self.deadline = None;
                Ok(State::Established)
            }
            SetClientDhParamsAnswer::DhGenRetry(answer) => {
                let ours = secrets.nonces.check(&answer.nonce, &answer.server_nonce)?;
                secrets.check_nonce_hash(ours, 2, key, &answer.new_nonce_hash2)?;
                if round >= self.config.retries_max {
                    return Err(HandshakeFault::TooManyRetries);
                }
                let retry_id = i64::from_le_bytes(key.aux_hash());
                let Agreement { group, g_a, .. } = *agreement;
                let offer = Offer::Checked { group, g_a };
                Ok(self.agree(secrets, clock, offer, retry_id, round.saturating_add(1)))
            }
            SetClientDhParamsAnswer::DhGenFail(answer) => {
                let ours = secrets.nonces.check(&answer.nonce, &answer.server_nonce)?;
                secrets.check_nonce_hash(ours, 3, key, &answer.new_nonce_hash3)?;
                Err(HandshakeFault::Refused)
            }
        }
    }

    fn established(
        &self,
        _proof: NonceHashMatches,
        secrets: &Secrets,
        clock: Clock,
        auth_key: AuthKey,
    ) -> Established {
        let Nonces { server_nonce, .. } = secrets.nonces;
        Established {
            auth_key,
            server_salt: first_server_salt(secrets.new_nonce.expose_secret(), &server_nonce),
            time_offset_us: clock.offset_us,
            expires_at: self.config.expires_in.map(|ttl| clock.server_time.saturating_add(ttl)),
            dc: self.config.dc,
        }
    }
}

impl Clock {
    /// server_time counts whole seconds: a local clock inside that second needs no correction,
    /// any other is moved to the nearer end of it.
    fn read(local: UnixTime, server_time: i32) -> Self {
        let start = UnixTime::from_secs(u64::try_from(server_time).unwrap_or(0));
        let end = UnixTime::from_micros(start.as_micros().saturating_add(MICROS_PER_SECOND));
        let nearest = local.clamp(start, end);
        Self { server_time, offset_us: nearest.offset_from(local) }
    }
}

/// The object at the start of a plain body; random bytes may follow it.
fn parse<T: Decode>(body: Bytes) -> Result<T, HandshakeFault> {
    T::from_prefix(body).map(|(object, _)| object).map_err(|_| HandshakeFault::Malformed)
}

/// Checks the nonces outside, the hash, and the nonces inside.
fn open_params(
    secrets: &Secrets,
    answer: &ServerDhParamsOk,
) -> Result<ServerDhInnerData, HandshakeFault> {
    let ours = secrets.nonces.check(&answer.nonce, &answer.server_nonce)?;
    let inner: ServerDhInnerData = secrets.open(ours, &answer.encrypted_answer)?.decode()?;
    secrets.nonces.check(&inner.nonce, &inner.server_nonce)?;
    Ok(inner)
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client::Handshake({})", self.state())
    }
}
