//! Metrics reach a collector, the same ones as `/metrics` shows.

use std::time::Duration;

use osapi_core::Target;
use osapi_telemetry::metrics::MetricsExport;
use osapi_testkit::{Collector, Point, wait_for};

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
    let of = |point: &Point, name: &str, label: &str, value: &str| {
        point.name == name && point.attributes.get(label).is_some_and(|text| text == value)
    };
    let points = wait_for("the request to reach the collector", PATIENCE, async || {
        let points = collector.points();
        let sent = |point: &Point| of(point, "http.server.request.duration", "http.route", "/api/v1/system/load");
        points.iter().any(sent).then_some(points)
    })
    .await;
    let value = |name: &str, label: &str, value: &str| {
        points.iter().find(|point| of(point, name, label, value)).map(|point| point.value)
    };
    assert_eq!(value("http.server.request.duration", "http.route", "/api/v1/system/load"), Some(1.0));
    assert_eq!(value("osapi.jobs", "state", "completed"), Some(1.0));
    assert!(value("osapi.workers", "state", "ready").is_some());
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
async fn the_last_metrics_are_sent_when_the_server_stops_and_a_collector_that_is_away_holds_nothing_up() {
    for away in [false, true] {
        let collector = Collector::start().await;
        let endpoint = if away { "127.0.0.1:1".to_owned() } else { collector.endpoint() };
        let fleet = Fleet::with(|settings| {
            settings.metrics.export = Some(MetricsExport { endpoint, interval: Duration::from_secs(3600) });
        })
        .await;
        assert!(collector.points().is_empty());
        fleet.shutdown.cancel();
        tokio::time::timeout(PATIENCE, fleet.served).await.expect("the server ends").unwrap().unwrap();
        assert_eq!(collector.points().is_empty(), away);
    }
}
