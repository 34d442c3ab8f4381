//! The service messages a client sends, and their answers.

use super::{Call, ServerSession, ServerSessionEvent, Tag};
use crate::{
    error::{DropReason, Received},
    message_id::{MsgId, Verdict},
    session::{
        container::{Message, constructor},
        salts::wire_secs,
        state::{ACKNOWLEDGED, NEEDS_NO_ACK, NOT_RECEIVED, RECEIVED, RUNNING, TOO_HIGH, UNKNOWN},
    },
    time::Now,
};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use odnix_tl::{
    Constructor, Decode, Encode,
    mtproto::{functions, types},
};

/// `msg_copy`, which no client sends any more and which could hide a message from the checks.
const MSG_COPY: u32 = 0xe060_46b2;

/// Clients in use ask for a few seconds while requests run and then fall silent for a minute;
/// closing later than asked does no harm.
const DISCONNECT_DELAY_S_MIN: u64 = 75;

/// Why a service message is dropped.
struct Unfit(DropReason);

impl From<odnix_tl::DecodeError> for Unfit {
    /// It does not parse as its constructor promised.
    fn from(_: odnix_tl::DecodeError) -> Self {
        Self(DropReason::Malformed)
    }
}

impl ServerSession {
    /// Answers a service message; `None` means that the body is a query.
    pub(super) fn handle_service(
        &mut self,
        now: Now,
        message: &Message,
        body: Bytes,
    ) -> Option<Received> {
        let msg_id = message.msg_id;
        let outcome = match constructor(&body).unwrap_or_default() {
            types::MsgsAck::ID => self.on_msgs_ack(body),
            functions::Ping::ID => self.on_ping(msg_id, body),
            functions::PingDelayDisconnect::ID => self.on_ping_delay_disconnect(now, msg_id, body),
            functions::GetFutureSalts::ID => self.on_get_future_salts(now, msg_id, body),
            types::MsgsStateReq::ID => self.on_msgs_state_req(now, msg_id, body),
            types::MsgResendReq::ID => self.on_msg_resend_req(now, msg_id, body),
            types::MsgResendAnsReq::ID => self.on_msg_resend_ans_req(now, msg_id, body),
            functions::DestroySession::ID => self.on_destroy_session(body),
            functions::DestroyAuthKey::ID => {
                self.on_destroy_auth_key();
                Ok(())
            }
            functions::RpcDropAnswer::ID => {
                self.take_in(message);
                self.on_rpc_drop_answer(msg_id, body)
            }
            types::HttpWait::ID => self.on_http_wait(body),
            types::MsgsStateInfo::ID | types::MsgsAllInfo::ID => Ok(()),
            MSG_COPY => return Some(Received::Dropped(DropReason::Unexpected)),
            _ => return None,
        };
        Some(match outcome {
            Ok(()) => Received::Accepted,
            Err(Unfit(reason)) => Received::Dropped(reason),
        })
    }

    /// `msgs_ack msg_ids:Vector<long>`: unknown ids are ignored.
    fn on_msgs_ack(&mut self, body: Bytes) -> Result<(), Unfit> {
        let ack = types::MsgsAck::from_bytes(body)?;
        self.check_ids(&ack.msg_ids)?;
        for msg_id in ack.msg_ids {
            self.acknowledged(MsgId::from_i64(msg_id));
        }
        Ok(())
    }

    fn on_ping(&mut self, msg_id: MsgId, body: Bytes) -> Result<(), Unfit> {
        let ping = functions::Ping::from_bytes(body)?;
        self.pong(msg_id, ping.ping_id);
        Ok(())
    }

    /// As `ping`, and the connection closes unless another one comes within the delay, which is
    /// at least [`DISCONNECT_DELAY_S_MIN`].
    fn on_ping_delay_disconnect(
        &mut self,
        now: Now,
        msg_id: MsgId,
        body: Bytes,
    ) -> Result<(), Unfit> {
        let ping = functions::PingDelayDisconnect::from_bytes(body)?;
        let delay = u64::try_from(ping.disconnect_delay).unwrap_or(0).max(DISCONNECT_DELAY_S_MIN);
        self.disconnect_at = Some(now.mono.after(Duration::from_secs(delay)));
        self.pong(msg_id, ping.ping_id);
        Ok(())
    }

