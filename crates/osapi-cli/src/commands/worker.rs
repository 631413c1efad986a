//! `client worker`.

use crate::arguments::worker::Worker;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::render;

/// Does what `client worker` says.
pub(crate) async fn run(remote: &Remote, command: Worker) -> Result<ExitStatus, Failure> {
    let client = &remote.client;
    let failed = |error| remote.failure(&error);
    match command {
        Worker::List => {
            let answer = client.worker_list().await.map_err(failed)?;
            remote.show(&answer, |list, printer| render::workers(&list.workers, printer))?;
        }
        Worker::Get { hostname } => {
            let answer = client.worker_get(&hostname).await.map_err(failed)?;
            remote.show(&answer, render::worker)?;
        }
        Worker::Drain { hostname } => {
            client.worker_drain(&hostname).await.map_err(failed)?;
            remote.printer.say(&format!("`{hostname}` finishes what it has and takes no more; `osapi client worker resume {hostname}` takes that back"));
        }
        Worker::Resume { hostname } => {
            client.worker_resume(&hostname).await.map_err(failed)?;
            remote.printer.say(&format!("`{hostname}` takes jobs again"));
        }
        Worker::Forget { hostname } => {
            client.worker_forget(&hostname).await.map_err(failed)?;
            remote.printer.say(&format!("`{hostname}` is forgotten"));
        }
    }
    Ok(ExitStatus::Ok)
}
