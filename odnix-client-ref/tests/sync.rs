//! The sync machine without a server: what it asks, what it stores, and that it ends.

#[path = "common/machine.rs"]
mod machine;

use machine::{
    BOB, Device, GROUP, ME, START, bob, dialogs, drafts, empty, failure, follows_group, group,
    history, joined, large_group, message, new_message, pushed, refused, reload, short, too_long,
    user,
};
use odnix_client_ref::ClientEvent;
use odnix_client_ref::replica::PendingSend;
use odnix_client_ref::sync::{
    Answer, Failure, Local, Mailbox, Options, Question, QuestionId, Standing, SyncMachine,
};
use odnix_proto::Now;
use odnix_proto::limits::Limits;
use odnix_tl::odnix::enums::{
    MessageAction, Peer, SendMessageAction, Update, Updates, updates::Difference,
};
use odnix_tl::odnix::types;
use std::time::Duration;

#[test]
fn what_came_together_is_stored_in_one_transaction_with_its_checkpoint() {
    let mut device = Device::caught_up();
    for id in 1..=3 {
        let pts = i32::try_from(id).expect("small");
        let update = pushed(vec![new_message(id, bob(), pts)], Vec::new());
        device.machine.handle_updates(START, update);
    }
    let batch = device.machine.take_batch().expect("a batch");
    assert_eq!((batch.updates.len(), batch.checkpoint.map(|it| it.pts)), (3, Some(3)));
    assert!(device.machine.take_batch().is_none());
}

#[test]
fn nothing_is_told_before_it_is_stored() {
    let mut device = Device::caught_up();
    device.machine.handle_updates(START, pushed(vec![new_message(1, bob(), 1)], Vec::new()));
    assert!(device.machine.poll_event().is_none());
    device.settle();
    assert_eq!(device.ids(BOB), [1]);
}

#[test]
fn a_gap_is_asked_for_after_half_a_second() {
    let mut device = Device::caught_up();
    let events = device.push(pushed(vec![new_message(3, bob(), 3)], Vec::new()));
    assert!(matches!(events[..], [ClientEvent::Gap { local_pts: 0, pts: 3, .. }]), "{events:?}");
    assert!(device.machine.poll_question().is_none());
    assert_eq!(device.machine.standing(), Standing::Behind);
    device.now = START.after(Duration::from_millis(500));
    device.machine.handle_timeout(device.now);
    let (_, question) = device.question();
    let Question::GetDifference(asked) = question else { panic!("{question:?}") };
    assert_eq!(asked.pts, 0);
}

#[test]
fn a_reload_ends_although_the_server_ignores_where_a_page_begins() {
    let mut device = Device::caught_up();
    device.push(pushed((1..=8).map(|id| new_message(id, bob(), id as i32)).collect(), Vec::new()));
    too_long(&mut device, 100);
    let asked = reload(&mut device, |question| match question {
        Question::GetDrafts(_) => drafts(),
        Question::GetDialogs(_) => dialogs(),
        _ => history(vec![message(9, bob()), message(4, bob())]),
    });
    assert!(asked < 10, "{asked} questions");
    assert_eq!(device.ids(BOB), [4, 9], "the page says what there is");
    assert_eq!(device.replica.checkpoint().expect("checkpoint").pts, 100);
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
}

#[test]
fn a_reload_cut_off_by_a_crash_starts_again_and_shows_no_hole_meanwhile() {
    let mut device = Device::caught_up();
    device.push(pushed((1..=8).map(|id| new_message(id, bob(), id as i32)).collect(), Vec::new()));
    too_long(&mut device, 100);
    for answer in [drafts(), dialogs(), history(vec![message(9, bob()), message(7, bob())])] {
        let (id, _) = device.question();
        device.answer(id, answer);
    }
    assert_eq!(device.ids(BOB), [1, 2, 3, 4, 5, 6, 7, 9], "old rows below the page");
    let mut device = device.restarted();
    let (_, question) = device.question();
    let Question::GetDifference(asked) = question else { panic!("{question:?}") };
    assert_eq!(asked.pts, 8, "the checkpoint vouches for what was there before");
}

