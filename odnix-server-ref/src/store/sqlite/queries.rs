//! The SQL behind each method of [`Tx`].

use super::SqliteTx;
use crate::store::rows::{
    ChatId, Credentials, Dialog, KeyRecord, LogEntry, Message, MessageId, NewMessage, NewUser,
    Sent, User, UserId,
};
use crate::store::{StoreError, Tx};
use odnix_proto::{AuthKeyId, Secret};
use rusqlite::{OptionalExtension, Params, Row};

type Rows<T> = Result<Vec<T>, StoreError>;

impl SqliteTx<'_> {
    fn execute(&mut self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.0.prepare_cached(sql)?.execute(params)?)
    }

    fn one<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        Ok(self.0.prepare_cached(sql)?.query_row(params, read)?)
    }

    fn maybe<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.0.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    fn all<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Rows<T> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: row.get(0)?, username: row.get(1)?, first_name: row.get(2)? })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        chat: row.get(1)?,
        from: row.get(2)?,
        date: row.get(3)?,
        text: row.get(4)?,
        media: row.get(5)?,
    })
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

fn low_high(a: UserId, b: UserId) -> (UserId, UserId) {
    (a.min(b), a.max(b))
}

impl Tx for SqliteTx<'_> {
    fn create_user(&mut self, user: &NewUser<'_>) -> Result<UserId, StoreError> {
        let id = self.one(
            "INSERT INTO users (username, first_name, password_hash, created_at)
             VALUES (?1, ?2, ?3, ?4) RETURNING id",
            (user.username, user.first_name, user.password_hash, user.created_at),
            |row| row.get(0),
        )?;
        self.execute("INSERT INTO mailbox (user_id, pts) VALUES (?1, 0)", [id])?;
        Ok(id)
    }

    fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.maybe("SELECT id, username, first_name FROM users WHERE id = ?1", [id], user)
    }

    fn user_by_username(&mut self, username: &str) -> Result<Option<User>, StoreError> {
        self.maybe(
            "SELECT id, username, first_name FROM users WHERE username = ?1",
            [username],
            user,
        )
    }

    fn credentials(&mut self, username: &str) -> Result<Option<Credentials>, StoreError> {
        self.maybe("SELECT id, password_hash FROM users WHERE username = ?1", [username], |row| {
            Ok(Credentials { user: row.get(0)?, password_hash: row.get(1)? })
        })
    }

    fn add_contact(&mut self, owner: UserId, contact: UserId) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO contacts (user_id, contact_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (owner, contact),
        )?;
        Ok(())
    }

    fn is_contact(&mut self, owner: UserId, contact: UserId) -> Result<bool, StoreError> {
        self.one(
            "SELECT EXISTS (SELECT 1 FROM contacts WHERE user_id = ?1 AND contact_id = ?2)",
            (owner, contact),
            |row| row.get(0),
        )
    }

    fn contact_count(&mut self, owner: UserId) -> Result<i64, StoreError> {
        self.one("SELECT count(*) FROM contacts WHERE user_id = ?1", [owner], |row| row.get(0))
    }

    fn contacts(&mut self, owner: UserId, limit: i64) -> Rows<User> {
        self.all(
            "SELECT u.id, u.username, u.first_name
             FROM contacts c JOIN users u ON u.id = c.contact_id
             WHERE c.user_id = ?1 ORDER BY c.contact_id LIMIT ?2",
            (owner, limit),
            user,
        )
    }

    fn private_chat(&mut self, a: UserId, b: UserId) -> Result<Option<ChatId>, StoreError> {
        self.maybe(
            "SELECT id FROM chats WHERE user_low = ?1 AND user_high = ?2",
            low_high(a, b),
            |row| row.get(0),
        )
    }

    fn ensure_private_chat(&mut self, a: UserId, b: UserId) -> Result<ChatId, StoreError> {
        if let Some(chat) = self.private_chat(a, b)? {
            return Ok(chat);
        }
        self.one(
            "INSERT INTO chats (kind, user_low, user_high) VALUES ('private', ?1, ?2)
             RETURNING id",
            low_high(a, b),
            |row| row.get(0),
        )
    }

    fn message_count(&mut self, chat: ChatId) -> Result<i64, StoreError> {
        self.one("SELECT message_count FROM chats WHERE id = ?1", [chat], |row| row.get(0))
    }

    fn insert_message(&mut self, message: &NewMessage<'_>) -> Result<MessageId, StoreError> {
        let id = self.one(
            "INSERT INTO messages (chat_id, from_id, date, message, media_content)
             VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
            (message.chat, message.from, message.date, message.text, message.media),
            |row| row.get(0),
        )?;
        self.execute(
            "UPDATE chats SET message_count = message_count + 1 WHERE id = ?1",
            [message.chat],
        )?;
        Ok(id)
    }

    fn message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.maybe(
            "SELECT id, chat_id, from_id, date, message, media_content
             FROM messages WHERE id = ?1",
            [id],
            message,
        )
    }

    fn history(&mut self, chat: ChatId, before: i64, limit: i64) -> Rows<Message> {
        self.all(
            "SELECT id, chat_id, from_id, date, message, media_content FROM messages
             WHERE chat_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            (chat, before, limit),
            message,
        )
    }

    fn newest_message_from(
        &mut self,
        chat: ChatId,
        author: UserId,
        max_id: i64,
    ) -> Result<Option<i64>, StoreError> {
        self.one(
            "SELECT max(id) FROM messages WHERE chat_id = ?1 AND from_id = ?2 AND id <= ?3",
            (chat, author, max_id),
            |row| row.get(0),
        )
    }

    fn count_messages_from(
        &mut self,
        chat: ChatId,
        author: UserId,
        after: i64,
        max_id: i64,
    ) -> Result<i64, StoreError> {
        self.one(
            "SELECT count(*) FROM messages
             WHERE chat_id = ?1 AND from_id = ?2 AND id > ?3 AND id <= ?4",
            (chat, author, after, max_id),
            |row| row.get(0),
        )
    }

    fn raise_dialog(
        &mut self,
        user: UserId,
        chat: ChatId,
        peer: UserId,
        message: MessageId,
        unread: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dialogs (user_id, chat_id, peer_id, top_message, unread_count)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (user_id, chat_id) DO UPDATE SET
                 top_message = excluded.top_message,
                 unread_count = unread_count + excluded.unread_count",
            (user, chat, peer, message, unread),
        )?;
        Ok(())
    }

    fn dialog(&mut self, user: UserId, chat: ChatId) -> Result<Option<Dialog>, StoreError> {
        self.maybe(
            "SELECT chat_id, peer_id, top_message, read_inbox_max_id, read_outbox_max_id,
                    unread_count
             FROM dialogs WHERE user_id = ?1 AND chat_id = ?2",
            (user, chat),
            dialog,
        )
    }

    fn dialogs(&mut self, user: UserId, before: i64, limit: i64) -> Rows<Dialog> {
        self.all(
            "SELECT chat_id, peer_id, top_message, read_inbox_max_id, read_outbox_max_id,
                    unread_count
             FROM dialogs WHERE user_id = ?1 AND top_message < ?2
             ORDER BY top_message DESC LIMIT ?3",
            (user, before, limit),
            dialog,
        )
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

    fn set_read_outbox(
        &mut self,
        user: UserId,
        chat: ChatId,
        max_id: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE dialogs SET read_outbox_max_id = ?3 WHERE user_id = ?1 AND chat_id = ?2",
            (user, chat, max_id),
        )?;
        Ok(())
    }

    fn unread_count(&mut self, user: UserId) -> Result<i64, StoreError> {
        self.one(
            "SELECT coalesce(sum(unread_count), 0) FROM dialogs
             WHERE user_id = ?1 AND unread_count > 0",
            [user],
            |row| row.get(0),
        )
    }

    fn pts(&mut self, user: UserId) -> Result<i64, StoreError> {
        self.one("SELECT pts FROM mailbox WHERE user_id = ?1", [user], |row| row.get(0))
    }

    fn advance_pts(&mut self, user: UserId, count: i64) -> Result<i64, StoreError> {
        self.one(
            "UPDATE mailbox SET pts = pts + ?2 WHERE user_id = ?1 RETURNING pts",
            (user, count),
            |row| row.get(0),
        )
    }

    fn append_log(&mut self, user: UserId, entry: &LogEntry) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO update_log (user_id, pts, pts_count, event_type, content)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (user, entry.pts, entry.pts_count, &entry.event_type, &entry.content),
        )?;
        Ok(())
    }

    fn log_after(
        &mut self,
        user: UserId,
        pts: i64,
        limit: usize,
        content_bytes_max: usize,
    ) -> Rows<LogEntry> {
        let mut statement = self.0.prepare_cached(
            "SELECT pts, pts_count, event_type, content FROM update_log
             WHERE user_id = ?1 AND pts > ?2 ORDER BY pts LIMIT ?3",
        )?;
        let mut rows = statement.query((user, pts, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        let mut entries = Vec::new();
        let mut content_bytes = 0_usize;
        while let Some(row) = rows.next()? {
            let content: String = row.get(3)?;
            content_bytes = content_bytes.saturating_add(content.len());
            if content_bytes > content_bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(LogEntry {
                pts: row.get(0)?,
                pts_count: row.get(1)?,
                event_type: row.get(2)?,
                content,
            });
        }
        Ok(entries)
    }

    fn sent(&mut self, user: UserId, random_id: i64) -> Result<Option<Sent>, StoreError> {
        self.maybe(
            "SELECT s.message_id, m.date, s.pts
             FROM sent s JOIN messages m ON m.id = s.message_id
             WHERE s.user_id = ?1 AND s.random_id = ?2",
            (user, random_id),
            |row| Ok(Sent { message: row.get(0)?, date: row.get(1)?, pts: row.get(2)? }),
        )
    }

    fn record_sent(
        &mut self,
        user: UserId,
        random_id: i64,
        message: MessageId,
        pts: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO sent (user_id, random_id, message_id, pts) VALUES (?1, ?2, ?3, ?4)",
            (user, random_id, message, pts),
        )?;
        Ok(())
    }

    fn insert_key(&mut self, key: &KeyRecord, anonymous_max: i64) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO sessions (auth_key_id, auth_key, server_salt, dc, created_at, used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            (
                key.id.to_bytes(),
                key.auth_key.expose_secret(),
                key.server_salt,
                key.dc,
                key.created_at,
                key.created_at.saturating_mul(1_000_000),
            ),
        )?;
        self.execute(
            "DELETE FROM sessions WHERE rowid IN (
                 SELECT rowid FROM sessions WHERE user_id IS NULL
                 ORDER BY used_at DESC, rowid DESC LIMIT -1 OFFSET ?1)",
            [anonymous_max],
        )?;
        Ok(inserted == 1)
    }

    fn use_key(&mut self, id: AuthKeyId, now_us: i64) -> Result<Option<KeyRecord>, StoreError> {
        self.execute(
            "UPDATE sessions SET used_at = ?2 WHERE auth_key_id = ?1 AND user_id IS NULL",
            (id.to_bytes(), now_us),
        )?;
        self.maybe(
            "SELECT auth_key, server_salt, dc, created_at FROM sessions WHERE auth_key_id = ?1",
            [id.to_bytes()],
            |row| {
                let mut auth_key: [u8; 256] = row.get(0)?;
                Ok(KeyRecord {
                    id,
                    auth_key: Secret::take(&mut auth_key),
                    server_salt: row.get(1)?,
                    dc: row.get(2)?,
                    created_at: row.get(3)?,
                })
            },
        )
    }

    fn delete_key(&mut self, id: AuthKeyId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM sessions WHERE auth_key_id = ?1", [id.to_bytes()])? == 1)
    }

    fn session_user(&mut self, id: AuthKeyId) -> Result<Option<UserId>, StoreError> {
        let user: Option<Option<UserId>> = self.maybe(
            "SELECT user_id FROM sessions WHERE auth_key_id = ?1",
            [id.to_bytes()],
            |row| row.get(0),
        )?;
        Ok(user.flatten())
    }

    fn set_session_user(
        &mut self,
        id: AuthKeyId,
        user: Option<UserId>,
        layer: Option<i32>,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE sessions SET user_id = ?2, layer = coalesce(?3, layer)
             WHERE auth_key_id = ?1",
            (id.to_bytes(), user, layer),
        )?;
        Ok(changed == 1)
    }

    fn setting(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (name, fresh),
        )?;
        self.one("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0))
    }
}
