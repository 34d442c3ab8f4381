//! The clock and the queue: takes a script and runs it, event after event.

use super::bugs::{Bug, Planted};
use super::device::{self, SimDevice};
use super::invariants::{Invariant, Violation};
use super::network::{Arrival, Conn, IN_FLIGHT_MAX, Stream, Tap};
use super::random::Random;
use super::script::Script;
use super::server::{Call, Fate, Ran, Said, SimServer};
use super::trace::Trace;
use bytes::Bytes;
use odnix_client_ref::replica::ReplicaError;
use odnix_proto::client::SavedKey;
use odnix_proto::limits::Limits;
use odnix_proto::session::Timings;
use odnix_proto::transport::{ClientOptions, Framing, Obfuscation, ServerOptions};
use odnix_proto::{AuthKey, Instant, Now, Secret, UnixTime, client, handshake, server};
use odnix_server_ref::rpc::RpcError;
use odnix_server_ref::store::{StoreError, UserId};
use odnix_tl::odnix::{functions, types};
use odnix_tl::{Decode as _, Encode as _};
use std::collections::{BTreeMap, VecDeque, btree_map};
use std::sync::{Arc, LazyLock};

/// When the virtual world begins.
const START_S: u64 = 1_800_000_000;
/// How long after the last fault everything must be at rest.
pub const REST_WITHIN_US: u64 = 600_000_000;
/// More events than any run needs.
const EVENTS_MAX: u64 = 400_000;
/// Packets of a device that someone in the middle remembers.
const CAPTURED_MAX: usize = 24;

static RSA: LazyLock<Arc<odnix_proto::crypto::rsa::RsaPrivateKey>> =
    LazyLock::new(|| Arc::new(crate::vectors::crypto::test_key()));

/// Why a run could not be made; not a finding.
#[derive(Debug)]
pub struct Failed(pub String);

impl From<ReplicaError> for Failed {
    fn from(error: ReplicaError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<RpcError> for Failed {
    fn from(error: RpcError) -> Self {
        Self(error.message())
    }
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Messages the server has committed.
    pub messages: u64,
    /// Operations of users.
    pub operations: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Calls that ended.
    pub calls: u64,
    /// Calls that were committed before a crash of the server and again after it.
    pub ran_again: u64,
    /// Updates put into sessions.
    pub pushes: u64,
    /// Updates that a full queue took no more.
    pub pushes_refused: u64,
    /// Differences fetched.
    pub differences: u64,
    /// Histories fetched because a log was too short.
    pub reloads: u64,
    /// Differences of large groups fetched.
    pub group_differences: u64,
    /// Histories of large groups fetched, because they were joined or their log was too short.
    pub group_reloads: u64,
    /// Large groups.
    pub groups: u64,
    /// Lines of their logs.
    pub group_updates: u64,
    /// Users who came or went.
    pub group_changes: u64,
    /// Messages that the server refused, because their author was in the group no longer.
    pub refused: u64,
    /// Packets carried.
    pub packets: u64,
    /// Events of the queue.
    pub events: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    /// From the last fault to rest, in microseconds.
    pub rest_us: u64,
    /// Digests compared.
    pub digests: u64,
}

/// The end of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The first broken promise.
    pub violation: Option<Violation>,
    /// The hash of everything that happened.
    pub hash: [u8; 32],
    /// What was done.
    pub stats: Stats,
    /// The last lines of the trace, or all.
    pub trace: Vec<String>,
}

pub(super) enum Event {
    Entry(usize),
    Deliver {
        conn: Conn,
        up: bool,
        arrival: Arrival,
    },
    /// The end of a transport reaches the server, or the device.
    Closed {
        conn: Conn,
        up: bool,
    },
    Connect {
        device: usize,
    },
    StartDevice {
        device: usize,
    },
    WakeDevice {
        device: usize,
    },
    WakeConn {
        conn: Conn,
    },
    Execute {
        epoch: u64,
        call: Call,
    },
    Release {
        epoch: u64,
    },
    StartServer,
}

/// A run under way.
pub(super) struct World<'s> {
    pub(super) script: &'s Script,
    pub(super) now_us: u64,
    pub(super) sequence: u64,
    queue: BTreeMap<(u64, u64), Event>,
    pub(super) server: SimServer,
    pub(super) server_is_up: bool,
    pub(super) epoch: u64,
    pub(super) server_skew_us: i64,
    pub(super) ran: VecDeque<Ran>,
    pub(super) last_release_us: u64,
    pub(super) crash_at_commit: Option<bool>,
    pub(super) fail_commit: bool,
    pub(super) devices: Vec<SimDevice>,
    pub(super) users: Vec<UserId>,
    pub(super) streams: BTreeMap<Conn, Stream>,
    pub(super) next_conn: Conn,
    pub(super) conn_wakes: BTreeMap<Conn, u64>,
    pub(super) network: Random,
    pub(super) choices: Random,
    pub(super) tap: Tap,
    planted: Planted,
    pub(super) trace: Trace,
    pub(super) stats: Stats,
    pub(super) violation: Option<Violation>,
}

