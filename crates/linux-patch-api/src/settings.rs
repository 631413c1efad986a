//! The settings of the agent: every key of `config.yaml`, checked. What is not read here is refused by name.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use osapi_pki::CertificateFiles;
use osapi_settings::{Document, Environment, Reader, Section, SettingsError};
use osapi_telemetry::{Exporter, LogFormat, TelemetrySettings};

/// Variables of this prefix override keys, such as `OSAPI_SERVER_PORT`.
const PREFIX: &str = "OSAPI";

/// Variables of `osapi`, which may be set in the same shell and mean nothing here.
const NOT_OURS: [&str; 9] = [
    "OSAPI_OSAPIFILE",
    "OSAPI_CONTEXT",
    "OSAPI_CONFIG_DIR",
    "OSAPI_DEBUG",
    "OSAPI_NATS_",
    "OSAPI_API_",
    "OSAPI_JOB_",
    "OSAPI_TELEMETRY_METRICS_",
    "OSAPI_TELEMETRY_LOGS_",
];

/// Where settings come from, so that they can be read again.
#[derive(Clone, Debug)]
pub struct Source {
    /// The configuration file.
    pub path: PathBuf,
    /// The environment the process was started with.
    pub environment: Environment,
    /// Whether `--verbose` was given: log at debug level at least.
    pub verbose: bool,
}

/// What the agent was told, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How long a request may take.
    pub timeout: Duration,
    /// Its certificate, its key and whom it trusts.
    pub certificates: CertificateFiles,
    /// The file of the whitelist.
    pub whitelist: PathBuf,
    /// How many operations are carried out at once.
    pub max_concurrent: usize,
    /// How it logs and traces.
    pub telemetry: TelemetrySettings,
}

impl Source {
    /// Reads the settings, together with all that is wrong with them; where something is, a default stands in its place.
    ///
    /// # Errors
    /// The file cannot be read or is not YAML.
    pub fn read(&self) -> Result<(Settings, Result<(), SettingsError>), SettingsError> {
        let reader = Reader::new(PREFIX, Document::read(&self.path)?, &self.environment.without(&NOT_OURS));
        let settings = Settings {
            listen: listen(&reader.section("server")),
            timeout: timeout(&reader.section("server")),
            certificates: certificates(&reader.section("tls")),
            whitelist: reader.section("whitelist").path(
                "path",
                "/etc/linux_patch_api/whitelist.yaml",
                "file with the addresses that may connect",
            ),
            max_concurrent: reader.section("jobs").integer(
                "max_concurrent",
                5,
                1..=64,
                "how many operations are carried out at once; others wait",
            ),
            telemetry: self.telemetry(&reader),
        };
        Ok((settings, reader.finish().map(drop)))
    }

    fn telemetry(&self, reader: &Reader) -> TelemetrySettings {
        let logging = reader.section("logging");
        let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
        let level = logging.choice("level", "info", &levels, "least severe level that is logged");
        let format = logging.choice(
            "format",
            "human",
            &[("human", LogFormat::Human), ("json", LogFormat::Json)],
            "how log lines are written",
        );
        let level = if self.verbose && level != "trace" { "debug" } else { level };
        let filter = self.environment.get("RUST_LOG").unwrap_or(level);
        TelemetrySettings {
            service: "linux-patch-api",
            version: env!("CARGO_PKG_VERSION"),
            // The audit trail is not a matter of taste.
            filter: format!("{filter},{}=info", crate::audit_log::TARGET),
            format,
            exporter: exporter(&reader.section("telemetry").section("tracing")),
        }
    }
}

fn listen(server: &Section<'_>) -> SocketAddr {
    let bind: IpAddr =
        server.parsed("bind", "address", "0.0.0.0", "address to listen on; `::` is all addresses of both families");
    let port = server.integer("port", 12443, 1..=65535, "TCP port to listen on");
    SocketAddr::new(bind, port)
}

fn timeout(server: &Section<'_>) -> Duration {
    let seconds = server.integer("timeout_seconds", 30, 1..=600, "how long a request may take, in seconds");
    Duration::from_secs(seconds)
}

