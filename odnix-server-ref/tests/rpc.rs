//! The methods over a real store: accounts, exactly once, mailboxes, differences.

mod common;

use common::{DATE, World, caller, get_difference, message, pts_of, pushed, refusal, request_of};
use odnix_server_ref::engine;
use odnix_server_ref::rpc::{Evidence, Form, LoginChange, Prepared, Rpc, RpcError};
use odnix_server_ref::store::{Credentials, StoreError, UserId};
use odnix_tl::odnix::enums::{InputPeer, InputUser, Peer, SendMessageAction, Update, updates};
use odnix_tl::odnix::{functions, types};
use std::collections::BTreeSet;
use std::sync::Arc;

fn user_peer(user_id: i64) -> Peer {
    Peer::PeerUser(types::PeerUser { user_id })
}

fn sign_up(username: &str, password: &str) -> functions::auth::SignUp {
    functions::auth::SignUp {
        username: username.into(),
        password: password.into(),
        first_name: "Some One".into(),
    }
}

fn sign_in(username: &str, password: &str) -> functions::auth::SignIn {
    functions::auth::SignIn { username: username.into(), password: password.into() }
}

fn bad(name: &str) -> (i32, String) {
    (400, name.to_owned())
}

// --- accounts ---

#[tokio::test]
async fn an_account_is_made_left_and_entered_again() {
    let world = World::new();
    let (key, other) = (world.key(1).await, world.key(2).await);
    let (made, outcome) = world.call(key, sign_up("alice", "a password")).await.unwrap();
    assert!(made.user.self_);
    assert_eq!(outcome.login, Some(LoginChange::In(UserId(made.user.id))));
    world.call(key, functions::updates::GetState {}).await.unwrap();

    let (left, outcome) = world.call(key, functions::auth::LogOut {}).await.unwrap();
    assert!(left);
    assert_eq!((outcome.login, outcome.user), (Some(LoginChange::Out), None));
    let refused = refusal(world.call(key, functions::updates::GetState {}).await);
    assert_eq!(refused, (401, "AUTH_KEY_UNREGISTERED".into()));

    for key in [key, other] {
        let (entered, _) = world.call(key, sign_in("ALICE", "a password")).await.unwrap();
        assert_eq!(entered.user, made.user);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let world = World::new();
    let key = world.key(1).await;
    world.call(key, sign_up("alice", "a password")).await.unwrap();
    let key = world.key(2).await;
    let wrong = refusal(world.call(key, sign_in("alice", "another")).await);
    let unknown = refusal(world.call(key, sign_in("nobody", "another")).await);
    assert_eq!(wrong, bad("PASSWORD_HASH_INVALID"));
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn repeating_a_lost_sign_up_gives_the_same_account() {
    let world = World::new();
    let (key, other) = (world.key(1).await, world.key(2).await);
    let (first, _) = world.call(key, sign_up("alice", "a password")).await.unwrap();
    let (again, _) = world.call(key, sign_up("alice", "a password")).await.unwrap();
    assert_eq!(first, again);
    let taken = refusal(world.call(other, sign_up("Alice", "a password")).await);
    assert_eq!(taken, bad("USERNAME_OCCUPIED"));
}

#[tokio::test]
async fn one_key_is_one_user_at_a_time() {
    let world = World::new();
    let (key, other) = (world.key(1).await, world.key(2).await);
    world.call(key, sign_up("alice", "a password")).await.unwrap();
    world.call(other, sign_up("bob", "a password")).await.unwrap();
    let refused = refusal(world.call(key, sign_in("bob", "a password")).await);
    assert_eq!(refused, bad("AUTH_KEY_ALREADY_AUTHORIZED"));
    let refused = refusal(world.call(key, sign_up("carol", "a password")).await);
    assert_eq!(refused, bad("AUTH_KEY_ALREADY_AUTHORIZED"));
}

#[tokio::test]
async fn a_key_that_is_not_stored_cannot_log_in() {
    let world = World::new();
    let stranger = odnix_proto::AuthKeyId::from_bytes([9; 8]);
    let refused = refusal(world.call(stranger, sign_up("alice", "a password")).await);
    assert_eq!(refused, (401, "AUTH_KEY_UNREGISTERED".into()));
    let key = world.key(1).await;
    world.call(key, sign_up("alice", "a password")).await.expect("nothing was left behind");
}

#[tokio::test]
async fn names_and_passwords_have_a_form() {
    let world = World::new();
    let key = world.key(1).await;
    let long = "a".repeat(33);
    for name in ["", "ab", "1abc", "_abc", "with space", "ümlaut", "dash-ed", &long] {
        let refused = refusal(world.call(key, sign_up(name, "a password")).await);
        assert_eq!(refused, bad("USERNAME_INVALID"), "{name}");
    }
    for password in ["", &"p".repeat(1025)] {
        let refused = refusal(world.call(key, sign_up("alice", password)).await);
        assert_eq!(refused, bad("PASSWORD_INVALID"));
    }
    for first_name in ["", "  ", "two\nlines", &"n".repeat(65)] {
        let request = functions::auth::SignUp {
            first_name: first_name.into(),
            ..sign_up("alice", "a password")
        };
        let refused = refusal(world.call(key, request).await);
        assert_eq!(refused, bad("FIRSTNAME_INVALID"), "{first_name:?}");
    }
}

#[tokio::test]
async fn passwords_are_stored_as_argon2id_only() {
    let world = World::new();
    let key = world.key(1).await;
    world.call(key, sign_up("alice", "tell nobody")).await.unwrap();
    let stored =
        world.store.run(|tx| tx.credentials("alice")).await.map_err(|e: StoreError| e).unwrap();
    let stored = stored.unwrap();
    assert!(stored.password_hash.starts_with("$argon2id$v=19$"));
    assert!(!format!("{stored:?}").contains("argon2"), "credentials show in Debug");
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_does_not_log_in() {
    let world = World::new();
    world.user(1, "alice").await;
    world.user(2, "bob").await;
    let key = world.key(3).await;
    for (user, password_hash, goes) in [(1, "another", false), (2, "$", false), (1, "$", true)] {
        let examined = Credentials { user: UserId(user), password_hash: password_hash.into() };
        let prepared = Prepared {
            request: request_of(&sign_in("alice", "a password")),
            evidence: Evidence::Matches(examined),
            form: Form::Tl,
        };
        let answered = world.handle(key, prepared).await;
        assert_eq!(answered.is_ok(), goes, "{user} {password_hash}");
        assert!(goes || refusal(answered) == bad("PASSWORD_HASH_INVALID"));
    }
}

#[tokio::test]
async fn another_device_is_logged_out_by_its_own_hash_only() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    for number in [2, 3] {
        let key = world.key(number).await;
        world.with_store(move |tx| tx.set_session_user(key, Some(alice.id), None)).await;
    }
    let list = functions::account::GetAuthorizations {};
    let devices = world.call(alice.key, list.clone()).await.unwrap().0.authorizations;
    let hashes: BTreeSet<i64> = devices.iter().map(|device| device.hash).collect();
    assert_eq!((devices.len(), hashes.len()), (3, 3));
    let hash_of = |number: u8| {
        let made = i32::try_from(DATE).unwrap() + i32::from(number);
        devices.iter().find(|device| device.date_created == made).unwrap().hash
    };
    let reset = |hash| functions::account::ResetAuthorization { hash };
    for hash in [hash_of(1), hash_of(1) ^ 1, 0] {
        assert_eq!(refusal(world.call(alice.key, reset(hash)).await), bad("HASH_INVALID"));
    }
    let (_, outcome) = world.call(alice.key, reset(hash_of(2))).await.unwrap();
    assert_eq!(outcome.revoked, Some(odnix_proto::AuthKeyId::from_bytes([2; 8])));
    let left = world.call(alice.key, list).await.unwrap().0.authorizations;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|device| device.hash != hash_of(2)));
}

