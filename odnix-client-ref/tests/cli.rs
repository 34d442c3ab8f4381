//! The command line: help texts, and one clear sentence with a non-zero exit for each way a
//! command can fail before it reaches a server.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SERVER_KEY: &str = include_str!("../../odnix-proto/tests/fixtures/rsa_public_pkcs1.pem");
const OTHER_KEY: &str = include_str!("../../conformance/vectors/public-auth-key-sample.pem");

fn odnix_client(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-client"));
    command.current_dir(folder);
    for variable in
        ["ODNIX_SERVER", "ODNIX_SERVER_KEY", "ODNIX_DATA", "ODNIX_PASSWORD", "ODNIX_LOG"]
    {
        command.env_remove(variable);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    odnix_client(folder).args(arguments).output().expect("odnix-client runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A folder with a server key in it.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("temp dir");
    std::fs::write(folder.path().join("key.pem"), SERVER_KEY).expect("key");
    folder
}

/// An address nobody listens at.
fn dead_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.local_addr().expect("address").to_string()
}

#[test]
fn help_names_every_command_and_what_it_needs() {
    let folder = folder();
    let help = stdout(&run(folder.path(), &["--help"]));
    let commands = [
        "sign-up", "sign-in", "contacts", "send", "history", "listen", "tui", "state", "check",
        "backup", "restore", "call", "probe", "load",
    ];
    for command in commands {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing from:\n{help}");
        let output = run(folder.path(), &[command, "--help"]);
        assert!(output.status.success(), "{command} --help");
        let help = stdout(&output);
        for option in ["--server <URL|HOST:PORT>", "--key <PEM>", "--data <DIR>", "--json"] {
            assert!(help.contains(option), "{command} lacks {option}:\n{help}");
        }
    }
    assert!(!help.contains("  help "), "one way to ask for help");
}

#[test]
fn help_of_a_command_tells_its_arguments() {
    let folder = folder();
    let cases: [(&str, &[&str]); 9] = [
        ("sign-up", &["<USERNAME>", "--first-name <NAME>", "--password-file <FILE>"]),
        ("sign-in", &["<USERNAME>", "--password-file <FILE>", "ODNIX_PASSWORD"]),
        ("contacts", &["--add <USERNAME>"]),
        ("send", &["<PEER>", "<TEXT>", "`-` reads it from stdin", "--lines"]),
        ("history", &["<PEER>", "--limit <LIMIT>", "--mark-read"]),
        ("listen", &["--count <N>"]),
        (
            "call",
            &["<JSON>", "`-` reads it from stdin", "odnix-client call '{\"_\":\"contacts.resolve"],
        ),
        (
            "probe",
            &["--transport <TRANSPORT>", "--obfuscated", "--count <N>", "--rpc <HEX>", "abridged"],
        ),
        ("load", &["--pairs <N>", "--rate <N|max>", "--seconds <N>", "--save <FILE>", "Ctrl-C"]),
    ];
    for (command, expected) in cases {
        let help = stdout(&run(folder.path(), &[command, "--help"]));
        for text in expected {
            assert!(help.contains(text), "{command} lacks {text}:\n{help}");
        }
    }
}

/// Runs a command that must fail with one line on stderr, and gives that line.
fn failing(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
    let sentence = stderr(&output);
    assert_eq!(sentence.trim_end().lines().count(), 1, "one sentence, got:\n{sentence}");
    sentence
}

#[test]
fn options_may_stand_before_or_after_the_command() {
    let folder = folder();
    let options = ["--key", "key.pem", "--data", "alice", "--json"];
    let before = run(folder.path(), &[&options[..], &["state", "--offline"]].concat());
    let after = run(folder.path(), &[&["state", "--offline"], &options[..]].concat());
    assert!(before.status.success(), "{}", stderr(&before));
    assert_eq!(stdout(&before), stdout(&after));
    assert!(folder.path().join("alice/replica.sqlite").exists());
}

#[test]
fn a_missing_or_wrong_key_file_is_named() {
    let folder = folder();
    let sentence = failing(folder.path(), &["state", "--key", "nowhere.pem"]);
    assert!(sentence.contains("cannot read the server's public key nowhere.pem"), "{sentence}");
    std::fs::write(folder.path().join("list.pem"), "milk, eggs").expect("write");
    let sentence = failing(folder.path(), &["state", "--key", "list.pem"]);
    assert!(sentence.contains("list.pem is not an RSA public key in PEM form"), "{sentence}");
}

#[test]
fn nothing_but_signing_in_works_without_an_account() {
    let folder = folder();
    let dead = dead_address();
    for command in
        [&["contacts"][..], &["send", "bob", "hi"], &["history", "bob"], &["listen"], &["state"]]
    {
        let arguments = [command, &["--key", "key.pem", "--server", &dead]].concat();
        let sentence = failing(folder.path(), &arguments);
        assert!(sentence.contains("not signed in"), "{sentence}");
    }
}

#[test]
fn a_dead_server_is_one_sentence_also_as_json() {
    let folder = folder();
    let dead = dead_address();
    let arguments =
        ["sign-in", "alice", "--password", "x", "--key", "key.pem", "--server", &dead, "--json"];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("cannot reach the server at {dead}");
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    let object: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(object["ok"], false);
    assert!(object["error"].as_str().expect("a sentence").contains(&expected));
}

#[test]
fn a_probe_of_a_dead_server_tells_the_step() {
    let folder = folder();
    let dead = dead_address();
    let output = run(folder.path(), &["probe", "--server", &dead, "--key", "key.pem", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let object: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("one object");
    assert_eq!(object["ok"], false);
    assert_eq!(object["steps"][0]["step"], "connect");
    assert_eq!(object["steps"][0]["ok"], false);
    assert!(!folder.path().join("odnix-client-data").exists(), "no local data");
}

#[test]
fn a_load_that_cannot_begin_says_why_and_keeps_no_data() {
    let folder = folder();
    let dead = dead_address();
    let arguments = ["load", "--key", "key.pem", "--json", "--server"];
    let output = run(folder.path(), &[&arguments[..], &[&dead]].concat());
    assert_eq!(output.status.code(), Some(1));
    let object: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("one object");
    let sentence = object["error"].as_str().expect("a sentence");
    assert!(sentence.contains(&format!("cannot reach the server at {dead}")), "{sentence}");
    let sentence = failing(folder.path(), &["load", "--key", "key.pem", "--save", "no/where"]);
    assert!(sentence.contains("cannot write the result to no/where"), "{sentence}");
    assert!(!folder.path().join("odnix-client-data").exists(), "no local data");
}

#[test]
fn impossible_arguments_are_refused_before_anything_happens() {
    let folder = folder();
    let cases: [&[&str]; 10] = [
        &["load", "--rate", "0"],
        &["load", "--rate", "fast"],
        &["load", "--bytes", "10"],
        &["load", "--pairs", "0"],
        &["call"],
        &["state", "--server", "nowhere"],
        &["state", "--server", "wss://host/apiws"],
        &["probe", "--transport", "pigeon"],
        &["send", "bob"],
        &["sign-in", "alice", "--password", "x", "--password-file", "f"],
    ];
    for arguments in cases {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let sentence = failing(
        folder.path(),
        &["probe", "--key", "key.pem", "--server", "127.0.0.1:1", "--rpc", "xyz"],
    );
    assert!(sentence.contains("not hexadecimal"), "{sentence}");
}

#[test]
fn a_query_that_is_not_json_or_signs_in_is_refused_before_anything_is_asked() {
    let folder = folder();
    let dead = dead_address();
    for (query, expected) in [
        ("help.getConfig", "the query is not JSON: expected value at line 1 column 1"),
        (r#"{"_":"help.getConfig","_":1}"#, "the query is not JSON: a second member \"_\""),
        (r#"{"_":"auth.signIn"}"#, "auth.signIn has a command of its own: use sign-in"),
        (r#"{"_":"auth.signUp"}"#, "auth.signUp has a command of its own: use sign-up"),
        (r#"{"_":"help.getConfig"}"#, "cannot reach the server at"),
    ] {
        let arguments = ["call", query, "--key", "key.pem", "--server", &dead];
        let sentence = failing(folder.path(), &arguments);
        assert!(sentence.contains(expected), "{sentence}");
    }
}

#[test]
fn the_full_framing_over_websocket_is_refused_in_words() {
    let folder = folder();
    let arguments = [
        "sign-in",
        "alice",
        "--password",
        "x",
        "--key",
        "key.pem",
        "--transport",
        "full",
        "--server",
        "ws://127.0.0.1:1/apiws",
    ];
    let sentence = failing(folder.path(), &arguments);
    assert!(sentence.contains("the full framing cannot be obfuscated"), "{sentence}");
}

#[test]
fn obfuscation_over_http_is_refused_in_words() {
    let folder = folder();
    let arguments = ["sign-in", "alice", "--password", "x", "--key", "key.pem", "--obfuscated"];
    let sentence =
        failing(folder.path(), &[&arguments[..], &["--server", "http://127.0.0.1:1"]].concat());
    assert!(sentence.contains("HTTP neither"), "{sentence}");
}

#[test]
fn a_replica_of_another_server_is_left_alone() {
    let folder = folder();
    let path = folder.path();
    let state = ["state", "--offline", "--key", "key.pem", "--json"];
    assert!(run(path, &state).status.success());
    std::fs::write(path.join("other.pem"), OTHER_KEY).expect("key");
    let sentence = failing(path, &["state", "--offline", "--key", "other.pem"]);
    assert!(sentence.contains("belongs to the server with key"), "{sentence}");
    assert!(run(path, &state).status.success(), "the replica is intact");
}

#[test]
fn data_that_cannot_be_written_is_one_sentence() {
    let folder = folder();
    std::fs::write(folder.path().join("file"), "").expect("write");
    let sentence = failing(folder.path(), &["state", "--key", "key.pem", "--data", "file/data"]);
    assert!(sentence.contains("cannot write to file/data"), "{sentence}");
}

#[test]
fn a_check_tells_damage_by_its_exit_code_and_in_words() {
    let folder = folder();
    let path = folder.path();
    let sentence = failing(path, &["check"]);
    assert!(sentence.contains("there is no replica odnix-client-data"), "{sentence}");
    assert!(run(path, &["state", "--offline", "--key", "key.pem"]).status.success());
    let whole = run(path, &["check"]);
    assert!(whole.status.success());
    assert!(stdout(&whole).contains("is undamaged"), "{}", stdout(&whole));

    let file = path.join("odnix-client-data/replica.sqlite");
    let db = rusqlite::Connection::open(file).expect("open");
    db.execute_batch("UPDATE device SET self_user_id = 7").expect("spoil");
    let damaged = run(path, &["check"]);
    assert_eq!(damaged.status.code(), Some(1));
    let text = stdout(&damaged);
    assert!(text.contains("is damaged; restore a backup"), "{text}");
    assert!(text.contains("the account is a known user (see 7)"), "{text}");
    let json = run(path, &["check", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    let object: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("one object");
    assert_eq!(
        (&object["ok"], object["damages"].as_array().map(Vec::len)),
        (&false.into(), Some(1))
    );
    let sentence = failing(path, &["backup", "copy.sqlite"]);
    assert!(sentence.contains("is damaged and was not copied"), "{sentence}");
}
