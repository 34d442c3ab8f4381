//! Every bound on what a peer can make this crate hold or do, in one table.
//!
//! | limit | default | unit | reason |
//! |---|---|---|---|
//! | `packet_bytes_max` | 4 MiB | bytes | largest frame buffered; never above 16 MiB |
//! | `http_head_bytes_max` | 8 KiB | bytes | request or status line and fields of one HTTP message |
//! | `http_requests_max` | 16 | requests | of one HTTP connection waiting for their answers |
//! | `http_wait_max_ms` | 60 000 | milliseconds | how long a request may ask to be held |
//! | `container_messages_max` | 1020 | messages | in one msg_container, both directions |
//! | `container_bytes_max` | 1 044 404 | bytes | of one container sent |
//! | `nesting_max` | 8 | levels | gzip_packed and wrappers around one query |
//! | `inflate_bytes_max` | 10 MiB | bytes | inflated from all of one packet, received or sent |
//! | `ids_max` | 8192 | ids | in msgs_ack, msgs_state_req, msg_resend_req |
//! | `packet_ids_max` | 16 384 | ids | in all such lists of one packet |
//! | `received_ids_max` | 1024 | ids | remembered for duplicate detection |
//! | `msg_id_past_s` | 300 | seconds | oldest msg_id accepted, behind the server's time |
//! | `msg_id_future_s` | 30 | seconds | newest msg_id accepted, ahead of the server's time |
//! | `sent_max` | 1024 | messages | content messages awaiting acknowledgement |
//! | `sent_bytes_max` | 16 MiB | bytes | bodies of those |
//! | `notices_bytes_max` | 1 MiB | bytes | service messages waiting to be sent |
//! | `announced_bytes_min` | 4096 | bytes | longer answers and updates are announced, not sent again |
//! | `calls_max` | 512 | calls | open calls of one session |
//! | `calls_bytes_max` | 16 MiB | bytes | requests of those: as a client keeps them, as a server has not answered them |
//! | `bindings_max` | 4 | requests | to bind a temporary key, waiting for the permanent one |
//! | `events_max` | 4096 | events | of one session, not yet taken by the embedder |
//! | `events_bytes_max` | 16 MiB | bytes | of those at a client; then packets are left unread |
//! | `service_queue_max` | 1024 | messages | a client's service messages that wait to be sent |
//! | `refusals_max` | 8 | refusals | of one message, before its call ends with an error |
//! | `pings_max` | 16 | pings | of a client, whose pong is awaited |
//! | `quick_acks_max` | 64 | packets | whose quick acknowledgement a client awaits, or a server has not sent yet |
//! | `future_salts_min` | 4 | salts | left at a client before it asks for more; 0: it never asks |
//! | `pending_acks_max` | 16 | ids | before an msgs_ack is due at once |
//! | `parked_packets_max` | 64 | packets | waiting for a key or session to be provided |
//! | `parked_bytes_max` | 8 MiB | bytes | of those |
//! | `updates_max` | 1024 | updates | waiting for a gap to close, or to be polled |
//! | `mailboxes_max` | 4096 | mailboxes | followed by one client |
//! | `differences_max` | 8 | questions | about missed updates, out at a time |
//! | `handshake_retries_max` | 5 | rounds | of dh_gen_retry |
//! | `handshake_answers_max` | 16 | answers | of key exchanges, remembered for exact repeats |
//! | `handshake_answers_bytes_max` | 16 KiB | bytes | of those; the newest is kept in any case |
//! | `temporary_key_s_max` | 604 800 | seconds | longest lifetime of a temporary key a server grants |

use crate::error::ConfigError;

