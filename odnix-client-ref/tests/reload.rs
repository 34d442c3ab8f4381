//! Reloads: the history itself is fetched where the log does not reach, against a server that
//! goes on while it is asked.

#[path = "common/machine.rs"]
mod machine;

use machine::{
    BOB, Device, GROUP, bob, dialogs, drafts, empty, failure, history, large_group, message,
    new_message, pushed, too_long, user,
};
use odnix_client_ref::ClientEvent;
use odnix_client_ref::sync::{Answer, Question};
use odnix_tl::odnix::enums::{DraftMessage, InputPeer, Peer};
use odnix_tl::odnix::types;

fn person(user_id: i64) -> Peer {
    Peer::PeerUser(types::PeerUser { user_id })
}

/// A server whose dialogs are those with these users, the newest first, each with its newest
/// message and the one below; it shows two dialogs at once.
struct Server {
    dialogs: Vec<(i64, i64)>,
    offsets: Vec<i64>,
}

impl Server {
    fn answer(&mut self, question: &Question) -> Answer {
        match question {
            Question::GetDifference(_) | Question::GetChatDifference(_) => empty(),
            Question::GetState(_) => panic!("{question:?}"),
            Question::GetDrafts(_) => {
                let draft = types::DraftMessage { message: "half".into(), date: 1 };
                let draft = DraftMessage::from(draft);
                let drafts = vec![types::PeerDraft { peer: person(30), draft }];
                let (chats, users) = (vec![small_group(31)], vec![user(30, false)]);
                Answer::Drafts(types::messages::Drafts { drafts, chats, users })
            }
            Question::GetDialogs(it) => self.page(it.offset_id),
            Question::GetHistory(it) => {
                let InputPeer::InputPeerUser(peer) = &it.peer else { panic!("{it:?}") };
                let (peer_id, top) =
                    *self.dialogs.iter().find(|(id, _)| *id == peer.user_id).unwrap();
                let before = if it.offset_id == 0 { i64::MAX } else { it.offset_id };
                let messages = [top, top - 1].into_iter().filter(|id| *id < before);
                let of = |id| types::Message { from_id: 40, ..message(id, person(peer_id)) };
                Answer::History(types::messages::Messages {
                    count: 2,
                    messages: messages.take(1).map(of).collect(),
                    chats: vec![small_group(41)],
                    users: vec![user(40, false)],
                })
            }
        }
    }

    fn page(&mut self, offset: i64) -> Answer {
        self.offsets.push(offset);
        let below = self.dialogs.iter().filter(|(_, top)| offset == 0 || *top < offset);
        let listed: Vec<(i64, i64)> = below.take(2).copied().collect();
        let dialog = |(id, top): &(i64, i64)| types::Dialog {
            peer: person(*id),
            top_message: *top,
            read_inbox_max_id: *top - 1,
            read_outbox_max_id: 0,
            unread_count: 1,
            pts: None,
            draft: None,
        };
        Answer::Dialogs(types::messages::Dialogs {
            count: 5,
            dialogs: listed.iter().map(dialog).collect(),
            messages: Vec::new(),
            chats: vec![small_group(51)],
            users: listed.iter().map(|(id, _)| user(*id, false)).collect(),
        })
    }
}

fn small_group(id: i64) -> types::Chat {
    types::Chat { id, large: false, pts: None, ..large_group(false, 1, 0) }
}

/// Lets the device ask until it has no question; what it told meanwhile.
fn run(device: &mut Device, mut answer: impl FnMut(&Question) -> Answer) -> Vec<ClientEvent> {
    let mut told = Vec::new();
    for _ in 0..100 {
        told.extend(device.settle());
        let Some((id, question)) = device.machine.poll_question() else { return told };
        told.extend(device.answer(id, answer(&question)));
    }
    panic!("the reload does not end");
}

