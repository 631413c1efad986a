//! The roles as processes: all in one tree, alone, told to stop, and killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use osapi_testkit::{free_port, nats_server, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use crate::fleet::BOUND;
use crate::program::{Program, written};

/// A role of ours; one that a failed test leaves behind is killed.
struct Role(Child);

impl Role {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// How it ended.
    fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn nats_pid(program: &Program) -> Option<u32> {
    std::fs::read_to_string(program.path(".local/nats/nats-server.pid")).ok()?.trim().parse().ok()
}

fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A process that ended and was not collected yet runs no more.
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['S', 'R', 'D']))
}

/// A home whose local fleet has ports of its own.
fn local(scheme: &str) -> Program {
    let (api, nats) = (free_port().to_string(), free_port().to_string());
    Program::new()
        .with("OSAPI_API_SERVER_PORT", &api)
        .with("OSAPI_NATS_SERVER_PORT", &nats)
        .with("OSAPI_API_CLIENT_URL", &format!("{scheme}://127.0.0.1:{api}"))
}

fn quickstart(program: &Program) -> Role {
    let mut command = program.command(&["quickstart"]);
    let mut child = Role(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().starts_with("Ctrl-C stops everything")), "it did not get ready");
    std::thread::spawn(move || lines.for_each(drop));
    child
}

#[tokio::test]
async fn from_nothing_to_a_fleet_that_answers_and_stops_in_good_order() {
    let program = local("http");
    let mut child = quickstart(&program);
    let pid = nats_pid(&program).unwrap();
    let asked = program.run("-f .local/osapi.yaml client system hostname --json");
    assert_eq!(asked.status.code(), Some(0), "{}", String::from_utf8_lossy(&asked.stderr));

    child.signal(Signal::INT);
    assert_eq!(child.code(), Some(0));
    assert!(!runs(pid), "the broker outlived us");

    // What it kept is there the next time.
    let again = program.run("quickstart --once");
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    assert!(String::from_utf8_lossy(&again.stdout).contains("HOSTNAME"));
}

#[tokio::test]
async fn the_broker_does_not_outlive_a_killed_program() {
    let program = local("http");
    let mut child = quickstart(&program);
    let pid = nats_pid(&program).unwrap();
    child.signal(Signal::KILL);
    child.code();
    wait_until("the broker's end", BOUND, async || !runs(pid)).await;
    assert_eq!(program.run("quickstart --once").status.code(), Some(0));
}

#[tokio::test]
async fn a_broker_that_crashes_is_back_and_nothing_else_needs_a_restart() {
    let program = local("http");
    let mut child = quickstart(&program);
    let first = nats_pid(&program).unwrap();
    kill_process(Pid::from_raw(i32::try_from(first).unwrap()).unwrap(), Signal::KILL).unwrap();
    wait_until("another broker", BOUND, async || nats_pid(&program).is_some_and(|pid| pid != first && runs(pid))).await;
    let ask = || program.run("-f .local/osapi.yaml client system hostname --json --timeout 5s");
    wait_until("an answer", BOUND, async || ask().status.success()).await;
    child.signal(Signal::TERM);
    assert_eq!(child.code(), Some(0));
}

#[tokio::test]
async fn the_api_speaks_tls_to_those_who_trust_its_authority_and_turns_to_a_new_certificate_while_it_runs() {
    let program = local("https");
    assert!(program.run("pki init --dir certs --name 127.0.0.1").status.success());
    assert!(program.run("quickstart --once").status.success());
    let file = program.path(".local/osapi.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (certificate, key) = (program.path("certs/server.pem"), program.path("certs/server.key"));
    let tls = format!("    tls:\n      cert_file: {}\n      key_file: {}\n", certificate.display(), key.display());
    std::fs::write(&file, text.replacen("    tls:\n", &tls, 1)).unwrap();

    let mut command = program.command(&["-f", ".local/osapi.yaml", "start"]);
    let mut child = Role(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("taking jobs")));
    std::thread::spawn(move || lines.for_each(drop));
    let stranger = program.run("-f .local/osapi.yaml client health");
    assert_eq!(stranger.status.code(), Some(4), "{}", String::from_utf8_lossy(&stranger.stderr));
    assert!(
        String::from_utf8_lossy(&stranger.stderr).contains("certificate"),
        "{}",
        String::from_utf8_lossy(&stranger.stderr)
    );
    let friend = program.run("-f .local/osapi.yaml client system hostname --json --ca-file certs/ca.pem");
    assert_eq!(friend.status.code(), Some(0), "{}", String::from_utf8_lossy(&friend.stderr));

    assert!(program.run("pki init --dir others --name 127.0.0.1").status.success());
    for name in ["server.pem", "server.key"] {
        std::fs::copy(program.path("others").join(name), program.path("certs").join(name)).unwrap();
    }
    child.signal(Signal::HUP);
    wait_until("the new certificate", BOUND, async || {
        program.run("-f .local/osapi.yaml client health --ca-file others/ca.pem").status.success()
    })
    .await;
    child.signal(Signal::TERM);
    assert_eq!(child.code(), Some(0));
}

