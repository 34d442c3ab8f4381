//! Many seeds, on several threads, each seed in one.

use super::bugs::{Bug, Planted};
use super::invariants::Violation;
use super::script::{Profile, Script};
use super::world::{self, Failed, Outcome, Stats};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What many runs did.
#[derive(Debug, Default)]
pub struct Total {
    /// How many.
    pub seeds: u64,
    /// Sums; the longest time to rest.
    pub stats: Stats,
    /// Seeds that found something, by rising seed.
    pub violations: Vec<(u64, Violation)>,
    /// Seeds that could not be run.
    pub failures: Vec<(u64, String)>,
}

/// One seed.
///
/// # Errors
/// The world could not be made.
pub fn run_seed(seed: u64, profile: Profile, keep_trace: bool) -> Result<Outcome, Failed> {
    world::run(&Script::generate(seed, profile), Planted::default(), keep_trace)
}

/// All seeds of a range; `progress` is told how many are done and how many of them found
/// something.
pub fn run(
    seeds: Range<u64>,
    profile: Profile,
    threads: usize,
    progress: impl Fn(u64, usize) + Sync,
) -> Total {
    let next = AtomicU64::new(seeds.start);
    let total = Mutex::new(Total::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run_seed(seed, profile, false);
                    let mut total = total.lock().unwrap_or_else(|poison| poison.into_inner());
                    total.add(seed, outcome);
                    progress(total.seeds, total.violations.len() + total.failures.len());
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_else(|poison| poison.into_inner());
    total.violations.sort_by_key(|(seed, _)| *seed);
    total.failures.sort();
    total
}

impl Total {
    fn add(&mut self, seed: u64, outcome: Result<Outcome, Failed>) {
        self.seeds += 1;
        match outcome {
            Err(Failed(why)) => self.failures.push((seed, why)),
            Ok(outcome) => {
                self.stats.add(&outcome.stats);
                self.violations.extend(outcome.violation.map(|it| (seed, it)));
            }
        }
    }
}

impl Stats {
    fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.operations += other.operations;
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.calls += other.calls;
        self.pushes += other.pushes;
        self.pushes_refused += other.pushes_refused;
        self.differences += other.differences;
        self.reloads += other.reloads;
        self.packets += other.packets;
        self.events += other.events;
        self.virtual_us += other.virtual_us;
        self.rest_us = self.rest_us.max(other.rest_us);
        self.digests += other.digests;
    }
}

/// The first of so many seeds, from 1, at which a planted bug is found. `None` if none finds it.
#[cfg(feature = "planted-bugs")]
pub fn hunt(bug: Bug, seeds: u64, threads: usize) -> Option<(u64, Violation)> {
    let next = AtomicU64::new(1);
    let found = AtomicBool::new(false);
    let finds = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !found.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        return;
                    }
                    let script = Script::generate(seed, bug.profile());
                    if let Ok(Outcome { violation: Some(violation), .. }) =
                        world::run(&script, Planted::with(bug), false)
                    {
                        found.store(true, Ordering::Relaxed);
                        let mut finds = finds.lock().unwrap_or_else(|poison| poison.into_inner());
                        finds.push((seed, violation));
                    }
                }
            });
        }
    });
    let finds = finds.into_inner().unwrap_or_else(|poison| poison.into_inner());
    finds.into_iter().min_by_key(|(seed, _)| *seed)
}

/// Without the feature there are no bugs to hunt.
#[cfg(not(feature = "planted-bugs"))]
pub fn hunt(_bug: Bug, _seeds: u64, _threads: usize) -> Option<(u64, Violation)> {
    let _ = AtomicBool::new(false);
    None
}
