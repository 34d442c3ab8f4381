//! The examples do what they say.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs an example that cargo has built beside this test.
fn run(example: &str, arguments: &[&str]) -> Output {
    let test = std::env::current_exe().expect("this test");
    let folder: PathBuf = test.parent().and_then(|deps| deps.parent()).expect("target").into();
    let program = folder.join("examples").join(example);
    Command::new(&program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", program.display()))
}

fn stdout(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn in_memory_answers_with_the_same_words() {
    let text = stdout(&run("in_memory", &[]));
    assert!(text.contains("server: asked hello, server..."), "{text}");
    assert!(text.contains("client: told hello, server..."), "{text}");
}

#[test]
fn the_tour_ends_with_equal_digests_and_tells_what_happened() {
    let file = tempfile::NamedTempFile::new().expect("file");
    let lines: Vec<String> =
        (1..=80).map(|number| format!("line {number}: Grüße, 你好, 🦀")).collect();
    std::fs::write(file.path(), lines.join("\n\n")).expect("write");
    let path = file.path().to_str().expect("UTF-8");
    let text = stdout(&run("tour", &["--messages", path]));
    let expected = [
        "handshake: permanent key ",
        "bound: packets travel under it from now on",
        "is gone (Unknown)",
        " seen 0 times in ",
        "first message: \"line 1: Grüße, 你好, 🦀\"",
        "is lost on purpose",
        "gap: nothing that follows pts ",
        "getDifference from pts ",
        "caught up by ",
        "falls asleep",
        "connection lost: cut on purpose",
        "80 of 80 lines are back",
        "made the group \"Tour\" with Bob",
        "wrote without a connection; the message waits",
        "is back; the message from the tunnel has arrived, once",
        "sees that Bob has read the group",
        "is back: caught up by 3 answers",
        "handshakes/s",
        "160 messages in ",
        "p50 ",
        "p99 ",
        "every replica equals the server's log",
    ];
    for words in expected {
        assert!(text.contains(words), "`{words}` is missing from:\n{text}");
    }
    let digests = |who: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains(who))
            .filter_map(|line| line.split_whitespace().last())
            .filter(|word| word.len() == 64)
            .map(str::to_owned)
            .collect()
    };
    let replicas = [digests("Alice's phone"), digests("Alice's laptop"), digests("Bob's phone")];
    let log = digests("server's log");
    assert_eq!(log.len(), 6, "three after the lines, three after the group");
    for (time, log) in log.chunks(3).enumerate() {
        let replicas: Vec<_> = replicas.iter().map(|replica| replica[time].clone()).collect();
        assert_eq!(replicas, log);
    }
    assert_eq!(replicas[0], replicas[1], "Alice's devices hold the same");
}

#[test]
fn the_tour_names_a_text_it_cannot_read() {
    let output = run("tour", &["--messages", "/nowhere/at all"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read /nowhere/at all"));
}
