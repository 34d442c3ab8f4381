//! A sync machine with its replica, and what a server may say to it.

#![allow(dead_code, reason = "each test program uses its own part")]

use odnix_client_ref::ClientEvent;
use odnix_client_ref::replica::Replica;
use odnix_client_ref::sync::{
    Answer, Failure, Options, Question, QuestionId, Standing, SyncMachine,
};
use odnix_proto::{Instant, Now, UnixTime};
use odnix_tl::odnix::enums::{Peer, Update, Updates, updates::Difference};
use odnix_tl::odnix::types;
use std::time::Duration;

pub const ME: i64 = 11;
pub const BOB: i64 = 2;
pub const GROUP: i64 = 5;
pub const START: Now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_700_000_000));

pub fn user(id: i64, self_: bool) -> types::User {
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

pub fn message(id: i64, peer_id: Peer) -> types::Message {
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

pub fn bob() -> Peer {
    Peer::PeerUser(types::PeerUser { user_id: BOB })
}

pub fn group() -> Peer {
    Peer::PeerChat(types::PeerChat { chat_id: GROUP })
}

pub fn large_group(left: bool, version: i32, pts: i32) -> types::Chat {
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

pub fn new_message(id: i64, peer: Peer, pts: i32) -> Update {
    let message = message(id, peer);
    Update::UpdateNewMessage(types::UpdateNewMessage { message, pts, pts_count: 1 })
}

pub fn pushed(updates: Vec<Update>, chats: Vec<types::Chat>) -> Updates {
    let users = vec![user(BOB, false)];
    Updates::Updates(types::Updates { updates, users, chats, date: 1, seq: 0 })
}

pub fn history(messages: Vec<types::Message>) -> Answer {
    let users = vec![user(BOB, false)];
    let count = 1;
    Answer::History(types::messages::Messages { count, messages, chats: Vec::new(), users })
}

pub fn empty() -> Answer {
    let empty = types::updates::DifferenceEmpty { date: 1, seq: 0 };
    Answer::Difference(Difference::DifferenceEmpty(empty))
}

/// A machine and its replica.
pub struct Device {
    pub machine: SyncMachine,
    pub replica: Replica,
    pub now: Now,
}

impl Device {
    pub fn new() -> Self {
        let mut replica = Replica::in_memory(1).expect("replica");
        replica.save_own_user(&user(ME, true)).expect("own user");
        Self::resume(replica)
    }

    pub fn resume(replica: Replica) -> Self {
        let resumed = replica.resume().expect("resume").expect("signed in");
        let machine = SyncMachine::new(START, resumed, Options::default());
        Self { machine, replica, now: START }
    }

    /// As after a crash: only the replica is left.
    pub fn restarted(self) -> Self {
        Self::resume(self.replica)
    }

    pub fn caught_up() -> Self {
        let mut device = Self::new();
        let (id, question) = device.question();
        assert!(matches!(question, Question::GetDifference(_)), "{question:?}");
        device.answer(id, empty());
        assert_eq!(device.machine.standing(), Standing::CaughtUp);
        device
    }

    pub fn settle(&mut self) -> Vec<ClientEvent> {
        while let Some(batch) = self.machine.take_batch() {
            self.replica.apply(&batch).expect("apply");
        }
        std::iter::from_fn(|| self.machine.poll_event()).collect()
    }

    pub fn question(&mut self) -> (QuestionId, Question) {
        self.settle();
        self.machine.poll_question().expect("a question")
    }

    pub fn answer(&mut self, id: QuestionId, answer: Answer) -> Vec<ClientEvent> {
        self.machine.handle_answer(self.now, id, Ok(answer));
        self.settle()
    }

    pub fn push(&mut self, updates: Updates) -> Vec<ClientEvent> {
        self.machine.handle_updates(self.now, updates);
        self.settle()
    }

    pub fn ids(&self, peer_id: i64) -> Vec<i64> {
        let rows = self.replica.history(peer_id, 0, 1000).expect("history");
        rows.iter().map(|row| row.id).collect()
    }

    pub fn fail(&mut self, id: QuestionId, failure: Failure) -> Vec<ClientEvent> {
        self.machine.handle_answer(self.now, id, Err(failure));
        self.settle()
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
        self.machine.handle_timeout(self.now);
    }

    /// The next question is for the difference of this log from there on; it is left open.
    pub fn asks_from(&mut self, chat_id: Option<i64>, pts: i32) -> QuestionId {
        let (id, question) = self.question();
        let asked = match &question {
            Question::GetDifference(it) => (None, it.pts),
            Question::GetChatDifference(it) => (Some(it.chat_id), it.pts),
            other => panic!("{other:?}"),
        };
        assert_eq!(asked, (chat_id, pts));
        id
    }

    pub fn asks_nothing(&mut self) {
        self.settle();
        let question = self.machine.poll_question();
        assert!(question.is_none(), "{question:?}");
    }
}

/// Runs a reload to its end against a server that answers every page as `answer` says.
pub fn reload(device: &mut Device, answer: impl Fn(&Question) -> Answer) -> usize {
    for asked in 0..100 {
        device.settle();
        let Some((id, question)) = device.machine.poll_question() else { return asked };
        let is_difference = matches!(question, Question::GetDifference(_));
        device.answer(id, if is_difference { empty() } else { answer(&question) });
    }
    panic!("the reload does not end");
}

pub fn too_long(device: &mut Device, pts: i32) {
    device.machine.updates_lost(device.now);
    let (id, _) = device.question();
    let too_long = types::updates::DifferenceTooLong { pts };
    device.answer(id, Answer::Difference(Difference::DifferenceTooLong(too_long)));
}

pub fn dialogs() -> Answer {
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

pub fn drafts() -> Answer {
    let (drafts, chats, users) = Default::default();
    Answer::Drafts(types::messages::Drafts { drafts, chats, users })
}

pub fn failure(code: i32, message: &str) -> Failure {
    Failure { code, message: message.into() }
}

pub fn short(update: Update) -> Updates {
    Updates::UpdateShort(types::UpdateShort { update, date: 1 })
}

/// The user is added to the group.
pub fn joined(device: &mut Device) {
    let chat = Update::UpdateChat(types::UpdateChat { chat_id: GROUP, pts: 1, pts_count: 1 });
    device.push(pushed(vec![chat], vec![large_group(false, 2, 7)]));
}

/// The user is no member, the server says.
pub fn refused() -> Result<Answer, Failure> {
    Err(failure(400, "CHAT_ID_INVALID"))
}

/// A device that follows the group, at pts 7, and holds its message 3.
pub fn follows_group() -> Device {
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
