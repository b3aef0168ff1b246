//! Use cases: receipts, the lag and its history, dead letters, audits, and the log of operators' actions with its
//! checkpoints.

mod actions;
mod audits;
mod dead_letters;
mod lag_history;
mod long_actions;
mod receipt_reader;
mod receipts;

use std::time::Duration;

use anyhow::Context as _;
use platform::deadline;

pub use self::{
    actions::{Actions, Checkpoints, LongAction},
    audits::Audits,
    dead_letters::DeadLetters,
    lag_history::LagHistory,
    long_actions::{LongActions, OnProgress, recorded},
    receipt_reader::ReceiptReader,
    receipts::Receipts,
};

/// The time limit for the broker. Shorter than a request's limit, so that the response can name what is missing.
const BROKER_TIMEOUT: Duration = Duration::from_secs(7);
/// A caller with an earlier deadline needs this long to get the response.
const RESPONSE_TIME: Duration = Duration::from_millis(500);

/// Fails if the reading takes longer than [`BROKER_TIMEOUT`], or almost as long as the caller waits.
async fn in_time<T>(reading: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let limit = deadline::remaining(BROKER_TIMEOUT + RESPONSE_TIME).saturating_sub(RESPONSE_TIME);
    tokio::time::timeout(limit, reading).await.context("Kafka does not respond")?
}
