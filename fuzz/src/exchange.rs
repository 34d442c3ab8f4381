//! One key exchange, recorded once: what each side sends, so that a target can drive either
//! machine to any of its states and then send it something else.
//!
//! The machines cannot be cloned, so each input drives one anew. The first states cost
//! microseconds; those behind an RSA or Diffie-Hellman job cost some milliseconds.

use crate::input::Input;
use bytes::{Bytes, BytesMut};
use chacha20::ChaCha20Rng;
use odnix_proto::crypto::ige::{aes256_ige_decrypt, aes256_ige_encrypt};
use odnix_proto::crypto::kdf::{AesKeyIv, handshake_keys};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::crypto::rsa_pad;
use odnix_proto::envelope::{PLAIN_LEN, write_plain};
use odnix_proto::handshake::server::KeyStored;
use odnix_proto::handshake::{Established, client, server};
use odnix_proto::{AuthKey, Instant, MsgId, Now, PeerError, Seed, UnixTime};
use odnix_tl::mtproto::enums::PQInnerData;
use odnix_tl::{Decode, mtproto::functions::ReqDhParams};
use rand_core::SeedableRng;
use sha1::{Digest, Sha1};
use std::sync::{Arc, LazyLock};

const RSA_BLOCK_LEN: usize = 256;
const SHA1_LEN: usize = 20;

/// What both sides said, and what it takes to change what is encrypted.
pub struct Recorded {
    /// Packets in order; those of the client have even numbers. The first key collides, so that
    /// every step is there: req_pq, resPQ, req_DH, params, set_client_DH, retry, the last two again.
    pub packets: Vec<Bytes>,
    /// The key both sides end with.
    pub auth_key: AuthKey,
    keys: AesKeyIv,
    inner_data_len: usize,
    padded: Vec<u8>,
}

