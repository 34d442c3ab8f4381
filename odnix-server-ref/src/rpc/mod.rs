//! What each method does: synchronous, one store transaction each, no I/O of its own.
//!
//! ```text
//! body ─decode─▶ Request ─prepare─▶ Prepared ─handle(tx)─▶ Outcome { reply, pushes, login }
//!                          (passwords are hashed and JSON is read here, outside the transaction)
//! ```
//!
//! The mailbox is always the one of the user logged in with the caller's key; no request can
//! name another. Other users are named by (id, access_hash), where access_hash is a keyed
//! hash of (caller, user): a guessed id, someone else's access_hash and a user that does not
//! exist get the same answer.

mod account;
mod account_rules;
mod auth;
mod contacts;
mod error;
mod groups;
mod help;
pub mod json;
mod messages;
pub mod password;
mod updates;
pub mod upload;
mod users;
mod view;

pub use error::RpcError;
pub use json::Form;
pub use password::Evidence;

use crate::engine::LOG_POSITIONS_MAX;
use crate::store::{Device, Tx, UserId};
use bytes::Bytes;
use odnix_proto::{AuthKeyId, UnixTime};
use odnix_tl::odnix::Request;
use odnix_tl::{Decode, DecodeError, Encode};
use std::net::SocketAddr;

/// Longest list that one request may ask for.
pub const LIMIT_MAX: i32 = 100;
/// Most users, groups or messages in one request.
pub const USERS_MAX: usize = 100;
/// Most contacts of one user.
pub const CONTACTS_MAX: i64 = 1000;
/// Longest message text, in characters.
pub const MESSAGE_CHARS_MAX: usize = 4096;
/// Longest title of a group, in characters.
pub const TITLE_CHARS_MAX: usize = 128;
/// Most members of a small group.
pub const SMALL_MEMBERS_MAX: i64 = 200;
/// Most users who are or were members of a small group.
pub const SMALL_VISITORS_MAX: i64 = 1000;
/// Most members of a large group.
pub const LARGE_MEMBERS_MAX: i64 = 10_000;
/// Most drafts of one user.
pub const DRAFTS_MAX: i64 = 100;
/// Longest text to search for, in characters.
pub const SEARCH_CHARS_MAX: usize = 256;
/// Dialogs that a search without a peer looks into, those with the newest messages.
pub const SEARCH_DIALOGS_MAX: i64 = 200;
/// Longest name and type of a file, in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// How long a user counts as here after saying so.
pub const ONLINE_SECONDS: i64 = 300;
/// Most users who are told of someone's presence.
pub const ACQUAINTANCES_MAX: i64 = 1000;
/// Most devices that a user is told of.
pub const DEVICES_MAX: i64 = 100;
/// Longest text of a device about itself that is kept, in characters.
pub const DEVICE_CHARS_MAX: usize = 128;
/// Longest media reference, in bytes of JSON.
pub const MEDIA_BYTES_MAX: usize = 4096;
/// Updates in one slice of a difference unless the caller asks for another number.
pub const DIFFERENCE_LIMIT: usize = 100;
/// Most updates in one slice of a difference.
pub const DIFFERENCE_LIMIT_MAX: usize = 1000;
/// Bytes of logged content in one slice of a difference, the first update aside.
pub const DIFFERENCE_BYTES_MAX: usize = 512 << 10;

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key that the login belongs to: the session's own, or the permanent one behind it.
    pub key_id: AuthKeyId,
    /// The dc that the key was made for.
    pub dc: i32,
    /// As given in invokeWithLayer.
    pub layer: Option<i32>,
    /// Where this server's TCP listener is reached from the caller.
    pub tcp_address: SocketAddr,
    /// How the device introduces itself, with the first call of a connection.
    pub device: Option<Device>,
    /// The time of the request.
    pub now: UnixTime,
}

impl Caller {
    fn date(&self) -> i32 {
        i32::try_from(self.now.as_secs()).unwrap_or(i32::MAX)
    }
}

