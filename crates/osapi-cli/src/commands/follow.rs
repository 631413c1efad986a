//! Submits a job and follows it to its end, live on a terminal, line by line elsewhere.

mod view;

use std::time::Duration;

use osapi_client::{Answer, ClientError};
use osapi_core::JobId;
use osapi_core::api::CreateJob;
use osapi_core::job::{JobDetail, JobEvent};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Format;
use crate::remote::Remote;
use crate::render;
use view::View;

/// How long a job is followed when nobody says otherwise; the engine ends every job, this only bounds the wait.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// How long after the first Ctrl-C a second one calls the job off.
const SECOND_THOUGHT: Duration = Duration::from_secs(2);

/// The pause before the events are asked for again after the connection broke.
const PAUSE: Duration = Duration::from_millis(500);

/// How following ended.
enum End {
    /// The job is final.
    Final(Box<Answer<JobDetail>>),
    /// The person has seen enough; the job goes on, or was called off by a second Ctrl-C.
    Detached,
    /// Time is up; the job goes on.
    Late,
}

/// Submits a job; prints it at once with `--no-wait`, else follows it and prints what came of it.
pub(crate) async fn submit(remote: &Remote, job: CreateJob) -> Result<ExitStatus, Failure> {
    let created = remote.client.job_create(&job).await.map_err(|error| remote.refused_target(&error))?;
    let id = created.value.job_id;
    if remote.submission.no_wait {
        remote.show(&created, |created, _| created.job_id.to_string())?;
        remote.printer.say(&format!("follow it: `osapi client job watch {id}`"));
        return Ok(ExitStatus::Ok);
    }
    watch(remote, id, Show::Results).await
}

/// What to print at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// The results of the hosts.
    Results,
    /// The whole job.
    Everything,
}

/// Follows a job to its end and prints what came of it.
pub(crate) async fn watch(remote: &Remote, job: JobId, show: Show) -> Result<ExitStatus, Failure> {
    let view = View::new(&remote.printer, job);
    let end = follow(remote, job, &view).await;
    view.clear();
    match end? {
        End::Final(answer) => {
            // The events themselves were the data then.
            if remote.printer.format != Format::Jsonl || show == Show::Results {
                render::show(&remote.printer, &answer.text, || match show {
                    Show::Results => render::results(&answer.value, &remote.printer),
                    Show::Everything => render::job_detail(&answer.value, &remote.printer),
                })?;
            }
            remote.printer.say(&view::summary(&answer.value, &remote.printer));
            let status = ExitStatus::of_hosts(answer.value.results.iter().map(|row| row.status));
            // A job that nobody took has no rows and did not go well.
            Ok(if answer.value.results.is_empty() { ExitStatus::Unreachable } else { status })
        }
        End::Detached => Ok(ExitStatus::Unreachable),
        End::Late => Err(Failure::new(ExitStatus::Unreachable, format!("job {job} is not done in the time given"))
            .with_hint(format!("it goes on: `osapi client job watch {job}`"))),
    }
}

/// Prints what happened to a job so far, and with `follow` until its end.
pub(crate) async fn logs(remote: &Remote, job: JobId, follow_on: Follow) -> Result<ExitStatus, Failure> {
    let detail = remote.client.job_get(job).await.map_err(|error| remote.failure(&error))?.value;
    if follow_on == Follow::No || detail.status.is_final() {
        return detail.timeline.iter().try_for_each(|event| print(remote, event)).map(|()| ExitStatus::Ok);
    }
    let mut events = remote.client.job_events(job, 0).await.map_err(|error| remote.failure(&error))?;
    while let Some(event) = events.next().await.map_err(|error| remote.failure(&error))? {
        print(remote, &event)?;
    }
    Ok(ExitStatus::Ok)
}

/// Whether to stay for what is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    Yes,
    No,
}

fn print(remote: &Remote, event: &JobEvent) -> Result<(), Failure> {
    match remote.printer.format {
        Format::Table | Format::Wide | Format::Yaml => remote.printer.data(&render::event_line(event)),
        Format::Json | Format::Jsonl => {
            remote.printer.data(&serde_json::to_string(event).map_err(|error| Failure::of(&error))?)
        }
    }
}

async fn follow(remote: &Remote, job: JobId, view: &View) -> Result<End, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| Failure::of(&error))?;
    let patience = remote.submission.timeout.unwrap_or(PATIENCE);
    tokio::select! {
        end = tokio::time::timeout(patience, until_final(remote, job, view)) => match end {
            Ok(answer) => answer.map(|answer| End::Final(Box::new(answer))).map_err(|error| remote.failure(&error)),
            Err(_) => Ok(End::Late),
        },
        _ = interrupt.recv() => {
            view.say(&format!(
                "detached from job {job}, which goes on; Ctrl-C again calls it off, `osapi client job watch {job}` comes back"
            ));
            if tokio::time::timeout(SECOND_THOUGHT, interrupt.recv()).await.is_ok() {
                remote.client.job_cancel(job).await.map_err(|error| remote.failure(&error))?;
                view.say(&format!("job {job} is called off"));
            }
            Ok(End::Detached)
        }
    }
}

/// Passes events on until the job is final, coming back after every break of the connection.
async fn until_final(remote: &Remote, job: JobId, view: &View) -> Result<Answer<JobDetail>, ClientError> {
    let mut after = 0;
    loop {
        let detail = remote.client.job_get(job).await?;
        if detail.value.status.is_final() {
            return Ok(detail);
        }
        view.hosts(&detail.value);
        match pass_on(remote, job, view, &mut after).await {
            Ok(()) => {}
            Err(error @ ClientError::Refused { .. }) => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "the events broke off");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn pass_on(remote: &Remote, job: JobId, view: &View, after: &mut u64) -> Result<(), ClientError> {
    let mut events = remote.client.job_events(job, *after).await?;
    while let Some(event) = events.next().await? {
        if event.sequence == 0 || event.sequence > *after {
            *after = event.sequence.max(*after);
            view.event(&event);
        }
    }
    Ok(())
}
