//! Abridged: the shortest framing.
//!
//! `len/4` in one byte below 127, or `7f` and three bytes LE, then the packet. Bit 7 of the
//! first byte: from the client, "quick-acknowledge this"; from the server, a quick
//! acknowledgement of four bytes, the token most significant byte first.

use super::head::{Head, Sender, length};
use crate::error::FramingFault;
use bytes::{BufMut, BytesMut};

const QUICK_ACK: u8 = 0x80;
const LONG: u8 = 0x7f;

pub(super) fn head(bytes: &[u8], from: Sender) -> Result<Option<Head>, FramingFault> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let quick_ack = first & QUICK_ACK != 0;
    if quick_ack && from == Sender::Server {
        return Ok(bytes
            .first_chunk()
            .map(|token| Head::QuickAck { token: u32::from_be_bytes(*token) }));
    }
    let (header_len, words) = match (first & !QUICK_ACK, bytes) {
        (LONG, [_, a, b, c, ..]) => (4, u32::from_le_bytes([*a, *b, *c, 0])),
        (LONG, _) => return Ok(None),
        (words, _) => (1, u32::from(words)),
    };
    match length(words).saturating_mul(4) {
        0 => Err(FramingFault::BadLength),
        body_len => Ok(Some(Head::Body { header_len, body_len, trailer_len: 0, quick_ack })),
    }
}

/// `packet` is at most 16 MiB and a multiple of 4 long.
pub(super) fn write(packet: &[u8], quick_ack: bool, out: &mut BytesMut) {
    let flag = if quick_ack { QUICK_ACK } else { 0 };
    let words = packet.len() >> 2;
    match u8::try_from(words) {
        Ok(short) if short < LONG => out.put_u8(short | flag),
        _ => {
            out.put_u8(LONG | flag);
            out.put_uint_le(u64::try_from(words).unwrap_or(u64::MAX), 3);
        }
    }
    out.put_slice(packet);
}

pub(super) fn write_quick_ack(token: u32, out: &mut BytesMut) {
    out.put_u32(token);
}
