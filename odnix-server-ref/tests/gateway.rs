//! The whole server over real sockets.

mod common;

use bytes::Bytes;
use common::device::{Device, Pipe, config, open_ws, options};
use odnix_proto::client::CallError;
use odnix_proto::error::{CODE_FLOOD, CODE_NOT_FOUND};
use odnix_proto::server::RpcError;
use odnix_proto::transport::Framing;
use odnix_proto::{AuthKey, PeerError, Secret};
use odnix_server_ref::config::{GatewayLimits, Quota, ServeOptions};
use odnix_server_ref::store::{Failpoint, StoreOptions};
use odnix_server_ref::{Running, Server, StartError};
use odnix_tl::odnix::enums::{InputPeer, SendMessageAction, Update, Updates, updates::Difference};
use odnix_tl::odnix::functions;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start() -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    (folder, server)
}

async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(folder.path());
    change(&mut options);
    let server = Server::start(options).await.unwrap();
    (folder, server)
}

fn send(peer: &InputPeer, text: &str, random_id: i64) -> functions::messages::SendMessage {
    common::message(peer, text, random_id)
}

fn new_message(updates: Updates) -> String {
    match common::pushed(&odnix_tl::Encode::to_bytes(&updates).unwrap()).0.as_slice() {
        [Update::UpdateNewMessage(it)] => it.message.message.clone(),
        [Update::UpdateMessageSent(it)] => format!("sent: {}", it.message.message),
        [Update::UpdateReadHistory(it)] => format!("read: {}", it.outbox),
        [Update::UpdateUserTyping(it)] => format!("typing: {}", it.user_id),
        other => panic!("{other:?}"),
    }
}

// --- transports ---

