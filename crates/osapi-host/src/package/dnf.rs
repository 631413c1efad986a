//! The RHEL family and Fedora: the rpm database, for dnf and yum alike.

use osapi_core::Failure;
use osapi_core::package::{Package, PackageStatus};

use crate::machine::Command;
use crate::{Context, System};

/// Control characters that no field holds part the fields (0x1f) and the packages (0x1e); blanks and tabs occur in
/// summaries.
const FORMAT: &str = "%{NAME}\x1f%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\x1f%{ARCH}\x1f%{LONGSIZE}\x1f%{SUMMARY}\x1e";

pub(super) async fn list(system: &System, context: &Context) -> Result<Vec<Package>, Failure> {
    let rpm = system.program("rpm").ok_or_else(|| Failure::unsupported("this host has no `rpm`"))?;
    let command = Command::new(&rpm).options(["-qa", "--queryformat", FORMAT]).cancelled_by(&context.cancel);
    let completed = system.run(command).await?.expect_status(&[0])?;
    parse(&completed.stdout)
}

fn parse(output: &str) -> Result<Vec<Package>, Failure> {
    let records = output.split('\x1e').filter(|record| !record.is_empty());
    // Imported keys are kept as packages of this name.
    records
        .map(package)
        .filter(|package| package.as_ref().map_or(true, |package| package.name != "gpg-pubkey"))
        .collect()
}

fn package(record: &str) -> Result<Package, Failure> {
    let fields: Vec<&str> = record.split('\x1f').collect();
    let [name, version, architecture, size, summary] = fields.as_slice() else {
        return Err(Failure::failed(format!("`rpm -qa` answered {} fields where 5 were asked for", fields.len())));
    };
    Ok(Package {
        name: (*name).to_owned(),
        version: (*version).to_owned(),
        architecture: (*architecture).to_owned(),
        status: PackageStatus::Installed,
        description: (*summary).to_owned(),
        size_installed: size.parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[tokio::test]
    async fn one_call_tells_of_all_packages() {
        let line = format!("rpm -qa --queryformat {FORMAT}");
        let recorded = include_str!("../../tests/fixtures/rpm/el9-query-all.txt");
        let system = System::scripted(Script::new().command(&line, 0, recorded));
        let packages = list(&system, &Context::alone()).await.unwrap();
        let rows: Vec<_> = packages.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
        assert_eq!(
            rows,
            [
                ("python3-3to2", "1.1.1-1.el9"),
                ("kernel-core", "5.14.0-427.el9"),
                ("kernel-core", "5.14.0-362.el9"),
                ("java-17-openjdk", "1:17.0.9.0.9-2.el9"),
                ("bash", "5.1.8-6.el9_1"),
            ]
        );
        assert_eq!(packages[0].description, "A tool: \"quoted\", tab\tinside, comma");
        assert_eq!((packages[3].size_installed, packages[3].architecture.as_str()), (Some(1000), "noarch"));
    }

    #[tokio::test]
    async fn a_database_rpm_cannot_open_is_a_failure_and_not_an_empty_list() {
        let line = format!("rpm -qa --queryformat {FORMAT}");
        let system = System::scripted(Script::new().command(&line, 1, "error: cannot open Packages database"));
        let failure = list(&system, &Context::alone()).await.unwrap_err();
        assert!(failure.message.contains("cannot open Packages database"), "{failure}");
    }

    #[test]
    fn an_answer_of_another_form_is_a_failure() {
        assert!(parse("bash-5.1.8-6.el9\n").is_err());
        assert_eq!(parse("").unwrap(), []);
    }
}
