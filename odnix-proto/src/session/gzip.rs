//! `gzip_packed#3072cfa1 packed_data:bytes`: inflating under a budget, packing when it pays.
//!
//! Peers send a gzip stream (RFC 1952, header `1f 8b`); one popular stack sends a zlib stream
//! (RFC 1950, header `78`). Both are read, gzip is written.

use alloc::vec::Vec;
use bytes::Bytes;
use miniz_oxide::{deflate, inflate};
use odnix_tl::{Encode, mtproto::types};

/// Bodies below this are never packed: the header would eat the gain.
const PACK_BYTES_MIN: usize = 512;
const LEVEL: u8 = 6;
const HEADER_LEN: usize = 10;
const TRAILER_LEN: usize = 8;
const HEADER: [u8; HEADER_LEN] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

/// How many bytes one packet may still inflate to, over all its messages and levels.
#[derive(Debug)]
pub(crate) struct InflateBudget {
    bytes_left: usize,
}

/// The stream is damaged, or larger than the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InflateError;

impl InflateBudget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_left: bytes_max }
    }

    /// Inflates one stream and takes its size from the budget. A stream that fails takes all
    /// of it: the work is done, and no honest peer sends another one behind it.
    pub(crate) fn inflate(&mut self, packed: &[u8]) -> Result<Bytes, InflateError> {
        let bytes_left = core::mem::take(&mut self.bytes_left);
        let plain = match packed {
            [0x1f, 0x8b, ..] => inflate_gzip(packed, bytes_left)?,
            [0x78, ..] => inflate::decompress_to_vec_zlib_with_limit(packed, bytes_left)
                .map_err(|_| InflateError)?,
            _ => return Err(InflateError),
        };
        self.bytes_left = bytes_left.checked_sub(plain.len()).ok_or(InflateError)?;
        Ok(Bytes::from(plain))
    }
}

fn inflate_gzip(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    let body = skip_gzip_header(packed).ok_or(InflateError)?;
    let deflated_len = body.len().checked_sub(TRAILER_LEN).ok_or(InflateError)?;
    let (deflated, trailer) = body.split_at_checked(deflated_len).ok_or(InflateError)?;
    let plain =
        inflate::decompress_to_vec_with_limit(deflated, bytes_max).map_err(|_| InflateError)?;
    if trailer == gzip_trailer(&plain) { Ok(plain) } else { Err(InflateError) }
}

/// CRC32 of the plain bytes, then their number modulo 2^32, both little-endian.
fn gzip_trailer(plain: &[u8]) -> [u8; TRAILER_LEN] {
    let [s0, s1, s2, s3, ..] = u64::try_from(plain.len()).unwrap_or(u64::MAX).to_le_bytes();
    let [c0, c1, c2, c3] = crc32fast::hash(plain).to_le_bytes();
    [c0, c1, c2, c3, s0, s1, s2, s3]
}

/// What follows the variable-length gzip header.
fn skip_gzip_header(packed: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = packed.split_at_checked(HEADER_LEN)?;
    let [_, _, 8, flags, ..] = *header else { return None };
    if flags & FLAG_EXTRA != 0 {
        let (len, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end.checked_add(1)?..)?;
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// A body as it leaves.
pub(crate) struct Packed {
    pub(crate) body: Bytes,
    /// The part of the other side's budget that it takes.
    pub(crate) inflates_to: usize,
}

impl Packed {
    /// As it is.
    pub(crate) fn plain(body: Bytes) -> Self {
        Self { body, inflates_to: 0 }
    }

    /// As a `gzip_packed` object, if that is smaller and may be inflated.
    pub(crate) fn new(body: Bytes, inflate_bytes_max: usize) -> Self {
        if body.len() < PACK_BYTES_MIN || body.len() > inflate_bytes_max {
            return Self::plain(body);
        }
        match gzip_packed(&body) {
            Some(object) if object.len() < body.len() => {
                Self { body: object, inflates_to: body.len() }
            }
            _ => Self::plain(body),
        }
    }
}

fn gzip_packed(body: &[u8]) -> Option<Bytes> {
    let mut packed = HEADER.to_vec();
    packed.extend_from_slice(&deflate::compress_to_vec(body, LEVEL));
    packed.extend_from_slice(&gzip_trailer(body));
    types::GzipPacked { packed_data: packed.into() }.to_bytes().ok()
}