/// Runs a script. `keep_trace` keeps all lines.
///
/// # Errors
/// The world could not be made, which says nothing about the system.
pub fn run(script: &Script, planted: Planted, keep_trace: bool) -> Result<Outcome, Failed> {
    let mut world = World::new(script, planted, keep_trace)?;
    world.run()?;
    world.finish()
}

impl<'s> World<'s> {
    fn new(script: &'s Script, planted: Planted, keep_trace: bool) -> Result<Self, Failed> {
        let seed = script.seed;
        let random = Random::new(seed, "server");
        let mut world = Self {
            script,
            now_us: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            server: SimServer::new(server_config(script)?, script.log_max, random, planted)?,
            server_is_up: true,
            epoch: 0,
            server_skew_us: 0,
            ran: VecDeque::new(),
            last_release_us: 0,
            crash_at_commit: None,
            fail_commit: false,
            devices: Vec::new(),
            users: Vec::new(),
            streams: BTreeMap::new(),
            next_conn: 0,
            conn_wakes: BTreeMap::new(),
            network: Random::new(seed, "network"),
            choices: Random::new(seed, "choices"),
            tap: Tap::default(),
            planted,
            trace: Trace::new(keep_trace),
            stats: Stats::default(),
            violation: None,
        };
        world.populate(planted)?;
        Ok(world)
    }

    fn populate(&mut self, planted: Planted) -> Result<(), Failed> {
        for number in 0..self.script.users {
            self.users.push(self.server.add_user(&format!("user{number}"))?);
        }
        let config = client_config(self.script.obfuscated)?;
        let mut people: BTreeMap<usize, Vec<types::User>> = BTreeMap::new();
        for (number, &user) in self.script.devices.iter().enumerate() {
            let mut random = Random::new(self.script.seed, &format!("device {number}"));
            let mut bytes = [0; 256];
            random.fill(&mut bytes);
            self.trace.guard(&bytes);
            let auth_key = AuthKey::new(Secret::take(&mut bytes));
            self.server.add_key(&auth_key, self.users[user])?;
            if let btree_map::Entry::Vacant(unknown) = people.entry(user) {
                unknown.insert(self.people_of(&auth_key)?);
            }
            let given = number >= self.script.handshakes;
            let saved = given.then_some(SavedKey { auth_key, server_salt: 0, time_offset_us: 0 });
            let config = Arc::clone(&config);
            let mut device = SimDevice::new(number, user, config, saved, random, planted)?;
            device.people = people.get(&user).cloned().unwrap_or_default();
            device.own = device.people[user].clone();
            device.slice = self.script.slice;
            device.replay_max = self.script.replay_max;
            self.devices.push(device);
            let at_us = self.choices.below(2_000_000);
            self.at(at_us, Event::StartDevice { device: number });
        }
        for (index, entry) in self.script.entries.iter().enumerate() {
            self.at(entry.at_us, Event::Entry(index));
        }
        Ok(())
    }

    /// All users as the holder of a key may name them.
    fn people_of(&mut self, key: &AuthKey) -> Result<Vec<types::User>, Failed> {
        let mut people = Vec::new();
        for number in 0..self.script.users {
            let username = format!("user{number}");
            let request = functions::contacts::ResolveUsername { username };
            let body = request.to_bytes().map_err(|error| Failed(error.to_string()))?;
            let answer = self.server.ask(self.server_now(), key.id(), body)?;
            let found = types::contacts::ResolvedPeer::from_bytes(answer)
                .map_err(|error| Failed(error.to_string()))?;
            people.extend(found.users.into_iter().next());
        }
        Ok(people)
    }

    // --- time ---

    fn now(&self) -> Now {
        let wall = UnixTime::from_micros(START_S * 1_000_000 + self.now_us);
        Now::new(Instant::from_micros(self.now_us + 1), wall)
    }

    fn server_now(&self) -> Now {
        let now = self.now();
        Now { wall: now.wall.shifted(self.server_skew_us), ..now }
    }

    pub(super) fn at(&mut self, at_us: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((at_us.max(self.now_us), self.sequence), event);
    }

    pub(super) fn after(&mut self, delay_us: u64, event: Event) {
        self.at(self.now_us + delay_us, event);
    }

