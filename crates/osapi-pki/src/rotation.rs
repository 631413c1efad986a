//! Certificates that change while a server runs: what is valid now travels in a watch channel, so a rotation is a send.

mod own;

use std::sync::Arc;

use jiff::Timestamp;
use osapi_core::outcome::Change;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use tokio::sync::watch;

use crate::certificate::{CertificateInfo, Usage};
use crate::credentials::{self, Authorities, CertificateFiles};
use crate::file::{FileError, Problem};
use crate::tls;

pub use own::OwnCertificate;

/// What a server proves itself with at a moment, and whom it lets in.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// For each new connection.
    pub config: Arc<ServerConfig>,
    /// What the server's own certificate says.
    pub certificate: CertificateInfo,
    /// After this nobody is let in any more for want of a newer revocation list; `None` where none is looked up.
    pub revocations_until: Option<Timestamp>,
    verifier: Arc<dyn ClientCertVerifier>,
    authorities: Authorities,
    chain: Vec<CertificateDer<'static>>,
}

/// A set of files that is read again on request.
#[derive(Debug)]
pub struct Rotation {
    files: CertificateFiles,
    sender: watch::Sender<Arc<ServerTls>>,
}

impl Rotation {
    /// Reads and checks the set for a server that asks its clients for certificates.
    ///
    /// # Errors
    /// All that is wrong, by file.
    pub fn start(
        files: CertificateFiles,
        now: Timestamp,
    ) -> Result<(Self, watch::Receiver<Arc<ServerTls>>), Vec<FileError>> {
        let (sender, receiver) = watch::channel(Arc::new(ServerTls::load(&files, now)?));
        Ok((Self { files, sender }, receiver))
    }

    /// Reads the set again. A valid one that is different serves every connection made from now on; for those that
    /// are open [`ServerTls::admits`] answers anew. With an invalid one everything stays as it was.
    ///
    /// # Errors
    /// All that is wrong, by file.
    pub fn reload(&self, now: Timestamp) -> Result<Change, Vec<FileError>> {
        let next = ServerTls::load(&self.files, now)?;
        let replaced = self.sender.send_if_modified(|present| {
            let changed = !present.same_as(&next);
            if changed {
                *present = Arc::new(next);
            }
            changed
        });
        Ok(if replaced { Change::Updated } else { Change::Unchanged })
    }

    /// Reads another set of files from now on, if it is valid.
    ///
    /// # Errors
    /// All that is wrong, by file; the old files stay the ones that are read.
    pub fn turn_to(&mut self, files: CertificateFiles, now: Timestamp) -> Result<Change, Vec<FileError>> {
        let before = std::mem::replace(&mut self.files, files);
        self.reload(now).inspect_err(|_| self.files = before)
    }

    /// Where the files are.
    #[must_use]
    pub const fn files(&self) -> &CertificateFiles {
        &self.files
    }
}

impl ServerTls {
    fn load(files: &CertificateFiles, now: Timestamp) -> Result<Self, Vec<FileError>> {
        let (authorities, own) = credentials::load(files, Usage::Server, now)?;
        let unusable =
            |error: rustls::Error| vec![FileError::new(&files.certificate, Problem::Unusable(error.to_string()))];
        let verifier = tls::client_verifier(&authorities).map_err(unusable)?;
        let config = tls::asking_server_config(verifier.clone(), &own).map_err(unusable)?;
        let revocations_until = authorities.lists.iter().map(|list| list.next_update).min();
        let chain = own.certified.cert.clone();
        Ok(Self { config: Arc::new(config), certificate: own.info, revocations_until, verifier, authorities, chain })
    }

    /// Whether a client with these certificates would be let in now, as one that was let in earlier is asked again.
    ///
    /// # Errors
    /// Why it would not.
    pub fn admits(&self, certificates: &[CertificateDer<'_>], now: Timestamp) -> Result<(), rustls::Error> {
        let [own, intermediates @ ..] = certificates else { return Err(rustls::Error::NoCertificatesPresented) };
        self.verifier.verify_client_cert(own, intermediates, tls::unix_time(now)).map(drop)
    }

    fn same_as(&self, other: &Self) -> bool {
        self.chain == other.chain
            && self.authorities.roots.roots == other.authorities.roots.roots
            && self.authorities.lists == other.authorities.lists
    }
}
