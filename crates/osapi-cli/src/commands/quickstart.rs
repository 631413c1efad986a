//! `quickstart`: from nothing to a fleet of one that answers, in one command.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::Operation;
use osapi_core::operation::NoInput;
use osapi_core::worker::WorkerState;
use serde_json::json;

use super::{carry_out, config, token};
use crate::arguments::client::{Connection, Submission};
use crate::arguments::roles::Quickstart;
use crate::context::write_private;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::roles::{self, Roles, Running};
use crate::session::Session;
use crate::settings::{Need, Settings};

/// How long everything together may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// Writes a configuration if there is none, starts everything, asks the first questions and stays.
pub(crate) fn quickstart(session: &Session, arguments: &Quickstart) -> Result<ExitStatus, Failure> {
    let dir = std::path::absolute(&arguments.dir).map_err(|error| Failure::file("find", &arguments.dir, &error))?;
    let file = dir.join("osapi.yaml");
    if file.exists() {
        session.printer.say(&format!("using `{}`", file.display()));
    } else {
        write(&dir)?;
        session.printer.say(&format!("wrote `{}` and `admin.token` beside it, readable by you alone", file.display()));
    }
    let session = session.with_file(file.clone());
    let settings = session.settings(Need::Roles(Roles::All))?;
    let token_file = dir.join("admin.token");
    renew_token(&settings, &token_file)?;

    roles::block_on(&settings.log, "warn", &session.environment, async {
        let mut running = Running::start(&settings, Roles::All).await?;
        let url = running.url(&settings).unwrap_or_default();
        let connection = Connection { url: Some(url.clone()), token_file: Some(token_file), ..Connection::default() };
        let remote = Remote::new(&session, &connection, Submission::default())?;
        let shown = tokio::select! {
            shown = show(&remote) => shown,
            failure = running.first_end() => Err(failure),
            () = roles::stop_signal() => return running.stop().await.map(|()| ExitStatus::Ok),
        };
        if shown.is_err() || arguments.once {
            let stopped = running.stop().await;
            return shown.and(stopped).map(|()| ExitStatus::Ok);
        }
        session.printer.say(&next(&url, &file));
        running.stay().await.map(|()| ExitStatus::Ok)
    })
}

/// A configuration whose keys, data and ports are all this folder's own.
fn write(dir: &Path) -> Result<(), Failure> {
    let quoted = |name: &str| json!(dir.join(name).display().to_string()).to_string();
    let (api, nats) = (free_or(8080)?, free_or(4222)?);
    let further = [
        ("api.client.url", json!(format!("http://127.0.0.1:{api}")).to_string()),
        ("api.server.port", api.to_string()),
        ("nats.server.port", nats.to_string()),
        ("nats.server.store_dir", quoted("nats")),
        ("nats.server.cache_dir", quoted("cache")),
    ];
    config::init(dir, &further).map(drop)
}

/// The usual port, or another one when somebody has it.
fn free_or(port: u16) -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| Failure::usage(format!("there is no free port: {error}")))
}

/// Writes a new token when the one there is missing or does not count for another day.
fn renew_token(settings: &Settings, file: &Path) -> Result<(), Failure> {
    let there = std::fs::read_to_string(file).unwrap_or_default();
    let tomorrow = Timestamp::now().as_second() + 86_400;
    if token::verify(settings, there.trim()).is_ok_and(|claims| claims.exp > tomorrow) {
        return Ok(());
    }
    let Some(key) = &settings.api.keys.current else { return Ok(()) };
    let fresh = token::issue(key, "admin", &["admin".to_owned()], Duration::from_secs(365 * 86_400))?;
    write_private(file, &format!("{fresh}\n"))
}

/// Waits until everything is ready and asks the first questions, as a person would.
async fn show(remote: &Remote) -> Result<(), Failure> {
    tokio::time::timeout(READY, ready(remote)).await.map_err(|_| {
        Failure::new(ExitStatus::Unreachable, "not everything was ready in a minute")
            .with_hint("`--debug` shows what each part does")
    })?;
    remote.printer.say(&format!("broker, API server and worker run; the API is at {}", remote.url));
    for (command, operation) in [
        ("system hostname", Operation::SystemHostnameGet(NoInput {})),
        ("system status", Operation::SystemStatusGet(NoInput {})),
    ] {
        remote.printer.say(&format!("\n$ osapi client {command}"));
        carry_out::carry_out(remote, operation).await?;
    }
    Ok(())
}

async fn ready(remote: &Remote) {
    loop {
        let serves = remote.client.health_ready().await.is_ok_and(|answer| answer.status == 200);
        let works = || async {
            let list = remote.client.worker_list().await;
            list.is_ok_and(|list| list.value.workers.iter().any(|worker| worker.state == WorkerState::Ready))
        };
        if serves && works().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn next(url: &str, file: &Path) -> String {
    let own = std::env::args().next().unwrap_or_else(|| "osapi".to_owned());
    // A bare name was found on the path of this terminal, which another one need not have.
    let folder = std::env::current_exe().ok().filter(|_| !own.contains('/'));
    let folder = folder.as_deref().and_then(Path::parent);
    let path = folder.map(|folder| format!("PATH=\"{}:$PATH\" ", folder.display())).unwrap_or_default();
    format!(
        "\nIn another terminal:\n  export {path}OSAPI_OSAPIFILE={}\n  {own} client worker list\n  {own} client network dns get\n  {own} client package list --name openssl\n  {own} client job list\nThe API by hand:\n  curl -H \"Authorization: Bearer $(cat {})\" {url}/api/v1/system/hostname\n\nCtrl-C stops everything; what it keeps stays in {}",
        file.display(),
        file.with_file_name("admin.token").display(),
        file.parent().unwrap_or(file).display()
    )
}
