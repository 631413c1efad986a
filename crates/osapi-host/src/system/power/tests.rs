//! Power on scripted machines. What really reboots is tested in a booted system only.

use super::*;
use crate::machine::Script;

const PENDING: &str = "/run/osapi/power.json";

fn alpine() -> Script {
    let script = Script::new().file("/run/openrc/softlevel", "default").at("2026-01-01T00:00:00Z".parse().unwrap());
    script.link("/usr/bin/reboot", "/bin/busybox").link("/usr/bin/poweroff", "/bin/busybox")
}

async fn ask(system: &System, request: PowerRequest) -> Result<PowerScheduled, Failure> {
    execute(system, Action::Reboot, &request, &Context::alone()).await
}

fn after(delay_seconds: u32) -> PowerRequest {
    PowerRequest { delay_seconds, ..PowerRequest::default() }
}

fn cancel() -> PowerRequest {
    PowerRequest { cancel: true, ..PowerRequest::default() }
}

#[tokio::test]
async fn alpine_waits_in_a_process_that_can_be_taken_back() {
    let system = System::scripted(alpine().command("reboot -d 90", 0, "").command("reboot -d 5", 0, ""));
    let scheduled = ask(&system, after(90)).await.unwrap();
    assert_eq!((scheduled.change, scheduled.scheduled_at), (Change::Created, "2026-01-01T00:01:30Z".parse().ok()));
    // At once is as soon as the answer has left.
    let sooner = ask(&system, after(0)).await.unwrap();
    assert_eq!((sooner.change, sooner.scheduled_at), (Change::Updated, "2026-01-01T00:00:05Z".parse().ok()));

    let shutdown = execute(&system, Action::Shutdown, &cancel(), &Context::alone()).await.unwrap();
    assert_eq!(shutdown.change, Change::Unchanged, "calling off a shutdown leaves a restart alone");
    assert_eq!(ask(&system, cancel()).await.unwrap(), PowerScheduled { scheduled_at: None, change: Change::Removed });
    assert_eq!(ask(&system, cancel()).await.unwrap().change, Change::Unchanged);
    assert!(!system.exists(PENDING));
}

#[tokio::test]
async fn what_waits_and_cannot_be_known_is_not_called_nothing() {
    let failure = ask(&System::scripted(alpine().forbidden(PENDING)), cancel()).await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::Forbidden);
    let failure = ask(&System::scripted(alpine().file(PENDING, "{")), cancel()).await.unwrap_err();
    assert!(failure.message.contains(PENDING), "{failure}");
}

#[tokio::test]
async fn a_host_without_a_mechanism_says_so() {
    let failure = ask(&System::scripted(Script::new().program("reboot")), after(0)).await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::Unsupported);
    assert_eq!(failure.message, "this host has neither systemd nor busybox's `reboot` to wait and act");
}

#[tokio::test]
async fn what_runs_is_minded_by_tiers() {
    let root = tempfile::tempdir().unwrap();
    let system = System::rooted(root.path());
    let busy = Context { others_running: 2, ..Context::alone() };
    let forced = PowerRequest { force: true, ..after(0) };
    let risked = PowerRequest { acknowledge_package_database_corruption_risk: true, ..forced.clone() };
    let check = |request: &PowerRequest, context: &Context| {
        permit(&system, request, context).map_err(|refusal| refusal.message)
    };

    assert_eq!(check(&after(0), &Context::alone()), Ok(()));
    assert_eq!(check(&after(0), &busy), Err("2 other jobs are running on this host".to_owned()));
    assert_eq!(check(&forced, &busy), Ok(()));
    let _transaction = transaction_lock::try_acquire(&system).await.unwrap();
    let refused = Err("a package transaction is running on this host".to_owned());
    assert_eq!(check(&after(0), &Context::alone()), refused);
    assert_eq!(check(&forced, &busy), refused);
    assert_eq!(check(&risked, &busy), Ok(()));
}
