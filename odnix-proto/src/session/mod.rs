//! Sessions: what travels inside sealed packets once both sides share an auth key.
//!
//! # On the wire
//! Each packet carries one message or one `msg_container` of messages. A message is a content
//! message (an RPC, its `rpc_result`, an update, `new_session_created`), which the other side
//! acknowledges with `msgs_ack`, or a service message, which it does not.
//!
//! ```text
//! client                                        server
//!   invokeWithLayer(initConnection(query)) ---->
//!                                          <---- new_session_created, rpc_result, msgs_ack
//!   msgs_ack                               ---->
//!                                          <---- updates…
//!   ping_delay_disconnect                  ---->
//!                                          <---- pong
//! ```
//!
//! # Rules
//! - A call has one [`CallId`] for its whole life, however often its message is sent; it ends
//!   in exactly one outcome.
//! - What was sent once leaves again only under a new msg_id, or under its own inside a new
//!   container: no (salt, session_id, msg_id, seq_no) is sealed twice.
//! - A session outlives its connection. After a lost transport the client sends its unanswered
//!   calls again under their own ids, and the server its unacknowledged answers; a call that
//!   was received already is answered from memory, not run twice, as long as the server keeps
//!   the session.
//!
//! # Limits
//! All in [`crate::limits`].
//!
//! Source: MTProto, "Service messages", "Service messages about messages", "Security
//! guidelines".

pub mod binding;
mod client;
mod container;
mod gzip;
mod link;
mod salts;
mod server;
mod state;
mod wrapper;

pub(crate) use client::BindingAnswer;
pub use client::{CallError, ClientSession, ClientSessionEvent, Init, Sealing};
pub(crate) use container::constructor;
pub(crate) use link::backoff;
pub(crate) use salts::FIRST_SALT_VALID;
pub use salts::FirstSalt;
pub use server::{
    BINDING_TRANSITIONS, DESTRUCTION_TRANSITIONS, HttpWait, KeyDestroyed, ServerKey, ServerSession,
    ServerSessionEvent, Tombstone,
};
pub use wrapper::CallContext;

use crate::{auth_key::AuthKeyId, message_id::MsgId};
use alloc::string::String;
use core::{fmt, time::Duration};

/// The stable name of one request of one session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u64);

impl From<MsgId> for CallId {
    fn from(msg_id: MsgId) -> Self {
        Self(u64::from_le_bytes(msg_id.as_i64().to_le_bytes()))
    }
}

impl From<CallId> for MsgId {
    fn from(call: CallId) -> Self {
        Self::from_i64(i64::from_le_bytes(call.0.to_le_bytes()))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({:#x})", self.0)
    }
}

/// What names a session on a server: the key and the 64 bits its client drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionRef {
    /// The key the session lives under.
    pub key_id: AuthKeyId,
    /// Chosen by the client.
    pub session_id: i64,
}

/// `rpc_error error_code:int error_message:string`: a request the server refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// Classes as in HTTP: 400 bad request, 401 not logged in, 403 forbidden, 420 slow down,
    /// 500 server fault.
    pub code: i32,
    /// `UPPER_CASE` name, stable across versions.
    pub message: String,
}

/// How long things may take, for both roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Longest time a received content message waits for its acknowledgement.
    pub ack_delay: Duration,
    /// Client: how long a call waits for its answer before the server is asked what became of
    /// it; doubles each time. The same time later without any answer the call leaves again.
    pub answer_wait: Duration,
    /// Client: time between two `ping_delay_disconnect`.
    pub ping_interval: Duration,
    /// Client: the `disconnect_delay` of those, and the longest silence it accepts itself.
    pub disconnect_delay: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            ack_delay: Duration::from_secs(1),
            answer_wait: Duration::from_secs(15),
            ping_interval: Duration::from_secs(60),
            disconnect_delay: Duration::from_secs(75),
        }
    }
}
