//! Keys that come and go: what a session under a temporary key may ask before it is bound, the
//! binding itself, and the destruction of a key.
//!
//! ```text
//! auth.bindTempAuthKey ─▶ PermanentKeyWanted ──provide_permanent_key──▶ checked
//!                         checked ─▶ TemporaryKeyBound ──binding_stored──▶ boolTrue
//! destroy_auth_key     ─▶ KeyDestroyWanted ──key_destroyed──▶ destroy_auth_key_ok / none / fail
//! ```
//!
//! Until it is bound, a temporary key may call [`OPEN_METHODS`] only; everything else is
//! answered `401 AUTH_KEY_PERM_EMPTY` and does not reach the embedder. Nothing is bound before
//! the message was checked and the embedder has stored the binding, and `boolTrue` leaves after
//! that. Source: MTProto, "Perfect Forward Secrecy".
//!
//! Security: every fault of a binding has one answer, `400 ENCRYPTED_MESSAGE_INVALID`, whether
//! the permanent key does not exist or the message is wrong.

use super::{ServerSession, ServerSessionEvent};
use crate::{
    auth_key::{AuthKey, AuthKeyId},
    error::UsageError,
    message_id::MsgId,
    session::{
        CallId,
        binding::{Carrier, check_binding},
        container::constructor,
    },
    time::Now,
    transition::Transition,
};
use alloc::collections::BTreeMap;
use bytes::Bytes;
use odnix_tl::{
    Constructor, Decode, Encode,
    mtproto::types,
    odnix::functions::{
        auth::BindTempAuthKey,
        help::{GetConfig, GetNearestDc},
    },
};

/// What a session under a temporary key may ask before it is bound.
const OPEN_METHODS: [u32; 3] = [BindTempAuthKey::ID, GetConfig::ID, GetNearestDc::ID];

/// The one answer to every binding that is not right.
const BINDING_REFUSED: &str = "ENCRYPTED_MESSAGE_INVALID";

/// What became of a key that its client wanted destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three answers of the specification")]
pub enum KeyDestroyed {
    /// It existed and is gone, durably.
    Ok,
    /// There was no such key any more.
    None,
    /// It could not be destroyed.
    Fail,
}

/// Every way from one state of a temporary key to another. [`ServerSession::binding_state`] names
/// the state. Several requests may be under way; the one that is furthest counts.
pub const BINDING_TRANSITIONS: &[Transition] = &[
    Transition::new("Unbound", "auth.bindTempAuthKey", "Asked"),
    Transition::new("Unbound", "bound elsewhere", "Bound"),
    Transition::new("Asked", "right message", "Checked"),
    Transition::new("Asked", "wrong message", "Unbound"),
    Transition::new("Asked", "call refused", "Unbound"),
    Transition::new("Asked", "bound elsewhere", "Bound"),
    Transition::new("Checked", "stored", "Bound"),
    Transition::new("Checked", "not stored", "Unbound"),
    Transition::new("Checked", "not stored", "Asked"),
    Transition::new("Checked", "call refused", "Unbound"),
    Transition::new("Checked", "call refused", "Asked"),
    Transition::new("Checked", "bound elsewhere", "Bound"),
];

/// The same of the end of a key; [`ServerSession::destruction_state`] names the state.
pub const DESTRUCTION_TRANSITIONS: &[Transition] = &[
    Transition::new("Kept", "destroy_auth_key", "Asked"),
    Transition::new("Asked", "failed", "Kept"),
    Transition::new("Asked", "destroyed", "Destroyed"),
    Transition::new("Asked", "no such key", "Destroyed"),
];

/// What the session knows of its own key.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// For a temporary key: when it expires.
    expires_at: Option<i32>,
    /// The permanent key behind it.
    bound_to: Option<AuthKeyId>,
    /// Bindings between their request and their answer.
    bindings: BTreeMap<MsgId, Binding>,
    destruction: Destruction,
}

