//! The bond between a temporary key and the permanent one, as the session sees it.
//!
//! ```text
//! Due ──poll_transmit──> AwaitAnswer ──boolTrue──> Bound ──AUTH_KEY_PERM_EMPTY──> Due
//!  ^                       │   │
//!  └── no answer, refused ─┘   └──rpc_error──> BindingAnswer::Refused
//! ```
//!
//! Until the answer is `true` no call leaves. The message is made anew each time it leaves: its
//! body names its own msg_id, so it can not be sent again as it is.

use super::{ClientSession, Tag};
use crate::{
    auth_key::AuthKey,
    error::{DropReason, Received},
    message_id::MsgId,
    session::{CallError, CallId, RpcError, link::backoff, salts::ClientSalts},
    time::{Instant, Now, UnixTime},
};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use odnix_tl::Decode;

/// What the server said to a binding.
#[derive(Debug)]
pub(crate) enum BindingAnswer {
    /// Calls leave from now on.
    Bound,
    /// It did not bind the key.
    Refused(CallError),
}

/// A temporary key that is bound, or is to be.
#[derive(Debug)]
pub(super) struct Binding {
    perm_key: AuthKey,
    /// Of the temporary key, in Unix seconds on the server's clock.
    expires_at: i32,
    state: State,
    attempts: u32,
    refusals: u32,
    answer: Option<BindingAnswer>,
}

#[derive(Debug)]
enum State {
    Due,
    AwaitAnswer { until: Instant },
    Bound,
    Refused,
}

impl ClientSession {
    /// Starts a new session under a temporary key, to be bound to `perm_key` before any call
    /// leaves.
    pub(crate) fn use_temporary_key(
        &mut self,
        key: AuthKey,
        server_salt: i64,
        perm_key: AuthKey,
        expires_at: i32,
    ) {
        self.held = false;
        let (state, answer) = (State::Due, None);
        let binding = Binding { perm_key, expires_at, state, attempts: 0, refusals: 0, answer };
        self.salts = ClientSalts::new(server_salt);
        self.binding = Some(binding);
        self.start_session(key);
    }

    /// The server's answer to the binding, once.
    pub(crate) fn take_binding_answer(&mut self) -> Option<BindingAnswer> {
        self.binding.as_mut()?.answer.take()
    }

    /// Whether calls may leave as far as the binding is concerned.
    pub(crate) fn is_bound(&self) -> bool {
        self.binding.as_ref().is_none_or(|binding| matches!(binding.state, State::Bound))
    }

    pub(super) fn holds_calls(&self) -> bool {
        self.held || !self.is_bound()
    }

    /// Lets no further call leave; those that have left go on.
    pub(crate) fn hold_calls(&mut self) {
        self.held = true;
        let calls = &self.calls;
        self.queue.retain(|waiting| match waiting.tag {
            Tag::Call(id) => calls.get(&id).is_some_and(|call| !call.msg_ids.is_empty()),
            _ => true,
        });
    }

    /// Ends [`Self::hold_calls`].
    pub(crate) fn resume_calls(&mut self) {
        self.held = false;
        self.release_calls();
    }

    /// Whether a call has left and is not answered: the server may have run it.
    pub(crate) fn has_calls_under_way(&self) -> bool {
        self.calls.values().any(|call| !call.msg_ids.is_empty())
    }

    /// Queues the calls that were held back, oldest first.
    pub(super) fn release_calls(&mut self) {
        if self.holds_calls() {
            return;
        }
        let waiting = self.calls.iter().filter(|(_, call)| call.due.is_none());
        let waiting: Vec<(CallId, bool)> =
            waiting.map(|(&id, call)| (id, call.msg_ids.is_empty())).collect();
        for (call, is_new) in waiting {
            if is_new {
                self.enqueue_call(call);
            } else {
                self.send_again(call);
            }
        }
    }

    pub(super) fn binding_is_due(&self) -> bool {
        self.binding.as_ref().is_some_and(|binding| matches!(binding.state, State::Due))
    }

