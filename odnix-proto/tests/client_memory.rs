//! A hostile server and an embedder that takes no events: the session holds no more than the sum
//! its limits add up to. One test, in a process of its own, under an allocator that counts.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::{Bytes, BytesMut};
use common::{echo, key, seal, server_id, start};
use odnix_proto::{
    AuthKey, Now, Seed,
    envelope::{self, Header, Side},
    limits::Limits,
    session::{ClientSession, Timings},
};
use odnix_tl::{Encode, Raw, mtproto::types};
use peak_alloc::PeakAlloc;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Small bounds, so that what is not bounded shows.
fn limits() -> Limits {
    Limits {
        packet_bytes_max: 64 << 10,
        inflate_bytes_max: 64 << 10,
        container_messages_max: 64,
        ids_max: 512,
        received_ids_max: 128,
        sent_max: 128,
        sent_bytes_max: 32 << 10,
        calls_max: 16,
        calls_bytes_max: 64 << 10,
        events_max: 128,
        events_bytes_max: 128 << 10,
        service_queue_max: 64,
        notices_bytes_max: 16 << 10,
        quick_acks_max: 16,
        ..Limits::default()
    }
}

struct Hostile {
    key: AuthKey,
    client: ClientSession,
    now: Now,
    fine: u32,
    /// The ids of the client's last messages.
    known: Vec<i64>,
    request: i64,
}

impl Hostile {
    fn new() -> Self {
        let key = key(7);
        let mut client =
            ClientSession::new(None, Seed::for_testing(1), limits(), Timings::default());
        client.ask_for_quick_acks();
        client.use_key(key.clone(), 1);
        client.transport_connected(start());
        Self { key, client, now: start(), fine: 0, known: Vec::new(), request: 0 }
    }

    fn says(&mut self, seq_no: i32, body: &[u8]) {
        self.fine += 1;
        let msg_id = server_id(self.now.wall, self.fine);
        let session_id = self.client.session_id().unwrap();
        let header = Header { salt: 1, session_id, msg_id, seq_no };
        let packet = seal(&self.key, Side::Server, header, body);
        let opened = envelope::open(&self.key, Side::Server, packet).unwrap();
        self.client.handle_opened(self.now, opened);
    }

    /// What the client sends is looked at and thrown away.
    fn read(&mut self) {
        let mut out = BytesMut::new();
        while self.client.poll_transmit(self.now, &mut out) {
            let opened = envelope::open(&self.key, Side::Client, out.split()).unwrap();
            self.known.push(opened.header.msg_id.as_i64());
            self.request = opened.header.msg_id.as_i64();
        }
        let len = self.known.len();
        self.known.drain(..len.saturating_sub(64));
    }

    /// Small updates, each in a packet that is large because of something else.
    fn small_in_large(&mut self) {
        let packet = container(self.now, self.fine, &echo(b"u"), 60_000);
        self.fine += 4;
        self.says(2, &packet);
    }

    fn round(&mut self, number: u32, read: bool) {
        for _ in 0..limits().calls_max {
            let _ = self.client.call(echo(&[number as u8; 3000]));
        }
        if read {
            self.read();
        }
        let session = types::NewSessionCreated {
            first_msg_id: 5,
            unique_id: i64::from(number) * 7 + 1,
            server_salt: 3,
        };
        self.says(1, &session.to_bytes().unwrap());
        let ids: Vec<i64> = (0..500).map(|n| n * 4 + 1).collect();
        self.says(0, &types::MsgsStateReq { msg_ids: ids.clone() }.to_bytes().unwrap());
        self.says(0, &types::MsgResendReq { msg_ids: self.known.clone() }.to_bytes().unwrap());
        self.says(0, &types::MsgResendReq { msg_ids: ids.clone() }.to_bytes().unwrap());
        for id in ids.iter().take(8) {
            let info = types::MsgNewDetailedInfo { answer_msg_id: *id, bytes: 9, status: 0 };
            self.says(0, &info.to_bytes().unwrap());
        }
        let answer = types::RpcResult {
            req_msg_id: self.request,
            result: Raw(Bytes::from(vec![0x55; 32 << 10])),
        };
        self.says(1, &answer.to_bytes().unwrap());
        self.says(1, &echo(&[9; 9000]));
        self.now = self.now.after(Duration::from_secs(3));
        self.client.handle_timeout(self.now);
        self.client.ping(i64::from(number));
        self.client.get_future_salts(64);
    }
}

