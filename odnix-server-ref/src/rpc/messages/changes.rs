//! Editing and deleting. Whoever can read a message learns of what becomes of it: each in its
//! own mailbox, or all in that of the large group.

use super::{check_content, seen_from};
use crate::engine::Recorded;
use crate::rpc::view::{Place, View, wire_int, wire_peer};
use crate::rpc::{Outcome, Push, RpcError, USERS_MAX, reply};
use crate::store::{Message, MessageId, Peer, Sight, UserId};
use odnix_tl::odnix::enums::Update;
use odnix_tl::odnix::functions::messages::{DeleteMessages, EditMessage};
use odnix_tl::odnix::types;
use std::collections::BTreeMap;

pub(in crate::rpc) fn edit_message(
    view: &mut View<'_>,
    request: &EditMessage,
) -> Result<Outcome, RpcError> {
    let media = request.media.as_ref().map(|media| media.data.as_str());
    check_content(&request.message, media)?;
    let place = view.place(&request.peer)?;
    let sight = view.sight(&place)?.ok_or(RpcError::MessageIdInvalid)?;
    let old = view.tx.message_in(sight, MessageId(request.id))?;
    let old = old.filter(|old| old.action.is_none()).ok_or(RpcError::MessageIdInvalid)?;
    if old.from != view.me {
        return Err(RpcError::MessageAuthorRequired);
    }
    if old.text == request.message && old.media.as_deref() == media {
        return unchanged(view, &place);
    }
    view.tx.edit_message(old.id, &request.message, media, i64::from(view.date))?;
    let message = Message {
        text: request.message.clone(),
        media: media.map(str::to_owned),
        edit_date: Some(i64::from(view.date)),
        ..old
    };
    let mut changed = Changed::default();
    if let Place::Group(group) = &place
        && group.large
    {
        let message = view.message(&message, place.peer())?;
        let recorded = view.record(group.id, 1, edited(message))?;
        changed.of_group(view, group, recorded)?;
    } else {
        for reader in readers(view, &place, sight, message.id)? {
            let peer = peer_for(&place, view.me, reader);
            let mut theirs = view.of(reader);
            let copy = theirs.message(&message, peer)?;
            let recorded = theirs.record(reader, 1, edited(copy))?;
            changed.of_user(view, recorded, reader)?;
        }
    }
    changed.answer(view, &place)
}

fn edited(message: types::Message) -> impl FnOnce(i32, i32) -> Update {
    |pts, pts_count| types::UpdateEditMessage { message, pts, pts_count }.into()
}

pub(in crate::rpc) fn delete_messages(
    view: &mut View<'_>,
    request: &DeleteMessages,
) -> Result<Outcome, RpcError> {
    if request.id.len() > USERS_MAX {
        return Err(RpcError::MessageIdsTooMuch);
    }
    let place =
        if request.revoke { view.place(&request.peer)? } else { view.readable(&request.peer)? };
    let Some(sight) = view.sight(&place)? else { return unchanged(view, &place) };
    let mut messages = BTreeMap::new();
    for id in &request.id {
        if let Some(message) = view.tx.message_in(sight, MessageId(*id))? {
            messages.insert(message.id, message);
        }
    }
    let messages: Vec<Message> = messages.into_values().collect();
    if request.revoke {
        revoke(view, &place, sight, &messages)
    } else {
        hide(view, &place, sight, &messages)
    }
}

/// For the caller alone.
fn hide(
    view: &mut View<'_>,
    place: &Place,
    sight: Sight,
    messages: &[Message],
) -> Result<Outcome, RpcError> {
    if place.large().is_some() {
        return Err(RpcError::MessageDeleteForbidden);
    }
    for message in messages {
        view.tx.hide_message(sight, message)?;
    }
    let mut changed = Changed::default();
    let ids = messages.iter().map(|message| message.id.0).collect();
    record_deletion(view, &mut changed, place.peer(), sight, view.me, ids)?;
    changed.answer(view, place)
}

