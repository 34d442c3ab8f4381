//! Key paths, to be counted in instructions by `benches/instructions/run.sh`.
//!
//! ```text
//! odnix-instructions list          each path, and how often `run` goes it
//! odnix-instructions run PATH
//! ```
//!
//! Nothing here is random, and what is counted happens inside [`counted`] alone.

mod exchange;
mod link;

use bytes::{Bytes, BytesMut};
use chacha20::ChaCha20Rng;
use odnix_proto::crypto::factor::factorize;
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::transport::{ClientFramer, ClientOptions, Framing, ServerFramer, ServerOptions};
use odnix_proto::{AuthKey, MsgId, Secret, Seed};
use odnix_tl::mtproto::types::MsgsAck;
use odnix_tl::odnix::types::messages::Messages;
use odnix_tl::{Decode, Encode, odnix};
use rand_core::SeedableRng;
use std::hint::black_box;
use std::process::ExitCode;

struct Path {
    name: &'static str,
    /// How often it is gone for one count.
    times: u32,
    go: fn(times: u32),
}

const PATHS: [Path; 12] = [
    Path { name: "seal-64", times: 100, go: |times| seal(times, 64) },
    Path { name: "seal-16k", times: 10, go: |times| seal(times, 16 << 10) },
    Path { name: "open-64", times: 100, go: |times| open(times, 64) },
    Path { name: "open-16k", times: 10, go: |times| open(times, 16 << 10) },
    Path { name: "call-and-reply", times: 100, go: link::calls_and_replies },
    Path { name: "frame-and-read-1k", times: 100, go: frames },
    Path { name: "encode-100-messages", times: 10, go: encode_page },
    Path { name: "decode-100-messages", times: 10, go: decode_page },
    Path { name: "encode-msgs-ack", times: 100, go: |times| encode(times, &acknowledgement()) },
    Path { name: "decode-msgs-ack", times: 100, go: decode_acknowledgement },
    Path { name: "factorize", times: 4, go: factorize_all },
    Path { name: "server-share-of-exchange", times: 1, go: exchange::server_share },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            for path in &PATHS {
                println!("{} {}", path.name, path.times);
            }
        }
        ["run", name] => {
            let Some(path) = PATHS.iter().find(|path| path.name == name) else {
                eprintln!("no path is called {name}: see `odnix-instructions list`");
                return ExitCode::FAILURE;
            };
            (path.go)(path.times);
        }
        _ => {
            eprintln!("odnix-instructions list | run PATH");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Valgrind is told this function by name.
#[inline(never)]
fn counted<R>(work: impl FnOnce() -> R) -> R {
    black_box(work())
}

/// Once uncounted, so that what is made on first use is there; then counted.
fn repeat(times: u32, mut work: impl FnMut()) {
    work();
    counted(|| (0..times).for_each(|_| work()));
}

const HEADER: Header =
    Header { salt: 1, session_id: 2, msg_id: MsgId::from_i64(0x6500_0000_1234_5678), seq_no: 5 };

fn key() -> AuthKey {
    AuthKey::new(Secret::init(|bytes| bytes.fill(7)))
}

fn seal(times: u32, data_len: usize) {
    let (key, data) = (key(), vec![7; data_len]);
    let (mut rng, mut out) = (ChaCha20Rng::seed_from_u64(1), BytesMut::new());
    repeat(times, || {
        out.clear();
        envelope::seal(&key, Side::Client, &HEADER, &data, &mut rng, &mut out).expect("short");
    });
}

fn open(times: u32, data_len: usize) {
    let (key, data) = (key(), vec![7; data_len]);
    let (mut rng, mut packet) = (ChaCha20Rng::seed_from_u64(1), BytesMut::new());
    envelope::seal(&key, Side::Client, &HEADER, &data, &mut rng, &mut packet).expect("short");
    repeat(times, || {
        black_box(envelope::open(&key, Side::Client, packet.clone()).expect("sealed with it"));
    });
}

/// A packet of 1 KiB through the obfuscated intermediate framing, written and read.
fn frames(times: u32) {
    let options = ClientOptions::new(Framing::Intermediate).obfuscated(Default::default());
    let mut client = ClientFramer::new(&options.expect("may be"), Seed::for_testing(1));
    let mut server = ServerFramer::new(ServerOptions::default(), Seed::for_testing(2));
    let (packet, mut wire) = ([1; 24 + 1024], BytesMut::new());
    repeat(times, || {
        client.frame(&packet, &mut wire).expect("short");
        server.receive(&mut wire).expect("honest");
        black_box(server.next_frame().expect("honest").expect("whole"));
    });
}

fn page() -> Messages {
    let message = |id: i64| odnix::types::Message {
        out: id % 2 == 0,
        id,
        from_id: 7,
        peer_id: odnix::types::PeerUser { user_id: 8 }.into(),
        date: 1_800_000_000,
        message: "A line of a conversation, about as long as lines are.".into(),
        media: None,
        action: None,
        edit_date: None,
    };
    let messages = (0..100).map(message).collect();
    Messages { count: 100, messages, users: vec![], chats: vec![] }
}

fn acknowledgement() -> MsgsAck {
    MsgsAck { msg_ids: (0..100).map(|number| number << 32).collect() }
}

fn encode(times: u32, object: &impl Encode) {
    repeat(times, || {
        black_box(object.to_bytes().expect("a small object"));
    });
}

fn decode<T: Decode>(times: u32, bytes: &Bytes) {
    repeat(times, || {
        black_box(T::from_bytes(bytes.clone()).is_ok());
    });
}

fn encode_page(times: u32) {
    encode(times, &page());
}

fn decode_page(times: u32) {
    decode::<Messages>(times, &page().to_bytes().expect("a small object"));
}

fn decode_acknowledgement(times: u32) {
    decode::<MsgsAck>(times, &acknowledgement().to_bytes().expect("a small object"));
}

/// Semiprimes of 62 and 63 bits, as servers in use send them.
const PQ: [u64; 4] = [
    2_694_724_800_268_887_959,
    1_724_114_033_281_923_457,
    1_470_626_929_934_143_021,
    4_611_685_975_477_714_963,
];

fn factorize_all(_: u32) {
    counted(|| PQ.map(|pq| factorize(black_box(pq))));
}
