//! obfuscated2: 64 random-looking bytes, then AES-256-CTR in both directions.
//!
//! ```text
//! header   0..8    random, never looking like another protocol
//!          8..40   key   of client → server
//!         40..56   iv    of client → server
//!         56..60   framing tag: ef×4, ee×4 or dd×4
//!         60..62   dc id, i16 LE (for proxies; servers ignore it)
//!         62..64   random
//! ```
//!
//! Server → client: the same fields of the 64 bytes in reverse order. With a proxy secret, both
//! keys are SHA256(key || secret). The header's bytes 56..64 travel encrypted with the
//! client → server stream, which goes on at byte 64.

use super::Framing;
use super::detect::{HEADER_LEN, collides};
use crate::secret::Secret;
use crate::seed::Dormant;
use alloc::boxed::Box;
use core::fmt;
use ctr::cipher::{KeyIvInit, StreamCipher};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

const KEY_AT: usize = 8;
const IV_AT: usize = 40;
const TAG_AT: usize = 56;
const DC_AT: usize = 60;

/// How a client obfuscates.
#[derive(Clone, Debug, Default)]
pub struct Obfuscation {
    /// The 16 bytes of a proxy secret, without its leading `dd` or `ee` byte.
    pub secret: Option<Secret<16>>,
    /// The dc a proxy should forward to; servers ignore it.
    pub dc: i16,
}

/// One direction's AES-256-CTR stream.
pub(super) struct Stream(ctr::Ctr128BE<aes::Aes256>);

impl Stream {
    fn new(header: &[u8; HEADER_LEN], secret: Option<&Secret<16>>) -> Self {
        let mut key = [0; 32];
        let mut iv = [0; 16];
        copy(header, KEY_AT, &mut key);
        copy(header, IV_AT, &mut iv);
        if let Some(secret) = secret {
            let digest = Sha256::new().chain_update(key).chain_update(secret.expose_secret());
            key = digest.finalize().into();
        }
        let stream = Self(ctr::Ctr128BE::new(&key.into(), &iv.into()));
        key.zeroize();
        iv.zeroize();
        stream
    }

    /// Encrypts or decrypts in place. The counter has 128 bits, so the stream never ends.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(…)")
    }
}

/// Both directions.
pub(super) struct Streams {
    pub(super) to_server: Box<Stream>,
    pub(super) to_client: Box<Stream>,
}

impl Streams {
    fn new(header: &[u8; HEADER_LEN], secret: Option<&Secret<16>>) -> Self {
        let mut reversed = *header;
        reversed.reverse();
        let streams = Self {
            to_server: Box::new(Stream::new(header, secret)),
            to_client: Box::new(Stream::new(&reversed, secret)),
        };
        reversed.zeroize();
        streams
    }
}

/// A client's opening: the header as sent, and the streams behind it.
pub(super) fn open(
    tag: [u8; 4],
    config: &Obfuscation,
    random: &mut Dormant,
) -> ([u8; HEADER_LEN], Streams) {
    let mut header = random.array();
    while collides(&header) {
        header = random.array();
    }
    paste(&tag, TAG_AT, &mut header);
    paste(&config.dc.to_le_bytes(), DC_AT, &mut header);
    let mut streams = Streams::new(&header, config.secret.as_ref());
    let mut encrypted = header;
    streams.to_server.apply(&mut encrypted);
    if let (Some(to), Some(from)) = (header.get_mut(TAG_AT..), encrypted.get(TAG_AT..)) {
        to.copy_from_slice(from);
    }
    (header, streams)
}

/// A server's reading of the header: the framing it names and the streams behind it. With
/// `secrets`, the client must know one of them.
pub(super) fn accept(
    header: &[u8; HEADER_LEN],
    secrets: &[Secret<16>],
) -> Option<(Framing, Streams)> {
    if secrets.is_empty() {
        return accept_with(header, None);
    }
    secrets.iter().find_map(|secret| accept_with(header, Some(secret)))
}

fn accept_with(
    header: &[u8; HEADER_LEN],
    secret: Option<&Secret<16>>,
) -> Option<(Framing, Streams)> {
    let mut streams = Streams::new(header, secret);
    let mut decrypted = *header;
    streams.to_server.apply(&mut decrypted);
    let mut tag = [0; 4];
    copy(&decrypted, TAG_AT, &mut tag);
    let framing = Framing::ALL.into_iter().find(|framing| framing.tag() == Some(tag))?;
    Some((framing, streams))
}

fn copy(from: &[u8; HEADER_LEN], at: usize, to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from.iter().skip(at)) {
        *to = *from;
    }
}

fn paste(from: &[u8], at: usize, to: &mut [u8; HEADER_LEN]) {
    for (to, from) in to.iter_mut().skip(at).zip(from) {
        *to = *from;
    }
}
