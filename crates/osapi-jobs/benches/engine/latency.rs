//! One synchronous job from end to end, and how many durable writes it takes.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull, push};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use futures::StreamExt as _;
use osapi_testkit::Broker;
use tokio::task::JoinSet;

use crate::{line, micros, percentile, ratio, stage};

const ROUNDS: usize = 1000;

pub(crate) async fn measure() {
    let broker = Broker::start().await;
    let jobs = stage::api(&broker.address()).await;
    let workers = stage::workers(&jobs, &broker.address(), 1, 1).await;
    let context = jetstream::new(async_nats::connect(broker.address()).await.unwrap());
    let mut bare = Bare::start(&context).await;
    for (what, claims, submission) in
        [("query", false, stage::query("host-0")), ("change", true, stage::change("host-0"))]
    {
        let (mut engine, mut floor) = (Vec::new(), Vec::new());
        let before = written(&context).await;
        for _ in 0..ROUNDS {
            let since = Instant::now();
            jobs.run(submission.clone(), stage::PATIENCE).await.unwrap();
            engine.push(since.elapsed());
            floor.push(bare.round(claims).await);
        }
        let writes = (written(&context).await - before) as f64 / ROUNDS as f64;
        for percent in [50, 99] {
            let (figure, floor) = (percentile(&mut engine, percent), percentile(&mut floor, percent));
            let target = if percent == 50 { ", at most 2" } else { "" };
            let verdict = format!("{}{target}", ratio(figure.as_secs_f64(), floor.as_secs_f64()));
            line(&format!("synchronous {what}, p{percent}"), &micros(figure), &micros(floor), &verdict);
        }
        let parts = if claims { "record, notification, claim, result" } else { "record, notification, result" };
        line(&format!("durable writes for a short {what}"), &format!("{writes:.2}"), parts, "at most 4");
    }
    drop(workers);
}

/// Messages ever stored in the engine's streams; heartbeats are in another.
async fn written(context: &Context) -> u64 {
    let mut count = 0;
    for stream in ["JOBS", "KV_job-queue"] {
        count += context.get_stream(stream).await.unwrap().cached_info().state.last_sequence;
    }
    count
}

/// The same writes and deliveries without an engine.
struct Bare {
    context: Context,
    results: push::Ordered,
    number: usize,
    _worker: JoinSet<()>,
}

impl Bare {
    async fn start(context: &Context) -> Self {
        for (name, subjects) in [("BARE", "bare.>"), ("BARE_KV", "barekv.>")] {
            let config = Config {
                name: name.to_owned(),
                subjects: vec![subjects.to_owned()],
                max_messages_per_subject: if name == "BARE_KV" { 1 } else { -1 },
                allow_direct: true,
                ..Config::default()
            };
            context.create_stream(config).await.unwrap();
        }
        let config = pull::Config {
            durable_name: Some("bare".to_owned()),
            ack_policy: AckPolicy::Explicit,
            ..pull::Config::default()
        };
        let consumer: PullConsumer = context.create_consumer_on_stream(config, "BARE").await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(worker(context.clone(), consumer));
        let config = push::OrderedConfig {
            deliver_subject: context.client().new_inbox(),
            filter_subject: "barekv.result.*".to_owned(),
            ..push::OrderedConfig::default()
        };
        let consumer: jetstream::consumer::Consumer<push::OrderedConfig> =
            context.create_consumer_on_stream(config, "BARE_KV").await.unwrap();
        Self { context: context.clone(), results: consumer.messages().await.unwrap(), number: 0, _worker: tasks }
    }

    async fn round(&mut self, claims: bool) -> Duration {
        self.number += 1;
        let body = Bytes::from("x".repeat(400));
        let since = Instant::now();
        create(&self.context, format!("barekv.job.{}", self.number), body.clone()).await;
        let kind = if claims { "change" } else { "query" };
        let message = PublishMessage::build().payload(body).message_id(self.number.to_string());
        let subject = format!("bare.{kind}.{}", self.number);
        self.context.send_publish(subject, message).await.unwrap().await.unwrap();
        self.results.next().await.unwrap().unwrap();
        since.elapsed()
    }
}

async fn create(context: &Context, subject: String, body: Bytes) {
    let message = PublishMessage::build().payload(body).expected_last_subject_sequence(0);
    context.send_publish(subject, message).await.unwrap().await.unwrap();
}

async fn worker(context: Context, consumer: PullConsumer) {
    let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
    while let Some(message) = messages.next().await {
        let message = message.unwrap();
        let (_, number) = message.subject.rsplit_once('.').unwrap();
        if message.subject.contains("change") {
            create(&context, format!("barekv.claim.{number}"), Bytes::from("x".repeat(150))).await;
        }
        create(&context, format!("barekv.result.{number}"), message.payload.clone()).await;
        message.ack().await.unwrap();
    }
}
