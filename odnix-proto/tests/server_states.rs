//! The server's connection in every order of events: it goes from state to state as its table
//! says. And what it owes to time: a probe that leads to nothing, keys that end while packets wait.

#[path = "common/transitions.rs"]
mod transitions;

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use odnix_proto::{
    AuthKey, AuthKeyId, Instant, MsgId, Now, PeerError, Secret, Seed, UnixTime,
    crypto::rsa::RsaPrivateKey,
    envelope::{self, Header, Side},
    handshake::{self, server::PqPool},
    limits::Limits,
    server::{self, Connection, Event, KeyStored, ServerKey, SessionEvent, SessionRef},
    session::{
        Timings,
        binding::{Carrier, seal_binding},
    },
    transition::Transition,
    transport::ServerOptions,
};
use odnix_tl::{
    Decode, Encode,
    mtproto::{functions, types},
};
use rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

const START_S: u64 = 1_800_000_000;
const EXPIRES_AT: i32 = START_S as i32 + 100;
/// The first temporary, the second permanent.
const KEYS: [u8; 2] = [7, 8];
const PERMANENT: u8 = 9;

static CONFIG: LazyLock<Arc<server::Config>> = LazyLock::new(|| {
    let pem = include_str!("fixtures/rsa_pkcs1.pem");
    let rsa = Arc::new(RsaPrivateKey::from_pem(pem).unwrap());
    let mut handshake = handshake::server::Config::new(vec![rsa], 2).unwrap();
    handshake.pq_pool = Arc::new(PqPool::draw(Seed::for_testing(5), 4));
    Arc::new(server::Config {
        handshake: Arc::new(handshake),
        transport: ServerOptions::default(),
        salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(3))),
        limits: Arc::new(Limits::default()),
        timings: Timings::default(),
    })
});

fn auth_key(number: u8) -> AuthKey {
    AuthKey::new(Secret::init(|bytes| bytes.fill(number)))
}

fn server_key(number: u8) -> ServerKey {
    let expires_at = (number == KEYS[0]).then_some(EXPIRES_AT);
    let auth_key = auth_key(number);
    ServerKey { auth_key, first_salt: None, expires_at, bound_to: None, dc: 2 }
}

/// A connection, the questions it has asked, and a client that seals one packet after another.
struct Run {
    now: Now,
    server: Connection,
    keys_wanted: Vec<AuthKeyId>,
    sessions_wanted: Vec<SessionRef>,
    said: Vec<SessionEvent>,
    salt: i64,
    sealed: i64,
    content: i32,
}

impl Run {
    fn new() -> Self {
        let mut server = Connection::new(Arc::clone(&CONFIG), Seed::for_testing(1));
        let now = Now::new(Instant::from_micros(5), UnixTime::from_secs(START_S));
        server.receive(now, &mut BytesMut::from(&[0xee; 4][..])).unwrap();
        Self {
            now,
            server,
            keys_wanted: Vec::new(),
            sessions_wanted: Vec::new(),
            said: Vec::new(),
            salt: 0,
            sealed: 0,
            content: 0,
        }
    }

    fn receive(&mut self, packet: &[u8]) -> Result<(), PeerError> {
        let mut frame = BytesMut::from(&(packet.len() as u32).to_le_bytes()[..]);
        frame.extend_from_slice(packet);
        self.server.receive(self.now, &mut frame)
    }

    fn next_id(&mut self) -> MsgId {
        self.sealed += 4;
        MsgId::from_i64((self.now.wall.as_secs() as i64) << 32 | self.sealed)
    }

    fn seal(&self, key: u8, session_id: i64, msg_id: MsgId, seq_no: i32, body: &[u8]) -> BytesMut {
        let header = Header { salt: self.salt, session_id, msg_id, seq_no };
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(self.sealed as u64);
        let mut packet = BytesMut::new();
        envelope::seal(&auth_key(key), Side::Client, &header, body, &mut rng, &mut packet).unwrap();
        packet
    }

    /// A packet with a ping.
    fn ping(&mut self, key: u8, session_id: i64) -> BytesMut {
        let msg_id = self.next_id();
        let body = functions::Ping { ping_id: 1 }.to_bytes().unwrap();
        self.seal(key, session_id, msg_id, 0, &body)
    }

