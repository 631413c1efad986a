//! The list of revoked tokens, kept by the broker and by every API server.

use osapi_core::api::Revocation;
use osapi_jobs::Revocations;
use osapi_testkit::{wait_for, wait_until};
use tokio::task::JoinSet;

use crate::fleet::{Fleet, PATIENCE};

fn revocation(token_id: &str) -> Revocation {
    Revocation {
        token_id: token_id.to_owned(),
        revoked_at: jiff::Timestamp::now(),
        revoked_by: "tester@example.com".to_owned(),
        reason: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_its_store_is_told_the_list_and_followed_on() {
    let mut fleet = Fleet::start().await;
    let known = Revocations::open(&fleet.connection().await, 1).await.unwrap();
    let mut following = JoinSet::new();
    let (follower, shutdown) = (known.clone(), fleet.shutdown.clone());
    following.spawn(async move { follower.follow(shutdown).await });
    for token in ["stolen", "sold"] {
        known.revoke(revocation(token)).await.unwrap();
    }
    fleet.broker.forget();
    fleet.broker.restart().await;

    // Another server may make the list anew and add to it first.
    let connection = fleet.connection().await;
    let open = async || Revocations::open(&connection, 1).await.ok();
    let other = wait_for("another server's list", PATIENCE, open).await;
    wait_until("a revocation", PATIENCE, async || other.revoke(revocation("lost")).await.is_ok()).await;
    wait_until("the first server to hear of it", PATIENCE, async || known.contains("lost")).await;
    let all = async || open().await.is_some_and(|third| ["stolen", "sold", "lost"].iter().all(|id| third.contains(id)));
    wait_until("all of them to be on the broker", PATIENCE, all).await;

    fleet.shutdown.cancel();
    while following.join_next().await.is_some() {}
}
