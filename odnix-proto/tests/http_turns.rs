//! The turns that connections take over HTTP: when a request is held, and when it is answered.

#[allow(dead_code, reason = "shared helpers")]
mod common;
#[allow(dead_code, reason = "shared helpers")]
mod link;

use bytes::{Bytes, BytesMut};
use common::{client_id, echo, seal};
use core::time::Duration;
use link::{Link, client_config};
use odnix_proto::{
    AuthKey, FramingFault, HttpFault, MsgId, Now, PeerError, Seed, client,
    envelope::{self, Header, Side},
    limits::Limits,
    server::{self, ServerKey, SessionEvent},
    session::{CallId, FirstSalt},
    transport::Framing,
};
use odnix_tl::{
    Constructor, Encode,
    mtproto::{
        functions::{Ping, RpcDropAnswer},
        types::{HttpWait, RpcResult},
    },
};
use std::sync::Arc;

fn seed(number: u64) -> Seed {
    Seed::for_testing(number)
}

fn link() -> Link {
    let client = client::Connection::new(client_config(Framing::Http, false), seed(1));
    let mut link = Link::new(client, false);
    link.connect();
    link
}

/// A link whose session is settled and whose one request the server holds.
fn held() -> Link {
    let mut link = link();
    link.client.call(echo(b"first")).unwrap();
    link.settle();
    // Acknowledgements leave, too.
    link.pass(Duration::from_secs(2));
    link.settle();
    assert_eq!(requests(&mut link), 0, "nothing moves");
    link
}

/// How many requests leave the client now; they stay under way.
fn requests(link: &mut Link) -> usize {
    let before = count(&link.up, b"POST ");
    while link.client_sends() {}
    count(&link.up, b"POST ") - before
}

/// How many answers leave the server now; they stay under way.
fn answers(link: &mut Link) -> usize {
    let before = count(&link.down, b"HTTP/1.1 200 OK");
    while link.server_sends() {}
    count(&link.down, b"HTTP/1.1 200 OK") - before
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}

fn push(link: &mut Link) {
    link.server.as_mut().unwrap().session().unwrap().push(echo(b"news")).unwrap();
}

#[test]
fn a_push_answers_the_request_that_is_held_and_another_takes_its_place() {
    let mut link = held();
    for number in 1..=5 {
        push(&mut link);
        assert_eq!(answers(&mut link), 1);
        assert!(link.deliver());
        assert!(link.embed());
        assert_eq!(link.updates, number);
        assert_eq!(requests(&mut link), 1, "the next request is open at once");
        assert!(link.deliver());
        assert_eq!(answers(&mut link), 0, "and held");
    }
}

#[test]
fn a_request_with_nothing_to_say_is_answered_after_25_seconds() {
    let mut link = held();
    let due = link.server.as_ref().unwrap().poll_timeout().unwrap();
    let left = due.since(link.now.mono);
    assert!(left > Duration::from_secs(20) && left <= Duration::from_secs(25), "{left:?}");
    assert!(link.pass(left - Duration::from_micros(1)));
    assert_eq!(answers(&mut link), 0);
    assert!(link.pass(Duration::from_micros(1)));
    let after = link.server.as_ref().unwrap().poll_timeout();
    assert!(after.is_none_or(|after| after > link.now.mono), "what was due is told once");
    assert_eq!(answers(&mut link), 1);
    assert!(link.deliver());
    assert_eq!(requests(&mut link), 1, "the client asks again");
    assert!(link.deliver());
    assert_eq!(answers(&mut link), 0);
}

#[test]
fn a_client_stays_alive_on_empty_answers_alone() {
    let mut link = held();
    for _ in 0..60 {
        assert!(link.pass(Duration::from_secs(5)), "never silent for too long");
        link.settle();
    }
}

#[test]
fn a_call_leaves_at_once_and_has_the_held_request_answered() {
    let mut link = held();
    let call = link.client.call(echo(b"now")).unwrap();
    assert_eq!(requests(&mut link), 1, "beside the open one");
    assert!(link.deliver());
    assert_eq!(answers(&mut link), 1, "the first is answered before the call is");
    assert!(link.embed());
    assert_eq!(answers(&mut link), 1);
    assert!(link.deliver());
    assert!(link.embed());
    assert_eq!(link.replies[&call], [Ok(echo(b"now"))]);
}

