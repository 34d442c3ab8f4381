//! Full: `len: u32 LE` of the whole frame, `seq: u32 LE` from 0 in each direction, the packet,
//! `crc32: u32 LE` of all before.
//!
//! It has no tag, so it cannot be obfuscated, and it has no quick acknowledgements.

use super::head::{Head, length};
use crate::error::FramingFault;
use bytes::{BufMut, BytesMut};

const HEADER_LEN: usize = 8;
const CRC_LEN: usize = 4;
const OVERHEAD_LEN: usize = HEADER_LEN + CRC_LEN;

pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, FramingFault> {
    let Some(first) = bytes.first_chunk() else { return Ok(None) };
    let body_len = body_len(u32::from_le_bytes(*first)).ok_or(FramingFault::BadLength)?;
    Ok(Some(Head::Body {
        header_len: HEADER_LEN,
        body_len,
        trailer_len: CRC_LEN,
        quick_ack: false,
    }))
}

/// The packet's length in a frame of `frame_len` bytes, if there can be such a frame.
pub(super) fn body_len(frame_len: u32) -> Option<usize> {
    let body_len = length(frame_len).checked_sub(OVERHEAD_LEN)?;
    (body_len != 0 && body_len.is_multiple_of(4)).then_some(body_len)
}

/// Checks a whole frame: checksum first, then the sequence number.
pub(super) fn verify(frame: &[u8], sequence: u32) -> Result<(), FramingFault> {
    let (covered, crc) = frame.split_last_chunk::<CRC_LEN>().ok_or(FramingFault::BadLength)?;
    if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
        return Err(FramingFault::BadChecksum);
    }
    if covered.get(4..HEADER_LEN) != Some(&sequence.to_le_bytes()) {
        return Err(FramingFault::BadSequence);
    }
    Ok(())
}

/// `packet` is at most 16 MiB.
pub(super) fn write(packet: &[u8], sequence: u32, out: &mut BytesMut) {
    let len = u32::try_from(packet.len().saturating_add(OVERHEAD_LEN)).unwrap_or(u32::MAX);
    let mut crc = crc32fast::Hasher::new();
    for part in [&len.to_le_bytes(), &sequence.to_le_bytes(), packet] {
        crc.update(part);
        out.put_slice(part);
    }
    out.put_u32_le(crc.finalize());
}
