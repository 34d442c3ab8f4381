//! What arrives from the client: checks in their order, then dispatch.

use super::{
    Call, ServerSession, Tag,
    order::{CODE_EVEN_SEQ_NO_EXPECTED, CODE_ODD_SEQ_NO_EXPECTED},
};
use crate::{
    envelope::Opened,
    error::{DropReason, Notice, Received},
    message_id::{MsgId, Verdict},
    session::{
        CallId,
        container::{self, Message, constructor},
        gzip::InflateBudget,
        link::Outgoing,
        state::{IdBudget, NEEDS_NO_ACK, What},
        wrapper,
    },
    time::Now,
};
use bytes::Bytes;
use odnix_tl::{Constructor, Decode, Encode, mtproto::types};

const CODE_MSG_ID_TOO_LOW: i32 = 16;
const CODE_MSG_ID_TOO_HIGH: i32 = 17;
const CODE_MSG_ID_LOW_BITS: i32 = 18;
const CODE_CONTAINER_ID_TAKEN: i32 = 19;
const CODE_TOO_OLD: i32 = 20;
const CODE_BAD_SALT: i32 = 48;
const CODE_BAD_CONTAINER: i32 = 64;

impl ServerSession {
    /// Takes in one opened packet of this session.
    pub fn handle_opened(&mut self, now: Now, opened: Opened) -> Received {
        self.pinged = false;
        let before = self.call_packet;
        self.call_packet = before.wrapping_add(1);
        let received = self.handle_packet(now, opened);
        // One that brings no calls, such as an acknowledgement, waits in place of the last one.
        if !self.runs_calls_of_packet() {
            self.call_packet = before;
        }
        received
    }

    fn handle_packet(&mut self, now: Now, opened: Opened) -> Received {
        let now = self.clock.read(now);
        self.packet_ids = IdBudget::new(&self.limits);
        let header = opened.header;
        let outer = Message { msg_id: header.msg_id, seq_no: header.seq_no, body: opened.data };
        if let Err(code) = self.check_window(now, outer.msg_id) {
            return self.refuse(&outer, code);
        }
        if !self.salts.accepts(now.wall, header.salt) {
            return self.refuse_salt(now, &outer);
        }
        if constructor(&outer.body) == Some(container::ID) {
            return self.handle_container(now, &outer);
        }
        let mut budget = InflateBudget::new(self.limits.inflate_bytes_max);
        let received = self.handle_message(now, &outer, outer.body.len(), &mut budget);
        if received == Received::Accepted {
            self.announce(now, outer.msg_id);
        }
        received
    }

    /// Everything about the id but whether it was received before.
    fn check_window(&self, now: Now, msg_id: MsgId) -> Result<(), i32> {
        match self.link.received.check(Some(now.wall), msg_id) {
            Verdict::Fresh | Verdict::Duplicate => Ok(()),
            Verdict::TooOld => Err(CODE_TOO_OLD),
            Verdict::TooLow => Err(CODE_MSG_ID_TOO_LOW),
            Verdict::TooHigh => Err(CODE_MSG_ID_TOO_HIGH),
            _ => Err(CODE_MSG_ID_LOW_BITS),
        }
    }

    fn handle_container(&mut self, now: Now, outer: &Message) -> Received {
        if outer.seq_no & 1 == 1 {
            return self.refuse(outer, CODE_EVEN_SEQ_NO_EXPECTED);
        }
        let max = self.limits.container_messages_max;
        let Ok(mut messages) = container::unpack(outer.msg_id, outer.body.clone(), max) else {
            return self.refuse(outer, CODE_BAD_CONTAINER);
        };
        // The same packet again, as a network may deliver it, is no fault; a notice would make the
        // client send under new ids what has run.
        let digest = crc32fast::hash(&outer.body);
        let is_repeat = self
            .link
            .received
            .note(outer.msg_id)
            .is_some_and(|note| note.what == What::Container && note.number == digest);
        if self.link.received.contains(outer.msg_id) && !is_repeat {
            return self.refuse(outer, CODE_CONTAINER_ID_TAKEN);
        }
        self.take_in_as(outer, What::Container, digest);
        messages.sort_by_key(|message| message.msg_id);
        let mut budget = InflateBudget::new(self.limits.inflate_bytes_max);
        let mut first_accepted = None;
        for message in &messages {
            let received = match self.check_window(now, message.msg_id) {
                // Sent again from before the window: it cannot be told whether it ran.
                Err(CODE_MSG_ID_TOO_LOW) => self.refuse(message, CODE_TOO_OLD),
                Err(code) => self.refuse(message, code),
                Ok(()) => self.handle_message(now, message, outer.body.len(), &mut budget),
            };
            if received == Received::Accepted && first_accepted.is_none() {
                first_accepted = Some(message.msg_id);
            }
        }
        if let Some(first) = first_accepted {
            self.announce(now, first);
        }
        Received::Accepted
    }

