//! Every level computes what the `ige` and `aes` crates do.

use aes::Aes256;
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use odnix_kernels::{Block, Kernels, Level, Message, Stream};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

// Miri takes a thousand times as long.
const BYTES_MAX: usize = if cfg!(miri) { 150 } else { 1500 };
const BLOCKS_MAX: usize = if cfg!(miri) { 90 } else { 300 };
const STREAMS_MAX: usize = if cfg!(miri) { 4 } else { 50 };
const MANY_CASES: u32 = if cfg!(miri) { 1 } else { 64 };

fn levels() -> impl Iterator<Item = Kernels> {
    Level::ALL.into_iter().filter_map(Kernels::at)
}

fn expected(key: &[u8; 32], iv: &[u8; 32], blocks: &[Block]) -> (Vec<Block>, Vec<Block>) {
    let (mut encrypted, mut decrypted) = (blocks.to_vec(), blocks.to_vec());
    ige::Encryptor::<Aes256>::new(key.into(), iv.into())
        .encrypt_blocks(Array::cast_slice_from_core_mut(&mut encrypted));
    ige::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_blocks(Array::cast_slice_from_core_mut(&mut decrypted));
    (encrypted, decrypted)
}

proptest! {
    #[test]
    fn every_level_is_the_ige_of_the_library_at_every_length_and_alignment(
        key: [u8; 32],
        iv: [u8; 32],
        prefix: [u8; 32],
        bytes in prop::collection::vec(any::<u8>(), 0..BYTES_MAX),
        offset in 0_usize..16,
    ) {
        let blocks: Vec<Block> = bytes.as_chunks().0.to_vec();
        let (encrypted, decrypted) = expected(&key, &iv, &blocks);
        for kernels in levels() {
            let mut memory = vec![0_u8; blocks.len() * 16 + offset];
            for (function, wanted) in [
                (Kernels::ige_encrypt as fn(&Kernels, &[u8; 32], &[u8; 32], &mut [Block]), &encrypted),
                (Kernels::ige_decrypt, &decrypted),
            ] {
                memory[offset..].copy_from_slice(blocks.as_flattened());
                let (here, rest) = memory[offset..].as_chunks_mut();
                prop_assert!(rest.is_empty());
                function(&kernels, &key, &iv, here);
                prop_assert_eq!(&*here, &wanted[..], "{}", kernels.level());
            }
            let (here, _) = memory[offset..].as_chunks_mut();
            here.copy_from_slice(&blocks);
            let hash = kernels.ige_decrypt_and_hash(&key, &iv, &prefix, here);
            prop_assert_eq!(&*here, &decrypted[..], "{}", kernels.level());
            let wanted = Sha256::new_with_prefix(prefix).chain_update(decrypted.as_flattened());
            prop_assert_eq!(hash, <[u8; 32]>::from(wanted.finalize()), "{}", kernels.level());
            prop_assert_eq!(kernels.hash(&prefix, here), hash);
        }
    }
}

proptest! {
    #[test]
    fn message_keys_are_mixed_from_the_hashes_of_the_library(
        msg_key: [u8; 16],
        first: [u8; 36],
        second: [u8; 36],
    ) {
        let a = Sha256::digest([&msg_key[..], &first].concat());
        let b = Sha256::digest([&second[..], &msg_key].concat());
        let key = [&a[0..8], &b[8..24], &a[24..32]].concat();
        let iv = [&b[0..8], &a[8..24], &b[24..32]].concat();
        for kernels in levels() {
            let (mut here, mut there) = ([0; 32], [0; 32]);
            kernels.message_keys(&msg_key, &first, &second, &mut here, &mut there);
            prop_assert_eq!(&here[..], &key[..], "{}", kernels.level());
            prop_assert_eq!(&there[..], &iv[..], "{}", kernels.level());
        }
    }
}

/// Any mix of lengths, keys and alignments: more streams than lanes, fewer, and none.
fn many() -> impl Strategy<Value = Vec<(Block, [u8; 32], usize, usize)>> {
    let len = prop_oneof![4 => 0_usize..12, 2 => 12_usize..80, 1 => 80_usize..BLOCKS_MAX];
    prop::collection::vec((any::<Block>(), any::<[u8; 32]>(), len, 0_usize..16), 0..STREAMS_MAX)
}

