//! Fetches the history itself, for a replica the log no longer reaches back to.

use crate::caller::{Caller, input_peer};
use crate::error::CallError;
use crate::replica::{Batch, Checkpoint, dialog_id};
use crate::store::Store;
use odnix_tl::odnix::{functions, types};
use std::time::Duration;

/// Dialogs or messages asked for at once.
const PAGE: i32 = 100;
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Fetches every dialog and its messages, then moves the checkpoint to `to`. Tries until it
/// succeeds; what was stored before a failure stays. Returns how many messages were new.
pub(crate) async fn until_done(caller: &Caller, store: &Store, to: Checkpoint) -> usize {
    loop {
        match reload(caller, store, to).await {
            Ok(messages) => return messages,
            Err(error) => tracing::warn!(%error, "the history cannot be fetched yet"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

async fn reload(caller: &Caller, store: &Store, to: Checkpoint) -> Result<usize, CallError> {
    let mut new_messages = 0;
    let mut offset_id = 0;
    loop {
        let request = functions::messages::GetDialogs { offset_id, limit: PAGE };
        let page = caller.call(&request).await?;
        let Some(lowest) = page.dialogs.iter().map(|dialog| dialog.top_message).min() else {
            break;
        };
        for dialog in &page.dialogs {
            let peer = page.users.iter().find(|user| user.id == dialog_id(&dialog.peer));
            if let Some(peer) = peer {
                new_messages += reload_dialog(caller, store, peer).await?;
            }
        }
        let (dialogs, users) = (page.dialogs, page.users);
        store.with(move |replica| replica.store_history(&[], &dialogs, &users)).await?;
        offset_id = lowest;
    }
    let batch = Batch { checkpoint: Some(to), ..Batch::default() };
    store.with(move |replica| replica.apply(&batch)).await?;
    Ok(new_messages)
}

async fn reload_dialog(
    caller: &Caller,
    store: &Store,
    peer: &types::User,
) -> Result<usize, CallError> {
    let mut new_messages = 0;
    let mut offset_id = 0;
    loop {
        let request =
            functions::messages::GetHistory { peer: input_peer(peer), offset_id, limit: PAGE };
        let page = caller.call(&request).await?;
        let Some(lowest) = page.messages.iter().map(|message| message.id).min() else {
            return Ok(new_messages);
        };
        new_messages += store
            .with(move |replica| replica.store_history(&page.messages, &[], &page.users))
            .await?;
        offset_id = lowest;
    }
}
