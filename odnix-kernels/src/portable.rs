//! By the `ige`, `aes` and `sha2` crates, on any processor.

use crate::{Block, Functions};
use aes::Aes256;
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use ige::{Decryptor, Encryptor};
use sha2::{Digest, Sha256};

pub(crate) const PORTABLE: Functions = Functions { encrypt, decrypt, open, hash, hash_two };

fn encrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    Encryptor::<Aes256>::new(key.into(), iv.into())
        .encrypt_blocks(Array::cast_slice_from_core_mut(blocks));
}

fn decrypt(key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_blocks(Array::cast_slice_from_core_mut(blocks));
}

fn open(key: &[u8; 32], iv: &[u8; 32], prefix: &[u8; 32], blocks: &mut [Block]) -> [u8; 32] {
    decrypt(key, iv, blocks);
    hash(prefix, blocks)
}

fn hash(prefix: &[u8; 32], blocks: &[Block]) -> [u8; 32] {
    Sha256::new_with_prefix(prefix).chain_update(blocks.as_flattened()).finalize().into()
}

fn hash_two(messages: [&[u8; 52]; 2]) -> [[u8; 32]; 2] {
    messages.map(|message| Sha256::digest(message).into())
}
