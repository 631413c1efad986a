//! Certificate and key files: reading them, writing them, and everything that may be wrong with one.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use osapi_core::Failure;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;

use crate::certificate::Usage;

/// More than any chain of certificates needs.
const SIZE_MAX: u64 = 1024 * 1024;

/// A file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("`{}` {problem}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What may be wrong with a certificate or key file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Opening or reading it failed.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// Creating or writing it failed.
    #[error("cannot be written: {0}")]
    Unwritable(io::Error),
    /// It would have been overwritten.
    #[error("exists already and is not overwritten")]
    Exists,
    /// Longer than one MiB.
    #[error("is larger than 1 MiB")]
    TooLarge,
    /// The PEM is broken.
    #[error("is not valid PEM: {0}")]
    Malformed(String),
    /// No certificate in it.
    #[error("holds no certificate")]
    NoCertificate,
    /// No revocation list in it.
    #[error("holds no certificate revocation list")]
    NoRevocationList,
    /// No private key in it.
    #[error("holds no private key")]
    NoKey,
    /// A private key anybody may read.
    #[error("is a private key that anybody may read (mode {0:04o})")]
    Exposed(u32),
    /// The bytes inside the PEM are wrong.
    #[error("holds something that cannot be used: {0}")]
    Unusable(String),
    /// It should hold certificates of authorities and holds another.
    #[error("holds the certificate of `{0}`, which is not an authority's")]
    NotAuthority(String),
    /// Its time is over.
    #[error("expired at {0}")]
    Expired(Timestamp),
    /// A revocation list that may not be relied on any more.
    #[error("is a revocation list that was to be renewed by {0}")]
    ListExpired(Timestamp),
    /// Its time has not come.
    #[error("is not valid before {0}")]
    NotYetValid(Timestamp),
    /// The private key belongs to another certificate.
    #[error("is not the key of `{}`", certificate.display())]
    KeyMismatch {
        /// The certificate it should belong to.
        certificate: PathBuf,
    },
    /// No authority given signed it.
    #[error("is not signed by an authority in `{}`", authority.display())]
    UnknownIssuer {
        /// Where the authorities are.
        authority: PathBuf,
    },
    /// It is for something else.
    #[error("is not a {0} certificate")]
    WrongUsage(Usage),
}

impl FileError {
    /// A problem with that file.
    pub fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.problem {
            Problem::Unreadable(_) => "check that the path is right and that this user may read it",
            Problem::Unwritable(_) => "check that the folder may be written by this user",
            Problem::Exists => "choose another folder, or move the old file away first",
            Problem::TooLarge | Problem::Malformed(_) | Problem::NoCertificate => {
                "it should hold blocks between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----"
            }
            Problem::NoRevocationList => {
                "it should hold a block between -----BEGIN X509 CRL----- and -----END X509 CRL-----"
            }
            Problem::NoKey => "it should hold one block -----BEGIN PRIVATE KEY-----, not encrypted",
            Problem::Exposed(_) => "chmod 600 it, and replace the key if others could have read it",
            Problem::Unusable(_) => "make it anew with `osapi pki`",
            Problem::NotAuthority(_) => "put the certificate of the authority there, not one it issued",
            Problem::Expired(_) => "renew it with `osapi pki issue`",
            Problem::ListExpired(_) => "renew it with `osapi pki revoke --renew` and bring it to this host",
            Problem::NotYetValid(_) => "check this machine's clock",
            Problem::KeyMismatch { .. } => "replace certificate and key together",
            Problem::UnknownIssuer { .. } => "use a certificate of that authority, or add the authority that signed it",
            Problem::WrongUsage(_) => "issue one for this use with `osapi pki issue`",
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let hint = error.hint();
        Self::invalid(error.to_string()).with_hint(hint)
    }
}

/// Every certificate in a PEM file, in order; at least one.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| FileError::new(path, Problem::Malformed(error.to_string())))?;
    if found.is_empty() { Err(FileError::new(path, Problem::NoCertificate)) } else { Ok(found) }
}

/// The private key in a PEM file that not everybody may read.
pub(crate) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let bytes = read(path)?;
    let mode =
        fs::metadata(path).map_err(|error| FileError::new(path, Problem::Unreadable(error)))?.permissions().mode();
    // A group may be let in on purpose, as systemd and container credentials do; everybody may not.
    if mode & 0o007 != 0 {
        return Err(FileError::new(path, Problem::Exposed(mode & 0o7777)));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let problem = match error {
            pem::Error::NoItemsFound => Problem::NoKey,
            other => Problem::Malformed(other.to_string()),
        };
        FileError::new(path, problem)
    })
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |error| FileError::new(path, Problem::Unreadable(error));
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(unreadable)?.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > SIZE_MAX { Err(FileError::new(path, Problem::TooLarge)) } else { Ok(bytes) }
}

/// Writes new files, all or none. Keys get mode 0600, certificates 0644.
///
/// Each is complete before it gets its name, and no name that exists is taken.
pub(crate) fn write_new(files: &[(PathBuf, &str, Secrecy)]) -> Result<(), FileError> {
    if let Some((path, ..)) = files.iter().find(|(path, ..)| path.symlink_metadata().is_ok()) {
        return Err(FileError::new(path, Problem::Exists));
    }
    let prepared: Vec<_> = files.iter().map(prepare).collect::<Result<_, _>>()?;
    let mut placed = Vec::new();
    for (temporary, (path, ..)) in prepared.into_iter().zip(files) {
        if let Err(error) = temporary.persist_noclobber(path) {
            placed.iter().for_each(|path: &&PathBuf| drop(fs::remove_file(path)));
            let exists = error.error.kind() == io::ErrorKind::AlreadyExists;
            let problem = if exists { Problem::Exists } else { Problem::Unwritable(error.error) };
            return Err(FileError::new(path, problem));
        }
        placed.push(path);
    }
    for (path, ..) in files {
        sync_folder(path).map_err(|error| FileError::new(path, Problem::Unwritable(error)))?;
    }
    Ok(())
}

/// Writes a file that others may read, in the place of an old one where there is one: the old or the new, never a part.
pub(crate) fn replace(path: &Path, contents: &str) -> Result<(), FileError> {
    let unwritable = |error| FileError::new(path, Problem::Unwritable(error));
    let prepared = prepare(&(path.to_owned(), contents, Secrecy::Public))?;
    prepared.persist(path).map_err(|error| unwritable(error.error))?;
    sync_folder(path).map_err(unwritable)
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Public,
    Secret,
}

fn prepare((path, contents, secrecy): &(PathBuf, &str, Secrecy)) -> Result<NamedTempFile, FileError> {
    let mode = match secrecy {
        Secrecy::Public => 0o644,
        Secrecy::Secret => 0o600,
    };
    let write = || {
        let mut file = NamedTempFile::new_in(folder(path))?;
        file.write_all(contents.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| FileError::new(path, Problem::Unwritable(error)))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
