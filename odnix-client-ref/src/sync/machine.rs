//! The machine that keeps a replica in step with the server's logs.

use super::refusals::Refusals;
use super::reload::{Fetched, Reload};
use super::wire::{self, Parts, checkpoint, peer_of, people_of, position, read_difference};
use super::{Answer, Failure, Local, Mailbox, Question, QuestionId};
use crate::event::ClientEvent;
use crate::replica::{Batch, Checkpoint, PendingSend};
use odnix_proto::limits::Limits;
use odnix_proto::updates::{self, Difference, Event, Mailboxes, ResetReason, Sequencer};
use odnix_proto::{Instant, Now};
use odnix_tl::odnix::{enums, enums::Update, functions, types};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Reloads that ask at the same time.
const RELOADS_ASKING_MAX: usize = 4;

/// How to follow the logs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A replica that is further behind than this fetches the history instead of replaying
    /// the log; `None` replays it whatever its length.
    pub log_replay_max: Option<i32>,
    /// Bounds on what is held.
    pub limits: Limits,
}

/// What a replica holds when a machine starts from it.
#[derive(Clone, Debug, Default)]
pub struct Resumed {
    /// The account.
    pub own_id: i64,
    /// Where the user's mailbox stands.
    pub checkpoint: Checkpoint,
    /// Users the replica can name, and groups with a minus.
    pub known: BTreeSet<i64>,
    /// Large groups that are followed, and where they stand.
    pub chats: Vec<(i64, i32)>,
    /// Groups that are copied into the user's mailbox.
    pub small_chats: BTreeSet<i64>,
    /// Large groups whose history is still to be fetched, and where their logs stood before.
    pub joining: Vec<(i64, i32)>,
}

/// How the replica stands towards the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Something may be missing.
    Behind,
    /// It holds everything the server has told of.
    CaughtUp,
    /// The server does not say, because nobody is signed in.
    SignedOut,
}

/// What an open question is about.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Difference {
        mailbox: Mailbox,
        from_pts: i32,
    },
    /// The server does not know our position: where does its log end?
    End {
        from_pts: i32,
    },
    Reload(Mailbox),
}

impl Asked {
    /// The large group whose log or history it is.
    fn chat_id(self) -> Option<i64> {
        match self {
            Self::Difference { mailbox: Mailbox::Chat(chat_id), .. }
            | Self::Reload(Mailbox::Chat(chat_id)) => Some(chat_id),
            _ => None,
        }
    }
}

/// See the [module](super).
#[derive(Debug)]
pub struct SyncMachine {
    own_id: i64,
    options: Options,
    mailboxes: Mailboxes<Mailbox, Update>,
    known: BTreeSet<i64>,
    small_chats: BTreeSet<i64>,
    /// The newest version of each group, so that an older answer changes nothing.
    versions: BTreeMap<i64, i32>,
    reloads: BTreeMap<Mailbox, Reload>,
    refusals: Refusals,
    /// Sends by where their messages stand in logs that are not followed so far yet.
    sent: BTreeSet<(Mailbox, i32, i64)>,
    sends_doubted: bool,
    open: BTreeMap<QuestionId, Asked>,
    last_question: u64,
    questions: VecDeque<(QuestionId, Question)>,
    batches: VecDeque<Batch>,
    /// What the newest batch holds already, as its changes are ordered.
    stage: Stage,
    events: VecDeque<ClientEvent>,
    /// The update that showed a gap, to be told if nothing else that waits fills it.
    gap: Option<ClientEvent>,
    standing: Standing,
    was_ready: bool,
    loses_push: bool,
}

/// The order in which a batch is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Forget,
    People,
    Pages,
    Updates,
    Keep,
}

