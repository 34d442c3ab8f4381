//! Copies of the replica, and whether damage is noticed.

use odnix_client_ref::replica::{
    Batch, Checkpoint, Checkup, DeviceKey, KeyInCopy, PendingSend, Replica, ReplicaError,
};
use odnix_proto::{AuthKey, Secret};
use odnix_tl::odnix::{
    enums::{Peer, Update},
    types,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SERVER: i64 = 7;
const ME: i64 = 1;
const BOB: i64 = 2;
const CLUB: i64 = 9;
const KEY: [u8; 256] = [0x5a; 256];

fn user(id: i64) -> types::User {
    types::User {
        self_: id == ME,
        contact: false,
        id,
        access_hash: 5,
        username: format!("user{id}"),
        first_name: "A user".into(),
        status: None,
    }
}

fn message(id: i64, peer_id: Peer, out: bool) -> Update {
    let message = types::Message {
        out,
        id,
        from_id: if out { ME } else { BOB },
        peer_id,
        date: 1_700_000_000,
        message: format!("line {id}"),
        media: None,
        action: None,
        edit_date: None,
    };
    let pts = i32::try_from(id).expect("small");
    Update::UpdateNewMessage(types::UpdateNewMessage { message, pts, pts_count: 1 })
}

fn club() -> types::Chat {
    types::Chat {
        left: false,
        creator: true,
        large: true,
        id: CLUB,
        title: "Club".into(),
        date: 1,
        participants_count: 2,
        version: 1,
        pts: Some(1),
    }
}

/// Messages with a user and in a large group, read marks, a waiting send, and a key.
fn full(folder: &Path) -> Replica {
    let mut replica = Replica::open(folder, SERVER, None).expect("open");
    let auth_key = AuthKey::new(Secret::init(|bytes| bytes.copy_from_slice(&KEY)));
    let key = DeviceKey { auth_key, server_salt: 1, time_offset_us: 0 };
    replica.save_device_key(&key).expect("key");
    replica.save_own_user(&user(ME)).expect("own user");
    let bob = Peer::PeerUser(types::PeerUser { user_id: BOB });
    let chat = Peer::PeerChat(types::PeerChat { chat_id: CLUB });
    let mut updates: Vec<Update> =
        (1..=200).map(|id| message(id, bob.clone(), id % 3 == 0)).collect();
    updates.extend((201..=250).map(|id| message(id, chat.clone(), false)));
    updates.push(Update::UpdateReadHistory(types::UpdateReadHistory {
        outbox: false,
        peer: bob,
        max_id: 50,
        still_unread_count: 0,
        pts: 251,
        pts_count: 1,
    }));
    let batch = Batch {
        users: vec![user(BOB)],
        chats: vec![club()],
        updates,
        checkpoint: Some(Checkpoint { pts: 251, date: 5 }),
        chat_checkpoints: vec![(CLUB, 50)],
        ..Batch::default()
    };
    assert_eq!(replica.apply(&batch).expect("apply"), 250);
    replica.begin_send(&waiting()).expect("send");
    replica
}

fn waiting() -> PendingSend {
    PendingSend { random_id: 99, peer_id: BOB, text: "not sent yet".into() }
}

fn folder() -> TempDir {
    TempDir::new().expect("temp dir")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
        .collect();
    files.sort();
    files
}

fn holds_the_key(file: &Path) -> bool {
    let bytes = std::fs::read(file).expect("file");
    bytes.windows(16).any(|window| window == &KEY[..16])
}

#[test]
fn a_backup_is_the_replica_at_one_moment_and_comes_back_as_it() {
    let (home, elsewhere) = (folder(), folder());
    let mut replica = full(home.path());
    let copy = elsewhere.path().join("backup.sqlite");
    let at_backup = replica.check().expect("check");
    assert_eq!(at_backup.damages, [""; 0]);
    assert_eq!(replica.backup(&copy, KeyInCopy::Kept).expect("backup"), at_backup);
    replica.abandon_send(99).expect("the replica goes on");
    let later = message(300, Peer::PeerUser(types::PeerUser { user_id: BOB }), false);
    replica.apply(&Batch { updates: vec![later], ..Batch::default() }).expect("apply");

    let new_home = elsewhere.path().join("new/home");
    assert_eq!(Replica::restore(&copy, &new_home).expect("restore"), at_backup);
    let restored = Replica::open(&new_home, SERVER, None).expect("open");
    assert_eq!(Some(restored.digest().expect("digest")), at_backup.digest);
    assert_eq!(restored.checkpoint().expect("checkpoint").pts, 251);
    assert_eq!(restored.pending_sends().expect("sends"), [waiting()]);
    assert_eq!(restored.own_user().expect("own"), Some(user(ME)));
    assert!(restored.device_key().expect("key").is_some());
    let refused = Replica::open(&new_home, SERVER + 1, None);
    assert!(matches!(refused, Err(ReplicaError::OtherServer { .. })), "still that server's");
    let left: Vec<PathBuf> = files_in(elsewhere.path());
    assert_eq!(left, [copy, elsewhere.path().join("new")], "nothing is left of the work");
}

#[test]
fn the_key_is_in_a_backup_only_if_it_was_asked_for() {
    let (home, elsewhere) = (folder(), folder());
    let replica = full(home.path());
    for (key, expected) in [(KeyInCopy::LeftOut, false), (KeyInCopy::Kept, true)] {
        let copy = elsewhere.path().join(format!("{key:?}"));
        replica.backup(&copy, key).expect("backup");
        assert_eq!(holds_the_key(&copy), expected, "{key:?}");
        let copy = Replica::open_file(&copy).expect("open");
        assert_eq!(copy.device_key().expect("key").is_some(), expected);
    }
    assert!(replica.device_key().expect("key").is_some(), "the replica keeps it");
}

#[test]
#[cfg(unix)]
fn nobody_else_can_read_a_backup_or_what_was_restored() {
    use std::os::unix::fs::PermissionsExt as _;
    let (home, elsewhere) = (folder(), folder());
    let copy = elsewhere.path().join("copy");
    full(home.path()).backup(&copy, KeyInCopy::LeftOut).expect("backup");
    let new_home = elsewhere.path().join("home");
    Replica::restore(&copy, &new_home).expect("restore");
    for file in [copy, Replica::file_in(&new_home)] {
        let mode = std::fs::metadata(&file).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn a_copy_replaces_nothing() {
    let (home, elsewhere) = (folder(), folder());
    let replica = full(home.path());
    let copy = elsewhere.path().join("copy");
    replica.backup(&copy, KeyInCopy::LeftOut).expect("backup");
    let before = std::fs::read(&copy).expect("copy");
    let again = replica.backup(&copy, KeyInCopy::LeftOut);
    assert!(matches!(again, Err(ReplicaError::Exists { path }) if path == copy));
    assert_eq!(std::fs::read(&copy).expect("copy"), before);

    let home_in_use = Replica::restore(&copy, home.path());
    assert!(matches!(home_in_use, Err(ReplicaError::Exists { .. })));
    for journal in ["replica.sqlite-wal", "replica.sqlite-journal"] {
        let half_gone = folder();
        std::fs::write(half_gone.path().join(journal), "of another file").expect("write");
        let refused = Replica::restore(&copy, half_gone.path());
        assert!(matches!(refused, Err(ReplicaError::Exists { path }) if path.ends_with(journal)));
    }
}

#[test]
fn what_is_missing_or_something_else_is_said() {
    let elsewhere = folder();
    let missing = elsewhere.path().join("nothing");
    for failed in [
        Replica::open_file(&missing).map(drop),
        Replica::restore(&missing, &elsewhere.path().join("a")).map(drop),
    ] {
        assert!(matches!(failed, Err(ReplicaError::Missing { path }) if path == missing));
    }
    let letter = elsewhere.path().join("letter");
    std::fs::write(&letter, "Dear Bob, ".repeat(500)).expect("write");
    let home = elsewhere.path().join("b");
    let empty = elsewhere.path().join("empty");
    std::fs::write(&empty, "").expect("write");
    let failed = Replica::open_file(&empty);
    assert!(matches!(failed, Err(ReplicaError::NotAReplica { .. })), "it holds nothing");
    for failed in
        [Replica::open_file(&letter).map(drop), Replica::restore(&letter, &home).map(drop)]
    {
        let failed = failed.expect_err("a letter is no replica");
        assert!(
            matches!(&failed, ReplicaError::NotAReplica { path } if *path == letter),
            "{failed}"
        );
    }
    let nowhere = elsewhere.path().join("no/such/folder/copy");
    let source = folder();
    let replica = full(source.path());
    let before = files_in(source.path());
    let failed = replica.backup(&nowhere, KeyInCopy::LeftOut);
    assert!(matches!(failed, Err(ReplicaError::Unwritable { .. })));
    assert_eq!(files_in(source.path()), before, "nothing is left of the work");
}

/// Changes the file behind the back of this crate.
fn spoil(home: &Path, sql: &str) {
    let db = rusqlite::Connection::open(Replica::file_in(home)).expect("open");
    db.execute_batch(sql).expect(sql);
}

#[test]
fn each_broken_rule_is_found() {
    let cases = [
        ("one device", "DELETE FROM device"),
        ("the account is a known user", "UPDATE device SET self_user_id = 77"),
        ("positions", "UPDATE checkpoint SET pts = -1"),
        ("positions", "UPDATE checkpoint SET date = -1"),
        ("log of a group", "UPDATE chat_checkpoints SET pts = -1"),
        ("log of a group", "UPDATE chats SET large = 0"),
        ("log of a group", "UPDATE chats SET left_it = 1"),
        ("message ids", "UPDATE messages SET id = 0 WHERE id = 1"),
        ("message ids", "UPDATE messages SET peer_id = 0 WHERE id = 1"),
        ("author", "UPDATE messages SET from_id = 77, out = 0 WHERE id = 1"),
        ("dialog", "UPDATE messages SET peer_id = 77 WHERE id = 1"),
        ("dialog", "UPDATE messages SET peer_id = -77 WHERE id = 1"),
        ("own messages", "UPDATE messages SET out = 1 WHERE id = 1"),
        ("own messages", "UPDATE messages SET out = 0 WHERE id = 3"),
        ("JSON", "UPDATE messages SET media = '{' WHERE id = 1"),
        ("JSON", "UPDATE messages SET action = 'joined' WHERE id = 1"),
        ("read below", "UPDATE dialogs SET read_inbox_max_id = -1"),
        ("read below", "UPDATE dialogs SET read_outbox_max_id = -1"),
        ("invalid utf-8", "UPDATE messages SET text = CAST(x'ff' AS TEXT) WHERE id = 1"),
    ];
    for (expected, sql) in cases {
        let home = folder();
        let replica = full(home.path());
        assert!(replica.check().expect("check").is_whole());
        spoil(home.path(), sql);
        let Checkup { damages, .. } = replica.check().expect("check");
        assert!(damages.iter().any(|damage| damage.contains(expected)), "{sql}: {damages:?}");
        let copy = home.path().join("copy");
        let refused = replica.backup(&copy, KeyInCopy::LeftOut);
        assert!(matches!(refused, Err(ReplicaError::Damaged { .. })), "{sql}");
        assert!(!copy.exists(), "no backup of what is damaged");
    }
}

#[test]
fn a_page_that_was_overwritten_is_found_wherever_it_is() {
    let home = folder();
    let whole = home.path().join("whole");
    full(home.path()).backup(&whole, KeyInCopy::Kept).expect("backup");
    let bytes = std::fs::read(&whole).expect("copy");
    let page = 4096;
    for number in 1..bytes.len() / page {
        let mut bytes = bytes.clone();
        bytes[number * page..(number + 1) * page].fill(0xa5);
        let spoiled = home.path().join("spoiled");
        std::fs::write(&spoiled, &bytes).expect("write");
        let noticed = match Replica::open_file(&spoiled) {
            Ok(replica) => replica.check().map_or(true, |checkup| !checkup.is_whole()),
            Err(_) => true,
        };
        assert!(noticed, "page {number}");
        let new_home = home.path().join("new");
        Replica::restore(&spoiled, &new_home).expect_err("a spoiled backup does not come back");
        assert_eq!(files_in(&new_home), [""; 0].map(PathBuf::from), "page {number}");
    }
}

#[test]
fn what_is_overwritten_while_it_is_open_is_damage_and_no_error_of_the_check() {
    let home = folder();
    let copy = home.path().join("copy");
    full(home.path()).backup(&copy, KeyInCopy::Kept).expect("backup");
    let replica = Replica::open_file(&copy).expect("open");
    let mut bytes = std::fs::read(&copy).expect("copy");
    bytes[..100].fill(0xa5);
    std::fs::write(&copy, &bytes).expect("write");
    let checkup = replica.check().expect("what is wrong is in the answer");
    assert!(!checkup.is_whole());
    assert_eq!((checkup.checkpoint, checkup.digest), (None, None));
}

#[test]
fn an_old_backup_is_checked_as_it_is_and_brought_up_to_date_when_it_comes_back() {
    let home = folder();
    let old = home.path().join("old");
    let db = rusqlite::Connection::open(&old).expect("open");
    db.execute_batch(include_str!("../src/replica/migrations/1.sql")).expect("schema");
    db.execute_batch("INSERT INTO device (id, server_fingerprint) VALUES (1, 7)").expect("device");
    db.pragma_update(None, "user_version", 1).expect("version");
    drop(db);
    let bytes = std::fs::read(&old).expect("file");
    let checkup = Replica::open_file(&old).expect("open").check().expect("check");
    assert!(checkup.is_whole());
    assert_eq!(checkup.digest, None, "only the file was checked");
    assert_eq!(std::fs::read(&old).expect("file"), bytes, "nothing was written to it");

    let new_home = home.path().join("home");
    let restored = Replica::restore(&old, &new_home).expect("restore");
    assert!(restored.is_whole() && restored.digest.is_some());
    assert_eq!(std::fs::read(&old).expect("file"), bytes);
    Replica::open(&new_home, SERVER, None).expect("open");
}

#[test]
fn a_name_that_looks_like_a_uri_is_a_name() {
    let home = folder();
    let copy = home.path().join("file:copy?mode=memory");
    full(home.path()).backup(&copy, KeyInCopy::LeftOut).expect("backup");
    assert!(copy.is_file());
    assert!(Replica::open_file(&copy).expect("open").check().expect("check").is_whole());
}
