//! What the user does.

use super::{Purpose, SimDevice};
use crate::sim::invariants::Invariant;
use crate::sim::script::To;
use odnix_client_ref::input_peer;
use odnix_client_ref::replica::{MessageRow, PendingSend, ReplicaError};
use odnix_tl::odnix::{enums, functions, types};

impl SimDevice {
    /// The dialog that is meant: a user, or a group with a minus.
    fn dialog(&self, to: To) -> Result<i64, ReplicaError> {
        let number = match to {
            To::User(number) => number,
            To::Group(number) => match self.group(number)? {
                Some(chat_id) => return Ok(-chat_id),
                None => number % self.people.len().max(1),
            },
        };
        Ok(self.people.get(number).map_or(0, |user| user.id))
    }

    fn group(&self, number: usize) -> Result<Option<i64>, ReplicaError> {
        let chats = self.replica.chats()?;
        let own: Vec<i64> = chats.iter().filter(|chat| !chat.left).map(|chat| chat.id).collect();
        Ok(own.get(number % own.len().max(1)).copied())
    }

    /// How a call names a dialog.
    pub(super) fn input_peer(&self, peer_id: i64) -> enums::InputPeer {
        match self.people.iter().find(|user| user.id == peer_id) {
            Some(user) => input_peer(user),
            None => {
                let chat_id = -peer_id;
                enums::InputPeer::InputPeerChat(types::InputPeerChat { chat_id })
            }
        }
    }

    fn input_user(&self, number: usize) -> Option<enums::InputUser> {
        let types::User { id: user_id, access_hash, self_, .. } = *self.people.get(number)?;
        Some(match self_ {
            true => enums::InputUser::InputUserSelf,
            false => enums::InputUser::InputUser(types::InputUser { user_id, access_hash }),
        })
    }

    /// Notes a message to be sent.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn send(&mut self, to: To) -> Result<(), ReplicaError> {
        let peer_id = self.dialog(to)?;
        let text = format!("{}-{}", self.number, self.texts.len());
        let random_id = self.random.u64() as i64;
        let send = PendingSend { random_id, peer_id, text: text.clone() };
        self.replica.begin_send(&send)?;
        self.texts.push((peer_id, text));
        if self.machine.is_some() && self.outbox.push(send).is_err() {
            self.broken.push((Invariant::I6, "the outbox is full".to_owned()));
        }
        Ok(())
    }

    fn own_messages(&self, peer_id: i64) -> Result<Vec<MessageRow>, ReplicaError> {
        let mut rows = self.replica.history(peer_id, 0, 20)?;
        rows.retain(|row| row.from_id == self.own.id);
        rows.reverse();
        Ok(rows)
    }

    /// Changes its newest message of a dialog.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn edit(&mut self, to: To) -> Result<(), ReplicaError> {
        let peer_id = self.dialog(to)?;
        let rows = self.own_messages(peer_id)?;
        let Some(row) = rows.iter().find(|row| row.action.is_none()) else { return Ok(()) };
        let (id, peer) = (row.id, self.input_peer(peer_id));
        let message = format!("edited {}", self.random.below(1_000_000));
        let call = functions::messages::EditMessage { peer, id, message, media: None };
        self.call(&call, Purpose::Affect { what: "edit", peer_id });
        Ok(())
    }

    /// Deletes its newest messages of a dialog, for everybody.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn delete(&mut self, to: To, count: usize) -> Result<(), ReplicaError> {
        let peer_id = self.dialog(to)?;
        let id: Vec<i64> = self.own_messages(peer_id)?.iter().take(count).map(|it| it.id).collect();
        if !id.is_empty() {
            let peer = self.input_peer(peer_id);
            let call = functions::messages::DeleteMessages { revoke: true, peer, id };
            self.call(&call, Purpose::Affect { what: "delete", peer_id });
        }
        Ok(())
    }

    /// Saves what it has not sent.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn draft(&mut self, to: To) -> Result<(), ReplicaError> {
        let peer = self.input_peer(self.dialog(to)?);
        let empty = self.random.percent(30);
        let message =
            if empty { String::new() } else { format!("draft {}", self.random.below(1000)) };
        // Drafts are in the mailbox of whoever writes, whatever the dialog.
        let purpose = Purpose::Affect { what: "draft", peer_id: 0 };
        self.call(&functions::messages::SaveDraft { peer, message }, purpose);
        Ok(())
    }

    /// Reads all that is there.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn read(&mut self, from: To) -> Result<(), ReplicaError> {
        let peer_id = self.dialog(from)?;
        if let Some(max_id) = self.replica.newest_unread(peer_id, i64::MAX)? {
            let peer = self.input_peer(peer_id);
            let call = functions::messages::ReadHistory { peer, max_id };
            self.call(&call, Purpose::Affect { what: "read", peer_id: 0 });
        }
        Ok(())
    }

    /// Types.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn type_to(&mut self, to: To) -> Result<(), ReplicaError> {
        let peer = self.input_peer(self.dialog(to)?);
        let action = enums::SendMessageAction::SendMessageTypingAction;
        self.call(&functions::messages::SetTyping { peer, action }, Purpose::Type);
        Ok(())
    }

    /// Makes a group with these users.
    pub fn make_group(&mut self, large: bool, with: &[usize]) {
        let users = with.iter().filter_map(|number| self.input_user(*number)).collect();
        let random_id = self.random.u64() as i64;
        let title = format!("group {}", self.texts.len());
        let call = functions::messages::CreateChat { large, title, users, random_id };
        self.call(&call, Purpose::Group { what: "make a group" });
    }

    /// Makes a user a member of a group.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn add_member(&mut self, group: usize, user: usize) -> Result<(), ReplicaError> {
        if let (Some(chat_id), Some(user)) = (self.group(group)?, self.input_user(user)) {
            let call = functions::messages::AddChatUsers { chat_id, users: vec![user] };
            self.call(&call, Purpose::Group { what: "add a member" });
        }
        Ok(())
    }

    /// Removes a user from a group; oneself: leaves.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn remove_member(&mut self, group: usize, user: usize) -> Result<(), ReplicaError> {
        if let (Some(chat_id), Some(user_id)) = (self.group(group)?, self.input_user(user)) {
            let call = functions::messages::DeleteChatUser { chat_id, user_id };
            self.call(&call, Purpose::Group { what: "remove a member" });
        }
        Ok(())
    }

    /// Gives a group a new title.
    ///
    /// # Errors
    /// SQLite refused.
    pub fn rename_group(&mut self, group: usize) -> Result<(), ReplicaError> {
        if let Some(chat_id) = self.group(group)? {
            let title = format!("title {}", self.random.below(1000));
            let call = functions::messages::EditChatTitle { chat_id, title };
            self.call(&call, Purpose::Group { what: "rename" });
        }
        Ok(())
    }
}
