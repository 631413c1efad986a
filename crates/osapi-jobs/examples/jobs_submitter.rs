//! An API server as a process of its own, for the fault tests: it submits changes until it is killed, and prints the
//! identity of each that was accepted.
//!
//! `jobs_submitter ADDRESS`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a part of the tests")]

use std::time::Duration;

use osapi_core::Operation;
use osapi_core::system::HostnameUpdate;
use osapi_jobs::{Auth, Connection, ConnectionSettings, Jobs, Namespace, Submission};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).unwrap();
    let connection = Connection::open(ConnectionSettings {
        servers: vec![address],
        client_name: "submitter".to_owned(),
        namespace: Namespace::default(),
        auth: Auth::None,
        tls: None,
        connect_timeout: Duration::from_secs(30),
    });
    let jobs = Jobs::start(connection.await.unwrap(), CancellationToken::new()).await.unwrap();
    while jobs.ready().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let submit = || async {
        let operation = Operation::SystemHostnameUpdate(HostnameUpdate { hostname: "renamed".parse().unwrap() });
        let submission = Submission {
            operation,
            target: "_any".parse().unwrap(),
            submitted_by: None,
            expires_after: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            queue: false,
            idempotency_key: None,
            traceparent: None,
        };
        println!("{}", jobs.submit(submission).await.unwrap().job_id);
    };
    loop {
        futures::future::join_all((0..8).map(|_| submit())).await;
    }
}