// --- naming others ---

#[tokio::test]
async fn absent_users_and_foreign_access_hashes_get_the_same_answer() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let carol = world.user(3, "carol").await;
    let InputPeer::InputPeerUser(to_carol) = world.peer(&bob, &carol).await else { panic!() };
    let named = |user_id, access_hash| {
        InputPeer::InputPeerUser(types::InputPeerUser { user_id, access_hash })
    };
    for peer in [
        // Bob's access_hash for Carol, a guess, a user who does not exist.
        named(to_carol.user_id, to_carol.access_hash),
        named(carol.id.0, 0),
        named(99, to_carol.access_hash),
        named(-1, 1),
        named(0, 0),
    ] {
        let refused = refusal(world.call(alice.key, message(&peer, "hi", 1)).await);
        assert_eq!(refused, bad("PEER_ID_INVALID"));
    }
}

#[tokio::test]
async fn get_users_leaves_out_whom_the_caller_cannot_name() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let InputPeer::InputPeerUser(to_bob) = world.peer(&alice, &bob).await else { panic!() };
    let named =
        |user_id, access_hash| InputUser::InputUser(types::InputUser { user_id, access_hash });
    let request = functions::users::GetUsers {
        id: vec![
            InputUser::InputUserSelf,
            named(to_bob.user_id, to_bob.access_hash),
            named(bob.id.0, 5),
            named(99, 5),
        ],
    };
    let (users, _) = world.call(alice.key, request).await.unwrap();
    let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["alice", "bob"]);
    let too_many = functions::users::GetUsers { id: vec![InputUser::InputUserSelf; 101] };
    assert_eq!(refusal(world.call(alice.key, too_many).await), bad("USERS_TOO_MUCH"));
}

