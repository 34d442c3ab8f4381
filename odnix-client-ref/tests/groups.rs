//! Groups, edits, deletions and drafts reach every replica, and messages given while the server
//! is away arrive once and in order.

mod common;

use common::{House, PATIENCE, event, open};
use odnix_client_ref::replica::MessageRow;
use odnix_client_ref::{Client, ClientEvent, Options};
use odnix_tl::odnix::types;

async fn history(client: &Client, peer_id: i64) -> Vec<MessageRow> {
    client.replica(move |replica| replica.history(peer_id, 0, 1000)).await.expect("history")
}

async fn texts(client: &Client, peer_id: i64) -> Vec<String> {
    let rows = history(client, peer_id).await.into_iter();
    rows.filter(|row| row.action.is_none()).map(|row| row.text).collect()
}

async fn create(client: &Client, large: bool, users: &[&types::User]) -> i64 {
    client.create_chat("Friends", large, users).await.expect("a group").id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_both_kinds_reach_every_replica() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let second = house.sign_in("bob", house.options("bob2")).await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    for large in [false, true] {
        let title = format!("large: {large}");
        let chat_id = alice.create_chat(&title, large, &[&to_bob]).await.expect("a group").id;
        for number in 0..5 {
            alice.send_to(-chat_id, &format!("{number} from alice")).await.expect("sent");
            house.converge(&bob).await;
            bob.send_to(-chat_id, &format!("{number} from bob")).await.expect("sent");
            if number == 2 {
                second.cut().await;
            }
        }
        for client in [&alice, &bob, &second] {
            house.converge(client).await;
            assert_eq!(texts(client, -chat_id).await.len(), 10, "large: {large}");
            let name = client.replica(move |replica| replica.name_of(-chat_id)).await;
            assert_eq!(name.expect("name"), title);
            let pending = client.replica(|replica| replica.pending_sends()).await;
            assert!(pending.expect("pending").is_empty(), "large: {large}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_a_large_group_drops_it_and_whoever_returns_reads_all_of_it() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    let chat_id = create(&alice, true, &[]).await;
    for number in 0..120 {
        alice.send_to(-chat_id, &number.to_string()).await.expect("sent");
    }
    alice.add_to_chat(chat_id, &[&to_bob]).await.expect("added");
    house.converge(&bob).await;
    assert_eq!(texts(&bob, -chat_id).await.len(), 120);

    bob.leave_chat(chat_id).await.expect("left");
    house.converge(&bob).await;
    assert!(history(&bob, -chat_id).await.is_empty());
    alice.send_to(-chat_id, "while bob was away").await.expect("sent");

    alice.add_to_chat(chat_id, &[&to_bob]).await.expect("added again");
    house.converge(&bob).await;
    assert_eq!(texts(&bob, -chat_id).await.len(), 121);
    house.converge(&alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_deletions_and_drafts_reach_devices_that_replay_or_reload() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    let sleeper = house.sign_in("bob", house.options("bob2")).await;
    let large = create(&alice, true, &[&to_bob]).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let sent = alice.send_message(&to_bob, &number.to_string()).await.expect("sent");
        ids.push(sent.id);
        alice.send_to(-large, &number.to_string()).await.expect("sent");
    }
    house.converge(&sleeper).await;
    sleeper.shutdown().await;

    house.converge(&alice).await;
    let in_group = history(&alice, -large).await;
    for (peer_id, id) in [(to_bob.id, ids[3]), (-large, in_group[7].id)] {
        alice.edit_message(peer_id, id, "changed").await.expect("edited");
    }
    let gone: Vec<i64> = in_group[9..12].iter().map(|row| row.id).collect();
    for (peer_id, gone) in [(to_bob.id, ids[5..15].to_vec()), (-large, gone)] {
        alice.delete_messages(peer_id, gone, true).await.expect("deleted");
    }
    bob.save_draft(-large, "hm").await.expect("draft");
    for client in [&alice, &bob] {
        house.converge(client).await;
    }
    assert_eq!(texts(&alice, to_bob.id).await.len(), 10);
    let draft = bob.replica(move |replica| replica.draft(-large)).await.expect("draft");
    assert_eq!(draft.expect("a draft").text, "hm");

    // One replays the log, one fetches the history.
    let replays = house.options("bob2");
    let reloads = Options { log_replay_max: Some(1), ..house.options("bob3") };
    let sleeper = open(replays).await;
    house.converge(&sleeper).await;
    sleeper.shutdown().await;
    let fresh = house.sign_in("bob", reloads).await;
    house.converge(&fresh).await;
    assert_eq!(fresh.digest().await.expect("digest"), bob.digest().await.expect("digest"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_drops_what_was_deleted_meanwhile() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    house.sign_up("bob").await.shutdown().await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    let mut ids = Vec::new();
    for number in 0..150 {
        ids.push(alice.send_message(&to_bob, &number.to_string()).await.expect("sent").id);
    }
    let sleeper = house.sign_in("alice", house.options("alice2")).await;
    house.converge(&sleeper).await;
    sleeper.shutdown().await;
    for gone in [ids[..30].to_vec(), ids[70..90].to_vec(), ids[140..].to_vec()] {
        alice.delete_messages(to_bob.id, gone, true).await.expect("deleted");
    }
    let reloads = Options { log_replay_max: Some(10), ..house.options("alice2") };
    let sleeper = open(reloads).await;
    house.converge(&sleeper).await;
    assert_eq!(texts(&sleeper, to_bob.id).await.len(), 90);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_given_while_the_server_is_away_arrive_once_and_in_order() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let to_bob = alice.resolve("bob").await.expect("bob").id;
    house.converge(&alice).await;
    alice.pause().await;
    for number in 0..20 {
        alice.send(to_bob, &number.to_string()).await.expect("queued");
    }
    alice.send(to_bob, " ").await.expect("queued, though the server will refuse it");
    let waiting = alice.replica(move |replica| replica.outgoing(to_bob)).await.expect("outgoing");
    assert_eq!(waiting.len(), 21, "shown at once");
    assert!(waiting.iter().all(|it| it.error.is_none()));
    alice.shutdown().await;

    let alice = open(house.options("alice")).await;
    let mut events = alice.subscribe();
    alice.send(to_bob, "after the restart").await.expect("queued");
    assert_eq!(alice.send_pending().await.expect("sent"), 20);
    let id = event(&mut events, |event| match event {
        ClientEvent::SendFailed { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(id.await.contains("MESSAGE_EMPTY"));
    let settled = async {
        loop {
            house.converge(&alice).await;
            let left = alice.replica(|replica| replica.pending_sends()).await.expect("pending");
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("all are sent");
    let own = alice.own_user().await.expect("signed in").id;
    house.converge(&bob).await;
    let mut expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    expected.push("after the restart".to_owned());
    assert_eq!(texts(&bob, own).await, expected);
    assert_eq!(texts(&alice, to_bob).await, expected);
    let failed = alice.replica(move |replica| replica.outgoing(to_bob)).await.expect("outgoing");
    let [failed] = failed.as_slice() else { panic!("one was refused: {failed:?}") };
    assert!(failed.error.as_deref().is_some_and(|it| it.contains("MESSAGE_EMPTY")), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_can_be_noted_by_a_command_while_no_server_answers() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    alice.resolve("bob").await.expect("bob");
    alice.shutdown().await;
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_odnix-client"))
        // Nobody listens there.
        .args(["send", "--queue", "bob", "noted", "--server", "127.0.0.1:1"])
        .arg("--key")
        .arg(house.server.public_key())
        .arg("--data")
        .arg(house.data("alice"))
        .status()
        .expect("odnix-client runs");
    assert!(status.success(), "{status}");

    let alice = open(house.options("alice")).await;
    assert_eq!(alice.send_pending().await.expect("sent"), 1);
    let own = alice.own_user().await.expect("signed in").id;
    house.converge(&bob).await;
    assert_eq!(texts(&bob, own).await, ["noted"]);
}
