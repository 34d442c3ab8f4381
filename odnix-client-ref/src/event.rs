//! What a client tells whoever watches it.

use crate::driver::address::ServerAddress;
use odnix_proto::AuthKeyId;
use odnix_proto::client::TemporaryKeyLoss;
use odnix_tl::odnix::types;
use std::time::Duration;
use tokio::sync::broadcast;

/// Something happened. Events are for the eye: a watcher that is too slow misses some, and
/// finds what counts in the replica.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A key was exchanged and saved.
    KeyCreated {
        /// Its public name.
        key_id: AuthKeyId,
        /// From the start of the connection attempt.
        elapsed: Duration,
    },
    /// The server does not know this device's key any more; a new one will be made, and the
    /// user has to sign in again.
    KeyUnknown {
        /// The key given up.
        key_id: AuthKeyId,
    },
    /// The server has bound a temporary key to this device's key: packets travel under it.
    TemporaryKeyBound {
        /// Its public name.
        key_id: AuthKeyId,
        /// When it expires, in Unix seconds on the server's clock.
        expires_at: i32,
    },
    /// A temporary key is no longer used; another one takes its place.
    TemporaryKeyLost {
        /// Its public name.
        key_id: AuthKeyId,
        /// Why.
        reason: TemporaryKeyLoss,
    },
    /// The server refuses to serve more at the moment; the next attempt waits longer.
    ServerBusy,
    /// Calls leave from now on.
    Connected {
        /// The server.
        address: ServerAddress,
    },
    /// The transport is gone.
    Disconnected {
        /// Why.
        reason: String,
        /// When the next attempt starts.
        retry_in: Duration,
    },
    /// The client stays away until resumed.
    Paused,
    /// A push was thrown away on purpose.
    PushLost {
        /// Where the log stood after it.
        pts: i32,
    },
    /// Updates are missing before this one.
    Gap {
        /// Where the replica stands.
        local_pts: i32,
        /// What arrived.
        pts: i32,
        /// How many positions it covers.
        pts_count: i32,
    },
    /// The server's log is asked for what is missing.
    DifferenceRequested {
        /// Where the replica stands.
        from_pts: i32,
    },
    /// Updates from the server's log are stored.
    DifferenceApplied {
        /// Where the replica stood.
        from_pts: i32,
        /// Where it stands.
        to_pts: i32,
        /// How many updates it took.
        updates: usize,
    },
    /// The log no longer reaches back that far: the history is fetched instead.
    HistoryReloaded {
        /// Messages fetched.
        messages: usize,
    },
    /// The replica holds everything the server has told of.
    InStep {
        /// Where it stands.
        pts: i32,
    },
    /// New messages are stored.
    Stored {
        /// How many.
        messages: usize,
        /// Where the replica stands.
        pts: i32,
    },
    /// Somebody has read up to a message.
    Read(types::UpdateReadHistory),
    /// Somebody is typing, or has stopped.
    Typing(types::UpdateUserTyping),
    /// Somebody is typing in a group, or has stopped.
    ChatTyping(types::UpdateChatUserTyping),
    /// Somebody is here, or away.
    Status(types::UpdateUserStatus),
    /// A message that waited is stored on the server.
    SendDone {
        /// Under which it was given.
        random_id: i64,
        /// Its id.
        id: i64,
    },
    /// A message that waited was refused for good.
    SendFailed {
        /// Under which it was given.
        random_id: i64,
        /// Why.
        reason: String,
    },
    /// The server refuses to give the log: the user has to sign in.
    SignedOut,
}

/// Hands events to all watchers.
#[derive(Clone, Debug)]
pub(crate) struct Events(broadcast::Sender<ClientEvent>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(1024))
    }

    pub(crate) fn send(&self, event: ClientEvent) {
        tracing::debug!(?event, "client event");
        let _ = self.0.send(event);
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ClientEvent> {
        self.0.subscribe()
    }
}