impl SyncMachine {
    /// Goes on from what the replica holds; asks at once for what was missed.
    pub fn new(now: Now, resumed: Resumed, options: Options) -> Self {
        let mut machine = Self {
            own_id: resumed.own_id,
            mailboxes: Mailboxes::new(&options.limits),
            options,
            known: resumed.known,
            small_chats: resumed.small_chats,
            versions: BTreeMap::new(),
            reloads: BTreeMap::new(),
            refusals: Refusals::default(),
            sent: BTreeSet::new(),
            sends_doubted: false,
            open: BTreeMap::new(),
            last_question: 0,
            questions: VecDeque::new(),
            batches: VecDeque::new(),
            stage: Stage::Forget,
            events: VecDeque::new(),
            gap: None,
            standing: Standing::Behind,
            was_ready: false,
            loses_push: false,
        };
        let Checkpoint { pts, date } = resumed.checkpoint;
        machine.follow(now, Mailbox::Own, updates::Checkpoint { date, ..at(pts) });
        for (chat_id, pts) in resumed.chats {
            machine.follow(now, Mailbox::Chat(chat_id), at(pts));
        }
        for (chat_id, pts) in resumed.joining {
            machine.join(chat_id, pts);
        }
        machine.poll_mailboxes(now);
        machine
    }

    fn follow(&mut self, now: Now, mailbox: Mailbox, checkpoint: updates::Checkpoint) {
        if let Err(error) = self.mailboxes.open(now, mailbox, checkpoint) {
            tracing::warn!(%error, ?mailbox, "no room to follow one more mailbox");
        }
    }

    // --- what comes in ---

    /// Calls leave from now on. What was pushed to an earlier transport may be lost.
    pub fn ready(&mut self, now: Now) {
        if std::mem::replace(&mut self.was_ready, true) {
            return self.updates_lost(now);
        }
        let followed: Vec<Mailbox> = self.mailboxes.followed().copied().collect();
        for mailbox in followed {
            // The others ask since they started.
            if self.mailboxes.get(&mailbox).is_some_and(Sequencer::is_caught_up) {
                self.mailboxes.with(&mailbox, Sequencer::updates_lost);
            }
        }
        self.poll_mailboxes(now);
    }

    /// Something may be missing, in any of the logs.
    pub fn updates_lost(&mut self, now: Now) {
        self.mailboxes.updates_lost();
        self.poll_mailboxes(now);
    }

    /// Test hook: the next pushed update that counts in a log is thrown away.
    pub fn lose_next_push(&mut self) {
        self.loses_push = true;
    }

    /// Takes what the server has pushed.
    pub fn handle_updates(&mut self, now: Now, updates: enums::Updates) {
        let updates = match updates {
            enums::Updates::UpdatesTooLong => return self.updates_lost(now),
            enums::Updates::UpdateShort(short) => vec![short.update],
            enums::Updates::Updates(full) => {
                self.note(full.users, full.chats);
                full.updates
            }
        };
        for update in updates {
            self.handle_update(now, update);
        }
    }

    fn handle_update(&mut self, now: Now, update: Update) {
        let (mailbox, update) = wire::unwrap(update);
        let Some((pts, _)) = position(&update) else {
            return self.tell_ephemeral(update);
        };
        if std::mem::take(&mut self.loses_push) {
            return self.events.push_back(ClientEvent::PushLost { pts });
        }
        if self.knows_people_of(&update) {
            self.take(now, mailbox, update);
        } else {
            // The log's answer names them.
            self.mailboxes.with(&mailbox, Sequencer::updates_lost);
            self.poll_mailboxes(now);
        }
    }

    fn tell_ephemeral(&mut self, update: Update) {
        match update {
            Update::UpdateUserTyping(typing) => self.events.push_back(ClientEvent::Typing(typing)),
            Update::UpdateChatUserTyping(it) => self.events.push_back(ClientEvent::ChatTyping(it)),
            Update::UpdateUserStatus(it) => self.events.push_back(ClientEvent::Status(it)),
            _ => {}
        }
    }

    fn knows_people_of(&self, update: &Update) -> bool {
        people_of(update).iter().all(|id| *id == self.own_id || self.known.contains(id))
    }

    /// The replica can name these users by now.
    pub fn know(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.known.extend(ids);
    }

