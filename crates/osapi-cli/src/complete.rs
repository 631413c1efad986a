//! Completions that ask the live fleet: hosts, labels, jobs and contexts. What cannot be had quickly is not offered.

use std::time::Duration;

use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCandidates;
use osapi_client::{Client, JobListFilter};
use osapi_settings::Environment;

use crate::arguments::Global;
use crate::arguments::client::{Connection, Submission};
use crate::context::Contexts;
use crate::remote::Remote;
use crate::session::Session;

/// Nobody waits longer than this for a completion.
const PATIENCE: Duration = Duration::from_millis(800);

/// `_any`, `_all`, hosts and labels.
pub(crate) fn targets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut found = vec![with_help("_any", "any one worker"), with_help("_all", "every worker")];
        for worker in workers() {
            found.push(with_help(worker.hostname.as_str(), worker.state.as_str()));
            let labels = worker.labels.iter().flat_map(|label| label.prefixes().collect::<Vec<_>>());
            found.extend(labels.map(|label| with_help(&label.to_string(), "label")));
        }
        found.sort_by(|one, other| one.get_value().cmp(other.get_value()));
        found.dedup_by(|one, other| one.get_value() == other.get_value());
        found
    })
}

/// Hosts.
pub(crate) fn hosts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        workers().iter().map(|worker| with_help(worker.hostname.as_str(), worker.state.as_str())).collect()
    })
}

/// The last jobs.
pub(crate) fn jobs() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let page = ask(async |client| {
            client.job_list(&JobListFilter { limit: Some(20), ..JobListFilter::default() }).await.ok()
        });
        let items = page.map(|page| page.value.items).unwrap_or_default();
        items.iter().map(|job| with_help(&job.id.to_string(), &format!("{} {}", job.operation, job.status))).collect()
    })
}

/// Named API servers.
pub(crate) fn contexts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let contexts = Contexts::load(&Environment::of_process()).unwrap_or_default();
        contexts.contexts.iter().map(|(name, entry)| with_help(name, &entry.url)).collect()
    })
}

fn workers() -> Vec<osapi_core::worker::Worker> {
    ask(async |client| client.worker_list().await.ok()).map(|list| list.value.workers).unwrap_or_default()
}

/// Asks the API server of the environment, the context and the file: flags typed so far are not known here.
fn ask<T>(question: impl AsyncFnOnce(&Client) -> Option<T>) -> Option<T> {
    let session = Session::new(&Global::silent(), Environment::of_process());
    let submission = Submission { timeout: Some(PATIENCE), ..Submission::default() };
    let remote = Remote::new(&session, &Connection::default(), submission).ok()?;
    let answer = async { Ok(tokio::time::timeout(PATIENCE, question(&remote.client)).await.ok().flatten()) };
    remote.block_on(answer).ok().flatten()
}

fn with_help(value: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.to_owned().into()))
}
