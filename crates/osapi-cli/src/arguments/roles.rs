//! `quickstart`, `start` and the start of each role.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::examples;

/// Flags of `quickstart`.
#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Where configuration, keys and data go; used again if they are there
    #[arg(long, value_name = "FOLDER", default_value = ".local")]
    pub(crate) dir: PathBuf,

    /// Stop after the first questions instead of staying
    #[arg(long)]
    pub(crate) once: bool,
}

/// Flags of `start`.
#[derive(Debug, Default, Args)]
pub(crate) struct Start {
    #[command(flatten)]
    pub(crate) api: ApiStart,
}

/// The broker.
#[derive(Debug, Subcommand)]
pub(crate) enum Nats {
    /// The nats-server that comes with this program
    #[command(subcommand)]
    Server(NatsServer),
}

/// What to do with the broker.
#[derive(Debug, Subcommand)]
pub(crate) enum NatsServer {
    /// Start it and stay until told to stop
    #[command(after_help = NATS_START)]
    Start,
}

/// The API.
#[derive(Debug, Subcommand)]
pub(crate) enum Api {
    /// The REST API
    #[command(subcommand)]
    Server(ApiServer),
}

/// What to do with the API server.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiServer {
    /// Start it and stay until told to stop
    #[command(after_help = API_START)]
    Start(ApiStart),
    /// Print the OpenAPI document of the server in this program
    #[command(after_help = OPENAPI)]
    Openapi,
}

/// Flags of `api server start`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ApiStart {
    /// TCP port to listen on; 0 for one that is free
    #[arg(short, long)]
    pub(crate) port: Option<u16>,
}

/// Jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// The worker of this host
    #[command(subcommand)]
    Worker(JobWorker),
}

/// What to do with the worker.
#[derive(Debug, Subcommand)]
pub(crate) enum JobWorker {
    /// Start it and stay until told to stop
    #[command(after_help = WORKER_START)]
    Start(Box<WorkerStart>),
}

/// Flags of `job worker start`; each stands for a key.
#[derive(Debug, Args)]
pub(crate) struct WorkerStart {
    /// Address of the broker
    #[arg(long, value_name = "HOST")]
    pub(crate) worker_host: Option<String>,
    /// TCP port of the broker
    #[arg(long, value_name = "PORT")]
    pub(crate) worker_port: Option<String>,
    /// Name the broker shows for this worker
    #[arg(long, value_name = "NAME")]
    pub(crate) worker_client_name: Option<String>,
    /// Name to be routed by instead of the host name
    #[arg(long, value_name = "NAME")]
    pub(crate) worker_hostname: Option<String>,
    /// How many jobs at once
    #[arg(long, value_name = "N")]
    pub(crate) worker_max_jobs: Option<String>,
    /// How long a job may be held without a sign of life
    #[arg(long, value_name = "DURATION")]
    pub(crate) consumer_ack_wait: Option<String>,
    /// Accepted for old unit files, without effect
    #[arg(long, hide = true)]
    pub(crate) worker_queue_group: Option<String>,
    /// Accepted for old unit files, without effect
    #[arg(long, hide = true)]
    pub(crate) consumer_max_deliver: Option<String>,
    /// Accepted for old unit files, without effect
    #[arg(long, hide = true)]
    pub(crate) consumer_max_ack_pending: Option<String>,
    /// Accepted for old unit files, without effect
    #[arg(long, hide = true)]
    pub(crate) consumer_replay_policy: Option<String>,
    /// Accepted for old unit files, without effect
    #[arg(long, hide = true)]
    pub(crate) consumer_back_off: Option<String>,
}

pub(crate) const QUICKSTART: &str = examples! {
    "Everything on this host, in the folder .local" => "osapi quickstart",
    "In another folder, only to see that it works" => "osapi quickstart --dir /tmp/osapi --once",
};
pub(crate) const START: &str = examples! {
    "Broker, API server and worker of this host" => "osapi start",
    "With another configuration, on a free port" => "osapi -f osapi.yaml start --port 0",
};
const NATS_START: &str = examples! {
    "With /etc/osapi/osapi.yaml" => "osapi nats server start",
    "On every address" => "OSAPI_NATS_SERVER_HOST=0.0.0.0 osapi nats server start",
};
const API_START: &str = examples! {
    "With /etc/osapi/osapi.yaml" => "osapi api server start",
    "On another port" => "osapi api server start --port 9090",
};
const OPENAPI: &str = examples! {
    "Into a file" => "osapi api server openapi > openapi.json",
    "The paths in it" => "osapi api server openapi | jq '.paths | keys'",
};
const WORKER_START: &str = examples! {
    "With /etc/osapi/osapi.yaml" => "osapi job worker start",
    "Of a broker elsewhere, under another name" => "osapi job worker start --worker-host nats.example.com --worker-hostname web-01",
};
