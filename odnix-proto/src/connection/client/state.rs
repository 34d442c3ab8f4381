//! Where a client's connection stands, and every way from one state to another.

use super::temporary_key::Successor;
use crate::{handshake::client::Handshake, time::Instant, transition::Transition};
use alloc::boxed::Box;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// No transport.
    Offline,
    /// The exchange that makes the permanent key.
    AwaitPermanentKey,
    /// Exchanges failed lately: a pause before the next one.
    Pause,
    /// The exchange that makes a temporary key.
    AwaitTemporaryKey,
    /// auth.bindTempAuthKey is to be answered.
    AwaitBinding,
    /// Calls leave.
    Ready,
    /// Calls leave, and an exchange beside them makes the next temporary key.
    AwaitSuccessor,
    /// The next temporary key is there; calls under way are to be answered first.
    AwaitAnswers,
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Offline,
        Self::AwaitPermanentKey,
        Self::Pause,
        Self::AwaitTemporaryKey,
        Self::AwaitBinding,
        Self::Ready,
        Self::AwaitSuccessor,
        Self::AwaitAnswers,
    ];

    /// Its name, as in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "Offline",
            Self::AwaitPermanentKey => "AwaitPermanentKey",
            Self::Pause => "Pause",
            Self::AwaitTemporaryKey => "AwaitTemporaryKey",
            Self::AwaitBinding => "AwaitBinding",
            Self::Ready => "Ready",
            Self::AwaitSuccessor => "AwaitSuccessor",
            Self::AwaitAnswers => "AwaitAnswers",
        }
    }
}

/// Every way from one state to another. [`Connection::state`](super::Connection::state) names the
/// state. A new transport counts as the loss of the one before, if there is one.
pub const TRANSITIONS: &[Transition] = &[
    Transition::new("Offline", "transport: no permanent key", "AwaitPermanentKey"),
    Transition::new("Offline", "transport: permanent key in use", "Ready"),
    Transition::new("Offline", "transport: no temporary key", "AwaitTemporaryKey"),
    Transition::new("Offline", "transport: pause", "Pause"),
    Transition::new("Offline", "transport: unbound key", "AwaitBinding"),
    Transition::new("Offline", "transport: bound key", "Ready"),
    Transition::new("AwaitPermanentKey", "dh_gen_ok", "AwaitTemporaryKey"),
    Transition::new("AwaitPermanentKey", "dh_gen_ok: key used itself", "Ready"),
    Transition::new("AwaitPermanentKey", "transport lost", "Offline"),
    Transition::new("Pause", "pause over", "AwaitTemporaryKey"),
    Transition::new("Pause", "transport lost", "Offline"),
    Transition::new("AwaitTemporaryKey", "dh_gen_ok", "AwaitBinding"),
    Transition::new("AwaitTemporaryKey", "transport lost", "Offline"),
    Transition::new("AwaitBinding", "boolTrue", "Ready"),
    Transition::new("AwaitBinding", "binding refused", "Pause"),
    Transition::new("AwaitBinding", "key expired", "AwaitTemporaryKey"),
    Transition::new("AwaitBinding", "transport lost", "Offline"),
    Transition::new("Ready", "renewal due", "AwaitSuccessor"),
    Transition::new("Ready", "renewal due: key made before", "AwaitBinding"),
    Transition::new("Ready", "renewal due: key made before", "AwaitAnswers"),
    Transition::new("Ready", "binding refused", "Pause"),
    Transition::new("Ready", "key expired", "AwaitTemporaryKey"),
    Transition::new("Ready", "key expired: pause", "Pause"),
    Transition::new("Ready", "key expired: key made before", "AwaitBinding"),
    Transition::new("Ready", "transport lost", "Offline"),
    Transition::new("AwaitSuccessor", "dh_gen_ok", "AwaitBinding"),
    Transition::new("AwaitSuccessor", "dh_gen_ok: calls under way", "AwaitAnswers"),
    Transition::new("AwaitSuccessor", "exchange failed", "Ready"),
    Transition::new("AwaitSuccessor", "binding refused", "Pause"),
    Transition::new("AwaitSuccessor", "key expired", "AwaitTemporaryKey"),
    Transition::new("AwaitSuccessor", "transport lost", "Offline"),
    Transition::new("AwaitAnswers", "answered", "AwaitBinding"),
    Transition::new("AwaitAnswers", "put off", "Ready"),
    Transition::new("AwaitAnswers", "binding refused", "Pause"),
    Transition::new("AwaitAnswers", "key expired", "AwaitBinding"),
    Transition::new("AwaitAnswers", "transport lost", "Offline"),
];

/// A [`State`] with what belongs to it.
#[derive(Debug)]
pub(super) enum Phase {
    Offline,
    AwaitPermanentKey(Box<Handshake>),
    Pause { until: Instant },
    AwaitTemporaryKey(Box<Handshake>),
    AwaitBinding,
    Ready,
    AwaitSuccessor(Box<Handshake>),
    AwaitAnswers { next: Box<Successor>, until: Instant },
}

impl Phase {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Offline => State::Offline,
            Self::AwaitPermanentKey(_) => State::AwaitPermanentKey,
            Self::Pause { .. } => State::Pause,
            Self::AwaitTemporaryKey(_) => State::AwaitTemporaryKey,
            Self::AwaitBinding => State::AwaitBinding,
            Self::Ready => State::Ready,
            Self::AwaitSuccessor(_) => State::AwaitSuccessor,
            Self::AwaitAnswers { .. } => State::AwaitAnswers,
        }
    }

    pub(super) fn exchange(&mut self) -> Option<&mut Handshake> {
        match self {
            Self::AwaitPermanentKey(exchange)
            | Self::AwaitTemporaryKey(exchange)
            | Self::AwaitSuccessor(exchange) => Some(exchange),
            _ => None,
        }
    }

    /// Whether the session may send and receive.
    pub(super) fn has_session(&self) -> bool {
        matches!(
            self.state(),
            State::AwaitBinding | State::Ready | State::AwaitSuccessor | State::AwaitAnswers
        )
    }
}