    fn pong(&mut self, msg_id: MsgId, ping_id: i64) {
        self.pinged = true;
        self.notify(types::Pong { msg_id: msg_id.as_i64(), ping_id }.to_bytes());
    }

    /// `http_wait max_delay:int wait_after:int max_wait:int`, in milliseconds.
    fn on_http_wait(&mut self, body: Bytes) -> Result<(), Unfit> {
        let wait = types::HttpWait::from_bytes(body)?;
        self.pinged = true;
        self.http_wait = Some([wait.max_delay, wait.wait_after, wait.max_wait]);
        Ok(())
    }

    fn on_get_future_salts(&mut self, now: Now, msg_id: MsgId, body: Bytes) -> Result<(), Unfit> {
        let request = functions::GetFutureSalts::from_bytes(body)?;
        if !self.has_room(0) {
            return Ok(());
        }
        let answer = types::FutureSalts {
            req_msg_id: msg_id.as_i64(),
            now: wire_secs(now.wall.as_secs()),
            salts: self.salts.future(now.wall, request.num),
        };
        self.notify(answer.to_bytes());
        Ok(())
    }

    /// One byte for each id: its state and flags.
    fn on_msgs_state_req(&mut self, now: Now, msg_id: MsgId, body: Bytes) -> Result<(), Unfit> {
        let request = types::MsgsStateReq::from_bytes(body)?;
        self.check_ids(&request.msg_ids)?;
        self.tell_states(now, msg_id, &request.msg_ids);
        Ok(())
    }

    fn tell_states(&mut self, now: Now, request: MsgId, ids: &[i64]) {
        let states: Vec<u8> = ids.iter().map(|id| self.state(now, MsgId::from_i64(*id))).collect();
        let info = types::MsgsStateInfo { req_msg_id: request.as_i64(), info: states.into() };
        self.notify(info.to_bytes());
    }

    fn state(&self, now: Now, msg_id: MsgId) -> u8 {
        // One of ours that is kept, as in the answer to a msg_resend_req.
        if self.unacknowledged.get(msg_id).is_some() {
            return RECEIVED;
        }
        if self.link.received.contains(msg_id) {
            return RECEIVED | self.flags_of(msg_id);
        }
        match self.link.received.check(Some(now.wall), msg_id) {
            Verdict::TooHigh => TOO_HIGH,
            Verdict::Fresh => NOT_RECEIVED,
            _ => UNKNOWN,
        }
    }

    fn flags_of(&self, msg_id: MsgId) -> u8 {
        let mut flags = self.link.received.note(msg_id).map_or(0, |note| note.flags);
        let call = self.calls.get(msg_id);
        if matches!(call, Some(Call::Running { .. } | Call::Forgotten(_))) {
            flags |= RUNNING;
        }
        // An answer tells as much as an acknowledgement, once it has left.
        let waits = self.link.acks.is_pending(msg_id) || call == Some(&Call::Answered(None));
        if flags & NEEDS_NO_ACK == 0 && !waits {
            flags |= ACKNOWLEDGED;
        }
        flags
    }

    /// What is known is sent again, whole; if something is not, the states of all are told.
    fn on_msg_resend_req(&mut self, now: Now, msg_id: MsgId, body: Bytes) -> Result<(), Unfit> {
        let request = types::MsgResendReq::from_bytes(body)?;
        self.check_ids(&request.msg_ids)?;
        let mut all_known = true;
        for id in &request.msg_ids {
            all_known &= self.send_whole_again(now, MsgId::from_i64(*id));
        }
        if !all_known {
            self.tell_states(now, msg_id, &request.msg_ids);
        }
        Ok(())
    }

