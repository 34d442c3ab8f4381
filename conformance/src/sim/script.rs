//! What users do and what goes wrong, as data, so that a failing run can be cut down.

use super::random::Random;
use odnix_proto::limits::Limits;
use std::fmt;

/// How rough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Users, and a network that only takes its time.
    Calm,
    /// Cuts, silence, sleep, crashes.
    Rough,
    /// All of it, often, with someone in the middle.
    Hostile,
}

impl Profile {
    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Rough => "rough",
            Self::Hostile => "hostile",
        }
    }
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Calm, Self::Rough, Self::Hostile]
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| format!("no profile {text:?}: calm, rough or hostile"))
    }
}

/// Whom an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The user of this number; oneself is "saved messages".
    User(usize),
    /// The group of this number among those that the device knows and its user is in; without
    /// any, as [`To::User`].
    Group(usize),
}

/// What a user does with a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sends the next text.
    Send(To),
    /// Reads all that is there.
    Read(To),
    /// Shows that it types.
    Type(To),
    /// Changes its newest message there.
    Edit(To),
    /// Deletes its newest messages there, for everybody.
    Delete(To, usize),
    /// Saves or clears a draft.
    Draft(To),
    /// Makes a group with these users.
    MakeGroup {
        /// It has a mailbox of its own.
        large: bool,
        /// The users' numbers.
        with: Vec<usize>,
    },
    /// Makes a user a member.
    AddMember {
        /// As [`To::Group`].
        group: usize,
        /// The user's number.
        user: usize,
    },
    /// Removes a user; itself: leaves.
    RemoveMember {
        /// As [`To::Group`].
        group: usize,
        /// The user's number.
        user: usize,
    },
    /// Gives a group a new title.
    Rename {
        /// As [`To::Group`].
        group: usize,
    },
    /// Closes its transport and opens another one.
    Reconnect,
    /// Is without network for so many seconds.
    Sleep(u64),
    /// Forgets everything but its key, and starts with an empty replica.
    Reinstall,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device's transport ends, for both sides.
    Cut,
    /// The transport swallows everything, both ways, and nobody is told.
    HalfOpen,
    /// No bytes arrive for so many milliseconds; then all of them.
    Clog(u64),
    /// The device cannot reach the server for so many seconds; what it has open goes silent.
    Partition(u64),
    /// The next packet is lost.
    DropPacket {
        /// From the device to the server.
        up: bool,
    },
    /// The next packet comes twice.
    DoublePacket {
        /// From the device to the server.
        up: bool,
    },
    /// The next packet comes after the one behind it.
    SwapPackets {
        /// From the device to the server.
        up: bool,
    },
    /// A bit of the next packet is changed.
    Corrupt {
        /// From the device to the server.
        up: bool,
    },
    /// The next packet ends early, and the transport with it.
    Truncate {
        /// From the device to the server.
        up: bool,
    },
    /// Packets that the device has sent before come once more, by another transport.
    Replay,
    /// The device's program ends and starts again.
    CrashDevice,
    /// The device's wall clock jumps by so many seconds.
    DeviceClock(i64),
    /// The device's wall clock runs too fast or slow by so many millionths.
    Drift(i64),
    /// The server ends and starts again.
    CrashServer,
    /// The server ends between a commit and what follows from it, or before the commit.
    CrashAtCommit {
        /// The commit has happened.
        after: bool,
    },
    /// The next commit fails.
    FailCommit,
    /// The server forgets the sessions of the device that are away.
    Evict,
    /// The server's wall clock jumps by so many seconds.
    ServerClock(i64),
}

impl Fault {
    /// In a word or two.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::HalfOpen => "half-open",
            Self::Clog(_) => "clog",
            Self::Partition(_) => "partition",
            Self::DropPacket { .. } => "drop",
            Self::DoublePacket { .. } => "duplicate",
            Self::SwapPackets { .. } => "reorder",
            Self::Corrupt { .. } => "corrupt",
            Self::Truncate { .. } => "truncate",
            Self::Replay => "replay",
            Self::CrashDevice => "device crash",
            Self::DeviceClock(_) => "device clock jump",
            Self::Drift(_) => "device clock drift",
            Self::CrashServer => "server crash",
            Self::CrashAtCommit { after: false } => "crash before commit",
            Self::CrashAtCommit { after: true } => "crash after commit",
            Self::FailCommit => "commit fails",
            Self::Evict => "session evicted",
            Self::ServerClock(_) => "server clock jump",
        }
    }
}

