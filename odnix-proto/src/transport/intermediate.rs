//! Intermediate: `len: u32 LE`, then the packet.
//!
//! Bit 31 of the length: from the client, "quick-acknowledge this"; from the server, the four
//! bytes are a quick acknowledgement's token and no packet follows.

use super::head::{Head, Sender, length};
use crate::error::FramingFault;
use bytes::{BufMut, BytesMut};

const QUICK_ACK: u32 = 1 << 31;

pub(super) fn head(bytes: &[u8], from: Sender) -> Result<Option<Head>, FramingFault> {
    match head_unaligned(bytes, from)? {
        Some(Head::Body { body_len, .. }) if body_len % 4 != 0 => Err(FramingFault::BadLength),
        head => Ok(head),
    }
}

/// The head without the rule that packets are multiples of 4, which padding breaks.
pub(super) fn head_unaligned(bytes: &[u8], from: Sender) -> Result<Option<Head>, FramingFault> {
    let Some(first) = bytes.first_chunk() else { return Ok(None) };
    let first = u32::from_le_bytes(*first);
    let quick_ack = first & QUICK_ACK != 0;
    if quick_ack && from == Sender::Server {
        return Ok(Some(Head::QuickAck { token: first }));
    }
    match length(first & !QUICK_ACK) {
        0..4 => Err(FramingFault::BadLength),
        body_len => Ok(Some(Head::Body { header_len: 4, body_len, trailer_len: 0, quick_ack })),
    }
}

/// `packet` and `padding` are at most 16 MiB and 15 bytes.
pub(super) fn write(packet: &[u8], padding: &[u8], quick_ack: bool, out: &mut BytesMut) {
    let len = packet.len().saturating_add(padding.len());
    let flag = if quick_ack { QUICK_ACK } else { 0 };
    out.put_u32_le(u32::try_from(len).unwrap_or(!QUICK_ACK) | flag);
    out.put_slice(packet);
    out.put_slice(padding);
}

pub(super) fn write_quick_ack(token: u32, out: &mut BytesMut) {
    out.put_u32_le(token);
}