    /// A content message.
    fn ask(&mut self, key: u8, msg_id: MsgId, body: &[u8]) -> Result<(), PeerError> {
        self.content += 1;
        let packet = self.seal(key, 1, msg_id, self.content * 2 - 1, body);
        self.receive(&packet)
    }

    fn probe(&mut self, nonce: u8) -> Result<(), PeerError> {
        let body = functions::ReqPqMulti { nonce: [nonce; 16] }.to_bytes().unwrap();
        let mut packet = BytesMut::new();
        envelope::write_plain(MsgId::from_i64(1), &body, &mut packet).unwrap();
        self.receive(&packet)
    }

    /// The packets that leave.
    fn sent(&mut self) -> Vec<BytesMut> {
        let mut packets = Vec::new();
        let mut out = BytesMut::new();
        while self.server.poll_transmit(self.now, &mut out).is_some() {
            packets.push(out.split().split_off(4));
        }
        packets
    }

    fn listen(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::KeyWanted(id) => self.keys_wanted.push(id),
                Event::SessionWanted(wanted) => self.sessions_wanted.push(wanted),
                Event::Session(event) => self.said.push(event),
                _ => {}
            }
        }
    }

    fn provide_key(&mut self) -> Result<(), PeerError> {
        self.listen();
        let Some(id) = self.keys_wanted.pop() else { return Ok(()) };
        let number = KEYS.into_iter().find(|number| auth_key(*number).id() == id).unwrap();
        self.server.provide_key(self.now, id, Some(server_key(number)))
    }

    fn provide_session(&mut self) -> Result<(), PeerError> {
        self.listen();
        let Some(wanted) = self.sessions_wanted.pop() else { return Ok(()) };
        self.server.provide_session(self.now, wanted, None)
    }

    /// A session of the first key, whose salt the client has learnt.
    fn carrying() -> Self {
        let mut run = Self::new();
        let packet = run.ping(KEYS[0], 1);
        run.receive(&packet).unwrap();
        run.provide_key().unwrap();
        run.provide_session().unwrap();
        assert_eq!(run.server.state(), "Carrying");
        let [notice] = &mut run.sent()[..] else { panic!("one notice") };
        let opened = envelope::open(&auth_key(KEYS[0]), Side::Server, notice.split()).unwrap();
        run.salt = types::BadServerSalt::from_bytes(opened.data).unwrap().new_server_salt;
        run
    }

    fn pass(&mut self, seconds: u64) -> Result<(), PeerError> {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.server.handle_timeout(self.now)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Symbol {
    /// A packet of this key, in this session.
    Packet(u8, i64),
    /// One that looks like the first key's, and one like a key exchange's.
    Junk,
    Mess,
    Probe,
    Key,
    NoKey,
    Session,
    Released,
    Refused,
    /// The time of an exchange ends, and so does the temporary key.
    Late,
}

use Symbol::{Junk, Key, Late, Mess, NoKey, Packet, Probe, Refused, Released, Session};

const ALL: [Symbol; 12] = [
    Packet(KEYS[0], 1),
    Packet(KEYS[0], 2),
    Packet(KEYS[1], 1),
    Junk,
    Mess,
    Probe,
    Key,
    NoKey,
    Session,
    Released,
    Refused,
    Late,
];

/// The reason as in the table, given where it led.
fn reason(symbol: Symbol, outcome: Result<(), PeerError>, to: &str) -> &'static str {
    match (symbol, outcome, to) {
        (_, Err(PeerError::UnknownKey), _) => "unknown key",
        (Late, Err(_), _) => "timeout",
        (_, Err(_), _) => "broken rule",
        (Packet(..) | Junk, _, "KeyAsked") => "packet under another key",
        (Packet(..) | Junk, ..) => "packet of another session",
        (Probe | Mess, ..) => "probe",
        (Key | NoKey, ..) => "key",
        (Session, ..) => "session",
        (Released, ..) => "session released",
        (Refused, ..) => "refused",
        (Late, ..) => "late",
    }
}

