//! The receipts that the console shows, from its own timeline and the databases of the other services.
//!
//! The audit depends on every service, so that no service can depend on it: the program gives the console this.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use audit::receipt;
use console::{
    client::{Check, CheckState, Operations},
    model::Record,
};
use contracts::{
    events::{ROUTES, Topics},
    ids::OrderId,
};
use platform::{clock, config::Settings, kafka};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::receipts::{Receipts, Records, SeenRecord};

/// PostgreSQL's name of the connections.
const NAME: &str = "shipyard-console";
/// The header with an event's id.
const EVENT: &str = "event-uuid";

/// Gives the console of this process receipts. A console that may not read the databases shows everything else.
pub fn provide() {
    console::client::provide(|settings| match ConsoleReceipts::of(settings) {
        Ok(receipts) => Arc::new(receipts),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "receipts unavailable");
            console::client::nothing()
        }
    });
}

struct ConsoleReceipts {
    receipts: Arc<Receipts>,
    topics: Topics,
    kafka: kafka::Config,
}

impl ConsoleReceipts {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            receipts: Arc::new(Receipts::of(NAME, settings)?),
            topics: settings.read()?,
            kafka: kafka::Config::load(settings)?,
        })
    }

    fn records(&self, order: OrderId, records: Vec<Record>) -> Records {
        // Older records have left the topics, perhaps before the console read them.
        let since = clock::now() - self.kafka.kafka_topic_retention;
        let read = ROUTES.iter().filter(|route| route.is_of_order);
        Records {
            topics: read.map(|route| (route.topic(&self.topics).to_owned(), Some(since))).collect(),
            records: seen(order, records),
            ..Records::default()
        }
    }
}

/// Returns the records of an order as a receipt reads them. `records` are in the order of their places.
fn seen(order: OrderId, records: Vec<Record>) -> Vec<SeenRecord> {
    // A topic that begins anew has another id.
    let current: HashMap<String, String> =
        records.iter().map(|one| (one.record.topic.clone(), one.record.topic_id.clone())).collect();
    let seen = records.into_iter().map(|Record { record, .. }| SeenRecord {
        is_current: current.get(&record.topic) == Some(&record.topic_id),
        topic: record.topic,
        partition: record.partition,
        offset: record.offset,
        at: record.published_at,
        key: Some(order.uuid()),
        kind: Some(record.kind).filter(|kind| !kind.is_empty()),
        event: record.headers[EVENT].as_str().and_then(|text| Uuid::try_parse(text).ok()),
    });
    seen.collect()
}

#[async_trait]
impl Operations for ConsoleReceipts {
    async fn receipt(&self, order: OrderId, records: Vec<Record>) -> anyhow::Result<Vec<Check>> {
        let records = self.records(order, records);
        let (receipts, runtime) = (self.receipts.clone(), Handle::current());
        // The compiler cannot tell that the future may move to another thread, so it stays on one.
        let made = tokio::task::spawn_blocking(move || runtime.block_on(receipts.receipt(order.uuid(), &records)));
        // Without a receipt the order has been removed, or is not there yet.
        let receipt = made.await?;
        Ok(receipt.map(|receipt| receipt.checks.into_iter().map(check).collect()).unwrap_or_default())
    }
}

fn check(check: receipt::Check) -> Check {
    Check {
        invariant: format!("{}: {}", check.number, check.invariant),
        text: check.text,
        state: match check.state {
            receipt::State::Held => CheckState::Held,
            receipt::State::Open => CheckState::Open,
            receipt::State::Violated => CheckState::Violated,
        },
        evidence: check.evidence,
    }
}
