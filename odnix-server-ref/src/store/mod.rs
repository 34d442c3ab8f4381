//! What the server remembers, and the one rule of remembering: nothing is said before it is
//! stored.
//!
//! [`Tx`] is one transaction as the rooms above see it: typed queries, no SQL. [`Store`] runs
//! closures over a `Tx` on one writer thread with group commit; a closure's outcome is
//! released only after the commit that contains it.
//!
//! ```text
//! submit ──▶ queue ──▶ BEGIN ─ job ─ job ─ … ─ COMMIT (one fsync) ──▶ release, release, …
//!            bounded         each in its own SAVEPOINT            in the order of the jobs
//! ```
//!
//! | table | key | what it is |
//! |---|---|---|
//! | `users` | id | entities: username, first name, argon2id hash |
//! | `chats` | id | entities: the common history of two users (or of one with itself), or a group |
//! | `members` | (chat, user) | who belongs to a group |
//! | `visits` | (chat, user, first message) | which part of a small group somebody may read |
//! | `contacts` | (user, contact) | who added whom |
//! | `messages` | id | the history; the id is global and rises in commit order, only the content may change |
//! | `message_versions` | (message, version) | what edits replaced |
//! | `hidden` | (user, chat, message) | deleted by one user for itself |
//! | `words` | message | full-text index |
//! | `dialogs` | (user, chat) | one user's view of a chat: newest message, read marks |
//! | `drafts` | (user, peer) | written and not sent |
//! | `mailbox` | user or large group | its `pts`, and how far back its log reaches |
//! | `update_log` | (user or large group, pts) | the updates that led to each `pts`, as JSON |
//! | `sent` | (user, random_id) | what a `random_id` became: exactly once |
//! | `files` | id | what uploads became |
//! | `sessions` | auth_key_id | authorization keys, first salt, the user logged in |
//! | `settings` | name | secrets made on first start |

mod database;
mod rows;
mod sqlite;
mod tx;
mod writer;

pub use database::Database;
pub use rows::{
    ChatId, ChatKind, Credentials, Device, Dialog, Draft, Group, KeyRecord, LogEntry, LoggedIn,
    Member, Message, MessageId, NewFile, NewGroup, NewMessage, NewUser, Peer, Presence, Sent,
    Sight, StoredFile, User, UserId,
};
pub use tx::{Chats, Dialogs, Files, Keys, Mailboxes, Messages, Settings, Tx, Users};
pub use writer::{Failpoint, Store, StoreOptions};

/// Unread messages of a large group are counted up to here.
pub const UNREAD_MAX: i64 = 10_000;
/// Messages with the wanted words that a search looks at.
pub const SEARCH_CANDIDATES_MAX: i64 = 10_000;

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite refused; the transaction was rolled back.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The database was made by a newer server.
    #[error(
        "the database has schema version {found}, this server knows up to {known}: use the newer server"
    )]
    NewerSchema {
        /// Version in the file.
        found: i64,
        /// Newest version this server can read.
        known: i64,
    },
    /// The file system cannot give what the store needs.
    #[error("the database cannot use write-ahead logging (journal mode is {0})")]
    NoWal(String),
    /// A stored value breaks a rule of the schema.
    #[error("the database is damaged: {0}")]
    Corrupt(&'static str),
    /// The batch that held this job was rolled back.
    #[error("the transaction was not committed")]
    NotCommitted,
    /// The job panicked; its savepoint was rolled back.
    #[error("the job panicked")]
    Panicked,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// The operating system has no entropy, or no thread to give.
    #[error("operating system: {0}")]
    Os(String),
}
