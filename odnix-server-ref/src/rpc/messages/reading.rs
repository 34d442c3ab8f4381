//! Read marks and typing.

use super::seen_from;
use crate::rpc::view::{Place, View, wire_int, wire_peer};
use crate::rpc::{Outcome, RpcError, reply};
use crate::store::{Peer, Sight, UserId};
use odnix_tl::odnix::enums::Update;
use odnix_tl::odnix::functions::messages::{ReadHistory, SetTyping};
use odnix_tl::odnix::types;

/// Marks messages of others up to max_id (0: all of them) as read, and tells their authors, but
/// not in a large group. When none of them was unread nothing is logged or pushed, and
/// pts_count is 0.
pub(in crate::rpc) fn read_history(
    view: &mut View<'_>,
    request: &ReadHistory,
) -> Result<Outcome, RpcError> {
    let max_id = match request.max_id {
        0 => i64::MAX,
        1.. => request.max_id,
        _ => return Err(RpcError::MaxIdInvalid),
    };
    let me = view.me;
    let place = view.readable(&request.peer)?;
    let sight = view.sight(&place)?;
    let read = match sight {
        Some(sight) => read_up_to(view, &place, sight, max_id)?,
        None => None,
    };
    let (Some(sight), Some(Read { max_id, left, authors })) = (sight, read) else {
        let pts = view.tx.mailbox(me.into())?.pts();
        return reply(&types::messages::AffectedMessages { pts, pts_count: 0 });
    };
    let inbox = view.record(me, 1, read_update(false, place.peer(), max_id, left))?;
    let affected = types::messages::AffectedMessages { pts: inbox.pts, pts_count: inbox.pts_count };
    let mut outcome = reply(&affected)?;
    outcome.pushes.push(view.push(inbox)?);
    for (author, newest) in authors {
        if view.tx.raise_read_outbox(author, sight.chat, newest)? {
            let mut theirs = view.of(author);
            let update = read_update(true, seen_from(&place, me), newest, left);
            let outbox = theirs.record(author, 1, update)?;
            outcome.pushes.push(theirs.push(outbox)?);
        }
    }
    Ok(outcome)
}

struct Read {
    max_id: i64,
    left: i64,
    /// Who is told of it: those whose messages were read, with the newest of each.
    authors: Vec<(UserId, i64)>,
}

/// Moves the read mark of the caller, if there is anything to read.
fn read_up_to(
    view: &mut View<'_>,
    place: &Place,
    sight: Sight,
    max_id: i64,
) -> Result<Option<Read>, RpcError> {
    let Some(dialog) = view.tx.dialog(view.me, sight.chat)? else { return Ok(None) };
    let after = dialog.read_inbox_max_id;
    let Some(max_id) = view.tx.newest_from_others(sight, after, max_id)? else { return Ok(None) };
    let authors = match place.large() {
        Some(_) => Vec::new(),
        None => view.tx.authors(sight, after, max_id)?,
    };
    let left = view.tx.count_from_others(sight, max_id)?;
    view.tx.set_read_inbox(view.me, sight.chat, max_id, left)?;
    Ok(Some(Read { max_id, left, authors }))
}

pub(in crate::rpc) fn read_update(
    outbox: bool,
    peer: Peer,
    max_id: i64,
    left: i64,
) -> impl FnOnce(i32, i32) -> Update {
    move |pts, pts_count| {
        Update::UpdateReadHistory(types::UpdateReadHistory {
            outbox,
            peer: wire_peer(peer),
            max_id,
            still_unread_count: wire_int(left),
            pts,
            pts_count,
        })
    }
}

/// Told to the live sessions of the others, written nowhere.
pub(in crate::rpc) fn set_typing(
    view: &mut View<'_>,
    request: &SetTyping,
) -> Result<Outcome, RpcError> {
    let (me, action) = (view.me, request.action.clone());
    let mut outcome = reply(&true)?;
    match view.place(&request.peer)? {
        Place::Private(peer) if peer == me => {}
        Place::Private(peer) => {
            let update = types::UpdateUserTyping { user_id: me.0, action };
            outcome.pushes.push(view.tell(peer, update.into())?);
        }
        Place::Group(group) => {
            let update = types::UpdateChatUserTyping { chat_id: group.id.0, user_id: me.0, action };
            let told = view.tell(me, update.into())?;
            let others = view.tx.member_ids(group.id)?.into_iter().filter(|member| *member != me);
            outcome.pushes.extend(others.map(|user| crate::rpc::Push { user, ..told.clone() }));
        }
    }
    Ok(outcome)
}
