//! Objects as one user sees them, and how that user names others.

use super::{Push, RpcError, encode};
use crate::engine::{self, Recorded};
use crate::store::{
    ChatId, Dialog, Draft, Group, Message, Peer, Presence, Sight, StoreError, Tx, User, UserId,
};
use hmac::{Hmac, KeyInit, Mac};
use odnix_proto::AuthKeyId;
use odnix_tl::odnix::enums::{self, InputPeer, InputUser, Update, Updates};
use odnix_tl::odnix::types;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fmt;

/// Makes access_hashes: the first 8 bytes of HMAC-SHA256(secret, what is named).
pub(super) struct AccessHashes(Hmac<Sha256>);

impl AccessHashes {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        // HMAC pads a key shorter than its 64-byte block with zeros.
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(&secret);
        Self(Hmac::new(&block.into()))
    }

    /// How `viewer` names `target`.
    pub(super) fn access_hash(&self, viewer: UserId, target: UserId) -> i64 {
        self.keyed(&[&viewer.0.to_le_bytes(), &target.0.to_le_bytes()])
    }

    /// What whoever fetches a file must present.
    pub(super) fn file_hash(&self, file: i64) -> i64 {
        self.keyed(&[b"file", &file.to_le_bytes()])
    }

    /// Names a device of `viewer` in account.resetAuthorization, without giving away its key id.
    pub(super) fn device_hash(&self, viewer: UserId, key: AuthKeyId) -> i64 {
        self.keyed(&[b"device", &viewer.0.to_le_bytes(), &key.to_bytes()])
    }

    /// The lengths of what is named differ (16, 12 and 22 bytes), so no two kinds share a hash.
    fn keyed(&self, parts: &[&[u8]]) -> i64 {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(mac.finalize().into_bytes());
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for AccessHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessHashes(…)")
    }
}

/// A dialog as a request names it.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// With a user, or with oneself.
    Private(UserId),
    /// Of a group.
    Group(Group),
}

impl Place {
    pub(super) fn peer(&self) -> Peer {
        match self {
            Self::Private(user) => Peer::User(*user),
            Self::Group(group) => Peer::Chat(group.id),
        }
    }

    /// The large group, if it is one.
    pub(super) fn large(&self) -> Option<&Group> {
        match self {
            Self::Group(group) if group.large => Some(group),
            _ => None,
        }
    }
}

/// One user's view of the store, within one transaction.
pub(super) struct View<'a> {
    pub(super) tx: &'a mut dyn Tx,
    pub(super) access: &'a AccessHashes,
    pub(super) me: UserId,
    pub(super) date: i32,
    /// See [`engine::LOG_POSITIONS_MAX`].
    pub(super) log_max: i32,
}

