//! Who may call what: each method is called by each role, and `docs/authorization.md` shows the
//! answers. Write the page anew with `ODNIX_WRITE_PAGES=1 cargo test -p odnix-server-ref --test
//! authorization`.

mod common;

use bytes::Bytes;
use common::{Person, World, caller, get_difference, message};
use odnix_proto::AuthKeyId;
use odnix_server_ref::rpc::{Evidence, Form, Outcome, Prepared, Rpc, RpcError, upload};
use odnix_server_ref::store::StoreError;
use odnix_tl::Function;
use odnix_tl::odnix::enums::{InputPeer, InputUser, SendMessageAction};
use odnix_tl::odnix::{Request, SCHEMA, functions, types};
use odnix_tl::schema::{Kind, Schema};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

const PAGE: &str = "../docs/authorization.md";
const BEGIN: &str = "<!-- table: who may call what -->\n";
const END: &str = "<!-- end of table -->";

const ROLES: [&str; 6] = ["nobody", "outsider", "former member", "member", "author", "creator"];

/// Called by nobody in particular, by a key without a login.
const NOBODY: u8 = 9;

/// What requests are made of, as the one who asks would name it.
struct Scene {
    world: World,
    key: AuthKeyId,
    chat_id: i64,
    /// Of the author, in the group.
    message_id: i64,
    /// Alice, named as she is named to the one who asks; by its hash if there is one.
    alice: types::InputUser,
    /// Another device of the one who asks.
    device: i64,
    file: types::StoredFile,
}

impl Scene {
    async fn new(role: &str, large: bool) -> Self {
        let world = World::new();
        let alice = world.user(1, "alice").await;
        let people = [world.user(2, "bob").await, world.user(3, "carol").await];
        let former = world.user(4, "dave").await;
        let outsider = world.user(5, "erin").await;
        let nobody = world.key(NOBODY).await;
        let mut users = Vec::new();
        for person in people.iter().chain([&former]) {
            users.push(InputUser::InputUser(named(&world, &alice, person).await));
        }
        let make =
            functions::messages::CreateChat { large, title: "Town".into(), users, random_id: 1 };
        let chat_id = world.call(alice.key, make).await.unwrap().0.chat.id;
        let user_id = InputUser::InputUserSelf;
        let leave = functions::messages::DeleteChatUser { chat_id, user_id };
        let group = InputPeer::InputPeerChat(types::InputPeerChat { chat_id });
        world.send(&former, &group, "of a former member", 2).await;
        world.call(former.key, leave).await.unwrap();
        let message_id = world.send(&people[0], &group, "of the author", 3).await.id;
        let asking = match role {
            "creator" => &alice,
            "author" => &people[0],
            "member" => &people[1],
            "former member" => &former,
            _ => &outsider,
        };
        let mut scene = Self {
            alice: named(&world, asking, &alice).await,
            key: if role == "nobody" { nobody } else { asking.key },
            device: device(&world, asking).await,
            file: upload(&world, &alice).await,
            world,
            chat_id,
            message_id,
        };
        scene.alice.user_id = alice.id.0;
        scene
    }

    /// What the request would be answered; it changes nothing.
    async fn answer(&self, body: Bytes) -> String {
        let (request, form) = (Rpc::decode(body).unwrap(), Form::Tl);
        let evidence = if upload::concerns(&request) {
            let (key, asked) = (self.key, request.clone());
            let wanted = self.world.store.run(move |tx| upload::look_up(tx, key, &asked)).await;
            let wanted = wanted.unwrap();
            match upload::examine(&self.world.files, &self.world.rpc, &request, &wanted) {
                Ok(evidence) => evidence,
                Err(error) => return format!("`{}`", error.message()),
            }
        } else if matches!(&request, Request::AuthSignIn(_)) {
            Evidence::Differs
        } else {
            Evidence::Hash("$".into())
        };
        let prepared = Prepared { request, evidence, form };
        let (rpc, caller) = (Arc::clone(&self.world.rpc), caller(self.key));
        let undone: Result<(), Undone> = self
            .world
            .store
            .run(move |tx| Err(Undone(Box::new(rpc.handle(tx, &caller, prepared)))))
            .await;
        match *undone.unwrap_err().0 {
            Ok(_) => "yes".to_owned(),
            Err(error) => format!("`{}`", error.message()),
        }
    }

    fn group(&self) -> InputPeer {
        InputPeer::InputPeerChat(types::InputPeerChat { chat_id: self.chat_id })
    }

    fn alice(&self) -> InputUser {
        InputUser::InputUser(self.alice.clone())
    }

    fn to_alice(&self) -> InputPeer {
        let types::InputUser { user_id, access_hash } = self.alice;
        InputPeer::InputPeerUser(types::InputPeerUser { user_id, access_hash })
    }
}

/// The outcome of a transaction that is rolled back.
struct Undone(Box<Result<Outcome, RpcError>>);

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self(Box::new(Err(error.into())))
    }
}

