//! `debug` and `telemetry`: logs, traces, and where metrics are and go.

use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

use osapi_settings::Reader;
use osapi_telemetry::metrics::MetricsExport;

/// How the roles log and trace.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) debug: bool,
    pub(crate) filter: Option<String>,
    pub(crate) json: bool,
    pub(crate) exporter: TracingExporter,
    /// The collector, whether or not traces go there.
    collector: Option<String>,
}

/// Where the API server's metrics are, and where they are sent.
#[derive(Clone, Debug)]
pub(crate) struct MetricsSection {
    pub(crate) path: String,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) export: Option<MetricsExport>,
}

/// Where spans go.
#[derive(Clone, Debug)]
pub(crate) enum TracingExporter {
    /// Nowhere.
    None,
    /// To stdout.
    Stdout,
    /// To a collector.
    Otlp(String),
}

impl LogSettings {
    pub(super) fn read(reader: &Reader) -> Self {
        let debug = reader.root().boolean("debug", false, "log at debug level and trace to stdout");
        let telemetry = reader.section("telemetry");
        let logs = telemetry.section("logs");
        let filter = logs.optional_text("filter", "what is logged, such as `info` or `warn,osapi_jobs=debug`");
        let json = logs.choice("format", "human", &[("human", false), ("json", true)], "how log lines are written");
        let tracing = telemetry.section("tracing");
        let enabled = tracing.boolean("enabled", false, "export traces");
        let words = [("", Word::None), ("none", Word::None), ("stdout", Word::Stdout), ("otlp", Word::Otlp)];
        let word = tracing.choice("exporter", "none", &words, "where traces go");
        let endpoint = tracing.optional_parsed("otlp_endpoint", COLLECTOR, "the collector, OTLP over gRPC");
        let endpoint = endpoint.map(|Collector(endpoint)| endpoint);
        if let (Word::Otlp, true) = (word, enabled) {
            tracing.require("otlp_endpoint", "the exporter `otlp` sends there, such as `localhost:4317`");
        }
        let exporter = match word {
            Word::Otlp if enabled => TracingExporter::Otlp(endpoint.clone().unwrap_or_default()),
            Word::Stdout if enabled => TracingExporter::Stdout,
            Word::None | Word::Stdout | Word::Otlp if debug => TracingExporter::Stdout,
            Word::None | Word::Stdout | Word::Otlp => TracingExporter::None,
        };
        Self { debug, filter, json, exporter, collector: endpoint }
    }
}

impl MetricsSection {
    pub(super) fn read(reader: &Reader, log: &LogSettings) -> Self {
        let metrics = reader.section("telemetry").section("metrics");
        let path = metrics.text("path", "/metrics", "path of the metrics");
        if !path.starts_with('/') {
            metrics.refuse("path", "must begin with `/`");
        }
        let listen = metrics.optional_parsed(
            "listen",
            "address and port",
            "where metrics are alone; the API's own port if empty",
        );
        let words = [("", false), ("none", false), ("otlp", true)];
        let sent = metrics.choice("exporter", "none", &words, "where metrics are sent as well");
        let doc = "the collector, as `telemetry.tracing.otlp_endpoint`, which it is if empty";
        let endpoint = metrics.optional_parsed("otlp_endpoint", COLLECTOR, doc);
        let endpoint = endpoint.map(|Collector(endpoint)| endpoint).or_else(|| log.collector.clone());
        let interval = metrics.duration("interval", "60s", "1s"..="1h", "time from one sending to the next");
        if sent && endpoint.is_none() {
            metrics.require("otlp_endpoint", "the exporter `otlp` sends there, such as `localhost:4317`");
        }
        let export = endpoint.filter(|_| sent).map(|endpoint| MetricsExport { endpoint, interval });
        Self { path, listen, export }
    }
}

/// What the address of a collector looks like.
const COLLECTOR: &str = "`host:port` or `http://host:port`";

/// The address of a collector, as it was written.
struct Collector(String);

impl FromStr for Collector {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let authority = match text.split_once("://") {
            None => text,
            Some(("http", rest)) => rest.trim_end_matches('/'),
            Some(("https", _)) => {
                return Err("collectors are not spoken to over TLS; write `host:port` or `http://host:port`");
            }
            Some(_) => return Err("a collector is written `host:port` or `http://host:port`"),
        };
        let right = authority.rsplit_once(':').is_some_and(|(host, port)| {
            let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            let known = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            let host =
                bracketed.map_or_else(|| known(host) && !host.is_empty(), |host| host.parse::<Ipv6Addr>().is_ok());
            host && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if right { Ok(Self(text.to_owned())) } else { Err("a collector is written `host:port` or `http://host:port`") }
    }
}

#[derive(Clone, Copy)]
enum Word {
    None,
    Stdout,
    Otlp,
}
