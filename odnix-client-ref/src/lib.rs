//! Reference client of the Odnix protocol: a thick client whose local database is a replica
//! of the user's mailbox on the server.
//!
//! ```text
//!  program, CLI ──> Client ──calls──> driver ──bytes──> server
//!       │             │                 │ updates
//!       │             │ results         v
//!       │             └──────────> update manager
//!       │ reads                         │ {update, checkpoint}, one transaction
//!       v                               v
//!       └───────────────────────────> replica (SQLite)
//! ```
//!
//! - [`replica`]: what this device knows, in one SQLite file;
//! - the driver keeps a connection over TCP or WebSocket, with backoff and jitter, and carries
//!   calls over lost transports to their one outcome;
//! - [`sync`]: what the client decides, without sockets and clocks: the order of updates, what
//!   to ask the server, which message to send next;
//! - the update manager runs that against the server and the replica;
//! - [`load`] loads a server with messages, and measures how long each takes;
//! - [`probe()`] examines any MTProto 2.0 server without an account.
//!
//! ```no_run
//! use odnix_client_ref::{Client, Options};
//! use odnix_proto::crypto::rsa::RsaPublicKey;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = RsaPublicKey::from_pem(&std::fs::read_to_string("server_key.pub.pem")?)?;
//! let client = Client::open(Options::new("127.0.0.1:8444".parse()?, key, "alice")).await?;
//! client.sign_in("alice", "correct horse").await?;
//! let bob = client.resolve("bob").await?;
//! let sent = client.send_message(&bob, "hello").await?;
//! println!("message {} is in Bob's mailbox", sent.id);
//! client.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod caller;
mod change;
mod client;
mod driver;
mod error;
mod event;
mod groups;
pub mod load;
mod probe;
pub mod replica;
mod store;
pub mod sync;
pub mod tui;
mod update_manager;

pub use caller::input_peer;
pub use change::{Change, Changes};
pub use client::{Client, LAYER, Options, Sent};
pub use driver::{AddressError, Patience, ServerAddress, Wire, WireError};
pub use error::{CallError, ClientError};
pub use event::ClientEvent;
pub use probe::{ProbeOptions, ProbeReport, ProbeStep, probe};
