//! A worker as a process of its own, for the fault tests: it leaves a file for every execution and can be killed.
//!
//! `jobs_worker ADDRESS HOSTNAME FOLDER WORK_MS`
#![expect(clippy::unwrap_used, reason = "a part of the tests")]

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::worker::Registration;
use osapi_core::{Assignment, HostStatus, Report};
use osapi_jobs::{Auth, Connection, ConnectionSettings, Control, Execute, Namespace, WorkerSettings, work};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Counts every execution on disk before anything else.
struct Counting {
    folder: PathBuf,
    work: Duration,
}

impl Execute for Counting {
    async fn execute(&self, assignment: Assignment, _control: Control) -> Report {
        let name = format!("{}.{}.{}", assignment.job_id, assignment.hostname, Uuid::new_v4());
        std::fs::write(self.folder.join(name), "").unwrap();
        tokio::time::sleep(self.work).await;
        Report::silent(assignment.hostname, HostStatus::Ok)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [addresses, hostname, folder, work_ms] = arguments.try_into().unwrap();
    let connection = Connection::open(ConnectionSettings {
        servers: addresses.split(',').map(str::to_owned).collect(),
        client_name: hostname.clone(),
        namespace: Namespace::default(),
        auth: Auth::None,
        tls: None,
        connect_timeout: Duration::from_secs(30),
    });
    let settings = WorkerSettings {
        registration: Registration {
            hostname: hostname.parse().unwrap(),
            machine_id: None,
            instance: Uuid::new_v4(),
            labels: vec![],
            version: "0.0.0".to_owned(),
            capabilities: vec![],
            max_jobs: 4,
            running: 0,
            draining: false,
            registered_at: Timestamp::now(),
            last_seen: Timestamp::now(),
            os: None,
        },
        heartbeat: Duration::from_secs(1),
        ack_wait: Duration::from_secs(2),
        drain: Duration::from_secs(5),
    };
    let counting = Counting { folder: folder.into(), work: Duration::from_millis(work_ms.parse().unwrap()) };
    work(connection.await.unwrap(), settings, counting, CancellationToken::new()).await.unwrap();
}
