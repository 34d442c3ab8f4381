//! Keys that end before their connections do: temporary ones, and those that are destroyed.
//!
//! A temporary key is bound, found and revoked under the registry's lock, so a connection that
//! begins to use a key either sees its binding or is told of it, and none goes on with a key
//! that is gone.

use super::{Command, ConnectionId, Handle, Inner, Message, Place, Registry};
use crate::store::UserId;
use odnix_proto::server::{CallId, KeyDestroyed, ServerKey, SessionRef};
use odnix_proto::{AuthKeyId, UnixTime};

/// A temporary key that a connection wants to use.
#[derive(Debug)]
pub(crate) enum Temporary {
    /// Not bound; the connection has entered with it.
    Unbound(Box<ServerKey>),
    /// Bound to this permanent key; who is logged in with that one must be asked.
    Bound(AuthKeyId),
}

impl Registry {
    /// Keeps a new temporary key; `false` when its id is taken. Beyond the bound an older one
    /// is revoked, those that are not bound first.
    pub(crate) fn insert_temporary(&self, key: &ServerKey) -> bool {
        let mut inner = self.lock();
        let is_bound = |id: AuthKeyId| inner.bindings.permanent(id).is_some();
        let Some(crowded_out) = self.memory_keys.insert_temporary(key, is_bound) else {
            return false;
        };
        if let Some(oldest) = crowded_out {
            inner.revoke(oldest, None);
        }
        true
    }

    /// Enters with a temporary key, unless it is bound.
    pub(crate) fn enter_temporary(
        &self,
        id: AuthKeyId,
        now: UnixTime,
        by: &Handle,
    ) -> Option<Temporary> {
        let mut inner = self.lock();
        let key = self.memory_keys.temporary(id, now)?;
        if let Some(permanent) = inner.bindings.permanent(id) {
            return Some(Temporary::Bound(permanent));
        }
        inner.enter(id, None, key.dc, by);
        Some(Temporary::Unbound(Box::new(key)))
    }

    /// Enters with a bound temporary key, in the order of the commits. `user` is who is logged
    /// in with the permanent key, and the outer `None` that this one is gone.
    pub(crate) fn enter_bound(
        &self,
        id: AuthKeyId,
        permanent: AuthKeyId,
        user: Option<Option<UserId>>,
        now: UnixTime,
        by: &Handle,
    ) -> Option<Box<ServerKey>> {
        let mut inner = self.lock();
        let mut key = self.memory_keys.temporary(id, now)?;
        let user = user.filter(|_| inner.bindings.permanent(id) == Some(permanent))?;
        inner.enter(id, user, key.dc, by);
        key.bound_to = Some(permanent);
        Some(Box::new(key))
    }

    /// Binds the key of `from`, in the order of the commits, and tells its session. `user` as
    /// in [`Self::enter_bound`].
    pub(crate) fn bind(
        &self,
        from: SessionRef,
        call: CallId,
        permanent: AuthKeyId,
        user: Option<Option<UserId>>,
        expires_at: i32,
    ) {
        let mut inner = self.lock();
        let max = self.limits.temporary_keys_per_key_max;
        let exists = self.memory_keys.is_temporary(from.key_id);
        let bound = user
            .filter(|_| exists)
            .and_then(|user| Some((user, inner.bindings.bind(from.key_id, permanent, max).ok()?)));
        if let Some((user, crowded_out)) = bound {
            self.memory_keys.end_by(from.key_id, expires_at);
            inner.set_user(from.key_id, user);
            inner.tell_connections(from.key_id, None, &|id| Command::KeyBound(id, permanent));
            if let Some(oldest) = crowded_out {
                self.memory_keys.remove(oldest);
                inner.revoke(oldest, None);
            }
        }
        inner.send(from, Message::BindingStored(call, bound.is_some()));
    }

    /// Something for a session, wherever it is.
    pub(crate) fn tell(&self, to: SessionRef, message: Message) {
        self.lock().send(to, message);
    }

    /// A key was destroyed durably, or there was none, or it could not be: its client is told,
    /// and everything else that lives under it ends.
    pub(crate) fn key_destroyed(&self, from: SessionRef, by: &Handle, outcome: KeyDestroyed) {
        let mut inner = self.lock();
        if outcome == KeyDestroyed::Fail {
            return inner.send(from, Message::KeyDestroyed(outcome));
        }
        by.tell(Command::KeyDestroyed(from, outcome));
        self.drop_temporary(&mut inner, from.key_id, &[]);
        self.memory_keys.remove(from.key_id);
        // The connection that asked says its answer first.
        inner.revoke(from.key_id, Some(by.id));
    }

    /// A permanent key was deleted by another device of its user: everything under it ends.
    pub(super) fn revoke_login(&self, inner: &mut Inner, permanent: AuthKeyId) {
        self.drop_temporary(inner, permanent, &[]);
        self.memory_keys.remove(permanent);
        inner.revoke(permanent, None);
    }

    /// Whether this is a temporary key.
    pub(crate) fn is_temporary(&self, id: AuthKeyId) -> bool {
        self.memory_keys.is_temporary(id)
    }

    /// Revokes the temporary keys of a permanent one, except those.
    pub(super) fn drop_temporary(
        &self,
        inner: &mut Inner,
        permanent: AuthKeyId,
        except: &[AuthKeyId],
    ) {
        for temp in inner.bindings.temporary(permanent) {
            if !except.contains(&temp) {
                self.memory_keys.remove(temp);
                inner.revoke(temp, None);
            }
        }
    }

    /// Revokes the temporary keys that have expired.
    pub(super) fn drop_expired(&self, inner: &mut Inner, now: UnixTime) {
        for expired in self.memory_keys.take_expired(now) {
            inner.revoke(expired, None);
        }
    }
}

impl Inner {
    /// A key is gone: its connections end (except one), its sessions are forgotten.
    fn revoke(&mut self, id: AuthKeyId, except: Option<ConnectionId>) {
        self.bindings.unbind(id);
        self.tell_connections(id, except, &Command::Revoked);
        self.set_user(id, None);
        let Some(entry) = self.keys.get_mut(&id) else { return };
        entry.revoked = true;
        for (_, session) in entry.sessions.drain() {
            if let Place::Away { ticket, .. } = session.place {
                self.away.remove(&ticket);
            }
        }
        self.forget_idle_key(id);
    }

    fn tell_connections(
        &self,
        id: AuthKeyId,
        except: Option<ConnectionId>,
        command: &dyn Fn(AuthKeyId) -> Command,
    ) {
        let Some(entry) = self.keys.get(&id) else { return };
        for handle in entry.connections.values() {
            if Some(handle.id) != except {
                handle.tell(command(id));
            }
        }
    }
}
