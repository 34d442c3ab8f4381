use super::SqliteTx;
use super::statements::Rows;
use crate::store::rows::{LogEntry, MessageId, Peer, Sent, UserId};
use crate::store::{Mailboxes, StoreError};
use odnix_proto::updates::Mailbox;

impl Mailboxes for SqliteTx<'_> {
    fn mailbox(&mut self, owner: Peer) -> Result<Mailbox, StoreError> {
        let (pts, dropped_to) =
            self.one("SELECT pts, dropped_to FROM mailbox WHERE owner = ?1", [owner], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Mailbox::restore(pts, dropped_to)
            .map_err(|_| StoreError::Corrupt("a mailbox ends before its log begins"))
    }

    fn save_mailbox(&mut self, owner: Peer, mailbox: &Mailbox) -> Result<(), StoreError> {
        self.execute(
            "UPDATE mailbox SET pts = ?2, dropped_to = ?3 WHERE owner = ?1",
            (owner, mailbox.pts(), mailbox.dropped_to()),
        )?;
        Ok(())
    }

    fn cut_log(&mut self, owner: Peer, mailbox: &Mailbox) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM update_log WHERE owner = ?1 AND pts <= ?2",
            (owner, mailbox.dropped_to()),
        )?;
        Ok(())
    }

    fn append_log(&mut self, owner: Peer, entry: &LogEntry) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO update_log (owner, pts, pts_count, event_type, content)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (owner, entry.pts, entry.pts_count, &entry.event_type, &entry.content),
        )?;
        Ok(())
    }

    fn log_after(
        &mut self,
        owner: Peer,
        pts: i32,
        limit: usize,
        content_bytes_max: usize,
    ) -> Rows<LogEntry> {
        let mut statement = self.connection.prepare_cached(
            "SELECT pts, pts_count, event_type, content FROM update_log
             WHERE owner = ?1 AND pts > ?2 ORDER BY pts LIMIT ?3",
        )?;
        let mut rows = statement.query((owner, pts, i64::try_from(limit).unwrap_or(i64::MAX)))?;
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
            "SELECT s.message_id, m.date, s.pts, m.chat_id, m.action IS NOT NULL
             FROM sent s JOIN messages m ON m.id = s.message_id
             WHERE s.user_id = ?1 AND s.random_id = ?2",
            (user, random_id),
            |row| {
                Ok(Sent {
                    message: row.get(0)?,
                    date: row.get(1)?,
                    pts: row.get(2)?,
                    chat: row.get(3)?,
                    made_chat: row.get(4)?,
                })
            },
        )
    }

    fn record_sent(
        &mut self,
        user: UserId,
        random_id: i64,
        message: MessageId,
        pts: i32,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO sent (user_id, random_id, message_id, pts) VALUES (?1, ?2, ?3, ?4)",
            (user, random_id, message, pts),
        )?;
        Ok(())
    }
}
