//! `updates.*`: where the caller's mailbox stands, and what led there.

use super::view::{View, mentioned, wire_int};
use super::{
    DIFFERENCE_BYTES_MAX, DIFFERENCE_LIMIT, DIFFERENCE_LIMIT_MAX, Outcome, RpcError, reply,
};
use crate::engine::{read_back, wire_pts};
use odnix_tl::odnix::enums::updates::Difference;
use odnix_tl::odnix::functions::updates::GetDifference;
use odnix_tl::odnix::types;

pub(super) fn get_state(view: &mut View<'_>) -> Result<Outcome, RpcError> {
    let pts = view.tx.pts(view.me)?;
    reply(&state(view, pts)?)
}

/// The updates after pts: none, all that are left, or a slice with the state it leads to.
/// qts and date are not used by this layer.
pub(super) fn get_difference(
    view: &mut View<'_>,
    request: &GetDifference,
) -> Result<Outcome, RpcError> {
    let limit = match request.pts_limit {
        None => DIFFERENCE_LIMIT,
        Some(limit) => match usize::try_from(limit) {
            Ok(limit) if limit > 0 => limit.min(DIFFERENCE_LIMIT_MAX),
            _ => return Err(RpcError::LimitInvalid),
        },
    };
    let from = i64::from(request.pts);
    let to = view.tx.pts(view.me)?;
    if !(0..=to).contains(&from) {
        return Err(RpcError::PersistentTimestampInvalid);
    }
    let behind = to.saturating_sub(from);
    let too_far = match request.pts_total_limit {
        None => false,
        Some(total) if total > 0 => behind > i64::from(total),
        Some(_) => return Err(RpcError::LimitInvalid),
    };
    reply(&if behind == 0 {
        Difference::DifferenceEmpty(types::updates::DifferenceEmpty { date: view.date, seq: 0 })
    } else if too_far {
        Difference::DifferenceTooLong(types::updates::DifferenceTooLong { pts: wire_pts(to)? })
    } else {
        slice(view, from, to, limit)?
    })
}

fn slice(view: &mut View<'_>, from: i64, to: i64, limit: usize) -> Result<Difference, RpcError> {
    let entries = view.tx.log_after(view.me, from, limit, DIFFERENCE_BYTES_MAX)?;
    let reached = entries.last().map_or(from, |entry| entry.pts);
    let updates = entries.iter().map(read_back).collect::<Result<Vec<_>, _>>()?;
    let users = view.users(updates.iter().flat_map(mentioned))?;
    let state = state(view, reached)?;
    Ok(if reached == to {
        Difference::Difference(types::updates::Difference {
            updates,
            users,
            chats: Vec::new(),
            state,
        })
    } else {
        let intermediate_state = state;
        Difference::DifferenceSlice(types::updates::DifferenceSlice {
            updates,
            users,
            chats: Vec::new(),
            intermediate_state,
        })
    })
}

fn state(view: &mut View<'_>, pts: i64) -> Result<types::updates::State, RpcError> {
    Ok(types::updates::State {
        pts: wire_pts(pts)?,
        qts: 0,
        date: view.date,
        seq: 0,
        unread_count: wire_int(view.tx.unread_count(view.me)?),
    })
}
