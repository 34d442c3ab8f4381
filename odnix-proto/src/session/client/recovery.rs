//! What the client does when the server refuses: `bad_server_salt`, `bad_msg_notification`,
//! `new_session_created`, and requests to send something again.
//!
//! | code | meaning | answer |
//! |---|---|---|
//! | 16 | msg_id too low | server time from the notice's own msg_id, new ids |
//! | 17 | msg_id too high | the same; ids already beyond it, or refused before: new session |
//! | 18, 19, 34, 35 | a bug, or a server of other habits | new ids, a bounded number of times |
//! | 20 | too old to tell whether received | new ids |
//! | 32 | seq_no too low | new ids, numbers left out |
//! | 33 | seq_no too high | new session |
//! | 48 | bad server salt (only in `bad_server_salt`) | new salt, new ids |
//! | 64 | invalid container | its messages alone, new ids |
//!
//! A call sent under a new id after the server may have run it under the old one (20, 33, and
//! 17 with a new session) may run twice; what must not needs an id of its own in the request,
//! as `random_id` is.
//!
//! A notice counts only if it names a message this session sent a short while ago.

use super::{CallError, ClientSession, ClientSessionEvent, Sent, Tag};
use crate::{
    error::{DropReason, Received},
    message_id::MsgId,
    session::{container::Message, link::Outgoing},
    time::Now,
};
use alloc::vec::Vec;
use bytes::Bytes;
use odnix_tl::{Decode, mtproto::types};

/// Sequence numbers left out after code 32. Holes are no fault, and each refusal leaves out more.
const SEQ_NOS_SKIPPED: u32 = 64;

const CODE_MSG_ID_TOO_LOW: i32 = 16;
const CODE_MSG_ID_TOO_HIGH: i32 = 17;
const CODE_SEQ_NO_TOO_LOW: i32 = 32;
const CODE_SEQ_NO_TOO_HIGH: i32 = 33;
const CODE_BAD_SALT: i32 = 48;
const CODE_BAD_CONTAINER: i32 = 64;

impl ClientSession {
    pub(super) fn on_bad_server_salt(&mut self, body: Bytes) -> Received {
        let Ok(notice) = types::BadServerSalt::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let refused = self.refused(MsgId::from_i64(notice.bad_msg_id));
        if refused.is_empty() {
            return Received::Dropped(DropReason::UnknownMessage);
        }
        self.replace_salt(notice.new_server_salt);
        self.send_anew(notice.bad_msg_id, &refused, notice.error_code);
        Received::Accepted
    }

    fn replace_salt(&mut self, salt: i64) {
        if self.salts.replace(salt) {
            self.emit(ClientSessionEvent::SaltChanged(salt));
        }
    }

    pub(super) fn on_bad_msg(&mut self, now: Now, message: &Message) -> Received {
        let Ok(notice) = types::BadMsgNotification::from_bytes(message.body.clone()) else {
            return Received::Dropped(DropReason::Malformed);
        };
        let refused = self.refused(MsgId::from_i64(notice.bad_msg_id));
        if refused.is_empty() {
            return Received::Dropped(DropReason::UnknownMessage);
        }
        match notice.error_code {
            CODE_MSG_ID_TOO_LOW => self.clock.set(now, message.msg_id.time()),
            CODE_MSG_ID_TOO_HIGH => {
                self.clock.set(now, message.msg_id.time());
                if self.ids_are_in_the_future(now) || self.was_refused_before(&refused) {
                    return self.restart_session(&refused, notice.error_code);
                }
            }
            CODE_SEQ_NO_TOO_HIGH => return self.restart_session(&refused, notice.error_code),
            CODE_SEQ_NO_TOO_LOW => {
                if let Some(link) = &mut self.link {
                    link.skip_seq_nos(SEQ_NOS_SKIPPED);
                }
            }
            CODE_BAD_CONTAINER => self.plain_packets = true,
            _ => {}
        }
        self.send_anew(notice.bad_msg_id, &refused, notice.error_code);
        Received::Accepted
    }

    /// A server whose clock has stepped back goes on with ids from before the step, so they do not
    /// tell its time; those of a new session do.
    fn was_refused_before(&self, refused: &[MsgId]) -> bool {
        let mut calls = refused.iter().filter_map(|msg_id| self.call_of(*msg_id));
        calls.any(|id| self.calls.get(&id).is_some_and(|call| call.refusals > 0))
    }

    fn ids_are_in_the_future(&self, now: Now) -> bool {
        let server_time = self.clock.time(now);
        self.link.as_ref().is_some_and(|link| link.ids_are_ahead_of(server_time))
    }