#[tokio::test]
async fn every_framing_carries_a_key_exchange_and_a_call() {
    let (_folder, server) = start().await;
    for framing in Framing::ALL {
        for obfuscated in [false, true] {
            if obfuscated && !framing.can_be_obfuscated() {
                continue;
            }
            let mut device = Device::new(config(&server, options(framing, obfuscated)));
            device.connect_tcp(&server).await;
            device.until_ready().await.unwrap();
            device.echo(b"five!").await;
            device.echo(&vec![0xa5; 100 << 10]).await;
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn websocket_carries_the_same_under_obfuscation() {
    let (_folder, server) = start().await;
    for framing in [Framing::Abridged, Framing::Intermediate, Framing::Padded] {
        let mut device = Device::new(config(&server, options(framing, true)));
        device.connect_ws(&server).await;
        device.until_ready().await.unwrap();
        device.echo(b"five!").await;
        device.echo(&vec![0xa5; 100 << 10]).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn websocket_refuses_framings_in_clear() {
    let (_folder, server) = start().await;
    let mut socket = open_ws(&server, &[("Sec-WebSocket-Protocol", "binary")]).await.unwrap();
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let mut clear = vec![0xee; 4];
    clear.extend([0_u8; 100]);
    socket.send(Message::Binary(clear.into())).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.unwrap();
    assert!(matches!(end, None | Some(Err(_) | Ok(Message::Close(_)))), "{end:?}");
}

#[tokio::test]
async fn upgrades_are_checked_for_origin_and_sub_protocol() {
    let (_folder, server) = start_with(|options| {
        options.allow_origins =
            vec!["https://chat.example".into(), "http://Other.example:80/".into()];
    })
    .await;
    let own = format!("http://{}", server.ws_address());
    type Case<'a> = (Option<&'a str>, Option<&'a str>, Result<(), u16>);
    let cases: [Case<'_>; 12] = [
        (None, Some("binary"), Ok(())),
        (Some("https://chat.example"), Some("binary"), Ok(())),
        (Some("HTTPS://CHAT.example"), Some("binary"), Ok(())),
        (Some("http://other.example:80"), Some("chat, binary"), Ok(())),
        (Some("https://evil.example"), Some("binary"), Err(403)),
        (Some("https://chat.example.evil"), Some("binary"), Err(403)),
        (Some("http://chat.example"), Some("binary"), Err(403)),
        (Some("null"), Some("binary"), Err(403)),
        (Some(""), Some("binary"), Err(403)),
        (Some(&own), Some("binary"), Err(403)),
        (None, None, Err(400)),
        (None, Some("binaries"), Err(400)),
    ];
    for (origin, protocol, wanted) in cases {
        let mut headers = Vec::new();
        headers.extend(origin.map(|origin| ("Origin", origin)));
        headers.extend(protocol.map(|protocol| ("Sec-WebSocket-Protocol", protocol)));
        let opened = open_ws(&server, &headers).await.map(drop);
        assert_eq!(opened, wanted, "{origin:?} {protocol:?}");
    }
    let twice = [
        ("Origin", "https://chat.example"),
        ("Origin", "https://evil.example"),
        ("Sec-WebSocket-Protocol", "binary"),
    ];
    assert_eq!(open_ws(&server, &twice).await.map(drop), Err(403));
}

#[tokio::test]
async fn plain_http_is_refused_politely() {
    let (_folder, server) = start().await;
    for (path, status) in [("/", "404"), ("/apiws", "400")] {
        let mut socket = TcpStream::connect(server.ws_address()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test]
async fn a_socket_that_never_speaks_is_closed() {
    let (_folder, server) = start_with(|options| {
        options.gateway =
            GatewayLimits { setup_timeout: Duration::from_millis(50), ..GatewayLimits::default() };
    })
    .await;
    for address in [server.tcp_address(), server.ws_address()] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The beginning of something, never its end.
        socket.write_all(b"G").await.unwrap();
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut rest));
        let _ = end.await.expect("the server closes the socket");
    }
}

// --- keys ---

#[tokio::test]
async fn an_unknown_key_is_answered_with_404() {
    let (_folder, server) = start().await;
    let saved = odnix_proto::client::SavedKey {
        auth_key: AuthKey::new(Secret::take(&mut [7; 256])),
        server_salt: 1,
        time_offset_us: 0,
    };
    let mut device = Device::resume(config(&server, options(Framing::Intermediate, false)), saved);
    device.connect_tcp(&server).await;
    device.begin(&functions::help::GetConfig {});
    let refused = loop {
        if let Err(error) = device.turn().await {
            break error;
        }
    };
    assert_eq!(refused, PeerError::Transport(CODE_NOT_FOUND));
}

#[tokio::test]
async fn a_saved_key_and_its_login_survive_a_restart() {
    let (folder, server) = start().await;
    let mut device = Device::signed_up(&server, "alice").await;
    let saved = device.saved_key();
    server.shutdown().await;

    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    let mut device = Device::resume(config(&server, options(Framing::Abridged, true)), saved);
    device.connect_tcp(&server).await;
    device.call(&functions::updates::GetState {}).await.unwrap();
}

fn rpc_error(code: i32, message: &str) -> CallError {
    CallError::Rpc(RpcError { code, message: message.into() })
}

// --- quotas ---

#[tokio::test]
async fn a_connection_beyond_the_quota_is_told_so() {
    let (_folder, server) = start_with(|options| {
        options.quota = Quota { connections: NonZeroU32::new(1), ..Quota::UNLIMITED };
    })
    .await;
    let first = Device::over_tcp(&server).await;
    let mut second = Device::new(config(&server, options(Framing::Intermediate, false)));
    second.connect_tcp(&server).await;
    let refused = second.until_ready().await.unwrap_err();
    assert_eq!(refused, PeerError::Transport(CODE_FLOOD));
    let mut third = Device::new(config(&server, options(Framing::Padded, true)));
    third.connect_ws(&server).await;
    assert_eq!(third.until_ready().await.unwrap_err(), PeerError::Transport(CODE_FLOOD));
    drop(first);
    // The place is free again once the server has seen the end of the first.
    loop {
        let mut next = Device::new(config(&server, options(Framing::Intermediate, false)));
        next.connect_tcp(&server).await;
        if next.until_ready().await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn key_exchanges_beyond_the_quota_are_told_so_and_calls_go_on() {
    let (_folder, server) = start_with(|options| {
        options.quota = Quota { handshakes_per_minute: NonZeroU32::new(1), ..Quota::UNLIMITED };
    })
    .await;
    let mut first = Device::over_tcp(&server).await;
    let mut second = Device::new(config(&server, options(Framing::Intermediate, false)));
    second.connect_tcp(&server).await;
    let refused = second.until_ready().await.unwrap_err();
    assert_eq!(refused, PeerError::Transport(CODE_FLOOD));
    first.echo(b"not my quota").await;
}

// --- sessions ---

#[tokio::test]
async fn unknown_methods_and_calls_without_a_login_get_typed_errors() {
    let (_folder, server) = start().await;
    let mut device = Device::over_tcp(&server).await;
    let unknown = device.machine.call(Bytes::from_static(&[0xef, 0xbe, 0xad, 0xde])).unwrap();
    let error = device.finish(unknown).await.unwrap_err();
    assert_eq!(error, rpc_error(400, "INPUT_METHOD_INVALID_3735928559"));
    let error = device.call(&functions::updates::GetState {}).await.unwrap_err();
    assert_eq!(error, rpc_error(401, "AUTH_KEY_UNREGISTERED"));
    let wrong = functions::auth::SignIn { username: "nobody".into(), password: "x".into() };
    let error = device.call(&wrong).await.unwrap_err();
    assert_eq!(error, rpc_error(400, "PASSWORD_HASH_INVALID"));
}

#[tokio::test]
async fn requests_sent_at_once_run_in_their_order() {
    let (_folder, server) = start().await;
    let mut device = Device::over_tcp(&server).await;
    // The password of the first takes long to hash; the others wait for it all the same.
    let sign_up = device.begin(&functions::auth::SignUp {
        username: "alice".into(),
        password: "a password".into(),
        first_name: "Alice".into(),
    });
    let calls: Vec<_> =
        (1..=20).map(|id| device.begin(&send(&InputPeer::InputPeerSelf, "note", id))).collect();
    device.finish(sign_up).await.unwrap();
    for (number, call) in (1..).zip(calls) {
        let reply = device.finish(call).await.unwrap();
        let sent: odnix_tl::odnix::types::messages::SentMessage =
            odnix_tl::Decode::from_bytes(reply).unwrap();
        assert_eq!((sent.id, i64::from(sent.pts)), (number, number));
    }
}

#[tokio::test]
async fn updates_reach_every_session_but_the_one_they_come_from() {
    let (_folder, server) = start().await;
    let mut phone = Device::signed_up(&server, "alice").await;
    let mut laptop = Device::signed_in(&server, "alice").await;
    let mut bob = Device::signed_up(&server, "bob").await;
    let to_bob = phone.peer("bob").await;
    phone.call(&send(&to_bob, "hello", 1)).await.unwrap();
    assert_eq!(new_message(laptop.next_updates().await), "sent: hello");
    assert_eq!(new_message(bob.next_updates().await), "hello");

    let to_alice = bob.peer("alice").await;
    let typing = functions::messages::SetTyping {
        peer: to_alice.clone(),
        action: SendMessageAction::SendMessageTypingAction,
    };
    bob.call(&typing).await.unwrap();
    bob.call(&functions::messages::ReadHistory { peer: to_alice, max_id: 0 }).await.unwrap();
    for device in [&mut phone, &mut laptop] {
        assert_eq!(new_message(device.next_updates().await), "typing: 2");
        assert_eq!(new_message(device.next_updates().await), "read: true");
    }
    phone.echo(b"anything else?").await;
    bob.echo(b"anything else?").await;
    assert!(phone.updates.is_empty() && bob.updates.is_empty());
}

#[tokio::test]
async fn a_session_without_updates_and_one_logged_out_get_none() {
    let (_folder, server) = start().await;
    let mut phone = Device::signed_up(&server, "alice").await;
    let saved = phone.saved_key();
    // A second session of the same key that has only asked without updates.
    let mut quiet = Device::resume(config(&server, options(Framing::Padded, false)), saved);
    quiet.connect_tcp(&server).await;
    let query = odnix_tl::Encode::to_bytes(&functions::updates::GetState {}).unwrap();
    let wrapped = functions::InvokeWithoutUpdates { query: odnix_tl::Raw(query) };
    let body = odnix_tl::Encode::to_bytes(&wrapped).unwrap();
    let call = quiet.machine.call(body).unwrap();
    quiet.finish(call).await.unwrap();

    let mut laptop = Device::signed_in(&server, "alice").await;
    let mut gone = Device::signed_in(&server, "alice").await;
    gone.call(&functions::auth::LogOut {}).await.unwrap();
    laptop.call(&send(&InputPeer::InputPeerSelf, "note", 1)).await.unwrap();
    assert_eq!(new_message(phone.next_updates().await), "sent: note");
    for device in [&mut quiet, &mut gone] {
        device.echo(b"anything?").await;
        assert!(device.updates.is_empty());
    }
}

/// Holds commits while it is closed.
#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
    holding: AtomicBool,
}

impl Gate {
    fn failpoint(self: &Arc<Self>) -> Failpoint {
        let gate = Arc::clone(self);
        Arc::new(move || {
            let closed = gate.closed.lock().unwrap();
            gate.holding.store(*closed, Ordering::SeqCst);
            drop(gate.opened.wait_while(closed, |closed| *closed).unwrap());
            Ok(())
        })
    }

    fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// Until a transaction waits for its commit.
    async fn until_holding(&self) {
        while !self.holding.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_finds_its_session_after_the_connection_was_cut() {
    let gate = Arc::new(Gate::default());
    let (_folder, server) = start_with(|options| {
        options.store =
            StoreOptions { before_commit: Some(gate.failpoint()), ..StoreOptions::default() };
    })
    .await;
    let mut alice = Device::signed_up(&server, "alice").await;
    let created = alice.sessions_created;
    gate.close();
    let call = alice.begin(&send(&InputPeer::InputPeerSelf, "note", 1));
    alice.transmit().await;
    gate.until_holding().await;
    drop(alice.disconnect());
    gate.open();
    alice.connect_tcp(&server).await;
    alice.finish(call).await.unwrap();
    assert_eq!(alice.sessions_created, created, "the session was resumed");
    let state = alice.call(&functions::updates::GetState {}).await.unwrap();
    assert_eq!(state.pts, 1);
}

#[tokio::test]
async fn a_session_moves_to_the_newer_connection_while_the_old_one_lingers() {
    let (_folder, server) = start().await;
    let mut alice = Device::signed_up(&server, "alice").await;
    let mut bob = Device::signed_up(&server, "bob").await;
    let created = alice.sessions_created;
    let mut old = Vec::new();
    for number in 1..=5 {
        // Half-open: the server does not hear of the end.
        old.push(alice.disconnect());
        alice.connect_tcp(&server).await;
        alice.echo(b"still me").await;
        let to_alice = bob.peer("alice").await;
        bob.call(&send(&to_alice, "hi", number)).await.unwrap();
        assert_eq!(new_message(alice.next_updates().await), "hi");
    }
    assert_eq!(alice.sessions_created, created);
    assert!(old.iter().all(|pipe| matches!(pipe, Pipe::Tcp(_))));
}

#[tokio::test]
async fn updates_wait_for_a_session_that_is_away() {
    let (_folder, server) = start().await;
    let mut alice = Device::signed_up(&server, "alice").await;
    let mut bob = Device::signed_up(&server, "bob").await;
    drop(alice.disconnect());
    let to_alice = bob.peer("alice").await;
    for number in 1..=3 {
        bob.call(&send(&to_alice, &format!("number {number}"), number)).await.unwrap();
    }
    alice.connect_tcp(&server).await;
    alice.echo(b"back").await;
    for number in 1..=3 {
        assert_eq!(new_message(alice.next_updates().await), format!("number {number}"));
    }
}

#[tokio::test]
async fn a_client_that_sleeps_through_a_restart_catches_up_by_difference() {
    let (folder, server) = start().await;
    let mut alice = Device::signed_up(&server, "alice").await;
    let mut bob = Device::signed_up(&server, "bob").await;
    let saved = alice.saved_key();
    drop(alice);
    let to_alice = bob.peer("alice").await;
    bob.call(&send(&to_alice, "while you slept", 1)).await.unwrap();
    server.shutdown().await;
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    let mut alice = Device::resume(config(&server, options(Framing::Full, false)), saved);
    alice.connect_tcp(&server).await;
    let Difference::Difference(missed) = alice.call(&common::get_difference(0)).await.unwrap()
    else {
        panic!()
    };
    assert!(matches!(&missed.updates[..], [Update::UpdateNewMessage(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_answers_what_was_asked() {
    let gate = Arc::new(Gate::default());
    let (folder, server) = start_with(|options| {
        options.store =
            StoreOptions { before_commit: Some(gate.failpoint()), ..StoreOptions::default() };
    })
    .await;
    let mut alice = Device::signed_up(&server, "alice").await;
    gate.close();
    let call = alice.begin(&send(&InputPeer::InputPeerSelf, "last words", 1));
    alice.transmit().await;
    gate.until_holding().await;
    let stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopped);
    let stopping = tokio::spawn(async move {
        server.shutdown().await;
        told.store(true, Ordering::SeqCst);
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stopped.load(Ordering::SeqCst), "stopped with a request unanswered");
    gate.open();
    alice.finish(call).await.unwrap();
    stopping.await.unwrap();
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    let mut alice = Device::signed_in(&server, "alice").await;
    assert_eq!(alice.call(&functions::updates::GetState {}).await.unwrap().pts, 1);
}

// --- starting ---

#[tokio::test]
async fn a_second_server_on_the_same_folder_or_port_says_what_is_wrong() {
    let (folder, server) = start().await;
    let second = Server::start(ServeOptions::loopback(folder.path())).await.unwrap_err();
    assert!(matches!(second, StartError::Locked(_)), "{second}");
    let other = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(other.path());
    options.tcp = server.tcp_address().to_string();
    let third = Server::start(options).await.unwrap_err();
    assert!(third.to_string().contains(&server.tcp_address().to_string()), "{third}");
    server.shutdown().await;
    Server::start(ServeOptions::loopback(folder.path())).await.expect("the folder is free again");
}

#[tokio::test]
async fn the_config_names_the_tcp_listener() {
    let (_folder, server) = start().await;
    let mut over_ws = Device::new(config(&server, options(Framing::Padded, true)));
    over_ws.connect_ws(&server).await;
    let mut over_tcp = Device::over_tcp(&server).await;
    for device in [&mut over_ws, &mut over_tcp] {
        let config = device.call(&functions::help::GetConfig {}).await.unwrap();
        let option = &config.dc_options[0];
        let named = format!("{}:{}", option.ip_address, option.port);
        assert_eq!(named, server.tcp_address().to_string());
        assert_eq!((config.this_dc, config.test_mode), (2, false));
    }
}

#[tokio::test]
async fn a_key_has_a_limited_number_of_sessions_and_those_away_make_room() {
    let (_folder, server) = start_with(|options| {
        options.gateway = GatewayLimits { sessions_per_key_max: 2, ..GatewayLimits::default() };
    })
    .await;
    let mut first = Device::over_tcp(&server).await;
    first.echo(b"one").await;
    let saved = first.saved_key();
    let another = async || {
        let saved = saved.clone();
        let mut device = Device::resume(config(&server, options(Framing::Padded, false)), saved);
        device.connect_tcp(&server).await;
        device.begin(&functions::help::GetConfig {});
        device
    };
    let mut second = another().await;
    second.echo(b"two").await;
    let mut third = another().await;
    let refused = loop {
        if let Err(error) = third.turn().await {
            break error;
        }
    };
    assert_eq!(refused, PeerError::Transport(CODE_FLOOD));
    // The second leaves; its session is away and makes room once the server has noticed.
    drop(second);
    let mut fourth = loop {
        let mut device = another().await;
        let call = device.begin(&functions::help::Echo { data: Bytes::from_static(b"four") });
        let answered = loop {
            if device.take(call).is_some() {
                break true;
            }
            if device.turn().await.is_err() {
                break false;
            }
        };
        if answered {
            break device;
        }
    };
    fourth.echo(b"still here").await;
    first.echo(b"me too").await;
}

#[tokio::test]
async fn a_client_destroys_its_other_sessions_here_and_away() {
    let (_folder, server) = start().await;
    let mut alice = Device::signed_up(&server, "alice").await;
    let saved = alice.saved_key();
    let another = async || {
        let mut device =
            Device::resume(config(&server, options(Framing::Padded, false)), saved.clone());
        device.connect_tcp(&server).await;
        device.call(&functions::updates::GetState {}).await.unwrap();
        let id = device.machine.session().session_id().unwrap();
        (device, id)
    };
    let (mut here, here_id) = another().await;
    let (mut away, away_id) = another().await;
    drop(away.disconnect());
    for (id, existed) in [(here_id, true), (away_id, true), (away_id, false), (12345, false)] {
        alice.machine.session().destroy_session(id);
        while alice.destroyed.is_empty() {
            alice.turn().await.unwrap();
        }
        assert_eq!(alice.destroyed.pop(), Some((id, existed)));
    }
    // Both are told that theirs is a new session.
    for device in [&mut here, &mut away] {
        let before = device.sessions_created;
        if matches!(device.pipe, Pipe::None) {
            device.connect_tcp(&server).await;
        }
        device.echo(b"who am I?").await;
        assert_eq!(device.sessions_created, before + 1);
    }
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_half_sent_http_request() {
    let (_folder, server) = start().await;
    let mut socket = TcpStream::connect(server.ws_address()).await.unwrap();
    socket.write_all(b"GET /apiws HT").await.unwrap();
    let mut device = Device::over_tcp(&server).await;
    device.echo(b"so the server is up").await;
    tokio::time::timeout(Duration::from_secs(25), server.shutdown()).await.expect("it stops");
}
