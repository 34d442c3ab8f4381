//! kill -9 between a write and its answer: what was acknowledged is there, once; what was not
//! is there once or not at all, and once when it is sent again.

mod common;

use common::device::{Device, Reachable, config, options};
use odnix_proto::transport::Framing;
use odnix_tl::Decode;
use odnix_tl::odnix::enums::InputPeer;
use odnix_tl::odnix::{functions, types};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

struct Process {
    child: Child,
    tcp: SocketAddr,
    ws: String,
    public_key: PathBuf,
}

impl Process {
    fn start(data_dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-server"));
        command.args(["serve", "--ws", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"]);
        let child = command.arg(data_dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            tcp: text("tcp").parse().unwrap(),
            ws: text("ws"),
            public_key: text("public_key").into(),
            child,
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reachable for Process {
    fn tcp_address(&self) -> SocketAddr {
        self.tcp
    }

    fn ws_url(&self) -> String {
        self.ws.clone()
    }

    fn public_key(&self) -> &Path {
        &self.public_key
    }
}

#[tokio::test]
async fn kill_9_loses_nothing_acknowledged_and_duplicates_nothing() {
    const ROUNDS: usize = 3;
    const IN_A_ROUND: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(folder.path());
    let mut alice = Device::signed_up(&server, "alice").await;
    let mut results: BTreeMap<String, types::messages::SentMessage> = BTreeMap::new();
    for round in 0..ROUNDS {
        let calls: Vec<_> = (0..IN_A_ROUND)
            .map(|number| {
                let text = format!("round {round} number {number}");
                let random_id = i64::try_from(round * IN_A_ROUND + number + 1).unwrap();
                let request = common::message(&InputPeer::InputPeerSelf, &text, random_id);
                (text, alice.begin(&request))
            })
            .collect();
        // Some answers are there, the rest is anywhere between the socket and the disk.
        for (text, call) in &calls[..round * 10 + 1] {
            results.insert(text.clone(), sent(alice.finish(*call).await.unwrap()));
        }
        server.kill();
        drop(alice.disconnect());
        server = Process::start(folder.path());
        alice.connect_tcp(&server).await;
        for (text, call) in &calls[round * 10 + 1..] {
            let reply = match alice.take(*call) {
                Some(reply) => reply,
                None => alice.finish(*call).await,
            };
            results.insert(text.clone(), sent(reply.unwrap()));
        }
    }
    let total = ROUNDS * IN_A_ROUND;
    assert_eq!(results.len(), total);

    let mut stored = BTreeMap::new();
    let mut offset_id = 0;
    loop {
        let peer = InputPeer::InputPeerSelf;
        let request = functions::messages::GetHistory { peer, offset_id, limit: 100 };
        let page = alice.call(&request).await.unwrap();
        assert_eq!(usize::try_from(page.count).unwrap(), total);
        let Some(last) = page.messages.last() else { break };
        offset_id = last.id;
        for message in page.messages {
            assert!(stored.insert(message.message, message.id).is_none(), "stored twice");
        }
    }
    assert_eq!(stored.len(), total);
    for (text, id) in &stored {
        assert_eq!(results[text].id, *id, "{text}");
    }
    let mut pts: Vec<i32> = results.values().map(|result| result.pts).collect();
    pts.sort_unstable();
    assert!(pts.into_iter().eq(1..=i32::try_from(total).unwrap()));
}

fn sent(reply: bytes::Bytes) -> types::messages::SentMessage {
    Decode::from_bytes(reply).unwrap()
}

#[tokio::test]
async fn a_key_and_a_login_that_were_confirmed_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(folder.path());
    let mut alice = Device::signed_up(&server, "alice").await;
    let saved = alice.saved_key();
    server.kill();
    server = Process::start(folder.path());
    let mut alice = Device::resume(config(&server, options(Framing::Padded, true)), saved);
    alice.connect_ws(&server).await;
    alice.call(&functions::updates::GetState {}).await.unwrap();
}
