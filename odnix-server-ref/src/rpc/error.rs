//! What a caller is told when a request is refused.

use super::json::Reason;
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
