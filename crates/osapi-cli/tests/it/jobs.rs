//! `client job`: submitted, followed, looked at, called off, tried again, deleted.

use osapi_testkit::wait_until;

use crate::fleet::{BOUND, Fleet};
use crate::program::written;

#[tokio::test]
async fn a_job_from_submission_to_deletion() {
    let fleet = Fleet::start(&[("web-01", "")]).await;
    std::fs::write(
        fleet.program.path("ping.json"),
        r#"{"type": "network.ping.do", "data": {"address": "127.0.0.1", "count": 1}}"#,
    )
    .unwrap();
    std::fs::write(fleet.program.path("bad.json"), r#"{"type": "network.pong.do"}"#).unwrap();

    let mut text = String::new();
    let input = r#"{"type": "network.dns.get", "data": {"interface": "nosuch0"}}"#;
    let line = "client job run --json-file - -T web-01 -q";
    text += &written(line, &fleet.program.run_with_input(line, input));
    text += &fleet.program.transcript(&[
        "client job add --json-file ping.json -T web-01 --idempotency-key one",
        "client job add --json-file bad.json",
        "client job add --json-file nowhere.json",
        "client job add --json-file ping.json -T web-77",
    ]);
    let job = fleet.newest_job();
    wait_until("the end", BOUND, async || {
        String::from_utf8_lossy(&fleet.program.run(&format!("client job get {job}")).stdout).contains("completed")
    })
    .await;
    text += &fleet.program.transcript(&[
        "client job add --json-file ping.json -T web-01 --idempotency-key one --json",
        &format!("client job cancel {job}"),
        &format!("client job logs {job} -o table"),
        &format!("client job watch {job} -q -o table --no-headers"),
        &format!("client job retry --job-id {job} --wait -q --no-headers"),
        &format!("client job delete {job}"),
        &format!("client job delete {job}"),
        "client job list --status failed",
        "client job list --status broken",
        "client job list --operation network.pong.do",
        "client job get not-a-job",
        "client job dead-letter list",
        "client job dead-letter get 7",
        "client job dead-letter drop 7",
        "client job dead-letter requeue 7",
    ]);
    fleet.compare("a_job", &text);
}

#[tokio::test]
async fn a_job_can_be_left_alone_watched_and_called_off() {
    let fleet = Fleet::start(&[("web-01", "")]).await;
    let long = r#"{"type": "network.ping.do", "data": {"address": "127.0.0.1", "count": 20, "interval_ms": 1000}}"#;
    std::fs::write(fleet.program.path("long.json"), long).unwrap();

    let added = fleet.program.run("client job add --json-file long.json -T web-01");
    let job = String::from_utf8(added.stdout).unwrap().trim().to_owned();
    let late = fleet.program.run(&format!("client job watch {job} --timeout 500ms -q"));
    assert_eq!(late.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&late.stderr).contains(&format!("it goes on: `osapi client job watch {job}`")));
    let delete = fleet.program.run(&format!("client job delete {job}"));
    assert_eq!(delete.status.code(), Some(3), "{}", String::from_utf8_lossy(&delete.stderr));

    assert_eq!(fleet.program.run(&format!("client job cancel {job}")).status.code(), Some(0));
    let watched = fleet.program.run(&format!("client job watch {job} -q --timeout 30s"));
    assert_eq!(watched.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&watched.stdout).contains("cancelled"));

    // The server waits two seconds here and the job takes longer: whoever has the time sees its end all the same.
    let patient = fleet.program.run("client network ping 127.0.0.1 --count 4 -T web-01 --timeout 60s -q");
    assert_eq!(patient.status.code(), Some(0), "{}", String::from_utf8_lossy(&patient.stderr));
    let hasty = fleet.program.run("client network ping 127.0.0.1 --count 4 -T web-01");
    assert_eq!(hasty.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&hasty.stderr).contains("it goes on: `osapi client job watch"));

    let queued = fleet.program.run("client system uptime -T web-02 --queue --no-wait");
    assert_eq!(queued.status.code(), Some(0), "{}", String::from_utf8_lossy(&queued.stderr));
}
