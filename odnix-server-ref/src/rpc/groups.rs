//! Groups: who belongs to them, and what they are called.
//!
//! Each change is a message of whoever made it, with an action instead of a text: a small group
//! finds it in the mailbox of each member, a large one in its own. Who joins or leaves a large
//! group finds `updateChat` in the own mailbox too: from there on, or no longer, its devices
//! follow that of the group.

use super::messages::{Content, Posted, check_limit, deliver, write};
use super::view::{Place, View, wire_int};
use super::{
    LARGE_MEMBERS_MAX, Outcome, Push, RpcError, SMALL_MEMBERS_MAX, SMALL_VISITORS_MAX,
    TITLE_CHARS_MAX, USERS_MAX, reply,
};
use crate::store::{ChatId, Group, Member, NewGroup, Peer, StoreError, UserId};
use odnix_tl::odnix::enums::{InputUser, MessageAction};
use odnix_tl::odnix::functions::messages::{
    AddChatUsers, CreateChat, DeleteChatUser, EditChatTitle, GetChats, GetParticipants,
};
use odnix_tl::odnix::types;

pub(super) fn create_chat(view: &mut View<'_>, request: &CreateChat) -> Result<Outcome, RpcError> {
    if request.random_id == 0 {
        return Err(RpcError::RandomIdInvalid);
    }
    check_title(&request.title)?;
    if let Some(sent) = view.tx.sent(view.me, request.random_id)? {
        let made = sent.made_chat.then_some(sent.chat).ok_or(RpcError::RandomIdInvalid)?;
        return answer(view, made, Vec::new(), 0);
    }
    let me = view.me;
    let mut users = named(view, &request.users)?;
    users.retain(|user| *user != me);
    let (large, date) = (request.large, i64::from(view.date));
    let new = NewGroup { large, title: &request.title, creator: me, date };
    let id = view.tx.create_group(&new)?;
    let action = types::MessageActionChatCreate {
        title: request.title.clone(),
        users: users.iter().map(|user| user.0).collect(),
    };
    let mut members = vec![me];
    members.extend(users);
    join(view, id, &members, action.into(), request.random_id)
}

pub(super) fn add_chat_users(
    view: &mut View<'_>,
    request: &AddChatUsers,
) -> Result<Outcome, RpcError> {
    let group = view.own_group(request.chat_id)?;
    let mut new = Vec::new();
    for user in named(view, &request.users)? {
        if view.tx.member(group.id, user)?.is_none() && !new.contains(&user) {
            new.push(user);
        }
    }
    if new.is_empty() {
        return answer(view, group.id, Vec::new(), 0);
    }
    check_size(view, &group, &new)?;
    let users = new.iter().map(|user| user.0).collect();
    join(view, group.id, &new, types::MessageActionChatAddUser { users }.into(), 0)
}

fn check_size(view: &mut View<'_>, group: &Group, new: &[UserId]) -> Result<(), RpcError> {
    let grown = |count: i64| count.saturating_add(i64::try_from(new.len()).unwrap_or(i64::MAX));
    let members_max = if group.large { LARGE_MEMBERS_MAX } else { SMALL_MEMBERS_MAX };
    let mut fits = grown(group.participants_count) <= members_max;
    if !group.large {
        let mut strangers = 0;
        for user in new {
            strangers += i64::from(!view.tx.has_visited(group.id, *user)?);
        }
        let visitors = view.tx.visitor_count(group.id)?.saturating_add(strangers);
        fits &= visitors <= SMALL_VISITORS_MAX;
    }
    fits.then_some(()).ok_or(RpcError::UsersTooMuch)
}

/// Makes users members, from the message that says so on.
fn join(
    view: &mut View<'_>,
    id: ChatId,
    users: &[UserId],
    action: MessageAction,
    random_id: i64,
) -> Result<Outcome, RpcError> {
    let place = Place::Group(stored(view, id)?);
    let content = Content { action: Some(action), ..Content::default() };
    let message = write(view, &place, &content)?;
    for &user in users {
        let member = Member { user, inviter: view.me, date: i64::from(view.date) };
        view.tx.add_member(id, &member, message.id.0)?;
    }
    let place = Place::Group(stored(view, id)?);
    let Posted { pts_count, mut pushes, .. } = deliver(view, &place, &message, random_id)?;
    let Some(group) = place.large() else { return answer(view, id, pushes, pts_count) };
    let mut own_pts_count = 0;
    for &user in users {
        view.tx.raise_dialog(user, id, id.into(), message.id, 0)?;
        // What was written before the membership is not unread.
        let unread_from = message.id.0.saturating_sub(1);
        view.tx.set_read_inbox(user, id, unread_from, 0)?;
        pushes.push(announce(view, user, group)?);
        let mut theirs = view.of(user);
        let mark = super::messages::read_update(false, id.into(), unread_from, 1);
        let mark = theirs.record(user, 1, mark)?;
        pushes.push(theirs.push(mark)?);
        if user == view.me {
            own_pts_count = 2;
        }
    }
    answer(view, id, pushes, own_pts_count)
}

