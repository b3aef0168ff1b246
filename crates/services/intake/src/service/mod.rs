//! Use cases: store orders from the topic, show, list, place and erase orders.

mod cache;

use std::{sync::Arc, time::Duration};

pub use cache::Cache;
use chrono::{DateTime, Utc};
use platform::{http::json, slots::Slots};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    client::Topic,
    error::Error,
    metrics,
    model::{Broken, MAX_MESSAGE_BYTES, Order, OrderUid},
    repository::{Orders, PAGE_ORDERS, StoredOrder, Written, store},
};

/// Limits the look-up of one order in the database.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(1_500);
/// The maximum number of orders per page, since the size of [`PAGE_BYTES`](crate::repository::PAGE_BYTES) counts only
/// their items.
const PAGE: i64 = 16;
/// Orders erased per statement.
const BATCH_SIZE: i64 = 500;
/// If at least this many orders have been erased, clears the whole cache; removes fewer orders one by one.
const MAX_FORGOTTEN: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Cache,
    Database,
}

pub type Shown = (Arc<Order>, Source);

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

#[derive(Clone)]
pub struct IntakeService {
    orders: Arc<dyn Orders>,
    topic: Arc<dyn Topic>,
    cache: Cache,
    /// A slot for each concurrent look-up in the database. Their number has no bound until the API sets one.
    lookups: Slots,
}

impl IntakeService {
    pub fn new(orders: Arc<dyn Orders>, topic: Arc<dyn Topic>, cache: Cache) -> Self {
        Self { orders, topic, cache, lookups: Slots::new(Semaphore::MAX_PERMITS) }
    }

    /// Makes each look-up of an order in the database take one of `lookups`.
    #[must_use]
    pub fn with_lookups(self, lookups: Slots) -> Self {
        Self { lookups, ..self }
    }

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

    /// Finds an order by its uid. An invalid uid is not looked up. An order in the cache needs no slot for a look-up.
    pub async fn show(&self, uid: &str) -> Result<Shown, Error> {
        let uid = OrderUid::new(uid).ok_or(Error::NotFound)?;
        let cached = self.cache.get(&uid);
        metrics::looked_up(cached.is_some());
        if let Some(order) = cached {
            return Ok((order, Source::Cache));
        }
        let _slot = self.lookups.take().ok_or(Error::TooManyLookups)?;
        let found = timeout(LOOKUP_TIMEOUT, self.orders.find(&uid)).await.map_err(|_| Error::TooSlow)??;
        let order = Arc::new(found.ok_or(Error::NotFound)?);
        self.cache.add([order.clone()]);
        Ok((order, Source::Database))
    }

    /// Returns a customer's orders after an order_uid, by order_uid, and the uid after which the next page begins. An
    /// order that is erased meanwhile is left out.
    pub async fn of_customer(
        &self,
        customer_id: &str,
        after: &OrderUid,
    ) -> Result<(Vec<Order>, Option<OrderUid>), Error> {
        let page = async {
            let uids = self.orders.of_customer(customer_id, after.as_str(), PAGE).await?;
            let stored = self.orders.stored(&uids.iter().collect::<Vec<_>>()).await?;
            Ok::<_, Error>((uids, stored))
        };
        let (uids, mut stored) = timeout(LOOKUP_TIMEOUT, page).await.map_err(|_| Error::TooSlow)??;
        let is_last = stored.len() == uids.len() && i64::try_from(uids.len()).is_ok_and(|count| count < PAGE);
        // A large page ends early: the next one begins after the last order that was read.
        let next = uids.iter().rfind(|uid| stored.contains_key(*uid)).cloned().filter(|_| !is_last);
        let orders = uids.iter().filter_map(|uid| match stored.remove(uid)? {
            StoredOrder::Order(order) => Some(*order),
            StoredOrder::Erased => None,
        });
        Ok((orders.collect(), next))
    }

    /// Returns once the order is in the topic. After an error it may be there, too, if the broker's acknowledgement was
    /// lost.
    pub async fn place(&self, order: &Order) -> Result<(), Error> {
        self.topic.publish(order).await
    }

    /// Erases all orders of a customer except for their keys. Returns the number of erased orders.
    pub async fn erase(&self, customer_id: &str) -> Result<u64, Error> {
        let mut count = 0;
        loop {
            let erased = self.orders.erase(customer_id, BATCH_SIZE).await?;
            self.cache.remove(&erased);
            count += u64::try_from(erased.len()).unwrap_or(u64::MAX);
            if erased.is_empty() {
                return Ok(count);
            }
        }
    }

    /// Removes from this replica's cache the orders that were erased during the last `period`.
    pub async fn forget_erased_orders(&self, period: Duration) -> Result<(), Error> {
        let erased = self.orders.erased_within(period, MAX_FORGOTTEN).await?;
        if i64::try_from(erased.len()).is_ok_and(|count| count < MAX_FORGOTTEN) {
            self.cache.remove(&erased);
        } else {
            self.cache.clear();
        }
        Ok(())
    }
}
