//! Nothing secret reaches a log, at any level.

mod common;

use common::device::{Device, config, options};
use odnix_proto::transport::Framing;
use odnix_server_ref::Server;
use odnix_server_ref::config::ServeOptions;
use odnix_tl::odnix::functions;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every way in which bytes are usually printed.
fn printed(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    let spaced: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![hex.to_uppercase(), hex, list.join(", "), spaced.join(" ")]
}

#[tokio::test]
async fn keys_passwords_and_messages_stay_out_of_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    let mut device = Device::new(config(&server, options(Framing::Padded, true)));
    device.connect_ws(&server).await;
    device.until_ready().await.unwrap();
    let sign_in = |password: &str| functions::auth::SignIn {
        username: "canary_name".into(),
        password: password.into(),
    };
    let sign_up = functions::auth::SignUp {
        username: "canary_name".into(),
        password: "canary-password".into(),
        first_name: "Canary".into(),
    };
    device.call(&sign_in("canary-wrong-password")).await.unwrap_err();
    device.call(&sign_up).await.unwrap();
    device.call(&sign_in("canary-password")).await.unwrap();
    for query in [
        serde_json::to_string(&sign_in("canary-wrong-in-json")).unwrap(),
        r#"{"_":"auth.signIn","username":"canary_name","password":["canary-in-json"]}"#.into(),
        r#"{"_":"auth.signIn","username":"canary_name","password":"canary-in-json"#.into(),
    ] {
        let query = odnix_tl::odnix::types::DataJson { data: query };
        device.call(&functions::odnix::InvokeJson { query }).await.unwrap_err();
    }
    let own = odnix_tl::odnix::enums::InputPeer::InputPeerSelf;
    device.call(&common::message(&own, "canary-message", 1)).await.unwrap();
    let saved = device.saved_key();
    // A packet that fails its checks, under a known key.
    let mut damaged = Device::resume(config(&server, options(Framing::Abridged, false)), {
        let mut other = saved.clone();
        other.server_salt ^= 1;
        other
    });
    damaged.connect_tcp(&server).await;
    damaged.echo(b"canary-echo").await;
    server.shutdown().await;

    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(text.contains("listening"), "the log is captured");
    let private = std::fs::read_to_string(folder.path().join("server_key.pem")).unwrap();
    let mut secrets: Vec<String> = private.lines().map(str::to_owned).collect();
    secrets.extend(
        ["canary-password", "canary-wrong", "canary-in-json", "canary-message", "canary-echo"]
            .map(str::to_owned),
    );
    secrets.push("argon2id".into());
    let key = saved.auth_key.expose_secret();
    for part in [&key[..8], &key[124..132], &key[248..], &saved.server_salt.to_le_bytes()] {
        secrets.extend(printed(part));
    }
    secrets.push(saved.server_salt.to_string());
    for secret in secrets {
        assert!(!text.contains(&secret), "a secret is in the log: {secret}");
    }
}
