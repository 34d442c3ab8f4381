//! The client as a program uses it.

use crate::caller::{Caller, input_peer_of, why_stopped};
use crate::change::{Change, Changes};
use crate::driver::clock::{Clock, random_id, seed};
use crate::driver::pump::Pump;
use crate::driver::{Control, Driver, Notices, Patience, ServerAddress, Wire};
use crate::error::{CallError, ClientError};
use crate::event::{ClientEvent, Events};
use crate::replica::{Digest, PendingSend, Replica, ReplicaError, dialog_id};
use crate::store::Store;
use crate::sync::{Local, Standing};
use crate::update_manager::{Command, Reply, UpdateManager};
use odnix_proto::connection::client::{Config, Connection, Init, Pfs, SavedKey};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::limits::Limits;
use odnix_proto::session::{RpcError, Timings};
use odnix_proto::{ConfigError, handshake};
use odnix_tl::odnix::{enums, functions, types};
use odnix_tl::{Function, Raw};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The layer of the application schema this client speaks.
pub const LAYER: i32 = 1;

/// Calls waiting for the driver, and notices waiting for the update manager.
const QUEUE: usize = 1024;

/// Messages that may wait to be sent.
const SENDS_MAX: usize = 10_000;

/// How to open a client.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server listens.
    pub server: ServerAddress,
    /// The server's RSA key.
    pub server_key: RsaPublicKey,
    /// The dc to ask for.
    pub dc: i32,
    /// The folder of the replica; made when it does not exist.
    pub data: PathBuf,
    /// Bound on the size of the replica, in bytes.
    pub data_bytes_max: Option<u64>,
    /// Framing and obfuscation.
    pub wire: Wire,
    /// A replica that is further behind than this fetches the history instead of replaying
    /// the log; `None` replays it whatever its length.
    pub log_replay_max: Option<i32>,
    /// Temporary keys, so that this device's key and its id never cross the wire; `None` uses the
    /// key itself.
    pub pfs: Option<Pfs>,
    /// When to give up connecting.
    pub patience: Patience,
    /// How the device introduces itself.
    pub device_model: String,
}

impl Options {
    /// Padded intermediate framing, temporary keys, endless patience, dc 2.
    pub fn new(server: ServerAddress, server_key: RsaPublicKey, data: impl Into<PathBuf>) -> Self {
        Self {
            server,
            server_key,
            dc: 2,
            data: data.into(),
            data_bytes_max: None,
            wire: Wire::default(),
            log_replay_max: None,
            pfs: Some(Pfs::default()),
            patience: Patience::Endless,
            device_model: "odnix-client".to_owned(),
        }
    }

    fn config(&self) -> Result<Config, ClientError> {
        let limits = Limits::default();
        limits.validate()?;
        let transport = self.wire.towards(&self.server)?.packet_bytes_max(limits.packet_bytes_max);
        Ok(Config {
            handshake: Arc::new(handshake_config(&self.server_key, self.dc)?),
            transport,
            pfs: self.pfs.clone(),
            quick_acks: false,
            init: Some(init(&self.device_model)),
            limits,
            timings: Timings::default(),
        })
    }
}

pub(crate) fn handshake_config(
    server_key: &RsaPublicKey,
    dc: i32,
) -> Result<handshake::client::Config, ConfigError> {
    handshake::client::Config::new(vec![server_key.clone()], dc)
}

pub(crate) fn init(device_model: &str) -> Init {
    let connection = functions::InitConnection {
        api_id: 1,
        device_model: device_model.to_owned(),
        system_version: std::env::consts::OS.to_owned(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        system_lang_code: "en".to_owned(),
        lang_pack: String::new(),
        lang_code: "en".to_owned(),
        proxy: None,
        params: None,
        query: Raw::default(),
    };
    Init { layer: LAYER, connection }
}

/// A message the server has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: i64,
    /// When the server committed it, Unix seconds.
    pub date: i32,
    /// Where the sender's mailbox stood after it.
    pub pts: i32,
}

