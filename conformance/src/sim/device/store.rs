//! What a device stores, and whether each batch leads from the stored positions to the next.

use super::SimDevice;
use crate::sim::bugs::Bug;
use crate::sim::invariants::Invariant;
use odnix_client_ref::replica::{Batch, Checkpoint, ReplicaError, dialog_id};
use odnix_client_ref::sync::{Mailbox, SyncMachine, position};
use odnix_proto::Now;
use odnix_tl::odnix::enums::{self, Update};
use std::collections::{BTreeMap, BTreeSet};

/// The positions that are stored, as the batches say.
#[derive(Debug, Default)]
pub struct Stored {
    /// By mailbox: that of the user, and those of the large groups that are followed.
    pts: BTreeMap<Mailbox, i32>,
    /// Groups that have a mailbox of their own.
    large: BTreeSet<i64>,
    /// Large groups whose history was asked for since their position last moved.
    asked: BTreeSet<i64>,
    /// Mailboxes that hold pieces of a history which goes further than their position.
    torn: BTreeSet<Mailbox>,
    /// Histories of large groups that were fetched to their end.
    pub group_reloads: u64,
    /// Mailboxes whose history has just been fetched to its end.
    pub reloaded: Vec<Mailbox>,
    /// Where the log was then: from there on a replica holds exactly what the log says.
    pub whole_from: BTreeMap<Mailbox, i32>,
}

impl Stored {
    /// All of it is lost.
    pub(super) fn forget(&mut self) {
        *self = Self { group_reloads: self.group_reloads, ..Self::default() };
    }

    /// The history of a group is asked for.
    pub(super) fn ask_history(&mut self, peer: &enums::InputPeer) {
        if let enums::InputPeer::InputPeerChat(it) = peer
            && self.large.contains(&it.chat_id)
        {
            self.asked.insert(it.chat_id);
        }
    }

    /// Whether what is stored of a mailbox up to `pts` is what its log says up to there.
    pub fn is_whole(&self, mailbox: Mailbox, pts: i32) -> bool {
        self.whole_from.get(&mailbox).is_none_or(|from| pts >= *from)
    }

    /// Whether a history is being fetched anew.
    pub fn is_torn(&self) -> bool {
        !self.torn.is_empty()
    }

    /// The mailbox that an update belongs to.
    fn mailbox(&self, update: &Update) -> Mailbox {
        let peer = match update {
            Update::UpdateNewMessage(it) => &it.message.peer_id,
            Update::UpdateMessageSent(it) => &it.message.peer_id,
            Update::UpdateEditMessage(it) => &it.message.peer_id,
            Update::UpdateDeleteMessages(it) => &it.peer,
            _ => return Mailbox::Own,
        };
        let chat_id = -dialog_id(peer);
        if self.large.contains(&chat_id) { Mailbox::Chat(chat_id) } else { Mailbox::Own }
    }
}

impl SimDevice {
    /// Starts from what the replica holds.
    pub(super) fn take_stock(&mut self) -> Result<(), ReplicaError> {
        let chats = self.replica.chats()?;
        let followed = self.replica.chat_checkpoints()?;
        let own = (Mailbox::Own, self.replica.checkpoint()?.pts);
        let followed = followed.into_iter().map(|(chat, pts)| (Mailbox::Chat(chat), pts));
        self.stored.pts = followed.chain([own]).collect();
        self.stored.large = chats.iter().filter(|chat| chat.large).map(|chat| chat.id).collect();
        self.stored.asked.clear();
        Ok(())
    }

    pub(super) fn store_batches(&mut self) -> Result<(), ReplicaError> {
        while let Some(batch) = self.sync.as_mut().and_then(SyncMachine::take_batch) {
            self.check(&batch);
            self.store(batch)?;
        }
        Ok(())
    }

    /// A batch leads from the stored positions to the next without a hole.
    fn check(&mut self, batch: &Batch) {
        let stored = &mut self.stored;
        self.updates_stored += batch.updates.len() as u64;
        stored.large.extend(batch.chats.iter().filter(|chat| chat.large).map(|chat| chat.id));
        for chat_id in &batch.dropped_chats {
            let mailbox = Mailbox::Chat(*chat_id);
            stored.pts.remove(&mailbox);
            stored.asked.remove(chat_id);
            stored.torn.remove(&mailbox);
            stored.whole_from.remove(&mailbox);
        }
        for page in &batch.pages {
            let chat_id = -page.peer_id;
            let large = stored.large.contains(&chat_id);
            stored.torn.insert(if large { Mailbox::Chat(chat_id) } else { Mailbox::Own });
        }
        if !batch.dialogs.is_empty() || batch.drafts.is_some() {
            stored.torn.insert(Mailbox::Own);
        }
        let mut moved: BTreeMap<Mailbox, i32> = BTreeMap::new();
        for update in &batch.updates {
            let count = position(update).map_or(0, |it| it.1);
            *moved.entry(stored.mailbox(update)).or_default() += count;
        }
        let own = batch.checkpoint.map(|checkpoint| (Mailbox::Own, checkpoint.pts));
        let chats = batch.chat_checkpoints.iter().map(|(chat, pts)| (Mailbox::Chat(*chat), *pts));
        let led: BTreeMap<Mailbox, i32> = own.into_iter().chain(chats).collect();
        for (mailbox, count) in &moved {
            if *count > 0 && !led.contains_key(mailbox) {
                let what = format!("{mailbox:?}: {count} positions are stored without their pts");
                self.broken.push((Invariant::I8, what));
            }
        }
        for (mailbox, pts) in led {
            let jumps = match mailbox {
                Mailbox::Own => batch.keep_dialogs.is_some() || batch.clear,
                Mailbox::Chat(chat_id) => self.stored.asked.contains(&chat_id),
            };
            self.step(mailbox, moved.get(&mailbox).copied().unwrap_or(0), pts, jumps);
        }
        if batch.clear {
            let what = "the server's log ends before the replica".to_owned();
            self.broken.push((Invariant::I2, what));
        }
    }

