//! Uploads: parts that come in any order, are kept over a restart, and become a file once.

mod common;

use bytes::Bytes;
use common::device::Device;
use common::{Person, World, refusal};
use odnix_server_ref::Server;
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::files::{Files, FilesError, PARTS_MAX, UPLOADS_MAX, Upload};
use odnix_tl::Function;
use odnix_tl::odnix::functions::upload::{FinishFile, GetFile, GetParts, SaveFilePart};
use odnix_tl::odnix::types::StoredFile;
use sha2::{Digest as _, Sha256};
use std::time::{Duration, SystemTime};

const PART: usize = 512 << 10;

fn part(file_id: i64, file_part: i32, bytes: &[u8]) -> SaveFilePart {
    SaveFilePart { file_id, file_part, bytes: Bytes::copy_from_slice(bytes) }
}

fn finish(file_id: i64, parts: i32, content: &[u8]) -> FinishFile {
    FinishFile {
        file_id,
        parts,
        sha256: Bytes::copy_from_slice(&Sha256::digest(content)),
        name: "photo.jpg".into(),
        mime_type: "image/jpeg".into(),
    }
}

fn get(file: &StoredFile, offset: i64, limit: i32) -> GetFile {
    GetFile { id: file.id, access_hash: file.access_hash, offset, limit }
}

async fn refused<F: Function>(world: &World, who: &Person, request: F) -> String {
    refusal(world.call(who.key, request).await).1
}

#[tokio::test]
async fn parts_come_in_any_order_and_the_file_is_read_in_any_pieces() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let bob = world.user(2, "bob").await;
    for (number, bytes) in [(2, "ef"), (0, "xx"), (1, "cd"), (0, "ab")] {
        world.call(alice.key, part(7, number, bytes.as_bytes())).await.unwrap();
    }
    let (parts, _) = world.call(alice.key, GetParts { file_id: 7 }).await.unwrap();
    assert_eq!(parts.parts, [0, 1, 2]);
    let (file, outcome) = world.call(alice.key, finish(7, 3, b"abcdef")).await.unwrap();
    assert_eq!((file.size, file.name.as_str()), (6, "photo.jpg"));
    for (offset, limit, wanted) in [(0, 100, "abcdef"), (1, 2, "bc"), (5, 9, "f"), (6, 9, "")] {
        let (piece, _) = world.call(bob.key, get(&file, offset, limit)).await.unwrap();
        assert_eq!((&piece.bytes[..], piece.size), (wanted.as_bytes(), 6));
    }
    let finished = outcome.finished_upload.unwrap();
    world.files.discard(finished).unwrap();
    world.files.discard(finished).expect("nothing is left to discard");
    let (again, _) = world.call(alice.key, finish(7, 3, b"abcdef")).await.unwrap();
    assert_eq!(again, file, "once, also when the parts are gone");
    let other = finish(7, 3, b"another");
    assert_eq!(refused(&world, &alice, other).await, "FILE_HASH_INVALID");
}

#[tokio::test]
async fn a_file_is_given_only_to_those_who_know_its_access_hash() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    world.call(alice.key, part(7, 0, b"secret")).await.unwrap();
    let (file, _) = world.call(alice.key, finish(7, 1, b"secret")).await.unwrap();
    world.call(alice.key, part(8, 0, b"another")).await.unwrap();
    let (other, _) = world.call(alice.key, finish(8, 1, b"another")).await.unwrap();
    let with_the_hash_of_another = GetFile { access_hash: other.access_hash, ..get(&file, 0, 9) };
    assert_eq!(refused(&world, &alice, with_the_hash_of_another).await, "FILE_ID_INVALID");
    let guess = GetFile { access_hash: file.access_hash ^ 1, ..get(&file, 0, 9) };
    assert_eq!(refused(&world, &alice, guess).await, "FILE_ID_INVALID");
    let unknown = GetFile { id: 99, ..get(&file, 0, 9) };
    assert_eq!(refused(&world, &alice, unknown).await, "FILE_ID_INVALID");
    for (offset, limit, why) in
        [(-1, 9, "OFFSET_INVALID"), (0, 0, "LIMIT_INVALID"), (0, 524_289, "LIMIT_INVALID")]
    {
        assert_eq!(refused(&world, &alice, get(&file, offset, limit)).await, why);
    }
    let stranger = world.key(3).await;
    let (code, _) = refusal(world.call(stranger, get(&file, 0, 9)).await);
    assert_eq!(code, 401);
}

#[tokio::test]
async fn parts_are_of_those_who_sent_them_and_nobody_but_a_user_sends_any() {
    let world = World::new();
    let (alice, bob) = (world.user(1, "alice").await, world.user(2, "bob").await);
    world.call(alice.key, part(7, 0, b"secret")).await.unwrap();
    let (parts, _) = world.call(bob.key, GetParts { file_id: 7 }).await.unwrap();
    assert_eq!(parts.parts, [0; 0]);
    assert_eq!(refused(&world, &bob, finish(7, 1, b"secret")).await, "FILE_PARTS_INVALID");
    let stranger = world.key(3).await;
    assert_eq!(refusal(world.call(stranger, part(7, 0, b"x")).await).0, 401);
    assert_eq!(std::fs::read_dir(world.folder.path().join("files/uploads")).unwrap().count(), 1);
}

