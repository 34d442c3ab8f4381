//! What updates, users and checkpoints change, row by row, inside a transaction. Each of these
//! may be done again without changing anything more.

use super::digest::dialog_id;
use super::{Checkpoint, MessageRow, ReadPositions};
use odnix_tl::odnix::{enums::Update, types};
use rusqlite::{Row, Transaction, params};

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
        _ => Ok(0),
    }
}

pub(super) fn insert_message(
    tx: &Transaction<'_>,
    message: &types::Message,
) -> rusqlite::Result<usize> {
    let row = MessageRow::from(message);
    tx.prepare_cached(
        "INSERT INTO messages (id, peer_id, from_id, out, date, text, media)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
    )?
    .execute(params![
        row.id,
        row.peer_id,
        row.from_id,
        row.out,
        row.date,
        row.text,
        row.media
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

pub(super) fn message_row(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        id: row.get(0)?,
        peer_id: row.get(1)?,
        from_id: row.get(2)?,
        out: row.get(3)?,
        date: row.get(4)?,
        text: row.get(5)?,
        media: row.get(6)?,
    })
}