impl View<'_> {
    /// The same transaction through the eyes of someone else.
    pub(super) fn of(&mut self, user: UserId) -> View<'_> {
        View {
            tx: &mut *self.tx,
            access: self.access,
            me: user,
            date: self.date,
            log_max: self.log_max,
        }
    }

    // --- what a request names ---

    /// The user behind an id and access_hash. The hash is checked before anything is looked
    /// up, so a wrong one and an unknown user take the same path.
    fn named(&mut self, id: i64, access_hash: i64) -> Result<User, RpcError> {
        let id = UserId(id);
        if self.access.access_hash(self.me, id) != access_hash {
            return Err(RpcError::PeerIdInvalid);
        }
        self.tx.user(id)?.ok_or(RpcError::PeerIdInvalid)
    }

    fn myself(&mut self) -> Result<User, RpcError> {
        Ok(self.tx.user(self.me)?.ok_or(StoreError::Corrupt("a logged-in user has no row"))?)
    }

    pub(super) fn input_user(&mut self, user: &InputUser) -> Result<User, RpcError> {
        match user {
            InputUser::InputUserSelf => self.myself(),
            InputUser::InputUser(it) => self.named(it.user_id, it.access_hash),
        }
    }

    /// Where the caller may write.
    pub(super) fn place(&mut self, peer: &InputPeer) -> Result<Place, RpcError> {
        Ok(match peer {
            InputPeer::InputPeerSelf => Place::Private(self.me),
            InputPeer::InputPeerUser(it) => {
                Place::Private(self.named(it.user_id, it.access_hash)?.id)
            }
            InputPeer::InputPeerChat(it) => Place::Group(self.own_group(it.chat_id)?),
        })
    }

    /// Where the caller may read: also a small group that it has left.
    pub(super) fn readable(&mut self, peer: &InputPeer) -> Result<Place, RpcError> {
        if let InputPeer::InputPeerChat(it) = peer {
            let id = ChatId(it.chat_id);
            if let Some(group) = self.tx.group(id)?
                && !group.large
                && self.tx.has_visited(id, self.me)?
            {
                return Ok(Place::Group(group));
            }
        }
        self.place(peer)
    }

    /// A group that the caller is a member of. One that does not exist gets the same answer as
    /// somebody else's.
    pub(super) fn own_group(&mut self, id: i64) -> Result<Group, RpcError> {
        let id = ChatId(id);
        if self.tx.member(id, self.me)?.is_none() {
            return Err(RpcError::ChatIdInvalid);
        }
        self.tx.group(id)?.ok_or(RpcError::ChatIdInvalid)
    }

    /// What the caller sees there; `None` if nobody has written yet.
    pub(super) fn sight(&mut self, place: &Place) -> Result<Option<Sight>, RpcError> {
        let viewer = self.me;
        Ok(match place {
            Place::Private(peer) => {
                let chat = self.tx.private_chat(viewer, *peer)?;
                chat.map(|chat| Sight { viewer, chat, whole: true })
            }
            Place::Group(group) => Some(Sight { viewer, chat: group.id, whole: group.large }),
        })
    }

    /// The same of a dialog that is known to exist.
    pub(super) fn sight_of(&mut self, dialog: &Dialog) -> Result<Sight, RpcError> {
        let whole = match dialog.peer {
            Peer::User(_) => true,
            Peer::Chat(id) => self.tx.group(id)?.is_some_and(|group| group.large),
        };
        Ok(Sight { viewer: self.me, chat: dialog.chat, whole })
    }

    // --- objects ---

    pub(super) fn user(&mut self, user: &User) -> Result<types::User, RpcError> {
        Ok(types::User {
            self_: user.id == self.me,
            contact: self.tx.is_contact(self.me, user.id)?,
            id: user.id.0,
            access_hash: self.access.access_hash(self.me, user.id),
            username: user.username.clone(),
            first_name: user.first_name.clone(),
            status: user.presence.map(|presence| status(presence, self.date)),
        })
    }

    pub(super) fn users(
        &mut self,
        ids: impl IntoIterator<Item = UserId>,
    ) -> Result<Vec<types::User>, RpcError> {
        let ids: BTreeSet<UserId> = ids.into_iter().collect();
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(user) = self.tx.user(id)? {
                users.push(self.user(&user)?);
            }
        }
        Ok(users)
    }

    pub(super) fn group(&mut self, group: &Group) -> Result<types::Chat, RpcError> {
        let pts = if group.large { Some(self.tx.mailbox(group.id.into())?.pts()) } else { None };
        Ok(types::Chat {
            left: self.tx.member(group.id, self.me)?.is_none(),
            creator: group.creator == self.me,
            large: group.large,
            id: group.id.0,
            title: group.title.clone(),
            date: wire_int(group.date),
            participants_count: wire_int(group.participants_count),
            version: wire_int(group.version),
            pts,
        })
    }

    pub(super) fn groups(
        &mut self,
        ids: impl IntoIterator<Item = ChatId>,
    ) -> Result<Vec<types::Chat>, RpcError> {
        let ids: BTreeSet<ChatId> = ids.into_iter().collect();
        let mut groups = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(group) = self.tx.group(id)? {
                groups.push(self.group(&group)?);
            }
        }
        Ok(groups)
    }

    /// `peer` is the other side as this viewer sees it.
    pub(super) fn message(
        &self,
        message: &Message,
        peer: Peer,
    ) -> Result<types::Message, RpcError> {
        let action = message.action.as_deref().map(serde_json::from_str).transpose();
        Ok(types::Message {
            out: message.from == self.me,
            id: message.id.0,
            from_id: message.from.0,
            peer_id: wire_peer(peer),
            date: wire_int(message.date),
            message: message.text.clone(),
            media: message.media.clone().map(|data| types::DataJson { data }),
            action: action.map_err(|_| StoreError::Corrupt("an action does not parse"))?,
            edit_date: message.edit_date.map(wire_int),
        })
    }

    pub(super) fn dialog(&mut self, dialog: &Dialog) -> Result<types::Dialog, RpcError> {
        let large = match dialog.peer {
            Peer::Chat(id) => self.tx.group(id)?.is_some_and(|group| group.large),
            Peer::User(_) => false,
        };
        let draft = self.tx.draft(self.me, dialog.peer)?;
        Ok(types::Dialog {
            peer: wire_peer(dialog.peer),
            top_message: dialog.top_message.0,
            read_inbox_max_id: dialog.read_inbox_max_id,
            read_outbox_max_id: dialog.read_outbox_max_id,
            unread_count: wire_int(dialog.unread_count),
            pts: if large { Some(self.tx.mailbox(dialog.peer)?.pts()) } else { None },
            draft: draft.as_ref().map(wire_draft),
        })
    }

    // --- updates ---

    /// Gives an update its place in a mailbox.
    pub(super) fn record(
        &mut self,
        owner: impl Into<Peer>,
        pts_count: i32,
        update: impl FnOnce(i32, i32) -> Update,
    ) -> Result<Recorded, RpcError> {
        Ok(engine::record(self.tx, owner.into(), pts_count, self.log_max, update)?)
    }

    /// An update of the viewer's own mailbox, ready for its sessions.
    pub(super) fn push(&mut self, recorded: Recorded) -> Result<Push, RpcError> {
        let Mentioned { users, chats } = mentioned([&recorded.update]);
        let updates = Updates::Updates(types::Updates {
            users: self.users(users)?,
            chats: self.groups(chats)?,
            updates: vec![recorded.update],
            date: self.date,
            seq: 0,
        });
        Ok(Push { user: self.me, update: encode(&updates)?, ephemeral: false })
    }

    /// An update of the mailbox of a large group, ready for the sessions of all members. It is
    /// the same for all but the viewer, so it names nobody: whoever does not know the author
    /// asks for the difference.
    pub(super) fn push_to_members(
        &mut self,
        group: &Group,
        recorded: Recorded,
    ) -> Result<Vec<Push>, RpcError> {
        let short = |update: Update, date: i32| {
            let chat_id = group.id.0;
            let update =
                Update::UpdateOfChat(types::UpdateOfChat { chat_id, update: Box::new(update) });
            encode(&Updates::UpdateShort(types::UpdateShort { update, date }))
        };
        let for_me = short(as_seen_by(recorded.update.clone(), self.me), self.date)?;
        let for_others = short(as_seen_by(recorded.update, NOBODY), self.date)?;
        let members = self.tx.member_ids(group.id)?;
        let push = |user| {
            let update = if user == self.me { &for_me } else { &for_others };
            Push { user, update: update.clone(), ephemeral: false }
        };
        Ok(members.into_iter().map(push).collect())
    }

    /// Something for the live sessions of a user, written nowhere.
    pub(super) fn tell(&self, user: UserId, update: Update) -> Result<Push, RpcError> {
        let update = Updates::UpdateShort(types::UpdateShort { update, date: self.date });
        Ok(Push { user, update: encode(&update)?, ephemeral: true })
    }
}

