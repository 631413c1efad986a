//! The server held against its own document by a tool that knows neither: schemathesis.
#![expect(clippy::disallowed_methods, reason = "the test starts a real tool beside the code under test")]

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::fleet::{Fleet, Manner};

/// How many cases it makes up for each operation beside the examples and the limits of the document. It is bounded by
/// these and not by time, so that every machine tries the same.
const EXAMPLES: &str = "10";
const BOUND: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn the_server_does_what_its_document_says() {
    let program = osapi_testkit::workspace().join(".tools/python/bin/schemathesis");
    if !program.exists() {
        println!("skipped: the_server_does_what_its_document_says needs schemathesis, see scripts/test-tools");
        return;
    }
    let fleet = Fleet::with(|settings| settings.jobs.wait = Duration::from_secs(10)).await;
    fleet.worker("web-01", &["group:web"], Manner::Obliging).await;
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(program)
        .args(["run", &fleet.url("/api/v1/openapi.json"), "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", "1", "--generation-database", ":memory:"])
        .args(["--checks", "all", "--warnings", "off", "--no-color"])
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", fleet.token(&["admin"], &[])))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(BOUND, run).await.expect("it ends in time").unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
