//! The sync machine and the groups the user has left, or that the server has lost messages of.

#[path = "common/machine.rs"]
mod machine;

use machine::{
    BOB, Device, GROUP, bob, dialogs, drafts, empty, failure, follows_group, group, history,
    joined, large_group, message, new_message, pushed, refused, reload, too_long, user,
};
use odnix_client_ref::replica::PendingSend;
use odnix_client_ref::sync::{Answer, Local, Question, Standing};
use odnix_proto::Now;
use odnix_tl::odnix::enums::{InputPeer, Update, updates::Difference};
use odnix_tl::odnix::types;
use std::time::Duration;

/// Lets the pause of a refused question pass.
fn wait(device: &mut Device) {
    let due = device.machine.poll_timeout().expect("a pause");
    device.now = Now { mono: due, ..device.now };
    device.machine.handle_timeout(device.now);
}

/// The next question is refused, and the own log says nothing new after it.
fn refuse(device: &mut Device) -> Question {
    let (id, question) = device.question();
    device.machine.handle_answer(device.now, id, refused());
    let (own, asked) = device.question();
    assert!(matches!(asked, Question::GetDifference(_)), "{asked:?}");
    device.answer(own, empty());
    question
}

fn assert_has_left(mut device: Device) {
    assert_eq!(device.machine.poll_question(), None);
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
    assert_eq!(device.ids(-GROUP), [0_i64; 0]);
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), []);
    let mut device = device.restarted();
    let (own, question) = device.question();
    assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
    device.answer(own, empty());
    assert_eq!(device.machine.poll_question(), None);
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
}

/// The place in the own log is past the update that the user has left.
#[test]
fn a_group_that_is_refused_again_after_the_own_log_was_asked_is_left() {
    let mut device = follows_group();
    device.machine.updates_lost(device.now);
    let (own, _) = device.question();
    device.answer(own, empty());
    let question = refuse(&mut device);
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    assert_eq!(device.ids(-GROUP), [3], "the user may be back");
    wait(&mut device);
    let question = refuse(&mut device);
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    assert_has_left(device);
}

#[test]
fn a_group_to_join_that_is_refused_again_after_the_own_log_was_asked_is_left() {
    let mut device = Device::caught_up();
    joined(&mut device);
    let mut device = device.restarted();
    let (own, _) = device.question();
    device.answer(own, empty());
    for _ in 0..2 {
        let question = refuse(&mut device);
        assert!(matches!(question, Question::GetHistory(_)), "{question:?}");
        if device.machine.standing() != Standing::CaughtUp {
            wait(&mut device);
        }
    }
    assert_has_left(device);
}

/// The own log has to be asked after the refusal, and to answer.
#[test]
fn a_group_is_not_left_before_the_own_log_has_answered() {
    let mut device = follows_group();
    device.machine.updates_lost(device.now);
    let (own, _) = device.question();
    let (of_chat, _) = device.question();
    device.machine.handle_answer(device.now, of_chat, refused());
    device.settle();
    device.now = device.now.after(Duration::from_secs(1));
    device.machine.handle_timeout(device.now);
    let (of_chat, question) = device.question();
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    // What was asked before the first refusal does not count.
    device.answer(own, empty());
    let (own, question) = device.question();
    assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
    device.machine.handle_answer(device.now, of_chat, refused());
    device.settle();
    assert_eq!(device.ids(-GROUP), [3]);
    device.answer(own, empty());
    assert_eq!(device.ids(-GROUP), [3]);
}

/// Two refusals, and an answer between them: the own log is asked anew.
#[test]
fn a_group_that_was_answered_for_between_two_refusals_is_not_left() {
    let mut device = follows_group();
    for _ in 0..3 {
        device.machine.updates_lost(device.now);
        let (own, _) = device.question();
        device.answer(own, empty());
        refuse(&mut device);
        assert_eq!(device.ids(-GROUP), [3]);
        wait(&mut device);
        let (of_chat, question) = device.question();
        assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
        device.answer(of_chat, empty());
        assert_eq!(device.machine.standing(), Standing::CaughtUp);
    }
}

/// Two refusals, and the return of the user between them.
#[test]
fn a_group_that_the_own_log_speaks_of_between_two_refusals_is_not_left() {
    let mut device = follows_group();
    device.machine.updates_lost(device.now);
    let (own, _) = device.question();
    device.answer(own, empty());
    refuse(&mut device);
    let back = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 2, pts_count: 1 });
    device.push(pushed(vec![back], vec![large_group(false, 4, 9)]));
    wait(&mut device);
    refuse(&mut device);
    assert_eq!(device.ids(-GROUP), [3]);
    wait(&mut device);
    let (of_chat, question) = device.question();
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    device.answer(of_chat, empty());
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
}

/// Fetches the history of what the server lists: the dialog with Bob.
fn reload_without_the_group(device: &mut Device) {
    reload(device, |question| match question {
        Question::GetDrafts(_) => drafts(),
        Question::GetDialogs(_) => dialogs(),
        _ => history(vec![message(9, bob())]),
    });
}

#[test]
fn a_followed_group_that_is_not_listed_is_left_for_good() {
    let mut device = follows_group();
    too_long(&mut device, 100);
    let (of_chat, _) = device.question();
    device.answer(of_chat, empty());
    reload_without_the_group(&mut device);
    assert_has_left(device);
}

