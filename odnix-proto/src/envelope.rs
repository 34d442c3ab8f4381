//! The outermost layer of every packet: sealed with an authorization key, or plain.
//!
//! ```text
//! sealed   auth_key_id: 8 | msg_key: 16 | AES-256-IGE(inner)
//! inner    salt: i64 | session_id: i64 | msg_id: i64 | seq_no: i32 | data_len: i32
//!          | data | padding
//! plain    auth_key_id: 8, all zero | msg_id: i64 | data_len: i32 | data
//! ```
//!
//! All integers are little-endian; `inner` is a whole number of 16-byte blocks, `data_len` a
//! multiple of 4 and the padding 12 to 1024 bytes. [`seal`] pads with 12 to 27 random bytes and
//! 0 to 15 random blocks, so that the length of a packet tells little about that of its data.
//!
//! [`open`] checks in this order: the length of the packet; then, after decrypting and hashing
//! all of it, msg_key in constant time; only then `data_len` and the padding. Every failure is
//! the same [`PeerError::Envelope`]. What the header says (salt, session, msg_id, seq_no) is
//! left to the session. Sources: MTProto 2.0, "Detailed Description" and "Security
//! Guidelines for Client Developers".
//!
//! ```
//! use bytes::BytesMut;
//! use odnix_proto::envelope::{self, Header, Side};
//! use odnix_proto::{AuthKey, MsgId, Secret};
//! use rand_core::SeedableRng;
//!
//! let key = AuthKey::new(Secret::init(|key| key.fill(7)));
//! let header = Header { salt: 1, session_id: 2, msg_id: MsgId::from_i64(4 << 32 | 4), seq_no: 1 };
//! let mut rng = chacha20::ChaCha20Rng::from_seed([0; 32]); // from the operating system in earnest
//! let mut packet = BytesMut::new();
//! let sealed = envelope::seal(&key, Side::Client, &header, b"data", &mut rng, &mut packet)?;
//!
//! assert_eq!(envelope::key_id(&packet), Some(key.id()));
//! let opened = envelope::open(&key, Side::Client, packet)?;
//! assert_eq!((opened.header, &*opened.data), (header, &b"data"[..]));
//! assert_eq!(opened.quick_ack_token, sealed.quick_ack_token);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;

pub use crate::crypto::kdf::Side;
pub use batch::{ToOpen, ToSeal, open_batch, seal_batch};

use crate::auth_key::{AuthKey, AuthKeyId};
use crate::crypto::ige::BLOCK_LEN;
use crate::crypto::kdf::{MessageKey, decrypt_message, message_key, message_keys};
use crate::error::{HandshakeFault, PeerError, UsageError};
use crate::message_id::MsgId;
use crate::secret::verdict;
use bytes::{Buf, Bytes, BytesMut};
use core::fmt;
use core::ops::RangeInclusive;
use odnix_kernels::Kernels;
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

/// Bytes in front of the ciphertext: auth_key_id and msg_key.
pub const OUTER_LEN: usize = 24;
/// Bytes of plaintext in front of the data.
pub const INNER_LEN: usize = 32;
/// Padding lengths that are accepted.
pub const PADDING_LEN: RangeInclusive<usize> = 12..=1024;
/// Bytes of the smallest sealed packet: no data and 16 bytes of padding.
pub const SEALED_LEN_MIN: usize = 72;
/// Bytes in front of the data of a plain packet.
pub const PLAIN_LEN: usize = 20;
/// Most bytes of data that fit one packet.
pub const DATA_LEN_MAX: usize = 16 << 20;

/// Random blocks that [`seal`] adds to the shortest padding are fewer than this.
const EXTRA_BLOCKS: u32 = 16;
/// Bytes that padded intermediate framing may leave behind a plain packet.
const PLAIN_REMAINDER_MAX: usize = 15;

/// What a sealed packet says about its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire format is fixed")]
pub struct Header {
    /// The server salt.
    pub salt: i64,
    /// The session, chosen by the client.
    pub session_id: i64,
    /// The message.
    pub msg_id: MsgId,
    /// The sequence number of the message.
    pub seq_no: i32,
}

/// What the sealer keeps of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// The token by which the receiver may acknowledge the packet at once.
    pub quick_ack_token: u32,
}

/// A packet that passed every check.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// What the packet says about its data.
    pub header: Header,
    /// The data, in the memory of the packet.
    pub data: Bytes,
    /// The token of a quick acknowledgement.
    pub quick_ack_token: u32,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({:?}, {} bytes)", self.header, self.data.len())
    }
}

