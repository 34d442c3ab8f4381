//! Answers, results and timeouts in any order: the client agrees with a small model.
//!
//! The model: an answer that was accepted is dropped when it comes again; each right answer is
//! right in one state; anything else fails, and after a failure everything does.

use super::pair::hand::{HandServer, number, plain, plain_bytes};
use super::pair::{client_config, fault, now, sent_by_client};
use super::{Explorer, Memo, Run, Seen, compare};
use crate::auth_key::AuthKey;
use crate::crypto::dh::{Group, USUAL_PRIME};
use crate::error::{DropReason, HandshakeFault, Received};
use crate::handshake::Job;
use crate::handshake::client::{Config, Event, Handshake, TRANSITIONS};
use crate::seed::Seed;
use crate::transition::Transition;
use bytes::Bytes;
use odnix_tl::Encode;
use odnix_tl::mtproto::functions::ReqPqMulti;
use odnix_tl::mtproto::types::{DhGenOk, ResPq, ServerDhInnerData};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const RETRIES_MAX: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Symbol {
    ResPq,
    /// With another nonce, and with a pq that is prime.
    ForeignResPq,
    PrimeResPq,
    /// `server_DH_params_ok`, with a block that is not ours, and with g_a = 1.
    ParamsOk,
    BadParams,
    WeakParams,
    ParamsFail,
    /// `dh_gen_ok`, and with a wrong hash.
    GenOk,
    BadGenOk,
    GenRetry,
    GenFail,
    Junk,
    /// The job that is out comes back.
    Work,
    /// The time for the exchange is over.
    Timeout,
}

use Symbol::{
    BadGenOk, BadParams, ForeignResPq, GenFail, GenOk, GenRetry, Junk, ParamsFail, ParamsOk,
    PrimeResPq, Timeout, WeakParams, Work,
};

const ANSWERS: [Symbol; 12] = [
    Symbol::ResPq,
    ForeignResPq,
    PrimeResPq,
    ParamsOk,
    BadParams,
    WeakParams,
    ParamsFail,
    GenOk,
    BadGenOk,
    GenRetry,
    GenFail,
    Junk,
];

/// What becomes of a symbol, by the model.
enum Expected {
    Duplicate,
    /// Accepted: a job is out, a query leaves, or the key is made.
    GoesOn(&'static str),
    Failed(HandshakeFault),
    /// There is nothing this symbol could mean here.
    Nothing,
}

use Expected::{Duplicate, Failed, GoesOn, Nothing};

/// What the hand-made servers have calculated before.
#[derive(Default)]
struct Kit {
    jobs: Memo,
    new_nonces: HashMap<Bytes, [u8; 32]>,
    keys: HashMap<Bytes, AuthKey>,
}

static G_A: LazyLock<Bytes> = LazyLock::new(|| {
    let server = HandServer::meet(&plain(&ReqPqMulti { nonce: [0; 16] }));
    Bytes::copy_from_slice(&server.a.public(&Group::usual()).unwrap().to_bytes())
});

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let mut config = client_config();
    config.retries_max = RETRIES_MAX;
    Arc::new(config)
});

struct Machines {
    client: Handshake,
    server: HandServer,
    model: &'static str,
    accepted: Vec<Bytes>,
    /// The answer that the job belongs to.
    given: Symbol,
    job: Option<Job>,
    retries: u32,
    /// server_DH_params and dh_gen cannot be made before the client said what they need.
    knows_new_nonce: bool,
}

impl Run for Machines {
    type Symbol = Symbol;
    type Kit = Kit;

    fn new() -> Self {
        let mut client = Handshake::new(Arc::clone(&CONFIG), Seed::for_testing(1));
        let query = sent_by_client(&mut client, now()).unwrap();
        Self {
            client,
            server: HandServer::meet(&query),
            model: "AwaitResPq",
            accepted: vec![],
            given: Junk,
            job: None,
            retries: 0,
            knows_new_nonce: false,
        }
    }

