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

/// Each transition of the table was seen, and no other.
fn compare(seen: &Seen, table: &[Transition]) {
    let listed: Seen = table.iter().copied().collect();
    assert_eq!(listed.len(), table.len(), "a transition stands in the table twice");
    let unknown: Vec<_> = seen.difference(&listed).collect();
    let unseen: Vec<_> = listed.difference(seen).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:#?}");
    assert!(unseen.is_empty(), "in the table, but never seen: {unseen:#?}");
}
