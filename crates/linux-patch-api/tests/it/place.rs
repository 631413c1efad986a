//! A folder with all that an agent is told: configuration, whitelist and certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use osapi_pki::credentials::load;
use osapi_pki::{Authorities, Authority, CertificateFiles, Credentials, Leaf, Usage, folder, tls};
use osapi_settings::Environment;
use tempfile::TempDir;

pub(crate) struct Place {
    folder: TempDir,
    pub(crate) port: u16,
}

impl Place {
    /// One that lets `127.0.0.1` in and listens on a free port.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        folder::init(&folder.path().join("certs"), &names, "ops", Timestamp::now()).unwrap();
        let place = Self { folder, port: osapi_testkit::free_port() };
        place.write("whitelist.yaml", "entries:\n  - 127.0.0.1\n");
        place.configure("");
        place
    }

    /// Writes the configuration; `more` is further YAML at its top.
    pub(crate) fn configure(&self, more: &str) {
        let (certs, whitelist) = (self.path("certs"), self.path("whitelist.yaml"));
        let (certs, whitelist) = (certs.display(), whitelist.display());
        self.write(
            "config.yaml",
            &format!(
                "tls:\n  ca_cert: {certs}/ca.pem\n  server_cert: {certs}/server.pem\n  server_key: {certs}/server.key\n\
                 whitelist:\n  path: {whitelist}\nserver:\n  bind: 127.0.0.1\n  port: {}\n{more}",
                self.port
            ),
        );
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: &str) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn source(&self) -> linux_patch_api::Source {
        linux_patch_api::Source { path: self.path("config.yaml"), environment: Environment::default(), verbose: false }
    }

    pub(crate) fn authority(&self) -> Authority {
        let read = |name: &str| fs::read_to_string(self.path("certs").join(name)).unwrap();
        Authority::load(&read("ca.pem"), &read("ca.key")).unwrap()
    }

    /// Gives the server another certificate, the key first, as a careless deployment would.
    pub(crate) fn renew_server(&self) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let issued = self.authority().issue(&Leaf::Server { names }, Timestamp::now()).unwrap();
        self.write("certs/server.key", &issued.key_pem);
        self.write("certs/server.pem", &issued.certificate_pem);
    }

    /// The credentials of the client, or those of another of this place.
    pub(crate) fn client(&self, stem: &str) -> Credentials {
        let certs = self.path("certs");
        let (certificate, key) = (certs.join(format!("{stem}.pem")), certs.join(format!("{stem}.key")));
        let files = CertificateFiles { authorities: certs.join("ca.pem"), certificate, key, revoked: None };
        load(&files, Usage::Client, Timestamp::now()).unwrap().1
    }

    /// A client whose certificate ran out long ago.
    pub(crate) fn expired_client(&self) -> Credentials {
        let then = Timestamp::now() - SignedDuration::from_hours(24 * 400);
        let issued = self.authority().issue(&Leaf::Client { name: "late".to_owned() }, then).unwrap();
        self.write("late.pem", &issued.certificate_pem);
        self.write("late.key", &issued.key_pem);
        fs::set_permissions(self.path("late.key"), fs::Permissions::from_mode(0o600)).unwrap();
        Credentials::load(&self.path("late.pem"), &self.path("late.key"), Usage::Client, then).unwrap()
    }

    /// An HTTP client; each request is a connection of its own unless `keep`.
    pub(crate) fn http(&self, credentials: Option<&Credentials>, keep: bool) -> reqwest::Client {
        let authorities = Authorities::load(&self.path("certs/ca.pem"), Timestamp::now()).unwrap();
        let tls = tls::client_config(&authorities, credentials).unwrap();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .pool_max_idle_per_host(usize::from(keep))
            .timeout(std::time::Duration::from_secs(60))
            .build()
            .unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }
}
