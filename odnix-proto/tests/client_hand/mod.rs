//! A client session whose server is written by hand, one message at a time.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use crate::common::{Pair, echo, look, seal, server_id};
use bytes::Bytes;
use core::time::Duration;
use odnix_proto::{
    MsgId, Seed,
    envelope::{Header, Side},
    error::Received,
    limits::Limits,
    session::{CallId, ClientSession, Timings},
};
use odnix_tl::{Constructor, Encode, Raw, mtproto::types, odnix::functions::help::Echo};

pub const CONTAINER: u32 = 0x73f1_f8dc;
pub const ECHO: u32 = Echo::ID;

/// A settled client whose server is this test.
pub struct Hand {
    pub pair: Pair,
    pub fine: u32,
}

#[derive(Debug)]
pub struct Sent {
    pub outer: MsgId,
    pub msg_id: MsgId,
    pub seq_no: i32,
    pub body: Bytes,
}

impl Hand {
    pub fn new() -> Self {
        Self { pair: Pair::settled(), fine: 1 << 16 }
    }

    /// A client with limits of its own that has not spoken with anyone.
    pub fn with(limits: Limits) -> Self {
        let mut pair = Pair::settled();
        pair.client = ClientSession::new(None, Seed::for_testing(1), limits, Timings::default());
        pair.client.use_key(pair.key.clone(), 1);
        pair.client.transport_connected(pair.now);
        Self { pair, fine: 1 << 16 }
    }

    /// Everything the client has to send, message by message.
    pub fn sent(&mut self) -> Vec<Sent> {
        let mut messages = Vec::new();
        while let Some(packet) = self.pair.client_sends() {
            let opened = look(&self.pair.key, Side::Client, &packet);
            let outer = opened.header.msg_id;
            if id_of(&opened.data) != CONTAINER {
                let Header { msg_id, seq_no, .. } = opened.header;
                messages.push(Sent { outer, msg_id, seq_no, body: opened.data });
                continue;
            }
            let mut at = 8;
            while at < opened.data.len() {
                let word = |at: usize| opened.data[at..at + 4].try_into().unwrap();
                let msg_id = i64::from_le_bytes(opened.data[at..at + 8].try_into().unwrap());
                let len = u32::from_le_bytes(word(at + 12)) as usize;
                messages.push(Sent {
                    outer,
                    msg_id: MsgId::from_i64(msg_id),
                    seq_no: i32::from_le_bytes(word(at + 8)),
                    body: opened.data.slice(at + 16..at + 16 + len),
                });
                at += 16 + len;
            }
        }
        messages
    }

    /// The one message of a kind that the client sends.
    pub fn only(&mut self, id: u32) -> Sent {
        let mut found: Vec<Sent> =
            self.sent().into_iter().filter(|sent| id_of(&sent.body) == id).collect();
        assert_eq!(found.len(), 1, "{id:08x}: {found:?}");
        found.remove(0)
    }

    pub fn says(&mut self, seq_no: i32, body: &[u8]) -> (MsgId, Received) {
        self.fine += 1;
        let msg_id = server_id(self.pair.now.wall, self.fine);
        (msg_id, self.says_under(msg_id, seq_no, body))
    }

    pub fn says_under(&mut self, msg_id: MsgId, seq_no: i32, body: &[u8]) -> Received {
        let session_id = self.pair.client.session_id().unwrap();
        let header = Header { salt: 1, session_id, msg_id, seq_no };
        let packet = seal(&self.pair.key, Side::Server, header, body);
        self.pair.client_takes(packet)
    }

    pub fn answers(&mut self, request: MsgId, result: Bytes) -> Received {
        let body = types::RpcResult { req_msg_id: request.as_i64(), result: Raw(result) };
        self.says(1, &body.to_bytes().unwrap()).1
    }

    pub fn tells_states(&mut self, request: MsgId, states: &[u8]) -> Received {
        let info = Bytes::copy_from_slice(states);
        let body = types::MsgsStateInfo { req_msg_id: request.as_i64(), info };
        self.says(0, &body.to_bytes().unwrap()).1
    }

    /// A call that left, and how.
    pub fn call(&mut self, data: &[u8]) -> (CallId, Sent) {
        let call = self.pair.client.call(echo(data)).unwrap();
        (call, self.only(ECHO))
    }

    /// Time passes for the client alone.
    pub fn pass(&mut self, duration: Duration) {
        self.pair.now = self.pair.now.after(duration);
        self.pair.client.handle_timeout(self.pair.now);
    }
}

pub fn id_of(body: &[u8]) -> u32 {
    u32::from_le_bytes(body[..4].try_into().unwrap())
}
