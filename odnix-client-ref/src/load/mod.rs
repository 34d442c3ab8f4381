//! Load: pairs of users who send each other messages, and how long each message takes.
//!
//! ```text
//! metronome ──wakes──> sender ──messages──> server ──updates──> receiver
//!                        │ sent, acknowledged                     │ received
//!                        └──────────────> Ledger <────────────────┘
//! ```
//!
//! At a fixed rate the load is an open loop: the [`Schedule`] says when each message is due, and the
//! [`Ledger`] counts its latency from then, whether or not it could leave. So a server that does
//! nothing for a second is seen in every message of that second, and not only in the one that
//! waited for it. With [`Rate::Max`] it is a closed loop: each sender keeps a window of messages
//! unanswered, and a latency counts from when the message left.
//!
//! Each run makes accounts of its own, with random names; they and their messages stay at the
//! server. Senders, and receivers that only count, are [`Light`]; [`Plan::replicas`] makes
//! receivers whole clients, where a message counts as received once it is in the replica.

mod latencies;
mod ledger;
mod light;
mod pairs;
mod schedule;

pub use latencies::Latencies;
pub use ledger::{Counts, Ledger};
pub use light::{Light, Target};
pub use pairs::{message, sign_up};
pub use schedule::{Due, Schedule, UNANSWERED_MAX};

use crate::error::CallError;
use pairs::{Pair, Phase, Shared};
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// The most messages a second that can be asked for.
const RATE_MAX: u32 = 1_000_000;
/// How long the last answers and receipts are waited for.
const DRAIN: Duration = Duration::from_secs(5);
/// The same after an interrupt, when somebody waits.
const DRAIN_INTERRUPTED: Duration = Duration::from_secs(1);
/// A generator that is later than this with one message in a hundred is too slow.
const LATE_MS_MAX: f64 = 10.0;

/// How many messages a second, all senders together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// As many as [`Plan::window`] allows.
    Max,
    /// So many, evenly spaced, whatever the server does.
    PerSecond(NonZeroU32),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let rate = text.parse().ok().filter(|rate: &NonZeroU32| rate.get() <= RATE_MAX);
        let rate = rate.map(Self::PerSecond);
        rate.ok_or_else(|| format!("give messages a second, from 1 to {RATE_MAX}, or max"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::PerSecond(rate) => rate.fmt(f),
        }
    }
}

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// Pairs of a sender and a receiver, each with an account and a connection of its own
    #[arg(long, alias = "connections", value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub pairs: u32,
    /// Messages a second of all senders together; `max` for as many as the window allows
    #[arg(long, value_name = "N|max", default_value = "max")]
    pub rate: Rate,
    /// With `--rate max`, how many messages of each sender may be unanswered
    #[arg(long, value_name = "N", default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=256))]
    pub window: u32,
    /// Seconds to measure
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
    /// Seconds before that, which do not count
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub warmup: u32,
    /// Length of each message, 24 to 4096
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(24..=4096))]
    pub bytes: u32,
    /// How many of the receivers are whole clients, with a replica on disk where a message counts
    /// once it is committed
    #[arg(long, alias = "full", value_name = "N", default_value_t = 0)]
    pub replicas: u32,
}

impl Plan {
    /// When the measured time begins.
    pub(crate) fn begin(&self) -> Duration {
        Duration::from_secs(self.warmup.into())
    }

