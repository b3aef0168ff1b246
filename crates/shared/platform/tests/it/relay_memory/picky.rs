//! A broker that refuses some topics, partitions or records, and accepts all others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use platform::{
    kafka::Record,
    outbox::{Outcome, Publisher, Refused, Scope, in_order_of_keys},
};
use uuid::Uuid;

use super::doubles::text;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refuses {
    /// The topic of this event type, at once.
    Topic(&'static str),
    /// Records with this payload, at once.
    Payload(&'static str),
    /// This one of three partitions, after [`Picky::TIME_LIMIT`].
    Partition(i32),
}

/// The broker with three partitions. It keeps the records that it accepts.
#[derive(Clone, Default)]
pub struct Picky {
    records: Arc<Mutex<Vec<Record>>>,
    refuses: Arc<Mutex<Option<Refuses>>>,
}

impl Picky {
    /// The time after which a record of a partition without a leader fails.
    pub const TIME_LIMIT: Duration = Duration::from_millis(2_500);

    pub fn refuse(&self, what: Refuses) {
        *self.refuses.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    pub fn accept(&self) {
        *self.refuses.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the names of the published events, in the order of publishing.
    pub fn published(&self) -> Vec<String> {
        self.records().iter().map(|record| text(&record.payload)).collect()
    }

    pub fn of_key(&self, key: u128) -> Vec<String> {
        let key = Uuid::from_u128(key).to_string().into_bytes();
        self.records().iter().filter(|record| record.key == key).map(|record| text(&record.payload)).collect()
    }

    /// Accepts the record, or returns why not.
    async fn take(&self, record: &Record) -> Result<(), Refuses> {
        let rule = *self.refuses.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = rule.filter(|refuses| match refuses {
            Refuses::Topic(kind) => record.topic.ends_with(kind),
            Refuses::Payload(payload) => record.payload == payload.as_bytes(),
            Refuses::Partition(partition) => partition_of(&record.key) == *partition,
        });
        if let Some(Refuses::Partition(_)) = refused {
            tokio::time::sleep(Self::TIME_LIMIT).await;
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        self.records().push(record.clone());
        Ok(())
    }
}

/// Returns the number in the key, modulo three.
fn partition_of(key: &[u8]) -> i32 {
    let key = Uuid::parse_str(&text(key)).expect("keys are UUIDs");
    i32::try_from(key.as_u128() % 3).expect("less than 3")
}

#[async_trait]
impl Publisher for Picky {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        let outcomes = futures::future::join_all(records.iter().map(|record| self.take(record))).await;
        anyhow::ensure!(outcomes.iter().all(Result::is_ok), "a record was refused");
        Ok(())
    }

    async fn publish_each(&self, records: &[Record]) -> Vec<Outcome> {
        let results = in_order_of_keys(records, |place| self.take(&records[place])).await;
        let outcome = |result| match result {
            Some(Ok(())) => Outcome::Acknowledged,
            Some(Err(refuses)) => {
                Outcome::Refused(Refused { scope: scope(refuses), error: anyhow::anyhow!("refused") })
            }
            None => Outcome::NotSent,
        };
        results.into_iter().map(outcome).collect()
    }
}

fn scope(refuses: Refuses) -> Scope {
    match refuses {
        Refuses::Topic(_) => Scope::Topic,
        Refuses::Payload(_) | Refuses::Partition(_) => Scope::Record,
    }
}
