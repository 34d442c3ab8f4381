use super::SqliteTx;
use super::statements::Rows;
use crate::store::rows::{ChatId, ChatKind, Message, MessageId, NewMessage, Sight, UserId};
use crate::store::{Messages, SEARCH_CANDIDATES_MAX, StoreError, UNREAD_MAX};
use rusqlite::{Row, params};

/// The columns that [`message`] reads.
macro_rules! columns {
    () => {
        "m.id, m.chat_id, m.from_id, m.date, m.message, m.media_content, m.action, m.edit_date"
    };
}

/// Which messages `m` of the chat ?1 the viewer ?2 sees; ?3: not bound to a membership.
macro_rules! in_sight {
    () => {
        "m.chat_id = ?1 AND NOT m.deleted
         AND NOT EXISTS (
             SELECT 1 FROM hidden h
             WHERE h.user_id = ?2 AND h.chat_id = ?1 AND h.message_id = m.id)
         AND (?3 OR EXISTS (
             SELECT 1 FROM visits v WHERE v.chat_id = ?1 AND v.user_id = ?2
             AND m.id BETWEEN v.from_message AND v.to_message))"
    };
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        chat: row.get(1)?,
        from: row.get(2)?,
        date: row.get(3)?,
        text: row.get(4)?,
        media: row.get(5)?,
        action: row.get(6)?,
        edit_date: row.get(7)?,
    })
}

impl SqliteTx<'_> {
    fn kind(&mut self, chat: ChatId) -> Result<ChatKind, StoreError> {
        self.one("SELECT kind FROM chats WHERE id = ?1", [chat], |row| row.get(0))
    }
}

