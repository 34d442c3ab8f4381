//! Lists of ids in messages about messages: each list has a limit, and all of one packet have one.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use bytes::Bytes;
use common::{Pair, client_id, look, seal, server_id};
use odnix_proto::{
    MsgId,
    envelope::{Header, Side},
    limits::Limits,
};
use odnix_tl::{Constructor, Encode, mtproto::types};

/// A container with `msgs_state_req` of so many ids each; every second one in `gzip_packed`.
fn questions(lens: &[usize], mut next_id: impl FnMut() -> MsgId) -> Vec<u8> {
    let mut body = 0x73f1_f8dc_u32.to_le_bytes().to_vec();
    body.extend(u32::try_from(lens.len()).unwrap().to_le_bytes());
    for (number, len) in lens.iter().enumerate() {
        let request = types::MsgsStateReq { msg_ids: vec![5; *len] }.to_bytes().unwrap();
        let inner = if number % 2 == 0 { request } else { gzip(&request) };
        body.extend(next_id().as_i64().to_le_bytes());
        body.extend(0_u32.to_le_bytes());
        body.extend(u32::try_from(inner.len()).unwrap().to_le_bytes());
        body.extend(inner);
    }
    body
}

fn gzip(plain: &[u8]) -> Bytes {
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(plain, 6);
    types::GzipPacked { packed_data: zlib.into() }.to_bytes().unwrap()
}

/// How many `msgs_state_info` each side answers to one packet with these questions.
fn answered(lens: &[usize]) -> [usize; 2] {
    let mut pair = Pair::settled();
    pair.client.ping(1);
    let packet = pair.client_sends().unwrap();
    let header = look(&pair.key, Side::Client, &packet).header;
    pair.server_takes(packet);
    let (key, wall) = (pair.key.clone(), pair.now.wall);
    let infos = |side, packet| {
        let opened = look(&key, side, &packet);
        let id = types::MsgsStateInfo::ID.to_le_bytes();
        opened.data.windows(4).filter(|window| *window == id).count()
    };
    let mut fine = 1 << 20;
    let mut client_ids = || {
        fine += 1;
        client_id(wall, fine)
    };
    let body = questions(lens, &mut client_ids);
    let packet =
        seal(&key, Side::Client, Header { msg_id: client_ids(), seq_no: 0, ..header }, &body);
    pair.server_takes(packet);
    let of_server = pair.server_sends().map_or(0, |packet| infos(Side::Server, packet));
    let mut server_ids = || {
        fine += 1;
        server_id(wall, fine)
    };
    let body = questions(lens, &mut server_ids);
    let packet =
        seal(&key, Side::Server, Header { msg_id: server_ids(), seq_no: 0, ..header }, &body);
    pair.client_takes(packet);
    let of_client = pair.client_sends().map_or(0, |packet| infos(Side::Client, packet));
    [of_server, of_client]
}

#[test]
fn the_lists_of_one_packet_are_bounded_in_sum() {
    let list = Limits::default().ids_max;
    assert_eq!(Limits::default().packet_ids_max, 2 * list);
    let cases: [(&[usize], usize); 6] = [
        (&[list], 1),
        (&[list, list], 2),
        (&[list, list, 1], 2),
        (&[list, list - 1, 1, 1], 3),
        // One that goes beyond it takes nothing of what is left.
        (&[list, 1, list, list - 1], 3),
        (&[list; 100], 2),
    ];
    for (lens, expected) in cases {
        assert_eq!(answered(lens), [expected; 2], "{lens:?}");
    }
}