#[test]
fn a_slow_call_is_answered_in_a_later_request() {
    let mut link = held();
    let call = link.client.call(echo(b"slow")).unwrap();
    requests(&mut link);
    assert!(link.deliver());
    // The embedder takes its time: acknowledgement and empty answers go on without it.
    for _ in 0..8 {
        assert!(link.pass(Duration::from_secs(10)));
        answers(&mut link);
        assert!(link.deliver());
        requests(&mut link);
        assert!(link.deliver());
    }
    assert!(!link.replies.contains_key(&call));
    link.settle();
    assert_eq!(link.replies[&call], [Ok(echo(b"slow"))]);
    assert_eq!(link.backend.runs[&echo(b"slow")], 1);
}

#[test]
fn a_session_that_moves_has_the_requests_it_leaves_behind_answered() {
    let mut link = held();
    let mut old = link.server.take().unwrap();
    assert!(old.poll_transmit(link.now, &mut link.down).is_none());
    let session = old.release_session(link.now).unwrap();
    link.backend.sessions.insert(session.reference(), session);
    assert_eq!(old.poll_transmit(link.now, &mut link.down).map(|_| ()), Some(()));
    assert_eq!(old.poll_transmit(link.now, &mut link.down), None, "one answer for one request");
    assert_eq!(link.client.receive(link.now, &mut link.down), Ok(()), "the client can read it");
    assert!(old.into_session().is_none());

    link.connect();
    let call = link.client.call(echo(b"elsewhere")).unwrap();
    link.settle();
    assert_eq!(link.replies[&call], [Ok(echo(b"elsewhere"))]);
}

#[test]
fn another_session_on_the_same_connection_has_the_first_ones_request_answered() {
    let mut link = held();
    let saved = link.client.saved_key(link.now).unwrap();
    let config = client_config(Framing::Http, false);
    let mut other = client::Connection::resume(config, seed(77), saved);
    other.transport_connected(link.now);
    let call = other.call(echo(b"other session, same socket")).unwrap();
    other.poll_transmit(link.now, &mut link.up).unwrap();
    let server = link.server.as_mut().unwrap();
    server.receive(link.now, &mut link.up).unwrap();
    assert!(link.embed());
    assert_eq!(answers(&mut link), 2, "the farewell of the first, the answer of the second");
    assert_eq!(link.backend.sessions.len(), 1);
    let at = link.down.len() - 1 - link.down.windows(4).rev().position(|w| w == b"HTTP").unwrap();
    let second = link.down.split_off(at - 3);
    assert_eq!(link.client.receive(link.now, &mut link.down), Ok(()), "the first is for the first");
    let mut second = BytesMut::from(&second[..]);
    other.receive(link.now, &mut second).unwrap();
    let _ = call;
}

