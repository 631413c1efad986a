//! Revoking: the authority in a folder puts a certificate on the list it keeps there.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use osapi_core::outcome::Change;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{LIST, authority};
use crate::authority::IssueError;
use crate::certificate::CertificateInfo;
use crate::file::{self, FileError, Problem};
use crate::revocation::RevocationList;
use crate::serial::Serial;

/// What to revoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The first certificate in a PEM file.
    Certificate(PathBuf),
    /// The certificate with this serial number, whose file need not be there any more.
    Serial(Serial),
    /// Nothing more: the list is signed anew, because its time ends.
    Nothing,
}

/// What revoking did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Whether the list is another one now.
    pub change: Change,
    /// Where it is.
    pub path: PathBuf,
    /// What was revoked.
    pub serial: Option<Serial>,
    /// How many certificates are on the list.
    pub total: usize,
    /// The number of the list.
    pub number: u64,
    /// Until when it may be relied on.
    pub next_update: Timestamp,
}

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// An authority has no one above it who could be believed.
    #[error("an authority's own certificate cannot be revoked by itself")]
    OwnCertificate,
    /// It is for its own authority to revoke it.
    #[error("`{}` was not issued by the authority in `{}`", certificate.display(), folder.display())]
    Foreign {
        /// The certificate.
        certificate: PathBuf,
        /// Where the authority is.
        folder: PathBuf,
    },
    /// Of two changes at once, one would be lost.
    #[error("the list in `{}` is being changed by somebody else", .0.display())]
    Busy(PathBuf),
    /// The authority could not be taken up, or did not sign.
    #[error(transparent)]
    Authority(#[from] IssueError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl RevokeError {
    /// What to do about it, where there is more to say.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OwnCertificate => Some("take it out of `ca.pem` on every host, and make another authority"),
            Self::Foreign { .. } => Some("name the folder of the authority that issued it"),
            Self::Busy(_) => Some("try again in a moment"),
            Self::File(error) | Self::Authority(IssueError::File(error)) => Some(error.hint()),
            Self::Authority(_) => None,
        }
    }
}

/// Puts a certificate on the list `crl.pem` of the authority in the folder, and signs the list anew for a year.
///
/// A list that is missing is begun. What is on it already stays as it was: [`Change::Unchanged`].
///
/// # Errors
/// The folder holds no usable authority or a list that is not the authority's, the certificate is another authority's
/// or this authority's own, somebody else is revoking, or writing fails. The list is as it was then.
pub fn revoke(folder: &Path, what: &Revocation, now: Timestamp) -> Result<Revoked, RevokeError> {
    let authority = authority(folder)?;
    let _turn = turn(folder)?;
    let own = file::read_certificates(&folder.join("ca.pem"))?.swap_remove(0);
    let serial = serial(folder, what, &own)?;
    let path = folder.join(LIST);
    let present = present(&path, &own)?;
    let listed = |list: &&RevocationList| serial.as_ref().is_some_and(|serial| list.revoked.contains_key(serial));
    if let Some(list) = present.as_ref().filter(listed).filter(|list| list.check_time(now).is_ok()) {
        return Ok(told(Change::Unchanged, path, serial, list));
    }
    let (change, number, mut revoked) = match present {
        Some(list) => (Change::Updated, list.number.saturating_add(1), list.revoked),
        None => (Change::Created, 1, BTreeMap::new()),
    };
    if let Some(serial) = &serial {
        revoked.entry(serial.clone()).or_insert(now);
    }
    file::replace(&path, &authority.revocation_list(number, &revoked, now)?)?;
    let written = RevocationList::read_all(&path)?.swap_remove(0);
    Ok(told(change, path, serial, &written))
}

fn told(change: Change, path: PathBuf, serial: Option<Serial>, list: &RevocationList) -> Revoked {
    Revoked { change, path, serial, total: list.revoked.len(), number: list.number, next_update: list.next_update }
}

/// Holds the authority for oneself until dropped.
fn turn(folder: &Path) -> Result<File, RevokeError> {
    let path = folder.join("ca.key");
    let unreadable = |error| FileError::new(&path, Problem::Unreadable(error));
    let file = File::open(&path).map_err(unreadable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RevokeError::Busy(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(unreadable(error).into()),
    }
}

fn serial(folder: &Path, what: &Revocation, own: &CertificateDer<'_>) -> Result<Option<Serial>, RevokeError> {
    let serial = match what {
        Revocation::Nothing => return Ok(None),
        Revocation::Serial(serial) => serial.clone(),
        Revocation::Certificate(path) => {
            let certificate = file::read_certificates(path)?.swap_remove(0);
            let foreign = || RevokeError::Foreign { certificate: path.clone(), folder: folder.to_owned() };
            issued(&certificate, own, path)?.ok_or_else(foreign)?
        }
    };
    let unusable = |error: crate::certificate::NotACertificate| {
        FileError::new(&folder.join("ca.pem"), Problem::Unusable(error.to_string()))
    };
    let own = CertificateInfo::read(own).map_err(unusable)?;
    if own.identity.serial == serial.to_string() { Err(RevokeError::OwnCertificate) } else { Ok(Some(serial)) }
}

/// The serial number of a certificate that the authority signed.
fn issued(
    certificate: &CertificateDer<'_>,
    own: &CertificateDer<'_>,
    path: &Path,
) -> Result<Option<Serial>, FileError> {
    let unusable = |error: x509_parser::nom::Err<_>| FileError::new(path, Problem::Unusable(error.to_string()));
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(unusable)?;
    let (_, authority) = X509Certificate::from_der(own).map_err(unusable)?;
    let ours = parsed.issuer().as_raw() == authority.subject().as_raw()
        && parsed.verify_signature(Some(authority.public_key())).is_ok();
    Ok(ours.then(|| Serial::from_bytes(parsed.raw_serial())))
}

/// The list there is. One that the authority did not sign is not built upon.
fn present(path: &Path, own: &CertificateDer<'_>) -> Result<Option<RevocationList>, FileError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut lists = RevocationList::read_all(path)?;
    let list = lists.swap_remove(0);
    if !lists.is_empty() {
        return Err(FileError::new(path, Problem::Unusable("more than one list".to_owned())));
    }
    if list.is_signed_by(std::slice::from_ref(own)) {
        return Ok(Some(list));
    }
    Err(FileError::new(path, Problem::UnknownIssuer { authority: path.with_file_name("ca.pem") }))
}
