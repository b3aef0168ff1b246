//! A consumer's membership of its group, and the callbacks of a rebalance, which starts a worker for each assigned
//! partition and ends the workers of revoked partitions.
//!
//! A static member, which has an instance id, keeps its partitions when its process is killed and another is started at
//! the same place. A broker fences the older of two members with one instance id.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::readiness::Condition;
use futures::{StreamExt as _, future::ready};
use rdkafka::{
    ClientConfig, ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, StreamConsumer},
    error::{KafkaError, KafkaResult},
    groups::GroupInfo,
    types::{RDKafkaErrorCode, RDKafkaRespErr},
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection_errors::Reasons, lag::Lag, last_response::Responses, offset_resets::OffsetResets, workers::Workers,
};

/// The time limit for leaving a group, which usually takes some milliseconds.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a member waits to have left if the broker does not list the members of groups.
const UNLISTED_LEAVE: Duration = Duration::from_millis(100);

pub(super) struct Membership {
    group_id: String,
    instance: Option<String>,
    /// True once another process has joined with the same instance id, such as a container with an equal host name.
    is_fenced: AtomicBool,
}

impl Membership {
    pub fn new(group_id: String) -> Self {
        Self { group_id, instance: None, is_fenced: AtomicBool::new(false) }
    }

    pub fn at(self, instance: String) -> Self {
        Self { instance: Some(instance), ..self }
    }

    fn instance(&self) -> Option<&str> {
        self.instance.as_deref().filter(|_| !self.is_fenced.load(Ordering::Relaxed))
    }

    pub fn configure(&self, client: &mut ClientConfig) {
        client.set("group.id", &self.group_id);
        if let Some(instance) = self.instance() {
            client.set("group.instance.id", instance);
        }
    }

    /// Makes a fenced member join again without an instance id.
    pub fn failed(&self, code: RDKafkaErrorCode) {
        self.is_fenced.fetch_or(code == RDKafkaErrorCode::FencedInstanceId, Ordering::Relaxed);
    }

    /// Unsubscribes a static member and waits until the broker no longer lists it, so that other members get its
    /// partitions at once. When librdkafka closes a static member, it stays in the group until its session expires.
    pub async fn leave<C: ConsumerContext + 'static>(&self, consumer: &Arc<StreamConsumer<C>>) {
        let Some(instance) = self.instance() else { return };
        consumer.unsubscribe();
        let left = async {
            loop {
                let (consumer, group, instance) = (consumer.clone(), self.group_id.clone(), instance.to_owned());
                let listed = spawn_blocking(move || is_listed(&consumer, &group, &instance));
                match listed.await {
                    Ok(Ok(true)) => {}
                    Ok(Ok(false)) => return,
                    _ => return sleep(UNLISTED_LEAVE).await,
                }
            }
        };
        // The member leaves once the callbacks, which run while it receives, have given its partitions back.
        let receiving = consumer.stream().for_each(|_| ready(()));
        tokio::select! {
            _ = timeout(LEAVE_TIMEOUT, left) => {}
            () = receiving => {}
        }
    }
}

/// Returns true if the group has a member with this instance id. Blocks.
fn is_listed<C: ConsumerContext>(consumer: &StreamConsumer<C>, group: &str, instance: &str) -> KafkaResult<bool> {
    let list = consumer.fetch_group_list(Some(group), LEAVE_TIMEOUT)?;
    let mut members = list.groups().iter().flat_map(GroupInfo::members);
    // The broker begins the id of a static member with the instance id.
    Ok(members.any(|member| member.id().starts_with(instance)))
}

/// Why a consumer has not joined its group.
const NO_RESPONSE: &str = "Kafka does not answer";

/// The context of a consumer. librdkafka calls `log` and `error` from its own threads, and the other methods within the
/// consumer's task while it receives.
pub(super) struct Context {
    pub workers: Workers<Self>,
    /// Met once the consumer has joined its group.
    pub joined: Condition,
    pub offset_resets: Arc<OffsetResets>,
    /// Cancelled when the consumer must be rebuilt.
    pub broken: CancellationToken,
    pub reasons: Reasons,
    pub responses: Responses,
    pub lag: Arc<Lag>,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reasons.note(facility, line);
        self.offset_resets.note(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka error");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if self.responses.are_lacking(statistics) {
            self.joined.explain(NO_RESPONSE);
            if self.responses.had_any() {
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
