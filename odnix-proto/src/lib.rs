//! The Odnix protocol (MTProto 2.0 on the wire) as pure state machines.
//!
//! One sentence: **bytes, time, entropy and answers go in; bytes, events, deadlines and jobs
//! come out. Nothing else crosses.** The crate owns no socket, clock, thread or source of
//! randomness; with `default-features = false` it needs `alloc` and nothing more.
//!
//! # The way of a message
//!
//! ```text
//!  bytes ──> transport ──> envelope ──> session ──> events: Call, Reply, Update
//!            frames        opens and    containers, gzip, acknowledgements,
//!            and           checks       salts, ids, resends
//!            obfuscation
//!               └──> handshake (plain packets): makes the auth key
//!                                           updates::Sequencer: orders what pts numbers
//! ```
//!
//! - [`connection`] puts framing, key exchange and session behind one face per role:
//!   [`client::Connection`] and [`server::Connection`]. Start there.
//! - [`transport`], [`handshake`], [`session`] are those machines by themselves.
//! - [`updates`] is the client's order of updates: apply, skip, gap, difference.
//! - [`envelope`], [`message_id`], [`auth_key`] and [`crypto`] are the parts they are made of.
//! - [`limits`] is every bound on what a peer can make this crate hold or do.
//!
//! # The contract of every machine
//!
//! `handle_…` and `receive` take things in, `poll_…` give things out, `provide_…` and
//! `complete` answer questions. Any order of calls is fine; time only comes in as [`Now`],
//! randomness only as [`Seed`]: the same seed and the same calls give the same bytes.
//!
//! ```text
//!               ┌───────────────────────────────────────────────┐
//!   bytes ────> │ receive                        poll_transmit  │ ────> bytes
//!   Now   ────> │ handle_timeout                 poll_timeout   │ ────> deadline
//!   Done  ────> │ complete                       poll_event     │ ────> Job, questions, facts
//!   keys  ────> │ provide_key, provide_session                  │
//!               └───────────────────────────────────────────────┘
//! ```
//!
//! # A conversation
//!
//! Both roles in one thread: the client makes a key with the server, calls it, is answered.
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use odnix_proto::{client, server, crypto::rsa::RsaPrivateKey, transport::Framing};
//! use odnix_proto::{Instant, Now, Seed, Secret, UnixTime, handshake, limits::Limits};
//! use odnix_proto::session::Timings;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rsa = Arc::new(RsaPrivateKey::from_pem(include_str!("../tests/fixtures/rsa_pkcs1.pem"))?);
//! let client_config = Arc::new(client::Config {
//!     handshake: Arc::new(handshake::client::Config::new(vec![rsa.public().clone()], 2)?),
//!     transport: odnix_proto::transport::ClientOptions::new(Framing::Intermediate),
//!     pfs: None, // the permanent key itself; Some(Default::default()) for temporary ones
//!     quick_acks: false,
//!     init: None,
//!     limits: Limits::default(),
//!     timings: Timings::default(),
//! });
//! let server_config = Arc::new(server::Config {
//!     handshake: Arc::new(handshake::server::Config::new(vec![rsa], 2)?),
//!     transport: Default::default(),
//!     salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(1))), // drawn anew at each start
//!     limits: Arc::new(Limits::default()),
//!     timings: Timings::default(),
//! });
//! let mut client = client::Connection::new(client_config, Seed::for_testing(1));
//! let mut server = server::Connection::new(server_config, Seed::for_testing(2));
//! let now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_800_000_000));
//!
//! client.transport_connected(now);
//! let greeting = client.call(Bytes::from_static(b"hello, server..."))?; // leaves with the key
//! let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
//! let reply = 'conversation: loop {
//!     while let Some(event) = server.poll_event() {
//!         match event {
//!             server::Event::Work(job) => server.complete(now, job.run())?, // or on a pool
//!             server::Event::KeyCreated(key) => {
//!                 let id = key.auth_key.id(); // here the key is stored
//!                 server.key_stored(now, id, server::KeyStored::Stored)?;
//!             }
//!             server::Event::SessionWanted(name) => server.provide_session(now, name, None)?,
//!             server::Event::Session(server::SessionEvent::Call { call, body, .. }) => {
//!                 server.session().ok_or("no session")?.reply(call, body)?;
//!             }
//!             _ => {}
//!         }
//!     }
//!     while let Some(event) = client.poll_event() {
//!         match event {
//!             client::Event::Work(job) => client.complete(now, job.run())?,
//!             client::Event::Session(client::SessionEvent::Reply { call, result }) => {
//!                 assert_eq!(call, greeting);
//!                 break 'conversation result?;
//!             }
//!             _ => {}
//!         }
//!     }
//!     client.poll_transmit(now, &mut up);
//!     server.poll_transmit(now, &mut down);
//!     server.receive(now, &mut up)?;
//!     client.receive(now, &mut down)?;
//! };
//! assert_eq!(&reply[..], b"hello, server...");
//! # Ok(())
//! # }
//! ```
//!
//! # Errors and security
//!
//! See [`error`] for the four classes. No panic is reachable from a peer's bytes or from the
//! embedder's calls: unchecked arithmetic, indexing, `unwrap` and their kin are denied here.
//! Secrets are wiped when dropped, compared in constant time and absent from `Debug`
//! ([`secret`]).
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

/// Tests in here share helpers with those in `tests/`.
#[cfg(test)]
extern crate self as odnix_proto;

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
mod sorted_queue;
pub mod time;
pub mod transition;
mod transmit;
pub mod transport;
pub mod updates;

pub use auth_key::{AuthKey, AuthKeyId};
pub use connection::{client, server};
pub use error::{
    ConfigError, DropReason, FramingFault, HandshakeFault, HttpFault, Notice, PeerError, Received,
    UsageError,
};
pub use message_id::MsgId;
pub use secret::Secret;
pub use seed::Seed;
pub use time::{Instant, Now, UnixTime};
pub use transmit::Transmit;
