//! Reads orders from records, stores them, and loads stored orders into the cache.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::http::json;
use tokio::time::{Instant, timeout_at};

use super::IntakeService;
use crate::{
    error::Error,
    metrics,
    model::{Broken, MAX_MESSAGE_BYTES, Order},
    repository::{PAGE_ORDERS, Written, store},
};

/// Reads an order and checks every rule. The error never contains a value.
pub fn read(payload: &[u8], now: DateTime<Utc>) -> Result<Order, Broken> {
    if payload.len() > MAX_MESSAGE_BYTES {
        return Err(Broken::new("body", "must have at most 1 MiB"));
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

    /// Loads the last stored orders into the cache, as many as it holds and as can be read until `deadline` or an
    /// error. Returns the number of loaded orders.
    pub async fn preload(&self, deadline: Instant) -> (usize, Result<(), Error>) {
        let (mut latest, mut before) = (Vec::new(), None);
        let outcome = loop {
            let page = match timeout_at(deadline, self.orders.latest(before, PAGE_ORDERS)).await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => break Err(error),
                Err(_) => break Err(Error::TooSlow),
            };
            let Some((number, _)) = page.last() else { break Ok(()) };
            before = Some(*number);
            latest.extend(page.into_iter().map(|(_, order)| Arc::new(order)));
            if !self.cache.fits(&latest) {
                break Ok(());
            }
        };
        while !self.cache.fits(&latest) {
            latest.pop();
        }
        let count = latest.len();
        self.cache.add(latest.into_iter().rev());
        (count, outcome)
    }
}