#[tokio::test]
async fn the_roles_start_alone_and_meet() {
    let nats = free_port().to_string();
    let program = Program::new()
        .with("OSAPI_NATS_SERVER_PORT", &nats)
        .with("OSAPI_NATS_SERVER_PROGRAM", &nats_server().display().to_string())
        .with("OSAPI_API_SERVER_SECURITY_SIGNING_KEY", crate::fleet::KEY);
    let mut program = program;
    program.set("OSAPI_NATS_SERVER_STORE_DIR", &program.path("store").display().to_string());
    program.set("OSAPI_NATS_SERVER_CACHE_DIR", &program.path("cache").display().to_string());
    let port = free_port().to_string();
    program.set("OSAPI_API_CLIENT_URL", &format!("http://127.0.0.1:{port}"));
    let token = program.run("token generate -r admin -u ops -q").stdout;
    program.set("OSAPI_API_CLIENT_SECURITY_BEARER_TOKEN", String::from_utf8(token).unwrap().trim());

    // The broker comes last: the others wait for it.
    let start =
        |line: &[&str]| Role(program.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let server = start(&["api", "server", "start", "-p", &port]);
    let worker = start(&["job", "worker", "start", "--worker-hostname", "alone-01"]);
    let broker = start(&["nats", "server", "start"]);
    let ask = || program.run("client system hostname -T alone-01 --json");
    wait_until("an answer", BOUND, async || ask().status.success()).await;

    let second = program.run("nats server start");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another broker already uses the store"));
    let busy = program.run(&format!("api server start -p {port}"));
    crate::program::compare(
        "busy_port",
        &written("api server start -p PORT", &busy).replace(&port, "[port]"),
        program.home.path(),
    );

    for mut child in [worker, server, broker] {
        child.signal(Signal::TERM);
        assert_eq!(child.code(), Some(0));
    }
}

/// A user's NKey of no value: public key and seed.
const NKEY: (&str, &str) = (
    "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
);

#[test]
fn the_roles_prove_themselves_to_their_own_broker() {
    let seed = |program: &Program| program.path("seed").display().to_string();
    let user_pass = |_: &Program| {
        let users = "      type: user_pass\n      users: [{username: osapi, password: 'a\"b'}]\n".to_owned();
        (users, String::new())
    };
    let nkey = |program: &Program| {
        let keys = format!("      type: nkey\n      nkeys: [{}]\n", NKEY.0);
        (keys, format!("    type: nkey\n    nkey_file: {}\n", seed(program)))
    };
    type Change = dyn Fn(&Program) -> (String, String);
    for change in [&user_pass as &Change, &nkey] {
        let program = local("http");
        assert!(program.run("quickstart --once").status.success());
        std::fs::write(program.path("seed"), NKEY.1).unwrap();
        let (server, client) = change(&program);
        let file = program.path(".local/osapi.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replacen("      # type: none\n", &server, 1).replacen(
            "  auth:\n    # how",
            &format!("  auth:\n{client}    # how"),
            1,
        );
        std::fs::write(&file, text).unwrap();
        let again = program.run("quickstart --once");
        assert!(again.status.success(), "{server}{}", String::from_utf8_lossy(&again.stderr));
        let configuration = std::fs::read_to_string(program.path(".local/nats/nats-server.conf")).unwrap();
        assert!(configuration.contains("authorization"), "{configuration}");
    }
}

#[test]
fn only_the_roles_that_need_a_secret_ask_for_it() {
    let program = Program::new();
    let text = program.transcript(&["start", "api server start"]);
    crate::program::compare("no_signing_key", &text, program.home.path());
    let unknown = program.run("job worker start --worker-hostname 'a b' --worker-max-jobs 0");
    crate::program::compare("worker_flags", &written("job worker start …", &unknown), program.home.path());
}