#[test]
fn a_group_to_join_that_is_not_listed_is_left_for_good() {
    let mut device = Device::caught_up();
    joined(&mut device);
    let mut device = device.restarted();
    too_long(&mut device, 100);
    let mut listed = false;
    let group = InputPeer::InputPeerChat(types::InputPeerChat { chat_id: GROUP });
    // The group's own history has no answer yet.
    for _ in 0..20 {
        device.settle();
        let Some((id, question)) = device.machine.poll_question() else { break };
        let answer = match &question {
            Question::GetDrafts(_) => drafts(),
            Question::GetDialogs(_) => dialogs(),
            Question::GetHistory(it) if it.peer == group => continue,
            Question::GetHistory(_) => history(Vec::new()),
            _ => empty(),
        };
        listed |= matches!(question, Question::GetDialogs(_));
        device.answer(id, answer);
    }
    assert!(listed);
    assert_has_left(device);
}

/// The server acknowledges a message at a place that the replica has not reached.
fn send_ahead(device: &mut Device, peer_id: i64, pts: i32) {
    let send = PendingSend { random_id: 9, peer_id, text: "kept".to_owned() };
    device.replica.begin_send(&send).expect("noted");
    let sent = types::messages::SentMessage { id: i64::from(pts), date: 1, pts, pts_count: 1 };
    device.machine.handle_local(device.now, Local::Sent { send, sent });
    device.settle();
    assert!(!device.machine.take_sends_doubted());
}

fn difference(updates: Vec<Update>, chats: Vec<types::Chat>, pts: i32) -> Answer {
    let state = types::updates::State { pts, qts: 0, date: 1, seq: 0, unread_count: 0 };
    let users = vec![user(BOB, false)];
    let told = types::updates::Difference { updates, users, chats, state };
    Answer::Difference(Difference::Difference(told))
}

/// The server is restored from an older state: its log of the user is empty.
fn restore_server(device: &mut Device) {
    device.machine.updates_lost(device.now);
    let (own, question) = device.question();
    assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
    let ahead = failure(400, "PERSISTENT_TIMESTAMP_INVALID");
    device.machine.handle_answer(device.now, own, Err(ahead));
    let state = types::updates::State { pts: 0, qts: 0, date: 1, seq: 0, unread_count: 0 };
    loop {
        let (id, question) = device.question();
        if matches!(question, Question::GetState(_)) {
            device.answer(id, Answer::State(state));
            return;
        }
    }
}

/// The message waits, and is to be sent again.
fn assert_sent_again(device: &mut Device) {
    let waiting = device.replica.pending_sends().expect("sends");
    assert_eq!(waiting.iter().map(|it| it.random_id).collect::<Vec<_>>(), [9]);
    assert!(device.machine.take_sends_doubted());
    assert!(!device.machine.take_sends_doubted(), "once");
}

#[test]
fn a_message_to_a_group_that_the_server_may_have_lost_is_sent_again() {
    let mut device = follows_group();
    send_ahead(&mut device, -GROUP, 12);
    restore_server(&mut device);
    assert_sent_again(&mut device);
    let (own, question) = device.question();
    let Question::GetDifference(asked) = question else { panic!("{question:?}") };
    assert_eq!(asked.pts, 0);
    let chat = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 1, pts_count: 1 });
    device.answer(own, difference(vec![chat], vec![large_group(false, 2, 20)], 1));
    reload(&mut device, |question| match question {
        Question::GetHistory(_) => history(Vec::new()),
        _ => empty(),
    });
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), [(GROUP, 20)]);
    assert_eq!(device.replica.pending_sends().expect("sends").len(), 1, "it is not there");
}

#[test]
fn a_message_to_a_user_that_the_server_may_have_lost_is_sent_again() {
    let mut device = Device::caught_up();
    device.push(pushed(vec![new_message(1, bob(), 1)], Vec::new()));
    send_ahead(&mut device, BOB, 3);
    restore_server(&mut device);
    assert_sent_again(&mut device);
    let (own, _) = device.question();
    let others = (1..=4).map(|id| new_message(id, bob(), id as i32)).collect();
    device.answer(own, difference(others, Vec::new(), 4));
    assert_eq!(device.replica.checkpoint().expect("checkpoint").pts, 4);
    assert_eq!(device.replica.pending_sends().expect("sends").len(), 1, "it is not there");
}

#[test]
fn a_message_that_the_log_of_its_group_may_have_lost_is_sent_again() {
    let mut device = follows_group();
    send_ahead(&mut device, -GROUP, 9);
    device.machine.updates_lost(device.now);
    let (own, _) = device.question();
    let (of_chat, question) = device.question();
    assert!(matches!(question, Question::GetChatDifference(_)), "{question:?}");
    device.answer(own, empty());
    let ahead = failure(400, "PERSISTENT_TIMESTAMP_INVALID");
    device.machine.handle_answer(device.now, of_chat, Err(ahead));
    device.settle();
    assert_sent_again(&mut device);
    let (of_chat, question) = device.question();
    let Question::GetChatDifference(asked) = question else { panic!("{question:?}") };
    assert_eq!(asked.pts, 0);
    let others = (1..=10).map(|id| new_message(id, group(), id as i32)).collect();
    device.answer(of_chat, difference(others, Vec::new(), 10));
    assert_eq!(device.replica.chat_checkpoints().expect("checkpoints"), [(GROUP, 10)]);
    assert_eq!(device.ids(-GROUP).len(), 10);
    assert_eq!(device.replica.pending_sends().expect("sends").len(), 1, "it is not there");
}
