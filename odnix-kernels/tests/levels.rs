//! Every level computes what the `ige` and `aes` crates do.

use aes::Aes256;
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use odnix_kernels::{Block, Kernels, Level};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

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
        bytes in prop::collection::vec(any::<u8>(), 0..1500),
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
    fn two_hashes_are_those_of_the_library(one: [u8; 52], two: [u8; 52]) {
        let wanted = [one, two].map(|message| <[u8; 32]>::from(Sha256::digest(message)));
        for kernels in levels() {
            prop_assert_eq!(kernels.hash_two([&one, &two]), wanted, "{}", kernels.level());
        }
    }
}

#[test]
fn nothing_is_left_as_it_is() {
    for kernels in levels() {
        kernels.ige_encrypt(&[1; 32], &[2; 32], &mut []);
        kernels.ige_decrypt(&[1; 32], &[2; 32], &mut []);
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
fn the_environment_bounds_the_level() {
    let asked = std::env::var("ODNIX_CPU").ok().and_then(|name| name.parse().ok());
    let best = levels().map(|kernels| kernels.level()).max();
    assert_eq!(Some(Kernels::get().level()), best.min(asked.or(best)));
}
