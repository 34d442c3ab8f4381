//! The full-text index is written once for each commit, and nobody can tell.

mod common;

use common::World;
use odnix_server_ref::store::{
    ChatId, MessageId, NewMessage, NewUser, Sight, StoreError, Tx, UserId,
};

const ALICE: UserId = UserId(1);

fn saved(tx: &mut dyn Tx) -> Result<ChatId, StoreError> {
    tx.ensure_private_chat(ALICE, ALICE)
}

fn write(tx: &mut dyn Tx, text: &str) -> Result<MessageId, StoreError> {
    let chat = saved(tx)?;
    tx.insert_message(&NewMessage { chat, from: ALICE, date: 1, text, media: None, action: None })
}

fn sight(tx: &mut dyn Tx) -> Result<Sight, StoreError> {
    Ok(Sight { viewer: ALICE, chat: saved(tx)?, whole: true })
}

fn found(tx: &mut dyn Tx, word: &str) -> Result<Vec<String>, StoreError> {
    let sight = sight(tx)?;
    let found = tx.search(&[sight], &[word.to_owned()], i64::MAX, 10)?;
    Ok(found.into_iter().map(|message| message.text).collect())
}

async fn world() -> World {
    let world = World::new();
    let alice = NewUser { username: "alice", first_name: "A", password_hash: "$", created_at: 0 };
    let made: UserId = world.with_store(move |tx| tx.create_user(&alice)).await;
    assert_eq!(made, ALICE);
    world
}

/// Keeps the writer busy until `jobs` wait together: they share a commit.
async fn together(world: &World, jobs: usize) -> impl Future<Output = ()> {
    let hold = world.hold_writer().await;
    let store = world.store.clone();
    async move {
        while store.waiting() < jobs {
            tokio::task::yield_now().await;
        }
        drop(hold);
    }
}

#[tokio::test]
async fn a_text_is_found_at_once_and_until_it_is_changed() {
    let world = world().await;
    let seen = world
        .with_store(|tx| {
            let id = write(tx, "red apple")?;
            let mut seen = vec![found(tx, "apple")?];
            tx.edit_message(id, "green pear", None, 2)?;
            seen.extend([found(tx, "apple")?, found(tx, "pear")?]);
            let sight = sight(tx)?;
            let message = tx.message_in(sight, id)?.ok_or(StoreError::Corrupt("no message"))?;
            tx.delete_message(&message)?;
            seen.push(found(tx, "pear")?);
            write(tx, "plum")?;
            Ok(seen)
        })
        .await;
    assert_eq!(seen, [vec!["red apple"], vec![], vec!["green pear"], vec![]]);
    for (word, expected) in [("apple", 0), ("pear", 0), ("plum", 1)] {
        let found = world.with_store(move |tx| found(tx, word)).await;
        assert_eq!(found.len(), expected, "{word}, after the commit");
    }
}

#[tokio::test]
async fn a_job_that_fails_after_it_has_searched_takes_nobody_elses_words_along() {
    let world = world().await;
    let release = together(&world, 3).await;
    let good = world.store.run(|tx| write(tx, "apple"));
    let bad = world.store.run(|tx| -> Result<(), StoreError> {
        write(tx, "pear")?;
        assert_eq!(found(tx, "apple")?, ["apple"], "the index holds both now");
        write(tx, "quince")?;
        Err(StoreError::Corrupt("on purpose"))
    });
    let last = world.store.run(|tx| write(tx, "plum"));
    let (good, bad, last, ()) = tokio::join!(good, bad, last, release);
    assert!(matches!(bad, Err(StoreError::Corrupt("on purpose"))));
    let _: [MessageId; 2] = [good, last].map(Result::<_, StoreError>::unwrap);
    for (word, expected) in [("apple", 1), ("pear", 0), ("quince", 0), ("plum", 1)] {
        let found = world.with_store(move |tx| found(tx, word)).await;
        assert_eq!(found.len(), expected, "{word}");
    }
}
