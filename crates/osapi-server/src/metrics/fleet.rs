//! Metrics of the fleet, read from what the engine has in memory when somebody asks.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::process;
use crate::app::App;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOperation {
    operation: String,
}

/// A registry filled with the present values.
pub(super) fn registry(app: &App) -> Registry {
    let mut registry = Registry::default();
    jobs(app, &mut registry);
    workers(app, &mut registry);
    audit(app, &mut registry);
    process::register(&mut registry, app.started.elapsed());
    registry
}

fn jobs(app: &App, registry: &mut Registry) {
    let stats = app.jobs.stats();
    let by_state = Family::<State, Gauge>::default();
    for (state, count) in &stats.status_counts {
        by_state.get_or_create(&State { state: state.as_str() }).set(signed(*count));
    }
    registry.register("osapi_jobs", "Jobs kept, by state", by_state);
    let by_operation = Family::<OfOperation, Gauge>::default();
    for (operation, count) in &stats.operation_counts {
        by_operation.get_or_create(&OfOperation { operation: operation.clone() }).set(signed(*count));
    }
    registry.register("osapi_jobs_by_operation", "Jobs kept, by operation", by_operation);
    registry.register("osapi_dead_letters", "Messages in the dead-letter stream", gauge(signed(stats.dlq_count)));
    let connected = i64::from(app.jobs.connection().is_connected());
    registry.register("osapi_broker_connected", "Whether the broker is there", gauge(connected));
}

fn workers(app: &App, registry: &mut Registry) {
    let by_state = Family::<State, Gauge>::default();
    for state in osapi_core::worker::WorkerState::ALL {
        by_state.get_or_create(&State { state: state.as_str() }).set(0);
    }
    for worker in app.jobs.workers() {
        by_state.get_or_create(&State { state: worker.state.as_str() }).inc();
    }
    registry.register("osapi_workers", "Workers known, by state", by_state);
}

fn audit(app: &App, registry: &mut Registry) {
    let waiting = i64::try_from(app.audit.waiting()).unwrap_or(i64::MAX);
    registry.register("osapi_audit_waiting", "Audit entries that wait to be written", gauge(waiting));
    registry.register("osapi_audit_written", "Audit entries written", counter(app.audit.written()));
    registry.register(
        "osapi_audit_lost",
        "Audit entries lost because their buffer was full",
        counter(app.audit.lost()),
    );
    let uptime = i64::try_from(app.started.elapsed().as_secs()).unwrap_or(i64::MAX);
    registry.register_with_unit("osapi_uptime", "How long the server has run", Unit::Seconds, gauge(uptime));
}

pub(super) fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

pub(super) fn counter(value: u64) -> Counter {
    let counter = Counter::default();
    counter.inc_by(value);
    counter
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