#[test]
fn a_reload_waits_and_asks_again_when_it_fails() {
    let mut device = Device::caught_up();
    too_long(&mut device, 100);
    let (id, question) = device.question();
    assert!(matches!(question, Question::GetDrafts(_)), "{question:?}");
    let failure = Failure { code: 500, message: "INTERNAL".into() };
    device.machine.handle_answer(START, id, Err(failure));
    device.settle();
    assert!(device.machine.poll_question().is_none());
    device.now = START.after(Duration::from_secs(2));
    assert_eq!(device.machine.poll_timeout(), Some(device.now.mono));
    device.machine.handle_timeout(device.now);
    assert!(matches!(device.question().1, Question::GetDrafts(_)));
}

#[test]
fn whoever_joins_a_large_group_fetches_its_history_then_follows_its_log() {
    let mut device = Device::caught_up();
    joined(&mut device);
    let mut device = device.restarted();
    let (id, question) = device.question();
    assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
    device.answer(id, empty());
    let pages = [vec![message(3, group()), message(2, group())], Vec::new()];
    for page in pages {
        let (id, question) = device.question();
        assert!(matches!(question, Question::GetHistory(_)), "{question:?}");
        device.answer(id, history(page));
    }
    let (id, question) = device.question();
    let Question::GetChatDifference(asked) = question else { panic!("{question:?}") };
    assert_eq!((asked.chat_id, asked.pts), (GROUP, 7));
    device.answer(id, empty());

    let inner = Box::new(new_message(8, group(), 8));
    let update = Update::UpdateOfChat(types::UpdateOfChat { chat_id: GROUP, update: inner });
    device.push(Updates::UpdateShort(types::UpdateShort { update, date: 1 }));
    assert_eq!(device.ids(-GROUP), [2, 3, 8]);
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), [(GROUP, 8)]);
    assert_eq!(device.replica.checkpoint().expect("checkpoint").pts, 1);

    let left = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 2, pts_count: 1 });
    device.push(pushed(vec![left], vec![large_group(true, 3, 9)]));
    assert_eq!(device.ids(-GROUP), [0_i64; 0]);
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), []);
}

/// Somebody is removed and added again, and an answer from between comes last.
#[test]
fn a_late_refusal_does_not_drop_a_group_that_the_user_is_back_in() {
    let mut device = follows_group();
    device.machine.updates_lost(device.now);
    let (own, _) = device.question();
    let (of_chat, question) = device.question();
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    device.answer(own, empty());
    device.machine.handle_answer(device.now, of_chat, refused());
    let (own, question) = device.question();
    assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
    device.answer(own, empty());
    assert_eq!(device.ids(-GROUP), [3]);
    device.now = device.now.after(Duration::from_secs(1));
    device.machine.handle_timeout(device.now);
    let (of_chat, question) = device.question();
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    device.answer(of_chat, empty());
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
    assert_eq!(device.ids(-GROUP), [3]);
}

#[test]
fn a_refusal_is_followed_by_the_own_log_which_tells_that_the_user_has_left() {
    let mut device = follows_group();
    device.machine.updates_lost(device.now);
    let (own, _) = device.question();
    let (of_chat, _) = device.question();
    device.answer(own, empty());
    device.machine.handle_answer(device.now, of_chat, refused());
    let (own, _) = device.question();
    let left = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 2, pts_count: 1 });
    let state = types::updates::State { pts: 2, qts: 0, date: 1, seq: 0, unread_count: 0 };
    let (updates, chats) = (vec![left], vec![large_group(true, 3, 9)]);
    let told = types::updates::Difference { updates, users: Vec::new(), chats, state };
    device.answer(own, Answer::Difference(Difference::Difference(told)));
    assert_eq!(device.ids(-GROUP), [0_i64; 0]);
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
    assert_eq!(device.machine.poll_question(), None);
}

#[test]
fn a_history_that_is_refused_is_not_taken_for_an_empty_one() {
    let mut device = Device::caught_up();
    joined(&mut device);
    let (id, _) = device.question();
    device.machine.handle_answer(device.now, id, refused());
    let (own, question) = device.question();
    assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
    device.answer(own, empty());
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), []);
    device.now =
        device.machine.poll_timeout().map_or(device.now, |at| Now { mono: at, ..device.now });
    device.machine.handle_timeout(device.now);
    for page in [vec![message(3, group())], Vec::new()] {
        let (id, question) = device.question();
        assert!(matches!(question, Question::GetHistory(_)), "{question:?}");
        device.answer(id, history(page));
    }
    assert_eq!(device.ids(-GROUP), [3]);
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), [(GROUP, 7)]);
}

