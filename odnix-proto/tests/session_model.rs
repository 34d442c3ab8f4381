//! Both halves of a session against a small model, by any sequence of operations over a link
//! that drops, duplicates, reorders, corrupts and cuts, with clocks that step.
//!
//! The model knows of each call only how often it ran and how it ended. What must hold at every
//! step: a call ends at most once, and with the answer that was given; it runs at most once in
//! each session of the server; no (salt, session_id, msg_id, seq_no) and no msg_key is sealed
//! twice; each half holds no more memory than its limits add up to. When the faults stop: every
//! call ends, both sides fall silent but for pings, and hold little more than at their beginning.

#[allow(dead_code, reason = "shared helpers")]
mod common;

use bytes::{Bytes, BytesMut};
use common::{echo, key};
use core::time::Duration;
use odnix_proto::{
    AuthKey, Instant, Now, Secret, Seed, UnixTime,
    envelope::{self, Header, Side},
    error::UsageError,
    limits::Limits,
    session::{
        CallError, CallId, ClientSession, ClientSessionEvent, ServerKey, ServerSession,
        ServerSessionEvent, Timings,
    },
};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Memory is counted for the whole process, so its tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// The bytes one machine holds: what its calls have taken, without what they have given back.
/// What goes in is copied inside [`Meter::of`], what comes out is copied outside and dropped
/// inside.
#[derive(Default)]
struct Meter(isize);

impl Meter {
    fn of<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let before = ALLOCATOR.current_usage();
        let done = call();
        self.0 += ALLOCATOR.current_usage().cast_signed() - before.cast_signed();
        done
    }

    fn holds_at_most(&self, max: usize) {
        assert!(self.0 <= max.cast_signed(), "{} bytes held, {max} allowed", self.0);
    }
}

/// Small enough that sequences reach them, and that the sums say something.
fn limits() -> Limits {
    Limits {
        packet_bytes_max: 32 << 10,
        container_bytes_max: 16 << 10,
        inflate_bytes_max: 32 << 10,
        ids_max: 64,
        received_ids_max: 256,
        sent_max: 64,
        sent_bytes_max: 64 << 10,
        notices_bytes_max: 16 << 10,
        calls_max: 16,
        calls_bytes_max: 48 << 10,
        events_max: 64,
        events_bytes_max: 32 << 10,
        service_queue_max: 32,
        quick_acks_max: 16,
        ..Limits::default()
    }
}

/// What either half may hold when all is said and done: its ids and the capacity of its queues.
const IDLE_BYTES: usize = 32 << 10;

/// One step of the embedders, the link or the clocks.
#[derive(Clone, Debug)]
enum Op {
    /// The client asks something of so many words.
    Call(u16),
    /// The client no longer waits for one of its calls.
    Abandon(u8),
    /// The server answers one of the calls it runs.
    Reply(u8),
    /// The server refuses one of them.
    Refuse(u8),
    Push,
    Ping,
    FutureSalts,
    ClientSends,
    ServerSends,
    /// One packet arrives, whichever is named.
    Up(u8, Fate),
    Down(u8, Fate),
    /// The transport is lost, with all that was under way, and another one is there.
    Cut,
    Wait(u8),
    /// Only the wall clock of one side moves.
    StepClient(i16),
    StepServer(i16),
    /// The server forgets all sessions.
    Forget,
    /// The same, and it rotates its salts.
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Twice,
    Lost,
    Corrupt(u16),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Arrives),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Lost),
        1 => any::<u16>().prop_map(Fate::Corrupt),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0_u16..2000).prop_map(Op::Call),
        1 => any::<u8>().prop_map(Op::Abandon),
        6 => any::<u8>().prop_map(Op::Reply),
        1 => any::<u8>().prop_map(Op::Refuse),
        2 => Just(Op::Push),
        1 => Just(Op::Ping),
        1 => Just(Op::FutureSalts),
        8 => Just(Op::ClientSends),
        8 => Just(Op::ServerSends),
        8 => (any::<u8>(), fate()).prop_map(|(which, fate)| Op::Up(which, fate)),
        8 => (any::<u8>(), fate()).prop_map(|(which, fate)| Op::Down(which, fate)),
        1 => Just(Op::Cut),
        3 => (1_u8..60).prop_map(Op::Wait),
        1 => (-700_i16..700).prop_map(Op::StepClient),
        1 => (-20_i16..20).prop_map(Op::StepServer),
        1 => Just(Op::Forget),
        1 => Just(Op::Restart),
    ]
}

