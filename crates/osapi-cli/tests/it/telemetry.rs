//! A request is followed through every process: one trace from the command line to the host, and into the audit trail.

use osapi_testkit::{Collector, Span, wait_for, wait_until};
use serde_json::Value;

use crate::fleet::{BOUND, Fleet};

/// The span of that name in that trace.
fn find<'a>(spans: &'a [Span], trace_id: &str, name: &str) -> Option<&'a Span> {
    spans.iter().find(|span| span.trace_id == trace_id && span.name == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_command_through_the_server_to_the_host_and_into_the_audit_trail() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let telemetry = [
        ("OSAPI_TELEMETRY_TRACING_ENABLED", "true"),
        ("OSAPI_TELEMETRY_TRACING_EXPORTER", "otlp"),
        ("OSAPI_TELEMETRY_TRACING_OTLP_ENDPOINT", &endpoint),
        ("OSAPI_TELEMETRY_METRICS_EXPORTER", "otlp"),
        ("OSAPI_TELEMETRY_METRICS_INTERVAL", "1s"),
        ("OSAPI_API_SERVER_JOBS_WAIT", "50s"),
        // Spans are sent soon, not every five seconds.
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let fleet = Fleet::with(&[("web-01", "")], &telemetry).await;
    let answer = fleet.program.run("client system hostname get -T web-01 --json");
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let job = answer["job_id"].as_str().unwrap();

    let entry = wait_for("the audit entry", BOUND, async || {
        let list = fleet.program.run("client audit list --path /api/v1/system/hostname --json");
        serde_json::from_slice::<Value>(&list.stdout).ok()?["items"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(entry["job_id"], job);
    let trace = entry["trace_id"].as_str().unwrap();

    let (request, work, operation) = wait_for("the spans of server and worker", BOUND, async || {
        let spans = collector.spans();
        let find = |name| find(&spans, trace, name).cloned();
        Some((find("GET /api/v1/system/hostname")?, find("job.process")?, find("operation")?))
    })
    .await;
    assert_eq!(request.parent_id.len(), 16, "it goes on with the command's trace");
    assert_eq!(request.attributes["request_id"], entry["request_id"].as_str().unwrap());
    assert_eq!(work.parent_id, request.span_id, "the worker goes on with the request's trace");
    assert_eq!(work.attributes["job_id"], job);
    assert_eq!(operation.parent_id, work.span_id);

    wait_until("the metrics", BOUND, async || {
        let ready = |(name, value): (&String, &String)| name == "state" && value == "ready";
        let workers =
            |point: &osapi_testkit::Point| point.name == "osapi.workers" && point.attributes.iter().any(ready);
        collector.points().iter().any(|point| workers(point) && point.value >= 1.0)
    })
    .await;
}
