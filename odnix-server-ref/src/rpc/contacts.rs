//! `contacts.*`.

use super::account_rules::check_username;
use super::view::{View, wire_peer};
use super::{CONTACTS_MAX, Outcome, RpcError, reply};
use odnix_tl::odnix::functions::contacts::{AddContact, ResolveUsername};
use odnix_tl::odnix::types;

pub(super) fn resolve_username(
    view: &mut View<'_>,
    request: &ResolveUsername,
) -> Result<Outcome, RpcError> {
    check_username(&request.username)?;
    let user = view.tx.user_by_username(&request.username)?.ok_or(RpcError::UsernameNotOccupied)?;
    reply(&types::contacts::ResolvedPeer {
        peer: wire_peer(user.id.into()),
        users: vec![view.user(&user)?],
    })
}

pub(super) fn add_contact(view: &mut View<'_>, request: &AddContact) -> Result<Outcome, RpcError> {
    let user = view.input_user(&request.id)?;
    if user.id == view.me {
        return Err(RpcError::ContactIdInvalid);
    }
    if !view.tx.is_contact(view.me, user.id)? && view.tx.contact_count(view.me)? >= CONTACTS_MAX {
        return Err(RpcError::ContactsTooMuch);
    }
    view.tx.add_contact(view.me, user.id)?;
    reply(&view.user(&user)?)
}

pub(super) fn get_contacts(view: &mut View<'_>) -> Result<Outcome, RpcError> {
    let contacts = view.tx.contacts(view.me, CONTACTS_MAX)?;
    let mut users = Vec::with_capacity(contacts.len());
    for contact in &contacts {
        users.push(view.user(contact)?);
    }
    reply(&types::contacts::Contacts { users })
}
