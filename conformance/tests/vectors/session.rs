//! containers.json, gzip.json, bad_msg.json: both halves of a session.

use super::read::{auth_key, bytes, file, int, list, long, msg_id};
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_conformance::script::Script;
use odnix_proto::envelope::{self, Header, Opened, Side};
use odnix_proto::limits::Limits;
use odnix_proto::session::{
    ClientSession, ClientSessionEvent, FirstSalt, ServerKey, ServerSession, ServerSessionEvent,
    Timings,
};
use odnix_proto::{AuthKey, Instant, MsgId, Now, Received, Secret, Seed, UnixTime};
use odnix_tl::mtproto::types::{BadMsgNotification, BadServerSalt, RpcResult};
use odnix_tl::{Decode, Encode, Raw};
use serde_json::Value;

/// A server's session in the state the file describes.
struct Session {
    key: AuthKey,
    session_id: i64,
    salt: i64,
    now: Now,
    server: ServerSession,
}

fn seal(key: &AuthKey, from: Side, header: &Header, body: &[u8]) -> Opened {
    let mut packet = BytesMut::new();
    let mut script = Script::new(vec![0; 64]);
    envelope::seal(key, from, header, body, &mut script, &mut packet).unwrap();
    envelope::open(key, from, packet).unwrap()
}

impl Session {
    fn new(session: &Value, limits: Limits) -> Self {
        let key = auth_key(&session["auth_key"]);
        let time = UnixTime::from_secs(session["unix_time"].as_u64().unwrap());
        let salt = long(&session["server_salt"]);
        let valid_until = time.after(Duration::from_secs(60));
        let server_key = ServerKey {
            auth_key: key.clone(),
            first_salt: Some(FirstSalt { salt, valid_until }),
            expires_at: None,
            bound_to: None,
            dc: 1,
        };
        let session_id = long(&session["session_id"]);
        let server = ServerSession::new(
            &server_key,
            session_id,
            Secret::init(|secret| secret.fill(4)),
            Seed::for_testing(5),
            limits,
            Timings::default(),
        );
        Self { key, session_id, salt, now: Now::new(Instant::from_micros(0), time), server }
    }

    fn receive(&mut self, salt: i64, msg_id: MsgId, seq_no: i32, body: &[u8]) -> Received {
        let header = Header { salt, session_id: self.session_id, msg_id, seq_no };
        let opened = seal(&self.key, Side::Client, &header, body);
        self.server.handle_opened(self.now, opened)
    }

    fn receive_json(&mut self, salt: i64, message: &Value) -> Received {
        let (msg_id, seq_no) = (msg_id(&message["msg_id"]), int(&message["seq_no"]));
        self.receive(salt, msg_id, seq_no, &bytes(&message["body"]))
    }

    fn calls(&mut self) -> Vec<(MsgId, Bytes)> {
        let events = std::iter::from_fn(|| self.server.poll_event());
        let calls = events.filter_map(|event| match event {
            ServerSessionEvent::Call { call, body, .. } => Some((call.into(), body)),
            _ => None,
        });
        calls.collect()
    }

    /// The data of all packets the server sends now.
    fn sent(&mut self) -> Vec<Bytes> {
        let mut sent = Vec::new();
        let mut packet = BytesMut::new();
        while self.server.poll_transmit(self.now, &mut packet) {
            sent.push(envelope::open(&self.key, Side::Server, packet.split()).unwrap().data);
        }
        sent
    }
}

