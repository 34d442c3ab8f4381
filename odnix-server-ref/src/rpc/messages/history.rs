//! Reading: histories, the list of dialogs, search.

use crate::rpc::view::{Mentioned, View, wire_int};
use crate::rpc::{LIMIT_MAX, Outcome, RpcError, SEARCH_CHARS_MAX, SEARCH_DIALOGS_MAX, reply};
use crate::store::{Message, Peer, Sight};
use odnix_tl::odnix::functions::messages::{GetDialogs, GetHistory, Search};
use odnix_tl::odnix::types;

pub(in crate::rpc) fn get_history(
    view: &mut View<'_>,
    request: &GetHistory,
) -> Result<Outcome, RpcError> {
    let limit = check_limit(request.limit)?;
    let before = check_offset(request.offset_id)?;
    let place = view.readable(&request.peer)?;
    let (count, messages) = match view.sight(&place)? {
        None => (0, Vec::new()),
        Some(sight) => (view.tx.message_count(sight)?, view.tx.history(sight, before, limit)?),
    };
    let peer = place.peer();
    let mut mentioned = Mentioned::default();
    mentioned.user(view.me.0);
    mentioned.peer(&crate::rpc::view::wire_peer(peer));
    page(view, count, messages.into_iter().map(|message| (message, peer)).collect(), mentioned)
}

/// Words are what is between spaces; the last one may be a beginning.
pub(in crate::rpc) fn search(view: &mut View<'_>, request: &Search) -> Result<Outcome, RpcError> {
    let limit = check_limit(request.limit)?;
    let before = check_offset(request.offset_id)?;
    let words: Vec<String> = request.q.split_whitespace().map(str::to_owned).collect();
    let too_long = request.q.chars().count() > SEARCH_CHARS_MAX;
    if too_long || !request.q.chars().any(char::is_alphanumeric) {
        return Err(RpcError::SearchQueryEmpty);
    }
    let dialogs = dialogs_to_search(view, request)?;
    let sights: Vec<Sight> = dialogs.iter().map(|(sight, _)| *sight).collect();
    let found = if sights.is_empty() {
        Vec::new()
    } else {
        view.tx.search(&sights, &words, before, limit)?
    };
    let peer_of = |message: &Message| {
        let dialog = dialogs.iter().find(|(sight, _)| sight.chat == message.chat);
        dialog.map(|(_, peer)| *peer)
    };
    let found: Vec<_> =
        found.into_iter().filter_map(|it| peer_of(&it).map(|peer| (it, peer))).collect();
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    page(view, count, found, Mentioned::default())
}

fn dialogs_to_search(
    view: &mut View<'_>,
    request: &Search,
) -> Result<Vec<(Sight, Peer)>, RpcError> {
    if let Some(peer) = &request.peer {
        let place = view.readable(peer)?;
        let sight = view.sight(&place)?;
        return Ok(sight.map(|sight| (sight, place.peer())).into_iter().collect());
    }
    let mut places = Vec::new();
    for dialog in view.tx.dialogs(view.me, i64::MAX, SEARCH_DIALOGS_MAX)? {
        places.push((view.sight_of(&dialog)?, dialog.peer));
    }
    Ok(places)
}

fn page(
    view: &mut View<'_>,
    count: i64,
    found: Vec<(Message, Peer)>,
    mut mentioned: Mentioned,
) -> Result<Outcome, RpcError> {
    let messages = found.iter().map(|(message, peer)| view.message(message, *peer));
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    messages.iter().for_each(|message| mentioned.message(message));
    reply(&types::messages::Messages {
        count: wire_int(count),
        messages,
        chats: view.groups(mentioned.chats)?,
        users: view.users(mentioned.users)?,
    })
}

pub(in crate::rpc) fn get_dialogs(
    view: &mut View<'_>,
    request: &GetDialogs,
) -> Result<Outcome, RpcError> {
    let limit = check_limit(request.limit)?;
    let before = check_offset(request.offset_id)?;
    let mut mentioned = Mentioned::default();
    mentioned.user(view.me.0);
    let (mut dialogs, mut messages) = (Vec::new(), Vec::new());
    for dialog in view.tx.dialogs(view.me, before, limit)? {
        let sight = view.sight_of(&dialog)?;
        if let Some(message) = view.tx.message_in(sight, dialog.top_message)? {
            let message = view.message(&message, dialog.peer)?;
            mentioned.message(&message);
            messages.push(message);
        }
        let dialog = view.dialog(&dialog)?;
        mentioned.peer(&dialog.peer);
        dialogs.push(dialog);
    }
    reply(&types::messages::Dialogs {
        count: wire_int(view.tx.dialog_count(view.me)?),
        dialogs,
        messages,
        chats: view.groups(mentioned.chats)?,
        users: view.users(mentioned.users)?,
    })
}

pub(in crate::rpc) fn check_limit(limit: i32) -> Result<i64, RpcError> {
    (1..=LIMIT_MAX).contains(&limit).then_some(i64::from(limit)).ok_or(RpcError::LimitInvalid)
}

/// 0 stands for "from the newest".
pub(in crate::rpc) fn check_offset(offset_id: i64) -> Result<i64, RpcError> {
    match offset_id {
        0 => Ok(i64::MAX),
        1.. => Ok(offset_id),
        _ => Err(RpcError::OffsetInvalid),
    }
}
