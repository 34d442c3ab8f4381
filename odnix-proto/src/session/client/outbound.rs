//! What leaves for the server: calls, pings, acknowledgements, and what must leave again.

use super::{Call, CallError, ClientSession, ClientSessionEvent, Sent, Tag};
use crate::{
    connection::long_poll,
    error::UsageError,
    message_id::MsgId,
    session::{
        CallId, gzip,
        link::{Departed, Outgoing, backoff},
    },
    time::{Instant, Now},
};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_tl::{Encode, mtproto::functions};

/// First wait for an answer before the call leaves again under its own id; doubles each time.
const RESEND_AFTER: Duration = Duration::from_secs(15);

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
        let id = CallId(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        let packed = gzip::pack(&body).unwrap_or(body);
        let call = Call {
            packed,
            with_init: false,
            msg_ids: Vec::new(),
            refusals: 0,
            resends: 0,
            resend_at: None,
        };
        self.calls.insert(id, call);
        self.enqueue_call(id);
        Ok(id)
    }

    /// Ends a call without waiting for its answer, with [`CallError::Abandoned`].
    ///
    /// # Errors
    /// [`UsageError::UnknownCall`] if it has ended already.
    pub fn abandon(&mut self, call: CallId) -> Result<(), UsageError> {
        if !self.calls.contains_key(&call) {
            return Err(UsageError::UnknownCall);
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

    /// Asks for the salts to come, 1 to 64 of them.
    pub fn get_future_salts(&mut self, num: i32) {
        if let Ok(body) = (functions::GetFutureSalts { num }).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::Service));
        }
    }

    /// Asks the server to forget another session of this key.
    pub fn destroy_session(&mut self, session_id: i64) {
        if let Ok(body) = (functions::DestroySession { session_id }).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::Service));
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
            && let Ok(body) = long_poll::ASKED.to_bytes()
        {
            self.enqueue(Outgoing::service(body, Tag::HttpWait));
        }
    }

    /// Queues a service message, or drops it when the queue is full: none of them is missed
    /// for long.
    pub(super) fn enqueue(&mut self, message: Outgoing<Tag>) {
        let limit = self.limits.sent_max.saturating_add(self.limits.calls_max);
        if self.queue.len() < limit {
            self.queue.push_back(message);
        }
    }

    /// Queues a call under a new msg_id, saying which client it comes from until the server has
    /// answered a call of this session that said so.
    pub(super) fn enqueue_call(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let init = self.init.as_ref().filter(|_| !self.initialised);
        let wrapped = init.and_then(|init| init.wrap(call.packed.clone()).ok());
        call.with_init = wrapped.is_some();
        call.resend_at = None;
        let body = wrapped.unwrap_or_else(|| call.packed.clone());
        self.queue.retain(|waiting| waiting.tag != Tag::Call(id));
        let tag = Tag::Call(id);
        self.queue.push_back(Outgoing { body, content: true, answer: false, again: None, tag });
    }

    /// Seals the next packet into `out`; `false` when nothing waits or there is no key.
    pub fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> bool {
        let server_time = self.clock.time(now);
        let salt = self.salts.current(server_time);
        let max = if self.plain_packets { 1 } else { self.limits.container_messages_max };
        let Some(link) = &mut self.link else { return false };
        if self.queue.is_empty() && !link.acks.must_leave(now.mono) {
            return false;
        }
        let departed = link.transmit(server_time, salt, &mut self.queue, max, out);
        let any = !departed.is_empty();
        for message in departed {
            self.note_sent(now, message);
        }
        self.prune_sent();
        any
    }

    fn note_sent(&mut self, now: Now, departed: Departed<Tag>) {
        let Departed { msg_id, seq_no, container, message } = departed;
        match message.tag {
            Tag::Call(id) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    if !call.msg_ids.contains(&msg_id) {
                        call.msg_ids.push(msg_id);
                    }
                    call.resend_at = Some(now.mono.after(backoff(RESEND_AFTER, call.resends)));
                }
            }
            Tag::Ping(ping_id) => {
                self.pings.pending.push_back((ping_id, now.mono));
                if self.pings.pending.len() > self.limits.pending_acks_max {
                    self.pings.pending.pop_front();
                }
            }
            Tag::Ack | Tag::HttpWait | Tag::Service => {}
        }
        let again = message.again.is_some();
        let sent = Sent { seq_no, body: message.body, tag: message.tag, container, again };
        self.sent.insert(msg_id, sent);
    }

    /// Forgets the oldest messages that nothing waits for.
    fn prune_sent(&mut self) {
        let keep = self.limits.sent_max;
        while self.sent.len() > keep {
            let calls = &self.calls;
            let oldest = self.sent.iter().find(|(_, sent)| match sent.tag {
                Tag::Call(id) => !calls.contains_key(&id),
                _ => true,
            });
            let oldest = oldest.or_else(|| self.sent.iter().next()).map(|(&msg_id, _)| msg_id);
            let Some(msg_id) = oldest else { return };
            self.sent.remove(&msg_id);
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
        self.queue.retain(|waiting| matches!(waiting.tag, Tag::Call(_)));
        let open: Vec<CallId> = self.calls.keys().copied().collect();
        for call in open {
            self.send_again(call);
        }
    }

    /// Queues a call under the last id it was sent under.
    pub(super) fn send_again(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.resend_at = None;
        let Some(msg_id) = call.msg_ids.last().copied() else { return };
        if self.queue.iter().any(|waiting| waiting.tag == Tag::Call(id)) {
            return;
        }
        call.resends = call.resends.saturating_add(1);
        match self.sent.get(&msg_id) {
            Some(sent) => self.queue.push_back(Outgoing {
                body: sent.body.clone(),
                content: true,
                answer: false,
                again: Some((msg_id, sent.seq_no)),
                tag: Tag::Call(id),
            }),
            None => self.enqueue_call(id),
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connected = self.pings.next_at?;
        let acks = self.link.as_ref()?.acks.due();
        let resend = self.calls.values().filter_map(|call| call.resend_at).min();
        let silence = self.silent_until();
        [Some(connected), acks, resend, silence].into_iter().flatten().min()
    }

    fn silent_until(&self) -> Option<Instant> {
        self.pings.last_heard.map(|heard| heard.after(self.timings.disconnect_delay))
    }

    /// Whether the server has been silent for longer than the disconnect delay.
    pub fn is_dead(&self, now: Now) -> bool {
        self.silent_until().is_some_and(|until| until <= now.mono)
    }

    /// Acknowledges what has waited, sends the next ping, and sends again the calls that have
    /// waited too long for an answer. Afterwards [`Self::poll_timeout`] lies in the future,
    /// unless the connection [is dead](Self::is_dead).
    pub fn handle_timeout(&mut self, now: Now) {
        let Some(link) = &mut self.link else { return };
        link.acks.handle_timeout(now.mono);
        if self.pings.next_at.is_some_and(|at| at <= now.mono) {
            self.pings.next_at = Some(now.mono.after(self.timings.ping_interval));
            self.ping_delay_disconnect();
        }
        let late: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| call.resend_at.is_some_and(|at| at <= now.mono))
            .map(|(&id, _)| id)
            .collect();
        for call in late {
            self.send_again(call);
        }
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
        self.queue.retain(|waiting| waiting.tag != Tag::Call(id));
        for msg_id in call.msg_ids {
            self.sent.remove(&msg_id);
        }
        self.events.push_back(ClientSessionEvent::Reply { call: id, result });
    }

    /// The call that was sent under `msg_id`.
    pub(super) fn call_of(&self, msg_id: MsgId) -> Option<CallId> {
        match self.sent.get(&msg_id)?.tag {
            Tag::Call(id) => Some(id),
            _ => None,
        }
    }
}