#[tokio::test]
async fn contacts_are_added_once_and_shown_to_their_owner_only() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let InputPeer::InputPeerUser(to_bob) = world.peer(&alice, &bob).await else { panic!() };
    let id = InputUser::InputUser(types::InputUser {
        user_id: to_bob.user_id,
        access_hash: to_bob.access_hash,
    });
    let look = functions::users::GetUsers { id: vec![id.clone()] };
    assert!(!world.call(alice.key, look).await.unwrap().0[0].contact);
    for _ in 0..2 {
        let request = functions::contacts::AddContact { id: id.clone() };
        let (added, _) = world.call(alice.key, request).await.unwrap();
        assert!(added.contact);
    }
    let (list, _) = world.call(alice.key, functions::contacts::GetContacts {}).await.unwrap();
    assert_eq!(list.users.len(), 1);
    assert!(list.users[0].contact && list.users[0].username == "bob");
    let (list, _) = world.call(bob.key, functions::contacts::GetContacts {}).await.unwrap();
    assert_eq!(list.users, []);
    let myself = functions::contacts::AddContact { id: InputUser::InputUserSelf };
    assert_eq!(refusal(world.call(alice.key, myself).await), bad("CONTACT_ID_INVALID"));
    let nobody = functions::contacts::ResolveUsername { username: "nobody".into() };
    assert_eq!(refusal(world.call(alice.key, nobody).await), bad("USERNAME_NOT_OCCUPIED"));
}

// --- sending ---

