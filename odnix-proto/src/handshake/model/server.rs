//! Requests, results and timeouts in any order: the server agrees with a small model.
//!
//! The model: a request that was answered in an exchange still remembered gets the same bytes;
//! `req_pq` starts an exchange, unless a job is out; each other request is right in one state,
//! and while it is worked on its repeat is dropped; anything else fails, and after a failure
//! everything does.

use super::pair::hand::{HandClient, Known, exponent, object, plain, plain_bytes};
use super::pair::{fault, now, sent_by_server, server_config};
use super::{Explorer, Memo, Run, Seen, compare};
use crate::auth_key::AuthKey;
use crate::crypto::dh::{DhError, Group};
use crate::crypto::factor::factorize;
use crate::error::{DropReason, HandshakeFault, Received};
use crate::handshake::Established;
use crate::handshake::job::{Done, Job, Outcome, Task};
use crate::handshake::server::{Config, Event, Handshake, KeyStored, PqPool, TRANSITIONS};
use crate::secret::Secret;
use crate::seed::Seed;
use crate::transition::Transition;
use bytes::Bytes;
use odnix_tl::mtproto::functions::{ReqPq, ReqPqMulti};
use odnix_tl::mtproto::types::{ClientDhInnerData, DhGenFail, DhGenRetry, ResPq};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const RETRIES_MAX: u32 = 1;
const NONCES: [[u8; 16]; 2] = [[0x11; 16], [0x12; 16]];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Symbol {
    /// `req_pq_multi`, and `req_pq` with another nonce.
    PqOne,
    PqTwo,
    /// `req_DH_params` of the newest exchange, of the one before it, and with a wrong block.
    Params,
    OldParams,
    BadParams,
    /// `set_client_DH_params` of the newest exchange, and with a wrong hash.
    ClientDh,
    BadClientDh,
    Junk,
    /// The job that is out comes back.
    Work,
    /// The two answers to the question for storage.
    Stored,
    Collision,
    /// The time for an exchange is over.
    Timeout,
}

use Symbol::{
    BadClientDh, BadParams, ClientDh, Collision, Junk, OldParams, Params, PqOne, PqTwo, Stored,
    Timeout, Work,
};

const REQUESTS: [Symbol; 8] =
    [PqOne, PqTwo, Params, OldParams, BadParams, ClientDh, BadClientDh, Junk];
const ALL: [Symbol; 12] = [
    PqOne,
    PqTwo,
    Params,
    OldParams,
    BadParams,
    ClientDh,
    BadClientDh,
    Junk,
    Work,
    Stored,
    Collision,
    Timeout,
];

/// What becomes of a symbol, by the model.
#[derive(Debug)]
enum Expected {
    /// The same bytes as before; no state changes.
    Repeated(Bytes),
    Dropped(DropReason),
    /// A packet leaves.
    Answered(&'static str),
    /// A job or the question for storage is out.
    Quiet(&'static str),
    Failed(HandshakeFault),
    /// There is nothing this symbol could mean here.
    Nothing,
}

use Expected::{Answered, Dropped, Failed, Nothing, Quiet, Repeated};

/// What the hand-made clients have calculated before.
#[derive(Default)]
struct Kit {
    jobs: Memo,
    factors: HashMap<u64, (u64, u64)>,
    params: HashMap<Bytes, Bytes>,
}

static G_B: LazyLock<Bytes> = LazyLock::new(|| {
    let g_b = exponent(0x99).public(&Group::usual()).unwrap();
    Bytes::copy_from_slice(&g_b.to_bytes())
});

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let mut config = server_config();
    config.retries_max = RETRIES_MAX;
    config.pq_pool = Arc::new(PqPool::draw(Seed::for_testing(5), 4));
    Arc::new(config)
});

struct Machines {
    server: Handshake,
    model: &'static str,
    /// (exchange, request, answer)
    said: Vec<(u32, Bytes, Bytes)>,
    exchange: u32,
    /// The request being worked on.
    pending: Option<(Symbol, Bytes)>,
    job: Option<Job>,
    proposed: Option<Established>,
    collisions: u32,
    client: Option<HandClient>,
    params: Option<Bytes>,
    old_params: Option<Bytes>,
    client_dh: Option<Bytes>,
}

impl Run for Machines {
    type Symbol = Symbol;
    type Kit = Kit;

    fn new() -> Self {
        Self {
            server: Handshake::new(Arc::clone(&CONFIG), Seed::for_testing(2)),
            model: "Idle",
            said: vec![],
            exchange: 0,
            pending: None,
            job: None,
            proposed: None,
            collisions: 0,
            client: None,
            params: None,
            old_params: None,
            client_dh: None,
        }
    }

