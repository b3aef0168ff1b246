//! Rebalance callbacks of a consumer. They resume assigned partitions and close the queues of revoked ones.

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

/// The context of a consumer. librdkafka calls its methods within the consumer's task, while the consumer receives.
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
    /// Ends the workers of revoked partitions and clears their pauses. This includes partitions that were lost without a revocation.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(partitions) => self.workers.close(partitions),
            Rebalance::Assign(_) => {}
            // The error does not say which partitions are still assigned.
            Rebalance::Error(error) => {
                tracing::error!(%error, "a rebalance failed");
                self.broken.cancel();
            }
        }
    }

    /// Resumes assigned partitions. librdkafka keeps an application's pause of a partition even while another member has the partition.
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
