//! Sealed packets under a known key: noise and damaged packets never open, and behind a valid
//! msg_key only lengths the protocol allows do.
//!
//! Input: `how: u8`, `from: u8`, then a packet, a plaintext, or the damage.

use bytes::BytesMut;
use odnix_proto::crypto::ige::aes256_ige_encrypt;
use odnix_proto::crypto::kdf::{Side, message_key, message_keys};
use odnix_proto::envelope::{self, Header};
use odnix_proto::{AuthKey, MsgId, Secret};

/// One input.
pub fn run(input: &[u8]) {
    let [how, from, rest @ ..] = input else { return };
    let key = AuthKey::new(Secret::init(|bytes| {
        bytes.iter_mut().zip(0..=u8::MAX).for_each(|(byte, value)| *byte = value);
    }));
    let (from, to) = match from % 2 {
        0 => (Side::Client, Side::Server),
        _ => (Side::Server, Side::Client),
    };
    match how % 3 {
        0 => noise(&key, from, rest),
        1 => hostile_plaintext(&key, from, to, rest),
        _ => damaged(&key, from, rest),
    }
}

fn noise(key: &AuthKey, from: Side, rest: &[u8]) {
    assert!(envelope::open(key, from, rest.into()).is_err());
    let addressed = [&key.id().to_bytes(), rest].concat();
    assert!(envelope::open(key, from, addressed[..].into()).is_err());
}

/// The peer holds the key and writes whatever it likes.
fn hostile_plaintext(key: &AuthKey, from: Side, to: Side, plaintext: &[u8]) {
    let mut inner = plaintext.to_vec();
    inner.truncate(inner.len() / 16 * 16);
    let expected = allowed_data(&inner).map(<[u8]>::to_vec);
    let msg_key = message_key(key, from, &inner).msg_key;
    let keys = message_keys(key, from, &msg_key);
    aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut inner).expect("whole blocks");
    let packet = [&key.id().to_bytes()[..], &msg_key, &inner].concat();
    let opened = envelope::open(key, from, packet[..].into());
    assert_eq!(opened.ok().map(|opened| opened.data.to_vec()), expected);
    assert!(envelope::open(key, to, packet[..].into()).is_err(), "reflected");
}

/// The data of a plaintext, by the rules of the specification.
fn allowed_data(inner: &[u8]) -> Option<&[u8]> {
    let data_len = i32::from_le_bytes(inner.get(28..32)?.try_into().ok()?);
    let data_len = usize::try_from(data_len).ok().filter(|len| len % 4 == 0)?;
    let data = inner.get(32..)?.get(..data_len)?;
    (12..=1024).contains(&(inner.len() - 32 - data_len)).then_some(data)
}

/// A true packet with some bytes changed, at `(position, difference)`.
fn damaged(key: &AuthKey, from: Side, damage: &[u8]) {
    let header = Header { salt: 1, session_id: 2, msg_id: MsgId::from_i64(3 << 32 | 4), seq_no: 5 };
    let mut packet = BytesMut::new();
    let mut padding = <chacha20::ChaCha20Rng as rand_core::SeedableRng>::from_seed([7; 32]);
    envelope::seal(key, from, &header, &[9; 64], &mut padding, &mut packet).expect("64 bytes");
    let whole = packet.clone();
    for change in damage.chunks_exact(2) {
        let at = usize::from(change[0]) % packet.len();
        packet[at] ^= change[1];
    }
    let unchanged = packet == whole;
    assert_eq!(envelope::open(key, from, packet).is_ok(), unchanged);
}
