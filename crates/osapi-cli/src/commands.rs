//! What each command does: free functions of the session that give an exit status or say why not.

mod audit;
mod carry_out;
mod completion;
mod config;
mod confirm;
mod context;
mod follow;
mod health;
mod job;
mod job_status;
mod pki;
mod quickstart;
mod start;
mod token;
mod worker;

use crate::arguments::Command;
use crate::arguments::client::{Client, ClientCommand};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::session::Session;

/// Does what the command line says.
pub(crate) fn run(session: &Session, command: Command) -> Result<ExitStatus, Failure> {
    match command {
        Command::Quickstart(arguments) => quickstart::quickstart(session, &arguments),
        Command::Start(arguments) => start::all(session, &arguments.api),
        Command::Nats(arguments) => start::nats(session, &arguments),
        Command::Api(arguments) => start::api(session, &arguments),
        Command::Job(arguments) => start::job(session, &arguments),
        Command::Client(arguments) => client(session, arguments),
        Command::Token(arguments) => token::run(session, arguments),
        Command::Pki(arguments) => pki::run(session, arguments),
        Command::Config(arguments) => config::run(session, arguments),
        Command::Context(arguments) => context::run(session, arguments),
        Command::Version => completion::version(session),
        Command::Completion { shell } => completion::script(session, shell),
        Command::Manual { folder } => completion::manual(session, &folder),
    }
}

fn client(session: &Session, arguments: Client) -> Result<ExitStatus, Failure> {
    let Client { connection, submission, command } = arguments;
    let remote = Remote::new(session, &connection, submission)?;
    remote.block_on(async {
        match command {
            ClientCommand::System(system) => carry_out::carry_out(&remote, system.operation()).await,
            ClientCommand::Network(network) => match network.operation() {
                Some(operation) => carry_out::carry_out(&remote, operation).await,
                None => Err(Failure::usage("an address is needed")),
            },
            ClientCommand::Package(package) => carry_out::carry_out(&remote, package.operation()).await,
            ClientCommand::Job(job) => job::run(&remote, job).await,
            ClientCommand::Worker(worker) => worker::run(&remote, worker).await,
            ClientCommand::Audit(audit) => audit::run(&remote, audit).await,
            ClientCommand::Health { question } => health::health(&remote, question.as_ref()).await,
            ClientCommand::Metrics => health::metrics(&remote).await,
            ClientCommand::Version => health::version(&remote).await,
            ClientCommand::Openapi => health::openapi(&remote).await,
        }
    })
}
