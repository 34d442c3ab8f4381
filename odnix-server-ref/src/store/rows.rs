//! The rows that [`Tx`](super::Tx) takes and gives.

use odnix_proto::{AuthKeyId, Secret};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Names a user. Positive.
    UserId
}
id! {
    /// Names a chat. Positive; never leaves the server.
    ChatId
}
id! {
    /// Names a message, unique on this server and rising in commit order. Positive.
    MessageId
}

/// A user as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// As written at sign-up; unique without regard to case.
    pub username: String,
    /// As written at sign-up.
    pub first_name: String,
}

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser<'a> {
    /// Checked by the caller.
    pub username: &'a str,
    /// Checked by the caller.
    pub first_name: &'a str,
    /// PHC string of the argon2id hash.
    pub password_hash: &'a str,
    /// Unix seconds.
    pub created_at: i64,
}

/// What a sign-in is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// PHC string of the argon2id hash.
    pub password_hash: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, …)", self.user)
    }
}

/// One immutable message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Where it was written.
    pub chat: ChatId,
    /// Its author.
    pub from: UserId,
    /// Unix seconds.
    pub date: i64,
    /// At most 4096 characters.
    pub text: String,
    /// JSON reference to stored media.
    pub media: Option<String>,
}

/// A message to be written.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// Where.
    pub chat: ChatId,
    /// By whom.
    pub from: UserId,
    /// Unix seconds.
    pub date: i64,
    /// Checked by the caller.
    pub text: &'a str,
    /// Checked by the caller.
    pub media: Option<&'a str>,
}

/// One user's view of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// The chat.
    pub chat: ChatId,
    /// The other side; the user itself for saved messages.
    pub peer: UserId,
    /// Newest message of the chat.
    pub top_message: MessageId,
    /// The user has read the peer's messages up to here; 0 for none.
    pub read_inbox_max_id: i64,
    /// The peer has read the user's messages up to here; 0 for none.
    pub read_outbox_max_id: i64,
    /// Messages of the peer after `read_inbox_max_id`.
    pub unread_count: i64,
}

/// One line of a user's update log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The mailbox's pts after this update.
    pub pts: i64,
    /// By how much this update moved it.
    pub pts_count: i64,
    /// `NewMessage`, `MessageSent` or `ReadHistory`.
    pub event_type: String,
    /// The TL object as JSON with `"_"` tags.
    pub content: String,
}

/// What a `random_id` became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub message: MessageId,
    /// Its date, Unix seconds.
    pub date: i64,
    /// The sender's pts after it.
    pub pts: i64,
}

/// An authorization key at rest.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// Bytes 12..20 of its SHA1.
    pub id: AuthKeyId,
    /// The key.
    pub auth_key: Secret<256>,
    /// The salt that the key exchange ended with.
    pub server_salt: i64,
    /// The dc that the client asked for (10000 + N is a test dc).
    pub dc: i32,
    /// Unix seconds.
    pub created_at: i64,
}
