//! What changed in the replica, for a user interface that shows it.

use crate::event::ClientEvent;
use crate::replica::{Batch, dialog_id};
use odnix_tl::odnix::enums::Update;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::broadcast;

/// Something a user interface shows has changed, and is stored: read it from the replica.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A dialog: its messages, read positions, draft, or what waits to be sent.
    Dialog {
        /// A user, or a group with a minus.
        peer_id: i64,
        /// Messages that are new, edited or gone; those that wait have no id yet.
        messages: Vec<i64>,
    },
    /// Users or groups: their names, who is a member.
    People,
    /// More than fits here, or more than was read in time: read everything again.
    Everything,
    /// Calls leave from now on, or do so no longer.
    Connected(bool),
    /// The replica holds everything the server has told of, or may not.
    InStep(bool),
    /// The server knows no account for this device: the user has to sign in.
    SignedOut,
}

/// Changes from the moment of [`Client::changes`](crate::Client::changes) on. At most 1024 wait;
/// whoever is slower is told to read everything again.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Change>);

impl Changes {
    pub(crate) fn new(receiver: broadcast::Receiver<Change>) -> Self {
        Self(receiver)
    }

    /// Waits for the next change; `None` once the client is gone.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                // What else waits is part of everything.
                self.0 = self.0.resubscribe();
                Some(Change::Everything)
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Change {
    /// What a watcher of changes hears of an event.
    pub(crate) fn of_event(event: &ClientEvent) -> Option<Self> {
        match event {
            ClientEvent::Connected { .. } => Some(Self::Connected(true)),
            ClientEvent::Disconnected { .. } | ClientEvent::Paused => Some(Self::Connected(false)),
            ClientEvent::InStep { .. } => Some(Self::InStep(true)),
            ClientEvent::SignedOut => Some(Self::SignedOut),
            _ => None,
        }
    }

    /// What a stored batch has changed.
    pub(crate) fn of_batch(batch: &Batch) -> Vec<Self> {
        let Batch { clear, dropped_chats, drafts, keep_dialogs, .. } = batch;
        if *clear || !dropped_chats.is_empty() || drafts.is_some() || keep_dialogs.is_some() {
            return vec![Self::Everything];
        }
        let mut dialogs: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for page in &batch.pages {
            let ids = page.messages.iter().map(|message| message.id);
            dialogs.entry(page.peer_id).or_default().extend(ids);
        }
        for dialog in &batch.dialogs {
            dialogs.entry(dialog_id(&dialog.peer)).or_default();
        }
        for update in &batch.updates {
            if let Some((peer_id, ids)) = touched(update) {
                dialogs.entry(peer_id).or_default().extend(ids);
            }
        }
        let people = !batch.users.is_empty() || !batch.chats.is_empty();
        let people = people.then_some(Self::People);
        let dialogs = dialogs.into_iter().map(|(peer_id, messages)| Self::Dialog {
            peer_id,
            messages: messages.into_iter().collect(),
        });
        people.into_iter().chain(dialogs).collect()
    }
}

fn touched(update: &Update) -> Option<(i64, Vec<i64>)> {
    Some(match update {
        Update::UpdateNewMessage(it) => (dialog_id(&it.message.peer_id), vec![it.message.id]),
        Update::UpdateMessageSent(it) => (dialog_id(&it.message.peer_id), vec![it.message.id]),
        Update::UpdateEditMessage(it) => (dialog_id(&it.message.peer_id), vec![it.message.id]),
        Update::UpdateDeleteMessages(it) => (dialog_id(&it.peer), it.messages.clone()),
        Update::UpdateReadHistory(it) => (dialog_id(&it.peer), Vec::new()),
        Update::UpdateDraftMessage(it) => (dialog_id(&it.peer), Vec::new()),
        Update::UpdateOfChat(it) => return touched(&it.update),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_is_too_slow_is_told_once_to_read_everything() {
        let sender = broadcast::Sender::new(4);
        let mut changes = Changes::new(sender.subscribe());
        for peer_id in 0..10 {
            let _ = sender.send(Change::Dialog { peer_id, messages: Vec::new() });
        }
        assert_eq!(changes.next().await, Some(Change::Everything));
        let _ = sender.send(Change::People);
        assert_eq!(changes.next().await, Some(Change::People));
        drop(sender);
        assert_eq!(changes.next().await, None);
    }
}
