//! Calls in their JSON form: as a program makes them, as `odnix-client call` does, and as the
//! book shows them.

mod common;

use common::{House, open};
use odnix_client_ref::{CallError, Client};
use odnix_tl::Encode;
use odnix_tl::odnix::{functions, types};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

const BOOK: &str = include_str!("../../docs/interop.md");
const HEADING: &str = "## JSON instead of TL\n";
const NEAREST_DC: &str = r#"{"_":"help.getNearestDc"}"#;

async fn call(client: &Client, query: &Value) -> Result<Value, CallError> {
    let answer = client.call_json(&query.to_string()).await?;
    Ok(serde_json::from_str(&answer).expect("the answer is JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_replica_learns_of_a_call_in_json() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let query = json!({ "_": "contacts.resolveUsername", "username": "bob" });
    let found = call(&alice, &query).await.expect("bob");
    let user = &found["users"][0];
    let peer = json!({
        "_": "inputPeerUser", "user_id": user["id"], "access_hash": user["access_hash"],
    });
    let query = json!({
        "_": "messages.sendMessage", "peer": peer, "message": "hello", "random_id": "7",
    });
    let first = call(&alice, &query).await.expect("sent");
    assert_eq!(call(&alice, &query).await.expect("sent before"), first);
    let to_bob = alice.resolve("bob").await.expect("bob");
    alice.send_message(&to_bob, "and again").await.expect("sent");
    house.converge(&alice).await;
    house.converge(&bob).await;
    assert_eq!(alice.replica(|replica| replica.message_count()).await.expect("count"), 2);
}

// --- the command ---

struct Shell<'a> {
    house: &'a House,
    device: &'a str,
}

impl Shell<'_> {
    async fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-client"));
        command.args(["--server", &self.house.server.tcp_address().to_string(), "--key"]);
        command.arg(self.house.server.public_key()).arg("--data");
        command.arg(self.house.data(self.device)).arg("call").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let stdin = stdin.to_owned();
        let run = move || {
            let mut child = command.spawn().expect("odnix-client starts");
            let mut pipe = child.stdin.take().expect("stdin");
            pipe.write_all(stdin.as_bytes()).expect("stdin");
            drop(pipe);
            child.wait_with_output().expect("odnix-client ends")
        };
        tokio::task::spawn_blocking(run).await.expect("it runs")
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_prints_what_a_function_returns() {
    let house = House::new().await;
    house.sign_up("alice").await.shutdown().await;
    let shell = Shell { house: &house, device: "alice" };

    let output = shell.run(&[NEAREST_DC], "").await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let pretty = [
        "{",
        "  \"_\": \"nearestDc\",",
        "  \"country\": \"\",",
        "  \"this_dc\": 2,",
        "  \"nearest_dc\": 2",
        "}\n",
    ];
    assert_eq!(text(&output.stdout), pretty.join("\n"));

    let query = r#"{"_":"users.getUsers","id":[{"_":"inputUserSelf"}]}"#;
    let output = shell.run(&["-", "--json"], &format!("{query}\n")).await;
    let line = text(&output.stdout);
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    let users: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(users[0]["username"], "alice");

    // Without an account, what needs none works; the rest is one sentence.
    let stranger = Shell { house: &house, device: "nobody" };
    assert!(stranger.run(&[NEAREST_DC], "").await.status.success());
    for (query, sentence) in [
        (query, "this device is not signed in; use sign-in or sign-up first"),
        (
            r#"{"_":"help.echo","data":1}"#,
            "the server cannot read that as the JSON form of a function (DATA_JSON_INVALID: data: \
             expected a base64 string, found a number)",
        ),
    ] {
        let output = stranger.run(&[query, "--json"], "").await;
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(sentence), "{}", text(&output.stderr));
        let shown: Value = serde_json::from_str(text(&output.stdout)).expect("JSON");
        assert_eq!(shown["ok"], false);
    }
}

// --- the book ---

/// The code blocks of the chapter.
fn blocks() -> Vec<&'static str> {
    let (_, chapter) = BOOK.split_once(HEADING).expect("the chapter");
    let chapter = chapter.split("\n## ").next().expect("its text");
    let blocks = chapter.split("```text\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("its end")).collect()
}

#[test]
fn the_bytes_in_the_book_are_those_of_the_query() {
    let words = blocks()[0].lines().map(|line| line.split(' ').next().expect("a word"));
    let shown: String = words.collect();
    let query = types::DataJson { data: NEAREST_DC.to_owned() };
    let bytes = functions::odnix::InvokeJson { query }.to_bytes().expect("short");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(shown, hex);
}

/// Puts into `value` what `other` has for members that differ from server to server.
fn align(value: &mut Value, other: &Value) {
    match (value, other) {
        (Value::Object(members), Value::Object(others)) => {
            for (name, member) in members {
                match (name.as_str(), others.get(name)) {
                    ("access_hash" | "date", Some(other)) => *member = other.clone(),
                    (_, Some(other)) => align(member, other),
                    (_, None) => {}
                }
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            items.iter_mut().zip(others).for_each(|(item, other)| align(item, other));
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_conversation_in_the_book_is_one_that_takes_place() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = open(house.options("bob")).await;
    bob.sign_up("bob", "bob's password", "Bob").await.expect("sign up");
    let access_hash = alice.resolve("bob").await.expect("bob").access_hash;
    let lines: Vec<&str> = blocks()[1].lines().collect();
    assert!(lines.len() >= 8);
    for exchange in lines.chunks(2) {
        let query = exchange[0].strip_prefix("> ").expect("a query");
        let query = query.replace("-5620492334958379008", &access_hash.to_string());
        let answer = alice.call_json(&query).await;
        if let Some(refusal) = exchange[1].strip_prefix("! ") {
            let Err(CallError::Rpc(error)) = answer else { panic!("{answer:?}") };
            assert_eq!(format!("{} {}", error.code, error.message), refusal);
            continue;
        }
        let shown = exchange[1].strip_prefix("< ").expect("an answer");
        let shown: Value = serde_json::from_str(shown).expect("JSON");
        let mut answer: Value = serde_json::from_str(&answer.expect(&query)).expect("JSON");
        align(&mut answer, &shown);
        assert_eq!(answer, shown);
    }
    house.converge(&bob).await;
}
