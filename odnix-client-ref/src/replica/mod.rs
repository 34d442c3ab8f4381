//! The local replica: what this device knows of its mailbox, in one SQLite file.
//!
//! Layout: a folder (mode 0700) with `replica.sqlite` (mode 0600, WAL). The tables are in
//! `migrations`: the device's key and session, the checkpoint `(pts, date)` and that of each large
//! group, users with the access_hash this account may name them by, groups, messages, read
//! positions, drafts, and the sends whose outcome is not yet known. A replica of an earlier
//! schema version is brought to the newest when it is opened.
//!
//! Three rules hold at every moment, also after a crash:
//!
//! 1. An update and the checkpoint that vouches for it change in **one** transaction.
//! 2. The checkpoint never moves backwards, and applying an update twice changes nothing, so
//!    two programs may share one replica.
//! 3. A message is in `pending_sends` from before it first leaves until the transaction that
//!    stores its row. Once the server has acknowledged it, another one may end its wait: one that
//!    moves the checkpoint past it, or one that knows that its history is still to be fetched, or
//!    that the user has left the group. If the server's log ends before the checkpoint, what is
//!    still there stays, and is sent again under its random_id.
//!
//! A commit survives the end of the process at once and a power failure from the next WAL
//! checkpoint on; a commit lost to a power failure is lost whole, and the server's log fills
//! it in again. What no log has, the key and a message before it leaves, is synced to the disk at
//! once.
//!
//! Errors are [`ReplicaError`]: full disk, unwritable file, foreign file, newer schema, another
//! server's replica. None of them damages what is stored.

mod backup;
mod chats;
mod check;
mod digest;
mod error;
mod files;
mod rows;
mod sends;

pub use backup::KeyInCopy;
pub use chats::{ChatRow, DraftRow};
pub use check::Checkup;
pub use digest::{Digest, MailboxModel, MessageRow, ReadPositions, dialog_id};
pub use error::ReplicaError;
pub use sends::{Outgoing, PendingSend};

use crate::sync::Resumed;
use digest::CanonicalHasher;
use files::{make_private_file, make_private_folder};
use odnix_proto::{AuthKey, Secret};
use odnix_tl::odnix::{enums::Update, types};
use rows::{
    MESSAGE_COLUMNS, advance_chat_checkpoint, advance_checkpoint, advance_read, apply_update,
    delete_pending, drop_chat, keep_dialogs, leave_chat, message_row, replace_range, save_draft,
    upsert_chat, upsert_user,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The n-th leads from version n to n + 1.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];
const SCHEMA_VERSION: usize = MIGRATIONS.len();
const FILE_NAME: &str = "replica.sqlite";

/// How much of the mailbox's log a replica holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Every update up to here has been applied.
    pub pts: i32,
    /// The server's clock when it said so, Unix seconds.
    pub date: i32,
}

/// The authorization key of this device and what travels with it.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey {
    /// The key.
    pub auth_key: AuthKey,
    /// The salt last known to be valid.
    pub server_salt: i64,
    /// The server's clock minus ours, in microseconds.
    pub time_offset_us: i64,
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceKey")
            .field("auth_key", &self.auth_key)
            .field("time_offset_us", &self.time_offset_us)
            .finish_non_exhaustive()
    }
}

/// A dialog as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogRow {
    /// The other side.
    pub peer_id: i64,
    /// The newest message.
    pub top_message: i64,
    /// How far it has been read.
    pub read: ReadPositions,
    /// Messages of the peer that have not been read.
    pub unread_count: i64,
}

/// A part of a dialog as the server says it is: whatever else the replica has in this range is
/// gone.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// The dialog.
    pub peer_id: i64,
    /// From this message id on.
    pub from: i64,
    /// Below this one.
    pub before: i64,
    /// What is there, newest first.
    pub messages: Vec<types::Message>,
}

