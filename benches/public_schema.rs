//! The codec of generated types beside that of grammers-tl-types, on everyday objects of a large
//! public schema (see `conformance/public-schema`).
//!
//! Both allocate what they write, and drop what they read, within the measured time.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use grammers_tl_types::{
    Deserializable, Serializable, enums as their, functions as their_functions,
};
use odnix_public_schema::{enums, functions, types};
use odnix_tl::{Decode, Encode, Reader};
use serde_json::{Value, json};
use std::hint::black_box;

/// Encodes and decodes the same object with both, after checking that each reads what the other
/// wrote and that the bytes are equal. Theirs write the id of a function, but do not read it.
fn side_by_side<Ours, Theirs>(criterion: &mut Criterion, name: &str, id_len: usize, object: Value)
where
    Ours: Encode + Decode + PartialEq + serde::de::DeserializeOwned,
    Theirs: Serializable + Deserializable,
{
    let ours: Ours = serde_json::from_value(object).expect(name);
    let bytes = ours.to_bytes().expect(name);
    let theirs = Theirs::from_bytes(&bytes[id_len..]).expect(name);
    assert_eq!(theirs.to_bytes(), bytes, "{name}");
    assert!(Ours::from_bytes(Bytes::from(theirs.to_bytes())).is_ok_and(|again| again == ours));

    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode/odnix", |bencher| bencher.iter(|| black_box(&ours).to_bytes()));
    group.bench_function("encode/grammers", |bencher| {
        bencher.iter(|| black_box(&theirs).to_bytes());
    });
    group.bench_function("decode/odnix", |bencher| {
        bencher.iter(|| Ours::decode(&mut Reader::new(black_box(&bytes))));
    });
    group.bench_function("decode/grammers", |bencher| {
        bencher.iter(|| Theirs::from_bytes(black_box(&bytes[id_len..])));
    });
    group.finish();
}

/// `count` of what `item` makes of their numbers.
fn list(count: i64, item: impl Fn(i64) -> Value) -> Value {
    (0..count).map(item).collect()
}

fn peer(user_id: i64) -> Value {
    json!({"_": "peerUser", "user_id": user_id.to_string()})
}

/// Text with a link, an answer to another one, with a few reactions.
fn message(id: i64) -> Value {
    json!({
        "_": "message",
        "out": id % 2 == 0,
        "id": id,
        "from_id": peer(7_000_000_007),
        "peer_id": peer(7_000_000_008),
        "reply_to": {"_": "messageReplyHeader", "reply_to_msg_id": id - 1},
        "date": 1_800_000_000,
        "message": "A line of a conversation, about as long as lines are: https://example.org/page",
        "entities": [
            {"_": "messageEntityBold", "offset": 2, "length": 4},
            {"_": "messageEntityUrl", "offset": 54, "length": 24},
            {"_": "messageEntityTextUrl", "offset": 12, "length": 12, "url": "https://example.org/"},
        ],
        "edit_date": 1_800_000_060,
        "reactions": {
            "_": "messageReactions",
            "results": list(2, |count| json!({
                "_": "reactionCount",
                "reaction": {"_": "reactionEmoji", "emoticon": "👍"},
                "count": count + 1,
            })),
        },
    })
}

/// A user with most of the fields that users have.
fn user(id: i64) -> Value {
    json!({
        "_": "user",
        "contact": true,
        "mutual_contact": true,
        "premium": true,
        "id": (7_000_000_000 + id).to_string(),
        "access_hash": (id << 40).to_string(),
        "first_name": "Ada",
        "last_name": "Lovelace",
        "username": "ada_lovelace",
        "phone": "15550001843",
        "photo": {
            "_": "userProfilePhoto",
            "photo_id": (id << 33).to_string(),
            "stripped_thumb": "AQgIRJ0sjBcbmOOaKKKd2ToFFFFABRRRQB///w==",
            "dc_id": 4,
        },
        "status": {"_": "userStatusRecently"},
        "lang_code": "en",
        "emoji_status": {"_": "emojiStatus", "document_id": "5368324170671202286"},
        "usernames": list(3, |number| json!({
            "_": "username", "active": number == 0, "username": format!("ada_lovelace_{number}"),
        })),
        "stories_max_id": {"_": "recentStory", "max_id": 42},
        "color": {"_": "peerColor", "color": 5},
        "profile_color": {
            "_": "peerColor", "color": 3, "background_emoji_id": "5368324170671202286",
        },
    })
}

fn updates(criterion: &mut Criterion) {
    let update = |number: i64| {
        json!({
            "_": "updateNewMessage", "message": message(number), "pts": number + 1, "pts_count": 1,
        })
    };
    let object = json!({
        "_": "updates",
        "updates": list(20, update),
        "users": [user(7), user(8)],
        "chats": [],
        "date": 1_800_000_000,
        "seq": 0,
    });
    side_by_side::<enums::Updates, their::Updates>(criterion, "updates of 20 messages", 0, object);
}

fn messages(criterion: &mut Criterion) {
    let object = json!({
        "_": "messages.messages",
        "messages": list(100, message),
        "topics": [],
        "chats": [],
        "users": list(20, user),
    });
    let name = "messages.messages of 100";
    type Ours = enums::messages::Messages;
    side_by_side::<Ours, their::messages::Messages>(criterion, name, 0, object);
}

fn small(criterion: &mut Criterion) {
    side_by_side::<enums::User, their::User>(criterion, "user", 0, user(7));
    let object = json!({
        "_": "messages.sendMessage",
        "silent": true,
        "clear_draft": true,
        "peer": {"_": "inputPeerUser", "user_id": "7000000008", "access_hash": "-1234567890123"},
        "reply_to": {"_": "inputReplyToMessage", "reply_to_msg_id": 41},
        "message": "A line of a conversation, about as long as lines are.",
        "random_id": "-8070450532247928832",
        "entities": [{"_": "messageEntityBold", "offset": 2, "length": 4}],
    });
    type Ours = functions::messages::SendMessage;
    type Theirs = their_functions::messages::SendMessage;
    side_by_side::<Ours, Theirs>(criterion, "messages.sendMessage", 4, object);
}

fn bytes_and_vectors(criterion: &mut Criterion) {
    // Base64 without padding: three bytes in four characters.
    let data = "c2l4".repeat((128 << 10) / 3);
    let object = json!({
        "_": "upload.file",
        "type": {"_": "storage.fileJpeg"},
        "mtime": 1_800_000_000,
        "bytes": data,
    });
    let name = "upload.file of 128 KiB";
    type File = enums::upload::File;
    side_by_side::<File, their::upload::File>(criterion, name, 0, object);

    let imported = |id: i64| {
        json!({
            "_": "importedContact",
            "user_id": (7_000_000_000 + id).to_string(),
            "client_id": id.to_string(),
        })
    };
    let object = json!({
        "_": "contacts.importedContacts",
        "imported": list(1000, imported),
        "popular_invites": [],
        "retry_contacts": list(1000, |id| id.to_string().into()),
        "users": [],
    });
    let name = "contacts.importedContacts of 1000";
    type Contacts = types::contacts::ImportedContacts;
    side_by_side::<Contacts, their::contacts::ImportedContacts>(criterion, name, 0, object);
}

criterion_group!(benches, updates, messages, small, bytes_and_vectors);
criterion_main!(benches);
