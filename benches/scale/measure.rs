//! Many connections with their sessions in one process, and random traffic through them.
//!
//! Each client is 24 bytes here, and its key is derived anew for each packet, so that nothing of
//! the server's memory is touched before the server touches it. Packets are sealed before the
//! clock starts, and answers opened after it stopped.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use odnix_proto::{
    AuthKey, Instant, MsgId, Now, Secret, Seed, UnixTime,
    crypto::rsa::RsaPrivateKey,
    envelope::{self, Header, Side},
    handshake,
    limits::Limits,
    server::{Config, Connection, Event, ServerKey, SessionEvent},
    session::{FirstSalt, Timings},
    transport::ServerOptions,
};
use odnix_tl::{
    Encode,
    mtproto::{functions::Ping, types::MsgsAck},
    odnix::functions::help::Echo,
};
use rand_core::{Rng, SeedableRng};
use std::{sync::Arc, time::Duration};

const SALT: i64 = 0x5a17;
const CONTAINER: u32 = 0x73f1_f8dc;
/// Messages sealed before and opened after each measurement.
const BATCH: usize = 8192;
/// Messages measured together: briefer than a turn of another process.
const CHUNK: usize = 64;
const SESSIONS_PER_MS: usize = 100;

/// What one number of connections came to.
#[derive(Clone, Debug)]
pub struct Row {
    pub sessions: usize,
    /// Bytes of a logged-in connection with its session and key that has nothing to do.
    pub connection_bytes: usize,
    /// Bytes of a session, with its key, whose connection is gone.
    pub session_bytes: usize,
    /// Nanoseconds of the server's work for one call: received, opened, answered, sealed, framed,
    /// and its acknowledgement taken in. The median of chunks of 64 calls.
    pub message_ns: f64,
}

impl Row {
    pub fn messages_per_second(&self) -> f64 {
        1e9 / self.message_ns
    }
}

/// One row for `sessions` connections and about `messages` calls. `in_use` tells how many bytes
/// are allocated; `progress` hears what goes on.
pub fn scale(
    sessions: usize,
    messages: usize,
    in_use: impl Fn() -> usize,
    progress: impl Fn(&str),
) -> Row {
    let mut world = World::new(sessions);
    let mut kept = Vec::with_capacity(sessions);
    let before = in_use();
    let mut connections = Vec::with_capacity(sessions);
    for number in 0..sessions {
        connections.push(world.login(number));
        if number % 100_000 == 99_999 {
            progress(&format!("{sessions} sessions: {} logged in", number + 1));
        }
    }
    let connection_bytes = (in_use() - before) / sessions;

    let message_ns = median_of_traffic(&mut world, &mut connections, messages);
    progress(&format!("{sessions} sessions: {messages} messages"));

    // Later than any id of that traffic is remembered.
    world.pass(Duration::from_secs(360));
    for (number, connection) in connections.iter_mut().enumerate() {
        world.idle(number, connection);
    }
    kept.extend(connections.into_iter().filter_map(Connection::into_session));
    let session_bytes = (in_use() - before) / sessions;
    Row { sessions, connection_bytes, session_bytes, message_ns }
}

fn median_of_traffic(world: &mut World, connections: &mut [Connection], messages: usize) -> f64 {
    let mut times = Vec::new();
    while times.len() * CHUNK < messages {
        world.batch(connections, &mut times);
    }
    times.sort_unstable();
    times[times.len() / 2].as_nanos() as f64 / CHUNK as f64
}

/// What is left of a client.
#[derive(Clone, Copy, Default)]
struct Client {
    content_sent: i32,
    /// Answers and updates it has not acknowledged.
    unacknowledged: [i64; 2],
}

struct World {
    clients: Vec<Client>,
    config: Arc<Config>,
    rng: chacha20::ChaCha8Rng,
    now: Now,
    /// Ids given out within this second.
    fine: i64,
}

