//! What all makers of vectors share: texts of bytes and numbers, and inputs that look random.

use crate::script::Script;
use bytes::Bytes;
use chacha20::ChaCha20Rng;
use odnix_proto::crypto::ige::aes256_ige_encrypt;
use odnix_proto::crypto::kdf::{message_key, message_keys};
use odnix_proto::envelope::{Header, Side};
use odnix_proto::{AuthKey, MsgId, Secret, Seed};
use odnix_tl::{Encode, odnix::functions::help::Echo};
use rand_core::{Rng, SeedableRng};
use std::fmt::Write as _;

/// Lower-case hexadecimal, in the order of the wire.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A number of 64 bits, which not every JSON reader takes as one.
pub fn long(number: i64) -> String {
    number.to_string()
}

/// The decimal text of a msg_id.
pub fn id(msg_id: MsgId) -> String {
    long(msg_id.as_i64())
}

/// `len` bytes that look random and are the same each time.
pub fn sample(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// The same, as an array.
pub fn sample_array<const N: usize>(seed: u64) -> [u8; N] {
    sample(seed, N).try_into().expect("N bytes")
}

/// A positive number with 63 random bits.
pub fn sample_long(seed: u64) -> i64 {
    i64::from_le_bytes(sample_array(seed)) & i64::MAX
}

/// An authorization key of random bytes.
pub fn auth_key(seed: u64) -> AuthKey {
    AuthKey::new(Secret::take(&mut sample_array(seed)))
}

/// The seed of a machine, from its 32 bytes.
pub fn seed(bytes: &[u8]) -> Seed {
    Seed::from_rng(&mut Script::new(bytes.iter().copied()))
}

/// How a side is written.
pub fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// A request every server of this project answers.
pub fn echo(data: &[u8]) -> Bytes {
    Echo { data: Bytes::copy_from_slice(data) }.to_bytes().expect("a short echo")
}

/// A plaintext in the layout of the envelope, whatever it says of itself.
pub fn inner(header: &Header, data_len: i32, data_and_padding: &[&[u8]]) -> Vec<u8> {
    let mut inner = Vec::new();
    inner.extend_from_slice(&header.salt.to_le_bytes());
    inner.extend_from_slice(&header.session_id.to_le_bytes());
    inner.extend_from_slice(&header.msg_id.as_i64().to_le_bytes());
    inner.extend_from_slice(&header.seq_no.to_le_bytes());
    inner.extend_from_slice(&data_len.to_le_bytes());
    inner.extend(data_and_padding.iter().copied().flatten());
    inner
}

/// A packet around any plaintext of whole blocks, with a valid msg_key.
pub fn seal_inner(key: &AuthKey, from: Side, inner: &[u8]) -> Vec<u8> {
    seal_under(key, from, message_key(key, from, inner).msg_key, inner)
}

/// The same with a msg_key of the caller's.
pub fn seal_under(key: &AuthKey, from: Side, msg_key: [u8; 16], inner: &[u8]) -> Vec<u8> {
    let keys = message_keys(key, from, &msg_key);
    let mut encrypted = inner.to_vec();
    aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut encrypted).expect("whole blocks");
    [&key.id().to_bytes()[..], &msg_key, &encrypted].concat()
}
