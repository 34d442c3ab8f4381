//! Which requests run, and when: those that name others wait for them, and packets that were
//! taken once do not run a second time.

mod common;

use bytes::Bytes;
use common::hand::{Hand, exchange};
use odnix_proto::error::CODE_NOT_FOUND;
use odnix_proto::{MsgId, PeerError};
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::store::StoreError;
use odnix_server_ref::{Running, Server};
use odnix_tl::mtproto::{functions as mtproto, types};
use odnix_tl::odnix::functions;
use odnix_tl::odnix::types::help::Echoed;
use odnix_tl::{Decode, Encode, Raw};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(folder.path());
    change(&mut options);
    let server = Server::start(options).await.unwrap();
    (folder, server)
}

async fn client(server: &Running) -> Hand {
    let key = exchange(server, None).await;
    Hand::connect(server, &key, 1).await
}

fn echo(data: &'static [u8]) -> Raw {
    Raw(functions::help::Echo { data: Bytes::from_static(data) }.to_bytes().unwrap())
}

fn refused_query() -> Raw {
    Raw(functions::updates::GetState {}.to_bytes().unwrap())
}

async fn send_after(hand: &mut Hand, msg_id: MsgId, after: &[MsgId], query: Raw) {
    let msg_ids = after.iter().map(|id| id.as_i64()).collect();
    let body = functions::InvokeAfterMsgs { msg_ids, query }.to_bytes().unwrap();
    hand.send_as(msg_id, true, &body).await;
}

/// The next answer: to which request, and its echo or its refusal.
async fn next_answer(hand: &mut Hand) -> (MsgId, Result<Bytes, (i32, String)>) {
    let result: types::RpcResult = hand.next_of().await.unwrap();
    let body = result.result.0;
    let outcome = match types::RpcError::from_bytes(body.clone()) {
        Ok(error) => Err((error.error_code, error.error_message)),
        Err(_) => Ok(Echoed::from_bytes(body).unwrap().data),
    };
    (MsgId::from_i64(result.req_msg_id), outcome)
}

fn failed(code: i32, name: &str) -> Result<Bytes, (i32, String)> {
    Err((code, name.into()))
}

#[tokio::test]
async fn a_request_waits_for_those_it_names_and_holds_back_nobody() {
    let (_folder, server) = start_with(|_| {}).await;
    let mut hand = client(&server).await;
    let ids: Vec<MsgId> = (0..5).map(|_| hand.next_id()).collect();
    // The first waits for the second and the fourth, the second for the fourth.
    send_after(&mut hand, ids[0], &[ids[1], ids[3]], echo(b"0")).await;
    send_after(&mut hand, ids[1], &[ids[3]], echo(b"1")).await;
    hand.send_as(ids[2], true, &echo(b"2").0).await;
    assert_eq!(next_answer(&mut hand).await, (ids[2], Ok(Bytes::from_static(b"2"))));
    hand.send_as(ids[3], true, &echo(b"3").0).await;
    for (at, data) in [(3, b"3"), (1, b"1"), (0, b"0")] {
        assert_eq!(next_answer(&mut hand).await, (ids[at], Ok(Bytes::from_static(data))));
    }
    // Those that ran before need not be waited for.
    send_after(&mut hand, ids[4], &[ids[0], ids[2]], echo(b"4")).await;
    assert_eq!(next_answer(&mut hand).await, (ids[4], Ok(Bytes::from_static(b"4"))));
}

#[tokio::test]
async fn what_waits_for_a_request_that_fails_fails_too() {
    let (_folder, server) = start_with(|_| {}).await;
    let mut hand = client(&server).await;
    let ids: Vec<MsgId> = (0..4).map(|_| hand.next_id()).collect();
    send_after(&mut hand, ids[0], &[ids[1]], echo(b"0")).await;
    hand.send_as(ids[1], true, &refused_query().0).await;
    assert_eq!(next_answer(&mut hand).await.1, failed(401, "AUTH_KEY_UNREGISTERED"));
    assert_eq!(next_answer(&mut hand).await, (ids[0], failed(400, "MSG_WAIT_FAILED")));
    send_after(&mut hand, ids[2], &[ids[0]], echo(b"2")).await;
    assert_eq!(next_answer(&mut hand).await, (ids[2], failed(400, "MSG_WAIT_FAILED")));
}

#[tokio::test]
async fn what_waits_for_a_request_that_was_rolled_back_fails_too() {
    let fails = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&fails);
    let (_folder, server) = start_with(move |options| {
        options.store.before_commit = Some(Arc::new(move || {
            if armed.swap(false, Ordering::SeqCst) { Err(StoreError::NotCommitted) } else { Ok(()) }
        }));
    })
    .await;
    let mut hand = client(&server).await;
    ran(&mut hand).await;
    fails.store(true, Ordering::SeqCst);
    let (first, second) = (hand.next_id(), hand.next_id());
    hand.send_as(first, true, &echo(b"0").0).await;
    assert_eq!(next_answer(&mut hand).await, (first, failed(500, "INTERNAL")));
    send_after(&mut hand, second, &[first], echo(b"1")).await;
    assert_eq!(next_answer(&mut hand).await, (second, failed(400, "MSG_WAIT_FAILED")));
}

