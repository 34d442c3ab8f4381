//! The client's end of a framed byte stream.

use super::framer::{Inbound, Outbound};
use super::head::Sender;
use super::http::{self, Http};
use super::{Frame, Framing, Obfuscation, obfuscated};
use crate::error::{ConfigError, PeerError, UsageError};
use crate::limits::Limits;
use crate::seed::{Dormant, Seed};
use bytes::{Bytes, BytesMut};

/// How a client frames: a checked combination.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    framing: Framing,
    obfuscation: Option<Obfuscation>,
    /// What each HTTP request begins with.
    http_start: Bytes,
    packet_bytes_max: usize,
    http_head_bytes_max: usize,
}

impl ClientOptions {
    /// `framing` in clear, with the default limits; HTTP to `/api` of `localhost`.
    pub fn new(framing: Framing) -> Self {
        let limits = Limits::default();
        Self {
            framing,
            obfuscation: None,
            http_start: http::request_start("localhost", http::PATH).unwrap_or_default(),
            packet_bytes_max: limits.packet_bytes_max,
            http_head_bytes_max: limits.http_head_bytes_max,
        }
    }

    /// HTTP to `path` of `host`, which may name a port: `chat.example:8444`.
    ///
    /// # Errors
    /// [`ConfigError::HttpTarget`]: a blank, a control character or a letter beyond ASCII, or a
    /// path that does not begin with `/`.
    pub fn http(host: &str, path: &str) -> Result<Self, ConfigError> {
        let http_start = http::request_start(host, path).ok_or(ConfigError::HttpTarget)?;
        Ok(Self { http_start, ..Self::new(Framing::Http) })
    }

    /// The same under obfuscated2.
    ///
    /// # Errors
    /// [`ConfigError::NotObfuscatable`]: the full and the HTTP framing have no obfuscated form.
    pub fn obfuscated(self, obfuscation: Obfuscation) -> Result<Self, ConfigError> {
        match self.framing {
            Framing::Full | Framing::Http => Err(ConfigError::NotObfuscatable),
            _ => Ok(Self { obfuscation: Some(obfuscation), ..self }),
        }
    }

    /// The same with another bound on received packets, in bytes; above
    /// [`PACKET_BYTES_CEILING`](super::PACKET_BYTES_CEILING) it counts as that.
    pub fn packet_bytes_max(self, packet_bytes_max: usize) -> Self {
        Self { packet_bytes_max, ..self }
    }

    /// The same with another bound on the head of an HTTP answer, in bytes.
    pub fn http_head_bytes_max(self, http_head_bytes_max: usize) -> Self {
        Self { http_head_bytes_max, ..self }
    }

    /// The framing chosen.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether it is obfuscated.
    pub fn is_obfuscated(&self) -> bool {
        self.obfuscation.is_some()
    }
}

/// Frames one connection for a client. A new connection needs a new framer.
#[derive(Debug)]
pub struct ClientFramer {
    framing: Framing,
    /// Tag or header, until the first frame carries it.
    opening: Bytes,
    inbound: Inbound,
    outbound: Outbound,
}

impl ClientFramer {
    /// A framer for one fresh connection; `seed` makes the obfuscation header and the padding.
    pub fn new(options: &ClientOptions, seed: Seed) -> Self {
        let mut random = Dormant::new(seed);
        let framing = options.framing;
        let http = Http::new(options.http_head_bytes_max);
        let mut inbound = Inbound::new(Sender::Server, options.packet_bytes_max, http);
        let mut streams = None;
        let opening = match (framing.tag(), &options.obfuscation) {
            (None, _) => Bytes::new(),
            (Some([first, ..]), None) if framing == Framing::Abridged => {
                Bytes::copy_from_slice(&[first])
            }
            (Some(tag), None) => Bytes::copy_from_slice(&tag),
            (Some(tag), Some(config)) => {
                let (header, both) = obfuscated::open(tag, config, &mut random);
                streams = Some(both);
                Bytes::copy_from_slice(&header)
            }
        };
        let mut outbound = Outbound::new(random);
        outbound.http_start = options.http_start.clone();
        if let Some(streams) = streams {
            outbound.stream = Some(streams.to_server);
            inbound.stream = Some(streams.to_client);
        }
        Self { framing, opening, inbound, outbound }
    }

    /// The framing in use.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Requests sent and not answered; always 0 but over HTTP.
    pub fn open_requests(&self) -> usize {
        self.inbound.http.open_requests()
    }

    /// Takes all of `bytes`. Poll [`next_frame`](Self::next_frame) until it is empty.
    ///
    /// # Errors
    /// [`PeerError::Framing`], sticky, when an earlier frame broke the framing, or when more
    /// piled up than the module's limits allow.
    pub fn receive(&mut self, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.inbound.receive(bytes)
    }

    /// The next complete frame, oldest first.
    ///
    /// # Errors
    /// [`PeerError::Framing`], sticky.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, PeerError> {
        self.inbound.next_frame(self.framing)
    }

    /// Appends `packet` as one frame, after the connection's opening if it is the first.
    ///
    /// # Errors
    /// [`UsageError::BodyLength`]: empty, not a multiple of 4 bytes, or above 16 MiB.
    pub fn frame(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), UsageError> {
        self.write(packet, false, out)
    }

    /// Like [`frame`](Self::frame), asking the server for a quick acknowledgement. The full
    /// and the HTTP framing have none, so there it is the same as `frame`.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn frame_with_quick_ack(
        &mut self,
        packet: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), UsageError> {
        self.write(packet, true, out)
    }

    fn write(
        &mut self,
        packet: &[u8],
        quick_ack: bool,
        out: &mut BytesMut,
    ) -> Result<(), UsageError> {
        let start = out.len();
        out.extend_from_slice(&self.opening);
        let written = self.outbound.packet(self.framing, packet, quick_ack, out);
        match written {
            Ok(()) if self.framing == Framing::Http => self.inbound.http.request_written(),
            Ok(()) => self.opening = Bytes::new(),
            Err(_) => out.truncate(start),
        }
        written
    }
}