#[tokio::test]
async fn a_message_moves_both_mailboxes_and_each_side_sees_its_view() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let to_bob = world.peer(&alice, &bob).await;
    let request = functions::messages::SendMessage {
        media: Some(types::DataJson { data: r#"{"file":1}"#.into() }),
        ..message(&to_bob, "hello", 77)
    };
    let (sent, outcome) = world.call(alice.key, request).await.unwrap();
    assert_eq!((sent.pts, sent.pts_count, sent.date), (1, 1, i32::try_from(DATE).unwrap()));
    let [own, theirs] = outcome.pushes.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((own.user, theirs.user), (alice.id, bob.id));

    let (updates, users) = pushed(&own.update);
    let [Update::UpdateMessageSent(update)] = updates.as_slice() else { panic!() };
    assert_eq!((update.random_id, update.pts, update.pts_count), (77, 1, 1));
    assert!(update.message.out);
    assert_eq!(update.message.peer_id, user_peer(bob.id.0));
    assert_eq!(users.iter().filter(|user| user.self_).count(), 1);

    let (updates, users) = pushed(&theirs.update);
    let [Update::UpdateNewMessage(update)] = updates.as_slice() else { panic!() };
    assert_eq!((update.message.id, update.pts), (sent.id, 1));
    assert!(!update.message.out);
    assert_eq!(update.message.peer_id, user_peer(alice.id.0));
    assert_eq!(update.message.from_id, alice.id.0);
    assert_eq!(update.message.media.as_ref().unwrap().data, r#"{"file":1}"#);
    // What Bob is told lets him answer.
    let author = users.iter().find(|user| user.id == alice.id.0).unwrap();
    let back = InputPeer::InputPeerUser(types::InputPeerUser {
        user_id: author.id,
        access_hash: author.access_hash,
    });
    world.send(&bob, &back, "hello yourself", 1).await;
}

#[tokio::test]
async fn a_message_to_oneself_moves_the_one_mailbox_once() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let (_, outcome) =
        world.call(alice.key, message(&InputPeer::InputPeerSelf, "note", 1)).await.unwrap();
    assert_eq!(outcome.pushes.len(), 1);
    let state = world.state(&alice).await;
    assert_eq!((state.pts, state.unread_count), (1, 0));
    let (dialogs, _) = world
        .call(alice.key, functions::messages::GetDialogs { offset_id: 0, limit: 10 })
        .await
        .unwrap();
    assert_eq!(dialogs.dialogs.len(), 1);
    assert_eq!(dialogs.dialogs[0].peer, user_peer(alice.id.0));
    // By id and access_hash it is the same chat.
    let by_id = world.peer(&alice, &alice).await;
    world.send(&alice, &by_id, "another", 2).await;
    let request =
        functions::messages::GetHistory { peer: InputPeer::InputPeerSelf, offset_id: 0, limit: 10 };
    let (history, _) = world.call(alice.key, request).await.unwrap();
    let texts: Vec<&str> = history.messages.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(texts, ["another", "note"]);
}

#[tokio::test]
async fn a_repeated_random_id_returns_the_first_result_also_after_a_restart() {
    let mut world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let to_bob = world.peer(&alice, &bob).await;
    let first = world.send(&alice, &to_bob, "once", 42).await;
    world.send(&alice, &to_bob, "between", 43).await;
    for restart in [false, true] {
        if restart {
            world.reopen().await;
        }
        let (again, outcome) = world.call(alice.key, message(&to_bob, "once", 42)).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(outcome.pushes, []);
        assert_eq!(world.state(&alice).await.pts, 2);
    }
    // Another user's random_id is another matter.
    let to_alice = world.peer(&bob, &alice).await;
    let other = world.send(&bob, &to_alice, "mine", 42).await;
    assert!(other.id > first.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_racing_submissions_make_one_message() {
    let world = Arc::new(World::new());
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let to_bob = world.peer(&alice, &bob).await;
    let mut race = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (world, alice, to_bob) = (Arc::clone(&world), alice.clone(), to_bob.clone());
        race.spawn(async move { world.send(&alice, &to_bob, "once", 42).await });
    }
    let results = race.join_all().await;
    assert!(results.iter().all(|result| result == &results[0]));
    assert_eq!((world.state(&alice).await.pts, world.state(&bob).await.pts), (1, 1));
}

#[tokio::test]
async fn a_refused_message_leaves_no_trace_and_no_hole() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let long = "ü".repeat(4097);
    let base = |text: &str, random_id| message(&InputPeer::InputPeerSelf, text, random_id);
    let media = |data: String| functions::messages::SendMessage {
        media: Some(types::DataJson { data }),
        ..base("with media", 1)
    };
    for (request, name) in [
        (base("", 1), "MESSAGE_EMPTY"),
        (base(" \n", 1), "MESSAGE_EMPTY"),
        (base(&long, 1), "MESSAGE_TOO_LONG"),
        (base("hi", 0), "RANDOM_ID_INVALID"),
        (media("{".into()), "MEDIA_INVALID"),
        (media(format!("\"{}\"", "x".repeat(4095))), "MEDIA_INVALID"),
    ] {
        assert_eq!(refusal(world.call(alice.key, request).await), bad(name));
    }
    assert_eq!(world.state(&alice).await.pts, 0);
    let longest = "ü".repeat(4096);
    assert_eq!(world.send(&alice, &InputPeer::InputPeerSelf, &longest, 1).await.pts, 1);
}

// --- histories and read marks ---

#[tokio::test]
async fn history_is_paged_newest_first() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let (to_bob, to_alice) = (world.peer(&alice, &bob).await, world.peer(&bob, &alice).await);
    for number in 1..=5 {
        let (from, to) = if number % 2 == 0 { (&bob, &to_alice) } else { (&alice, &to_bob) };
        world.send(from, to, &format!("number {number}"), number).await;
    }
    let page = async |offset_id, limit| {
        let request = functions::messages::GetHistory { peer: to_bob.clone(), offset_id, limit };
        world.call(alice.key, request).await.map(|(page, _)| page)
    };
    let first = page(0, 2).await.unwrap();
    assert_eq!(first.count, 5);
    let ids = |page: &types::messages::Messages| {
        page.messages.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), [5, 4]);
    assert_eq!(first.messages.iter().map(|message| message.out).collect::<Vec<_>>(), [true, false]);
    assert_eq!(ids(&page(4, 2).await.unwrap()), [3, 2]);
    assert_eq!(ids(&page(1, 2).await.unwrap()), [0_i64; 0]);
    for limit in [i32::MIN, -1, 0, 101, i32::MAX] {
        assert_eq!(refusal(page(0, limit).await), bad("LIMIT_INVALID"));
    }
    assert_eq!(refusal(page(-1, 1).await), bad("OFFSET_INVALID"));
}

