//! The binary as an operator meets it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_odnix-server"))
}

fn serve(data_dir: &Path) -> Command {
    let mut command = binary();
    command.args(["serve", "--ws", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"]);
    command.arg(data_dir).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits for the ready line.
fn ready(server: &mut Child) -> Value {
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

fn signal(server: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &server.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// It failed, with one line on stderr that says all of `says`.
fn assert_refused(output: &Output, says: &[&str]) {
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let errors: Vec<&str> =
        stderr.lines().filter(|line| line.starts_with("odnix-server: ")).collect();
    let [error] = errors.as_slice() else { panic!("{stderr}") };
    assert!(says.iter().all(|what| error.contains(what)), "{error}");
    assert!(output.stdout.is_empty());
}

#[test]
#[cfg(unix)]
fn a_first_start_makes_keys_says_where_it_listens_and_ends_with_0_on_a_signal() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/data");
    let mut fingerprints = Vec::new();
    for name in ["TERM", "INT"] {
        let mut server = serve(&data).spawn().unwrap();
        let line = ready(&mut server);
        assert_eq!(line["ready"], true);
        let ws = line["ws"].as_str().unwrap();
        assert!(ws.starts_with("ws://127.0.0.1:") && ws.ends_with("/apiws"), "{ws}");
        assert!(line["tcp"].as_str().unwrap().parse::<std::net::SocketAddr>().is_ok());
        let public = data.join("server_key.pub.pem");
        assert_eq!(line["public_key"], public.to_str().unwrap());
        let pem = std::fs::read_to_string(&public).unwrap();
        assert!(pem.starts_with("-----BEGIN RSA PUBLIC KEY-----"));
        let private = data.join("server_key.pem");
        let mode = std::fs::metadata(&private).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let fingerprint = line["fingerprint"].as_str().unwrap().to_owned();
        assert!(fingerprint.len() == 16 && u64::from_str_radix(&fingerprint, 16).is_ok());
        fingerprints.push(fingerprint);
        signal(&server, name);
        assert_eq!(server.wait().unwrap().code(), Some(0), "SIG{name}");
        let mut more = String::new();
        server.stdout.unwrap().read_to_string(&mut more).unwrap();
        assert_eq!(more, "", "one line only");
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
}

#[test]
fn keygen_makes_a_pair_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("key.pem");
    let made = binary().arg("keygen").arg("--out").arg(&out).output().unwrap();
    assert!(made.status.success());
    let line: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(line["private_key"], out.to_str().unwrap());
    assert!(Path::new(line["public_key"].as_str().unwrap()).exists());
    let before = std::fs::read(&out).unwrap();
    let again = binary().arg("keygen").arg("--out").arg(&out).output().unwrap();
    assert_refused(&again, &["key.pem exists already"]);
    assert_eq!(std::fs::read(&out).unwrap(), before);
}

#[test]
fn what_cannot_work_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut first = serve(&data).spawn().unwrap();
    let line = ready(&mut first);
    assert_refused(&serve(&data).output().unwrap(), &["another odnix-server", "data"]);

    let other = folder.path().join("other");
    let taken = line["tcp"].as_str().unwrap();
    let mut command = binary();
    command.args(["serve", "--ws", "127.0.0.1:0", "--tcp", taken, "--data-dir"]).arg(&other);
    assert_refused(&command.output().unwrap(), &["cannot listen on", taken]);

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_refused(&serve(&file).output().unwrap(), &["cannot use the data folder", "file"]);

    let damaged = folder.path().join("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(damaged.join("server_key.pem"), "no key").unwrap();
    assert_refused(&serve(&damaged).output().unwrap(), &["not a usable RSA private key"]);

    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("odnix.db"), "this is no database, not at all").unwrap();
    assert_refused(&serve(&broken).output().unwrap(), &["cannot use the database", "odnix.db"]);

    let mut command = serve(&other);
    assert_refused(&command.args(["--log", "===="]).output().unwrap(), &["--log ===="]);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn the_help_names_every_option() {
    let help = binary().args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for option in [
        "--ws",
        "--tcp",
        "--data-dir",
        "--handshake",
        "--allow-origin",
        "--quota-connections",
        "--quota-handshakes",
        "--log",
        "127.0.0.1:8443",
        "127.0.0.1:8444",
        "./odnix-data",
        "strict",
        "compatible",
    ] {
        assert!(help.contains(option), "{option}");
    }
}
