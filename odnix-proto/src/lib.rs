//! The Odnix protocol (MTProto 2.0 on the wire) as pure state machines.
//!
//! One sentence: bytes, time, entropy and answers go in; bytes, events, deadlines and jobs
//! come out. Nothing else crosses.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::unreachable,
    )
)]

extern crate alloc;

pub mod auth_key;
pub mod connection;
pub mod crypto;
pub mod envelope;
pub mod error;
pub mod handshake;
pub mod limits;
pub mod message_id;
pub mod secret;
pub mod seed;
pub mod session;
pub mod time;
mod transmit;
pub mod transport;
pub mod updates;

pub use auth_key::{AuthKey, AuthKeyId};
pub use connection::{client, server};
pub use error::{
    ConfigError, DropReason, FramingFault, HandshakeFault, Notice, PeerError, Received, UsageError,
};
pub use message_id::MsgId;
pub use secret::Secret;
pub use seed::Seed;
pub use time::{Instant, Now, UnixTime};
pub use transmit::Transmit;