    /// Takes what one of our own calls has brought.
    pub fn handle_local(&mut self, now: Now, local: Local) {
        match local {
            Local::Sent { send, sent } => self.on_sent(now, send, &sent),
            Local::Affected { peer_id, pts } => {
                self.on_affected(now, self.mailbox_of(peer_id), pts)
            }
            Local::Chat { chat, pts } => {
                let (chat_id, chat_pts) = (chat.id, chat.pts.unwrap_or_default());
                self.note(Vec::new(), vec![chat]);
                self.on_affected(now, Mailbox::Chat(chat_id), chat_pts);
                self.on_affected(now, Mailbox::Own, pts);
            }
        }
    }

    /// The server tells our own session nothing of what it did itself: the log does.
    fn on_affected(&mut self, now: Now, mailbox: Mailbox, pts: i32) {
        if self.checkpoint(mailbox).is_some_and(|local| local < pts) {
            self.mailboxes.with(&mailbox, Sequencer::updates_lost);
            self.poll_mailboxes(now);
        }
    }

    /// The mailbox that holds the messages of a dialog.
    fn mailbox_of(&self, peer_id: i64) -> Mailbox {
        let chat_id = peer_id.saturating_neg();
        let is_large = peer_id < 0 && !self.small_chats.contains(&chat_id);
        if is_large { Mailbox::Chat(chat_id) } else { Mailbox::Own }
    }

    fn on_sent(&mut self, now: Now, send: PendingSend, sent: &types::messages::SentMessage) {
        let mailbox = self.mailbox_of(send.peer_id);
        let stands_at = self.mailboxes.get(&mailbox).map(|it| it.checkpoint().pts);
        if stands_at.is_none() {
            // A group that we have not heard of yet: the own log tells of it, and of this.
            self.mailboxes.with(&Mailbox::Own, Sequencer::updates_lost);
            self.poll_mailboxes(now);
        }
        if stands_at.is_none_or(|pts| sent.pts <= pts) {
            // The replica holds it, or fetches it with the history.
            self.batch(Stage::Updates).settled_sends.push(send.random_id);
            return;
        }
        let update = Update::UpdateMessageSent(types::UpdateMessageSent {
            message: types::Message {
                out: true,
                id: sent.id,
                from_id: self.own_id,
                peer_id: peer_of(send.peer_id),
                date: sent.date,
                message: send.text,
                media: None,
                action: None,
                edit_date: None,
            },
            random_id: send.random_id,
            pts: sent.pts,
            pts_count: sent.pts_count,
        });
        self.sent.insert((mailbox, sent.pts, send.random_id));
        self.take(now, mailbox, update);
    }

    fn take(&mut self, now: Now, mailbox: Mailbox, update: Update) {
        let Some((pts, pts_count)) = position(&update) else { return };
        let Some(sequencer) = self.mailboxes.get(&mailbox) else { return };
        let (local_pts, was_caught_up) = (sequencer.checkpoint().pts, sequencer.is_caught_up());
        self.mailboxes.with(&mailbox, |it| it.push(now, pts, pts_count, update));
        let is_caught_up = self.mailboxes.get(&mailbox).is_some_and(Sequencer::is_caught_up);
        if was_caught_up && !is_caught_up {
            self.gap = Some(ClientEvent::Gap { local_pts, pts, pts_count });
        }
        // At once, so that the next position is measured against this one.
        self.poll_mailboxes(now);
    }

    /// Takes the outcome of a question.
    pub fn handle_answer(&mut self, now: Now, id: QuestionId, answer: Result<Answer, Failure>) {
        let Some(asked) = self.open.remove(&id) else { return };
        if let Err(failure) = &answer {
            tracing::warn!(?failure, ?asked, "the server gives no answer");
            if failure.is_signed_out() && self.standing != Standing::SignedOut {
                self.standing = Standing::SignedOut;
                self.events.push_back(ClientEvent::SignedOut);
            }
            if failure.message == "CHAT_ID_INVALID" {
                self.on_refused(asked.chat_id());
            }
        } else if let Some(chat_id) = asked.chat_id() {
            self.refusals.forget(chat_id);
        }
        match asked {
            Asked::Difference { mailbox, from_pts } => {
                self.on_difference(now, mailbox, from_pts, answer);
            }
            Asked::End { from_pts } => self.on_end(now, from_pts, answer),
            Asked::Reload(mailbox) => self.on_reload(now, id, mailbox, answer),
        }
        self.poll_mailboxes(now);
    }

