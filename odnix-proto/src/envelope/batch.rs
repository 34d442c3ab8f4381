//! Many packets at once, each with a key, a length and an outcome of its own.
//!
//! A packet is a chain: each block of the cipher waits for the one before it, and so do the hashes.
//! The processor does several chains in the time of one, so packets that wait anyway are sealed
//! and opened together. What comes out is, byte for byte, what [`seal`](super::seal) and
//! [`open`](super::open) make of them one after the other.

use super::{
    Checked, Header, Opened, Sealed, Side, body_length, check, finish, lay_out, open, opened_parts,
    seal, sealed_parts, take,
};
use crate::auth_key::AuthKey;
use crate::crypto::kdf::{AesKeyIv, MessageKey, hashed_prefix};
use crate::error::{PeerError, UsageError};
use alloc::vec::Vec;
use bytes::BytesMut;
use core::{fmt, mem};
use odnix_kernels::{Block, Kernels, Message, Stream};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Packets that are worked on at once.
const GROUP: usize = 32;

/// Bytes that are worth the trouble, measured: below that packets are as fast one by one. Opening
/// needs more, as the hash of a single packet runs while it is decrypted.
const SEALED_TOGETHER_BYTES: usize = 1024;
const OPENED_TOGETHER_BYTES: usize = 2048;
const OPENED_TOGETHER_MIN: usize = 3;

/// One of many messages to seal; see [`seal`](super::seal).
#[expect(clippy::exhaustive_structs, reason = "the arguments of a function")]
pub struct ToSeal<'a> {
    /// The key to seal with.
    pub key: &'a AuthKey,
    /// Who seals.
    pub from: Side,
    /// What the packet says about its data.
    pub header: Header,
    /// The data.
    pub data: &'a [u8],
    /// Where the packet is appended.
    pub out: &'a mut BytesMut,
}

impl fmt::Debug for ToSeal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToSeal({:?}, {} bytes)", self.header, self.data.len())
    }
}

/// One of many packets to open; see [`open`](super::open).
#[expect(clippy::exhaustive_structs, reason = "the arguments of a function")]
pub struct ToOpen<'a> {
    /// The key it should be sealed with.
    pub key: &'a AuthKey,
    /// Who should have sealed it.
    pub from: Side,
    /// The packet, which is taken out and decrypted in place.
    pub packet: BytesMut,
}

impl fmt::Debug for ToOpen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToOpen({} bytes)", self.packet.len())
    }
}

/// Seals each message, and appends to `sealed` what [`seal`](super::seal) would have returned, in
/// the order of the messages. Padding is drawn in this order, too.
pub fn seal_batch<R: CryptoRng + ?Sized>(
    messages: &mut [ToSeal<'_>],
    padding: &mut R,
    sealed: &mut Vec<Result<Sealed, UsageError>>,
) {
    sealed.reserve(messages.len());
    let bytes = messages.iter().map(|message| message.data.len()).sum::<usize>();
    if messages.len() < 2 || bytes < SEALED_TOGETHER_BYTES {
        sealed.extend(messages.iter_mut().map(|message| {
            let ToSeal { key, from, header, data, out } = message;
            seal(key, *from, header, data, padding, out)
        }));
        return;
    }
    for group in messages.chunks_mut(GROUP) {
        seal_group(group, padding, sealed);
    }
}

fn seal_group<R: CryptoRng + ?Sized>(
    messages: &mut [ToSeal<'_>],
    padding: &mut R,
    sealed: &mut Vec<Result<Sealed, UsageError>>,
) {
    let laid_out = messages.iter_mut().map(|message| {
        let ToSeal { key, from, header, data, out } = message;
        let start = lay_out(key, header, data, padding, out)?;
        let (outer, inner) = sealed_parts(out, start).ok_or(body_length(data))?;
        Ok((outer, Work::new(key, *from, inner)))
    });
    let mut laid_out: Vec<Result<_, UsageError>> = laid_out.collect();
    hash_all(laid_out.iter_mut().flatten().map(|(_, work)| work));
    sealed.extend(laid_out.iter_mut().map(|laid_out| match laid_out {
        Ok((outer, work)) => {
            let hashed = MessageKey::cut(&work.hash);
            work.keys.derive(work.key, work.from, &hashed.msg_key);
            Ok(finish(outer, &hashed))
        }
        Err(error) => Err(*error),
    }));
    let work = laid_out.iter_mut().flatten().map(|(_, work)| work);
    Kernels::get().ige_encrypt_many(&mut work.map(Work::stream).collect::<Vec<_>>());
}

/// Opens each packet, and appends to `opened` what [`open`](super::open) would have returned, in
/// the order of the packets. Empty buffers are left in their places.
pub fn open_batch(packets: &mut [ToOpen<'_>], opened: &mut Vec<Result<Opened, PeerError>>) {
    opened.reserve(packets.len());
    let bytes = packets.iter().map(|packet| packet.packet.len()).sum::<usize>();
    if packets.len() < OPENED_TOGETHER_MIN || bytes < OPENED_TOGETHER_BYTES {
        opened.extend(
            packets
                .iter_mut()
                .map(|packet| open(packet.key, packet.from, mem::take(&mut packet.packet))),
        );
        return;
    }
    for group in packets.chunks_mut(GROUP) {
        let checked = open_group(group);
        opened.extend(
            group.iter_mut().zip(checked).map(|(to, it)| take(mem::take(&mut to.packet), it)),
        );
    }
}

fn open_group(packets: &mut [ToOpen<'_>]) -> Vec<Option<Checked>> {
    let parts = packets.iter_mut().map(|ToOpen { key, from, packet }| {
        let (msg_key, inner) = opened_parts(key, packet)?;
        Some((msg_key, Work::new(key, *from, inner)))
    });
    let mut parts: Vec<Option<_>> = parts.collect();
    for (msg_key, work) in parts.iter_mut().flatten() {
        work.keys.derive(work.key, work.from, msg_key);
    }
    let work = parts.iter_mut().flatten().map(|(_, work)| work);
    Kernels::get().ige_decrypt_many(&mut work.map(Work::stream).collect::<Vec<_>>());
    hash_all(parts.iter_mut().flatten().map(|(_, work)| work));
    let judged = parts.iter().map(|parts| {
        let (msg_key, work) = parts.as_ref()?;
        check(msg_key, &MessageKey::cut(&work.hash), work.inner.as_flattened())
    });
    judged.collect()
}

/// One packet on its way.
struct Work<'a> {
    key: &'a AuthKey,
    from: Side,
    inner: &'a mut [Block],
    keys: AesKeyIv,
    hash: Zeroizing<[u8; 32]>,
}

impl<'a> Work<'a> {
    fn new(key: &'a AuthKey, from: Side, inner: &'a mut [Block]) -> Self {
        Self { key, from, inner, keys: AesKeyIv::zero(), hash: Zeroizing::new([0; 32]) }
    }

    fn stream(&mut self) -> Stream<'_> {
        let (key, iv) = (self.keys.expose_key(), self.keys.expose_iv());
        Stream { key, iv, blocks: self.inner }
    }
}

/// msg_key_large of each.
fn hash_all<'w, 'a: 'w>(work: impl Iterator<Item = &'w mut Work<'a>>) {
    let messages = work.map(|work| {
        let prefix = hashed_prefix(work.key, work.from);
        Message { prefix, blocks: work.inner, hash: &mut work.hash }
    });
    Kernels::get().hash_many(&mut messages.collect::<Vec<_>>());
}
