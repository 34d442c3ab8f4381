//! What both roles share: the receive buffer that yields frames, and the writing of frames.

use super::head::{Head, Sender};
use super::http::{self, Http};
use super::obfuscated::Stream;
use super::{Frame, Framing, PACKET_BYTES_CEILING, abridged, full, intermediate, padded};
use crate::error::{FramingFault, PeerError, UsageError};
use crate::seed::Dormant;
use alloc::boxed::Box;
use bytes::{Buf, Bytes, BytesMut};

/// Received beyond two whole packets before `next_frame` takes any.
const BACKLOG_SLACK: usize = 64 << 10;

/// A body shorter than this is a signal from the server, not a packet: the shortest packet is
/// a plain header of 20 bytes, the longest signal an error of 4 bytes and 15 of padding.
const SIGNAL_LEN_MAX: usize = 19;

/// The receiving half.
#[derive(Debug)]
pub(super) struct Inbound {
    from: Sender,
    pub(super) buffer: BytesMut,
    /// Boxed, because most connections have none.
    pub(super) stream: Option<Box<Stream>>,
    sequence: u32,
    packet_bytes_max: usize,
    /// The head of a frame whose rest has not come yet.
    head: Option<Head>,
    pub(super) http: Http,
    failed: Option<FramingFault>,
}

impl Inbound {
    pub(super) fn new(from: Sender, packet_bytes_max: usize, http: Http) -> Self {
        Self {
            from,
            buffer: BytesMut::new(),
            stream: None,
            sequence: 0,
            packet_bytes_max: packet_bytes_max.min(PACKET_BYTES_CEILING),
            head: None,
            http,
            failed: None,
        }
    }

    /// Whether there is a request, whole or in part, that no answer was given to.
    pub(super) fn is_owed_an_answer(&self) -> bool {
        self.http.open_requests() > 0
            || self.head.is_some()
            || !self.buffer.is_empty()
            || self.failed.is_some()
    }

    /// Takes all of `bytes`, decrypted in place.
    pub(super) fn receive(&mut self, bytes: &mut BytesMut) -> Result<(), PeerError> {
        let backlog_max = self.packet_bytes_max.saturating_mul(2).saturating_add(BACKLOG_SLACK);
        if self.buffer.len().saturating_add(bytes.len()) > backlog_max {
            self.fail(FramingFault::BufferFull);
        }
        if let Err(error) = self.check() {
            bytes.clear();
            return Err(error);
        }
        if self.http.ended {
            bytes.clear();
            return Ok(());
        }
        if let Some(stream) = &mut self.stream {
            stream.apply(bytes);
        }
        if self.buffer.is_empty() {
            self.buffer = bytes.split();
        } else {
            self.buffer.extend_from_slice(bytes);
            bytes.clear();
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), PeerError> {
        self.failed.map_or(Ok(()), |fault| Err(PeerError::Framing(fault)))
    }

    /// Ends the connection; the first fault stays.
    pub(super) fn fail(&mut self, fault: FramingFault) -> PeerError {
        self.buffer = BytesMut::new();
        PeerError::Framing(*self.failed.get_or_insert(fault))
    }

    pub(super) fn next_frame(&mut self, framing: Framing) -> Result<Option<Frame>, PeerError> {
        self.check()?;
        loop {
            let body = match self.next_body(framing) {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(None),
                Err(fault) => return Err(self.fail(fault)),
            };
            let frame = match body {
                Frame::Packet { packet, .. }
                    if self.from == Sender::Server && packet.len() <= SIGNAL_LEN_MAX =>
                {
                    signal(&packet)
                }
                body => Some(body),
            };
            if frame.is_some() {
                return Ok(frame);
            }
        }
    }

    fn next_body(&mut self, framing: Framing) -> Result<Option<Frame>, FramingFault> {
        let head = self.next_head(framing)?;
        let (header_len, body_len, trailer_len, quick_ack) = match head {
            None => return Ok(None),
            Some(Head::QuickAck { token }) => {
                self.buffer.advance(4);
                return Ok(Some(Frame::QuickAck(token)));
            }
            Some(Head::Error { code }) => {
                self.buffer = BytesMut::new();
                self.http.ended = true;
                return Ok(Some(Frame::Error(code)));
            }
            Some(Head::Body { header_len, body_len, trailer_len, quick_ack }) => {
                (header_len, body_len, trailer_len, quick_ack)
            }
        };
        let padding_max = if framing == Framing::Padded { padded::PADDING_MAX } else { 0 };
        if body_len > self.packet_bytes_max.saturating_add(padding_max) {
            return Err(FramingFault::TooLong);
        }
        let frame_len = header_len.saturating_add(body_len).saturating_add(trailer_len);
        if self.buffer.len() < frame_len {
            self.head = head;
            return Ok(None);
        }
        let mut packet = self.buffer.split_to(frame_len);
        if self.buffer.is_empty() {
            // Lets go of the memory, which the frames handed out now own alone.
            self.buffer = BytesMut::new();
        }
        if framing == Framing::Full {
            full::verify(&packet, self.sequence)?;
            self.sequence = self.sequence.wrapping_add(1);
        }
        if framing == Framing::Http {
            self.http.body_read(self.from);
        }
        packet.advance(header_len);
        packet.truncate(body_len);
        if framing == Framing::Padded {
            padded::strip(&mut packet);
            if packet.len() > self.packet_bytes_max {
                return Err(FramingFault::TooLong);
            }
        }
        Ok(Some(Frame::Packet { packet, quick_ack }))
    }

    fn next_head(&mut self, framing: Framing) -> Result<Option<Head>, FramingFault> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        match framing {
            Framing::Abridged => abridged::head(&self.buffer, self.from),
            Framing::Intermediate => intermediate::head(&self.buffer, self.from),
            Framing::Padded => padded::head(&self.buffer, self.from),
            Framing::Full => full::head(&self.buffer),
            Framing::Http => self.http.head(&self.buffer, self.from, self.packet_bytes_max),
        }
    }
}

