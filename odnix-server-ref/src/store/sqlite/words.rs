//! The full-text index, written once for each commit.
//!
//! FTS5 writes what it has gathered whenever a savepoint begins, a segment of its index each time,
//! and every job has one. So the words of new texts wait outside until the transaction is about
//! to be committed, or until a job asks for the index.

use super::SqliteTx;
use crate::store::{MessageId, StoreError};

/// The words of one transaction.
#[derive(Debug, Default)]
pub(in crate::store) struct Words {
    texts: Vec<Text>,
    /// How many of them are in the index.
    written: usize,
}

#[derive(Debug)]
struct Text {
    message: MessageId,
    chat: i64,
    text: String,
}

/// A moment to go back to.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Mark {
    texts: usize,
    written: usize,
}

impl Words {
    pub(in crate::store) fn mark(&self) -> Mark {
        Mark { texts: self.texts.len(), written: self.written }
    }

    /// Goes back to where a savepoint began. What was written since then was undone with it, and
    /// waits again.
    pub(in crate::store) fn back_to(&mut self, mark: Mark) {
        self.texts.truncate(mark.texts);
        self.written = mark.written;
    }
}

impl SqliteTx<'_> {
    pub(super) fn index_words(&mut self, message: MessageId, chat: i64, text: &str) {
        if !text.is_empty() {
            self.words.texts.push(Text { message, chat, text: text.to_owned() });
        }
    }

    pub(super) fn forget_words(&mut self, message: MessageId) -> Result<(), StoreError> {
        self.write_words()?;
        self.execute("DELETE FROM words WHERE rowid = ?1", [message])?;
        Ok(())
    }

    /// Brings the index up to date: before it is asked, and before the commit.
    pub(in crate::store) fn write_words(&mut self) -> Result<(), StoreError> {
        if self.words.written == self.words.texts.len() {
            return Ok(());
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO words (rowid, chat, text) VALUES (?1, 'c' || ?2, ?3)")?;
        while let Some(Text { message, chat, text }) = self.words.texts.get(self.words.written) {
            insert.execute((message, chat, text))?;
            self.words.written += 1;
        }
        Ok(())
    }
}