    pub(super) fn note(&mut self, text: &str) {
        self.trace.line(self.now_us, text);
    }

    fn run(&mut self) -> Result<(), Failed> {
        while let Some(((at_us, _), event)) = self.queue.pop_first() {
            self.now_us = at_us;
            self.stats.events += 1;
            self.handle(event)?;
            self.collect_broken();
            let healed = self.now_us >= self.script.heal_us;
            let stop = self.violation.is_some() || self.stats.events > EVENTS_MAX;
            if stop || healed && self.is_at_rest()? || self.now_us > self.give_up_us() {
                break;
            }
        }
        Ok(())
    }

    fn give_up_us(&self) -> u64 {
        self.script.heal_us + REST_WITHIN_US
    }

    fn collect_broken(&mut self) {
        let mut broken = std::mem::take(&mut self.server.broken);
        for device in &mut self.devices {
            let number = device.number;
            let own = device.broken.drain(..);
            broken.extend(own.map(|(which, what)| (which, format!("device {number}: {what}"))));
        }
        for (invariant, what) in broken {
            self.violate(invariant, what);
        }
    }

    pub(super) fn violate(&mut self, invariant: Invariant, what: String) {
        self.note(&format!("BROKEN {invariant:?}: {what}"));
        let at_us = self.now_us;
        self.violation.get_or_insert(Violation { invariant, at_us, what });
    }

    // --- events ---

    fn handle(&mut self, event: Event) -> Result<(), Failed> {
        match event {
            Event::Entry(index) => {
                if let Some(entry) = self.script.entries.get(index) {
                    self.note(&entry.to_string());
                    self.perform(entry)?;
                }
            }
            Event::Deliver { conn, up, arrival } => self.deliver(conn, up, &arrival)?,
            Event::Closed { conn, up: true } => {
                self.server.disconnect(conn);
                self.streams.remove(&conn);
            }
            Event::Closed { conn, up: false } => {
                let owner = self.streams.get(&conn).and_then(|stream| stream.device);
                if let Some(device) = owner.filter(|it| self.devices[*it].conn == Some(conn)) {
                    self.lose_transport(device);
                }
                self.streams.remove(&conn);
            }
            Event::Connect { device } => self.connect(device)?,
            Event::StartDevice { device } => {
                let now = self.devices[device].now(self.now());
                if self.devices[device].machine.is_none() {
                    self.devices[device].start(now)?;
                    self.after(0, Event::Connect { device });
                }
            }
            Event::WakeDevice { device } => {
                self.devices[device].wake_at_us = None;
                let now = self.devices[device].now(self.now());
                if self.devices[device].handle_timeout(now).is_err() {
                    self.lose_transport(device);
                }
                self.settle_device(device)?;
            }
            Event::WakeConn { conn } => {
                self.conn_wakes.remove(&conn);
                let said = self.server.handle_timeout(self.server_now(), conn);
                self.settle_conn(conn, said)?;
            }
            Event::Execute { epoch, call } if epoch == self.epoch => self.execute(call)?,
            Event::Release { epoch } if epoch == self.epoch => {
                if let Some(ran) = self.ran.pop_front() {
                    for conn in self.server.release(ran) {
                        self.settle_conn(conn, Vec::new())?;
                    }
                }
            }
            Event::Execute { .. } | Event::Release { .. } => {}
            Event::StartServer => {
                self.server_is_up = true;
                self.note("server starts");
            }
        }
        Ok(())
    }

    fn deliver(&mut self, conn: Conn, up: bool, arrival: &Arrival) -> Result<(), Failed> {
        let Some(stream) = self.streams.get_mut(&conn) else { return Ok(()) };
        let owner = stream.device;
        let pipe = stream.pipe(up);
        pipe.in_flight = pipe.in_flight.saturating_sub(1);
        let was_spoiled = pipe.spoiled;
        pipe.spoiled |= arrival.spoiled;
        let silent = stream.silent;
        if !silent && up {
            let said = self.server.receive(self.server_now(), conn, &arrival.bytes);
            let ran = said.iter().any(|said| matches!(said, Said::Call(_)));
            if (was_spoiled || arrival.spoiled) && ran {
                self.violate(Invariant::I4, "a call came out of a changed stream".into());
            }
            self.settle_conn(conn, said)?;
        } else if !silent
            && let Some(device) = owner.filter(|it| self.devices[*it].conn == Some(conn))
        {
            let now = self.devices[device].now(self.now());
            let heard = self.devices[device].heard;
            let lost = self.devices[device].receive(now, &arrival.bytes).is_err();
            self.settle_device(device)?;
            if (was_spoiled || arrival.spoiled) && self.devices[device].heard > heard {
                self.violate(
                    Invariant::I4,
                    "a device heard something from a changed stream".into(),
                );
            }
            if lost {
                self.lose_transport(device);
            }
        }
        if arrival.last {
            self.cut(conn);
        }
        // There is room for what waits at the sender.
        if up {
            if let Some(device) = owner {
                self.settle_device(device)?;
            }
        } else if self.server.has(conn) {
            self.settle_conn(conn, Vec::new())?;
        }
        Ok(())
    }

