//! A thousand workers answer one question.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use bytes::Bytes;
use osapi_testkit::{Broker, wait_until};

use crate::{idle, line, percentile, stage};

const WORKERS: usize = 1000;
const ROUNDS: usize = 20;

pub(crate) async fn measure() {
    let broker = Broker::start().await;
    let jobs = stage::api(&broker.address()).await;
    let since = Instant::now();
    let workers = stage::workers(&jobs, &broker.address(), WORKERS, 50).await;
    println!("{WORKERS} workers registered in {:.2} s", since.elapsed().as_secs_f64());
    let floor = bare(&broker.address()).await;
    for (what, submission) in [("query", stage::query("_all")), ("change", stage::change("_all"))] {
        let mut samples = Vec::new();
        let before = processor_time(&broker);
        for _ in 0..ROUNDS {
            let since = Instant::now();
            let detail = jobs.run(submission.clone(), stage::PATIENCE).await.unwrap();
            samples.push(since.elapsed());
            assert_eq!(detail.results.len(), WORKERS);
            assert_eq!(detail.status, osapi_core::JobState::Completed);
        }
        report(what, &mut samples, floor);
        let after = processor_time(&broker);
        let [ours, theirs] = [0, 1].map(|of| (after[of] - before[of]) as f64 * 10.0 / ROUNDS as f64);
        println!(
            "  processor time of one: {ours:.0} ms in {WORKERS} workers and the API server, {theirs:.0} ms in nats-server"
        );
    }
    drop(workers);
    one_is_dead(floor).await;
}

fn report(what: &str, samples: &mut [Duration], floor: Duration) {
    let figure = percentile(samples, 50);
    let floor = format!("{:.0} ms", floor.as_secs_f64() * 1000.0);
    let text = format!("{:.0} ms", figure.as_secs_f64() * 1000.0);
    line(&format!("`_all` on {WORKERS} workers, all stored, {what}, p50"), &text, &floor, "under 600 ms for a query");
}

/// What this process and the broker have used, in hundredths of a second: unlike the time it took, it does not depend on
/// what else the machine does.
fn processor_time(broker: &Broker) -> [u64; 2] {
    [std::process::id(), broker.pid().unwrap()].map(idle::ticks)
}

/// The same, when one has vanished.
async fn one_is_dead(floor: Duration) {
    let broker = Broker::start().await;
    let jobs = stage::api(&broker.address()).await;
    let connection = stage::connect(&broker.address()).await;
    let mut settings = stage::settings("dead");
    settings.heartbeat = Duration::from_millis(100);
    let mut dead = tokio::task::JoinSet::new();
    dead.spawn(osapi_jobs::work(connection, settings, stage::Idle, Default::default()));
    wait_until("the worker", stage::PATIENCE, async || jobs.workers().len() == 1).await;
    dead.shutdown().await;
    wait_until("its loss", stage::PATIENCE, async || jobs.workers()[0].state == osapi_core::worker::WorkerState::Lost)
        .await;
    let connection = stage::connect(&broker.address()).await;
    let mut workers = tokio::task::JoinSet::new();
    for number in 1..WORKERS {
        let connection = connection.clone();
        workers.spawn(async move {
            let settings = stage::settings(&format!("host-{number}"));
            osapi_jobs::work(connection, settings, stage::Idle, Default::default()).await.unwrap();
        });
    }
    wait_until("all workers", 5 * stage::PATIENCE, async || jobs.workers().len() == WORKERS).await;
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let since = Instant::now();
        let detail = jobs.run(stage::query("_all"), stage::PATIENCE).await.unwrap();
        samples.push(since.elapsed());
        assert_eq!(detail.results.len(), WORKERS);
    }
    report("query, one of them dead", &mut samples, floor);
}

/// A thousand durable writes, all on their way at once.
async fn bare(address: &str) -> Duration {
    let context = jetstream::new(async_nats::connect(address).await.unwrap());
    let config = jetstream::stream::Config {
        name: "BARE".to_owned(),
        subjects: vec!["bare.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.unwrap();
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let since = Instant::now();
        let mut acks = Vec::new();
        for number in 0..WORKERS {
            acks.push(context.publish(format!("bare.{number}"), Bytes::from("x".repeat(300))).await.unwrap());
        }
        for ack in acks {
            ack.await.unwrap();
        }
        samples.push(since.elapsed());
    }
    percentile(&mut samples, 50)
}
