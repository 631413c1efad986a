//! Arch: the local database of pacman, one folder for each package with its fields in `desc`.

use osapi_core::package::{Package, PackageStatus};
use osapi_core::{ErrorCode, Failure};

use crate::System;

/// The folder of those folders.
pub(super) const DATABASE: &str = "/var/lib/pacman/local";

pub(super) fn list(system: &System) -> Result<Vec<Package>, Failure> {
    let folders = system.list_dir(DATABASE)?.into_iter().filter(|name| name != "ALPM_DB_VERSION");
    folders.filter_map(|folder| read(system, &folder).transpose()).collect()
}

fn read(system: &System, folder: &str) -> Result<Option<Package>, Failure> {
    match system.read(&format!("{DATABASE}/{folder}/desc")) {
        Ok(text) => Ok(package(&text).or_else(|| broken(folder))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(broken(folder)),
        Err(error) => Err(error.into()),
    }
}

fn package(text: &str) -> Option<Package> {
    let field = |heading: &str| text.lines().skip_while(|line| *line != heading).nth(1);
    Some(Package {
        name: field("%NAME%")?.to_owned(),
        version: field("%VERSION%")?.to_owned(),
        architecture: field("%ARCH%").unwrap_or_default().to_owned(),
        status: PackageStatus::Installed,
        description: field("%DESC%").unwrap_or_default().to_owned(),
        // pacman leaves the size out where it is zero.
        size_installed: field("%SIZE%").map_or(Some(0), |bytes| bytes.parse().ok()),
    })
}

/// What is left of a package when pacman was stopped half-way: only `name-version-release` as the folder's name.
fn broken(folder: &str) -> Option<Package> {
    let (rest, release) = folder.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(Package {
        name: name.to_owned(),
        version: format!("{version}-{release}"),
        architecture: String::new(),
        status: PackageStatus::Broken,
        description: String::new(),
        size_installed: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn each_folder_is_a_package_and_one_without_fields_is_broken() {
        let script = Script::new()
            .file("/var/lib/pacman/local/ALPM_DB_VERSION", "9\n")
            .file(
                "/var/lib/pacman/local/demo-1.0-1/desc",
                include_str!("../../tests/fixtures/pacman/arch-demo-desc.txt"),
            )
            .file("/var/lib/pacman/local/lib32-half-1:2.0-3/mtree", "");
        let packages = list(&System::scripted(script)).unwrap();
        let rows: Vec<_> = packages.iter().map(|one| (one.name.as_str(), one.version.as_str(), one.status)).collect();
        assert_eq!(
            rows,
            [("demo", "1.0-1", PackageStatus::Installed), ("lib32-half", "1:2.0-3", PackageStatus::Broken)]
        );
        assert_eq!((packages[0].size_installed, packages[0].architecture.as_str()), (Some(100), "any"));
    }
}
