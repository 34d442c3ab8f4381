//! The heavy arithmetic of the key exchange, to be run outside the machines.

mod batch;

use super::inner_data::InnerData;
use crate::auth_key::AuthKey;
use crate::crypto::dh::{DhError, Exponent, Group, GroupElement, KnownPrimes, check_group};
use crate::crypto::factor::factorize;
use crate::crypto::rsa::{BLOCK_LEN, RsaPrivateKey, RsaPublicKey};
use crate::crypto::rsa_pad::{self, Decrypted, OpenError};
use crate::seed::{Generator, Seed};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use odnix_kernels::{LANES, Powers};
use zeroize::Zeroizing;

/// Arithmetic to run on any thread; [`Done`] goes back to the machine that asked.
///
/// The longest take some milliseconds, but for the test of a prime the client has not seen
/// before and for hostile pq, which take up to some hundred.
pub struct Job {
    pub(super) ticket: Ticket,
    pub(super) task: Task,
}

/// The result of a [`Job`].
pub struct Done {
    pub(super) ticket: Ticket,
    pub(super) outcome: Outcome,
}

/// What ties a result to its question: the nonce that this side drew for the exchange, and the
/// number of the job in it. A result of another exchange, one given up among them, never fits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    nonce: [u8; 16],
    number: u64,
}

impl Ticket {
    /// Before the first job of an exchange.
    pub(super) fn of(nonce: [u8; 16]) -> Self {
        Self { nonce, number: 0 }
    }

    /// That of the next job; what came before it no longer fits.
    pub(super) fn next(&mut self) -> Self {
        self.number = self.number.wrapping_add(1);
        *self
    }
}

/// What is to be calculated.
pub(super) enum Task {
    /// Client: split pq.
    Factorize(u64),
    /// Client: RSA_PAD for the server's key.
    Encrypt { key: RsaPublicKey, data: Zeroizing<Vec<u8>>, seed: Seed },
    /// Client: check the group and g_a, then g_b and the key.
    Agree { offer: Offer, b: Exponent },
    /// Server: open the RSA block.
    Decrypt { key: Arc<RsaPrivateKey>, block: Bytes, accept_legacy: bool, seed: Seed },
    /// Server: g_a.
    Raise { group: Arc<Group>, a: Exponent },
    /// Server: the key.
    Derive { group: Arc<Group>, a: Exponent, g_b: GroupElement },
}

/// The group and g_a, as they came or checked in an earlier round.
pub(super) enum Offer {
    Unchecked { prime: Bytes, generator: i32, g_a: Bytes, known: Arc<KnownPrimes>, seed: Seed },
    Checked { group: Box<Group>, g_a: GroupElement },
}

/// What came out.
#[cfg_attr(test, derive(Clone))]
pub(super) enum Outcome {
    Factors(Option<(u64, u64)>),
    Encrypted(Option<Box<[u8; BLOCK_LEN]>>),
    Agreed(Result<Box<Agreement>, DhError>),
    Decrypted(Option<Box<InnerData>>),
    Raised { a: Exponent, g_a: Result<GroupElement, DhError> },
    Derived { a: Exponent, auth_key: AuthKey },
}

/// The client's side of the key, from a group and a g_a that passed their checks.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Agreement {
    pub group: Box<Group>,
    pub g_a: GroupElement,
    pub g_b: GroupElement,
    pub auth_key: AuthKey,
}

impl Job {
    /// Runs the job to its end.
    pub fn run(self) -> Done {
        let Self { ticket, task } = self;
        Done { ticket, outcome: task.run() }
    }

    /// Whether this job and `other` together are done sooner than one after the other. Always false
    /// where the processor computes one power at a time.
    pub fn joins(&self, other: &Self) -> bool {
        Powers::get().is_some() && self.task.joins(&other.task)
    }

    /// Runs jobs to their end, those together that [join](Self::joins), and gives their results in the
    /// order of the jobs: each is what [`Self::run`] would give. [`Self::BATCH_MAX`] of one kind
    /// take little longer than one.
    pub fn run_batch(jobs: Vec<Self>) -> Vec<Done> {
        batch::run(jobs)
    }

    /// How many jobs that join are best run together.
    pub const BATCH_MAX: usize = LANES;
}

impl Task {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Factorize(pq) => Outcome::Factors(factorize(pq)),
            Self::Encrypt { key, data, seed } => {
                let block = rsa_pad::encrypt(&key, &data, Generator::new(seed).rng());
                Outcome::Encrypted(block.ok().map(Box::new))
            }
            Self::Agree { offer, b } => Outcome::Agreed(agree(offer, &b)),
            Self::Decrypt { key, block, accept_legacy, seed } => {
                let mut generator = Generator::new(seed);
                let opened = rsa_pad::decrypt_blocks(&key, [(&*block, generator.rng())]).pop();
                Outcome::Decrypted(opened.and_then(|block| open(block, accept_legacy)))
            }
            Self::Raise { group, a } => {
                let g_a = a.public(&group);
                Outcome::Raised { a, g_a }
            }
            Self::Derive { group, a, g_b } => {
                let auth_key = AuthKey::new(a.shared(&group, &g_b));
                Outcome::Derived { a, auth_key }
            }
        }
    }
}

fn agree(offer: Offer, b: &Exponent) -> Result<Box<Agreement>, DhError> {
    let (group, g_a) = match offer {
        Offer::Checked { group, g_a } => (group, g_a),
        Offer::Unchecked { prime, generator, g_a, known, seed } => {
            let group = check_group(&prime, generator, &known, seed)?;
            let g_a = GroupElement::parse(&group, &g_a)?;
            (Box::new(group), g_a)
        }
    };
    let g_b = b.public(&group)?;
    let auth_key = AuthKey::new(b.shared(&group, &g_a));
    Ok(Box::new(Agreement { group, g_a, g_b, auth_key }))
}

/// Opens the block by RSA_PAD or, if allowed, by the old scheme. Nothing says which check failed.
fn open(block: Result<Decrypted, OpenError>, accept_legacy: bool) -> Option<Box<InnerData>> {
    let block = block.ok()?;
    if let Ok(padded) = block.open() {
        let padded = Zeroizing::new(padded.expose_secret().to_vec());
        return InnerData::decode(padded).map(|(inner, _)| Box::new(inner));
    }
    if !accept_legacy {
        return None;
    }
    let data = block
        .open_legacy(|area| InnerData::decode(Zeroizing::new(area.to_vec())).map(|(_, len)| len))
        .ok()?;
    InnerData::decode(data).map(|(inner, _)| Box::new(inner))
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.task {
            Task::Factorize(_) => "Factorize",
            Task::Encrypt { .. } => "Encrypt",
            Task::Agree { .. } => "Agree",
            Task::Decrypt { .. } => "Decrypt",
            Task::Raise { .. } => "Raise",
            Task::Derive { .. } => "Derive",
        };
        write!(f, "Job({name})")
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Done(…)")
    }
}
