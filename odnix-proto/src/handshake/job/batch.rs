//! Several jobs at once: those of one kind, with one key or one group, are computed together.

use super::{Done, Job, Outcome, Task, Ticket, open};
use crate::auth_key::AuthKey;
use crate::crypto::dh::{Exponent, Group, GroupElement, public_batch, shared_batch};
use crate::crypto::rsa::RsaPrivateKey;
use crate::crypto::rsa_pad;
use crate::seed::Generator;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Where a job stood among the others, and what its result is for.
type Place = (usize, Ticket);

impl Task {
    pub(super) fn joins(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Decrypt { key, .. }, Self::Decrypt { key: other, .. }) => {
                Arc::ptr_eq(key, other)
            }
            (Self::Raise { group, .. }, Self::Raise { group: other, .. })
            | (Self::Derive { group, .. }, Self::Derive { group: other, .. }) => {
                Arc::ptr_eq(group, other)
            }
            _ => false,
        }
    }
}

pub(super) fn run(jobs: Vec<Job>) -> Vec<Done> {
    let places = jobs.into_iter().enumerate();
    let mut waiting: Vec<(Place, Task)> =
        places.map(|(index, Job { ticket, task })| ((index, ticket), task)).collect();
    let mut results: Vec<(Place, Outcome)> = Vec::with_capacity(waiting.len());
    while let Some((place, task)) = waiting.pop() {
        let (mut joined, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, other)| task.joins(other));
        waiting = rest;
        joined.push((place, task));
        results.extend(run_joined(joined));
    }
    results.sort_by_key(|((index, _), _)| *index);
    results.into_iter().map(|((_, ticket), outcome)| Done { ticket, outcome }).collect()
}

/// Runs one job, or several that join.
fn run_joined(joined: Vec<(Place, Task)>) -> Vec<(Place, Outcome)> {
    match joined.as_slice() {
        [(_, Task::Decrypt { key, .. }), _, ..] => decrypt(&Arc::clone(key), joined),
        [(_, Task::Raise { group, .. }), _, ..] => raise(&Arc::clone(group), joined),
        [(_, Task::Derive { group, .. }), _, ..] => derive(&Arc::clone(group), joined),
        _ => joined.into_iter().map(|(place, task)| (place, task.run())).collect(),
    }
}

fn decrypt(key: &RsaPrivateKey, joined: Vec<(Place, Task)>) -> Vec<(Place, Outcome)> {
    let blocks = joined.into_iter().filter_map(|(place, task)| match task {
        Task::Decrypt { block, accept_legacy, seed, .. } => {
            Some((place, block, accept_legacy, Generator::new(seed)))
        }
        _ => None,
    });
    let mut blocks: Vec<_> = blocks.collect();
    let asked = blocks.iter_mut().map(|(_, block, _, generator)| (&**block, generator.rng()));
    let opened = rsa_pad::decrypt_blocks(key, asked);
    let results = blocks.into_iter().zip(opened).map(|((place, _, accept_legacy, _), block)| {
        (place, Outcome::Decrypted(open(block, accept_legacy)))
    });
    results.collect()
}

fn raise(group: &Group, joined: Vec<(Place, Task)>) -> Vec<(Place, Outcome)> {
    let exponents = joined.into_iter().filter_map(|(place, task)| match task {
        Task::Raise { a, .. } => Some((place, a)),
        _ => None,
    });
    let exponents: Vec<(Place, Exponent)> = exponents.collect();
    let asked: Vec<&Exponent> = exponents.iter().map(|(_, a)| a).collect();
    let powers = public_batch(group, &asked);
    let results = exponents.into_iter().zip(powers);
    results.map(|((place, a), g_a)| (place, Outcome::Raised { a, g_a })).collect()
}

fn derive(group: &Group, joined: Vec<(Place, Task)>) -> Vec<(Place, Outcome)> {
    let pairs = joined.into_iter().filter_map(|(place, task)| match task {
        Task::Derive { a, g_b, .. } => Some((place, a, g_b)),
        _ => None,
    });
    let pairs: Vec<(Place, Exponent, GroupElement)> = pairs.collect();
    let asked: Vec<(&Exponent, &GroupElement)> = pairs.iter().map(|(_, a, g_b)| (a, g_b)).collect();
    let keys = shared_batch(group, &asked).into_iter().map(AuthKey::new);
    let results = pairs.into_iter().zip(keys);
    results.map(|((place, a, _), auth_key)| (place, Outcome::Derived { a, auth_key })).collect()
}
