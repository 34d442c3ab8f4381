//! Passwords: argon2id, outside every transaction.
//!
//! Hashing is slow on purpose, so it happens between two transactions: the first reads the
//! stored hash, [`examine`] works on a thread that may block, the second acts on its
//! [`Evidence`]. A sign-in under a name nobody has costs the same work as one with a wrong
//! password.

use super::RpcError;
use super::account_rules::{check_password, check_username};
use crate::files::ContentHash;
use crate::store::{Credentials, StoreError};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use odnix_tl::odnix::Request;
use std::fmt;
use std::sync::LazyLock;

/// What was found out about a request outside the transaction: about its password, or on disk.
#[derive(Clone)]
pub enum Evidence {
    /// The request carries none.
    NotNeeded,
    /// The name was free; this is the PHC string to store.
    Hash(String),
    /// The password is the one stored with these credentials.
    Matches(Credentials),
    /// It is not, or nobody has that name.
    Differs,
    /// The part of a file is on disk.
    PartStored,
    /// The parts of an upload that are on disk.
    Parts(Vec<i32>),
    /// The content with this hash and of this size is on disk.
    Assembled(ContentHash, u64),
    /// Bytes of a file, and the size of the whole.
    Content(bytes::Bytes, i64),
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNeeded => "NotNeeded",
            Self::Hash(_) => "Hash(…)",
            Self::Matches(_) => "Matches(…)",
            Self::Differs => "Differs",
            Self::PartStored => "PartStored",
            Self::Parts(_) => "Parts(…)",
            Self::Assembled(..) => "Assembled(…)",
            Self::Content(..) => "Content(…)",
        })
    }
}

/// The name whose credentials [`examine`] needs, if the request carries a password.
///
/// # Errors
/// Name or password cannot be right for anyone; no work is spent on them.
pub fn username(request: &Request) -> Result<Option<&str>, RpcError> {
    let (username, password) = match request {
        Request::AuthSignUp(it) => (&it.username, &it.password),
        Request::AuthSignIn(it) => (&it.username, &it.password),
        _ => return Ok(None),
    };
    check_username(username)?;
    check_password(password)?;
    Ok(Some(username))
}

/// Hashes or checks the password of a request. Takes tens of milliseconds.
///
/// # Errors
/// The operating system has no entropy for a salt.
pub fn examine(request: &Request, stored: Option<Credentials>) -> Result<Evidence, RpcError> {
    match (request, stored) {
        (Request::AuthSignUp(it), None) => Ok(Evidence::Hash(hash(&it.password)?)),
        (Request::AuthSignUp(it), Some(stored)) => Ok(check(&it.password, Some(stored))),
        (Request::AuthSignIn(it), stored) => Ok(check(&it.password, stored)),
        _ => Ok(Evidence::NotNeeded),
    }
}

fn hash(password: &str) -> Result<String, RpcError> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| StoreError::Os(error.to_string()))?;
    Ok(hash.to_string())
}

fn check(password: &str, stored: Option<Credentials>) -> Evidence {
    // A hash that no password has, so that an unknown name costs the same work.
    static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody").ok());
    let against = match &stored {
        Some(credentials) => Some(&credentials.password_hash),
        None => NOBODY.as_ref(),
    };
    let matches = against
        .and_then(|phc| PasswordHash::new(phc).ok())
        .is_some_and(|phc| Argon2::default().verify_password(password.as_bytes(), &phc).is_ok());
    match stored {
        Some(credentials) if matches => Evidence::Matches(credentials),
        _ => Evidence::Differs,
    }
}