/// Is the author of nothing.
const NOBODY: UserId = UserId(0);

/// An update of a large group as one member sees it: who is the author depends on that.
pub(super) fn as_seen_by(mut update: Update, viewer: UserId) -> Update {
    if let Update::UpdateNewMessage(types::UpdateNewMessage { message, .. })
    | Update::UpdateEditMessage(types::UpdateEditMessage { message, .. }) = &mut update
    {
        message.out = message.from_id == viewer.0;
    }
    update
}

/// Whom and what objects speak of.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    pub(super) users: BTreeSet<UserId>,
    pub(super) chats: BTreeSet<ChatId>,
}

impl Mentioned {
    pub(super) fn user(&mut self, id: i64) {
        self.users.insert(UserId(id));
    }

    pub(super) fn peer(&mut self, peer: &enums::Peer) {
        match peer {
            enums::Peer::PeerUser(it) => self.user(it.user_id),
            enums::Peer::PeerChat(it) => {
                self.chats.insert(ChatId(it.chat_id));
            }
        }
    }

    pub(super) fn message(&mut self, message: &types::Message) {
        self.user(message.from_id);
        self.peer(&message.peer_id);
        match &message.action {
            Some(enums::MessageAction::MessageActionChatCreate(it)) => {
                it.users.iter().for_each(|user| self.user(*user));
            }
            Some(enums::MessageAction::MessageActionChatAddUser(it)) => {
                it.users.iter().for_each(|user| self.user(*user));
            }
            Some(enums::MessageAction::MessageActionChatDeleteUser(it)) => self.user(it.user_id),
            Some(enums::MessageAction::MessageActionChatEditTitle(_)) | None => {}
        }
    }

