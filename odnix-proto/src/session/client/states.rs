//! Questions about what became of a message, from both sides.
//!
//! | from | message | answer |
//! |---|---|---|
//! | us | `msgs_state_req` for calls that wait too long | 1, 2, 3: sent again under its own id; 4: waits on; 4 and +64: `msg_resend_ans_req` |
//! | server | `msgs_all_info` | the same, unasked |
//! | server | `msgs_state_req` | `msgs_state_info` |
//! | server | `msg_resend_req` | what is still kept, else `msgs_state_info` |
//! | server | `msg_resend_ans_req` | `msgs_state_info`: a client makes no answers |
//!
//! A call that is sent again keeps its msg_id, so a server that had it after all runs it once.

use super::{ClientSession, Tag};
use crate::{
    error::{DropReason, Received},
    message_id::{MsgId, Verdict},
    session::{
        CallId,
        link::{Outgoing, backoff},
        state::{ACKNOWLEDGED, ANSWERED, NOT_RECEIVED, RECEIVED, STATE_BITS, TOO_HIGH, UNKNOWN},
    },
    time::Now,
};
use alloc::{collections::BTreeSet, vec::Vec};
use bytes::Bytes;
use odnix_tl::{Decode, Encode, mtproto::types};

impl ClientSession {
    /// Calls that wait too long: the server is asked what became of them. Those it was asked about
    /// to no avail leave again.
    pub(super) fn ask_about_late_calls(&mut self, now: Now) {
        let late = self.calls.iter().filter(|(_, call)| call.due.is_some_and(|at| at <= now.mono));
        let late: Vec<(CallId, bool)> = late.map(|(&id, call)| (id, call.asked)).collect();
        let mut msg_ids = Vec::new();
        for (id, asked) in late {
            if asked {
                self.send_again(id);
            } else if let Some(call) = self.calls.get_mut(&id) {
                call.asked = true;
                call.due = Some(now.mono.after(self.timings.answer_wait));
                msg_ids.extend(call.msg_ids.last().map(|msg_id| msg_id.as_i64()));
            }
        }
        if msg_ids.is_empty() {
            return;
        }
        if let Ok(body) = (types::MsgsStateReq { msg_ids }).to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::StateReq));
        }
    }

    /// `msgs_state_info req_msg_id:long info:string`, one byte for each id asked about.
    pub(super) fn on_msgs_state_info(&mut self, now: Now, body: Bytes) -> Received {
        let Ok(answer) = types::MsgsStateInfo::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let request = MsgId::from_i64(answer.req_msg_id);
        let asked = self.sent.get(&request).filter(|sent| sent.tag == Tag::StateReq);
        let Some(asked) = asked.map(|sent| sent.body.clone()) else {
            return Received::Dropped(DropReason::UnknownMessage);
        };
        self.unsend(request);
        match types::MsgsStateReq::from_bytes(asked) {
            Ok(asked) => self.learn_states(now, &asked.msg_ids, &answer.info),
            Err(_) => Received::Dropped(DropReason::Malformed),
        }
    }

    /// `msgs_all_info msg_ids:Vector<long> info:string`: the same, unasked.
    pub(super) fn on_msgs_all_info(&mut self, now: Now, body: Bytes) -> Received {
        match types::MsgsAllInfo::from_bytes(body) {
            Ok(told) if !self.packet_ids.take(&told.msg_ids, &self.limits) => {
                Received::Dropped(DropReason::Limit)
            }
            Ok(told) => self.learn_states(now, &told.msg_ids, &told.info),
            Err(_) => Received::Dropped(DropReason::Malformed),
        }
    }

    fn learn_states(&mut self, now: Now, msg_ids: &[i64], states: &[u8]) -> Received {
        if msg_ids.len() != states.len() {
            return Received::Dropped(DropReason::Malformed);
        }
        // Told many times, it is asked for once.
        let mut answers_made = BTreeSet::new();
        for (&id, &state) in msg_ids.iter().zip(states) {
            let Some(call) = self.call_of(MsgId::from_i64(id)) else { continue };
            match state & STATE_BITS {
                UNKNOWN | NOT_RECEIVED | TOO_HIGH if self.has_left(call) => self.send_again(call),
                RECEIVED => {
                    self.wait_on(now, call);
                    if state & ANSWERED != 0 {
                        answers_made.insert(id);
                    }
                }
                _ => {}
            }
        }
        let msg_ids: Vec<i64> = answers_made.into_iter().collect();
        if !msg_ids.is_empty()
            && let Ok(body) = (types::MsgResendAnsReq { msg_ids }).to_bytes()
        {
            self.enqueue(Outgoing::service(body, Tag::Service));
        }
        Received::Accepted
    }

    /// Whether nothing of the call waits to be sent, so that there is something to learn.
    fn has_left(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| call.due.is_some())
    }

    fn wait_on(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.due.is_some()) else { return };
        call.asked = false;
        call.attempts = call.attempts.saturating_add(1);
        call.due = Some(now.mono.after(backoff(self.timings.answer_wait, call.attempts)));
    }

    // --- what the server asks ----------------------------------------------------------

    pub(super) fn on_msgs_state_req(&mut self, now: Now, msg_id: MsgId, body: Bytes) -> Received {
        match types::MsgsStateReq::from_bytes(body) {
            Ok(request) if !self.packet_ids.take(&request.msg_ids, &self.limits) => {
                Received::Dropped(DropReason::Limit)
            }
            Ok(request) => self.tell_states(now, msg_id, &request.msg_ids),
            Err(_) => Received::Dropped(DropReason::Malformed),
        }
    }

    pub(super) fn on_msg_resend_ans_req(
        &mut self,
        now: Now,
        msg_id: MsgId,
        body: Bytes,
    ) -> Received {
        match types::MsgResendAnsReq::from_bytes(body) {
            Ok(request) if !self.packet_ids.take(&request.msg_ids, &self.limits) => {
                Received::Dropped(DropReason::Limit)
            }
            Ok(request) => self.tell_states(now, msg_id, &request.msg_ids),
            Err(_) => Received::Dropped(DropReason::Malformed),
        }
    }

    /// What is still kept leaves again under its own id. If anything is not, the states of all are
    /// told as well.
    pub(super) fn on_msg_resend_req(&mut self, now: Now, msg_id: MsgId, body: Bytes) -> Received {
        let Ok(request) = types::MsgResendReq::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        if !self.packet_ids.take(&request.msg_ids, &self.limits) {
            return Received::Dropped(DropReason::Limit);
        }
        let waiting = self.queue.iter().filter_map(|waiting| Some(waiting.again?.0));
        let mut waiting: BTreeSet<MsgId> = waiting.collect();
        let mut all_kept = true;
        for &id in &request.msg_ids {
            let msg_id = MsgId::from_i64(id);
            all_kept &= !waiting.insert(msg_id) || self.resend(msg_id);
        }
        if all_kept {
            return Received::Accepted;
        }
        self.tell_states(now, msg_id, &request.msg_ids)
    }

    fn resend(&mut self, msg_id: MsgId) -> bool {
        let Some(sent) = self.sent.get(&msg_id) else { return false };
        match sent.tag.clone() {
            Tag::Call(call) if self.has_left(call) => self.send_again(call),
            Tag::Call(_) => {}
            Tag::Binding => self.bind_again(),
            tag => {
                let message = Outgoing::service(sent.body.clone(), tag);
                let again = Some((msg_id, sent.seq_no));
                self.enqueue(Outgoing { again, ..message });
            }
        }
        true
    }

    fn tell_states(&mut self, now: Now, request: MsgId, msg_ids: &[i64]) -> Received {
        let states: Vec<u8> =
            msg_ids.iter().map(|&id| self.state(now, MsgId::from_i64(id))).collect();
        let info = types::MsgsStateInfo { req_msg_id: request.as_i64(), info: states.into() };
        if let Ok(body) = info.to_bytes() {
            self.enqueue(Outgoing::service(body, Tag::Service));
        }
        Received::Accepted
    }

    fn state(&self, now: Now, msg_id: MsgId) -> u8 {
        let Some(link) = &self.link else { return UNKNOWN };
        let Some(note) = link.received.note(msg_id) else {
            return match link.received.check(Some(self.clock.time(now)), msg_id) {
                Verdict::TooHigh => TOO_HIGH,
                Verdict::Fresh => NOT_RECEIVED,
                _ => UNKNOWN,
            };
        };
        match note.flags {
            0 if link.acks.is_pending(msg_id) => RECEIVED,
            0 => RECEIVED | ACKNOWLEDGED,
            flags => RECEIVED | flags,
        }
    }
}
