//! The server's RSA key: made on first start, read on the next.

use odnix_proto::Seed;
use odnix_proto::crypto::rsa::{RsaPrivateKey, RsaPublicKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Why there is no usable key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot read the key file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the key file {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file would be overwritten.
    #[error("{0} exists already: choose another name or move it away first")]
    Exists(PathBuf),
    /// The file is no private key.
    #[error(
        "{path} is not a usable RSA private key ({reason}): restore it from a backup, or move it \
         away to have a new one made (clients must then be given the new public key)"
    )]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: odnix_proto::ConfigError,
    },
    /// The operating system has no randomness to give.
    #[error("the operating system has no entropy: {0}")]
    Entropy(String),
}

/// A private key and where its public half lies.
#[derive(Debug)]
pub struct KeyFile {
    /// The key.
    pub key: RsaPrivateKey,
    /// PKCS#1 PEM of the public half, for clients.
    pub public_path: PathBuf,
}

impl KeyFile {
    /// Makes a new key at `path` (mode 0600) and its public half beside it.
    ///
    /// # Errors
    /// The file exists, or cannot be written.
    pub fn generate(path: &Path) -> Result<Self, KeyFileError> {
        if path.exists() {
            return Err(KeyFileError::Exists(path.to_owned()));
        }
        let seed = Seed::from_os().map_err(|error| KeyFileError::Entropy(error.to_string()))?;
        let key = RsaPrivateKey::generate(seed);
        write(path, key.to_pem().as_bytes(), 0o600)?;
        Self { key, public_path: public_path(path) }.with_public_half()
    }

    /// Reads the key at `path`, or makes one when there is none.
    ///
    /// # Errors
    /// The file is not a private key, or cannot be read or written.
    pub fn load_or_generate(path: &Path) -> Result<Self, KeyFileError> {
        let pem = match fs::read_to_string(path) {
            Ok(pem) => zeroize::Zeroizing::new(pem),
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::generate(path),
            Err(source) => return Err(KeyFileError::Read { path: path.to_owned(), source }),
        };
        let key = RsaPrivateKey::from_pem(&pem)
            .map_err(|reason| KeyFileError::Malformed { path: path.to_owned(), reason })?;
        Self { key, public_path: public_path(path) }.with_public_half()
    }

    /// The fingerprint as 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.key.public())
    }

    fn with_public_half(self) -> Result<Self, KeyFileError> {
        let pem = self.key.public().to_pem();
        if fs::read_to_string(&self.public_path).ok().as_deref() != Some(pem.as_str()) {
            write(&self.public_path, pem.as_bytes(), 0o644)?;
        }
        Ok(self)
    }
}

/// The fingerprint of a public key as 16 hexadecimal digits, most significant first.
pub fn fingerprint(key: &RsaPublicKey) -> String {
    format!("{:016x}", key.fingerprint())
}

/// `server_key.pem` → `server_key.pub.pem`.
fn public_path(private: &Path) -> PathBuf {
    private.with_extension("pub.pem")
}

/// All or nothing: a crash leaves the old file or the new one.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Write { path: path.to_owned(), source };
    let draft = path.with_extension("draft");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let write_draft = || -> io::Result<()> {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options.open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write_draft().map_err(failed)
}