    fn handle_message(
        &mut self,
        now: Now,
        message: &Message,
        packet_len: usize,
        budget: &mut InflateBudget,
    ) -> Received {
        if self.link.received.contains(message.msg_id) {
            return self.handle_repeat(now, message);
        }
        let body = match unpacked(&message.body, budget) {
            Ok(body) => body,
            Err(reason) => return self.refuse_request(now, message, reason),
        };
        match self.handle_service(now, message, body.clone()) {
            Some(received) => {
                self.take_in(message);
                if message.seq_no & 1 == 1 {
                    self.acknowledge(now, message.msg_id);
                }
                received
            }
            None => self.handle_call(now, message, body, packet_len, budget),
        }
    }

    /// A message received before: acknowledged again, its answer sent again, nothing run.
    fn handle_repeat(&mut self, now: Now, message: &Message) -> Received {
        if message.seq_no & 1 == 1 {
            self.acknowledge(now, message.msg_id);
        }
        match self.calls.get_mut(message.msg_id) {
            Some(&mut Call::Answered(Some(answer))) => self.send_again_one(now, answer),
            Some(Call::Running { packet, .. }) => *packet = self.call_packet,
            Some(Call::Answered(None) | Call::Forgotten(_)) | None => {}
        }
        if self.lost.as_ref().is_some_and(|lost| lost.contains(message.msg_id))
            && self.answer_error(message.msg_id, 500, "ANSWER_LOST")
            && let Some(lost) = &mut self.lost
        {
            lost.remove(message.msg_id);
            self.lost.take_if(|lost| lost.is_empty());
        }
        Received::Dropped(DropReason::Duplicate)
    }

    fn handle_call(
        &mut self,
        now: Now,
        message: &Message,
        body: Bytes,
        packet_len: usize,
        budget: &mut InflateBudget,
    ) -> Received {
        if message.seq_no & 1 == 0 {
            return self.refuse(message, CODE_ODD_SEQ_NO_EXPECTED);
        }
        let running_bytes = self.running_bytes.saturating_add(body.len());
        if self.calls.len() >= self.limits.calls_max
            || running_bytes > self.limits.calls_bytes_max
            || !self.has_room(0)
        {
            self.take_in_and_refuse(message, 420, "FLOOD_WAIT_1");
            return Received::Dropped(DropReason::Limit);
        }
        if let Err(code) = self.order.check(&self.link.received, message.msg_id, message.seq_no) {
            return self.refuse(message, code);
        }
        let body_len = body.len();
        let Ok((context, query)) = wrapper::unwrap(body, &self.limits, budget) else {
            return self.refuse_request(now, message, "INPUT_REQUEST_INVALID");
        };
        self.take_in_as(message, What::Call, message.seq_no.cast_unsigned());
        self.acknowledge(now, message.msg_id);
        let bytes = body_len.max(query.len());
        self.calls.insert(message.msg_id, Call::Running { bytes, packet: self.call_packet });
        self.running_bytes = self.running_bytes.saturating_add(bytes);
        let query = compact(query, packet_len.max(body_len));
        let call = CallId::from(message.msg_id);
        self.dispatch_query(call, context, query);
        Received::Accepted
    }

    /// From here on the message counts as received.
    pub(super) fn take_in(&mut self, message: &Message) {
        self.link.received.record(message.msg_id);
        if message.seq_no & 1 == 0 {
            self.link.flag(message.msg_id, NEEDS_NO_ACK);
        }
    }

