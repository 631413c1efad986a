//! Waiting for a condition, with a bound.

use std::time::Duration;

/// Asks again and again until there is an answer, and fails the test when `bound` is over.
///
/// # Panics
/// There was no answer in time.
pub async fn wait_for<T>(what: &str, bound: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = condition().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(bound, asking).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited {bound:?} in vain for {what}"),
    }
}

/// Asks again and again until the condition holds, and fails the test when `bound` is over.
///
/// # Panics
/// It did not hold in time.
pub async fn wait_until(what: &str, bound: Duration, mut condition: impl AsyncFnMut() -> bool) {
    wait_for(what, bound, async || condition().await.then_some(())).await;
}
