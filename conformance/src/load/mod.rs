//! How fast the server is from end to end: from a client over a socket to the disk, and on to the
//! replica of the other client.
//!
//! The server is a process of its own ([`serve`]), so that its processor time and memory can be
//! read apart from those of the load, which is that of `odnix-client load`
//! ([`odnix_client_ref::load`]).

pub mod catch_up;
pub mod idle;
pub mod numbers;
pub mod serve;
pub mod throughput;
