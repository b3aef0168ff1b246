//! Receipts: the results of the audit's rules for one order. All readers get the same receipt for a second.

use std::{sync::Arc, time::Duration};

use contracts::ids::OrderId;
use moka::sync::Cache;

use crate::{
    client::{Check, Operations},
    error::Error,
    repository::Timeline,
};

/// How long a receipt is shown before it is made again.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// The maximum number of receipts that are kept.
const MAX_KEPT: u64 = 1_000;

#[derive(Clone)]
pub struct Receipts {
    operations: Arc<dyn Operations>,
    timeline: Arc<dyn Timeline>,
    made: Cache<OrderId, Arc<Vec<Check>>>,
}

impl Receipts {
    pub fn new(operations: Arc<dyn Operations>, timeline: Arc<dyn Timeline>) -> Self {
        Self { operations, timeline, made: Cache::builder().max_capacity(MAX_KEPT).time_to_live(CACHE_TTL).build() }
    }

    /// Returns the receipt of an order. The caller must have checked that the user may see the order.
    pub async fn of(&self, order: OrderId) -> Result<Arc<Vec<Check>>, Error> {
        if let Some(made) = self.made.get(&order) {
            return Ok(made);
        }
        let records = self.timeline.of_order(order, 0).await?;
        let checks = Arc::new(self.operations.receipt(order, records).await.map_err(Error::NoReceipt)?);
        self.made.insert(order, checks.clone());
        Ok(checks)
    }
}
