//! `updates.*`: where a mailbox stands, and what led there. That of the caller, or that of a large
//! group of the caller.

use super::view::{View, as_seen_by, mentioned, wire_int};
use super::{
    DIFFERENCE_BYTES_MAX, DIFFERENCE_LIMIT, DIFFERENCE_LIMIT_MAX, Outcome, RpcError, reply,
};
use crate::engine::read_back;
use crate::store::{LogEntry, Peer, StoreError};
use odnix_proto::updates::{Mailbox, Part, Plan, Position};
use odnix_tl::odnix::enums::updates::Difference;
use odnix_tl::odnix::functions::updates::{GetChatDifference, GetDifference};
use odnix_tl::odnix::types;

pub(super) fn get_state(view: &mut View<'_>) -> Result<Outcome, RpcError> {
    let pts = view.tx.mailbox(view.me.into())?.pts();
    reply(&state(view, pts)?)
}

/// qts and date are not used by this layer.
pub(super) fn get_difference(
    view: &mut View<'_>,
    request: &GetDifference,
) -> Result<Outcome, RpcError> {
    let question = Question {
        pts: request.pts,
        limit: request.pts_limit,
        total_limit: request.pts_total_limit,
    };
    difference(view, view.me.into(), &question)
}

pub(super) fn get_chat_difference(
    view: &mut View<'_>,
    request: &GetChatDifference,
) -> Result<Outcome, RpcError> {
    let group = view.own_group(request.chat_id)?;
    if !group.large {
        return Err(RpcError::ChatIdInvalid);
    }
    let question = Question {
        pts: request.pts,
        limit: request.pts_limit,
        total_limit: request.pts_total_limit,
    };
    difference(view, group.id.into(), &question)
}

struct Question {
    pts: i32,
    limit: Option<i32>,
    total_limit: Option<i32>,
}

/// The updates after pts: none, all that are left, or a slice with the state it leads to.
fn difference(view: &mut View<'_>, owner: Peer, question: &Question) -> Result<Outcome, RpcError> {
    let limit = match question.limit.map(usize::try_from) {
        None => DIFFERENCE_LIMIT,
        Some(Ok(limit)) if limit > 0 => limit.min(DIFFERENCE_LIMIT_MAX),
        Some(_) => return Err(RpcError::LimitInvalid),
    };
    if question.total_limit.is_some_and(|total| total < 1) {
        return Err(RpcError::LimitInvalid);
    }
    let mailbox = view.tx.mailbox(owner)?;
    let plan = mailbox.plan(question.pts, limit, question.total_limit);
    reply(&match plan.map_err(|_| RpcError::PersistentTimestampInvalid)? {
        Plan::Empty => types::updates::DifferenceEmpty { date: view.date, seq: 0 }.into(),
        Plan::TooLong { pts } => types::updates::DifferenceTooLong { pts }.into(),
        Plan::Read { lines_max } => read(view, owner, &mailbox, question.pts, lines_max)?,
        _ => return Err(StoreError::Corrupt("a plan this server does not know").into()),
    })
}

fn read(
    view: &mut View<'_>,
    owner: Peer,
    mailbox: &Mailbox,
    from: i32,
    lines_max: usize,
) -> Result<Difference, RpcError> {
    let lines = view.tx.log_after(owner, from, lines_max, DIFFERENCE_BYTES_MAX)?;
    let position = |line: &LogEntry| Position { pts: line.pts, pts_count: line.pts_count };
    let positions: Vec<Position> = lines.iter().map(position).collect();
    let part = mailbox.part(from, &positions);
    let part = part.map_err(|_| StoreError::Corrupt("an update log has a hole"))?;
    let mut updates = lines.iter().map(read_back).collect::<Result<Vec<_>, _>>()?;
    if matches!(owner, Peer::Chat(_)) {
        updates = updates.into_iter().map(|update| as_seen_by(update, view.me)).collect();
    }
    let mentioned = mentioned(&updates);
    let users = view.users(mentioned.users)?;
    let chats = view.groups(mentioned.chats)?;
    Ok(match part {
        Part::Slice { pts } => {
            let intermediate_state = state(view, pts)?;
            types::updates::DifferenceSlice { updates, users, chats, intermediate_state }.into()
        }
        _ => {
            let state = state(view, mailbox.pts())?;
            types::updates::Difference { updates, users, chats, state }.into()
        }
    })
}

fn state(view: &mut View<'_>, pts: i32) -> Result<types::updates::State, RpcError> {
    Ok(types::updates::State {
        pts,
        qts: 0,
        date: view.date,
        seq: 0,
        unread_count: wire_int(view.tx.unread_count(view.me)?),
    })
}
