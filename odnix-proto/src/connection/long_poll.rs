//! Whose turn it is over HTTP: when the server answers the request that it holds open.
//!
//! The client says so in `http_wait max_delay:int wait_after:int max_wait:int`, in milliseconds:
//!
//! ```text
//!   request      first message    last message
//!      |───────────────|───────────────|───── wait_after ──> answered
//!      |               |───────── max_delay ───────────────> answered
//!      |───────────────────── max_wait ────────────────────> answered, if need be by an empty
//!                                                            msg_container
//! ```
//!
//! Whichever comes first. A client that says nothing will ask for nothing more either, so all its
//! request is for gathers, and leaves as soon as none of its calls runs any more: with 0, 0 and
//! 25 000. A second request has the first one answered at once, so that requests do not pile up,
//! but not if all it brings is `http_wait`: a client that keeps two of those open would be answered
//! without end.
//!
//! Source: MTProto, "Service messages", HTTP wait / long poll.

use crate::{
    session::{HttpWait, constructor},
    time::Instant,
};
use core::time::Duration;
use odnix_tl::{Constructor, mtproto::types};

/// What the server takes for granted.
const DEFAULT: HttpWait = HttpWait {
    max_delay: Duration::ZERO,
    wait_after: Duration::ZERO,
    max_wait: Duration::from_secs(25),
};

/// The newest request, which is held, and the messages that gather for it.
#[derive(Debug)]
pub(super) struct LongPoll {
    wait_max_ms: u32,
    /// What it said; `None`: nothing.
    wait: Option<HttpWait>,
    requested: Option<Instant>,
    first_message: Option<Instant>,
    last_message: Option<Instant>,
    messages: usize,
    /// Requests to be answered now, because a later one brought more than `http_wait`.
    superseded: usize,
    /// Its time came and was told.
    overdue: bool,
}

impl LongPoll {
    pub(super) fn new(wait_max_ms: u32) -> Self {
        Self {
            wait_max_ms,
            wait: None,
            requested: None,
            first_message: None,
            last_message: None,
            messages: 0,
            superseded: 0,
            overdue: false,
        }
    }

    /// A request came; its `http_wait` is not read yet.
    pub(super) fn request(&mut self, now: Instant) {
        self.requested = Some(now);
        self.wait = None;
    }

    /// It said how long it wants to be held.
    pub(super) fn hold(&mut self, wait: HttpWait) {
        self.wait = Some(wait);
    }

    /// The packet of the newest request was read; this is its body.
    pub(super) fn read(&mut self, body: &[u8], open_requests: usize) {
        if constructor(body) != Some(types::HttpWait::ID) {
            self.superseded = open_requests.saturating_sub(1);
        }
    }

    /// So many messages wait to leave.
    pub(super) fn observe(&mut self, now: Instant, messages: usize) {
        if messages == 0 {
            self.forget_messages();
        } else if messages > self.messages || self.first_message.is_none() {
            self.first_message.get_or_insert(now);
            self.last_message = Some(now);
        }
        self.messages = messages;
    }

    /// A request was answered: what gathers now gathers for the next one.
    pub(super) fn answered(&mut self) {
        self.superseded = self.superseded.saturating_sub(1);
        self.overdue = false;
        self.forget_messages();
    }

    fn forget_messages(&mut self) {
        self.first_message = None;
        self.last_message = None;
        self.messages = 0;
    }

    /// When the request must be answered, while calls of its packet run or when none does (any
    /// more); `None` when that has been told already.
    pub(super) fn due(&self, calls_run: bool) -> Option<Instant> {
        let gathers = calls_run && self.wait.is_none();
        let wait = self.wait.unwrap_or(DEFAULT);
        let max = Duration::from_millis(u64::from(self.wait_max_ms));
        let after =
            |since: Option<Instant>, wait: Duration| since.map(|at| at.after(wait.min(max)));
        let company = after(self.first_message, wait.max_delay).filter(|_| !gathers);
        let quiet = after(self.last_message, wait.wait_after).filter(|_| !gathers);
        let silence = after(self.requested, wait.max_wait);
        [company, quiet, silence].into_iter().flatten().min().filter(|_| !self.overdue)
    }

    /// Whether the oldest of the open requests must be answered now.
    pub(super) fn is_due(&self, now: Instant, calls_run: bool) -> bool {
        self.superseded > 0 || self.overdue || self.due(calls_run).is_some_and(|due| due <= now)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, calls_run: bool) {
        self.overdue |= self.due(calls_run).is_some_and(|due| due <= now);
    }
}
