//! `client system|network|package|worker`: one host, many hosts, some of them not there.

use crate::fleet::Fleet;

#[tokio::test]
async fn one_host_answers_in_every_form() {
    let fleet = Fleet::start(&[("web-01", "group:web.dev")]).await;
    fleet.check(
        "one_host",
        &[
            "client network ping 127.0.0.1 --count 1 --json -T nobody",
            "client system reboot --cancel --delay 5",
            "client network dns update --interface-name nosuch0 --servers 192.0.2.1 -T web-01",
            "client network dns update --interface-name nosuch0",
            "client worker list",
            "client worker drain web-01",
            "client worker list",
            "client worker resume web-01",
            "client worker drain web-99",
            "client worker forget web-01",
            "client job workers list --no-headers",
        ],
    );
    for what in ["hostname", "status", "uptime", "os", "disk", "memory", "load"] {
        for form in ["table", "wide", "json", "yaml", "jsonl"] {
            let output = fleet.program.run(&format!("client system {what} -o {form}"));
            assert_eq!(output.status.code(), Some(0), "{what} {form}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{what} {form}");
        }
    }
    let mut asked = fleet.program.command(&["--", "osapi", "client", "system", "status", "--target", "web-0"]);
    let offered = asked.env("COMPLETE", "fish").output().unwrap();
    assert!(String::from_utf8_lossy(&offered.stdout).starts_with("web-01"), "{offered:?}");
    let mut asked = fleet.program.command(&["--", "osapi", "client", "system", "status", "--target", "group"]);
    let offered = String::from_utf8(asked.env("COMPLETE", "fish").output().unwrap().stdout).unwrap();
    assert!(offered.contains("group:web\t") && offered.contains("group:web.dev\t"), "{offered}");

    for line in ["client network dns get", "client package list --name dpkg", "client network ping 127.0.0.1 --count 1"]
    {
        let output = fleet.program.run(&format!("{line} --json"));
        let body: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(body["results"][0]["hostname"], "web-01", "{line}: {body}");
    }
}

#[tokio::test]
async fn equal_results_of_many_hosts_are_one_line_and_a_lost_host_has_its_row() {
    let hosts: Vec<String> = (1..=5).map(|number| format!("web-0{number}")).collect();
    let workers: Vec<(&str, &str)> = hosts
        .iter()
        .map(|name| (name.as_str(), if name == "web-05" { "group:web.prod" } else { "group:web.dev" }))
        .collect();
    let mut fleet = Fleet::start(&workers).await;
    fleet.check(
        "many_hosts",
        &[
            "client network ping 127.0.0.1 --count 1 -T group:web.prod --no-headers -q -o jsonl --timeout 1ms",
            "client network dns get --interface-name nosuch0 -T group:web.dev",
            "client network dns get --interface-name nosuch0 -T group:web.dev -o wide",
            "client network dns update --interface-name nosuch0 --servers 192.0.2.1 -T _all",
            "client network dns update --interface-name nosuch0 --servers 192.0.2.1 -T _any",
            "client network dns update --interface-name nosuch0 --servers 192.0.2.1 -T group:web.prod",
        ],
    );
    let equal = fleet.program.run("client package list --name nothing-is-called-so -T _all");
    assert_eq!(String::from_utf8_lossy(&equal.stdout).lines().nth(1).unwrap().trim(), "5 hosts");

    fleet.lose("web-03").await;
    let lost = fleet.program.run("client package list --name nothing-is-called-so -T _all");
    fleet.compare(
        "a_lost_host",
        &crate::program::written("client package list --name nothing-is-called-so -T _all", &lost),
    );
    assert_eq!(lost.status.code(), Some(2));
    fleet.check("a_lost_host_alone", &["client system uptime -T web-03 --timeout 10s", "client worker forget web-03"]);
}