async fn named(world: &World, viewer: &Person, target: &Person) -> types::InputUser {
    match world.peer(viewer, target).await {
        InputPeer::InputPeerUser(it) => {
            types::InputUser { user_id: it.user_id, access_hash: it.access_hash }
        }
        other => panic!("{other:?}"),
    }
}

/// A second login, and its hash.
async fn device(world: &World, person: &Person) -> i64 {
    let second = world.key(20).await;
    let user = person.id;
    let login = move |tx: &mut dyn odnix_server_ref::store::Tx| -> Result<bool, RpcError> {
        Ok(tx.set_session_user(second, Some(user), None)?)
    };
    world.store.run(login).await.unwrap();
    let list = functions::account::GetAuthorizations {};
    let devices = world.call(person.key, list).await.unwrap().0.authorizations;
    devices.iter().find(|device| !device.current).unwrap().hash
}

async fn upload(world: &World, person: &Person) -> types::StoredFile {
    let bytes = Bytes::from_static(b"x");
    let part = functions::upload::SaveFilePart { file_id: 1, file_part: 0, bytes };
    world.call(person.key, part).await.unwrap();
    world.call(person.key, finish()).await.unwrap().0
}

fn finish() -> functions::upload::FinishFile {
    functions::upload::FinishFile {
        file_id: 1,
        parts: 1,
        sha256: Bytes::copy_from_slice(&Sha256::digest(b"x")),
        name: "x".into(),
        mime_type: "x".into(),
    }
}

