//! What a session tells its embedder.

#[cfg(doc)]
use super::ClientSession;
#[cfg(doc)]
use crate::limits::Limits;
use crate::session::{CallId, KeyDestroyed, RpcError};
use bytes::Bytes;
use core::{fmt, time::Duration};

/// How a call ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server ran or read the request and refused it.
    #[error("the server refused: {0}")]
    Rpc(RpcError),
    /// The server refused the message itself each time it was sent.
    #[error("the server refused the message with code {code} each time")]
    Rejected {
        /// Of the last `bad_msg_notification`.
        code: i32,
    },
    /// The answer does not parse, or inflates beyond the limit.
    #[error("the answer is malformed")]
    MalformedAnswer,
    /// The embedder no longer waits for it. It may or may not have run.
    #[error("the call was abandoned")]
    Abandoned,
}

/// What a session tells its embedder. `Debug` shows no content.
#[non_exhaustive]
pub enum ClientSessionEvent {
    /// A call ended.
    Reply {
        /// The call.
        call: CallId,
        /// An object from its constructor id on, or why there is none.
        result: Result<Bytes, CallError>,
    },
    /// The packet that carried the call has arrived: the server's transport said so, by a quick
    /// acknowledgement. It tells nothing about the call's outcome.
    Acknowledged {
        /// The call.
        call: CallId,
    },
    /// An object nobody asked for: an update of the application.
    Update(Bytes),
    /// The server has a new session for this client; updates may have been lost.
    SessionCreated,
    /// More updates arrived than [`Limits::events_max`] while nobody took events: the rest was
    /// dropped, so the difference must be asked for.
    UpdatesLost,
    /// The salt to be saved changed.
    SaltChanged(i64),
    /// The answer to [`ClientSession::ping`] or to the session's own ping.
    Pong {
        /// As given to the ping.
        ping_id: i64,
        /// From sending to receiving.
        round_trip: Duration,
    },
    /// The answer to [`ClientSession::get_future_salts`]: salts stored.
    FutureSalts {
        /// How many.
        count: usize,
    },
    /// The answer to [`ClientSession::destroy_session`].
    SessionDestroyed {
        /// The session named there.
        session_id: i64,
        /// Whether the server knew it.
        existed: bool,
    },
    /// The answer to [`ClientSession::destroy_auth_key`].
    KeyDestroyed(KeyDestroyed),
}

impl ClientSessionEvent {
    /// Bytes that the event keeps alive.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Reply { result: Ok(body), .. } | Self::Update(body) => body.len(),
            _ => 0,
        }
    }
}

impl fmt::Debug for ClientSessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { call, result } => {
                let result = result.as_ref().map(|body| body.len());
                write!(f, "Reply({call:?}, {result:?} bytes)")
            }
            Self::Acknowledged { call } => write!(f, "Acknowledged({call:?})"),
            Self::Update(body) => write!(f, "Update({} bytes)", body.len()),
            Self::SessionCreated => f.write_str("SessionCreated"),
            Self::UpdatesLost => f.write_str("UpdatesLost"),
            Self::SaltChanged(_) => f.write_str("SaltChanged(…)"),
            Self::Pong { ping_id, round_trip } => write!(f, "Pong({ping_id}, {round_trip:?})"),
            Self::FutureSalts { count } => write!(f, "FutureSalts({count})"),
            Self::SessionDestroyed { session_id, existed } => {
                write!(f, "SessionDestroyed({session_id:#x}, {existed})")
            }
            Self::KeyDestroyed(outcome) => write!(f, "KeyDestroyed({outcome:?})"),
        }
    }
}
