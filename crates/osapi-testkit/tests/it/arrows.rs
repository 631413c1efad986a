//! Which crate may use which. An arrow nobody wrote down here fails the build.

use std::collections::BTreeMap;
use std::fs;

use osapi_testkit::workspace;

/// The table of `ARCHITECTURE.md`. Test-only dependencies are not in it.
const ALLOWED: &[(&str, &[&str])] = &[
    ("osapi-core", &[]),
    ("osapi-settings", &[]),
    ("osapi-telemetry", &[]),
    ("osapi-host", &["osapi-core"]),
    ("osapi-jobs", &["osapi-core"]),
    ("osapi-pki", &["osapi-core"]),
    ("osapi-client", &["osapi-core"]),
    ("osapi-broker", &["osapi-core", "osapi-host"]),
    ("osapi-server", &["osapi-core", "osapi-jobs", "osapi-telemetry"]),
    (
        "osapi-cli",
        &[
            "osapi-broker",
            "osapi-client",
            "osapi-core",
            "osapi-host",
            "osapi-jobs",
            "osapi-pki",
            "osapi-server",
            "osapi-settings",
            "osapi-telemetry",
        ],
    ),
    ("linux-patch-api", &["osapi-core", "osapi-host", "osapi-pki", "osapi-settings", "osapi-telemetry"]),
];

/// Crates that only one of ours may name.
const ALONE: &[(&str, &[&str])] = &[
    ("async-nats", &["osapi-jobs"]),
    ("rcgen", &["osapi-pki"]),
    ("clap", &["osapi-cli", "linux-patch-api"]),
    ("zbus", &["osapi-host"]),
    ("anyhow", &["osapi-cli", "linux-patch-api", "osapi-testkit"]),
];

#[test]
fn crates_use_only_what_the_table_allows() {
    let crates = dependencies();
    for (name, used) in &crates {
        if name == "osapi-testkit" {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(crate_name, _)| crate_name == name).map_or_else(
            || panic!("`{name}` is not in the table of arrows: decide what it may use and write it down"),
            |(_, allowed)| *allowed,
        );
        for dependency in used.iter().filter(|dependency| crates.contains_key(*dependency)) {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` may not use `{dependency}`");
        }
        for (library, homes) in ALONE {
            assert!(
                homes.contains(&name.as_str()) || !used.iter().any(|dependency| dependency == library),
                "only {homes:?} may use `{library}`, and `{name}` does"
            );
        }
    }
    for (name, _) in ALLOWED {
        assert!(crates.contains_key(*name), "the table of arrows names `{name}`, which is gone");
    }
}

/// Every crate of ours with what stands in its `[dependencies]` and `[build-dependencies]`.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(workspace().join("crates")).unwrap() {
        let folder = folder.unwrap();
        let manifest = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
        let mut section = "";
        let mut used = Vec::new();
        for line in manifest.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
            } else if matches!(section, "dependencies" | "build-dependencies")
                && let Some((name, _)) = line.split_once(['.', ' ', '='])
                && !name.is_empty()
                && !line.starts_with('#')
            {
                used.push(name.to_owned());
            }
        }
        found.insert(folder.file_name().into_string().unwrap(), used);
    }
    found
}
