//! Where methods end: the last value that goes, and the first that does not.

mod common;

use common::{DATE, Person, World, caller, get_difference, message, pushed, request_of};
use odnix_proto::updates::Mailbox;
use odnix_server_ref::engine;
use odnix_server_ref::rpc::{
    CONTACTS_MAX, Caller, Evidence, Form, MEDIA_BYTES_MAX, MESSAGE_CHARS_MAX, Outcome, Prepared,
    Rpc, SEARCH_CHARS_MAX, SMALL_VISITORS_MAX, USERS_MAX,
};
use odnix_server_ref::store::{
    ChatId, Device, Member, NewMessage, NewUser, Presence, StoreError, Tx, UserId,
};
use odnix_tl::Function;
use odnix_tl::odnix::enums::{InputPeer, InputUser, Update, UserStatus, updates};
use odnix_tl::odnix::{functions, types};
use std::sync::Arc;

/// Alice, alone in a small group.
async fn alone() -> (World, Person, i64) {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let request = functions::messages::CreateChat {
        large: false,
        title: "Town".into(),
        users: vec![],
        random_id: 1,
    };
    let chat_id = world.call(alice.key, request).await.unwrap().0.chat.id;
    (world, alice, chat_id)
}

fn crowd(tx: &mut dyn Tx, count: i64) -> Result<Vec<UserId>, StoreError> {
    let make = |number| {
        tx.create_user(&NewUser {
            username: &format!("extra{number}"),
            first_name: "Extra",
            password_hash: "$",
            created_at: 0,
        })
    };
    (0..count).map(make).collect()
}

async fn as_input(world: &World, viewer: &Person, username: &str) -> InputUser {
    let request = functions::contacts::ResolveUsername { username: username.into() };
    let types::User { id, access_hash, .. } =
        world.call(viewer.key, request).await.unwrap().0.users.remove(0);
    InputUser::InputUser(types::InputUser { user_id: id, access_hash })
}

async fn answer<F: Function>(world: &World, who: &Person, request: F) -> Result<Outcome, String> {
    let answered = world.call(who.key, request).await;
    answered.map(|(_, outcome)| outcome).map_err(|error| error.message())
}

#[tokio::test]
async fn a_request_names_at_most_a_hundred() {
    let (world, alice, chat_id) = alone().await;
    let peer = InputPeer::InputPeerChat(types::InputPeerChat { chat_id });
    for (count, goes) in [(USERS_MAX, true), (USERS_MAX + 1, false)] {
        let users = vec![InputUser::InputUserSelf; count];
        let get_users = functions::users::GetUsers { id: users.clone() };
        let get_chats = functions::messages::GetChats { id: vec![chat_id; count] };
        let add = functions::messages::AddChatUsers { chat_id, users };
        let delete = functions::messages::DeleteMessages {
            revoke: false,
            peer: peer.clone(),
            id: vec![99; count],
        };
        for (answered, refused) in [
            (answer(&world, &alice, get_users).await, "USERS_TOO_MUCH"),
            (answer(&world, &alice, get_chats).await, "CHATS_TOO_MUCH"),
            (answer(&world, &alice, add).await, "USERS_TOO_MUCH"),
            (answer(&world, &alice, delete).await, "MESSAGE_IDS_TOO_MUCH"),
        ] {
            assert_eq!(answered.err().as_deref(), (!goes).then_some(refused));
        }
    }
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_contacts_and_may_add_the_same_again() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    world
        .with_store(|tx| {
            for contact in crowd(tx, CONTACTS_MAX - 1)? {
                tx.add_contact(UserId(1), contact)?;
            }
            Ok(())
        })
        .await;
    world.user(2, "last").await;
    world.user(3, "late").await;
    for (name, refused) in
        [("last", None), ("late", Some("CONTACTS_TOO_MUCH")), ("last", None), ("extra0", None)]
    {
        let id = as_input(&world, &alice, name).await;
        let added = answer(&world, &alice, functions::contacts::AddContact { id }).await;
        assert_eq!(added.err().as_deref(), refused, "{name}");
    }
}

