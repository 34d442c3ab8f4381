use super::SqliteTx;
use super::statements::Rows;
use crate::store::rows::{ChatId, ChatKind, Group, Member, MessageId, NewGroup, Peer, UserId};
use crate::store::{Chats, StoreError};
use rusqlite::Row;

fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member { user: row.get(0)?, inviter: row.get(1)?, date: row.get(2)? })
}

fn low_high(a: UserId, b: UserId) -> (UserId, UserId) {
    (a.min(b), a.max(b))
}

impl Chats for SqliteTx<'_> {
    fn private_chat(&mut self, a: UserId, b: UserId) -> Result<Option<ChatId>, StoreError> {
        self.maybe(
            "SELECT id FROM chats WHERE user_low = ?1 AND user_high = ?2",
            low_high(a, b),
            |row| row.get(0),
        )
    }

    fn ensure_private_chat(&mut self, a: UserId, b: UserId) -> Result<ChatId, StoreError> {
        if let Some(chat) = self.private_chat(a, b)? {
            return Ok(chat);
        }
        self.one(
            "INSERT INTO chats (kind, user_low, user_high) VALUES ('private', ?1, ?2)
             RETURNING id",
            low_high(a, b),
            |row| row.get(0),
        )
    }

    fn create_group(&mut self, group: &NewGroup<'_>) -> Result<ChatId, StoreError> {
        let kind = if group.large { "large" } else { "small" };
        let id: ChatId = self.one(
            "INSERT INTO chats (kind, title, creator, date) VALUES (?1, ?2, ?3, ?4)
             RETURNING id",
            (kind, group.title, group.creator, group.date),
            |row| row.get(0),
        )?;
        if group.large {
            self.execute("INSERT INTO mailbox (owner, pts) VALUES (?1, 0)", [Peer::Chat(id)])?;
        }
        Ok(id)
    }

    fn group(&mut self, id: ChatId) -> Result<Option<Group>, StoreError> {
        self.maybe(
            "SELECT id, kind, title, creator, date, version, participants_count
             FROM chats WHERE id = ?1 AND kind <> 'private'",
            [id],
            |row| {
                Ok(Group {
                    id: row.get(0)?,
                    large: row.get::<_, ChatKind>(1)? == ChatKind::Large,
                    title: row.get(2)?,
                    creator: row.get(3)?,
                    date: row.get(4)?,
                    version: row.get(5)?,
                    participants_count: row.get(6)?,
                })
            },
        )
    }

    fn set_title(&mut self, id: ChatId, title: &str) -> Result<(), StoreError> {
        self.execute(
            "UPDATE chats SET title = ?2, version = version + 1 WHERE id = ?1",
            (id, title),
        )?;
        Ok(())
    }

    fn add_member(
        &mut self,
        id: ChatId,
        member: &Member,
        from_message: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO members (chat_id, user_id, inviter_id, date) VALUES (?1, ?2, ?3, ?4)",
            (id, member.user, member.inviter, member.date),
        )?;
        self.execute(
            "INSERT INTO visits (chat_id, user_id, from_message)
             SELECT id, ?2, ?3 FROM chats WHERE id = ?1 AND kind = 'small'",
            (id, member.user, from_message),
        )?;
        self.execute(
            "UPDATE chats SET participants_count = participants_count + 1, version = version + 1
             WHERE id = ?1",
            [id],
        )?;
        Ok(())
    }

    fn remove_member(
        &mut self,
        id: ChatId,
        user: UserId,
        to_message: i64,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM members WHERE chat_id = ?1 AND user_id = ?2", (id, user))?;
        self.execute(
            "UPDATE visits SET to_message = ?3
             WHERE chat_id = ?1 AND user_id = ?2 AND to_message = 9223372036854775807",
            (id, user, to_message),
        )?;
        self.execute(
            "UPDATE chats SET participants_count = participants_count - 1, version = version + 1
             WHERE id = ?1",
            [id],
        )?;
        Ok(())
    }

    fn member(&mut self, id: ChatId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.maybe(
            "SELECT user_id, inviter_id, date FROM members WHERE chat_id = ?1 AND user_id = ?2",
            (id, user),
            member,
        )
    }

    fn member_ids(&mut self, id: ChatId) -> Rows<UserId> {
        self.all("SELECT user_id FROM members WHERE chat_id = ?1 ORDER BY user_id", [id], |row| {
            row.get(0)
        })
    }

    fn members(&mut self, id: ChatId, after: UserId, limit: i64) -> Rows<Member> {
        self.all(
            "SELECT user_id, inviter_id, date FROM members
             WHERE chat_id = ?1 AND user_id > ?2 ORDER BY user_id LIMIT ?3",
            (id, after, limit),
            member,
        )
    }

    fn has_visited(&mut self, id: ChatId, user: UserId) -> Result<bool, StoreError> {
        self.one(
            "SELECT EXISTS (SELECT 1 FROM visits WHERE chat_id = ?1 AND user_id = ?2)",
            (id, user),
            |row| row.get(0),
        )
    }

    fn visitor_count(&mut self, id: ChatId) -> Result<i64, StoreError> {
        self.one("SELECT count(DISTINCT user_id) FROM visits WHERE chat_id = ?1", [id], |row| {
            row.get(0)
        })
    }

    fn witnesses(&mut self, id: ChatId, message: MessageId) -> Rows<UserId> {
        self.all(
            "SELECT user_id FROM visits v
             WHERE chat_id = ?1 AND ?2 BETWEEN from_message AND to_message AND NOT EXISTS (
                 SELECT 1 FROM hidden h
                 WHERE h.user_id = v.user_id AND h.chat_id = ?1 AND h.message_id = ?2)
             ORDER BY user_id",
            (id, message),
            |row| row.get(0),
        )
    }
}
