//! `client package`.

use clap::Subcommand;
use osapi_core::operation::Operation;
use osapi_core::package::PackageFilter;

use super::examples;

/// What to ask or command.
#[derive(Debug, Subcommand)]
pub(crate) enum Package {
    /// Installed packages
    #[command(after_help = LIST)]
    List {
        /// Only those whose name contains this
        #[arg(long)]
        name: Option<String>,
    },
}

impl Package {
    /// What it asks of a host.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::List { name } => Operation::PackageListGet(PackageFilter { name }),
        }
    }
}

const LIST: &str = examples! {
    "Which openssl has every host" => "osapi client package list --name openssl --target _all",
    "All of one host, one a line" => "osapi client package list --target web-01 --no-headers",
};
