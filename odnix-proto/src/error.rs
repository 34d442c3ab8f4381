//! The four error classes, never mixed.
//!
//! | class | shape | effect |
//! |---|---|---|
//! | fatal | [`PeerError`], sticky | answer with [`PeerError::wire_code`], close |
//! | drop | `Ok(Received::Dropped(`[`DropReason`]`))` | counted; a policy may close |
//! | answered | `Ok(Received::Answered(`[`Notice`]`))` | the notice is queued for the peer |
//! | caller | [`UsageError`], from commands only | the embedder's code is wrong |
//!
//! Bytes from the peer never yield a [`UsageError`].

use crate::message_id::MsgId;

/// What a machine made of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// Taken in; poll for what follows.
    Accepted,
    /// Ignored without an answer.
    Dropped(DropReason),
    /// Refused; the notice is on its way to the peer.
    Answered(Notice),
}

/// A fault of the peer that ends the connection. Sticky: the machine answers everything that
/// follows with the same error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// MAC, length, padding or session wrong: one error, so that the peer never learns which.
    #[error("an encrypted packet failed its checks")]
    Envelope,
    /// The auth_key_id is unknown to the server.
    #[error("the peer used an authorization key this server does not know")]
    UnknownKey,
    /// The key exchange broke a rule; the inner reason is for local logs only.
    #[error("the key exchange failed: {0}")]
    Handshake(HandshakeFault),
    /// The byte stream is not one of the known framings, or a frame broke its bounds.
    #[error("the byte stream is not valid framing: {0}")]
    Framing(FramingFault),
    /// The peer sent a transport error instead of a packet.
    #[error("the peer refused with transport error {0}")]
    Transport(i32),
    /// The peer broke a service-message rule that leaves no way on.
    #[error("the peer broke a protocol rule: {0}")]
    Protocol(&'static str),
    /// The server refused to bind the temporary key, as it does when it no longer knows the
    /// permanent one.
    #[error("the server refused to bind the temporary key")]
    BindingRefused,
    /// The peer was silent for too long.
    #[error("the peer did not answer in time")]
    TimedOut,
    /// More requests than the configured quota.
    #[error("the peer exceeded its quota")]
    Flood,
}

/// Transport error: unknown key or malformed key exchange.
pub const CODE_NOT_FOUND: i32 = -404;
/// Transport error: too many connections or requests.
pub const CODE_FLOOD: i32 = -429;
/// Transport error: the client asked for another dc.
pub const CODE_WRONG_DC: i32 = -444;

impl PeerError {
    /// The transport error code to answer with before closing, if any; over HTTP, minus the
    /// status.
    pub fn wire_code(self) -> Option<i32> {
        match self {
            Self::Handshake(HandshakeFault::WrongDc) => Some(CODE_WRONG_DC),
            Self::Envelope | Self::UnknownKey | Self::Handshake(_) | Self::Protocol(_) => {
                Some(CODE_NOT_FOUND)
            }
            Self::Flood => Some(CODE_FLOOD),
            Self::Framing(FramingFault::Http(fault)) => fault.wire_code(),
            Self::Framing(_) | Self::Transport(_) | Self::BindingRefused | Self::TimedOut => None,
        }
    }
}

/// Which rule of the key exchange was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeFault {
    /// The message does not parse, or is not the one the state waits for.
    #[error("unexpected or malformed message")]
    Malformed,
    /// nonce or server_nonce is not ours.
    #[error("nonce mismatch")]
    NonceMismatch,
    /// None of the offered fingerprints is a key we hold.
    #[error("no known server key fingerprint")]
    UnknownFingerprint,
    /// pq is not the product of two distinct odd primes below 2^63, or p·q ≠ pq.
    #[error("pq is not a product of two primes")]
    BadPq,
    /// RSA_PAD block of the wrong length, not below the modulus, or with a wrong hash.
    #[error("RSA block invalid")]
    BadRsaBlock,
    /// The SHA1 of a decrypted answer does not match.
    #[error("answer hash mismatch")]
    BadAnswerHash,
    /// dh_prime is not a 2048-bit safe prime, or g does not generate the subgroup.
    #[error("Diffie-Hellman group rejected")]
    BadGroup,
    /// g_a or g_b outside 2^1984 ..= p − 2^1984.
    #[error("Diffie-Hellman value out of range")]
    BadGroupElement,
    /// new_nonce_hash1, 2, 3 or that of server_DH_params_fail is wrong.
    #[error("new_nonce_hash mismatch")]
    BadNonceHash,
    /// The server refused the parameters or the key.
    #[error("the server refused")]
    Refused,
    /// More dh_gen_retry rounds than allowed.
    #[error("too many retries")]
    TooManyRetries,
    /// retry_id does not belong to the failed key.
    #[error("retry_id mismatch")]
    BadRetryId,
    /// The client asked for another dc.
    #[error("wrong dc")]
    WrongDc,
    /// The exchange took longer than allowed.
    #[error("timed out")]
    TimedOut,
    /// An earlier failure; every later request gets the same answer.
    #[error("already failed")]
    AlreadyFailed,
}

