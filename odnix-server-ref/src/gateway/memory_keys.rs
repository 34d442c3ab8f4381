//! What is known of keys in memory only: temporary keys, and the first salts of keys made
//! since the server started.
//!
//! A first salt is honoured only in the run of the server that made it, so packets captured
//! before a restart are refused after it.

use odnix_proto::server::ServerKey;
use odnix_proto::session::FirstSalt;
use odnix_proto::{AuthKeyId, UnixTime};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bounded; the oldest go first.
#[derive(Debug)]
pub(crate) struct MemoryKeys {
    entries_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    temporary: HashMap<AuthKeyId, ServerKey>,
    temporary_order: VecDeque<AuthKeyId>,
    first_salts: HashMap<AuthKeyId, FirstSalt>,
    first_salts_order: VecDeque<AuthKeyId>,
}

impl MemoryKeys {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries_max, inner: Mutex::default() }
    }

    /// Keeps a temporary key; `false` when its id is taken.
    pub(crate) fn insert_temporary(&self, key: &ServerKey) -> bool {
        let id = key.auth_key.id();
        let mut inner = self.lock();
        if inner.temporary.contains_key(&id) {
            return false;
        }
        inner.temporary.insert(id, key.clone());
        inner.temporary_order.push_back(id);
        if inner.temporary_order.len() > self.entries_max
            && let Some(oldest) = inner.temporary_order.pop_front()
        {
            inner.temporary.remove(&oldest);
        }
        true
    }

    /// A temporary key that has not expired.
    pub(crate) fn temporary(&self, id: AuthKeyId, now: UnixTime) -> Option<ServerKey> {
        let key = self.lock().temporary.get(&id)?.clone();
        let expires_at = u64::try_from(key.expires_at?).unwrap_or(0);
        (now.as_secs() < expires_at).then_some(key)
    }

    /// Remembers the salt that a key exchange ended with.
    pub(crate) fn remember_first_salt(&self, key: &ServerKey) {
        let (id, Some(salt)) = (key.auth_key.id(), key.first_salt) else { return };
        let mut inner = self.lock();
        if inner.first_salts.insert(id, salt).is_none() {
            inner.first_salts_order.push_back(id);
        }
        if inner.first_salts_order.len() > self.entries_max
            && let Some(oldest) = inner.first_salts_order.pop_front()
        {
            inner.first_salts.remove(&oldest);
        }
    }

    /// The first salt of a key made in this run.
    pub(crate) fn first_salt(&self, id: AuthKeyId) -> Option<FirstSalt> {
        self.lock().first_salts.get(&id).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