#[tokio::test]
async fn what_does_not_make_the_file_it_should_is_refused() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    for (request, why) in [
        (part(0, 0, b"x"), "FILE_ID_INVALID"),
        (part(7, -1, b"x"), "FILE_PART_INVALID"),
        (part(7, PARTS_MAX, b"x"), "FILE_PART_INVALID"),
        (part(7, 0, b""), "FILE_PART_SIZE_INVALID"),
        (part(7, 0, &[0; PART + 1]), "FILE_PART_SIZE_INVALID"),
    ] {
        assert_eq!(refused(&world, &alice, request).await, why);
    }
    for (number, bytes) in [(0, "abc"), (1, "de"), (2, "fgh")] {
        world.call(alice.key, part(7, number, bytes.as_bytes())).await.unwrap();
    }
    let uneven = finish(7, 3, b"abcdefgh");
    assert_eq!(refused(&world, &alice, uneven).await, "FILE_PARTS_INVALID");
    for parts in [0, 2, 4, PARTS_MAX + 1] {
        let request = finish(7, parts, b"abcdefgh");
        assert_eq!(refused(&world, &alice, request).await, "FILE_PARTS_INVALID");
    }
    world.call(alice.key, part(7, 1, b"dee")).await.unwrap();
    let wrong = finish(7, 3, b"abcdefgh");
    assert_eq!(refused(&world, &alice, wrong).await, "FILE_HASH_INVALID");
    for (name, mime_type) in [("a\nb", "x"), ("x", "a\u{7f}"), (&"x".repeat(256)[..], "x")] {
        let (name, mime_type) = (name.into(), mime_type.into());
        let request = FinishFile { name, mime_type, ..finish(7, 3, b"abcdeefgh") };
        assert_eq!(refused(&world, &alice, request).await, "FILE_NAME_INVALID");
    }
    let short = FinishFile { sha256: Bytes::new(), ..finish(7, 3, b"abcdeefgh") };
    assert_eq!(refused(&world, &alice, short).await, "FILE_HASH_INVALID");
    let incoming = world.folder.path().join("files/incoming");
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0, "what was refused is removed");
    world.call(alice.key, finish(7, 3, b"abcdeefgh")).await.unwrap();
}

#[test]
fn a_disk_that_refuses_is_an_error_and_not_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    std::fs::create_dir_all(folder.path().join("uploads")).unwrap();
    std::fs::write(folder.path().join("uploads/1"), b"no folder").unwrap();
    let upload = Upload { user: 1, file_id: 7 };
    assert!(matches!(files.save_part(upload, 0, b"x"), Err(FilesError::Io(_))));
    assert!(matches!(files.parts(upload), Err(FilesError::Io(_))));
    assert!(files.discard(upload).is_err());
    assert!(files.sweep(SystemTime::now()).is_err());
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_unfinished_uploads_and_old_ones_are_forgotten() {
    let world = World::new();
    let alice = world.user(1, "alice").await;
    let uploads = i64::try_from(UPLOADS_MAX).unwrap();
    for file_id in 1..=uploads {
        world.call(alice.key, part(file_id, 0, b"x")).await.unwrap();
    }
    world.call(alice.key, part(uploads, 1, b"x")).await.unwrap();
    let one_more = part(uploads + 1, 0, b"x");
    assert_eq!(refused(&world, &alice, one_more.clone()).await, "FILES_TOO_MUCH");
    world.files.discard(Upload { user: alice.id.0, file_id: 1 }).unwrap();
    world.call(alice.key, one_more).await.unwrap();
    // A day, but for as long as this test may take.
    let day = Duration::from_secs(86_400);
    world.files.sweep(SystemTime::now() + day - Duration::from_secs(600)).unwrap();
    let parts = GetParts { file_id: 2 };
    assert_eq!(world.call(alice.key, parts.clone()).await.unwrap().0.parts, [0]);
    world.files.sweep(SystemTime::now() + day).unwrap();
    assert_eq!(world.call(alice.key, parts).await.unwrap().0.parts, [0; 0]);
}

#[tokio::test]
async fn what_was_cut_off_while_it_was_written_is_gone_after_a_restart() {
    let world = World::new();
    let folder = world.folder.path().join("files");
    std::fs::write(folder.join("incoming/17"), b"half a par").unwrap();
    Files::open(&folder).unwrap();
    assert_eq!(std::fs::read_dir(folder.join("incoming")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..=255).cycle().take(PART + 1000).collect();
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    let mut alice = Device::signed_up(&server, "alice").await;
    alice.call(&part(7, 0, &content[..PART])).await.unwrap();
    server.shutdown().await;
    let server = Server::start(ServeOptions::loopback(folder.path())).await.unwrap();
    alice.disconnect();
    alice.connect_tcp(&server).await;
    assert_eq!(alice.call(&GetParts { file_id: 7 }).await.unwrap().parts, [0]);
    alice.call(&part(7, 1, &content[PART..])).await.unwrap();
    let file = alice.call(&finish(7, 2, &content)).await.unwrap();
    let first = alice.call(&get(&file, 0, 524_288)).await.unwrap();
    let rest = alice.call(&get(&file, 524_288, 524_288)).await.unwrap();
    assert_eq!([&first.bytes[..], &rest.bytes[..]].concat(), content);
    server.shutdown().await;
}