impl World {
    fn new(sessions: usize) -> Self {
        let pem = include_str!("../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
        let rsa = Arc::new(RsaPrivateKey::from_pem(pem).expect("a fixture"));
        let exchange = handshake::server::Config::new(vec![rsa], 2).expect("one key");
        let config = Config {
            handshake: Arc::new(exchange),
            transport: ServerOptions::default(),
            salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(3))),
            limits: Arc::new(Limits::default()),
            timings: Timings::default(),
        };
        Self {
            clients: vec![Client::default(); sessions],
            config: Arc::new(config),
            rng: chacha20::ChaCha8Rng::seed_from_u64(1),
            now: Now::new(Instant::from_micros(1), UnixTime::from_secs(1_800_000_000)),
            fine: 0,
        }
    }

    /// A connection with a key and a session, as it is after its client's first call and ping.
    fn login(&mut self, number: usize) -> Connection {
        let seed = Seed::for_testing(number as u64);
        let mut connection = Connection::new(Arc::clone(&self.config), seed);
        let mut opening = BytesMut::from([0xee; 4].as_slice());
        connection.receive(self.now, &mut opening).expect("a framing");
        let call = self.call(number);
        let mut answers = BytesMut::new();
        self.serve(number, &mut connection, call, &mut answers);
        self.take_answers(number, answers);
        self.idle(number, &mut connection);
        self.pass(Duration::from_micros(1000 / SESSIONS_PER_MS as u64));
        connection
    }

    /// The client acknowledges what it has, and pings.
    fn idle(&mut self, number: usize, connection: &mut Connection) {
        let ping = Ping { ping_id: 1 }.to_bytes().expect("small");
        let packet = self.packet(number, &ping, false);
        let mut answers = BytesMut::new();
        self.serve(number, connection, packet, &mut answers);
    }

    /// One batch of random calls to random connections; the server's time for each chunk.
    fn batch(&mut self, connections: &mut [Connection], times: &mut Vec<Duration>) {
        let mut numbers: Vec<usize> =
            (0..BATCH).map(|_| self.rng.next_u64() as usize % connections.len()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        // Each connection has one call at a time; their order is random again.
        for at in (1..numbers.len()).rev() {
            numbers.swap(at, self.rng.next_u64() as usize % (at + 1));
        }
        let mut calls: Vec<_> =
            numbers.iter().map(|&number| (number, self.call(number), BytesMut::new())).collect();
        for chunk in calls.chunks_exact_mut(CHUNK) {
            let started = std::time::Instant::now();
            for (number, packet, answers) in chunk {
                let packet = std::mem::take(packet);
                self.serve(*number, &mut connections[*number], packet, answers);
            }
            times.push(started.elapsed());
        }
        for (number, packet, mut answers) in calls {
            if !packet.is_empty() {
                self.serve(number, &mut connections[number], packet, &mut answers);
            }
            self.take_answers(number, answers);
        }
        self.pass(Duration::from_millis(1));
    }

    fn pass(&mut self, duration: Duration) {
        let before = self.now.wall.as_secs();
        self.now = self.now.after(duration);
        if self.now.wall.as_secs() != before {
            self.fine = 0;
        }
    }

    /// A call of 16 to 256 random bytes, with the acknowledgement of what came before.
    fn call(&mut self, number: usize) -> BytesMut {
        let mut data = vec![0; 16 + self.rng.next_u32() as usize % 241];
        self.rng.fill_bytes(&mut data);
        let call = Echo { data: data.into() }.to_bytes().expect("small");
        self.packet(number, &call, true)
    }

    /// A frame with one message, and an acknowledgement if there is anything to acknowledge.
    fn packet(&mut self, number: usize, body: &Bytes, is_content: bool) -> BytesMut {
        let msg_ids = self.clients[number].unacknowledged.into_iter().filter(|id| *id != 0);
        let msg_ids: Vec<i64> = msg_ids.collect();
        let ack = MsgsAck { msg_ids }.to_bytes().expect("small");
        let (ack_id, msg_id, outer) = (self.next_id(), self.next_id(), self.next_id());
        let client = &mut self.clients[number];
        client.unacknowledged = [0; 2];
        let even = client.content_sent * 2;
        client.content_sent += i32::from(is_content);
        let mut container = BytesMut::new();
        container.put_u32_le(CONTAINER);
        container.put_i32_le(2);
        for (id, seq_no, body) in
            [(ack_id, even, &ack), (msg_id, even + i32::from(is_content), body)]
        {
            container.put_i64_le(id);
            container.put_i32_le(seq_no);
            container.put_i32_le(body.len() as i32);
            container.put_slice(body);
        }
        let msg_id = MsgId::from_i64(outer);
        let seq_no = client.content_sent * 2;
        let header = Header { salt: SALT, session_id: number as i64, msg_id, seq_no };
        let mut packet = BytesMut::new();
        packet.put_u32_le(0);
        envelope::seal(&key(number), Side::Client, &header, &container, &mut self.rng, &mut packet)
            .expect("small");
        let len = packet.len() as u32 - 4;
        packet[..4].copy_from_slice(&len.to_le_bytes());
        packet
    }

    fn next_id(&mut self) -> i64 {
        self.fine += 4;
        (self.now.wall.as_secs() as i64) << 32 | self.fine
    }

    /// What the embedder of a server does with one packet.
    fn serve(
        &self,
        number: usize,
        connection: &mut Connection,
        mut packet: BytesMut,
        out: &mut BytesMut,
    ) {
        let now = self.now;
        connection.receive(now, &mut packet).expect("an honest client");
        while let Some(event) = connection.poll_event() {
            match event {
                Event::KeyWanted(id) => {
                    connection
                        .provide_key(now, id, Some(self.server_key(number)))
                        .expect("its key");
                }
                Event::SessionWanted(wanted) => {
                    connection.provide_session(now, wanted, None).expect("a new one");
                }
                Event::Session(SessionEvent::Call { call, body, .. }) => {
                    let session = connection.session().expect("it called");
                    session.reply(call, body).expect("it runs");
                }
                _ => {}
            }
        }
        while connection.poll_transmit(now, out).is_some() {}
    }

    fn server_key(&self, number: usize) -> ServerKey {
        let valid_until = self.now.wall.after(Duration::from_secs(3600));
        let first_salt = Some(FirstSalt { salt: SALT, valid_until });
        let auth_key = key(number);
        ServerKey { auth_key, first_salt, expires_at: None, bound_to: None, dc: 2 }
    }

    /// The client opens what came and notes what it has to acknowledge.
    fn take_answers(&mut self, number: usize, mut answers: BytesMut) {
        let mut content = Vec::new();
        while !answers.is_empty() {
            let len = answers.get_u32_le() as usize;
            let packet = answers.split_to(len);
            let opened = envelope::open(&key(number), Side::Server, packet).expect("our server");
            let mut data = opened.data;
            if data.first_chunk() == Some(&CONTAINER.to_le_bytes()) {
                data.advance(8);
                while !data.is_empty() {
                    let (msg_id, seq_no) = (data.get_i64_le(), data.get_i32_le());
                    let len = data.get_i32_le() as usize;
                    data.advance(len);
                    content.extend((seq_no & 1 == 1).then_some(msg_id));
                }
            } else if opened.header.seq_no & 1 == 1 {
                content.push(opened.header.msg_id.as_i64());
            }
        }
        assert!(content.len() <= 2, "an answer, and the news of a session");
        for (place, msg_id) in self.clients[number].unacknowledged.iter_mut().zip(content) {
            *place = msg_id;
        }
    }
}

/// The key of a client; any key will do.
fn key(number: usize) -> AuthKey {
    AuthKey::new(Secret::init(|bytes| {
        chacha20::ChaCha8Rng::seed_from_u64(number as u64).fill_bytes(bytes);
    }))
}
