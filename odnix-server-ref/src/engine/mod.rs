//! The updates engine: gives each event its place in a mailbox.
//!
//! A mailbox is one user's counter `pts` and the log of what moved it. An event takes its pts
//! from the mailbox row, and the row, the log line and whatever caused the event are written
//! in one transaction, so the pts of a mailbox rise without holes in commit order, and a
//! reader who sees pts N sees every line up to N.
//!
//! | event_type | update | moves pts by |
//! |---|---|---|
//! | `NewMessage` | `updateNewMessage` | 1 |
//! | `MessageSent` | `updateMessageSent` | 1 |
//! | `ReadHistory` | `updateReadHistory` | 1 |
//!
//! `updateUserTyping` is ephemeral and never logged.

use crate::store::{LogEntry, StoreError, Tx, UserId};
use odnix_tl::odnix::enums::Update;

/// An update that has its place in a mailbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Whose mailbox.
    pub user: UserId,
    /// The mailbox's pts after the update.
    pub pts: i32,
    /// By how much the update moved it.
    pub pts_count: i32,
    /// The update, pts included.
    pub update: Update,
}

/// Every logged update moves pts by one.
pub const PTS_COUNT: i32 = 1;

/// Takes the next pts of `user`'s mailbox and logs the update made from it.
///
/// # Errors
/// The store refused, or the mailbox has used up its 2^31 − 1 updates.
pub fn record(
    tx: &mut dyn Tx,
    user: UserId,
    update: impl FnOnce(i32, i32) -> Update,
) -> Result<Recorded, StoreError> {
    let pts = wire_pts(tx.advance_pts(user, i64::from(PTS_COUNT))?)?;
    let update = update(pts, PTS_COUNT);
    let event_type =
        event_type(&update).ok_or(StoreError::Corrupt("an ephemeral update has no pts"))?;
    let content = serde_json::to_string(&update)
        .map_err(|_| StoreError::Corrupt("an update cannot be written as JSON"))?;
    let entry = LogEntry {
        pts: i64::from(pts),
        pts_count: i64::from(PTS_COUNT),
        event_type: event_type.to_owned(),
        content,
    };
    tx.append_log(user, &entry)?;
    Ok(Recorded { user, pts, pts_count: PTS_COUNT, update })
}

/// The update of a log line, equal to the one recorded.
///
/// # Errors
/// The line was not written by [`record`].
pub fn read_back(entry: &LogEntry) -> Result<Update, StoreError> {
    serde_json::from_str(&entry.content)
        .map_err(|_| StoreError::Corrupt("a line of the update log does not parse"))
}

/// A stored pts as the wire carries it.
///
/// # Errors
/// The value does not fit.
pub fn wire_pts(pts: i64) -> Result<i32, StoreError> {
    i32::try_from(pts).map_err(|_| StoreError::Corrupt("pts out of range"))
}

fn event_type(update: &Update) -> Option<&'static str> {
    match update {
        Update::UpdateNewMessage(_) => Some("NewMessage"),
        Update::UpdateMessageSent(_) => Some("MessageSent"),
        Update::UpdateReadHistory(_) => Some("ReadHistory"),
        _ => None,
    }
}
