//! What needs no server: configuration, tokens, contexts, certificates, completion, version.

use std::os::unix::fs::PermissionsExt as _;

use crate::fleet::KEY;
use crate::program::{Program, compare, written};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_configuration_is_private_right_and_never_overwritten() {
    let program = Program::new();
    let text = program.transcript(&[
        "config init --dir etc",
        "config init --dir etc",
        "-f etc/osapi.yaml config check",
        "-f etc/osapi.yaml config show --given",
        "-f etc/osapi.yaml token validate --token nonsense",
    ]);
    assert_eq!((mode(&program.path("etc/osapi.yaml")), mode(&program.path("etc/admin.token"))), (0o600, 0o600));
    let token = std::fs::read_to_string(program.path("etc/admin.token")).unwrap();
    let line = "-f etc/osapi.yaml token validate --token -";
    let text = text + &written(line, &program.run_with_input(line, &token));
    compare("config_init", &text, program.home.path());
}

#[test]
fn tokens_are_made_and_checked_with_the_key() {
    let program = Program::new().with("OSAPI_API_SERVER_SECURITY_SIGNING_KEY", KEY);
    let text = program.transcript(&[
        "token generate -r admin -u ops@example.com",
        "token generate -r read,write -u svc -p system:read -p health:read --expires-in 1d -q",
        "token generate -r read -u svc --json",
        "token generate -r read",
        "token generate -r read -u svc -p system:all",
        "token validate not.a.token",
    ]);
    let token = program.run("token generate -r write -u svc -q").stdout;
    let token = String::from_utf8(token).unwrap();
    let good = program.run(&format!("token validate {token}"));
    let text = text + &written("token validate TOKEN", &good);
    let other = Program::new().with("OSAPI_API_SERVER_SECURITY_SIGNING_KEY", &KEY.replace('0', "f"));
    let text = text + &written("token validate TOKEN", &other.run(&format!("token validate {token}")));
    let none = Program::new();
    let text = text + &written("token generate -r admin -u x", &none.run("token generate -r admin -u x"));
    compare("token", &text, program.home.path());
}

#[test]
fn contexts_are_kept_privately_and_rank_between_environment_and_file() {
    let program = Program::new();
    std::fs::write(program.path("file.yaml"), "api: {client: {url: 'http://file:1'}}\n").unwrap();
    let text = program.transcript(&[
        "context list",
        "context set prod --url https://osapi.example.com --token-file secrets/token",
        "context set lab --url http://lab:8080",
        "context set broken --url osapi.example.com",
        "context list",
        "context use lab",
        "context use moon",
        "-f file.yaml config show --given",
        "-f file.yaml config show --given --context prod",
        "-f file.yaml config show --given --url http://flag:1",
        "context remove lab",
        "context list --json",
    ]);
    assert_eq!(mode(&program.path(".config/osapi/contexts.json")), 0o600);
    assert_eq!(mode(&program.path(".config/osapi")), 0o700);
    let line = "context set prod --token-stdin";
    let text = text + &written(line, &program.run_with_input(line, "hush-hush\n"));
    assert!(!String::from_utf8_lossy(&program.run("context list --json").stdout).contains("hush"));
    let variable = Program::new().with("OSAPI_API_CLIENT_URL", "http://environment:1");
    let text = text + &written("config show --given", &variable.run("config show --given"));
    compare("context", &text, program.home.path());
}

#[test]
fn certificates_come_from_an_authority_of_ones_own() {
    let program = Program::new();
    let text = program.transcript(&[
        "pki init --dir certs --name web-01 --name 192.0.2.10",
        "pki init --dir certs",
        "pki issue server --dir certs --name web-02 --file web-02",
        "pki issue client --dir certs --name alice --file alice",
        "pki issue client --dir nowhere --name alice",
        "pki show certs/nothing.pem",
        "pki revoke --dir certs --cert certs/alice.pem",
        "pki revoke --dir certs --cert certs/alice.pem --json",
        "pki revoke --dir certs --serial 0A:1b",
        "pki revoke --dir certs --renew -o yaml",
        "pki revoke --dir certs --cert certs/ca.pem",
        "pki revoke --dir certs --serial moon",
        "pki revoke --dir certs",
        "pki init --dir other",
        "pki revoke --dir other --cert certs/alice.pem",
        "pki show certs/alice.pem",
    ]);
    assert_eq!(mode(&program.path("certs/ca.key")), 0o600);
    let shown = program.run("pki show certs/web-02.pem --json");
    let body: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&body["items"][0]["uses"], &body["items"][0]["names"][0]), (&"server".into(), &"web-02".into()));
    compare("pki", &text, program.home.path());
}

#[test]
fn shells_get_a_script_and_their_questions_answered() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = program.run(&format!("completion {shell}"));
        assert!(script.status.success() && String::from_utf8_lossy(&script.stdout).contains("osapi"), "{shell}");
    }
    let mut asked = program.command(&["--", "osapi", "client", "sys"]);
    let answer = asked.env("COMPLETE", "fish").output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).starts_with("system"), "{answer:?}");
    assert_eq!(String::from_utf8_lossy(&program.run("version").stdout), "osapi 0.1.0\n");
    assert!(program.run("manual man1 -q").status.success());
    assert!(program.path("man1/osapi-client-job-watch.1").exists());
}

#[test]
fn keys_collectors_and_files_that_cannot_serve_are_told_before_a_port_is_bound() {
    let program = Program::new();
    std::fs::write(
        program.path("osapi.yaml"),
        "api:
  server:
    security:
      signing_key: short
      previous_signing_key: shorter
    tls: { cert_file: nowhere/server.pem, key_file: . }
job:
  worker:
    nats: { auth: { type: nkey, nkey_file: nowhere/seed } }
telemetry:
  tracing: { otlp_endpoint: 'https://collector:4317' }
  metrics: { exporter: otlp, otlp_endpoint: collector }
",
    )
    .unwrap();
    let text = program.transcript(&["-f osapi.yaml config check", "-f osapi.yaml job worker start"]);
    compare("cannot_serve", &text, program.home.path());
    std::fs::write(
        program.path("right.yaml"),
        "nats: { servers: [localhost, 'nats://[::1]'] }
telemetry: { tracing: { otlp_endpoint: '[::1]:4317' }, metrics: { otlp_endpoint: 'http://collector.lab:4317/' } }
",
    )
    .unwrap();
    assert_eq!(program.run("-f right.yaml config check").status.code(), Some(0));
}
