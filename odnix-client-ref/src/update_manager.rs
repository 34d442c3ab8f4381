//! The update manager: keeps the replica in step with the server's log.
//!
//! Pushed updates and the results of our own calls go through one
//! [`Sequencer`], which finds gaps and asks for `getDifference`; what it delivers is stored
//! together with its checkpoint in one transaction. Everything that waits when the manager
//! gets its turn shares one transaction.
//!
//! ```text
//! driver: pushed updates ──┐
//! client: results of calls ┼──> Sequencer ──> {updates, checkpoint} ──> replica ──> events
//! server: getDifference ───┘        │
//!                 ^─────────────────┘ gap, start, new session
//! ```
//!
//! A log that no longer reaches back to our checkpoint is replaced by the history itself
//! (dialogs, then their messages); a log that ends before it means the server lost data, and
//! the mailbox is fetched anew from the beginning.

use crate::caller::Caller;
use crate::driver::Notice;
use crate::driver::clock::Clock;
use crate::error::{CallError, ClientError};
use crate::event::{ClientEvent, Events};
use crate::reload;
use crate::replica::{Batch, Checkpoint, PendingSend, Replica, dialog_id};
use crate::store::Store;
use odnix_proto::limits::Limits;
use odnix_proto::updates::{self, Difference, Event, ResetReason, Sequencer};
use odnix_tl::Decode as _;
use odnix_tl::odnix::{enums, enums::Update, functions, types};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot, watch};

/// Notices taken before the replica is written.
const TURN_NOTICES_MAX: usize = 256;

/// What the client's own calls brought.
#[derive(Debug)]
pub(crate) enum Local {
    /// The account has changed or signed in again; answered once its log is followed.
    SignedIn {
        done: oneshot::Sender<()>,
    },
    Sent {
        send: PendingSend,
        sent: types::messages::SentMessage,
    },
    Read {
        peer_id: i64,
        max_id: i64,
        affected: types::messages::AffectedMessages,
    },
}

/// How the replica stands towards the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Something may be missing.
    Behind,
    /// It holds everything the server has told of.
    CaughtUp,
    /// The server does not say, because nobody is signed in.
    SignedOut,
}

pub(crate) struct UpdateManager {
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) caller: Caller,
    pub(crate) clock: Clock,
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) overflown: Arc<AtomicBool>,
    pub(crate) lose_push: Arc<AtomicBool>,
    pub(crate) log_replay_max: Option<i32>,
}

/// The one question to the server that is open.
type Question = Pin<Box<dyn Future<Output = Answer> + Send>>;

enum Answer {
    Difference { from_pts: i32, answer: Result<enums::updates::Difference, CallError> },
    State(Result<types::updates::State, CallError>),
    Reloaded { messages: usize },
}

struct Running {
    manager: UpdateManager,
    /// `None` until somebody is signed in.
    mailbox: Option<Mailbox>,
    question: Option<Question>,
    /// To be stored in the next transaction.
    batch: Batch,
    /// To be told once what came before it is stored.
    applied: Vec<ClientEvent>,
    /// The update that showed a gap, to be told if nothing else that waits fills it.
    gap: Option<ClientEvent>,
    /// The log demands to start over: where it goes on, and why.
    reset: Option<(i32, ResetReason)>,
}

/// The account whose log is followed.
struct Mailbox {
    own_id: i64,
    sequencer: Sequencer<Update>,
    /// Users the replica can name.
    known: BTreeSet<i64>,
    date: i32,
}

impl UpdateManager {
    /// Runs until the client is gone, then stores what is left.
    pub(crate) async fn run(
        self,
        notices: mpsc::Receiver<Notice>,
        local: mpsc::Receiver<Local>,
    ) -> Result<(), ClientError> {
        let mut running = Running {
            manager: self,
            mailbox: None,
            question: None,
            batch: Batch::default(),
            applied: Vec::new(),
            gap: None,
            reset: None,
        };
        running.open_mailbox().await?;
        running.run(notices, local).await
    }
}