    fn step(&mut self, symbol: Symbol, kit: &mut Kit, seen: &mut Seen) -> bool {
        let packet = self.packet(symbol);
        let expected = self.expect(symbol, &packet);
        if let Nothing = expected {
            return false;
        }
        let from = self.client.state();
        assert_eq!(from, self.model);
        let received = match symbol {
            Work => {
                let done = kit.jobs.run(self.job.take().expect("a job is out"));
                self.client.complete(now(), done).map(|()| Received::Accepted)
            }
            Timeout => {
                let late = now().after(Duration::from_secs(60));
                self.client.handle_timeout(late).map(|()| Received::Accepted)
            }
            _ => self.client.handle_packet(now(), packet.clone()),
        };
        match expected {
            Duplicate => {
                assert_eq!(received, Ok(Received::Dropped(DropReason::Duplicate)));
                assert!(self.client.poll_event().is_none());
                assert_eq!(sent_by_client(&mut self.client, now()), None);
                assert_eq!(self.client.state(), from);
            }
            Failed(expected) => {
                let on = match (symbol, expected) {
                    (Timeout, _) => "timeout",
                    (ParamsFail, HandshakeFault::Refused) => "server_DH_params_fail",
                    (GenFail, HandshakeFault::Refused) => "dh_gen_fail",
                    (GenRetry, HandshakeFault::TooManyRetries) => "dh_gen_retry too many",
                    _ => "broken rule",
                };
                assert_eq!(fault(received), expected);
                seen.insert(Transition::new(from, on, self.client.state()));
                self.is_dead();
                return false;
            }
            GoesOn(to) => {
                assert_eq!(received, Ok(Received::Accepted));
                self.goes_on(symbol, packet, to, kit, seen);
            }
            Nothing => {}
        }
        true
    }

    fn under_way(&self) -> Option<Symbol> {
        self.job.as_ref().map(|_| Work)
    }
}

impl Machines {
    fn inner(&self, g_a: Bytes) -> Bytes {
        let inner = ServerDhInnerData {
            nonce: self.server.known.nonce,
            server_nonce: self.server.known.server_nonce,
            g: 3,
            dh_prime: Bytes::from_static(&USUAL_PRIME),
            g_a,
            server_time: 1_700_000_000,
        };
        self.server.known.seal(&inner.to_bytes().unwrap())
    }

    fn packet(&self, symbol: Symbol) -> Bytes {
        let server = &self.server;
        let has_key = server.key.is_some();
        match symbol {
            Symbol::ResPq => plain(&server.res_pq()),
            ForeignResPq => plain(&ResPq { nonce: [9; 16], ..server.res_pq() }),
            PrimeResPq => plain(&ResPq { pq: number((1 << 62) - 57), ..server.res_pq() }),
            ParamsOk if self.knows_new_nonce => plain(&server.params_ok(self.inner(G_A.clone()))),
            WeakParams if self.knows_new_nonce => {
                plain(&server.params_ok(self.inner(Bytes::from_static(&[1]))))
            }
            ParamsFail if self.knows_new_nonce => plain(&server.params_fail()),
            BadParams => plain(&server.params_ok(Bytes::from_static(&[0x5a; 592]))),
            GenOk if has_key => plain(&server.ok()),
            BadGenOk if has_key => {
                plain(&DhGenOk { new_nonce_hash1: server.hash(2), ..server.ok() })
            }
            GenRetry if has_key => plain(&server.retry()),
            GenFail if has_key => plain(&server.fail()),
            _ => plain_bytes(&[0xee; 64]),
        }
    }

    /// The model.
    fn expect(&self, symbol: Symbol, packet: &Bytes) -> Expected {
        match (symbol, self.model) {
            (Work, "Factorizing") if self.given == PrimeResPq => Failed(HandshakeFault::BadPq),
            (Work, "Factorizing") => GoesOn("Encrypting"),
            (Work, "Encrypting") => GoesOn("AwaitParams"),
            (Work, "Agreeing") if self.given == WeakParams => {
                Failed(HandshakeFault::BadGroupElement)
            }
            (Work, "Agreeing") => GoesOn("AwaitAnswer"),
            (Timeout, "Established") | (Work, _) => Nothing,
            (Timeout, _) => Failed(HandshakeFault::TimedOut),
            (_, _) if self.accepted.contains(packet) => Duplicate,
            (Symbol::ResPq | PrimeResPq, "AwaitResPq") => GoesOn("Factorizing"),
            (ForeignResPq, "AwaitResPq") => Failed(HandshakeFault::NonceMismatch),
            (ParamsOk | WeakParams, "AwaitParams") => GoesOn("Agreeing"),
            (BadParams, "AwaitParams") => Failed(HandshakeFault::BadAnswerHash),
            (ParamsFail, "AwaitParams") => Failed(HandshakeFault::Refused),
            (GenOk, "AwaitAnswer") => GoesOn("Established"),
            (BadGenOk, "AwaitAnswer") => Failed(HandshakeFault::BadNonceHash),
            (GenRetry, "AwaitAnswer") if self.retries < RETRIES_MAX => GoesOn("Agreeing"),
            (GenRetry, "AwaitAnswer") => Failed(HandshakeFault::TooManyRetries),
            (GenFail, "AwaitAnswer") => Failed(HandshakeFault::Refused),
            _ => Failed(HandshakeFault::Malformed),
        }
    }

