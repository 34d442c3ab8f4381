//! What planted bugs do to the server; without one, nothing.

use super::{Call, Fate, Named, SimServer, Sql};
use crate::sim::bugs::{Bug, Planted};
use bytes::Bytes;
use odnix_server_ref::rpc::{Caller, Outcome, Prepared, Push, Rpc, RpcError};
use odnix_server_ref::store::{ChatId, Member, StoreError, Tx, UserId};
use odnix_tl::Decode as _;
use odnix_tl::odnix::enums::{Update, Updates};
use odnix_tl::odnix::{Request, types};

impl SimServer {
    /// What a planted bug does to a request.
    pub(super) fn twisted(&mut self, body: Bytes) -> Bytes {
        if !self.planted.is(Bug::RandomIdIgnored) {
            return body;
        }
        let Ok(Request::MessagesSendMessage(mut it)) = Rpc::decode(body.clone()) else {
            return body;
        };
        while !self.used_random_ids.insert(it.random_id) {
            it.random_id = it.random_id.wrapping_add(1);
        }
        odnix_tl::Encode::to_bytes(&it).unwrap_or(body)
    }

    /// What a planted bug lets out of a transaction that is not committed.
    pub(super) fn leak(&mut self, call: &Call, outcome: Outcome) {
        if self.planted.is(Bug::PushBeforeCommit) {
            for push in &outcome.pushes {
                self.push(call.session, push);
            }
        }
        if self.planted.is(Bug::ReplyBeforeCommit) {
            self.with_session(call.session, |session| {
                let _ = session.reply(call.call, outcome.reply);
            });
        }
        if self.planted.is(Bug::PtsBeforeMessage)
            && let (Some(user), false) = (outcome.user, outcome.pushes.is_empty())
        {
            let moved: Sql<()> = self.database.run(
                |tx| {
                    let mut mailbox = tx.mailbox(user.into())?;
                    let _ = mailbox.assign(1);
                    tx.save_mailbox(user.into(), &mailbox)
                },
                |_| Ok(()),
            );
            drop(moved);
        }
    }

    /// Whom a planted bug tells what happens in a large group.
    pub(super) fn strangers_told(&self, outcome: &Outcome) -> Vec<Push> {
        let (former, others) =
            (self.planted.is(Bug::FormerMemberTold), self.planted.is(Bug::ChatPushToStranger));
        let Some((push, group)) = outcome.pushes.iter().find_map(|push| {
            let group = group_told_of(&push.update).filter(|_| former || others)?;
            Some((push, self.oracle.groups.get(&group)?))
        }) else {
            return Vec::new();
        };
        let gone = group.former_members();
        let is_meant = |user: &UserId| {
            let was_here = gone.contains(&user.0);
            !group.members.contains(&user.0) && was_here == former
        };
        let users = self.oracle.logs.keys().copied().filter(is_meant);
        users.map(|user| Push { user, ..push.clone() }).collect()
    }

    /// What a planted bug does to the database between two lives.
    pub(super) fn spoil(&mut self) {
        let spoil = [
            (Bug::DedupeForgotten, "DELETE FROM sent"),
            (Bug::UnreadWrong, "UPDATE dialogs SET unread_count = unread_count + 1"),
            (Bug::PtsReused, "UPDATE mailbox SET pts = pts - 1 WHERE pts > dropped_to"),
        ];
        for (bug, sql) in spoil {
            if self.planted.is(bug) {
                let done: Sql<()> = self.database.run(|_| Ok(()), |db| Ok(db.execute_batch(sql)?));
                drop(done);
            }
        }
    }
}

/// What a planted bug does to the position that a difference is asked from.
pub(super) fn twist_difference(
    planted: Planted,
    tx: &mut dyn Tx,
    caller: &Caller,
    prepared: &mut Prepared,
) -> Result<(), RpcError> {
    if planted.is(Bug::DifferenceLate)
        && let Request::UpdatesGetDifference(it) = &mut prepared.request
        && let Some(user) = tx.session_user(caller.key_id)?
        && it.pts < tx.mailbox(user.into())?.pts()
    {
        it.pts += 1;
    }
    Ok(())
}

/// Whom a planted bug makes a member for as long as a request takes.
pub(super) fn guest(
    planted: Planted,
    tx: &mut dyn Tx,
    caller: &Caller,
    named: Option<Named>,
) -> Result<Option<(ChatId, UserId)>, RpcError> {
    let named = named.filter(|named| named.reads && planted.is(Bug::ChatReadByAnybody));
    let Some(group) = named.map(|named| ChatId(named.group)) else { return Ok(None) };
    let Some(user) = tx.session_user(caller.key_id)? else { return Ok(None) };
    let large = tx.group(group)?.is_some_and(|group| group.large);
    if !large || tx.member(group, user)?.is_some() {
        return Ok(None);
    }
    tx.add_member(group, &Member { user, inviter: user, date: 1 }, 0)?;
    Ok(Some((group, user)))
}

/// The large group whose log an update belongs to.
fn group_told_of(update: &Bytes) -> Option<i64> {
    match Updates::from_bytes(update.clone()).ok()? {
        Updates::UpdateShort(types::UpdateShort { update: Update::UpdateOfChat(it), .. }) => {
            Some(it.chat_id)
        }
        _ => None,
    }
}

/// What a planted bug does to a transaction before its commit, and whether it is committed.
pub(super) fn before_commit(planted: Planted, fate: Fate, sql: &rusqlite::Connection) -> Sql<()> {
    if planted.is(Bug::ReadNotLogged) {
        sql.execute_batch(
            "DELETE FROM update_log WHERE event_type = 'ReadHistory';
             UPDATE mailbox SET pts = ifnull(
                 (SELECT max(pts) FROM update_log WHERE update_log.owner = mailbox.owner), 0)",
        )?;
    }
    if planted.is(Bug::JoinNotLogged) {
        // What comes after it in the same transaction, too.
        sql.execute_batch(
            "DELETE FROM update_log WHERE EXISTS (
                 SELECT 1 FROM update_log AS joined WHERE joined.owner = update_log.owner
                 AND joined.event_type = 'Chat' AND joined.pts <= update_log.pts);
             UPDATE mailbox SET pts = ifnull(
                 (SELECT max(pts) FROM update_log WHERE update_log.owner = mailbox.owner), 0)",
        )?;
    }
    match fate {
        Fate::Commits => Ok(()),
        Fate::Fails => Err(StoreError::NotCommitted),
    }
}
