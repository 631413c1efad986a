//! Workers, API server and broker are processes of their own and are killed with SIGKILL.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use osapi_core::{HostStatus, JobId, JobState};
use osapi_jobs::{JobFilter, Jobs, JobsError, PageRequest, RetentionSettings, Submission, WorkerSettings};
use osapi_testkit::{Cluster, wait_until};
use tempfile::TempDir;

use crate::fleet::{Fleet, Hands, api, change, connect, host, settings, start};

/// How long everything together may take to settle.
const SETTLE: Duration = Duration::from_secs(120);

/// A program of the examples of this crate.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is not built: run `cargo test -p osapi-jobs`, without `--test`", program.display());
    program
}

/// A process that is killed when dropped.
struct Process(Child);

impl Process {
    fn worker(address: &str, name: &str, folder: &Path, work_ms: u32) -> Self {
        let mut command = Command::new(program("jobs_worker"));
        command.args([address, name]).arg(folder).arg(work_ms.to_string());
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often each job was carried out, as the operations themselves left it on disk.
fn executions(folder: &Path) -> BTreeMap<JobId, usize> {
    let mut counts = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let job = name.split('.').next().unwrap().parse().unwrap();
        *counts.entry(job).or_default() += 1;
    }
    counts
}

/// Chance that comes out the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Submits a change as often as it takes until it is accepted.
async fn submit(jobs: &Jobs, submission: &Submission) -> JobId {
    // `wait_for` cannot be used in a task of its own: its condition borrows.
    let deadline = tokio::time::Instant::now() + SETTLE;
    while tokio::time::Instant::now() < deadline {
        match jobs.submit(submission.clone()).await {
            Ok(submitted) => return submitted.job_id,
            Err(JobsError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("not accepted in {SETTLE:?}")
}

/// Submits changes, each as often as it takes and some at once, so that the workers never want for work.
async fn submit_all(jobs: &Jobs, count: usize) -> Vec<JobId> {
    let submitting = (0..count).map(|number| async move {
        let submission = Submission {
            idempotency_key: Some(format!("change-{number}")),
            expires_after: Duration::from_secs(600),
            queue: true,
            ..change("_any")
        };
        submit(jobs, &submission).await
    });
    stream::iter(submitting).buffered(AT_ONCE).collect().await
}

/// How many changes are on their way to the broker at once.
const AT_ONCE: usize = 16;

/// How many workers are killed while 500 changes run; the broker dies at every tenth.
const KILLS: u64 = 40;

/// Jobs that are over.
fn over(jobs: &Jobs) -> u64 {
    let counts = jobs.stats().status_counts;
    counts.into_iter().filter(|(state, _)| state.is_final()).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_changes_survive_the_death_of_workers_and_broker() {
    let mut fleet = Fleet::start().await;
    let folder = TempDir::new().unwrap();
    let address = fleet.broker.address();
    let begin = |number: u64| Process::worker(&address, &format!("worker-{number}"), folder.path(), 20);
    let mut workers: Vec<Process> = (0..5).map(begin).collect();
    wait_until("five workers", SETTLE, async || fleet.jobs.workers().len() == 5).await;
    let submitting = {
        let jobs = fleet.jobs.clone();
        tokio::spawn(async move { submit_all(&jobs, 500).await })
    };
    let mut chance = Chance(7);
    for kill in 1..=KILLS {
        // In step with the work, so that a slow machine sees the same test.
        wait_until("the work to go on", SETTLE, async || over(&fleet.jobs) >= kill * 12).await;
        let number = chance.below(5);
        let victim = usize::try_from(number).unwrap();
        drop(workers.remove(victim));
        workers.insert(victim, begin(number));
        if kill % 10 == 0 {
            fleet.broker.kill();
            fleet.broker.restart().await;
        }
    }
    let accepted = submitting.await.unwrap();
    let mut states: BTreeMap<JobState, usize> = BTreeMap::new();
    for job in &accepted {
        let detail = fleet.jobs.wait(*job, SETTLE).await.unwrap();
        *states.entry(detail.status).or_default() += 1;
        let times = executions(folder.path()).get(job).copied().unwrap_or(0);
        match detail.status {
            JobState::Completed => assert_eq!(times, 1, "{job} completed"),
            JobState::Interrupted => {
                assert!(times <= 1, "{job} ran {times} times");
                let row = &detail.results[0];
                assert_eq!(row.status, HostStatus::Interrupted);
                let message = &row.error.as_ref().unwrap().message;
                assert!(message.contains(row.hostname.as_str()), "{message} does not name {}", row.hostname);
            }
            other => panic!("{job} is {other}"),
        }
    }
    println!("{KILLS} workers killed: {states:?}");
    assert_eq!(accepted.iter().collect::<std::collections::BTreeSet<_>>().len(), 500);
    assert_eq!(fleet.jobs.stats().total_jobs, 500, "none lost, none duplicated");
    assert!(executions(folder.path()).values().all(|times| *times == 1));
    assert!(states.contains_key(&JobState::Interrupted), "no kill hit a change; the test shows nothing");
}

#[tokio::test]
async fn what_a_killed_api_server_accepted_or_half_accepted_is_run_once() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    let mut accepted: Vec<JobId> = Vec::new();
    for round in 0..5 {
        let mut command = Command::new(program("jobs_submitter"));
        command.arg(fleet.broker.address()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut submitter = Process(command.spawn().unwrap());
        let output = submitter.0.stdout.take().unwrap();
        let told = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let mut told: Vec<String> = lines.by_ref().take(20 + round * 3).collect();
            submitter.0.kill().unwrap();
            told.extend(lines);
            told
        });
        // A line may have been cut off by the kill.
        accepted.extend(told.await.unwrap().iter().filter_map(|line| line.parse::<JobId>().ok()));
    }
    let everything = JobFilter::default();
    let page = PageRequest { limit: 1000, cursor: None, offset: 0 };
    let all: Vec<JobId> = fleet.jobs.list(&everything, &page).unwrap().items.iter().map(|item| item.id).collect();
    assert!(all.len() >= accepted.len() && all.len() < 1000);
    for job in accepted.iter().chain(&all) {
        assert_eq!(fleet.jobs.wait(*job, SETTLE).await.unwrap().status, JobState::Completed, "{job}");
        assert_eq!(hands.count(*job), 1, "{job}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_loses_a_node_and_no_accepted_job() {
    let mut cluster = Cluster::start().await;
    let connection = connect(&cluster.addresses(), "").await;
    let retention = RetentionSettings { replicas: 3, ..RetentionSettings::default() };
    wait_until("the cluster to form", SETTLE, async || connection.prepare(&retention).await.is_ok()).await;
    let shutdown = tokio_util::sync::CancellationToken::new();
    let jobs = api(connection, shutdown.clone()).await;
    let hands = Hands::default();
    let mut workers = Vec::new();
    for name in ["web-01", "web-02"] {
        // Longer than the cluster takes to agree on a new leader, as any sensible heartbeat is.
        let settings = WorkerSettings { heartbeat: Duration::from_secs(3), ..settings(name, &[]) };
        workers.push(start(connect(&cluster.addresses(), "").await, settings, hands.clone()));
        wait_until("the worker", SETTLE, async || jobs.worker(&host(name)).is_ok()).await;
    }
    let submitting = {
        let jobs = jobs.clone();
        tokio::spawn(async move { submit_all(&jobs, 150).await })
    };
    wait_until("the load", SETTLE, async || jobs.stats().total_jobs >= 30).await;
    cluster.nodes[1].kill();
    wait_until("more load", SETTLE, async || jobs.stats().total_jobs >= 90).await;
    cluster.nodes[1].restart().await;
    for job in submitting.await.unwrap() {
        let detail = jobs.wait(job, SETTLE).await.unwrap();
        assert_eq!((detail.status, hands.count(job)), (JobState::Completed, 1), "{job}");
    }
    assert_eq!(hands.total(), 150);
    shutdown.cancel();
}
