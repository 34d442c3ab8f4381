//! The store without its thread: one transaction at a time, for programs that decide themselves
//! when a commit happens, such as a simulator.

use super::sqlite::{self, SqliteTx, Words};
use super::{StoreError, Tx};
use rusqlite::Connection;

/// A database in memory. What was committed stays for as long as this lives.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
}

impl Database {
    /// An empty one.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self { connection: sqlite::open_in_memory()? })
    }

    /// Runs `work` in a transaction of its own. An error of `work` or of `before_commit`, which
    /// may look at what is about to be committed, rolls it back.
    ///
    /// # Errors
    /// The error of either, or the store's own.
    pub fn run<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut dyn Tx) -> Result<T, E>,
        before_commit: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<T, E> {
        let sqlite = |error| E::from(StoreError::Sqlite(error));
        let transaction = self.connection.transaction().map_err(sqlite)?;
        let mut words = Words::default();
        let mut tx = SqliteTx { connection: &transaction, words: &mut words };
        let value = work(&mut tx)?;
        tx.write_words()?;
        before_commit(&transaction)?;
        transaction.commit().map_err(sqlite)?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewUser;

    const ALICE: NewUser<'_> =
        NewUser { username: "alice", first_name: "Alice", password_hash: "-", created_at: 1 };

    #[test]
    fn what_fails_before_its_commit_leaves_nothing() {
        let mut database = Database::in_memory().unwrap();
        let failed: Result<_, StoreError> =
            database.run(|tx| tx.create_user(&ALICE), |_| Err(StoreError::NotCommitted));
        assert!(matches!(failed, Err(StoreError::NotCommitted)));
        let found = |database: &mut Database| {
            let found: Result<_, StoreError> =
                database.run(|tx| tx.user_by_username("alice"), |_| Ok(()));
            found.unwrap().is_some()
        };
        assert!(!found(&mut database));
        let made: Result<_, StoreError> = database.run(|tx| tx.create_user(&ALICE), |_| Ok(()));
        made.unwrap();
        assert!(found(&mut database));
    }
}
