//! The formulas of the specification over `sha2`, `ige` and `aes`, one after the other, each into a
//! fresh vector.

use super::packet::HEADER;
use aes::Aes256;
use chacha20::ChaCha20Rng;
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use odnix_proto::AuthKey;
use rand_core::Rng;
use sha2::{Digest, Sha256};

fn keys(ak: &[u8], x: usize, msg_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let a = Sha256::digest([msg_key, &ak[x..36 + x]].concat());
    let b = Sha256::digest([&ak[40 + x..76 + x], msg_key].concat());
    let key = [&a[0..8], &b[8..24], &a[24..32]].concat();
    let iv = [&b[0..8], &a[8..24], &b[24..32]].concat();
    (key, iv)
}

fn msg_key(ak: &[u8], x: usize, inner: &[u8]) -> Vec<u8> {
    Sha256::digest([&ak[88 + x..120 + x], inner].concat())[8..24].to_vec()
}

pub fn seal(key: &AuthKey, x: usize, data: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let ak = key.expose_secret();
    let mut padding = vec![0; 12 + (16 - (32 + data.len() + 12) % 16) % 16];
    rng.fill_bytes(&mut padding);
    let mut inner = [
        &HEADER.salt.to_le_bytes()[..],
        &HEADER.session_id.to_le_bytes(),
        &HEADER.msg_id.as_i64().to_le_bytes(),
        &HEADER.seq_no.to_le_bytes(),
        &u32::try_from(data.len()).unwrap().to_le_bytes(),
        data,
        &padding,
    ]
    .concat();
    let msg_key = msg_key(ak, x, &inner);
    let (aes_key, aes_iv) = keys(ak, x, &msg_key);
    ige::Encryptor::<Aes256>::new_from_slices(&aes_key, &aes_iv)
        .unwrap()
        .encrypt_blocks(Array::slice_as_chunks_mut(&mut inner).0);
    [&key.id().to_bytes()[..], &msg_key, &inner].concat()
}

pub fn open(key: &AuthKey, x: usize, packet: &[u8]) -> Option<Vec<u8>> {
    let ak = key.expose_secret();
    let (aes_key, aes_iv) = keys(ak, x, &packet[8..24]);
    let mut inner = packet[24..].to_vec();
    ige::Decryptor::<Aes256>::new_from_slices(&aes_key, &aes_iv)
        .unwrap()
        .decrypt_blocks(Array::slice_as_chunks_mut(&mut inner).0);
    let len = u32::from_le_bytes(inner[28..32].try_into().unwrap());
    let data = inner.get(32..32 + usize::try_from(len).unwrap())?;
    (msg_key(ak, x, &inner) == packet[8..24]).then(|| data.to_vec())
}

/// IGE alone, key setup included.
pub fn ige(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [[u8; 16]], decrypts: bool) {
    let blocks = Array::cast_slice_from_core_mut(blocks);
    match decrypts {
        false => ige::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_blocks(blocks),
        true => ige::Decryptor::<Aes256>::new(key.into(), iv.into()).decrypt_blocks(blocks),
    }
}
