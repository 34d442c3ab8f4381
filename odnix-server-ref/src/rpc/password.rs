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
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use odnix_tl::odnix::Request;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

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
    let os = |error: &dyn fmt::Display| StoreError::Os(error.to_string());
    let mut salt = [0; Salt::RECOMMENDED_LENGTH];
    getrandom::fill(&mut salt).map_err(|error| os(&error))?;
    let params = Params::default();
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|error| os(&error))?,
        salt: Some(Salt::new(&salt).map_err(|error| os(&error))?),
        hash: Some(argon2id(password, &salt, params).map_err(|error| os(&error))?),
    };
    Ok(phc.to_string())
}

fn check(password: &str, stored: Option<Credentials>) -> Evidence {
    // A hash that no password has, so that an unknown name costs the same work.
    static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody").ok());
    let against = match &stored {
        Some(credentials) => Some(&credentials.password_hash),
        None => NOBODY.as_ref(),
    };
    let matches = against.is_some_and(|phc| is_hash_of(phc, password));
    match stored {
        Some(credentials) if matches => Evidence::Matches(credentials),
        _ => Evidence::Differs,
    }
}

/// Compares in constant time.
fn is_hash_of(phc: &str, password: &str) -> bool {
    let Ok(PasswordHash { algorithm, version, params, salt: Some(salt), hash: Some(hash) }) =
        PasswordHash::new(phc)
    else {
        return false;
    };
    let ours = (Algorithm::Argon2id.ident(), Some(Version::V0x13.into()));
    let Ok(params) = Params::try_from(&params) else { return false };
    (algorithm, version) == ours && argon2id(password, &salt, params).is_ok_and(|it| it == hash)
}

/// The hash, made in memory that is kept for the next one.
///
/// Each takes 19 MiB. An allocator that has given out and taken back a block of that size keeps
/// it, once for each thread that ever hashed; here there are as many as hash at one time.
fn argon2id(password: &str, salt: &[u8], params: Params) -> argon2::Result<Output> {
    static KEPT: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut blocks = kept().pop().unwrap_or_default();
    blocks.resize(params.block_count(), Block::new());
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut hash = [0; Output::MAX_LENGTH];
    let hash = hash.get_mut(..length).ok_or(argon2::Error::OutputTooLong)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed =
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, hash, &mut blocks[..]);
    // They would tell much of the password.
    blocks.fill(Block::new());
    kept().push(blocks);
    hashed?;
    Output::new(hash).map_err(|_| argon2::Error::OutputTooLong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};

    #[test]
    fn the_hashes_are_those_of_the_library() {
        let ours = hash("correct horse").unwrap();
        assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");
        let parsed = PasswordHash::new(&ours).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"correct hors", &parsed).is_err());
        let theirs = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        assert!(is_hash_of(&theirs, "correct horse"));
        assert!(!is_hash_of(&theirs, "correct hors"));
    }

    #[test]
    fn hashes_of_other_kinds_and_broken_ones_match_nothing() {
        let params = Params::new(8, 1, 1, None).unwrap();
        for (algorithm, version, matches) in [
            (Algorithm::Argon2id, Version::V0x13, true),
            (Algorithm::Argon2i, Version::V0x13, false),
            (Algorithm::Argon2id, Version::V0x10, false),
        ] {
            let other = Argon2::new(algorithm, version, params.clone());
            let phc = other.hash_password(b"x").unwrap().to_string();
            assert_eq!(is_hash_of(&phc, "x"), matches, "{phc}");
        }
        for broken in
            ["", "x", "$argon2id$v=19$m=8,t=1,p=1$", "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aaaa"]
        {
            assert!(!is_hash_of(broken, "x"), "{broken}");
        }
    }
}