/// The table, adjustable in the configuration of each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest frame buffered, in bytes.
    pub packet_bytes_max: usize,
    /// Bytes of the head of one HTTP message.
    pub http_head_bytes_max: usize,
    /// HTTP requests of one connection waiting for their answers.
    pub http_requests_max: usize,
    /// Milliseconds an HTTP request may ask to be held.
    pub http_wait_max_ms: u32,
    /// Messages in one msg_container.
    pub container_messages_max: usize,
    /// Bytes of one container sent.
    pub container_bytes_max: usize,
    /// Levels of gzip_packed and wrappers around one query.
    pub nesting_max: usize,
    /// Bytes inflated from all of one packet; packets sent stay within it too.
    pub inflate_bytes_max: usize,
    /// Ids in one id list.
    pub ids_max: usize,
    /// Ids in all id lists of one packet; a list beyond it is dropped.
    pub packet_ids_max: usize,
    /// Received msg_ids remembered for duplicate detection.
    pub received_ids_max: usize,
    /// Seconds behind the server's time at which a msg_id is too old.
    pub msg_id_past_s: u64,
    /// Seconds ahead of the server's time at which a msg_id is too new.
    pub msg_id_future_s: u64,
    /// Content messages sent and awaiting acknowledgement.
    pub sent_max: usize,
    /// Bytes of those.
    pub sent_bytes_max: usize,
    /// Bytes of service messages waiting to be sent; the newest are dropped.
    pub notices_bytes_max: usize,
    /// Bytes above which what was sent by this transport is announced by `msg_detailed_info`
    /// and not sent again.
    pub announced_bytes_min: usize,
    /// Open calls of one session.
    pub calls_max: usize,
    /// Bytes of their requests: as a client keeps them, as a server has not answered them.
    pub calls_bytes_max: usize,
    /// Requests to bind a temporary key, waiting for the permanent one.
    pub bindings_max: usize,
    /// Events of one session, not yet taken by the embedder.
    pub events_max: usize,
    /// Bytes of those at a client; when there are more, packets are left unread.
    pub events_bytes_max: usize,
    /// A client's service messages that wait to be sent.
    pub service_queue_max: usize,
    /// Refusals of one message, before its call ends with an error.
    pub refusals_max: u32,
    /// Pings of a client whose pong is awaited.
    pub pings_max: usize,
    /// Packets whose quick acknowledgement a client awaits, or a server has not sent yet; beyond
    /// it there is none.
    pub quick_acks_max: usize,
    /// Salts left at a client before it asks for more; 0: it never asks by itself.
    pub future_salts_min: usize,
    /// Acknowledgements gathered before an msgs_ack is due at once.
    pub pending_acks_max: usize,
    /// Packets waiting for a key or session to be provided.
    pub parked_packets_max: usize,
    /// Bytes of those.
    pub parked_bytes_max: usize,
    /// Updates waiting for a gap to close, or to be polled.
    pub updates_max: usize,
    /// Mailboxes that one client follows.
    pub mailboxes_max: usize,
    /// Questions about missed updates that are out at a time.
    pub differences_max: usize,
    /// Rounds of dh_gen_retry.
    pub handshake_retries_max: u32,
    /// Answers of key exchanges remembered for exact repeats.
    pub handshake_answers_max: usize,
    /// Bytes of those. The newest answer is kept in any case.
    pub handshake_answers_bytes_max: usize,
    /// Seconds a temporary key may live on a server.
    pub temporary_key_s_max: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_bytes_max: 4 << 20,
            http_head_bytes_max: 8 << 10,
            http_requests_max: 16,
            http_wait_max_ms: 60_000,
            container_messages_max: 1020,
            container_bytes_max: 1_044_404,
            nesting_max: 8,
            inflate_bytes_max: 10 << 20,
            ids_max: 8192,
            packet_ids_max: 16_384,
            received_ids_max: 1024,
            msg_id_past_s: 300,
            msg_id_future_s: 30,
            sent_max: 1024,
            sent_bytes_max: 16 << 20,
            notices_bytes_max: 1 << 20,
            announced_bytes_min: 4096,
            calls_max: 512,
            calls_bytes_max: 16 << 20,
            bindings_max: 4,
            events_max: 4096,
            events_bytes_max: 16 << 20,
            service_queue_max: 1024,
            refusals_max: 8,
            pings_max: 16,
            quick_acks_max: 64,
            future_salts_min: 4,
            pending_acks_max: 16,
            parked_packets_max: 64,
            parked_bytes_max: 8 << 20,
            updates_max: 1024,
            mailboxes_max: 4096,
            differences_max: 8,
            handshake_retries_max: 5,
            handshake_answers_max: 16,
            handshake_answers_bytes_max: 16 << 10,
            temporary_key_s_max: 7 * 24 * 3600,
        }
    }
}