#[tokio::test]
async fn reading_tells_both_sides_once() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let (to_bob, to_alice) = (world.peer(&alice, &bob).await, world.peer(&bob, &alice).await);
    for number in 1..=3 {
        world.send(&alice, &to_bob, "unread", number).await;
    }
    world.send(&bob, &to_alice, "mine", 4).await;
    assert_eq!(world.state(&bob).await.unread_count, 3);
    let read = async |max_id| {
        let request = functions::messages::ReadHistory { peer: to_alice.clone(), max_id };
        world.call(bob.key, request).await
    };

    let (affected, outcome) = read(2).await.unwrap();
    assert_eq!((affected.pts, affected.pts_count), (5, 1));
    let [inbox, outbox] = outcome.pushes.as_slice() else { panic!() };
    assert_eq!((inbox.user, outbox.user), (bob.id, alice.id));
    for (push, by_peer, peer) in [(inbox, false, alice.id), (outbox, true, bob.id)] {
        let (updates, _) = pushed(&push.update);
        let [Update::UpdateReadHistory(update)] = updates.as_slice() else { panic!() };
        assert_eq!((update.outbox, update.peer.clone()), (by_peer, user_peer(peer.0)));
        assert_eq!((update.max_id, update.still_unread_count), (2, 1));
    }

    for unchanged in [1, 2] {
        let (affected, outcome) = read(unchanged).await.unwrap();
        assert_eq!((affected.pts, affected.pts_count, outcome.pushes.len()), (5, 0, 0));
    }
    // 0 is everything; Bob's own message 4 is not his to read.
    let (affected, _) = read(0).await.unwrap();
    assert_eq!((affected.pts, affected.pts_count), (6, 1));
    let (affected, _) = read(i64::MAX).await.unwrap();
    assert_eq!((affected.pts, affected.pts_count), (6, 0));
    assert_eq!(world.state(&bob).await.unread_count, 0);
    assert_eq!(refusal(read(-1).await), bad("MAX_ID_INVALID"));

    let request = functions::messages::GetDialogs { offset_id: 0, limit: 10 };
    let (dialogs, _) = world.call(alice.key, request).await.unwrap();
    let dialog = &dialogs.dialogs[0];
    assert_eq!((dialog.read_outbox_max_id, dialog.read_inbox_max_id), (3, 0));
    assert_eq!((dialog.unread_count, dialog.top_message), (1, 4));
}

#[tokio::test]
async fn reading_what_was_never_written_changes_nothing() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let to_bob = world.peer(&alice, &bob).await;
    for peer in [to_bob, InputPeer::InputPeerSelf] {
        let request = functions::messages::ReadHistory { peer, max_id: 0 };
        let (affected, outcome) = world.call(alice.key, request).await.unwrap();
        assert_eq!((affected.pts, affected.pts_count, outcome.pushes.len()), (0, 0, 0));
    }
}

