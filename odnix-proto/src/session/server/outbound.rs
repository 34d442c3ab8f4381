//! What leaves for the client: answers, updates, and what must leave again.

use super::{Call, ServerSession, Tag, Unacknowledged};
use crate::{
    error::UsageError,
    message_id::MsgId,
    session::{CallId, gzip, link::Outgoing},
    time::Now,
};
use alloc::{string::String, vec::Vec};
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_tl::{Encode, EncodeError, Raw, mtproto::types};

/// First wait for an acknowledgement; doubles with each resend. Clients in use acknowledge
/// within 60 seconds.
const RESEND_AFTER: Duration = Duration::from_secs(90);
const RESENDS_MAX_SHIFT: u32 = 6;

impl ServerSession {
    /// Ends a call with a result: an object from its constructor id on.
    ///
    /// # Errors
    /// [`UsageError::UnknownCall`] if the call is not running; [`UsageError::BodyLength`].
    pub fn reply(&mut self, call: CallId, result: Bytes) -> Result<(), UsageError> {
        self.check_body(&result)?;
        self.end_call(call, || gzip::pack(&result).unwrap_or(result))
    }

    /// Ends a call with an `rpc_error`, which is never packed: clients in use would take a
    /// packed one for a result.
    ///
    /// # Errors
    /// [`UsageError::UnknownCall`] if the call is not running; [`UsageError::BodyLength`].
    pub fn reply_error(&mut self, call: CallId, code: i32, text: &str) -> Result<(), UsageError> {
        let error = types::RpcError { error_code: code, error_message: String::from(text) };
        let body = error.to_bytes().map_err(|_| self.body_length(text.len()))?;
        self.check_body(&body)?;
        self.end_call(call, || body)
    }

    fn end_call(&mut self, call: CallId, result: impl FnOnce() -> Bytes) -> Result<(), UsageError> {
        let request = MsgId::from(call);
        match self.calls.get(&request) {
            Some(Call::Running) => {
                self.calls.insert(request, Call::Answered);
                self.answer(request, result());
            }
            Some(Call::Forgotten) => {
                self.calls.remove(&request);
            }
            Some(Call::Answered) | None => return Err(UsageError::UnknownCall),
        }
        Ok(())
    }

    /// Queues an update.
    ///
    /// # Errors
    /// [`UsageError::QueueFull`] when the client does not acknowledge: the update is dropped
    /// and the client will be told to ask for the difference. [`UsageError::BodyLength`].
    pub fn push(&mut self, update: Bytes) -> Result<(), UsageError> {
        self.check_body(&update)?;
        if self.updates_lost || !self.has_room(update.len()) {
            self.updates_lost = true;
            return Err(UsageError::QueueFull { limit: self.limits.sent_max });
        }
        let body = gzip::pack(&update).unwrap_or(update);
        self.keep(Ok(body), Tag::Push);
        Ok(())
    }

    pub(super) fn answer_error(&mut self, request: MsgId, code: i32, text: &str) {
        let error = types::RpcError { error_code: code, error_message: String::from(text) };
        if let Ok(body) = error.to_bytes() {
            self.answer(request, body);
        }
    }

    fn answer(&mut self, request: MsgId, result: Bytes) {
        self.link.acks.implied(request);
        let result = types::RpcResult { req_msg_id: request.as_i64(), result: Raw(result) };
        self.keep(result.to_bytes(), Tag::Answer(request));
    }

    /// Queues a content message, to be kept until acknowledged. A client that asks without
    /// reading finds the queue full; the answers of open calls always fit.
    pub(super) fn keep(&mut self, body: Result<Bytes, EncodeError>, tag: Tag) {
        let Ok(body) = body else { return };
        if self.queue.len() >= self.limits.sent_max.saturating_add(self.limits.calls_max) {
            return;
        }
        self.kept_bytes = self.kept_bytes.saturating_add(body.len());
        let answer = matches!(tag, Tag::Answer(_));
        self.queue.push_back(Outgoing { body, content: true, answer, again: None, tag });
    }

