//! The checks both roles share. Each gives a value that only the check can make and that the
//! next step asks for.

use crate::auth_key::AuthKey;
use crate::crypto::ige::{aes256_ige_decrypt, aes256_ige_encrypt};
use crate::crypto::kdf::{AesKeyIv, handshake_keys, new_nonce_hash, params_fail_hash};
use crate::error::HandshakeFault;
use crate::secret::{Secret, verdict};
use crate::seed::Generator;
use alloc::vec::Vec;
use bytes::Bytes;
use odnix_tl::{Decode, Encode};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const SHA1_LEN: usize = 20;

/// Longest encrypted answer looked at. The longest genuine one has 608 bytes; hashing it once
/// for each possible padding must stay cheap.
const ENCRYPTED_LEN_MAX: usize = 2048;

/// The two nonces that every message of one exchange repeats.
#[derive(Clone, Copy)]
pub(super) struct Nonces {
    pub nonce: [u8; 16],
    pub server_nonce: [u8; 16],
}

/// Proof that a message belongs to this exchange.
#[derive(Clone, Copy)]
pub(super) struct NoncesMatch(());

impl Nonces {
    /// "The client/server is to check that nonce and server_nonce are its own" – in every
    /// message, and again inside every encrypted part.
    pub fn check(
        &self,
        nonce: &[u8; 16],
        server_nonce: &[u8; 16],
    ) -> Result<NoncesMatch, HandshakeFault> {
        if self.nonce == *nonce && self.server_nonce == *server_nonce {
            Ok(NoncesMatch(()))
        } else {
            Err(HandshakeFault::NonceMismatch)
        }
    }
}

/// What both sides know once new_nonce has crossed. Wiped on drop.
pub(super) struct Secrets {
    pub nonces: Nonces,
    pub new_nonce: Secret<32>,
    keys: AesKeyIv,
}

/// Proof that the peer knows new_nonce and the same auth_key.
pub(super) struct NonceHashMatches(());

/// The inside of an encrypted answer whose SHA1 was right.
pub(super) struct Authentic(Bytes);

impl Secrets {
    pub fn new(nonces: Nonces, new_nonce: Secret<32>) -> Self {
        let keys = handshake_keys(new_nonce.expose_secret(), &nonces.server_nonce);
        Self { nonces, new_nonce, keys }
    }

    /// `new_nonce_hash1`, `2` or `3` of dh_gen_ok, _retry or _fail.
    pub fn nonce_hash(&self, number: u8, auth_key: &AuthKey) -> [u8; 16] {
        new_nonce_hash(self.new_nonce.expose_secret(), number, auth_key.aux_hash())
    }

    /// Compares a received `new_nonce_hashN` in constant time.
    pub fn check_nonce_hash(
        &self,
        _ours: NoncesMatch,
        number: u8,
        auth_key: &AuthKey,
        received: &[u8; 16],
    ) -> Result<NonceHashMatches, HandshakeFault> {
        equal(&self.nonce_hash(number, auth_key), received)
    }

    /// Compares the hash in server_DH_params_fail in constant time.
    pub fn check_fail_hash(
        &self,
        _ours: NoncesMatch,
        received: &[u8; 16],
    ) -> Result<NonceHashMatches, HandshakeFault> {
        equal(&params_fail_hash(self.new_nonce.expose_secret()), received)
    }

    /// `AES( SHA1(object) | object | 0..15 random bytes )`.
    pub fn seal<T: Encode>(
        &self,
        object: &T,
        generator: &mut Generator,
    ) -> Result<Bytes, HandshakeFault> {
        let object = object.to_bytes().map_err(|_| HandshakeFault::Malformed)?;
        let mut sealed = Vec::with_capacity(ENCRYPTED_LEN_MAX);
        sealed.extend_from_slice(&Sha1::digest(&object));
        sealed.extend_from_slice(&object);
        let len = sealed.len();
        sealed.resize(len.next_multiple_of(16), 0);
        generator.fill(sealed.get_mut(len..).unwrap_or_default());
        aes256_ige_encrypt(self.keys.expose_key(), self.keys.expose_iv(), &mut sealed)
            .map_err(|_| HandshakeFault::Malformed)?;
        Ok(Bytes::from(sealed))
    }

    /// Opens what [`seal`](Self::seal) made: the hash must be that of the answer for exactly
    /// one padding of 0..15 bytes, before anything in it is looked at.
    pub fn open(&self, _ours: NoncesMatch, encrypted: &[u8]) -> Result<Authentic, HandshakeFault> {
        if encrypted.len() > ENCRYPTED_LEN_MAX {
            return Err(HandshakeFault::BadAnswerHash);
        }
        let mut plain = Zeroizing::new(encrypted.to_vec());
        aes256_ige_decrypt(self.keys.expose_key(), self.keys.expose_iv(), &mut plain)
            .map_err(|_| HandshakeFault::BadAnswerHash)?;
        let (hash, padded) =
            plain.split_at_checked(SHA1_LEN).ok_or(HandshakeFault::BadAnswerHash)?;
        let lens = (0..16usize).filter_map(|padding| padded.len().checked_sub(padding));
        let mut matching = lens.filter(|len| {
            let object = padded.get(..*len).unwrap_or_default();
            verdict(Sha1::digest(object).as_slice().ct_eq(hash).into())
        });
        let (Some(len), None) = (matching.next(), matching.next()) else {
            return Err(HandshakeFault::BadAnswerHash);
        };
        let end = SHA1_LEN.saturating_add(len);
        Ok(Authentic(Bytes::from_owner(plain).slice(SHA1_LEN..end)))
    }
}

impl Authentic {
    /// The one object inside, with nothing behind it.
    pub fn decode<T: Decode>(self) -> Result<T, HandshakeFault> {
        T::from_bytes(self.0).map_err(|_| HandshakeFault::Malformed)
    }
}

fn equal(expected: &[u8; 16], received: &[u8; 16]) -> Result<NonceHashMatches, HandshakeFault> {
    if verdict(expected.ct_eq(received).into()) {
        Ok(NonceHashMatches(()))
    } else {
        Err(HandshakeFault::BadNonceHash)
    }
}

/// A big-endian number of 1..8 bytes, as pq, p and q travel.
pub(super) fn number(bytes: &[u8]) -> Result<u64, HandshakeFault> {
    let start = 8usize.checked_sub(bytes.len()).ok_or(HandshakeFault::BadPq)?;
    let mut whole = [0; 8];
    whole.get_mut(start..).unwrap_or_default().copy_from_slice(bytes);
    Ok(u64::from_be_bytes(whole))
}

/// The same number as bytes, without leading zeros.
pub(super) fn number_bytes(number: u64) -> Bytes {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Bytes::copy_from_slice(bytes.get(zeros..).unwrap_or_default())
}