static KEY: LazyLock<Arc<RsaPrivateKey>> = LazyLock::new(|| {
    let pem = include_str!("../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
    Arc::new(RsaPrivateKey::from_pem(pem).expect("a good key"))
});
static CLIENT: LazyLock<Arc<client::Config>> =
    LazyLock::new(|| Arc::new(client::Config::new(vec![KEY.public().clone()], 2).expect("a key")));
static SERVER: LazyLock<Arc<server::Config>> =
    LazyLock::new(|| Arc::new(server::Config::new(vec![Arc::clone(&KEY)], 2).expect("a key")));
/// The exchange.
pub static RECORDED: LazyLock<Recorded> = LazyLock::new(record);

/// The time of everything here.
pub fn now() -> Now {
    Now::new(Instant::from_micros(1), UnixTime::from_secs(1_750_000_000))
}

fn new_client() -> client::Handshake {
    client::Handshake::new(Arc::clone(&CLIENT), Seed::for_testing(1))
}

fn new_server() -> server::Handshake {
    server::Handshake::new(Arc::clone(&SERVER), Seed::for_testing(2))
}

/// Runs the client's jobs; the key, if there is one now.
pub fn work_client(client: &mut client::Handshake) -> Result<Option<Established>, PeerError> {
    while let Some(event) = client.poll_event() {
        match event {
            client::Event::Work(job) => client.complete(now(), job.run())?,
            client::Event::Established(key) => return Ok(Some(key)),
            other => panic!("{other:?}"),
        }
    }
    Ok(None)
}

/// Runs the server's jobs; the key, if it proposes one.
pub fn work_server(server: &mut server::Handshake) -> Result<Option<Established>, PeerError> {
    while let Some(event) = server.poll_event() {
        match event {
            server::Event::Work(job) => server.complete(now(), job.run())?,
            server::Event::KeyProposed(key) => return Ok(Some(key)),
            other => panic!("{other:?}"),
        }
    }
    Ok(None)
}

fn answer_server(server: &mut server::Handshake, stored: KeyStored) -> Option<Established> {
    let key = work_server(server).expect("a good packet")?;
    server.key_stored(now(), key.auth_key.id(), stored).expect("it was asked");
    Some(key)
}

fn record() -> Recorded {
    let (mut client, mut server) = (new_client(), new_server());
    let (mut packets, mut proposed) = (Vec::new(), 0);
    let auth_key = loop {
        let mut out = BytesMut::new();
        client.poll_transmit(now(), &mut out).expect("the client's turn");
        packets.push(out.split().freeze());
        server.handle_packet(now(), packets[packets.len() - 1].clone()).expect("a good packet");
        let stored = if proposed == 0 { KeyStored::Collision } else { KeyStored::Stored };
        proposed += usize::from(answer_server(&mut server, stored).is_some());
        server.poll_transmit(now(), &mut out).expect("the server's turn");
        packets.push(out.freeze());
        client.handle_packet(now(), packets[packets.len() - 1].clone()).expect("a good packet");
        if let Some(key) = work_client(&mut client).expect("a good packet") {
            break key.auth_key;
        }
    };
    let request = ReqDhParams::from_bytes(packets[2].slice(PLAIN_LEN..)).expect("req_DH_params");
    let mut blinding = ChaCha20Rng::seed_from_u64(1);
    let padded = rsa_pad::decrypt(&KEY, &request.encrypted_data, &mut blinding).expect("our block");
    let padded = padded.expose_secret().to_vec();
    let (inner, inner_data_len) =
        PQInnerData::from_prefix(Bytes::from(padded.clone())).expect("inner data");
    let PQInnerData::PQInnerDataDc(inner) = inner else { panic!("a permanent key") };
    let keys = handshake_keys(&inner.new_nonce, &inner.server_nonce);
    Recorded { packets, auth_key, keys, inner_data_len, padded }
}

/// A client that has taken in `answers` of the server's packets. With `busy`, its last job has
/// not been run.
pub fn client_at(answers: usize, busy: bool) -> client::Handshake {
    let mut client = new_client();
    let sent = |client: &mut client::Handshake| client.poll_transmit(now(), &mut BytesMut::new());
    sent(&mut client);
    for number in 0..answers {
        let packet = RECORDED.packets[2 * number + 1].clone();
        client.handle_packet(now(), packet).expect("a good packet");
        if !busy || number + 1 < answers {
            work_client(&mut client).expect("a good packet");
            sent(&mut client);
        }
    }
    client
}

/// A server that has taken in `requests` of the client's packets, likewise.
pub fn server_at(requests: usize, busy: bool) -> server::Handshake {
    let mut server = new_server();
    for number in 0..requests {
        let packet = RECORDED.packets[2 * number].clone();
        server.handle_packet(now(), packet).expect("a good packet");
        if !busy || number + 1 < requests {
            answer_server(&mut server, KeyStored::Collision);
            server.poll_transmit(now(), &mut BytesMut::new());
        }
    }
    server
}

/// The packet that an input makes of the recorded ones; `right` is the number of the one that
/// the machine waits for.
pub fn packet(input: &mut Input<'_>, right: usize) -> Bytes {
    match input.u8() % 5 {
        0 => Bytes::copy_from_slice(input.rest()),
        1 => {
            let msg_id = MsgId::from_i64(input.i64());
            let mut body = input.rest().to_vec();
            body.truncate(body.len() / 4 * 4);
            let mut out = BytesMut::new();
            let _ = write_plain(msg_id, &body, &mut out);
            out.freeze()
        }
        2 => edited(input, right),
        3 => edited_inside(input, right),
        _ => {
            let other = input.below(RECORDED.packets.len());
            edited(input, other)
        }
    }
}

/// A recorded packet with some bytes changed.
fn edited(input: &mut Input<'_>, number: usize) -> Bytes {
    let mut packet = RECORDED.packets[number].to_vec();
    input.edit(&mut packet);
    packet.into()
}

/// A recorded packet with some bytes changed inside its encrypted part, under a right hash.
fn edited_inside(input: &mut Input<'_>, number: usize) -> Bytes {
    match number {
        2 => edited_inner_data(input),
        3 | 4 | 6 => edited_answer(input, number),
        _ => edited(input, number),
    }
}

fn edited_inner_data(input: &mut Input<'_>) -> Bytes {
    let mut data = RECORDED.padded[..RECORDED.inner_data_len].to_vec();
    input.edit(&mut data);
    let mut random = ChaCha20Rng::seed_from_u64(2);
    let block = rsa_pad::encrypt(KEY.public(), &data, &mut random).expect("short data");
    let packet = &RECORDED.packets[2];
    [&packet[..packet.len() - RSA_BLOCK_LEN], &block].concat().into()
}

fn edited_answer(input: &mut Input<'_>, number: usize) -> Bytes {
    // The encrypted string is the last field; its long form has a header of 4 bytes.
    let packet = &RECORDED.packets[number];
    let at = PLAIN_LEN + 4 + 32 + 4;
    let mut plain = packet[at..].to_vec();
    let keys = &RECORDED.keys;
    aes256_ige_decrypt(keys.expose_key(), keys.expose_iv(), &mut plain).expect("whole blocks");
    let hash = plain[..SHA1_LEN].to_vec();
    let lens = (0..16).map(|padding| plain.len() - padding);
    let end = { lens }
        .find(|len| Sha1::digest(&plain[SHA1_LEN..*len])[..] == hash)
        .expect("the hash fits");
    input.edit(&mut plain[SHA1_LEN..end]);
    let hash = Sha1::digest(&plain[SHA1_LEN..end]);
    plain[..SHA1_LEN].copy_from_slice(&hash);
    aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut plain).expect("whole blocks");
    [&packet[..at], &plain].concat().into()
}