fn certificates(tls: &Section<'_>) -> CertificateFiles {
    if !tls.boolean("enabled", true, "must be `true`: there is no door without mutual TLS") {
        tls.refuse("enabled", "cannot be `false`: without mutual TLS anybody would be root here; remove the key");
    }
    CertificateFiles {
        authorities: tls.path(
            "ca_cert",
            "/etc/linux_patch_api/certs/ca.pem",
            "certificates of the authorities whose clients are let in",
        ),
        certificate: tls.path("server_cert", "/etc/linux_patch_api/certs/server.pem", "the server's certificate"),
        key: tls.path("server_key", "/etc/linux_patch_api/certs/server.key", "private key of the server's certificate"),
        revoked: tls.optional_path("crl_path", "revocation lists of the authorities; without it none is looked up"),
    }
}

fn exporter(tracing: &Section<'_>) -> Exporter {
    let enabled = tracing.boolean("enabled", false, "export traces");
    let word = tracing.choice(
        "exporter",
        "stdout",
        &[("none", Exporter::None), ("stdout", Exporter::Stdout), ("otlp", Exporter::Otlp { endpoint: String::new() })],
        "where traces go",
    );
    let endpoint = tracing.text("otlp_endpoint", "localhost:4317", "collector, `host:port` or a URL, OTLP over gRPC");
    match word {
        Exporter::Otlp { .. } if enabled => Exporter::Otlp { endpoint },
        Exporter::Stdout if enabled => Exporter::Stdout,
        Exporter::None | Exporter::Stdout | Exporter::Otlp { .. } => Exporter::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let environment = Environment::from_pairs(environment.iter().copied());
        let source = Source { path: file.path().to_owned(), environment, verbose: false };
        let (settings, wrong) = source.read().map_err(|error| error.to_string())?;
        wrong.map(|()| settings).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_the_seeds_defaults() {
        let settings = read("", &[]).unwrap();
        assert_eq!(settings.listen, "0.0.0.0:12443".parse().unwrap());
        assert_eq!(settings.certificates.key, PathBuf::from("/etc/linux_patch_api/certs/server.key"));
        assert_eq!(settings.whitelist, PathBuf::from("/etc/linux_patch_api/whitelist.yaml"));
        assert_eq!(settings.timeout, Duration::from_secs(30));
        assert_eq!(settings.telemetry.filter, "info,audit=info");
    }

    #[test]
    fn a_variable_overrides_a_key_that_is_in_the_file_or_not() {
        let variables = [("OSAPI_SERVER_PORT", "1443"), ("OSAPI_SERVER_BIND", "::")];
        assert_eq!(read("server: {port: 2443}\n", &variables).unwrap().listen, "[::]:1443".parse().unwrap());
        let others = [
            ("OSAPI_OSAPIFILE", "/etc/osapi/osapi.yaml"),
            ("OSAPI_NATS_SERVER_PORT", "4222"),
            ("OSAPI_TELEMETRY_TRACING_EXPORTER", "none"),
        ];
        read("", &others).unwrap();
        let said = read("", &[("OSAPI_SERVER_PROT", "1443")]).unwrap_err();
        assert!(said.contains("did you mean `OSAPI_SERVER_PORT`?"), "{said}");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let text = "server:\n  port: 99999\n  prot: 1\n  bind: localhost\ntls:\n  enabled: false\n  port: 12443\n\
                    enrollment:\n  manager_url: x\n";
        let said = read(text, &[("OSAPI_SERVER_TIMEOUT_SECONDS", "soon")]).unwrap_err();
        for part in [
            "`server.port` is `99999`",
            "`server.prot` is not a key",
            "`server.bind` is `localhost`",
            "`tls.enabled` cannot be `false`",
            "`tls.port` is not a key",
            "`enrollment` is not a key",
            "`server.timeout_seconds` is `soon`",
        ] {
            assert!(said.contains(part), "{part} is not in:\n{said}");
        }
    }
}
