//! One transaction as the rooms above the store see it.

use super::StoreError;
use super::rows::{
    ChatId, Credentials, Dialog, KeyRecord, LogEntry, Message, MessageId, NewMessage, NewUser,
    Sent, User, UserId,
};
use odnix_proto::AuthKeyId;

/// Typed queries over one open transaction. Every list has a limit.
pub trait Tx {
    // --- users and contacts ---

    /// Creates a user with an empty mailbox at pts 0; the caller has checked that the
    /// username is free.
    fn create_user(&mut self, user: &NewUser<'_>) -> Result<UserId, StoreError>;
    /// The user with this id.
    fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user with this name, without regard to case.
    fn user_by_username(&mut self, username: &str) -> Result<Option<User>, StoreError>;
    /// What a sign-in under this name is checked against.
    fn credentials(&mut self, username: &str) -> Result<Option<Credentials>, StoreError>;
    /// Adds `contact` to the contacts of `owner`; adding twice changes nothing.
    fn add_contact(&mut self, owner: UserId, contact: UserId) -> Result<(), StoreError>;
    /// Whether `owner` has added `contact`.
    fn is_contact(&mut self, owner: UserId, contact: UserId) -> Result<bool, StoreError>;
    /// How many contacts `owner` has.
    fn contact_count(&mut self, owner: UserId) -> Result<i64, StoreError>;
    /// The contacts of `owner` by id, at most `limit`.
    fn contacts(&mut self, owner: UserId, limit: i64) -> Result<Vec<User>, StoreError>;

    // --- chats, messages, dialogs ---

    /// The chat of two users, or of one with itself, if they have one.
    fn private_chat(&mut self, a: UserId, b: UserId) -> Result<Option<ChatId>, StoreError>;
    /// The same, created when absent.
    fn ensure_private_chat(&mut self, a: UserId, b: UserId) -> Result<ChatId, StoreError>;
    /// How many messages a chat holds.
    fn message_count(&mut self, chat: ChatId) -> Result<i64, StoreError>;
    /// Writes a message; its id is above every id given out before.
    fn insert_message(&mut self, message: &NewMessage<'_>) -> Result<MessageId, StoreError>;
    /// One message.
    fn message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError>;
    /// Messages of a chat with an id below `before`, newest first, at most `limit`.
    fn history(
        &mut self,
        chat: ChatId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<Message>, StoreError>;
    /// The newest message of `author` in a chat with an id of at most `max_id`.
    fn newest_message_from(
        &mut self,
        chat: ChatId,
        author: UserId,
        max_id: i64,
    ) -> Result<Option<i64>, StoreError>;
    /// How many messages `author` wrote in a chat with `after < id <= max_id`.
    fn count_messages_from(
        &mut self,
        chat: ChatId,
        author: UserId,
        after: i64,
        max_id: i64,
    ) -> Result<i64, StoreError>;
    /// `message` is now the newest of the chat for `user`; `unread` are added to its unread
    /// messages. Creates the dialog when absent.
    fn raise_dialog(
        &mut self,
        user: UserId,
        chat: ChatId,
        peer: UserId,
        message: MessageId,
        unread: i64,
    ) -> Result<(), StoreError>;
    /// One user's view of a chat.
    fn dialog(&mut self, user: UserId, chat: ChatId) -> Result<Option<Dialog>, StoreError>;
    /// The dialogs of a user whose newest message is below `before`, newest first.
    fn dialogs(&mut self, user: UserId, before: i64, limit: i64)
    -> Result<Vec<Dialog>, StoreError>;
    /// How many dialogs a user has.
    fn dialog_count(&mut self, user: UserId) -> Result<i64, StoreError>;
    /// Sets how far a user has read, and what is left.
    fn set_read_inbox(
        &mut self,
        user: UserId,
        chat: ChatId,
        max_id: i64,
        unread_count: i64,
    ) -> Result<(), StoreError>;
    /// Sets how far a user's messages have been read by the peer.
    fn set_read_outbox(
        &mut self,
        user: UserId,
        chat: ChatId,
        max_id: i64,
    ) -> Result<(), StoreError>;
    /// Unread messages over all dialogs of a user.
    fn unread_count(&mut self, user: UserId) -> Result<i64, StoreError>;

    // --- mailbox, update log, exactly once ---

    /// The user's pts.
    fn pts(&mut self, user: UserId) -> Result<i64, StoreError>;
    /// Moves the user's pts on by `count` and gives the new value.
    fn advance_pts(&mut self, user: UserId, count: i64) -> Result<i64, StoreError>;
    /// Writes one line of the user's update log.
    fn append_log(&mut self, user: UserId, entry: &LogEntry) -> Result<(), StoreError>;
    /// Lines of the user's log after `pts`, oldest first: at most `limit`, and after the
    /// first no more than fit in `content_bytes_max`.
    fn log_after(
        &mut self,
        user: UserId,
        pts: i64,
        limit: usize,
        content_bytes_max: usize,
    ) -> Result<Vec<LogEntry>, StoreError>;
    /// What this `random_id` of the user became, if it was used.
    fn sent(&mut self, user: UserId, random_id: i64) -> Result<Option<Sent>, StoreError>;
    /// Remembers what a `random_id` became.
    fn record_sent(
        &mut self,
        user: UserId,
        random_id: i64,
        message: MessageId,
        pts: i64,
    ) -> Result<(), StoreError>;

    // --- sessions ---

    /// Stores a key that nobody is logged in with. `false` when the id is taken. Beyond
    /// `anonymous_max` keys without a user, the least recently used ones are forgotten.
    fn insert_key(&mut self, key: &KeyRecord, anonymous_max: i64) -> Result<bool, StoreError>;
    /// The key with this id; notes that it was used at `now_us` (Unix microseconds).
    fn use_key(&mut self, id: AuthKeyId, now_us: i64) -> Result<Option<KeyRecord>, StoreError>;
    /// Forgets a key and its login.
    fn delete_key(&mut self, id: AuthKeyId) -> Result<bool, StoreError>;
    /// Who is logged in with a key: `None` when the key is unknown or nobody is.
    fn session_user(&mut self, id: AuthKeyId) -> Result<Option<UserId>, StoreError>;
    /// Logs a user in or out. `false` when the key is unknown.
    fn set_session_user(
        &mut self,
        id: AuthKeyId,
        user: Option<UserId>,
        layer: Option<i32>,
    ) -> Result<bool, StoreError>;

    // --- settings ---

    /// A secret of this server, made by `fresh` on first use.
    fn setting(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError>;
}
