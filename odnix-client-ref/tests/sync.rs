//! The sync machine without a server: what it asks, what it stores, and that it ends.

use odnix_client_ref::ClientEvent;
use odnix_client_ref::replica::{PendingSend, Replica};
use odnix_client_ref::sync::{
    Answer, Failure, Local, Options, Question, QuestionId, Standing, SyncMachine,
};
use odnix_proto::{Instant, Now, UnixTime};
use odnix_tl::odnix::enums::{Peer, Update, Updates, updates::Difference};
use odnix_tl::odnix::types;
use std::time::Duration;

const ME: i64 = 1;
const BOB: i64 = 2;
const GROUP: i64 = 5;
const START: Now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_700_000_000));

fn user(id: i64, self_: bool) -> types::User {
    types::User {
        self_,
        contact: false,
        id,
        access_hash: id,
        username: format!("user{id}"),
        first_name: "U".into(),
        status: None,
    }
}

fn message(id: i64, peer_id: Peer) -> types::Message {
    types::Message {
        out: false,
        id,
        from_id: BOB,
        peer_id,
        date: 1,
        message: format!("line {id}"),
        media: None,
        action: None,
        edit_date: None,
    }
}

fn bob() -> Peer {
    Peer::PeerUser(types::PeerUser { user_id: BOB })
}

fn group() -> Peer {
    Peer::PeerChat(types::PeerChat { chat_id: GROUP })
}

fn large_group(left: bool, version: i32, pts: i32) -> types::Chat {
    types::Chat {
        left,
        creator: false,
        large: true,
        id: GROUP,
        title: "Large".into(),
        date: 1,
        participants_count: 2,
        version,
        pts: Some(pts),
    }
}

fn new_message(id: i64, peer: Peer, pts: i32) -> Update {
    let message = message(id, peer);
    Update::UpdateNewMessage(types::UpdateNewMessage { message, pts, pts_count: 1 })
}

fn pushed(updates: Vec<Update>, chats: Vec<types::Chat>) -> Updates {
    let users = vec![user(BOB, false)];
    Updates::Updates(types::Updates { updates, users, chats, date: 1, seq: 0 })
}

fn history(messages: Vec<types::Message>) -> Answer {
    let users = vec![user(BOB, false)];
    let count = 1;
    Answer::History(types::messages::Messages { count, messages, chats: Vec::new(), users })
}

fn empty() -> Answer {
    let empty = types::updates::DifferenceEmpty { date: 1, seq: 0 };
    Answer::Difference(Difference::DifferenceEmpty(empty))
}

/// A machine and its replica.
struct Device {
    machine: SyncMachine,
    replica: Replica,
    now: Now,
}

impl Device {
    fn new() -> Self {
        let mut replica = Replica::in_memory(1).expect("replica");
        replica.save_own_user(&user(ME, true)).expect("own user");
        Self::resume(replica)
    }

    fn resume(replica: Replica) -> Self {
        let resumed = replica.resume().expect("resume").expect("signed in");
        let machine = SyncMachine::new(START, resumed, Options::default());
        Self { machine, replica, now: START }
    }

    /// As after a crash: only the replica is left.
    fn restarted(self) -> Self {
        Self::resume(self.replica)
    }

    fn caught_up() -> Self {
        let mut device = Self::new();
        let (id, question) = device.question();
        assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
        device.answer(id, empty());
        assert_eq!(device.machine.standing(), Standing::CaughtUp);
        device
    }

    fn settle(&mut self) -> Vec<ClientEvent> {
        while let Some(batch) = self.machine.take_batch() {
            self.replica.apply(&batch).expect("apply");
        }
        std::iter::from_fn(|| self.machine.poll_event()).collect()
    }

    fn question(&mut self) -> (QuestionId, Question) {
        self.settle();
        self.machine.poll_question().expect("a question")
    }

    fn answer(&mut self, id: QuestionId, answer: Answer) -> Vec<ClientEvent> {
        self.machine.handle_answer(self.now, id, Ok(answer));
        self.settle()
    }

    fn push(&mut self, updates: Updates) -> Vec<ClientEvent> {
        self.machine.handle_updates(self.now, updates);
        self.settle()
    }

    fn ids(&self, peer_id: i64) -> Vec<i64> {
        let rows = self.replica.history(peer_id, 0, 1000).expect("history");
        rows.iter().map(|row| row.id).collect()
    }
}

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

/// Runs a reload to its end against a server that answers every page as `answer` says.
fn reload(device: &mut Device, answer: impl Fn(&Question) -> Answer) -> usize {
    for asked in 0..100 {
        device.settle();
        let Some((id, question)) = device.machine.poll_question() else { return asked };
        let is_difference = matches!(question, Question::GetDifference(_));
        device.answer(id, if is_difference { empty() } else { answer(&question) });
    }
    panic!("the reload does not end");
}

fn too_long(device: &mut Device, pts: i32) {
    device.machine.updates_lost(device.now);
    let (id, _) = device.question();
    let too_long = types::updates::DifferenceTooLong { pts };
    device.answer(id, Answer::Difference(Difference::DifferenceTooLong(too_long)));
}

fn dialogs() -> Answer {
    let dialog = types::Dialog {
        peer: bob(),
        top_message: 9,
        read_inbox_max_id: 0,
        read_outbox_max_id: 0,
        unread_count: 0,
        pts: None,
        draft: None,
    };
    Answer::Dialogs(types::messages::Dialogs {
        count: 1,
        dialogs: vec![dialog],
        messages: Vec::new(),
        chats: Vec::new(),
        users: vec![user(BOB, false)],
    })
}

fn drafts() -> Answer {
    let (drafts, chats, users) = Default::default();
    Answer::Drafts(types::messages::Drafts { drafts, chats, users })
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

fn joined(device: &mut Device) {
    let chat = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 1, pts_count: 1 });
    device.push(pushed(vec![chat], vec![large_group(false, 2, 7)]));
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

fn refused() -> Result<Answer, Failure> {
    Err(Failure { code: 400, message: "CHAT_ID_INVALID".to_owned() })
}

/// A device that follows the group, at pts 7, and holds its message 3.
fn follows_group() -> Device {
    let mut device = Device::caught_up();
    joined(&mut device);
    for page in [vec![message(3, group())], Vec::new()] {
        let (id, _) = device.question();
        device.answer(id, history(page));
    }
    let (id, _) = device.question();
    device.answer(id, empty());
    assert_eq!(device.machine.standing(), Standing::CaughtUp);
    device
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
