use super::SqliteTx;
use super::statements::Rows;
use crate::store::rows::{ChatId, Dialog, Draft, MessageId, Peer, UserId};
use crate::store::{Dialogs, StoreError};
use rusqlite::Row;

/// A dialog `d` of the chat `c`: of a large group, the newest message and what is unread follow
/// from the history. The literal is `UNREAD_MAX`, here and in `unread_count`.
macro_rules! columns {
    () => {
        "d.chat_id, d.peer,
         CASE c.kind WHEN 'large' THEN c.top_message ELSE d.top_message END AS top,
         d.read_inbox_max_id, d.read_outbox_max_id,
         CASE c.kind WHEN 'large' THEN (
             SELECT count(*) FROM (
                 SELECT 1 FROM messages m
                 WHERE m.chat_id = c.id AND NOT m.deleted AND m.id > d.read_inbox_max_id
                 AND m.from_id <> d.user_id LIMIT 10000))
         ELSE d.unread_count END"
    };
}

fn dialog(row: &Row<'_>) -> rusqlite::Result<Dialog> {
    Ok(Dialog {
        chat: row.get(0)?,
        peer: row.get(1)?,
        top_message: row.get(2)?,
        read_inbox_max_id: row.get(3)?,
        read_outbox_max_id: row.get(4)?,
        unread_count: row.get(5)?,
    })
}

fn draft(row: &Row<'_>) -> rusqlite::Result<Draft> {
    Ok(Draft { peer: row.get(0)?, text: row.get(1)?, date: row.get(2)? })
}

impl Dialogs for SqliteTx<'_> {
    fn raise_dialog(
        &mut self,
        user: UserId,
        chat: ChatId,
        peer: Peer,
        message: MessageId,
        unread: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dialogs (user_id, chat_id, peer, top_message, unread_count)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (user_id, chat_id) DO UPDATE SET
                 top_message = excluded.top_message,
                 unread_count = unread_count + excluded.unread_count",
            (user, chat, peer, message, unread),
        )?;
        Ok(())
    }

    fn dialog_count(&mut self, user: UserId) -> Result<i64, StoreError> {
        self.one("SELECT count(*) FROM dialogs WHERE user_id = ?1", [user], |row| row.get(0))
    }

    fn set_read_inbox(
        &mut self,
        user: UserId,
        chat: ChatId,
        max_id: i64,
        unread_count: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE dialogs SET read_inbox_max_id = ?3, unread_count = ?4
             WHERE user_id = ?1 AND chat_id = ?2",
            (user, chat, max_id, unread_count),
        )?;
        Ok(())
    }

    fn drop_dialog(&mut self, user: UserId, chat: ChatId) -> Result<(), StoreError> {
        self.execute("DELETE FROM dialogs WHERE user_id = ?1 AND chat_id = ?2", (user, chat))?;
        Ok(())
    }

    fn dialog(&mut self, user: UserId, chat: ChatId) -> Result<Option<Dialog>, StoreError> {
        self.maybe(
            concat!(
                "SELECT ",
                columns!(),
                " FROM dialogs d JOIN chats c ON c.id = d.chat_id
                 WHERE d.user_id = ?1 AND d.chat_id = ?2"
            ),
            (user, chat),
            dialog,
        )
    }

    fn dialogs(&mut self, user: UserId, before: i64, limit: i64) -> Rows<Dialog> {
        self.all(
            concat!(
                "SELECT ",
                columns!(),
                " FROM dialogs d JOIN chats c ON c.id = d.chat_id
                 WHERE d.user_id = ?1 AND top < ?2 ORDER BY top DESC LIMIT ?3"
            ),
            (user, before, limit),
            dialog,
        )
    }

    fn raise_read_outbox(
        &mut self,
        user: UserId,
        chat: ChatId,
        max_id: i64,
    ) -> Result<bool, StoreError> {
        let raised = self.execute(
            "UPDATE dialogs SET read_outbox_max_id = ?3
             WHERE user_id = ?1 AND chat_id = ?2 AND read_outbox_max_id < ?3",
            (user, chat, max_id),
        )?;
        Ok(raised == 1)
    }

    fn unread_count(&mut self, user: UserId) -> Result<i64, StoreError> {
        self.one(
            "SELECT (SELECT coalesce(sum(d.unread_count), 0)
                     FROM dialogs d JOIN chats c ON c.id = d.chat_id
                     WHERE d.user_id = ?1 AND d.unread_count > 0 AND c.kind <> 'large') +
                    (SELECT coalesce(sum((
                         SELECT count(*) FROM (
                             SELECT 1 FROM messages m
                             WHERE m.chat_id = c.id AND NOT m.deleted
                             AND m.id > d.read_inbox_max_id AND m.from_id <> d.user_id
                             LIMIT 10000))), 0)
                     FROM dialogs d JOIN chats c ON c.id = d.chat_id
                     WHERE d.user_id = ?1 AND d.peer < 0 AND c.kind = 'large')",
            [user],
            |row| row.get(0),
        )
    }

    fn draft(&mut self, user: UserId, peer: Peer) -> Result<Option<Draft>, StoreError> {
        self.maybe(
            "SELECT peer, message, date FROM drafts WHERE user_id = ?1 AND peer = ?2",
            (user, peer),
            draft,
        )
    }

    fn set_draft(&mut self, user: UserId, new: &Draft) -> Result<(), StoreError> {
        if new.text.is_empty() {
            self.execute("DELETE FROM drafts WHERE user_id = ?1 AND peer = ?2", (user, new.peer))?;
        } else {
            self.execute(
                "INSERT INTO drafts (user_id, peer, message, date) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET message = excluded.message, date = excluded.date",
                (user, new.peer, &new.text, new.date),
            )?;
        }
        Ok(())
    }

    fn drafts(&mut self, user: UserId, limit: i64) -> Rows<Draft> {
        self.all(
            "SELECT peer, message, date FROM drafts WHERE user_id = ?1 ORDER BY peer LIMIT ?2",
            (user, limit),
            draft,
        )
    }
}
