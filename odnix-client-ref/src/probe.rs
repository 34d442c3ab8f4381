//! Examines a server step by step, without an account and without local data.
//!
//! Works against any MTProto 2.0 server whose RSA key is at hand: connect, key exchange,
//! `get_future_salts`, the difference of the clocks, pings, and, when asked for, one raw RPC.
//! With temporary keys: a second exchange and the binding before those, and after them a call and
//! `destroy_auth_key`, which ends the temporary key.
//! The first step that fails ends the probe.

use crate::client::{handshake_config, init};
use crate::driver::clock::{Clock, seed};
use crate::driver::pump::{Lost, Pump};
use crate::driver::socket::Socket;
use crate::driver::{ServerAddress, Wire};
use bytes::Bytes;
use odnix_proto::connection::client::{
    Config, Connection, Event, Pfs, SessionEvent, TemporaryKeyEvent, TemporaryKeyLoss,
};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::limits::Limits;
use odnix_proto::session::{KeyDestroyed, Timings};
use odnix_proto::{HandshakeFault, PeerError};
use odnix_tl::Encode as _;
use odnix_tl::odnix::functions;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Salts asked for.
const SALTS: i32 = 64;

/// What to probe, and how.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// The server.
    pub server: ServerAddress,
    /// Its RSA key.
    pub server_key: RsaPublicKey,
    /// The dc to ask for.
    pub dc: i32,
    /// Framing and obfuscation.
    pub wire: Wire,
    /// Whether to go through the life of a temporary key.
    pub pfs: bool,
    /// How many pings.
    pub pings: u32,
    /// A request to call as it is, from its constructor id on.
    pub rpc: Option<Bytes>,
    /// The longest any step may take.
    pub timeout: Duration,
}

/// One step and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStep {
    /// `connect`, `key_exchange`, `temporary_key`, `binding`, `future_salts`, `clock`, `ping`,
    /// `rpc`, `call`, `drop`.
    pub name: &'static str,
    /// Whether it succeeded.
    pub ok: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// What came of it, in a few words.
    pub outcome: String,
}

/// What a probe found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// The steps, in order; only the last can have failed.
    pub steps: Vec<ProbeStep>,
    /// The public name of the key exchanged, 16 hexadecimal digits.
    pub auth_key_id: Option<String>,
    /// The public name of the temporary key.
    pub temporary_key_id: Option<String>,
    /// Salts the server gave.
    pub salts: Option<usize>,
    /// The server's clock minus ours, in microseconds.
    pub clock_offset_us: Option<i64>,
    /// The round trips of the pings.
    pub round_trips: Vec<Duration>,
    /// The result of the raw RPC.
    pub rpc_result: Option<Bytes>,
}

impl ProbeReport {
    /// Whether every step succeeded.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.ok)
    }
}

/// Probes a server.
pub async fn probe(options: &ProbeOptions) -> ProbeReport {
    let mut prober = Prober { options, report: ProbeReport::default() };
    // The failure is in the report.
    let _ = prober.run().await;
    prober.report
}

struct Prober<'a> {
    options: &'a ProbeOptions,
    report: ProbeReport,
}

/// The step failed, and the report says why.
struct Failed;

