//! Clients against the reference server, over real sockets: replicas converge to the server's
//! log through cuts, sleep, lost pushes, restarts and full disks.

mod common;

use common::{House, event, mailbox_of, open};
use odnix_client_ref::replica::{PendingSend, Replica, ReplicaError};
use odnix_client_ref::{CallError, ClientError, ClientEvent, Options, Patience, Wire};
use odnix_proto::transport::Framing;
use odnix_tl::odnix::{enums, functions, types};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_talk_over_every_transport() {
    let house = House::new().await;
    let tcp = house.server.tcp_address().to_string();
    let ws = house.server.ws_url();
    let mut wires = Vec::new();
    for framing in Framing::ALL {
        wires.push((tcp.clone(), Wire { framing, obfuscated: false }));
        if framing.can_be_obfuscated() {
            wires.push((tcp.clone(), Wire { framing, obfuscated: true }));
            wires.push((ws.clone(), Wire { framing, obfuscated: false }));
        }
    }
    wires.push((format!("http://{tcp}/api"), Wire::default()));
    let bob = house.sign_up("bob").await;
    let bob_user = bob.own_user().await.expect("own user");
    for (number, (server, wire)) in wires.into_iter().enumerate() {
        let name = format!("alice{number}");
        let server = server.parse().expect("address");
        let alice = Options { server, wire, ..house.options(&name) };
        let alice = house.sign_up_with(&name, alice).await;
        let peer = alice.resolve("bob").await.expect("bob");
        assert_eq!(peer.id, bob_user.id);
        let text = format!("hello over {wire:?}, zażółć 🦀");
        let sent = alice.send_message(&peer, &text).await.expect("sent");
        house.converge(&alice).await;
        house.converge(&bob).await;
        let back = bob.resolve(&name).await.expect("known from the update");
        let history =
            bob.replica(move |replica| replica.history(back.id, 0, 10)).await.expect("history");
        assert_eq!((history[0].id, history[0].text.as_str()), (sent.id, text.as_str()));
        let reply = bob.resolve(&name).await.expect("alice");
        bob.send_message(&reply, "and back").await.expect("reply");
        house.converge(&alice).await;
        alice.shutdown().await;
    }
    house.converge(&bob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_converge_through_cuts_sleep_and_a_lost_push() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let second = house.sign_in("alice", house.options("alice2")).await;
    house.converge(&second).await;
    let (to_bob, to_alice) =
        (alice.resolve("bob").await.expect("bob"), bob.resolve("alice").await.expect("alice"));
    let mut events = bob.subscribe();

    for number in 0..30 {
        match number {
            5 => bob.lose_next_update(),
            10 => second.pause().await,
            15 => alice.cut().await,
            20 => bob.cut().await,
            25 => second.resume().await,
            _ => {}
        }
        alice.send_message(&to_bob, &format!("{number} →")).await.expect("sent");
        bob.send_message(&to_alice, &format!("{number} ←")).await.expect("sent");
    }
    let lost = event(&mut events, |event| match event {
        ClientEvent::PushLost { pts } => Some(*pts),
        _ => None,
    })
    .await;
    let (from, to) = event(&mut events, |event| match event {
        ClientEvent::DifferenceApplied { from_pts, to_pts, .. } => Some((*from_pts, *to_pts)),
        _ => None,
    })
    .await;
    assert!(from < lost && lost <= to, "the difference {from}..{to} brought {lost} back");

    for client in [&alice, &second, &bob] {
        house.converge(client).await;
    }
    assert_eq!(alice.digest().await.expect("digest"), second.digest().await.expect("digest"));
    let texts = |rows: Vec<odnix_client_ref::replica::MessageRow>| {
        rows.into_iter().filter(|row| row.out).map(|row| row.text).collect::<Vec<_>>()
    };
    let rows =
        alice.replica(move |replica| replica.history(to_bob.id, 0, 1000)).await.expect("history");
    assert_eq!(texts(rows), (0..30).map(|number| format!("{number} →")).collect::<Vec<_>>());
    for client in [alice, second, bob] {
        client.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_positions_and_typing_reach_the_other_side() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    let sent = alice.send_message(&to_bob, "read me").await.expect("sent");
    house.converge(&bob).await;
    let to_alice = bob.resolve("alice").await.expect("alice");
    let mut events = alice.subscribe();

    let action = enums::SendMessageAction::SendMessageTypingAction;
    let peer = enums::InputPeer::InputPeerUser(types::InputPeerUser {
        user_id: to_alice.id,
        access_hash: to_alice.access_hash,
    });
    bob.call(&functions::messages::SetTyping { peer, action }).await.expect("typing");
    let typing = event(&mut events, |event| match event {
        ClientEvent::Typing(typing) => Some(typing.user_id),
        _ => None,
    });
    assert_eq!(typing.await, to_bob.id);

    assert!(bob.read_history(&to_alice, i64::MAX).await.expect("read"));
    let read = event(&mut events, |event| match event {
        ClientEvent::Read(read) => Some((read.outbox, read.max_id)),
        _ => None,
    });
    assert_eq!(read.await, (true, sent.id));
    house.converge(&alice).await;
    house.converge(&bob).await;
    assert!(!bob.read_history(&to_alice, i64::MAX).await.expect("nothing is left to read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_send_is_completed_once() {
    let house = House::new().await;
    let bob = house.sign_up("bob").await;
    let alice = house.sign_up("alice").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    alice.shutdown().await;

    // As a crash leaves it: noted, perhaps sent, perhaps not.
    let send = PendingSend { random_id: 77, peer_id: to_bob.id, text: "once".into() };
    let fingerprint = house.key().fingerprint();
    for expected in [1, 1, 0] {
        let mut replica = Replica::open(&house.data("alice"), fingerprint, None).expect("replica");
        if expected == 1 {
            replica.begin_send(&send).expect("noted");
        }
        drop(replica);
        let alice = open(house.options("alice")).await;
        alice.in_step().await.expect("in step");
        assert_eq!(alice.send_pending().await.expect("sent"), expected);
        house.converge(&alice).await;
        alice.shutdown().await;
    }
    house.converge(&bob).await;
    let user = bob.own_user().await.expect("own user");
    let mailbox = mailbox_of(&house.database(), &user);
    assert_eq!(mailbox.messages().map(|row| row.text.as_str()).collect::<Vec<_>>(), ["once"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_is_not_kept() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let own = alice.own_user().await.expect("own user");
    let error = alice.send_message(&own, " ").await.expect_err("empty");
    assert!(error.is_refusal(), "{error}");
    assert_eq!(error.to_string(), "the message is empty (MESSAGE_EMPTY)");
    assert!(alice.replica(|replica| replica.pending_sends()).await.expect("pending").is_empty());
    alice.send_message(&own, "a note to myself").await.expect("sent");
    house.converge(&alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_far_behind_fetches_the_history_instead_of_the_log() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    house.sign_up("bob").await.shutdown().await;
    house.sign_up("carol").await.shutdown().await;
    for name in ["bob", "carol"] {
        let peer = alice.resolve(name).await.expect("peer");
        for number in 0..120 {
            alice.send_message(&peer, &number.to_string()).await.expect("sent");
        }
    }
    let options = Options { log_replay_max: Some(10), ..house.options("alice2") };
    let second = open(options).await;
    let mut events = second.subscribe();
    second.sign_in("alice", "alice's password").await.expect("sign in");
    let messages = event(&mut events, |event| match event {
        ClientEvent::HistoryReloaded { messages } => Some(*messages),
        _ => None,
    });
    assert_eq!(messages.await, 240);
    house.converge(&second).await;
    assert_eq!(alice.digest().await.expect("digest"), second.digest().await.expect("digest"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_client_and_loses_nothing() {
    let house = House::new().await;
    let bob = house.sign_up("bob").await;
    let alice = house.sign_up("alice").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    bob.shutdown().await;
    let text = "x".repeat(4000);
    for _ in 0..60 {
        alice.send_message(&to_bob, &text).await.expect("sent");
    }
    let small = Options { data_bytes_max: Some(192 << 10), ..house.options("bob") };
    let bob = open(small).await;
    let error = bob.in_step().await.expect_err("the disk is full");
    let CallError::Stopped(reason) = &error else { panic!("{error}") };
    assert!(matches!(**reason, ClientError::Replica(ReplicaError::Full { .. })), "{error}");
    bob.shutdown().await;

    let bob = open(house.options("bob")).await;
    house.converge(&bob).await;
    assert_eq!(bob.replica(|replica| replica.message_count()).await.expect("count"), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_and_a_dead_server_are_told_apart() {
    let house = House::new().await;
    let other = include_str!("../../conformance/vectors/public-auth-key-sample.pem");
    let other = odnix_proto::crypto::rsa::RsaPublicKey::from_pem(other).expect("key");
    let wrong = Options { server_key: other, ..house.options("alice") };
    let client = open(wrong).await;
    let error = client.sign_in("alice", "x").await.expect_err("wrong key");
    let CallError::Stopped(reason) = &error else { panic!("{error}") };
    assert!(matches!(**reason, ClientError::WrongKey { .. }), "{error}");

    let (options, server) = (house.options("bob"), house.server);
    server.shutdown().await;
    let dead = Options { patience: Patience::Attempts(2), ..options };
    let error = open(dead).await.sign_in("bob", "x").await.expect_err("dead server");
    let CallError::Stopped(reason) = &error else { panic!("{error}") };
    assert!(matches!(**reason, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_return_by_themselves_after_a_restart() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let bob = house.sign_up("bob").await;
    let to_bob = alice.resolve("bob").await.expect("bob");
    alice.send_message(&to_bob, "before").await.expect("sent");
    let house = house.restart(|_| ()).await;
    alice.send_message(&to_bob, "after").await.expect("sent");
    house.converge(&alice).await;
    house.converge(&bob).await;
    assert_eq!(bob.replica(|replica| replica.message_count()).await.expect("count"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_the_key_asks_for_a_new_login() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let own = alice.own_user().await.expect("own user");
    alice.send_message(&own, "kept").await.expect("sent");
    house.converge(&alice).await;
    let mut events = alice.subscribe();
    let house = house
        .restart(|folder| {
            let db = rusqlite::Connection::open(folder.join("odnix.db")).expect("database");
            db.execute("DELETE FROM sessions", []).expect("delete");
        })
        .await;
    event(&mut events, |event| matches!(event, ClientEvent::KeyUnknown { .. }).then_some(())).await;
    event(&mut events, |event| matches!(event, ClientEvent::SignedOut).then_some(())).await;
    let error = alice.in_step().await.expect_err("signed out");
    assert!(error.is_signed_out(), "{error}");
    alice.sign_in("alice", "alice's password").await.expect("sign in");
    house.converge(&alice).await;
    assert_eq!(alice.replica(|replica| replica.message_count()).await.expect("count"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restored_from_a_backup_is_followed_back() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let own = alice.own_user().await.expect("own user");
    alice.send_message(&own, "in the backup").await.expect("sent");
    let backup = house.folder.path().join("backup.db");
    let copy = backup.clone();
    let house = house
        .restart(|folder| {
            std::fs::copy(folder.join("odnix.db"), copy).expect("backup");
        })
        .await;
    for _ in 0..3 {
        alice.send_message(&own, "lost with the disk").await.expect("sent");
    }
    house.converge(&alice).await;
    let mut events = alice.subscribe();
    let house = house
        .restart(|folder| {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(folder.join(format!("odnix.db{suffix}")));
            }
            std::fs::copy(backup, folder.join("odnix.db")).expect("restore");
        })
        .await;
    event(&mut events, |event| matches!(event, ClientEvent::InStep { .. }).then_some(())).await;
    house.converge(&alice).await;
    assert_eq!(alice.replica(|replica| replica.message_count()).await.expect("count"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_no_second_account() {
    let house = House::new().await;
    house.sign_up("bob").await.shutdown().await;
    let alice = house.sign_up("alice").await;
    let error = alice.sign_in("bob", "bob's password").await.expect_err("another account");
    assert!(error.to_string().contains("belongs to alice"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_left_over_that_cannot_be_sent_does_not_stand_in_the_way_of_others() {
    let house = House::new().await;
    let alice = house.sign_up("alice").await;
    let own = alice.own_user().await.expect("own user");
    alice.shutdown().await;
    let leave = |random_id, peer_id, text: &str| {
        let send = PendingSend { random_id, peer_id, text: text.to_owned() };
        let data = house.data("alice");
        let mut replica = Replica::open(&data, house.key().fingerprint(), None).expect("replica");
        replica.begin_send(&send).expect("noted");
    };
    leave(1, 987_654_321, "to nobody");
    leave(2, own.id, "to myself");
    let alice = open(house.options("alice")).await;
    assert_eq!(alice.send_pending().await.expect("sent"), 1);
    alice.send_message(&own, "new").await.expect("sent");
    house.converge(&alice).await;
    let pending = alice.replica(|replica| replica.pending_sends()).await.expect("pending");
    assert_eq!(pending, []);
    assert_eq!(alice.replica(|replica| replica.message_count()).await.expect("count"), 2);
}
