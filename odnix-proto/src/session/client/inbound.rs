//! What arrives from the server: checks in their order, then dispatch.

use super::{CallError, ClientSession, ClientSessionEvent, Tag};
use crate::{
    envelope::Opened,
    error::{DropReason, Received},
    message_id::{MsgId, Verdict},
    session::{
        KeyDestroyed, RpcError,
        container::{self, Message, constructor},
        gzip::InflateBudget,
        link::{Link, Outgoing},
        state::{IdBudget, NEEDS_NO_ACK},
    },
    time::Now,
};
use alloc::string::ToString;
use bytes::Bytes;
use odnix_tl::{Constructor, Decode, Encode, mtproto::types};

impl ClientSession {
    /// Takes in one opened packet.
    pub fn handle_opened(&mut self, now: Now, opened: Opened) -> Received {
        let header = opened.header;
        if self.session_id() != Some(header.session_id) {
            return Received::Dropped(DropReason::ForeignSession);
        }
        self.pings.last_heard = Some(now.mono);
        if self.events_are_full() {
            return Received::Dropped(DropReason::Limit);
        }
        self.packet_len = opened.data.len();
        self.packet_ids = IdBudget::new(&self.limits);
        let received = self.handle_packet(now, opened);
        self.keep_salts_coming(now);
        received
    }

    /// A body that waits in an event does not keep a packet alive that is much larger than itself.
    fn alone(&self, body: Bytes) -> Bytes {
        let is_most = body.len() >= self.packet_len.div_euclid(2);
        if is_most { body } else { Bytes::copy_from_slice(&body) }
    }

    /// Nobody takes the events: what comes is left unread and unacknowledged, so the server keeps
    /// it and sends it again.
    fn events_are_full(&self) -> bool {
        let len_max = self.limits.events_max.saturating_mul(2);
        self.events.len() >= len_max || self.events_bytes >= self.limits.events_bytes_max
    }

    fn handle_packet(&mut self, now: Now, opened: Opened) -> Received {
        let header = opened.header;
        if !self.clock.is_known() {
            self.clock.set(now, header.msg_id.time());
        }
        let outer = Message { msg_id: header.msg_id, seq_no: header.seq_no, body: opened.data };
        let mut budget = InflateBudget::new(self.limits.inflate_bytes_max);
        if constructor(&outer.body) != Some(container::ID) {
            self.mend_clock(now, outer.msg_id, core::slice::from_ref(&outer));
            return self.handle_message(now, &outer, &mut budget);
        }
        let max = self.limits.container_messages_max;
        let messages = container::unpack(outer.msg_id, outer.body.clone(), max);
        self.mend_clock(now, outer.msg_id, messages.as_deref().unwrap_or_default());
        let refusal = self.check_id(now, &outer);
        let outside = Received::Dropped(DropReason::OutsideWindow);
        if let Some(refusal) = refusal.filter(|refusal| *refusal != outside) {
            return refusal;
        }
        let Ok(messages) = messages else { return Received::Dropped(DropReason::Malformed) };
        for message in messages.iter().filter(|message| refusal.is_none() || mends(message)) {
            self.handle_message(now, message, &mut budget);
        }
        refusal.unwrap_or(Received::Accepted)
    }

    /// A clock that is slow by more than the window would have everything dropped. A packet
    /// from ahead of it with an answer to something of ours is not an old one, so it tells the
    /// time.
    fn mend_clock(&mut self, now: Now, msg_id: MsgId, messages: &[Message]) {
        let server_time = self.clock.time(now);
        let verdict = |link: &Link| link.received.check(Some(server_time), msg_id);
        if self.link.as_ref().map(verdict) == Some(Verdict::TooHigh)
            && messages.iter().any(|message| self.is_answer(message))
        {
            self.clock.set(now, msg_id.time());
        }
    }

    /// Whether it names a ping or a request of ours that waits for it.
    fn is_answer(&self, message: &Message) -> bool {
        let body = message.body.clone();
        match constructor(&body) {
            Some(types::Pong::ID) => types::Pong::from_bytes(body).is_ok_and(|pong| {
                self.pings.pending.iter().any(|(ping_id, _)| *ping_id == pong.ping_id)
            }),
            Some(types::RpcResult::ID) => types::RpcResult::from_bytes(body)
                .is_ok_and(|it| self.sent.contains_key(&MsgId::from_i64(it.req_msg_id))),
            _ => false,
        }
    }

    fn handle_message(
        &mut self,
        now: Now,
        message: &Message,
        budget: &mut InflateBudget,
    ) -> Received {
        if let Some(refusal) = self.check_id(now, message) {
            return refusal;
        }
        if message.seq_no & 1 == 1 {
            self.acknowledge(now, message.msg_id);
        } else if let Some(link) = &mut self.link {
            link.flag(message.msg_id, NEEDS_NO_ACK);
        }
        self.dispatch(now, message, budget)
    }

