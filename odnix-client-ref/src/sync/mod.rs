//! What the client decides, without clocks, sockets or a database.
//!
//! ```text
//! pushed updates ──┐
//! results of calls ┼─> SyncMachine ──> batches (one transaction each) ──> Replica
//! answers, time ───┘       │  │
//!        ^                 │  └──────> events, told once their batches are stored
//!        └──── server <────┘ questions: getDifference, getDialogs, getHistory …
//! ```
//!
//! [`SyncMachine`] follows the user's mailbox and those of its large groups. The caller runs
//! it in turns: hand in what has come, store every [`take_batch`](SyncMachine::take_batch), then
//! tell every [`poll_event`](SyncMachine::poll_event), send every
//! [`poll_question`](SyncMachine::poll_question), and call
//! [`handle_timeout`](SyncMachine::handle_timeout) when
//! [`poll_timeout`](SyncMachine::poll_timeout) is due. A crash between two turns loses nothing:
//! a machine made from what the replica holds asks for the rest.
//!
//! [`Outbox`] decides which of the messages that wait is sent next.

mod machine;
mod outbox;
mod refusals;
mod reload;
mod wire;

pub use machine::{Options, Resumed, Standing, SyncMachine};
pub use outbox::{Outbox, OutboxFull, Verdict};
pub use wire::position;

use crate::error::CallError;
use crate::replica::PendingSend;
use odnix_tl::odnix::{enums, functions, types};
use std::time::Duration;

/// A log that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mailbox {
    /// That of the user.
    Own,
    /// That of a large group.
    Chat(i64),
}

/// Names a question until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub(crate) u64);

/// A call to the server; its answer is the [`Answer`] of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// `updates.getDifference`, answered by [`Answer::Difference`].
    GetDifference(functions::updates::GetDifference),
    /// `updates.getChatDifference`, answered by [`Answer::Difference`].
    GetChatDifference(functions::updates::GetChatDifference),
    /// `updates.getState`.
    GetState(functions::updates::GetState),
    /// `messages.getDialogs`.
    GetDialogs(functions::messages::GetDialogs),
    /// `messages.getHistory`.
    GetHistory(functions::messages::GetHistory),
    /// `messages.getDrafts`.
    GetDrafts(functions::messages::GetDrafts),
}

/// What the server says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To either getDifference.
    Difference(enums::updates::Difference),
    /// To getState.
    State(types::updates::State),
    /// To getDialogs.
    Dialogs(types::messages::Dialogs),
    /// To getHistory.
    History(types::messages::Messages),
    /// To getDrafts.
    Drafts(types::messages::Drafts),
}

/// A question without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of the server's `rpc_error`; 0 if there is none.
    pub code: i32,
    /// Its name, or what else went wrong.
    pub message: String,
}

impl Failure {
    /// The server knows no account for this device's key.
    pub fn is_signed_out(&self) -> bool {
        self.code == 401
    }

    /// Whether the server has refused for good: what was asked has not happened and will not.
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.code) && self.code != 420 && self.code != 401
    }

    /// How long the server asks to wait (`FLOOD_WAIT_n`).
    pub fn flood_wait(&self) -> Option<Duration> {
        if self.code != 420 {
            return None;
        }
        self.message.strip_prefix("FLOOD_WAIT_")?.parse().ok().map(Duration::from_secs)
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::Rpc(error) => Self { code: error.code, message: error.message.clone() },
            // What cannot be sent is refused before it leaves.
            CallError::Request(reason) => Self { code: 400, message: reason.clone() },
            other => Self { code: 0, message: other.to_string() },
        }
    }
}

/// What the client's own calls brought.
#[derive(Clone, Debug)]
pub enum Local {
    /// A message is stored on the server.
    Sent {
        /// As it waited.
        send: PendingSend,
        /// Where.
        sent: types::messages::SentMessage,
    },
    /// A call about a dialog has moved a mailbox, in a way that only its log tells.
    Affected {
        /// The mailbox is that of this dialog; 0 is that of the user in any case.
        peer_id: i64,
        /// Where it stands.
        pts: i32,
    },
    /// A group is so now, and the user's mailbox stands at `pts`.
    Chat {
        /// The group.
        chat: types::Chat,
        /// Where the mailbox of the user stands.
        pts: i32,
    },
}
