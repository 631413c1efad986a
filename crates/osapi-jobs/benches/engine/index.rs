//! What asking costs with a thousand and with a hundred thousand jobs kept, and how long the index takes to be rebuilt.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use jiff::Timestamp;
use osapi_core::{HostStatus, Job, JobId, JobState, Report};
use osapi_jobs::{JobFilter, Jobs, PageRequest};
use osapi_testkit::{Broker, BrokerOptions};
use uuid::Uuid;

use crate::{line, micros, percentile, ratio, stage};

const FEW: usize = 1_000;
const MANY: usize = 100_000;
const ROUNDS: usize = 2_000;

pub(crate) async fn measure() {
    // Nothing is measured that is written, and two hundred thousand synced writes take minutes.
    let broker = Broker::with(&BrokerOptions { lazy: true, ..BrokerOptions::default() }).await;
    stage::prepared(&broker.address()).await;
    let mut context = jetstream::new(async_nats::connect(broker.address()).await.unwrap());
    context.set_timeout(stage::PATIENCE);
    let mut kept = fill(&context, FEW).await;
    let jobs = stage::api(&broker.address()).await;
    let few = ask(&jobs, &kept).await;
    drop(jobs);
    kept.extend(fill(&context, MANY - FEW).await);
    let since = Instant::now();
    let jobs = stage::api(&broker.address()).await;
    let rebuilt = since.elapsed();
    assert_eq!(jobs.stats().total_jobs, MANY as u64);
    let bare = read(&context).await;
    line(
        &format!("index of {MANY} jobs rebuilt"),
        &format!("{:.2} s", rebuilt.as_secs_f64()),
        &format!("{:.2} s", bare.as_secs_f64()),
        "under 5 s (the floor reads the messages bare)",
    );
    let many = ask(&jobs, &kept).await;
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        let verdict = format!("{}, at most 1.5", ratio(many.as_secs_f64(), few.as_secs_f64()));
        line(&format!("{what}, p99, {MANY} jobs (floor: {FEW})"), &micros(many), &micros(few), &verdict);
    }
}

/// Puts finished queries into the bucket, as the engine would have written them.
async fn fill(context: &Context, count: usize) -> Vec<JobId> {
    let mut jobs = Vec::with_capacity(count);
    let mut acks = Vec::new();
    for number in 0..count {
        let submission = stage::query("_any");
        let (id, now, hostname) = (JobId::new(Uuid::now_v7()), Timestamp::now(), format!("host-{}", number % 100));
        let job = Job {
            id,
            operation: submission.operation,
            target: submission.target,
            hosts: vec![],
            created_at: now,
            expires_at: now + Duration::from_secs(60),
            timeout_seconds: 30,
            queue: false,
            registry_revision: 1,
            submitted_by: submission.submitted_by,
            retry_of: None,
            idempotency_key: None,
            traceparent: None,
        };
        let status = if number % 10 == 0 { HostStatus::Failed } else { HostStatus::Ok };
        let report = Report { finished_at: Some(now), ..Report::silent(hostname.parse().unwrap(), status) };
        let mut response = serde_json::to_value(&report).unwrap();
        response["response"] = "reported".into();
        for (key, body) in [("jobs", serde_json::to_vec(&job)), ("responses", serde_json::to_vec(&response))] {
            let subject = format!("$KV.job-queue.{key}.{id}");
            acks.push(context.publish(subject, Bytes::from(body.unwrap())).await.unwrap());
        }
        jobs.push(id);
        if acks.len() > 2000 {
            for ack in acks.drain(..) {
                ack.await.unwrap();
            }
        }
    }
    for ack in acks {
        ack.await.unwrap();
    }
    jobs
}

/// The p99 of each way of asking.
async fn ask(jobs: &Jobs, kept: &[JobId]) -> Vec<(&'static str, Duration)> {
    let page = PageRequest { limit: 50, cursor: None, offset: 0 };
    let failed = JobFilter { status: Some(JobState::Failed), ..JobFilter::default() };
    let mut samples: [Vec<Duration>; 4] = Default::default();
    for round in 0..ROUNDS {
        let since = Instant::now();
        jobs.get(kept[round * 7919 % kept.len()]).await.unwrap();
        samples[0].push(since.elapsed());
        for (place, filter) in [(1, &JobFilter::default()), (2, &failed)] {
            let since = Instant::now();
            assert_eq!(jobs.list(filter, &page).unwrap().items.len(), 50);
            samples[place].push(since.elapsed());
        }
        let since = Instant::now();
        assert_eq!(jobs.stats().total_jobs, kept.len() as u64);
        samples[3].push(since.elapsed());
    }
    let names = ["get", "list, a page of 50", "list, a page of 50 failed", "statistics"];
    names.into_iter().zip(samples).map(|(name, mut samples)| (name, percentile(&mut samples, 99))).collect()
}

/// Reads every message of the bucket and does nothing with it.
async fn read(context: &Context) -> Duration {
    use futures::StreamExt as _;
    use jetstream::consumer::push;
    let since = Instant::now();
    let config =
        push::OrderedConfig { deliver_subject: context.client().new_inbox(), ..push::OrderedConfig::default() };
    let consumer: jetstream::consumer::Consumer<push::OrderedConfig> =
        context.create_consumer_on_stream(config, "KV_job-queue").await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    while messages.next().await.unwrap().unwrap().info().unwrap().pending > 0 {}
    since.elapsed()
}
