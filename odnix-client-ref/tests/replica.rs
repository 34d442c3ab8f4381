//! What the local replica promises: update and checkpoint in one transaction, idempotent
//! application, privacy of the file, and one clear error for each way a disk can fail.

use odnix_client_ref::replica::{
    Batch, Checkpoint, DeviceKey, HistoryPage, MailboxModel, PendingSend, Replica, ReplicaError,
};
use odnix_proto::{AuthKey, Secret};
use odnix_tl::odnix::{
    enums::{DraftMessage, Peer, Update},
    types,
};
use tempfile::TempDir;

const SERVER: i64 = 0x0123_4567_89ab_cdef;
const ME: i64 = 1;
const BOB: i64 = 2;

fn user_peer(user_id: i64) -> Peer {
    Peer::PeerUser(types::PeerUser { user_id })
}

fn open(folder: &TempDir) -> Replica {
    Replica::open(folder.path(), SERVER, None).expect("open")
}

fn user(id: i64, username: &str) -> types::User {
    types::User {
        self_: false,
        contact: false,
        id,
        access_hash: id * 1000,
        username: username.into(),
        first_name: username.to_uppercase(),
        status: None,
    }
}

fn message(id: i64, out: bool, text: &str) -> types::Message {
    types::Message {
        out,
        id,
        from_id: if out { ME } else { BOB },
        peer_id: user_peer(BOB),
        date: 1_700_000_000,
        message: text.into(),
        media: None,
        action: None,
        edit_date: None,
    }
}

fn received(id: i64, pts: i32) -> Update {
    let message = message(id, false, &format!("line {id}"));
    Update::UpdateNewMessage(types::UpdateNewMessage { message, pts, pts_count: 1 })
}

fn sent(id: i64, random_id: i64, pts: i32) -> Update {
    let message = message(id, true, &format!("line {id}"));
    Update::UpdateMessageSent(types::UpdateMessageSent { message, random_id, pts, pts_count: 1 })
}

fn read(outbox: bool, max_id: i64, pts: i32) -> Update {
    Update::UpdateReadHistory(types::UpdateReadHistory {
        outbox,
        peer: user_peer(BOB),
        max_id,
        still_unread_count: 0,
        pts,
        pts_count: 1,
    })
}

fn batch(updates: Vec<Update>, pts: i32) -> Batch {
    Batch { updates, checkpoint: Some(Checkpoint { pts, date: 5 }), ..Batch::default() }
}

fn draft(draft: DraftMessage, pts: i32) -> Update {
    let peer = user_peer(BOB);
    Update::UpdateDraftMessage(types::UpdateDraftMessage { peer, draft, pts, pts_count: 1 })
}

/// What may follow [`log`].
fn changes() -> Vec<Update> {
    let written = types::DraftMessage { message: "half a".into(), date: 7 };
    let dropped = types::DraftMessageEmpty { date: 8 };
    let message = types::Message { edit_date: Some(9), ..message(13, false, "edited") };
    vec![
        draft(written.into(), 6),
        Update::UpdateEditMessage(types::UpdateEditMessage { message, pts: 7, pts_count: 1 }),
        Update::UpdateDeleteMessages(types::UpdateDeleteMessages {
            peer: user_peer(BOB),
            messages: vec![10],
            still_unread_count: 0,
            pts: 8,
            pts_count: 1,
        }),
        draft(dropped.into(), 9),
    ]
}

fn log() -> Vec<Update> {
    vec![received(10, 1), sent(11, 77, 2), read(false, 10, 3), received(13, 4), read(true, 11, 5)]
}

