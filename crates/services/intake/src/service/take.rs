//! Reads the orders of records, stores them, and loads stored orders into the cache.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::json;

use super::IntakeService;
use crate::{
    error::Error,
    metrics,
    model::{Broken, MESSAGE_LIMIT, Order},
    repository::{Written, store},
};

/// Reads an order and checks every rule. The error names the path and the rule, never the value.
pub fn read(payload: &[u8], now: DateTime<Utc>) -> Result<Order, Broken> {
    if payload.len() > MESSAGE_LIMIT {
        return Err(Broken::new("body", "is longer than 1 MiB"));
    }
    let order: Order = json::decode(payload).map_err(|problem| {
        let field = problem.field.as_deref().unwrap_or("body");
        let rule = problem.message.strip_prefix(field).and_then(|rest| rest.strip_prefix(": "));
        Broken::new(field, rule.unwrap_or(&problem.message))
    })?;
    let order = order.as_stored();
    order.check(now)?;
    Ok(order)
}

impl IntakeService {
    /// Stores orders in one write and returns the result of each. New orders enter the cache after the commit.
    pub async fn take(&self, orders: &[Arc<Order>]) -> Result<Vec<Written>, Error> {
        let written = store(&*self.orders, orders).await?;
        let new = || orders.iter().zip(&written).filter(|(_, written)| **written == Written::New);
        self.cache.add(new().map(|(order, _)| order.clone()));
        metrics::orders("stored", new().count());
        metrics::orders("repeated", written.iter().filter(|written| **written == Written::Repeated).count());
        Ok(written)
    }

    /// Loads the orders stored last into the cache, as many as it holds. Returns the number of loaded orders.
    pub async fn preload(&self) -> Result<usize, Error> {
        /// The maximum number of orders read per statement.
        const PAGE: usize = 1_000;

        let capacity = usize::try_from(self.cache.capacity()).unwrap_or(usize::MAX);
        let (mut latest, mut before) = (Vec::new(), None);
        while latest.len() < capacity {
            let wanted = PAGE.min(capacity - latest.len());
            let page = self.orders.latest(before, i64::try_from(wanted).unwrap_or(i64::MAX)).await?;
            before = page.last().map(|(number, _)| *number);
            let count = page.len();
            latest.extend(page.into_iter().map(|(_, order)| Arc::new(order)));
            if count < wanted {
                break;
            }
        }
        let count = latest.len();
        self.cache.add(latest.into_iter().rev());
        Ok(count)
    }
}
