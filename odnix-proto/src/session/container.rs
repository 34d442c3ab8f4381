//! `msg_container#73f1f8dc`: several messages in one packet.
//!
//! ```text
//! 73f1f8dc | count: i32 | count × ( msg_id: i64 | seqno: i32 | bytes: i32 | body )
//! ```
//!
//! Rules (MTProto, "Service messages", Containers): no container in a container, each inner
//! msg_id below the container's, each length a multiple of 4 inside the parent, nothing after
//! the last message. A breach is answered with `bad_msg_notification` code 64.

use crate::message_id::MsgId;
use alloc::vec::Vec;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use core::fmt;

/// Constructor of `msg_container`.
pub(crate) const ID: u32 = 0x73f1_f8dc;
/// Constructor and count.
pub(crate) const HEADER_LEN: usize = 8;
/// msg_id, seqno and length of each message.
pub(crate) const MESSAGE_HEADER_LEN: usize = 16;

/// One message as it stands in a packet, alone or in a container.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) msg_id: MsgId,
    pub(crate) seq_no: i32,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {}, {} bytes)", self.msg_id, self.seq_no, self.body.len())
    }
}

/// The container broke one of its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadContainer;

/// The constructor id a body starts with.
pub(crate) fn constructor(body: &[u8]) -> Option<u32> {
    body.first_chunk::<4>().copied().map(u32::from_le_bytes)
}

/// Takes a container apart; `body` starts with [`ID`].
pub(crate) fn unpack(
    container_id: MsgId,
    mut body: Bytes,
    messages_max: usize,
) -> Result<Vec<Message>, BadContainer> {
    body.try_get_u32_le().map_err(|_| BadContainer)?;
    let count = body.try_get_i32_le().map_err(|_| BadContainer)?;
    let count = usize::try_from(count).map_err(|_| BadContainer)?;
    if count > messages_max || count > body.len().div_euclid(MESSAGE_HEADER_LEN) {
        return Err(BadContainer);
    }
    let mut messages = Vec::with_capacity(count);
    for _ in 0..count {
        messages.push(unpack_message(container_id, &mut body)?);
    }
    if body.is_empty() { Ok(messages) } else { Err(BadContainer) }
}

fn unpack_message(container_id: MsgId, body: &mut Bytes) -> Result<Message, BadContainer> {
    let msg_id = MsgId::from_i64(body.try_get_i64_le().map_err(|_| BadContainer)?);
    let seq_no = body.try_get_i32_le().map_err(|_| BadContainer)?;
    let len = body.try_get_i32_le().map_err(|_| BadContainer)?;
    let len = usize::try_from(len).map_err(|_| BadContainer)?;
    if msg_id >= container_id || len < 4 || !len.is_multiple_of(4) || len > body.len() {
        return Err(BadContainer);
    }
    let inner = body.split_to(len);
    if constructor(&inner) == Some(ID) {
        return Err(BadContainer);
    }
    Ok(Message { msg_id, seq_no, body: inner })
}

/// A container of nothing.
pub(crate) fn empty() -> Bytes {
    pack(core::iter::empty())
}

/// Writes a container of messages, each with its id and seq_no.
pub(crate) fn pack<'a>(messages: impl Iterator<Item = (MsgId, i32, &'a Bytes)> + Clone) -> Bytes {
    let lens = messages.clone().map(|(.., body)| MESSAGE_HEADER_LEN.saturating_add(body.len()));
    let mut out = BytesMut::with_capacity(lens.fold(HEADER_LEN, usize::saturating_add));
    out.put_u32_le(ID);
    out.put_i32_le(i32::try_from(messages.clone().count()).unwrap_or(i32::MAX));
    for (msg_id, seq_no, body) in messages {
        out.put_i64_le(msg_id.as_i64());
        out.put_i32_le(seq_no);
        out.put_i32_le(i32::try_from(body.len()).unwrap_or(i32::MAX));
        out.put_slice(body);
    }
    out.freeze()
}
