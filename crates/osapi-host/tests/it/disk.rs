//! `system.disk.get` beside a file system that never answers: a FUSE mount whose other end is open and silent.

use std::time::Duration;

use osapi_core::Operation;
use osapi_host::machine::Command;
use osapi_host::{Context, System, carry_out};
use serde_json::Value;

/// Mounts the silent file system in a mount namespace of its own and becomes this test program inside of it. The
/// namespace, and with it the mount, ends with the program.
const SILENT_MOUNT: &str = r#"
    set -e
    exec 10<>/dev/fuse
    mount -i -n -t fuse -o fd=10,rootmode=40000,user_id=0,group_id=0 silent "$2" || { echo "no fuse here"; exit 0; }
    exec "$1" --exact disk::inside_the_namespace --nocapture --test-threads 1
"#;

#[tokio::test]
async fn a_hung_mount_gets_an_error_in_its_row_and_holds_nobody_up() {
    let system = System::local();
    if !rustix::process::geteuid().is_root() || !system.exists("/dev/fuse") {
        super::skip("mounting a silent file system needs root and /dev/fuse");
        return;
    }
    let unshare = system.program("unshare").expect("util-linux is on every Debian machine");
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let words =
        ["bash".into(), "-c".into(), SILENT_MOUNT.into(), "bash".into(), own.into_os_string(), folder.path().into()];
    let command =
        Command::new(&unshare).options(["--mount", "--propagation", "private"]).operands::<std::ffi::OsString>(words);
    let command = command.environment("OSAPI_TEST_SILENT_MOUNT", "1").deadline(Duration::from_secs(60));
    let done = system.run(command).await.unwrap();
    if done.stdout.contains("no fuse here") {
        super::skip(&format!("the kernel refuses a FUSE mount here: {}", done.stderr));
        return;
    }
    assert!(done.success() && done.stdout.contains("saw the silent mount"), "{}{}", done.stdout, done.stderr);
}

/// Not a test of its own: what the test above runs beside the silent mount.
#[tokio::test]
async fn inside_the_namespace() {
    if !super::has_environment("OSAPI_TEST_SILENT_MOUNT") {
        return;
    }
    let system = System::local();
    for _ in 0..3 {
        let disks = disks(&system).await;
        let silent = disks.iter().find(|disk| disk["device"] == "silent").expect("the silent mount has a row");
        assert_eq!((&silent["error"]["code"], &silent["total"]), (&Value::from("timeout"), &Value::from(0)));
        let root = disks.iter().find(|disk| disk["mount_point"] == "/").unwrap();
        assert!(root["error"].is_null() && root["total"].as_u64() > Some(0), "{root}");
        assert_eq!(waiting_threads(), 1, "asking again must not leave another thread waiting");
    }
    println!("saw the silent mount");
}

async fn disks(system: &System) -> Vec<Value> {
    let operation = Operation::read("system.disk.get", Value::Null).unwrap();
    let context = Context::alone();
    // Far above the patience with one mount, far below for ever.
    let answer = tokio::time::timeout(Duration::from_secs(60), carry_out(system, &operation, &context)).await;
    let outcome = serde_json::to_value(answer.expect("the answer is bounded").unwrap()).unwrap();
    outcome["disks"].as_array().unwrap().clone()
}

fn waiting_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "statvfs").count()
}
