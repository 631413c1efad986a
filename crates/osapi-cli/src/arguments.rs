//! The command line as clap reads it: the tree of commands and their flags, and nothing of what they do.
//!
//! Every leaf ends with two examples; a test holds it to that.

pub(crate) mod audit;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod job;
pub(crate) mod network;
pub(crate) mod package;
pub(crate) mod pki;
pub(crate) mod roles;
pub(crate) mod system;
pub(crate) mod token;
pub(crate) mod worker;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::printer::{Colour, Format};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Manage a fleet of Linux hosts: one program for broker, API server, worker and command line
#[derive(Debug, Parser)]
#[command(name = "osapi", version, styles = STYLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The configuration file; OSAPI_OSAPIFILE or /etc/osapi/osapi.yaml when left out
    #[arg(short = 'f', long, global = true, value_name = "FILE")]
    pub(crate) osapi_file: Option<PathBuf>,

    /// Log at debug level and trace to stdout
    #[arg(short, long, global = true)]
    pub(crate) debug: bool,

    /// Print the API's answer untouched
    #[arg(short, long, global = true, conflicts_with = "format")]
    pub(crate) json: bool,

    /// How to print what a command gives: table, wide, json, yaml or jsonl
    #[arg(short = 'o', long, global = true, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<Format>,

    /// Leave the heads of tables out
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,

    /// Print nothing but data and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// When to use colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: Colour,
}

impl Global {
    /// No flags, and nothing printed: for questions a shell asks.
    pub(crate) const fn silent() -> Self {
        Self {
            osapi_file: None,
            debug: false,
            json: false,
            format: None,
            no_headers: false,
            quiet: true,
            color: Colour::Never,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it out: write a local configuration, start everything and ask the first questions
    #[command(after_help = roles::QUICKSTART)]
    Quickstart(roles::Quickstart),

    /// Start broker, API server and worker in one process tree
    #[command(after_help = roles::START)]
    Start(roles::Start),

    /// The message broker that keeps jobs and carries them to workers
    #[command(subcommand)]
    Nats(roles::Nats),

    /// The API server that people and programs talk to
    #[command(subcommand)]
    Api(roles::Api),

    /// The worker that carries jobs out on its host
    #[command(subcommand)]
    Job(roles::Job),

    /// Ask and command hosts through the API server
    Client(client::Client),

    /// Make, check and revoke the tokens that the API server asks for
    #[command(subcommand)]
    Token(token::Token),

    /// A certificate authority of your own
    #[command(subcommand)]
    Pki(pki::Pki),

    /// Write, check and show the configuration
    #[command(subcommand)]
    Config(config::Config),

    /// API servers to talk to, by name
    #[command(subcommand)]
    Context(context::Context),

    /// Print the version
    #[command(after_help = VERSION)]
    Version,

    /// Print a script that completes commands in a shell
    #[command(after_help = COMPLETION)]
    Completion {
        /// The shell
        shell: Shell,
    },

    /// Write a manual page for every command
    #[command(hide = true, after_help = MANUAL)]
    Manual {
        /// The folder to write them to
        folder: PathBuf,
    },
}

const EXIT_STATUS: &str = "\u{1b}[1;32mExit status:\u{1b}[0m
  0  everything went well
  1  the command line or the configuration is wrong, or something on this machine failed
  2  some hosts did it and some did not
  3  no host did it
  4  a server or host could not be reached, or did not answer in time
  5  refused: no valid token, or a permission is missing
  6  what was named does not exist";

/// Examples under the help of a command, one a line: what it does and how.
macro_rules! examples {
    ($($what:literal => $how:literal),+ $(,)?) => {
        concat!("\u{1b}[1;32mExamples:\u{1b}[0m", $("\n  ", $what, "\n    ", $how,)+)
    };
}
pub(crate) use examples;

const VERSION: &str = examples! {
    "Which version is this" => "osapi version",
    "For a program" => "osapi version --json",
};

const COMPLETION: &str = examples! {
    "For bash, in every new shell" => "osapi completion bash > ~/.local/share/bash-completion/completions/osapi",
    "For fish" => "osapi completion fish > ~/.config/fish/completions/osapi.fish",
};

const MANUAL: &str = examples! {
    "For this user" => "osapi manual ~/.local/share/man/man1",
    "For a package" => "osapi manual dist/man1",
};
