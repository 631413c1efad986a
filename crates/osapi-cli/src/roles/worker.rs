//! The worker: the job engine on one side, the host layer on the other.

use std::collections::BTreeMap;

use osapi_core::operation::NoInput;
use osapi_core::system::OsInfo;
use osapi_core::worker::Registration;
use osapi_core::{Assignment, HostName, Operation, OperationKind, Outcome, Report};
use osapi_host::runner::{Runner, RunnerSettings};
use osapi_host::{Context, System, carry_out};
use osapi_jobs::{ConnectionSettings, Control, Execute, RetentionSettings, WorkerSettings, work};
use osapi_telemetry::trace_context;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{Streams, connect};
use crate::failure::Failure;
use crate::settings::{Settings, WorkerSection};

/// The host layer as the engine wants it.
struct Hands(Runner);

impl Execute for Hands {
    async fn execute(&self, assignment: Assignment, control: Control) -> Report {
        let span = tracing::info_span!(
            "job.process",
            otel.kind = "consumer",
            job_id = %assignment.job_id,
            operation = assignment.operation.name(),
        );
        trace_context::adopt(&span, |name| control.traceparent.as_deref().filter(|_| name == "traceparent"));
        let work = async {
            tracing::info!(job_id = %assignment.job_id, "processing job");
            let job_id = assignment.job_id;
            let report = self.0.run(assignment, control.cancel, control.progress).await;
            tracing::info!(%job_id, status = %report.status, "job processed");
            report
        };
        work.instrument(span).await
    }
}

/// A worker that knows its host and has not connected yet.
pub(crate) struct Prepared {
    connection: ConnectionSettings,
    retention: RetentionSettings,
    settings: WorkerSettings,
    hands: Hands,
}

impl Prepared {
    /// Looks at the host and prepares what the worker says of itself.
    pub(crate) async fn new(settings: &Settings, system: System) -> Result<Self, Failure> {
        osapi_host::recover(&system).await;
        let section = &settings.worker;
        let registration = registration(section, &system).await?;
        let labels: BTreeMap<String, String> =
            section.labels.iter().map(|label| (label.key().to_owned(), label.parts().join("."))).collect();
        let max_jobs = usize::try_from(section.max_jobs).unwrap_or(usize::MAX);
        let runner = Runner::new(system, RunnerSettings { max_jobs, through_worker: true, labels });
        Ok(Self {
            connection: settings.nats.worker.clone(),
            retention: settings.nats.retention.clone(),
            settings: WorkerSettings {
                registration,
                heartbeat: section.heartbeat,
                ack_wait: section.ack_wait,
                drain: section.drain,
            },
            hands: Hands(runner),
        })
    }

    /// Takes jobs until told to stop.
    pub(crate) async fn work(self, shutdown: CancellationToken) -> Result<(), Failure> {
        let streams = Streams::Join(&self.retention);
        let Some(connection) = connect(&self.connection, streams, &shutdown).await? else { return Ok(()) };
        work(connection, self.settings, self.hands, shutdown).await.map_err(|error| Failure::of(&error))
    }
}

async fn registration(section: &WorkerSection, system: &System) -> Result<Registration, Failure> {
    let now = system.now();
    let machine_id = system.read("/etc/machine-id").ok().map(|text| text.trim().to_owned());
    Ok(Registration {
        hostname: match &section.hostname {
            Some(hostname) => hostname.clone(),
            None => own_name(system).await?,
        },
        machine_id: machine_id.filter(|text| !text.is_empty()),
        instance: Uuid::new_v4(),
        labels: section.labels.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        capabilities: OperationKind::ALL.to_vec(),
        max_jobs: section.max_jobs,
        running: 0,
        draining: false,
        registered_at: now,
        last_seen: now,
        os: operating_system(system).await,
    })
}

async fn own_name(system: &System) -> Result<HostName, Failure> {
    let hint = "give the worker a name with `job.worker.hostname`";
    match carry_out(system, &Operation::SystemHostnameGet(NoInput {}), &Context::alone()).await {
        Ok(Outcome::SystemHostnameGet(own)) => own
            .hostname
            .parse()
            .map_err(|error| Failure::usage(format!("this host's own name cannot be used: {error}")).with_hint(hint)),
        Ok(_) => Err(Failure::usage("this host's own name is not known").with_hint(hint)),
        Err(failure) => {
            Err(Failure::usage(format!("this host's own name is not known: {}", failure.message)).with_hint(hint))
        }
    }
}

async fn operating_system(system: &System) -> Option<OsInfo> {
    match carry_out(system, &Operation::SystemOsGet(NoInput {}), &Context::alone()).await {
        Ok(Outcome::SystemOsGet(os)) => Some(os),
        Ok(_) | Err(_) => None,
    }
}