/// What became of one call.
#[derive(Debug, Default)]
struct Record {
    body: Bytes,
    /// In which sessions it ran, and how often the server had forgotten all of them before.
    ran_in: BTreeSet<(u32, i64)>,
    refused: bool,
    abandoned: bool,
    ended: bool,
}

struct World {
    key: AuthKey,
    client_clock: Now,
    server_clock: Now,
    client: ClientSession,
    client_meter: Meter,
    /// By the session_id the client chose; a client may begin a new one.
    servers: BTreeMap<i64, (ServerSession, Meter)>,
    /// How often all of those were forgotten.
    run: u32,
    salt_secret: u8,
    up: VecDeque<BytesMut>,
    down: VecDeque<BytesMut>,
    /// Calls the server runs.
    running: Vec<(i64, CallId, Bytes)>,
    calls: BTreeMap<CallId, Record>,
    number: u32,
    tuples: BTreeSet<(i64, i64, i64, i32)>,
    msg_keys: BTreeSet<[u8; 16]>,
}

const START_S: u64 = 1_800_000_000;

impl World {
    fn new() -> Self {
        let key = key(7);
        let clock = Now::new(Instant::from_micros(1_000_000), UnixTime::from_secs(START_S));
        let mut client_meter = Meter::default();
        let client = client_meter.of(|| {
            let seed = Seed::for_testing(1);
            let mut client = ClientSession::new(None, seed, limits(), Timings::default());
            client.use_key(key.clone(), 1);
            client.transport_connected(clock);
            client
        });
        Self {
            key,
            client_clock: clock,
            server_clock: clock,
            client,
            client_meter,
            servers: BTreeMap::new(),
            run: 0,
            salt_secret: 0,
            up: VecDeque::new(),
            down: VecDeque::new(),
            running: Vec::new(),
            calls: BTreeMap::new(),
            number: 0,
            tuples: BTreeSet::new(),
            msg_keys: BTreeSet::new(),
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Call(words) => self.call(usize::from(*words)),
            Op::Abandon(which) => self.abandon(usize::from(*which)),
            Op::Reply(which) => self.reply(usize::from(*which), false),
            Op::Refuse(which) => self.reply(usize::from(*which), true),
            Op::Push => self.push(),
            Op::Ping => self.client_meter.of(|| self.client.ping(i64::from(self.number))),
            Op::FutureSalts => self.client_meter.of(|| self.client.get_future_salts(4)),
            Op::ClientSends => drop(self.client_sends()),
            Op::ServerSends => drop(self.server_sends()),
            Op::Up(which, fate) => self.carry(Side::Client, usize::from(*which), *fate),
            Op::Down(which, fate) => self.carry(Side::Server, usize::from(*which), *fate),
            Op::Cut => self.cut(),
            Op::Wait(seconds) => self.pass(Duration::from_secs(u64::from(*seconds))),
            Op::StepClient(seconds) => step_wall(&mut self.client_clock, *seconds),
            Op::StepServer(seconds) => step_wall(&mut self.server_clock, *seconds),
            Op::Forget => self.forget(),
            Op::Restart => {
                self.salt_secret = self.salt_secret.wrapping_add(1);
                self.forget();
            }
        }
        self.settle_events();
        self.client_meter.holds_at_most(limits().client_session_bytes_max());
        for (_, meter) in self.servers.values() {
            meter.holds_at_most(limits().session_bytes_max());
        }
    }