    fn take_in_as(&mut self, message: &Message, what: What, number: u32) {
        self.take_in(message);
        if let Some(note) = self.link.received.note_mut(message.msg_id) {
            (note.what, note.number) = (what, number);
        }
    }

    pub(super) fn acknowledge(&mut self, now: Now, msg_id: MsgId) {
        self.link.acks.add(msg_id, now.mono, self.ack_delay, &self.limits);
    }

    /// The first accepted message of a session is answered with `new_session_created`. What
    /// the client sent before it, it will send again, so none of that may run any more.
    fn announce(&mut self, now: Now, first_msg_id: MsgId) {
        if self.announced {
            return;
        }
        self.announced = true;
        self.link.received.raise_floor(first_msg_id);
        let created = types::NewSessionCreated {
            first_msg_id: first_msg_id.as_i64(),
            unique_id: self.unique_id,
            server_salt: self.salts.current(now.wall),
        };
        self.keep(created.to_bytes(), 0, Tag::Push);
    }

    // --- refusals ----------------------------------------------------------------------

    fn refuse(&mut self, message: &Message, error_code: i32) -> Received {
        let notice = types::BadMsgNotification {
            bad_msg_id: message.msg_id.as_i64(),
            bad_msg_seqno: message.seq_no,
            error_code,
        };
        self.notify(notice.to_bytes());
        Received::Answered(Notice::BadMsg { msg_id: message.msg_id, code: error_code })
    }

    fn refuse_salt(&mut self, now: Now, message: &Message) -> Received {
        let notice = types::BadServerSalt {
            bad_msg_id: message.msg_id.as_i64(),
            bad_msg_seqno: message.seq_no,
            error_code: CODE_BAD_SALT,
            new_server_salt: self.salts.current(now.wall),
        };
        self.notify(notice.to_bytes());
        Received::Answered(Notice::BadServerSalt { msg_id: message.msg_id })
    }

    /// A request that cannot be read is answered, so that its call ends. With no room for the
    /// answer it counts as never received.
    fn refuse_request(&mut self, now: Now, message: &Message, reason: &str) -> Received {
        if self.take_in_and_refuse(message, 400, reason) {
            self.acknowledge(now, message.msg_id);
        }
        Received::Dropped(DropReason::Malformed)
    }

    /// `false`, and nothing done, when there is no room for the answer.
    fn take_in_and_refuse(&mut self, message: &Message, code: i32, text: &str) -> bool {
        let has_room = self.has_room_for_answer();
        if has_room {
            self.take_in(message);
            self.answer_error(message.msg_id, code, text);
        }
        has_room
    }

    /// Queues a service message; too many unread notices, and the newest are dropped.
    pub(super) fn notify(&mut self, body: Result<Bytes, odnix_tl::EncodeError>) {
        let Ok(body) = body else { return };
        let bytes = self.notices_bytes.saturating_add(body.len());
        if self.queue.len() < self.limits.sent_max && bytes <= self.limits.notices_bytes_max {
            self.notices_bytes = bytes;
            self.queue
                .push_back(Outgoing { answer: true, ..Outgoing::service(body, Tag::Service) });
        }
    }
}

/// A service message may be packed as well as a query.
fn unpacked(body: &Bytes, budget: &mut InflateBudget) -> Result<Bytes, &'static str> {
    if constructor(body) != Some(types::GzipPacked::ID) {
        return Ok(body.clone());
    }
    let packed =
        types::GzipPacked::from_bytes(body.clone()).map_err(|_| "INPUT_REQUEST_INVALID")?;
    let plain = budget.inflate(&packed.packed_data).map_err(|_| "INPUT_GZIP_INVALID")?;
    match constructor(&plain) {
        None | Some(types::GzipPacked::ID | container::ID) => Err("INPUT_GZIP_INVALID"),
        Some(_) => Ok(plain),
    }
}

/// A query is a slice of its packet and keeps all of it alive; one that is small beside its
/// packet gets memory of its own, so that what is counted is what is held.
fn compact(query: Bytes, buffer_len: usize) -> Bytes {
    if query.len() < buffer_len.div_euclid(2) { Bytes::copy_from_slice(&query) } else { query }
}
