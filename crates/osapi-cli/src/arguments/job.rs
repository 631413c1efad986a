//! `client job`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use osapi_core::{HostName, JobId, JobState, Target};

use super::examples;

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Submit a job from a file and return at once
    #[command(after_help = ADD)]
    Add(Submit),
    /// Submit a job from a file and wait for its end
    #[command(after_help = RUN)]
    Run(Submit),
    /// List jobs, newest first
    #[command(after_help = LIST)]
    List(List),
    /// Everything about one job
    #[command(after_help = GET)]
    Get(Which),
    /// Follow a job until its end
    #[command(after_help = WATCH)]
    Watch(Which),
    /// What happened to a job, line by line
    #[command(after_help = LOGS)]
    Logs {
        #[command(flatten)]
        job: Which,
        /// Stay until its end
        #[arg(long)]
        follow: bool,
    },
    /// Call a job off
    #[command(after_help = CANCEL)]
    Cancel(Which),
    /// Submit a job again
    #[command(after_help = RETRY)]
    Retry {
        #[command(flatten)]
        job: Which,
        /// For whom instead of the first target
        #[arg(long, value_name = "TARGET", add = crate::complete::targets())]
        to: Option<Target>,
    },
    /// Remove a job and its results
    #[command(after_help = DELETE)]
    Delete(Which),
    /// Jobs counted, live on a terminal
    #[command(after_help = STATUS)]
    Status {
        /// Seconds between two looks
        #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
        poll_interval_seconds: u64,
        /// Print once instead of staying
        #[arg(long)]
        once: bool,
    },
    /// The workers, as `osapi client worker`
    Workers {
        /// What to do; list them when left out
        #[command(subcommand)]
        what: Option<Workers>,
    },
    /// Messages that could not become or reach a job
    #[command(subcommand)]
    DeadLetter(DeadLetter),
}

/// What to do with workers.
#[derive(Debug, Subcommand)]
pub(crate) enum Workers {
    /// List them
    #[command(after_help = WORKERS)]
    List,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetter {
    /// List them, newest first
    #[command(after_help = DEAD_LIST)]
    List,
    /// One of them
    #[command(after_help = DEAD_GET)]
    Get {
        /// Its number
        sequence: u64,
    },
    /// Send its job again
    #[command(after_help = DEAD_REQUEUE)]
    Requeue {
        /// Its number
        sequence: u64,
    },
    /// Remove it
    #[command(after_help = DEAD_DROP)]
    Drop {
        /// Its number
        sequence: u64,
    },
}

/// Which job.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["id", "job_id"]))]
pub(crate) struct Which {
    /// The job
    #[arg(value_name = "JOB", value_parser = job_id, add = crate::complete::jobs())]
    id: Option<JobId>,
    /// The job
    #[arg(long, value_name = "JOB", value_parser = job_id)]
    job_id: Option<JobId>,
}

impl Which {
    /// The job; clap has made sure that there is one.
    pub(crate) fn job(&self) -> JobId {
        self.id.or(self.job_id).expect("the group demands one of the two")
    }
}

/// What to submit.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// A file with the operation, `{"type": "…", "data": {…}}`; - for stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) json_file: PathBuf,
    /// Submitting twice under one key makes one job
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Nobody starts it later than this after submission, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = super::client::duration)]
    pub(crate) expires_after: Option<std::time::Duration>,
    /// Accepted for old scripts; the job is followed live
    #[arg(short = 'p', long, hide = true)]
    pub(crate) poll_interval: Option<u64>,
}

/// Which jobs to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// In this state, such as failed
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub(crate) status: Option<JobState>,
    /// Of this operation, such as network.dns.update
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Option<String>,
    /// With a row for this host
    #[arg(long, value_name = "HOST")]
    pub(crate) hostname: Option<HostName>,
    /// Accepted at or after this time, such as 2026-11-21T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// Accepted before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
    /// At most this many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
    /// Leave this many out first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: usize,
}

fn job_id(text: &str) -> Result<JobId, String> {
    text.parse().map_err(|_| "a job's id is a UUID, as `osapi client job list` shows it".to_owned())
}

fn state(text: &str) -> Result<JobState, String> {
    text.parse().map_err(|failure: osapi_core::Failure| failure.message)
}

const ADD: &str = examples! {
    "From a file" => "osapi client job add --json-file ping.json --target web-01",
    "From stdin" => "echo '{\"type\": \"system.uptime.get\"}' | osapi client job add --json-file -",
};
const RUN: &str = examples! {
    "And show what came of it" => "osapi client job run --json-file ping.json --target _all",
    "For at most ten minutes" => "osapi client job run --json-file dns.json --target web-01 --timeout 10m",
};
const LIST: &str = examples! {
    "The last ten" => "osapi client job list",
    "All that failed on one host" => "osapi client job list --status failed --hostname web-01 --limit 0",
};
const GET: &str = examples! {
    "With every host's row" => "osapi client job get 01938c8e-7b3a-7000-8000-000000000000",
    "One result for a program" => "osapi client job get 01938c8e-7b3a-7000-8000-000000000000 --json | jq '.results[0].data'",
};
const WATCH: &str = examples! {
    "Until it ends" => "osapi client job watch 01938c8e-7b3a-7000-8000-000000000000",
    "Events for a program" => "osapi client job watch 01938c8e-7b3a-7000-8000-000000000000 -o jsonl",
};
const LOGS: &str = examples! {
    "So far" => "osapi client job logs 01938c8e-7b3a-7000-8000-000000000000",
    "And go on" => "osapi client job logs --follow 01938c8e-7b3a-7000-8000-000000000000",
};
const CANCEL: &str = examples! {
    "One job" => "osapi client job cancel 01938c8e-7b3a-7000-8000-000000000000",
    "As the public project spells it" => "osapi client job cancel --job-id 01938c8e-7b3a-7000-8000-000000000000",
};
const RETRY: &str = examples! {
    "For the same target" => "osapi client job retry 01938c8e-7b3a-7000-8000-000000000000",
    "For one host only" => "osapi client job retry 01938c8e-7b3a-7000-8000-000000000000 --to web-01",
};
const DELETE: &str = examples! {
    "One job" => "osapi client job delete 01938c8e-7b3a-7000-8000-000000000000",
    "As the public project spells it" => "osapi client job delete --job-id 01938c8e-7b3a-7000-8000-000000000000",
};
const STATUS: &str = examples! {
    "Live, q ends it" => "osapi client job status",
    "Once, for a program" => "osapi client job status --json",
};
const WORKERS: &str = examples! {
    "As the public project spells it" => "osapi client job workers list",
    "The same" => "osapi client worker list",
};
const DEAD_LIST: &str = examples! {
    "All" => "osapi client job dead-letter list",
    "For a program" => "osapi client job dead-letter list --json",
};
const DEAD_GET: &str = examples! {
    "One" => "osapi client job dead-letter get 42",
    "For a program" => "osapi client job dead-letter get 42 --json",
};
const DEAD_REQUEUE: &str = examples! {
    "Try its job again" => "osapi client job dead-letter requeue 42",
    "For a program" => "osapi client job dead-letter requeue 42 --json",
};
const DEAD_DROP: &str = examples! {
    "Forget it" => "osapi client job dead-letter drop 42",
    "In a script" => "osapi client job dead-letter drop 42 --quiet",
};
