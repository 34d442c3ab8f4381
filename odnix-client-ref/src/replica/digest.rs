//! One number for the content of a mailbox, equal on every replica and in the server's log.
//!
//! The canonical form is the ASCII line `odnix-replica-digest-2\n`, then one record for each
//! message by rising id, one for each dialog with messages that has been read, and one for each
//! draft, both by rising peer; integers are little-endian, each text is preceded by its length
//! in bytes as `u64`, and what may be absent by a byte that is 0 or 1:
//!
//! ```text
//! 'M' id:i64 peer:i64 from:i64 date:i32 out:u8 text [media] [action] [edit_date:i32]
//! 'R' peer:i64 read_inbox_max_id:i64 read_outbox_max_id:i64
//! 'D' peer:i64 date:i32 text
//! ```
//!
//! `peer` is the id of a user, or that of a group with a minus; `action` is the JSON form of a
//! `MessageAction`.
//!
//! The digest is the SHA-256 of that. [`Replica::digest`](super::Replica::digest) reads the
//! rows from SQLite; [`MailboxModel`] builds them from the updates of a log, and is what a
//! server's log is compared with.
//!
//! ```
//! use odnix_client_ref::replica::MailboxModel;
//! use odnix_tl::odnix::{enums::{Peer, Update}, types};
//!
//! let message = types::Message {
//!     out: false,
//!     id: 7,
//!     from_id: 1,
//!     peer_id: Peer::PeerUser(types::PeerUser { user_id: 1 }),
//!     date: 1_700_000_000,
//!     message: "hello".into(),
//!     media: None,
//!     action: None,
//!     edit_date: None,
//! };
//! let update = Update::UpdateNewMessage(types::UpdateNewMessage { message, pts: 1, pts_count: 1 });
//! let mut mailbox = MailboxModel::default();
//! mailbox.apply(&update);
//! let once = mailbox.digest();
//! mailbox.apply(&update);
//! assert_eq!(mailbox.digest(), once, "an update counts once");
//! ```

use odnix_tl::odnix::{
    enums::{DraftMessage, Peer, Update},
    types,
};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// SHA-256 over the canonical form of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The 32 bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The name of a dialog in a replica: the id of a user, or that of a group with a minus.
pub fn dialog_id(peer: &Peer) -> i64 {
    match peer {
        Peer::PeerUser(it) => it.user_id,
        Peer::PeerChat(it) => it.chat_id.saturating_neg(),
    }
}

/// A message as one mailbox sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Unique on the server.
    pub id: i64,
    /// The other side of the dialog.
    pub peer_id: i64,
    /// The author.
    pub from_id: i64,
    /// Whether the owner of the mailbox is the author.
    pub out: bool,
    /// When the server committed it, Unix seconds.
    pub date: i32,
    /// The text.
    pub text: String,
    /// A JSON reference to stored media.
    pub media: Option<String>,
    /// The change of a group that this message stands for, as JSON.
    pub action: Option<String>,
    /// When its author last changed it, Unix seconds.
    pub edit_date: Option<i32>,
}

impl From<&types::Message> for MessageRow {
    fn from(message: &types::Message) -> Self {
        Self {
            id: message.id,
            peer_id: dialog_id(&message.peer_id),
            from_id: message.from_id,
            out: message.out,
            date: message.date,
            text: message.message.clone(),
            media: message.media.as_ref().map(|media| media.data.clone()),
            action: message.action.as_ref().and_then(|it| serde_json::to_string(it).ok()),
            edit_date: message.edit_date,
        }
    }
}

/// How far a dialog has been read, as the highest message id; 0 for not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadPositions {
    /// By the owner of the mailbox.
    pub inbox_max_id: i64,
    /// By the peer.
    pub outbox_max_id: i64,
}

impl ReadPositions {
    /// Moves forward as the update says; read positions never move back.
    pub(crate) fn advance(&mut self, update: &types::UpdateReadHistory) {
        let position = if update.outbox { &mut self.outbox_max_id } else { &mut self.inbox_max_id };
        *position = update.max_id.max(*position);
    }
}

/// A mailbox in memory, built from nothing but the updates of its log.
#[derive(Clone, Debug, Default)]
pub struct MailboxModel {
    messages: BTreeMap<i64, MessageRow>,
    read: BTreeMap<i64, ReadPositions>,
    drafts: BTreeMap<i64, (String, i32)>,
}