/// An operation or a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A user does something.
    Op(Op),
    /// Something goes wrong.
    Fault(Fault),
}

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, in microseconds.
    pub at_us: u64,
    /// Which device it is about.
    pub device: usize,
    /// What.
    pub what: What,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.6} device {} ", self.at_us as f64 / 1e6, self.device)?;
        match &self.what {
            What::Op(op) => write!(f, "{op:?}"),
            What::Fault(fault) => write!(f, "fault {fault:?}"),
        }
    }
}

/// Everything that a run is made from, besides the small choices of its random streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The seed of the streams.
    pub seed: u64,
    /// How rough.
    pub profile: Profile,
    /// For each device the number of its user.
    pub devices: Vec<usize>,
    /// How many users.
    pub users: usize,
    /// Positions the server's logs reach back.
    pub log_max: i32,
    /// Updates a device asks for in one slice.
    pub slice: i32,
    /// Positions behind which a device fetches the history instead of the log.
    pub replay_max: Option<i32>,
    /// Messages the server keeps for a client that does not acknowledge them.
    pub sent_max: usize,
    /// Calls of one session that the server runs at a time, and the bytes of their requests.
    pub calls_max: usize,
    /// See there.
    pub calls_bytes_max: usize,
    /// Devices that make their key themselves instead of being given one.
    pub handshakes: usize,
    /// Under obfuscation.
    pub obfuscated: bool,
    /// What happens, by time.
    pub entries: Vec<Entry>,
    /// When the faults end, in microseconds.
    pub heal_us: u64,
}

impl Script {
    /// The script of a seed.
    pub fn generate(seed: u64, profile: Profile) -> Self {
        let mut random = Random::new(seed, "script");
        let users = random.between(2, if profile == Profile::Calm { 3 } else { 5 }) as usize;
        let mut devices = Vec::new();
        for user in 0..users {
            devices.extend(std::iter::repeat_n(user, random.between(1, 3) as usize));
        }
        let length_s = random.between(30, if profile == Profile::Hostile { 400 } else { 200 });
        let mut script = Self {
            seed,
            profile,
            users,
            log_max: if profile == Profile::Hostile && random.percent(30) {
                random.between(3, 30) as i32
            } else {
                1_000_000
            },
            replay_max: None,
            slice: random.between(1, 40) as i32,
            sent_max: if profile == Profile::Hostile {
                random.between(8, 40) as usize
            } else {
                1024
            },
            calls_max: Limits::default().calls_max,
            calls_bytes_max: Limits::default().calls_bytes_max,
            handshakes: usize::from(random.percent(4)),
            obfuscated: random.percent(15),
            entries: Vec::new(),
            heal_us: length_s * 1_000_000,
            devices,
        };
        if profile == Profile::Hostile && random.percent(30) {
            script.calls_max = random.between(1, 6) as usize;
            script.calls_bytes_max = random.between(1024, 2048) as usize;
        }
        script.add_operations(&mut random);
        script.add_faults(&mut random);
        script.entries.sort_by_key(|entry| entry.at_us);
        script
    }

    fn add_operations(&mut self, random: &mut Random) {
        // In some runs most of it happens in a few groups.
        let in_groups = if random.percent(40) { 75 } else { 20 };
        if in_groups > 50 || random.percent(50) {
            // Early, so that there is something to happen in it.
            let op = self.draw_group(random);
            let (device, at_us) = self.place(random);
            self.entries.push(Entry { at_us: at_us / 16, device, what: What::Op(op) });
        }
        for _ in 0..random.between(10, 60) {
            let (mut device, at_us) = self.place(random);
            let op = self.draw_operation(random, device, in_groups);
            if let Op::RemoveMember { user, .. } = op
                && user != self.devices[device]
                && random.percent(70)
            {
                device = self.maker_of_a_group().unwrap_or(device);
            }
            let sends = matches!(op, Op::Send(_));
            let burst = if sends && random.percent(10) { random.between(2, 12) } else { 1 };
            for _ in 0..burst {
                self.entries.push(Entry { at_us, device, what: What::Op(op.clone()) });
            }
            if let Op::RemoveMember { group, user } = op
                && random.percent(50)
            {
                self.add_return(random, (group, user), device, at_us);
            }
        }
    }

    /// Who may remove others from it.
    fn maker_of_a_group(&self) -> Option<usize> {
        let makes = |entry: &&Entry| matches!(entry.what, What::Op(Op::MakeGroup { .. }));
        self.entries.iter().find(makes).map(|entry| entry.device)
    }