    /// Parity, window and repeats. Notices about salt and time pass even from outside the
    /// window, because they are what mends a wrong clock.
    fn check_id(&mut self, now: Now, message: &Message) -> Option<Received> {
        let server_time = self.clock.time(now);
        let link = self.link.as_mut()?;
        let reason = match link.received.check(Some(server_time), message.msg_id) {
            Verdict::Fresh => {
                link.received.record(message.msg_id);
                return None;
            }
            Verdict::Duplicate => {
                if message.seq_no & 1 == 1 {
                    self.acknowledge(now, message.msg_id);
                }
                DropReason::Duplicate
            }
            Verdict::TooOld => DropReason::TooOld,
            Verdict::TooLow | Verdict::TooHigh => {
                if mends(message) {
                    return None;
                }
                DropReason::OutsideWindow
            }
            _ => DropReason::WrongParity,
        };
        Some(Received::Dropped(reason))
    }

    fn acknowledge(&mut self, now: Now, msg_id: MsgId) {
        if let Some(link) = &mut self.link {
            link.acks.add(msg_id, now.mono, self.timings.ack_delay, &self.limits);
        }
    }

    fn dispatch(&mut self, now: Now, message: &Message, budget: &mut InflateBudget) -> Received {
        let body = message.body.clone();
        match constructor(&body).unwrap_or_default() {
            types::GzipPacked::ID => self.on_gzip_packed(now, message, budget),
            types::RpcResult::ID => self.on_rpc_result(body, budget),
            types::BadServerSalt::ID => self.on_bad_server_salt(body),
            types::BadMsgNotification::ID => self.on_bad_msg(now, message),
            types::NewSessionCreated::ID => self.on_new_session(body),
            types::Pong::ID => self.on_pong(now, body),
            types::FutureSalts::ID => self.on_future_salts(body),
            types::MsgsAck::ID => Received::Accepted,
            types::MsgDetailedInfo::ID => self.on_detailed_info(now, body),
            types::MsgNewDetailedInfo::ID => self.on_new_detailed_info(now, body),
            types::MsgsStateReq::ID => self.on_msgs_state_req(now, message.msg_id, body),
            types::MsgsStateInfo::ID => self.on_msgs_state_info(now, body),
            types::MsgsAllInfo::ID => self.on_msgs_all_info(now, body),
            types::MsgResendReq::ID => self.on_msg_resend_req(now, message.msg_id, body),
            types::MsgResendAnsReq::ID => self.on_msg_resend_ans_req(now, message.msg_id, body),
            types::DestroySessionOk::ID | types::DestroySessionNone::ID => {
                self.on_session_destroyed(body)
            }
            types::DestroyAuthKeyOk::ID => self.on_key_destroyed(KeyDestroyed::Ok),
            types::DestroyAuthKeyNone::ID => self.on_key_destroyed(KeyDestroyed::None),
            types::DestroyAuthKeyFail::ID => self.on_key_destroyed(KeyDestroyed::Fail),
            container::ID => Received::Dropped(DropReason::Unexpected),
            _ => self.on_update(body),
        }
    }

    /// An embedder that takes no events loses updates, and is told so.
    fn on_update(&mut self, body: Bytes) -> Received {
        if self.events.len() >= self.limits.events_max {
            self.updates_lost = true;
            return Received::Dropped(DropReason::Limit);
        }
        let body = self.alone(body);
        self.emit(ClientSessionEvent::Update(body));
        Received::Accepted
    }

    fn on_gzip_packed(
        &mut self,
        now: Now,
        message: &Message,
        budget: &mut InflateBudget,
    ) -> Received {
        let Some(body) = inflated(message.body.clone(), budget) else {
            return Received::Dropped(DropReason::Malformed);
        };
        self.dispatch(now, &Message { body, ..message.clone() }, budget)
    }

    /// `rpc_result req_msg_id:long result:Object`, the result being an object, `rpc_error`, or
    /// either of them in `gzip_packed`.
    fn on_rpc_result(&mut self, body: Bytes, budget: &mut InflateBudget) -> Received {
        let Ok(answer) = types::RpcResult::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let request = MsgId::from_i64(answer.req_msg_id);
        let Some(tag) = self.sent.get(&request).map(|sent| sent.tag.clone()) else {
            return Received::Dropped(DropReason::UnknownMessage);
        };
        let result = match constructor(&answer.result.0) {
            Some(types::GzipPacked::ID) => inflated(answer.result.0, budget),
            _ => Some(answer.result.0),
        };
        let result = result.ok_or(CallError::MalformedAnswer).and_then(read_result);
        match tag {
            Tag::Call(call) => {
                if let Err(CallError::Rpc(error)) = &result
                    && self.on_unbound(call, error)
                {
                    return Received::Accepted;
                }
                self.initialised |= self.calls.get(&call).is_some_and(|call| call.with_init);
                let result = result.map(|body| self.alone(body));
                self.finish(call, result);
                Received::Accepted
            }
            Tag::Binding => self.on_binding_result(request, result),
            // Unknown, dropped, or dropped while it ran: the call has ended here in any case.
            Tag::Drop => {
                self.unsend(request);
                Received::Accepted
            }
            _ => Received::Dropped(DropReason::Unexpected),
        }
    }

