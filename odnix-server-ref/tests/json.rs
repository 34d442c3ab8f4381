//! `odnix.invokeJson`: each method answers and refuses in JSON as it does in TL.

mod common;

use bytes::Bytes;
use common::device::Device;
use common::{World, get_difference, message, refusal};
use odnix_proto::{AuthKeyId, client::CallError};
use odnix_server_ref::Server;
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::rpc::{Outcome, RpcError};
use odnix_tl::odnix::enums::{InputPeer, InputUser, SendMessageAction, Update, Updates};
use odnix_tl::odnix::functions::odnix::InvokeJson;
use odnix_tl::odnix::types::DataJson;
use odnix_tl::odnix::{SCHEMA, functions, types};
use odnix_tl::schema::{Kind, Schema};
use odnix_tl::serde::{Serialize, de::DeserializeOwned};
use odnix_tl::{Constructor, Decode, Encode, Function, Raw};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

const ALICE: u8 = 1;
const BOB: u8 = 2;
const STRANGER: u8 = 3;
const NEWCOMER: u8 = 4;
const SECOND_DEVICE: u8 = 5;

fn invocation(query: impl Display) -> InvokeJson {
    InvokeJson { query: DataJson { data: query.to_string() } }
}

async fn in_json(world: &World, key: u8, query: impl Display) -> Result<Outcome, RpcError> {
    let body = invocation(query).to_bytes().unwrap();
    world.raw(AuthKeyId::from_bytes([key; 8]), body).await
}

fn answer(reply: Bytes) -> String {
    DataJson::from_bytes(reply).unwrap().data
}

/// The names of the methods, without what wraps a call, and of what wraps one.
fn methods_and_wrappers() -> (BTreeSet<String>, BTreeSet<String>) {
    let lines = Schema::parse(SCHEMA.text()).unwrap().definitions;
    let functions = lines.iter().filter(|line| line.kind == Kind::Function);
    let wraps = |line: &String| line.contains("!X") || line.starts_with(InvokeJson::NAME);
    let names = functions.map(ToString::to_string).partition::<Vec<_>, _>(|line| !wraps(line));
    let name = |line: String| line.split(['#', ' ']).next().unwrap().to_owned();
    (names.0.into_iter().map(name).collect(), names.1.into_iter().map(name).collect())
}

// --- the same in both forms ---

/// Two worlds in which the same happens: one is asked in TL, the other in JSON.
struct Twins {
    tl: World,
    json: World,
    answered: BTreeSet<String>,
    refused: BTreeSet<String>,
}

impl Twins {
    async fn new() -> Self {
        let (tl, json) = (World::new(), World::new());
        for world in [&tl, &json] {
            world.user(ALICE, "alice").await;
            world.user(BOB, "bob").await;
            world.key(STRANGER).await;
            world.key(NEWCOMER).await;
            world.key(SECOND_DEVICE).await;
        }
        Self { tl, json, answered: BTreeSet::new(), refused: BTreeSet::new() }
    }

    async fn ask<F>(&mut self, key: u8, request: F)
    where
        F: Function + Serialize,
        F::Return: DeserializeOwned + PartialEq + Debug,
    {
        let text = serde_json::to_string(&request).unwrap();
        let key_id = AuthKeyId::from_bytes([key; 8]);
        let tl = self.tl.raw(key_id, request.to_bytes().unwrap()).await;
        match (tl, in_json(&self.json, key, &text).await) {
            (Ok(tl), Ok(json)) => {
                let result: F::Return = serde_json::from_str(&answer(json.reply)).unwrap();
                assert_eq!(result, F::Return::from_bytes(tl.reply).unwrap(), "{text}");
                let rest = (json.pushes, json.login, json.kept_temporary, json.user);
                assert_eq!(rest, (tl.pushes, tl.login, tl.kept_temporary, tl.user), "{text}");
                self.answered.insert(F::NAME.to_owned());
            }
            (Err(tl), Err(json)) => {
                let json = (json.code(), json.message());
                assert_eq!(json, (tl.code(), tl.message()), "{text}");
                self.refused.insert(F::NAME.to_owned());
            }
            (tl, json) => panic!("{text}: {tl:?}, but in JSON {json:?}"),
        }
    }
}

