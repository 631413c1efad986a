//! A collector of traces and metrics: speaks OTLP over gRPC as a real one does and keeps what it is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span as Wire;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A finished span as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// The trace it belongs to, in hex.
    pub trace_id: String,
    /// Its identity, in hex.
    pub span_id: String,
    /// That of the span it is part of, in hex; empty for the first of a trace.
    pub parent_id: String,
    /// Its attributes, values as text.
    pub attributes: BTreeMap<String, String>,
}

/// One value of a metric as it was sent last.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The metric's name.
    pub name: String,
    /// Its unit, in UCUM's letters.
    pub unit: String,
    /// Its attributes, values as text.
    pub attributes: BTreeMap<String, String>,
    /// The value; for a histogram, how many were counted.
    pub value: f64,
}

/// The collector. It ends when this is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: Received,
    _serving: JoinSet<()>,
}

/// What was sent.
#[derive(Clone, Debug, Default)]
struct Received(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    points: Vec<Point>,
}

impl Collector {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Received::default();
        let server = Server::builder()
            .add_service(TraceServiceServer::new(received.clone()))
            .add_service(MetricsServiceServer::new(received.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(async { server.serve_with_incoming(TcpIncoming::from(listener)).await.expect("it serves") });
        Self { address, received, _serving: serving }
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// The spans sent so far, in the order they came.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.received.with(|kept| kept.spans.clone())
    }

    /// The metrics as they were sent last; empty before the first sending.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        self.received.with(|kept| kept.points.clone())
    }
}

impl Received {
    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans;
        let spans = resources.into_iter().flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        self.with(|kept| kept.spans.extend(spans.map(span)));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics;
        let metrics = resources.into_iter().flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
        let points = metrics.flat_map(points).collect();
        self.with(|kept| kept.points = points);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn span(wire: Wire) -> Span {
    Span {
        name: wire.name,
        trace_id: hex(&wire.trace_id),
        span_id: hex(&wire.span_id),
        parent_id: hex(&wire.parent_span_id),
        attributes: texts(wire.attributes),
    }
}

fn points(metric: Metric) -> Vec<Point> {
    let Metric { name, unit, data, .. } = metric;
    let point = |attributes, value| Point { name: name.clone(), unit: unit.clone(), attributes, value };
    let number = |of: NumberDataPoint| point(texts(of.attributes), plain(of.value));
    match data {
        Some(Data::Gauge(gauge)) => gauge.data_points.into_iter().map(number).collect(),
        Some(Data::Sum(sum)) => sum.data_points.into_iter().map(number).collect(),
        #[expect(clippy::cast_precision_loss, reason = "tests count little")]
        Some(Data::Histogram(histogram)) => {
            histogram.data_points.into_iter().map(|of| point(texts(of.attributes), of.count as f64)).collect()
        }
        Some(Data::ExponentialHistogram(_) | Data::Summary(_)) | None => Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "tests count little")]
fn plain(value: Option<number_data_point::Value>) -> f64 {
    match value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|attribute| (attribute.key, text(attribute.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
