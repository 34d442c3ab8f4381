//! The programs as their users run them: `odnix-server` and `odnix-client` as processes.

mod common;

use common::{mailbox_of, open, options, read_key, server_folder};
use odnix_client_ref::Client;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// Builds `odnix-server` in the profile of this test, unless it is up to date, and gives its path.
fn server_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let client = Path::new(env!("CARGO_BIN_EXE_odnix-client"));
        let folder = client.parent().expect("profile folder");
        let target = folder.parent().expect("target folder");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "odnix-server-ref", "--bin", "odnix-server"]);
        build.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success(), "odnix-server does not build");
        folder.join(format!("odnix-server{}", std::env::consts::EXE_SUFFIX))
    })
}

/// A server process. It is killed when dropped.
struct ServerProcess {
    child: Child,
    ws: String,
    tcp: String,
}

impl ServerProcess {
    /// Starts a server on the data in `folder`, at the addresses of an earlier one if given.
    fn start(folder: &Path, addresses: Option<(&str, &str)>) -> Self {
        let (ws, tcp) = addresses.unwrap_or(("127.0.0.1:0", "127.0.0.1:0"));
        let mut child = Command::new(server_program())
            .args(["serve", "--ws", ws, "--tcp", tcp, "--data-dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("odnix-server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("the line is JSON");
        assert_eq!(ready["ready"], true);
        let text = |name: &str| ready[name].as_str().expect(name).to_owned();
        Self { child, ws: text("ws"), tcp: text("tcp") }
    }

    /// kill -9, then the same again on the same data.
    fn kill_and_restart(&mut self, folder: &Path) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        let ws = self.ws.trim_start_matches("ws://").trim_end_matches("/apiws").to_owned();
        *self = Self::start(folder, Some((&ws, &self.tcp)));
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with a server's data in it.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = TempDir::new().expect("temp dir");
        server_folder(&folder.path().join("server"));
        Self { folder }
    }

    fn server_data(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    fn key(&self) -> PathBuf {
        self.server_data().join("server_key.pub.pem")
    }

    fn client(&self, who: &str, server: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-client"));
        command.args(["--server", server, "--json", "--key"]).arg(self.key());
        command.arg("--data").arg(self.folder.path().join(who));
        command.env("ODNIX_PASSWORD", format!("{who}'s password"));
        command
    }

    /// Runs a command that must succeed, and gives its JSON lines.
    fn run(&self, who: &str, server: &str, arguments: &[&str]) -> Vec<Value> {
        json_lines(&self.client(who, server).args(arguments).output().expect("odnix-client runs"))
    }
}

fn json_lines(output: &Output) -> Vec<Value> {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn two_people_talk_by_command_line_over_websocket_and_tcp() {
    let stage = Stage::new();
    let server = ServerProcess::start(&stage.server_data(), None);
    for (round, address) in [&server.ws, &server.tcp].into_iter().enumerate() {
        let (alice, bob) = (format!("alice{round}"), format!("bob{round}"));
        stage.run(&alice, address, &["sign-up", &alice, "--first-name", "Alice"]);
        stage.run(&bob, address, &["sign-up", &bob]);
        let contacts = stage.run(&alice, address, &["contacts", "--add", &bob]);
        assert_eq!(contacts[0]["contacts"][0]["username"], bob.as_str());

        let (listener, mut lines) =
            listen(stage.client(&bob, address).args(["listen", "--count", "2"]));
        let sent = stage.run(&alice, address, &["send", &bob, "hello"]);
        let stdin = pipe(stage.client(&alice, address).args(["send", &bob, "-"]), "zażółć\n🦀\n");
        json_lines(&stdin);
        let heard: Vec<Value> =
            lines.by_ref().filter(|event| event["event"] == "message").take(2).collect();
        assert_eq!(heard[0]["id"], sent[0]["id"]);
        assert_eq!(
            (&heard[0]["text"], &heard[0]["peer"]),
            (&"hello".into(), &alice.clone().into())
        );
        assert_eq!(heard[1]["text"], "zażółć\n🦀");
        assert!(finish(listener).success(), "listen ends after two messages");

        let history = stage.run(&bob, address, &["history", &alice, "--mark-read"]);
        assert_eq!(history[0]["messages"].as_array().expect("messages").len(), 2);
        let state = |who: &str| stage.run(who, address, &["state"]).remove(0);
        let (of_alice, of_bob) = (state(&alice), state(&bob));
        assert_eq!(of_alice["pts"], of_alice["server"]["pts"]);
        assert_eq!(of_alice["dialogs"][0]["read_outbox_max_id"], heard[1]["id"], "bob has read");
        assert_eq!(of_bob["dialogs"][0]["unread_count"], 0);

        let laptop = format!("{alice}-laptop");
        let password = format!("{alice}'s password");
        stage.run(&laptop, address, &["sign-in", &alice, "--password", &password]);
        assert_eq!(state(&laptop)["digest"], of_alice["digest"], "both devices hold the same");
    }
}

fn listen(command: &mut Command) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("odnix-client starts");
    let stdout: ChildStdout = child.stdout.take().expect("stdout");
    let mut lines = BufReader::new(stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"));
    // From here on it prints what arrives.
    let started = lines.by_ref().any(|event| event["event"] == "in_step");
    assert!(started, "listen reaches the server");
    (child, lines)
}

fn finish(mut child: Child) -> std::process::ExitStatus {
    child.wait().expect("wait")
}

fn pipe(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("odnix-client starts");
    child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("write");
    child.wait_with_output().expect("output")
}

#[test]
fn kill_9_between_two_sends_loses_and_repeats_nothing() {
    let stage = Stage::new();
    let mut server = ServerProcess::start(&stage.server_data(), None);
    let tcp = server.tcp.clone();
    stage.run("alice", &tcp, &["sign-up", "alice"]);
    stage.run("bob", &tcp, &["sign-up", "bob"]);
    stage.run("alice", &tcp, &["send", "bob", "before"]);
    server.kill_and_restart(&stage.server_data());
    stage.run("alice", &tcp, &["send", "bob", "after"]);
    let history = stage.run("bob", &tcp, &["history", "alice"]);
    let texts: Vec<&Value> = history[0]["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| &message["text"])
        .collect();
    assert_eq!(texts, ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_the_midst_of_many_sends_loses_and_repeats_nothing() {
    const LINES: usize = 150;
    const WINDOW: usize = 8;
    let stage = Stage::new();
    let mut server = ServerProcess::start(&stage.server_data(), None);
    let device = async |who: &str, address: &str| -> Arc<Client> {
        let data = stage.folder.path().join(who);
        let client = open(options(address, read_key(&stage.key()), &data)).await;
        client.sign_up(who, "a password", who).await.expect("sign up");
        Arc::new(client)
    };
    let alice = device("alice", &server.tcp).await;
    let bob = device("bob", &server.ws).await;
    let to_bob = alice.resolve("bob").await.expect("bob");

    let sender = Arc::clone(&alice);
    let sending = tokio::spawn(async move {
        use futures_util::stream::{self, StreamExt as _};
        let sends = stream::iter(0..LINES).map(|number| {
            let (sender, to_bob) = (&sender, &to_bob);
            async move {
                // Slow enough that the kills fall between and into the sends.
                tokio::time::sleep(Duration::from_millis(20)).await;
                sender.send_message(to_bob, &format!("line {number}")).await.expect("sent").id
            }
        });
        sends.buffered(WINDOW).collect::<Vec<i64>>().await
    });
    for pause_ms in [40, 170, 90, 230] {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        server.kill_and_restart(&stage.server_data());
    }
    let acknowledged = tokio::time::timeout(common::PATIENCE, sending).await;
    let mut acknowledged = acknowledged.expect("all are sent").expect("no panic");
    acknowledged.sort_unstable();

    let database = stage.server_data().join("odnix.db");
    for client in [&alice, &bob] {
        let user = client.own_user().await.expect("own user");
        let waiting = async {
            loop {
                client.in_step().await.expect("in step");
                let log = mailbox_of(&database, &user);
                if client.digest().await.expect("digest") == log.digest() {
                    return log;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let log = tokio::time::timeout(common::PATIENCE, waiting).await.expect("it converges");
        let mut ids: Vec<i64> = log.messages().map(|row| row.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, acknowledged, "what was acknowledged is there, and nothing else");
        let texts: Vec<&str> = log.messages().map(|row| row.text.as_str()).collect();
        let expected: Vec<String> = (0..LINES).map(|number| format!("line {number}")).collect();
        assert_eq!(texts, expected, "each line once and in order");
    }
}

#[test]
fn a_message_given_while_the_server_is_away_is_sent_later_and_once() {
    let stage = Stage::new();
    let mut server = ServerProcess::start(&stage.server_data(), None);
    let tcp = server.tcp.clone();
    stage.run("alice", &tcp, &["sign-up", "alice"]);
    stage.run("bob", &tcp, &["sign-up", "bob"]);
    stage.run("alice", &tcp, &["contacts", "--add", "bob"]);
    server.child.kill().expect("kill");
    server.child.wait().expect("wait");
    let failed = stage
        .client("alice", &tcp)
        .args(["send", "bob", "are you there?"])
        .output()
        .expect("odnix-client runs");
    assert_eq!(failed.status.code(), Some(1));
    let sentence = text(&failed.stderr);
    assert!(sentence.contains("cannot reach the server"), "{sentence}");
    assert!(sentence.contains("the message is kept"), "{sentence}");

    server.kill_and_restart(&stage.server_data());
    stage.run("alice", &tcp, &["contacts"]);
    stage.run("alice", &tcp, &["contacts"]);
    let history = stage.run("bob", &tcp, &["history", "alice"]);
    let messages = history[0]["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["text"], "are you there?");
}

#[test]
fn a_full_disk_is_one_sentence_and_the_data_stays() {
    let stage = Stage::new();
    let server = ServerProcess::start(&stage.server_data(), None);
    stage.run("alice", &server.tcp, &["sign-up", "alice"]);
    stage.run("bob", &server.tcp, &["sign-up", "bob"]);
    let line = "x".repeat(4000) + "\n";
    let sent = pipe(
        stage.client("alice", &server.tcp).args(["send", "bob", "-", "--lines"]),
        &line.repeat(300),
    );
    assert_eq!(json_lines(&sent).len(), 300);
    let full = stage
        .client("bob", &server.tcp)
        .args(["state", "--data-max", "1"])
        .output()
        .expect("odnix-client runs");
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("the disk is full"), "{}", text(&full.stderr));
    let state = stage.run("bob", &server.tcp, &["state"]);
    assert_eq!(state[0]["messages"], 300);
}

#[test]
fn a_probe_passes_every_step_over_every_transport() {
    let stage = Stage::new();
    let server = ServerProcess::start(&stage.server_data(), None);
    let cases: [(&str, &[&str]); 8] = [
        (&server.tcp, &["--transport", "abridged"]),
        (&server.tcp, &["--transport", "intermediate"]),
        (&server.tcp, &["--transport", "padded"]),
        (&server.tcp, &["--transport", "full"]),
        (&server.tcp, &["--transport", "abridged", "--obfuscated"]),
        (&server.tcp, &["--transport", "padded", "--obfuscated"]),
        (&server.ws, &["--transport", "intermediate"]),
        (&server.ws, &["--transport", "padded"]),
    ];
    for (address, transport) in cases {
        // help.getConfig
        let arguments = [&["probe", "--count", "2", "--rpc", "6b18f9c4"], transport].concat();
        let report = stage.run("nobody", address, &arguments).remove(0);
        assert_eq!(report["ok"], true, "{report}");
        let steps: Vec<&str> = report["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| step["step"].as_str().expect("a name"))
            .collect();
        assert_eq!(
            steps,
            ["connect", "key_exchange", "future_salts", "clock", "ping", "ping", "rpc"]
        );
        assert_eq!(report["round_trips_ms"].as_array().expect("pings").len(), 2);
        let result = report["rpc_result"].as_str().expect("hex");
        assert!(result.starts_with("1e241acc"), "a config, got {result}");
    }
    assert!(!stage.folder.path().join("nobody").exists(), "a probe leaves no data");
    let unknown = stage
        .client("nobody", &server.tcp)
        .args(["probe", "--rpc", "efbeadde"])
        .output()
        .expect("odnix-client runs");
    assert_eq!(unknown.status.code(), Some(1), "a refused request is a failed step");
    assert!(text(&unknown.stdout).contains("INPUT_METHOD_INVALID"), "{}", text(&unknown.stdout));
}

#[test]
fn listen_says_goodbye_when_interrupted() {
    let stage = Stage::new();
    let server = ServerProcess::start(&stage.server_data(), None);
    stage.run("alice", &server.ws, &["sign-up", "alice"]);
    let (child, _lines) = listen(stage.client("alice", &server.ws).arg("listen"));
    #[cfg(unix)]
    {
        let id = child.id().to_string();
        assert!(Command::new("kill").arg(id).status().expect("kill runs").success());
        assert!(finish(child).success(), "SIGTERM is a way to end it");
    }
    #[cfg(not(unix))]
    drop(child);
}

#[test]
fn a_device_whose_disk_is_gone_comes_back_from_its_backup() {
    let stage = Stage::new();
    let server = ServerProcess::start(&stage.server_data(), None);
    let folder = stage.folder.path();
    let copy = folder.join("alice.backup");
    let copy = copy.to_str().expect("UTF-8");
    for who in ["alice", "bob"] {
        stage.run(who, &server.tcp, &["sign-up", who]);
    }
    stage.run("bob", &server.tcp, &["send", "alice", "before"]);
    stage.run("alice", &server.tcp, &["history", "bob"]);
    let written = stage.run("alice", &server.tcp, &["backup", copy]);
    assert_eq!((&written[0]["ok"], &written[0]["messages"]), (&true.into(), &1.into()));
    stage.run("bob", &server.tcp, &["send", "alice", "after"]);

    std::fs::remove_dir_all(folder.join("alice")).expect("the disk is gone");
    let restored = stage.run("alice", &server.tcp, &["restore", copy]);
    assert_eq!(restored[0]["digest"], written[0]["digest"]);
    let mut state = stage.client("alice", &server.tcp);
    let refused = state.arg("state").output().expect("odnix-client runs");
    assert!(text(&refused.stderr).contains("not signed in"), "the key was not in the backup");
    stage.run("alice", &server.tcp, &["sign-in", "alice"]);
    let history = stage.run("alice", &server.tcp, &["history", "bob"]);
    let texts: Vec<&Value> = history[0]["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| &message["text"])
        .collect();
    assert_eq!(texts, ["before", "after"]);
    let checked = stage.run("alice", &server.tcp, &["check"]);
    assert_eq!((&checked[0]["ok"], &checked[0]["damages"]), (&true.into(), &Value::Array(vec![])));
}

#[test]
fn a_group_is_written_to_and_read_by_its_title() {
    let stage = Stage::new();
    let server = ServerProcess::start(&stage.server_data(), None);
    for who in ["alice", "bob"] {
        stage.run(who, &server.tcp, &["sign-up", who]);
    }
    let bob =
        &stage.run("alice", &server.tcp, &["contacts", "--add", "bob"])[0]["contacts"][0]["id"];
    let replica = stage.folder.path().join("alice/replica.sqlite");
    let db = rusqlite::Connection::open(replica).expect("open");
    let hash: i64 = db
        .query_row("SELECT access_hash FROM users WHERE username = 'bob'", [], |row| row.get(0))
        .expect("bob");
    let bob = format!(r#"{{"_":"inputUser","user_id":{bob},"access_hash":"{hash}"}}"#,);
    for (random_id, title) in [(1, "Friends"), (2, "Twins"), (3, "Twins")] {
        let create = format!(
            r#"{{"_":"messages.createChat","users":[{bob}],"title":"{title}","random_id":"{random_id}"}}"#
        );
        stage.run("alice", &server.tcp, &["call", &create]);
    }
    let sent = stage.run("alice", &server.tcp, &["send", "group:Friends", "hello, all"]);
    let id = sent[0]["peer_id"].as_str().expect("id").to_owned();
    for name in ["group:Friends".to_owned(), format!("group:{id}")] {
        let history = stage.run("bob", &server.tcp, &["history", &name, "--mark-read"]);
        assert_eq!(history[0]["peer"]["title"], "Friends");
        let last = history[0]["messages"].as_array().expect("messages").last().expect("one");
        assert_eq!(
            (&last["text"], &last["peer"], &last["from"]),
            (&"hello, all".into(), &"Friends".into(), &"alice".into())
        );
    }
    for (name, why) in [("group:Twins", "several groups"), ("group:Nobody", "there is no group")] {
        let mut send = stage.client("alice", &server.tcp);
        let refused = send.args(["send", name, "hello"]).output().expect("odnix-client runs");
        assert!(text(&refused.stderr).contains(why), "{}", text(&refused.stderr));
    }
}
