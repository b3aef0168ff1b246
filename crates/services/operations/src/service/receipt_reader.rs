//! The owners and the receipts of orders, read from all databases.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use audit::receipt;
use contracts::{
    events::{ROUTES, Topics},
    ids::{OrderId, UserId},
    proto::operations::v1::{Check, CheckState},
};
use platform::{clock, outage::refused};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{
    databases::Databases,
    error::Error,
    readers::{
        self,
        console::{TimelineRecord, timeline},
    },
    receipts::{self, Records, SeenRecord},
};

/// The maximum number of records of an order. An order with more is not checked: a receipt of a part of them would find
/// the others missing.
const MAX_RECORDS: usize = 10_000;

pub struct ReceiptReader {
    pub receipts: Arc<receipts::Receipts>,
    pub databases: Arc<Databases>,
    pub topics: Topics,
    /// The retention of the topics.
    pub retention: Duration,
}

impl ReceiptReader {
    /// Returns the user of an order; `None` if there is no such order. The console's records are read first, so that
    /// while order's database is unavailable, the receipt still has the evidence of the other databases.
    pub async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        let read = async {
            let recorded = readers::console::owner(self.databases.get(&console::SERVICE)?, order.uuid()).await?;
            if recorded.is_some() {
                return anyhow::Ok(recorded);
            }
            Ok(readers::order::owner(self.databases.get(&order::SERVICE)?, order.uuid()).await?)
        };
        let owner = read.await.map_err(|error| {
            refused("the owner of an order cannot be read", format!("{error:#}"));
            Error::NoReceipt(error)
        });
        Ok(owner?.map(UserId::new))
    }

    /// Checks every invariant that concerns the order. Returns no check if the order has no row.
    pub async fn make(self: Arc<Self>, order: OrderId) -> anyhow::Result<Vec<Check>> {
        let console = self.databases.get(&console::SERVICE)?;
        let limit = i64::try_from(MAX_RECORDS + 1)?;
        let records = timeline(console, order.uuid(), limit).await.context("reading the console's timeline")?;
        if records.len() > MAX_RECORDS {
            return Ok(vec![not_checked()]);
        }
        let records = self.records(order, records);
        let (receipts, runtime) = (self.receipts.clone(), Handle::current());
        // The compiler cannot prove the future `Send`, so it runs on one thread.
        let made = tokio::task::spawn_blocking(move || runtime.block_on(receipts.receipt(order.uuid(), &records)));
        Ok(made.await?.map(|receipt| receipt.checks.into_iter().map(check).collect()).unwrap_or_default())
    }

    fn records(&self, order: OrderId, records: Vec<TimelineRecord>) -> Records {
        // Older records may have expired before the console read them.
        let since = clock::now() - self.retention;
        let read = ROUTES.iter().filter(|route| route.is_of_order());
        Records {
            topics: read.map(|route| (route.topic(&self.topics).to_owned(), Some(since))).collect(),
            records: seen(order, records),
            ..Records::default()
        }
    }
}

/// Converts the records of an order for a receipt. `records` are sorted by place.
fn seen(order: OrderId, records: Vec<TimelineRecord>) -> Vec<SeenRecord> {
    // In a topic that was created again, a later record has a lower offset.
    let mut lowest: HashMap<(String, i32), i64> = HashMap::new();
    let mut is_current = |record: &TimelineRecord| {
        let lowest = lowest.entry((record.topic.clone(), record.partition)).or_insert(i64::MAX);
        let is_current = record.record_offset < *lowest;
        *lowest = record.record_offset.min(*lowest);
        is_current
    };
    let seen = records.into_iter().rev().map(|record| SeenRecord {
        is_current: is_current(&record),
        record: audit::facts::Record {
            partition: record.partition,
            offset: record.record_offset,
            at: record.published_at,
            key: Some(order.uuid()),
            kind: Some(audit::facts::kind(&record.kind)).filter(|kind| !kind.is_empty()),
            event: record.event.and_then(|text| Uuid::try_parse(&text).ok()),
        },
        topic: record.topic,
    });
    let mut seen: Vec<SeenRecord> = seen.collect();
    seen.reverse();
    seen
}

fn check(check: receipt::Check) -> Check {
    let state = match check.state {
        receipt::State::Held => CheckState::Held,
        receipt::State::Open => CheckState::Open,
        receipt::State::Violated => CheckState::Violated,
    };
    Check {
        invariant: format!("{}: {}", check.number, check.invariant),
        text: check.text,
        state: state.into(),
        evidence: check.evidence,
    }
}

fn not_checked() -> Check {
    Check {
        invariant: "records".to_owned(),
        text: format!("Not checked: the order has more than {MAX_RECORDS} records."),
        state: CheckState::Open.into(),
        evidence: Vec::new(),
    }
}