#[tokio::test]
async fn a_small_group_has_a_limited_number_of_visitors_and_takes_former_ones_back() {
    let (world, alice, chat_id) = alone().await;
    // Alice and one more are still to come.
    let visit = move |tx: &mut dyn Tx| {
        for user in crowd(tx, SMALL_VISITORS_MAX - 2)? {
            let member = Member { user, inviter: UserId(1), date: 0 };
            tx.add_member(ChatId(chat_id), &member, 1)?;
            tx.remove_member(ChatId(chat_id), user, 1)?;
        }
        Ok(())
    };
    world.with_store(visit).await;
    for (number, name) in [(2, "bob"), (3, "carol")] {
        world.user(number, name).await;
    }
    for (names, refused) in [
        (&["bob", "carol"][..], Some("USERS_TOO_MUCH")),
        (&["bob"], None),
        (&["carol"], Some("USERS_TOO_MUCH")),
        (&["extra0"], None),
    ] {
        let mut users = Vec::new();
        for name in names {
            users.push(as_input(&world, &alice, name).await);
        }
        let request = functions::messages::AddChatUsers { chat_id, users };
        let added = answer(&world, &alice, request).await;
        assert_eq!(added.err().as_deref(), refused, "{names:?}");
    }
}

#[tokio::test]
async fn a_difference_may_be_bounded_to_one_position() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let ask = async |pts| {
        let request =
            functions::updates::GetDifference { pts_total_limit: Some(1), ..get_difference(pts) };
        world.call(alice.key, request).await.unwrap().0
    };
    for number in 1..=2 {
        world.send(&alice, &InputPeer::InputPeerSelf, "note", number).await;
    }
    assert!(matches!(ask(1).await, updates::Difference::Difference(_)));
    assert!(matches!(ask(0).await, updates::Difference::DifferenceTooLong(_)));
}

#[tokio::test]
async fn a_log_is_cut_when_it_is_longer_by_a_sixteenth_of_its_bound() {
    let mut world = World::new();
    world.rpc = Arc::new(Rpc::new([7; 32]).with_log_max(32));
    let alice = world.user(1, "alice").await;
    for (pts, dropped_to) in [(34, 0), (35, 3), (37, 3), (38, 6)] {
        let owner = alice.id.into();
        let sent = world.with_store(move |tx| tx.mailbox(owner)).await.pts();
        for number in sent + 1..=pts {
            world.send(&alice, &InputPeer::InputPeerSelf, "note", i64::from(number)).await;
        }
        let (mailbox, kept) = world
            .with_store(move |tx| Ok((tx.mailbox(owner)?, tx.log_after(owner, 0, 99, 1 << 20)?)))
            .await;
        assert_eq!((mailbox.pts(), mailbox.dropped_to()), (pts, dropped_to));
        assert_eq!(kept.first().map(|line| line.pts), Some(dropped_to + 1), "at {pts}");
    }
}

#[tokio::test]
async fn a_mailbox_that_cannot_move_says_why() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let owner = alice.id.into();
    for (pts, pts_count, why) in [
        (i32::MAX, 1, "a mailbox is full"),
        (0, 0, "an update of a log moves nothing"),
        (0, -1, "an update of a log moves nothing"),
    ] {
        let record = move |tx: &mut dyn Tx| {
            tx.save_mailbox(owner, &Mailbox::restore(pts, 0).unwrap())?;
            engine::record(tx, owner, pts_count, 10, |pts, pts_count| {
                types::UpdateChat { chat_id: 1, pts, pts_count }.into()
            })
        };
        let refused = world.store.run(record).await.unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(it) if it == why), "{refused}");
    }
    let ephemeral = move |tx: &mut dyn Tx| {
        let update = types::UpdateUserStatus {
            user_id: 1,
            status: types::UserStatusOnline { expires: 0 }.into(),
        };
        engine::record(tx, owner, 1, 10, |_, _| update.into())
    };
    assert!(world.store.run(ephemeral).await.is_err(), "it has no place in a log");
}

