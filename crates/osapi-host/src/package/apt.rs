//! Debian and Ubuntu: dpkg's database.
//!
//! `/var/lib/dpkg/status` alone is out of date while dpkg works and after it was killed: what it did since stands in
//! numbered files under `updates/`, which dpkg itself lays over it, and so do we.

use std::collections::BTreeMap;

use osapi_core::package::{Package, PackageStatus};
use osapi_core::{ErrorCode, Failure};

use crate::System;

/// What dpkg has recorded of each package.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";

/// What it recorded since it last wrote the above.
const UPDATES: &str = "/var/lib/dpkg/updates";

/// How often reading begins anew because dpkg tidied up meanwhile, which it does once in hundreds of packages.
const ATTEMPTS: usize = 5;

pub(super) fn list(system: &System) -> Result<Vec<Package>, Failure> {
    for _ in 0..ATTEMPTS {
        if let Some(packages) = read(system)? {
            return Ok(packages.into_values().flatten().collect());
        }
    }
    Err(Failure::new(ErrorCode::Unavailable, "dpkg rewrites its database faster than it can be read"))
}

/// The journal is listed before the status is read: what is taken from the one into the other in between is then
/// missed here, which shows, and never missed unseen. `None` when that happened.
fn read(system: &System) -> Result<Option<Packages>, Failure> {
    let updates = match system.list_dir(UPDATES) {
        Ok(names) => names,
        Err(error) if error.code() == ErrorCode::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut packages = Packages::new();
    lay_over(&mut packages, &system.read(STATUS)?);
    // The names are numbers of one width, and sorted.
    for name in updates.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        match system.read(&format!("{UPDATES}/{name}")) {
            Ok(text) => lay_over(&mut packages, &text),
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(packages))
}

/// By name and architecture; `None` for one that dpkg knows of and that is not installed.
type Packages = BTreeMap<(String, String), Option<Package>>;

fn lay_over(packages: &mut Packages, text: &str) {
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            let value = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(str::trim)
        };
        let (Some(name), Some(status)) = (field("Package"), field("Status")) else { continue };
        let architecture = field("Architecture").unwrap_or_default();
        let package = state(status).map(|status| Package {
            name: name.to_owned(),
            version: field("Version").unwrap_or_default().to_owned(),
            architecture: architecture.to_owned(),
            status,
            description: field("Description").unwrap_or_default().to_owned(),
            size_installed: field("Installed-Size").and_then(|kib| kib.parse::<u64>().ok()?.checked_mul(1024)),
        });
        packages.insert((name.to_owned(), architecture.to_owned()), package);
    }
}

/// The state of dpkg's three words: what is wanted, whether it must be installed anew, how far it got.
fn state(words: &str) -> Option<PackageStatus> {
    let words: Vec<&str> = words.split_whitespace().collect();
    match words.as_slice() {
        [_, "ok", "installed"] => Some(PackageStatus::Installed),
        [_, "ok", "config-files"] => Some(PackageStatus::ConfigFiles),
        [_, _, "not-installed"] => None,
        _ => Some(PackageStatus::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    fn interrupted() -> Script {
        macro_rules! recorded {
            ($name:literal) => {
                include_str!(concat!("../../tests/fixtures/dpkg/debian-12-interrupted-", $name, ".txt"))
            };
        }
        Script::new()
            .file(STATUS, recorded!("status"))
            .file("/var/lib/dpkg/updates/0003", recorded!("updates-0003"))
            .file("/var/lib/dpkg/updates/0008", recorded!("updates-0008"))
            .file("/var/lib/dpkg/updates/0010", recorded!("updates-0010"))
            .file("/var/lib/dpkg/updates/tmp.i", "#padding\n")
    }

    fn row(package: &Package) -> (&str, &str, PackageStatus) {
        (&package.name, &package.version, package.status)
    }

    #[test]
    fn what_dpkg_left_in_its_journal_counts() {
        let packages = list(&System::scripted(interrupted())).unwrap();
        let rows: Vec<_> = packages.iter().map(row).collect();
        assert_eq!(
            rows,
            [
                ("alpha", "1:2.0-3+deb12u1", PackageStatus::Installed),
                ("beta", "1.0", PackageStatus::ConfigFiles),
                ("delta", "1.0", PackageStatus::Broken),
                ("epsilon", "1.0", PackageStatus::Installed),
                ("gamma", "1.0", PackageStatus::Broken),
            ]
        );
    }

    #[test]
    fn a_line_of_a_description_is_no_field() {
        let packages = list(&System::scripted(interrupted())).unwrap();
        let gamma = packages.iter().find(|package| package.name == "gamma").unwrap();
        assert_eq!(gamma.description, "a package for tests");
        assert_eq!((gamma.size_installed, gamma.architecture.as_str()), (Some(12 * 1024), "amd64"));
    }

    #[test]
    fn two_architectures_are_two_packages() {
        let stanza = |architecture: &str| {
            format!("Package: libc6\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: 2.36\n\n")
        };
        let script = Script::new().file(STATUS, stanza("amd64") + &stanza("i386"));
        assert_eq!(list(&System::scripted(script)).unwrap().len(), 2);
    }

    #[test]
    fn every_state_is_told_apart() {
        for (words, expected) in [
            ("install ok installed", Some(PackageStatus::Installed)),
            ("hold ok installed", Some(PackageStatus::Installed)),
            ("deinstall ok config-files", Some(PackageStatus::ConfigFiles)),
            ("purge ok not-installed", None),
            ("install ok triggers-pending", Some(PackageStatus::Broken)),
            ("install reinstreq half-installed", Some(PackageStatus::Broken)),
            ("install reinstreq installed", Some(PackageStatus::Broken)),
        ] {
            assert_eq!(state(words), expected, "{words}");
        }
    }
}
