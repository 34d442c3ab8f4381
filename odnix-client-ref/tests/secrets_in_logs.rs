//! Nothing secret reaches a log, at any level, nor an error or an event.

mod common;

use common::House;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
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
fn printed(secret: &[u8]) -> [String; 4] {
    let of = |separator: &str, upper: bool| {
        let bytes: Vec<String> = secret
            .iter()
            .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
            .collect();
        bytes.join(separator)
    };
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    [of("", false), of("", true), of(" ", false), numbers.join(", ")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_passwords_and_messages_stay_out_of_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");

    let house = House::new().await;
    let bob = house.sign_up("bob").await;
    let alice = house.sign_up("alice").await;
    let mut events = alice.subscribe();
    let peer = alice.resolve("bob").await.expect("bob");
    alice.send_message(&peer, "canary-message").await.expect("sent");
    bob.lose_next_update();
    alice.send_message(&peer, "canary-lost").await.expect("sent");
    alice.send_message(&peer, "canary-found").await.expect("sent");
    house.converge(&bob).await;
    alice.cut().await;
    let error = bob.sign_in("alice", "canary-password").await.expect_err("another account");
    house.converge(&alice).await;
    let key = alice.replica(|replica| replica.device_key()).await.expect("key").expect("a key");

    let mut text = format!("{error} {error:?} {key:?} {alice:?}");
    while let Ok(event) = events.try_recv() {
        text.push_str(&format!("{event:?}"));
    }
    alice.shutdown().await;
    bob.shutdown().await;
    let logged = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    text.push_str(&String::from_utf8_lossy(&logged));
    assert!(text.contains("client event"), "the log is captured");

    let mut secrets: Vec<String> = vec!["canary-".into(), "alice's password".into()];
    let bytes = key.auth_key.expose_secret();
    for part in [&bytes[..8], &bytes[124..132], &bytes[248..]] {
        secrets.extend(printed(part));
    }
    secrets.extend(printed(&key.server_salt.to_le_bytes()));
    secrets.push(key.server_salt.to_string());
    for secret in secrets {
        assert!(!text.contains(&secret), "a secret is in the log: {secret}");
    }
}
