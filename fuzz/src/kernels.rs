//! The kernels of one level beside the crates that anybody may check: `ige`, `aes` and `sha2` for
//! messages, `crypto-bigint` for powers.
//!
//! Input: `what: u8`, then seeds and lengths. A level that the processor has not got does nothing.

use aes::Aes256;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use ige::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use odnix_kernels::{
    Block, FixedBase, Kernels, LANES, Lanes2048, Level, Message, Modulus2048, Powers, Stream,
};
use sha2::{Digest, Sha256};

/// One input.
pub fn run(level: Level, input: &[u8]) {
    let Some(kernels) = Kernels::at(level) else { return };
    let [what, rest @ ..] = input else { return };
    match what % 4 {
        0 => one(&kernels, rest),
        1 => many(&kernels, rest),
        2 => hashes(&kernels, rest),
        _ if level == Level::Vaes512 => powers(rest),
        _ => one(&kernels, rest),
    }
}

fn word(input: &[u8]) -> [u8; 32] {
    Sha256::digest(input).into()
}

fn ige(decrypts: bool, key: &[u8; 32], iv: &[u8; 32], blocks: &mut [Block]) {
    let blocks = Array::cast_slice_from_core_mut(blocks);
    match decrypts {
        false => ige::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_blocks(blocks),
        true => ige::Decryptor::<Aes256>::new(key.into(), iv.into()).decrypt_blocks(blocks),
    }
}

fn sha256(prefix: &[u8; 32], blocks: &[Block]) -> [u8; 32] {
    Sha256::new_with_prefix(prefix).chain_update(blocks.as_flattened()).finalize().into()
}

fn one(kernels: &Kernels, input: &[u8]) {
    let (key, iv) = (word(input), word(&[input, &[1]].concat()));
    let offset = input.first().map_or(0, |first| usize::from(first % 16));
    let mut memory = [&vec![0; offset], input].concat();
    let here = memory[offset..].as_chunks_mut().0;
    let blocks = here.to_vec();
    let (mut encrypted, mut decrypted) = (blocks.clone(), blocks.clone());
    ige(false, &key, &iv, &mut encrypted);
    ige(true, &key, &iv, &mut decrypted);
    kernels.ige_encrypt(&key, &iv, here);
    assert_eq!(here, encrypted);
    kernels.ige_decrypt(&key, &iv, here);
    assert_eq!(here, blocks);
    let hash = kernels.ige_decrypt_and_hash(&key, &iv, &iv, here);
    assert_eq!(here, decrypted);
    assert_eq!(hash, sha256(&iv, &decrypted));
    assert_eq!(kernels.hash(&key, &blocks), sha256(&key, &blocks));
}

/// Streams whose lengths the input says, two bytes each.
fn many(kernels: &Kernels, input: &[u8]) {
    let [how, lens @ ..] = input else { return };
    let decrypts = how % 2 == 1;
    let lens = lens.as_chunks::<2>().0.iter().take(40);
    let lens: Vec<usize> = lens.map(|len| usize::from(u16::from_le_bytes(*len) % 300)).collect();
    let keys: Vec<[u8; 32]> =
        (0..lens.len()).map(|i| word(&[&[i as u8], input].concat())).collect();
    let mut expected: Vec<Vec<Block>> =
        lens.iter().zip(&keys).map(|(len, key)| content(key, *len)).collect();
    let mut memory = expected.clone();
    for (blocks, key) in expected.iter_mut().zip(&keys) {
        ige(decrypts, key, &keys[0], blocks);
    }
    let streams = memory.iter_mut().zip(&keys);
    let mut streams: Vec<Stream<'_>> =
        streams.map(|(blocks, key)| Stream { key, iv: &keys[0], blocks }).collect();
    match decrypts {
        false => kernels.ige_encrypt_many(&mut streams),
        true => kernels.ige_decrypt_many(&mut streams),
    }
    assert_eq!(memory, expected);
}

