//! The 2048-bit authorization key and what is derived from it alone.
//!
//! `auth_key = g^(ab) mod dh_prime`, big-endian, left-padded with zeros to 256 bytes.
//! With `sha = SHA1(auth_key)`: `auth_key_id = sha[12..20]`, `aux_hash = sha[0..8]`
//! (MTProto 2.0, "Creating an authorization key", step 9).

use crate::secret::Secret;
use alloc::sync::Arc;
use core::fmt;
use sha1::{Digest, Sha1};

/// The public name of an [`AuthKey`]: 8 bytes, in the order they have on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthKeyId([u8; 8]);

impl AuthKeyId {
    /// The id of plain messages.
    pub const PLAIN: Self = Self([0; 8]);

    /// From the 8 bytes on the wire.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes on the wire.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    /// The id as TL carries it: a little-endian `long`.
    pub const fn as_i64(self) -> i64 {
        i64::from_le_bytes(self.0)
    }
}

impl fmt::Debug for AuthKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AuthKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// An authorization key with its id and aux_hash. Clones share it, so that it is in memory once
/// and wiped with the last of them.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthKey(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    key: Secret<256>,
    id: AuthKeyId,
    aux_hash: [u8; 8],
}

impl AuthKey {
    /// Derives id and aux_hash from the key.
    pub fn new(key: Secret<256>) -> Self {
        let sha: [u8; 20] = Sha1::digest(key.expose_secret()).into();
        let [a0, a1, a2, a3, a4, a5, a6, a7, _, _, _, _, id @ ..] = sha;
        let aux_hash = [a0, a1, a2, a3, a4, a5, a6, a7];
        Self(Arc::new(Parts { key, id: AuthKeyId(id), aux_hash }))
    }

    /// A key with the id of plain messages, which nobody can make on purpose.
    #[cfg(test)]
    pub(crate) fn with_plain_id(key: Secret<256>) -> Self {
        let aux_hash = Self::new(key.clone()).aux_hash();
        Self(Arc::new(Parts { key, id: AuthKeyId::PLAIN, aux_hash }))
    }

    /// Bytes 12..20 of SHA1(auth_key).
    pub fn id(&self) -> AuthKeyId {
        self.0.id
    }

    /// Bytes 0..8 of SHA1(auth_key), used by `new_nonce_hash1/2/3` and `retry_id`.
    pub fn aux_hash(&self) -> [u8; 8] {
        self.0.aux_hash
    }

    /// The key itself.
    pub fn expose_secret(&self) -> &[u8; 256] {
        self.0.key.expose_secret()
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthKey({}, …)", self.id())
    }
}