    // --- the embedders -------------------------------------------------------------------

    fn call(&mut self, words: usize) {
        self.number += 1;
        let mut data = self.number.to_le_bytes().to_vec();
        data.extend(
            (0..words * 4).map(|at| (at.wrapping_mul(usize::from(at as u8 | 1)) >> 3) as u8),
        );
        let body = echo(&data);
        let called = self.client_meter.of(|| self.client.call(Bytes::copy_from_slice(&body)));
        match called {
            Ok(id) => {
                self.calls.insert(id, Record { body, ..Record::default() });
            }
            Err(refused) => assert!(matches!(refused, UsageError::QueueFull { .. })),
        }
    }

    fn abandon(&mut self, which: usize) {
        let open: Vec<CallId> =
            self.calls.iter().filter(|(_, call)| !call.ended).map(|(id, _)| *id).collect();
        if let Some(id) = open.get(which % open.len().max(1)) {
            self.client_meter.of(|| self.client.abandon(*id)).expect("it is open");
            self.calls.get_mut(id).expect("known").abandoned = true;
        }
    }

    fn reply(&mut self, which: usize, refuse: bool) {
        if self.running.is_empty() {
            return;
        }
        let (session_id, call, body) = self.running.swap_remove(which % self.running.len());
        let Some((server, meter)) = self.servers.get_mut(&session_id) else { return };
        if refuse {
            self.calls
                .values_mut()
                .filter(|record| record.body == body)
                .for_each(|record| record.refused = true);
            meter.of(|| server.reply_error(call, 400, "REFUSED")).expect("it runs");
        } else {
            meter.of(|| server.reply(call, Bytes::copy_from_slice(&body))).expect("it runs");
        }
    }

    fn push(&mut self) {
        let session = self.client.session_id().and_then(|id| self.servers.get_mut(&id));
        if let Some((server, meter)) = session {
            let pushed = meter.of(|| server.push(echo(b"an update")));
            assert!(matches!(pushed, Ok(_) | Err(UsageError::QueueFull { .. })));
        }
    }

    fn settle_events(&mut self) {
        while let Some(event) = self.client_meter.of(|| self.client.poll_event()) {
            let copy = match &event {
                ClientSessionEvent::Reply { call, result: Ok(body) } => {
                    Some((*call, Ok(Bytes::copy_from_slice(body))))
                }
                ClientSessionEvent::Reply { call, result: Err(error) } => {
                    Some((*call, Err(error.clone())))
                }
                _ => None,
            };
            self.client_meter.of(|| drop(event));
            let Some((call, result)) = copy else { continue };
            let record = self.calls.get_mut(&call).expect("a call of ours");
            assert!(!record.ended, "{call:?} ended twice");
            record.ended = true;
            match result {
                Ok(body) => assert_eq!(body, record.body, "the answer of another call"),
                Err(CallError::Abandoned) => assert!(record.abandoned),
                // The server still runs calls that were abandoned, and takes no more.
                Err(CallError::Rpc(error)) if error.message == "FLOOD_WAIT_1" => {}
                Err(CallError::Rpc(error)) => {
                    assert!(record.refused && error.message == "REFUSED", "{error}");
                }
                Err(error) => panic!("{call:?}: {error}"),
            }
        }
        let run = self.run;
        for (session_id, (server, meter)) in &mut self.servers {
            while let Some(event) = meter.of(|| server.poll_event()) {
                let copy = match &event {
                    ServerSessionEvent::Call { call, body, .. } => {
                        Some((*call, Bytes::copy_from_slice(body)))
                    }
                    _ => None,
                };
                meter.of(|| drop(event));
                let Some((call, body)) = copy else { continue };
                let mut of_body = self.calls.values_mut().filter(|record| record.body == body);
                let record = of_body.next().expect("a body the client sent");
                assert!(record.ran_in.insert((run, *session_id)), "it ran twice in one session");
                self.running.push((*session_id, call, body));
            }
        }
    }

    // --- the link ------------------------------------------------------------------------