    fn carry(&mut self, conn: Conn, up: bool, bytes: Bytes) {
        if !self.streams.contains_key(&conn) {
            return;
        }
        self.stats.packets += 1;
        // The opening of a stream and the length of the frame come on top.
        if bytes.len() > Limits::default().packet_bytes_max + 8 {
            self.violate(Invariant::I6, format!("a packet has {} bytes", bytes.len()));
        }
        let Some(stream) = self.streams.get_mut(&conn) else { return };
        self.trace.fold(&bytes);
        if !self.script.obfuscated {
            // The opening of the stream is its tag.
            let opening = bytes.strip_prefix(&[0xee; 4]).filter(|_| up).unwrap_or(&bytes);
            if self.tap.is_repeated(up, opening) {
                self.violate(Invariant::I7, "a msg_key was used twice".into());
                return;
            }
            if let Some(device) = stream.device.filter(|_| up) {
                let captured = &mut self.devices[device].captured;
                captured.push_back((self.server.lives(), Bytes::copy_from_slice(opening)));
                if captured.len() > CAPTURED_MAX {
                    captured.pop_front();
                }
            }
        }
        let sent = bytes.clone();
        for mut arrival in stream.carry(up, self.now_us, bytes, &mut self.network) {
            if self.planted.is(Bug::ChangeUnnoticed) && arrival.bytes.len() == sent.len() {
                arrival.bytes = sent.clone();
            }
            self.at(arrival.at_us, Event::Deliver { conn, up, arrival });
        }
    }

    pub(super) fn settle_device(&mut self, device: usize) -> Result<(), Failed> {
        let now = self.devices[device].now(self.now());
        let mut lost = false;
        for said in self.devices[device].turn(now)? {
            match said {
                device::Said::Lost => lost = true,
                device::Said::Note(text) => self.note(&text),
            }
        }
        self.check_told(device);
        while let Some(conn) = self.devices[device].conn
            && self.streams.get(&conn).is_none_or(|it| it.up.in_flight < IN_FLIGHT_MAX)
            && let Some(packet) = self.devices[device].poll_transmit(now)
        {
            self.carry(conn, true, packet);
        }
        if lost {
            self.lose_transport(device);
        }
        let due = self.devices[device].poll_timeout().map(|at| at.as_micros());
        if let Some(due) = due {
            let due = due.saturating_sub(1).max(self.now_us + 1);
            if self.devices[device].wake_at_us.is_none_or(|planned| due < planned) {
                self.devices[device].wake_at_us = Some(due);
                self.at(due, Event::WakeDevice { device });
            }
        }
        Ok(())
    }

    fn settle_conn(&mut self, conn: Conn, said: Vec<Said>) -> Result<(), Failed> {
        let mut close = false;
        for said in said {
            match said {
                Said::Call(mut call) => {
                    let stream = self.streams.get(&conn);
                    call.stale = stream.is_some_and(|stream| stream.stale);
                    let delay = self.choices.between(500, 20_000);
                    let epoch = self.epoch;
                    self.after(delay, Event::Execute { epoch, call });
                }
                Said::KeyCreated(id) => {
                    self.note(&format!("server stores the key {id:?}"));
                    let owner = self.streams.get(&conn).and_then(|stream| stream.device);
                    if let Some(device) = owner {
                        self.server.log_in(id, self.users[self.devices[device].user])?;
                    }
                }
                Said::Close => close = true,
                Said::Touched(other) => self.settle_conn(other, Vec::new())?,
            }
        }
        while self.streams.get(&conn).is_some_and(|it| it.down.in_flight < IN_FLIGHT_MAX)
            && let Some(packet) = self.server.poll_transmit(self.server_now(), conn)
        {
            self.carry(conn, false, packet);
        }
        if close {
            self.server.disconnect(conn);
            self.after(100_000, Event::Closed { conn, up: false });
        } else if let Some(due) = self.server.poll_timeout(conn) {
            let due = due.as_micros().saturating_sub(1).max(self.now_us + 1);
            if self.conn_wakes.get(&conn).is_none_or(|planned| due < *planned) {
                self.conn_wakes.insert(conn, due);
                self.at(due, Event::WakeConn { conn });
            }
        }
        Ok(())
    }

