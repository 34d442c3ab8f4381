//! What is asked of a run at its end, and of a device when it crashes.

use super::device::SimDevice;
use super::invariants::Invariant;
use super::world::{Failed, Outcome, World};
use odnix_client_ref::replica::Digest;
use odnix_client_ref::sync::Mailbox;
use odnix_server_ref::store::UserId;
use odnix_tl::odnix::enums::Update;
use std::collections::BTreeMap;

impl World<'_> {
    /// What a device has stored is what the logs say up to the positions it has stored.
    pub(super) fn check_device_at_crash(&mut self, device: usize) -> Result<(), Failed> {
        let it = &self.devices[device];
        let (user, pts) = (self.users[it.user], it.replica().checkpoint()?.pts);
        let chats = it.replica().chat_checkpoints()?;
        let mut positions = chats.iter().map(|(chat, pts)| (Mailbox::Chat(*chat), *pts));
        let is_whole = it.stored.is_whole(Mailbox::Own, pts)
            && positions.all(|(mailbox, pts)| it.stored.is_whole(mailbox, pts));
        if it.stored.is_torn() || !is_whole || self.server.oracle.joins_at(user, pts) {
            return Ok(());
        }
        let stored = it.replica().digest()?;
        self.stats.digests += 1;
        if self.server.oracle.digest_at(user, pts, &chats) != stored {
            let what = format!("device {device} holds something else than the log up to {pts}");
            self.violate(Invariant::I8, what);
        }
        Ok(())
    }

    /// What a device was told of large groups was meant for it, and where the logs stood when it
    /// had fetched a history.
    pub(super) fn check_told(&mut self, device: usize) {
        let it = &mut self.devices[device];
        let (user, oracle) = (self.users[it.user], &self.server.oracle);
        for mailbox in it.stored.reloaded.drain(..) {
            let pts = match mailbox {
                Mailbox::Own => oracle.pts(user),
                Mailbox::Chat(chat) => oracle.groups.get(&chat).map_or(0, |it| it.log.pts()),
            };
            it.stored.whole_from.insert(mailbox, pts);
        }
        let is_stranger = |(chat, pts): &(i64, i32)| {
            !oracle.groups.get(chat).is_some_and(|group| group.had_member(user.0, *pts))
        };
        let wrong: Vec<(i64, i32)> = it.told.drain(..).filter(is_stranger).collect();
        for (chat, pts) in wrong {
            let what =
                format!("device {device} hears of pts {pts} of group {chat}, which is not its");
            self.violate(Invariant::I2, what);
        }
    }

    pub(super) fn is_at_rest(&mut self) -> Result<bool, Failed> {
        if !self.server_is_up || !self.ran.is_empty() {
            return Ok(false);
        }
        for device in &self.devices {
            let (user, oracle) = (self.users[device.user], &self.server.oracle);
            let mut there = device.pts() == Some(oracle.pts(user));
            for (id, group) in oracle.groups_of(user) {
                there &= device.chat_pts(id) == Some(group.log.pts());
            }
            if !there || !device.is_at_rest()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn finish(mut self) -> Result<Outcome, Failed> {
        if self.violation.is_none() {
            if !self.is_at_rest()? {
                let standing: Vec<String> = self.devices.iter().map(SimDevice::describe).collect();
                for line in &standing {
                    self.note(line);
                }
                self.violate(Invariant::I12, format!("no rest: {}", standing.join("; ")));
            }
            self.stats.rest_us = self.now_us.saturating_sub(self.script.heal_us);
            self.check_replicas()?;
            self.check_effects();
            if self.trace.leaks > 0 {
                self.violate(Invariant::I10, "key material in the trace".into());
            }
        }
        self.stats.virtual_us = self.now_us;
        self.stats.pushes = self.server.pushes;
        self.stats.ran_again = self.server.ran_again;
        self.stats.pushes_refused = self.server.pushes_refused;
        for group in self.server.oracle.groups.values() {
            self.stats.groups += 1;
            self.stats.group_updates += group.log.lines.len() as u64;
            self.stats.group_changes += group.change_count();
        }
        for device in &self.devices {
            self.stats.group_differences += device.group_differences;
            self.stats.group_reloads += device.stored.group_reloads;
            self.stats.refused += device.refused.len() as u64;
            self.stats.calls += device.calls_ended;
            self.stats.differences += device.differences;
            self.stats.reloads += device.reloads;
        }
        let hash = self.trace.digest();
        let Self { violation, stats, trace, .. } = self;
        Ok(Outcome { violation, hash, stats, trace: trace.lines() })
    }

    fn check_replicas(&mut self) -> Result<(), Failed> {
        let mut broken = Vec::new();
        let mut wanted: BTreeMap<UserId, Digest> = BTreeMap::new();
        for device in &self.devices {
            let (user, oracle) = (self.users[device.user], &self.server.oracle);
            let wanted = *wanted.entry(user).or_insert_with(|| oracle.digest(user));
            self.stats.digests += 1;
            let stored = device.replica().digest()?;
            self.trace.fold(&stored.to_bytes());
            if stored != wanted {
                broken.push(format!(
                    "device {} holds {} messages with digest {stored}, the logs say {wanted}",
                    device.number,
                    device.replica().message_count()?,
                ));
            }
            for damage in device.replica().check()?.damages {
                broken.push(format!("device {}: {damage}", device.number));
            }
            let followed = device.replica().chat_checkpoints()?;
            let own: Vec<(i64, i32)> =
                oracle.groups_of(user).map(|(id, group)| (id, group.log.pts())).collect();
            if followed != own {
                broken.push(format!(
                    "device {} follows the groups {followed:?}, its user is in {own:?}",
                    device.number
                ));
            }
            let unread: i64 =
                device.replica().dialogs()?.iter().map(|dialog| dialog.unread_count).sum();
            let counted = self.server.unread(user)?;
            if unread != counted {
                broken.push(format!(
                    "device {} counts {unread} unread messages, the server {counted}",
                    device.number
                ));
            }
        }
        broken.extend(self.server.wrong_members()?);
        broken.into_iter().for_each(|what| self.violate(Invariant::I2, what));
        Ok(())
    }

    /// Each text that was to be sent has become one message, and those of a device stand in the
    /// order in which it wrote them.
    fn check_effects(&mut self) {
        let mut ids: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let oracle = &self.server.oracle;
        let own = oracle.logs.values().flat_map(|log| &log.lines);
        let of_groups = oracle.groups.values().flat_map(|group| &group.log.lines);
        let own = own.filter_map(|line| match &line.update {
            Update::UpdateMessageSent(sent) => Some(&sent.message),
            _ => None,
        });
        let of_groups = of_groups.filter_map(|line| match &line.update {
            Update::UpdateNewMessage(new) => Some(&new.message),
            _ => None,
        });
        for message in own.chain(of_groups) {
            ids.entry(message.message.clone()).or_default().push(message.id);
        }
        // Those that say what happened to a group.
        ids.remove("");
        self.stats.messages = ids.values().map(|ids| ids.len() as u64).sum();
        let mut broken = Vec::new();
        for device in &self.devices {
            let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
            for (peer_id, text) in &device.texts {
                let last = newest.entry(*peer_id).or_default();
                match ids.get(text).map(Vec::as_slice) {
                    None if device.refused.contains(text) => {}
                    None => broken.push((Invariant::I9, format!("{text} was never sent"))),
                    Some(_) if device.refused.contains(text) => {
                        broken.push((Invariant::I3, format!("{text} was refused and is there")));
                    }
                    Some([id]) => {
                        if *id <= *last {
                            broken.push((Invariant::I3, format!("{text} stands too early")));
                        }
                        *last = *id;
                    }
                    Some(ids) => {
                        broken
                            .push((Invariant::I5, format!("{text} was sent {} times", ids.len())));
                    }
                }
            }
            for it in &device.acknowledged {
                if ids.get(&it.text).is_none_or(|ids| !ids.contains(&it.id)) {
                    let what =
                        format!("{} was acknowledged as {} and is not there", it.text, it.id);
                    broken.push((Invariant::I3, what));
                }
            }
        }
        broken.sort_by_key(|(invariant, _)| *invariant);
        broken.into_iter().for_each(|(which, what)| self.violate(which, what));
    }
}