    fn client_sends(&mut self) -> bool {
        let mut packet = BytesMut::new();
        let send = || self.client.poll_transmit(self.client_clock, &mut packet);
        let any = self.client_meter.of(send);
        let copy = BytesMut::from(&packet[..]);
        self.client_meter.of(|| drop(packet));
        if any {
            self.note(Side::Client, &copy);
            self.up.push_back(copy);
        }
        any
    }

    fn server_sends(&mut self) -> bool {
        let session = self.client.session_id().and_then(|id| self.servers.get_mut(&id));
        let Some((server, meter)) = session else { return false };
        let mut packet = BytesMut::new();
        let any = meter.of(|| server.poll_transmit(self.server_clock, &mut packet));
        let copy = BytesMut::from(&packet[..]);
        meter.of(|| drop(packet));
        if any {
            self.note(Side::Server, &copy);
            self.down.push_back(copy);
        }
        any
    }

    /// Nothing is sealed twice.
    fn note(&mut self, from: Side, packet: &BytesMut) {
        let msg_key = packet[8..24].try_into().expect("16 bytes");
        assert!(self.msg_keys.insert(msg_key), "a msg_key came twice");
        let opened = envelope::open(&self.key, from, packet.clone()).expect("sealed by us");
        let Header { salt, session_id, msg_id, seq_no } = opened.header;
        let tuple = (salt, session_id, msg_id.as_i64(), seq_no);
        assert!(self.tuples.insert(tuple), "sealed twice: {tuple:?}");
    }

    fn carry(&mut self, from: Side, which: usize, fate: Fate) {
        let queue = if from == Side::Client { &mut self.up } else { &mut self.down };
        if queue.is_empty() {
            return;
        }
        let Some(mut packet) = queue.remove(which % queue.len()) else { return };
        match fate {
            Fate::Arrives => self.arrive(from, packet),
            Fate::Twice => {
                self.arrive(from, packet.clone());
                self.settle_events();
                self.arrive(from, packet);
            }
            Fate::Lost => {}
            Fate::Corrupt(at) => {
                let at = 8 + usize::from(at) % (packet.len() - 8);
                packet[at] ^= 0x10;
                assert!(envelope::open(&self.key, from, packet).is_err(), "a forged packet");
                // A connection that brought one is closed.
                self.cut();
            }
        }
    }

    fn arrive(&mut self, from: Side, packet: BytesMut) {
        let (key, run, salt_secret) = (&self.key, self.run, self.salt_secret);
        let open = || envelope::open(key, from, BytesMut::from(&packet[..]));
        let session_id = open().expect("as it was sent").header.session_id;
        if from == Side::Server {
            self.client_meter.of(|| {
                self.client.handle_opened(self.client_clock, open().expect("as it was sent"));
            });
            return;
        }
        let (server, meter) = self.servers.entry(session_id).or_insert_with(|| {
            let mut meter = Meter::default();
            (meter.of(|| new_server(key, session_id, run, salt_secret)), meter)
        });
        meter.of(|| server.handle_opened(self.server_clock, open().expect("as it was sent")));
    }

    fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        self.client_meter.of(|| {
            self.client.transport_lost();
            self.client.transport_connected(self.client_clock);
        });
        for (server, meter) in self.servers.values_mut() {
            meter.of(|| server.transport_lost());
        }
    }

    fn forget(&mut self) {
        self.run += 1;
        self.servers.clear();
        self.running.clear();
        self.cut();
    }

    fn pass(&mut self, duration: Duration) {
        self.client_clock = self.client_clock.after(duration);
        self.server_clock = self.server_clock.after(duration);
        self.client_meter.of(|| self.client.handle_timeout(self.client_clock));
        for (server, meter) in self.servers.values_mut() {
            meter.of(|| server.handle_timeout(self.server_clock));
        }
        if self.client.is_dead(self.client_clock) {
            self.cut();
        }
    }

    /// The faults stop.
    fn heal(&mut self) {
        for _ in 0..60 {
            while self.exchange() {}
            self.pass(Duration::from_secs(20));
        }
        while self.exchange() {}
    }

    /// One round in which everything that waits is sent, arrives, runs and is answered.
    fn exchange(&mut self) -> bool {
        let mut moved = false;
        while self.client_sends() {
            moved = true;
        }
        while self.server_sends() {
            moved = true;
        }
        while !self.up.is_empty() {
            self.carry(Side::Client, 0, Fate::Arrives);
            self.settle_events();
        }
        while !self.down.is_empty() {
            self.carry(Side::Server, 0, Fate::Arrives);
            self.settle_events();
        }
        while !self.running.is_empty() {
            self.reply(0, false);
            moved = true;
        }
        moved
    }
}

