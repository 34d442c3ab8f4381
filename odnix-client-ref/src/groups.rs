//! Groups, and what else changes messages besides sending them. The replica learns the outcome
//! from the server's log, as every other device does.

use crate::client::Client;
use crate::driver::clock::random_id;
use crate::error::CallError;
use crate::sync::Local;
use crate::update_manager::Command;
use odnix_tl::odnix::functions::messages::{
    AddChatUsers, CreateChat, DeleteChatUser, DeleteMessages, EditChatTitle, EditMessage, SaveDraft,
};
use odnix_tl::odnix::types::messages::{AffectedChat, AffectedMessages};
use odnix_tl::odnix::{enums, types};

impl Client {
    /// Makes a group of these users and oneself; a large one has a mailbox of its own.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn create_chat(
        &self,
        title: &str,
        large: bool,
        users: &[&types::User],
    ) -> Result<types::Chat, CallError> {
        let random_id = random_id().ok_or_else(|| {
            CallError::Request("the operating system gives no randomness".to_owned())
        })?;
        let (title, users) = (title.to_owned(), users.iter().copied().map(input_user).collect());
        let affected = self.call(&CreateChat { large, title, users, random_id }).await?;
        self.chat_affected(affected).await
    }

    /// Makes users members of a group.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn add_to_chat(
        &self,
        chat_id: i64,
        users: &[&types::User],
    ) -> Result<types::Chat, CallError> {
        let users = users.iter().copied().map(input_user).collect();
        let affected = self.call(&AddChatUsers { chat_id, users }).await?;
        self.chat_affected(affected).await
    }

    /// Removes a member from a group.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn remove_from_chat(
        &self,
        chat_id: i64,
        user: &types::User,
    ) -> Result<types::Chat, CallError> {
        let affected = self.call(&DeleteChatUser { chat_id, user_id: input_user(user) }).await?;
        self.chat_affected(affected).await
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn leave_chat(&self, chat_id: i64) -> Result<types::Chat, CallError> {
        let user_id = enums::InputUser::InputUserSelf;
        let affected = self.call(&DeleteChatUser { chat_id, user_id }).await?;
        self.chat_affected(affected).await
    }

    /// Changes the title of a group.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn rename_chat(&self, chat_id: i64, title: &str) -> Result<types::Chat, CallError> {
        let affected = self.call(&EditChatTitle { chat_id, title: title.to_owned() }).await?;
        self.chat_affected(affected).await
    }

    async fn chat_affected(&self, affected: AffectedChat) -> Result<types::Chat, CallError> {
        let AffectedChat { chat, pts, .. } = affected;
        let told = Local::Chat { chat: chat.clone(), pts };
        self.tell_manager(Command::Local(told)).await?;
        Ok(chat)
    }

    /// Replaces the text of a message of one's own, in the dialog with a user, or of a group
    /// with a minus.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn edit_message(&self, peer_id: i64, id: i64, text: &str) -> Result<(), CallError> {
        let peer = self.input_peer(peer_id).await?;
        let request = EditMessage { peer, id, message: text.to_owned(), media: None };
        let affected = self.call(&request).await?;
        self.affected(peer_id, affected).await
    }

    /// Deletes messages of a dialog, for everybody with `revoke`, else for oneself.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete_messages(
        &self,
        peer_id: i64,
        ids: Vec<i64>,
        revoke: bool,
    ) -> Result<(), CallError> {
        let peer = self.input_peer(peer_id).await?;
        let affected = self.call(&DeleteMessages { revoke, peer, id: ids }).await?;
        self.affected(peer_id, affected).await
    }

    /// Saves what is written in a dialog and not sent, for all devices; an empty text drops it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn save_draft(&self, peer_id: i64, text: &str) -> Result<(), CallError> {
        let peer = self.input_peer(peer_id).await?;
        let affected = self.call(&SaveDraft { peer, message: text.to_owned() }).await?;
        // Drafts are in the mailbox of whoever writes, whatever the dialog.
        self.affected(0, affected).await
    }

    async fn affected(&self, peer_id: i64, affected: AffectedMessages) -> Result<(), CallError> {
        let told = Local::Affected { peer_id, pts: affected.pts };
        self.tell_manager(Command::Local(told)).await
    }
}

fn input_user(user: &types::User) -> enums::InputUser {
    let types::User { id: user_id, access_hash, .. } = *user;
    enums::InputUser::InputUser(types::InputUser { user_id, access_hash })
}
