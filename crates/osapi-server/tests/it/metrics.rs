//! Metrics reach a collector, the same ones as `/metrics` shows.

use std::time::Duration;

use osapi_core::Target;
use osapi_telemetry::metrics::MetricsExport;
use osapi_testkit::{Collector, Point, wait_for, wait_until};

use crate::fleet::{Fleet, Manner, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_sent_to_a_collector_under_the_names_and_labels_that_prometheus_reads() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let fleet = Fleet::with(|settings| {
        settings.metrics.export = Some(MetricsExport { endpoint, interval: Duration::from_millis(100) });
    })
    .await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    fleet.admin().system_load(&Target::Any).await.unwrap();
    let is = |point: &Point, name: &str, label: &str, value: &str| {
        point.name == name && point.attributes.get(label).is_some_and(|text| text == value) && point.value >= 1.0
    };
    // One sending may hold values of before and after the request, so all are waited for together.
    let points = wait_for("the request, its job and the worker to reach the collector", PATIENCE, async || {
        let points = collector.points();
        let sent = [
            ("http.server.request.duration", "http.route", "/api/v1/system/load"),
            ("osapi.jobs", "state", "completed"),
            ("osapi.workers", "state", "ready"),
        ];
        let sent = sent.iter().all(|(name, label, value)| points.iter().any(|point| is(point, name, label, value)));
        sent.then_some(points)
    })
    .await;
    let text = fleet.client(None).metrics("/metrics").await.unwrap();
    for Point { name, .. } in &points {
        assert!(text.contains(&name.replace('.', "_")), "{name} is sent and not shown in\n{text}");
    }
    let shown = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
    let mut sent: Vec<&String> = points.iter().map(|point| &point.name).collect();
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(shown, sent.len() + 1, "all but the facts about the program itself are sent:\n{text}\n{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_metrics_are_sent_when_the_server_stops() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let fleet = Fleet::with(|settings| {
        settings.metrics.export = Some(MetricsExport { endpoint, interval: Duration::from_secs(3600) });
    })
    .await;
    assert!(collector.points().is_empty());
    fleet.shutdown.cancel();
    tokio::time::timeout(PATIENCE, fleet.served).await.expect("the server ends").unwrap().unwrap();
    // The server does not wait long for a collector; what is under way still arrives.
    wait_until("the last metrics", PATIENCE, async || !collector.points().is_empty()).await;
}