/// What an envelope, a container and an `rpc_result` add to a body at most, in bytes.
const BODY_OVERHEAD_BYTES: usize = 2048;

/// What one entry of a queue or a map takes beside the bytes it names, at most.
const ENTRY_BYTES: usize = 256;
/// What one message costs beside its body, at most: its places in queues and maps.
const MESSAGE_BYTES: usize = 512;
/// What one remembered id costs, at most.
const ID_BYTES: usize = 32;
/// What a session costs that does nothing.
const SESSION_BYTES: usize = 32 << 10;
/// The largest frame that any transport can announce.
const PACKET_BYTES_CEILING: usize = 16 << 20;
/// Shorter heads than this have no room for a host and a length.
const HTTP_HEAD_BYTES_LEAST: usize = 256;
/// What can be allocated at all.
const SUM_BYTES_CEILING: usize = isize::MAX.unsigned_abs();

impl Limits {
    /// The largest body of one message that still fits into a packet.
    pub fn body_bytes_max(&self) -> usize {
        self.packet_bytes_max.saturating_sub(BODY_OVERHEAD_BYTES)
    }

    /// Bytes that a client's session holds at most, whatever its server sends and however seldom
    /// its embedder takes events; requests as the embedder gave them are counted too.
    ///
    /// | part | bytes |
    /// |---|---|
    /// | requests, bare and with `initConnection` around them | 2 · `calls_bytes_max` |
    /// | messages sent, to recognise what is said about them | `sent_bytes_max` |
    /// | service messages that wait | `notices_bytes_max` |
    /// | events, in allocations at most twice their size | 2 · `events_bytes_max` |
    /// | the packet being read, and what inflates from it | 2 · `packet_bytes_max` + 3 · `inflate_bytes_max` |
    /// | entries: calls, sent, events, ids | their numbers · an entry |
    pub fn client_session_bytes_max(&self) -> usize {
        let entries = [
            self.calls_max.saturating_mul(4),
            self.sent_max,
            self.service_queue_max,
            self.events_max.saturating_mul(2),
            self.container_messages_max,
            self.received_ids_max.saturating_mul(2),
            self.quick_acks_max.saturating_mul(self.calls_max).div_euclid(8),
            self.ids_max,
        ];
        let parts = [
            self.calls_bytes_max.saturating_mul(2),
            self.sent_bytes_max,
            self.notices_bytes_max,
            self.events_bytes_max.saturating_mul(2),
            self.packet_bytes_max.saturating_mul(2),
            self.inflate_bytes_max.saturating_mul(3),
            entries
                .iter()
                .fold(0, |sum: usize, count| sum.saturating_add(*count))
                .saturating_mul(ENTRY_BYTES),
        ];
        parts.iter().fold(0, |sum: usize, part| sum.saturating_add(*part))
    }

    /// What one server session can hold, whatever its client does, in bytes:
    ///
    /// - what waits for its acknowledgement, the notices that wait to be sent, and the queries
    ///   that run, each query in memory up to twice its size;
    /// - their places, and those of the ids remembered;
    /// - while a packet is taken in or written: the packet, three times what it inflates to (a
    ///   buffer that grows is there twice), and what is written, as messages and sealed.
    pub fn session_bytes_max(&self) -> usize {
        let bodies =
            [self.sent_bytes_max, self.notices_bytes_max, self.calls_bytes_max.saturating_mul(2)];
        let messages = [self.sent_max.saturating_mul(2), self.calls_max.saturating_mul(4)];
        let ids = [self.received_ids_max.saturating_mul(4), self.ids_max.saturating_mul(2)];
        let written = self.container_bytes_max.max(self.packet_bytes_max).saturating_mul(2);
        let inflated = self.inflate_bytes_max.saturating_mul(3);
        let transient = [self.packet_bytes_max, inflated, written];
        let sum = |parts: &[usize]| parts.iter().copied().fold(0, usize::saturating_add);
        sum(&[
            SESSION_BYTES,
            sum(&bodies),
            sum(&messages).saturating_mul(MESSAGE_BYTES),
            sum(&ids).saturating_mul(ID_BYTES),
            sum(&transient),
        ])
    }