/// A request and what was found out about its password.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The request.
    pub request: Request,
    /// Made by [`password::examine`] or [`upload::examine`].
    pub evidence: Evidence,
    /// In which the answer is written; made by [`json::read`].
    pub form: Form,
}

/// What follows from a request once its transaction is committed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The boxed result, or its JSON form as a boxed `DataJSON`.
    pub reply: Bytes,
    /// Updates for other sessions.
    pub pushes: Vec<Push>,
    /// A change of the user behind the caller's key.
    pub login: Option<LoginChange>,
    /// Of the temporary keys bound to the caller's permanent key, only these stay.
    pub kept_temporary: Option<Vec<AuthKeyId>>,
    /// The parts of this upload are of no use any more.
    pub finished_upload: Option<crate::files::Upload>,
    /// This key is gone, with its login and its temporary keys.
    pub revoked: Option<AuthKeyId>,
    /// The user logged in with the caller's key when the request was handled.
    pub user: Option<UserId>,
}

/// An update on its way to every session of a user but the one that caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// To whom.
    pub user: UserId,
    /// A boxed `Updates`.
    pub update: Bytes,
    /// Not in the log: of no use to a session that is away.
    pub ephemeral: bool,
}

/// A change of the user behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginChange {
    /// This user is now logged in.
    In(UserId),
    /// Nobody is logged in any more.
    Out,
}

/// The methods, and the secrets they need.
#[derive(Debug)]
pub struct Rpc {
    access: view::AccessHashes,
    log_max: i32,
}

impl Rpc {
    /// With the secret under which access_hashes are made.
    pub fn new(access_secret: [u8; 32]) -> Self {
        // Prepares the layer now, and not in the first call that needs it.
        json::layer();
        Self { access: view::AccessHashes::new(access_secret), log_max: LOG_POSITIONS_MAX }
    }

    /// The same with logs that reach back so many positions instead of [`LOG_POSITIONS_MAX`].
    #[must_use]
    pub fn with_log_max(self, log_max: i32) -> Self {
        Self { log_max: log_max.max(1), ..self }
    }

    /// Parses a body; the connection envelope has been peeled off before.
    ///
    /// # Errors
    /// Unknown method, or malformed parameters.
    pub fn decode(body: Bytes) -> Result<Request, RpcError> {
        Request::from_bytes(body).map_err(|error| match error {
            DecodeError::UnknownConstructor { id, position: 0, .. } => {
                RpcError::InputMethodInvalid(id)
            }
            _ => RpcError::InputRequestInvalid,
        })
    }

    /// Does what the request asks, within `tx`.
    ///
    /// # Errors
    /// The request is refused; `tx` must be rolled back.
    pub fn handle(
        &self,
        tx: &mut dyn Tx,
        caller: &Caller,
        prepared: Prepared,
    ) -> Result<Outcome, RpcError> {
        let user = tx.session_user(caller.key_id)?;
        let Prepared { request, evidence, form } = prepared;
        let mut outcome = match request {
            Request::HelpEcho(echo) => help::echo(echo),
            Request::HelpGetConfig(_) => help::config(caller),
            Request::HelpGetNearestDc(_) => help::nearest_dc(caller),
            Request::AuthSignUp(it) => auth::sign_up(self, tx, caller, user, &it, evidence),
            Request::AuthSignIn(it) => auth::sign_in(self, tx, caller, user, &it, evidence),
            request => {
                let me = user.ok_or(RpcError::AuthKeyUnregistered)?;
                self.handle_authorized(tx, caller, me, request, evidence)
            }
        }?;
        if let (true, Some(device)) = (user.is_some() || outcome.login.is_some(), &caller.device) {
            let kept = device.clone().cut_to(DEVICE_CHARS_MAX);
            tx.set_device(caller.key_id, &kept, i64::from(caller.date()))?;
        }
        outcome.reply = form.write(outcome.reply)?;
        outcome.user = match outcome.login {
            Some(LoginChange::In(user)) => Some(user),
            Some(LoginChange::Out) => None,
            None => user,
        };
        Ok(outcome)
    }