    fn goes_on(
        &mut self,
        symbol: Symbol,
        packet: Bytes,
        to: &'static str,
        kit: &mut Kit,
        seen: &mut Seen,
    ) {
        let on = match (symbol, self.model) {
            (Symbol::ResPq | PrimeResPq, _) => "resPQ",
            (ParamsOk | WeakParams, _) => "server_DH_params_ok",
            (GenOk, _) => "dh_gen_ok",
            (GenRetry, _) => "dh_gen_retry",
            (_, "Factorizing") => "job: p and q",
            (_, "Encrypting") => "job: RSA block",
            _ => "job: key",
        };
        seen.insert(Transition::new(self.model, on, self.client.state()));
        self.model = to;
        assert_eq!(self.client.state(), to);
        if symbol != Work {
            self.accepted.push(packet);
            self.given = symbol;
            self.retries += u32::from(symbol == GenRetry);
        }
        match self.client.poll_event() {
            Some(Event::Work(job)) => self.job = Some(job),
            Some(Event::Established(established)) => {
                assert_eq!(Some(&established.auth_key), self.server.key.as_ref());
            }
            None => {}
        }
        assert!(self.client.poll_event().is_none(), "one thing at a time");
        assert_eq!(self.job.is_some(), matches!(to, "Factorizing" | "Encrypting" | "Agreeing"));
        let query = sent_by_client(&mut self.client, now());
        assert_eq!(query.is_some(), matches!(to, "AwaitParams" | "AwaitAnswer"));
        match query {
            Some(query) if to == "AwaitParams" => self.learn(query, kit),
            Some(query) => self.agree(query, kit),
            None => {}
        }
    }

    fn learn(&mut self, query: Bytes, kit: &mut Kit) {
        let new_nonce = kit.new_nonces.entry(query).or_insert_with_key(|query| {
            self.server.learn(query);
            self.server.known.new_nonce
        });
        self.server.known.new_nonce = *new_nonce;
        self.knows_new_nonce = true;
    }

    fn agree(&mut self, query: Bytes, kit: &mut Kit) {
        let key = kit.keys.entry(query).or_insert_with_key(|query| {
            self.server.agree(query);
            self.server.key.clone().unwrap()
        });
        self.server.key = Some(key.clone());
    }

    /// After a failure everything fails alike, and nothing more is asked.
    fn is_dead(&mut self) {
        assert_eq!(self.client.state(), "Failed");
        assert!(self.client.poll_event().is_none());
        assert_eq!(self.client.poll_timeout(), None);
        assert_eq!(sent_by_client(&mut self.client, now()), None);
        for symbol in ANSWERS {
            let after = self.client.handle_packet(now(), self.packet(symbol));
            assert_eq!(fault(after), HandshakeFault::AlreadyFailed, "{symbol:?}");
        }
    }
}

#[test]
fn every_sequence_of_answers_ends_as_the_model_says() {
    let mut explorer = Explorer::<Machines>::new();
    // All answers, each worked on before the next.
    explorer.explore(&mut vec![], &ANSWERS);
    let at_once = explorer.runs;
    // The same with results and the end of the time in between, one at a time.
    explorer.at_once = false;
    let all: Vec<Symbol> = ANSWERS.into_iter().chain([Work, Timeout]).collect();
    explorer.explore(&mut vec![], &all);
    // And on from where six symbols do not lead.
    let prefix = [Symbol::ResPq, Work, Work, ParamsOk, Work];
    for last in [GenOk, GenRetry] {
        let mut prefix: Vec<Symbol> = prefix.into_iter().chain([last]).collect();
        explorer.length_max = prefix.len() + 3;
        explorer.explore(&mut prefix, &all);
    }
    compare(&explorer.seen, TRANSITIONS);
    println!("{at_once} sequences of answers, {} in all", explorer.runs);
    assert!(at_once > 500 && explorer.runs > 2000, "{at_once}, {}", explorer.runs);
}
