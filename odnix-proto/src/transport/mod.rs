//! Framing: how packets are cut out of a byte stream, in both directions and both roles.
//!
//! The exchange, source: MTProto transports, <https://core.telegram.org/mtproto/mtproto-transports>.
//!
//! | framing | client's first bytes | frame |
//! |---|---|---|
//! | abridged | `ef` | length / 4 in 1 byte (below 127), or `7f` and 3 bytes LE; packet |
//! | intermediate | `ee ee ee ee` | u32 LE length; packet |
//! | padded | `dd dd dd dd` | u32 LE length of packet and padding; packet; 0..15 random bytes |
//! | full | none | u32 LE length of the whole frame; u32 LE sequence number from 0; packet; CRC32 |
//! | http | `POST` | `POST /api HTTP/1.1` and fields, `Content-Length`; packet. Answer: status line, the same |
//!
//! The first three may be wrapped in **obfuscated2**: a header of 64 random-looking bytes, then
//! AES-256-CTR in both directions. Over WebSocket it is required.
//!
//! **HTTP takes turns**: the server answers each request once, in their order, so it may send a
//! packet only while a request is open. Transport errors are statuses: −404 is 404. Who holds a
//! request open, and for how long, is the [connection](crate::connection)'s business.
//!
//! ```text
//! client                                           server
//!   POST /api HTTP/1.1                       ---->
//!   Host: chat.example
//!   Connection: keep-alive
//!   Content-Length: 40
//!   (empty line, 40 bytes)
//!                                            <----   HTTP/1.1 200 OK
//!                                                    Connection: keep-alive
//!                                                    Content-Type: application/octet-stream
//!                                                    Content-Length: 88
//!                                                    (empty line, 88 bytes)
//! ```
//!
//! States of the server: undecided (at most 64 bytes) → framing known → failed (sticky).
//! The client's framing is known from the start.
//!
//! **Units and limits.** All lengths are bytes. A packet is at most
//! [`packet_bytes_max`](crate::limits::Limits::packet_bytes_max) and never above
//! [`PACKET_BYTES_CEILING`]; a longer announced length fails when its header is read. What was
//! received but not yet taken by `next_frame` is at most two such packets and 64 KiB. The head of
//! an HTTP request or answer is at most
//! [`http_head_bytes_max`](crate::limits::Limits::http_head_bytes_max), and at most
//! [`http_requests_max`](crate::limits::Limits::http_requests_max) requests wait for their answers.
//!
//! **Errors.** [`PeerError::Framing`](crate::PeerError::Framing), sticky: frames that were
//! complete before the fault are still handed out, everything after it is refused. A fault of an
//! HTTP request has a status, to be written by [`ServerFramer::frame_error`].
//!
//! **Security.** Obfuscation hides the protocol from filters; it authenticates nothing. The
//! envelope inside does. HTTP is read strictly, and requests of web pages are served only if their
//! Origin is on the list.
//!
//! ```
//! use bytes::BytesMut;
//! use odnix_proto::Seed;
//! use odnix_proto::transport::{
//!     ClientFramer, ClientOptions, Frame, Framing, Obfuscation, ServerFramer, ServerOptions,
//! };
//!
//! let options = ClientOptions::new(Framing::Padded).obfuscated(Obfuscation::default())?;
//! let mut client = ClientFramer::new(&options, Seed::for_testing(1));
//! let mut server = ServerFramer::new(ServerOptions::default(), Seed::for_testing(2));
//!
//! let mut wire = BytesMut::new();
//! client.frame(&[1; 40], &mut wire)?;
//! server.receive(&mut wire)?;
//! assert_eq!(server.framing(), Some(Framing::Padded));
//! assert!(matches!(server.next_frame()?, Some(Frame::Packet { packet, .. }) if packet[..] == [1; 40]));
//!
//! server.frame_error(-404, &mut wire);
//! client.receive(&mut wire)?;
//! assert_eq!(client.next_frame()?, Some(Frame::Error(-404)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod abridged;
mod client;
mod detect;
mod framer;
mod full;
mod head;
mod http;
mod intermediate;
mod obfuscated;
mod padded;
mod server;

pub use client::{ClientFramer, ClientOptions};
pub use http::Origins;
pub use obfuscated::Obfuscation;
pub use server::{ServerFramer, ServerOptions};

use bytes::BytesMut;

/// No packet is longer than this, whatever is configured: 16 MiB.
pub const PACKET_BYTES_CEILING: usize = 16 << 20;

/// One of the ways to cut a byte stream into packets.
///
/// Exhaustive on purpose: the wire has these five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framing {
    /// One length byte for most packets.
    Abridged,
    /// Four length bytes.
    Intermediate,
    /// Four length bytes and random padding.
    Padded,
    /// Length, sequence number and CRC32. Cannot be obfuscated: it has no tag.
    Full,
    /// Each packet is the body of an HTTP request or answer. Cannot be obfuscated.
    Http,
}

impl Framing {
    /// Every framing.
    pub const ALL: [Self; 5] =
        [Self::Abridged, Self::Intermediate, Self::Padded, Self::Full, Self::Http];

    /// Whether it can be wrapped in obfuscated2.
    pub const fn can_be_obfuscated(self) -> bool {
        self.tag().is_some()
    }

    /// What a client sends first, so that the server knows; the obfuscated2 header holds four
    /// bytes of it. None for the full and the HTTP framing.
    pub(crate) const fn tag(self) -> Option<[u8; 4]> {
        match self {
            Self::Abridged => Some([0xef; 4]),
            Self::Intermediate => Some([0xee; 4]),
            Self::Padded => Some([0xdd; 4]),
            Self::Full | Self::Http => None,
        }
    }
}

/// What one frame carried.
///
/// Exhaustive on purpose: each kind needs an answer from the code that reads frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A packet, without framing and framing's padding. Its memory is the receive buffer's.
    Packet {
        /// The packet.
        packet: BytesMut,
        /// The client asks for a quick acknowledgement (seen by servers only).
        quick_ack: bool,
    },
    /// A quick acknowledgement (seen by clients only): the token, bit 31 set.
    QuickAck(u32),
    /// A transport error instead of a packet (seen by clients only): -404, -429, -444…
    Error(i32),
}
