//! What is measured, once, for Prometheus and a collector alike. Every label has a bounded set of values: route
//! templates, not paths; states, not hosts.

mod fleet;
mod process;

use std::sync::{Arc, Weak};
use std::time::Duration;

use osapi_telemetry::TelemetryError;
use osapi_telemetry::metrics::{
    self as telemetry, AsyncInstrument, Counter, Histogram, KeyValue, Meter, UpDownCounter,
};

use crate::app::App;
use crate::settings::ServerSettings;

/// Upper bounds of the classes of latency, in seconds.
const LATENCIES: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// How long the last sending may take when the server stops.
const LAST: Duration = Duration::from_secs(1);

/// The instruments that are written to as things happen; those of [`observe`] are read when asked for.
#[derive(Debug)]
pub(crate) struct Metrics {
    telemetry: telemetry::Metrics,
    requests: Histogram<f64>,
    under_way: UpDownCounter<i64>,
    refused: Counter<u64>,
}

/// A request under way; it is no more when this is dropped.
pub(crate) struct UnderWay<'a>(&'a UpDownCounter<i64>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

impl Metrics {
    pub(crate) fn new(settings: &ServerSettings) -> Result<Self, TelemetryError> {
        let telemetry = telemetry::Metrics::start("osapi", &settings.version, settings.metrics.export.as_ref())?;
        let meter = telemetry.meter();
        let requests = meter
            .f64_histogram("http.server.request.duration")
            .with_unit("s")
            .with_description("Time from the head of a request to the head of its answer.")
            .with_boundaries(LATENCIES.to_vec());
        let under_way =
            meter.i64_up_down_counter("http.server.active_requests").with_description("Requests under way.");
        let refused = meter
            .u64_counter("osapi.http.refused")
            .with_description("Requests refused because there were too many at once or of one token.");
        Ok(Self { requests: requests.build(), under_way: under_way.build(), refused: refused.build(), telemetry })
    }

    /// Counts a request that begins.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.under_way.add(1, &[]);
        UnderWay(&self.under_way)
    }

    /// Counts a request that is refused because there are too many.
    pub(crate) fn refuse(&self) {
        self.refused.add(1, &[]);
    }

    /// Counts a request that is answered.
    pub(crate) fn answered(&self, method: &http::Method, route: Option<&str>, status: u16, took: Duration) {
        let labels = [
            KeyValue::new("http.request.method", known(method)),
            KeyValue::new("http.route", route.unwrap_or("none").to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        self.requests.record(took.as_secs_f64(), &labels);
    }

    /// All metrics in Prometheus' text form.
    pub(crate) fn text(&self) -> Result<String, telemetry::TextError> {
        self.telemetry.text()
    }

    /// Sends the metrics a last time.
    pub(crate) async fn shutdown(&self) {
        self.telemetry.shutdown(LAST).await;
    }
}

/// Anybody can invent methods; the label cannot grow by that.
fn known(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// Makes the instruments that are read when somebody asks.
pub(crate) fn observe(app: &Arc<App>) {
    let observed = Observed { meter: app.metrics.telemetry.meter(), app: Arc::downgrade(app) };
    fleet::observe(&observed);
    process::observe(&observed);
}

/// Makes instruments that read from the server.
struct Observed {
    meter: Meter,
    app: Weak<App>,
}

/// The name of an instrument, its unit as UCUM has it (empty where things are counted), and what it tells.
struct Named(&'static str, &'static str, &'static str);

impl Observed {
    /// Values that go up and down.
    fn gauge(&self, Named(name, unit, help): Named, read: impl Read) {
        let gauge = self.meter.u64_observable_gauge(name).with_unit(unit).with_description(help);
        gauge.with_callback(self.reader(read)).build();
    }

    /// Values that only grow while the server runs.
    fn counter(&self, Named(name, unit, help): Named, read: impl Read) {
        let counter = self.meter.u64_observable_counter(name).with_unit(unit).with_description(help);
        counter.with_callback(self.reader(read)).build();
    }

    /// Reads while the server is there.
    fn reader(&self, read: impl Read) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static {
        let app = Weak::clone(&self.app);
        move |instrument| {
            if let Some(app) = app.upgrade() {
                read(&app, instrument);
            }
        }
    }
}

/// Reads values from the server and hands them to an instrument.
trait Read: Fn(&App, &dyn AsyncInstrument<u64>) + Send + Sync + 'static {}

impl<F: Fn(&App, &dyn AsyncInstrument<u64>) + Send + Sync + 'static> Read for F {}
