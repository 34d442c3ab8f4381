//! `listen`: follows the mailbox until interrupted. It reads the messages from the replica, in
//! the order of their arrival there; events only say when to look.

use super::commands::send_pending;
use super::output::{Named, Output, message_json, message_line, one_line};
use super::{ATTEMPTS_MAX, Common, Listen};
use odnix_client_ref::replica::{Replica, ReplicaError, dialog_id};
use odnix_client_ref::{CallError, Client, ClientEvent, Patience};
use odnix_tl::odnix::enums::SendMessageAction;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

/// Messages read from the replica at once.
const PAGE: u32 = 256;

impl Listen {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let client = common.open(Patience::FirstAttempts(ATTEMPTS_MAX)).await?;
        client.own_user().await?;
        let listening = async {
            let mut follower = Follower::start(&client, self.count).await?;
            follower.run(output).await
        };
        let outcome = tokio::select! {
            outcome = listening => outcome,
            () = interrupted() => Ok(()),
        };
        client.shutdown().await;
        outcome
    }
}

/// Ctrl-C, or SIGTERM where that exists.
async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

struct Follower<'a> {
    client: &'a Client,
    events: tokio::sync::broadcast::Receiver<ClientEvent>,
    /// The last message shown.
    arrival: i64,
    /// Messages left to show.
    left: Option<u64>,
}

impl<'a> Follower<'a> {
    async fn start(client: &'a Client, left: Option<u64>) -> anyhow::Result<Self> {
        let events = client.subscribe();
        let arrival = client.replica(|replica| replica.last_arrival()).await?;
        Ok(Self { client, events, arrival, left })
    }

    async fn run(&mut self, output: &mut Output) -> anyhow::Result<()> {
        let client = self.client;
        let stopped = client.stopped();
        tokio::pin!(stopped);
        let mut pending_sent = false;
        while self.left != Some(0) {
            let event = tokio::select! {
                event = self.events.recv() => event,
                reason = &mut stopped => return Err(reason.into()),
            };
            match event {
                Ok(ClientEvent::InStep { pts }) => {
                    self.show_new(output).await?;
                    if self.left == Some(0) {
                        break;
                    }
                    if output.is_json() {
                        output.show("", &json!({ "event": "in_step", "pts": pts }))?;
                    }
                    if !std::mem::replace(&mut pending_sent, true) {
                        send_pending(client, output).await?;
                    }
                }
                Ok(ClientEvent::SignedOut) => {
                    return Err(client
                        .in_step()
                        .await
                        .err()
                        .map_or_else(|| CallError::ShutDown.into(), anyhow::Error::from));
                }
                Ok(ClientEvent::Stored { .. } | ClientEvent::HistoryReloaded { .. })
                | Err(RecvError::Lagged(_)) => self.show_new(output).await?,
                Ok(event) => self.show_event(output, &event).await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Shows what has arrived since the last look.
    async fn show_new(&mut self, output: &mut Output) -> anyhow::Result<()> {
        loop {
            let arrival = self.arrival;
            let rows = self.client.replica(move |replica| named_arrivals(replica, arrival)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for (arrival, message) in rows {
                if self.left == Some(0) {
                    return Ok(());
                }
                self.arrival = arrival;
                self.left = self.left.map(|left| left - 1);
                let mut object = message_json(&message);
                object["event"] = json!("message");
                output.show(&message_line(&message), &object)?;
            }
        }
    }

    async fn show_event(&self, output: &mut Output, event: &ClientEvent) -> anyhow::Result<()> {
        let (text, object) = match event {
            ClientEvent::Connected { address } => {
                let text = format!("connected to {address}");
                (text, json!({ "event": "connected", "server": address.to_string() }))
            }
            ClientEvent::TemporaryKeyBound { key_id, expires_at } => (
                format!("temporary key {key_id}, until {expires_at}"),
                json!({
                    "event": "temporary_key",
                    "key_id": key_id.to_string(),
                    "expires_at": expires_at,
                }),
            ),
            ClientEvent::Disconnected { reason, retry_in } => (
                format!("disconnected: {reason}; next attempt in {:.1} s", retry_in.as_secs_f64()),
                json!({ "event": "disconnected", "reason": reason }),
            ),
            ClientEvent::Read(read) => {
                let peer = self.name(dialog_id(&read.peer)).await?;
                let shown = one_line(&peer);
                let text = if read.outbox {
                    format!("{shown} has read your messages up to {}", read.max_id)
                } else {
                    format!("you have read {shown}'s messages up to {}", read.max_id)
                };
                let object = json!({
                    "event": "read",
                    "peer": peer,
                    "peer_id": dialog_id(&read.peer).to_string(),
                    "outbox": read.outbox,
                    "max_id": read.max_id.to_string(),
                });
                (text, object)
            }
            ClientEvent::Typing(typing) => {
                let peer = self.name(typing.user_id).await?;
                let active = typing.action == SendMessageAction::SendMessageTypingAction;
                let text = if active {
                    format!("{peer} is typing")
                } else {
                    format!("{peer} has stopped typing")
                };
                (text, json!({ "event": "typing", "peer": peer, "typing": active }))
            }
            _ => return Ok(()),
        };
        if output.is_json() {
            output.show("", &object)?;
        } else {
            output.note(&text);
        }
        Ok(())
    }

    async fn name(&self, id: i64) -> Result<String, ReplicaError> {
        self.client.replica(move |replica| replica.name_of(id)).await
    }
}

/// A page of messages after `arrival`, each with its number.
fn named_arrivals(replica: &mut Replica, arrival: i64) -> Result<Vec<(i64, Named)>, ReplicaError> {
    let rows = replica.arrived_after(arrival, PAGE)?;
    rows.into_iter().map(|(arrival, row)| Ok((arrival, Named::new(replica, row)?))).collect()
}