    pub(super) fn binding_until(&self) -> Option<Instant> {
        match self.binding.as_ref()?.state {
            State::AwaitAnswer { until } => Some(until),
            _ => None,
        }
    }

    /// No answer in time: once more.
    pub(super) fn handle_binding_timeout(&mut self, now: Now) {
        if self.binding_until().is_some_and(|until| until <= now.mono) {
            self.bind_again();
        }
    }

    /// The message that left last, if any, no longer counts.
    pub(super) fn bind_again(&mut self) {
        if let Some(binding) = &mut self.binding
            && matches!(binding.state, State::AwaitAnswer { .. })
        {
            binding.state = State::Due;
        }
    }

    /// The server refused the message itself, for its salt or its id: made anew, so often.
    pub(super) fn binding_message_refused(&mut self, code: i32) {
        let max = self.limits.refusals_max;
        let Some(binding) = &mut self.binding else { return };
        binding.refusals = binding.refusals.saturating_add(1);
        if binding.refusals > max {
            binding.state = State::Refused;
            binding.answer = Some(BindingAnswer::Refused(CallError::Rejected { code }));
        } else {
            self.bind_again();
        }
    }

    pub(super) fn transmit_binding(
        &mut self,
        now: Now,
        server_time: UnixTime,
        salt: i64,
        out: &mut BytesMut,
    ) -> bool {
        let (Some(link), Some(binding)) = (&mut self.link, &mut self.binding) else { return false };
        let perm_key = &binding.perm_key;
        let sealed = link.transmit_binding(server_time, salt, perm_key, binding.expires_at, out);
        let Some((msg_id, seq_no)) = sealed else { return false };
        let wait = backoff(self.timings.answer_wait, binding.attempts);
        binding.attempts = binding.attempts.saturating_add(1);
        binding.state = State::AwaitAnswer { until: now.mono.after(wait) };
        self.note_sent_service(msg_id, seq_no, Tag::Binding, Bytes::new());
        true
    }

    /// `rpc_result` of a binding; that of an earlier message of it is as good.
    pub(super) fn on_binding_result(
        &mut self,
        request: MsgId,
        result: Result<Bytes, CallError>,
    ) -> Received {
        self.unsend(request);
        let Some(binding) = &mut self.binding else {
            return Received::Dropped(DropReason::Unexpected);
        };
        if matches!(binding.state, State::Bound | State::Refused) {
            return Received::Dropped(DropReason::Duplicate);
        }
        binding.answer = Some(match result {
            Ok(result) if bool::from_bytes(result.clone()) == Ok(true) => {
                binding.state = State::Bound;
                binding.attempts = 0;
                binding.refusals = 0;
                BindingAnswer::Bound
            }
            Ok(_) => {
                binding.state = State::Refused;
                BindingAnswer::Refused(CallError::MalformedAnswer)
            }
            Err(error) => {
                binding.state = State::Refused;
                BindingAnswer::Refused(error)
            }
        });
        self.release_calls();
        Received::Accepted
    }

    /// A server that forgot the binding, but not the key, refuses every call until it is bound
    /// once more. It ran none of them, so they wait and leave again.
    pub(super) fn on_unbound(&mut self, call: CallId, error: &RpcError) -> bool {
        let refused = error.code == 401 && error.message == "AUTH_KEY_PERM_EMPTY";
        let max = self.limits.refusals_max;
        let (true, Some(binding), Some(call)) =
            (refused, &mut self.binding, self.calls.get_mut(&call))
        else {
            return false;
        };
        call.refusals = call.refusals.saturating_add(1);
        if call.refusals > max {
            return false;
        }
        let was_bound = matches!(binding.state, State::Bound);
        if was_bound {
            binding.state = State::Due;
            self.initialised = false;
        }
        let msg_ids = core::mem::take(&mut call.msg_ids);
        call.due = None;
        call.asked = false;
        for msg_id in msg_ids {
            self.sent.remove(&msg_id);
        }
        if was_bound {
            self.queue.retain(|waiting| !matches!(waiting.tag, Tag::Call(_)));
        }
        true
    }
}
