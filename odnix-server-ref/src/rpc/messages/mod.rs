//! `messages.*`: one history for each pair of users and each group.
//!
//! | where | a message moves |
//! |---|---|
//! | to oneself | the own mailbox (`updateMessageSent`) |
//! | private, small group | the mailbox of the author (`updateMessageSent`) and of everybody else (`updateNewMessage`) |
//! | large group | the mailbox of the group (`updateNewMessage`) |

mod changes;
mod drafts;
mod history;
mod reading;

pub(super) use changes::{delete_messages, edit_message};
pub(super) use drafts::{get_drafts, save_draft};
pub(super) use history::{check_limit, get_dialogs, get_history, search};
pub(super) use reading::{read_history, read_update, set_typing};

use super::view::{Place, View};
use super::{MEDIA_BYTES_MAX, MESSAGE_CHARS_MAX, Outcome, Push, RpcError, reply};
use crate::engine::Recorded;
use crate::store::{ChatId, Message, NewMessage, Peer, StoreError, UserId};
use odnix_tl::odnix::enums::{MessageAction, Update};
use odnix_tl::odnix::functions::messages::SendMessage;
use odnix_tl::odnix::types;

pub(super) fn send_message(
    view: &mut View<'_>,
    request: &SendMessage,
) -> Result<Outcome, RpcError> {
    if request.random_id == 0 {
        return Err(RpcError::RandomIdInvalid);
    }
    let media = request.media.as_ref().map(|media| media.data.as_str());
    check_content(&request.message, media)?;
    if let Some(sent) = view.tx.sent(view.me, request.random_id)? {
        if sent.made_chat {
            return Err(RpcError::RandomIdInvalid);
        }
        let (id, date) = (sent.message.0, super::view::wire_int(sent.date));
        return reply(&types::messages::SentMessage { id, date, pts: sent.pts, pts_count: 1 });
    }
    let place = view.place(&request.peer)?;
    let content = Content { text: &request.message, media, action: None };
    let message = write(view, &place, &content)?;
    let posted = deliver(view, &place, &message, request.random_id)?;
    let sent = types::messages::SentMessage {
        id: message.id.0,
        date: view.date,
        pts: posted.pts,
        pts_count: posted.pts_count,
    };
    Ok(Outcome { pushes: posted.pushes, ..reply(&sent)? })
}

pub(super) fn check_content(text: &str, media: Option<&str>) -> Result<(), RpcError> {
    if text.chars().count() > MESSAGE_CHARS_MAX {
        return Err(RpcError::MessageTooLong);
    }
    match media {
        None if text.trim().is_empty() => Err(RpcError::MessageEmpty),
        None => Ok(()),
        Some(media) => {
            let is_json = media.len() <= MEDIA_BYTES_MAX
                && serde_json::from_str::<serde_json::Value>(media).is_ok();
            is_json.then_some(()).ok_or(RpcError::MediaInvalid)
        }
    }
}

/// What a message says.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) text: &'a str,
    pub(super) media: Option<&'a str>,
    pub(super) action: Option<MessageAction>,
}

/// Writes a message of the caller, and nothing else.
pub(super) fn write(
    view: &mut View<'_>,
    place: &Place,
    content: &Content<'_>,
) -> Result<Message, RpcError> {
    let action = content.action.as_ref().map(serde_json::to_string).transpose();
    let action = action.map_err(|_| StoreError::Corrupt("an action cannot be written as JSON"))?;
    let new = NewMessage {
        chat: ensure_chat(view, place)?,
        from: view.me,
        date: i64::from(view.date),
        text: content.text,
        media: content.media,
        action: action.as_deref(),
    };
    let id = view.tx.insert_message(&new)?;
    Ok(Message {
        id,
        chat: new.chat,
        from: new.from,
        date: new.date,
        text: new.text.to_owned(),
        media: new.media.map(str::to_owned),
        action,
        edit_date: None,
    })
}

fn ensure_chat(view: &mut View<'_>, place: &Place) -> Result<ChatId, RpcError> {
    Ok(match place {
        Place::Private(peer) => view.tx.ensure_private_chat(view.me, *peer)?,
        Place::Group(group) => group.id,
    })
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Posted {
    /// Of the large group, or of the author.
    pub(super) pts: i32,
    pub(super) pts_count: i32,
    pub(super) pushes: Vec<Push>,
}

/// Puts a message of the caller into the mailboxes it belongs into: in a group, of those who are
/// members now. Without a random_id it is nothing that the caller sent, but something it did.
pub(super) fn deliver(
    view: &mut View<'_>,
    place: &Place,
    message: &Message,
    random_id: i64,
) -> Result<Posted, RpcError> {
    let posted = match place {
        Place::Private(peer) if *peer == view.me => copy_to(view, place, message, random_id, &[])?,
        Place::Private(peer) => copy_to(view, place, message, random_id, &[*peer])?,
        Place::Group(group) if group.large => {
            let new = view.message(message, place.peer())?;
            let recorded = view.record(group.id, 1, new_message(new))?;
            let (pts, pts_count) = (recorded.pts, recorded.pts_count);
            Posted { pts, pts_count, pushes: view.push_to_members(group, recorded)? }
        }
        Place::Group(group) => {
            let mut others = view.tx.member_ids(group.id)?;
            others.retain(|member| *member != view.me);
            copy_to(view, place, message, random_id, &others)?
        }
    };
    if random_id != 0 {
        view.tx.record_sent(view.me, random_id, message.id, posted.pts)?;
    }
    Ok(posted)
}

fn copy_to(
    view: &mut View<'_>,
    place: &Place,
    message: &Message,
    random_id: i64,
    others: &[UserId],
) -> Result<Posted, RpcError> {
    let me = view.me;
    view.tx.raise_dialog(me, message.chat, place.peer(), message.id, 0)?;
    let own_copy = view.message(message, place.peer())?;
    let own: Recorded = if random_id == 0 {
        view.record(me, 1, new_message(own_copy))?
    } else {
        view.record(me, 1, |pts, pts_count| {
            types::UpdateMessageSent { message: own_copy, random_id, pts, pts_count }.into()
        })?
    };
    let (pts, pts_count) = (own.pts, own.pts_count);
    let mut pushes = vec![view.push(own)?];
    for &other in others {
        let peer = seen_from(place, me);
        let mut theirs = view.of(other);
        theirs.tx.raise_dialog(other, message.chat, peer, message.id, 1)?;
        let copy = theirs.message(message, peer)?;
        let recorded = theirs.record(other, 1, new_message(copy))?;
        pushes.push(theirs.push(recorded)?);
    }
    Ok(Posted { pts, pts_count, pushes })
}

/// The same dialog for somebody else in it.
pub(super) fn seen_from(place: &Place, me: UserId) -> Peer {
    match place {
        Place::Private(_) => Peer::User(me),
        Place::Group(group) => Peer::Chat(group.id),
    }
}

fn new_message(message: types::Message) -> impl FnOnce(i32, i32) -> Update {
    |pts, pts_count| types::UpdateNewMessage { message, pts, pts_count }.into()
}
