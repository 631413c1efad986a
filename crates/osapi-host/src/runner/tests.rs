//! The runner on scripted machines: what it refuses, bounds and survives.

use osapi_core::{JobId, Operation};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::machine::Script;

const NOW: &str = "2026-01-01T00:00:00Z";
const NAME: &str = "/proc/sys/kernel/hostname";

fn runner(script: Script, max_jobs: usize) -> Runner {
    let settings = RunnerSettings { max_jobs, through_worker: true, labels: BTreeMap::new() };
    Runner::new(System::scripted(script.at(NOW.parse().unwrap())), settings)
}

fn assignment(name: &str, data: serde_json::Value) -> Assignment {
    Assignment {
        job_id: JobId::new(Uuid::from_u128(7)),
        operation: Operation::read(name, data).unwrap(),
        hostname: "web-01".parse().unwrap(),
        expires_at: "2026-01-01T00:01:00Z".parse().unwrap(),
        timeout_seconds: 30,
        received_at: "2025-12-31T23:59:59Z".parse().unwrap(),
    }
}

async fn run(runner: &Runner, assignment: Assignment) -> Report {
    runner.run(assignment, CancellationToken::new(), mpsc::channel(1).0).await
}

#[tokio::test]
async fn a_report_has_data_and_the_three_times() {
    let runner = runner(Script::new().file(NAME, "web\n"), 1);
    let report = run(&runner, assignment("system.hostname.get", json!(null))).await;
    assert_eq!((report.status, report.changed, report.error), (HostStatus::Ok, None, None));
    assert_eq!(report.data, Some(json!({"hostname": "web"})));
    let now = NOW.parse().ok();
    assert_eq!((report.started_at, report.finished_at), (now, now));
    assert_eq!(report.received_at, "2025-12-31T23:59:59Z".parse().ok());
    assert_eq!(runner.running(), 0);
}

#[tokio::test]
async fn an_expired_one_is_not_begun() {
    let runner = runner(Script::new().file(NAME, "old\n"), 1);
    let late = Assignment {
        expires_at: NOW.parse().unwrap(),
        ..assignment("system.hostname.update", json!({"hostname": "new"}))
    };
    let report = run(&runner, late).await;
    assert_eq!((report.status, report.started_at), (HostStatus::Expired, None));
    assert_eq!(runner.system.read(NAME).unwrap(), "old\n");
}

#[tokio::test]
async fn a_change_handed_over_twice_is_made_once_and_answered_twice() {
    let runner = runner(Script::new().file(NAME, "old\n"), 4);
    let change = assignment("system.hostname.update", json!({"hostname": "new"}));
    let first = run(&runner, change.clone()).await;
    assert_eq!((first.status, first.changed), (HostStatus::Ok, Some(true)));
    runner.system.set_kernel_hostname("by-hand").unwrap();
    assert_eq!(run(&runner, change).await, first);
    assert_eq!(runner.system.read(NAME).unwrap(), "by-hand\n");
}

#[tokio::test]
async fn a_host_that_cannot_says_unsupported_and_a_failure_says_why() {
    let runner = runner(Script::new(), 1);
    let report = run(&runner, assignment("system.service.get", json!({"name": "sshd"}))).await;
    assert_eq!((report.status, report.error.unwrap().code), (HostStatus::Unsupported, ErrorCode::Unsupported));
    let report = run(&runner, assignment("system.load.get", json!(null))).await;
    assert_eq!((report.status, report.error.unwrap().code), (HostStatus::Failed, ErrorCode::NotFound));
}

#[tokio::test]
async fn a_panic_becomes_a_report_and_the_runner_goes_on() {
    // The script knows the program and has no answer for it, which panics.
    let script =
        Script::new().file("/run/openrc/x", "").file("/etc/init.d/sshd", "").program("rc-service").file(NAME, "a");
    let runner = runner(script, 1);
    let report = run(&runner, assignment("system.service.get", json!({"name": "sshd"}))).await;
    assert_eq!((report.status, report.error.unwrap().code), (HostStatus::Failed, ErrorCode::Internal));
    assert_eq!(runner.running(), 0);
    assert_eq!(run(&runner, assignment("system.hostname.get", json!(null))).await.status, HostStatus::Ok);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_slot_can_be_called_off_or_expire() {
    let runner = runner(Script::new().file(NAME, "a"), 1);
    let _busy = runner.slots.acquire().await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let waiting = assignment("system.hostname.get", json!(null));
    let report = runner.run(waiting.clone(), cancel, mpsc::channel(1).0).await;
    assert_eq!((report.status, report.started_at), (HostStatus::Cancelled, None));
    // The clock of the test jumps to the expiry.
    assert_eq!(run(&runner, waiting).await.status, HostStatus::Expired);
}
