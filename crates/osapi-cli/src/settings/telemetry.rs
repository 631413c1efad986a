//! `debug` and `telemetry`: logs, traces, and where metrics are and go.

use std::net::SocketAddr;

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
        let endpoint = tracing.optional_text("otlp_endpoint", "the collector, `host:port` or a URL, OTLP over gRPC");
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
        let endpoint = metrics.optional_text("otlp_endpoint", doc).or_else(|| log.collector.clone());
        let interval = metrics.duration("interval", "60s", "1s"..="1h", "time from one sending to the next");
        if sent && endpoint.is_none() {
            metrics.require("otlp_endpoint", "the exporter `otlp` sends there, such as `localhost:4317`");
        }
        let export = endpoint.filter(|_| sent).map(|endpoint| MetricsExport { endpoint, interval });
        Self { path, listen, export }
    }
}

#[derive(Clone, Copy)]
enum Word {
    None,
    Stdout,
    Otlp,
}
