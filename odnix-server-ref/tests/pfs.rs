//! Temporary keys over real sockets: bound to a permanent key they are logged in as it is, and
//! they end with it.

mod common;

use bytes::Bytes;
use common::device::Device;
use common::hand::{Hand, exchange, unix_s};
use odnix_proto::error::CODE_NOT_FOUND;
use odnix_proto::handshake::Established;
use odnix_proto::{AuthKey, MsgId, PeerError};
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::{Running, Server};
use odnix_tl::mtproto::{functions as mtproto, types};
use odnix_tl::odnix::functions;
use odnix_tl::{Encode, Raw};
use tempfile::TempDir;

const DAY_S: i32 = 86_400;

async fn start() -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    (folder, server)
}

fn yes() -> Bytes {
    true.to_bytes().unwrap()
}

fn refused(code: i32, text: &str) -> Result<Bytes, (i32, String)> {
    Err((code, text.to_owned()))
}

fn invalid() -> Result<Bytes, (i32, String)> {
    refused(400, "ENCRYPTED_MESSAGE_INVALID")
}

const GONE: PeerError = PeerError::Transport(CODE_NOT_FOUND);

/// A permanent key with a login, made by a device.
async fn login(server: &Running, username: &str) -> (Device, AuthKey) {
    let mut device = Device::signed_up(server, username).await;
    let key = device.saved_key().auth_key;
    (device, key)
}

/// A session under a new temporary key, bound.
async fn bound(server: &Running, perm: &AuthKey, session_id: i64) -> Hand {
    let key = exchange(server, Some(DAY_S)).await;
    let mut hand = Hand::connect(server, &key, session_id).await;
    assert_eq!(hand.bind(perm).await, Ok(yes()));
    hand
}

