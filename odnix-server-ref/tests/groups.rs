//! Groups, small and large, and what becomes of messages: who learns of what, in which mailbox.

mod common;

use common::{Person, World, message, pts_of, pushed, refusal};
use odnix_server_ref::rpc::{Outcome, RpcError};
use odnix_server_ref::store::Peer;
use odnix_tl::Function;
use odnix_tl::odnix::enums::{self, InputPeer, InputUser, MessageAction, Update};
use odnix_tl::odnix::functions::messages::{
    AddChatUsers, CreateChat, DeleteChatUser, DeleteMessages, EditChatTitle, EditMessage, GetChats,
    GetDialogs, GetHistory, GetParticipants, ReadHistory, SetTyping,
};
use odnix_tl::odnix::functions::updates::GetChatDifference;
use odnix_tl::odnix::{functions, types};

/// Alice makes a group with Bob and Carol; Dave is nobody's member.
struct Town {
    world: World,
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Person,
    chat_id: i64,
}

impl Town {
    async fn new(large: bool) -> Self {
        let world = World::new();
        let alice = world.user(1, "alice").await;
        let bob = world.user(2, "bob").await;
        let carol = world.user(3, "carol").await;
        let dave = world.user(4, "dave").await;
        let users = vec![named(&world, &alice, &bob).await, named(&world, &alice, &carol).await];
        let request = CreateChat { large, title: "Town".into(), users, random_id: 1 };
        let (made, _) = world.call(alice.key, request).await.unwrap();
        Self { chat_id: made.chat.id, world, alice, bob, carol, dave }
    }

    fn peer(&self) -> InputPeer {
        InputPeer::InputPeerChat(types::InputPeerChat { chat_id: self.chat_id })
    }

    async fn ask<F: Function>(&self, who: &Person, request: F) -> (F::Return, Outcome) {
        self.world.call(who.key, request).await.unwrap()
    }

    async fn refused<F: Function>(&self, who: &Person, request: F) -> String {
        refusal(self.world.call(who.key, request).await).1
    }

    async fn say(&self, who: &Person, text: &str, random_id: i64) -> types::messages::SentMessage {
        self.ask(who, message(&self.peer(), text, random_id)).await.0
    }

    async fn add(&self, by: &Person, who: &Person) -> types::messages::AffectedChat {
        let users = vec![named(&self.world, by, who).await];
        self.ask(by, AddChatUsers { chat_id: self.chat_id, users }).await.0
    }

    async fn remove(&self, by: &Person, who: &Person) -> Result<Outcome, RpcError> {
        let user_id = named(&self.world, by, who).await;
        let request = DeleteChatUser { chat_id: self.chat_id, user_id };
        self.world.call(by.key, request).await.map(|(_, outcome)| outcome)
    }

    /// Everything in a user's own log.
    async fn log(&self, who: &Person) -> Vec<Update> {
        all(self.world.difference(who, 0).await)
    }

    /// Everything in the log of the large group.
    async fn group_log(&self, who: &Person) -> Vec<Update> {
        all(self.ask(who, self.question(0)).await.0)
    }

    fn question(&self, pts: i32) -> GetChatDifference {
        let (pts_limit, pts_total_limit) = (Some(1000), None);
        GetChatDifference { chat_id: self.chat_id, pts, pts_limit, pts_total_limit }
    }

    async fn history(&self, who: &Person) -> Vec<types::Message> {
        let request = GetHistory { peer: self.peer(), offset_id: 0, limit: 100 };
        self.ask(who, request).await.0.messages
    }

    async fn dialog(&self, who: &Person) -> types::Dialog {
        let dialogs = self.ask(who, GetDialogs { offset_id: 0, limit: 100 }).await.0.dialogs;
        dialogs.into_iter().find(|dialog| dialog.peer == chat(self.chat_id)).unwrap()
    }

    async fn chat(&self, who: &Person) -> types::Chat {
        self.ask(who, GetChats { id: vec![self.chat_id] }).await.0.chats.pop().unwrap()
    }
}

async fn named(world: &World, viewer: &Person, target: &Person) -> InputUser {
    if viewer.id == target.id {
        return InputUser::InputUserSelf;
    }
    match world.peer(viewer, target).await {
        InputPeer::InputPeerUser(it) => InputUser::InputUser(types::InputUser {
            user_id: it.user_id,
            access_hash: it.access_hash,
        }),
        other => panic!("{other:?}"),
    }
}

fn chat(chat_id: i64) -> enums::Peer {
    enums::Peer::PeerChat(types::PeerChat { chat_id })
}

fn all(difference: enums::updates::Difference) -> Vec<Update> {
    match difference {
        enums::updates::Difference::Difference(it) => it.updates,
        enums::updates::Difference::DifferenceEmpty(_) => Vec::new(),
        other => panic!("{other:?}"),
    }
}

fn text_of(update: &Update) -> Option<&str> {
    match update {
        Update::UpdateNewMessage(it) => Some(&it.message.message),
        Update::UpdateMessageSent(it) => Some(&it.message.message),
        Update::UpdateEditMessage(it) => Some(&it.message.message),
        _ => None,
    }
}