/// The server has it, but a gap in the group's log was never filled.
#[test]
fn a_message_that_was_sent_before_its_author_left_does_not_wait_on() {
    let mut device = follows_group();
    let send = PendingSend { random_id: 9, peer_id: -GROUP, text: "last words".to_owned() };
    device.replica.begin_send(&send).expect("noted");
    let sent = types::messages::SentMessage { id: 12, date: 1, pts: 12, pts_count: 1 };
    device.machine.handle_local(device.now, Local::Sent { send, sent });
    device.settle();
    assert_eq!(device.replica.pending_sends().expect("sends").len(), 1, "its row is not there yet");
    device.push(pushed(Vec::new(), vec![large_group(true, 3, 13)]));
    assert_eq!(device.replica.pending_sends().expect("sends"), []);
    assert_eq!(device.ids(-GROUP), [0_i64; 0]);
}

#[test]
fn an_older_answer_does_not_bring_a_group_back() {
    let mut device = Device::caught_up();
    device.push(pushed(Vec::new(), vec![large_group(true, 3, 9)]));
    device.push(pushed(Vec::new(), vec![large_group(false, 2, 7)]));
    assert!(device.machine.poll_question().is_none());
    assert!(device.replica.chat(GROUP).expect("chat").expect("known").left);
}

#[test]
fn what_a_call_of_ours_has_moved_is_read_from_the_log() {
    let mut device = Device::caught_up();
    assert_eq!(device.machine.own_id(), ME);
    device.push(pushed(vec![new_message(1, bob(), 1)], Vec::new()));
    let affected = |pts| Local::Affected { peer_id: 0, pts };
    device.machine.handle_local(START, affected(1));
    device.settle();
    assert!(device.machine.poll_question().is_none(), "known already");
    device.machine.handle_local(START, affected(2));
    let (_, question) = device.question();
    let Question::GetDifference(asked) = question else { panic!("{question:?}") };
    assert_eq!(asked.pts, 1);
}

// --- what is lost, and what is told ---

#[test]
fn a_new_transport_asks_what_was_lost_unless_that_is_asked_already() {
    let mut device = Device::new();
    device.machine.ready(START);
    let id = device.asks_from(None, 0);
    device.answer(id, empty());
    device.asks_nothing();
    let mut device = Device::caught_up();
    for _ in 0..2 {
        device.machine.ready(START);
        let id = device.asks_from(None, 0);
        device.answer(id, empty());
        device.asks_nothing();
    }
    device.push(Updates::UpdatesTooLong);
    device.asks_from(None, 0);
}

#[test]
fn what_is_not_logged_is_told_and_does_not_count() {
    let mut device = Device::caught_up();
    let action = || SendMessageAction::SendMessageTypingAction;
    let status = types::UserStatusOnline { expires: 9 }.into();
    let typing = types::UpdateUserTyping { user_id: BOB, action: action() };
    let in_group = types::UpdateChatUserTyping { chat_id: 3, user_id: BOB, action: action() };
    let online = types::UpdateUserStatus { user_id: BOB, status };
    device.machine.lose_next_push();
    let told = device.push(short(typing.into()));
    assert!(matches!(&told[..], [ClientEvent::Typing(it)] if it.user_id == BOB), "{told:?}");
    let told = device.push(short(in_group.into()));
    assert!(matches!(&told[..], [ClientEvent::ChatTyping(it)] if it.chat_id == 3), "{told:?}");
    let told = device.push(short(online.into()));
    assert!(matches!(&told[..], [ClientEvent::Status(it)] if it.user_id == BOB), "{told:?}");
    let lost = device.push(pushed(vec![new_message(1, bob(), 1)], Vec::new()));
    assert!(matches!(lost[..], [ClientEvent::PushLost { pts: 1 }]), "{lost:?}");
    assert_eq!(device.ids(BOB), [0_i64; 0]);
}

