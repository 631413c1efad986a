//! The program itself: how it starts, refuses to start, writes its audit trail and stops.

use std::process::{Output, Stdio};
use std::time::Duration;

use osapi_testkit::wait_for;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::agent::{BOUND, answer};
use crate::place::Place;

fn command(place: &Place, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linux-patch-api"));
    command.arg("--config").arg(place.path("config.yaml")).args(more);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn ended(child: Child) -> Output {
    tokio::time::timeout(BOUND, child.wait_with_output()).await.expect("it ends in time").unwrap()
}

async fn refused(place: &Place, more: &[&str]) -> String {
    let output = ended(command(place, more).spawn().unwrap()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said.replace(&format!("{}/", place.root().display()), "")
}

async fn served(place: &Place) -> reqwest::Response {
    let client = place.http(Some(&place.client("client")), false);
    wait_for("the program to serve", BOUND, async || client.get(place.url("/health")).send().await.ok()).await
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn it_serves_puts_down_who_asked_and_stops_on_sigterm() {
    let place = Place::new();
    place.configure("logging:\n  format: json\n");
    let child = command(&place, &[]).spawn().unwrap();
    let answer = answer(served(&place).await).await;
    signal(&child, Signal::TERM);
    let output = ended(child).await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]), "{log}");

    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["request_id"] == answer.body["request_id"]).expect("an audit line");
    let info = &place.client("client").info.identity;
    assert_eq!((&line["target"], &line["event"]), (&"audit".into(), &"request".into()), "{line}");
    assert_eq!(line["client"], info.common_name);
    assert_eq!(line["serial"], info.serial);
    assert_eq!(line["fingerprint"], info.fingerprint_sha256);
    assert_eq!(
        (&line["source"], &line["path"], &line["status"]),
        (&"127.0.0.1".into(), &"/health".into(), &200.into())
    );
    assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn a_client_that_leaves_is_put_down_too() {
    let place = Place::new();
    place.configure("logging:\n  format: json\n");
    let child = command(&place, &[]).spawn().unwrap();
    served(&place).await;
    let client = place.http(Some(&place.client("client")), false);
    let ping = json!({"address": "127.0.0.1", "count": 10, "interval_ms": 1000});
    let request = client.post(place.url("/api/v1/network/ping")).json(&ping);
    if let Ok(answered) = request.timeout(Duration::from_secs(1)).send().await {
        println!("skipped: no ping here, but {}", answered.status());
        return;
    }
    signal(&child, Signal::TERM);
    let log = String::from_utf8(ended(child).await.stderr).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["path"] == "/api/v1/network/ping").expect("an audit line");
    assert_eq!(
        (&line["method"], &line["client"], &line["code"]),
        (&"POST".into(), &"ops".into(), &"CLIENT_GONE".into())
    );
    assert!(line["status"].is_null() && line["trace_id"].is_string(), "{line}");
}

#[tokio::test]
async fn all_that_is_wrong_is_said_before_a_port_is_bound() {
    let place = Place::new();
    place.configure("jobs:\n  max_concurrent: many\nenrollment:\n  manager_url: x\n");
    place.write("whitelist.yaml", "entries:\n  - somewhere\n");
    place.write("certs/server.pem", "");
    let said = refused(&place, &[]).await;
    for part in [
        "linux-patch-api: cannot start",
        "config.yaml:11: `jobs.max_concurrent` is `many`",
        "`enrollment` is not a key",
        "`certs/server.pem` holds no certificate",
        "whitelist.yaml:2: `entries` has `somewhere`",
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    std::fs::remove_file(place.path("config.yaml")).unwrap();
    assert!(refused(&place, &[]).await.contains("`config.yaml` cannot be read"));
}

#[tokio::test]
async fn a_busy_port_is_one_clear_line() {
    let place = Place::new();
    let _busy = std::net::TcpListener::bind(("127.0.0.1", place.port)).unwrap();
    let said = refused(&place, &[]).await;
    let last = said.lines().last().unwrap();
    let expected = format!("linux-patch-api: cannot listen on 127.0.0.1:{}: Address already in use", place.port);
    assert!(last.starts_with(&expected), "{said}");
}

#[tokio::test]
async fn a_configuration_can_be_checked_without_serving() {
    let place = Place::new();
    let output = ended(command(&place, &["--check-config"]).spawn().unwrap()).await;
    assert_eq!(output.status.code(), Some(0));
    place.write("certs/server.key", "");
    assert!(refused(&place, &["--check-config"]).await.contains("`certs/server.key` holds no private key"));
}

#[tokio::test]
async fn sighup_reads_the_files_again_and_does_not_end_it() {
    let place = Place::new();
    let child = command(&place, &[]).spawn().unwrap();
    served(&place).await;
    signal(&child, Signal::HUP);
    answer(served(&place).await).await;
    signal(&child, Signal::INT);
    assert_eq!(ended(child).await.status.code(), Some(0));
}

#[tokio::test]
async fn the_service_manager_is_told_when_it_serves_and_when_it_stops() {
    let place = Place::new();
    let socket = tokio::net::UnixDatagram::bind(place.path("notify")).unwrap();
    let child = command(&place, &[]).env("NOTIFY_SOCKET", place.path("notify")).spawn().unwrap();
    let mut buffer = [0; 256];
    let mut told = async || {
        let length = tokio::time::timeout(BOUND, socket.recv(&mut buffer)).await.unwrap().unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert!(told().await.starts_with("READY=1"));
    let client = place.http(Some(&place.client("client")), false);
    assert_eq!(client.get(place.url("/health")).send().await.unwrap().status(), 200, "ready means ready");
    signal(&child, Signal::TERM);
    assert!(told().await.starts_with("STOPPING=1"));
    assert_eq!(ended(child).await.status.code(), Some(0));
}