    fn handle_authorized(
        &self,
        tx: &mut dyn Tx,
        caller: &Caller,
        me: UserId,
        request: Request,
        evidence: Evidence,
    ) -> Result<Outcome, RpcError> {
        let mut view =
            view::View { tx, access: &self.access, me, date: caller.date(), log_max: self.log_max };
        match request {
            Request::AuthLogOut(_) => auth::log_out(&mut view, caller),
            Request::AuthDropTempAuthKeys(it) => auth::drop_temp_auth_keys(&it),
            Request::UsersGetUsers(it) => users::get_users(&mut view, &it),
            Request::ContactsResolveUsername(it) => contacts::resolve_username(&mut view, &it),
            Request::ContactsAddContact(it) => contacts::add_contact(&mut view, &it),
            Request::ContactsGetContacts(_) => contacts::get_contacts(&mut view),
            Request::MessagesSendMessage(it) => messages::send_message(&mut view, &it),
            Request::UploadSaveFilePart(_) => upload::save_file_part(&evidence),
            Request::UploadGetParts(it) => upload::get_parts(&it, evidence),
            Request::UploadFinishFile(it) => upload::finish_file(&mut view, &it, &evidence),
            Request::UploadGetFile(_) => upload::get_file(evidence),
            Request::MessagesEditMessage(it) => messages::edit_message(&mut view, &it),
            Request::MessagesDeleteMessages(it) => messages::delete_messages(&mut view, &it),
            Request::MessagesSaveDraft(it) => messages::save_draft(&mut view, &it),
            Request::MessagesGetDrafts(_) => messages::get_drafts(&mut view),
            Request::MessagesSearch(it) => messages::search(&mut view, &it),
            Request::MessagesCreateChat(it) => groups::create_chat(&mut view, &it),
            Request::MessagesAddChatUsers(it) => groups::add_chat_users(&mut view, &it),
            Request::MessagesDeleteChatUser(it) => groups::delete_chat_user(&mut view, &it),
            Request::MessagesEditChatTitle(it) => groups::edit_chat_title(&mut view, &it),
            Request::MessagesGetChats(it) => groups::get_chats(&mut view, &it),
            Request::MessagesGetParticipants(it) => groups::get_participants(&mut view, &it),
            Request::AccountUpdateStatus(it) => account::update_status(&mut view, &it),
            Request::AccountGetAuthorizations(_) => account::get_authorizations(&mut view, caller),
            Request::AccountResetAuthorization(it) => {
                account::reset_authorization(&mut view, caller, &it)
            }
            Request::MessagesGetHistory(it) => messages::get_history(&mut view, &it),
            Request::MessagesGetDialogs(it) => messages::get_dialogs(&mut view, &it),
            Request::MessagesReadHistory(it) => messages::read_history(&mut view, &it),
            Request::MessagesSetTyping(it) => messages::set_typing(&mut view, &it),
            Request::UpdatesGetState(_) => updates::get_state(&mut view),
            Request::UpdatesGetDifference(it) => updates::get_difference(&mut view, &it),
            Request::UpdatesGetChatDifference(it) => updates::get_chat_difference(&mut view, &it),
            // The connection envelope is peeled off and JSON is read before; nested deeper,
            // neither is a method.
            _ => Err(RpcError::InputRequestInvalid),
        }
    }
}

fn reply(result: &impl Encode) -> Result<Outcome, RpcError> {
    Ok(Outcome { reply: encode(result)?, ..Outcome::default() })
}

fn encode(object: &impl Encode) -> Result<Bytes, RpcError> {
    object.to_bytes().map_err(|_| {
        crate::store::StoreError::Corrupt("a stored object is too large for the wire").into()
    })
}