    fn on_refused(&mut self, chat_id: Option<i64>) {
        self.mailboxes.with(&Mailbox::Own, Sequencer::updates_lost);
        if let Some(chat_id) = chat_id
            && self.refusals.refused(chat_id)
        {
            self.leave(chat_id);
        }
    }

    fn on_difference(
        &mut self,
        now: Now,
        mailbox: Mailbox,
        from_pts: i32,
        answer: Result<Answer, Failure>,
    ) {
        let answer = match (mailbox, answer) {
            (_, Ok(Answer::Difference(answer))) => answer,
            (Mailbox::Own, Err(it)) if it.message == "PERSISTENT_TIMESTAMP_INVALID" => {
                return self.ask(
                    Asked::End { from_pts },
                    Question::GetState(functions::updates::GetState {}),
                );
            }
            // Its log ends before ours, and is read anew from the beginning.
            (Mailbox::Chat(_), Err(it)) if it.message == "PERSISTENT_TIMESTAMP_INVALID" => {
                return self.provide(now, mailbox, ends_at(updates::Checkpoint::default()));
            }
            _ => {
                let _ = self.mailboxes.with(&mailbox, |it| it.question_failed(now));
                return;
            }
        };
        let Parts { difference, users, chats } = read_difference(mailbox, answer);
        self.note(users, chats);
        if let Difference::Full { updates, state } | Difference::Slice { updates, state } =
            &difference
        {
            let (to_pts, updates) = (state.pts, updates.len());
            self.events.push_back(ClientEvent::DifferenceApplied { from_pts, to_pts, updates });
        }
        self.provide(now, mailbox, difference);
    }

    fn on_end(&mut self, now: Now, from_pts: i32, answer: Result<Answer, Failure>) {
        match answer {
            Ok(Answer::State(state)) if state.pts < from_pts => {
                self.provide(now, Mailbox::Own, ends_at(checkpoint(&state)));
            }
            _ => {
                let _ = self.mailboxes.with(&Mailbox::Own, |it| it.question_failed(now));
            }
        }
    }

    fn provide(&mut self, now: Now, mailbox: Mailbox, difference: Difference<Update>) {
        let _ = self.mailboxes.with(&mailbox, |it| it.provide_difference(now, difference));
    }

    fn on_reload(
        &mut self,
        now: Now,
        id: QuestionId,
        mailbox: Mailbox,
        answer: Result<Answer, Failure>,
    ) {
        let mailboxes = &self.mailboxes;
        let follows =
            |peer_id: i64| mailboxes.get(&Mailbox::Chat(peer_id.saturating_neg())).is_some();
        let Some(reload) = self.reloads.get_mut(&mailbox) else { return };
        let fetched = reload.handle_answer(now, id, answer, follows);
        reload.messages += fetched.page.as_ref().map_or(0, |page| page.messages.len());
        let is_done = reload.is_done();
        let Fetched { users, chats, dialogs, drafts, page } = fetched;
        self.note(users, chats);
        let batch = self.batch(Stage::Pages);
        batch.dialogs.extend(dialogs);
        batch.pages.extend(page);
        if drafts.is_some() {
            batch.drafts = drafts;
        }
        if is_done && let Some(reload) = self.reloads.remove(&mailbox) {
            self.on_reloaded(now, mailbox, reload);
        }
    }

    fn on_reloaded(&mut self, now: Now, mailbox: Mailbox, reload: Reload) {
        let (pts, messages, joins) = (reload.to_pts, reload.messages, reload.joins);
        self.events.push_back(ClientEvent::HistoryReloaded { messages });
        let settled = self.settled(mailbox, pts);
        self.batch(Stage::Keep).settled_sends.extend(settled);
        match mailbox {
            Mailbox::Own => {
                let keep = reload.into_seen();
                if let Some(keep) = &keep {
                    self.leave_unlisted(keep);
                }
                let date = self.mailboxes.get(&mailbox).map_or(0, |it| it.checkpoint().date);
                let batch = self.batch(Stage::Keep);
                batch.keep_dialogs = keep;
                batch.checkpoint = Some(Checkpoint { pts, date });
            }
            Mailbox::Chat(chat_id) => {
                self.batch(Stage::Keep).chat_checkpoints.push((chat_id, pts));
            }
        }
        if joins {
            self.follow(now, mailbox, at(pts));
        } else {
            let _ = self.mailboxes.with(&mailbox, Sequencer::confirm_reset);
        }
    }