#[test]
fn everything_survives_reopening() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    let key = DeviceKey {
        auth_key: AuthKey::new(Secret::init(|bytes| bytes.fill(7))),
        server_salt: -5,
        time_offset_us: 12,
    };
    replica.save_device_key(&key).expect("key");
    replica.save_own_user(&user(ME, "alice")).expect("own user");
    replica.save_users(&[user(BOB, "Bob")]).expect("users");
    replica.apply(&batch(log(), 5)).expect("apply");
    let digest = replica.digest().expect("digest");
    drop(replica);

    let mut replica = open(&folder);
    assert_eq!(replica.device_key().expect("key").as_ref(), Some(&key));
    let own = replica.own_user().expect("own user").expect("signed in");
    assert!(own.self_ && own.username == "alice");
    assert_eq!(replica.user_by_name("bOB").expect("user").expect("known").id, BOB);
    assert_eq!(replica.checkpoint().expect("checkpoint"), Checkpoint { pts: 5, date: 5 });
    assert_eq!(replica.digest().expect("digest"), digest);
    replica.save_salt(9, 10).expect("salt");
    let newer = DeviceKey { server_salt: 9, time_offset_us: 10, ..key };
    assert_eq!(replica.device_key().expect("key"), Some(newer));
    replica.save_session(5).expect("session");
    assert_eq!(replica.session().expect("session"), Some(5));
    replica.forget_device_key().expect("forget");
    assert_eq!(replica.device_key().expect("key"), None);
    assert_eq!(replica.session().expect("session"), None);
    assert_eq!(replica.message_count().expect("count"), 3);
}

#[test]
fn updates_and_checkpoint_are_stored_together_or_not_at_all() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = Replica::open(folder.path(), SERVER, Some(256 << 10)).expect("open");
    replica.apply(&batch(vec![received(1, 1)], 1)).expect("small batch");
    let before = replica.digest().expect("digest");

    let filler = "x".repeat(64 << 10);
    let too_much = (2..20)
        .map(|id| {
            let message = message(id, false, &filler);
            Update::UpdateNewMessage(types::UpdateNewMessage { message, pts: 2, pts_count: 1 })
        })
        .collect();
    let error = replica.apply(&batch(too_much, 20)).expect_err("the disk is full");
    assert!(matches!(error, ReplicaError::Full { .. }), "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(replica.digest().expect("digest"), before);
    assert_eq!(replica.checkpoint().expect("checkpoint").pts, 1);

    replica.apply(&batch(vec![received(2, 2)], 2)).expect("there is room for a small one");
    assert_eq!(replica.checkpoint().expect("checkpoint").pts, 2);
}

#[test]
fn applying_twice_or_by_two_programs_changes_nothing_more() {
    let folder = TempDir::new().expect("temp dir");
    let (mut one, mut other) = (open(&folder), open(&folder));
    assert_eq!(one.apply(&batch(log(), 5)).expect("apply"), 3);
    let digest = one.digest().expect("digest");
    assert_eq!(other.apply(&batch(log()[..2].to_vec(), 2)).expect("apply"), 0);
    assert_eq!(other.digest().expect("digest"), digest);
    let checkpoint = other.checkpoint().expect("checkpoint");
    assert_eq!(checkpoint.pts, 5, "the checkpoint never moves backwards");
}

#[test]
fn the_digest_of_the_rows_is_that_of_the_log() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    let mut model = MailboxModel::default();
    assert_eq!(replica.digest().expect("digest"), model.digest());
    let mut previous = model.digest();
    for (pts, update) in (1..).zip(log().into_iter().chain(changes())) {
        model.apply(&update);
        replica.apply(&batch(vec![update], pts)).expect("apply");
        assert_eq!(replica.digest().expect("digest"), model.digest(), "at pts {pts}");
        assert_ne!(model.digest(), previous, "pts {pts} must show in the digest");
        previous = model.digest();
    }
}

#[test]
fn the_digest_sees_every_field() {
    let digest_of = |change: fn(&mut types::Message)| {
        let mut message = message(1, false, "text");
        change(&mut message);
        let mut model = MailboxModel::default();
        model.apply(&Update::UpdateNewMessage(types::UpdateNewMessage {
            message,
            pts: 1,
            pts_count: 1,
        }));
        model.digest()
    };
    let changes: [fn(&mut types::Message); 8] = [
        |_| {},
        |m| m.id = 2,
        |m| m.peer_id = user_peer(9),
        |m| m.from_id = 9,
        |m| m.date += 1,
        |m| m.message.push('!'),
        |m| m.out = true,
        |m| m.media = Some(types::DataJson { data: String::new() }),
    ];
    let digests: std::collections::HashSet<_> = changes.into_iter().map(digest_of).collect();
    assert_eq!(digests.len(), changes.len());
}

