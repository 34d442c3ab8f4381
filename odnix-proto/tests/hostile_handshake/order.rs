//! Requests in any order: the server agrees with a simple model on every sequence.
//!
//! The model: a request that was answered in an exchange still remembered gets the same bytes;
//! `req_pq_multi` starts an exchange; each of the other two is right in one state; anything else
//! fails, and after a failure everything does.

use crate::against_server::NONCE;
use crate::pair::hand::{HandClient, plain, plain_bytes};
use crate::pair::{fault, new_server, now, sent_by_server, server_config, work_server};
use bytes::Bytes;
use odnix_proto::handshake::server::{Handshake, KeyStored};
use odnix_proto::{HandshakeFault, PeerError, Received};
use odnix_tl::mtproto::functions::ReqPqMulti;

/// Exhaustive; the arithmetic of an unoptimized build takes its time.
const LENGTH_MAX: usize = if cfg!(debug_assertions) { 5 } else { 6 };

#[derive(Clone, Copy, Debug, PartialEq)]
enum Symbol {
    PqOne,
    PqTwo,
    /// `req_DH_params` of the newest exchange, and of the one before it.
    Params,
    OldParams,
    /// `set_client_DH_params` of the newest exchange.
    ClientDh,
    Junk,
}

use Symbol::{ClientDh, Junk, OldParams, Params, PqOne, PqTwo};

const SYMBOLS: [Symbol; 6] = [PqOne, PqTwo, Params, OldParams, ClientDh, Junk];

#[derive(Clone, Copy, PartialEq)]
enum Model {
    Idle,
    AwaitParams,
    AwaitClientDh,
    Established,
}

struct Run {
    server: Handshake,
    model: Model,
    /// (exchange, request, answer)
    said: Vec<(u32, Bytes, Bytes)>,
    exchange: u32,
    client: Option<HandClient>,
    params: Option<Bytes>,
    old_params: Option<Bytes>,
    client_dh: Option<Bytes>,
}

impl Run {
    fn new() -> Self {
        Self {
            server: new_server(server_config()),
            model: Model::Idle,
            said: vec![],
            exchange: 0,
            client: None,
            params: None,
            old_params: None,
            client_dh: None,
        }
    }

    fn packet(&self, symbol: Symbol) -> Bytes {
        let stand_in = || plain_bytes(&[0x11; 64]);
        match symbol {
            PqOne => plain(&ReqPqMulti { nonce: NONCE }),
            PqTwo => plain(&ReqPqMulti { nonce: [0x12; 16] }),
            Params => self.params.clone().unwrap_or_else(stand_in),
            OldParams => self.old_params.clone().unwrap_or_else(stand_in),
            ClientDh => self.client_dh.clone().unwrap_or_else(stand_in),
            Junk => plain_bytes(&[0xee; 32]),
        }
    }

    /// Gives the symbol to both; whether the exchange is still alive.
    fn step(&mut self, symbol: Symbol, path: &[Symbol]) -> bool {
        let packet = self.packet(symbol);
        if let Some((_, _, answer)) = self.said.iter().find(|(_, request, _)| *request == packet) {
            let received = self.server.handle_packet(now(), packet);
            assert_eq!(received, Ok(Received::Accepted), "{path:?}");
            assert!(self.server.poll_event().is_none(), "{path:?}");
            let again = sent_by_server(&mut self.server, now());
            assert_eq!(again.as_ref(), Some(answer), "{path:?}");
            return true;
        }
        let next = match (self.model, symbol) {
            (_, PqOne | PqTwo) => Ok(Model::AwaitParams),
            (Model::AwaitParams, Params) => Ok(Model::AwaitClientDh),
            (Model::AwaitClientDh, ClientDh) => Ok(Model::Established),
            (Model::AwaitParams, OldParams) if self.old_params.is_some() => {
                Err(HandshakeFault::NonceMismatch)
            }
            _ => Err(HandshakeFault::Malformed),
        };
        match (next, self.answer(&packet)) {
            (Ok(next), Ok(answer)) => {
                self.learn(symbol, packet, answer);
                self.model = next;
                true
            }
            (Err(expected), Err(error)) => {
                assert_eq!(error, PeerError::Handshake(expected), "{path:?}");
                self.is_dead(path);
                false
            }
            (next, answer) => panic!("{path:?}: model {:?}, server {answer:?}", next.err()),
        }
    }

    fn answer(&mut self, packet: &Bytes) -> Result<Bytes, PeerError> {
        self.server.handle_packet(now(), packet.clone())?;
        if let Some(proposed) = work_server(&mut self.server, now())? {
            let id = proposed.auth_key.id();
            self.server.key_stored(now(), id, KeyStored::Stored).unwrap();
        }
        Ok(sent_by_server(&mut self.server, now()).expect("an answer"))
    }

    /// What a client would remember, and what the server should.
    fn learn(&mut self, symbol: Symbol, packet: Bytes, answer: Bytes) {
        match symbol {
            PqOne | PqTwo => {
                if self.model != Model::Established {
                    let abandoned = self.exchange;
                    self.said.retain(|(exchange, _, _)| *exchange != abandoned);
                }
                self.exchange += 1;
                let nonce = if symbol == PqOne { NONCE } else { [0x12; 16] };
                let client = HandClient::meet(nonce, &answer);
                self.old_params = self.params.take();
                self.params = Some(plain(&client.req_dh_params(&client.inner())));
                self.client_dh = None;
                self.client = Some(client);
            }
            Params => {
                let client = self.client.as_mut().unwrap();
                client.learn(&answer);
                self.client_dh = Some(plain(&client.set_client_dh(&client.dh_inner())));
            }
            _ => {}
        }
        self.said.push((self.exchange, packet, answer));
    }

    fn is_dead(&mut self, path: &[Symbol]) {
        for symbol in SYMBOLS {
            let packet = self.packet(symbol);
            let after = self.server.handle_packet(now(), packet);
            assert_eq!(fault(after), HandshakeFault::AlreadyFailed, "{path:?}, {symbol:?}");
            assert_eq!(sent_by_server(&mut self.server, now()), None, "{path:?}");
        }
    }
}

/// Tries every symbol after `path`, which is known to leave the exchange alive.
fn explore(path: &mut Vec<Symbol>, runs: &mut u32) {
    for symbol in SYMBOLS {
        path.push(symbol);
        let mut run = Run::new();
        let alive = path.iter().all(|symbol| run.step(*symbol, path));
        *runs += 1;
        if alive && path.len() < LENGTH_MAX {
            explore(path, runs);
        }
        path.pop();
    }
}

#[test]
fn every_sequence_of_requests_ends_as_the_model_says() {
    // The two nonces are interchangeable, so each sequence that lives starts with the first.
    for symbol in [PqTwo, Params, OldParams, ClientDh, Junk] {
        assert_eq!(Run::new().step(symbol, &[symbol]), symbol == PqTwo);
    }
    let mut runs = 0;
    explore(&mut vec![PqOne], &mut runs);
    assert!(runs > 200, "{runs} sequences");
}
