//! Reference server of the Odnix protocol.
//!
//! Three rooms, each knowing only the ones to its right:
//!
//! ```text
//! gateway (async: sockets, sessions) ──▶ rpc + engine (what methods do) ──▶ store (SQLite)
//! ```
//!
//! Two rules hold everywhere: nothing is answered or pushed before its commit, and the mailbox
//! a request works on is always the caller's own.
//!
//! # Embedding
//!
//! ```
//! use odnix_server_ref::{Server, config::ServeOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let server = Server::start(ServeOptions::loopback(folder.path())).await?;
//! println!("{} {}", server.ws_url(), server.tcp_address());
//! server.shutdown().await;
//! # Ok(())
//! # })
//! # }
//! ```

pub mod config;
pub mod engine;
pub mod files;
mod gateway;
pub mod keys;
pub mod rpc;
mod server;
pub mod store;

pub use server::{Running, Server, StartError};
