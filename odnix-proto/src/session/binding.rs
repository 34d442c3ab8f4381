//! The message that binds a temporary key to a permanent one: `auth.bindTempAuthKey`.
//!
//! ```text
//! encrypted_message   perm_auth_key_id: 8 | msg_key: 16 | AES-256-IGE(inner, permanent key)
//! inner               random: 16 | msg_id: i64 | seq_no: i32 = 0 | len: i32 = 40
//!                     | bind_auth_key_inner: 40 | padding: 8
//! bind_auth_key_inner 75a3f765 | nonce: i64 | temp_auth_key_id: i64 | perm_auth_key_id: i64
//!                     | temp_session_id: i64 | expires_at: i32
//! msg_key             SHA1(inner without padding)[4..20]; AES key and vector of version 1
//! ```
//!
//! The request travels under the temporary key; `msg_id` is that of the message that carries
//! it, so it is written when that message is. Who can write it knows both keys, which is what
//! the server wants to know.
//!
//! Security: the old key derivation is used for nothing else. Every field is compared before
//! anything is bound, and [`BindingFault`] never tells the peer which one was wrong. Source:
//! MTProto, "Perfect Forward Secrecy".

use crate::{
    auth_key::{AuthKey, AuthKeyId},
    crypto::{
        ige::{aes256_ige_decrypt, aes256_ige_encrypt},
        kdf::{Side, message_key_v1, message_keys_v1},
    },
    message_id::MsgId,
    secret::verdict,
    time::UnixTime,
};
use alloc::vec::Vec;
use bytes::{Buf, Bytes};
use odnix_tl::{
    Decode, Encode, mtproto::types::BindAuthKeyInner, odnix::functions::auth::BindTempAuthKey,
};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

const OUTER_LEN: usize = 24;
const RANDOM_LEN: usize = 16;
const BODY_LEN: usize = 40;
/// What msg_key covers.
const HASHED_LEN: usize = 72;
const PADDED_LEN: usize = 80;
const ENCRYPTED_LEN: usize = OUTER_LEN + PADDED_LEN;

/// The message that carries a binding, as both sides see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire format is fixed")]
pub struct Carrier {
    /// Its id.
    pub msg_id: MsgId,
    /// The temporary key it is sealed with.
    pub temp_auth_key_id: AuthKeyId,
    /// Its session.
    pub temp_session_id: i64,
}

/// Which field of a binding was wrong. For local logs only: the peer hears
/// `ENCRYPTED_MESSAGE_INVALID`, whichever it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingFault {
    /// `encrypted_message` does not have its 104 bytes.
    #[error("wrong length")]
    Length,
    /// The request or the outer header names another permanent key.
    #[error("another permanent key")]
    PermanentKey,
    /// msg_key does not fit: other bytes, or another permanent key.
    #[error("msg_key mismatch")]
    MsgKey,
    /// The inner msg_id is not that of the message that carried it.
    #[error("another msg_id")]
    MsgId,
    /// The inner seq_no is not 0.
    #[error("seq_no is not 0")]
    SeqNo,
    /// The inner length is not 40, or the inner object is another one.
    #[error("not a bind_auth_key_inner")]
    Malformed,
    /// The nonces within and without differ.
    #[error("nonce mismatch")]
    Nonce,
    /// Another temporary key is named inside.
    #[error("another temporary key")]
    TemporaryKey,
    /// Another session is named inside.
    #[error("another session")]
    Session,
    /// The expiries within and without differ.
    #[error("another expiry")]
    Expiry,
    /// It has expired.
    #[error("expired")]
    Expired,
}

/// Writes the request `auth.bindTempAuthKey` for the permanent key. `expires_at` is that of the
/// temporary key, in Unix seconds on the server's clock.
pub fn seal_binding<R: CryptoRng + ?Sized>(
    perm_key: &AuthKey,
    carrier: &Carrier,
    expires_at: i32,
    rng: &mut R,
) -> BindTempAuthKey {
    let nonce = i64::from_le_bytes(rng.next_u64().to_le_bytes());
    let perm_auth_key_id = perm_key.id().as_i64();
    let body = BindAuthKeyInner {
        nonce,
        temp_auth_key_id: carrier.temp_auth_key_id.as_i64(),
        perm_auth_key_id,
        temp_session_id: carrier.temp_session_id,
        expires_at,
    };
    let mut inner = [0; PADDED_LEN];
    rng.fill_bytes(&mut inner);
    let written = inner.split_first_chunk_mut::<RANDOM_LEN>().map(|(_, rest)| {
        let mut fields = Vec::with_capacity(PADDED_LEN);
        fields.extend_from_slice(&carrier.msg_id.as_i64().to_le_bytes());
        fields.extend_from_slice(&0_i32.to_le_bytes());
        fields.extend_from_slice(&40_i32.to_le_bytes());
        fields.extend_from_slice(&body.to_bytes().unwrap_or_default());
        rest.iter_mut().zip(fields).for_each(|(place, byte)| *place = byte);
    });
    debug_assert!(written.is_some(), "the layout is fixed");
    let (hashed, _) =
        inner.split_first_chunk::<HASHED_LEN>().map_or((&[][..], ()), |(a, _)| (a, ()));
    let msg_key = message_key_v1(hashed);
    let keys = message_keys_v1(perm_key, Side::Client, &msg_key);
    // 80 bytes are whole blocks.
    let _ = aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut inner);
    let mut encrypted_message = Vec::with_capacity(ENCRYPTED_LEN);
    encrypted_message.extend_from_slice(&perm_key.id().to_bytes());
    encrypted_message.extend_from_slice(&msg_key);
    encrypted_message.extend_from_slice(&inner);
    BindTempAuthKey {
        perm_auth_key_id,
        nonce,
        expires_at,
        encrypted_message: encrypted_message.into(),
    }
}

