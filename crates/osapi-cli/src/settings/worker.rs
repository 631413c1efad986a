//! `job.worker`: how a worker works and what it says of itself.

use std::time::Duration;

use osapi_core::HostName;
use osapi_core::target::Label;
use osapi_settings::Reader;

/// How a worker works. Its connection to the broker is with the other connections, in `nats`.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSection {
    pub(crate) hostname: Option<HostName>,
    pub(crate) labels: Vec<Label>,
    pub(crate) max_jobs: u32,
    pub(crate) heartbeat: Duration,
    pub(crate) ack_wait: Duration,
    pub(crate) drain: Duration,
}

impl WorkerSection {
    pub(super) fn read(reader: &Reader) -> Self {
        let worker = reader.section("job").section("worker");
        let pairs = worker.pairs("labels", "labels", "labels the worker answers to, such as `group: web.dev.us-east`");
        let labels = pairs.iter().filter_map(|(key, value)| {
            let label = format!("{key}:{value}").parse();
            label.map_err(|error| worker.refuse("labels", &format!("is wrong: {error}"))).ok()
        });
        let labels = labels.collect();
        let hostname =
            worker.optional_parsed("hostname", "host name", "name to be routed by; the system's own if empty");
        let max_jobs = worker.integer("max_jobs", 10, 1..=1000, "how many jobs it carries out at once");
        let heartbeat =
            worker.duration("heartbeat", "10s", "1s"..="5m", "time between heartbeats; three missed mean lost");
        let drain =
            worker.duration("drain", "3s", "0s"..="1h", "how long jobs under way may take to end when it stops");
        worker.retired("queue_group", "workers of one deployment share one queue");
        let consumer = worker.section("consumer");
        let ack_wait = consumer.duration(
            "ack_wait",
            "30s",
            "1s"..="1h",
            "how long a job for this host may be held without a sign of life",
        );
        for key in ["name", "max_deliver", "max_ack_pending", "replay_policy", "back_off"] {
            consumer.retired(key, "the engine keeps every job exactly once and sets its consumers up itself");
        }
        Self { hostname, labels, max_jobs, heartbeat, ack_wait, drain }
    }
}
