//! The broker with the real nats-server: start, crash, refusals, authentication and stop.
#![expect(clippy::unwrap_used, reason = "helpers of tests; what fails here fails the test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use osapi_broker::{Broker, BrokerAuth, BrokerError, BrokerSettings, BrokerUser};
use osapi_host::System;
use osapi_testkit::{free_port, nats_server, wait_for, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;

const BOUND: Duration = Duration::from_secs(60);

fn settings(folder: &Path) -> BrokerSettings {
    BrokerSettings {
        host: "127.0.0.1".to_owned(),
        port: free_port(),
        store_dir: folder.join("store"),
        auth: BrokerAuth::None,
        tls: None,
        program: Some(nats_server()),
        cache_dir: folder.join("cache"),
        search: vec![],
    }
}

/// What the server answers to these protocol lines after its greeting.
fn talk(address: &str, lines: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut greeting = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut greeting).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
    let mut answer = [0; 256];
    let count = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

fn pid_in(folder: &Path) -> Option<u32> {
    std::fs::read_to_string(folder.join("store/nats-server.pid")).ok()?.trim().parse().ok()
}

#[tokio::test]
async fn it_starts_serves_and_stops_leaving_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(&System::local(), settings(folder.path())).await.unwrap();
    let (address, pid) = (broker.address(), broker.pid().unwrap());
    assert!(talk(&address, "CONNECT {\"verbose\":true}\r\n").starts_with("+OK"));

    let shutdown = CancellationToken::new();
    shutdown.cancel();
    broker.supervise(shutdown).await;
    assert!(TcpStream::connect(&address).is_err());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert!(folder.path().join("store/jetstream").exists());
}

#[tokio::test]
async fn after_a_crash_it_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(&System::local(), settings(folder.path())).await.unwrap();
    let (address, first) = (broker.address(), broker.pid().unwrap());
    let shutdown = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(broker.supervise(shutdown.clone()));

    kill(first);
    let second = wait_for("another server", BOUND, async || pid_in(folder.path()).filter(|pid| *pid != first)).await;
    wait_until("an answer", BOUND, async || TcpStream::connect(&address).is_ok()).await;
    shutdown.cancel();
    tasks.join_all().await;
    // It may have been stopped before it was known to be ready; then it was killed, and the runtime collects it.
    wait_until("its end", BOUND, async || !Path::new(&format!("/proc/{second}")).exists()).await;
}

#[tokio::test]
async fn two_brokers_on_one_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Broker::start(&System::local(), settings(folder.path())).await.unwrap();
    let second = Broker::start(&System::local(), settings(folder.path())).await;
    assert!(matches!(second, Err(BrokerError::StoreInUse(_))), "{second:?}");
}

#[tokio::test]
async fn a_busy_port_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = Broker::start(&System::local(), BrokerSettings { port, ..settings(folder.path()) }).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on 127.0.0.1:{port}: Address already in use (os error 98); stop what uses it, or set `nats.server.host` and `nats.server.port`"
        )
    );
}

#[tokio::test]
async fn a_server_left_over_from_a_crash_of_ours_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let orphan = Broker::start(&System::local(), settings.clone()).await.unwrap();
    let pid = orphan.pid().unwrap();
    // The supervisor is gone and with it the lock; the server still runs.
    std::fs::remove_file(folder.path().join("store/lock")).unwrap();

    let broker = Broker::start(&System::local(), settings).await.unwrap();
    assert_ne!(broker.pid(), Some(pid));
    assert!(talk(&broker.address(), "CONNECT {\"verbose\":true}\r\n").starts_with("+OK"));
}

#[tokio::test]
async fn only_those_who_prove_themselves_get_in() {
    let folder = tempfile::tempdir().unwrap();
    let users = vec![BrokerUser { username: "osapi".to_owned(), password: "a\"b\\c}".to_owned() }];
    let settings = BrokerSettings { auth: BrokerAuth::UserPass(users), ..settings(folder.path()) };
    let broker = Broker::start(&System::local(), settings).await.unwrap();
    let address = broker.address();
    assert!(talk(&address, "CONNECT {\"verbose\":true}\r\nPING\r\n").contains("Authorization Violation"));
    let right = r#"CONNECT {"verbose":true,"user":"osapi","pass":"a\"b\\c}"}"#;
    assert!(talk(&address, &format!("{right}\r\n")).starts_with("+OK"));
}

#[tokio::test]
async fn what_the_server_says_against_its_settings_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = BrokerSettings { auth: BrokerAuth::Nkey(vec!["not-a-key".to_owned()]), ..settings(folder.path()) };
    let error = Broker::start(&System::local(), settings).await.unwrap_err().to_string();
    assert!(error.contains("nats-server did not start") && error.contains("Not a valid public nkey"), "{error}");
}

#[tokio::test]
async fn a_program_named_and_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = BrokerSettings { program: Some("/nonexistent/nats".into()), ..settings(folder.path()) };
    let error = Broker::start(&System::local(), settings).await.unwrap_err();
    assert!(matches!(error, BrokerError::NotAProgram(_)), "{error:?}");
}

#[tokio::test]
async fn the_packed_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let settings = BrokerSettings {
        program: None,
        search: vec![nats_server().parent().unwrap().into()],
        ..settings(folder.path())
    };
    let broker = Broker::start(&System::local(), settings).await.unwrap();
    assert!(talk(&broker.address(), "CONNECT {\"verbose\":true}\r\n").starts_with("+OK"));
}
