//! `client`: everything that goes through the API server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use osapi_core::Target;

use super::{audit, examples, job, network, package, system, worker};

/// `client` with its flags.
#[derive(Debug, Args)]
pub(crate) struct Client {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) submission: Submission,
    #[command(subcommand)]
    pub(crate) command: ClientCommand,
}

/// Which API server, and how to prove who asks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "API server")]
pub(crate) struct Connection {
    /// The API server, such as https://osapi.example.com
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The named API server to use; OSAPI_CONTEXT or the current one when left out
    #[arg(long, global = true, value_name = "NAME", add = crate::complete::contexts())]
    pub(crate) context: Option<String>,
    /// A file with the token to show
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The authority the server's certificate must come from
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// For whom, and how to wait.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Target and waiting")]
pub(crate) struct Submission {
    /// For whom: _any, _all, a host, or a label such as group:web
    #[arg(short = 'T', long, global = true, visible_alias = "target-hostname", default_value = "_any")]
    #[arg(add = crate::complete::targets())]
    pub(crate) target: Target,
    /// How long to wait for the answer, such as 30s or 10m
    #[arg(short = 't', long, global = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// Wait until every host has answered, showing how it goes
    #[arg(long, global = true, overrides_with = "no_wait")]
    pub(crate) wait: bool,
    /// Print the job and return at once
    #[arg(long, global = true, overrides_with = "wait")]
    pub(crate) no_wait: bool,
    /// Accept a target that nobody answers to yet, and wait for one
    #[arg(long, global = true)]
    pub(crate) queue: bool,
    /// Do not ask before a change to several hosts
    #[arg(short = 'y', long, global = true)]
    pub(crate) yes: bool,
}

impl Default for Submission {
    fn default() -> Self {
        Self { target: Target::Any, timeout: None, wait: false, no_wait: false, queue: false, yes: false }
    }
}

/// What to ask or command.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Host name, status, operating system, disks, memory, load, services, restart
    #[command(subcommand)]
    System(system::System),
    /// Name servers and reachability
    #[command(subcommand)]
    Network(network::Network),
    /// Packages
    #[command(subcommand)]
    Package(package::Package),
    /// Jobs: submit, look at, follow, cancel
    #[command(subcommand)]
    Job(job::Job),
    /// Workers: the hosts that carry jobs out
    #[command(subcommand, visible_alias = "workers")]
    Worker(worker::Worker),
    /// Who did what and when
    #[command(subcommand)]
    Audit(audit::Audit),
    /// How the API server and its parts do
    #[command(after_help = HEALTH)]
    Health {
        /// What to ask; whether it is alive when left out
        #[command(subcommand)]
        question: Option<Health>,
    },
    /// The API server's metrics, as Prometheus reads them
    #[command(after_help = METRICS)]
    Metrics,
    /// The API server's version
    #[command(after_help = VERSION)]
    Version,
    /// The API server's OpenAPI document
    #[command(after_help = OPENAPI)]
    Openapi,
}

/// What to ask about health.
#[derive(Debug, Subcommand)]
pub(crate) enum Health {
    /// Whether it can serve; tells by its exit status too
    #[command(after_help = HEALTH_READY)]
    Ready,
    /// How each part does
    #[command(after_help = HEALTH_STATUS)]
    Status,
}

/// A duration with its unit.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let parsed = osapi_settings::parse_duration(text);
    // A bare number means seconds, as the public project's flags have it.
    let parsed = parsed.or_else(|| text.parse().ok().map(std::time::Duration::from_secs));
    parsed
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "write a number with its unit, such as 30s or 10m".to_owned())
}

const HEALTH: &str = examples! {
    "Is it alive" => "osapi client health",
    "In a script" => "osapi client health -q || systemctl restart osapi-api",
};
const HEALTH_READY: &str = examples! {
    "Can it serve" => "osapi client health ready",
    "Wait until it can" => "until osapi client health ready -q; do sleep 1; done",
};
const HEALTH_STATUS: &str = examples! {
    "Every part" => "osapi client health status",
    "For a program" => "osapi client health status --json",
};
const METRICS: &str = examples! {
    "All" => "osapi client metrics",
    "Those about jobs" => "osapi client metrics | grep osapi_jobs",
};
const VERSION: &str = examples! {
    "Which version serves" => "osapi client version",
    "Of another server" => "osapi client version --url https://osapi.example.com",
};
const OPENAPI: &str = examples! {
    "Into a file" => "osapi client openapi > openapi.json",
    "The paths in it" => "osapi client openapi | jq '.paths | keys'",
};
