//! What a worker costs that has nothing to do: a process of its own, watched for a minute.
#![expect(clippy::disallowed_methods, reason = "a measurement starts a real process")]

use std::process::{Command, Stdio};
use std::time::Duration;

use osapi_testkit::{Broker, wait_until};
use tokio_util::sync::CancellationToken;

use crate::{line, stage};

/// The first argument of the process that is watched.
pub(crate) const ROLE: &str = "idle-worker";

const SPAN: Duration = Duration::from_secs(60);

/// The process that is watched.
pub(crate) fn worker(address: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = stage::connect(address).await;
        osapi_jobs::work(connection, stage::settings("idle"), stage::Idle, CancellationToken::new()).await.unwrap();
    });
}

pub(crate) async fn measure() {
    let broker = Broker::start().await;
    let jobs = stage::api(&broker.address()).await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = command.args([ROLE, &broker.address()]).stdin(Stdio::null()).spawn().unwrap();
    wait_until("the worker", stage::PATIENCE, async || jobs.workers().len() == 1).await;
    jobs.run(stage::query("_any"), stage::PATIENCE).await.unwrap();
    let before = ticks(child.id());
    tokio::time::sleep(SPAN).await;
    let (used, resident) = (ticks(child.id()) - before, resident(child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    line("an idle worker, resident", &format!("{:.1} MB", resident as f64 / 1024.0), "-", "under 15 MB");
    let text = format!("{} ms", used * 10);
    line(&format!("an idle worker, processor time in {} s", SPAN.as_secs()), &text, "-", "none to speak of");
}

/// Processor time in hundredths of a second.
pub(crate) fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Resident memory in KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