impl Prober<'_> {
    async fn run(&mut self) -> Result<(), Failed> {
        let mut pump = self.connect().await?;
        self.exchange_key(&mut pump).await?;
        if self.options.pfs {
            self.make_temporary_key(&mut pump).await?;
            self.bind(&mut pump).await?;
        }
        self.ask_for_salts(&mut pump).await?;
        self.compare_clocks(&mut pump);
        for number in 1..=self.options.pings {
            self.ping(&mut pump, number).await?;
        }
        if let Some(body) = self.options.rpc.clone() {
            self.report.rpc_result = Some(self.call("rpc", &mut pump, body).await?);
        }
        if self.options.pfs {
            let nearest_dc = functions::help::GetNearestDc {}.to_bytes();
            self.call("call", &mut pump, nearest_dc.unwrap_or_default()).await?;
            self.drop_temporary_key(&mut pump).await?;
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<Pump, Failed> {
        let started = Instant::now();
        let connection = match self.connection() {
            Ok(connection) => connection,
            Err(reason) => return Err(self.failed("connect", started, reason)),
        };
        let connecting = Socket::connect(&self.options.server);
        match tokio::time::timeout(self.options.timeout, connecting).await {
            Ok(Ok(socket)) => {
                let outcome = format!("connected to {}", self.options.server);
                self.succeeded("connect", started, outcome);
                let mut pump = Pump::new(connection, Clock::start());
                pump.attach(socket);
                Ok(pump)
            }
            Ok(Err(error)) => Err(self.failed("connect", started, error.to_string())),
            Err(_) => Err(self.failed("connect", started, self.timed_out())),
        }
    }

    fn connection(&self) -> Result<Connection, String> {
        let options = self.options;
        let transport = options.wire.towards(&options.server).map_err(|error| error.to_string())?;
        let handshake =
            handshake_config(&options.server_key, options.dc).map_err(|error| error.to_string())?;
        let config = Config {
            handshake: Arc::new(handshake),
            transport,
            pfs: options.pfs.then(Pfs::default),
            quick_acks: false,
            init: options.pfs.then(|| init("odnix-client probe")),
            limits: Limits::default(),
            timings: Timings::default(),
        };
        let seed = seed().map_err(|error| error.to_string())?;
        Ok(Connection::new(Arc::new(config), seed))
    }

    async fn exchange_key(&mut self, pump: &mut Pump) -> Result<(), Failed> {
        let created = self
            .wait("key_exchange", pump, |event| match event {
                Event::KeyCreated(saved) => Some(saved.auth_key.id().to_string()),
                _ => None,
            })
            .await;
        let (started, key_id) = created?;
        self.succeeded("key_exchange", started, format!("auth_key_id {key_id}"));
        self.report.auth_key_id = Some(key_id);
        Ok(())
    }

    async fn make_temporary_key(&mut self, pump: &mut Pump) -> Result<(), Failed> {
        let made = self
            .wait("temporary_key", pump, |event| match event {
                Event::TemporaryKey(TemporaryKeyEvent::Created { key_id, expires_at }) => {
                    Some((key_id.to_string(), *expires_at))
                }
                _ => None,
            })
            .await;
        let (started, (key_id, expires_at)) = made?;
        let outcome = format!("auth_key_id {key_id}, until {expires_at}");
        self.succeeded("temporary_key", started, outcome);
        self.report.temporary_key_id = Some(key_id);
        Ok(())
    }

    async fn bind(&mut self, pump: &mut Pump) -> Result<(), Failed> {
        let answered = self
            .wait("binding", pump, |event| match event {
                Event::TemporaryKey(TemporaryKeyEvent::Bound { .. }) => Some(Ok(())),
                Event::TemporaryKey(TemporaryKeyEvent::Lost {
                    reason: TemporaryKeyLoss::Refused(error),
                    ..
                }) => Some(Err(error.to_string())),
                _ => None,
            })
            .await;
        match answered? {
            (started, Ok(())) => {
                self.succeeded("binding", started, "bound to the permanent key".to_owned());
                Ok(())
            }
            (started, Err(reason)) => Err(self.failed("binding", started, reason)),
        }
    }

    async fn ask_for_salts(&mut self, pump: &mut Pump) -> Result<(), Failed> {
        pump.connection.session().get_future_salts(SALTS);
        let answered = self
            .wait("future_salts", pump, |event| match event {
                Event::Session(SessionEvent::FutureSalts { count }) => Some(*count),
                _ => None,
            })
            .await;
        let (started, count) = answered?;
        self.succeeded("future_salts", started, format!("{count} salts"));
        self.report.salts = Some(count);
        Ok(())
    }

    fn compare_clocks(&mut self, pump: &mut Pump) {
        let started = Instant::now();
        let offset_us = pump.connection.session().time_offset_us(pump.clock.now());
        #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a second")]
        let seconds = offset_us as f64 / 1e6;
        let outcome = format!("the server's clock is {seconds:+.1} s from ours");
        self.succeeded("clock", started, outcome);
        self.report.clock_offset_us = Some(offset_us);
    }

    async fn ping(&mut self, pump: &mut Pump, number: u32) -> Result<(), Failed> {
        let wanted = i64::from(number);
        pump.connection.session().ping(wanted);
        let answered = self
            .wait("ping", pump, |event| match event {
                Event::Session(SessionEvent::Pong { ping_id, round_trip })
                    if *ping_id == wanted =>
                {
                    Some(*round_trip)
                }
                _ => None,
            })
            .await;
        let (started, round_trip) = answered?;
        self.succeeded("ping", started, format!("pong {number}"));
        self.report.round_trips.push(round_trip);
        Ok(())
    }

    /// Nobody is logged in here, so the key is not dropped by `auth.dropTempAuthKeys`, which asks
    /// for that, but destroys itself.
    async fn drop_temporary_key(&mut self, pump: &mut Pump) -> Result<(), Failed> {
        pump.connection.session().destroy_auth_key();
        let answered = self
            .wait("drop", pump, |event| match event {
                Event::Session(SessionEvent::KeyDestroyed(outcome)) => Some(*outcome),
                _ => None,
            })
            .await;
        match answered? {
            (started, KeyDestroyed::Ok) => {
                self.succeeded("drop", started, "the temporary key is destroyed".to_owned());
                Ok(())
            }
            (started, outcome) => {
                Err(self.failed("drop", started, format!("destroy_auth_key: {outcome:?}")))
            }
        }
    }

    async fn call(
        &mut self,
        step: &'static str,
        pump: &mut Pump,
        body: Bytes,
    ) -> Result<Bytes, Failed> {
        let started = Instant::now();
        let wanted = match pump.connection.call(body) {
            Ok(call) => call,
            Err(error) => return Err(self.failed(step, started, error.to_string())),
        };
        let answered = self
            .wait(step, pump, |event| match event {
                Event::Session(SessionEvent::Reply { call, result }) if *call == wanted => {
                    Some(result.clone())
                }
                _ => None,
            })
            .await;
        match answered? {
            (started, Ok(result)) => {
                self.succeeded(step, started, format!("{} bytes", result.len()));
                Ok(result)
            }
            (started, Err(error)) => Err(self.failed(step, started, error.to_string())),
        }
    }

    /// Waits until `wanted` recognises an event.
    async fn wait<T>(
        &mut self,
        step: &'static str,
        pump: &mut Pump,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> Result<(Instant, T), Failed> {
        let started = Instant::now();
        let waiting = async {
            loop {
                let event = pump.next_event().await?;
                if let Some(found) = wanted(&event) {
                    return Ok::<T, Lost>(found);
                }
            }
        };
        match tokio::time::timeout(self.options.timeout, waiting).await {
            Ok(Ok(found)) => Ok((started, found)),
            Ok(Err(lost)) => Err(self.failed(step, started, self.explain(&lost))),
            Err(_) => Err(self.failed(step, started, self.timed_out())),
        }
    }

    fn explain(&self, lost: &Lost) -> String {
        match lost {
            Lost::Peer(PeerError::Handshake(HandshakeFault::UnknownFingerprint)) => {
                let fingerprint = self.options.server_key.fingerprint();
                format!("the server does not hold the key {fingerprint:016x}; check --key")
            }
            lost => lost.to_string(),
        }
    }

    fn timed_out(&self) -> String {
        format!("no answer in {} s", self.options.timeout.as_secs_f64())
    }

    fn succeeded(&mut self, name: &'static str, started: Instant, outcome: String) {
        let elapsed = started.elapsed();
        self.report.steps.push(ProbeStep { name, ok: true, elapsed, outcome });
    }

    fn failed(&mut self, name: &'static str, started: Instant, outcome: String) -> Failed {
        let elapsed = started.elapsed();
        self.report.steps.push(ProbeStep { name, ok: false, elapsed, outcome });
        Failed
    }
}