/// Tells a user that its membership of a large group has changed.
fn announce(view: &mut View<'_>, user: UserId, group: &Group) -> Result<Push, RpcError> {
    let chat_id = group.id.0;
    let mut theirs = view.of(user);
    let recorded = theirs
        .record(user, 1, |pts, pts_count| types::UpdateChat { chat_id, pts, pts_count }.into())?;
    theirs.push(recorded)
}

pub(super) fn delete_chat_user(
    view: &mut View<'_>,
    request: &DeleteChatUser,
) -> Result<Outcome, RpcError> {
    let me = view.me;
    let group = view.own_group(request.chat_id)?;
    let user = view.input_user(&request.user_id)?.id;
    let Some(member) = view.tx.member(group.id, user)? else {
        return answer(view, group.id, Vec::new(), 0);
    };
    if user != me && group.creator != me && member.inviter != me {
        return Err(RpcError::ChatAdminRequired);
    }
    let place = Place::Group(group);
    let action = types::MessageActionChatDeleteUser { user_id: user.0 };
    let content = Content { action: Some(action.into()), ..Content::default() };
    let message = write(view, &place, &content)?;
    let Place::Group(group) = &place else { return Err(RpcError::ChatIdInvalid) };
    if group.large {
        view.tx.remove_member(group.id, user, message.id.0)?;
        view.tx.drop_dialog(user, group.id)?;
        let Posted { mut pushes, .. } = deliver(view, &place, &message, 0)?;
        pushes.push(announce(view, user, group)?);
        return answer(view, group.id, pushes, i32::from(user == me));
    }
    // Who is removed still reads that.
    let Posted { pts_count, pushes, .. } = deliver(view, &place, &message, 0)?;
    view.tx.remove_member(group.id, user, message.id.0)?;
    answer(view, group.id, pushes, pts_count)
}

pub(super) fn edit_chat_title(
    view: &mut View<'_>,
    request: &EditChatTitle,
) -> Result<Outcome, RpcError> {
    check_title(&request.title)?;
    let group = view.own_group(request.chat_id)?;
    if group.title == request.title {
        return answer(view, group.id, Vec::new(), 0);
    }
    view.tx.set_title(group.id, &request.title)?;
    let place = Place::Group(stored(view, group.id)?);
    let action = types::MessageActionChatEditTitle { title: request.title.clone() };
    let content = Content { action: Some(action.into()), ..Content::default() };
    let message = write(view, &place, &content)?;
    let Posted { pts_count, pushes, .. } = deliver(view, &place, &message, 0)?;
    answer(view, group.id, pushes, if group.large { 0 } else { pts_count })
}

pub(super) fn get_chats(view: &mut View<'_>, request: &GetChats) -> Result<Outcome, RpcError> {
    if request.id.len() > USERS_MAX {
        return Err(RpcError::ChatsTooMuch);
    }
    let mut chats = Vec::new();
    for id in &request.id {
        let id = ChatId(*id);
        let known = view.tx.member(id, view.me)?.is_some() || view.tx.has_visited(id, view.me)?;
        if let Some(group) = view.tx.group(id)?.filter(|_| known) {
            chats.push(view.group(&group)?);
        }
    }
    reply(&types::messages::Chats { chats })
}

pub(super) fn get_participants(
    view: &mut View<'_>,
    request: &GetParticipants,
) -> Result<Outcome, RpcError> {
    let limit = check_limit(request.limit)?;
    if request.offset_id < 0 {
        return Err(RpcError::OffsetInvalid);
    }
    let group = view.own_group(request.chat_id)?;
    let members = view.tx.members(group.id, UserId(request.offset_id), limit)?;
    let people = members.iter().flat_map(|member| [member.user, member.inviter]);
    let users = view.users(people)?;
    let participant = |member: &Member| types::ChatParticipant {
        user_id: member.user.0,
        inviter_id: member.inviter.0,
        date: wire_int(member.date),
    };
    reply(&types::messages::ChatParticipants {
        count: wire_int(group.participants_count),
        participants: members.iter().map(participant).collect(),
        users,
    })
}

/// The group as it is now, and where the caller's own mailbox stands.
fn answer(
    view: &mut View<'_>,
    id: ChatId,
    pushes: Vec<Push>,
    pts_count: i32,
) -> Result<Outcome, RpcError> {
    let group = stored(view, id)?;
    let chat = view.group(&group)?;
    let pts = view.tx.mailbox(Peer::User(view.me))?.pts();
    Ok(Outcome { pushes, ..reply(&types::messages::AffectedChat { chat, pts, pts_count })? })
}

fn stored(view: &mut View<'_>, id: ChatId) -> Result<Group, RpcError> {
    Ok(view.tx.group(id)?.ok_or(StoreError::Corrupt("a group is gone"))?)
}

fn named(view: &mut View<'_>, users: &[InputUser]) -> Result<Vec<UserId>, RpcError> {
    if users.len() > USERS_MAX {
        return Err(RpcError::UsersTooMuch);
    }
    let mut ids = Vec::with_capacity(users.len());
    for user in users {
        let id = view.input_user(user)?.id;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn check_title(title: &str) -> Result<(), RpcError> {
    let chars = title.chars().count();
    let fits = (1..=TITLE_CHARS_MAX).contains(&chars)
        && !title.trim().is_empty()
        && !title.chars().any(char::is_control);
    fits.then_some(()).ok_or(RpcError::ChatTitleInvalid)
}
