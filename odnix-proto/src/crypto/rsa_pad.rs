//! RSA_PAD, the padding of `p_q_inner_data*`, and the SHA-1 scheme it replaced.
//!
//! ```text
//! D  = data || random                      192 bytes, data at most 144
//! H  = reverse(D) || SHA256(temp_key || D) 224 bytes, temp_key 32 random bytes
//! E  = AES-256-IGE(H, temp_key, iv = 0)
//! K' = temp_key xor SHA256(E)
//! M  = K' || E                             drawn again until M < n
//! encrypted_data = M^e mod n               256 bytes, big-endian
//!
//! old:  M = 0 || SHA1(data) || data || random      256 bytes
//! ```
//!
//! Source: MTProto 2.0, "Creating an authorization key", step 4.1.
//!
//! Security: opening takes the same steps whatever is wrong and compares the hash in constant
//! time; there is one error for all failures. The old scheme is refused unless the caller asks
//! for it.

use super::ige::{aes256_ige_decrypt, aes256_ige_encrypt};
use super::rsa::{BLOCK_LEN, RsaPrivateKey, RsaPublicKey};
use crate::secret::{Secret, verdict};
use alloc::vec::Vec;
use rand_core::CryptoRng;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Most bytes of data that fit.
pub const DATA_LEN_MAX: usize = 144;

/// Bytes of data and padding.
pub const PADDED_LEN: usize = 192;

const TEMP_KEY_LEN: usize = 32;
const HASHED_LEN: usize = 224;

/// A random M is below a 2048-bit modulus with probability at least 1/2.
const DRAWS_MAX: u32 = 128;

/// The data does not fit, or (probability 2^-128) no block below the modulus was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("data longer than {DATA_LEN_MAX} bytes")]
pub struct SealError;

/// The block is not one this key and scheme made; nothing says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("RSA block invalid")]
pub struct OpenError;

/// Pads `data` to 192 bytes and encrypts it for the holder of `key`.
///
/// # Errors
/// [`SealError`] if `data` is longer than 144 bytes.
pub fn encrypt<R: CryptoRng + ?Sized>(
    key: &RsaPublicKey,
    data: &[u8],
    rng: &mut R,
) -> Result<[u8; BLOCK_LEN], SealError> {
    if data.len() > DATA_LEN_MAX {
        return Err(SealError);
    }
    let mut padded = Zeroizing::new([0u8; PADDED_LEN]);
    let (head, tail) = padded.split_at_mut_checked(data.len()).ok_or(SealError)?;
    head.copy_from_slice(data);
    rng.fill_bytes(tail);
    encrypt_padded(key, &padded, rng)
}

/// Steps 2 to 9 for data that is padded already.
pub(crate) fn encrypt_padded<R: CryptoRng + ?Sized>(
    key: &RsaPublicKey,
    padded: &[u8; PADDED_LEN],
    rng: &mut R,
) -> Result<[u8; BLOCK_LEN], SealError> {
    for _ in 0..DRAWS_MAX {
        let mut temp_key = Zeroizing::new([0u8; TEMP_KEY_LEN]);
        rng.fill_bytes(temp_key.as_mut_slice());
        if let Some(block) = key.apply(&wrap(padded, &temp_key)) {
            return Ok(block);
        }
    }
    Err(SealError)
}

/// `K' || E` for one temp_key.
fn wrap(padded: &[u8; PADDED_LEN], temp_key: &[u8; TEMP_KEY_LEN]) -> Zeroizing<[u8; BLOCK_LEN]> {
    let mut block = Zeroizing::new([0u8; BLOCK_LEN]);
    let (masked_key, body) = split(&mut block);
    let hash = Sha256::new().chain_update(temp_key).chain_update(padded).finalize();
    let plain = padded.iter().rev().chain(&hash);
    body.iter_mut().zip(plain).for_each(|(to, from)| *to = *from);
    // 224 bytes are whole blocks, so this cannot fail.
    let _ = aes256_ige_encrypt(temp_key, &[0; 32], body);
    let mask = Sha256::digest(&*body);
    masked_key.iter_mut().zip(temp_key.iter().zip(mask)).for_each(|(to, (a, b))| *to = a ^ b);
    block
}

