//! Help, reference page and API document: nothing without a command, nothing without examples.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::Program;

/// The command of every endpoint. One that is missing here fails the test, and so does one that is gone.
const COMMANDS: &[(&str, &str)] = &[
    ("audit_export", "client audit export"),
    ("audit_get", "client audit get"),
    ("audit_list", "client audit list"),
    ("audit_verify", "client audit verify"),
    ("dead_letter_delete", "client job dead-letter drop"),
    ("dead_letter_get", "client job dead-letter get"),
    ("dead_letter_list", "client job dead-letter list"),
    ("dead_letter_requeue", "client job dead-letter requeue"),
    ("docs", "client openapi"),
    ("health", "client health"),
    ("health_ready", "client health ready"),
    ("health_status", "client health status"),
    ("job_cancel", "client job cancel"),
    ("job_create", "client job add"),
    ("job_delete", "client job delete"),
    ("job_events", "client job watch"),
    ("job_get", "client job get"),
    ("job_list", "client job list"),
    ("job_retry", "client job retry"),
    ("job_stats", "client job status"),
    ("metrics", "client metrics"),
    ("network_dns_get", "client network dns get"),
    ("network_dns_get_interface", "client network dns get"),
    ("network_dns_update", "client network dns update"),
    ("network_dns_update_interface", "client network dns update"),
    ("network_ping_do", "client network ping"),
    ("openapi", "client openapi"),
    ("package_list_get", "client package list"),
    ("system_disk_get", "client system disk"),
    ("system_hostname_get", "client system hostname get"),
    ("system_hostname_update", "client system hostname update"),
    ("system_load_get", "client system load"),
    ("system_memory_get", "client system memory"),
    ("system_os_get", "client system os"),
    ("system_reboot_execute", "client system reboot"),
    ("system_service_get", "client system service"),
    ("system_shutdown_execute", "client system shutdown"),
    ("system_status_get", "client system status"),
    ("system_uptime_get", "client system uptime"),
    ("token_revocation_list", "token revoked"),
    ("token_revoke", "token revoke"),
    ("version", "client version"),
    ("worker_drain", "client worker drain"),
    ("worker_forget", "client worker forget"),
    ("worker_get", "client worker get"),
    ("worker_list", "client worker list"),
    ("worker_resume", "client worker resume"),
];

fn help(program: &Program, path: &str) -> String {
    let output = program.run(&format!("{path} --help"));
    assert_eq!(output.status.code(), Some(0), "`osapi {path} --help`: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_endpoint_has_its_command() {
    let program = Program::new();
    let output = program.run("api server openapi");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let methods = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let served: BTreeSet<&str> = methods.filter_map(|method| method["operationId"].as_str()).collect();
    let commands: BTreeMap<&str, &str> = COMMANDS.iter().copied().collect();
    let known: BTreeSet<&str> = commands.keys().copied().collect();
    assert_eq!(served, known, "endpoints and commands differ");
    for command in commands.values() {
        help(&program, command);
    }
}

/// The commands below `path`, leaves only.
fn leaves(program: &Program, path: &str, found: &mut Vec<String>) {
    let text = help(program, path);
    let section = text.split("Commands:\n").nth(1).map(|rest| rest.split("\n\n").next().unwrap_or_default());
    let names = section.into_iter().flat_map(|section| {
        section
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("    "))
            .filter_map(|line| line.split_whitespace().next())
    });
    let below: Vec<&str> = names.filter(|name| *name != "help").collect();
    if below.is_empty() || text.contains("Examples:") {
        found.push(path.to_owned());
    }
    for name in below {
        leaves(program, format!("{path} {name}").trim(), found);
    }
}

#[test]
fn every_leaf_shows_two_examples_that_it_understands() {
    let program = Program::new();
    let mut found = vec![];
    leaves(&program, "", &mut found);
    assert!(found.len() > 60, "only {} leaves were found", found.len());
    for path in found {
        let text = help(&program, &path);
        let examples = text.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("`osapi {path}` shows no examples"));
        let lines: Vec<&str> = examples.lines().filter(|line| line.starts_with("    ")).collect();
        assert!(lines.len() >= 2, "`osapi {path}` shows fewer than two examples");
        for line in lines {
            assert!(line.contains("osapi"), "`{line}` of `{path}` does not use the program");
        }
    }
}

#[test]
fn the_reference_page_is_the_one_that_is_checked_in() {
    let program = Program::new();
    let page = String::from_utf8(program.run("config reference").stdout).unwrap();
    let file = osapi_testkit::workspace().join("docs/configuration.md");
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(kept, page, "run `osapi config reference > docs/configuration.md`");
}
