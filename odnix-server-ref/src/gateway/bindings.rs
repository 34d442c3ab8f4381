//! Which temporary keys are bound to which permanent ones.

use odnix_proto::AuthKeyId;
use std::collections::{HashMap, VecDeque};

/// The newest few of each permanent key; kept in memory only, like the keys themselves.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    permanent: HashMap<AuthKeyId, AuthKeyId>,
    /// By permanent key, the oldest first.
    temporary: HashMap<AuthKeyId, VecDeque<AuthKeyId>>,
}

/// The temporary key is bound to another permanent key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken;

impl Bindings {
    /// The permanent key behind a temporary one.
    pub(super) fn permanent(&self, temp: AuthKeyId) -> Option<AuthKeyId> {
        self.permanent.get(&temp).copied()
    }

    /// The temporary keys of a permanent one, the oldest first.
    pub(super) fn temporary(&self, perm: AuthKeyId) -> Vec<AuthKeyId> {
        self.temporary.get(&perm).into_iter().flatten().copied().collect()
    }

    /// Binds, and unbinds the oldest one of this permanent key beyond `max`, which is returned.
    pub(super) fn bind(
        &mut self,
        temp: AuthKeyId,
        perm: AuthKeyId,
        max: usize,
    ) -> Result<Option<AuthKeyId>, Taken> {
        match self.permanent(temp) {
            Some(bound) if bound == perm => return Ok(None),
            Some(_) => return Err(Taken),
            None => {}
        }
        self.permanent.insert(temp, perm);
        let all = self.temporary.entry(perm).or_default();
        all.push_back(temp);
        if all.len() <= max {
            return Ok(None);
        }
        let oldest = all.pop_front();
        if let Some(oldest) = oldest {
            self.permanent.remove(&oldest);
        }
        Ok(oldest)
    }

    pub(super) fn unbind(&mut self, temp: AuthKeyId) {
        let Some(perm) = self.permanent.remove(&temp) else { return };
        if let Some(all) = self.temporary.get_mut(&perm) {
            all.retain(|bound| *bound != temp);
            if all.is_empty() {
                self.temporary.remove(&perm);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> AuthKeyId {
        AuthKeyId::from_bytes([number; 8])
    }

    #[test]
    fn the_newest_bindings_of_a_permanent_key_are_kept() {
        let mut bindings = Bindings::default();
        assert_eq!(bindings.bind(id(1), id(100), 2), Ok(None));
        assert_eq!(bindings.bind(id(2), id(100), 2), Ok(None));
        assert_eq!(bindings.bind(id(9), id(200), 2), Ok(None), "another key has its own");
        assert_eq!(bindings.bind(id(3), id(100), 2), Ok(Some(id(1))));
        assert_eq!(bindings.temporary(id(100)), [id(2), id(3)]);
        assert_eq!(bindings.permanent(id(1)), None);
        assert_eq!(bindings.permanent(id(9)), Some(id(200)));
    }

    #[test]
    fn a_bound_key_stays_with_its_permanent_key() {
        let mut bindings = Bindings::default();
        assert_eq!(bindings.bind(id(1), id(100), 1), Ok(None));
        assert_eq!(bindings.bind(id(1), id(100), 1), Ok(None), "again");
        assert_eq!(bindings.bind(id(1), id(200), 1), Err(Taken));
        bindings.unbind(id(1));
        assert_eq!(bindings.bind(id(1), id(200), 1), Ok(None));
        assert!(bindings.temporary(id(100)).is_empty());
    }
}
