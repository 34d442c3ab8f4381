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
//! | `inflate_bytes_max` | 10 MiB | bytes | inflated from all of one packet |
//! | `ids_max` | 8192 | ids | in msgs_ack, msgs_state_req, msg_resend_req |
//! | `received_ids_max` | 1024 | ids | remembered for duplicate detection |
//! | `msg_id_past_s` | 300 | seconds | oldest msg_id accepted, behind the server's time |
//! | `msg_id_future_s` | 30 | seconds | newest msg_id accepted, ahead of the server's time |
//! | `sent_max` | 1024 | messages | content messages awaiting acknowledgement |
//! | `sent_bytes_max` | 16 MiB | bytes | bodies of those |
//! | `calls_max` | 512 | calls | open calls of one session |
//! | `events_max` | 4096 | events | of one session, not yet taken by the embedder |
//! | `pending_acks_max` | 16 | ids | before an msgs_ack is due at once |
//! | `parked_packets_max` | 64 | packets | waiting for a key or session to be provided |
//! | `parked_bytes_max` | 8 MiB | bytes | of those |
//! | `updates_max` | 1024 | updates | waiting for a gap to close, or to be polled |
//! | `handshake_retries_max` | 5 | rounds | of dh_gen_retry |
//! | `handshake_answers_max` | 16 | answers | of key exchanges, remembered for exact repeats |
//! | `handshake_answers_bytes_max` | 16 KiB | bytes | of those; the newest is kept in any case |
//! | `temporary_key_s_max` | 604 800 | seconds | longest lifetime of a temporary key a server grants |

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
    /// Bytes inflated from all of one packet.
    pub inflate_bytes_max: usize,
    /// Ids in one id list.
    pub ids_max: usize,
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
    /// Open calls of one session.
    pub calls_max: usize,
    /// Events of one session, not yet taken by the embedder.
    pub events_max: usize,
    /// Acknowledgements gathered before an msgs_ack is due at once.
    pub pending_acks_max: usize,
    /// Packets waiting for a key or session to be provided.
    pub parked_packets_max: usize,
    /// Bytes of those.
    pub parked_bytes_max: usize,
    /// Updates waiting for a gap to close, or to be polled.
    pub updates_max: usize,
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
            received_ids_max: 1024,
            msg_id_past_s: 300,
            msg_id_future_s: 30,
            sent_max: 1024,
            sent_bytes_max: 16 << 20,
            calls_max: 512,
            events_max: 4096,
            pending_acks_max: 16,
            parked_packets_max: 64,
            parked_bytes_max: 8 << 20,
            updates_max: 1024,
            handshake_retries_max: 5,
            handshake_answers_max: 16,
            handshake_answers_bytes_max: 16 << 10,
            temporary_key_s_max: 7 * 24 * 3600,
        }
    }
}

/// What an envelope, a container and an `rpc_result` add to a body at most, in bytes.
const BODY_OVERHEAD_BYTES: usize = 2048;

impl Limits {
    /// The largest body of one message that still fits into a packet.
    pub fn body_bytes_max(&self) -> usize {
        self.packet_bytes_max.saturating_sub(BODY_OVERHEAD_BYTES)
    }
}
