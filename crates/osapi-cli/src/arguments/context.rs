//! `context`.

use std::path::PathBuf;

use clap::Subcommand;

use super::examples;

/// What to do with named API servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Context {
    /// List them; the current one is marked
    #[command(after_help = LIST)]
    List,
    /// Make one the current one
    #[command(after_help = USE)]
    Use {
        /// Its name
        #[arg(add = crate::complete::contexts())]
        name: String,
    },
    /// Add one or change it
    #[command(after_help = SET)]
    Set {
        /// Its name
        name: String,
        /// The API server
        #[arg(long)]
        url: Option<String>,
        /// A file with the token to show
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Read the token to show from stdin and keep it
        #[arg(long, conflicts_with = "token_file")]
        token_stdin: bool,
        /// The authority the server's certificate must come from
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
    /// Remove one
    #[command(after_help = REMOVE)]
    Remove {
        /// Its name
        #[arg(add = crate::complete::contexts())]
        name: String,
    },
}

const LIST: &str = examples! {
    "All" => "osapi context list",
    "For a program" => "osapi context list --json",
};
const USE: &str = examples! {
    "From now on" => "osapi context use production",
    "For one command only" => "osapi client system status --context production",
};
const SET: &str = examples! {
    "With a token from a file" => "osapi context set production --url https://osapi.example.com --token-file ~/.osapi-token",
    "With a token that is kept" => "osapi context set production --token-stdin < token",
};
const REMOVE: &str = examples! {
    "One" => "osapi context remove production",
    "In a script" => "osapi context remove production --quiet",
};
