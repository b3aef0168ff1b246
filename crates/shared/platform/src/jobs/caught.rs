//! A panic in a round of a job fails the round, and does not end the process.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

/// Runs one round of a job. A panic, which the panic hook has logged, becomes an error, after which the job tries again.
pub async fn caught<T, E: Into<anyhow::Error>>(round: impl Future<Output = Result<T, E>>) -> anyhow::Result<T> {
    match AssertUnwindSafe(round).catch_unwind().await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err(anyhow::anyhow!("the round panicked")),
    }
}
