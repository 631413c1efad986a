//! Asks before a change to more than one host, or to a host nobody named.

use std::io::BufRead as _;

use osapi_core::worker::{Worker, WorkerState};
use osapi_core::{Class, HostName, Operation, Target};

use crate::failure::Failure;
use crate::remote::Remote;

/// How many names a question shows.
const NAMES: usize = 5;

/// Asks whether to go on with a change that concerns several hosts; refuses where nobody can answer.
pub(crate) async fn confirm(remote: &Remote, operation: &Operation) -> Result<(), Failure> {
    if operation.class() == Class::Query || remote.submission.yes {
        return Ok(());
    }
    let Some(whom) = whom(remote).await? else { return Ok(()) };
    let data = operation.data().unwrap_or_default();
    let what = format!("{} {data} on {whom}", operation.name());
    if !remote.printer.interactive {
        return Err(Failure::usage(format!("not done without a confirmation: {what}"))
            .with_hint("`--yes` confirms, `--target` names one host"));
    }
    ask(remote, &what)
}

/// Whom it concerns, in words; `None` when it is one host that was named or that is alone.
async fn whom(remote: &Remote) -> Result<Option<String>, Failure> {
    let target = &remote.submission.target;
    if let Target::Host(_) = target {
        return Ok(None);
    }
    let workers = remote.client.worker_list().await.map_err(|error| remote.failure(&error))?.value.workers;
    let meant: Vec<&HostName> =
        workers.iter().filter(|worker| is_meant(worker, target)).map(|worker| &worker.hostname).collect();
    if meant.len() <= 1 {
        return Ok(None);
    }
    let shown: Vec<&str> = meant.iter().take(NAMES).map(|host| host.as_str()).collect();
    let more = if meant.len() > NAMES { ", …" } else { "" };
    let names = format!("{} hosts ({}{more})", meant.len(), shown.join(", "));
    Ok(Some(match target {
        Target::Any => format!("one of {names}, whichever takes it"),
        Target::All | Target::Label(_) | Target::Host(_) => names,
    }))
}

fn is_meant(worker: &Worker, target: &Target) -> bool {
    let there = matches!(worker.state, WorkerState::Ready | WorkerState::Draining);
    there
        && match target {
            Target::Any | Target::All => true,
            Target::Host(host) => worker.hostname == *host,
            Target::Label(label) => worker.labels.iter().any(|carried| carried.answers_to(label)),
        }
}

fn ask(remote: &Remote, what: &str) -> Result<(), Failure> {
    remote.printer.ask(&format!("{what}\nGo on? [y/N] "));
    let mut answer = String::new();
    // A closed stdin is a no.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::usage("not done: it was not confirmed")),
    }
}
