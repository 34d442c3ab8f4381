//! `users.*`.

use super::view::View;
use super::{Outcome, RpcError, USERS_MAX, reply};
use odnix_tl::odnix::functions::users::GetUsers;

/// Users the caller cannot name are left out of the answer.
pub(super) fn get_users(view: &mut View<'_>, request: &GetUsers) -> Result<Outcome, RpcError> {
    if request.id.len() > USERS_MAX {
        return Err(RpcError::UsersTooMuch);
    }
    let mut users = Vec::with_capacity(request.id.len());
    for id in &request.id {
        match view.input_user(id) {
            Ok(user) => users.push(view.user(&user)?),
            Err(RpcError::PeerIdInvalid) => {}
            Err(error) => return Err(error),
        }
    }
    reply(&users)
}