/// What one transaction stores, in the order in which it is applied.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// First forget messages, read positions, drafts and checkpoints. The account, its key and
    /// the sends that wait stay.
    pub clear: bool,
    /// Large groups whose messages and positions are forgotten.
    pub dropped_chats: Vec<i64>,
    /// Large groups of which the user is no member any more: they are not followed again before
    /// the server describes them anew.
    pub left_chats: Vec<i64>,
    /// Users the updates speak of.
    pub users: Vec<types::User>,
    /// Groups the updates speak of.
    pub chats: Vec<types::Chat>,
    /// Parts of the history that came outside the logs.
    pub pages: Vec<HistoryPage>,
    /// What the server says of dialogs.
    pub dialogs: Vec<types::Dialog>,
    /// All drafts there are.
    pub drafts: Option<Vec<types::PeerDraft>>,
    /// Updates, each mailbox's in pts order.
    pub updates: Vec<Update>,
    /// Sends, by random_id, whose message the replica is known to hold already.
    pub settled_sends: Vec<i64>,
    /// All dialogs there are: the messages of others are dropped.
    pub keep_dialogs: Option<BTreeSet<i64>>,
    /// The position in the user's mailbox they lead to; `None` if it does not move.
    pub checkpoint: Option<Checkpoint>,
    /// The same for large groups.
    pub chat_checkpoints: Vec<(i64, i32)>,
}

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        !self.clear
            && self.dropped_chats.is_empty()
            && self.left_chats.is_empty()
            && self.users.is_empty()
            && self.chats.is_empty()
            && self.pages.is_empty()
            && self.dialogs.is_empty()
            && self.drafts.is_none()
            && self.updates.is_empty()
            && self.settled_sends.is_empty()
            && self.keep_dialogs.is_none()
            && self.checkpoint.is_none()
            && self.chat_checkpoints.is_empty()
    }
}

/// An open replica.
#[derive(Debug)]
pub struct Replica {
    db: Connection,
    path: PathBuf,
}

type Result<T, E = ReplicaError> = std::result::Result<T, E>;

impl Replica {
    /// Opens the replica in `folder`, making both when they do not exist.
    ///
    /// `server_fingerprint` names the server this replica belongs to from now on.
    /// `bytes_max` bounds the size of the database file.
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else, or another server's replica.
    pub fn open(folder: &Path, server_fingerprint: i64, bytes_max: Option<u64>) -> Result<Self> {
        make_private_folder(folder)?;
        let path = Self::file_in(folder);
        make_private_file(&path)?;
        let db =
            Connection::open(&path).map_err(|error| ReplicaError::from_sqlite(&path, &error))?;
        let mut replica = Self { db, path };
        replica.configure(bytes_max).map_err(|error| replica.error(&error))?;
        replica.migrate()?;
        replica.claim(server_fingerprint)?;
        Ok(replica)
    }

    /// A replica that ends with the process, for tests and simulations.
    ///
    /// # Errors
    /// SQLite has no memory.
    pub fn in_memory(server_fingerprint: i64) -> Result<Self> {
        let path = PathBuf::from(":memory:");
        let db = Connection::open_in_memory()
            .map_err(|error| ReplicaError::from_sqlite(&path, &error))?;
        let mut replica = Self { db, path };
        replica.migrate()?;
        replica.claim(server_fingerprint)?;
        Ok(replica)
    }

