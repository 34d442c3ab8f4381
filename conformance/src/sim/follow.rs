//! Keeps a device's replica in step with the server's log: the rules of the reference client's
//! update manager, without its threads. Hand in what comes; take out what is to be stored and
//! what is to be asked, in this order.

use super::bugs::{Bug, Planted};
use odnix_client_ref::replica::{Batch, Checkpoint, dialog_id};
use odnix_proto::Now;
use odnix_proto::limits::Limits;
use odnix_proto::updates::{self, Difference, Event, ResetReason, Sequencer};
use odnix_tl::odnix::{enums, enums::Update, functions, types};
use std::collections::VecDeque;

/// Dialogs or messages asked for at once.
const PAGE: i32 = 100;

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// One transaction.
    Store(Batch),
    /// History that came outside the log.
    StoreHistory {
        /// Messages.
        messages: Vec<types::Message>,
        /// Dialogs.
        dialogs: Vec<types::Dialog>,
        /// Who is named in them.
        users: Vec<types::User>,
    },
    /// A call.
    Ask(Question),
    /// The server's log ends before the replica.
    ServerLostData,
}

/// A call to the server.
#[derive(Clone, Debug)]
pub enum Question {
    /// `updates.getDifference`.
    Difference(functions::updates::GetDifference),
    /// `updates.getState`.
    State,
    /// `messages.getDialogs`.
    Dialogs(functions::messages::GetDialogs),
    /// `messages.getHistory`.
    History(functions::messages::GetHistory),
}

/// What the server says to it.
#[derive(Debug)]
pub enum Answer {
    /// To a difference.
    Difference(enums::updates::Difference),
    /// To a state.
    State(types::updates::State),
    /// To dialogs.
    Dialogs(types::messages::Dialogs),
    /// To history.
    History(types::messages::Messages),
}

/// The follower.
pub struct Follow {
    sequencer: Sequencer<Update>,
    planted: Planted,
    slice: i32,
    date: i32,
    users: Vec<types::User>,
    settled: Vec<i64>,
    steps: VecDeque<Step>,
    reload: Option<Reload>,
    /// An answer is awaited.
    asked: bool,
    /// What the last answer's difference began from.
    pub differences: u64,
    /// Reloads done.
    pub reloads: u64,
}

/// The history fetched in pages, because the log does not reach back far enough.
struct Reload {
    to: i32,
    dialogs_below: i64,
    peers: VecDeque<types::User>,
    history_below: i64,
}

impl Follow {
    /// Goes on from what the replica holds.
    pub fn new(now: Now, checkpoint: Checkpoint, slice: i32, planted: Planted) -> Self {
        let from = updates::Checkpoint::at(checkpoint.pts);
        Self {
            sequencer: Sequencer::new(now, from, &Limits::default()),
            planted,
            slice,
            date: checkpoint.date,
            users: Vec::new(),
            settled: Vec::new(),
            steps: VecDeque::new(),
            reload: None,
            asked: false,
            differences: 0,
            reloads: 0,
        }
    }

    /// The position handed out last.
    pub fn pts(&self) -> i32 {
        self.sequencer.checkpoint().pts
    }

    /// Nothing is missing as far as it knows, and nothing is asked.
    pub fn is_caught_up(&self) -> bool {
        self.sequencer.is_caught_up() && !self.asked && self.reload.is_none()
    }

