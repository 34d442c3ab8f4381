//! Every key, hash and token that the protocol derives with SHA-1 or SHA-256.
//!
//! Below, `x = 0` for what the client sealed and `x = 8` for what the server sealed, and
//! `ak` is the 256-byte auth_key.
//!
//! ```text
//! version 2   msg_key_large = SHA256(ak[88+x..120+x] | plaintext with padding)
//!             msg_key       = msg_key_large[8..24]
//!             quick_ack     = u32le(msg_key_large[0..4]) | 0x8000_0000
//!             a = SHA256(msg_key | ak[x..36+x])        b = SHA256(ak[40+x..76+x] | msg_key)
//!             aes_key = a[0..8] | b[8..24] | a[24..32]
//!             aes_iv  = b[0..8] | a[8..24] | b[24..32]
//!
//! version 1   msg_key = SHA1(plaintext without padding)[4..20]
//!             a = SHA1(msg_key | ak[x..32+x])
//!             b = SHA1(ak[32+x..48+x] | msg_key | ak[48+x..64+x])
//!             c = SHA1(ak[64+x..96+x] | msg_key)
//!             d = SHA1(msg_key | ak[96+x..128+x])
//!             aes_key = a[0..8] | b[8..20] | c[4..16]
//!             aes_iv  = a[8..20] | b[0..8] | c[16..20] | d[0..8]
//! ```
//!
//! Version 1 serves only the message inside `auth.bindTempAuthKey`. The formulas of the key
//! exchange stand above their functions. Sources: MTProto 2.0, "Defining AES key and
//! initialization vector" and "Creating an authorization key".
//!
//! Security: keys and the hashes they are cut from are wiped when dropped.

use super::ige::BLOCK_LEN;
use crate::auth_key::AuthKey;
use core::fmt;
use odnix_kernels::Kernels;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Who sealed a message. Each direction has keys of its own, so a packet sent back to its
/// sender does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Side {
    /// The client: `x = 0`.
    Client,
    /// The server: `x = 8`.
    Server,
}

/// An AES-256-IGE key with its initialization vector.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct AesKeyIv {
    key: [u8; 32],
    iv: [u8; 32],
}

impl AesKeyIv {
    pub(crate) const fn zero() -> Self {
        Self { key: [0; 32], iv: [0; 32] }
    }

    /// In place, as [`message_keys`].
    pub(crate) fn derive(&mut self, auth_key: &AuthKey, from: Side, msg_key: &[u8; 16]) {
        let ak = shifted(auth_key, from);
        let (first, second) = (cut::<0, 36, _>(ak), cut::<40, 36, _>(ak));
        Kernels::get().message_keys(msg_key, first, second, &mut self.key, &mut self.iv);
    }

    /// The AES-256 key.
    pub fn expose_key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The vector: 16 bytes of ciphertext before the first block, then 16 of plaintext.
    pub fn expose_iv(&self) -> &[u8; 32] {
        &self.iv
    }
}

impl fmt::Debug for AesKeyIv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesKeyIv(…)")
    }
}

/// What is hashed out of one plaintext.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MessageKey {
    /// The 128 bits that travel in front of the ciphertext and authenticate it.
    pub msg_key: [u8; 16],
    /// The token of a quick acknowledgement; bit 31 is set.
    pub quick_ack_token: u32,
}

impl MessageKey {
    /// Out of msg_key_large.
    pub(crate) fn cut(large: &[u8; 32]) -> Self {
        let token = u32::from_le_bytes(*cut::<0, 4, _>(large));
        Self { msg_key: *cut::<8, 16, _>(large), quick_ack_token: token | 0x8000_0000 }
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageKey(…)")
    }
}

/// msg_key (version 2) and quick-ack token of a plaintext with its padding.
pub fn message_key(auth_key: &AuthKey, from: Side, plaintext: &[u8]) -> MessageKey {
    let prefix = hashed_prefix(auth_key, from);
    let large = match plaintext.as_chunks() {
        (blocks, []) => Zeroizing::new(Kernels::get().hash(prefix, blocks)),
        _ => sha256(&[prefix, plaintext]),
    };
    MessageKey::cut(&large)
}

/// Decrypts a message in place, and hashes what comes out as [`message_key`] does: what the
/// sender must have written in front of it.
pub fn decrypt_message(
    auth_key: &AuthKey,
    from: Side,
    msg_key: &[u8; 16],
    message: &mut [[u8; BLOCK_LEN]],
) -> MessageKey {
    let AesKeyIv { key, iv } = &message_keys(auth_key, from, msg_key);
    let prefix = hashed_prefix(auth_key, from);
    let large = Kernels::get().ige_decrypt_and_hash(key, iv, prefix, message);
    MessageKey::cut(&Zeroizing::new(large))
}

/// What is hashed in front of a plaintext (version 2).
pub(crate) fn hashed_prefix(auth_key: &AuthKey, from: Side) -> &[u8; 32] {
    cut::<88, 32, _>(shifted(auth_key, from))
}

/// AES key and vector (version 2) of a message.
pub fn message_keys(auth_key: &AuthKey, from: Side, msg_key: &[u8; 16]) -> AesKeyIv {
    let mut keys = AesKeyIv::zero();
    keys.derive(auth_key, from, msg_key);
    keys
}