    fn configure(&self, bytes_max: Option<u64>) -> rusqlite::Result<()> {
        self.db.busy_timeout(std::time::Duration::from_secs(5))?;
        if let Some(bytes_max) = bytes_max {
            let page_bytes: u32 =
                self.db.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages_max =
                (bytes_max / u64::from(page_bytes.max(1))).clamp(1, u64::from(u32::MAX));
            let pages_max = i64::try_from(pages_max).unwrap_or(i64::MAX);
            self.db.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))?;
        }
        self.db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        self.db.pragma_update(None, "foreign_keys", true)
    }

    /// Brings the schema to its newest version, in one transaction.
    fn migrate(&mut self) -> Result<()> {
        // Both look and both may find work: the second to get the lock finds none.
        if self.version_to_migrate_from()? == SCHEMA_VERSION {
            return Ok(());
        }
        self.transaction(|tx| {
            let Ok(from) = schema_version(tx)? else { return Ok(()) };
            MIGRATIONS[from..].iter().try_for_each(|step| tx.execute_batch(step))?;
            tx.pragma_update(None, "user_version", SCHEMA_VERSION as i64)
        })
    }

    /// How many of the migrations have been made.
    fn version_to_migrate_from(&self) -> Result<usize> {
        let path = self.path.clone();
        self.read(schema_version)?.map_err(|found| match found {
            0 => ReplicaError::NotAReplica { path },
            found => ReplicaError::NewerSchema { path, found },
        })
    }

    fn claim(&mut self, given: i64) -> Result<()> {
        let ours: i64 = self.transaction(|tx| {
            tx.execute(
                "INSERT INTO device (id, server_fingerprint) VALUES (1, ?1) ON CONFLICT DO NOTHING",
                [given],
            )?;
            tx.query_row("SELECT server_fingerprint FROM device", [], |row| row.get(0))
        })?;
        if ours == given {
            return Ok(());
        }
        let hex = |fingerprint: i64| format!("{fingerprint:016x}");
        Err(ReplicaError::OtherServer {
            path: self.path.clone(),
            ours: hex(ours),
            given: hex(given),
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    // --- the device ---

    /// The stored authorization key.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn device_key(&self) -> Result<Option<DeviceKey>> {
        let row = self.read(|db| {
            db.query_row("SELECT auth_key, server_salt, time_offset_us FROM device", [], |row| {
                let key: Option<[u8; 256]> = row.get(0)?;
                Ok((key.map(Zeroizing::new), row.get(1)?, row.get(2)?))
            })
        })?;
        let (Some(key), server_salt, time_offset_us) = row else { return Ok(None) };
        let auth_key = AuthKey::new(Secret::init(|bytes| bytes.copy_from_slice(key.as_slice())));
        Ok(Some(DeviceKey { auth_key, server_salt, time_offset_us }))
    }

    /// Stores a new authorization key, synced to the disk before this returns.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn save_device_key(&mut self, key: &DeviceKey) -> Result<()> {
        self.durable_transaction(|tx| {
            tx.execute(
                "UPDATE device SET auth_key = ?1, server_salt = ?2, time_offset_us = ?3",
                params![
                    key.auth_key.expose_secret().as_slice(),
                    key.server_salt,
                    key.time_offset_us
                ],
            )
        })
        .map(drop)
    }

    /// Forgets a key the server does not know any more. The mailbox stays.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn forget_device_key(&mut self) -> Result<()> {
        self.transaction(|tx| {
            tx.execute("UPDATE device SET auth_key = NULL, session_id = NULL", [])
        })
        .map(drop)
    }

    /// Stores the salt and clock offset learned since the key was made.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn save_salt(&mut self, server_salt: i64, time_offset_us: i64) -> Result<()> {
        self.transaction(|tx| {
            tx.execute(
                "UPDATE device SET server_salt = ?1, time_offset_us = ?2",
                [server_salt, time_offset_us],
            )
        })
        .map(drop)
    }

    /// Notes the session this device now speaks in, for diagnostics.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn save_session(&mut self, session_id: i64) -> Result<()> {
        self.transaction(|tx| tx.execute("UPDATE device SET session_id = ?1", [session_id]))
            .map(drop)
    }

    /// The session last spoken in.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn session(&self) -> Result<Option<i64>> {
        self.read(|db| db.query_row("SELECT session_id FROM device", [], |row| row.get(0)))
    }

    /// The account this replica belongs to, once signed in.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn own_user(&self) -> Result<Option<types::User>> {
        let id: Option<i64> =
            self.read(|db| db.query_row("SELECT self_user_id FROM device", [], |row| row.get(0)))?;
        id.map_or(Ok(None), |id| self.user(id))
    }

    /// Stores the account this replica belongs to.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn save_own_user(&mut self, user: &types::User) -> Result<()> {
        self.transaction(|tx| {
            upsert_user(tx, user)?;
            tx.execute("UPDATE device SET self_user_id = ?1", [user.id])
        })
        .map(drop)
    }

    // --- the mailbox ---

    /// The position up to which every update has been applied.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        self.read(|db| {
            db.query_row("SELECT pts, date FROM checkpoint", [], |row| {
                Ok(Checkpoint { pts: row.get(0)?, date: row.get(1)? })
            })
            .optional()
            .map(Option::unwrap_or_default)
        })
    }

    /// Everything a [`SyncMachine`](crate::sync::SyncMachine) starts from; `None` until somebody
    /// is signed in.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn resume(&self) -> Result<Option<Resumed>> {
        let Some(own) = self.own_user()? else { return Ok(None) };
        let mut known = self.user_ids()?;
        let chats = self.chats()?;
        known.extend(chats.iter().map(|chat| chat.id.saturating_neg()));
        Ok(Some(Resumed {
            own_id: own.id,
            checkpoint: self.checkpoint()?,
            known,
            chats: self.chat_checkpoints()?,
            small_chats: chats.iter().filter(|chat| !chat.large).map(|chat| chat.id).collect(),
            joining: self.chats_to_join()?,
        }))
    }

    /// Stores a batch, all or nothing. Returns how many messages were new.
    ///
    /// # Errors
    /// The database cannot be written; nothing of the batch is stored.
    pub fn apply(&mut self, batch: &Batch) -> Result<usize> {
        self.transaction(|tx| {
            if batch.clear {
                tx.execute_batch(
                    "DELETE FROM messages; DELETE FROM dialogs; DELETE FROM checkpoint;
                     DELETE FROM chat_checkpoints; DELETE FROM drafts; DELETE FROM chats;",
                )?;
            }
            batch.dropped_chats.iter().try_for_each(|id| drop_chat(tx, *id))?;
            batch.left_chats.iter().try_for_each(|id| leave_chat(tx, *id))?;
            batch.users.iter().try_for_each(|user| upsert_user(tx, user))?;
            batch.chats.iter().try_for_each(|chat| upsert_chat(tx, chat))?;
            let mut new_messages = 0;
            for page in &batch.pages {
                new_messages += replace_range(tx, page)?;
            }
            batch.dialogs.iter().try_for_each(|dialog| store_dialog(tx, dialog))?;
            if let Some(drafts) = &batch.drafts {
                tx.execute("DELETE FROM drafts", [])?;
                drafts.iter().try_for_each(|it| save_draft(tx, dialog_id(&it.peer), &it.draft))?;
            }
            for update in &batch.updates {
                new_messages += apply_update(tx, update)?;
            }
            batch.settled_sends.iter().try_for_each(|id| delete_pending(tx, *id))?;
            if let Some(keep) = &batch.keep_dialogs {
                keep_dialogs(tx, keep)?;
            }
            if let Some(checkpoint) = batch.checkpoint {
                advance_checkpoint(tx, checkpoint)?;
            }
            batch.chat_checkpoints.iter().try_for_each(|it| advance_chat_checkpoint(tx, *it))?;
            Ok(new_messages)
        })
    }

    /// The newest messages with `peer_id` below `before_id` (0 for the newest), oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn history(&self, peer_id: i64, before_id: i64, limit: u32) -> Result<Vec<MessageRow>> {
        let mut rows = self.rows(
            &format!(
                "SELECT {MESSAGE_COLUMNS} FROM messages
                 WHERE peer_id = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3"
            ),
            params![peer_id, before_id, limit],
            message_row,
        )?;
        rows.reverse();
        Ok(rows)
    }

    /// Messages this replica learned after the `arrival`-th, in order of arrival, each with
    /// its own number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn arrived_after(&self, arrival: i64, limit: u32) -> Result<Vec<(i64, MessageRow)>> {
        self.rows(
            &format!(
                "SELECT {MESSAGE_COLUMNS}, arrival FROM messages
                 WHERE arrival > ?1 ORDER BY arrival LIMIT ?2"
            ),
            params![arrival, limit],
            |row| Ok((row.get("arrival")?, message_row(row)?)),
        )
    }

    /// The arrival number of the newest message, 0 if there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_arrival(&self) -> Result<i64> {
        self.read(|db| {
            db.query_row("SELECT ifnull(max(arrival), 0) FROM messages", [], |row| row.get(0))
        })
    }

    /// How many messages the replica holds.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn message_count(&self) -> Result<i64> {
        self.read(|db| db.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)))
    }

    /// The newest message of the peer up to `max_id` that has not been read yet.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn newest_unread(&self, peer_id: i64, max_id: i64) -> Result<Option<i64>> {
        self.read(|db| {
            db.query_row(
                "SELECT max(id) FROM messages WHERE peer_id = ?1 AND NOT out AND id <= ?2 AND id >
                 ifnull((SELECT read_inbox_max_id FROM dialogs WHERE peer_id = ?1), 0)",
                [peer_id, max_id],
                |row| row.get(0),
            )
        })
    }

    /// The dialogs, the one with the newest message first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dialogs(&self) -> Result<Vec<DialogRow>> {
        self.rows(
            "SELECT m.peer_id, max(m.id), ifnull(d.read_inbox_max_id, 0),
                    ifnull(d.read_outbox_max_id, 0),
                    sum(m.out = 0 AND m.id > ifnull(d.read_inbox_max_id, 0))
             FROM messages m LEFT JOIN dialogs d USING (peer_id)
             GROUP BY m.peer_id ORDER BY max(m.id) DESC",
            [],
            |row| {
                Ok(DialogRow {
                    peer_id: row.get(0)?,
                    top_message: row.get(1)?,
                    read: ReadPositions { inbox_max_id: row.get(2)?, outbox_max_id: row.get(3)? },
                    unread_count: row.get(4)?,
                })
            },
        )
    }

    /// The digest of the mailbox; see [`Digest`].
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn digest(&self) -> Result<Digest> {
        self.read(|db| {
            let snapshot = db.unchecked_transaction()?;
            digest_of(&snapshot)
        })
    }

    // --- people ---

    /// Stores what the server says of these users.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn save_users(&mut self, users: &[types::User]) -> Result<()> {
        self.transaction(|tx| users.iter().try_for_each(|user| upsert_user(tx, user)))
    }

    /// A user by id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn user(&self, id: i64) -> Result<Option<types::User>> {
        Ok(self.users_where("id = ?1", params![id])?.pop())
    }

    /// A user by name, whatever its case.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn user_by_name(&self, username: &str) -> Result<Option<types::User>> {
        Ok(self.users_where("username = ?1 COLLATE NOCASE", params![username])?.pop())
    }

    /// The ids of all users known.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn user_ids(&self) -> Result<BTreeSet<i64>> {
        self.rows("SELECT id FROM users", [], |row| row.get(0)).map(BTreeSet::from_iter)
    }

    /// The contacts, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn contacts(&self) -> Result<Vec<types::User>> {
        self.users_where("contact ORDER BY username", [])
    }

    fn users_where(&self, clause: &str, params: impl rusqlite::Params) -> Result<Vec<types::User>> {
        self.rows(
            &format!(
                "SELECT id, access_hash, username, first_name, contact,
                        id = (SELECT self_user_id FROM device) FROM users WHERE {clause}"
            ),
            params,
            |row| {
                Ok(types::User {
                    self_: row.get::<_, Option<bool>>(5)?.unwrap_or(false),
                    contact: row.get(4)?,
                    id: row.get(0)?,
                    access_hash: row.get(1)?,
                    username: row.get(2)?,
                    first_name: row.get(3)?,
                    status: None,
                })
            },
        )
    }

    // --- plumbing ---

    fn error(&self, error: &rusqlite::Error) -> ReplicaError {
        ReplicaError::from_sqlite(&self.path, error)
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.db).map_err(|error| self.error(&error))
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.read(|db| db.prepare_cached(sql)?.query_map(params, row)?.collect())
    }

    /// A transaction that is on the disk when this returns.
    fn durable_transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.set_synchronous("FULL")?;
        let done = self.transaction(work);
        self.set_synchronous("NORMAL")?;
        done
    }

    fn set_synchronous(&self, level: &str) -> Result<()> {
        self.read(|db| db.pragma_update(None, "synchronous", level))
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        in_transaction(&mut self.db, work).map_err(|error| self.error(&error))
    }
}

