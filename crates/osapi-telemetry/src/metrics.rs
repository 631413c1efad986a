//! Metrics: each is recorded by one instrument and leaves in two ways, as Prometheus' text when asked and to a collector
//! by OTLP when configured.
//!
//! It knows no metric by name; whoever has something to measure asks [`Metrics::meter`] for an instrument.

use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::{MetricExporter, WithExportConfig as _};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use prometheus::{Registry, TextEncoder};

pub use opentelemetry::KeyValue;
pub use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter, UpDownCounter};

use crate::{TelemetryError, resource, url};

/// The `Content-Type` of [`Metrics::text`].
pub const TEXT_TYPE: &str = prometheus::TEXT_FORMAT;

/// How long the collector may take to answer; nobody waits for it but the task that sends.
const ANSWER: Duration = Duration::from_secs(30);

/// Where metrics are sent, OTLP over gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsExport {
    /// `host:port` or a URL. Without a scheme it is plain `http`.
    pub endpoint: String,
    /// Time from one sending to the next.
    pub interval: Duration,
}

/// Why the metrics cannot be written as text: two of them have the same name or a name that is none.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be written")]
pub struct TextError(#[from] prometheus::Error);

/// Metrics that are recorded. Keep it until the end and then [`Metrics::shutdown`] it.
#[derive(Debug)]
pub struct Metrics {
    provider: SdkMeterProvider,
    registry: Registry,
}

impl Metrics {
    /// Metrics of this program. With an export it must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn start(service: &str, version: &str, export: Option<&MetricsExport>) -> Result<Self, TelemetryError> {
        let registry = Registry::new();
        let text = opentelemetry_prometheus::exporter().with_registry(registry.clone()).scope_info_enabled(false);
        let text = text.build().map_err(TelemetryError::Metrics)?;
        let mut builder = SdkMeterProvider::builder().with_resource(resource(service, version)).with_reader(text);
        if let Some(MetricsExport { endpoint, interval }) = export {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(url(endpoint)).with_timeout(ANSWER);
            let exporter =
                exporter.build().map_err(|source| TelemetryError::Exporter { endpoint: endpoint.clone(), source })?;
            builder = builder.with_reader(PeriodicReader::builder(exporter).with_interval(*interval).build());
        }
        Ok(Self { provider: builder.build(), registry })
    }

    /// Makes instruments.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.provider.meter("osapi")
    }

    /// All metrics as they are now, in Prometheus' text form.
    ///
    /// # Errors
    /// Two metrics contradict each other.
    pub fn text(&self) -> Result<String, TextError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// Sends the metrics a last time, waiting at most `bound`.
    pub async fn shutdown(&self, bound: Duration) {
        let provider = self.provider.clone();
        let sent = tokio::task::spawn_blocking(move || provider.shutdown());
        match tokio::time::timeout(bound, sent).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last metrics could not be sent"),
            Ok(Err(error)) => tracing::warn!(%error, "the last metrics could not be sent"),
            Err(_) => tracing::warn!("the last metrics could not be sent in time"),
        }
    }
}