    fn step(&mut self, symbol: Symbol, kit: &mut Kit, seen: &mut Seen) -> bool {
        let packet = self.packet(symbol);
        let expected = self.expect(symbol, &packet);
        if let Nothing = expected {
            return false;
        }
        let from = self.server.state();
        assert_eq!(from, self.model);
        let received = match symbol {
            Work => {
                let done = kit.jobs.run(self.job.take().expect("a job is out"));
                self.server.complete(now(), done).map(|()| Received::Accepted)
            }
            Stored | Collision => {
                let id = self.proposed.as_ref().expect("a key was proposed").auth_key.id();
                let stored =
                    if symbol == Stored { KeyStored::Stored } else { KeyStored::Collision };
                self.server.key_stored(now(), id, stored).unwrap();
                Ok(Received::Accepted)
            }
            Timeout => {
                let late = now().after(Duration::from_secs(60));
                self.server.handle_timeout(late).map(|()| Received::Accepted)
            }
            _ => self.server.handle_packet(now(), packet.clone()),
        };
        let answer = sent_by_server(&mut self.server, now());
        assert_eq!(sent_by_server(&mut self.server, now()), None, "one answer at most");
        match expected {
            Repeated(before) => {
                assert_eq!((received, answer), (Ok(Received::Accepted), Some(before)));
                assert!(self.server.poll_event().is_none(), "nothing is calculated again");
                assert_eq!(self.server.state(), from);
            }
            Dropped(reason) => {
                assert_eq!((received, answer), (Ok(Received::Dropped(reason)), None));
                assert!(self.server.poll_event().is_none());
                assert_eq!(self.server.state(), from);
            }
            Failed(expected) => {
                assert_eq!((fault(received), answer), (expected, None));
                let on = if symbol == Timeout { "timeout" } else { "broken rule" };
                seen.insert(Transition::new(from, on, self.server.state()));
                self.is_dead();
                return false;
            }
            Quiet(to) => {
                assert_eq!((received, answer), (Ok(Received::Accepted), None));
                self.goes_on(symbol, packet, to, seen);
            }
            Answered(to) => {
                assert_eq!(received, Ok(Received::Accepted));
                let answer = answer.expect("an answer");
                self.learn(symbol, packet, answer, kit);
                self.goes_on(symbol, self.packet(Junk), to, seen);
            }
            Nothing => {}
        }
        if self.model == "Failed" {
            self.is_dead();
        }
        self.model != "Failed"
    }

    fn under_way(&self) -> Option<Symbol> {
        let next = if self.model == "AwaitStored" { Stored } else { Work };
        self.is_busy().then_some(next)
    }
}

impl Machines {
    fn packet(&self, symbol: Symbol) -> Bytes {
        let stand_in = || plain_bytes(&[0x11; 64]);
        match symbol {
            PqOne => plain(&ReqPqMulti { nonce: NONCES[0] }),
            PqTwo => plain(&ReqPq { nonce: NONCES[1] }),
            Params => self.params.clone().unwrap_or_else(stand_in),
            OldParams => self.old_params.clone().unwrap_or_else(stand_in),
            ClientDh => self.client_dh.clone().unwrap_or_else(stand_in),
            BadParams => self.client.as_ref().map_or_else(stand_in, |client| {
                plain(&client.req_dh_params_with(Bytes::from_static(&[1; 256])))
            }),
            BadClientDh => self.client.as_ref().map_or_else(stand_in, |client| {
                plain(&client.set_client_dh_with(Bytes::from_static(&[0x5a; 592])))
            }),
            _ => plain_bytes(&[0xee; 32]),
        }
    }

    /// The model.
    fn expect(&self, symbol: Symbol, packet: &Bytes) -> Expected {
        let worked_on = self.pending.as_ref().filter(|_| self.is_busy());
        match (symbol, self.model) {
            (Work, "Decrypting") if worked_on.is_some_and(|(it, _)| *it == BadParams) => {
                Failed(HandshakeFault::BadRsaBlock)
            }
            (Work, "Decrypting") => Quiet("Raising"),
            (Work, "Raising") => Answered("AwaitClientDh"),
            (Work, "Deriving") => Quiet("AwaitStored"),
            (Stored, "AwaitStored") => Answered("Established"),
            (Collision, "AwaitStored") if self.collisions < RETRIES_MAX => {
                Answered("AwaitClientDh")
            }
            (Collision, "AwaitStored") => Answered("Failed"),
            (Timeout, "Idle" | "Established") => Nothing,
            (Timeout, _) => Failed(HandshakeFault::TimedOut),
            (Work | Stored | Collision, _) => Nothing,
            (request, state) => {
                if let Some((_, _, answer)) = self.said.iter().find(|said| said.1 == *packet) {
                    return Repeated(answer.clone());
                }
                match (request, worked_on) {
                    (_, Some((_, it))) if it == packet => Dropped(DropReason::Duplicate),
                    (PqOne | PqTwo, Some(_)) => Dropped(DropReason::Limit),
                    (_, Some(_)) => Failed(HandshakeFault::Malformed),
                    (request, None) => self.expect_new(request, state),
                }
            }
        }
    }