    pub(super) fn has_room(&self, more_bytes: usize) -> bool {
        let count = self.unacknowledged.len().saturating_add(self.queue.len());
        count < self.limits.sent_max
            && self.kept_bytes.saturating_add(more_bytes) <= self.limits.sent_bytes_max
    }

    fn check_body(&self, body: &Bytes) -> Result<(), UsageError> {
        let len = body.len();
        if len < 4 || !len.is_multiple_of(4) || len > self.limits.body_bytes_max() {
            return Err(self.body_length(len));
        }
        Ok(())
    }

    fn body_length(&self, len: usize) -> UsageError {
        UsageError::BodyLength { len, max: self.limits.body_bytes_max() }
    }

    /// Seals the next packet into `out`; `false` when nothing waits.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> bool {
        let acks_due = self.link.acks.due().is_some_and(|due| due <= now.mono);
        if self.queue.is_empty() && !acks_due {
            return false;
        }
        let salt = self.salts.current(now.wall);
        let departed = self.link.transmit(now.wall, salt, &mut self.queue, out);
        let any = !departed.is_empty();
        for sent in departed {
            if sent.message.content {
                let resends = self.unacknowledged.get(&sent.msg_id).map_or(0, |old| old.resends);
                let entry = Unacknowledged {
                    seq_no: sent.seq_no,
                    message: sent.message,
                    resend_at: now.mono.after(backoff(resends)),
                    resends,
                };
                self.unacknowledged.insert(sent.msg_id, entry);
            }
        }
        self.drop_oldest();
        any
    }

    /// Answers can not be refused like pushes; a client that never acknowledges loses the
    /// oldest ones.
    fn drop_oldest(&mut self) {
        while self.unacknowledged.len() > self.limits.sent_max
            || self.kept_bytes > self.limits.sent_bytes_max
        {
            let Some((&oldest, _)) = self.unacknowledged.first_key_value() else { return };
            self.forget(oldest);
        }
    }

    /// The client has the message: nothing of it needs to be kept.
    pub(super) fn forget(&mut self, msg_id: MsgId) {
        let Some(sent) = self.unacknowledged.remove(&msg_id) else { return };
        self.queue.retain(|waiting| waiting.again.is_none_or(|(id, _)| id != msg_id));
        self.kept_bytes = self.kept_bytes.saturating_sub(sent.message.body.len());
        if let Tag::Answer(request) = sent.message.tag {
            self.calls.remove(&request);
        }
    }

    /// The connection is gone: what was not acknowledged leaves again by the next one.
    pub fn transport_lost(&mut self) {
        self.disconnect_at = None;
        self.queue.retain(|waiting| waiting.content);
        self.send_again(|_| true);
    }

    /// Queues unacknowledged messages again, under the ids they have.
    pub(super) fn send_again(&mut self, which: impl Fn(&Unacknowledged) -> bool) {
        let wanted: Vec<MsgId> = self
            .unacknowledged
            .iter()
            .filter(|(_, sent)| which(sent))
            .map(|(&msg_id, _)| msg_id)
            .collect();
        for msg_id in wanted {
            self.send_again_one(msg_id);
        }
    }

    pub(super) fn send_again_one(&mut self, msg_id: MsgId) {
        let waits = |waiting: &Outgoing<Tag>| waiting.again.is_some_and(|(id, _)| id == msg_id);
        if self.queue.iter().any(waits) {
            return;
        }
        if let Some(sent) = self.unacknowledged.get_mut(&msg_id) {
            sent.resends = sent.resends.saturating_add(1);
            sent.resend_at = sent.resend_at.after(backoff(sent.resends));
            let again = Outgoing { again: Some((msg_id, sent.seq_no)), ..sent.message.clone() };
            self.queue.push_back(again);
        }
    }
}

fn backoff(resends: u32) -> Duration {
    RESEND_AFTER.saturating_mul(1_u32.checked_shl(resends.min(RESENDS_MAX_SHIFT)).unwrap_or(1))
}
