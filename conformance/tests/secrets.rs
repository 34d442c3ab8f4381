//! No secret byte string in any log line: a server and a client work together, from the key
//! exchange to a refused password, while every event of every crate is recorded at the finest
//! level.

use odnix_client_ref::{Client, Options};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_server_ref::{Server, config::ServeOptions};
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

const PASSWORD: &str = "correct-horse-battery-staple-7731";
const WRONG_PASSWORD: &str = "incorrect-horse-battery-staple-1377";
const MESSAGE: &str = "between-the-two-of-us-9152";

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<u8>>>);

impl io::Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Recorder {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Recorder {
    fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// Sixteen bytes of a secret, as a log line might show them.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let list = format!("{bytes:?}");
    let inner = list.trim_matches(['[', ']']).to_owned();
    let escaped = bytes.escape_ascii().to_string();
    vec![
        bytes.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        inner.into_bytes(),
        escaped.into_bytes(),
    ]
}

/// Every place where 16 bytes of `secret` stand in `log`, in any form.
fn leaks(log: &[u8], secret: &[u8]) -> usize {
    secret
        .chunks_exact(16)
        .flat_map(forms)
        .filter(|form| log.windows(form.len()).any(|window| window == form))
        .count()
}

/// The DER inside a PEM file is the private key; what the public file holds too is no secret.
fn private_bytes(private_pem: &str) -> Vec<u8> {
    let base64: String = private_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    // Skips the version, modulus and public exponent: 1 + 256 + 3 bytes and their headers.
    base64.into_bytes().split_off(380)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_any_log_line() {
    let recorder = Recorder::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(recorder.clone())
        .init();

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(ServeOptions::loopback(folder.path().join("server"))).await.unwrap();
    let public = RsaPublicKey::from_pem(&std::fs::read_to_string(server.public_key()).unwrap());
    let public = public.unwrap();
    let mut secrets: Vec<(String, Vec<u8>)> = vec![
        ("password".into(), PASSWORD.into()),
        ("wrong password".into(), WRONG_PASSWORD.into()),
        ("message".into(), MESSAGE.into()),
    ];
    let private = folder.path().join("server/server_key.pem");
    let pem = std::fs::read_to_string(private).unwrap();
    secrets.push(("RSA key".into(), private_bytes(&pem)));

    for (name, address) in
        [("over_tcp", server.tcp_address().to_string()), ("over_ws", server.ws_url())]
    {
        let data = folder.path().join(name);
        let options = Options::new(address.parse().unwrap(), public.clone(), &data);
        let client = Client::open(options).await.unwrap();
        client.sign_up(name, PASSWORD, "Someone").await.unwrap();
        let me = client.own_user().await.unwrap();
        client.send_message(&me, MESSAGE).await.unwrap();
        client.sign_in(name, WRONG_PASSWORD).await.unwrap_err();
        let key = client.replica(|replica| replica.device_key()).await.unwrap().unwrap();
        secrets.push((format!("{name} auth key"), key.auth_key.expose_secret().to_vec()));
        client.cut().await;
        client.send_message(&me, MESSAGE).await.unwrap();
        client.shutdown().await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.shutdown().await;

    let log = recorder.text();
    assert!(log.len() > 500, "the recorder records: {}", String::from_utf8_lossy(&log));
    for (name, secret) in &secrets {
        assert!(secret.len() >= 16, "{name}");
        assert_eq!(leaks(&log, secret), 0, "{name} in the log:\n{}", String::from_utf8_lossy(&log));
    }

    // The check can fail: a planted leak of each secret, in a form of each kind, is found.
    for (name, secret) in &secrets {
        for form in forms(&secret[..16]) {
            let mut planted = log.clone();
            planted.extend(form);
            assert!(leaks(&planted, secret) > 0, "{name}");
        }
    }
}
