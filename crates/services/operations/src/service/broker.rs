//! The time limit for the broker.

use std::time::Duration;

use anyhow::Context as _;

/// It is shorter than a request's limit, so that the response can name what is missing.
const BROKER_TIMEOUT: Duration = Duration::from_secs(7);

/// Fails if the reading takes longer than [`BROKER_TIMEOUT`].
pub async fn answered<T>(reading: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(BROKER_TIMEOUT, reading).await.context("Kafka does not answer")?
}