impl Messages for SqliteTx<'_> {
    fn insert_message(&mut self, message: &NewMessage<'_>) -> Result<MessageId, StoreError> {
        let id: MessageId = self.one(
            "INSERT INTO messages (chat_id, from_id, date, message, media_content, action)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
            (message.chat, message.from, message.date, message.text, message.media, message.action),
            |row| row.get(0),
        )?;
        self.execute(
            "UPDATE chats SET message_count = message_count + 1, top_message = ?2 WHERE id = ?1",
            (message.chat, id),
        )?;
        self.index_words(id, message.chat.0, message.text);
        Ok(id)
    }

    fn message_in(&mut self, sight: Sight, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.maybe(
            concat!("SELECT ", columns!(), " FROM messages m WHERE m.id = ?4 AND ", in_sight!()),
            (sight.chat, sight.viewer, sight.whole, id),
            message,
        )
    }

    fn edit_message(
        &mut self,
        id: MessageId,
        text: &str,
        media: Option<&str>,
        date: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO message_versions (message_id, version, message, media_content)
             SELECT id, (SELECT count(*) FROM message_versions WHERE message_id = ?1),
                    message, media_content
             FROM messages WHERE id = ?1",
            [id],
        )?;
        self.forget_words(id)?;
        let chat = self.one(
            "UPDATE messages SET message = ?2, media_content = ?3, edit_date = ?4
             WHERE id = ?1 RETURNING chat_id",
            (id, text, media, date),
            |row| row.get(0),
        )?;
        self.index_words(id, chat, text);
        Ok(())
    }

    fn delete_message(&mut self, message: &Message) -> Result<(), StoreError> {
        let (id, chat) = (message.id, message.chat);
        self.execute("DELETE FROM message_versions WHERE message_id = ?1", [id])?;
        self.forget_words(id)?;
        self.execute(
            "UPDATE messages SET message = '', media_content = NULL, deleted = 1 WHERE id = ?1",
            [id],
        )?;
        self.execute(
            "UPDATE chats SET message_count = message_count - 1,
                 top_message = CASE WHEN top_message = ?2 THEN coalesce((
                     SELECT max(id) FROM messages WHERE chat_id = ?1 AND NOT deleted), ?2)
                 ELSE top_message END
             WHERE id = ?1",
            (chat, id),
        )?;
        // Of a large group, unread counts and tops follow from the history.
        if self.kind(chat)? == ChatKind::Large {
            return Ok(());
        }
        self.execute(
            "UPDATE dialogs SET unread_count = unread_count - 1
             WHERE chat_id = ?1 AND user_id <> ?3 AND read_inbox_max_id < ?2 AND unread_count > 0
             AND NOT EXISTS (
                 SELECT 1 FROM hidden h WHERE h.user_id = dialogs.user_id
                 AND h.chat_id = ?1 AND h.message_id = ?2)
             AND (SELECT kind = 'private' OR EXISTS (
                     SELECT 1 FROM visits v WHERE v.chat_id = ?1 AND v.user_id = dialogs.user_id
                     AND ?2 BETWEEN v.from_message AND v.to_message)
                  FROM chats WHERE id = ?1)",
            (chat, id, message.from),
        )?;
        let viewers: Vec<UserId> = self.all(
            "SELECT user_id FROM dialogs WHERE chat_id = ?1 AND top_message = ?2",
            (chat, id),
            |row| row.get(0),
        )?;
        for viewer in viewers {
            self.lower_top(viewer, message)?;
        }
        Ok(())
    }

    fn hide_message(&mut self, sight: Sight, message: &Message) -> Result<(), StoreError> {
        self.execute(
            "UPDATE dialogs SET unread_count = unread_count - 1
             WHERE chat_id = ?1 AND user_id = ?2 AND user_id <> ?4 AND read_inbox_max_id < ?3
             AND unread_count > 0",
            (sight.chat, sight.viewer, message.id, message.from),
        )?;
        self.execute(
            "INSERT INTO hidden (user_id, chat_id, message_id) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            (sight.viewer, sight.chat, message.id),
        )?;
        self.lower_top(sight.viewer, message)
    }

    fn message_count(&mut self, sight: Sight) -> Result<i64, StoreError> {
        if sight.whole {
            return self.one(
                "SELECT message_count - (
                     SELECT count(*) FROM hidden h JOIN messages m ON m.id = h.message_id
                     WHERE h.user_id = ?2 AND h.chat_id = ?1 AND NOT m.deleted)
                 FROM chats WHERE id = ?1",
                (sight.chat, sight.viewer),
                |row| row.get(0),
            );
        }
        self.one(
            concat!("SELECT count(*) FROM messages m WHERE ", in_sight!()),
            (sight.chat, sight.viewer, sight.whole),
            |row| row.get(0),
        )
    }

    fn history(&mut self, sight: Sight, before: i64, limit: i64) -> Rows<Message> {
        self.all(
            concat!(
                "SELECT ",
                columns!(),
                " FROM messages m WHERE m.id < ?4 AND ",
                in_sight!(),
                " ORDER BY m.id DESC LIMIT ?5"
            ),
            (sight.chat, sight.viewer, sight.whole, before, limit),
            message,
        )
    }

    fn search(
        &mut self,
        sights: &[Sight],
        words: &[String],
        before: i64,
        limit: i64,
    ) -> Rows<Message> {
        let chats: Vec<_> = sights.iter().map(|sight| format!("c{}", sight.chat)).collect();
        // Quoted, a word has no operators; the last one is taken as a beginning.
        let words: Vec<_> =
            words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
        let query =
            format!("chat : ({}) AND text : ({} *)", chats.join(" OR "), words.join(" AND "));
        self.write_words()?;
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM words w JOIN messages m ON m.id = w.rowid
             WHERE w.words MATCH ?1 AND w.rowid < ?2 AND NOT m.deleted ORDER BY w.rowid DESC LIMIT ?3"
        ))?;
        let mut rows = statement.query((query, before, SEARCH_CANDIDATES_MAX))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()?
            && i64::try_from(found.len()).is_ok_and(|found| found < limit)
        {
            let candidate = message(row)?;
            let sight = sights.iter().find(|sight| sight.chat == candidate.chat);
            let Some(&sight) = sight else { continue };
            if self.message_in(sight, candidate.id)?.is_some() {
                found.push(candidate);
            }
        }
        Ok(found)
    }

    fn authors(&mut self, sight: Sight, after: i64, max_id: i64) -> Rows<(UserId, i64)> {
        self.all(
            concat!(
                "SELECT m.from_id, max(m.id) FROM messages m
                 WHERE m.id > ?4 AND m.id <= ?5 AND m.from_id <> ?2 AND ",
                in_sight!(),
                " GROUP BY m.from_id ORDER BY m.from_id"
            ),
            (sight.chat, sight.viewer, sight.whole, after, max_id),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    fn newest_from_others(
        &mut self,
        sight: Sight,
        after: i64,
        max_id: i64,
    ) -> Result<Option<i64>, StoreError> {
        self.maybe(
            concat!(
                "SELECT m.id FROM messages m
                 WHERE m.id > ?4 AND m.id <= ?5 AND m.from_id <> ?2 AND ",
                in_sight!(),
                " ORDER BY m.id DESC LIMIT 1"
            ),
            (sight.chat, sight.viewer, sight.whole, after, max_id),
            |row| row.get(0),
        )
    }

    fn count_from_others(&mut self, sight: Sight, after: i64) -> Result<i64, StoreError> {
        let most = if self.kind(sight.chat)? == ChatKind::Large { UNREAD_MAX } else { i64::MAX };
        self.one(
            concat!(
                "SELECT count(*) FROM (
                     SELECT 1 FROM messages m WHERE m.id > ?4 AND m.from_id <> ?2 AND ",
                in_sight!(),
                " LIMIT ?5)"
            ),
            (sight.chat, sight.viewer, sight.whole, after, most),
            |row| row.get(0),
        )
    }
}

impl SqliteTx<'_> {
    /// A message is gone from one user's view; if it was the newest, another one is now.
    fn lower_top(&mut self, viewer: UserId, gone: &Message) -> Result<(), StoreError> {
        let whole = self.kind(gone.chat)? != ChatKind::Small;
        let sight = Sight { viewer, chat: gone.chat, whole };
        if let Some(newest) = self.history(sight, i64::MAX, 1)?.first() {
            self.execute(
                "UPDATE dialogs SET top_message = ?4
                 WHERE user_id = ?1 AND chat_id = ?2 AND top_message = ?3",
                params![viewer, gone.chat, gone.id, newest.id],
            )?;
        }
        Ok(())
    }
}
