//! `config`.

use std::path::PathBuf;

use clap::Subcommand;

use super::client::Connection;
use super::examples;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Write a configuration with a fresh signing key, and an administrator's token beside it
    #[command(after_help = INIT)]
    Init {
        /// The folder to write `osapi.yaml` and `admin.token` to
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        dir: PathBuf,
    },
    /// Say whether the configuration is right, and everything that is wrong with it
    #[command(after_help = CHECK)]
    Check,
    /// Print every key with its value and where that comes from, secrets masked
    #[command(after_help = SHOW)]
    Show {
        #[command(flatten)]
        connection: Connection,
        /// Only keys that were given
        #[arg(long)]
        given: bool,
    },
    /// Print what every key means, in Markdown
    #[command(after_help = REFERENCE)]
    Reference,
}

const INIT: &str = examples! {
    "For this host" => "osapi config init --dir /etc/osapi",
    "To look at" => "osapi config init --dir /tmp/osapi",
};
const CHECK: &str = examples! {
    "That of this host" => "osapi config check",
    "Another one, before it is put in place" => "osapi -f new.yaml config check",
};
const SHOW: &str = examples! {
    "Every key" => "osapi config show",
    "Only what differs from the defaults" => "osapi config show --given",
};
const REFERENCE: &str = examples! {
    "As the documentation has it" => "osapi config reference > docs/configuration.md",
    "One key" => "osapi config reference | grep nats.server.port",
};