#[test]
fn a_gap_is_told_when_it_opens_and_not_for_what_else_waits() {
    let mut device = Device::caught_up();
    let first = device.push(pushed(vec![new_message(1, bob(), 1)], Vec::new()));
    assert!(first.is_empty(), "{first:?}");
    let opens = device.push(pushed(vec![new_message(3, bob(), 3)], Vec::new()));
    assert!(matches!(opens[..], [ClientEvent::Gap { local_pts: 1, pts: 3, .. }]), "{opens:?}");
    let waits = device.push(pushed(vec![new_message(5, bob(), 5)], Vec::new()));
    assert!(waits.is_empty(), "{waits:?}");
}

#[test]
fn an_update_about_somebody_unknown_is_left_to_the_log_which_names_them() {
    let mut device = Device::caught_up();
    device.push(short(new_message(1, bob(), 1)));
    assert_eq!(device.ids(BOB), [0_i64; 0]);
    let id = device.asks_from(None, 0);
    device.answer(id, empty());
    device.machine.know([BOB]);
    device.push(short(new_message(1, bob(), 1)));
    assert_eq!(device.ids(BOB), [1]);
    device.asks_nothing();
}

#[test]
fn that_nobody_is_signed_in_is_told_once_and_asked_again() {
    let mut device = Device::new();
    let id = device.asks_from(None, 0);
    let told = device.fail(id, failure(500, "INTERNAL"));
    assert!(!told.iter().any(|it| matches!(it, ClientEvent::SignedOut)), "{told:?}");
    assert_eq!(device.machine.standing(), Standing::Behind);
    for (pause, wanted) in [(1000, 1), (2000, 0)] {
        device.wait(pause);
        let id = device.asks_from(None, 0);
        let told = device.fail(id, failure(401, "AUTH_KEY_UNREGISTERED"));
        let signed_out = told.iter().filter(|it| matches!(it, ClientEvent::SignedOut)).count();
        assert_eq!((signed_out, device.machine.standing()), (wanted, Standing::SignedOut));
    }
    device.wait(4000);
    let id = device.asks_from(None, 0);
    let told = device.answer(id, empty());
    assert!(matches!(told[..], [ClientEvent::InStep { pts: 0 }]), "{told:?}");
}

// --- a server that has lost its log ---

fn state(pts: i32) -> Answer {
    Answer::State(types::updates::State { pts, qts: 0, date: 1, seq: 0, unread_count: 0 })
}

#[test]
fn an_own_log_that_ends_before_the_replica_is_fetched_anew_and_no_other() {
    for (pts, anew) in [(7, true), (0, true), (8, false), (9, false)] {
        let mut device = Device::caught_up();
        let eight = (1..=8).map(|id| new_message(id, bob(), id as i32)).collect();
        device.push(pushed(eight, Vec::new()));
        device.machine.updates_lost(START);
        let id = device.asks_from(None, 8);
        device.fail(id, failure(400, "PERSISTENT_TIMESTAMP_INVALID"));
        let (id, question) = device.question();
        assert!(matches!(question, Question::GetState(_)), "{question:?}");
        device.answer(id, state(pts));
        if anew {
            device.asks_from(None, 0);
            assert_eq!(device.ids(BOB), [0_i64; 0]);
        } else {
            device.asks_nothing();
            device.wait(1000);
            device.asks_from(None, 8);
            assert_eq!(device.ids(BOB).len(), 8);
        }
    }
    let mut device = Device::new();
    let id = device.asks_from(None, 0);
    device.fail(id, failure(400, "LIMIT_INVALID"));
    device.wait(1000);
    device.asks_from(None, 0);
}

/// A member of the large group, with two of its messages, whose question from 7 on is open.
fn member() -> (Device, QuestionId) {
    let mut device = Device::caught_up();
    joined(&mut device);
    for page in [vec![message(3, group()), message(2, group())], Vec::new()] {
        let (id, _) = device.question();
        device.answer(id, history(page));
    }
    let id = device.asks_from(Some(GROUP), 7);
    assert_eq!(device.ids(-GROUP), [2, 3]);
    (device, id)
}

#[test]
fn a_group_that_refuses_is_read_anew_or_asked_again() {
    for (name, from) in [("PERSISTENT_TIMESTAMP_INVALID", 0), ("LIMIT_INVALID", 7)] {
        let (mut device, id) = member();
        device.fail(id, failure(400, name));
        if from == 7 {
            device.asks_nothing();
            device.wait(1000);
        }
        device.asks_from(Some(GROUP), from);
        let stands_at = device.replica.chat_checkpoints().expect("checkpoints");
        assert_eq!(stands_at, [(GROUP, from)], "{name}");
        assert_eq!(device.ids(-GROUP).len(), if from == 7 { 2 } else { 0 }, "{name}");
    }
}

