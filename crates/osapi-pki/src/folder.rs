//! The folder `osapi pki` works in: an authority with a first server and a first client certificate.

mod revoke;

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::authority::{Authority, IssueError, Issued, Leaf};
use crate::certificate::CertificateInfo;
use crate::file::{self, FileError, Problem, Secrecy};
use crate::revocation::RevocationList;
use crate::serial::Serial;

pub use revoke::{Revocation, RevokeError, Revoked, revoke};

/// The list of what the authority has revoked.
const LIST: &str = "crl.pem";

/// Makes `ca`, `server` and `client`, each as `.pem` and `.key`, and an empty revocation list, in a folder that is created
/// (0700) where it is missing.
///
/// The server certificate is for `server_names`; the client's common name is `client_name`. Gives the files written.
/// `ca.key` is needed only for issuing; keep it away from the hosts.
///
/// # Errors
/// A name is wrong, one of the seven files exists, or writing fails. Nothing is left behind then.
pub fn init(
    folder: &Path,
    server_names: &[String],
    client_name: &str,
    now: Timestamp,
) -> Result<Vec<PathBuf>, IssueError> {
    let authority = Authority::create(now)?;
    let server = authority.issue(&Leaf::Server { names: server_names.to_vec() }, now)?;
    let client = authority.issue(&Leaf::Client { name: client_name.to_owned() }, now)?;
    let list = authority.revocation_list(1, &BTreeMap::new(), now)?;
    create(folder)?;
    let mut files = pairs(folder, &[("ca", authority.own()), ("server", &server), ("client", &client)]);
    files.push((folder.join(LIST), list.as_str(), Secrecy::Public));
    write(files)
}

/// Issues one more certificate from the authority in the folder, as `STEM.pem` and `STEM.key`. Gives the files written.
///
/// # Errors
/// The folder holds no usable authority, a name is wrong, a file exists, or writing fails.
pub fn issue(folder: &Path, stem: &str, leaf: &Leaf, now: Timestamp) -> Result<Vec<PathBuf>, IssueError> {
    let path = folder.join(format!("{stem}.pem"));
    let plain = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !plain || stem.starts_with('.') {
        let problem = Problem::Unusable("a file's name is letters, digits, `-`, `_` and `.`".to_owned());
        return Err(FileError::new(&path, problem).into());
    }
    write(pairs(folder, &[(stem, &authority(folder)?.issue(leaf, now)?)]))
}

/// What every certificate in a PEM file says.
///
/// # Errors
/// The file cannot be read or holds something else.
pub fn show(path: &Path) -> Result<Vec<CertificateInfo>, FileError> {
    let unusable =
        |error: crate::certificate::NotACertificate| FileError::new(path, Problem::Unusable(error.to_string()));
    file::read_certificates(path)?.iter().map(|der| CertificateInfo::read(der).map_err(unusable)).collect()
}

/// Since when a certificate is revoked, as the list beside its file says where there is one. The list's signature is not
/// verified: this is for people to look at.
///
/// # Errors
/// There is such a list and it cannot be read.
pub fn revoked_since(path: &Path, info: &CertificateInfo) -> Result<Option<Timestamp>, FileError> {
    let list = path.with_file_name(LIST);
    let Ok(serial) = info.identity.serial.parse::<Serial>() else { return Ok(None) };
    if !list.exists() {
        return Ok(None);
    }
    let lists = RevocationList::read_all(&list)?;
    Ok(lists.iter().filter(|list| list.issuer == info.issuer).find_map(|list| list.revoked.get(&serial).copied()))
}

/// The authority whose files are in the folder.
fn authority(folder: &Path) -> Result<Authority, IssueError> {
    let text = |name: &str| {
        let path = folder.join(name);
        let text = String::from_utf8(file::read(&path)?);
        text.map_err(|error| FileError::new(&path, Problem::Malformed(error.to_string())))
    };
    Authority::load(&text("ca.pem")?, &text("ca.key")?)
}

fn create(folder: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| FileError::new(folder, Problem::Unwritable(error)))
}

fn pairs<'a>(folder: &Path, all: &[(&str, &'a Issued)]) -> Vec<(PathBuf, &'a str, Secrecy)> {
    let mut files = Vec::new();
    for (stem, issued) in all {
        files.push((folder.join(format!("{stem}.pem")), issued.certificate_pem.as_str(), Secrecy::Public));
        files.push((folder.join(format!("{stem}.key")), issued.key_pem.as_str(), Secrecy::Secret));
    }
    files
}

fn write(files: Vec<(PathBuf, &str, Secrecy)>) -> Result<Vec<PathBuf>, IssueError> {
    file::write_new(&files)?;
    Ok(files.into_iter().map(|(path, ..)| path).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn now() -> Timestamp {
        "2026-05-27T14:00:00Z".parse().unwrap()
    }

    fn listing(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn seven_files_appear_and_keys_are_secret() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a/pki");
        let written = init(&folder, &["localhost".to_owned()], "ops", now()).unwrap();
        assert_eq!(written.len(), 7);
        assert_eq!(
            listing(&folder),
            ["ca.key", "ca.pem", "client.key", "client.pem", "crl.pem", "server.key", "server.pem"]
        );
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for path in written {
            let expected = if path.extension().unwrap() == "key" { 0o600 } else { 0o644 };
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, expected, "{}", path.display());
        }
        assert_eq!(show(&folder.join("server.pem")).unwrap()[0].names, ["localhost"]);
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("client.key"), "mine").unwrap();
        let error = init(folder.path(), &["localhost".to_owned()], "ops", now()).unwrap_err();
        assert!(error.to_string().ends_with("client.key` exists already and is not overwritten"), "{error}");
        assert_eq!(listing(folder.path()), ["client.key"]);
        assert_eq!(fs::read(folder.path().join("client.key")).unwrap(), b"mine");

        let empty = tempfile::tempdir().unwrap();
        assert!(init(empty.path(), &["not a name".to_owned()], "ops", now()).is_err());
        assert!(listing(empty.path()).is_empty());
    }

    #[test]
    fn one_more_is_issued_by_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), &["localhost".to_owned()], "ops", now()).unwrap();
        issue(folder.path(), "second", &Leaf::Client { name: "second".to_owned() }, now()).unwrap();
        let (first, second) =
            (&show(&folder.path().join("ca.pem")).unwrap()[0], &show(&folder.path().join("second.pem")).unwrap()[0]);
        assert_eq!(second.issuer, first.identity.common_name);
        for stem in ["", "../out", "a/b", ".hidden"] {
            assert!(issue(folder.path(), stem, &Leaf::Client { name: "x".to_owned() }, now()).is_err(), "{stem}");
        }
    }
}
