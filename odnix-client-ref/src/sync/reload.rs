//! Fetches the history itself, where the log no longer reaches back to the replica, or a large
//! group was joined.
//!
//! ```text
//! own mailbox:  getDrafts, getDialogs pages ──> getHistory pages of each ──> getDialogs again,
//!               until nothing unseen has come on top ──> what was not listed is dropped
//! large group:  getHistory pages
//! ```
//!
//! Each page replaces the range of the replica it speaks of, in one transaction, so that a
//! reader sees old or new messages but never a hole. The checkpoint moves with the last one: a
//! crash in between starts the reload again. Whatever the server answers, pages go downwards and
//! dialogs are counted, so a reload ends.

use super::{Answer, Failure, Question, QuestionId};
use crate::caller::input_peer;
use crate::replica::{HistoryPage, dialog_id};
use odnix_proto::{Instant, Now};
use odnix_tl::odnix::{enums, functions, types};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Dialogs or messages asked for at once.
const PAGE: i32 = 100;
/// Dialogs that one reload takes in.
const DIALOGS_MAX: usize = 100_000;
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Reload {
    /// Where the log goes on after it.
    pub(super) to_pts: i32,
    /// The group is new here, and not yet followed.
    pub(super) joins: bool,
    pub(super) messages: usize,
    step: Step,
    /// Whose messages are still to be fetched.
    queue: VecDeque<(i64, enums::InputPeer)>,
    seen: BTreeSet<i64>,
    open: Option<QuestionId>,
    retry_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Drafts,
    /// The next page of dialogs.
    Dialogs(Pass),
    /// The next page of one history; then the queue, then the dialogs.
    History {
        peer_id: i64,
        before: i64,
        then: Option<Pass>,
    },
    Done,
}

/// One walk down the list of dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pass {
    /// Below this `top_message`; 0 from the top.
    offset: i64,
    /// It may end here: the top of the pass before.
    floor: i64,
    top: i64,
    found: bool,
    is_over: bool,
}

impl Pass {
    fn from(floor: i64) -> Self {
        Self { offset: 0, floor, top: 0, found: false, is_over: false }
    }

    /// A dialog that gets a message moves up, past a walk that goes down: walk again from the
    /// top, as long as that finds new ones.
    fn next(self) -> Option<Self> {
        match (self.is_over, self.found) {
            (false, _) => Some(self),
            (true, true) => Some(Self::from(self.top)),
            (true, false) => None,
        }
    }
}

/// What one answer brought.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) users: Vec<types::User>,
    pub(super) chats: Vec<types::Chat>,
    pub(super) dialogs: Vec<types::Dialog>,
    pub(super) drafts: Option<Vec<types::PeerDraft>>,
    pub(super) page: Option<HistoryPage>,
}

impl Reload {
    pub(super) fn of_own(to_pts: i32) -> Self {
        Self::new(to_pts, false, Step::Drafts)
    }

    pub(super) fn of_chat(chat_id: i64, to_pts: i32, joins: bool) -> Self {
        let peer_id = chat_id.saturating_neg();
        let mut reload = Self::new(to_pts, joins, Step::Done);
        reload.queue.push_back((peer_id, chat_peer(chat_id)));
        reload.go_on(None);
        reload
    }

    fn new(to_pts: i32, joins: bool, step: Step) -> Self {
        Self {
            to_pts,
            joins,
            messages: 0,
            step,
            queue: VecDeque::new(),
            seen: BTreeSet::new(),
            open: None,
            retry_at: None,
        }
    }

    /// The dialogs the server has listed; `None` if that were too many to know all.
    pub(super) fn into_seen(self) -> Option<BTreeSet<i64>> {
        (self.seen.len() < DIALOGS_MAX).then_some(self.seen)
    }

    pub(super) fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    pub(super) fn is_asking(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        self.retry_at = self.retry_at.filter(|at| *at > now.mono);
    }

    pub(super) fn poll_question(&mut self, id: QuestionId) -> Option<Question> {
        if self.open.is_some() || self.retry_at.is_some() {
            return None;
        }
        let question = match self.step {
            Step::Done => return None,
            Step::Drafts => Question::GetDrafts(functions::messages::GetDrafts {}),
            Step::Dialogs(Pass { offset, .. }) => {
                let request = functions::messages::GetDialogs { offset_id: offset, limit: PAGE };
                Question::GetDialogs(request)
            }
            Step::History { before, .. } => {
                let peer = self.queue.front()?.1.clone();
                let offset_id = if before == i64::MAX { 0 } else { before };
                let request = functions::messages::GetHistory { peer, offset_id, limit: PAGE };
                Question::GetHistory(request)
            }
        };
        self.open = Some(id);
        Some(question)
    }