#[test]
fn a_send_is_pending_until_its_delivery_is_stored() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    let send = |random_id| PendingSend { random_id, peer_id: BOB, text: "hi".into() };
    for random_id in [77, 5, 6] {
        replica.begin_send(&send(random_id)).expect("begin");
    }
    drop(replica);
    let mut replica = open(&folder);
    let pending = |replica: &Replica| -> Vec<i64> {
        replica.pending_sends().expect("pending").iter().map(|send| send.random_id).collect()
    };
    assert_eq!(pending(&replica), [77, 5, 6], "in the order in which they were given");
    replica.apply(&batch(vec![sent(11, 77, 1)], 1)).expect("apply");
    assert_eq!(pending(&replica), [5, 6]);
    replica.abandon_send(5).expect("abandon");
    assert_eq!(pending(&replica), [6]);
}

#[test]
fn a_reader_finds_what_arrived_since_it_last_looked() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    assert_eq!(replica.last_arrival().expect("arrival"), 0);
    replica.apply(&batch(vec![received(20, 1)], 1)).expect("apply");
    let seen = replica.last_arrival().expect("arrival");
    let page =
        HistoryPage { peer_id: BOB, from: 3, before: 20, messages: vec![message(3, false, "old")] };
    let old = Batch { pages: vec![page], users: vec![user(BOB, "bob")], ..Batch::default() };
    assert_eq!(replica.apply(&old).expect("history"), 1, "one is new");
    assert_eq!(replica.apply(&old).expect("history"), 0);
    replica.apply(&batch(vec![received(21, 2)], 2)).expect("apply");
    let new = replica.arrived_after(seen, 10).expect("rows");
    assert_eq!(new.iter().map(|(_, row)| row.id).collect::<Vec<_>>(), [3, 21]);
    let history = replica.history(BOB, 0, 2).expect("history");
    assert_eq!(history.iter().map(|row| row.id).collect::<Vec<_>>(), [20, 21], "oldest first");
    let older = replica.history(BOB, 20, 2).expect("history");
    assert_eq!(older.iter().map(|row| row.id).collect::<Vec<_>>(), [3]);
}

#[test]
fn dialogs_count_what_is_unread() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    replica.apply(&batch(log(), 5)).expect("apply");
    let dialogs = replica.dialogs().expect("dialogs");
    let [dialog] = dialogs.as_slice() else { panic!("one dialog, got {dialogs:?}") };
    assert_eq!((dialog.peer_id, dialog.top_message, dialog.unread_count), (BOB, 13, 1));
    assert_eq!((dialog.read.inbox_max_id, dialog.read.outbox_max_id), (10, 11));
    for (max_id, newest) in [(i64::MAX, Some(13)), (13, Some(13)), (12, None)] {
        assert_eq!(replica.newest_unread(BOB, max_id).expect("query"), newest, "up to {max_id}");
    }
    let listed = types::Dialog {
        peer: user_peer(BOB),
        top_message: 13,
        read_inbox_max_id: 13,
        read_outbox_max_id: 0,
        unread_count: 0,
        pts: None,
        draft: None,
    };
    let listed = Batch { dialogs: vec![listed], ..Batch::default() };
    replica.apply(&listed).expect("apply");
    let dialog = replica.dialogs().expect("dialogs").remove(0);
    assert_eq!((dialog.read.inbox_max_id, dialog.read.outbox_max_id), (13, 11));
    assert_eq!(dialog.unread_count, 0);
}

