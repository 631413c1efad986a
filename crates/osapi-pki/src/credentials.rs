//! Sets of files a program proves itself with, read and checked as a whole: nothing is used that would fail later.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use crate::certificate::{CertificateInfo, Usage};
use crate::file::{self, FileError, Problem};
use crate::revocation::RevocationList;
use crate::tls::{provider, unix_time};

/// Where the files of a set are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Certificates of the authorities that are trusted; one or more.
    pub authorities: PathBuf,
    /// One's own certificate, then the intermediate ones where there are any.
    pub certificate: PathBuf,
    /// The private key of one's own certificate.
    pub key: PathBuf,
    /// Lists of what the authorities have revoked, for servers that ask clients for certificates. Without it nothing is
    /// looked up.
    pub revoked: Option<PathBuf>,
}

/// The authorities one trusts.
#[derive(Clone, Debug)]
pub struct Authorities {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) lists: Vec<RevocationList>,
    certificates: Vec<CertificateDer<'static>>,
    path: PathBuf,
}

/// A certificate chain with its private key, for one use.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub(crate) certified: Arc<CertifiedKey>,
    /// What the certificate says.
    pub info: CertificateInfo,
    path: PathBuf,
    usage: Usage,
}

impl Authorities {
    /// Reads every certificate in a PEM file. Those that have expired are left out; one at least must be left.
    ///
    /// # Errors
    /// The file cannot be read, holds something other than certificates of authorities, or only expired ones.
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, FileError> {
        let refuse = |problem| FileError::new(path, problem);
        let mut roots = RootCertStore::empty();
        let (mut certificates, mut expired) = (Vec::new(), None);
        for der in file::read_certificates(path)? {
            let info = CertificateInfo::read(&der).map_err(|error| refuse(Problem::Unusable(error.to_string())))?;
            if !info.is_authority {
                return Err(refuse(Problem::NotAuthority(info.identity.common_name)));
            }
            // The verifier does not look at the time of what it trusts, so this is the only place that does.
            match check_time(&info, now) {
                Ok(()) => {
                    roots.add(der.clone()).map_err(|error| refuse(Problem::Unusable(error.to_string())))?;
                    certificates.push(der);
                }
                Err(problem) => expired = Some(problem),
            }
        }
        match expired {
            Some(problem) if roots.is_empty() => Err(refuse(problem)),
            _ => Ok(Self { roots: Arc::new(roots), lists: Vec::new(), certificates, path: path.to_owned() }),
        }
    }

    /// Lets in nobody whose certificate is on a list in the PEM file. What an authority without a list there has issued is
    /// let in as before, so that a new authority can be brought in beside the old one.
    ///
    /// # Errors
    /// The file cannot be read, holds no list, or one that no authority here signed or whose time is over.
    pub fn with_revocation_lists(self, path: &Path, now: Timestamp) -> Result<Self, FileError> {
        let lists = RevocationList::read_all(path)?;
        for list in &lists {
            let checked = if list.is_signed_by(&self.certificates) {
                list.check_time(now)
            } else {
                Err(Problem::UnknownIssuer { authority: self.path.clone() })
            };
            checked.map_err(|problem| FileError::new(path, problem))?;
        }
        Ok(Self { lists, ..self })
    }

    /// Checks by signature, time and purpose that these authorities vouch for the credentials.
    ///
    /// # Errors
    /// No authority here signed them, or they are not for the use they were loaded for.
    pub fn vouch_for(&self, credentials: &Credentials, now: Timestamp) -> Result<(), FileError> {
        let [own, intermediates @ ..] = credentials.certified.cert.as_slice() else {
            return Err(FileError::new(&credentials.path, Problem::NoCertificate));
        };
        let checked = self.verify(own, intermediates, credentials.usage, now);
        checked.map_err(|error| FileError::new(&credentials.path, self.problem(&error, credentials)))
    }

    fn verify(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: Usage,
        now: Timestamp,
    ) -> Result<(), rustls::Error> {
        let now = unix_time(now);
        let provider = provider();
        match usage {
            Usage::Server => rustls::client::verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(own)?,
                &self.roots,
                intermediates,
                now,
                provider.signature_verification_algorithms.all,
            ),
            Usage::Client => WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider)
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?
                .verify_client_cert(own, intermediates, now)
                .map(drop),
        }
    }

    fn problem(&self, error: &rustls::Error, credentials: &Credentials) -> Problem {
        use CertificateError as Wrong;
        match error {
            rustls::Error::InvalidCertificate(Wrong::UnknownIssuer | Wrong::BadSignature) => {
                Problem::UnknownIssuer { authority: self.path.clone() }
            }
            rustls::Error::InvalidCertificate(Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. }) => {
                Problem::WrongUsage(credentials.usage)
            }
            other => Problem::Unusable(other.to_string()),
        }
    }
}

impl Credentials {
    /// Reads a certificate chain and its key and checks that they belong together, that it is their time and that the
    /// certificate says it is for this use.
    ///
    /// # Errors
    /// All that is wrong with the two files, by file.
    pub fn load(certificate: &Path, key: &Path, usage: Usage, now: Timestamp) -> Result<Self, Vec<FileError>> {
        let refuse = |problem| FileError::new(certificate, problem);
        let chain = file::read_certificates(certificate).and_then(|chain| {
            let info =
                CertificateInfo::read(&chain[0]).map_err(|error| refuse(Problem::Unusable(error.to_string())))?;
            check_time(&info, now).map_err(refuse)?;
            let meant = match usage {
                Usage::Server => info.for_server,
                Usage::Client => info.for_client,
            };
            if meant { Ok((chain, info)) } else { Err(refuse(Problem::WrongUsage(usage))) }
        });
        let ((chain, info), private) = both(chain, file::read_key(key))?;
        let certified = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
            let problem = match error {
                rustls::Error::InconsistentKeys(_) => Problem::KeyMismatch { certificate: certificate.to_owned() },
                other => Problem::Unusable(other.to_string()),
            };
            vec![FileError::new(key, problem)]
        })?;
        Ok(Self { certified: Arc::new(certified), info, path: certificate.to_owned(), usage })
    }
}

/// Reads a whole set: the authorities, the credentials, and that the former vouch for the latter.
///
/// # Errors
/// All that is wrong, by file.
pub fn load(
    files: &CertificateFiles,
    usage: Usage,
    now: Timestamp,
) -> Result<(Authorities, Credentials), Vec<FileError>> {
    let authorities = Authorities::load(&files.authorities, now).and_then(|authorities| match &files.revoked {
        Some(path) => authorities.with_revocation_lists(path, now),
        None => Ok(authorities),
    });
    let authorities = authorities.map_err(|error| vec![error]);
    let credentials = Credentials::load(&files.certificate, &files.key, usage, now);
    match (authorities, credentials) {
        (Ok(authorities), Ok(credentials)) => {
            authorities.vouch_for(&credentials, now).map_err(|error| vec![error])?;
            Ok((authorities, credentials))
        }
        (authorities, credentials) => Err(authorities.err().into_iter().chain(credentials.err()).flatten().collect()),
    }
}

fn check_time(info: &CertificateInfo, now: Timestamp) -> Result<(), Problem> {
    if now > info.not_after {
        return Err(Problem::Expired(info.not_after));
    }
    if now < info.not_before { Err(Problem::NotYetValid(info.not_before)) } else { Ok(()) }
}

fn both<A, B>(first: Result<A, FileError>, second: Result<B, FileError>) -> Result<(A, B), Vec<FileError>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => Err(first.err().into_iter().chain(second.err()).collect()),
    }
}