/// The auth_key_id of a packet, or `None` if it is too short to be one.
/// [`AuthKeyId::PLAIN`] means a plain packet.
pub fn key_id(packet: &[u8]) -> Option<AuthKeyId> {
    packet.first_chunk().copied().map(AuthKeyId::from_bytes)
}

/// Appends one sealed packet to `out`.
///
/// `padding` decides the length and the bytes of the padding, and nothing else.
///
/// # Errors
/// [`UsageError::BodyLength`] if `data` is not a multiple of 4 bytes or longer than
/// [`DATA_LEN_MAX`]; `out` is untouched.
pub fn seal<R: CryptoRng + ?Sized>(
    key: &AuthKey,
    from: Side,
    header: &Header,
    data: &[u8],
    padding: &mut R,
    out: &mut BytesMut,
) -> Result<Sealed, UsageError> {
    let start = lay_out(key, header, data, padding, out)?;
    let (outer, inner) = sealed_parts(out, start).ok_or(body_length(data))?;
    let hashed = message_key(key, from, inner.as_flattened());
    let keys = message_keys(key, from, &hashed.msg_key);
    Kernels::get().ige_encrypt(keys.expose_key(), keys.expose_iv(), inner);
    Ok(finish(outer, &hashed))
}

/// Appends a packet that is not yet encrypted and has no msg_key; returns where it begins.
fn lay_out<R: CryptoRng + ?Sized>(
    key: &AuthKey,
    header: &Header,
    data: &[u8],
    padding: &mut R,
    out: &mut BytesMut,
) -> Result<usize, UsageError> {
    let data_len = checked_len(data)?;
    let padding_len = draw_padding_len(data.len(), padding);
    let start = out.len();
    out.reserve(
        OUTER_LEN.saturating_add(INNER_LEN).saturating_add(data.len()).saturating_add(padding_len),
    );
    out.extend_from_slice(&key.id().to_bytes());
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&header.salt.to_le_bytes());
    out.extend_from_slice(&header.session_id.to_le_bytes());
    out.extend_from_slice(&header.msg_id.as_i64().to_le_bytes());
    out.extend_from_slice(&header.seq_no.to_le_bytes());
    out.extend_from_slice(&data_len.to_le_bytes());
    out.extend_from_slice(data);
    let padding_start = out.len();
    out.resize(padding_start.saturating_add(padding_len), 0);
    if let Some(bytes) = out.get_mut(padding_start..) {
        padding.fill_bytes(bytes);
    }
    Ok(start)
}

/// Both parts of the packet that [`lay_out`] has put at `start`; the second is whole blocks.
fn sealed_parts(
    out: &mut BytesMut,
    start: usize,
) -> Option<(&mut [u8; OUTER_LEN], &mut [[u8; BLOCK_LEN]])> {
    let (outer, inner) = out.get_mut(start..)?.split_first_chunk_mut()?;
    let (blocks, []) = inner.as_chunks_mut() else { return None };
    Some((outer, blocks))
}

/// Puts msg_key in its place.
fn finish(outer: &mut [u8; OUTER_LEN], hashed: &MessageKey) -> Sealed {
    if let Some(place) = outer.last_chunk_mut() {
        *place = hashed.msg_key;
    }
    Sealed { quick_ack_token: hashed.quick_ack_token }
}

/// 12 to 27 bytes that fill the last block, and 0 to 15 blocks.
fn draw_padding_len<R: CryptoRng + ?Sized>(data_len: usize, rng: &mut R) -> usize {
    let shortest = INNER_LEN.saturating_add(data_len).saturating_add(*PADDING_LEN.start());
    let fill = shortest.next_multiple_of(BLOCK_LEN).saturating_sub(shortest);
    let blocks = usize::try_from(rng.next_u32() % EXTRA_BLOCKS).unwrap_or_default();
    PADDING_LEN.start().saturating_add(fill).saturating_add(blocks.saturating_mul(BLOCK_LEN))
}

/// Opens a packet that `from` sealed with `key`, decrypting in place.
///
/// # Errors
/// [`PeerError::Envelope`], whatever was wrong.
pub fn open(key: &AuthKey, from: Side, mut packet: BytesMut) -> Result<Opened, PeerError> {
    let checked = opened_parts(key, &mut packet).and_then(|(msg_key, inner)| {
        let hashed = decrypt_message(key, from, msg_key, inner);
        check(msg_key, &hashed, inner.as_flattened())
    });
    take(packet, checked)
}

/// What has been proved of a packet: `data_len` bytes lie behind the two headers.
struct Checked {
    header: Header,
    data_len: usize,
    quick_ack_token: u32,
}