fn in_group(chat_id: i64, id: i64) -> Update {
    let peer_id = Peer::PeerChat(types::PeerChat { chat_id });
    let message = types::Message { peer_id, ..message(id, false, "of a group") };
    Update::UpdateNewMessage(types::UpdateNewMessage { message, pts: 1, pts_count: 1 })
}

#[test]
fn dialogs_that_are_not_kept_are_gone_from_replica_and_model() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    let mut model = MailboxModel::default();
    let updates = [log(), vec![in_group(4, 20), in_group(4, 21)]].concat();
    updates.iter().for_each(|update| model.apply(update));
    assert_eq!(model.messages().map(|row| row.id).collect::<Vec<_>>(), [10, 11, 13, 20, 21]);
    replica.apply(&batch(updates, 5)).expect("apply");
    let keep = Batch { keep_dialogs: Some([BOB].into()), ..Batch::default() };
    replica.apply(&keep).expect("apply");
    model.forget_dialog(-4);
    assert_eq!(model.messages().map(|row| row.id).collect::<Vec<_>>(), [10, 11, 13]);
    let peers: Vec<i64> =
        replica.dialogs().expect("dialogs").iter().map(|dialog| dialog.peer_id).collect();
    assert_eq!(peers, [BOB]);
    let digest = replica.digest().expect("digest");
    assert_eq!(digest, model.digest());
    let hex: String = digest.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, digest.to_string());
}

#[test]
fn a_machine_goes_on_from_whom_and_what_the_replica_knows() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    assert!(replica.resume().expect("resume").is_none(), "nobody is signed in");
    replica.save_own_user(&user(ME, "alice")).expect("own user");
    let contact = |id, name: &str| types::User { contact: true, ..user(id, name) };
    let users = [contact(9, "zoe"), contact(8, "Carl"), user(BOB, "bob")];
    replica.save_users(&users).expect("users");
    let contacts: Vec<i64> =
        replica.contacts().expect("contacts").iter().map(|user| user.id).collect();
    assert_eq!(contacts, [8, 9], "by name");
    let group = |id, large, left| types::Chat {
        left,
        creator: false,
        large,
        id,
        title: format!("group {id}"),
        date: 1,
        participants_count: 2,
        version: 1,
        pts: large.then_some(70),
    };
    let groups = vec![group(3, false, false), group(4, true, false), group(5, true, true)];
    let followed = group(6, true, false);
    replica
        .apply(&Batch {
            chats: [groups, vec![followed]].concat(),
            checkpoint: Some(Checkpoint { pts: 5, date: 6 }),
            chat_checkpoints: vec![(6, 60)],
            ..Batch::default()
        })
        .expect("apply");
    let resumed = replica.resume().expect("resume").expect("signed in");
    assert_eq!((resumed.own_id, resumed.checkpoint), (ME, Checkpoint { pts: 5, date: 6 }));
    assert_eq!(resumed.known, [ME, BOB, 8, 9, -3, -4, -5, -6].into());
    assert_eq!((resumed.chats, resumed.small_chats), (vec![(6, 60)], [3].into()));
    assert_eq!(resumed.joining, [(4, 70)], "not that which was left");
    for (peer_id, name) in [(BOB, "bob"), (-3, "group 3"), (77, "77"), (-77, "-77")] {
        assert_eq!(replica.name_of(peer_id).expect("name"), name);
    }
}

#[test]
fn a_batch_is_empty_when_no_part_of_it_says_anything() {
    assert!(Batch::default().is_empty());
    let one = Batch::default;
    let page = HistoryPage { peer_id: BOB, from: 0, before: 1, messages: Vec::new() };
    let parts = [
        Batch { clear: true, ..one() },
        Batch { dropped_chats: vec![1], ..one() },
        Batch { users: vec![user(BOB, "bob")], ..one() },
        Batch { pages: vec![page], ..one() },
        Batch { drafts: Some(Vec::new()), ..one() },
        Batch { updates: vec![received(1, 1)], ..one() },
        Batch { settled_sends: vec![1], ..one() },
        Batch { keep_dialogs: Some([].into()), ..one() },
        Batch { checkpoint: Some(Checkpoint::default()), ..one() },
        Batch { chat_checkpoints: vec![(1, 1)], ..one() },
    ];
    for part in parts {
        assert!(!part.is_empty(), "{part:?}");
    }
}

