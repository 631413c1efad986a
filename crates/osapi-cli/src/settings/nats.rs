//! `nats` and the connections to it: the broker of our own, how each role connects, and what is kept there.

use std::path::PathBuf;

use osapi_broker::{BrokerAuth, BrokerSettings, BrokerTls, BrokerUser};
use osapi_jobs::{Auth, ConnectionSettings, Namespace, RetentionSettings, TlsSettings};
use osapi_settings::{Environment, ExposeSecret as _, Reader, Section};

/// The broker and the ways to it.
#[derive(Clone, Debug)]
pub(crate) struct NatsSettings {
    /// The broker of our own; absent when `nats.servers` names others.
    pub(crate) broker: Option<BrokerSettings>,
    /// How the API server connects.
    pub(crate) api: ConnectionSettings,
    /// How the worker connects.
    pub(crate) worker: ConnectionSettings,
    /// How much is kept and for how long.
    pub(crate) retention: RetentionSettings,
}

/// What a connection is unless its own section says otherwise.
struct Shared {
    servers: Vec<String>,
    namespace: String,
    auth: Auth,
    tls: Option<TlsSettings>,
}

/// How to prove who connects, by its word in the file.
#[derive(Clone, Copy)]
enum Proof {
    Inherited,
    None,
    UserPass,
    Nkey,
    Credentials,
}

impl NatsSettings {
    pub(super) fn read(reader: &Reader, environment: &Environment) -> Self {
        let nats = reader.section("nats");
        let servers: Vec<String> = nats.list(
            "servers",
            "`host:port`",
            &[],
            "brokers to use instead of one of our own; any one will do; port 4222 if left out",
        );
        let (broker, namespace) = read_broker(&nats.section("server"), environment);
        let auth = read_auth(&nats.section("auth"), &own_proof(&broker.auth));
        let tls = read_tls(&nats.section("tls"), None);
        let retention = read_retention(&nats);
        for key in ["name", "subjects", "max_age", "max_msgs", "storage", "replicas", "discard"] {
            nats.section("stream")
                .retired(key, "streams have fixed names, are kept on disk and live as long as `nats.kv.ttl`");
        }
        let own = servers.is_empty();
        let servers = if own { vec![reachable(&broker)] } else { servers };
        let shared = Shared { servers, namespace, auth, tls };
        let api = reader.section("api").section("server").section("nats");
        let worker = reader.section("job").section("worker").section("nats");
        Self {
            broker: own.then_some(broker),
            api: read_connection(&api, &shared, "osapi-api"),
            worker: read_connection(&worker, &shared, "osapi-job-worker"),
            retention,
        }
    }

    /// What only shows when everything is read.
    pub(super) fn check(&self, reader: &Reader) {
        if self.api.namespace != self.worker.namespace {
            let section = reader.section("job").section("worker").section("nats");
            section.refuse("namespace", "differs from `api.server.nats.namespace`: jobs would never arrive");
        }
    }
}

fn read_broker(server: &Section<'_>, environment: &Environment) -> (BrokerSettings, String) {
    let host = server.text("host", "localhost", "address the broker listens on");
    let port = server.integer("port", 4222, 1..=65535, "TCP port the broker listens on");
    let store_dir = server.path("store_dir", "/var/lib/osapi/nats", "where the broker keeps everything");
    let namespace =
        server.text("namespace", "osapi", "keeps deployments on one broker apart: a prefix of all names in it");
    let auth = read_broker_auth(&server.section("auth"));
    let tls = server.section("tls");
    let certificate = tls.optional_path("cert_file", "certificate of the broker, PEM; TLS is on when set");
    let key = tls.optional_path("key_file", "its private key, PEM");
    let client_authority =
        tls.optional_path("client_ca_file", "clients must have a certificate from this authority, PEM");
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(BrokerTls { certificate, key, client_authority }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            tls.refuse("cert_file", "and `key_file` must be set together");
            None
        }
    };
    let program = server.optional_path("program", "a nats-server to use instead of the one built in");
    let cache_dir =
        server.optional_path("cache_dir", "where the built-in nats-server is unpacked; the user's cache if empty");
    let cache_dir = cache_dir.unwrap_or_else(|| cache(environment));
    let search = environment.get("PATH").unwrap_or_default().split(':').map(PathBuf::from).collect();
    (BrokerSettings { host, port, store_dir, auth, tls, program, cache_dir, search }, namespace)
}

