//! The store: group commit, savepoints, durability, limits on keys.

mod common;

use common::{World, key_record};
use odnix_proto::AuthKeyId;
use odnix_server_ref::store::{LogEntry, NewUser, Store, StoreError, StoreOptions, Tx, UserId};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

fn new_user(username: &str) -> NewUser<'_> {
    NewUser { username, first_name: "Name", password_hash: "$", created_at: 0 }
}

#[tokio::test]
async fn an_outcome_is_released_only_after_its_commit() {
    let (at_commit, reached) = mpsc::channel();
    let (go_on, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let world = World::with(StoreOptions {
        before_commit: Some(Arc::new(move || {
            at_commit.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
            Ok(())
        })),
        ..StoreOptions::default()
    });
    let (released, outcome) = mpsc::channel();
    world
        .store
        .submit(
            |tx| tx.create_user(&new_user("alice")),
            move |result: Result<UserId, StoreError>| released.send(result).unwrap(),
        )
        .await
        .unwrap();
    reached.recv().unwrap();
    assert!(outcome.try_recv().is_err(), "released before the commit");
    go_on.send(()).unwrap();
    assert_eq!(outcome.recv().unwrap().unwrap(), UserId(1));
}

#[tokio::test]
async fn a_failed_commit_fails_every_job_of_the_batch_and_leaves_nothing() {
    let fail = Arc::new(Mutex::new(true));
    let failing = Arc::clone(&fail);
    let world = World::with(StoreOptions {
        before_commit: Some(Arc::new(move || {
            if *failing.lock().unwrap() { Err(StoreError::Closed) } else { Ok(()) }
        })),
        ..StoreOptions::default()
    });
    let one = world.store.run(|tx| tx.create_user(&new_user("alice")));
    let two = world.store.run(|tx| tx.create_user(&new_user("bob_")));
    let (one, two): (Result<_, StoreError>, Result<_, StoreError>) = tokio::join!(one, two);
    assert!(matches!(one, Err(StoreError::NotCommitted)));
    assert!(matches!(two, Err(StoreError::NotCommitted)));
    *fail.lock().unwrap() = false;
    let found: Result<_, StoreError> = world.store.run(|tx| tx.user_by_username("alice")).await;
    assert_eq!(found.unwrap(), None);
}

#[tokio::test]
async fn a_failing_or_panicking_job_undoes_its_own_writes_only() {
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let world = World::with(StoreOptions {
        before_commit: Some(Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })),
        ..StoreOptions::default()
    });
    // Until the three jobs wait together: one batch.
    let hold = world.hold_writer().await;
    let good = world.store.run(|tx| tx.create_user(&new_user("good")));
    let bad = world.store.run(|tx| {
        tx.create_user(&new_user("bad_"))?;
        Err::<(), _>(StoreError::Corrupt("on purpose"))
    });
    let worse = world.store.run(|tx| -> Result<(), StoreError> {
        tx.create_user(&new_user("worse"))?;
        panic!("on purpose");
    });
    let release = async {
        while world.store.waiting() < 3 {
            tokio::task::yield_now().await;
        }
        hold.send(()).unwrap();
    };
    let (good, bad, worse, ()) = tokio::join!(good, bad, worse, release);
    let good: Result<UserId, StoreError> = good;
    good.unwrap();
    assert!(matches!(bad, Err(StoreError::Corrupt("on purpose"))));
    assert!(matches!(worse, Err(StoreError::Panicked)));
    assert_eq!(commits.load(Ordering::SeqCst), 2, "the three did not share a commit");
    for (name, there) in [("good", true), ("bad_", false), ("worse", false)] {
        let found: Result<_, StoreError> =
            world.store.run(move |tx| tx.user_by_username(name)).await;
        assert_eq!(found.unwrap().is_some(), there, "{name}");
    }
}

