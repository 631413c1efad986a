//! The connection to the broker, and the streams and buckets every role makes sure of.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::ConnectError;

/// A prefix that keeps two deployments on one broker apart: subjects get `ns.` in front, streams and buckets `ns-`.
///
/// Empty, or 1 to 32 lower-case letters, digits and `_`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// Checks the text.
    ///
    /// # Errors
    /// It is longer or has other characters.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        let fine = text.len() <= 32
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if fine { Ok(Self(text.to_owned())) } else { Err(ConnectError::Namespace(text.chars().take(80).collect())) }
    }

    /// The text, empty when there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How to prove to the broker who connects.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// User and password.
    UserPass {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// The seed of an NKey, read from a file.
    NkeyFile(PathBuf),
    /// A credentials file, as `nsc` writes it.
    CredentialsFile(PathBuf),
}

/// TLS to the broker.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// The authority the broker's certificate must come from; the system's when absent.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key, where the broker asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Where the broker is and how to reach it.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// `host:port` of each server; any one will do.
    pub servers: Vec<String>,
    /// The name the broker shows for this connection.
    pub client_name: String,
    /// The prefix.
    pub namespace: Namespace,
    /// The proof.
    pub auth: Auth,
    /// TLS, where wanted.
    pub tls: Option<TlsSettings>,
    /// How long the first connection may take; afterwards it reconnects for ever.
    pub connect_timeout: Duration,
}

/// How much is kept and for how long.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// Copies of each stream in a cluster, 1 to 5.
    pub replicas: usize,
    /// How long jobs and their results are kept.
    pub max_age: Duration,
    /// How many bytes of jobs are kept; when full, new jobs are refused and none accepted is lost.
    pub max_bytes: i64,
    /// How long dead letters are kept.
    pub dead_letter_max_age: Duration,
    /// How many dead letters are kept; the oldest go first.
    pub dead_letter_max_messages: i64,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            replicas: 1,
            max_age: Duration::from_secs(7 * 86_400),
            max_bytes: 1 << 30,
            dead_letter_max_age: Duration::from_secs(30 * 86_400),
            dead_letter_max_messages: 10_000,
        }
    }
}

/// A connection to the broker that reconnects for ever. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connection {}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// No server answered in time, or refused us.
    pub async fn open(settings: ConnectionSettings) -> Result<Self, ConnectError> {
        Err(ConnectError::Unreachable { servers: settings.servers.join(", "), reason: "not built yet".into() })
    }

    /// Makes sure of every stream, bucket and shared consumer; asking twice changes nothing.
    ///
    /// # Errors
    /// The broker has no JetStream, refuses, or has something else under one of the names.
    pub async fn prepare(&self, _retention: &RetentionSettings) -> Result<(), ConnectError> {
        Ok(())
    }

    /// Whether the broker is there just now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        false
    }

    /// The JetStream context, for the streams that other crates own (the audit trail).
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        const EMPTY: &Namespace = &Namespace(String::new());
        EMPTY
    }
}
