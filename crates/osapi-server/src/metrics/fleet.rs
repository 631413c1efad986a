//! Metrics of the fleet, read from what the engine has in memory. Every API server counts all of it.

use osapi_core::worker::WorkerState;
use osapi_telemetry::metrics::KeyValue;

use super::{Named, Observed};

pub(super) fn observe(observed: &Observed) {
    jobs(observed);
    queue(observed);
    changes(observed);
    dead_letters(observed);
    workers(observed);
    audit(observed);
}

fn jobs(observed: &Observed) {
    observed.gauge(Named("osapi.jobs", "", "Jobs kept, by operation and where they stand."), |app, kept| {
        for ((operation, state), count) in app.jobs.figures().jobs {
            let labels = [KeyValue::new("operation", operation.name()), KeyValue::new("state", state.as_str())];
            kept.observe(count, &labels);
        }
    });
    let ended = "Jobs of the fleet that ended since this API server started, by operation and outcome.";
    observed.counter(Named("osapi.jobs.ended", "", ended), |app, ended| {
        for ((operation, outcome), count) in app.jobs.figures().jobs_ended {
            let labels = [KeyValue::new("operation", operation.name()), KeyValue::new("outcome", outcome.as_str())];
            ended.observe(count, &labels);
        }
    });
}

fn queue(observed: &Observed) {
    let waiting = "Jobs nobody has taken up, by whom they are for.";
    observed.gauge(Named("osapi.queue.jobs", "", waiting), |app, waiting| {
        for (kind, queue) in app.jobs.figures().waiting {
            waiting.observe(queue.jobs, &[KeyValue::new("target_kind", kind.as_str())]);
        }
    });
    let age = "How long the oldest of them has waited; 0 when there is none.";
    observed.gauge(Named("osapi.queue.oldest_age", "s", age), |app, age| {
        for (kind, queue) in app.jobs.figures().waiting {
            age.observe(queue.oldest.as_secs(), &[KeyValue::new("target_kind", kind.as_str())]);
        }
    });
}

fn changes(observed: &Observed) {
    let claims = "Claims of the fleet's workers on changes since this API server started.";
    observed.counter(Named("osapi.claims", "", claims), |app, claims| {
        let figures = app.jobs.figures();
        claims.observe(figures.claims_granted, &[KeyValue::new("result", "granted")]);
        claims.observe(figures.claims_refused, &[KeyValue::new("result", "refused")]);
    });
    let again = "Messages the fleet's workers were given again since this API server started.";
    observed.counter(Named("osapi.redeliveries", "", again), |app, again| {
        again.observe(app.jobs.figures().redeliveries, &[]);
    });
}

fn dead_letters(observed: &Observed) {
    observed.gauge(Named("osapi.dead_letters", "", "Dead letters kept."), |app, letters| {
        letters.observe(app.jobs.figures().dead_letters, &[]);
    });
    observed.counter(Named("osapi.dead_letters.written", "", "Dead letters ever written."), |app, written| {
        written.observe(app.jobs.figures().dead_letters_ever, &[]);
    });
}

fn workers(observed: &Observed) {
    observed.gauge(Named("osapi.workers", "", "Workers known, by state."), |app, by_state| {
        let workers = app.jobs.workers();
        for state in WorkerState::ALL {
            let count = workers.iter().filter(|worker| worker.state == state).count() as u64;
            by_state.observe(count, &[KeyValue::new("state", state.as_str())]);
        }
    });
    observed.gauge(Named("osapi.broker.connected", "", "Whether the broker is there."), |app, connected| {
        connected.observe(u64::from(app.jobs.connection().is_connected()), &[]);
    });
}

fn audit(observed: &Observed) {
    observed.gauge(Named("osapi.audit.waiting", "", "Audit entries that wait to be written."), |app, waiting| {
        waiting.observe(app.audit.waiting() as u64, &[]);
    });
    observed.counter(Named("osapi.audit.written", "", "Audit entries written."), |app, written| {
        written.observe(app.audit.written(), &[]);
    });
    let lost = "Audit entries lost because their buffer was full.";
    observed.counter(Named("osapi.audit.lost", "", lost), |app, entries| entries.observe(app.audit.lost(), &[]));
}