    /// Whether the protocol can work within these limits.
    ///
    /// # Errors
    /// [`ConfigError::Limit`] with the name of the first that is outside its range, or of a sum
    /// of them that no machine holds.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut ranges = self.ranges_of_transport().into_iter().chain(self.ranges_of_session());
        match ranges.find(|(_, value, min, max)| value < min || value > max) {
            Some((name, ..)) => Err(ConfigError::Limit(name)),
            None => Ok(()),
        }
    }

    /// Name, value, lowest and highest value of the limits of packets, connections and keys.
    fn ranges_of_transport(&self) -> [(&'static str, usize, usize, usize); 14] {
        let any = usize::MAX;
        [
            ("packet_bytes_max", self.packet_bytes_max, 4096, PACKET_BYTES_CEILING),
            ("http_head_bytes_max", self.http_head_bytes_max, HTTP_HEAD_BYTES_LEAST, any),
            // A call leaves in a second request, beside the one that is held.
            ("http_requests_max", self.http_requests_max, 2, any),
            ("http_wait_max_ms", wide(self.http_wait_max_ms), 1, any),
            ("parked_packets_max", self.parked_packets_max, 1, any),
            ("parked_bytes_max", self.parked_bytes_max, 1024, any),
            ("updates_max", self.updates_max, 1, any),
            ("mailboxes_max", self.mailboxes_max, 1, any),
            ("differences_max", self.differences_max, 1, any),
            ("handshake_retries_max", wide(self.handshake_retries_max), 0, any),
            ("handshake_answers_max", self.handshake_answers_max, 1, any),
            ("handshake_answers_bytes_max", self.handshake_answers_bytes_max, 0, any),
            ("temporary_key_s_max", wide(self.temporary_key_s_max), 1, any),
            ("quick_acks_max", self.quick_acks_max, 1, any),
        ]
    }

    /// The same of the limits of sessions, and their sums.
    fn ranges_of_session(&self) -> [(&'static str, usize, usize, usize); 25] {
        let any = usize::MAX;
        [
            ("container_messages_max", self.container_messages_max, 1, 1024),
            ("container_bytes_max", self.container_bytes_max, 1024, self.packet_bytes_max),
            ("nesting_max", self.nesting_max, 3, 64),
            ("inflate_bytes_max", self.inflate_bytes_max, 1024, any),
            ("ids_max", self.ids_max, 1, 8192),
            ("packet_ids_max", self.packet_ids_max, self.ids_max, any),
            ("received_ids_max", self.received_ids_max, 16, any),
            ("msg_id_past_s", wide(self.msg_id_past_s), 1, any),
            ("msg_id_future_s", wide(self.msg_id_future_s), 1, any),
            ("sent_max", self.sent_max, 1, any),
            ("sent_bytes_max", self.sent_bytes_max, 1024, any),
            ("notices_bytes_max", self.notices_bytes_max, 1024, any),
            ("announced_bytes_min", self.announced_bytes_min, 0, any),
            ("calls_max", self.calls_max, 1, any),
            ("calls_bytes_max", self.calls_bytes_max, 1024, any),
            ("bindings_max", self.bindings_max, 1, any),
            ("events_max", self.events_max, 1, any),
            ("events_bytes_max", self.events_bytes_max, 1024, any),
            ("service_queue_max", self.service_queue_max, 1, any),
            ("refusals_max", wide(self.refusals_max), 0, any),
            ("pings_max", self.pings_max, 1, any),
            // One question brings 64, and the first of them is in use.
            ("future_salts_min", self.future_salts_min, 0, 63),
            ("pending_acks_max", self.pending_acks_max, 1, self.ids_max),
            ("session_bytes_max", self.session_bytes_max(), 0, SUM_BYTES_CEILING),
            ("client_session_bytes_max", self.client_session_bytes_max(), 0, SUM_BYTES_CEILING),
        ]
    }
}

/// As the ranges compare it; what is below 0 is 0.
fn wide<T>(value: T) -> usize
where
    T: TryInto<u64>,
{
    value.try_into().map_or(0, |value| usize::try_from(value).unwrap_or(usize::MAX))
}
