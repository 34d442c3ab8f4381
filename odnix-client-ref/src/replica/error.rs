//! What can go wrong with the local replica, each in one sentence.

use std::path::{Path, PathBuf};

/// The local replica could not be read or written. What it held before is intact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The disk, the file-system quota or the configured limit is reached.
    #[error(
        "the disk is full: {path} could not grow; free some space and try again, \
         everything stored so far is intact"
    )]
    Full {
        /// The replica.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot write to {path}: {reason}")]
    Unwritable {
        /// The replica or its folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is something else.
    #[error("{path} is not a replica made by odnix-client; choose another --data folder")]
    NotAReplica {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{path} was written by a newer odnix-client (schema {found}); upgrade this one")]
    NewerSchema {
        /// The replica.
        path: PathBuf,
        /// Its schema version.
        found: i64,
    },
    /// The replica was made for another server.
    #[error(
        "{path} belongs to the server with key {ours}, but the given key is {given}; \
         give that server's key or another --data folder"
    )]
    OtherServer {
        /// The replica.
        path: PathBuf,
        /// Fingerprint of the server it belongs to, 16 hexadecimal digits.
        ours: String,
        /// Fingerprint of the given key.
        given: String,
    },
    /// There is no replica to look at.
    #[error("there is no replica {path}; check --data or the file's name")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A copy would replace something.
    #[error("{path} exists already; give another name, or move it away")]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// A replica or a backup is not what it was when it was written.
    #[error("{path} is damaged and was not copied: {damage}")]
    Damaged {
        /// What should have been copied.
        path: PathBuf,
        /// The first thing that is wrong.
        damage: String,
    },
    /// Anything else SQLite reports.
    #[error("the local database {path} failed: {reason}")]
    Database {
        /// The replica.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
}

impl ReplicaError {
    /// Sorts an SQLite error into the cases above.
    pub(crate) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full { path },
            Some(Code::NotADatabase) => Self::NotAReplica { path },
            Some(
                Code::ReadOnly
                | Code::CannotOpen
                | Code::PermissionDenied
                | Code::SystemIoFailure
                | Code::NoLargeFileSupport,
            ) => Self::Unwritable { path, reason },
            _ => Self::Database { path, reason },
        }
    }

    /// Sorts a file-system error into the cases above.
    pub(crate) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { path }
            }
            _ => Self::Unwritable { path, reason: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ErrorCode as Code;
    use std::io::ErrorKind;

    #[test]
    fn an_error_says_whether_the_disk_the_file_or_the_system_is_to_blame() {
        let path = Path::new("replica");
        let of_sqlite = |code| {
            let error = rusqlite::ffi::Error { code, extended_code: 0 };
            ReplicaError::from_sqlite(path, &rusqlite::Error::SqliteFailure(error, None))
        };
        let of_io = |kind: ErrorKind| ReplicaError::from_io(path, &kind.into());
        for full in [
            of_sqlite(Code::DiskFull),
            of_io(ErrorKind::StorageFull),
            of_io(ErrorKind::QuotaExceeded),
        ] {
            assert!(matches!(full, ReplicaError::Full { .. }), "{full}");
        }
        for refused in [
            of_sqlite(Code::ReadOnly),
            of_sqlite(Code::CannotOpen),
            of_sqlite(Code::PermissionDenied),
            of_sqlite(Code::SystemIoFailure),
            of_sqlite(Code::NoLargeFileSupport),
            of_io(ErrorKind::PermissionDenied),
        ] {
            assert!(matches!(refused, ReplicaError::Unwritable { .. }), "{refused}");
        }
        let foreign = of_sqlite(Code::NotADatabase);
        assert!(matches!(foreign, ReplicaError::NotAReplica { .. }), "{foreign}");
        let other = of_sqlite(Code::ConstraintViolation);
        assert!(matches!(other, ReplicaError::Database { .. }), "{other}");
    }
}