/// A block after the private operation, to be opened by either scheme.
pub(crate) struct Decrypted(Secret<BLOCK_LEN>);

/// Applies the private key to blocks of exactly 256 bytes, each with a generator for its blinding.
/// [`OpenError`] for a block of another length, or not below the modulus.
pub(crate) fn decrypt_blocks<'a, R: CryptoRng + ?Sized + 'a>(
    key: &RsaPrivateKey,
    blocks: impl IntoIterator<Item = (&'a [u8], &'a mut R)>,
) -> Vec<Result<Decrypted, OpenError>> {
    // No modulus is above this one, so no block that it stands for is opened.
    const REFUSED: &[u8; BLOCK_LEN] = &[0xff; BLOCK_LEN];
    let blocks = blocks.into_iter().map(|(block, rng)| (block.try_into().unwrap_or(REFUSED), rng));
    let results = key.apply_batch(blocks).into_iter();
    results.map(|block| block.map(Decrypted).ok_or(OpenError)).collect()
}

/// Decrypts an RSA_PAD block: the data and its padding, 192 bytes in all.
///
/// # Errors
/// [`OpenError`] for any block that [`encrypt`] did not make for this key.
pub fn decrypt<R: CryptoRng + ?Sized>(
    key: &RsaPrivateKey,
    block: &[u8],
    rng: &mut R,
) -> Result<Secret<PADDED_LEN>, OpenError> {
    decrypt_blocks(key, [(block, rng)]).pop().ok_or(OpenError)??.open()
}

impl Decrypted {
    /// Undoes RSA_PAD.
    pub(crate) fn open(&self) -> Result<Secret<PADDED_LEN>, OpenError> {
        let mut block = Zeroizing::new(*self.0.expose_secret());
        let (masked_key, body) = split(&mut block);
        let mask = Sha256::digest(&*body);
        let mut temp_key = Zeroizing::new([0u8; TEMP_KEY_LEN]);
        let unmasked = masked_key.iter().zip(mask).map(|(a, b)| a ^ b);
        temp_key.iter_mut().zip(unmasked).for_each(|(to, from)| *to = from);
        // 224 bytes are whole blocks, so this cannot fail.
        let _ = aes256_ige_decrypt(&temp_key, &[0; 32], body);
        let (reversed, hash) = body.split_at_mut_checked(PADDED_LEN).ok_or(OpenError)?;
        let padded: Secret<PADDED_LEN> = Secret::init(|padded| {
            padded.iter_mut().zip(reversed.iter().rev()).for_each(|(to, from)| *to = *from);
        });
        let mut expected: [u8; 32] = Sha256::new()
            .chain_update(*temp_key)
            .chain_update(padded.expose_secret())
            .finalize()
            .into();
        let genuine = expected.as_slice().ct_eq(hash);
        expected.zeroize();
        if verdict(genuine.into()) { Ok(padded) } else { Err(OpenError) }
    }

    /// Undoes the old scheme. `data_len` tells how many bytes at the start of the data area are
    /// data, as only the data itself says where the random bytes begin.
    pub(crate) fn open_legacy(
        &self,
        data_len: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let [top, rest @ ..] = self.0.expose_secret();
        let (hash, area) = rest.split_at_checked(20).ok_or(OpenError)?;
        let data = data_len(area).and_then(|len| area.get(..len)).unwrap_or_default();
        let expected: [u8; 20] = Sha1::digest(data).into();
        let genuine = expected.as_slice().ct_eq(hash) & top.ct_eq(&0);
        if verdict(genuine.into()) && !data.is_empty() {
            Ok(Zeroizing::new(data.to_vec()))
        } else {
            Err(OpenError)
        }
    }
}

/// Splits a block into K' and E.
fn split(block: &mut [u8; BLOCK_LEN]) -> (&mut [u8], &mut [u8]) {
    block.split_at_mut_checked(TEMP_KEY_LEN).unwrap_or_default()
}

const _: () = assert!(TEMP_KEY_LEN + HASHED_LEN == BLOCK_LEN && HASHED_LEN.is_multiple_of(16));

#[cfg(test)]
mod tests;