/// Checks that `request`, which came in `carrier`, was written by who knows `perm_key`.
///
/// # Errors
/// The first [`BindingFault`] found. msg_key is compared before anything of the plaintext.
pub fn check_binding(
    perm_key: &AuthKey,
    request: &BindTempAuthKey,
    carrier: &Carrier,
    server_time: UnixTime,
) -> Result<(), BindingFault> {
    let sealed: &[u8; ENCRYPTED_LEN] =
        (&*request.encrypted_message).try_into().map_err(|_| BindingFault::Length)?;
    let (outer, inner) = sealed.split_first_chunk::<OUTER_LEN>().ok_or(BindingFault::Length)?;
    let (key_id, msg_key) = outer.split_first_chunk::<8>().ok_or(BindingFault::Length)?;
    let perm_id = perm_key.id();
    if AuthKeyId::from_bytes(*key_id) != perm_id || request.perm_auth_key_id != perm_id.as_i64() {
        return Err(BindingFault::PermanentKey);
    }
    let msg_key = msg_key.first_chunk::<16>().ok_or(BindingFault::Length)?;
    let plain = open(perm_key, msg_key, inner)?;
    check_fields(perm_id, request, carrier, plain)?;
    let now_s = i64::try_from(server_time.as_secs()).unwrap_or(i64::MAX);
    if i64::from(request.expires_at) <= now_s { Err(BindingFault::Expired) } else { Ok(()) }
}

/// Decrypts and authenticates; gives what stands behind the random bytes.
fn open(perm_key: &AuthKey, msg_key: &[u8; 16], inner: &[u8]) -> Result<Bytes, BindingFault> {
    let keys = message_keys_v1(perm_key, Side::Client, msg_key);
    let mut plain = inner.to_vec();
    aes256_ige_decrypt(keys.expose_key(), keys.expose_iv(), &mut plain)
        .map_err(|_| BindingFault::Length)?;
    let hashed = plain.first_chunk::<HASHED_LEN>().ok_or(BindingFault::Length)?;
    if !verdict(message_key_v1(hashed).ct_eq(msg_key).into()) {
        return Err(BindingFault::MsgKey);
    }
    let mut plain = Bytes::from(plain);
    plain.truncate(HASHED_LEN);
    plain.advance(RANDOM_LEN);
    Ok(plain)
}

fn check_fields(
    perm_id: AuthKeyId,
    request: &BindTempAuthKey,
    carrier: &Carrier,
    mut plain: Bytes,
) -> Result<(), BindingFault> {
    let msg_id = plain.try_get_i64_le().map_err(|_| BindingFault::Malformed)?;
    let seq_no = plain.try_get_i32_le().map_err(|_| BindingFault::Malformed)?;
    let len = plain.try_get_i32_le().map_err(|_| BindingFault::Malformed)?;
    if MsgId::from_i64(msg_id) != carrier.msg_id {
        return Err(BindingFault::MsgId);
    }
    if seq_no != 0 {
        return Err(BindingFault::SeqNo);
    }
    if usize::try_from(len) != Ok(BODY_LEN) {
        return Err(BindingFault::Malformed);
    }
    let body = BindAuthKeyInner::from_bytes(plain).map_err(|_| BindingFault::Malformed)?;
    let faults = [
        (body.nonce != request.nonce, BindingFault::Nonce),
        (body.temp_auth_key_id != carrier.temp_auth_key_id.as_i64(), BindingFault::TemporaryKey),
        (body.perm_auth_key_id != perm_id.as_i64(), BindingFault::PermanentKey),
        (body.temp_session_id != carrier.temp_session_id, BindingFault::Session),
        (body.expires_at != request.expires_at, BindingFault::Expiry),
    ];
    match faults.into_iter().find(|(wrong, _)| *wrong) {
        Some((_, fault)) => Err(fault),
        None => Ok(()),
    }
}
