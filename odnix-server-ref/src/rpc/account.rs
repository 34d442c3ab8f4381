//! `account.*`: presence, and the devices of the caller.

use super::view::{View, wire_int};
use super::{
    ACQUAINTANCES_MAX, Caller, DEVICES_MAX, ONLINE_SECONDS, Outcome, Push, RpcError, reply,
};
use crate::store::Presence;
use odnix_tl::odnix::functions::account::{ResetAuthorization, UpdateStatus};
use odnix_tl::odnix::types;

/// Told to the live sessions of those with whom the caller has a dialog; kept for those who
/// look later.
pub(super) fn update_status(
    view: &mut View<'_>,
    request: &UpdateStatus,
) -> Result<Outcome, RpcError> {
    let now = i64::from(view.date);
    let presence = if request.offline {
        Presence::Offline(now)
    } else {
        Presence::Online(now.saturating_add(ONLINE_SECONDS))
    };
    view.tx.set_presence(view.me, presence)?;
    let user_id = view.me.0;
    let status = super::view::status(presence, view.date);
    let told = view.tell(view.me, types::UpdateUserStatus { user_id, status }.into())?;
    let others = view.tx.acquaintances(view.me, ACQUAINTANCES_MAX)?;
    let pushes = others.into_iter().map(|user| Push { user, ..told.clone() }).collect();
    Ok(Outcome { pushes, ..reply(&true)? })
}

pub(super) fn get_authorizations(
    view: &mut View<'_>,
    caller: &Caller,
) -> Result<Outcome, RpcError> {
    let me = view.me;
    let logins = view.tx.logins(me, DEVICES_MAX)?;
    let authorizations = logins.into_iter().map(|login| types::Authorization {
        current: login.id == caller.key_id,
        hash: view.access.device_hash(me, login.id),
        device_model: login.device.device_model,
        system_version: login.device.system_version,
        app_version: login.device.app_version,
        date_created: wire_int(login.created_at),
        date_active: wire_int(login.active_at),
    });
    reply(&types::account::Authorizations { authorizations: authorizations.collect() })
}

pub(super) fn reset_authorization(
    view: &mut View<'_>,
    caller: &Caller,
    request: &ResetAuthorization,
) -> Result<Outcome, RpcError> {
    let me = view.me;
    let named = view.tx.logins(me, DEVICES_MAX)?.into_iter().find(|login| {
        login.id != caller.key_id && view.access.device_hash(me, login.id) == request.hash
    });
    let named = named.ok_or(RpcError::HashInvalid)?.id;
    view.tx.delete_key(named)?;
    Ok(Outcome { revoked: Some(named), ..reply(&true)? })
}