    fn on_pong(&mut self, now: Now, body: Bytes) -> Received {
        let Ok(pong) = types::Pong::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let pending = &mut self.pings.pending;
        let at = pending.iter().position(|(ping_id, _)| *ping_id == pong.ping_id);
        let Some((_, sent_at)) = at.and_then(|at| pending.remove(at)) else {
            return Received::Dropped(DropReason::UnknownMessage);
        };
        let round_trip = now.mono.since(sent_at);
        self.emit(ClientSessionEvent::Pong { ping_id: pong.ping_id, round_trip });
        Received::Accepted
    }

    /// Honoured only as the answer to a request of ours.
    fn on_future_salts(&mut self, body: Bytes) -> Received {
        let Ok(answer) = types::FutureSalts::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let request = MsgId::from_i64(answer.req_msg_id);
        let Some(Tag::Salts { told }) = self.sent.get(&request).map(|sent| sent.tag.clone()) else {
            return Received::Dropped(DropReason::UnknownMessage);
        };
        self.unsend(request);
        self.salts.store(&answer.salts);
        if told {
            self.emit(ClientSessionEvent::FutureSalts { count: self.salts.left() });
        }
        Received::Accepted
    }

    /// An answer the server holds back because it is large: acknowledge it if it is here, else
    /// ask for it.
    fn on_detailed_info(&mut self, now: Now, body: Bytes) -> Received {
        match types::MsgDetailedInfo::from_bytes(body) {
            Ok(info) => self.on_announced(now, MsgId::from_i64(info.answer_msg_id)),
            Err(_) => Received::Dropped(DropReason::Malformed),
        }
    }

    fn on_new_detailed_info(&mut self, now: Now, body: Bytes) -> Received {
        match types::MsgNewDetailedInfo::from_bytes(body) {
            Ok(info) => self.on_announced(now, MsgId::from_i64(info.answer_msg_id)),
            Err(_) => Received::Dropped(DropReason::Malformed),
        }
    }

    fn on_announced(&mut self, now: Now, answer: MsgId) -> Received {
        if self.has_received(answer) {
            self.acknowledge(now, answer);
        } else if let Ok(body) =
            (types::MsgResendReq { msg_ids: [answer.as_i64()].into() }).to_bytes()
        {
            self.enqueue(Outgoing::service(body, Tag::Service));
        }
        Received::Accepted
    }

    pub(super) fn has_received(&self, msg_id: MsgId) -> bool {
        self.link.as_ref().is_some_and(|link| link.received.contains(msg_id))
    }

    fn on_session_destroyed(&mut self, body: Bytes) -> Received {
        let existed = constructor(&body) == Some(types::DestroySessionOk::ID);
        let session_id = if existed {
            types::DestroySessionOk::from_bytes(body).map(|answer| answer.session_id)
        } else {
            types::DestroySessionNone::from_bytes(body).map(|answer| answer.session_id)
        };
        let Ok(session_id) = session_id else {
            return Received::Dropped(DropReason::Malformed);
        };
        if !self.was_asked(&Tag::DestroySession(session_id)) {
            return Received::Dropped(DropReason::UnknownMessage);
        }
        self.emit(ClientSessionEvent::SessionDestroyed { session_id, existed });
        Received::Accepted
    }

    fn on_key_destroyed(&mut self, outcome: KeyDestroyed) -> Received {
        if !self.was_asked(&Tag::DestroyKey) {
            return Received::Dropped(DropReason::UnknownMessage);
        }
        self.emit(ClientSessionEvent::KeyDestroyed(outcome));
        Received::Accepted
    }

    /// Whether a question that is answered without its msg_id was asked; forgets that it was.
    fn was_asked(&mut self, tag: &Tag) -> bool {
        let asked = self.sent.iter().find(|(_, sent)| sent.tag == *tag).map(|(&id, _)| id);
        asked.and_then(|msg_id| self.unsend(msg_id)).is_some()
    }
}

/// Notices about salt and time mend a wrong clock, so they pass from outside the window.
fn mends(message: &Message) -> bool {
    let id = constructor(&message.body).unwrap_or_default();
    [types::BadServerSalt::ID, types::BadMsgNotification::ID].contains(&id)
}

fn inflated(body: Bytes, budget: &mut InflateBudget) -> Option<Bytes> {
    let packed = types::GzipPacked::from_bytes(body).ok()?;
    let plain = budget.inflate(&packed.packed_data).ok()?;
    let nested = [types::GzipPacked::ID, container::ID];
    constructor(&plain).filter(|id| !nested.contains(id)).map(|_| plain)
}

fn read_result(result: Bytes) -> Result<Bytes, CallError> {
    if constructor(&result) != Some(types::RpcError::ID) {
        return Ok(result);
    }
    let error = types::RpcError::from_bytes(result).map_err(|_| CallError::MalformedAnswer)?;
    let message = error.error_message.to_string();
    Err(CallError::Rpc(RpcError { code: error.error_code, message }))
}