impl Running {
    async fn run(
        &mut self,
        mut notices: mpsc::Receiver<Notice>,
        mut local: mpsc::Receiver<Local>,
    ) -> Result<(), ClientError> {
        loop {
            self.settle().await?;
            let deadline = self.mailbox.as_ref().and_then(|m| m.sequencer.poll_timeout());
            tokio::select! {
                Some(notice) = notices.recv() => self.on_notice(notice).await?,
                result = local.recv() => match result {
                    Some(result) => self.on_local(result).await?,
                    None => break,
                },
                answer = wait_for(&mut self.question) => self.on_answer(answer),
                () = self.manager.clock.sleep_until(deadline) => self.on_timeout(),
            }
            self.take_waiting(&mut notices, &mut local).await?;
        }
        while let Ok(notice) = notices.try_recv() {
            self.on_notice(notice).await?;
        }
        self.settle().await
    }

    /// Takes in what else has arrived, so that it shares a transaction.
    async fn take_waiting(
        &mut self,
        notices: &mut mpsc::Receiver<Notice>,
        local: &mut mpsc::Receiver<Local>,
    ) -> Result<(), ClientError> {
        for _ in 0..TURN_NOTICES_MAX {
            let notice = notices.try_recv().ok();
            let result = local.try_recv().ok();
            if notice.is_none() && result.is_none() {
                break;
            }
            if let Some(notice) = notice {
                self.on_notice(notice).await?;
            }
            if let Some(result) = result {
                self.on_local(result).await?;
            }
        }
        Ok(())
    }

    /// Starts to follow the log of the account of this replica, if it has one.
    async fn open_mailbox(&mut self) -> Result<(), ClientError> {
        let (own, checkpoint, known) = self
            .manager
            .store
            .with(|replica| Ok((replica.own_user()?, replica.checkpoint()?, replica.user_ids()?)))
            .await?;
        self.question = None;
        self.manager.standing.send_replace(Standing::Behind);
        self.mailbox = own.map(|own| Mailbox {
            own_id: own.id,
            sequencer: self.sequencer(checkpoint.pts),
            known,
            date: checkpoint.date,
        });
        Ok(())
    }

    fn sequencer(&self, pts: i32) -> Sequencer<Update> {
        let checkpoint = updates::Checkpoint::at(pts);
        Sequencer::new(self.manager.clock.now(), checkpoint, &Limits::default())
    }

    // --- what comes in ---

    async fn on_notice(&mut self, notice: Notice) -> Result<(), ClientError> {
        let missed = self.manager.overflown.swap(false, Ordering::AcqRel);
        match notice {
            Notice::Ready => {
                if self.question.is_none() {
                    self.updates_lost();
                }
            }
            Notice::UpdatesLost => self.updates_lost(),
            Notice::Pushed(body) => match enums::Updates::from_bytes(body) {
                Ok(updates) => self.on_updates(updates).await?,
                Err(error) => {
                    tracing::warn!(%error, "an update cannot be read");
                    self.updates_lost();
                }
            },
        }
        if missed {
            self.updates_lost();
        }
        Ok(())
    }