fn texts(messages: &[types::Message]) -> Vec<&str> {
    messages.iter().map(|message| message.message.as_str()).collect()
}

fn told(outcome: &Outcome) -> Vec<i64> {
    outcome.pushes.iter().map(|push| push.user.0).collect()
}

fn assert_without_holes(updates: &[Update]) {
    let mut at = 0;
    for update in updates {
        let (pts, pts_count) = pts_of(update);
        assert_eq!(pts - pts_count, at, "{update:?}");
        at = pts;
    }
}

#[tokio::test]
async fn a_small_group_is_copied_into_the_mailbox_of_each_member() {
    let town = Town::new(false).await;
    let sent = town.say(&town.alice, "hello", 2).await;
    for (who, out) in [(&town.alice, true), (&town.bob, false), (&town.carol, false)] {
        let log = town.log(who).await;
        assert_without_holes(&log);
        assert_eq!(log.len(), 2, "made, hello");
        assert_eq!(text_of(&log[1]), Some("hello"));
        match (&log[1], out) {
            (Update::UpdateMessageSent(it), true) => {
                assert_eq!((it.random_id, it.pts), (2, sent.pts));
                assert!(it.message.out);
            }
            (Update::UpdateNewMessage(it), false) => {
                assert!(!it.message.out);
                assert_eq!((it.message.from_id, it.message.id), (town.alice.id.0, sent.id));
                assert_eq!(it.message.peer_id, chat(town.chat_id));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(town.log(&town.dave).await, []);
    let refused = town.refused(&town.dave, message(&town.peer(), "let me in", 3)).await;
    assert_eq!(refused, "CHAT_ID_INVALID");
    let nowhere = InputPeer::InputPeerChat(types::InputPeerChat { chat_id: 99 });
    assert_eq!(town.refused(&town.dave, message(&nowhere, "x", 3)).await, refused, "the same");
}

#[tokio::test]
async fn a_message_to_a_large_group_is_one_line_in_one_mailbox() {
    let town = Town::new(true).await;
    let before = [town.log(&town.alice).await, town.log(&town.bob).await];
    let (sent, outcome) = town.ask(&town.bob, message(&town.peer(), "to all", 2)).await;
    assert_eq!((sent.pts, sent.pts_count), (2, 1), "of the group: made, to all");
    assert_eq!([town.log(&town.alice).await, town.log(&town.bob).await], before);
    assert_eq!(told(&outcome), [1, 2, 3], "members, in the order of their ids");
    for push in &outcome.pushes {
        let (updates, users) = pushed(&push.update);
        assert_eq!(users, [], "one answer for all");
        let [Update::UpdateOfChat(of_chat)] = &updates[..] else { panic!("{updates:?}") };
        let Update::UpdateNewMessage(new) = &*of_chat.update else { panic!("{updates:?}") };
        assert_eq!(of_chat.chat_id, town.chat_id);
        assert_eq!(new.message.out, push.user == town.bob.id);
    }
    for who in [&town.alice, &town.bob, &town.carol] {
        let log = town.group_log(who).await;
        assert_without_holes(&log);
        let Update::UpdateNewMessage(new) = &log[1] else { panic!("{log:?}") };
        assert_eq!(new.message.out, who.id == town.bob.id);
    }
    let again = town.ask(&town.bob, message(&town.peer(), "to all", 2)).await;
    assert_eq!((again.0, again.1.pushes), (sent, vec![]), "once for each random_id");
    assert_eq!(town.refused(&town.dave, town.question(0)).await, "CHAT_ID_INVALID");
}

#[tokio::test]
async fn only_large_groups_have_a_mailbox_of_their_own() {
    let town = Town::new(false).await;
    assert_eq!(town.refused(&town.alice, town.question(0)).await, "CHAT_ID_INVALID");
    assert_eq!(town.chat(&town.alice).await.pts, None);
    let town = Town::new(true).await;
    assert_eq!(town.chat(&town.alice).await.pts, Some(1));
    assert_eq!(town.dialog(&town.bob).await.pts, Some(1));
    for (pts, refused) in [(-1, true), (2, true), (1, false)] {
        let answer = town.world.call(town.alice.key, town.question(pts)).await;
        assert_eq!(answer.is_err(), refused, "{pts}");
    }
}

#[tokio::test]
async fn a_group_is_made_once_for_each_random_id() {
    for large in [false, true] {
        let town = Town::new(large).await;
        let request =
            |random_id| CreateChat { large, title: "Town".into(), users: vec![], random_id };
        let (again, outcome) = town.ask(&town.alice, request(1)).await;
        assert_eq!((again.chat.id, again.chat.participants_count), (town.chat_id, 3));
        assert_eq!((again.pts_count, outcome.pushes), (0, vec![]));
        let made = town.history(&town.alice).await.remove(0).id;
        let delete = DeleteMessages { revoke: true, peer: town.peer(), id: vec![made] };
        town.ask(&town.alice, delete).await;
        let again = town.ask(&town.alice, request(1)).await.0;
        assert_eq!(again.chat.id, town.chat_id, "also when its first message is gone");
        let refused = town.refused(&town.alice, message(&town.peer(), "hi", 1)).await;
        assert_eq!(refused, "RANDOM_ID_INVALID", "it was that of the group");
        assert_ne!(town.ask(&town.alice, request(2)).await.0.chat.id, town.chat_id);
        assert_ne!(town.ask(&town.bob, request(1)).await.0.chat.id, town.chat_id, "his own");
        town.say(&town.alice, "hi", 3).await;
        assert_eq!(town.refused(&town.alice, request(3)).await, "RANDOM_ID_INVALID");
        for title in ["", " ", "a\nb", &"x".repeat(129)] {
            let request = CreateChat { title: title.into(), ..request(9) };
            assert_eq!(town.refused(&town.alice, request).await, "CHAT_TITLE_INVALID");
        }
        let request = CreateChat { title: "ü".repeat(128), ..request(9) };
        assert_eq!(town.ask(&town.alice, request).await.0.chat.title.chars().count(), 128);
    }
}

#[tokio::test]
async fn who_joins_a_small_group_reads_from_there_and_who_leaves_reads_up_to_there() {
    let town = Town::new(false).await;
    town.say(&town.alice, "before", 2).await;
    town.add(&town.bob, &town.dave).await;
    town.say(&town.alice, "during", 3).await;
    town.remove(&town.dave, &town.dave).await.unwrap();
    town.say(&town.alice, "after", 4).await;
    assert_eq!(texts(&town.history(&town.dave).await), ["", "during", ""]);
    let log = town.log(&town.dave).await;
    assert_without_holes(&log);
    assert_eq!(log.iter().map(text_of).collect::<Vec<_>>(), [Some(""), Some("during"), Some("")]);
    assert!(town.chat(&town.dave).await.left);
    assert_eq!(
        town.refused(&town.dave, message(&town.peer(), "still here?", 5)).await,
        "CHAT_ID_INVALID"
    );
    town.add(&town.alice, &town.dave).await;
    town.say(&town.alice, "again", 6).await;
    let history = town.history(&town.dave).await;
    assert_eq!(texts(&history), ["again", "", "", "during", ""], "not what was said meanwhile");
    let request = GetHistory { peer: town.peer(), offset_id: 0, limit: 2 };
    assert_eq!(town.ask(&town.dave, request).await.0.count, 5);
    assert_eq!(texts(&town.history(&town.bob).await).len(), 8);
    assert!(!town.chat(&town.dave).await.left);
}

#[tokio::test]
async fn a_member_of_a_large_group_reads_everything_and_who_left_nothing() {
    let town = Town::new(true).await;
    town.say(&town.alice, "before", 2).await;
    let before = town.log(&town.dave).await.len();
    town.add(&town.bob, &town.dave).await;
    let log = town.log(&town.dave).await;
    let [Update::UpdateChat(joined), Update::UpdateReadHistory(mark)] = &log[before..] else {
        panic!("{log:?}")
    };
    assert_eq!(joined.chat_id, town.chat_id);
    let history = town.history(&town.dave).await;
    assert_eq!(texts(&history), ["", "before", ""]);
    assert_eq!((mark.max_id, mark.still_unread_count), (history[0].id - 1, 1));
    assert_eq!(town.dialog(&town.dave).await.unread_count, 1, "that he was added");
    town.remove(&town.alice, &town.dave).await.unwrap();
    let request = GetHistory { peer: town.peer(), offset_id: 0, limit: 100 };
    assert_eq!(town.refused(&town.dave, request).await, "CHAT_ID_INVALID");
    let log = town.log(&town.dave).await;
    assert!(matches!(log.last(), Some(Update::UpdateChat(_))));
    assert_without_holes(&log);
    assert_eq!(town.ask(&town.dave, GetDialogs { offset_id: 0, limit: 9 }).await.0.count, 0);
}

#[tokio::test]
async fn members_are_removed_by_the_creator_by_who_added_them_or_by_themselves() {
    for large in [false, true] {
        let town = Town::new(large).await;
        let forbidden = refusal(town.remove(&town.bob, &town.carol).await);
        assert_eq!(forbidden.1, "CHAT_ADMIN_REQUIRED");
        town.add(&town.bob, &town.dave).await;
        assert_eq!(refusal(town.remove(&town.carol, &town.dave).await).1, "CHAT_ADMIN_REQUIRED");
        town.remove(&town.bob, &town.dave).await.unwrap();
        town.remove(&town.alice, &town.bob).await.unwrap();
        town.remove(&town.carol, &town.carol).await.unwrap();
        assert_eq!(town.chat(&town.alice).await.participants_count, 1);
        let again = town.remove(&town.alice, &town.bob).await.unwrap();
        assert_eq!(again.pushes, [], "who is no member changes nothing");
    }
}

#[tokio::test]
async fn who_changes_a_group_is_told_what_moved_in_the_own_mailbox() {
    for (large, made, added, removed, left) in [(true, 2, 0, 0, 1), (false, 1, 1, 1, 1)] {
        let town = Town::new(large).await;
        let users = vec![named(&town.world, &town.alice, &town.bob).await];
        let request = CreateChat { large, title: "City".into(), users, random_id: 2 };
        let before = town.world.state(&town.alice).await.pts;
        let (answer, _) = town.ask(&town.alice, request).await;
        assert_eq!((answer.pts, answer.pts_count), (before + made, made));
        assert!(answer.chat.creator && !town.chat(&town.bob).await.creator);
        assert_eq!(town.add(&town.alice, &town.dave).await.pts_count, added);
        for (by, who, moved) in
            [(&town.alice, &town.dave, removed), (&town.carol, &town.carol, left)]
        {
            let user_id = named(&town.world, by, who).await;
            let request = DeleteChatUser { chat_id: town.chat_id, user_id };
            assert_eq!(town.ask(by, request).await.0.pts_count, moved, "{large}");
            let newest = town.history(&town.alice).await.remove(0);
            let wanted = types::MessageActionChatDeleteUser { user_id: who.id.0 };
            assert_eq!(newest.action, Some(MessageAction::MessageActionChatDeleteUser(wanted)));
        }
    }
}

#[tokio::test]
async fn the_same_members_and_the_same_title_change_nothing() {
    for large in [false, true] {
        let town = Town::new(large).await;
        let version = town.chat(&town.alice).await.version;
        assert_eq!(town.add(&town.alice, &town.bob).await.pts_count, 0);
        let rename = |title: &str| EditChatTitle { chat_id: town.chat_id, title: title.into() };
        let (same, outcome) = town.ask(&town.bob, rename("Town")).await;
        assert_eq!((same.pts_count, same.chat.version), (0, version));
        assert_eq!(outcome.pushes, []);
        let (renamed, outcome) = town.ask(&town.bob, rename("City")).await;
        assert_eq!((renamed.chat.title.as_str(), renamed.chat.version), ("City", version + 1));
        assert_eq!(told(&outcome).len(), 3);
        let newest = town.history(&town.carol).await.remove(0);
        let wanted = types::MessageActionChatEditTitle { title: "City".into() };
        assert_eq!(newest.action, Some(MessageAction::MessageActionChatEditTitle(wanted)));
    }
}

#[tokio::test]
async fn participants_come_in_pages() {
    let town = Town::new(false).await;
    town.add(&town.bob, &town.dave).await;
    let page = |offset_id, limit| GetParticipants { chat_id: town.chat_id, offset_id, limit };
    let (first, _) = town.ask(&town.carol, page(0, 3)).await;
    let people = |page: &types::messages::ChatParticipants| -> Vec<_> {
        page.participants.iter().map(|it| (it.user_id, it.inviter_id)).collect()
    };
    assert_eq!((first.count, people(&first)), (4, vec![(1, 1), (2, 1), (3, 1)]));
    let (second, _) = town.ask(&town.carol, page(3, 3)).await;
    assert_eq!(people(&second), [(4, 2)]);
    assert_eq!(second.users.len(), 2, "the member and who added it");
    for (offset_id, limit, refused) in [(0, 0, "LIMIT_INVALID"), (-1, 1, "OFFSET_INVALID")] {
        assert_eq!(town.refused(&town.carol, page(offset_id, limit)).await, refused);
    }
}

// --- reading ---

#[tokio::test]
async fn each_author_learns_once_that_somebody_has_read_a_small_group() {
    let town = Town::new(false).await;
    town.say(&town.alice, "a", 2).await;
    let of_bob = town.say(&town.bob, "b", 3).await;
    assert_eq!(town.dialog(&town.carol).await.unread_count, 3);
    let read = |max_id| ReadHistory { peer: town.peer(), max_id };
    let (affected, outcome) = town.ask(&town.carol, read(0)).await;
    assert_eq!((affected.pts_count, told(&outcome)), (1, vec![3, 1, 2]));
    let dialog = town.dialog(&town.carol).await;
    assert_eq!((dialog.unread_count, dialog.read_inbox_max_id), (0, of_bob.id));
    assert_eq!(town.dialog(&town.bob).await.read_outbox_max_id, of_bob.id);
    let (_, outcome) = town.ask(&town.alice, read(0)).await;
    assert_eq!(told(&outcome), [1], "Bob knew");
    let last = town.log(&town.bob).await.pop().unwrap();
    let Update::UpdateReadHistory(receipt) = last else { panic!("{last:?}") };
    assert!(receipt.outbox);
    assert_eq!((receipt.peer, receipt.max_id), (chat(town.chat_id), of_bob.id));
}

#[tokio::test]
async fn in_a_large_group_only_the_reader_learns_of_it() {
    let town = Town::new(true).await;
    let sent = town.say(&town.alice, "a", 2).await;
    assert_eq!(town.dialog(&town.bob).await.unread_count, 2);
    assert_eq!(town.world.state(&town.bob).await.unread_count, 2);
    let made = ReadHistory { peer: town.peer(), max_id: sent.id - 1 };
    town.ask(&town.bob, made).await;
    assert_eq!(town.dialog(&town.bob).await.unread_count, 1);
    assert_eq!(town.world.state(&town.bob).await.unread_count, 1);
    let read = ReadHistory { peer: town.peer(), max_id: sent.id };
    let (affected, outcome) = town.ask(&town.bob, read.clone()).await;
    assert_eq!((affected.pts_count, told(&outcome)), (1, vec![2]));
    assert_eq!(town.world.state(&town.bob).await.unread_count, 0);
    assert_eq!(town.ask(&town.bob, read).await.0.pts_count, 0);
}

#[tokio::test]
async fn typing_reaches_the_other_members_and_no_log() {
    let town = Town::new(false).await;
    let before = town.log(&town.bob).await;
    let action = enums::SendMessageAction::SendMessageTypingAction;
    let (_, outcome) = town.ask(&town.alice, SetTyping { peer: town.peer(), action }).await;
    assert_eq!(told(&outcome), [2, 3]);
    assert!(outcome.pushes.iter().all(|push| push.ephemeral));
    assert_eq!(town.log(&town.bob).await, before);
}

// --- editing and deleting ---

fn edit(peer: &InputPeer, id: i64, text: &str) -> EditMessage {
    EditMessage { peer: peer.clone(), id, message: text.into(), media: None }
}

#[tokio::test]
async fn an_edit_reaches_whoever_can_read_the_message() {
    let town = Town::new(false).await;
    let sent = town.say(&town.alice, "first", 2).await;
    town.remove(&town.bob, &town.bob).await.unwrap();
    town.add(&town.alice, &town.dave).await;
    let (affected, outcome) = town.ask(&town.alice, edit(&town.peer(), sent.id, "second")).await;
    assert_eq!(told(&outcome), [1, 2, 3], "not Dave, who came later");
    assert_eq!(affected.pts_count, 1);
    for who in [&town.alice, &town.bob, &town.carol] {
        let log = town.log(who).await;
        assert_without_holes(&log);
        let Some(Update::UpdateEditMessage(edited)) = log.last() else { panic!("{log:?}") };
        assert_eq!(edited.message.message, "second");
        assert_eq!(edited.message.out, who.id == town.alice.id);
        assert!(edited.message.edit_date.is_some());
        let read = town.history(who).await;
        assert_eq!(read.iter().find(|it| it.id == sent.id), Some(&edited.message));
    }
    let (same, outcome) = town.ask(&town.alice, edit(&town.peer(), sent.id, "second")).await;
    assert_eq!((same.pts_count, outcome.pushes), (0, vec![]));
}

#[tokio::test]
async fn only_its_author_edits_a_message_and_only_where_it_is() {
    for large in [false, true] {
        let town = Town::new(large).await;
        let sent = town.say(&town.alice, "mine", 2).await;
        let made = town.history(&town.alice).await.last().unwrap().id;
        let here = town.peer();
        for (who, request, refused) in [
            (&town.bob, edit(&here, sent.id, "ours"), "MESSAGE_AUTHOR_REQUIRED"),
            (&town.dave, edit(&here, sent.id, "ours"), "CHAT_ID_INVALID"),
            (&town.alice, edit(&here, made, "no action"), "MESSAGE_ID_INVALID"),
            (&town.alice, edit(&here, 999, "nothing"), "MESSAGE_ID_INVALID"),
            (&town.alice, edit(&InputPeer::InputPeerSelf, sent.id, "x"), "MESSAGE_ID_INVALID"),
            (&town.alice, edit(&here, sent.id, " "), "MESSAGE_EMPTY"),
            (&town.alice, edit(&here, sent.id, &"x".repeat(4097)), "MESSAGE_TOO_LONG"),
        ] {
            assert_eq!(town.refused(who, request).await, refused);
        }
        assert_eq!(town.history(&town.bob).await[0].message, "mine");
    }
}

#[tokio::test]
async fn a_large_group_learns_of_edits_and_deletions_by_one_line() {
    let town = Town::new(true).await;
    let first = town.say(&town.bob, "first", 2).await;
    let second = town.say(&town.bob, "second", 3).await;
    let (affected, outcome) = town.ask(&town.bob, edit(&town.peer(), first.id, "1st")).await;
    assert_eq!((affected.pts, affected.pts_count), (second.pts + 1, 1));
    assert_eq!(told(&outcome), [1, 2, 3]);
    let id = vec![first.id, second.id, 999];
    let delete = |revoke| DeleteMessages { revoke, peer: town.peer(), id: id.clone() };
    assert_eq!(town.refused(&town.bob, delete(false)).await, "MESSAGE_DELETE_FORBIDDEN");
    let (affected, _) = town.ask(&town.bob, delete(true)).await;
    assert_eq!((affected.pts, affected.pts_count), (second.pts + 3, 2), "one for each message");
    assert_eq!(town.ask(&town.bob, delete(true)).await.0.pts_count, 0, "gone already");
    assert_without_holes(&town.group_log(&town.carol).await);
    assert_eq!(town.history(&town.carol).await.len(), 1);
    assert_eq!(town.dialog(&town.carol).await.unread_count, 1);
}

#[tokio::test]
async fn what_is_revoked_is_gone_for_all_and_what_is_hidden_for_one() {
    let town = Town::new(false).await;
    let of_alice = town.say(&town.alice, "of alice", 2).await.id;
    let of_bob = town.say(&town.bob, "of bob", 3).await.id;
    let delete =
        |revoke, ids: &[i64]| DeleteMessages { revoke, peer: town.peer(), id: ids.to_vec() };
    assert_eq!(
        town.refused(&town.bob, delete(true, &[of_bob, of_alice])).await,
        "MESSAGE_DELETE_FORBIDDEN"
    );
    assert_eq!(town.refused(&town.bob, delete(true, &[1; 101])).await, "MESSAGE_IDS_TOO_MUCH");
    assert_eq!(town.dialog(&town.carol).await.unread_count, 3);
    let (hidden, outcome) = town.ask(&town.carol, delete(false, &[of_alice, of_bob, 999])).await;
    assert_eq!((hidden.pts_count, told(&outcome)), (2, vec![3]));
    let dialog = town.dialog(&town.carol).await;
    assert_eq!((dialog.unread_count, dialog.top_message), (1, of_alice - 1));
    assert_eq!(texts(&town.history(&town.carol).await), [""]);
    assert_eq!(town.history(&town.bob).await.len(), 3);
    // The creator may revoke anything; Carol, who has hidden it, has nothing to learn.
    let (revoked, outcome) = town.ask(&town.alice, delete(true, &[of_bob, of_alice])).await;
    assert_eq!((revoked.pts_count, told(&outcome)), (2, vec![1, 2]));
    let last = town.log(&town.bob).await.pop().unwrap();
    let Update::UpdateDeleteMessages(gone) = last else { panic!("{last:?}") };
    assert_eq!(gone.messages, [of_alice, of_bob]);
    assert_eq!((gone.peer, gone.still_unread_count), (chat(town.chat_id), 1));
    assert_eq!(town.dialog(&town.bob).await.top_message, of_alice - 1);
    for who in [&town.alice, &town.bob, &town.carol] {
        assert_without_holes(&town.log(who).await);
        assert_eq!(texts(&town.history(who).await), [""]);
    }
}

#[tokio::test]
async fn private_messages_are_edited_and_deleted_on_both_sides() {
    let town = Town::new(false).await;
    let world = &town.world;
    let to_bob = world.peer(&town.alice, &town.bob).await;
    let to_alice = world.peer(&town.bob, &town.alice).await;
    let before = world.send(&town.bob, &to_alice, "before", 6).await;
    let sent = world.send(&town.alice, &to_bob, "hi", 7).await;
    let picture = Some(types::DataJson { data: r#"{"file":1}"#.into() });
    let with_media = EditMessage { media: picture.clone(), ..edit(&to_bob, sent.id, "hello") };
    let (_, outcome) = town.ask(&town.alice, with_media).await;
    assert_eq!(told(&outcome), [1, 2]);
    for (push, with) in outcome.pushes.iter().zip([&town.bob, &town.alice]) {
        let (updates, _) = pushed(&push.update);
        let [Update::UpdateEditMessage(edited)] = &updates[..] else { panic!("{updates:?}") };
        let peer = enums::Peer::PeerUser(types::PeerUser { user_id: with.id.0 });
        assert_eq!((&edited.message.peer_id, &edited.message.media), (&peer, &picture));
    }
    assert_eq!(
        town.refused(&town.bob, edit(&to_alice, sent.id, "x")).await,
        "MESSAGE_AUTHOR_REQUIRED"
    );
    let delete =
        |revoke, peer: &InputPeer| DeleteMessages { revoke, peer: peer.clone(), id: vec![sent.id] };
    assert_eq!(town.refused(&town.bob, delete(true, &to_alice)).await, "MESSAGE_DELETE_FORBIDDEN");
    let (_, outcome) = town.ask(&town.bob, delete(false, &to_alice)).await;
    assert_eq!(told(&outcome), [2]);
    let (_, outcome) = town.ask(&town.alice, edit(&to_bob, sent.id, "hello?")).await;
    assert_eq!(told(&outcome), [1], "Bob does not see it any more");
    town.ask(&town.alice, delete(true, &to_bob)).await;
    let request = GetHistory { peer: to_bob, offset_id: 0, limit: 9 };
    let (page, _) = town.ask(&town.alice, request).await;
    assert_eq!((page.count, texts(&page.messages)), (1, vec!["before"]));
    let dialogs = town.ask(&town.bob, GetDialogs { offset_id: 0, limit: 9 }).await.0.dialogs;
    let alice = enums::Peer::PeerUser(types::PeerUser { user_id: town.alice.id.0 });
    let dialog = dialogs.into_iter().find(|dialog| dialog.peer == alice).unwrap();
    assert_eq!(dialog.top_message, before.id, "the newest that is left");
}

#[tokio::test]
async fn what_one_does_with_saved_messages_is_told_to_oneself_once() {
    let town = Town::new(false).await;
    let peer = InputPeer::InputPeerSelf;
    let action = enums::SendMessageAction::SendMessageTypingAction;
    let typing = SetTyping { peer: peer.clone(), action };
    assert_eq!(town.ask(&town.alice, typing).await.1.pushes, [], "to whom?");
    let sent = town.world.send(&town.alice, &peer, "note", 7).await;
    let (edited, outcome) = town.ask(&town.alice, edit(&peer, sent.id, "a note")).await;
    assert_eq!((edited.pts, told(&outcome)), (sent.pts + 1, vec![1]));
    let delete = DeleteMessages { revoke: true, peer, id: vec![sent.id] };
    let (deleted, outcome) = town.ask(&town.alice, delete).await;
    assert_eq!((deleted.pts, told(&outcome)), (sent.pts + 2, vec![1]));
}

// --- everything stays in step ---

#[tokio::test]
async fn a_log_that_was_cut_sends_those_behind_it_to_the_history() {
    let mut town = Town::new(true).await;
    town.world.rpc = std::sync::Arc::new(odnix_server_ref::rpc::Rpc::new([7; 32]).with_log_max(4));
    for number in 0..10 {
        town.say(&town.alice, "line", 10 + number).await;
    }
    let chat_id = odnix_server_ref::store::ChatId(town.chat_id);
    let owner = Peer::Chat(chat_id);
    let mailbox = town.world.store.run(move |tx| tx.mailbox(owner)).await;
    let mailbox =
        mailbox.unwrap_or_else(|error: odnix_server_ref::store::StoreError| panic!("{error}"));
    assert_eq!((mailbox.pts(), mailbox.dropped_to()), (11, 7));
    for (pts, too_long) in [(0, true), (6, true), (7, false), (11, false)] {
        let (answer, _) = town.ask(&town.bob, town.question(pts)).await;
        let is = matches!(answer, enums::updates::Difference::DifferenceTooLong(_));
        assert_eq!(is, too_long, "{pts}");
    }
    assert_eq!(town.history(&town.bob).await.len(), 11, "the history is whole");
}

#[tokio::test]
async fn a_group_has_a_limited_number_of_members() {
    let town = Town::new(false).await;
    let fill = |count: i64| {
        move |tx: &mut dyn odnix_server_ref::store::Tx| {
            for number in 0..count {
                let name = format!("extra{number}");
                let user = tx.create_user(&odnix_server_ref::store::NewUser {
                    username: &name,
                    first_name: "x",
                    password_hash: "$",
                    created_at: 0,
                })?;
                let inviter = odnix_server_ref::store::UserId(1);
                let member = odnix_server_ref::store::Member { user, inviter, date: 0 };
                tx.add_member(odnix_server_ref::store::ChatId(1), &member, 1)?;
            }
            Ok::<_, odnix_server_ref::store::StoreError>(())
        }
    };
    town.world.store.run(fill(196)).await.unwrap();
    assert_eq!(town.add(&town.alice, &town.dave).await.chat.participants_count, 200);
    town.remove(&town.alice, &town.dave).await.unwrap();
    town.add(&town.alice, &town.dave).await;
    let erin = town.world.user(5, "erin").await;
    let users = vec![named(&town.world, &town.alice, &erin).await];
    let request = AddChatUsers { chat_id: town.chat_id, users };
    assert_eq!(town.refused(&town.alice, request).await, "USERS_TOO_MUCH");
}

// --- drafts, presence, search ---

#[tokio::test]
async fn a_draft_is_the_same_on_all_devices_and_in_no_other_mailbox() {
    let town = Town::new(false).await;
    let save =
        |text: &str| functions::messages::SaveDraft { peer: town.peer(), message: text.into() };
    let before = town.log(&town.bob).await;
    let (_, outcome) = town.ask(&town.alice, save("half a")).await;
    assert_eq!(told(&outcome), [1]);
    assert_eq!(town.ask(&town.alice, save("half a")).await.0.pts_count, 0);
    let dialog = town.dialog(&town.alice).await;
    let Some(enums::DraftMessage::DraftMessage(draft)) = dialog.draft else { panic!() };
    assert_eq!(draft.message, "half a");
    let (drafts, _) = town.ask(&town.alice, functions::messages::GetDrafts {}).await;
    assert_eq!((drafts.drafts.len(), drafts.chats.len()), (1, 1));
    town.ask(&town.alice, save("")).await;
    let log = town.log(&town.alice).await;
    assert_without_holes(&log);
    let Some(Update::UpdateDraftMessage(dropped)) = log.last() else { panic!("{log:?}") };
    assert!(matches!(dropped.draft, enums::DraftMessage::DraftMessageEmpty(_)));
    assert_eq!(town.dialog(&town.alice).await.draft, None);
    assert_eq!(town.log(&town.bob).await, before);
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_drafts() {
    let town = Town::new(false).await;
    let fill = |tx: &mut dyn odnix_server_ref::store::Tx| {
        for number in 0..99 {
            let peer = Peer::User(odnix_server_ref::store::UserId(1000 + number));
            let draft = odnix_server_ref::store::Draft { peer, text: "x".into(), date: 0 };
            tx.set_draft(odnix_server_ref::store::UserId(1), &draft)?;
        }
        Ok::<_, odnix_server_ref::store::StoreError>(())
    };
    town.world.store.run(fill).await.unwrap();
    let save = |peer: &InputPeer, text: &str| functions::messages::SaveDraft {
        peer: peer.clone(),
        message: text.into(),
    };
    town.ask(&town.alice, save(&town.peer(), "the hundredth")).await;
    town.ask(&town.alice, save(&town.peer(), "another hundredth")).await;
    let refused = town.refused(&town.alice, save(&InputPeer::InputPeerSelf, "one more")).await;
    assert_eq!(refused, "DRAFTS_TOO_MUCH");
}

#[tokio::test]
async fn presence_is_told_to_those_one_has_written_with() {
    let town = Town::new(false).await;
    let to_bob = town.world.peer(&town.alice, &town.bob).await;
    town.world.send(&town.alice, &to_bob, "hi", 5).await;
    let online = functions::account::UpdateStatus { offline: false };
    let (_, outcome) = town.ask(&town.alice, online.clone()).await;
    assert_eq!(told(&outcome), [2]);
    assert!(outcome.pushes[0].ephemeral);
    assert_eq!(told(&town.ask(&town.bob, online).await.1), [1]);
    let status = |users: Vec<types::User>| users[0].status.clone();
    let alice = vec![named(&town.world, &town.carol, &town.alice).await];
    let look = functions::users::GetUsers { id: alice };
    let seen = status(town.ask(&town.carol, look.clone()).await.0);
    assert!(matches!(seen, Some(enums::UserStatus::UserStatusOnline(_))));
    town.ask(&town.alice, functions::account::UpdateStatus { offline: true }).await;
    let seen = status(town.ask(&town.carol, look).await.0);
    assert!(matches!(seen, Some(enums::UserStatus::UserStatusOffline(_))));
    let dave = vec![named(&town.world, &town.carol, &town.dave).await];
    let look = functions::users::GetUsers { id: dave };
    assert_eq!(status(town.ask(&town.carol, look).await.0), None, "he never said");
}

#[tokio::test]
async fn search_finds_words_in_what_the_caller_may_read() {
    for large in [false, true] {
        let town = Town::new(large).await;
        let first = town.say(&town.alice, "The quick brown fox", 2).await.id;
        let second = town.say(&town.bob, "a quick answer", 3).await.id;
        let to_carol = town.world.peer(&town.bob, &town.carol).await;
        let secret = town.world.send(&town.bob, &to_carol, "quick secret", 4).await.id;
        let query = |q: &str, here: bool| functions::messages::Search {
            peer: here.then(|| town.peer()),
            q: q.into(),
            offset_id: 0,
            limit: 10,
        };
        let found = async |who: &Person, query: functions::messages::Search| -> Vec<i64> {
            let messages = town.ask(who, query).await.0.messages;
            messages.iter().map(|message| message.id).collect()
        };
        assert_eq!(found(&town.alice, query("quick", true)).await, [second, first]);
        assert_eq!(found(&town.alice, query("QUICK fo", false)).await, [first]);
        assert_eq!(found(&town.alice, query("quick sec", false)).await, [0_i64; 0]);
        assert_eq!(found(&town.bob, query("quick", false)).await, [secret, second, first]);
        assert_eq!(found(&town.dave, query("quick", false)).await, [0_i64; 0]);
        assert_eq!(town.refused(&town.dave, query("quick", true)).await, "CHAT_ID_INVALID");
        for hostile in ["\"quick", "quick OR", "NEAR(quick", "c1 quick", "text : quick", "* quick"]
        {
            town.ask(&town.alice, query(hostile, false)).await;
        }
        for empty in ["", " ", "\"*", &"x".repeat(257)] {
            assert_eq!(town.refused(&town.alice, query(empty, true)).await, "SEARCH_QUERY_EMPTY");
        }
        let page =
            functions::messages::Search { limit: 1, offset_id: second, ..query("quick", true) };
        assert_eq!(found(&town.alice, page).await, [first]);
        let one = functions::messages::Search { limit: 1, ..query("quick", true) };
        assert_eq!(found(&town.alice, one).await, [second]);
        town.ask(&town.alice, edit(&town.peer(), first, "slow")).await;
        assert_eq!(found(&town.alice, query("fox", true)).await, [0_i64; 0]);
        assert_eq!(found(&town.alice, query("slow", true)).await, [first]);
        let request = DeleteMessages { revoke: true, peer: town.peer(), id: vec![first] };
        town.ask(&town.alice, request).await;
        assert_eq!(found(&town.alice, query("slow", true)).await, [0_i64; 0]);
    }
}
