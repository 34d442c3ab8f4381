//! What leaves for the client: answers, updates, and what must leave again.

use super::{Call, ServerSession, Tag};
use crate::{
    error::UsageError,
    message_id::MsgId,
    session::{
        CallId, container,
        gzip::Packed,
        link::Outgoing,
        state::{ANSWERED, KNOWN_TO_SENDER},
    },
    time::Now,
};
use alloc::{collections::VecDeque, string::String};
use bytes::{Bytes, BytesMut};
use core::{mem, time::Duration};
use odnix_tl::{Encode, EncodeError, Raw, Writer, mtproto::types};

/// Bytes of an `rpc_result` without its result.
const RPC_RESULT_LEN: usize = 12;
/// Well inside the 300 seconds a client looks back.
const RENEW_IDS_AFTER: Duration = Duration::from_secs(240);

impl ServerSession {
    /// Ends a call with a result: an object from its constructor id on.
    ///
    /// # Errors
    /// [`UsageError::UnknownCall`] if the call is not running; [`UsageError::BodyLength`].
    pub fn reply(&mut self, call: CallId, result: Bytes) -> Result<(), UsageError> {
        self.check_body(&result)?;
        let inflate_bytes_max = self.limits.inflate_bytes_max;
        self.end_call(call, || Packed::new(result, inflate_bytes_max))
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
        self.end_call(call, || Packed::plain(body))
    }

