//! The crash harness: a short run of it, and proof that its checker notices what is broken.

use odnix_conformance::crash::{ACKNOWLEDGED, DATABASE, Options, check, run};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Builds `odnix-server` in the profile of this test, unless it is up to date.
fn server_program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let program = Path::new(env!("CARGO_BIN_EXE_odnix-crash"));
        let folder = program.parent().expect("profile folder");
        let target = folder.parent().expect("target folder");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "odnix-server-ref", "--bin", "odnix-server"]);
        build.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success(), "odnix-server does not build");
        folder.join(format!("odnix-server{}", std::env::consts::EXE_SUFFIX))
    };
    PROGRAM.get_or_init(build).clone()
}

fn options(folder: &Path, cycles: u32, seed: u64) -> Options {
    Options {
        server: server_program(),
        program: env!("CARGO_BIN_EXE_odnix-crash").into(),
        folder: folder.to_owned(),
        cycles,
        seed,
        cycle: Duration::from_millis(400),
        pause_ms: 10,
    }
}

#[test]
fn ten_kills_lose_repeat_and_reorder_nothing_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = run(&options(folder.path(), 10, 7), |_| ()).expect("a run");
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(report.acknowledged > 0, "nothing was sent");
    assert!(report.server_kills > 0 && report.device_kills > 0, "{report:?}");
}

/// Breaks a copy of a sound folder with `damage`, and gives what the checker says of it.
fn told_of(sound: &Path, damage: impl Fn(&Path)) -> String {
    let copy = tempfile::tempdir().expect("a folder");
    copy_folder(sound, copy.path());
    damage(copy.path());
    let (broken, _) = check::violations(copy.path()).expect("readable files");
    broken.join("\n")
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn execute(database: &Path, statement: &str) {
    let db = Connection::open(database).expect("a database");
    db.execute_batch(statement).expect(statement);
}

#[test]
fn the_checker_notices_each_kind_of_damage() {
    let sound = tempfile::tempdir().expect("a folder");
    let sound = sound.path();
    let report = run(&options(sound, 1, 3), |_| ()).expect("a run");
    assert_eq!(report.violations, Vec::<String>::new());
    assert_eq!(told_of(sound, |_| ()), "", "a copy is as sound as the original");
    let server = |statement: &'static str| {
        told_of(sound, move |folder| execute(&folder.join(DATABASE), statement))
    };
    let replica = |statement: &'static str| {
        told_of(sound, move |folder| execute(&folder.join("bob-phone/replica.sqlite"), statement))
    };

    let lost = server("PRAGMA foreign_keys = OFF; DELETE FROM messages WHERE id = 3");
    assert!(lost.contains("lost: ") && lost.contains("replica differs: bob-laptop"), "{lost}");
    let twice = server(
        "INSERT INTO messages (chat_id, from_id, date, message)
         SELECT chat_id, from_id, date, message FROM messages WHERE id = 3",
    );
    assert!(twice.contains("sent twice: "), "{twice}");
    let log = server("DELETE FROM update_log WHERE pts = 3");
    assert!(log.contains("digest differs: alice-phone"), "{log}");

    let gone = replica("DELETE FROM messages WHERE id = 3");
    assert!(gone.contains("replica differs: bob-phone"), "{gone}");
    assert!(gone.contains("digest differs: bob-phone"), "{gone}");
    let swapped = replica(
        "UPDATE messages SET arrival = -1 WHERE id = 3;
         UPDATE messages SET arrival = 3 WHERE id = 4;
         UPDATE messages SET arrival = 4 WHERE id = 3",
    );
    assert!(swapped.contains("replica differs: bob-phone"), "{swapped}");
    assert!(!swapped.contains("digest differs"), "a digest does not see the order: {swapped}");
    let unsent = replica("INSERT INTO pending_sends (random_id, peer_id, text) VALUES (1, 1, 'x')");
    assert!(unsent.contains("left unsent: bob-phone"), "{unsent}");

    let forged = told_of(sound, |folder| {
        let path = folder.join(ACKNOWLEDGED);
        let lines = std::fs::read_to_string(&path).expect("acknowledged");
        std::fs::write(path, lines + "999999 bob-phone/1/999999\n").expect("acknowledged");
    });
    assert!(forged.contains("lost: `bob-phone/1/999999`"), "{forged}");
}
