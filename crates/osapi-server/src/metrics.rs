//! Metrics in Prometheus' text form. Every label has a bounded set of values: route templates, not paths; states, not
//! hosts.

mod fleet;
mod process;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;

/// What the requests did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

/// The metrics that are counted as things happen; those of the fleet are read when asked for.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Histogram>,
    pub(crate) under_way: Gauge,
    pub(crate) refused: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::<RequestLabels, Histogram>::new_with_constructor(|| {
            Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0])
        });
        let (under_way, refused) = (Gauge::default(), Counter::default());
        let help = "Time from the head of a request to the head of its answer";
        registry.register_with_unit("http_server_request_duration", help, Unit::Seconds, requests.clone());
        registry.register("http_server_active_requests", "Requests under way", under_way.clone());
        registry.register("osapi_http_refused", "Requests refused because there were too many", refused.clone());
        Self { registry, requests, under_way, refused }
    }

    pub(crate) fn request(&self, method: &http::Method, route: Option<&str>, status: u16, took: Duration) {
        let labels = RequestLabels {
            http_request_method: known(method),
            http_route: route.unwrap_or("none").to_owned(),
            http_response_status_code: status,
        };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
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

/// All metrics as text.
///
/// # Errors
/// The library cannot write them, which is a fault of ours.
pub(crate) fn text(app: &App) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    encode(&mut text, &fleet::registry(app))?;
    // Each registry ends with the mark of the end; only the last may.
    text.truncate(text.trim_end_matches("# EOF\n").len());
    encode(&mut text, &app.metrics.registry)?;
    Ok(text)
}
