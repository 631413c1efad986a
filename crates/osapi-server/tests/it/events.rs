//! Live events of a job: from the beginning, and resumed.

use osapi_core::api::CreateJob;
use osapi_core::job::{JobEvent, JobEventKind};
use osapi_core::operation::NoInput;
use osapi_core::{JobId, Operation, Target};

use crate::fleet::{Fleet, Manner, PATIENCE};

/// Reads until the stream ends or `last` has come.
async fn read(fleet: &Fleet, job: JobId, after: u64, last: Option<JobEventKind>) -> Vec<JobEvent> {
    let reading = async {
        let mut stream = fleet.admin().job_events(job, after).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = stream.next().await.unwrap() {
            let kind = event.event;
            events.push(event);
            if Some(kind) == last {
                break;
            }
        }
        events
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the events end")
}

fn kinds(events: &[JobEvent]) -> Vec<JobEventKind> {
    events.iter().map(|event| event.event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_live_and_a_broken_stream_resumes_where_it_was() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Stuck).await;
    let client = fleet.admin();
    let job = CreateJob::new(Operation::SystemLoadGet(NoInput {}), Target::Any);
    let job = client.job_create(&job).await.unwrap().value.job_id;
    let seen = read(&fleet, job, 0, Some(JobEventKind::Progress)).await;
    assert_eq!(seen[0].event, JobEventKind::Submitted);
    let after = seen.last().unwrap().sequence;
    assert!(after > 0, "an event one can resume after has a place: {seen:?}");
    let (rest, cancelled) = tokio::join!(read(&fleet, job, after, None), client.job_cancel(job));
    cancelled.unwrap();
    assert!(!kinds(&rest).contains(&JobEventKind::Submitted), "what was seen is not sent again: {rest:?}");
    assert!(kinds(&rest).contains(&JobEventKind::Cancelled), "{rest:?}");
    let whole = read(&fleet, job, 0, None).await;
    let resumed: Vec<_> = whole.iter().filter(|event| event.sequence > after).collect();
    assert_eq!(resumed, rest.iter().filter(|event| event.sequence > after).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_server_sent_events_and_checks_where_to_begin() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let job = fleet.admin().system_load(&Target::Any).await.unwrap().value.job_id;
    let admin = fleet.token(&["admin"], &[]);
    let path = fleet.url(&format!("/api/v1/jobs/{job}/events"));
    let ask = async |last: &str| {
        let request = reqwest::Client::new().get(&path).bearer_auth(&admin).header("last-event-id", last);
        request.send().await.unwrap()
    };
    let answer = ask("0").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    assert!(text.contains("event: completed\n") && text.contains("\nid: "), "{text}");
    assert_eq!(ask("x").await.status(), 400);
    let unknown = "/api/v1/jobs/00000000-0000-7000-8000-000000000000/events";
    assert_eq!(fleet.send("GET", unknown, Some(&admin), None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_its_streams() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Stuck).await;
    let client = fleet.admin();
    let job = CreateJob::new(Operation::SystemLoadGet(NoInput {}), Target::Any);
    let job = client.job_create(&job).await.unwrap().value.job_id;
    let mut stream = client.job_events(job, 0).await.unwrap();
    stream.next().await.unwrap().expect("the first event");
    fleet.shutdown.cancel();
    let end = async { while let Ok(Some(_)) = stream.next().await {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the stream ends");
}