    fn updates_lost(&mut self) {
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.sequencer.updates_lost();
        }
    }

    async fn on_updates(&mut self, updates: enums::Updates) -> Result<(), ClientError> {
        let (updates, users, date) = match updates {
            enums::Updates::UpdatesTooLong => {
                self.updates_lost();
                return Ok(());
            }
            enums::Updates::UpdateShort(short) => (vec![short.update], Vec::new(), short.date),
            enums::Updates::Updates(full) => (full.updates, full.users, full.date),
        };
        let Some(mailbox) = &mut self.mailbox else { return Ok(()) };
        mailbox.date = date.max(mailbox.date);
        self.note_users(users);
        for update in updates {
            let counts = position(&update);
            if counts.is_some() && self.manager.lose_push.swap(false, Ordering::AcqRel) {
                let pts = counts.map_or(0, |(pts, _)| pts);
                self.manager.events.send(ClientEvent::PushLost { pts });
                continue;
            }
            if self.knows_people_of(&update).await? {
                self.on_update(update);
            } else {
                // The log's answer names them.
                self.updates_lost();
            }
        }
        Ok(())
    }

    /// Whether the replica can name everybody the update speaks of.
    async fn knows_people_of(&mut self, update: &Update) -> Result<bool, ClientError> {
        let Some(mailbox) = &mut self.mailbox else { return Ok(false) };
        if mailbox.knows_people_of(update) {
            return Ok(true);
        }
        // Calls may have learned of them since.
        mailbox.known = self.manager.store.with(|replica| replica.user_ids()).await?;
        Ok(mailbox.knows_people_of(update))
    }

    fn note_users(&mut self, users: Vec<types::User>) {
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.known.extend(users.iter().map(|user| user.id));
            self.batch.users.extend(users);
        }
    }

    fn on_update(&mut self, update: Update) {
        let Some(mailbox) = &mut self.mailbox else { return };
        let Some((pts, pts_count)) = position(&update) else {
            if let Update::UpdateUserTyping(typing) = update {
                self.manager.events.send(ClientEvent::Typing(typing));
            }
            return;
        };
        let local_pts = mailbox.sequencer.checkpoint().pts;
        let was_caught_up = mailbox.sequencer.is_caught_up();
        mailbox.sequencer.push(self.manager.clock.now(), pts, pts_count, update);
        if was_caught_up && !mailbox.sequencer.is_caught_up() {
            self.gap = Some(ClientEvent::Gap { local_pts, pts, pts_count });
        }
        // At once, so that the next position is measured against this one.
        self.poll_sequencer();
    }

    async fn on_local(&mut self, local: Local) -> Result<(), ClientError> {
        match local {
            Local::SignedIn { done } => {
                self.open_mailbox().await?;
                let _ = done.send(());
            }
            Local::Sent { send, sent } => {
                let Some(mailbox) = &self.mailbox else { return Ok(()) };
                if sent.pts <= mailbox.sequencer.checkpoint().pts {
                    self.batch.settled_sends.push(send.random_id);
                } else {
                    let update = mailbox.sent_update(send, &sent);
                    self.on_update(update);
                }
            }
            Local::Read { affected, .. } if affected.pts_count == 0 => {}
            Local::Read { peer_id, max_id, affected } => {
                self.on_update(Update::UpdateReadHistory(types::UpdateReadHistory {
                    outbox: false,
                    peer: user_peer(peer_id),
                    max_id,
                    still_unread_count: 0,
                    pts: affected.pts,
                    pts_count: affected.pts_count,
                }));
            }
        }
        Ok(())
    }

    fn on_timeout(&mut self) {
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.sequencer.handle_timeout(self.manager.clock.now());
        }
    }

    fn on_answer(&mut self, answer: Answer) {
        self.question = None;
        match answer {
            Answer::Difference { from_pts, answer } => self.on_difference(from_pts, answer),
            Answer::State(answer) => self.on_state(answer),
            Answer::Reloaded { messages } => {
                self.manager.events.send(ClientEvent::HistoryReloaded { messages });
                if let Some(mailbox) = &mut self.mailbox {
                    let _ = mailbox.sequencer.confirm_reset();
                }
            }
        }
    }

    fn on_difference(
        &mut self,
        from_pts: i32,
        answer: Result<enums::updates::Difference, CallError>,
    ) {
        let now = self.manager.clock.now();
        let (difference, users, date) = match answer.map(read_difference) {
            Ok(parts) => parts,
            Err(error) => {
                tracing::warn!(%error, "the server gives no difference");
                if error.is_signed_out() {
                    self.manager.standing.send_replace(Standing::SignedOut);
                    self.manager.events.send(ClientEvent::SignedOut);
                }
                if let Some(mailbox) = &mut self.mailbox {
                    let _ = mailbox.sequencer.question_failed(now);
                }
                return;
            }
        };
        self.note_users(users);
        let Some(mailbox) = &mut self.mailbox else { return };
        mailbox.date = date.unwrap_or_default().max(mailbox.date);
        if let Difference::Full { updates, state } | Difference::Slice { updates, state } =
            &difference
        {
            let (to_pts, updates) = (state.pts, updates.len());
            self.applied.push(ClientEvent::DifferenceApplied { from_pts, to_pts, updates });
        }
        let _ = mailbox.sequencer.provide_difference(now, difference);
    }

    fn on_state(&mut self, answer: Result<types::updates::State, CallError>) {
        let now = self.manager.clock.now();
        let Some(mailbox) = &mut self.mailbox else { return };
        let _ = match answer {
            Ok(state) => mailbox.sequencer.provide_state(now, checkpoint(&state)).map(drop),
            Err(error) => {
                tracing::warn!(%error, "the server does not say where its log ends");
                mailbox.sequencer.question_failed(now)
            }
        };
    }

    // --- what follows ---

    /// Takes what the sequencer hands out: deliveries into the batch, questions to the server.
    fn poll_sequencer(&mut self) {
        while let Some(mailbox) = &mut self.mailbox
            && let Some(event) = mailbox.sequencer.poll_event()
        {
            match event {
                Event::Deliver { updates, checkpoint } => {
                    let date = mailbox.date;
                    self.batch.updates.extend(updates);
                    self.batch.checkpoint = Some(Checkpoint { pts: checkpoint.pts, date });
                }
                Event::GetDifference { from: updates::Checkpoint { pts: from_pts, .. } } => {
                    self.applied.push(ClientEvent::DifferenceRequested { from_pts });
                    let (caller, date) = (self.manager.caller.clone(), mailbox.date);
                    let log_replay_max = self.manager.log_replay_max;
                    self.question = Some(Box::pin(async move {
                        let answer = get_difference(&caller, from_pts, date, log_replay_max).await;
                        Answer::Difference { from_pts, answer }
                    }));
                }
                Event::GetState => {
                    let caller = self.manager.caller.clone();
                    self.question = Some(Box::pin(async move {
                        Answer::State(caller.call(&functions::updates::GetState {}).await)
                    }));
                }
                Event::Reset { to, reason } => self.reset = Some((to.pts, reason)),
            }
        }
    }

    /// Stores what was delivered, starts over where the log demands it, and tells the watchers.
    async fn settle(&mut self) -> Result<(), ClientError> {
        self.poll_sequencer();
        self.flush().await?;
        if let Some((to_pts, reason)) = self.reset.take() {
            self.start_over(to_pts, reason).await?;
            self.poll_sequencer();
        }
        self.publish_standing();
        Ok(())
    }

    /// One transaction for everything that waits.
    async fn flush(&mut self) -> Result<(), ClientError> {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            let checkpoint = batch.checkpoint;
            let reads: Vec<_> = batch.updates.iter().filter_map(read_update).cloned().collect();
            let messages = self.manager.store.with(move |replica| replica.apply(&batch)).await?;
            if let Some(Checkpoint { pts, .. }) = checkpoint {
                self.manager.events.send(ClientEvent::Stored { messages, pts });
            }
            reads.into_iter().for_each(|read| self.manager.events.send(ClientEvent::Read(read)));
        }
        self.applied.drain(..).for_each(|event| self.manager.events.send(event));
        Ok(())
    }

    async fn start_over(&mut self, to_pts: i32, reason: ResetReason) -> Result<(), ClientError> {
        if reason == ResetReason::TooLong {
            let (caller, store) = (self.manager.caller.clone(), self.manager.store.clone());
            let date = self.mailbox.as_ref().map_or(0, |mailbox| mailbox.date);
            self.question = Some(Box::pin(async move {
                let to = Checkpoint { pts: to_pts, date };
                Answer::Reloaded { messages: reload::until_done(&caller, &store, to).await }
            }));
            return Ok(());
        }
        tracing::warn!(to_pts, "the server's log ends before ours: fetching the mailbox anew");
        self.manager.store.with(Replica::clear_mailbox).await?;
        let sequencer = self.sequencer(0);
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.sequencer = sequencer;
        }
        Ok(())
    }

    fn publish_standing(&mut self) {
        let is_caught_up = |mailbox: &Mailbox| mailbox.sequencer.is_caught_up();
        if let Some(gap) = self.gap.take()
            && !self.mailbox.as_ref().is_some_and(is_caught_up)
        {
            self.manager.events.send(gap);
        }
        let before = *self.manager.standing.borrow();
        let standing = match &self.mailbox {
            Some(mailbox) if self.question.is_none() && is_caught_up(mailbox) => Standing::CaughtUp,
            Some(_) if before == Standing::SignedOut => Standing::SignedOut,
            _ => Standing::Behind,
        };
        if before == standing {
            return;
        }
        self.manager.standing.send_replace(standing);
        if let (Standing::CaughtUp, Some(mailbox)) = (standing, &self.mailbox) {
            let pts = mailbox.sequencer.checkpoint().pts;
            self.manager.events.send(ClientEvent::InStep { pts });
        }
    }
}

