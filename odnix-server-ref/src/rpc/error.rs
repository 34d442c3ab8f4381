//! What a caller is told when a request is refused.

use super::json::Reason;
use crate::files::FilesError;
use crate::store::StoreError;

/// A refusal, as `rpc_error` carries it: a code in the manner of HTTP and a name, which a
/// reason may follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// No method of this layer has this constructor id.
    #[error("INPUT_METHOD_INVALID_{0}")]
    InputMethodInvalid(u32),
    /// The method is known, its parameters do not parse.
    #[error("INPUT_REQUEST_INVALID")]
    InputRequestInvalid,
    /// The query of odnix.invokeJson is not the JSON form of a method.
    #[error("DATA_JSON_INVALID: {0}")]
    DataJsonInvalid(Reason),
    /// limit outside 1..=100, or another count outside its range.
    #[error("LIMIT_INVALID")]
    LimitInvalid,
    /// More users in one request than allowed.
    #[error("USERS_TOO_MUCH")]
    UsersTooMuch,
    /// No such user, or the access_hash is not the caller's for it.
    #[error("PEER_ID_INVALID")]
    PeerIdInvalid,
    /// No such group, or the caller is not a member of it.
    #[error("CHAT_ID_INVALID")]
    ChatIdInvalid,
    /// Empty, longer than 128 characters, or with control characters.
    #[error("CHAT_TITLE_INVALID")]
    ChatTitleInvalid,
    /// Only who has made the group, or has added this member, may do that.
    #[error("CHAT_ADMIN_REQUIRED")]
    ChatAdminRequired,
    /// More groups in one request than allowed.
    #[error("CHATS_TOO_MUCH")]
    ChatsTooMuch,
    /// There is no such message in the dialog.
    #[error("MESSAGE_ID_INVALID")]
    MessageIdInvalid,
    /// More messages in one request than allowed.
    #[error("MESSAGE_IDS_TOO_MUCH")]
    MessageIdsTooMuch,
    /// Somebody else wrote the message.
    #[error("MESSAGE_AUTHOR_REQUIRED")]
    MessageAuthorRequired,
    /// The message is not the caller's to delete in this way.
    #[error("MESSAGE_DELETE_FORBIDDEN")]
    MessageDeleteForbidden,
    /// The caller has as many drafts as it may have.
    #[error("DRAFTS_TOO_MUCH")]
    DraftsTooMuch,
    /// There is no word to look for, or too many characters.
    #[error("SEARCH_QUERY_EMPTY")]
    SearchQueryEmpty,
    /// No such file, or the access_hash is not its own; or an upload without a name.
    #[error("FILE_ID_INVALID")]
    FileIdInvalid,
    /// Below 0, or 4000 and above.
    #[error("FILE_PART_INVALID")]
    FilePartInvalid,
    /// Empty, or longer than 524288 bytes.
    #[error("FILE_PART_SIZE_INVALID")]
    FilePartSizeInvalid,
    /// A part is missing, or not of the size of the others.
    #[error("FILE_PARTS_INVALID")]
    FilePartsInvalid,
    /// The content is not what the hash says.
    #[error("FILE_HASH_INVALID")]
    FileHashInvalid,
    /// Longer than 255 bytes, or with control characters.
    #[error("FILE_NAME_INVALID")]
    FileNameInvalid,
    /// Too many uploads of the caller are unfinished.
    #[error("FILES_TOO_MUCH")]
    FilesTooMuch,
    /// The caller has no other device of this hash.
    #[error("HASH_INVALID")]
    HashInvalid,
    /// Not 3..=32 letters, digits or underscores, the first a letter.
    #[error("USERNAME_INVALID")]
    UsernameInvalid,
    /// Someone else has this name.
    #[error("USERNAME_OCCUPIED")]
    UsernameOccupied,
    /// Nobody has this name.
    #[error("USERNAME_NOT_OCCUPIED")]
    UsernameNotOccupied,
    /// Empty, longer than 64 characters, or with control characters.
    #[error("FIRSTNAME_INVALID")]
    FirstNameInvalid,
    /// Empty or longer than 1024 bytes.
    #[error("PASSWORD_INVALID")]
    PasswordInvalid,
    /// Unknown name or wrong password; the answer does not say which.
    #[error("PASSWORD_HASH_INVALID")]
    PasswordHashInvalid,
    /// The key is logged in as someone else; log out first.
    #[error("AUTH_KEY_ALREADY_AUTHORIZED")]
    AlreadyAuthorized,
    /// The contact cannot be added (it is the caller itself).
    #[error("CONTACT_ID_INVALID")]
    ContactIdInvalid,
    /// The contact list is full.
    #[error("CONTACTS_TOO_MUCH")]
    ContactsTooMuch,
    /// Neither text nor media.
    #[error("MESSAGE_EMPTY")]
    MessageEmpty,
    /// More than 4096 characters.
    #[error("MESSAGE_TOO_LONG")]
    MessageTooLong,
    /// media is not a JSON document of at most 4096 bytes.
    #[error("MEDIA_INVALID")]
    MediaInvalid,
    /// random_id must not be 0.
    #[error("RANDOM_ID_INVALID")]
    RandomIdInvalid,
    /// Negative.
    #[error("MAX_ID_INVALID")]
    MaxIdInvalid,
    /// Negative.
    #[error("OFFSET_INVALID")]
    OffsetInvalid,
    /// Negative, or ahead of the mailbox.
    #[error("PERSISTENT_TIMESTAMP_INVALID")]
    PersistentTimestampInvalid,
    /// A request that this one was to follow has failed.
    #[error("MSG_WAIT_FAILED")]
    MsgWaitFailed,
    /// A request that this one was to follow has not arrived.
    #[error("MSG_WAIT_TIMEOUT")]
    MsgWaitTimeout,
    /// The method needs a login, and nobody is logged in with this key.
    #[error("AUTH_KEY_UNREGISTERED")]
    AuthKeyUnregistered,
    /// The server has more requests waiting than it takes.
    #[error("FLOOD_WAIT_1")]
    Busy,
    /// The server failed; nothing was changed. The reason is for the server's log only.
    #[error("INTERNAL")]
    Store(#[from] StoreError),
}

impl From<FilesError> for RpcError {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::TooMany => Self::FilesTooMuch,
            FilesError::Parts => Self::FilePartsInvalid,
            FilesError::Hash => Self::FileHashInvalid,
            FilesError::Io(error) => StoreError::Os(error.to_string()).into(),
        }
    }
}

impl RpcError {
    /// The error_code of `rpc_error`.
    pub fn code(&self) -> i32 {
        match self {
            Self::AuthKeyUnregistered => 401,
            Self::Busy => 420,
            Self::MsgWaitTimeout | Self::Store(_) => 500,
            _ => 400,
        }
    }

    /// The error_message of `rpc_error`.
    pub fn message(&self) -> String {
        self.to_string()
    }
}
