//! AES-256 in Infinite Garble Extension mode, in place.
//!
//! ```text
//! c[i] = AES(key, p[i] ^ c[i-1]) ^ p[i-1]        c[-1] = iv[0..16], p[-1] = iv[16..32]
//! ```
//!
//! Units: `data` is a whole number of 16-byte blocks, else [`PartialBlock`]; an empty `data`
//! is left empty. The mode authenticates nothing: whoever decrypts checks a hash before use.
//! Source: MTProto 2.0, "Defining AES key and initialization vector".

use odnix_kernels::Kernels;

/// Bytes of one AES block.
pub const BLOCK_LEN: usize = 16;

/// The data is not a whole number of 16-byte blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data is not a whole number of 16-byte blocks")]
pub struct PartialBlock;

/// Encrypts whole blocks in place.
///
/// # Errors
/// [`PartialBlock`], with `data` untouched.
pub fn aes256_ige_encrypt(
    key: &[u8; 32],
    iv: &[u8; 32],
    data: &mut [u8],
) -> Result<(), PartialBlock> {
    Kernels::get().ige_encrypt(key, iv, whole_blocks(data)?);
    Ok(())
}

/// Decrypts whole blocks in place.
///
/// # Errors
/// [`PartialBlock`], with `data` untouched.
pub fn aes256_ige_decrypt(
    key: &[u8; 32],
    iv: &[u8; 32],
    data: &mut [u8],
) -> Result<(), PartialBlock> {
    Kernels::get().ige_decrypt(key, iv, whole_blocks(data)?);
    Ok(())
}

fn whole_blocks(data: &mut [u8]) -> Result<&mut [[u8; BLOCK_LEN]], PartialBlock> {
    match data.as_chunks_mut() {
        (blocks, []) => Ok(blocks),
        _ => Err(PartialBlock),
    }
}
