//! Many clients and some workers: durable writes a second, against the same writes pipelined bare.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use osapi_testkit::Broker;
use tokio::task::JoinSet;

use crate::{line, stage};

const CLIENTS: usize = 64;
const WORKERS: usize = 10;
const SPAN: Duration = Duration::from_secs(5);

pub(crate) async fn measure() {
    let broker = Broker::start().await;
    let context = jetstream::new(async_nats::connect(broker.address()).await.unwrap());
    let floor = bare(&context).await;
    let jobs = stage::api(&broker.address()).await;
    let workers = stage::workers(&jobs, &broker.address(), WORKERS, 1).await;
    for (what, writes, submission) in [("changes", 4, stage::change("_any")), ("queries", 3, stage::query("_any"))] {
        let done = Arc::new(AtomicUsize::new(0));
        let since = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (jobs, submission, done) = (jobs.clone(), submission.clone(), done.clone());
            clients.spawn(async move {
                while since.elapsed() < SPAN {
                    jobs.run(submission.clone(), stage::PATIENCE).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        clients.join_all().await;
        let rate = done.load(Ordering::Relaxed) as f64 / since.elapsed().as_secs_f64();
        let figure = rate * f64::from(writes);
        line(
            &format!("{WORKERS} workers, {CLIENTS} clients: {rate:.0} {what}/s, durable writes"),
            &format!("{figure:.0}/s"),
            &format!("{floor:.0}/s"),
            &format!("{:.0} % of the floor, at least 60", figure / floor * 100.0),
        );
    }
    drop(workers);
}

/// Durable writes a second, as many on their way as there are clients.
async fn bare(context: &Context) -> f64 {
    let config = jetstream::stream::Config {
        name: "BARE".to_owned(),
        subjects: vec!["bare.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let since = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (context, written) = (context.clone(), written.clone());
        clients.spawn(async move {
            let body = Bytes::from("x".repeat(400));
            while since.elapsed() < SPAN {
                let number = written.fetch_add(1, Ordering::Relaxed);
                let subject = format!("bare.{client}.{number}");
                context.publish(subject, body.clone()).await.unwrap().await.unwrap();
            }
        });
    }
    clients.join_all().await;
    written.load(Ordering::Relaxed) as f64 / since.elapsed().as_secs_f64()
}