    /// Who was removed comes back soon; now and then it is removed again at once, and so on.
    fn add_return(
        &mut self,
        random: &mut Random,
        (group, user): (usize, usize),
        device: usize,
        mut at_us: u64,
    ) {
        let (times, pause_us) =
            if random.percent(50) { (1, 3_000_000) } else { (random.between(3, 9), 200_000) };
        for time in 0..times {
            at_us += random.between(1_000, pause_us);
            let comes = time % 2 == 0;
            let op = if comes {
                Op::AddMember { group, user }
            } else {
                Op::RemoveMember { group, user }
            };
            self.entries.push(Entry { at_us, device, what: What::Op(op) });
        }
    }

    fn draw_operation(&self, random: &mut Random, device: usize, in_groups: u64) -> Op {
        let calm = self.profile == Profile::Calm;
        let user = random.below(self.users as u64) as usize;
        let group = random.below(4) as usize;
        let to = if random.percent(in_groups) { To::Group(group) } else { To::User(user) };
        match random.below(100) {
            0..=40 => Op::Send(to),
            41..=55 => Op::Read(to),
            56..=59 => Op::Type(to),
            60..=66 => Op::Edit(to),
            67..=70 => Op::Delete(to, random.between(1, 3) as usize),
            71..=74 => Op::Draft(to),
            75..=76 => self.draw_group(random),
            77..=81 => Op::AddMember { group, user },
            82..=87 => {
                let leaves = random.percent(30);
                Op::RemoveMember { group, user: if leaves { self.devices[device] } else { user } }
            }
            88 => Op::Rename { group },
            89..=93 => Op::Reconnect,
            94..=97 => Op::Sleep(random.between(1, if calm { 20 } else { 120 })),
            _ => Op::Reinstall,
        }
    }

    fn draw_group(&self, random: &mut Random) -> Op {
        let large = random.percent(65);
        let with = (0..self.users).filter(|_| random.percent(75)).collect();
        Op::MakeGroup { large, with }
    }

    fn place(&self, random: &mut Random) -> (usize, u64) {
        (random.below(self.devices.len() as u64) as usize, random.below(self.heal_us))
    }

    fn add_faults(&mut self, random: &mut Random) {
        let count = match self.profile {
            Profile::Calm => return,
            Profile::Rough => random.between(2, 12),
            Profile::Hostile => random.between(8, 40),
        };
        for _ in 0..count {
            let fault = self.draw_fault(random);
            let (device, at_us) = self.place_fault(random);
            if fault == Fault::Evict && self.profile == Profile::Hostile && random.percent(50) {
                // Before the device is back.
                let what = What::Fault(Fault::Replay);
                self.entries.push(Entry { at_us: at_us + 20_000, device, what });
            }
            self.entries.push(Entry { at_us, device, what: What::Fault(fault) });
        }
    }

    /// Anywhere, or while one of the operations is under way.
    fn place_fault(&self, random: &mut Random) -> (usize, u64) {
        let chosen = self.entries.get(random.below(self.entries.len() as u64) as usize);
        match chosen.filter(|entry| matches!(entry.what, What::Op(_)) && random.percent(40)) {
            Some(entry) => (entry.device, entry.at_us + random.between(1_000, 150_000)),
            None => self.place(random),
        }
    }

    fn draw_fault(&self, random: &mut Random) -> Fault {
        let up = random.percent(50);
        let hour = 3600_i64;
        let kinds = if self.profile == Profile::Rough { 11 } else { 20 };
        match random.below(kinds) {
            0 => Fault::Cut,
            1 => Fault::HalfOpen,
            2 => Fault::Clog(random.between(100, 60_000)),
            3 => Fault::Partition(random.between(1, 90)),
            4 => Fault::CrashDevice,
            5 => Fault::CrashServer,
            6 => Fault::CrashAtCommit { after: false },
            7 => Fault::CrashAtCommit { after: true },
            8 => Fault::FailCommit,
            9 => Fault::Evict,
            10 => Fault::Drift(random.between(0, 1000) as i64 - 500),
            11 => Fault::DropPacket { up },
            12 => Fault::DoublePacket { up },
            13 => Fault::SwapPackets { up },
            14 => Fault::Corrupt { up },
            15 => Fault::Truncate { up },
            16 | 17 => Fault::Replay,
            18 => Fault::DeviceClock(if up { hour } else { -hour }),
            _ => Fault::ServerClock(if up { hour } else { -hour }),
        }
    }
}