/// The version of the schema; `Err` if it is none of ours, or newer.
fn schema_version(db: &Connection) -> rusqlite::Result<Result<usize, i64>> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match usize::try_from(version) {
        Ok(0) if tables == 0 => Ok(0),
        Ok(from) if (1..=SCHEMA_VERSION).contains(&from) => Ok(from),
        _ => Err(version),
    })
}

fn digest_of(snapshot: &Connection) -> rusqlite::Result<Digest> {
    let mut hasher = CanonicalHasher::default();
    let mut messages =
        snapshot.prepare(&format!("SELECT {MESSAGE_COLUMNS} FROM messages ORDER BY id"))?;
    for row in messages.query_map([], message_row)? {
        hasher.message(&row?);
    }
    let mut reads = snapshot.prepare(
        "SELECT peer_id, read_inbox_max_id, read_outbox_max_id FROM dialogs
         WHERE peer_id IN (SELECT peer_id FROM messages) ORDER BY peer_id",
    )?;
    let mut rows = reads.query([])?;
    while let Some(row) = rows.next()? {
        let positions = ReadPositions { inbox_max_id: row.get(1)?, outbox_max_id: row.get(2)? };
        hasher.read(row.get(0)?, positions);
    }
    let mut drafts = snapshot.prepare("SELECT peer_id, date, text FROM drafts ORDER BY peer_id")?;
    let mut rows = drafts.query([])?;
    while let Some(row) = rows.next()? {
        hasher.draft(row.get(0)?, row.get(1)?, &row.get::<_, String>(2)?);
    }
    Ok(hasher.finish())
}

fn store_dialog(tx: &Transaction<'_>, dialog: &types::Dialog) -> rusqlite::Result<()> {
    let positions = ReadPositions {
        inbox_max_id: dialog.read_inbox_max_id,
        outbox_max_id: dialog.read_outbox_max_id,
    };
    advance_read(tx, dialog_id(&dialog.peer), positions)
}

fn in_transaction<T>(
    db: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let value = work(&tx)?;
    tx.commit()?;
    Ok(value)
}