#[tokio::test]
async fn close_finishes_what_waits_and_refuses_the_rest() {
    let world = World::new();
    let (released, outcomes) = mpsc::channel();
    for number in 0..50 {
        let released = released.clone();
        world
            .store
            .submit(
                move |tx| tx.create_user(&new_user(&format!("user{number}"))),
                move |result: Result<UserId, StoreError>| released.send(result).unwrap(),
            )
            .await
            .unwrap();
    }
    world.store.close().await;
    assert_eq!(outcomes.try_iter().filter(Result::is_ok).count(), 50);
    let late = world.store.run(|tx| tx.mailbox(UserId(1).into())).await;
    assert!(matches!(late, Err(StoreError::Closed)));
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_reopen_and_ids_go_on() {
    let mut world = World::new();
    let one: UserId =
        world.store.run(|tx| tx.create_user(&new_user("alice"))).await.unwrap_or_else(never);
    world.reopen().await;
    let two: UserId =
        world.store.run(|tx| tx.create_user(&new_user("bob_"))).await.unwrap_or_else(never);
    assert_eq!((one, two), (UserId(1), UserId(2)));
}

fn never<T>(error: StoreError) -> T {
    panic!("{error}")
}

#[tokio::test]
async fn usernames_differ_by_more_than_case() {
    let world = World::new();
    let _: UserId =
        world.store.run(|tx| tx.create_user(&new_user("Alice"))).await.unwrap_or_else(never);
    let again: Result<UserId, StoreError> =
        world.store.run(|tx| tx.create_user(&new_user("aLICE"))).await;
    assert!(matches!(again, Err(StoreError::Sqlite(_))));
    let found: Option<_> =
        world.store.run(|tx| tx.user_by_username("ALICE")).await.unwrap_or_else(never);
    assert_eq!(found.unwrap().username, "Alice");
}

#[tokio::test]
async fn so_many_jobs_share_a_commit() {
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let world = World::with(StoreOptions {
        batch_max: 2,
        before_commit: Some(Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })),
        ..StoreOptions::default()
    });
    // Until all others wait.
    let hold = world.hold_writer().await;
    for _ in 0..6 {
        world.store.submit(|_| Ok::<_, StoreError>(()), |_| ()).await.unwrap();
    }
    hold.send(()).unwrap();
    world.store.close().await;
    assert_eq!(commits.load(Ordering::SeqCst), 4, "one, and three of two");
}

#[tokio::test]
async fn a_key_is_deleted_once() {
    let world = World::new();
    let key = world.key(1).await;
    for there in [true, false] {
        assert_eq!(world.with_store(move |tx| tx.delete_key(key)).await, there);
        assert!(world.with_store(move |tx| tx.use_key(key, 0)).await.is_none());
    }
}

#[tokio::test]
async fn a_taken_key_id_is_reported_and_the_first_key_stays() {
    let world = World::new();
    world.key(1).await;
    let mut other = key_record(2);
    other.id = AuthKeyId::from_bytes([1; 8]);
    let inserted: bool =
        world.store.run(move |tx| tx.insert_key(&other, 1000)).await.unwrap_or_else(never);
    assert!(!inserted);
    let kept = world
        .store
        .run(|tx| tx.use_key(AuthKeyId::from_bytes([1; 8]), 0))
        .await
        .unwrap_or_else(never)
        .unwrap();
    assert_eq!(kept.auth_key.expose_secret(), &[1; 256]);
    assert_eq!((kept.server_salt, kept.dc), (1, 2));
}