#[test]
fn a_reload_drops_the_groups_that_the_server_does_not_list() {
    for listed in [false, true] {
        let (mut device, id) = member();
        device.answer(id, empty());
        too_long(&mut device, 100);
        let with_group = || {
            let Answer::Dialogs(mut answer) = dialogs() else { panic!() };
            if listed {
                let dialog = answer.dialogs[0].clone();
                answer.dialogs.push(types::Dialog { peer: group(), ..dialog });
                answer.chats.push(large_group(false, 2, 7));
            }
            Answer::Dialogs(answer)
        };
        let asked = reload(&mut device, |question| match question {
            Question::GetDrafts(_) => drafts(),
            Question::GetDialogs(_) => with_group(),
            Question::GetHistory(_) => history(vec![message(9, bob()), message(4, bob())]),
            _ => empty(),
        });
        assert!(asked < 10, "{asked} questions");
        let stays = if listed { vec![(GROUP, 7)] } else { vec![] };
        assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), stays);
        assert_eq!(device.ids(-GROUP).is_empty(), !listed);
        assert_eq!(device.ids(BOB), [4, 9]);
    }
}

// --- many things at once ---

#[test]
fn no_more_groups_are_followed_than_there_is_room_for() {
    let mut device = Device::new();
    let resumed = device.replica.resume().expect("resume").expect("signed in");
    let limits = Limits { mailboxes_max: 2, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    device.machine = SyncMachine::new(START, resumed, options);
    let id = device.asks_from(None, 0);
    device.answer(id, empty());
    let other = types::Chat { id: GROUP + 1, ..large_group(false, 2, 7) };
    device.push(pushed(Vec::new(), vec![large_group(false, 2, 7), other]));
    let (id, question) = device.question();
    assert!(matches!(question, Question::GetHistory(_)), "{question:?}");
    device.asks_nothing();
    device.answer(id, history(Vec::new()));
    device.asks_from(Some(GROUP), 7);
    device.asks_nothing();
}

#[test]
fn who_leaves_a_group_still_waits_for_the_other_answers() {
    let (mut device, of_group) = member();
    device.machine.updates_lost(START);
    let own = device.asks_from(None, 1);
    let left = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 2, pts_count: 1 });
    device.push(pushed(vec![left], vec![large_group(true, 3, 9)]));
    assert!(device.answer(of_group, empty()).is_empty(), "nobody asks any more");
    assert_eq!(device.machine.standing(), Standing::Behind);
    let difference = types::updates::Difference {
        updates: vec![new_message(30, bob(), 2)],
        users: vec![user(BOB, false)],
        chats: Vec::new(),
        state: types::updates::State { pts: 2, qts: 0, date: 1, seq: 0, unread_count: 0 },
    };
    device.answer(own, Answer::Difference(Difference::Difference(difference)));
    assert_eq!(device.ids(BOB), [30]);
}

#[test]
fn what_comes_later_is_stored_later() {
    let (mut device, id) = member();
    device.answer(id, empty());
    let inner = Box::new(new_message(8, group(), 8));
    let update = Update::UpdateOfChat(types::UpdateOfChat { chat_id: GROUP, update: inner });
    let read = types::UpdateReadHistory {
        outbox: false,
        peer: bob(),
        max_id: 9,
        still_unread_count: 0,
        pts: 2,
        pts_count: 1,
    };
    device.machine.handle_updates(START, short(update));
    device.machine.handle_updates(START, pushed(vec![read.into()], Vec::new()));
    device.machine.handle_updates(START, pushed(Vec::new(), vec![large_group(true, 3, 9)]));
    assert!(device.machine.poll_event().is_none(), "it is not stored");
    let told = device.settle();
    assert!(matches!(&told[..], [ClientEvent::Read(it)] if it.max_id == 9), "{told:?}");
    assert_eq!(device.ids(-GROUP), [0_i64; 0], "the group was left last");
}

