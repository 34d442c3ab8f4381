//! Objects as one user sees them, and how that user names others.

use super::{Push, RpcError, encode};
use crate::engine::Recorded;
use crate::store::{Dialog, Message, StoreError, Tx, User, UserId};
use hmac::{Hmac, KeyInit, Mac};
use odnix_tl::odnix::enums::{InputPeer, InputUser, Peer, Update, Updates};
use odnix_tl::odnix::types;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fmt;

/// Makes access_hashes: the first 8 bytes of HMAC-SHA256(secret, viewer | target).
pub(super) struct AccessHashes(Hmac<Sha256>);

impl AccessHashes {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        // HMAC pads a key shorter than its 64-byte block with zeros.
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(&secret);
        Self(Hmac::new(&block.into()))
    }

    pub(super) fn access_hash(&self, viewer: UserId, target: UserId) -> i64 {
        let mut mac = self.0.clone();
        mac.update(&viewer.0.to_le_bytes());
        mac.update(&target.0.to_le_bytes());
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(mac.finalize().into_bytes());
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for AccessHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessHashes(…)")
    }
}

/// One user's view of the store, within one transaction.
pub(super) struct View<'a> {
    pub(super) tx: &'a mut dyn Tx,
    pub(super) access: &'a AccessHashes,
    pub(super) me: UserId,
    pub(super) date: i32,
}

impl View<'_> {
    /// The same transaction through the eyes of someone else.
    pub(super) fn of(&mut self, user: UserId) -> View<'_> {
        View { tx: &mut *self.tx, access: self.access, me: user, date: self.date }
    }

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

    pub(super) fn input_peer(&mut self, peer: &InputPeer) -> Result<User, RpcError> {
        match peer {
            InputPeer::InputPeerSelf => self.myself(),
            InputPeer::InputPeerUser(it) => self.named(it.user_id, it.access_hash),
            InputPeer::InputPeerChat(_) => Err(RpcError::PeerIdInvalid),
        }
    }

    pub(super) fn input_user(&mut self, user: &InputUser) -> Result<User, RpcError> {
        match user {
            InputUser::InputUserSelf => self.myself(),
            InputUser::InputUser(it) => self.named(it.user_id, it.access_hash),
        }
    }

    pub(super) fn user(&mut self, user: &User) -> Result<types::User, RpcError> {
        Ok(types::User {
            self_: user.id == self.me,
            contact: self.tx.is_contact(self.me, user.id)?,
            id: user.id.0,
            access_hash: self.access.access_hash(self.me, user.id),
            username: user.username.clone(),
            first_name: user.first_name.clone(),
            status: None,
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

    /// `peer` is the other side as this viewer sees it.
    pub(super) fn message(&self, message: &Message, peer: UserId) -> types::Message {
        types::Message {
            out: message.from == self.me,
            id: message.id.0,
            from_id: message.from.0,
            peer_id: user_peer(peer),
            date: wire_int(message.date),
            message: message.text.clone(),
            media: message.media.clone().map(|data| types::DataJson { data }),
            action: None,
            edit_date: None,
        }
    }

    pub(super) fn dialog(&self, dialog: &Dialog) -> types::Dialog {
        types::Dialog {
            peer: user_peer(dialog.peer),
            top_message: dialog.top_message.0,
            read_inbox_max_id: dialog.read_inbox_max_id,
            read_outbox_max_id: dialog.read_outbox_max_id,
            unread_count: wire_int(dialog.unread_count),
            pts: None,
            draft: None,
        }
    }

    /// A recorded update, ready for the sessions of the viewer.
    pub(super) fn push(&mut self, recorded: Recorded) -> Result<Push, RpcError> {
        let users = self.users(mentioned(&recorded.update))?;
        let updates = Updates::Updates(types::Updates {
            updates: vec![recorded.update],
            users,
            chats: Vec::new(),
            date: self.date,
            seq: 0,
        });
        Ok(Push { user: recorded.user, update: encode(&updates)?, ephemeral: false })
    }
}

/// The users an update speaks of.
pub(super) fn mentioned(update: &Update) -> Vec<UserId> {
    let of_peer = |peer: &Peer| match peer {
        Peer::PeerUser(it) => vec![it.user_id],
        Peer::PeerChat(_) => Vec::new(),
    };
    let of_message = |it: &types::Message| [vec![it.from_id], of_peer(&it.peer_id)].concat();
    let ids = match update {
        Update::UpdateNewMessage(it) => of_message(&it.message),
        Update::UpdateMessageSent(it) => of_message(&it.message),
        Update::UpdateReadHistory(it) => of_peer(&it.peer),
        Update::UpdateUserTyping(it) => vec![it.user_id],
        _ => Vec::new(),
    };
    ids.into_iter().map(UserId).collect()
}

pub(super) fn user_peer(user: UserId) -> Peer {
    Peer::PeerUser(types::PeerUser { user_id: user.0 })
}

/// A stored number as the wire's int, held within its range.
pub(super) fn wire_int(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
