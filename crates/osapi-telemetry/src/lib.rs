//! Logs, traces and metrics of both programs: set up once at the start, flushed at the end.
//!
//! Log lines go to stderr and carry `trace_id` and `span_id` while a span is active. It knows no settings file, no
//! transport and neither program.

mod line;
pub mod metrics;
pub mod trace_context;

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use line::Line;

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Where finished spans go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Exporter {
    /// Nowhere. Lines still carry the ids, and an incoming trace is carried on.
    #[default]
    None,
    /// To stdout, for looking at them.
    Stdout,
    /// To a collector, OTLP over gRPC.
    Otlp {
        /// `host:port` or a URL. Without a scheme it is plain `http`.
        endpoint: String,
    },
}

/// How a program logs and traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// The program's name in traces.
    pub service: &'static str,
    /// The program's version in traces.
    pub version: &'static str,
    /// What is logged, in the language of `RUST_LOG`, such as `info` or `warn,osapi_jobs=debug`.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
    /// Where spans go.
    pub exporter: Exporter,
}

/// Why logging or tracing could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not in the language of `RUST_LOG`.
    #[error("`{filter}` is not a log filter")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The exporter could not be made.
    #[error("cannot export to `{endpoint}`")]
    Exporter {
        /// Where to.
        endpoint: String,
        /// What is wrong with it.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The metrics could not be set up.
    #[error("metrics cannot be recorded")]
    Metrics(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// It was set up before in this process.
    #[error("logging is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Logging and tracing that run. Keep it until the end and then [`Telemetry::shutdown`] it.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// Sets up logging and tracing for the whole process. With an OTLP exporter it must be called inside a Tokio runtime.
///
/// # Errors
/// The filter or the endpoint is wrong, or it was set up before.
pub fn start(settings: &TelemetrySettings) -> Result<Telemetry, TelemetryError> {
    let filter = filter(settings)?;
    let provider = provider(settings)?;
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(settings.service))
        .with_location(false)
        .with_threads(false)
        .with_target(false);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.format {
        // On a terminal the layer's own choice holds, which minds `NO_COLOR`.
        LogFormat::Human if std::io::stderr().is_terminal() => lines.event_format(Line::human()).boxed(),
        LogFormat::Human => lines.with_ansi(false).event_format(Line::human()).boxed(),
        LogFormat::Json => lines.json().with_ansi(false).event_format(Line::json()).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(traces).with(lines).try_init()?;
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Sends what is still to be sent, waiting at most `bound`. It blocks; a collector that is away costs the bound.
    pub fn shutdown(self, bound: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(bound) {
            tracing::warn!(%error, "some spans could not be sent");
        }
    }
}

fn filter(settings: &TelemetrySettings) -> Result<EnvFilter, TelemetryError> {
    // The exporter's own transport would make spans about sending spans, without end.
    let quiet = match settings.exporter {
        Exporter::Otlp { .. } => ",h2=warn,hyper=warn,hyper_util=warn,tonic=warn,tower=warn",
        Exporter::None | Exporter::Stdout => "",
    };
    let text = format!("{}{quiet}", settings.filter);
    EnvFilter::try_new(text).map_err(|source| TelemetryError::Filter { filter: settings.filter.clone(), source })
}

fn provider(settings: &TelemetrySettings) -> Result<SdkTracerProvider, TelemetryError> {
    let builder = SdkTracerProvider::builder().with_resource(resource(settings.service, settings.version));
    Ok(match &settings.exporter {
        // Nothing goes anywhere, and who records passes that on to those after us: they may export.
        Exporter::None => builder.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))).build(),
        Exporter::Stdout => builder.with_simple_exporter(opentelemetry_stdout::SpanExporter::default()).build(),
        Exporter::Otlp { endpoint } => {
            let exporter = SpanExporter::builder().with_tonic().with_endpoint(url(endpoint)).build();
            let exporter =
                exporter.map_err(|source| TelemetryError::Exporter { endpoint: endpoint.clone(), source })?;
            builder.with_batch_exporter(exporter).build()
        }
    })
}

fn resource(service: &str, version: &str) -> Resource {
    let version = KeyValue::new("service.version", version.to_owned());
    Resource::builder().with_service_name(service.to_owned()).with_attribute(version).build()
}

fn url(endpoint: &str) -> String {
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("http://{endpoint}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(filter: &str, exporter: Exporter) -> TelemetrySettings {
        let filter = filter.to_owned();
        TelemetrySettings { service: "test", version: "0", filter, format: LogFormat::Human, exporter }
    }

    #[test]
    fn a_filter_that_is_none_is_refused_and_shown() {
        let error = filter(&settings("info,=x=", Exporter::None)).unwrap_err();
        assert_eq!(error.to_string(), "`info,=x=` is not a log filter");
        assert!(filter(&settings("warn,osapi_jobs=debug", Exporter::None)).is_ok());
    }

    #[test]
    fn an_endpoint_needs_no_scheme() {
        assert_eq!(url("localhost:4317"), "http://localhost:4317");
        assert_eq!(url("https://collector:4317"), "https://collector:4317");
    }

    #[tokio::test]
    async fn an_endpoint_that_is_no_address_is_refused() {
        let error = provider(&settings("info", Exporter::Otlp { endpoint: "not an address".to_owned() })).unwrap_err();
        assert_eq!(error.to_string(), "cannot export to `not an address`");
        assert!(provider(&settings("info", Exporter::Otlp { endpoint: "localhost:4317".to_owned() })).is_ok());
    }
}