impl Mailbox {
    /// The update that our own call made, as the server logged it.
    fn sent_update(&self, send: PendingSend, sent: &types::messages::SentMessage) -> Update {
        Update::UpdateMessageSent(types::UpdateMessageSent {
            message: types::Message {
                out: true,
                id: sent.id,
                from_id: self.own_id,
                peer_id: user_peer(send.peer_id),
                date: sent.date,
                message: send.text,
                media: None,
                action: None,
                edit_date: None,
            },
            random_id: send.random_id,
            pts: sent.pts,
            pts_count: sent.pts_count,
        })
    }

    fn knows_people_of(&self, update: &Update) -> bool {
        let knows = |id: i64| id < 0 || id == self.own_id || self.known.contains(&id);
        match update {
            Update::UpdateNewMessage(new) => {
                knows(new.message.from_id) && knows(dialog_id(&new.message.peer_id))
            }
            Update::UpdateMessageSent(sent) => knows(dialog_id(&sent.message.peer_id)),
            Update::UpdateReadHistory(read) => knows(dialog_id(&read.peer)),
            _ => true,
        }
    }
}

/// Where an update stands in the log; `None` for those that are not logged.
fn position(update: &Update) -> Option<(i32, i32)> {
    match update {
        Update::UpdateNewMessage(new) => Some((new.pts, new.pts_count)),
        Update::UpdateMessageSent(sent) => Some((sent.pts, sent.pts_count)),
        Update::UpdateReadHistory(read) => Some((read.pts, read.pts_count)),
        Update::UpdateEditMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateDeleteMessages(it) => Some((it.pts, it.pts_count)),
        Update::UpdateDraftMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateChat(it) => Some((it.pts, it.pts_count)),
        Update::UpdateUserTyping(_)
        | Update::UpdateChatUserTyping(_)
        | Update::UpdateUserStatus(_)
        | Update::UpdateOfChat(_) => None,
    }
}

