//! The update manager: runs the [`SyncMachine`] and the [`Outbox`] against the server and the
//! replica.
//!
//! ```text
//! driver: pushed updates ──┐
//! client: sends, results ──┼──> SyncMachine, Outbox ──> batches ──> replica ──> events
//! server: answers ─────────┘        │
//!                 ^─────────────────┘ questions, sends
//! ```
//!
//! It decides nothing itself. Everything that waits when it gets its turn is taken in before
//! the replica is written, so that it shares a transaction.

use crate::caller::{Caller, input_peer_of};
use crate::change::Change;
use crate::client::Sent;
use crate::driver::Notice;
use crate::driver::clock::Clock;
use crate::error::{CallError, ClientError};
use crate::event::{ClientEvent, Events};
use crate::replica::{Batch, PendingSend, ReplicaError};
use crate::store::Store;
use crate::sync::{
    Answer, Failure, Local, Mailbox, Options, Outbox, Question, QuestionId, Standing, SyncMachine,
    Verdict,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use odnix_proto::Instant;
use odnix_tl::odnix::{enums, functions, types};
use odnix_tl::{Decode as _, Function};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot, watch};

/// Notices taken before the replica is written.
const TURN_NOTICES_MAX: usize = 256;

/// What the client wants of its manager.
#[derive(Debug)]
pub(crate) enum Command {
    /// The account has changed or signed in again; answered once its log is followed.
    SignedIn { done: oneshot::Sender<()> },
    /// A call of ours has moved a mailbox.
    Local(Local),
    /// The replica can name these users now.
    Known(Vec<i64>),
    /// A message that is noted in the replica. `done` hears what became of it.
    Send { send: PendingSend, done: Option<Reply<Sent>> },
    /// Answered once what earlier runs left is sent, with how many messages that were.
    SendLeftOver { done: Reply<usize> },
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, CallError>>;

pub(crate) struct UpdateManager {
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) caller: Caller,
    pub(crate) clock: Clock,
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) overflown: Arc<AtomicBool>,
    pub(crate) lose_push: Arc<AtomicBool>,
    pub(crate) log_replay_max: Option<i32>,
    pub(crate) left_over: Vec<PendingSend>,
    pub(crate) sends_max: usize,
}

type Calling = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What a call of the manager's own brought.
enum Outcome {
    Answer(QuestionId, Result<Answer, CallError>),
    Sent(PendingSend, Result<types::messages::SentMessage, CallError>),
}

struct Running {
    manager: UpdateManager,
    /// `None` until somebody is signed in.
    machine: Option<SyncMachine>,
    outbox: Outbox,
    calls: FuturesUnordered<Calling>,
    /// Who waits for what becomes of a message.
    waiting: BTreeMap<i64, Reply<Sent>>,
    left_over: LeftOver,
    /// Answers to be given once what they speak of is stored.
    replies: Vec<(Reply<Sent>, Result<Sent, CallError>)>,
}

/// What earlier runs left to be sent.
#[derive(Default)]
struct LeftOver {
    waiting: BTreeSet<i64>,
    sent: usize,
    asking: Vec<Reply<usize>>,
}

impl UpdateManager {
    /// Runs until the client is gone, then stores what is left.
    pub(crate) async fn run(
        mut self,
        notices: mpsc::Receiver<Notice>,
        commands: mpsc::Receiver<Command>,
    ) -> Result<(), ClientError> {
        let left_over = std::mem::take(&mut self.left_over);
        let mut outbox = Outbox::new(self.sends_max.max(left_over.len()));
        let waiting = left_over.iter().map(|send| send.random_id).collect();
        for send in left_over {
            // There is room for all of them.
            let _ = outbox.push(send);
        }
        let mut running = Running {
            manager: self,
            machine: None,
            outbox,
            calls: FuturesUnordered::new(),
            waiting: BTreeMap::new(),
            left_over: LeftOver { waiting, ..LeftOver::default() },
            replies: Vec::new(),
        };
        running.open_mailboxes().await?;
        running.run(notices, commands).await
    }
}