    fn restart_session(&mut self, refused: &[MsgId], code: i32) -> Received {
        self.count_refusals(refused, code);
        if let Some(key) = self.key().cloned() {
            self.start_session(key);
            self.emit(ClientSessionEvent::SessionCreated);
        }
        Received::Accepted
    }

    /// The messages a notice about `msg_id` concerns: itself, or all of its container.
    fn refused(&self, msg_id: MsgId) -> Vec<MsgId> {
        if self.sent.contains_key(&msg_id) {
            return [msg_id].into();
        }
        self.sent
            .iter()
            .filter(|(_, sent)| sent.container == Some(msg_id))
            .map(|(&inner, _)| inner)
            .collect()
    }

    /// Queues refused messages under new ids, except those that the server may have by another
    /// way, as only their own ids let it tell: they had left before the refused container did,
    /// or again after the packet whose time or salt was refused.
    fn send_anew(&mut self, named: i64, refused: &[MsgId], code: i32) {
        self.count_refusals(refused, code);
        let named = Some(MsgId::from_i64(named));
        let of_packet = [CODE_MSG_ID_TOO_LOW, CODE_MSG_ID_TOO_HIGH, CODE_BAD_SALT].contains(&code);
        let may_be_there = |sent: &Sent| sent.again && (of_packet || sent.container == named);
        for msg_id in refused {
            let Some(sent) = self.sent.get(msg_id) else { continue };
            if may_be_there(sent)
                && let Tag::Call(id) = sent.tag
            {
                self.send_again(id);
                continue;
            }
            let Some(sent) = self.unsend(*msg_id) else { continue };
            match sent.tag {
                // Counted, and due again.
                Tag::Binding => {}
                Tag::Drop => {
                    let message = Outgoing::service(sent.body, Tag::Drop);
                    self.enqueue(Outgoing { content: true, ..message });
                }
                Tag::Call(id) => {
                    if let Some(call) = self.calls.get_mut(&id) {
                        call.msg_ids.retain(|known| known != msg_id);
                    }
                    self.enqueue_call(id);
                }
                tag => self.enqueue(Outgoing::service(sent.body, tag)),
            }
        }
    }

    fn count_refusals(&mut self, refused: &[MsgId], code: i32) {
        for msg_id in refused {
            if self.sent.get(msg_id).is_some_and(|sent| sent.tag == Tag::Binding) {
                self.binding_message_refused(code);
            }
            let Some(id) = self.call_of(*msg_id) else { continue };
            let Some(call) = self.calls.get_mut(&id) else { continue };
            call.refusals = call.refusals.saturating_add(1);
            if call.refusals > self.limits.refusals_max {
                self.finish(id, Err(CallError::Rejected { code }));
            }
        }
    }

    /// Calls queued for the server's old session say to its new one which client they are from.
    fn wrap_waiting(&mut self) {
        let fresh = self.queue.iter().filter(|waiting| waiting.again.is_none());
        let calls = fresh.filter_map(|waiting| match waiting.tag {
            Tag::Call(id) => Some(id),
            _ => None,
        });
        for id in calls.collect::<Vec<_>>() {
            self.enqueue_call(id);
        }
    }

    /// `new_session_created`: what was sent before `first_msg_id` is lost to the server.
    pub(super) fn on_new_session(&mut self, body: Bytes) -> Received {
        let Ok(created) = types::NewSessionCreated::from_bytes(body) else {
            return Received::Dropped(DropReason::Malformed);
        };
        if self.server_session == Some(created.unique_id) {
            return Received::Dropped(DropReason::Duplicate);
        }
        self.server_session = Some(created.unique_id);
        let was_initialised = core::mem::take(&mut self.initialised);
        self.replace_salt(created.server_salt);
        self.emit(ClientSessionEvent::SessionCreated);
        if was_initialised {
            self.wrap_waiting();
        }
        let first = MsgId::from_i64(created.first_msg_id);
        let lost: Vec<MsgId> = self.sent.range(..first).map(|(&msg_id, _)| msg_id).collect();
        for msg_id in lost {
            let Some(sent) = self.unsend(msg_id) else { continue };
            match sent.tag {
                Tag::Call(id) => {
                    let Some(call) = self.calls.get_mut(&id) else { continue };
                    call.msg_ids.retain(|known| *known != msg_id);
                    if call.msg_ids.is_empty() {
                        self.enqueue_call(id);
                    }
                }
                Tag::Binding => self.bind_again(),
                _ => {}
            }
        }
        Received::Accepted
    }
}
