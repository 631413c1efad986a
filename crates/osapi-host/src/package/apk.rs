//! Alpine: the database of apk 2 and 3, lines of a letter, a colon and a value, an empty line after each package.

use osapi_core::package::{Package, PackageStatus};
use osapi_core::{ErrorCode, Failure};

use crate::System;

/// Where it is, and where it is on hosts that have merged `/lib` into `/usr/lib` for apk.
pub(super) const DATABASES: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

pub(super) fn list(system: &System) -> Result<Vec<Package>, Failure> {
    let text = match system.read(DATABASES[0]) {
        Err(error) if error.code() == ErrorCode::NotFound => system.read(DATABASES[1])?,
        other => other?,
    };
    Ok(text.split("\n\n").filter_map(package).collect())
}

fn package(record: &str) -> Option<Package> {
    // The fields of the package come first, those of its files after the first `F`; some letters occur in both.
    let own = record.lines().take_while(|line| !line.starts_with("F:"));
    let field = |letter: &str| own.clone().find_map(|line| line.strip_prefix(letter)?.strip_prefix(':'));
    Some(Package {
        name: field("P")?.to_owned(),
        version: field("V").unwrap_or_default().to_owned(),
        architecture: field("A").unwrap_or_default().to_owned(),
        // Files, attributes or scripts of it went wrong; apk writes `f` only then.
        status: if field("f").is_some() { PackageStatus::Broken } else { PackageStatus::Installed },
        description: field("T").unwrap_or_default().to_owned(),
        size_installed: field("I").and_then(|bytes| bytes.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn packages_are_read_with_their_state_in_either_place() {
        for database in DATABASES {
            let recorded = include_str!("../../tests/fixtures/apk/alpine-3.20-installed.txt");
            let packages = list(&System::scripted(Script::new().file(database, recorded))).unwrap();
            let rows: Vec<_> =
                packages.iter().map(|one| (one.name.as_str(), one.version.as_str(), one.status)).collect();
            assert_eq!(
                rows,
                [
                    ("musl", "1.2.5-r0", PackageStatus::Installed),
                    ("gtk+3.0-demo", "3.24.42-r1_git20240501", PackageStatus::Installed),
                    ("badpost", "2.0-r0", PackageStatus::Broken),
                ]
            );
            assert_eq!((packages[0].size_installed, packages[0].architecture.as_str()), (Some(667_648), "x86_64"));
            assert_eq!(packages[1].description, "");
        }
    }
}
