//! grammers-crypto. Its `seal` takes padding from the operating system in each call; its `open`
//! checks msg_key, but neither the length nor the padding.

use super::packet::{HEADER, key_bytes};
use grammers_crypto::{AuthKey, DequeBuffer};

pub fn key() -> AuthKey {
    AuthKey::from_bytes(key_bytes())
}

pub fn buffer(data_len: usize) -> DequeBuffer<u8> {
    DequeBuffer::with_capacity(data_len + 128, 24)
}

/// The length of the packet that is then in the buffer.
pub fn seal(key: &AuthKey, data: &[u8], buffer: &mut DequeBuffer<u8>) -> usize {
    buffer.clear();
    buffer.extend(HEADER.salt.to_le_bytes());
    buffer.extend(HEADER.session_id.to_le_bytes());
    buffer.extend(HEADER.msg_id.as_i64().to_le_bytes());
    buffer.extend(HEADER.seq_no.to_le_bytes());
    buffer.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    buffer.extend(data);
    grammers_crypto::encrypt_data_v2(buffer, key);
    buffer.len()
}

/// The packet decrypted in place, which is given back.
pub fn open(key: &AuthKey, mut packet: Vec<u8>) -> Vec<u8> {
    let inner = grammers_crypto::decrypt_data_v2(&mut packet, key).unwrap();
    std::hint::black_box(inner.len());
    packet
}

/// IGE alone, key setup included.
pub fn ige(key: &[u8; 32], iv: &[u8; 32], bytes: &mut [u8], decrypts: bool) {
    match decrypts {
        false => grammers_crypto::aes::ige_encrypt(bytes, key, iv),
        true => grammers_crypto::aes::ige_decrypt(bytes, key, iv),
    }
}