    fn end_call(
        &mut self,
        call: CallId,
        result: impl FnOnce() -> Packed,
    ) -> Result<(), UsageError> {
        let request = MsgId::from(call);
        self.standing.abandon_binding(request);
        match self.calls.get(request) {
            Some(&Call::Running { bytes, .. }) => {
                self.running_bytes = self.running_bytes.saturating_sub(bytes);
                self.calls.insert(request, Call::Answered(None));
                self.answer(request, result());
            }
            Some(&Call::Forgotten(bytes)) => {
                self.running_bytes = self.running_bytes.saturating_sub(bytes);
                self.calls.remove(request);
            }
            Some(Call::Answered(_)) | None => return Err(UsageError::UnknownCall),
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
        let Packed { body, inflates_to } = Packed::new(update, self.limits.inflate_bytes_max);
        self.keep(Ok(body), inflates_to, Tag::Push);
        Ok(())
    }

    /// Refuses a request that is no call of the embedder's; `false` when there is no room to
    /// say so.
    pub(super) fn answer_error(&mut self, request: MsgId, code: i32, text: &str) -> bool {
        let error = types::RpcError { error_code: code, error_message: String::from(text) };
        error.to_bytes().is_ok_and(|body| self.answer_if_room(request, body))
    }

    /// The rest of the queue belongs to the answers of open calls.
    pub(super) fn answer_if_room(&mut self, request: MsgId, result: Bytes) -> bool {
        let room = self.has_room_for_answer();
        if room {
            self.answer(request, Packed::plain(result));
        }
        room
    }

    pub(super) fn has_room_for_answer(&self) -> bool {
        self.queue.len() < self.limits.sent_max
    }

    fn answer(&mut self, request: MsgId, result: Packed) {
        self.link.acks.implied(request);
        self.link.flag(request, ANSWERED);
        let Packed { body: result, mut inflates_to } = result;
        let mut body = rpc_result(request, result);
        if let Ok(whole) = &body
            && !self.make_room(whole.len())
        {
            body = answer_lost(request);
            inflates_to = 0;
        }
        self.keep(body, inflates_to, Tag::Answer(request));
    }

    /// Gives up the oldest unacknowledged messages for an answer; `false` when that is not
    /// enough, because the client does not even read.
    fn make_room(&mut self, bytes: usize) -> bool {
        let fits = |kept: usize, max: usize| kept.saturating_add(bytes) <= max;
        while !fits(self.kept_bytes, self.limits.sent_bytes_max) && self.give_up_oldest() {}
        fits(self.kept_bytes, self.limits.sent_bytes_max)
    }

    /// Queues a content message, to be kept until acknowledged.
    pub(super) fn keep(&mut self, body: Result<Bytes, EncodeError>, inflates_to: usize, tag: Tag) {
        let Ok(body) = body else { return };
        self.kept_bytes = self.kept_bytes.saturating_add(body.len());
        let answer = matches!(tag, Tag::Answer(_));
        let message = Outgoing { body, inflates_to, content: true, answer, again: None, tag };
        self.queue.push_back(message);
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
        let now = self.clock.read(now);
        self.tell_lost_updates();
        if self.queue.is_empty() && !self.link.acks.must_leave(now.mono) {
            // A client that has nothing else to do pings, or waits over HTTP.
            if mem::take(&mut self.pinged) && self.is_idle() {
                self.link.received.forget_past(now.wall);
                self.give_back();
            }
            return false;
        }
        self.renew_old_ids(now);
        let salt = self.salts.current(now.wall);
        let max = self.limits.container_messages_max;
        let departed = self.link.transmit(now.wall, salt, &mut self.queue, max, out);
        let any = !departed.is_empty();
        for sent in departed.into_messages() {
            if !sent.message.content {
                // Acknowledgements are not counted: they never wait in the queue.
                let bytes = if sent.message.answer { sent.message.body.len() } else { 0 };
                self.notices_bytes = self.notices_bytes.saturating_sub(bytes);
            } else {
                if let Tag::Answer(request) = sent.message.tag
                    && let Some(call @ Call::Answered(_)) = self.calls.get_mut(request)
                {
                    *call = Call::Answered(Some(sent.msg_id));
                }
                self.unacknowledged.sent(now.mono, sent.msg_id, sent.seq_no, sent.message);
            }
        }
        self.drop_oldest();
        any
    }

    /// How many messages would leave now.
    pub(crate) fn waiting(&self, now: Now) -> usize {
        let acks = usize::from(self.link.acks.must_leave(now.mono));
        let lost_updates = usize::from(self.updates_lost && self.has_room(0));
        self.queue.len().saturating_add(acks).saturating_add(lost_updates)
    }

    /// Seals a packet without content: acknowledgements, if there are any, or an empty
    /// container. Over HTTP a request must be answered even if there is nothing to say.
    pub(crate) fn transmit_nothing(&mut self, now: Now, out: &mut BytesMut) -> bool {
        let now = self.clock.read(now);
        let salt = self.salts.current(now.wall);
        let mut queue: VecDeque<Outgoing<Tag>> = VecDeque::new();
        if self.link.transmit(now.wall, salt, &mut queue, 1, out).is_empty() {
            queue.push_back(Outgoing::service(container::empty(), Tag::Service));
            return !self.link.transmit(now.wall, salt, &mut queue, 1, out).is_empty();
        }
        true
    }

    /// A client drops what is older than its window, so what waits to be sent again for longer
    /// than that leaves under a new id. A client that had it after all knows an answer by its
    /// request and an update by its pts.
    fn renew_old_ids(&mut self, now: Now) {
        let oldest_good = now.wall.before(RENEW_IDS_AFTER);
        let is_old = |msg_id: MsgId| msg_id.time() < oldest_good;
        if !self.unacknowledged.oldest().is_some_and(|(oldest, _)| is_old(oldest)) {
            return;
        }
        for waiting in &mut self.queue {
            if let Some((msg_id, _)) = waiting.again.filter(|(msg_id, _)| is_old(*msg_id)) {
                waiting.again = None;
                self.unacknowledged.remove(msg_id);
            }
        }
    }

    /// Answers can not be refused like pushes; a client that never acknowledges loses the
    /// oldest messages, and hears of it: an update by `updatesTooLong`, an answer by an error
    /// when it asks again.
    fn drop_oldest(&mut self) {
        while self.unacknowledged.len() > self.limits.sent_max
            || self.kept_bytes > self.limits.sent_bytes_max
        {
            if !self.give_up_oldest() {
                return;
            }
        }
    }

    /// `false` when there is none.
    fn give_up_oldest(&mut self) -> bool {
        let Some((oldest, sent)) = self.unacknowledged.oldest() else { return false };
        match sent.message.tag {
            Tag::Answer(request) => {
                let lost = self.lost.get_or_insert_default();
                lost.insert(request, ());
                if lost.len() > self.limits.calls_max {
                    lost.pop_first();
                }
            }
            Tag::Push => self.updates_lost = true,
            Tag::Service => {}
        }
        self.forget(oldest);
        true
    }

    /// The client has the message: it knows that its request was received.
    pub(super) fn acknowledged(&mut self, msg_id: MsgId) {
        if let Some(sent) = self.unacknowledged.get(msg_id)
            && let Tag::Answer(request) = sent.message.tag
        {
            self.link.flag(request, KNOWN_TO_SENDER);
        }
        self.forget(msg_id);
    }

    /// Nothing of the message needs to be kept.
    pub(super) fn forget(&mut self, msg_id: MsgId) {
        let Some(sent) = self.unacknowledged.remove(msg_id) else { return };
        if sent.queued {
            self.queue.retain(|waiting| waiting.again.is_none_or(|(id, _)| id != msg_id));
        }
        self.kept_bytes = self.kept_bytes.saturating_sub(sent.message.body.len());
        if let Tag::Answer(request) = sent.message.tag {
            self.calls.remove(request);
        }
    }

    /// The connection is gone: what was not acknowledged leaves again by the next one.
    pub fn transport_lost(&mut self) {
        self.disconnect_at = None;
        self.disconnect_is_due = false;
        self.http_wait = None;
        self.call_packet = self.call_packet.wrapping_add(1);
        self.queue.retain(|waiting| waiting.content);
        self.notices_bytes = 0;
        for msg_id in self.unacknowledged.msg_ids() {
            self.queue_again(msg_id);
        }
        self.give_back();
    }

    /// Sends an unacknowledged message again, or announces it.
    ///
    /// What does not wait in the queue was sent by this transport, so it is on its way or there:
    /// if it is long it is announced. A new transport sends it whole, because clients acknowledge
    /// what is announced to them without having it.
    pub(super) fn send_again_one(&mut self, now: Now, msg_id: MsgId) {
        let min = self.limits.announced_bytes_min;
        let Some(sent) = self.unacknowledged.note_resend(now.mono, msg_id) else { return };
        let is_long = sent.message.body.len() > min;
        if is_long && !sent.queued {
            let announcement = announcement(msg_id, &sent.message);
            self.notify(announcement);
        } else {
            self.queue_again(msg_id);
        }
    }

    /// Sends a message again because the client asked for it; `false` when it is not known.
    pub(super) fn send_whole_again(&mut self, now: Now, msg_id: MsgId) -> bool {
        let is_known = self.unacknowledged.note_resend(now.mono, msg_id).is_some();
        self.queue_again(msg_id);
        is_known
    }

    fn queue_again(&mut self, msg_id: MsgId) {
        if let Some(sent) = self.unacknowledged.get_mut(msg_id)
            && !sent.queued
        {
            sent.queued = true;
            let again = Outgoing { again: Some((msg_id, sent.seq_no)), ..sent.message.clone() };
            self.queue.push_back(again);
        }
    }
}

/// `msg_detailed_info` of an answer, `msg_new_detailed_info` of an update; status is always 0.
fn announcement(msg_id: MsgId, message: &Outgoing<Tag>) -> Result<Bytes, EncodeError> {
    let answer_msg_id = msg_id.as_i64();
    let bytes = i32::try_from(message.body.len()).unwrap_or(i32::MAX);
    match message.tag {
        Tag::Answer(request) => {
            let msg_id = request.as_i64();
            types::MsgDetailedInfo { msg_id, answer_msg_id, bytes, status: 0 }.to_bytes()
        }
        Tag::Push | Tag::Service => {
            types::MsgNewDetailedInfo { answer_msg_id, bytes, status: 0 }.to_bytes()
        }
    }
}

/// In place of an answer that cannot be kept: the request has run.
fn answer_lost(request: MsgId) -> Result<Bytes, EncodeError> {
    let error = types::RpcError { error_code: 500, error_message: String::from("ANSWER_LOST") };
    rpc_result(request, error.to_bytes()?)
}

/// In memory of exactly its size.
fn rpc_result(request: MsgId, result: Bytes) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::with_capacity(RPC_RESULT_LEN.saturating_add(result.len()));
    let result = types::RpcResult { req_msg_id: request.as_i64(), result: Raw(result) };
    result.encode(&mut writer);
    writer.finish()
}
