//! The help texts, and the examples in them and in the handbook, which are run.
//!
//! After a change of what the program prints, `ODNIX_WRITE_HANDBOOK=1 cargo test -p odnix-tlc
//! --test help` writes the transcripts of the handbook anew.
#![cfg(unix)]

#[allow(dead_code, reason = "each test program uses a part")]
mod common;

use common::{folder, tlc};
use std::{
    path::Path,
    process::{Command, Stdio},
};

const HANDBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tlc.md");

const COMMANDS: [&[&str]; 11] = [
    &[],
    &["check"],
    &["fmt"],
    &["gen"],
    &["gen", "rust"],
    &["gen", "json-schema"],
    &["gen", "markdown"],
    &["diff"],
    &["ids"],
    &["decode"],
    &["encode"],
];

/// Runs a line of a shell with the program in its path: the exit code, and all that it prints.
fn shell(folder: &Path, line: &str) -> (Option<i32>, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_tlc"));
    let programs = program.parent().expect("a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{line}")])
        .env("PATH", format!("{programs}:{path}"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("sh runs");
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn every_command_explains_itself() {
    let folder = folder(&[]);
    let expected: [&[&str]; 11] = [
        &["check ", "fmt ", "gen ", "diff ", "ids ", "decode ", "encode ", "Exit code:"],
        &["<FILE>...", "--deny <WARNINGS>", "ids:", "docs:", "--json"],
        &["<FILE>...", "--check", "--stdout", "as a whole or not at all"],
        &["rust ", "json-schema ", "markdown "],
        &["<FILE>", "--output <OUT>", "--crate-path <PATH>", "odnix_tl", "--features", "--any"],
        &["<FILE>", "--output <OUT>", "--id <URI>", "--title <TITLE>"],
        &["<FILE>", "--output <OUT>", "--title <TITLE>"],
        &["<OLD> <NEW>", "--all", "--json", "--markdown", "--deny-json"],
        &["<FILE>...", "--find <ID>", "--json"],
        &[
            "[HEX]",
            "--schema <FILE>",
            "--type <NAME>",
            "--result-of <FUNCTION>",
            "--lines",
            "--raw",
        ],
        &["[JSON]", "--schema <FILE>", "--file <FILE>", "--lines", "--raw", "--function"],
    ];
    for (command, expected) in COMMANDS.iter().zip(expected) {
        let help = tlc(folder.path(), &[command, &["--help"][..]].concat()).fine();
        for text in expected {
            assert!(help.contains(text), "{command:?} lacks {text}:\n{help}");
        }
        assert!(!help.contains("  help "), "one way to ask for help");
    }
    let version = tlc(folder.path(), &["--version"]).fine();
    assert_eq!(version, format!("tlc {}\n", env!("CARGO_PKG_VERSION")));
    for wrong in [&[][..], &["gen"], &["check"], &["compile"], &["fmt", "--check", "--stdout", "a"]]
    {
        assert_eq!(tlc(folder.path(), wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn the_examples_of_the_help_texts_work() {
    let schema = "\
// LAYER 1

chat.member id:long name:string = chat.Member;

---functions---

chat.getMembers limit:int = Vector<chat.Member>;
";
    let id = odnix_tl::schema::Schema::parse(schema).expect("schema").definitions[0].id();
    let ping = "ec77be7a0200000000000000\n";
    let folder = folder(&[
        ("schema.tl", schema),
        ("old.tl", schema),
        ("new.tl", schema),
        ("objects.hex", ping),
        ("member.json", "{\"_\": \"chat.member\", \"id\": \"1\", \"name\": \"\"}"),
        ("pong.bin", ""),
    ]);
    shell(
        folder.path(),
        "tlc encode --raw '{\"_\":\"pong\",\"msg_id\":\"1\",\"ping_id\":\"2\"}' > pong.bin",
    );
    let mut count = 0;
    for command in COMMANDS {
        let help = tlc(folder.path(), &[command, &["--help"][..]].concat()).fine();
        for example in help.lines().filter_map(|line| line.strip_prefix("  tlc ")) {
            // What is looked up there is not in the schema here.
            let example = example.replace("347773c5", &format!("{id:08x}"));
            let (code, shown) = shell(folder.path(), &format!("tlc {example}"));
            assert_eq!(code, Some(0), "tlc {example}\n{shown}");
            count += 1;
        }
    }
    assert!(count >= 20, "{count}");
}

#[test]
fn the_transcripts_of_the_handbook_are_what_the_program_prints() {
    let handbook = std::fs::read_to_string(HANDBOOK).expect("handbook");
    let folder = folder(&[]);
    let mut expected = String::new();
    let mut blocks = handbook.split("```");
    let mut count = 0;
    while let Some(prose) = blocks.next() {
        expected += prose;
        let Some(block) = blocks.next() else { break };
        let (language, body) = block.split_once('\n').expect("a block has lines");
        let body = match language {
            "console" => transcript(folder.path(), body, &mut count),
            "tl" => {
                // The first line is the name of the file.
                let name = body.lines().next().and_then(|line| line.strip_prefix("// "));
                let name = name.filter(|name| name.ends_with(".tl")).expect("a name");
                std::fs::write(folder.path().join(name), body).expect("write");
                body.to_owned()
            }
            _ => body.to_owned(),
        };
        expected += &format!("```{language}\n{body}```");
    }
    assert!(count >= 15, "{count} commands");
    if std::env::var_os("ODNIX_WRITE_HANDBOOK").is_some() {
        std::fs::write(HANDBOOK, &expected).expect("write");
    } else {
        assert_eq!(handbook, expected, "see the head of this test for how to write it anew");
    }
}

/// The commands of a block, each with what it prints now.
fn transcript(folder: &Path, body: &str, count: &mut usize) -> String {
    let mut shown = String::new();
    for line in body.lines().filter_map(|line| line.strip_prefix("$ ")) {
        *count += 1;
        shown += &format!("$ {line}\n{}", shell(folder, line).1);
        shown += if shown.ends_with('\n') { "" } else { "\n" };
    }
    shown.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
