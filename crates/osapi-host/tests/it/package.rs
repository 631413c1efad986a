//! The packages we tell of are those the host's own tool tells of.

use std::collections::BTreeSet;

use osapi_core::package::PackageFilter;
use osapi_core::{Operation, Outcome};
use osapi_host::machine::Command;
use osapi_host::{Context, System, carry_out};

#[tokio::test]
async fn the_list_is_that_of_dpkg_query() {
    let system = System::local();
    let Some(dpkg_query) = system.program("dpkg-query").filter(|_| system.exists("/etc/debian_version")) else {
        println!("skipped: this is not a Debian host");
        return;
    };
    let command = Command::new(&dpkg_query).options([
        "-W",
        "-f",
        "${Package} ${Version} ${Architecture} ${Installed-Size} ${db:Status-Status} ${binary:Summary}\\n",
    ]);
    let said = system.run(command).await.unwrap().expect_status(&[0]).unwrap().stdout;
    let expected: BTreeSet<&str> =
        said.lines().map(str::trim_end).filter(|line| !line.contains(" not-installed ")).collect();

    let operation = Operation::PackageListGet(PackageFilter::default());
    let outcome = carry_out(&system, &operation, &Context::alone()).await.unwrap();
    let Outcome::PackageListGet(list) = outcome else { panic!("another outcome: {outcome:?}") };
    assert_eq!(list.total, list.packages.len());
    let ours: BTreeSet<String> = list
        .packages
        .iter()
        .map(|one| {
            let status = serde_json::to_value(one.status).unwrap().as_str().unwrap().replace('_', "-");
            let size = one.size_installed.map(|bytes| (bytes / 1024).to_string()).unwrap_or_default();
            format!("{} {} {} {size} {status} {}", one.name, one.version, one.architecture, one.description)
        })
        .collect();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    assert!(ours.len() > 50, "a Debian host has more packages than {}", ours.len());
    let differing: Vec<_> = ours.symmetric_difference(&expected).collect();
    assert!(differing.is_empty(), "{differing:#?}");
}
