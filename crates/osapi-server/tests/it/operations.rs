//! Operations on one host and on many: rows, statuses, and what happens when hosts fail or are late.

use std::time::Duration;

use osapi_client::ClientError;
use osapi_core::system::HostnameUpdate;
use osapi_core::{ErrorCode, HostStatus, Target};

use crate::fleet::{Fleet, Manner};

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expected_host_has_a_row_sorted_by_host() {
    let fleet = Fleet::start().await;
    for (name, label) in [("web-02", "group:web.dev"), ("db-01", "group:db"), ("web-01", "group:web.prod")] {
        fleet.worker(name, &[label], Manner::Obliging).await;
    }
    let client = fleet.admin();
    for (wanted, hosts) in [
        ("_all", &["db-01", "web-01", "web-02"][..]),
        ("group:web", &["web-01", "web-02"]),
        ("group:web.dev", &["web-02"]),
        ("web-01", &["web-01"]),
    ] {
        let answer = client.system_hostname(&target(wanted)).await.unwrap();
        let rows: Vec<&str> = answer.value.results.iter().map(|row| row.hostname.as_str()).collect();
        assert_eq!((answer.status, &rows[..]), (200, hosts), "{wanted}");
        assert!(answer.value.results.iter().all(|row| row.status == HostStatus::Ok && row.data.is_some()));
    }
    let any = client.system_hostname(&Target::Any).await.unwrap();
    assert_eq!(any.value.results.len(), 1);
    let update = HostnameUpdate { hostname: "web-09".parse().unwrap() };
    let changed = client.system_hostname_update(&target("web-01"), &update).await.unwrap();
    assert_eq!(changed.value.results[0].changed, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_outcomes_show_in_the_status_and_in_the_rows() {
    let fleet = Fleet::start().await;
    fleet.worker("good", &[], Manner::Obliging).await;
    fleet.worker("bad", &[], Manner::Failing(ErrorCode::Failed)).await;
    let answer = fleet.admin().system_load(&Target::All).await.unwrap();
    let rows: Vec<_> = answer.value.results.iter().map(|row| (row.hostname.as_str(), row.status)).collect();
    assert_eq!(answer.status, 207);
    assert_eq!(rows, [("bad", HostStatus::Failed), ("good", HostStatus::Ok)]);
    assert_eq!(answer.value.results[0].error.as_ref().unwrap().message, "the host could not");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_failure_of_one_host_is_an_error_with_the_status_of_its_code() {
    let fleet = Fleet::start().await;
    for (code, status) in [
        (ErrorCode::Failed, 502),
        (ErrorCode::Unsupported, 422),
        (ErrorCode::NotFound, 404),
        (ErrorCode::Forbidden, 403),
        (ErrorCode::Conflict, 409),
        (ErrorCode::Unavailable, 503),
    ] {
        let name = format!("host-{status}");
        fleet.worker(&name, &[], Manner::Failing(code)).await;
        let error = fleet.admin().system_load(&target(&name)).await.unwrap_err();
        let ClientError::Refused { status: got, problem, .. } = error else { panic!("{error}") };
        assert_eq!((got, problem.code, problem.error.as_str()), (status, code, "the host could not"));
        let details = problem.details.unwrap();
        assert_eq!(details.hint.as_deref(), Some("try something else"));
        assert_eq!(details.results[0].hostname.as_str(), name);
        assert!(fleet.admin().job_get(details.job_id.unwrap()).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_nobody_answers_to_is_told_at_once() {
    let fleet = Fleet::start().await;
    let client = fleet.admin();
    let code = async |wanted: &str| match client.system_load(&target(wanted)).await.unwrap_err() {
        ClientError::Refused { status, problem, .. } => (status, problem.code),
        other => panic!("{other}"),
    };
    assert_eq!(code("_any").await, (503, ErrorCode::Unavailable));
    assert_eq!(code("_all").await, (503, ErrorCode::Unavailable));
    fleet.worker("web-01", &["group:web"], Manner::Obliging).await;
    assert_eq!(code("web-02").await, (404, ErrorCode::NotFound));
    assert_eq!(code("group:db").await, (404, ErrorCode::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_504_with_the_job_and_the_rows_as_they_stand() {
    let fleet = Fleet::with(|settings| settings.jobs.wait = Duration::from_secs(2)).await;
    fleet.worker("quick", &[], Manner::Obliging).await;
    fleet.worker("slow", &[], Manner::Stuck).await;
    let error = fleet.admin().system_load(&Target::All).await.unwrap_err();
    let ClientError::Refused { status, problem, .. } = error else { panic!("{error}") };
    assert_eq!((status, problem.code), (504, ErrorCode::Timeout));
    let details = problem.details.unwrap();
    let rows: Vec<_> = details.results.iter().map(|row| (row.hostname.as_str(), row.status.is_final())).collect();
    assert_eq!(rows, [("quick", true), ("slow", false)]);
    assert!(!fleet.admin().job_get(details.job_id.unwrap()).await.unwrap().value.status.is_final());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_name_before_a_job_is_made() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let admin = fleet.token(&["admin"], &[]);
    for (method, path, body, part) in [
        ("GET", "/api/v1/system/load?target=-x", None, "`-x` is not a host name"),
        ("GET", "/api/v1/system/load?target=_some", None, "only `_any` and `_all` begin with `_`"),
        ("GET", "/api/v1/system/load?target=a:*", None, "`a:*` is not a label"),
        ("GET", "/api/v1/system/load?target=", None, "is not a host name"),
        ("GET", "/api/v1/system/load?target=a&target=b", None, "duplicate field `target`"),
        ("GET", "/api/v1/system/services/-h", None, "`-h` is not a service name"),
        ("GET", "/api/v1/network/dns/-x", None, "`-x` is not an interface name"),
        ("PUT", "/api/v1/system/hostname", Some(r#"{"hostname":"a b"}"#), "`hostname` in the body"),
        ("PUT", "/api/v1/system/hostname", Some(r#"{"hostname":"a","x":1}"#), "unknown field `x`"),
        ("PUT", "/api/v1/system/hostname", Some("{}"), "missing field `hostname`"),
        ("PUT", "/api/v1/system/hostname", Some(r#"{"hostname":"a"}{}"#), "trailing characters"),
        ("PUT", "/api/v1/system/hostname", Some(r#"["a"]"#), "must be an object"),
        ("PUT", "/api/v1/network/dns/eth0", Some(r#"{"interface":"eth1"}"#), "unknown field `interface`"),
        ("PUT", "/api/v1/network/dns/eth0", Some("{}"), "one of `servers` and `search_domains`"),
        ("POST", "/api/v1/network/ping", Some(r#"{"address":"-f"}"#), "`address` in the body"),
        ("POST", "/api/v1/network/ping", Some(r#"{"address":"::1","count":0}"#), "`count` must be 1 to 100"),
        ("POST", "/api/v1/system/reboot", Some(r#"{"delay_seconds":-1}"#), "`delay_seconds` in the body"),
    ] {
        let (status, answer) = fleet.send(method, path, Some(&admin), body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{method} {path}: {answer}");
        assert!(error.contains(part), "{method} {path} {body:?}: {error}");
    }
    assert_eq!(fleet.admin().job_stats().await.unwrap().value.total_jobs, 0);
}