impl Run {
    fn apply(&mut self, symbol: Symbol) -> Result<(), PeerError> {
        match symbol {
            Packet(key, session_id) => {
                let packet = self.ping(key, session_id);
                self.receive(&packet)
            }
            Junk => {
                let mut packet = self.ping(KEYS[0], 1);
                *packet.last_mut().unwrap() ^= 1;
                self.receive(&packet)
            }
            Mess => self.receive(&[0; 24]),
            Probe => self.probe(self.sealed as u8),
            Key => self.provide_key(),
            NoKey => {
                self.listen();
                let id = self.keys_wanted.pop();
                id.map_or(Ok(()), |id| self.server.provide_key(self.now, id, None))
            }
            Session => self.provide_session(),
            Released => {
                self.server.release_session(self.now);
                Ok(())
            }
            Refused => {
                self.server.refuse(PeerError::Flood);
                Ok(())
            }
            Late => self.pass(150),
        }
    }

    /// Applies the symbol, and notes where it led: to another state, or to another question.
    fn note(&mut self, symbol: Symbol, seen: &mut BTreeSet<Transition>) {
        let from = self.server.state();
        self.listen();
        let questions = self.sessions_wanted.len();
        let outcome = self.apply(symbol);
        let to = self.server.state();
        self.listen();
        let asked_again = questions > 0 && self.sessions_wanted.len() >= questions;
        if from != to || (symbol == Session && asked_again && from != "Failed") {
            seen.insert(Transition::new(from, reason(symbol, outcome, to), to));
        }
        if from == "Failed" {
            assert_eq!(to, "Failed", "it is final");
        }
    }
}

fn every_sequence_after(prefix: &[Symbol], length: u32, seen: &mut BTreeSet<Transition>) {
    for number in 0..ALL.len().pow(length) {
        let mut run = Run::new();
        for symbol in prefix {
            run.note(*symbol, seen);
        }
        let mut rest = number;
        for _ in 0..length {
            run.note(ALL[rest % ALL.len()], seen);
            rest /= ALL.len();
        }
    }
}

/// A key made on the connection is the one it goes on with.
fn exchange(seen: &mut BTreeSet<Transition>) {
    let rsa = CONFIG.handshake.keys[0].public().clone();
    let config = Arc::new(handshake::client::Config::new(vec![rsa], 2).unwrap());
    let mut client = handshake::client::Handshake::new(config, Seed::for_testing(4));
    let mut run = Run::new();
    let mut made = false;
    while !made {
        let mut packet = BytesMut::new();
        if client.poll_transmit(run.now, &mut packet).is_some() {
            run.receive(&packet).unwrap();
        }
        while let Some(event) = run.server.poll_event() {
            match event {
                Event::Work(job) => run.server.complete(run.now, job.run()).unwrap(),
                Event::KeyCreated(key) => {
                    let from = run.server.state();
                    let id = key.auth_key.id();
                    run.server.key_stored(run.now, id, KeyStored::Stored).unwrap();
                    seen.insert(Transition::new(from, "key stored", run.server.state()));
                    made = true;
                }
                other => panic!("{other:?}"),
            }
        }
        for packet in run.sent() {
            client.handle_packet(run.now, packet.freeze()).unwrap();
        }
        while let Some(handshake::client::Event::Work(job)) = client.poll_event() {
            client.complete(run.now, job.run()).unwrap();
        }
    }
}

#[test]
fn every_order_of_events_leads_where_the_table_says_and_every_arrow_is_taken() {
    let mut seen = BTreeSet::new();
    let carrying = [Packet(KEYS[0], 1), Key, Session];
    let keyed = [Packet(KEYS[0], 1), Key, Session, Released];
    for prefix in [&[][..], &carrying[..2], &carrying, &keyed] {
        every_sequence_after(prefix, 3, &mut seen);
    }
    // More than one packet waits.
    let waiting = [Packet(KEYS[0], 1), Key, Packet(KEYS[0], 2)];
    every_sequence_after(&waiting, 2, &mut seen);
    every_sequence_after(&[waiting[0], Key, Junk], 2, &mut seen);
    exchange(&mut seen);
    transitions::compare(&seen, server::TRANSITIONS);
}

