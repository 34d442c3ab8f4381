//! Servers and clients for end-to-end tests, and the server's log as a mailbox.

#![allow(dead_code, reason = "each test program uses its own part")]

use odnix_client_ref::replica::MailboxModel;
use odnix_client_ref::{Client, ClientEvent, Options, Patience, ServerAddress};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::{Running, Server};
use odnix_tl::odnix::enums::Update;
use odnix_tl::odnix::types;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A test that waits longer than this waits for something that will not come.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// Making a key takes seconds without optimization; tests share one.
const SERVER_KEY: &str = include_str!("../../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");

/// Makes a server's data folder with a key in it.
pub fn server_folder(path: &Path) {
    std::fs::create_dir_all(path).expect("folder");
    let key = path.join("server_key.pem");
    std::fs::write(&key, SERVER_KEY).expect("key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&key, private).expect("mode");
    }
}

/// A server in this process, and a folder for it and its clients.
pub struct House {
    pub folder: TempDir,
    pub server: Running,
}

impl House {
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("temp dir");
        server_folder(&folder.path().join("server"));
        let server = serve(&folder, None).await;
        Self { folder, server }
    }

    /// Stops the server, lets `meanwhile` happen, and starts it again at the same address.
    pub async fn restart(self, meanwhile: impl FnOnce(&Path)) -> Self {
        let Self { folder, server } = self;
        let addresses = (server.ws_address().to_string(), server.tcp_address().to_string());
        server.shutdown().await;
        meanwhile(&folder.path().join("server"));
        let server = serve(&folder, Some(addresses)).await;
        Self { folder, server }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("server/odnix.db")
    }

    pub fn data(&self, device: &str) -> PathBuf {
        self.folder.path().join(device)
    }

    pub fn key(&self) -> RsaPublicKey {
        read_key(self.server.public_key())
    }

    /// Options of a device over TCP.
    pub fn options(&self, device: &str) -> Options {
        options(&self.server.tcp_address().to_string(), self.key(), &self.data(device))
    }

    pub async fn sign_up(&self, name: &str) -> Client {
        self.sign_up_with(name, self.options(name)).await
    }

    pub async fn sign_up_with(&self, name: &str, options: Options) -> Client {
        let client = open(options).await;
        client.sign_up(name, &format!("{name}'s password"), name).await.expect("sign up");
        client
    }

    pub async fn sign_in(&self, name: &str, options: Options) -> Client {
        let client = open(options).await;
        client.sign_in(name, &format!("{name}'s password")).await.expect("sign in");
        client
    }

    /// Waits until the client's digest is that of the server's log.
    pub async fn converge(&self, client: &Client) {
        let user = client.own_user().await.expect("signed in");
        let waiting = async {
            loop {
                client.in_step().await.expect("in step");
                let expected = mailbox_of(&self.database(), &user).digest();
                if client.digest().await.expect("digest") == expected {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the replica equals the log");
    }
}

async fn serve(folder: &TempDir, addresses: Option<(String, String)>) -> Running {
    let mut options = ServeOptions::loopback(folder.path().join("server"));
    if let Some((ws, tcp)) = addresses {
        options.ws = ws;
        options.tcp = tcp;
    }
    Server::start(options).await.expect("server")
}

/// Waits for an event that `wanted` recognises.
pub async fn event<T>(
    events: &mut tokio::sync::broadcast::Receiver<ClientEvent>,
    wanted: impl Fn(&ClientEvent) -> Option<T>,
) -> T {
    let waiting = async {
        loop {
            let event = events.recv().await.expect("the client runs");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the event comes")
}

pub fn read_key(path: &Path) -> RsaPublicKey {
    RsaPublicKey::from_pem(&std::fs::read_to_string(path).expect("key file")).expect("key")
}

pub fn options(server: &str, key: RsaPublicKey, data: &Path) -> Options {
    let server: ServerAddress = server.parse().expect("address");
    Options { patience: Patience::Endless, ..Options::new(server, key, data) }
}

pub async fn open(options: Options) -> Client {
    Client::open(options).await.expect("open")
}

/// The mailbox of a user, made from nothing but the rows of the server's update logs: its own,
/// and those of the large groups of which it is a member.
pub fn mailbox_of(database: &Path, user: &types::User) -> MailboxModel {
    let db = rusqlite::Connection::open(database).expect("server database");
    let db = db.unchecked_transaction().expect("one moment for all");
    let log = |owner: i64| -> Vec<Update> {
        let mut rows = db
            .prepare("SELECT content FROM update_log WHERE owner = ?1 ORDER BY pts")
            .expect("update_log");
        let contents = rows.query_map([owner], |row| row.get::<_, String>(0)).expect("rows");
        contents.map(|it| serde_json::from_str(&it.expect("row")).expect("an update")).collect()
    };
    let mut model = MailboxModel::default();
    log(user.id).iter().for_each(|update| model.apply(update));
    let mut groups = db
        .prepare(
            "SELECT c.id FROM chats c JOIN members m ON m.chat_id = c.id
             WHERE m.user_id = ?1 AND c.kind = 'large'",
        )
        .expect("chats");
    for group in groups.query_map([user.id], |row| row.get::<_, i64>(0)).expect("rows") {
        model.apply_chat_log(user.id, &log(-group.expect("id")));
    }
    model
}