/// Which rule of the framing was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingFault {
    /// The announced length is above the limit.
    #[error("frame longer than the limit")]
    TooLong,
    /// The announced length is impossible for this framing.
    #[error("impossible frame length")]
    BadLength,
    /// The sequence number of the full framing is not the next one.
    #[error("frame out of sequence")]
    BadSequence,
    /// The CRC32 of the full framing is wrong.
    #[error("frame checksum mismatch")]
    BadChecksum,
    /// The first bytes belong to no framing we speak.
    #[error("unknown framing")]
    Unknown,
    /// The peer sent more before a packet was complete than the buffer may hold.
    #[error("receive buffer full")]
    BufferFull,
    /// An HTTP head broke a rule.
    #[error("HTTP: {0}")]
    Http(#[from] HttpFault),
}

/// Which rule of HTTP was broken, and the status that tells the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFault {
    /// 400: the head does not parse, or says something twice.
    #[error("malformed head")]
    Malformed,
    /// 400: the body is empty or not a multiple of 4 bytes.
    #[error("the body is no packet")]
    BodyLength,
    /// 403: the Origin is not on the list.
    #[error("foreign Origin")]
    ForeignOrigin,
    /// 405: not POST, or not to a path that is served.
    #[error("method or path not served")]
    NotAllowed,
    /// 411: no Content-Length.
    #[error("no Content-Length")]
    LengthRequired,
    /// 413: the announced body is above the limit.
    #[error("body longer than the limit")]
    BodyTooLong,
    /// 417: the client wants to be told whether to go on.
    #[error("Expect is not supported")]
    Expectation,
    /// 429: more requests wait for their answers than the limit allows.
    #[error("too many requests in flight")]
    TooManyRequests,
    /// 431: the head is above the limit.
    #[error("head longer than the limit")]
    HeadTooLong,
    /// 501: the body has no fixed length.
    #[error("Transfer-Encoding is not supported")]
    TransferEncoding,
    /// 505: not HTTP/1.1.
    #[error("not HTTP/1.1")]
    Version,
    /// An answer that nothing was asked for; never told to anybody.
    #[error("an answer without a request")]
    Unsolicited,
}

impl HttpFault {
    /// Minus the status; `None` for what a server does not tell.
    pub fn wire_code(self) -> Option<i32> {
        match self {
            Self::Malformed | Self::BodyLength => Some(-400),
            Self::ForeignOrigin => Some(-403),
            Self::NotAllowed => Some(-405),
            Self::LengthRequired => Some(-411),
            Self::BodyTooLong => Some(-413),
            Self::Expectation => Some(-417),
            Self::TooManyRequests => Some(-429),
            Self::HeadTooLong => Some(-431),
            Self::TransferEncoding => Some(-501),
            Self::Version => Some(-505),
            Self::Unsolicited => None,
        }
    }
}

/// Why a packet or message was ignored without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// This msg_id was received before.
    Duplicate,
    /// Older than every remembered msg_id, so it may have been received before.
    TooOld,
    /// Outside the acceptance window of the local clock.
    OutsideWindow,
    /// A msg_id of the wrong parity for its sender.
    WrongParity,
    /// The session_id is not ours.
    ForeignSession,
    /// A notice about a message we never sent, or that is no longer pending.
    UnknownMessage,
    /// A message that makes no sense in this role or state.
    Unexpected,
    /// A body that does not parse.
    Malformed,
    /// A bound of `limits` was reached.
    Limit,
}

/// What the peer is told about a refused message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// `bad_server_salt` with code 48.
    BadServerSalt {
        /// The refused message.
        msg_id: MsgId,
    },
    /// `bad_msg_notification`.
    BadMsg {
        /// The refused message.
        msg_id: MsgId,
        /// 16–20, 32–35 or 64.
        code: i32,
    },
}

/// A command that the embedder's code should not have given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The body is empty, not a multiple of 4 bytes, or above the size limit.
    #[error("message body must be 4-byte aligned and at most {max} bytes, got {len}")]
    BodyLength {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A queue is full; wait for outcomes and try again.
    #[error("the queue is full ({limit} entries)")]
    QueueFull {
        /// The configured limit.
        limit: usize,
    },
    /// No such call is pending.
    #[error("no such call is pending")]
    UnknownCall,
    /// The answer belongs to no open question.
    #[error("the answer belongs to no open question")]
    NotAsked,
    /// The client has sent nothing yet that tells its framing, so nothing can be framed.
    #[error("the client's framing is not known yet; wait for its first bytes")]
    FramingUnknown,
    /// Over HTTP, the server speaks only when it was asked.
    #[error("every HTTP request has its answer; wait for the next one")]
    NoRequest,
    /// The machine has failed or finished; its peer error was reported before.
    #[error("the connection has ended")]
    Ended,
}

/// A configuration that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A PEM or DER key does not parse.
    #[error("the RSA key does not parse: {0}")]
    RsaKey(&'static str),
    /// The Diffie-Hellman group is not a 2048-bit safe prime with a fitting generator.
    #[error("the Diffie-Hellman group is not usable")]
    Group,
    /// A client needs at least one server key, a server its own.
    #[error("no RSA key configured")]
    NoKey,
    /// The full and the HTTP framing have no tag, so they have no obfuscated form.
    #[error("this framing cannot be obfuscated; choose abridged, intermediate or padded")]
    NotObfuscatable,
    /// What cannot stand in the head of an HTTP request.
    #[error("not a host or path of an HTTP request")]
    HttpTarget,
    /// A limit is outside the range the protocol allows.
    #[error("limit {0} is outside its range")]
    Limit(&'static str),
}