    /// One position moves.
    fn step(&mut self, mailbox: Mailbox, moved: i32, pts: i32, jumps: bool) {
        let before = self.stored.pts.insert(mailbox, pts);
        let from = before.unwrap_or(0);
        let leads_there = from + moved == pts && (before.is_some() || pts == 0);
        if pts < from {
            let what = format!("{mailbox:?}: pts falls from {from} to {pts}");
            self.broken.push((Invariant::I8, what));
        } else if jumps && moved == 0 {
            self.stored.torn.remove(&mailbox);
            self.stored.reloaded.push(mailbox);
            if let Mailbox::Chat(chat_id) = mailbox {
                self.stored.asked.remove(&chat_id);
                self.stored.group_reloads += 1;
            }
        } else if !leads_there {
            let what =
                format!("{mailbox:?}: updates over {moved} positions lead from {from} to {pts}");
            self.broken.push((Invariant::I8, what));
        }
    }

    fn store(&mut self, mut batch: Batch) -> Result<(), ReplicaError> {
        if self.planted.is(Bug::CheckpointFirst) && !batch.updates.is_empty() {
            let Batch { checkpoint, users, .. } = batch.clone();
            self.replica.apply(&Batch { checkpoint, users, ..Batch::default() })?;
            if self.random.percent(10) {
                // The program ends between the two transactions.
                return Ok(());
            }
        }
        if self.planted.is(Bug::ChatCheckpointFirst) && !batch.updates.is_empty() {
            let Batch { chat_checkpoints, chats, .. } = batch.clone();
            self.replica.apply(&Batch { chat_checkpoints, chats, ..Batch::default() })?;
            if !batch.chat_checkpoints.is_empty() && self.random.percent(10) {
                return Ok(());
            }
        }
        if self.planted.is(Bug::EditOvertakes) {
            let is_edit = |update: &Update| matches!(update, Update::UpdateEditMessage(_));
            batch.updates.sort_by_key(|update| !is_edit(update));
        }
        if self.planted.is(Bug::LeftGroupKept) {
            batch.dropped_chats.clear();
        }
        self.replica.apply(&batch).map(drop)
    }

    // --- what was pushed ---

    pub(super) fn on_updates(
        &mut self,
        now: Now,
        updates: enums::Updates,
    ) -> Result<(), ReplicaError> {
        if self.planted.is(Bug::TooManyIgnored) && updates == enums::Updates::UpdatesTooLong {
            return Ok(());
        }
        let pushed = match &updates {
            enums::Updates::UpdatesTooLong => Vec::new(),
            enums::Updates::UpdateShort(short) => vec![short.update.clone()],
            enums::Updates::Updates(full) => full.updates.clone(),
        };
        for update in &pushed {
            if let Update::UpdateOfChat(it) = update
                && let Some((pts, _)) = position(&it.update)
            {
                self.told.push((it.chat_id, pts));
            }
        }
        if self.applies_early(now, pushed)? {
            return Ok(());
        }
        if let Some(sync) = &mut self.sync {
            sync.handle_updates(now, updates);
        }
        Ok(())
    }

    /// The planted bugs that do not wait for what is missing; whether that was all.
    fn applies_early(&mut self, now: Now, pushed: Vec<Update>) -> Result<bool, ReplicaError> {
        let skips = self.planted.is(Bug::GapSkipped);
        if let [Update::UpdateOfChat(it)] = pushed.as_slice() {
            let (chat_id, update) = (it.chat_id, (*it.update).clone());
            let stands_at = self.stored.pts.get(&Mailbox::Chat(chat_id));
            if self.planted.is(Bug::ChatGapSkipped)
                && let (Some(stands_at), Some((pts, count))) = (stands_at, position(&update))
                && pts > stands_at + count
            {
                let chat_checkpoints = vec![(chat_id, pts)];
                let updates = vec![update];
                self.replica.apply(&Batch { updates, chat_checkpoints, ..Batch::default() })?;
                self.open_mailbox(now)?;
                return Ok(true);
            }
            return Ok(false);
        }
        if !skips && !self.planted.is(Bug::GapAppliedTwice) {
            return Ok(false);
        }
        let last = pushed.iter().filter_map(position).map(|it| it.0).max().unwrap_or(0);
        let moves: i32 = pushed.iter().filter_map(position).map(|it| it.1).sum();
        if last <= self.pts().unwrap_or(0) + moves {
            return Ok(false);
        }
        let checkpoint = skips.then_some(Checkpoint { pts: last, date: 0 });
        let batch = Batch { updates: pushed, checkpoint, ..Batch::default() };
        if !skips {
            self.check(&batch);
        }
        self.store(batch)?;
        if skips {
            self.open_mailbox(now)?;
        }
        Ok(skips)
    }
}
