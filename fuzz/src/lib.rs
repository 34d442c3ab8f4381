//! The bodies of the fuzz targets: each takes any bytes, and panics when a rule is broken.
//!
//! They are plain functions, so that `cargo test` runs them on random inputs with any compiler,
//! and `cargo fuzz` runs them with coverage.

pub mod connection;
pub mod envelope_open;
pub mod exchange;
pub mod framer;
pub mod handshake_client;
pub mod handshake_server;
pub mod input;
pub mod kernels;
pub mod memory;
pub mod obfuscation;
pub mod plain_message;
pub mod seeds;
pub mod sequencer;
pub mod service;
pub mod session_packets;
pub mod tl_decode;
pub mod tl_json;
pub mod tl_schema;
