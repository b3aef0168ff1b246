//! The callbacks of a consumer. Those of a rebalance start a worker for each assigned partition and end those of revoked ones.

use std::sync::Arc;

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::KafkaError,
};
use tokio_util::sync::CancellationToken;

use super::{connection_errors::Reasons, lag::Lag, workers::Workers};
use crate::readiness::Condition;

/// The context of a consumer. librdkafka calls its methods within the consumer's task, while the consumer receives.
pub(super) struct Context {
    pub workers: Workers<Self>,
    pub joined: Condition,
    /// Cancelled when the consumer must be rebuilt.
    pub broken: CancellationToken,
    pub reasons: Reasons,
    pub lag: Arc<Lag>,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reasons.note(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.lag.observe(statistics, self.workers.client());
    }
}

impl ConsumerContext for Context {
    /// Starts the workers of assigned partitions, and ends those of revoked ones. This includes partitions that were lost without a
    /// revocation.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(partitions) => self.workers.close(partitions),
            Rebalance::Assign(partitions) => self.workers.start(partitions),
            // The error does not say which partitions are still assigned.
            Rebalance::Error(error) => {
                tracing::error!(%error, "a rebalance failed");
                self.broken.cancel();
            }
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance {
            self.joined.set(true);
        }
    }
}