/// A request of a scene: its method and its bytes.
type Ask = fn(&Scene) -> (&'static str, Bytes);

fn ask<F: Function>(request: F) -> (&'static str, Bytes) {
    (F::NAME, request.to_bytes().unwrap())
}

/// What is asked: of what, and how.
const ROWS: &[(&str, Ask)] = &[
    ("", |_| ask(functions::help::Echo { data: Bytes::new() })),
    ("", |_| ask(functions::help::GetConfig {})),
    ("", |_| ask(functions::help::GetNearestDc {})),
    ("a new name", |_| ask(sign_up())),
    ("a wrong password", |_| ask(sign_in())),
    ("", |_| ask(functions::auth::LogOut {})),
    ("", |_| ask(functions::auth::DropTempAuthKeys { except_auth_keys: vec![] })),
    ("", |it| ask(functions::users::GetUsers { id: vec![it.alice()] })),
    ("", |_| ask(functions::contacts::ResolveUsername { username: "alice".into() })),
    ("a user", |it| ask(functions::contacts::AddContact { id: it.alice() })),
    ("", |_| ask(functions::contacts::GetContacts {})),
    ("a user", |it| ask(message(&it.to_alice(), "hi", 77))),
    ("a group", |it| ask(message(&it.group(), "hi", 77))),
    ("a user", |it| ask(history(it.to_alice()))),
    ("a group", |it| ask(history(it.group()))),
    ("", |_| ask(functions::messages::GetDialogs { offset_id: 0, limit: 10 })),
    ("a group", |it| ask(functions::messages::ReadHistory { peer: it.group(), max_id: 0 })),
    ("a group", |it| ask(typing(it.group()))),
    ("a message of the author", |it| ask(edit(it))),
    ("for everybody, a message of the author", |it| ask(delete(it, true))),
    ("for oneself, a message of the author", |it| ask(delete(it, false))),
    ("a group", |it| ask(functions::messages::SaveDraft { peer: it.group(), message: "x".into() })),
    ("", |_| ask(functions::messages::GetDrafts {})),
    ("a group", |it| ask(search(Some(it.group())))),
    ("everywhere", |_| ask(search(None))),
    ("", |it| ask(create(it))),
    ("a group", |it| ask(add(it))),
    ("a group, the creator", |it| ask(remove(it, it.alice()))),
    ("a group, oneself", |it| ask(remove(it, InputUser::InputUserSelf))),
    ("a group", |it| {
        ask(functions::messages::EditChatTitle { chat_id: it.chat_id, title: "City".into() })
    }),
    ("a group", |it| ask(functions::messages::GetChats { id: vec![it.chat_id] })),
    ("a group", |it| ask(participants(it))),
    ("", |_| ask(functions::updates::GetState {})),
    ("", |_| ask(get_difference(0))),
    ("a group", |it| ask(chat_difference(it))),
    ("", |_| ask(functions::account::UpdateStatus { offline: false })),
    ("", |_| ask(functions::account::GetAuthorizations {})),
    ("own device", |it| ask(functions::account::ResetAuthorization { hash: it.device })),
    ("", |_| ask(part())),
    ("", |_| ask(functions::upload::GetParts { file_id: 5 })),
    ("no parts", |_| ask(functions::upload::FinishFile { file_id: 6, ..finish() })),
    ("a file with its access_hash", |it| ask(file(it, 0))),
    ("a file with another access_hash", |it| ask(file(it, 1))),
];

fn sign_up() -> functions::auth::SignUp {
    functions::auth::SignUp {
        username: "newcomer".into(),
        password: "a password".into(),
        first_name: "New".into(),
    }
}

fn sign_in() -> functions::auth::SignIn {
    functions::auth::SignIn { username: "nobody".into(), password: "wrong".into() }
}

fn history(peer: InputPeer) -> functions::messages::GetHistory {
    functions::messages::GetHistory { peer, offset_id: 0, limit: 10 }
}

fn typing(peer: InputPeer) -> functions::messages::SetTyping {
    let action = SendMessageAction::SendMessageTypingAction;
    functions::messages::SetTyping { peer, action }
}

fn edit(it: &Scene) -> functions::messages::EditMessage {
    let (peer, id) = (it.group(), it.message_id);
    functions::messages::EditMessage { peer, id, message: "edited".into(), media: None }
}

fn delete(it: &Scene, revoke: bool) -> functions::messages::DeleteMessages {
    functions::messages::DeleteMessages { revoke, peer: it.group(), id: vec![it.message_id] }
}

fn search(peer: Option<InputPeer>) -> functions::messages::Search {
    functions::messages::Search { peer, q: "author".into(), offset_id: 0, limit: 10 }
}

fn create(it: &Scene) -> functions::messages::CreateChat {
    let users = vec![it.alice()];
    functions::messages::CreateChat { large: false, title: "New".into(), users, random_id: 78 }
}

fn add(it: &Scene) -> functions::messages::AddChatUsers {
    functions::messages::AddChatUsers { chat_id: it.chat_id, users: vec![it.alice()] }
}

fn remove(it: &Scene, user_id: InputUser) -> functions::messages::DeleteChatUser {
    functions::messages::DeleteChatUser { chat_id: it.chat_id, user_id }
}

fn participants(it: &Scene) -> functions::messages::GetParticipants {
    functions::messages::GetParticipants { chat_id: it.chat_id, offset_id: 0, limit: 10 }
}

fn chat_difference(it: &Scene) -> functions::updates::GetChatDifference {
    functions::updates::GetChatDifference {
        chat_id: it.chat_id,
        pts: 0,
        pts_limit: None,
        pts_total_limit: None,
    }
}

fn part() -> functions::upload::SaveFilePart {
    functions::upload::SaveFilePart { file_id: 5, file_part: 0, bytes: Bytes::from_static(b"x") }
}

fn file(it: &Scene, wrong: i64) -> functions::upload::GetFile {
    let (id, access_hash) = (it.file.id, it.file.access_hash ^ wrong);
    functions::upload::GetFile { id, access_hash, offset: 0, limit: 10 }
}

async fn table() -> (String, BTreeSet<String>) {
    let mut lines = format!("| method | of what | {} |\n", ROLES.join(" | "));
    lines.push_str(&format!("|---|---|{}\n", "---|".repeat(ROLES.len())));
    let mut methods = BTreeSet::new();
    let mut scenes = [Vec::new(), Vec::new()];
    for role in ROLES {
        scenes[0].push(Scene::new(role, false).await);
        scenes[1].push(Scene::new(role, true).await);
    }
    for (of_what, request) in ROWS {
        let sizes: &[bool] =
            if of_what.is_empty() || *of_what == "a user" { &[false] } else { &[false, true] };
        let mut rows: Vec<(&str, String, Vec<String>)> = Vec::new();
        for &large in sizes {
            let mut answers = Vec::new();
            let mut method = "";
            for scene in &scenes[usize::from(large)] {
                let (name, body) = request(scene);
                method = name;
                answers.push(scene.answer(body).await);
            }
            methods.insert(method.to_owned());
            let of_what = match (sizes.len(), large) {
                (2, true) => of_what.replace("a group", "a large group"),
                _ => (*of_what).to_owned(),
            };
            rows.push((method, of_what, answers));
        }
        if let [(_, of_small, small), (_, of_large, large)] = &mut rows[..] {
            if small == large {
                rows.pop();
            } else if of_small == of_large {
                of_small.push_str(", small group");
                of_large.push_str(", large group");
            } else {
                *of_small = of_small.replace("a group", "a small group");
            }
        }
        for (method, of_what, answers) in rows {
            writeln!(lines, "| `{method}` | {of_what} | {} |", answers.join(" | ")).unwrap();
        }
    }
    (lines, methods)
}

#[tokio::test]
async fn each_role_may_do_what_the_page_says() {
    let (table, called) = table().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("ODNIX_WRITE_PAGES").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}\n{table}\n{END}{tail}")).unwrap();
    } else {
        assert_eq!(shown.trim(), table.trim(), "docs/authorization.md is not what the server does");
    }
    let lines = Schema::parse(SCHEMA.text()).unwrap().definitions;
    let methods = lines.iter().filter(|line| line.kind == Kind::Function).map(ToString::to_string);
    let peeled = |line: &String| {
        line.contains("!X") || line.starts_with("odnix.") || line.contains("bindTempAuthKey")
    };
    let name = |line: String| line.split(['#', ' ']).next().unwrap().to_owned();
    let methods: BTreeSet<String> = methods.filter(|line| !peeled(line)).map(name).collect();
    assert_eq!(called, methods, "each method needs a row");
}
