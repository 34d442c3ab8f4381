use super::SqliteTx;
use super::statements::Rows;
use crate::store::rows::{Credentials, NewUser, Presence, User, UserId};
use crate::store::{StoreError, Users};
use rusqlite::Row;

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let (until, since): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
    let presence = until.map(Presence::Online).or(since.map(Presence::Offline));
    Ok(User { id: row.get(0)?, username: row.get(1)?, first_name: row.get(2)?, presence })
}

impl Users for SqliteTx<'_> {
    fn create_user(&mut self, user: &NewUser<'_>) -> Result<UserId, StoreError> {
        let id = self.one(
            "INSERT INTO users (username, first_name, password_hash, created_at)
             VALUES (?1, ?2, ?3, ?4) RETURNING id",
            (user.username, user.first_name, user.password_hash, user.created_at),
            |row| row.get(0),
        )?;
        self.execute("INSERT INTO mailbox (owner, pts) VALUES (?1, 0)", [id])?;
        Ok(id)
    }

    fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.maybe(
            "SELECT id, username, first_name, online_until, was_online FROM users WHERE id = ?1",
            [id],
            user,
        )
    }

    fn user_by_username(&mut self, username: &str) -> Result<Option<User>, StoreError> {
        self.maybe(
            "SELECT id, username, first_name, online_until, was_online FROM users WHERE username = ?1",
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
            "SELECT u.id, u.username, u.first_name, u.online_until, u.was_online
             FROM contacts c JOIN users u ON u.id = c.contact_id
             WHERE c.user_id = ?1 ORDER BY c.contact_id LIMIT ?2",
            (owner, limit),
            user,
        )
    }

    fn set_presence(&mut self, user: UserId, presence: Presence) -> Result<(), StoreError> {
        let (until, since) = match presence {
            Presence::Online(until) => (Some(until), None),
            Presence::Offline(since) => (None, Some(since)),
        };
        self.execute(
            "UPDATE users SET online_until = ?2, was_online = ?3 WHERE id = ?1",
            (user, until, since),
        )?;
        Ok(())
    }

    fn acquaintances(&mut self, user: UserId, limit: i64) -> Rows<UserId> {
        self.all(
            "SELECT peer FROM dialogs WHERE user_id = ?1 AND peer > 0 AND peer <> ?1
             ORDER BY top_message DESC LIMIT ?2",
            (user, limit),
            |row| row.get(0),
        )
    }
}
