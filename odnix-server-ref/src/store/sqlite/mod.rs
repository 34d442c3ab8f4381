//! [`Tx`](super::Tx) over SQLite.
//!
//! One module for each part of the transaction. Write-ahead log with `synchronous=FULL`: a commit has reached the disk when it returns.

mod chats;
mod dialogs;
mod files;
mod keys;
mod mailboxes;
mod messages;
mod statements;
mod users;
mod words;

use super::StoreError;
use rusqlite::Connection;
use std::path::Path;

/// Each entry moves the schema on by one version; never edit one that was released.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

pub(super) use words::Words;

/// One open transaction.
pub(super) struct SqliteTx<'c> {
    pub(super) connection: &'c Connection,
    pub(super) words: &'c mut Words,
}

/// Opens or creates the database and brings its schema up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreError::NoWal(mode));
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         -- What a savepoint may undo: a few jobs' worth, not worth a file.
         PRAGMA temp_store = MEMORY;
         -- KiB. Pages of one commit that find no room are written twice.
         PRAGMA cache_size = -65536;
         -- Pages of 4 KiB. A checkpoint is two syncs and writes each page once, however often it
         -- was in the log; this many are read at the next start.
         PRAGMA wal_autocheckpoint = 4096;",
    )?;
    connection.set_prepared_statement_cache_capacity(128);
    migrate(&mut connection)?;
    Ok(connection)
}

/// An empty database that lives as long as its connection.
pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")?;
    connection.set_prepared_statement_cache_capacity(128);
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let Some(missing) = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(StoreError::NewerSchema { found, known });
    };
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