    /// Large groups that the server has not listed are not the user's any more.
    fn leave_unlisted(&mut self, listed: &BTreeSet<i64>) {
        let here: BTreeSet<Mailbox> =
            self.mailboxes.followed().chain(self.reloads.keys()).copied().collect();
        for mailbox in here {
            if let Mailbox::Chat(chat_id) = mailbox
                && !listed.contains(&chat_id.saturating_neg())
            {
                self.leave(chat_id);
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.mailboxes.handle_timeout(now);
        self.reloads.values_mut().for_each(|reload| reload.handle_timeout(now));
        self.poll_mailboxes(now);
    }

    // --- people and groups ---

    fn note(&mut self, users: Vec<types::User>, chats: Vec<types::Chat>) {
        if !users.is_empty() {
            self.known.extend(users.iter().map(|user| user.id));
            self.people_batch().users.extend(users);
        }
        for chat in chats {
            let newest = self.versions.entry(chat.id).or_insert(chat.version);
            if chat.version < *newest {
                continue;
            }
            *newest = chat.version;
            self.known.insert(chat.id.saturating_neg());
            if chat.large {
                self.note_membership(&chat);
            } else {
                self.small_chats.insert(chat.id);
            }
            self.people_batch().chats.push(chat);
        }
    }

    /// Whoever is a member of a large group follows its log; whoever has left drops it.
    fn note_membership(&mut self, chat: &types::Chat) {
        self.refusals.forget(chat.id);
        let mailbox = Mailbox::Chat(chat.id);
        let is_here = self.mailboxes.get(&mailbox).is_some() || self.reloads.contains_key(&mailbox);
        match (chat.left, is_here) {
            (false, false) => self.join(chat.id, chat.pts.unwrap_or_default()),
            (true, _) => self.leave(chat.id),
            (false, true) => {}
        }
    }

    fn join(&mut self, chat_id: i64, pts: i32) {
        if self.mailboxes.followed().count() + self.reloads.len()
            < self.options.limits.mailboxes_max
        {
            self.reloads.insert(Mailbox::Chat(chat_id), Reload::of_chat(chat_id, pts, true));
        }
    }

    /// The server says that the user is no member any more.
    fn leave(&mut self, chat_id: i64) {
        self.unfollow(chat_id);
        // The server has those messages, and their rows will never come.
        let settled = self.settled(Mailbox::Chat(chat_id), i32::MAX);
        let batch = self.batch(Stage::Forget);
        batch.dropped_chats.push(chat_id);
        batch.left_chats.push(chat_id);
        batch.settled_sends.extend(settled);
    }

    fn unfollow(&mut self, chat_id: i64) {
        let mailbox = Mailbox::Chat(chat_id);
        self.refusals.forget(chat_id);
        self.mailboxes.close(&mailbox);
        self.reloads.remove(&mailbox);
        self.open.retain(|_, asked| {
            !matches!(asked, Asked::Difference { mailbox: it, .. } | Asked::Reload(it) if *it == mailbox)
        });
        self.questions.retain(|(id, _)| self.open.contains_key(id));
    }

    // --- what follows ---

    /// The batch to add to: a new one if the newest has changes that come after these.
    fn batch(&mut self, stage: Stage) -> &mut Batch {
        if self.batches.is_empty() || self.stage > stage {
            self.batches.push_back(Batch::default());
        }
        self.stage = stage;
        self.newest_batch()
    }

    /// For what is applied early in a batch and speaks of what comes later.
    fn people_batch(&mut self) -> &mut Batch {
        self.newest_batch();
        self.stage = self.stage.max(Stage::People);
        self.newest_batch()
    }

    fn newest_batch(&mut self) -> &mut Batch {
        if self.batches.is_empty() {
            self.batches.push_back(Batch::default());
            self.stage = Stage::Forget;
        }
        let newest = self.batches.len().saturating_sub(1);
        &mut self.batches[newest]
    }

    /// Takes what the sequencers hand out: deliveries into batches, questions to the server.
    fn poll_mailboxes(&mut self, now: Now) {
        while let Some((mailbox, event)) = self.mailboxes.poll_event() {
            match event {
                Event::Deliver { updates, checkpoint } => {
                    self.deliver(mailbox, updates, checkpoint);
                }
                Event::GetDifference { from } => self.ask_difference(mailbox, from),
                // No update of this layer gives positions out anew.
                Event::GetState => {
                    let _ = self.mailboxes.with(&mailbox, |it| it.question_failed(now));
                }
                Event::Reset { to, reason } => self.start_over(now, mailbox, to.pts, reason),
            }
        }
        // Not before it was asked once more after a refusal.
        if self.mailboxes.get(&Mailbox::Own).is_some_and(Sequencer::is_caught_up) {
            self.refusals.own_log_told();
        }
    }

    fn deliver(&mut self, mailbox: Mailbox, updates: Vec<Update>, checkpoint: updates::Checkpoint) {
        for update in &updates {
            if let Update::UpdateReadHistory(read) = update {
                self.events.push_back(ClientEvent::Read(read.clone()));
            }
        }
        let updates::Checkpoint { pts, date, .. } = checkpoint;
        let settled = self.settled(mailbox, pts);
        let batch = self.batch(Stage::Updates);
        batch.updates.extend(updates);
        batch.settled_sends.extend(settled);
        match mailbox {
            Mailbox::Own => batch.checkpoint = Some(Checkpoint { pts, date }),
            Mailbox::Chat(chat_id) => batch.chat_checkpoints.push((chat_id, pts)),
        }
    }

    /// The sends whose messages a replica that stands there holds.
    fn settled(&mut self, mailbox: Mailbox, pts: i32) -> Vec<i64> {
        let sends: Vec<(i32, i64)> = self
            .sent
            .range((mailbox, 0, i64::MIN)..=(mailbox, pts, i64::MAX))
            .map(|it| (it.1, it.2))
            .collect();
        sends.iter().for_each(|(pts, id)| {
            self.sent.remove(&(mailbox, *pts, *id));
        });
        sends.into_iter().map(|(_, random_id)| random_id).collect()
    }

    /// The server may have lost what it has acknowledged: another message may stand there.
    fn doubt_sends(&mut self, stood_in: impl Fn(Mailbox) -> bool) {
        let before = self.sent.len();
        self.sent.retain(|it| !stood_in(it.0));
        self.sends_doubted |= self.sent.len() < before;
    }

    /// Whether the server may have lost messages that it has acknowledged, since this was last
    /// asked. Their sends still wait in the replica: send all that wait there again.
    pub fn take_sends_doubted(&mut self) -> bool {
        std::mem::take(&mut self.sends_doubted)
    }

    fn ask_difference(&mut self, mailbox: Mailbox, from: updates::Checkpoint) {
        let updates::Checkpoint { pts: from_pts, date, .. } = from;
        self.events.push_back(ClientEvent::DifferenceRequested { from_pts });
        let pts_total_limit = self.options.log_replay_max;
        let question = match mailbox {
            Mailbox::Own => Question::GetDifference(functions::updates::GetDifference {
                pts: from_pts,
                pts_limit: None,
                pts_total_limit,
                date,
                qts: 0,
                qts_limit: None,
            }),
            Mailbox::Chat(chat_id) => {
                Question::GetChatDifference(functions::updates::GetChatDifference {
                    chat_id,
                    pts: from_pts,
                    pts_limit: None,
                    pts_total_limit,
                })
            }
        };
        self.ask(Asked::Difference { mailbox, from_pts }, question);
    }

    fn ask(&mut self, asked: Asked, question: Question) {
        let id = self.next_id();
        self.open.insert(id, asked);
        self.questions.push_back((id, question));
    }

    fn next_id(&mut self) -> QuestionId {
        self.last_question = self.last_question.wrapping_add(1);
        QuestionId(self.last_question)
    }

    fn start_over(&mut self, now: Now, mailbox: Mailbox, to_pts: i32, reason: ResetReason) {
        match (mailbox, reason) {
            (Mailbox::Own, ResetReason::TooLong) => {
                self.reloads.insert(mailbox, Reload::of_own(to_pts));
            }
            (Mailbox::Chat(chat_id), ResetReason::TooLong) => {
                let reload = Reload::of_chat(chat_id, to_pts, false);
                self.reloads.insert(mailbox, reload);
            }
            (Mailbox::Own, _) => {
                tracing::warn!(to_pts, "the server's log ends before ours: fetching all anew");
                let followed: Vec<Mailbox> = self.mailboxes.followed().copied().collect();
                for mailbox in followed {
                    if let Mailbox::Chat(chat_id) = mailbox {
                        self.unfollow(chat_id);
                    }
                }
                self.doubt_sends(|_| true);
                self.versions.clear();
                self.reloads.clear();
                self.batch(Stage::Forget).clear = true;
                self.follow(now, Mailbox::Own, at(0));
            }
            (Mailbox::Chat(chat_id), _) => {
                self.doubt_sends(|it| it == mailbox);
                self.batch(Stage::Forget).dropped_chats.push(chat_id);
                self.batch(Stage::Updates).chat_checkpoints.push((chat_id, 0));
                self.follow(now, mailbox, at(0));
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let reloads = self.reloads.values().filter_map(Reload::poll_timeout);
        reloads.chain(self.mailboxes.poll_timeout()).min()
    }

    /// What to store next, in one transaction.
    pub fn take_batch(&mut self) -> Option<Batch> {
        let batch = self.batches.pop_front()?;
        if batch.is_empty() { self.take_batch() } else { Some(batch) }
    }

    /// What to ask the server next. Its outcome goes to
    /// [`handle_answer`](Self::handle_answer).
    pub fn poll_question(&mut self) -> Option<(QuestionId, Question)> {
        if let Some(question) = self.questions.pop_front() {
            return Some(question);
        }
        let asking = self.reloads.values().filter(|reload| reload.is_asking()).count();
        if asking >= RELOADS_ASKING_MAX {
            return None;
        }
        let id = self.next_id();
        let mut reloads = self.reloads.iter_mut();
        let (mailbox, question) =
            reloads.find_map(|(mailbox, reload)| Some((*mailbox, reload.poll_question(id)?)))?;
        self.open.insert(id, Asked::Reload(mailbox));
        Some((id, question))
    }

    /// What to tell whoever watches, once all batches are stored.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        if self.batches.iter().any(|batch| !batch.is_empty()) {
            return None;
        }
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if let Some(gap) = self.gap.take()
            && !self.mailboxes.are_caught_up()
        {
            return Some(gap);
        }
        let before = self.standing;
        self.standing = match before {
            _ if self.is_caught_up() => Standing::CaughtUp,
            Standing::SignedOut => Standing::SignedOut,
            _ => Standing::Behind,
        };
        let is_new = before != self.standing && self.standing == Standing::CaughtUp;
        is_new.then(|| ClientEvent::InStep { pts: self.checkpoint(Mailbox::Own).unwrap_or(0) })
    }

    fn is_caught_up(&self) -> bool {
        self.reloads.is_empty() && self.open.is_empty() && self.mailboxes.are_caught_up()
    }

    /// How the replica stands, as of the last event that was polled.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Where a log that is followed stands.
    pub fn checkpoint(&self, mailbox: Mailbox) -> Option<i32> {
        self.mailboxes.get(&mailbox).map(|it| it.checkpoint().pts)
    }

    /// The account.
    pub fn own_id(&self) -> i64 {
        self.own_id
    }
}

fn at(pts: i32) -> updates::Checkpoint {
    updates::Checkpoint::at(pts)
}

/// The sequencer's way to hear that the log ends before its position.
fn ends_at(state: updates::Checkpoint) -> Difference<Update> {
    Difference::Full { updates: Vec::new(), state }
}
