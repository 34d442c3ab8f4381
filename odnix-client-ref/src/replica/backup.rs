//! Copies of a replica: made while it is in use, and brought back.
//!
//! A backup is one SQLite file with the schema of a replica, written in one read transaction, so
//! that other programs go on meanwhile. It has its name only once it is whole, checked and on the
//! disk. Until then it is a file `copy-…` in a folder that is as private as the replica: a process
//! that is killed leaves the key nowhere but where it was.

use super::check::is_damage;
use super::files::{folder_of, make_private_folder, sync_folder};
use super::{Checkup, FILE_NAME, Replica, ReplicaError, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Whether a copy may speak for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyInCopy {
    /// The authorization key stays where it is: who has the copy can read the mailbox, and has to
    /// sign in to do more.
    LeftOut,
    /// The copy is the device: who has it acts as the account until the key is revoked.
    Kept,
}

impl Replica {
    /// Where the replica in `folder` is.
    pub fn file_in(folder: &Path) -> PathBuf {
        folder.join(FILE_NAME)
    }

    /// Opens a replica that exists by its file, whichever server it belongs to, to look at it, check
    /// it or copy it. Nothing is written to it.
    ///
    /// # Errors
    /// There is no such file, or it is something else.
    pub fn open_file(path: &Path) -> Result<Self> {
        let replica = open_existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match replica.version_to_migrate_from()? {
            0 => Err(ReplicaError::NotAReplica { path: path.to_owned() }),
            _ => Ok(replica),
        }
    }

    /// Writes a copy to the file `to`, which must not exist, and checks it.
    ///
    /// # Errors
    /// The file exists, or cannot be written, or this replica is damaged; no file is left behind.
    pub fn backup(&self, to: &Path, key: KeyInCopy) -> Result<Checkup> {
        make_copy(self, folder_of(&self.path), to, |copy| {
            copy.migrate()?;
            match key {
                KeyInCopy::Kept => Ok(()),
                KeyInCopy::LeftOut => copy.erase_device_key(),
            }
        })
    }

    /// Makes the backup `from` the replica in `folder`, where there must be none.
    ///
    /// The replica is where it was when the backup was made; the server's log fills in what came
    /// since.
    ///
    /// # Errors
    /// There is a replica, or it cannot be written, or the backup is damaged or something else;
    /// no file is left behind.
    pub fn restore(from: &Path, folder: &Path) -> Result<Checkup> {
        let backup = Self::open_file(from)?;
        make_private_folder(folder)?;
        make_copy(&backup, folder, &Self::file_in(folder), Self::migrate)
    }

    /// Overwrites the key, so that its bytes are not in the file any more.
    fn erase_device_key(&mut self) -> Result<()> {
        // The journal would keep a copy.
        self.read(|db| {
            db.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
            db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))
        })?;
        self.transaction(|tx| {
            tx.execute("UPDATE device SET auth_key = NULL, server_salt = 0, session_id = NULL", [])
        })
        .map(drop)
    }
}

fn open_existing(path: &Path, access: OpenFlags) -> Result<Replica> {
    if !path.is_file() {
        return Err(ReplicaError::Missing { path: path.to_owned() });
    }
    let absolute = absolute(path)?;
    let db = Connection::open_with_flags(absolute, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| ReplicaError::from_sqlite(path, &error))?;
    let replica = Replica { db, path: path.to_owned() };
    replica.read(|db| db.busy_timeout(std::time::Duration::from_secs(5)))?;
    Ok(replica)
}

/// SQLite takes a relative name that begins with `file:` for a URI.
fn absolute(path: &Path) -> Result<String> {
    let io = |error: std::io::Error| ReplicaError::from_io(path, &error);
    let absolute = std::path::absolute(path).map_err(io)?;
    let name = absolute.into_os_string().into_string();
    name.map_err(|_| io(std::io::Error::other("the name is not UTF-8")))
}

/// Copies in `workshop`, and from there to its place.
fn make_copy(
    source: &Replica,
    workshop: &Path,
    to: &Path,
    finish: impl FnOnce(&mut Replica) -> Result<()>,
) -> Result<Checkup> {
    // SQLite would take a left journal for that of the new file.
    for suffix in ["", "-wal", "-journal"] {
        let path = with_suffix(to, suffix);
        if path.exists() {
            return Err(ReplicaError::Exists { path });
        }
    }
    let part = new_part(workshop)?;
    fill(&part, source)?;
    let checkup = finish_copy(&part, source, finish)?;
    let part = if workshop == folder_of(to) { part } else { move_part(&part, folder_of(to))? };
    give_name(part, to)?;
    Ok(checkup)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A private file without a name of its own yet. Goes when it is dropped.
fn new_part(folder: &Path) -> Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix("copy-")
        .tempfile_in(folder)
        .map_err(|error| ReplicaError::from_io(folder, &error))
}

fn fill(part: &NamedTempFile, source: &Replica) -> Result<()> {
    source.db.execute("VACUUM INTO ?1", [absolute(part.path())?]).map(drop).map_err(|error| {
        let whose = if is_damage(&error) { &source.path } else { part.path() };
        ReplicaError::from_sqlite(whose, &error)
    })
}

fn finish_copy(
    part: &NamedTempFile,
    source: &Replica,
    finish: impl FnOnce(&mut Replica) -> Result<()>,
) -> Result<Checkup> {
    let mut copy = open_existing(part.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    finish(&mut copy)?;
    let checkup = copy.check()?;
    match checkup.damages.first() {
        None => Ok(checkup),
        Some(damage) => {
            Err(ReplicaError::Damaged { path: source.path.clone(), damage: damage.clone() })
        }
    }
}

/// To another folder, which may be on another disk.
fn move_part(part: &NamedTempFile, folder: &Path) -> Result<NamedTempFile> {
    let mut moved = new_part(folder)?;
    let copied = part.reopen().and_then(|mut from| std::io::copy(&mut from, moved.as_file_mut()));
    copied.map_err(|error| ReplicaError::from_io(moved.path(), &error))?;
    Ok(moved)
}

fn give_name(part: NamedTempFile, to: &Path) -> Result<()> {
    part.as_file().sync_all().map_err(|error| ReplicaError::from_io(part.path(), &error))?;
    part.persist_noclobber(to).map_err(|refused| match refused.error.kind() {
        std::io::ErrorKind::AlreadyExists => ReplicaError::Exists { path: to.to_owned() },
        _ => ReplicaError::from_io(to, &refused.error),
    })?;
    sync_folder(folder_of(to)).inspect_err(|_| drop(std::fs::remove_file(to)))
}
