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

    /// Keeps a temporary key; `None` when its id is taken. Beyond the bound another one goes,
    /// which is returned: the oldest that is not bound, or the oldest of all.
    pub(crate) fn insert_temporary(
        &self,
        key: &ServerKey,
        is_bound: impl Fn(AuthKeyId) -> bool,
    ) -> Option<Option<AuthKeyId>> {
        let id = key.auth_key.id();
        let mut inner = self.lock();
        if inner.temporary.contains_key(&id) {
            return None;
        }
        let mut crowded_out = None;
        if inner.temporary_order.len() >= self.entries_max {
            let order = &inner.temporary_order;
            crowded_out =
                order.iter().copied().find(|id| !is_bound(*id)).or(order.front().copied());
            if let Some(oldest) = crowded_out {
                inner.remove(oldest);
            }
        }
        inner.temporary.insert(id, key.clone());
        inner.temporary_order.push_back(id);
        Some(crowded_out)
    }

    /// A temporary key that has not expired.
    pub(crate) fn temporary(&self, id: AuthKeyId, now: UnixTime) -> Option<ServerKey> {
        let key = self.lock().temporary.get(&id)?.clone();
        (!has_expired(&key, now)).then_some(key)
    }

    /// Whether this is a temporary key.
    pub(crate) fn is_temporary(&self, id: AuthKeyId) -> bool {
        self.lock().temporary.contains_key(&id)
    }

    /// A temporary key ends at `expires_at` at the latest.
    pub(crate) fn end_by(&self, id: AuthKeyId, expires_at: i32) {
        if let Some(key) = self.lock().temporary.get_mut(&id) {
            key.expires_at = key.expires_at.map(|own| own.min(expires_at));
        }
    }

    /// Forgets a temporary key.
    pub(crate) fn remove(&self, id: AuthKeyId) {
        self.lock().remove(id);
    }

    /// Forgets the temporary keys that have expired.
    pub(crate) fn take_expired(&self, now: UnixTime) -> Vec<AuthKeyId> {
        let mut inner = self.lock();
        let all = inner.temporary.iter();
        let expired: Vec<AuthKeyId> =
            all.filter(|(_, key)| has_expired(key, now)).map(|(id, _)| *id).collect();
        for id in &expired {
            inner.temporary.remove(id);
        }
        if !expired.is_empty() {
            let Inner { temporary, temporary_order, .. } = &mut *inner;
            temporary_order.retain(|id| temporary.contains_key(id));
        }
        expired
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

impl Inner {
    fn remove(&mut self, id: AuthKeyId) {
        if self.temporary.remove(&id).is_some() {
            self.temporary_order.retain(|kept| *kept != id);
        }
    }
}

fn has_expired(key: &ServerKey, now: UnixTime) -> bool {
    let expires_at = key.expires_at.and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
    now.as_secs() >= expires_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use odnix_proto::{AuthKey, Secret};

    fn key(number: u8, expires_at: i32) -> ServerKey {
        ServerKey {
            auth_key: AuthKey::new(Secret::take(&mut [number; 256])),
            first_salt: None,
            expires_at: Some(expires_at),
            bound_to: None,
            dc: 2,
        }
    }

    #[test]
    fn keys_beyond_the_bound_crowd_out_the_oldest_that_is_not_bound() {
        let keys = MemoryKeys::new(2);
        let (one, two, three) = (key(1, 100), key(2, 100), key(3, 100));
        let bound = one.auth_key.id();
        let is_bound = |id| id == bound;
        assert_eq!(keys.insert_temporary(&one, is_bound), Some(None));
        assert_eq!(keys.insert_temporary(&one, is_bound), None, "its id is taken");
        assert_eq!(keys.insert_temporary(&two, is_bound), Some(None));
        assert_eq!(keys.insert_temporary(&three, is_bound), Some(Some(two.auth_key.id())));
        assert!(keys.is_temporary(bound) && !keys.is_temporary(two.auth_key.id()));
        assert_eq!(keys.insert_temporary(&two, |_| true), Some(Some(bound)), "all are bound");
    }

    #[test]
    fn a_key_ends_with_its_second_and_not_before() {
        let keys = MemoryKeys::new(2);
        let id = key(1, 100).auth_key.id();
        keys.insert_temporary(&key(1, 100), |_| false);
        keys.end_by(id, 90);
        // The earlier end counts.
        keys.end_by(id, 95);
        assert!(keys.temporary(id, UnixTime::from_secs(89)).is_some());
        assert!(keys.temporary(id, UnixTime::from_secs(90)).is_none());
        assert!(keys.take_expired(UnixTime::from_secs(89)).is_empty());
        assert_eq!(keys.take_expired(UnixTime::from_secs(90)), [id]);
        assert!(!keys.is_temporary(id));
    }
}
