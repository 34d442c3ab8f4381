//! Many seeds: on several threads, with what they did added up.

use super::bugs::{Bug, Planted};
use super::invariants::Violation;
use super::script::{Profile, Script};
use super::world::{Failed, Outcome, Stats, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One seed that broke a promise.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which seed.
    pub seed: u64,
    /// Which promise.
    pub violation: Violation,
}

/// What the seeds of a range came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runs that ended.
    pub runs: u64,
    /// Sums over all runs; the times to rest are the longest instead.
    pub stats: Stats,
    /// By seed.
    pub findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.runs += 1;
        self.stats.add(&outcome.stats);
        self.findings.extend(outcome.violation.map(|violation| Finding { seed, violation }));
    }
}

/// Runs the seeds. `progress` hears how many are done, on whichever thread.
///
/// # Errors
/// A run could not be made.
pub fn run_seeds(
    seeds: Range<u64>,
    profile: Profile,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Report, Failed> {
    let (next, done) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<(u64, Result<Outcome, Failed>)>> = Mutex::new(Vec::new());
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = run(&Script::generate(seed, profile), Planted::default(), false);
            failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
            if let Ok(mut results) = results.lock() {
                results.push((seed, outcome));
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|result| result.0);
    let mut report = Report::default();
    for (seed, outcome) in results {
        report.add(seed, outcome?);
    }
    Ok(report)
}

/// The first seed below `seeds` that finds the bug, and what it saw.
///
/// # Errors
/// A run could not be made.
#[cfg(feature = "planted-bugs")]
pub fn hunt(bug: Bug, seeds: u64) -> Result<Option<Finding>, Failed> {
    for seed in 0..seeds {
        let script = Script::generate(seed, bug.profile());
        let outcome = run(&script, Planted::with(bug), false)?;
        if let Some(violation) = outcome.violation {
            return Ok(Some(Finding { seed, violation }));
        }
    }
    Ok(None)
}

/// Without the feature there is nothing to hunt.
///
/// # Errors
/// Always.
#[cfg(not(feature = "planted-bugs"))]
pub fn hunt(_: Bug, _: u64) -> Result<Option<Finding>, Failed> {
    Err(Failed("built without the feature planted-bugs".to_owned()))
}

impl Stats {
    fn add(&mut self, other: &Self) {
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        self.messages += other.messages;
        self.operations += other.operations;
        self.calls += other.calls;
        self.ran_again += other.ran_again;
        self.pushes += other.pushes;
        self.pushes_refused += other.pushes_refused;
        self.differences += other.differences;
        self.reloads += other.reloads;
        self.group_differences += other.group_differences;
        self.group_reloads += other.group_reloads;
        self.groups += other.groups;
        self.group_updates += other.group_updates;
        self.group_changes += other.group_changes;
        self.refused += other.refused;
        self.packets += other.packets;
        self.events += other.events;
        self.virtual_us += other.virtual_us;
        self.rest_us = self.rest_us.max(other.rest_us);
        self.digests += other.digests;
    }

    fn rows(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("operations of users", self.operations),
            ("messages committed", self.messages),
            ("calls that ended", self.calls),
            ("calls run again after a crash", self.ran_again),
            ("updates pushed", self.pushes),
            ("updates refused by full queues", self.pushes_refused),
            ("differences asked for", self.differences),
            ("histories fetched anew", self.reloads),
            ("large groups", self.groups),
            ("updates of large groups", self.group_updates),
            ("users who came or went", self.group_changes),
            ("differences of groups asked for", self.group_differences),
            ("histories of groups fetched", self.group_reloads),
            ("messages of former members refused", self.refused),
            ("packets", self.packets),
            ("events", self.events),
            ("digests compared", self.digests),
            ("virtual hours", self.virtual_us / 3_600_000_000),
            ("longest way to rest, seconds", self.rest_us / 1_000_000),
            ("faults", self.faults.values().sum()),
        ]
    }
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, count: u64| {
            let _ = writeln!(text, "{name:<36} {count:>12}");
        };
        row("seeds", self.runs);
        self.stats.rows().into_iter().for_each(|(name, count)| row(name, count));
        for (kind, count) in &self.stats.faults {
            row(&format!("  {kind}"), *count);
        }
        row("violations", self.findings.len() as u64);
        for finding in &self.findings {
            let _ = writeln!(text, "seed {}: {}", finding.seed, finding.violation);
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        let faults: BTreeMap<_, _> = self.stats.faults.clone();
        let counts: BTreeMap<_, _> = self.stats.rows().into_iter().collect();
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|it| serde_json::json!({ "seed": it.seed, "violation": it.violation.to_string() }))
            .collect();
        serde_json::json!({
            "seeds": self.runs, "counts": counts, "faults": faults, "violations": findings,
        })
    }
}