#[test]
fn of_each_container_the_same_calls_run_and_the_same_messages_are_refused() {
    let vectors = file("containers");
    for case in list(&vectors["cases"]) {
        let mut session = Session::new(&vectors["session"], Limits::default());
        session.receive_json(session.salt, case);
        let calls: Vec<(MsgId, Bytes)> = case["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| (msg_id(&call["msg_id"]), bytes(&call["body"]).into()))
            .collect();
        assert_eq!(session.calls(), calls, "{}", case["name"]);
        let notices = session.sent().into_iter().filter_map(|data| {
            let notice = BadMsgNotification::from_bytes(data).ok()?;
            Some((notice.bad_msg_id, notice.error_code))
        });
        let expected: Vec<(i64, i32)> = case["notices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|notice| (long(&notice["bad_msg_id"]), int(&notice["code"])))
            .collect();
        assert_eq!(notices.collect::<Vec<_>>(), expected, "{}", case["name"]);
    }
}

/// The client's half under the same key, whose first call is under way.
fn client_with_a_call(session: &Value, limits: Limits) -> (ClientSession, Now, AuthKey, MsgId) {
    let key = auth_key(&session["auth_key"]);
    let time = UnixTime::from_secs(session["unix_time"].as_u64().unwrap());
    let now = Now::new(Instant::from_micros(0), time);
    let mut client = ClientSession::new(None, Seed::for_testing(6), limits, Timings::default());
    client.use_key(key.clone(), long(&session["server_salt"]));
    client.transport_connected(now);
    client.call(Bytes::from_static(&[1, 2, 3, 4])).unwrap();
    let mut packet = BytesMut::new();
    assert!(client.poll_transmit(now, &mut packet));
    let data = envelope::open(&key, Side::Client, packet).unwrap();
    // Alone, or in a container with a ping: the call is the last message.
    let msg_id = match data.data.len() {
        4 => data.header.msg_id,
        _ => {
            let at = data.data.windows(4).rposition(|window| window == [1, 2, 3, 4]).unwrap();
            let msg_id = data.data[at - 16..at - 8].try_into().unwrap();
            MsgId::from_i64(i64::from_le_bytes(msg_id))
        }
    };
    (client, now, key, msg_id)
}

#[test]
fn packed_queries_run_and_packed_results_are_read() {
    let vectors = file("gzip");
    let inflate_bytes_max =
        usize::try_from(vectors["inflate_bytes_max"].as_u64().unwrap()).unwrap();
    let limits = Limits { inflate_bytes_max, ..Limits::default() };
    for case in list(&vectors["cases"]) {
        let body = bytes(&case["body"]);
        let expected = (!case["plain"].is_null()).then(|| bytes(&case["plain"]));
        let mut session = Session::new(&vectors["session"], limits.clone());
        let time = session.now.wall.as_secs();
        let msg_id = MsgId::from_i64(i64::try_from(time).unwrap() << 32 | 4);
        let received = session.receive(session.salt, msg_id, 1, &body);
        let plain = session.calls().pop().map(|(_, body)| body.to_vec());
        assert_eq!(plain, expected, "{}", case["name"]);
        assert_eq!(received == Received::Accepted, expected.is_some(), "{}", case["name"]);

        let (mut client, now, key, call) = client_with_a_call(&vectors["session"], limits.clone());
        let result = RpcResult { req_msg_id: call.as_i64(), result: Raw(body.into()) };
        let header = Header {
            salt: session.salt,
            session_id: client.session_id().unwrap(),
            msg_id: MsgId::from_i64(call.as_i64() + 1),
            seq_no: 1,
        };
        let opened = seal(&key, Side::Server, &header, &result.to_bytes().unwrap());
        client.handle_opened(now, opened);
        let results = std::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
            ClientSessionEvent::Reply { result, .. } => Some(result),
            _ => None,
        });
        let read = results.expect("the call ended").ok().map(|body| body.to_vec());
        assert_eq!(read, expected, "{} as a result", case["name"]);
    }
}

#[test]
fn each_message_is_answered_by_its_notice() {
    let vectors = file("bad_msg");
    let mut codes = Vec::new();
    for case in list(&vectors["cases"]) {
        let received_ids_max = usize::try_from(case["received_ids_max"].as_u64().unwrap()).unwrap();
        let limits = Limits { received_ids_max, ..Limits::default() };
        let mut session = Session::new(&vectors["session"], limits);
        for message in case["before"].as_array().unwrap() {
            session.receive_json(session.salt, message);
        }
        session.calls();
        session.sent();
        session.receive_json(long(&case["salt"]), &case["message"]);
        let runs = !session.calls().is_empty();
        assert_eq!(runs, case["runs"].as_bool().unwrap(), "{}", case["name"]);
        let sent = session.sent();
        let notice = &case["notice"];
        let found = sent.iter().find_map(|data| read_notice(data).map(|read| (read, data)));
        assert_eq!(found.is_some(), !notice.is_null(), "{}", case["name"]);
        if let Some(((bad_msg_id, bad_msg_seqno, error_code), data)) = found {
            assert_eq!(bad_msg_id, long(&notice["bad_msg_id"]), "{}", case["name"]);
            assert_eq!(bad_msg_seqno, int(&notice["bad_msg_seqno"]), "{}", case["name"]);
            assert_eq!(error_code, int(&notice["error_code"]), "{}", case["name"]);
            assert!(data.starts_with(&bytes(&notice["starts_with"])), "{}", case["name"]);
            codes.push(error_code);
        }
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [16, 17, 18, 19, 20, 32, 33, 34, 35, 48, 64], "every code has a case");
}

fn read_notice(data: &Bytes) -> Option<(i64, i32, i32)> {
    if let Ok(notice) = BadMsgNotification::from_bytes(data.clone()) {
        return Some((notice.bad_msg_id, notice.bad_msg_seqno, notice.error_code));
    }
    let notice = BadServerSalt::from_bytes(data.clone()).ok()?;
    Some((notice.bad_msg_id, notice.bad_msg_seqno, notice.error_code))
}
