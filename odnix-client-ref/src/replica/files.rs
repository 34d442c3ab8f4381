//! A folder and a file that nobody else can read.

use super::{ReplicaError, Result};
use std::fs;
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
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(path).map_err(|error| ReplicaError::from_io(path, &error))?;
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

/// Makes a new name in the folder survive a power failure.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| ReplicaError::from_io(folder, &error))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Where a file is.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