#[test]
fn a_probe_that_leads_to_nothing_does_not_end_the_session_it_came_before() {
    let mut run = Run::new();
    run.probe(1).unwrap();
    assert_eq!(run.sent().len(), 1, "resPQ");
    let packet = run.ping(KEYS[1], 1);
    run.receive(&packet).unwrap();
    run.provide_key().unwrap();
    run.provide_session().unwrap();
    run.sent();
    run.pass(61).unwrap();
    assert!(run.server.poll_timeout().is_none_or(|at| at > run.now.mono));
    let packet = run.ping(KEYS[1], 1);
    run.receive(&packet).unwrap();
    assert_eq!(run.server.state(), "Carrying");
    run.sent();
    assert_eq!(run.server.exchanges(), 1);
    run.probe(2).unwrap();
    assert_eq!(run.sent().len(), 1, "another exchange may begin");
    assert_eq!(run.server.exchanges(), 2, "and each is counted");
}

#[test]
fn an_exchange_without_a_session_ends_its_connection_in_time() {
    let mut run = Run::new();
    run.probe(1).unwrap();
    run.sent();
    assert_eq!(run.pass(59), Ok(()));
    assert!(run.pass(1).is_err());
}

#[test]
fn a_key_that_ends_while_its_packets_wait_opens_none_of_them() {
    // For the key itself.
    let mut run = Run::new();
    let packet = run.ping(KEYS[0], 1);
    run.receive(&packet).unwrap();
    run.pass(99).unwrap();
    run.provide_key().unwrap();
    assert_eq!(run.server.state(), "SessionAsked", "a second before its end");
    let mut run = Run::new();
    run.receive(&packet).unwrap();
    run.pass(100).unwrap();
    assert_eq!(run.provide_key(), Err(PeerError::UnknownKey));
    // For the session of the packet before.
    let mut run = Run::new();
    run.receive(&packet).unwrap();
    run.provide_key().unwrap();
    run.receive(&packet).unwrap();
    run.pass(100).unwrap();
    assert_eq!(run.provide_session(), Err(PeerError::UnknownKey));
}

#[test]
fn another_key_than_the_one_asked_for_is_none() {
    let mut run = Run::new();
    let packet = run.ping(KEYS[0], 1);
    run.receive(&packet).unwrap();
    run.listen();
    let id = run.keys_wanted.pop().unwrap();
    let other = Some(server_key(KEYS[1]));
    assert_eq!(run.server.provide_key(run.now, id, other), Err(PeerError::UnknownKey));
}

/// Binds the first key until `expires_at`.
fn bind(run: &mut Run, expires_at: i32) {
    let msg_id = run.next_id();
    let temp_auth_key_id = auth_key(KEYS[0]).id();
    let carrier = Carrier { msg_id, temp_auth_key_id, temp_session_id: 1 };
    let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
    let request: Bytes =
        seal_binding(&auth_key(PERMANENT), &carrier, expires_at, &mut rng).to_bytes().unwrap();
    run.ask(KEYS[0], msg_id, &request).unwrap();
    run.listen();
    let Some(SessionEvent::PermanentKeyWanted { call, .. }) = run.said.pop() else {
        panic!("no question")
    };
    let session = run.server.session().unwrap();
    session.provide_permanent_key(run.now, call, Some(&auth_key(PERMANENT))).unwrap();
    session.binding_stored(call, true).unwrap();
    assert_eq!(session.binding_state(), Some("Bound"));
}

#[test]
fn a_binding_may_end_its_key_before_the_time_it_was_made_for() {
    let mut run = Run::carrying();
    bind(&mut run, EXPIRES_AT - 50);
    run.pass(50).unwrap();
    let packet = run.ping(KEYS[0], 1);
    assert_eq!(run.receive(&packet), Err(PeerError::UnknownKey));
    let mut run = Run::carrying();
    bind(&mut run, EXPIRES_AT - 50);
    run.pass(49).unwrap();
    let packet = run.ping(KEYS[0], 1);
    run.receive(&packet).unwrap();
    // Another session of the key on the same connection.
    let packet = run.ping(KEYS[0], 2);
    run.receive(&packet).unwrap();
    run.provide_session().unwrap();
    run.pass(1).unwrap();
    let packet = run.ping(KEYS[0], 2);
    assert_eq!(run.receive(&packet), Err(PeerError::UnknownKey));
}
