//! `pki`: certificates from an authority of one's own.

use std::path::PathBuf;

use jiff::Timestamp;
use osapi_pki::{CertificateInfo, Leaf, folder};
use serde_json::json;

use crate::arguments::pki::{Issue, Pki};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::render;
use crate::session::Session;

/// Does what `pki` says.
pub(crate) fn run(session: &Session, command: Pki) -> Result<ExitStatus, Failure> {
    let now = Timestamp::now();
    match command {
        Pki::Init { dir, name } => {
            let names = if name.is_empty() { vec!["localhost".to_owned(), "127.0.0.1".to_owned()] } else { name };
            let written = folder::init(&dir, &names, "client", now).map_err(|error| Failure::of(&error))?;
            tell(session, &written)
        }
        Pki::Issue(Issue::Server { dir, name: names, file }) => {
            let written =
                folder::issue(&dir, &file, &Leaf::Server { names }, now).map_err(|error| Failure::of(&error))?;
            tell(session, &written)
        }
        Pki::Issue(Issue::Client { dir, name, file }) => {
            let written =
                folder::issue(&dir, &file, &Leaf::Client { name }, now).map_err(|error| Failure::of(&error))?;
            tell(session, &written)
        }
        Pki::Show { file } => {
            let found = folder::show(&file).map_err(|error| Failure::of(&error).with_hint(error.hint()))?;
            let body = json!({ "items": found.iter().map(as_json).collect::<Vec<_>>() }).to_string();
            render::show(&session.printer, &body, || {
                let texts: Vec<String> = found.iter().map(|info| shown(session, info)).collect();
                texts.join("\n\n")
            })?;
            Ok(ExitStatus::Ok)
        }
    }
}

fn tell(session: &Session, written: &[PathBuf]) -> Result<ExitStatus, Failure> {
    let files: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    let body = json!({ "items": files }).to_string();
    render::show(&session.printer, &body, || files.join("\n"))?;
    session.printer.say("keys are readable by you alone; keep `ca.key` away from the hosts");
    Ok(ExitStatus::Ok)
}

fn uses(info: &CertificateInfo) -> String {
    let uses = [(info.is_authority, "authority"), (info.for_server, "server"), (info.for_client, "client")];
    uses.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

fn as_json(info: &CertificateInfo) -> serde_json::Value {
    json!({
        "common_name": info.identity.common_name, "issuer": info.issuer, "uses": uses(info), "names": info.names,
        "not_before": info.not_before, "not_after": info.not_after, "serial": info.identity.serial,
        "fingerprint_sha256": info.identity.fingerprint_sha256,
    })
}

fn shown(session: &Session, info: &CertificateInfo) -> String {
    let mut facts =
        vec![("Name", info.identity.common_name.clone()), ("Issuer", info.issuer.clone()), ("For", uses(info))];
    facts.extend((!info.names.is_empty()).then(|| ("Names", info.names.join(", "))));
    facts.extend([
        ("Valid from", render::local_time(info.not_before)),
        ("Valid until", render::local_time(info.not_after)),
        ("Serial", info.identity.serial.clone()),
        ("SHA-256", info.identity.fingerprint_sha256.clone()),
    ]);
    render::pairs(&session.printer, &facts)
}
