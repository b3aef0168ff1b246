//! The commands of the program, one module each, and how they wait for servers that start at the same time.

pub mod audit;
pub mod certificates;
pub mod couriers;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod kafka_acls;
pub mod login;
pub mod manual;
pub mod migrate;
pub mod operator;
pub mod receipt;
pub mod render;
pub mod restock;
pub mod services;
pub mod up;

use std::time::Duration;

use platform::retry::endless_backoff;
use tokio::time::{Instant, sleep};

/// A command waits this long for its servers.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest backoff between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Retries `attempt` as long as `may_pass` is true for its error, and for `limit` at most.
async fn retry<T, F>(
    limit: Duration,
    may_pass: fn(&anyhow::Error) -> bool,
    mut attempt: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let deadline = Instant::now() + limit;
    let mut backoff = endless_backoff();
    loop {
        match attempt().await {
            Err(error) if may_pass(&error) && Instant::now() < deadline => {
                sleep(backoff.next().unwrap_or_default().min(MAX_BACKOFF)).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_error_that_may_pass_is_waited_for_until_the_limit_and_another_is_returned_at_once() {
        let (begun, attempts) = (Instant::now(), Cell::new(0));
        let failing = || {
            attempts.set(attempts.get() + 1);
            std::future::ready(Err::<(), _>(anyhow::anyhow!("refused")))
        };

        assert!(retry(STARTUP_TIMEOUT, |_| false, failing).await.is_err());
        assert_eq!((attempts.get(), begun.elapsed()), (1, Duration::ZERO));
        assert!(retry(STARTUP_TIMEOUT, |_| true, failing).await.is_err());
        let waited = begun.elapsed();
        assert!((STARTUP_TIMEOUT..STARTUP_TIMEOUT + 2 * MAX_BACKOFF).contains(&waited), "{waited:?}");
    }
}