    fn expect_new(&self, request: Symbol, state: &str) -> Expected {
        match (request, state) {
            (PqOne | PqTwo, _) => Answered("AwaitParams"),
            (Params | BadParams, "AwaitParams") => Quiet("Decrypting"),
            (OldParams, "AwaitParams") if self.old_params.is_some() => {
                Failed(HandshakeFault::NonceMismatch)
            }
            (ClientDh, "AwaitClientDh") => Quiet("Deriving"),
            (BadClientDh, "AwaitClientDh") => Failed(HandshakeFault::BadAnswerHash),
            _ => Failed(HandshakeFault::Malformed),
        }
    }

    fn is_busy(&self) -> bool {
        matches!(self.model, "Decrypting" | "Raising" | "Deriving" | "AwaitStored")
    }

    fn goes_on(&mut self, symbol: Symbol, packet: Bytes, to: &'static str, seen: &mut Seen) {
        let on = match (symbol, self.model, to) {
            (PqOne | PqTwo, ..) => "req_pq",
            (Params | BadParams, ..) => "req_DH_params",
            (ClientDh, ..) => "set_client_DH_params",
            (Work, "Decrypting", _) => "job: inner data",
            (Work, "Raising", _) => "job: g_a",
            (Work, ..) => "job: key",
            (Collision, _, "Failed") => "collision too many",
            (Collision, ..) => "collision",
            _ => "stored",
        };
        seen.insert(Transition::new(self.model, on, self.server.state()));
        self.model = to;
        assert_eq!(self.server.state(), to);
        if matches!(symbol, Params | BadParams | ClientDh) {
            self.pending = Some((symbol, packet));
        }
        match self.server.poll_event() {
            Some(Event::Work(job)) => self.job = Some(job),
            Some(Event::KeyProposed(key)) => self.proposed = Some(key),
            None => {}
        }
        assert!(self.server.poll_event().is_none(), "one thing at a time");
        assert_eq!(self.job.is_some(), matches!(to, "Decrypting" | "Raising" | "Deriving"));
    }

    /// What a client would remember, and what the server should.
    fn learn(&mut self, symbol: Symbol, packet: Bytes, answer: Bytes, kit: &mut Kit) {
        let request = match symbol {
            PqOne | PqTwo => {
                self.meets(symbol, &answer, kit);
                packet
            }
            Work => {
                let client = self.client.as_mut().unwrap();
                client.learn(&answer);
                self.collisions = 0;
                self.client_dh = Some(self.client_dh_for(0));
                self.pending.take().unwrap().1
            }
            _ => {
                let request = self.pending.take().unwrap().1;
                let key = self.proposed.take().unwrap().auth_key;
                if symbol == Collision {
                    self.collisions += 1;
                    let retry_id = i64::from_le_bytes(key.aux_hash());
                    self.client_dh = Some(self.client_dh_for(retry_id));
                }
                request
            }
        };
        self.said.push((self.exchange, request, answer));
    }

    fn client_dh_for(&self, retry_id: i64) -> Bytes {
        let client = self.client.as_ref().unwrap();
        let Known { nonce, server_nonce, .. } = client.known;
        let inner = ClientDhInnerData { nonce, server_nonce, retry_id, g_b: G_B.clone() };
        plain(&client.set_client_dh(&inner))
    }

    fn meets(&mut self, symbol: Symbol, answer: &Bytes, kit: &mut Kit) {
        if self.model != "Established" {
            let abandoned = self.exchange;
            self.said.retain(|(exchange, _, _)| *exchange != abandoned);
        }
        self.exchange += 1;
        assert_eq!(self.server.exchanges(), u64::from(self.exchange));
        let ResPq { nonce, server_nonce, pq, .. } = object(answer);
        assert_eq!(nonce, NONCES[usize::from(symbol == PqTwo)]);
        let pq = u64::from_be_bytes(pq[..].try_into().unwrap());
        let (p, q) = *kit.factors.entry(pq).or_insert_with(|| factorize(pq).unwrap());
        let known = Known { nonce, server_nonce, new_nonce: [0x33; 32] };
        let client = HandClient { known, pq, p, q, b: exponent(0x99), offer: None };
        let params = kit.params.entry(answer.clone());
        let params = params.or_insert_with(|| plain(&client.req_dh_params(&client.inner())));
        self.old_params = self.params.replace(params.clone());
        self.client_dh = None;
        self.client = Some(client);
    }

