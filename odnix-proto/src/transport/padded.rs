//! Padded intermediate: `len: u32 LE`, the packet, 0..15 random bytes counted in `len`.
//!
//! We send 0..3 of them and accept 0..15. How many there are is told by the packet:
//!
//! - encrypted (auth_key_id ≠ 0): 24 bytes and whole AES blocks, so the remainder is padding;
//! - plain (auth_key_id = 0): `data_len` at bytes 16..20 says where it ends.
//!
//! Anything else is handed on as it is, for the envelope to refuse. Transport errors and quick
//! acknowledgements carry no padding.

use super::head::{Head, Sender, length};
use super::intermediate;
use crate::error::FramingFault;
use bytes::BytesMut;
use rand_core::Rng;

/// Most padding accepted.
pub(super) const PADDING_MAX: usize = 15;
/// Most padding sent.
const PADDING_SENT_MAX: usize = 3;

const ENVELOPE_HEADER_LEN: usize = 24;
const PLAIN_HEADER_LEN: usize = 20;
const BLOCK_LEN: usize = 16;

pub(super) fn head(bytes: &[u8], from: Sender) -> Result<Option<Head>, FramingFault> {
    intermediate::head_unaligned(bytes, from)
}

/// Padding for one packet, and how much of it to send.
pub(super) fn draw(random: &mut impl Rng) -> ([u8; PADDING_SENT_MAX], usize) {
    let mut padding = [0; PADDING_SENT_MAX];
    random.fill_bytes(&mut padding);
    (padding, length(random.next_u32() >> 30))
}

/// Cuts the padding off.
pub(super) fn strip(body: &mut BytesMut) {
    let len = match body.first_chunk() {
        Some([0, 0, 0, 0, 0, 0, 0, 0]) => plain_len(body),
        Some(_) => encrypted_len(body),
        None => None,
    };
    if let Some(len) = len {
        body.truncate(len);
    }
}

fn plain_len(body: &[u8]) -> Option<usize> {
    let data_len = body.get(16..PLAIN_HEADER_LEN)?.first_chunk()?;
    let data_len = usize::try_from(u32::from_le_bytes(*data_len)).ok()?;
    let len = PLAIN_HEADER_LEN.checked_add(data_len)?;
    (body.len().checked_sub(len)? <= PADDING_MAX).then_some(len)
}

fn encrypted_len(body: &[u8]) -> Option<usize> {
    let padding = body.len().checked_sub(ENVELOPE_HEADER_LEN)? % BLOCK_LEN;
    body.len().checked_sub(padding)
}
