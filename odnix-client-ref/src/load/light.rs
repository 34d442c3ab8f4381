//! A client without a replica: a connection, driven by hand.

use crate::client::handshake_config;
use crate::driver::clock::{Clock, seed};
use crate::driver::pump::{Lost, Pump};
use crate::driver::socket::Socket;
use crate::driver::{ServerAddress, Wire};
use crate::error::{CallError, ClientError};
use bytes::Bytes;
use odnix_proto::connection::client::{Config, Connection, Event, Refusal, SessionEvent};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::limits::Limits;
use odnix_proto::session::{CallId, Timings};
use odnix_proto::{HandshakeFault, PeerError};
use odnix_tl::{Decode as _, Function};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a key exchange or a call may take while everything is made ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and how to talk to it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub server: ServerAddress,
    /// Its RSA key.
    pub server_key: RsaPublicKey,
    /// The dc to ask for.
    pub dc: i32,
    /// Framing and obfuscation.
    pub wire: Wire,
}

impl Target {
    fn connection(&self) -> Result<Connection, ClientError> {
        let config = Config {
            handshake: Arc::new(handshake_config(&self.server_key, self.dc)?),
            transport: self.wire.towards(&self.server)?,
            pfs: None,
            quick_acks: false,
            init: None,
            limits: Limits::default(),
            timings: Timings::default(),
        };
        Ok(Connection::new(Arc::new(config), seed().map_err(ClientError::Entropy)?))
    }

    fn unreachable(&self, reason: impl Into<String>) -> ClientError {
        ClientError::Unreachable { address: self.server.clone(), reason: reason.into() }
    }
}

/// A client without a replica, driven by hand. It speaks under a key of its own, stores nothing and
/// never reconnects.
pub struct Light {
    target: Target,
    pump: Pump,
    ready: bool,
    refusal: Option<Refusal>,
    /// Outcomes of calls that nobody has looked at.
    pub replies: VecDeque<(CallId, Result<Bytes, CallError>)>,
    /// Pushed objects that nobody has looked at.
    pub updates: VecDeque<Bytes>,
}

impl Light {
    /// Connects and makes a key.
    ///
    /// # Errors
    /// The server cannot be reached, or is another one.
    pub async fn connect(target: &Target) -> Result<Self, ClientError> {
        let mut pump = Pump::new(target.connection()?, Clock::start());
        let socket = Socket::connect(&target.server).await;
        pump.attach(socket.map_err(|error| target.unreachable(error.to_string()))?);
        let mut light = Self {
            target: target.clone(),
            pump,
            ready: false,
            refusal: None,
            replies: VecDeque::new(),
            updates: VecDeque::new(),
        };
        let exchange = async {
            while !light.ready {
                light.turn().await?;
            }
            Ok(())
        };
        patiently(target, exchange).await?;
        Ok(light)
    }

    /// Queues a call; the next turn sends it.
    ///
    /// # Errors
    /// It cannot be sent, or too many calls are open.
    pub fn begin<F: Function>(&mut self, request: &F) -> Result<CallId, CallError> {
        let body = request.to_bytes().map_err(|error| CallError::Request(error.to_string()))?;
        self.pump.connection.call(body).map_err(|error| CallError::Request(error.to_string()))
    }

    /// One call, while no other one is open.
    ///
    /// # Errors
    /// The connection or the call fails.
    pub async fn call<F: Function>(&mut self, request: &F) -> Result<F::Return, CallError> {
        let call = self.begin(request)?;
        let target = self.target.clone();
        let answer = async {
            loop {
                self.turn().await?;
                while let Some((done, result)) = self.replies.pop_front() {
                    if done == call {
                        return Ok(result);
                    }
                }
            }
        };
        let bytes = patiently(&target, answer).await??;
        F::Return::from_bytes(bytes).map_err(|error| CallError::Answer(error.to_string()))
    }

    /// Sends what there is, and waits until the server has said something. Safe to cancel.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn turn(&mut self) -> Result<(), ClientError> {
        let event = match self.pump.next_event().await {
            Ok(event) => event,
            Err(lost) => return Err(self.explain(lost)),
        };
        self.note(event);
        while let Some(event) = self.pump.take_work() {
            self.note(event);
        }
        Ok(())
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Ready => self.ready = true,
            Event::Refused(refusal) => self.refusal = Some(refusal),
            Event::Session(SessionEvent::Reply { call, result }) => {
                self.replies.push_back((call, result.map_err(CallError::from)));
            }
            Event::Session(SessionEvent::Update(update)) => self.updates.push_back(update),
            _ => {}
        }
    }

    fn explain(&self, lost: Lost) -> ClientError {
        let address = self.target.server.clone();
        match (lost, self.refusal) {
            (Lost::Peer(PeerError::Handshake(HandshakeFault::UnknownFingerprint)), _) => {
                ClientError::WrongKey { address, fingerprint: self.target.server_key.fingerprint() }
            }
            (_, Some(Refusal::WrongDc)) => ClientError::WrongDc { address, dc: self.target.dc },
            (_, Some(Refusal::TooMany)) => self.target.unreachable(
                "it takes no more connections or key exchanges from here for now: use fewer, or \
                 raise its --quota-connections and --quota-handshakes",
            ),
            (lost, _) => self.target.unreachable(lost.to_string()),
        }
    }
}

async fn patiently<T>(
    target: &Target,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    let outcome = tokio::time::timeout(PATIENCE, work).await;
    outcome.unwrap_or_else(|_| {
        Err(target.unreachable(format!("no answer in {} s", PATIENCE.as_secs())))
    })
}
