//! Copies of a replica: made while it is in use, and brought back.
//!
//! A backup is one SQLite file with the schema of a replica, written in one read transaction, so
//! that other programs go on meanwhile. It has its name only once it is whole, checked and on the
//! disk; until then `.part-` and the number of the process stand behind it.

use super::check::is_damage;
use super::files::{make_private_folder, new_private_file, sync_folder_of};
use super::{Checkup, FILE_NAME, Replica, ReplicaError, Result};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

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

    /// Opens a replica that exists by its file, whichever server it belongs to: to look at it,
    /// check it or copy it.
    ///
    /// # Errors
    /// There is no such file, or it is something else.
    pub fn open_file(path: &Path) -> Result<Self> {
        let mut replica = open_existing(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        replica.migrate()?;
        Ok(replica)
    }

    /// Writes a copy to the file `to`, which must not exist, and checks it.
    ///
    /// # Errors
    /// The file exists, or cannot be written, or this replica is damaged; nothing is left behind.
    pub fn backup(&self, to: &Path, key: KeyInCopy) -> Result<Checkup> {
        make_copy(self, to, |copy| match key {
            KeyInCopy::Kept => Ok(()),
            KeyInCopy::LeftOut => copy.erase_device_key(),
        })
    }

    /// Makes the backup `from` the replica in `folder`, where there must be none.
    ///
    /// The replica is where it was when the backup was made; the server's log fills in what came
    /// since.
    ///
    /// # Errors
    /// There is a replica, or it cannot be written, or the backup is damaged or something else;
    /// nothing is left behind.
    pub fn restore(from: &Path, folder: &Path) -> Result<Checkup> {
        let backup = open_existing(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        make_private_folder(folder)?;
        make_copy(&backup, &Self::file_in(folder), Self::migrate)
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
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| ReplicaError::from_sqlite(path, &error))?;
    let replica = Replica { db, path: path.to_owned() };
    replica.read(|db| db.busy_timeout(std::time::Duration::from_secs(5)))?;
    Ok(replica)
}

fn make_copy(
    source: &Replica,
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
    let part = Part::new(to)?;
    part.fill(source)?;
    let checkup = part.finish(source, finish)?;
    part.give_name(to)?;
    Ok(checkup)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A copy that has not its name yet. Goes when it is dropped.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn new(to: &Path) -> Result<Self> {
        let path = with_suffix(to, &format!(".part-{}", std::process::id()));
        let file = new_private_file(&path)?;
        Ok(Self { path, file })
    }

    fn fill(&self, source: &Replica) -> Result<()> {
        // Absolute, lest SQLite take it for a URI.
        let path = std::path::absolute(&self.path).map_err(|error| self.error(&error))?;
        let Some(path) = path.to_str() else {
            return Err(self.error(&std::io::Error::other("the name is not UTF-8")));
        };
        source.db.execute("VACUUM INTO ?1", [path]).map(drop).map_err(|error| {
            let whose = if is_damage(&error) { &source.path } else { &self.path };
            ReplicaError::from_sqlite(whose, &error)
        })
    }

    fn finish(
        &self,
        source: &Replica,
        finish: impl FnOnce(&mut Replica) -> Result<()>,
    ) -> Result<Checkup> {
        let mut copy = open_existing(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        finish(&mut copy)?;
        let checkup = copy.check()?;
        match checkup.damages.first() {
            None => Ok(checkup),
            Some(damage) => {
                Err(ReplicaError::Damaged { path: source.path.clone(), damage: damage.clone() })
            }
        }
    }

    fn give_name(&self, to: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| self.error(&error))?;
        // Unlike a rename, a link never replaces what is there.
        fs::hard_link(&self.path, to).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => ReplicaError::Exists { path: to.to_owned() },
            _ => ReplicaError::from_io(to, &error),
        })?;
        sync_folder_of(to)
    }

    fn error(&self, error: &std::io::Error) -> ReplicaError {
        ReplicaError::from_io(&self.path, error)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
