//! The wrappers around one query: `invokeWithLayer`, `initConnection`, `invokeAfterMsg(s)`,
//! `invokeWithoutUpdates`, and `gzip_packed` at any level.
//!
//! [`unwrap`] peels them from the outside in and gathers what they say in a [`CallContext`];
//! what remains starts with the query's own constructor id.

use super::{
    container::constructor,
    gzip::{InflateBudget, InflateError},
};
use crate::{limits::Limits, message_id::MsgId};
use alloc::{boxed::Box, vec::Vec};
use bytes::Bytes;
use odnix_tl::{
    Constructor, Decode, DecodeError, Raw,
    mtproto::types::GzipPacked,
    odnix::functions::{
        InitConnection, InvokeAfterMsg, InvokeAfterMsgs, InvokeWithLayer, InvokeWithoutUpdates,
    },
};

/// What the wrappers around a query said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallContext {
    /// The client's layer. Information, never a reason to refuse.
    pub layer: Option<i32>,
    /// What the client said of itself. Its `query` is empty here, and so are its `params`: they
    /// are of no use to a server, and may take ten times as much memory as on the wire.
    pub init: Option<Box<InitConnection>>,
    /// Requests that must have succeeded before this one runs.
    pub after: Vec<MsgId>,
    /// The client wants no updates on this session because of this query.
    pub without_updates: bool,
}

/// Why a query could not be unwrapped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UnwrapError {
    Malformed,
    TooDeep,
    Inflate,
}

impl From<DecodeError> for UnwrapError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

impl From<InflateError> for UnwrapError {
    fn from(_: InflateError) -> Self {
        Self::Inflate
    }
}

/// Peels all wrappers off `body`.
pub(crate) fn unwrap(
    mut body: Bytes,
    limits: &Limits,
    budget: &mut InflateBudget,
) -> Result<(CallContext, Bytes), UnwrapError> {
    let mut context = CallContext::default();
    let mut inside_gzip = false;
    for _ in 0..=limits.nesting_max {
        let is_gzip = constructor(&body) == Some(GzipPacked::ID);
        if is_gzip && inside_gzip {
            return Err(UnwrapError::Malformed);
        }
        inside_gzip = is_gzip;
        body = match peel(body, &mut context, limits, budget)? {
            Peeled::Wrapper(inner) => inner,
            Peeled::Query(query) => return Ok((context, query)),
        };
    }
    Err(UnwrapError::TooDeep)
}

enum Peeled {
    Wrapper(Bytes),
    Query(Bytes),
}

fn peel(
    body: Bytes,
    context: &mut CallContext,
    limits: &Limits,
    budget: &mut InflateBudget,
) -> Result<Peeled, UnwrapError> {
    let Some(id) = constructor(&body) else { return Err(UnwrapError::Malformed) };
    let inner = match id {
        GzipPacked::ID => budget.inflate(&GzipPacked::from_bytes(body)?.packed_data)?,
        InvokeWithLayer::ID => {
            let wrapper = InvokeWithLayer::from_bytes(body)?;
            context.layer = Some(wrapper.layer);
            wrapper.query.0
        }
        InitConnection::ID => {
            let mut wrapper = InitConnection::from_bytes(body)?;
            let query = core::mem::replace(&mut wrapper.query, Raw(Bytes::new()));
            wrapper.params = None;
            context.init = Some(Box::new(wrapper));
            query.0
        }
        InvokeAfterMsg::ID => {
            let wrapper = InvokeAfterMsg::from_bytes(body)?;
            remember(context, &[wrapper.msg_id], limits)?;
            wrapper.query.0
        }
        InvokeAfterMsgs::ID => {
            let wrapper = InvokeAfterMsgs::from_bytes(body)?;
            remember(context, &wrapper.msg_ids, limits)?;
            wrapper.query.0
        }
        InvokeWithoutUpdates::ID => {
            context.without_updates = true;
            InvokeWithoutUpdates::from_bytes(body)?.query.0
        }
        _ => return Ok(Peeled::Query(body)),
    };
    Ok(Peeled::Wrapper(inner))
}

fn remember(
    context: &mut CallContext,
    msg_ids: &[i64],
    limits: &Limits,
) -> Result<(), UnwrapError> {
    if context.after.len().saturating_add(msg_ids.len()) > limits.ids_max {
        return Err(UnwrapError::Malformed);
    }
    context.after.extend(msg_ids.iter().copied().map(MsgId::from_i64));
    Ok(())
}