#[derive(Debug)]
enum Binding {
    /// Waits for the permanent key.
    Asked(BindTempAuthKey),
    /// Right; waits until the embedder has stored it.
    Checked { perm_auth_key_id: AuthKeyId, expires_at: i32 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Destruction {
    #[default]
    NotAsked,
    Asked,
    Done,
}

impl Standing {
    pub(super) fn new(expires_at: Option<i32>, bound_to: Option<AuthKeyId>) -> Self {
        Self { expires_at, bound_to, ..Self::default() }
    }

    /// The request has its answer: the embedder may refuse it without an answer to the question.
    pub(super) fn abandon_binding(&mut self, request: MsgId) {
        self.bindings.remove(&request);
    }

    fn is_unbound(&self) -> bool {
        self.expires_at.is_some() && self.bound_to.is_none()
    }
}

impl ServerSession {
    /// The permanent key behind a temporary one, once it is bound.
    pub fn bound_to(&self) -> Option<AuthKeyId> {
        self.standing.bound_to
    }

    /// The key that logins belong to: the permanent one behind a bound temporary key, else the
    /// session's own.
    pub fn login_key_id(&self) -> AuthKeyId {
        self.standing.bound_to.unwrap_or_else(|| self.key_id())
    }

    /// For a temporary key: the name of its state, as in [`BINDING_TRANSITIONS`].
    pub fn binding_state(&self) -> Option<&'static str> {
        self.standing.expires_at?;
        let mut bindings = self.standing.bindings.values();
        Some(if self.standing.bound_to.is_some() {
            "Bound"
        } else if bindings.any(|it| matches!(it, Binding::Checked { .. })) {
            "Checked"
        } else if !self.standing.bindings.is_empty() {
            "Asked"
        } else {
            "Unbound"
        })
    }

    /// For a temporary key: when it expires; a binding may have made that earlier.
    pub(crate) fn key_expires_at(&self) -> Option<i32> {
        self.standing.expires_at
    }

    /// The temporary key was bound through another session of its client.
    pub fn adopt_binding(&mut self, perm_auth_key_id: AuthKeyId) {
        if self.standing.is_unbound() {
            self.standing.bound_to = Some(perm_auth_key_id);
        }
    }

    /// A request on its way to the embedder, unless it concerns the key itself or the key may
    /// not ask for it.
    pub(super) fn dispatch_query(
        &mut self,
        call: CallId,
        context: super::CallContext,
        query: Bytes,
    ) {
        let method = constructor(&query).unwrap_or_default();
        if method == BindTempAuthKey::ID {
            self.on_bind_temp_auth_key(call, query);
        } else if self.standing.is_unbound() && !OPEN_METHODS.contains(&method) {
            self.refuse_call(call, 401, "AUTH_KEY_PERM_EMPTY");
        } else {
            self.events.push_back(ServerSessionEvent::Call { call, context, body: query });
        }
    }

    /// `auth.bindTempAuthKey perm_auth_key_id:long nonce:long expires_at:int
    /// encrypted_message:bytes = Bool`.
    fn on_bind_temp_auth_key(&mut self, call: CallId, query: Bytes) {
        if self.standing.expires_at.is_none() {
            return self.refuse_call(call, 400, "TEMP_AUTH_KEY_EMPTY");
        }
        let Ok(request) = BindTempAuthKey::from_bytes(query) else {
            return self.refuse_call(call, 400, "INPUT_REQUEST_INVALID");
        };
        let perm_auth_key_id = AuthKeyId::from_bytes(request.perm_auth_key_id.to_le_bytes());
        match self.standing.bound_to {
            // Repeated because the client did not see the answer.
            Some(bound) if bound == perm_auth_key_id => return self.confirm(call),
            Some(_) => return self.refuse_call(call, 400, BINDING_REFUSED),
            None => {}
        }
        if self.standing.bindings.len() >= self.limits.bindings_max {
            return self.refuse_call(call, 420, "FLOOD_WAIT_1");
        }
        self.standing.bindings.insert(MsgId::from(call), Binding::Asked(request));
        self.events.push_back(ServerSessionEvent::PermanentKeyWanted { call, perm_auth_key_id });
    }

    /// Answers [`ServerSessionEvent::PermanentKeyWanted`]; `None` when there is no such key.
    /// What is right is told by [`ServerSessionEvent::TemporaryKeyBound`].
    ///
    /// # Errors
    /// [`UsageError::NotAsked`].
    pub fn provide_permanent_key(
        &mut self,
        now: Now,
        call: CallId,
        perm_key: Option<&AuthKey>,
    ) -> Result<(), UsageError> {
        let now = self.clock.read(now);
        let msg_id = MsgId::from(call);
        let Some(Binding::Asked(request)) = self.standing.bindings.get(&msg_id) else {
            return Err(UsageError::NotAsked);
        };
        let temp_auth_key_id = self.key_id();
        let carrier = Carrier { msg_id, temp_auth_key_id, temp_session_id: self.link.session_id };
        let is_right = |key: &&AuthKey| {
            key.id() != temp_auth_key_id && check_binding(key, request, &carrier, now.wall).is_ok()
        };
        let Some(perm_key) = perm_key.filter(is_right) else {
            self.standing.bindings.remove(&msg_id);
            self.refuse_call(call, 400, BINDING_REFUSED);
            return Ok(());
        };
        let own = self.standing.expires_at.unwrap_or(request.expires_at);
        let (perm_auth_key_id, expires_at) = (perm_key.id(), request.expires_at.min(own));
        let checked = Binding::Checked { perm_auth_key_id, expires_at };
        self.standing.bindings.insert(msg_id, checked);
        self.events.push_back(ServerSessionEvent::TemporaryKeyBound {
            call,
            perm_auth_key_id,
            expires_at,
        });
        Ok(())
    }

    /// Answers [`ServerSessionEvent::TemporaryKeyBound`]: whether the embedder has stored the
    /// binding. `false`, as when the permanent key has gone meanwhile, is told to the client
    /// like any other fault.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`].
    pub fn binding_stored(&mut self, call: CallId, stored: bool) -> Result<(), UsageError> {
        let msg_id = MsgId::from(call);
        let Some(&Binding::Checked { perm_auth_key_id, expires_at }) =
            self.standing.bindings.get(&msg_id)
        else {
            return Err(UsageError::NotAsked);
        };
        self.standing.bindings.remove(&msg_id);
        if stored && self.standing.is_unbound() {
            self.standing.bound_to = Some(perm_auth_key_id);
            self.standing.expires_at = Some(expires_at);
        }
        // Of two bindings under way, the first one counts.
        if stored && self.standing.bound_to == Some(perm_auth_key_id) {
            self.confirm(call);
        } else {
            self.refuse_call(call, 400, BINDING_REFUSED);
        }
        Ok(())
    }

    fn confirm(&mut self, call: CallId) {
        if let Ok(yes) = true.to_bytes() {
            // The call is open: it was noted before anything was asked about it.
            let _ = self.reply(call, yes);
        }
    }

    fn refuse_call(&mut self, call: CallId, code: i32, text: &str) {
        let _ = self.reply_error(call, code, text);
    }

    // --- destroy_auth_key ----------------------------------------------------------------

    /// `destroy_auth_key = DestroyAuthKeyRes`: destroys the key that it travels under. A repeat
    /// meanwhile gets the same answer.
    pub(super) fn on_destroy_auth_key(&mut self) {
        if self.standing.destruction == Destruction::NotAsked {
            self.standing.destruction = Destruction::Asked;
            self.events.push_back(ServerSessionEvent::KeyDestroyWanted);
        }
    }

    /// Answers [`ServerSessionEvent::KeyDestroyWanted`]. After [`KeyDestroyed::Ok`] the
    /// connection refuses every further packet under this key.
    ///
    /// # Errors
    /// [`UsageError::NotAsked`].
    pub fn key_destroyed(&mut self, outcome: KeyDestroyed) -> Result<(), UsageError> {
        if self.standing.destruction != Destruction::Asked {
            return Err(UsageError::NotAsked);
        }
        let answer = match outcome {
            KeyDestroyed::Ok => types::DestroyAuthKeyOk {}.to_bytes(),
            KeyDestroyed::None => types::DestroyAuthKeyNone {}.to_bytes(),
            KeyDestroyed::Fail => types::DestroyAuthKeyFail {}.to_bytes(),
        };
        self.standing.destruction = match outcome {
            KeyDestroyed::Ok | KeyDestroyed::None => Destruction::Done,
            KeyDestroyed::Fail => Destruction::NotAsked,
        };
        self.notify(answer);
        Ok(())
    }

    /// The name of the state, as in [`DESTRUCTION_TRANSITIONS`].
    pub fn destruction_state(&self) -> &'static str {
        match self.standing.destruction {
            Destruction::NotAsked => "Kept",
            Destruction::Asked => "Asked",
            Destruction::Done => "Destroyed",
        }
    }

    /// Whether the key is gone: nothing more is taken in under it.
    pub(crate) fn key_is_destroyed(&self) -> bool {
        self.standing.destruction == Destruction::Done
    }
}
