//! The TL codec beside grammers-tl-types, on the service messages both have, and on a page of
//! messages of the Odnix layer.

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use grammers_tl_types::{Deserializable, Serializable, types as grammers};
use odnix_tl::odnix::types::messages::Messages;
use odnix_tl::{Decode, Encode, mtproto::types, odnix};
use std::hint::black_box;

/// Encodes and decodes the same object with both, after checking that the bytes are equal.
fn side_by_side<Ours, Theirs>(criterion: &mut Criterion, name: &str, ours: Ours, theirs: Theirs)
where
    Ours: Encode + Decode,
    Theirs: Serializable + Deserializable,
{
    let bytes = ours.to_bytes().expect("a small object");
    assert!(bytes.ends_with(&theirs.to_bytes()), "{name}");
    let bare = theirs.to_bytes();
    let mut group = criterion.benchmark_group(name);
    group.bench_function("encode/odnix", |bencher| bencher.iter(|| black_box(&ours).to_bytes()));
    group.bench_function("encode/grammers", |bencher| {
        bencher.iter(|| black_box(&theirs).to_bytes());
    });
    group.bench_function("decode/odnix", |bencher| {
        bencher.iter(|| Ours::from_bytes(black_box(bytes.clone())));
    });
    group.bench_function("decode/grammers", |bencher| {
        bencher.iter(|| Theirs::from_bytes(black_box(&bare)));
    });
    group.finish();
}

fn service(criterion: &mut Criterion) {
    let msg_ids: Vec<i64> = (0..100).map(|number| number << 32).collect();
    side_by_side(
        criterion,
        "msgs_ack of 100",
        types::MsgsAck { msg_ids: msg_ids.clone() },
        grammers::MsgsAck { msg_ids },
    );
    let pq = 2_694_724_800_268_887_959_u64.to_be_bytes();
    side_by_side(
        criterion,
        "resPQ",
        types::ResPq {
            nonce: [1; 16],
            server_nonce: [2; 16],
            pq: Bytes::copy_from_slice(&pq),
            server_public_key_fingerprints: vec![1, 2, 3],
        },
        grammers::ResPq {
            nonce: [1; 16],
            server_nonce: [2; 16],
            pq: pq.to_vec(),
            server_public_key_fingerprints: vec![1, 2, 3],
        },
    );
    side_by_side(
        criterion,
        "msgs_state_info of 16 KiB",
        types::MsgsStateInfo { req_msg_id: 1, info: vec![7; 16 << 10].into() },
        grammers::MsgsStateInfo { req_msg_id: 1, info: vec![7; 16 << 10] },
    );
}

fn messages(criterion: &mut Criterion) {
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
    let page = Messages {
        count: 100,
        messages: (0..100).map(message).collect(),
        users: vec![],
        chats: vec![],
    };
    let bytes = page.to_bytes().expect("a small object");
    let mut group = criterion.benchmark_group("100 messages of the Odnix layer");
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&page).to_bytes()));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| Messages::from_bytes(black_box(bytes.clone())));
    });
    group.finish();
}

criterion_group!(benches, service, messages);
criterion_main!(benches);
