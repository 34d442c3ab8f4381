//! The key exchange that gives both sides a 2048-bit authorization key.
//!
//! ```text
//! C -> S  req_pq_multi(nonce)
//! S -> C  resPQ(nonce, server_nonce, pq, fingerprints)
//! C -> S  req_DH_params(.., p, q, fingerprint, RSA_PAD(p_q_inner_data_dc(.., new_nonce, dc)))
//! S -> C  server_DH_params_ok(.., AES(SHA1 | server_DH_inner_data(g, dh_prime, g_a, time)))
//! C -> S  set_client_DH_params(.., AES(SHA1 | client_DH_inner_data(retry_id, g_b)))
//! S -> C  dh_gen_ok(.., new_nonce_hash1)          auth_key = g^(ab) mod dh_prime
//!         dh_gen_retry(.., new_nonce_hash2)       the key's id is taken: again with a new b
//!         dh_gen_fail(.., new_nonce_hash3)        given up
//! ```
//!
//! All packets are plain: `auth_key_id = 0 | msg_id | data_len | object`. Random bytes behind
//! the object are tolerated, as a common client sends them. Source: MTProto 2.0, "Creating an
//! authorization key" and "Security guidelines for client developers".
//!
//! [`client::Handshake`] and [`server::Handshake`] are the two machines. Both work alike:
//! `handle_packet` takes one plain packet, `poll_transmit` appends one, `poll_event` gives jobs
//! and the outcome, `complete` takes a finished job back. Their failures are final: once an
//! `Err` was returned, every later packet is [`HandshakeFault::AlreadyFailed`].
//!
//! Factorization, RSA and the Diffie-Hellman powers leave as a [`Job`], to be run on any
//! thread. At most one is out at a time, so a peer cannot pile up work.
//!
//! `server::TRANSITIONS` and `client::TRANSITIONS` are the two state diagrams as data; a test
//! drives both machines through every sequence of messages and compares.
//!
//! Security: each check gives a value that the next step demands, so none can be skipped.
//! new_nonce, the exponents and the temporary AES keys are wiped when their state ends, however
//! it ends.
//!
//! [`HandshakeFault::AlreadyFailed`]: crate::HandshakeFault::AlreadyFailed

mod checks;
pub mod client;
mod inner_data;
mod job;
mod pq_pool;
pub mod server;

pub use job::{Done, Job};

use crate::auth_key::AuthKey;
use core::fmt;

/// What a key exchange gives.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Established {
    /// The key.
    pub auth_key: AuthKey,
    /// The salt to start with: `new_nonce[0..8] xor server_nonce[0..8]`.
    pub server_salt: i64,
    /// Microseconds to add to the local wall clock to get the server's; 0 on the server.
    pub time_offset_us: i64,
    /// For a temporary key: when it expires, in Unix seconds on the server's clock.
    pub expires_at: Option<i32>,
    /// The dc the client asked for, as it stated it: `10000 + N` is a test dc.
    pub dc: i32,
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod published_sample;

/// The first salt is made of new_nonce, so it stays out.
impl fmt::Debug for Established {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Established({:?}, dc {}, …)", self.auth_key, self.dc)
    }
}
