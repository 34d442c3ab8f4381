//! What updates, users and checkpoints change, row by row, inside a transaction. Each of these
//! may be done again without changing anything more.

use super::digest::dialog_id;
use super::{Checkpoint, HistoryPage, MessageRow, ReadPositions};
use odnix_tl::odnix::{enums::DraftMessage, enums::Update, types};
use rusqlite::{Row, Transaction, params};
use std::collections::BTreeSet;

pub(super) fn apply_update(tx: &Transaction<'_>, update: &Update) -> rusqlite::Result<usize> {
    match update {
        Update::UpdateNewMessage(new) => insert_message(tx, &new.message),
        Update::UpdateMessageSent(sent) => {
            delete_pending(tx, sent.random_id)?;
            insert_message(tx, &sent.message)
        }
        Update::UpdateReadHistory(read) => {
            let mut positions = ReadPositions::default();
            positions.advance(read);
            advance_read(tx, dialog_id(&read.peer), positions)?;
            Ok(0)
        }
        Update::UpdateEditMessage(edit) => {
            edit_message(tx, &MessageRow::from(&edit.message))?;
            Ok(0)
        }
        Update::UpdateDeleteMessages(deleted) => {
            let mut delete = tx.prepare_cached("DELETE FROM messages WHERE id = ?1")?;
            for id in &deleted.messages {
                delete.execute([id])?;
            }
            Ok(0)
        }
        Update::UpdateDraftMessage(it) => {
            save_draft(tx, dialog_id(&it.peer), &it.draft)?;
            Ok(0)
        }
        Update::UpdateOfChat(it) => apply_update(tx, &it.update),
        // Who belongs to a group is said by the group itself.
        Update::UpdateChat(_)
        | Update::UpdateUserTyping(_)
        | Update::UpdateChatUserTyping(_)
        | Update::UpdateUserStatus(_) => Ok(0),
    }
}

fn edit_message(tx: &Transaction<'_>, row: &MessageRow) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE messages SET text = ?2, media = ?3, action = ?4, edit_date = ?5 WHERE id = ?1",
    )?
    .execute(params![row.id, row.text, row.media, row.action, row.edit_date])
    .map(drop)
}

pub(super) fn save_draft(
    tx: &Transaction<'_>,
    peer_id: i64,
    draft: &DraftMessage,
) -> rusqlite::Result<()> {
    match draft {
        DraftMessage::DraftMessage(draft) => tx
            .prepare_cached(
                "INSERT INTO drafts (peer_id, text, date) VALUES (?1, ?2, ?3)
                 ON CONFLICT (peer_id) DO UPDATE SET text = excluded.text, date = excluded.date",
            )?
            .execute(params![peer_id, draft.message, draft.date]),
        DraftMessage::DraftMessageEmpty(_) => {
            tx.execute("DELETE FROM drafts WHERE peer_id = ?1", [peer_id])
        }
    }
    .map(drop)
}