fn user_peer(user_id: i64) -> enums::Peer {
    enums::Peer::PeerUser(types::PeerUser { user_id })
}

fn read_update(update: &Update) -> Option<&types::UpdateReadHistory> {
    match update {
        Update::UpdateReadHistory(read) => Some(read),
        _ => None,
    }
}

async fn wait_for(question: &mut Option<Question>) -> Answer {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
    }
}

/// Asks for the log after `from_pts`. A server that does not know that position any more is
/// asked where its log ends.
async fn get_difference(
    caller: &Caller,
    from_pts: i32,
    date: i32,
    log_replay_max: Option<i32>,
) -> Result<enums::updates::Difference, CallError> {
    let request = functions::updates::GetDifference {
        pts: from_pts,
        pts_limit: None,
        pts_total_limit: log_replay_max,
        date,
        qts: 0,
        qts_limit: None,
    };
    match caller.call(&request).await {
        Err(CallError::Rpc(error)) if error.message == "PERSISTENT_TIMESTAMP_INVALID" => {
            let state = caller.call(&functions::updates::GetState {}).await?;
            Ok(enums::updates::Difference::Difference(types::updates::Difference {
                updates: Vec::new(),
                users: Vec::new(),
                chats: Vec::new(),
                state,
            }))
        }
        answer => answer,
    }
}

fn checkpoint(state: &types::updates::State) -> updates::Checkpoint {
    let types::updates::State { pts, qts, date, seq, .. } = *state;
    updates::Checkpoint { pts, qts, date, seq }
}

/// The answer as the sequencer takes it, the users it names, and the server's clock.
fn read_difference(
    answer: enums::updates::Difference,
) -> (Difference<Update>, Vec<types::User>, Option<i32>) {
    use enums::updates::Difference as Wire;
    match answer {
        Wire::DifferenceEmpty(empty) => {
            let (date, seq) = (empty.date, empty.seq);
            (Difference::Empty { date, seq }, Vec::new(), Some(date))
        }
        Wire::Difference(full) => {
            let state = checkpoint(&full.state);
            (Difference::Full { updates: full.updates, state }, full.users, Some(state.date))
        }
        Wire::DifferenceSlice(slice) => {
            let state = checkpoint(&slice.intermediate_state);
            (Difference::Slice { updates: slice.updates, state }, slice.users, Some(state.date))
        }
        Wire::DifferenceTooLong(too_long) => {
            (Difference::TooLong { pts: too_long.pts }, Vec::new(), None)
        }
    }
}