    /// Takes the answer to the question that is open; any other one is ignored.
    pub(super) fn handle_answer(
        &mut self,
        now: Now,
        id: QuestionId,
        answer: Result<Answer, Failure>,
        follows: impl Fn(i64) -> bool,
    ) -> Fetched {
        if self.open != Some(id) {
            return Fetched::default();
        }
        self.open = None;
        match (self.step, answer) {
            (Step::Drafts, Ok(Answer::Drafts(answer))) => {
                self.step = Step::Dialogs(Pass::from(0));
                let types::messages::Drafts { drafts, chats, users } = answer;
                Fetched { users, chats, drafts: Some(drafts), ..Fetched::default() }
            }
            (Step::Dialogs(pass), Ok(Answer::Dialogs(answer))) => {
                self.on_dialogs(pass, answer, follows)
            }
            (Step::History { peer_id, before, then }, Ok(Answer::History(answer))) => {
                self.on_history(peer_id, before, then, answer)
            }
            // Somebody may have been removed from a group meanwhile: there is nothing to fetch.
            // A large one that is joined may be ours again: whether it is, the own log says.
            (Step::History { then: Some(pass), .. }, Err(failure)) if failure.code == 400 => {
                self.queue.pop_front();
                self.go_on(Some(pass));
                Fetched::default()
            }
            _ => {
                self.retry_at = Some(now.mono.after(RETRY_AFTER));
                Fetched::default()
            }
        }
    }

    fn on_dialogs(
        &mut self,
        mut pass: Pass,
        answer: types::messages::Dialogs,
        follows: impl Fn(i64) -> bool,
    ) -> Fetched {
        let types::messages::Dialogs { dialogs, chats, users, .. } = answer;
        let below = if pass.offset == 0 { i64::MAX } else { pass.offset };
        let tops = dialogs.iter().map(|dialog| dialog.top_message).filter(|top| *top < below);
        let (lowest, highest) = (tops.clone().min(), tops.max());
        pass.top = pass.top.max(highest.unwrap_or_default());
        // A page that does not lead further down is the last.
        pass.is_over =
            lowest.is_none_or(|lowest| lowest <= pass.floor) || self.seen.len() >= DIALOGS_MAX;
        pass.offset = lowest.unwrap_or_default();
        for dialog in &dialogs {
            let peer_id = dialog_id(&dialog.peer);
            if !self.seen.insert(peer_id) {
                continue;
            }
            pass.found = true;
            let user = users.iter().find(|user| user.id == peer_id).map(input_peer);
            let chat = chats.iter().find(|chat| chat.id.checked_neg() == Some(peer_id));
            let peer = user.or_else(|| chat.map(|chat| chat_peer(chat.id)));
            // A large group has a log of its own.
            if let Some(peer) = peer
                && !follows(peer_id)
                && !chat.is_some_and(|chat| chat.large)
            {
                self.queue.push_back((peer_id, peer));
            }
        }
        pass.found &= self.seen.len() < DIALOGS_MAX;
        self.go_on(Some(pass));
        Fetched { users, chats, dialogs, ..Fetched::default() }
    }

    fn on_history(
        &mut self,
        peer_id: i64,
        before: i64,
        then: Option<Pass>,
        answer: types::messages::Messages,
    ) -> Fetched {
        let types::messages::Messages { mut messages, chats, users, .. } = answer;
        messages.retain(|it| it.id < before && dialog_id(&it.peer_id) == peer_id);
        let lowest = messages.iter().map(|message| message.id).min();
        match lowest.filter(|lowest| *lowest > 0) {
            Some(lowest) => self.step = Step::History { peer_id, before: lowest, then },
            None => {
                self.queue.pop_front();
                self.go_on(then);
            }
        }
        let page = HistoryPage { peer_id, from: lowest.unwrap_or_default(), before, messages };
        Fetched { users, chats, page: Some(page), ..Fetched::default() }
    }

    /// The next history, else the next dialogs.
    fn go_on(&mut self, then: Option<Pass>) {
        self.step = match (self.queue.front(), then.and_then(Pass::next)) {
            (Some((peer_id, _)), _) => Step::History { peer_id: *peer_id, before: i64::MAX, then },
            (None, Some(pass)) => Step::Dialogs(pass),
            (None, None) => Step::Done,
        };
    }
}

fn chat_peer(chat_id: i64) -> enums::InputPeer {
    enums::InputPeer::InputPeerChat(types::InputPeerChat { chat_id })
}
