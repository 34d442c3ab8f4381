//! The server's end of a framed byte stream: it finds out what the client speaks.

use super::detect::{Detected, HEADER_LEN, detect};
use super::framer::{Inbound, Outbound, check_len};
use super::head::Sender;
use super::http::{self, Http, Origins};
use super::{Frame, Framing, obfuscated};
use crate::error::{FramingFault, PeerError, UsageError};
use crate::limits::Limits;
use crate::secret::Secret;
use crate::seed::{Dormant, Seed};
use alloc::{string::String, vec::Vec};
use bytes::{Buf, BytesMut};

/// What a server accepts.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Refuse everything but obfuscated2: the rule over WebSocket.
    pub require_obfuscated: bool,
    /// Proxy secrets. If there are any, an obfuscated client must know one of them.
    pub secrets: Vec<Secret<16>>,
    /// Longest packet received, in bytes; above
    /// [`PACKET_BYTES_CEILING`](super::PACKET_BYTES_CEILING) it counts as that.
    pub packet_bytes_max: usize,
    /// What the path of an HTTP request must begin with.
    pub http_path: String,
    /// Web pages that may send HTTP requests; a WebSocket listener asks it, too.
    pub origins: Origins,
    /// Longest head of an HTTP request, in bytes.
    pub http_head_bytes_max: usize,
    /// HTTP requests of one connection waiting for their answers.
    pub http_requests_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            require_obfuscated: false,
            secrets: Vec::new(),
            packet_bytes_max: limits.packet_bytes_max,
            http_path: String::from(http::PATH),
            origins: Origins::default(),
            http_head_bytes_max: limits.http_head_bytes_max,
            http_requests_max: limits.http_requests_max,
        }
    }
}

/// Frames one connection for a server. A new connection needs a new framer.
#[derive(Debug)]
pub struct ServerFramer {
    options: ServerOptions,
    framing: Option<Framing>,
    inbound: Inbound,
    outbound: Outbound,
}

impl ServerFramer {
    /// A framer for one fresh connection; `seed` makes the padding.
    pub fn new(options: ServerOptions, seed: Seed) -> Self {
        let mut http = Http::new(options.http_head_bytes_max);
        http.path.clone_from(&options.http_path);
        http.origins.clone_from(&options.origins);
        http.requests_max = options.http_requests_max;
        Self {
            framing: None,
            inbound: Inbound::new(Sender::Client, options.packet_bytes_max, http),
            outbound: Outbound::new(Dormant::new(seed)),
            options,
        }
    }

    /// The framing the client speaks, once its first bytes told.
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Whether the client speaks obfuscated2; false until its first bytes told.
    pub fn is_obfuscated(&self) -> bool {
        self.outbound.stream.is_some()
    }

    /// Requests without an answer; always 0 but over HTTP. Each packet framed answers the oldest.
    pub fn open_requests(&self) -> usize {
        self.inbound.http.open_requests()
    }

    /// Takes all of `bytes`. Poll [`next_frame`](Self::next_frame) until it is empty.
    ///
    /// # Errors
    /// [`PeerError::Framing`], sticky: the first bytes are of no accepted framing, an earlier
    /// frame broke the framing, or more piled up than the module's limits allow.
    pub fn receive(&mut self, bytes: &mut BytesMut) -> Result<(), PeerError> {
        self.inbound.receive(bytes)?;
        match self.framing {
            None => self.detect(),
            Some(_) => Ok(()),
        }
    }

    /// The next complete frame, oldest first.
    ///
    /// # Errors
    /// [`PeerError::Framing`], sticky.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, PeerError> {
        match self.framing {
            Some(framing) => self.inbound.next_frame(framing),
            None => self.inbound.check().map(|()| None),
        }
    }

    /// Appends `packet` as one frame.
    ///
    /// # Errors
    /// [`UsageError::BodyLength`]: empty, not a multiple of 4 bytes, or above 16 MiB.
    /// [`UsageError::FramingUnknown`]: the client has not told its framing yet.
    /// [`UsageError::NoRequest`]: over HTTP, every request has its answer.
    pub fn frame(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), UsageError> {
        let framing = self.framing.ok_or(UsageError::FramingUnknown)?;
        if framing == Framing::Http {
            check_len(packet)?;
            self.outbound.http_start =
                self.inbound.http.answer_start().ok_or(UsageError::NoRequest)?;
        }
        self.outbound.packet(framing, packet, false, out)
    }

    /// Appends a transport error (-404, -429, -444), the last thing before closing. Nothing is
    /// appended while the client's framing is unknown, or over HTTP while there is no request: there
    /// is no way to say it yet.
    pub fn frame_error(&mut self, code: i32, out: &mut BytesMut) {
        match self.framing {
            Some(Framing::Http) if self.inbound.is_owed_an_answer() => {
                self.inbound.http.write_error(code, out);
            }
            Some(Framing::Http) | None => {}
            Some(framing) => self.outbound.error(framing, code, out),
        }
    }

    /// Appends a quick acknowledgement; bit 31 of `token` is set on the wire. The full and the
    /// HTTP framing have none, so nothing is appended there.
    pub fn frame_quick_ack(&mut self, token: u32, out: &mut BytesMut) {
        if let Some(framing) = self.framing {
            self.outbound.quick_ack(framing, token, out);
        }
    }

    fn detect(&mut self) -> Result<(), PeerError> {
        match detect(&self.inbound.buffer) {
            Detected::Undecided => return Ok(()),
            Detected::Plain { framing, tag_len } if !self.options.require_obfuscated => {
                self.inbound.buffer.advance(tag_len);
                self.framing = Some(framing);
            }
            Detected::Obfuscated => {
                if let Some(header) = self.inbound.buffer.first_chunk()
                    && let Some((framing, streams)) =
                        obfuscated::accept(header, &self.options.secrets)
                {
                    self.begin_obfuscated(framing, streams);
                }
            }
            Detected::Plain { .. } | Detected::Unknown => {}
        }
        match self.framing {
            Some(_) => Ok(()),
            None => Err(self.inbound.fail(FramingFault::Unknown)),
        }
    }

    fn begin_obfuscated(&mut self, framing: Framing, mut streams: obfuscated::Streams) {
        self.inbound.buffer.advance(HEADER_LEN);
        streams.to_server.apply(&mut self.inbound.buffer);
        self.inbound.stream = Some(streams.to_server);
        self.outbound.stream = Some(streams.to_client);
        self.framing = Some(framing);
    }
}