#[tokio::test]
async fn dialogs_are_paged_by_their_newest_message() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    for number in 2..=4 {
        let friend = world.user(number, &format!("friend{number}")).await;
        let peer = world.peer(&alice, &friend).await;
        world.send(&alice, &peer, "hi", i64::from(number)).await;
    }
    let page = async |offset_id| {
        let request = functions::messages::GetDialogs { offset_id, limit: 2 };
        world.call(alice.key, request).await.unwrap().0
    };
    let first = page(0).await;
    let tops = |page: &types::messages::Dialogs| {
        page.dialogs.iter().map(|dialog| dialog.top_message).collect::<Vec<_>>()
    };
    assert_eq!((first.count, tops(&first)), (3, vec![3, 2]));
    assert_eq!(first.messages.iter().map(|it| it.id).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(tops(&page(2).await), [1]);
}

#[tokio::test]
async fn typing_reaches_the_peer_and_is_written_nowhere() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let request = functions::messages::SetTyping {
        peer: world.peer(&alice, &bob).await,
        action: SendMessageAction::SendMessageTypingAction,
    };
    let (done, outcome) = world.call(alice.key, request).await.unwrap();
    assert!(done);
    let [push] = outcome.pushes.as_slice() else { panic!() };
    assert!(push.ephemeral);
    assert_eq!(push.user, bob.id);
    let (updates, _) = pushed(&push.update);
    assert!(matches!(&updates[..], [Update::UpdateUserTyping(it)] if it.user_id == alice.id.0));
    assert_eq!(world.state(&bob).await.pts, 0);
}

// --- updates ---

#[tokio::test]
async fn a_mailbox_has_no_holes_and_reads_back_what_was_pushed() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let (to_bob, to_alice) = (world.peer(&alice, &bob).await, world.peer(&bob, &alice).await);
    let mut told = Vec::new();
    for number in 1..=20_i64 {
        let (from, to) = if number % 3 == 0 { (&bob, &to_alice) } else { (&alice, &to_bob) };
        let (_, outcome) = world.call(from.key, message(to, "hi", number)).await.unwrap();
        let request = functions::messages::ReadHistory { peer: to_alice.clone(), max_id: 0 };
        let (_, read) = world.call(bob.key, request).await.unwrap();
        for push in outcome.pushes.iter().chain(&read.pushes) {
            if push.user == bob.id {
                told.extend(pushed(&push.update).0);
            }
        }
    }
    let updates::Difference::Difference(all) = world.difference(&bob, 0).await else { panic!() };
    assert_eq!(all.updates, told);
    let pts: Vec<(i32, i32)> = all.updates.iter().map(pts_of).collect();
    let wanted: Vec<(i32, i32)> = (1..=all.state.pts).map(|pts| (pts, 1)).collect();
    assert_eq!(pts, wanted);
    assert_eq!(all.state, world.state(&bob).await);
    let lines = world.store.run(move |tx| tx.log_after(bob.id.into(), 0, 100, usize::MAX)).await;
    for (line, update) in lines.map_err(|e: StoreError| e).unwrap().iter().zip(&told) {
        assert_eq!(engine::read_back(line).unwrap(), *update);
        let json: serde_json::Value = serde_json::from_str(&line.content).unwrap();
        assert_eq!(json["_"], format!("update{}", line.event_type));
    }
}

#[tokio::test]
async fn a_difference_is_empty_whole_sliced_or_too_long() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    for number in 1..=250 {
        world.send(&alice, &InputPeer::InputPeerSelf, "note", number).await;
    }
    let ask = async |pts, pts_limit, pts_total_limit| {
        let request =
            functions::updates::GetDifference { pts_limit, pts_total_limit, ..get_difference(pts) };
        world.call(alice.key, request).await.map(|(difference, _)| difference)
    };
    let range = |updates: &[Update]| {
        (pts_of(updates.first().unwrap()).0, pts_of(updates.last().unwrap()).0)
    };
    for (pts, limit, first, last) in
        [(0, None, 1, 100), (100, None, 101, 200), (5, Some(7), 6, 12), (0, Some(249), 1, 249)]
    {
        let updates::Difference::DifferenceSlice(slice) = ask(pts, limit, None).await.unwrap()
        else {
            panic!("from {pts}")
        };
        assert_eq!(range(&slice.updates), (first, last));
        assert_eq!(slice.intermediate_state.pts, last);
    }
    for (pts, limit) in [(200, None), (0, Some(250)), (0, Some(i32::MAX)), (249, Some(1))] {
        let updates::Difference::Difference(rest) = ask(pts, limit, None).await.unwrap() else {
            panic!("from {pts}")
        };
        assert_eq!(range(&rest.updates), (pts + 1, 250));
        assert_eq!(rest.state.pts, 250);
    }
    let empty = ask(250, None, None).await.unwrap();
    assert!(matches!(empty, updates::Difference::DifferenceEmpty(_)));
    let too_long = ask(0, None, Some(249)).await.unwrap();
    assert!(matches!(&too_long, updates::Difference::DifferenceTooLong(it) if it.pts == 250));
    let fits = ask(0, Some(1000), Some(250)).await.unwrap();
    assert!(matches!(fits, updates::Difference::Difference(_)));
    for pts in [i32::MIN, -1, 251, i32::MAX] {
        assert_eq!(refusal(ask(pts, None, None).await), bad("PERSISTENT_TIMESTAMP_INVALID"));
    }
    for (limit, total) in [(Some(0), None), (Some(-1), None), (None, Some(0))] {
        assert_eq!(refusal(ask(0, limit, total).await), bad("LIMIT_INVALID"));
    }
}

