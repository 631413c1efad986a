//! The connection to the broker, and the streams and buckets every role makes sure of.

pub(crate) mod prepare;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::connection::prepare::Existing;
use crate::error::ConnectError;
use crate::names::Names;
use crate::store::{Store, StoreFault};

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
#[derive(Clone, Default)]
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

impl fmt::Debug for Auth {
    /// Without the password: settings end up in logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("None"),
            Self::UserPass { username, password: _ } => {
                formatter.debug_struct("UserPass").field("username", username).finish_non_exhaustive()
            }
            Self::NkeyFile(path) => formatter.debug_tuple("NkeyFile").field(path).finish(),
            Self::CredentialsFile(path) => formatter.debug_tuple("CredentialsFile").field(path).finish(),
        }
    }
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
    /// How long a worker may hold a job for any one worker without a sign of life, before another gets it.
    pub ack_wait: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            replicas: 1,
            max_age: Duration::from_secs(7 * 86_400),
            max_bytes: 1 << 30,
            dead_letter_max_age: Duration::from_secs(30 * 86_400),
            dead_letter_max_messages: 10_000,
            ack_wait: Duration::from_secs(30),
        }
    }
}

/// A connection to the broker that reconnects for ever. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    context: Context,
    names: Names,
    namespace: Namespace,
    /// What was last made sure of and how, so that it can be made again when a broker comes back without its store.
    prepared: Mutex<Option<(RetentionSettings, Existing)>>,
    /// Counts connections, so that what the broker forgets with one can be made anew.
    epoch: watch::Receiver<u64>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("namespace", &self.inner.namespace).finish_non_exhaustive()
    }
}

/// How long one attempt to reach one server may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long the broker may take to answer a request or to store a message.
const ANSWER: Duration = Duration::from_secs(5);

/// How long it may take to make a consumer: a thousand workers that start at once wait for each other.
const PATIENT_ANSWER: Duration = Duration::from_secs(20);

/// How many messages may be on their way to the broker's disk at once.
const IN_FLIGHT: usize = 4096;

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// No server answered in time, or refused us.
    pub async fn open(settings: ConnectionSettings) -> Result<Self, ConnectError> {
        let (connected, epoch) = watch::channel(0);
        let deadline = Instant::now() + settings.connect_timeout;
        let mut pause = Duration::from_millis(50);
        let client = loop {
            let options = options(&settings, connected.clone()).await?;
            let reason = match options.connect(settings.servers.as_slice()).await {
                Ok(client) => break client,
                // The same proof again would be refused again.
                Err(error) if refuses_us(&error) => return Err(unreachable(&settings, REFUSED.to_owned())),
                Err(error) => chain(&error),
            };
            if Instant::now() + pause >= deadline {
                return Err(unreachable(&settings, reason));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        };
        let context = ContextBuilder::new().timeout(ANSWER).ack_timeout(ANSWER).max_ack_inflight(IN_FLIGHT);
        let context = context.build(client.clone());
        let names = Names::new(&settings.namespace);
        let (namespace, prepared) = (settings.namespace, Mutex::default());
        Ok(Self { inner: Arc::new(Inner { client, context, names, namespace, prepared, epoch }) })
    }

    /// Makes sure of every stream, bucket and shared consumer; asking twice changes nothing.
    ///
    /// # Errors
    /// The broker has no JetStream, refuses, or has something else under one of the names.
    pub async fn prepare(&self, retention: &RetentionSettings) -> Result<(), ConnectError> {
        self.make_sure(retention, Existing::Adjust).await
    }

    /// Makes what is missing and leaves what is there as it is: for a worker, whose host may be configured with other
    /// limits than the API server's.
    ///
    /// # Errors
    /// The broker has no JetStream, refuses, or has something else under one of the names.
    pub async fn join(&self, retention: &RetentionSettings) -> Result<(), ConnectError> {
        self.make_sure(retention, Existing::Keep).await
    }

    async fn make_sure(&self, retention: &RetentionSettings, existing: Existing) -> Result<(), ConnectError> {
        prepare::everything(self, retention, existing).await?;
        let mut prepared = self.inner.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        *prepared = Some((retention.clone(), existing));
        Ok(())
    }

    /// Makes sure again of what this process made sure of before: the broker came back without it.
    pub(crate) async fn restore(&self) -> Result<(), ConnectError> {
        let prepared = self.inner.prepared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match prepared {
            Some((retention, existing)) => prepare::everything(self, &retention, existing).await,
            None => Ok(()),
        }
    }

    /// Whether the broker is there just now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.inner.client.connection_state() == State::Connected
    }

    /// The prefix.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.inner.namespace
    }

    /// Waits until the broker is there; asking it anything before would only be waiting for the answer in vain.
    pub(crate) async fn connected(&self) {
        let mut epoch = self.epoch();
        while !self.is_connected() {
            let _ = tokio::time::timeout(Duration::from_secs(1), epoch.changed()).await;
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn context(&self) -> &Context {
        &self.inner.context
    }

    /// For what a broker does one after the other, and a fleet may ask for all at once.
    pub(crate) fn patient_context(&self) -> Context {
        let mut context = self.inner.context.clone();
        context.set_timeout(PATIENT_ANSWER);
        context
    }

    pub(crate) fn names(&self) -> &Names {
        &self.inner.names
    }

    /// Changes with every new connection to a broker from now on.
    pub(crate) fn epoch(&self) -> watch::Receiver<u64> {
        let mut epoch = self.inner.epoch.clone();
        epoch.mark_unchanged();
        epoch
    }

    pub(crate) async fn store(&self, bucket: &str) -> Result<Store, StoreFault> {
        Store::of(self.context(), bucket).await
    }
}

async fn options(settings: &ConnectionSettings, connected: watch::Sender<u64>) -> Result<ConnectOptions, ConnectError> {
    let mut options = ConnectOptions::new()
        .name(&settings.client_name)
        .connection_timeout(ATTEMPT)
        .request_timeout(Some(ANSWER))
        .max_reconnects(None)
        .reconnect_delay_callback(back_off)
        .event_callback(move |event| {
            observe(&event, &connected);
            std::future::ready(())
        });
    options = match &settings.auth {
        Auth::None => options,
        Auth::UserPass { username, password } => options.user_and_password(username.clone(), password.clone()),
        Auth::NkeyFile(path) => options.nkey(seed(settings, path).await?),
        Auth::CredentialsFile(path) => options
            .credentials_file(path)
            .await
            .map_err(|error| unreachable(settings, format!("{} cannot be used: {error}", path.display())))?,
    };
    if let Some(tls) = &settings.tls {
        options = options.require_tls(true);
        if let Some(file) = &tls.ca_file {
            options = options.add_root_certificates(file.clone());
        }
        if let Some((certificate, key)) = &tls.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
    }
    Ok(options)
}

async fn seed(settings: &ConnectionSettings, path: &std::path::Path) -> Result<String, ConnectError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| unreachable(settings, format!("{} cannot be read: {error}", path.display())))?;
    // A file made by `nk` may hold the public key below the seed.
    let seed = text.split_whitespace().find(|word| word.starts_with("SU"));
    seed.map(str::to_owned)
        .ok_or_else(|| unreachable(settings, format!("{} holds no user's NKey seed (`SU…`)", path.display())))
}

