//! What is asked of a run at its end, and of a device when it crashes.

use super::device::SimDevice;
use super::invariants::Invariant;
use super::world::{Failed, Outcome, World};
use std::collections::BTreeMap;

impl World<'_> {
    /// What a device has stored is what the log says up to the position it has stored.
    pub(super) fn check_device_at_crash(&mut self, device: usize) -> Result<(), Failed> {
        let it = &self.devices[device];
        let reloading = it.reloaded;
        let pts = it.replica().checkpoint()?.pts;
        let stored = it.replica().digest()?;
        let log = self.server.oracle.logs.get(&self.users[it.user]);
        self.stats.digests += 1;
        if let Some(log) = log
            && !reloading
            && log.digest_at(pts) != stored
        {
            let what = format!("device {device} holds something else than the log up to {pts}");
            self.violate(Invariant::I8, what);
        }
        Ok(())
    }

    pub(super) fn is_at_rest(&mut self) -> Result<bool, Failed> {
        if !self.server_is_up || !self.ran.is_empty() {
            return Ok(false);
        }
        for device in &self.devices {
            let log = self.server.oracle.logs.get(&self.users[device.user]);
            let pts = log.map_or(0, super::oracle::Log::pts);
            let there = device.pts() == Some(pts);
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
        self.stats.pushes_refused = self.server.pushes_refused;
        for device in &self.devices {
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
        for device in &self.devices {
            let user = self.users[device.user];
            let Some(log) = self.server.oracle.logs.get(&user) else { continue };
            self.stats.digests += 1;
            let stored = device.replica().digest()?;
            self.trace.fold(&stored.to_bytes());
            if stored != log.digest() {
                broken.push(format!(
                    "device {} holds {} messages with digest {stored}, the log says {}",
                    device.number,
                    device.replica().message_count()?,
                    log.digest()
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
        broken.into_iter().for_each(|what| self.violate(Invariant::I2, what));
        Ok(())
    }

    /// Each text that was to be sent has become one message, and those of a device stand in the
    /// order in which it wrote them.
    fn check_effects(&mut self) {
        let mut ids: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for log in self.server.oracle.logs.values() {
            for (.., update) in &log.lines {
                if let odnix_tl::odnix::enums::Update::UpdateMessageSent(sent) = update {
                    let text = sent.message.message.clone();
                    ids.entry(text).or_default().push(sent.message.id);
                }
            }
        }
        self.stats.messages = ids.values().map(|ids| ids.len() as u64).sum();
        let mut broken = Vec::new();
        for device in &self.devices {
            let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
            for (peer_id, text) in &device.texts {
                let last = newest.entry(*peer_id).or_default();
                match ids.get(text).map(Vec::as_slice) {
                    None => broken.push((Invariant::I9, format!("{text} was never sent"))),
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