#[tokio::test]
async fn who_said_to_be_here_is_away_once_that_time_is_over() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let now = i64::try_from(DATE).unwrap();
    for (until, online) in [(now + 1, true), (now, false), (now - 1, false)] {
        world.with_store(move |tx| tx.set_presence(UserId(1), Presence::Online(until))).await;
        let request = functions::users::GetUsers { id: vec![InputUser::InputUserSelf] };
        let seen = world.call(alice.key, request).await.unwrap().0.remove(0).status;
        let until = i32::try_from(until).unwrap();
        let wanted = if online {
            UserStatus::UserStatusOnline(types::UserStatusOnline { expires: until })
        } else {
            UserStatus::UserStatusOffline(types::UserStatusOffline { was_online: until })
        };
        assert_eq!(seen, Some(wanted));
    }
}

#[tokio::test]
async fn what_a_device_tells_of_itself_is_kept_up_to_its_bound() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    for (chars, kept) in [(128, 128), (129, 128), (0, 0)] {
        let device = Device {
            device_model: "ü".repeat(chars),
            system_version: "7".into(),
            app_version: "ü".repeat(chars),
        };
        let caller = Caller { device: Some(device), ..caller(alice.key) };
        let request = request_of(&functions::updates::GetState {});
        let (evidence, form) = (Evidence::NotNeeded, Form::Tl);
        world.handle_as(caller, Prepared { request, evidence, form }).await.unwrap();
        let list = functions::account::GetAuthorizations {};
        let seen = world.call(alice.key, list).await.unwrap().0.authorizations.remove(0);
        let text = "ü".repeat(kept);
        assert_eq!(
            [seen.device_model, seen.system_version, seen.app_version],
            [text.as_str(), "7", text.as_str()]
        );
    }
}

#[tokio::test]
async fn texts_and_searches_go_up_to_their_length() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    for (over, goes) in [(0, true), (1, false)] {
        let text = |max: usize| "ü".repeat(max + over);
        let peer = InputPeer::InputPeerSelf;
        let draft =
            functions::messages::SaveDraft { peer: peer.clone(), message: text(MESSAGE_CHARS_MAX) };
        let search = functions::messages::Search {
            peer: None,
            q: text(SEARCH_CHARS_MAX),
            offset_id: 0,
            limit: 1,
        };
        let with_media = functions::messages::SendMessage {
            media: Some(types::DataJson { data: format!("{:1$}", 1, MEDIA_BYTES_MAX + over) }),
            ..message(&peer, "", 1)
        };
        for (answered, refused) in [
            (answer(&world, &alice, draft).await, "MESSAGE_TOO_LONG"),
            (answer(&world, &alice, search).await, "SEARCH_QUERY_EMPTY"),
            (answer(&world, &alice, with_media).await, "MEDIA_INVALID"),
        ] {
            assert_eq!(answered.err().as_deref(), (!goes).then_some(refused));
        }
    }
}

#[tokio::test]
async fn unread_messages_are_counted_to_the_end_of_the_count_in_large_groups_only() {
    for (large, unread) in [(true, 10_000), (false, 10_001)] {
        let world = World::new();
        let (alice, bob) = (world.user(1, "alice").await, world.user(2, "bob").await);
        let users = vec![as_input(&world, &alice, "bob").await];
        let request =
            functions::messages::CreateChat { large, title: "Town".into(), users, random_id: 1 };
        let chat_id = world.call(alice.key, request).await.unwrap().0.chat.id;
        let write = move |tx: &mut dyn Tx| {
            let chat = ChatId(chat_id);
            let new =
                NewMessage { chat, from: UserId(1), date: 0, text: "", media: None, action: None };
            (0..10_001).try_for_each(|_| tx.insert_message(&new).map(|_| ()))
        };
        world.with_store(write).await;
        let peer = InputPeer::InputPeerChat(types::InputPeerChat { chat_id });
        let made = functions::messages::ReadHistory { peer, max_id: 1 };
        let (_, outcome) = world.call(bob.key, made).await.unwrap();
        let (updates, _) = pushed(&outcome.pushes[0].update);
        let [Update::UpdateReadHistory(read)] = &updates[..] else { panic!("{updates:?}") };
        assert_eq!((read.max_id, read.still_unread_count), (1, unread), "large: {large}");
    }
}
