//! Pairs of users, each with one sender and one receiver: their accounts, and what they do.

use super::{Ledger, Light, Plan, Schedule, Target};
use crate::caller::input_peer;
use crate::client::{Client, Options};
use crate::driver::clock::random_id;
use crate::error::{CallError, ClientError};
use crate::event::ClientEvent;
use odnix_proto::session::CallId;
use odnix_tl::Decode as _;
use odnix_tl::odnix::enums::{self, Update};
use odnix_tl::odnix::functions;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// Accounts made at the same time.
const SET_UP_AT_ONCE: usize = 8;
/// Messages read from a replica at once.
const ROWS: u32 = 10_000;
/// The password of every account of a load; nobody else is to keep anything there.
const PASSWORD: &str = "of a load";

/// What the senders and receivers of a run share.
pub(super) struct Shared {
    pub(super) origin: Instant,
    ledger: Mutex<Ledger>,
}

impl Shared {
    /// The run starts now.
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { origin: Instant::now(), ledger: Mutex::new(ledger) }
    }

    /// Since the start.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Messages leave.
    Running,
    /// Only what was due before this moment still leaves; a sender that has all its answers ends.
    Draining(Duration),
    /// Everyone ends.
    Over,
}

/// The account of a client of a load.
pub fn sign_up(username: &str) -> functions::auth::SignUp {
    functions::auth::SignUp {
        username: username.to_owned(),
        password: PASSWORD.to_owned(),
        first_name: username.to_owned(),
    }
}

/// A message to `peer`.
pub fn message(
    peer: &enums::InputPeer,
    text: String,
    random_id: i64,
) -> functions::messages::SendMessage {
    functions::messages::SendMessage { peer: peer.clone(), message: text, random_id, media: None }
}

/// A text of `bytes` bytes that tells the number of its message.
fn text_of(number: u64, bytes: usize) -> String {
    format!("{:x<bytes$}", format!("{number} "))
}

