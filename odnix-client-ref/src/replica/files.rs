//! A folder and a file that nobody else can read.

use super::{ReplicaError, Result};
use std::fs::{self, File};
use std::path::Path;

pub(super) fn make_private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| ReplicaError::from_io(folder, &error))
}

/// Makes the file before SQLite does, so that it is never readable by others; the WAL files
/// take their mode from it.
pub(super) fn make_private_file(path: &Path) -> Result<()> {
    let opened = private()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|error| ReplicaError::from_io(path, &error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        opened
            .set_permissions(fs::Permissions::from_mode(0o600))
            .map_err(|error| ReplicaError::from_io(path, &error))?;
    }
    drop(opened);
    Ok(())
}

/// Makes a file that does not exist yet.
pub(super) fn new_private_file(path: &Path) -> Result<File> {
    private().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => ReplicaError::Exists { path: path.to_owned() },
        _ => ReplicaError::from_io(path, &error),
    })
}

fn private() -> fs::OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are a thing of unix"))]
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a new name in the file's folder survive a power failure.
pub(super) fn sync_folder_of(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| ReplicaError::from_io(folder, &error))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
