//! `pki`: certificates from an authority of one's own.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use osapi_pki::folder::{Revocation, Revoked};
use osapi_pki::{CertificateInfo, FileError, Leaf, folder};
use serde_json::json;

use crate::arguments::pki::{Issue, Pki, Revoke};
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
        Pki::Revoke { dir, what } => {
            let revoked = folder::revoke(&dir, &revocation(what), now).map_err(|error| {
                let failure = Failure::of(&error);
                if let Some(hint) = error.hint() { failure.with_hint(hint) } else { failure }
            })?;
            tell_revoked(session, &revoked)
        }
        Pki::Show { file } => show(session, &file),
    }
}

fn show(session: &Session, file: &Path) -> Result<ExitStatus, Failure> {
    let refuse = |error: FileError| Failure::of(&error).with_hint(error.hint());
    let with_revocation =
        |info: CertificateInfo| folder::revoked_since(file, &info).map(|revoked_at| (info, revoked_at));
    let found: Result<Vec<_>, _> = folder::show(file).map_err(refuse)?.into_iter().map(with_revocation).collect();
    let found = found.map_err(refuse)?;
    let items: Vec<_> = found.iter().map(|(info, revoked_at)| as_json(info, *revoked_at)).collect();
    render::show(&session.printer, &json!({ "items": items }).to_string(), || {
        let texts: Vec<String> = found.iter().map(|(info, revoked_at)| shown(session, info, *revoked_at)).collect();
        texts.join("\n\n")
    })?;
    Ok(ExitStatus::Ok)
}

fn revocation(what: Revoke) -> Revocation {
    match what {
        Revoke { cert: Some(path), .. } => Revocation::Certificate(path),
        Revoke { serial: Some(serial), .. } => Revocation::Serial(serial),
        Revoke { cert: None, serial: None, renew: _ } => Revocation::Nothing,
    }
}

fn tell_revoked(session: &Session, revoked: &Revoked) -> Result<ExitStatus, Failure> {
    let path = revoked.path.display().to_string();
    let serial = revoked.serial.as_ref().map(ToString::to_string);
    let body = json!({
        "change": revoked.change, "serial": serial, "crl": path, "number": revoked.number, "revoked": revoked.total,
        "next_update": revoked.next_update,
    });
    render::show(&session.printer, &body.to_string(), || {
        let mut facts: Vec<_> = serial.map(|serial| ("Serial", serial)).into_iter().collect();
        let change = if revoked.change.changed() { "written" } else { "unchanged" };
        facts.extend([
            ("List", format!("{path} ({change})")),
            ("Number", revoked.number.to_string()),
            ("Revoked", revoked.total.to_string()),
            ("Valid until", render::local_time(revoked.next_update)),
        ]);
        render::pairs(&session.printer, &facts)
    })?;
    session.printer.say(&format!("bring `{path}` to every agent; it is read where `tls.crl_path` says"));
    Ok(ExitStatus::Ok)
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

fn as_json(info: &CertificateInfo, revoked_at: Option<Timestamp>) -> serde_json::Value {
    json!({
        "common_name": info.identity.common_name, "issuer": info.issuer, "uses": uses(info), "names": info.names,
        "not_before": info.not_before, "not_after": info.not_after, "serial": info.identity.serial,
        "fingerprint_sha256": info.identity.fingerprint_sha256, "revoked_at": revoked_at,
    })
}

fn shown(session: &Session, info: &CertificateInfo, revoked_at: Option<Timestamp>) -> String {
    let mut facts =
        vec![("Name", info.identity.common_name.clone()), ("Issuer", info.issuer.clone()), ("For", uses(info))];
    facts.extend((!info.names.is_empty()).then(|| ("Names", info.names.join(", "))));
    facts.extend(revoked_at.map(|time| ("Revoked", render::local_time(time))));
    facts.extend([
        ("Valid from", render::local_time(info.not_before)),
        ("Valid until", render::local_time(info.not_after)),
        ("Serial", info.identity.serial.clone()),
        ("SHA-256", info.identity.fingerprint_sha256.clone()),
    ]);
    render::pairs(&session.printer, &facts)
}