#[test]
fn another_servers_key_is_refused() {
    let folder = TempDir::new().expect("temp dir");
    drop(open(&folder));
    let error = Replica::open(folder.path(), 1, None).expect_err("other server");
    assert!(matches!(error, ReplicaError::OtherServer { .. }), "{error}");
    assert!(error.to_string().contains("0123456789abcdef"), "{error}");
}

#[test]
fn foreign_and_newer_files_are_refused_and_left_alone() {
    let folder = TempDir::new().expect("temp dir");
    let path = folder.path().join("replica.sqlite");
    std::fs::write(&path, "a shopping list, definitely not a database").expect("write");
    let error = Replica::open(folder.path(), SERVER, None).expect_err("not a database");
    assert!(matches!(error, ReplicaError::NotAReplica { .. }), "{error}");
    assert!(std::fs::read_to_string(&path).expect("read").starts_with("a shopping list"));

    std::fs::remove_file(&path).expect("remove");
    let db = rusqlite::Connection::open(&path).expect("db");
    db.execute_batch("CREATE TABLE shopping (what TEXT)").expect("table");
    drop(db);
    let error = Replica::open(folder.path(), SERVER, None).expect_err("another program's");
    assert!(matches!(error, ReplicaError::NotAReplica { .. }), "{error}");

    std::fs::remove_file(&path).expect("remove");
    drop(open(&folder));
    let db = rusqlite::Connection::open(&path).expect("db");
    db.pragma_update(None, "user_version", 99).expect("version");
    drop(db);
    let error = Replica::open(folder.path(), SERVER, None).expect_err("newer schema");
    assert!(matches!(error, ReplicaError::NewerSchema { found: 99, .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_one_clear_error() {
    let folder = TempDir::new().expect("temp dir");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("write");
    let error = Replica::open(&file.join("data"), SERVER, None).expect_err("not a folder");
    assert!(matches!(error, ReplicaError::Unwritable { .. }), "{error}");
    assert!(error.to_string().starts_with("cannot write to"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().expect("temp dir");
    let data = folder.path().join("data");
    let mut replica = Replica::open(&data, SERVER, None).expect("open");
    replica.apply(&batch(log(), 5)).expect("apply");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).expect("folder") {
        let path = entry.expect("entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_replica_of_the_first_version_is_brought_to_the_newest_with_its_rows() {
    let folder = TempDir::new().expect("temp dir");
    let path = folder.path().join("replica.sqlite");
    let db = rusqlite::Connection::open(&path).expect("db");
    db.execute_batch(include_str!("../src/replica/migrations/1.sql")).expect("schema");
    db.execute_batch(
        "INSERT INTO device (id, server_fingerprint) VALUES (1, 0x0123456789abcdef);
         INSERT INTO checkpoint (id, pts, date) VALUES (1, 1, 5);
         INSERT INTO messages (id, peer_id, from_id, out, date, text)
             VALUES (10, 2, 2, 0, 1700000000, 'line 10');
         INSERT INTO pending_sends (random_id, peer_id, text) VALUES (77, 2, 'hi');
         PRAGMA user_version = 1;",
    )
    .expect("rows");
    drop(db);
    let mut old = open(&folder);
    let new_folder = TempDir::new().expect("temp dir");
    let mut new = open(&new_folder);
    new.apply(&batch(vec![received(10, 1)], 1)).expect("apply");
    assert_eq!(old.digest().expect("digest"), new.digest().expect("digest"));
    assert_eq!(old.checkpoint().expect("checkpoint").pts, 1);
    assert_eq!(old.pending_sends().expect("pending").len(), 1);
    old.fail_send(77, "refused").expect("the new columns are there");
    drop(old);
    assert!(open(&folder).pending_sends().expect("pending").is_empty());
}

#[test]
fn the_queue_of_sends_is_bounded() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    let send = |random_id| PendingSend { random_id, peer_id: BOB, text: "hi".into() };
    for random_id in [1, 2] {
        replica.queue_send(&send(random_id), 2).expect("write").expect("room");
    }
    let full = replica.queue_send(&send(3), 2).expect("write").expect_err("full");
    assert_eq!(full.limit, 2);
    replica.fail_send(1, "refused").expect("fail");
    replica.queue_send(&send(3), 2).expect("write").expect("a failed one takes no place");
}

const CLUB: i64 = 5;

fn club(left: bool, version: i32) -> types::Chat {
    types::Chat {
        left,
        creator: false,
        large: true,
        id: CLUB,
        title: "Club".into(),
        date: 1,
        participants_count: 2,
        version,
        pts: Some(7),
    }
}

/// What one program stores of the group, and how far that goes in its log.
fn of_club(id: i64, pts: i32) -> Batch {
    let mut message = message(id, false, "in the club");
    message.peer_id = Peer::PeerChat(types::PeerChat { chat_id: CLUB });
    let new = types::UpdateNewMessage { message, pts, pts_count: 1 };
    let updates = vec![Update::UpdateNewMessage(new)];
    Batch { updates, chat_checkpoints: vec![(CLUB, pts)], ..Batch::default() }
}

fn page_of_club(id: i64) -> Batch {
    let mut message = message(id, false, "in the club");
    message.peer_id = Peer::PeerChat(types::PeerChat { chat_id: CLUB });
    let messages = vec![message];
    let page = HistoryPage { peer_id: -CLUB, from: 0, before: i64::MAX, messages };
    Batch { pages: vec![page], ..Batch::default() }
}

#[test]
fn a_group_that_one_program_has_left_is_not_brought_back_by_another() {
    let folder = TempDir::new().expect("temp dir");
    let (mut one, mut other) = (open(&folder), open(&folder));
    one.apply(&Batch { chats: vec![club(false, 2)], ..of_club(10, 8) }).expect("apply");
    assert_eq!(one.chat_checkpoints().expect("checkpoints"), [(CLUB, 8)]);
    let left = Batch { dropped_chats: vec![CLUB], left_chats: vec![CLUB], ..Batch::default() };
    one.apply(&left).expect("apply");
    for late in [of_club(11, 9), page_of_club(12)] {
        other.apply(&late).expect("apply");
        assert_eq!(other.chat_checkpoints().expect("checkpoints"), []);
        assert_eq!(other.history(-CLUB, 0, 10).expect("history"), []);
        assert_eq!(other.chats_to_join().expect("chats"), []);
    }
    // The server describes it as the user's, then its log is followed.
    other.apply(&Batch { chats: vec![club(false, 4)], ..Batch::default() }).expect("apply");
    assert_eq!(other.chats_to_join().expect("chats"), [(CLUB, 7)]);
    other.apply(&of_club(13, 10)).expect("apply");
    assert_eq!(other.chat_checkpoints().expect("checkpoints"), [(CLUB, 10)]);
    assert_eq!(other.history(-CLUB, 0, 10).expect("history").len(), 1);
}

#[test]
fn a_group_whose_log_is_read_anew_is_not_left() {
    let folder = TempDir::new().expect("temp dir");
    let mut replica = open(&folder);
    replica.apply(&Batch { chats: vec![club(false, 2)], ..of_club(10, 8) }).expect("apply");
    let (dropped_chats, chat_checkpoints) = (vec![CLUB], vec![(CLUB, 0)]);
    replica.apply(&Batch { dropped_chats, chat_checkpoints, ..Batch::default() }).expect("apply");
    assert_eq!(replica.chat_checkpoints().expect("checkpoints"), [(CLUB, 0)]);
    assert!(!replica.chat(CLUB).expect("chat").expect("known").left);
}