fn cache(environment: &Environment) -> PathBuf {
    match (environment.get("XDG_CACHE_HOME"), environment.get("HOME")) {
        _ if rustix::process::geteuid().is_root() => PathBuf::from("/var/cache/osapi"),
        (Some(cache), _) => PathBuf::from(cache).join("osapi"),
        (None, Some(home)) => PathBuf::from(home).join(".cache/osapi"),
        (None, None) => PathBuf::from("/var/cache/osapi"),
    }
}

fn read_broker_auth(auth: &Section<'_>) -> BrokerAuth {
    let kinds = [("none", Proof::None), ("user_pass", Proof::UserPass), ("nkey", Proof::Nkey)];
    let kind = auth.choice("type", "none", &kinds, "how clients of the broker prove who they are");
    let users = auth.items("users", |user| BrokerUser {
        username: user.text("username", "", "a user who may connect"),
        password: user
            .secret("password", "the password, or its bcrypt hash")
            .map(|password| password.expose_secret().to_owned())
            .unwrap_or_default(),
    });
    let nkeys: Vec<String> = auth.list("nkeys", "public NKeys", &[], "the public keys (`U…`) of those who may connect");
    for nkey in nkeys.iter().filter(|nkey| !(nkey.len() == 56 && nkey.starts_with('U'))) {
        auth.refuse("nkeys", &format!("has `{nkey}`, which is not the public NKey of a user: `U` and 55 characters"));
    }
    match kind {
        Proof::UserPass => {
            if users.is_empty() || users.iter().any(|user| user.username.is_empty() || user.password.is_empty()) {
                auth.refuse("users", "must name at least one user, each with `username` and `password`");
            }
            BrokerAuth::UserPass(users)
        }
        Proof::Nkey => {
            if nkeys.is_empty() {
                auth.refuse("nkeys", "must name at least one public key");
            }
            BrokerAuth::Nkey(nkeys)
        }
        Proof::None | Proof::Inherited | Proof::Credentials => BrokerAuth::None,
    }
}

/// With users of our own broker and nothing else said, the roles connect as the first of them.
fn own_proof(auth: &BrokerAuth) -> Auth {
    match auth {
        BrokerAuth::UserPass(users) => users.first().map_or(Auth::None, |user| Auth::UserPass {
            username: user.username.clone(),
            password: user.password.clone(),
        }),
        BrokerAuth::None | BrokerAuth::Nkey(_) => Auth::None,
    }
}

fn read_connection(section: &Section<'_>, shared: &Shared, client_name: &str) -> ConnectionSettings {
    let host = section.optional_text("host", "broker of this role; `nats.servers` or `nats.server` if empty");
    let port: u16 = section.integer("port", 4222, 1..=65535, "TCP port of that broker");
    let name = section.text("client_name", client_name, "name the broker shows for this role");
    let namespace = section.text("namespace", &shared.namespace, "as `nats.server.namespace`");
    let namespace = Namespace::parse(&namespace).unwrap_or_else(|error| {
        section.refuse("namespace", &format!("is wrong: {error}"));
        Namespace::default()
    });
    ConnectionSettings {
        servers: host.map_or_else(|| shared.servers.clone(), |host| vec![format!("{host}:{port}")]),
        client_name: name,
        namespace,
        auth: read_auth(&section.section("auth"), &shared.auth),
        tls: read_tls(&section.section("tls"), shared.tls.clone()),
        connect_timeout: section.duration(
            "connect_timeout",
            "10s",
            "1s"..="5m",
            "how long the first connection may take",
        ),
    }
}

