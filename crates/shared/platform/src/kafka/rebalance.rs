//! The callbacks of a consumer. A rebalance starts a worker for each assigned partition and ends the workers of revoked
//! partitions.

use std::sync::Arc;

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};
use tokio_util::sync::CancellationToken;

use super::{connection_errors::Reasons, lag::Lag, last_answer::Answers, positions::Positions, workers::Workers};
use crate::server::readiness::Condition;

/// Why a consumer has not joined its group.
const NO_ANSWER: &str = "Kafka does not answer";

/// The context of a consumer. librdkafka calls `log` and `error` from its own threads, and the other methods within the
/// consumer's task while it receives.
pub(super) struct Context {
    pub workers: Workers<Self>,
    /// Met once the consumer has joined its group.
    pub joined: Condition,
    pub positions: Arc<Positions>,
    /// Cancelled when the consumer must be rebuilt.
    pub broken: CancellationToken,
    pub reasons: Reasons,
    pub answers: Answers,
    pub lag: Arc<Lag>,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reasons.note(facility, line);
        self.positions.note(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka error");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if self.answers.are_lacking(statistics) {
            self.joined.explain(NO_ANSWER);
            if self.answers.had_any() {
                self.broken.cancel();
            }
        }
        self.lag.observe(statistics, self.workers.client());
    }
}

impl ConsumerContext for Context {
    /// Starts the workers of assigned partitions, and ends those of revoked or lost ones.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, change: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let changed = match change {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                self.workers.close(partitions);
                consumer.incremental_unassign(partitions)
            }
            // The error does not say which partitions are still assigned.
            error => Err(KafkaError::Rebalance(error.into())),
        };
        if let Err(error) = changed {
            tracing::error!(%error, "a rebalance failed");
            self.broken.cancel();
        }
    }
}

impl Context {
    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) -> KafkaResult<()> {
        self.workers.start(partitions);
        consumer.incremental_assign(partitions)?;
        self.joined.set(true);
        Ok(())
    }
}