fn take(mut packet: BytesMut, checked: Option<Checked>) -> Result<Opened, PeerError> {
    let Checked { header, data_len, quick_ack_token } = checked.ok_or(PeerError::Envelope)?;
    packet.advance(OUTER_LEN.saturating_add(INNER_LEN)); // within SEALED_LEN_MIN, checked
    packet.truncate(data_len);
    Ok(Opened { header, data: packet.freeze(), quick_ack_token })
}

/// msg_key and ciphertext of a packet sealed with `key`; `None` if it is too short or not whole
/// blocks.
fn opened_parts<'p>(
    key: &AuthKey,
    packet: &'p mut [u8],
) -> Option<(&'p [u8; 16], &'p mut [[u8; BLOCK_LEN]])> {
    if packet.len() < SEALED_LEN_MIN || key_id(packet) != Some(key.id()) {
        return None;
    }
    let (outer, inner) = packet.split_first_chunk_mut::<OUTER_LEN>()?;
    let (blocks, []) = inner.as_chunks_mut() else { return None };
    Some((outer.last_chunk()?, blocks))
}

/// Judges what was decrypted, whose hash is `hashed`.
fn check(msg_key: &[u8; 16], hashed: &MessageKey, inner: &[u8]) -> Option<Checked> {
    // Above this line nothing depends on the plaintext but through its hash; below it, the
    // plaintext is what the key's owner wrote.
    if !verdict(hashed.msg_key.ct_eq(msg_key).into()) {
        return None;
    }
    let (mut fields, rest) = inner.split_first_chunk::<INNER_LEN>().map(|(a, b)| (&a[..], b))?;
    let header = Header {
        salt: fields.try_get_i64_le().ok()?,
        session_id: fields.try_get_i64_le().ok()?,
        msg_id: MsgId::from_i64(fields.try_get_i64_le().ok()?),
        seq_no: fields.try_get_i32_le().ok()?,
    };
    let data_len = usize::try_from(fields.try_get_i32_le().ok()?).ok()?;
    let padding_len = rest.len().checked_sub(data_len)?;
    (data_len.is_multiple_of(4) && PADDING_LEN.contains(&padding_len)).then_some(Checked {
        header,
        data_len,
        quick_ack_token: hashed.quick_ack_token,
    })
}

/// A packet of the key exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainMessage {
    /// The message; not validated, as probes send any id here.
    pub msg_id: MsgId,
    /// One object, behind which some clients put random bytes.
    pub body: Bytes,
}

/// Appends one plain packet to `out`.
///
/// # Errors
/// [`UsageError::BodyLength`] if `body` is not a multiple of 4 bytes or longer than
/// [`DATA_LEN_MAX`]; `out` is untouched.
pub fn write_plain(msg_id: MsgId, body: &[u8], out: &mut BytesMut) -> Result<(), UsageError> {
    let data_len = checked_len(body)?;
    out.extend_from_slice(&AuthKeyId::PLAIN.to_bytes());
    out.extend_from_slice(&msg_id.as_i64().to_le_bytes());
    out.extend_from_slice(&data_len.to_le_bytes());
    out.extend_from_slice(body);
    Ok(())
}

/// Splits a plain packet. Up to 15 bytes behind `data_len` are taken for framing padding, which
/// padded intermediate cannot tell from the packet.
///
/// # Errors
/// [`HandshakeFault::Malformed`] if the packet is not plain, `data_len` is not positive, not a
/// multiple of 4, or does not fit the packet.
pub fn parse_plain(packet: Bytes) -> Result<PlainMessage, PeerError> {
    split_plain(packet).ok_or(PeerError::Handshake(HandshakeFault::Malformed))
}

fn split_plain(mut packet: Bytes) -> Option<PlainMessage> {
    if key_id(&packet)? != AuthKeyId::PLAIN {
        return None;
    }
    packet.advance(AuthKeyId::PLAIN.to_bytes().len());
    let msg_id = MsgId::from_i64(packet.try_get_i64_le().ok()?);
    let data_len = usize::try_from(packet.try_get_i32_le().ok()?).ok()?;
    let remainder = packet.len().checked_sub(data_len)?;
    if data_len == 0 || !data_len.is_multiple_of(4) || remainder > PLAIN_REMAINDER_MAX {
        return None;
    }
    packet.truncate(data_len);
    Some(PlainMessage { msg_id, body: packet })
}

fn checked_len(data: &[u8]) -> Result<i32, UsageError> {
    match i32::try_from(data.len()) {
        Ok(len) if data.len() <= DATA_LEN_MAX && data.len().is_multiple_of(4) => Ok(len),
        _ => Err(body_length(data)),
    }
}

fn body_length(data: &[u8]) -> UsageError {
    UsageError::BodyLength { len: data.len(), max: DATA_LEN_MAX }
}