fn sign_up(username: &str, password: &str, first_name: &str) -> functions::auth::SignUp {
    functions::auth::SignUp {
        username: username.into(),
        password: password.into(),
        first_name: first_name.into(),
    }
}

fn sign_in(username: &str, password: &str) -> functions::auth::SignIn {
    functions::auth::SignIn { username: username.into(), password: password.into() }
}

async fn accounts(twins: &mut Twins) {
    twins.ask(NEWCOMER, sign_up("a", "a password", "A")).await;
    twins.ask(NEWCOMER, sign_up("carol", "", "Carol")).await;
    twins.ask(NEWCOMER, sign_up("carol", "a password", "")).await;
    twins.ask(NEWCOMER, sign_up("alice", "a password", "Alice")).await;
    twins.ask(NEWCOMER, sign_up("carol", "a password", "Carol \"ü\" \\ 🦀")).await;
    twins.ask(NEWCOMER, sign_up("carol", "a password", "Carol")).await;
    twins.ask(NEWCOMER, functions::auth::LogOut {}).await;
    twins.ask(NEWCOMER, sign_in("carol", "another")).await;
    twins.ask(NEWCOMER, sign_in("nobody", "another")).await;
    twins.ask(NEWCOMER, sign_in("carol", "a password")).await;
    twins.ask(ALICE, sign_in("carol", "a password")).await;
}

async fn people(twins: &mut Twins, key: u8, bob: InputUser) {
    let id = vec![InputUser::InputUserSelf, bob.clone()];
    twins.ask(key, functions::users::GetUsers { id }).await;
    let id = vec![InputUser::InputUserSelf; 101];
    twins.ask(key, functions::users::GetUsers { id }).await;
    for username in ["bob", "nobody", "!"] {
        twins.ask(key, functions::contacts::ResolveUsername { username: username.into() }).await;
    }
    for id in [bob, InputUser::InputUserSelf] {
        twins.ask(key, functions::contacts::AddContact { id }).await;
    }
    twins.ask(key, functions::contacts::GetContacts {}).await;
}