/// Makes a range of a dialog what the server says it is. Returns how many messages were new.
pub(super) fn replace_range(tx: &Transaction<'_>, page: &HistoryPage) -> rusqlite::Result<usize> {
    if has_left(tx, page.peer_id.saturating_neg())? {
        return Ok(0);
    }
    let here: Vec<i64> = tx
        .prepare_cached("SELECT id FROM messages WHERE peer_id = ?1 AND id >= ?2 AND id < ?3")?
        .query_map([page.peer_id, page.from, page.before], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let listed: BTreeSet<i64> = page.messages.iter().map(|message| message.id).collect();
    let mut delete = tx.prepare_cached("DELETE FROM messages WHERE id = ?1")?;
    for id in here.iter().filter(|id| !listed.contains(id)) {
        delete.execute([id])?;
    }
    let mut new = 0;
    // Oldest first, as they would have arrived.
    for message in page.messages.iter().rev() {
        new += insert_message(tx, message)?;
        edit_message(tx, &MessageRow::from(message))?;
    }
    Ok(new)
}

/// Drops every dialog that the server does not list.
pub(super) fn keep_dialogs(tx: &Transaction<'_>, keep: &BTreeSet<i64>) -> rusqlite::Result<()> {
    let here: Vec<i64> = tx
        .prepare("SELECT DISTINCT peer_id FROM messages")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    here.iter().filter(|id| !keep.contains(id)).try_for_each(|id| drop_messages(tx, *id))
}

fn drop_messages(tx: &Transaction<'_>, peer_id: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM messages WHERE peer_id = ?1", [peer_id])?;
    tx.execute("DELETE FROM dialogs WHERE peer_id = ?1", [peer_id]).map(drop)
}

/// Forgets what is held of a large group.
pub(super) fn drop_chat(tx: &Transaction<'_>, chat_id: i64) -> rusqlite::Result<()> {
    let peer_id = chat_id.saturating_neg();
    drop_messages(tx, peer_id)?;
    tx.execute("DELETE FROM chat_checkpoints WHERE chat_id = ?1", [chat_id]).map(drop)
}

/// The user is no member of a large group any more, whatever was said of it before.
pub(super) fn leave_chat(tx: &Transaction<'_>, chat_id: i64) -> rusqlite::Result<()> {
    tx.execute("UPDATE chats SET left_it = 1 WHERE id = ?1", [chat_id]).map(drop)
}

/// Nothing is held of a large group that the user has left.
fn has_left(tx: &Transaction<'_>, chat_id: i64) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT 1 FROM chats WHERE id = ?1 AND large AND left_it")?.exists([chat_id])
}

pub(super) fn advance_chat_checkpoint(
    tx: &Transaction<'_>,
    (chat_id, pts): (i64, i32),
) -> rusqlite::Result<()> {
    if has_left(tx, chat_id)? {
        // Found by another program, after this one had asked.
        return drop_chat(tx, chat_id);
    }
    tx.prepare_cached(
        "INSERT INTO chat_checkpoints (chat_id, pts) VALUES (?1, ?2)
         ON CONFLICT (chat_id) DO UPDATE SET pts = max(pts, excluded.pts)",
    )?
    .execute(params![chat_id, pts])
    .map(drop)
}

pub(super) fn upsert_chat(tx: &Transaction<'_>, chat: &types::Chat) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO chats
             (id, title, left_it, creator, large, date, participants_count, version, pts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET title = excluded.title, left_it = excluded.left_it,
             creator = excluded.creator, participants_count = excluded.participants_count,
             version = excluded.version, pts = excluded.pts
         WHERE excluded.version >= version",
    )?
    .execute(params![
        chat.id,
        chat.title,
        chat.left,
        chat.creator,
        chat.large,
        chat.date,
        chat.participants_count,
        chat.version,
        chat.pts.unwrap_or_default(),
    ])
    .map(drop)
}

pub(super) fn insert_message(
    tx: &Transaction<'_>,
    message: &types::Message,
) -> rusqlite::Result<usize> {
    let row = MessageRow::from(message);
    tx.prepare_cached(
        "INSERT INTO messages
             (id, peer_id, from_id, out, date, text, media, action, edit_date)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
    )?
    .execute(params![
        row.id,
        row.peer_id,
        row.from_id,
        row.out,
        row.date,
        row.text,
        row.media,
        row.action,
        row.edit_date
    ])
}

pub(super) fn advance_read(
    tx: &Transaction<'_>,
    peer_id: i64,
    positions: ReadPositions,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO dialogs (peer_id, read_inbox_max_id, read_outbox_max_id) VALUES (?1, ?2, ?3)
         ON CONFLICT (peer_id) DO UPDATE SET
             read_inbox_max_id = max(read_inbox_max_id, excluded.read_inbox_max_id),
             read_outbox_max_id = max(read_outbox_max_id, excluded.read_outbox_max_id)",
    )?
    .execute(params![peer_id, positions.inbox_max_id, positions.outbox_max_id])
    .map(drop)
}

pub(super) fn advance_checkpoint(
    tx: &Transaction<'_>,
    checkpoint: Checkpoint,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO checkpoint (id, pts, date) VALUES (1, ?1, ?2)
         ON CONFLICT (id) DO UPDATE SET
             pts = max(pts, excluded.pts), date = max(date, excluded.date)",
    )?
    .execute(params![checkpoint.pts, checkpoint.date])
    .map(drop)
}

pub(super) fn upsert_user(tx: &Transaction<'_>, user: &types::User) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO users (id, access_hash, username, first_name, contact)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET access_hash = excluded.access_hash,
             username = excluded.username, first_name = excluded.first_name,
             contact = excluded.contact",
    )?
    .execute(params![user.id, user.access_hash, user.username, user.first_name, user.contact])
    .map(drop)
}

pub(super) fn delete_pending(tx: &Transaction<'_>, random_id: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM pending_sends WHERE random_id = ?1")?
        .execute([random_id])
        .map(drop)
}

/// The columns of [`message_row`].
pub(super) const MESSAGE_COLUMNS: &str =
    "id, peer_id, from_id, out, date, text, media, action, edit_date";

pub(super) fn message_row(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        id: row.get(0)?,
        peer_id: row.get(1)?,
        from_id: row.get(2)?,
        out: row.get(3)?,
        date: row.get(4)?,
        text: row.get(5)?,
        media: row.get(6)?,
        action: row.get(7)?,
        edit_date: row.get(8)?,
    })
}