fn observe(event: &Event, connected: &watch::Sender<u64>) {
    match event {
        Event::Connected => {
            connected.send_modify(|count| *count += 1);
            tracing::info!("connected to the broker");
        }
        Event::Disconnected => tracing::warn!("the broker is gone: reconnecting"),
        Event::SlowConsumer(subscription) => tracing::warn!(subscription, "messages came faster than they were read"),
        Event::LameDuckMode | Event::Draining | Event::Closed => tracing::info!(%event, "the broker's connection"),
        Event::ServerError(error) => tracing::warn!(%error, "the broker complains"),
        Event::ClientError(error) => tracing::debug!(%error, "the broker's connection"),
    }
}

/// How long after a broker has come back somebody may still be on the way to it: the longest pause and an attempt.
pub(crate) const REJOIN: Duration = LONGEST_PAUSE.saturating_add(ATTEMPT);

/// The longest pause between two attempts to reconnect.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The pause before an attempt to reconnect: it doubles to the longest and differs between processes, so that a fleet does not
/// fall upon a broker that has just come back.
fn back_off(attempt: usize) -> Duration {
    let exponent = u32::try_from(attempt.min(8)).unwrap_or(8);
    let most = (Duration::from_millis(25) * 2_u32.pow(exponent)).min(LONGEST_PAUSE);
    most / 2 + (most / 2).mul_f64(f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX))
}

/// What is wrong when the broker is there and does not let us in.
const REFUSED: &str = "it refuses our credentials (hint: compare `nats.auth` here with the broker's users and keys)";

fn refuses_us(error: &async_nats::ConnectError) -> bool {
    matches!(error.kind(), ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication)
}

fn unreachable(settings: &ConnectionSettings, reason: String) -> ConnectError {
    ConnectError::Unreachable { servers: settings.servers.join(", "), reason }
}

/// An error of the client with its causes, which it leaves out of its own text.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_before_a_new_attempt_grows_and_stays_bounded() {
        for attempt in [0, 1, 5, 100, 1_000_000, usize::MAX] {
            let pause = back_off(attempt);
            assert!(pause >= Duration::from_millis(12) && pause <= LONGEST_PAUSE, "{attempt}: {pause:?}");
        }
        assert!(back_off(100) >= LONGEST_PAUSE / 2);
    }
}