#[tokio::test]
async fn a_request_that_never_comes_is_waited_for_in_vain() {
    let patience = Duration::from_millis(300);
    let (_folder, server) =
        start_with(|options| options.gateway.request_wait_timeout = patience).await;
    let mut hand = client(&server).await;
    let ids: Vec<MsgId> = (0..4).map(|_| hand.next_id()).collect();
    send_after(&mut hand, ids[0], &[MsgId::from_i64(4)], echo(b"0")).await;
    send_after(&mut hand, ids[1], &[ids[0]], echo(b"1")).await;
    // Waiting for itself is waiting in vain as well.
    send_after(&mut hand, ids[2], &[ids[2]], echo(b"2")).await;
    hand.send_as(ids[3], true, &echo(b"3").0).await;
    // They end in no particular order.
    let mut answers = BTreeMap::new();
    for _ in 0..4 {
        let (request, answer) = next_answer(&mut hand).await;
        answers.insert(request, answer);
    }
    let timeout = failed(500, "MSG_WAIT_TIMEOUT");
    let wanted = [
        (ids[0], timeout.clone()),
        (ids[1], failed(400, "MSG_WAIT_FAILED")),
        (ids[2], timeout),
        (ids[3], Ok(Bytes::from_static(b"3"))),
    ];
    assert_eq!(answers, wanted.into());
}

#[tokio::test]
async fn requests_that_wait_are_bounded_and_a_server_that_stops_waits_for_none() {
    let (_folder, server) = start_with(|options| {
        options.gateway.waiting_requests_max = 2;
        options.gateway.request_wait_timeout = Duration::from_secs(3600);
    })
    .await;
    let mut hand = client(&server).await;
    let ids: Vec<MsgId> = (0..3).map(|_| hand.next_id()).collect();
    for id in &ids {
        send_after(&mut hand, *id, &[MsgId::from_i64(4)], echo(b"0")).await;
    }
    let timeout = failed(500, "MSG_WAIT_TIMEOUT");
    assert_eq!(next_answer(&mut hand).await, (ids[2], timeout.clone()), "one too many");
    let (_, told) = tokio::join!(server.shutdown(), async {
        [next_answer(&mut hand).await, next_answer(&mut hand).await]
    });
    assert_eq!(told, [(ids[0], timeout.clone()), (ids[1], timeout)]);
}

// --- replays ---

/// Runs one request in a session and gives its packet.
async fn ran(hand: &mut Hand) -> (MsgId, Vec<u8>) {
    let request = functions::help::Echo { data: Bytes::from_static(b"once") };
    let msg_id = hand.send(&request).await;
    hand.answer(msg_id).await.unwrap().unwrap();
    (msg_id, hand.last_packet.to_vec())
}

async fn is_too_old(hand: &mut Hand, msg_id: MsgId, packet: &[u8]) {
    hand.send_packet(packet).await;
    let notice: types::BadMsgNotification = hand.next_of().await.unwrap();
    assert_eq!((notice.bad_msg_id, notice.error_code), (msg_id.as_i64(), 20));
    // The same again under a new id runs.
    ran(hand).await;
}

#[tokio::test]
async fn a_packet_of_a_destroyed_session_does_not_run_again() {
    let (_folder, server) = start_with(|_| {}).await;
    let key = exchange(&server, None).await;
    let mut hand = Hand::connect(&server, &key, 1).await;
    let (msg_id, packet) = ran(&mut hand).await;
    drop(hand);
    let mut other = Hand::connect(&server, &key, 2).await;
    other.send(&mtproto::DestroySession { session_id: 1 }).await;
    other.next_of::<types::DestroySessionOk>().await.unwrap();
    let mut again = Hand::connect(&server, &key, 1).await;
    is_too_old(&mut again, msg_id, &packet).await;
}

#[tokio::test]
async fn a_packet_of_an_evicted_session_does_not_run_again() {
    let (_folder, server) = start_with(|options| options.gateway.sessions_away_max = 0).await;
    let key = exchange(&server, None).await;
    let mut hand = Hand::connect(&server, &key, 1).await;
    let (msg_id, packet) = ran(&mut hand).await;
    // Another session on the same connection sets the first free, and there is no place for it.
    hand.session_id = 2;
    ran(&mut hand).await;
    hand.session_id = 1;
    is_too_old(&mut hand, msg_id, &packet).await;
}

/// The next session comes in one read with a packet that ends the connection.
#[tokio::test]
async fn a_session_set_free_by_a_connection_that_fails_is_kept() {
    let (_folder, server) = start_with(|_| {}).await;
    let key = exchange(&server, None).await;
    let mut hand = Hand::connect(&server, &key, 1).await;
    let query = echo(b"once").0;
    let msg_id = hand.next_id();
    hand.send_as(msg_id, true, &query).await;
    let packet = hand.last_packet.to_vec();
    let created: types::NewSessionCreated = hand.next_of().await.unwrap();
    hand.answer(msg_id).await.unwrap().unwrap();
    hand.session_id = 2;
    let next_id = hand.next_id();
    let next = hand.seal(next_id, true, &query);
    let mut forged = next.to_vec();
    forged[30] ^= 1;
    hand.send_together(&[&next, &forged]).await;
    assert_eq!(hand.end().await, PeerError::Transport(CODE_NOT_FOUND));

    // Its client finds it as it was, and what ran does not run again.
    let mut again = Hand::connect(&server, &key, 1).await;
    again.send_packet(&packet).await;
    let told: types::NewSessionCreated = again.next_of().await.unwrap();
    assert_eq!(told.unique_id, created.unique_id);
    again.answer(msg_id).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_packet_from_before_a_restart_does_not_run_again() {
    let (folder, server) = start_with(|_| {}).await;
    let key = exchange(&server, None).await;
    let mut hand = Hand::connect(&server, &key, 1).await;
    let (msg_id, packet) = ran(&mut hand).await;
    server.shutdown().await;
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    let mut hand = Hand::connect(&server, &key, 1).await;
    hand.send_packet(&packet).await;
    let refused: types::BadServerSalt = hand.next_of().await.unwrap();
    assert_eq!(refused.bad_msg_id, msg_id.as_i64());
}
