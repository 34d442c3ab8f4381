//! What the server has committed: the log of each mailbox, as the database holds it, and the
//! replica that follows from it, by the model of `odnix-client-ref` and nothing else.

use odnix_client_ref::replica::{Digest, MailboxModel};
use odnix_server_ref::engine::read_back;
use odnix_server_ref::store::{ChatId, Peer, StoreError, Tx, UserId};
use odnix_tl::odnix::enums::{MessageAction, Update};
use std::collections::{BTreeMap, BTreeSet};

/// Lines read at once.
const LINES_MAX: usize = 10_000;
/// Their content.
const BYTES_MAX: usize = 1 << 30;

/// One line of a log.
pub struct Line {
    /// Where the mailbox stands after it.
    pub pts: i32,
    /// What it says.
    pub update: Update,
}

/// The log of one mailbox.
#[derive(Default)]
pub struct Log {
    /// All of it, also what the server has cut meanwhile.
    pub lines: Vec<Line>,
}

impl Log {
    /// Where it stands.
    pub fn pts(&self) -> i32 {
        self.lines.last().map_or(0, |line| line.pts)
    }

    fn up_to(&self, pts: i32) -> impl Iterator<Item = &Update> {
        self.lines.iter().take_while(move |line| line.pts <= pts).map(|line| &line.update)
    }

    /// Reads what has come; gives the number of the first new line.
    fn read(
        &mut self,
        tx: &mut dyn Tx,
        owner: Peer,
        broken: &mut Vec<String>,
    ) -> Result<usize, StoreError> {
        let first = self.lines.len();
        for entry in tx.log_after(owner, self.pts(), LINES_MAX, BYTES_MAX)? {
            let (from, to) = (self.pts(), entry.pts);
            if to != from + entry.pts_count {
                let by = entry.pts_count;
                broken.push(format!("the log of {owner:?} goes from pts {from} to {to} by {by}"));
            }
            let update = read_back(&entry)?;
            self.lines.push(Line { pts: entry.pts, update });
        }
        let (stands_at, ends_at) = (tx.mailbox(owner)?.pts(), self.pts());
        if stands_at != ends_at {
            broken.push(format!(
                "the mailbox of {owner:?} stands at pts {stands_at}, its log at {ends_at}"
            ));
        }
        Ok(first)
    }
}

/// A large group.
#[derive(Default)]
pub struct Group {
    /// Its mailbox.
    pub log: Log,
    /// Who is in it.
    pub members: BTreeSet<i64>,
    /// Who came or went, and at which position.
    changes: Vec<(i32, i64, bool)>,
}

impl Group {
    fn read(
        &mut self,
        tx: &mut dyn Tx,
        id: i64,
        broken: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let first = self.log.read(tx, ChatId(id).into(), broken)?;
        for line in self.log.lines.iter().skip(first) {
            let Update::UpdateNewMessage(new) = &line.update else { continue };
            let (comes, users) = match &new.message.action {
                Some(MessageAction::MessageActionChatCreate(it)) => {
                    let first = std::iter::once(new.message.from_id);
                    (true, first.chain(it.users.iter().copied()).collect())
                }
                Some(MessageAction::MessageActionChatAddUser(it)) => (true, it.users.clone()),
                Some(MessageAction::MessageActionChatDeleteUser(it)) => (false, vec![it.user_id]),
                _ => continue,
            };
            for user in users {
                self.changes.push((line.pts, user, comes));
                if comes {
                    self.members.insert(user)
                } else {
                    self.members.remove(&user)
                };
            }
        }
        Ok(())
    }

    /// Whether someone was a member when the log stood there.
    pub fn had_member(&self, user: i64, pts: i32) -> bool {
        let mut before = self.changes.iter().filter(|change| change.1 == user && change.0 <= pts);
        before.next_back().is_some_and(|change| change.2)
    }

    /// How many users have come and gone.
    pub fn change_count(&self) -> u64 {
        self.changes.len() as u64
    }

    /// Those who were in it and are not.
    pub fn former_members(&self) -> BTreeSet<i64> {
        let all = self.changes.iter().map(|change| change.1);
        all.filter(|user| !self.members.contains(user)).collect()
    }
}

/// All mailboxes.
#[derive(Default)]
pub struct Oracle {
    /// By user.
    pub logs: BTreeMap<UserId, Log>,
    /// By group.
    pub groups: BTreeMap<i64, Group>,
}

impl Oracle {
    /// Reads what the last commit has added. Says what breaks the rule of pts: each line begins
    /// where the one before it ends, and the mailbox stands where its log ends.
    pub fn observe(&mut self, tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
        let mut broken = Vec::new();
        for (user, log) in &mut self.logs {
            log.read(tx, (*user).into(), &mut broken)?;
        }
        for (id, group) in &mut self.groups {
            group.read(tx, *id, &mut broken)?;
        }
        Ok(broken)
    }

    /// Where a user's own log stands.
    pub fn pts(&self, user: UserId) -> i32 {
        self.logs.get(&user).map_or(0, Log::pts)
    }

    /// The large groups of a user.
    pub fn groups_of(&self, user: UserId) -> impl Iterator<Item = (i64, &Group)> {
        let is_member = move |it: &(&i64, &Group)| it.1.members.contains(&user.0);
        self.groups.iter().filter(is_member).map(|(id, group)| (*id, group))
    }

    /// What a replica holds that has applied the user's own log up to `pts`, and those of these
    /// large groups as far as is said.
    pub fn digest_at(&self, user: UserId, pts: i32, groups: &[(i64, i32)]) -> Digest {
        let mut model = MailboxModel::default();
        if let Some(log) = self.logs.get(&user) {
            log.up_to(pts).for_each(|update| model.apply(update));
        }
        for (id, pts) in groups {
            if let Some(group) = self.groups.get(id) {
                model.apply_chat_log(user.0, group.log.up_to(*pts));
            }
        }
        model.digest()
    }

    /// The same with all of the log, and all of the logs of the groups the user is in.
    pub fn digest(&self, user: UserId) -> Digest {
        let groups: Vec<(i64, i32)> = self.groups_of(user).map(|it| (it.0, i32::MAX)).collect();
        self.digest_at(user, i32::MAX, &groups)
    }

    /// Whether the device of a user that stands here is about to be told how far a group was
    /// read before the user joined it: until then a replica may know less than the log.
    pub fn joins_at(&self, user: UserId, pts: i32) -> bool {
        let line = self.logs.get(&user).and_then(|log| log.lines.iter().find(|it| it.pts == pts));
        line.is_some_and(|line| matches!(line.update, Update::UpdateChat(_)))
    }
}