/// Queues that nobody empties, full of the longest messages a server can bring about.
#[derive(Clone, Copy, Debug)]
enum Fill {
    /// `msgs_state_info`, a byte for each id asked about.
    States,
    /// `msg_resend_ans_req`, eight bytes for each answer that is said to be there.
    Answers,
    /// `msg_resend_req`, many and short.
    Announced,
}

/// How many bytes of service messages are held, with all calls in the queue beside them.
fn filled(fill: Fill) -> usize {
    let mut hostile = Hostile::new();
    for _ in 0..limits().calls_max {
        hostile.client.call(echo(&[1; 3000])).unwrap();
    }
    hostile.read();
    let before = ALLOCATOR.current_usage();
    for number in 0..1000 {
        let msg_ids = match fill {
            Fill::Answers => hostile.known.repeat(512 / hostile.known.len()),
            _ => vec![5; limits().ids_max],
        };
        let body = match fill {
            Fill::States => types::MsgsStateReq { msg_ids }.to_bytes(),
            Fill::Answers => {
                let info = Bytes::from(vec![4 + 64; msg_ids.len()]);
                types::MsgsAllInfo { msg_ids, info }.to_bytes()
            }
            Fill::Announced => {
                let answer_msg_id = (number + 1) * 4 + 1;
                types::MsgNewDetailedInfo { answer_msg_id, bytes: 9, status: 0 }.to_bytes()
            }
        };
        hostile.says(0, &body.unwrap());
    }
    ALLOCATOR.current_usage() - before
}

/// A small update and a large junk message in one container.
fn container(now: Now, fine: u32, update: &[u8], junk_len: usize) -> Vec<u8> {
    let junk = types::Pong { msg_id: 1, ping_id: 2 }.to_bytes().unwrap();
    let mut junk = junk.to_vec();
    junk.resize(junk_len, 0);
    let mut body = 0x73f1_f8dc_u32.to_le_bytes().to_vec();
    body.extend(2_u32.to_le_bytes());
    for (step, inner) in [update, &junk].into_iter().enumerate() {
        // Below the container's own id, which the caller draws next.
        let id = server_id(now.wall, fine + 1 + step as u32).as_i64();
        body.extend(id.to_le_bytes());
        body.extend(1_u32.to_le_bytes());
        body.extend((inner.len() as u32).to_le_bytes());
        body.extend(inner);
    }
    body
}

#[test]
fn client_session_stays_within_the_sum_of_its_limits() {
    let sum = limits().client_session_bytes_max();
    assert!(sum < 2 << 20, "{sum}: small enough to show what is not bounded");
    let entries = (limits().service_queue_max + limits().received_ids_max * 2) * 256;
    let services = limits().notices_bytes_max + entries;
    for fill in [Fill::States, Fill::Answers, Fill::Announced] {
        let held = filled(fill);
        assert!(held <= services, "{fill:?}: {held} of {services} bytes");
    }
    for read in [true, false] {
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let mut hostile = Hostile::new();
        for _ in 0..200 {
            hostile.small_in_large();
        }
        for number in 0..600 {
            hostile.round(number, read);
        }
        let held = ALLOCATOR.current_usage().saturating_sub(before);
        let peak = ALLOCATOR.peak_usage().saturating_sub(before);
        assert!(held <= sum, "{held} of {sum} bytes held, read: {read}");
        // The packets that this test makes are counted with the session.
        assert!(peak <= sum + (512 << 10), "{peak} of {sum} bytes at the peak, read: {read}");
        assert!(held > sum / 50, "{held} of {sum}: the test fills something");
    }
}
