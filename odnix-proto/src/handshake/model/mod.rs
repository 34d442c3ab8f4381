//! Both machines against small models of them, on every sequence of messages.
//!
//! The tests live in the crate because they remember the results of jobs: a sequence is played
//! from its start with the same seed as the others, so most of its arithmetic was done before.
//! Each result is that of the real job; only its repetition is saved.

mod client;
#[allow(unreachable_patterns, reason = "written for other crates, to which enums may grow")]
#[path = "../../../tests/pair/mod.rs"]
mod pair;
mod server;

use super::job::{Done, Job, Offer, Outcome, Task};
use crate::transition::Transition;
use std::collections::{BTreeSet, HashMap};

const LENGTH_MAX: usize = 6;

/// What jobs gave, by what they were given.
#[derive(Default)]
struct Memo(HashMap<Vec<u8>, Outcome>);

impl Memo {
    fn run(&mut self, job: Job) -> Done {
        let Job { ticket, task } = job;
        let outcome = self.0.entry(key(&task)).or_insert_with(|| task.run()).clone();
        Done { ticket, outcome }
    }
}

/// Everything a result depends on, but for blinding and padding.
fn key(task: &Task) -> Vec<u8> {
    match task {
        Task::Factorize(pq) => [b"factorize", &pq.to_be_bytes()[..]].concat(),
        Task::Encrypt { data, .. } => [b"encrypt", &data[..]].concat(),
        Task::Agree { offer: Offer::Unchecked { prime, generator, g_a, .. }, b } => {
            [b"check", &prime[..], &generator.to_be_bytes(), g_a, b.bytes()].concat()
        }
        Task::Agree { offer: Offer::Checked { g_a, .. }, b } => {
            [b"agree", &g_a.to_bytes()[..], b.bytes()].concat()
        }
        Task::Decrypt { block, .. } => [b"decrypt", &block[..]].concat(),
        Task::Raise { a, .. } => [b"raise", &a.bytes()[..]].concat(),
        Task::Derive { a, g_b, .. } => [b"derive", &a.bytes()[..], &g_b.to_bytes()].concat(),
    }
}

/// The transitions that were seen.
type Seen = BTreeSet<Transition>;

/// A machine and its model, side by side.
trait Run {
    /// What can happen to them.
    type Symbol: Copy;
    /// What the peers made by hand have calculated before.
    type Kit: Default;

    /// Both at their beginning.
    fn new() -> Self;

    /// Gives the symbol to both and compares; whether they go on.
    fn step(&mut self, symbol: Self::Symbol, kit: &mut Self::Kit, seen: &mut Seen) -> bool;

    /// What ends the work that is under way, if some is.
    fn under_way(&self) -> Option<Self::Symbol>;
}

/// Plays every sequence of symbols.
struct Explorer<R: Run> {
    kit: R::Kit,
    seen: Seen,
    runs: u32,
    /// Work ends before the next symbol.
    at_once: bool,
    length_max: usize,
}

impl<R: Run> Explorer<R> {
    fn new() -> Self {
        let kit = R::Kit::default();
        Self { kit, seen: Seen::new(), runs: 0, at_once: true, length_max: LENGTH_MAX }
    }

    /// Plays the whole path; whether the exchange is alive at its end.
    fn play(&mut self, path: &[R::Symbol]) -> bool {
        self.runs += 1;
        let mut run = R::new();
        path.iter().all(|symbol| {
            let mut alive = run.step(*symbol, &mut self.kit, &mut self.seen);
            while self.at_once && alive {
                let Some(next) = run.under_way() else { break };
                alive = run.step(next, &mut self.kit, &mut self.seen);
            }
            alive
        })
    }

    /// Tries every symbol after `path`, which is known to leave the exchange alive.
    fn explore(&mut self, path: &mut Vec<R::Symbol>, symbols: &[R::Symbol]) {
        for symbol in symbols {
            path.push(*symbol);
            if self.play(path) && path.len() < self.length_max {
                self.explore(path, symbols);
            }
            path.pop();
        }
    }
}

/// Each transition of the table was seen, and no other.
fn compare(seen: &Seen, table: &[Transition]) {
    let listed: Seen = table.iter().copied().collect();
    assert_eq!(listed.len(), table.len(), "a transition stands in the table twice");
    let unknown: Vec<_> = seen.difference(&listed).collect();
    let unseen: Vec<_> = listed.difference(seen).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:#?}");
    assert!(unseen.is_empty(), "in the table, but never seen: {unseen:#?}");
}
