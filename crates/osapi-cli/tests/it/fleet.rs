//! A fleet of real processes: a broker, an API server, and workers under names of their own on this machine.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use osapi_testkit::{Broker, wait_until};

use crate::program::Program;

pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A signing key of no value.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A fleet; everything of it ends when this is dropped.
pub(crate) struct Fleet {
    /// The command line of an administrator of this fleet.
    pub(crate) program: Program,
    pub(crate) url: String,
    pub(crate) broker: Broker,
    server: Child,
    workers: Vec<(String, Child)>,
}

impl Fleet {
    /// Starts one with workers of these names and labels, and waits until all are ready.
    pub(crate) async fn start(workers: &[(&str, &str)]) -> Self {
        Self::with(workers, &[]).await
    }

    /// The same with variables of the environment more.
    pub(crate) async fn with(workers: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let broker = Broker::start().await;
        let mut program = Program::new()
            .with("OSAPI_API_SERVER_SECURITY_SIGNING_KEY", KEY)
            .with("OSAPI_NATS_SERVERS", &broker.address())
            .with("OSAPI_API_SERVER_JOBS_WAIT", "2s")
            .with("OSAPI_JOB_WORKER_HEARTBEAT", "1s");
        variables.iter().for_each(|(name, value)| program.set(name, value));
        let (server, url) = serve(&program);
        program.set("OSAPI_API_CLIENT_URL", &url);
        let token = program.run("token generate -r admin -u ops@example.com -q");
        program.set("OSAPI_API_CLIENT_SECURITY_BEARER_TOKEN", String::from_utf8(token.stdout).unwrap().trim());
        let mut fleet = Self { program, url, broker, server, workers: vec![] };
        for (name, labels) in workers {
            fleet.add_worker(name, labels);
        }
        let names: Vec<&str> = workers.iter().map(|(name, _)| *name).collect();
        fleet.wait_for_workers(&names).await;
        fleet
    }

    pub(crate) fn add_worker(&mut self, name: &str, labels: &str) {
        let mut command = self.program.command(&["job", "worker", "start", "--worker-hostname", name]);
        let child = command.env("OSAPI_JOB_WORKER_LABELS", labels).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.workers.push((name.to_owned(), child.unwrap()));
    }

    async fn wait_for_workers(&self, names: &[&str]) {
        wait_until("workers", BOUND, async || {
            let list = self.program.run("client worker list --no-headers");
            let text = String::from_utf8_lossy(&list.stdout).into_owned();
            names.iter().all(|name| text.lines().any(|line| line.starts_with(name) && line.contains("ready")))
        })
        .await;
    }

    /// Kills a worker as a crash would, and waits until the fleet knows.
    pub(crate) async fn lose(&mut self, name: &str) {
        let (_, child) = self.workers.iter_mut().find(|(known, _)| known == name).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("the loss", BOUND, async || {
            let list = self.program.run("client worker list --no-headers");
            String::from_utf8_lossy(&list.stdout).lines().any(|line| line.starts_with(name) && line.contains("lost"))
        })
        .await;
    }

    /// What the commands do against this fleet, compared with the snapshot of that name.
    pub(crate) fn check(&self, name: &str, lines: &[&str]) {
        self.compare(name, &self.program.transcript(lines));
    }

    pub(crate) fn compare(&self, name: &str, text: &str) {
        crate::program::compare(name, text, self.program.home.path());
    }

    /// The id of the newest job.
    pub(crate) fn newest_job(&self) -> String {
        let list = self.program.run("client job list --limit 1 --no-headers");
        String::from_utf8_lossy(&list.stdout).split_whitespace().next().unwrap().to_owned()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in self.workers.iter_mut().map(|(_, child)| child).chain([&mut self.server]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts an API server on a free port and gives its address.
fn serve(program: &Program) -> (Child, String) {
    let mut command = program.command(&["api", "server", "start", "--port", "0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let since = Instant::now();
    let url = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(url) = line.strip_prefix("the API server listens at ") {
            break url.to_owned();
        }
        assert!(since.elapsed() < BOUND, "the API server does not say where it listens");
    };
    // Its log is read to the end, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (child, url)
}
