//! Memory is taken for what has arrived, never for what a wire count announces. One test, in a
//! process of its own, under an allocator that counts.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::BytesMut;
use common::{Pair, client_id, echo, look, seal};
use odnix_proto::{
    Seed,
    envelope::{Header, Side},
    limits::Limits,
    transport::{ClientFramer, ClientOptions, Framing, ServerFramer, ServerOptions},
};
use odnix_tl::{Decode, Encode, Raw, mtproto::types, odnix};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Peak bytes above what was in use when `work` began.
fn peak_of(work: impl FnOnce()) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    work();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

fn announced(body: &[u8], at: usize, count: u32) -> Vec<u8> {
    let mut body = body.to_vec();
    body[at..at + 4].copy_from_slice(&count.to_le_bytes());
    body
}

#[test]
fn counts_and_lengths_on_the_wire_take_no_memory() {
    let ack = types::MsgsAck { msg_ids: vec![4, 8] }.to_bytes().unwrap();
    let state = types::MsgsStateReq { msg_ids: vec![4] }.to_bytes().unwrap();
    let users = odnix::functions::users::GetUsers { id: vec![] }.to_bytes().unwrap();
    let container = [0x73f1_f8dc_u32.to_le_bytes(), 1_u32.to_le_bytes()].concat();
    let nested = odnix::functions::InvokeAfterMsgs { msg_ids: vec![4], query: Raw(echo(b"x")) };
    let nested = nested.to_bytes().unwrap();
    for count in [1000, 1 << 20, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let messages = [
            announced(&ack, 8, count),
            announced(&state, 8, count),
            announced(&users, 8, count),
            announced(&container, 4, count),
            announced(&nested, 8, count),
        ];
        for body in messages {
            let mut pair = Pair::settled();
            pair.server.push(echo(b"salt")).unwrap();
            let packet = pair.server_sends().unwrap();
            let salt = look(&pair.key, Side::Server, &packet).header.salt;
            let session_id = pair.client.session_id().unwrap();
            let msg_id = client_id(pair.now.wall, 1 << 20);
            let seq_no = if body.starts_with(&container[..4]) { 100 } else { 101 };
            let header = Header { salt, session_id, msg_id, seq_no };
            let packet = seal(&pair.key, Side::Client, header, &body);
            let peak = peak_of(|| {
                pair.server_takes(packet);
            });
            assert!(peak < 16 << 10, "{peak} bytes for count {count} in {body:02x?}");
        }
        let peak = peak_of(|| {
            let body = announced(&users, 8, count);
            let _ = odnix::Request::from_bytes(body.into());
        });
        assert!(peak < 16 << 10, "{peak} bytes to decode count {count}");
    }
    announced_frames();
    bombs();
}

/// A frame that announces megabytes takes no memory before they arrive.
fn announced_frames() {
    for framing in Framing::ALL {
        let mut opening = BytesMut::new();
        let mut client = ClientFramer::new(&ClientOptions::new(framing), Seed::for_testing(1));
        client.frame(&[0; 40], &mut opening).unwrap();
        let mut announcement = match framing {
            Framing::Abridged => BytesMut::from([0x7f, 0xff, 0xff, 0x0f].as_slice()),
            Framing::Http => {
                let head = b"POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n";
                BytesMut::from(head.as_slice())
            }
            _ => BytesMut::from((4_u32 << 20).to_le_bytes().as_slice()),
        };
        let mut server = ServerFramer::new(ServerOptions::default(), Seed::for_testing(2));
        server.receive(&mut opening).unwrap();
        let _ = server.next_frame();
        let peak = peak_of(|| {
            let _ = server.receive(&mut announcement);
            let _ = server.next_frame();
        });
        assert!(peak < 16 << 10, "{peak} bytes for an announced {framing:?} frame");
    }
}

/// A stream that inflates without end stops at the budget of one packet.
fn bombs() {
    let mut pair = Pair::settled();
    pair.server.push(echo(b"salt")).unwrap();
    let packet = pair.server_sends().unwrap();
    let salt = look(&pair.key, Side::Server, &packet).header.salt;
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 64 << 20], 6);
    let body = types::GzipPacked { packed_data: zlib.into() }.to_bytes().unwrap();
    let session_id = pair.client.session_id().unwrap();
    let msg_id = client_id(pair.now.wall, 1 << 20);
    let header = Header { salt, session_id, msg_id, seq_no: 101 };
    let packet = seal(&pair.key, Side::Client, header, &body);
    let limit = Limits::default().inflate_bytes_max;
    let peak = peak_of(|| {
        pair.server_takes(packet);
    });
    // While a growing buffer moves, the old one and the new one exist.
    assert!(peak < 3 * limit, "{peak} bytes for a bomb");
}