#[tokio::test]
async fn keys_without_a_user_are_capped_and_the_least_recently_used_go_first() {
    let world = World::new();
    let user = world.user(1, "alice").await;
    for number in 2..=4 {
        world.key(number).await;
    }
    let id = |number: u8| AuthKeyId::from_bytes([number; 8]);
    // Key 2 is used again long after the others.
    let used = world
        .store
        .run(move |tx| tx.use_key(id(2), i64::from(u32::MAX) * 1_000_000))
        .await
        .unwrap_or_else(never);
    assert!(used.is_some());
    let newest = key_record(5);
    assert!(world.store.run(move |tx| tx.insert_key(&newest, 2)).await.unwrap_or_else(never));
    for (number, there) in [(1, true), (2, true), (3, false), (4, false), (5, true)] {
        let found =
            world.store.run(move |tx| tx.use_key(id(number), 0)).await.unwrap_or_else(never);
        assert_eq!(found.is_some(), there, "key {number}");
    }
    let logged_in =
        world.store.run(move |tx| tx.session_user(user.key)).await.unwrap_or_else(never);
    assert_eq!(logged_in, Some(user.id));
}

#[tokio::test]
async fn the_log_is_cut_by_count_and_by_bytes_but_never_empty() {
    let world = World::new();
    let user: UserId =
        world.store.run(|tx| tx.create_user(&new_user("alice"))).await.unwrap_or_else(never);
    let fill = move |tx: &mut dyn Tx| {
        for pts in 1..=5 {
            let content = "x".repeat(100);
            let entry = LogEntry { pts, pts_count: 1, event_type: "NewMessage".into(), content };
            tx.append_log(user.into(), &entry)?;
        }
        Ok::<_, StoreError>(())
    };
    world.store.run(fill).await.unwrap_or_else(never);
    for (from, limit, bytes, wanted) in [
        (0, 10, 10_000, 1..=5),
        (0, 2, 10_000, 1..=2),
        (3, 10, 10_000, 4..=5),
        (0, 10, 250, 1..=2),
        (0, 10, 200, 1..=2),
        (0, 10, 1, 1..=1),
    ] {
        let lines: Vec<LogEntry> = world
            .store
            .run(move |tx| tx.log_after(user.into(), from, limit, bytes))
            .await
            .unwrap_or_else(never);
        let pts: Vec<i32> = lines.iter().map(|line| line.pts).collect();
        assert_eq!(pts, wanted.collect::<Vec<i32>>());
    }
}

#[tokio::test]
async fn a_message_keeps_its_place_and_a_deleted_one_stays_deleted_even_to_sql() {
    let world = World::new();
    let user: UserId =
        world.store.run(|tx| tx.create_user(&new_user("alice"))).await.unwrap_or_else(never);
    let write = move |tx: &mut dyn Tx| {
        let chat = tx.ensure_private_chat(user, user)?;
        tx.insert_message(&odnix_server_ref::store::NewMessage {
            chat,
            from: user,
            date: 0,
            text: "said",
            media: None,
            action: None,
        })
    };
    world.store.run(write).await.unwrap_or_else(never);
    world.store.close().await;
    let file = rusqlite::Connection::open(common::database(world.folder.path())).unwrap();
    let change = |sql: &str| file.execute(sql, []);
    for column in ["id", "chat_id", "from_id", "date"] {
        let refused = change(&format!("UPDATE messages SET {column} = 2")).unwrap_err();
        assert!(refused.to_string().contains("only the content"), "{column}");
    }
    let refused = change("UPDATE messages SET action = '{}'").unwrap_err();
    assert!(refused.to_string().contains("only the content"));
    change("UPDATE messages SET message = 'edited', edit_date = 1").unwrap();
    change("UPDATE messages SET message = '', deleted = 1").unwrap();
    let refused = change("UPDATE messages SET message = 'back', deleted = 0").unwrap_err();
    assert!(refused.to_string().contains("deleted message"));
}

#[tokio::test]
async fn a_database_of_a_newer_server_is_refused_untouched() {
    let world = World::new();
    world.store.close().await;
    let path = common::database(world.folder.path());
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let refused = Store::open(&path, StoreOptions::default()).unwrap_err();
    assert!(matches!(refused, StoreError::NewerSchema { found: 99, .. }), "{refused}");
}
