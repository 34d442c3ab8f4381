//! Hostile peers in the key exchange: every rule broken one at a time, by a peer written by
//! hand that otherwise does everything right.

#[path = "../pair/mod.rs"]
mod pair;

mod against_client;
mod against_server;
mod bounds;
