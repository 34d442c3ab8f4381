//! After the lines: a group, a message written without a connection, an edit, a read receipt, and
//! a device that returns after more updates than one answer holds.

use crate::{Cast, Story, catch_up, mailbox_of};
use anyhow::{Context as _, ensure};
use odnix_client_ref::ClientEvent;
use odnix_tl::odnix::functions::messages::{CreateChat, EditMessage};
use odnix_tl::odnix::types;
use std::path::Path;
use std::time::Duration;

/// Messages that Alice's laptop sleeps through; an answer of the server holds 100 updates.
const SLEPT_THROUGH: usize = 250;
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether all of it ended as it should.
pub(crate) async fn scene(cast: &Cast, story: Story, folder: &Path) -> anyhow::Result<bool> {
    let group = make(cast, story).await?;
    cast.alice_laptop.pause().await;
    write_offline(cast, story, group).await?;
    let first = talk(cast, story, group).await?;
    edit(cast, story, group, first).await?;
    come_back(cast, story, group).await?;
    receipt(cast, story, group).await?;
    wake(cast, story).await?;
    compare(cast, story, folder).await
}

/// Gives the name of the group's dialog in a replica.
async fn make(cast: &Cast, story: Story) -> anyhow::Result<i64> {
    let bob = cast.alice_phone.resolve("bob").await?;
    let (user_id, access_hash) = (bob.id, bob.access_hash);
    let users = vec![types::InputUser { user_id, access_hash }.into()];
    let request = CreateChat { large: false, title: "Tour".into(), users, random_id: 1 };
    let made = cast.alice_phone.call(&request).await?;
    let group = -made.chat.id;
    wait_for("the group at Bob's", async || {
        let title = cast.bob_phone.replica(move |replica| replica.name_of(group)).await;
        Ok(title.is_ok_and(|title| title == "Tour"))
    })
    .await?;
    story.tell("Alice's phone", "made the group \"Tour\" with Bob");
    Ok(group)
}

async fn write_offline(cast: &Cast, story: Story, group: i64) -> anyhow::Result<()> {
    cast.bob_phone.pause().await;
    cast.bob_phone.send(group, "written in a tunnel").await?;
    let waiting = cast.bob_phone.replica(move |replica| replica.outgoing(group)).await?;
    ensure!(waiting.len() == 1, "the message does not wait in Bob's replica");
    story.tell("Bob's phone", "wrote without a connection; the message waits");
    Ok(())
}

/// Gives the id of the first message.
async fn talk(cast: &Cast, story: Story, group: i64) -> anyhow::Result<i64> {
    let mut first = None;
    for number in 1..=SLEPT_THROUGH {
        let sent = cast.alice_phone.send_to(group, &format!("to the group: {number}")).await?;
        first.get_or_insert(sent.id);
    }
    story.tell("Alice's phone", &format!("sent {SLEPT_THROUGH} messages to the group"));
    first.context("nothing was sent")
}

async fn edit(cast: &Cast, story: Story, group: i64, id: i64) -> anyhow::Result<()> {
    let peer = cast.alice_phone.input_peer(group).await?;
    let message = "to the group: one".to_owned();
    cast.alice_phone.call(&EditMessage { peer, id, message, media: None }).await?;
    story.tell("Alice's phone", "edited the first one");
    Ok(())
}

async fn come_back(cast: &Cast, story: Story, group: i64) -> anyhow::Result<()> {
    cast.bob_phone.resume().await;
    wait_for("Bob's message at Alice's", async || {
        let newest = cast.alice_phone.replica(move |replica| replica.history(group, 0, 1)).await?;
        Ok(newest.first().is_some_and(|row| row.text == "written in a tunnel"))
    })
    .await?;
    let waiting = cast.bob_phone.replica(move |replica| replica.outgoing(group)).await?;
    ensure!(waiting.is_empty(), "Bob's message is there twice");
    story.tell("Bob's phone", "is back; the message from the tunnel has arrived, once");
    Ok(())
}

async fn receipt(cast: &Cast, story: Story, group: i64) -> anyhow::Result<()> {
    cast.bob_phone.in_step().await?;
    ensure!(cast.bob_phone.read_dialog(group, i64::MAX).await?, "Bob had nothing to read");
    wait_for("the receipt at Alice's", async || {
        let dialogs = cast.alice_phone.replica(|replica| replica.dialogs()).await?;
        let dialog = dialogs.into_iter().find(|dialog| dialog.peer_id == group);
        Ok(dialog.is_some_and(|dialog| dialog.read.outbox_max_id > 0))
    })
    .await?;
    story.tell("Alice's phone", "sees that Bob has read the group");
    Ok(())
}

async fn wake(cast: &Cast, story: Story) -> anyhow::Result<()> {
    let mut events = cast.alice_laptop.subscribe();
    cast.alice_laptop.resume().await;
    let mut slices = 0;
    let caught_up = async {
        loop {
            match events.recv().await? {
                ClientEvent::DifferenceApplied { .. } => slices += 1,
                ClientEvent::InStep { .. } if slices > 0 => return anyhow::Ok(()),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, caught_up).await.context("the laptop does not catch up")??;
    story.tell("Alice's laptop", &format!("is back: caught up by {slices} answers"));
    ensure!(slices > 1, "one answer held everything");
    Ok(())
}

async fn compare(cast: &Cast, story: Story, folder: &Path) -> anyhow::Result<bool> {
    let mut equal = true;
    for (who, client, user) in cast.devices() {
        let log = mailbox_of(&folder.join("server/odnix.db"), user)?;
        let replica = catch_up(client, log.digest()).await?;
        story.tell(who, &format!("replica {replica}"));
        story.tell("server's log", &format!("        {}", log.digest()));
        equal &= replica == log.digest();
    }
    Ok(equal)
}

async fn wait_for(
    what: &str,
    mut is: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let waiting = async {
        while !is().await? {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("no sign of {what}"))?
}
