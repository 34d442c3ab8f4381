//! The help texts in the handbook are the program's.
//!
//! After a change of the command line, `ODNIX_WRITE_HANDBOOK=1 cargo test -p odnix-client-ref
//! --test handbook` writes them anew.

use std::fmt::Write as _;
use std::process::Command;

const HANDBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/client.md");
const HEADING: &str = "## Every command\n";

#[test]
fn the_handbook_shows_the_help_of_every_command() {
    let handbook = std::fs::read_to_string(HANDBOOK).expect("handbook");
    let (before, _) = handbook.split_once(HEADING).expect("the chapter of the commands");
    let expected = format!("{before}{HEADING}{}", chapter());
    if std::env::var_os("ODNIX_WRITE_HANDBOOK").is_some() {
        std::fs::write(HANDBOOK, &expected).expect("write");
    } else {
        assert_eq!(handbook, expected, "see the head of this test for how to write it anew");
    }
}

fn chapter() -> String {
    let mut chapter = String::new();
    let commands = [
        "", "sign-up", "sign-in", "contacts", "send", "history", "listen", "tui", "state", "check",
        "backup", "restore", "call", "probe", "load",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().chain(["-h"]).collect();
        let shown = arguments.join(" ");
        let help = help(&arguments);
        write!(chapter, "\n```text\n$ odnix-client {shown}\n{help}```\n").expect("a string");
    }
    chapter
}

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-client"));
    for variable in
        ["ODNIX_SERVER", "ODNIX_SERVER_KEY", "ODNIX_DATA", "ODNIX_PASSWORD", "ODNIX_LOG"]
    {
        command.env_remove(variable);
    }
    let output = command.args(arguments).output().expect("odnix-client runs");
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = help.lines().map(str::trim_end);
    lines.fold(String::new(), |text, line| text + line + "\n")
}
