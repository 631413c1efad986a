//! What the agent tells of this machine is what this machine's own tools tell.

use osapi_host::System;
use osapi_host::machine::Command;
use serde_json::{Value, json};

use crate::agent::Agent;

#[tokio::test]
async fn packages_are_those_of_dpkg_query() {
    let system = System::local();
    let Some(dpkg_query) = system.program("dpkg-query").filter(|_| system.exists("/etc/debian_version")) else {
        println!("skipped: this is not a Debian host");
        return;
    };
    let command = Command::new(&dpkg_query).options(["-W", "-f", "${Package} ${Version} ${db:Status-Status}\\n"]);
    let said = system.run(command).await.unwrap().expect_status(&[0]).unwrap().stdout;
    let mut expected: Vec<String> =
        said.lines().filter_map(|line| line.strip_suffix(" installed")).map(str::to_owned).collect();
    expected.sort();

    let agent = Agent::start().await;
    let answer = agent.get("/api/v1/packages?status=installed").await;
    let data = &answer.body["data"];
    let rows = data["packages"].as_array().unwrap();
    let row = |one: &Value| format!("{} {}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap());
    let mut ours: Vec<String> = rows.iter().map(row).collect();
    ours.sort();
    assert_eq!(ours, expected);
    assert_eq!((&data["total"], &data["package_manager"]), (&json!(expected.len()), &json!("apt")));

    let filtered = agent.get("/api/v1/packages?name=libc6&sort=name&order=desc").await.body;
    let names: Vec<&str> =
        filtered["data"]["packages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"libc6") && names.iter().all(|name| name.contains("libc6")), "{names:?}");
    assert!(names.is_sorted_by(|one, other| one >= other), "{names:?}");
    agent.stop().await;
}

#[tokio::test]
async fn health_tells_what_the_verdict_is_made_of() {
    let agent = Agent::start().await;
    for path in ["/health", "/api/v1/health"] {
        let health = agent.get(path).await;
        let data = &health.body["data"];
        assert_eq!((health.status, &data["cache_status"]), (200, &json!("unknown")), "{data}");
        assert_eq!(data["version"], env!("CARGO_PKG_VERSION"));
        assert!(data["uptime_seconds"].as_u64().unwrap() < 60, "of the agent, not of the host: {data}");
        for check in ["configuration", "whitelist", "certificates", "package_manager"] {
            assert_eq!(data["checks"][check], true, "{data}");
        }
        assert_eq!(data["status"], "healthy");
    }
    agent.stop().await;
}

#[tokio::test]
async fn readings_of_the_host_are_reached_by_their_names() {
    let agent = Agent::start().await;
    for (path, field) in [
        ("/api/v1/system/info", "kernel"),
        ("/api/v1/system/hostname", "hostname"),
        ("/api/v1/system/status", "hostname"),
        ("/api/v1/system/uptime", "uptime_seconds"),
        ("/api/v1/system/os", "distribution"),
        ("/api/v1/system/memory", "total"),
        ("/api/v1/system/load", "cpu_count"),
    ] {
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(!answer.body["data"][field].is_null(), "{path}: {}", answer.body);
    }
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(agent.get("/api/v1/system/info").await.body["data"]["kernel"], kernel.trim());
    let service = agent.get("/api/v1/system/services/no-such-service").await;
    assert!([404, 501].contains(&service.status), "{}", service.body);
    agent.stop().await;
}