/// A server's short body: an error code; or -1 and a quick acknowledgement's token; or 0, which
/// means nothing.
fn signal(body: &[u8]) -> Option<Frame> {
    let (code, rest) = body.split_first_chunk()?;
    match (i32::from_le_bytes(*code), rest.first_chunk()) {
        (0, _) => None,
        (-1, Some(token)) => Some(Frame::QuickAck(u32::from_le_bytes(*token))),
        (code, _) => Some(Frame::Error(code)),
    }
}

/// Whether it can be a packet.
pub(super) fn check_len(packet: &[u8]) -> Result<(), UsageError> {
    let len = packet.len();
    if len == 0 || !len.is_multiple_of(4) || len > PACKET_BYTES_CEILING {
        return Err(UsageError::BodyLength { len, max: PACKET_BYTES_CEILING });
    }
    Ok(())
}

/// The sending half.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) stream: Option<Box<Stream>>,
    /// What the next request or answer begins with.
    pub(super) http_start: Bytes,
    sequence: u32,
    random: Dormant,
}

impl Outbound {
    pub(super) fn new(random: Dormant) -> Self {
        Self { stream: None, http_start: Bytes::new(), sequence: 0, random }
    }

    /// Appends one frame.
    pub(super) fn packet(
        &mut self,
        framing: Framing,
        packet: &[u8],
        quick_ack: bool,
        out: &mut BytesMut,
    ) -> Result<(), UsageError> {
        check_len(packet)?;
        let (padding, padding_len) = match framing {
            Framing::Padded => self.random.draw(padded::draw),
            _ => Default::default(),
        };
        let padding = padding.get(..padding_len).unwrap_or(&padding);
        self.write(framing, packet, padding, quick_ack, out);
        Ok(())
    }

    /// Appends one transport error; it is never padded.
    pub(super) fn error(&mut self, framing: Framing, code: i32, out: &mut BytesMut) {
        self.write(framing, &code.to_le_bytes(), &[], false, out);
    }

    /// Appends one quick acknowledgement, where the framing has them.
    pub(super) fn quick_ack(&mut self, framing: Framing, token: u32, out: &mut BytesMut) {
        let start = out.len();
        let token = token | 1 << 31;
        match framing {
            Framing::Abridged => abridged::write_quick_ack(token, out),
            Framing::Intermediate | Framing::Padded => intermediate::write_quick_ack(token, out),
            Framing::Full | Framing::Http => {}
        }
        self.encrypt(start, out);
    }

    fn write(
        &mut self,
        framing: Framing,
        body: &[u8],
        padding: &[u8],
        quick_ack: bool,
        out: &mut BytesMut,
    ) {
        let start = out.len();
        match framing {
            Framing::Abridged => abridged::write(body, quick_ack, out),
            Framing::Intermediate => intermediate::write(body, &[], quick_ack, out),
            Framing::Padded => intermediate::write(body, padding, quick_ack, out),
            Framing::Full => {
                full::write(body, self.sequence, out);
                self.sequence = self.sequence.wrapping_add(1);
            }
            Framing::Http => http::write(&self.http_start, body, out),
        }
        self.encrypt(start, out);
    }

    fn encrypt(&mut self, start: usize, out: &mut BytesMut) {
        if let (Some(stream), Some(written)) = (&mut self.stream, out.get_mut(start..)) {
            stream.apply(written);
        }
    }
}
