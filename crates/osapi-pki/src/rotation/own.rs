//! The certificate of a server that asks nobody for one, such as the REST API with tokens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use osapi_core::outcome::Change;
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::certificate::Usage;
use crate::credentials::Credentials;
use crate::file::{FileError, Problem};
use crate::tls;

/// A certificate and its key, read again on request.
#[derive(Debug)]
pub struct OwnCertificate {
    certificate: PathBuf,
    key: PathBuf,
    served: Credentials,
    sender: watch::Sender<Arc<ServerConfig>>,
}

impl OwnCertificate {
    /// Reads and checks both files, PEM.
    ///
    /// # Errors
    /// All that is wrong, by file.
    pub fn start(
        certificate: PathBuf,
        key: PathBuf,
        now: Timestamp,
    ) -> Result<(Self, watch::Receiver<Arc<ServerConfig>>), Vec<FileError>> {
        let served = Credentials::load(&certificate, &key, Usage::Server, now)?;
        let (sender, receiver) = watch::channel(Arc::new(configured(&served, &certificate)?));
        Ok((Self { certificate, key, served, sender }, receiver))
    }

    /// Reads both files again. A valid pair that is another serves every connection made from now on; with an invalid
    /// one everything stays as it was.
    ///
    /// # Errors
    /// All that is wrong, by file.
    pub fn reload(&mut self, now: Timestamp) -> Result<Change, Vec<FileError>> {
        let next = Credentials::load(&self.certificate, &self.key, Usage::Server, now)?;
        if next.certified.cert == self.served.certified.cert {
            return Ok(Change::Unchanged);
        }
        self.sender.send_replace(Arc::new(configured(&next, &self.certificate)?));
        self.served = next;
        Ok(Change::Updated)
    }

    /// Not valid after this.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.served.info.not_after
    }
}

fn configured(credentials: &Credentials, path: &Path) -> Result<ServerConfig, Vec<FileError>> {
    let unusable = |error: rustls::Error| vec![FileError::new(path, Problem::Unusable(error.to_string()))];
    tls::server_config(credentials).map_err(unusable)
}
