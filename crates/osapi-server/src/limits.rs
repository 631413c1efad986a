//! How many requests one token may make.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many tokens are kept in mind; above that, those that have been quiet are forgotten.
const TOKENS: usize = 10_000;

/// Bursts of so many seconds' worth are let through.
const BURST_SECONDS: f64 = 10.0;

/// A bucket of permits per token, filled steadily.
#[derive(Debug)]
pub(crate) struct PerToken {
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    permits: f64,
    filled_at: Instant,
}

impl PerToken {
    pub(crate) fn new(per_second: f64) -> Self {
        Self { per_second, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes a permit of whoever this is.
    ///
    /// # Errors
    /// There is none; in so many whole seconds there will be.
    pub(crate) fn take(&self, who: &str, now: Instant) -> Result<(), u64> {
        let most = (self.per_second * BURST_SECONDS).max(1.0);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= TOKENS {
            let full_again = Duration::from_secs_f64(most / self.per_second);
            buckets.retain(|_, bucket| now.duration_since(bucket.filled_at) < full_again);
        }
        let bucket = buckets.entry(who.to_owned()).or_insert(Bucket { permits: most, filled_at: now });
        let gained = now.duration_since(bucket.filled_at).as_secs_f64() * self.per_second;
        bucket.permits = (bucket.permits + gained).min(most);
        bucket.filled_at = now;
        if bucket.permits < 1.0 {
            let wait = (1.0 - bucket.permits) / self.per_second;
            return Err(Duration::from_secs_f64(wait).as_secs() + 1);
        }
        bucket.permits -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate_rules() {
        let limit = PerToken::new(1.0);
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(limit.take("a", start), Ok(()));
        }
        assert_eq!(limit.take("a", start), Err(2));
        assert_eq!(limit.take("b", start), Ok(()), "one token does not use up another's");
        assert_eq!(limit.take("a", start + Duration::from_secs(1)), Ok(()));
        assert!(limit.take("a", start + Duration::from_secs(1)).is_err());
    }
}
