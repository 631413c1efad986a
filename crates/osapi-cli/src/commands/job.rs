//! `client job`.

use std::io::Read as _;
use std::path::Path;

use osapi_client::{Answer, JobListFilter};
use osapi_core::api::{CreateJob, JobCreated, JobList, RetryJob};
use osapi_core::{Class, Operation};

use super::confirm::confirm;
use super::follow::{self, Follow, Show};
use super::{carry_out, job_status, worker};
use crate::arguments::job::{DeadLetter, Job, List, Submit};
use crate::arguments::worker::Worker;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::render;

/// The largest operation read from a file.
const MAX_BYTES: u64 = 1 << 20;

/// How many jobs one request asks for when all are wanted.
const PAGE: usize = 1000;

/// Does what `client job` says.
pub(crate) async fn run(remote: &Remote, command: Job) -> Result<ExitStatus, Failure> {
    let client = &remote.client;
    let failed = |error| remote.failure(&error);
    match command {
        Job::Add(submit) => add(remote, &submit).await,
        Job::Run(submit) => follow::submit(remote, job(remote, &submit).await?).await,
        Job::List(list) => show_list(remote, &list).await,
        Job::Get(which) => {
            let answer = client.job_get(which.job()).await.map_err(failed)?;
            remote.show(&answer, render::job_detail).map(|()| ExitStatus::Ok)
        }
        Job::Watch(which) => follow::watch(remote, which.job(), Show::Everything).await,
        Job::Logs { job, follow: stay } => {
            let follow_on = if stay { Follow::Yes } else { Follow::No };
            follow::logs(remote, job.job(), follow_on).await
        }
        Job::Cancel(which) => {
            client.job_cancel(which.job()).await.map_err(failed)?;
            remote.printer.say(&format!("job {} is called off", which.job()));
            Ok(ExitStatus::Ok)
        }
        Job::Retry { job, to } => {
            let retry = RetryJob { target: to };
            let created = client.job_retry(job.job(), &retry).await.map_err(failed)?;
            after_creation(remote, &created).await
        }
        Job::Delete(which) => {
            client.job_delete(which.job()).await.map_err(failed)?;
            remote.printer.say(&format!("job {} is deleted", which.job()));
            Ok(ExitStatus::Ok)
        }
        Job::Status { poll_interval_seconds, once } => {
            let looks = if once { job_status::Looks::One } else { job_status::Looks::Every(poll_interval_seconds) };
            job_status::status(remote, looks).await
        }
        Job::Workers { what: _ } => worker::run(remote, Worker::List).await,
        Job::DeadLetter(command) => dead_letter(remote, &command).await,
    }
}

/// Submits and returns at once, unless told to wait.
async fn add(remote: &Remote, submit: &Submit) -> Result<ExitStatus, Failure> {
    let job = job(remote, submit).await?;
    let created = remote.client.job_create(&job).await.map_err(|error| remote.refused_target(&error))?;
    after_creation(remote, &created).await
}

async fn after_creation(remote: &Remote, created: &Answer<JobCreated>) -> Result<ExitStatus, Failure> {
    let id = created.value.job_id;
    if remote.submission.wait {
        return follow::watch(remote, id, Show::Results).await;
    }
    remote.show(created, |created, _| created.job_id.to_string())?;
    remote.printer.say(&format!("follow it: `osapi client job watch {id}`"));
    Ok(ExitStatus::Ok)
}

/// The job in the file, for the target of the flags, after a confirmation where one is due.
async fn job(remote: &Remote, submit: &Submit) -> Result<CreateJob, Failure> {
    let operation = operation(&submit.json_file)?;
    operation.check().map_err(carry_out::refused_here)?;
    if operation.class() == Class::Modify {
        confirm(remote, &operation).await?;
    }
    let seconds = submit.expires_after.map(|duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
    Ok(CreateJob {
        expires_after_seconds: seconds,
        idempotency_key: submit.idempotency_key.clone(),
        ..carry_out::create(remote, operation)
    })
}

fn operation(file: &Path) -> Result<Operation, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(MAX_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::file("read", file, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("`{}` is not an operation: {error}", file.display()))
            .with_hint("write `{\"type\": \"system.uptime.get\", \"data\": {}}`")
    })
}

async fn show_list(remote: &Remote, list: &List) -> Result<ExitStatus, Failure> {
    let operation = list.operation.as_deref().map(render::operation_named).transpose().map_err(Failure::usage)?;
    let filter = JobListFilter {
        status: list.status,
        operation,
        target: None,
        hostname: list.hostname.clone(),
        since: list.since,
        until: list.until,
        limit: Some(if list.limit == 0 { PAGE } else { list.limit.min(PAGE) }),
        offset: (list.offset > 0).then_some(list.offset),
        cursor: None,
    };
    let first = remote.client.job_list(&filter).await.map_err(|error| remote.failure(&error))?;
    let answer =
        if list.limit == 0 || list.limit > PAGE { rest(remote, filter, first, list.limit).await? } else { first };
    remote.show(&answer, |page, printer| render::job_list(&page.items, printer))?;
    let (shown, all) = (answer.value.items.len(), answer.value.total_items);
    if u64::try_from(shown).unwrap_or(u64::MAX) < all {
        remote.printer.say(&format!("{shown} of {all} jobs; `--limit 0` shows all"));
    }
    Ok(ExitStatus::Ok)
}

/// Further parts of a list, until all that was asked for is there.
async fn rest(
    remote: &Remote,
    mut filter: JobListFilter,
    first: Answer<JobList>,
    limit: usize,
) -> Result<Answer<JobList>, Failure> {
    let mut whole = first;
    let wanted = if limit == 0 { usize::MAX } else { limit };
    filter.offset = None;
    while let Some(cursor) = whole.value.next_cursor.take().filter(|_| whole.value.items.len() < wanted) {
        filter.cursor = Some(cursor);
        let more = remote.client.job_list(&filter).await.map_err(|error| remote.failure(&error))?;
        whole.value.items.extend(more.value.items);
        whole.value.next_cursor = more.value.next_cursor;
    }
    whole.value.items.truncate(wanted);
    whole.text = serde_json::to_string(&whole.value).map_err(|error| Failure::of(&error))?;
    Ok(whole)
}

async fn dead_letter(remote: &Remote, command: &DeadLetter) -> Result<ExitStatus, Failure> {
    let client = &remote.client;
    let failed = |error| remote.failure(&error);
    match command {
        DeadLetter::List => {
            let answer = client.dead_letter_list(None).await.map_err(failed)?;
            remote.show(&answer, |page, printer| render::dead_letters(&page.items, printer))?;
        }
        DeadLetter::Get { sequence } => {
            let answer = client.dead_letter_get(*sequence).await.map_err(failed)?;
            remote.show(&answer, render::dead_letter)?;
        }
        DeadLetter::Requeue { sequence } => {
            client.dead_letter_requeue(*sequence).await.map_err(failed)?;
            remote.printer.say(&format!("the job of dead letter {sequence} is sent again"));
        }
        DeadLetter::Drop { sequence } => {
            client.dead_letter_delete(*sequence).await.map_err(failed)?;
            remote.printer.say(&format!("dead letter {sequence} is dropped"));
        }
    }
    Ok(ExitStatus::Ok)
}