/// A running client: a replica that follows the server, and calls.
///
/// Dropping it stops its tasks; [`Client::shutdown`] also waits for them.
#[derive(Debug)]
pub struct Client {
    store: Store,
    events: Events,
    calls: Caller,
    controls: mpsc::Sender<Control>,
    commands: mpsc::Sender<Command>,
    standing: watch::Receiver<Standing>,
    lose_push: Arc<AtomicBool>,
    /// Held from before a message is noted until it is queued, so that messages leave in the
    /// order in which they were given.
    sending: Mutex<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Client {
    /// Opens the replica and starts to connect; does not wait for the connection.
    ///
    /// # Errors
    /// The replica cannot be opened, or the options do not fit together.
    pub async fn open(options: Options) -> Result<Self, ClientError> {
        let config = Arc::new(options.config()?);
        let fingerprint = options.server_key.fingerprint();
        let (data, bytes_max) = (options.data.clone(), options.data_bytes_max);
        let opened = tokio::task::spawn_blocking(move || {
            let replica = Replica::open(&data, fingerprint, bytes_max)?;
            let key = replica.device_key()?;
            let left_over = replica.pending_sends()?;
            Ok::<_, ReplicaError>((replica, key, left_over))
        });
        let (replica, key, left_over) =
            opened.await.map_err(|failed| ClientError::Internal(failed.to_string()))??;
        let seed = seed().map_err(ClientError::Entropy)?;
        let connection = match key {
            Some(key) => Connection::resume(
                Arc::clone(&config),
                seed,
                SavedKey {
                    auth_key: key.auth_key,
                    server_salt: key.server_salt,
                    time_offset_us: key.time_offset_us,
                },
            ),
            None => Connection::new(Arc::clone(&config), seed),
        };
        Ok(Self::start(&options, &config, connection, Store::new(replica), left_over))
    }

    fn start(
        options: &Options,
        config: &Config,
        connection: Connection,
        store: Store,
        left_over: Vec<PendingSend>,
    ) -> Self {
        let clock = Clock::start();
        let events = Events::new();
        let (queue, calls) = mpsc::channel(QUEUE);
        let (controls, control_queue) = mpsc::channel(8);
        let (notice_queue, notices) = mpsc::channel(QUEUE);
        let (commands, command_queue) = mpsc::channel(QUEUE);
        let (standing_sender, standing) = watch::channel(Standing::Behind);
        let (stop, stopped) = watch::channel(None);
        let overflown = Arc::new(AtomicBool::new(false));
        let lose_push = Arc::new(AtomicBool::new(false));
        let caller = Caller { queue, stopped };
        let driver = Driver {
            address: options.server.clone(),
            fingerprint: options.server_key.fingerprint(),
            dc: options.dc,
            patience: options.patience,
            calls_max: config.limits.calls_max,
            pump: Pump::new(connection, clock),
            store: store.clone(),
            events: events.clone(),
            notices: Notices { queue: notice_queue, overflown: Arc::clone(&overflown) },
        };
        let manager = UpdateManager {
            store: store.clone(),
            events: events.clone(),
            caller: caller.clone(),
            clock,
            standing: standing_sender,
            overflown,
            lose_push: Arc::clone(&lose_push),
            log_replay_max: options.log_replay_max,
            left_over,
            sends_max: SENDS_MAX,
        };
        let manager_stop = stop.clone();
        let tasks = vec![
            tokio::spawn(async move {
                publish(driver.run(calls, control_queue).await, &stop);
            }),
            tokio::spawn(async move {
                publish(manager.run(notices, command_queue).await, &manager_stop);
            }),
        ];
        Self {
            store,
            events,
            calls: caller,
            controls,
            commands,
            standing,
            lose_push,
            sending: Mutex::new(()),
            tasks,
        }
    }

    /// Watches what happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<ClientEvent> {
        self.events.subscribe()
    }

    /// Watches what changes in the replica from now on, each told once it is stored.
    pub fn changes(&self) -> Changes {
        self.events.changes()
    }

