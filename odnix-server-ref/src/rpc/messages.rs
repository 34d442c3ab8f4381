//! `messages.*`: one history for each pair of users, one mailbox for each user.
//!
//! A message to someone else moves two mailboxes (`updateMessageSent` for the author,
//! `updateNewMessage` for the peer); a message to oneself moves one (`updateMessageSent`).

use super::view::{View, user_peer, wire_int};
use super::{
    LIMIT_MAX, MEDIA_BYTES_MAX, MESSAGE_CHARS_MAX, Outcome, Push, RpcError, encode, reply,
};
use crate::engine::{self, PTS_COUNT, wire_pts};
use crate::store::{Message, NewMessage, UserId};
use odnix_tl::odnix::enums::{Update, Updates};
use odnix_tl::odnix::functions::messages::{
    GetDialogs, GetHistory, ReadHistory, SendMessage, SetTyping,
};
use odnix_tl::odnix::types;

pub(super) fn send_message(
    view: &mut View<'_>,
    request: &SendMessage,
) -> Result<Outcome, RpcError> {
    check_content(request)?;
    if let Some(sent) = view.tx.sent(view.me, request.random_id)? {
        return reply(&types::messages::SentMessage {
            id: sent.message.0,
            date: wire_int(sent.date),
            pts: wire_pts(sent.pts)?,
            pts_count: PTS_COUNT,
        });
    }
    let me = view.me;
    let peer = view.input_peer(&request.peer)?.id;
    let message = write_message(view, peer, request)?;

    let own_copy = view.message(&message, peer);
    let sent = engine::record(view.tx, me, |pts, pts_count| {
        Update::UpdateMessageSent(types::UpdateMessageSent {
            message: own_copy,
            random_id: request.random_id,
            pts,
            pts_count,
        })
    })?;
    view.tx.record_sent(me, request.random_id, message.id, i64::from(sent.pts))?;

    let mut outcome = reply(&types::messages::SentMessage {
        id: message.id.0,
        date: view.date,
        pts: sent.pts,
        pts_count: sent.pts_count,
    })?;
    outcome.pushes.push(view.push(sent)?);
    if peer != me {
        outcome.pushes.push(deliver(&mut view.of(peer), &message)?);
    }
    Ok(outcome)
}

fn check_content(request: &SendMessage) -> Result<(), RpcError> {
    if request.random_id == 0 {
        return Err(RpcError::RandomIdInvalid);
    }
    if request.message.chars().count() > MESSAGE_CHARS_MAX {
        return Err(RpcError::MessageTooLong);
    }
    match &request.media {
        None if request.message.trim().is_empty() => Err(RpcError::MessageEmpty),
        None => Ok(()),
        Some(media) => {
            let is_json = media.data.len() <= MEDIA_BYTES_MAX
                && serde_json::from_str::<serde_json::Value>(&media.data).is_ok();
            is_json.then_some(()).ok_or(RpcError::MediaInvalid)
        }
    }
}

/// The message itself and both views of its chat.
fn write_message(
    view: &mut View<'_>,
    peer: UserId,
    request: &SendMessage,
) -> Result<Message, RpcError> {
    let chat = view.tx.ensure_private_chat(view.me, peer)?;
    let new = NewMessage {
        chat,
        from: view.me,
        date: i64::from(view.date),
        text: &request.message,
        media: request.media.as_ref().map(|media| media.data.as_str()),
    };
    let id = view.tx.insert_message(&new)?;
    view.tx.raise_dialog(view.me, chat, peer, id, 0)?;
    if peer != view.me {
        view.tx.raise_dialog(peer, chat, view.me, id, 1)?;
    }
    Ok(Message {
        id,
        chat,
        from: new.from,
        date: new.date,
        text: new.text.to_owned(),
        media: new.media.map(str::to_owned),
    })
}

/// Puts a message of someone else into the viewer's mailbox.
fn deliver(view: &mut View<'_>, message: &Message) -> Result<Push, RpcError> {
    let copy = view.message(message, message.from);
    let recorded = engine::record(view.tx, view.me, |pts, pts_count| {
        Update::UpdateNewMessage(types::UpdateNewMessage { message: copy, pts, pts_count })
    })?;
    view.push(recorded)
}

pub(super) fn get_history(view: &mut View<'_>, request: &GetHistory) -> Result<Outcome, RpcError> {
    let limit = check_limit(request.limit)?;
    let before = check_offset(request.offset_id)?;
    let peer = view.input_peer(&request.peer)?.id;
    let (count, messages) = match view.tx.private_chat(view.me, peer)? {
        None => (0, Vec::new()),
        Some(chat) => (view.tx.message_count(chat)?, view.tx.history(chat, before, limit)?),
    };
    reply(&types::messages::Messages {
        count: wire_int(count),
        messages: messages.iter().map(|message| view.message(message, peer)).collect(),
        chats: Vec::new(),
        users: view.users([view.me, peer])?,
    })
}

