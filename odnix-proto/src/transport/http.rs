//! HTTP: each packet is the body of a request or of the answer to one.
//!
//! ```text
//! client   POST /api HTTP/1.1␍␊ Host: …␍␊ Connection: keep-alive␍␊ Content-Length: 40␍␊ ␍␊ packet
//! server   HTTP/1.1 200 OK␍␊ Connection: keep-alive␍␊ … Content-Length: 88␍␊ ␍␊ packet
//! server   HTTP/1.1 404 Not Found␍␊ Connection: close␍␊ Content-Length: 0␍␊ ␍␊    for error −404
//! ```
//!
//! Requests may follow each other before they are answered; answers come in their order.
//! `Content-Length` is the last field: clients in use take the line after it for the end.
//!
//! Read strictly, because what two programs read differently can be used against one of them:
//! lines end in CR LF, no control characters, no folded lines, no blanks around names, exactly
//! one `Content-Length` of digits, no `Transfer-Encoding`, exactly one `Host`. Everything else
//! ends the connection with the status of its [`HttpFault`].
//!
//! A web page cannot help sending its `Origin`; a request that carries one is served only if it
//! is on the list.

use super::head::{Head, Sender};
use crate::error::{FramingFault, HttpFault};
use alloc::{collections::VecDeque, string::String, sync::Arc};
use bytes::{BufMut, Bytes, BytesMut};
use core::fmt::Write as _;

/// Where clients post to when nothing else is said, and what served paths begin with.
pub(super) const PATH: &str = "/api";

/// Origins of web pages that may connect, compared without regard to case and a closing slash.
/// Clients that send no Origin are no web pages and not concerned. Empty: no page may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// A list such as `["https://chat.example"]`.
    pub fn new<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Self {
        Self(origins.into_iter().map(|origin| normal(origin.as_ref())).collect())
    }

    /// Whether a page of this Origin may connect.
    pub fn allow(&self, origin: &[u8]) -> bool {
        self.position(origin).is_some()
    }

    fn position(&self, origin: &[u8]) -> Option<usize> {
        let origin = normal(core::str::from_utf8(origin).ok()?);
        self.0.iter().position(|allowed| *allowed == origin)
    }
}

fn normal(origin: &str) -> String {
    origin.trim_end_matches('/').to_ascii_lowercase()
}

/// What is read: the rules, and where the stream stands.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) path: String,
    pub(super) origins: Origins,
    pub(super) head_bytes_max: usize,
    pub(super) requests_max: usize,
    /// Requests without an answer, oldest first, each with its Origin's place on the list.
    open: VecDeque<Option<usize>>,
    /// The same of the request whose body has not come yet.
    reading: Option<usize>,
    /// An answer other than 200 was read: nothing after it counts.
    pub(super) ended: bool,
}

impl Http {
    pub(super) fn new(head_bytes_max: usize) -> Self {
        Self {
            path: String::from(PATH),
            origins: Origins::default(),
            head_bytes_max,
            requests_max: usize::MAX,
            open: VecDeque::new(),
            reading: None,
            ended: false,
        }
    }

    pub(super) fn open_requests(&self) -> usize {
        self.open.len()
    }

    /// A whole request or answer has been read.
    pub(super) fn body_read(&mut self, from: Sender) {
        match from {
            Sender::Client => self.open.push_back(self.reading.take()),
            Sender::Server => drop(self.open.pop_front()),
        }
    }

    /// A request has been written.
    pub(super) fn request_written(&mut self) {
        self.open.push_back(None);
    }

    /// The beginning of the answer to the oldest open request, which is open no longer.
    pub(super) fn answer_start(&mut self) -> Option<Bytes> {
        let origin = self.open.pop_front()?;
        let mut start = BytesMut::from("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n");
        start.put_slice(b"Content-Type: application/octet-stream\r\n");
        self.put_allowed_origin(origin, &mut start);
        Some(start.freeze())
    }

    /// The page may read an answer only if it is told that it may.
    fn put_allowed_origin(&self, origin: Option<usize>, out: &mut BytesMut) {
        if let Some(origin) = origin.and_then(|at| self.origins.0.get(at)) {
            let _ = write!(out, "Access-Control-Allow-Origin: {origin}\r\nVary: Origin\r\n");
        }
    }

    /// Appends the last answer of a connection.
    pub(super) fn write_error(&mut self, code: i32, out: &mut BytesMut) {
        let status = code.unsigned_abs();
        let _ = write!(out, "HTTP/1.1 {status} {}\r\nConnection: close\r\n", reason(status));
        if status == 405 {
            out.put_slice(b"Allow: POST\r\n");
        }
        let origin = self.open.pop_front().unwrap_or(self.reading);
        self.put_allowed_origin(origin, out);
        write(&[], &[], out);
    }