    /// The answers to these requests are sent again, and the states of the requests told.
    fn on_msg_resend_ans_req(&mut self, now: Now, msg_id: MsgId, body: Bytes) -> Result<(), Unfit> {
        let request = types::MsgResendAnsReq::from_bytes(body)?;
        self.check_ids(&request.msg_ids)?;
        for id in &request.msg_ids {
            if let Some(&Call::Answered(Some(answer))) = self.calls.get(MsgId::from_i64(*id)) {
                self.send_whole_again(now, answer);
            }
        }
        self.tell_states(now, msg_id, &request.msg_ids);
        Ok(())
    }

    fn on_destroy_session(&mut self, body: Bytes) -> Result<(), Unfit> {
        let session_id = functions::DestroySession::from_bytes(body)?.session_id;
        if session_id == self.link.session_id {
            self.session_destroyed(session_id, false);
        } else if self.events.len() < self.limits.calls_max {
            self.events.push_back(ServerSessionEvent::DestroyWanted { session_id });
        }
        Ok(())
    }

    /// Answers [`ServerSessionEvent::DestroyWanted`]. A session can not destroy itself.
    pub fn session_destroyed(&mut self, session_id: i64, existed: bool) {
        if existed {
            self.notify(types::DestroySessionOk { session_id }.to_bytes());
        } else {
            self.notify(types::DestroySessionNone { session_id }.to_bytes());
        }
    }

    /// `rpc_drop_answer`: the client no longer wants an answer. The reply is an `rpc_result`.
    fn on_rpc_drop_answer(&mut self, msg_id: MsgId, body: Bytes) -> Result<(), Unfit> {
        let request = MsgId::from_i64(functions::RpcDropAnswer::from_bytes(body)?.req_msg_id);
        let answer = match self.calls.get_mut(request) {
            Some(call @ &mut Call::Running { bytes, .. }) => {
                *call = Call::Forgotten(bytes);
                types::RpcAnswerDroppedRunning {}.to_bytes()
            }
            Some(Call::Answered(Some(answer))) => {
                let answer = *answer;
                self.drop_sent(answer)
            }
            Some(Call::Answered(None)) => {
                self.drop_waiting(request);
                types::RpcAnswerDroppedRunning {}.to_bytes()
            }
            Some(Call::Forgotten(_)) | None => types::RpcAnswerUnknown {}.to_bytes(),
        };
        if let Ok(result) = answer {
            self.answer_if_room(msg_id, result);
        }
        Ok(())
    }

    fn drop_sent(&mut self, answer: MsgId) -> Result<Bytes, odnix_tl::EncodeError> {
        let Some(sent) = self.unacknowledged.get(answer) else {
            return types::RpcAnswerUnknown {}.to_bytes();
        };
        let dropped = types::RpcAnswerDropped {
            msg_id: answer.as_i64(),
            seq_no: sent.seq_no,
            bytes: i32::try_from(sent.message.body.len()).unwrap_or(i32::MAX),
        };
        self.forget(answer);
        dropped.to_bytes()
    }

    /// An answer that has not left yet is as good as not made.
    fn drop_waiting(&mut self, request: MsgId) {
        let tag = Tag::Answer(request);
        let bytes = self.queue.iter().filter(|waiting| waiting.tag == tag);
        let bytes = bytes.map(|waiting| waiting.body.len()).sum();
        self.queue.retain(|waiting| waiting.tag != tag);
        self.kept_bytes = self.kept_bytes.saturating_sub(bytes);
        self.calls.remove(request);
    }

    fn check_ids(&mut self, ids: &[i64]) -> Result<(), Unfit> {
        if self.packet_ids.take(ids, &self.limits) { Ok(()) } else { Err(Unfit(DropReason::Limit)) }
    }

    /// Room again after updates were dropped: the client is told to ask for the difference.
    pub(super) fn tell_lost_updates(&mut self) {
        if self.updates_lost && self.has_room(0) {
            self.updates_lost = false;
            let body = odnix_tl::odnix::types::UpdatesTooLong {}.to_bytes();
            self.keep(body, 0, Tag::Push);
        }
    }
}