    /// Runs `work` on the local replica, the only thing a user interface reads.
    ///
    /// # Errors
    /// Whatever `work` reports.
    pub async fn replica<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Replica) -> Result<T, ReplicaError> + Send + 'static,
    ) -> Result<T, ReplicaError> {
        self.store.with(work).await
    }

    /// The digest of the local replica.
    ///
    /// # Errors
    /// The replica cannot be read.
    pub async fn digest(&self) -> Result<Digest, ReplicaError> {
        self.store.with(|replica| replica.digest()).await
    }

    /// Calls any function of the schema. Waits through lost transports for the one outcome.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<F: Function>(&self, function: &F) -> Result<F::Return, CallError> {
        self.or_stop(self.calls.call(function)).await
    }

    /// Calls any function of the server's schema by its JSON form, and gives the JSON form of
    /// what it returns.
    ///
    /// The replica learns of it as of what another device does. [`Client::sign_up`] and
    /// [`Client::sign_in`] bind it to its account; do not sign in this way.
    ///
    /// # Errors
    /// [`CallError`]; a text that is no JSON form of a function is refused by the server with
    /// `DATA_JSON_INVALID` and the reason.
    pub async fn call_json(&self, text: &str) -> Result<String, CallError> {
        let query = types::DataJson { data: text.to_owned() };
        let answer = self.call(&functions::odnix::InvokeJson { query }).await?;
        Ok(answer.data)
    }

    /// Waits for `work`, or for the client to stop.
    async fn or_stop<T>(
        &self,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let stopped = self.calls.stopped.clone();
        tokio::select! {
            biased;
            outcome = work => outcome,
            error = why_stopped(stopped) => Err(error),
        }
    }

    /// Waits until the replica holds everything the server has told of.
    ///
    /// # Errors
    /// Nobody is signed in; the client stopped.
    pub async fn in_step(&self) -> Result<(), CallError> {
        self.own_user().await?;
        let mut standing = self.standing.clone();
        let waiting = async move {
            let standing =
                standing.wait_for(|standing| *standing != Standing::Behind).await.map(|now| *now);
            match standing {
                Ok(Standing::SignedOut) => Err(signed_out()),
                Ok(_) => Ok(()),
                // The manager going away is followed by the reason, which `or_stop` reports.
                Err(_) => std::future::pending().await,
            }
        };
        self.or_stop(waiting).await
    }

    /// Waits until the client stops by itself, and tells why.
    pub async fn stopped(&self) -> CallError {
        why_stopped(self.calls.stopped.clone()).await
    }

    // --- account ---

    /// Makes an account and signs this device in.
    ///
    /// # Errors
    /// [`CallError`]; the replica belongs to another account.
    pub async fn sign_up(
        &self,
        username: &str,
        password: &str,
        first_name: &str,
    ) -> Result<types::User, CallError> {
        self.check_account(username).await?;
        let request = functions::auth::SignUp {
            username: username.to_owned(),
            password: password.to_owned(),
            first_name: first_name.to_owned(),
        };
        let authorization = self.call(&request).await?;
        self.signed_in(authorization.user).await
    }

    /// Signs this device in to an account.
    ///
    /// # Errors
    /// [`CallError`]; the replica belongs to another account.
    pub async fn sign_in(&self, username: &str, password: &str) -> Result<types::User, CallError> {
        self.check_account(username).await?;
        let request = functions::auth::SignIn {
            username: username.to_owned(),
            password: password.to_owned(),
        };
        let authorization = self.call(&request).await?;
        self.signed_in(authorization.user).await
    }

    /// A replica holds one mailbox: refuses to mix in another before anything is asked of the
    /// server.
    async fn check_account(&self, username: &str) -> Result<(), CallError> {
        let own = self.store.with(|replica| replica.own_user()).await?;
        match own {
            Some(own) if !own.username.eq_ignore_ascii_case(username) => {
                Err(CallError::Request(format!(
                    "this replica belongs to {}; use another --data folder for {username}",
                    own.username
                )))
            }
            _ => Ok(()),
        }
    }

    async fn signed_in(&self, user: types::User) -> Result<types::User, CallError> {
        let own = user.clone();
        self.store.with(move |replica| replica.save_own_user(&own)).await?;
        let (done, followed) = oneshot::channel();
        self.tell_manager(Command::SignedIn { done }).await?;
        match followed.await {
            Ok(()) => Ok(user),
            Err(_) => Err(self.stopped().await),
        }
    }

    /// The account of this device.
    ///
    /// # Errors
    /// Not signed in; the replica cannot be read.
    pub async fn own_user(&self) -> Result<types::User, CallError> {
        let own = self.store.with(|replica| replica.own_user()).await?;
        own.ok_or_else(signed_out)
    }

    // --- people ---

    /// Finds a user by name, `@name`, id, or `self`: in the replica, else on the server.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn resolve(&self, peer: &str) -> Result<types::User, CallError> {
        if peer == "self" || peer == "me" {
            return self.own_user().await;
        }
        let name = peer.strip_prefix('@').unwrap_or(peer).to_owned();
        let id = peer.parse::<i64>().ok();
        let known = self
            .store
            .with({
                let name = name.clone();
                move |replica| match id {
                    Some(id) => replica.user(id),
                    None => replica.user_by_name(&name),
                }
            })
            .await?;
        if let Some(user) = known {
            return Ok(user);
        }
        let resolved = self.call(&functions::contacts::ResolveUsername { username: name }).await?;
        self.save_users(resolved.users.clone()).await?;
        let found = resolved.users.into_iter().find(|user| user.id == dialog_id(&resolved.peer));
        found.ok_or_else(|| CallError::Answer("it names a user it does not describe".to_owned()))
    }

    /// How a call names a dialog of the replica: a user, or a group with a minus.
    ///
    /// # Errors
    /// [`CallError::Request`]: the replica does not know the user.
    pub async fn input_peer(&self, peer_id: i64) -> Result<enums::InputPeer, CallError> {
        input_peer_of(&self.store, peer_id).await
    }

    async fn save_users(&self, users: Vec<types::User>) -> Result<(), CallError> {
        let ids = users.iter().map(|user| user.id).collect();
        self.store.with(move |replica| replica.save_users(&users)).await?;
        self.tell_manager(Command::Known(ids)).await
    }

    /// Adds a user to the contacts.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn add_contact(&self, user: &types::User) -> Result<types::User, CallError> {
        let id = enums::InputUser::InputUser(types::InputUser {
            user_id: user.id,
            access_hash: user.access_hash,
        });
        let added = self.call(&functions::contacts::AddContact { id }).await?;
        self.save_users(vec![added.clone()]).await?;
        Ok(added)
    }

    /// The contacts, as the server has them now.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn contacts(&self) -> Result<Vec<types::User>, CallError> {
        let contacts = self.call(&functions::contacts::GetContacts {}).await?;
        self.save_users(contacts.users.clone()).await?;
        Ok(contacts.users)
    }

    // --- messages ---

    /// Queues a message and returns its random_id at once, whether or not the server can be
    /// reached. It is sent exactly once, also by a later run of the client, in the order of
    /// the messages of its dialog; until then [`Replica::outgoing`] shows it.
    ///
    /// `peer_id` is a user the replica knows, or a group with a minus.
    ///
    /// # Errors
    /// [`CallError::QueueFull`]; the replica cannot be written.
    pub async fn send(&self, peer_id: i64, text: &str) -> Result<i64, CallError> {
        self.queue(peer_id, text, None).await
    }

    /// Sends a message as [`Client::send`] does, and waits until the server has it.
    ///
    /// Messages of a dialog leave in the order of the first poll of these futures.
    ///
    /// # Errors
    /// [`CallError`]. Unless [`CallError::is_refusal`], the message stays queued.
    pub async fn send_message(&self, peer: &types::User, text: &str) -> Result<Sent, CallError> {
        self.send_to(peer.id, text).await
    }

    /// As [`Client::send_message`], to a user, or to a group with a minus.
    ///
    /// # Errors
    /// [`CallError`]. Unless [`CallError::is_refusal`], the message stays queued.
    pub async fn send_to(&self, peer_id: i64, text: &str) -> Result<Sent, CallError> {
        let (done, outcome) = oneshot::channel();
        self.queue(peer_id, text, Some(done)).await?;
        self.answer(outcome).await
    }

    async fn queue(
        &self,
        peer_id: i64,
        text: &str,
        done: Option<Reply<Sent>>,
    ) -> Result<i64, CallError> {
        let random_id = random_id().ok_or_else(|| {
            CallError::Request("the operating system gives no randomness".to_owned())
        })?;
        let send = PendingSend { random_id, peer_id, text: text.to_owned() };
        let noted = send.clone();
        let _turn = self.sending.lock().await;
        self.store.with(move |replica| replica.queue_send(&noted, SENDS_MAX)).await??;
        self.events.changed(Change::Dialog { peer_id, messages: Vec::new() });
        self.tell_manager(Command::Send { send, done }).await?;
        Ok(random_id)
    }

    /// Waits until what earlier runs left is sent. Returns how many messages that were.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send_pending(&self) -> Result<usize, CallError> {
        let (done, outcome) = oneshot::channel();
        self.tell_manager(Command::SendLeftOver { done }).await?;
        self.answer(outcome).await
    }

    async fn answer<T>(
        &self,
        outcome: oneshot::Receiver<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let waiting = async {
            match outcome.await {
                Ok(outcome) => outcome,
                // The manager going away is followed by the reason, which `or_stop` reports.
                Err(_) => std::future::pending().await,
            }
        };
        self.or_stop(waiting).await
    }

    /// Marks the peer's messages up to `max_id` as read. Returns whether any was unread.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_history(&self, peer: &types::User, max_id: i64) -> Result<bool, CallError> {
        self.read_dialog(peer.id, max_id).await
    }

    /// As [`Client::read_history`], of a user, or of a group with a minus.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_dialog(&self, peer_id: i64, max_id: i64) -> Result<bool, CallError> {
        let newest = self.store.with(move |replica| replica.newest_unread(peer_id, max_id)).await?;
        let Some(max_id) = newest else { return Ok(false) };
        let peer = self.input_peer(peer_id).await?;
        let request = functions::messages::ReadHistory { peer, max_id };
        let affected = self.call(&request).await?;
        // Only the log says how far: the newest of them may have been deleted meanwhile. It is in
        // the mailbox of whoever reads, whatever the dialog.
        let told = Local::Affected { peer_id: 0, pts: affected.pts };
        self.tell_manager(Command::Local(told)).await?;
        Ok(true)
    }

    pub(crate) async fn tell_manager(&self, command: Command) -> Result<(), CallError> {
        match self.commands.send(command).await {
            Ok(()) => Ok(()),
            Err(_) => Err(why_stopped(self.calls.stopped.clone()).await),
        }
    }

    // --- transport, for tests and demonstrations ---

    /// Cuts the connection; the client comes back by itself.
    pub async fn cut(&self) {
        let _ = self.controls.send(Control::Cut).await;
    }

    /// Puts the device to sleep: the connection is dropped until [`Client::resume`].
    pub async fn pause(&self) {
        let _ = self.controls.send(Control::Pause).await;
    }

    /// Wakes the device up.
    pub async fn resume(&self) {
        let _ = self.controls.send(Control::Resume).await;
    }

    /// Test hook: the next pushed update that counts in the log is thrown away, as if a
    /// broken network layer had lost it.
    pub fn lose_next_update(&self) {
        self.lose_push.store(true, Ordering::Release);
    }

    /// Stops the client: what it has received is stored, open calls end with
    /// [`CallError::ShutDown`].
    pub async fn shutdown(self) {
        let Self { calls, controls, commands, tasks, .. } = self;
        drop((calls, controls, commands));
        for task in tasks {
            let _ = task.await;
        }
    }
}

fn signed_out() -> CallError {
    CallError::Rpc(RpcError { code: 401, message: "AUTH_KEY_UNREGISTERED".to_owned() })
}

fn publish(outcome: Result<(), ClientError>, stop: &watch::Sender<Option<Arc<ClientError>>>) {
    if let Err(error) = outcome {
        stop.send_modify(|reason| {
            reason.get_or_insert_with(|| Arc::new(error));
        });
    }
}
