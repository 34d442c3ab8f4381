//! One transaction as the rooms above the store see it.

use super::StoreError;
use super::rows::{
    ChatId, Credentials, Device, Dialog, Draft, Group, KeyRecord, LogEntry, LoggedIn, Member,
    Message, MessageId, NewFile, NewGroup, NewMessage, NewUser, Peer, Presence, Sent, Sight,
    StoredFile, User, UserId,
};
use odnix_proto::AuthKeyId;
use odnix_proto::updates::Mailbox;

/// Typed queries over one open transaction. Every list has a limit.
pub trait Tx: Users + Chats + Messages + Dialogs + Mailboxes + Files + Keys + Settings {}

impl<T: Users + Chats + Messages + Dialogs + Mailboxes + Files + Keys + Settings> Tx for T {}

/// Users and their contacts.
pub trait Users {
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
    /// Notes what a user says of its presence.
    fn set_presence(&mut self, user: UserId, presence: Presence) -> Result<(), StoreError>;
    /// Those with whom `user` has a private dialog, the newest first, at most `limit`.
    fn acquaintances(&mut self, user: UserId, limit: i64) -> Result<Vec<UserId>, StoreError>;
}

/// Chats and the members of groups.
pub trait Chats {
    /// The chat of two users, or of one with itself, if they have one.
    fn private_chat(&mut self, a: UserId, b: UserId) -> Result<Option<ChatId>, StoreError>;
    /// The same, created when absent.
    fn ensure_private_chat(&mut self, a: UserId, b: UserId) -> Result<ChatId, StoreError>;
    /// Makes a group without members; a large one with an empty mailbox at pts 0.
    fn create_group(&mut self, group: &NewGroup<'_>) -> Result<ChatId, StoreError>;
    /// The group with this id.
    fn group(&mut self, id: ChatId) -> Result<Option<Group>, StoreError>;
    /// Changes the title; the group's version rises.
    fn set_title(&mut self, id: ChatId, title: &str) -> Result<(), StoreError>;
    /// Adds someone who is no member, and may read a small group from the message
    /// `from_message` on; the group's version rises.
    fn add_member(
        &mut self,
        id: ChatId,
        member: &Member,
        from_message: i64,
    ) -> Result<(), StoreError>;
    /// Removes a member, who may read a small group up to the message `to_message`; the group's
    /// version rises.
    fn remove_member(
        &mut self,
        id: ChatId,
        user: UserId,
        to_message: i64,
    ) -> Result<(), StoreError>;
    /// Whether, and how, `user` is a member.
    fn member(&mut self, id: ChatId, user: UserId) -> Result<Option<Member>, StoreError>;
    /// The ids of all members, rising.
    fn member_ids(&mut self, id: ChatId) -> Result<Vec<UserId>, StoreError>;
    /// Members with a higher id than `after`, at most `limit`.
    fn members(&mut self, id: ChatId, after: UserId, limit: i64)
    -> Result<Vec<Member>, StoreError>;
    /// Whether `user` is or was a member of a small group.
    fn has_visited(&mut self, id: ChatId, user: UserId) -> Result<bool, StoreError>;
    /// How many users are or were members of a small group.
    fn visitor_count(&mut self, id: ChatId) -> Result<i64, StoreError>;
    /// Who may read this message of a small group.
    fn witnesses(&mut self, id: ChatId, message: MessageId) -> Result<Vec<UserId>, StoreError>;
}

/// The history.
pub trait Messages {
    /// Writes a message; its id is above every id given out before.
    fn insert_message(&mut self, message: &NewMessage<'_>) -> Result<MessageId, StoreError>;
    /// One message, if this viewer sees it.
    fn message_in(&mut self, sight: Sight, id: MessageId) -> Result<Option<Message>, StoreError>;
    /// Replaces the content of a message; the old one is kept beside it.
    fn edit_message(
        &mut self,
        id: MessageId,
        text: &str,
        media: Option<&str>,
        date: i64,
    ) -> Result<(), StoreError>;
    /// Removes a message for everybody, from unread counts and tops of dialogs too.
    fn delete_message(&mut self, message: &Message) -> Result<(), StoreError>;
    /// Removes a message for one user, from its unread count and top of the dialog too.
    fn hide_message(&mut self, sight: Sight, message: &Message) -> Result<(), StoreError>;
    /// How many messages of a chat the viewer sees.
    fn message_count(&mut self, sight: Sight) -> Result<i64, StoreError>;
    /// Messages with an id below `before`, newest first, at most `limit`.
    fn history(
        &mut self,
        sight: Sight,
        before: i64,
        limit: i64,
    ) -> Result<Vec<Message>, StoreError>;
    /// Messages of these chats that hold all the words, with an id below `before`, newest
    /// first, at most `limit`.
    fn search(
        &mut self,
        sights: &[Sight],
        words: &[String],
        before: i64,
        limit: i64,
    ) -> Result<Vec<Message>, StoreError>;
    /// The authors other than the viewer of messages with `after < id <= max_id`, each with its
    /// newest one.
    fn authors(
        &mut self,
        sight: Sight,
        after: i64,
        max_id: i64,
    ) -> Result<Vec<(UserId, i64)>, StoreError>;
    /// The newest message of others with `after < id <= max_id`.
    fn newest_from_others(
        &mut self,
        sight: Sight,
        after: i64,
        max_id: i64,
    ) -> Result<Option<i64>, StoreError>;
    /// How many messages others wrote after `after`; in a large group at most
    /// [`UNREAD_MAX`](super::UNREAD_MAX).
    fn count_from_others(&mut self, sight: Sight, after: i64) -> Result<i64, StoreError>;
}

/// What each user sees of its chats.
pub trait Dialogs {
    /// `message` is now the newest of the chat for `user`; `unread` are added to its unread
    /// messages. Creates the dialog when absent.
    fn raise_dialog(
        &mut self,
        user: UserId,
        chat: ChatId,
        peer: Peer,
        message: MessageId,
        unread: i64,
    ) -> Result<(), StoreError>;
    /// Forgets one user's view of a chat.
    fn drop_dialog(&mut self, user: UserId, chat: ChatId) -> Result<(), StoreError>;
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
    /// Notes that a user's messages have been read up to here; `false` if they were before.
    fn raise_read_outbox(
        &mut self,
        user: UserId,
        chat: ChatId,
        max_id: i64,
    ) -> Result<bool, StoreError>;
    /// Unread messages over all dialogs of a user.
    fn unread_count(&mut self, user: UserId) -> Result<i64, StoreError>;
    /// The draft of a user in a dialog.
    fn draft(&mut self, user: UserId, peer: Peer) -> Result<Option<Draft>, StoreError>;
    /// Stores a draft, or drops it when its text is empty.
    fn set_draft(&mut self, user: UserId, draft: &Draft) -> Result<(), StoreError>;
    /// All drafts of a user, at most `limit`.
    fn drafts(&mut self, user: UserId, limit: i64) -> Result<Vec<Draft>, StoreError>;
}

/// Mailboxes, their logs, and what is done exactly once.
pub trait Mailboxes {
    /// Where the mailbox of a user, or of a large group, stands.
    fn mailbox(&mut self, owner: Peer) -> Result<Mailbox, StoreError>;
    /// Stores where it stands now.
    fn save_mailbox(&mut self, owner: Peer, mailbox: &Mailbox) -> Result<(), StoreError>;
    /// Deletes the lines of its log up to what the mailbox has dropped.
    fn cut_log(&mut self, owner: Peer, mailbox: &Mailbox) -> Result<(), StoreError>;
    /// Writes one line of its log.
    fn append_log(&mut self, owner: Peer, entry: &LogEntry) -> Result<(), StoreError>;
    /// Lines of its log after `pts`, oldest first: at most `limit`, and after the first no more
    /// than fit in `content_bytes_max`.
    fn log_after(
        &mut self,
        owner: Peer,
        pts: i32,
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
        pts: i32,
    ) -> Result<(), StoreError>;
}

/// Files: what uploads became.
pub trait Files {
    /// Notes a file whose content is on disk; its upload has made no other.
    fn create_file(&mut self, file: &NewFile<'_>) -> Result<StoredFile, StoreError>;
    /// A file by its id.
    fn file(&mut self, id: i64) -> Result<Option<StoredFile>, StoreError>;
    /// The file that an upload of a user has become.
    fn file_of_upload(
        &mut self,
        owner: UserId,
        upload: i64,
    ) -> Result<Option<StoredFile>, StoreError>;
}

/// Keys, and who is logged in with them.
pub trait Keys {
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

    /// Notes how the device of a key has introduced itself.
    fn set_device(&mut self, id: AuthKeyId, device: &Device, now: i64) -> Result<(), StoreError>;
    /// The keys that a user is logged in with, that of the most recently active device first,
    /// at most `limit`.
    fn logins(&mut self, user: UserId, limit: i64) -> Result<Vec<LoggedIn>, StoreError>;
}

/// What the server has made up for itself.
pub trait Settings {
    /// A secret of this server, made by `fresh` on first use.
    fn setting(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError>;
}