    /// Fetches history, so that the replica is ahead of its checkpoint.
    pub fn is_reloading(&self) -> bool {
        self.reload.is_some()
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<odnix_proto::Instant> {
        self.sequencer.poll_timeout()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.sequencer.handle_timeout(now);
    }

    /// Updates may have been missed.
    pub fn updates_lost(&mut self) {
        self.sequencer.updates_lost();
    }

    /// A push.
    pub fn handle_updates(&mut self, now: Now, updates: enums::Updates) {
        match updates {
            enums::Updates::UpdatesTooLong => self.updates_lost(),
            enums::Updates::UpdateShort(short) => {
                self.date = self.date.max(short.date);
                self.push(now, short.update);
            }
            enums::Updates::Updates(full) => {
                self.date = self.date.max(full.date);
                self.users.extend(full.users);
                for update in full.updates {
                    self.push(now, update);
                }
            }
        }
    }

    /// An own call has moved the mailbox.
    pub fn push(&mut self, now: Now, update: Update) {
        let Some((pts, pts_count)) = position(&update) else { return };
        if self.planted.is(Bug::GapAppliedTwice) && pts > self.pts() {
            let checkpoint = None;
            let updates = vec![update.clone()];
            self.steps.push_back(Step::Store(Batch { updates, checkpoint, ..Batch::default() }));
        }
        if self.planted.is(Bug::GapSkipped) && pts > self.pts() {
            let checkpoint = Some(Checkpoint { pts, date: self.date });
            self.sequencer =
                Sequencer::new(now, updates::Checkpoint::at(pts), &Limits::default());
            let updates = vec![update];
            self.steps.push_back(Step::Store(Batch { updates, checkpoint, ..Batch::default() }));
            return;
        }
        self.sequencer.push(now, pts, pts_count, update);
        self.poll_sequencer();
    }

    /// The message of this random_id is in the replica already.
    pub fn settle(&mut self, random_id: i64) {
        self.settled.push(random_id);
    }

    /// The answer to [`Step::Ask`], or its code when it failed.
    pub fn handle_answer(&mut self, now: Now, answer: Result<Answer, i32>) {
        self.asked = false;
        match answer {
            Err(_) if self.reload.is_some() => self.ask_page(),
            Err(_) => {
                let _ = self.sequencer.question_failed(now);
            }
            Ok(Answer::Difference(difference)) => self.on_difference(now, difference),
            Ok(Answer::State(state)) => {
                let at = checkpoint(&state);
                let _ = self.sequencer.provide_state(now, at);
            }
            Ok(Answer::Dialogs(page)) => self.on_dialogs(page),
            Ok(Answer::History(page)) => self.on_history(page),
        }
    }

    fn on_difference(&mut self, now: Now, answer: enums::updates::Difference) {
        use enums::updates::Difference as Wire;
        self.differences += 1;
        let difference = match answer {
            Wire::DifferenceEmpty(it) => Difference::Empty { date: it.date, seq: it.seq },
            Wire::Difference(it) => {
                self.users.extend(it.users);
                self.date = self.date.max(it.state.date);
                Difference::Full { updates: it.updates, state: checkpoint(&it.state) }
            }
            Wire::DifferenceSlice(it) => {
                self.users.extend(it.users);
                let state = checkpoint(&it.intermediate_state);
                if self.planted.is(Bug::SliceAsFull) {
                    Difference::Full { updates: it.updates, state }
                } else {
                    Difference::Slice { updates: it.updates, state }
                }
            }
            Wire::DifferenceTooLong(_) if self.planted.is(Bug::TooLongAsEmpty) => {
                Difference::Empty { date: 0, seq: 0 }
            }
            Wire::DifferenceTooLong(it) => Difference::TooLong { pts: it.pts },
        };
        let _ = self.sequencer.provide_difference(now, difference);
    }

    fn on_dialogs(&mut self, page: types::messages::Dialogs) {
        let Some(reload) = &mut self.reload else { return };
        let lowest = page.dialogs.iter().map(|dialog| dialog.top_message).min();
        // A server that does not heed the offset would answer the same forever.
        let ends = lowest.is_none_or(|it| reload.dialogs_below > 0 && it >= reload.dialogs_below);
        if ends {
            let to = reload.to;
            self.reload = None;
            self.reloads += 1;
            let checkpoint = Some(Checkpoint { pts: to, date: self.date });
            self.steps.push_back(Step::Store(Batch { checkpoint, ..Batch::default() }));
            let _ = self.sequencer.confirm_reset();
            return;
        }
        reload.dialogs_below = lowest.unwrap_or_default();
        for dialog in &page.dialogs {
            let peer = dialog_id(&dialog.peer);
            reload.peers.extend(page.users.iter().find(|user| user.id == peer).cloned());
        }
        let (dialogs, users) = (page.dialogs, page.users);
        self.steps.push_back(Step::StoreHistory { messages: Vec::new(), dialogs, users });
        self.ask_page();
    }

    fn on_history(&mut self, page: types::messages::Messages) {
        let Some(reload) = &mut self.reload else { return };
        let lowest = page.messages.iter().map(|message| message.id).min();
        match lowest {
            Some(lowest) if reload.history_below == 0 || lowest < reload.history_below => {
                reload.history_below = lowest;
            }
            _ => {
                reload.history_below = 0;
                reload.peers.pop_front();
            }
        }
        let (messages, users) = (page.messages, page.users);
        self.steps.push_back(Step::StoreHistory { messages, dialogs: Vec::new(), users });
        self.ask_page();
    }

    fn ask_page(&mut self) {
        let Some(reload) = &self.reload else { return };
        let question = match reload.peers.front() {
            None => Question::Dialogs(functions::messages::GetDialogs {
                offset_id: reload.dialogs_below,
                limit: PAGE,
            }),
            Some(peer) => Question::History(functions::messages::GetHistory {
                peer: input_peer(peer),
                offset_id: reload.history_below,
                limit: PAGE,
            }),
        };
        self.ask(question);
    }

    fn ask(&mut self, question: Question) {
        self.asked = true;
        self.steps.push_back(Step::Ask(question));
    }

    /// What to do next.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.poll_sequencer();
        if !self.users.is_empty() || !self.settled.is_empty() {
            let users = std::mem::take(&mut self.users);
            let settled_sends = std::mem::take(&mut self.settled);
            let batch = Batch { users, settled_sends, ..Batch::default() };
            self.steps.push_front(Step::Store(batch));
        }
        self.steps.pop_front()
    }

