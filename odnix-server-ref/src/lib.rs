//! Reference server.

pub mod store;
