//! The server without its gateway: a store, the methods, and keys to call them with.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(missing_docs, reason = "test helpers")]

pub mod device;
pub mod hand;

use bytes::Bytes;
use odnix_proto::{AuthKeyId, Secret, UnixTime};
use odnix_server_ref::files::Files;
use odnix_server_ref::rpc::{
    Caller, Evidence, Form, Outcome, Prepared, Rpc, RpcError, json, password, upload,
};
use odnix_server_ref::store::{KeyRecord, Store, StoreError, StoreOptions, Tx, UserId};
use odnix_tl::odnix::{Request, enums, functions, types};
use odnix_tl::{Decode, Encode, Function};
use std::path::Path;
use std::sync::{Arc, mpsc};
use tempfile::TempDir;

pub const DATE: u64 = 1_800_000_000;

pub struct World {
    pub folder: TempDir,
    pub store: Store,
    pub rpc: Arc<Rpc>,
    pub files: Files,
}

impl World {
    pub fn new() -> Self {
        Self::with(StoreOptions::default())
    }

    pub fn with(options: StoreOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&database(folder.path()), options).unwrap();
        let files = Files::open(&folder.path().join("files")).unwrap();
        Self { folder, store, rpc: Arc::new(Rpc::new([7; 32])), files }
    }

    /// Ends the writer and opens the same file again, as a restart does.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(&database(self.folder.path()), StoreOptions::default()).unwrap();
    }

    /// Keeps the writer busy until what is returned is sent to or dropped: jobs that wait
    /// meanwhile share a commit.
    pub async fn hold_writer(&self) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel();
        let (started, begun) = tokio::sync::oneshot::channel();
        let job = move |_: &mut dyn Tx| {
            started.send(()).unwrap();
            let _ = held.recv();
            Ok::<_, StoreError>(())
        };
        self.store.submit(job, |_| ()).await.unwrap();
        begun.await.unwrap();
        hold
    }

    /// A stored key that nobody is logged in with.
    pub async fn key(&self, number: u8) -> AuthKeyId {
        let id = AuthKeyId::from_bytes([number; 8]);
        let record = key_record(number);
        assert!(self.store.run(move |tx| tx.insert_key(&record, 1000)).await.unwrap());
        id
    }

    /// Runs one request as the gateway would, passwords included.
    pub async fn call<F: Function>(
        &self,
        key: AuthKeyId,
        request: F,
    ) -> Result<(F::Return, Outcome), RpcError> {
        let outcome = self.raw(key, request.to_bytes().unwrap()).await?;
        Ok((F::Return::from_bytes(outcome.reply.clone()).unwrap(), outcome))
    }

    pub async fn raw(&self, key: AuthKeyId, body: Bytes) -> Result<Outcome, RpcError> {
        let (request, form) = match Rpc::decode(body)? {
            Request::OdnixInvokeJson(it) => json::read(&it)?,
            request => (request, Form::Tl),
        };
        if upload::concerns(&request) {
            let wanted = {
                let request = request.clone();
                self.store.run(move |tx| upload::look_up(tx, key, &request)).await?
            };
            let evidence = upload::examine(&self.files, &self.rpc, &request, &wanted)?;
            return self.handle(key, Prepared { request, evidence, form }).await;
        }
        let evidence = match password::username(&request)? {
            None => Evidence::NotNeeded,
            Some(username) => {
                let username = username.to_owned();
                let stored = self.store.run(move |tx| tx.credentials(&username)).await?;
                password::examine(&request, stored)?
            }
        };
        self.handle(key, Prepared { request, evidence, form }).await
    }

    pub async fn handle(&self, key: AuthKeyId, prepared: Prepared) -> Result<Outcome, RpcError> {
        self.handle_as(caller(key), prepared).await
    }

    pub async fn handle_as(&self, caller: Caller, prepared: Prepared) -> Result<Outcome, RpcError> {
        let rpc = Arc::clone(&self.rpc);
        self.store.run(move |tx| rpc.handle(tx, &caller, prepared)).await
    }

    /// What tests do to the store directly.
    pub async fn with_store<T, W>(&self, work: W) -> T
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    {
        self.store.run(work).await.unwrap_or_else(|error: StoreError| panic!("{error}"))
    }

    /// A key with a new user behind it; the account costs no password hashing.
    pub async fn user(&self, number: u8, username: &str) -> Person {
        let key = self.key(number).await;
        let request = functions::auth::SignUp {
            username: username.into(),
            password: "unused".into(),
            first_name: username.to_uppercase(),
        };
        let prepared = Prepared {
            request: request_of(&request),
            evidence: Evidence::Hash("$".into()),
            form: Form::Tl,
        };
        let outcome = self.handle(key, prepared).await.unwrap();
        let authorization = types::auth::Authorization::from_bytes(outcome.reply).unwrap();
        Person { key, id: UserId(authorization.user.id), username: username.into() }
    }

    /// How `viewer` names `target`.
    pub async fn peer(&self, viewer: &Person, target: &Person) -> enums::InputPeer {
        let request = functions::contacts::ResolveUsername { username: target.username.clone() };
        let (resolved, _) = self.call(viewer.key, request).await.unwrap();
        let user = &resolved.users[0];
        enums::InputPeer::InputPeerUser(types::InputPeerUser {
            user_id: user.id,
            access_hash: user.access_hash,
        })
    }

    pub async fn send(
        &self,
        from: &Person,
        peer: &enums::InputPeer,
        text: &str,
        random_id: i64,
    ) -> types::messages::SentMessage {
        self.call(from.key, message(peer, text, random_id)).await.unwrap().0
    }

    pub async fn difference(&self, person: &Person, pts: i32) -> enums::updates::Difference {
        self.call(person.key, get_difference(pts)).await.unwrap().0
    }

    pub async fn state(&self, person: &Person) -> types::updates::State {
        self.call(person.key, functions::updates::GetState {}).await.unwrap().0
    }
}

