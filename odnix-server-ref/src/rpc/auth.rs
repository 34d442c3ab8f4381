//! `auth.*`: accounts, and who is behind a key.
//!
//! Signing up or in again with the same key, name and password gives the same answer, so a
//! client that lost the first answer may just repeat the request.

use super::account_rules::{check_first_name, check_password, check_username};
use super::password::Evidence;
use super::view::View;
use super::{Caller, LoginChange, Outcome, Rpc, RpcError, reply};
use crate::store::{NewUser, Tx, UserId};
use odnix_proto::AuthKeyId;
use odnix_tl::odnix::functions::auth::{DropTempAuthKeys, SignIn, SignUp};
use odnix_tl::odnix::types;

pub(super) fn sign_up(
    rpc: &Rpc,
    tx: &mut dyn Tx,
    caller: &Caller,
    logged_in: Option<UserId>,
    request: &SignUp,
    evidence: Evidence,
) -> Result<Outcome, RpcError> {
    check_username(&request.username)?;
    check_password(&request.password)?;
    check_first_name(&request.first_name)?;
    if let Evidence::Matches(credentials) = &evidence
        && logged_in == Some(credentials.user)
    {
        return log_in(rpc, tx, caller, credentials.user);
    }
    if tx.user_by_username(&request.username)?.is_some() {
        return Err(RpcError::UsernameOccupied);
    }
    let Evidence::Hash(password_hash) = evidence else {
        return Err(RpcError::UsernameOccupied);
    };
    if logged_in.is_some() {
        return Err(RpcError::AlreadyAuthorized);
    }
    let user = tx.create_user(&NewUser {
        username: &request.username,
        first_name: &request.first_name,
        password_hash: &password_hash,
        created_at: i64::from(caller.date()),
    })?;
    log_in(rpc, tx, caller, user)
}

pub(super) fn sign_in(
    rpc: &Rpc,
    tx: &mut dyn Tx,
    caller: &Caller,
    logged_in: Option<UserId>,
    request: &SignIn,
    evidence: Evidence,
) -> Result<Outcome, RpcError> {
    let Evidence::Matches(examined) = evidence else {
        return Err(RpcError::PasswordHashInvalid);
    };
    let stored = tx.credentials(&request.username)?;
    let unchanged = stored.is_some_and(|stored| {
        stored.user == examined.user && stored.password_hash == examined.password_hash
    });
    if !unchanged {
        return Err(RpcError::PasswordHashInvalid);
    }
    if logged_in.is_some_and(|user| user != examined.user) {
        return Err(RpcError::AlreadyAuthorized);
    }
    log_in(rpc, tx, caller, examined.user)
}

fn log_in(rpc: &Rpc, tx: &mut dyn Tx, caller: &Caller, user: UserId) -> Result<Outcome, RpcError> {
    // A key that is not stored (a temporary one, or one that was forgotten) cannot log in.
    if !tx.set_session_user(caller.key_id, Some(user), caller.layer)? {
        return Err(RpcError::AuthKeyUnregistered);
    }
    let mut view =
        View { tx, access: &rpc.access, me: user, date: caller.date(), log_max: rpc.log_max };
    let me = view.users([user])?.pop().ok_or(RpcError::AuthKeyUnregistered)?;
    let outcome = reply(&types::auth::Authorization { user: me })?;
    Ok(Outcome { login: Some(LoginChange::In(user)), ..outcome })
}

pub(super) fn log_out(view: &mut View<'_>, caller: &Caller) -> Result<Outcome, RpcError> {
    view.tx.set_session_user(caller.key_id, None, None)?;
    Ok(Outcome { login: Some(LoginChange::Out), ..reply(&true)? })
}

/// The gateway knows the temporary keys; they end when this is answered.
pub(super) fn drop_temp_auth_keys(request: &DropTempAuthKeys) -> Result<Outcome, RpcError> {
    let kept = request.except_auth_keys.iter();
    let kept = kept.map(|id| AuthKeyId::from_bytes(id.to_le_bytes())).collect();
    Ok(Outcome { kept_temporary: Some(kept), ..reply(&true)? })
}