impl MailboxModel {
    /// Takes in one update; the second application of the same one changes nothing.
    pub fn apply(&mut self, update: &Update) {
        match update {
            Update::UpdateNewMessage(new) => self.insert(&new.message),
            Update::UpdateMessageSent(sent) => self.insert(&sent.message),
            Update::UpdateReadHistory(read) => {
                self.read.entry(dialog_id(&read.peer)).or_default().advance(read);
            }
            Update::UpdateEditMessage(edit) => {
                if let Some(row) = self.messages.get_mut(&edit.message.id) {
                    *row = MessageRow::from(&edit.message);
                }
            }
            Update::UpdateDeleteMessages(deleted) => {
                deleted.messages.iter().for_each(|id| drop(self.messages.remove(id)));
            }
            Update::UpdateDraftMessage(it) => {
                let peer = dialog_id(&it.peer);
                match &it.draft {
                    DraftMessage::DraftMessage(draft) => {
                        self.drafts.insert(peer, (draft.message.clone(), draft.date));
                    }
                    DraftMessage::DraftMessageEmpty(_) => drop(self.drafts.remove(&peer)),
                }
            }
            Update::UpdateOfChat(it) => self.apply(&it.update),
            Update::UpdateChat(_)
            | Update::UpdateUserTyping(_)
            | Update::UpdateChatUserTyping(_)
            | Update::UpdateUserStatus(_) => {}
        }
    }

    /// Takes in the log of a large group, as one member sees it.
    pub fn apply_chat_log<'a>(&mut self, own_id: i64, log: impl IntoIterator<Item = &'a Update>) {
        for update in log {
            let mut update = update.clone();
            if let Update::UpdateNewMessage(types::UpdateNewMessage { message, .. })
            | Update::UpdateEditMessage(types::UpdateEditMessage { message, .. }) = &mut update
            {
                message.out = message.from_id == own_id;
            }
            self.apply(&update);
        }
    }

    /// Drops a dialog, as whoever leaves a large group does.
    pub fn forget_dialog(&mut self, peer_id: i64) {
        self.messages.retain(|_, row| row.peer_id != peer_id);
        self.read.remove(&peer_id);
    }

    fn insert(&mut self, message: &types::Message) {
        self.messages.entry(message.id).or_insert_with(|| MessageRow::from(message));
    }

    /// The messages, by rising id.
    pub fn messages(&self) -> impl Iterator<Item = &MessageRow> {
        self.messages.values()
    }

    /// The digest of what has been applied so far.
    pub fn digest(&self) -> Digest {
        let mut hasher = CanonicalHasher::default();
        self.messages.values().for_each(|row| hasher.message(row));
        let peers: BTreeSet<i64> = self.messages.values().map(|row| row.peer_id).collect();
        let read = self.read.iter().filter(|(peer, _)| peers.contains(peer));
        read.for_each(|(peer, positions)| hasher.read(*peer, *positions));
        self.drafts.iter().for_each(|(peer, (text, date))| hasher.draft(*peer, *date, text));
        hasher.finish()
    }
}

/// Hashes rows given in canonical order.
pub(crate) struct CanonicalHasher(Sha256);

impl Default for CanonicalHasher {
    fn default() -> Self {
        Self(Sha256::new_with_prefix(b"odnix-replica-digest-2\n"))
    }
}

impl CanonicalHasher {
    pub(crate) fn message(&mut self, row: &MessageRow) {
        self.0.update(b"M");
        for number in [row.id, row.peer_id, row.from_id] {
            self.0.update(number.to_le_bytes());
        }
        self.0.update(row.date.to_le_bytes());
        self.0.update([u8::from(row.out)]);
        self.text(&row.text);
        for text in [&row.media, &row.action] {
            self.0.update([u8::from(text.is_some())]);
            if let Some(text) = text {
                self.text(text);
            }
        }
        self.0.update([u8::from(row.edit_date.is_some())]);
        if let Some(date) = row.edit_date {
            self.0.update(date.to_le_bytes());
        }
    }

    pub(crate) fn draft(&mut self, peer_id: i64, date: i32, text: &str) {
        self.0.update(b"D");
        self.0.update(peer_id.to_le_bytes());
        self.0.update(date.to_le_bytes());
        self.text(text);
    }

    pub(crate) fn read(&mut self, peer_id: i64, positions: ReadPositions) {
        if positions == ReadPositions::default() {
            return;
        }
        self.0.update(b"R");
        for number in [peer_id, positions.inbox_max_id, positions.outbox_max_id] {
            self.0.update(number.to_le_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}