fn number_of(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

/// A sender and whom it sends to.
pub(super) struct Pair {
    pub(super) sender: Light,
    pub(super) to: enums::InputPeer,
    pub(super) receiver: Receiver,
}

/// Makes the accounts; the pairs come in their order.
pub(super) async fn set_up(
    target: &Target,
    plan: &Plan,
    folder: &Path,
) -> Result<Vec<Pair>, CallError> {
    let no_entropy = || CallError::from(ClientError::Entropy(std::io::Error::other("no entropy")));
    let name = format!("load_{:016x}", random_id().ok_or_else(no_entropy)?);
    let turns = Arc::new(Semaphore::new(SET_UP_AT_ONCE));
    let mut pairs = JoinSet::new();
    for number in 0..plan.pairs {
        let (target, turns) = (target.clone(), Arc::clone(&turns));
        let (sender, receiver) = (format!("{name}_s{number}"), format!("{name}_r{number}"));
        let replica = (number < plan.replicas).then(|| folder.join(&receiver));
        pairs.spawn(async move {
            let _turn = turns.acquire().await;
            let pair = set_up_pair(&target, &sender, &receiver, replica.as_deref()).await?;
            Ok::<_, CallError>((number, pair))
        });
    }
    let mut ready = Vec::new();
    while let Some(pair) = pairs.join_next().await {
        let fault = |error: tokio::task::JoinError| ClientError::Internal(error.to_string());
        ready.push(pair.map_err(fault)??);
    }
    ready.sort_by_key(|(number, _)| *number);
    Ok(ready.into_iter().map(|(_, pair)| pair).collect())
}

async fn set_up_pair(
    target: &Target,
    sender_name: &str,
    receiver_name: &str,
    replica: Option<&Path>,
) -> Result<Pair, CallError> {
    let receiver = match replica {
        Some(folder) => {
            let Target { server, server_key, dc, wire } = target.clone();
            let options = Options { dc, wire, ..Options::new(server, server_key, folder) };
            let client = Client::open(options).await?;
            client.sign_up(receiver_name, PASSWORD, receiver_name).await?;
            Receiver::Whole(client)
        }
        None => {
            let mut light = Light::connect(target).await?;
            light.call(&sign_up(receiver_name)).await?;
            Receiver::Light(Box::new(light))
        }
    };
    let mut sender = Light::connect(target).await?;
    sender.call(&sign_up(sender_name)).await?;
    let find = functions::contacts::ResolveUsername { username: receiver_name.to_owned() };
    let found = sender.call(&find).await?;
    let user = found.users.first();
    let user = user.ok_or_else(|| CallError::Answer(format!("nobody is {receiver_name}")))?;
    Ok(Pair { to: input_peer(user), sender, receiver })
}

/// A sender that runs.
pub(super) struct Sending {
    pub(super) light: Light,
    pub(super) to: enums::InputPeer,
    pub(super) bytes: usize,
    pub(super) schedule: Schedule,
    pub(super) shared: Arc<Shared>,
    pub(super) wake: Arc<Notify>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Sending {
    /// Until all that is due has its answer, or the run or the connection is over. Gives back what
    /// is left to send.
    pub(super) async fn run(mut self) -> Schedule {
        let mut open = HashMap::new();
        loop {
            self.send_due(&mut open);
            let phase = *self.phase.borrow_and_update();
            match phase {
                Phase::Draining(end) => self.schedule.end_at(end),
                Phase::Over => return self.schedule,
                Phase::Running => {}
            }
            let is_done = open.is_empty() && self.schedule.is_over(self.shared.now());
            if is_done && phase != Phase::Running {
                return self.schedule;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                _ = self.phase.changed() => {}
                turned = self.light.turn() => if let Err(lost) = turned {
                    self.shared.ledger().error(&lost_by(&lost));
                    return self.schedule;
                },
            }
            self.take_replies(&mut open);
        }
    }

    fn send_due(&mut self, open: &mut HashMap<CallId, u64>) {
        while let Some(due) = self.schedule.take(self.shared.now(), open.len()) {
            self.shared.ledger().sent(&due);
            let random_id = i64::try_from(due.number).unwrap_or(i64::MAX).saturating_add(1);
            let request = message(&self.to, text_of(due.number, self.bytes), random_id);
            match self.light.begin(&request) {
                Ok(call) => drop(open.insert(call, due.number)),
                Err(error) => self.shared.ledger().refused(due.number, &error.to_string()),
            }
        }
    }

    fn take_replies(&mut self, open: &mut HashMap<CallId, u64>) {
        let now = self.shared.now();
        while let Some((call, result)) = self.light.replies.pop_front() {
            let Some(number) = open.remove(&call) else { continue };
            let mut ledger = self.shared.ledger();
            match result {
                Ok(_) => ledger.acknowledged(number, now),
                Err(error) => ledger.refused(number, &error.to_string()),
            }
        }
    }
}

/// Who waits for the messages of a sender.
pub(super) enum Receiver {
    /// Counts what is pushed.
    Light(Box<Light>),
    /// Keeps a replica, and counts what is in it.
    Whole(Client),
}

impl Receiver {
    /// Until the run or the connection is over.
    pub(super) async fn run(self, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
        let over = async move { drop(phase.wait_for(|phase| *phase == Phase::Over).await) };
        let outcome = match self {
            Self::Light(mut light) => tokio::select! {
                () = over => return,
                outcome = receive(&mut light, &shared) => outcome,
            },
            Self::Whole(client) => {
                let outcome = tokio::select! {
                    () = over => Ok(()),
                    outcome = follow(&client, &shared) => outcome.map_err(|error| error.to_string()),
                };
                client.shutdown().await;
                outcome
            }
        };
        if let Err(error) = outcome {
            shared.ledger().error(&error);
        }
    }
}

/// Why a connection ended, in words that are the same for each of them.
fn lost_by(error: &ClientError) -> String {
    match error {
        ClientError::Unreachable { reason, .. } => format!("a connection is lost: {reason}"),
        other => other.to_string(),
    }
}

async fn receive(light: &mut Light, shared: &Shared) -> Result<(), String> {
    loop {
        light.turn().await.map_err(|error| lost_by(&error))?;
        let now = shared.now();
        while let Some(body) = light.updates.pop_front() {
            let updates = enums::Updates::from_bytes(body);
            let updates = updates.map_err(|error| format!("an update cannot be read: {error}"))?;
            note(updates, shared, now);
        }
    }
}

fn note(updates: enums::Updates, shared: &Shared, now: Duration) {
    let updates = match updates {
        enums::Updates::UpdatesTooLong => {
            return shared.ledger().error("the server drops updates of a slow receiver");
        }
        enums::Updates::UpdateShort(short) => vec![short.update],
        enums::Updates::Updates(full) => full.updates,
    };
    for update in updates {
        let Update::UpdateNewMessage(new) = update else { continue };
        if let Some(number) = number_of(&new.message.message) {
            shared.ledger().received(number, now);
        }
    }
}

/// The client tells of messages once they are committed to its replica.
async fn follow(client: &Client, shared: &Shared) -> Result<(), CallError> {
    let mut events = client.subscribe();
    let mut arrival = 0;
    loop {
        match events.recv().await {
            Ok(ClientEvent::Stored { .. }) | Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return Err(client.stopped().await),
        }
        let now = shared.now();
        let rows = client.replica(move |replica| replica.arrived_after(arrival, ROWS)).await?;
        for (after, row) in rows {
            arrival = after;
            if let Some(number) = number_of(&row.text) {
                shared.ledger().received(number, now);
            }
        }
    }
}
