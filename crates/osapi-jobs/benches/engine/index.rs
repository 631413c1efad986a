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
    let (few, many) = (Kept::new(FEW).await, Kept::new(MANY).await);
    line(
        &format!("index of {MANY} jobs rebuilt"),
        &format!("{:.2} s", many.rebuilt.as_secs_f64()),
        &format!("{:.2} s", read(&many.context).await.as_secs_f64()),
        "under 5 s (the floor reads the messages bare)",
    );
    let (mut of_few, mut of_many) = (Samples::default(), Samples::default());
    for round in 0..ROUNDS {
        // In turns, so that whatever else the machine does is in both.
        few.ask(round, &mut of_few).await;
        many.ask(round, &mut of_many).await;
    }
    let names = ["get", "list, a page of 50", "list, a page of 50 failed", "statistics"];
    for (name, (few, many)) in names.into_iter().zip(of_few.iter_mut().zip(&mut of_many)) {
        for percent in [50, 99] {
            let (few, many) = (percentile(few, percent), percentile(many, percent));
            let target = if percent == 99 { ", at most 1.5" } else { "" };
            let verdict = format!("{}{target}", ratio(many.as_secs_f64(), few.as_secs_f64()));
            line(&format!("{name}, p{percent}, {MANY} jobs (floor: {FEW})"), &micros(many), &micros(few), &verdict);
        }
    }
}

/// A deployment that keeps so many jobs.
struct Kept {
    _broker: Broker,
    context: Context,
    jobs: Jobs,
    kept: Vec<JobId>,
    rebuilt: Duration,
}

/// What each way of asking took.
type Samples = [Vec<Duration>; 4];

impl Kept {
    async fn new(count: usize) -> Self {
        // Nothing is measured that is written, and two hundred thousand synced writes take minutes.
        let broker = Broker::with(&BrokerOptions { lazy: true, ..BrokerOptions::default() }).await;
        stage::prepared(&broker.address()).await;
        let mut context = jetstream::new(async_nats::connect(broker.address()).await.unwrap());
        context.set_timeout(stage::PATIENCE);
        let kept = fill(&context, count).await;
        let since = Instant::now();
        let jobs = stage::api(&broker.address()).await;
        let rebuilt = since.elapsed();
        assert_eq!(jobs.stats().total_jobs, count as u64);
        Self { _broker: broker, context, jobs, kept, rebuilt }
    }

    async fn ask(&self, round: usize, samples: &mut Samples) {
        let page = PageRequest { limit: 50, cursor: None, offset: 0 };
        let failed = JobFilter { status: Some(JobState::Failed), ..JobFilter::default() };
        let since = Instant::now();
        self.jobs.get(self.kept[round * 7919 % self.kept.len()]).await.unwrap();
        samples[0].push(since.elapsed());
        for (place, filter) in [(1, &JobFilter::default()), (2, &failed)] {
            let since = Instant::now();
            assert_eq!(self.jobs.list(filter, &page).unwrap().items.len(), 50);
            samples[place].push(since.elapsed());
        }
        let since = Instant::now();
        assert_eq!(self.jobs.stats().total_jobs, self.kept.len() as u64);
        samples[3].push(since.elapsed());
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
