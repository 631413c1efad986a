//! A folder of certificates per test.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use osapi_pki::{Authority, CertificateFiles, Issued, Leaf, folder};
use tempfile::TempDir;

pub(crate) fn now() -> Timestamp {
    // The verifier of a live handshake reads the clock itself.
    Timestamp::now()
}

pub(crate) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

pub(crate) struct Set {
    folder: TempDir,
    pub(crate) authority: Authority,
}

impl Set {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        folder::init(folder.path(), &["localhost".to_owned(), "127.0.0.1".to_owned()], "ops", now()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let authority = Authority::load(&read("ca.pem"), &read("ca.key")).unwrap();
        Self { folder, authority }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn files(&self, stem: &str) -> CertificateFiles {
        CertificateFiles {
            authorities: self.path("ca.pem"),
            certificate: self.path(&format!("{stem}.pem")),
            key: self.path(&format!("{stem}.key")),
            revoked: None,
        }
    }

    /// Writes over a file; a key stays secret because the file was.
    pub(crate) fn put(&self, name: &str, contents: &str) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn put_pair(&self, stem: &str, issued: &Issued) {
        self.put(&format!("{stem}.pem"), &issued.certificate_pem);
        self.put(&format!("{stem}.key"), &issued.key_pem);
    }
}

pub(crate) fn server_leaf() -> Leaf {
    Leaf::Server { names: vec!["localhost".to_owned()] }
}

pub(crate) fn client_leaf() -> Leaf {
    Leaf::Client { name: "ops".to_owned() }
}

pub(crate) fn names(errors: &[osapi_pki::FileError], root: &Path) -> Vec<String> {
    errors.iter().map(|error| error.to_string().replace(&format!("{}/", root.display()), "")).collect()
}

impl Set {
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }
}
