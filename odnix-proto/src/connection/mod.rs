//! Connections: framing, key exchange and session behind one face per role. What most
//! embedders use.
//!
//! # The contract
//! Bytes, time, answers and finished jobs go in; bytes, events, deadlines and jobs come out:
//!
//! - `receive(now, bytes)` takes all bytes that arrived;
//! - `poll_transmit(now, out)` appends at most one frame to send;
//! - `poll_event()` gives the oldest event;
//! - `poll_timeout()` is when `handle_timeout(now)` has something to do; early or repeated
//!   calls do nothing.
//!
//! Any order of calls is fine. An `Err` from `receive` is final for this transport: send what
//! `poll_transmit` still has (a transport error code), then close.
//!
//! # Events are questions or facts
//! Heavy arithmetic leaves as `Event::Work(job)`: run it anywhere, hand the result to
//! `complete`. Storage questions (`KeyWanted`, `SessionWanted`) are answered by `provide_…`
//! at any later time; packets that need the answer wait, within limits.
//!
//! # Over HTTP
//! The server may send only while a request is open, so each packet it has waits for one. The
//! client keeps one request open at all times: every packet it sends carries `http_wait`, and
//! when all requests are answered a packet leaves for that alone. A call leaves at once, in a
//! second request, which has the first one answered. How long the server holds a request with
//! nothing to say is the client's choice, bounded by
//! [`http_wait_max_ms`](crate::limits::Limits::http_wait_max_ms). A session that leaves the
//! connection, because its client came by another, has the requests left behind answered. There
//! are no quick acknowledgements, and transport errors are statuses.

pub mod client;
pub(crate) mod long_poll;
pub mod server;
