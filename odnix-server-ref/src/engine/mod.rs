//! The updates engine: gives each event its place in a mailbox.
//!
//! A mailbox is a counter `pts` and the log of what moved it; each user has one, and each large
//! group. An event takes its pts from the [`Mailbox`](odnix_proto::updates::Mailbox), and the
//! mailbox, the log line and whatever caused the event are written in one transaction, so the
//! pts of a mailbox rise without holes in commit order, and a reader who sees pts N sees every
//! line up to N.
//!
//! | event_type | update | in the mailbox of | moves pts by |
//! |---|---|---|---|
//! | `NewMessage` | `updateNewMessage` | each reader, or the large group | 1 |
//! | `MessageSent` | `updateMessageSent` | the author | 1 |
//! | `EditMessage` | `updateEditMessage` | each reader, or the large group | 1 |
//! | `DeleteMessages` | `updateDeleteMessages` | each reader, or the large group | 1 for each message |
//! | `ReadHistory` | `updateReadHistory` | who has read, and in private and small groups each author | 1 |
//! | `DraftMessage` | `updateDraftMessage` | who writes | 1 |
//! | `Chat` | `updateChat` | who joins or leaves a large group | 1 |
//!
//! Typing and presence are ephemeral and never logged. A log keeps its last lines only
//! ([`LOG_POSITIONS_MAX`]); who is further behind is told `updates.differenceTooLong`.

use crate::store::{LogEntry, Peer, StoreError, Tx};
use odnix_proto::updates::{MailboxError, Position};
use odnix_tl::odnix::enums::Update;

/// Positions that the log of a mailbox reaches back.
pub const LOG_POSITIONS_MAX: i32 = 1_000_000;
/// A log is cut when it is longer by this part of its bound, not with each line.
const LOG_SLACK: i32 = 16;

/// An update that has its place in a mailbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Whose mailbox.
    pub owner: Peer,
    /// The mailbox's pts after the update.
    pub pts: i32,
    /// By how much the update moved it.
    pub pts_count: i32,
    /// The update, pts included.
    pub update: Update,
}

/// Takes the next `pts_count` positions of a mailbox and logs the update made from them. The log
/// then reaches back `log_max` positions, or a little more.
///
/// # Errors
/// The store refused, or the mailbox has used up its 2^31 − 1 positions.
pub fn record(
    tx: &mut dyn Tx,
    owner: Peer,
    pts_count: i32,
    log_max: i32,
    update: impl FnOnce(i32, i32) -> Update,
) -> Result<Recorded, StoreError> {
    let mut mailbox = tx.mailbox(owner)?;
    let Position { pts, pts_count } = mailbox.assign(pts_count).map_err(|error| match error {
        MailboxError::Full => StoreError::Corrupt("a mailbox is full"),
        _ => StoreError::Corrupt("an update of a log moves nothing"),
    })?;
    let keep_from = pts.saturating_sub(log_max);
    if keep_from.saturating_sub(mailbox.dropped_to()) > log_max / LOG_SLACK {
        mailbox.drop_to(keep_from);
        tx.cut_log(owner, &mailbox)?;
    }
    tx.save_mailbox(owner, &mailbox)?;
    let update = update(pts, pts_count);
    tx.append_log(owner, &entry(pts, pts_count, &update)?)?;
    Ok(Recorded { owner, pts, pts_count, update })
}

fn entry(pts: i32, pts_count: i32, update: &Update) -> Result<LogEntry, StoreError> {
    let event_type =
        event_type(update).ok_or(StoreError::Corrupt("an ephemeral update has no pts"))?;
    let content = serde_json::to_string(update)
        .map_err(|_| StoreError::Corrupt("an update cannot be written as JSON"))?;
    Ok(LogEntry { pts, pts_count, event_type: event_type.to_owned(), content })
}

/// The update of a log line, equal to the one recorded.
///
/// # Errors
/// The line was not written by [`record`].
pub fn read_back(entry: &LogEntry) -> Result<Update, StoreError> {
    serde_json::from_str(&entry.content)
        .map_err(|_| StoreError::Corrupt("a line of the update log does not parse"))
}

fn event_type(update: &Update) -> Option<&'static str> {
    match update {
        Update::UpdateNewMessage(_) => Some("NewMessage"),
        Update::UpdateMessageSent(_) => Some("MessageSent"),
        Update::UpdateEditMessage(_) => Some("EditMessage"),
        Update::UpdateDeleteMessages(_) => Some("DeleteMessages"),
        Update::UpdateReadHistory(_) => Some("ReadHistory"),
        Update::UpdateDraftMessage(_) => Some("DraftMessage"),
        Update::UpdateChat(_) => Some("Chat"),
        Update::UpdateUserTyping(_)
        | Update::UpdateChatUserTyping(_)
        | Update::UpdateUserStatus(_)
        | Update::UpdateOfChat(_) => None,
    }
}
