//! Every class of failure: what is said, and the exit status.

use crate::fleet::{BOUND, Fleet, KEY};
use crate::program::{Program, written};

#[tokio::test]
async fn who_may_not_is_told_what_is_missing() {
    let fleet = Fleet::start(&[("web-01", "")]).await;
    let token = |line: &str| {
        let text = fleet.program.run(&format!("token generate {line} -q")).stdout;
        String::from_utf8(text).unwrap().trim().to_owned()
    };
    let ask = |token: &str, line: &str| {
        let program = Program::new()
            .with("OSAPI_API_CLIENT_URL", &fleet.url)
            .with("OSAPI_API_CLIENT_SECURITY_BEARER_TOKEN", token);
        written(line, &program.run(line))
    };
    let reader = token("-r read -u reader");
    let mut text = ask("", "client system hostname");
    text += &ask("nonsense", "client system hostname");
    text += &ask(&reader, "client audit list");
    text += &ask(&reader, "client audit list --json");
    text += &ask(&reader, "client system reboot --cancel -T web-01");
    text += &ask(&token("-r read -u narrow -p health:read"), "client system hostname");
    text += &ask(&reader, "client health ready");
    fleet.compare("refused", &text);

    let revoked = token("-r admin -u leaky");
    let program = &fleet.program;
    assert_eq!(program.run(&format!("token revoke --token {revoked} --reason leaked")).status.code(), Some(0));
    let listed = program.run("token revoked --no-headers");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("leaked"));
    osapi_testkit::wait_until("the revocation", BOUND, async || {
        let program = Program::new()
            .with("OSAPI_API_CLIENT_URL", &fleet.url)
            .with("OSAPI_API_CLIENT_SECURITY_BEARER_TOKEN", &revoked);
        program.run("client worker list").status.code() == Some(5)
    })
    .await;
}

#[tokio::test]
async fn a_fleet_that_is_not_well_says_so() {
    let mut fleet = Fleet::start(&[("web-01", "")]).await;
    fleet.check(
        "health",
        &[
            "client health",
            "client health ready",
            "client health ready --json",
            "client version",
            "client audit verify -q -o json --no-headers --timeout 1ms",
        ],
    );
    let metrics = fleet.program.run("client metrics");
    assert!(String::from_utf8_lossy(&metrics.stdout).contains("# TYPE"));
    assert_eq!(fleet.program.run("client health status").status.code(), Some(0));

    fleet.broker.kill();
    osapi_testkit::wait_until("readiness to tell", BOUND, async || {
        fleet.program.run("client health ready").status.code() == Some(4)
    })
    .await;
    let status = fleet.program.run("client health status --json");
    assert_eq!(status.status.code(), Some(2), "{}", String::from_utf8_lossy(&status.stdout));
    assert_eq!(fleet.program.run("client health").status.code(), Some(0));
}

#[tokio::test]
async fn the_audit_trail_is_listed_exported_and_proved() {
    let fleet = Fleet::start(&[("web-01", "")]).await;
    let program = &fleet.program;
    program.run("client system uptime");
    let (page, entry) = osapi_testkit::wait_for("the entry", BOUND, async || {
        let listed = program.run("client audit list --path /api/v1/system --json");
        let page: serde_json::Value = serde_json::from_slice(&listed.stdout).ok()?;
        let entry = page["items"].as_array()?.first()?.clone();
        Some((page, entry))
    })
    .await;
    assert_eq!(
        (&entry["user"], &entry["path"]),
        (&"ops@example.com".into(), &"/api/v1/system/uptime".into()),
        "{page}"
    );
    let got = program.run(&format!("client audit get {}", entry["id"].as_str().unwrap()));
    assert!(String::from_utf8_lossy(&got.stdout).contains("GET /api/v1/system/uptime"));

    let exported = program.run("client audit export --output audit.jsonl --user ops@example.com --path /api/v1/system");
    assert_eq!(exported.status.code(), Some(0), "{}", String::from_utf8_lossy(&exported.stderr));
    let lines = std::fs::read_to_string(program.path("audit.jsonl")).unwrap();
    assert!(lines.lines().count() == 1 && lines.contains(entry["hash"].as_str().unwrap()), "{lines}");
    assert_eq!(program.run("client audit export --output nowhere/audit.jsonl").status.code(), Some(1));

    let hash = entry["hash"].as_str().unwrap();
    assert_eq!(program.run(&format!("client audit verify --known-hash {hash}")).status.code(), Some(0));
    assert_eq!(program.run(&format!("client audit verify --known-hash {}", "0".repeat(64))).status.code(), Some(3));
    assert_eq!(program.run("client audit verify --known-hash 0000").status.code(), Some(1));
    assert_eq!(program.run("client audit get 01938c8e-7b3a-7000-8000-000000000000").status.code(), Some(6));
}

#[test]
fn a_server_that_is_not_there_is_named_with_the_way_to_start_one() {
    let port = osapi_testkit::free_port();
    let program = Program::new().with("OSAPI_API_CLIENT_URL", &format!("http://127.0.0.1:{port}"));
    let text = program.transcript(&["client system hostname", "client health ready", "client job status --once"]);
    crate::program::compare("nobody_there", &text, program.home.path());
}

#[test]
fn what_is_typed_wrong_is_put_right() {
    let program = Program::new().with("OSAPI_API_SERVER_SECURITY_SIGNING_KEY", KEY);
    let text = program.transcript(&[
        "clinet",
        "client sytem hostname",
        "client system hostname --targt x",
        "client system hostname -T 'a b'",
        "client network ping",
        "client job get",
        "client job list --status don",
        "client network dns update --interface-name eth0 --servers 1.2.3",
        "client system hostname -o xml",
        "token generate -r boss -u x",
        "client system hostname --context nowhere",
    ]);
    crate::program::compare("typed_wrong", &text, program.home.path());
}

#[test]
fn every_mistake_of_a_configuration_is_named_before_anything_starts() {
    let program = Program::new().with("OSAPI_NATS_SERVER_PROT", "1");
    std::fs::write(
        program.path("osapi.yaml"),
        "api:\n  server:\n    port: 808000\n    security:\n      signing_kye: x\nnats:\n  kv: {ttl: 7x}\n  stream: {name: JOBS}\njob:\n  worker:\n    labels: {group: 'a b'}\n    nats: {namespace: other}\n",
    )
    .unwrap();
    let text = program.transcript(&["-f osapi.yaml start", "-f osapi.yaml config check", "-f nowhere.yaml start"]);
    crate::program::compare("wrong_configuration", &text, program.home.path());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::io::Read as _;
    let program = Program::new().with("OSAPI_API_SERVER_SECURITY_SIGNING_KEY", KEY);
    let mut command = program.command(&["api", "server", "openapi"]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
