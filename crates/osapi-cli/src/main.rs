//! The program `osapi`: reads the command line, does what it says, and ends with a status scripts can rely on.

mod arguments;
mod commands;
mod complete;
mod context;
mod exit_status;
mod failure;
mod printer;
mod remote;
mod render;
mod roles;
mod session;
mod settings;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use osapi_settings::Environment;

use arguments::Arguments;
use exit_status::ExitStatus;
use session::Session;

fn main() -> ExitCode {
    // When a shell asks for completions we answer that and nothing else.
    clap_complete::CompleteEnv::with_factory(Arguments::command).complete();
    let arguments = match Arguments::command().try_get_matches() {
        Ok(matches) => Arguments::from_arg_matches(&matches),
        Err(error) => Err(error),
    };
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let session = Session::new(&arguments.global, Environment::of_process());
    let status = commands::run(&session, arguments.command).unwrap_or_else(|failure| {
        session.printer.fail(&failure);
        failure.status
    });
    status.into()
}

/// Help and version go to stdout and are no failure; a wrong command line is one.
fn usage(error: &clap::Error) -> ExitCode {
    // A reader who has gone away needs no help.
    let _ = error.print();
    if error.use_stderr() { ExitStatus::Usage.into() } else { ExitStatus::Ok.into() }
}
