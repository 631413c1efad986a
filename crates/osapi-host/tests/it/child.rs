//! `System::spawn`: a program that is to stay while we do, and no longer.

use std::time::Duration;

use osapi_host::System;
use osapi_host::machine::Command;

use super::process::alive;

fn bash(script: &'static str) -> Command {
    Command::new(&System::local().program("bash").expect("bash is on every machine that builds this"))
        .option("-c")
        .option(script)
}

#[tokio::test]
async fn a_child_speaks_and_ends_when_asked() {
    let mut child =
        System::local().spawn(bash("trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done")).await.unwrap();
    assert_eq!(child.next_line().await.as_deref(), Some("ready"));
    let pid = child.pid().unwrap().to_string();
    let status = child.terminate(Duration::from_secs(60)).await.unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(!alive(&pid));
}

#[tokio::test]
async fn a_child_that_does_not_listen_is_killed_with_its_own() {
    let mut child =
        System::local().spawn(bash("trap '' TERM; sleep 1000 & echo $!; while :; do wait; done")).await.unwrap();
    let grandchild = child.next_line().await.unwrap();
    let status = child.terminate(Duration::from_millis(200)).await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    super::wait_until("the grandchild is gone", || !alive(&grandchild)).await;
}

#[tokio::test]
async fn dropping_a_child_kills_it_and_its_end_is_seen() {
    let mut child = System::local().spawn(bash("sleep 1000 & echo $!; wait")).await.unwrap();
    let grandchild = child.next_line().await.unwrap();
    let pid = child.pid().unwrap().to_string();
    drop(child);
    super::wait_until("both are gone", || !alive(&grandchild) && !alive(&pid)).await;

    let mut brief = System::local().spawn(bash("exit 5")).await.unwrap();
    assert_eq!(brief.wait().await.unwrap().code(), Some(5));
    assert_eq!(brief.next_line().await, None);
}

/// The test's own program is the parent that gets SIGKILL.
#[test]
fn a_child_does_not_outlive_a_parent_that_was_killed() {
    if System::local().program("setpriv").is_none() {
        super::skip("no setpriv on this machine");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let own = System::local().program_at(&std::env::current_exe().unwrap()).unwrap();
        let command =
            Command::new(&own).options(["--exact", PARENT, "--nocapture"]).environment("OSAPI_TEST_PARENT", "1");
        let mut parent = System::local().spawn(command).await.unwrap();
        let pid = loop {
            let line = parent.next_line().await.expect("the parent tells the pid of its child");
            if let Some((_, pid)) = line.split_once("child is ") {
                break pid.trim().to_owned();
            }
        };
        assert!(alive(&pid));
        let raw = i32::try_from(parent.pid().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(raw).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
        super::wait_until("the orphan is gone", || !alive(&pid)).await;
        drop(parent);
    });
}

const PARENT: &str = "child::parent_of_a_child";

/// Not a test of its own: what the test above runs and kills.
#[tokio::test]
async fn parent_of_a_child() {
    if super::has_environment("OSAPI_TEST_PARENT") {
        let mut child = System::local().spawn(bash("echo up; sleep 1000")).await.unwrap();
        // Before its first line it may not have come to ask the kernel yet.
        assert_eq!(child.next_line().await.as_deref(), Some("up"));
        println!("child is {}", child.pid().unwrap());
        std::future::pending::<()>().await;
    }
}
