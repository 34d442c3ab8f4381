//! What a script says, done to the world.

use super::network::Arrival;
use super::script::{Entry, Fault, Op, What};
use super::world::{Event, Failed, World};

impl World<'_> {
    pub(super) fn perform(&mut self, entry: &Entry) -> Result<(), Failed> {
        let device = entry.device;
        match &entry.what {
            What::Op(op) => {
                self.stats.operations += 1;
                self.operate(device, op)?;
            }
            What::Fault(fault) => {
                *self.stats.faults.entry(fault.name()).or_default() += 1;
                self.break_something(device, fault)?;
            }
        }
        self.settle_device(device)
    }

    fn operate(&mut self, device: usize, op: &Op) -> Result<(), Failed> {
        match op {
            Op::Send(to) => self.devices[device].send(*to)?,
            Op::Read(from) => self.devices[device].read(*from)?,
            Op::Type(to) => self.devices[device].type_to(*to)?,
            Op::Edit(to) => self.devices[device].edit(*to)?,
            Op::Delete(to, count) => self.devices[device].delete(*to, *count)?,
            Op::Draft(to) => self.devices[device].draft(*to)?,
            Op::MakeGroup { large, with } => self.devices[device].make_group(*large, with),
            Op::AddMember { group, user } => self.devices[device].add_member(*group, *user)?,
            Op::RemoveMember { group, user } => {
                self.devices[device].remove_member(*group, *user)?
            }
            Op::Rename { group } => self.devices[device].rename_group(*group)?,
            Op::Reconnect => {
                if self.devices[device].conn.is_some() {
                    self.lose_transport(device);
                }
            }
            Op::Sleep(seconds) => {
                self.devices[device].offline_until_us = self.now_us + seconds * 1_000_000;
                if self.devices[device].conn.is_some() {
                    self.lose_transport(device);
                }
            }
            Op::Reinstall => {
                if let Some(conn) = self.devices[device].conn {
                    self.cut(conn);
                }
                self.devices[device].reinstall()?;
                self.after(1_000_000, Event::StartDevice { device });
            }
        }
        Ok(())
    }

    fn break_something(&mut self, device: usize, fault: &Fault) -> Result<(), Failed> {
        let conn = self.devices[device].conn;
        match fault {
            Fault::Cut => conn.into_iter().for_each(|conn| self.cut(conn)),
            Fault::HalfOpen => {
                if let Some(stream) = conn.and_then(|conn| self.streams.get_mut(&conn)) {
                    stream.silent = true;
                }
            }
            Fault::Clog(ms) => {
                let until = self.now_us + ms * 1_000;
                if let Some(stream) = conn.and_then(|conn| self.streams.get_mut(&conn)) {
                    stream.clog(until);
                }
            }
            Fault::Partition(seconds) => {
                self.devices[device].offline_until_us = self.now_us + seconds * 1_000_000;
                if let Some(stream) = conn.and_then(|conn| self.streams.get_mut(&conn)) {
                    stream.silent = true;
                }
            }
            Fault::DropPacket { up }
            | Fault::DoublePacket { up }
            | Fault::SwapPackets { up }
            | Fault::Corrupt { up }
            | Fault::Truncate { up } => {
                if let Some(stream) = conn.and_then(|conn| self.streams.get_mut(&conn)) {
                    stream.plan(*up, fault.clone());
                }
            }
            Fault::Replay => self.replay(device)?,
            Fault::CrashDevice => {
                if let Some(conn) = conn {
                    self.cut(conn);
                }
                self.check_device_at_crash(device)?;
                self.devices[device].crash();
                let delay = self.choices.between(100_000, 20_000_000);
                self.after(delay, Event::StartDevice { device });
            }
            Fault::DeviceClock(seconds) => self.devices[device].skew_us += seconds * 1_000_000,
            Fault::Drift(ppm) => self.devices[device].drift_ppm = *ppm,
            Fault::CrashServer => self.crash_server(),
            Fault::CrashAtCommit { after } => self.crash_at_commit = Some(*after),
            Fault::FailCommit => self.fail_commit = true,
            Fault::Evict => {
                if let Some(conn) = conn {
                    self.cut(conn);
                }
                if let Some(key) = &self.devices[device].key {
                    self.server.evict(key.auth_key.id());
                }
            }
            Fault::ServerClock(seconds) => self.server_skew_us += seconds * 1_000_000,
        }
        Ok(())
    }

    /// Someone sends what the device has sent, by a transport of its own.
    fn replay(&mut self, device: usize) -> Result<(), Failed> {
        if self.script.obfuscated || !self.server_is_up {
            return Ok(());
        }
        let lives = self.server.lives();
        for stale in [true, false] {
            let mut bytes = vec![0xee; 4];
            let captured = &self.devices[device].captured;
            let chosen = captured.iter().filter(|(life, _)| (*life < lives) == stale);
            chosen.for_each(|(_, packet)| bytes.extend_from_slice(packet));
            if bytes.len() == 4 {
                continue;
            }
            let conn = self.open(None);
            if let Some(stream) = self.streams.get_mut(&conn) {
                stream.stale = stale;
            }
            let arrival = Arrival { at_us: 0, bytes: bytes.into(), spoiled: false, last: false };
            self.at(self.now_us + 30_000, Event::Deliver { conn, up: true, arrival });
            self.after(5_000_000, Event::Closed { conn, up: true });
        }
        Ok(())
    }
}
