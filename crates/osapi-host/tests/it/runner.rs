//! The runner over a program that is deaf to SIGTERM: an OpenRC of one shell script, in a mount namespace of its own.

use std::time::Duration;

use jiff::Timestamp;
use osapi_core::{Assignment, ErrorCode, HostStatus, JobId, Operation, Report};
use osapi_host::machine::Command;
use osapi_host::{Runner, RunnerSettings, System};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const DEAF_OPENRC: &str = r#"
    set -e
    mount -t tmpfs tmpfs /run
    mkdir -p /run/openrc /run/deaf/sbin /run/deaf/init.d
    for name in late called-off; do echo '#!/sbin/openrc-run' >/run/deaf/init.d/$name; done
    cat >/run/deaf/sbin/rc-service <<'SCRIPT'
#!/bin/bash
trap '' TERM
sleep 1000 &
echo $$ $! >/run/deaf/$1.part
mv /run/deaf/$1.part /run/deaf/$1
while :; do wait; done
SCRIPT
    chmod 755 /run/deaf/sbin/rc-service
    mount -t overlay -o lowerdir=/run/deaf/sbin:/usr/sbin overlay /usr/sbin
    mount -t overlay -o lowerdir=/run/deaf/init.d:/etc/init.d overlay /etc/init.d
    exec "$1" --exact runner::beside_a_deaf_program --nocapture
"#;

#[tokio::test]
async fn what_does_not_end_is_ended_at_its_deadline_and_when_called_off() {
    let system = System::local();
    if !rustix::process::geteuid().is_root() {
        super::skip("a mount namespace needs root");
        return;
    }
    let unshare = system.program("unshare").expect("util-linux is on every Debian machine");
    let own = std::env::current_exe().unwrap();
    let words = ["bash".into(), "-c".into(), DEAF_OPENRC.into(), "bash".into(), own.into_os_string()];
    let command = Command::new(&unshare).options(["--mount", "--propagation", "private"]);
    let command = command.operands::<std::ffi::OsString>(words).environment("OSAPI_TEST_DEAF_OPENRC", "1");
    let done = system.run(command.deadline(Duration::from_secs(60))).await.unwrap();
    assert!(done.success() && done.stdout.contains("ended both"), "{}{}", done.stdout, done.stderr);
}

/// Not a test of its own: what the test above runs where `rc-service` is deaf.
#[tokio::test]
async fn beside_a_deaf_program() {
    if !super::has_environment("OSAPI_TEST_DEAF_OPENRC") {
        return;
    }
    let settings = RunnerSettings { max_jobs: 2, through_worker: false, labels: std::collections::BTreeMap::default() };
    let runner = Runner::new(System::local(), settings);
    let cancel = CancellationToken::new();
    let call_off = async {
        super::wait_until("the program runs", || System::local().exists("/run/deaf/called-off")).await;
        cancel.cancel();
    };
    let (late, called_off, ()) = tokio::join!(
        ask(&runner, "late", 1, CancellationToken::new()),
        ask(&runner, "called-off", 60, cancel.clone()),
        call_off
    );
    assert_eq!((late.status, late.error.map(|error| error.code)), (HostStatus::Failed, Some(ErrorCode::Timeout)));
    assert_eq!((called_off.status, called_off.data), (HostStatus::Cancelled, None));
    // What the operation itself says of its end is told too: it is where a change says that it could not be put back.
    let said = called_off.error.unwrap().message;
    assert_eq!(said, "it was called off and stopped: `rc-service called-off status` was called off");
    assert!(called_off.started_at <= called_off.finished_at && called_off.started_at.is_some());
    for name in ["late", "called-off"] {
        let pids = System::local().read(&format!("/run/deaf/{name}")).unwrap();
        for pid in pids.split_ascii_whitespace() {
            // SIGKILL has been sent to all of them; only the first is waited for.
            super::wait_until(&format!("the end of {pid} of `{name}`"), || !super::process::alive(pid)).await;
        }
    }
    println!("ended both");
}

async fn ask(runner: &Runner, service: &str, timeout_seconds: u32, cancel: CancellationToken) -> Report {
    let now = Timestamp::now();
    let assignment = Assignment {
        job_id: JobId::new(Uuid::from_u128(timeout_seconds.into())),
        operation: Operation::read("system.service.get", json!({"name": service})).unwrap(),
        hostname: "here".parse().unwrap(),
        expires_at: now + Duration::from_secs(60),
        timeout_seconds,
        received_at: now,
    };
    runner.run(assignment, cancel, mpsc::channel(1).0).await
}
