//! What leaves for the server: calls, pings, acknowledgements, and what must leave again.

use super::{Call, CallError, ClientSession, ClientSessionEvent, Sent, Tag};
#[cfg(doc)]
use crate::limits::Limits;
use crate::{
    error::{DropReason, Received, UsageError},
    message_id::MsgId,
    session::{
        CallId,
        gzip::Packed,
        link::{Departed, Outgoing, backoff},
    },
    time::{Instant, Now},
};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_tl::{
    Encode,
    mtproto::{functions, types},
};

/// Salts asked for at a time: as many as one request may.
const SALTS_ASKED: i32 = 64;
/// The session asks for salts by itself no more often than this.
const SALTS_ASKED_EVERY: Duration = Duration::from_secs(60);
/// Over HTTP: an answer as soon as there is something to say, or after 25 seconds.
const HTTP_WAIT: types::HttpWait =
    types::HttpWait { max_delay: 0, wait_after: 0, max_wait: 25_000 };
/// Set in every quick acknowledgement.
const QUICK_ACK_BIT: u32 = 1 << 31;

/// A packet that was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealing {
    /// The transport is to ask for a quick acknowledgement of it.
    pub quick_ack: bool,
}

impl ClientSession {
    /// Queues a request: an object from its constructor id on.
    ///
    /// # Errors
    /// [`UsageError::BodyLength`]; [`UsageError::QueueFull`] when too many calls are open.
    pub fn call(&mut self, body: Bytes) -> Result<CallId, UsageError> {
        let max = self.limits.body_bytes_max().saturating_sub(self.init_len);
        let len = body.len();
        if len < 4 || !len.is_multiple_of(4) || len > max {
            return Err(UsageError::BodyLength { len, max });
        }
        if self.calls.len() >= self.limits.calls_max {
            return Err(UsageError::QueueFull { limit: self.limits.calls_max });
        }
        let Packed { body: packed, inflates_to } = Packed::new(body, self.limits.inflate_bytes_max);
        let calls_bytes = self.calls_bytes.saturating_add(packed.len());
        if calls_bytes > self.limits.calls_bytes_max {
            return Err(UsageError::QueueFull { limit: self.limits.calls_bytes_max });
        }
        self.calls_bytes = calls_bytes;
        let id = CallId(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        let call = Call {
            packed,
            inflates_to,
            with_init: false,
            msg_ids: Vec::new(),
            refusals: 0,
            attempts: 0,
            due: None,
            asked: false,
        };
        self.calls.insert(id, call);
        self.enqueue_call(id);
        Ok(id)
    }

    /// Ends a call without waiting for its answer, with [`CallError::Abandoned`]. If it has left,
    /// the server is told by `rpc_drop_answer`; it may have run or not.
    ///
    /// # Errors
    /// [`UsageError::UnknownCall`] if it has ended already.
    pub fn abandon(&mut self, call: CallId) -> Result<(), UsageError> {
        let known = self.calls.get(&call).ok_or(UsageError::UnknownCall)?;
        if let Some(&msg_id) = known.msg_ids.last()
            && let Ok(body) = (functions::RpcDropAnswer { req_msg_id: msg_id.as_i64() }).to_bytes()
        {
            self.enqueue(Outgoing { content: true, ..Outgoing::service(body, Tag::Drop) });
        }
        self.finish(call, Err(CallError::Abandoned));
        Ok(())
    }

    /// Queues a `ping`; the answer is [`ClientSessionEvent::Pong`].
    pub fn ping(&mut self, ping_id: i64) {
        if let Ok(body) = (functions::Ping { ping_id }).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::Ping(ping_id)));
        }
    }

    /// Asks for the salts to come, 1 to 64 of them. The session does so by itself when fewer than
    /// [`Limits::future_salts_min`] are left, and tells nothing of it.
    pub fn get_future_salts(&mut self, num: i32) {
        self.ask_for_salts(num, true);
    }

    fn ask_for_salts(&mut self, num: i32, told: bool) {
        if let Ok(body) = (functions::GetFutureSalts { num }).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::Salts { told }));
        }
    }

    /// Called when the server has spoken, so that the question does not stand in the way of the
    /// first calls.
    pub(super) fn keep_salts_coming(&mut self, now: Now) {
        let asked = self.salts_asked_at;
        let lately = asked.is_some_and(|at| now.mono.since(at) < SALTS_ASKED_EVERY);
        if self.salts.left() < self.limits.future_salts_min && !lately && self.is_bound() {
            self.salts_asked_at = Some(now.mono);
            self.ask_for_salts(SALTS_ASKED, false);
        }
    }

    /// Asks the server to forget another session of this key.
    pub fn destroy_session(&mut self, session_id: i64) {
        if let Ok(body) = (functions::DestroySession { session_id }).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::DestroySession(session_id)));
        }
    }

    /// Asks the server to forget the key in use. The answer is
    /// [`ClientSessionEvent::KeyDestroyed`]; after `Ok` nothing more comes under this key.
    pub fn destroy_auth_key(&mut self) {
        if let Ok(body) = (functions::DestroyAuthKey {}).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::DestroyKey));
        }
    }

    /// Over HTTP the server speaks only when asked, so every packet that leaves asks it to say
    /// what it will have to say, and when no request is open one leaves for that alone.
    pub(crate) fn ask_for_news(&mut self, now: Now, open_requests: usize) {
        let Some(link) = self.link.as_ref().filter(|_| self.pings.next_at.is_some()) else {
            return;
        };
        let leaving = !self.queue.is_empty() || link.acks.must_leave(now.mono);
        let asked = self.queue.iter().any(|waiting| waiting.tag == Tag::HttpWait);
        if (leaving || open_requests == 0)
            && !asked
            && let Ok(body) = HTTP_WAIT.to_bytes()
        {
            self.enqueue(Outgoing::service(body, Tag::HttpWait));
        }
    }

    /// Queues a service message, or drops it when the queue is full: none of them is missed
    /// for long.
    pub(super) fn enqueue(&mut self, mut message: Outgoing<Tag>) {
        // One that leaves again; new ones never wait here.
        if message.tag == Tag::Ack {
            message.tag = Tag::Service;
        }
        let bytes = self.waiting_bytes.saturating_add(message.body.len());
        let has_room = self.waiting_services < self.limits.service_queue_max;
        if has_room && bytes <= self.limits.notices_bytes_max {
            self.waiting_services = self.waiting_services.saturating_add(1);
            self.waiting_bytes = bytes;
            self.queue.push_back(message);
        }
    }

    fn service_has_left(&mut self, len: usize) {
        self.waiting_services = self.waiting_services.saturating_sub(1);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(len);
    }

    /// Queues a call under a new msg_id, saying which client it comes from until the server has
    /// answered a call of this session that said so.
    pub(super) fn enqueue_call(&mut self, id: CallId) {
        let held = self.holds_calls();
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.due = None;
        call.asked = false;
        self.queue.retain(|waiting| waiting.tag != Tag::Call(id));
        if held {
            return;
        }
        let init = self.init.as_ref().filter(|_| !self.initialised);
        let wrapped = init.and_then(|init| init.wrap(call.packed.clone()).ok());
        call.with_init = wrapped.is_some();
        let body = wrapped.unwrap_or_else(|| call.packed.clone());
        let inflates_to = call.inflates_to;
        let tag = Tag::Call(id);
        self.queue.push_back(Outgoing {
            inflates_to,
            content: true,
            ..Outgoing::service(body, tag)
        });
    }

    /// Seals the next packet into `out`; `false` when nothing waits or there is no key.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> bool {
        self.transmit(now, out).is_some()
    }

    /// As [`Self::poll_transmit`], and says whether the packet is to ask for a quick
    /// acknowledgement.
    pub fn transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Sealing> {
        let server_time = self.clock.time(now);
        let salt = self.salts.current(server_time);
        if self.binding_is_due() {
            let sealed = self.transmit_binding(now, server_time, salt, out);
            return sealed.then_some(Sealing { quick_ack: false });
        }
        let max = if self.plain_packets { 1 } else { self.limits.container_messages_max };
        let link = self.link.as_mut()?;
        if self.queue.is_empty() && !link.acks.must_leave(now.mono) {
            return None;
        }
        let departed = link.transmit(server_time, salt, &mut self.queue, max, out);
        let token = departed.first.as_ref()?.quick_ack_token;
        let mut calls = Vec::new();
        for message in departed.into_messages() {
            match message.message.tag {
                Tag::Call(id) => calls.push(id),
                // It did not wait in the queue.
                Tag::Ack => {}
                _ => self.service_has_left(message.message.body.len()),
            }
            self.note_sent(now, message);
        }
        self.prune_sent();
        Some(Sealing { quick_ack: self.await_quick_ack(token, calls) })
    }

    fn await_quick_ack(&mut self, token: u32, calls: Vec<CallId>) -> bool {
        let Some(waiting) = self.quick_acks.as_mut().filter(|_| !calls.is_empty()) else {
            return false;
        };
        waiting.push_back((token, calls));
        if waiting.len() > self.limits.quick_acks_max {
            waiting.pop_front();
        }
        true
    }

    /// The transport brought a quick acknowledgement.
    pub fn handle_quick_ack(&mut self, token: u32) -> Received {
        let unknown = Received::Dropped(DropReason::UnknownMessage);
        let Some(waiting) = &mut self.quick_acks else { return unknown };
        let at = waiting.iter().position(|(wanted, _)| *wanted == token | QUICK_ACK_BIT);
        let Some((_, calls)) = at.and_then(|at| waiting.remove(at)) else { return unknown };
        for call in calls {
            if self.calls.contains_key(&call) {
                self.emit(ClientSessionEvent::Acknowledged { call });
            }
        }
        Received::Accepted
    }

    fn note_sent(&mut self, now: Now, departed: Departed<Tag>) {
        let Departed { msg_id, seq_no, container, message, .. } = departed;
        match message.tag {
            Tag::Call(id) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    if !call.msg_ids.contains(&msg_id) {
                        call.msg_ids.push(msg_id);
                    }
                    let wait = backoff(self.timings.answer_wait, call.attempts);
                    call.due = Some(now.mono.after(wait));
                    call.asked = false;
                }
            }
            Tag::Ping(ping_id) => {
                self.pings.pending.push_back((ping_id, now.mono));
                if self.pings.pending.len() > self.limits.pings_max {
                    self.pings.pending.pop_front();
                }
            }
            _ => {}
        }
        let again = message.again.is_some();
        let sent = Sent { seq_no, body: message.body, tag: message.tag, container, again };
        self.keep_sent(msg_id, sent);
    }

    pub(super) fn note_sent_service(&mut self, msg_id: MsgId, seq_no: i32, tag: Tag, body: Bytes) {
        self.keep_sent(msg_id, Sent { seq_no, body, tag, container: None, again: false });
        self.prune_sent();
    }

    fn keep_sent(&mut self, msg_id: MsgId, sent: Sent) {
        self.unsend(msg_id);
        self.sent_bytes = self.sent_bytes.saturating_add(sent.service_len());
        self.sent.insert(msg_id, sent);
    }

    /// Forgets one message that was sent.
    pub(super) fn unsend(&mut self, msg_id: MsgId) -> Option<Sent> {
        let sent = self.sent.remove(&msg_id)?;
        self.sent_bytes = self.sent_bytes.saturating_sub(sent.service_len());
        Some(sent)
    }

    /// Forgets the oldest messages, but not those of open calls: their answers are to be known.
    fn prune_sent(&mut self) {
        let keep = self.limits.sent_max;
        while self.sent.len() > keep || self.sent_bytes > self.limits.sent_bytes_max {
            let calls = &self.calls;
            let oldest = self.sent.iter().find(|(_, sent)| match sent.tag {
                Tag::Call(id) => !calls.contains_key(&id),
                _ => true,
            });
            let Some(msg_id) = oldest.map(|(&msg_id, _)| msg_id) else { return };
            self.unsend(msg_id);
        }
    }

    /// A transport is up: the session may send, and keeps it alive.
    pub fn transport_connected(&mut self, now: Now) {
        self.pings.last_heard = Some(now.mono);
        self.pings.next_at = Some(now.mono.after(self.timings.ping_interval));
        self.pings.pending.clear();
    }

    /// The transport is gone: unanswered calls leave again by the next one, under their own
    /// ids, so that one that was received is answered and not run again.
    pub fn transport_lost(&mut self) {
        self.pings.next_at = None;
        self.pings.last_heard = None;
        self.salts_asked_at = None;
        self.bind_again();
        if let Some(waiting) = &mut self.quick_acks {
            waiting.clear();
        }
        self.queue.retain(|waiting| matches!(waiting.tag, Tag::Call(_)));
        self.waiting_services = 0;
        self.waiting_bytes = 0;
        let open: Vec<CallId> = self.calls.keys().copied().collect();
        for call in open {
            self.send_again(call);
        }
    }

    /// Queues a call under the last id it was sent under.
    pub(super) fn send_again(&mut self, id: CallId) {
        let bound = self.is_bound();
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.due = None;
        call.asked = false;
        let Some(msg_id) = call.msg_ids.last().copied().filter(|_| bound) else { return };
        if self.queue.iter().any(|waiting| waiting.tag == Tag::Call(id)) {
            return;
        }
        call.attempts = call.attempts.saturating_add(1);
        match self.sent.get(&msg_id) {
            Some(sent) => self.queue.push_back(Outgoing {
                inflates_to: call.inflates_to,
                content: true,
                again: Some((msg_id, sent.seq_no)),
                ..Outgoing::service(sent.body.clone(), Tag::Call(id))
            }),
            None => self.enqueue_call(id),
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connected = self.pings.next_at?;
        let acks = self.link.as_ref()?.acks.due();
        let calls = self.calls.values().filter_map(|call| call.due).min();
        let silence = self.silent_until();
        [Some(connected), acks, calls, self.binding_until(), silence].into_iter().flatten().min()
    }

    fn silent_until(&self) -> Option<Instant> {
        self.pings.last_heard.map(|heard| heard.after(self.timings.disconnect_delay))
    }

    /// Whether the server has been silent for longer than the disconnect delay.
    pub fn is_dead(&self, now: Now) -> bool {
        self.silent_until().is_some_and(|until| until <= now.mono)
    }

    /// Acknowledges what has waited, sends the next ping, asks about the calls that have waited
    /// too long for an answer, and sends again those about which nothing was answered. Afterwards
    /// [`Self::poll_timeout`] lies in the future, unless the connection
    /// [is dead](Self::is_dead).
    pub fn handle_timeout(&mut self, now: Now) {
        let Some(link) = &mut self.link else { return };
        link.acks.handle_timeout(now.mono);
        if self.pings.next_at.is_some_and(|at| at <= now.mono) {
            self.pings.next_at = Some(now.mono.after(self.timings.ping_interval));
            self.ping_delay_disconnect();
        }
        self.handle_binding_timeout(now);
        self.ask_about_late_calls(now);
    }

    fn ping_delay_disconnect(&mut self) {
        let ping_id = i64::from_le_bytes(self.rng.array());
        let delay = i32::try_from(self.timings.disconnect_delay.as_secs()).unwrap_or(i32::MAX);
        let ping = functions::PingDelayDisconnect { ping_id, disconnect_delay: delay };
        if let Ok(body) = ping.to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::Ping(ping_id)));
        }
    }

    /// Ends a call; nothing of it is kept but the ids, so that a late answer is recognised.
    pub(super) fn finish(&mut self, id: CallId, result: Result<Bytes, CallError>) {
        let Some(call) = self.calls.remove(&id) else { return };
        self.calls_bytes = self.calls_bytes.saturating_sub(call.packed.len());
        self.queue.retain(|waiting| waiting.tag != Tag::Call(id));
        for msg_id in call.msg_ids {
            self.sent.remove(&msg_id);
        }
        self.emit(ClientSessionEvent::Reply { call: id, result });
    }

    /// The call that was sent under `msg_id`.
    pub(super) fn call_of(&self, msg_id: MsgId) -> Option<CallId> {
        match self.sent.get(&msg_id)?.tag {
            Tag::Call(id) => Some(id),
            _ => None,
        }
    }
}

impl Sent {
    /// Bytes that only this entry keeps; those of a call are the call's.
    fn service_len(&self) -> usize {
        match self.tag {
            Tag::Call(_) => 0,
            _ => self.body.len(),
        }
    }
}