    fn poll_sequencer(&mut self) {
        while let Some(event) = self.sequencer.poll_event() {
            match event {
                Event::Deliver { updates, checkpoint } => self.deliver(updates, checkpoint.pts),
                Event::GetDifference { from } => {
                    let pts_limit = Some(self.slice);
                    self.ask(Question::Difference(functions::updates::GetDifference {
                        pts: from.pts,
                        pts_limit,
                        pts_total_limit: None,
                        date: self.date,
                        qts: 0,
                        qts_limit: None,
                    }));
                }
                Event::GetState => self.ask(Question::State),
                Event::Reset { to, reason: ResetReason::TooLong } => {
                    let (dialogs_below, history_below) = (0, 0);
                    let peers = VecDeque::new();
                    let to = to.pts;
                    self.reload = Some(Reload { to, dialogs_below, peers, history_below });
                    self.ask_page();
                }
                Event::Reset { .. } => self.steps.push_back(Step::ServerLostData),
            }
        }
    }

    fn deliver(&mut self, updates: Vec<Update>, pts: i32) {
        let checkpoint = Some(Checkpoint { pts, date: self.date });
        let batch = Batch { updates, checkpoint, ..Batch::default() };
        self.steps.push_back(Step::Store(batch));
    }
}

/// Where an update stands in the log.
pub fn position(update: &Update) -> Option<(i32, i32)> {
    match update {
        Update::UpdateNewMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateMessageSent(it) => Some((it.pts, it.pts_count)),
        Update::UpdateReadHistory(it) => Some((it.pts, it.pts_count)),
        Update::UpdateEditMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateDeleteMessages(it) => Some((it.pts, it.pts_count)),
        Update::UpdateDraftMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateChat(it) => Some((it.pts, it.pts_count)),
        _ => None,
    }
}

fn checkpoint(state: &types::updates::State) -> updates::Checkpoint {
    let types::updates::State { pts, qts, date, seq, .. } = *state;
    updates::Checkpoint { pts, qts, date, seq }
}

/// How a call names a user.
pub fn input_peer(user: &types::User) -> enums::InputPeer {
    if user.self_ {
        return enums::InputPeer::InputPeerSelf;
    }
    let (user_id, access_hash) = (user.id, user.access_hash);
    enums::InputPeer::InputPeerUser(types::InputPeerUser { user_id, access_hash })
}