/// msg_key (version 1) of a plaintext without its padding.
pub fn message_key_v1(plaintext: &[u8]) -> [u8; 16] {
    *cut::<4, 16, _>(&sha1(&[plaintext]))
}

/// AES key and vector (version 1) of a message.
pub fn message_keys_v1(auth_key: &AuthKey, from: Side, msg_key: &[u8; 16]) -> AesKeyIv {
    let ak = shifted(auth_key, from);
    let a = sha1(&[msg_key, cut::<0, 32, _>(ak)]);
    let b = sha1(&[cut::<32, 16, _>(ak), msg_key, cut::<48, 16, _>(ak)]);
    let c = sha1(&[cut::<64, 32, _>(ak), msg_key]);
    let d = sha1(&[msg_key, cut::<96, 32, _>(ak)]);
    let mut keys = AesKeyIv::zero();
    put::<0, 8, _>(&mut keys.key, cut::<0, 8, _>(&a));
    put::<8, 12, _>(&mut keys.key, cut::<8, 12, _>(&b));
    put::<20, 12, _>(&mut keys.key, cut::<4, 12, _>(&c));
    put::<0, 12, _>(&mut keys.iv, cut::<8, 12, _>(&a));
    put::<12, 8, _>(&mut keys.iv, cut::<0, 8, _>(&b));
    put::<20, 4, _>(&mut keys.iv, cut::<16, 4, _>(&c));
    put::<24, 8, _>(&mut keys.iv, cut::<0, 8, _>(&d));
    keys
}

/// The temporary keys of the key exchange.
///
/// ```text
/// a = SHA1(new_nonce | server_nonce)   b = SHA1(server_nonce | new_nonce)
/// c = SHA1(new_nonce | new_nonce)
/// tmp_aes_key = a | b[0..12]           tmp_aes_iv = b[12..20] | c | new_nonce[0..4]
/// ```
pub fn handshake_keys(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> AesKeyIv {
    let a = sha1(&[new_nonce, server_nonce]);
    let b = sha1(&[server_nonce, new_nonce]);
    let c = sha1(&[new_nonce, new_nonce]);
    let mut keys = AesKeyIv::zero();
    put::<0, 20, _>(&mut keys.key, &a);
    put::<20, 12, _>(&mut keys.key, cut::<0, 12, _>(&b));
    put::<0, 8, _>(&mut keys.iv, cut::<12, 8, _>(&b));
    put::<8, 20, _>(&mut keys.iv, &c);
    put::<28, 4, _>(&mut keys.iv, cut::<0, 4, _>(new_nonce));
    keys
}

/// `new_nonce_hashN = SHA1(new_nonce | N | aux_hash)[4..20]`: N is 1 in dh_gen_ok, 2 in
/// dh_gen_retry, 3 in dh_gen_fail.
pub fn new_nonce_hash(new_nonce: &[u8; 32], number: u8, aux_hash: [u8; 8]) -> [u8; 16] {
    *cut::<4, 16, _>(&sha1(&[new_nonce, &[number], &aux_hash]))
}

/// `SHA1(new_nonce)[4..20]`, the hash in server_DH_params_fail.
pub fn params_fail_hash(new_nonce: &[u8; 32]) -> [u8; 16] {
    *cut::<4, 16, _>(&sha1(&[new_nonce]))
}

/// `new_nonce[0..8] ^ server_nonce[0..8]`, the salt a fresh key starts with.
pub fn first_server_salt(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> i64 {
    i64::from_le_bytes(*cut::<0, 8, _>(new_nonce))
        ^ i64::from_le_bytes(*cut::<0, 8, _>(server_nonce))
}

/// The auth_key as it looks from byte `x` on. No formula reaches past `248 + x`.
fn shifted(auth_key: &AuthKey, from: Side) -> &[u8; 248] {
    let ([client @ .., _, _, _, _, _, _, _, _], [_, _, _, _, _, _, _, _, server @ ..]) =
        (auth_key.expose_secret(), auth_key.expose_secret());
    match from {
        Side::Client => client,
        Side::Server => server,
    }
}

fn sha1(parts: &[&[u8]]) -> Zeroizing<[u8; 20]> {
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    Zeroizing::new(hash.finalize().into())
}

fn sha256(parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    Zeroizing::new(hash.finalize().into())
}

/// `bytes[AT..AT + LEN]`, with bounds checked by the compiler.
#[expect(clippy::indexing_slicing, reason = "AT + LEN <= N is asserted at compile time")]
fn cut<const AT: usize, const LEN: usize, const N: usize>(bytes: &[u8; N]) -> &[u8; LEN] {
    const { assert!(AT + LEN <= N) };
    let (part, _) = bytes[AT..].as_chunks();
    &part[0]
}

/// `bytes[AT..AT + LEN] = part`, with bounds checked by the compiler.
#[expect(clippy::arithmetic_side_effects, reason = "AT + LEN <= N is asserted at compile time")]
fn put<const AT: usize, const LEN: usize, const N: usize>(bytes: &mut [u8; N], part: &[u8; LEN]) {
    const { assert!(AT + LEN <= N) };
    bytes[AT..AT + LEN].copy_from_slice(part);
}