#[tokio::test]
async fn a_slice_of_long_messages_stays_within_its_bytes() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let long = "ü".repeat(4096);
    for number in 1..=100 {
        world.send(&alice, &InputPeer::InputPeerSelf, &long, number).await;
    }
    let mut pts = 0;
    let mut slices = 0;
    loop {
        slices += 1;
        match world.difference(&alice, pts).await {
            updates::Difference::DifferenceSlice(slice) => {
                assert!(slice.updates.len() * long.len() <= 512 << 10);
                pts = slice.intermediate_state.pts;
            }
            updates::Difference::Difference(rest) => {
                assert_eq!(rest.state.pts, 100);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(slices, 2);
}

// --- before the login ---

#[tokio::test]
async fn echo_gives_the_bytes_back_to_anyone() {
    let world = World::new();
    let stranger = odnix_proto::AuthKeyId::from_bytes([9; 8]);
    for len in [0, 5, 100 << 10] {
        let data = bytes::Bytes::from(vec![0xa5; len]);
        let request = functions::help::Echo { data: data.clone() };
        assert_eq!(world.call(stranger, request).await.unwrap().0.data, data);
    }
}

#[tokio::test]
async fn the_config_speaks_of_the_dc_and_address_the_caller_reached() {
    let world = World::new();
    for (dc, test_mode, this_dc) in
        [(2, false, 2), (1, false, 1), (10_002, true, 2), (-3, false, 3), (0, false, 2)]
    {
        let rpc = Arc::clone(&world.rpc);
        let ask = async |request| {
            let rpc = Arc::clone(&rpc);
            let caller = odnix_server_ref::rpc::Caller {
                dc,
                ..caller(odnix_proto::AuthKeyId::from_bytes([9; 8]))
            };
            let prepared = Prepared { request, evidence: Evidence::NotNeeded, form: Form::Tl };
            let handled = world.store.run(move |tx| rpc.handle(tx, &caller, prepared)).await;
            handled.map_err(|error: RpcError| error).unwrap().reply
        };
        let config = ask(request_of(&functions::help::GetConfig {})).await;
        let config: types::Config = odnix_tl::Decode::from_bytes(config).unwrap();
        assert_eq!((config.test_mode, config.this_dc), (test_mode, this_dc), "dc {dc}");
        let [option] = config.dc_options.as_slice() else { panic!() };
        assert_eq!(
            (option.id, option.ip_address.as_str(), option.port),
            (this_dc, "127.0.0.1", 8444)
        );
        let nearest = ask(request_of(&functions::help::GetNearestDc {})).await;
        let nearest: types::NearestDc = odnix_tl::Decode::from_bytes(nearest).unwrap();
        assert_eq!((nearest.this_dc, nearest.nearest_dc), (this_dc, this_dc));
    }
}

#[tokio::test]
async fn unknown_methods_and_malformed_requests_get_typed_errors() {
    let body = |bytes: &[u8]| bytes::Bytes::copy_from_slice(bytes);
    let unknown = 0xdead_beef_u32;
    for (bytes, name) in [
        (unknown.to_le_bytes().to_vec(), format!("INPUT_METHOD_INVALID_{unknown}")),
        (Vec::new(), "INPUT_REQUEST_INVALID".into()),
        (vec![1, 2], "INPUT_REQUEST_INVALID".into()),
        // updates.getState with four bytes too many.
        ([0xedd4_882a_u32.to_le_bytes(), [0; 4]].concat(), "INPUT_REQUEST_INVALID".into()),
        // users.getUsers with a count that nothing follows.
        (
            [
                <functions::users::GetUsers as odnix_tl::Constructor>::ID.to_le_bytes(),
                0x1cb5_c415_u32.to_le_bytes(),
                0x7fff_ffff_u32.to_le_bytes(),
            ]
            .concat(),
            "INPUT_REQUEST_INVALID".into(),
        ),
    ] {
        assert_eq!(refusal(Rpc::decode(body(&bytes))), (400, name));
    }
}

#[test]
fn an_error_says_by_its_code_whose_it_is() {
    for (error, code, message) in [
        (RpcError::AuthKeyUnregistered, 401, "AUTH_KEY_UNREGISTERED"),
        (RpcError::Busy, 420, "FLOOD_WAIT_1"),
        (RpcError::MsgWaitTimeout, 500, "MSG_WAIT_TIMEOUT"),
        (RpcError::MsgWaitFailed, 400, "MSG_WAIT_FAILED"),
        (RpcError::Store(StoreError::Closed), 500, "INTERNAL"),
        (RpcError::LimitInvalid, 400, "LIMIT_INVALID"),
    ] {
        assert_eq!((error.code(), error.message().as_str()), (code, message));
    }
}

#[tokio::test]
async fn no_method_but_the_open_ones_answers_without_a_login() {
    let world = World::new();
    let key = world.key(1).await;
    let peer = InputPeer::InputPeerSelf;
    let user = InputUser::InputUserSelf;
    let action = SendMessageAction::SendMessageTypingAction;
    let closed = [
        request_of(&functions::auth::LogOut {}),
        request_of(&functions::auth::DropTempAuthKeys { except_auth_keys: vec![] }),
        request_of(&functions::users::GetUsers { id: vec![user.clone()] }),
        request_of(&functions::contacts::ResolveUsername { username: "alice".into() }),
        request_of(&functions::contacts::AddContact { id: user }),
        request_of(&functions::contacts::GetContacts {}),
        request_of(&message(&peer, "hi", 1)),
        request_of(&functions::messages::GetHistory { peer: peer.clone(), offset_id: 0, limit: 1 }),
        request_of(&functions::messages::GetDialogs { offset_id: 0, limit: 1 }),
        request_of(&functions::messages::ReadHistory { peer: peer.clone(), max_id: 0 }),
        request_of(&functions::messages::SetTyping { peer, action }),
        request_of(&functions::updates::GetState {}),
        request_of(&get_difference(0)),
    ];
    for request in closed {
        let prepared =
            Prepared { request: request.clone(), evidence: Evidence::NotNeeded, form: Form::Tl };
        let refused = refusal(world.handle(key, prepared).await);
        assert_eq!(refused, (401, "AUTH_KEY_UNREGISTERED".into()), "{request:?}");
    }
}

#[tokio::test]
async fn a_third_user_sees_nothing_of_a_conversation() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    let eve = world.user(3, "eve").await;
    let to_bob = world.peer(&alice, &bob).await;
    world.send(&alice, &to_bob, "between us", 1).await;
    for other in [&alice, &bob] {
        let peer = world.peer(&eve, other).await;
        let request =
            functions::messages::GetHistory { peer: peer.clone(), offset_id: 0, limit: 100 };
        let (history, _) = world.call(eve.key, request).await.unwrap();
        assert_eq!((history.count, history.messages.len()), (0, 0));
        let request = functions::messages::ReadHistory { peer, max_id: 0 };
        assert_eq!(world.call(eve.key, request).await.unwrap().0.pts_count, 0);
    }
    let request = functions::messages::GetDialogs { offset_id: 0, limit: 100 };
    assert_eq!(world.call(eve.key, request).await.unwrap().0.count, 0);
    assert_eq!(world.state(&eve).await.pts, 0);
    let difference = world.difference(&eve, 0).await;
    assert!(matches!(difference, updates::Difference::DifferenceEmpty(_)));
}
