//! What a client can fail with, each in one sentence that says what to do.

use crate::driver::address::{ServerAddress, WireError};
use crate::replica::ReplicaError;
use crate::sync::OutboxFull;
use odnix_proto::session::RpcError;
use std::sync::Arc;
use std::time::Duration;

/// Why a client stopped. Its replica is intact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The local replica failed.
    #[error("{0}")]
    Replica(#[from] ReplicaError),
    /// The server holds another RSA key than the one given.
    #[error(
        "the server at {address} does not hold the key {fingerprint:016x}: \
         check that --key is the public key of this very server"
    )]
    WrongKey {
        /// The server.
        address: ServerAddress,
        /// Fingerprint of the key given.
        fingerprint: i64,
    },
    /// The server does not serve the dc asked for.
    #[error("the server at {address} does not serve dc {dc}: check --dc")]
    WrongDc {
        /// The server.
        address: ServerAddress,
        /// The dc asked for.
        dc: i32,
    },
    /// The server does not answer.
    #[error("cannot reach the server at {address}: {reason}")]
    Unreachable {
        /// The server.
        address: ServerAddress,
        /// What went wrong at the last attempt.
        reason: String,
    },
    /// The framing does not fit the address.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The server key, or another part of the configuration, cannot be used.
    #[error("{0}")]
    Config(#[from] odnix_proto::ConfigError),
    /// The operating system has no entropy to give.
    #[error("the operating system gives no randomness: {0}")]
    Entropy(std::io::Error),
    /// A task of the client ended without a word.
    #[error("the client stopped because of a fault of its own: {0}")]
    Internal(String),
}

/// Why a call has no result.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server refused.
    #[error("{}", explain(.0))]
    Rpc(RpcError),
    /// The request cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// Too many messages wait to be sent; this one was not taken.
    #[error("{0}")]
    QueueFull(#[from] OutboxFull),
    /// The answer cannot be read. The request may have been executed.
    #[error("the server's answer cannot be read: {0}")]
    Answer(String),
    /// The client stopped before the answer came. The request may have been executed.
    #[error("{0}")]
    Stopped(Arc<ClientError>),
    /// The client was shut down before the answer came. The request may have been executed.
    #[error("the client was shut down before the answer came")]
    ShutDown,
}

impl From<odnix_proto::connection::client::CallError> for CallError {
    fn from(error: odnix_proto::connection::client::CallError) -> Self {
        use odnix_proto::connection::client::CallError as Error;
        match error {
            Error::Rpc(error) => Self::Rpc(error),
            other => Self::Answer(other.to_string()),
        }
    }
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        Self::Stopped(Arc::new(error))
    }
}

impl From<ReplicaError> for CallError {
    fn from(error: ReplicaError) -> Self {
        ClientError::from(error).into()
    }
}

impl CallError {
    /// The server knows no account for this device's key.
    pub fn is_signed_out(&self) -> bool {
        matches!(self, Self::Rpc(error) if error.code == 401)
    }

    /// How long the server asks to wait before the request is made again (`FLOOD_WAIT_n`).
    pub fn flood_wait(&self) -> Option<Duration> {
        match self {
            Self::Rpc(error) if error.code == 420 => {
                let seconds = error.message.strip_prefix("FLOOD_WAIT_")?.parse().ok()?;
                Some(Duration::from_secs(seconds))
            }
            _ => None,
        }
    }

    /// Whether the server has refused for good: what was asked has not happened and will not.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Rpc(error) if (400..500).contains(&error.code) && error.code != 420)
            || matches!(self, Self::Request(_) | Self::QueueFull(_))
    }
}

/// The server's error names, in words.
fn explain(error: &RpcError) -> String {
    let words = match error.message.as_str() {
        "AUTH_KEY_UNREGISTERED" => "this device is not signed in; use sign-in or sign-up first",
        "USERNAME_NOT_OCCUPIED" => "there is no user of that name",
        "USERNAME_OCCUPIED" => "that name is taken",
        "USERNAME_INVALID" => {
            "that name is not allowed: 3 to 32 letters, digits or _, the first a letter"
        }
        "FIRSTNAME_INVALID" => "that first name is not allowed",
        "PASSWORD_INVALID" => "that password is not allowed: it is empty or too long",
        "PASSWORD_HASH_INVALID" => "name or password is wrong",
        "AUTH_KEY_ALREADY_AUTHORIZED" => "this device is signed in as someone else",
        "CONTACT_ID_INVALID" => "one cannot be one's own contact",
        "MESSAGE_EMPTY" => "the message is empty",
        "MESSAGE_TOO_LONG" => "the message is too long: 4096 characters at most",
        "PEER_ID_INVALID" => "there is no such user",
        name if name.starts_with("DATA_JSON_INVALID") => {
            "the server cannot read that as the JSON form of a function"
        }
        _ => return format!("the server refused: {error}"),
    };
    format!("{words} ({})", error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(code: i32, message: &str) -> CallError {
        CallError::Rpc(RpcError { code, message: message.to_owned() })
    }

    #[test]
    fn only_a_definite_no_is_a_refusal() {
        let cases = [
            (rpc(400, "MESSAGE_EMPTY"), true),
            (rpc(403, "FORBIDDEN"), true),
            (rpc(420, "FLOOD_WAIT_3"), false),
            (rpc(500, "INTERNAL"), false),
            (CallError::Request("too long".to_owned()), true),
            (CallError::Answer("garbage".to_owned()), false),
            (CallError::ShutDown, false),
        ];
        for (error, expected) in cases {
            assert_eq!(error.is_refusal(), expected, "{error:?}");
        }
    }

    #[test]
    fn the_wait_is_read_from_the_name_of_the_error() {
        let wait = |code, name| rpc(code, name).flood_wait();
        assert_eq!(wait(420, "FLOOD_WAIT_3"), Some(Duration::from_secs(3)));
        assert_eq!(wait(420, "FLOOD_WAIT_soon"), None);
        assert_eq!(wait(400, "FLOOD_WAIT_3"), None);
    }
}