/// For everybody.
fn revoke(
    view: &mut View<'_>,
    place: &Place,
    sight: Sight,
    messages: &[Message],
) -> Result<Outcome, RpcError> {
    let me = view.me;
    let is_creator = matches!(place, Place::Group(group) if group.creator == me);
    if !is_creator && messages.iter().any(|message| message.from != me) {
        return Err(RpcError::MessageDeleteForbidden);
    }
    let mut gone: BTreeMap<UserId, Vec<i64>> = BTreeMap::new();
    for message in messages {
        if place.large().is_none() {
            for reader in readers(view, place, sight, message.id)? {
                gone.entry(reader).or_default().push(message.id.0);
            }
        }
        view.tx.delete_message(message)?;
    }
    let mut changed = Changed::default();
    if let Some(group) = place.large() {
        let ids: Vec<i64> = messages.iter().map(|message| message.id.0).collect();
        if !ids.is_empty() {
            let recorded = view.record(group.id, count(&ids), deleted(place.peer(), ids, 0))?;
            changed.of_group(view, group, recorded)?;
        }
    }
    for (reader, ids) in gone {
        record_deletion(view, &mut changed, peer_for(place, me, reader), sight, reader, ids)?;
    }
    changed.answer(view, place)
}

fn record_deletion(
    view: &mut View<'_>,
    changed: &mut Changed,
    peer: Peer,
    sight: Sight,
    reader: UserId,
    ids: Vec<i64>,
) -> Result<(), RpcError> {
    if ids.is_empty() {
        return Ok(());
    }
    let left = view.tx.dialog(reader, sight.chat)?.map_or(0, |dialog| dialog.unread_count);
    let recorded = view.record(reader, count(&ids), deleted(peer, ids, left))?;
    changed.of_user(view, recorded, reader)
}

fn deleted(peer: Peer, messages: Vec<i64>, left: i64) -> impl FnOnce(i32, i32) -> Update {
    move |pts, pts_count| {
        Update::UpdateDeleteMessages(types::UpdateDeleteMessages {
            peer: wire_peer(peer),
            messages,
            still_unread_count: wire_int(left),
            pts,
            pts_count,
        })
    }
}

fn count(ids: &[i64]) -> i32 {
    i32::try_from(ids.len()).unwrap_or(i32::MAX)
}

/// Who can read a message of a private dialog or a small group.
fn readers(
    view: &mut View<'_>,
    place: &Place,
    sight: Sight,
    message: MessageId,
) -> Result<Vec<UserId>, RpcError> {
    let both = match place {
        Place::Group(group) => return Ok(view.tx.witnesses(group.id, message)?),
        Place::Private(peer) if *peer == view.me => vec![view.me],
        Place::Private(peer) => vec![view.me, *peer],
    };
    let mut readers = Vec::with_capacity(both.len());
    for viewer in both {
        if view.tx.message_in(Sight { viewer, ..sight }, message)?.is_some() {
            readers.push(viewer);
        }
    }
    Ok(readers)
}

fn peer_for(place: &Place, me: UserId, reader: UserId) -> Peer {
    if reader == me { place.peer() } else { seen_from(place, me) }
}

/// What was recorded, and where the mailbox stands that the answer speaks of.
#[derive(Debug, Default)]
struct Changed {
    affected: Option<(i32, i32)>,
    pushes: Vec<Push>,
}

impl Changed {
    fn of_user(
        &mut self,
        view: &mut View<'_>,
        recorded: Recorded,
        reader: UserId,
    ) -> Result<(), RpcError> {
        if reader == view.me {
            self.affected = Some((recorded.pts, recorded.pts_count));
        }
        self.pushes.push(view.of(reader).push(recorded)?);
        Ok(())
    }

    fn of_group(
        &mut self,
        view: &mut View<'_>,
        group: &crate::store::Group,
        recorded: Recorded,
    ) -> Result<(), RpcError> {
        self.affected = Some((recorded.pts, recorded.pts_count));
        self.pushes.extend(view.push_to_members(group, recorded)?);
        Ok(())
    }

    fn answer(self, view: &mut View<'_>, place: &Place) -> Result<Outcome, RpcError> {
        let Some((pts, pts_count)) = self.affected else { return unchanged(view, place) };
        let affected = types::messages::AffectedMessages { pts, pts_count };
        Ok(Outcome { pushes: self.pushes, ..reply(&affected)? })
    }
}

fn unchanged(view: &mut View<'_>, place: &Place) -> Result<Outcome, RpcError> {
    let owner = place.large().map_or(Peer::User(view.me), |group| Peer::Chat(group.id));
    let pts = view.tx.mailbox(owner)?.pts();
    reply(&types::messages::AffectedMessages { pts, pts_count: 0 })
}