    /// When it ends.
    pub(crate) fn end(&self) -> Duration {
        self.begin() + Duration::from_secs(self.seconds.into())
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The server cannot be reached, or makes no accounts.
    #[error("{0}")]
    SetUp(#[from] CallError),
    /// There is no place for replicas.
    #[error("cannot make a folder for the replicas: {0}")]
    Folder(std::io::Error),
    /// It was interrupted while the accounts were made.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

/// What a run tells while it goes on.
#[derive(Clone, Debug)]
pub enum Moment {
    /// The measured time begins.
    Begin,
    /// A second has passed.
    Progress(Progress),
    /// The measured time is over; the last answers are waited for.
    End,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Since its start.
    pub elapsed: Duration,
    /// All messages since then.
    pub counts: Counts,
    /// Within which half of the measured messages were acknowledged, and within which 99 of 100;
    /// `None` while nothing is measured.
    pub quantiles_ms: Option<(f64, f64)>,
}

impl Progress {
    /// Messages that should have left and have not.
    pub fn behind(&self) -> u64 {
        self.counts.due.saturating_sub(self.counts.sent)
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// How long.
    pub measured: Duration,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// What became of the messages that were due in that time.
    pub counts: Counts,
    /// Acknowledgements that came in that time.
    pub acknowledged_meanwhile: u64,
    /// Receipts that came in that time.
    pub received_meanwhile: u64,
    /// Messages that were due at the end of it and had not left.
    pub behind: u64,
    /// From when a message was due to its acknowledgement.
    pub to_acknowledged: Latencies,
    /// From when a message was due to its receiver.
    pub to_received: Latencies,
    /// From when a message was due to the replica of its receiver, if that is a whole client.
    pub to_stored: Latencies,
    /// How much later messages left than they could have.
    pub lateness: Latencies,
    /// What went wrong, and how often.
    pub errors: BTreeMap<String, u64>,
}

impl Report {
    /// So many in the measured time as a rate.
    #[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
    pub fn per_second(&self, count: u64) -> f64 {
        let seconds = self.measured.as_secs_f64();
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }

    /// Whether the generator itself was too slow, so that the latencies are partly its own.
    pub fn is_saturated(&self) -> bool {
        self.lateness.quantile_ms(0.99) > LATE_MS_MAX
    }
}

/// Runs a load. It ends early when `interrupt` does, with what was measured until then.
///
/// # Errors
/// It cannot begin. What fails later is in the report.
pub async fn run(
    target: &Target,
    plan: &Plan,
    interrupt: impl Future<Output = ()>,
    mut observe: impl FnMut(Moment),
) -> Result<Report, LoadError> {
    tokio::pin!(interrupt);
    // The replicas' folders go when the run is over.
    let folder = tempfile::tempdir().map_err(LoadError::Folder)?;
    let pairs = tokio::select! {
        pairs = pairs::set_up(target, plan, folder.path()) => pairs?,
        () = &mut interrupt => return Err(LoadError::Interrupted),
    };
    let mut run = Run::start(plan, pairs);
    let interrupted = run.watch(interrupt, &mut observe).await;
    let end = run.shared.now().min(plan.end());
    observe(Moment::End);
    Ok(run.finish(end, interrupted).await)
}

/// A load that runs.
struct Run<'a> {
    plan: &'a Plan,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    senders: JoinSet<Schedule>,
    receivers: JoinSet<()>,
    /// Of the senders that are done.
    schedules: Vec<Schedule>,
}

impl<'a> Run<'a> {
    fn start(plan: &'a Plan, pairs: Vec<Pair>) -> Self {
        let shared = Arc::new(Shared::new(Ledger::new(plan)));
        let (phase, phases) = watch::channel(Phase::Running);
        let (mut senders, mut receivers) = (JoinSet::new(), JoinSet::new());
        let mut wakes = Vec::new();
        for (number, pair) in (0_u32..).zip(pairs) {
            let wake = Arc::new(Notify::new());
            wakes.push(Arc::clone(&wake));
            let sender = pairs::Sending {
                light: pair.sender,
                to: pair.to,
                bytes: plan.bytes as usize,
                schedule: Schedule::new(plan, number),
                shared: Arc::clone(&shared),
                wake,
                phase: phases.clone(),
            };
            senders.spawn(sender.run());
            receivers.spawn(pair.receiver.run(Arc::clone(&shared), phases.clone()));
        }
        if let Rate::PerSecond(rate) = plan.rate {
            let (origin, end) = (shared.origin, plan.end());
            std::thread::spawn(move || beat(rate.get(), origin, end, &wakes, &phases));
        }
        Self { plan, shared, phase, senders, receivers, schedules: Vec::new() }
    }

    /// Until the end of the measured time; true if that came early by an interrupt.
    async fn watch(
        &mut self,
        mut interrupt: std::pin::Pin<&mut impl Future<Output = ()>>,
        observe: &mut impl FnMut(Moment),
    ) -> bool {
        let mut second = Duration::from_secs(1);
        let mut began = false;
        loop {
            let now = self.shared.now();
            if !began && now >= self.plan.begin() {
                began = true;
                observe(Moment::Begin);
            }
            if now >= second {
                second += Duration::from_secs(1);
                observe(Moment::Progress(self.progress(now)));
            }
            if now >= self.plan.end() || self.senders.is_empty() {
                return false;
            }
            let next = if began { self.plan.end() } else { self.plan.begin() }.min(second);
            tokio::select! {
                () = tokio::time::sleep_until((self.shared.origin + next).into()) => {}
                Some(Ok(schedule)) = self.senders.join_next() => self.schedules.push(schedule),
                () = &mut interrupt => return true,
            }
        }
    }

    fn progress(&self, now: Duration) -> Progress {
        let ledger = self.shared.ledger();
        let mut counts = ledger.counts();
        counts.due = match self.plan.rate {
            Rate::Max => counts.sent,
            Rate::PerSecond(rate) => schedule::due_before(rate.get(), now.min(self.plan.end())),
        };
        let latencies = ledger.to_acknowledged();
        let quantiles_ms = (latencies.count() > 0)
            .then(|| (latencies.quantile_ms(0.50), latencies.quantile_ms(0.99)));
        Progress { elapsed: now, counts, quantiles_ms }
    }

    /// Waits for the last answers and receipts, and counts.
    async fn finish(mut self, end: Duration, interrupted: bool) -> Report {
        let behind = self.progress(end).behind();
        self.shared.ledger().end_at(end);
        self.phase.send_replace(Phase::Draining(end));
        let patience = if interrupted { DRAIN_INTERRUPTED } else { DRAIN };
        let _ = tokio::time::timeout(patience, self.drain()).await;
        self.phase.send_replace(Phase::Over);
        self.drain_senders().await;
        let now = self.shared.now();
        while self.receivers.join_next().await.is_some() {}
        let unsent = self.schedules.drain(..).flat_map(|mut schedule| {
            schedule.end_at(end);
            schedule.unsent()
        });
        let report = self.shared.ledger().clone().close(now, unsent);
        Report { interrupted, behind, ..report }
    }

    async fn drain(&mut self) {
        self.drain_senders().await;
        while !self.shared.ledger().is_settled() && !self.receivers.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            while self.receivers.try_join_next().is_some() {}
        }
    }

    async fn drain_senders(&mut self) {
        while let Some(sender) = self.senders.join_next().await {
            self.schedules.extend(sender);
        }
    }
}

/// The metronome, a thread of its own: it wakes each sender when a message of it is due. The timers
/// of the runtime would be up to a millisecond late.
fn beat(
    rate: u32,
    origin: Instant,
    end: Duration,
    wakes: &[Arc<Notify>],
    phase: &watch::Receiver<Phase>,
) {
    for (number, wake) in (0..).zip(wakes.iter().cycle()) {
        let due = schedule::due_at(rate, number);
        let is_over = *phase.borrow() != Phase::Running || phase.has_changed().is_err();
        if due >= end || is_over {
            return;
        }
        let wait = due.saturating_sub(origin.elapsed());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        wake.notify_one();
    }
}
