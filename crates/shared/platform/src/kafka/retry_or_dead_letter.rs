//! Handles one message until it succeeds. Transient failures are retried in place; poison messages are dead-lettered.

use std::{panic::AssertUnwindSafe, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{Consumer, Failure, Message};

/// The number of consecutive panics of the handler at which a message is dead-lettered. A panic is a defect of this
/// build: without this limit, all later events of the partition would wait for the next build, which can replay a dead
/// letter.
const MAX_PANICS: u32 = 6;

impl Consumer {
    /// Handles a message, with retries, or dead-letters it. Returns false if `closed` was cancelled before either
    /// succeeded.
    pub(super) async fn handle_or_dead_letter(&self, message: &Message, closed: &CancellationToken) -> bool {
        let mut pauses = pauses();
        let (mut attempts, mut panics) = (0, 0);
        loop {
            attempts += 1;
            let start = tokio::time::Instant::now();
            let failure = match AssertUnwindSafe(self.handler.handle(message)).catch_unwind().await {
                Ok(Ok(())) => {
                    self.handled(message, start);
                    return true;
                }
                Ok(Err(failure)) => {
                    panics = 0;
                    failure
                }
                Err(_) => {
                    panics += 1;
                    self.panicked(message, panics)
                }
            };
            match failure {
                Failure::Poison(problem) => match self.dead_letter(message, &problem, attempts).await {
                    Ok(()) => return true,
                    Err(error) => tracing::warn!(
                        group = self.group,
                        error = format!("{error:#}"),
                        "dead-letter topic unavailable, retrying"
                    ),
                },
                Failure::Transient(error) => {
                    metrics::counter!("kafka_message_retries_total", "group" => self.group).increment(1);
                    tracing::warn!(
                        group = self.group,
                        attempts,
                        error = format!("{error:#}"),
                        "message failed, retrying"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pauses.next().unwrap_or_default()) => {}
                () = closed.cancelled() => return false,
            }
        }
    }

    /// Counts and logs a panic of the handler, and converts it to a failure of the message.
    fn panicked(&self, message: &Message, panics: u32) -> Failure {
        metrics::counter!("kafka_handler_panics_total", "group" => self.group).increment(1);
        let Message { topic, partition, offset, .. } = message;
        tracing::error!(group = self.group, topic, partition, offset, panics, "a handler panicked: a defect");
        if panics < MAX_PANICS {
            Failure::transient(anyhow::anyhow!("its handler panicked: a defect"))
        } else {
            Failure::poison("its handler panicked: a defect")
        }
    }
}

/// Returns the backoff between attempts at one message: from 100 ms, doubling to 2 s, plus up to the same amount of
/// jitter. So a partition continues at most four seconds after the cause is gone.
fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(2))
        .without_max_times()
        .with_jitter()
        .build()
}