/// Bytes that differ from stream to stream and block to block.
fn content(seed: &Block, len: usize) -> Vec<Block> {
    (0..len).map(|i| (u128::from_le_bytes(*seed) ^ i as u128).to_be_bytes()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(MANY_CASES))]

    #[test]
    fn many_streams_are_each_the_ige_of_the_library(streams in many()) {
        for kernels in levels() {
            for decrypts in [false, true] {
                let mut memory: Vec<Vec<u8>> = streams.iter().map(|(seed, _, len, offset)| {
                    [&vec![0; *offset], content(seed, *len).as_flattened()].concat()
                }).collect();
                let ivs: Vec<[u8; 32]> = streams.iter().map(|(seed, ..)| {
                    core::array::from_fn(|i| seed[i % 16] ^ i as u8)
                }).collect();
                let mut asked: Vec<Stream<'_>> = memory.iter_mut().zip(&streams).zip(&ivs)
                    .map(|((memory, (_, key, _, offset)), iv)| {
                        Stream { key, iv, blocks: memory[*offset..].as_chunks_mut().0 }
                    }).collect();
                match decrypts {
                    false => kernels.ige_encrypt_many(&mut asked),
                    true => kernels.ige_decrypt_many(&mut asked),
                }
                for ((memory, (seed, key, len, offset)), iv) in memory.iter().zip(&streams).zip(&ivs) {
                    let (encrypted, decrypted) = expected(key, iv, &content(seed, *len));
                    let wanted = if decrypts { decrypted } else { encrypted };
                    prop_assert_eq!(&memory[*offset..], wanted.as_flattened(), "{}", kernels.level());
                    prop_assert!(memory[..*offset].iter().all(|byte| *byte == 0));
                }
            }
        }
    }

    #[test]
    fn many_hashes_are_those_of_the_library(messages in many()) {
        let contents: Vec<Vec<Block>> =
            messages.iter().map(|(seed, _, len, _)| content(seed, *len)).collect();
        for kernels in levels() {
            let mut hashes = vec![[0; 32]; messages.len()];
            let mut asked: Vec<Message<'_>> = messages.iter().zip(&contents).zip(&mut hashes)
                .map(|(((_, prefix, ..), blocks), hash)| Message { prefix, blocks, hash })
                .collect();
            kernels.hash_many(&mut asked);
            for (((_, prefix, ..), blocks), hash) in messages.iter().zip(&contents).zip(hashes) {
                let wanted = Sha256::new_with_prefix(prefix).chain_update(blocks.as_flattened());
                prop_assert_eq!(hash, <[u8; 32]>::from(wanted.finalize()), "{}", kernels.level());
            }
        }
    }
}

#[test]
fn nothing_is_left_as_it_is() {
    for kernels in levels() {
        kernels.ige_encrypt(&[1; 32], &[2; 32], &mut []);
        kernels.ige_decrypt(&[1; 32], &[2; 32], &mut []);
        kernels.ige_encrypt_many(&mut []);
        kernels.ige_decrypt_many(&mut []);
        kernels.hash_many(&mut []);
    }
}

#[test]
fn levels_are_named_and_ordered() {
    for level in Level::ALL {
        assert_eq!(level.name().parse(), Ok(level));
    }
    assert!(Level::ALL.is_sorted());
    assert!("pentium".parse::<Level>().is_err());
    assert_eq!(Kernels::at(Level::Portable).map(|it| it.level()), Some(Level::Portable));
}

#[test]
fn a_level_of_another_architecture_is_never_had() {
    let elsewhere: &[Level] = if cfg!(target_arch = "x86_64") {
        &[Level::Armv8]
    } else if cfg!(target_arch = "aarch64") {
        &[Level::AesNi, Level::Vaes512]
    } else {
        &Level::ALL[1..]
    };
    for level in elsewhere {
        assert!(Kernels::at(*level).is_none(), "{level}");
    }
}

/// The standard library asks in its own way.
#[test]
#[cfg_attr(miri, ignore = "it has no SIMD")]
fn a_level_is_had_when_the_processor_has_its_instructions() {
    #[cfg(target_arch = "aarch64")]
    {
        use std::arch::is_aarch64_feature_detected as has;
        assert_eq!(Kernels::at(Level::Armv8).is_some(), has!("aes") && has!("sha2"));
    }
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let aesni = has!("aes") && has!("sha") && has!("sse4.1") && has!("ssse3");
        assert_eq!(Kernels::at(Level::AesNi).is_some(), aesni);
    }
    assert!(Kernels::at(Level::Portable).is_some());
}

#[test]
fn the_environment_bounds_the_level_by_one_that_is_had() {
    let asked = std::env::var("ODNIX_CPU").ok().and_then(|name| name.parse::<Level>().ok());
    let asked = asked.filter(|level| Kernels::at(*level).is_some());
    let best = levels().map(|kernels| kernels.level()).max();
    assert_eq!(Some(Kernels::get().level()), asked.or(best));
}
