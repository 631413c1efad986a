//! `client system|network|package`: one operation for one target, through its own endpoint or as a job that is followed.

use osapi_client::{Answer, Client, ClientError};
use osapi_core::api::{Collection, CreateJob, Row};
use osapi_core::{Class, ErrorCode, HostStatus, JobId, Operation, OperationKind, Target};
use serde_json::Value;

use super::confirm::confirm;
use super::follow;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Format;
use crate::remote::Remote;
use crate::render;

/// Carries an operation out on its target and prints what came of it.
pub(crate) async fn carry_out(remote: &Remote, operation: Operation) -> Result<ExitStatus, Failure> {
    operation.check().map_err(refused_here)?;
    confirm(remote, &operation).await?;
    let submission = &remote.submission;
    // A person who changes something sees how it goes; a script gets the endpoint's own answer unless it asks otherwise.
    let watched = operation.class() == Class::Modify && remote.printer.live && is_table(remote);
    if submission.no_wait || submission.wait || submission.queue || watched {
        return follow::submit(remote, create(remote, operation)).await;
    }
    let kind = operation.kind();
    match call(&remote.client, &submission.target, &operation).await {
        Ok(body) => show(remote, kind, &body),
        Err(error) => match goes_on(&error).filter(|_| remote.printer.live || submission.timeout.is_some()) {
            // The server waits only so long; whoever has more patience follows the job itself.
            Some(job) => follow::watch(remote, job, follow::Show::Results).await,
            None => refused(remote, kind, &error),
        },
    }
}

/// The job that was not done when the server stopped waiting.
fn goes_on(error: &ClientError) -> Option<JobId> {
    let ClientError::Refused { problem, .. } = error else { return None };
    let late = problem.code == ErrorCode::Timeout;
    problem.details.as_ref().filter(|details| late && details.results.iter().any(|row| !row.status.is_final()))?.job_id
}

/// An operation wrong in itself, found before anything is sent.
pub(crate) fn refused_here(failure: osapi_core::Failure) -> Failure {
    let refused = Failure::usage(failure.message);
    match failure.hint {
        Some(hint) => refused.with_hint(hint),
        None => refused,
    }
}

/// The job that carries an operation out, as the flags have it.
pub(crate) fn create(remote: &Remote, operation: Operation) -> CreateJob {
    CreateJob { queue: remote.submission.queue, ..CreateJob::new(operation, remote.submission.target.clone()) }
}

fn is_table(remote: &Remote) -> bool {
    match remote.printer.format {
        Format::Table | Format::Wide => true,
        Format::Json | Format::Yaml | Format::Jsonl => false,
    }
}

fn show(remote: &Remote, kind: OperationKind, body: &str) -> Result<ExitStatus, Failure> {
    let collection: Collection<Value> =
        serde_json::from_str(body).map_err(|error| Failure::usage(format!("the answer is not understood: {error}")))?;
    render::show(&remote.printer, body, || render::rows(kind, &collection.results, &remote.printer))?;
    Ok(ExitStatus::of_hosts(collection.results.iter().map(|row| row.status)))
}

/// The server said no, or the one host that was asked did.
fn refused(remote: &Remote, kind: OperationKind, error: &ClientError) -> Result<ExitStatus, Failure> {
    let ClientError::Refused { problem, .. } = error else { return Err(remote.failure(error)) };
    let rows: &[Row<Value>] = problem.details.as_ref().map_or(&[], |details| &details.results);
    if rows.is_empty() {
        return Err(remote.refused_target(error));
    }
    let failure = remote.failure(error);
    let status = ExitStatus::of_hosts(rows.iter().map(|row| row.status));
    let [row] = rows else {
        if is_table(remote) {
            remote.printer.data(&render::rows(kind, rows, &remote.printer))?;
        }
        return Err(Failure { status, ..failure });
    };
    let named = failure.message.contains(&format!("`{}`", row.hostname));
    let message = if named { failure.message } else { format!("`{}`: {}", row.hostname, failure.message) };
    // What helps is the host's own hint, or to know how the host does.
    let hint = match row.status {
        HostStatus::Unreachable => Some("`osapi client worker list` shows when each host was last seen".to_owned()),
        HostStatus::Pending | HostStatus::Acknowledged | HostStatus::Running => failure.hint,
        HostStatus::Ok
        | HostStatus::Failed
        | HostStatus::Unsupported
        | HostStatus::Cancelled
        | HostStatus::Expired
        | HostStatus::Interrupted => row.error.as_ref().and_then(|error| error.hint.clone()),
    };
    Err(Failure { message, hint, status })
}

/// The endpoint of each operation.
async fn call(client: &Client, target: &Target, operation: &Operation) -> Result<String, ClientError> {
    match operation {
        Operation::SystemHostnameGet(_) => client.system_hostname(target).await.map(body),
        Operation::SystemHostnameUpdate(it) => client.system_hostname_update(target, it).await.map(body),
        Operation::SystemStatusGet(_) => client.system_status(target).await.map(body),
        Operation::SystemUptimeGet(_) => client.system_uptime(target).await.map(body),
        Operation::SystemOsGet(_) => client.system_os(target).await.map(body),
        Operation::SystemDiskGet(_) => client.system_disk(target).await.map(body),
        Operation::SystemMemoryGet(_) => client.system_memory(target).await.map(body),
        Operation::SystemLoadGet(_) => client.system_load(target).await.map(body),
        Operation::SystemRebootExecute(it) => client.system_reboot(target, it).await.map(body),
        Operation::SystemShutdownExecute(it) => client.system_shutdown(target, it).await.map(body),
        Operation::SystemServiceGet(it) => client.system_service(target, &it.name).await.map(body),
        Operation::NetworkDnsGet(it) => client.network_dns(target, it.interface.as_ref()).await.map(body),
        Operation::NetworkDnsUpdate(it) => client.network_dns_update(target, it).await.map(body),
        Operation::NetworkPingDo(it) => client.network_ping(target, it).await.map(body),
        Operation::PackageListGet(it) => client.package_list(target, it).await.map(body),
    }
}

fn body<T>(answer: Answer<T>) -> String {
    answer.text
}
