//! Rebalance callbacks: resume assigned partitions, close the queues of revoked ones.

use std::sync::Arc;

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance},
    error::KafkaError,
};
use tokio_util::sync::CancellationToken;

use super::{witness::Reasons, workers::Workers};
use crate::health::Condition;

/// Called by librdkafka within the consuming task, while it receives.
pub(super) struct Context {
    pub workers: Arc<Workers>,
    pub joined: Condition,
    /// Cancelled when the consumer must be rebuilt.
    pub broken: CancellationToken,
    pub reasons: Reasons,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reasons.note(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Context {
    /// Ends the workers of revoked partitions, also of partitions lost without a revocation, and drops their pauses.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(partitions) => self.workers.close(partitions),
            Rebalance::Assign(_) => {}
            // It does not say which partitions are left.
            Rebalance::Error(error) => {
                tracing::error!(%error, "a rebalance failed");
                self.broken.cancel();
            }
        }
    }

    /// Resumes assigned partitions: librdkafka keeps an application's pause while the partition is another member's.
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            if let Err(error) = consumer.resume(partitions) {
                tracing::error!(%error, "assigned partitions cannot be resumed");
                self.broken.cancel();
            }
            self.joined.set(true);
        }
    }
}