fn new_server(key: &AuthKey, session_id: i64, run: u32, salt_secret: u8) -> ServerSession {
    let seed = u64::from(run) << 32 | u64::from(session_id as u32);
    let key = ServerKey {
        auth_key: key.clone(),
        first_salt: None,
        expires_at: None,
        bound_to: None,
        dc: 2,
    };
    ServerSession::new(
        &key,
        session_id,
        Secret::init(|bytes| bytes.fill(salt_secret)),
        Seed::for_testing(seed),
        limits(),
        Timings::default(),
    )
}

fn step_wall(clock: &mut Now, seconds: i16) {
    clock.wall = clock.wall.shifted(i64::from(seconds) * 1_000_000);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_sequence_of_operations_keeps_every_promise(
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut world = World::new();
        for op in &ops {
            world.step(op);
        }
        world.heal();
        for (id, record) in &world.calls {
            prop_assert!(record.ended, "{id:?} never ended: {record:?}");
        }
        prop_assert_eq!(world.client.open_calls(), 0);
        prop_assert!(!world.client_sends() && !world.server_sends(), "somebody still talks");
        world.client_meter.holds_at_most(IDLE_BYTES);
        for (_, meter) in world.servers.values() {
            meter.holds_at_most(IDLE_BYTES);
        }
    }
}

/// Shrunk findings of the test above, each with what was wrong.
#[test]
fn sequences_that_once_broke_a_promise_keep_it() {
    use Fate::Arrives;
    use Op::{Call, ClientSends, Down, Forget, Ping, Reply, ServerSends, StepServer, Up, Wait};
    let cases: [(&str, Vec<Op>); 5] = [
        (
            "a client set its clock by a notice that was long under way, and heard nothing more",
            vec![Call(0), ClientSends, Up(0, Arrives), ServerSends, Wait(31), Call(0), Call(0)],
        ),
        (
            "what the server had told to be lost ran all the same",
            vec![Call(0), Ping, Call(0), Wait(1), ClientSends, Wait(15), Call(0), Up(0, Arrives)],
        ),
        (
            "a late notice about a packet gave a new id to what had left again meanwhile",
            vec![Call(0), ClientSends, Wait(15), ClientSends, Up(29, Arrives)],
        ),
        (
            "a server told the time by ids that its clock had stepped back behind",
            vec![
                Call(0),
                ClientSends,
                Up(0, Arrives),
                ServerSends,
                Down(0, Arrives),
                Reply(0),
                StepServer(-20),
                Call(0),
                StepServer(-11),
            ],
        ),
        (
            "a session begun anew in the same microsecond gave out the ids of the last one again",
            vec![
                Call(0),
                ClientSends,
                Up(0, Arrives),
                ServerSends,
                Down(0, Arrives),
                Call(0),
                ClientSends,
                Up(0, Arrives),
                Reply(0),
                Reply(0),
                ServerSends,
                Down(0, Arrives),
                Forget,
                Call(0),
            ],
        ),
    ];
    for (what, ops) in cases {
        println!("{what}");
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut world = World::new();
        ops.iter().for_each(|op| world.step(op));
        world.heal();
        assert!(world.calls.values().all(|record| record.ended), "{what}");
    }
}
