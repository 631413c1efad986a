//! `start`, `nats server start`, `api server start` and `job worker start`.

use osapi_settings::Layer;

use crate::arguments::roles::{Api, ApiServer, ApiStart, Job, JobWorker, Nats, NatsServer, WorkerStart};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::roles::{self, Roles, Running};
use crate::session::Session;
use crate::settings::{Need, Settings, Sources};

/// What roles log when nobody says otherwise.
const FILTER: &str = "info,async_nats=warn";

/// Starts all three roles.
pub(crate) fn all(session: &Session, flags: &ApiStart) -> Result<ExitStatus, Failure> {
    start_api(session, flags, Roles::All)
}

/// Starts the broker.
pub(crate) fn nats(session: &Session, command: &Nats) -> Result<ExitStatus, Failure> {
    let Nats::Server(NatsServer::Start) = command;
    let settings = session.settings(Need::Roles(Roles::Broker))?;
    if settings.nats.broker.is_none() {
        return Err(Failure::usage("`nats.servers` names brokers elsewhere, so there is none to start here")
            .with_hint("remove `nats.servers` to have a broker of your own"));
    }
    stay(session, &settings, Roles::Broker)
}

/// Starts the API server, or prints its document.
pub(crate) fn api(session: &Session, command: &Api) -> Result<ExitStatus, Failure> {
    let Api::Server(command) = command;
    match command {
        ApiServer::Start(flags) => start_api(session, flags, Roles::Server),
        ApiServer::Openapi => {
            let document = osapi_server::openapi();
            let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::of(&error))?;
            session.printer.data(&text).map(|()| ExitStatus::Ok)
        }
    }
}

/// Starts the worker.
pub(crate) fn job(session: &Session, command: &Job) -> Result<ExitStatus, Failure> {
    let Job::Worker(JobWorker::Start(flags)) = command;
    for (flag, given) in [
        ("--worker-queue-group", &flags.worker_queue_group),
        ("--consumer-max-deliver", &flags.consumer_max_deliver),
        ("--consumer-max-ack-pending", &flags.consumer_max_ack_pending),
        ("--consumer-replay-policy", &flags.consumer_replay_policy),
        ("--consumer-back-off", &flags.consumer_back_off),
    ] {
        if given.is_some() {
            session.printer.warn(&format!("`{flag}` has no effect: the engine sets its consumers up itself"));
        }
    }
    let settings = session.settings_with(Need::Roles(Roles::Worker), |sources| {
        Ok(Sources { flags: worker_flags(sources.flags, flags), ..sources })
    })?;
    stay(session, &settings, Roles::Worker)
}

fn worker_flags(layer: Layer, flags: &WorkerStart) -> Layer {
    layer
        .with_some("job.worker.nats.host", flags.worker_host.as_ref(), "--worker-host")
        .with_some("job.worker.nats.port", flags.worker_port.as_ref(), "--worker-port")
        .with_some("job.worker.nats.client_name", flags.worker_client_name.as_ref(), "--worker-client-name")
        .with_some("job.worker.hostname", flags.worker_hostname.as_ref(), "--worker-hostname")
        .with_some("job.worker.max_jobs", flags.worker_max_jobs.as_ref(), "--worker-max-jobs")
        .with_some("job.worker.consumer.ack_wait", flags.consumer_ack_wait.as_ref(), "--consumer-ack-wait")
}

fn start_api(session: &Session, flags: &ApiStart, roles: Roles) -> Result<ExitStatus, Failure> {
    let settings = session.settings_with(Need::Roles(roles), |sources| {
        let port = flags.port.map(|port| port.to_string());
        Ok(Sources { flags: sources.flags.with_some("api.server.port", port, "--port"), ..sources })
    })?;
    stay(session, &settings, roles)
}

fn stay(session: &Session, settings: &Settings, roles: Roles) -> Result<ExitStatus, Failure> {
    roles::block_on(&settings.log, FILTER, &session.environment, async {
        let running = Running::start(settings, roles).await?;
        if let Some(url) = running.url(settings) {
            session.printer.say(&format!("the API server listens at {url}"));
        }
        if let Some(broker) = &running.broker {
            session.printer.say(&format!("the broker listens at {broker}"));
        }
        running.stay().await.map(|()| ExitStatus::Ok)
    })
}
