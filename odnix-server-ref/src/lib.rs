//! Reference server.

pub mod engine;
pub mod keys;
pub mod rpc;
pub mod store;