impl Running {
    async fn run(
        &mut self,
        mut notices: mpsc::Receiver<Notice>,
        mut commands: mpsc::Receiver<Command>,
    ) -> Result<(), ClientError> {
        loop {
            self.settle().await?;
            let deadline = self.poll_timeout();
            tokio::select! {
                Some(notice) = notices.recv() => self.on_notice(notice),
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command).await?,
                    None => break,
                },
                Some(outcome) = self.calls.next() => self.on_outcome(outcome).await?,
                () = self.manager.clock.sleep_until(deadline) => self.on_timeout(),
            }
            self.take_waiting(&mut notices, &mut commands).await?;
        }
        while let Ok(notice) = notices.try_recv() {
            self.on_notice(notice);
        }
        self.store_batches().await
    }

    /// Takes in what else has arrived, so that it shares a transaction.
    async fn take_waiting(
        &mut self,
        notices: &mut mpsc::Receiver<Notice>,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), ClientError> {
        for _ in 0..TURN_NOTICES_MAX {
            let notice = notices.try_recv().ok();
            let command = commands.try_recv().ok();
            if notice.is_none() && command.is_none() {
                break;
            }
            if let Some(notice) = notice {
                self.on_notice(notice);
            }
            if let Some(command) = command {
                self.on_command(command).await?;
            }
        }
        Ok(())
    }

    /// Starts to follow the logs of the account of this replica, if it has one.
    async fn open_mailboxes(&mut self) -> Result<(), ClientError> {
        let resumed = self.manager.store.with(|replica| replica.resume()).await?;
        let options = Options { log_replay_max: self.manager.log_replay_max, ..Options::default() };
        let now = self.manager.clock.now();
        self.machine = resumed.map(|resumed| SyncMachine::new(now, resumed, options));
        self.manager.standing.send_replace(Standing::Behind);
        Ok(())
    }

    // --- what comes in ---

    fn on_notice(&mut self, notice: Notice) {
        let missed = self.manager.overflown.swap(false, Ordering::AcqRel);
        let now = self.manager.clock.now();
        let Some(machine) = &mut self.machine else { return };
        match notice {
            Notice::Ready => machine.ready(now),
            Notice::UpdatesLost => machine.updates_lost(now),
            Notice::Pushed(body) => match enums::Updates::from_bytes(body) {
                Ok(updates) => {
                    if self.manager.lose_push.load(Ordering::Acquire)
                        && !matches!(updates, enums::Updates::UpdatesTooLong)
                    {
                        self.manager.lose_push.store(false, Ordering::Release);
                        machine.lose_next_push();
                    }
                    machine.handle_updates(now, updates);
                }
                Err(error) => {
                    tracing::warn!(%error, "an update cannot be read");
                    machine.updates_lost(now);
                }
            },
        }
        if missed {
            machine.updates_lost(now);
        }
    }

    async fn on_command(&mut self, command: Command) -> Result<(), ClientError> {
        match command {
            Command::SignedIn { done } => {
                self.store_batches().await?;
                self.open_mailboxes().await?;
                self.outbox.resume();
                let _ = done.send(());
            }
            Command::Local(local) => {
                let now = self.manager.clock.now();
                if let Some(machine) = &mut self.machine {
                    machine.handle_local(now, local);
                }
            }
            Command::Known(ids) => {
                if let Some(machine) = &mut self.machine {
                    machine.know(ids);
                }
            }
            Command::Send { send, done } => self.on_send(send, done).await?,
            Command::SendLeftOver { done } => {
                self.left_over.asking.push(done);
                self.outbox.resume();
                self.left_over.settle();
            }
        }
        Ok(())
    }

    async fn on_send(
        &mut self,
        send: PendingSend,
        done: Option<Reply<Sent>>,
    ) -> Result<(), ClientError> {
        let random_id = send.random_id;
        if let Err(full) = self.outbox.push(send) {
            self.manager.store.with(move |replica| replica.abandon_send(random_id)).await?;
            if let Some(done) = done {
                let _ = done.send(Err(CallError::QueueFull(full)));
            }
            return Ok(());
        }
        if let Some(done) = done {
            self.outbox.resume();
            self.waiting.insert(random_id, done);
        }
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let machine = self.machine.as_ref().and_then(SyncMachine::poll_timeout);
        machine.into_iter().chain(self.outbox.poll_timeout()).min()
    }

    fn on_timeout(&mut self) {
        let now = self.manager.clock.now();
        self.outbox.handle_timeout(now);
        if let Some(machine) = &mut self.machine {
            machine.handle_timeout(now);
        }
    }

    async fn on_outcome(&mut self, outcome: Outcome) -> Result<(), ClientError> {
        match outcome {
            Outcome::Answer(id, answer) => {
                let now = self.manager.clock.now();
                if let Some(machine) = &mut self.machine {
                    machine.handle_answer(now, id, answer.as_ref().map_err(Failure::from).cloned());
                }
                Ok(())
            }
            Outcome::Sent(send, outcome) => self.on_sent(send, outcome).await,
        }
    }

    async fn on_sent(
        &mut self,
        send: PendingSend,
        outcome: Result<types::messages::SentMessage, CallError>,
    ) -> Result<(), ClientError> {
        let now = self.manager.clock.now();
        let random_id = send.random_id;
        let failure = outcome.as_ref().err().map(Failure::from);
        let told = failure.as_ref().map_or(Ok(()), Err);
        let verdict = self.outbox.handle_outcome(now, &send, told);
        let waits_for_server = failure.as_ref().is_some_and(|it| it.flood_wait().is_some());
        match (verdict, outcome) {
            (Verdict::Sent, Ok(sent)) => {
                if let Some(machine) = &mut self.machine {
                    machine.handle_local(now, Local::Sent { send, sent: sent.clone() });
                }
                self.manager.events.send(ClientEvent::SendDone { random_id, id: sent.id });
                self.reply(random_id, Ok(Sent { id: sent.id, date: sent.date, pts: sent.pts }));
                self.left_over.sent(random_id);
            }
            (Verdict::Refused, Err(error)) => {
                self.refused(random_id, &error).await?;
                let changed = Change::Dialog { peer_id: send.peer_id, messages: Vec::new() };
                self.manager.events.changed(changed);
                self.reply(random_id, Err(error));
                self.left_over.refused(random_id);
            }
            (_, Err(error)) if !waits_for_server => {
                if self.left_over.waiting.contains(&random_id) {
                    self.left_over.failed(&error);
                }
                self.reply(random_id, Err(error));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whoever waits hears of it and has to decide; else the row tells.
    async fn refused(&mut self, random_id: i64, error: &CallError) -> Result<(), ClientError> {
        let reason = error.to_string();
        tracing::warn!(%error, "a message was refused");
        let is_awaited = self.waiting.contains_key(&random_id);
        let noted = reason.clone();
        self.manager
            .store
            .with(move |replica| match is_awaited {
                true => replica.abandon_send(random_id),
                false => replica.fail_send(random_id, &noted),
            })
            .await?;
        self.manager.events.send(ClientEvent::SendFailed { random_id, reason });
        Ok(())
    }

    fn reply(&mut self, random_id: i64, outcome: Result<Sent, CallError>) {
        if let Some(done) = self.waiting.remove(&random_id) {
            self.replies.push((done, outcome));
        }
    }

    // --- what follows ---

    /// Stores what was delivered, tells the watchers, and asks what is to be asked.
    async fn settle(&mut self) -> Result<(), ClientError> {
        self.store_batches().await?;
        self.send_doubted_again().await?;
        for (done, outcome) in self.replies.drain(..) {
            let _ = done.send(outcome);
        }
        if let Some(machine) = &mut self.machine {
            while let Some(event) = machine.poll_event() {
                self.manager.events.send(event);
            }
            let standing = machine.standing();
            self.manager
                .standing
                .send_if_modified(|it| std::mem::replace(it, standing) != standing);
            while let Some((id, question)) = machine.poll_question() {
                self.calls.push(ask(self.manager.caller.clone(), id, question));
            }
        }
        while let Some(send) = self.outbox.poll_send() {
            let (caller, store) = (self.manager.caller.clone(), self.manager.store.clone());
            self.calls.push(Box::pin(async move {
                let outcome = send_message(&caller, &store, &send).await;
                Outcome::Sent(send, outcome)
            }));
        }
        Ok(())
    }

    /// A server that was restored from an older state may lack what it has acknowledged.
    async fn send_doubted_again(&mut self) -> Result<(), ClientError> {
        if !self.machine.as_mut().is_some_and(SyncMachine::take_sends_doubted) {
            return Ok(());
        }
        for send in self.manager.store.with(|replica| replica.pending_sends()).await? {
            if !self.outbox.holds(&send) {
                // What finds no room is sent when the program starts again.
                let _ = self.outbox.push(send);
            }
        }
        Ok(())
    }

    async fn store_batches(&mut self) -> Result<(), ClientError> {
        let Some(machine) = &mut self.machine else { return Ok(()) };
        let batches: Vec<Batch> = std::iter::from_fn(|| machine.take_batch()).collect();
        if batches.is_empty() {
            return Ok(());
        }
        let changes: Vec<Change> = batches.iter().flat_map(Change::of_batch).collect();
        let moved =
            batches.iter().any(|it| it.checkpoint.is_some() || !it.chat_checkpoints.is_empty());
        let stored = self.manager.store.with(move |replica| {
            batches.iter().try_fold(0, |messages, batch| {
                Ok::<_, ReplicaError>(messages + replica.apply(batch)?)
            })
        });
        let messages = stored.await?;
        changes.into_iter().for_each(|change| self.manager.events.changed(change));
        if moved {
            let pts = machine.checkpoint(Mailbox::Own).unwrap_or_default();
            self.manager.events.send(ClientEvent::Stored { messages, pts });
        }
        Ok(())
    }
}

impl LeftOver {
    fn sent(&mut self, random_id: i64) {
        if self.waiting.remove(&random_id) {
            self.sent += 1;
            self.settle();
        }
    }

    fn refused(&mut self, random_id: i64) {
        self.waiting.remove(&random_id);
        self.settle();
    }

    fn failed(&mut self, error: &CallError) {
        for done in self.asking.drain(..) {
            let _ = done.send(Err(error.clone()));
        }
    }

    fn settle(&mut self) {
        if !self.waiting.is_empty() || self.asking.is_empty() {
            return;
        }
        let sent = std::mem::take(&mut self.sent);
        for done in self.asking.drain(..) {
            let _ = done.send(Ok(sent));
        }
    }
}

fn ask(caller: Caller, id: QuestionId, question: Question) -> Calling {
    async fn call<F: Function>(
        caller: &Caller,
        function: &F,
        answer: impl Fn(F::Return) -> Answer,
    ) -> Result<Answer, CallError> {
        caller.call(function).await.map(answer)
    }
    Box::pin(async move {
        let caller = &caller;
        let answer = match &question {
            Question::GetDifference(it) => call(caller, it, Answer::Difference).await,
            Question::GetChatDifference(it) => call(caller, it, Answer::Difference).await,
            Question::GetState(it) => call(caller, it, Answer::State).await,
            Question::GetDialogs(it) => call(caller, it, Answer::Dialogs).await,
            Question::GetHistory(it) => call(caller, it, Answer::History).await,
            Question::GetDrafts(it) => call(caller, it, Answer::Drafts).await,
        };
        Outcome::Answer(id, answer)
    })
}

async fn send_message(
    caller: &Caller,
    store: &Store,
    send: &PendingSend,
) -> Result<types::messages::SentMessage, CallError> {
    let peer = input_peer_of(store, send.peer_id).await?;
    let request = functions::messages::SendMessage {
        peer,
        message: send.text.clone(),
        random_id: send.random_id,
        media: None,
    };
    caller.start(&request).await?.await
}
