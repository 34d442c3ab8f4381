//! What became of each message: a machine without a clock. All times count from the start of the
//! run.

use super::latencies::Latencies;
use super::schedule::Due;
use super::{Plan, Report};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

/// Kinds of errors that are told apart.
const ERRORS_MAX: usize = 16;

/// Numbers of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Should have left.
    pub due: u64,
    /// Have left.
    pub sent: u64,
    /// The server has answered that they are stored.
    pub acknowledged: u64,
    /// Have reached the receiver.
    pub received: u64,
}

/// A message that has left, and what has not happened to it yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    intended: Duration,
    acknowledged: bool,
    received: bool,
}

/// Follows each message until it is acknowledged and received. Latencies count from when a message
/// was due, whether or not it could leave then: a server that does nothing for a second shows in
/// the latency of each message of that second. Only messages that were due in the measured time
/// count.
#[derive(Clone, Debug)]
pub struct Ledger {
    measured: Range<Duration>,
    pairs: u64,
    replicas: u64,
    open: HashMap<u64, Open>,
    all: Counts,
    counted: Counts,
    acknowledged_meanwhile: u64,
    received_meanwhile: u64,
    to_acknowledged: Latencies,
    to_received: Latencies,
    to_stored: Latencies,
    lateness: Latencies,
    errors: BTreeMap<String, u64>,
}

impl Ledger {
    /// Of a run that begins.
    pub fn new(plan: &Plan) -> Self {
        Self {
            measured: plan.begin()..plan.end(),
            pairs: u64::from(plan.pairs),
            replicas: u64::from(plan.replicas),
            open: HashMap::new(),
            all: Counts::default(),
            counted: Counts::default(),
            acknowledged_meanwhile: 0,
            received_meanwhile: 0,
            to_acknowledged: Latencies::default(),
            to_received: Latencies::default(),
            to_stored: Latencies::default(),
            lateness: Latencies::default(),
            errors: BTreeMap::new(),
        }
    }

    /// The measured time ends early.
    pub fn end_at(&mut self, end: Duration) {
        self.measured.end = self.measured.end.min(end);
    }

    /// A message leaves.
    pub fn sent(&mut self, due: &Due) {
        self.all.sent += 1;
        if self.measured.contains(&due.intended) {
            self.counted.due += 1;
            self.counted.sent += 1;
            self.lateness.record(due.late);
        }
        let open = Open { intended: due.intended, acknowledged: false, received: false };
        self.open.insert(due.number, open);
    }

    /// The server has answered that a message is stored.
    pub fn acknowledged(&mut self, number: u64, now: Duration) {
        let Some(open) = self.open.get_mut(&number) else { return };
        if std::mem::replace(&mut open.acknowledged, true) {
            return self.error("the server answered a message twice");
        }
        let intended = open.intended;
        self.all.acknowledged += 1;
        self.acknowledged_meanwhile += u64::from(self.measured.contains(&now));
        if self.measured.contains(&intended) {
            self.counted.acknowledged += 1;
            self.to_acknowledged.record(now.saturating_sub(intended));
        }
        self.settle(number);
    }

    /// A message has reached its receiver; if that is a whole client, its replica.
    pub fn received(&mut self, number: u64, now: Duration) {
        let open = self.open.get_mut(&number).filter(|open| !open.received);
        let Some(open) = open else {
            return self.error("a message came that was received already or never sent");
        };
        open.received = true;
        let intended = open.intended;
        self.all.received += 1;
        self.received_meanwhile += u64::from(self.measured.contains(&now));
        if self.measured.contains(&intended) {
            self.counted.received += 1;
            self.receipts_of(number).record(now.saturating_sub(intended));
        }
        self.settle(number);
    }

    /// The server refuses a message.
    pub fn refused(&mut self, number: u64, reason: &str) {
        self.open.remove(&number);
        self.error(reason);
    }

    /// Something went wrong.
    pub fn error(&mut self, what: &str) {
        let known = self.errors.contains_key(what) || self.errors.len() < ERRORS_MAX;
        *self.errors.entry(if known { what } else { "others" }.to_owned()).or_default() += 1;
    }

    /// Whether each message that has left was acknowledged and received.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// All messages until now; `due` is left to the caller, who has the clock.
    pub fn counts(&self) -> Counts {
        self.all
    }

    /// From when a message was due to its acknowledgement.
    pub fn to_acknowledged(&self) -> &Latencies {
        &self.to_acknowledged
    }

    /// The run is over. What is still waited for, and what was due and never left, counts with the
    /// time that it has waited: it would take longer yet, but leaving it out would flatter.
    pub fn close(
        mut self,
        now: Duration,
        unsent: impl IntoIterator<Item = (u64, Duration)>,
    ) -> Report {
        for (number, intended) in unsent {
            let never_left = Open { intended, acknowledged: false, received: false };
            self.counted.due += u64::from(self.measured.contains(&intended));
            self.open.insert(number, never_left);
        }
        for (number, open) in std::mem::take(&mut self.open) {
            if !self.measured.contains(&open.intended) {
                continue;
            }
            let waited = now.saturating_sub(open.intended);
            if !open.acknowledged {
                self.to_acknowledged.record(waited);
            }
            if !open.received {
                self.receipts_of(number).record(waited);
            }
        }
        Report {
            measured: self.measured.end.saturating_sub(self.measured.start),
            interrupted: false,
            behind: 0,
            counts: self.counted,
            acknowledged_meanwhile: self.acknowledged_meanwhile,
            received_meanwhile: self.received_meanwhile,
            to_acknowledged: self.to_acknowledged,
            to_received: self.to_received,
            to_stored: self.to_stored,
            lateness: self.lateness,
            errors: self.errors,
        }
    }

    /// The first receivers are whole clients.
    fn receipts_of(&mut self, number: u64) -> &mut Latencies {
        let whole = number % self.pairs < self.replicas;
        if whole { &mut self.to_stored } else { &mut self.to_received }
    }

    fn settle(&mut self, number: u64) {
        if self.open.get(&number).is_some_and(|open| open.acknowledged && open.received) {
            self.open.remove(&number);
        }
    }
}
