//! Groups and drafts.

use super::{Replica, Result};

/// A group as the replica knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRow {
    /// Unique on the server; its dialog is this id with a minus.
    pub id: i64,
    /// What it is called.
    pub title: String,
    /// The user is no member, or no longer.
    pub left: bool,
    /// It has a mailbox of its own.
    pub large: bool,
    /// How many members it has.
    pub participants_count: i32,
}

/// What was written and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRow {
    /// Where.
    pub peer_id: i64,
    /// What.
    pub text: String,
    /// When the server saved it, Unix seconds.
    pub date: i32,
}

impl Replica {
    /// The groups, by id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn chats(&self) -> Result<Vec<ChatRow>> {
        self.chats_where("true ORDER BY id", [])
    }

    /// A group by id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn chat(&self, id: i64) -> Result<Option<ChatRow>> {
        Ok(self.chats_where("id = ?1", [id])?.pop())
    }

    fn chats_where(&self, clause: &str, params: impl rusqlite::Params) -> Result<Vec<ChatRow>> {
        self.rows(
            &format!(
                "SELECT id, title, left_it, large, participants_count FROM chats WHERE {clause}"
            ),
            params,
            |row| {
                Ok(ChatRow {
                    id: row.get(0)?,
                    title: row.get(1)?,
                    left: row.get(2)?,
                    large: row.get(3)?,
                    participants_count: row.get(4)?,
                })
            },
        )
    }

    /// Large groups that are followed, and where their logs stand.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn chat_checkpoints(&self) -> Result<Vec<(i64, i32)>> {
        self.rows("SELECT chat_id, pts FROM chat_checkpoints ORDER BY chat_id", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    /// Large groups of the user whose history was not fetched to its end.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn chats_to_join(&self) -> Result<Vec<(i64, i32)>> {
        self.rows(
            "SELECT id, pts FROM chats WHERE large AND NOT left_it
             AND id NOT IN (SELECT chat_id FROM chat_checkpoints) ORDER BY id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// The draft of a dialog.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn draft(&self, peer_id: i64) -> Result<Option<DraftRow>> {
        let drafts = self.rows(
            "SELECT peer_id, text, date FROM drafts WHERE peer_id = ?1",
            [peer_id],
            |row| Ok(DraftRow { peer_id: row.get(0)?, text: row.get(1)?, date: row.get(2)? }),
        )?;
        Ok(drafts.into_iter().next())
    }

    /// What to call a dialog: a user's name, a group's title, else its number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn name_of(&self, peer_id: i64) -> Result<String> {
        let name = match peer_id {
            ..0 => self.chat(peer_id.saturating_neg())?.map(|chat| chat.title),
            0.. => self.user(peer_id)?.map(|user| user.username),
        };
        Ok(name.unwrap_or_else(|| peer_id.to_string()))
    }
}
