//! Certificates that change while a server runs: what is valid now travels in a watch channel, so a rotation is a send.

use std::sync::Arc;

use jiff::Timestamp;
use osapi_core::outcome::Change;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::certificate::CertificateInfo;
use crate::credentials::{self, Authorities, CertificateFiles, Usage};
use crate::file::{FileError, Problem};
use crate::tls;

/// What a server proves itself with at a moment, and whom it lets in.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// For each new connection.
    pub config: Arc<ServerConfig>,
    /// What the server's own certificate says.
    pub certificate: CertificateInfo,
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

    /// Reads the set again. A valid one that is different serves every connection made from now on; those that are
    /// open stay. With an invalid one everything stays as it was.
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
        let config = tls::mutual_server_config(&authorities, &own)
            .map_err(|error| vec![FileError::new(&files.certificate, Problem::Unusable(error.to_string()))])?;
        Ok(Self { config: Arc::new(config), certificate: own.info, authorities, chain: own.certified.cert.clone() })
    }

    fn same_as(&self, other: &Self) -> bool {
        self.chain == other.chain && self.authorities.roots.roots == other.authorities.roots.roots
    }
}
