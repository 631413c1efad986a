//! A job goes round: submitted, carried out, answered.

use osapi_core::{HostStatus, JobState};
use osapi_jobs::JobsError;

use crate::fleet::{Fleet, Hands, PATIENCE, change, query, settings};

#[tokio::test]
async fn a_query_and_a_change_are_answered() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let worker = fleet.worker("web-01", &hands).await;
    for submission in [query("web-01"), query("_any"), change("web-01"), change("_any"), query("_all")] {
        let text = format!("{} for {}", submission.operation.name(), submission.target);
        let detail = fleet.jobs.run(submission, PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::Completed, "{text}");
        assert_eq!(detail.results.len(), 1, "{text}");
        assert_eq!(detail.results[0].hostname, worker.name, "{text}");
        assert_eq!(detail.results[0].status, HostStatus::Ok, "{text}");
        assert_eq!(detail.results[0].data, Some(serde_json::json!({"hostname": "web-01"})), "{text}");
        assert_eq!(fleet.jobs.get(detail.id).await.unwrap(), detail, "{text}");
        assert_eq!(hands.count(detail.id), 1, "{text}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_target_nobody_answers_to_is_refused_at_once() {
    let fleet = Fleet::start().await;
    for text in ["_any", "_all", "web-01", "group:web"] {
        let error = fleet.jobs.submit(query(text)).await.unwrap_err();
        assert!(matches!(error, JobsError::NoTarget(_)), "{text}: {error}");
    }
    assert_eq!(fleet.jobs.stats().total_jobs, 0);
}

#[tokio::test]
async fn labels_reach_their_prefixes_and_nobody_else() {
    let fleet = Fleet::start().await;
    let (web, db) = (Hands::default(), Hands::default());
    let _web = fleet.worker_with(settings("web-01", &["group:web.dev", "rack:a1"]), &web).await;
    let _db = fleet.worker_with(settings("db-01", &["group:db"]), &db).await;
    for (text, hosts) in [
        ("group:web", vec!["web-01"]),
        ("group:web.dev", vec!["web-01"]),
        ("rack:a1", vec!["web-01"]),
        ("group:db", vec!["db-01"]),
        ("_all", vec!["db-01", "web-01"]),
    ] {
        let detail = fleet.jobs.run(change(text), PATIENCE).await.unwrap();
        let answered: Vec<_> = detail.results.iter().map(|report| report.hostname.as_str()).collect();
        assert_eq!((answered, detail.status), (hosts, JobState::Completed), "{text}");
    }
    assert!(matches!(fleet.jobs.submit(query("group:we")).await, Err(JobsError::NoTarget(_))));
}
