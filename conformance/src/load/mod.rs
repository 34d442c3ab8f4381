//! How fast the server is from end to end: from a client over a socket to the disk, and on to the
//! replica of the other client.
//!
//! The server is a process of its own ([`serve`]), so that its processor time and memory can be
//! read apart from those of the load. Senders, and receivers that nobody waits for, are
//! [`light::Light`]; where a committed replica counts, the receiver is a whole client.

pub mod catch_up;
pub mod idle;
pub mod light;
pub mod numbers;
pub mod serve;
pub mod throughput;

use odnix_client_ref::Options;
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_tl::odnix::{enums, functions};
use std::path::Path;

/// Options of a whole client.
///
/// # Errors
/// The address names no server.
pub fn full_client(server: &serve::Process, data: &Path) -> anyhow::Result<Options> {
    let key: RsaPublicKey = server.key.clone();
    Ok(Options::new(server.tcp.to_string().parse()?, key, data))
}

/// The account a light client makes.
pub fn sign_up(username: &str) -> functions::auth::SignUp {
    functions::auth::SignUp {
        username: username.to_owned(),
        password: "a password".to_owned(),
        first_name: username.to_owned(),
    }
}

/// A message to `peer`.
pub fn message(
    peer: &enums::InputPeer,
    text: String,
    random_id: i64,
) -> functions::messages::SendMessage {
    functions::messages::SendMessage { peer: peer.clone(), message: text, random_id, media: None }
}
