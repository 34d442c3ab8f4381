//! By the `ige`, `aes` and `sha2` crates, on any processor.

use crate::{Block, Functions, Message, Stream};
use aes::Aes256;
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use ige::{Decryptor, Encryptor};
use sha2::{Digest, Sha256};
use zeroize::Zeroize as _;

pub(crate) const PORTABLE: Functions =
    Functions { encrypt, decrypt, open, hash, message_keys, encrypt_many, decrypt_many, hash_many };

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

fn message_keys(
    msg_key: &Block,
    first: &[u8; 36],
    second: &[u8; 36],
    key: &mut [u8; 32],
    iv: &mut [u8; 32],
) {
    let mut a: [u8; 32] = Sha256::new_with_prefix(msg_key).chain_update(first).finalize().into();
    let mut b: [u8; 32] = Sha256::new_with_prefix(second).chain_update(msg_key).finalize().into();
    for (mixed, outer, inner) in [(key, &a, &b), (iv, &b, &a)] {
        mixed.copy_from_slice(outer);
        mixed[8..24].copy_from_slice(&inner[8..24]);
    }
    a.zeroize();
    b.zeroize();
}

fn encrypt_many(streams: &mut [Stream<'_>]) {
    for stream in streams {
        encrypt(stream.key, stream.iv, stream.blocks);
    }
}

fn decrypt_many(streams: &mut [Stream<'_>]) {
    for stream in streams {
        decrypt(stream.key, stream.iv, stream.blocks);
    }
}

fn hash_many(messages: &mut [Message<'_>]) {
    for message in messages {
        *message.hash = hash(message.prefix, message.blocks);
    }
}
