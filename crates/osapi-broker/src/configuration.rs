//! The settings of the broker, and the configuration file of nats-server made from them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::BrokerError;

/// The largest message: results such as a package list are larger than the 1 MiB nats-server allows by itself.
const MAX_PAYLOAD: usize = 8 << 20;

/// How the broker runs.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// The address to listen on.
    pub host: String,
    /// The TCP port to listen on.
    pub port: u16,
    /// Where everything is kept; made with mode 0700 if missing.
    pub store_dir: PathBuf,
    /// How clients prove who they are.
    pub auth: BrokerAuth,
    /// TLS for clients, where wanted.
    pub tls: Option<BrokerTls>,
    /// A nats-server to use whatever else there is.
    pub program: Option<PathBuf>,
    /// Where the packed nats-server is unpacked; made with mode 0700 if missing.
    pub cache_dir: PathBuf,
    /// Where a nats-server is looked for when none is packed and none beside us.
    pub search: Vec<PathBuf>,
}

/// How clients prove who they are.
#[derive(Clone, Debug, Default)]
pub enum BrokerAuth {
    /// Not at all: whoever reaches the port may do everything.
    #[default]
    None,
    /// By user and password.
    UserPass(Vec<BrokerUser>),
    /// By NKey: the public keys (`U…`) of those who may.
    Nkey(Vec<String>),
}

/// A user who may connect.
#[derive(Clone)]
pub struct BrokerUser {
    /// The name.
    pub username: String,
    /// The password, or its bcrypt hash (`$2a$…`).
    pub password: String,
}

impl std::fmt::Debug for BrokerUser {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BrokerUser").field("username", &self.username).finish_non_exhaustive()
    }
}

/// TLS for clients.
#[derive(Clone, Debug)]
pub struct BrokerTls {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Clients must have a certificate from this authority, PEM.
    pub client_authority: Option<PathBuf>,
}

/// The configuration file of nats-server. `store` is the absolute path of the store.
pub(crate) fn render(settings: &BrokerSettings, store: &Path, pid_file: &Path) -> Result<String, BrokerError> {
    let mut text = String::from("# Written by osapi at every start; changes are lost.\n");
    let _ = writeln!(text, "server_name: osapi\nhost: {}", quoted("nats.server.host", &settings.host)?);
    let _ = writeln!(text, "port: {}\nmax_payload: {MAX_PAYLOAD}\nlogtime: false", settings.port);
    let _ = writeln!(text, "pid_file: {}", quoted_path("nats.server.store_dir", pid_file)?);
    // An acknowledged job must be on disk; nats-server by itself syncs every two minutes.
    let store = quoted_path("nats.server.store_dir", store)?;
    let _ = writeln!(text, "jetstream {{\n  store_dir: {store}\n  sync_interval: always\n}}");
    match &settings.auth {
        BrokerAuth::None => {}
        BrokerAuth::UserPass(users) => {
            text.push_str("authorization {\n  users: [\n");
            for user in users {
                let name = quoted("nats.server.auth.users", &user.username)?;
                let password = quoted("nats.server.auth.users", &user.password)?;
                let _ = writeln!(text, "    {{user: {name}, password: {password}}}");
            }
            text.push_str("  ]\n}\n");
        }
        BrokerAuth::Nkey(keys) => {
            text.push_str("authorization {\n  users: [\n");
            for key in keys {
                let _ = writeln!(text, "    {{nkey: {}}}", quoted("nats.server.auth.nkeys", key)?);
            }
            text.push_str("  ]\n}\n");
        }
    }
    if let Some(tls) = &settings.tls {
        let certificate = quoted_path("nats.server.tls.cert_file", &tls.certificate)?;
        let key = quoted_path("nats.server.tls.key_file", &tls.key)?;
        let _ = writeln!(text, "tls {{\n  cert_file: {certificate}\n  key_file: {key}");
        if let Some(authority) = &tls.client_authority {
            let authority = quoted_path("nats.server.tls.client_ca_file", authority)?;
            let _ = writeln!(text, "  ca_file: {authority}\n  verify: true");
        }
        text.push_str("}\n");
    }
    Ok(text)
}

fn quoted_path(key: &'static str, path: &Path) -> Result<String, BrokerError> {
    quoted(key, path.to_str().ok_or(BrokerError::Unwritable { key })?)
}

/// A text as nats-server's configuration quotes it: in double quotes, where no variable is expanded.
fn quoted(key: &'static str, text: &str) -> Result<String, BrokerError> {
    if text.chars().any(char::is_control) {
        return Err(BrokerError::Unwritable { key });
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(auth: BrokerAuth) -> BrokerSettings {
        BrokerSettings {
            host: "127.0.0.1".into(),
            port: 4222,
            store_dir: "/s".into(),
            auth,
            tls: None,
            program: None,
            cache_dir: "/c".into(),
            search: vec![],
        }
    }

    #[test]
    fn a_password_cannot_leave_its_quotes() {
        let user = |password: &str| {
            let users = vec![BrokerUser { username: "u".into(), password: password.into() }];
            render(&settings(BrokerAuth::UserPass(users)), Path::new("/s"), Path::new("/s/p"))
        };
        assert!(user(r#"a"b\c$HOME}"#).unwrap().contains(r#"password: "a\"b\\c$HOME}""#));
        assert!(user("a\nport: 1").is_err());
    }

    #[test]
    fn every_acknowledged_write_is_synced() {
        let text = render(&settings(BrokerAuth::None), Path::new("/s"), Path::new("/s/p")).unwrap();
        assert!(text.contains("sync_interval: always") && !text.contains("authorization"));
    }
}
