//! `client worker`.

use clap::Subcommand;
use osapi_core::HostName;

use super::examples;

/// What to do with workers.
#[derive(Debug, Subcommand)]
pub(crate) enum Worker {
    /// List them
    #[command(after_help = LIST)]
    List,
    /// Everything about one
    #[command(after_help = GET)]
    Get {
        /// Its name
        #[arg(value_name = "HOST", add = crate::complete::hosts())]
        hostname: HostName,
    },
    /// Let it finish what it has and give it no more
    #[command(after_help = DRAIN, alias = "cordon")]
    Drain {
        /// Its name
        #[arg(value_name = "HOST", add = crate::complete::hosts())]
        hostname: HostName,
    },
    /// Give it jobs again
    #[command(after_help = RESUME, aliases = ["undrain", "uncordon"])]
    Resume {
        /// Its name
        #[arg(value_name = "HOST", add = crate::complete::hosts())]
        hostname: HostName,
    },
    /// Forget one that is stopped or lost
    #[command(after_help = FORGET, aliases = ["delete", "remove"])]
    Forget {
        /// Its name
        #[arg(value_name = "HOST", add = crate::complete::hosts())]
        hostname: HostName,
    },
}

const LIST: &str = examples! {
    "All" => "osapi client worker list",
    "With versions and machine ids" => "osapi client worker list -o wide",
};
const GET: &str = examples! {
    "One" => "osapi client worker get web-01",
    "What it can do" => "osapi client worker get web-01 --json | jq .capabilities",
};
const DRAIN: &str = examples! {
    "Before maintenance" => "osapi client worker drain web-01",
    "And back" => "osapi client worker resume web-01",
};
const RESUME: &str = examples! {
    "After maintenance" => "osapi client worker resume web-01",
    "For a program" => "osapi client worker resume web-01 --json",
};
const FORGET: &str = examples! {
    "A host that is gone for good" => "osapi client worker forget web-01",
    "In a script" => "osapi client worker forget web-01 --quiet",
};