pub(super) fn get_dialogs(view: &mut View<'_>, request: &GetDialogs) -> Result<Outcome, RpcError> {
    let limit = check_limit(request.limit)?;
    let before = check_offset(request.offset_id)?;
    let dialogs = view.tx.dialogs(view.me, before, limit)?;
    let mut messages = Vec::with_capacity(dialogs.len());
    for dialog in &dialogs {
        if let Some(message) = view.tx.message(dialog.top_message)? {
            messages.push(view.message(&message, dialog.peer));
        }
    }
    let people = dialogs.iter().map(|dialog| dialog.peer).chain([view.me]);
    reply(&types::messages::Dialogs {
        count: wire_int(view.tx.dialog_count(view.me)?),
        users: view.users(people)?,
        dialogs: dialogs.iter().map(|dialog| view.dialog(dialog)).collect(),
        messages,
        chats: Vec::new(),
    })
}

/// Marks the peer's messages up to max_id (0: all of them) as read. When none of them was
/// unread nothing is logged or pushed, and pts_count is 0.
pub(super) fn read_history(
    view: &mut View<'_>,
    request: &ReadHistory,
) -> Result<Outcome, RpcError> {
    let max_id = match request.max_id {
        0 => i64::MAX,
        max_id if max_id > 0 => max_id,
        _ => return Err(RpcError::MaxIdInvalid),
    };
    let me = view.me;
    let peer = view.input_peer(&request.peer)?.id;
    let read = if peer == me { None } else { read_up_to(view, peer, max_id)? };
    let Some(Read { max_id, left, .. }) = read else {
        let pts = wire_pts(view.tx.pts(me)?)?;
        return reply(&types::messages::AffectedMessages { pts, pts_count: 0 });
    };
    let inbox = engine::record(view.tx, me, read_update(false, peer, max_id, left))?;
    let outbox = engine::record(view.tx, peer, read_update(true, me, max_id, left))?;
    let affected = types::messages::AffectedMessages { pts: inbox.pts, pts_count: inbox.pts_count };
    let mut outcome = reply(&affected)?;
    outcome.pushes.push(view.push(inbox)?);
    outcome.pushes.push(view.of(peer).push(outbox)?);
    Ok(outcome)
}

struct Read {
    max_id: i64,
    left: i64,
}

/// Moves the read marks of both sides, if there is anything to move.
fn read_up_to(view: &mut View<'_>, peer: UserId, max_id: i64) -> Result<Option<Read>, RpcError> {
    let Some(chat) = view.tx.private_chat(view.me, peer)? else { return Ok(None) };
    let Some(dialog) = view.tx.dialog(view.me, chat)? else { return Ok(None) };
    let newest = view.tx.newest_message_from(chat, peer, max_id)?;
    let Some(max_id) = newest.filter(|newest| *newest > dialog.read_inbox_max_id) else {
        return Ok(None);
    };
    let read = view.tx.count_messages_from(chat, peer, dialog.read_inbox_max_id, max_id)?;
    let left = dialog.unread_count.saturating_sub(read).max(0);
    view.tx.set_read_inbox(view.me, chat, max_id, left)?;
    view.tx.set_read_outbox(peer, chat, max_id)?;
    Ok(Some(Read { max_id, left }))
}

fn read_update(
    outbox: bool,
    peer: UserId,
    max_id: i64,
    left: i64,
) -> impl FnOnce(i32, i32) -> Update {
    move |pts, pts_count| {
        Update::UpdateReadHistory(types::UpdateReadHistory {
            outbox,
            peer: user_peer(peer),
            max_id,
            still_unread_count: wire_int(left),
            pts,
            pts_count,
        })
    }
}

/// Told to the peer's live sessions, written nowhere.
pub(super) fn set_typing(view: &mut View<'_>, request: &SetTyping) -> Result<Outcome, RpcError> {
    let peer = view.input_peer(&request.peer)?.id;
    let mut outcome = reply(&true)?;
    if peer != view.me {
        let update = Updates::UpdateShort(types::UpdateShort {
            update: Update::UpdateUserTyping(types::UpdateUserTyping {
                user_id: view.me.0,
                action: request.action.clone(),
            }),
            date: view.date,
        });
        outcome.pushes.push(Push { user: peer, update: encode(&update)?, ephemeral: true });
    }
    Ok(outcome)
}

fn check_limit(limit: i32) -> Result<i64, RpcError> {
    (1..=LIMIT_MAX).contains(&limit).then_some(i64::from(limit)).ok_or(RpcError::LimitInvalid)
}

/// 0 stands for "from the newest".
fn check_offset(offset_id: i64) -> Result<i64, RpcError> {
    match offset_id {
        0 => Ok(i64::MAX),
        offset_id if offset_id > 0 => Ok(offset_id),
        _ => Err(RpcError::OffsetInvalid),
    }
}