    // --- transports ---

    fn connect(&mut self, device: usize) -> Result<(), Failed> {
        let it = &self.devices[device];
        if it.conn.is_some() || it.machine.is_none() {
            return Ok(());
        }
        if !self.server_is_up || it.offline_until_us > self.now_us {
            let delay = self.choices.between(500_000, 2_000_000);
            self.after(delay, Event::Connect { device });
            return Ok(());
        }
        let conn = self.open(Some(device));
        let now = self.devices[device].now(self.now());
        self.devices[device].connected(now, conn);
        self.settle_device(device)
    }

    pub(super) fn open(&mut self, device: Option<usize>) -> Conn {
        self.next_conn += 1;
        let conn = self.next_conn;
        self.streams.insert(conn, Stream::new(device, self.script.obfuscated));
        self.server.connect(conn);
        conn
    }

    /// The device sees its transport end; the server hears of it a little later.
    pub(super) fn lose_transport(&mut self, device: usize) {
        if let Some(conn) = self.devices[device].conn {
            let silent = self.streams.get(&conn).is_some_and(|stream| stream.silent);
            // The end of a half-open transport reaches nobody for a long time.
            let delay = if silent { 120_000_000 } else { self.choices.between(1_000, 50_000) };
            self.after(delay, Event::Closed { conn, up: true });
        }
        self.devices[device].disconnected();
        let delay = self.choices.between(100_000, 2_000_000);
        self.after(delay, Event::Connect { device });
    }

    /// A transport ends for both sides.
    pub(super) fn cut(&mut self, conn: Conn) {
        self.server.disconnect(conn);
        let owner = self.streams.remove(&conn).and_then(|stream| stream.device);
        if let Some(device) = owner.filter(|it| self.devices[*it].conn == Some(conn)) {
            self.lose_transport(device);
        }
    }

    // --- calls ---

    fn execute(&mut self, call: Call) -> Result<(), Failed> {
        let crash = self.crash_at_commit.take();
        let fails = std::mem::take(&mut self.fail_commit) || crash == Some(false);
        let fate = if fails { Fate::Fails } else { Fate::Commits };
        let ran = self.server.execute(self.server_now(), call, fate);
        if crash.is_some() {
            self.crash_server();
            return Ok(());
        }
        self.ran.push_back(ran);
        let at_us = self.now_us + self.choices.between(100, 5_000);
        self.last_release_us = self.last_release_us.max(at_us);
        let epoch = self.epoch;
        self.at(self.last_release_us, Event::Release { epoch });
        Ok(())
    }

    pub(super) fn crash_server(&mut self) {
        if !self.server_is_up {
            return;
        }
        self.note("server crashes");
        self.server_is_up = false;
        self.epoch += 1;
        self.ran.clear();
        self.server.crash();
        let open: Vec<Conn> = self.streams.keys().copied().collect();
        for conn in open {
            if self.streams.get(&conn).is_some_and(|stream| !stream.silent) {
                let delay = self.choices.between(1_000, 80_000);
                self.after(delay, Event::Closed { conn, up: false });
            }
        }
        let delay = self.choices.between(100_000, 5_000_000);
        self.after(delay, Event::StartServer);
    }
}

fn server_config(script: &Script) -> Result<server::Config, Failed> {
    let exchange = handshake::server::Config::new(vec![Arc::clone(&RSA)], 2)
        .map_err(|error| Failed(error.to_string()))?;
    Ok(server::Config {
        handshake: Arc::new(exchange),
        transport: ServerOptions::default(),
        salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(3))),
        limits: Arc::new(Limits {
            sent_max: script.sent_max,
            calls_max: script.calls_max,
            calls_bytes_max: script.calls_bytes_max,
            ..Limits::default()
        }),
        timings: Timings::default(),
    })
}

fn client_config(obfuscated: bool) -> Result<Arc<client::Config>, Failed> {
    let mut transport = ClientOptions::new(Framing::Intermediate);
    if obfuscated {
        transport = transport
            .obfuscated(Obfuscation { secret: None, dc: 2 })
            .map_err(|error| Failed(error.to_string()))?;
    }
    let exchange = handshake::client::Config::new(vec![RSA.public().clone()], 2)
        .map_err(|error| Failed(error.to_string()))?;
    Ok(Arc::new(client::Config {
        handshake: Arc::new(exchange),
        transport,
        pfs: None,
        quick_acks: false,
        init: None,
        limits: Limits::default(),
        timings: Timings::default(),
    }))
}