#[tokio::test]
async fn a_temporary_key_asks_three_methods_until_it_is_bound_and_then_everything() {
    let (_folder, server) = start().await;
    let (_device, perm) = login(&server, "alice").await;
    let key = exchange(&server, Some(DAY_S)).await;
    let mut hand = Hand::connect(&server, &key, 1).await;
    assert!(hand.call(&functions::help::GetConfig {}).await.is_ok());
    assert!(hand.call(&functions::help::GetNearestDc {}).await.is_ok());
    let query = Raw(functions::updates::GetState {}.to_bytes().unwrap());
    let wrapped = functions::InvokeWithLayer { layer: 200, query };
    for _ in 0..2 {
        let empty = refused(401, "AUTH_KEY_PERM_EMPTY");
        assert_eq!(hand.call(&functions::updates::GetState {}).await, empty);
        assert_eq!(hand.call(&wrapped).await, empty);
        assert_eq!(hand.call(&functions::help::Echo { data: Bytes::new() }).await, empty);
        assert_eq!(hand.call(&functions::auth::LogOut {}).await, empty);
        // A binding that fails binds nothing.
        let msg_id = hand.next_id();
        let wrong = hand.binding(&perm, MsgId::from_i64(msg_id.as_i64() + 4));
        hand.send_as(msg_id, true, &wrong.to_bytes().unwrap()).await;
        assert_eq!(hand.answer(msg_id).await.unwrap(), invalid());
    }
    assert_eq!(hand.bind(&perm).await, Ok(yes()));
    assert!(hand.call(&wrapped).await.is_ok(), "logged in as the permanent key is");
    assert_eq!(hand.bind(&perm).await, Ok(yes()), "the same again");
    // Other sessions and connections of the key need not bind again.
    let mut other = Hand::connect(&server, &key, 2).await;
    assert!(other.call(&functions::updates::GetState {}).await.is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn a_key_cannot_be_bound_to_a_key_that_is_not_there() {
    let (_folder, server) = start().await;
    let (_device, alice) = login(&server, "alice").await;
    let (_device, bob) = login(&server, "bob").await;
    let temp = exchange(&server, Some(DAY_S)).await;
    let mut hand = Hand::connect(&server, &temp, 1).await;
    let stranger = AuthKey::new(odnix_proto::Secret::take(&mut [9; 256]));
    assert_eq!(hand.bind(&stranger).await, invalid());
    let other_temp = exchange(&server, Some(DAY_S)).await;
    assert_eq!(hand.bind(&other_temp.auth_key).await, invalid());
    assert_eq!(hand.bind(&temp.auth_key).await, invalid(), "to itself");
    assert_eq!(hand.bind(&alice).await, Ok(yes()));
    assert_eq!(hand.bind(&bob).await, invalid(), "to another one");
    let permanent = exchange(&server, None).await;
    let mut hand = Hand::connect(&server, &permanent, 1).await;
    hand.expires_at = Some(unix_s() + DAY_S);
    assert_eq!(hand.bind(&alice).await, refused(400, "TEMP_AUTH_KEY_EMPTY"));
}

#[tokio::test]
async fn login_and_logout_concern_all_temporary_keys_of_a_permanent_one() {
    let (_folder, server) = start().await;
    let (mut alice, _) = login(&server, "alice").await;
    let perm = exchange(&server, None).await.auth_key;
    let mut one = bound(&server, &perm, 1).await;
    let mut two = bound(&server, &perm, 1).await;
    let state = functions::updates::GetState {};
    let unregistered = refused(401, "AUTH_KEY_UNREGISTERED");
    assert_eq!(two.call(&state).await, unregistered);
    let sign_up = functions::auth::SignUp {
        username: "bob".into(),
        password: "a password".into(),
        first_name: "Bob".into(),
    };
    assert!(one.call(&sign_up).await.is_ok());
    assert!(two.call(&state).await.is_ok());

    // So does one that is bound after the login.
    let mut three = bound(&server, &perm, 1).await;
    assert!(three.call(&state).await.is_ok());

    // What others do is pushed to all.
    let bob = alice.peer("bob").await;
    alice.call(&common::message(&bob, "to all", 1)).await.unwrap();
    for hand in [&mut one, &mut two, &mut three] {
        hand.next_of::<odnix_tl::odnix::types::Updates>().await.unwrap();
    }

    assert!(two.call(&functions::auth::LogOut {}).await.is_ok());
    assert_eq!(one.call(&state).await, unregistered);
    alice.call(&common::message(&bob, "to nobody", 2)).await.unwrap();
    let (_, next) = {
        one.send(&mtproto::Ping { ping_id: 1 }).await;
        loop {
            let (id, body) = one.next().await.unwrap();
            let kind = common::hand::constructor(&body);
            if [pong(), updates()].contains(&kind) {
                break (id, kind);
            }
        }
    };
    assert_eq!(next, pong(), "nothing was pushed");
}

fn pong() -> u32 {
    <types::Pong as odnix_tl::Constructor>::ID
}

fn updates() -> u32 {
    <odnix_tl::odnix::types::Updates as odnix_tl::Constructor>::ID
}

#[tokio::test]
async fn the_newest_temporary_keys_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(folder.path());
    options.gateway.temporary_keys_per_key_max = 2;
    let server = Server::start(options).await.unwrap();
    let (_device, perm) = login(&server, "alice").await;
    let mut oldest = bound(&server, &perm, 1).await;
    let mut second = bound(&server, &perm, 1).await;
    let mut third = bound(&server, &perm, 1).await;
    assert_eq!(oldest.end().await, GONE);
    for hand in [&mut second, &mut third] {
        assert!(hand.call(&functions::updates::GetState {}).await.is_ok());
    }
    assert!(is_gone(&server, &oldest.key).await);
}

/// Whether packets under a key are answered by −404.
async fn is_gone(server: &Running, key: &AuthKey) -> bool {
    let established = established(server, key.clone()).await;
    let mut hand = Hand::connect(server, &established, 77).await;
    hand.send(&mtproto::Ping { ping_id: 1 }).await;
    match hand.next().await {
        Ok(_) => false,
        Err(end) => {
            assert_eq!(end, GONE);
            true
        }
    }
}

/// The key as a client would use it again; a wrong salt is answered, which is enough here.
async fn established(server: &Running, key: AuthKey) -> Established {
    let mut established = exchange(server, Some(DAY_S)).await;
    established.auth_key = key;
    established
}

#[tokio::test]
async fn dropped_temporary_keys_end_and_those_named_stay() {
    let (_folder, server) = start().await;
    let (mut device, perm) = login(&server, "alice").await;
    let (_bob, other) = login(&server, "bob").await;
    let mut kept = bound(&server, &perm, 1).await;
    let mut dropped = bound(&server, &perm, 1).await;
    let mut foreign = bound(&server, &other, 1).await;
    let except_auth_keys = vec![kept.key.id().as_i64()];
    device.call(&functions::auth::DropTempAuthKeys { except_auth_keys }).await.unwrap();
    assert_eq!(dropped.end().await, GONE);
    assert!(is_gone(&server, &dropped.key).await);
    let state = functions::updates::GetState {};
    assert!(kept.call(&state).await.is_ok());
    assert!(foreign.call(&state).await.is_ok());
    // A temporary key that drops itself hears the answer first.
    let drop_all = functions::auth::DropTempAuthKeys { except_auth_keys: vec![] };
    assert_eq!(kept.call(&drop_all).await, Ok(yes()));
    assert_eq!(kept.end().await, GONE);
    device.call(&state).await.unwrap();
}

#[tokio::test]
async fn a_destroyed_key_is_gone_with_its_temporary_keys_also_after_a_restart() {
    let (folder, server) = start().await;
    let (_device, perm) = login(&server, "alice").await;
    let mut temp = bound(&server, &perm, 1).await;
    let mut hand = Hand::connect(&server, &established(&server, perm.clone()).await, 5).await;
    let told: types::BadServerSalt = {
        hand.send(&mtproto::DestroyAuthKey {}).await;
        hand.next_of().await.unwrap()
    };
    hand.set_salt(told.new_server_salt);
    hand.send(&mtproto::DestroyAuthKey {}).await;
    hand.next_of::<types::DestroyAuthKeyOk>().await.unwrap();
    assert_eq!(temp.end().await, GONE);
    hand.send(&mtproto::Ping { ping_id: 1 }).await;
    assert_eq!(hand.end().await, GONE);
    assert!(is_gone(&server, &perm).await);
    assert!(is_gone(&server, &temp.key).await);
    let fresh = exchange(&server, Some(DAY_S)).await;
    let mut hand = Hand::connect(&server, &fresh, 1).await;
    assert_eq!(hand.bind(&perm).await, invalid(), "nothing is bound to it any more");
    server.shutdown().await;
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    assert!(is_gone(&server, &perm).await);
}

#[tokio::test]
async fn a_destroyed_key_is_gone_for_the_session_that_came_next_on_the_same_connection() {
    let (_folder, server) = start().await;
    let key = exchange(&server, None).await;
    let mut hand = Hand::connect(&server, &key, 1).await;
    hand.call(&functions::help::GetConfig {}).await.unwrap();
    let (one, two) = (hand.next_id(), hand.next_id());
    let destroy = hand.seal(one, true, &mtproto::DestroyAuthKey {}.to_bytes().unwrap());
    hand.session_id = 2;
    let next = hand.seal(two, true, &functions::help::GetConfig {}.to_bytes().unwrap());
    hand.send_together(&[&destroy, &next]).await;
    assert_eq!(hand.end().await, GONE);
    assert!(is_gone(&server, &key.auth_key).await);
}

#[tokio::test]
async fn a_temporary_key_destroys_itself_alone() {
    let (_folder, server) = start().await;
    let (mut device, perm) = login(&server, "alice").await;
    let mut temp = bound(&server, &perm, 1).await;
    let mut other = bound(&server, &perm, 1).await;
    temp.send(&mtproto::DestroyAuthKey {}).await;
    temp.next_of::<types::DestroyAuthKeyOk>().await.unwrap();
    assert!(is_gone(&server, &temp.key).await);
    device.call(&functions::updates::GetState {}).await.unwrap();
    assert!(other.call(&functions::updates::GetState {}).await.is_ok());
}

#[tokio::test]
async fn temporary_keys_end_with_the_server() {
    let (folder, server) = start().await;
    let (_device, perm) = login(&server, "alice").await;
    let temp = bound(&server, &perm, 1).await;
    server.shutdown().await;
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    assert!(is_gone(&server, &temp.key).await);
}