#[derive(Clone, Debug)]
pub struct Person {
    pub key: AuthKeyId,
    pub id: UserId,
    pub username: String,
}

pub fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("odnix.db")
}

pub fn key_record(number: u8) -> KeyRecord {
    KeyRecord {
        id: AuthKeyId::from_bytes([number; 8]),
        auth_key: Secret::take(&mut [number; 256]),
        server_salt: i64::from(number),
        dc: 2,
        created_at: DATE.cast_signed() + i64::from(number),
    }
}

pub fn caller(key_id: AuthKeyId) -> Caller {
    Caller {
        key_id,
        dc: 2,
        layer: Some(1),
        tcp_address: "127.0.0.1:8444".parse().unwrap(),
        device: None,
        now: UnixTime::from_secs(DATE),
    }
}

pub fn request_of(request: &impl Encode) -> odnix_tl::odnix::Request {
    Rpc::decode(request.to_bytes().unwrap()).unwrap()
}

pub fn message(
    peer: &enums::InputPeer,
    text: &str,
    random_id: i64,
) -> functions::messages::SendMessage {
    functions::messages::SendMessage {
        peer: peer.clone(),
        message: text.into(),
        random_id,
        media: None,
    }
}

pub fn get_difference(pts: i32) -> functions::updates::GetDifference {
    functions::updates::GetDifference {
        pts,
        pts_limit: None,
        pts_total_limit: None,
        date: 0,
        qts: 0,
        qts_limit: None,
    }
}

pub fn refusal<T>(result: Result<T, RpcError>) -> (i32, String) {
    match result {
        Ok(_) => panic!("the request was not refused"),
        Err(error) => (error.code(), error.message()),
    }
}

/// The updates inside pushed `Updates`, and their users.
pub fn pushed(bytes: &Bytes) -> (Vec<enums::Update>, Vec<types::User>) {
    match enums::Updates::from_bytes(bytes.clone()).unwrap() {
        enums::Updates::Updates(it) => (it.updates, it.users),
        enums::Updates::UpdateShort(it) => (vec![it.update], Vec::new()),
        enums::Updates::UpdatesTooLong => (Vec::new(), Vec::new()),
    }
}

/// (pts, pts_count) of a logged update.
pub fn pts_of(update: &enums::Update) -> (i32, i32) {
    match update {
        enums::Update::UpdateNewMessage(it) => (it.pts, it.pts_count),
        enums::Update::UpdateMessageSent(it) => (it.pts, it.pts_count),
        enums::Update::UpdateReadHistory(it) => (it.pts, it.pts_count),
        enums::Update::UpdateEditMessage(it) => (it.pts, it.pts_count),
        enums::Update::UpdateDeleteMessages(it) => (it.pts, it.pts_count),
        enums::Update::UpdateDraftMessage(it) => (it.pts, it.pts_count),
        enums::Update::UpdateChat(it) => (it.pts, it.pts_count),
        enums::Update::UpdateOfChat(it) => pts_of(&it.update),
        other => panic!("{other:?} has no pts"),
    }
}
