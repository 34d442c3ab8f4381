//! Is a replica whole? What SQLite can tell, and the rules that this crate keeps.

use super::{Checkpoint, Digest, Replica, Result, SCHEMA_VERSION, digest_of, schema_version};
use rusqlite::Connection;

/// Rules that hold after each transaction, and the rows that break them.
const RULES: [(&str, &str); 10] = [
    ("there is one device", "SELECT count(*) FROM device HAVING count(*) <> 1"),
    (
        "the account is a known user",
        "SELECT self_user_id FROM device
         WHERE self_user_id IS NOT NULL AND self_user_id NOT IN (SELECT id FROM users)",
    ),
    ("positions are not negative", "SELECT pts FROM checkpoint WHERE pts < 0 OR date < 0"),
    (
        "each log of a group is a large group's",
        "SELECT chat_id FROM chat_checkpoints WHERE pts < 0
         OR chat_id NOT IN (SELECT id FROM chats WHERE large AND NOT left_it)",
    ),
    ("message ids are positive", "SELECT id FROM messages WHERE id <= 0 OR peer_id = 0"),
    (
        "each author is a known user",
        "SELECT id FROM messages WHERE from_id NOT IN (SELECT id FROM users)",
    ),
    (
        "each dialog is a known user's or group's",
        "SELECT id FROM messages WHERE peer_id NOT IN (SELECT id FROM users)
         AND -peer_id NOT IN (SELECT id FROM chats)",
    ),
    (
        "one's own messages are marked so, and no others",
        "SELECT m.id FROM messages m, device d WHERE m.out <> (m.from_id = d.self_user_id)",
    ),
    (
        "what is attached to a message is JSON",
        "SELECT id FROM messages WHERE NOT json_valid(ifnull(media, 'null'))
         OR NOT json_valid(ifnull(action, 'null'))",
    ),
    (
        "nobody has read below the first message",
        "SELECT peer_id FROM dialogs WHERE min(read_inbox_max_id, read_outbox_max_id) < 0",
    ),
];

/// Damages that are listed; a broken file can have as many as it has rows.
const DAMAGES_MAX: usize = 100;

/// What [`Replica::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// What is wrong, a sentence for each; empty for a replica that is whole. 100 at most.
    pub damages: Vec<String>,
    /// How many messages there are; `None` when they cannot be counted.
    pub messages: Option<i64>,
    /// The position up to which every update is applied; `None` when it cannot be read.
    pub checkpoint: Option<Checkpoint>,
    /// The digest of the mailbox; `None` when it cannot be read to its end.
    pub digest: Option<Digest>,
}

impl Checkup {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.damages.is_empty()
    }
}

impl Replica {
    /// Reads all of the replica: SQLite's own check of pages and indexes, the rules of this crate,
    /// and each message. Changes nothing. Of a replica of an earlier schema, only the file itself is
    /// checked.
    ///
    /// # Errors
    /// The file cannot be read at all. What can be read and is wrong is in the [`Checkup`].
    pub fn check(&self) -> Result<Checkup> {
        let io = |error| self.error(&error);
        // All of it at one moment, whatever others write meanwhile.
        let snapshot = self.db.unchecked_transaction().map_err(io)?;
        let mut damages = match damaged_pages(&snapshot) {
            Err(error) if is_damage(&error) => vec![error.to_string()],
            found => found.map_err(io)?,
        };
        if let Ok(Ok(..SCHEMA_VERSION)) = schema_version(&snapshot) {
            return Ok(Checkup { damages, messages: None, checkpoint: None, digest: None });
        }
        if damages.is_empty() {
            for (rule, breaking) in RULES {
                if let Some(row) = first(&snapshot, breaking).map_err(io)? {
                    damages.push(format!("broken rule: {rule} (see {row})"));
                }
            }
        }
        let digest = digest_of(&snapshot);
        if let Err(error) = &digest {
            damages.push(format!("a message cannot be read: {error}"));
        }
        damages.truncate(DAMAGES_MAX);
        Ok(Checkup {
            damages,
            messages: self.message_count().ok(),
            checkpoint: self.checkpoint().ok(),
            digest: digest.ok(),
        })
    }
}

/// Whether the error says that the file itself is wrong.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// What SQLite finds wrong.
fn damaged_pages(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = db.prepare(&format!("PRAGMA integrity_check({DAMAGES_MAX})"))?;
    let found =
        check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(if found == ["ok"] { Vec::new() } else { found })
}

fn first(db: &Connection, query: &str) -> rusqlite::Result<Option<i64>> {
    let mut query = db.prepare(query)?;
    let mut rows = query.query([])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}
