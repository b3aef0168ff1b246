//! Implements the outbox's [`Publisher`].

use async_trait::async_trait;

use super::{
    KafkaPublisher,
    all_records::Outgoing,
    producer::{Record, headers},
};
use crate::outbox::{Outcome, Publisher};

#[async_trait]
impl Publisher for KafkaPublisher {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        // Builds all headers before the first record is queued. The client sends queued records at once, so records
        // queued in quick succession need fewer requests.
        let outgoing = records.iter().map(|record| {
            Outgoing::to(&record.topic).key(&record.key).payload(&record.payload).headers(headers(record))
        });
        self.publish_all(outgoing.collect()).await
    }

    async fn publish_each(&self, records: &[Record]) -> Vec<Outcome> {
        self.outcomes(records).await
    }
}