fn content(seed: &[u8; 32], len: usize) -> Vec<Block> {
    (0..len)
        .map(|i| core::array::from_fn(|k| seed[k] ^ seed[16 + k].wrapping_mul(i as u8)))
        .collect()
}

fn hashes(kernels: &Kernels, input: &[u8]) {
    let lens = input.as_chunks::<2>().0.iter().take(40);
    let lens = lens.map(|len| usize::from(u16::from_le_bytes(*len) % 300));
    let seed = word(input);
    let contents: Vec<Vec<Block>> = lens.map(|len| content(&seed, len)).collect();
    let mut found = vec![[0; 32]; contents.len()];
    let messages = contents.iter().zip(&mut found);
    let mut messages: Vec<Message<'_>> =
        messages.map(|(blocks, hash)| Message { prefix: &seed, blocks, hash }).collect();
    kernels.hash_many(&mut messages);
    let expected: Vec<[u8; 32]> = contents.iter().map(|blocks| sha256(&seed, blocks)).collect();
    assert_eq!(found, expected);
    let (mut key, mut iv) = ([0; 32], [0; 32]);
    let msg_key = contents.first().and_then(|blocks| blocks.first()).unwrap_or(&[0; 16]);
    let part: [u8; 36] = core::array::from_fn(|i| seed[i % 32]);
    kernels.message_keys(msg_key, &part, &part, &mut key, &mut iv);
    let a = Sha256::digest([&msg_key[..], &part].concat());
    let b = Sha256::digest([&part[..], msg_key].concat());
    assert_eq!(
        [&key[..], &iv].concat(),
        [&a[0..8], &b[8..24], &a[24..32], &b[0..8], &a[8..24], &b[24..32],].concat()
    );
}

/// Eight powers; modulus, bases and exponents of the input, bytes of which may be all alike.
fn powers(input: &[u8]) {
    let Some(powers) = Powers::get() else { return };
    let mut modulus = number(0, input);
    (modulus[0], modulus[31]) = (modulus[0] | 1, modulus[31] | 1 << 63);
    let Some(prepared) = Modulus2048::new(&modulus) else { panic!("odd, with its highest bit") };
    let bases: [[u64; 32]; LANES] = core::array::from_fn(|lane| number(1 + lane as u8, input));
    let exponents: [[u64; 32]; LANES] = core::array::from_fn(|lane| number(20 + lane as u8, input));
    let lanes = Lanes2048::new(powers, [&prepared; LANES]);
    let mut found = [[0; 32]; LANES];
    lanes.store(&lanes.power(&lanes.load(bases.each_ref()), exponents.each_ref()), &mut found);
    let big = U2048::from_words;
    let Some(odd) = Odd::new(big(modulus)).into_option() else { panic!("odd") };
    let params = FixedMontyParams::new_vartime(odd);
    let power = |base: &[u64; 32], exponent: &[u64; 32]| {
        let base = big(*base).rem_vartime(params.modulus().as_nz_ref());
        *FixedMontyForm::new(&base, &params).pow(&big(*exponent)).retrieve().as_words()
    };
    for lane in 0..LANES {
        assert_eq!(found[lane], power(&bases[lane], &exponents[lane]), "lane {lane}");
    }
    let fixed = FixedBase::new(powers, &prepared, &bases[0]);
    fixed.lanes().store(&fixed.power(exponents.each_ref()), &mut found);
    for lane in 0..LANES {
        assert_eq!(found[lane], power(&bases[0], &exponents[lane]), "fixed, lane {lane}");
    }
}

/// Two bytes of the input say whether it is all zeros, all ones, or one of 32 numbers.
fn number(which: u8, input: &[u8]) -> [u64; 32] {
    let at = |i: usize| input.get(i).copied().unwrap_or_default();
    match at(usize::from(which)) {
        0 => [0; 32],
        255 => [u64::MAX; 32],
        kind => core::array::from_fn(|i| {
            let words = word(&[which, kind, i as u8]);
            u64::from_le_bytes(words.first_chunk().copied().unwrap_or_default())
        }),
    }
}