    /// After a failure everything fails alike.
    fn is_dead(&mut self) {
        assert_eq!(self.server.state(), "Failed");
        assert!(self.server.poll_event().is_none());
        assert_eq!(self.server.poll_timeout(), None);
        for symbol in REQUESTS {
            let packet = self.packet(symbol);
            let after = self.server.handle_packet(now(), packet);
            assert_eq!(fault(after), HandshakeFault::AlreadyFailed, "{symbol:?}");
            assert_eq!(sent_by_server(&mut self.server, now()), None);
        }
    }
}

#[test]
fn every_sequence_of_requests_ends_as_the_model_says() {
    let mut explorer = Explorer::<Machines>::new();
    // All requests, each worked on before the next.
    explorer.explore(&mut vec![], &REQUESTS);
    let at_once = explorer.runs;
    // The same and all else that can happen, one at a time.
    explorer.at_once = false;
    explorer.explore(&mut vec![], &ALL);
    // And on from where six symbols do not lead.
    for prefix in [
        vec![PqOne, Params, Work, Work, ClientDh],
        vec![PqOne, Params, Work, Work, ClientDh, Work, Collision],
        vec![PqOne, Params, Work, Work, ClientDh, Work, Stored],
    ] {
        explorer.length_max = prefix.len() + 3;
        explorer.explore(&mut prefix.clone(), &ALL);
    }
    let mut seen = explorer.seen;
    improbable_results(&mut seen);
    compare(&seen, TRANSITIONS);
    println!("{at_once} sequences of requests, {} in all", explorer.runs);
    assert!(at_once > 1000 && explorer.runs > 5000, "{at_once}, {}", explorer.runs);
}

/// What no test can have by chance: g_a out of range, a key with the id of plain messages.
fn improbable_results(seen: &mut Seen) {
    let mut kit = Kit::default();
    let mut run = Machines::new();
    for symbol in [PqOne, Params, Work] {
        assert!(run.step(symbol, &mut kit, seen));
    }
    let Some(Job { ticket, task: Task::Raise { a, .. } }) = run.job.take() else {
        panic!("g_a is to be calculated")
    };
    let outcome = Outcome::Raised { a, g_a: Err(DhError::OutOfRange) };
    run.server.complete(now(), Done { ticket, outcome }).unwrap();
    seen.insert(Transition::new("Raising", "job: g_a out of range", run.server.state()));
    let Some(Event::Work(job)) = run.server.poll_event() else { panic!("another a") };
    run.job = Some(job);
    for symbol in [Work, ClientDh] {
        assert!(run.step(symbol, &mut kit, seen));
    }
    for _ in 0..=RETRIES_MAX {
        let Some(Job { ticket, task: Task::Derive { a, .. } }) = run.job.take() else {
            panic!("the key is to be calculated")
        };
        let auth_key = AuthKey::with_plain_id(Secret::init(|key| key.fill(7)));
        let retry_id = i64::from_le_bytes(auth_key.aux_hash());
        run.server
            .complete(now(), Done { ticket, outcome: Outcome::Derived { a, auth_key } })
            .unwrap();
        let answer = sent_by_server(&mut run.server, now()).unwrap();
        if run.server.state() == "Failed" {
            object::<DhGenFail>(&answer);
            let on = "job: key with id 0 too many";
            seen.insert(Transition::new("Deriving", on, "Failed"));
            return;
        }
        object::<DhGenRetry>(&answer);
        seen.insert(Transition::new("Deriving", "job: key with id 0", run.server.state()));
        run.server.handle_packet(now(), run.client_dh_for(retry_id)).unwrap();
        let Some(Event::Work(job)) = run.server.poll_event() else { panic!("another key") };
        run.job = Some(job);
    }
    panic!("one retry too many");
}

#[test]
fn the_primes_of_a_pool_have_the_lengths_that_clients_expect() {
    let pool = PqPool::draw(Seed::for_testing(8), 50);
    let mut generator = crate::seed::Generator::new(Seed::for_testing(9));
    let mut picked = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let pair = pool.pick(&mut generator);
        assert_eq!(factorize(pair.pq), Some((pair.p, pair.q)));
        assert!(pair.p < pair.q && pair.p >> 24 != 0 && pair.q >> 32 == 0);
        assert!(pair.pq >> 56 != 0 && pair.pq >> 63 == 0);
        picked.insert(pair.pq);
    }
    assert_eq!((picked.len(), pool.len()), (50, 50), "each is offered sooner or later");
}
