//! Files on disk: the parts of uploads, and what they became.
//!
//! ```text
//! uploads/<user>/<file_id>/<part>       parts as they come, each complete
//! content/<first byte>/<sha256>         whole files, by their hash
//! ```
//!
//! Each file is written beside its place, synced, and moved there, so what has a name is whole.
//! Who may read what is decided by the rows of the store; here are only bytes. All of this
//! blocks.

use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Longest part, and most bytes in one answer.
pub const PART_BYTES_MAX: usize = 512 << 10;
/// Most parts of one file.
pub const PARTS_MAX: i32 = 4000;
/// Unfinished uploads of one user.
pub const UPLOADS_MAX: usize = 16;
/// An upload that nothing was added to for so long is forgotten.
pub const UPLOAD_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Why an upload cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// The user has too many unfinished uploads.
    #[error("too many unfinished uploads")]
    TooMany,
    /// A part is missing, or not of the size of the others.
    #[error("the parts do not make a file")]
    Parts,
    /// The content is not what the hash says.
    #[error("the content has another hash")]
    Hash,
    /// The disk refused.
    #[error("files: {0}")]
    Io(#[from] io::Error),
}

/// The SHA-256 of a content.
pub type ContentHash = [u8; 32];

/// Names an upload: whose, and the number its user has made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Whose.
    pub user: i64,
    /// As the client has named it.
    pub file_id: i64,
}

/// The folder of all files.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    /// For names of files that are not complete yet.
    next: AtomicU64,
}

impl Files {
    /// In this folder, which is made when needed.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join("incoming"))?;
        for left_over in fs::read_dir(root.join("incoming"))? {
            fs::remove_file(left_over?.path())?;
        }
        Ok(Self { root: root.to_owned(), next: AtomicU64::new(0) })
    }

    /// Stores a part; the same part again replaces it.
    ///
    /// # Errors
    /// [`FilesError::TooMany`], [`FilesError::Io`].
    pub fn save_part(&self, upload: Upload, part: i32, bytes: &[u8]) -> Result<(), FilesError> {
        let folder = self.upload(upload);
        if !folder.is_dir() {
            let of_user = self.of_user(upload.user);
            if entries(&of_user)?.len() >= UPLOADS_MAX {
                return Err(FilesError::TooMany);
            }
            fs::create_dir_all(&folder)?;
            sync_folder(&of_user)?;
        }
        let mut incoming = self.incoming()?;
        incoming.file.write_all(bytes)?;
        Ok(incoming.move_to(&folder.join(part.to_string()))?)
    }

    /// The numbers of the parts that are here, rising.
    ///
    /// # Errors
    /// [`FilesError::Io`].
    pub fn parts(&self, upload: Upload) -> Result<Vec<i32>, FilesError> {
        let names = entries(&self.upload(upload))?;
        let mut parts: Vec<i32> = names.iter().filter_map(|name| name.parse().ok()).collect();
        parts.sort_unstable();
        Ok(parts)
    }

    /// Makes a file of the parts `0..parts` and gives its size. The parts stay until
    /// [`Self::discard`].
    ///
    /// # Errors
    /// [`FilesError::Parts`], [`FilesError::Hash`], [`FilesError::Io`].
    pub fn assemble(
        &self,
        upload: Upload,
        parts: i32,
        hash: &ContentHash,
    ) -> Result<u64, FilesError> {
        if self.parts(upload)? != (0..parts).collect::<Vec<_>>() || parts < 1 {
            return Err(FilesError::Parts);
        }
        let mut incoming = self.incoming()?;
        let mut hasher = Sha256::new();
        let (mut size, mut first) = (0_u64, 0_u64);
        for part in 0..parts {
            let bytes = fs::read(self.upload(upload).join(part.to_string()))?;
            let length = bytes.len() as u64;
            if part == 0 {
                first = length;
            }
            if length > first || (length < first && part.saturating_add(1) < parts) {
                return Err(FilesError::Parts);
            }
            size = size.saturating_add(length);
            hasher.update(&bytes);
            incoming.file.write_all(&bytes)?;
        }
        if <ContentHash>::from(hasher.finalize()) != *hash {
            return Err(FilesError::Hash);
        }
        let place = self.content(hash);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        incoming.move_to(&place)?;
        Ok(size)
    }

    /// Forgets the parts of an upload.
    ///
    /// # Errors
    /// The disk refused.
    pub fn discard(&self, upload: Upload) -> io::Result<()> {
        match fs::remove_dir_all(self.upload(upload)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// At most `limit` bytes of a content from `offset` on; none behind its end.
    ///
    /// # Errors
    /// The disk refused, or has no such content.
    pub fn read(&self, hash: &ContentHash, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.content(hash))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Forgets uploads that nothing was added to since `now` minus [`UPLOAD_TTL`].
    ///
    /// # Errors
    /// The disk refused.
    pub fn sweep(&self, now: SystemTime) -> io::Result<()> {
        for user in entries(&self.root.join("uploads"))? {
            let of_user = self.root.join("uploads").join(user);
            for upload in entries(&of_user)? {
                let folder = of_user.join(upload);
                let touched = fs::metadata(&folder)?.modified()?;
                if now.duration_since(touched).is_ok_and(|age| age >= UPLOAD_TTL) {
                    fs::remove_dir_all(folder)?;
                }
            }
        }
        Ok(())
    }

    fn of_user(&self, user: i64) -> PathBuf {
        self.root.join("uploads").join(user.to_string())
    }

    fn upload(&self, upload: Upload) -> PathBuf {
        self.of_user(upload.user).join(upload.file_id.to_string())
    }

    fn content(&self, hash: &ContentHash) -> PathBuf {
        let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.root.join("content").join(format!("{:02x}", hash[0])).join(name)
    }

    fn incoming(&self) -> io::Result<Incoming> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join("incoming").join(number.to_string());
        Ok(Incoming { file: File::create_new(&path)?, path, placed: false })
    }
}

/// A file on its way to its place; what does not get there is removed.
struct Incoming {
    file: File,
    path: PathBuf,
    placed: bool,
}

impl Incoming {
    fn move_to(mut self, place: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, place)?;
        self.placed = true;
        place.parent().map_or(Ok(()), sync_folder)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.placed {
            // A left-over is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The names in a folder; none if it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<String>> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    listed.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
