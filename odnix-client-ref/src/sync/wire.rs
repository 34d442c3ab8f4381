//! What the machine reads out of the server's objects.

use super::Mailbox;
use crate::replica::dialog_id;
use odnix_proto::updates::{Checkpoint, Difference};
use odnix_tl::odnix::enums::{MessageAction, Update, updates::Difference as Wire};
use odnix_tl::odnix::{enums, types};

/// Where an update stands in its log; `None` for those that are not logged.
pub fn position(update: &Update) -> Option<(i32, i32)> {
    match update {
        Update::UpdateNewMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateMessageSent(it) => Some((it.pts, it.pts_count)),
        Update::UpdateReadHistory(it) => Some((it.pts, it.pts_count)),
        Update::UpdateEditMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateDeleteMessages(it) => Some((it.pts, it.pts_count)),
        Update::UpdateDraftMessage(it) => Some((it.pts, it.pts_count)),
        Update::UpdateChat(it) => Some((it.pts, it.pts_count)),
        Update::UpdateUserTyping(_)
        | Update::UpdateChatUserTyping(_)
        | Update::UpdateUserStatus(_)
        | Update::UpdateOfChat(_) => None,
    }
}

/// The mailbox an update belongs to, and the update as that mailbox holds it.
pub(super) fn unwrap(update: Update) -> (Mailbox, Update) {
    match update {
        Update::UpdateOfChat(it) => (Mailbox::Chat(it.chat_id), *it.update),
        update => (Mailbox::Own, update),
    }
}

/// Whom a replica must be able to name to show an update: users, and groups with a minus.
pub(super) fn people_of(update: &Update) -> Vec<i64> {
    match update {
        Update::UpdateNewMessage(it) => people_of_message(&it.message),
        Update::UpdateMessageSent(it) => people_of_message(&it.message),
        Update::UpdateEditMessage(it) => people_of_message(&it.message),
        Update::UpdateReadHistory(it) => vec![dialog_id(&it.peer)],
        Update::UpdateDraftMessage(it) => vec![dialog_id(&it.peer)],
        Update::UpdateChat(it) => vec![it.chat_id.saturating_neg()],
        _ => Vec::new(),
    }
}

fn people_of_message(message: &types::Message) -> Vec<i64> {
    let mut people = vec![message.from_id, dialog_id(&message.peer_id)];
    match &message.action {
        Some(MessageAction::MessageActionChatCreate(it)) => people.extend(&it.users),
        Some(MessageAction::MessageActionChatAddUser(it)) => people.extend(&it.users),
        Some(MessageAction::MessageActionChatDeleteUser(it)) => people.push(it.user_id),
        Some(MessageAction::MessageActionChatEditTitle(_)) | None => {}
    }
    people
}

/// The peer of a dialog: a user, or a group with a minus.
pub(super) fn peer_of(id: i64) -> enums::Peer {
    match id {
        ..0 => enums::Peer::PeerChat(types::PeerChat { chat_id: id.saturating_neg() }),
        0.. => enums::Peer::PeerUser(types::PeerUser { user_id: id }),
    }
}

pub(super) fn checkpoint(state: &types::updates::State) -> Checkpoint {
    let types::updates::State { pts, qts, date, seq, .. } = *state;
    Checkpoint { pts, qts, date, seq }
}

/// An answer as the sequencer takes it.
pub(super) struct Parts {
    pub(super) difference: Difference<Update>,
    pub(super) users: Vec<types::User>,
    pub(super) chats: Vec<types::Chat>,
}

pub(super) fn read_difference(mailbox: Mailbox, answer: Wire) -> Parts {
    // The mailbox of a group has a pts only; the rest of the state is about the user.
    let read = |state: &types::updates::State| match mailbox {
        Mailbox::Own => checkpoint(state),
        Mailbox::Chat(_) => Checkpoint::at(state.pts),
    };
    match answer {
        Wire::DifferenceEmpty(empty) => {
            let (date, seq) = match mailbox {
                Mailbox::Own => (empty.date, empty.seq),
                Mailbox::Chat(_) => (0, 0),
            };
            let difference = Difference::Empty { date, seq };
            Parts { difference, users: Vec::new(), chats: Vec::new() }
        }
        Wire::Difference(it) => Parts {
            difference: Difference::Full { updates: it.updates, state: read(&it.state) },
            users: it.users,
            chats: it.chats,
        },
        Wire::DifferenceSlice(it) => {
            let state = read(&it.intermediate_state);
            let difference = Difference::Slice { updates: it.updates, state };
            Parts { difference, users: it.users, chats: it.chats }
        }
        Wire::DifferenceTooLong(it) => Parts {
            difference: Difference::TooLong { pts: it.pts },
            users: Vec::new(),
            chats: Vec::new(),
        },
    }
}