#[test]
fn a_reload_walks_down_all_dialogs_and_again_until_nothing_new_has_come_on_top() {
    for moves in [false, true] {
        let mut device = Device::caught_up();
        let gone = types::Message { from_id: 9, ..message(3, person(9)) };
        let gone = types::UpdateNewMessage { message: gone, pts: 1, pts_count: 1 };
        device.machine.know([9]);
        device.push(pushed(vec![gone.into()], Vec::new()));
        assert_eq!(device.ids(9), [3]);
        too_long(&mut device, 100);
        let dialogs = vec![(2, 50), (3, 40), (4, 30), (5, 20), (6, 10)];
        let mut server = Server { dialogs, offsets: Vec::new() };
        let told = run(&mut device, |question| {
            let answer = server.answer(question);
            // The last dialog gets a message while the first page is read.
            if moves && server.offsets.len() == 1 && server.dialogs[0].0 == 2 {
                server.dialogs.pop();
                server.dialogs.insert(0, (6, 60));
            }
            answer
        });
        // Down, and from the top once more; where something had moved, until that is settled too.
        let wanted: &[i64] = if moves { &[0, 40, 20, 0, 0] } else { &[0, 40, 20, 10, 0] };
        assert_eq!(server.offsets, wanted, "moves: {moves}");
        for (user_id, top) in &server.dialogs {
            assert_eq!(device.ids(*user_id), [top - 1, *top]);
            assert!(device.replica.user(*user_id).unwrap().is_some());
        }
        assert_eq!(device.ids(9), [0_i64; 0], "the server does not list it");
        let reloaded =
            |it: &ClientEvent| matches!(it, ClientEvent::HistoryReloaded { messages: 10 });
        assert!(told.iter().any(reloaded), "{told:?}");
        let rows = device.replica.dialogs().unwrap();
        assert!(rows.iter().all(|row| row.read.inbox_max_id == row.top_message - 1), "{rows:?}");
        assert_eq!(device.replica.draft(30).unwrap().unwrap().text, "half");
        for user_id in [30, 40] {
            assert!(device.replica.user(user_id).unwrap().is_some(), "{user_id}");
        }
        for chat_id in [31, 41, 51] {
            assert!(device.replica.chat(chat_id).unwrap().is_some(), "{chat_id}");
        }
        assert_eq!(device.replica.checkpoint().unwrap().pts, 100);
    }
}

#[test]
fn a_history_that_is_refused_is_passed_over_and_one_that_fails_is_asked_again() {
    for (code, again) in [(400, false), (500, true), (0, true)] {
        let mut device = Device::caught_up();
        too_long(&mut device, 100);
        for answer in [drafts(), dialogs()] {
            let (id, _) = device.question();
            device.answer(id, answer);
        }
        let (id, question) = device.question();
        assert!(matches!(question, Question::GetHistory(_)), "{question:?}");
        device.fail(id, failure(code, "REFUSED"));
        if again {
            for early in [0, 1999] {
                device.wait(early);
                device.asks_nothing();
            }
            device.wait(1);
            assert!(matches!(device.question().1, Question::GetHistory(_)));
        } else {
            assert!(matches!(device.question().1, Question::GetDialogs(_)), "once more");
        }
    }
}

#[test]
fn few_reloads_ask_at_the_same_time() {
    let mut device = Device::caught_up();
    let groups = (0..6).map(|it| types::Chat { id: GROUP + it, ..large_group(false, 2, 7) });
    device.push(pushed(vec![new_message(1, bob(), 1)], groups.collect()));
    assert_eq!(device.ids(BOB), [1]);
    let mut open: Vec<_> = std::iter::from_fn(|| device.machine.poll_question()).collect();
    assert_eq!(open.len(), 4);
    let (id, _) = open.pop().unwrap();
    device.answer(id, history(Vec::new()));
    // The log of the group that is done, and the next reload.
    let next: Vec<_> = std::iter::from_fn(|| device.machine.poll_question()).collect();
    let [(_, Question::GetChatDifference(_)), (_, Question::GetHistory(_))] = &next[..] else {
        panic!("{next:?}")
    };
}
