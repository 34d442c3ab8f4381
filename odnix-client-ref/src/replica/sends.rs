//! Messages that wait to be sent, and those the server has refused.

use super::rows::delete_pending;
use super::{Replica, Result};
use crate::sync::OutboxFull;
use rusqlite::{Row, params};

/// A message that may or may not have reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSend {
    /// The name under which the server executes it exactly once.
    pub random_id: i64,
    /// The dialog it is for: a user, or a group with a minus.
    pub peer_id: i64,
    /// The text.
    pub text: String,
}

/// A message of this device that the server has not confirmed, as a history shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub send: PendingSend,
    /// When it was given, Unix seconds.
    pub date: i64,
    /// Why the server has refused it for good; `None` while it waits.
    pub error: Option<String>,
}

impl Replica {
    /// Notes a message before it first leaves, synced to the disk before this returns.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn begin_send(&mut self, send: &PendingSend) -> Result<()> {
        self.durable_transaction(|tx| {
            tx.execute(
                "INSERT INTO pending_sends (random_id, peer_id, text, date)
                 VALUES (?1, ?2, ?3, unixepoch())",
                params![send.random_id, send.peer_id, send.text],
            )
        })
        .map(drop)
    }

    /// As [`begin_send`](Self::begin_send), unless `limit` messages wait already.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn queue_send(
        &mut self,
        send: &PendingSend,
        limit: usize,
    ) -> Result<Result<(), OutboxFull>> {
        let waiting: i64 = self.read(|db| {
            db.query_row("SELECT count(*) FROM pending_sends WHERE error IS NULL", [], |row| {
                row.get(0)
            })
        })?;
        if usize::try_from(waiting).is_ok_and(|waiting| waiting >= limit) {
            return Ok(Err(OutboxFull { limit }));
        }
        self.begin_send(send).map(Ok)
    }

    /// Notes why the server has refused a message for good. It stays to be looked at, and is
    /// not sent again by itself.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn fail_send(&mut self, random_id: i64, error: &str) -> Result<()> {
        self.transaction(|tx| {
            tx.execute(
                "UPDATE pending_sends SET error = ?2 WHERE random_id = ?1",
                params![random_id, error],
            )
        })
        .map(drop)
    }

    /// Forgets a message that was not sent.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn abandon_send(&mut self, random_id: i64) -> Result<()> {
        self.transaction(|tx| delete_pending(tx, random_id))
    }

    /// Messages whose outcome is not known, in the order in which they were given.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn pending_sends(&self) -> Result<Vec<PendingSend>> {
        self.rows(
            "SELECT random_id, peer_id, text FROM pending_sends
             WHERE error IS NULL ORDER BY position",
            [],
            pending_row,
        )
    }

    /// Messages for a dialog that wait or were refused, in the order in which they were given:
    /// what a history shows below the messages the server has.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn outgoing(&self, peer_id: i64) -> Result<Vec<Outgoing>> {
        self.rows(
            "SELECT random_id, peer_id, text, date, error FROM pending_sends
             WHERE peer_id = ?1 ORDER BY position",
            [peer_id],
            |row| Ok(Outgoing { send: pending_row(row)?, date: row.get(3)?, error: row.get(4)? }),
        )
    }
}

fn pending_row(row: &Row<'_>) -> rusqlite::Result<PendingSend> {
    Ok(PendingSend { random_id: row.get(0)?, peer_id: row.get(1)?, text: row.get(2)? })
}