fn read_auth(section: &Section<'_>, inherited: &Auth) -> Auth {
    let kinds = [
        ("", Proof::Inherited),
        ("none", Proof::None),
        ("user_pass", Proof::UserPass),
        ("nkey", Proof::Nkey),
        ("creds", Proof::Credentials),
    ];
    let kind = section.choice("type", "", &kinds, "how to prove to the broker who connects; empty as inherited");
    let username = section.optional_text("username", "the user");
    let password = section.secret("password", "the password");
    let nkey_file = section.optional_path("nkey_file", "file with the seed of an NKey");
    let creds_file = section.optional_path("creds_file", "credentials file as `nsc` writes it");
    match kind {
        Proof::Inherited => inherited.clone(),
        Proof::None => Auth::None,
        Proof::UserPass => {
            section.require("username", "`type: user_pass` needs it");
            section.require("password", "`type: user_pass` needs it");
            let password = password.map(|password| password.expose_secret().to_owned());
            Auth::UserPass { username: username.unwrap_or_default(), password: password.unwrap_or_default() }
        }
        Proof::Nkey => {
            section.require("nkey_file", "`type: nkey` needs it");
            Auth::NkeyFile(nkey_file.unwrap_or_default())
        }
        Proof::Credentials => {
            section.require("creds_file", "`type: creds` needs it");
            Auth::CredentialsFile(creds_file.unwrap_or_default())
        }
    }
}

fn read_tls(section: &Section<'_>, inherited: Option<TlsSettings>) -> Option<TlsSettings> {
    let enabled = section.boolean("enabled", false, "use TLS towards the broker");
    let ca_file = section.optional_path("ca_file", "the authority the broker's certificate must come from, PEM");
    let certificate = section.optional_path("cert_file", "our certificate, where the broker asks for one, PEM");
    let key = section.optional_path("key_file", "its private key, PEM");
    if certificate.is_some() != key.is_some() {
        section.refuse("cert_file", "and `key_file` must be set together");
    }
    let given = enabled || ca_file.is_some() || certificate.is_some();
    if given { Some(TlsSettings { ca_file, identity: certificate.zip(key) }) } else { inherited }
}

fn read_retention(nats: &Section<'_>) -> RetentionSettings {
    let kv = nats.section("kv");
    let dlq = nats.section("dlq");
    let retention = RetentionSettings {
        max_age: kv.duration("ttl", "7d", "1m"..="366d", "how long jobs and their results are kept"),
        max_bytes: bytes(kv.size(
            "max_bytes",
            "512MiB",
            "1MiB"..="1TiB",
            "bytes of jobs kept; when full, new jobs are refused",
        )),
        replicas: kv.integer("replicas", 1, 1..=5, "copies of everything in a cluster"),
        dead_letter_max_age: dlq.duration("max_age", "30d", "1m"..="366d", "how long dead letters are kept"),
        dead_letter_max_messages: dlq.integer("max_msgs", 10_000, 1..=10_000_000, "how many dead letters are kept"),
        ..RetentionSettings::default()
    };
    for key in ["bucket", "response_bucket", "storage"] {
        kv.retired(key, "buckets have fixed names and are kept on disk");
    }
    for key in ["storage", "replicas"] {
        dlq.retired(key, "dead letters are kept on disk, in as many copies as `nats.kv.replicas`");
    }
    retention
}

/// Sizes are bounded by the declaration, far below this type's end.
pub(super) fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// `host:port` of our own broker as seen from this machine.
fn reachable(broker: &BrokerSettings) -> String {
    let host = match broker.host.as_str() {
        "0.0.0.0" | "localhost" => "127.0.0.1",
        "::" => "[::1]",
        host => host,
    };
    format!("{host}:{}", broker.port)
}
