//! `debug` and `telemetry`: logs, traces and where metrics are.

use osapi_settings::Reader;

/// How the roles log and trace.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) debug: bool,
    pub(crate) filter: Option<String>,
    pub(crate) json: bool,
    pub(crate) exporter: TracingExporter,
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
            Word::Otlp if enabled => TracingExporter::Otlp(endpoint.unwrap_or_default()),
            Word::Stdout if enabled => TracingExporter::Stdout,
            Word::None | Word::Stdout | Word::Otlp if debug => TracingExporter::Stdout,
            Word::None | Word::Stdout | Word::Otlp => TracingExporter::None,
        };
        Self { debug, filter, json, exporter }
    }
}

#[derive(Clone, Copy)]
enum Word {
    None,
    Stdout,
    Otlp,
}