    fn update(&mut self, update: &Update) {
        match update {
            Update::UpdateNewMessage(it) => self.message(&it.message),
            Update::UpdateMessageSent(it) => self.message(&it.message),
            Update::UpdateEditMessage(it) => self.message(&it.message),
            Update::UpdateDeleteMessages(it) => self.peer(&it.peer),
            Update::UpdateReadHistory(it) => self.peer(&it.peer),
            Update::UpdateDraftMessage(it) => self.peer(&it.peer),
            Update::UpdateChat(it) => {
                self.chats.insert(ChatId(it.chat_id));
            }
            Update::UpdateOfChat(it) => self.update(&it.update),
            // Ephemeral ones come alone.
            Update::UpdateUserTyping(_)
            | Update::UpdateChatUserTyping(_)
            | Update::UpdateUserStatus(_) => {}
        }
    }
}

/// Whom and what updates speak of.
pub(super) fn mentioned<'a>(updates: impl IntoIterator<Item = &'a Update>) -> Mentioned {
    let mut mentioned = Mentioned::default();
    updates.into_iter().for_each(|update| mentioned.update(update));
    mentioned
}

pub(super) fn status(presence: Presence, date: i32) -> enums::UserStatus {
    match presence {
        Presence::Online(until) if until > i64::from(date) => {
            types::UserStatusOnline { expires: wire_int(until) }.into()
        }
        Presence::Online(since) | Presence::Offline(since) => {
            types::UserStatusOffline { was_online: wire_int(since) }.into()
        }
    }
}

pub(super) fn wire_draft(draft: &Draft) -> enums::DraftMessage {
    let date = wire_int(draft.date);
    if draft.text.is_empty() {
        types::DraftMessageEmpty { date }.into()
    } else {
        types::DraftMessage { message: draft.text.clone(), date }.into()
    }
}

pub(super) fn wire_peer(peer: Peer) -> enums::Peer {
    match peer {
        Peer::User(user) => types::PeerUser { user_id: user.0 }.into(),
        Peer::Chat(chat) => types::PeerChat { chat_id: chat.0 }.into(),
    }
}

/// A stored number as the wire's int, which ends earlier; none is below 0.
pub(super) fn wire_int(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