#[test]
fn a_send_to_a_large_group_is_settled_when_its_log_has_come_so_far() {
    let (mut device, id) = member();
    device.answer(id, empty());
    let send = PendingSend { random_id: 77, peer_id: -GROUP, text: "mine".into() };
    device.replica.begin_send(&send).expect("begin");
    let sent = types::messages::SentMessage { id: 9, date: 1, pts: 9, pts_count: 1 };
    device.machine.handle_local(START, Local::Sent { send, sent });
    device.settle();
    assert_eq!(device.replica.pending_sends().expect("pending").len(), 1, "8 is missing");
    device.wait(500);
    let id = device.asks_from(Some(GROUP), 7);
    let own = types::Message { out: true, from_id: ME, ..message(9, group()) };
    let own = types::UpdateNewMessage { message: own, pts: 9, pts_count: 1 };
    let difference = types::updates::Difference {
        updates: vec![new_message(8, group(), 8), own.into()],
        users: vec![user(BOB, false)],
        chats: Vec::new(),
        state: types::updates::State { pts: 9, qts: 0, date: 1, seq: 0, unread_count: 0 },
    };
    device.answer(id, Answer::Difference(Difference::Difference(difference)));
    assert_eq!(device.ids(-GROUP), [2, 3, 8, 9]);
    assert_eq!(device.replica.pending_sends().expect("pending"), []);
}

#[test]
fn whom_an_update_speaks_of_is_known_before_it_is_stored() {
    let (of, by_me) = (message(1, bob()), message(1, group()));
    let by_me = types::Message { from_id: ME, ..by_me };
    let in_own = |action: MessageAction| {
        let saved = Peer::PeerUser(types::PeerUser { user_id: ME });
        let message = types::Message { from_id: ME, action: Some(action), ..message(1, saved) };
        Update::from(types::UpdateNewMessage { message, pts: 1, pts_count: 1 })
    };
    let create = types::MessageActionChatCreate { title: "T".into(), users: vec![ME, BOB] };
    let add = types::MessageActionChatAddUser { users: vec![BOB] };
    let remove = types::MessageActionChatDeleteUser { user_id: BOB };
    let draft = types::DraftMessage { message: "d".into(), date: 1 }.into();
    let (pts, pts_count, random_id) = (1, 1, 77);
    let read = types::UpdateReadHistory {
        outbox: false,
        peer: bob(),
        max_id: 1,
        still_unread_count: 0,
        pts,
        pts_count,
    };
    let deleted = types::UpdateDeleteMessages {
        peer: bob(),
        messages: vec![1],
        still_unread_count: 0,
        pts,
        pts_count,
    };
    for (update, names_somebody) in [
        (new_message(1, bob(), 1), true),
        (types::UpdateMessageSent { message: by_me, random_id, pts, pts_count }.into(), true),
        (types::UpdateEditMessage { message: of, pts, pts_count }.into(), true),
        (read.into(), true),
        (types::UpdateDraftMessage { peer: group(), draft, pts, pts_count }.into(), true),
        (types::UpdateChat { chat_id: GROUP, pts, pts_count }.into(), true),
        (in_own(create.into()), true),
        (in_own(add.into()), true),
        (in_own(remove.into()), true),
        (deleted.into(), false),
    ] {
        let mut device = Device::caught_up();
        device.push(short(update));
        if names_somebody {
            device.asks_from(None, 0);
        } else {
            device.asks_nothing();
            assert_eq!(device.machine.checkpoint(Mailbox::Own), Some(1));
        }
    }
}

#[test]
fn a_send_in_its_turn_is_stored_in_its_dialog() {
    for (peer_id, pts, mailbox) in [(BOB, 2, Mailbox::Own), (-GROUP, 8, Mailbox::Chat(GROUP))] {
        let (mut device, id) = member();
        device.answer(id, empty());
        let send = PendingSend { random_id: 77, peer_id, text: "mine".into() };
        device.replica.begin_send(&send).expect("begin");
        let sent = types::messages::SentMessage { id: 9, date: 1, pts, pts_count: 1 };
        device.machine.handle_local(START, Local::Sent { send, sent });
        device.settle();
        assert_eq!(device.ids(peer_id).last(), Some(&9));
        let row = device.replica.history(peer_id, 0, 1).expect("history").remove(0);
        assert_eq!((row.from_id, row.out, row.text.as_str()), (ME, true, "mine"));
        assert_eq!(device.machine.checkpoint(mailbox), Some(pts));
        assert_eq!(device.replica.pending_sends().expect("pending"), []);
        device.asks_nothing();
    }
}
