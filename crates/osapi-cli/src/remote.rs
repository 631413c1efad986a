//! The API server as commands reach it: which one, as whom, and what its refusals mean.

use std::future::Future;
use std::time::Duration;

use osapi_client::{Answer, Client, ClientError, ClientSettings};
use osapi_core::ErrorCode;
use osapi_settings::{Environment, Layer, SecretString};

use crate::arguments::client::{Connection, Submission};
use crate::context::Contexts;
use crate::exit_status::ExitStatus;
use crate::failure::{Failure, chain};
use crate::printer::{Format, Printer};
use crate::roles;
use crate::session::Session;
use crate::settings::{LogSettings, Need, Settings, Sources};

/// How long a request may take when nobody says otherwise: longer than the server waits by itself.
const PATIENCE: Duration = Duration::from_secs(65);

/// The API server, and how this command uses it.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) client: Client,
    pub(crate) printer: Printer,
    pub(crate) url: String,
    pub(crate) submission: Submission,
    pub(crate) metrics_path: String,
    pub(crate) has_token: bool,
    log: LogSettings,
    environment: Environment,
}

impl Remote {
    /// The API server that flags, environment, context and file name, in this order.
    pub(crate) fn new(session: &Session, connection: &Connection, submission: Submission) -> Result<Self, Failure> {
        let settings = settings(session, connection)?;
        let client = client_settings(&settings, submission.timeout)?;
        Ok(Self {
            has_token: client.token.is_some(),
            url: client.url.clone(),
            client: Client::new(&client).map_err(|error| Failure::of(&error))?,
            printer: session.printer.clone(),
            submission,
            metrics_path: settings.api.metrics.path,
            log: settings.log,
            environment: session.environment.clone(),
        })
    }

    /// Runs a command against it. Logs are set up only where somebody wants to see them.
    pub(crate) fn block_on<T>(&self, body: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        if self.log.debug {
            return roles::block_on(&self.log, "debug", &self.environment, body);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| Failure::of(&error))?.block_on(body)
    }

    /// What a refusal or a failure of the transport means to the person. A body that came is data where JSON is wanted.
    pub(crate) fn failure(&self, error: &ClientError) -> Failure {
        if let (ClientError::Refused { text, .. }, Format::Json | Format::Jsonl) = (error, self.printer.format)
            && let Err(failure) = self.printer.data(text)
        {
            return failure;
        }
        let failure = Failure::new(ExitStatus::of_code(error.code()), chain(error));
        match error {
            ClientError::Refused { status, problem, .. } => {
                let details = problem.details.clone().unwrap_or_default();
                let job = details.job_id.filter(|_| problem.code == ErrorCode::Timeout);
                let goes_on = job.map(|job| format!("it goes on: `osapi client job watch {job}`"));
                let message = match status {
                    500 => format!("{} (request {})", failure.message, problem.request_id),
                    _ => failure.message,
                };
                let hint = goes_on.or(details.hint).or_else(|| self.hint_for(problem.code));
                Failure { message, hint, status: failure.status }
            }
            ClientError::Unreachable { .. } => Failure::new(
                ExitStatus::Unreachable,
                format!("no API server answers at {}: {}", self.url, root_cause(error)),
            )
            .with_hint("`osapi start` starts one here; `--url` or `osapi context use` names another"),
            ClientError::Timeout { .. } => failure.with_hint(
                "`--timeout` gives it more time; what was asked may go on, `osapi client job list` shows it and its rows",
            ),
            ClientError::Authority { .. } => failure.with_hint("`--ca-file` names the authority's certificate, PEM"),
            ClientError::Url(_) | ClientError::Token | ClientError::Setup { .. } | ClientError::Answer { .. } => {
                failure
            }
        }
    }

    /// The same for a request with a target. The server's hint names an endpoint where there is a command for it.
    pub(crate) fn refused_target(&self, error: &ClientError) -> Failure {
        let failure = self.failure(error);
        match error.code() {
            ErrorCode::NotFound => failure.with_hint("`osapi client worker list` shows the hosts and their labels"),
            ErrorCode::Invalid
            | ErrorCode::Unauthenticated
            | ErrorCode::Forbidden
            | ErrorCode::Conflict
            | ErrorCode::Unsupported
            | ErrorCode::Unavailable
            | ErrorCode::Timeout
            | ErrorCode::Failed
            | ErrorCode::Internal => failure,
        }
    }

    fn hint_for(&self, code: ErrorCode) -> Option<String> {
        match code {
            ErrorCode::Unauthenticated if !self.has_token => Some(
                "give a token: `--token-file`, `osapi context set`, or `OSAPI_API_CLIENT_SECURITY_BEARER_TOKEN`"
                    .to_owned(),
            ),
            ErrorCode::Unauthenticated => Some(
                "`osapi token validate` tells what is wrong with the token, unless it was revoked, which an administrator sees in `osapi token revoked`; `osapi token generate` makes one"
                    .to_owned(),
            ),
            ErrorCode::Forbidden => Some("ask for a token with that permission: `osapi token generate`".to_owned()),
            ErrorCode::Unavailable => Some("`osapi client health ready` tells which part is not ready".to_owned()),
            ErrorCode::Invalid
            | ErrorCode::NotFound
            | ErrorCode::Conflict
            | ErrorCode::Unsupported
            | ErrorCode::Timeout
            | ErrorCode::Failed
            | ErrorCode::Internal => None,
        }
    }

    /// Prints an answer: the body where data is wanted, else the table made of it.
    pub(crate) fn show<T>(
        &self,
        answer: &Answer<T>,
        table: impl FnOnce(&T, &Printer) -> String,
    ) -> Result<(), Failure> {
        crate::render::show(&self.printer, &answer.text, || table(&answer.value, &self.printer))
    }
}

/// The settings as `--url`, `--token-file`, `--ca-file` and the context have it.
pub(crate) fn settings(session: &Session, connection: &Connection) -> Result<Settings, Failure> {
    let contexts = Contexts::load(&session.environment)?;
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    session.settings_with(Need::Nothing, |sources| {
        let context = match contexts.find(connection.context.as_deref().or(session.environment.get("OSAPI_CONTEXT")))? {
            Some((name, entry)) => entry.layer(name),
            None => Layer::new(),
        };
        let flags = sources
            .flags
            .with_some("api.client.url", connection.url.as_ref(), "--url")
            .with_some("api.client.security.bearer_token_file", path(&connection.token_file), "--token-file")
            .with_some("api.client.tls.ca_file", path(&connection.ca_file), "--ca-file");
        // A token named by a stronger layer must not lose against one that a weaker layer spells out.
        let flags = if connection.token_file.is_some() {
            flags.with("api.client.security.bearer_token", "", "--token-file")
        } else {
            flags
        };
        Ok(Sources { flags, context, ..sources })
    })
}

fn client_settings(settings: &Settings, timeout: Option<Duration>) -> Result<ClientSettings, Failure> {
    let section = &settings.client;
    let token = match (&section.token, &section.token_file) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(file)) => {
            let text =
                std::fs::read_to_string(file).map_err(|error| Failure::file("read the token in", file, &error))?;
            Some(SecretString::from(text.trim()))
        }
        (None, None) => None,
    };
    let trace = uuid::Uuid::new_v4().simple().to_string();
    Ok(ClientSettings {
        ca_file: section.ca_file.clone(),
        timeout: timeout.unwrap_or(PATIENCE),
        traceparent: Some(format!("00-{trace}-{}-01", &trace[8..24])),
        ..ClientSettings::new(section.url.clone(), token)
    })
}

/// The innermost cause, which says most.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