    /// Reads the head that `bytes` begin with, if all of it is there.
    pub(super) fn head(
        &mut self,
        bytes: &[u8],
        from: Sender,
        packet_bytes_max: usize,
    ) -> Result<Option<Head>, FramingFault> {
        let Some(header_len) = head_len(bytes, self.head_bytes_max)? else { return Ok(None) };
        let head = bytes.get(..header_len).unwrap_or(bytes);
        let head = head.strip_suffix(b"\r\n\r\n").unwrap_or(head);
        let (start, fields) = Fields::read(head)?;
        match from {
            Sender::Client => self.check_request(start, &fields)?,
            Sender::Server if self.open.is_empty() => return Err(HttpFault::Unsolicited.into()),
            Sender::Server => {
                let status = status(start).ok_or(HttpFault::Malformed)?;
                if status != 200 {
                    return Ok(Some(Head::Error { code: status.saturating_neg() }));
                }
            }
        }
        let body_len = fields.body_len(packet_bytes_max)?;
        Ok(Some(Head::Body { header_len, body_len, trailer_len: 0, quick_ack: false }))
    }

    fn check_request(&mut self, start: &[u8], fields: &Fields<'_>) -> Result<(), HttpFault> {
        let mut words = start.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(HttpFault::Malformed);
        };
        if version != b"HTTP/1.1" {
            return Err(HttpFault::Version);
        }
        if method != b"POST" || !target.starts_with(self.path.as_bytes()) {
            return Err(HttpFault::NotAllowed);
        }
        if !fields.host {
            return Err(HttpFault::Malformed);
        }
        if fields.expect {
            return Err(HttpFault::Expectation);
        }
        self.reading = match fields.origin {
            None => None,
            Some(origin) => Some(self.origins.position(origin).ok_or(HttpFault::ForeignOrigin)?),
        };
        if self.open.len() >= self.requests_max { Err(HttpFault::TooManyRequests) } else { Ok(()) }
    }
}

/// The length of the head with its empty line, once that has come.
fn head_len(bytes: &[u8], max: usize) -> Result<Option<usize>, HttpFault> {
    let mut before = [0_u8; 3];
    for (at, &byte) in bytes.iter().take(max).enumerate() {
        let [_, _, last] = before;
        let is_line_end = last == b'\r';
        match byte {
            b'\n' if before == *b"\r\n\r" => return Ok(Some(at.saturating_add(1))),
            b'\n' if is_line_end => {}
            b'\t' | b'\r' | 0x20..=0x7e | 0x80.. if !is_line_end => {}
            _ => return Err(HttpFault::Malformed),
        }
        let [_, second, third] = before;
        before = [second, third, byte];
    }
    if bytes.len() >= max { Err(HttpFault::HeadTooLong) } else { Ok(None) }
}

/// The fields that mean something here.
#[derive(Default)]
struct Fields<'a> {
    content_length: Option<&'a [u8]>,
    host: bool,
    origin: Option<&'a [u8]>,
    transfer_encoding: bool,
    expect: bool,
}

impl<'a> Fields<'a> {
    /// The start line of a head, and its fields.
    fn read(head: &'a [u8]) -> Result<(&'a [u8], Self), HttpFault> {
        let lines = head.split(|byte| *byte == b'\n');
        let mut lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let start = lines.next().unwrap_or_default();
        let mut fields = Self::default();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').ok_or(HttpFault::Malformed)?;
            let (name, value) = line.split_at_checked(colon).ok_or(HttpFault::Malformed)?;
            if name.is_empty() || !name.iter().all(is_token) {
                return Err(HttpFault::Malformed);
            }
            let value = value.strip_prefix(b":").unwrap_or(value);
            fields.take(name, value.trim_ascii())?;
        }
        Ok((start, fields))
    }

    fn take(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), HttpFault> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("content-length") && self.content_length.replace(value).is_some() {
            return Err(HttpFault::Malformed);
        }
        if is("host") && core::mem::replace(&mut self.host, true) {
            return Err(HttpFault::Malformed);
        }
        if is("origin") && self.origin.replace(value).is_some() {
            return Err(HttpFault::ForeignOrigin);
        }
        self.transfer_encoding |= is("transfer-encoding");
        self.expect |= is("expect");
        Ok(())
    }

    fn body_len(&self, max: usize) -> Result<usize, HttpFault> {
        if self.transfer_encoding {
            return Err(HttpFault::TransferEncoding);
        }
        let digits = self.content_length.ok_or(HttpFault::LengthRequired)?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(HttpFault::Malformed);
        }
        let len = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        match len.unwrap_or(usize::MAX) {
            len if len > max => Err(HttpFault::BodyTooLong),
            len if len == 0 || !len.is_multiple_of(4) => Err(HttpFault::BodyLength),
            len => Ok(len),
        }
    }
}

/// RFC 9110, 5.6.2.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// `HTTP/1.1 200 OK`, the reason being optional.
fn status(start: &[u8]) -> Option<i32> {
    let rest = start.strip_prefix(b"HTTP/1.1 ").or_else(|| start.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, reason) = rest.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(reason.is_empty() || reason.starts_with(b" ")) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok().filter(|status| *status >= 100)
}

/// The beginning of every request of a client; `None` for what cannot stand in a head.
pub(super) fn request_start(host: &str, path: &str) -> Option<Bytes> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain(host) || !is_plain(path) || !path.starts_with('/') {
        return None;
    }
    let mut start = BytesMut::new();
    let _ = write!(start, "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\n");
    Some(start.freeze())
}

/// Appends a request or an answer that begins with `start`.
pub(super) fn write(start: &[u8], body: &[u8], out: &mut BytesMut) {
    out.put_slice(start);
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    out.put_slice(body);
}

fn reason(status: u32) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}
