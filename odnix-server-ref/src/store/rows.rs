//! The rows that [`Tx`](super::Tx) takes and gives.

use odnix_proto::{AuthKeyId, Secret};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

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
    /// Names a chat. Positive; that of a private one never leaves the server.
    ChatId
}
id! {
    /// Names a message, unique on this server and rising in commit order. Positive.
    MessageId
}

/// The other side of a dialog, or whose mailbox. Stored as the id of the user, or as that of
/// the group with a minus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A user.
    User(UserId),
    /// A group.
    Chat(ChatId),
}

impl From<UserId> for Peer {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl From<ChatId> for Peer {
    fn from(chat: ChatId) -> Self {
        Self::Chat(chat)
    }
}

impl ToSql for Peer {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::User(user) => user.0,
            Self::Chat(chat) => chat.0.saturating_neg(),
        }
        .into())
    }
}

impl FromSql for Peer {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(|id| match id {
            ..0 => Self::Chat(ChatId(id.saturating_neg())),
            0.. => Self::User(UserId(id)),
        })
    }
}

/// What a user has told of its presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Here, until then unless it says otherwise; Unix seconds.
    Online(i64),
    /// Away, since then; Unix seconds.
    Offline(i64),
}

/// What kind of chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// Of two users, or of one with itself.
    Private,
    /// A group, copied into the mailbox of each member.
    Small,
    /// A group with a mailbox of its own.
    Large,
}

impl FromSql for ChatKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "private" => Ok(Self::Private),
            "small" => Ok(Self::Small),
            "large" => Ok(Self::Large),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: ChatId,
    /// Whether it has a mailbox of its own.
    pub large: bool,
    /// 1 to 128 characters.
    pub title: String,
    /// Who has made it.
    pub creator: UserId,
    /// When, Unix seconds.
    pub date: i64,
    /// Rises with each change of title or members.
    pub version: i64,
    /// How many members it has.
    pub participants_count: i64,
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct NewGroup<'a> {
    /// With a mailbox of its own.
    pub large: bool,
    /// Checked by the caller.
    pub title: &'a str,
    /// By whom; not a member by this alone.
    pub creator: UserId,
    /// Unix seconds.
    pub date: i64,
}

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Who has added it.
    pub inviter: UserId,
    /// When, Unix seconds.
    pub date: i64,
}

/// Who looks at which chat: decides which of its messages exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Who.
    pub viewer: UserId,
    /// Where.
    pub chat: ChatId,
    /// Not bound to the time of a membership.
    pub whole: bool,
}

/// Something written and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where.
    pub peer: Peer,
    /// The text.
    pub text: String,
    /// When it was saved, Unix seconds.
    pub date: i64,
}

/// How a device has introduced itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// For people.
    pub device_model: String,
    /// For people.
    pub system_version: String,
    /// For people.
    pub app_version: String,
}

impl Device {
    /// With no text longer than so many characters.
    #[must_use]
    pub fn cut_to(self, chars_max: usize) -> Self {
        let cut = |text: String| match text.char_indices().nth(chars_max) {
            Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
            None => text,
        };
        Self {
            device_model: cut(self.device_model),
            system_version: cut(self.system_version),
            app_version: cut(self.app_version),
        }
    }
}

/// A key that a user is logged in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// The key.
    pub id: AuthKeyId,
    /// Who holds it.
    pub device: Device,
    /// When the key was made, Unix seconds.
    pub created_at: i64,
    /// When the device last introduced itself, Unix seconds.
    pub active_at: i64,
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
    /// As far as it has told.
    pub presence: Option<Presence>,
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

/// One message. Only its content ever changes.
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
    /// The change of the group that it stands for, as JSON.
    pub action: Option<String>,
    /// When the content was last replaced, Unix seconds.
    pub edit_date: Option<i64>,
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
    /// Made by the engine.
    pub action: Option<&'a str>,
}

/// One user's view of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// The chat.
    pub chat: ChatId,
    /// The other side; the user itself for saved messages.
    pub peer: Peer,
    /// Newest message of the chat.
    pub top_message: MessageId,
    /// The user has read the messages of others up to here; 0 for none.
    pub read_inbox_max_id: i64,
    /// Somebody else has read the user's messages up to here; 0 for none.
    pub read_outbox_max_id: i64,
    /// Messages of others after `read_inbox_max_id`.
    pub unread_count: i64,
}

/// One line of a mailbox's update log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The mailbox's pts after this update.
    pub pts: i32,
    /// By how much this update moved it.
    pub pts_count: i32,
    /// As in the table of [`engine`](crate::engine).
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
    /// Where the mailbox stood after it: that of the large group, else that of the sender.
    pub pts: i32,
    /// Where it was written.
    pub chat: ChatId,
    /// It is the message that the group was made with.
    pub made_chat: bool,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub id: i64,
    /// The hash of its content, under which it is on disk.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: i64,
    /// As given.
    pub name: String,
    /// As given.
    pub mime_type: String,
}

/// A file to be noted.
#[derive(Clone, Debug)]
pub struct NewFile<'a> {
    /// Who has uploaded it.
    pub owner: UserId,
    /// As the owner has named the upload.
    pub upload: i64,
    /// The hash of its content.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: i64,
    /// Checked by the caller.
    pub name: &'a str,
    /// Checked by the caller.
    pub mime_type: &'a str,
    /// Unix seconds.
    pub date: i64,
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