async fn talk(twins: &mut Twins, key: u8, peer: &InputPeer) {
    let media = Some(DataJson { data: r#"{"file":"\u0000\\ 1"}"#.into() });
    let with_media = functions::messages::SendMessage { media, ..message(peer, "", i64::MIN) };
    let bad_media = functions::messages::SendMessage {
        media: Some(DataJson { data: "{".into() }),
        ..message(peer, "", 3)
    };
    twins.ask(key, with_media).await;
    twins.ask(key, bad_media).await;
    for (text, random_id) in [("hi\n\u{7f}\u{1f980}", 7), ("", 8), ("hi", 0), ("again", 7)] {
        twins.ask(key, message(peer, text, random_id)).await;
    }
    for (offset_id, limit) in [(0, 1), (0, 100), (2, 1), (-1, 1), (0, 0)] {
        let peer = peer.clone();
        twins.ask(key, functions::messages::GetHistory { peer, offset_id, limit }).await;
        twins.ask(key, functions::messages::GetDialogs { offset_id, limit }).await;
    }
    for max_id in [1, 0, -1] {
        let peer = peer.clone();
        twins.ask(key, functions::messages::ReadHistory { peer, max_id }).await;
    }
    for action in
        [SendMessageAction::SendMessageTypingAction, SendMessageAction::SendMessageCancelAction]
    {
        twins.ask(key, functions::messages::SetTyping { peer: peer.clone(), action }).await;
    }
    twins.ask(key, functions::updates::GetState {}).await;
    for pts in [0, 2, 1000, -1] {
        twins.ask(key, get_difference(pts)).await;
    }
    for (pts_limit, pts_total_limit) in [(Some(1), None), (None, Some(1)), (Some(0), None)] {
        let base = get_difference(0);
        let request =
            functions::updates::GetDifference { pts_limit, pts_total_limit, ..base.clone() };
        twins.ask(key, request).await;
    }
}

async fn changes(twins: &mut Twins, key: u8, peer: &InputPeer) {
    use functions::messages::{DeleteMessages, EditMessage, GetDrafts, SaveDraft, Search};
    let edit =
        |id, text: &str| EditMessage { peer: peer.clone(), id, message: text.into(), media: None };
    for (id, text) in [(1, "edited"), (1, "edited"), (1, ""), (99, "nothing"), (2, "whose?")] {
        twins.ask(key, edit(id, text)).await;
    }
    for text in ["a draft", "a draft", "", &"x".repeat(4097)] {
        twins.ask(key, SaveDraft { peer: peer.clone(), message: text.into() }).await;
        twins.ask(key, GetDrafts {}).await;
    }
    for q in ["hi", "edit", "\"AND", " "] {
        let (offset_id, limit, q) = (0, 10, q.to_owned());
        let everywhere = Search { peer: None, q, offset_id, limit };
        twins.ask(key, Search { peer: Some(peer.clone()), ..everywhere.clone() }).await;
        twins.ask(key, everywhere).await;
    }
    for (revoke, id) in [(false, vec![2]), (true, vec![2]), (true, vec![1]), (true, vec![0; 101])] {
        twins.ask(key, DeleteMessages { revoke, peer: peer.clone(), id }).await;
    }
}

async fn groups(twins: &mut Twins, key: u8, bob: InputUser, large: bool) {
    use functions::messages::{
        AddChatUsers, CreateChat, DeleteChatUser, EditChatTitle, GetChats, GetParticipants,
    };
    let users = vec![bob.clone()];
    for (title, random_id) in [("Group", 70), ("Group", 70), ("", 71), ("Zero", 0)] {
        let random_id = if large { random_id * 2 } else { random_id };
        let title = title.into();
        twins.ask(key, CreateChat { large, title, users: users.clone(), random_id }).await;
    }
    for chat_id in 1..8 {
        let peer = InputPeer::InputPeerChat(types::InputPeerChat { chat_id });
        twins.ask(key, message(&peer, "to all", 700 + chat_id)).await;
        twins.ask(key, EditChatTitle { chat_id, title: "Renamed".into() }).await;
        twins.ask(key, GetParticipants { chat_id, offset_id: 0, limit: 10 }).await;
        for pts in [0, 1000] {
            let (pts_limit, pts_total_limit) = (None, None);
            let question =
                functions::updates::GetChatDifference { chat_id, pts, pts_limit, pts_total_limit };
            twins.ask(key, question).await;
        }
        twins.ask(key, DeleteChatUser { chat_id, user_id: bob.clone() }).await;
        twins.ask(key, AddChatUsers { chat_id, users: users.clone() }).await;
    }
    twins.ask(key, GetChats { id: (0..8).collect() }).await;
    twins.ask(key, GetChats { id: vec![1; 101] }).await;
}

async fn devices(twins: &mut Twins, key: u8) {
    use functions::account::{GetAuthorizations, ResetAuthorization, UpdateStatus};
    for offline in [false, true] {
        twins.ask(key, UpdateStatus { offline }).await;
    }
    twins.ask(key, GetAuthorizations {}).await;
    twins.ask(key, ResetAuthorization { hash: 1 }).await;
}

async fn files(twins: &mut Twins, key: u8) {
    use functions::upload::{FinishFile, GetFile, GetParts, SaveFilePart};
    for (file_id, file_part) in [(5, 0), (5, 1), (0, 0), (5, -1)] {
        let bytes = Bytes::from(vec![1, 2, 3]);
        twins.ask(key, SaveFilePart { file_id, file_part, bytes }).await;
    }
    twins.ask(key, GetParts { file_id: 5 }).await;
    let finish = FinishFile {
        file_id: 5,
        parts: 2,
        sha256: Bytes::copy_from_slice(&Sha256::digest([1, 2, 3, 1, 2, 3])),
        name: "six.bin".into(),
        mime_type: "application/octet-stream".into(),
    };
    twins.ask(key, FinishFile { parts: 3, ..finish.clone() }).await;
    twins.ask(key, finish.clone()).await;
    twins.ask(key, finish.clone()).await;
    let again = twins.tl.call(AuthKeyId::from_bytes([key; 8]), finish).await;
    let (id, access_hash) = again.map_or((1, 0), |(file, _)| (file.id, file.access_hash));
    for (offset, limit) in [(0, 4), (4, 4), (9, 4), (-1, 4), (0, 0)] {
        twins.ask(key, GetFile { id, access_hash, offset, limit }).await;
    }
}

#[tokio::test]
async fn every_method_answers_and_refuses_in_json_as_in_tl() {
    let mut twins = Twins::new().await;
    let person = |key, username: &str| common::Person {
        key: AuthKeyId::from_bytes([key; 8]),
        id: odnix_server_ref::store::UserId(key.into()),
        username: username.into(),
    };
    let (alice, bob) = (person(ALICE, "alice"), person(BOB, "bob"));
    let named = |peer: &InputPeer| match peer {
        InputPeer::InputPeerSelf => InputUser::InputUserSelf,
        InputPeer::InputPeerUser(it) => InputUser::InputUser(types::InputUser {
            user_id: it.user_id,
            access_hash: it.access_hash,
        }),
        InputPeer::InputPeerChat(_) => unreachable!("not in this table"),
    };
    let (to_bob, to_alice) = (twins.tl.peer(&alice, &bob).await, twins.tl.peer(&bob, &alice).await);

    twins.ask(STRANGER, functions::help::Echo { data: Bytes::from(vec![0xa5; 999]) }).await;
    twins.ask(STRANGER, functions::help::GetConfig {}).await;
    twins.ask(STRANGER, functions::help::GetNearestDc {}).await;
    twins.ask(STRANGER, functions::auth::LogOut {}).await;
    let drop_keys = functions::auth::DropTempAuthKeys { except_auth_keys: vec![1, -2] };
    twins.ask(STRANGER, drop_keys.clone()).await;
    people(&mut twins, STRANGER, named(&to_bob)).await;
    talk(&mut twins, STRANGER, &to_bob).await;
    accounts(&mut twins).await;
    twins.ask(SECOND_DEVICE, sign_in("carol", "a password")).await;
    let newcomer = AuthKeyId::from_bytes([NEWCOMER; 8]);
    let (devices_of_carol, _) =
        twins.tl.call(newcomer, functions::account::GetAuthorizations {}).await.unwrap();
    let other = devices_of_carol.authorizations.iter().find(|device| !device.current).unwrap();
    let reset = functions::account::ResetAuthorization { hash: other.hash };
    twins.ask(NEWCOMER, reset.clone()).await;
    twins.ask(NEWCOMER, reset).await;
    twins.ask(SECOND_DEVICE, functions::updates::GetState {}).await;
    twins.ask(ALICE, drop_keys).await;
    people(&mut twins, ALICE, named(&to_bob)).await;
    talk(&mut twins, ALICE, &to_bob).await;
    talk(&mut twins, BOB, &to_alice).await;
    for (key, peer, user) in
        [(STRANGER, &to_bob, &to_bob), (ALICE, &to_bob, &to_bob), (BOB, &to_alice, &to_alice)]
    {
        files(&mut twins, key).await;
        changes(&mut twins, key, peer).await;
        groups(&mut twins, key, named(user), false).await;
        groups(&mut twins, key, named(user), true).await;
        devices(&mut twins, key).await;
    }
    talk(&mut twins, BOB, &InputPeer::InputPeerSelf).await;
    // Bob's access_hash is not Alice's.
    talk(&mut twins, ALICE, &to_alice).await;
    people(&mut twins, ALICE, named(&to_alice)).await;

    let (mut methods, _) = methods_and_wrappers();
    assert!(methods.remove(functions::auth::BindTempAuthKey::NAME), "it is the session's");
    assert_eq!(twins.answered, methods, "each method needs an answer here");
    let open = [functions::help::Echo::NAME, "help.getConfig", "help.getNearestDc"];
    let closed = methods.into_iter().filter(|name| !open.contains(&name.as_str()));
    assert_eq!(twins.refused, closed.collect(), "each of these needs an error here");
}

#[tokio::test]
async fn a_random_id_counts_once_whatever_the_form() {
    let world = World::new();
    let alice = world.user(ALICE, "alice").await;
    let request = |random_id| message(&InputPeer::InputPeerSelf, "once", random_id);
    let text = |random_id| serde_json::to_string(&request(random_id)).unwrap();
    let (first, _) = world.call(alice.key, request(1)).await.unwrap();
    let again = in_json(&world, ALICE, text(1)).await.unwrap();
    assert_eq!(again.pushes, []);
    let sent: types::messages::SentMessage = serde_json::from_str(&answer(again.reply)).unwrap();
    assert_eq!(sent, first);

    let sent = in_json(&world, ALICE, text(2)).await.unwrap();
    assert_eq!(sent.pushes.len(), 1);
    let (again, outcome) = world.call(alice.key, request(2)).await.unwrap();
    assert_eq!(outcome.pushes, []);
    assert_eq!(again, serde_json::from_str(&answer(sent.reply)).unwrap());
    assert_eq!(world.state(&alice).await.pts, 2);
}

// --- what is no query ---

/// What a stranger and a user are told alike.
async fn invalid(world: &World, query: impl Display) -> String {
    let refused = refusal(in_json(world, ALICE, &query).await);
    assert_eq!(refusal(in_json(world, STRANGER, &query).await), refused, "{query}");
    assert_eq!(refused.0, 400, "{query}");
    let reason = refused.1.strip_prefix("DATA_JSON_INVALID: ");
    reason.unwrap_or_else(|| panic!("{query}: {}", refused.1)).to_owned()
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused_with_its_place_and_reason() {
    let world = World::new();
    world.user(ALICE, "alice").await;
    world.key(STRANGER).await;
    let history = |peer: serde_json::Value, offset_id: serde_json::Value| json!({ "_": "messages.getHistory", "peer": peer, "offset_id": offset_id, "limit": 1 });
    let own = json!({ "_": "inputPeerSelf" });
    let nowhere = json!({ "_": "inputPeerUser", "user_id": "1" });
    for (query, reason) in [
        (String::new(), "EOF while parsing a value at line 1 column 0"),
        ("hello".into(), "expected value at line 1 column 1"),
        (r#"{"_":"help.getConfig"} 1"#.into(), "trailing characters at line 1 column 24"),
        ("[]".into(), "expected an object, found an array"),
        ("{}".into(), "_: missing"),
        (r#"{"_":null}"#.into(), "_: expected a string, found null"),
        (r#"{"_":"help.get"}"#.into(), "_: \"help.get\" is not a function of this schema"),
        (own.to_string(), "_: \"inputPeerSelf\" is not a function of this schema"),
        (r#"{"_":"help.echo"}"#.into(), "data: missing"),
        (r#"{"_":"help.echo","data":"!"}"#.into(), "data: not base64 with padding"),
        (r#"{"_":"auth.logOut","x":1}"#.into(), "x: auth.logOut has no such field"),
        (
            r#"{"_":"auth.logOut","_":"auth.logOut"}"#.into(),
            "a second member \"_\" at line 1 column 37",
        ),
        (
            history(own.clone(), json!(0)).to_string(),
            "offset_id: expected a decimal string, found a number",
        ),
        (history(own, json!("9223372036854775808")).to_string(), "offset_id: not a 64-bit decimal"),
        (history(nowhere, json!("0")).to_string(), "peer.access_hash: missing"),
        (
            r#"{"_":"messages.getDialogs","offset_id":"0","limit":2147483648}"#.into(),
            "limit: does not fit 32 bits",
        ),
    ] {
        assert_eq!(invalid(&world, query).await, reason);
    }
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let reason = invalid(&world, deep).await;
    assert!(reason.starts_with("arrays and objects nest too deeply"), "{reason}");
    assert!(invalid(&world, "[".repeat(100_000)).await.len() < 300);
    let long = json!({ "_": "x\n".repeat(100_000) });
    let reason = invalid(&world, long).await;
    assert!(reason.len() < 300 && !reason.contains('\n'), "{reason}");
}

#[tokio::test]
async fn a_refused_query_shows_no_secret_of_it() {
    let world = World::new();
    world.user(ALICE, "alice").await;
    world.key(STRANGER).await;
    for query in [
        r#"{"_":"auth.signIn","username":"alice","password":8675309}"#,
        r#"{"_":"auth.signIn","username":"alice","password":["8675309"]}"#,
        r#"{"_":"auth.signIn","password":"8675309"}"#,
        r#"{"_":"auth.signIn","username":"alice","passwort":"8675309"}"#,
        r#"{"_":"auth.signIn","username":"alice","password":"8675309","x":"8675309"}"#,
        r#"{"_":"auth.signIn","username":"alice","password":"8675309}"#,
        r#"{"_":"auth.signIn","username":"alice","password":8675309x}"#,
        r#"{"_":"updates.getDifference","pts":8675309000000,"date":0,"qts":0}"#,
        r#"{"_":"updates.getDifference","flags":8675309,"pts":0,"date":0,"qts":0}"#,
        r#"{"_":"messages.getDialogs","offset_id":"8675309!","limit":1}"#,
    ] {
        let reason = invalid(&world, query).await;
        assert!(!reason.contains("8675309"), "{reason}");
    }
    let debug = format!("{:?}", invocation(r#"{"password":"8675309"}"#));
    assert!(!debug.contains("8675309"), "{debug}");
}

#[tokio::test]
async fn what_wraps_a_call_is_refused_inside_a_query() {
    let world = World::new();
    world.user(ALICE, "alice").await;
    world.key(STRANGER).await;
    let query = Raw(functions::help::GetConfig {}.to_bytes().unwrap());
    let msg_id = 4;
    let text = |wrapper: serde_json::Result<String>| wrapper.unwrap();
    let mut inner = invocation(r#"{"_":"help.getConfig"}"#);
    for _ in 0..10 {
        inner = invocation(serde_json::to_string(&inner).unwrap());
    }
    let queries = [
        text(serde_json::to_string(&functions::InvokeAfterMsg { msg_id, query: query.clone() })),
        text(serde_json::to_string(&functions::InvokeAfterMsgs {
            msg_ids: vec![msg_id],
            query: query.clone(),
        })),
        text(serde_json::to_string(&introduction(query.clone()))),
        text(serde_json::to_string(&functions::InvokeWithLayer { layer: 1, query: query.clone() })),
        text(serde_json::to_string(&functions::InvokeWithoutUpdates { query })),
        text(serde_json::to_string(&inner)),
    ];
    let mut refused = BTreeSet::new();
    for query in queries {
        let reason = invalid(&world, query).await;
        let name = reason.strip_suffix(" goes around odnix.invokeJson, not into its query");
        refused.insert(name.and_then(|name| name.strip_prefix("_: ")).unwrap().to_owned());
    }
    assert_eq!(refused, methods_and_wrappers().1);
}

#[tokio::test]
async fn a_binding_is_refused_inside_a_query() {
    let world = World::new();
    world.key(STRANGER).await;
    let binding = functions::auth::BindTempAuthKey {
        perm_auth_key_id: 1,
        nonce: 2,
        expires_at: 3,
        encrypted_message: Bytes::from_static(&[0; 104]),
    };
    let reason = invalid(&world, serde_json::to_string(&binding).unwrap()).await;
    let wanted = "_: auth.bindTempAuthKey belongs to the message that carries it, not into a query";
    assert_eq!(reason, wanted);
}

fn introduction(query: Raw) -> functions::InitConnection {
    functions::InitConnection {
        api_id: 1,
        device_model: "browser".into(),
        system_version: String::new(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_pack: String::new(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query,
    }
}

// --- over a connection ---

async fn server() -> (tempfile::TempDir, odnix_server_ref::Running) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(folder.path());
    options.gateway.request_wait_timeout = std::time::Duration::from_millis(50);
    let server = Server::start(options).await.unwrap();
    (folder, server)
}

async fn call(device: &mut Device, query: impl Display) -> Result<serde_json::Value, CallError> {
    let answer = device.call(&invocation(query)).await?;
    Ok(serde_json::from_str(&answer.data).unwrap())
}

#[tokio::test]
async fn a_message_sent_in_json_reaches_every_other_device() {
    let (_folder, server) = server().await;
    let mut alice = Device::over_tcp(&server).await;
    let query = sign_up("alice", "a password", "Alice");
    let signed_up = call(&mut alice, serde_json::to_string(&query).unwrap()).await.unwrap();
    assert_eq!(signed_up["user"]["first_name"], "Alice");
    let mut laptop = Device::signed_in(&server, "alice").await;
    let mut bob = Device::signed_up(&server, "bob").await;
    for device in [&mut laptop, &mut bob] {
        device.call(&functions::updates::GetState {}).await.unwrap();
    }
    let query = json!({ "_": "contacts.resolveUsername", "username": "bob" });
    let found = call(&mut alice, query).await.unwrap();
    let user = &found["users"][0];
    let peer = json!({
        "_": "inputPeerUser", "user_id": user["id"], "access_hash": user["access_hash"],
    });
    let query = json!({
        "_": "messages.sendMessage", "peer": peer, "message": "from a page", "random_id": "5",
    });
    let sent = call(&mut alice, query).await.unwrap();
    assert_eq!(sent["_"], "messages.sentMessage");
    let told = async |device: &mut Device| match device.next_updates().await {
        Updates::Updates(it) => it.updates.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    };
    let Update::UpdateNewMessage(theirs) = told(&mut bob).await else { panic!() };
    let Update::UpdateMessageSent(own) = told(&mut laptop).await else { panic!() };
    assert_eq!((theirs.message.message.as_str(), own.random_id), ("from a page", 5));
    assert_eq!(sent["id"], theirs.message.id.to_string());
    server.shutdown().await;
}

fn told<T: Debug>(result: Result<T, CallError>) -> (i32, String) {
    match result {
        Err(CallError::Rpc(error)) => (error.code, error.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_wraps_a_call_goes_around_the_json_form() {
    let (_folder, server) = server().await;
    let mut device = Device::over_tcp(&server).await;
    let nearest = invocation(r#"{"_":"help.getNearestDc"}"#);
    let without = functions::InvokeWithoutUpdates { query: Raw(nearest.to_bytes().unwrap()) };
    let introduced = introduction(Raw(without.to_bytes().unwrap()));
    let wrapped =
        functions::InvokeWithLayer { layer: 1, query: Raw(introduced.to_bytes().unwrap()) };
    let reply = device.call(&wrapped).await.unwrap();
    let expected = r#"{"_":"nearestDc","country":"","this_dc":2,"nearest_dc":2}"#;
    assert_eq!(answer(reply.0), expected);

    // Sent at once, and run in their order in both forms.
    let text = serde_json::to_string(&sign_up("alice", "a password", "Alice")).unwrap();
    let first = device.begin(&invocation(text));
    let state = functions::updates::GetState {};
    let second = device.begin(&state);
    let third = device.begin(&invocation(serde_json::to_string(&state).unwrap()));
    device.finish(first).await.unwrap();
    device.finish(second).await.unwrap();
    device.finish(third).await.unwrap();

    // There is no message with this id.
    let after = functions::InvokeAfterMsg { msg_id: 4, query: Raw(nearest.to_bytes().unwrap()) };
    assert_eq!(told(device.call(&after).await), (500, "MSG_WAIT_TIMEOUT".into()));
    let broken = device.call(&invocation("{}")).await;
    assert_eq!(told(broken), (400, "DATA_JSON_INVALID: _: missing".into()));
    server.shutdown().await;
}
