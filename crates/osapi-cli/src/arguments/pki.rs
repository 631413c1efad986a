//! `pki`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use osapi_pki::Serial;

use super::examples;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum Pki {
    /// Make an authority, a server's and a client's certificate, valid for a year
    #[command(after_help = INIT)]
    Init {
        /// The folder to write them to
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        /// A name or address of the server; may be given several times
        #[arg(long, value_name = "NAME")]
        name: Vec<String>,
    },
    /// Make a further certificate
    #[command(subcommand)]
    Issue(Issue),
    /// Take a certificate back: put it on the authority's revocation list
    #[command(after_help = REVOKE)]
    Revoke {
        /// The folder of the authority
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        #[command(flatten)]
        what: Revoke,
    },
    /// Print what is in a certificate
    #[command(after_help = SHOW)]
    Show {
        /// A PEM file
        file: PathBuf,
    },
}

/// What to take back.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false)]
pub(crate) struct Revoke {
    /// The certificate, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's serial number in hex, as `pki show` prints it
    #[arg(long, value_name = "HEX")]
    pub(crate) serial: Option<Serial>,
    /// Nothing more: sign the list anew for another year
    #[arg(long)]
    pub(crate) renew: bool,
}

/// For whom.
#[derive(Debug, Subcommand)]
pub(crate) enum Issue {
    /// For a server
    #[command(after_help = ISSUE_SERVER)]
    Server {
        /// The folder of the authority
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        /// A name or address of the server; may be given several times
        #[arg(long, value_name = "NAME", required = true)]
        name: Vec<String>,
        /// What the files are called, before .pem and .key
        #[arg(long, value_name = "NAME", default_value = "server")]
        file: String,
    },
    /// For a client
    #[command(after_help = ISSUE_CLIENT)]
    Client {
        /// The folder of the authority
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        /// Who it is
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What the files are called, before .pem and .key
        #[arg(long, value_name = "NAME", default_value = "client")]
        file: String,
    },
}

const INIT: &str = examples! {
    "For this host" => "osapi pki init --dir certs",
    "For a server with a name and an address" => "osapi pki init --dir certs --name web-01.example.com --name 192.0.2.10",
};
const REVOKE: &str = examples! {
    "A certificate whose file is there" => "osapi pki revoke --dir certs --cert certs/alice.pem",
    "One by its number" => "osapi pki revoke --dir certs --serial 5f3a9c0d2b7e",
    "Before the list's year is over" => "osapi pki revoke --dir certs --renew",
};
const SHOW: &str = examples! {
    "For whom and until when" => "osapi pki show certs/server.pem",
    "For a program" => "osapi pki show certs/server.pem --json",
};
const ISSUE_SERVER: &str = examples! {
    "For another host" => "osapi pki issue server --dir certs --name web-02.example.com --file web-02",
    "With two names" => "osapi pki issue server --dir certs --name web-02 --name 192.0.2.11 --file web-02",
};
const ISSUE_CLIENT: &str = examples! {
    "For a person" => "osapi pki issue client --dir certs --name alice --file alice",
    "For a program" => "osapi pki issue client --dir certs --name backup --file backup",
};
