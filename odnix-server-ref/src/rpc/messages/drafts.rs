//! Drafts: what is written and not sent, the same on all devices of a user.

use crate::rpc::view::{Mentioned, View, wire_draft, wire_peer};
use crate::rpc::{DRAFTS_MAX, MESSAGE_CHARS_MAX, Outcome, RpcError, reply};
use crate::store::Draft;
use odnix_tl::odnix::functions::messages::SaveDraft;
use odnix_tl::odnix::types;

pub(in crate::rpc) fn save_draft(
    view: &mut View<'_>,
    request: &SaveDraft,
) -> Result<Outcome, RpcError> {
    if request.message.chars().count() > MESSAGE_CHARS_MAX {
        return Err(RpcError::MessageTooLong);
    }
    let (me, peer) = (view.me, view.place(&request.peer)?.peer());
    let old = view.tx.draft(me, peer)?;
    if old.as_ref().map_or("", |old| old.text.as_str()) == request.message {
        let pts = view.tx.mailbox(me.into())?.pts();
        return reply(&types::messages::AffectedMessages { pts, pts_count: 0 });
    }
    if old.is_none() && view.tx.drafts(me, DRAFTS_MAX)?.len() >= as_len(DRAFTS_MAX) {
        return Err(RpcError::DraftsTooMuch);
    }
    let draft = Draft { peer, text: request.message.clone(), date: i64::from(view.date) };
    view.tx.set_draft(me, &draft)?;
    let recorded = view.record(me, 1, |pts, pts_count| {
        let (peer, draft) = (wire_peer(peer), wire_draft(&draft));
        types::UpdateDraftMessage { peer, draft, pts, pts_count }.into()
    })?;
    let (pts, pts_count) = (recorded.pts, recorded.pts_count);
    let mut outcome = reply(&types::messages::AffectedMessages { pts, pts_count })?;
    outcome.pushes.push(view.push(recorded)?);
    Ok(outcome)
}

fn as_len(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

pub(in crate::rpc) fn get_drafts(view: &mut View<'_>) -> Result<Outcome, RpcError> {
    let drafts: Vec<_> = view
        .tx
        .drafts(view.me, DRAFTS_MAX)?
        .iter()
        .map(|draft| types::PeerDraft { peer: wire_peer(draft.peer), draft: wire_draft(draft) })
        .collect();
    let mut mentioned = Mentioned::default();
    drafts.iter().for_each(|draft| mentioned.peer(&draft.peer));
    reply(&types::messages::Drafts {
        drafts,
        chats: view.groups(mentioned.chats)?,
        users: view.users(mentioned.users)?,
    })
}