#[test]
fn an_unknown_key_is_answered_by_status_404() {
    let mut link = held();
    link.backend.keys.clear();
    link.connect();
    link.client.call(echo(b"x")).unwrap();
    link.client_sends();
    link.deliver();
    assert!(!link.embed());
    assert!(link.server_sends());
    assert!(link.down.starts_with(b"HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(link.client.receive(link.now, &mut link.down), Err(PeerError::Transport(-404)));
    let mut events = core::iter::from_fn(|| link.client.poll_event());
    assert!(events.any(|event| matches!(event, client::Event::KeyUnknown(_))));
}

#[test]
fn a_malformed_request_is_told_so_before_the_connection_ends() {
    let mut link = link();
    let server = link.server.as_mut().unwrap();
    let mut bytes = BytesMut::from("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let not_allowed = PeerError::Framing(FramingFault::Http(HttpFault::NotAllowed));
    assert_eq!(server.receive(link.now, &mut bytes), Err(not_allowed));
    assert!(server.poll_transmit(link.now, &mut link.down).is_some());
    assert!(link.down.starts_with(b"HTTP/1.1 405 "));
    assert!(server.poll_transmit(link.now, &mut link.down).is_none());
}

#[test]
fn a_client_never_has_more_requests_open_than_a_server_takes() {
    let mut link = held();
    let mut open = 1;
    for number in 0..100_u32 {
        link.client.call(echo(&number.to_le_bytes())).unwrap();
        open += requests(&mut link);
    }
    assert_eq!(open, 16);
    assert!(link.deliver());
    link.settle();
    assert_eq!(link.client.session().open_calls(), 0);
    assert!(link.replies.values().all(|replies| replies.len() == 1));
}

#[test]
fn what_a_call_needs_beyond_one_packet_leaves_in_more_requests() {
    let mut link = held();
    let large: Bytes = echo(&vec![0xa5; 3 << 20]);
    let noise: Vec<u8> = (0..1_500_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(1 << 20)
        .collect();
    let calls =
        [link.client.call(large), link.client.call(echo(&noise)), link.client.call(echo(&noise))];
    link.settle();
    for call in calls {
        assert!(matches!(link.replies[&call.unwrap()][..], [Ok(_)]));
    }
}

#[test]
fn a_client_that_keeps_two_requests_waiting_is_not_answered_without_end() {
    let mut hand = ByHand::new();
    let wait = HttpWait { max_delay: 0, wait_after: 0, max_wait: 10_000 }.to_bytes().unwrap();
    hand.request(&wait);
    hand.request(&wait);
    assert!(!hand.is_answered());
    hand.now = hand.now.after(Duration::from_secs(10));
    assert!(hand.is_answered(), "its time is up");
    hand.request(&wait);
    assert!(!hand.is_answered());
    hand.request(&Ping { ping_id: 2 }.to_bytes().unwrap());
    assert!(hand.is_answered() && hand.is_answered(), "but one that brings something is");
    assert!(!hand.is_answered());
}

/// A server, and a client made by hand so that it can ask for anything.
struct ByHand {
    server: server::Connection,
    key: AuthKey,
    now: Now,
    sent: u32,
    calls: i32,
}

const SALT: i64 = 5;

impl ByHand {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let (key, now) = (common::key(9), common::start());
        let mut config = (*link::server_config(false)).clone();
        change(Arc::make_mut(&mut config.limits));
        let server = server::Connection::new(Arc::new(config), seed(1));
        let mut hand = Self { server, key, now, sent: 0, calls: 0 };
        hand.request(&Ping { ping_id: 1 }.to_bytes().unwrap());
        while let Some(event) = hand.server.poll_event() {
            match event {
                server::Event::KeyWanted(id) => {
                    let valid_until = now.wall.after(Duration::from_secs(3600));
                    let first_salt = Some(FirstSalt { salt: SALT, valid_until });
                    let auth_key = hand.key.clone();
                    let key =
                        ServerKey { auth_key, first_salt, expires_at: None, dc: 2, bound_to: None };
                    hand.server.provide_key(now, id, Some(key)).unwrap();
                }
                server::Event::SessionWanted(wanted) => {
                    hand.server.provide_session(now, wanted, None).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(hand.is_answered());
        hand
    }

    fn next_id(&mut self) -> MsgId {
        self.sent += 1;
        client_id(self.now.wall, self.sent)
    }

    fn request(&mut self, body: &[u8]) {
        let header =
            Header { salt: SALT, session_id: 1, msg_id: self.next_id(), seq_no: 2 * self.calls };
        self.post(&seal(&self.key, Side::Client, header, body));
    }

    fn post(&mut self, packet: &[u8]) {
        let head =
            format!("POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", packet.len());
        let mut wire = BytesMut::from(&[head.as_bytes(), packet].concat()[..]);
        self.server.receive(self.now, &mut wire).unwrap();
    }

    /// A request with so many calls, and `others` beside them.
    fn request_calls(&mut self, calls: u8, others: &[Bytes]) -> Vec<CallId> {
        let queries = (0..calls).map(|number| (true, echo(&[number])));
        let messages = queries.chain(others.iter().map(|body| (false, body.clone())));
        let mut packed = Vec::new();
        for (content, body) in messages {
            packed.extend(self.next_id().as_i64().to_le_bytes());
            packed.extend((2 * self.calls + i32::from(content)).to_le_bytes());
            packed.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            packed.extend(&body);
            self.calls += i32::from(content);
        }
        let count = u32::from(calls) + u32::try_from(others.len()).unwrap();
        let head = [0x73f1_f8dc_u32.to_le_bytes(), count.to_le_bytes()].concat();
        self.request(&[head, packed].concat());
        core::iter::from_fn(|| self.server.poll_event())
            .map(|event| match event {
                server::Event::Session(SessionEvent::Call { call, .. }) => call,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn reply(&mut self, call: CallId) {
        self.server.session().unwrap().reply(call, echo(b"done")).unwrap();
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        self.server.handle_timeout(self.now).unwrap();
    }

    fn is_answered(&mut self) -> bool {
        self.server.poll_transmit(self.now, &mut BytesMut::new()).is_some()
    }

    /// The next answer, if there is one: how many results are in it.
    fn results(&mut self) -> Option<usize> {
        let mut wire = BytesMut::new();
        self.server.poll_transmit(self.now, &mut wire)?;
        let head = wire.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let opened = envelope::open(&self.key, Side::Server, wire.split_off(head)).unwrap();
        Some(count(&opened.data, &RpcResult::ID.to_le_bytes()))
    }

    /// After how many milliseconds a request with this `http_wait` is answered, when pushes come
    /// at these.
    fn answered_after_ms(mut self, wait: [i32; 3], pushes: &[u64]) -> u64 {
        let [max_delay, wait_after, max_wait] = wait;
        self.request(&HttpWait { max_delay, wait_after, max_wait }.to_bytes().unwrap());
        let start = self.now.mono;
        let mut pushes = pushes.iter().copied().peekable();
        loop {
            if self.is_answered() {
                return u64::try_from(self.now.mono.since(start).as_millis()).unwrap();
            }
            let due = self.server.poll_timeout().expect("a held request has its time");
            let next = pushes.peek().map(|at| start.after(Duration::from_millis(*at)));
            let until = next.unwrap_or(due).min(due);
            self.now = self.now.after(until.since(self.now.mono));
            self.server.handle_timeout(self.now).unwrap();
            if next == Some(until) {
                pushes.next();
                self.server.session().unwrap().push(echo(b"news")).unwrap();
            }
        }
    }
}

#[test]
fn http_wait_bounds_how_long_the_server_holds_a_request() {
    let cases: [([i32; 3], &[u64], u64); 13] = [
        ([0, 0, 25_000], &[], 25_000),
        ([0, 0, 25_000], &[1000], 1000),
        ([0, 0, 3000], &[], 3000),
        ([0, 0, 0], &[], 0),
        ([-1, -1, -1], &[], 0),
        // Messages gather: until none came for 100 ms, or the first is 500 ms old.
        ([500, 100, 25_000], &[1000], 1100),
        ([500, 100, 25_000], &[1000, 1090], 1190),
        ([500, 100, 25_000], &[1000, 1090, 1180, 1270, 1360, 1450, 1540], 1500),
        ([50, 100, 25_000], &[1000], 1050),
        ([10_000, 10_000, 2000], &[1000], 2000),
        // What it may ask for is bounded: 60 s.
        ([0, 0, 60_000], &[], 60_000),
        ([0, 0, 60_001], &[], 60_000),
        ([i32::MAX, i32::MAX, i32::MAX], &[1000], 60_000),
    ];
    for (wait, pushes, expected) in cases {
        let after = ByHand::new().answered_after_ms(wait, pushes);
        assert_eq!(after, expected, "{wait:?} {pushes:?}");
    }
    for asked in [200, 201] {
        let hand = ByHand::with(|limits| limits.http_wait_max_ms = 200);
        assert_eq!(hand.answered_after_ms([0, 0, asked], &[]), 200);
    }
}

#[test]
fn a_request_without_http_wait_is_held_for_25_seconds() {
    let mut hand = ByHand::new();
    hand.request(&HttpWait { max_delay: 0, wait_after: 0, max_wait: 1 }.to_bytes().unwrap());
    hand.request(&odnix_tl::mtproto::types::MsgsAck { msg_ids: vec![1] }.to_bytes().unwrap());
    assert!(hand.is_answered(), "the first, because a second came");
    let due = hand.server.poll_timeout().unwrap();
    assert_eq!(due.since(hand.now.mono), Duration::from_secs(25), "and asked for nothing");
}

#[test]
fn a_request_without_http_wait_is_answered_when_all_its_calls_are() {
    let mut hand = ByHand::new();
    let calls = hand.request_calls(3, &[Ping { ping_id: 2 }.to_bytes().unwrap()]);
    assert_eq!(hand.results(), None, "the pong waits for them as well");
    for call in &calls[..2] {
        hand.reply(*call);
        hand.pass(Duration::from_secs(5));
        assert_eq!(hand.results(), None, "as do their acknowledgements");
    }
    hand.reply(calls[2]);
    assert!(hand.server.poll_timeout().is_some_and(|due| due <= hand.now.mono), "now it is due");
    assert_eq!(hand.results(), Some(3));

    hand.request(&Ping { ping_id: 3 }.to_bytes().unwrap());
    assert_eq!(hand.results(), Some(0), "without calls there is nothing to wait for");
}

#[test]
fn calls_that_run_for_too_long_keep_the_answers_of_others_for_25_seconds() {
    let mut hand = ByHand::with(|limits| limits.http_wait_max_ms = 60_000);
    let mut short = ByHand::with(|limits| limits.http_wait_max_ms = 3000);
    for (hand, seconds) in [(&mut hand, 25), (&mut short, 3)] {
        let calls = hand.request_calls(2, &[]);
        hand.reply(calls[0]);
        hand.pass(Duration::from_secs(seconds) - Duration::from_micros(1));
        assert_eq!(hand.results(), None);
        hand.pass(Duration::from_micros(1));
        assert_eq!(hand.results(), Some(1));
        hand.reply(calls[1]);
        assert_eq!(hand.results(), None, "no request is open");
        hand.request(&Ping { ping_id: 3 }.to_bytes().unwrap());
        assert_eq!(hand.results(), Some(1), "the next one has the rest");
    }
}

#[test]
fn only_calls_of_the_newest_request_that_run_keep_its_answer() {
    // What its http_wait says is what counts.
    let mut hand = ByHand::new();
    let wait = HttpWait { max_delay: 0, wait_after: 0, max_wait: 25_000 }.to_bytes().unwrap();
    let calls = hand.request_calls(2, &[wait]);
    hand.reply(calls[0]);
    assert_eq!(hand.results(), Some(1));
    // A later request that brings more has the first one answered, and waits for its own.
    let later = hand.request_calls(2, &[]);
    hand.reply(later[0]);
    hand.reply(calls[1]);
    assert_eq!(hand.results(), None);
    hand.reply(later[1]);
    assert_eq!(hand.results(), Some(3));
    // A call whose answer nobody wants any more.
    let dropped = hand.request_calls(1, &[]);
    let req_msg_id = MsgId::from(dropped[0]).as_i64();
    let drop = RpcDropAnswer { req_msg_id }.to_bytes().unwrap();
    assert!(hand.request_calls(0, &[drop]).is_empty());
    assert_eq!(hand.results(), Some(1));
}

#[test]
fn a_request_that_brings_no_calls_waits_for_those_of_the_request_before() {
    let mut hand = ByHand::new();
    let calls = hand.request_calls(2, &[]);
    hand.request(&odnix_tl::mtproto::types::MsgsAck { msg_ids: vec![1] }.to_bytes().unwrap());
    assert_eq!(hand.results(), Some(0), "the first request, because a second came");
    hand.reply(calls[0]);
    assert_eq!(hand.results(), None, "nothing would fetch the other answer");
    hand.reply(calls[1]);
    assert_eq!(hand.results(), Some(2));
}

#[test]
fn a_call_that_runs_and_is_sent_again_keeps_the_answer_of_its_new_request() {
    let mut hand = ByHand::new();
    let calls = hand.request_calls(1, &[]);
    // The same message, alone in a packet.
    let msg_id = MsgId::from(calls[0]);
    let header = Header { salt: SALT, session_id: 1, msg_id, seq_no: 1 };
    hand.post(&seal(&hand.key, Side::Client, header, &echo(&[0])));
    assert_eq!(hand.results(), Some(0), "the first request, because a second came");
    hand.pass(Duration::from_secs(5));
    assert_eq!(hand.results(), None);
    hand.reply(calls[0]);
    assert_eq!(hand.results(), Some(1));
}
